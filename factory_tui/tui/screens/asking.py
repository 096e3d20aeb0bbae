"""Stating work: a small task for one role, or a mission that the planner plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory_tui.domain import commands as c

if TYPE_CHECKING:
    from factory_tui.tui.bridge import Bridge

SMALL = "a small task for the builder, no plan, every gate level"
MISSION = "a mission: what shall be true at the end; the planner plans it"


def ask_for_work(cockpit: Bridge) -> None:
    """One line; Tab changes between a small task and a mission."""
    room = cockpit.room
    if room is None:
        return
    asked = room

    def state_it(text: str) -> None:
        if not text:
            asked.say("nothing was stated: it had no words", "warn")
            return
        state = cockpit.state
        if asked.toggled == 0:
            small = c.OpenSmallTask(text=text, role="builder", base_ref=state.base_ref, base=state.base)
            cockpit.command(small, "the task is on record")
        else:
            mission = c.StateMission(text=text, base_ref=state.base_ref, base=state.base)
            cockpit.command(mission, "the mission is on record; the planner plans it")

    room.type((SMALL, MISSION), state_it)
