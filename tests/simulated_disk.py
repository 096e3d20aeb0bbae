"""A disk in memory that does what real ones do to those who trust them too early.

What was written and not synced may be lost, come late, be torn or have a hole of zeros after a power cut. A sync that
failed leaves bytes that read back and will never reach the device. Names are as volatile as bytes until their
directory is synced.
"""

from __future__ import annotations

import errno
import os
import random
import threading
from dataclasses import dataclass, field

from factory_tui.adapters.disk import Disk


@dataclass
class File:
    cache: bytearray = field(default_factory=bytearray)
    solid: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Offset and bytes of each write that was not synced; None = the file was cut there."""


def apply(data: bytearray, offset: int, change: bytes | None) -> None:
    if change is None:
        del data[offset:]
        return
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(change)] = change


class SimulatedDisk(Disk):
    def __init__(self, capacity: int = 1 << 30) -> None:
        self.capacity = capacity
        self.names: dict[str, File] = {}
        self.solid_names: dict[str, File] = {}
        self.fault: tuple[int, str] | None = None
        """After so many more calls: `short`, `nospace`, `eio`, `halt` (nothing works any more)."""
        self.halted = False
        self.gate = threading.Event()
        self.gate.set()
        self.at_gate = threading.Event()
        self._open: dict[int, tuple[str, File]] = {}
        self._locked: dict[str, int] = {}
        self._next = 100

    # --- what happens to it --------------------------------------------------------------------------

    def end_process(self) -> None:
        """Every descriptor and lock of the process is gone; what is in the cache stays there."""
        self._open.clear()
        self._locked.clear()
        self.halted, self.fault = False, None

    def cut_power(self, seed: int) -> None:
        chance = random.Random(seed)
        self.end_process()
        self.names = dict(self.solid_names if chance.random() < 0.5 else self.names)
        self.solid_names = dict(self.names)
        for file in self.names.values():
            for offset, change in file.pending:
                match chance.choice(["lost", "whole", "part", "zeros", "hole"]):
                    case "whole":
                        apply(file.solid, offset, change)
                    case "part" if change:
                        apply(file.solid, offset, change[: chance.randrange(len(change))])
                    case "zeros" if change and offset + len(change) > len(file.solid):
                        new_at = max(0, len(file.solid) - offset)
                        apply(file.solid, offset + new_at, bytes(len(change) - new_at))
                    case "hole" if change and offset >= len(file.solid):
                        third = len(change) // 3
                        apply(file.solid, offset, change[:third] + bytes(third) + change[2 * third :])
            file.pending.clear()
            file.cache = bytearray(file.solid)

    def _call(self) -> str:
        if self.halted:
            raise OSError(errno.EIO, "halted")
        if self.fault is None:
            return ""
        left, kind = self.fault
        if left:
            self.fault = (left - 1, kind)
            return ""
        self.fault = None
        if kind == "halt":
            self.halted = True
            raise OSError(errno.EIO, "halted")
        return kind

    # --- the calls -----------------------------------------------------------------------------------

    def open(self, path: str) -> int:
        file = self.names.setdefault(path, File())
        self._next += 1
        self._open[self._next] = (path, file)
        return self._next

    def create(self, path: str) -> int:
        if path in self.names:
            raise FileExistsError(errno.EEXIST, "exists")
        return self.open(path)

    def read(self, path: str, start: int = 0) -> bytes:
        if path not in self.names:
            raise FileNotFoundError(errno.ENOENT, "no such file")
        return bytes(self.names[path].cache[start:])

    def size(self, path: str) -> int:
        return len(self.read(path))

    def write(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        self.at_gate.set()
        assert self.gate.wait(30), "the test forgot the gate"
        fault = self._call()
        file = self._open[descriptor][1]
        if fault in ("nospace", "eio"):
            raise OSError(getattr(errno, fault.upper(), errno.ENOSPC), fault)
        taken = bytes(data)[: max(1, len(data) // 2)] if fault == "short" else bytes(data)
        taken = taken[: max(0, self.capacity - offset)]
        if not taken:
            raise OSError(errno.ENOSPC, "no space left on device")
        apply(file.cache, offset, taken)
        file.pending.append((offset, taken))
        return len(taken)

    def cut(self, descriptor: int, size: int) -> None:
        if self._call() in ("eio", "nospace"):
            raise OSError(errno.EIO, "cut")
        file = self._open[descriptor][1]
        apply(file.cache, size, None)
        file.pending.append((size, None))

    def sync(self, descriptor: int) -> None:
        fault = self._call()
        file = self._open[descriptor][1]
        if fault in ("eio", "nospace"):
            file.pending.clear()  # the pages are called clean now, and were never written
            raise OSError(errno.EIO, "sync")
        for offset, change in file.pending:
            apply(file.solid, offset, change)
        file.pending.clear()

    def sync_directory(self, path: str) -> None:
        if self._call() in ("eio", "nospace"):
            raise OSError(errno.EIO, "sync of a directory")
        self.solid_names = dict(self.names)

    def lock(self, descriptor: int) -> bool:
        return self._locked.setdefault(self._open[descriptor][0], descriptor) == descriptor

    def rename(self, old: str, new: str) -> None:
        self._call()
        self.names[new] = self.names.pop(old)

    def remove(self, path: str) -> None:
        self._call()
        del self.names[path]

    def close(self, descriptor: int) -> None:
        path, _file = self._open.pop(descriptor, ("", None))
        if self._locked.get(path) == descriptor:
            del self._locked[path]

    def directory(self) -> list[str]:
        return sorted(os.path.basename(path) for path in self.names)
