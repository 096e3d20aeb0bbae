"""A picture of the terminal as PNG, drawn on any machine alike: the rasteriser and the font come with the development
dependencies, no font of the machine's own is looked at."""

from __future__ import annotations

from pathlib import Path

import fontpkg_fira_code
import resvg_py

FONT = "Fira Code"
NEAREST = str.maketrans({"✗": "×", "▸": "►"})
"""Two signs that the font does not have, as the nearest that it has."""


def png_of(svg: str) -> bytes:
    """The SVG that Rich makes of a screen, as PNG of the same size."""
    files = Path(fontpkg_fira_code.__file__).parent / "files"
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg.translate(NEAREST).replace("font-family: arial", f"font-family: {FONT}"),
            skip_system_fonts=True,
            font_dirs=[str(files)],
            font_family=FONT,
            monospace_family=FONT,
        )
    )
