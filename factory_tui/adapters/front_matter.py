"""Reading YAML that people write, without its surprises.

Roles, rules and knowledge are Markdown below a YAML head. Only this module reads YAML: a key twice, an anchor, a tag
or a tab is refused with its line, and a scalar means what it looks like (`no`, `on`, `0644` and `2026-11-05` are text).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import yaml

from factory_tui.adapters.parsed import (
    LARGEST_DOCUMENT,
    LARGEST_HEAD,
    FrontMatter,
    Path,
    did_you_mean,
    nearest,
)
from factory_tui.domain.errors import DocumentError

__all__ = [
    "LARGEST_DOCUMENT",
    "LARGEST_HEAD",
    "FrontMatter",
    "did_you_mean",
    "nearest",
    "read_front_matter",
    "read_yaml",
]

DEEPEST = 32
"""Nested collections."""

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_UNWRITABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def has_front_matter(text: str) -> bool:
    """Whether the document begins with a fence."""
    return text.split("\n", 1)[0].rstrip() == "---"


def read_front_matter(shown_path: str, text: str, *, required: bool = True) -> FrontMatter:
    """Take a document apart into head and body.

    Without `required`, a document that begins with no fence is all body. Raises DocumentError with file, line and fix.
    """
    _check_text(shown_path, text)
    text = text.replace("\r\n", "\n")
    if not has_front_matter(text):
        if not required:
            return FrontMatter(path=shown_path, data={}, body=text, body_line=1)
        raise DocumentError(
            path=shown_path,
            line=1,
            problem="the front matter is missing",
            why="the file must begin with a line `---`, then YAML, then another line `---`",
            next_step="Put `---` on the first line and `---` below the last key.",
        )
    lines = text.split("\n")
    closing = next((number for number, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"), None)
    if closing is None:
        raise DocumentError(
            path=shown_path,
            line=1,
            problem="the front matter that opens here is never closed",
            why="a second line `---` must separate the keys from the text",
            next_step="Put a line `---` below the last key.",
        )
    head = "\n".join(lines[1:closing]) + "\n"
    data, places, texts = _read_mapping(shown_path, head, first_line=2)
    return FrontMatter(
        path=shown_path,
        data=data,
        body="\n".join(lines[closing + 1 :]),
        body_line=closing + 2,
        lines=places,
        texts=texts,
    )


def read_yaml(shown_path: str, text: str) -> FrontMatter:
    """Read a file that is all YAML, such as `deploy.yaml`: `body` is empty. Raises DocumentError."""
    _check_text(shown_path, text)
    text = text.replace("\r\n", "\n")
    data, places, texts = _read_mapping(shown_path, text, first_line=1)
    return FrontMatter(path=shown_path, data=data, body="", body_line=text.count("\n") + 1, lines=places, texts=texts)


def _check_text(shown_path: str, text: str) -> None:
    if len(text) > LARGEST_DOCUMENT:
        raise DocumentError(
            path=shown_path,
            problem=f"the document has {len(text):,} characters, over the limit of {LARGEST_DOCUMENT:,}",
            why="a seat is given every document whole, so none may be this large",
            next_step="Split it, or move what is data out of it.",
        )
    odd = _UNWRITABLE.search(text)
    if odd:
        raise DocumentError(
            path=shown_path,
            line=text.count("\n", 0, odd.start()) + 1,
            problem=f"the invisible character U+{ord(odd.group()):04X} is here",
            why="a document must show everything that it says",
            next_step="Delete the character and save the file as plain UTF-8 without a byte order mark.",
        )


def _read_mapping(
    shown_path: str, head: str, *, first_line: int
) -> tuple[dict[str, Any], dict[Path, int], dict[Path, str]]:
    if len(head) > LARGEST_HEAD:
        raise DocumentError(
            path=shown_path,
            line=first_line,
            problem=f"the YAML here has {len(head):,} characters, over the limit of {LARGEST_HEAD:,}",
            next_step="Move long text below the front matter.",
        )
    reading = _Reading(shown_path, head, first_line)
    try:
        data = reading.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = reading.line_at(mark.index) if mark is not None else first_line
        raise reading.syntax_error(line, str(error.problem or error.context or "it cannot be read")) from None
    except yaml.YAMLError as error:
        raise reading.syntax_error(first_line, str(error).split("\n", 1)[0]) from None
    if not isinstance(data, dict):
        found = "nothing" if data is None else "a list" if isinstance(data, list) else "one value"
        raise DocumentError(
            path=shown_path,
            line=first_line,
            problem=f"keys with values are expected here, and there is {found}",
            next_step="Write one `key: value` a line.",
        )
    return data, reading.lines, reading.texts


class _Reading:
    """One pass over the parser's events. Works without recursion on the input's say-so: depth is bounded first."""

    def __init__(self, shown_path: str, head: str, first_line: int) -> None:
        self._path = shown_path
        self._head = head
        self._first_line = first_line
        self._breaks = [match.start() for match in re.finditer("\n", head)]
        self._events: Iterator[Any] = iter(yaml.parse(head, Loader=_LOADER))
        self.lines: dict[Path, int] = {(): first_line}
        self.texts: dict[Path, str] = {}

    def line_at(self, index: int) -> int:
        # The parser also counts U+0085 and U+2028 as line ends; editors do not, so lines are counted here.
        return self._first_line + min(bisect_right(self._breaks, index - 1), max(len(self._breaks) - 1, 0))

    def _line_of(self, event: Any) -> int:
        return self.line_at(event.start_mark.index)

    def syntax_error(self, line: int, problem: str) -> DocumentError:
        source = self._head.split("\n")
        text = source[line - self._first_line] if line - self._first_line < len(source) else ""
        if re.match(r"[ -]*\t", text) or problem.endswith("'\\t' that cannot start any token"):
            return DocumentError(
                path=self._path,
                line=line,
                problem="a tab is used to indent",
                why="YAML indents with spaces only",
                next_step="Replace the tab by two spaces.",
            )
        return DocumentError(
            path=self._path,
            line=line,
            problem=f"this is not YAML: {problem}",
            next_step="Mend that line; text with `: `, `#`, or a leading `*`, `&`, `!`, `%`, `@` or backtick "
            "needs quotes around it.",
        )

    def document(self) -> Any:
        data: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refusal(
                        event, "a second YAML document begins here", "Keep one document in a file: remove this line."
                    )
            elif isinstance(event, yaml.NodeEvent):
                data = self._node(event, ())
        return data

    def _node(self, event: Any, path: Path) -> Any:
        self._check(event, path)
        if isinstance(event, yaml.ScalarEvent):
            self.texts[path] = event.value
            return _scalar(event.value, plain=event.style is None or event.style == "")
        if isinstance(event, yaml.SequenceStartEvent):
            return list(self._items(path))
        return self._mapping(path)

    def _items(self, path: Path) -> Iterator[Any]:
        for number, event in enumerate(self._events):
            if isinstance(event, yaml.SequenceEndEvent):
                return
            self.lines[(*path, number)] = self._line_of(event)
            yield self._node(event, (*path, number))

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            self._check(event, path)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refusal(event, "a key here is a list or a mapping", "Write keys as plain words.")
            key: str = event.value
            line = self._line_of(event)
            if key in found:
                raise DocumentError(
                    path=self._path,
                    line=line,
                    problem=f"the key `{key[:80]}` is here a second time",
                    why=f"it is already on line {self.lines[(*path, key)]}; one of the two would be lost silently",
                    next_step="Keep one of them.",
                )
            self.lines[(*path, key)] = line
            found[key] = self._node(next(self._events), (*path, key))
        return found

    def _check(self, event: Any, path: Path) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            name = str(event.anchor)[:80]
            raise self._refusal(
                event,
                f"the anchor or alias `{name}` is used",
                f"Write the text out; if it is meant as text, quote it: '*{name}'.",
            )
        if event.tag is not None:
            raise self._refusal(
                event,
                f"the tag `{str(event.tag)[:80]}` is used",
                "Remove the tag; if it is meant as text, quote the whole value.",
            )
        if len(path) >= DEEPEST:
            raise self._refusal(event, f"more than {DEEPEST} levels are nested", "Write it flatter.")

    def _refusal(self, event: Any, problem: str, next_step: str) -> DocumentError:
        return DocumentError(path=self._path, line=self._line_of(event), problem=problem, next_step=next_step)


def _scalar(value: str, *, plain: bool) -> str | int | float | bool | None:
    if not plain:
        return value
    if value in ("true", "false"):
        return value == "true"
    if value in ("", "~", "null"):
        return None
    if _INTEGER.fullmatch(value):
        return int(value)
    if _FLOAT.fullmatch(value):
        return float(value)
    return value
