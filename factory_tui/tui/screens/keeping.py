"""Where somebody reads, kept while the rows are wrapped anew for another width."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from factory_tui.tui.lines import Item, text_of
from factory_tui.tui.widgets.rows import Rows


class Spot(msgspec.Struct, frozen=True):
    """A place in a text, however it is wrapped."""

    section: str
    about: str
    """The line of a file; empty = it is known by what is before it."""
    signs: int
    """Signs that are no blanks before it, in its section."""


class Reading:
    """The chosen row and the one on top, as places in the text."""

    def __init__(self) -> None:
        self._known: dict[str, Spot] = {}
        """By key: exactly where somebody was before the last wrapping, so that there and back is no step."""

    def note(self, rows: Rows, *, is_same: bool) -> tuple[Spot, ...]:
        """Before the rows are made anew, of the same text or of another one."""
        if not is_same:
            self._known = {}
            return ()
        return tuple(self._known.get(key) or spot_of(rows.items, key) for key in (rows.key, rows.key_on_top))

    def restore(self, rows: Rows, spots: tuple[Spot, ...]) -> None:
        """After it."""
        if spots:
            chosen, top = (key_at(rows.items, spot) for spot in spots)
            rows.stand(chosen, top)
            self._known = {top: spots[1], chosen: spots[0]}


def spot_of(items: Sequence[Item], key: str) -> Spot:
    """Where the row of that key begins."""
    section, signs = _section(key), 0
    for one in items:
        if one.key == key:
            break
        if _section(one.key) == section:
            signs += _signs(one)
    about = key.partition(" ")[2]
    return Spot(section, about if about.startswith("line:") else "", signs)


def key_at(items: Sequence[Item], spot: Spot) -> str:
    """The row that holds that place; empty when its section is gone."""
    found, signs = "", 0
    for one in items:
        if _section(one.key) == spot.section:
            if spot.about and one.key.partition(" ")[2] == spot.about:
                return one.key
            if not found or signs <= spot.signs:
                found = one.key
            signs += _signs(one)
    return found


def _section(key: str) -> str:
    return key.partition(".")[0]


def _signs(one: Item) -> int:
    """A heading's rule is as long as the screen is wide: it counts for nothing."""
    if " heading:" in one.key:
        return 0
    return sum(len("".join(text_of(single).split())) for single in one.lines)
