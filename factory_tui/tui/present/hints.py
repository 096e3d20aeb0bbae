"""The strip of keys that work now, and the help made of the same table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from factory_tui.tui.bindings import GROUPS, Act
from factory_tui.tui.keymap import Keys, shown
from factory_tui.tui.lines import Line, Span, line_width


def hint_line(acts: Sequence[Act], works: Callable[[Act], bool], width: int, always: Sequence[str] = ()) -> Line:
    """Keys and labels of what works now, the most useful first, as many as fit; those `always` stand at the end, and
    the last of them gives way last."""
    ranked = sorted((act for act in acts if act.hint and act.keys), key=lambda act: act.hint)
    last: Line = ()
    for act in reversed([act for act in ranked if act.id in always and works(act)]):
        if line_width((*_hint(act), *last)) <= width:
            last = (*_hint(act), *last)
    spans: list[Span] = []
    for act in ranked:
        more = _hint(act)
        if act.id not in always and works(act) and line_width((*spans, *more, *last)) <= width:
            spans += more
    return (*spans, *last)


def folded(strip: Line, width: int) -> tuple[Line, ...]:
    """The same keys and labels in as many rows as they need; no label is parted from its key."""
    rows: list[Line] = [()]
    pair: Line = ()
    for span in strip:
        pair = (*pair, span)
        if not (span.text.endswith(" ") or span.text == "|"):
            continue
        if rows[-1] and line_width((*rows[-1], *pair)) > width:
            rows.append(())
        rows[-1] = (*rows[-1], *pair)
        pair = ()
    return tuple(rows)


def _hint(act: Act) -> Line:
    return (Span(f" {shown(act.keys[0])}", "key"), Span(f" {act.label} ", "bar"))


def key_at(told: Line, column: int, keys: Mapping[str, str]) -> str:
    """The key whose name or label stands at a column of a strip; empty = none. `keys` are by their shown names."""
    found, end = "", 0
    for span in told:
        name = span.text.strip()
        if span.style != "bar" or name == "|":
            found = keys.get(name, "")
        end += line_width((span,))
        if column < end:
            return found
    return ""


def sequence_line(following: Sequence[tuple[str, Act]], begun: str, width: int) -> Line:
    """What may follow the key that was pressed."""
    spans = [Span(f" {begun} then", "bar-dim")]
    for key, act in following:
        more = (Span(f"  {shown(key)}", "key"), Span(f" {act.label}", "bar"))
        if line_width((*spans, *more)) <= width:
            spans += more
    return tuple(spans)


def _of_nine(keys: Keys, kind: str) -> str:
    """The keys of `task.1` to `task.9`, as people write them."""
    found = [keys.key(f"{kind}.{number}") for number in range(1, 10)]
    return "1-9" if found == [*"123456789"] else " ".join(found)


def help_parts(keys: Keys, places: Sequence[str], why_not: Callable[[Act], str]) -> list[tuple[str, str]]:
    """All that can be done on a screen, by group; what does not work now says why."""
    parts = []
    for group, title in GROUPS.items():
        lines = []
        for act in keys.here(places):
            if act.group != group:
                continue
            names, doc = " ".join(shown(key) for key in act.keys) or "(palette)", act.doc
            if (number := act.id.rpartition(".")[2]).isdigit():
                if number != "1":
                    continue  # one line tells of all nine
                names, doc = _of_nine(keys, act.id.rpartition(".")[0]), doc.replace(" 1 ", " 1 to 9 ")
            why = why_not(act)
            lines.append(f"{names:<12} {doc}" + (f"  [not now: {why}]" if why else ""))
        if lines:
            parts.append((title, "\n".join(lines)))
    return parts
