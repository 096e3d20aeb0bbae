"""A deployment on the screen: proposed, approved, run, checked, taken back; and what stops the bleeding."""

from __future__ import annotations

import msgspec
import pytest
from chair import Chair, hint, press, screen_text, settled, write
from deployed_floor import LATER, OTHER, STATES, DeployedFloor, floor_with, rows
from heart import BASE, SUPERVISOR
from test_snapshots import SIZES, look, picture

from factory_tui.domain import commands as c
from factory_tui.domain import events as e


async def opened(chair, app, pilot, state: str = "") -> None:
    await press(pilot, "g", "p")
    if state in LATER:
        LATER[state](chair)
    for _ in range(6):
        app._tick()
        await settled(pilot)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", STATES)
async def test_a_deployment_looks_as_it_was_seen(state, size):
    chair = floor_with(state)
    async with chair.cockpit(*size) as (app, pilot):
        await opened(chair, app, pilot, state)
        name = f"deployment-{state}-{size[0]}x{size[1]}"
        look(name, "txt", screen_text(app))
        look(name, "svg", picture(app))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_what_stops_the_bleeding_looks_as_it_was_seen(size):
    chair = floor_with("verified")
    async with chair.cockpit(*size) as (app, pilot):
        await press(pilot, "!")
        look(f"bleeding-{size[0]}x{size[1]}", "txt", screen_text(app))
        look(f"bleeding-{size[0]}x{size[1]}", "svg", picture(app))


def events(chair: Chair, kind: type) -> list:
    return [entry.event for entry in chair.entries if isinstance(entry.event, kind)]


async def test_two_keys_approve_exactly_what_is_shown():
    chair = floor_with("proposed")
    one = chair.newest
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "o")
        shown = screen_text(app)
        assert one.plan.commit in shown
        assert one.sha256[:30] in shown
        assert "production" in shown
        await press(pilot, "A")
        (approved,) = events(chair, e.DeploymentApproved)[1:]
        assert (approved.commit, approved.environment, approved.plan) == (one.plan.commit, "production", one.sha256)
        assert "APPROVED" in screen_text(app), "what follows is looked at here"


async def test_an_answer_typed_before_the_object_was_on_the_screen_is_dropped():
    chair = floor_with("proposed")
    async with chair.cockpit(120, 40, arm=3_600.0) as (app, pilot):
        await press(pilot, "o", "A")
        assert "dropped" in hint(app)
        assert chair.newest.stage == "proposed"


async def test_nobody_approves_their_own_and_waiving_is_on_record():
    chair = DeployedFloor()
    running = c.Running(known=True, commit=chair.commits[0])
    chair.do(
        c.ProposeDeployment(environment="production", commit=chair.commits[1], base=BASE, running=running), SUPERVISOR
    )
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "o", "A")
        assert "nobody approves their own" in hint(app)
        await press(pilot, "W")
        await write(pilot, "alone tonight")
        await press(pilot, "enter")
        assert chair.newest.waived == "alone tonight"


async def test_output_and_answers_come_in_while_one_looks_and_the_choice_stays():
    chair = floor_with("running")
    async with chair.cockpit(120, 40) as (app, pilot):
        await opened(chair, app, pilot)
        assert "copying" not in screen_text(app)
        await opened(chair, app, pilot, "running")
        assert "copying files" in screen_text(app)
        chair.settle_it(c.Running(known=True, commit=chair.commits[1]), exit_code=0)
        await settled(pilot)
        assert "CHECKS RUN" in screen_text(app)
        await press(pilot, "G")
        chosen = app.room.rows.key
        LATER["checking"](chair)
        await settled(pilot)
        assert app.room.rows.key == chosen
        await press(pilot, "g", "g")
        assert "12 passed, 0 not applicable, 0 gaps, 1 failed, 20 to come" in screen_text(app)
        assert "3 of 3" in screen_text(app)
        chair.check_it(rows())
        await settled(pilot)
        assert "33 checks: 33 passed, 0 not applicable, 0 gaps, 0 failed" in screen_text(app)
        assert "VERIFIED" in screen_text(app)


@pytest.mark.parametrize("state", ["checking", "failed"])
async def test_the_evidence_of_a_check_is_one_key_away(state: str):
    """Also while it has not been recorded yet."""
    chair = floor_with(state)
    async with chair.cockpit(120, 40) as (app, pilot):
        await opened(chair, app, pilot, state)
        row = next(one.key for one in app.room.rows.items if "check:" in one.key and one.key.endswith("/V21"))
        app.room.rows.choose(row)
        await press(pilot, "enter")
        assert "no X-Content-Type-Options header" in screen_text(app)
        assert '"of": "V21"' in screen_text(app)


async def test_two_keys_take_a_release_back_from_where_it_is_shown():
    chair = floor_with("verified")
    async with chair.cockpit(120, 40) as (app, pilot):
        await opened(chair, app, pilot)
        assert "V take it back" in hint(app)
        await press(pilot, "V", "enter")
        (ordered,) = events(chair, e.RollbackOrdered)
        assert ordered.deployment == chair.newest.id
        assert chair.factory.state.frozen is None
        assert "GOES BACK" in screen_text(app)


async def test_in_doubt_it_is_asked_again_or_taken_back():
    chair = floor_with("unsettled")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "o")
        assert "A ask again what runs" in hint(app)
        assert "V take it back" in hint(app)
        await press(pilot, "A")
        assert events(chair, e.DeploymentAskedAgain)
        assert chair.newest.stage == "deploying"


async def test_one_goes_from_deployment_to_deployment():
    chair = floor_with("verified")
    async with chair.cockpit(120, 40) as (app, pilot):
        await opened(chair, app, pilot)
        await press(pilot, "h")
        assert " DP-1 " in screen_text(app).splitlines()[0]
        await press(pilot, "V")
        assert "DP-2 is what can be taken back" in hint(app)
        await press(pilot, "l", "l")
        assert "the newest one" in hint(app)
        await press(pilot, "s")
        assert "the world" in screen_text(app)
        assert f"{chair.commits[1][:10]} runs there, asked" in screen_text(app)


async def test_the_log_is_read_with_tab_and_holds_what_was_kept():
    chair = floor_with("failed")
    async with chair.cockpit(80, 24) as (app, pilot):
        await opened(chair, app, pilot)
        await press(pilot, "tab", "g", "g")
        shown = screen_text(app)
        assert "proposes" in shown.splitlines()[-5] or "proposes" in shown
        await press(pilot, "G")
        assert "old release again" in screen_text(app) or "level 4" in screen_text(app)


@pytest.mark.parametrize(("state", "mark"), [("verified", "PASS"), ("failed", "FAIL"), ("checking", "WORK")])
async def test_the_ladder_of_the_task_tells_level_4(state: str, mark: str):
    chair = floor_with(state)
    async with chair.cockpit(220, 60) as (app, pilot):
        (line,) = [line for line in screen_text(app).splitlines() if " 4 deploy" in line]
        assert mark in line
        assert "DP-2" in line
        await press(pilot, "g", "e")
        assert any("level 4 deploy: DP-2" in title for title, _ in app.room.parts)


async def test_without_a_deployment_it_says_how_there_would_be_one():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit(80, 24) as (app, pilot):
        await press(pilot, "g", "p")
        assert "factory deploy propose" in hint(app)


HOSTILE = "\x1b]0;owned\x07\x1b[2J[bold]x[/]\u202eevil\u200b"


async def test_what_a_service_or_a_seat_says_is_shown_and_never_obeyed():
    chair = DeployedFloor()
    running = c.Running(known=True, commit=chair.commits[0])
    wish = c.ProposeDeployment(
        environment="production", commit=chair.commits[1], base=BASE, running=running, note=HOSTILE
    )
    chair.do(wish, OTHER)
    async with chair.cockpit(220, 60) as (app, pilot):
        await opened(chair, app, pilot)
        chair.answer("DP-2", "approve")
        chair.do(c.IntendDeployment(deployment="DP-2", base=BASE, running=running))
        chair.hear("DP-2", f"{HOSTILE}\n")
        await settled(pilot)
        assert "evil" in screen_text(app)
        chair.settle_it(c.Running(known=True, commit=chair.commits[1]), exit_code=0, summary=HOSTILE)
        bad = [
            msgspec.structs.replace(row, reason=HOSTILE, title=HOSTILE, evidence=HOSTILE) for row in rows({"V01": ""})
        ]
        chair.tell_rows(tuple(bad))
        await opened(chair, app, pilot)
        shown = screen_text(app)
        row = next(one.key for one in app.room.rows.items if one.key.endswith("/V01"))
        app.room.rows.choose(row)
        await press(pilot, "enter")
        shown += screen_text(app)
    assert not set("\x1b\x07\u202e\u200b") & set(shown)
    assert "[bold]x[/]" in shown


# --- stop the bleeding ------------------------------------------------------------------------------


async def test_two_keys_take_the_last_release_back_freeze_both_and_leave_a_form():
    chair = floor_with("verified")
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "!")
        assert f"{chair.commits[1][:10]} runs there" in screen_text(app)
        await press(pilot, "V")
        (ordered,) = events(chair, e.RollbackOrdered)
        assert ordered.deployment == "DP-2"
        assert chair.factory.state.frozen is not None
        assert chair.factory.state.frozen.landings
        (incident,) = chair.factory.state.incidents.values()
        assert (incident.title, incident.closed) == ("DP-2 to production: taken back by hand", "")
        assert "FROZEN" in screen_text(app)
        await press(pilot, "V")
        assert "reverting" in hint(app), "one thing at a time"
        await press(pilot, "f")
        assert chair.factory.state.frozen is None


async def test_a_rollback_typed_before_one_could_see_what_goes_back_is_dropped():
    chair = floor_with("verified")
    async with chair.cockpit(120, 40, arm=3_600.0) as (app, pilot):
        await press(pilot, "!", "V")
        assert "dropped" in hint(app)
        assert not events(chair, e.RollbackOrdered)


async def test_an_open_incident_about_it_is_not_opened_again():
    chair = floor_with("unsettled")
    before = [*chair.factory.state.incidents]
    async with chair.cockpit(120, 40) as (_, pilot):
        await press(pilot, "!", "V")
        assert [*chair.factory.state.incidents] == before
        assert chair.factory.state.frozen is not None
        assert chair.newest.stage == "reverting"


async def test_a_mark_at_the_end_of_a_header_takes_its_room_from_blanks_and_cuts_nothing():
    chair = floor_with("verified")
    chair.do(c.Freeze(reason="the auditors are here", landings=True), SUPERVISOR)
    async with chair.cockpit(80, 24) as (app, pilot):
        await opened(chair, app, pilot)
        top = screen_text(app).splitlines()[0]
        assert "VERIFIED" in top
        assert top.rstrip().endswith("FROZEN")
        assert "\N{HORIZONTAL ELLIPSIS}" not in top
