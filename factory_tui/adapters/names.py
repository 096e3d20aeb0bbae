"""What a file or a link may be called in a tree: nothing that another system, or an eye, takes for something else."""

from __future__ import annotations

import unicodedata

from factory_tui.adapters.git import shown
from factory_tui.domain.globs import fold

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_METADATA = frozenset({".git", "git~1"})


def is_metadata(name: str) -> bool:
    """`.git` in any spelling some file system takes for it: `.GIT`, `.git.`, full-width, `.git::$INDEX_ALLOCATION`."""
    if name.isascii() and "git" not in name.casefold():
        return False
    return fold(name.partition(":")[0]) in _METADATA or fold(name).partition(":")[0] in _METADATA


def odd(path: str) -> str:
    """Why a person could not see what this name is; empty = they can."""
    if path.isascii() and path.isprintable() and "\\" not in path:
        return ""
    for character in path:
        if "\udc80" <= character <= "\udcff":
            return "the name is not UTF-8"
        if character == "\\":
            return "a backslash in the name: some systems take it for a folder"
        if unicodedata.category(character) in _UNSEEN or fold(f"x{character}x") == "xx":
            return f"an invisible or control character in the name (U+{ord(character):04X})"
    return ""


def leaves(path: str, target: str) -> str:
    """Why a link may not stand in a tree; empty = it may.

    `..` is taken in front only: behind a name it could climb out through another link.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = 0
    while ups < len(parts) and parts[ups] == "..":
        ups += 1
    if target.startswith("/"):
        return f"the link is absolute ({shown(target)})"
    if ups > path.count("/") or ".." in parts[ups:]:
        return f"the link leaves the tree ({shown(target)})"
    if any(is_metadata(part) for part in parts):
        return f"the link leads to git metadata ({shown(target)})"
    return ""
