"""The strip of keys that work now, and the help made of the same table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from factory_tui.tui.bindings import GROUPS, Act
from factory_tui.tui.keymap import Keys, shown
from factory_tui.tui.lines import Line, Span, line_width


def hint_line(acts: Sequence[Act], works: Callable[[Act], bool], width: int) -> Line:
    """Keys and labels of what works now, the most useful first, as many as fit."""
    spans: list[Span] = []
    for act in sorted((act for act in acts if act.hint and act.keys), key=lambda act: act.hint):
        if not works(act):
            continue
        more = (Span(f" {shown(act.keys[0])}", "key"), Span(f" {act.label} ", "bar"))
        if line_width((*spans, *more)) > width:
            continue
        spans += more
    return tuple(spans)


def sequence_line(following: Sequence[tuple[str, Act]], begun: str, width: int) -> Line:
    """What may follow the key that was pressed."""
    spans = [Span(f" {begun} then", "bar-dim")]
    for key, act in following:
        more = (Span(f"  {shown(key)}", "key"), Span(f" {act.label}", "bar"))
        if line_width((*spans, *more)) <= width:
            spans += more
    return tuple(spans)


def help_parts(keys: Keys, places: Sequence[str], why_not: Callable[[Act], str]) -> list[tuple[str, str]]:
    """All that can be done on a screen, by group; what does not work now says why."""
    parts = []
    for group, title in GROUPS.items():
        lines = []
        for act in keys.here(places):
            if act.group != group:
                continue
            names = " ".join(shown(key) for key in act.keys) or "(palette)"
            why = why_not(act)
            lines.append(f"{names:<12} {act.doc}" + (f"  [not now: {why}]" if why else ""))
        if lines:
            parts.append((title, "\n".join(lines)))
    return parts
