"""Orders to one turn, as somebody gives them: by the turn's name or its task's, in words."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain import commands as c
from factory_tui.domain.errors import Refusal
from factory_tui.domain.state import State, Turn
from factory_tui.domain.terms import Record
from factory_tui.engine.ports import EvidenceStore

OrderKind = Literal["message", "pause", "resume", "interrupt", "retire", "seat"]


class Steer(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="steer"):
    """`seat` is for the task's next turn; everything else is to the turn that runs."""

    target: str
    """`builder/b2`, or the task that it works on: `T-3`, `T-3/turn`."""
    order: OrderKind
    text: str = ""
    """The message, or the reason."""
    to: str = ""
    """retire: a role."""
    seat: str = ""
    """retire, seat."""


def turn_named(state: State, target: str) -> Turn:
    """Raises Refusal naming the turns that run."""
    task = target.removesuffix("/turn").upper()
    for turn in state.turns.values():
        if turn.id == target.lower() or turn.task == task:
            return turn
    running = ", ".join(f"{turn.id} on {turn.task}" for turn in state.turns.values()) or "none"
    raise Refusal(
        what=f"no turn called {target[:80]} runs", why=f"running: {running}", next_step="run `factory status`"
    )


def command_of(state: State, order: Steer, evidence: EvidenceStore) -> c.Command:
    """Raises Refusal when no such turn runs."""
    if order.order == "seat":
        task = order.target.removesuffix("/turn").upper()
        return c.ChooseSeat(task=state.task(task).id, seat=order.seat or order.text)
    turn = turn_named(state, order.target).id
    match order.order:
        case "message":
            kept = evidence.put(order.text.strip().encode(), f"the supervisor's message to {turn}")
            return c.SendMessage(turn=turn, text=order.text, evidence=kept)
        case "pause":
            return c.PauseTurn(turn=turn, reason=order.text)
        case "resume":
            return c.ResumeTurn(turn=turn)
        case "interrupt":
            return c.InterruptTurn(turn=turn, reason=order.text)
        case "retire":
            return c.RetireTurn(turn=turn, reason=order.text, to=order.to, seat=order.seat)
