"""Picking what shows an incident: the ledger's entries, the newest first; Enter picks one, or takes it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from factory_tui.domain.wording import worded
from factory_tui.engine.incidents import IncidentWish
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Span, item, line
from factory_tui.tui.present.words import Setting
from factory_tui.tui.screens.listing import Listing


class Picking(Listing):
    """What is picked is on record at once."""

    places: ClassVar[tuple[str, ...]] = ("list", "picking")

    def __init__(self, incident: str, then: Callable[[], None]) -> None:
        """`then` is called after each change that is on record."""
        super().__init__(
            lambda key: (
                f"what shows {incident}? {key('open')} picks an entry or takes it back, {key('search')} searches,"
                f" {key('back')} when it is done"
            ),
            lambda room, setting: self._rows(setting),
            lambda room, key: self._pick(int(key.removeprefix("entry:"))),
        )
        self.incident, self._then = incident, then

    def _picked(self) -> frozenset[int]:
        return frozenset(self.cockpit.state.incidents[self.incident].evidence)

    def _rows(self, setting: Setting) -> list[Item]:
        view = self.cockpit.view
        past = view.past if view is not None else ()
        entries = {entry.seq: entry for entry in (*past, *self.cockpit.chronicle.entries)}
        picked = self._picked()
        return [
            item(
                f"entry:{seq}",
                line(
                    Span("[x] " if seq in picked else "[ ] ", "ok" if seq in picked else "dim"),
                    Span(f"#{seq:<5} ", "strong"),
                    Span(f"{entries[seq].at[11:19]} ", "dim"),
                    Span(one_line(worded(entries[seq].event), 300)),
                ),
            )
            for seq in sorted(entries, reverse=True)
        ]

    def _pick(self, seq: int) -> None:
        is_picked = seq in self._picked()
        wish = IncidentWish(
            verb="pick",
            id=self.incident,
            entries=() if is_picked else (seq,),
            remove=(seq,) if is_picked else (),
        )
        told = f"#{seq} {'does not show it any more' if is_picked else 'shows it'}"
        self.cockpit.ask(wish, told, self._on_record)

    def _on_record(self) -> None:
        self.renew()
        self._then()
