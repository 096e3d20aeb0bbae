"""One thing that waits for the supervisor, with exactly what is answered."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.terms import Record, Sha256

WaitingKind = Literal[
    "digest",
    "handoff",
    "plan",
    "ask",
    "question",
    "proposal",
    "change",
    "stuck",
    "turn",
    "paused",
    "budget",
    "world",
    "notice",
    "incident",
    "deployment",
]


class Waiting(Record, frozen=True, kw_only=True):
    id: str
    kind: WaitingKind
    task: str
    title: str
    """One line: what waits, for what."""
    since: str
    sha256: Sha256
    """Of the object; an answer names it."""
    verbs: tuple[str, ...]
    """The usual one first."""
