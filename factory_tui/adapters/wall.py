"""The wall on Linux: one `bwrap` sandbox for one command, gone with everything in it when the command ends.

What is inside comes from `wall_profile` alone. Here is what happens around it: planted links are refused while nothing
runs, the sandbox's first process is held by a handle before the command may begin, and its end is the command's end.
When the factory dies, the kernel ends bwrap, and that ends the sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import pwd
import re
import signal
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO

from factory_tui.adapters import seccomp, wall_groups, wall_limits
from factory_tui.adapters.enclosure import LIMITS as AGENT_LIMITS
from factory_tui.adapters.enclosure import PORT, BoundaryAt, Program, open_walled
from factory_tui.adapters.processes import BoundedOutput
from factory_tui.adapters.wall_hold import Hold, Holding
from factory_tui.adapters.wall_profile import (
    Host,
    covers,
)
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import Boundary, Limits, RunResult

SYSTEM = (
    "/usr",
    "/etc/ssl",
    "/etc/pki",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
)
MERGED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
NEVER_SHOWN = ("/proc", "/sys", "/dev", "/run", "/etc", "/boot", "/var")
"""Neither shown nor anything in them, except what the profile itself shows."""
SECRET_IN_HOME = (".ssh", ".aws", ".gnupg", ".kube", ".docker", ".netrc", ".config", ".password-store", ".local/state")
"""Of the user's home, beside what the factory keeps there."""
DEFAULT_LIMITS = Limits()


def find_bwrap() -> str:
    """The system's own, whose rights a distribution grants by its path; empty when there is none."""
    for place in ("/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"):
        if os.access(place, os.X_OK):
            return place
    return ""


def look_around(bwrap: str, toolchains: Sequence[str] = ()) -> Host:
    """What of this machine a root can be built from."""
    links = tuple((name, str(Path(name).readlink())) for name in MERGED if Path(name).is_symlink())
    folders = tuple(name for name in MERGED if Path(name).is_dir() and not Path(name).is_symlink())
    return Host(
        bwrap=bwrap,
        links=links,
        system=(*(name for name in SYSTEM if Path(name).exists()), *folders),
        resolver=tuple(name for name in ("/etc/resolv.conf",) if Path(name).exists()),
        toolchains=tuple(dict.fromkeys(os.path.realpath(path) for path in toolchains if Path(path).is_dir())),
    )


class WalledSandbox(ABC):
    """What every wall does around a command. `hidden` are directories no boundary may show: state, keys, the user's
    own home. A wall says how one sandbox is held."""

    def __init__(self, *, hidden: Sequence[str] = (), given: Sequence[str] = ()) -> None:
        """`given` are directories in hidden ones below which single ones may be shown, never they themselves."""
        self._given = tuple(os.path.realpath(path) for path in given)
        self._hidden = tuple(os.path.realpath(path) for path in hidden)
        self._memory = _memory_here()
        self._busy: dict[str, asyncio.Lock] = {}

    @property
    @abstractmethod
    def wall(self) -> str:
        """As the session records it."""

    @abstractmethod
    def _hold(self, limits: Limits, stack: ExitStack) -> Holding:
        """One sandbox, not yet started."""

    async def run(
        self,
        argv: Sequence[str],
        boundary: Boundary,
        limits: Limits = DEFAULT_LIMITS,
        hear: Callable[[bytes], None] | None = None,
    ) -> RunResult:
        """Raises WorldError when nothing was started: no command, a planted link, a boundary that shows too much."""
        if not argv:
            raise WorldError(what="no command was given", next_step="name a command")
        limits = replace(limits, memory_bytes=min(limits.memory_bytes, self._memory))
        async with self._alone(boundary):
            held = self._checked(boundary, argv[0])
            return await _Run(argv, held, limits, self._hold, hear).until_dead()

    @contextlib.asynccontextmanager
    async def _alone(self, boundary: Boundary) -> AsyncIterator[None]:
        """Where paths are protected, one command at a time: none may change what was checked before another."""
        if not boundary.protected:
            yield
            return
        lock = self._busy.setdefault(boundary.cwd, asyncio.Lock())
        async with lock:
            yield

    def _checked(self, boundary: Boundary, command: str) -> Boundary:
        if not Path(boundary.cwd).is_dir():
            raise WorldError(what=f"{boundary.cwd} is not a directory", why=f"`{command}` was to run there")
        for path in (boundary.cwd, *boundary.writable, *boundary.protected):
            refuse_links(path, boundary)
        for path in boundary.readable:
            self._refuse_wide(path)
        return replace(
            boundary,
            readable=tuple(path for path in boundary.readable if Path(path).exists()),
            # What is not there is not held: bwrap would have to create it, in a place that seats write to.
            protected=tuple(path for path in boundary.protected if os.path.lexists(path)),
        )

    def _refuse_wide(self, path: str) -> None:
        real, why = os.path.realpath(path), ""
        home = os.path.realpath(pwd.getpwuid(os.getuid()).pw_dir)
        secret = tuple(f"{home}/{name}" for name in SECRET_IN_HOME)
        if real == "/" or covers(real, home):
            why = "it holds a whole home"
        elif any(real != given and covers(given, real) for given in self._given):
            return
        elif found := next((name for name in (*NEVER_SHOWN, *self._hidden, *secret) if _meet(real, name)), ""):
            why = f"it shows something of {found}"
        if why:
            raise WorldError(
                what=f"{path} cannot be shown to a command: {why}",
                why="a toolchain that uncovers the host would switch the wall off",
                next_step="name the toolchain's own directory under `toolchains` in factory.toml",
            )


class BwrapSandbox(WalledSandbox):
    """`ports.Sandbox` with the system's `bwrap`."""

    def __init__(self, host: Host, *, hidden: Sequence[str] = (), given: Sequence[str] = (), machine: str = "") -> None:
        super().__init__(hidden=hidden, given=given)
        self._host = host
        self._program = seccomp.program(machine or platform.machine())
        self._groups = wall_groups.find_place()
        if self._groups is not None:
            wall_groups.sweep(self._groups)

    @property
    def wall(self) -> str:
        name = "bwrap as root" if os.geteuid() == 0 else "bwrap"
        return name if self._program is not None else f"{name}, no system call table for {platform.machine()}"

    def _hold(self, limits: Limits, stack: ExitStack) -> Holding:
        return Hold(self._host, self._program, self._groups, limits, stack)

    async def open(self, argv: Sequence[str], boundary_at: BoundaryAt, limits: Limits = AGENT_LIMITS) -> Program:
        """A program that lives until it is ended. Raises WorldError when nothing was started."""
        limits = replace(limits, memory_bytes=min(limits.memory_bytes, self._memory))
        held = self._checked(boundary_at(f"http://127.0.0.1:{PORT}"), argv[0])
        return await open_walled(argv, held, limits, self._host, self._program, self._groups)


def refuse_links(path: str, boundary: Boundary) -> None:
    """Every component of the path inside the directories a seat writes to must be a real one.

    bwrap follows a link where it mounts, and an older one creates what is missing behind it, on the host. To be called
    while no command runs there. Raises WorldError.
    """
    if not path.startswith("/") or any(part in ("", ".", "..") for part in path[1:].split("/")):
        raise WorldError(what=f"the boundary names `{path}`, which is no plain absolute path")
    roots = [root for root in (boundary.cwd, *boundary.writable) if path == root or path.startswith(f"{root}/")]
    start = min(roots, key=len, default=path)
    here = start
    for part in ("", *path[len(start) :].split("/")):
        here = f"{here}/{part}" if part else here
        try:
            mode = os.lstat(here).st_mode
        except FileNotFoundError:
            return
        except OSError as error:
            raise WorldError(what=f"{here} cannot be looked at: {error.strerror}") from error
        if stat.S_ISLNK(mode):
            raise WorldError(
                what=f"{here} is a link where a protected path should be, so nothing was started",
                why="a command before this one planted it; mounting over it would reach outside of the wall",
                next_step="remove the link, or let the turn end: its worktree is kept and a fresh one opened",
            )


def _meet(path: str, name: str) -> bool:
    return covers(path, name) or covers(name, path)


def _memory_here() -> int:
    """What one command may use at most of this machine: three quarters of its memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 3 // 4


class _Run:
    """One command from start to the death of all it started."""

    def __init__(
        self,
        argv: Sequence[str],
        boundary: Boundary,
        limits: Limits,
        holds: Callable[[Limits, ExitStack], Holding],
        hear: Callable[[bytes], None] | None,
    ) -> None:
        self._hear = hear
        self._argv, self._boundary, self._limits = argv, boundary, limits
        self._holds = holds
        self._output = BoundedOutput(limits.output_bytes)
        self._loop = asyncio.get_running_loop()
        self._breach = ""

    async def until_dead(self) -> RunResult:
        began = time.monotonic()
        killed, stands, code = "", False, 0
        with ExitStack() as stack:
            hold = self._holds(self._limits, stack)
            out_read, out_write = _pipe(stack)
            hold.start(self._argv, self._boundary, out_write.fileno(), out_write.fileno())
            out_write.close()
            self._loop.add_reader(out_read, self._read, out_read)
            try:
                stands = await hold.stands()
                if stands:
                    hold.go()
                    killed = await self._watch(hold, began)
            finally:
                # Also on cancel: nothing goes on before everything is dead.
                code = await hold.end()
                self._loop.remove_reader(out_read)
                self._read(out_read)
        if not stands:
            raise self._unbuilt()
        if not killed and code < 0:
            killed = f"the wall ended by signal {signal.Signals(-code).name}"
        return RunResult(
            exit_code=None if killed else code,
            output=self._output.value(),
            seconds=time.monotonic() - began,
            killed=killed,
            breach=self._breach,
            truncated=self._output.truncated,
            met="" if killed or code == 0 or hold.group is not None else self._met(),
        )

    def _met(self) -> str:
        """Without a group it is the kernel that holds the process limit of an ordinary user, and the command alone
        hears of it: so it is read from what the command said last."""
        if os.geteuid() == 0 or _NO_MORE.search(self._output.value()[-20_000:]) is None:
            return ""
        return f"process limit of {self._limits.processes}: the kernel refused more"

    def _unbuilt(self) -> WorldError:
        told = self._output.value().decode("utf-8", "replace").strip()[-1_000:]
        return WorldError(
            what=f"the wall could not be built, so `{self._argv[0]}` was not started",
            why=told or "bwrap said nothing",
            next_step="run `factory doctor --probe`; without a wall no seat gets a shell",
        )

    # --- while it runs ---------------------------------------------------------------------------

    async def _watch(self, hold: Holding, began: float) -> str:
        """Returns when the command has ended or must be ended; then why."""
        limits = self._limits
        disk = _Disk(self._boundary.writable, limits.disk_bytes)
        while True:
            left = limits.seconds - (time.monotonic() - began)
            if left <= 0:
                return f"time limit of {limits.seconds:g} s"
            done, _ = await asyncio.wait([hold.ended], timeout=min(left, wall_limits.POLL_SECONDS))
            if hold.group is not None and hold.group.ran_out_of_memory():
                return f"memory limit of {limits.memory_bytes >> 20} MB: held by the kernel"
            if hold.group is not None and hold.group.refused_processes():
                return f"process limit of {limits.processes}: the kernel refused more"
            if done:
                over = await disk.over()
                return self._over("disk", over, limits.disk_bytes) if over else ""
            # Its first process is bwrap's own.
            used = wall_limits.usage(hold.first, 2 * limits.processes)
            running = used.threads - 1
            if running >= limits.processes:
                self._breach = "processes" if running > limits.processes else ""
                return _over_processes(running, limits.processes)
            if used.memory_bytes > limits.memory_bytes:
                exact = wall_limits.shared_out(hold.first)
                if exact > limits.memory_bytes:
                    return self._over("memory", exact, limits.memory_bytes)
            if over := await disk.over():
                return self._over("disk", over, limits.disk_bytes)

    def _over(self, what: str, used: int, most: int) -> str:
        self._breach = what
        return (
            f"{what} limit of {most >> 20} MB: {used >> 20} MB were in use when it was stopped,"
            f" {(used - most) >> 20} MB over, because it is only looked at every {wall_limits.POLL_SECONDS:g} s"
        )

    def _read(self, descriptor: int) -> None:
        if not self._output.take(descriptor, self._hear):
            self._loop.remove_reader(descriptor)


class _Disk:
    """Whether a command fills the disk. Its directories are measured only when the free space shrank."""

    def __init__(self, roots: Sequence[str], most: int) -> None:
        self._roots, self._most = roots, most
        self._free = self._free_now()
        self._base: int | None = None

    def _free_now(self) -> int:
        with contextlib.suppress(OSError):
            return wall_limits.free_bytes(self._roots[0]) if self._roots else 0
        return 0

    async def over(self) -> int:
        """What they grew by, when that is too much; else 0."""
        if not self._roots:
            return 0
        taken = max(0, self._free - self._free_now())
        if self._base is None:
            # Measured when the command runs already: what it took meanwhile was not there before.
            self._base = await asyncio.to_thread(wall_limits.size_of, self._roots) - taken
        if taken > self._most // 4:
            grown = await asyncio.to_thread(wall_limits.size_of, self._roots) - self._base
            self._free -= taken if grown <= self._most else 0
            return grown if grown > self._most else 0
        return 0


def _over_processes(running: int, most: int) -> str:
    over = f", {running - most} over, because they are only counted" if running > most else ", counted"
    when = f"every {wall_limits.POLL_SECONDS:g} s"
    return f"process limit of {most}: {running} were running when it was stopped{over} {when}"


_NO_MORE = re.compile(
    rb"(?i)cannot fork|fork[^\n]{0,60}resource temporarily unavailable|can't start new thread"
    rb"|errno 11\] resource temporarily|spawn[^\n]{0,80}eagain"
)
"""How shells, Python and node say that the kernel gave them no further process."""


def _pipe(stack: ExitStack) -> tuple[int, IO[bytes]]:
    """Read and write end, closed with the stack. The write end is a file: closed twice, it harms nobody else's."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    stack.callback(os.close, read)
    return read, stack.enter_context(os.fdopen(write, "wb", buffering=0))
