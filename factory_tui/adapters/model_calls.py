"""What becomes of a model's calls in one turn: carried to the desk, or sent back with what is wrong.

Compatible servers ignore forced tools and schemas, so nothing that a model hands over is taken on trust: it is read
here, asked for again twice, and then the turn fails on record. Shared by every seat that a model plays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from factory_tui.adapters.offered_tools import DELIVERIES, Tool, Unread, action_of, offered_tools
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.prices import Model, Tokens
from factory_tui.domain.roles import RoleCard
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief

ASKED_AGAIN = 2
NEARLY_FULL = 0.85
"""Of the context: then the turn is handed over while there is room to say how it stands."""
FULL = "the context is full; a fresh turn goes on from its digest"
HAND_ON = (
    "Your context is nearly full. Somebody with a fresh one goes on from your words alone: write what you found out,"
    " what is done, what is left, and what you would do next. Call no tool."
)

_HOW: dict[str, str] = {
    "plan": "`plan`",
    "change": "`commit`, then `hand_over`",
    "review": "`report`",
    "report": "`report`",
    "deployment": "`deploy`",
}


def is_nearly_full(model: Model | None, tokens: Tokens) -> bool:
    """After an answer that used these. Of a model that is not listed nobody knows it."""
    return model is not None and model.context > 0 and tokens.prompt + tokens.out > NEARLY_FULL * model.context


@dataclass(frozen=True, kw_only=True)
class Call:
    """One tool call as a model made it."""

    name: str
    arguments: object
    """An object, or JSON text."""


class Calls:
    """One turn's calls. `tools` is what the model is offered, and all that it has."""

    def __init__(self, brief: TurnBrief) -> None:
        if brief.card is None:
            raise FactoryError(what=f"the turn {brief.turn} has no card", why="what it may do follows from its card")
        self._card: RoleCard = brief.card
        self._purpose = brief.purpose
        self.tools: tuple[Tool, ...] = offered_tools(brief.card, brief.purpose)
        self.delivered = ""
        """The action that ended the turn well; empty = none yet."""
        self.given_up = ""
        """Why the turn has failed; empty = it has not."""
        self.done: list[str] = []
        """What was really done, one line each, for whoever goes on from here."""
        self._unread: dict[str, int] = {}
        self._rounds_unread = 0
        self._silent = 0

    async def carry(self, desk: Desk, calls: Sequence[Call]) -> tuple[ActionResult, ...]:
        """Carries out the calls of one answer, one after the other; a result for each.

        What comes after a delivery is not carried out: the turn is over.
        """
        results = []
        unread: set[str] = set()
        for call in calls:
            if self.delivered:
                text = f"not done: `{self.delivered}` has ended the turn"
                results.append(ActionResult(ok=False, decision="deny", text=text))
                continue
            became = action_of(self._card, self._purpose, call.name, call.arguments)
            if isinstance(became, Unread):
                desk.deny(call.name, call.arguments, became.reason)
                unread.add(call.name)
                results.append(ActionResult(ok=False, decision="deny", text=became.reason))
                continue
            self._unread.pop(call.name, None)
            result = await desk.act(became)
            said = "" if result.ok else f": {' '.join(result.text.split())[:200]}"
            self.done.append(f"{became.kind} {became.object}: {'ok' if result.ok else 'not ok'}{said}")
            if result.ok and became.kind in DELIVERIES:
                self.delivered = became.kind
            results.append(result)
        self._count(unread, is_all=len(unread) > 0 and all(not result.ok for result in results))
        return tuple(results)

    def _count(self, unread: set[str], *, is_all: bool) -> None:
        for name in unread:
            self._unread[name] = self._unread.get(name, 0) + 1
            if self._unread[name] > ASKED_AGAIN:
                self.given_up = f"`{name[:80]}` could not be read {ASKED_AGAIN + 1} times"
        self._rounds_unread = self._rounds_unread + 1 if is_all else 0
        if self._rounds_unread > ASKED_AGAIN:
            self.given_up = self.given_up or f"{ASKED_AGAIN + 1} answers in a row held no call that could be read"

    def handed_on(self, words: str, note: str) -> SeatOutcome:
        """For a fresh turn: the model's own words where it could still say them, and what was really done."""
        done = "\n".join(f"- {line}" for line in self.done) or "- nothing yet"
        said = f"In its own words:\n\n{words.strip()}\n\n" if words.strip() else ""
        digest = f"{said}What it did, by the factory's account:\n\n{done}\n"
        return SeatOutcome(kind="truncated", note=note, digest=digest)

    def ask_again(self) -> str:
        """What a model is told that ended with nothing delivered; empty = it was told often enough, see `given_up`."""
        self._silent += 1
        if self._silent > ASKED_AGAIN:
            self.given_up = f"it ended {ASKED_AGAIN + 1} times with nothing delivered"
            return ""
        how = _HOW[self._card.delivers] if self._purpose != "review" else _HOW["review"]
        return (
            f"Your turn is not over: nothing was delivered, and what you only say reaches nobody. Deliver with {how};"
            " or, when you cannot go on, `escalate` your question."
        )
