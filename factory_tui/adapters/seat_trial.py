"""What a trial of a seat's own limits needs, whatever the seat: a brief without a task, a desk without an answer."""

from __future__ import annotations

from dataclasses import dataclass

from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import ActionResult, TurnBrief


def trial_brief(card: RoleCard, directory: str = "") -> TurnBrief:
    """`directory` is where an agent begins; empty where the seat knows by itself."""
    return TurnBrief(
        turn="trial/1",
        task="T-0",
        title="trial",
        role=card.id,
        purpose="author",
        attempt=1,
        text="A trial of the limits.",
        sha256="0" * 64,
        directory=directory,
        card=card,
    )


@dataclass
class TrialDesk:
    """Permits nothing but the end of the trial, and hears what was said. It keeps no record."""

    said: str = ""

    async def act(self, action: Action) -> ActionResult:
        ends = action.kind == "escalate"
        return ActionResult(ok=ends, decision="allow" if ends else "deny", text="" if ends else "denied. a trial")

    async def permit(self, action: Action) -> ActionResult:
        return await self.act(action)

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
