"""The files of a home, and of the library that ships: which they are, and their bytes.

Only plain files are documents; what they say is read elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from factory_tui.adapters.parsed import LARGEST_DOCUMENT
from factory_tui.domain.charter import DNA
from factory_tui.domain.errors import DocumentError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SETTINGS = "factory.toml"
KNOWLEDGE = "memory/knowledge/"
MOST_FILES = 5_000


def is_home_file(path: str) -> bool:
    """Whether a path relative to the home is one of its documents; anything else there is none of ours."""
    return path in (SETTINGS, "deploy.yaml", DNA) or path.startswith(("roles/", "rules/", KNOWLEDGE, "trust/"))


def is_own_library(home_dir: str) -> bool:
    """Whether this program runs from the checkout whose root is that home: only then is a home its own floor.

    Nothing that merely looks like this project counts, or a repository could bring its own floor along.
    """
    return _library_root() == Path(home_dir).resolve()


def library_files() -> dict[str, str]:
    """The shipped roles and rules: from the wheel, or from the checkout that this program runs from."""
    root = _library_root()
    found = {}
    for folder in ("roles", "rules"):
        for entry in sorted(root.joinpath(folder).iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".md"):
                found[f"{folder}/{entry.name}"] = entry.read_text("utf-8")
    return found


def _library_root() -> Traversable:
    shipped = resources.files("factory_tui").joinpath("library")
    return shipped if shipped.is_dir() else Path(__file__).resolve().parents[2]


def files_on_disk(home_dir: str) -> dict[str, bytes]:
    """The home's documents as they are on disk now. Raises DocumentError for a link, a special file or too many."""
    found: dict[str, bytes] = {}
    for path in _walk(Path(home_dir), Path(home_dir)):
        name = path.relative_to(home_dir).as_posix()
        if len(found) >= MOST_FILES:
            raise DocumentError(
                path=name,
                problem=f"the home has more than {MOST_FILES} documents",
                next_step="Remove what is no document.",
            )
        found[name] = _read_plain(path, name)
    return found


def _walk(root: Path, folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DocumentError(
            path=str(folder), problem=f"the folder cannot be read: {error.strerror}", next_step="Mend its permissions."
        ) from error
    for entry in entries:
        name = Path(entry.path).relative_to(root).as_posix()
        if not (is_home_file(name) or is_home_file(name + "/") or name == "memory"):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, Path(entry.path))
        elif is_home_file(name):
            yield Path(entry.path)


def _read_plain(path: Path, name: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DocumentError(
            path=name,
            problem=f"the document cannot be opened: {error.strerror}",
            why="a document is a plain file; a link could lead anywhere",
            next_step="Put a plain file in its place.",
        ) from error
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DocumentError(path=name, problem="this is no plain file", next_step="Put a plain file in its place.")
        return file.read(LARGEST_DOCUMENT * 4 + 1)


def in_repository(home_or_repository_globs: Iterable[str], prefix: str | None) -> tuple[str, ...]:
    """Globs relative to the repository: `home:` ones moved below the prefix, or left out when the home lies outside."""
    found = []
    for glob in home_or_repository_globs:
        if not glob.startswith("home:"):
            found.append(glob)
        elif prefix is not None:
            found.append("/".join(part for part in (prefix, glob.removeprefix("home:")) if part))
    return tuple(found)
