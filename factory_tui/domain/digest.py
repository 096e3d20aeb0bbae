"""The supervisor's report of one session, from the ledger: a shift hand-over, each line pointing at its entries.

`#12` is entry 12 of the ledger; `factory replay --at 12` shows it. Nothing here is a model's word about itself: what a
seat said appears only as its note, quoted.
"""

from __future__ import annotations

from collections.abc import Sequence

from factory_tui.domain import assurance
from factory_tui.domain import events as e
from factory_tui.domain.card_drafts import card_drafts
from factory_tui.domain.entries import Entry
from factory_tui.domain.harmless import flat
from factory_tui.domain.limits import is_root_untold
from factory_tui.domain.plurals import count
from factory_tui.domain.state import State
from factory_tui.domain.terms import LEVEL_NAMES, Finding
from factory_tui.domain.times import minutes_between
from factory_tui.domain.waiting import waiting
from factory_tui.domain.wording import amount, how_it_begins, one_line, worded

SECTIONS = {
    "done": "What happened",
    "decisions": "Decisions made",
    "not_done": "State left",
    "pitfalls": "Denials, failures, incidents",
}
NOTHING = "- nothing"
MOST_LINES = 200
"""Lines of one section; what is over is counted, and found in the ledger."""


def session_of(entries: Sequence[Entry], session: int) -> tuple[Entry, ...]:
    """The entries of one session: from its start to the entry before the next start."""
    found: list[Entry] = []
    inside = False
    for entry in entries:
        if isinstance(entry.event, e.SessionStarted):
            inside = entry.event.session == session
        if inside:
            found.append(entry)
    return tuple(found)


def write(entries: Sequence[Entry], state: State, session: int, *, reason: str, words: str = "") -> str:
    """The digest as Markdown. `entries` are the session's own, `state` is the one after the last of them."""
    own = list(entries)
    first, last = (own[0], own[-1]) if own else (None, None)
    started = first.event if first and isinstance(first.event, e.SessionStarted) else None
    span = f"{first.at} to {last.at}" if first and last else "no entries"
    minutes = minutes_between(first.at, last.at) if first and last else 0.0
    lines = [
        f"# Digest of session {session}",
        "",
        f"{span} ({minutes:.0f} min), entries #{first.seq if first else 0} to #{last.seq if last else 0}.",
        f"Ended: {reason}.",
        f"Evidence: {assurance.told(state.assurance, state.unsigned)}.",
        f"Wall: {_wall(started, state)}. Mode: {state.mode}."
        f" Base: {started.base_ref if started else state.base_ref} at {(started.base if started else state.base)[:10]}."
        f" Charter: {state.law.sha256[:12] if state.charter else 'none'}.",
    ]
    if words.strip():
        lines += ["", "## In the supervisor's words", "", *words.strip().splitlines()]
    for key, title in SECTIONS.items():
        lines += ["", f"## {title}", "", *_bounded(_section(key, own, state))]
    if proposals := _card_proposals(own, state):
        lines += ["", "## Card proposals", "", *_bounded(proposals)]
    lines += ["", "## Verdicts", "", *_bounded(_verdicts(own))]
    lines += ["", "## What waits, and for whom", "", *_bounded(_waits(state))]
    lines += ["", "## Spend", "", *_spend(own, state)]
    # A line is one line, whoever's words are in it: nobody writes a section of a digest but the factory.
    return "\n".join(map(flat, lines)) + "\n"


def _wall(started: e.SessionStarted | None, state: State) -> str:
    if started is None:
        return state.wall
    told = started.wall + (f", for this session, by {started.degraded}" if started.degraded else "")
    return f"{told}. The factory ran as root" if is_root_untold(started.wall, root=started.root) else told


def sections_of(text: str) -> dict[str, list[str]]:
    """The sections of a digest by key, as its lines; a section that is absent is not in the answer."""
    found: dict[str, list[str]] = {}
    by_title = {title: key for key, title in SECTIONS.items()}
    key = ""
    for line in text.splitlines():
        if line.startswith("## "):
            key = by_title.get(line[3:].strip(), "")
            if key:
                found[key] = []
        elif key and line.startswith("- "):
            found[key].append(line[2:])
    return found


def _bounded(lines: list[str]) -> list[str]:
    if not lines:
        return [NOTHING]
    if len(lines) > MOST_LINES:
        return [*lines[:MOST_LINES], f"- and {len(lines) - MOST_LINES} more, in the ledger"]
    return lines


def _section(key: str, entries: list[Entry], state: State) -> list[str]:
    if key == "not_done":
        return _left(state)
    tell = {"done": _happened, "decisions": _decided, "pitfalls": _went_wrong}[key]
    return [f"- {told} (#{entry.seq})" for entry in entries if (told := tell(entry, state))]


def _happened(entry: Entry, state: State) -> str:
    match entry.event:
        case e.MissionStated(mission=mission, text=text, small=small):
            return f"{mission} stated{' as a small change' if small else ''}: {one_line(text)}"
        case e.TaskOpened(task=task, title=title, role=role):
            return f"{task} opened for {role}: {one_line(title)}"
        case e.TurnStarted(turn=turn, task=task, attempt=attempt, seat=seat) as started:
            how = how_it_begins(started)
            return f"{turn} began on {task}, attempt {attempt}, seat {seat}{': ' + how if how else ''}"
        case e.TurnEnded(turn=turn, outcome=outcome, note=note):
            return f"{turn} ended: {outcome}{', ' + one_line(note) if note else ''}"
        case e.PackageFetched(task=task, fetched=fetched):
            names = ", ".join(
                f"{one.name} {one.version} ({one.licence or 'licence unknown'})" for one in fetched.packages
            )
            return f"packages came in for {task}, from {fetched.manager}: {one_line(names)}"
        case e.Committed(task=task, commit=commit, tree=tree):
            return f"{task} committed {commit[:10]} (tree {tree[:10]})"
        case e.HandedOver(task=task, commit=commit, note=note):
            return f"{task} handed over at {commit[:10]}" + (f', noting "{one_line(note)}"' if note else "")
        case e.Landed():
            return worded(entry.event)
        case e.TaskDone(task=task):
            return f"{task} done"
        case e.TaskSplit(task=task, into=into):
            return f"{task} split into {', '.join(into)}"
        case e.TaskDropped(task=task, reason=reason):
            return f"{task} dropped: {one_line(reason)}"
        case e.MissionEnded(mission=mission, outcome=outcome):
            return f"{mission} ended: {outcome}"
        case e.WorktreeKept(task=task, ref=ref):
            return f"worktree of {task} kept as {ref}"
        case e.CharterAdopted(why=why, charter=charter):
            return f"charter {charter.sha256[:12]} in force: {why}"
        case (
            e.CrewStaffed()
            | e.PlanProposed()
            | e.Reported()
            | e.ProposalMade()
            | e.ProposalEndorsed()
            | e.Escalated()
            | e.TreeMerged()
            | e.StatementsSigned()
        ):
            return worded(entry.event)
        case _:
            return ""


def _decided(entry: Entry, state: State) -> str:
    who = entry.by.name
    match entry.event:
        case e.PlanApproved(plan=plan):
            return f"{who} approved {plan}"
        case e.PlanRejected(plan=plan, reason=reason):
            return f"{who} rejected {plan}: {one_line(reason)}"
        case e.HandoffReleased(handoff=handoff, brief=brief) if entry.by.kind == "supervisor":
            return f"{who} released {handoff}, brief {brief[:12]}"
        case e.BriefSealed(handoff=handoff, edited=True):
            return f"{who} edited the brief of {handoff}"
        case e.HandoffRedirected(handoff=handoff, to=to):
            return f"{who} redirected {handoff} to {to}"
        case e.HandoffRejected(handoff=handoff, reason=reason):
            return f"{who} rejected {handoff}: {one_line(reason)}"
        case e.AskAnswered(id=id, allowed=allowed, reason=reason):
            return f"{who} {'allowed' if allowed else 'denied'} {id}{': ' + one_line(reason) if reason else ''}"
        case e.GrantGiven(grant=grant, role=role, kind=kind, object=object_, once=once, task=task):
            scope = "once" if once else f"for {task}" if task else "for the session"
            return f"{who} granted {grant}: {role} may {kind} {one_line(object_)}, {scope}"
        case e.ActionEdited(id=id, was=was, action=action):
            return f"{who} edited {id} before it ran: `{one_line(was)}` became `{one_line(action.command)}`"
        case e.ChangeApproved(approval=approval, task=task, commit=commit):
            return f"{who} approved {task} at {commit[:10]} ({approval})"
        case e.ChangeRejected(task=task, reason=reason):
            return f"{who} rejected {task}: {one_line(reason)}"
        case e.FindingDismissed(task=task, finding=finding, reason=reason):
            return f"{who} dismissed {finding} of {task}: {one_line(reason)}"
        case e.IndependenceWaived(task=task, commit=commit, reason=reason):
            return f"{who} accepted that {task} at {commit[:10]} was judged by its own author: {one_line(reason)}"
        case e.MessageSent(message=message, turn=turn, text=text):
            return f"{who} said to {turn} ({message}): {one_line(text)}"
        case e.TurnPaused(turn=turn, reason=reason):
            return f"{who} paused {turn}: {one_line(reason)}"
        case e.TurnRetired(turn=turn, to=to, parks=parks, reason=reason):
            return f"{who} retired {turn}, its task {'parked' if parks else f'handed on {to}'}: {one_line(reason)}"
        case e.TaskHeld(task=task, reason=reason):
            return f"{who} held {task}: {one_line(reason)}"
        case e.SeatChosen(task=task, seat=seat):
            return f"{who} chose the seat {seat or 'of the settings'} for the next turns of {task}"
        case e.TaskRetried(task=task, how=how):
            return f"{who} started {task} again: {how}"
        case e.QuestionAnswered(question=question, text=text):
            return f"{who} answered {question}: {one_line(text)}"
        case e.ProposalSettled(proposal=proposal, accepted=accepted):
            return f"{who} {'accepted' if accepted else 'declined'} {proposal}"
        case e.DigestAcknowledged(session=session):
            return f"{who} read the digest of session {session}"
        case e.BudgetRaised(scope=scope, by=by):
            return f"{who} raised the budget of {scope} by {amount(by)}"
        case (
            e.CharterDeclined()
            | e.ModeChanged()
            | e.Paused()
            | e.Unpaused()
            | e.RoleSeated()
            | e.WorldTried()
            | e.TaskUnheld()
            | e.TurnResumed()
            | e.GrantRevoked()
            | e.FindingAdded()
        ):
            return f"{who}: {worded(entry.event)}"
        case _:
            return ""


def _went_wrong(entry: Entry, state: State) -> str:
    match entry.event:
        case e.ActionDenied(turn=turn, action=action, ruling=ruling):
            return f"{turn} was denied: {action.kind} {one_line(action.object)}. {one_line(ruling.reason)}"
        case e.TreeRefused(turn=turn, matches=matches):
            why = "; ".join(f"{match.source} {match.where}: {match.reason}" for match in matches[:3])
            return f"the tree of {turn} was refused: {one_line(why)}"
        case e.LevelJudged(task=task, level=level, verdict=verdict, summary=summary) if verdict != "pass":
            return f"{task}, level {level} ({LEVEL_NAMES[level]}): {verdict.value}, {one_line(summary)}"
        case e.NoticeRaised(title=title):
            return one_line(title)
        case e.BriefRefused(handoff=handoff, largest=largest):
            return f"no brief for {handoff}; the largest part is {largest}"
        case e.ApprovalStale(task=task, reason=reason):
            return f"the approval of {task} went stale: {one_line(reason)}"
        case (
            e.TaskStuck()
            | e.LandingRefused()
            | e.JobCrashed()
            | e.IncidentReopened()
            | e.IncidentClosed()
            | e.Frozen()
            | e.DeploymentProposed()
            | e.DeploymentApproved()
            | e.DeploymentRefused()
            | e.DeploymentRejected()
            | e.DeploymentIntended()
            | e.DeploymentSettled()
            | e.DeploymentChecked()
            | e.RollbackOrdered()
            | e.RollbackIntended()
            | e.RollbackSettled()
            | e.ReleaseRegistered()
            | e.DeploymentAskedAgain()
            | e.DeploymentClosed()
            | e.DeploymentAttested()
            | e.DeploymentEvidenceKept()
        ):
            return worded(entry.event)
        case e.IncidentOpened(incident=incident, title=title):
            return f"{incident} opened: {one_line(title)}"
        case e.LimitsProved(control=control, roles=roles) if any(one.red for one in roles):
            told = (f"{one.role}: {red.limit} ({red.layer})" for one in roles for red in one.red)
            return f"limits that did not hold for {control} seats: {one_line('; '.join(told))}"
        case (
            e.IncidentFilled()
            | e.EvidencePicked()
            | e.RuleDrafted()
            | e.RuleProven()
            | e.RuleWritten()
            | e.RuleAdopted()
            | e.RuleCommitted()
            | e.Unfrozen()
        ):
            return worded(entry.event)
        case e.LedgerRepaired() | e.WorldAwaited() | e.CharterProposed():
            return worded(entry.event)
        case e.ToolDenied(turn=turn, tool=tool, reason=reason):
            return f"{turn} was denied: the tool {one_line(tool)}. {one_line(reason)}"
        case e.SeatNoticed(turn=turn, kind=kind, text=text) if kind in ("stall", "fallback", "rate limit"):
            return f"{turn}, {kind}: {one_line(text)}"
        case _:
            return ""


SILENT = frozenset(
    {
        e.SessionStarted,  # the head of the digest says it
        e.SessionEnded,
        e.DigestWritten,
        e.TimePassed,
        e.HandoffOffered,  # the turn that begins says it
        e.WorktreeOpened,
        e.MessagesHeard,
        e.UsageNoted,  # the sums stand under Spend
        e.ConversationNoted,
        e.ActionAllowed,  # too many; the ledger has them
        e.ActionAsked,  # its answer stands under Decisions, an open one under What waits
        e.ActionEnded,
        e.NoticeSettled,
        e.TreeImported,  # the commit says it
        e.LandingCleared,  # the landing says it
        e.LandingIntended,
        e.RuleCommitIntended,  # what came of it says it
    }
)
"""What the digest does not tell, and why; everything else has words in one of its sections."""


def _card_proposals(entries: list[Entry], state: State) -> list[str]:
    """What was asked again and again and allowed each time. Only the supervisor puts it on a card."""
    return [
        f"- `{one_line(f'{draft.role} {draft.entry}')}`: asked {draft.asked}, allowed {draft.asked}, by"
        f" {', '.join(draft.rules)}; the cockpit's `allowed` drafts it for the role's card, to be asked no more"
        for draft in card_drafts(entries, state)
    ]


def _left(state: State) -> list[str]:
    return [
        f"- {task.id} {one_line(task.title)}: {task.stage}, attempt {task.attempt}"
        + (f", held: {one_line(task.held)}" if task.held else "")
        + (f", {one_line(task.why)}" if task.why else "")
        + f" (#{task.opened_seq})"
        for task in state.tasks.values()
    ]


def _verdicts(entries: list[Entry]) -> list[str]:
    lines = []
    for entry in entries:
        if isinstance(entry.event, e.LevelJudged):
            judged = entry.event
            about = (judged.commit or judged.tree)[:10]
            lines.append(
                f"- {judged.task} level {judged.level} ({LEVEL_NAMES[judged.level]}): {judged.verdict.value.upper()}"
                f"{' on ' + about if about else ''}, {one_line(judged.summary)} (#{entry.seq})"
            )
            lines += [f"  - {_finding(finding)}" for finding in judged.findings[:20]]
    return lines


def _finding(finding: Finding) -> str:
    spot = f" {finding.path}:{finding.line}" if finding.path else ""
    return f"{finding.severity}: {one_line(finding.title)}{spot}"


def _waits(state: State) -> list[str]:
    return [f"- supervisor: {item.id} {one_line(item.title)} ({', '.join(item.verbs)})" for item in waiting(state)]


def _spend(entries: list[Entry], state: State) -> list[str]:
    turns = sum(isinstance(entry.event, e.TurnStarted) for entry in entries)
    decisions = count(sum(entry.by.kind == "supervisor" for entry in entries), "entry", "entries")
    money = f"USD {state.usd:.2f}" + (" and an unknown amount" if state.costs_unknown else "")
    return [f"- {money}, {state.tokens} tokens, {count(turns, 'turn')}, {decisions} by the supervisor"]
