"""The factory in figures; Enter shows the entries behind one."""

from __future__ import annotations

from factory_tui.domain.entries import Entry
from factory_tui.domain.stats import Figure, measure
from factory_tui.domain.wording import worded
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Line, Span, item, line, line_width, wrap_words
from factory_tui.tui.present.words import Setting
from factory_tui.tui.screens.listing import Listing

GROUP, WIDE, NARROW, NUMBER = 11, 50, 34, 7
"""Columns of a group, of a title on a wide and a narrow terminal, and of a number."""


class Stats(Listing):
    """Counted anew when it is shown, from the ledger alone."""

    def __init__(self) -> None:
        super().__init__(
            lambda key: f"figures of the whole ledger; {key('open')} shows the entries behind one",
            lambda room, setting: self._rows(setting),
            lambda room, key: self._open(key),
        )
        self._counted = -1
        self._figures: tuple[Figure, ...] = ()

    def _rows(self, setting: Setting) -> list[Item]:
        if self._counted != self.cockpit.state.seq:
            self._counted = self.cockpit.state.seq
            self._figures = measure(self._entries())
        column = WIDE if setting.width >= 100 else NARROW
        return [item(f"figure:{one.name}", *_lines(one, column, setting.width)) for one in self._figures]

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


def _lines(one: Figure, column: int, width: int) -> list[Line]:
    """What, and how much; what has no room beside it stands below."""
    first, *more = wrap_words(one.title, column)
    told = [Span(f"{one.group:<{GROUP}}", "dim"), Span(f"{first:<{column}} ")]
    told.append(Span(f"{one.told:>{NUMBER}}", "title" if one.value is not None else "dim"))
    indent = " " * (GROUP + 2)
    below = [line(f"{indent}{row}") for row in more]
    if one.why and line_width((*told, Span(f"  {one.why}"))) <= width:
        told.append(Span(f"  {one.why}", "dim"))
    elif one.why:
        below += [line((f"{indent}{row}", "dim")) for row in wrap_words(one.why, max(20, width - len(indent)))]
    return [tuple(told), *below]
