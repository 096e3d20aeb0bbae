"""A document that changes on disk is marked at once, says what it means, and becomes a proposal."""

from __future__ import annotations

import asyncio
import contextlib

from chair import BusyFloor, hint, opened, press, screen_text, settled, write

from factory_tui.demo import demo_door, stage
from factory_tui.domain.terms import Action
from factory_tui.tui.app import Cockpit
from factory_tui.tui.chronicle import Chronicle
from factory_tui.tui.view import changed_document, unreadable_home

AT = "2026-11-22T00:20:00.000Z"
OLD, NEW, NEWER = "a" * 64, "b" * 64, "c" * 64


async def test_a_changed_document_is_marked_with_how_long_ago():
    chair = BusyFloor()
    async with chair.cockpit(220, 60) as (app, pilot):
        assert "CHANGED" not in screen_text(app)
        chair.hear("memory:memory/DNA.md", changed_document(AT, OLD, NEW))
        await settled(pilot)
        assert "CHANGED 0:00" in screen_text(app)
        chair.minute += 2
        await settled(pilot)
        row = next(line for line in screen_text(app).splitlines() if "DNA  " in line)
        assert "CHANGED 2:00" in row
        assert "1 changed" in screen_text(app)


async def test_the_mark_is_drawn_without_a_key():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        chair.hear("memory:memory/DNA.md", changed_document(AT, OLD, NEW))
        async with asyncio.timeout(60):
            while "CHANGED" not in screen_text(app):
                await pilot.pause(0)


async def test_rules_roles_and_what_has_no_row_yet_are_marked():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        for path in ("rules/X1.md", "roles/builder.md", "memory/knowledge/[red]new.md", "factory.toml"):
            chair.hear(f"memory:{path}", changed_document(AT, "" if "new" in path else OLD, NEW))
        chair.hear("memory:memory/DNA.md", changed_document(AT, OLD, ""))
        await press(pilot, "g", "m")
        text = screen_text(app)
        rows = {
            word: line for line in text.splitlines() for word in ("rules ", "roles ", "[red]", "factory.toml", "DNA ")
        }
        marked = [line for line in text.splitlines() if "CHANGED" in line or "GONE" in line]
        assert len(marked) == 5, rows
        assert any("[red]new.md" in line for line in marked)
        assert any("DNA" in line and "GONE" in line for line in marked)


async def test_a_home_that_cannot_be_read_says_what_stays_in_force():
    chair = BusyFloor()
    async with chair.cockpit(220, 60) as (app, pilot):
        chair.hear("memory:memory/DNA.md", unreadable_home(AT, "memory/DNA.md: a link\x1b[31m"))
        await press(pilot, "g", "m")
        text = screen_text(app)
        assert "CANNOT BE READ: memory/DNA.md: a link" in text
        assert "last good version stays in force" in text
        assert "\x1b" not in text


def test_a_document_that_is_as_it_was_is_not_marked_any_more():
    chronicle = Chronicle()
    chronicle.hear("memory:factory.toml", changed_document(AT, OLD, NEW))
    chronicle.hear("memory:factory.toml", changed_document(AT, NEW, NEWER))
    assert chronicle.marks["factory.toml"].old == OLD
    chronicle.hear("memory:factory.toml", changed_document(AT, NEWER, ""))
    assert chronicle.marks["factory.toml"].new == ""
    chronicle.hear("memory:factory.toml", changed_document(AT, "", OLD))
    assert not chronicle.marks


async def test_saving_a_document_of_a_running_factory_proposes_it_and_a_wrong_one_names_file_and_line(tmp_path):
    staged = stage(str(tmp_path))
    dna = staged.root / ".factory" / "memory" / "DNA.md"
    right = dna.read_text()
    door = demo_door(staged, "step", pace=0.0)
    app = Cockpit(door, arm_seconds=0.0)

    async def until(pilot, *words: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                while not all(word in screen_text(app) for word in words):
                    await pilot.pause(0.02)
        assert all(word in screen_text(app) for word in words), screen_text(app)

    try:
        async with app.run_test(size=(220, 60)) as pilot:
            await opened(pilot)
            dna.write_text(right + "\nDates are ISO 8601.\n")
            await press(pilot, "g", "m")
            await until(pilot, "R-1 CHANGED", "memory/DNA.md in force when adopted", "CHANGED 0:")
            await press(pilot, "/")
            await write(pilot, "DNA ")
            await press(pilot, "enter", "enter")
            await until(pilot, "NOT IN FORCE", "in force from the next task on", "Dates are ISO 8601.", "sha256")
            await press(pilot, "escape")
            dna.write_text("---\nstack: [\n---\n" + right)
            await until(pilot, "INVALID: .factory/memory/DNA.md line 2", "last good version stays in force")
            await press(pilot, "/")
            await write(pilot, "DNA ")
            await press(pilot, "enter", "enter")
            await until(pilot, "INVALID .factory/memory/DNA.md line 2", "stack: [", "last good version stays in force")
            await press(pilot, "A")
            assert "not now, it is invalid" in hint(app)
            await press(pilot, "escape")
            dna.write_text(right)
            await until(pilot, "in every brief")
            async with asyncio.timeout(30):
                while app.state.proposals or app.chronicle.marks:
                    await pilot.pause(0.02)
            await settled(pilot)
            assert "CHANGED" not in screen_text(app)
    finally:
        await door.close("seen", "")


async def test_a_changed_document_is_adopted_where_its_difference_was_seen_and_is_then_in_force(tmp_path):
    staged = stage(str(tmp_path))
    dna = staged.root / ".factory" / "memory" / "DNA.md"
    door = demo_door(staged, "step", pace=0.0)
    app = Cockpit(door, arm_seconds=0.0)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(pilot)
            before = app.state.law.sha256
            dna.write_text(dna.read_text() + "\nDates are ISO 8601.\n")
            async with asyncio.timeout(30):
                while not app.state.proposals:
                    await pilot.pause(0.02)
            await press(pilot, "g", "m", "/")
            await write(pilot, "DNA ")
            await press(pilot, "enter", "enter")
            shown = app.screen.item
            await press(pilot, "d", "A")
            async with asyncio.timeout(30):
                while app.state.law.sha256 == before:
                    await pilot.pause(0.02)
            assert "Dates are ISO 8601." in app.state.law.dna.text
            assert shown.sha256
            assert not app.state.proposals
    finally:
        await door.close("seen", "")


async def test_unseen_differences_are_not_adopted(tmp_path):
    """The control of the test above: on a small screen the difference lies further down, and the key waits for it."""
    staged = stage(str(tmp_path))
    rules = staged.root / ".factory" / "memory" / "knowledge"
    door = demo_door(staged, "step", pace=0.0)
    app = Cockpit(door, arm_seconds=0.0)
    try:
        async with app.run_test(size=(80, 10)) as pilot:
            await opened(pilot)
            (rules / "dates.md").write_text("# Dates\n\nThey are ISO 8601.\n")
            async with asyncio.timeout(30):
                while not app.state.proposals:
                    await pilot.pause(0.02)
            app.open_item(next(iter(app.state.proposals)))
            await press(pilot, "A")
            assert "the difference was not on the screen yet" in hint(app)
            assert app.state.proposals
            await press(pilot, "d", "A")
            async with asyncio.timeout(30):
                while app.state.proposals:
                    await pilot.pause(0.02)
    finally:
        await door.close("seen", "")


class TouchedFloor(BusyFloor):
    """The builder reaches for protected files; nothing lets it."""

    def __init__(self) -> None:
        super().__init__()
        for _ in range(2):
            self.wish(Action(kind="edit", path=".github/workflows/ci.yml", content="x"), "T-3")


async def test_a_seat_that_reached_for_a_protected_file_is_named_with_turn_and_path():
    chair = TouchedFloor()
    async with chair.cockpit(220, 60) as (app, pilot):
        assert "PROTECTED touched" in screen_text(app)
        await press(pilot, "g", "m")
        row = next(line for line in screen_text(app).splitlines() if "ci.yml" in line)
        assert "PROTECTED .github/workflows/ci.yml by builder/b3 on T-3, DENIED 2x" in row
        await press(pilot, "enter")
        text = screen_text(app)
        assert "builder/b3 on T-3" in text
        assert "the path is protected" in text
        assert "only by a proposal that you adopt" in text


async def test_the_next_session_begins_without_what_was_touched_in_the_last():
    chair = TouchedFloor()
    chair.end_session()
    chair.start_session()
    async with chair.cockpit(220, 60) as (app, _):
        assert app.chronicle.touches == []


class ProposingFloor(BusyFloor):
    """The builder of T-3 proposes another DNA."""

    def __init__(self) -> None:
        super().__init__()
        text = "---\nstack: {language: python}\n---\n# DNA\n\nAdding and subtracting is what it does.\n"
        self.wish(Action(kind="propose", path="memory/DNA.md", content=text), "T-3", self.keep(text))


async def test_what_a_seat_proposes_is_a_difference_whose_lines_can_be_commented_on():
    chair = ProposingFloor()
    async with chair.cockpit() as (app, pilot):
        app.open_item(next(iter(app.state.proposals)))
        await settled(pilot)
        text = screen_text(app)
        assert "PROPOSED by a seat, NOT WRITTEN" in text
        assert "Adding and subtracting is what it does." in text
        await press(pilot, "/")
        await write(pilot, "and subtracting")
        await press(pilot, "enter", "C")
        await write(pilot, "say it shorter")
        await press(pilot, "enter")
        found = app.state.tasks["T-3"].findings[-1]
        assert "memory/DNA.md:6: say it shorter" in found.detail
        assert app.state.proposals
        await press(pilot, "A")
        assert not app.state.proposals


async def test_a_comment_on_a_changed_home_goes_with_the_reason_of_a_decline(tmp_path):
    staged = stage(str(tmp_path))
    dna = staged.root / ".factory" / "memory" / "DNA.md"
    door = demo_door(staged, "step", pace=0.0)
    app = Cockpit(door, arm_seconds=0.0)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(pilot)
            dna.write_text(dna.read_text() + "\nDates are ISO 8601.\n")
            async with asyncio.timeout(30):
                while not app.state.proposals:
                    await pilot.pause(0.02)
            app.open_item(next(iter(app.state.proposals)))
            await press(pilot, "/")
            await write(pilot, "Dates are")
            await press(pilot, "enter", "C")
            await write(pilot, "which of them?")
            await press(pilot, "enter", "R")
            await press(pilot, "enter")
            declined = [one.event for one in app.chronicle.entries if type(one.event).__name__ == "CharterDeclined"]
            assert declined[0].reason.startswith("memory/DNA.md:")
            assert declined[0].reason.endswith(": which of them?")
    finally:
        await door.close("seen", "")
