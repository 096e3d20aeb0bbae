"""Role cards of a home, as files: the home's own, or the shipped text that its first own copy begins with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from factory_tui.adapters.rule_shelf import RuleFiles
from factory_tui.domain.errors import WorldError


class CardFiles:
    """Satisfies `engine.settling.CardShelf` for one home."""

    def __init__(self, home_dir: str, library: Mapping[str, str] | None) -> None:
        """`library`: the shipped texts by path; None = the home is its own."""
        self._home, self._library = Path(home_dir), library or {}
        self._files = RuleFiles(home_dir, None, lambda: ())

    def card(self, role: str) -> tuple[str, str]:
        path = f"roles/{role}.md"
        own = self._home / path
        if own.is_file() and not own.is_symlink():
            return path, own.read_text("utf-8")
        if path not in self._library:
            raise WorldError(what=f"there is no card {path}", next_step="`factory check` tells what the home holds")
        return path, self._library[path]

    def write(self, path: str, text: str, *, replaces: str = "") -> None:
        self._files.write(path, text, replaces=replaces)
