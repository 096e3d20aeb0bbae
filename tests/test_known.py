"""What the registry of facts promises in the factory's name, the factory answers; and nothing beside it."""

from __future__ import annotations

from typing import Any

import pytest
from heart import (
    DEFECT,
    SUPERVISOR,
    Heart,
    author_works,
    change,
    charter,
    committed,
    ended,
    given,
    handed_over,
    reviewed,
    small_task,
)

from factory_tui.domain import commands as c
from factory_tui.domain.digest import sections_of
from factory_tui.domain.facts import FACTS, PROVIDED, nested
from factory_tui.domain.known import (
    DIGEST_SECTIONS,
    action_facts,
    commit_facts,
    digest_facts,
    review_facts,
    smoke_facts,
    start_facts,
)
from factory_tui.domain.law import rulebook_of
from factory_tui.domain.terms import Action, Decision, Verdict


def starting(*steps: Any) -> tuple[Heart, dict[str, Any]]:
    """The facts of a turn that is about to start after these steps."""
    heart = given(small_task(), *steps).heart
    heart.seal()
    task = heart.task()
    assert task.handoff
    return heart, start_facts(heart.state, task, task.handoff)


def answered() -> dict[tuple[str, str], set[str]]:
    """Names of the facts that are really given, by phase and by who computes them."""
    heart = given(small_task(), author_works()).heart
    state = heart.state
    turn = state.turns["builder/b1"]
    run = c.JudgeSmoke(task="T-1", tree="a1", base="b", verdict=Verdict.PASS, summary="", tests_passed=3)
    judged = given(small_task(), handed_over("a1"), author_works()).heart
    review = review_facts(judged.task(), judged.state.turns["quality/q1"], ("dna", "diff"), Verdict.PASS)
    return {
        ("tool_call", ""): set(action_facts(state, turn, "0")),
        ("task_start", ""): set(starting()[1]),
        ("before_commit", "import"): set(commit_facts(state, change("a.py"), "fix: it", "a1")),
        ("before_commit", "level2"): set(smoke_facts(state, "a1", run)),
        ("review", ""): set(review),
        ("session_end", ""): set(digest_facts("memory/digests/1.md", {})),
    }


@pytest.mark.parametrize("fact", [fact for fact in PROVIDED if fact.provider != "action"], ids=lambda fact: fact.name)
def test_every_fact_the_factory_promises_is_answered_in_its_phases(fact: Any) -> None:
    for phase in fact.phases:
        for (at, by), names in answered().items():
            # A commit is judged twice: as a diff when it is imported, and with its test run at level 2.
            is_only_of_the_run = by == "import" and fact.provider == "level2"
            if at == phase and not is_only_of_the_run:
                assert fact.name in names, f"{fact.name} at {phase} ({by})"


def test_the_factory_answers_nothing_that_the_registry_does_not_know() -> None:
    for names in answered().values():
        assert names <= FACTS.keys(), names - FACTS.keys()


def test_failures_are_counted_since_the_last_pass_or_new_statement() -> None:
    _, facts = starting()
    assert (facts["task.consecutive_failures"], facts["task.next_action"]) == (0, "start")
    assert facts["task.failed_session"] is None
    failed = [step for tree in ("a1", "a2", "a3") for step in (handed_over(tree), reviewed(DEFECT))]
    _, facts = starting(*failed[:4])
    assert (facts["task.consecutive_failures"], facts["task.next_action"]) == (2, "retry")
    assert (facts["task.failed_session"], facts["task.next_session"]) == ("builder/b2", "builder/b3")
    _heart, facts = starting(*failed, lambda heart: heart.answer("T-1", "replan", "with care"))
    assert (facts["task.consecutive_failures"], facts["task.next_action"]) == (0, "start")


def test_a_dismissed_finding_is_no_failure() -> None:
    _, facts = starting(
        handed_over("a1"), reviewed(DEFECT), lambda heart: heart.answer("T-1", "dismiss", "F-1 meant so")
    )
    assert facts["task.consecutive_failures"] == 0


def test_a_turn_about_to_start_names_itself_and_who_else_writes() -> None:
    heart, facts = starting()
    assert (facts["session.id"], facts["session.worktree"], facts["sessions.live"]) == ("builder/b1", "T-1", [])
    heart.release()
    assert heart.start_turn() == facts["session.id"]


def test_edits_count_as_uncommitted_until_they_are_committed() -> None:
    story = given(small_task(), author_works())
    heart = story.heart
    for path in ("a.py", "b.py", "a.py"):
        from_edit = heart.wish(edit(path))
        heart.do(c.EndAction(id=from_edit[0].id, result="ok"))  # type: ignore[union-attr]
    turn = heart.state.turns["builder/b1"]
    assert action_facts(heart.state, turn, "0")["worktree.uncommitted_files"] == 2
    committed("a1")(heart)
    assert action_facts(heart.state, heart.state.turns["builder/b1"], "0")["worktree.uncommitted_files"] == 0


def edit(path: str) -> Action:
    return Action(kind="edit", path=path, content="x = 1\n")


def test_a_pause_is_the_freeze_and_the_stop() -> None:
    heart = given(small_task(), author_works()).heart
    names = ("freeze.active", "control.stop_requested", "event.after_stop")
    before = action_facts(heart.state, heart.state.turns["builder/b1"], "0")
    heart.do(c.Pause(reason="wait"), SUPERVISOR)
    after = action_facts(heart.state, heart.state.turns["builder/b1"], "0")
    assert [before[name] for name in names] == [False] * 3
    assert [after[name] for name in names] == [True] * 3


def test_spend_that_was_told_once_stays_told() -> None:
    heart = given(small_task(), author_works()).heart
    for usd in (0.5, None):
        heart.do(c.NoteUsage(turn="builder/b1", usd=usd, tokens_in=1, tokens_out=1))
    assert action_facts(heart.state, heart.state.turns["builder/b1"], "0")["run.spend_usd"] == 0.5


def test_a_digest_without_its_sections_is_seen() -> None:
    """An absent section is known to be absent; unanswered it would only be an ask, and nobody is asked there."""
    whole = "".join(f"## {title}\n\n- x\n\n" for title in ("What happened", "Decisions made", "State left"))
    whole += "## Denials, failures, incidents\n\n- x\n"
    book = rulebook_of(charter())

    def denied(text: str) -> list[str]:
        facts = nested(digest_facts("memory/digests/1.md", sections_of(text)))
        matches = book.judge_phase("session_end", "all", facts)
        return [match.source for match in matches if match.decision is Decision.DENY]

    assert denied(whole) == []
    assert denied("") != []
    assert denied(whole.replace("## Decisions made", "## Something else")) != []
    assert set(sections_of(whole)) == set(DIGEST_SECTIONS)


def test_the_interrupted_turn_starts_under_a_new_name() -> None:
    heart = given(small_task(), author_works(), ended("interrupted")).heart
    task = heart.task()
    assert task.handoff
    assert start_facts(heart.state, task, task.handoff)["session.id"] == "builder/b2"
