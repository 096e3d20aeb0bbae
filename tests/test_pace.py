"""Step or flow is the session's, unless a task has a pace of its own; flow is offered after five unedited handoffs."""

from __future__ import annotations

import pytest
from heart import SUPERVISOR, Heart, evidence, given, mission, plan_of, planned, small_task

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import ReleaseJob, TurnJob, agenda
from factory_tui.domain.entries import Entry
from factory_tui.domain.pace import offers_flow, unedited_in_a_row
from factory_tui.domain.state import State
from factory_tui.domain.waiting import waiting
from factory_tui.domain.wording import worded

TWO = (mission(), planned(plan_of("One", paths=("one/**",)), plan_of("Two", paths=("two/**",))))


def goes(mode: str, task: str = ""):
    return lambda heart: heart.do(c.SetMode(mode=mode, task=task), SUPERVISOR)


def both_sealed(heart: Heart) -> None:
    for task in ("T-2", "T-3"):
        heart.seal(task)


def releases(heart: Heart) -> list[str]:
    return [job.task for job in agenda(heart.state) if isinstance(job, ReleaseJob)]


def test_in_a_session_that_flows_one_task_can_stop_at_each_handoff() -> None:
    story = given(*TWO, both_sealed, goes("step", "T-3"))
    assert releases(story.heart) == ["T-2"]
    assert [item.task for item in waiting(story.heart.state)] == ["T-3"]
    story.when(c.ReleaseHandoff(handoff="H-3")).then_refused("only the supervisor releases")
    story.when(lambda heart: heart.release("T-2"), lambda heart: heart.answer("H-3", "approve"))
    assert {job.task for job in story.heart.turns_owed()} == {"T-2", "T-3"}, "its turns run beside the others"


def test_in_a_session_that_steps_one_task_can_flow_and_the_others_still_run_alone() -> None:
    story = given(*TWO, both_sealed, goes("step"), goes("flow", "T-2"))
    assert releases(story.heart) == ["T-2"]
    assert [item.task for item in waiting(story.heart.state)] == ["T-3"]
    story.when(lambda heart: heart.release("T-2"), lambda heart: heart.start_turn("T-2"))
    story.when(lambda heart: heart.answer("H-3", "approve"))
    assert story.heart.turns_owed() == (TurnJob("T-2", "H-2"),), "a turn of a task that steps has the floor alone"
    story.when(lambda heart: heart.start_turn("T-3")).then_refused("one turn runs at a time")


def test_a_task_goes_by_the_sessions_mode_again() -> None:
    story = given(*TWO, both_sealed, goes("step", "T-3"), goes("", "T-3"))
    assert story.heart.task("T-3").mode == ""
    assert releases(story.heart) == ["T-2", "T-3"]
    story.when(goes("", "T-3"))
    assert story.events == (), "what is so already is no event"


def test_a_session_has_a_mode_and_only_the_supervisor_changes_one() -> None:
    story = given(*TWO)
    story.when(c.SetMode(mode=""), by=SUPERVISOR).then_refused("a session has a mode")
    story.when(c.SetMode(mode="step", task="T-2")).then_refused("only")
    story.when(c.SetMode(mode="step", task="T-99"), by=SUPERVISOR)
    assert story.refusal is not None


def test_a_task_that_is_over_has_no_pace() -> None:
    story = given(*TWO, lambda heart: heart.answer("T-2", "drop", "not now"))
    story.when(c.SetMode(mode="step", task="T-2"), by=SUPERVISOR).then_refused("T-2 is dropped")


def test_the_events_words_name_the_task() -> None:
    assert "T-3" in worded(e.ModeChanged(mode="step", task="T-3"))
    assert "session's" in worded(e.ModeChanged(mode="", task="T-3"))
    assert worded(e.ModeChanged(mode="flow")) == "flow mode from now on"


# --- the offer ------------------------------------------------------------------------------------


def told(*events: e.Event) -> list[Entry]:
    return [Entry(seq=number, at="", by=SUPERVISOR, event=event) for number, event in enumerate(events, 1)]


RELEASED = e.HandoffReleased(handoff="H-1", brief="b")
EDITED = e.BriefSealed(handoff="H-1", brief=evidence("x"), inputs=(), edited=True)


@pytest.mark.parametrize(
    ("events", "count"),
    [
        ([RELEASED] * 5, 5),
        ([RELEASED] * 4 + [EDITED, RELEASED], 1),
        ([RELEASED] * 4 + [e.ModeChanged(mode="step"), RELEASED], 1),
        ([], 0),
    ],
)
def test_only_handoffs_that_went_out_as_they_were_count(events, count) -> None:
    assert unedited_in_a_row(told(*events)) == count


def test_flow_is_offered_after_five_and_ten_and_never_in_flow() -> None:
    step, flow = State(mode="step"), State(mode="flow")
    offered = [count for count in range(12) if offers_flow(step, told(*[RELEASED] * count))]
    assert offered == [5, 10]
    assert not offers_flow(flow, told(*[RELEASED] * 5))


def test_what_the_factory_releases_by_itself_is_no_answer_of_the_supervisor() -> None:
    story = given(small_task(), lambda heart: heart.seal(), lambda heart: heart.release())
    assert unedited_in_a_row(story.heart.entries) == 0
