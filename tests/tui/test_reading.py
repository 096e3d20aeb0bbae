"""Screens to be read: the gate with its evidence, a rule and its incident, what is new since the supervisor left."""

from __future__ import annotations

import pytest
from chair import BusyFloor, Chair, hint, press, screen_text, write
from heart import MAIN, SUPERVISOR, charter, evidence, handed_over, reviewed, small_task

from factory_tui.domain import commands as c
from factory_tui.tui.bindings import ACTS
from factory_tui.tui.present.away import away_text
from factory_tui.tui.screens.briefing import Briefing
from factory_tui.tui.screens.floor import Floor
from factory_tui.tui.screens.reader import Reader
from factory_tui.tui.screens.rule import RuleReader


def came_back(base: str = "b" * 40, wall: str = "none", settings: str = "") -> Chair:
    """A session ended with a change ready to land; the next one begins."""
    chair = Chair()
    chair.start_session()
    small_task()(chair)
    handed_over()(chair)
    reviewed()(chair)
    chair.minute = 10
    chair.keep("digest")
    chair.end_session()
    chair.minute = 10 * 60
    chair.do(
        c.StartSession(version="0.1.0", wall=wall, mode="flow", base_ref=MAIN, base=base, charter=charter(settings)),
        SUPERVISOR,
    )
    return chair


async def test_the_gate_shows_each_level_and_the_evidence_behind_it_as_text():
    chair = BusyFloor()
    chair.keep("smoke of a1")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "2", "g", "e")
        assert isinstance(app.screen, Reader)
        text = screen_text(app)
        for words in ("T-2 level 1 rules", "T-2 level 2 smoke", "smoke of a1", "sha256", "T-2 level 3 quality"):
            assert words in text


async def test_evidence_that_is_gone_is_said_to_be_gone():
    chair = BusyFloor()
    chair.store.texts.pop(evidence("smoke of a1").sha256, None)
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "2", "g", "e")
        assert "no evidence" in screen_text(app)


async def test_enter_shows_a_rule_and_enter_again_its_incident():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "r", "/")
        await write(pilot, "CEO never")
        await press(pilot, "enter", "enter")
        assert isinstance(app.screen, RuleReader)
        assert "severity: block" in screen_text(app)
        assert "cost:" not in screen_text(app)
        await press(pilot, "enter")
        assert "cost:" in screen_text(app)
        await press(pilot, "enter")
        assert "severity: block" in screen_text(app)
        await press(pilot, "escape")
        assert "all rules" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (220, 60)], ids=str)
async def test_the_briefing_says_first_what_is_new(size):
    chair = came_back(base="c" * 40)
    async with chair.cockpit(*size) as (app, _):
        assert isinstance(app.screen, Briefing)
        text = screen_text(app)
        assert text.index("new since you left") < text.index("this session stands on")
        assert "main moved from bbbbbbbbbb to cccccccccc" in text
        assert "9h50 ago" in text
        assert "LAND T-1" in text
        assert "no turn starts" in text


def test_nothing_new_is_one_line():
    chair = Chair()
    chair.start_session()
    chair.end_session()
    chair.minute = 480
    chair.start_session()
    assert away_text(chair.entries, chair.state) == "Nothing is new since you left, 8h00 ago."


def test_what_changed_on_the_ground_is_told():
    told = away_text(*_of(came_back(wall="bwrap: ok", settings="[pace]\nattempts = 2\n")))
    assert "the wall is bwrap: ok, it was none" in told
    assert "charter" in told


def _of(chair: Chair):
    return chair.entries, chair.state


async def test_a_mission_is_stated_from_the_briefing_but_no_turn_starts_before_it_was_read():
    chair = Chair()
    chair.start_session()
    chair.keep("digest")
    chair.end_session()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        assert isinstance(app.screen, Briefing)
        await press(pilot, "t", "tab")
        await write(pilot, "Subtract")
        await press(pilot, "enter")
        assert app.state.mission.text == "Subtract"
        assert not app.state.turns
        await press(pilot, "A")
        assert isinstance(app.screen, Floor)


def test_every_screen_is_at_most_two_keys_away():
    screens = [act for act in ACTS if act.id.startswith("go.") or act.id in ("next", "help", "palette", "quit")]
    assert len(screens) > 12
    assert all(act.keys and min(len(key.split()) for key in act.keys) <= 2 for act in screens)


async def test_the_digest_preview_holds_the_supervisors_own_words():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "q", "t")
        await write(pilot, "the \x1b[31mfractions\u202e are late")
        await press(pilot, "enter", "/")
        await write(pilot, "supervisor's words")
        await press(pilot, "enter")
        text = screen_text(app)
        assert "fractions are late" in text
        assert "\u202e" not in text
        assert "nothing here holds" not in hint(app)


async def test_no_work_is_written_that_would_be_refused_because_a_mission_is_under_way():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        assert app.state.mission is not None
        await press(pilot, "t")
        assert not app.room.is_typing
        assert f"mission {app.state.mission.id} is under way" in hint(app)
        assert "t task" not in hint(app)
