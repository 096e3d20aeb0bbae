"""A program of somebody else's that lives as long as a turn, and its only way out: a socket that we hold.

Behind the wall it has a network of its own with nothing in it. Before it begins, one listening socket is made in there
and handed out to us: what the program connects to at `http://127.0.0.1:PORT` is accepted by the factory, outside. No
helper stays inside, no file is shared, no system call is given back. Without a wall the same socket listens on the
machine's loopback; then whoever answers there must know its caller by a secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Protocol

from factory_tui.adapters import wall_groups, wall_limits
from factory_tui.adapters.processes import (
    GRACE_SECONDS,
    LAUNCHER,
    MARK,
    BoundedOutput,
    command_environment,
    remove_tree,
    sweep_marked,
)
from factory_tui.adapters.wall_hold import START_SECONDS, Hold
from factory_tui.adapters.wall_profile import Host
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import Boundary, Limits

PORT = 8377
"""Inside the wall, where every port is free."""
LIMITS = Limits(memory_bytes=3 << 30, reserved_bytes=8 << 30, processes=512, scratch_bytes=256 << 20)
"""Of a whole agent; their runtimes ask for far more memory than they use. How long it lives is its turn's business."""
WATCH_SECONDS = 0.5
TOLD_BYTES = 64_000
_BUFFER = 1 << 20

OPENING = 'printf . >&0 && read -r go && exec "$@"; exit 125'
"""As `wall_profile.START`, but the socket stays standard input until `HAND_OVER` used it."""
HAND_OVER = """\
import os, socket, sys
talk = socket.socket(fileno=0)
way_out = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=32)
socket.send_fds(talk, [b"."], [way_out.fileno()])
os.dup2(int(sys.argv[2]), 0)
os.close(int(sys.argv[2]))
try:
    os.execvp(sys.argv[3], sys.argv[3:])
except OSError as error:
    sys.exit(f"{sys.argv[3]}: {error.strerror}")
"""
"""Run inside, before the program: makes the way out in the sandbox's own network and passes it to us."""

BoundaryAt = Callable[[str], Boundary]
"""What the program may touch, once the address of its way out is known (`http://127.0.0.1:8377`)."""


class Keeper(Protocol):
    """Who ends a program and all that it started."""

    ended: asyncio.Future[None]

    def kill(self) -> None:
        """Returns before it is dead."""

    async def end(self) -> int:
        """Its exit code, once everything is dead; also when cancelled meanwhile."""


class Program:
    """A running one. Whoever opened it must `end` it; when the factory dies, it dies."""

    def __init__(
        self, keeper: Keeper, streams: Streams, way_out: socket.socket, *, contained: bool, stack: ExitStack
    ) -> None:
        self._keeper, self._streams, self._stack = keeper, streams, stack
        self._way_out: socket.socket | None = way_out
        self.contained = contained
        self._over = ""
        self._code: int | None = None
        self._watching: asyncio.Task[None] | None = None
        self._ending = asyncio.Lock()

    def take_way_out(self) -> socket.socket:
        """Listening. Whoever takes it serves and closes it. Once only."""
        taken, self._way_out = self._way_out, None
        assert taken is not None
        return taken

    @property
    def output(self) -> asyncio.StreamReader:
        """Its standard output."""
        return self._streams.output

    @property
    def running(self) -> bool:
        return not self._keeper.ended.done()

    @property
    def stopped_for(self) -> str:
        """Which limit it was stopped for; empty = for none."""
        return self._over

    def told(self) -> str:
        """The first and last of what it said on standard error."""
        return self._streams.errors.value().decode("utf-8", "replace")

    async def write(self, data: bytes) -> None:
        """To its standard input. Raises ConnectionError when it no longer reads."""
        self._streams.input.write(data)
        await self._streams.input.drain()

    def end_input(self) -> None:
        self._streams.input.close()

    async def wait(self) -> None:
        """Until it ended by itself or was ended."""
        await asyncio.wait([self._keeper.ended])

    async def end(self) -> int:
        """Kills what still runs; returns when nothing of it is left. May be called again."""
        async with self._ending:
            if self._code is None:
                if self._watching is not None:
                    self._watching.cancel()
                self._code = -signal.SIGKILL
                try:
                    self._code = await self._keeper.end()
                finally:
                    self._streams.close()
                    self._stack.close()
                    if self._way_out is not None:
                        self._way_out.close()
            return self._code

    def watch(self, over: Callable[[], str]) -> None:
        """Ends it as soon as `over` says which limit it passed."""

        async def look() -> None:
            while self.running:
                if why := over():
                    self._over = why
                    self._keeper.kill()
                    return
                await asyncio.wait([self._keeper.ended], timeout=WATCH_SECONDS)

        self._watching = asyncio.get_running_loop().create_task(look())


class Streams:
    """The three pipes of a program, our ends of them."""

    def __init__(self, stack: ExitStack) -> None:
        self.their_input, self._input = _pipe(stack)
        self._output, self.their_output = _pipe(stack)
        self._errors, self.their_errors = _pipe(stack)
        self.output = asyncio.StreamReader(limit=_BUFFER)
        self.errors = BoundedOutput(TOLD_BYTES)
        self._transports: list[asyncio.BaseTransport] = []

    async def connect(self) -> None:
        """Once the program has its ends."""
        for theirs in (self.their_input, self.their_output, self.their_errors):
            theirs.close()
        loop = asyncio.get_running_loop()
        made = self._transports
        made.append((await loop.connect_read_pipe(self._reading, self._output))[0])
        made.append((await loop.connect_read_pipe(lambda: _Noting(self.errors), self._errors))[0])
        # Only its flow control is used: `drain` waits while the program does not read.
        protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
        writing, _ = await loop.connect_write_pipe(lambda: protocol, self._input)
        made.append(writing)
        self.input = asyncio.StreamWriter(writing, protocol, None, loop)

    def _reading(self) -> asyncio.Protocol:
        return asyncio.StreamReaderProtocol(self.output)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


class _Noting(asyncio.Protocol):
    def __init__(self, into: BoundedOutput) -> None:
        self._into = into

    def data_received(self, data: bytes) -> None:
        self._into.add(data)


def _pipe(stack: ExitStack) -> tuple[IO[bytes], IO[bytes]]:
    read, write = os.pipe()
    ends = os.fdopen(read, "rb", buffering=0), os.fdopen(write, "wb", buffering=0)
    for end in ends:
        stack.callback(end.close)
    return ends


# --- behind the wall -------------------------------------------------------------------------------


async def open_walled(
    argv: Sequence[str],
    boundary: Boundary,
    limits: Limits,
    host: Host,
    calls: bytes | None,
    groups: wall_groups.Place | None,
) -> Program:
    """Raises WorldError when it could not be started; then nothing of it is left."""
    with ExitStack() as stack:
        hold = Hold(host, calls, groups, limits, stack)
        streams = Streams(stack)
        given = streams.their_input.fileno()
        opening = [base_python(), "-I", "-S", "-c", HAND_OVER, str(PORT), str(given)]
        hold.start(
            [*opening, *argv],
            boundary,
            streams.their_output.fileno(),
            streams.their_errors.fileno(),
            given=(given,),
            opening=OPENING,
        )
        way_out = None
        try:
            await streams.connect()
            if await hold.stands():
                hold.go()
                way_out = await _received(hold)
            if way_out is None:
                raise WorldError(
                    what=f"`{argv[0]}` could not be started behind the wall",
                    why=streams.errors.value().decode("utf-8", "replace").strip()[-1_000:] or "it said nothing",
                    next_step="run `factory doctor --probe`",
                )
        except BaseException:
            await hold.end()
            streams.close()
            raise
        program = Program(hold, streams, way_out, contained=True, stack=stack.pop_all())
    program.watch(lambda: _over(hold, limits))
    return program


async def _received(hold: Hold) -> socket.socket | None:
    """The way out, as the sandbox hands it to us."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(hold.talk, _once, ready)
    try:
        either: list[asyncio.Future[None]] = [ready, hold.ended]
        await asyncio.wait(either, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(hold.talk)
    if not ready.done():
        return None
    _, numbers, _, _ = socket.recv_fds(hold.talk, 1, 1)
    return socket.socket(fileno=numbers[0]) if numbers else None


def _once(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _over(hold: Hold, limits: Limits) -> str:
    if hold.group is not None and hold.group.ran_out_of_memory():
        return f"memory limit of {limits.memory_bytes >> 20} MB: held by the kernel"
    used = wall_limits.usage(hold.first, limits.processes + 2)
    if used.threads > limits.processes + 2:
        return f"process limit of {limits.processes}"
    if used.memory_bytes > limits.memory_bytes and wall_limits.shared_out(hold.first) > limits.memory_bytes:
        return f"memory limit of {limits.memory_bytes >> 20} MB"
    return ""


def base_python() -> str:
    """Our own, outside of any virtual environment: inside the wall only that one can be seen."""
    found = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    return str(found) if found.exists() else os.path.realpath(sys.executable)


# --- without one -----------------------------------------------------------------------------------


async def open_plain(argv: Sequence[str], boundary_at: BoundaryAt, place: str | Path) -> Program:
    """Without a wall: it can read and write what the user can. `place` is for its throw-away home."""
    with ExitStack() as stack:
        way_out = socket.create_server(("127.0.0.1", 0), backlog=32)
        unused = stack.enter_context(ExitStack())
        unused.callback(way_out.close)
        boundary = boundary_at(f"http://127.0.0.1:{way_out.getsockname()[1]}")
        private = _private_directory(place)
        stack.callback(remove_tree, private)
        environment = command_environment(boundary, f"{private}/home", f"{private}/temporary")
        environment[MARK] = secrets.token_hex(16)
        streams = Streams(stack)
        launched = _Launched(argv, boundary.cwd, environment, streams)
        try:
            await streams.connect()
        except BaseException:
            await launched.end()
            raise
        unused.pop_all()
        return Program(launched, streams, way_out, contained=False, stack=stack.pop_all())


def _private_directory(place: str | Path) -> str:
    Path(place).mkdir(parents=True, exist_ok=True)
    private = tempfile.mkdtemp(prefix="agent-", dir=place)
    for name in ("home", "temporary"):
        Path(private, name).mkdir()
    return private


class _Launched:
    """Ends by way of `launcher.py`, which outlives everything that its program started."""

    def __init__(self, argv: Sequence[str], cwd: str, environment: dict[str, str], streams: Streams) -> None:
        self._mark = environment[MARK]
        status = os.open(os.devnull, os.O_WRONLY)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", LAUNCHER, str(status), str(os.getpid()), *argv],
                cwd=cwd,
                env=environment,
                stdin=streams.their_input,
                stdout=streams.their_output,
                stderr=streams.their_errors,
                pass_fds=(status,),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise WorldError(what=f"`{argv[0]}` could not be started", why=str(error)) from error
        finally:
            os.close(status)
        self.ended: asyncio.Future[None] = asyncio.ensure_future(asyncio.to_thread(self._wait))

    def _wait(self) -> None:
        self._process.wait()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)

    async def end(self) -> int:
        if not self.ended.done():
            self.kill()
        cancelled = False
        deadline = asyncio.get_running_loop().time() + GRACE_SECONDS
        while not self.ended.done():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            try:
                await asyncio.wait([self.ended], timeout=max(left, 0.1))
            except asyncio.CancelledError:
                cancelled = True
        if self._process.returncode != 0:
            sweep_marked(self._mark)
        if cancelled:
            raise asyncio.CancelledError
        return self._process.returncode
