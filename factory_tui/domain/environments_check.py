"""Whether a home's `deploy.yaml` can hold: commands that are there, a way back, real times, names for credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory_tui.domain.environments import Backup, Deploying, Environment, FreezeWindow
from factory_tui.domain.roles import CardProblem
from factory_tui.domain.times import is_time

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PLACEHOLDERS = ("commit", "previous", "environment")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,79}")
_TAKEN = re.compile(r"(FACTORY|LD|GIT|PYTHON)_.*|PATH|HOME|IFS|ENV|BASH_ENV|SHELL|LANG|TERM")
_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")
_BRACES = re.compile(r"\{([a-z_]*)\}")


def problems_of_deploying(deploying: Deploying) -> tuple[CardProblem, ...]:
    """Everything that is wrong with it; nothing = it can be put in force."""
    if not deploying.environments:
        return (_problem("environments", problem="no environment is named", next_step="Name one, or remove the file."),)
    found: list[CardProblem] = []
    for name, environment in deploying.environments.items():
        if not _NAME.fullmatch(name):
            found.append(
                _problem(
                    "environments", name, problem=f"`{name[:60]}` is no name", next_step="Small letters, digits, `-`."
                )
            )
        found += _commands(name, environment)
        found += _drill(name, environment.backup)
        found += _credentials(name, environment)
        found += _places_and_numbers(name, environment)
        found += _order(name, environment, deploying)
        for number, window in enumerate(environment.freeze):
            found += _window(("environments", name, "freeze", number), window)
    return tuple(found)


def _commands(name: str, environment: Environment) -> Iterator[CardProblem]:
    whys = {
        "deploy": "there is nothing to run",
        "rollback": "a deployment without a way back is not proposed",
        "status": "after a crash it is this command that says what runs",
    }
    for key, why in whys.items():
        command = getattr(environment, key)
        if not command or not command[0].strip():
            yield _problem(
                "environments", name, key, problem=f"`{key}` is empty", why=why, next_step="Write it as `[program, …]`."
            )
        for number, word in enumerate(command):
            if strange := next((one for one in _BRACES.findall(word) if one not in PLACEHOLDERS), None):
                known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
                yield _problem(
                    "environments",
                    name,
                    key,
                    number,
                    problem=f"nothing fills `{{{strange}}}`",
                    next_step=f"Known are {known}.",
                )
            if "\0" in word or "\n" in word:
                yield _problem(
                    "environments", name, key, number, problem="an argument is one line", next_step="Use a script."
                )
    if environment.status and environment.status in (environment.deploy, environment.rollback):
        yield _problem(
            "environments", name, "status", problem="`status` is the command that deploys", why="it must change nothing"
        )
    is_same = environment.rollback and environment.rollback == environment.deploy
    if is_same and not any("{previous}" in word for word in environment.rollback):
        yield _problem(
            "environments",
            name,
            "rollback",
            problem="`rollback` is the command that deploys, word for word",
            why="it would bring the failed release once more",
            next_step="Give it `{previous}`.",
        )
    if bool(environment.backup.command) == bool(environment.backup.none_because.strip()):
        yield _problem(
            "environments",
            name,
            "backup",
            problem="a backup command, or the reason why none is needed: one of the two must be here",
            why="a deployment starts only with a fresh backup (D1)",
            next_step="Write `backup: {command: [./backup.sh]}`, or `backup: {none_because: …}`.",
        )


def _drill(name: str, backup: Backup) -> Iterator[CardProblem]:
    at = ("environments", name, "backup")
    if backup.restored_on and not is_time(f"{backup.restored_on}T00:00:00Z"):
        yield _problem(*at, "restored_on", problem="this is no day", next_step="Like 2026-11-05.")
    if backup.kept_at and backup.kept_at == backup.data_at:
        yield _problem(*at, "kept_at", problem="the backup is kept where the data is", why="both would be lost at once")


def _credentials(name: str, environment: Environment) -> Iterator[CardProblem]:
    seen: set[str] = set()
    for number, one in enumerate(environment.credentials):
        at = ("environments", name, "credentials", number)
        if not _VARIABLE.fullmatch(one.name) or _TAKEN.fullmatch(one.name):
            yield _problem(
                *at,
                "name",
                problem=f"`{one.name[:60]}` is no name for a credential",
                next_step="Like `DEPLOY_TOKEN`: large letters, and none that the system or the factory uses.",
            )
        if one.name in seen:
            yield _problem(*at, "name", problem=f"`{one.name}` is here a second time", next_step="Keep one of them.")
        if one.file and not one.file.startswith(("/", "~/")):
            yield _problem(
                *at,
                "file",
                problem="a credential's file is absolute, or below `~/`",
                why="one in the repository is read by seats",
                next_step="Keep it in a file of your own, like `~/.config/product/token`.",
            )
        seen.add(one.name)


def _places_and_numbers(name: str, environment: Environment) -> Iterator[CardProblem]:
    for key in ("writable", "readable"):
        for number, path in enumerate(getattr(environment, key)):
            if not path.startswith("/") or "/../" in f"{path}/" or path.rstrip("/") in ("", "/etc", "/root", "/home"):
                yield _problem(
                    "environments", name, key, number, problem=f"`{path[:80]}` is no directory that can be given"
                )
    for at, value, most in (
        (("seconds",), environment.seconds, 86_400.0),
        (("expires_minutes",), environment.expires_minutes, 1_440.0),
        (("backup", "seconds"), environment.backup.seconds, 86_400.0),
    ):
        if not 1 <= value <= most:
            yield _problem("environments", name, *at, problem=f"{value:g} is out of bounds: 1 to {most:g}")


def _order(name: str, environment: Environment, deploying: Deploying) -> Iterator[CardProblem]:
    for number, before in enumerate(environment.after):
        at = ("environments", name, "after", number)
        if before not in deploying.environments:
            known = ", ".join(sorted(deploying.environments))
            yield _problem(*at, problem=f"there is no environment `{before[:60]}`", next_step=f"Known are: {known}.")
        elif name in _before(before, deploying):
            yield _problem(*at, problem=f"`{name}` would have to wait for itself", next_step="Take one of them out.")


def _before(name: str, deploying: Deploying) -> set[str]:
    """It and everything that comes before it."""
    found: set[str] = set()
    open_ = [name]
    while open_:
        one = open_.pop()
        if one not in found and one in deploying.environments:
            found.add(one)
            open_ += deploying.environments[one].after
    return found


def _window(at: tuple[str | int, ...], window: FreezeWindow) -> Iterator[CardProblem]:
    if not window.why.strip():
        yield _problem(*at, "why", problem="a freeze without a reason", next_step="Say what is at stake.")
    weekly, once = bool(window.days or window.hours), bool(window.since or window.until)
    if weekly == once:
        yield _problem(
            *at,
            problem="a freeze is one stretch (`since`, `until`) or every week (`days`, `hours`)",
            next_step="Keep one of the two.",
        )
    if once and not (is_time(window.since) and is_time(window.until) and window.since < window.until):
        yield _problem(*at, problem="`since` and `until` are two times in UTC", next_step="Like 2026-12-20T00:00:00Z.")
    for number, day in enumerate(window.days):
        if day not in DAYS:
            yield _problem(
                *at, "days", number, problem=f"`{day[:20]}` is no day", next_step=f"Known are: {', '.join(DAYS)}."
            )
    if window.hours and not (_HOURS.fullmatch(window.hours) and window.hours[:5] < window.hours[6:]):
        yield _problem(
            *at,
            "hours",
            problem=f"`{window.hours[:20]}` are no hours",
            next_step="Like 16:00-24:00, in UTC; over midnight it is two windows.",
        )


def _problem(*keys: str | int, problem: str, why: str = "", next_step: str = "Mend that value.") -> CardProblem:
    return CardProblem(keys=keys, problem=problem, why=why, next_step=next_step)
