"""The directories seats work in, and everything the factory does with git: `Worktrees` of the engine's ports.

A worktree is a plain directory without git metadata; a record beside it says what it was made from. What lies in it
comes back as data. Nothing is removed before it is kept under `refs/factory/kept/`.

    place/git, place/empty     our own git directory and a work tree with nothing in it
    place/open/<name>          worktrees; place/records/<name>.json their bases
    place/closing/<name>       a worktree that is being kept; place/gone/<name> one that was, being removed
    place/exports/<name>       trees written out for a check or a reviewer
    place/scratch              half-made things
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from factory_tui.adapters.differences import change_between, unified
from factory_tui.adapters.git import Repository, failed, find_repository, move_ref, open_private, shown
from factory_tui.adapters.importing import Bounds, path_entry, scan
from factory_tui.adapters.landing import Landings
from factory_tui.adapters.objects import FILE, GITLINK, PROGRAM, lay_out, list_tree, read_blobs, remove_directory
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Change, CommitId, Record, TreeId
from factory_tui.engine.ports import ImportedTree, LandingPlan, MergeResult

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class WorktreeRecord(Record, frozen=True, kw_only=True):
    """What stands beside a worktree."""

    base: CommitId


class GitWorktrees:
    """Git and worktrees of one repository. One process at a time uses a place; its ledger's lock sees to that."""

    def __init__(
        self,
        repository_dir: str,
        place: str,
        *,
        bounds: Bounds | None = None,
        step: Callable[[str], None] = lambda name: None,
    ) -> None:
        """`repository_dir` is the top of a checkout, `place` a directory of our own outside of every tree.

        Raises WorldError when there is no repository or git is older than 2.38.
        """
        self._repository: Repository = find_repository(repository_dir)
        self._place = Path(place).absolute()
        self._place.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("open", "records", "closing", "gone", "exports", "scratch"):
            (self._place / name).mkdir(exist_ok=True, mode=0o700)
        self._git = open_private(self._repository, str(self._place))
        self._refs = self._repository.at()
        self._bounds, self._step = bounds or Bounds(), step
        self._landings = Landings(self._repository, self._git, self._place / "scratch", step)

    # --- looking ---

    async def head(self) -> CommitId:
        return await self.resolve("HEAD")

    async def base_ref(self) -> str:
        return await asyncio.to_thread(self._base_ref)

    def _base_ref(self) -> str:
        answer = self._refs.ask("symbolic-ref", "-q", "HEAD")
        ref = answer.out.decode("utf-8", "replace").strip()
        if answer.code != 0:
            raise WorldError(
                what=f"{self._repository.checkout} is on no branch",
                why="HEAD is detached",
                next_step="check out the branch the work is for",
            )
        if not self._landings.value(ref):
            raise WorldError(what=f"{ref} has no commit yet", why="HEAD is unborn", next_step="make a first commit")
        return ref

    async def resolve(self, name: str) -> CommitId:
        return await asyncio.to_thread(self._resolve, name)

    def _resolve(self, name: str) -> CommitId:
        answer = self._refs.ask("rev-parse", "--verify", "-q", "--end-of-options", f"{name}^{{commit}}")
        commit = answer.out.decode().strip().removeprefix("--end-of-options").strip()
        if answer.code != 0 or not _COMMIT.fullmatch(commit):
            raise WorldError(
                what=f"there is no commit {shown(name)}",
                why=answer.error or "git knows no such name",
                next_step="name a commit or branch of this repository",
            )
        return commit

    async def ref_head(self, ref: str) -> CommitId:
        return await asyncio.to_thread(self._landings.value, ref)

    async def moved(self, old: CommitId, new: CommitId) -> tuple[int, int] | None:
        """How many commits are in `new` and not in `old`, and the other way round; None when `old` is gone."""
        return await asyncio.to_thread(self._moved, old, new)

    def _moved(self, old: CommitId, new: CommitId) -> tuple[int, int] | None:
        answer = self._refs.ask("rev-list", "--count", "--left-right", f"{_named(old)}...{_named(new)}", "--")
        counts = answer.out.split()
        return (int(counts[1]), int(counts[0])) if answer.code == 0 and len(counts) == 2 else None

    async def tree_of(self, commit: CommitId) -> TreeId:
        return await asyncio.to_thread(self._tree_of, commit)

    def _tree_of(self, treeish: str) -> TreeId:
        return self._git.line("rev-parse", "--verify", f"{_named(treeish)}^{{tree}}")

    async def read_file(self, commit: CommitId, path: str) -> bytes | None:
        """None when there is no regular file at exactly this path; a link is none."""
        return await asyncio.to_thread(self._read_file, commit, path)

    def _read_file(self, commit: CommitId, path: str) -> bytes | None:
        entry = path_entry(self._git, _named(commit), path) if path else None
        if entry is None or entry.mode not in (FILE, PROGRAM):
            return None
        return next(read_blobs(self._git, [entry.id]))

    async def list_files(self, commit: CommitId, under: str = "") -> tuple[str, ...]:
        """Files and links, sorted; a submodule is none."""
        files = await asyncio.to_thread(list_tree, self._git, _named(commit), under)
        return tuple(sorted(shown(path) for path, entry in files.items() if entry.mode != GITLINK))

    # --- worktrees ---

    async def open_worktree(self, name: str, base: CommitId) -> str:
        """Raises WorldError when the open worktree of that name was made from another base."""
        return await asyncio.to_thread(self._open_worktree, name, base)

    def _open_worktree(self, name: str, base: CommitId) -> str:
        directory, closing = self._place / "open" / _plain(name), self._place / "closing" / name
        if closing.is_dir() and not directory.exists():
            closing.rename(directory)
        if directory.is_dir():
            if self._base_of(name) != base:
                raise WorldError(
                    what=f"the worktree {name} stands on {self._base_of(name)[:12]}, not on {base[:12]}",
                    why="it was opened from another base",
                    next_step="close it first; its files are kept",
                )
            return str(directory)
        with tempfile.TemporaryDirectory(dir=self._place / "scratch", prefix="open-") as half:
            fresh = Path(half, "tree")
            fresh.mkdir()
            lay_out(self._git, _named(base), fresh)
            self._step("laid out")
            record = Path(half, "record")
            record.write_bytes(msgspec.json.encode(WorktreeRecord(base=base)))
            record.replace(self._place / "records" / f"{name}.json")
            self._step("recorded")
            fresh.rename(directory)
        return str(directory)

    def _base_of(self, name: str) -> CommitId:
        record = self._place / "records" / f"{name}.json"
        try:
            return msgspec.json.decode(record.read_bytes(), type=WorktreeRecord).base
        except (OSError, msgspec.DecodeError) as error:
            raise WorldError(
                what=f"the record of the worktree {name} cannot be read",
                why=f"{record}: {error}",
                next_step="its files are untouched: copy what you need, then move the directory away",
            ) from error

    async def worktree_path(self, name: str) -> str:
        directory = self._place / "open" / _plain(name)
        return str(directory) if await asyncio.to_thread(directory.is_dir) else ""

    async def import_tree(self, directory: str, base: CommitId) -> ImportedTree:
        """An empty `change` means that nothing differs; what that leads to is the caller's."""
        return await asyncio.to_thread(self._import_tree, directory, base)

    def _import_tree(self, directory: str, base: CommitId) -> ImportedTree:
        found = scan(self._git, directory, _named(base), self._place / "scratch", bounds=self._bounds)
        base_tree = self._tree_of(base)
        return ImportedTree(
            tree=found.tree,
            base=base,
            base_tree=base_tree,
            change=change_between(self._git, base_tree, found.tree),
            refused=found.refused,
            newly_ignored=found.newly_ignored,
        )

    async def close_worktree(self, name: str, task: str) -> str:
        """Raises WorldError, and leaves the directory, when something in it fits in no tree."""
        return await asyncio.to_thread(self._close_worktree, name, task)

    def _close_worktree(self, name: str, task: str) -> str:
        directory, closing = self._place / "open" / _plain(name), self._place / "closing" / name
        kept = f"refs/factory/kept/{_plain(task)}/"
        message = f"Keep worktree {name}\n"
        if not directory.is_dir() and not closing.is_dir():
            last = self._last_kept(kept, message.strip())
            if last:
                return last
            raise WorldError(what=f"there is no worktree {name}", next_step="nothing is to be closed")
        base = self._base_of(name)
        if not closing.is_dir():
            directory.rename(closing)
        self._step("closing")
        found = scan(self._git, str(closing), base, self._place / "scratch", everything=True, bounds=self._bounds)
        if found.refused:
            closing.rename(directory)
            raise WorldError(
                what=f"the worktree {name} stays: not all of it can be kept",
                why="; ".join(found.refused[:8]),
                next_step=f"move those away from {directory}, then close it again",
            )
        ref = self._last_kept(kept, message.strip())
        if not ref or self._tree_of(self._resolve(ref)) != found.tree:
            ref = f"{kept}{self._next_number(kept)}"
            commit = self._commit(found.tree, [base], message, "worktrees", int(time.time()))
            move_ref(self._refs, ref, "", commit, "factory: keep")
        self._step("kept")
        gone = self._place / "gone"
        remove_directory(gone / name, gone)
        closing.rename(gone / name)
        (self._place / "records" / f"{name}.json").unlink()
        self._step("gone")
        remove_directory(gone / name, gone)
        return ref

    def _kept(self, prefix: str) -> list[tuple[int, str, str]]:
        listing = self._refs.run("for-each-ref", "--format=%(refname)%00%(subject)", prefix).decode("utf-8", "replace")
        rows = [line.split("\0") for line in listing.splitlines()]
        return sorted((int(ref.removeprefix(prefix)), ref, subject) for ref, subject in rows)

    def _last_kept(self, prefix: str, subject: str) -> str:
        return next((ref for _, ref, about in reversed(self._kept(prefix)) if about == subject), "")

    def _next_number(self, prefix: str) -> int:
        return max((number for number, _, _ in self._kept(prefix)), default=0) + 1

    # --- exports ---

    async def export(self, treeish: str, name: str, wanted: Callable[[str], bool] = lambda path: True) -> str:
        return await asyncio.to_thread(self._export, treeish, name, wanted)

    def _export(self, treeish: str, name: str, wanted: Callable[[str], bool]) -> str:
        place = self._place / "exports"
        directory = place / _plain(name)
        remove_directory(directory, place)
        with tempfile.TemporaryDirectory(dir=self._place / "scratch", prefix="export-") as half:
            fresh = Path(half, "tree")
            fresh.mkdir()
            lay_out(self._git, _named(treeish), fresh, wanted)
            fresh.rename(directory)
        return str(directory)

    async def discard_export(self, directory: str) -> None:
        """Raises WorldError for anything that does not stand where exports stand."""
        await asyncio.to_thread(remove_directory, Path(directory), self._place / "exports")

    # --- trees and commits ---

    async def commit_tree(
        self, tree: TreeId, parents: Sequence[CommitId], message: str, author: str, when: str, keep_as: str
    ) -> CommitId:
        """`author` is a role's name, `when` ISO 8601. `keep_as` only ever moves forward.

        Raises WorldError when `keep_as` is no `refs/factory/...` or holds a commit this one would leave behind.
        """
        return await asyncio.to_thread(self._commit_tree, tree, parents, message, author, when, keep_as)

    def _commit_tree(
        self, tree: TreeId, parents: Sequence[CommitId], message: str, author: str, when: str, keep_as: str
    ) -> CommitId:
        if not keep_as.startswith("refs/factory/") or self._refs.ask("check-ref-format", keep_as).code != 0:
            raise WorldError(what=f"{shown(keep_as)} is not the factory's", why="only refs/factory/... keeps commits")
        commit = self._commit(tree, parents, message, author, _seconds(when))
        held = self._landings.value(keep_as)
        if held == commit:
            return commit
        if held and self._refs.ask("merge-base", "--is-ancestor", held, commit).code != 0:
            raise WorldError(
                what=f"{keep_as} holds {held[:12]}, which {commit[:12]} does not build on",
                why="moving it would leave that commit unreachable",
                next_step="keep this commit under another name",
            )
        move_ref(self._refs, keep_as, held, commit, "factory: commit")
        return commit

    def _commit(self, tree: str, parents: Sequence[str], message: str, role: str, seconds: int) -> CommitId:
        if not _ROLE.fullmatch(role):
            raise WorldError(what=f"{shown(role)!r} is no role's name", why="it would not be one in a commit either")
        if "\0" in message or not message.strip():
            raise WorldError(what="the commit message cannot be used", why="it is empty or holds a NUL")
        who = {
            f"GIT_{part}_{key}": value
            for part in ("AUTHOR", "COMMITTER")
            for key, value in (
                ("NAME", f"Factory {role}"),
                ("EMAIL", f"{role}@factory.invalid"),
                ("DATE", f"@{seconds} +0000"),
            )
        }
        above = [word for parent in parents for word in ("-p", _named(parent))]
        text = message.encode("utf-8", "backslashreplace")
        return self._git.run("commit-tree", _named(tree), *above, "-F", "-", stdin=text, extra=who).decode().strip()

    async def diff(self, old: str, new: str) -> bytes:
        return await asyncio.to_thread(unified, self._git, _named(old), _named(new))

    async def change(self, old: str, new: str) -> Change:
        return await asyncio.to_thread(change_between, self._git, _named(old), _named(new))

    async def merge(self, base: CommitId, ours: CommitId, theirs: CommitId) -> MergeResult:
        return await asyncio.to_thread(self._merge, base, ours, theirs)

    def _merge(self, base: CommitId, ours: CommitId, theirs: CommitId) -> MergeResult:
        """Git merges commits: three small ones say exactly which trees are meant, whatever the history is."""
        root = self._commit(self._tree_of(base), [], "base\n", "merge", 0)
        sides = [self._commit(self._tree_of(side), [root], f"{side}\n", "merge", 0) for side in (ours, theirs)]
        arguments = ("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", *sides)
        answer = self._git.ask(*arguments)
        if answer.code not in (0, 1):
            raise failed(arguments, answer)
        tree, *conflicts = answer.out.decode("utf-8", "surrogateescape").split("\0")
        if answer.code == 0:
            return MergeResult(tree=tree.strip())
        return MergeResult(conflicts=tuple(sorted({shown(path) for path in conflicts if path})))

    # --- landing ---

    async def plan_landing(self, ref: str, new: CommitId, onto: CommitId) -> LandingPlan:
        return await asyncio.to_thread(self._landings.plan, ref, _named(new), _named(onto))

    async def land(self, plan: LandingPlan) -> None:
        await asyncio.to_thread(self._landings.land, plan)

    async def landed(self, plan: LandingPlan) -> bool | None:
        return await asyncio.to_thread(self._landings.landed, plan)


def _plain(name: str) -> str:
    """A name that is one component of a path and of a ref. Raises WorldError otherwise."""
    if not _NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock")):
        raise WorldError(
            what=f"{shown(name)!r} cannot name a worktree, task or export",
            why="letters, digits, `.`, `_` and `-` only, beginning with a letter or digit",
            next_step="choose another name",
        )
    return name


def _named(treeish: str) -> str:
    """A full object id, never an option or a name git would look up. Raises WorldError otherwise."""
    if not _COMMIT.fullmatch(treeish):
        raise WorldError(
            what=f"{shown(treeish)!r} is no full commit or tree id",
            why="names are resolved once, at the border",
            next_step="resolve it first",
        )
    return treeish


def _seconds(when: str) -> int:
    try:
        return int(datetime.fromisoformat(when).timestamp())
    except ValueError as error:
        raise WorldError(what=f"{when!r} is no time", why="ISO 8601 is meant", next_step="report this") from error
