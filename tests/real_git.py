"""A real repository for tests, driven by plain git the way a user would."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from factory_tui.adapters.worktrees import GitWorktrees

CLEAN = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "user",
    "GIT_AUTHOR_EMAIL": "user@example.invalid",
    "GIT_COMMITTER_NAME": "user",
    "GIT_COMMITTER_EMAIL": "user@example.invalid",
}


def git(where: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=where, env=CLEAN, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    assert not check or done.returncode == 0, (arguments, done.stderr.decode())
    return done.stdout.decode("utf-8", "surrogateescape").rstrip()


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data.encode() if isinstance(data, str) else data)


def commit(root: Path, files: dict[str, str | bytes], message: str = "more") -> str:
    write(root, files)
    git(root, "add", "-A", "-f")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD")


def repository(tmp_path: Path, files: dict[str, str | bytes] | None = None) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, files or {"src/a.py": "a = 1\n", "src/b.py": "b = 1\n", "README.md": "hello\n"}, "first")
    return root


def worktrees(tmp_path: Path) -> GitWorktrees:
    return GitWorktrees(str(tmp_path / "repository"), str(tmp_path / "place"))


def files_below(root: Path) -> dict[str, tuple[str, bytes]]:
    """Every file and link by path, with its mode as git has it."""
    found: dict[str, tuple[str, bytes]] = {}
    for place, folders, names in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
        for name in [*names, *(folder for folder in folders if os.path.islink(os.path.join(place, folder)))]:
            path = Path(place, name)
            key = path.relative_to(root).as_posix()
            if path.is_symlink():
                found[key] = ("120000", os.fsencode(os.readlink(path)))
            else:
                mode = "100755" if path.stat().st_mode & 0o100 else "100644"
                found[key] = (mode, path.read_bytes())
    return found
