"""Rules that are born here: read as the home would read them, and written into it beside their incident."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Collection
from pathlib import Path

from factory_tui.adapters.rule_files import read_rules
from factory_tui.domain.errors import WorldError
from factory_tui.domain.rules import Rule

_PLACES = re.compile(
    r"rules/[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.md|memory/incidents/I-[0-9]{1,9}\.md|roles/[a-z0-9_]{1,40}\.md"
)


class RuleFiles:
    """Satisfies `engine.incidents.RuleShelf` for one home."""

    def __init__(self, home_dir: str, prefix: str | None, roles: Callable[[], Collection[str]]) -> None:
        """`prefix` is where the home lies in the repository, None = outside of it; `roles` those in force."""
        self._home, self._prefix, self._roles = Path(home_dir), prefix, roles

    def read(self, path: str, text: str) -> Rule:
        shown = "/".join(part for part in (self._prefix or "", path) if part)
        return read_rules({shown: text}, self._roles(), self._prefix)[0]

    def rule_file(self, rule: str) -> tuple[str, str]:
        folder = self._home / "rules"
        for found in sorted(folder.glob(f"{rule}[-.]*md")) if folder.is_dir() else ():
            if found.is_file() and not found.is_symlink():
                return f"rules/{found.name}", found.read_text("utf-8")
        return "", ""

    def there(self, path: str) -> str:
        place = self._home / path
        return place.read_text("utf-8", "replace") if place.is_file() and not place.is_symlink() else ""

    def must_fit(self, path: str, text: str, replaces: str) -> None:
        """Raises WorldError when `write` would refuse."""
        if not _PLACES.fullmatch(path):
            raise WorldError(
                what=f"{path[:120]} is no place for a rule, an incident or a role card",
                next_step="a rule lies in rules/, its incident in memory/incidents/, a card in roles/",
            )
        target = self._home / path
        if target.parent.is_symlink() or target.is_symlink():
            raise WorldError(what=f"{path} is a link", why="a document is a plain file", next_step="remove the link")
        there = target.read_text("utf-8", "replace") if target.exists() else text
        if there != text and (not replaces or replaces != there):
            raise WorldError(
                what=f"{path} is there already, and says something else",
                why="nothing of yours is written over",
                next_step="commit it or move it away; a new rule may have another file name (`--name`)",
            )

    def write(self, path: str, text: str, *, replaces: str = "") -> None:
        """Synced and moved into place. A file that is there is written over only when it holds `replaces` or the same
        text."""
        self.must_fit(path, text, replaces)
        target = self._home / path
        folder = target.parent
        if target.exists() and target.read_text("utf-8", "replace") == text:
            return
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".part-{secrets.token_hex(8)}"
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except OSError as error:
            raise WorldError(
                what=f"{path} cannot be written: {error.strerror or error}", next_step="mend that, then adopt again"
            ) from error
        finally:
            part.unlink(missing_ok=True)
