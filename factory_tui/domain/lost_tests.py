"""What a change takes away from the tests: which are new, which went whole, which only lost their assertions.

Read from the change alone. Tests that went whole are also known to level 2 by their ids, so only those are named
here that went although nothing they test did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from factory_tui.domain.terms import Change, FileChange, Line

_TEST = re.compile(
    r"^\s*(?:async\s+)?(?:def\s+(test\w*)|func\s+(Test\w*)|fn\s+(\w+)"
    r"|(?:it|test|describe|context|specify|scenario)(?:\.\w+)*\s*\(?\s*(?:[\"'`]([^\"'`]{1,200})|$))"
)
_TEST_OR_FUNCTION = re.compile(r"^\s*(?:(?:async\s+)?def|func|fn|(?:export\s+)?(?:async\s+)?function|class)\s+\w")


_WORD = re.compile(r"[A-Za-z_]\w{3,}")
_NAMES_NOTHING = frozenset(
    {"self", "this", "return", "None", "True", "False", "true", "false", "null", "await", "async"}
)
"""Words that stand in any line; that one went with a line says nothing about what was taken away."""


@dataclass(frozen=True)
class Hunk:
    """One place of a file: what went there, and what came instead."""

    removed: tuple[Line, ...]
    added: tuple[Line, ...]


@dataclass(frozen=True)
class LostTest:
    """A test that went."""

    path: str
    line: int
    """In the old file."""
    name: str


def test_name(text: str) -> str:
    """The name or title of the test that this line begins; empty when it begins none."""
    found = _TEST.match(text)
    return next((group for group in found.groups() if group), "") if found else ""


def hunks_of(file: FileChange) -> list[Hunk]:
    """The file's lines joined to the places they belong to."""
    gone, came = _runs(file.removed), _runs(file.added)
    hunks: list[Hunk] = []
    shift = 0
    while gone or came:
        old_start = gone[0][0].number + shift if gone else None
        new_start = came[0][0].number if came else None
        took_old = old_start is not None and (new_start is None or old_start <= new_start)
        took_new = new_start is not None and (old_start is None or new_start <= old_start)
        removed = gone.pop(0) if took_old else ()
        added = came.pop(0) if took_new else ()
        shift += len(added) - len(removed)
        hunks.append(Hunk(tuple(removed), tuple(added)))
    return hunks


def removed_from_survivors(file: FileChange) -> list[Line]:
    """Removed lines that stood in a test, or in code, which itself stays."""
    if not file.new_mode and not file.added:
        return []
    lines: list[Line] = []
    for hunk in hunks_of(file):
        added_names = {test_name(line.text) for line in hunk.added} - {""}
        # A diff may begin in the middle of one test and end in the middle of the next: what went is one whole test.
        if not any(_begins_lost(line.text, added_names) for line in hunk.removed):
            lines += hunk.removed
    return lines


def vanished_words(change: Change, is_test: Callable[[str], bool]) -> frozenset[str]:
    """Names that the change takes out of the code that is tested; an assertion on one of them goes rightly."""
    tested = [file for file in change.files if not is_test(file.path)]
    gone = {word for file in tested for line in file.removed for word in _WORD.findall(line.text)}
    came = {word for file in tested for line in file.added for word in _WORD.findall(line.text)}
    return frozenset(gone - came - _NAMES_NOTHING)


def names_any(text: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(_WORD.findall(text))


def is_in_new_test(file: FileChange, line: Line) -> bool:
    """Whether an added line belongs to a test, or a function, that the change adds."""
    if not file.old_mode:
        return True
    gone = {test_name(removed.text) for removed in file.removed} - {""}
    run = next((run for run in _runs(file.added) if run[0].number <= line.number <= run[-1].number), (line,))
    position = line.number - run[0].number
    own = test_name(line.text)
    if own:
        return own not in gone
    if line.text.lstrip().startswith(("@", "#[")):
        following = (other for other in run[position + 1 :])
        return _begins_new(following, gone)
    return _begins_new(reversed(run[:position]), gone)


def lost_tests(change: Change, bears_on: Callable[[str], bool]) -> list[LostTest]:
    """Tests that went from files that stay, in a change that takes nothing else away."""
    tests = [file for file in change.files if bears_on(file.path)]
    if any(file.removed for file in change.files if file not in tests):
        return []
    kept = {name for file in change.files for line in file.added if (name := test_name(line.text))}
    if kept:
        return []
    return [
        LostTest(file.path, line.number, name)
        for file in tests
        if file.new_mode
        for line in file.removed
        if (name := test_name(line.text))
    ]


def _begins_lost(text: str, added_names: set[str]) -> bool:
    name = test_name(text)
    return name not in added_names if name else _TEST_OR_FUNCTION.match(text) is not None


def _begins_new(lines: Iterable[Line], gone: set[str]) -> bool:
    for line in lines:
        if name := test_name(line.text):
            return name not in gone
        if _TEST_OR_FUNCTION.match(line.text):
            return True
    return False


def _runs(lines: tuple[Line, ...]) -> list[tuple[Line, ...]]:
    """Lines joined while their numbers follow each other."""
    runs: list[list[Line]] = []
    for line in lines:
        if runs and line.number == runs[-1][-1].number + 1:
            runs[-1].append(line)
        else:
            runs.append([line])
    return [tuple(run) for run in runs]
