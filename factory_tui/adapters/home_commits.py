"""One commit of a few files of the home, on the branch that is checked out, in the user's own name.

The repository is the user's: the commit is made of objects alone, so that nothing they staged, changed or left
untracked is part of it or touched by it. Whoever calls moves the branch, the way a landing does, or not at all. Hooks
of the user's are not run here; where one would judge the commit, none is made.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from factory_tui.adapters.checkouts import Checkout, checkouts, look
from factory_tui.adapters.git import GitAt, Repository, find_repository, open_private, shown
from factory_tui.adapters.importing import path_entry
from factory_tui.adapters.objects import FILE, id_of, read_blobs
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import CommitId

JUDGING_HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg", "reference-transaction")
"""Hooks of git's that can refuse a commit."""


class HomeFiles:
    """Satisfies `engine.rule_commits.HomeRepository` for a home inside of the repository."""

    def __init__(self, repo_root: str, prefix: str, place: str) -> None:
        """`prefix` is where the home lies in the repository, `place` a directory of our own outside of it."""
        self._root, self._prefix, self._place = repo_root, prefix, Path(place)

    async def held(self, files: Mapping[str, bytes]) -> CommitId:
        """The commit that brought the last of these files, by paths in the home, where HEAD holds all of them; empty =
        it does not."""
        return await asyncio.to_thread(self._held, files)

    def _held(self, files: Mapping[str, bytes]) -> CommitId:
        if any(self._committed(path) != data for path, data in files.items()):
            return ""
        paths = [self._path(path) for path in files]
        return self._refs.line("rev-list", "-n", "1", "HEAD", "--", *paths)

    async def committed(self, path: str) -> bytes | None:
        """What HEAD holds there; None = no file."""
        return await asyncio.to_thread(self._committed, path)

    def _committed(self, path: str) -> bytes | None:
        if self._refs.ask("rev-parse", "--verify", "-q", "HEAD^{commit}").code != 0:
            return None
        entry = path_entry(self._git, self._refs.line("rev-parse", "HEAD^{commit}"), self._path(path))
        return next(read_blobs(self._git, [entry.id])) if entry is not None and entry.mode == FILE else None

    async def make(self, ref: str, files: Mapping[str, bytes], message: str) -> tuple[CommitId, CommitId]:
        """What `ref` holds, and a commit on it that no branch holds yet, with these files and no other change.

        Raises WorldError with the reason why none is made.
        """
        return await asyncio.to_thread(self._make, ref, files, message)

    def _make(self, ref: str, files: Mapping[str, bytes], message: str) -> tuple[CommitId, CommitId]:
        checkout = self._checkout(ref)
        head = self._refs.line("rev-parse", f"{ref}^{{commit}}")
        for path, data in files.items():
            now = look(Path(checkout.path), self._path(path), len(head))
            if now is None or now.id != id_of("blob", data, len(head)):
                raise WorldError(
                    what=f"{shown(self._path(path))} is not what was adopted any more",
                    why="somebody changed it since" if now is not None else "it is gone",
                    next_step="look at it, then commit it by hand",
                )
        if hook := judging_hook(self._repository):
            raise WorldError(
                what=f"your {hook} hook judges commits here",
                why="the factory runs no hook of yours, and passes none",
                next_step="commit both by hand",
            )
        who = require_identity(self._root)
        with tempfile.TemporaryDirectory(dir=self._place) as folder:
            blobs = {self._path(path): data for path, data in files.items()}
            tree = tree_with(self._git.with_index(f"{folder}/index"), head, blobs)
        return head, commit_of(self._git, tree, head, message, who)

    def _checkout(self, ref: str) -> Checkout:
        own = self._repository.git_dir
        here = next((one for one in checkouts(self._repository) if one.git_dir == own), None)
        if here is None:
            raise WorldError(what=f"git does not know the checkout {self._root}", why=f"its git directory is {own}")
        if under_way := here.under_way():
            raise WorldError(what=f"{here.path} is in the middle of something", why=under_way)
        if not here.branch:
            raise WorldError(what="HEAD is detached", why=f"the session is about {shown(ref)}")
        if here.branch != ref:
            raise WorldError(what=f"{shown(here.branch)} is checked out", why=f"the session is about {shown(ref)}")
        lock = Path(here.git_dir, "index.lock")
        if os.path.lexists(lock):
            raise WorldError(what=f"{lock} exists", why="another git command is running in this checkout, or one died")
        return here

    def _path(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    @cached_property
    def _repository(self) -> Repository:
        return find_repository(self._root)

    @cached_property
    def _refs(self) -> GitAt:
        return self._repository.at()

    @cached_property
    def _git(self) -> GitAt:
        self._place.mkdir(parents=True, exist_ok=True, mode=0o700)
        return open_private(self._repository, str(self._place))


def identity(repo_root: str) -> tuple[str, str]:
    """The user's own name and address, as git would put them into a commit; empty = not set."""
    git = find_repository(repo_root).at()
    name, email = (git.read_as_user("config", "--get", key).decode().strip() for key in ("user.name", "user.email"))
    return name, email


def require_identity(repo_root: str) -> tuple[str, str]:
    """The same. Raises WorldError where one is not set."""
    name, email = identity(repo_root)
    if not name or not email:
        raise WorldError(
            what="git knows no user.name and user.email for you here",
            why="the commit would bear somebody else's name",
            next_step="git config user.name and user.email",
        )
    return name, email


def judging_hook(repository: Repository) -> str:
    """The first hook of the user's that could refuse a commit; empty = none could."""
    told = repository.at().read_as_user("config", "--type=path", "--get", "core.hooksPath").decode().strip()
    folder = Path(repository.checkout, told) if told else Path(repository.common_dir, "hooks")
    return next((name for name in JUDGING_HOOKS if _is_program(folder / name)), "")


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def tree_with(git: GitAt, head: CommitId, files: Mapping[str, bytes]) -> str:
    """The tree of `head` with these files, by paths in the repository. `git` has an index of its own."""
    git.run("read-tree", head)
    rows = []
    for path, data in files.items():
        blob = git.run("hash-object", "-w", "--stdin", stdin=data).decode().strip()
        rows.append(f"{FILE} {blob}\t{path}\0")
    git.run("update-index", "-z", "--index-info", stdin="".join(rows).encode("utf-8", "surrogateescape"))
    return git.line("write-tree")


def commit_of(git: GitAt, tree: str, parent: CommitId, message: str, who: Sequence[str]) -> CommitId:
    """A commit that no branch holds yet, by `who`: name and address."""
    extra = {
        f"GIT_{part}_{key}": value
        for part in ("AUTHOR", "COMMITTER")
        for key, value in zip(("NAME", "EMAIL"), who, strict=True)
    }
    words = message.encode("utf-8", "backslashreplace")
    return git.run("commit-tree", tree, "-p", parent, "-F", "-", stdin=words, extra=extra).decode().strip()
