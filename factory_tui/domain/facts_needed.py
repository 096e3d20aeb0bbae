"""Which facts a condition asks about, and without which a rule cannot be enforced."""

from __future__ import annotations

from factory_tui.domain.facts import is_provided
from factory_tui.domain.rules import Condition, RequireEvidence, Rule, StateCheck


def facts_of(condition: Condition, *, in_item: bool = False) -> frozenset[str]:
    """The facts a condition asks about; fields of an item are no facts."""
    names: set[str] = set()
    for part in (*condition.all, *condition.any, *((condition.negated,) if condition.negated else ())):
        names |= facts_of(part, in_item=in_item)
    if condition.any_item:
        names.add(condition.any_item)
        if condition.where:
            names |= facts_of(condition.where, in_item=True)
    for path in (condition.path, condition.value if condition.op.endswith("_path") else ""):
        if isinstance(path, str) and path.startswith("$."):
            names.add(path[2:])
        elif isinstance(path, str) and path and not in_item:
            names.add(path)
    return frozenset(names)


def facts_needed(rule: Rule) -> frozenset[str]:
    """The facts without which a rule cannot be enforced. What only lifts it is not among them: unanswered, it stays."""
    needed: set[str] = set()
    for condition in rule.bears_when.stack:
        needed |= facts_of(condition)
    if isinstance(rule.check, StateCheck | RequireEvidence):
        needed |= facts_of(rule.check.violates_when)
    if rule.check.__struct_config__.tag == "command":
        needed.add("result")
    return frozenset(needed)


def missing_facts(rule: Rule) -> tuple[str, ...]:
    """The facts a rule needs that nobody answers in its phases, sorted."""
    return tuple(sorted(name for name in facts_needed(rule) if not is_provided(name, rule.bears_when.phases)))
