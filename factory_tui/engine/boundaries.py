"""What the operating system holds for a role: its card and the files of its tree, as one boundary.

Mounts are the first line and not the last: a path that does not exist yet cannot be held, and there are more globs
than mounts can say. What slips through is refused when the tree is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from factory_tui.domain.globs import matches
from factory_tui.domain.roles import RoleCard
from factory_tui.engine.ports import Boundary

MOST_HOLES = 200
"""Each is a mount of its own, in every command."""


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
        protected=tuple(f"{directory}/{path}" for path in held),
        environment=dict(environment or {}),
    )


def held_paths(card: RoleCard, files: Iterable[str], protected: tuple[str, ...]) -> tuple[str, ...]:
    """Files and whole folders of the tree that this role may not change, the widest that say it.

    A folder is held whole when nothing in it, and nothing that could be made in it, is the role's to write. Where more
    than `MOST_HOLES` remain, those protected for everyone come first.
    """
    if not card.writes:
        return ()

    def may_write(path: str) -> bool:
        allowed = matches(path, card.writes) and not matches(path, card.never_writes)
        return allowed and not matches(path, protected)

    tree = _Folder("")
    for path in files:
        tree.add(path)
    found = tree.held(may_write, _samples(card.writes))
    return tuple(sorted(found, key=lambda path: (not _is_protected(path, protected), path.count("/"), path)))[
        :MOST_HOLES
    ]


def _is_protected(path: str, protected: tuple[str, ...]) -> bool:
    return matches(path, protected) or matches(f"{path}/any", protected)


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
