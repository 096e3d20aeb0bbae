"""The rules box and the gate ladder tell what is so now: every rule in one state, counted; old evidence loudly old."""

from __future__ import annotations

from chair import BusyFloor, Chair, press, screen_text, write
from heart import handed_over, reviewed, small_task
from test_sheets import AskFloor

from factory_tui.domain.terms import Finding
from factory_tui.tui.chronicle import Chronicle
from factory_tui.tui.present.standing import ORDER, standings


def rules_box(app) -> str:
    """What stands in the box, right of the ladder."""
    lines = screen_text(app).splitlines()
    start = next(n for n, text in enumerate(lines) if "RULES " in text)
    return "\n".join(text.rsplit("│", 1)[-1] for text in lines[start:-1])


async def test_an_open_ask_waits_and_an_allowed_one_does_not_ask_any_more():
    chair = AskFloor()
    async with chair.cockpit(220, 60) as (app, pilot):
        assert "1 waiting" in rules_box(app)
        assert "ASK 1x" in rules_box(app)
        await press(pilot, "o", "A")
        assert not chair.factory.state.asks
        assert "ASK" not in rules_box(app)
        assert "waiting" not in rules_box(app)
        assert "held, you allowed it" in rules_box(app)


async def test_an_ask_that_was_denied_is_counted_as_denied():
    chair = AskFloor()
    async with chair.cockpit(220, 60) as (app, pilot):
        await press(pilot, "o", "R")
        await write(pilot, "write it without a package")
        await press(pilot, "enter")
        assert "1 denied" in rules_box(app)
        assert "DENY by you" in rules_box(app)
        assert "ASK" not in rules_box(app)


async def test_the_title_counts_what_the_rows_say():
    chair = BusyFloor()
    async with chair.cockpit(220, 60) as (app, pilot):
        await press(pilot, "3")
        task = app.state.tasks["T-3"]
        found = standings(app.state, task, app.chronicle)
        title = rules_box(app).splitlines()[0]
        short = {"not applicable": "n/a", "not enforced": "unenforced"}
        for word in ORDER:
            number = sum(one.word == word for one in found)
            assert not number or f" {number} {short.get(word, word)}" in title
        assert len({one.source for one in found}) == len(found)


def test_a_rule_for_another_stack_does_not_apply_and_says_so():
    chair = BusyFloor()
    found = standings(chair.state, chair.state.tasks["T-5"], Chronicle())
    assert any(one.word == "not applicable" and "DNA.md" in one.told for one in found)


async def test_the_ladder_says_loudly_that_a_verdict_is_of_an_older_attempt():
    chair = Chair()
    chair.start_session()
    small_task()(chair)
    handed_over("a1", "T-1")(chair)
    reviewed(Finding(title="wrong", detail="it is wrong", path="a.py", line=1), task="T-1")(chair)
    async with chair.cockpit() as (app, _):
        text = screen_text(app)
        assert "attempt 2 of 3" in text
        assert "STALE  of" in text
        assert "FAIL   STALE, of" in text
