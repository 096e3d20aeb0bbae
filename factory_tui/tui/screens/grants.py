"""What the supervisor has allowed for longer than the moment: to be looked at, and ended.

Below it what could be settled on a card, because it was asked again and again and always allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from factory_tui.domain.card_drafts import CardDraft, card_drafts
from factory_tui.domain.commands import RevokeGrant
from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Item
from factory_tui.tui.present.asks import draft_items, draft_key, draft_parts, grant_items, grant_parts
from factory_tui.tui.present.words import Setting
from factory_tui.tui.screens.listing import Listing


class Grants(Listing):
    """Enter shows one whole, revoking ends it at once."""

    places: ClassVar[tuple[str, ...]] = ("list", "grants")

    def __init__(self) -> None:
        super().__init__(
            "what you have allowed and still holds",
            lambda room, setting: self._items(setting),
            lambda room, key: self._open(key),
            " Nothing is allowed beyond cards and rules.",
        )
        self._drafts: tuple[CardDraft, ...] = ()
        self._drafted_at = -1

    def _items(self, setting: Setting) -> Sequence[Item]:
        cockpit = self.cockpit
        if self._drafted_at != cockpit.state.seq:  # all entries are looked through
            self._drafted_at = cockpit.state.seq
            self._drafts = card_drafts(cockpit.chronicle.entries, cockpit.state)
        return [*grant_items(cockpit.state, setting), *draft_items(self._drafts, setting)]

    def _draft(self) -> CardDraft | None:
        return next((one for one in self._drafts if draft_key(one) == self.rows.key), None)

    def _open(self, key: str) -> None:
        if (draft := self._draft()) is not None:
            self.cockpit.read(f"for the card of {draft.role}", draft_parts(draft))
        else:
            self.cockpit.read(key[6:], grant_parts(self.cockpit.state, key[6:]))

    def not_now(self, act: Act) -> str:
        if act.id == "grant.revoke" and not self.rows.key.startswith("grant:"):
            return "it is no grant" if self.rows.key else "nothing is allowed beyond cards and rules"
        if act.id == "grant.draft" and self._draft() is None:
            return "only what was asked three times by rules, and allowed each time, is written on a card"
        return super().not_now(act)

    def act_grant_revoke(self) -> None:
        grant = self.rows.key[6:]
        self.cockpit.command(
            RevokeGrant(grant=grant, reason="revoked by the supervisor"), f"{grant} is revoked; it is asked for again"
        )

    def act_grant_draft(self) -> None:
        """The changed card comes in front, where it is adopted or not."""
        from factory_tui.engine.settling import DraftCard

        draft = self._draft()
        if draft is not None:
            told = f"roles/{draft.role}.md has the line; it is in force once you adopt it"
            self.cockpit.ask(DraftCard(role=draft.role, entry=draft.entry), told, self._show_change)

    def _show_change(self) -> None:
        proposal = next((one for one in reversed(self.cockpit.state.proposals.values()) if one.charter), None)
        if proposal is not None:
            self.cockpit.open_item(proposal.id)
