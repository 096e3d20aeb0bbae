"""The control socket: whom it answers, what it refuses, and what is left of it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from crew import SUPERVISOR, Crew, MindSeat, make_crew, settled, small_task

from factory_tui.adapters.control import ControlHeld, RemoteError, ask, serving
from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.house import open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.cli.talking import reception_of
from factory_tui.domain.errors import Refusal, WorldError
from factory_tui.domain.waiting import waiting
from factory_tui.engine.reception import Adopt, Inbox, Reply, Status, parse
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief


async def echo(data: bytes) -> Mapping[str, Any]:
    told = json.loads(data)
    if told.get("type") == "refuse":
        raise Refusal(what="no", why="because", next_step="ask otherwise")
    return {"told": told}


async def raw(path: str, line: bytes) -> Any:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    await writer.drain()
    answer = await reader.readline()
    writer.close()
    return json.loads(answer) if answer else None


async def test_a_request_is_answered_and_a_refusal_keeps_its_words(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    async with serving(path, echo):
        assert await asyncio.to_thread(ask, path, {"type": "x"}) == {"told": {"type": "x"}}
        with pytest.raises(RemoteError) as refused:
            await asyncio.to_thread(ask, path, {"type": "refuse"})
    assert (refused.value.what, refused.value.why, refused.value.next_step) == ("no", "because", "ask otherwise")
    assert refused.value.exit_code == 1


async def test_it_is_its_owners_alone_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "s"
    before = os.umask(0)
    try:
        async with serving(str(path), echo):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert not path.exists()
    assert ask(str(path), {"type": "x"}) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can call as somebody else")
async def test_another_user_is_not_answered_even_where_the_mode_lets_them_in(tmp_path: Path) -> None:
    path = tmp_path / "s"
    call = (
        "import os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\nos.setuid(int(sys.argv[2]))\ns.connect(sys.argv[1])\n"
        's.sendall(b\'{"v": 1, "request": {}}\\n\')\nprint(s.recv(999))\n'
    )
    async with serving(str(path), echo):
        path.chmod(0o777)
        for folder in (path.parent, *path.parent.parents):
            if folder.is_relative_to("/tmp/pytest-of-root") or "pytest" in str(folder):
                folder.chmod(0o755)

        async def called_by(user: int) -> str:
            words = [sys.executable, "-I", "-c", call, str(path), str(user)]
            done = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr

        assert "told" in await called_by(0)  # the control: the same call by the owner
        stranger = await called_by(65534)
    assert "told" not in stranger
    assert stranger.strip() == "b''" or "ConnectionResetError" in stranger or "BrokenPipe" in stranger


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"no json\n", "no line of JSON"),
        (b"[]\n", "different versions"),
        (b'{"v": 2, "request": {}}\n', "different versions"),
        (b'{"request": {}}\n', "different versions"),
    ],
)
async def test_what_is_no_request_is_refused(tmp_path: Path, line: bytes, said: str) -> None:
    path = str(tmp_path / "s")
    async with serving(path, echo):
        answer = await raw(path, line)
    assert answer["ok"] is False
    assert said in answer["error"]["what"]


@pytest.mark.parametrize("text", ["{}", '{"type": "rm"}', '{"type": "answer"}', '{"type": "inbox", "also": 1}', "1"])
def test_an_unknown_request_is_refused_at_the_border(text: str) -> None:
    with pytest.raises(Refusal):
        parse(text)


async def test_a_second_factory_leaves_the_first_ones_socket_alone_and_a_crashed_ones_is_replaced(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    assert path.exists()
    async with serving(str(path), echo):
        with pytest.raises(ControlHeld):
            async with serving(str(path), echo):
                raise AssertionError("two factories answer")
        assert await asyncio.to_thread(ask, str(path), {"type": "x"}) is not None


async def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    with pytest.raises(WorldError):
        async with serving(str(path), echo):
            pass
    assert path.read_text() == "mine"


# --- who may answer ------------------------------------------------------------------------------


async def waits_long(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
    await asyncio.Event().wait()
    return None


def with_control(crew: Crew, control: str) -> None:
    crew.seat = MindSeat(crew.seat.minds, control=control)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wall", "control", "is_refused"),
    [
        ("none", "brokered", True),
        ("none, DEGRADED: accepted by the supervisor", "supervised", True),
        ("", "brokered", True),
        ("none", "rehearsed", False),
        ("none", "human", False),
        ("bwrap", "brokered", False),
    ],
)
async def test_without_a_wall_answers_are_refused_while_a_seat_runs_that_could_give_them(
    tmp_path: Path, wall: str, control: str, is_refused: bool
) -> None:
    import msgspec

    crew = make_crew(tmp_path, {"builder": waits_long})
    with_control(crew, control)
    async with crew.session() as house:
        await small_task(house, "Add three numbers")
        await house.factory.until(lambda state: bool(state.turns))
        house.factory.state = msgspec.structs.replace(house.state, wall=wall)
        reception = reception_of(house)
        hold = Reply(id="H-1", verb="hold")
        assert (await reception.answer(Status(), SUPERVISOR))["turns"]
        assert "waiting" in await reception.answer(Inbox(), SUPERVISOR)
        for request in (hold, Adopt(proposal="P-1")):
            with pytest.raises(Refusal) as refused:
                await reception.answer(request, SUPERVISOR)
            assert ("are refused while" in refused.value.what) is is_refused
        with pytest.raises(Refusal) as typed:
            await reception.answer(hold, SUPERVISOR, at_terminal=True)
        assert "are refused while" not in typed.value.what


async def test_an_answer_names_the_object_that_was_looked_at(tmp_path: Path) -> None:
    crew = make_crew(tmp_path, {})
    async with crew.session("step") as house:
        await small_task(house, "Add three numbers")
        await settled(house)
        reception = reception_of(house)
        item = next(item for item in waiting(house.state) if item.id == "H-1")
        shown = await reception.answer(Inbox(id="h-1"), SUPERVISOR)
        assert shown["item"]["sha256"] == item.sha256
        assert any("Add three numbers" in part["text"] for part in shown["parts"])
        for wrong in ("0" * 64, item.sha256[:5], "f" * 12):
            with pytest.raises(Refusal, match="H-1 is not"):
                await reception.answer(Reply(id="H-1", verb="hold", sha256=wrong), SUPERVISOR)
        with pytest.raises(Refusal):
            await reception.answer(Reply(id="H-1", verb="looks good to me", sha256=item.sha256), SUPERVISOR)
        told = await reception.answer(Reply(id="H-1", verb="hold", sha256=item.sha256[:12]), SUPERVISOR)
        assert told["sha256"] == item.sha256
        assert house.state.task("T-1").held


async def test_opening_a_house_for_an_answer_starts_no_job(tmp_path: Path) -> None:
    crew = make_crew(tmp_path, {"builder": waits_long})
    async with crew.session("step") as house:
        await small_task(house, "Add three numbers")
        await settled(house)
    ground = find_ground(str(crew.root), crew.environment)
    house = open_house(ground, seats=lambda charter: SeatTable({"mind": lambda: crew.seat}, charter))
    try:
        digest = next(item for item in waiting(house.state) if item.kind == "digest")
        await reception_of(house).answer(parse(json.dumps({"type": "ack", "digest": digest.id})), SUPERVISOR)
        await house.seal_briefs()
        await reception_of(house).answer(Reply(id="H-1", verb="approve"), SUPERVISOR)
        assert house.state.task("T-1").stage == "released"
        assert house.factory.running == ()
        assert crew.seat.seen == []
    finally:
        house.ledger.close()
