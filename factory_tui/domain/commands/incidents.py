"""Wishes about what went wrong, the rule that is born from it, and the freeze."""

from __future__ import annotations

from dataclasses import dataclass

from factory_tui.domain.events import IncidentCause
from factory_tui.domain.rules import Rule
from factory_tui.domain.terms import Attested, CommitId, Evidence, Sha256


@dataclass(frozen=True, kw_only=True)
class Freeze:
    reason: str
    landings: bool = False


@dataclass(frozen=True, kw_only=True)
class Unfreeze:
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenIncident:
    """Something went wrong, and somebody says so. By anyone but a seat."""

    title: str
    what: str = ""
    cause: IncidentCause = "supervisor"
    signature: str = ""
    task: str = ""
    level: int = 0
    evidence: tuple[int, ...] = ()
    repeats: str = ""
    """A settled incident that happened again, where a person can tell."""
    freeze: bool = True
    """Landings and deployments stop until somebody lets them go on."""


@dataclass(frozen=True, kw_only=True)
class RecordDamage:
    """The ledger's chain was broken, and the supervisor had it go on from its last good line."""

    size: int
    """Bytes that are not part of it any more."""
    saved_as: str
    why: str


@dataclass(frozen=True, kw_only=True)
class FillIncident:
    """None leaves a field as it is."""

    incident: str
    what: str | None = None
    when: str | None = None
    cost: str | None = None
    root_cause: str | None = None
    level: int | None = None


@dataclass(frozen=True, kw_only=True)
class PickEvidence:
    incident: str
    add: tuple[int, ...] = ()
    remove: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DraftRule:
    """A rule's file that was read and stands its own cases."""

    incident: str
    rule: Rule
    path: str
    draft: Evidence
    proposal: str = ""


@dataclass(frozen=True, kw_only=True)
class RecordProof:
    """What the draft did on what is on record; the verdict is decided here."""

    incident: str
    draft: Sha256
    caught: tuple[int, ...]
    missed: tuple[int, ...]
    benign: int
    borne: int
    disturbed: tuple[int, ...]
    problems: tuple[str, ...]
    """What else speaks against it."""
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RecordRuleWritten:
    incident: str
    path: str
    record: str
    kept: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class IntendRuleCommit:
    """By the factory, on the word that adopted the rule."""

    incident: str
    ref: str
    old: CommitId
    new: CommitId
    checkout: str = ""


@dataclass(frozen=True, kw_only=True)
class SettleRuleCommit:
    incident: str
    commit: CommitId = ""
    ref: str = ""
    why: str = ""
    by_hand: bool = False
    statement: Attested | None = None
    unvouched: str = ""


@dataclass(frozen=True, kw_only=True)
class CloseIncident:
    """Because no rule can exist; with one, adopting it closes the incident."""

    incident: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class NoteCrash:
    job: str
    task: str
    error: str


IncidentsCommand = (
    Freeze
    | Unfreeze
    | OpenIncident
    | RecordDamage
    | FillIncident
    | PickEvidence
    | DraftRule
    | RecordProof
    | RecordRuleWritten
    | IntendRuleCommit
    | SettleRuleCommit
    | CloseIncident
    | NoteCrash
)
