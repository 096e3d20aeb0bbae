"""Trees and blobs as values: reading a tree, writing files and trees into the object store, laying a tree out on disk.

Bytes are never converted: no filter, no end-of-line rule, no attribute is asked. Writing goes through one pack that
git itself checks while it takes it in, because a process or a file for every blob would take seconds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import struct
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple, Self

from factory_tui.adapters.git import GitAt, shown
from factory_tui.domain.errors import WorldError

LINK, GITLINK, PROGRAM, FILE = "120000", "160000", "100755", "100644"
_FOLDER = "40000"
_UNPACK_BELOW = 100
"""Objects; fewer become loose ones, as `git fetch` does, more stay in their pack."""
_JOB, _MOST_JOBS = 500_000, 8
"""Bytes compressed in one go, and how many such goes may wait for another."""
_BATCH = 64_000_000
"""Bytes of blobs read from git at once."""


class Entry(NamedTuple):
    """What a tree says of one path."""

    mode: str
    id: str


Tree = Mapping[str, Entry]
"""Every file, link and submodule of a tree by its full path; undecodable bytes of a path are surrogates."""


def encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def decoded(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def list_tree(git: GitAt, treeish: str, under: str = "") -> dict[str, Entry]:
    """Raises WorldError when there is no such tree."""
    return {path: entry for path, entry, _ in _entries(git, treeish, under)}


def _entries(git: GitAt, treeish: str, under: str = "", *options: str) -> Iterator[tuple[str, Entry, int]]:
    where = ["--", under] if under else []
    listing = git.run("ls-tree", "-r", "-l", "-z", "--full-tree", *options, treeish, *where)
    for record in listing.split(b"\0")[:-1]:
        about, path = record.split(b"\t", 1)
        mode, _, object_id, size = about.decode().split()
        yield decoded(path), Entry(mode.removeprefix("0"), object_id), int(size) if size != "-" else 0


def known_ids(git: GitAt, treeish: str) -> tuple[dict[str, Entry], frozenset[str]]:
    """A tree's files, and the ids of everything in it, folders too."""
    files: dict[str, Entry] = {}
    ids: set[str] = set()
    for path, entry, _ in _entries(git, treeish, "", "-t"):
        ids.add(entry.id)
        if entry.mode != _FOLDER:
            files[path] = entry
    return files, frozenset(ids)


def read_blobs(git: GitAt, ids: Iterable[str]) -> Iterator[bytes]:
    """The bytes of each id, in order. Raises WorldError when one is missing."""
    wanted = list(ids)
    if not wanted:
        return
    answer = git.run("cat-file", "--batch", stdin="".join(f"{one}\n" for one in wanted).encode())
    at = 0
    for one in wanted:
        end = answer.index(b"\n", at)
        header = answer[at:end].split(b" ")
        if len(header) != 3:
            raise WorldError(
                what=f"the object {one[:12]} cannot be read",
                why=answer[at:end].decode("utf-8", "replace"),
                next_step="a shallow or partial clone lacks objects: fetch them, then try again",
            )
        size = int(header[2])
        yield answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1


def _hash(id_length: int, data: bytes = b"") -> hashlib._Hash:
    algorithm = hashlib.sha1 if id_length == 40 else hashlib.sha256
    return algorithm(data, usedforsecurity=False)


def id_of(kind: str, data: bytes, id_length: int) -> str:
    """The id git gives an object; `id_length` in hex digits, 40 in a SHA-1 repository, 64 in a SHA-256 one."""
    return _hash(id_length, f"{kind} {len(data)}\0".encode() + data).hexdigest()


def _packed(objects: list[tuple[str, bytes]]) -> bytes:
    """As they stand in a pack: kind and size, seven bits a byte, then the compressed bytes."""
    whole = bytearray()
    for kind, data in objects:
        left = len(data)
        first = ({"tree": 2, "blob": 3}[kind] << 4) | (left & 15)
        left >>= 4
        while left:
            whole.append(first | 0x80)
            first, left = left & 0x7F, left >> 7
        whole.append(first)
        whole += zlib.compress(data, 1)
    return bytes(whole)


class PackWriter:
    """Collects objects and hands them to git as one pack. What the base already holds is left out."""

    def __init__(self, git: GitAt, known: frozenset[str], id_length: int) -> None:
        self._git, self._known = git, known
        self._id_length = id_length
        self._written: set[str] = set()
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        self._file.write(struct.pack(">4sII", b"PACK", 2, 0))
        self._pool = ThreadPoolExecutor(2)  # compressing lets other threads run
        self._jobs: deque[Future[bytes]] = deque()
        self._batch: list[tuple[str, bytes]] = []
        self._batched = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._file.close()

    def _submit(self) -> None:
        self._jobs.append(self._pool.submit(_packed, self._batch))
        self._batch, self._batched = [], 0
        while len(self._jobs) > _MOST_JOBS:
            self._file.write(self._jobs.popleft().result())

    def add(self, kind: str, data: bytes) -> str:
        """The object's id; `kind` is `blob` or `tree`."""
        object_id = id_of(kind, data, self._id_length)
        if object_id in self._known or object_id in self._written:
            return object_id
        self._written.add(object_id)
        self._batch.append((kind, data))
        self._batched += len(data)
        if self._batched > _JOB:
            self._submit()
        return object_id

    def add_tree(self, files: Tree) -> str:
        """Writes every folder of the tree; the files must have been added. The root's id."""
        root: dict[bytes, object] = {}
        for path, entry in files.items():
            *folders, name = encoded(path).split(b"/")
            place = root
            for folder in folders:
                inner = place.setdefault(folder, {})
                assert isinstance(inner, dict), path
                place = inner
            place[name] = entry
        return self._add_folder(root)

    def _add_folder(self, folder: Mapping[bytes, object]) -> str:
        rows: list[tuple[bytes, bytes]] = []
        for name, what in folder.items():
            if isinstance(what, Entry):
                rows.append((name, f"{what.mode} ".encode() + name + b"\0" + bytes.fromhex(what.id)))
            else:
                assert isinstance(what, dict)
                inner = bytes.fromhex(self._add_folder(what))
                rows.append((name + b"/", f"{_FOLDER} ".encode() + name + b"\0" + inner))
        return self.add("tree", b"".join(row for _, row in sorted(rows)))

    def finish(self) -> None:
        """Everything added is in the object store afterwards. Raises WorldError when git does not take it."""
        file = self._file
        if not self._written:
            return
        self._submit()
        while self._jobs:
            file.write(self._jobs.popleft().result())
        file.seek(0)
        file.write(struct.pack(">4sII", b"PACK", 2, len(self._written)))
        file.seek(0)
        whole = _hash(self._id_length)
        while chunk := file.read(1 << 20):
            whole.update(chunk)
        file.write(whole.digest())
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        if len(self._written) < _UNPACK_BELOW:
            self._git.run("unpack-objects", "-q", stdin=file)
        else:
            self._git.run("index-pack", "--stdin", stdin=file)


def lay_out(git: GitAt, treeish: str, place: Path, wanted: Callable[[str], bool] = lambda path: True) -> None:
    """Writes a tree's files into the fresh, empty directory `place`: raw bytes, modes and links.

    Only `wanted` paths are written. A submodule is an empty directory. Raises WorldError for a tree no directory can
    hold safely.
    """
    blobs: list[tuple[str, Entry, int]] = []
    for path, entry, size in _entries(git, treeish):
        parts = path.split("/")
        if any(part in ("", ".", "..") or part.casefold() == ".git" for part in parts):
            raise WorldError(
                what=f"the tree {treeish[:12]} holds the path {shown(path)}",
                why="written out, it would leave the directory or become git metadata",
                next_step="remove that path from the branch with git, then try again",
            )
        parent = place.joinpath(*parts[:-1])
        if entry.mode == GITLINK:
            (parent / parts[-1]).mkdir(parents=True, exist_ok=True)
            continue
        if wanted(path):
            blobs.append((path, entry, size))
    for folder in sorted({path.rpartition("/")[0] for path, _, _ in blobs}):
        place.joinpath(folder).mkdir(parents=True, exist_ok=True)
    # Links last: nothing is ever written through one, also where the file system takes `A` for `a`.
    blobs.sort(key=lambda blob: blob[1].mode == LINK)
    for batch in _batches(blobs):
        for (path, entry, _), data in zip(batch, read_blobs(git, [entry.id for _, entry, _ in batch]), strict=True):
            write_entry(place / path, entry.mode, data)


def write_entry(path: Path, mode: str, data: bytes) -> None:
    """Makes a new file or link; raises FileExistsError when something is there."""
    if mode == LINK:
        path.symlink_to(os.fsdecode(data))
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o777 if mode == PROGRAM else 0o666), "wb") as file:
        file.write(data)


def _batches(blobs: list[tuple[str, Entry, int]]) -> Iterator[list[tuple[str, Entry, int]]]:
    batch: list[tuple[str, Entry, int]] = []
    total = 0
    for blob in blobs:
        if batch and total + blob[2] > _BATCH:
            yield batch
            batch, total = [], 0
        batch.append(blob)
        total += blob[2]
    if batch:
        yield batch


def remove_directory(directory: Path, below: Path) -> None:
    """Removes a directory that stands directly in `below`, one of our own places; anything else is refused."""
    if directory.parent != below or directory.is_symlink() or directory.name in ("", ".", ".."):
        raise WorldError(what=f"{directory} is not ours to remove", why=f"it does not stand in {below}")
    if not directory.is_dir():
        return
    directory.chmod(0o700)
    for _, folders, files, at in os.fwalk(directory, topdown=True, follow_symlinks=False):
        del files
        for name in folders:
            if stat.S_ISDIR(os.lstat(name, dir_fd=at).st_mode):
                os.chmod(name, 0o700, dir_fd=at)
    shutil.rmtree(directory)
