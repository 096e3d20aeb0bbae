"""A line of source as spans: comment, string, number, keyword, whatever the language.

Made for text that a model may have written: one pass, no backtracking, and nothing in it can change what is shown.
"""

from __future__ import annotations

import re

from factory_tui.tui.lines import Span

LONGEST = 2_000
"""Characters; a longer line is shown without colours."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KEYWORDS = _words(
    "and as assert async await break case catch class const continue def default defer del do elif else enum except "
    "export extends false False final finally fn for from func function go if impl implements import in interface is "
    "lambda let match mod module mut namespace new nil None nonlocal not null or package pass private protected pub "
    "public raise return self static struct super switch this throw trait true True try type typedef typeof use using "
    "var void while with yield"
)
_HASH = _words("py pyi sh bash toml yaml yml rb pl cfg ini mk ps1 r dockerfile makefile")
_SLASH = _words("js ts jsx tsx mjs c h cc cpp hpp go rs java kt swift cs scala php css scss proto")
_DASH = _words("sql lua hs")
_PLAIN = _words("md txt rst csv log lock")

_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9A-Za-z_.]*|[\"'`]|#|//|--|[^A-Za-z0-9_\"'`#/-]+|.")


def comment_sign(path: str) -> str:
    """What begins a comment in a file of that name; empty = nothing is known to."""
    name = path.rsplit("/", 1)[-1].lower()
    ending = name.rsplit(".", 1)[-1]
    return "#" if ending in _HASH else "//" if ending in _SLASH else "--" if ending in _DASH else ""


def is_prose(path: str) -> bool:
    return path.rsplit(".", 1)[-1].lower() in _PLAIN


def coloured(text: str, path: str, on: str = "") -> tuple[Span, ...]:
    """`on`: `added` or `removed`, what the line is in a difference; the spans' styles say both."""
    if len(text) > LONGEST or is_prose(path):
        return (Span(text, _style("", on)),)
    sign = comment_sign(path)
    spans: list[Span] = []
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        assert found is not None
        word, end = found.group(), found.end()
        kind = ""
        if word in "\"'`":
            end = _end_of_string(text, place)
            kind = "string"
        elif word == sign:
            end, kind = len(text), "comment"
        elif word in _KEYWORDS:
            kind = "keyword"
        elif word[0].isdigit():
            kind = "string"
        _add(spans, text[place:end], _style(kind, on))
        place = end
    return tuple(spans)


def _end_of_string(text: str, start: int) -> int:
    """After the closing quote of this line; an open string goes to its end."""
    quote, place = text[start], start + 1
    while place < len(text):
        if text[place] == "\\":
            place += 1
        elif text[place] == quote:
            return place + 1
        place += 1
    return len(text)


def _style(kind: str, on: str) -> str:
    return f"{on}-{kind}" if on and kind else kind or on or "text"


def _add(spans: list[Span], text: str, style: str) -> None:
    if spans and spans[-1].style == style:
        spans[-1] = Span(spans[-1].text + text, style)
    else:
        spans.append(Span(text, style))
