"""A stuck task: split into parts that share its criteria, and every other way on."""

from __future__ import annotations

import pytest
from heart import DEFECT, Heart, approved, ended, given, handed_over, landed, mission, plan_of, planned, reviewed
from msgspec.structs import replace

from factory_tui.domain import events as e


def stuck_at_the_third(*more) -> tuple:
    """T-2 is stuck with two criteria, T-3 waits for it."""
    first = replace(plan_of("Numbers", paths=("adder.py",)), criteria=("adds", "subtracts"))
    steps = [mission(), planned(first, plan_of("A page", paths=("page.py",), after=(0,)))]
    for number in range(3):
        steps += [handed_over(f"a{number}", "T-2"), reviewed(DEFECT, task="T-2")]
    return (*steps, *more)


def split(text: str):
    return lambda heart: heart.answer("T-2", "split", text)


def test_a_split_shares_the_criteria_out_and_what_waited_waits_for_every_part() -> None:
    story = given(*stuck_at_the_third()).then_stage("stuck", "T-2").when(split("Add: 1 | Subtract: 2, and says so"))
    story.then_kinds(e.TaskSplit, e.TaskOpened, e.TaskOpened, e.HandoffOffered, e.HandoffOffered)
    heart = story.heart
    assert heart.task("T-2").stage == "dropped"
    assert heart.task("T-2").why == "split into T-4, T-5"
    assert heart.task("T-4").criteria == ("adds",)
    assert heart.task("T-5").criteria == ("subtracts", "and says so")
    assert heart.task("T-5").paths == ("adder.py",)
    assert heart.task("T-3").after == ("T-4", "T-5")
    assert heart.state.mission is not None


def test_the_dependent_starts_when_the_last_part_has_landed() -> None:
    story = given(*stuck_at_the_third(split("Add: 1 | Subtract: 2")))
    for task, tree in (("T-4", "b1"), ("T-5", "b2")):
        story.then_stage("waiting", "T-3")
        story.when(handed_over(tree, task), reviewed(task=task), approved(task), landed(task))
    story.then_stage("offered", "T-3")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Only one: 1, 2", "two parts at least"),
        ("Add: 1 | Speak: says so", "in no part: 2 subtracts"),
        ("Add: 1, 2 | Nothing", "has no criteria"),
        ("Add: 1 | Other: 9", "has no criterion 9"),
        ("diff --git a/x b/x: 1 | Other: 2", "cannot be split"),
    ],
)
def test_a_split_that_loses_something_or_breaks_the_law_is_none(text: str, why: str) -> None:
    given(*stuck_at_the_third()).when(split(text)).then_refused(why).then_stage("stuck", "T-2")


@pytest.mark.parametrize(
    ("verb", "text", "stage", "seat"),
    [
        ("retry", "", "offered", ""),
        ("replan", "only add", "offered", ""),
        ("swap", "human", "offered", "human"),
        ("take-over", "", "offered", "human"),
    ],
)
def test_every_way_on_begins_anew_with_a_fresh_turn(verb: str, text: str, stage: str, seat: str) -> None:
    story = given(*stuck_at_the_third()).when(lambda heart: heart.answer("T-2", verb, text)).then_stage(stage, "T-2")
    task = story.heart.task("T-2")
    assert (task.seat, task.attempt) == (seat, 1)
    assert task.goal == "only add" if verb == "replan" else task.findings
    story.when(lambda heart: heart.begin("T-2"), ended("interrupted", "T-2"))


def test_dropping_keeps_the_work_and_tells_whoever_waits() -> None:
    story = given(*stuck_at_the_third()).when(lambda heart: heart.answer("T-2", "drop", "enough"))
    story.then_stage("dropped", "T-2").then_stage("stuck", "T-3")
    assert story.heart.task("T-2").worktree == "T-2"


def test_a_split_of_what_waited_for_a_dropped_task_goes_on_without_it() -> None:
    dropped = (lambda heart: heart.answer("T-2", "drop", "enough"),)
    story = given(*stuck_at_the_third(*dropped)).when(lambda heart: heart.answer("T-3", "split", "One: 1 | Two: 1"))
    story.then_kinds(e.TaskSplit, e.TaskOpened, e.TaskOpened, e.HandoffOffered, e.HandoffOffered)
    assert [story.heart.task(id).after for id in ("T-4", "T-5")] == [(), ()]
    assert [story.heart.task(id).stage for id in ("T-4", "T-5")] == ["offered", "offered"]


__all__ = ["Heart"]
