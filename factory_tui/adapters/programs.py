"""Where a program of somebody else's is on this machine, and what must be readable for it to start behind the wall."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Found:
    """The program, and what must be readable for it to start."""

    path: str
    """Links followed."""
    readable: tuple[str, ...]


def find_on_path(name: str, environment: Mapping[str, str]) -> Found | None:
    """By its name on PATH, or by its absolute path; None when it is not there."""
    folders = [part for part in environment.get("PATH", "").split(os.pathsep) if part.startswith("/")]
    for path in [name] if name.startswith("/") else [f"{folder}/{name}" for folder in folders]:
        if os.access(path, os.X_OK) and Path(path).is_file():
            return found_at(os.path.realpath(path), environment)
    return None


def found_at(path: str, environment: Mapping[str, str]) -> Found:
    """A program is itself; a script is its package, and the interpreter with what stands beside it."""
    with open(path, "rb") as file:
        start = file.read(256)
    if not start.startswith(b"#!"):
        return Found(path=path, readable=(path,))
    words = start[2:].split(b"\n", 1)[0].decode("utf-8", "replace").split()
    package = next((parent for parent in Path(path).parents if (parent / "package.json").is_file()), Path(path).parent)
    if words and Path(words[0]).name != "env":
        return Found(path=path, readable=(str(package), *_around(words[0])))
    for folder in environment.get("PATH", "").split(os.pathsep):
        interpreter = f"{folder}/{words[-1] if words else ''}"
        if folder.startswith("/") and os.access(interpreter, os.X_OK):
            return Found(path=path, readable=(str(package), *_around(interpreter)))
    return Found(path=path, readable=(str(package),))


def _around(interpreter: str) -> tuple[str, ...]:
    """Of a virtual environment, itself as well as what it was made from."""
    real = os.path.realpath(interpreter)
    places = (str(Path(interpreter).parent.parent), str(Path(real).parent.parent))
    return tuple(dict.fromkeys(place for place in places if place not in ("/", "/usr")))
