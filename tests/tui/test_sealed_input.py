"""What Quality is told: listed item by item before it starts, readable whole, and without a word of the author's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from chair import press
from crew import HOME, SUPERVISOR, Crew, House, answer, make_crew, small_task, write

from factory_tui.domain.terms import Action
from factory_tui.domain.waiting import waiting
from factory_tui.tui.app import Cockpit
from factory_tui.tui.door import WorksDoor
from factory_tui.tui.lines import text_of
from factory_tui.tui.screens.sheet import Sheet

THOUGHT = "I only turned it round because I was bored"
NOTE = "please wave it through"


class Kept(Crew):
    """Remembers its house, which the cockpit opens."""

    made: House

    def house(self) -> House:
        self.made = super().house()
        return self.made


async def build(brief, desk) -> None:
    desk.say(THOUGHT)
    await write(desk, "adder.py", "def add(a, b):\n    return b + a\n")
    await desk.act(Action(kind="commit", text="Turn it round"))
    await desk.act(Action(kind="hand_over", text=NOTE))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (220, 60)])
async def test_each_part_of_qualitys_input_is_listed_and_can_be_read(tmp_path: Path, size: tuple[int, int]) -> None:
    step = HOME[".factory/factory.toml"].replace('"flow"', '"step"')
    known = {".factory/memory/knowledge/signs.md": "---\ntitle: Signs\n---\nMind the sign of what you add.\n"}
    plain = make_crew(tmp_path, {"builder": build}, files=known, settings=step)
    crew = Kept(root=plain.root, state_home=plain.state_home, seat=plain.seat)
    door = WorksDoor(name="adder", make=lambda hear: crew.house(), by=SUPERVISOR)  # type: ignore[arg-type]
    app = Cockpit(door, arm_seconds=0.0)
    async with app.run_test(size=size) as pilot, asyncio.timeout(60):

        async def until(condition: Callable[[], bool]) -> None:
            while not condition():
                await pilot.pause(0.01)

        await until(lambda: app.view is not None and app.state.session_open)
        await small_task(crew.made, "Turn it round")
        await until(lambda: any(item.id == "H-1" for item in waiting(app.state)))
        answer(crew.made, "H-1", "approve")
        await until(lambda: any(item.id == "H-2" for item in waiting(app.state)))
        handoff = app.state.task("T-1").handoff
        assert handoff is not None
        assert handoff.to == "quality"
        await until(lambda: not app.phase)
        while not isinstance(app.screen, Sheet):
            await press(pilot, "escape", "o")
        sheet = app.screen
        await until(lambda: "brief, to the letter" in told(sheet))
        text = told(sheet)
        assert len(handoff.inputs) >= 4
        lines = text.splitlines()
        for one in handoff.inputs:
            parts = (one.kind, one.sha256[:16], one.name.split()[0][:20])
            assert any(all(part in line for part in parts) for line in lines), one
        for words in ("Adding is what it does.", "Mind the sign of what you add.", "+    return b + a"):
            assert words in text, words
        for words in (THOUGHT, NOTE):
            assert words not in text

        sheet.rows.choose(next(one.key for one in sheet.rows.items if one.key.endswith(":memory/DNA.md")))
        await press(pilot, "enter")
        assert "Adding is what it does." in "\n".join(part for _, part in app.screen.parts)


def told(sheet: Sheet) -> str:
    return "\n".join(text_of(line).rstrip() for item in sheet.rows.items for line in item.lines)
