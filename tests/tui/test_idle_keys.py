"""A key that does nothing says why: at an end, on a screen that is not its own, where no session was ever open."""

from __future__ import annotations

import pytest
from chair import Chair, hint, press
from gallery import GALLERY, opened

from factory_tui.tui.bindings import ACTS
from factory_tui.tui.screens.floor import Floor
from factory_tui.tui.screens.sheet import Sheet

KINDS = ("floor", "zoom", "rules", "rule", "needs-you", "help", "change", "handoff", "stuck", "budget", "gate")
KINDS += ("briefing", "leaving", "away", "first-minute", "incidents", "timeline", "question")


def drawn(app) -> list[list[tuple[str, str]]]:
    """What a person sees, with its colours."""
    strips = app.screen._compositor.render_strips()
    return [[(segment.text, str(segment.style)) for segment in strip] for strip in strips]


@pytest.mark.parametrize("name", KINDS)
async def test_a_key_that_moves_nothing_says_so(name):
    async with GALLERY[name][0]().cockpit(120, 40) as (app, pilot):
        await opened(app, pilot, name)
        for key in ("end", "end", "G", "home", "home", "[", "[", "]", "]", "v", "v", "3", "3"):
            if key in "v3" and not isinstance(app.screen, Floor | Sheet):
                continue
            before = drawn(app)
            app.quiet()
            await press(pilot, key)
            assert app.message[0] or drawn(app) != before, key


async def test_a_key_of_somewhere_else_is_named_by_what_it_does_there():
    async with GALLERY["leaving"][0]().cockpit(120, 40) as (app, pilot):
        await opened(app, pilot, "leaving")
        for key, told in (
            ("z", "`z` (zoom)"),
            ("V", "`V` answers"),
            ("E", "`E` answers"),
            ("q", "Enter ends the session, Esc stays"),
        ):
            await press(pilot, key)
            assert told in hint(app)


@pytest.mark.parametrize(
    "act", [act for act in ACTS if act.id.startswith("go.") or act.id == "incident"], ids=lambda act: act.id
)
async def test_every_screen_opens_or_says_why_not_where_no_session_was_ever_open(act):
    async with Chair().cockpit(120, 40) as (app, pilot):
        await press(pilot, *act.keys[0].split())
        assert app.screen is not app.screen_stack[0] or app.message[0] or act.id == "go.floor"
