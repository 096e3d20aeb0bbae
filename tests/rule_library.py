"""The rules as shipped, read once for all tests that ask them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from factory_tui.adapters.rule_files import read_rules
from factory_tui.domain.rulebook import RuleBook, compile_rules
from factory_tui.domain.rules import Rule

ROOT = Path(__file__).resolve().parent.parent
ROLES = (
    "ceo",
    "architect",
    "builder",
    "quality",
    "devops",
    "discovery",
    "strategy",
    "designer",
    "tech_writer",
    "marketing",
    "security",
    "performance",
    "data_analyst",
    "compliance",
    "challenger",
)


@cache
def rule_texts() -> dict[str, str]:
    """Shown path to text."""
    return {f"rules/{file.name}": file.read_text() for file in sorted((ROOT / "rules").glob("*.md"))}


@cache
def shipped_rules() -> tuple[Rule, ...]:
    return read_rules(rule_texts(), ROLES)


@cache
def core_book() -> RuleBook:
    return compile_rules([rule for rule in shipped_rules() if rule.tier == "core"])


@cache
def whole_book() -> RuleBook:
    return compile_rules(shipped_rules())


def rule(rule_id: str) -> Rule:
    return next(rule for rule in shipped_rules() if rule.id == rule_id)


ACTING = {
    "run.budget_usd": 5.0,
    "run.spend_usd": 0.0,
    "run.same_failure_repeats": 0,
    "control.stop_requested": False,
    "event.after_stop": False,
    "freeze.active": False,
    "worktree.uncommitted_files": 0,
    "worktree.oldest_uncommitted_minutes": 0,
    "approvals.granted": (),
}
"""What the factory answers to every action of an untroubled turn."""
COMMITTING = {"project.production_db": None, "approvals.granted": ()}
