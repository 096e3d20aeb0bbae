"""A person's own work from the cockpit, on a real terminal with a real editor; take-over and giving back, on record."""

from __future__ import annotations

from pathlib import Path

from at_terminal import At
from chair import Chair, hint, press, screen_text, settled, write
from commands import settled_desk
from heart import SUPERVISOR, small_task

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.staffing import Budgets, Staffed


def seated() -> Chair:
    """A builder at work, its crew on record."""
    chair = Chair()
    chair.start_session()
    why = "factory.toml, [seats] default"
    crew = tuple(Staffed(role=card.id, seat="mind", why=why) for card in chair.state.law.roles)
    chair.do(c.StaffCrew(crew=crew, ceilings=Budgets()))
    small_task()(chair)
    chair.begin()
    return chair


async def test_a_turn_is_taken_over_with_a_reason_and_the_next_one_is_a_persons() -> None:
    chair = seated()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "O")
        assert "take T-1 over from builder/b1 (mind): why" in screen_text(app)
        await write(pilot, "I know this one")
        await press(pilot, "enter")
        retired = [entry.event for entry in chair.entries if isinstance(entry.event, e.TurnRetired)]
        assert [(one.turn, one.reason) for one in retired] == [("builder/b1", "I know this one")]
        assert chair.factory.state.task("T-1").seat == "human"


async def test_a_persons_turn_is_given_back_to_the_seat_of_the_settings() -> None:
    chair = seated()
    chair.do(c.EndTurn(turn="builder/b1", outcome="interrupted"))
    chair.do(c.ChooseSeat(task="T-1", seat="human"), SUPERVISOR)
    chair.start_turn(person="ada")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "O")
        assert "is yours already" in hint(app)
        await press(pilot, "<")
        assert "give T-1 back to mind" in screen_text(app)
        await press(pilot, "enter")
        assert chair.factory.state.task("T-1").seat == "mind"


async def test_the_keys_of_ones_own_work_say_why_they_do_nothing() -> None:
    chair = seated()
    async with chair.cockpit() as (app, pilot):
        for key in ("e", "i", ">", ".", "<"):
            await press(pilot, key)
            assert "no turn on T-1 is yours; O takes it over" in hint(app), key
        await settled(pilot)


def test_the_cockpit_steps_aside_for_a_real_editor_and_a_shell_and_comes_back(tmp_path: Path) -> None:
    """On a real terminal: the editor gets the worktree, and the keys after it are the cockpit's again."""
    desk = settled_desk(tmp_path, mode="flow")
    desk.factory("run", "--task", "Say more", "--to", "builder", "--headless", code=4)
    desk.read_digest()
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "EDITOR HAS $1"\necho "# Adder, edited by hand" > "$1/README.md"\n')
    editor.chmod(0o755)
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\necho "SHELL IN $(pwd)"\necho "by hand" > NOTES.md\n')
    shell.chmod(0o755)
    with At(desk, EDITOR=str(editor), SHELL=str(shell)) as terminal:
        terminal.until("T-1 is yours")
        terminal.keys("e")
        terminal.until(f"EDITOR HAS {desk.worktree()}")
        terminal.until("back from T-1")
        terminal.keys("i")
        terminal.until(f"SHELL IN {desk.worktree()}")
        terminal.until("back from T-1")
        terminal.keys(">")
        terminal.until("is handed over")
        terminal.process.terminate()
        terminal.until("digest: ")
    assert (desk.worktree() / "README.md").read_text() == "# Adder, edited by hand\n"
    assert (desk.worktree() / "NOTES.md").read_text() == "by hand\n"
