"""A draft for a role's card, written into the home on the supervisor's word; in force once that change is adopted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from factory_tui.domain.card_drafts import card_drafts, with_settled
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import Refusal
from factory_tui.domain.terms import Record
from factory_tui.engine.factory import Factory


class DraftCard(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="draft-card"):
    """Write what was always allowed on the role's card in the home."""

    role: str
    entry: str
    """`run make notes`"""


class CardShelf(Protocol):
    """The role cards of the home, as files."""

    def card(self, role: str) -> tuple[str, str]:
        """Path in the home, and the text it has: the home's own file, else the shipped one. Raises FactoryError."""

    def write(self, path: str, text: str, *, replaces: str = "") -> None:
        """Whole or not at all. Raises WorldError when the file is there and holds something else than `replaces`."""


class CardDesk:
    """Writes drafts for one factory."""

    def __init__(
        self,
        *,
        factory: Factory,
        shelf: CardShelf,
        entries: Callable[[], Sequence[Entry]],
        propose: Callable[[], Awaitable[None]],
    ) -> None:
        """`propose` has the home on disk looked at again."""
        self._factory, self._shelf, self._entries, self._propose = factory, shelf, entries, propose

    async def draft(self, wish: DraftCard) -> dict[str, Any]:
        """Where it stands, and the proposal that waits to be adopted. Raises Refusal for what is no draft."""
        state = self._factory.state
        drafts = card_drafts(self._entries(), state)
        draft = next((one for one in drafts if (one.role, one.entry) == (wish.role, wish.entry)), None)
        if draft is None:
            raise Refusal(
                what=f"nothing to put on the card of {wish.role[:40]}: {wish.entry[:80]}",
                why="only what was asked three times by rules, and allowed each time as it was",
                next_step="the cockpit's `allowed` lists the drafts",
            )
        path, text = self._shelf.card(draft.role)
        if draft.line not in text.split("\n"):
            try:
                new = with_settled(text, draft)
            except ValueError as error:
                raise Refusal(
                    what=f"{path} cannot take the line: {error}",
                    next_step=f"write under `settled:` yourself: {draft.line.strip()}",
                ) from error
            self._shelf.write(path, new, replaces=text)
        await self._propose()
        proposals = reversed(self._factory.state.proposals.values())
        proposal = next((one for one in proposals if one.charter), None)
        return {"path": path, "line": draft.line.strip(), "proposal": proposal.id if proposal else ""}
