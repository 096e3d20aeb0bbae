"""How far the evidence can be trusted stands on the floor, on the card that lands something, and beside what landed."""

from __future__ import annotations

import pytest
from chair import Chair, press, screen_text
from heart import handed_over, reviewed, small_task

from factory_tui.domain.assurance import LEVELS, SHORT

SIZES = [(80, 24), (120, 40), (220, 60)]


def change_waits(**more: str) -> Chair:
    chair = Chair()
    chair.start_session(**more)
    small_task()(chair)
    chair.keep("diff of a1")
    handed_over("a1", "T-1")(chair)
    reviewed(task="T-1")(chair)
    return chair


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("level", LEVELS)
async def test_the_floor_names_the_level_at_every_size(size, level):
    chair = change_waits(assurance=level)
    async with chair.cockpit(*size) as (app, _):
        top = screen_text(app).splitlines()[0]
        assert f" {level} " in top
        assert (SHORT[level] in top) == (size[0] >= 160)
        assert top.rstrip()[-5:-3].isdigit(), "the clock is not pushed out"


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_that_nothing_is_signed_stays_on_the_floor(size):
    chair = change_waits(unsigned="ssh-keygen is missing: install it")
    async with chair.cockpit(*size) as (app, _):
        assert " UNSIGNED " in screen_text(app).splitlines()[0]


async def test_an_old_ledger_that_says_nothing_of_it_is_told_no_word():
    async with change_waits().cockpit(120, 40) as (app, _):
        top = screen_text(app).splitlines()[0]
        assert "UNSIGNED" not in top
        assert "G0" not in top


async def test_whoever_approves_a_change_sees_what_its_evidence_will_be_worth():
    async with change_waits(assurance="G0").cockpit(120, 40) as (app, pilot):
        await press(pilot, "o")
        assert f"G0: {LEVELS['G0']}" in screen_text(app)


async def test_what_landed_keeps_the_level_that_the_verifier_found_then():
    """The session's own level may be another one by now."""
    chair = change_waits(assurance="G0")
    chair.answer("T-1", "approve")
    chair.land("T-1", assurance="G3")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "1")
        row = next(line for line in screen_text(app).splitlines() if " landed " in line and "approval" in line)
        assert "G3" in row
        await press(pilot, "g", "e")
        told = "\n".join(text for _, text in app.room.parts)
        assert f"G3: {LEVELS['G3']}" in told


async def test_what_landed_unsigned_says_so_in_the_gate():
    chair = change_waits(unsigned="ssh-keygen is missing: install it")
    chair.answer("T-1", "approve")
    chair.land("T-1")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "1", "g", "e")
        assert "nothing is signed" in "\n".join(text for _, text in app.room.parts)


def test_every_level_has_its_words_twice():
    assert SHORT.keys() == LEVELS.keys()
