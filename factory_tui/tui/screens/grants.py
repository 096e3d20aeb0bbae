"""What the supervisor has allowed for longer than the moment: to be looked at, and ended."""

from __future__ import annotations

from typing import ClassVar

from factory_tui.domain.commands import RevokeGrant
from factory_tui.tui.bindings import Act
from factory_tui.tui.present.asks import grant_items, grant_parts
from factory_tui.tui.screens.listing import Listing


class Grants(Listing):
    """Enter shows one whole, revoking ends it at once."""

    places: ClassVar[tuple[str, ...]] = ("list", "grants")

    def __init__(self) -> None:
        super().__init__(
            "what you have allowed and still holds",
            lambda room, setting: grant_items(room.cockpit.state, setting),
            lambda room, key: room.cockpit.read(key[6:], grant_parts(room.cockpit.state, key[6:])),
            " Nothing is allowed beyond cards and rules.",
        )

    def not_now(self, act: Act) -> str:
        if act.id == "grant.revoke" and not self.rows.key:
            return "nothing is allowed beyond cards and rules"
        return super().not_now(act)

    def act_grant_revoke(self) -> None:
        grant = self.rows.key[6:]
        self.cockpit.command(
            RevokeGrant(grant=grant, reason="revoked by the supervisor"), f"{grant} is revoked; it is asked for again"
        )
