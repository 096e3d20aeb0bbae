"""Words for everything that can happen: each event as one harmless line. Who did it and when is the entry's to say."""

from __future__ import annotations

from factory_tui.domain import assurance, harmless
from factory_tui.domain import events as e
from factory_tui.domain.limits import is_root_untold
from factory_tui.domain.plurals import count
from factory_tui.domain.staffing import Bounds
from factory_tui.domain.terms import LEVEL_NAMES

MOST = 300
"""Characters of a text of somebody else within a line."""


def one_line(text: str) -> str:
    """Text of any origin as one harmless line: no control, bidi or invisible characters, at most 300 characters."""
    return harmless.one_line(text, MOST, "...")


def amount(by: Bounds) -> str:
    """`USD 2, 5000 tokens`; `nothing` when no bound is given."""
    told = [f"USD {by.usd:g}"] if by.usd else []
    told += [f"{getattr(by, unit):g} {unit}" for unit in ("tokens", "minutes", "actions") if getattr(by, unit, 0)]
    return ", ".join(told) or "nothing"


def how_it_begins(started: e.TurnStarted) -> str:
    """What becomes of a turn that was cut off before; empty = there was none."""
    if not started.cut_off:
        return ""
    if started.resumes:
        return f"goes on in the conversation of {started.cut_off}, which was cut off"
    return f"a fresh conversation: {started.cut_off} was cut off and is not taken up; its work is kept"


def worded(event: object) -> str:
    """What happened, on one harmless line; empty for what is no event of this version."""
    return harmless.flat(_worded(event))


def _worded(event: object) -> str:
    match event:
        case e.SessionStarted(session=session, mode=mode, wall=wall, root=root):
            rights = ", the factory as root" if is_root_untold(wall, root=root) else ""
            return f"session {session} begins, {mode} mode, wall: {wall}{rights}"
        case e.CharterAdopted(charter=charter, why=why):
            size = f"{count(len(charter.roles), 'role')}, {count(len(charter.rules), 'rule')}"
            return f"charter {charter.sha256[:12]} in force: {size}, {why}"
        case e.CharterProposed(proposal=proposal, paths=paths):
            return f"{proposal}: the home on disk differs from the charter in force: {one_line(', '.join(paths[:5]))}"
        case e.LimitsProved(control=control, roles=roles):
            if not roles:
                return f"no {control} seat's limits need to be tried"
            red = sorted({one.role for one in roles if one.red})
            tried = f"limits of {count(len(roles), 'role')} tried for {control} seats"
            return f"{tried}: RED for {', '.join(red)}" if red else f"{tried}: all hold"
        case e.MissionStated(mission=mission, text=text):
            return f"{mission}: {one_line(text)}"
        case e.TaskOpened(task=task, role=role, title=title):
            return f"{task} for {role}: {one_line(title)}"
        case e.PlanProposed(plan=plan, tasks=tasks):
            return f"{plan}: a plan of {count(len(tasks), 'task')}"
        case e.HandoffReleased(handoff=handoff):
            return f"{handoff} released"
        case e.TurnStarted(turn=turn, task=task, seat=seat, control=control):
            how = how_it_begins(event)
            return f"{turn} begins on {task} ({seat}, {control}){': ' + how if how else ''}"
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
            return f"{task}: tree {tree[:10]} imported, +{added}-{removed} in {count(len(paths), 'file')}"
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
        case e.Landed(task=task, ref=ref, new=new, assurance=level):
            return f"{task} landed: {ref} is {new[:10]}" + (f"; evidence {assurance.told(level)}" if level else "")
        case e.DeploymentProposed(deployment=one, plan=plan, by=by):
            return f"{one}: {by} proposes {plan.commit[:10]} for {plan.environment}"
        case e.DeploymentApproved(deployment=one, approval=approval, by=by):
            return f"{one} approved ({approval}) by {by}"
        case e.DeploymentRefused(deployment=one, reason=reason) | e.DeploymentRejected(deployment=one, reason=reason):
            return f"{one} does not begin: {one_line(reason)}"
        case e.DeploymentIntended(deployment=one, environment=environment, commit=commit):
            return f"{one} deploys {commit[:10]} to {environment}"
        case e.DeploymentSettled(deployment=one, outcome=outcome, summary=summary):
            return f"{one} {outcome}: {one_line(summary)}"
        case e.DeploymentChecked(deployment=one, verdict=verdict, summary=summary):
            return f"{one} level 4 (deploy): {verdict.value.upper()}, {one_line(summary)}"
        case e.RollbackOrdered(deployment=one, reason=reason):
            return f"{one} goes back: {one_line(reason)}"
        case e.RollbackIntended(deployment=one, environment=environment, to=to):
            return f"{one} takes {environment} back to {to[:10] or 'nothing'}"
        case e.RollbackSettled(deployment=one, outcome=outcome, summary=summary):
            return f"{one} rollback {outcome}: {one_line(summary)}"
        case e.ReleaseRegistered(deployment=one, plan=plan):
            return f"{one}: {plan.commit[:10]} runs in {plan.environment}, made elsewhere"
        case e.DeploymentAskedAgain(deployment=one):
            return f"{one}: the environment is asked again"
        case e.DeploymentClosed(deployment=one, reason=reason):
            return f"{one} closed: {one_line(reason)}"
        case e.DeploymentAttested(deployment=one):
            return f"{one} is signed"
        case e.DeploymentEvidenceKept(deployment=one, problem=problem):
            return f"{one}: its evidence {f'is not kept: {one_line(problem)}' if problem else 'is kept'}"
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
        case e.IncidentReopened(incident=incident, broken=broken, what=what):
            return f"{incident} happened again{f', {broken} did not catch it' if broken else ''}: {one_line(what)}"
        case e.IncidentFilled(incident=incident):
            return f"the form of {incident} is filled"
        case e.EvidencePicked(incident=incident, evidence=picked):
            return f"{incident}: {count(len(picked), 'entry', 'entries')} {'shows' if len(picked) == 1 else 'show'} it"
        case e.RuleDrafted(incident=incident, rule=rule):
            return f"{incident}: {rule} is drafted"
        case e.RuleProven(incident=incident, rule=rule, summary=summary, verdict=verdict):
            return f"{incident}: proof of {rule}: {verdict.value}, {one_line(summary)}"
        case e.RuleWritten(incident=incident, path=path):
            return f"{incident}: {one_line(path)} is written into the home"
        case e.RuleAdopted(incident=incident, rule=rule):
            return f"{rule}, born from {incident}, is in force"
        case e.RuleCommitIntended(incident=incident, rule=rule, new=new, ref=ref):
            return f"{incident}: {rule} goes onto {one_line(ref.removeprefix('refs/heads/'))} as {new[:10]}"
        case e.RuleCommitted(incident=incident, rule=rule, commit="", why=why):
            return f"{incident}: {rule} is in force and not committed: {one_line(why)}"
        case e.RuleCommitted(incident=incident, rule=rule, commit=commit, by_hand=by_hand, unvouched=unvouched):
            told = f", not vouched for: {one_line(unvouched)}" if unvouched else ""
            return f"{incident}: {rule} is committed{' by hand' if by_hand else ''}, {commit[:10]}{told}"
        case e.IncidentClosed(incident=incident, rule=rule, reason=reason):
            return f"{incident} closed: {f'rule {rule}' if rule else one_line(reason)}"
        case e.Frozen(reason=reason, landings=landings):
            return f"frozen: {'landings and ' if landings else ''}deployments: {one_line(reason)}"
        case e.Unfrozen():
            return "landings and deployments go on"
        case e.DigestWritten(path=path):
            return f"digest written: {path}"
        case e.CharterDeclined(proposal=proposal, reason=reason):
            return f"{proposal} is declined, the home on disk is not in force: {one_line(reason)}"
        case e.ModeChanged(mode=mode, task=task) if task:
            return f"{task} goes by {mode} mode of its own" if mode else f"{task} goes by the session's mode again"
        case e.ModeChanged(mode=mode):
            return f"{mode} mode from now on"
        case e.Paused(reason=reason):
            return f"everything pauses: {one_line(reason)}"
        case e.Unpaused():
            return "everything goes on"
        case e.SessionEnded(session=session, reason=reason):
            return f"session {session} ends: {one_line(reason)}"
        case e.DigestAcknowledged(session=session):
            return f"the digest of session {session} was read"
        case e.CrewStaffed(crew=crew, notes=notes):
            seats = ", ".join(sorted({one.seat or "nobody" for one in crew}))
            told = f": {one_line('; '.join(notes))}" if notes else ""
            return f"the crew: {count(len(crew), 'role')}, filled by {one_line(seats)}{told}"
        case e.RoleSeated(role=role, seat=seat):
            return f"{role}: seat {one_line(seat) or 'by the settings'} from its next turn on"
        case e.BudgetRaised(scope=scope, by=by, reason=reason):
            return f"the budget of {scope} is raised by {amount(by)}{': ' + one_line(reason) if reason else ''}"
        case e.WorldAwaited(wait=wait, cause=cause, task=task, until=until):
            return f"{wait}: {task} waits for the world until {until[11:16]} UTC: {one_line(cause)}"
        case e.WorldTried(wait=wait):
            return f"{wait}: what waits for the world tries again now"
        case e.LedgerRepaired(dropped_bytes=dropped, saved_as=saved, damage=why) if why:
            return (
                f"the ledger was damaged: {one_line(why)}; {dropped} bytes are not believed, kept in {one_line(saved)}"
            )
        case e.LedgerRepaired(dropped_bytes=dropped, saved_as=saved):
            return f"a torn ledger tail of {dropped} bytes was cut, kept as {one_line(saved)}"
        case e.PlanApproved(plan=plan):
            return f"{plan} approved"
        case e.PlanRejected(plan=plan, reason=reason):
            return f"{plan} rejected: {one_line(reason)}"
        case e.HandoffOffered(handoff=handoff, task=task, to=to, purpose=purpose):
            return f"{handoff}: {task} to {to}, {'to review' if purpose == 'review' else 'to work'}"
        case e.BriefSealed(handoff=handoff, brief=brief, edited=edited):
            return f"the brief of {handoff} is {'edited and ' if edited else ''}sealed ({brief.sha256[:10]})"
        case e.BriefRefused(handoff=handoff, size=size, limit=limit, largest=largest):
            return f"no brief for {handoff}: {size} of {limit} bytes, the largest part is {one_line(largest)}"
        case e.HandoffRedirected(handoff=handoff, to=to, reason=reason):
            return f"{handoff} goes to {to} instead: {one_line(reason)}"
        case e.HandoffRejected(handoff=handoff, reason=reason):
            return f"{handoff} rejected: {one_line(reason)}"
        case e.TaskHeld(task=task, reason=reason):
            return f"{task} is held: {one_line(reason)}"
        case e.TaskUnheld(task=task):
            return f"{task} goes on"
        case e.TaskRetried(task=task, how=how, seat=seat):
            return f"{task} starts again: {how}{', seat ' + one_line(seat) if seat else ''}"
        case e.WorktreeOpened(task=task, name=name, base=base):
            return f"worktree {one_line(name)} of {task} at {base[:10]}"
        case e.WorktreeKept(task=task, ref=ref):
            return f"the worktree of {task} is kept as {one_line(ref)}"
        case e.MessagesHeard(turn=turn, messages=messages):
            return f"{turn} heard {', '.join(messages)}"
        case e.UsageNoted(turn=turn, usd=usd):
            money = "an unknown amount" if usd is None else f"USD {usd:.2f}"
            return f"{turn} has used {money}, {event.tokens} tokens"
        case e.ConversationNoted(turn=turn, conversation=conversation, model=model):
            return f"{turn} talks with {one_line(model) or 'its seat'} ({one_line(conversation)})"
        case e.ActionAllowed(id=id, turn=turn, action=action):
            return f"{id}: {turn} may {action.kind} {one_line(action.object)}"
        case e.ActionEnded(id=id, result=result, summary=summary):
            return f"{id} ended: {result}{', ' + one_line(summary) if summary else ''}"
        case e.AskAnswered(id=id, allowed=allowed, reason=reason):
            return f"{id} {'allowed' if allowed else 'denied'}{': ' + one_line(reason) if reason else ''}"
        case e.NoticeSettled(notice=notice):
            return f"{notice} noted"
        case e.GrantGiven(grant=grant, role=role, kind=kind, object=object_, once=once, task=task):
            scope = "once" if once else f"for {task}" if task else "for the session"
            return f"{grant}: {role} may {kind} {one_line(object_)}, {scope}"
        case e.GrantRevoked(grant=grant, reason=reason):
            return f"{grant} revoked: {one_line(reason)}"
        case e.PackageFetched(task=task, fetched=fetched):
            names = ", ".join(f"{one.name} {one.version}" for one in fetched.packages)
            return f"packages came in for {task}, from {fetched.manager}: {one_line(names)}"
        case e.Reported(task=task, turn=turn):
            return f"{turn} reported on {task}"
        case e.ProposalMade(proposal=proposal, turn=turn, path=path):
            return f"{proposal}: {turn} proposes a new {one_line(path)}"
        case e.ProposalEndorsed(proposal=proposal, role=role):
            return f"{proposal} endorsed by {role}"
        case e.ProposalSettled(proposal=proposal, accepted=accepted, reason=reason):
            return f"{proposal} {'accepted' if accepted else 'declined'}{': ' + one_line(reason) if reason else ''}"
        case e.Escalated(question=question, turn=turn, text=text):
            return f"{question}: {turn} asks: {one_line(text)}"
        case e.QuestionAnswered(question=question, text=text):
            return f"{question} answered: {one_line(text)}"
        case e.FindingDismissed(task=task, finding=finding, reason=reason):
            return f"{finding} of {task} dismissed: {one_line(reason)}"
        case e.FindingAdded(task=task, finding=finding):
            return f"a finding of {task}: {one_line(finding.title)}"
        case e.IndependenceWaived(task=task, commit=commit, reason=reason):
            return f"{task} at {commit[:10]} may land though its author judged it: {one_line(reason)}"
        case e.ChangeRejected(task=task, reason=reason):
            return f"{task} rejected: {one_line(reason)}"
        case e.TreeMerged(task=task, tree=tree, onto=onto):
            return f"{task} merged onto {onto[:10]}: tree {tree[:10]}, level 2 is owed"
        case e.LandingCleared(task=task, approval=approval, onto=onto):
            return f"{task} may land on {onto[:10]} ({approval})"
        case e.StatementsSigned(task=task, commit=commit, statements=statements):
            return f"{count(len(statements), 'statement')} about {task} at {commit[:10]} signed"
        case e.LandingIntended(task=task, ref=ref, new=new):
            return f"{task} is about to land: {ref} to {new[:10]}"
        case e.TimePassed(now=now):
            return f"it is {now[11:16]} UTC"
        case _:
            return ""
