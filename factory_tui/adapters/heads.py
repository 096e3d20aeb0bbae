"""What the documents of a home may say above their text: their front matter and settings, as values."""

from __future__ import annotations

import msgspec

from factory_tui.adapters.front_matter import FrontMatter
from factory_tui.adapters.schema import json_schema
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.gate import Gate
from factory_tui.domain.gate_check import LIMITS, MOST
from factory_tui.domain.staffing import UNITS
from factory_tui.domain.terms import Record


class Settings(Gate, frozen=True, kw_only=True):
    """`factory.toml`, whole: the gate, and whose ledger this repository has."""

    repo_id: str = ""
    """32 hex digits, random, made by `init`."""


def settings_schema() -> bytes:
    """The JSON Schema of `factory.toml`, with the limits that it is held to."""
    limits = {(section.title(), key): (least, most) for section, key, least, most in LIMITS}
    return json_schema(Settings, limits | {("Bounds", unit): (0, MOST) for unit in UNITS})


class BearsOn(Record, frozen=True, kw_only=True):
    """What a knowledge document is about."""

    roles: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class KnowledgeHead(Record, frozen=True, kw_only=True):
    """The front matter of a knowledge document; all of it may be left out."""

    title: str = ""
    learned: str = ""
    """When, `2026-11-05`."""
    source: str = ""
    """Where it comes from: an incident, a task, a page."""
    bears_on: BearsOn = BearsOn()


class DnaHead(Record, frozen=True, kw_only=True):
    """The front matter of DNA.md."""

    stack: dict[str, str] = msgspec.field(default_factory=dict)
    architecture: tuple[str, ...] = ()


def defined_seat(document: FrontMatter) -> DocumentError | None:
    """A seat that is defined, not named. Whoever may commit to a repository would else say where your key is sent."""
    seats = document.data.get("seats")
    name = (
        next((name for name, seat in seats.items() if isinstance(seat, dict)), None)
        if isinstance(seats, dict)
        else None
    )
    if name is None:
        return None
    return document.error(
        f"`{name[:60]}` is defined here, and a repository only names a seat",
        "seats",
        name,
        why="which server gets your key and which command is run is yours to say, not a commit's",
        next_step=f"Move it to [seats.{name[:60]}] of config.toml in ~/.config/factory, and name it here.",
    )


def is_repo_id(text: str) -> bool:
    """32 hex digits."""
    return len(text) == 32 and not set(text) - set("0123456789abcdef")
