"""Digests as files of the home, for people to read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

FOLDER = "memory/digests"


class DigestFiles:
    """Writes digests below a home. A digest that is there is never written over."""

    def __init__(self, home_dir: str) -> None:
        self._home = Path(home_dir)

    def write(self, session: int, text: str) -> str:
        """Synced and moved into place; returns the path relative to the home."""
        folder = self._home / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".part-{secrets.token_hex(8)}"
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        for attempt in range(1, 1_000):
            name = f"session-{session:04d}.md" if attempt == 1 else f"session-{session:04d}-{attempt}.md"
            try:
                # A link, unlike a rename, never replaces what is there.
                (folder / name).hardlink_to(part)
            except FileExistsError:
                continue
            part.unlink()
            return f"{FOLDER}/{name}"
        raise FileExistsError(str(folder / f"session-{session:04d}.md"))
