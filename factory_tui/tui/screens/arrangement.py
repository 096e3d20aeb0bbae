"""Where the boxes of the floor stand, for a size: plain functions, tried without a terminal."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

Box = Literal["tasks", "pane", "crew", "gate", "rules", "memory"]
BOXES: tuple[Box, ...] = ("tasks", "pane", "crew", "gate", "rules", "memory")
TABS: tuple[tuple[Box, str], ...] = (
    ("pane", "Task"),
    ("gate", "Gate"),
    ("rules", "Rules"),
    ("crew", "Crew"),
    ("memory", "Memory"),
)
MOST_PANES = 8
LEAST_PANE = (42, 10)
"""Columns and rows below which a pane is not worth showing."""


class Place(NamedTuple):
    x: int
    y: int
    width: int
    height: int


class Arrangement(msgspec.Struct, frozen=True):
    """A place for each box that is shown, by the widget's id."""

    places: dict[str, Place]
    is_small: bool


def is_small(width: int, height: int) -> bool:
    """One pane and tabs, because nothing else would be readable."""
    return width < 100 or height < 32


def capacity(width: int, height: int) -> int:
    """How many panes fit beside the sidebars."""
    if is_small(width, height):
        return 1
    room = _middle(width, height)
    return max(1, min(MOST_PANES, (room.width // LEAST_PANE[0]) * (room.height // LEAST_PANE[1])))


def arrange(width: int, height: int, *, panes: int, box: Box, zoomed: bool) -> Arrangement:
    """`panes` is how many there are to show, `box` the one that has the keys."""
    places = {
        "header": Place(0, 0, width, 1),
        "needs": Place(0, 1, width, 1),
        "hints": Place(0, height - 1, width, 1),
    }
    if zoomed:
        places["pane-0"] = Place(0, 2, width, max(1, height - 3))
        return Arrangement(places, is_small(width, height))
    if is_small(width, height):
        places |= _small(width, height, box)
        return Arrangement(places, True)
    return Arrangement(places | _large(width, height, max(1, min(panes, capacity(width, height)))), False)


def _small(width: int, height: int, box: Box) -> dict[str, Place]:
    rows = 4 if height >= 20 else 2
    top = 3 + rows
    shown = "pane-0" if box in ("tasks", "pane") else box
    return {
        "tabs": Place(0, 2, width, 1),
        "tasks": Place(0, 3, width, rows),
        shown: Place(0, top, width, max(1, height - top - 2)),
        "crew-line": Place(0, height - 2, width, 1),
    }


ROLES = 15
"""The roster has a row for each, so that none is ever gone."""


def _bottom_rows(height: int) -> int:
    return max(11, min(18, height * 3 // 10))


def _side(width: int) -> int:
    return max(34, min(46, width // 3))


def _middle(width: int, height: int) -> Place:
    """Where panes stand."""
    side = _side(width)
    return Place(side, 2, width - side, height - 3 - _bottom_rows(height))


def _large(width: int, height: int, panes: int) -> dict[str, Place]:
    """Tasks, crew and memory on the left; panes over gate and rules on the right."""
    room, rows = _middle(width, height), _bottom_rows(height)
    whole = height - 3
    crew = min(ROLES + 1, whole // 2)
    memory = 7 if whole >= 36 else 5
    tasks = whole - crew - memory
    bottom = room.y + room.height
    gate = min(80, room.width * 45 // 100)
    places = {
        "tasks": Place(0, 2, room.x, tasks),
        "crew": Place(0, 2 + tasks, room.x, crew),
        "memory": Place(0, 2 + tasks + crew, room.x, memory),
        "gate": Place(room.x, bottom, gate, rows),
        "rules": Place(room.x + gate, bottom, room.width - gate, rows),
    }
    return places | _grid(room, panes)


def _grid(room: Place, panes: int) -> dict[str, Place]:
    """Panes side by side where they stay readable, else one above the other."""
    most = max(1, room.width // LEAST_PANE[0])
    columns = min(panes, most)
    while (
        columns > 1 and -(-panes // (columns - 1)) == -(-panes // columns) and room.height // -(-panes // columns) >= 1
    ):
        columns -= 1
    lines = -(-panes // columns)
    places = {}
    for number in range(panes):
        row, column = divmod(number, columns)
        here = columns if row < lines - 1 else panes - columns * (lines - 1)
        x = room.x + room.width * column // here
        end = room.x + room.width * (column + 1) // here
        y = room.y + room.height * row // lines
        below = room.y + room.height * (row + 1) // lines
        places[f"pane-{number}"] = Place(x, y, end - x, below - y)
    return places
