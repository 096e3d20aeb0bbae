"""Holding one sandbox: from the start of bwrap until the first process inside, and with it every other, is dead.

The first process is held by a handle before anything inside may begin. When the factory dies, the kernel ends bwrap,
and that ends the sandbox; until it stands, `wall_guard` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from factory_tui.adapters import wall_groups, wall_guard, wall_limits
from factory_tui.adapters.wall_profile import FILES, START, Descriptors, Host, environment, profile
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import Boundary, Limits

START_SECONDS = 20.0
CREDENTIALS = (
    "credentials",
    "credentials.toml",
    "credentials.json",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    "settings.xml",
)


def credentials_in(roots: Sequence[str]) -> list[str]:
    """Files of toolchains that are known to hold tokens (`~/.cargo/credentials.toml`), where they are plain files."""
    named = (f"{root}/{name}" for root in roots for name in CREDENTIALS)
    return [path for path in named if Path(path).is_file() and not Path(path).is_symlink()]


class Holding(Protocol):
    """One sandbox of whatever wall: `start`, `stands`, `go`, and `end` in any case."""

    first: int
    """The first process inside, as it is numbered outside; 0 = it never stood."""
    group: wall_groups.Group | None
    """Where the kernel holds its limits; None = they are looked at."""
    ended: asyncio.Future[None]

    def start(self, argv: Sequence[str], boundary: Boundary, output: int, errors: int) -> None:
        """Raises WorldError."""

    async def stands(self) -> bool:
        """Waits until it does. False: it never did."""

    def go(self) -> None:
        """Lets the command begin."""

    async def end(self) -> int:
        """Its exit code, once everything in it is dead; a second cancel does not hurry it."""


class Hold:
    """One sandbox by `bwrap`. Everything it opened is closed with `stack`."""

    def __init__(
        self, host: Host, program: bytes | None, groups: wall_groups.Place | None, limits: Limits, stack: ExitStack
    ) -> None:
        """`program` is the filter of system calls."""
        self._host, self._program, self._limits, self._stack = host, program, limits, stack
        self._loop = asyncio.get_running_loop()
        self.group = groups.make(limits) if groups is not None else None
        if self.group is not None:
            stack.callback(self.group.remove)
        # Not a pipe: when the factory dies meanwhile, a broken one would end bwrap and leave its child waiting.
        self._info = stack.enter_context(_in_memory(b""))
        self.talk, self._theirs = socket.socketpair()
        stack.enter_context(self.talk)
        stack.enter_context(self._theirs)
        self.talk.setblocking(False)
        self._process: subprocess.Popen[bytes] | None = None
        self.first = 0
        """The first process inside, as it is numbered outside; 0 = it never stood."""
        self._handle = -1
        self.ended: asyncio.Future[None] = self._loop.create_future()
        """Done when bwrap has ended."""

    def start(
        self,
        argv: Sequence[str],
        boundary: Boundary,
        output: int,
        errors: int,
        *,
        given: Sequence[int] = (),
        opening: str = START,
    ) -> None:
        """`given` are further descriptors that the command gets under the same numbers.

        From this very thread: the kernel ends bwrap when the *thread* that started it ends. Raises WorldError.
        """
        files = tuple((path, self._stack.enter_context(_in_memory(text.encode()))) for path, text in FILES.items())
        calls = self._stack.enter_context(_in_memory(self._program)) if self._program is not None else None
        words = profile(
            argv,
            boundary,
            self._limits,
            self._host,
            Descriptors(info=self._info, files=files, seccomp=calls),
            masked=credentials_in((*self._host.toolchains, *boundary.readable)),
            opening=opening,
        )
        passed = (self._info, *(number for _, number in files), *(() if calls is None else (calls,)), *given)
        with wall_guard.starting() as word:
            try:
                self._process = subprocess.Popen(
                    [f"bwrap {word}", *words[1:]],
                    executable=words[0],
                    cwd="/",
                    env=environment(boundary, self._host, os.environ),
                    stdin=self._theirs.fileno(),
                    stdout=output,
                    stderr=errors,
                    pass_fds=passed,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise WorldError(what=f"`{argv[0]}` could not be started", why=str(error)) from error
            wall_guard.building(self._process.pid)
        self._theirs.close()
        tell_of_end(os.pidfd_open(self._process.pid), self.ended, self._stack)

    async def stands(self) -> bool:
        """Waits for the word from inside and takes hold of the first process. False: it never stood."""
        assert self._process is not None
        word = self._loop.create_task(self._loop.sock_recv(self.talk, 1))
        try:
            async with asyncio.timeout(START_SECONDS):
                either: list[asyncio.Future[Any]] = [word, self.ended]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            return False
        finally:
            if not word.done():
                word.cancel()
            await asyncio.wait([word])
        if word.cancelled() or word.exception() is not None or not word.result():
            return False
        # Written by bwrap before the sandbox existed, so it is all there.
        try:
            self.first = int(json.loads(os.pread(self._info, 4096, 0))["child-pid"])
        except (OSError, ValueError, KeyError):
            return False
        self._handle = os.pidfd_open(self.first)
        self._stack.callback(os.close, self._handle)
        wall_guard.stands(self._process.pid)
        if self.group is not None:
            # Not the first process, which is bwrap's own and starts nothing more: each move costs milliseconds.
            self.group.take(wall_limits.children(self.first))
        return True

    def go(self) -> None:
        """Lets the command begin."""
        self.talk.send(b"go\n")

    async def end(self) -> int:
        """Returns bwrap's exit code when the first process is gone, and with it every other; a second cancel does not
        hurry it.

        bwrap itself may end a moment earlier than what it started.
        """
        if self._process is None:
            return 0
        if not self.ended.done() or not self.first:
            self.kill()
        if not self.first:
            wall_guard.stands(self._process.pid)
        waiting = [self.ended]
        if self._handle >= 0:
            gone: asyncio.Future[None] = self._loop.create_future()
            tell_of_end(os.dup(self._handle), gone, self._stack)
            waiting.append(gone)
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        cancelled = False
        while not all(future.done() for future in waiting):
            try:
                await asyncio.wait(waiting)
            except asyncio.CancelledError:
                cancelled = True
        code = self._process.wait()
        if cancelled:
            raise asyncio.CancelledError
        return code

    def kill(self) -> None:
        """Returns before it is dead."""
        if self._handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        if self._process is None:
            return
        if not self.first and self._process.returncode is None:
            # Until the sandbox stands, what bwrap started waits for it, and would wait for ever: not yet told to end
            # with its parent, but still of one group with it. Nobody has the number again before it was waited for.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


def tell_of_end(handle: int, ended: asyncio.Future[None], stack: ExitStack) -> None:
    """`ended` is done when the process of that handle has ended. The handle is closed with the stack."""
    loop = ended.get_loop()

    def told() -> None:
        loop.remove_reader(handle)
        if not ended.done():
            ended.set_result(None)

    def forget() -> None:
        loop.remove_reader(handle)
        os.close(handle)

    loop.add_reader(handle, told)
    stack.callback(forget)


@contextmanager
def _in_memory(data: bytes) -> Iterator[int]:
    descriptor = os.memfd_create("factory", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
