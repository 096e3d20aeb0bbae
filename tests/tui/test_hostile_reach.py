"""Where a seat's words get to: each action of the vocabulary with nothing but poison in it, and all else a seat says.

What they reach is no exemption of `hostile.py`: this keeps its list honest.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from chair import BusyFloor, Chair, screen_text
from heart import evidence, handed_over, small_task
from hostile import OURS, POISON, is_whole, made
from msgspec import inspect
from test_card import planning

from factory_tui.domain import commands as c
from factory_tui.domain.errors import Refusal
from factory_tui.domain.terms import ACTION_KINDS, Action, Actor


def poisoned(kind: str) -> Action:
    """All that an action can say, said with poison; what has to be of the law is."""
    whole = made(inspect.type_info(Action), POISON, BusyFloor().state.law)
    tasks = tuple(msgspec.structs.replace(one, role="builder", after=()) for one in whole.tasks)
    return msgspec.structs.replace(whole, kind=kind, resource="url" if kind == "fetch" else "", tasks=tasks)


def reached(value: object, struct: str = "", name: str = "") -> Iterator[tuple[str, str]]:
    """The fields in which poison stands."""
    match value:
        case str() if "WORDS" in value:
            yield struct, name
        case tuple():
            for one in value:
                yield from reached(one, struct, name)
        case msgspec.Struct():
            for field in value.__struct_fields__:
                yield from reached(getattr(value, field), type(value).__name__, field)


def says_all(chair: Chair, task: str) -> None:
    """A turn of the task says whatever its seat can say."""
    turn = chair.turn_of(task)
    by = Actor(kind="seat", name=turn)
    for command in (
        c.NoteSeat(turn=turn, kind="note", text=POISON),
        c.NoteConversation(turn=turn, conversation=POISON, model=POISON),
        c.NoteUsage(turn=turn, usd=None, tokens_in=1, tokens_out=1, model=POISON),
        c.DenyTool(turn=turn, tool=POISON, reason=POISON, sha256="a" * 64),
    ):
        chair.do(command, by)
    for kind in ACTION_KINDS:
        chair.wish(poisoned(kind), task, evidence(POISON))


def author() -> Chair:
    chair = Chair()
    chair.start_session()
    small_task(text=POISON)(chair)
    chair.begin("T-1")
    chair.wish(Action(kind="escalate", text=POISON), "T-1")
    says_all(chair, "T-1")
    if "T-1" in {turn.task for turn in chair.state.turns.values()}:
        chair.do(c.EndTurn(turn=chair.turn_of("T-1"), outcome="failed", note=POISON))
    return chair


def reviewer() -> Chair:
    chair = Chair()
    chair.start_session()
    small_task()(chair)
    handed_over()(chair)
    chair.begin("T-1")
    says_all(chair, "T-1")
    return chair


def test_what_a_seat_says_reaches_no_field_that_is_held_to_be_ours():
    found = {field for make in (author, reviewer) for entry in make().entries for field in reached(entry.event)}
    assert not found & set(OURS)
    wanted = {("Action", name) for name in ("path", "command", "pattern", "target", "old", "new", "content", "checked")}
    wanted |= {("SeatNoticed", "text"), ("ConversationNoted", "conversation"), ("ConversationNoted", "model")}
    wanted |= {("UsageNoted", "model"), ("ToolDenied", "tool"), ("ToolDenied", "reason"), ("Finding", "title")}
    wanted |= {("Finding", "detail"), ("Finding", "path"), ("FindingAnswer", "finding"), ("TurnEnded", "note")}
    wanted |= {("Escalated", "text"), ("TaskOpened", "title")}
    assert wanted <= found, wanted - found


async def test_what_a_seat_says_by_every_action_leaves_the_screen_whole():
    for make in (author, reviewer, planning):
        chair = make()
        async with chair.cockpit(80, 24) as (app, pilot):
            await pilot.pause(0)
            is_whole(screen_text(app), 80, 24)


def test_a_role_that_is_none_is_refused_where_it_would_be_ours():
    """The control of one exemption: `TaskOpened.role` and `HandoffOffered.to` are looked up in the law first."""
    law = BusyFloor().state.law
    with pytest.raises(Refusal, match="there is no role"):
        law.role(POISON)
