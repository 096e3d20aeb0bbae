"""The ledger as rows: one line for each entry."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from factory_tui.domain.entries import Entry
from factory_tui.domain.wording import worded
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, cut_line, item, line
from factory_tui.tui.present.words import Setting

_STYLES = {"denied": "bad", "refused": "bad", "stuck": "bad", "crashed": "bad", "asked": "ask", "landed": "ok"}

WIDE = 110
"""Columns from which the event's name in the ledger stands before the words; the entry itself always tells it."""


def entry_items(entries: Iterable[Entry], setting: Setting) -> list[Item]:
    """Oldest first: number, time, who, what."""
    return [entry_item(entry, setting) for entry in entries]


def entry_item(entry: Entry, setting: Setting) -> Item:
    name = tag_of(entry)
    style = next((style for word, style in _STYLES.items() if name.endswith(word)), "text")
    wide = setting.width >= WIDE
    who = one_line(entry.by.name, 22 if wide else 12)
    body = line(
        (f" {entry.seq:>5} ", "dim"),
        (f"{entry.at[11:19]} ", "dim"),
        (f"{who:<{22 if wide else 12}} ", "work" if entry.by.kind == "seat" else "strong"),
        (f"{name:<20} " if wide else "", style),
        (one_line(worded(entry.event), 300), "text" if wide else style),
    )
    return item(f"entry:{entry.seq}", cut_line(body, setting.width))


def tag_of(entry: Entry) -> str:
    """The event's name as the ledger writes it."""
    return str(getattr(entry.event, "__struct_config__", None) and entry.event.__struct_config__.tag)  # type: ignore[attr-defined]


def entry_text(entry: Entry) -> str:
    """One entry whole, as JSON."""
    data = msgspec.json.encode(msgspec.to_builtins(entry.event), order="sorted")
    head = f"entry {entry.seq} at {entry.at} by {entry.by.name} ({entry.by.kind})\n\n"
    return head + msgspec.json.format(data, indent=2).decode()
