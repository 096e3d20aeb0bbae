# ruff: noqa: PTH110, PTH113  (pathlib alone would take longer than everything here)
"""What is on the screen before anything is known: the cockpit's frame, when these words will probably open it.

A guess from a few file names, made within a millisecond. Whoever finds out that no cockpit opens, says so on the plain
terminal, and that takes the frame back.
"""

from __future__ import annotations

import gc
import os

from factory_tui.tui.skeleton import FRAME

_ALONE: tuple[list[str], ...] = ([], ["--accept-degraded"])


def opens_cockpit(words: list[str]) -> bool:
    """Whether these words are `factory` alone: the cockpit in a home, else what to do here."""
    return words in _ALONE


def paint_early(words: list[str]) -> None:
    """Paints the frame when a cockpit is about to open."""
    if not (os.isatty(0) and os.isatty(1)):
        return
    if opens_cockpit(words):
        root = _repository(os.path.realpath("."))
        if not root or not _has_home(root):
            return
        title = f"factory  {root}"
    elif words[0] == "demo" and not {"--headless", "--help", "-h"} & set(words):
        title = "factory demo"
    else:
        return
    gc.disable()  # until the first frames are drawn: all of what is made until then stays
    FRAME.paint(title)


def _repository(folder: str) -> str:
    """The checkout that holds this folder; empty = none."""
    while not os.path.exists(f"{folder}/.git"):
        folder, rest = os.path.split(folder)
        if not rest:
            return ""
    return folder


def _has_home(root: str) -> bool:
    if os.path.isfile(f"{root}/.factory/factory.toml"):
        return True
    if os.path.isfile(f"{root}/factory.toml") and os.path.isfile(f"{root}/memory/DNA.md"):
        return True
    config = os.environ.get("XDG_CONFIG_HOME") or f"{os.environ.get('HOME', '')}/.config"
    try:
        with open(f"{config}/factory/homes.toml", encoding="utf-8", errors="replace") as file:
            return f'"{root}"' in file.read()
    except OSError:
        return False
