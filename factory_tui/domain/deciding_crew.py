"""Who fills the roles, what may be used, and trying the world again: the supervisor's commands about the crew."""

from __future__ import annotations

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.errors import Refusal
from factory_tui.domain.numbers import Ids
from factory_tui.domain.spending import bound, name_of, raised_by, share
from factory_tui.domain.staffing import EFFORTS, UNITS, Bounds, choice
from factory_tui.domain.state import State, Turn
from factory_tui.domain.times import is_time, minutes_after
from factory_tui.domain.world import minutes_of_patience, of_one_cause

LONG_CAUSE = 200


def staff_crew(state: State, command: c.StaffCrew) -> tuple[e.Event, ...]:
    staffed = e.CrewStaffed(crew=command.crew, ceilings=command.ceilings, notes=command.notes)
    same = (
        {one.role: one for one in command.crew} == state.crew
        and command.ceilings == state.ceilings
        and command.notes == state.crew_notes
    )
    return () if same else (staffed,)


def seat_role(state: State, command: c.SeatRole) -> tuple[e.Event, ...]:
    role = state.law.role(command.role).id
    seat = command.seat.strip()
    check_choice(seat)
    return () if state.role_seats.get(role, "") == seat else (e.RoleSeated(role=role, seat=seat),)


def check_choice(text: str) -> None:
    """Raises Refusal for what is no `seat/model@effort`, of which parts may be left out."""
    seat, model, _ = choice(text)
    if any(len(part) > 120 or any(ord(sign) < 33 for sign in part) for part in (seat, model)):
        raise Refusal(
            what=f"`{text[:80]}` names no seat",
            why="a seat is one word, a model after `/` another, an effort after `@` a third",
            next_step="for instance `claude_code`, `anthropic_api/claude-opus-5-5@high`, `/claude-haiku-5-5` or `@low`",
        )
    slip = (model or seat).rpartition("@")[2]
    if "@" in seat or ("@" in model and slip.isalpha()):
        raise Refusal(
            what=f"`{slip[:40]}` is no effort", why=f"there are {', '.join(EFFORTS)}", next_step="write one after `@`"
        )


def raise_budget(state: State, command: c.RaiseBudget) -> tuple[e.Event, ...]:
    """Raises Refusal for a scope that does not exist, or where nothing is bounded by what is raised."""
    most = _bounds_of(state, command.scope)
    if not any(getattr(command.by, unit) > 0 for unit in UNITS) or any(getattr(command.by, u) < 0 for u in UNITS):
        raise Refusal(what="a budget is raised by an amount", next_step="for instance `usd 5, tokens 500000`")
    if raised_by(most, command.by) == most:
        named = [unit for unit in UNITS if getattr(most, unit)]
        raise Refusal(
            what=f"the budget {name_of(command.scope)} does not bound that",
            why=f"it bounds {', '.join(named) or 'nothing'}",
        )
    return (e.BudgetRaised(scope=command.scope, by=command.by, reason=command.reason.strip()[:500]),)


def _bounds_of(state: State, scope: str) -> Bounds:
    kind, _, name = scope.partition(":")
    match kind:
        case "day" | "session" if not name:
            return bound(state, scope)
        case "role":
            return bound(state, f"role:{state.law.role(name).id}")
        case "task":
            return bound(state, f"task:{state.task(name).id}")
        case "turn":
            task = state.task(name)
            return share(state, task.handoff.to if task.handoff else task.role, name)
        case _:
            raise Refusal(
                what=f"there is no budget `{scope[:80]}`",
                next_step="`day`, `session`, `role:builder`, `task:T-1`, or `turn:T-1` for the next turn on it",
            )


def try_world(state: State, command: c.TryWorld) -> tuple[e.Event, ...]:
    if command.wait not in state.world:
        raise Refusal(
            what=f"nothing waits for the world as {command.wait}", why=f"waiting: {', '.join(state.world) or 'nothing'}"
        )
    return tuple(e.WorldTried(wait=wait.id) for wait in of_one_cause(state, command.wait))


def await_world(state: State, ids: Ids, turn: Turn, cause: str, until: str, at: str) -> e.WorldAwaited:
    """One item for each cause and seat. A time that is none, or long past, is a try with growing patience."""
    cause = " ".join(cause.split())[:LONG_CAUSE]
    known = next((wait for wait in state.world.values() if (wait.cause, wait.seat) == (cause, turn.seat)), None)
    is_told = is_time(until) and until > at
    if not is_told:
        until = known.until if known else minutes_after(at, minutes_of_patience(state.tries.get(cause, 0)))
    return e.WorldAwaited(
        wait=known.id if known else ids.next("X"),
        cause=cause,
        task=turn.task,
        turn=turn.id,
        seat=turn.seat,
        until=until,
        is_told=is_told,
    )
