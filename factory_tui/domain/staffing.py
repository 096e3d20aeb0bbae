"""Staffing: which seat and which model fill a role, and why; and the most that may be used for it.

Settings name a role, a tier of models, or `default`; the nearest one holds. What the supervisor chose on record for
a task or a role comes before all of them. Pure: what this machine has is told by whoever looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

import msgspec

from factory_tui.domain.terms import Record

DEFAULT = "default"
TIERS = ("strong", "standard", "fast")

Effort = Literal["low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[str, ...] = get_args(Effort)


class Bounds(Record, frozen=True, kw_only=True):
    """The most that may be used; 0 = not bounded here."""

    usd: float = 0.0
    tokens: int = 0
    """In and out together, those read from a cache counted."""
    actions: int = 0
    minutes: float = 0.0
    """Of work; what a person does, and what waits for one, is not counted."""


UNITS = ("usd", "tokens", "actions", "minutes")
NO_BOUNDS = Bounds()


class Budgets(Record, frozen=True, kw_only=True):
    """How much may be used, by one turn, by all turns on a task, of a session and of a day (UTC)."""

    turn: Bounds = NO_BOUNDS
    task: Bounds = NO_BOUNDS
    session: Bounds = NO_BOUNDS
    day: Bounds = NO_BOUNDS
    roles: dict[str, Bounds] = msgspec.field(default_factory=dict)
    """All turns of the role in one session."""


SHIPPED_CEILINGS = Budgets(day=Bounds(usd=20.0, tokens=60_000_000))
"""Where the user's own settings name no ceiling. Money is theirs: a repository can only ask for less."""


class Staffed(Record, frozen=True, kw_only=True):
    """What fills a role, unless the supervisor chooses something else."""

    role: str
    seat: str
    """The name of a seat of this machine: a kind, or one that the user's own settings define."""
    model: str = ""
    """Empty = the seat's own choice for the role's tier."""
    effort: str = ""
    why: str = ""


def tightest(*all_bounds: Bounds) -> Bounds:
    """The smallest of each bound that is set."""
    found = {}
    for unit in UNITS:
        named = [value for one in all_bounds if (value := getattr(one, unit))]
        found[unit] = min(named) if named else 0
    return Bounds(usd=float(found["usd"]), tokens=found["tokens"], actions=found["actions"], minutes=found["minutes"])


def nearest(settings: Mapping[str, str], role: str, tier: str) -> tuple[str, str]:
    """What the settings say for the role, and under which key; both empty = nothing."""
    for key in (role, tier, DEFAULT):
        if value := settings.get(key):
            return value, key
    return "", ""


class Choice(NamedTuple):
    """What a person chose by hand; what is empty stays as it was."""

    seat: str
    model: str
    effort: str


def choice(text: str) -> Choice:
    """`seat/model@effort`, each part of which may be left out. A model's own slashes stay, and so does an `@` before
    anything that is no effort."""
    named, at, effort = text.strip().rpartition("@")
    if not at or effort not in EFFORTS:
        named, effort = text, ""
    seat, _, model = named.strip().partition("/")
    return Choice(seat.strip(), model.strip(), effort)


def chosen(staffed: Staffed, by_role: str, by_task: str) -> Staffed:
    """What the supervisor chose on record comes first: for the task, then for the role. Another seat than the
    settings' has a model of its own, or that of the choice."""
    for text, why in ((by_role, "chosen for the role"), (by_task, "chosen for the task")):
        if not text:
            continue
        seat, model, effort = choice(text)
        same = seat in ("", staffed.seat)
        staffed = Staffed(
            role=staffed.role,
            seat=seat or staffed.seat,
            model=model or (staffed.model if same else ""),
            effort=effort or (staffed.effort if same else ""),
            why=why,
        )
    return staffed
