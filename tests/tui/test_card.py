"""Answers are safe: nothing unseen is ever answered, and free text never approves. # T9"""

from __future__ import annotations

import msgspec
import pytest
from chair import FOREVER, BusyFloor, Chair, hint, press, screen_text, settled, typed, write
from heart import charter, handed_over, mission, plan_of, reviewed, small_task

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.terms import Action, Finding
from factory_tui.domain.waiting import waiting
from factory_tui.tui.screens.briefing import Briefing
from factory_tui.tui.screens.card import Card
from factory_tui.tui.screens.editing import Editing


def answers(chair: Chair) -> list[e.Event]:
    """What the supervisor answered, of every kind."""
    kinds = (e.ChangeApproved, e.PlanApproved, e.HandoffReleased, e.AskAnswered, e.DigestAcknowledged, e.ChangeRejected)
    return [entry.event for entry in chair.entries[chair.shown :] if isinstance(entry.event, kinds)]


def shown(chair: Chair) -> Chair:
    """From here on, answers count."""
    chair.shown = len(chair.entries)
    return chair


def asking() -> Chair:
    """A builder that asks for a package."""
    chair = Chair()
    chair.start_session()
    small_task()(chair)
    chair.begin("T-1")
    chair.wish(Action(kind="fetch", resource="package", target="authlib"))
    return shown(chair)


def drawing() -> Chair:
    """A builder that asks to change the schema, which is architecture."""
    chair = Chair()
    chair.start_session(msgspec.structs.replace(charter(), architecture=("src/schema.sql",)))
    small_task()(chair)
    chair.begin("T-1")
    chair.wish(Action(kind="edit", path="src/schema.sql", content="a\n"))
    return shown(chair)


def planning() -> Chair:
    chair = Chair()
    chair.start_session()
    mission()(chair)
    chair.begin("T-1")
    chair.wish(Action(kind="plan", tasks=(plan_of("Subtraction", paths=("adder.py",)),), text="so"), "T-1")
    chair.do(c.EndTurn(turn=chair.turn_of("T-1"), outcome="ok"))
    return shown(chair)


def handing_off() -> Chair:
    chair = Chair()
    chair.start_session(mode="step")
    small_task()(chair)
    chair.seal("T-1")
    return shown(chair)


async def test_a_change_is_approved_by_its_own_key_and_nothing_else():
    chair = shown(BusyFloor())
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "A")
        assert answers(chair) == []
        await press(pilot, "o", "A")
        assert [type(event) for event in answers(chair)] == [e.ChangeApproved]
        assert app.screen is app.screen_stack[0]
        assert app.state.tasks["T-2"].approval.expires


async def test_what_is_typed_before_the_object_was_seen_is_dropped():
    chair = shown(BusyFloor())
    async with chair.cockpit(arm=FOREVER) as (app, pilot):
        await press(pilot, "o", "A")
        assert "dropped" in hint(app)
        assert answers(chair) == []
        assert isinstance(app.screen, Card)


async def test_keys_typed_ahead_in_one_burst_approve_nothing():
    chair = shown(BusyFloor())
    async with chair.cockpit(arm=0.4) as (app, pilot):
        for key in ("o", "A", "A", "A", "enter"):
            app.post_message(typed(key))
        await settled(pilot)
        assert answers(chair) == []


async def test_without_the_wait_the_same_burst_would_have_approved():
    """The control: it is the wait that holds, not luck."""
    chair = shown(BusyFloor())
    async with chair.cockpit(arm=-FOREVER) as (app, pilot):
        for key in ("o", "A"):
            app.post_message(typed(key))
            await settled(pilot)
        assert [type(event) for event in answers(chair)] == [e.ChangeApproved]


@pytest.mark.parametrize("waits", [asking, BusyFloor])
async def test_an_answer_typed_right_after_esc_is_for_the_screen_that_esc_leads_to(waits):
    chair = shown(waits())
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        assert isinstance(app.screen, Card)
        for key in ("escape", "A"):
            app.post_message(typed(key))
        await settled(pilot)
        assert answers(chair) == []
        assert app.screen is app.screen_stack[0]
        assert "answers only where the whole object is shown" in hint(app)


async def test_enter_typed_right_after_esc_sends_nothing():
    chair = shown(BusyFloor())
    async with chair.cockpit() as (app, pilot):
        tasks = [*app.state.tasks]
        for keys in (("t", *"Never"), (":", *"freeze")):
            await press(pilot, *keys)
            for key in ("escape", "enter"):
                app.post_message(typed(key))
            await settled(pilot)
            assert not app.room.is_typing
        assert [*app.state.tasks] == tasks
        assert app.state.frozen is None
        assert "freeze" not in hint(app)


async def test_a_double_key_answers_one_thing():
    chair = asking()
    async with chair.cockpit() as (app, pilot):
        count = len(waiting(app.state))
        await press(pilot, "o")
        for key in ("A", "A"):
            app.post_message(typed(key))
        await settled(pilot)
        assert len(answers(chair)) == 1
        assert len(waiting(app.state)) == count - 1


async def test_an_object_that_changes_while_shown_is_not_answered():
    chair = handing_off()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        chair.answer("H-1", "edit", brief=chair.keep("another brief"), edit=chair.keep("a difference"))
        await settled(pilot)
        assert "CHANGED while you looked" in screen_text(app)
        await press(pilot, "A")
        assert "changed while you looked" in hint(app)
        assert answers(chair) == []
        await press(pilot, "r")
        assert "another brief" in screen_text(app)
        await press(pilot, "A")
        assert [type(event) for event in answers(chair)] == [e.HandoffReleased]


async def test_an_answer_that_crosses_a_change_is_refused_by_the_factory():
    """The screen has not yet seen the change: the sha256 of what was shown still holds."""
    chair = handing_off()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        card = app.screen
        chair.answer("H-1", "edit", brief=chair.keep("another brief"), edit=chair.keep("a difference"))
        app.answer(card.item, "approve", "", lambda: None)
        await settled(pilot)
        assert answers(chair) == []
        assert "H-1 is not" in hint(app)


async def test_a_new_item_never_slips_under_the_key():
    chair = asking()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        first = app.screen.item
        chair.answer(first.id, "deny", "no")
        chair.wish(Action(kind="fetch", resource="package", target="other"))
        await settled(pilot)
        await press(pilot, "A")
        assert "does not wait any more" in hint(app)
        assert [event.allowed for event in answers(chair)] == [False]


async def test_a_denial_needs_a_reason_and_carries_it():
    chair = asking()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "R", "enter")
        assert "nothing was sent" in hint(app)
        await press(pilot, "R")
        await write(pilot, "use the standard library")
        await press(pilot, "enter")
        assert [(event.allowed, event.reason) for event in answers(chair)] == [(False, "use the standard library")]


async def test_words_that_are_typed_approve_nothing():
    chair = asking()
    async with chair.cockpit() as (_, pilot):
        await press(pilot, "o", "R")
        await write(pilot, "A")
        await press(pilot, "escape")
        assert answers(chair) == []


async def test_allowing_for_the_task_is_another_key():
    chair = drawing()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "T")
        assert [event.allowed for event in answers(chair)] == [True]
        assert not next(iter(app.state.grants.values())).once


async def test_a_verb_that_the_object_does_not_take_says_which_it_takes():
    chair = asking()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "W")
        assert "takes allow, deny" in hint(app)


async def test_a_plan_is_shown_whole_and_approved():
    chair = planning()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        assert "criterion 1: it is" in screen_text(app)
        await press(pilot, "A")
        assert [type(event) for event in answers(chair)] == [e.PlanApproved]


async def test_a_handoff_is_redirected_held_rejected_and_dropped():
    for key, words, kind in (
        ("D", "tech_writer", e.HandoffRedirected),
        ("H", "later", e.TaskHeld),
        ("R", "not now", e.HandoffRejected),
        ("Z", "no need", e.TaskDropped),
    ):
        chair = handing_off()
        async with chair.cockpit() as (_, pilot):
            await press(pilot, "o", key)
            await write(pilot, words)
            await press(pilot, "enter")
            assert any(isinstance(entry.event, kind) for entry in chair.entries[chair.shown :]), key


async def test_a_brief_is_edited_shown_as_a_difference_and_put_on_record_by_its_own_key():
    chair = handing_off()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "E")
        assert isinstance(app.screen, Editing)
        app.screen.query_one("#written").insert("Mind zero.\n", (0, 0))
        await press(pilot, "escape")
        assert "+Mind zero." in screen_text(app)
        assert not any(isinstance(entry.event, e.BriefSealed) for entry in chair.entries[chair.shown :])
        await press(pilot, "E")
        sealed = [entry.event for entry in chair.entries[chair.shown :] if isinstance(entry.event, e.BriefSealed)]
        assert sealed[0].edited
        assert chair.store.get(sealed[0].brief.sha256).startswith(b"Mind zero.")
        assert answers(chair) == []


async def test_a_stuck_task_takes_its_own_verbs():
    chair = Chair()
    chair.start_session()
    small_task(paths=("adder.py",))(chair)
    for number in range(3):
        handed_over(f"a{number}")(chair)
        reviewed(Finding(title="wrong"))(chair)
    shown(chair)
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        assert "STUCK" in screen_text(app)
        await press(pilot, "L")
        await write(pilot, "something smaller")
        await press(pilot, "enter")
        assert any(isinstance(entry.event, e.TaskRetried) for entry in chair.entries[chair.shown :])


async def test_the_last_digest_comes_first_and_is_acknowledged_with_one_key():
    chair = Chair()
    chair.start_session()
    small_task()(chair)
    chair.end_session()
    chair.start_session()
    shown(chair)
    async with chair.cockpit() as (app, pilot):
        await settled(pilot)
        assert isinstance(app.screen, Briefing)
        assert "smoke command: make test" in screen_text(app)
        await press(pilot, "A")
        assert [type(event) for event in answers(chair)] == [e.DigestAcknowledged]
        assert app.screen is app.screen_stack[0]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_a_landing_card_shows_what_lands(size):
    chair = BusyFloor()
    async with chair.cockpit(*size) as (app, pilot):
        await press(pilot, "o")
        seen = screen_text(app)
        for _ in range(8):
            await press(pilot, "ctrl+d")
            seen += screen_text(app)
        assert "def subtract(a, b):" in seen
        assert "PASS" in seen
        await press(pilot, "k")
        assert "A approve" in hint(app)


async def test_everything_that_waits_is_answered_in_two_keys():
    for make, kind in ((asking, e.AskAnswered), (planning, e.PlanApproved), (handing_off, e.HandoffReleased)):
        chair = make()
        async with chair.cockpit() as (_, pilot):
            await press(pilot, "o", "A")
            assert [type(event) for event in answers(chair)] == [kind]


async def test_o_goes_from_one_thing_that_waits_to_the_next():
    chair = asking()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "o")
        assert "nothing else waits" in hint(app)
        assert isinstance(app.screen, Card)


async def test_a_reason_whose_answer_was_refused_is_offered_again_and_forgotten_once_it_is_on_record():
    """The object changed under the line, and the reason is long: it is typed once."""
    chair = handing_off()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "R")
        await write(pilot, "this belongs to quality")
        chair.answer("H-1", "edit", brief=chair.keep("another brief"), edit=chair.keep("a difference"))
        await press(pilot, "enter")
        assert "your words are kept" in hint(app)
        await press(pilot, "r", "R")
        assert "this belongs to quality" in screen_text(app)
        item = app.screen.item
        await press(pilot, "enter")
        reasons = [entry.event.reason for entry in chair.entries if isinstance(entry.event, e.HandoffRejected)]
        assert reasons == ["this belongs to quality"]
        assert app.kept(item, "reject") == ""


async def test_a_line_that_is_left_because_the_object_changed_keeps_its_words():
    chair = handing_off()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "R")
        await write(pilot, "this belongs to quality")
        await press(pilot, "escape", "R")
        assert "this belongs to quality" not in screen_text(app)
        await write(pilot, "this belongs to quality")
        chair.answer("H-1", "edit", brief=chair.keep("another brief"), edit=chair.keep("a difference"))
        await settled(pilot)
        await press(pilot, "escape", "r", "R")
        assert "this belongs to quality" in screen_text(app)


async def test_an_edited_brief_that_was_refused_is_gone_on_with():
    chair = handing_off()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "E")
        app.screen.query_one("#written").insert("Mind zero.\n", (0, 0))
        await press(pilot, "escape")
        chair.answer("H-1", "edit", brief=chair.keep("another brief"), edit=chair.keep("a difference"))
        await press(pilot, "E")
        assert "your words are kept" in hint(app)
        await press(pilot, "escape", "r", "E")
        assert isinstance(app.screen, Editing)
        assert app.screen.query_one("#written").text.startswith("Mind zero.")
        await press(pilot, "escape")
        assert "-another brief" in screen_text(app)
        shown(chair)
        await press(pilot, "E")
        sealed = [entry.event for entry in chair.entries[chair.shown :] if isinstance(entry.event, e.BriefSealed)]
        assert chair.store.get(sealed[0].brief.sha256).startswith(b"Mind zero.")
