"""What was allowed for longer than the moment: listed, ended by a key; and what could be settled on a card."""

from __future__ import annotations

import asyncio

from chair import Chair, hint, opened, press, screen_text, settled
from crew import SUPERVISOR, answer, small_task
from crew import settled as calm
from heart import small_task as stated
from test_asking import RISKY, asking_law, wish
from test_card_drafts import NOTES, notes

from factory_tui.tui.app import Cockpit
from factory_tui.tui.door import WorksDoor


def granted() -> Chair:
    """A recursive delete was asked for, and waits."""
    chair = Chair()
    chair.start_session(law=asking_law())
    stated()(chair)
    chair.begin("T-1")
    wish()(chair)
    return chair


async def test_a_grant_is_listed_and_a_key_ends_it_so_that_it_is_asked_again():
    chair = granted()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "a")
        assert "Nothing is allowed beyond cards and rules" in screen_text(app)
        await press(pilot, "x")
        assert "nothing is allowed beyond" in hint(app)
        await press(pilot, "escape", "o", "T")
        wish()(chair)
        assert not app.state.asks, "control: while the grant holds it is not asked"
        await press(pilot, "g", "a")
        (grant,) = app.state.grants
        assert grant in screen_text(app)
        assert f"run {RISKY}" in screen_text(app)
        assert "until T-1 is over" in screen_text(app)
        await press(pilot, "w")
        assert "asked three times" in hint(app)
        await press(pilot, "enter")
        assert '"role": "builder"' in screen_text(app)
        await press(pilot, "escape", "x")
        assert not app.state.grants
        assert "it is asked for again" in hint(app)
        assert "until T-1 is over" not in screen_text(app)
        wish()(chair)
        assert app.state.asks


async def test_what_was_always_allowed_is_drafted_on_the_card_and_adopted_where_its_difference_is_seen(tmp_path):
    crew, _ = notes(tmp_path)
    houses = []

    def make(hear):
        houses.append(crew.house())
        return houses[0]

    door = WorksDoor(name="notes", make=make, by=SUPERVISOR)
    app = Cockpit(door, arm_seconds=0.0)
    card = crew.root / ".factory" / "roles" / "builder.md"
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(pilot)
            (house,) = houses
            await small_task(house, "Write notes")
            for _ in range(3):
                (item,) = await calm(house)
                answer(house, item.id, "allow")
            await calm(house)
            await settled(pilot)
            await press(pilot, "g", "f", "g", "a")
            text = screen_text(app)
            assert "card?" in text
            assert f"{NOTES}  asked 3, allowed 3, by H1" in text
            await press(pilot, "x")
            assert "it is no grant" in hint(app)
            await press(pilot, "enter")
            assert f'- "{NOTES}"' in screen_text(app)
            assert "Nothing is allowed by writing it" in screen_text(app)
            await press(pilot, "escape")
            assert not card.exists(), "looking writes nothing"
            await press(pilot, "w")
            assert card.exists()
            assert not app.state.law.role("builder").settled
            text = screen_text(app)
            assert "NOT IN FORCE" in text
            assert "roles/builder" in text
            await press(pilot, "d", "A")
            async with asyncio.timeout(30):
                while not app.state.law.role("builder").settled:
                    await pilot.pause(0.02)
            assert app.state.law.role("builder").settled == (NOTES,)
            await press(pilot, "g", "f", "g", "a")
            assert "card?" not in screen_text(app)
    finally:
        await door.close("seen", "")
