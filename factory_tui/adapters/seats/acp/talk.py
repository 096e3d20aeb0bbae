"""Talking with a running agent in the Agent Client Protocol. The only module that imports its library."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from acp import PROTOCOL_VERSION, RequestError
from acp.connection import Connection
from acp.schema import (
    CreateTerminalRequest,
    ReadTextFileRequest,
    RequestPermissionRequest,
    TerminalOutputRequest,
    WriteTextFileRequest,
)

from factory_tui.adapters.enclosure import Program
from factory_tui.adapters.seats.acp.asking import Wish, command_line, relative
from factory_tui.domain.errors import WorldError
from factory_tui.engine.seat_ports import ActionResult

LONGEST_LINE = 32 << 20
MOST_GARBAGE = 200
"""Lines in a row that are no messages, before it is given up."""
REFUSED = -32_000
"""The protocol's number for whatever a client does not do."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A prompt was answered."""

    stop: str
    """end_turn, max_tokens, max_turn_requests, refusal, cancelled"""
    usage: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A session that can be prompted."""

    session: str
    """The agent's own id of it."""
    is_resumed: bool = False
    why_afresh: str = ""
    """Why the one that was to be taken up could not be."""


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """A command that runs at the desk."""

    done: asyncio.Task[ActionResult]
    most: int
    """Characters of its output that are told."""


class Ears(Protocol):
    """What an agent's words and wishes come to."""

    def lives(self) -> None:
        """Bytes came."""

    def garbage(self, line: str) -> None:
        """A line that is no message."""

    def updated(self, update: Mapping[str, Any]) -> None:
        """It tells how it goes on."""

    async def permitted(self, wish: Wish) -> bool: ...
    async def read(self, path: str) -> ActionResult: ...
    async def write(self, path: str, content: str) -> ActionResult: ...
    async def run(self, command: str) -> ActionResult: ...

    def refused(self, method: str, params: object, why: str) -> None:
        """It asked for what is not offered."""


class Line:
    """Messages over the pipes of a program. Satisfies the library's `Transport`."""

    def __init__(self, program: Program, ears: Ears) -> None:
        self._program, self._ears = program, ears
        self._kept = bytearray()
        self._garbage = 0
        self._closed = False

    async def send(self, message: dict[str, Any]) -> None:
        # Once it is gone there is nobody to tell; that it is gone is seen where it is read.
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._program.write(json.dumps(message).encode() + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        while not self._closed:
            line, found, rest = bytes(self._kept).partition(b"\n") if b"\n" in self._kept else (b"", b"", b"")
            if found:
                self._kept = bytearray(rest)
                if message := self._message(line):
                    return message
                if self._garbage > MOST_GARBAGE:
                    return None
                continue
            if len(self._kept) > LONGEST_LINE:
                self._ears.garbage(f"a line longer than {LONGEST_LINE >> 20} MB")
                return None
            chunk = await self._program.output.read(1 << 16)
            if not chunk:
                return None
            self._ears.lives()
            self._kept += chunk
        return None

    def _message(self, line: bytes) -> dict[str, Any] | None:
        if not line.strip():
            return None
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and found.get("jsonrpc") == "2.0" and ("method" in found or "id" in found):
            self._garbage = 0
            return found
        self._garbage += 1
        self._ears.garbage(line[:200].decode("utf-8", "replace"))
        return None

    async def close(self) -> None:
        self._closed = True


class Talk:
    """One session. Whatever fails is a WorldError, or ConnectionError when the agent is gone."""

    def __init__(self, program: Program, ears: Ears, *, root: str, offers: bool) -> None:
        """`root` is the session's directory as the agent sees it. `offers`: files and terminals of ours."""
        self._ears, self._root, self._offers = ears, root, offers
        self._terminals: dict[str, Terminal] = {}
        self._connection = Connection(self._handle, Line(program, ears))
        self._session = ""
        self._is_replaying = False

    async def open(
        self, meta: Mapping[str, Any], seconds: float, servers: Sequence[Mapping[str, Any]] = (), resume: str = ""
    ) -> Opened:
        """`servers` of tools are offered to it. `resume` is its own id of the conversation to take up again, where it
        can; else a new one is opened."""
        try:
            async with asyncio.timeout(seconds):
                able = await self._greet()
                wanted = {"cwd": self._root, "mcpServers": list(servers), **({"_meta": dict(meta)} if meta else {})}
                why_not = ""
                if resume:
                    method = _way_to_resume(able)
                    why_not = await self._take_up(method, resume, wanted) if method else "it does not say that it can"
                    if not why_not:
                        return Opened(session=resume, is_resumed=True)
                opened = await self._ask("session/new", wanted)
        except TimeoutError as error:
            raise WorldError(what=f"it did not open a session in {seconds:g} s") from error
        self._session = str(opened.get("sessionId", ""))
        return Opened(session=self._session, why_afresh=why_not)

    async def _greet(self) -> Mapping[str, Any]:
        """What it is able to."""
        offered = {"fs": {"readTextFile": self._offers, "writeTextFile": self._offers}, "terminal": self._offers}
        hello = await self._ask(
            "initialize",
            {
                "protocolVersion": PROTOCOL_VERSION,
                "clientCapabilities": offered,
                "clientInfo": {"name": "factory", "version": "1"},
            },
        )
        if hello.get("protocolVersion") != PROTOCOL_VERSION:
            raise WorldError(
                what=f"it speaks version {hello.get('protocolVersion')!r} of the protocol, not ours",
                next_step="update the agent",
            )
        able = hello.get("agentCapabilities")
        return able if isinstance(able, dict) else {}

    async def _take_up(self, method: str, session: str, wanted: Mapping[str, Any]) -> str:
        """Why it could not; empty = the conversation goes on. What was said in it is not said again."""
        self._session, self._is_replaying = session, True
        try:
            await self._ask(method, {"sessionId": session, **wanted})
        except WorldError as error:
            return str(error)
        finally:
            self._is_replaying = False
        return ""

    async def prompt(self, text: str) -> Answered:
        blocks = [{"type": "text", "text": text}]
        answer = await self._ask("session/prompt", {"sessionId": self._session, "prompt": blocks})
        usage = answer.get("usage")
        return Answered(stop=str(answer.get("stopReason", "")), usage=usage if isinstance(usage, dict) else {})

    async def cancel(self) -> None:
        """Asks it to stop; the prompt that is under way is answered then."""
        if self._session:
            await self._connection.send_notification("session/cancel", {"sessionId": self._session})

    async def close(self) -> None:
        """Ends every wish that is under way, too."""
        await self._connection.close()
        for terminal in self._terminals.values():
            terminal.done.cancel()
        if self._terminals:
            await asyncio.wait([terminal.done for terminal in self._terminals.values()])

    async def _ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._connection.send_request(method, dict(params))
        except RequestError as error:
            told = f": {json.dumps(error.data)[:300]}" if error.data else ""
            raise WorldError(what=f"it refused `{method}`", why=f"{error}{told}") from error
        return answer if isinstance(answer, dict) else {}

    # --- what it asks of us ----------------------------------------------------------------------

    async def _handle(self, method: str, params: Any, is_notification: bool) -> Any:
        """Raises nothing but RequestError and pydantic's own: the library writes anything else over the screen."""
        if is_notification:
            update = params.get("update") if isinstance(params, dict) else None
            if method == "session/update" and isinstance(update, dict) and not self._is_replaying:
                with contextlib.suppress(Exception):  # how it says things is its own; a turn does not fail by it
                    self._ears.updated(update)
            return None
        handle = _REQUESTS.get(method)
        if handle is None or (method != "session/request_permission" and not self._offers):
            self._ears.refused(method, params, "this seat does not offer it")
            raise RequestError(-32_601, f"`{method}` is not offered to this seat")
        if isinstance(params, dict) and params.get("sessionId") != self._session:
            raise RequestError(REFUSED, "there is no such session")
        return await handle(self, params)

    async def _permission(self, params: Any) -> Any:
        asked = RequestPermissionRequest.model_validate(params)
        call = asked.tool_call
        given = call.raw_input if isinstance(call.raw_input, dict) else {}
        places = [place.path for place in call.locations or []]
        diffs = [part for part in call.content or [] if getattr(part, "type", "") == "diff"]
        paths = places or [str(part.path) for part in diffs if hasattr(part, "path")]
        wish = Wish(
            kind=call.kind or "other",
            title=call.title or "",
            paths=tuple(dict.fromkeys(relative(path, self._root) for path in paths)),
            command=_text(given.get("command")) or (call.title or "").strip().strip("`"),
            pattern=_text(given.get("pattern")),
            content=next((_text(getattr(part, "new_text", None)) for part in diffs), None),
        )
        is_permitted = await self._ears.permitted(wish)
        # Never "always": the next time is asked about as well.
        kinds = ("allow_once",) if is_permitted else ("reject_once", "reject_always")
        chosen = next((option.option_id for kind in kinds for option in asked.options if option.kind == kind), "")
        return {"outcome": {"outcome": "selected", "optionId": chosen} if chosen else {"outcome": "cancelled"}}

    async def _read(self, params: Any) -> Any:
        asked = ReadTextFileRequest.model_validate(params)
        text = _told(await self._ears.read(relative(asked.path, self._root))).text
        if asked.line or asked.limit:
            start = max((asked.line or 1) - 1, 0)
            text = "".join(text.splitlines(keepends=True)[start : start + asked.limit if asked.limit else None])
        return {"content": text}

    async def _write(self, params: Any) -> Any:
        asked = WriteTextFileRequest.model_validate(params)
        _told(await self._ears.write(relative(asked.path, self._root), asked.content))
        return {}

    async def _terminal(self, params: Any) -> Any:
        asked = CreateTerminalRequest.model_validate(params)
        line = command_line(asked.command, asked.args or [])
        if asked.cwd and relative(asked.cwd, self._root) != self._root:
            why = "commands run in the root of the tree"
            self._ears.refused("terminal/create", params, why)
            raise RequestError(REFUSED, why)
        running = asyncio.get_running_loop().create_task(self._ears.run(line))
        id = f"terminal-{len(self._terminals) + 1}"
        self._terminals[id] = Terminal(done=running, most=asked.output_byte_limit or LONGEST_LINE)
        return {"terminalId": id}

    async def _output(self, params: Any) -> Any:
        terminal = self._known(params)
        if not terminal.done.done():
            return {"output": "", "truncated": False}
        result = terminal.done.result()
        cut = len(result.text) > terminal.most
        return {"output": result.text[-terminal.most :], "truncated": cut, "exitStatus": _exit(result)}

    async def _wait(self, params: Any) -> Any:
        return _exit(await asyncio.shield(self._known(params).done))

    async def _kill(self, params: Any) -> Any:
        """A command ends by itself or by its own limits, and its end is on record."""
        self._known(params)
        return {}

    def _known(self, params: Any) -> Terminal:
        found = self._terminals.get(TerminalOutputRequest.model_validate(params).terminal_id)
        if found is None:
            raise RequestError(REFUSED, "there is no such terminal")
        return found


_REQUESTS: Mapping[str, Callable[[Talk, Any], Awaitable[Any]]] = {
    "session/request_permission": Talk._permission,
    "fs/read_text_file": Talk._read,
    "fs/write_text_file": Talk._write,
    "terminal/create": Talk._terminal,
    "terminal/output": Talk._output,
    "terminal/wait_for_exit": Talk._wait,
    "terminal/kill": Talk._kill,
    "terminal/release": Talk._kill,
}


def _way_to_resume(able: Mapping[str, Any]) -> str:
    """The request that takes a session up again, by what it declares; empty = it has none."""
    sessions = able.get("sessionCapabilities")
    if isinstance(sessions, dict) and sessions.get("resume") is not None:
        return "session/resume"
    return "session/load" if able.get("loadSession") is True else ""


def _told(result: ActionResult) -> ActionResult:
    if not result.ok:
        raise RequestError(REFUSED, result.text[:4_000])
    return result


def _exit(result: ActionResult) -> dict[str, Any]:
    return {"exitCode": result.exit_code if result.exit_code is not None else 0 if result.ok else 1}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
