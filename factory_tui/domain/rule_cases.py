"""Trying a rule on its own cases, through the same door as everything else.

A rule that misses its own incident, or hits its near miss, is worse than none: it is refused before it is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import re2
from msgspec.structs import replace

from factory_tui.domain import globs
from factory_tui.domain.diff_text import change_from_diff
from factory_tui.domain.facts import FACTS
from factory_tui.domain.facts_needed import facts_needed, facts_of
from factory_tui.domain.patterns import problem_of_pattern
from factory_tui.domain.rule_checks import command_violates, extracted
from factory_tui.domain.rulebook import RuleBook
from factory_tui.domain.rules import (
    Case,
    CommandCheck,
    Condition,
    DenyAction,
    DenyCommand,
    DenyPath,
    DiffPattern,
    Find,
    RequireEvidence,
    ReviewQuestion,
    Rule,
    StateCheck,
)
from factory_tui.domain.terms import ACTION_KINDS, Action, Decision, strictest

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class RuleProblem:
    """Something wrong with a rule, and where in its file."""

    key: Key
    """The path of keys in the front matter: `("catches", 0)`."""
    problem: str
    fix: str


def self_test(rule: Rule) -> list[RuleProblem]:
    """Everything wrong with a rule: bad patterns and globs, unknown facts, cases that turn out otherwise."""
    problems = [*_bad_patterns(rule), *_bad_globs(rule), *_bad_facts(rule), *_bad_shape(rule)]
    return problems or _failing_cases(rule)


# --- what it is made of --------------------------------------------------------------------------


def _bad_patterns(rule: Rule) -> list[RuleProblem]:
    return [
        RuleProblem(key, f"`{text}`: {problem}", "rewrite the pattern; its cases say whether it still holds")
        for key, text in patterns_of(rule)
        if (problem := problem_of_pattern(text))
    ]


def patterns_of(rule: Rule) -> list[tuple[Key, str]]:
    """Every regular expression of a rule with its place."""
    found: list[tuple[Key, str]] = []
    check = rule.check
    for name in ("patterns", "raw_patterns", "doubtful", "except_patterns", "absent_patterns"):
        for index, seek in enumerate(getattr(check, name, ())):
            if isinstance(seek, Find):
                found.append((("check", name, index, "find"), seek.find))
                if seek.unless:
                    found.append((("check", name, index, "unless"), seek.unless))
            else:
                found.append((("check", name, index), seek))
    if isinstance(check, DiffPattern):
        for name in ("unless_readded", "unless_replaces"):
            if text := getattr(check, name):
                found.append((("check", name), text))
        if check.net_removed:
            found.append((("check", "net_removed", "pattern"), check.net_removed.pattern))
    if isinstance(check, CommandCheck) and check.expect.stdout_regex:
        found.append((("check", "expect", "stdout_regex"), check.expect.stdout_regex))
    if isinstance(check, StateCheck):
        found += [(("check", "extract", name, "regex"), one.regex) for name, one in check.extract.items()]
    found += [
        (key, str(condition.value))
        for key, condition in conditions_of(rule)
        if condition.path and condition.op == "regex"
    ]
    return found


def _bad_globs(rule: Rule) -> list[RuleProblem]:
    found: list[tuple[Key, str]] = []
    for name in ("globs", "except_globs", "paths", "except_paths", "doubtful_paths"):
        found += [(("check", name, index), glob) for index, glob in enumerate(getattr(rule.check, name, ()))]
    if isinstance(rule.check, StateCheck):
        for name, one in rule.check.extract.items():
            found += [(("check", "extract", name, "globs", index), glob) for index, glob in enumerate(one.globs)]
    return [
        RuleProblem(key, f"`{glob}`: {problem}", "mend the glob")
        for key, glob in found
        if (problem := globs.problem_of(glob))
    ]


def conditions_of(rule: Rule) -> list[tuple[Key, Condition]]:
    """Every condition of a rule with its place, parts of conditions included."""
    roots: list[tuple[Key, Condition]] = [
        (("bears_when", "stack", index), condition) for index, condition in enumerate(rule.bears_when.stack)
    ]
    roots += [(("unless", index, "when"), lift.when) for index, lift in enumerate(rule.unless) if lift.when]
    if isinstance(rule.check, StateCheck | RequireEvidence):
        roots.append((("check", "violates_when"), rule.check.violates_when))
    found: list[tuple[Key, Condition]] = []
    while roots:
        key, condition = roots.pop()
        found.append((key, condition))
        roots += [((*key, "all", index), part) for index, part in enumerate(condition.all)]
        roots += [((*key, "any", index), part) for index, part in enumerate(condition.any)]
        if condition.negated:
            roots.append(((*key, "not"), condition.negated))
        if condition.where:
            roots.append(((*key, "where"), condition.where))
    return found


def _bad_facts(rule: Rule) -> list[RuleProblem]:
    problems = []
    for key, condition in conditions_of(rule):
        forms = [condition.path, condition.all, condition.any, condition.negated, condition.any_item]
        if sum(bool(form) for form in forms) != 1:
            problems.append(
                RuleProblem(key, "a condition is one of path, all, any, not, any_item", "leave exactly one of them")
            )
        if bool(condition.any_item) != bool(condition.where):
            problems.append(RuleProblem(key, "`any_item` and `where` go together", "add the one that is missing"))
    names = set(facts_needed(rule))
    for lift in rule.unless:
        names |= facts_of(lift.when) if lift.when else set()
    for name in sorted(names - FACTS.keys()):
        close = get_close_matches(name, FACTS, n=1, cutoff=0.6)
        fix = f"did you mean `{close[0]}`?" if close else "the registry of facts names all that can be asked"
        problems.append(RuleProblem(("check",), f"no fact is called `{name}`", fix))
    return problems


def _bad_shape(rule: Rule) -> list[RuleProblem]:
    problems = []
    check = rule.check
    if isinstance(check, DenyAction) and not rule.bears_when.actions:
        problems.append(
            RuleProblem(
                ("bears_when",), "`deny_action` names no action", f"add `actions:` with {', '.join(ACTION_KINDS)}"
            )
        )
    if isinstance(check, DenyAction | DenyPath | DenyCommand) and rule.bears_when.phases != ("tool_call",):
        problems.append(
            RuleProblem(("bears_when", "phases"), "actions happen in `tool_call`", "write `phases: [tool_call]`")
        )
    if isinstance(check, DiffPattern) and rule.bears_when.phases != ("before_commit",):
        problems.append(
            RuleProblem(("bears_when", "phases"), "changes are judged in `before_commit`", "write that phase alone")
        )
    for index, lift in enumerate(rule.unless):
        if bool(lift.approval) == bool(lift.when):
            problems.append(
                RuleProblem(("unless", index), "an exception is an approval or a fact", "leave one of them")
            )
    if not rule.catches or not rule.allows:
        problems.append(RuleProblem((), "a rule needs a case it catches and a near miss it allows", "add both"))
    for name, text in (("statement", rule.statement), ("reason", rule.reason), ("instead", rule.instead)):
        if not text.strip():
            problems.append(RuleProblem((), f"the body has no {name}", f"write it: {_SECTIONS[name]}"))
    return problems


_SECTIONS = {
    "statement": "the first paragraph below the title",
    "reason": "a section `## Why`",
    "instead": "a section `## Instead`",
}


# --- its cases -----------------------------------------------------------------------------------


def _failing_cases(rule: Rule) -> list[RuleProblem]:
    if isinstance(rule.check, ReviewQuestion):
        return []
    try:
        book = RuleBook([rule], for_cases=True)
    except re2.error as error:
        return [RuleProblem(("check",), f"the patterns together are too large: {error}", "shorten them")]
    problems: list[RuleProblem] = []
    for index, case in enumerate(rule.catches):
        answer = judge_case(book, rule, case)
        wanted = case.decision
        must = f"answer with {wanted.value}" if wanted else "catch"
        if answer is Decision.ALLOW or (wanted is not None and answer is not wanted):
            problems.append(
                RuleProblem(
                    ("catches", index),
                    f"{rule.id} says {answer.value} to what it must {must}",
                    "mend the check, or the case",
                )
            )
    for index, case in enumerate(rule.allows):
        answer = judge_case(book, rule, case)
        if answer is not Decision.ALLOW:
            problems.append(
                RuleProblem(("allows", index), f"{rule.id} hits its own near miss ({answer.value})", "narrow the check")
            )
    return problems or _one_sided_exceptions(rule)


def _one_sided_exceptions(rule: Rule) -> list[RuleProblem]:
    """Every exception is shown both ways: a case that it lifts, and the catches that it does not."""
    problems = []
    for index, lift in enumerate(rule.unless):
        rest = tuple(other for other in rule.unless if other is not lift)
        stricter = replace(rule, unless=rest)
        if not _some_allowed_case_triggers(stricter):
            problems.append(
                RuleProblem(
                    ("unless", index),
                    "no case in `allows` is lifted by this exception",
                    "add the incident's case with the exception met",
                )
            )
    if rule.bears_when.stack:
        wider = replace(rule, bears_when=replace(rule.bears_when, stack=()))
        if not _some_allowed_case_triggers(wider):
            problems.append(
                RuleProblem(
                    ("bears_when", "stack"),
                    "no case in `allows` shows a project that the rule does not bear on",
                    "add the incident's case with another stack",
                )
            )
    return problems


def _some_allowed_case_triggers(rule: Rule) -> bool:
    book = RuleBook([rule], for_cases=True)
    return any(judge_case(book, rule, case) is not Decision.ALLOW for case in rule.allows)


def judge_case(book: RuleBook, rule: Rule, case: Case) -> Decision:
    """What the book answers to a case of one of its rules; a book made for cases."""
    check = rule.check
    role = case.role or _some_role(rule)
    facts = case.state
    if isinstance(check, DiffPattern):
        matches = book.judge_change(change_from_diff(case.diff), role, facts)
    elif isinstance(check, CommandCheck):
        violated = case.result is not None and command_violates(check, case.result)
        return Decision.DENY if violated else Decision.ALLOW
    elif isinstance(check, StateCheck | RequireEvidence):
        if isinstance(check, StateCheck) and check.extract:
            facts = {**facts, "extracted": extracted(check.extract, case.files)}
        if rule.bears_when.phases == ("tool_call",):
            matches = book.judge_action(_action(rule, case), role, facts)
        else:
            matches = book.judge_phase(rule.bears_when.phases[0], role, facts)
    else:
        matches = book.judge_action(_action(rule, case), role, facts)
    return strictest(Decision.ALLOW, *(match.decision for match in matches if match.source == rule.id))


def _action(rule: Rule, case: Case) -> Action:
    kind = case.action or ("run" if case.command or not rule.bears_when.actions else rule.bears_when.actions[0])
    return Action(kind=kind, path=case.path, command=case.command)


def _some_role(rule: Rule) -> str:
    bearing = rule.bears_when
    if bearing.roles:
        return bearing.roles[0]
    return next((role for role in rule.concerns if role != "all" and role not in bearing.except_roles), "builder")
