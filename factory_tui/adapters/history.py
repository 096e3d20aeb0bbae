"""The repository's own history, as far as rules and checks are held against it: which commits, each with its parent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from factory_tui.adapters.git import find_repository, shown
from factory_tui.domain.errors import UsageError
from factory_tui.domain.terms import CommitId

MOST = 20_000
"""Commits of one range."""


@dataclass(frozen=True, kw_only=True)
class PastCommit:
    """One commit that people accepted."""

    commit: CommitId
    parent: CommitId
    """The first one."""
    subject: str


async def commits_in(repository: str, wanted: str, *, most: int = MOST) -> tuple[PastCommit, ...]:
    """The commits of a range with their first parents, newest first; a merge's own change is that to its first parent.

    `wanted` is a range (`v1.0..main`), a commit (all that leads to it), or a number: that many, back from HEAD.
    A commit without a parent has no change to judge and is left out. Raises UsageError when git knows no such range.
    """
    return await asyncio.to_thread(_commits_in, repository, wanted, most)


def _commits_in(repository: str, wanted: str, most: int) -> tuple[PastCommit, ...]:
    git = find_repository(repository).at()
    revision, limit = (wanted, most)
    if wanted.isdigit() and len(wanted) <= 5:
        revision, limit = "HEAD", int(wanted)
    answer = git.ask(
        "rev-list",
        "--no-commit-header",
        "--first-parent",
        "--format=%H%x00%P%x00%s",
        f"--max-count={limit}",
        "--end-of-options",
        revision,
        "--",
    )
    if answer.code != 0:
        raise UsageError(
            what=f"git knows no range {shown(wanted)[:80]!r}",
            why=answer.error,
            next_step="for instance `HEAD~20..HEAD`, `v1.0..main`, or a number: `50`",
        )
    found = []
    for line in answer.out.decode("utf-8", "replace").splitlines():
        commit, parents, subject = line.split("\0", 2)
        if parents:
            found.append(PastCommit(commit=commit, parent=parents.split()[0], subject=shown(subject)[:120]))
    return tuple(found)
