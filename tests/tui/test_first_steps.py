"""A newcomer's first keys, at the real command in a real terminal. What is typed as text is not counted; the Enter that
sends it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Desk, desk
from windows import Windows

pytestmark = [pytest.mark.needs_tmux]
MOST_TO_THE_DEMO, MOST_TO_THE_FIRST_TURN = 2, 12


class Newcomer(Windows):
    """One window, and how many keys were pressed in it."""

    pressed = 0

    def press(self, *keys: str) -> None:
        self.pressed += len(keys)
        self.keys("w", *keys)

    def end(self) -> None:
        if (self.place / "w.pid").exists():
            self.close()
            assert self.is_gone("w")


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[tuple[Newcomer, Desk]]:
    at = desk(tmp_path)
    opened = Newcomer(tmp_path, {**at.environment, "TMPDIR": str(tmp_path)})
    try:
        yield opened, at
    finally:
        opened.end()


def test_from_bare_factory_to_a_moving_demo_is_two_keys_and_nobody_is_called(newcomer):
    opened, at = newcomer
    empty = at.place / "empty"
    empty.mkdir()
    opened.open("w", empty)
    opened.wait("w", "Play it now?")
    opened.press("y", "Enter")
    screen = opened.wait("w", "ceo/c1", "working")
    assert "NEEDS YOU" not in screen
    assert opened.pressed <= MOST_TO_THE_DEMO


def test_from_ones_own_repository_to_the_first_working_turn_is_twelve_keys(newcomer):
    """`factory` offers a home, drafts and commits it, and goes on into the cockpit by itself."""
    opened, at = newcomer
    opened.open("w", at.root)
    opened.wait("w", "Begin now?")
    opened.press("y", "Enter")
    opened.wait("w", "Shall git keep them")
    opened.press("Enter")
    opened.wait("w", "Make it now?")
    opened.press("Enter")
    opened.wait("w", "no mission yet", "Nothing waits for you", "the session has begun")
    opened.press("t")
    opened.wait("w", "a small task")
    opened.text("w", "Let it subtract")
    opened.press("Enter")
    opened.wait("w", "NEEDS YOU 1", "HANDOFF")
    opened.press("o")
    opened.wait("w", "sha256", "what the next role would get")
    before = opened.pressed
    opened.until("w", "A", "builder/b1", "1 at work")  # again while it was shown too short a time
    opened.pressed = before + 1
    assert opened.pressed <= MOST_TO_THE_FIRST_TURN
