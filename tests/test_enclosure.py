"""A program that lives as long as a turn: what it can reach, what it never sees, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from factory_tui.adapters.enclosure import Program, open_plain
from factory_tui.adapters.endpoint import Endpoint
from factory_tui.adapters.metering import Metered
from factory_tui.adapters.proxy import REQUEST_BYTES, Call, Proxy
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import Boundary

needs_bwrap = pytest.mark.needs_bwrap
REAL = "the-real-credential-0123456789"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[None]]

ATTEMPTS = r"""
import json, os, socket, sys, urllib.error, urllib.request as u
url, stand_in, port = os.environ["ANTHROPIC_BASE_URL"], os.environ["ANTHROPIC_API_KEY"], int(os.environ["HOST_PORT"])
def answered(path, key=stand_in, method="POST"):
    request = u.Request(url + path, b"{}" if method == "POST" else None, {"x-api-key": key}, method=method)
    try:
        return u.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
def reaches(family, address):
    try:
        with socket.socket(family) as one:
            one.settimeout(3)
            one.connect(address)
        return True
    except OSError as error:
        return error.strerror or type(error).__name__
def holds(path):
    try:
        return b"the-real-" + b"credential" in open(path, "rb").read()
    except OSError:
        return False
def everywhere(*roots):
    return [os.path.join(d, f) for r in roots for d, _, fs in os.walk(r) for f in fs if holds(os.path.join(d, f))]
print(json.dumps({
    "messages": answered("/v1/messages?beta=true"),
    "another path": answered("/v1/models", method="GET"),
    "another query": answered("/v1/messages?to=elsewhere"),
    "up and down": answered("/v1/messages/../models"),
    "another key": answered("/v1/messages", key="guessed"),
    "a port of the host": reaches(socket.AF_INET, ("127.0.0.1", port)),
    "another host": reaches(socket.AF_INET, ("192.0.2.1", 443)),
    "a socket with a path": reaches(socket.AF_UNIX, "\0nobody"),
    "credential in": everywhere(os.environ["CLAUDE_CONFIG_DIR"]) + [
        f"/proc/{pid}/{name}" for pid in os.listdir("/proc") if pid.isdigit()
        for name in ("environ", "cmdline") if holds(f"/proc/{pid}/{name}")],
    "processes": sorted(int(pid) for pid in os.listdir("/proc") if pid.isdigit())[:1],
}))
"""


@asynccontextmanager
async def upstream(answer: Answer) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that notes each request's head, and answers as it is told to."""
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            size = next(
                (int(line[16:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0
            )
            await reader.readexactly(size)
            heads.append(head)
            await answer(reader, writer, head)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()


async def ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
    body = b'{"id":"msg_1","model":"m-1","usage":{"input_tokens":7,"output_tokens":3}}'
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()


def wall() -> BwrapSandbox:
    return BwrapSandbox(look_around(find_bwrap(), [sys.base_prefix]))


@asynccontextmanager
async def served(proxy: Proxy) -> AsyncIterator[str]:
    """A proxy on the machine's own loopback."""
    listener = socket.create_server(("127.0.0.1", 0))
    await proxy.serve(listener)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await proxy.close()


async def attempts(tmp_path: Path, *, walled: bool) -> tuple[dict[str, object], list[str], list[Call]]:
    config = tmp_path / "config"
    config.mkdir()
    (tmp_path / "attempts.py").write_text(ATTEMPTS)
    calls: list[Call] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with upstream(ok) as (base_url, heads):
            proxy = Proxy(Endpoint(base_url=base_url, credential=REAL), told=calls.append)

            def boundary_at(url: str) -> Boundary:
                environment = {
                    "ANTHROPIC_BASE_URL": url,
                    "ANTHROPIC_API_KEY": proxy.stand_in,
                    "CLAUDE_CONFIG_DIR": str(config),
                    "HOST_PORT": str(listener.getsockname()[1]),
                }
                return Boundary(cwd=str(tmp_path), writable=(str(config),), environment=environment)

            argv = ["python3", "attempts.py"]
            program = await (
                wall().open(argv, boundary_at) if walled else open_plain(argv, boundary_at, tmp_path / "plain")
            )
            try:
                await proxy.serve(program.take_way_out())
                said = await program.output.read()
                assert said, program.told()
            finally:
                await program.end()
                await proxy.close()
    return json.loads(said), heads, calls


@needs_bwrap
async def test_an_enclosed_program_reaches_one_endpoint_and_never_sees_what_opens_it(tmp_path: Path):
    found, heads, calls = await attempts(tmp_path, walled=True)
    assert found == {
        "messages": 200,
        "another path": 403,
        "another query": 403,
        "up and down": 403,
        "another key": 401,
        "a port of the host": "Connection refused",
        "another host": "Network is unreachable",
        "a socket with a path": "Operation not permitted",
        "credential in": [],
        "processes": [1],
    }
    # The endpoint did get it, once: what was looked for is what was there to be found.
    assert [REAL in head for head in heads] == [True]
    assert sorted((call.status, bool(call.refused)) for call in calls) == [
        (200, False),
        (401, True),
        (403, True),
        (403, True),
        (403, True),
    ]


async def test_without_a_wall_the_same_program_reaches_the_host_and_it_says_so(tmp_path: Path):
    """The control: what the wall refuses works where there is none."""
    found, heads, _ = await attempts(tmp_path, walled=False)
    assert found["a port of the host"] is True
    assert found["messages"] == 200
    assert found["another path"] == 403
    assert found["credential in"] == []
    assert [REAL in head for head in heads] == [True]


def idle(tmp_path: Path) -> Boundary:
    return Boundary(cwd=str(tmp_path), writable=(str(tmp_path),))


def with_mark(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


async def opened(tmp_path: Path, script: str, *, walled: bool) -> Program:
    argv = ["sh", "-c", script]
    if walled:
        return await wall().open(argv, lambda url: idle(tmp_path))
    return await open_plain(argv, lambda url: idle(tmp_path), tmp_path / "plain")


@pytest.mark.parametrize("walled", [pytest.param(True, marks=needs_bwrap), False])
async def test_it_talks_both_ways_until_it_is_ended_and_leaves_nothing(tmp_path: Path, walled: bool):
    mark = f"mark-{tmp_path.name}-{walled}-{os.getpid()}"
    script = f"(setsid sh -c ': {mark}; sleep 60' &) ; echo complaint >&2; while read -r l; do echo \"got $l\"; done"
    program = await opened(tmp_path, script, walled=walled)
    assert program.contained is walled
    await program.write(b"one\n")
    assert await program.output.readline() == b"got one\n"
    while not with_mark(mark):
        await asyncio.sleep(0)
    assert program.running
    await program.end()
    assert not program.running
    assert with_mark(mark) == []
    assert program.told() == "complaint\n"
    assert await program.end() == await program.end()


@needs_bwrap
async def test_ending_it_twice_at_once_and_while_cancelled_still_ends_it(tmp_path: Path):
    mark = f"mark-{tmp_path.name}-{os.getpid()}"
    program = await opened(tmp_path, f": {mark}; echo on; sleep 60", walled=True)
    await program.output.readline()
    first = asyncio.ensure_future(program.end())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first, asyncio.ensure_future(program.end())])
    assert with_mark(mark) == []


@needs_bwrap
async def test_what_cannot_be_started_says_why(tmp_path: Path):
    program = await wall().open(["no-such-program"], lambda url: idle(tmp_path))
    await program.wait()
    assert await program.end() != 0
    assert "no-such-program: No such file" in program.told()
    with pytest.raises(WorldError, match="is not a directory"):
        await wall().open(["true"], lambda url: Boundary(cwd=str(tmp_path / "none")))


CHILD = """
import asyncio, sys
from factory_tui.adapters.enclosure import open_plain
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.engine.ports import Boundary
async def main(place, mark, walled):
    argv = ["sh", "-c", f"(setsid sh -c ': {mark}; sleep 60' &); echo on; sleep 60 #" + mark]
    boundary = Boundary(cwd=place, writable=(place,))
    sandbox = BwrapSandbox(look_around(find_bwrap(), [sys.base_prefix]))
    opening = sandbox.open(argv, lambda url: boundary) if walled else open_plain(argv, lambda url: boundary, place)
    program = await opening
    await program.output.readline()
    print("on", flush=True)
    await program.wait()
asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] == "True"))
"""


@pytest.mark.parametrize("walled", [pytest.param(True, marks=needs_bwrap), False])
async def test_when_the_factory_is_killed_the_program_and_its_children_die(tmp_path: Path, walled: bool):
    mark = f"mark-{tmp_path.name}-{walled}-{os.getpid()}"
    factory = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path), mark, str(walled)], stdout=subprocess.PIPE)
    assert factory.stdout is not None
    with factory.stdout as said:
        assert said.readline() == b"on\n"
    others = [pid for pid in with_mark(mark) if pid != factory.pid]
    assert others
    factory.send_signal(signal.SIGKILL)
    factory.wait()
    while with_mark(mark):
        await asyncio.sleep(0.01)


# --- the proxy by itself -------------------------------------------------------------------------


async def test_an_answer_streams_through_piece_by_piece(tmp_path: Path):
    """The second piece is sent only after the first was seen at the other end."""
    seen = asyncio.Event()
    used: list[Metered] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        start = {"type": "message_start", "message": {"id": "msg_1", "model": "m-1", "usage": {"input_tokens": 9}}}
        writer.write(f"event: message_start\ndata: {json.dumps(start)}\n\n".encode())
        await writer.drain()
        await seen.wait()
        end = {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 5, "cache_read_input_tokens": 4},
        }
        writer.write(f"event: message_delta\ndata: {json.dumps(end)}\n\n".encode())
        await writer.drain()

    async with upstream(answer) as (base_url, _):
        proxy = Proxy(Endpoint(base_url=base_url, credential=REAL), metered=used.append)
        async with served(proxy) as url, httpx2.AsyncClient() as client:
            headers = {"authorization": f"Bearer {proxy.stand_in}"}
            async with client.stream("POST", f"{url}/v1/messages", headers=headers, content=b"{}") as response:
                async for text in response.aiter_text():
                    if "message_start" in text:
                        seen.set()
    assert used[-1] == Metered(answer="msg_1", model="m-1", tokens_in=9, tokens_out=5, tokens_cached=4, stop="end_turn")


async def test_hanging_up_ends_the_call_at_the_endpoint():
    gone = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n")
        await writer.drain()
        await reader.read()
        gone.set()

    async with upstream(answer) as (base_url, _):
        proxy = Proxy(Endpoint(base_url=base_url))
        async with served(proxy) as url, httpx2.AsyncClient() as client:
            headers = {"x-api-key": proxy.stand_in}
            async with client.stream("POST", f"{url}/v1/messages", headers=headers, content=b"{}") as response:
                await anext(response.aiter_raw())
            await asyncio.wait_for(gone.wait(), 10)


async def test_an_answer_cut_short_is_cut_short_here_too():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()

    calls: list[Call] = []
    async with upstream(answer) as (base_url, _):
        proxy = Proxy(Endpoint(base_url=base_url), told=calls.append)
        async with served(proxy) as url, httpx2.AsyncClient() as client:
            with pytest.raises(httpx2.TransportError):
                await client.post(f"{url}/v1/messages", headers={"x-api-key": proxy.stand_in}, content=b"{}")
    assert [(call.status, call.received, bool(call.broken)) for call in calls] == [(0, 5, True)]


async def test_an_error_in_a_stream_and_a_stream_that_ends_early_are_told_though_the_line_held():
    start = b'event: message_start\ndata: {"type": "message_start", "message": {"id": "m", "usage": {}}}\n\n'
    error = b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}\n\n'
    stop = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
    seen = []
    for events in (start + error, start, start + stop, b"data: {}\n\n"):

        async def answer(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str, events: bytes = events
        ) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + events)
            await writer.drain()

        calls: list[Call] = []
        async with upstream(answer) as (base_url, _):
            proxy = Proxy(Endpoint(base_url=base_url), told=calls.append)
            async with served(proxy) as url, httpx2.AsyncClient() as client:
                told = await client.post(f"{url}/v1/messages", headers={"x-api-key": proxy.stand_in}, content=b"{}")
                await proxy.quiet()
        assert told.content == events
        seen += [(call.status, call.code, call.broken, call.in_the_way) for call in calls]
    assert seen == [
        (200, 529, "Busy (529)", "overloaded"),
        (200, 200, "the answer ended early, without saying why", "the connection broke"),
        (200, 200, "", ""),
        (200, 200, "", ""),
    ]


async def test_a_stream_that_does_not_begin_is_given_up_and_an_answer_that_comes_whole_may_take_its_time():
    release = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        await release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()

    calls: list[Call] = []
    async with upstream(answer) as (base_url, _):
        proxy = Proxy(Endpoint(base_url=base_url), told=calls.append, silence_seconds=0.1)
        async with served(proxy) as url, httpx2.AsyncClient() as client:
            headers = {"x-api-key": proxy.stand_in}
            whole = asyncio.ensure_future(client.post(f"{url}/v1/messages", headers=headers, content=b"{}"))
            stream = await client.post(f"{url}/v1/messages", headers=headers, content=b'{"stream": true}')
            assert stream.status_code == 504
            release.set()
            assert (await whole).text == "ok"
            await proxy.quiet()
    assert [(call.stalled, call.broken) for call in calls] == [(True, "nothing came for 0.3 s"), (False, "")]


async def test_a_redirect_is_not_followed_and_an_endpoint_that_is_away_is_told():
    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        writer.write(b"HTTP/1.1 307 X\r\nlocation: http://192.0.2.1/\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    async with upstream(elsewhere) as (base_url, heads):
        proxy = Proxy(Endpoint(base_url=base_url, credential=REAL))
        async with served(proxy) as url, httpx2.AsyncClient() as client:
            answer = await client.post(f"{url}/v1/messages", headers={"x-api-key": proxy.stand_in}, content=b"{}")
    assert (answer.status_code, len(heads)) == (502, 1)
    assert "location" not in answer.headers
    proxy = Proxy(Endpoint(base_url=base_url, credential=REAL))
    async with served(proxy) as url, httpx2.AsyncClient() as client:
        answer = await client.post(f"{url}/v1/messages", headers={"x-api-key": proxy.stand_in}, content=b"{}")
    assert answer.status_code == 502
    assert "cannot be reached" in answer.json()["error"]["message"]
    assert REAL not in answer.text


async def test_a_request_that_is_too_large_never_leaves():
    async with upstream(ok) as (base_url, heads):
        proxy = Proxy(Endpoint(base_url=base_url, credential=REAL))
        async with served(proxy) as url, httpx2.AsyncClient() as client:
            headers = {"x-api-key": proxy.stand_in}
            answer = await client.post(f"{url}/v1/messages", headers=headers, content=b"x" * (REQUEST_BYTES + 1))
            assert answer.status_code == 413
            assert heads == []
            assert (await client.post(f"{url}/v1/messages", headers=headers, content=b"{}")).status_code == 200


def test_an_endpoint_shown_tells_no_credential():
    assert REAL not in repr(Endpoint(base_url="http://localhost", credential=REAL))
