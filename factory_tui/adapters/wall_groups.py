"""Limits over all processes of one sandbox together, held by the kernel, where control groups are ours to make.

Version 2 holds processes and memory, below a group that was delegated to us; version 1 holds processes only. Run as
root this is what stops a fork bomb: the kernel never counts the processes of root against a process limit.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from factory_tui.engine.ports import Limits

PREFIX = "factory-"
ROOT = "/sys/fs/cgroup"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where groups can be made."""

    directory: Path
    holds_memory: bool

    def make(self, limits: Limits) -> Group | None:
        """None when the kernel refuses after all."""
        directory = self.directory / f"{PREFIX}{os.getpid()}-{secrets.token_hex(6)}"
        try:
            directory.mkdir()
            (directory / "pids.max").write_text(f"{limits.processes}")
            if self.holds_memory:
                (directory / "memory.max").write_text(f"{limits.memory_bytes}")
                with contextlib.suppress(OSError):
                    (directory / "memory.swap.max").write_text("0")
                (directory / "memory.oom.group").write_text("1")
        except OSError:
            with contextlib.suppress(OSError):
                directory.rmdir()
            return None
        return Group(directory, self.holds_memory)


class Group:
    """One sandbox's."""

    def __init__(self, directory: Path, holds_memory: bool) -> None:
        self._directory = directory
        self.holds_memory = holds_memory

    def take(self, processes: Iterable[int]) -> bool:
        """Whether all of them, and so whatever they start, are in it."""
        try:
            for pid in processes:
                (self._directory / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    def refused_processes(self) -> bool:
        """Whether the kernel refused to start another process."""
        return self._count("pids.events", "max") > 0

    def ran_out_of_memory(self) -> bool:
        return self.holds_memory and self._count("memory.events", "oom_kill") > 0

    def remove(self) -> None:
        """Once everything in it is dead; the kernel may take a moment to see that."""
        for _ in range(20):
            with contextlib.suppress(FileNotFoundError):
                try:
                    self._directory.rmdir()
                except OSError:
                    time.sleep(0.002)
                    continue
            return

    def _count(self, name: str, key: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            for line in (self._directory / name).read_text().splitlines():
                word, _, number = line.partition(" ")
                if word == key:
                    return int(number)
        return 0


def find_place(root: str = ROOT, own: str | None = None) -> Place | None:
    """`own` is the text of `/proc/self/cgroup`. None where no group can be made by us."""
    if own is None:
        try:
            own = Path("/proc/self/cgroup").read_text()
        except OSError:
            return None
    lines = [line.split(":", 2) for line in own.splitlines() if line.count(":") >= 2]
    unified = next((path for number, _, path in lines if number == "0"), None)
    if unified is not None and Path(root, "cgroup.controllers").exists():
        here = Path(root, unified.lstrip("/"))
        # A group with processes in it cannot be divided, so ours stand beside our own.
        for candidate in (here, here.parent):
            if _is_ours(candidate) and {"pids", "memory"} <= _controllers(candidate):
                return Place(directory=candidate, holds_memory=True)
    processes = next((path for _, names, path in lines if "pids" in names.split(",")), None)
    if processes is not None:
        candidate = Path(root, "pids", processes.lstrip("/"))
        if _is_ours(candidate):
            return Place(directory=candidate, holds_memory=False)
    return None


def sweep(place: Place) -> int:
    """Removes the empty groups that a killed factory left; how many."""
    found = 0
    for directory in place.directory.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            if not Path(f"/proc/{int(directory.name.split('-')[1])}").exists():
                directory.rmdir()
                found += 1
    return found


def _is_ours(directory: Path) -> bool:
    return directory.is_dir() and all(os.access(path, os.W_OK) for path in (directory, directory / "cgroup.procs"))


def _controllers(directory: Path) -> set[str]:
    try:
        return set((directory / "cgroup.subtree_control").read_text().split())
    except OSError:
        return set()
