"""The cockpit over this repository's factory: what `factory` alone opens where there is a home and a terminal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory_tui.cli.ending import Ended
from factory_tui.cli.speech import say
from factory_tui.domain.errors import FactoryError

if TYPE_CHECKING:
    from factory_tui.adapters.glance import Glance
    from factory_tui.bootstrap.grounds import Ground
    from factory_tui.bootstrap.house import House
    from factory_tui.domain.preferences import Preferences
    from factory_tui.domain.state import State
    from factory_tui.engine.reception import Reception
    from factory_tui.tui.view import Door, Hear


MOST_BYTES_AT_A_GLANCE = 4_000_000
"""Of a ledger that is read before the first frame; a longer one is read behind it."""


def watch(place: Glance, *, accept_degraded: bool = False, runs: bool = False) -> None:
    """Opens the cockpit; ends with its exit code when that is not 0. `accept_degraded` as `factory run` takes it.

    Where the factory `runs` already, or its ledger is held, the cockpit only looks on. Once that one has ended, it may
    take over, and is then opened again in this process.
    """
    from factory_tui.adapters.preferences_file import read_preferences
    from factory_tui.cli.reopening import offer_tmux
    from factory_tui.tui.run import run_cockpit, told

    root = place.home.repo_root
    if not runs:
        offer_tmux(Path(root).name, wishes(root))
    left = run_cockpit(
        lambda: _onlooker(place) if runs else _late_door(place, accept_degraded),
        title=f"factory  {root}",
        preferences=lambda: read_preferences(os.environ, root),
        glimpse=lambda: _glimpse(place),
    )
    if left.takes_over:
        watch(place, accept_degraded=accept_degraded)
        return
    if text := told(left):
        say(text)
    if left.exit_code:
        raise Ended(left.exit_code)


def _glimpse(place: Glance) -> State | None:
    """The state as the ledger says it. What is wrong with a ledger is said by whoever opens it to write."""
    try:
        if Path(place.place.ledger).stat().st_size > MOST_BYTES_AT_A_GLANCE:
            return None
        return place.look()[0]
    except (OSError, FactoryError):
        return None


def _late_door(place: Glance, accept_degraded: bool) -> Door:
    from factory_tui.tui.late import LateDoor

    root = place.home.repo_root

    def build() -> Door:
        from factory_tui.bootstrap.grounds import find_ground

        return _door(find_ground(root), accept_degraded)

    def instead(error: FactoryError) -> Door | None:
        from factory_tui.adapters.ledger import LedgerHeld

        return _onlooker(place, error.holder) if isinstance(error, LedgerHeld) else None

    return LateDoor(Path(root).name, build, instead)


def _onlooker(place: Glance, holder: str = "") -> Door:
    from factory_tui.adapters.onlooking import LedgerWindow
    from factory_tui.tui.onlooking import OnlookerDoor

    window = LedgerWindow(place)
    return OnlookerDoor(Path(place.home.repo_root).name, holder or window.holder() or "another process", lambda: window)


def wishes(repository: str) -> Preferences:
    """The user's own; where they are wrong the usual ones, and the cockpit says what is wrong."""
    from factory_tui.adapters.preferences_file import read_preferences
    from factory_tui.domain.preferences import Preferences

    try:
        return read_preferences(os.environ, repository)
    except FactoryError:
        return Preferences()


def _door(ground: Ground, accept_degraded: bool) -> Door:
    from factory_tui.bootstrap.grounds import supervisor
    from factory_tui.cli.giving import Gives
    from factory_tui.tui.door import WorksDoor

    gives = Gives(quiet=True)
    return WorksDoor(
        name=Path(ground.home.repo_root).name,
        make=lambda hear: _house(ground, gives, hear, accept_degraded),
        by=supervisor("tty"),
        beside=_beside,
        handovers=gives,
    )


def _house(ground: Ground, gives: Any, hear: Hear, accept_degraded: bool) -> House:
    """The factory, with the person at this terminal in the human seat."""
    from factory_tui.bootstrap.house import open_house
    from factory_tui.cli.seating import Person, seats

    def show(text: str) -> None:
        gives.show(text)
        hear(text.split(maxsplit=1)[0], text)

    person = Person(handovers=gives.handovers, forms_dir=f"{ground.place.root}/forms", show=show)
    house = open_house(
        ground,
        seats=seats(person=person),
        progress=lambda turn, text: hear(turn, text),
        accept_degraded=accept_degraded,
    )
    gives.factory = house.factory
    return house


@contextlib.asynccontextmanager
async def _beside(house: House, reception: Reception, hear: Hear) -> AsyncIterator[None]:
    """As long as the cockpit is open, other commands reach it, the home is watched, and time passes on record."""
    from factory_tui.adapters.control import serving
    from factory_tui.adapters.memory_watch import keeping_proposed
    from factory_tui.cli.talking import answer_socket
    from factory_tui.engine.ticking import ticking
    from factory_tui.tui.door import Marks

    socket, marks = house.ground.place.control_socket(), Marks(house, hear)
    async with (
        serving(socket, lambda data: answer_socket(house, reception, data)),
        keeping_proposed(house.ground.home.home_dir, marks.changed, marks.propose, marks.wrong),
        ticking(house.factory, house.clock),
    ):
        yield
