"""What the operating system holds for a role: its card and the files of its tree, as one boundary.

Mounts are the first line and not the last: a path that does not exist yet cannot be held, and there are more globs
than mounts can say. What slips through is refused when the tree is imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from factory_tui.domain.globs import matches
from factory_tui.domain.roles import RoleCard
from factory_tui.engine.ports import Boundary

MOST_HOLES = 200
"""Each is a mount of its own in every command, and bwrap's time grows with their square: 200 cost a command 0.2 s,
1,000 over 4 s. Where more single paths would have to be held, their whole folders are."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What of a tree a role's commands cannot change."""

    paths: tuple[str, ...] = ()
    """Relative to it; the empty path is the tree itself."""
    widened: tuple[str, ...] = ()
    """Those of them that hold more than the card says, because single paths would be too many: there the role's
    commands write nothing, and it changes its own files by `edit`."""


def boundary_of(
    directory: str,
    *,
    held: Sequence[str] = (),
    readable: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Boundary:
    """A tree that may be written, less the `held` paths in it, which are relative to it."""
    return Boundary(
        cwd=directory,
        writable=(directory,),
        readable=tuple(readable),
        protected=tuple(f"{directory}/{path}" if path else directory for path in held),
        environment=dict(environment or {}),
    )


def held_paths(card: RoleCard, files: Iterable[str], protected: tuple[str, ...]) -> Held:
    """Files and whole folders of the tree that this role may not change, the widest that say it.

    A folder is held whole when nothing in it, and nothing that could be made in it, is the role's to write. None is
    ever left out: where there are more than `MOST_HOLES`, folders are held that hold more than they must.
    """
    if not card.writes:
        return Held()

    def may_write(path: str) -> bool:
        allowed = matches(path, card.writes) and not matches(path, card.never_writes)
        return allowed and not matches(path, protected)

    tree = _Folder("")
    for path in files:
        tree.add(path)
    exact = tree.held(may_write, _samples(card.writes))
    found = _widened(exact, MOST_HOLES)
    return Held(
        paths=tuple(sorted(found, key=lambda path: (path.count("/"), path))),
        widened=tuple(sorted(set(found) - set(exact))),
    )


def _widened(paths: Sequence[str], most: int) -> list[str]:
    """At most so many, and each path at or below one of them: the folders that save most are held whole, again and
    again until they are few."""
    found = set(paths)
    while (excess := len(found) - most) > 0:
        saved = Counter(path.rpartition("/")[0] for path in found)
        chosen: set[str] = set()
        for folder, count in sorted(saved.items(), key=lambda item: (-item[1], -item[0].count("/"), item[0])):
            if excess <= 0:
                break
            chosen.add(folder)
            # A folder with a single path in it saves nothing by itself; its own folder may, next time.
            excess -= max(1, count - 1)
        found = {path for path in found if not _is_below_any(path, chosen)} | {
            folder for folder in chosen if not _is_below_any(folder, chosen)
        }
    return sorted(found)


def _is_below_any(path: str, folders: set[str]) -> bool:
    while path:
        path = path.rpartition("/")[0]
        if path in folders:
            return True
    return False


def _samples(writes: tuple[str, ...]) -> tuple[str, ...]:
    """Names that each glob could give to a new file, below any folder."""
    return ("any", *(glob.removeprefix("**/").replace("**", "any").replace("*", "any") for glob in writes))


class _Folder:
    def __init__(self, path: str) -> None:
        self.path = path
        self.files: list[str] = []
        self.folders: dict[str, _Folder] = {}

    def add(self, path: str) -> None:
        here = self
        *folders, name = path.split("/")
        for folder in folders:
            below = f"{here.path}/{folder}" if here.path else folder
            here = here.folders.setdefault(folder, _Folder(below))
        here.files.append(f"{here.path}/{name}" if here.path else name)

    def held(self, may_write: Callable[[str], bool], samples: tuple[str, ...]) -> list[str]:
        inside = [path for path in self.files if not may_write(path)]
        whole = len(inside) == len(self.files)
        for folder in self.folders.values():
            below = folder.held(may_write, samples)
            whole = whole and below == [folder.path]
            inside += below
        if whole and self.path and not any(may_write(f"{self.path}/{name}") for name in samples):
            return [self.path]
        return inside
