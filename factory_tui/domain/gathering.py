"""Asks that are not urgent wait a moment for others before they are shown, so that several are one interruption.

All by recorded times: the same state shows the same queue. What gathers waits already (`waiting`), and can be opened
and answered by whoever goes to it; it only calls nobody yet.
"""

from __future__ import annotations

from factory_tui.domain.asking import stands_still
from factory_tui.domain.item import Waiting
from factory_tui.domain.state import Ask, State
from factory_tui.domain.times import minutes_after
from factory_tui.domain.waiting import waiting

SECONDS_TO_GATHER = 5.0
URGENT_KINDS = frozenset({"deploy"})


def is_urgent(state: State, ask: Ask) -> bool:
    """Nobody gains by a wait: what it is about is out in the world, or no other turn goes on that could ask, too."""
    others = (turn for turn in state.turns.values() if turn.id != ask.turn and turn.control != "human")
    return ask.action.kind in URGENT_KINDS or all(stands_still(state, turn) for turn in others)


def calls_from(state: State) -> dict[str, str]:
    """When each ask that is not urgent is shown. The first opens a window; those that come within it are shown with
    it."""
    found: dict[str, str] = {}
    end = ""
    for ask in sorted(state.asks.values(), key=lambda ask: (ask.since, ask.id)):
        if not is_urgent(state, ask):
            end = end if ask.since < end else minutes_after(ask.since, SECONDS_TO_GATHER / 60.0)
            found[ask.id] = end
    return found


def gathering(state: State) -> frozenset[str]:
    """The asks that are not shown yet."""
    return frozenset(id for id, at in calls_from(state).items() if state.at < at)


def next_calling(state: State) -> str:
    """When the next ones are shown; empty = none gathers. Somebody must then put the time on record."""
    return min((at for at in calls_from(state).values() if state.at < at), default="")


def calling(state: State) -> tuple[Waiting, ...]:
    """What waits and calls the supervisor, oldest first."""
    hidden = gathering(state)
    return tuple(item for item in waiting(state) if item.id not in hidden)
