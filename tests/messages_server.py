"""A Messages server on loopback whose model is a script: the wire is real, only the mind is made up.

    async with MessagesServer(Script(Reply(calls=[("read", {"path": "a.py"})]), Reply(text="done"))) as server:
        ... server.url, server.requests

It takes either way of sending a key, streaming and plain requests, `system` inside of messages, and what clients ask
before they begin. Every fault that a real server or network shows is a field of `Reply`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the model answers to one request; or how the server fails it."""

    text: str = ""
    thinking: str = ""
    calls: Sequence[tuple[str, Any]] = ()
    """Tool names with their input; an input that is no dict goes out as it is, however broken."""
    stop: str = ""
    """empty = `tool_use` or `end_turn`, as fits"""
    details: dict[str, Any] | None = None
    """`stop_details`, of a refusal"""
    usage: dict[str, int] = field(default_factory=dict)

    # how it comes
    wait: float = 0.0
    """Seconds before the first byte; `for ever` is 600."""
    gap: float = 0.0
    """Seconds between two pieces."""
    piece: int = 12
    """Characters of one piece."""

    # how it fails
    status: int = 0
    """Answered instead, with an error body."""
    message: str = "so it was scripted"
    headers: dict[str, str] = field(default_factory=dict)
    cut: str = ""
    """After `after` pieces: `reset` the connection, `close` it without the last chunk, `end` cleanly without the last
    events, `silent` for ever, or the type of an `error` event (`overloaded_error`)."""
    after: int = 1
    cuts_all: bool = False
    """Plain answers as well: those clients fall back to that find no stream that holds."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def key(self) -> str:
        return self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body.get("messages", [])

    @property
    def system(self) -> str:
        """All system text, wherever it stands."""
        inside = [text_of(message["content"]) for message in self.messages if message.get("role") == "system"]
        return "\n".join([text_of(self.body.get("system", "")), *inside])

    @property
    def everything(self) -> str:
        """All text of the request but the tools."""
        return "\n".join([self.system, *(text_of(message["content"]) for message in self.messages)])

    @property
    def tools(self) -> list[str]:
        return [tool["name"] for tool in self.body.get("tools", [])]

    @property
    def results(self) -> list[tuple[str, bool]]:
        """Text and `is_error` of the tool results in the last message; some clients put words of their own behind."""
        said = [message for message in self.messages if message.get("role") != "system"]
        content = said[-1]["content"] if said else ""
        blocks = content if isinstance(content, list) else []
        return [
            (text_of(block.get("content", "")), bool(block.get("is_error")))
            for block in blocks
            if block.get("type") == "tool_result"
        ]


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = []
    for block in content or []:
        if block.get("type") == "text":
            parts.append(block["text"])
        elif block.get("type") == "tool_result":
            parts.append(text_of(block.get("content", "")))
    return "\n".join(parts)


Player = Callable[[Request], Reply]


class Script:
    """Plays replies one after the other, a reply for each request; the last one for ever if `again`."""

    def __init__(self, *replies: Reply, again: bool = False) -> None:
        self._left = deque(replies)
        self._again = again

    def __call__(self, request: Request) -> Reply:
        if not self._left:
            return Reply(text="(the script has ended)")
        return self._left[0] if self._again and len(self._left) == 1 else self._left.popleft()


class ByText:
    """A script for each conversation that holds a text: `ByText({"You are the Builder": Script(...)})`."""

    def __init__(self, scripts: dict[str, Player]) -> None:
        self._scripts = scripts

    def __call__(self, request: Request) -> Reply:
        text = request.everything
        for mark, script in self._scripts.items():
            if mark in text:
                return script(request)
        return Reply(text="(nobody plays this conversation)")


class _Cut(Exception):
    pass


class MessagesServer:
    """`url` is its base; `requests` are all messages requests, `others` everything else that was asked."""

    def __init__(self, play: Player | None = None, *, key: str = "") -> None:
        """`key`: requests with another one are refused with 401."""
        self.play: Player = play or (lambda request: Reply(text="ok"))
        self.requests: list[Request] = []
        self.others: list[Request] = []
        self.disconnects = 0
        """Clients that went away while they were answered."""
        self.gone = asyncio.Event()
        self.begun = asyncio.Event()
        """Set with the first piece of an answer."""
        self.url = ""
        self._key = key
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._count = 0

    async def __aenter__(self) -> MessagesServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 26)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    # --- the wire --------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        try:
            while (request := await _request(reader)) is not None:
                if not await self._answer(request, reader, writer):
                    break
        except (ConnectionError, BrokenPipeError):
            self.disconnects += 1
            self.gone.set()
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        path = request.path.split("?")[0]
        if path == "/v1/messages" and request.method == "POST":
            self.requests.append(request)
            if self._key and request.key != self._key:
                return await self._json(writer, 401, _error(401, "invalid x-api-key"))
            return await self._message(self.play(request), request, reader, writer)
        self.others.append(request)
        is_head = request.method == "HEAD"
        match path:
            case "/v1/messages/count_tokens":
                return await self._json(writer, 200, {"input_tokens": len(json.dumps(request.body)) // 4 + 1})
            case "/v1/models":
                return await self._json(writer, 200, {"data": [], "has_more": False, "first_id": None, "last_id": None})
            case "/" | "/api/hello":
                return await self._json(writer, 200, {}, empty=is_head)
            case _:
                return await self._json(writer, 404, _error(404, path), empty=is_head)

    async def _json(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        body: Any,
        headers: Mapping[str, str] = NOTHING,
        *,
        empty: bool = False,
    ) -> bool:
        data = json.dumps(body).encode()
        self._head(writer, status, {"content-type": "application/json", "content-length": str(len(data)), **headers})
        writer.write(b"" if empty else data)
        await writer.drain()
        return True

    def _head(self, writer: asyncio.StreamWriter, status: int, headers: dict[str, str]) -> None:
        self._count += 1
        headers = {"request-id": f"req_{self._count}", **headers}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    # --- the model -------------------------------------------------------------------------------

    async def _message(
        self, reply: Reply, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if reply.wait:
            await _unless_gone(reader, reply.wait)
        if reply.status:
            return await self._json(writer, reply.status, _error(reply.status, reply.message), reply.headers)
        blocks = self._blocks(reply)
        usage = {
            "input_tokens": 100,
            "output_tokens": max(1, len(json.dumps(blocks)) // 4),
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
            **reply.usage,
        }
        stop = reply.stop or ("tool_use" if reply.calls else "end_turn")
        message = {
            "id": f"msg_{self._count}",
            "type": "message",
            "role": "assistant",
            "model": request.body.get("model", ""),
            "content": blocks,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage,
            **({"stop_details": reply.details} if reply.details else {}),
        }
        if not request.body.get("stream"):
            self.begun.set()
            if reply.cut and reply.cuts_all:
                return await self._cut_plain(reply, message, reader, writer)
            return await self._json(writer, 200, message, reply.headers)
        return await self._stream(reply, message, reader, writer)

    async def _cut_plain(
        self, reply: Reply, message: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """As the stream, in its middle; an `error` event is an error's own answer here, and a clean end is whole."""
        if reply.cut in ERRORS.values():
            status = next(code for code, type in ERRORS.items() if type == reply.cut)
            return await self._json(writer, status, _error(status, reply.message))
        if reply.cut == "end":
            return await self._json(writer, 200, {**message, "stop_reason": None}, reply.headers)
        data = json.dumps(message).encode()
        self._head(writer, 200, {"content-type": "application/json", "content-length": str(len(data))})
        writer.write(data[: len(data) // 2])
        await writer.drain()
        if reply.cut == "silent":
            await _unless_gone(reader, 600)
        if reply.cut == "reset":
            writer.transport.abort()
        return False

    def _blocks(self, reply: Reply) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = []
        if reply.thinking:
            blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": "c2lnbmVk"})
        if reply.text:
            blocks.append({"type": "text", "text": reply.text})
        for name, given in reply.calls:
            self._count += 1
            blocks.append({"type": "tool_use", "id": f"toolu_{self._count:06}", "name": name, "input": given})
        return blocks

    async def _stream(
        self, reply: Reply, message: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        self._head(writer, 200, {"content-type": "text/event-stream", "transfer-encoding": "chunked", **reply.headers})
        sent = 0

        async def send(type: str, **data: Any) -> None:
            event = f"event: {type}\ndata: {json.dumps({'type': type, **data})}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()

        async def piece(index: int, delta: dict[str, Any]) -> None:
            nonlocal sent
            if reply.cut and sent >= reply.after:
                raise _Cut
            if reply.gap:
                await _unless_gone(reader, reply.gap)
            await send("content_block_delta", index=index, delta=delta)
            sent += 1
            self.begun.set()

        try:
            start = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
            start.pop("stop_details", None)
            await send("message_start", message=start)
            await send("ping")
            for index, block in enumerate(message["content"]):
                await send("content_block_start", index=index, content_block=_opened(block))
                for delta in _deltas(block, reply.piece):
                    await piece(index, delta)
                await send("content_block_stop", index=index)
            if reply.cut:
                raise _Cut
            end = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details") if key in message}
            await send("message_delta", delta=end, usage=message["usage"])
            await send("message_stop")
        except _Cut:
            self.begun.set()
            match reply.cut:
                case "reset":
                    writer.transport.abort()
                    return False
                case "close":
                    return False
                case "silent":
                    await _unless_gone(reader, 600)
                    return False
                case "end":
                    pass
                case type:
                    await send("error", error={"type": type, "message": reply.message})
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def _error(status: int, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": ERRORS.get(status, "api_error"), "message": message}}


def _opened(block: dict[str, Any]) -> dict[str, Any]:
    match block["type"]:
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "text":
            return {"type": "text", "text": ""}
        case _:
            return {**block, "input": {}}


def _deltas(block: dict[str, Any], size: int) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "thinking":
            for piece in _pieces(block["thinking"], size):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "text":
            for piece in _pieces(block["text"], size):
                yield {"type": "text_delta", "text": piece}
        case _:
            given = block["input"]
            for piece in _pieces(given if isinstance(given, str) else json.dumps(given), max(size, 200)):
                yield {"type": "input_json_delta", "partial_json": piece}


def _pieces(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


async def _request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *rest = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest if line)}
    data = await _body(reader, headers)
    body = json.loads(data) if data[:1] == b"{" else {}
    return Request(method, path, headers, body)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    data = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        data += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return data


async def _unless_gone(reader: asyncio.StreamReader, seconds: float) -> None:
    """Waits; raises ConnectionError as soon as the client has gone, as a real server would stop then."""
    try:
        async with asyncio.timeout(seconds):
            while not reader.at_eof():
                if reader.exception():
                    break
                await asyncio.sleep(0.005)
    except TimeoutError:
        return
    raise ConnectionError("the client has gone")


@contextlib.contextmanager
def serving(play: Player | None = None, *, key: str = "") -> Iterator[MessagesServer]:
    """The server in a thread of its own, for tests whose client is another process or that are not asynchronous."""
    ready = threading.Event()
    found: list[MessagesServer] = []
    stop: list[Callable[[], None]] = []

    async def main() -> None:
        async with MessagesServer(play, key=key) as server:
            over = asyncio.Event()
            loop = asyncio.get_running_loop()
            stop.append(lambda: loop.call_soon_threadsafe(over.set))
            found.append(server)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10), "the server did not start"
    try:
        yield found[0]
    finally:
        stop[0]()
        thread.join(10)
