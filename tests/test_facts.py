"""The registry of facts: every question of a rule is known to it, and it promises no more than is asked."""

from __future__ import annotations

from factory_tui.domain.conditions import FactView, decide_condition
from factory_tui.domain.facts import FACTS, PROVIDED, is_provided, nested
from factory_tui.domain.facts_needed import facts_needed, facts_of
from factory_tui.domain.rules import Condition
from tests.rule_library import shipped_rules, whole_book


def asked_facts():
    names = set()
    for rule in shipped_rules():
        names |= facts_needed(rule)
        for lift in rule.unless:
            names |= facts_of(lift.when) if lift.when else {"approvals.granted"}
    return names


def test_every_fact_that_a_rule_asks_for_is_in_the_registry():
    assert asked_facts() <= FACTS.keys()


def test_the_registry_promises_no_fact_that_no_rule_asks_for():
    assert FACTS.keys() == asked_facts()


def test_a_provided_fact_says_how_it_is_computed_and_where():
    for fact in PROVIDED:
        assert fact.provider, fact.name
        assert fact.phases, fact.name
        assert len(fact.meaning) > 20, fact.name


def test_a_fact_is_provided_only_in_its_phases():
    assert is_provided("tests.run_id", ["before_commit"])
    assert not is_provided("tests.run_id", ["before_commit", "review"])
    assert not is_provided("package.age_days", ["tool_call"])
    assert not is_provided("no.such.fact", [])


def test_a_rule_is_enforced_exactly_when_all_its_facts_are_answered():
    for item in whole_book().enforcement():
        rule = next(rule for rule in shipped_rules() if rule.id == item.rule)
        unanswered = {name for name in facts_needed(rule) if not is_provided(name, rule.bears_when.phases)}
        assert item.missing == tuple(sorted(unanswered))
        assert item.enforced == (not unanswered)


def test_fields_of_an_item_are_no_facts_but_a_path_from_the_root_is():
    condition = Condition(
        any_item="sessions.live",
        where=Condition(
            all=(
                Condition(path="worktree", op="eq_path", value="$.session.worktree"),
                Condition(path="id", op="ne_path", value="$.session.id"),
            )
        ),
    )
    assert facts_of(condition) == {"sessions.live", "session.worktree", "session.id"}


def test_dotted_names_become_nested_mappings():
    assert nested({"a.b": 1, "a.c.d": 2, "e": 3}) == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}


def test_nobody_knows_is_a_third_answer():
    yes = Condition(path="run.spend_usd", op="gt", value=1)
    unknown = Condition(path="run.budget_usd", op="missing")
    facts = FactView({"run.spend_usd": 2})
    assert decide_condition(Condition(any=(yes, unknown)), facts).holds is True
    assert decide_condition(Condition(all=(yes, unknown)), facts).unanswered == {"run.budget_usd"}
    assert decide_condition(Condition(negated=unknown), facts).holds is None
    assert decide_condition(Condition(all=(Condition(negated=yes), unknown)), facts).holds is False


def test_true_is_not_the_number_one():
    assert decide_condition(Condition(path="a", op="eq", value=1), FactView({"a": True})).holds is False
    assert decide_condition(Condition(path="a", op="gt", value=0), FactView({"a": True})).holds is False
