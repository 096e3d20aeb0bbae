"""How often the rules would have stopped work that people accepted: the rules held against a merged history."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from factory_tui.domain.rulebook import RuleBook
from factory_tui.domain.terms import Change, Decision

MOST_EXAMPLES = 5
"""Kept per rule."""


@dataclass(frozen=True)
class RuleNoise:
    """How often one rule answered."""

    rule: str
    denied: int
    asked: int
    examples: tuple[str, ...]
    """`<commit> <path:line>: <reason>`"""


@dataclass(frozen=True)
class NoiseReport:
    """What the rules would have answered to each of these commits."""

    commits: int
    denied: int
    """Commits that at least one rule would have denied."""
    asked: int
    """Commits that were asked about, and denied by none."""
    rules: tuple[RuleNoise, ...] = field(default=())
    """The loudest first."""

    @property
    def denied_percent(self) -> float:
        return 100.0 * self.denied / self.commits if self.commits else 0.0

    @property
    def asked_percent(self) -> float:
        return 100.0 * self.asked / self.commits if self.commits else 0.0


def measure_noise(
    changes: Iterable[tuple[str, Change]],
    rulebook: RuleBook,
    role: str = "builder",
    facts: Mapping[str, object] | None = None,
) -> NoiseReport:
    """The rules on changes held against (commit, change) pairs; no commit at all makes a report of zero commits.

    Without facts, the project declares no stack and no approval was given.
    """
    known = {"project.production_db": None, "approvals.granted": ()} if facts is None else facts
    commits = denied = asked = 0
    counts: dict[Decision, Counter[str]] = {Decision.DENY: Counter(), Decision.ASK: Counter()}
    examples: dict[str, list[str]] = defaultdict(list)
    for commit, change in changes:
        commits += 1
        matches = [
            match for match in rulebook.judge_change(change, role, known) if match.decision is not Decision.ALLOW
        ]
        is_denied = any(match.decision is Decision.DENY for match in matches)
        denied += is_denied
        asked += bool(matches) and not is_denied
        for match in matches:
            counts[match.decision][match.source] += 1
            if len(examples[match.source]) < MOST_EXAMPLES:
                examples[match.source].append(f"{commit} {match.where}: {match.reason}")
    sources = sorted(
        counts[Decision.DENY].keys() | counts[Decision.ASK].keys(),
        key=lambda source: (-counts[Decision.DENY][source] - counts[Decision.ASK][source], source),
    )
    return NoiseReport(
        commits=commits,
        denied=denied,
        asked=asked,
        rules=tuple(
            RuleNoise(
                rule=source,
                denied=counts[Decision.DENY][source],
                asked=counts[Decision.ASK][source],
                examples=tuple(examples[source]),
            )
            for source in sources
        ),
    )
