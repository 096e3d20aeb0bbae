"""What changed between two trees, as text for people and as values for rules.

Git compares trees in a place where no attribute, driver or external program exists, so nothing in either tree can hide
a change: `*.py -diff` and a textconv are only bytes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from factory_tui.adapters.git import GitAt, shown
from factory_tui.adapters.objects import decoded
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Change, FileChange, Line

LONGEST_LINE = 2_000
"""Bytes of a line that is still given as text."""
MOST_BINARY_LINES = 2_000
"""Added lines of a binary file that are still given as text: a NUL must not hide a script."""

_COMPARE = (
    "diff-tree",
    "-r",
    "--text",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--no-color",
    "--submodule=short",
    "--ignore-submodules=none",
    "--diff-algorithm=myers",
    "--no-indent-heuristic",
)
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def unified(git: GitAt, old: str, new: str) -> bytes:
    """Raises WorldError when one of the trees is missing."""
    return git.run(*_COMPARE, "-p", "--full-index", "--src-prefix=a/", "--dst-prefix=b/", *_trees(git, old, new))


def change_between(git: GitAt, old: str, new: str) -> Change:
    """Every file that differs, with the numbers of its lines. Raises WorldError when one of the trees is missing."""
    trees = _trees(git, old, new)
    if trees[0] == trees[1]:
        return Change(files=())
    raw = git.run(*_COMPARE, "--raw", "-z", *trees).split(b"\0")[:-1]
    binary = _binary_paths(git, trees)
    patches = _patches(git.run(*_COMPARE, "-p", "-U0", *trees))
    files = []
    for about, path in zip(raw[::2], raw[1::2], strict=True):
        old_mode, new_mode, _, _, status = about.decode()[1:].split(" ")
        patch = next(patches)
        if status == "T":  # a file that became a link, or the other way: one patch removes, one adds
            patch.follow(next(patches))
        modes = (old_mode.replace("000000", ""), new_mode.replace("000000", ""))
        files.append(patch.file_change(shown(decoded(path)), *modes, binary=patch.has_nul or path in binary))
    if next(patches, None) is not None:
        raise WorldError(what="git's two answers about one change do not agree", next_step="report this as a mistake")
    return Change(files=tuple(files))


def _trees(git: GitAt, old: str, new: str) -> tuple[str, str]:
    one, other = (
        git.line("rev-parse", "--verify", "--end-of-options", f"{treeish}^{{tree}}") for treeish in (old, new)
    )
    return one, other


def _binary_paths(git: GitAt, trees: tuple[str, str]) -> frozenset[bytes]:
    """By content only. `--text` would say no to all of them, so it is left out here."""
    counts = git.run(*(option for option in _COMPARE if option != "--text"), "--numstat", "-z", *trees)
    return frozenset(record.split(b"\t", 2)[2] for record in counts.split(b"\0")[:-1] if record.startswith(b"-\t-\t"))


@dataclass
class _Patch:
    added: list[tuple[int, bytes]] = field(default_factory=list)
    removed: list[tuple[int, bytes]] = field(default_factory=list)
    has_nul: bool = False

    def follow(self, other: _Patch) -> None:
        self.added += other.added
        self.removed += other.removed
        self.has_nul = self.has_nul or other.has_nul

    def file_change(self, path: str, old_mode: str, new_mode: str, *, binary: bool) -> FileChange:
        most = MOST_BINARY_LINES if binary else len(self.added)
        short = [(number, text) for number, text in self.added[:most] if len(text) <= LONGEST_LINE]
        given = {number for number, _ in short}
        gone = self.removed[:MOST_BINARY_LINES] if binary else self.removed
        return FileChange(
            path=path,
            old_mode=old_mode,
            new_mode=new_mode,
            binary=binary,
            added=tuple(_line(number, text) for number, text in short),
            removed=tuple(_line(number, text[:LONGEST_LINE]) for number, text in gone),
            long_lines=tuple(number for number, _ in self.added if number not in given),
        )


def _line(number: int, text: bytes) -> Line:
    return Line(number=number, text=text.decode("utf-8", "backslashreplace"))


def _patches(text: bytes) -> Iterator[_Patch]:
    """One for each `diff --git`; hunks are read by their counts, so no line of a file passes for a header."""
    lines = iter(text.split(b"\n"))
    patch: _Patch | None = None
    for line in lines:
        if line.startswith(b"diff --git "):
            if patch is not None:
                yield patch
            patch = _Patch()
        hunk = _HUNK.match(line)
        if hunk is None or patch is None:
            continue
        old, new = int(hunk[1]), int(hunk[3])
        old_left = int(hunk[2]) if hunk[2] is not None else 1
        new_left = int(hunk[4]) if hunk[4] is not None else 1
        while old_left or new_left:
            row = next(lines)
            if row.startswith(b"-"):
                patch.removed.append((old, row[1:]))
                old, old_left = old + 1, old_left - 1
            elif row.startswith(b"+"):
                patch.added.append((new, row[1:]))
                new, new_left = new + 1, new_left - 1
            else:  # "\ No newline at end of file" after the removed side
                continue
            patch.has_nul = patch.has_nul or b"\0" in row
    if patch is not None:
        yield patch
