"""Evaluating one check on one thing: a command, a path, a change. Where it hit, and how sure it is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from factory_tui.domain import globs
from factory_tui.domain.lost_tests import is_in_new_test, lost_tests, names_any, removed_from_survivors, vanished_words
from factory_tui.domain.patterns import Pattern, any_of, encode
from factory_tui.domain.rules import (
    CommandCheck,
    CommandResult,
    DenyCommand,
    DenyPath,
    DiffPattern,
    Extract,
    Find,
    Seek,
)
from factory_tui.domain.shell_text import ShellText
from factory_tui.domain.terms import Change, FileChange, Line

_RUN = re.compile(r"[A-Za-z0-9]{16,}")
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
LONGEST_NAME = 255
"""Characters of a file name: a longer pattern names no file."""
LONGEST_QUOTE = 120
"""Characters of a hit that are repeated in a match."""


@dataclass(frozen=True)
class Hit:
    """One place where a check triggered."""

    where: str
    """`path:line`, or the part of the command."""
    is_doubtful: bool = False
    """True: an ask, whatever the rule's severity."""
    what: str = ""
    """What is doubtful about it, in words."""


class Seeker:
    """Several patterns sought at once; each may be lifted by another in the same line."""

    def __init__(self, seeks: Iterable[Seek]) -> None:
        self._seeks = tuple(_compiled(seek) for seek in seeks)
        self.finds = tuple(find.text for find, _, _ in self._seeks)
        self._any = any_of(self.finds)

    def may_hit(self, data: bytes) -> bool:
        """False only when no line of the text hits."""
        return self._any is not None and self._any.is_in(data)

    def first(self, data: bytes) -> str:
        """The text that hits in this line; empty when none does."""
        if self._any is None or not self._any.is_in(data):
            return ""
        for find, unless, looks_random in self._seeks:
            found = find.first_in(data)
            if found and not (unless and unless.is_in(data)) and (not looks_random or holds_random_text(found)):
                return found
        return ""

    def first_in_command(self, text: bytes, simple: tuple[bytes, ...]) -> str:
        """Patterns that can be lifted are sought in each simple command, the others in the whole text."""
        if self._any is None or not self._any.is_in(text):
            return ""
        for find, unless, _ in self._seeks:
            if unless is None:
                if found := find.first_in(text):
                    return found
                continue
            for command in simple:
                if (found := find.first_in(command)) and not unless.is_in(command):
                    return found
        return ""


def _compiled(seek: Seek) -> tuple[Pattern, Pattern | None, bool]:
    if isinstance(seek, Find):
        return Pattern(seek.find), Pattern(seek.unless) if seek.unless else None, seek.looks_random
    return Pattern(seek), None, False


def holds_random_text(text: str) -> bool:
    """Whether a run of letters and digits in it looks drawn by chance, as keys are, and not written, as names are."""
    return any(_looks_drawn(run) for run in _RUN.findall(text))


def _looks_drawn(run: str) -> bool:
    digits = sum(character.isdigit() for character in run)
    varied = 3 * len(set(run)) >= len(run)
    if _HEX.fullmatch(run):
        return varied and len(run) / 4 <= digits <= len(run) * 0.9
    kinds = ["0" if character.isdigit() else "a" if character.islower() else "A" for character in run]
    changes = sum(one != other for one, other in itertools.pairwise(kinds))
    steps = sum(abs(ord(one) - ord(other)) <= 1 for one, other in itertools.pairwise(run))
    # Chance changes between small, capital and digit at more than half of all places; a name at every fourth or so.
    return varied and digits > 0 and 12 * changes >= 5 * len(run) and 4 * steps <= len(run)


class CommandSeeker:
    """A `deny_command` check, compiled."""

    def __init__(self, check: DenyCommand) -> None:
        self.patterns = Seeker(check.patterns)
        self.raw_patterns = Seeker(check.raw_patterns)
        self.doubtful = Seeker(check.doubtful)

    def hit(self, command: ShellText) -> Hit | None:
        text = encode(command.text)
        simple = tuple(encode(one) for one in command.simple)
        raw = encode(command.raw)
        found = self.patterns.first_in_command(text, simple) or self.raw_patterns.first_in_command(raw, (raw,))
        if found:
            return Hit(_quote(found))
        if found := self.doubtful.first_in_command(text, simple):
            return Hit(_quote(found), is_doubtful=True, what="this needs judgement")
        return None


class PathSeeker:
    """A `deny_path` check, compiled."""

    def __init__(self, check: DenyPath) -> None:
        self._globs = check.globs
        self._except = check.except_globs
        # A command's words may be absolute or climb, so they are compared from any folder on.
        self.word_globs = _from_any_folder(check.globs)
        self._except_words = _from_any_folder(check.except_globs)
        self._any_word = check.run_words == "any"

    def hit_path(self, path: str) -> Hit | None:
        if path and globs.matches(path, self._globs) and not globs.matches(path, self._except):
            return Hit(path)
        return None

    def hit_words(self, words: Iterable[tuple[str, bool]]) -> Hit | None:
        """The first of these words of a command, each with whether it may be written, that is such a path."""
        for word, may_be_written in words:
            if (may_be_written or self._any_word) and self._is_meant(word):
                return Hit(_quote(word))
        return None

    def _is_meant(self, word: str) -> bool:
        if globs.matches(word, self._except_words):
            return False
        if globs.matches(word, self.word_globs):
            return True
        name = word.rsplit("/", 1)[-1]
        begins_with = name.split("*", 1)[0].split("?", 1)[0]
        # `.en*` stands for `.env`; a bare `*` stands for too much to mean it.
        is_meant = begins_with != name and len(begins_with) > 1 and len(name) <= LONGEST_NAME
        return is_meant and globs.may_overlap((word,), self.word_globs)


def words_to_look_at(words: Iterable[tuple[str, bool]], any_glob: tuple[str, ...]) -> list[tuple[str, bool]]:
    """The words that can be a path of one of these globs; nearly always none."""
    return [
        (word, may_be_written)
        for word, may_be_written in words
        if "*" in word or "?" in word or globs.matches(word, any_glob)
    ]


def _from_any_folder(paths: tuple[str, ...]) -> tuple[str, ...]:
    return paths + tuple(f"**/{glob}" for glob in paths if not glob.startswith("**"))


class ChangeSeeker:
    """A `diff_pattern` check, compiled."""

    def __init__(self, check: DiffPattern) -> None:
        self.check = check
        self.patterns = Seeker(check.patterns)
        self.doubtful = Seeker(check.doubtful)
        self._except = any_of(check.except_patterns)
        self._absent = any_of(check.absent_patterns)
        self._noise = Pattern(check.unless_readded) if check.unless_readded else None
        self._version = Pattern(check.unless_replaces) if check.unless_replaces else None
        self._counted = Pattern(check.net_removed.pattern) if check.net_removed else None

    def bears_on(self, path: str) -> bool:
        check = self.check
        if check.paths and not globs.matches(path, check.paths):
            return False
        return not globs.matches(path, check.except_paths)

    def hits(self, file: FileChange, moved: Collection[str] = ()) -> list[Hit]:
        """Every hit in one file, in order. `moved`: added lines, without margins, that the change removes elsewhere."""
        check = self.check
        lines = [(line, encode(line.text)) for line in (file.added if check.scope == "added" else file.removed)]
        if self._version:
            before = {self._version.remove_from(encode(line.text)) for line in file.removed}
            lines = [(line, data) for line, data in lines if self._version.remove_from(data) not in before]
        if check.unless_moved:
            lines = [(line, data) for line, data in lines if line.text.strip() not in moved]
        hits = self._in_file(file, lines) if check.mode == "file" else self._in_lines(file, lines)
        if hits and self._absent and any(self._absent.is_in(encode(line.text)) for line in file.added):
            hits = []
        if hits and check.doubtful_paths and globs.matches(file.path, check.doubtful_paths):
            hits = [
                replace(hit, is_doubtful=True, what=hit.what or "in such a file it needs judgement") for hit in hits
            ]
        return hits

    def hits_in_change(self, change: Change) -> list[Hit]:
        """Hits that only the whole change shows: what went and did not come back."""
        hits: list[Hit] = []
        if self._counted is not None:
            vanished = vanished_words(change, self.bears_on)
            for file in change.files:
                if file.removed and self.bears_on(file.path):
                    hits += self._net_removed(file, vanished)
        if not self.check.lost_tests:
            return hits
        return hits + [
            Hit(f"{lost.path}:{lost.line}", is_doubtful=True, what=f"the test `{lost.name}` went, and nothing else did")
            for lost in lost_tests(change, self.bears_on)
        ]

    def _in_lines(self, file: FileChange, lines: list[tuple[Line, bytes]]) -> list[Hit]:
        readded = {self._noise.remove_from(encode(line.text)) for line in file.added} if self._noise else set()
        hits: list[Hit] = []
        for line, data in lines:
            sure = self.patterns.first(data)
            doubtful = "" if sure else self.doubtful.first(data)
            if not sure and not doubtful:
                continue
            if self._except and self._except.is_in(data):
                continue
            if self._noise and self._noise.remove_from(data) in readded:
                continue
            if self.check.unless_new_test and is_in_new_test(file, line):
                continue
            what = f"`{_quote(line.text.strip())}` needs judgement" if doubtful else ""
            hits.append(Hit(f"{file.path}:{line.number}", is_doubtful=not sure, what=what))
        return hits

    def _in_file(self, file: FileChange, lines: list[tuple[Line, bytes]]) -> list[Hit]:
        kept = [(line, data) for line, data in lines if not (self._except and self._except.is_in(data))]
        whole = b"\n".join(data for _, data in kept)
        sure = self.patterns.first(whole)
        found = sure or self.doubtful.first(whole)
        if not found:
            return []
        start = encode(found.split("\n", 1)[0])
        number = next((line.number for line, data in kept if start and start in data), 0)
        what = "" if sure else f"`{_quote(found.strip())}` needs judgement"
        return [Hit(f"{file.path}:{number}", is_doubtful=not sure, what=what)]

    def _net_removed(self, file: FileChange, vanished: frozenset[str]) -> list[Hit]:
        if self._counted is None or self.check.net_removed is None:
            return []
        went = [
            line
            for line in removed_from_survivors(file)
            if self._counted.is_in(encode(line.text)) and not names_any(line.text, vanished)
        ]
        came = sum(self._counted.is_in(encode(line.text)) for line in file.added)
        # A test that is rewritten loses some; one that is hollowed out loses most.
        if len(went) - came <= self.check.net_removed.most or 2 * came >= len(went):
            return []
        what = f"{len(went)} went from tests that stay, {came} came; the first: `{_quote(went[0].text.strip())}`"
        return [Hit(f"{file.path}:{went[0].number}", is_doubtful=True, what=what)]


def command_violates(check: CommandCheck, result: CommandResult) -> bool:
    """Whether a command ended otherwise than it must."""
    expected = check.expect.stdout_regex
    says_it = not expected or Pattern(expected).is_in(encode(result.stdout))
    return result.exit != check.expect.exit or not says_it


def extracted(extracts: Mapping[str, Extract], files: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The names each extract finds in these files: the facts `extracted.<name>`."""
    return {
        name: tuple(
            found
            for path, text in files.items()
            if globs.matches(path, extract.globs)
            for found in Pattern(extract.regex).captured_in(encode(text))
        )
        for name, extract in extracts.items()
    }


def _quote(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= LONGEST_QUOTE else one_line[: LONGEST_QUOTE - 1] + "…"
