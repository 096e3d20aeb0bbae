"""Deciding a condition over facts, with a third answer: nobody knows.

A fact that is absent from the mapping was not answered; a fact that is `None` was: there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from factory_tui.domain.patterns import Pattern, encode
from factory_tui.domain.rules import Condition

UNANSWERED: Any = type("Unanswered", (), {"__repr__": lambda self: "UNANSWERED"})()


@dataclass(frozen=True)
class Answer:
    """True, False, or None with the facts that nobody answered."""

    holds: bool | None
    unanswered: frozenset[str] = frozenset()


_YES, _NO = Answer(True), Answer(False)


@dataclass
class FactView:
    """Facts as given: nested mappings, dotted names, or both."""

    facts: Mapping[str, object]
    known: Mapping[str, object] = field(default_factory=dict)
    """Dotted facts that hold unless `facts` says otherwise."""
    absent_is_none: bool = False
    """For cases in rule files: what is not said is known to be absent."""

    def get(self, name: str) -> Any:
        value = self._given(name)
        if value is UNANSWERED and name in self.known:
            value = self.known[name]
        return None if value is UNANSWERED and self.absent_is_none else value

    def _given(self, name: str) -> Any:
        if name in self.facts:
            return self.facts[name]
        place: Any = self.facts
        for part in name.split("."):
            if place is None:
                return None
            if not isinstance(place, Mapping) or part not in place:
                return UNANSWERED
            place = place[part]
        return place


_NO_ITEM = object()


def decide_condition(condition: Condition, facts: FactView, item: Any = _NO_ITEM) -> Answer:
    """Whether the condition holds. What one side settles needs no answer from the other."""
    if condition.all:
        return _all([decide_condition(part, facts, item) for part in condition.all])
    if condition.any:
        return _any([decide_condition(part, facts, item) for part in condition.any])
    if condition.negated:
        inner = decide_condition(condition.negated, facts, item)
        return Answer(None if inner.holds is None else not inner.holds, inner.unanswered)
    if condition.any_item:
        items = _value(condition.any_item, facts, item)
        if items is UNANSWERED:
            return Answer(None, frozenset({condition.any_item}))
        if not isinstance(items, Sequence) or isinstance(items, str) or condition.where is None:
            return _NO
        return _any([decide_condition(condition.where, facts, one) for one in items])
    return _compare(condition, facts, item)


def _all(answers: Sequence[Answer]) -> Answer:
    if any(answer.holds is False for answer in answers):
        return _NO
    unanswered = frozenset().union(*(answer.unanswered for answer in answers))
    return Answer(None, unanswered) if unanswered else _YES


def _any(answers: Sequence[Answer]) -> Answer:
    if any(answer.holds for answer in answers):
        return _YES
    unanswered = frozenset().union(*(answer.unanswered for answer in answers))
    return Answer(None, unanswered) if unanswered else _NO


def _value(path: str, facts: FactView, item: Any) -> Any:
    if path.startswith("$."):
        return facts.get(path[2:])
    if item is _NO_ITEM:
        return facts.get(path)
    place = item
    for part in path.split("."):
        if not isinstance(place, Mapping) or part not in place:
            return None
        place = place[part]
    return place


def _compare(condition: Condition, facts: FactView, item: Any) -> Answer:
    value = _value(condition.path, facts, item)
    operator, against = condition.op, condition.value
    unanswered = {condition.path.removeprefix("$.")} if value is UNANSWERED else set()
    if operator.endswith("_path"):
        against = _value(str(condition.value), facts, item)
        if against is UNANSWERED:
            unanswered.add(str(condition.value).removeprefix("$."))
        operator = operator[:-5]  # type: ignore[assignment]
    if unanswered:
        return Answer(None, frozenset(unanswered))
    return _YES if _holds(operator, value, against) else _NO


def _holds(operator: str, value: Any, against: Any) -> bool:
    match operator:
        case "missing":
            return value is None
        case "exists":
            return value is not None
        case "empty":
            return value is None or value in ("", [], (), {})
        case "eq":
            return value is not None and _same(value, against)
        case "ne":
            return value is None or not _same(value, against)
        case "gt" | "ge" | "lt" | "le":
            return _ordered(operator, value, against)
        case "in":
            return value is not None and against is not None and any(_same(value, one) for one in against)
        case "not_in":
            return against is None or not any(_same(value, one) for one in against)
        case "contains":
            return value is not None and against is not None and any(_same(one, against) for one in value)
        case "not_subset_of":
            return not set(value or ()) <= set(against or ())
        case "under":
            return (
                isinstance(value, str)
                and isinstance(against, str)
                and (value == against or value.startswith(against.rstrip("/") + "/"))
            )
        case "regex":
            return isinstance(value, str) and Pattern(str(against)).is_in(encode(value))
        case "distinct_gt":
            return value is not None and len(set(value)) > against
        case "distinct_lt":
            return value is None or len(set(value)) < against
    raise ValueError(f"unknown comparison {operator}")


def _same(one: Any, other: Any) -> bool:
    """Equal, without `True` being 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _ordered(operator: str, value: Any, against: Any) -> bool:
    if not _is_number(value) or not _is_number(against):
        return False
    return bool(
        {"gt": value > against, "ge": value >= against, "lt": value < against, "le": value <= against}[operator]
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
