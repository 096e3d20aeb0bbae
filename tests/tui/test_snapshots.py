"""Screens as they look. A changed one is looked at, then kept with `FACTORY_SNAPSHOTS=update pytest tests/tui`."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

import pytest
from chair import BusyFloor, screen_text, settled

from factory_tui.tui.palette import STYLES, THEMES

GOLDENS = Path(__file__).parent / "goldens"
SIZES = ((80, 24), (120, 40), (220, 60))


def look(name: str, kind: str, got: str) -> None:
    """The picture is as it was; else what differs. A changed role or rule gives other sums, and is no other picture."""
    got = re.sub(
        r"((?:[Cc]harter:?|sha256)(?:\s|&#160;)+)([0-9a-f]+)", lambda found: found[1] + "5" * len(found[2]), got
    )
    file = GOLDENS / f"{name}.{kind}"
    if os.environ.get("FACTORY_SNAPSHOTS") == "update":
        file.parent.mkdir(exist_ok=True)
        file.write_text(got, encoding="utf-8")
        return
    assert file.exists(), f"there is no {file.name}; look at it and keep it"
    wanted = file.read_text("utf-8")
    changed = "\n".join(difflib.unified_diff(wanted.splitlines(), got.splitlines(), "kept", "now", lineterm=""))
    assert got == wanted, f"{file.name} looks different:\n{changed[:4000]}"


def picture(app) -> str:
    """As SVG, without what differs from run to run."""
    return re.sub(r"terminal-\d+", "terminal-X", app.export_screenshot(title="cockpit", simplify=True))


async def at_rest(chair, app, pilot) -> None:
    for turn in chair.state.turns:
        chair.say(turn, "## Plan\n1. read the **brief**\n2. write `subtract`\n```diff\n+new\n-old\n```\n> done soon\n")
    for _ in range(6):
        app._tick()
        await settled(pilot)


async def test_ascii_signs_are_ascii():
    chair = BusyFloor()
    async with chair.cockpit(120, 40, ascii_only=True) as (app, pilot):
        await at_rest(chair, app, pilot)
        assert screen_text(app).isascii()
        look("floor-ascii-120x40", "txt", screen_text(app))


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_every_theme_has_every_style(theme):
    assert set(theme.looks) == set(STYLES)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [theme for theme in THEMES.values() if theme.back], ids=lambda theme: theme.name)
def test_all_text_can_be_read(theme):
    least = 7.0 if theme.name == "contrast" else 4.5
    for name, style in theme.looks.items():
        if name == "rule-line":
            continue
        light, dark = sorted((luminance(style.fore), luminance(style.back or theme.back)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least, name


def test_monochrome_names_no_colour():
    assert all(not style.fore and not style.back for style in THEMES["mono"].looks.values())


async def test_a_theme_changes_at_once():
    chair = BusyFloor()
    async with chair.cockpit() as (app, _):
        for name in THEMES:
            app.set_look(name)
            assert app.paint.theme.name == name
