"""A shell line as rules read it: quotes taken off once, what is only said kept apart from what is run.

Text within quotes that a shell would run (`sh -c "…"`, `"$(…)"`, a here-document for `bash`) is read as a command of
its own. This is no shell: variables and aliases stay as written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from factory_tui.domain.shell_scanner import (
    MOST_COMMANDS,
    MOST_WORDS,
    RUNNERS_OF_TEXT,
    SHELLS,
    SPEAKERS,
    SimpleCommand,
    TooMuch,
    Word,
    from_substitution,
    pipelines_of,
)

LONGEST_COMMAND = 8_192
"""Bytes; a longer command is an ask, unmatched."""
MOST_WILDCARDS = 40
"""Words with `*` or `?`; each is held against every protected glob."""
DEEPEST_NESTING = 4
"""Commands within commands; deeper ones are read as if unquoted."""

_GIT_OPTIONS_WITH_VALUE = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"})
_SAYS_NEXT = re.compile(
    r"-[a-zA-Z]*[mF]|--(?:message|body|title|notes|description|grep|regexp|format|pretty|author)|-e|-S|-G"
)


@dataclass(frozen=True, slots=True)
class ShellText:
    """A command, read."""

    raw: str
    text: str
    """For patterns: one pipeline a line, words joined by one blank, what is merely said as `""`."""
    simple: tuple[str, ...]
    """The same, one simple command each."""
    touched: tuple[tuple[str, bool], ...]
    """Every word that may be a path, and whether it may be written (False: only programs that read got it)."""
    unread: str = ""
    """Why it was not read; then nothing else is filled."""


def read_command(command: str) -> ShellText:
    """The command as rules read it; linear in its length."""
    size = len(command.encode("utf-8", "replace"))
    if size > LONGEST_COMMAND:
        return _unread(command, f"it has {size} bytes, over {LONGEST_COMMAND} nothing is matched")
    try:
        return _read(command)
    except TooMuch:
        return _unread(
            command, f"it holds more than {MOST_COMMANDS} commands, {MOST_WORDS} words or {MOST_WILDCARDS} wildcards"
        )


def _read(command: str) -> ShellText:
    lines: list[str] = []
    simple: list[str] = []
    touched: dict[str, bool] = {}
    waiting = [(command, 0)]
    for source, depth in waiting:  # grows while it is walked
        if depth > DEEPEST_NESTING:
            lines.append(" ".join(source.split()))
            continue
        for pipeline in pipelines_of(source):
            nested = _mark_what_is_said(pipeline)
            if len(simple) + len(waiting) + len(nested) > MOST_COMMANDS:
                raise TooMuch
            waiting += [(text, depth + 1) for text in nested]
            shown = [_shown(part) if isinstance(part, SimpleCommand) else part for part in pipeline]
            lines.append(" ".join(text for text in shown if text))
            for part in pipeline:
                if isinstance(part, SimpleCommand) and part.words:
                    simple.append(_shown(part))
                    _note_paths(part, touched)
    if sum("*" in word or "?" in word for word in touched) > MOST_WILDCARDS:
        raise TooMuch
    return ShellText(command, "\n".join(line for line in lines if line), tuple(simple), tuple(touched.items()))


def _unread(command: str, why: str) -> ShellText:
    return ShellText(command, "", (), (), why)


def _mark_what_is_said(pipeline: list[SimpleCommand | str]) -> list[str]:
    """Marks texts that no program runs, and returns those that one does."""
    commands = [part for part in pipeline if isinstance(part, SimpleCommand)]
    feeds_shell = any(command.program in SHELLS for command in commands[1:])
    nested: list[str] = []
    for command in commands:
        speaks = not feeds_shell and (
            command.program in SPEAKERS or (command.program == "git" and "grep" in [w.value for w in command.words[:4]])
        )
        runs_text = feeds_shell
        says_next = False
        for word in command.words:
            if word.runs:
                nested.append(from_substitution(word.value))
            if word.is_quoted:
                if runs_text and any(character in " \t\n;&|" for character in word.value):
                    nested.append(word.value)
                word.is_said = speaks or (says_next and not runs_text)
            runs_text = runs_text or word.value.rsplit("/", 1)[-1] in RUNNERS_OF_TEXT
            says_next = _SAYS_NEXT.fullmatch(word.value) is not None
    return nested


def _shown(command: SimpleCommand) -> str:
    """The command's text for patterns; `git`'s global options go last, so that `git -C x reset` reads `git reset`."""
    words = iter(command.words)
    texts = [_word_text(next(words)) if part == "" else part for part in command.parts]
    if "git" not in texts:
        return " ".join(texts)
    start = texts.index("git") + 1
    end = start
    while end < len(texts) and texts[end].startswith("-"):
        end += 2 if texts[end] in _GIT_OPTIONS_WITH_VALUE else 1
    return " ".join(texts[:start] + texts[end:] + texts[start:end])


def _word_text(word: Word) -> str:
    if not word.is_quoted:
        return word.value
    if word.is_said:
        return '""'
    return word.bare if any(character in " \t\r\n;&|<>()`" for character in word.value) else word.value or '""'


def _note_paths(command: SimpleCommand, touched: dict[str, bool]) -> None:
    only_reads = command.only_reads
    for word in command.words:
        may_write = word.is_written or not only_reads
        values = {word.value, word.value.partition("=")[2]} if "=" in word.value else {word.value}
        for value in values - {""}:
            if not value.startswith("-") and "\n" not in value:
                touched[value] = touched.get(value, False) or may_write
