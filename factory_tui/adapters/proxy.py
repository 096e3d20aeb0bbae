"""The only way out of an enclosed agent: to one model endpoint, two of its paths, with a credential it never sees.

The agent sends a stand-in; here, outside of the wall, it is replaced by the real one. Everything else it asks for is
refused and told. Bytes pass as they come, and what the endpoint counted as used is read on the way, so the account does
not rest on the agent's word.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import h11
import httpx2

from factory_tui.adapters.endpoint import KEY_HEADERS, NOT_ANSWERED, NOT_FORWARDED, TOOLS_PATH, Endpoint
from factory_tui.adapters.logins import is_this_machine
from factory_tui.adapters.metering import Metered, UsageReader
from factory_tui.adapters.model_troubles import EARLY_END, in_the_way, seconds_asked, status_of

REQUEST_BYTES = 32 << 20
"""What the endpoint itself takes at most."""
RESPONSE_BYTES = 64 << 20
HEADER_BYTES = 64 << 10
CONNECTIONS = 16
CONNECT_SECONDS = 15.0
QUIET_SECONDS = 1.0
ANSWER_SECONDS = 660.0
"""Until an answer begins that is not streamed: it comes whole."""
SILENCE_SECONDS = 90.0
"""Without a byte in an answer that has begun, which is cut then; endpoints send a sign of life every few seconds."""
PATIENCE = 3
"""Times as long until a stream begins: a server of one's own may read a long prompt first."""
_ASKS_FOR_A_STREAM = re.compile(rb'"stream"\s*:\s*true')
"""In words that are told, the quotes would be escaped."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of the agent, after it ended."""

    method: str
    path: str
    status: int
    """What the agent was answered; 0 = the line broke before."""
    sent: int = 0
    """Bytes of the request's body."""
    received: int = 0
    """Bytes of the answer's."""
    seconds: float = 0.0
    refused: str = ""
    """Why it was not passed on; empty = it was."""
    broken: str = ""
    """Why its answer did not come, or not whole."""
    error: int = 0
    """The status that the error stands for which came inside of its stream; 0 = none did."""
    stalled: bool = False
    """It was cut because nothing came any more."""
    after: float | None = None
    """Seconds that the endpoint asks us to wait; None = it did not say."""

    @property
    def code(self) -> int:
        """Its status, wherever the endpoint said it."""
        return self.error or self.status

    @property
    def in_the_way(self) -> str:
        """What of the world stood in the way, in the words of `model_troubles`; empty = nothing of it."""
        return in_the_way(self.code, "" if self.error else self.broken)


class Proxy:
    """Serves one listening socket until it is closed."""

    def __init__(
        self,
        endpoint: Endpoint | None,
        *,
        told: Callable[[Call], None] = lambda call: None,
        metered: Callable[[Metered], None] = lambda used: None,
        tools: Callable[[bytes], Awaitable[bytes]] | None = None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """`told` hears of every call when it ended, `metered` of every usage that an answer named; None = no endpoint
        is behind it. `tools` answers what is posted to `TOOLS_PATH`, which goes no further and is told to nobody."""
        self._endpoint, self._told, self._metered, self.tools = endpoint, told, metered, tools
        self.silence_seconds = silence_seconds
        self.stand_in = f"stand-in-{secrets.token_hex(16)}"
        """What the agent is given as its credential; nobody else's calls are passed on."""
        self._server: asyncio.Server | None = None
        self._client: httpx2.AsyncClient | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def serve(self, listener: socket.socket) -> None:
        timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        # A proxy of the environment would not find our own machine, and would be told the credential in the clear.
        is_near = self._endpoint is not None and is_this_machine(urlsplit(self._endpoint.base_url).hostname or "")
        self._client = httpx2.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=not is_near)
        self._server = await asyncio.start_server(self._accepted, sock=listener)

    async def close(self) -> None:
        """Ends every call that is under way. May be called again."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        if self._open:
            await asyncio.wait(tuple(self._open))
        if self._client is not None:
            await self._client.aclose()

    async def quiet(self) -> None:
        """Until no call is under way, so that all of them were told; or for a moment."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), QUIET_SECONDS)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= CONNECTIONS:
            self._told(Call(method="", path="", status=0, refused=f"more than {CONNECTIONS} connections"))
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            await _Connection(self, reader, writer).serve()
        except (ConnectionError, h11.ProtocolError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._open.discard(task)
            writer.close()

    # --- for its connections ---------------------------------------------------------------------

    def refusal(self, request: h11.Request, path: str, query: str) -> tuple[int, str]:
        """Status and why it is not passed on; 0 = it is."""
        is_ours = self.tools is not None and path == TOOLS_PATH and request.method == b"POST"
        if not is_ours and (self._endpoint is None or not self._endpoint.takes(request.method, path, query)):
            return 403, f"{request.method.decode()} {path[:200]} is not part of this seat's way out"
        given = [value for name, value in request.headers if name in (*KEY_HEADERS, b"authorization")]
        known = self.stand_in.encode()
        if not given or not all(hmac.compare_digest(value.removeprefix(b"Bearer "), known) for value in given):
            return 401, "the call did not carry this seat's stand-in"
        return 0, ""

    def outgoing(self, request: h11.Request, path: str, query: str, body: bytes) -> httpx2.Request:
        assert self._client is not None
        assert self._endpoint is not None
        headers = [(name, value) for name, value in request.headers if name not in NOT_FORWARDED]
        headers.append((b"accept-encoding", b"identity"))
        real = self._endpoint.credential.encode()
        for name, value in request.headers:
            if name in KEY_HEADERS and real:
                headers.append((name, real))
            elif name == b"authorization" and real:
                headers.append((name, b"Bearer " + real if value.startswith(b"Bearer ") else real))
        url = f"{self._endpoint.base_url.rstrip('/')}{path}{'?' if query else ''}{query}"
        return self._client.build_request(request.method.decode(), url, headers=headers, content=body)

    @contextlib.asynccontextmanager
    async def answer(self, request: httpx2.Request, seconds: float) -> AsyncIterator[httpx2.Response]:
        """Raises TimeoutError when none has begun by then."""
        assert self._client is not None
        async with asyncio.timeout(seconds):
            response = await self._client.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    def begins(self) -> None:
        self._under_way += 1
        self._quiet.clear()

    def tell(self, call: Call) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._quiet.set()
        self._told(call)

    def meter(self, used: Metered) -> None:
        self._metered(used)


@dataclass(frozen=True, kw_only=True)
class _Passed:
    """What became of a call."""

    status: int = 0
    received: int = 0
    broken: str = ""
    error: int = 0
    stalled: bool = False
    after: float | None = None


class _TooLarge(Exception):
    pass


class _Connection:
    """One connection of the agent, call after call."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy, self._reader, self._writer = proxy, reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES)
        self._answered = _Passed()
        """What it was told already, whatever becomes of the rest."""

    async def serve(self) -> None:
        while True:
            event = await self._next()
            if not isinstance(event, h11.Request):
                return
            await self._call(event)
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]  # NEED_DATA is gone
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(1 << 16))

    async def _call(self, request: h11.Request) -> None:
        began = time.monotonic()
        self._answered = _Passed()
        path, _, query = request.target.decode("latin-1").partition("?")
        status, why = self._proxy.refusal(request, path, query)
        if not status and path == TOOLS_PATH and self._proxy.tools is not None:
            await self._unless_gone(self._own_answer(self._proxy.tools, await self._body()))
            return
        self._proxy.begins()
        sent, done = 0, _Passed(status=status)
        try:
            body = await self._body()
            sent = len(body)
            if not status:
                streams = _ASKS_FOR_A_STREAM.search(body) is not None
                done = await self._unless_gone(self._pass_on(self._proxy.outgoing(request, path, query, body), streams))
            else:
                await self._say(status, why)
        except ConnectionError:
            # It had read enough and hung up; what it was answered it was answered.
            done = self._answered
            raise
        except _TooLarge:
            done, why = _Passed(status=413), f"the request is larger than {REQUEST_BYTES >> 20} MB"
            await self._say(done.status, why)
        finally:
            self._proxy.tell(
                Call(
                    method=request.method.decode("latin-1"),
                    path=path[:500],
                    status=done.status,
                    sent=sent,
                    received=done.received,
                    seconds=time.monotonic() - began,
                    refused=why,
                    broken=done.broken,
                    error=done.error,
                    stalled=done.stalled,
                    after=done.after,
                )
            )

    async def _body(self) -> bytes:
        found = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            found += event.data
            if len(found) > REQUEST_BYTES:
                raise _TooLarge
        if not isinstance(event, h11.EndOfMessage):
            raise ConnectionResetError
        return bytes(found)

    async def _own_answer(self, tools: Callable[[bytes], Awaitable[bytes]], message: bytes) -> _Passed:
        await self._reply(200, await tools(message))
        return _Passed(status=200)

    async def _unless_gone(self, answering: Coroutine[Any, Any, _Passed]) -> _Passed:
        """The agent hanging up ends the call outside as well."""
        passing = asyncio.ensure_future(answering)
        gone = asyncio.ensure_future(self._reader.read(1 << 16))
        try:
            either: list[asyncio.Future[object]] = [passing, gone]  # type: ignore[list-item]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if gone.done() and not passing.done() and self._http.our_state in (h11.SEND_RESPONSE, h11.SEND_BODY):
                # Nothing may be said before the answer is whole: that it hung up is all this can mean.
                raise ConnectionResetError
            return await passing
        finally:
            for task in (passing, gone):
                task.cancel()
            await asyncio.wait([passing, gone])
            if gone.done() and not gone.cancelled() and gone.exception() is None:
                self._http.receive_data(gone.result())

    async def _pass_on(self, request: httpx2.Request, streams: bool) -> _Passed:
        received = 0
        quiet = self._proxy.silence_seconds
        silence = PATIENCE * quiet if streams else ANSWER_SECONDS
        try:
            async with self._proxy.answer(request, silence) as answer:
                if 300 <= answer.status_code < 400:
                    return await self._not_answered("the endpoint sent the call elsewhere")
                kind = answer.headers.get("content-type", "")
                reader = UsageReader(kind, self._proxy.meter)
                headers = [(name, value) for name, value in answer.headers.raw if name.lower() not in NOT_ANSWERED]
                await self._send(h11.Response(status_code=answer.status_code, headers=headers))
                self._answered = _Passed(status=answer.status_code, after=seconds_asked(answer.headers))
                chunks = aiter(answer.aiter_raw())
                while True:
                    async with asyncio.timeout(silence):
                        chunk = await anext(chunks, b"")
                    if not chunk:
                        break
                    silence = quiet
                    received += len(chunk)
                    if received > RESPONSE_BYTES:
                        return self._cut(received, f"the answer is larger than {RESPONSE_BYTES >> 20} MB")
                    reader.add(chunk)
                    if reader.error is not None:
                        # Kept at once: the agent may hang up upon it.
                        type_, message = reader.error
                        code = status_of(type_)
                        self._answered = replace(
                            self._answered, error=code, broken=f"{message or type_} ({code})"[:300]
                        )
                    await self._send(h11.Data(data=chunk))
                reader.end()
                await self._send(h11.EndOfMessage())
                broken = EARLY_END.text if reader.ended_early else self._answered.broken
                return replace(self._answered, received=received, broken=broken)
        except TimeoutError:
            why = f"nothing came for {silence:g} s"
            if self._http.our_state is h11.SEND_RESPONSE:
                return replace(await self._not_answered(why, 504), stalled=True)
            return self._cut(received, why, stalled=True)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            why = (str(error) or type(error).__name__)[:300]
            if self._http.our_state is h11.SEND_RESPONSE:
                return await self._not_answered(f"the model's endpoint cannot be reached: {why}")
            return self._cut(received, why)

    def _cut(self, received: int, why: str, *, stalled: bool = False) -> _Passed:
        """Cut short here as it was there, so that the agent sees what happened."""
        self._writer.transport.abort()
        return _Passed(received=received, broken=why, stalled=stalled)

    async def _not_answered(self, why: str, status: int = 502) -> _Passed:
        await self._say(status, why)
        return _Passed(status=status, broken=why)

    async def _say(self, status: int, message: str) -> None:
        kind = {401: "authentication_error", 403: "permission_error", 413: "request_too_large"}.get(status, "api_error")
        await self._reply(status, json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode())

    async def _reply(self, status: int, data: bytes) -> None:
        headers = [("content-type", "application/json"), ("content-length", str(len(data))), ("connection", "close")]
        await self._send(h11.Response(status_code=status, headers=headers))
        await self._send(h11.Data(data=data))
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()
