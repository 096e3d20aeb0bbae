"""The seat's own limits, tried by an agent of ours that stands where any would: same wall, same line, same client.

What it tries is what every wall is tried with; what counts is the world afterwards.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from factory_tui.adapters.enclosure import base_python
from factory_tui.adapters.trying import ATTEMPTS, Tried, World
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import ActionResult, Seat, SeatOutcome, TurnBrief

SECONDS = 30.0
AGENT = Path(__file__).resolve().parents[2] / "probes" / "factory_probe_agent.py"
OTHERS = "ask_for_the_unmapped"


async def try_agent(make: Callable[[tuple[str, ...]], Seat], card: RoleCard, here: World) -> tuple[Tried, ...]:
    """Everything in one turn of the seat that `make` makes for an agent of ours. What could not be tried counts as not
    refused."""
    given = json.dumps({"script": ATTEMPTS, "environment": here.told})
    seat = make((base_python(), "-I", "-S", "-c", AGENT.read_text("utf-8"), given))
    desk = _NoDesk()
    try:
        async with asyncio.timeout(SECONDS):
            outcome = await seat.run(_brief(card, here), desk)
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


def _brief(card: RoleCard, here: World) -> TurnBrief:
    return TurnBrief(
        turn="trial/1",
        task="T-0",
        title="trial",
        role=card.id,
        purpose="author",
        attempt=1,
        text="A trial of the limits.",
        sha256="0" * 64,
        directory=str(here.work),
        card=card,
    )


@dataclass
class _NoDesk:
    """Permits nothing but the end of the trial, and hears what was said."""

    said: str = field(default="")

    async def act(self, action: Action) -> ActionResult:
        ends = action.kind == "escalate"
        return ActionResult(ok=ends, decision="allow" if ends else "deny", text="" if ends else "denied. a trial")

    async def permit(self, action: Action) -> ActionResult:
        return ActionResult(ok=False, decision="deny", text="denied. a trial")

    async def hear(self) -> tuple[str, ...]:
        return ()

    def say(self, text: str) -> None:
        self.said += text

    def notice(self, kind: str, text: str) -> None: ...
    def deny(self, tool: str, arguments: object, reason: str) -> None: ...
    def conversation(self, id: str, model: str = "") -> None: ...
    def spend(
        self,
        usd: float | None,
        tokens_in: int,
        tokens_out: int,
        tokens_cached: int = 0,
        tokens_written: int = 0,
        model: str = "",
    ) -> None: ...
