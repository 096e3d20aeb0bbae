"""The supervisor's answers: which verbs an item takes, and what each leads to. Free text never approves."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.answering_asks import answer_ask
from factory_tui.domain.answering_stuck import answer_stuck, dismiss, drop
from factory_tui.domain.asking import key_of, unread
from factory_tui.domain.deciding_changes import approve_change
from factory_tui.domain.deciding_crew import raise_budget, try_world
from factory_tui.domain.deciding_deployments import answer_deployment
from factory_tui.domain.deciding_incidents import close_incident, fill_incident
from factory_tui.domain.deciding_tasks import open_plan, redirect, release, reoffer
from factory_tui.domain.errors import Refusal
from factory_tui.domain.incidents import form_in
from factory_tui.domain.item import Waiting
from factory_tui.domain.numbers import Ids
from factory_tui.domain.passing_on import after_fail, offer
from factory_tui.domain.shared_causes import budget_scope
from factory_tui.domain.spending import amount_in, bound, share
from factory_tui.domain.splitting import FORM
from factory_tui.domain.state import State, Task
from factory_tui.domain.steering import resume_turn
from factory_tui.domain.terms import Actor, Finding
from factory_tui.domain.waiting import waiting


def answer(state: State, command: c.Answer, by: Actor, at: str) -> tuple[e.Event, ...]:
    """Raises Refusal for anyone but the supervisor, an unknown item or verb, or an object that is not the one shown."""
    if by.kind != "supervisor":
        raise Refusal(what="only the supervisor answers", why=f"asked by {by.name}")
    item = next((item for item in waiting(state) if item.id == command.id), None)
    if item is None or (item.id in state.tasks and command.verb in _ALWAYS - {*item.verbs}):
        return _answer_task(state, command)
    if command.verb not in item.verbs:
        raise Refusal(
            what=f"`{command.verb}` is no answer to {item.id}",
            why="only an explicit verb answers; text never approves",
            next_step=f"one of: {', '.join(item.verbs)}",
        )
    if command.sha256 != item.sha256:
        raise Refusal(
            what=f"{item.id} is not what you were shown",
            why=f"you answered {command.sha256[:10] or 'nothing'}, it is {item.sha256[:10]} now",
            next_step=f"look at it again: `factory inbox {item.id}`",
        )
    if command.verb in _NEEDS_TEXT and not command.text.strip():
        raise Refusal(what=f"`{command.verb}` needs {_NEEDS_TEXT[command.verb]}", next_step="give it with `--text`")
    if item.kind == "turn":
        raise Refusal(
            what=f"{item.id} waits for your work", next_step=f"run `factory handover {item.id}` when it is done"
        )
    if item.kind == "deployment":
        events = answer_deployment(state, item.id, command, by, at)
    else:
        events = _DISPATCH[item.kind](state, item, command)
    events += unread(state, command.verb, _about(state, item), by, at)
    return tuple(replace(event, by=by.name) if isinstance(event, e.ChangeApproved) else event for event in events)


def _about(state: State, item: Waiting) -> str:
    """What a yes was about, so that equal ones can be counted."""
    ask = state.asks.get(item.id)
    return key_of(ask.role, ask.action) if ask else item.kind


_ALWAYS = frozenset({"comment", "dismiss", "hold"})
"""Of a task, whatever it waits for: none of them lets anything pass."""

_NEEDS_TEXT = {
    "reject": "a reason, which the next seat is told",
    "deny": "a reason, which the seat is told",
    "reply": "the reply",
    "redirect": "the role",
    "replan": "the new goal",
    "swap": "the seat",
    "split": "the parts: " + FORM,
    "waive": "the reason why whoever made it may be the one who lets it through",
    "decline": "a reason",
    "dismiss": "the finding's id and a reason: `F-2 the case cannot occur because …`",
    "comment": "the comment",
    "drop": "a reason",
    "fill": "lines `what: …`, `when: …`, `cost: …`, `root cause: …`, `level: 1 to 5`",
    "close": "the reason why no rule can exist",
}


def _digest(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    assert state.digest
    return (e.DigestAcknowledged(session=state.digest.session, sha256=state.digest.evidence.sha256),)


def _handoff(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    task = state.task(item.task)
    handoff = task.handoff
    assert handoff
    match command.verb:
        case "approve":
            return release(state, handoff.id)
        case "edit":
            if command.brief is None:
                raise Refusal(what="the edited brief is missing", next_step="give it with `--file`")
            return (
                e.BriefSealed(
                    handoff=handoff.id, brief=command.brief, inputs=handoff.inputs, edited=True, edit=command.edit
                ),
            )
        case "redirect":
            return redirect(state, task, command.text.strip(), "redirected by the supervisor")
        case "reject":
            ids = Ids(state)
            rejected = e.HandoffRejected(handoff=handoff.id, reason=command.text)
            if handoff.purpose == "review":
                return (rejected, *_back_to_author(state, ids, task, command.text))
            return (rejected, e.TaskStuck(task=task.id, reason=f"handoff rejected: {command.text}"))
        case "hold":
            return (e.TaskHeld(task=task.id, reason=command.text),)
        case _:
            return drop(state, task, command.text)


def _back_to_author(state: State, ids: Ids, task: Task, reason: str) -> list[e.Event]:
    finding = Finding(title=reason.strip().split("\n", 1)[0][:200], detail=reason, by="supervisor")
    added = e.FindingAdded(task=task.id, finding=finding)
    return [added, *after_fail(state, ids, task, sent_by="supervisor", reason=reason)]


def _plan(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    plan = state.plans[item.id]
    if command.verb == "approve":
        return (e.PlanApproved(plan=plan.plan, sha256=item.sha256), *open_plan(state, plan))
    ids = Ids(state)
    task = state.tasks[plan.task]
    rejected = e.PlanRejected(plan=plan.plan, reason=command.text)
    if command.verb == "drop":
        return (rejected, *drop(state, task, command.text))
    return (rejected, reoffer(state, ids, task, f"plan again: {command.text}"))


def _notice(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    return (e.NoticeSettled(notice=item.id),)


def _question(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    task = state.task(item.task)
    replied = e.QuestionAnswered(question=item.id, text=command.text)
    if task.stage != "parked":
        return (replied,)
    purpose = task.turns[-1].purpose if task.turns else "author"
    to = task.turns[-1].role if task.turns else task.role
    return (
        replied,
        offer(Ids(state), task, to=to, purpose=purpose, sent_by="supervisor", reason=f"answered: {command.text}"[:300]),
    )


def _proposal(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    proposal = state.proposals[item.id]
    if proposal.charter:
        if command.verb == "decline":
            return (e.CharterDeclined(proposal=item.id, reason=command.text),)
        raise Refusal(what=f"{item.id} is a changed home", next_step="adopt it with `factory adopt`")
    return (e.ProposalSettled(proposal=item.id, accepted=command.verb == "accept", reason=command.text),)


def _change(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    task = state.task(item.task)
    candidate = task.candidate
    assert candidate
    match command.verb:
        case "approve":
            return approve_change(state, task, item.sha256, command.expires)
        case "reject":
            return (
                e.ChangeRejected(task=task.id, reason=command.text),
                *_back_to_author(state, Ids(state), task, command.text),
            )
        case "waive":
            return (e.IndependenceWaived(task=task.id, commit=candidate.commit, reason=command.text),)
        case "hold":
            return (e.TaskHeld(task=task.id, reason=command.text),)
        case _:
            return drop(state, task, command.text)


def _answer_task(state: State, command: c.Answer) -> tuple[e.Event, ...]:
    """Verbs about a task that waits for nothing: hold, unhold, comment, dismiss, drop."""
    task = state.tasks.get(command.id)
    if task is None:
        raise Refusal(what=f"nothing called {command.id} waits for you", next_step="run `factory inbox`")
    match command.verb:
        case "hold":
            return (e.TaskHeld(task=task.id, reason=command.text),)
        case "unhold":
            return (e.TaskUnheld(task=task.id),) if task.held else ()
        case "comment" if command.text.strip():
            return (e.FindingAdded(task=task.id, finding=_comment(task, command.text)),)
        case "dismiss":
            return dismiss(state, task, command.text)
        case "drop" if command.text.strip() and task.intent is None and not _is_running(state, task):
            return drop(state, task, command.text)
        case _:
            raise Refusal(
                what=f"{task.id} does not wait for an answer `{command.verb}`",
                why=f"it is {task.stage}",
                next_step="hold, unhold, comment, dismiss, drop (with `--text`, and with no turn or landing under way)",
            )


def _comment(task: Task, text: str) -> Finding:
    """`adder.py:3: words` is about that line, when the task's change or paths name the file."""
    spot, _, words = text.strip().partition(": ")
    path, _, number = spot.rpartition(":")
    known = {*task.paths, *(task.candidate.paths if task.candidate else ())}
    if path in known and number.isascii() and number.isdigit() and len(number) < 10 and words.strip():
        title = words.strip().split("\n", 1)[0][:200]
        return Finding(title=title, detail=words, path=path, line=int(number), by="supervisor")
    return Finding(title=text.strip().split("\n", 1)[0][:200], detail=text, by="supervisor")


def _is_running(state: State, task: Task) -> bool:
    return any(turn.task == task.id for turn in state.turns.values())


def _budget(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    if command.verb == "drop":
        return drop(state, state.task(item.task), command.text)
    if command.verb == "take-over":
        return take_over(state, state.task(item.task), command.text)
    scope = budget_scope(state, item)
    kind, _, name = scope.partition(":")
    task = state.tasks.get(name)
    if kind == "turn" and task is not None and task.handoff is not None:
        most = share(state, task.handoff.to, name)
        if not command.text.strip():
            # One more turn with the same share, which begins anew.
            return (e.BudgetRaised(scope=scope, reason="one more turn with the same share"),)
    else:
        most = bound(state, scope)
    return raise_budget(state, c.RaiseBudget(scope=scope, by=amount_in(command.text, most), reason=command.text))


def take_over(state: State, task: Task, reason: str) -> tuple[e.Event, ...]:
    """The person at the cockpit does it from here on, in the same worktree; the next turn is theirs."""
    if task.handoff is None:
        raise Refusal(what=f"{task.id} is with nobody", why=f"it is {task.stage}")
    return (e.TaskRetried(task=task.id, how="take over", seat="human", reason=reason), *_again(state, task, reason))


def _again(state: State, task: Task, reason: str) -> tuple[e.Event, ...]:
    assert task.handoff
    handoff = task.handoff
    why = f"taken over by a person{': ' + reason if reason.strip() else ''}"
    again = offer(
        Ids(state),
        task,
        to=handoff.to,
        purpose=handoff.purpose,
        sent_by="supervisor",
        reason=why,
    )
    return (again,)


def _incident(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    if command.verb == "adopt":
        raise Refusal(
            what=f"the rule of {item.id} is first written into the home",
            next_step=f"`factory incident adopt {item.id}`, or adopt it on its screen",
        )
    if command.verb == "close":
        return close_incident(state, c.CloseIncident(incident=item.id, reason=command.text))
    form = form_in(command.text)
    level = form.pop("level", "") or None
    if level is not None and not (level.isascii() and level.isdigit() and len(level) == 1):
        raise Refusal(what=f"`{level[:20]}` is no level", next_step="1 to 5, or 0 when none could have caught it")
    filled = c.FillIncident(
        incident=item.id,
        what=form.get("what"),
        when=form.get("when"),
        cost=form.get("cost"),
        root_cause=form.get("root_cause"),
        level=None if level is None else int(level),
    )
    return fill_incident(state, filled)


def _goes_on(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    if item.kind == "world":
        return try_world(state, c.TryWorld(wait=item.id))
    return resume_turn(state, c.ResumeTurn(turn=item.id.removeprefix("P-")))


_DISPATCH = {
    "digest": _digest,
    "handoff": _handoff,
    "plan": _plan,
    "ask": answer_ask,
    "notice": _notice,
    "question": _question,
    "proposal": _proposal,
    "change": _change,
    "stuck": answer_stuck,
    "budget": _budget,
    "world": _goes_on,
    "paused": _goes_on,
    "incident": _incident,
}
