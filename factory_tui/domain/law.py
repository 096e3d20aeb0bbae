"""The rules in force, ready to be asked, and the one question every action goes through.

Card, rules, budget and grants each give their answer; the strictest holds, everything that matched is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from factory_tui.domain import globs
from factory_tui.domain.charter import Charter
from factory_tui.domain.facts import nested
from factory_tui.domain.known import action_facts, start_facts
from factory_tui.domain.limits import NO_WALL
from factory_tui.domain.roles import RoleCard, path_policy, permits
from factory_tui.domain.rulebook import RuleBook, compile_rules
from factory_tui.domain.spending import excess
from factory_tui.domain.state import Grant, Handoff, State, Task, Turn
from factory_tui.domain.terms import MAY_BE_REMEMBERED, Action, Decision, PlannedTask, RuleMatch, Ruling, strictest

_INLINE_COMMAND = re.compile(r"`([^`\n]{2,400})`")
_PATCH = re.compile(r"^(?:diff --git |@@ -\d+(?:,\d+)? \+\d+|--- a/)", re.MULTILINE)


WAYS_OUT = ("commit", "hand_over", "report", "plan", "escalate")
"""What a turn may still do when its budget is used up: say so, and end."""

_BY_CHARTER: dict[str, RuleBook] = {}


def rulebook_of(charter: Charter) -> RuleBook:
    """Compiled once for each charter."""
    found = _BY_CHARTER.get(charter.sha256)
    if found is None:
        found = compile_rules(charter.rules)
        _BY_CHARTER[charter.sha256] = found
    return found


def ruling_on_action(
    state: State, turn: Turn, action: Action, sha256: str, facts: Mapping[str, object]
) -> tuple[Ruling, Grant | None]:
    """Card, rules, budget, pause, then grants. A grant settles an ask, never a denial."""
    charter = state.law
    card = charter.role(turn.role)
    matches: list[RuleMatch] = list(
        permits(card, action, protected=charter.protected, architecture=charter.architecture)
    )
    matches += rulebook_of(charter).judge_action(
        action, turn.role, nested({**action_facts(state, turn, sha256), **facts})
    )
    if action.kind not in WAYS_OUT:
        matches += _budget(state, turn)
    matches += _shell(state, turn, action)
    if state.paused or turn.paused:
        matches.insert(
            0,
            RuleMatch(
                source="pause",
                decision=Decision.DENY,
                reason=f"the factory is paused: {state.paused}" if state.paused else f"the turn is: {turn.paused}",
                instead="wait; the turn goes on when the supervisor resumes",
            ),
        )
    decision = strictest(*(match.decision for match in matches))
    if decision is Decision.ASK and (entry := settled_by(charter, card, action, matches)):
        reason = f"the card has it settled by the supervisor: {entry}"
        settled = RuleMatch(source=card.source, decision=Decision.ALLOW, reason=reason)
        return Ruling(decision=Decision.ALLOW, matches=(*matches, settled)), None
    if decision is Decision.ASK and (grant := _grant(state, turn, action, sha256)):
        settled = RuleMatch(source="grant", decision=Decision.ALLOW, reason=f"{grant.id} allows it")
        return Ruling(decision=Decision.ALLOW, matches=(*matches, settled)), grant
    return Ruling(decision=decision, matches=tuple(matches)), None


def settled_by(charter: Charter, card: RoleCard, action: Action, matches: Sequence[RuleMatch]) -> str:
    """The card's entry that settles what is asked; empty = it is asked. Only what rules ask can be settled: not what
    the card itself asks, and not what is asked because a fact or a command could not be read."""
    entry = entry_of(action)
    return entry if entry in card.settled and entry and asked_by_rules_alone(charter, matches) else ""


def entry_of(action: Action) -> str:
    """How a card would name it, to the letter; empty = it cannot."""
    entry = f"{action.kind} {action.object}"
    return entry if action.kind in MAY_BE_REMEMBERED and action.object.strip() and entry.isprintable() else ""


def asked_by_rules_alone(charter: Charter, matches: Sequence[RuleMatch]) -> bool:
    rules = {rule.id for rule in charter.rules}
    asking = [match for match in matches if match.decision is Decision.ASK]
    return bool(asking) and all(match.source in rules and not match.unanswered for match in asking)


def _shell(state: State, turn: Turn, action: Action) -> list[RuleMatch]:
    """Without a wall a model gets no shell. A person's commands are their own, a script's are the supervisor's."""
    if action.kind != "run" or state.wall != NO_WALL or turn.control in ("human", "rehearsed"):
        return []
    return [
        RuleMatch(
            source="boundary",
            decision=Decision.DENY,
            reason="there is no wall, so no seat gets a shell",
            instead="go on without running anything, or escalate; `factory doctor` tells the supervisor the ways on",
            where="wall: none",
        )
    ]


def _grant(state: State, turn: Turn, action: Action, sha256: str) -> Grant | None:
    for grant in state.grants.values():
        same = grant.role == turn.role and grant.kind == action.kind and grant.object == action.object
        if same and grant.task in ("", turn.task) and grant.sha256 in ("", sha256):
            return grant
    return None


def _budget(state: State, turn: Turn) -> list[RuleMatch]:
    return [
        RuleMatch(
            source=f"{one.scope} budget",
            decision=Decision.DENY,
            reason=one.told,
            instead="commit and hand over what there is, or escalate; only the supervisor raises a budget, on record",
        )
        for one in excess(state, turn)
    ]


def ruling_on_task(state: State, planned: PlannedTask) -> Ruling:
    """Level 1: does the task ask this role for something that its card or a rule forbids?

    Looked at: the role, the declared paths, every command quoted in the text, and whether the text is a patch in
    disguise.
    """
    charter = state.law
    card = charter.role(planned.role)
    text = "\n".join((planned.title, planned.goal, *planned.criteria))
    matches: list[RuleMatch] = []
    if not planned.goal.strip():
        matches.append(_refuse(card, "the task has no goal", "say in words what shall be true at the end"))
    if _PATCH.search(text):
        matches.append(
            _refuse(card, "the task is a patch, not a goal", "state what shall be true; the author writes it")
        )
    if card.delivers in ("change", "deployment") and planned.paths:
        matches += path_policy(card, _samples(planned.paths), charter.protected, charter.architecture)
    for path in planned.paths:
        if problem := globs.problem_of(path):
            matches.append(_refuse(card, f"path `{path}`: {problem}", "use a glob relative to the repository"))
    book = rulebook_of(charter)
    for command in _INLINE_COMMAND.findall(text):
        wish = Action(kind="run", command=command)
        matches += [match for match in book.judge_action(wish, planned.role, {}) if match.decision is Decision.DENY]
    denied = [match for match in matches if match.decision is not Decision.ALLOW]
    decision = strictest(Decision.ALLOW, *(match.decision for match in denied))
    return Ruling(decision=decision, matches=tuple(matches))


def ruling_on_start(state: State, task: Task, handoff: Handoff) -> Ruling:
    """What the rules say to a turn that is about to start: context whole and current, one writer, a digest read."""
    facts = nested(start_facts(state, task, handoff))
    matches = rulebook_of(state.law).judge_phase("task_start", handoff.to, facts)
    decision = strictest(Decision.ALLOW, *(match.decision for match in matches))
    return Ruling(decision=decision, matches=tuple(matches))


def _samples(paths: tuple[str, ...]) -> tuple[str, ...]:
    """A path that each glob means: what a role may not write at all is refused before its turn."""
    return tuple(path.replace("**/", "").replace("**", "any").replace("*", "any").replace("?", "x") for path in paths)


def _refuse(card: RoleCard, reason: str, instead: str) -> RuleMatch:
    return RuleMatch(source="level 1", decision=Decision.DENY, reason=reason, instead=instead, where=card.id)
