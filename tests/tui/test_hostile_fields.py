"""Hostile text in every field that somebody else than the factory can fill: the screens stay whole. # T3

The fields are found by the types of what is written down, `hostile.py` fills them. Every screen of the gallery is
opened on a past in which everybody said poison; every event is told on its line and whole, nothing of it spared.
"""

from __future__ import annotations

import msgspec
import pytest
from chair import BusyFloor, Chair, press, screen_text, settled
from gallery import GALLERY, opened
from heart import small_task
from hostile import BROKEN, EVENTS, OURS, POISON, UNSAFE, every_event, haunt, haunted, is_whole, made, texts
from msgspec import inspect
from test_card import planning
from test_memory_marks import ProposingFloor, TouchedFloor
from test_sheets import AskFloor, StepFloor, StuckFloor

from factory_tui.domain.entries import Entry
from factory_tui.domain.harmless import STEERS
from factory_tui.domain.terms import Action, Actor, Record
from factory_tui.domain.waiting import waiting
from factory_tui.domain.wording import worded
from factory_tui.tui.chronicle import Chronicle
from factory_tui.tui.present.history import entry_item, entry_text
from factory_tui.tui.present.words import PLAIN

AT = "2026-11-22T00:00:00.000Z"
SAYS_NOTHING = {"help", "palette", "writing", "budget", "budgets", "figures", "grants"}
"""Screens on which nobody else's words stand: the others are seen to show some."""


def questioned() -> Chair:
    chair = Chair()
    chair.start_session()
    small_task()(chair)
    chair.begin("T-1")
    chair.wish(Action(kind="escalate", text="which numbers?"), "T-1")
    return chair


CHAIRS = (BusyFloor, StepFloor, AskFloor, StuckFloor, planning, ProposingFloor, TouchedFloor, questioned)


# --- the poison and the fields -------------------------------------------------------------------


def test_the_poison_is_poison():
    """The control: unmade, it does what no screen may let it do."""
    assert UNSAFE & set(POISON)
    with pytest.raises(AssertionError):
        is_whole(POISON, 80, 24)


def test_what_steers_is_known_twice_and_alike():
    """The list that screens are judged by is said again: a hole in the product's own would show."""
    assert {one for one in UNSAFE if not STEERS.fullmatch(one)} == {"\t"}


def test_the_fields_are_found_by_the_types_of_the_events():
    found = set(texts(EVENTS))
    wanted = {("Action", "command"), ("Action", "path"), ("Action", "target"), ("PlannedTask", "title")}
    wanted |= {("PlannedTask", "role"), ("FindingAnswer", "finding"), ("Finding", "id"), ("Finding", "by")}
    wanted |= {("Package", "version"), ("Package", "name"), ("ConversationNoted", "conversation")}
    wanted |= {("ConversationNoted", "model"), ("ToolDenied", "tool"), ("SeatNoticed", "text"), ("JobCrashed", "error")}
    wanted |= {("SessionStarted", "base_ref"), ("TreeImported", "paths"), ("TreeImported", "message")}
    wanted |= {("RuleMatch", "where"), ("Evidence", "label"), ("CheckRow", "evidence"), ("DeployPlan", "status")}
    assert wanted <= found - set(OURS)
    assert len(found - set(OURS)) > 350


def below(kind: type) -> list[type]:
    return [kind, *(one for child in kind.__subclasses__() for one in below(child))]


def test_every_exemption_is_a_field_that_there_is_with_a_reason():
    assert set(OURS) <= {(one.__name__, name) for one in below(Record) for name in one.__struct_fields__}
    assert all(OURS.values())
    assert not [field for field in OURS if field[0] in ("Action", "Finding", "PlannedTask", "Evidence", "RuleMatch")]


def test_a_field_that_is_added_tomorrow_is_filled_with_poison_tomorrow():
    inner = msgspec.defstruct("Inner", [("said", str)], bases=(Record,), frozen=True)
    event = msgspec.defstruct(
        "Tomorrow", [("task", str), ("more", tuple[inner, ...]), ("note", str, "")], bases=(Record,), frozen=True
    )
    kind = inspect.type_info(event)
    assert set(texts(kind)) == {("Tomorrow", "task"), ("Inner", "said"), ("Tomorrow", "note")}
    bad = event(task=POISON, more=(inner(said=POISON),), note=POISON)
    assert made(kind, POISON, BusyFloor().state.law) == bad
    assert haunted(event(task="T-1", more=(inner(said="x"),), note="y"), POISON) == bad


# --- every event ---------------------------------------------------------------------------------


def test_every_event_is_told_on_a_line_and_whole_without_a_sign_that_steers():
    chair = BusyFloor()
    chronicle = Chronicle()
    for entry in chair.entries:
        chronicle.tell(entry, chair.state)
    for number, event in enumerate(every_event(POISON, chair.state.law), 1_000):
        entry = Entry(seq=number, at=AT, by=Actor(kind="seat", name=POISON), event=event)
        chronicle.tell(entry, chair.state)
        for line in entry_item(entry, PLAIN).lines:
            is_whole("".join(span.text for span in line), 80, 1)
        assert entry_text(entry)
        assert not (UNSAFE | {"\n"}) & set(worded(event)), event
    for story in chronicle.stories.values():
        while story.transcript.drain():
            pass
        is_whole(story.transcript.text(), 1_000_000, 1_000_000)


# --- every screen --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GALLERY)
async def test_no_screen_of_the_gallery_is_steered_by_what_somebody_said(name):
    chair = haunt(GALLERY[name][0](), POISON)
    async with chair.cockpit(80, 24) as (app, pilot):
        for turn in chair.state.turns:
            chair.say(turn, BROKEN * 3)
        chair.hear(f"memory:memory/knowledge/{POISON}", f"{AT} {'a' * 64} {'b' * 64}")
        await opened(app, pilot, name)
        is_whole(screen_text(app), 80, 24)
        assert ("WORDS" in screen_text(app)) is (name not in SAYS_NOTHING)
        for keys in (("G",), ("=",), ("escape", "enter"), ("G",)):
            if not app.room.is_typing:
                await press(pilot, *keys)
                is_whole(screen_text(app), 80, 24)
        assert app.crash is None


async def tour(app, pilot, width: int, height: int) -> None:
    """Every screen, every box, every object that waits: to its end."""

    async def seen(*keys: str) -> None:
        await press(pilot, *keys)
        assert app.is_running
        assert app.crash is None
        is_whole(screen_text(app), width, height)

    await seen()
    for _ in range(6):
        await seen("tab")
    await seen("z")
    await seen("z", "escape")
    for key in ("n", "r", "c", "m", "s", "a", "l", "e", "d"):
        await seen("g", key)
        await seen("enter")
        await seen("escape")
        app.go_floor()
        await settled(pilot)
    for item in waiting(app.state):
        app.open_item(item.id)
        await seen()
        for _ in range(3):
            await seen("ctrl+d")
        await seen("v")
        await seen("G")
        await seen("?", "escape")
        app.go_floor()
        await settled(pilot)
    for number in range(1, 6):
        if number <= len(app.state.tasks):
            await seen(str(number))
            for key in ("w", "b", "d"):
                await seen(key)
                await seen("escape")
                app.go_floor()
    await seen("g", "t")
    for _ in range(12):
        await seen("k")
    await seen("enter", "escape")
    await seen("q")


@pytest.mark.parametrize("make", CHAIRS, ids=lambda make: make.__name__)
async def test_no_way_through_the_cockpit_lets_a_word_steer_it(make):
    chair = haunt(make(), POISON)
    async with chair.cockpit(80, 24) as (app, pilot):
        for turn in chair.state.turns:
            chair.say(turn, BROKEN * 20)
            chair.say(turn, "\x1b]52;c;never ended")
        for path in ("memory/knowledge/" + POISON, POISON):
            chair.hear(f"memory:{path}", f"{AT} {'a' * 64} {'b' * 64}")
        await settled(pilot)
        assert "WORDS" in screen_text(app)
        await tour(app, pilot, 80, 24)
