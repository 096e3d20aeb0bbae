"""The screens beyond the floor, as they look at three sizes; a changed one is looked at before it is kept."""

from __future__ import annotations

from chair import BusyFloor, Chair, hint, press, screen_text, settled, write


async def test_words_too_long_for_one_row_take_more_until_the_next_key():
    chair = BusyFloor()
    async with chair.cockpit(80, 24) as (app, pilot):
        app.say(" ".join(f"word{number}" for number in range(40)))
        await settled(pilot)
        told = screen_text(app).splitlines()
        assert "word0" in told[-4]
        assert "word39" in told[-1]
        assert all(f"word{number}" in "\n".join(told[-4:]) for number in range(40))
        await press(pilot, "tab")
        assert "word" not in screen_text(app)
        assert "help" in hint(app)


async def test_a_line_becomes_a_form_that_is_shown_whole_and_sent_by_its_own_key():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit(80, 24) as (app, pilot):
        await press(pilot, "t", "tab")
        assert "Ctrl-o: a form" in screen_text(app)
        await write(pilot, "Two things")
        await press(pilot, "ctrl+o")
        assert "a mission: what shall be true" in screen_text(app)
        app.screen.query_one("#written").insert("\n- the first\n- the second", (0, 10))
        await press(pilot, "escape")
        assert "the second" in screen_text(app)
        assert not app.state.missions, "leaving the form sends nothing"
        await press(pilot, "E")
        (mission,) = app.state.missions.values()
        assert mission.text == "Two things\n- the first\n- the second"
        assert type(app.screen).__name__ == "Floor"


async def test_a_form_that_is_thrown_away_sends_nothing():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "t")
        await press(pilot, "ctrl+o", "escape", "E")
        assert "nothing was written" in hint(app)
        await press(pilot, "escape")
        assert not app.state.missions


async def test_a_question_too_long_for_one_row_is_asked_whole():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit(80, 24) as (app, pilot):
        await press(pilot, "t", "tab")
        rows = screen_text(app).splitlines()
        assert "the planner plans it" in "".join(rows[-4:])
        assert "Enter sends, Esc does not" in "".join(rows[-4:])
        assert "Tab: another kind" in "".join(rows[-4:])
