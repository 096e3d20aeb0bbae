"""The floor: what ships can be tightened by a home, never loosened.

Compared conservatively: a glob of the home counts as inside only when that is plain to see.
"""

from __future__ import annotations

from collections.abc import Iterator

from factory_tui.domain import globs
from factory_tui.domain.roles import CardProblem, RoleCard

_WHY = "shipped roles are the floor: a home adds and tightens, never loosens"


def loosened(shipped: RoleCard, home: RoleCard) -> tuple[CardProblem, ...]:
    """Where a home's card allows what the shipped card of the same id does not."""
    return tuple(_all(shipped, home))


def _all(shipped: RoleCard, home: RoleCard) -> Iterator[CardProblem]:
    for key in ("delivers", "judges", "plans", "deploys", "escalates_to"):
        if getattr(home, key) not in (getattr(shipped, key), "supervisor"):
            was = str(getattr(shipped, key)).lower()
            yield _problem(
                key,
                problem=f"`{key}` is `{was}` on the shipped card and cannot change",
                next_step=f"Write `{key}: {was}`.",
            )
    for key in ("actions", "runs", "approves", "brief"):
        allowed = getattr(shipped, key)
        for number, word in enumerate(getattr(home, key)):
            if word not in allowed and not ("*" in allowed and key == "runs"):
                yield _problem(
                    key,
                    number,
                    problem=f"`{word}` is not on the shipped card",
                    next_step=f"Remove `{word}`, or add a role of its own.",
                )
    for key in ("reads", "writes", "proposes"):
        for number, glob in enumerate(getattr(home, key)):
            if not any(covers(wider, glob) for wider in getattr(shipped, key)):
                yield _problem(
                    key,
                    number,
                    problem=f"`{glob}` is not plainly inside the shipped card's `{key}`",
                    next_step=f"Narrow it to a part of what ships: {', '.join(getattr(shipped, key))}.",
                )
    for key in ("never_reads", "never_writes"):
        for glob in getattr(shipped, key):
            if glob not in getattr(home, key):
                yield _problem(key, problem=f"the shipped card's `{glob}` is missing", next_step=f"Add `{glob}`.")
    yield from _bounds(shipped, home)
    for sentence in (never.text for never in shipped.never):
        if sentence not in [never.text for never in home.never]:
            yield _problem(
                "never", problem=f"the shipped sentence is missing: {sentence}", next_step="Keep it, word by word."
            )


def _bounds(shipped: RoleCard, home: RoleCard) -> Iterator[CardProblem]:
    if home.sees != shipped.sees and home.sees != "nothing":
        yield _problem(
            "sees", problem=f"the shipped card sees `{shipped.sees}`", next_step=f"Write `sees: {shipped.sees}`."
        )
    if shipped.scratch and not home.scratch:
        yield _problem("scratch", problem="the shipped card probes in scratch only", next_step="Write `scratch: true`.")
    if shipped.contained and not home.contained:
        yield _problem(
            "contained", problem="the shipped card is for a contained seat", next_step="Write `contained: true`."
        )
    if home.fetch.packages == "ask" and shipped.fetch.packages == "never":
        yield _problem(
            "fetch", "packages", problem="the shipped card fetches no package", next_step="Write `packages: never`."
        )
    for number, host in enumerate(home.fetch.hosts):
        inside = any(
            host == listed or (listed.startswith("*.") and host.endswith(listed[1:])) for listed in shipped.fetch.hosts
        )
        if not inside:
            yield _problem(
                "fetch",
                "hosts",
                number,
                problem=f"`{host}` is not on the shipped card",
                next_step="Remove it, or add a role of its own.",
            )
    for number, role in enumerate(home.hands_to):
        if role not in shipped.hands_to and "*" not in shipped.hands_to:
            yield _problem(
                "hands_to",
                number,
                problem=f"the shipped card does not hand to `{role}`",
                next_step="Remove it, or add a role of its own.",
            )
    for key in ("usd", "tokens", "minutes", "actions"):
        most = getattr(shipped.budget, key)
        if getattr(home.budget, key) > most:
            yield _problem(
                "budget", key, problem=f"the shipped card allows {most:g} at most", next_step=f"Write {most:g} or less."
            )
    if home.parallel_turns > shipped.parallel_turns:
        most = shipped.parallel_turns
        yield _problem(
            "parallel_turns", problem=f"the shipped card allows {most} at most", next_step=f"Write {most} or less."
        )


def covers(wider: str, glob: str) -> bool:
    """Whether every path of `glob` is plainly a path of `wider`. False when it is not plain."""
    if wider.startswith("home:") != glob.startswith("home:"):
        return False
    wide, narrow = _names(wider), _names(glob)
    if wide == narrow or wide == ["**"]:
        return True
    if not any(set(name) & {"*", "?"} for name in narrow):
        return globs.matches("/".join(narrow), ("/".join(wide),))
    if wide[-1] == "**" and not any(set(name) & {"*", "?"} for name in wide[:-1]):
        # `docs/**` holds everything that begins with `docs/`, whatever comes after.
        return narrow[: len(wide) - 1] == wide[:-1]
    if wide[0] == "**" and "**" not in wide[1:] and len(wide) == 2:
        # `**/*.md` holds every glob whose last name is the same.
        return narrow[-1] == wide[1]
    return False


def _names(glob: str) -> list[str]:
    return [
        globs.fold(name) if not set(name) & {"*", "?"} else name.lower() for name in _plain(glob).split("/") if name
    ]


def _plain(glob: str) -> str:
    return glob.removeprefix("home:").removeprefix("./")


def _problem(*keys: str | int, problem: str, next_step: str) -> CardProblem:
    return CardProblem(keys=keys, problem=problem, why=_WHY, next_step=next_step)
