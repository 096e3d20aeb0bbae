"""What one sandbox uses, looked at from outside: processes, memory, disk. For kernels that hold no limit over a group.

What is polled is stopped after it went over, so whoever stops it says by how much.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

POLL_SECONDS = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")
_BLOCK = 512
"""Bytes in a unit of `st_blocks`, whatever the file system."""


@dataclass(frozen=True)
class Usage:
    threads: int
    memory_bytes: int


def usage(first: int, most: int) -> Usage:
    """Of a process and all below it. Stops looking once there are more than `most` threads."""
    threads = memory = 0
    pending = [first]
    while pending:
        pid = pending.pop()
        try:
            tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
            memory += _resident(pid)
            pending += children(pid, tasks)
        except (OSError, ValueError):
            continue  # it ended meanwhile
        threads += len(tasks)
        if threads > most:
            break
    return Usage(threads=threads, memory_bytes=memory)


def shared_out(first: int) -> int:
    """Memory of a process and all below it where every shared page is counted once; slower than `usage`."""
    total = 0
    pending = [first]
    while pending:
        pid = pending.pop()
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                total += sum(int(line.split()[1]) << 10 for line in file if line.startswith(b"Pss:"))
            pending += children(pid)
        except (OSError, ValueError):
            continue
    return total


def children(pid: int, tasks: Iterable[str] = ()) -> list[int]:
    """Raises OSError when the process has ended."""
    found: list[int] = []
    for task in tasks or os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
        with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
            found += map(int, file.read().split())
    return found


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE


def free_bytes(path: str) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def size_of(roots: Iterable[str]) -> int:
    """Bytes on disk of everything at and below the roots; links are not followed, a file with two names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    pending = list(roots)
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif status.st_nlink > 1:
                        if (status.st_dev, status.st_ino) in seen:
                            continue
                        seen.add((status.st_dev, status.st_ino))
                    total += status.st_blocks * _BLOCK
        except OSError:
            continue
    return total
