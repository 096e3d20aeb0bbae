"""The doctor: what this machine and this repository lack, and the command that mends each."""

from __future__ import annotations

import contextlib
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from factory_tui import __version__
from factory_tui.cli.ending import FINDINGS, Ended
from factory_tui.cli.speech import say, say_json, table
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.plurals import count

if TYPE_CHECKING:
    from factory_tui.domain.charter import Charter

OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One thing looked at."""

    about: str
    state: str
    """`ok`; `missing`: something does not work without it; `without`: it works, less well."""
    found: str
    mend: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
@click.option("--probe", is_flag=True, help="Try each limit of each role, harmlessly, and show which layer refused.")
def doctor(as_json: bool, probe: bool) -> None:
    """What is missing here, and the command that mends it. Exit 1 when something is."""
    if probe:
        from factory_tui.cli.probing import probe_limits

        probe_limits(as_json)
        return
    answers = list(_examined())
    missing = any(answer.state == "missing" for answer in answers)
    if as_json:
        say_json(
            "doctor",
            {"answers": [{"about": a.about, "state": a.state, "found": a.found, "mend": a.mend} for a in answers]},
        )
    else:
        for row in table([(answer.state, answer.about, answer.found) for answer in answers]):
            say(row)
        for answer in answers:
            if answer.mend:
                say(f"  {answer.about}: {answer.mend}")
    if missing:
        raise Ended(FINDINGS)


def _examined() -> Iterator[Answer]:
    python = platform.python_version()
    new_enough = sys.version_info[:2] >= OLDEST_PYTHON
    yield Answer(
        about="python",
        state="ok" if new_enough else "missing",
        found=f"{python}; factory {__version__}",
        mend="" if new_enough else "install Python 3.11 or newer",
    )
    yield _git()
    yield _tool("bwrap", "no wall: commands of a seat run as you (`wall: none`)", "apt install bubblewrap")
    yield _tool("tmux", "the cockpit's tests and the status segment want it", "apt install tmux")
    yield _tool("ssh-keygen", "nothing can be signed", "apt install openssh-client")
    yield from _home()
    yield from _model_seats()


def _git() -> Answer:
    from factory_tui.adapters.git import OLDEST

    if not shutil.which("git"):
        return Answer(about="git", state="missing", found="not installed", mend="apt install git")
    import re
    import subprocess

    told = subprocess.run(["git", "version"], capture_output=True, text=True, check=False).stdout.strip()
    words = re.search(r"(\d+)\.(\d+)", told)
    fine = words is not None and (int(words[1]), int(words[2])) >= OLDEST
    wanted = ".".join(map(str, OLDEST))
    return Answer(
        about="git",
        state="ok" if fine else "missing",
        found=told.removeprefix("git version "),
        mend="" if fine else f"install git {wanted} or newer",
    )


def _tool(name: str, without: str, mend: str) -> Answer:
    path = shutil.which(name)
    if path:
        return Answer(about=name, state="ok", found=path)
    return Answer(about=name, state="without", found=without, mend=mend)


def _home() -> Iterator[Answer]:
    from factory_tui.adapters.homes import find_home
    from factory_tui.bootstrap.grounds import read_disk

    try:
        home = find_home(str(Path.cwd()))
    except FactoryError as error:
        yield Answer(about="home", state="missing", found=error.what, mend=error.next_step)
        return
    reading = read_disk(home)
    problems = len(reading.problems)
    yield Answer(
        about="home",
        state="missing" if problems else "ok",
        found=f"{home.home_dir}: {count(problems, 'problem') if problems else 'valid'}",
        mend="factory check" if problems else "",
    )
    yield from _state(home.repo_root)
    charter = reading.charter
    if charter is None:
        return
    smoke = charter.gate.smoke
    yield Answer(
        about="smoke command",
        state="ok" if smoke.command else "missing",
        found=smoke.command or "none: level 2 cannot run, nothing can be committed",
        mend="" if smoke.command else "set `command` under [smoke] in factory.toml",
    )
    yield from _crew(charter, home.repo_root)


def _crew(charter: Charter, repo_root: str) -> Iterator[Answer]:
    """Which seat each role would get now, and why; what the user's own seats lack."""
    import os

    from factory_tui.adapters.default_seat import preferred_seat
    from factory_tui.adapters.secrets import Keys
    from factory_tui.adapters.user_seats import BUILT_IN, read_user_seats
    from factory_tui.bootstrap.seating import staff

    keys = Keys()
    environment = dict(os.environ)
    keys.take(environment)
    try:
        own = read_user_seats(os.environ, repo_root)
    except FactoryError as error:
        yield Answer(about="your own seats", state="missing", found=str(error), mend="correct that file")
        return
    found = staff(charter, preferred_seat(os.environ, keys), ceilings=own.ceilings)
    by_seat: dict[str, list[str]] = {}
    for one in found.crew:
        by_seat.setdefault(f"{one.seat} ({one.why})", []).append(one.role)
    for seat, roles in by_seat.items():
        name = seat.partition(" ")[0]
        known = name in BUILT_IN or name in own.profiles
        mend = "" if known else f"define [seats.{name}] in {own.path}, or name another seat in factory.toml"
        yield Answer(about="seats", state="ok" if known else "missing", found=f"{seat}: {', '.join(roles)}", mend=mend)
    for note in found.notes:
        yield Answer(about="seats", state="without", found=note)
    for name, profile in own.profiles.items():
        wanted = profile.credential
        is_set = not wanted or bool(keys.get(wanted) or environment.get(wanted))
        yield Answer(
            about=f"seat {name}",
            state="ok" if is_set else "without",
            found=f"{profile.kind}{f' at {profile.base_url}' if profile.base_url else ''}"
            + ("" if is_set else f", and {wanted} is not set"),
            mend="" if is_set else f"export {wanted}",
        )


def _model_seats() -> Iterator[Answer]:
    """What the seats need that a model fills. Without them everything else works."""
    import os

    from factory_tui.adapters.agent_seats import needs_of_agents
    from factory_tui.adapters.glance import glance
    from factory_tui.adapters.homes import find_home
    from factory_tui.adapters.model_seats import needs_of_anthropic_api, needs_of_claude_code
    from factory_tui.adapters.seat_parts import proven_logins
    from factory_tui.adapters.secrets import Keys

    proven = None
    with contextlib.suppress(FactoryError):
        proven = proven_logins(glance(find_home(str(Path.cwd())).repo_root).place.root)
    keys = Keys()
    keys.take(dict(os.environ))
    for need in (
        *needs_of_anthropic_api(os.environ, keys, proven),
        *needs_of_claude_code(os.environ, keys, proven),
        *needs_of_agents(os.environ, keys),
    ):
        state = "ok" if need.is_there else "without"
        yield Answer(about=need.about, state=state, found=need.found, mend=need.mend)


def _state(repo_root: str) -> Iterator[Answer]:
    from factory_tui.adapters.control import ask
    from factory_tui.adapters.git import find_repository
    from factory_tui.adapters.glance import glance
    from factory_tui.adapters.keys import missing_keys

    try:
        place = glance(repo_root).place
        claim = place.claim(find_repository(repo_root).common_dir)
    except FactoryError as error:
        yield Answer(about="state place", state="missing", found=error.what, mend=error.next_step)
        return
    mend = ""
    if not claim.ok:
        mend = "factory init --new-id" if claim.owner_exists else "factory init --moved"
    yield Answer(
        about="state place",
        state="ok" if claim.ok else "missing",
        found=place.root if claim.ok else f"{place.root} {claim}",
        mend=mend,
    )
    bare = missing_keys(place.keys, ("builder", "quality"))
    yield Answer(
        about="keys",
        state="without" if bare else "ok",
        found=f"none on this machine for {', '.join(bare)}" if bare else place.keys,
        mend="",
    )
    try:
        runs = ask(place.control_socket(), {"type": "status"}) is not None
        yield Answer(about="factory", state="ok", found="runs" if runs else "does not run")
    except FactoryError as error:
        yield Answer(about="factory", state="missing", found=error.what, mend=error.next_step)
