"""A glance at a repository's factory: where it keeps things, and what its ledger says. No rule is read, no lock taken.

For what must answer at once or when the home is broken: a status line, a message to a factory that runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from factory_tui.adapters.home_files import SETTINGS
from factory_tui.adapters.homes import Home, find_home
from factory_tui.adapters.ledger import Codec, Ledger, LedgerView
from factory_tui.adapters.state_place import StatePlace, open_state_place
from factory_tui.adapters.toml_text import read_toml
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.evolve import fold
from factory_tui.domain.state import State


def codec() -> Codec:
    """How events are written, and read for ever."""
    return Codec(events=e.Event, version=1)


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """Where the factory of a repository is."""

    home: Home
    place: StatePlace

    def look(self) -> tuple[State, Sequence[Entry], LedgerView | None]:
        """The state as the ledger says it; no ledger is the state before everything."""
        if not Path(self.place.ledger).exists():
            return State(), (), None
        view = Ledger.read(self.place.ledger, codec=codec())
        return fold(view.entries), view.entries, view


def glance(start: str, environment: Mapping[str, str] | None = None) -> Glance:
    """Home and state place of the repository around `start`, by its `repo_id` alone. Raises FactoryError."""
    environment = os.environ if environment is None else environment
    home = find_home(start, environment)
    return Glance(home=home, place=place_of(home, environment))


def place_of(home: Home, environment: Mapping[str, str]) -> StatePlace:
    """Raises FactoryError when the home gives no repo_id."""
    path = Path(home.home_dir) / SETTINGS
    repo_id = read_toml(str(path), path.read_text("utf-8", "replace")).data.get("repo_id")
    if not isinstance(repo_id, str) or not repo_id:
        raise FactoryError(
            what=f"{path} gives no repo_id",
            why="it names the place where this repository's ledger is kept",
            next_step="run `factory check`, or `factory init --new-id`",
        )
    return open_state_place(repo_id, repository=home.repo_root, environment=environment)
