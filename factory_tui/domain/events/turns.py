"""What happens in a turn: what a seat did, asked, was denied and said, and what it cost."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.terms import (
    Action,
    CommitId,
    Control,
    Evidence,
    FetchedPackages,
    Record,
    Ruling,
    SeatFacts,
    Sha256,
    TreeId,
)

ActionOutcome = Literal["ok", "error", "killed", "in doubt"]

Outcome = Literal["ok", "interrupted", "refused", "failed", "budget", "stalled", "truncated"]

NoticeKind = Literal["retry", "rate limit", "fallback", "stall", "waiting", "note"]
"""What a seat may tell of itself; `waiting` is for the world, not for the supervisor."""


class WorktreeOpened(Record, frozen=True, kw_only=True, tag="worktree.opened"):
    task: str
    name: str
    base: CommitId


class WorktreeKept(Record, frozen=True, kw_only=True, tag="worktree.kept"):
    """The whole tree is under `ref`; the directory is gone."""

    task: str
    name: str
    ref: str


class TurnStarted(Record, frozen=True, kw_only=True, tag="turn.started"):
    turn: str
    """`builder/b2`"""
    task: str
    handoff: str
    role: str
    attempt: int
    seat: str
    control: Control
    person: str = ""
    """For a human seat: the operating system's user."""
    brief: Sha256
    wall: str
    facts: SeatFacts | None = None
    """What the seat declared; None = it was not asked yet, in a ledger of before."""
    cut_off: str = ""
    """The turn on the same handoff that an interrupt, a restart or the world cut off, and that this one goes on from;
    empty = there is none."""
    resumes: str = ""
    """The conversation of that turn, taken up; empty = a fresh one begins."""


class TurnEnded(Record, frozen=True, kw_only=True, tag="turn.ended"):
    turn: str
    outcome: Outcome
    note: str = ""
    brief: Sha256 = ""
    """What the turn was told, once more: a statement about its work names it after the turn is gone."""
    handed_on: Evidence | None = None
    """Its context was full: what it left for the fresh turn that goes on."""


class MessageSent(Record, frozen=True, kw_only=True, tag="message.sent"):
    """Words of the supervisor to a turn that runs. They approve nothing."""

    message: str
    """`W-1`"""
    turn: str
    task: str
    text: str
    evidence: Evidence
    """The same text, kept: a verdict names it when its reviewer was told it."""


class MessagesHeard(Record, frozen=True, kw_only=True, tag="messages.heard"):
    """They were given to the seat; each is, once."""

    turn: str
    messages: tuple[str, ...]


class TurnPaused(Record, frozen=True, kw_only=True, tag="turn.paused"):
    """What it is doing ends; its next action waits for `TurnResumed`."""

    turn: str
    reason: str


class TurnResumed(Record, frozen=True, kw_only=True, tag="turn.resumed"):
    turn: str


class TurnRetired(Record, frozen=True, kw_only=True, tag="turn.retired"):
    """It is interrupted for good. Its task goes to another role or seat, or is parked until the supervisor says."""

    turn: str
    reason: str
    to: str = ""
    """A role; empty = the same."""
    parks: bool = False


class SeatChosen(Record, frozen=True, kw_only=True, tag="seat.chosen"):
    """For the next turns of the task; what runs goes on."""

    task: str
    seat: str
    """Empty = by the home's settings again."""


class UsageNoted(Record, frozen=True, kw_only=True, tag="usage.noted"):
    """What a turn has used so far, in all; `usd` None = unknown, never guessed."""

    turn: str
    usd: float | None
    tokens_in: int
    """Read fresh: neither from the cache nor into it."""
    tokens_out: int
    tokens_cached: int = 0
    """Read from the cache."""
    tokens_written: int = 0
    """Read and written into the cache."""
    model: str = ""

    @property
    def tokens(self) -> int:
        """As a budget counts them: those from the cache too."""
        return self.tokens_in + self.tokens_out + self.tokens_cached + self.tokens_written


class SeatNoticed(Record, frozen=True, kw_only=True, tag="seat.noticed"):
    """One line about the seat itself: that it waits and tries again, falls back, is silent."""

    turn: str
    kind: NoticeKind
    text: str


class ConversationNoted(Record, frozen=True, kw_only=True, tag="conversation.noted"):
    """What the seat's own side calls this conversation; never shared between turns of different handoffs."""

    turn: str
    conversation: str
    model: str = ""


class ToolDenied(Record, frozen=True, kw_only=True, tag="tool.denied"):
    """A call that is no action of the vocabulary, or could not be read as one. Nothing was done."""

    turn: str
    tool: str
    reason: str
    sha256: Sha256
    """Of the call as it came."""


class ActionAllowed(Record, frozen=True, kw_only=True, tag="action.allowed"):
    id: str
    """`A-12`"""
    turn: str
    action: Action
    """Long texts are replaced by their sha256; `sha256` is of the whole."""
    sha256: Sha256
    ruling: Ruling
    grant: str = ""


class ActionAsked(Record, frozen=True, kw_only=True, tag="action.asked"):
    id: str
    turn: str
    action: Action
    sha256: Sha256
    ruling: Ruling


class ActionDenied(Record, frozen=True, kw_only=True, tag="action.denied"):
    id: str
    turn: str
    action: Action
    sha256: Sha256
    ruling: Ruling


class AskAnswered(Record, frozen=True, kw_only=True, tag="ask.answered"):
    id: str
    allowed: bool
    reason: str = ""


class ActionEdited(Record, frozen=True, kw_only=True, tag="action.edited"):
    """The supervisor changed a command before it ran. It is another action, with a sha256 of its own."""

    id: str
    """Of the ask."""
    turn: str
    was: str
    """The command that was asked for."""
    action: Action
    sha256: Sha256


class NoticeRaised(Record, frozen=True, kw_only=True, tag="notice.raised"):
    """Something the supervisor should know, once; it stops nobody."""

    notice: str
    """`N-1`"""
    kind: Literal["denials", "haste"]
    title: str
    text: str
    task: str = ""


class NoticeSettled(Record, frozen=True, kw_only=True, tag="notice.settled"):
    notice: str


class GrantGiven(Record, frozen=True, kw_only=True, tag="grant.given"):
    grant: str
    """`G-1`"""
    role: str
    kind: str
    object: str
    task: str = ""
    """empty = the whole session"""
    once: bool = True
    tree: TreeId = ""
    """For a rule's ask about a change: exactly this tree."""
    rules: tuple[str, ...] = ()
    """For a rule's ask about a change: the rules it settles."""
    sha256: Sha256 = ""
    """Of the one action it allows; empty = every action of that kind on that object."""


class GrantRevoked(Record, frozen=True, kw_only=True, tag="grant.revoked"):
    grant: str
    reason: str


class ActionEnded(Record, frozen=True, kw_only=True, tag="action.ended"):
    """Every allowed action ends in exactly one of these."""

    id: str
    result: ActionOutcome
    exit_code: int | None = None
    summary: str = ""
    evidence: Evidence | None = None
    breach: str = ""
    """The limit that it had passed when it was stopped, `disk`; empty = each one held."""


class PackageFetched(Record, frozen=True, kw_only=True, tag="package.fetched"):
    """Packages came in from outside, for one task alone. Nothing of them ran on the way."""

    task: str
    turn: str
    action: str
    fetched: FetchedPackages


class Reported(Record, frozen=True, kw_only=True, tag="reported"):
    """A role that delivers a report delivered it."""

    task: str
    turn: str
    evidence: Evidence


class ProposalEndorsed(Record, frozen=True, kw_only=True, tag="proposal.endorsed"):
    """By a role that may approve such a document; the supervisor still adopts it."""

    proposal: str
    role: str
    turn: str


class Escalated(Record, frozen=True, kw_only=True, tag="escalated"):
    question: str
    """`E-1`"""
    task: str
    turn: str
    text: str


class QuestionAnswered(Record, frozen=True, kw_only=True, tag="question.answered"):
    question: str
    text: str


class ProposalMade(Record, frozen=True, kw_only=True, tag="proposal.made"):
    """A seat proposes a new text of a document of the home."""

    proposal: str
    """`R-1`"""
    task: str
    turn: str
    path: str
    evidence: Evidence


class ProposalSettled(Record, frozen=True, kw_only=True, tag="proposal.settled"):
    proposal: str
    accepted: bool
    reason: str = ""


TurnsEvent = (
    WorktreeOpened
    | WorktreeKept
    | TurnStarted
    | TurnEnded
    | MessageSent
    | MessagesHeard
    | TurnPaused
    | TurnResumed
    | TurnRetired
    | SeatChosen
    | UsageNoted
    | SeatNoticed
    | ConversationNoted
    | ToolDenied
    | ActionAllowed
    | ActionAsked
    | ActionDenied
    | AskAnswered
    | ActionEdited
    | NoticeRaised
    | NoticeSettled
    | GrantGiven
    | GrantRevoked
    | ActionEnded
    | PackageFetched
    | Reported
    | ProposalEndorsed
    | Escalated
    | QuestionAnswered
    | ProposalMade
    | ProposalSettled
)
