"""Colours as data: every style name has a foreground, a background and attributes in every theme.

No import of Textual here, so that the skeleton can paint with the same colours. `""` = the terminal's own colour.
"""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    fore: str = ""
    back: str = ""
    """Empty = the theme's background."""
    attributes: str = ""
    """Words out of `bold dim reverse underline italic`."""


STYLES = (
    "text",
    "dim",
    "strong",
    "title",
    "title-active",
    "rule-line",
    "bar",
    "bar-dim",
    "bar-alert",
    "key",
    "ok",
    "bad",
    "warn",
    "ask",
    "work",
    "heading",
    "code",
    "add",
    "del",
    "hunk",
    "keyword",
    "string",
    "comment",
    "added",
    "added-keyword",
    "added-string",
    "added-comment",
    "removed",
    "removed-keyword",
    "removed-string",
    "removed-comment",
    "quote",
    "chosen",
    "chosen-quiet",
    "found",
    "entry",
)


class Theme(NamedTuple):
    name: str
    dark: bool
    back: str
    fore: str
    looks: dict[str, Look]


def _source_looks(c: dict[str, str]) -> dict[str, Look]:
    """Source in a difference: the colour says what a word is, the background whether its line came or went."""
    found: dict[str, Look] = {}
    for on, back in (("", ""), ("added", c["added"]), ("removed", c["removed"])):
        kinds = (("keyword", "work"), ("string", "code"), ("comment", "dim"))
        found |= {f"{on}-{kind}" if on else kind: Look(c[colour], back) for kind, colour in kinds}
        found |= {on: Look(c["fore"], back)} if on else {}
    return found


def _looks(c: dict[str, str]) -> dict[str, Look]:
    return {
        "text": Look(c["fore"]),
        "dim": Look(c["dim"]),
        "strong": Look(c["fore"], "", "bold"),
        "title": Look(c["accent"]),
        "title-active": Look(c["accent"], "", "bold underline"),
        "rule-line": Look(c["line"]),
        "bar": Look(c["fore"], c["bar"]),
        "bar-dim": Look(c["dim"], c["bar"]),
        "bar-alert": Look(c["alert-fore"], c["alert"], "bold"),
        "key": Look(c["key"], c["bar"], "bold"),
        "ok": Look(c["ok"]),
        "bad": Look(c["bad"], "", "bold"),
        "warn": Look(c["warn"]),
        "ask": Look(c["ask"], "", "bold"),
        "work": Look(c["work"]),
        "heading": Look(c["accent"], "", "bold"),
        "code": Look(c["code"]),
        "add": Look(c["ok"]),
        "del": Look(c["bad"]),
        "hunk": Look(c["ask"]),
        **_source_looks(c),
        "quote": Look(c["dim"], "", "italic"),
        "chosen": Look(c["fore"], c["chosen"], "bold"),
        "chosen-quiet": Look(c["fore"], c["bar"]),
        "found": Look(c["alert-fore"], c["alert"], "bold"),
        "entry": Look(c["fore"], c["chosen"]),
    }


_DARK = {
    "added": "#12331f",
    "removed": "#3d1a1f",
    "fore": "#d7dce4",
    "dim": "#8b95a5",
    "accent": "#7cbcff",
    "line": "#3a4454",
    "bar": "#1d2532",
    "key": "#ffd479",
    "ok": "#63cf8f",
    "bad": "#ff7b7b",
    "warn": "#e8b94a",
    "ask": "#d9a0ff",
    "work": "#5fd4d4",
    "code": "#d9b382",
    "chosen": "#2b4264",
    "alert": "#8a3b00",
    "alert-fore": "#ffffff",
}
_LIGHT = {
    "added": "#d6f2df",
    "removed": "#fbdada",
    "fore": "#1c222b",
    "dim": "#586271",
    "accent": "#0b57b0",
    "line": "#b4bcc8",
    "bar": "#e3e8ef",
    "key": "#7a4a00",
    "ok": "#11693a",
    "bad": "#b3191f",
    "warn": "#7d5500",
    "ask": "#7a2ba8",
    "work": "#00656b",
    "code": "#7a4710",
    "chosen": "#c9defa",
    "alert": "#ffc37a",
    "alert-fore": "#1c1100",
}
_CONTRAST = {
    "added": "#003d14",
    "removed": "#520000",
    "fore": "#ffffff",
    "dim": "#d0d0d0",
    "accent": "#7fd7ff",
    "line": "#9a9a9a",
    "bar": "#1a1a1a",
    "key": "#ffff00",
    "ok": "#5fff87",
    "bad": "#ff8a8a",
    "warn": "#ffd700",
    "ask": "#ffafff",
    "work": "#5fffff",
    "code": "#ffd7af",
    "chosen": "#00438a",
    "alert": "#ffd700",
    "alert-fore": "#000000",
}
_MONO = {
    "text": Look(),
    "dim": Look("", "", "dim"),
    "strong": Look("", "", "bold"),
    "title": Look("", "", "bold"),
    "title-active": Look("", "", "bold reverse"),
    "rule-line": Look("", "", "dim"),
    "bar": Look("", "", "reverse"),
    "bar-dim": Look("", "", "reverse"),
    "bar-alert": Look("", "", "reverse bold"),
    "key": Look("", "", "reverse bold underline"),
    "ok": Look(),
    "bad": Look("", "", "bold underline"),
    "warn": Look("", "", "bold"),
    "ask": Look("", "", "bold underline"),
    "work": Look("", "", "bold"),
    "heading": Look("", "", "bold underline"),
    "code": Look("", "", "italic"),
    "add": Look("", "", "bold"),
    "del": Look("", "", "dim"),
    "hunk": Look("", "", "underline"),
    "keyword": Look(),
    "string": Look(),
    "comment": Look("", "", "italic"),
    **{f"added{kind}": Look("", "", "bold") for kind in ("", "-keyword", "-string", "-comment")},
    **{f"removed{kind}": Look("", "", "dim") for kind in ("", "-keyword", "-string", "-comment")},
    "quote": Look("", "", "italic"),
    "chosen": Look("", "", "reverse"),
    "chosen-quiet": Look("", "", "underline"),
    "found": Look("", "", "reverse bold"),
    "entry": Look("", "", "underline"),
}

THEMES: dict[str, Theme] = {
    "dark": Theme("dark", True, "#11151c", _DARK["fore"], _looks(_DARK)),
    "light": Theme("light", False, "#fbfcfe", _LIGHT["fore"], _looks(_LIGHT)),
    "contrast": Theme("contrast", True, "#000000", _CONTRAST["fore"], _looks(_CONTRAST)),
    "mono": Theme("mono", True, "", "", _MONO),
}
