"""Folders in which somebody else's program keeps its conversation with a model: one for each, named by its id.

The program writes in there and is not trusted, and when a turn that was cut off goes on we come back to what it left:
nothing is read or written past a link that it planted, and no pipe of its is waited at. One that nobody came back to
for a month is taken away.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from factory_tui.adapters.beneath import beneath, put
from factory_tui.adapters.kept_conversations import MOST_DAYS
from factory_tui.adapters.processes import remove_tree
from factory_tui.domain.errors import WorldError

_CHUNK = 1 << 20


def begin(place: str, id: str, names: Sequence[str]) -> str:
    """A folder for a fresh conversation, with these in it, for the user's eyes alone."""
    forget_old(place)
    folder = Path(place, id)
    for path in (folder, *(folder / name for name in names)):
        path.mkdir(parents=True, mode=0o700)
    return str(folder)


def come_back(folder: str) -> None:
    """From now on it is counted anew how long nobody came back."""
    with contextlib.suppress(OSError):
        os.utime(folder)


def forget_old(place: str) -> None:
    """Also what a factory that was killed left lying beside them."""
    long_ago = time.time() - MOST_DAYS * 86_400.0
    with contextlib.suppress(OSError):
        for path in Path(place).iterdir():
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < long_ago and path.is_dir() and not path.is_symlink():
                    remove_tree(path)


def write(directory: str, name: str, text: str) -> None:
    """Raises WorldError, also when a link lies on the way."""
    with beneath(directory) as inside:
        parent, last = inside.parent(name, make=True)
        try:
            put(parent, last, name, text.encode())
        finally:
            os.close(parent)


def is_in_one(directory: str, above: str, name: str, wanted: bytes) -> bool:
    """Whether a plain file of that name, in a folder in the folder `above`, holds the bytes."""
    with contextlib.suppress(WorldError), beneath(directory) as inside:
        descriptor = inside.directory(above)
        try:
            with os.scandir(descriptor) as entries:
                folders = [entry.name for entry in entries]
        finally:
            os.close(descriptor)
        for folder in folders:
            with contextlib.suppress(WorldError):
                if _holds(inside.file(f"{above}/{folder}/{name}"), wanted):
                    return True
    return False


def _holds(descriptor: int, wanted: bytes) -> bool:
    kept = b""
    with open(descriptor, "rb") as file:
        while chunk := file.read(_CHUNK):
            if wanted in kept + chunk:
                return True
            kept = chunk[-len(wanted) :]
    return False
