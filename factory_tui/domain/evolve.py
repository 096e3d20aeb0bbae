"""One event, one step: how the state follows from what happened.

Total over the union of events (a test compares), pure, and quick: a session opens by folding all of history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import (
    Approval,
    Ask,
    Candidate,
    DigestRef,
    Grant,
    Handoff,
    Incident,
    Mission,
    OpenAction,
    Proposal,
    Question,
    Stage,
    State,
    Task,
    Turn,
    TurnRecord,
)
from factory_tui.domain.terms import Verdict


def evolve(state: State, entry: Entry) -> State:
    """The state after one more entry."""
    step = _STEPS[type(entry.event)]
    return step(state, entry.event, entry)


def fold(entries: Iterable[Entry], state: State | None = None) -> State:
    """The state after all of them, from the beginning or from `state`."""
    state = state or State()
    steps = _STEPS
    for entry in entries:
        state = steps[type(entry.event)](state, entry.event, entry)
    return state


# --- small tools ---------------------------------------------------------------------------------


def _count(state: State, *ids: str) -> dict[str, int]:
    """Counters live in the state, so that a replay numbers alike."""
    counters = dict(state.counters)
    for id in ids:
        prefix, _, number = id.rpartition("-")
        counters[prefix] = max(counters.get(prefix, 0), int(number))
    return counters


def _with_task(state: State, entry: Entry, task: Task, **more: Any) -> State:
    old = state.tasks.get(task.id)
    if old is None or old.stage != task.stage:
        task = replace(task, since=entry.at)
    tasks = dict(state.tasks)
    if task.over:
        tasks.pop(task.id, None)
        return replace(state, seq=entry.seq, at=entry.at, tasks=tasks, closed={**state.closed, task.id: task}, **more)
    tasks[task.id] = task
    return replace(state, seq=entry.seq, at=entry.at, tasks=tasks, **more)


def _task(state: State, id: str) -> Task:
    return state.tasks.get(id) or state.closed[id]


def _without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def _with_turn(state: State, entry: Entry, turn: Turn, **more: Any) -> State:
    return replace(state, seq=entry.seq, at=entry.at, turns={**state.turns, turn.id: turn}, **more)


# --- sessions ------------------------------------------------------------------------------------


def _session_started(state: State, event: e.SessionStarted, entry: Entry) -> State:
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        session=event.session,
        session_open=True,
        session_first_seq=entry.seq,
        recovered_session=event.session - 1 if event.recovered else 0,
        version=event.version,
        wall=event.wall,
        base_ref=event.base_ref,
        base=event.base,
        mode=event.mode,
        paused="",
        crashes={},
        grants={id: grant for id, grant in state.grants.items() if grant.task},
        usd=0.0,
        tokens=0,
        costs_unknown=False,
    )


def _charter_adopted(state: State, event: e.CharterAdopted, entry: Entry) -> State:
    waiting = {id: p for id, p in state.proposals.items() if p.charter != event.charter.sha256}
    tasks = {id: _unsealed(task) for id, task in state.tasks.items()}
    return replace(state, seq=entry.seq, at=entry.at, charter=event.charter, proposals=waiting, tasks=tasks)


def _charter_proposed(state: State, event: e.CharterProposed, entry: Entry) -> State:
    proposal = Proposal(
        id=event.proposal,
        path=", ".join(event.paths),
        evidence=event.evidence,
        by=entry.by.name,
        since=entry.at,
        charter=event.charter,
        problem=event.problem,
    )
    others = {id: p for id, p in state.proposals.items() if not p.charter}
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        proposals={**others, event.proposal: proposal},
        counters=_count(state, event.proposal),
    )


def _charter_declined(state: State, event: e.CharterDeclined, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, proposals=_without(state.proposals, event.proposal))


def _mode_changed(state: State, event: e.ModeChanged, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, mode=event.mode)


def _paused(state: State, event: e.Paused, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, paused=event.reason or "paused")


def _unpaused(state: State, event: e.Unpaused, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, paused="")


def _digest_written(state: State, event: e.DigestWritten, entry: Entry) -> State:
    digest = DigestRef(session=event.session, path=event.path, evidence=event.evidence)
    owed = 0 if state.recovered_session == event.session else state.recovered_session
    return replace(state, seq=entry.seq, at=entry.at, digest=digest, recovered_session=owed)


def _session_ended(state: State, event: e.SessionEnded, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, session_open=False)


def _digest_acknowledged(state: State, event: e.DigestAcknowledged, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, acknowledged=max(state.acknowledged, event.session))


def _unsealed(task: Task) -> Task:
    """What a sealed brief held has changed: it is no longer what the next role would get."""
    if task.handoff is None or task.stage != "offered":
        return task
    return replace(task, handoff=replace(task.handoff, brief=None, inputs=(), edited=False, refused=""))


def _nothing(state: State, event: e.LedgerRepaired, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at)


def _time_passed(state: State, event: e.TimePassed, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, now=event.now)


# --- missions and tasks --------------------------------------------------------------------------


def _mission_stated(state: State, event: e.MissionStated, entry: Entry) -> State:
    mission = Mission(
        id=event.mission,
        text=event.text,
        base_ref=event.base_ref,
        base=event.base,
        target=event.target,
        tip=event.base,
        small=event.small,
    )
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        missions={**state.missions, mission.id: mission},
        counters=_count(state, mission.id),
    )


def _mission_ended(state: State, event: e.MissionEnded, entry: Entry) -> State:
    mission = replace(state.missions[event.mission], outcome=event.outcome)
    return replace(state, seq=entry.seq, at=entry.at, missions={**state.missions, mission.id: mission})


def _task_opened(state: State, event: e.TaskOpened, entry: Entry) -> State:
    task = Task(
        id=event.task,
        mission=event.mission,
        role=event.role,
        delivers=event.delivers,
        title=event.title,
        goal=event.goal,
        criteria=event.criteria,
        paths=event.paths,
        after=event.after,
        asks=event.asks,
        opened_seq=entry.seq,
        since=entry.at,
    )
    return _with_task(state, entry, task, counters=_count(state, event.task))


def _plan_proposed(state: State, event: e.PlanProposed, entry: Entry) -> State:
    turn = replace(state.turns[event.turn], delivered="plan")
    task = replace(state.tasks[event.task], report=None)
    return _with_task(
        state,
        entry,
        task,
        plans={**state.plans, event.plan: event},
        turns={**state.turns, turn.id: turn},
        counters=_count(state, event.plan),
    )


def _plan_approved(state: State, event: e.PlanApproved, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, plans=_without(state.plans, event.plan))


def _plan_rejected(state: State, event: e.PlanRejected, entry: Entry) -> State:
    plan = state.plans[event.plan]
    task = state.tasks[plan.task]
    answers = (*task.answers, ("The supervisor rejected your plan", event.reason))
    return _with_task(state, entry, replace(task, answers=answers), plans=_without(state.plans, event.plan))


def _handoff_offered(state: State, event: e.HandoffOffered, entry: Entry) -> State:
    handoff = Handoff(
        id=event.handoff,
        to=event.to,
        purpose=event.purpose,
        sent_by=event.sent_by,
        reason=event.reason,
        since=entry.at,
    )
    task = replace(state.tasks[event.task], handoff=handoff, stage="offered", attempt=event.attempt)
    return _with_task(state, entry, task, counters=_count(state, event.handoff))


def _handoff_task(state: State, handoff: str) -> Task:
    return next(task for task in state.tasks.values() if task.handoff and task.handoff.id == handoff)


def _brief_sealed(state: State, event: e.BriefSealed, entry: Entry) -> State:
    task = _handoff_task(state, event.handoff)
    assert task.handoff
    sealed = replace(task.handoff, brief=event.brief, inputs=event.inputs, edited=event.edited, refused="")
    return _with_task(state, entry, replace(task, handoff=sealed))


def _brief_refused(state: State, event: e.BriefRefused, entry: Entry) -> State:
    task = _handoff_task(state, event.handoff)
    assert task.handoff
    why = event.reason or (
        f"the brief would be {event.size} bytes, the limit is {event.limit}; the largest part is {event.largest}"
    )
    handoff = replace(task.handoff, refused=why)
    return _with_task(state, entry, replace(task, handoff=handoff))


def _handoff_released(state: State, event: e.HandoffReleased, entry: Entry) -> State:
    return _with_task(state, entry, replace(_handoff_task(state, event.handoff), stage="released"))


def _handoff_redirected(state: State, event: e.HandoffRedirected, entry: Entry) -> State:
    task = _handoff_task(state, event.handoff)
    assert task.handoff
    handoff = replace(task.handoff, to=event.to, brief=None, inputs=(), edited=False, refused="")
    role = event.to if task.handoff.purpose == "author" else task.role
    return _with_task(state, entry, replace(task, handoff=handoff, role=role))


def _handoff_rejected(state: State, event: e.HandoffRejected, entry: Entry) -> State:
    task = _handoff_task(state, event.handoff)
    answers = (*task.answers, ("The supervisor rejected the handoff", event.reason))
    return _with_task(state, entry, replace(task, answers=answers))


def _task_held(state: State, event: e.TaskHeld, entry: Entry) -> State:
    return _with_task(state, entry, replace(state.tasks[event.task], held=event.reason or "held"))


def _task_unheld(state: State, event: e.TaskUnheld, entry: Entry) -> State:
    return _with_task(state, entry, replace(state.tasks[event.task], held=""))


def _task_stuck(state: State, event: e.TaskStuck, entry: Entry) -> State:
    return _with_task(state, entry, replace(state.tasks[event.task], stage="stuck", why=event.reason, handoff=None))


def _task_retried(state: State, event: e.TaskRetried, entry: Entry) -> State:
    task = state.tasks[event.task]
    task = replace(
        task,
        seat=event.seat or task.seat,
        goal=event.goal or task.goal,
        criteria=event.criteria or task.criteria,
        attempt=1,
        fruitless=0,
        why="",
        stage="waiting",
    )
    return _with_task(state, entry, task, crashes={})


def _task_dropped(state: State, event: e.TaskDropped, entry: Entry) -> State:
    return _with_task(state, entry, replace(_task(state, event.task), stage="dropped", why=event.reason, handoff=None))


def _task_done(state: State, event: e.TaskDone, entry: Entry) -> State:
    task = state.tasks[event.task]
    return _with_task(state, entry, replace(task, stage="done", report=event.evidence or task.report, handoff=None))


# --- turns and actions ---------------------------------------------------------------------------


def _worktree_opened(state: State, event: e.WorktreeOpened, entry: Entry) -> State:
    task = replace(state.tasks[event.task], worktree=event.name, worktree_base=event.base, rebase=False)
    return _with_task(state, entry, task)


def _worktree_kept(state: State, event: e.WorktreeKept, entry: Entry) -> State:
    return _with_task(state, entry, replace(_task(state, event.task), worktree="", worktree_base=""))


def _turn_started(state: State, event: e.TurnStarted, entry: Entry) -> State:
    task = state.tasks[event.task]
    purpose = task.handoff.purpose if task.handoff else "author"
    turn = Turn(
        id=event.turn,
        task=event.task,
        handoff=event.handoff,
        role=event.role,
        purpose=purpose,
        attempt=event.attempt,
        seat=event.seat,
        control=event.control,
        person=event.person,
        brief=event.brief,
        started=entry.at,
    )
    prefix, _, tail = event.turn.rpartition("/")
    counters = {**state.counters, f"turn:{prefix}": int(tail.lstrip("abcdefghijklmnopqrstuvwxyz_"))}
    return _with_task(
        state, entry, replace(task, stage="working"), turns={**state.turns, turn.id: turn}, counters=counters
    )


def _stage_after(task: Task, turn: Turn) -> Stage:
    """Where a task stands when its turn has ended and nothing else was decided yet."""
    match turn.delivered:
        case "question":
            return "parked"
        case "plan":
            return "planned"
        case "review":
            return "ready"
        case _:
            return "released"


def _turn_ended(state: State, event: e.TurnEnded, entry: Entry) -> State:
    turn = state.turns[event.turn]
    record = TurnRecord(
        id=turn.id,
        role=turn.role,
        seat=turn.seat,
        person=turn.person,
        purpose=turn.purpose,
        attempt=turn.attempt,
        outcome=event.outcome,
        usd=turn.usd,
        tokens=turn.tokens,
    )
    task = _task(state, turn.task)
    fruitless = 0 if turn.delivered else task.fruitless + (event.outcome != "interrupted")
    task = replace(task, turns=(*task.turns, record), fruitless=fruitless)
    if not task.over and task.stage == "working":
        task = replace(task, stage=_stage_after(task, turn))
    asks = state.asks
    if event.outcome != "interrupted":
        asks = {id: ask for id, ask in asks.items() if ask.turn != turn.id}
    return _with_task(state, entry, task, turns=_without(state.turns, turn.id), asks=asks)


def _usage_noted(state: State, event: e.UsageNoted, entry: Entry) -> State:
    turn = state.turns[event.turn]
    tokens = event.tokens_in + event.tokens_out + event.tokens_cached
    more = tokens - turn.tokens
    usd = (event.usd or 0.0) - (turn.usd or 0.0)
    return _with_turn(
        state,
        entry,
        replace(turn, usd=event.usd, tokens=tokens),
        usd=state.usd + usd,
        tokens=state.tokens + more,
        costs_unknown=state.costs_unknown or event.usd is None,
    )


def _action_allowed(state: State, event: e.ActionAllowed, entry: Entry) -> State:
    turn = state.turns[event.turn]
    turn = replace(turn, actions=turn.actions + 1, open={**turn.open, event.id: _opened(event)})
    grants = state.grants
    if event.grant and (grant := grants.get(event.grant)) and grant.once:
        grants = _without(grants, event.grant)
    asks = _without(state.asks, event.id) if event.id in state.asks else state.asks
    counters = {**state.counters, "A": int(event.id[2:])} if event.id not in state.asks else state.counters
    return _with_turn(state, entry, turn, grants=grants, asks=asks, counters=counters)


def _opened(event: e.ActionAllowed) -> OpenAction:
    return OpenAction(kind=event.action.kind, object=event.action.object, sha256=event.sha256)


def _action_asked(state: State, event: e.ActionAsked, entry: Entry) -> State:
    turn = state.turns[event.turn]
    ask = Ask(
        id=event.id,
        turn=event.turn,
        task=turn.task,
        role=turn.role,
        action=event.action,
        sha256=event.sha256,
        ruling=event.ruling,
        since=entry.at,
    )
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        asks={**state.asks, ask.id: ask},
        counters=_count(state, event.id),
    )


def _action_denied(state: State, event: e.ActionDenied, entry: Entry) -> State:
    turn = state.turns[event.turn]
    key = event.sha256
    repeats = turn.repeats + 1 if turn.failing == key else 1
    malformed = turn.malformed + (event.action.kind == "report")
    turn = replace(turn, denied=turn.denied + 1, failing=key, repeats=repeats, malformed=malformed)
    counters = {**state.counters, "A": max(state.counters.get("A", 0), int(event.id[2:]))}
    return _with_turn(state, entry, turn, asks=_without(state.asks, event.id), counters=counters)


def _ask_answered(state: State, event: e.AskAnswered, entry: Entry) -> State:
    ask = state.asks[event.id]
    asks = _without(state.asks, event.id)
    task = state.tasks.get(ask.task)
    if task is None or ask.turn in state.turns:
        return replace(state, seq=entry.seq, at=entry.at, asks=asks)
    # The turn that asked was interrupted: the next one is told.
    answer = "allowed" if event.allowed else f"denied: {event.reason}"
    told = (f"You wanted to {ask.action.kind} {ask.action.object}", answer)
    return _with_task(state, entry, replace(task, answers=(*task.answers, told)), asks=asks)


def _grant_given(state: State, event: e.GrantGiven, entry: Entry) -> State:
    grant = Grant(
        id=event.grant,
        role=event.role,
        kind=event.kind,
        object=event.object,
        task=event.task,
        once=event.once,
        tree=event.tree,
        rules=event.rules,
    )
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        grants={**state.grants, grant.id: grant},
        counters=_count(state, event.grant),
    )


def _grant_revoked(state: State, event: e.GrantRevoked, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, grants=_without(state.grants, event.grant))


def _action_ended(state: State, event: e.ActionEnded, entry: Entry) -> State:
    turn = next((turn for turn in state.turns.values() if event.id in turn.open), None)
    if turn is None:
        return replace(state, seq=entry.seq, at=entry.at)
    action = turn.open[event.id]
    failing, repeats = "", 0
    if event.result != "ok":
        failing, repeats = action.sha256, turn.repeats + 1 if turn.failing == action.sha256 else 1
    turn = replace(turn, open=_without(turn.open, event.id), failing=failing, repeats=repeats)
    task = state.tasks.get(turn.task)
    if event.result == "ok" and action.kind == "edit" and task and action.object not in task.edited:
        task = replace(task, edited=(*task.edited, action.object), first_edit=task.first_edit or entry.at)
        return _with_task(state, entry, task, turns={**state.turns, turn.id: turn})
    return _with_turn(state, entry, turn)


def _reported(state: State, event: e.Reported, entry: Entry) -> State:
    turn = replace(state.turns[event.turn], delivered="report")
    task = replace(state.tasks[event.task], report=event.evidence)
    return _with_task(state, entry, task, turns={**state.turns, turn.id: turn})


def _proposal_endorsed(state: State, event: e.ProposalEndorsed, entry: Entry) -> State:
    proposal = state.proposals[event.proposal]
    proposal = replace(proposal, endorsed=(*proposal.endorsed, event.role))
    return replace(state, seq=entry.seq, at=entry.at, proposals={**state.proposals, proposal.id: proposal})


def _escalated(state: State, event: e.Escalated, entry: Entry) -> State:
    question = Question(id=event.question, task=event.task, turn=event.turn, text=event.text, since=entry.at)
    task = replace(state.tasks[event.task], question=event.question)
    turn = replace(state.turns[event.turn], delivered="question")
    return _with_task(
        state,
        entry,
        task,
        questions={**state.questions, question.id: question},
        turns={**state.turns, turn.id: turn},
        counters=_count(state, event.question),
    )


def _question_answered(state: State, event: e.QuestionAnswered, entry: Entry) -> State:
    question = state.questions[event.question]
    questions = _without(state.questions, event.question)
    task = _task(state, question.task)
    task = replace(task, question="", answers=(*task.answers, (question.text, event.text)))
    return _with_task(state, entry, task, questions=questions)


def _proposal_made(state: State, event: e.ProposalMade, entry: Entry) -> State:
    proposal = Proposal(id=event.proposal, path=event.path, evidence=event.evidence, by=entry.by.name, since=entry.at)
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        proposals={**state.proposals, proposal.id: proposal},
        counters=_count(state, proposal.id),
    )


def _proposal_settled(state: State, event: e.ProposalSettled, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, proposals=_without(state.proposals, event.proposal))


# --- the gate ------------------------------------------------------------------------------------


def _tree_imported(state: State, event: e.TreeImported, entry: Entry) -> State:
    candidate = Candidate(
        tree=event.tree,
        base=event.base,
        turn=event.turn,
        action=event.action,
        at=entry.at,
        author=state.turns[event.turn].role,
        paths=event.paths,
        added=event.added,
        removed=event.removed,
        diff=event.diff,
        message=event.message,
        asks=event.asks,
        newly_ignored=event.newly_ignored,
    )
    task = replace(state.tasks[event.task], candidate=candidate, approval=None, merged="", onto="", merged_smoke=None)
    return _with_task(state, entry, task)


def _tree_refused(state: State, event: e.TreeRefused, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at)


def _level_judged(state: State, event: e.LevelJudged, entry: Entry) -> State:
    task = state.tasks[event.task]
    count = task.finding_count
    numbered = []
    for finding in event.findings:
        count += 1
        numbered.append(replace(finding, id=finding.id or f"F-{count}"))
    event = replace(event, findings=tuple(numbered))
    task = replace(task, finding_count=count)
    if event.level == 1:
        return _with_task(state, entry, replace(task, rules=event))
    if event.level == 2:
        if event.tree == task.merged and event.base == task.onto:
            return _with_task(state, entry, replace(task, merged_smoke=event))
        if task.candidate and task.candidate.tree == event.tree:
            return _with_task(state, entry, replace(task, candidate=replace(task.candidate, smoke=event)))
        return _with_task(state, entry, task)
    if event.level == 3 and task.candidate and task.candidate.commit == event.commit:
        candidate = replace(task.candidate, review=event)
        findings = event.findings if event.verdict is Verdict.FAIL else ()
        task = replace(task, candidate=candidate, history=(*task.history, event), findings=findings)
        if event.turn in state.turns:
            turn = replace(state.turns[event.turn], delivered="review" if event.verdict is not Verdict.BROKEN else "")
            return _with_task(state, entry, task, turns={**state.turns, turn.id: turn})
    return _with_task(state, entry, task)


def _committed(state: State, event: e.Committed, entry: Entry) -> State:
    task = state.tasks[event.task]
    assert task.candidate
    candidate = replace(task.candidate, commit=event.commit)
    return _with_task(state, entry, replace(task, candidate=candidate, edited=(), first_edit=""))


def _handed_over(state: State, event: e.HandedOver, entry: Entry) -> State:
    task = state.tasks[event.task]
    assert task.candidate
    turn = replace(state.turns[event.turn], delivered="change")
    task = replace(task, candidate=replace(task.candidate, handed_over=True, note=event.note))
    return _with_task(state, entry, task, turns={**state.turns, turn.id: turn})


def _finding_dismissed(state: State, event: e.FindingDismissed, entry: Entry) -> State:
    task = state.tasks[event.task]
    left = tuple(finding for finding in task.findings if finding.id != event.finding)
    return _with_task(state, entry, _unsealed(replace(task, findings=left)))


def _finding_added(state: State, event: e.FindingAdded, entry: Entry) -> State:
    task = state.tasks[event.task]
    number = task.finding_count + 1
    finding = replace(event.finding, id=f"F-{number}")
    task = replace(task, findings=(*task.findings, finding), finding_count=number)
    return _with_task(state, entry, _unsealed(task))


def _independence_waived(state: State, event: e.IndependenceWaived, entry: Entry) -> State:
    return _with_task(state, entry, replace(state.tasks[event.task], waived=event.commit, stage="ready"))


def _change_approved(state: State, event: e.ChangeApproved, entry: Entry) -> State:
    approval = Approval(
        id=event.approval,
        commit=event.commit,
        tree=event.tree,
        base=event.base,
        charter=event.charter,
        sha256=event.sha256,
        expires=event.expires,
    )
    task = replace(
        state.tasks[event.task], approval=approval, stage="approved", merged="", onto="", merged_smoke=None, why=""
    )
    return _with_task(state, entry, task, counters=_count(state, event.approval))


def _change_rejected(state: State, event: e.ChangeRejected, entry: Entry) -> State:
    return _with_task(state, entry, replace(state.tasks[event.task], approval=None))


def _approval_stale(state: State, event: e.ApprovalStale, entry: Entry) -> State:
    task = replace(
        state.tasks[event.task],
        approval=None,
        merged="",
        onto="",
        merged_smoke=None,
        why=event.reason,
        stage="ready",
        rebase=event.redo == "author",
    )
    return _with_task(state, entry, task)


def _tree_merged(state: State, event: e.TreeMerged, entry: Entry) -> State:
    task = replace(state.tasks[event.task], merged=event.tree, onto=event.onto, merged_smoke=None)
    return _with_task(state, entry, task)


def _landing_cleared(state: State, event: e.LandingCleared, entry: Entry) -> State:
    return _with_task(state, entry, replace(state.tasks[event.task], stage="cleared", onto=event.onto))


def _landing_intended(state: State, event: e.LandingIntended, entry: Entry) -> State:
    return _with_task(state, entry, replace(state.tasks[event.task], stage="landing", intent=event))


def _landed(state: State, event: e.Landed, entry: Entry) -> State:
    task = replace(state.tasks[event.task], stage="landed", landed_as=event.new, intent=None, handoff=None)
    mission = replace(state.missions[task.mission], tip=event.new)
    return _with_task(state, entry, task, missions={**state.missions, mission.id: mission})


def _landing_refused(state: State, event: e.LandingRefused, entry: Entry) -> State:
    task = replace(state.tasks[event.task], stage="ready", approval=None, intent=None, why=event.reason)
    return _with_task(state, entry, task)


# --- what went wrong -----------------------------------------------------------------------------


def _job_crashed(state: State, event: e.JobCrashed, entry: Entry) -> State:
    crashes = {**state.crashes, event.job: state.crashes.get(event.job, 0) + 1}
    return replace(state, seq=entry.seq, at=entry.at, crashes=crashes)


def _incident_opened(state: State, event: e.IncidentOpened, entry: Entry) -> State:
    incident = Incident(id=event.incident, title=event.title, what=event.what, task=event.task)
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        incidents={**state.incidents, incident.id: incident},
        counters=_count(state, incident.id),
    )


_STEPS: dict[type, Callable[[State, Any, Entry], State]] = {
    e.SessionStarted: _session_started,
    e.CharterAdopted: _charter_adopted,
    e.CharterProposed: _charter_proposed,
    e.CharterDeclined: _charter_declined,
    e.ModeChanged: _mode_changed,
    e.Paused: _paused,
    e.Unpaused: _unpaused,
    e.DigestWritten: _digest_written,
    e.SessionEnded: _session_ended,
    e.DigestAcknowledged: _digest_acknowledged,
    e.LedgerRepaired: _nothing,
    e.TimePassed: _time_passed,
    e.MissionStated: _mission_stated,
    e.MissionEnded: _mission_ended,
    e.TaskOpened: _task_opened,
    e.PlanProposed: _plan_proposed,
    e.PlanApproved: _plan_approved,
    e.PlanRejected: _plan_rejected,
    e.HandoffOffered: _handoff_offered,
    e.BriefSealed: _brief_sealed,
    e.BriefRefused: _brief_refused,
    e.HandoffReleased: _handoff_released,
    e.HandoffRedirected: _handoff_redirected,
    e.HandoffRejected: _handoff_rejected,
    e.TaskHeld: _task_held,
    e.TaskUnheld: _task_unheld,
    e.TaskStuck: _task_stuck,
    e.TaskRetried: _task_retried,
    e.TaskDropped: _task_dropped,
    e.TaskDone: _task_done,
    e.WorktreeOpened: _worktree_opened,
    e.WorktreeKept: _worktree_kept,
    e.TurnStarted: _turn_started,
    e.TurnEnded: _turn_ended,
    e.UsageNoted: _usage_noted,
    e.ActionAllowed: _action_allowed,
    e.ActionAsked: _action_asked,
    e.ActionDenied: _action_denied,
    e.AskAnswered: _ask_answered,
    e.GrantGiven: _grant_given,
    e.GrantRevoked: _grant_revoked,
    e.ActionEnded: _action_ended,
    e.Reported: _reported,
    e.ProposalEndorsed: _proposal_endorsed,
    e.Escalated: _escalated,
    e.QuestionAnswered: _question_answered,
    e.ProposalMade: _proposal_made,
    e.ProposalSettled: _proposal_settled,
    e.TreeImported: _tree_imported,
    e.TreeRefused: _tree_refused,
    e.LevelJudged: _level_judged,
    e.Committed: _committed,
    e.HandedOver: _handed_over,
    e.FindingDismissed: _finding_dismissed,
    e.FindingAdded: _finding_added,
    e.IndependenceWaived: _independence_waived,
    e.ChangeApproved: _change_approved,
    e.ChangeRejected: _change_rejected,
    e.ApprovalStale: _approval_stale,
    e.TreeMerged: _tree_merged,
    e.LandingCleared: _landing_cleared,
    e.LandingIntended: _landing_intended,
    e.Landed: _landed,
    e.LandingRefused: _landing_refused,
    e.JobCrashed: _job_crashed,
    e.IncidentOpened: _incident_opened,
}
