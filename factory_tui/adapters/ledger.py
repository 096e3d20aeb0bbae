"""The ledger: the one place where what happened is written down, and never changed.

One writer at a time, held by a lock for life; anybody may read. `append` fixes order at once and returns, a thread of
its own brings the lines to the device, several queued ones together; `durable` says when. After any error the ledger
is dead: a sync that failed may have dropped the bytes and a second one would say that all is well. Opening it again
reads what is really there.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Sequence
from types import TracebackType

import msgspec

from factory_tui.adapters.chain import Chain, Codec, LedgerDamaged
from factory_tui.adapters.disk import Disk, write_all, write_new
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import LedgerError
from factory_tui.domain.terms import Actor, Sha256

__all__ = ["Codec", "Ledger", "LedgerDamaged", "LedgerHeld", "LedgerView", "Repair"]


class LedgerHeld(LedgerError):
    """Another process writes to it. `holder` is what that process said of itself."""

    def __init__(self, *, path: str, holder: str) -> None:
        self.path, self.holder = path, holder
        super().__init__(
            what=f"{path} is in use by {holder}",
            why="a ledger has one writer, so that its order is one order",
            next_step="end that one first, or open it read-only: looking always works",
        )


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """A torn tail that was cut when the ledger was opened. Nothing that was ever durable is in it."""

    line: int
    """The line that was torn, from 1."""
    size: int
    """Bytes cut."""
    saved_as: str
    """The file that holds those bytes now."""


class LedgerView:
    """A ledger as a reader sees it. Never changes a byte, takes no lock, may be opened while somebody writes."""

    def __init__(self, path: str, codec: Codec, disk: Disk | None = None) -> None:
        self._disk = disk or Disk()
        self._chain = Chain(path, codec)
        self.damage: LedgerError | None = None
        """Why nothing after the last entry is trusted; None = all is well so far."""
        self.torn = 0
        """Bytes after the last good line: a torn tail, or a line that is being written just now."""
        self.refresh()

    def refresh(self) -> tuple[Entry, ...]:
        """The entries written since; raises LedgerError when the file cannot be read, or is not what it was."""
        if self.damage:
            return ()
        path, known = self._chain.path, self._chain.size
        try:
            size = self._disk.size(path)
            if known and size == known and not self.torn:
                return ()
            data = self._disk.read(path, known)
        except OSError as error:
            raise _unopened(path, error) from error
        if size < known:
            raise LedgerError(
                what=f"{path} has become shorter: {size} bytes, {known} were read before",
                why="a ledger only grows",
                next_step="restore it from a backup, then open it again",
            )
        before = len(self._chain.entries)
        try:
            self._chain.follow(data)
            rest = data[self._chain.size - known :]
            self._chain.judge(rest)
            self.torn = len(rest)
        except LedgerError as error:
            self.damage, self.torn = error, 0
        return tuple(self._chain.entries[before:])

    @property
    def entries(self) -> list[Entry]:
        return self._chain.entries

    @property
    def head(self) -> Sha256:
        """The link of the last line: names everything up to here."""
        return self._chain.head

    @property
    def repo_id(self) -> str:
        """Empty when even the first line is missing."""
        return self._chain.repo_id


class Ledger:
    """A ledger open for writing. Use one from one loop; only its own thread writes."""

    def __init__(self, path: str, *, repo_id: str, codec: Codec, at: str, holder: str, disk: Disk) -> None:
        self.path = path
        self.repaired: Repair | None = None
        self._disk = disk
        self._chain = Chain(path, codec)
        self._changed = threading.Condition()
        self._queue: list[bytes] = []
        self._queued_seq = 0
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._dead: Exception | None = None
        self._closing = False
        try:
            self._descriptor = disk.open(path)
        except OSError as error:
            raise _unopened(path, error) from error
        try:
            self._take_lock(holder)
            self._recover(repo_id, at)
        except OSError as error:
            disk.close(self._descriptor)
            raise _unopened(path, error) from error
        except BaseException:
            disk.close(self._descriptor)
            raise
        self._durable = self._queued_seq = self._chain.next_seq - 1
        self._written = self._chain.size
        self._thread = threading.Thread(target=self._write_queued, name="ledger writer", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls, path: str, *, repo_id: str, codec: Codec, at: str = "", holder: str = "", disk: Disk | None = None
    ) -> Ledger:
        """Open for writing, or begin a new one with `at` in its first line.

        Raises LedgerHeld when another process has it, LedgerDamaged when it cannot be trusted, LedgerError when it
        belongs to another repository or the disk refuses. A torn tail is saved aside and cut: see `repaired`.
        """
        whose = holder or f"process {os.getpid()} ({os.path.basename(sys.argv[0]) or 'python'})"  # noqa: PTH119
        return cls(path, repo_id=repo_id, codec=codec, at=at, holder=whose, disk=disk or Disk())

    @staticmethod
    def read(path: str, *, codec: Codec, disk: Disk | None = None) -> LedgerView:
        """Open read-only. Damage does not raise here: the good lines before it are shown, and `damage` says why."""
        return LedgerView(path, codec, disk)

    @property
    def entries(self) -> list[Entry]:
        """All entries in order, also those not durable yet. Not to be changed."""
        return self._chain.entries

    @property
    def head(self) -> Sha256:
        """The link of the last line: names everything up to here."""
        return self._chain.head

    def append(self, events: Sequence[object], by: Actor, at: str) -> tuple[Entry, ...]:
        """Fix the place of one command's events, all on one line, and hand it to the writer. Does not wait.

        Raises LedgerError when the ledger is dead or closed, or an event cannot be written down; then nothing changed.
        The entries hold the events as a replay will see them.
        """
        with self._changed:
            if self._dead or self._closing:
                raise self._refusal()
            if not events:
                return ()
            line, entries = self._chain.extend(events, by, at, self._durable)
            self._queue.append(line)
            self._queued_seq = entries[-1].seq
            self._changed.notify_all()
            return entries

    async def durable(self, seq: int) -> None:
        """Returns once every event up to `seq` is on the device. Raises LedgerError when that will never be known."""
        with self._changed:
            if seq <= self._durable:
                return
            if seq > self._queued_seq:
                raise ValueError(f"event {seq} was never appended; the last one is {self._queued_seq}")
            if self._dead or self._closing:
                raise self._refusal()
            future = asyncio.get_running_loop().create_future()
            self._waiters.append((seq, future))
        await future

    def flush(self) -> None:
        """Blocks until everything appended is durable; raises LedgerError when that will never be known."""
        with self._changed:
            self._changed.wait_for(lambda: self._dead or self._durable >= self._queued_seq)
            if self._dead:
                raise self._refusal()

    def close(self) -> None:
        """Write what is queued and let go of the lock; a second call does nothing. Raises as `flush` does."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._disk.close(self._descriptor)
        if self._dead:
            raise self._refusal()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- opening -----------------------------------------------------------------------------------

    def _take_lock(self, holder: str) -> None:
        if not self._disk.lock(self._descriptor):
            raise LedgerHeld(path=self.path, holder=_noted_holder(self._disk, self.path))
        descriptor = self._disk.open(f"{self.path}.holder")
        try:
            self._disk.cut(descriptor, 0)
            write_all(self._disk, descriptor, f"{holder}\n".encode(), 0)
        finally:
            self._disk.close(descriptor)

    def _recover(self, repo_id: str, at: str) -> None:
        """Leave the file as good lines only, all of them on the device."""
        chain = self._chain
        data = self._disk.read(self.path)
        chain.follow(data)
        tail = data[chain.size :]
        chain.judge(tail)
        if chain.lines and chain.repo_id != repo_id:
            raise LedgerError(
                what=f"{self.path} belongs to another repository",
                why=f"its first line names {chain.repo_id}, this repository is {repo_id}",
                next_step="give each repository a state place of its own; nothing was changed",
            )
        if tail:
            self._cut_tail(tail)
        if chain.lines:
            self._write_again(data, chain.doubtful_from)
        else:
            write_all(self._disk, self._descriptor, chain.begin(repo_id, at), 0)
        self._disk.sync(self._descriptor)
        self._disk.sync_directory(os.path.dirname(os.path.abspath(self.path)))  # noqa: PTH100, PTH120

    def _write_again(self, data: bytes, place: int) -> None:
        """Make what no later line calls synced certain.

        After a sync that failed in an earlier process it may be in memory only: it reads back, is not on the device,
        and no sync would bring it there. Writing the same bytes again makes the next sync do so.
        """
        write_all(self._disk, self._descriptor, data[place : self._chain.size], place)

    def _cut_tail(self, tail: bytes) -> None:
        number = 1
        while True:
            aside = f"{self.path}.torn-{number}"
            try:
                write_new(self._disk, aside, tail)
                break
            except FileExistsError:
                number += 1
        self._disk.sync_directory(os.path.dirname(os.path.abspath(self.path)))  # noqa: PTH100, PTH120
        self._disk.cut(self._descriptor, self._chain.size)
        self.repaired = Repair(line=self._chain.lines + 1, size=len(tail), saved_as=aside)

    # --- the writer's thread -----------------------------------------------------------------------

    def _write_queued(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                lines, seq = b"".join(self._queue), self._queued_seq
                self._queue.clear()
            try:
                self._commit(lines, seq)
            except Exception as error:
                self._die(error)
                return

    def _commit(self, lines: bytes, seq: int) -> None:
        self._write(lines)
        self._disk.sync(self._descriptor)
        self._written += len(lines)
        self._acknowledge(seq)

    def _write(self, lines: bytes) -> None:
        write_all(self._disk, self._descriptor, lines, self._written)

    def _acknowledge(self, seq: int) -> None:
        with self._changed:
            self._durable = seq
            ready = [future for wanted, future in self._waiters if wanted <= seq]
            self._waiters = [(wanted, future) for wanted, future in self._waiters if wanted > seq]
            self._changed.notify_all()
        for future in ready:
            _wake(future, None)

    def _die(self, error: Exception) -> None:
        with self._changed:
            self._dead = error
            waiters, self._waiters = self._waiters, []
            self._changed.notify_all()
        for _seq, future in waiters:
            _wake(future, self._refusal())

    def _refusal(self) -> LedgerError:
        if self._dead is None:
            return LedgerError(what=f"{self.path} was closed", next_step="open it again to write")
        return LedgerError(
            what=f"{self.path} could not be written: {self._dead}",
            why=f"event {self._durable} is the last one known to be on the device; nothing is promised after it",
            next_step="make room or mend the disk, then start again: the ledger is read afresh",
        )


def holder_of(path: str, disk: Disk | None = None) -> str:
    """What the process that writes to a ledger says of itself; empty = nobody writes to it. Raises LedgerError."""
    disk = disk or Disk()
    try:
        if not disk.is_locked(path):
            return ""
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unopened(path, error) from error
    return _noted_holder(disk, path)


def _noted_holder(disk: Disk, path: str) -> str:
    try:
        known = disk.read(f"{path}.holder").decode("utf-8", "replace").strip()
    except OSError:
        known = ""
    return known or "another process"


def _wake(future: asyncio.Future[None], error: LedgerError | None) -> None:
    def settle() -> None:
        if future.done():
            return
        if error:
            future.set_exception(error)
        else:
            future.set_result(None)

    try:
        future.get_loop().call_soon_threadsafe(settle)
    except RuntimeError:  # that loop has ended, nobody waits any more
        return


def _unopened(path: str, error: OSError) -> LedgerError:
    return LedgerError(
        what=f"{path} cannot be opened: {error.strerror or error}",
        next_step="mend what the system says about this file or its disk, then start again; nothing was lost by this",
    )
