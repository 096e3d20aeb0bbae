"""Finding the home of a repository.

A home lies in `.factory/`, is the root of the repository itself (this project), or lies outside of it, where the
user's own `$XDG_CONFIG_HOME/factory/homes.toml` says so:

    [homes]
    "/path/of/the/repository" = "/path/of/its/home"
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from factory_tui.adapters.home_files import SETTINGS
from factory_tui.adapters.schema import typed
from factory_tui.adapters.toml_text import read_toml
from factory_tui.domain.charter import DNA
from factory_tui.domain.errors import DocumentError, Refusal
from factory_tui.domain.terms import Record

INSIDE = ".factory"

HomeKind = Literal["inside", "root", "outside"]


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Where a repository's home lies. All paths absolute, links resolved."""

    kind: HomeKind
    home_dir: str
    repo_root: str
    prefix: str | None
    """Of home files in the repository: `.factory`, empty for its root, None when the home lies outside."""


class HomesFile(Record, frozen=True, kw_only=True):
    """`homes.toml`."""

    homes: dict[str, str] = msgspec.field(default_factory=dict)


def find_repository(start_dir: str) -> str | None:
    """The root of the checkout that holds this directory; None when there is none."""
    start = Path(start_dir).resolve()
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            return str(folder)
    return None


def find_home(start_dir: str, environment: Mapping[str, str] | None = None) -> Home:
    """The home of the repository around this directory.

    Raises Refusal when there is no repository or no home yet, DocumentError when the user's homes.toml is wrong.
    """
    root = find_repository(start_dir)
    if root is None:
        raise Refusal(
            what=f"{start_dir} is in no git repository",
            why="a factory works on one repository",
            next_step="go to a repository, or run `git init` here",
        )
    home = home_of(root, environment)
    if home is None:
        raise Refusal(what=f"{root} has no home yet", next_step="run `factory init` to draft one")
    return home


def home_of(repo_root: str, environment: Mapping[str, str] | None = None) -> Home | None:
    """The home of this repository; None when it has none. Raises DocumentError for a wrong homes.toml or a link."""
    root = Path(repo_root).resolve()
    if outside := _outside_home(root, environment):
        return outside
    inside = root / INSIDE
    if inside.is_symlink():
        raise DocumentError(
            path=INSIDE,
            problem="the home is a link",
            why="a link could lead anywhere, and elsewhere for everybody who clones",
            next_step="Put a real directory there, or name the home in your homes.toml.",
        )
    if (inside / SETTINGS).is_file():
        return Home(kind="inside", home_dir=str(inside), repo_root=str(root), prefix=INSIDE)
    if (root / SETTINGS).is_file() and (root / DNA).is_file():
        return Home(kind="root", home_dir=str(root), repo_root=str(root), prefix="")
    return None


def homes_file(environment: Mapping[str, str] | None = None) -> Path:
    """Where the user says which repository's home lies outside of it."""
    environment = os.environ if environment is None else environment
    configured = environment.get("XDG_CONFIG_HOME", "")
    if not configured.startswith("/"):
        configured = str(Path(environment.get("HOME") or Path.home()) / ".config")
    return Path(configured) / "factory" / "homes.toml"


def name_outside_home(repo_root: str, home_dir: str, environment: Mapping[str, str] | None = None) -> None:
    """Write into homes.toml where this repository's home lies. Raises DocumentError when it cannot be read first."""
    path = homes_file(environment)
    homes = dict(_read_homes(path))
    homes[str(Path(repo_root).resolve())] = str(Path(home_dir).resolve())
    lines = [
        f"{json.dumps(repo, ensure_ascii=False)} = {json.dumps(home, ensure_ascii=False)}"
        for repo, home in homes.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".homes.toml.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(("[homes]", *sorted(lines), "")))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _outside_home(root: Path, environment: Mapping[str, str] | None) -> Home | None:
    path = homes_file(environment)
    named = {str(Path(repo).expanduser().resolve()): home for repo, home in _read_homes(path).items()}
    if str(root) not in named:
        return None
    home = Path(named[str(root)]).expanduser()
    if not home.is_absolute() or not home.is_dir():
        raise DocumentError(
            path=str(path),
            problem=f"the home of {root} is `{home}`, which is no directory",
            next_step="Name an absolute path of a directory, or run `factory init`.",
        )
    home = home.resolve()
    if home.is_relative_to(root):
        raise DocumentError(
            path=str(path),
            problem=f"`{home}` lies inside the repository {root}",
            next_step=f"Move it to {root / INSIDE} and remove the line, or move it outside.",
        )
    return Home(kind="outside", home_dir=str(home), repo_root=str(root), prefix=None)


def _read_homes(path: Path) -> Mapping[str, str]:
    try:
        status = path.stat()
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(
            path=str(path), problem=f"the file cannot be read: {error}", next_step="Mend or remove it."
        ) from error
    if status.st_uid not in (os.getuid(), 0) or status.st_mode & 0o022:
        raise DocumentError(
            path=str(path),
            problem="somebody else than you can write this file",
            why="it decides which rules hold for a repository",
            next_step=f"Look at it, then run `chmod 600 {path}`.",
        )
    return typed(read_toml(str(path), text), HomesFile).homes
