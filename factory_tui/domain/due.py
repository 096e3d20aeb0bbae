"""What only a recorded time brings about, so that somebody records it: expiry, the world's times, asks that gather,
and a new day."""

from __future__ import annotations

from factory_tui.domain.asking import overdue
from factory_tui.domain.gathering import next_calling
from factory_tui.domain.spending import bound, scopes_of
from factory_tui.domain.state import State
from factory_tui.domain.times import minutes_between
from factory_tui.domain.waiting import waiting

SECONDS_BETWEEN_TIMES = 60.0
LEAST_SECONDS = 0.5


def needs_time(state: State, now: str) -> bool:
    """Whether something waits for the time to be on record."""
    expires = any(task.approval is not None and task.approval.expires for task in state.tasks.values())
    is_due = any(wait.until <= now for wait in state.world.values())
    is_new_day = bool(state.day) and state.at[:10] < now[:10] and any(item.kind == "budget" for item in waiting(state))
    is_gathered = bool(at := next_calling(state)) and at <= now
    return bool(overdue(state, now)) or expires or is_due or is_gathered or is_new_day or _runs_out(state)


def _runs_out(state: State) -> bool:
    """Whether a budget in minutes is being used."""
    return state.charter is not None and any(
        bound(state, scope).minutes for turn in state.turns.values() for scope in scopes_of(turn.role, turn.task)
    )


def seconds_to_sleep(state: State, now: str) -> float:
    """Until the next time that anything waits for, a minute at most: a machine that slept has missed none."""
    times = (*(wait.until for wait in state.world.values()), next_calling(state))
    until = min((at for at in times if at), default="")
    if not until:
        return SECONDS_BETWEEN_TIMES
    return max(LEAST_SECONDS, min(SECONDS_BETWEEN_TIMES, 60.0 * minutes_between(now, until)))


def waits_anew(seen: State, state: State) -> bool:
    """Whether another time is waited for than before. A turn that begins or ends makes an ask gather, or call."""
    if state.world is not seen.world or state.asks is not seen.asks:
        return True
    return bool(state.asks) and state.turns is not seen.turns and next_calling(state) != next_calling(seen)


def waits_for_world(state: State) -> bool:
    """Whether only the world is waited for: nobody needs to come, it goes on by itself."""
    items = waiting(state)
    return bool(items) and all(item.kind == "world" for item in items)
