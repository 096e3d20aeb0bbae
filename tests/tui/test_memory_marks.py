"""A document that changes on disk is marked at once, says what it means, and becomes a proposal."""

from __future__ import annotations

import asyncio
import contextlib

from chair import BusyFloor, opened, press, screen_text, settled

from factory_tui.demo import demo_door, stage
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
        async with asyncio.timeout(20):
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
            async with asyncio.timeout(10):
                while not all(word in screen_text(app) for word in words):
                    await pilot.pause(0.02)
        assert all(word in screen_text(app) for word in words), screen_text(app)

    try:
        async with app.run_test(size=(220, 60)) as pilot:
            await opened(pilot)
            dna.write_text(right + "\nDates are ISO 8601.\n")
            await press(pilot, "g", "m")
            await until(pilot, "R-1 CHANGED", "memory/DNA.md in force when adopted", "CHANGED 0:")
            dna.write_text("---\nstack: [\n---\n" + right)
            await until(pilot, "INVALID: .factory/memory/DNA.md line 2", "last good version stays in force")
            dna.write_text(right)
            await until(pilot, "in every brief")
            async with asyncio.timeout(30):
                while app.state.proposals or app.chronicle.marks:
                    await pilot.pause(0.02)
            await settled(pilot)
            assert "CHANGED" not in screen_text(app)
    finally:
        await door.close("seen", "")
