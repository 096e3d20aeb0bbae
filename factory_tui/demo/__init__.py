"""The demo: one whole mission on a real repository, offline. Only the models' words are written beforehand.

Played without a person it says so: the ledger names its supervisor `@script`. It ends well only when everything it
promises was found in the ledger and in git.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from factory_tui.adapters import starting
from factory_tui.adapters.demo.hall import open_hall, prepare_hall
from factory_tui.adapters.demo.mission import ScriptedSupervisor, demo_script, demo_supervisor
from factory_tui.adapters.demo.product import make_product
from factory_tui.adapters.keys import make_keys
from factory_tui.adapters.seats.rehearsal import RehearsalSeat
from factory_tui.adapters.state_place import new_repo_id, open_state_place
from factory_tui.bootstrap.grounds import Ground, find_ground, supervisor
from factory_tui.bootstrap.house import House, open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.demo.promises import missing_of
from factory_tui.demo.supervising import Supervising
from factory_tui.demo.telling import Narrator, Say
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.attesting import LEVELS
from factory_tui.domain.errors import FactoryError, Refusal
from factory_tui.domain.terms import Actor
from factory_tui.domain.wording import one_line
from factory_tui.engine.ports import Progress
from factory_tui.engine.seat_ports import Seat

if TYPE_CHECKING:
    from factory_tui.engine.reception import Reception
    from factory_tui.tui.view import Door, Hear


@dataclass(frozen=True, kw_only=True)
class Staged:
    """The demo's repository, made and ready to be opened."""

    root: Path
    ground: Ground
    supervisor: ScriptedSupervisor
    script_note: str
    again: bool = False
    """Whether it was there before, with all that happened in it."""


def stage(keep: str = "") -> Staged:
    """Makes the product in `keep`, or in a new temporary directory. Its state lies beside it, not in the user's own.

    A demo that was made in `keep` before is opened again, where it was left. Raises WorldError when something else lies
    there.
    """
    place = Path(keep).absolute() if keep else Path(tempfile.mkdtemp(prefix="factory-demo-"))
    root = place / "bookings"
    environment = {
        "HOME": os.environ.get("HOME", "/"),
        "XDG_STATE_HOME": str(place / "state"),
        "XDG_CONFIG_HOME": str(place / "config"),
    }
    if (place / "state").is_dir() and (root / ".factory" / "factory.toml").is_file():
        ground = find_ground(str(root), environment)
        return Staged(root=root, ground=ground, supervisor=demo_supervisor(), script_note=str(place), again=True)
    deploy = prepare_hall(place / "hall")
    repo_id = new_repo_id()
    keys = open_state_place(repo_id, repository=str(root), environment=environment).keys
    make_product(root, repo_id, signers=make_keys(keys, starting.shipped_cards()), deploy=deploy)
    ground = find_ground(str(root), environment)
    return Staged(root=root, ground=ground, supervisor=demo_supervisor(), script_note=str(place))


def open_demo(
    staged: Staged,
    progress: Progress = lambda turn, text: None,
    pace: float = 0.0,
    seat: Callable[[], Seat] | None = None,
) -> House:
    """The demo's house: every seat is a rehearsal, or another one that `seat` makes."""
    reading = staged.ground.reading
    judging = frozenset(card.id for card in reading.charter.roles if card.judges) if reading.charter else frozenset()
    script = demo_script(judging)

    def make() -> Seat:
        return RehearsalSeat(script, pace=pace)

    return open_house(
        staged.ground,
        seats=lambda charter: SeatTable({"rehearsal": seat or make}, charter, "rehearsal"),
        progress=progress,
        holder="factory demo",
    )


PACE = 0.06
"""Seconds after each few words, so that a person can watch the seats work."""


def watch_demo(say: Say, keep: str = "", mode: e.Mode | None = None, pace: float = PACE) -> int:
    """The same mission in the cockpit, supervised by whoever sits at this terminal. Returns the exit code."""
    from factory_tui.adapters.preferences_file import read_preferences
    from factory_tui.tui.run import run_cockpit, told

    staged = stage(keep)
    left = run_cockpit(
        lambda: demo_door(staged, mode, pace),
        title=f"factory demo  {staged.root}",
        preferences=lambda: read_preferences(os.environ, str(staged.root)),
    )
    if text := told(left):
        say(text)
    say(f"the demo's repository: {staged.root}")
    say(f"go on with it: factory demo --keep {shlex.quote(str(staged.root.parent))}")
    return left.exit_code


def demo_door(staged: Staged, mode: e.Mode | None = None, pace: float = PACE) -> Door:
    """The cockpit's way into the demo's factory; its mission is stated once the session has begun."""
    from factory_tui.tui.door import WorksDoor

    by = supervisor("tty")
    return WorksDoor(
        name=staged.root.name,
        make=lambda hear: open_demo(staged, lambda turn, text: hear(turn, text), pace=pace),
        by=by,
        mode=mode,
        begin=lambda house: _state_mission(staged, house, by),
        beside=_watched,
    )


@contextlib.asynccontextmanager
async def _watched(house: House, reception: Reception, hear: Hear) -> AsyncIterator[None]:
    """The demo's home is watched like any other, time passes on record, and the machine in its hall runs."""
    from factory_tui.adapters.memory_watch import keeping_proposed
    from factory_tui.engine.ticking import ticking
    from factory_tui.tui.door import Marks

    marks = Marks(house, hear)
    async with (
        _hall(house.ground),
        keeping_proposed(house.ground.home.home_dir, marks.changed, marks.propose, marks.wrong),
        ticking(house.factory, house.clock),
    ):
        yield


def _hall(ground: Ground) -> contextlib.AbstractAsyncContextManager[None]:
    """The machine that the demo deploys to; a demo that was made without one does without."""
    root = Path(ground.home.repo_root)
    place = root.parent / "hall"
    return open_hall(root, place) if place.is_dir() else contextlib.nullcontext()


async def _state_mission(staged: Staged, house: House, by: Actor) -> None:
    """Once; a later session of the same demo goes on with it."""
    if house.state.missions:
        return
    base, base_ref = await house.worktrees.head(), await house.worktrees.base_ref()
    await house.factory.carried_out(c.StateMission(text=staged.supervisor.mission, base_ref=base_ref, base=base), by)


def play_demo(say: Say, keep: str = "") -> int:
    """Plays the mission by itself. Returns 0 only if everything it promises is found in ledger and git afterwards."""
    staged = stage(keep)
    if staged.again:
        raise Refusal(
            what=f"{staged.root} holds a demo that was begun before",
            why="played by itself it is a whole mission on a new repository",
            next_step="name another directory, or go on with it at a terminal, without `--headless`",
        )
    say(f"a real repository was made: {staged.root}")
    return asyncio.run(play_on(staged, open_demo(staged), say))


async def play_on(staged: Staged, house: House, say: Say) -> int:
    """The mission on this house, whoever fills its seats. Returns 0 only if everything it promises is found."""
    by = supervisor("script")
    base = await house.worktrees.head()
    house.factory.subscribe(Narrator(say).tell)
    reason = "the mission is over"
    digest = ""
    missing: tuple[str, ...] = ()
    try:
        async with _hall(staged.ground):
            await house.start(by, "flow")
            base_ref = await house.worktrees.base_ref()
            say(f'the supervisor (a script, and the ledger says so): "{one_line(staged.supervisor.mission)}"')
            house.factory.submit(c.StateMission(text=staged.supervisor.mission, base_ref=base_ref, base=base), by)
            reason = await Supervising(house, staged.supervisor, by, say).until_over()
            digest = await house.close(reason, by)
            missing = await missing_of(staged.ground, house, base)
    except FactoryError as error:
        reason = f"the demo stopped: {error.what}"
        missing = (reason,)
        say(str(error))
    finally:
        if not digest:
            digest = await house.close(reason, by)
    if house.state.unsigned:
        say(f"nothing was signed for third parties: {house.state.unsigned}")
    for problem in missing:
        say(f"NOT AS PROMISED: {problem}")
    say(f"digest: {Path(staged.ground.home.home_dir) / digest}")
    target = next((mission.target for mission in house.state.missions.values()), "").removeprefix("refs/heads/")
    say(f"the landed work: git -C {staged.root} log -p {base[:10]}..{target}")
    if not house.state.unsigned and not missing:
        level = house.state.assurance
        say(f"each landed commit is open to a stranger with git and ssh-keygen ({level}: {LEVELS[level]})")
    return 1 if missing else 0


def remove(staged: Staged) -> None:
    """Takes away what `stage` made in a temporary directory of its own; nothing else."""
    place = staged.root.parent
    if place.name.startswith("factory-demo-") and place.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(place, ignore_errors=True)
