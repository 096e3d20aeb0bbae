"""Figures from the ledger alone: each names its entries, and too little data is no number."""

from __future__ import annotations

from heart import DEFECT, approved, given, handed_over, landed, mission, plan_of, planned, reviewed, small_task
from test_incidents import born

from factory_tui.domain import events as e
from factory_tui.domain.stats import LEAST_FOR_P90, Figure, measure


def figures(entries: object) -> dict[str, Figure]:
    return {one.name: one for one in measure(entries)}  # type: ignore[arg-type]


def test_an_empty_ledger_has_no_lead_time_no_cost_and_says_why() -> None:
    found = figures(())
    assert found["features"].value == 0
    for name in ("lead_time_to_merge_median", "attempts_per_task", "cost_per_feature", "waiting_total"):
        assert found[name].value is None
        assert found[name].why
        assert found[name].told == "-"


def test_what_landed_is_counted_with_its_time_and_its_entries() -> None:
    story = given(small_task())
    story.heart.minute = 20
    for step in (handed_over("a1"), reviewed(DEFECT), handed_over("a2"), reviewed(), approved(), landed()):
        step(story.heart)
    found = figures(story.heart.entries)
    landing = next(entry.seq for entry in story.heart.entries if isinstance(entry.event, e.Landed))
    assert (found["features"].value, found["commits"].entries) == (1, (landing,))
    assert found["lead_time_to_merge_median"].value is not None
    assert round(found["lead_time_to_merge_median"].value) == 20
    assert found["lead_time_to_merge_p90"].value is None
    assert f"of at least {LEAST_FOR_P90}" in found["lead_time_to_merge_p90"].why
    assert found["lead_time_to_deployment_median"].why == "no deployment was verified yet"
    assert found["attempts_per_task"].value == 2
    assert found["level_3_caught"].value == 1
    failed = story.heart.entries[found["level_3_caught"].entries[0] - 1].event
    assert isinstance(failed, e.LevelJudged)


def test_denials_are_counted_by_rule_and_incidents_by_the_level_that_missed_them() -> None:
    heart = born()
    found = figures(heart.entries)
    assert found["level_5_caught"].value == 1
    assert found["level_unknown"].value == 1
    assert any(name.startswith("denied") for name in found)


def test_decisions_are_the_supervisors_and_how_long_they_were_waited_for() -> None:
    story = given(mission())
    planned(plan_of("One"))(story.heart)
    found = figures(story.heart.entries)
    assert found["decisions"].value == 1
    seq = found["decisions"].entries[0]
    assert isinstance(story.heart.entries[seq - 1].event, e.PlanApproved)
