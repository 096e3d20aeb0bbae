"""Proposing a deployment from the cockpit: what landed, where it may go, its plan and way back; approving is apart."""

from __future__ import annotations

import pytest
from chair import Chair, hint, press, screen_text, write
from deployed_floor import LAW, floor_with
from heart import SUPERVISOR

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.waiting import waiting


def proposed(chair: Chair) -> list[e.DeploymentProposed]:
    return [entry.event for entry in chair.entries if isinstance(entry.event, e.DeploymentProposed)]


async def test_what_landed_is_proposed_by_the_supervisor_with_plan_and_way_back_on_the_screen_before():
    chair = floor_with("landed_only")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "g", "p", "p")
        shown = screen_text(app)
        assert f"./deploy/ship.sh production {chair.commits[1]}" in shown, "the plan"
        assert f"./deploy/ship.sh production {chair.commits[0]}" in shown, "the way back"
        assert len(proposed(chair)) == 1, "looking proposes nothing"
        await press(pilot, "enter")
        await write(pilot, "words only")
        await press(pilot, "enter")
        one = proposed(chair)[-1]
        assert (one.plan.commit, one.plan.previous, one.plan.environment, one.plan.note) == (
            chair.commits[1],
            chair.commits[0],
            "production",
            "words only",
        )
        assert (one.by, one.turn) == (SUPERVISOR.name, "")
        assert f" {one.deployment} " in screen_text(app).splitlines()[0], "it is in front, to be followed"
        assert "WAITS FOR APPROVAL" in screen_text(app)


async def test_who_proposed_is_told_on_the_screen_that_somebody_else_approves_and_what_is_left_alone():
    chair = floor_with("landed_only")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "g", "p", "p", "enter", "enter")
        assert "somebody else approves" in screen_text(app)
        assert "W with the reason" in screen_text(app)
        await press(pilot, "A")
        assert "nobody approves their own" in hint(app)
        assert chair.newest.stage == "proposed"
        await press(pilot, "W")
        await write(pilot, "alone tonight")
        await press(pilot, "enter")
        assert (chair.newest.stage, chair.newest.waived) == ("approved", "alone tonight")


async def test_what_a_seat_proposed_is_not_told_to_be_ones_own():
    chair = floor_with("proposed")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "o")
        assert "W with the reason" not in screen_text(app)


async def test_what_may_not_go_there_says_why_before_anything_is_asked():
    chair = floor_with("landed_only")
    chair.do(c.Freeze(reason="the auditors are here", landings=True), SUPERVISOR)
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "g", "p", "p")
        assert "the auditors are here" in screen_text(app)
        await press(pilot, "enter")
        assert "the auditors are here" in hint(app)
        assert len(proposed(chair)) == 1


async def test_what_runs_there_already_is_named_as_that_and_what_can_go_is_chosen():
    chair = floor_with("landed_only")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "g", "p", "p")
        assert app.room.rows.key == f"propose:production:{chair.commits[1]}"
        assert "runs there already" in screen_text(app)


async def test_a_release_that_was_taken_back_says_so_and_is_never_what_is_chosen_first():
    """Landed, and known to be bad where it would go: nobody should bring it back by two times Enter."""
    chair = floor_with("failed")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "g", "p", "p")
        row = next(one for one in screen_text(app).splitlines() if chair.commits[1] in one and "T-2" in one)
        assert "DP-2 of it was taken back" in row
        assert app.room.rows.key != f"propose:production:{chair.commits[1]}"
        await press(pilot, "G")
        app.room.rows.choose(f"propose:production:{chair.commits[1]}")
        await press(pilot, "enter", "enter")
        assert chair.newest.id == "DP-3", "it may be proposed, by who chose it"
        assert "DP-2 of the same commit was taken back" in screen_text(app), "and whoever approves it is told"
        (item,) = [one for one in waiting(chair.factory.state) if one.id == "DP-3"]
        told = {part.title: part.text for part in app.view.parts(item)}
        assert told["before"] == "DP-2 of the same commit was taken back there", "from a shell, too"


async def test_a_release_that_is_older_than_what_runs_says_so():
    chair = floor_with("verified")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "g", "p", "p")
        row = next(one for one in screen_text(app).splitlines() if chair.commits[0] in one and "T-1" in one)
        assert "older than what runs" in row


async def test_the_world_has_the_last_word_on_the_way_back():
    """The ledger knows of a release; the environment says that another one runs."""
    chair = floor_with("landed_only")
    chair.deployments.says = c.Running(known=True, commit="d" * 40)
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "g", "p", "p", "enter", "enter")
        assert "the way back is dirty" in hint(app)
        assert len(proposed(chair)) == 1


async def test_where_nothing_was_deployed_yet_the_way_there_opens_what_can_be_proposed():
    chair = Chair()
    chair.start_session(LAW)
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "g", "p")
        assert "nothing has landed yet" in screen_text(app)
        await press(pilot, "enter")
        assert "nothing is chosen" in hint(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (220, 60)], ids=str)
async def test_the_plan_is_in_view_at_every_size(size):
    chair = floor_with("landed_only")
    async with chair.cockpit(*size) as (app, pilot):
        await press(pilot, "g", "p", "p")
        shown = screen_text(app)
        assert "the way back" in shown
        assert "production" in shown
