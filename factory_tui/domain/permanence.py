"""What a changed home does not take away: rules that were born from an incident, and cards that open tasks stand on.

Only a stricter rule takes the place of a born one. Compared conservatively: what is not plainly stricter is looser.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from factory_tui.domain.charter import Charter, seal
from factory_tui.domain.rule_cases import judge_case
from factory_tui.domain.rulebook import RuleBook
from factory_tui.domain.rules import Rule
from factory_tui.domain.seals import sha256_of
from factory_tui.domain.state import State
from factory_tui.domain.terms import Sha256

_MORE = ("patterns", "raw_patterns", "globs")
"""Of a check: the more, the stricter."""
_LESS = ("except_globs", "except_paths", "except_patterns", "absent_patterns")
"""The fewer, the stricter."""


def rule_sha256(rule: Rule) -> Sha256:
    """The same for the same rule, wherever its file lies."""
    return sha256_of("rule", replace(rule, path=""))


def loosened(old: Rule, new: Rule) -> str:
    """Why a rule is not plainly at least as strict as the one it would replace; empty = it is."""
    if rule_sha256(old) == rule_sha256(new):
        return ""
    return next(_loosened(old, new), "")


def _loosened(old: Rule, new: Rule) -> Iterator[str]:
    if old.severity == "block" and new.severity != "block":
        yield "it warns where the old one blocks"
    was, now = old.bears_when, new.bears_when
    if not set(was.phases) <= set(now.phases):
        yield "it is asked in fewer phases"
    for name in ("roles", "actions"):
        if getattr(now, name) and not (getattr(was, name) and set(getattr(was, name)) <= set(getattr(now, name))):
            yield f"it bears on fewer {name}"
    if not set(now.except_roles) <= set(was.except_roles):
        yield "it spares a role more"
    if any(one not in was.stack for one in now.stack):
        yield "it bears on fewer projects"
    if any(one not in old.unless for one in new.unless):
        yield "it has another exception"
    if type(old.check) is not type(new.check):
        yield "its check is of another kind"
        return
    for name in (field.name for field in msgspec.structs.fields(old.check)):
        before, after = getattr(old.check, name), getattr(new.check, name)
        if before == after:
            continue
        if name in _MORE and all(one in after for one in before):
            continue
        if name in _LESS and all(one in before for one in after):
            continue
        yield f"`{name}` of its check is not plainly stricter"
    book = RuleBook([new], for_cases=True)
    judged_before = RuleBook([old], for_cases=True)
    for number, case in enumerate(old.catches, 1):
        if judge_case(book, new, case).weight < judge_case(judged_before, old, case).weight:
            yield f"it does not catch case {number} of the old one"


def missing(state: State, charter: Charter) -> dict[str, str]:
    """Born rules that this charter drops or loosens, by id, and how."""
    if state.charter is None:
        return {}
    in_force = {rule.id: rule for rule in state.charter.rules}
    there = {rule.id: rule for rule in charter.rules}
    found = {}
    for id in state.born_rules:
        if id not in in_force:
            continue
        if id not in there:
            found[id] = "is gone"
        elif why := loosened(in_force[id], there[id]):
            found[id] = f"is loosened: {why}"
    return found


def told(state: State, lost: dict[str, str]) -> str:
    return "; ".join(f"{id}, born from {state.born_rules[id].incident}, {how}" for id, how in lost.items())


def orphaned(state: State, charter: Charter) -> dict[str, str]:
    """Roles that this charter has no card for and that an open task or a running turn needs, and which that is."""
    needed: dict[str, str] = {turn.role: turn.id for turn in state.turns.values()}
    for task in state.tasks.values():
        needed[task.role] = task.id
        if task.handoff is not None:
            needed[task.handoff.to] = task.id
        if task.candidate is not None:
            needed[task.candidate.author] = task.id
    there = {card.id for card in charter.roles}
    in_force = {card.id for card in state.charter.roles} if state.charter else set()
    return {role: who for role, who in needed.items() if role in in_force - there}


def carried_over(state: State, charter: Charter) -> tuple[Charter, tuple[str, ...]]:
    """The charter with what it may not take away as it was in force, and why it is kept: of born rules that it drops or
    loosens, and of cards that are needed."""
    lost, orphans = missing(state, charter), orphaned(state, charter)
    if not (lost or orphans) or state.charter is None:
        return charter, ()
    kept = [rule for rule in state.charter.rules if rule.id in lost]
    rules = [*(rule for rule in charter.rules if rule.id not in lost), *kept]
    whole = seal(
        roles=[*charter.roles, *(card for card in state.charter.roles if card.id in orphans)],
        rules=rules,
        gate=charter.gate,
        documents=charter.documents,
        stack=charter.stack,
        protected=charter.protected,
        architecture=charter.architecture,
        deploying=charter.deploying,
    )
    why = [f"what incidents taught and it does not hold: {', '.join(lost)}"] if lost else []
    why += [f"cards it does not hold and open tasks stand on: {', '.join(orphans)}"] if orphans else []
    return whole, tuple(why)
