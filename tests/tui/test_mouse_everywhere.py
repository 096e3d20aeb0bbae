"""The mouse on every screen of the gallery: a click chooses, two open what Enter opens, the wheel scrolls, hints click.

What keys alone do is tested elsewhere: nothing here is needed to use the cockpit.
"""

from __future__ import annotations

import pytest
from chair import BusyFloor, hint, press, screen_text, settled
from gallery import GALLERY, opened
from textual.events import MouseScrollDown, MouseScrollUp

from factory_tui.tui.keymap import shown
from factory_tui.tui.widgets.pane import Pane
from factory_tui.tui.widgets.rows import Rows

SIZE = (120, 40)


def lists(app) -> dict[str, Rows]:
    """What one can move in, on this screen."""
    shown = {name: one for name, one in app.room.drawn.items() if isinstance(one, Rows) and one.display}
    return {name: one for name, one in shown.items() if one.keys_in_view()}


def row_of(rows: Rows, key: str) -> int:
    """The row of the screen on which an item begins or goes on."""
    shift = rows.region.y + (1 if rows.framed else 0) - rows._top
    return next(
        y + shift for y, (number, _) in enumerate(rows._flat) if rows._items[number].key == key and y >= rows._top
    )


async def click_row(pilot, rows: Rows, key: str, times: int = 1) -> None:
    await pilot.click(offset=(rows.region.x + 3, row_of(rows, key)), times=times)
    await settled(pilot)


async def wheel(pilot, widget, kind: type) -> None:
    await pilot._post_mouse_events([kind], widget, (3, min(3, widget.region.height - 1)))
    await settled(pilot)


def rows_of(app, widget) -> list[str]:
    """What stands on the screen where a widget is."""
    region = widget.region
    return [row[region.x : region.right] for row in screen_text(app).splitlines()[region.y : region.bottom]]


def has_more(widget) -> bool:
    """Whether there is more below than fits."""
    if isinstance(widget, Rows | Pane) and widget.height and widget.scroll(1):
        widget.scroll(-1)
        return True
    return False


@pytest.mark.parametrize("name", GALLERY)
async def test_a_click_chooses_the_row_the_wheel_scrolls_and_hints_are_their_keys(name):
    chair = GALLERY[name][0]()
    async with chair.cockpit(*SIZE) as (app, pilot):
        await opened(app, pilot, name)
        for rows in lists(app).values():
            for key in {rows.keys_in_view()[0], rows.keys_in_view()[-1]}:
                await click_row(pilot, rows, key)
                assert rows.key == key
        for widget in [one for one in app.room.drawn.values() if one.display and has_more(one)]:
            before = rows_of(app, widget)
            await wheel(pilot, widget, MouseScrollDown)
            assert rows_of(app, widget) != before, widget.id
            await wheel(pilot, widget, MouseScrollUp)
            assert rows_of(app, widget) == before, widget.id
        await its_hints_are_clicked(app, pilot)


async def its_hints_are_clicked(app, pilot) -> None:
    """Each key of the strip, on its name and on its label; what a click comes to is the key, as typed."""
    room, bar = app.room, app.room.bar_at("hints")
    if room.is_typing:
        return
    got: list[str] = []
    room.press = lambda key, at=0.0: got.append(key)
    wanted: list[str] = []
    for y, strip in enumerate(bar.lines):
        x = 0
        for number, span in enumerate(strip):
            if span.style == "key":
                label = strip[number + 1]
                on_label = x + len(span.text) + max(1, len(label.text.rstrip()) - 1)
                for column in (x + 1, on_label) if label.style == "bar" else (x + 1,):
                    wanted.append(span.text.strip())
                    await pilot.click(offset=(bar.region.x + column, bar.region.y + y))
            x += len(span.text)
    await settled(pilot)
    del room.press
    assert wanted, hint(app)
    assert [shown(key) for key in got] == wanted


@pytest.mark.parametrize("name", GALLERY)
async def test_two_clicks_open_what_enter_opens(name):
    for id, (key, told) in (await opened_by_enter(name)).items():
        async with GALLERY[name][0]().cockpit(*SIZE) as (app, pilot):
            await opened(app, pilot, name)
            await click_row(pilot, lists(app)[id], key, times=2)
            assert screen_text(app) == told, (id, key)


async def opened_by_enter(name: str) -> dict[str, tuple[str, str]]:
    """The first list of the screen with a row that Enter opens: which row, and what is on the screen then."""
    async with GALLERY[name][0]().cockpit(*SIZE) as (app, pilot):
        await opened(app, pilot, name)
        if app.room.is_typing:
            return {}  # there Enter sends what was typed
        tried = [(id, key) for id, rows in lists(app).items() for key in likely(rows.keys_in_view())]
    for id, key in tried:
        async with GALLERY[name][0]().cockpit(*SIZE) as (app, pilot):
            await opened(app, pilot, name)
            depth = len(app.screen_stack)
            await click_row(pilot, lists(app)[id], key)
            await press(pilot, "enter")
            if len(app.screen_stack) != depth or app.room.is_typing:
                return {id: (key, screen_text(app))}
    return {}


def likely(keys: list[str]) -> list[str]:
    """A few of them, those first behind which something stands."""
    return sorted(keys, key=lambda key: not any(f" {kind}:" in key for kind in ("evidence", "rule", "sealed")))[:2]


async def test_what_the_wheel_brings_into_view_was_seen_as_what_a_key_brings():
    """A difference that was not on the screen is not approved: by the wheel alone it can be read, and then approved."""
    chair = BusyFloor()
    async with chair.cockpit(80, 12) as (app, pilot):
        await press(pilot, "o")
        sheet = app.room
        before = len(sheet._seen)
        for _ in range(20):
            await pilot._post_mouse_events([MouseScrollDown], sheet.rows, (3, 3))
            await pilot.pause(0)
        assert len(sheet._seen) > before
        assert sheet._seen == sheet._diff_keys


async def test_the_wheel_chooses_nothing_and_two_clicks_beside_the_rows_open_nothing():
    chair = BusyFloor()
    async with chair.cockpit(*SIZE) as (app, pilot):
        box, key = app.screen.box, app.screen.rows_at("tasks").key
        await wheel(pilot, app.screen.rows_at("crew"), MouseScrollDown)
        assert (app.screen.box, app.screen.rows_at("tasks").key) == (box, key)
        await press(pilot, "g", "n")
        rows = app.room.rows_at("rows")
        for y in (rows.region.y, rows.region.bottom - 1):
            await pilot.click(offset=(40, y), times=2)
            await settled(pilot)
            assert app.room.rows_at("rows") is rows
