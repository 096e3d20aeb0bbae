"""Regular expressions that cannot be turned against us: RE2 only, so matching is linear in the text.

Every pattern of a rule goes through here. `^` and `$` are the edges of a line. What RE2 cannot do, and what other
engines would explode on, is refused with the way to write it instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import re2

MOST_CHARACTERS = 2_000
"""Of one pattern."""
_ONE_PATTERN_MEMORY = 8 << 20
_MANY_PATTERNS_MEMORY = 64 << 20
_LOOKING_AROUND = ("(?=", "(?!", "(?<=", "(?<!")
_OTHER_ENGINES = ("(?>", "(?(", "(?P=", "(?#")


class Pattern:
    """One compiled pattern, or several as one."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str, memory: int = _ONE_PATTERN_MEMORY) -> None:
        self.text = text
        self._compiled: Any = re2.compile(f"(?m){text}".encode(), _options(memory))

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def is_in(self, data: bytes) -> bool:
        return self._compiled.search(data) is not None

    def first_in(self, data: bytes) -> str:
        """The first text that matches, empty when none does."""
        found = self._compiled.search(data)
        return "" if found is None else found.group().decode("utf-8", "replace")

    def remove_from(self, data: bytes) -> bytes:
        """The text without anything that matches."""
        return bytes(self._compiled.sub(b"", data))

    def captured_in(self, data: bytes) -> list[str]:
        """The first group of every match, or the whole match when there is no group."""
        capturing: Any = re2.compile(f"(?m){self.text}".encode(), _options(_ONE_PATTERN_MEMORY, captures=True))
        found = capturing.findall(data)
        return [(one if isinstance(one, bytes) else one[0]).decode("utf-8", "replace") for one in found]


def any_of(patterns: Iterable[str]) -> Pattern | None:
    """One pattern that matches where any of these does; None when there are none."""
    texts = tuple(dict.fromkeys(patterns))
    if not texts:
        return None
    return Pattern("|".join(f"(?:{text})" for text in texts), _MANY_PATTERNS_MEMORY)


def encode(text: str) -> bytes:
    """Text as patterns read it; what is no valid text becomes `?`."""
    return text.encode("utf-8", "replace")


def problem_of_pattern(text: str) -> str:
    """What is wrong with a pattern and what to write instead; empty = nothing."""
    if not text:
        return "the pattern is empty"
    if len(text) > MOST_CHARACTERS:
        return f"the pattern has {len(text)} characters, at most {MOST_CHARACTERS} are taken"
    bare = _without_escapes_and_classes(text)
    for opening in _LOOKING_AROUND:
        if opening in bare:
            return f"`{opening}` looks around, which takes no linear time: put what must be absent in `unless`"
    for opening in _OTHER_ENGINES:
        if opening in bare:
            return f"`{opening}` is of another engine: RE2 syntax is taken"
    if any(f"\\{digit}" in text.replace("\\\\", "") for digit in "123456789"):
        return "a back-reference cannot be matched in linear time: write the alternatives out"
    if any(anchor in text.replace("\\\\", "") for anchor in ("\\A", "\\z", "\\Z", "\\C")):
        return "`\\A`, `\\z` and `\\C` are not taken: `^` and `$` are the edges of a line"
    nested = _nested_repetition(bare)
    if nested:
        return f"`{nested}` repeats a repetition, which explodes in other engines: repeat once, with a separator inside"
    try:
        pattern = Pattern(text)
    except re2.error as error:
        reason = error.args[0] if error.args else "not readable"
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        return f"RE2 cannot read the pattern: {words.replace('(?m)', '')}"
    if pattern.is_in(b""):
        return "the pattern matches empty text, so it matches everything"
    return ""


def _options(memory: int, captures: bool = False) -> Any:
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    options.never_capture = not captures
    return options


def _without_escapes_and_classes(text: str) -> str:
    """The pattern with every escape and character class as one `x`, so that what is left is structure."""
    bare: list[str] = []
    i = 0
    while i < len(text):
        character = text[i]
        if character == "\\":
            bare.append("x")
            i += 2
        elif character == "[":
            end = i + 1
            end += text[end : end + 1] == "^"
            end += text[end : end + 1] == "]"
            while end < len(text) and text[end] != "]":
                if text.startswith("[:", end):
                    end = max(text.find(":]", end) + 1, end)
                end += 2 if text[end] == "\\" else 1
            bare.append("x")
            i = end + 1
        else:
            bare.append(character)
            i += 1
    return "".join(bare)


@dataclass
class _Group:
    """An open group: what its current alternative holds, and whether one before it was little but a repetition."""

    start: int
    needed: int = 0
    is_endless: bool = False
    was_repetition: bool = False

    @property
    def is_repetition(self) -> bool:
        return self.was_repetition or (self.is_endless and self.needed <= 1)

    def next_alternative(self) -> None:
        self.was_repetition = self.is_repetition
        self.needed, self.is_endless = 0, False


def _nested_repetition(bare: str) -> str:
    """The first group such as `(a+)+`: repeated without end, and an alternative of it is little but a repetition."""
    groups = [_Group(0)]
    i = 0
    while i < len(bare):
        character = bare[i]
        if character == "(":
            groups.append(_Group(i))
            i = _after_group_opening(bare, i)
            continue
        if character == "|":
            groups[-1].next_alternative()
            i += 1
            continue
        is_group = character == ")" and len(groups) > 1
        start, was_repetition = i, False
        if is_group:
            closed = groups.pop()
            start, was_repetition = closed.start, closed.is_repetition
        least, most, i = _quantifier(bare, i + 1)
        if most is None and was_repetition:
            return bare[start:i]
        if character not in "^$":
            groups[-1].is_endless = groups[-1].is_endless or most is None or was_repetition
            groups[-1].needed += least > 0
    return ""


def _after_group_opening(bare: str, i: int) -> int:
    """Where the body of the group begins that opens at `i`: after `(`, `(?:`, `(?i:`, `(?P<name>`; at `)` of `(?i)`."""
    if bare[i + 1 : i + 2] != "?":
        return i + 1
    end = i + 2
    while end < len(bare) and bare[end] not in ":)>":
        end += 1
    return end if bare[end : end + 1] == ")" else end + 1


def _quantifier(bare: str, i: int) -> tuple[int, int | None, int]:
    """At least, at most (None = endless), and where the pattern goes on."""
    least: int = 1
    most: int | None = 1
    if bare[i : i + 1] in ("*", "+", "?"):
        least = int(bare[i] == "+")
        most = 1 if bare[i] == "?" else None
        i += 1
    elif bare[i : i + 1] == "{":
        end = bare.find("}", i)
        low, comma, high = bare[i + 1 : end].partition(",") if end > 0 else ("", "", "")
        if low.isdigit() and (high.isdigit() or not high):
            least = int(low)
            most = least if not comma else int(high) if high else None
            i = end + 1
    if bare[i : i + 1] == "?":
        i += 1
    return least, most, i
