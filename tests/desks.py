"""A desk that permits everything, does nothing, and writes down what a seat did at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from heart import charter

from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import ActionResult, TurnBrief

LAW = charter()
OK = ActionResult(ok=True, decision="allow", text="done")


@dataclass(frozen=True)
class Spent:
    usd: float | None
    fresh: int
    out: int
    cached: int
    written: int
    model: str


@dataclass
class RecordingDesk:
    """`answer` may say something else than "done" to an action."""

    answer: Callable[[Action], ActionResult] = lambda action: OK
    acted: list[Action] = field(default_factory=list)
    permitted: list[Action] = field(default_factory=list)
    said: str = ""
    notices: list[tuple[str, str]] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)
    conversations: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """What the supervisor says next."""

    async def act(self, action: Action) -> ActionResult:
        self.acted.append(action)
        return self.answer(action)

    async def permit(self, action: Action) -> ActionResult:
        self.permitted.append(action)
        return self.answer(action)

    async def hear(self) -> tuple[str, ...]:
        told, self.words = tuple(self.words), []
        return told

    def say(self, text: str) -> None:
        self.said += text

    def notice(self, kind: str, text: str) -> None:
        self.notices.append((kind, text))

    def deny(self, tool: str, arguments: object, reason: str) -> None:
        self.denied.append(tool)

    def conversation(self, id: str, model: str = "") -> None:
        self.conversations.append((id, model))

    def spend(
        self,
        usd: float | None,
        tokens_in: int,
        tokens_out: int,
        tokens_cached: int = 0,
        tokens_written: int = 0,
        model: str = "",
    ) -> None:
        self.spent.append(Spent(usd, tokens_in, tokens_out, tokens_cached, tokens_written, model))

    @property
    def kinds(self) -> list[str]:
        return [action.kind for action in self.acted]


def brief_for(
    role: str = "builder", purpose: str = "author", *, text: str = "", tier: str = "", **more: object
) -> TurnBrief:
    """As the engine makes it; the text has the parts of a real brief."""
    card = LAW.role(role)
    text = text or (
        f"# You are the {card.title}\n\nDo good work.\n\n"
        "# The DNA of this project, whole\n\nAdding is what it does.\n\n"
        "# Knowledge: memory/knowledge/adding.md\n\nMind the sign.\n\n# Your task: T-1, Subtract\n\nIt subtracts.\n"
    )
    return TurnBrief(
        turn=f"{role}/1",
        task="T-1",
        title="Subtract",
        role=role,
        purpose=purpose,
        attempt=1,
        text=text,
        sha256=str(more.pop("sha256", "0" * 64)),
        directory="",
        model_tier=tier or card.model_tier,
        card=card,
        **more,  # type: ignore[arg-type]
    )
