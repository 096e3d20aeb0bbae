"""Bringing a package in for one task, and giving it to that task's trees.

The factory fetches, never a seat: in the wall, with the network for this command alone, in a throw-away directory, and
nothing of the package runs. What came is kept in our own state place under the sha256 of all its files, read-only, and
the user's environment never learns of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from factory_tui.adapters.package_managers import MANAGERS, Manager, refused
from factory_tui.adapters.processes import remove_tree, to_the_end
from factory_tui.domain.errors import WorldError
from factory_tui.domain.packages import Wanted, managers, wanted
from factory_tui.domain.terms import FetchedPackages
from factory_tui.engine.fetch_ports import Brought
from factory_tui.engine.ports import Boundary, Equipment, Limits, Sandbox

SECONDS = 300.0
MOST_ROUNDS = 20
MOST_FILES = 50_000
MOST_BYTES = 1 << 30
_INDEX = re.compile(r"https://[^\s@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/[^\s@]*)?")


class PackageIndexes:
    """Satisfies `ports.Packages`. `place` is a directory of ours."""

    def __init__(self, sandbox: Sandbox, place: str | Path) -> None:
        self._sandbox, self._place = sandbox, Path(place)

    async def fetch(self, asked: str, stack: Mapping[str, str], indexes: Mapping[str, str]) -> Brought:
        """Raises WorldError: no name of an index, no wall, the index has no such thing, or it must not come in."""
        wish = wanted(asked, stack)
        if wish is None:
            raise refused(asked, f"nobody can say whose name it is: write {managers()}")
        if self._sandbox.wall == "none":
            raise refused(asked, "there is no wall to bring it in behind")
        manager = MANAGERS[wish.manager]
        index = indexes.get(wish.manager, "")
        if index and not _INDEX.fullmatch(index):
            raise refused(asked, f"`{index}` under [dependencies.indexes] is no https address without a user")
        work = self._place / f"fetching-{secrets.token_hex(8)}"
        work.mkdir(parents=True)
        try:
            await self._bring(manager, wish, index, work, asked)
            packages = await asyncio.to_thread(manager.read, work, wish, index)
            if not packages:
                raise refused(asked, "nothing came")
            store, listing, size = await to_the_end(
                asyncio.to_thread(self._keep, work / manager.result, wish.manager, asked)
            )
        finally:
            await to_the_end(asyncio.to_thread(remove_tree, work))
        return Brought(
            manager=wish.manager,
            store=store,
            packages=packages,
            files=listing.count(b"\n"),
            size=size,
            listing=listing,
            way=_ways(wish.manager),
        )

    async def _bring(self, manager: Manager, wish: Wanted, index: str, work: Path, asked: str) -> None:
        for name, text in manager.seed.items():
            (work / name).write_text(text)
        wanted_now: tuple[str, ...] = (manager.spell(wish),)
        for _ in range(MOST_ROUNDS):
            if (work / "archives").exists():
                remove_tree(work / "archives")
            words = _filled(manager.fetch, work)
            named = (manager.index, index) if index else ()
            await self._run((*words, *named, *wanted_now), manager, work, asked, network=True)
            needed = await asyncio.to_thread(manager.missing, work, wanted_now)
            if needed == wanted_now:
                break
            wanted_now = needed
        else:
            raise refused(asked, f"what it needs was not complete after {MOST_ROUNDS} rounds")
        if manager.install:
            archives = await asyncio.to_thread(_matching, work, manager.archives)
            words = _filled(manager.install, work, archives)
            await self._run(words, manager, work, asked, network=False)

    async def _run(self, words: Sequence[str], manager: Manager, work: Path, asked: str, *, network: bool) -> None:
        boundary = Boundary(
            cwd=str(work), writable=(str(work),), network=network, environment=dict(manager.environment)
        )
        result = await self._sandbox.run(words, boundary, Limits(seconds=SECONDS, disk_bytes=MOST_BYTES))
        if result.exit_code != 0:
            told = result.output[-1_200:].decode("utf-8", "replace").strip()
            ending = result.killed or f"exit code {result.exit_code}"
            raise refused(asked, f"`{words[0]}` ended with {ending}: {told}")

    def _keep(self, result: Path, manager: str, asked: str) -> tuple[str, bytes, int]:
        """Moves what came to where it stays; its sha256, the list of its files, its bytes."""
        if not result.is_dir() or result.is_symlink():
            raise refused(asked, "nothing came that could be used")
        lines: list[str] = []
        size = 0
        for path in _inside(result):
            state = path.lstat()
            name = path.relative_to(result).as_posix()
            if path.is_symlink():
                path.unlink()  # a command's short name; no command of a package is offered
                continue
            if (
                not stat.S_ISREG(state.st_mode)
                or len(lines) >= MOST_FILES
                or (size := size + state.st_size) > MOST_BYTES
            ):
                raise refused(asked, f"it holds {name[:200]}, which is no plain file, or it is larger than may come in")
            with open(path, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            path.chmod((state.st_mode & 0o555) | 0o444)
            lines.append(f"{sha256}  {os.fsencode(name).decode('utf-8', 'backslashreplace')!r}\n")
        listing = "".join(sorted(lines)).encode()
        store = hashlib.sha256(manager.encode() + b"\n" + listing).hexdigest()
        target = self._place / store
        if not target.exists():
            part = self._place / f"{store}.part"
            if part.exists():
                remove_tree(part)
            part.mkdir(parents=True)
            shutil.move(result, part / manager)
            part.rename(target)
        return store, listing, size


class PackageStores:
    """What was brought in, given to the trees of the task it was brought in for."""

    def __init__(self, place: str | Path) -> None:
        self._place = Path(place)

    def environment(self, fetched: Sequence[FetchedPackages], own: Mapping[str, str]) -> dict[str, str]:
        """`own`, with Python's search path longer by what came for it: what the project itself names comes first."""
        roots = [str(self._root(one)) for one in fetched if one.manager == "pip"]
        if not roots:
            return dict(own)
        before = [own["PYTHONPATH"]] if own.get("PYTHONPATH") else []
        return {**own, "PYTHONPATH": ":".join([*before, *reversed(roots)])}

    def equipment(self, fetched: Sequence[FetchedPackages], own: Equipment) -> Equipment:
        """For a seat's commands."""
        return Equipment(
            environment=self.environment(fetched, own.environment),
            readable=(*own.readable, *self.readable(fetched)),
            held=tuple(dict.fromkeys((*own.held, *self.laid(fetched)))),
        )

    def readable(self, fetched: Sequence[FetchedPackages]) -> tuple[str, ...]:
        return tuple(str(self._root(one)) for one in fetched if one.manager == "pip")

    def laid(self, fetched: Sequence[FetchedPackages]) -> tuple[str, ...]:
        """Directories of a tree that `lay` fills."""
        return ("node_modules",) if any(one.manager == "npm" for one in fetched) else ()

    def lay(self, fetched: Sequence[FetchedPackages], directory: str) -> None:
        """What node looks for beside the code: the package, and below it all that it needs. Raises WorldError."""
        for one in fetched:
            if one.manager != "npm":
                continue
            root, target = self._root(one), Path(directory) / "node_modules"
            if target.is_symlink():
                raise WorldError(what="`node_modules` is a link", why="nothing is laid behind a link")
            main = one.packages[0].name
            place = target / main
            mark = place / f".factory-{one.store[:16]}"
            if mark.exists():
                continue
            if place.parent.is_symlink():
                raise WorldError(
                    what=f"`node_modules/{place.parent.name}` is a link", why="nothing is laid behind a link"
                )
            if place.is_symlink() or place.is_file():
                place.unlink()
            elif place.exists():
                remove_tree(place)
            shutil.copytree(root / main, place, symlinks=True)
            for folder, _, _ in os.walk(place):
                Path(folder).chmod(stat.S_IRWXU)
            below = place / "node_modules"
            for other in sorted(_names(root) - {main}):
                if not (below / other).exists():
                    shutil.copytree(root / other, below / other, symlinks=True)
            mark.touch()

    def _root(self, one: FetchedPackages) -> Path:
        root = self._place / one.store / one.manager
        if not root.is_dir():
            raise WorldError(
                what=f"the package {one.asked} is not kept any more",
                why=f"{root} is not there",
                next_step="ask for it again",
            )
        return root


def _names(root: Path) -> set[str]:
    found = set()
    for entry in root.iterdir():
        if entry.name.startswith("@"):
            found |= {f"{entry.name}/{below.name}" for below in entry.iterdir()}
        elif entry.is_dir() and not entry.name.startswith("."):
            found.add(entry.name)
    return found


def _matching(work: Path, glob: str) -> tuple[str, ...]:
    return tuple(str(path) for path in sorted(work.glob(glob)))


def _inside(root: Path) -> list[Path]:
    return [
        Path(folder) / name
        for folder, folders, names in os.walk(root)
        for name in (*names, *(one for one in folders if (Path(folder) / one).is_symlink()))
    ]


def _filled(words: Sequence[str], work: Path, archives: Sequence[str] = ()) -> tuple[str, ...]:
    found: list[str] = []
    for word in words:
        found += archives if word == "{archives}" else [word.replace("{work}", str(work))]
    return tuple(found)


def _ways(manager: str) -> str:
    return {
        "pip": "it is on Python's search path of your commands, and of the checks of this task",
        "npm": "it is in `node_modules` of your tree, and of the checks of this task",
    }[manager]
