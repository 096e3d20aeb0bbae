"""Steering a turn that runs: words to it, a pause after its action, its end, and what becomes of its task.

The supervisor's, all of it. Words approve nothing: what must be asked is asked, whatever was said.
"""

from __future__ import annotations

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.deciding_crew import check_choice
from factory_tui.domain.deciding_tasks import check_successor
from factory_tui.domain.errors import Refusal
from factory_tui.domain.numbers import Ids
from factory_tui.domain.state import State, Turn

MOST_CHARACTERS = 4_000
"""Of one message."""


def send_message(state: State, command: c.SendMessage) -> tuple[e.Event, ...]:
    turn = _steerable(state, command.turn)
    text = command.text.strip()
    if not text:
        raise Refusal(what="the message has no words", next_step=f"say what {turn.id} shall know")
    if len(text) > MOST_CHARACTERS:
        raise Refusal(
            what=f"the message has {len(text)} characters, {MOST_CHARACTERS} at most",
            next_step="say less, or put it into the next brief: `edit` at the handoff",
        )
    message = Ids(state).next("W")
    return (e.MessageSent(message=message, turn=turn.id, task=turn.task, text=text, evidence=command.evidence),)


def hear_messages(state: State, command: c.HearMessages) -> tuple[e.Event, ...]:
    """Once each: nothing unheard, nothing on record."""
    unheard = state.turn(command.turn).unheard
    return (e.MessagesHeard(turn=command.turn, messages=tuple(one.id for one in unheard)),) if unheard else ()


def pause_turn(state: State, command: c.PauseTurn) -> tuple[e.Event, ...]:
    turn = _steerable(state, command.turn)
    if turn.paused:
        return ()
    return (e.TurnPaused(turn=turn.id, reason=command.reason.strip() or "paused by the supervisor"),)


def resume_turn(state: State, command: c.ResumeTurn) -> tuple[e.Event, ...]:
    turn = _steerable(state, command.turn)
    return (e.TurnResumed(turn=turn.id),) if turn.paused else ()


def interrupt_turn(state: State, command: c.InterruptTurn) -> tuple[e.Event, ...]:
    """Held, its task owes no turn: whoever runs it ends it, and its worktree stays as it is."""
    turn = _steerable(state, command.turn)
    task = state.tasks[turn.task]
    if task.held:
        return ()
    why = command.reason.strip() or "by the supervisor"
    return (e.TaskHeld(task=task.id, reason=f"{turn.id} was interrupted: {why}"),)


def retire_turn(state: State, command: c.RetireTurn) -> tuple[e.Event, ...]:
    turn = _steerable(state, command.turn)
    task = state.tasks[turn.task]
    if not command.reason.strip():
        raise Refusal(what=f"retiring {turn.id} needs a reason", why="it stays on record and the next seat is told")
    if command.to and command.to != turn.role:
        check_successor(state, task, turn.purpose, command.to)
    check_choice(command.seat)
    chosen = (e.SeatChosen(task=task.id, seat=command.seat.strip()),) if command.seat.strip() else ()
    parks = not command.to and not chosen
    retired = e.TurnRetired(turn=turn.id, reason=command.reason.strip(), to=command.to, parks=parks)
    return (*chosen, retired)


def choose_seat(state: State, command: c.ChooseSeat) -> tuple[e.Event, ...]:
    task = state.open_task(command.task)
    seat = command.seat.strip()
    check_choice(seat)
    return () if task.seat == seat else (e.SeatChosen(task=task.id, seat=seat),)


def _steerable(state: State, id: str) -> Turn:
    turn = state.turn(id)
    if turn.retired is not None:
        raise Refusal(what=f"{id} is being retired: {turn.retired.reason}", next_step="run `factory status`")
    return turn
