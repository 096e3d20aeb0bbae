"""The factory's tools as an agent's program is offered them: a server of the Model Context Protocol.

What it answers it answers out here, where the broker is. All that stands inside the wall is a pipe: a few lines that
the agent starts as its server, and that carry each message over the one way out and back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from factory_tui.adapters.enclosure import base_python
from factory_tui.adapters.endpoint import TOOLS_PATH
from factory_tui.adapters.offered_tools import LARGEST_CALL, Tool
from factory_tui.engine.seat_ports import ActionResult

NAME = "factory"
"""What its clients call it; their names of its tools begin with it."""
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Of the protocol, the newest first. They differ in nothing that is used here."""
LONGEST_MESSAGE = LARGEST_CALL + 10_000
UNREADABLE, NO_REQUEST, NO_METHOD, NO_PARAMETERS = -32_700, -32_600, -32_601, -32_602

PIPE = """\
import http.client, json, os, sys, threading
from urllib.parse import urlsplit
place, one = urlsplit(os.environ["FACTORY_TOOLS"]), threading.Lock()
headers = {"authorization": "Bearer " + os.environ["FACTORY_STAND_IN"], "content-type": "application/json"}
def carry(message):
    try:
        line = http.client.HTTPConnection(place.hostname, place.port)
        line.request("POST", place.path, message, headers)
        answer = line.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise OSError(f"{answer.status} {told[:200]!r}")
    except (OSError, http.client.HTTPException) as error:
        try:
            id = json.loads(message).get("id")
        except (ValueError, AttributeError):
            id = None
        failed = {"code": -32000, "message": f"the factory does not answer: {error}"}
        told = b"" if id is None else json.dumps({"jsonrpc": "2.0", "id": id, "error": failed}).encode()
    if told:
        with one:
            sys.stdout.buffer.write(told + b"\\n")
            sys.stdout.buffer.flush()
under_way = []
for message in sys.stdin.buffer:
    if message.strip():
        under_way.append(threading.Thread(target=carry, args=(message,), daemon=True))
        under_way[-1].start()
"""
"""Run inside. No call has a limit of time: it may wait for a person."""


def server_for(url: str, stand_in: str) -> dict[str, Any]:
    """As the Agent Client Protocol names a server to an agent: a command over pipes, which every agent can start."""
    return {
        "name": NAME,
        "command": base_python(),
        "args": ["-I", "-S", "-c", PIPE],
        "env": [
            {"name": "FACTORY_TOOLS", "value": f"{url}{TOOLS_PATH}"},
            {"name": "FACTORY_STAND_IN", "value": stand_in},
        ],
    }


@dataclass(frozen=True, eq=False)
class Heard:
    """A call under way."""

    name: str
    result: asyncio.Future[ActionResult]


class _Wrong(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ToolServer:
    """Answers one client. `call` carries a tool's call to the desk, whatever its name and arguments."""

    def __init__(
        self, tools: Sequence[Tool], call: Callable[[str, object], Awaitable[ActionResult]], about: str = ""
    ) -> None:
        """`about` is what the client's model is told of all of them."""
        self._tools, self._call, self._about = tools, call, about
        self.listed = asyncio.Event()
        """Somebody has asked which tools there are: from then on its model is offered them."""
        self._under_way: dict[object, Heard] = {}
        self._unheard: list[Heard] = []

    async def unheard(self) -> tuple[tuple[str, ActionResult], ...]:
        """Calls whose client did not wait for the result, each with it, once they are all done. Each is told once."""
        given_up, self._unheard = self._unheard, []
        return tuple([(one.name, await one.result) for one in given_up])

    def close(self) -> None:
        """Nobody waits for anything any more."""
        for one in (*self._under_way.values(), *self._unheard):
            one.result.cancel()

    async def answer(self, message: bytes) -> bytes:
        """To one message; empty = there is nothing to say to it."""
        id: object = None
        try:
            request = _request(message)
            id = request.get("id")
            params = request.get("params") or {}
            if not isinstance(params, dict):
                raise _Wrong(NO_PARAMETERS, "`params` is no object")
            if id is None:
                self._told(request["method"], params)
                return b""
            return _said({"id": id, "result": await self._result(id, request["method"], params)})
        except _Wrong as wrong:
            return _said({"id": id, "error": {"code": wrong.code, "message": str(wrong)}})

    def _told(self, method: str, params: dict[str, Any]) -> None:
        if method == "notifications/cancelled" and (found := self._under_way.get(_key(params.get("requestId")))):
            self._unheard.append(found)

    async def _called(self, id: object, name: str, arguments: object) -> ActionResult:
        """What was begun at the desk goes on there, whether its client waits or not."""
        heard = self._under_way[_key(id)] = Heard(name, asyncio.ensure_future(self._call(name, arguments)))
        try:
            return await asyncio.shield(heard.result)
        except asyncio.CancelledError:
            if not heard.result.cancelled() and heard not in self._unheard:
                self._unheard.append(heard)
            raise
        finally:
            del self._under_way[_key(id)]

    async def _result(self, id: object, method: str, params: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "initialize":
                wanted = params.get("protocolVersion")
                told: dict[str, Any] = {
                    "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": NAME, "version": "1"},
                }
                return {**told, "instructions": self._about} if self._about else told
            case "ping":
                return {}
            case "tools/list":
                self.listed.set()
                tools = [
                    {"name": tool.name, "description": tool.description, "inputSchema": tool.schema}
                    for tool in self._tools
                ]
                return {"tools": tools}
            case "tools/call":
                if not isinstance(name := params.get("name"), str):
                    raise _Wrong(NO_PARAMETERS, "`name` is missing")
                result = await self._called(id, name, params.get("arguments") or {})
                return {"content": [{"type": "text", "text": result.text}], "isError": not result.ok}
            case _:
                raise _Wrong(NO_METHOD, f"`{method[:80]}` is not offered")


def _key(id: object) -> object:
    return id if isinstance(id, str | int) else json.dumps(id)


def _request(message: bytes) -> dict[str, Any]:
    if len(message) > LONGEST_MESSAGE:
        raise _Wrong(NO_REQUEST, f"a message is longer than {LONGEST_MESSAGE} bytes")
    try:
        found = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise _Wrong(UNREADABLE, f"it is no JSON: {error}"[:200]) from error
    if not isinstance(found, dict) or not isinstance(found.get("method"), str):
        raise _Wrong(NO_REQUEST, "it is no request")
    return found


def _said(answer: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **answer}).encode()
