"""What a repository's factory stands on: its home, its state place, its ledger, and who answers from here."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from factory_tui.adapters.documents import HomeReading, files_on_disk, library_files, read_home
from factory_tui.adapters.home_files import is_own_library
from factory_tui.adapters.homes import Home, find_home
from factory_tui.adapters.ledger import Codec, Ledger, LedgerView
from factory_tui.adapters.state_place import StatePlace, open_state_place
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.evolve import fold
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor


def codec() -> Codec:
    """How events are written, and read for ever."""
    return Codec(events=e.Event, version=1)


def supervisor(channel: str) -> Actor:
    """Who answers from here: `supervisor:<os user>@tty|cli|script`."""
    return Actor(kind="supervisor", name=f"supervisor:{user()}@{channel}")


def user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a repository's factory stands on, before anything is written."""

    home: Home
    reading: HomeReading
    """The home as it is on disk."""
    place: StatePlace
    environment: Mapping[str, str] = field(default_factory=dict)
    """Where the user's own settings are found."""


def find_ground(start: str, environment: Mapping[str, str] | None = None, *, claim: bool = True) -> Ground:
    """Home and state place of the repository around `start`.

    Raises FactoryError: no repository, no home, no `repo_id`, or a state place that belongs to another checkout.
    """
    environment = os.environ if environment is None else environment
    home = find_home(start, environment)
    reading = read_disk(home)
    if not reading.repo_id:
        problems = "; ".join(str(problem) for problem in reading.problems[:1])
        raise FactoryError(
            what=f"{home.home_dir}/factory.toml gives no repo_id", why=problems, next_step="run `factory check`"
        )
    git_dir = git_dir_of(home.repo_root)
    place = open_state_place(reading.repo_id, repository=home.repo_root, git_dir=git_dir, environment=environment)
    if claim:
        claimed = place.claim(git_dir)
        if not claimed.ok:
            raise FactoryError(
                what=f"the ledger of this repository {claimed}",
                why="two checkouts with one ledger would each believe the other's worktrees are its own",
                next_step=f"work there, or run `factory init --new-id` here; state: {place.root}",
            )
    return Ground(home=home, reading=reading, place=place, environment=environment)


def read_disk(home: Home) -> HomeReading:
    return read_home(files_on_disk(home.home_dir), own_library(home), prefix=home.prefix)


def own_library(home: Home) -> Mapping[str, str] | None:
    """The program's own checkout is its own library; everybody else stands on the shipped one."""
    return None if is_own_library(home.home_dir) else library_files()


def git_dir_of(repo_root: str) -> str:
    """The common git directory: linked worktrees share one ledger."""
    pointer = Path(repo_root) / ".git"
    if pointer.is_dir():
        return str(pointer)
    with suppress(OSError):
        target = pointer.read_text().strip().removeprefix("gitdir:").strip()
        git_dir = Path(repo_root, target).resolve()
        common = git_dir / "commondir"
        if common.is_file():
            return str((git_dir / common.read_text().strip()).resolve())
        return str(git_dir)
    return str(pointer)


def look(ground: Ground) -> tuple[State, Sequence[Entry], LedgerView | None]:
    """The state as the ledger says it, without taking its lock or changing a byte."""
    if not Path(ground.place.ledger).exists():
        return State(), (), None
    view = Ledger.read(ground.place.ledger, codec=codec())
    return fold(view.entries), view.entries, view
