"""The files of a copy: what they hold before and after a run, and base's tests laid over a candidate's source."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_tui.domain.globs import matches

NOT_OURS = frozenset({".git", "__pycache__", ".pytest_cache"})
"""Directories that a run makes anywhere and that no candidate's tree is judged by."""

Manifest = Mapping[str, str]
"""Path below the root to mode and sha256 of its bytes, or to its target when it is a link."""


def manifest(root: str | Path, skip: Sequence[str] = ()) -> dict[str, str]:
    """Every file and link below `root`, links not followed. `skip` names directories below the root."""
    found: dict[str, str] = {}
    base = Path(root)
    left = {str(base / name) for name in skip}
    for directory, folders, names in os.walk(base):
        entries = [Path(directory) / name for name in [*names, *folders]]
        folders[:] = [name for name in folders if name not in NOT_OURS and str(Path(directory) / name) not in left]
        for path in entries:
            state = path.lstat()
            name = path.relative_to(base).as_posix()
            if stat.S_ISLNK(state.st_mode):
                found[name] = f"link {path.readlink()}"
            elif stat.S_ISREG(state.st_mode):
                executable = "x" if state.st_mode & stat.S_IXUSR else "-"
                found[name] = f"{executable} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found


@dataclass(frozen=True, kw_only=True)
class Alteration:
    """What a run did to the files of its copy."""

    changed: tuple[str, ...] = ()
    """Files of the tree that it altered or removed."""
    created: tuple[str, ...] = ()


def alteration(before: Manifest, after: Manifest) -> Alteration:
    return Alteration(
        changed=tuple(sorted(path for path, state in before.items() if after.get(path) != state)),
        created=tuple(sorted(after.keys() - before.keys())),
    )


def harness_files(command: str, present: Manifest, globs: tuple[str, ...]) -> frozenset[str]:
    """Paths that decide how tests run: those the globs name, and scripts that the smoke command itself calls."""
    words = {word.strip("'\"").removeprefix("./") for word in command.replace(";", " ").replace("&", " ").split()}
    if "make" in words:
        words |= {"Makefile", "makefile", "GNUmakefile"}
    scripts = {path for path in present if path in words and not path.endswith("package.json")}
    return frozenset(path for path in present if matches(path, globs)) | scripts


def lay_over(base: str | Path, candidate: str | Path, wanted: frozenset[str], unwanted: frozenset[str]) -> None:
    """Gives `candidate` exactly base's copies of the `wanted` paths and none of the `unwanted` ones."""
    source, target = Path(base), Path(candidate)
    for name in unwanted | wanted:
        path = target / name
        if _passes_a_link(target, name):
            continue
        if path.is_dir() and not path.is_symlink():
            if name in wanted:
                shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for name in sorted(wanted):
        path = target / name
        _make_parents(target, name)
        original = source / name
        if original.is_symlink():
            path.symlink_to(original.readlink())
        else:
            shutil.copyfile(original, path)
            path.chmod(stat.S_IMODE(original.stat().st_mode))


def _parents(root: Path, name: str) -> list[Path]:
    parts = name.split("/")[:-1]
    return [root.joinpath(*parts[: count + 1]) for count in range(len(parts))]


def _passes_a_link(root: Path, name: str) -> bool:
    return any(parent.is_symlink() for parent in _parents(root, name))


def _make_parents(root: Path, name: str) -> None:
    """Real directories all the way: a link or a file in the way goes, so that nothing is written outside of it."""
    for parent in _parents(root, name):
        if parent.is_symlink() or parent.is_file():
            parent.unlink()
        parent.mkdir(exist_ok=True)
