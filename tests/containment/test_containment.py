"""Hostile seats against the real product: nothing escapes, and without walls the same attempts do harm."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import play

pytestmark = pytest.mark.needs_bwrap


@pytest.mark.parametrize("role", play.roles())
async def test_nothing_that_a_hostile_seat_tries_escapes(tmp_path: Path, role: str):
    outcomes = await play.play(role, tmp_path)
    assert [(one.attempt.id, one.escaped, one.told) for one in outcomes if one.escaped] == []


@pytest.mark.parametrize(
    "attempt", [one for one in play.attempts() if one.given.get("control")], ids=lambda one: one.id
)
async def test_control_without_walls_the_attempt_does_harm(tmp_path: Path, attempt: play.Attempt):
    assert await play.control(attempt, tmp_path) != []


def test_every_attempt_has_a_name_of_its_own():
    names = [one.id for one in play.attempts()]
    assert len(names) == len(set(names)) > 150
