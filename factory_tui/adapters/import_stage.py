"""A small repository of our own, whose base holds protected paths, and a worktree that changes each of them."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory_tui.adapters.processes import remove_tree
from factory_tui.adapters.trying import QUIET
from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.domain.errors import WorldError

CHANGED = {
    "rules/rule": "may\n",
    ".github/workflows/ci.yml": "on: never\n",
    ".factory/factory.toml": "smoke = 0\n",
    ".claude/settings.json": "{}\n",
    ".git/hooks/pre-commit": "#!/bin/sh\n",
}
"""What the worktree brings: two changed, two new, and git metadata of its own."""
_BASE = {"rules/rule": "must\n", ".github/workflows/ci.yml": "on: push\n", "src/code.py": "x = 1\n"}


@dataclass(frozen=True, kw_only=True)
class ImportStage:
    worktrees: GitWorktrees
    base: str
    directory: str
    """The worktree, as raw files without git metadata of ours."""


@contextmanager
def import_stage(place: str | Path) -> Iterator[ImportStage]:
    """Made below `place`, and gone afterwards. Raises WorldError when git cannot make it."""
    Path(place).mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="import-", dir=place)).resolve()
    try:
        repository, directory = root / "repository", root / "work"
        _lay(repository, _BASE)
        _lay(directory, {**_BASE, **CHANGED})
        script = (
            "git init -q -b main --template= . && git add -Af && "
            "git -c user.name=probe -c user.email=probe@localhost commit -q -m base && git rev-parse HEAD"
        )
        done = subprocess.run(["sh", "-c", script], cwd=repository, env=QUIET, capture_output=True, check=False)
        if done.returncode != 0:
            told = done.stderr.decode("utf-8", "replace").strip()[-300:]
            raise WorldError(what="no repository could be made for a probe", why=told, next_step="run `git --version`")
        worktrees = GitWorktrees(str(repository), str(root / "place"))
        yield ImportStage(worktrees=worktrees, base=done.stdout.decode().strip(), directory=str(directory))
    finally:
        remove_tree(root)


def _lay(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
