"""What a command leads to, and what it is refused for: told without git, files or processes."""

from __future__ import annotations

import msgspec
import pytest
from heart import (
    BASE,
    DEFECT,
    FACTORY,
    MAIN,
    SUPERVISOR,
    Heart,
    approved,
    author_works,
    change,
    charter,
    committed,
    crashed,
    ended,
    evidence,
    given,
    handed_over,
    landed,
    mission,
    plan_of,
    planned,
    reviewed,
    small_task,
)

from factory_tui.domain import commands as c
from factory_tui.domain import digest
from factory_tui.domain import events as e
from factory_tui.domain.agenda import CheckLandingJob, CommitJob, InspectJob, LandJob, SealBriefJob, TurnJob, agenda
from factory_tui.domain.brief import Material, compose
from factory_tui.domain.charter import Charter
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import Refusal
from factory_tui.domain.evolve import evolve
from factory_tui.domain.limits import DEGRADED
from factory_tui.domain.terms import Action, Actor, Decision, Finding, FindingAnswer, SeatFacts, Verdict
from factory_tui.domain.waiting import waiting

SEAT = Actor(kind="seat", name="builder/b1")
LATER = "2026-12-01T00:00:00.000Z"


def edit(path: str = "adder.py", content: str = "x = 1\n") -> Action:
    return Action(kind="edit", path=path, content=content)


# --- a verdict belongs to one tree ---------------------------------------------------------------


def test_a_changed_tree_has_passed_nothing() -> None:
    story = given(small_task(), author_works(), committed("a1"))
    story.when(lambda heart: heart.import_tree("b2", "T-1", allowed(heart, Action(kind="commit"))))
    candidate = story.heart.task().candidate
    assert candidate is not None
    assert (candidate.tree, candidate.smoke, candidate.commit, candidate.review) == ("b2", None, "", None)
    assert InspectJob("T-1", "b2", BASE) in agenda(story.heart.state)
    story.when(lambda heart: heart.wish(Action(kind="hand_over"))).then_denied("no new commit")


def allowed(heart: Heart, action: Action, task: str = "T-1") -> str:
    return next(event.id for event in heart.wish(action, task) if isinstance(event, e.ActionAllowed))


def test_a_verdict_about_another_tree_or_another_base_says_nothing() -> None:
    story = given(small_task(), author_works())
    story.when(lambda heart: heart.commit("a1", verdict=Verdict.FAIL))
    story.when(lambda heart: heart.import_tree("b2", "T-1", allowed(heart, Action(kind="commit"))))
    story.when(lambda heart: heart.smoke("a1")).then_nothing()
    story.when(lambda heart: heart.smoke("b2", base="c" * 40)).then_nothing()
    assert story.heart.task().candidate.smoke is None  # type: ignore[union-attr]


def test_a_tree_without_a_green_level_2_is_not_committed() -> None:
    story = given(small_task(), author_works())
    story.when(lambda heart: heart.commit("a1", verdict=Verdict.FAIL))
    story.when(c.RecordCommit(task="T-1", tree="a1", commit="c1")).then_refused("has not passed level 2")
    story.when(lambda heart: heart.wish(Action(kind="hand_over"))).then_denied("no new commit")


def test_a_green_run_that_executed_nothing_has_not_run() -> None:
    story = given(small_task(), author_works())
    action = allowed_commit(story.heart)
    story.heart.import_tree("a1", "T-1", action)
    green = c.JudgeSmoke(task="T-1", tree="a1", base=BASE, verdict=Verdict.PASS, summary="exit 0", tests_passed=0)
    story.when(green)
    smoke = story.heart.task().candidate.smoke  # type: ignore[union-attr]
    assert smoke is not None
    assert smoke.verdict is Verdict.NOT_RUN


def allowed_commit(heart: Heart) -> str:
    if not heart.task().worktree:
        heart.do(c.RecordWorktree(task="T-1", name="T-1", base=BASE))
    return allowed(heart, Action(kind="commit", text="Do it"))


def test_what_failed_review_is_not_handed_over_again_unchanged() -> None:
    story = given(small_task(), handed_over("a1"), reviewed(DEFECT), author_works(), committed("a1"))
    story.when(lambda heart: heart.wish(Action(kind="hand_over"))).then_denied("judged FAIL before")


def test_a_fail_is_never_followed_by_an_approval() -> None:  # invariant 7
    story = given(small_task(), handed_over("a1"), reviewed(DEFECT)).then_stage("offered")
    story.when(approved()).then_refused("does not wait for an answer")


# --- the third failure ---------------------------------------------------------------------------


def test_a_failed_review_goes_to_a_fresh_author_with_its_findings() -> None:
    story = given(small_task(), handed_over("a1")).when(reviewed(DEFECT)).then_stage("offered")
    task = story.heart.task()
    assert task.attempt == 2
    assert task.handoff is not None
    assert (task.handoff.to, task.handoff.purpose) == ("builder", "author")
    assert [finding.title for finding in task.findings] == ["sub adds"]
    story.then_owed(SealBriefJob("T-1", task.handoff.id))


def fails(*trees: str):  # type: ignore[no-untyped-def]
    return [step for tree in trees for step in (handed_over(tree), reviewed(DEFECT))]


def test_the_third_failure_makes_the_task_stuck() -> None:
    given(small_task(), *fails("a1", "a2")).then_stage("offered")
    story = given(small_task(), *fails("a1", "a2", "a3")).then_stage("stuck").then_waits("stuck").then_owed()
    story.when(lambda heart: heart.answer("T-1", "replan", "Subtract with care")).then_stage("offered")
    assert (story.heart.task().attempt, story.heart.task().goal) == (1, "Subtract with care")
    story.when(handed_over("a4"), reviewed()).then_stage("ready")


@pytest.mark.parametrize("outcome", ["failed", "stalled", "truncated", "refused"])
def test_a_review_without_a_verdict_burns_no_attempt_and_the_third_makes_it_stuck(outcome: e.Outcome) -> None:
    story = given(small_task(), handed_over("a1"))
    for _ in range(2):
        story.when(author_works(), ended(outcome)).then_stage("offered")
        assert story.heart.task().attempt == 1
        assert story.heart.task().handoff.purpose == "review"  # type: ignore[union-attr]
    story.when(author_works(), ended(outcome)).then_stage("stuck")
    assert [review.verdict for review in story.heart.task().history] == [Verdict.BROKEN] * 3
    story.when(lambda heart: heart.answer("T-1", "retry")).then_stage("offered")
    assert story.heart.task().handoff.purpose == "review", "the change was never judged"  # type: ignore[union-attr]
    story.when(reviewed()).then_stage("ready")


def test_an_empty_review_is_sent_back_and_the_third_one_is_broken() -> None:
    story = given(small_task(), handed_over("a1"), author_works())
    for _ in range(2):
        story.when(lambda heart: heart.report(checked=(), end=False)).then_denied("inspected nothing has not run")
    story.when(lambda heart: heart.report(checked=(" ",), end=False))
    assert [review.verdict for review in story.heart.task().history] == [Verdict.BROKEN]
    story.when(lambda heart: heart.report(end=False)).then_denied("could not be read")
    story.when(ended("ok")).then_stage("offered")
    assert story.heart.task().attempt == 1


def test_a_finding_of_level_2_is_answered_one_by_one() -> None:
    lost = Finding(severity="note", title="lost test_add", must_answer=True)
    story = given(small_task(), handed_over("a1", findings=(lost,)), author_works())
    story.when(lambda heart: heart.report(end=False)).then_denied("have no answer with a reason: F-1")
    silent = FindingAnswer(finding="F-1", accepted=True, reason=" ")
    story.when(lambda heart: heart.report(answers=(silent,), end=False)).then_denied("F-1")
    refused = FindingAnswer(finding="F-1", accepted=False, reason="the test is still right")
    story.when(lambda heart: heart.report(answers=(refused,))).then_stage("offered")
    assert story.heart.task().history[-1].verdict is Verdict.FAIL


# --- authors and reviewers -----------------------------------------------------------------------


def test_the_reviewer_is_never_the_authors_role() -> None:
    story = given(small_task(), handed_over("a1"), mode="step")
    story.heart.seal()
    handoff = story.heart.task().handoff
    assert handoff is not None
    assert handoff.to == "quality"
    story.when(lambda heart: heart.answer(handoff.id, "redirect", "builder")).then_refused("does not judge")


def test_one_person_who_is_author_and_reviewer_never_passes() -> None:
    story = given(small_task(), handed_over("a1", person="ada"), reviewed(person="ada")).then_stage("ready")
    review = story.heart.task().candidate.review  # type: ignore[union-attr]
    assert review is not None
    assert (review.verdict, review.independent) == (Verdict.NOT_RUN, False)
    story.when(approved()).then_refused("`approve` is no answer")
    story.when(lambda heart: heart.answer("T-1", "waive")).then_refused("needs the reason")
    story.when(lambda heart: heart.answer("T-1", "waive", "a typo, and nobody else is here")).then_stage("ready")
    story.when(approved()).then_stage("approved")
    story.when(landed()).then_stage("landed")


def test_another_person_reviews_and_passes() -> None:
    given(small_task(), handed_over("a1", person="ada"), reviewed(person="bob")).when(approved()).then_stage("approved")


def test_a_waiver_is_for_one_commit() -> None:
    story = given(small_task(), handed_over("a1", person="ada"), reviewed(person="ada"))
    story.heart.answer("T-1", "waive", "alone today")
    story.heart.answer("T-1", "reject", "rename it")
    story.when(handed_over("a2", person="ada"), reviewed(person="ada")).then_stage("ready")
    story.when(approved()).then_refused("`approve` is no answer")


def test_a_take_over_gives_the_author_a_person_and_leaves_the_reviewer_alone() -> None:
    story = given(small_task(), *fails("a1", "a2", "a3"))
    story.when(lambda heart: heart.answer("T-1", "take-over")).then_stage("offered")
    assert story.heart.task().seat == "human"


# --- approvals -----------------------------------------------------------------------------------


READY = (small_task(), handed_over("a1"), reviewed())


def test_an_approval_names_exactly_what_was_shown() -> None:
    story = given(*READY)
    shown = story.heart.item("T-1").sha256
    story.when(lambda heart: heart.answer("T-1", "approve", sha256="0" * 64)).then_refused("not what you were shown")
    story.when(c.Answer(id="T-1", verb="approve", sha256=""), by=SUPERVISOR).then_refused("not what you were shown")
    story.when(c.Answer(id="T-1", verb="approve", sha256=shown), by=SUPERVISOR).then_kinds(e.ChangeApproved)
    approval = story.heart.task().approval
    assert approval is not None
    assert (approval.commit, approval.tree, approval.sha256) == ("commit-a1", "a1", shown)


@pytest.mark.parametrize(
    "moved",
    [
        lambda heart: heart.start_session(charter("[pace]\nattempts = 2\n")),
        lambda heart: heart.answer("T-1", "comment", "the name is odd"),
        lambda heart: [heart.answer("T-1", "reject", "no"), handed_over("a2")(heart), reviewed()(heart)],
    ],
    ids=["another charter", "another finding", "another candidate"],
)
def test_an_answer_to_what_has_moved_since_is_refused(moved) -> None:  # type: ignore[no-untyped-def]
    story = given(*READY)
    shown = story.heart.item("T-1").sha256
    moved(story.heart)
    story.when(lambda heart: heart.answer("T-1", "approve", sha256=shown)).then_refused("not what you were shown")


def test_a_waiver_changes_what_is_approved() -> None:
    story = given(small_task(), handed_over("a1", person="ada"), reviewed(person="ada"))
    shown = story.heart.item("T-1").sha256
    story.heart.answer("T-1", "waive", "alone today")
    story.when(lambda heart: heart.answer("T-1", "approve", sha256=shown)).then_refused("not what you were shown")


@pytest.mark.parametrize("text", ["approve", "yes, land it", "APPROVED", "lgtm"])
def test_free_text_never_approves(text: str) -> None:
    story = given(*READY)
    sha256 = story.heart.item("T-1").sha256
    story.when(c.Answer(id="T-1", verb=text.split()[0].upper(), sha256=sha256, text=text), by=SUPERVISOR)
    story.then_refused("only an explicit verb answers")
    story.when(lambda heart: heart.answer("T-1", "comment", text))
    story.then_stage("ready")


@pytest.mark.parametrize("by", [SEAT, FACTORY])
def test_only_a_supervisor_answers(by: Actor) -> None:
    story = given(*READY)
    story.when(c.Answer(id="T-1", verb="approve", sha256=story.heart.item("T-1").sha256), by=by)
    story.then_refused("only the supervisor answers")


@pytest.mark.parametrize(
    "command",
    [
        c.RecordCommit(task="T-1", tree="a1", commit="c1"),
        c.JudgeSmoke(task="T-1", tree="a1", base=BASE, verdict=Verdict.PASS, summary="", tests_passed=1),
        c.ReleaseHandoff(handoff="H-1"),
        c.SettleLanding(task="T-1", landed=True),
        c.SetMode(mode="flow"),
        c.Unpause(),
        c.StateMission(text="more", base_ref=MAIN, base=BASE),
        c.RevokeGrant(grant="G-1"),
        c.PassTime(now=LATER),
        c.EndTurn(turn="builder/b1", outcome="ok"),
        c.NoteUsage(turn="quality/q1", usd=0.0, tokens_in=0, tokens_out=0),
        c.RequestAction(turn="quality/q1", action=Action(kind="read", path="a"), sha256="0"),
    ],
)
def test_a_seat_can_wish_for_its_own_turn_and_nothing_else(command: c.Command) -> None:
    given(small_task(), author_works()).when(command, by=SEAT).then_refused("only")


def test_an_expired_approval_lands_nothing() -> None:
    soon = "2026-11-23T00:00:00.000Z"
    story = given(*READY, approved(expires=soon), c.PassTime(now=LATER))
    story.when(lambda heart: heart.check_landing()).then_kinds(e.ApprovalStale).then_stage("ready")
    story = given(*READY, approved(expires=soon))
    story.when(lambda heart: heart.check_landing(), c.PassTime(now=LATER))
    story.when(lambda heart: heart.intend()).then_kinds(e.ApprovalStale).then_stage("ready")


def test_an_expiry_that_is_no_time_is_refused() -> None:
    given(*READY).when(approved(expires="tomorrow")).then_refused("is no time")


def test_an_approval_is_used_once() -> None:  # invariant 8
    story = given(*READY, approved(), landed()).then_stage("landed")
    story.when(approved()).then_refused("nothing called T-1")
    story.when(c.SettleLanding(task="T-1", landed=True)).then_nothing()


# --- a base that moved ---------------------------------------------------------------------------


def test_a_moved_base_is_merged_judged_again_and_landed() -> None:
    story = given(*READY, approved())
    story.when(lambda heart: heart.check_landing(onto="d" * 40, merged="m1")).then_kinds(e.TreeMerged)
    assert agenda(story.heart.state) == (InspectJob("T-1", "m1", "d" * 40),)
    story.when(lambda heart: heart.smoke("a1")).then_nothing()
    story.when(lambda heart: heart.smoke("m1", base="d" * 40)).then_kinds(e.LevelJudged, e.LandingCleared)
    story.then_owed(LandJob("T-1"))
    story.when(lambda heart: heart.intend(), c.SettleLanding(task="T-1", landed=True))
    story.then_kinds(e.Landed, e.MissionEnded)
    assert story.events[0].tree == "m1"  # type: ignore[union-attr]


def test_a_merged_tree_that_is_red_goes_back_to_the_author_on_the_new_base() -> None:
    story = given(*READY, approved())
    story.heart.check_landing(onto="d" * 40, merged="m1")
    story.when(lambda heart: heart.smoke("m1", base="d" * 40, verdict=Verdict.FAIL)).then_stage("offered")
    assert story.heart.task().rebase
    assert story.heart.task().approval is None


def test_a_merged_tree_that_could_not_be_judged_costs_the_author_nothing() -> None:
    story = given(*READY, approved())
    story.heart.check_landing(onto="d" * 40, merged="m1")
    story.when(lambda heart: heart.smoke("m1", base="d" * 40, verdict=Verdict.BROKEN)).then_stage("ready")
    assert story.heart.task().approval is None


def test_a_merge_that_loses_a_test_nobody_answered_for_goes_back() -> None:
    lost = Finding(severity="note", title="lost test_new", must_answer=True)
    story = given(*READY, approved())
    story.heart.check_landing(onto="d" * 40, merged="m1")
    story.when(lambda heart: heart.smoke("m1", base="d" * 40, findings=(lost,))).then_stage("offered")
    assert story.heart.task().approval is None


@pytest.mark.parametrize("how", [{"conflicts": ("adder.py",)}, {"merged": "m1", "overlaps": ("adder.py",)}])
def test_a_base_that_touched_the_same_files_goes_back_to_the_author(how: dict[str, object]) -> None:
    story = given(*READY, approved())
    story.when(lambda heart: heart.check_landing(onto="d" * 40, **how))
    story.then_kinds(e.ApprovalStale, e.HandoffOffered).then_stage("offered")
    assert story.heart.task().rebase


def test_a_merge_that_gave_nothing_is_no_merge() -> None:
    story = given(*READY, approved())
    story.when(lambda heart: heart.check_landing(onto="d" * 40)).then_kinds(e.ApprovalStale).then_stage("ready")


def test_rules_that_moved_since_are_asked_again() -> None:
    story = given(*READY, approved())
    story.heart.start_session(charter('protected = ["adder.py"]\n[pace]\nattempts = 4\n'))
    story.when(lambda heart: heart.check_landing()).then_kinds(e.ApprovalStale)
    story = given(*READY, approved())
    story.heart.start_session(charter("[pace]\nattempts = 4\n"))
    story.when(lambda heart: heart.check_landing()).then_kinds(e.LandingCleared)


def test_a_charter_adopted_after_clearance_is_asked_before_the_landing() -> None:
    story = given(*READY, approved(), lambda heart: heart.check_landing()).then_stage("cleared")
    adopt(story.heart, 'protected = ["adder.py"]\n')
    story.then_stage("approved").when(lambda heart: heart.intend()).then_refused("not cleared")
    story.when(lambda heart: heart.check_landing()).then_kinds(e.ApprovalStale)


def adopt(heart: Heart, settings: str, knowledge: str = "") -> None:
    law = charter(settings, knowledge)
    heart.do(c.ProposeCharter(charter=law, sha256=law.sha256, evidence=evidence("home"), paths=("factory.toml",)))
    proposal = next(item.id for item in waiting(heart.state) if item.kind == "proposal")
    heart.do(c.AdoptCharter(proposal=proposal, charter=law), SUPERVISOR)


# --- landings ------------------------------------------------------------------------------------


def test_a_landing_is_an_intent_and_its_outcome() -> None:
    story = given(*READY)
    story.when(c.SettleLanding(task="T-1", landed=True)).then_refused("no landing")
    story.when(c.SettleLanding(task="T-1", landed=False, reason="x")).then_refused("no landing")
    story.when(lambda heart: heart.intend()).then_refused("not cleared")
    story.when(approved()).then_owed(CheckLandingJob("T-1", "C-1"))
    story.when(lambda heart: heart.check_landing()).then_owed(LandJob("T-1"))
    story.when(lambda heart: heart.intend()).then_stage("landing").then_owed(LandJob("T-1"))
    story.when(lambda heart: heart.intend()).then_refused("not cleared")
    story.when(c.SettleLanding(task="T-1", landed=True)).then_kinds(e.Landed, e.MissionEnded)


def test_an_intent_lands_what_it_was_written_for() -> None:
    story = given(*READY, approved(), lambda heart: heart.check_landing())
    story.when(lambda heart: heart.do(c.IntendLanding(task="T-1", ref=MAIN, old=BASE, new="commit-a1")))
    story.then_refused("another branch")
    target = story.heart.state.missions["M-1"].target
    story.when(lambda heart: heart.do(c.IntendLanding(task="T-1", ref=target, old=BASE, new="commit-zz")))
    story.then_refused("another commit")


def test_a_refused_landing_needs_a_new_approval() -> None:
    story = given(*READY, approved(), lambda heart: heart.check_landing())
    story.when(c.SettleLanding(task="T-1", landed=False, reason="adder.py is dirty")).then_stage("ready")
    assert story.heart.task().approval is None
    story.when(approved(), landed()).then_stage("landed")


def test_a_landing_in_doubt_is_asked_again_and_never_mixed_with_new_work() -> None:
    story = given(*READY, approved(), lambda heart: heart.check_landing(), lambda heart: heart.intend())
    for _ in range(3):
        story.heart.do(c.NoteCrash(job=str(LandJob("T-1")), task="T-1", error="disk full"))
    story.then_stage("stuck").then_owed()
    story.when(lambda heart: heart.answer("T-1", "replan", "again")).then_refused("in doubt")
    story.when(lambda heart: heart.answer("T-1", "take-over")).then_refused("in doubt")
    story.when(lambda heart: heart.answer("T-1", "retry")).then_stage("landing").then_owed(LandJob("T-1"))
    story.when(c.SettleLanding(task="T-1", landed=True)).then_kinds(e.Landed, e.MissionEnded)


def test_a_landing_check_that_crashed_is_checked_again() -> None:
    story = given(*READY, approved())
    for _ in range(3):
        story.heart.do(c.NoteCrash(job=str(CheckLandingJob("T-1", "C-1")), task="T-1", error="git"))
    story.when(lambda heart: heart.answer("T-1", "retry")).then_stage("approved")
    story.then_owed(CheckLandingJob("T-1", "C-1"))


# --- step and flow -------------------------------------------------------------------------------


TWO = (mission(), planned(plan_of("One", paths=("one/**",)), plan_of("Two", paths=("two/**",))))


def stepping(heart: Heart) -> None:
    heart.do(c.SetMode(mode="step"), SUPERVISOR)
    for task in ("T-2", "T-3"):
        heart.seal(task)


def test_in_step_one_answer_releases_one_handoff() -> None:
    story = given(*TWO, stepping).then_waits("handoff", "handoff").then_owed()
    story.when(c.ReleaseHandoff(handoff="H-2")).then_refused("only the supervisor releases")
    story.when(lambda heart: heart.answer("H-2", "approve")).then_kinds(e.LevelJudged, e.HandoffReleased)
    story.then_owed(TurnJob("T-2", "H-2"))
    story.then_waits("handoff")


def test_in_step_no_other_turn_starts_meanwhile() -> None:
    story = given(*TWO, stepping)
    story.when(
        lambda heart: heart.answer("H-2", "approve"),
        lambda heart: heart.start_turn("T-2"),
        lambda heart: heart.answer("H-3", "approve"),
    ).then_owed(TurnJob("T-2", "H-2"))
    story.when(lambda heart: heart.start_turn("T-3")).then_refused("step mode")
    story.when(committed("a1", "T-2"), lambda heart: heart.hand_over("T-2"))
    assert story.heart.turns_owed() == (TurnJob("T-3", "H-3"),), "it was answered for; the review was not"


def test_in_flow_disjoint_authors_work_at_once_and_overlapping_ones_do_not() -> None:
    def all_released(heart: Heart) -> None:
        for task in ("T-2", "T-3", "T-4"):
            heart.seal(task)
            heart.release(task)

    tasks = (plan_of("A", paths=("a/**",)), plan_of("B", paths=("a/x.py",)), plan_of("C", paths=("c/**",)))
    story = given(mission(), planned(*tasks), all_released)
    assert story.heart.turns_owed() == (TurnJob("T-2", "H-2"), TurnJob("T-4", "H-4"))


def test_an_edited_brief_waits_for_its_answer_even_in_flow() -> None:
    story = given(small_task(), mode="step")
    story.heart.seal()
    new = evidence("another brief")
    story.heart.answer("H-1", "edit", brief=new, edit=evidence("the difference"))
    story.heart.do(c.SetMode(mode="flow"), SUPERVISOR)
    story.then_owed().then_waits("handoff")
    story.when(c.ReleaseHandoff(handoff="H-1")).then_refused("edited")
    story.when(lambda heart: heart.answer("H-1", "approve"), lambda heart: heart.start_turn())
    assert story.events[0].brief == new.sha256  # type: ignore[union-attr]


def test_a_pause_starts_nothing_and_allows_nothing() -> None:
    story = given(small_task(), author_works(), lambda heart: heart.do(c.Pause(reason="lunch"), SUPERVISOR))
    story.when(lambda heart: heart.wish(edit())).then_denied("lunch")
    story.when(ended("interrupted"))
    assert story.heart.turns_owed() == ()
    story.when(lambda heart: heart.start_turn()).then_refused("paused")
    story.when(c.Unpause(), by=FACTORY).then_refused("only the supervisor")
    story.when(c.Unpause(), by=SUPERVISOR)
    assert story.heart.turns_owed() == (TurnJob("T-1", "H-1"),)


# --- digests, sessions, crashes ------------------------------------------------------------------


def test_no_turn_starts_before_the_digest_was_read() -> None:
    story = given(small_task(), lambda heart: heart.end_session(), lambda heart: heart.start_session())
    story.then_waits("digest")
    story.heart.seal()
    assert story.heart.turns_owed() == ()
    story.when(c.ReleaseHandoff(handoff="H-1")).then_refused("digest")
    story.when(lambda heart: heart.answer("D-1", "ack", sha256="0" * 64)).then_refused("not what you were shown")
    story.when(lambda heart: heart.answer("D-1", "ack"), author_works()).then_stage("working")


def test_a_released_turn_does_not_start_before_the_digest_was_read() -> None:
    story = given(small_task(), lambda heart: heart.seal(), lambda heart: heart.release(), crashed)
    story.heart.write_digest(1)
    assert story.heart.turns_owed() == ()
    story.when(lambda heart: heart.start_turn()).then_refused("digest")


def test_a_crashed_session_ends_on_record_and_owes_its_digest() -> None:
    story = given(small_task(), author_works(), lambda heart: heart.wish(edit()))
    story.when(crashed)
    assert [type(event) for event in story.events] == [e.SessionStarted, e.ActionEnded, e.TurnEnded]
    assert story.heart.state.recovered_session == 1
    story.then_stage("released").then_owed()
    story.heart.write_digest(1)
    story.when(lambda heart: heart.answer("D-1", "ack")).then_owed(TurnJob("T-1", "H-1"))


def test_each_of_two_crashed_sessions_owes_its_digest() -> None:
    story = given(small_task(), crashed, crashed)
    assert story.heart.state.recovered_session == 1
    story.heart.write_digest(1)
    assert story.heart.state.recovered_session == 2
    story.then_owed(SealBriefJob("T-1", "H-1"))
    story.heart.write_digest(2)
    assert story.heart.state.recovered_session == 0


def test_a_session_killed_after_its_digest_owes_no_second_one() -> None:
    story = given(small_task(), lambda heart: heart.write_digest(1), crashed)
    assert story.heart.state.recovered_session == 0
    story.then_waits("digest")


def test_a_new_session_holds_everything_from_its_first_entry() -> None:
    story = given(small_task(), crashed)
    story.when(lambda heart: heart.start_session(charter("[pace]\nattempts = 2\n")))
    assert isinstance(story.events[0], e.SessionStarted)
    assert isinstance(story.events[1], e.CharterAdopted)


def test_a_session_does_not_end_over_running_turns() -> None:
    given(small_task(), author_works()).when(c.EndSession(reason="x")).then_refused("still running")


def test_the_third_crash_of_a_job_opens_an_incident_and_stops_it() -> None:
    job = str(SealBriefJob("T-1", "H-1"))
    crash = c.NoteCrash(job=job, task="T-1", error="no space left")
    story = given(small_task(), crash, crash).then_owed(SealBriefJob("T-1", "H-1"))
    story.when(crash).then_kinds(e.JobCrashed, e.IncidentOpened, e.TaskStuck)
    story.then_waits("incident", "stuck").then_owed()
    story.when(lambda heart: heart.answer("T-1", "retry")).then_stage("offered")


def test_a_level_2_that_keeps_crashing_ends_the_commit_that_waits_for_it() -> None:
    story = given(small_task(), author_works())
    action = allowed_commit(story.heart)
    story.heart.import_tree("a1", "T-1", action)
    crash = c.NoteCrash(job=str(InspectJob("T-1", "a1", BASE)), task="T-1", error="no space left")
    story.when(crash, crash, crash)
    ends = [event for event in story.events if isinstance(event, e.ActionEnded)]
    assert [(end.id, end.result) for end in ends] == [(action, "error")]
    story.when(lambda heart: heart.import_tree("a1", "T-1", allowed_commit(heart)))
    assert InspectJob("T-1", "a1", BASE) in agenda(story.heart.state), "asked for anew, it is tried anew"


def test_a_fruitless_author_is_followed_by_a_fresh_one_and_the_third_makes_it_stuck() -> None:
    story = given(small_task())
    for _ in range(2):
        story.when(author_works(), ended("failed")).then_stage("offered")
        assert story.heart.task().attempt == 1
    story.when(author_works(), ended("failed")).then_stage("stuck")


def test_an_interrupted_turn_is_no_attempt_and_nothing_fruitless() -> None:
    story = given(small_task())
    for _ in range(5):
        story.when(author_works(), ended("interrupted")).then_stage("released")
    assert (story.heart.task().attempt, story.heart.task().fruitless) == (1, 0)


def test_a_turn_that_wanted_a_role_nobody_has_any_more_starts_no_turn_and_breaks_nothing() -> None:
    story = given(small_task("builder"), lambda heart: heart.seal(), lambda heart: heart.release())
    law = story.heart.state.law
    poorer = type(law)(**{name: getattr(law, name) for name in law.__struct_fields__} | {"sha256": "f" * 64})
    poorer = type(law)(
        **{name: getattr(poorer, name) for name in law.__struct_fields__}
        | {"roles": tuple(card for card in law.roles if card.id != "builder")}
    )
    begun = given(small_task("builder")).when(lambda heart: heart.start_session(poorer))
    assert begun.heart.state.law.role("builder"), "or its open task would stand on nothing"
    heart = story.heart
    # As ledgers of before hold it: by now a card that an open task stands on is kept.
    adopted = e.CharterAdopted(charter=poorer, why="a home without it")
    heart.state = evolve(heart.state, Entry(seq=heart.state.seq + 1, at=heart.state.at, by=FACTORY, event=adopted))
    story.then_owed(SealBriefJob("T-1", "H-1")).then_stage("offered")
    waiting(heart.state)


# --- briefs --------------------------------------------------------------------------------------


def test_a_charter_adopted_in_between_unseals_what_was_sealed() -> None:
    story = given(small_task(), lambda heart: heart.seal())
    adopt(story.heart, "", knowledge="# Adding\n\nMind the sign.\n")
    story.then_owed(SealBriefJob("T-1", "H-1"))


def test_a_turn_never_starts_with_a_brief_of_another_charter() -> None:
    story = given(small_task(), lambda heart: heart.seal(), lambda heart: heart.release())
    old = story.heart.task().handoff.brief  # type: ignore[union-attr]
    assert old is not None
    adopt(story.heart, "", knowledge="# Adding\n\nMind the sign.\n")
    story.then_stage("offered").then_owed(SealBriefJob("T-1", "H-1"))
    start = c.StartTurn(
        handoff="H-1",
        seat="mind",
        facts=SeatFacts(control="rehearsed", gates_every_call=True, contained=True),
        person="",
        brief=old.sha256,
    )
    story.when(start).then_refused("not released")
    story.when(lambda heart: heart.seal(), lambda heart: heart.release())
    story.when(start).then_refused("not the sealed one")
    story.when(lambda heart: heart.start_turn()).then_stage("working")


def test_a_turn_cut_off_under_an_old_charter_starts_again_with_a_new_brief() -> None:
    story = given(small_task(), author_works())
    adopt(story.heart, "", knowledge="# Adding\n\nMind the sign.\n")
    story.then_stage("working").when(ended("interrupted")).then_stage("offered")
    story.then_owed(SealBriefJob("T-1", "H-1"))


def test_a_brief_that_is_too_large_waits_for_the_supervisor() -> None:
    refused = c.RefuseBrief(handoff="H-1", size=9, limit=8, largest="dna")
    story = given(small_task(), refused).then_owed().then_waits("handoff")
    story.when(c.ReleaseHandoff(handoff="H-1")).then_refused("no brief")


def test_context_that_is_not_whole_never_starts_a_turn() -> None:
    story = given(small_task())
    story.heart.do(c.SealBrief(handoff="H-1", brief=evidence("short"), inputs=()))
    story.when(c.ReleaseHandoff(handoff="H-1")).then_kinds(e.LevelJudged, e.TaskStuck)
    assert "S1" in story.heart.task().why


# --- asks and grants -----------------------------------------------------------------------------


def package(name: str = "authlib") -> Action:
    return Action(kind="fetch", resource="package", target=name)


def asked(heart: Heart) -> None:
    heart.wish(package())


def test_an_ask_is_answered_and_then_allowed_once() -> None:
    story = given(small_task(), author_works()).when(asked).then_kinds(e.ActionAsked).then_waits("ask")
    story.when(lambda heart: heart.answer("A-1", "allow")).then_kinds(e.GrantGiven, e.AskAnswered)
    story.when(asked).then_kinds(e.ActionAllowed)
    story.when(asked).then_kinds(e.ActionAsked)


def test_a_grant_for_one_action_covers_no_other_with_the_same_name() -> None:
    one, other = (Action(kind="edit", path="src/schema.sql", content=text) for text in ("a\n", "b\n"))
    law = charter("[pace]\nattempts = 5\n")
    law = type(law)(**{n: getattr(law, n) for n in law.__struct_fields__} | {"architecture": ("src/schema.sql",)})
    story = given(small_task(), author_works(), law=law).when(lambda heart: heart.wish(one)).then_kinds(e.ActionAsked)
    story.heart.answer("A-1", "allow")
    story.when(lambda heart: heart.wish(other)).then_kinds(e.ActionAsked)
    story.when(lambda heart: heart.wish(one)).then_kinds(e.ActionAllowed)


def drawn(heart: Heart) -> None:
    heart.wish(Action(kind="edit", path="src/schema.sql", content="a\n"))


def with_schema() -> Charter:
    """The schema is architecture: to change it is asked for."""
    return msgspec.structs.replace(charter(), architecture=("src/schema.sql",))


def test_a_grant_for_the_task_holds_until_it_is_revoked() -> None:
    story = given(small_task(), author_works(), drawn, law=with_schema())
    story.when(lambda heart: heart.answer("A-1", "allow-task"), drawn, drawn).then_kinds(e.ActionAllowed)
    story.when(c.RevokeGrant(grant="G-1"), by=SEAT).then_refused("only")
    story.when(c.RevokeGrant(grant="G-1", reason="enough"), by=SUPERVISOR)
    story.when(drawn).then_kinds(e.ActionAsked)
    story.when(c.RevokeGrant(grant="G-1"), by=SUPERVISOR).then_refused("there is no grant")


def test_a_package_is_never_remembered_as_a_yes() -> None:
    story = given(small_task(), author_works(), asked)
    story.when(lambda heart: heart.answer("A-1", "allow-task")).then_refused("is no answer to A-1")
    plan = given(mission(), planned(plan_of("Log in", asks=("fetch package:authlib",))))
    plan.when(lambda heart: heart.answer("PL-1", "approve"))
    assert [grant.once for grant in plan.heart.state.grants.values()] == [True]


def test_a_grant_never_settles_a_denial() -> None:
    story = given(
        small_task(), author_works(), drawn, lambda heart: heart.answer("A-1", "allow-task"), law=with_schema()
    )
    story.heart.do(c.Pause(reason="wait"), SUPERVISOR)
    story.when(drawn).then_kinds(e.ActionDenied)


def test_a_grant_ends_with_its_task() -> None:
    story = given(
        small_task(), author_works(), drawn, lambda heart: heart.answer("A-1", "allow-task"), law=with_schema()
    )
    story.when(committed("a1"), lambda heart: heart.hand_over(), reviewed(), approved(), landed())
    assert story.heart.state.grants == {}


def test_an_unanswered_ask_never_becomes_allow() -> None:
    story = given(small_task(), author_works(), asked).when(asked).then_kinds(e.ActionAsked)
    story.when(ended("failed")).then_stage("offered")
    assert story.heart.state.asks == {}
    story.when(author_works(), asked).then_kinds(e.ActionAsked)


def test_an_ask_survives_an_interrupted_turn_and_its_answer_reaches_the_next() -> None:
    story = given(small_task(), author_works(), asked, ended("interrupted")).then_waits("ask").then_owed()
    story.when(lambda heart: heart.answer("A-1", "deny", "not this one"))
    story.then_stage("offered").then_owed(SealBriefJob("T-1", "H-1"))
    assert story.heart.task().answers[-1] == ("You wanted to fetch package:authlib", "denied: not this one")


def test_an_ask_survives_a_crash() -> None:
    story = given(small_task(), author_works(), asked, crashed, lambda heart: heart.write_digest(1))
    story.then_waits("digest", "ask")
    story.when(lambda heart: heart.answer("D-1", "ack"), lambda heart: heart.answer("A-1", "allow"))
    story.when(author_works(), asked).then_kinds(e.ActionAllowed)


def test_asks_to_expect_are_settled_with_the_plan() -> None:
    story = given(mission(), planned(plan_of("One", asks=("fetch package:authlib",))), author_works("T-2"))
    story.when(lambda heart: heart.wish(package(), "T-2")).then_kinds(e.ActionAllowed)
    story.when(lambda heart: heart.wish(package("evil"), "T-2")).then_kinds(e.ActionAsked)


# --- what a seat may not -------------------------------------------------------------------------


def test_the_same_failure_three_times_is_denied() -> None:  # P8
    story = given(small_task(), author_works())
    for _ in range(3):
        story.when(lambda heart: heart.do(c.EndAction(id=allowed(heart, edit()), result="error")))
    story.when(lambda heart: heart.wish(edit())).then_denied("P8")
    story.when(lambda heart: heart.wish(edit(content="y\n"))).then_kinds(e.ActionAllowed)


def test_a_budget_that_is_used_up_denies() -> None:
    budget = charter().role("builder").budget
    story = given(small_task(), author_works())
    usage = c.NoteUsage(turn="builder/b1", usd=0.0, tokens_in=budget.tokens + 1, tokens_out=0)
    story.when(usage, lambda heart: heart.wish(edit())).then_denied("tokens")
    story.when(lambda heart: heart.wish(Action(kind="escalate", text="more?")))
    story.then_kinds(e.ActionAllowed, e.Escalated, e.ActionEnded)
    story = given(small_task(), author_works())
    usage = c.NoteUsage(turn="builder/b1", usd=budget.usd + 1, tokens_in=1, tokens_out=0)
    story.when(usage, lambda heart: heart.wish(edit())).then_denied("USD")


def test_money_that_is_not_known_is_neither_guessed_nor_taken_back() -> None:
    def usage(usd: float | None) -> c.NoteUsage:
        return c.NoteUsage(turn="builder/b1", usd=usd, tokens_in=10, tokens_out=0)

    story = given(small_task(), author_works()).when(usage(0.5), usage(None))
    assert (story.heart.state.usd, story.heart.state.costs_unknown) == (0.5, True)
    story.when(usage(0.8))
    assert story.heart.state.usd == pytest.approx(0.8)


def test_the_planner_edits_nothing() -> None:
    given(mission(), author_works()).when(lambda heart: heart.wish(edit("index.html"))).then_denied("no action `edit`")


def test_a_plan_for_a_role_that_does_not_exist_is_denied_not_refused() -> None:
    story = given(mission(), author_works())
    plan = Action(kind="plan", tasks=(plan_of("One", role="wizard"),))
    story.when(lambda heart: heart.wish(plan)).then_denied("wizard")
    for tasks in ((), (plan_of("One", after=(0,)),), (plan_of("One", after=(5,)),)):
        story.when(lambda heart, tasks=tasks: heart.wish(Action(kind="plan", tasks=tasks)))
        assert isinstance(story.events[0], e.ActionDenied)


def test_a_turn_delivers_once() -> None:
    story = given(small_task(), author_works(), committed("a1"), lambda heart: heart.hand_over(end=False))
    for action in (Action(kind="hand_over"), Action(kind="commit"), Action(kind="escalate", text="?")):
        story.when(lambda heart, action=action: heart.wish(action)).then_denied("delivered its change")


def test_a_tree_that_comes_after_the_hand_over_replaces_nothing() -> None:
    story = given(small_task(), author_works(), committed("a1"))
    late = allowed_commit(story.heart)
    story.heart.hand_over(end=False)
    story.when(lambda heart: heart.import_tree("b2", "T-1", late)).then_kinds(e.ActionEnded)
    assert story.heart.task().candidate.tree == "a1"  # type: ignore[union-attr]


def test_a_tree_is_imported_for_an_open_commit_only() -> None:
    story = given(small_task(), author_works(), committed("a1"))
    story.when(lambda heart: heart.import_tree("b2", "T-1", "A-1")).then_refused("is not open")
    read = allowed(story.heart, edit())
    story.when(lambda heart: heart.import_tree("b2", "T-1", read)).then_refused("no commit")


def test_a_tree_outside_of_the_card_is_refused_whole() -> None:  # invariant 11
    for path in (".github/workflows/ci.yml", "memory/../x", ".factory/rules/Q1.md", ".Factory/rules/Q1.md"):
        story = given(small_task(), author_works())
        action = allowed_commit(story.heart)
        story.when(lambda heart, path=path, action=action: heart.import_tree("a1", "T-1", action, (path,)))
        story.then_kinds(e.TreeRefused, e.ActionEnded)
        assert story.heart.task().candidate is None


# --- questions, holds, drops ---------------------------------------------------------------------


def escalated(heart: Heart) -> None:
    heart.wish(Action(kind="escalate", text="Which sign?"))


def test_a_question_parks_the_task_until_it_is_answered() -> None:
    story = given(small_task(), author_works(), escalated, ended("ok")).then_stage("parked").then_waits("question")
    story.then_owed()
    story.when(lambda heart: heart.answer("E-1", "reply")).then_refused("needs the reply")
    story.when(lambda heart: heart.answer("E-1", "reply", "minus")).then_stage("offered")
    assert story.heart.task().answers == (("Which sign?", "minus"),)


def test_a_question_answered_while_the_turn_still_runs_parks_nothing() -> None:
    story = given(small_task(), author_works(), escalated, lambda heart: heart.answer("E-1", "reply", "minus"))
    story.when(ended("ok")).then_stage("offered")


def test_a_reviewers_question_is_no_broken_review() -> None:
    story = given(small_task(), handed_over("a1"), author_works(), escalated, ended("ok")).then_stage("parked")
    assert story.heart.task().history == ()
    story.when(lambda heart: heart.answer("E-1", "reply", "minus")).then_stage("offered")
    assert story.heart.task().handoff.purpose == "review"  # type: ignore[union-attr]


def test_a_held_task_owes_nothing_until_it_is_let_go() -> None:
    story = given(small_task(), lambda heart: heart.answer("T-1", "hold", "later")).then_owed().then_waits()
    story.when(lambda heart: heart.answer("T-1", "unhold")).then_owed(SealBriefJob("T-1", "H-1"))
    story = given(small_task(), author_works(), lambda heart: heart.answer("T-1", "hold")).then_owed()
    story.when(ended("interrupted"), lambda heart: heart.start_turn()).then_refused("held")
    story.when(lambda heart: heart.answer("T-1", "unhold")).then_owed(TurnJob("T-1", "H-1"))


def test_a_redirect_goes_to_a_role_that_delivers_the_same() -> None:
    story = given(small_task(), mode="step")
    story.heart.seal()
    story.when(lambda heart: heart.answer("H-1", "redirect", "ceo")).then_refused("delivers")
    story.when(lambda heart: heart.answer("H-1", "redirect", "wizard")).then_refused("no role")
    story.when(lambda heart: heart.answer("H-1", "redirect", "tech_writer")).then_owed(SealBriefJob("T-1", "H-1"))
    assert story.heart.task().role == "tech_writer"


def test_a_dropped_task_takes_along_what_waited_for_it_only_with_a_word() -> None:
    tasks = (plan_of("One", paths=("a/**",)), plan_of("Two", after=(0,)), plan_of("Three", after=(1,)))
    story = given(mission(), planned(*tasks)).then_stage("waiting", "T-3")
    story.when(lambda heart: heart.answer("T-2", "drop")).then_refused("does not wait")
    story.when(lambda heart: heart.answer("T-2", "drop", "not needed")).then_stage("stuck", "T-3")
    story.then_stage("waiting", "T-4")
    story.when(lambda heart: heart.answer("T-3", "drop", "nor this")).then_stage("stuck", "T-4")
    story.when(lambda heart: heart.answer("T-4", "drop", "nor that"))
    assert story.heart.state.missions["M-1"].outcome == "ended with 3 tasks dropped"


def test_a_mission_whose_only_task_was_dropped_is_not_done() -> None:
    story = given(small_task(), lambda heart: heart.answer("T-1", "drop", "changed my mind"))
    assert story.heart.state.missions["M-1"].outcome == "ended with 1 task dropped"


@pytest.mark.parametrize("before", [escalated, asked])
def test_a_dropped_task_leaves_nothing_waiting(before) -> None:  # type: ignore[no-untyped-def]
    story = given(small_task(), author_works(), before, ended("interrupted"))
    story.when(lambda heart: heart.answer("T-1", "drop", "no")).then_stage("dropped").then_waits()


def test_a_dropped_plan_leaves_nothing_waiting() -> None:
    def proposed(heart: Heart) -> None:
        heart.begin()
        heart.wish(Action(kind="plan", tasks=(plan_of("One"),)))
        heart.do(c.EndTurn(turn=heart.turn_of(), outcome="ok"))

    story = given(mission(), proposed).then_waits("plan")
    story.when(lambda heart: heart.answer("T-1", "drop", "no")).then_stage("dropped").then_waits()


def test_a_running_turn_is_not_dropped_under_its_seat() -> None:
    given(small_task(), author_works()).when(lambda heart: heart.answer("T-1", "drop", "no")).then_refused("turn")


def test_tasks_come_after_what_they_need() -> None:
    tasks = (plan_of("One", paths=("a/**",)), plan_of("Two", after=(0,)))
    story = given(mission(), planned(*tasks))
    story.when(handed_over("a1", "T-2", paths=("a/x.py",)), reviewed(task="T-2"), approved("T-2"), landed("T-2"))
    story.then_stage("offered", "T-3")


def test_a_report_that_was_delivered_frees_what_waited_for_it() -> None:
    tasks = (plan_of("Look", role="discovery"), plan_of("Build", after=(0,)))
    story = given(mission(), planned(*tasks), author_works("T-2"))
    story.when(lambda heart: heart.report(task="T-2")).then_stage("done", "T-2").then_stage("offered", "T-3")


def test_a_report_where_a_change_was_owed_waits_for_the_supervisor_and_is_never_done() -> None:
    """Nobody ends their work by saying that it is done."""
    story = given(small_task(), author_works()).when(lambda heart: heart.report())
    story.then_stage("stuck").then_waits("stuck")
    (item,) = waiting(story.heart.state)
    assert "reported instead of delivering" in item.title
    assert story.heart.state.missions["M-1"].outcome == ""
    assert story.heart.task().report is not None, "what it found is kept"


def test_a_mission_that_only_wanted_a_report_ends_with_it() -> None:
    story = given(small_task("discovery"), author_works()).when(lambda heart: heart.report())
    story.then_stage("done")
    assert story.heart.state.missions["M-1"].outcome == "done"


def test_one_mission_at_a_time() -> None:
    given(small_task()).when(small_task()).then_refused("is under way")


# --- findings ------------------------------------------------------------------------------------


def test_a_dismissed_finding_has_a_reason_and_is_gone() -> None:
    other = Finding(title="add subtracts")
    story = given(small_task(), handed_over("a1"), reviewed(DEFECT, other))
    story.when(lambda heart: heart.answer("T-1", "dismiss", "F-1")).then_refused("needs a reason")
    story.when(lambda heart: heart.answer("T-1", "dismiss", "F-9 no")).then_refused("no open finding")
    story.when(lambda heart: heart.answer("T-1", "dismiss", "F-1 it is meant so")).then_kinds(e.FindingDismissed)
    assert [finding.id for finding in story.heart.task().findings] == ["F-2"]
    story.then_stage("offered")


def test_with_its_last_blocking_finding_dismissed_a_change_is_judged_again_afresh() -> None:
    story = given(small_task(), handed_over("a1"), reviewed(DEFECT))
    story.when(lambda heart: heart.answer("T-1", "dismiss", "F-1 it is meant so"))
    story.then_kinds(e.FindingDismissed, e.HandoffOffered)
    assert story.heart.task().handoff.purpose == "review"  # type: ignore[union-attr]
    story.when(approved()).then_refused("does not wait")
    story.when(reviewed()).then_stage("ready")
    story.when(approved(), landed()).then_stage("landed")


def test_a_comment_given_while_the_author_worked_reaches_the_next_one() -> None:
    story = given(small_task(), author_works(), lambda heart: heart.answer("T-1", "comment", "mind the sign"))
    story.when(committed("a1"), lambda heart: heart.hand_over(), reviewed(DEFECT))
    assert [finding.title for finding in story.heart.task().findings] == ["mind the sign", "sub adds"]
    story.when(handed_over("a2"))
    assert story.heart.task().findings == (), "they were told, and answered with a new change"


# --- commands that make no sense ------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        c.RecordWorktree(task="T-9", name="x", base=BASE),
        c.RecordKept(task="T-9", name="x", ref="r"),
        c.RecordCommit(task="T-9", tree="a", commit="b"),
        c.IntendLanding(task="T-9", ref=MAIN, old="", new=""),
        c.RecordDigest(session=99, path="x", evidence=evidence("x")),
        c.StartTurn(
            handoff="H-9",
            seat="mind",
            facts=SeatFacts(control="rehearsed", gates_every_call=True, contained=True),
            person="",
            brief="",
        ),
        c.SealBrief(handoff="H-9", brief=evidence("x"), inputs=()),
        c.EndTurn(turn="builder/b9", outcome="ok"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_recorded(command: c.Command) -> None:
    story = given(small_task())
    before = len(story.heart.entries)
    story.when(command)
    assert story.refusal is not None
    assert len(story.heart.entries) == before


@pytest.mark.parametrize(
    "command",
    [
        c.JudgeSmoke(task="T-9", tree="a", base="b", verdict=Verdict.PASS, summary=""),
        c.CheckLanding(task="T-9", onto="a"),
        c.SettleLanding(task="T-9", landed=True),
        c.EndAction(id="A-9", result="ok"),
    ],
)
def test_an_outcome_that_comes_too_late_changes_nothing(command: c.Command) -> None:
    given(small_task()).when(command).then_nothing()


def test_nothing_starts_outside_of_a_session() -> None:
    heart = Heart()
    with pytest.raises(Refusal, match="no charter is in force"):
        heart.do(c.StateMission(text="x", base_ref=MAIN, base=BASE), SUPERVISOR)
    story = given(small_task(), lambda heart: heart.seal(), lambda heart: heart.release())
    story.when(lambda heart: heart.end_session(), lambda heart: heart.start_turn()).then_refused("no session is open")


def test_what_is_committed_is_owed_to_exactly_one_tree() -> None:
    story = given(small_task(), author_works())
    story.heart.import_tree("a1", "T-1", allowed_commit(story.heart))
    story.heart.smoke("a1")
    assert CommitJob("T-1", "a1") in agenda(story.heart.state)
    story.when(c.RecordCommit(task="T-1", tree="b2", commit="c")).then_nothing()


def test_a_tree_of_two_names_for_one_path_is_refused() -> None:
    story = given(small_task(), author_works())
    action = allowed_commit(story.heart)
    story.when(lambda heart: heart.import_tree("a1", "T-1", action, refused=("A.py: collides",)))
    story.then_kinds(e.TreeRefused, e.ActionEnded)
    assert change().paths == ()
    assert Decision.DENY in {match.decision for match in story.events[0].matches}  # type: ignore[union-attr]


# --- limits, and who is seated -------------------------------------------------------------------


def limits_tried(*red: str) -> c.RecordLimits:
    found = tuple(e.RedLimit(limit=limit, layer="wall", detail="it worked", fix="install bubblewrap") for limit in red)
    return c.RecordLimits(
        control="brokered", wall="none", roles=(e.RoleLimits(role="builder", tried=20, red=found),), by_wall=()
    )


def brokered_turn(heart: Heart) -> None:
    handoff = heart.task().handoff
    assert handoff is not None
    assert handoff.brief is not None
    brief = handoff.brief.sha256
    heart.do(
        c.StartTurn(
            handoff=handoff.id,
            seat="mind",
            facts=SeatFacts(control="brokered", gates_every_call=True, contained=True),
            person="",
            brief=brief,
        )
    )


def released(heart: Heart) -> None:
    heart.seal()
    heart.release()


def test_a_role_whose_limits_were_not_tried_is_not_seated() -> None:
    given(small_task(), released).when(brokered_turn).then_refused("no limit of the role `builder` was tried")


def test_a_role_with_a_red_limit_is_not_seated_and_one_whose_limits_hold_is() -> None:
    red = given(small_task(), limits_tried("reach a loopback listener"), released)
    red.when(brokered_turn).then_refused("reach a loopback listener (wall): it worked. install bubblewrap")
    given(small_task(), limits_tried(), released).when(brokered_turn).then_kinds(e.TurnStarted)


def test_what_was_tried_in_another_session_proves_nothing_in_this_one() -> None:
    story = given(small_task(), limits_tried(), released, lambda heart: heart.end_session())
    story.when(lambda heart: heart.start_session())
    assert story.heart.state.limits == {}


def test_an_unseated_role_waits_for_the_supervisor_and_burns_no_attempt() -> None:
    story = given(small_task(), released).when(c.LeaveUnseated(handoff="H-1", seat="mind", reason="it is red"))
    story.then_kinds(e.TaskStuck).then_waits("stuck").then_owed()
    assert (story.heart.task().attempt, story.heart.state.crashes) == (1, {})


def test_no_seat_says_what_its_limits_are() -> None:
    story = given(small_task(), author_works())
    story.when(limits_tried(), by=Actor(kind="seat", name="builder/b1")).then_refused("only the factory")


def start_behind(wall: str, degraded: str = "") -> c.StartSession:
    return c.StartSession(
        version="0.1.0", wall=wall, mode="flow", base_ref=MAIN, base=BASE, charter=charter(), degraded=degraded
    )


def test_a_session_without_a_wall_names_who_accepted_that_in_its_first_event() -> None:
    heart = Heart()
    first, *_ = heart.do(start_behind(DEGRADED, SUPERVISOR.name), SUPERVISOR)
    assert isinstance(first, e.SessionStarted)
    assert (first.wall, first.degraded) == (DEGRADED, SUPERVISOR.name)
    text = digest.write(heart.entries, heart.state, 1, reason="enough")
    assert f"Wall: {DEGRADED}, for this session, by {SUPERVISOR.name}." in text


def test_nobody_else_accepts_that_there_is_no_wall_and_nobody_does_so_unasked() -> None:
    for degraded, by in (("", SUPERVISOR), (FACTORY.name, FACTORY)):
        heart = Heart()
        with pytest.raises(Refusal, match="only the supervisor, for this session"):
            heart.do(start_behind(DEGRADED, degraded), by)
        assert heart.entries == []


def test_behind_a_wall_nothing_is_accepted() -> None:
    first, *_ = Heart().do(start_behind("bwrap", SUPERVISOR.name), SUPERVISOR)
    assert isinstance(first, e.SessionStarted)
    assert first.degraded == ""


# --- a context that is full ----------------------------------------------------------------------


def test_a_full_context_is_handed_on_to_a_fresh_turn_and_burns_no_attempt() -> None:
    heart = Heart()
    heart.start_session()
    heart.do(c.OpenSmallTask(text="Add subtraction", role="builder", base_ref=MAIN, base=BASE), SUPERVISOR)
    left = evidence("where it stands")
    heart.do(c.EndTurn(turn=heart.begin(), outcome="truncated", handed_on=left))
    task = heart.task()
    assert task.handoff is not None
    assert (task.stage, task.attempt, task.fruitless, task.handoff.handed_on) == ("offered", 1, 0, left)
    material = Material(handed_on="The sign is wrong in line 3.")
    draft = compose(heart.state, task, task.handoff, material)
    assert "Go on from where it stood\n\nThe sign is wrong" in draft.text
    assert "handed on" in [part.kind for part in draft.inputs], "it is listed item by item"


def test_work_that_fills_context_after_context_is_too_large_for_one_task() -> None:
    heart = Heart()
    heart.start_session()
    heart.do(c.OpenSmallTask(text="Add subtraction", role="builder", base_ref=MAIN, base=BASE), SUPERVISOR)
    for number in range(5):
        turn = heart.begin()
        heart.do(c.EndTurn(turn=turn, outcome="truncated", handed_on=evidence(f"context {number}")))
    assert "too large for one task" in heart.task().why


def test_what_is_the_same_for_every_turn_of_a_role_stands_first_in_its_brief() -> None:
    heart = Heart()
    heart.start_session()
    heart.do(c.OpenSmallTask(text="Add subtraction", role="builder", base_ref=MAIN, base=BASE), SUPERVISOR)
    task = heart.task()
    assert task.handoff is not None
    kinds = [part.kind for part in compose(heart.state, task, task.handoff, Material()).inputs]
    assert kinds.index("task") > max(kinds.index(kind) for kind in ("card", "dna", "rules"))


def test_a_seat_floods_nobody_with_notices() -> None:
    heart = Heart()
    heart.start_session()
    heart.do(c.OpenSmallTask(text="Add subtraction", role="builder", base_ref=MAIN, base=BASE), SUPERVISOR)
    turn = heart.begin()
    told = [heart.do(c.NoteSeat(turn=turn, kind="retry", text=f"again {n}")) for n in range(300)]
    shown = [events for events in told if events]
    assert len(shown) == 201
    assert "no more are shown" in shown[-1][0].text  # type: ignore[union-attr]
