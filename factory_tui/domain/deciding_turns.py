"""Turns and their actions. A seat's forbidden wish is an event, because it is evidence."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.asking import denied_again
from factory_tui.domain.deciding_crew import await_world
from factory_tui.domain.deciding_incidents import breached
from factory_tui.domain.deciding_tasks import check_plan
from factory_tui.domain.errors import Refusal
from factory_tui.domain.law import ruling_on_action
from factory_tui.domain.limits import misfit, unproven
from factory_tui.domain.numbers import Ids
from factory_tui.domain.pace import is_free
from factory_tui.domain.passing_on import after_turn
from factory_tui.domain.reviewing import judge_report
from factory_tui.domain.spending import ended_because, must_be_counted, unbounded, used_up, withheld
from factory_tui.domain.state import State, Task, Turn
from factory_tui.domain.terms import Action, Control, Decision, RuleMatch, Ruling, SeatFacts, Verdict
from factory_tui.domain.waiting import digest_is_owed
from factory_tui.domain.world import stands_in_the_way, told

LONG_TEXT = 2_000
"""Characters of an action's text that the ledger holds itself; longer ones are named by the action's sha256."""
LONG_NAME = 200
LONG_DOCUMENT = 64_000
"""Bytes of a document that a seat proposes: it is read by people, and carried by briefs."""
LONG_NOTICE = 400
MOST_NOTICES = 200
"""Of one turn."""


def start_turn(state: State, command: c.StartTurn) -> tuple[e.Event, ...]:
    task = _startable(state, command.handoff, command.facts.control)
    handoff = task.handoff
    assert handoff
    if handoff.brief is None or handoff.brief.sha256 != command.brief:
        raise Refusal(what=f"the brief of {command.handoff} is not the sealed one", next_step="seal it again")
    if handoff.purpose == "review":
        state.law.check_reviewer(handoff.to, task.candidate.author if task.candidate else task.role)
    if why := misfit(state.law.role(handoff.to), command.facts) or cost_misfit(state, handoff.to, task, command.facts):
        raise Refusal(what=f"the role {handoff.to} stays unseated in the seat `{command.seat}`", why=why)
    if why := unproven(state, handoff.to, command.facts.control):
        raise Refusal(what=f"the role {handoff.to} stays unseated: a limit of its is unproven", why=why)
    return (
        e.TurnStarted(
            turn=Ids(state).turn(handoff.to),
            task=task.id,
            handoff=handoff.id,
            role=handoff.to,
            attempt=task.attempt,
            seat=command.seat,
            control=command.facts.control,
            person=command.person,
            brief=command.brief,
            wall=state.wall,
            facts=command.facts,
            cut_off=_cut_off(task),
            resumes=command.resumes if command.facts.can_resume else "",
        ),
    )


def _cut_off(task: Task) -> str:
    """The last turn, when it was cut off and its handoff is still open: nobody has judged or answered it since."""
    last = task.turns[-1] if task.turns else None
    handoff = task.handoff
    if last is None or handoff is None or last.outcome != "interrupted" or last.person:
        return ""
    is_same = (last.role, last.purpose, last.attempt) == (handoff.to, handoff.purpose, task.attempt)
    return last.id if is_same else ""


def cost_misfit(state: State, role: str, task: Task, facts: SeatFacts) -> str:
    """Why a seat that does not know what it costs is not seated; empty = it is."""
    return "" if facts.knows_cost or not must_be_counted(facts.control) else unbounded(state, role, task.id)


def leave_unseated(state: State, command: c.LeaveUnseated) -> tuple[e.Event, ...]:
    """No crash and no attempt burnt: the task waits for the supervisor, who is told the limit and the fix."""
    task = _startable(state, command.handoff)
    assert task.handoff
    why = f"{task.handoff.to} stays unseated in the seat `{command.seat}`: {command.reason}"
    return (e.TaskStuck(task=task.id, reason=why[:LONG_TEXT]),)


def _startable(state: State, handoff: str, control: Control | None = None) -> Task:
    """The task whose turn may begin now. `control` is of the seat that would begin it: only a person is let past a
    budget, whoever was expected; None = none begins. Raises Refusal saying what is in the way."""
    if not state.session_open:
        raise Refusal(what="no session is open", next_step="start one with `factory run` or `factory resume`")
    task = next((t for t in state.tasks.values() if t.handoff and t.handoff.id == handoff), None)
    if task is None or task.stage != "released":
        raise Refusal(what=f"handoff {handoff} is not released")
    if digest_is_owed(state):
        raise Refusal(what="the last digest has not been read", next_step="acknowledge it first")
    if state.paused:
        raise Refusal(what=f"the factory is paused: {state.paused}", next_step="resume it first")
    if task.held:
        raise Refusal(what=f"{task.id} is held: {task.held}", next_step="`unhold` lets it go on")
    why = withheld(state, task) if control is None else "" if control == "human" else used_up(state, task)
    if why:
        raise Refusal(what=f"{task.id} has no budget", why=why, next_step="raise it on record: `factory inbox`")
    if (wait := stands_in_the_way(state, task)) is not None:
        raise Refusal(what=f"{task.id} is {told(wait)}", why=wait.cause, next_step=f"`factory answer {wait.id} go-on`")
    running = [state.tasks[turn.task] for turn in state.turns.values() if turn.task in state.tasks]
    if state.turns and not is_free(state, task, running):
        raise Refusal(what=f"{', '.join(state.turns)} runs", why="in step mode one turn runs at a time")
    return task


def end_turn(state: State, command: c.EndTurn, at: str) -> tuple[e.Event, ...]:
    """What the factory ends has the factory's outcome, whatever the seat said of it."""
    turn, ids = state.turn(command.turn), Ids(state)
    if command.cause:
        waits = await_world(state, ids, turn, command.cause, command.until, at)
        return (waits, *after_turn(state, ids, turn, "interrupted", f"waits for the world: {waits.cause}"))
    outcome, note = command.outcome, command.note
    if outcome == "interrupted":
        because, why = ended_because(state, turn)
        outcome, note = because or outcome, why or note
    return after_turn(state, ids, turn, outcome, note, command.handed_on)


def note_usage(state: State, command: c.NoteUsage) -> tuple[e.Event, ...]:
    state.turn(command.turn)
    return (
        e.UsageNoted(
            turn=command.turn,
            usd=command.usd,
            tokens_in=command.tokens_in,
            tokens_out=command.tokens_out,
            tokens_cached=command.tokens_cached,
            tokens_written=command.tokens_written,
            model=command.model[:LONG_NAME],
        ),
    )


def note_seat(state: State, command: c.NoteSeat) -> tuple[e.Event, ...]:
    """A line, and never a flood of them: after many, only what changed is told."""
    turn = state.turn(command.turn)
    text = " ".join(command.text.split())[:LONG_NOTICE]
    if not text or text == turn.notice or turn.notices > MOST_NOTICES:
        return ()
    if turn.notices == MOST_NOTICES:
        text = f"{MOST_NOTICES} notices in one turn; no more are shown"
    return (e.SeatNoticed(turn=turn.id, kind=command.kind, text=text),)


def note_conversation(state: State, command: c.NoteConversation) -> tuple[e.Event, ...]:
    turn = state.turn(command.turn)
    noted = e.ConversationNoted(
        turn=turn.id, conversation=command.conversation[:LONG_NAME], model=command.model[:LONG_NAME]
    )
    return () if (turn.conversation, turn.model) == (noted.conversation, noted.model) else (noted,)


def deny_tool(state: State, command: c.DenyTool) -> tuple[e.Event, ...]:
    turn = state.turn(command.turn)
    return (
        e.ToolDenied(
            turn=turn.id, tool=command.tool[:LONG_NAME], reason=command.reason[:LONG_TEXT], sha256=command.sha256
        ),
    )


def request_action(state: State, command: c.RequestAction) -> tuple[e.Event, ...]:
    """Card, rules, grants; then, for what has no effect in the world, the effect itself."""
    turn = state.turn(command.turn)
    task = state.tasks[turn.task]
    action = command.action
    ids = Ids(state)
    id = ids.next("A")
    shown = shortened(action)
    ruling, grant = ruling_on_action(state, turn, action, command.sha256, command.facts)
    match ruling.decision:
        case Decision.DENY:
            denied = e.ActionDenied(id=id, turn=turn.id, action=shown, sha256=command.sha256, ruling=ruling)
            return (denied, *denied_again(state, task.id, turn.id, turn.role, shown, ruling))
        case Decision.ASK:
            return (e.ActionAsked(id=id, turn=turn.id, action=shown, sha256=command.sha256, ruling=ruling),)
        case Decision.ALLOW:
            pass
    allowed = e.ActionAllowed(
        id=id, turn=turn.id, action=shown, sha256=command.sha256, ruling=ruling, grant=grant.id if grant else ""
    )
    effect = _pure_effect(state, ids, turn, task, command, id)
    if isinstance(effect, Ruling):
        denied = e.ActionDenied(id=id, turn=turn.id, action=shown, sha256=command.sha256, ruling=effect)
        return (denied, *denied_again(state, task.id, turn.id, turn.role, shown, effect))
    return (allowed, *effect)


def _pure_effect(
    state: State, ids: Ids, turn: Turn, task: Task, command: c.RequestAction, id: str
) -> tuple[e.Event, ...] | Ruling:
    action = command.action
    done = e.ActionEnded(id=id, result="ok")
    if turn.delivered and action.kind in ("plan", "hand_over", "report", "escalate", "commit", "deploy"):
        return _denied("turn", f"this turn has delivered its {turn.delivered} already", "end the turn")
    match action.kind:
        case "read" | "search" | "edit" | "run" | "fetch":
            return ()
        case "commit":
            if turn.purpose == "review":
                return _denied("duty", "a reviewer commits nothing", "report the finding")
            return ()
        case "plan":
            ruling = check_plan(state, action.tasks)
            if ruling.decision is not Decision.ALLOW:
                return ruling
            plan = e.PlanProposed(
                plan=ids.next("PL"), task=task.id, turn=turn.id, tasks=action.tasks, reasoning=action.text
            )
            return (plan, done)
        case "hand_over":
            return _hand_over(state, turn, task, action, done)
        case "report":
            if turn.purpose == "review":
                review = task.candidate.review if task.candidate else None
                if review is not None and review.turn == turn.id:
                    return _denied("level 3", "three reports of this turn could not be read", "end the turn")
                return _review(state, turn, task, action, id)
            if command.text is None or not action.text.strip():
                return _denied("report", "the report is empty", "write what was found, with its evidence")
            return (e.Reported(task=task.id, turn=turn.id, evidence=command.text), done)
        case "escalate":
            if not action.text.strip():
                return _denied("escalate", "the question is empty", "say what you need to know or have decided")
            question = e.Escalated(question=ids.next("E"), task=task.id, turn=turn.id, text=action.text)
            return (question, done)
        case "propose":
            if command.text is None:
                return _denied("propose", "the proposed text is missing", "send the whole new document")
            if command.text.size > LONG_DOCUMENT:
                long = f"the proposed text has {command.text.size} bytes; a document of the home has {LONG_DOCUMENT}"
                return _denied("propose", f"{long} at most", "say it shorter, or split it: every brief carries it")
            proposal = e.ProposalMade(
                proposal=ids.next("R"), task=task.id, turn=turn.id, path=action.path, evidence=command.text
            )
            return (proposal, done)
        case "approve":
            proposal_id = next((p.id for p in state.proposals.values() if p.path == action.path and not p.charter), "")
            if not proposal_id:
                return _denied("approve", f"nothing is proposed for {action.path}", "approve only what is proposed")
            return (e.ProposalEndorsed(proposal=proposal_id, role=turn.role, turn=turn.id), done)
        case "deploy":
            # What it is to run is looked up first; then it is proposed, and somebody else approves.
            if state.law.deploying is None:
                return _denied(
                    "level 4",
                    "no deployment is set up in this home",
                    "hand over; the supervisor deploys what has landed",
                )
            return ()


def _hand_over(
    state: State, turn: Turn, task: Task, action: Action, done: e.ActionEnded
) -> tuple[e.Event, ...] | Ruling:
    candidate = task.candidate
    if candidate is None or not candidate.commit or candidate.handed_over:
        return _denied("hand over", "there is no new commit to hand over", "commit first; level 2 must pass")
    if candidate.smoke is None or candidate.smoke.verdict is not Verdict.PASS:
        return _denied("level 2", "the commit has not passed level 2", "commit again when the smoke run is green")
    judged = [review.tree for review in task.history if review.verdict is Verdict.FAIL]
    if candidate.tree in judged:
        return _denied("hand over", "exactly this tree was judged FAIL before", "change what the findings name")
    return (
        e.HandedOver(task=task.id, turn=turn.id, commit=candidate.commit, note=action.text[:LONG_TEXT]),
        done,
    )


def _review(state: State, turn: Turn, task: Task, action: Action, id: str) -> tuple[e.Event, ...] | Ruling:
    judged = judge_report(state, turn, task, action)
    if isinstance(judged, Ruling):
        if turn.malformed >= 2:
            broken = e.LevelJudged(
                task=task.id,
                level=3,
                verdict=Verdict.BROKEN,
                summary=f"the report could not be read as a verdict three times: {judged.reason}",
                evidence=tuple(message.evidence for message in turn.messages),
                tree=task.candidate.tree if task.candidate else "",
                commit=task.candidate.commit if task.candidate else "",
                base=task.candidate.base if task.candidate else "",
                turn=turn.id,
                charter=state.law.sha256,
            )
            return (broken, e.ActionEnded(id=id, result="error", summary=broken.summary))
        return judged
    return (judged, e.ActionEnded(id=id, result="ok", summary=judged.summary))


def end_action(state: State, command: c.EndAction) -> tuple[e.Event, ...]:
    turn = next((turn for turn in state.turns.values() if command.id in turn.open), None)
    if turn is None:
        return ()
    ended = e.ActionEnded(
        id=command.id,
        result=command.result,
        exit_code=command.exit_code,
        summary=command.summary[:LONG_TEXT],
        evidence=command.evidence,
        breach=command.breach,
    )
    if not command.breach:
        return (ended,)
    known = f"a command of {turn.role} passed its {command.breach} limit"
    return (ended, *breached(state, title=known, what=ended.summary, signature=known, task=turn.task))


def record_packages(state: State, command: c.RecordPackages) -> tuple[e.Event, ...]:
    turn = state.turns.get(command.turn)
    if turn is None or command.action not in turn.open:
        return ()
    return (e.PackageFetched(task=turn.task, turn=turn.id, action=command.action, fetched=command.fetched),)


def shortened(action: Action) -> Action:
    """The action as the ledger holds it. Its sha256 is always of the whole."""
    changes = {
        name: f"[{len(text)} characters]"
        for name in ("content", "old", "new", "text")
        if isinstance(text := getattr(action, name), str) and len(text) > LONG_TEXT
    }
    if action.kind in ("plan", "report"):
        changes |= {"tasks": (), "findings": (), "answers": ()}  # type: ignore[dict-item]
    return replace(action, **changes) if changes else action


def _denied(source: str, reason: str, instead: str) -> Ruling:
    match = RuleMatch(source=source, decision=Decision.DENY, reason=reason, instead=instead)
    return Ruling(decision=Decision.DENY, matches=(match,))
