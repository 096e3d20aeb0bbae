"""The pictures of the README: there, drawn, and drawn alike on any machine."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from screenshots.picture import png_of  # noqa: E402

PICTURES = sorted(path.stem for path in (ROOT / "screenshots").glob("*.svg"))


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_every_picture_that_the_readme_shows_is_there():
    shown = re.findall(r"\((screenshots/[^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert len(shown) >= 6
    assert [name for name in shown if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_there_in_both_kinds_and_of_one_size(name):
    svg = (ROOT / "screenshots" / f"{name}.svg").read_text("utf-8")
    box = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', svg)
    assert box is not None
    width, height = size_of((ROOT / "screenshots" / f"{name}.png").read_bytes())
    assert abs(width - float(box[1])) <= 1
    assert abs(height - float(box[2])) <= 1


def test_text_is_drawn_with_the_font_that_comes_along():
    """The control is the same picture without its text: it is much smaller, because nothing was drawn."""
    line = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 40" width="400" height="40">{}</svg>'
    words = (
        '<text x="4" y="24" font-family="Fira Code" font-size="20" fill="#000">\u2713 \u2717 floor \u2502\u2500</text>'
    )
    drawn, empty = png_of(line.format(words)), png_of(line.format(""))
    assert size_of(drawn) == size_of(empty) == (400, 40)
    assert len(drawn) > 4 * len(empty)
