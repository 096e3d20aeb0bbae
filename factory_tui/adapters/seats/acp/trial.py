"""The seat's own limits, tried by an agent of ours that stands where any would: same wall, same line, same client.

What it tries is what every wall is tried with; what counts is the world afterwards.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from factory_tui.adapters.enclosure import base_python
from factory_tui.adapters.seat_trial import TrialDesk, trial_brief
from factory_tui.adapters.trying import ATTEMPTS, Tried, World
from factory_tui.domain.roles import RoleCard
from factory_tui.engine.seat_ports import Seat, SeatOutcome

SECONDS = 30.0
AGENT = Path(__file__).resolve().parents[2] / "probes" / "factory_probe_agent.py"
OTHERS = "ask_for_the_unmapped"


async def try_agent(make: Callable[[tuple[str, ...]], Seat], card: RoleCard, here: World) -> tuple[Tried, ...]:
    """Everything in one turn of the seat that `make` makes for an agent of ours. What could not be tried counts as not
    refused."""
    given = json.dumps({"script": ATTEMPTS, "environment": here.told})
    seat = make((base_python(), "-I", "-S", "-c", AGENT.read_text("utf-8"), given))
    desk = TrialDesk()
    try:
        async with asyncio.timeout(SECONDS):
            outcome = await seat.run(trial_brief(card, str(here.work)), desk)
    except TimeoutError:
        outcome = SeatOutcome(kind="stalled", note=f"not in {SECONDS:g} s")
    finally:
        await seat.close()
    tried = (*here.judge(desk.said), _unmapped(desk.said))
    if outcome.kind == "ok":
        return tuple(Tried(name=_name(one), refused=one.refused, detail=one.detail) for one in tried)
    why = f"it was not tried: {outcome.note}"
    return tuple(Tried(name=_name(one), refused=False, detail=why) for one in tried)


def _name(one: Tried) -> str:
    return f"{one.name.replace('_', ' ')}, by the agent itself"


def _unmapped(said: str) -> Tried:
    if f"{OTHERS} refused" in said:
        return Tried(name=OTHERS, refused=True)
    return Tried(name=OTHERS, refused=False, detail="it was allowed" if OTHERS in said else "it was not tried")
