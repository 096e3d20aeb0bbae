"""Budgets: what is used up is refused, then ended, told once, and raised on record by an amount."""

from __future__ import annotations

import pytest
from heart import (
    FACTORY,
    SUPERVISOR,
    Heart,
    Step,
    author_works,
    charter,
    ended,
    given,
    mission,
    plan_of,
    planned,
    small_task,
)

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import TurnJob, agenda
from factory_tui.domain.errors import Refusal
from factory_tui.domain.evolve import fold
from factory_tui.domain.spending import amount_in, bound, ended_because, is_for_person, unbounded, used
from factory_tui.domain.staffing import Bounds, Budgets, Staffed, chosen, tightest
from factory_tui.domain.terms import Action, Actor, SeatFacts
from factory_tui.domain.waiting import waiting

UNBOUNDED = Budgets()
READ = Action(kind="read", path="adder.py")
PLANNED = (mission(), planned(plan_of("First", paths=("a/**",)), plan_of("Second", paths=("b/**",))))
"""Two tasks that may run side by side, T-2 and T-3."""


def staffed(ceilings: Budgets = UNBOUNDED, seat: str = "mind") -> Step:
    def step(heart: Heart) -> None:
        crew = tuple(Staffed(role=card.id, seat=seat) for card in heart.state.law.roles)
        heart.do(c.StaffCrew(crew=crew, ceilings=ceilings))

    return step


def spent(usd: float | None = 0.0, tokens: int = 0, task: str = "T-1") -> Step:
    def step(heart: Heart) -> None:
        turn = heart.turn_of(task)
        usage = c.NoteUsage(turn=turn, usd=usd, tokens_in=0, tokens_out=0, tokens_cached=tokens)
        heart.do(usage, Actor(kind="seat", name=turn))

    return step


def wishes(action: Action, task: str = "T-1") -> Step:
    return lambda heart: heart.wish(action, task)


def ends_itself(task: str = "T-1") -> Step:
    """Whoever runs the turn interrupts it, because it is owed no more."""
    return lambda heart: heart.do(c.EndTurn(turn=heart.turn_of(task), outcome="interrupted"))


def test_the_next_action_is_denied_with_the_way_on_when_a_turn_has_used_its_share() -> None:
    story = given(staffed(), small_task(), author_works(), spent(usd=3.0)).when(wishes(READ))
    story.then_denied("turn budget: the budget of the turn is used up: USD 3.00 of 3.00")
    assert "hand over" in story.events[0].ruling.reason  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["commit", "escalate"])
def test_a_used_up_budget_never_denies_the_ways_out(kind: str) -> None:
    wish = Action(kind=kind, text="this far")  # type: ignore[arg-type]
    story = given(staffed(), small_task(), author_works(), spent(usd=3.0)).when(wishes(wish))
    assert not any(isinstance(event, e.ActionDenied) for event in story.events)


def test_cached_tokens_count() -> None:
    given(staffed(), small_task(), author_works(), spent(tokens=1_500_000)).when(wishes(READ)).then_denied("tokens")


def test_a_turn_that_passes_its_share_is_ended_with_its_work_kept_and_one_item() -> None:
    story = given(staffed(), small_task(), author_works(), spent(usd=3.2))
    assert any(isinstance(job, TurnJob) for job in agenda(story.heart.state)), "a tenth is left to hand over"
    story.when(spent(usd=3.31))
    assert not any(isinstance(job, TurnJob) for job in agenda(story.heart.state))
    story.when(ends_itself()).then_stage("released").then_waits("budget").then_owed()
    assert story.events[0].outcome == "budget"  # type: ignore[union-attr]
    assert story.heart.task().fruitless == 0
    assert story.heart.task().attempt == 1
    assert "USD 3.31 of 3.00" in waiting(story.heart.state)[0].title


def test_a_seat_that_goes_on_wishing_is_ended_too() -> None:
    others = [Action(kind="read", path=f"a{number}.py") for number in range(3)]
    story = given(staffed(), small_task(), author_works(), spent(usd=3.0)).when(*map(wishes, others))
    assert ended_because(story.heart.state, next(iter(story.heart.state.turns.values())))[0] == "budget"


def test_a_raise_is_by_an_amount_on_record_and_lets_the_task_go_on() -> None:
    story = given(staffed(), small_task(), author_works(), spent(usd=4.0), ends_itself())
    story.when(lambda heart: heart.answer("B-T-1", "raise", "usd 2"))
    story.then(e.BudgetRaised(scope="turn:T-1", by=Bounds(usd=2.0), reason="usd 2"))
    assert any(isinstance(job, TurnJob) for job in agenda(story.heart.state))
    story.when(author_works(), spent(usd=4.9), wishes(READ))
    assert isinstance(story.events[0], e.ActionAllowed)
    story.when(spent(usd=5.0), wishes(READ)).then_denied("USD 5.00 of 5.00")


def test_only_the_supervisor_raises() -> None:
    seat = Actor(kind="seat", name="builder/b1")
    story = given(staffed(Budgets(session=Bounds(usd=1.0))), small_task(), author_works(), spent(usd=1.0))
    for by in (seat, FACTORY):
        story.when(c.RaiseBudget(scope="session", by=Bounds(usd=1.0)), by=by).then_refused("only the")


@pytest.mark.parametrize("text", ["for ever", "usd", "usd inf", "usd 0", "usd 99999999", "-5 usd", "5 euro", "usd 5 x"])
def test_a_raise_without_a_plain_amount_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="no amount"):
        amount_in(text, Bounds(usd=1.0))


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("usd 5, tokens 200_000", Bounds(usd=5.0, tokens=200_000)),
        ("+5 usd and 10 minutes", Bounds(usd=5.0, minutes=10.0)),
        ("usd=1.5", Bounds(usd=1.5)),
        ("", Bounds(usd=1.0)),
    ],
)
def test_an_amount_is_a_number_and_a_unit(text: str, by: Bounds) -> None:
    assert amount_in(text, Bounds(usd=1.0)) == by


def test_a_shared_budget_is_one_item_for_everything_that_it_stops() -> None:
    day = staffed(Budgets(day=Bounds(usd=2.0)))
    both = (author_works("T-2"), author_works("T-3"), spent(usd=2.9, task="T-2"))
    story = given(*PLANNED, day, *both, ends_itself("T-3"))
    items = waiting(story.heart.state)
    assert [(item.id, item.verbs) for item in items] == [("B-day", ("raise",))]
    assert "USD 2.90 of 2.00. Waiting: T-2, T-3; it goes on by itself at 00:00 UTC" in items[0].title
    assert story.heart.task("T-3").overspent == "", "its own share is untouched"
    story.when(lambda heart: heart.answer("B-day", "raise", "usd 2"))
    assert waiting(story.heart.state) == ()
    assert {job.task for job in story.heart.turns_owed()} == {"T-2", "T-3"}


def test_a_day_ends_with_the_recorded_time() -> None:
    """Nothing but an entry's own time begins another day."""
    story = given(staffed(Budgets(day=Bounds(usd=2.0))), small_task(), author_works(), spent(usd=2.0))
    story.when(wishes(READ)).then_denied("the budget of the day")
    heart = story.heart
    heart.do(c.RaiseBudget(scope="day", by=Bounds(usd=1.0)), SUPERVISOR)
    assert bound(heart.state, "day").usd == 3.0
    tomorrow = heart.entries[-1].at.replace("2026-11-22", "2026-11-23")
    later = [
        *heart.entries,
        type(heart.entries[-1])(seq=len(heart.entries) + 1, at=tomorrow, by=FACTORY, event=e.TimePassed(now=tomorrow)),
    ]
    state = fold(later)
    assert used(state, "day").usd == 0.0
    more = e.UsageNoted(turn=heart.turn_of(), usd=2.5, tokens_in=0, tokens_out=0)
    state = fold([*later, type(heart.entries[-1])(seq=len(later) + 1, at=tomorrow, by=FACTORY, event=more)])
    assert used(state, "day").usd == 0.5, "only what this day used"
    assert bound(state, "day").usd == 2.0, "a raise ends with its day"


def test_a_session_begins_with_a_budget_of_its_own_and_a_task_keeps_its_own() -> None:
    ceilings = Budgets(session=Bounds(usd=9.0), task=Bounds(usd=9.0))
    story = given(staffed(ceilings), small_task(), author_works(), spent(usd=2.0))
    heart = story.heart
    heart.end_session()
    heart.start_session()
    assert used(heart.state, "session").usd == 0.0
    assert used(heart.state, "role:builder").usd == 0.0
    assert used(heart.state, "task:T-1").usd == 2.0


def test_the_home_tightens_the_card_and_the_user_and_never_loosens_them() -> None:
    law = charter("[budgets.turn]\nusd = 1.0\ntokens = 900000000\n[budgets.day]\nusd = 500.0\n")
    story = given(staffed(Budgets(day=Bounds(usd=5.0))), small_task(), author_works(), spent(usd=1.0), law=law)
    story.when(wishes(READ)).then_denied("USD 1.00 of 1.00")
    assert bound(story.heart.state, "day").usd == 5.0
    story.when(spent(usd=1.0, tokens=1_500_000), wishes(READ)).then_denied("1500000 of 1500000 tokens")


def test_nothing_is_bounded_by_a_bound_that_nobody_set() -> None:
    assert tightest(Bounds(), Bounds()) == Bounds()
    assert tightest(Bounds(usd=2.0), Bounds(usd=1.0, tokens=5)) == Bounds(usd=1.0, tokens=5)


def test_a_seat_of_unknown_cost_needs_a_token_budget_wherever_money_bounds() -> None:
    story = given(staffed(Budgets(day=Bounds(usd=5.0))), small_task())
    assert "no tokens" in unbounded(story.heart.state, "builder", "T-1")
    heart = story.heart
    heart.seal()
    heart.release()
    handoff = heart.task().handoff
    assert handoff is not None
    assert handoff.brief is not None
    start = c.StartTurn(
        handoff=handoff.id,
        seat="local",
        facts=SeatFacts(control="brokered", gates_every_call=True, contained=True),
        person="",
        brief=handoff.brief.sha256,
    )
    story.when(start).then_refused("what it costs is unknown")
    story.when(staffed(Budgets(day=Bounds(usd=5.0, tokens=10))), start)
    assert "unknown" not in str(story.refusal), "with tokens bounded, money that is unknown is no reason"


def test_the_same_action_failing_three_times_parks_the_turn() -> None:
    secret = Action(kind="edit", path=".github/workflows/ci.yml", content="x")
    story = given(staffed(), small_task(), author_works()).when(wishes(secret), wishes(secret))
    assert any(isinstance(job, TurnJob) for job in agenda(story.heart.state))
    story.when(wishes(secret))
    assert not any(isinstance(job, TurnJob) for job in agenda(story.heart.state))
    story.when(ends_itself()).then_stage("stuck")
    assert [item.kind for item in waiting(story.heart.state)] == ["stuck"], "three equal denials are the same one item"
    why = story.heart.task().why
    assert "failed 3 times in a row (edit .github/workflows/ci.yml)" in why
    assert "Way on: " in why


def test_what_was_denied_in_other_turns_and_then_parks_one_is_one_item_too() -> None:
    secret = Action(kind="edit", path=".github/workflows/ci.yml", content="x")
    story = given(staffed(), small_task(), author_works(), wishes(secret), ended("failed"), author_works())
    story.when(wishes(secret), wishes(secret))
    assert [item.kind for item in waiting(story.heart.state)] == ["notice"]
    story.when(wishes(secret), ends_itself()).then_waits("stuck")


def test_actions_that_fail_in_turns_are_a_loop_as_one_alone_is() -> None:
    one, other = (Action(kind="edit", path=f".github/workflows/{name}.yml", content="x") for name in "ab")
    story = given(staffed(), small_task(), author_works()).when(*[wishes(one), wishes(other)] * 2)
    assert any(isinstance(job, TurnJob) for job in agenda(story.heart.state))
    story.when(wishes(one), ends_itself()).then_stage("stuck")
    assert "failed 3 times in a row (edit .github/workflows/a.yml)" in story.heart.task().why


def test_another_action_that_succeeds_between_is_no_loop() -> None:
    secret, other = (Action(kind="edit", path=path, content="x") for path in (".github/ci.yml", "adder.py"))
    story = given(staffed(), small_task(), author_works())
    story.when(wishes(secret), wishes(secret), wishes(other))
    allowed = story.events[0]
    assert isinstance(allowed, e.ActionAllowed)
    story.when(c.EndAction(id=allowed.id, result="ok"), wishes(secret))
    assert any(isinstance(job, TurnJob) for job in agenda(story.heart.state))


def test_a_person_is_neither_hurried_nor_parked() -> None:
    secret = Action(kind="edit", path=".github/workflows/ci.yml", content="x")
    story = given(
        staffed(Budgets(day=Bounds(usd=0.1, minutes=0.1)), seat="human"), small_task(), author_works(person="ada")
    )
    story.when(*[wishes(secret)] * 4)
    assert any(isinstance(job, TurnJob) for job in agenda(story.heart.state))


# --- waiting for the world -----------------------------------------------------------------------


def waits(cause: str = "5 h window of claude", until: str = "2026-11-22T16:00:00.000Z", task: str = "T-1") -> Step:
    def step(heart: Heart) -> None:
        heart.do(c.EndTurn(turn=heart.turn_of(task), outcome="interrupted", cause=cause, until=until))

    return step


TWO = (*PLANNED, staffed(), author_works("T-2"), author_works("T-3"))


def test_turns_that_share_a_cause_are_one_item_and_nothing_is_counted() -> None:
    story = given(*TWO, waits(task="T-2"), waits(task="T-3"))
    items = waiting(story.heart.state)
    assert [(item.id, item.kind, item.verbs) for item in items] == [("X-1", "world", ("go-on",))]
    assert "waiting for the world until 16:00" in items[0].title
    assert "T-2, T-3" in items[0].title
    for task in story.heart.state.tasks.values():
        assert (task.stage, task.attempt, task.fruitless) == ("released", 1, 0)
    story.then_owed()


def test_what_waits_goes_on_by_itself_when_its_time_is_on_record() -> None:
    story = given(*TWO, waits(task="T-2"), waits(task="T-3")).when(c.PassTime(now="2026-11-22T15:59:59.000Z"))
    story.then_owed()
    story.when(c.PassTime(now="2026-11-22T16:00:00.000Z"))
    assert len(agenda(story.heart.state)) == 2
    assert waiting(story.heart.state) == ()


def test_a_key_lets_it_try_at_once() -> None:
    story = given(*TWO, waits(task="T-2")).when(lambda heart: heart.answer("X-1", "go-on"))
    story.then(e.WorldTried(wait="X-1"))
    assert len(story.heart.turns_owed()) == 2


def test_no_turn_starts_in_a_seat_that_waits_for_the_world() -> None:
    story = given(*PLANNED, staffed(), author_works("T-2"), waits(task="T-2"))
    heart = story.heart
    heart.seal("T-3")
    heart.release("T-3")
    assert heart.turns_owed() == ()
    story.when(lambda heart: heart.start_turn("T-3")).then_refused("waiting for the world until 16:00")
    heart.do(c.SeatRole(role="builder", seat="other"), SUPERVISOR)
    assert len(heart.turns_owed()) == 2, "another seat does not wait for it"


def test_a_world_that_does_not_say_how_long_is_tried_with_growing_patience() -> None:
    heart = given(staffed(), small_task(), author_works()).heart
    found = []
    for _ in range(4):
        waits("no network", until="")(heart)
        wait = heart.state.world["X-1" if not found else f"X-{len(found) + 1}"]
        found.append((wait.until[14:16], wait.is_told))
        heart.do(c.PassTime(now=wait.until))
        heart.begin()
    assert found == [("01", False), ("02", False), ("05", False), ("10", False)]
    waits("no network", until="when it is ready")(heart)
    assert heart.state.world["X-5"].until[14:16] == "15", "nonsense is not a time"


def test_a_choice_for_the_task_comes_before_the_roles_and_that_before_the_settings() -> None:
    settings = Staffed(role="builder", seat="anthropic_api", model="big", effort="high", why="factory.toml")
    assert chosen(settings, "", "") == settings
    assert chosen(settings, "/small", "").model == "small"
    assert chosen(settings, "/small", "").effort == "high"
    other = chosen(settings, "/small", "claude_code")
    assert (other.seat, other.model, other.why) == ("claude_code", "", "chosen for the task")
    assert chosen(settings, "local/org/model", "").model == "org/model"


def test_model_and_effort_can_be_chosen_for_one_task_alone() -> None:
    settings = Staffed(role="builder", seat="anthropic_api", model="big", effort="high", why="factory.toml")
    found = [chosen(settings, "", text) for text in ("@low", "/small@max", "claude_code@medium", "local/qwen@2025")]
    assert [(one.seat, one.model, one.effort) for one in found] == [
        ("anthropic_api", "big", "low"),
        ("anthropic_api", "small", "max"),
        ("claude_code", "", "medium"),
        ("local", "qwen@2025", ""),
    ]
    story = given(staffed(), small_task())
    story.when(c.ChooseSeat(task="T-1", seat="/small@hihg"), by=SUPERVISOR).then_refused("`hihg` is no effort")
    story.when(c.ChooseSeat(task="T-1", seat="two words"), by=SUPERVISOR).then_refused("names no seat")
    story.when(c.ChooseSeat(task="T-1", seat="human@low"), by=SUPERVISOR)
    assert is_for_person(story.heart.state, story.heart.task()), "a person's budget is their own"


def test_a_chosen_seat_outlives_the_session() -> None:
    story = given(staffed(), small_task())
    story.when(c.SeatRole(role="builder", seat="human/"), by=SUPERVISOR)
    heart = story.heart
    heart.end_session()
    heart.start_session()
    assert heart.state.role_seats == {"builder": "human/"}
    story.when(c.SeatRole(role="builder", seat=""), by=SUPERVISOR).then(e.RoleSeated(role="builder", seat=""))
    assert heart.state.role_seats == {}


def test_a_choice_that_names_no_seat_is_refused() -> None:
    story = given(staffed(), small_task())
    story.when(c.SeatRole(role="builder", seat="two words"), by=SUPERVISOR).then_refused("names no seat")
    story.when(c.SeatRole(role="bilder", seat="human"), by=SUPERVISOR).then_refused("did you mean `builder`")
