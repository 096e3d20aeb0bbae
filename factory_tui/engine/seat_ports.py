"""What fills a role for a turn: how a seat is made, what it is told, what it can do, and how its turn ends.

A seat satisfies these by shape, none inherits. Making one is free; everything slow happens in `Seat.run`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from factory_tui.domain.charter import Charter
from factory_tui.domain.events import NoticeKind
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.staffing import NO_BOUNDS, SHIPPED_CEILINGS, Bounds, Budgets, Staffed
from factory_tui.domain.terms import Action, SeatFacts, Sha256


@dataclass(frozen=True, kw_only=True)
class ActionResult:
    """What the seat is told about one action, after the broker permitted it and the effect ended."""

    ok: bool
    decision: str
    """`allow`, `ask` (answered or parked), `deny`."""
    text: str
    """Output for the seat: file text, command output, or the refusal with its way on."""
    exit_code: int | None = None


class Desk(Protocol):
    """What a seat can do, and all of it: wish for an action, say something, and hear what it is told."""

    async def act(self, action: Action) -> ActionResult:
        """Raises nothing for a refusal: a denial is an answer. Raises CancelledError when the turn is interrupted.

        It may take hours: while the turn is paused or its ask is open, the action waits here and the turn's time
        stands still. A seat's own watchdog must not count it. What the supervisor said meanwhile ends the text.
        """

    async def permit(self, action: Action) -> ActionResult:
        """As `act`, and nothing is carried out: for an agent whose own tool would do it, behind its own wall."""

    async def hear(self) -> tuple[str, ...]:
        """What the supervisor said since it was asked last, oldest first, each ready to be shown to a model.

        Each is given once, here or at the end of the next action's text. A seat whose mind can take words between
        its steps asks before each; the others lose nothing. Returns at once, as a rule with nothing.
        """

    def say(self, text: str) -> None:
        """Progress: published and forgotten."""

    def notice(self, kind: NoticeKind, text: str) -> None:
        """One line about the seat itself, on record and in its pane: "overloaded: again in 4 s (2/5)"."""

    def deny(self, tool: str, arguments: object, reason: str) -> None:
        """Puts on record a call that never became an action: an unmapped tool, or unreadable arguments."""

    def conversation(self, id: str, model: str = "") -> None:
        """What the seat's own side calls this conversation, and which model answers; once it is known."""

    def spend(
        self,
        usd: float | None,
        tokens_in: int,
        tokens_out: int,
        tokens_cached: int = 0,
        tokens_written: int = 0,
        model: str = "",
    ) -> None:
        """Usage so far of this turn, in all; None = unknown. `tokens_in` are without those read from the cache
        (`tokens_cached`) and those written into it (`tokens_written`)."""


@dataclass(frozen=True, kw_only=True)
class TurnBrief:
    """All that a seat is told at the start of a turn."""

    turn: str
    task: str
    title: str
    """The task's."""
    role: str
    purpose: str
    """author, review"""
    attempt: int
    text: str
    """The sealed brief, whole."""
    sha256: Sha256
    directory: str
    """The worktree or export; empty when the role sees no tree."""
    model_tier: str = ""
    model: str = ""
    """By the staffing; empty = the seat's own choice for the tier."""
    effort: str = ""
    """low, medium, high, xhigh, max; empty = the seat's own choice for the tier."""
    share: Bounds = NO_BOUNDS
    """What this turn may use. The factory keeps to it; a seat that can be told does not begin a call it cannot pay."""
    card: RoleCard | None = None
    """The role's, as it is in force; what a seat may offer follows from it."""
    resume: str = ""
    """The conversation of this very handoff that was interrupted; empty = begin afresh."""


@dataclass(frozen=True, kw_only=True)
class SeatOutcome:
    """How a turn ended, exactly one."""

    kind: str
    """ok, interrupted, refused, failed, budget, stalled, truncated, or `waiting`: the world is in the way, nobody
    failed, and the same turn begins again by itself (subscription window, rate limit, quota, network, sleep)."""
    note: str = ""
    cause: str = ""
    """waiting: for what, in words that are the same for everything that shares it: "rate limit of claude.ai"."""
    until: str = ""
    """waiting: UTC, ISO 8601 with `Z`; empty = the world did not say."""
    digest: str = ""
    """truncated: the context is full, and this is how it stands; a fresh turn goes on from it."""


class Seat(Protocol):
    """What fills a role for one turn: made, run once, closed.

    Making one is free: nothing is imported, connected or started before `run`, so that it can be asked what it is.
    """

    @property
    def kind(self) -> str:
        """`rehearsal`, `human`, `anthropic_api`, `claude_code`, `acp`"""

    @property
    def facts(self) -> SeatFacts: ...

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        """Opens, plays the turn, ends with one outcome. A FactoryError is `failed`, with its words as the note.

        Cancelling it is the interrupt: at any moment, twice, or before it began. What was said and done until then
        stands, and it ends within `INTERRUPT_SECONDS`.
        """

    async def close(self) -> None:
        """Ends whatever the seat started, its whole process tree; always called, also twice and when it never ran.
        Bounded by `CLOSE_SECONDS`."""


INTERRUPT_SECONDS = 5.0
CLOSE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Staffing:
    """Every role's seat, and the most that the user allows on this machine."""

    crew: tuple[Staffed, ...]
    ceilings: Budgets = SHIPPED_CEILINGS
    notes: tuple[str, ...] = ()
    """What is missing, and the command that mends it."""


class Seats(Protocol):
    """Which seat fills a role for a turn."""

    def kind_for(self, role: str, task: str, chosen: str) -> str:
        """`chosen` is the supervisor's choice for the task; empty = by the charter's settings."""

    def open(self, kind: str, model: str = "", effort: str = "") -> Seat:
        """Makes it; nothing is imported or connected yet. Raises FactoryError naming what is missing, and the
        command that mends it. `kind` is the name of a seat of this machine."""

    def staff(self, charter: Charter) -> Staffing:
        """Who fills each role by settings and by what this machine has. Quick: nothing is connected."""
