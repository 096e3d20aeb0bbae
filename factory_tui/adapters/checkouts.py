"""The repository's own checkouts, looked at and never trusted to be as we left them.

Which of them has a branch, what is on disk and in the index at a path, what git would convert there. Changes nothing.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_tui.adapters.git import GitAt, Repository
from factory_tui.adapters.importing import read_to_end
from factory_tui.adapters.objects import FILE, LINK, PROGRAM, Entry, decoded, encoded, id_of
from factory_tui.domain.errors import WorldError

FOLDER, SPECIAL = "folder", "special"
_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "sequencer")
_HEAD_NAMES = ("rebase-merge/head-name", "rebase-apply/head-name")


@dataclass(frozen=True)
class Checkout:
    """One working directory of the repository, main or linked."""

    path: str
    git_dir: str
    branch: str
    """Full ref; empty = detached."""

    @property
    def index(self) -> Path:
        return Path(self.git_dir, "index")

    def under_way(self) -> str:
        """The unfinished operation of the user's, in git's word for it; empty = none."""
        return next((name for name in _UNDER_WAY if Path(self.git_dir, name).exists()), "")

    def rebases(self, ref: str) -> bool:
        """Whether `ref` is being rebased or bisected here, while HEAD looks detached."""
        for name in _HEAD_NAMES:
            file = Path(self.git_dir, name)
            if file.is_file() and file.read_text(errors="replace").strip() == ref:
                return True
        start = Path(self.git_dir, "BISECT_START")
        return start.is_file() and start.read_text(errors="replace").strip() == ref.removeprefix("refs/heads/")


def checkouts(repository: Repository) -> Iterator[Checkout]:
    """Every checkout git knows of, whether or not its directory is there."""
    common = Path(repository.common_dir)
    places: list[tuple[str, Path]] = []
    if repository.git_dir == repository.common_dir:
        places.append((repository.checkout, common))
    elif common.name == ".git":
        places.append((str(common.parent), common))
    linked = common / "worktrees"
    for git_dir in sorted(linked.iterdir()) if linked.is_dir() else ():
        pointer = git_dir / "gitdir"
        if pointer.is_file():
            text = pointer.read_text(encoding="utf-8", errors="surrogateescape").strip()
            places.append((str((git_dir / text).parent.resolve()), git_dir))
    for path, git_dir in places:
        answer = repository.at(checkout=repository.checkout, git_dir=str(git_dir)).ask("symbolic-ref", "-q", "HEAD")
        yield Checkout(path, str(git_dir), answer.out.decode("utf-8", "replace").strip() if answer.code == 0 else "")


def look(root: Path, path: str, id_length: int) -> Entry | None:
    """What lies at `path` now, by content. None when nothing does, or when no folder leads there."""
    place = root
    *folders, name = path.split("/")
    for folder in folders:
        place = place / folder
        if not _is_folder(place):
            return None
    return look_at(place / name, id_length)


def look_at(place: Path, id_length: int) -> Entry | None:
    """The same for one place, whatever leads to it. Raises WorldError when it cannot be read."""
    try:
        status = place.lstat()
        if stat.S_ISLNK(status.st_mode):
            return Entry(LINK, id_of("blob", os.fsencode(place.readlink()), id_length))
        if stat.S_ISDIR(status.st_mode):
            return Entry(FOLDER, "")
        if not stat.S_ISREG(status.st_mode):
            return Entry(SPECIAL, "")
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = read_to_end(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorldError(what=f"{place} cannot be read", why=error.strerror or "", next_step="mend it") from error
    return Entry(PROGRAM if status.st_mode & stat.S_IXUSR else FILE, id_of("blob", data, id_length))


def obstacle(root: Path, path: str) -> str:
    """The nearest thing above `path` that is no folder, relative to the root; empty = the way is free."""
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:count])
        if os.path.lexists(place) and not _is_folder(place):
            return "/".join(parts[:count])
    return ""


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


@dataclass(frozen=True)
class IndexEntry:
    """What the index says of one path."""

    entry: Entry
    plain: bool
    """Stage 0, and neither skipped, assumed unchanged nor only intended."""


def read_index(git: GitAt) -> dict[str, IndexEntry]:
    listing = git.run("ls-files", "-v", "-s", "-z", "--full-name")
    entries: dict[str, IndexEntry] = {}
    for record in listing.split(b"\0")[:-1]:
        about, path = record.split(b"\t", 1)
        tag, mode, object_id, stage = about.decode().split()
        entries[decoded(path)] = IndexEntry(Entry(mode, object_id), tag == "H" and stage == "0")
    return entries


@dataclass(frozen=True)
class Habits:
    """How this checkout keeps files, by the user's own settings."""

    file_mode: bool
    symlinks: bool
    converts_text: bool
    """Text files get CRLF when they are checked out."""

    def same(self, on_disk: Entry | None, entry: Entry | None) -> bool:
        if on_disk is None or entry is None:
            return on_disk is entry
        mode = on_disk.mode
        if not self.file_mode and mode in (FILE, PROGRAM) and entry.mode in (FILE, PROGRAM):
            mode = entry.mode
        return (mode, on_disk.id) == entry


def habits(git: GitAt) -> Habits:
    def setting(name: str) -> str:
        return git.read_as_user("config", "--get", name).decode("utf-8", "replace").strip().casefold()

    no = ("false", "no", "off", "0")
    return Habits(
        file_mode=setting("core.filemode") not in no,
        symlinks=setting("core.symlinks") not in no,
        converts_text=setting("core.autocrlf") in ("true", "yes", "on", "1") or setting("core.eol") == "crlf",
    )


def converted(git: GitAt, paths: Sequence[str], own: Habits, *, cached: bool = False) -> dict[str, str]:
    """Paths whose bytes git would change between tree and disk, with the attribute that says so."""
    names = ("text", "eol", "crlf", "ident", "filter", "working-tree-encoding")
    where = ("--cached",) if cached else ()
    question = b"".join(encoded(path) + b"\0" for path in paths)
    answer = git.read_as_user("check-attr", "-z", "--stdin", *where, *names, stdin=question).split(b"\0")[:-1]
    found: dict[str, dict[str, str]] = {path: {} for path in paths}
    for path, name, value in zip(answer[::3], answer[1::3], answer[2::3], strict=True):
        found[decoded(path)][name.decode()] = value.decode("utf-8", "replace")
    return {path: why for path, values in found.items() if (why := _conversion(values, own))}


def _conversion(values: dict[str, str], own: Habits) -> str:
    off = ("unspecified", "unset")
    for name in ("filter", "ident", "working-tree-encoding"):
        if values.get(name, "unspecified") not in off:
            return f"{name}={values[name]}"
    if values.get("eol") == "crlf" or values.get("crlf") == "crlf":
        return "eol=crlf"
    if own.converts_text and values.get("text") != "unset" and values.get("eol") != "lf":
        return "core.autocrlf or core.eol"
    return ""


def converted_by_tree(git: GitAt, tree: str, paths: Sequence[str], own: Habits, scratch: Path) -> dict[str, str]:
    """The same, by the attributes files that `tree` itself would bring along."""
    with tempfile.TemporaryDirectory(dir=scratch, prefix="attributes-") as name:
        apart = git.with_index(str(Path(name, "index")))
        apart.run("read-tree", tree)
        return converted(apart, paths, own, cached=True)
