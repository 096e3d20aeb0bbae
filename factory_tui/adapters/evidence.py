"""The evidence store: bytes under their own sha256, so that a claim can be held against what it rests on.

Written and synced before the event that names them; checked whenever they are read. Nothing is ever deleted here.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import re
import secrets

from factory_tui.adapters.disk import Disk, write_new
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Evidence, Sha256

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class EvidenceFiles:
    """One file for each sha256 in one directory that exists. Satisfies `EvidenceStore`; usable from several threads."""

    def __init__(self, directory: str, disk: Disk | None = None) -> None:
        self._directory = directory
        self._disk = disk or Disk()

    def put(self, data: bytes, label: str) -> Evidence:
        """Store and sync; the same bytes twice are one file. Raises WorldError when the disk refuses.

        A file of that name with other bytes is kept beside it as `<sha256>.altered-<n>`, never lost.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        try:
            found = self._found(path)
            if found != data:
                if found is not None:
                    self._keep_altered(path)
                self._write(path, data)
            # Also when it was there: an earlier process may have ended between the rename and this.
            self._disk.sync_directory(self._directory)
        except OSError as error:
            raise WorldError(
                what=f"evidence {sha256} ({label}) could not be stored: {error.strerror or error}",
                why="nothing may be claimed before what it rests on is safe",
                next_step=f"make room or mend the disk under {self._directory}",
            ) from error
        return Evidence(sha256=sha256, size=len(data), label=label)

    def get(self, sha256: Sha256) -> bytes:
        """The bytes. Raises WorldError naming the sha256 when absent or altered."""
        if not _SHA256.fullmatch(sha256):
            raise WorldError(what=f"evidence {sha256!r} cannot exist", why="that is not a sha256 in lower-case hex")
        path = self._path(sha256)
        try:
            data = self._disk.read(path)
        except OSError as error:
            raise WorldError(
                what=f"evidence {sha256} is missing: {error.strerror or error}",
                why=f"it should be {path}",
                next_step="restore the file from a backup; what rests on it is unproven until then",
            ) from error
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise WorldError(
                what=f"evidence {sha256} was altered",
                why=f"{path} now has the sha256 {actual}",
                next_step="restore the file from a backup; what rests on it is unproven until then",
            )
        return data

    def _path(self, sha256: Sha256) -> str:
        return f"{self._directory}/{sha256}"

    def _found(self, path: str) -> bytes | None:
        try:
            return self._disk.read(path)
        except FileNotFoundError:
            return None

    def _keep_altered(self, path: str) -> None:
        for number in itertools.count(1):
            aside = f"{path}.altered-{number}"
            if self._found(aside) is None:
                self._disk.rename(path, aside)
                return

    def _write(self, path: str, data: bytes) -> None:
        # Random, not the process id: ids come again, in a container after every start, and a crash leaves its part.
        part = f"{path}.part-{secrets.token_hex(8)}"
        try:
            write_new(self._disk, part, data)
            self._disk.rename(part, path)
        except OSError:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                self._disk.remove(part)
            raise
