"""How the paths of a landing lie at this moment: waiting, done already, or holding somebody else's work.

And how what was moved goes back.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from factory_tui.adapters.checkouts import FOLDER, Checkout, Habits, IndexEntry, look, look_at, obstacle, read_index
from factory_tui.adapters.git import Repository, shown
from factory_tui.adapters.objects import Entry

ASIDE, STAGED = "old", "new"
"""Where a landing's folder keeps the files it moved aside, and those that take their places."""


@dataclass(frozen=True)
class Move:
    """One path that changes; `number` names its two places in the landing's folder."""

    number: int
    path: str
    old: Entry | None
    new: Entry | None


class Survey:
    """Every path of a landing, as it lies now: waiting, done, or somebody else's."""

    def __init__(
        self,
        repository: Repository,
        checkout: Checkout,
        moves: list[Move],
        own: Habits,
        id_length: int,
        folder: Path | None = None,
    ) -> None:
        self._root, self._moves, self._own, self._id_length = Path(checkout.path), moves, own, id_length
        self._folder = folder
        self._index = read_index(repository.at(checkout.path, checkout.git_dir))
        self._paths = {move.path for move in moves}
        self._leaving = {move.path for move in moves if move.new is None}
        self.waiting: list[Move] = []

    def problems(self) -> list[str]:
        """One for each path that is neither as recorded nor as wanted; fills `waiting`."""
        found = []
        for move in self._moves:
            problem = self._index_problem(move) or self._disk_problem(move)
            if problem:
                found.append(f"{shown(move.path)} {problem}")
        return found

    def _index_problem(self, move: Move) -> str:
        have: IndexEntry | None = self._index.get(move.path)
        if have is not None and not have.plain:
            return "(unmerged, skipped or assumed unchanged in the index)"
        entry = have.entry if have is not None else None
        return "" if entry in (move.old, move.new) else "(staged)"

    def _disk_problem(self, move: Move) -> str:
        now = look(self._root, move.path, self._id_length)
        if now is None and self._folder is not None and move.old is not None:
            now = self._aside(move, self._folder)
        if self._own.same(now, move.new) or (move.new is None and now is not None and now.mode == FOLDER):
            return ""
        blocker = obstacle(self._root, move.path)
        if blocker and blocker not in self._leaving:
            return f"({blocker} is in the way)"
        if self._own.same(now, move.old):
            self.waiting.append(move)
            return ""
        if move.old is None and now is not None and now.mode == FOLDER:
            foreign = self._foreign_below(move.path)
            if not foreign:
                self.waiting.append(move)
                return ""
            return f"({foreign} is in the way)"
        if now is None:
            return "(deleted)"
        return "(untracked file in the way)" if move.old is None else "(changed)"

    def _aside(self, move: Move, folder: Path) -> Entry | None:
        """A file that a landing, interrupted, had moved aside; put back when it is not the one it meant."""
        aside = folder / ASIDE / str(move.number)
        entry = look_at(aside, self._id_length)
        if entry is not None and (move.new is not None or not self._own.same(entry, move.old)):
            if not self._own.same(entry, move.old):
                put_back(aside, self._root / move.path)
            return entry
        return None

    def _foreign_below(self, folder: str) -> str:
        for place, folders, files in os.walk(self._root / folder):
            relative = Path(place).relative_to(self._root).as_posix()
            for name in files:
                if f"{relative}/{name}" not in self._leaving:
                    return f"{relative}/{name}"
            if not folders and not files and not any(path.startswith(f"{relative}/") for path in self._leaving):
                return f"{relative}/"
        return ""


def put_back(aside: Path, place: Path) -> None:
    """Never over something: then the file stays where it was put aside."""
    if os.path.lexists(place):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    os.link(aside, place, follow_symlinks=False)
    aside.unlink()


def undo(root: Path, moves: list[Move], folder: Path, id_length: int) -> None:
    """Puts back what a landing moved, as far as nobody touched it since; the rest stays for the next try.

    A file is ours while it is the very file that was staged, and holds the staged bytes.
    """
    for move in moves:
        place, staged = root / move.path, folder / STAGED / str(move.number)
        if move.new is None or not os.path.lexists(staged) or not os.path.lexists(place):
            continue
        if os.path.samestat(staged.lstat(), place.lstat()):
            undone = staged.with_name(f"{move.number}.undone")
            place.rename(undone)
            entry = look_at(undone, id_length)
            if entry is None or entry.id != move.new.id:
                put_back(undone, place)
                continue
            staged.unlink()
            if move.old is None:
                remove_empty_folders(root, move.path)
    for move in moves:
        aside = folder / ASIDE / str(move.number)
        if os.path.lexists(aside):
            with suppress(OSError):  # something else stands there now: the file stays aside
                put_back(aside, root / move.path)


def nothing_moved(folder: Path) -> bool:
    """No file of the user's is put aside, none of ours stands in the checkout."""
    return not list(folder.glob(f"{ASIDE}/*")) and all(
        place.lstat().st_nlink == 1 for place in folder.glob(f"{STAGED}/*")
    )


def remove_empty_folders(root: Path, path: str) -> None:
    """The folders above `path`, up to the first that still holds something."""
    place = (root / path).parent
    while place != root:
        try:
            place.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        place = place.parent
