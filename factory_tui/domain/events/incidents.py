"""What went wrong, and the rule that was born from it; and what is held still meanwhile."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.terms import Attested, CommitId, Evidence, Record, Sha256, Verdict


class JobCrashed(Record, frozen=True, kw_only=True, tag="job.crashed"):
    job: str
    task: str
    error: str


IncidentCause = Literal["", "deployment", "breach", "ledger", "crash", "digest", "offer", "supervisor"]
"""What opened an incident; empty = in a ledger of before."""


class IncidentOpened(Record, frozen=True, kw_only=True, tag="incident.opened"):
    incident: str
    """`I-1`"""
    title: str
    what: str
    task: str = ""
    cause: IncidentCause = ""
    signature: str = ""
    """The same for everything that went wrong in the same way; empty = only a person can tell."""
    level: int = 0
    """The gate level that should have caught it; 0 = nobody said."""
    evidence: tuple[int, ...] = ()
    """Entries of this ledger."""


class IncidentReopened(Record, frozen=True, kw_only=True, tag="incident.reopened"):
    """What was settled happened again: not a new incident, but a check that is broken."""

    incident: str
    what: str
    broken: str = ""
    """The rule that should have caught it; empty = none was born from it."""
    evidence: tuple[int, ...] = ()
    deployment: str = ""
    """That it happened to again."""


class IncidentFilled(Record, frozen=True, kw_only=True, tag="incident.filled"):
    """The form as it stands now, whole."""

    incident: str
    what: str
    when: str = ""
    cost: str = ""
    root_cause: str = ""
    level: int = 0


class EvidencePicked(Record, frozen=True, kw_only=True, tag="incident.evidence_picked"):
    """Entries of this ledger that show it: all of them."""

    incident: str
    evidence: tuple[int, ...]


class RuleDrafted(Record, frozen=True, kw_only=True, tag="rule.drafted"):
    """A rule's file, as somebody wrote it for an incident. It is asked about nothing."""

    incident: str
    rule: str
    path: str
    """Relative to the home."""
    draft: Evidence
    sha256: Sha256
    """Of the rule, however its file is written."""
    proposal: str = ""
    """The seat's proposal it was taken from."""


class RuleProven(Record, frozen=True, kw_only=True, tag="rule.proven"):
    """The draft was held against what is on record."""

    incident: str
    rule: str
    draft: Sha256
    """Of the file."""
    sha256: Sha256
    """Of the rule."""
    verdict: Verdict
    summary: str
    caught: tuple[int, ...] = ()
    """Entries of the incident on which it fired."""
    missed: tuple[int, ...] = ()
    """Entries of the incident on which it did not."""
    benign: int = 0
    """Benign events it was held against."""
    borne: int = 0
    """Of those, the ones it bears on at all."""
    disturbed: tuple[int, ...] = ()
    """Benign entries on which it fired."""
    evidence: Evidence | None = None
    """Every result, as JSON."""


class RuleWritten(Record, frozen=True, kw_only=True, tag="rule.written"):
    """Rule and incident lie in the home. In force only when the supervisor adopts them."""

    incident: str
    rule: str
    path: str
    record: str
    """The incident's own document, relative to the home."""
    kept: Evidence | None = None
    """What that document says; None = in a ledger of before, and committed by hand."""


class RuleAdopted(Record, frozen=True, kw_only=True, tag="rule.adopted"):
    """In force from here on, for good: only a stricter one takes its place."""

    incident: str
    rule: str
    sha256: Sha256
    supersedes: Sha256 = ""
    """The rule of the same id that it takes the place of; empty = there was none."""


class RuleCommitIntended(Record, frozen=True, kw_only=True, tag="rule.commit_intended"):
    """A commit of exactly the rule and its incident was made; the branch takes it next."""

    incident: str
    rule: str
    ref: str
    old: CommitId
    new: CommitId
    checkout: str = ""


class RuleCommitted(Record, frozen=True, kw_only=True, tag="rule.committed"):
    """What came of committing rule and incident on the supervisor's word. The rule is in force either way."""

    incident: str
    rule: str
    ref: str = ""
    commit: CommitId = ""
    """That holds both; empty = none does."""
    why: str = ""
    """Why none does."""
    by_hand: bool = False
    """Somebody had committed both already."""
    statement: Attested | None = None
    """The supervisor's word for that commit, signed now."""
    unvouched: str = ""
    """Why a verifier does not open that commit yet; empty = it does."""


class IncidentClosed(Record, frozen=True, kw_only=True, tag="incident.closed"):
    incident: str
    rule: str = ""
    """That was born from it; empty = none can exist."""
    reason: str = ""
    """Why none can exist."""


class Frozen(Record, frozen=True, kw_only=True, tag="frozen"):
    """No deployment begins until `Unfrozen`; a rollback may."""

    reason: str
    by: str
    landings: bool = False
    """No landing begins either."""


class Unfrozen(Record, frozen=True, kw_only=True, tag="unfrozen"):
    reason: str = ""


IncidentsEvent = (
    JobCrashed
    | IncidentOpened
    | IncidentReopened
    | IncidentFilled
    | EvidencePicked
    | RuleDrafted
    | RuleProven
    | RuleWritten
    | RuleAdopted
    | RuleCommitIntended
    | RuleCommitted
    | IncidentClosed
    | Frozen
    | Unfrozen
)
