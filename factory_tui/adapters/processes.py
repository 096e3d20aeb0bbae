"""Running one command without a wall: bounded in time and output, and nothing of it is left afterwards.

`wall: none` means what it says: the command can read and write what the user can. What holds on Linux: it inherits
no secret from our environment, it gets a throw-away HOME and TMPDIR, and everything it started is dead when `run`
returns, daemons in sessions of their own included. If the factory itself is killed, the kernel tells the launcher,
which ends the rest. A command that kills its launcher is still found by a mark in its environment; one that also
drops its environment escapes, and only a wall with a process namespace holds it. Elsewhere than on Linux only the
command's own process group is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import Boundary, Limits, RunResult

INHERITED = ("PATH", "LANG", "LC_ALL", "TERM", "TZ")
GRACE_SECONDS = 6.0
"""How long a launcher may take to end what it started before it is killed itself."""
MARK = "FACTORY_RUN"
"""Names a run in the environment of all its processes, to find them when their launcher was killed."""
DEFAULT_LIMITS = Limits()
_CHUNK = 65536
T = TypeVar("T")


class BoundedOutput:
    """The first and the last half of a stream; what lies between is counted, not kept."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._head, self._tail = bytearray(), bytearray()
        self._dropped = 0

    def take(self, descriptor: int, hear: Callable[[bytes], None] | None = None) -> bool:
        """Takes what a pipe holds now, in bounded chunks, so that a flood starves nobody. False = it ended."""
        for _ in range(32):
            try:
                data = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.add(data)
            if hear is not None:
                hear(data)
        return True

    def add(self, data: bytes) -> None:
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > 2 * self._half:
            self._cut()

    def _cut(self) -> None:
        over = len(self._tail) - self._half
        if over > 0:
            del self._tail[:over]
            self._dropped += over

    @property
    def truncated(self) -> bool:
        self._cut()
        return self._dropped > 0

    def value(self) -> bytes:
        if not self.truncated:
            return bytes(self._head + self._tail)
        note = f"\n[... {self._dropped} bytes dropped ...]\n".encode()
        return bytes(self._head) + note + bytes(self._tail)


def command_environment(boundary: Boundary, home: str, temporary: str) -> dict[str, str]:
    """What a command is given: an allowlist of ours, a home of its own, and what its boundary names."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    own = {"HOME": home, "TMPDIR": temporary, "XDG_CACHE_HOME": f"{home}/.cache", "XDG_CONFIG_HOME": f"{home}/.config"}
    quiet = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1"}
    return {**kept, **own, **quiet, **boundary.environment}


async def to_the_end(work: Coroutine[object, object, T]) -> T:
    """Finishes even when the caller is cancelled meanwhile, and only then lets the cancellation through.

    For work in a thread that writes below a directory which the caller removes when it is cancelled.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return task.result()


def remove_tree(directory: str | Path) -> None:
    """Removes a directory of ours, directories that a command made unwritable included."""

    def allow_and_retry(function: Callable[[str], object], path: str, _error: object) -> None:
        with contextlib.suppress(OSError):
            parent = Path(path).parent
            parent.chmod(parent.stat().st_mode | stat.S_IRWXU)
            if not Path(path).is_symlink():
                Path(path).chmod(stat.S_IRWXU)
            function(path)

    shutil.rmtree(directory, onerror=allow_and_retry)
    if Path(directory).exists():
        shutil.rmtree(directory, ignore_errors=True)


class PlainSandbox:
    """`Sandbox` without a wall. `place` is a directory of ours for throw-away homes."""

    def __init__(self, place: str | Path) -> None:
        self._place = Path(place)

    @property
    def wall(self) -> str:
        return "none"

    async def run(
        self,
        argv: Sequence[str],
        boundary: Boundary,
        limits: Limits = DEFAULT_LIMITS,
        hear: Callable[[bytes], None] | None = None,
    ) -> RunResult:
        """Returns when the command ends, whoever holds its output. Raises WorldError when it cannot be started."""
        if not argv:
            raise WorldError(what="no command was given", next_step="name a command")
        private = self._private_directory(boundary.cwd, argv[0])
        try:
            environment = command_environment(boundary, f"{private}/home", f"{private}/temporary")
            environment[MARK] = secrets.token_hex(16)
            return await _Run(argv, boundary.cwd, environment, limits, hear).until_dead()
        finally:
            # Not in a thread: a cancelled run must not leave its home behind.
            remove_tree(private)

    def _private_directory(self, cwd: str, command: str) -> str:
        if not Path(cwd).is_dir():
            raise WorldError(what=f"{cwd} is not a directory", why=f"`{command}` was to run there")
        self._place.mkdir(parents=True, exist_ok=True)
        private = Path(tempfile.mkdtemp(prefix="run-", dir=self._place))
        for name in ("home", "temporary"):
            (private / name).mkdir()
        return str(private)


class _Run:
    """One command from start to the death of all it started."""

    def __init__(
        self,
        argv: Sequence[str],
        cwd: str,
        environment: Mapping[str, str],
        limits: Limits,
        hear: Callable[[bytes], None] | None,
    ) -> None:
        self._hear = hear
        self._argv, self._cwd, self._environment, self._limits = argv, cwd, environment, limits
        self._output = BoundedOutput(limits.output_bytes)
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()

    async def until_dead(self) -> RunResult:
        began = time.monotonic()
        killed = ""
        out_read, out_write = os.pipe()
        status_read, status_write = os.pipe()
        try:
            os.set_blocking(out_read, False)
            os.set_blocking(status_read, False)
            try:
                process = self._start(out_write, status_write)
            finally:
                os.close(out_write)
                os.close(status_write)
            self._loop.add_reader(out_read, self._read, out_read)
            unwatch = self._watch(process)
            try:
                await asyncio.wait_for(asyncio.shield(self._ended), self._limits.seconds)
            except TimeoutError:
                killed = f"time limit of {self._limits.seconds:g} s"
            finally:
                # Also on cancel: nothing may go on before everything is dead.
                await self._end(process)
                unwatch()
                self._loop.remove_reader(out_read)
                self._read(out_read)
                word = _read_all(status_read).decode()
                if not word:
                    sweep_marked(self._environment[MARK])
        finally:
            os.close(out_read)
            os.close(status_read)
        code, why = _ending(word)
        return RunResult(
            exit_code=None if killed else code,
            output=self._output.value(),
            seconds=time.monotonic() - began,
            killed=killed or why,
            truncated=self._output.truncated,
        )

    def _start(self, output: int, status: int) -> subprocess.Popen[bytes]:
        """Starts the launcher from this very thread: the kernel tells it when the *thread* that started it ends."""
        try:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", LAUNCHER, str(status), str(os.getpid()), *self._argv],
                cwd=self._cwd,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(status,),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise WorldError(what=f"`{self._argv[0]}` could not be started", why=str(error)) from error

    def _watch(self, process: subprocess.Popen[bytes]) -> Callable[[], None]:
        """Completes `_ended` when the launcher ends; returns what stops watching."""
        if hasattr(os, "pidfd_open"):
            descriptor = os.pidfd_open(process.pid)

            def ended() -> None:
                self._loop.remove_reader(descriptor)
                if not self._ended.done():
                    self._ended.set_result(None)

            def stop() -> None:
                self._loop.remove_reader(descriptor)
                os.close(descriptor)

            self._loop.add_reader(descriptor, ended)
            return stop

        async def poll() -> None:
            while process.poll() is None:  # noqa: ASYNC110 - a process that nobody else can wait for
                await asyncio.sleep(0.02)
            if not self._ended.done():
                self._ended.set_result(None)

        polling = self._loop.create_task(poll())

        def stop_polling() -> None:
            polling.cancel()

        return stop_polling

    def _read(self, descriptor: int) -> None:
        if not self._output.take(descriptor, self._hear):
            self._loop.remove_reader(descriptor)

    async def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Returns when the launcher is gone; a second cancel does not hurry it."""
        deadline = time.monotonic() + GRACE_SECONDS
        cancelled = False
        if not self._ended.done():
            process.terminate()
            process.send_signal(signal.SIGCONT)
        while not self._ended.done() and time.monotonic() < deadline:
            try:
                await asyncio.wait([self._ended], timeout=deadline - time.monotonic())
            except asyncio.CancelledError:
                cancelled = True
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if cancelled:
            raise asyncio.CancelledError


def sweep_marked(mark: str) -> None:
    """Kills every process whose environment holds the mark. A process handle makes sure that it is still that one."""
    if not hasattr(os, "pidfd_open") or not Path("/proc/self/environ").exists():
        return
    wanted = f"{MARK}={mark}".encode()
    for _ in range(20):
        found = False
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                handle = os.pidfd_open(int(entry.name))
                try:
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                        found = True
                finally:
                    os.close(handle)
        if not found:
            return


def _read_all(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 256)
    except BlockingIOError:
        return b""


def _ending(word: str) -> tuple[int | None, str]:
    """Exit code and reason from the launcher's last word; no word means that the launcher itself was killed."""
    match word.split():
        case ["exit", number]:
            return int(number), ""
        case ["signal", number]:
            return None, f"signal {signal.Signals(int(number)).name}"
        case ["ended"]:
            return None, "interrupted"
        case [*_, "left"]:
            return None, "something that it started could not be killed"
        case _:
            return None, "its launcher was killed"


LAUNCHER = str(Path(__file__).with_name("launcher.py"))
