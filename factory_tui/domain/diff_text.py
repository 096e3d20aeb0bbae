"""A unified diff as a change: for cases in rule files and for histories; never for what a seat delivers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from factory_tui.domain.terms import Change, FileChange, Line

LONGEST_LINE = 2_048
"""Bytes; an added line over it is flagged, never matched."""

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass
class _File:
    path: str
    old_mode: str = "100644"
    new_mode: str = "100644"
    binary: bool = False
    added: list[Line] = field(default_factory=list)
    removed: list[Line] = field(default_factory=list)
    long_lines: list[int] = field(default_factory=list)
    old_number: int = 1
    new_number: int = 1
    old_left: int = -1
    """Lines of the hunk still to come; -1 = the diff has no hunk headers."""
    new_left: int = -1

    def take(self, line: str) -> None:
        if line.startswith("+"):
            text = line[1:]
            if len(text.encode("utf-8", "replace")) > LONGEST_LINE:
                self.long_lines.append(self.new_number)
            else:
                self.added.append(Line(number=self.new_number, text=text))
            self.new_number += 1
            self.new_left -= 1
        elif line.startswith("-"):
            self.removed.append(Line(number=self.old_number, text=line[1:]))
            self.old_number += 1
            self.old_left -= 1
        elif line.startswith("\\"):
            return
        else:
            self.old_number += 1
            self.new_number += 1
            self.old_left -= 1
            self.new_left -= 1

    @property
    def in_hunk(self) -> bool:
        return self.old_left > 0 or self.new_left > 0

    def change(self) -> FileChange:
        return FileChange(
            path=self.path,
            old_mode=self.old_mode,
            new_mode=self.new_mode,
            binary=self.binary,
            added=tuple(self.added),
            removed=tuple(self.removed),
            long_lines=tuple(self.long_lines),
        )


def change_from_diff(diff: str) -> Change:
    """The change a diff describes; without hunk headers, lines are counted from 1 per file, and every file exists.

    Modes are not read: a file has none where `/dev/null` stands, else `100644`.
    """
    files: list[_File] = []
    old_path: str | None = None
    for line in diff.split("\n"):
        current = files[-1] if files else None
        if current and current.in_hunk:
            current.take(line)
        elif line.startswith("diff --git "):
            old_path = None
        elif line.startswith("--- ") and (line[4:].startswith(("a/", '"a/')) or line[4:].strip() == "/dev/null"):
            old_path = _path(line[4:])
        elif line.startswith("+++ "):
            new_path = _path(line[4:])
            file = _File(new_path or old_path or "")
            if old_path == "":
                file.old_mode = ""
            if not new_path:
                file.new_mode = ""
            files.append(file)
            old_path = None
        elif current and (hunk := _HUNK.match(line)):
            old_start, old_count, new_start, new_count = hunk.groups()
            current.old_number, current.new_number = int(old_start), int(new_start)
            current.old_left = 1 if old_count is None else int(old_count)
            current.new_left = 1 if new_count is None else int(new_count)
        elif current and current.old_left == -1:
            current.take(line)
            current.old_left = current.new_left = -1
    return Change(files=tuple(file.change() for file in files if file.path))


def _path(text: str) -> str:
    path = text.split("\t", 1)[0].strip().strip('"')
    if path == "/dev/null":
        return ""
    return path[2:] if path.startswith(("a/", "b/")) else path
