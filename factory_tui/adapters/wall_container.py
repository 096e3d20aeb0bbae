"""A wall of the user's own container engine, where there is no bwrap and they said so: one container for one command.

No image and no registry: the root is the machine's own toolchain, laid out as `wall_profile` does it for bwrap, with
the same table of refused calls. It is believed by what it does and never by its name: see `walls`. What it cannot do
is hold an agent's own program, whose way out is a socket handed through.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from factory_tui.adapters import seccomp, wall_groups, wall_guard
from factory_tui.adapters.processes import remove_tree
from factory_tui.adapters.wall import WalledSandbox
from factory_tui.adapters.wall_hold import START_SECONDS, Holding, credentials_in, tell_of_end
from factory_tui.adapters.wall_profile import FILES, HOME, HOME_BYTES, UID, Host, environment, is_for_loader, limiter
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import Boundary, Limits

OPENING = 'read -r go || exit 125; "$@" </dev/null & wait $!; exit $?'
"""Run inside as the first process: waits for the word, and ends when the command does. Nothing inside can end it."""
END_SECONDS = 20.0
"""In which an engine has put a dead container away."""
_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """`podman`, which runs a root of ours. `docker` knows images only."""

    program: str
    runtime: str = ""
    """Empty = its own choice."""

    @property
    def name(self) -> str:
        by = f" with {self.runtime}" if self.runtime else ""
        return f"{Path(self.program).name}{by}"


def find_engines() -> tuple[Engine, ...]:
    """The system's own, with each runtime that is there; none when there is none."""
    program = next((path for path in ("/usr/bin/podman", "/bin/podman") if os.access(path, os.X_OK)), "")
    runtimes = [name for name in ("crun", "runc") if shutil.which(name, path="/usr/bin:/usr/sbin")]
    return tuple(Engine(program=program, runtime=name) for name in runtimes or [""]) if program else ()


@dataclass(frozen=True, kw_only=True)
class Whereabouts:
    """Of one container."""

    place: str
    """The engine's, shared by all of ours."""
    root: str
    name: str


class ContainerSandbox(WalledSandbox):
    """`ports.Sandbox` with a container engine."""

    def __init__(self, engine: Engine, host: Host, *, hidden: Sequence[str] = (), given: Sequence[str] = ()) -> None:
        super().__init__(hidden=hidden, given=given)
        self._engine, self._host = engine, host
        self._place = _place_of_our_own()

    @property
    def wall(self) -> str:
        name = f"container by {Path(self._engine.program).name}"
        name = f"{name} as root" if os.geteuid() == 0 else name
        known = seccomp.program(platform.machine()) is not None
        return name if known else f"{name}, no system call table for {platform.machine()}"

    def _hold(self, limits: Limits, stack: ExitStack) -> Holding:
        return ContainerHold(self._engine, self._host, self._place, limits, stack)


def _place_of_our_own() -> str:
    """Where the engine keeps what it knows of our containers; short, because sockets lie in it."""
    place = Path(tempfile.gettempdir(), f"factory-engine-{os.getuid()}")
    place.mkdir(mode=0o700, exist_ok=True)
    status = place.lstat()
    if place.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise WorldError(what=f"{place} is not ours alone", next_step="remove it")
    for left in place.glob("root-*"):
        pid = left.name.split("-")[1]
        if not Path("/proc", pid).exists():
            remove_tree(left)
    return str(place)


class ContainerHold:
    """Satisfies `wall_hold.Holding`."""

    def __init__(self, engine: Engine, host: Host, place: str, limits: Limits, stack: ExitStack) -> None:
        self._engine, self._host, self._place, self._limits, self._stack = engine, host, place, limits, stack
        self.group: wall_groups.Group | None = None
        self.first = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._name = f"factory-{os.getpid()}-{next(_numbers)}"
        self._handle = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._word, self._our_word = -1, -1
        self._root = Path(place, f"root-{os.getpid()}-{next(_numbers)}")
        stack.callback(remove_tree, self._root)

    def start(self, argv: Sequence[str], boundary: Boundary, output: int, errors: int) -> None:
        """Raises WorldError."""
        masked = credentials_in((*self._host.toolchains, *boundary.readable))
        mounts = mounts_of(boundary, self._host, masked)
        given = environment(boundary, self._host, os.environ)
        try:
            lay_root(self._root, self._host, [*(to for _, to, _ in mounts)])
            calls = self._root / "calls.json"
            calls.write_text(json.dumps(refused_calls()))
        except OSError as error:
            raise WorldError(what="no root for a container could be laid out", why=str(error)) from error
        where = Whereabouts(place=self._place, root=str(self._root), name=self._name)
        words = container_words(argv, boundary, self._limits, self._engine, mounts, given, where)
        theirs, self._our_word = os.pipe()
        self._stack.callback(os.close, self._our_word)
        try:
            self._process = subprocess.Popen(
                words,
                cwd="/",
                env=given,
                stdin=theirs,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise WorldError(what=f"`{argv[0]}` could not be started", why=str(error)) from error
        finally:
            os.close(theirs)
        tell_of_end(os.pidfd_open(self._process.pid), self.ended, self._stack)

    async def stands(self) -> bool:
        """Waits until the engine says who the first process is, and takes hold of it."""
        until = time.monotonic() + START_SECONDS
        told = self._root / "pid"
        while time.monotonic() < until and not self.ended.done():
            text = told.read_text() if told.exists() else ""
            if text.strip().isdigit():
                return self._held(int(text))
            await asyncio.wait([self.ended], timeout=0.01)
        return False

    def _held(self, first: int) -> bool:
        try:
            self._handle = os.pidfd_open(first)
            self._stack.callback(os.close, self._handle)
            if os.getpgid(first) != first:
                return False
        except OSError:
            return False
        self.first = first
        # The engine outlives a killed factory: then whoever watches ends the first process, and with it every other.
        wall_guard.building(first)
        return True

    def go(self) -> None:
        """Lets the command begin."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._our_word, b"go\n")

    async def end(self) -> int:
        """Returns when the container is dead and put away."""
        if self._process is None:
            return 0
        cancelled = False
        deadline = time.monotonic() + END_SECONDS
        if not self.ended.done():
            self._kill()
        while not self.ended.done():
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            try:
                await asyncio.wait([self.ended], timeout=0.5)
            except asyncio.CancelledError:
                cancelled = True
        code = self._process.wait()
        if self.first:
            wall_guard.stands(self.first)
        if code < 0 or not self.first:
            await asyncio.to_thread(self._put_away)
        if cancelled:
            raise asyncio.CancelledError
        return code

    def _kill(self) -> None:
        if self._handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        elif self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _put_away(self) -> None:
        """What an engine that was ended itself has left."""
        words = [*engine_words(self._engine, self._place), "rm", "-f", "-t", "0", "-i", self._name]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(words, cwd="/", capture_output=True, timeout=END_SECONDS, check=False)


# --- what a container is made of -----------------------------------------------------------------


def mounts_of(boundary: Boundary, host: Host, masked: Sequence[str]) -> list[tuple[str, str, str]]:
    """From, to, and `ro` or `rw`; what comes later covers what came before. Pure."""
    shown = [*host.system, *(host.resolver if boundary.network else ()), *host.toolchains, *boundary.readable]
    found = [(path, path, "ro") for path in shown]
    found += [("/dev/null", path, "ro") for path in masked]
    if not any(boundary.cwd == path or boundary.cwd.startswith(f"{path}/") for path in boundary.writable):
        found.append((boundary.cwd, boundary.cwd, "ro"))
    found += [(path, path, "rw") for path in sorted(boundary.writable)]
    found += [(path, path, "ro") for path in sorted(boundary.protected)]
    for _, path, _ in found:
        if any(sign in path for sign in ":,\n"):
            raise WorldError(what=f"{path} cannot be shown to a container", why="its name holds a `:` or `,`")
    return list({to: (way, to, how) for way, to, how in found}.values())


def lay_root(root: Path, host: Host, points: Sequence[str]) -> None:
    """Directories, links and files of a root, and something to mount over for each of `points`."""
    inside = root / "root"
    for name in ("proc", "dev", "sys", "tmp", "run", "etc", HOME.lstrip("/")):
        (inside / name).mkdir(parents=True, exist_ok=True)
    for link, target in host.links:
        (inside / link.lstrip("/")).symlink_to(target)
    for path, text in FILES.items():
        (inside / path.lstrip("/")).write_text(text)
    for point in points:
        place = inside / point.lstrip("/")
        if any(point.startswith(f"{folder}/") for folder in ("/usr", "/tmp", HOME)):  # noqa: S108
            continue
        if Path(point).is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    inside.chmod(0o755)


def engine_words(engine: Engine, place: str) -> list[str]:
    words = [engine.program, "--root", f"{place}/graph", "--runroot", f"{place}/run", "--tmpdir", f"{place}/own"]
    words += ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"]
    return [*words, *(("--runtime", engine.runtime) if engine.runtime else ())]


def container_words(
    command: Sequence[str],
    boundary: Boundary,
    limits: Limits,
    engine: Engine,
    mounts: Sequence[tuple[str, str, str]],
    given: Mapping[str, str],
    where: Whereabouts,
) -> list[str]:
    """The whole argument list. No value of the environment is in it: it is read by everybody."""
    other = "100000" if os.geteuid() == 0 else "1"
    words = [*engine_words(engine, where.place), "run", "--rm", "-i", "--name", where.name]
    words += ["--pidfile", f"{where.root}/pid"]
    for ids in ("--uidmap", "--gidmap"):
        words += [ids, f"{UID}:0:1", ids, f"0:{other}:1"]
    words += ["--user", f"{UID}:{UID}", "--cap-drop", "all", "--security-opt", "no-new-privileges"]
    words += ["--security-opt", f"seccomp={where.root}/calls.json" if refused_calls() else "seccomp=unconfined"]
    words += ["--read-only", "--read-only-tmpfs=false", "--network", "host" if boundary.network else "none"]
    words += ["--ipc", "private", "--uts", "private", "--pid", "private", "--hostname", "sandbox", "--no-hosts"]
    words += ["--passwd=false", "--log-driver", "none", "--pids-limit", str(limits.processes + 3)]
    processes = limits.processes + 100  # named, or the engine asks for more than it may have; set again inside
    words += ["--ulimit", "nofile=4096:4096", "--ulimit", f"nproc={processes}:{processes}", "--ulimit", "core=0:0"]
    words += ["--tmpfs", f"/tmp:rw,size={limits.scratch_bytes},mode=1777"]  # noqa: S108 - its own
    words += ["--tmpfs", f"{HOME}:rw,size={HOME_BYTES},mode=1777"]
    for way, to, how in mounts:
        words += ["-v", f"{way}:{to}:{how}"]
    for variable, value in sorted(given.items()):
        words += ["--env", f"{variable}={value}" if is_for_loader(variable) else variable]
    for variable, value in sorted(boundary.environment.items()):
        if is_for_loader(variable):
            words += ["--env", f"{variable}={value}"]
    words += ["--workdir", boundary.cwd, "--rootfs", f"{where.root}/root"]
    return [*words, "/bin/sh", "-c", OPENING, "sh", *limiter(limits), *command]


def refused_calls() -> dict[str, object]:
    """The table of `seccomp`, as engines read it; empty where we have none."""
    if seccomp.program(platform.machine()) is None:
        return {}

    def refused(names: Sequence[str], error: int, *arguments: dict[str, object]) -> dict[str, object]:
        return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": error, "args": list(arguments)}

    def low_half(index: int, mask: int, value: int) -> dict[str, object]:
        return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}

    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [
            refused(sorted(seccomp.REFUSED), 1),
            refused(sorted(seccomp.ABSENT), 38),
            *(refused(["ioctl"], 1, low_half(1, 0xFFFFFFFF, asked)) for asked in seccomp.INTO_TERMINALS),
            refused(["socket"], 1, low_half(0, 0xFFFFFFFF, seccomp.WITH_A_PATH)),
            refused(["clone"], 1, low_half(0, seccomp.NEW_USER, seccomp.NEW_USER)),
        ],
    }
