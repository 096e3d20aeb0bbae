"""Reading a worktree as data: what lies in a directory becomes a tree, and nothing in it is ever run or believed.

Directories are opened one by one without following links, files are read whole whatever their time stamps say, and git
never runs inside. Which untracked files count is decided by the *base's* ignore files, laid out apart.

A file with several hard links is read as the bytes it holds: git knows no hard links, and whoever could make the link
could have copied the bytes.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from factory_tui.adapters.git import GitAt, failed, shown
from factory_tui.adapters.names import is_metadata, leaves, odd
from factory_tui.adapters.objects import (
    FILE,
    GITLINK,
    LINK,
    PROGRAM,
    Entry,
    PackWriter,
    decoded,
    encoded,
    known_ids,
    list_tree,
    read_blobs,
)
from factory_tui.domain.errors import WorldError
from factory_tui.domain.globs import fold

_IGNORE_FILE = ".gitignore"
_IGNORE_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What an import takes at most."""

    files: int = 100_000
    file_bytes: int = 100_000_000
    depth: int = 64


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """A directory as a tree. Refused paths of the base stand in the tree as the base has them."""

    tree: str
    refused: tuple[str, ...]
    newly_ignored: tuple[str, ...]


@dataclass
class _Found:
    """What the walk chose, by folder."""

    files: dict[str, list[str]] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    count: int = 0


def scan(
    git: GitAt, directory: str, base: str, scratch: Path, *, everything: bool = False, bounds: Bounds = Bounds()
) -> Scanned:
    """Read `directory` against the commit or tree `base` and write what is new into the object store.

    `everything` keeps ignored files, odd names and links that leave: for keeping, never for landing.
    Raises WorldError when the directory cannot be read at all.
    """
    known, ids = known_ids(git, base)
    with PackWriter(git, ids, len(base)) as pack:
        return _Scan(git, known, pack, scratch, everything, bounds).read(directory)


class _Scan:
    def __init__(
        self,
        git: GitAt,
        base: Mapping[str, Entry],
        pack: PackWriter,
        scratch: Path,
        everything: bool,
        bounds: Bounds,
    ) -> None:
        self.git, self.base, self.pack = git, base, pack
        self.scratch, self.everything, self.bounds = scratch, everything, bounds
        self.base_folders = _folders_of(self.base)
        self.refused: dict[str, str] = {}

    def read(self, directory: str) -> Scanned:
        try:
            root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise WorldError(
                what=f"the worktree {directory} cannot be read",
                why=error.strerror or str(error),
                next_step="open the worktree again; what was committed is kept",
            ) from error
        try:
            with _ignore_files(self.git, self._base_ignores(), self.scratch) as ignores:
                found = self._walk(root, ignores)
            tree, ignore_files = self._read_files(root, found)
        finally:
            os.close(root)
        if not self.everything:
            self._judge_names(tree)
            self._judge_repositories(tree)
        for path in self.refused:
            if path in self.base:
                tree[path] = self.base[path]
        newly_ignored = () if self.everything else self._newly_ignored(tree, ignore_files)
        tree_id = self.pack.add_tree(tree)
        self.pack.finish()
        refused = tuple(f"{shown(path) or '.'}: {why}" for path, why in sorted(self.refused.items()))
        return Scanned(tree=tree_id, refused=refused, newly_ignored=tuple(map(shown, newly_ignored)))

    def _judge_repositories(self, tree: Mapping[str, Entry]) -> None:
        """A repository needs no `.git`: whoever enters a folder that looks like one has git obey its settings."""
        for path in [path for path in tree if path.rpartition("/")[2] == "HEAD" and path not in self.base]:
            folder = path.removesuffix("HEAD")
            if all(any(other.startswith(f"{folder}{part}/") for other in tree) for part in ("objects", "refs")):
                self.refused[path] = "a repository of its own: git would obey its settings and run its hooks"

    # --- which files ---

    def _walk(self, root: int, ignores: _Ignores) -> _Found:
        """Folder level by folder level, so that an ignored folder is never entered."""
        found = _Found()
        level = [""]
        for _ in range(self.bounds.depth):
            listed: list[tuple[str, str]] = []
            for folder in level:
                listed += self._list(root, folder)
            untracked = [
                (path, kind) for path, kind in listed if path not in self.base and path not in self.base_folders
            ]
            hidden = frozenset() if self.everything else ignores.hide(untracked)
            level = []
            for path, kind in listed:
                if path in hidden:
                    continue
                if path in self.base and self.base[path].mode == GITLINK:
                    self._look_at_submodule(root, path, kind)
                elif kind == "folder":
                    level.append(path)
                elif kind == "special":
                    self.refused[path] = "neither a file, a link nor a folder"
                else:
                    found.count += 1
                    if kind == "link":
                        found.links.append(path)
                    else:
                        found.files.setdefault(path.rpartition("/")[0], []).append(path)
            if found.count > self.bounds.files:
                raise WorldError(
                    what=f"the worktree holds more than {self.bounds.files} files that the base does not ignore",
                    why="a tree that large is most likely a build or a download",
                    next_step="remove them, or land an ignore file that names them first",
                )
            if not level:
                return found
        for path in level:
            self.refused[path] = f"deeper than {self.bounds.depth} folders"
        return found

    def _list(self, root: int, folder: str) -> list[tuple[str, str]]:
        listed = []
        try:
            with _folder(root, folder) as at, os.scandir(at) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if is_metadata(entry.name):
                        self.refused[path] = "git metadata inside a worktree"
                    elif entry.is_symlink():
                        listed.append((path, "link"))
                    elif entry.is_dir(follow_symlinks=False):
                        listed.append((path, "folder"))
                    else:
                        listed.append((path, "file" if entry.is_file(follow_symlinks=False) else "special"))
        except OSError as error:
            self.refused[folder] = f"the folder cannot be read ({error.strerror})"
            self._refuse_below(folder)
        return listed

    def _refuse_below(self, folder: str) -> None:
        prefix = f"{folder}/" if folder else ""
        for path in self.base:
            if path.startswith(prefix):
                self.refused[path] = "its folder cannot be read"

    def _look_at_submodule(self, root: int, path: str, kind: str) -> None:
        if kind != "folder":
            self.refused[path] = "a submodule of the base was replaced"
            return
        if self._list(root, path):
            self.refused[path] = "files inside a submodule: it is another repository's"

    # --- their bytes ---

    def _read_files(self, root: int, found: _Found) -> tuple[dict[str, Entry], dict[str, bytes]]:
        tree = {path: entry for path, entry in self.base.items() if entry.mode == GITLINK}
        ignore_files: dict[str, bytes] = {}
        for folder, paths in found.files.items():
            try:
                with _folder(root, folder) as at:
                    for path in paths:
                        mode, data = self._read_file(at, path)
                        if mode:
                            tree[path] = Entry(mode, self.pack.add("blob", data))
                            if path.endswith(_IGNORE_FILE):
                                ignore_files[path] = data
            except OSError as error:
                self.refused[folder] = f"the folder changed while it was read ({error.strerror})"
                self._refuse_below(folder)
        for path in found.links:
            folder, _, name = path.rpartition("/")
            try:
                with _folder(root, folder) as at:
                    target = os.fsencode(os.readlink(name, dir_fd=at))
            except OSError as error:
                self.refused[path] = f"the link changed while it was read ({error.strerror})"
                continue
            entry = Entry(LINK, self.pack.add("blob", target))
            why = "" if self.everything or entry == self.base.get(path) else leaves(path, decoded(target))
            if why:
                self.refused[path] = why
            else:
                tree[path] = entry
        return tree, ignore_files

    def _read_file(self, at: int, path: str) -> tuple[str, bytes]:
        """Mode and bytes; the mode is empty when the file is refused."""
        name = path.rpartition("/")[2]
        try:
            # Not blocking: a pipe may have taken the file's place since it was listed.
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
        except OSError as error:
            self.refused[path] = f"cannot be read ({error.strerror})"
            return "", b""
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                self.refused[path] = "neither a file, a link nor a folder"
                return "", b""
            if before.st_size > self.bounds.file_bytes:
                self.refused[path] = f"larger than {self.bounds.file_bytes // 1_000_000} MB"
                return "", b""
            data = read_to_end(descriptor, before.st_size)
            after = os.fstat(descriptor)
        except OSError as error:
            self.refused[path] = f"cannot be read ({error.strerror})"
            return "", b""
        finally:
            os.close(descriptor)
        if _signature(before) != _signature(after) or len(data) != after.st_size:
            self.refused[path] = "changed while it was read: something still writes here"
            return "", b""
        return (PROGRAM if before.st_mode & stat.S_IXUSR else FILE), data

    # --- judgement ---

    def _judge_names(self, tree: Mapping[str, Entry]) -> None:
        """Names no path rule could be trusted with. What the base has, and nobody touched, passes."""
        fresh = [path for path in tree if path not in self.base]
        touched = [path for path, entry in tree.items() if self.base.get(path) not in (None, entry)]
        gone = [path for path in self.base if path not in tree and path not in self.refused]
        for path in (*fresh, *touched, *gone):
            why = odd(path)
            if why:
                self.refused[path] = why
        if not fresh:
            return
        new = {*fresh, *_folders_of(fresh)} - self.base_folders
        seen: dict[str, str] = {}
        for path in sorted((*tree, *_folders_of(tree)), key=lambda path: (path in new, path)):
            first = seen.setdefault(fold(path), path)
            if first != path and path in new:
                self.refused[path] = f"the same name as {shown(first)} on some file systems"

    def _newly_ignored(self, tree: Mapping[str, Entry], ignore_files: Mapping[str, bytes]) -> list[str]:
        own = {path: data for path, data in ignore_files.items() if path in tree and _is_ignore_file(path)}
        if all(self.base.get(path) == tree[path] for path in own):
            return []
        untracked = [(path, "file") for path in tree if path not in self.base]
        with _ignore_files(self.git, own, self.scratch) as ignores:
            try:
                return sorted(ignores.hide(untracked))
            except WorldError as error:
                for path in own:
                    if self.base.get(path) != tree[path]:
                        self.refused[path] = f"its patterns cannot be evaluated ({error.what})"
                return []

    def _base_ignores(self) -> dict[str, bytes]:
        wanted = [path for path, entry in self.base.items() if _is_ignore_file(path) and entry.mode in (FILE, PROGRAM)]
        return dict(zip(wanted, read_blobs(self.git, [self.base[path].id for path in wanted]), strict=True))


class _Ignores:
    """Ignore files laid out apart from everything they are asked about."""

    def __init__(self, git: GitAt, place: Path) -> None:
        self._git, self._place = GitAt(git.git_dir, str(place), git.index, git.objects), place

    def hide(self, paths: Sequence[tuple[str, str]]) -> frozenset[str]:
        """Which of the paths the ignore files hide. Raises WorldError when that takes too long."""
        if not paths:
            return frozenset()
        for path, kind in paths:
            if kind == "folder":  # a pattern that ends in `/` looks whether it is one
                (self._place / path).mkdir(parents=True, exist_ok=True)
        # check-ignore knows no literal paths; with `./` in front none begins with a `:`.
        question = b"".join(b"./" + encoded(path) + b"\0" for path, _ in paths)
        arguments = ("check-ignore", "--no-index", "-z", "--stdin")
        magic = {"GIT_LITERAL_PATHSPECS": "0"}
        answer = self._git.ask(*arguments, stdin=question, seconds=_IGNORE_SECONDS, extra=magic)
        if answer.code not in (0, 1):
            raise failed(arguments, answer)
        return frozenset(decoded(path.removeprefix(b"./")) for path in answer.out.split(b"\0")[:-1])


@contextmanager
def _ignore_files(git: GitAt, files: Mapping[str, bytes], scratch: Path) -> Iterator[_Ignores]:
    with tempfile.TemporaryDirectory(dir=scratch, prefix="ignore-") as name:
        place = Path(name)
        for path, data in files.items():
            target = place / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        yield _Ignores(git, place)


@contextmanager
def _folder(root: int, folder: str) -> Iterator[int]:
    """A descriptor of a folder below `root`, no link followed on the way."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    at = os.dup(root)
    try:
        for name in folder.split("/") if folder else ():
            inner = os.open(name, flags, dir_fd=at)
            os.close(at)
            at = inner
        if not folder:  # a descriptor of its own: listing moves the position of the shared one
            inner = os.open(".", flags, dir_fd=root)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


def read_to_end(descriptor: int, size: int) -> bytes:
    """All bytes; `size` is only how many to expect."""
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    total = len(data)
    while (more := os.read(descriptor, 1 << 20)) and total <= size:
        parts.append(more)
        total += len(more)
    return b"".join(parts)


def _signature(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode


def _folders_of(paths: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _is_ignore_file(path: str) -> bool:
    return path.rpartition("/")[2] == _IGNORE_FILE


def path_entry(git: GitAt, treeish: str, path: str) -> Entry | None:
    """What a tree holds at exactly this path; None for nothing or a folder."""
    if any(part in ("", ".", "..") for part in path.split("/")):
        return None
    return list_tree(git, treeish, path).get(path)
