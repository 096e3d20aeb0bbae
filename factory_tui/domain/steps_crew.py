"""Steps about who fills the roles, what may be used, and what is waited for outside."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.staffing import NO_BOUNDS, Bounds
from factory_tui.domain.state import State, WorldWait
from factory_tui.domain.steps import count, without


def crew_staffed(state: State, event: e.CrewStaffed, entry: Entry) -> State:
    """The first of a session begins its counting; a later one is a changed home."""
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        crew={one.role: one for one in event.crew},
        crew_notes=event.notes,
        ceilings=event.ceilings,
    )


def role_seated(state: State, event: e.RoleSeated, entry: Entry) -> State:
    seats = without(state.role_seats, event.role)
    if event.seat:
        seats = {**seats, event.role: event.seat}
    return replace(state, seq=entry.seq, at=entry.at, role_seats=seats)


def budget_raised(state: State, event: e.BudgetRaised, entry: Entry) -> State:
    """Raised twice, it is raised by both. A task that its last turn's budget held may go on."""
    before = state.raised.get(event.scope, NO_BOUNDS)
    both = Bounds(
        usd=before.usd + event.by.usd,
        tokens=before.tokens + event.by.tokens,
        actions=before.actions + event.by.actions,
        minutes=before.minutes + event.by.minutes,
    )
    kind, _, name = event.scope.partition(":")
    tasks = state.tasks
    if kind == "turn" and (task := tasks.get(name)):
        tasks = {**tasks, name: replace(task, overspent="")}
    spent, day = state.spent, state.day
    if kind == "day" and day != entry.at[:10]:
        # Nothing was used on this day yet, and yesterday's count must not take the raise with it.
        spent, day = without(spent, "day"), entry.at[:10]
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        raised={**state.raised, event.scope: both},
        tasks=tasks,
        spent=spent,
        day=day,
    )


def world_awaited(state: State, event: e.WorldAwaited, entry: Entry) -> State:
    known = state.world.get(event.wait)
    tasks = tuple(dict.fromkeys((*(known.tasks if known else ()), event.task)))
    wait = WorldWait(
        id=event.wait,
        cause=event.cause,
        seat=event.seat,
        tasks=tasks,
        since=known.since if known else entry.at,
        until=max(event.until, known.until) if known else event.until,
        is_told=event.is_told,
    )
    tries = state.tries if known else {**state.tries, event.cause: state.tries.get(event.cause, 0) + 1}
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        world={**state.world, wait.id: wait},
        tries=tries,
        counters=count(state, event.wait),
    )


def world_tried(state: State, event: e.WorldTried, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, world=without(state.world, event.wait))
