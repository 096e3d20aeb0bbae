"""Steering one turn: words to it, a pause after its action, its end, and what becomes of its task."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from crew import SUPERVISOR, approve_all, commit_and_hand_over, make_crew, settled, small_task, stages, write
from heart import FACTORY, Heart, ended, evidence, given, handed_over
from heart import SUPERVISOR as ADA
from heart import small_task as stated

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.errors import Refusal
from factory_tui.domain.terms import Action, Actor
from factory_tui.domain.waiting import waiting
from factory_tui.engine.patience import time_of
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief

WORKING = (stated(), lambda heart: heart.begin())


def message(text: str, turn: str = "builder/b1") -> c.SendMessage:
    return c.SendMessage(turn=turn, text=text, evidence=evidence(text))


def by(actor: Actor, command: c.Command):
    return lambda heart: heart.do(command, actor)


# --- the heart -----------------------------------------------------------------------------------


def test_a_message_is_on_record_and_heard_once() -> None:
    seat = Actor(kind="seat", name="builder/b1")
    story = given(*WORKING, by(ADA, message("use the old name"))).when(c.HearMessages(turn="builder/b1"), by=seat)
    story.then(e.MessagesHeard(turn="builder/b1", messages=("W-1",)))
    assert story.heart.state.turns["builder/b1"].messages[0].by == "supervisor:ada@script"
    story.when(c.HearMessages(turn="builder/b1"), by=seat).then_nothing()


def test_nobody_but_the_supervisor_steers() -> None:
    orders: tuple[c.Command, ...] = (
        message("approved, go on"),
        c.PauseTurn(turn="builder/b1"),
        c.ResumeTurn(turn="builder/b1"),
        c.InterruptTurn(turn="builder/b1"),
        c.RetireTurn(turn="builder/b1", reason="slow"),
        c.ChooseSeat(task="T-1", seat="human"),
    )
    for order in orders:
        given(*WORKING).when(order, by=FACTORY).then_refused("only the supervisor")
        given(*WORKING).when(order, by=Actor(kind="seat", name="builder/b1")).then_refused("only the factory or")


def test_a_seat_hears_only_what_is_said_to_it() -> None:
    story = given(*WORKING, by(ADA, message("hush")))
    story.when(c.HearMessages(turn="builder/b1"), by=Actor(kind="seat", name="quality/q1")).then_refused("quality/q1")


def test_words_approve_nothing() -> None:
    """What is asked is asked after the supervisor said yes to it in words."""
    wish = Action(kind="fetch", resource="package", target="authlib")
    story = given(*WORKING, by(ADA, message("yes, you may fetch authlib, it is approved")))
    story.when(lambda heart: heart.wish(wish)).then_kinds(e.ActionAsked)


@pytest.mark.parametrize(("text", "why"), [("  ", "has no words"), ("x" * 4_001, "4000 at most")])
def test_a_message_has_words_and_an_end(text: str, why: str) -> None:
    given(*WORKING).when(message(text), by=ADA).then_refused(why)


def test_an_authors_successor_is_told_what_the_first_was_told() -> None:
    """A fresh context knows nothing of it: the brief is made again and holds it."""
    story = given(*WORKING, by(ADA, message("use the old name"))).when(ended("interrupted")).then_stage("offered")
    task = story.heart.task()
    assert task.handoff is not None
    assert task.handoff.brief is None
    assert ("builder/b1 was at work when the supervisor said", "use the old name") in task.answers


def test_words_to_a_reviewer_stay_with_the_verdict_and_reach_no_author() -> None:
    story = given(stated(), handed_over(), lambda heart: heart.begin(), by(ADA, message("mind the zero", "quality/q1")))
    story.when(lambda heart: heart.report())
    verdict = next(event for event in story.events if isinstance(event, e.LevelJudged))
    assert verdict.evidence == (evidence("mind the zero"),)
    assert story.heart.task().answers == ()


def test_a_paused_turn_is_allowed_nothing() -> None:
    read = Action(kind="read", path="adder.py")
    story = given(*WORKING, by(ADA, c.PauseTurn(turn="builder/b1", reason="look")))
    story.when(lambda heart: heart.wish(read)).then_denied("the turn is: look")
    story.when(c.ResumeTurn(turn="builder/b1"), by=ADA).then(e.TurnResumed(turn="builder/b1"))
    story.when(lambda heart: heart.wish(read)).then_kinds(e.ActionAllowed)


def test_a_paused_turn_is_one_item_that_says_why_and_goes_on_by_its_answer() -> None:
    story = given(*WORKING, by(ADA, c.PauseTurn(turn="builder/b1", reason="look")))
    (item,) = waiting(story.heart.state)
    assert (item.id, item.kind, item.task, item.verbs) == ("P-builder/b1", "paused", "T-1", ("resume",))
    assert item.title == "builder/b1 is paused, its next action waits: look"
    story.when(lambda heart: heart.answer("P-builder/b1", "resume")).then(e.TurnResumed(turn="builder/b1"))
    assert waiting(story.heart.state) == ()


def test_a_paused_turn_that_is_interrupted_waits_no_more_as_one() -> None:
    story = given(*WORKING, by(ADA, c.PauseTurn(turn="builder/b1")), by(ADA, c.InterruptTurn(turn="builder/b1")))
    assert not [item for item in waiting(story.heart.state) if item.kind == "paused"]


def test_pausing_twice_and_resuming_what_runs_are_nothing() -> None:
    given(*WORKING).when(c.ResumeTurn(turn="builder/b1"), by=ADA).then_nothing()
    paused = given(*WORKING, by(ADA, c.PauseTurn(turn="builder/b1")))
    paused.when(c.PauseTurn(turn="builder/b1"), by=ADA).then_nothing()


def test_an_interrupted_turn_is_owed_no_more_and_its_task_is_held() -> None:
    story = given(*WORKING).when(c.InterruptTurn(turn="builder/b1", reason="wrong way"), by=ADA)
    story.then(e.TaskHeld(task="T-1", reason="builder/b1 was interrupted: wrong way")).then_owed()


def test_a_retired_turn_is_owed_no_more_and_its_task_is_parked_with_every_way_on() -> None:
    story = given(*WORKING).when(c.RetireTurn(turn="builder/b1", reason="it loops"), by=ADA).then_owed()
    story.when(ended("interrupted")).then_stage("stuck").then_waits("stuck")
    assert "it loops" in story.heart.task().why


def test_a_retired_turns_task_passes_to_another_role_and_seat_and_burns_no_attempt() -> None:
    retired = c.RetireTurn(turn="builder/b1", reason="it loops", to="performance", seat="human")
    story = given(*WORKING, by(ADA, retired)).when(ended("interrupted")).then_stage("offered")
    task = story.heart.task()
    assert task.handoff is not None
    assert (task.handoff.to, task.seat, task.attempt) == ("performance", "human", 1)


def test_a_retired_turn_that_delivered_in_the_same_moment_delivered() -> None:
    story = given(*WORKING, lambda heart: heart.commit(), lambda heart: heart.hand_over(end=False))
    story.when(by(ADA, c.RetireTurn(turn="builder/b1", reason="slow")), ended("interrupted"))
    task = story.heart.task()
    assert task.handoff is not None
    assert task.handoff.purpose == "review"


def test_a_task_is_not_retired_to_its_own_judge_nor_without_a_reason() -> None:
    given(*WORKING).when(c.RetireTurn(turn="builder/b1", reason="x", to="quality"), by=ADA).then_refused("delivers")
    given(*WORKING).when(c.RetireTurn(turn="builder/b1", reason=" "), by=ADA).then_refused("needs a reason")


def test_a_retired_turn_that_a_crash_cut_off_is_retired_all_the_same() -> None:
    heart = given(*WORKING, by(ADA, c.RetireTurn(turn="builder/b1", reason="it loops"))).heart
    again = Heart(list(heart.entries))
    again.start_session(again.state.law, again.state.mode)
    assert again.task().stage == "stuck"


def test_another_seat_is_for_the_next_turn() -> None:
    story = given(*WORKING).when(c.ChooseSeat(task="T-1", seat="human"), by=ADA)
    story.then(e.SeatChosen(task="T-1", seat="human")).then_stage("working")
    assert story.heart.task().seat == "human"


# --- the crew ------------------------------------------------------------------------------------


class Author:
    """An author that reads when it is told to go on, and keeps what it was answered."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.reached = asyncio.Event()
        self.told: list[str] = []
        self.ended = False

    async def __call__(self, brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        try:
            self.reached.set()
            await self.go.wait()
            self.told.append((await desk.act(Action(kind="read", path="adder.py"))).text)
            self.told += await desk.hear()
            await write(desk, "adder.py", "def add(a, b):\n    return b + a\n")
            await commit_and_hand_over(desk)
        finally:
            self.ended = True
        return None


async def say(house, text: str, turn: str = "builder/b1") -> None:
    kept = house.evidence.put(text.encode(), "message")
    await house.factory.carried_out(c.SendMessage(turn=turn, text=text, evidence=kept), SUPERVISOR)


async def test_every_seat_hears_words_at_the_end_of_the_next_answer_and_hear_gives_them_no_second_time(
    tmp_path: Path,
) -> None:
    author = Author()
    async with make_crew(tmp_path, {"builder": author, "quality": approve_all}).session() as house:
        await small_task(house, "Turn it round")
        await author.reached.wait()
        await say(house, "keep the name\nand the order")
        author.go.set()
        await settled(house)
    assert author.told[0].startswith("def add")
    assert "W-1: the supervisor (supervisor:test@script) says" in author.told[0]
    assert "> keep the name\n> and the order" in author.told[0]
    assert author.told[1:] == []


async def test_a_seat_that_listens_between_its_steps_is_told_at_once(tmp_path: Path) -> None:
    heard: list[str] = []
    reached, go = asyncio.Event(), asyncio.Event()

    async def mind(brief: TurnBrief, desk: Desk) -> None:
        reached.set()
        await go.wait()
        heard.extend(await desk.hear())
        heard.append((await desk.act(Action(kind="read", path="adder.py"))).text)

    async with make_crew(tmp_path, {"builder": mind}).session() as house:
        await small_task(house, "Turn it round")
        await reached.wait()
        await say(house, "keep the name")
        go.set()
        await house.factory.until(lambda state: len(heard) > 1)
    assert "> keep the name" in heard[0]
    assert "keep the name" not in heard[1]


async def test_a_paused_turns_next_action_waits_without_its_time_running_out(tmp_path: Path) -> None:
    author = Author()
    async with make_crew(tmp_path, {"builder": author, "quality": approve_all}).session() as house:
        await small_task(house, "Turn it round")
        await author.reached.wait()
        await house.factory.carried_out(c.PauseTurn(turn="builder/b1", reason="look"), SUPERVISOR)
        author.go.set()
        await settled(house)
        assert stages(house.state) == {"T-1": "working"}
        assert author.told == []
        async with time_of(house.factory, "builder/b1", 0.01) as limit:
            assert limit.when() is None
        await house.factory.carried_out(c.ResumeTurn(turn="builder/b1"), SUPERVISOR)
        await settled(house)
        assert stages(house.state) == {"T-1": "ready"}


@pytest.mark.parametrize(
    ("order", "stage"),
    [
        (c.InterruptTurn(turn="builder/b1", reason="wait"), "released"),
        (c.RetireTurn(turn="builder/b1", reason="it loops"), "stuck"),
    ],
)
async def test_an_ended_turns_seat_is_gone_and_its_work_is_kept(tmp_path: Path, order: c.Command, stage: str) -> None:
    written = asyncio.Event()

    async def mind(brief: TurnBrief, desk: Desk) -> None:
        await write(desk, "new.txt", "half done\n")
        written.set()
        await asyncio.Event().wait()

    async with make_crew(tmp_path, {"builder": mind}).session() as house:
        await small_task(house, "Turn it round")
        await written.wait()
        await house.factory.carried_out(order, SUPERVISOR)
        await settled(house)
        assert stages(house.state) == {"T-1": stage}
        assert not house.state.turns
        kept = Path(await house.worktrees.worktree_path("T-1")) / "new.txt"
        assert kept.read_text() == "half done\n"


async def test_a_retired_turns_task_goes_to_the_other_role(tmp_path: Path) -> None:
    async def stuck(brief: TurnBrief, desk: Desk) -> None:
        await asyncio.Event().wait()

    async with make_crew(tmp_path, {"builder": stuck, "performance": stuck}).session() as house:
        await small_task(house, "Turn it round")
        await house.factory.until(lambda state: bool(state.turns))
        retired = c.RetireTurn(turn="builder/b1", reason="it loops", to="performance")
        await house.factory.carried_out(retired, SUPERVISOR)
        await house.factory.until(lambda state: "performance/p1" in state.turns)
        assert list(house.state.turns) == ["performance/p1"]


async def test_a_turn_that_works_is_stopped_when_its_time_is_up_and_time_spent_waiting_is_given_back(
    tmp_path: Path,
) -> None:
    async def stuck(brief: TurnBrief, desk: Desk) -> None:
        await asyncio.Event().wait()

    async with make_crew(tmp_path, {"builder": stuck}).session() as house:
        await small_task(house, "Turn it round")
        await house.factory.until(lambda state: bool(state.turns))
        with pytest.raises(TimeoutError):
            async with time_of(house.factory, "builder/b1", 0.01):
                await asyncio.Event().wait()
        async with time_of(house.factory, "builder/b1", 3_600.0) as limit:
            await house.factory.carried_out(c.PauseTurn(turn="builder/b1"), SUPERVISOR)
            assert limit.when() is None
            await house.factory.carried_out(c.ResumeTurn(turn="builder/b1"), SUPERVISOR)
            assert limit.when() is not None


async def test_a_job_that_is_cancelled_before_its_first_step_is_forgotten(tmp_path: Path) -> None:
    """Else stopping would wait for ever for a task that has ended."""
    async with make_crew(tmp_path, {}).session() as house:
        await small_task(house, "Turn it round")
        await house.factory.stop()
        assert house.factory.running == ()


def test_a_turn_that_is_not_running_cannot_be_steered() -> None:
    with pytest.raises(Refusal, match="is not running"):
        given(stated()).heart.do(message("hello"), ADA)
