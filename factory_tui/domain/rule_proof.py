"""Proving a rule on what is on record: it must fire on its incident, and stay silent on what was benign.

Pure: the ledger's entries and a reader of evidence go in, rows come out. What was recorded is judged through the same
door as in the moment itself, with the facts as they stood then, folded anew from the entries before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from factory_tui.domain import events as e
from factory_tui.domain.diff_text import change_from_diff
from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import evolve
from factory_tui.domain.facts import FACTS, nested
from factory_tui.domain.facts_needed import facts_needed
from factory_tui.domain.incidents import FEW
from factory_tui.domain.known import action_facts, commit_facts, start_facts
from factory_tui.domain.rule_cases import judge_case
from factory_tui.domain.rulebook import RuleBook, compile_rules
from factory_tui.domain.rules import Case, DenyAction, DenyCommand, DenyPath, DiffPattern, Rule
from factory_tui.domain.state import State
from factory_tui.domain.terms import Action, Change, Decision, Evidence, Phase, Record, RuleMatch, Verdict

Read = Callable[[Evidence], str | None]
"""The text of evidence; None = it is absent or altered."""
Side = Literal["incident", "near miss", "benign"]


class Material(Record, frozen=True, kw_only=True):
    """One recorded thing that a rule can be held against."""

    seq: int
    kind: Literal["action", "change", "state"]
    role: str
    phase: Phase
    facts: dict[str, object]
    """By dotted name, as they stood."""
    action: Action | None = None
    change: Change | None = None
    diff: str = ""

    @property
    def told(self) -> str:
        """On one line."""
        if self.action is not None:
            return f"{self.role}: {self.action.kind} {self.action.object}"
        if self.change is not None:
            return f"{self.role}: change of {', '.join(self.change.paths[:4])}"
        return f"{self.role}: state at {self.phase.replace('_', ' ')}"


class ProofRow(Record, frozen=True, kw_only=True):
    """What the rule said to one thing."""

    side: Side
    seq: int = 0
    """0 = a case of the rule's own file."""
    what: str
    decision: Decision
    holds: bool
    """It is what the proof wants."""
    reason: str = ""


class Proof(Record, frozen=True, kw_only=True):
    """Everything that came of it."""

    rule: str
    rows: tuple[ProofRow, ...]
    """Every one of the incident's and of the near misses; of the benign ones those that it disturbs."""
    caught: tuple[int, ...]
    missed: tuple[int, ...]
    benign: int
    borne: int
    disturbed: tuple[int, ...]
    problems: tuple[str, ...]
    unreadable: tuple[int, ...] = ()
    """Picked entries whose evidence is gone, or that are of no kind the rule looks at."""


def prove(rule: Rule, entries: Iterable[Entry], picked: Sequence[int], read: Read) -> Proof:
    """Holds a rule against its incident's entries and the last benign ones. Reads every entry once."""
    wanted = set(picked)
    own: list[Material] = []
    benign: deque[Material] = deque(maxlen=FEW)
    unreadable: list[int] = []
    offered: dict[tuple[str, str], tuple[Entry, State]] = {}
    state = State()
    for entry in entries:
        event = entry.event
        found: Material | None = None
        if entry.seq in wanted:
            found = material_of(entry, state, read)
            if found is None or not _looks_at(rule, found):
                unreadable.append(entry.seq)
            else:
                own.append(found)
            found = None
        elif isinstance(event, e.ActionAllowed | e.TurnStarted) and not isinstance(rule.check, DiffPattern):
            found = material_of(entry, state, read)
        if isinstance(event, e.TreeImported):
            offered[event.task, event.tree] = (entry, state)
        elif isinstance(event, e.LevelJudged) and event.level == 3 and event.verdict is Verdict.PASS:
            past = offered.get((event.task, event.tree))
            found = material_of(*past, read) if past is not None and past[0].seq not in wanted else None
        if found is not None and _looks_at(rule, found):
            benign.append(found)
        state = evolve(state, entry)
    return _proof(rule, own, list(benign), tuple(unreadable))


def read_proof(text: str | None) -> Proof | None:
    """A proof as it was kept; None when it is missing or was altered."""
    try:
        return msgspec.json.decode(text or "", type=Proof)
    except msgspec.MsgspecError:
        return None


def material_of(entry: Entry, before: State, read: Read) -> Material | None:
    """What an entry recorded, with the facts of its moment; None = nothing that a rule is asked about."""
    match entry.event:
        case (
            e.ActionAllowed(turn=id, action=action, sha256=sha256)
            | e.ActionAsked(turn=id, action=action, sha256=sha256)
            | e.ActionDenied(turn=id, action=action, sha256=sha256)
        ):
            turn = before.turns.get(id)
            if turn is None or turn.task not in before.tasks:
                return None
            facts = action_facts(before, turn, sha256)
            return Material(seq=entry.seq, kind="action", role=turn.role, phase="tool_call", facts=facts, action=action)
        case e.TreeImported(turn=id, diff=diff, message=message, tree=tree, author=author):
            text = read(diff)
            if text is None or before.charter is None:
                return None
            change = change_from_diff(text)
            facts = commit_facts(before, change, message, tree)
            return Material(
                seq=entry.seq, kind="change", role=author, phase="before_commit", facts=facts, change=change, diff=text
            )
        case e.TurnStarted(task=id, role=role):
            task = before.tasks.get(id)
            if task is None or task.handoff is None or before.charter is None:
                return None
            facts = start_facts(before, task, task.handoff)
            return Material(seq=entry.seq, kind="state", role=role, phase="task_start", facts=facts)
        case _:
            return None


def judge(book: RuleBook, rule: Rule, found: Material) -> tuple[Decision, str]:
    """What the rule says to it, and why."""
    facts = nested(found.facts)
    matches: tuple[RuleMatch, ...]
    if found.action is not None:
        matches = book.judge_action(found.action, found.role, facts)
    elif found.change is not None:
        matches = book.judge_change(found.change, found.role, facts)
    else:
        matches = book.judge_phase(found.phase, found.role, facts)
    own = [match for match in matches if match.source == rule.id]
    if not own:
        return Decision.ALLOW, ""
    if any(match.unanswered for match in own):
        return Decision.ASK, f"nobody could answer {', '.join(own[0].unanswered)}"
    return own[0].decision, own[0].where or own[0].reason


def _proof(rule: Rule, own: list[Material], benign: list[Material], unreadable: tuple[int, ...]) -> Proof:
    book = compile_rules([rule])
    problems = []
    answer = book.enforcement()[0]
    if not answer.enforced:
        problems.append(f"{rule.id} would be loaded, not enforced: nobody answers {', '.join(answer.missing)}")
    if answer.how == "reviewer":
        problems.append(f"{rule.id} is a question to a reviewer: nothing on record can prove it")
    rows: list[ProofRow] = []
    caught: list[int] = []
    missed: list[int] = []
    disturbed: list[int] = []
    wanted = (
        Decision.DENY if rule.severity == "block" and not any(one.approval for one in rule.unless) else Decision.ASK
    )
    for found in own:
        decision, why = judge(book, rule, found)
        holds = decision.weight >= wanted.weight and not why.startswith("nobody could answer")
        (caught if holds else missed).append(found.seq)
        rows.append(
            ProofRow(side="incident", seq=found.seq, what=found.told, decision=decision, holds=holds, reason=why)
        )
        if not any(is_recorded(case, found, rule) for case in rule.catches):
            problems.append(f"no case in `catches` is what entry #{found.seq} recorded")
    trial = RuleBook([rule], for_cases=True)
    for case in rule.allows:
        decision = judge_case(trial, rule, case)
        silent = decision is Decision.ALLOW
        rows.append(ProofRow(side="near miss", what=_told_case(case), decision=decision, holds=silent))
        if not silent:
            problems.append(f"it hits its own near miss: {_told_case(case)}")
    borne = 0
    for found in benign:
        borne += _bears_on(rule, found)
        decision, why = judge(book, rule, found)
        if decision is not Decision.ALLOW:
            disturbed.append(found.seq)
            rows.append(
                ProofRow(side="benign", seq=found.seq, what=found.told, decision=decision, holds=False, reason=why)
            )
    return Proof(
        rule=rule.id,
        rows=tuple(rows),
        caught=tuple(caught),
        missed=tuple(missed),
        benign=len(benign),
        borne=borne,
        disturbed=tuple(disturbed),
        problems=tuple(dict.fromkeys(problems)),
        unreadable=unreadable,
    )


def _looks_at(rule: Rule, found: Material) -> bool:
    """Whether a check of that kind is ever held against such a thing."""
    if isinstance(rule.check, DiffPattern):
        return found.kind == "change"
    if isinstance(rule.check, DenyAction | DenyPath | DenyCommand):
        return found.kind == "action"
    return found.phase in rule.bears_when.phases


def _bears_on(rule: Rule, found: Material) -> bool:
    bearing = rule.bears_when
    if (bearing.roles and found.role not in bearing.roles) or found.role in bearing.except_roles:
        return False
    if isinstance(rule.check, DenyCommand) and found.action is not None and found.action.kind != "run":
        return False
    return found.action is None or not bearing.actions or found.action.kind in bearing.actions


def is_recorded(case: Case, found: Material, rule: Rule) -> bool:
    """Whether a case is what was recorded, and not an invention: the same action, lines of the same difference, the
    same facts."""
    if case.role and case.role != found.role:
        return False
    if found.action is not None and found.kind == "action" and not isinstance(rule.check, DiffPattern):
        if case.action and case.action != found.action.kind:
            return False
        same = (case.command, case.path) == (found.action.command, found.action.path)
        return same and _same_facts(case, found, rule)
    if found.change is not None:
        theirs = {(file.path, line.text) for file in found.change.files for line in (*file.added, *file.removed)}
        mine = {
            (file.path, line.text)
            for file in change_from_diff(case.diff).files
            for line in (*file.added, *file.removed)
        }
        return bool(mine) and mine <= theirs
    return _same_facts(case, found, rule)


def _same_facts(case: Case, found: Material, rule: Rule) -> bool:
    needed = facts_needed(rule) & FACTS.keys() & found.facts.keys()
    return all(_plain(_at(case.state, name)) == _plain(found.facts[name]) for name in needed)


def _at(tree: object, name: str) -> object:
    for part in name.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _plain(value: object) -> object:
    return msgspec.json.decode(msgspec.json.encode(value))


def _told_case(case: Case) -> str:
    words = case.command or case.path or case.situation or " ".join(case.diff.split())[:80]
    return f"{case.role or 'any role'}: {case.action or ''} {words or 'facts'}".replace(":  ", ": ")
