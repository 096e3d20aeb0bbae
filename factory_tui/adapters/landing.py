"""Moving a branch to a commit, with the files of a checkout that has it: one step after another, each repeatable.

The order is chosen so that a crash anywhere leaves a landing that the same call completes:

1. a folder `factory-landing-<commit>` in the checkout's git directory says that it began,
2. the user's `index.lock` is taken, so no other git command can interleave; it names its landing,
3. the ref is locked and verified by git itself, which lets go if we die,
4. every path is looked at, on disk and in the index: the recorded old bytes, the new ones, or nothing moves,
5. new files are staged in the folder, old ones are moved there, looked at again, and the new ones put in their place
   (where that fails, everything goes back),
6. the index gets exactly these paths, the ref moves, the locks go, and the folder goes last.

No byte of the user's is overwritten: a file is moved aside before it is judged, and a new one only ever fills a gap.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from factory_tui.adapters.checkouts import (
    Checkout,
    Habits,
    checkouts,
    converted,
    converted_by_tree,
    habits,
    look_at,
    read_index,
)
from factory_tui.adapters.git import GitAt, RefLock, Repository, move_ref, shown
from factory_tui.adapters.landing_survey import (
    ASIDE,
    STAGED,
    Move,
    Survey,
    nothing_moved,
    put_back,
    remove_empty_folders,
    undo,
)
from factory_tui.adapters.objects import GITLINK, LINK, Entry, encoded, list_tree, read_blobs, write_entry
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import LandingPlan

_FOLDER_NAME = "factory-landing-"
_MARK, _INDEX = "mark", "index"


class Landings:
    """Plans and does landings in one repository. Landings of one checkout are done one at a time, by the caller."""

    def __init__(
        self, repository: Repository, git: GitAt, scratch: Path, step: Callable[[str], None] = lambda name: None
    ) -> None:
        """`git` works on objects only; `step` is told each step after it was done, for tests that die there."""
        self._repository, self._git, self._scratch, self._step = repository, git, scratch, step

    # --- planning ---

    def plan(self, ref: str, new: str, onto: str) -> LandingPlan:
        """Raises WorldError for a ref that is no branch."""
        if not ref.startswith("refs/heads/") or self._repository.at().ask("check-ref-format", ref).code != 0:
            raise WorldError(what=f"{shown(ref)} is no branch", why="only refs/heads/... can be landed on")
        current = self.value(ref)
        checkout = next((place for place in checkouts(self._repository) if place.branch == ref), None)
        paths: tuple[str, ...] = ()
        if checkout is not None and current and current != new:
            paths = tuple(move.path for move in self._moves(current, new))
        blocked = self._why_not(ref, current, new, onto, checkout)
        return LandingPlan(
            ref=ref,
            old=current,
            new=new,
            checkout=checkout.path if checkout else "",
            paths=tuple(map(shown, paths)),
            blocked=blocked,
        )

    def _why_not(self, ref: str, current: str, new: str, onto: str, checkout: Checkout | None) -> str:
        if current == new:
            return ""
        if not current:
            return self._name_taken(ref)
        if current != onto and not self._descends(current, onto):
            return f"{ref} is at {current[:12]}, which does not build on {onto[:12]}"
        if not self._descends(new, current):
            return f"{ref} moved to {current[:12]}, which {new[:12]} does not contain"
        others = [place for place in checkouts(self._repository) if place.branch == ref and place != checkout]
        if others:
            return f"{ref} is checked out twice: {', '.join(place.path for place in others)} too"
        rebasing = next((place for place in checkouts(self._repository) if place.rebases(ref)), None)
        if rebasing is not None:
            return f"{ref} is being rebased or bisected in {rebasing.path}"
        if checkout is None:
            return ""
        return self._checkout_not_ready(checkout, current, new)

    def _checkout_not_ready(self, checkout: Checkout, current: str, new: str) -> str:
        if not Path(checkout.path).is_dir():
            return f"it is checked out at {checkout.path}, which is not there"
        if checkout.under_way():
            return f"{checkout.path} is in the middle of something: {checkout.under_way()}"
        if Path(checkout.path).stat().st_dev != Path(checkout.git_dir).stat().st_dev:
            return f"{checkout.path} and its git directory are on different file systems"
        moves = self._moves(current, new)
        for move in moves:
            if GITLINK in (move.old and move.old.mode, move.new and move.new.mode):
                return f"{shown(move.path)}: a submodule changes; land it on a branch of its own"
            if shown(move.path) != move.path:
                return f"{shown(move.path)}: the name cannot be shown safely; land it on a branch of its own"
        git = self._repository.at(checkout.path, checkout.git_dir)
        own = habits(git)
        paths = [move.path for move in moves]
        changed = converted(git, paths, own)
        if any(path.rpartition("/")[2] == ".gitattributes" for path in paths):
            changed |= converted_by_tree(self._git, new, paths, own, self._scratch)
        if changed:
            return "git converts these files here, so their bytes cannot be moved safely: " + _some(
                [f"{path} ({why})" for path, why in changed.items()]
            )
        if not own.symlinks and any(LINK in (move.old and move.old.mode, move.new and move.new.mode) for move in moves):
            return "links change, and core.symlinks is off here"
        problems = Survey(self._repository, checkout, moves, own, len(current)).problems()
        return f"{checkout.path} has work of its own where files change: {_some(problems)}" if problems else ""

    def _name_taken(self, ref: str) -> str:
        existing = self._repository.at().run("for-each-ref", "--format=%(refname)", "refs/heads/").decode().split()
        for other in existing:
            if other.startswith(f"{ref}/") or ref.startswith(f"{other}/"):
                return f"a branch {other} exists, so none can be called {ref}"
        return ""

    # --- doing ---

    def land(self, plan: LandingPlan) -> None:
        """Raises WorldError when the world moved; a half-done landing is completed by the same call."""
        if self.landed(plan):
            return
        if plan.blocked:
            raise WorldError(what=f"{plan.ref} cannot land", why=plan.blocked, next_step="plan the landing again")
        checkout = next((place for place in checkouts(self._repository) if place.branch == plan.ref), None)
        if (checkout.path if checkout else "") != plan.checkout:
            raise WorldError(
                what=f"{plan.ref} cannot land",
                why=f"it is now checked out at {checkout.path if checkout else 'no place'}, "
                f"was {plan.checkout or 'at none'} when this was planned",
                next_step="plan the landing again",
            )
        value = self.value(plan.ref)
        if checkout is None:
            move_ref(self._repository.at(), plan.ref, plan.old, plan.new, "factory: land")
            return
        folder = self._folder(checkout, plan)
        if value not in (plan.old, plan.new):
            self._give_up(checkout, folder)
            raise WorldError(
                what=f"{plan.ref} cannot land: it holds {value[:12] or 'nothing'}, not {plan.old[:12]}",
                why="somebody moved the branch",
                next_step="plan the landing again",
            )
        self._land_with_files(plan, checkout, folder, is_moved=value == plan.new)

    def _land_with_files(self, plan: LandingPlan, checkout: Checkout, folder: Path, *, is_moved: bool) -> None:
        others = [str(other) for other in folder.parent.glob(f"{_FOLDER_NAME}*") if other != folder]
        if others:
            raise WorldError(
                what=f"another landing in {checkout.path} is half done",
                why=others[0],
                next_step="let the factory resume it first",
            )
        for name in (STAGED, ASIDE):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._step("begun")
        lock = Path(checkout.git_dir, "index.lock")
        ref_lock: RefLock | None = None
        try:
            self._take_index(lock, folder)
            self._step("index locked")
            if not is_moved:
                git = self._repository.at(checkout.path, checkout.git_dir)
                ref_lock = RefLock(git, plan.ref, plan.old, plan.new, "factory: land")
                self._step("ref locked")
                self._move_files(plan, checkout, folder)
                ref_lock.commit()
                ref_lock = None
                self._step("ref moved")
        except Exception as error:
            if ref_lock is not None:
                ref_lock.abandon()
            self._give_up(checkout, folder)
            if isinstance(error, OSError):
                raise WorldError(
                    what=f"{plan.ref} cannot land", why=str(error), next_step="mend it, then land again"
                ) from error
            raise
        self._release_index(lock, folder)
        self._step("index released")
        self._end(plan, folder)

    def _move_files(self, plan: LandingPlan, checkout: Checkout, folder: Path) -> None:
        if checkout.under_way():
            raise WorldError(what=f"{checkout.path} is in the middle of something", why=checkout.under_way())
        moves = self._moves(plan.old, plan.new)
        git = self._repository.at(checkout.path, checkout.git_dir)
        own = habits(git)
        survey = Survey(self._repository, checkout, moves, own, len(plan.new), folder)
        problems = survey.problems()
        root = Path(checkout.path)
        try:
            if problems:
                raise WorldError(
                    what=f"{plan.ref} cannot land: {checkout.path} has work of its own where files change",
                    why=_some(problems),
                    next_step="commit or put aside that work, then land again",
                )
            self._exchange(root, moves, survey.waiting, folder, own)
        except Exception:
            undo(root, moves, folder, len(plan.new))
            raise
        self._write_index(git, checkout, moves, folder)
        self._step("index written")

    def _exchange(self, root: Path, moves: list[Move], waiting: list[Move], folder: Path, own: Habits) -> None:
        self._stage(waiting, folder)
        self._step("staged")
        for move in moves:
            if move.new is None:
                if move in waiting:
                    self._put_aside(root, move, folder, own)
                    self._step("removed a file")
                remove_empty_folders(root, move.path)
        for move in waiting:
            if move.new is not None:
                self._put_aside(root, move, folder, own)
                self._step("put a file aside")
                self._fill(root, move, folder)
                self._step("wrote a file")

    def _stage(self, waiting: list[Move], folder: Path) -> None:
        wanted = [(move, move.new) for move in waiting if move.new is not None]
        for (move, new), data in zip(wanted, read_blobs(self._git, [new.id for _, new in wanted]), strict=True):
            place = folder / STAGED / str(move.number)
            place.unlink(missing_ok=True)
            write_entry(place, new.mode, data)
        if wanted:
            os.sync()

    def _put_aside(self, root: Path, move: Move, folder: Path, own: Habits) -> None:
        """Moves whatever is there out of the way, then looks whether it was what we thought."""
        place, aside = root / move.path, folder / ASIDE / str(move.number)
        if move.old is None or not os.path.lexists(place):
            return
        place.rename(aside)
        if own.same(look_at(aside, len(move.old.id)), move.old):
            return
        put_back(aside, place)
        raise WorldError(
            what=f"{shown(move.path)} changed while the landing was under way",
            why="something writes in the checkout",
            next_step="commit or put aside that work, then land again",
        )

    def _fill(self, root: Path, move: Move, folder: Path) -> None:
        place, staged = root / move.path, folder / STAGED / str(move.number)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(staged, place, follow_symlinks=False)
        except FileExistsError as error:
            raise WorldError(
                what=f"{shown(move.path)} appeared while the landing was under way",
                why="something writes in the checkout",
                next_step="move it away, then land again",
            ) from error
        except OSError as error:
            raise WorldError(
                what=f"{place} cannot be written", why=str(error), next_step="mend it, then land again"
            ) from error

    def _write_index(self, git: GitAt, checkout: Checkout, moves: list[Move], folder: Path) -> None:
        have = read_index(git)
        rows = []
        for move in sorted(moves, key=lambda move: move.new is not None):
            if (have[move.path].entry if move.path in have else None) != move.new:
                new = move.new or Entry("0", "0" * len((move.old or Entry("", "0" * 40)).id))
                rows.append(f"{new.mode} {new.id}\t".encode() + encoded(move.path) + b"\0")
        if not rows:
            return
        copy = folder / _INDEX
        if checkout.index.exists():
            shutil.copy2(checkout.index, copy)
        git.with_index(str(copy)).run("update-index", "-z", "--index-info", stdin=b"".join(rows))
        _sync(copy)
        copy.replace(checkout.index)

    # --- locks and traces ---

    def _give_up(self, checkout: Checkout, folder: Path) -> None:
        """Leaves no lock of ours; and no trace, where no file of anybody's was moved."""
        self._release_index(Path(checkout.git_dir, "index.lock"), folder)
        if folder.is_dir() and nothing_moved(folder):
            shutil.rmtree(folder)

    def _take_index(self, lock: Path, folder: Path) -> None:
        mark = folder / _MARK
        mark.write_text(f"{folder.name}\n")
        try:
            os.link(mark, lock)
        except FileExistsError as error:
            if lock.read_bytes() != mark.read_bytes():
                raise WorldError(
                    what=f"{lock} exists",
                    why="another git command is running in this checkout, or one died",
                    next_step="wait for it; if none runs, remove that file, then land again",
                ) from error

    def _release_index(self, lock: Path, folder: Path) -> None:
        if lock.exists() and lock.read_bytes() == f"{folder.name}\n".encode():
            lock.unlink()

    def _end(self, plan: LandingPlan, folder: Path) -> None:
        """Removes the folder; what was put aside in it is in the old commit, byte for byte, or it stays."""
        for move in self._moves(plan.old, plan.new):
            aside = look_at(folder / ASIDE / str(move.number), len(plan.new))
            if aside is not None and (move.old is None or aside.id != move.old.id):
                raise WorldError(
                    what=f"{plan.ref} has landed, but {folder / ASIDE / str(move.number)} holds bytes of yours",
                    why=f"something wrote to {shown(move.path)} through an open file",
                    next_step="copy what you need from it, remove it, then let the factory resume",
                )
        self._step("before the end")
        shutil.rmtree(folder)

    def landed(self, plan: LandingPlan) -> bool | None:
        places = [place for place in checkouts(self._repository) if place.path == plan.checkout]
        if any(self._folder(place, plan).exists() for place in places):
            return None
        value = self.value(plan.ref)
        return bool(value) and (value == plan.new or self._descends(value, plan.new))

    # --- looking ---

    def value(self, ref: str) -> str:
        """The commit a ref holds; empty = there is no such ref."""
        answer = self._repository.at().ask("show-ref", "--verify", "--hash", ref)
        return answer.out.decode().strip() if answer.code == 0 else ""

    def _descends(self, commit: str, ancestor: str) -> bool:
        return self._repository.at().ask("merge-base", "--is-ancestor", ancestor, commit).code == 0

    def _moves(self, old: str, new: str) -> list[Move]:
        before, after = list_tree(self._git, old), list_tree(self._git, new)
        differing = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        return [Move(number, path, before.get(path), after.get(path)) for number, path in enumerate(differing)]

    def _folder(self, checkout: Checkout, plan: LandingPlan) -> Path:
        return Path(checkout.git_dir, f"{_FOLDER_NAME}{plan.new}")


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _some(problems: list[str]) -> str:
    head = ", ".join(problems[:8])
    return f"{head} and {len(problems) - 8} more" if len(problems) > 8 else head
