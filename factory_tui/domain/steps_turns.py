"""Steps about turns, their actions, asks, grants, questions and proposals."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.asking import HASTY_YESES, is_hasty, key_of
from factory_tui.domain.entries import Entry
from factory_tui.domain.spending import counted, shared_excess
from factory_tui.domain.state import (
    Ask,
    CutOff,
    Grant,
    Notice,
    OpenAction,
    Proposal,
    Question,
    Spent,
    Stage,
    State,
    Task,
    Turn,
    TurnRecord,
)
from factory_tui.domain.steps import count, task_of, unsealed, with_task, with_turn, without
from factory_tui.domain.terms import Action, Sha256
from factory_tui.domain.times import minutes_between

FAILED_KEPT = 20
"""Actions of a turn that failed, whose count is kept."""


def worktree_opened(state: State, event: e.WorktreeOpened, entry: Entry) -> State:
    task = replace(state.tasks[event.task], worktree=event.name, worktree_base=event.base, rebase=False)
    return with_task(state, entry, task)


def worktree_kept(state: State, event: e.WorktreeKept, entry: Entry) -> State:
    return with_task(state, entry, replace(task_of(state, event.task), worktree="", worktree_base=""))


def turn_started(state: State, event: e.TurnStarted, entry: Entry) -> State:
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
        facts=event.facts,
        person=event.person,
        brief=event.brief,
        started=entry.at,
        told=tuple(finding.id for finding in task.findings) if purpose == "author" else (),
    )
    prefix, _, tail = event.turn.rpartition("/")
    counters = {**state.counters, f"turn:{prefix}": int(tail.lstrip("abcdefghijklmnopqrstuvwxyz_"))}
    return with_task(
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


def turn_ended(state: State, event: e.TurnEnded, entry: Entry) -> State:
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
        brief=event.brief,
    )
    task = task_of(state, turn.task)
    is_nobodys = event.outcome in ("interrupted", "budget") or event.handed_on is not None
    fruitless = 0 if turn.delivered else task.fruitless + (not is_nobodys)
    # A budget that others share holds the task by itself, and only as long as it is used up.
    own = event.outcome == "budget" and not turn.delivered and not any(shared_excess(state, turn.role, turn.task))
    overspent = (event.note or "its budget was used up") if own else ""
    cut_off = None
    if event.outcome == "interrupted" and turn.conversation and turn.facts and turn.facts.can_resume:
        cut_off = CutOff(handoff=turn.handoff, seat=turn.seat, conversation=turn.conversation, brief=turn.brief)
    task = replace(task, turns=(*task.turns, record), fruitless=fruitless, cut_off=cut_off, overspent=overspent)
    if not task.over and task.stage == "working":
        task = replace(task, stage=_stage_after(task, turn))
        is_old = task.handoff and state.charter and task.handoff.charter != state.charter.sha256
        if task.stage == "released" and (is_old or (turn.messages and turn.purpose == "author")):
            task = unsealed(task)
    asks = state.asks
    if event.outcome != "interrupted":
        asks = {id: ask for id, ask in asks.items() if ask.turn != turn.id}
    minutes = 0.0 if turn.control == "human" else minutes_between(turn.started, entry.at)
    more = counted(state, turn, entry.at, Spent(minutes=minutes))
    tries = {} if event.outcome == "ok" else state.tries
    return with_task(state, entry, task, turns=without(state.turns, turn.id), asks=asks, tries=tries, **more)


def usage_noted(state: State, event: e.UsageNoted, entry: Entry) -> State:
    turn = state.turns[event.turn]
    tokens = max(turn.tokens, event.tokens)
    known = max(turn.known_usd, event.usd or 0.0)
    usd = None if event.usd is None else known
    return with_turn(
        state,
        entry,
        replace(turn, usd=usd, known_usd=known, tokens=tokens, model=event.model or turn.model),
        usd=state.usd + known - turn.known_usd,
        tokens=state.tokens + tokens - turn.tokens,
        costs_unknown=state.costs_unknown or event.usd is None,
        **counted(
            state,
            turn,
            entry.at,
            Spent(usd=known - turn.known_usd, tokens=tokens - turn.tokens, unknown=event.usd is None),
        ),
    )


def seat_noticed(state: State, event: e.SeatNoticed, entry: Entry) -> State:
    turn = state.turns[event.turn]
    return with_turn(state, entry, replace(turn, notice=event.text, notices=turn.notices + 1))


def conversation_noted(state: State, event: e.ConversationNoted, entry: Entry) -> State:
    turn = state.turns[event.turn]
    turn = replace(turn, conversation=event.conversation, model=event.model or turn.model)
    return with_turn(state, entry, turn)


def tool_denied(state: State, event: e.ToolDenied, entry: Entry) -> State:
    turn = state.turns[event.turn]
    turn = _failed(state, turn, event.sha256, event.tool[:200])
    return with_turn(state, entry, replace(turn, denied=turn.denied + 1))


def _failed(state: State, turn: Turn, sha256: Sha256, shown: str) -> Turn:
    """Others that failed between do not start its count again: two that fail in turns go round as one does. They are
    kept since there is a crew, so that ledgers of before fold to what they were."""
    if sha256 == turn.failing:
        return replace(turn, failing_kind=shown, repeats=turn.repeats + 1)
    failed = {**turn.failed, turn.failing: turn.repeats} if turn.failing and state.crew else turn.failed
    repeats = failed.get(sha256, 0) + 1
    failed = without(failed, sha256)
    if len(failed) > FAILED_KEPT:
        failed = without(failed, next(iter(failed)))
    return replace(turn, failing=sha256, failing_kind=shown, repeats=repeats, failed=failed)


def action_allowed(state: State, event: e.ActionAllowed, entry: Entry) -> State:
    turn = state.turns[event.turn]
    turn = replace(turn, actions=turn.actions + 1, open={**turn.open, event.id: _opened(event)})
    grants = state.grants
    if event.grant and (grant := grants.get(event.grant)) and grant.once:
        grants = without(grants, event.grant)
    asks = without(state.asks, event.id) if event.id in state.asks else state.asks
    counters = {**state.counters, "A": int(event.id[2:])} if event.id not in state.asks else state.counters
    more = counted(state, turn, entry.at, Spent(actions=1))
    return with_turn(state, entry, turn, grants=grants, asks=asks, counters=counters, **more)


def _opened(event: e.ActionAllowed) -> OpenAction:
    return OpenAction(kind=event.action.kind, object=event.action.object, sha256=event.sha256)


def action_asked(state: State, event: e.ActionAsked, entry: Entry) -> State:
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
        counters=count(state, event.id),
    )


def action_denied(state: State, event: e.ActionDenied, entry: Entry) -> State:
    turn = state.turns[event.turn]
    malformed = turn.malformed + (event.action.kind == "report")
    over_budget = turn.over_budget + any(match.source.endswith(" budget") for match in event.ruling.matches)
    turn = replace(
        _failed(state, turn, event.sha256, _shown(event.action)),
        denied=turn.denied + 1,
        malformed=malformed,
        over_budget=over_budget if state.crew else 0,
    )
    common = key_of(turn.role, event.action)
    state = replace(state, denials={**state.denials, common: state.denials.get(common, 0) + 1})
    counters = {**state.counters, "A": max(state.counters.get("A", 0), int(event.id[2:]))}
    return with_turn(state, entry, turn, asks=without(state.asks, event.id), counters=counters)


def _shown(action: Action) -> str:
    return f"{action.kind} {action.object}".strip()[:200]


def action_edited(state: State, event: e.ActionEdited, entry: Entry) -> State:
    ask = replace(state.asks[event.id], edited=event.action)
    return replace(state, seq=entry.seq, at=entry.at, asks={**state.asks, ask.id: ask})


def ask_answered(state: State, event: e.AskAnswered, entry: Entry) -> State:
    ask = state.asks[event.id]
    asks = without(state.asks, event.id)
    key = key_of(ask.role, ask.action)
    yeses = state.yeses.get(key, 0) + 1 if event.allowed and ask.edited is None else 0
    state = replace(state, yeses={**state.yeses, key: yeses})
    if event.allowed:
        state = approved(state, entry, key)
    task = state.tasks.get(ask.task)
    if task is None or ask.turn in state.turns:
        return replace(state, seq=entry.seq, at=entry.at, asks=asks)
    # The turn that asked was interrupted: the next one is told.
    answer = "allowed" if event.allowed else f"denied: {event.reason}"
    if ask.edited is not None:
        answer = f"allowed, changed by the supervisor to exactly: {ask.edited.command}"
    told = (f"You wanted to {ask.action.kind} {ask.action.object}", answer)
    return with_task(state, entry, unsealed(replace(task, answers=(*task.answers, told))), asks=asks)


def approved(state: State, entry: Entry, about: str) -> State:
    """Remembers how quickly one yes followed the other."""
    if entry.by.kind != "supervisor" or entry.at == state.last_yes:
        return state
    hasty = (*state.hasty, about)[-HASTY_YESES:] if is_hasty(state, entry.at) else ()
    return replace(state, last_yes=entry.at, hasty=hasty)


def notice_raised(state: State, event: e.NoticeRaised, entry: Entry) -> State:
    notice = Notice(
        id=event.notice, kind=event.kind, title=event.title, text=event.text, task=event.task, since=entry.at
    )
    hasty = () if event.kind == "haste" else state.hasty
    notices = {**state.notices, notice.id: notice}
    counters = count(state, event.notice)
    return replace(state, seq=entry.seq, at=entry.at, notices=notices, hasty=hasty, counters=counters)


def notice_settled(state: State, event: e.NoticeSettled, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, notices=without(state.notices, event.notice))


def grant_given(state: State, event: e.GrantGiven, entry: Entry) -> State:
    grant = Grant(
        id=event.grant,
        role=event.role,
        kind=event.kind,
        object=event.object,
        task=event.task,
        once=event.once,
        tree=event.tree,
        rules=event.rules,
        sha256=event.sha256,
    )
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        grants={**state.grants, grant.id: grant},
        counters=count(state, event.grant),
    )


def grant_revoked(state: State, event: e.GrantRevoked, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, grants=without(state.grants, event.grant))


def action_ended(state: State, event: e.ActionEnded, entry: Entry) -> State:
    turn = next((turn for turn in state.turns.values() if event.id in turn.open), None)
    if turn is None:
        return replace(state, seq=entry.seq, at=entry.at)
    action = turn.open[event.id]
    turn = replace(turn, open=without(turn.open, event.id))
    if event.result == "ok":
        turn = replace(turn, failing="", failing_kind="", repeats=0, failed={})
    else:
        turn = _failed(state, turn, action.sha256, f"{action.kind} {action.object}".strip()[:200])
    task = state.tasks.get(turn.task)
    if event.result == "ok" and action.kind == "edit" and task and action.object not in task.edited:
        task = replace(task, edited=(*task.edited, action.object), first_edit=task.first_edit or entry.at)
        return with_task(state, entry, task, turns={**state.turns, turn.id: turn})
    return with_turn(state, entry, turn)


def package_fetched(state: State, event: e.PackageFetched, entry: Entry) -> State:
    task = task_of(state, event.task)
    others = tuple(one for one in task.packages if one.asked != event.fetched.asked)
    return with_task(state, entry, replace(task, packages=(*others, event.fetched)))


def reported(state: State, event: e.Reported, entry: Entry) -> State:
    turn = replace(state.turns[event.turn], delivered="report")
    task = replace(state.tasks[event.task], report=event.evidence)
    return with_task(state, entry, task, turns={**state.turns, turn.id: turn})


def proposal_endorsed(state: State, event: e.ProposalEndorsed, entry: Entry) -> State:
    proposal = state.proposals[event.proposal]
    proposal = replace(proposal, endorsed=(*proposal.endorsed, event.role))
    return replace(state, seq=entry.seq, at=entry.at, proposals={**state.proposals, proposal.id: proposal})


def escalated(state: State, event: e.Escalated, entry: Entry) -> State:
    question = Question(id=event.question, task=event.task, turn=event.turn, text=event.text, since=entry.at)
    task = replace(state.tasks[event.task], question=event.question)
    turn = replace(state.turns[event.turn], delivered="question")
    return with_task(
        state,
        entry,
        task,
        questions={**state.questions, question.id: question},
        turns={**state.turns, turn.id: turn},
        counters=count(state, event.question),
    )


def question_answered(state: State, event: e.QuestionAnswered, entry: Entry) -> State:
    question = state.questions[event.question]
    questions = without(state.questions, event.question)
    task = task_of(state, question.task)
    task = replace(task, question="", answers=(*task.answers, (question.text, event.text)))
    return with_task(state, entry, task, questions=questions)


def proposal_made(state: State, event: e.ProposalMade, entry: Entry) -> State:
    proposal = Proposal(id=event.proposal, path=event.path, evidence=event.evidence, by=entry.by.name, since=entry.at)
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        proposals={**state.proposals, proposal.id: proposal},
        counters=count(state, proposal.id),
    )


def proposal_settled(state: State, event: e.ProposalSettled, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, proposals=without(state.proposals, event.proposal))
