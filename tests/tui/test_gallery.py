"""Asked of every screen at every size: a picture that was looked at, nothing lost where it is cut, a way out."""

from __future__ import annotations

import pytest
from chair import press, screen_text, settled
from gallery import GALLERY, SIZES, opened
from test_any_screen import BENEATH, every_screen
from test_snapshots import look, picture

from factory_tui.tui.bindings import ACTS
from factory_tui.tui.screens.editing import Editing
from factory_tui.tui.screens.finder import Finder
from factory_tui.tui.screens.floor import Floor
from factory_tui.tui.screens.reader import Reader
from factory_tui.tui.screens.writing import Writing

EDITORS = (Editing, Writing)
"""Where letters are text: the first Esc shows what was written, the second one leaves."""
ELSEWHERE = {"ChangedDocument"}
"""It needs a home on disk: see `test_memory_marks.py`."""
ALL = [(name, size) for name in GALLERY for size in SIZES]


@pytest.mark.parametrize(("name", "size"), ALL, ids=[f"{name}-{size[0]}x{size[1]}" for name, size in ALL])
async def test_a_screen_is_as_it_was_seen_loses_nothing_and_lets_out(name, size):
    chair = GALLERY[name][0]()
    async with chair.cockpit(*size) as (app, pilot):
        await opened(app, pilot, name)
        assert len(list(app.screen.walk_children())) < 40, "widgets mounted"
        for kind, got in (("txt", screen_text(app)), ("svg", picture(app))):
            look(f"{name}-{size[0]}x{size[1]}", kind, got)
        await its_cuts_are_read_in_full(app, pilot)
        await it_lets_out(app, pilot)


def test_every_way_to_a_screen_is_in_the_gallery():
    keys = {" ".join(keys) for _, keys in GALLERY.values()}
    others = ("palette", "help", "quit", "incident", "whole")
    beginnings = {"g f": "the floor", "g b": "the briefing"}
    for act in ACTS:
        if (act.id.startswith("go.") or act.id in others) and act.keys[0] not in beginnings:
            assert any(act.keys[0] in one for one in keys), act.id


async def test_every_screen_there_is_has_its_pictures():
    seen = set()
    for name in GALLERY:
        async with GALLERY[name][0]().cockpit(80, 24) as (app, pilot):
            await opened(app, pilot, name)
            seen.add(type(app.screen).__name__)
    assert every_screen() - BENEATH - seen == ELSEWHERE


def _words(text: str) -> str:
    return "".join(text.split())


def _strip(app) -> str:
    """The last rows: the keys that work, or what is typed into."""
    return "\n".join(screen_text(app).splitlines()[-3:])


async def its_cuts_are_read_in_full(app, pilot) -> None:
    """By one key, which the strip names. Where letters are typed as text, Enter says the rest."""
    if app.room.is_typing or isinstance(app.screen, (Finder, *EDITORS)):
        return
    cut = [row for widget in app.room.drawn.values() if widget.display for row in widget.whole_rows()]
    if not cut:
        assert "…" not in _without_streams(app), "a cut that no widget knows of"
        return
    assert "= whole" in _strip(app)
    await press(pilot, "=")
    assert isinstance(app.screen, Reader)
    told = _words("".join(text for _, text in app.screen.parts))
    for row in cut:
        assert _words(row) in told
        assert "…" not in row, "cut before it came to the widget, and nobody knows what is missing"
    await press(pilot, "escape")


def _without_streams(app) -> str:
    """What stands on the screen, without what wraps."""
    if isinstance(app.screen, Reader) and not hasattr(app.screen, "rows"):
        return ""
    rows = screen_text(app).splitlines()
    for name, pane in app.room.drawn.items():
        if name.startswith("pane-") and pane.display:
            for y in range(pane.region.y + 1, min(pane.region.bottom, len(rows))):
                rows[y] = rows[y][: pane.region.x] + rows[y][pane.region.right :]
    return "\n".join(rows)


async def it_lets_out(app, pilot) -> None:
    """The strip names the way out, and it leads out: not past what was edited, and not from the floor unasked."""
    if isinstance(app.screen, Floor) and not app.room.is_typing:
        assert "? help" in _strip(app)
        assert "q quit" in _strip(app)
        return
    depth, was_typing = len(app.screen_stack), app.room.is_typing
    assert "Esc" in _strip(app)
    await press(pilot, "escape", *(["escape"] if isinstance(app.screen, EDITORS) else []))
    await settled(pilot)
    assert len(app.screen_stack) < depth or was_typing != app.room.is_typing


def place_of(app) -> tuple[object, ...]:
    """Where somebody is: the screen, what is chosen in each list, which box has the keys, what has the focus."""
    rows = tuple((name, widget.key) for name, widget in app.room.drawn.items() if hasattr(widget, "key"))
    return (type(app.screen), rows, getattr(app.room, "box", ""), app.focused and app.focused.id)


@pytest.mark.parametrize("name", GALLERY)
async def test_another_size_and_back_loses_neither_place_nor_focus_and_signs_are_ascii_where_wished(name):
    chair = GALLERY[name][0]()
    async with chair.cockpit(220, 60) as (app, pilot):
        await opened(app, pilot, name)
        if not app.room.is_typing and name not in ("editing", "palette"):
            await press(pilot, "j", "j")
        app.quiet()
        app.room.show_hints()
        await settled(pilot)
        before, text = place_of(app), screen_text(app)
        for size in ((80, 24), (220, 60)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert place_of(app) == before
        if name != "palette":  # its first row but one says whether something below it is cut just now
            assert screen_text(app) == text
        app.set_look("mono", ascii_only=True)
        await settled(pilot)
        assert screen_text(app).isascii()
