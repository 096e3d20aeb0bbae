"""What is true of a running turn, of what it asks, and of what was granted."""

from __future__ import annotations

from typing import Literal

import msgspec

from factory_tui.domain.terms import (
    MAY_BE_REMEMBERED,
    Action,
    Control,
    Evidence,
    Record,
    Ruling,
    SeatFacts,
    Sha256,
    TreeId,
)


class OpenAction(Record, frozen=True, kw_only=True):
    kind: str
    object: str
    sha256: Sha256


class Message(Record, frozen=True, kw_only=True):
    """Words of the supervisor to a turn."""

    id: str
    by: str
    text: str
    evidence: Evidence
    is_heard: bool = False


class Retirement(Record, frozen=True, kw_only=True):
    """Where the task goes when the turn has ended."""

    reason: str
    to: str = ""
    parks: bool = False


class Turn(Record, frozen=True, kw_only=True):
    """A turn that is running."""

    id: str
    task: str
    handoff: str
    role: str
    purpose: Literal["author", "review"]
    attempt: int
    seat: str
    control: Control
    facts: SeatFacts | None = None
    person: str
    brief: Sha256
    started: str
    model: str = ""
    conversation: str = ""
    notice: str = ""
    """The last line about the seat itself."""
    notices: int = 0
    usd: float | None = 0.0
    known_usd: float = 0.0
    """The most that was ever reported; stands while `usd` is unknown."""
    tokens: int = 0
    told: tuple[str, ...] = ()
    """Findings that stood in its brief."""
    actions: int = 0
    denied: int = 0
    open: dict[str, OpenAction] = msgspec.field(default_factory=dict)
    """Actions allowed and not ended, by id."""
    failing: Sha256 = ""
    """Of the action that failed or was denied last."""
    failing_kind: str = ""
    """`run pytest -q`: what it was."""
    repeats: int = 0
    """How often it failed, with nothing between that succeeded."""
    failed: dict[Sha256, int] = msgspec.field(default_factory=dict)
    """The same of others that failed before it, since something succeeded."""
    over_budget: int = 0
    """Actions denied because a budget is used up."""
    delivered: str = ""
    """`change`, `plan`, `report`, `review`, `question`; empty = nothing yet."""
    malformed: int = 0
    """Reports sent back because they could not be read as a verdict."""
    paused: str = ""
    """Why its next action waits; empty = it goes on."""
    messages: tuple[Message, ...] = ()
    """What the supervisor said to it, oldest first."""
    retired: Retirement | None = None
    """Set while it is being ended for good."""

    @property
    def unheard(self) -> tuple[Message, ...]:
        return tuple(message for message in self.messages if not message.is_heard)


class Notice(Record, frozen=True, kw_only=True):
    """Something the supervisor should know; it stops nobody."""

    id: str
    kind: str
    title: str
    text: str
    task: str
    since: str


class Ask(Record, frozen=True, kw_only=True):
    id: str
    turn: str
    task: str
    role: str
    action: Action
    sha256: Sha256
    ruling: Ruling
    since: str
    edited: Action | None = None
    """What the supervisor made of it."""

    @property
    def may_be_remembered(self) -> bool:
        """Whether a yes can hold for more than this once. What comes in from outside is looked at each time; so is
        what changes the law, and every deployment."""
        return self.action.kind in MAY_BE_REMEMBERED


class Grant(Record, frozen=True, kw_only=True):
    id: str
    role: str
    kind: str
    object: str
    task: str = ""
    once: bool = True
    tree: TreeId = ""
    rules: tuple[str, ...] = ()
    sha256: Sha256 = ""
