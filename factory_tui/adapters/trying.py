"""A small world of our own, and everything that a command must not be able to do to it.

Each attempt is harmless where it works, also as root and without any wall: it aims at things of this world alone, and
the one that aims at the kernel's settings opens them and writes nothing. What counts is the world afterwards.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory_tui.adapters.processes import remove_tree
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import Boundary, Limits, Sandbox

SECONDS = 15.0
SCRIPT = "attempts.sh"
PRECIOUS = "HOSTBYTES"
ATTEMPTS = r"""
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
try commit_with_git git -C "$VICTIM/repo" -c user.name=x -c user.email=x@x commit -q --allow-empty -m x
try push_with_git git -C "$VICTIM/repo" push -q "$VICTIM/repo" HEAD:refs/heads/pushed
(setsid nohup sh -c ": $MARK; sleep 60" >/dev/null 2>&1 </dev/null &)
ln -s "/oldroot$VICTIM" .claude
echo done > here
"""
NAMES = (
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
    "commit_with_git",
    "push_with_git",
)
QUIET = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ.get("PATH", os.defpath)}
_BY_THE_WORLD = ("write_outside", "signal_host", "commit_with_git", "push_with_git")
"""Inside, a file of that name or a process of that number may be the command's own: only the world tells."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One thing that was tried against a wall."""

    name: str
    refused: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class World:
    """`work` is where the command runs; everything else is out of its reach."""

    root: Path
    listener: socket.socket
    other: subprocess.Popen[bytes]
    mark: str

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def victim(self) -> Path:
        return self.root / "victim"

    @property
    def told(self) -> dict[str, str]:
        """What the attempts are given, as environment."""
        return {
            "VICTIM": str(self.victim),
            "KEPT": str(self.root),
            "PORT": str(self.listener.getsockname()[1]),
            "HOST_PID": str(self.other.pid),
            "MARK": self.mark,
        }

    def judge(self, output: str, where: Path | None = None) -> tuple[Tried, ...]:
        """What each attempt came to. `where` is the directory the command ran in, when it was a copy of `work`."""
        said = dict(line.rsplit(" ", 1) for line in output.splitlines() if " " in line)
        changed = {
            "write_outside": not self.is_untouched(),
            "write_protected": _text(self.work / "rules/rule") != "must" or names(self.work / "rules") != ["rule"],
            "reach_loopback": _was_reached(self.listener),
            "signal_host": self.other.poll() is not None,
            "commit_with_git": (self.victim / "repo/.git/refs/heads/main").exists(),
            "push_with_git": (self.victim / "repo/.git/refs/heads/pushed").exists(),
        }
        if where is not None:
            said["write_protected"] = "refused" if "write_protected" in said else ""
        found = [_judged(name, said.get(name, ""), changed.get(name, False)) for name in NAMES]
        late = _running_with(self.mark, self.other.pid)
        found.append(Tried(name="outlive_command", refused=not late, detail=", ".join(map(str, late))))
        for pid in late:
            os.kill(pid, signal.SIGKILL)
        return tuple(found)

    def is_untouched(self) -> bool:
        return names(self.victim) == ["precious", "repo"] and _text(self.victim / "precious") == PRECIOUS


@contextmanager
def world(place: str | Path) -> Iterator[World]:
    """Made below `place`, and gone afterwards."""
    directory = Path(place)
    directory.mkdir(parents=True, exist_ok=True)
    root = Path(os.path.realpath(tempfile.mkdtemp(prefix="wall-", dir=directory)))
    mark = f"factory-probe-{secrets.token_hex(8)}"
    try:
        for name in ("work/rules", "work/src", "victim/repo"):
            (root / name).mkdir(parents=True)
        (root / "victim/precious").write_text(PRECIOUS)
        (root / "work/rules/rule").write_text("must")
        (root / "work/src/link").symlink_to(root / "victim/precious")
        (root / "work" / SCRIPT).write_text(ATTEMPTS)
        subprocess.run(
            ["git", "init", "-q", "-b", "main", "--template="], cwd=root / "victim/repo", env=QUIET, check=False
        )
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            # A process of ours that a command must neither see nor end.
            other = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, env={"PATH": os.defpath, mark: "1"})
            try:
                yield World(root=root, listener=listener, other=other, mark=mark)
            finally:
                other.kill()
                other.wait()
    finally:
        remove_tree(root)


async def self_test(sandbox: Sandbox, place: str | Path) -> tuple[Tried, ...]:
    """Everything at once in one command, then the world is looked at. A probe that could not run counts as failed."""
    with world(place) as here:
        held = Boundary(
            cwd=str(here.work),
            writable=(str(here.work),),
            protected=(str(here.work / "rules"),),
            environment=here.told,
        )
        result = await sandbox.run(["sh", SCRIPT], held, Limits(seconds=SECONDS))
        found = [*here.judge(result.output.decode("utf-8", "replace")), await _try_link(sandbox, held, here)]
        works = _text(here.work / "here") == "done\n"
        told = (result.killed or result.output.decode("utf-8", "replace").strip())[-300:]
        return (*found, Tried(name="work_at_all", refused=works, detail="" if works else told))


def _judged(name: str, said: str, changed: bool) -> Tried:
    """Green only where it was refused and the world is as it was."""
    if changed:
        return Tried(name=name, refused=False, detail="the world changed")
    if not said:
        return Tried(name=name, refused=False, detail="it was not tried")
    if name in _BY_THE_WORLD or said == "refused":
        return Tried(name=name, refused=True)
    return Tried(name=name, refused=False, detail=said)


async def _try_link(sandbox: Sandbox, held: Boundary, here: World) -> Tried:
    """The link that the command planted would lead the next launch out of the wall."""
    if not is_link(here.work / ".claude"):
        return Tried(name="planted_link", refused=False, detail="it was not planted")
    trap = Boundary(cwd=held.cwd, writable=held.writable, protected=(f"{held.cwd}/.claude/settings.json",))
    refused = False
    try:
        await sandbox.run(["true"], trap, Limits(seconds=SECONDS))
    except WorldError:
        refused = True
    detail = "" if refused else "the launch went on"
    return Tried(name="planted_link", refused=refused and here.is_untouched(), detail=detail)


def is_link(path: Path) -> bool:
    return path.is_symlink()


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


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
