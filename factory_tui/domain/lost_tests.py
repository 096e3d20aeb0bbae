"""Tests and assertions that a change takes away with nothing in their place. Needs judgement, so it only asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from factory_tui.domain.terms import Change


@dataclass(frozen=True)
class Lost:
    """One loss."""

    path: str
    line: int
    """In the old file."""
    what: str


def lost_tests(change: Change, bears_on: Callable[[str], bool]) -> list[Lost]:
    """What went, named."""
    return []
