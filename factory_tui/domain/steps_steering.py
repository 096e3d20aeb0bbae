"""Steps about what the supervisor says and does to a turn that runs."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import Message, Retirement, State
from factory_tui.domain.steps import count, with_task, with_turn


def message_sent(state: State, event: e.MessageSent, entry: Entry) -> State:
    """An author's successors are told too: a fresh context knows nothing of it. A reviewer's are not."""
    turn = state.turns[event.turn]
    message = Message(id=event.message, by=entry.by.name, text=event.text, evidence=event.evidence)
    turn = replace(turn, messages=(*turn.messages, message))
    counters = count(state, event.message)
    task = state.tasks.get(turn.task)
    if task is None or turn.purpose == "review":
        return with_turn(state, entry, turn, counters=counters)
    told = (f"{turn.id} was at work when the supervisor said", event.text)
    task = replace(task, answers=(*task.answers, told))
    return with_task(state, entry, task, turns={**state.turns, turn.id: turn}, counters=counters)


def messages_heard(state: State, event: e.MessagesHeard, entry: Entry) -> State:
    turn = state.turns[event.turn]
    messages = tuple(
        replace(message, is_heard=message.is_heard or message.id in event.messages) for message in turn.messages
    )
    return with_turn(state, entry, replace(turn, messages=messages))


def turn_paused(state: State, event: e.TurnPaused, entry: Entry) -> State:
    return with_turn(state, entry, replace(state.turns[event.turn], paused=event.reason))


def turn_resumed(state: State, event: e.TurnResumed, entry: Entry) -> State:
    return with_turn(state, entry, replace(state.turns[event.turn], paused=""))


def turn_retired(state: State, event: e.TurnRetired, entry: Entry) -> State:
    retired = Retirement(reason=event.reason, to=event.to, parks=event.parks)
    return with_turn(state, entry, replace(state.turns[event.turn], retired=retired))


def seat_chosen(state: State, event: e.SeatChosen, entry: Entry) -> State:
    return with_task(state, entry, replace(state.tasks[event.task], seat=event.seat))
