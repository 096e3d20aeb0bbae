"""An agent whose turn cannot go on now, or not here: the world is in the way, its context is full, it was cut off."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from acp_seats import AGENT
from desks import RecordingDesk
from messages_server import MessagesServer, Reply, Script
from test_acp import DELIVER, REAL, Room, room, with_model

from factory_tui.adapters.agents import Agent
from factory_tui.adapters.seats.acp.seat import AcpSeat
from factory_tui.engine.seat_ports import SeatOutcome
from factory_tui.engine.sitting import sit

pytestmark = [pytest.mark.needs_acp, pytest.mark.needs_bwrap]


# --- the world -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "cause", "notice"),
    [(429, "rate limit", "rate limit"), (529, "overloaded", "retry"), (500, "the server failed", "retry")],
)
async def test_one_that_ends_because_the_world_is_in_the_way_has_not_failed(
    tmp_path: Path, status: int, cause: str, notice: str
) -> None:
    async with MessagesServer(Script(Reply(status=status)), key=REAL) as server:
        here = with_model(tmp_path, server.url)
        outcome = await here.play("model")
        host = urlsplit(server.url).netloc
    assert (outcome.kind, outcome.cause) == ("waiting", f"{host}: {cause}"), outcome
    assert here.desk.notices == [(notice, f"{cause}: /v1/messages ({status})")]


async def test_how_long_the_endpoint_asks_to_wait_is_when_it_begins_again(tmp_path: Path) -> None:
    async with MessagesServer(Script(Reply(status=429, headers={"retry-after": "7200"})), key=REAL) as server:
        here = with_model(tmp_path, server.url)
        outcome = await here.play("model", "hang", seconds=60)
    assert outcome.kind == "waiting"
    assert outcome.until.endswith("Z")
    assert "it asks for 7200 s" in here.desk.notices[0][1]


async def test_one_that_tries_for_ever_is_not_let_to(tmp_path: Path) -> None:
    async with MessagesServer(Script(*(Reply(status=529),) * 20), key=REAL) as server:
        here = with_model(tmp_path, server.url)
        outcome = await here.play(*["model again"] * 20)
        assert 6 <= len(server.requests) < 12
    assert outcome.kind == "waiting"
    assert len(here.desk.notices) >= 6


async def test_one_that_tries_again_and_is_answered_goes_on(tmp_path: Path) -> None:
    block = '\n```factory\n{"tool": "hand_over", "arguments": {"note": "by a model"}}\n```\n'
    async with MessagesServer(Script(Reply(status=529), Reply(text=block)), key=REAL) as server:
        here = with_model(tmp_path, server.url)
        outcome = await here.play("model again", "model")
    assert outcome == SeatOutcome(kind="ok")


async def test_an_endpoint_that_cannot_be_reached_is_waited_for(tmp_path: Path) -> None:
    here = with_model(tmp_path, "http://127.0.0.1:9")
    outcome = await here.play("model")
    assert (outcome.kind, outcome.cause) == ("waiting", "127.0.0.1:9: the connection broke")


# --- its context ---------------------------------------------------------------------------------


async def test_a_full_context_goes_on_in_a_fresh_turn_from_its_words_and_our_account(tmp_path: Path) -> None:
    words = "I found the sum. Next: write it."
    full = Reply(text="So much to say.", usage={"input_tokens": 950_000, "output_tokens": 10})
    async with MessagesServer(Script(full, Reply(text=words)), key=REAL) as server:
        here = with_model(tmp_path, server.url)
        outcome = await here.play("read a.py", "model")
    assert outcome.kind == "truncated"
    assert words in outcome.digest
    assert "- read a.py: ok" in outcome.digest or "nothing yet" in outcome.digest


async def test_an_agent_that_tells_of_its_context_itself_is_believed_when_it_is_full(tmp_path: Path) -> None:
    here = room(tmp_path)
    outcome = await here.play("fills 90 100", "say my last words")
    assert outcome.kind == "truncated"
    assert "my last words" in outcome.digest


# --- a conversation that was cut off -------------------------------------------------------------


def resuming(here: Room, *arguments: str) -> Room:
    agent = Agent(title="ours", command=("ours", AGENT), resumes=True, environment={"KEPT": "${home}"})
    return Room(here.tmp_path, replace(here.kit, agent=agent, argv=(*here.kit.argv, *arguments)))


async def interrupted(here: Room) -> str:
    """The conversation of a turn that was begun and cut off."""
    turn = asyncio.ensure_future(here.play("slow 10000", DELIVER))
    await until(lambda: "tick" in here.desk.said)
    turn.cancel()
    await asyncio.wait([turn])
    ((conversation, _),) = here.desk.conversations
    return conversation


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def again(here: Room, conversation: str) -> tuple[SeatOutcome, RecordingDesk]:
    desk = RecordingDesk()
    brief = replace(here.brief("builder", "say the brief was told", DELIVER), resume=conversation)
    return await sit(AcpSeat(here.kit), brief, desk, 30), desk


async def test_an_interrupted_conversation_is_taken_up_again_and_not_told_twice(tmp_path: Path) -> None:
    here = resuming(room(tmp_path), "loads", "--do", f"say I go on\n{DELIVER}")
    assert AcpSeat(here.kit).facts.can_resume
    conversation = await interrupted(here)
    outcome, desk = await again(here, conversation)
    assert outcome == SeatOutcome(kind="ok")
    assert desk.conversations == [(conversation, "")]
    assert "I go on" in desk.said
    assert "the brief was told" not in desk.said
    assert "what was said before" not in desk.said


@pytest.mark.parametrize(
    ("arguments", "why"), [((), "it does not say that it can"), (("loads", "forgets"), "no such conversation")]
)
async def test_one_that_cannot_take_it_up_begins_afresh_and_says_so(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    here = resuming(room(tmp_path), *arguments)
    conversation = await interrupted(here)
    outcome, desk = await again(here, conversation)
    assert outcome == SeatOutcome(kind="ok")
    assert "the brief was told" in desk.said
    ((kind, text),) = desk.notices
    assert (kind, why in text) == ("note", True), text


@pytest.mark.parametrize(("planted", "name"), [("settings.toml", "settings.toml"), ("own", "own/settings.toml")])
async def test_a_link_that_an_agent_planted_leads_no_file_of_ours_out_of_its_home(
    tmp_path: Path, planted: str, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "settings.toml").write_text("the user's own")
    here = resuming(room(tmp_path), "loads", "--do", f"say I go on\n{DELIVER}")
    target = outside / "settings.toml" if planted == name else outside
    turn = asyncio.ensure_future(here.play(f"link {planted} {target}", "slow 10000", DELIVER))
    await until(lambda: "tick" in here.desk.said)
    turn.cancel()
    await asyncio.wait([turn])
    ((conversation, _),) = here.desk.conversations
    home = Path(here.kit.place, conversation, "home")
    assert (home / planted).is_symlink(), "the control: it can plant one"
    agent = Agent(title="ours", command=("ours",), resumes=True, files={name: "ours"})
    here.kit = replace(here.kit, agent=agent)
    outcome, _ = await again(here, conversation)
    assert (outside / "settings.toml").read_text() == "the user's own"
    assert list(outside.iterdir()) == [outside / "settings.toml"]
    assert outcome.kind == "failed"
    assert "link" in outcome.note


async def test_a_conversation_that_is_not_there_any_more_begins_afresh_and_says_so(tmp_path: Path) -> None:
    for conversation in ("../../up", "0f8fad5b-d9cb-469f-a165-70867728950e"):
        outcome, desk = await again(resuming(room(tmp_path), "loads"), conversation)
        assert outcome == SeatOutcome(kind="ok")
        ((fresh, _),) = desk.conversations
        assert fresh != conversation
        assert "the brief was told" in desk.said
        ((kind, text),) = desk.notices
        assert (kind, "it is not there any more" in text) == ("note", True), text


async def test_a_folder_that_nobody_came_back_to_for_a_month_is_taken_away_and_no_other(tmp_path: Path) -> None:
    here = resuming(room(tmp_path), "loads", "--do", f"say I go on\n{DELIVER}")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "own").write_text("the user's own")
    turns = []
    for _ in range(2):
        turns.append(await interrupted(here))
        here.desk = RecordingDesk()
    old, cut_off = (Path(here.kit.place, id) for id in turns)
    (old / "home" / "link").symlink_to(outside)
    month = 31 * 86_400
    for folder, days in ((old, month), (cut_off, month - 2 * 86_400)):
        then = folder.stat().st_mtime - days
        os.utime(folder, (then, then))
    before = cut_off.stat().st_mtime
    assert (await here.play(DELIVER)).kind == "ok"
    assert not old.exists()
    assert (outside / "own").read_text() == "the user's own"
    outcome, desk = await again(here, cut_off.name)
    assert outcome == SeatOutcome(kind="ok")
    assert "I go on" in desk.said
    assert cut_off.stat().st_mtime > before, "its month begins anew"


async def test_two_turns_share_neither_a_folder_nor_a_conversation(tmp_path: Path) -> None:
    here = room(tmp_path)
    for _ in range(2):
        assert (await here.play("home", DELIVER)).kind == "ok"
    (one, _), (other, _) = here.desk.conversations
    assert one != other
    homes = [line for line in here.desk.said.splitlines() if line.startswith("[home]")]
    assert len(set(homes)) == 2
    assert all(id in told for id, told in zip((one, other), homes, strict=True))
