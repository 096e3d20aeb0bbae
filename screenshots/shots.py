"""Draws the pictures of this folder anew: `make shots`. Each shows what the program really printed."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from factory_tui.demo import play_demo

HERE = Path(__file__).parent
STYLES = (("DENIED", "bold red"), ("FAIL", "bold red"), ("PASS", "bold green"), ("supervisor:", "bold cyan"))


def demo() -> None:
    """The headless demo, as it went just now."""
    with tempfile.TemporaryDirectory() as place:
        lines: list[str] = []
        ended = play_demo(lambda line: lines.append(line.replace(place, "demo")), keep=place)
    if ended != 0:
        raise SystemExit("the demo did not go as promised; nothing was drawn")
    console = Console(record=True, width=132, file=io.StringIO())
    console.print(Text("$ factory demo --headless", style="bold"))
    for line in lines:
        text = Text(line, no_wrap=False)
        for word, style in STYLES:
            text.highlight_words([word], style)
        console.print(text)
    svg = console.export_svg(title="factory demo --headless", unique_id="demo")
    (HERE / "demo.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")


if __name__ == "__main__":
    demo()
