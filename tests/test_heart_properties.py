"""What always holds, whatever happens: random walks with crashes, each invariant checked after every step.

The auditor keeps its own books from the entries alone; where it and the state disagree, one of them is wrong.
"""

from __future__ import annotations

import typing
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import pytest
from heart import Heart, approved, handed_over, landed, reviewed, small_task, state_bytes
from heart import given as story
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from wandering import Wanderer

from factory_tui.bootstrap.grounds import codec
from factory_tui.domain import events as e
from factory_tui.domain.agenda import agenda
from factory_tui.domain.asking import stands_still
from factory_tui.domain.charter import Charter
from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import STEPS, fold
from factory_tui.domain.releasing import FLOOR
from factory_tui.domain.roles import path_policy
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor, Decision, Verdict
from factory_tui.domain.waiting import digest_is_owed, waiting

BY_THE_SUPERVISOR = (
    e.AskAnswered,
    e.ChangeApproved,
    e.DeploymentApproved,
    e.DeploymentRejected,
    e.DeploymentClosed,
    e.ReleaseRegistered,
    e.ChangeRejected,
    e.DigestAcknowledged,
    e.FindingDismissed,
    e.IndependenceWaived,
    e.PlanApproved,
    e.PlanRejected,
    e.QuestionAnswered,
    e.GrantGiven,
    e.GrantRevoked,
    e.BudgetRaised,
    e.MessageSent,
    e.RoleSeated,
    e.SeatChosen,
    e.TaskSplit,
    e.TurnPaused,
    e.TurnResumed,
    e.TurnRetired,
    e.WorldTried,
    e.TaskHeld,
    e.TaskUnheld,
    e.TaskDropped,
    e.RuleAdopted,
    e.IncidentClosed,
    e.Unfrozen,
    e.TaskRetried,
    e.ModeChanged,
    e.Unpaused,
)


@dataclass
class Auditor:
    """Its own books, one entry at a time, before the state that follows is known."""

    state: State = field(default_factory=State)
    ids: set[str] = field(default_factory=set)
    law: Charter | None = None
    now: str = ""
    passed: set[tuple[str, str, str]] = field(default_factory=set)
    """(task, tree, base) that passed level 2."""
    answered: dict[str, tuple[Verdict, bool, str]] = field(default_factory=dict)
    """The last word of level 3 on a commit: verdict, independent, turn."""
    judges: dict[str, set[str]] = field(default_factory=dict)
    """Turns that judged a commit."""
    waived: set[str] = field(default_factory=set)
    tree_of: dict[str, str] = field(default_factory=dict)
    author_of: dict[str, str] = field(default_factory=dict)
    """The turn, by tree."""
    person_of: dict[str, str] = field(default_factory=dict)
    """By turn."""
    role_of: dict[str, str] = field(default_factory=dict)
    approvals: dict[str, e.ChangeApproved] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    cleared: dict[str, e.LandingCleared] = field(default_factory=dict)
    intents: dict[str, e.LandingIntended] = field(default_factory=dict)
    landed: Counter[str] = field(default_factory=Counter)
    let: dict[str, e.DeploymentApproved] = field(default_factory=dict)
    """Deployments that were approved and not begun, by approval."""
    open_actions: dict[str, str] = field(default_factory=dict)
    """Turn, by action."""
    turns: dict[str, str] = field(default_factory=dict)
    """Task, by running turn."""
    sealed_under: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Brief and charter, by handoff."""
    released: Counter[str] = field(default_factory=Counter)

    def see(self, entry: Entry) -> None:
        event, before = entry.event, self.state
        assert entry.seq == before.seq + 1, "1: every entry once, in order, without a gap"
        is_refusal = isinstance(event, e.AskAnswered) and not event.allowed  # the factory's, when nobody was there
        if isinstance(event, BY_THE_SUPERVISOR) and not is_refusal:
            assert entry.by.kind == "supervisor", f"8: {event} by {entry.by}"
        if born := _BIRTHS.get(type(event)):
            id = getattr(event, born)
            assert id not in self.ids, f"ids are unique: {id}"
            self.ids.add(id)
        self._audit(event, before)
        self.state = fold([entry], before)

    def _audit(self, event: object, before: State) -> None:
        match event:
            case e.CharterAdopted(charter=law):
                self.law = law
            case e.SessionStarted():
                assert not self.turns or event.recovered
            case e.TimePassed(now=now):
                assert now > self.now
                self.now = now
            case e.BriefSealed(handoff=handoff, brief=brief):
                assert self.law
                self.sealed_under[handoff] = (brief.sha256, self.law.sha256)
            case e.HandoffReleased(handoff=handoff, brief=brief):
                assert self.sealed_under[handoff][0] == brief
                self.released[handoff] += 1
            case e.TurnStarted():
                self._turn_started(event, before)
            case e.TurnEnded(turn=turn):
                assert self.turns.pop(turn)
                left = [id for id, owner in self.open_actions.items() if owner == turn]
                assert not left, f"9: {turn} ended and {left} never did"
            case e.ActionAllowed(id=id, turn=turn, action=action):
                assert turn in self.turns, "9: an action outside of a turn"
                assert id not in self.open_actions, "9: an action twice"
                assert self.law
                assert action.kind in self.law.role(self.role_of[turn]).actions, "10: not in the card"
                assert not before.paused, "10: allowed during a pause"
                assert not before.turns[turn].paused, "10: allowed while its turn is paused"
                self.open_actions[id] = turn
            case e.ActionDenied(id=id) | e.ActionAsked(id=id):
                assert id not in self.open_actions, "10: refused and allowed"
            case e.ActionEnded(id=id):
                assert self.open_actions.pop(id, ""), "9: ended twice, or never began"
            case e.TreeImported(turn=turn, tree=tree, paths=paths):
                assert self.law
                card = self.law.role(self.role_of[turn])
                refused = [
                    match
                    for match in path_policy(card, paths, self.law.protected, self.law.architecture)
                    if match.decision is Decision.DENY
                ]
                assert not refused, f"11: {refused}"
                self.author_of[tree] = turn
            case e.LevelJudged(level=2, verdict=Verdict.PASS, task=task, tree=tree, base=base):
                assert event.tests_passed > 0, "a check that inspected nothing has not run"
                self.passed.add((task, tree, base))
            case e.LevelJudged(level=3):
                self._judged(event)
            case e.Committed(task=task, tree=tree, base=base, commit=commit):
                assert (task, tree, base) in self.passed, "4: committed without level 2"
                self.tree_of[commit] = tree
            case e.HandedOver(task=task, commit=commit):
                assert commit in self.tree_of
                last = self.answered.get(commit)
                assert last is None or last[0] is not Verdict.FAIL, "7: what failed is handed over unchanged"
            case e.IndependenceWaived(commit=commit):
                self.waived.add(commit)
            case e.ChangeApproved():
                self._approved(event)
            case e.ApprovalStale(approval=approval):
                assert approval in self.approvals
                self.used[approval] += 1
            case e.LandingCleared(task=task):
                self.cleared[task] = event
            case e.LandingIntended():
                self._intended(event, before)
            case e.LandingRefused(task=task):
                self.intents.pop(task, None)
            case e.Landed():
                self._landed(event)
            case e.DeploymentApproved():
                proposed = before.deployments[event.deployment]
                assert (event.commit, event.plan) == (proposed.plan.commit, proposed.sha256)
                person = event.by.removeprefix("supervisor:").partition("@")[0]
                assert event.waived or proposed.person != person, "approved by who proposed it"
                self.let[event.approval] = event
            case e.DeploymentIntended():
                let = self.let.pop(event.approval, None)
                assert let is not None, "deployed without an approval, or with one that is spent"
                assert (let.deployment, let.commit) == (event.deployment, event.commit)
                assert before.frozen is None, "deployed in a freeze"
                assert before.closed[before.deployments[event.deployment].task].landed_as == event.commit
            case e.DeploymentChecked(verdict=Verdict.PASS):
                assert {row.id for row in event.rows} >= set(FLOOR)
                assert not event.failed
                assert not event.gaps
            case _:
                pass

    def _turn_started(self, event: e.TurnStarted, before: State) -> None:
        assert self.law
        assert event.task not in self.turns.values(), "two turns on one task"
        assert not (before.mode == "step" and self.turns), "step: one turn at a time"
        assert not digest_is_owed(before), "no turn before the digest was read"
        assert not before.paused
        assert not before.tasks[event.task].held
        assert before.session_open
        assert self.released[event.handoff], "a turn that nobody released"
        assert self.sealed_under[event.handoff] == (event.brief, self.law.sha256), "14: another brief or charter"
        self.turns[event.turn] = event.task
        self.person_of[event.turn], self.role_of[event.turn] = event.person, event.role

    def _judged(self, event: e.LevelJudged) -> None:
        assert self.tree_of.get(event.commit) == event.tree, "5: a verdict about a commit and another tree"
        author = self.author_of[event.tree]
        if event.turn in self.role_of:
            assert event.turn != author, "6: the author judged itself"
            assert self.role_of[event.turn] != self.role_of[author], "6: the author's role judged"
        if event.verdict is Verdict.PASS:
            person = self.person_of[event.turn]
            assert not person or person != self.person_of[author], "6: one person passed their own work"
        if event.verdict is not Verdict.BROKEN:
            seen = self.judges.setdefault(event.commit, set())
            assert event.turn not in seen, "7: one turn judged twice"
            seen.add(event.turn)
            self.answered[event.commit] = (event.verdict, event.independent, event.turn)

    def _approved(self, event: e.ChangeApproved) -> None:
        assert self.law
        assert event.charter == self.law.sha256, "5: another charter"
        assert (event.task, event.tree, event.base) in self.passed, "4: approved without level 2"
        verdict, independent, _ = self.answered[event.commit]
        fine = verdict is Verdict.PASS or (
            verdict is Verdict.NOT_RUN and not independent and event.commit in self.waived
        )
        assert fine, f"7: approved on {verdict}"
        self.approvals[event.approval] = event

    def _intended(self, event: e.LandingIntended, before: State) -> None:
        task = before.tasks[event.task]
        assert task.approval
        approval = self.approvals[task.approval.id]
        assert self.used[approval.approval] == 0, "8: an approval that is stale or used"
        assert not approval.expires or self.now <= approval.expires, "8: an approval that has expired"
        assert event.task not in self.intents, "17: two intents for one landing"
        assert not self.intents, "20: landings are serial"
        cleared = self.cleared[event.task]
        assert cleared.approval == approval.approval
        assert event.ref == before.missions[task.mission].target, "3: another branch"
        assert event.old in ("", cleared.onto), "3: another old id"
        self.used[approval.approval] += 1
        self.intents[event.task] = event

    def _landed(self, event: e.Landed) -> None:
        intent = self.intents.pop(event.task)
        assert (event.ref, event.old, event.new) == (intent.ref, intent.old, intent.new), "3: not what was intended"
        cleared = self.cleared[event.task]
        assert event.tree == cleared.tree, "13: another tree landed"
        assert (event.task, event.tree, cleared.onto) in self.passed, "13: a tree landed that was not tested"
        approval = self.approvals[cleared.approval]
        if event.tree != approval.tree:
            assert cleared.onto != approval.base, "13: a merge of nothing"
        else:
            assert event.new == approval.commit, "13: another commit than was approved"
        verdict, independent, _ = self.answered[approval.commit]
        assert verdict is Verdict.PASS or not independent, "7: a FAIL landed"
        self.landed[event.task] += 1
        assert self.landed[event.task] == 1, "17: landed twice"


_BIRTHS: dict[type, str] = {
    e.TurnStarted: "turn",
    e.TaskOpened: "task",
    e.PlanProposed: "plan",
    e.HandoffOffered: "handoff",
    e.Escalated: "question",
    e.ProposalMade: "proposal",
    e.CharterProposed: "proposal",
    e.GrantGiven: "grant",
    e.ChangeApproved: "approval",
    e.IncidentOpened: "incident",
    e.DeploymentProposed: "deployment",
    e.ReleaseRegistered: "deployment",
    e.DeploymentApproved: "approval",
    e.MissionStated: "mission",
}


def consistent(state: State) -> None:
    """What the state itself must never say."""
    assert not any(task.over for task in state.tasks.values())
    assert all(task.over for task in state.closed.values())
    for name in ("asks", "questions", "plans"):
        for id, value in getattr(state, name).items():
            assert value.task in state.tasks, f"{id} outlived its task"
    assert all(grant.task in ("", *state.tasks) for grant in state.grants.values())
    assert all(turn.task in state.tasks for turn in state.turns.values())
    for task in state.tasks.values():
        working = any(turn.task == task.id for turn in state.turns.values())
        assert (task.stage == "working") == working, (task.id, task.stage)
        assert task.stage != "landing" or task.intent is not None
        assert task.stage not in ("approved", "cleared") or task.approval is not None
    items = waiting(state)
    assert len({item.id for item in items}) == len(items)
    agenda(state)


def walk(numbers: list[int]) -> tuple[Wanderer, list[str]]:
    wanderer, auditor, told, seen = Wanderer(), Auditor(), [], 0
    for number in (*numbers, None):
        entries = wanderer.heart.entries
        for entry in entries[seen:]:
            auditor.see(entry)
        seen = len(entries)
        assert auditor.state == wanderer.heart.state, "2: the fold of the entries is not the state"
        consistent(wanderer.heart.state)
        if number is not None:
            kept = entries[:seen]
            told.append(wanderer.step(number))
            assert wanderer.heart.entries[: len(kept)] == kept, "1: an acknowledged entry changed"
    return wanderer, told


numbers = st.lists(st.integers(0, 1_000_000), min_size=80, max_size=250)
wide = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@wide
@given(numbers)
def test_whatever_happens_the_invariants_hold(walked: list[int]) -> None:  # D4: 1-11, 13, 14, 17, 20
    wanderer, _ = walk(walked)
    entries = wanderer.heart.entries
    once, twice = state_bytes(fold(entries)), state_bytes(fold(entries))
    assert once == twice == state_bytes(wanderer.heart.state)
    for cut in (len(entries) // 3, len(entries) // 2):
        assert state_bytes(fold(entries[cut:], fold(entries[:cut]))) == once


@wide
@given(numbers)
def test_with_the_faults_turned_off_everything_ends_or_waits_for_somebody(walked: list[int]) -> None:  # D4: 23
    wanderer, _ = walk(walked)
    wanderer.settle()
    state = wanderer.heart.state
    if not state.session_open or state.paused or digest_is_owed(state):
        return
    waits_for = {item.task for item in waiting(state)}
    crashed = {job for job, count in state.crashes.items() if count >= 3}
    stands = any(stands_still(state, turn) or turn.control == "human" for turn in state.turns.values())
    without_turns = agenda(replace(state, turns={}))
    for task in state.tasks.values():
        is_fine = (
            task.id in waits_for
            or task.held
            or (task.stage == "waiting" and any(before in state.tasks for before in task.after))
            or any(f"'{task.id}'" in job for job in crashed)
            or (state.mode == "step" and task.stage == "released" and bool(state.turns))
            or any(f"'{task.id}'" in str(job) for job in agenda(state))
            # Its turn is next, behind one that only a person can let go on.
            or (task.stage == "released" and stands and any(f"'{task.id}'" in str(job) for job in without_turns))
        )
        assert is_fine, f"{task.id} ({task.stage}, {task.why}) waits for nobody"


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(numbers)
def test_every_entry_comes_back_from_the_ledger_as_it_was(walked: list[int]) -> None:
    known = codec()
    wanderer, _ = walk(walked)
    entries = wanderer.heart.entries
    again = [
        Entry(seq=entry.seq, at=entry.at, by=entry.by, event=event)
        for entry in entries
        for event in known.decode(1, known.encode([entry.event]))
    ]
    assert again == entries
    assert state_bytes(Heart(again).state) == state_bytes(wanderer.heart.state)


def test_the_walks_go_somewhere() -> None:
    """A property over walks that reach nothing would hold by itself."""
    seen: Counter[type] = Counter()
    for start in range(100):
        wanderer, _ = walk([start * 1_009 + step for step in range(250)])
        seen.update(type(entry.event) for entry in wanderer.heart.entries)
    never = {event.__name__ for event in typing.get_args(e.Event) if not seen[event]}
    assert not never, f"no walk reaches {', '.join(sorted(never))}"
    assert seen[e.Landed] > 3
    assert seen[e.TreeMerged] > 1


def _landing_story() -> list[Entry]:
    return story(small_task(), handed_over("a1"), reviewed(), approved(), landed()).heart.entries


LIES: dict[str, Callable[[object], object | None]] = {
    "3: another branch": lambda event: (
        replace(event, ref="refs/heads/x") if isinstance(event, e.LandingIntended) else event
    ),
    "3: not what was intended": lambda event: replace(event, new="zz") if isinstance(event, e.Landed) else event,
    "4: committed without level 2": lambda event: (
        replace(event, tree="zz") if isinstance(event, e.LevelJudged) and event.level == 2 else event
    ),
    "5: another charter": lambda event: replace(event, charter="0") if isinstance(event, e.ChangeApproved) else event,
    "6: the author judged itself": lambda event: (
        replace(event, turn="builder/b1") if isinstance(event, e.LevelJudged) and event.level == 3 else event
    ),
    "7: approved on fail": lambda event: (
        replace(event, verdict=Verdict.FAIL) if isinstance(event, e.LevelJudged) and event.level == 3 else event
    ),
    "9: builder/b1 ended": lambda event: None if isinstance(event, e.ActionEnded) else event,
    "11: ": lambda event: replace(event, paths=(".git/config",)) if isinstance(event, e.TreeImported) else event,
    "13: another tree landed": lambda event: replace(event, tree="zz") if isinstance(event, e.Landed) else event,
    "14: another brief": lambda event: replace(event, brief="0") if isinstance(event, e.TurnStarted) else event,
}


@pytest.mark.parametrize("broken", LIES)
def test_the_auditor_sees_through_a_ledger_that_lies(broken: str) -> None:
    """Each invariant is broken once by hand: what never fails would prove nothing."""
    with pytest.raises(AssertionError, match=broken):
        _audited([LIES[broken](entry.event) for entry in _landing_story()])


def _audited(events: list[object | None]) -> None:
    auditor = Auditor()
    by = Actor(kind="supervisor", name="supervisor:ada@script")
    for seq, event in enumerate((event for event in events if event is not None), 1):
        auditor.see(Entry(seq=seq, at="2026-11-22T00:00:00.000Z", by=by, event=event))


def test_the_auditor_finds_nothing_in_a_ledger_that_does_not_lie() -> None:
    _audited([entry.event for entry in _landing_story()])


def test_evolve_knows_every_event_and_nothing_else() -> None:
    assert STEPS.keys() == set(typing.get_args(e.Event))


@pytest.mark.parametrize("event", typing.get_args(e.Event), ids=lambda event: event.__name__)
def test_every_event_has_a_name_for_ever(event: type[msgspec.Struct]) -> None:
    assert event.__struct_config__.tag
    assert event.__struct_config__.tag != event.__name__
