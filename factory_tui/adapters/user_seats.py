"""The user's own seats and ceilings: `[seats.NAME]` and `[budgets]` of config.toml in their config directory.

A repository's factory.toml only names a seat. Which server gets a key, which variable holds it and which command is
run are said here alone, where nothing that a seat or a stranger's commit can write is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from factory_tui.adapters.front_matter import FrontMatter
from factory_tui.adapters.schema import typed
from factory_tui.adapters.toml_text import read_toml
from factory_tui.adapters.user_config import config_directory, must_be_the_users_own
from factory_tui.domain.errors import DocumentError, FactoryError
from factory_tui.domain.staffing import SHIPPED_CEILINGS, Budgets, Effort, tightest
from factory_tui.domain.terms import Record

BUILT_IN = ("anthropic_api", "claude_code", "acp", "human", "rehearsal")
NAME = "config.toml"


class SeatProfile(Record, frozen=True, kw_only=True):
    """One seat of this machine, under a name of the user's."""

    kind: Literal["anthropic_api", "claude_code", "acp"]
    base_url: str = ""
    """Of a server or gateway of one's own; empty = the vendor's."""
    credential: str = ""
    """The NAME of the environment variable that holds key or token; never the value."""
    model: str = ""
    """Where neither factory.toml nor the supervisor names one; empty = by the role's tier."""
    effort: Effort | Literal[""] = ""
    agent: str = ""
    """acp: which of the known agents."""
    command: tuple[str, ...] = ()
    """acp: the agent's command, word by word."""


class UserSettings(Record, frozen=True, kw_only=True):
    """config.toml, whole."""

    wall: dict[str, str | bool] = msgspec.field(default_factory=dict)
    seats: dict[str, SeatProfile] = msgspec.field(default_factory=dict)
    budgets: Budgets | None = None


@dataclass(frozen=True, kw_only=True)
class UserSeats:
    """What the user decided for this machine."""

    path: str
    profiles: Mapping[str, SeatProfile] = field(default_factory=dict)
    ceilings: Budgets = SHIPPED_CEILINGS


def read_user_seats(environment: Mapping[str, str], repository: str) -> UserSeats:
    """Raises FactoryError, or DocumentError with the line, for a file that is wrong or not the user's own."""
    path = Path(config_directory(environment)) / NAME
    try:
        status = path.stat()
    except OSError:
        return UserSeats(path=str(path))
    must_be_the_users_own(path, status, repository, "it decides who gets your keys and what is run for a seat")
    try:
        document = read_toml(str(path), path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FactoryError(what=f"{path} cannot be read: {error}", next_step="correct it, or move it away") from error
    settings = typed(document, UserSettings)
    for problem in _problems(document, settings):
        raise problem
    ceilings = settings.budgets or Budgets()
    # A day is bounded even where the user said nothing of days.
    day = ceilings.day if settings.budgets and settings.budgets.day != Budgets().day else SHIPPED_CEILINGS.day
    ceilings = msgspec.structs.replace(ceilings, day=tightest(day))
    return UserSeats(path=str(path), profiles=settings.seats, ceilings=ceilings)


def _problems(document: FrontMatter, settings: UserSettings) -> Iterator[DocumentError]:
    for name, seat in settings.seats.items():
        if name in BUILT_IN or not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", name):
            yield document.error(
                f"`{name[:60]}` cannot name a seat of yours",
                "seats",
                name,
                why=f"{', '.join(BUILT_IN)} are there already" if name in BUILT_IN else "it is no plain word",
                next_step="Choose another word: lower case, digits, `-` and `_`.",
            )
        if seat.credential and not re.fullmatch(r"[A-Z][A-Z0-9_]{0,79}", seat.credential):
            yield document.error(
                "`credential` is the name of an environment variable",
                "seats",
                name,
                "credential",
                why="a key in a file is read by whoever reads the file",
                next_step='Export the key, and write its name: `credential = "MY_KEY"`.',
            )
        if slip := _slip_of_url(seat.base_url):
            yield document.error(slip, "seats", name, "base_url", next_step="For instance `http://localhost:11434`.")
        if seat.kind == "acp" and bool(seat.agent) == bool(seat.command):
            yield document.error(
                "an agent has either `agent`, a known one, or `command`, its words",
                "seats",
                name,
                next_step='For instance `agent = "gemini"`.',
            )
        if seat.kind != "acp" and (seat.agent or seat.command):
            yield document.error(f"`{seat.kind}` runs no command of yours", "seats", name, next_step="Use kind `acp`.")


def _slip_of_url(url: str) -> str:
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname)
        if parts.username or parts.password:
            return "an address holds no user or password"
    except ValueError:
        fine = False
    return "" if fine and not re.search(r"[\s\x00-\x1f]", url) else "this is no http address"
