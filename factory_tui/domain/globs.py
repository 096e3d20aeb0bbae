"""Globs: which paths a card, a rule or a plan speaks of.

`*` and `?` stay inside one folder; `**`, as a whole part of the glob, crosses folders and also stands for none;
`docs/**` holds `docs` itself too. Every other character stands for itself. Matching is done on the folded path, so
`Rules/`, a full-width `ｒules` and a name with invisible characters are all `rules`, and it takes linear time on any
text. A `home:` prefix is the caller's to take off.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import re2

_OPEN_ENDED = "**"
_CHARACTER_CLASS = re2.compile(r"\[[!^]|\[\w-\w\]")
_IGNORABLE_RANGES = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xE0000, 0xE0FFF),
)
MOST_CHARACTERS = 1_024
"""Of one glob; a longer one is refused."""


def problem_of(glob: str) -> str:
    """What is wrong with a glob, and what to write instead; empty = nothing."""
    if not glob.strip():
        return "the glob is empty: name a file or a folder, such as `docs/**`"
    if len(glob) > MOST_CHARACTERS:
        return f"the glob has {len(glob)} characters, at most {MOST_CHARACTERS} are taken"
    if any(ord(character) < 32 or ord(character) == 127 for character in glob):
        return "the glob holds a control character"
    if "\\" in glob:
        return "the glob holds a backslash: folders are parted by `/`"
    if glob.startswith(("/", "~")):
        return "the glob is absolute: write it relative to the repository"
    if "{" in glob or "}" in glob:
        return "`{` and `}` mean nothing here: write one glob for each alternative"
    if _CHARACTER_CLASS.search(glob):
        return "`[...]` is no character class here: write `?` for any one character"
    for part in glob.split("/"):
        if part == "..":
            return "the glob climbs out with `..`: write it relative to the repository"
        if _OPEN_ENDED in part and part != _OPEN_ENDED:
            return f"`{part}`: `**` stands alone between slashes; inside a name write `*`"
    return ""


@lru_cache(maxsize=16_384)
def fold(path: str) -> str:
    """The path as a forgiving file system would see it: two paths that fold alike are one.

    NFKC and case folded, invisible characters and trailing dots and spaces of each part removed, empty and `.` parts
    dropped. `..` stays: whoever permits paths refuses it first.
    """
    return "/".join(_fold_name(part) for part in path.split("/") if part not in ("", "."))


def matches(path: str, globs: tuple[str, ...]) -> bool:
    """True when at least one of the globs holds the path. No globs hold nothing."""
    return bool(globs) and _compiled(tuple(globs)).fullmatch(fold(path)) is not None


def may_overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """False only when no path can match both; no globs at all may touch everything."""
    if not one or not other:
        return True
    return any(_meet(left, right) for left in one for right in other)


def _fold_name(name: str) -> str:
    if name == "..":
        return name
    folded = _fold_text(name)
    return folded.rstrip(". ") or folded


def _fold_text(text: str) -> str:
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(character for character in text if not _is_invisible(character))
    return "".join("\ufffd" if _is_no_name(character) else character for character in kept)


def _is_no_name(character: str) -> bool:
    """A slash that only appears by folding parts no folders; a lone surrogate is a byte that is no text."""
    return character == "/" or "\ud800" <= character <= "\udfff"


def _is_invisible(character: str) -> bool:
    code = ord(character)
    return unicodedata.category(character) == "Cf" or any(low <= code <= high for low, high in _IGNORABLE_RANGES)


@lru_cache(maxsize=4_096)
def _parts(glob: str) -> tuple[str, ...]:
    """The folded parts of a glob; wildcards are kept apart from text that merely folds to one."""
    parts: list[str] = []
    for part in glob.split("/"):
        if part in ("", "."):
            continue
        if part == _OPEN_ENDED:
            if not parts or parts[-1] != _OPEN_ENDED:
                parts.append(part)
            continue
        parts.append(_fold_glob_name(part))
    return tuple(parts)


def _fold_glob_name(name: str) -> str:
    tokens: list[str] = []
    text = ""
    for character in name:
        if character in "*?":
            tokens += [_fold_text(text).replace("*", "\ufffd").replace("?", "\ufffd"), character]
            text = ""
        else:
            text += character
    tokens.append(_fold_text(text).replace("*", "\ufffd").replace("?", "\ufffd"))
    folded = "".join(tokens)
    return folded.rstrip(". ") or folded


@lru_cache(maxsize=4_096)
def _compiled(globs: tuple[str, ...]) -> re2._Regexp:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = 32 << 20
    return re2.compile("|".join(f"(?:{_expression(glob)})" for glob in globs), options)


def _expression(glob: str) -> str:
    parts = _parts(glob)
    if parts == (_OPEN_ENDED,):
        return ".*"
    expression = ""
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        if part == _OPEN_ENDED:
            # The slash before it was left out below, so that `docs/**` is also `docs`.
            if index == 0:
                expression += "(?:.*/)?"
            elif is_last:
                expression += "(?:/.*)?"
            else:
                expression += "/(?:.*/)?"
            continue
        if index and parts[index - 1] != _OPEN_ENDED:
            expression += "/"
        expression += "".join(
            "[^/]*" if character == "*" else "[^/]" if character == "?" else re2.escape(character) for character in part
        )
    return expression


@lru_cache(maxsize=16_384)
def _meet(left: str, right: str) -> bool:
    """Whether some path matches both globs: the table of which tails can still meet, from the end."""
    ours, theirs = _parts(left), _parts(right)
    row = _ends(theirs)
    for i in range(len(ours) - 1, -1, -1):
        above = row
        row = [False] * (len(theirs) + 1)
        row[-1] = above[-1] and ours[i] == _OPEN_ENDED
        for j in range(len(theirs) - 1, -1, -1):
            if ours[i] == _OPEN_ENDED or theirs[j] == _OPEN_ENDED:
                row[j] = above[j] or row[j + 1]
            else:
                row[j] = above[j + 1] and _names_meet(ours[i], theirs[j])
    return row[0]


def _ends(parts: tuple[str, ...]) -> list[bool]:
    """Which tails of a glob match nothing at all."""
    return [all(part == _OPEN_ENDED for part in parts[j:]) for j in range(len(parts) + 1)]


@lru_cache(maxsize=16_384)
def _names_meet(left: str, right: str) -> bool:
    """The same table for two names with `*` and `?`."""
    if not set(left + right) & {"*", "?"}:
        return left == right
    if _differ_at_start(left, right) or _differ_at_start(left[::-1], right[::-1]):
        return False
    row = [all(character == "*" for character in right[j:]) for j in range(len(right) + 1)]
    for i in range(len(left) - 1, -1, -1):
        above = row
        row = [False] * (len(right) + 1)
        row[-1] = above[-1] and left[i] == "*"
        for j in range(len(right) - 1, -1, -1):
            if left[i] == "*" or right[j] == "*":
                row[j] = above[j] or row[j + 1] or (left[i] == right[j] == "*" and above[j + 1])
            else:
                row[j] = above[j + 1] and (left[i] == right[j] or "?" in (left[i], right[j]))
    return row[0]


def _differ_at_start(left: str, right: str) -> bool:
    """Two names differ before the first wildcard of either; most do, and that spares the table."""
    for ours, theirs in zip(left, right, strict=False):
        if ours in "*?" or theirs in "*?":
            return False
        if ours != theirs:
            return True
    return False
