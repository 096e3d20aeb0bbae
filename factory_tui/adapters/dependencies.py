"""What a project needs before its tests can run: prepared directories, toolchains, services.

`prepare` runs once per sha256 of base's lock files. Its directories are kept in the state place and given to every
copy as hard links; text files that name the place where they were prepared (scripts, editable installs) are written
anew with the copy's own path, so that a candidate is tested and never the base that was prepared. Without a wall a
run could write through a hard link: every kept file is compared afterwards, and a store that was written to is broken.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from factory_tui.adapters.processes import remove_tree, to_the_end
from factory_tui.domain.errors import WorldError
from factory_tui.domain.gate import Dependencies, Service
from factory_tui.domain.terms import Change, CommitId, Finding
from factory_tui.engine.ports import Boundary, Limits, Sandbox, Worktrees

PREPARE_SECONDS = 1800.0
_LARGEST_TEXT = 1_000_000
_HOMES = {
    ".cargo": "CARGO_HOME",
    ".rustup": "RUSTUP_HOME",
    ".pyenv": "PYENV_ROOT",
    ".nvm": "NVM_DIR",
    "go": "GOPATH",
    "go-build": "GOCACHE",
    ".npm": "npm_config_cache",
    ".m2": "M2_HOME",
    "pre-commit": "PRE_COMMIT_HOME",
    "uv": "UV_CACHE_DIR",
}
"""Toolchains that look for themselves below HOME, and the variable that tells them where they really are."""


def changed_lock_files(change: Change, dependencies: Dependencies) -> tuple[Finding, ...]:
    """One finding per lock file that the change touches: what it asks for is not what was prepared from the base."""
    return tuple(
        Finding(
            title=f"{file.path} changed: the dependencies it asks for are not the ones prepared from the base",
            detail=f"Level 2 ran with base's dependencies. `{dependencies.prepare}` must run again, which needs a yes.",
            path=file.path,
            line=file.added[0].number if file.added else 0,
            by="level 2",
            must_answer=True,
            severity="note",
        )
        for file in change.files
        if file.path in dependencies.lock_files
    )


def toolchain_roots(dependencies: Dependencies) -> tuple[str, ...]:
    """Absolute directories that commands may read."""
    return tuple(str(Path(name).expanduser()) for name in dependencies.toolchains)


def toolchain_environment(dependencies: Dependencies) -> dict[str, str]:
    """Where the declared toolchains are, for those that would look below HOME, which is a throw-away one."""
    roots = [Path(name) for name in toolchain_roots(dependencies)]
    return {_HOMES[root.name]: str(root) for root in roots if root.name in _HOMES}


def with_services(command: str, services: Sequence[Service], report: str) -> str:
    """One shell script: start the services, wait until each is ready, run the command.

    All of it is one command of the sandbox, so whatever the services start ends with it. A service that does not get
    ready leaves its name in `service-failed` below `report`, and the command does not run.
    """
    lines: list[str] = []
    for number, service in enumerate(services):
        log = shlex.quote(f"{report}/service-{number}.log")
        failed = shlex.quote(f"{report}/service-failed")
        tenths = max(1, int(service.seconds * 10))
        lines += [
            f"sh -c {shlex.quote(service.command)} >{log} 2>&1 </dev/null &",
            "tries=0",
            f"until sh -c {shlex.quote(service.ready)} >/dev/null 2>&1 </dev/null; do",
            "  tries=$((tries + 1))",
            f"  if [ $tries -gt {tenths} ]; then",
            f"    echo {shlex.quote(service.name)} >{failed}; tail -c 2000 {log}; exit 97",
            "  fi",
            "  sleep 0.1",
            "done",
        ]
    return "\n".join([*lines, command]) if lines else command


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one prepared store."""

    key: str
    origin: str
    """Where `prepare` ran; text files that name it are written anew for each copy."""
    files: dict[str, tuple[int, int]]
    """Path to size and modification time in nanoseconds."""
    naming: tuple[str, ...]
    """Text files that name `origin`."""


class PreparedStores:
    """Prepared directories, one store per sha256 of base's lock files, below `place`."""

    def __init__(
        self,
        worktrees: Worktrees,
        sandbox: Sandbox,
        dependencies: Dependencies,
        place: str | Path,
    ) -> None:
        self._worktrees, self._sandbox, self._dependencies = worktrees, sandbox, dependencies
        self._place = Path(place)
        self._lock = asyncio.Lock()

    async def key(self, base: CommitId) -> str:
        """Sha256 of everything that decides what `prepare` makes; empty when there is nothing to prepare."""
        settings = self._dependencies
        if not settings.prepare:
            return ""
        wall = self._sandbox.wall
        # With another wall other programs are found, and a virtual environment names the one it was made with.
        made_by = [settings.prepare, settings.network, settings.prepared, settings.toolchains, wall]
        told = hashlib.sha256(msgspec.json.encode(made_by))
        for name in settings.lock_files:
            data = await self._worktrees.read_file(base, name)
            told.update(f"\0{name}\0{'absent' if data is None else hashlib.sha256(data).hexdigest()}".encode())
        return told.hexdigest()

    async def ready(self, base: CommitId) -> str:
        """The store for this base, made now if it must be. Raises WorldError with the output when `prepare` fails."""
        key = await self.key(base)
        if not key:
            return ""
        async with self._lock:
            if await asyncio.to_thread(self.written_to, key):
                await self._prepare(base, key)
        return key

    async def _prepare(self, base: CommitId, key: str) -> None:
        settings = self._dependencies
        directory = await to_the_end(self._worktrees.export(base, f"prepare-{key[:12]}"))
        try:
            boundary = Boundary(
                cwd=directory,
                writable=(directory,),
                readable=toolchain_roots(settings),
                network=settings.network,
                environment=toolchain_environment(settings),
            )
            result = await self._sandbox.run(["sh", "-c", settings.prepare], boundary, Limits(seconds=PREPARE_SECONDS))
            if result.exit_code != 0:
                ending = result.killed or f"exit code {result.exit_code}"
                raise WorldError(
                    what=f"dependencies were not prepared: `{settings.prepare}` ended with {ending}",
                    why=result.output[-1500:].decode("utf-8", "replace").strip(),
                    next_step="mend `prepare` in factory.toml on the base, or allow it the network: `network = true`",
                )
            missing = [name for name in settings.prepared if not (Path(directory) / name).is_dir()]
            if missing:
                raise WorldError(
                    what=f"`{settings.prepare}` ended well but made no {', '.join(missing)}",
                    next_step="correct `prepared` under [dependencies] in factory.toml on the base",
                )
            await to_the_end(asyncio.to_thread(self._keep, key, directory))
        finally:
            await to_the_end(self._worktrees.discard_export(directory))

    def _keep(self, key: str, directory: str) -> None:
        store, part = self._place / key, self._place / f"{key}.part"
        for old in (store, part):
            if old.exists():
                remove_tree(old)
        part.mkdir(parents=True)
        for number, name in enumerate(self._dependencies.prepared):
            shutil.move(Path(directory) / name, part / str(number))
        needle = directory.encode()
        files: dict[str, tuple[int, int]] = {}
        naming = []
        for path in _files(part):
            state = path.lstat()
            name = path.relative_to(part).as_posix()
            files[name] = (state.st_size, state.st_mtime_ns)
            path.chmod(stat.S_IMODE(state.st_mode) & ~0o222)
            if state.st_size <= _LARGEST_TEXT:
                data = path.read_bytes()
                if needle in data and b"\0" not in data:
                    naming.append(name)
        kept = Kept(key=key, origin=directory, files=files, naming=tuple(naming))
        (part / "kept.json").write_bytes(msgspec.json.encode(kept))
        part.rename(store)

    def _read(self, key: str) -> Kept | None:
        try:
            kept = msgspec.json.decode((self._place / key / "kept.json").read_bytes(), type=Kept)
        except (OSError, msgspec.DecodeError):
            return None
        return kept if kept.key == key else None

    def written_to(self, key: str) -> str:
        """Which kept file is not as it was made; empty = all are. A store that is not there says so too."""
        if not key:
            return ""
        kept = self._read(key)
        if kept is None:
            return "it is not there"
        store = self._place / key
        present: dict[str, tuple[int, int]] = {}
        for path in _files(store):
            state = path.lstat()
            present[path.relative_to(store).as_posix()] = (state.st_size, state.st_mtime_ns)
        present.pop("kept.json", None)
        for name in sorted(present.keys() | kept.files.keys()):
            if present.get(name) != kept.files.get(name):
                number, _, rest = name.partition("/")
                return f"{self._dependencies.prepared[int(number)]}/{rest}" if number.isdigit() else name
        return ""

    def give(self, key: str, directory: str) -> None:
        """Lays the prepared directories into a copy. Raises WorldError when the store is not there."""
        if not key:
            return
        kept = self._read(key)
        if kept is None:
            raise WorldError(what="the prepared dependencies are not there", why=str(self._place / key))
        naming = set(kept.naming)
        for number, name in enumerate(self._dependencies.prepared):
            source, target = self._place / key / str(number), Path(directory) / name
            if target.is_symlink() or target.exists():
                raise WorldError(
                    what=f"`{name}` is part of the tree and a prepared directory too",
                    next_step="remove it from the tree, or from `prepared` in factory.toml on the base",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_tree(
                source,
                target,
                {path.partition("/")[2] for path in naming if path.startswith(f"{number}/")},
                kept.origin,
                directory,
            )


def _files(root: Path) -> list[Path]:
    """Regular files below the root; links are not followed."""
    return [
        Path(directory) / name
        for directory, _, names in os.walk(root)
        for name in names
        if not (Path(directory) / name).is_symlink()
    ]


def _link_tree(source: Path, target: Path, naming: set[str], origin: str, directory: str) -> None:
    for folder, folders, names in os.walk(source):
        below = Path(folder).relative_to(source)
        (target / below).mkdir(exist_ok=True)
        for name in [*names, *folders]:
            path, new = Path(folder) / name, target / below / name
            if path.is_symlink():
                new.symlink_to(str(path.readlink()).replace(origin, directory))
            elif name in folders:
                continue
            elif (below / name).as_posix() in naming:
                new.write_bytes(path.read_bytes().replace(origin.encode(), directory.encode()))
                new.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IWUSR)
            else:
                try:
                    new.hardlink_to(path)
                except OSError:
                    shutil.copy2(path, new)


def environment_of(dependencies: Dependencies, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run: toolchains, then what the settings name."""
    return {**toolchain_environment(dependencies), **extra}
