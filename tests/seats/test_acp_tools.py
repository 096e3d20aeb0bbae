"""The factory's tools as an agent's own: by a server of the real protocol, through the wall, with the real client."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from acp_seats import acp_kit
from desks import OK, RecordingDesk
from test_acp import NO, Room, room

from factory_tui.adapters.offered_tools import offered_tools
from factory_tui.adapters.tool_server import VERSIONS, ToolServer
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import ActionResult, SeatOutcome


def tool(name: str, **arguments: object) -> str:
    return "tool " + json.dumps({"tool": name, "arguments": arguments})


DELIVER = tool("hand_over", note="done")


def listening(tmp_path: Path, *more: str) -> Room:
    return room(tmp_path, "mcp", *more)


@pytest.mark.needs_acp
@pytest.mark.needs_claude
@pytest.mark.needs_bwrap
class TestBehindTheWall:
    async def test_what_it_calls_comes_to_the_desk_and_the_result_comes_back(self, tmp_path: Path) -> None:
        here = listening(tmp_path)
        here.desk.answer = lambda action: NO if action.kind == "run" else replace(OK, text=f"{action.kind} is done")
        lines = (tool("read", path="a.py"), tool("run", command="rm -rf ."), DELIVER)
        assert await here.play(*lines) == SeatOutcome(kind="ok")
        assert here.desk.acted == [
            Action(kind="read", path="a.py"),
            Action(kind="run", command="rm -rf ."),
            Action(kind="hand_over", text="done"),
        ]
        assert "[tool] ok: read is done" in here.desk.said
        assert "[tool] no: denied. Instead: another way" in here.desk.said

    async def test_it_is_offered_what_its_card_allows_and_told_of_it_nowhere_else(self, tmp_path: Path) -> None:
        here = listening(tmp_path)
        assert (await here.play("tools", DELIVER)).kind == "ok"
        card = here.brief("builder").card
        assert card is not None
        names = [one.name for one in offered_tools(card, "author")]
        assert f"[tools] {' '.join(names)}" in here.desk.said

    async def test_a_call_of_what_is_not_offered_is_denied_on_record(self, tmp_path: Path) -> None:
        here = listening(tmp_path)
        assert (await here.play(tool("bash", command="id"), DELIVER)).kind == "ok"
        assert here.desk.denied == ["bash"]
        assert here.desk.kinds == ["hand_over"]

    async def test_what_cannot_be_read_is_asked_for_twice_again(self, tmp_path: Path) -> None:
        here = listening(tmp_path)
        wrong = tool("hand_over", nope=1)
        outcome = await here.play(wrong, wrong, wrong)
        assert outcome == SeatOutcome(kind="failed", note="`hand_over` could not be read 3 times")
        assert here.desk.denied == ["hand_over"] * 3

    async def test_one_that_calls_and_delivers_nothing_is_asked_again_twice(self, tmp_path: Path) -> None:
        here = listening(tmp_path)
        outcome = await here.play(tool("read", path="a.py"))
        assert outcome == SeatOutcome(kind="failed", note="it ended 3 times with nothing delivered")

    async def test_after_its_delivery_nothing_of_it_is_done(self, tmp_path: Path) -> None:
        here = listening(tmp_path)
        assert (await here.play(DELIVER, tool("read", path="a.py"), "say I go on")).kind == "ok"
        assert here.desk.kinds == ["hand_over"]
        assert "I go on" not in here.desk.said

    async def test_a_result_that_it_did_not_wait_for_is_told_next(self, tmp_path: Path) -> None:
        """A person may take longer than an agent's own patience. On a busy machine both get more time."""
        shy = "shy " + json.dumps({"tool": "read", "arguments": {"path": "a.py"}})

        async def with_patience(seconds: float) -> bool:
            place = tmp_path / str(seconds)
            place.mkdir()
            here = listening(place)
            held = here.desk.act

            async def slowly(action: Action) -> ActionResult:
                if action.kind == "read":
                    await asyncio.sleep(2 * seconds)
                    return replace(OK, text=f"DO:\n{DELIVER}\nEND")
                return await held(action)

            here.desk.act = slowly  # type: ignore[method-assign]
            here.kit = replace(here.kit, silence_seconds=seconds)
            outcome = await here.play(shy, "say what now?")
            return outcome == SeatOutcome(kind="ok") and "I did not wait" in here.desk.said

        assert await with_patience(0.5) or await with_patience(5.0)

    async def test_an_agent_that_never_asks_for_its_tools_is_told_of_them_in_words(self, tmp_path: Path) -> None:
        here = room(tmp_path)
        call = 'call {"tool": "hand_over", "arguments": {"note": "done"}}'
        assert (await here.play(call)).kind == "ok"


# --- the server by itself ------------------------------------------------------------------------


async def nothing(name: str, arguments: object) -> ActionResult:
    return ActionResult(ok=False, decision="deny", text=f"{name} is denied")


async def asked(server: ToolServer, method: str, **params: object) -> dict[str, object]:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    found: dict[str, object] = json.loads(await server.answer(json.dumps(request).encode()))
    return found


@pytest.mark.parametrize(("wanted", "spoken"), [("2024-11-05", "2024-11-05"), ("1999-01-01", VERSIONS[0])])
async def test_it_speaks_the_version_of_its_client_where_it_knows_it(wanted: str, spoken: str) -> None:
    told = await asked(ToolServer((), nothing), "initialize", protocolVersion=wanted)
    assert told["result"]["protocolVersion"] == spoken  # type: ignore[index]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{", -32_700),
        (b"[" * 100_000, -32_700),
        (b"[]", -32_600),
        (b'{"id": 1}', -32_600),
        (b'{"id": 1, "method": "resources/list"}', -32_601),
        (b'{"id": 1, "method": "tools/call", "params": {}}', -32_602),
        (b'{"id": 1, "method": "tools/call", "params": []}', -32_602),
        (b'{"id": 1, "method": "x", "params": "' + b"x" * 5_000_000 + b'"}', -32_600),
    ],
)
async def test_what_is_no_request_is_answered_as_what_it_is(message: bytes, code: int) -> None:
    told = json.loads(await ToolServer((), nothing).answer(message) or b"{}")
    assert told["error"]["code"] == code


async def test_what_wants_no_answer_gets_none() -> None:
    server = ToolServer((), nothing)
    assert await server.answer(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}') == b""
    assert not server.listed.is_set()
    await asked(server, "tools/list")
    assert server.listed.is_set()


# --- who may call --------------------------------------------------------------------------------


@pytest.mark.needs_acp
@pytest.mark.needs_bwrap
async def test_without_the_seats_stand_in_nothing_is_called(tmp_path: Path) -> None:
    """The attempt with it is every test above."""
    desk = RecordingDesk()
    here = Room(tmp_path, acp_kit(tmp_path), desk)
    assert (await here.play("uninvited", 'call {"tool": "hand_over", "arguments": {"note": "done"}}')).kind == "ok"
    assert "[uninvited] 401" in desk.said
    assert desk.kinds == ["hand_over"]
