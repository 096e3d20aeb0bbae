"""The factory in figures; Enter shows the entries behind one."""

from __future__ import annotations

from factory_tui.domain.entries import Entry
from factory_tui.domain.stats import Figure, measure
from factory_tui.domain.wording import worded
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Span, item, line
from factory_tui.tui.present.words import Setting
from factory_tui.tui.screens.listing import Listing

WIDE, NARROW, NUMBER = 50, 34, 7
"""Columns of a title on a wide and a narrow terminal, and of a number."""


class Stats(Listing):
    """Counted anew when it is shown, from the ledger alone."""

    def __init__(self) -> None:
        super().__init__(
            "figures of the whole ledger; Enter shows the entries behind one",
            lambda room, setting: self._rows(setting),
            lambda room, key: self._open(key),
        )
        self._counted = -1
        self._figures: tuple[Figure, ...] = ()

    def _rows(self, setting: Setting) -> list[Item]:
        if self._counted != self.cockpit.state.seq:
            self._counted = self.cockpit.state.seq
            self._figures = measure(self._entries())
        rows, room = [], WIDE if setting.width >= 100 else NARROW
        for one in self._figures:
            told = [
                Span(f"{one.group:<11}", "dim"),
                Span(f"{one.title[:room]:<{room}} "),
                Span(f"{one.told:>{NUMBER}}", "title" if one.value is not None else "dim"),
                Span(f"  {one.why}" if one.why else "", "dim"),
            ]
            rows.append(item(f"figure:{one.name}", line(*told)))
        return rows

    def _entries(self) -> list[Entry]:
        """The whole ledger, not only what the timeline keeps."""
        view = self.cockpit.view
        past = list(view.past) if view is not None else []
        last = past[-1].seq if past else 0
        return past + [entry for entry in self.cockpit.chronicle.entries if entry.seq > last]

    def _open(self, key: str) -> None:
        one = next((one for one in self._figures if f"figure:{one.name}" == key), None)
        if one is None:
            return
        wanted = {*one.entries}
        lines = [
            f"#{entry.seq:<5} {entry.at[:19].replace('T', ' ')}  {entry.by.name}  {one_line(worded(entry.event), 300)}"
            for entry in self._entries()
            if entry.seq in wanted
        ]
        text = "\n".join(lines) or "No entry: nothing of the kind is on record."
        self.cockpit.read(f"{one.title}: {one.told} {one.why}".rstrip(), [("entries", text)])
