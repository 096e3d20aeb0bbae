"""Deciding what a command leads to.

The only place that may turn a wish into facts. Pure: no clock, no files, no randomness. Whatever it needs to know is in
the state or in the command, so a ledger replays alike. All of a command's events happen, or none.
"""

from __future__ import annotations

from factory_tui.domain import commands as c
from factory_tui.domain import deciding_changes as changes
from factory_tui.domain import deciding_checks as checks
from factory_tui.domain import deciding_crew as crew
from factory_tui.domain import deciding_deployments as deployments
from factory_tui.domain import deciding_incidents as incidents
from factory_tui.domain import deciding_rollbacks as rollbacks
from factory_tui.domain import deciding_sessions as sessions
from factory_tui.domain import deciding_tasks as tasks
from factory_tui.domain import deciding_turns as turns
from factory_tui.domain import events as e
from factory_tui.domain import steering
from factory_tui.domain.agenda import MOST_CRASHES
from factory_tui.domain.answering import answer
from factory_tui.domain.errors import Refusal
from factory_tui.domain.numbers import Ids
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor


def decide(state: State, envelope: c.Envelope) -> tuple[e.Event, ...]:
    """The events that follow. Raises Refusal when the command makes no sense now; then nothing is recorded."""
    command, by = envelope.command, envelope.by
    _within_reach(state, envelope)
    match command:
        case c.StartSession():
            return sessions.start_session(state, command, by)
        case c.EndSession():
            return sessions.end_session(state, command)
        case c.RecordDigest():
            return sessions.record_digest(state, command)
        case c.ProposeCharter():
            return sessions.propose_charter(state, command)
        case c.AdoptCharter():
            return sessions.adopt_charter(state, command, by)
        case c.SetMode():
            return sessions.set_mode(state, command, by)
        case c.Pause():
            return sessions.pause(state, command)
        case c.Unpause():
            return sessions.unpause(state, by)
        case c.PassTime():
            return sessions.pass_time(state, command)
        case c.StateMission():
            _by_supervisor(envelope)
            return tasks.state_mission(state, command)
        case c.OpenSmallTask():
            _by_supervisor(envelope)
            return tasks.open_small_task(state, command)
        case c.Answer():
            return answer(state, command, by, envelope.at)
        case c.RevokeGrant():
            _by_supervisor(envelope)
            return _revoke(state, command)
        case c.SealBrief():
            return tasks.seal_brief(state, command)
        case c.RefuseBrief():
            return tasks.refuse_brief(state, command)
        case c.ReleaseHandoff():
            return tasks.release_by_factory(state, command.handoff)
        case c.RecordWorktree():
            return tasks.record_worktree(state, command)
        case c.RecordKept():
            return tasks.record_kept(state, command)
        case c.RecordLimits():
            return sessions.record_limits(state, command)
        case c.LeaveUnseated():
            return turns.leave_unseated(state, command)
        case c.StartTurn():
            return turns.start_turn(state, command)
        case c.EndTurn():
            return turns.end_turn(state, command, envelope.at)
        case c.HearMessages():
            return steering.hear_messages(state, command)
        case c.SendMessage() | c.PauseTurn() | c.ResumeTurn() | c.InterruptTurn() | c.RetireTurn() | c.ChooseSeat():
            _by_supervisor(envelope)
            return _steer(state, command)
        case c.StaffCrew():
            return crew.staff_crew(state, command)
        case c.SeatRole() | c.RaiseBudget() | c.TryWorld():
            _by_supervisor(envelope)
            return _about_crew(state, command)
        case c.NoteUsage():
            return turns.note_usage(state, command)
        case c.NoteSeat():
            return turns.note_seat(state, command)
        case c.NoteConversation():
            return turns.note_conversation(state, command)
        case c.DenyTool():
            return turns.deny_tool(state, command)
        case c.RequestAction():
            return turns.request_action(state, command)
        case c.EndAction():
            return turns.end_action(state, command)
        case c.RecordPackages():
            return turns.record_packages(state, command)
        case c.ImportTree():
            return changes.import_tree(state, command)
        case c.JudgeSmoke():
            return changes.judge_smoke(state, command)
        case c.RecordCommit():
            return changes.record_commit(state, command)
        case c.CheckLanding():
            return changes.check_landing(state, command)
        case c.RecordStatements():
            return changes.record_statements(state, command)
        case c.IntendLanding():
            return changes.intend_landing(state, command)
        case c.SettleLanding():
            return changes.settle_landing(state, command)
        case c.OrderRollback() | c.RegisterRelease():
            _by_supervisor(envelope)
            return _about_releases(state, command, by)
        case (
            c.ProposeDeployment()
            | c.RefuseDeployment()
            | c.IntendDeployment()
            | c.SettleDeployment()
            | c.CheckDeployment()
            | c.IntendRollback()
            | c.SettleRollback()
            | c.RecordDeploymentStatement()
            | c.RecordDeploymentKept()
        ):
            return _deploy(state, command, by, envelope.at)
        case c.NoteCrash():
            return _note_crash(state, command)
        case c.OpenIncident():
            return incidents.open_incident(state, command, by)
        case c.RecordDamage():
            return incidents.record_damage(state, command, by)
        case c.Freeze():
            return incidents.freeze(state, command, by)
        case c.Unfreeze():
            return incidents.unfreeze(state, command, by)
        case (
            c.FillIncident()
            | c.PickEvidence()
            | c.DraftRule()
            | c.RecordProof()
            | c.RecordRuleWritten()
            | c.CloseIncident()
        ):
            _by_supervisor(envelope)
            return _about_incident(state, command)
        case c.IntendRuleCommit():
            return incidents.intend_rule_commit(state, command)
        case c.SettleRuleCommit():
            return incidents.settle_rule_commit(state, command)


def _about_incident(
    state: State,
    command: c.FillIncident | c.PickEvidence | c.DraftRule | c.RecordProof | c.RecordRuleWritten | c.CloseIncident,
) -> tuple[e.Event, ...]:
    match command:
        case c.FillIncident():
            return incidents.fill_incident(state, command)
        case c.PickEvidence():
            return incidents.pick_evidence(state, command)
        case c.DraftRule():
            return incidents.draft_rule(state, command)
        case c.RecordProof():
            return incidents.record_proof(state, command)
        case c.RecordRuleWritten():
            return incidents.record_rule_written(state, command)
        case c.CloseIncident():
            return incidents.close_incident(state, command)


def _about_releases(state: State, command: c.OrderRollback | c.RegisterRelease, by: Actor) -> tuple[e.Event, ...]:
    match command:
        case c.OrderRollback():
            return rollbacks.order_rollback(state, command, by)
        case c.RegisterRelease():
            return deployments.register(state, command, by)


def _deploy(
    state: State,
    command: c.ProposeDeployment
    | c.RefuseDeployment
    | c.IntendDeployment
    | c.SettleDeployment
    | c.CheckDeployment
    | c.IntendRollback
    | c.SettleRollback
    | c.RecordDeploymentStatement
    | c.RecordDeploymentKept,
    by: Actor,
    at: str,
) -> tuple[e.Event, ...]:
    match command:
        case c.ProposeDeployment():
            return deployments.propose(state, command, by, at)
        case c.RefuseDeployment():
            return deployments.refuse(state, command)
        case c.IntendDeployment():
            return deployments.intend(state, command, at)
        case c.SettleDeployment():
            return deployments.settle(state, command)
        case c.CheckDeployment():
            return checks.check(state, Ids(state), command)
        case c.IntendRollback():
            return rollbacks.intend_rollback(state, command)
        case c.SettleRollback():
            return rollbacks.settle_rollback(state, command)
        case c.RecordDeploymentStatement():
            return deployments.record_statement(state, command)
        case c.RecordDeploymentKept():
            return deployments.record_kept(state, command)


def _steer(
    state: State,
    command: c.SendMessage | c.PauseTurn | c.ResumeTurn | c.InterruptTurn | c.RetireTurn | c.ChooseSeat,
) -> tuple[e.Event, ...]:
    match command:
        case c.SendMessage():
            return steering.send_message(state, command)
        case c.PauseTurn():
            return steering.pause_turn(state, command)
        case c.ResumeTurn():
            return steering.resume_turn(state, command)
        case c.InterruptTurn():
            return steering.interrupt_turn(state, command)
        case c.RetireTurn():
            return steering.retire_turn(state, command)
        case c.ChooseSeat():
            return steering.choose_seat(state, command)


def _about_crew(state: State, command: c.SeatRole | c.RaiseBudget | c.TryWorld) -> tuple[e.Event, ...]:
    match command:
        case c.SeatRole():
            return crew.seat_role(state, command)
        case c.RaiseBudget():
            return crew.raise_budget(state, command)
        case c.TryWorld():
            return crew.try_world(state, command)


def _within_reach(state: State, envelope: c.Envelope) -> None:
    """A seat wishes, and tells what became of its own wishes and what they cost; everything else is not its to say."""
    command, by = envelope.command, envelope.by
    if by.kind != "seat":
        return
    match command:
        case c.RequestAction() | c.NoteUsage() | c.HearMessages() | c.NoteSeat() | c.NoteConversation() | c.DenyTool():
            is_own = command.turn == by.name
        case c.EndAction():
            is_own = not any(command.id in turn.open for turn in state.turns.values() if turn.id != by.name)
        case c.Answer():
            return
        case _:
            is_own = False
    if not is_own:
        raise Refusal(
            what=f"only the factory or the supervisor may say `{type(command).__name__}` here", why=f"said by {by.name}"
        )


def _by_supervisor(envelope: c.Envelope) -> None:
    if envelope.by.kind != "supervisor":
        raise Refusal(what="only the supervisor may do this", why=f"asked by {envelope.by.name}")


def _revoke(state: State, command: c.RevokeGrant) -> tuple[e.Event, ...]:
    if command.grant not in state.grants:
        raise Refusal(
            what=f"there is no grant {command.grant}", next_step=f"known: {', '.join(state.grants) or 'none'}"
        )
    return (e.GrantRevoked(grant=command.grant, reason=command.reason),)


def _note_crash(state: State, command: c.NoteCrash) -> tuple[e.Event, ...]:
    """Crashes are counted; the third opens an incident and stops the task, so that no failing job is owed for ever."""
    crashed = e.JobCrashed(job=command.job, task=command.task, error=command.error)
    if state.crashes.get(command.job, 0) + 1 < MOST_CRASHES:
        return (crashed,)
    ids = Ids(state)
    events: list[e.Event] = [
        crashed,
        incidents.opened(
            state,
            ids,
            cause="crash",
            title=f"a job of {command.task} crashed",
            what=command.error,
            signature=f"crash:{command.job.partition('(')[0]}:{command.error.splitlines()[0] if command.error else ''}",
            task=command.task,
            evidence=(state.seq + 1,),
        ),
    ]
    events += changes.after_crash(state, command.job)
    events += deployments.after_crash(state, ids, command.job)
    task = state.tasks.get(command.task)
    if task is not None and not any(turn.task == task.id for turn in state.turns.values()):
        events.append(e.TaskStuck(task=task.id, reason=f"{command.job} crashed {MOST_CRASHES} times: {command.error}"))
    return tuple(events)
