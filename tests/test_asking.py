"""Asks: edited first, equal ones at once, remembered rarely. Denials are told once; so are yeses nobody read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from crew import answer, make_crew, small_task
from heart import Heart, charter, given, mission, plan_of, planned
from heart import small_task as stated
from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.asking import AWAY
from factory_tui.domain.charter import Charter
from factory_tui.domain.decide import decide
from factory_tui.domain.digest import write
from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import evolve
from factory_tui.domain.seals import action_sha256
from factory_tui.domain.state import State
from factory_tui.domain.terms import Action, Actor
from factory_tui.engine.seat_ports import Desk, TurnBrief

RISKY = "find . -delete"
LONG = f"echo {'x' * 8_200}"
"""Too long to be held against the rules: asked for under any law."""
TTY = Actor(kind="supervisor", name="supervisor:ada@tty")


def asking_law() -> Charter:
    """A recursive delete is asked for instead of denied."""
    law = charter()
    rules = tuple(replace(rule, severity="warn") if rule.id == "G4" else rule for rule in law.rules)
    return replace(law, rules=rules, sha256="a" * 64)


def wish(command: str = RISKY, task: str = "T-1"):
    return lambda heart: heart.wish(Action(kind="run", command=command), task)


def answered(verb: str, text: str = "", id: str = "", by: Actor = TTY):
    """The oldest ask, unless one is named."""

    def step(heart: Heart) -> None:
        item = heart.item(id or next(iter(heart.state.asks)))
        heart.do(c.Answer(id=item.id, verb=verb, sha256=item.sha256, text=text), by)

    return step


def asked(*steps):
    return given(stated(), lambda heart: heart.begin(), wish(), *steps, law=asking_law())


def two_turns(*steps):
    """Two builders at work on disjoint paths, each asking for the same."""
    plan = planned(plan_of("One", paths=("one.py",)), plan_of("Two", paths=("two.py",)))
    both = (lambda heart: heart.begin("T-2"), lambda heart: heart.begin("T-3"), wish(task="T-2"), wish(task="T-3"))
    return given(mission(), plan, *both, *steps, law=asking_law())


# --- editing -------------------------------------------------------------------------------------


def test_an_edited_command_is_another_action_and_both_texts_are_on_record() -> None:
    new = Action(kind="run", command="find . -name x.pyc")
    story = asked().when(answered("edit", "find . -name x.pyc"))
    story.then_kinds(e.ActionEdited, e.GrantGiven, e.AskAnswered)
    edited, grant, _ = story.events
    assert isinstance(edited, e.ActionEdited)
    assert isinstance(grant, e.GrantGiven)
    assert (edited.was, edited.action, edited.sha256) == (RISKY, new, action_sha256(new))
    assert (grant.once, grant.sha256, grant.object) == (True, action_sha256(new), "find . -name x.pyc")
    story.when(wish()).then_kinds(e.ActionAsked)


def test_an_edit_into_what_is_denied_is_refused_and_the_ask_stays() -> None:
    asked().when(answered("edit", "npm install left-pad")).then_refused("the edited command is denied").then_waits(
        "ask"
    )


@pytest.mark.parametrize("text", ["", "  ", RISKY])
def test_an_edit_changes_something(text: str) -> None:
    asked().when(answered("edit", text)).then_refused("the command is as it was")


def test_only_a_command_can_be_edited() -> None:
    package = Action(kind="fetch", resource="package", target="authlib")
    story = given(stated(), lambda heart: heart.begin(), lambda heart: heart.wish(package))
    story.when(answered("edit", "authlib2")).then_refused("is no answer to A-1")


async def test_the_seat_is_told_what_ran_and_the_other_command_did_not(tmp_path: Path) -> None:
    told: list[str] = []
    long = f"touch original # {'x' * 8_200}"

    async def mind(brief: TurnBrief, desk: Desk) -> None:
        told.append((await desk.act(Action(kind="run", command=long))).text)
        told.append((await desk.act(Action(kind="run", command="ls"))).text)

    async with make_crew(tmp_path, {"builder": mind}).session() as house:
        await small_task(house, "Look")
        await house.factory.until(lambda state: "A-1" in state.asks)
        answer(house, "A-1", "edit", "touch edited")
        async with asyncio.timeout(30):
            await house.factory.until(lambda state: len(told) > 1)
    assert "the supervisor changed your command before it ran" in told[0]
    assert "became `touch edited`" in told[0]
    assert "edited" in told[1].split()
    assert "original" not in told[1].split()


# --- equal asks ----------------------------------------------------------------------------------


def test_equal_asks_are_one_item_and_one_answer_settles_each_by_its_own_sha256() -> None:
    story = two_turns().then_waits("ask")
    first = next(iter(story.heart.state.asks))
    title = story.heart.item(first).title
    assert "builder/b1, builder/b2" in title
    story.when(answered("allow", id=first))
    story.then_kinds(e.GrantGiven, e.AskAnswered, e.GrantGiven, e.AskAnswered)
    assert {event.id for event in story.events if isinstance(event, e.AskAnswered)} == set(_ids(story.heart))
    story.when(wish(task="T-2")).then_kinds(e.ActionAllowed)
    story.when(wish(task="T-3")).then_kinds(e.ActionAllowed)
    story.when(wish(task="T-3")).then_kinds(e.ActionAsked)


def _ids(heart: Heart) -> list[str]:
    return [entry.event.id for entry in heart.entries if isinstance(entry.event, e.ActionAsked)]


def test_another_equal_ask_makes_it_another_object() -> None:
    """What was shown before covered one turn; it cannot settle two."""
    story = two_turns()
    first, second = list(story.heart.state.asks)
    both = story.heart.item(first).sha256
    story.heart.do(c.EndTurn(turn="builder/b2", outcome="failed"))
    one = story.heart.item(first).sha256
    assert one != both
    stale = c.Answer(id=first, verb="allow", sha256=both)
    story.when(stale, by=TTY).then_refused("is not what you were shown")
    assert second not in story.heart.state.asks


def test_unequal_asks_stay_two() -> None:
    asked(wish(LONG)).then_waits("ask", "ask")


# --- scopes --------------------------------------------------------------------------------------


def test_a_yes_for_the_session_is_offered_after_two_equal_ones_and_ends_with_it() -> None:
    story = asked().when(answered("allow-session")).then_refused("is no answer")
    story.when(answered("allow"), wish(), wish()).then_waits("ask")
    second = next(iter(story.heart.state.asks))
    assert "allow-session" not in story.heart.item(second).verbs
    story.when(answered("allow", id=second), wish(), wish())
    third = next(iter(story.heart.state.asks))
    story.when(answered("allow-session", id=third), wish(), wish()).then_kinds(e.ActionAllowed)
    story.when(lambda heart: heart.end_session(), lambda heart: heart.start_session(heart.state.law))
    assert not story.heart.state.grants
    assert not story.heart.state.yeses


def test_a_no_in_between_begins_the_count_anew() -> None:
    story = asked(answered("allow"), wish(), wish())
    second = next(iter(story.heart.state.asks))
    story.when(answered("deny", "not now", id=second), wish())
    third = next(iter(story.heart.state.asks))
    assert "allow-session" not in story.heart.item(third).verbs


@pytest.mark.parametrize(
    "action",
    [
        Action(kind="fetch", resource="package", target="authlib"),
        Action(kind="deploy", target="prod"),
        Action(kind="propose", path="memory/DNA.md", content="x", text="x"),
        Action(kind="approve", path="memory/DNA.md"),
        Action(kind="fetch", resource="url", target="https://example.org"),
    ],
    ids=lambda action: action.kind,
)
def test_what_changes_the_law_or_comes_from_outside_is_never_remembered(action: Action) -> None:
    story = asked()
    ask = replace(story.heart.state.asks["A-1"], action=action)
    yeses = {f"builder {action.kind} {action.object}": 9}
    state: State = replace(story.heart.state, asks={"A-1": ask}, yeses=yeses)
    story.heart.state = state
    assert not {"allow-task", "allow-session"} & {*story.heart.item("A-1").verbs}


def test_what_is_always_allowed_becomes_a_proposal_for_the_card_in_the_digest() -> None:
    steps = []
    for _ in range(3):
        steps += [answered("allow"), wish(), wish()]
    heart = asked(*steps[:-2]).heart
    text = write(heart.entries, heart.state, 1, reason="enough")
    assert f"`builder run {RISKY}`: asked 3, allowed 3" in text
    assert "Card proposals" not in write(asked(answered("deny", "no")).heart.entries, heart.state, 1, reason="x")


# --- silence -------------------------------------------------------------------------------------


def test_an_ask_that_nobody_answers_is_denied_after_eight_hours_and_never_allowed() -> None:
    story = asked().when(c.PassTime(now="2026-11-22T07:59:00.000Z")).then_kinds(e.TimePassed)
    story.when(c.PassTime(now="2026-11-22T08:01:00.000Z"))
    story.then(e.TimePassed(now="2026-11-22T08:01:00.000Z"), e.AskAnswered(id="A-1", allowed=False, reason=AWAY))


# --- denials -------------------------------------------------------------------------------------


def test_three_equal_denials_are_one_item_with_the_way_on() -> None:
    story = asked(answered("deny", "no"), wish("npm install x"), wish("npm install x")).then_waits()
    story.when(wish("npm install x")).then_kinds(e.ActionDenied, e.NoticeRaised).then_waits("notice")
    assert "Way on: " in story.heart.state.notices["N-1"].text
    story.when(wish("npm install x")).then_kinds(e.ActionDenied)
    story.when(answered("noted", id="N-1")).then(e.NoticeSettled(notice="N-1")).then_waits()


def test_a_notice_goes_with_its_task() -> None:
    story = asked(answered("deny", "no"), *[wish("npm install x")] * 3)
    story.when(
        lambda heart: heart.do(c.EndTurn(turn="builder/b1", outcome="interrupted")),
        lambda heart: heart.answer("T-1", "drop", "enough"),
    ).then_waits()


# --- reading -------------------------------------------------------------------------------------


def quick_yeses(by: Actor, seconds: float):
    """Eleven asks, allowed one by one, so many seconds apart."""
    story = given(stated(), lambda heart: heart.begin(), law=asking_law())
    heart = story.heart
    for number in range(11):
        wish(f"echo {number} {LONG}")(heart)
        at = f"2026-11-22T01:{int(number * seconds) // 60:02}:{number * seconds % 60:06.3f}Z"
        item = heart.item(next(iter(heart.state.asks)))
        command = c.Answer(id=item.id, verb="allow", sha256=item.sha256)
        for event in decide(heart.state, c.Envelope(command=command, by=by, at=at)):
            entry = Entry(seq=len(heart.entries) + 1, at=at, by=by, event=event)
            heart.entries.append(entry)
            heart.state = evolve(heart.state, entry)
    return story


def test_ten_yeses_in_a_row_under_two_seconds_each_are_told_and_widen_nothing() -> None:
    story = quick_yeses(TTY, 1.5).then_waits("notice")
    notice = story.heart.state.notices["N-1"]
    assert notice.title == "you are not reading these"
    assert "- 1x builder run echo 9" in notice.text
    assert all(grant.once for grant in story.heart.state.grants.values())


def test_yeses_that_took_their_time_or_a_script_gave_are_no_haste() -> None:
    quick_yeses(TTY, 2.5).then_waits()
    quick_yeses(Actor(kind="supervisor", name="supervisor:ada@script"), 1.5).then_waits()
