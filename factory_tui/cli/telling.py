"""Telling: what just happened, one line for each step worth a look."""

from __future__ import annotations

from factory_tui.domain import events as e
from factory_tui.domain.digest import one_line
from factory_tui.domain.entries import Entry
from factory_tui.domain.terms import LEVEL_NAMES


def told(entry: Entry) -> str:
    """Empty for what is not worth a line."""
    text = _told(entry.event)
    return f"#{entry.seq:<4} {text}" if text else ""


def _told(event: object) -> str:
    match event:
        case e.SessionStarted(session=session, mode=mode, wall=wall):
            return f"session {session} begins, {mode} mode, wall: {wall}"
        case e.CharterAdopted(charter=charter, why=why):
            return (
                f"charter {charter.sha256[:12]} in force: {len(charter.roles)} roles, {len(charter.rules)} rules, {why}"
            )
        case e.CharterProposed(proposal=proposal, paths=paths):
            return f"{proposal}: the home on disk differs from the charter in force: {', '.join(paths[:5])}"
        case e.LimitsProved(control=control, roles=roles):
            if not roles:
                return ""
            red = sorted({one.role for one in roles if one.red})
            tried = f"limits of {len(roles)} roles tried for {control} seats"
            return f"{tried}: RED for {', '.join(red)}" if red else f"{tried}: all hold"
        case e.MissionStated(mission=mission, text=text):
            return f"{mission}: {one_line(text)}"
        case e.TaskOpened(task=task, role=role, title=title):
            return f"{task} for {role}: {one_line(title)}"
        case e.PlanProposed(plan=plan, tasks=tasks):
            return f"{plan}: a plan of {len(tasks)} task(s)"
        case e.HandoffReleased(handoff=handoff):
            return f"{handoff} released"
        case e.TurnStarted(turn=turn, task=task, seat=seat, control=control):
            return f"{turn} begins on {task} ({seat}, {control})"
        case e.TurnEnded(turn=turn, outcome=outcome, note=note):
            return f"{turn} ends: {outcome}{', ' + one_line(note) if note else ''}"
        case e.ActionEdited(id=id, was=was, action=action):
            return f"{id} edited before it runs: {one_line(was)} became {one_line(action.command)}"
        case e.NoticeRaised(notice=notice, title=title):
            return f"{notice}: {one_line(title)}"
        case e.MessageSent(message=message, turn=turn, text=text):
            return f"{message}: the supervisor to {turn}: {one_line(text)}"
        case e.TurnPaused(turn=turn, reason=reason):
            return f"{turn} pauses after its action: {one_line(reason)}"
        case e.TurnResumed(turn=turn):
            return f"{turn} goes on"
        case e.TurnRetired(turn=turn, to=to, parks=parks, reason=reason):
            return f"{turn} is retired, its task {'is parked' if parks else f'goes on ({to})'}: {one_line(reason)}"
        case e.SeatChosen(task=task, seat=seat):
            return f"{task}: seat {seat or 'by the settings'} from the next turn on"
        case e.ActionAsked(id=id, turn=turn, action=action):
            return f"{id}: {turn} asks to {action.kind} {one_line(action.object)}"
        case e.ActionDenied(turn=turn, action=action, ruling=ruling):
            return f"{turn} is denied: {action.kind} {one_line(action.object)}: {one_line(ruling.reason)}"
        case e.ToolDenied(turn=turn, tool=tool, reason=reason):
            return f"{turn} is denied: the tool {one_line(tool)}: {one_line(reason)}"
        case e.SeatNoticed(turn=turn, kind=kind, text=text):
            return f"{turn} {kind}: {one_line(text)}"
        case e.TreeImported(task=task, tree=tree, paths=paths, added=added, removed=removed):
            return f"{task}: tree {tree[:10]} imported, +{added}-{removed} in {len(paths)} file(s)"
        case e.TreeRefused(task=task, matches=matches):
            return f"{task}: the tree is refused: {one_line('; '.join(match.reason for match in matches[:3]))}"
        case e.LevelJudged(task=task, level=level, verdict=verdict, summary=summary):
            return f"{task} level {level} ({LEVEL_NAMES[level]}): {verdict.value.upper()}, {one_line(summary)}"
        case e.Committed(task=task, commit=commit):
            return f"{task} committed {commit[:10]}"
        case e.HandedOver(task=task):
            return f"{task} handed over"
        case e.ChangeApproved(task=task, approval=approval):
            return f"{task} approved ({approval})"
        case e.ApprovalStale(task=task, reason=reason):
            return f"the approval of {task} is stale: {one_line(reason)}"
        case e.Landed(task=task, ref=ref, new=new):
            return f"{task} landed: {ref} is {new[:10]}"
        case e.LandingRefused(task=task, reason=reason):
            return f"{task} could not land: {one_line(reason)}"
        case e.TaskStuck(task=task, reason=reason):
            return f"{task} is stuck: {one_line(reason)}"
        case e.TaskSplit(task=task, into=into):
            return f"{task} is split into {', '.join(into)}"
        case e.TaskDropped(task=task) | e.TaskDone(task=task):
            return f"{task} {'dropped' if isinstance(event, e.TaskDropped) else 'done'}"
        case e.MissionEnded(mission=mission, outcome=outcome):
            return f"{mission} is over: {outcome}"
        case e.JobCrashed(job=job, error=error):
            return f"a job crashed: {one_line(job)}: {one_line(error)}"
        case e.IncidentOpened(incident=incident, title=title):
            return f"{incident}: {one_line(title)}"
        case e.DigestWritten(path=path):
            return f"digest written: {path}"
        case _:
            return ""
