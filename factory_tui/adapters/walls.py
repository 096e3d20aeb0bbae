"""Which wall there is, believed by what it does and not by a version number.

Before the first command the wall is tried from inside: can a command write outside, change a protected path, read the
host, reach its loopback, see its environment, signal its processes, outlive its end, gain a capability or a namespace,
or be led through a planted link? One thing that works, and there is no wall.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_tui.adapters.processes import PlainSandbox, remove_tree
from factory_tui.adapters.user_config import UserConfig, read_user_config
from factory_tui.adapters.wall import DEFAULT_LIMITS, BwrapSandbox, find_bwrap, look_around
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import Boundary, Limits, RunResult, Sandbox

DEGRADED = "none, DEGRADED: accepted by the supervisor"
PROBE_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One thing that was tried against a wall."""

    name: str
    refused: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known of the wall after it was tried."""

    label: str
    """As the session records it: `bwrap`, `bwrap as root`, `container`, `none`, or `DEGRADED` accepted."""
    tried: tuple[Tried, ...] = ()
    why_none: str = ""
    """Why there is no wall, and what to do; empty = there is one."""


class ProvenSandbox:
    """`ports.Sandbox`: the wall once it proved itself, else none. Nothing is believed before `prove`."""

    def __init__(
        self,
        place: str | Path,
        config: UserConfig,
        *,
        hidden: Sequence[str] = (),
        bwrap: str | None = None,
        platform: str = sys.platform,
    ) -> None:
        """`place` is a directory of ours for throw-away homes and the probe."""
        self._place, self._config, self._platform = Path(place), config, platform
        self._plain = PlainSandbox(place)
        self._inner: Sandbox = self._plain
        self._bwrap = find_bwrap() if bwrap is None else bwrap
        self._hidden = tuple(hidden)
        self._standing: Standing | None = None
        self._proving = asyncio.Lock()

    @property
    def wall(self) -> str:
        """What commands run behind now: `none` until it was proved."""
        if self._standing is not None and self._standing.label == "container":
            return "container"
        return self._inner.wall

    @property
    def standing(self) -> Standing:
        return self._standing or Standing(label="none", why_none="the wall was not tried yet")

    async def prove(self) -> Standing:
        """Tries the wall, once; what it then says holds for this process."""
        async with self._proving:
            if self._standing is None:
                self._standing = await self._try()
            return self._standing

    async def run(self, argv: Sequence[str], boundary: Boundary, limits: Limits = DEFAULT_LIMITS) -> RunResult:
        return await self._inner.run(argv, boundary, limits)

    async def _try(self) -> Standing:
        if self._platform != "linux":
            return self._none("there is no wall yet elsewhere than on Linux")
        if not self._bwrap:
            return self._none("bwrap is not installed; your package manager has it as `bubblewrap`")
        inside = (sys.base_prefix,) if not sys.base_prefix.startswith("/usr") else ()
        try:
            sandbox = BwrapSandbox(look_around(self._bwrap, inside), hidden=self._hidden)
            tried = await self_test(sandbox, self._place)
        except WorldError as error:
            return self._none(f"{error.what}: {error.why}")
        if failed := [one for one in tried if not one.refused]:
            told = "; ".join(f"{one.name} ({one.detail})" if one.detail else one.name for one in failed)
            return self._none(f"bwrap is there and does not hold: {told}", tried)
        self._inner = sandbox
        return Standing(label=sandbox.wall, tried=tried)

    def _none(self, why: str, tried: tuple[Tried, ...] = ()) -> Standing:
        if self._config.container:
            return Standing(label="container", tried=tried)
        if self._config.accept_degraded:
            return Standing(label=DEGRADED, tried=tried, why_none=why)
        accept = (
            f'to let seats run commands without one, write `accept = "DEGRADED"` under [wall] in {self._config.path}'
        )
        return Standing(label="none", tried=tried, why_none=f"{why}. Without a wall no seat gets a shell; {accept}")


def choose_wall(
    place: str | Path, environment: Mapping[str, str], repository: str, *, hidden: Sequence[str] = ()
) -> ProvenSandbox:
    """By the user's own settings and what this machine has. Raises FactoryError when those settings are wrong."""
    config = read_user_config(environment, repository)
    return ProvenSandbox(place, config, hidden=(*hidden, str(Path(config.path).parent)))


# --- the wall, tried -----------------------------------------------------------------------------

_ATTEMPTS = r"""
try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "$name worked"; else echo "$name refused"; fi; }
try write_outside sh -c "echo x > '$VICTIM/canary' && test -e '$VICTIM/precious'"
try write_protected sh -c 'echo x > rules/rule || echo x > rules/other || rm -rf rules || mv rules gone'
try read_host sh -c "cat '$VICTIM/precious' || cat '$KEPT/precious'"
try reach_loopback bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT"
try see_environment sh -c "cat /proc/*/environ /proc/self/environ | tr '\0' '\n' | grep -qx '$MARK=1'"
try signal_host sh -c "kill -9 $HOST_PID"
try keep_capability sh -c "! grep -q 'CapEff:.0000000000000000' /proc/self/status"
try be_root sh -c 'test "$(id -u)" = 0'
try new_namespace unshare -Ur true
try write_kernel sh -c ': >> /proc/sys/kernel/core_pattern'
(setsid nohup sh -c ": $MARK; sleep 60" >/dev/null 2>&1 </dev/null &)
ln -s "/oldroot$VICTIM" .claude
echo done > here
"""


# Each of these is harmless where it works, also as root and without any wall: it aims at things of the probe's own, and
# the one that aims at the kernel's settings opens and writes nothing.


async def self_test(sandbox: Sandbox, place: str | Path) -> tuple[Tried, ...]:
    """Everything at once in one command, then the world is looked at. A probe that could not run counts as failed."""
    root = _fresh(Path(place))
    try:
        return await _self_test(sandbox, root)
    finally:
        remove_tree(root)


def _fresh(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    return Path(os.path.realpath(tempfile.mkdtemp(prefix="wall-", dir=place)))


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def _somebody(mark: str) -> subprocess.Popen[bytes]:
    """A process of ours that a command must neither see nor end."""
    return subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, env={"PATH": os.defpath, mark: "1"})


async def _self_test(sandbox: Sandbox, root: Path) -> tuple[Tried, ...]:
    work, victim = root / "work", root / "victim"
    (work / "rules").mkdir(parents=True)
    victim.mkdir()
    (victim / "precious").write_text("HOSTBYTES")
    (work / "rules/rule").write_text("must")
    mark = f"factory-probe-{secrets.token_hex(8)}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        other = _somebody(mark)
        try:
            told = {
                "VICTIM": str(victim),
                "KEPT": str(root),
                "PORT": str(listener.getsockname()[1]),
                "HOST_PID": str(other.pid),
                "MARK": mark,
            }
            held = Boundary(cwd=str(work), writable=(str(work),), protected=(str(work / "rules"),), environment=told)
            result = await sandbox.run(["sh", "-c", _ATTEMPTS], held, Limits(seconds=PROBE_SECONDS))
            said = dict(
                line.rsplit(" ", 1) for line in result.output.decode("utf-8", "replace").splitlines() if " " in line
            )
            changed = {
                "write_outside": _names(victim) != ["precious"],
                "write_protected": _text(work / "rules/rule") != "must" or _names(work / "rules") != ["rule"],
                "reach_loopback": _was_reached(listener),
                "signal_host": other.poll() is not None,
            }
            found = [
                _judged(name, said.get(name, ""), changed.get(name, False))
                for name in (
                    "write_outside",
                    "write_protected",
                    "read_host",
                    "reach_loopback",
                    "see_environment",
                    "signal_host",
                    "keep_capability",
                    "be_root",
                    "new_namespace",
                    "write_kernel",
                )
            ]
            late = _running_with(mark, other.pid)
            found.append(Tried(name="outlive_command", refused=not late, detail=", ".join(map(str, late))))
            for pid in late:
                os.kill(pid, signal.SIGKILL)
            found.append(await _try_link(sandbox, held, work, victim))
            works = _text(work / "here") == "done\n"
            found.append(Tried(name="work_at_all", refused=works, detail="" if works else _tail(result)))
            return tuple(found)
        finally:
            other.kill()
            other.wait()


def _judged(name: str, said: str, changed: bool) -> Tried:
    """Green only where it was refused and the world is as it was; a write into a tree of its own is no escape."""
    if changed:
        return Tried(name=name, refused=False, detail="the world changed")
    if name in ("write_outside", "signal_host"):  # a process of its own may have the same number inside
        return Tried(name=name, refused=said != "", detail="" if said else "it was not tried")
    return Tried(name=name, refused=said == "refused", detail="" if said == "refused" else said or "it was not tried")


async def _try_link(sandbox: Sandbox, held: Boundary, work: Path, victim: Path) -> Tried:
    """The link that the command planted would lead the next launch out of the wall."""
    if not (work / ".claude").is_symlink():
        return Tried(name="planted_link", refused=False, detail="it was not planted")
    trap = Boundary(cwd=held.cwd, writable=held.writable, protected=(f"{work}/.claude/settings.json",))
    refused = False
    try:
        await sandbox.run(["true"], trap, Limits(seconds=PROBE_SECONDS))
    except WorldError:
        refused = True
    clean = _names(victim) == ["precious"]
    return Tried(name="planted_link", refused=refused and clean, detail="" if refused else "the launch went on")


def _was_reached(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _running_with(mark: str, besides: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in (os.getpid(), besides):
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _tail(result: RunResult) -> str:
    return (result.killed or result.output.decode("utf-8", "replace").strip())[-300:]
