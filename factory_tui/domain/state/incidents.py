"""What is true of an incident and of the rule that was born from it."""

from __future__ import annotations

from factory_tui.domain.events import (
    IncidentCause,
    RuleCommitIntended,
    RuleCommitted,
    RuleDrafted,
    RuleProven,
    RuleWritten,
)
from factory_tui.domain.terms import Record, Sha256


class Incident(Record, frozen=True, kw_only=True):
    id: str
    title: str
    what: str
    task: str
    cause: IncidentCause = ""
    signature: str = ""
    level: int = 0
    """The gate level that should have caught it; 0 = nobody said."""
    evidence: tuple[int, ...] = ()
    """Entries that show it."""
    since: str = ""
    when: str = ""
    cost: str = ""
    root_cause: str = ""
    draft: RuleDrafted | None = None
    proof: RuleProven | None = None
    """Of exactly this draft and this evidence."""
    written: RuleWritten | None = None
    adopted_by: str = ""
    """Whose word brought the rule into force."""
    committing: RuleCommitIntended | None = None
    """A commit of both that the branch may hold already; None = none is under way."""
    committed: RuleCommitted | None = None
    """What came of committing both last."""
    closed: str = ""
    """`rule Q101`, or why no rule can exist; empty = open."""
    rule: str = ""
    """In force, born from it."""
    broken: str = ""
    """The rule that did not catch a repeat; empty = none."""
    repeats: int = 0
    deployment: str = ""
    """That it came back with last."""


class BornRule(Record, frozen=True, kw_only=True):
    """A rule that came from an incident here: permanent."""

    incident: str
    sha256: Sha256
