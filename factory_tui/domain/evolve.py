"""One event, one step: how the state follows from what happened.

Total over the union of events (a test compares), pure, and quick: a session opens by folding all of history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from factory_tui.domain import events as e
from factory_tui.domain import steps_changes as changes
from factory_tui.domain import steps_crew as crew
from factory_tui.domain import steps_deployments as deployments
from factory_tui.domain import steps_incidents as incidents
from factory_tui.domain import steps_sessions as sessions
from factory_tui.domain import steps_steering as steering
from factory_tui.domain import steps_tasks as tasks
from factory_tui.domain import steps_turns as turns
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import State


def evolve(state: State, entry: Entry) -> State:
    """The state after one more entry."""
    return STEPS[type(entry.event)](state, entry.event, entry)


def fold(entries: Iterable[Entry], state: State | None = None) -> State:
    """The state after all of them, from the beginning or from `state`."""
    state = state or State()
    steps = STEPS
    for entry in entries:
        event = entry.event
        state = steps[type(event)](state, event, entry)
    return state


STEPS: dict[type, Callable[[State, Any, Entry], State]] = {
    e.SessionStarted: sessions.session_started,
    e.CharterAdopted: sessions.charter_adopted,
    e.CharterProposed: sessions.charter_proposed,
    e.CharterDeclined: sessions.charter_declined,
    e.ModeChanged: sessions.mode_changed,
    e.Paused: sessions.paused,
    e.Unpaused: sessions.unpaused,
    e.DigestWritten: sessions.digest_written,
    e.SessionEnded: sessions.session_ended,
    e.DigestAcknowledged: sessions.digest_acknowledged,
    e.CrewStaffed: crew.crew_staffed,
    e.RoleSeated: crew.role_seated,
    e.BudgetRaised: crew.budget_raised,
    e.WorldAwaited: crew.world_awaited,
    e.WorldTried: crew.world_tried,
    e.LedgerRepaired: sessions.nothing,
    e.LimitsProved: sessions.limits_proved,
    e.TimePassed: sessions.time_passed,
    e.MissionStated: tasks.mission_stated,
    e.MissionEnded: tasks.mission_ended,
    e.TaskOpened: tasks.task_opened,
    e.PlanProposed: tasks.plan_proposed,
    e.PlanApproved: tasks.plan_approved,
    e.PlanRejected: tasks.plan_rejected,
    e.HandoffOffered: tasks.handoff_offered,
    e.BriefSealed: tasks.brief_sealed,
    e.BriefRefused: tasks.brief_refused,
    e.HandoffReleased: tasks.handoff_released,
    e.HandoffRedirected: tasks.handoff_redirected,
    e.HandoffRejected: tasks.handoff_rejected,
    e.TaskHeld: tasks.task_held,
    e.TaskUnheld: tasks.task_unheld,
    e.TaskStuck: tasks.task_stuck,
    e.TaskRetried: tasks.task_retried,
    e.TaskSplit: tasks.task_split,
    e.TaskDropped: tasks.task_dropped,
    e.TaskDone: tasks.task_done,
    e.WorktreeOpened: turns.worktree_opened,
    e.WorktreeKept: turns.worktree_kept,
    e.TurnStarted: turns.turn_started,
    e.TurnEnded: turns.turn_ended,
    e.MessageSent: steering.message_sent,
    e.MessagesHeard: steering.messages_heard,
    e.TurnPaused: steering.turn_paused,
    e.TurnResumed: steering.turn_resumed,
    e.TurnRetired: steering.turn_retired,
    e.SeatChosen: steering.seat_chosen,
    e.UsageNoted: turns.usage_noted,
    e.SeatNoticed: turns.seat_noticed,
    e.ConversationNoted: turns.conversation_noted,
    e.ToolDenied: turns.tool_denied,
    e.ActionAllowed: turns.action_allowed,
    e.ActionAsked: turns.action_asked,
    e.ActionDenied: turns.action_denied,
    e.AskAnswered: turns.ask_answered,
    e.ActionEdited: turns.action_edited,
    e.NoticeRaised: turns.notice_raised,
    e.NoticeSettled: turns.notice_settled,
    e.GrantGiven: turns.grant_given,
    e.GrantRevoked: turns.grant_revoked,
    e.ActionEnded: turns.action_ended,
    e.PackageFetched: turns.package_fetched,
    e.Reported: turns.reported,
    e.ProposalEndorsed: turns.proposal_endorsed,
    e.Escalated: turns.escalated,
    e.QuestionAnswered: turns.question_answered,
    e.ProposalMade: turns.proposal_made,
    e.ProposalSettled: turns.proposal_settled,
    e.TreeImported: changes.tree_imported,
    e.TreeRefused: changes.tree_refused,
    e.LevelJudged: changes.level_judged,
    e.Committed: changes.committed,
    e.HandedOver: changes.handed_over,
    e.FindingDismissed: changes.finding_dismissed,
    e.FindingAdded: changes.finding_added,
    e.IndependenceWaived: changes.independence_waived,
    e.ChangeApproved: changes.change_approved,
    e.ChangeRejected: changes.change_rejected,
    e.ApprovalStale: changes.approval_stale,
    e.TreeMerged: changes.tree_merged,
    e.LandingCleared: changes.landing_cleared,
    e.StatementsSigned: changes.statements_signed,
    e.LandingIntended: changes.landing_intended,
    e.Landed: changes.landed,
    e.LandingRefused: changes.landing_refused,
    e.DeploymentProposed: deployments.proposed,
    e.DeploymentApproved: deployments.approved,
    e.DeploymentRejected: deployments.rejected,
    e.DeploymentRefused: deployments.refused,
    e.DeploymentIntended: deployments.intended,
    e.DeploymentSettled: deployments.settled,
    e.DeploymentChecked: deployments.checked,
    e.RollbackOrdered: deployments.rollback_ordered,
    e.RollbackIntended: deployments.rollback_intended,
    e.RollbackSettled: deployments.rollback_settled,
    e.DeploymentAskedAgain: deployments.asked_again,
    e.DeploymentClosed: deployments.closed,
    e.ReleaseRegistered: deployments.registered,
    e.DeploymentAttested: deployments.attested,
    e.DeploymentEvidenceKept: deployments.evidence_kept,
    e.JobCrashed: sessions.job_crashed,
    e.IncidentOpened: incidents.incident_opened,
    e.IncidentReopened: incidents.incident_reopened,
    e.IncidentFilled: incidents.incident_filled,
    e.EvidencePicked: incidents.evidence_picked,
    e.RuleDrafted: incidents.rule_drafted,
    e.RuleProven: incidents.rule_proven,
    e.RuleWritten: incidents.rule_written,
    e.RuleCommitIntended: incidents.rule_commit_intended,
    e.RuleCommitted: incidents.rule_committed,
    e.RuleAdopted: incidents.rule_adopted,
    e.IncidentClosed: incidents.incident_closed,
    e.Frozen: incidents.frozen,
    e.Unfrozen: incidents.unfrozen,
}
