"""Watches a home's documents: whoever changes one, it is told at once, with what it was and what it is.

Directories are watched, never files, and not what lies below them: an editor that saves by renaming replaces the file
that would have been watched, and a home may be the root of a large repository. What the kernel says is a hint only.
Each hint has the bytes read again, and a sweep over the files' status every two seconds is the net below.
watchfiles says where something happened, and is asked when the bell rang.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import stat
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from factory_tui.adapters.bell import Bell, hung_at
from factory_tui.adapters.home_files import is_home_file
from factory_tui.domain.errors import DocumentError, FactoryError
from factory_tui.domain.terms import Sha256

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

STEP_MS, STEP_MS_WITHOUT_BELL = 2, 5
"""How long it must be quiet before a batch of hints is handed over; without a bell, also how often one looks."""
DEBOUNCE_MS = 50
"""How long a batch may grow."""
MOST_MS_AFTER_RING = 50
"""How long hints are waited for once the bell rang; without any, every document is looked at."""
POLL_MS = 300
"""How often the library looks by itself where the kernel tells it nothing."""
SECONDS_BETWEEN_SWEEPS = 2.0
SECONDS_BETWEEN_BLIND_SWEEPS = 0.1
"""Where directories cannot be watched: no inotify, or no watch left."""
SECONDS_OF_QUIET = 0.15
"""After the last change, before the whole home is read: an editor writes several files, and none of them at once."""
DIGESTS = "memory/digests/"
FOLDERS = ("roles", "rules", "memory", "trust")
"""Directories of a home that hold documents."""
_READ_AT_ONCE = 1 << 20

Told = Callable[[str, Sha256, Sha256], None]
"""(path relative to the home, sha256 before, sha256 now); empty = there is no such plain file. Called on the loop."""
Hang = Callable[[Iterable[str]], contextlib.AbstractContextManager[Bell | None]]
Status = tuple[int, int, int, int]


def is_watched(path: str) -> bool:
    """Whether a path relative to the home is a document, and not what an editor leaves beside one."""
    name = path.rsplit("/", 1)[-1]
    if not name or name.startswith((".", "#")) or name.endswith(("~", ".tmp", ".swp", ".bak", "#")) or name == "4913":
        return False
    return is_home_file(path) or path.startswith(DIGESTS)


class MemoryWatch:
    """What was last seen of each document, and what is told when that changes."""

    def __init__(self, home_dir: str, tell: Told, hang: Hang = hung_at) -> None:
        """`hang` hangs the bell."""
        self._home, self._tell, self._hang = Path(home_dir), tell, hang
        self._folders: dict[str, int] = {}
        """Directories by path, with their inode: one that was replaced has to be watched anew."""
        self._seen: dict[str, tuple[Status, Sha256]] = {}
        self._swept = 0.0
        self.ready = asyncio.Event()
        """From here on nothing is missed."""

    async def run(self) -> None:
        """Watches until cancelled."""
        self._seen = await asyncio.to_thread(self._first_look)
        notify = await asyncio.to_thread(_watchfiles)
        while True:
            with contextlib.suppress(OSError, RuntimeError):  # no inotify, no watch left, a directory that went away
                await self._watch(notify)
                continue
            self.sweep()
            self.ready.set()
            await asyncio.sleep(SECONDS_BETWEEN_BLIND_SWEEPS)

    async def _watch(self, notify: type[RustNotify]) -> None:
        """Until the directories are others. Raises OSError or RuntimeError where they cannot be watched."""
        self._folders = self._find_folders()
        if not self._folders:
            raise FileNotFoundError(str(self._home))
        with (
            notify(list(self._folders), False, False, POLL_MS, False, False) as watcher,
            self._hang(self._folders) as bell,
        ):
            self.sweep()  # what happened before the kernel watched
            if self._find_folders() != self._folders:
                return
            self.ready.set()
            while self._follow(await self._hints(watcher, bell)):
                pass

    async def _hints(self, watcher: RustNotify, bell: Bell | None) -> set[str]:
        """Paths at which something happened; empty after a while of silence."""
        step, wait_ms = STEP_MS_WITHOUT_BELL, int(SECONDS_BETWEEN_SWEEPS * 1_000)
        if bell is not None:
            if not await bell.rung(SECONDS_BETWEEN_SWEEPS):
                return set()
            step, wait_ms = STEP_MS, MOST_MS_AFTER_RING
        over = threading.Event()
        asked = asyncio.ensure_future(asyncio.to_thread(watcher.watch, DEBOUNCE_MS, step, wait_ms, over))
        try:
            told = await asyncio.shield(asked)
        except asyncio.CancelledError:
            over.set()
            await asyncio.wait((asked,))
            raise
        if isinstance(told, str):
            self._swept = 0.0 if bell is not None else self._swept
            return set()
        return {path for _, path in told}

    def _follow(self, hints: set[str]) -> bool:
        """Looks where something happened. False = the directories are others than those that are watched."""
        paths = {os.path.relpath(path, self._home) for path in hints}
        for path in sorted(paths):
            if is_watched(path):
                self._look_at(path, again=True)
        due = time.monotonic() - self._swept >= SECONDS_BETWEEN_SWEEPS
        if due or any(path in FOLDERS or not _has_suffix(path) for path in paths):
            self.sweep()
            return self._find_folders() == self._folders
        return True

    def sweep(self) -> None:
        """Looks at every document's status, and reads those that are not as they were."""
        self._swept = time.monotonic()
        for path in sorted({*self._seen, *self._find_documents()}):
            self._look_at(path, again=False)

    def _look_at(self, path: str, *, again: bool) -> None:
        """Tells of the document when its bytes are others. `again`: reads them even if its status is as it was."""
        before, old = self._seen.get(path, (None, ""))
        status = _status(self._home / path)
        if status is None:
            new = ""
        elif status == before and not again:
            return
        else:
            new = _sha256(self._home / path)
        if status is None or not new:
            self._seen.pop(path, None)
        else:
            self._seen[path] = (status, new)
        if new != old:
            self._tell(path, old, new)

    # --- what is there ---------------------------------------------------------------------------

    def _first_look(self) -> dict[str, tuple[Status, Sha256]]:
        found = {}
        for path in self._find_documents():
            status = _status(self._home / path)
            if status is not None and (sha256 := _sha256(self._home / path)):
                found[path] = (status, sha256)
        return found

    def _find_folders(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for folder in (self._home, *(self._home / name for name in FOLDERS)):
            for path in _folders_below(folder, deep=folder != self._home):
                with contextlib.suppress(OSError):
                    found[str(path)] = path.stat().st_ino
        return found

    def _find_documents(self) -> Iterator[str]:
        for folder in self._find_folders():
            below = os.path.relpath(folder, self._home).removeprefix(".")
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    path = f"{below}/{entry.name}" if below else entry.name
                    if is_watched(path) and entry.is_file(follow_symlinks=False):
                        yield path


def _watchfiles() -> type[RustNotify]:
    """Imported when something is watched: nothing else waits for it."""
    from watchfiles._rust_notify import RustNotify

    return RustNotify


def _has_suffix(path: str) -> bool:
    return bool(Path(path).suffix)


def _folders_below(folder: Path, *, deep: bool) -> Iterator[Path]:
    """The directory and those in it; links are not followed."""
    if (folder.is_symlink() and deep) or not folder.is_dir():
        return
    yield folder
    if deep:
        with contextlib.suppress(OSError):
            for entry in os.scandir(folder):
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                    yield from _folders_below(Path(entry.path), deep=True)


def _status(path: Path) -> Status | None:
    """None = no plain file. A link is none: a document is the file itself."""
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _sha256(path: Path) -> Sha256:
    """Of a plain file's bytes; empty = there is none that can be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        digest = hashlib.sha256()
        while data := file.read(_READ_AT_ONCE):
            digest.update(data)
    return digest.hexdigest()


@contextlib.asynccontextmanager
async def watching_memory(home_dir: str, tell: Told, hang: Hang = hung_at) -> AsyncIterator[MemoryWatch]:
    """Tells of every change as long as it is open. Does not wait until it is `ready`."""
    watch = MemoryWatch(home_dir, tell, hang)
    running = asyncio.ensure_future(watch.run())
    try:
        yield watch
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@contextlib.asynccontextmanager
async def keeping_proposed(
    home_dir: str, tell: Told, propose: Callable[[], Awaitable[None]], wrong: Callable[[str, str], None]
) -> AsyncIterator[MemoryWatch]:
    """As `watching_memory`; and once the home's documents are quiet again after a change, `propose` is awaited.

    When it raises because the home cannot be read at all, `wrong` is told (path or empty, what is wrong).
    """
    changed = asyncio.Event()

    def told(path: str, old: Sha256, new: Sha256) -> None:
        tell(path, old, new)
        if is_home_file(path):
            changed.set()

    async def proposing() -> None:
        while True:
            await changed.wait()
            while changed.is_set():
                changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), SECONDS_OF_QUIET)
            try:
                await propose()
            except FactoryError as error:
                wrong(error.path if isinstance(error, DocumentError) else "", error.what)

    async with watching_memory(home_dir, told) as watch:
        job = asyncio.ensure_future(proposing())
        try:
            yield watch
        finally:
            job.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await job
