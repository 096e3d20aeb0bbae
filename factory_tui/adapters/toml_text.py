"""Reading `factory.toml` with the line of every key, which the parser of the standard library does not keep."""

from __future__ import annotations

import re
import tomllib

from factory_tui.adapters.parsed import LARGEST_HEAD, FrontMatter, Path
from factory_tui.domain.errors import DocumentError

_KEY_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = re.compile(rf"\s*({_KEY_PART}(?:\s*\.\s*{_KEY_PART})*)\s*=")
_TABLE = re.compile(rf"\s*(\[\[?)\s*({_KEY_PART}(?:\s*\.\s*{_KEY_PART})*)\s*\]\]?\s*(?:#.*)?$")
_PARSER_SPOT = re.compile(r"^(.*?)(?: \(at line (\d+), column \d+\)| \(at end of document\))?$", re.DOTALL)


def read_toml(shown_path: str, text: str) -> FrontMatter:
    """The whole file as `data`, with lines. Raises DocumentError."""
    if len(text) > LARGEST_HEAD:
        raise DocumentError(
            path=shown_path,
            problem=f"the file has {len(text):,} characters, over the limit of {LARGEST_HEAD:,}",
            next_step="Remove what does not belong to the settings.",
        )
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        spot = _PARSER_SPOT.match(str(error))
        problem = spot.group(1) if spot else str(error)
        line = int(spot.group(2)) if spot and spot.group(2) else max(text.rstrip().count("\n") + 1, 1)
        raise DocumentError(
            path=shown_path,
            line=line,
            problem=f"this is not TOML: {problem[:200]}",
            next_step='Mend that line; text needs quotes, a list is `["one", "two"]`.',
        ) from None
    except (RecursionError, ValueError):
        raise DocumentError(
            path=shown_path,
            problem="this is not TOML that can be read: it is nested too deep, or a number is too large",
            next_step="Write it flatter.",
        ) from None
    return FrontMatter(path=shown_path, data=data, body="", body_line=text.count("\n") + 1, lines=_lines_of(text))


def _lines_of(text: str) -> dict[Path, int]:
    """Where each key stands. Best effort: a key written in an inline table has its parent's line."""
    lines: dict[Path, int] = {(): 1}
    tables: dict[Path, int] = {}
    here: Path = ()
    fence = ""
    depth = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not fence and depth <= 0:
            if table := _TABLE.match(line):
                here = _parts(table.group(2))
                if table.group(1) == "[[":
                    tables[here] = tables.get(here, -1) + 1
                    lines.setdefault(here, number)
                    here = (*here, tables[here])
                lines.setdefault(here, number)
                continue
            if key := _KEY.match(line):
                path = (*here, *_parts(key.group(1)))
                for size in range(len(here) + 1, len(path) + 1):
                    lines.setdefault(path[:size], number)
        fence, depth = _after(line, fence, max(depth, 0))
    return lines


_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[\[\]{}]|#')


def _after(line: str, fence: str, depth: int) -> tuple[str, int]:
    """Whether a text over several lines, and how many brackets, are open after this line."""
    place = 0
    while True:
        if fence:
            end = line.find(fence, place)
            if end < 0:
                return fence, depth
            place, fence = end + 3, ""
        token = _TOKEN.search(line, place)
        if token is None or token.group() == "#":
            return "", depth
        place = token.end()
        if token.group() in ('"""', "'''"):
            fence = token.group()
        elif token.group() in ("[", "{"):
            depth += 1
        elif token.group() in ("]", "}"):
            depth -= 1


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY_PART, dotted))
