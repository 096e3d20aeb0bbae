"""100,000 lines open at once: what is laid out before the first frame is bounded, the rest comes while one reads."""

from __future__ import annotations

import pytest
from chair import DIFF, Chair, hint, press, screen_text, settled
from heart import evidence, handed_over, reviewed, small_task
from test_sheets import StepFloor

from factory_tui.tui.lines import text_of
from factory_tui.tui.screens.reader import AT_ONCE, MOST_ROWS, Document
from factory_tui.tui.screens.sheet import Sheet

LINES = 100_000
LONG = "\n".join(f"line {number} of what a check left behind, which is long" for number in range(LINES))
LONG_DIFF = DIFF + "".join(f"+line_{number} = {number}\n" for number in range(LINES))
MOST_ITEMS = 4_200
"""Of a whole card: its lines, and what stands around them."""


async def test_a_long_evidence_is_read_while_the_rest_is_laid_out_and_says_how_far_it_is():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        app._ticker.pause()  # beats come one by one below
        app.read("evidence", [("first", "short"), ("the log", LONG), ("last", "short")])
        await pilot.pause(0)
        document = app.screen._document
        at_once = document.transcript.lines
        assert 0 < at_once < LINES // 10
        assert "line 5 of what" in screen_text(app)
        app.screen.present()
        await pilot.pause(0)
        assert f"{document.percent} % laid out" in screen_text(app)
        app.screen.press("/")
        await pilot.pause(0)
        assert f"the text is still being laid out, {document.percent} %" in hint(app)
        app.screen.press("j")
        place = app.screen.pane.line_on_top
        beats = 0
        while app.screen.flush(chosen_only=False):
            beats += 1
        pieces = -(-document._whole // AT_ONCE) - 1
        assert pieces - 1 <= beats <= pieces, "each beat lays out one bounded piece; one may have been due before"
        assert document.transcript.lines >= LINES
        assert app.screen.pane.line_on_top == place, "where it was read nothing moved"
        app.screen.renew()
        await settled(pilot)
        assert "laid out" not in screen_text(app)
        await press(pilot, "G")
        assert "## last" in screen_text(app).replace("last", "## last", 1)
        await press(pilot, "g", "g", "]", "]")
        assert app.screen.pane.line_on_top == document.starts[2] or "short" in screen_text(app)


def test_what_is_laid_out_is_bounded_in_rows_whatever_the_text():
    document = Document([("log", "x\n" * (MOST_ROWS * 2))], 80)
    while not document.lay_out():
        pass
    assert document.transcript.pushed - document.transcript.first <= MOST_ROWS


async def test_a_handoff_with_a_long_difference_and_a_long_brief_opens_with_few_rows():
    chair = Chair()
    chair.store.texts[evidence("diff of a1").sha256] = LONG_DIFF
    chair.start_session(mode="step")
    small_task()(chair)
    handed_over()(chair)
    handoff = chair.task().handoff
    assert handoff is not None
    chair.seal(text="x")
    chair.store.texts[chair.task().handoff.brief.sha256] = LONG
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        assert isinstance(app.screen, Sheet)
        assert len(app.screen.rows.items) < 2 * MOST_ITEMS
        texts = ["".join(span.text for span in single) for one in app.screen.rows.items for single in one.lines]
        assert any("more lines; Enter shows the whole difference" in text for text in texts)
        assert any("more lines; Enter shows the whole" in text and "difference" not in text for text in texts)


async def test_the_row_at_the_end_of_a_long_difference_opens_all_of_it():
    chair = Chair()
    chair.store.texts[evidence("diff of a1").sha256] = LONG_DIFF
    chair.start_session()
    small_task()(chair)
    handed_over()(chair)
    reviewed()(chair)
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        assert len(app.screen.rows.items) < MOST_ITEMS
        key = next(
            one.key
            for one in app.screen.rows.items
            if any("Enter shows the whole difference" in span.text for single in one.lines for span in single)
        )
        app.screen.rows.choose(key)
        app.screen.act_open()
        await pilot.pause(0)
        assert type(app.screen).__name__ == "Reader"
        assert app.screen._document.transcript.lines < LINES
        while app.screen.flush(chosen_only=False):
            pass
        assert app.screen._document.transcript.lines > LINES


@pytest.mark.parametrize("pages", [1, 3])
async def test_another_width_keeps_the_place_in_the_middle_of_a_long_handoff(pages):
    words = [f"word{number:04}" for number in range(1_200)]
    paragraphs = [" ".join(words[start : start + 40]) for start in range(0, len(words), 40)]
    chair = StepFloor("\n\n".join(paragraphs))
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "o", *(["ctrl+d"] * pages), "j", "j")

        def chosen() -> list[str]:
            rows = app.screen.rows
            (one,) = [item for item in rows.items if item.key == rows.key]
            return " ".join(text_of(line) for line in one.lines).split()

        if not chosen():
            await press(pilot, "j")  # not between two paragraphs
        begins, before = chosen()[0], screen_text(app)
        assert begins.startswith("word")
        for size in ((80, 24), (220, 60), (120, 40)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert begins in chosen()
            assert begins in screen_text(app)
        assert chosen()[0] == begins
        assert screen_text(app).splitlines()[0] == before.splitlines()[0]
