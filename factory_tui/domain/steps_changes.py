"""Steps about a change on its way: imported, judged, committed, approved, landed."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.agenda import CommitJob, InspectJob
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import Approval, Candidate, State
from factory_tui.domain.steps import count, unsealed, with_task
from factory_tui.domain.steps_turns import approved
from factory_tui.domain.terms import Verdict


def tree_imported(state: State, event: e.TreeImported, entry: Entry) -> State:
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
    retried = {str(InspectJob(task.id, event.tree, event.base)), str(CommitJob(task.id, event.tree))}
    crashes = {job: count for job, count in state.crashes.items() if job not in retried}
    return with_task(state, entry, task, crashes=crashes)


def tree_refused(state: State, event: e.TreeRefused, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at)


def level_judged(state: State, event: e.LevelJudged, entry: Entry) -> State:
    task = state.tasks[event.task]
    count = task.finding_count
    numbered = []
    for finding in event.findings:
        count += 1
        numbered.append(replace(finding, id=finding.id or f"F-{count}"))
    event = replace(event, findings=tuple(numbered))
    task = replace(task, finding_count=count)
    if event.level == 1:
        return with_task(state, entry, replace(task, rules=event))
    if event.level == 2:
        if event.tree == task.merged and event.base == task.onto:
            return with_task(state, entry, replace(task, merged_smoke=event))
        if task.candidate and task.candidate.tree == event.tree:
            return with_task(state, entry, replace(task, candidate=replace(task.candidate, smoke=event)))
        return with_task(state, entry, task)
    if event.level == 3 and task.candidate and task.candidate.commit == event.commit:
        candidate = replace(task.candidate, review=event)
        findings = event.findings if event.verdict is Verdict.FAIL else ()
        open_ones = (*task.findings, *findings)
        task = replace(task, candidate=candidate, history=(*task.history, event), findings=open_ones)
        if event.turn in state.turns:
            turn = replace(state.turns[event.turn], delivered="review" if event.verdict is not Verdict.BROKEN else "")
            return with_task(state, entry, task, turns={**state.turns, turn.id: turn})
    return with_task(state, entry, task)


def committed(state: State, event: e.Committed, entry: Entry) -> State:
    task = state.tasks[event.task]
    assert task.candidate
    candidate = replace(task.candidate, commit=event.commit)
    return with_task(state, entry, replace(task, candidate=candidate, edited=(), first_edit=""))


def handed_over(state: State, event: e.HandedOver, entry: Entry) -> State:
    task = state.tasks[event.task]
    assert task.candidate
    turn = replace(state.turns[event.turn], delivered="change")
    left = tuple(finding for finding in task.findings if finding.id not in turn.told)
    task = replace(task, candidate=replace(task.candidate, handed_over=True, note=event.note), findings=left)
    return with_task(state, entry, task, turns={**state.turns, turn.id: turn})


def finding_dismissed(state: State, event: e.FindingDismissed, entry: Entry) -> State:
    task = state.tasks[event.task]
    left = tuple(finding for finding in task.findings if finding.id != event.finding)
    return with_task(state, entry, unsealed(replace(task, findings=left)))


def finding_added(state: State, event: e.FindingAdded, entry: Entry) -> State:
    task = state.tasks[event.task]
    number = task.finding_count + 1
    finding = replace(event.finding, id=f"F-{number}")
    task = replace(task, findings=(*task.findings, finding), finding_count=number)
    return with_task(state, entry, unsealed(task))


def independence_waived(state: State, event: e.IndependenceWaived, entry: Entry) -> State:
    return with_task(state, entry, replace(state.tasks[event.task], waived=event.commit, stage="ready"))


def change_approved(state: State, event: e.ChangeApproved, entry: Entry) -> State:
    state = approved(state, entry, "change")
    approval = Approval(
        id=event.approval,
        commit=event.commit,
        tree=event.tree,
        base=event.base,
        charter=event.charter,
        sha256=event.sha256,
        expires=event.expires,
        by=event.by,
    )
    task = replace(
        state.tasks[event.task], approval=approval, stage="approved", merged="", onto="", merged_smoke=None, why=""
    )
    return with_task(state, entry, task, counters=count(state, event.approval))


def change_rejected(state: State, event: e.ChangeRejected, entry: Entry) -> State:
    return with_task(state, entry, replace(state.tasks[event.task], approval=None))


def approval_stale(state: State, event: e.ApprovalStale, entry: Entry) -> State:
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
    return with_task(state, entry, task)


def tree_merged(state: State, event: e.TreeMerged, entry: Entry) -> State:
    task = replace(state.tasks[event.task], merged=event.tree, onto=event.onto, merged_smoke=None)
    return with_task(state, entry, task)


def landing_cleared(state: State, event: e.LandingCleared, entry: Entry) -> State:
    return with_task(state, entry, replace(state.tasks[event.task], stage="cleared", onto=event.onto))


def statements_signed(state: State, event: e.StatementsSigned, entry: Entry) -> State:
    task = state.tasks[event.task]
    task = replace(task, attested=(*task.attested, *event.statements))
    made = state.counters.get("statement", 0) + len(event.statements)
    last = event.statements[-1].envelope.sha256
    return with_task(state, entry, task, counters={**state.counters, "statement": made}, last_statement=last)


def landing_intended(state: State, event: e.LandingIntended, entry: Entry) -> State:
    return with_task(state, entry, replace(state.tasks[event.task], stage="landing", intent=event))


def landed(state: State, event: e.Landed, entry: Entry) -> State:
    task = replace(
        state.tasks[event.task],
        stage="landed",
        landed_as=event.new,
        assurance=event.assurance,
        intent=None,
        handoff=None,
    )
    mission = replace(state.missions[task.mission], tip=event.new)
    return with_task(state, entry, task, missions={**state.missions, mission.id: mission})


def landing_refused(state: State, event: e.LandingRefused, entry: Entry) -> State:
    task = replace(state.tasks[event.task], stage="ready", approval=None, intent=None, why=event.reason)
    return with_task(state, entry, task)
