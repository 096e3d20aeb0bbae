"""Waiting for the world: a window of a subscription, a rate limit, a network that is gone.

Nobody failed, so nothing is counted: no attempt, no crash, no loop. Everything that waits for the same cause is one
item, and goes on by itself when its time has come on record, or when the supervisor lets it try.
"""

from __future__ import annotations

from factory_tui.domain.spending import seat_of
from factory_tui.domain.state import State, Task, WorldWait

PATIENCE = (1, 2, 5, 10, 15)
"""Minutes until the next try when the world does not say how long; the last one for all that follow."""


def stands_in_the_way(state: State, task: Task) -> WorldWait | None:
    """What a task's next turn waits for; None = it may start. A cause of one seat holds every turn in that seat."""
    if task.handoff is None:
        return None
    seat = seat_of(state, task.handoff.to, task)
    for wait in state.world.values():
        if wait.seat == seat or (not seat and task.id in wait.tasks):
            return wait
    return None


def of_one_cause(state: State, id: str) -> tuple[WorldWait, ...]:
    """That wait, and those of other seats that wait for the same: they are one item."""
    cause = state.world[id].cause
    return tuple(wait for wait in state.world.values() if wait.cause == cause)


def minutes_of_patience(tries: int) -> int:
    return PATIENCE[min(tries, len(PATIENCE) - 1)]


def told(wait: WorldWait) -> str:
    """`waiting for the world until 16:00`"""
    return f"waiting for the world until {wait.until[11:16]}"
