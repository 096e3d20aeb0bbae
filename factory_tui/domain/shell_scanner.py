"""Words, simple commands and pipelines of a shell line, found in one pass.

Never refuses for what it cannot read: an open quote or a here-document without its end counts as unquoted, which is
the stricter reading. It stops only where more would merely be more work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MOST_COMMANDS = 200
"""Simple commands in one line, nested ones included; more are an ask, unmatched."""
MOST_WORDS = 1_000
"""Of one simple command."""

SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "fish", "busybox"})
RUNNERS_OF_TEXT = SHELLS | {"eval", "ssh", "su", "watch", "script", "parallel", "flock", "at", "trap", "env", "xargs"}
"""Programs that run a text they are given."""
SPEAKERS = frozenset({"echo", "printf", "grep", "egrep", "fgrep", "rg", "ag", "ack"})
"""Programs whose texts are said or sought, not run."""
_READERS = SPEAKERS | frozenset(
    {"cat", "ls", "head", "tail", "less", "more", "wc", "stat", "file", "diff", "cmp", "find", "test", "[", "[["}
    | {"cd", "pwd", "sha256sum", "md5sum", "cksum", "jq", "nl", "od", "cut", "tr", "which", "type", "du"}
    | {"basename", "dirname", "realpath", "readlink"}
)
_WRAPPERS = frozenset(
    {"sudo", "env", "command", "exec", "time", "nohup", "nice", "then", "do", "else", "if", "while", "!"}
)
_GIT_READERS = frozenset(
    {"log", "show", "diff", "status", "grep", "ls-files", "ls-tree", "blame", "rev-parse", "cat-file", "shortlog"}
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_ANSI_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|[0-7]{1,3}|.)", re.DOTALL)
_ANSI = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_PLAIN = re.compile(r"[^\s\\'\"$`|&;<>(){}#]+")
_BLANK = frozenset(" \t\r")


class TooMuch(Exception):
    """Reading stopped."""


@dataclass(slots=True)
class Word:
    """One word of a command."""

    value: str
    """As the shell would hand it over: quotes and backslashes taken off."""
    bare: str
    """The same with every quoted part that holds a blank or an operator as `""`."""
    is_quoted: bool = False
    runs: bool = False
    """It holds a command substitution within double quotes."""
    is_written: bool = False
    """The target of an output redirection."""
    is_said: bool = False
    """A text, not an instruction: a commit message, what `echo` prints, what `grep` looks for."""


@dataclass(slots=True)
class SimpleCommand:
    """One program with its words, up to the next pipe, separator or bracket."""

    words: list[Word] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    """Words and redirections, in order, as the text for patterns."""

    @property
    def program(self) -> str:
        """The base name of what is run, wrappers such as `sudo` and assignments left out."""
        for word in self.words:
            if word.is_written or _ASSIGNMENT.match(word.value) or word.value.startswith("-"):
                continue
            name = word.value.rsplit("/", 1)[-1]
            if name not in _WRAPPERS:
                return name
        return ""

    @property
    def only_reads(self) -> bool:
        """True for the few programs that write nothing but their output."""
        program = self.program
        if program == "git":
            values = [word.value for word in self.words]
            return bool(_GIT_READERS.intersection(values[1:4]))
        if program == "find":
            return not any(word.value in ("-delete", "-exec", "-execdir", "-ok", "-fprint") for word in self.words)
        return program in _READERS


def pipelines_of(source: str) -> list[list[SimpleCommand | str]]:
    """Pipelines in order, operators between simple commands as text. Raises TooMuch."""
    return _Scanner(source).pipelines()


def from_substitution(value: str) -> str:
    """From the first command substitution on, which a shell would run."""
    starts = [start for start in (value.find("$("), value.find("`")) if start >= 0]
    return value[min(starts) :].lstrip("$(`") if starts else value


class _Scanner:
    """One pass over one source."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.i = 0
        self.pipeline: list[SimpleCommand | str] = []
        self.command = SimpleCommand()
        self.done: list[list[SimpleCommand | str]] = []
        self.here: list[tuple[str, bool, SimpleCommand]] = []
        self.bodies: list[str] = []
        self.expects_target = ""
        self.without_end: set[str] = set()

    def pipelines(self) -> list[list[SimpleCommand | str]]:
        """Pipelines in order; operators between simple commands as text."""
        source, length = self.source, len(self.source)
        while self.i < length and len(self.done) + len(self.pipeline) <= 2 * MOST_COMMANDS:
            character = source[self.i]
            if character in _BLANK:
                self.i += 1
            elif character == "\n":
                self.i += 1
                self._end_pipeline()
                self._read_here_documents()
            elif character == "#" and not self.expects_target:
                end = source.find("\n", self.i)
                self.i = length if end < 0 else end
            elif character in ";&|()<>`" or source.startswith("$(", self.i):
                self._operator()
            else:
                self._word()
        if self.i < length:
            raise TooMuch
        self._end_pipeline()
        for body in self.bodies:
            # Bodies end before the source goes on, so together they are no longer than it.
            self.done += _Scanner(body).pipelines()
        return self.done

    def _end_command(self, operator: str = "") -> None:
        self.expects_target = ""
        if self.command.parts:
            self.pipeline.append(self.command)
            self.command = SimpleCommand()
        if operator:
            self.pipeline.append(operator)

    def _end_pipeline(self) -> None:
        self._end_command()
        if self.pipeline:
            self.done.append(self.pipeline)
            self.pipeline = []

    def _operator(self) -> None:
        source = self.source
        for operator in (
            "<<<",
            "<<-",
            "<<",
            "&>>",
            "&>",
            ">>",
            ">|",
            ">&",
            "<&",
            "<>",
            "<(",
            ">(",
            "&&",
            "||",
            ";;",
            "|&",
        ):
            if source.startswith(operator, self.i):
                break
        else:
            operator = "$(" if source.startswith("$(", self.i) else source[self.i]
        self.i += len(operator)
        if operator in ("&&", "||", ";", ";;", "&"):
            self._end_pipeline()
        elif operator in ("|", "|&", "(", ")", "$(", "<(", ">(", "`"):
            self._end_command(operator)
        elif operator in ("<<", "<<-"):
            self._here_document(strips_tabs=operator == "<<-")
        else:
            self.expects_target = operator

    def _here_document(self, *, strips_tabs: bool) -> None:
        while self.source[self.i : self.i + 1] in _BLANK and self.i < len(self.source):
            self.i += 1
        word = self._read_word()
        if word is not None and word.value:
            self.here.append((word.value, strips_tabs, self.command))
            self.command.parts.append("<<")

    def _read_here_documents(self) -> None:
        for delimiter, strips_tabs, command in self.here:
            start = self.i
            end, after = self._find_delimiter(delimiter, strips_tabs)
            if end < 0:
                continue
            self.i = after
            if any(word.value.rsplit("/", 1)[-1] in RUNNERS_OF_TEXT for word in command.words):
                self.bodies.append(self.source[start:end])
            elif "$(" in self.source[start:end] or "`" in self.source[start:end]:
                self.bodies.append(from_substitution(self.source[start:end]))
        self.here = []

    def _find_delimiter(self, delimiter: str, strips_tabs: bool) -> tuple[int, int]:
        """Where the body ends and where the source goes on; -1 when the delimiter's line is missing."""
        position = self.i
        if delimiter in self.without_end:
            return -1, -1
        while position <= len(self.source):
            found = self.source.find(delimiter, position)
            if found < 0:
                break
            line = self.source.rfind("\n", 0, found) + 1
            end = found + len(delimiter)
            lead = self.source[line:found]
            is_alone = line >= self.i and (not lead or (strips_tabs and not lead.strip("\t")))
            if is_alone and (end == len(self.source) or self.source[end] == "\n"):
                return line, end
            position = end
        self.without_end.add(delimiter)
        return -1, -1

    def _word(self) -> None:
        word = self._read_word()
        if word is None:
            return
        operator, self.expects_target = self.expects_target, ""
        if not operator:
            if len(self.command.words) >= MOST_WORDS:
                raise TooMuch
            if self.source[self.i : self.i + 1] in ("<", ">") and word.value.isdigit() and not word.is_quoted:
                return
            self.command.words.append(word)
            self.command.parts.append("")
            return
        if operator in ("<", "<>", "<<<"):
            self.command.words.append(word)
            self.command.parts += [operator, ""]
            return
        is_harmless = word.value in ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty") or (
            operator in (">&", "<&") and (word.value.isdigit() or word.value == "-")
        )
        if is_harmless:
            self.command.parts.append(">&null")
            return
        word.is_written = True
        self.command.words.append(word)
        self.command.parts += [operator.replace("&", ""), ""]

    def _read_word(self) -> Word | None:
        """The next word; quotes that never close are letters."""
        source, length = self.source, len(self.source)
        value: list[str] = []
        bare: list[str] = []
        is_quoted = runs = False
        begin = self.i
        while self.i < length:
            character = source[self.i]
            plain = _PLAIN.match(source, self.i)
            if plain:
                value.append(plain.group())
                bare.append(plain.group())
                self.i = plain.end()
            elif character == "\\":
                escaped = source[self.i + 1 : self.i + 2]
                if escaped != "\n":
                    value.append(escaped or character)
                    bare.append(escaped if escaped not in (" ", ";", "&", "|") else "")
                self.i += 2
            elif (quoted := self._quoted()) is not None:
                text, is_live = quoted
                value.append(text)
                bare.append('""' if any(c in " \t\r\n;&|<>()`" for c in text) else text)
                is_quoted = True
                runs = runs or (is_live and ("$(" in text or "`" in text))
            elif character in "\n \t\r;&|()<>`" or source.startswith("$(", self.i):
                break
            else:
                value.append(character)
                bare.append(character)
                self.i += 1
        if self.i == begin:
            self.i += 1
            return None
        return Word("".join(value), "".join(bare), is_quoted, runs)

    def _quoted(self) -> tuple[str, bool] | None:
        """The quoted text that begins here and whether a shell looks into it; None when there is none."""
        source = self.source
        if source.startswith("$'", self.i):
            end = self._closing("'", self.i + 2)
            if end < 0:
                return None
            text = _ANSI_ESCAPE.sub(_ansi, source[self.i + 2 : end])
            self.i = end + 1
            return text, False
        start = self.i + 2 if source.startswith('$"', self.i) else self.i + 1
        if source[start - 1] == "'":
            end = source.find("'", start)
            if end < 0:
                return None
            self.i = end + 1
            return source[start:end], False
        if source[start - 1] == '"':
            end = self._closing('"', start)
            if end < 0:
                return None
            self.i = end + 1
            return re.sub(r"\\([$`\"\\\n])", r"\1", source[start:end]), True
        return None

    def _closing(self, quote: str, start: int) -> int:
        """Where the quote closes that opened before `start`; -1 = never."""
        i = start
        while True:
            end = self.source.find(quote, i)
            if end < 0:
                return -1
            slashes = end
            while slashes > i and self.source[slashes - 1] == "\\":
                slashes -= 1
            if (end - slashes) % 2 == 0:
                return end
            i = end + 1


def _ansi(match: re.Match[str]) -> str:
    escape = match.group(1)
    if escape[0] in "xu" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    if escape[0] in "01234567":
        return chr(int(escape, 8) % 256)
    return _ANSI.get(escape, escape)
