"""A session at the command line, from its start to its digest: until it waits, is over, or is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from factory_tui.cli.looking import say_waiting
from factory_tui.cli.speech import hint, say, say_json
from factory_tui.cli.talking import answer_socket, reception_of
from factory_tui.domain.errors import FactoryError

if TYPE_CHECKING:
    from factory_tui.adapters.walls import Standing
    from factory_tui.bootstrap.grounds import Ground
    from factory_tui.bootstrap.house import House
    from factory_tui.cli.giving import Gives
    from factory_tui.domain.events import Mode
    from factory_tui.domain.terms import Actor
    from factory_tui.engine.reception import Reception

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How a session shall run."""

    headless: bool
    as_json: bool
    mode: Mode | None = None
    script: str = ""
    chosen: Mapping[str, str]
    accept_degraded: bool = False
    """Seats may run commands without a wall; counts where the user's own settings allow it."""


def say_end(house: House, wish: Wish, running: Running, over: bool) -> None:
    from factory_tui.engine.summary import summary_of

    told = summary_of(house.state)
    digest = f"{house.ground.home.home_dir}/{running.digest}"
    if wish.as_json:
        say_json("run", {"over": over, "interrupted": running.stopped_by, "digest_path": digest, **told})
        return
    if not over:
        _say_places(house)
        say_waiting(told["waiting"])
    say(f"digest: {digest}")


def _say_places(house: House) -> None:
    """Where a person works."""
    for task in house.state.tasks.values():
        if task.worktree and task.stage in ("working", "released", "stuck"):
            say(f"{task.id}: the worktree is {house.ground.place.worktrees}/open/{task.worktree}")


class Running:
    """One session under way at the command line."""

    def __init__(self, house: House, wish: Wish, by: Actor, reception: Reception, gives: Gives) -> None:
        self._gives = gives
        self.house, self.wish, self.by, self.reception = house, wish, by, reception
        self.digest = ""
        self.stopped_by = ""
        """The signal's name; empty = it ended by itself."""
        self._stop = asyncio.Event()

    def stop(self, why: str) -> None:
        self.stopped_by = self.stopped_by or why
        self._stop.set()

    async def until_somebody_waits(self) -> None:
        """Returns when nothing goes on without a person, or when stopped. Raises why the factory cannot go on.

        What waits for the world alone goes on by itself, so it is waited for here too.
        """
        from factory_tui.domain.due import waits_for_world
        from factory_tui.engine.session import waits_for_somebody

        factory = self.house.factory
        while not self._stop.is_set():
            await self.unless_stopped(factory.idle(waits_for_somebody))
            if factory.failure is not None:
                raise factory.failure
            if waits_for_world(factory.state):
                await self.unless_stopped(self._something_happens(factory.state.seq))
                continue
            people = {turn.task for turn in factory.state.turns.values() if turn.control == "human"}
            if people <= set(self._gives.handovers.waiting):
                return
            await self.unless_stopped(self._gives.handovers.another(), self._something_happens(factory.state.seq))

    async def at_the_terminal(self) -> None:
        """Says what waits whenever that changes, takes answers from the keyboard, until the mission is over."""
        shown: tuple[str, ...] = ()
        with self._keyboard():
            while not self._stop.is_set():
                await self.until_somebody_waits()
                if self.house.state.mission is None:
                    return
                items = (await self.reception.answer(_status(), self.by))["waiting"]
                now = tuple(item["sha256"] for item in items)
                if now != shown and not self._stop.is_set():
                    shown = now
                    _say_places(self.house)
                    say_waiting(items)
                    say("Answer here (`H-1 approve`, `T-1 reject the reason`, `look H-1`), or from another terminal.")
                await self.unless_stopped(self._something_happens(self.house.state.seq))

    async def _something_happens(self, seen: int) -> None:
        await self.house.factory.until(lambda state: state.seq != seen)

    async def unless_stopped(self, *waiting: Awaitable[Any]) -> Any:
        """Returns what the first of them returns, or something else when stopped."""
        from factory_tui.cli.giving import first_of

        return await first_of(*waiting, self._stop.wait())

    @contextlib.contextmanager
    def _keyboard(self) -> Iterator[None]:
        """Lines typed where the factory runs are answers; no seat can type them."""
        loop, rest, typing = asyncio.get_running_loop(), b"", set[asyncio.Task[None]]()

        def typed() -> None:
            nonlocal rest
            data = os.read(0, 65_536)
            if not data:
                loop.remove_reader(0)
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                task = asyncio.ensure_future(self._typed(line.decode("utf-8", "replace").strip()))
                typing.add(task)
                task.add_done_callback(typing.discard)

        loop.add_reader(0, typed)
        try:
            yield
        finally:
            loop.remove_reader(0)

    async def _typed(self, line: str) -> None:
        from factory_tui.adapters.clock import SystemClock, hours_after
        from factory_tui.cli.answering import APPROVAL_HOURS
        from factory_tui.engine.reception import Inbox, Reply

        first, _, rest = line.partition(" ")
        verb, _, text = rest.strip().partition(" ")
        try:
            if not first:
                return
            if first == "quit":
                self.stop("")
            elif first == "look" and verb:
                shown = await self.reception.answer(Inbox(id=verb), self.by)
                for part in shown["parts"]:
                    say(f"\n--- {part['title']}\n{part['text']}")
            elif verb:
                expires = hours_after(SystemClock().now(), APPROVAL_HOURS)
                wanted = Reply(id=first, verb=verb, text=text.strip(), expires=expires if verb == "approve" else "")
                told = await self.reception.answer(wanted, self.by, at_terminal=True)
                say(f"{told['id']} {told['verb']}: {told['title'] or 'done'}")
            else:
                say("`ID VERB TEXT` answers, `look ID` shows, `quit` ends the session with its digest")
        except FactoryError as error:
            hint(str(error))


def _status() -> Any:
    from factory_tui.engine.reception import Status

    return Status()


@contextlib.asynccontextmanager
async def running_house(ground: Ground, wish: Wish, by: Actor) -> AsyncIterator[Running]:
    """A factory that runs, serves its socket, and ends with its digest whatever happens."""
    from factory_tui.adapters.control import serving
    from factory_tui.bootstrap.house import open_house
    from factory_tui.cli.giving import Gives
    from factory_tui.cli.seating import Person, seats
    from factory_tui.cli.telling import told
    from factory_tui.domain.wording import one_line
    from factory_tui.engine.ticking import ticking

    gives = Gives(quiet=wish.as_json)
    person = Person(handovers=gives.handovers, forms_dir=f"{ground.place.root}/forms", show=gives.show)
    house = open_house(
        ground,
        seats=seats(person=person, script=wish.script, chosen=wish.chosen, own=_own_seats(ground)),
        accept_degraded=wish.accept_degraded,
    )
    gives.factory = house.factory
    _warn_of(await house.sandbox.prove())
    running = Running(house, wish, by, reception_of(house, gives), gives)
    if not wish.as_json:
        house.factory.subscribe(lambda entry, state: _say_line(told(entry)))
    loop = asyncio.get_running_loop()
    for one in SIGNALS:
        loop.add_signal_handler(one, running.stop, one.name)
    before = house.state.session
    failed = ""
    try:
        socket = ground.place.control_socket()
        async with serving(socket, lambda data: answer_socket(house, running.reception, data)):
            try:
                await house.start(by, wish.mode)
                async with ticking(house.factory, house.clock):
                    yield running
            except FactoryError as error:
                failed = f"it stopped: {one_line(error.what)}"
                raise
            finally:
                if house.state.session > before and house.state.session_open:
                    stopped = f"interrupted by {running.stopped_by}" if running.stopped_by else ""
                    running.digest = await house.close(stopped or failed or _why(house), by)
    finally:
        house.ledger.close()
        for one in SIGNALS:
            loop.remove_signal_handler(one)


def _own_seats(ground: Ground) -> tuple[str, ...]:
    from factory_tui.adapters.user_seats import read_user_seats

    return tuple(read_user_seats(ground.environment, ground.home.repo_root).profiles)


def _say_line(line: str) -> None:
    if line:
        say(line)


def _why(house: House) -> str:
    return "the mission is over" if house.state.mission is None else "it waits for the supervisor"


def _warn_of(standing: Standing) -> None:
    """Beside the answer, at once: that there is no wall, or that we are root behind it."""
    if standing.why_none:
        hint(f"wall: {standing.label}. {standing.why_none}")
    elif standing.label.endswith("as root"):
        hint("wall: bwrap as root. The factory runs as root; what seats run has neither root nor capabilities.")
