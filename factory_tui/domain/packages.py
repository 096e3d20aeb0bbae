"""Which package a seat asks for: a name and a version that a package index can answer, and nothing else.

`pip:authlib==1.3`, `npm:left-pad@1.3.0`, or the bare name where DNA.md declares the language. What is no name of an
index (a path, an address, a repository, an option) is nobody's package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from factory_tui.domain.terms import FetchedPackages

PACKAGES_TITLE = "packages that came in from outside"


class Naming(msgspec.Struct, frozen=True, kw_only=True):
    """How one package manager names packages."""

    manager: str
    prefixes: tuple[str, ...]
    """What may stand before the colon."""
    languages: tuple[str, ...]
    """As DNA.md declares them under `stack`: whose bare names are this manager's."""
    form: str
    """Regular expression of the whole, with the groups `name` and `version`; the version may be missing."""


NAMINGS = (
    Naming(
        manager="pip",
        prefixes=("pip", "pypi"),
        languages=("python",),
        form=(
            r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?(?:\[[A-Za-z0-9._,-]{1,80}\])?)"
            r"(?P<version>(?:[<>=!~]=?=?[A-Za-z0-9.*+!_-]{1,40},?){1,4})?"
        ),
    ),
    Naming(
        manager="npm",
        prefixes=("npm",),
        languages=("javascript", "typescript", "node"),
        form=(
            r"(?P<name>(?:@[a-z0-9][a-z0-9._-]{0,98}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,98})"
            r"(?:@(?P<version>[~^<>=]{0,2}[A-Za-z0-9][A-Za-z0-9.+*-]{0,40}))?"
        ),
    ),
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One package, asked for."""

    manager: str
    name: str
    version: str = ""
    """As the manager writes it, `==1.3` or `1.3.0`; empty = the newest."""


def wanted(target: str, stack: Mapping[str, str]) -> Wanted | None:
    """None where the target is no package's name, or nobody can say whose."""
    named, colon, rest = target.partition(":")
    if colon:
        return next((_read(naming, rest) for naming in NAMINGS if named in naming.prefixes), None)
    language = stack.get("language", "").lower()
    return next((_read(naming, target) for naming in NAMINGS if language in naming.languages), None)


def could_be_wanted(target: str) -> bool:
    """Whether it is a package's name for any manager, or for the one it names."""
    if ":" in target:
        return wanted(target, {}) is not None
    return any(_read(naming, target) is not None for naming in NAMINGS)


def packages_line(fetched: FetchedPackages) -> str:
    """What came in, on one line: the package, exactly, and how many came with it."""
    first, more = fetched.packages[0], len(fetched.packages) - 1
    with_it = f" and {more} that it needs" if more else ""
    return f"{fetched.manager} {first.name} {first.version}{with_it}"


def package_rows(task: Sequence[FetchedPackages]) -> tuple[str, ...]:
    """Every package that came in, one a line: name, version, licence, what binds it to its bytes."""
    return tuple(
        f"{fetched.manager} {one.name} {one.version}, licence {one.licence or 'unknown'}, {one.integrity[:80]}"
        + (", INSTALL SCRIPT, not run" if one.scripts else "")
        + ("" if number == 0 else f", needed by {fetched.packages[0].name}")
        for fetched in task
        for number, one in enumerate(fetched.packages)
    )


def managers() -> str:
    """For a person to read."""
    return ", ".join(f"`{naming.manager}:NAME`" for naming in NAMINGS)


def _read(naming: Naming, text: str) -> Wanted | None:
    match = re.fullmatch(naming.form, text, re.ASCII)
    if match is None:
        return None
    return Wanted(manager=naming.manager, name=match["name"], version=match["version"] or "")
