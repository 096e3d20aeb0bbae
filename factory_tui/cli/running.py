"""Running: a session from its start to its digest, until it waits, is over, or is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from factory_tui.cli.ending import DONE, INTERRUPTED, WAITS, Ended
from factory_tui.cli.looking import say_waiting
from factory_tui.cli.speech import has_terminal, hint, say, say_json
from factory_tui.cli.talking import answer_socket, ask_running, here, reception_of, request
from factory_tui.domain.errors import FactoryError, Refusal, UsageError

if TYPE_CHECKING:
    from factory_tui.adapters.walls import Standing
    from factory_tui.bootstrap.grounds import Ground
    from factory_tui.bootstrap.house import House
    from factory_tui.cli.giving import Gives
    from factory_tui.domain.events import Mode
    from factory_tui.domain.state import State
    from factory_tui.domain.terms import Actor
    from factory_tui.engine.reception import Reception

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_SHARED = (
    click.option("--headless", is_flag=True, help="Never ask: run until something waits, say what, exit 4."),
    click.option("--script", type=click.Path(dir_okay=False), help="YAML for rehearsal seats."),
    click.option(
        "--seat",
        "chosen",
        multiple=True,
        metavar="ROLE=KIND",
        help="A seat for this session: human, rehearsal, claude_code, anthropic_api/MODEL@EFFORT, or one of your own.",
    ),
    click.option("--mode", type=click.Choice(["step", "flow"]), help="Else as the home says."),
    click.option(
        "--accept-degraded", is_flag=True, help="Without a wall, let seats run commands anyway, in this session."
    ),
    click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md."),
)


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_SHARED):
        command = option(command)
    return command


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


@click.command()
@click.option("--mission", help="What shall be true at the end; the planner plans it.")
@click.option("--task", "task", help="A small change that needs no plan. No gate level is skipped for it.")
@click.option("--to", "role", default="", help="The role that does the small change.")
@click.option("--criterion", "criteria", multiple=True, help="How the task is judged; may be given several times.")
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="What it means to change.")
@_shared
def run(
    mission: str | None,
    task: str | None,
    role: str,
    criteria: tuple[str, ...],
    paths: tuple[str, ...],
    headless: bool,
    script: str | None,
    chosen: tuple[str, ...],
    mode: Mode | None,
    accept_degraded: bool,
    as_json: bool,
) -> None:
    """State a mission, or one small task, and run until it is over or waits for you."""
    if bool(mission) == bool(task):
        raise UsageError(
            what="say what shall be done: `--mission TEXT`, or `--task TEXT --to ROLE`",
            next_step="`factory resume` goes on with what is under way",
        )
    if task and not role:
        raise UsageError(what="a task needs a role", next_step="`--to builder`; `factory check` lists the roles")
    if mission and (role or criteria or paths):
        raise UsageError(what="`--to`, `--criterion` and `--path` belong to `--task`", why="a mission is planned")
    wish = _wish(headless, script, chosen, mode, accept_degraded, as_json)

    async def state(house: House, by: Actor) -> None:
        from factory_tui.domain import commands as c

        now = house.state
        command: c.Command = c.StateMission(text=mission or "", base_ref=now.base_ref, base=now.base)
        if task:
            command = c.OpenSmallTask(
                text=task, role=role, base_ref=now.base_ref, base=now.base, criteria=criteria, paths=paths
            )
        await house.factory.carried_out(command, by)

    ground, before = ready(wish)
    roles = [card.id for card in ground.reading.charter.roles] if ground.reading.charter else []
    if role and roles and role not in roles:
        raise UsageError(what=f"there is no role {role[:40]}", why=f"roles are {', '.join(roles)}", next_step="`--to`")
    if before.mission is not None:
        under_way = before.mission
        raise Refusal(
            what=f"mission {under_way.id} is under way: {under_way.text.splitlines()[0][:80]}",
            why="one mission at a time in a repository",
            next_step="go on with `factory resume`, or drop its tasks: `factory answer T-… drop --text WHY`",
        )
    _play(ground, wish, state)


@click.command()
@_shared
def resume(
    headless: bool,
    script: str | None,
    chosen: tuple[str, ...],
    mode: Mode | None,
    accept_degraded: bool,
    as_json: bool,
) -> None:
    """Go on with the mission that is under way."""
    wish = _wish(headless, script, chosen, mode, accept_degraded, as_json)
    ground, before = ready(wish)
    if before.mission is None and not before.session_open:
        raise Refusal(what="no mission is under way", next_step="state one: `factory run --mission TEXT`")
    _play(ground, wish, None)


def _wish(
    headless: bool,
    script: str | None,
    chosen: tuple[str, ...],
    mode: Mode | None,
    accept_degraded: bool,
    as_json: bool,
) -> Wish:
    seats = {}
    for one in chosen:
        role, _, kind = one.partition("=")
        if not role or not kind:
            raise UsageError(what=f"`--seat {one}` is not ROLE=KIND", next_step="for instance `--seat builder=human`")
        seats[role] = kind
    if "rehearsal" in seats.values() and not script:
        raise UsageError(what="a rehearsal seat plays a script", next_step="name it with `--script FILE`")
    return Wish(
        headless=headless or as_json or not has_terminal(),
        as_json=as_json,
        mode=mode,
        script=script or "",
        chosen=seats,
        accept_degraded=accept_degraded,
    )


def ready(wish: Wish) -> tuple[Ground, State]:
    """Raises Refusal when a factory runs already; ends with 4 while the last digest is unread."""
    place = here()
    if ask_running(place, request("status")) is not None:
        raise Refusal(
            what="a factory runs in this repository already",
            why="one repository has one factory",
            next_step="`factory status` and `factory inbox` reach it",
        )
    from factory_tui.bootstrap.grounds import find_ground, look

    ground = find_ground(str(Path.cwd()))
    state = look(ground)[0]
    digest = state.digest
    if digest is not None and digest.session > state.acknowledged and not state.session_open:
        hint(
            f"the digest of session {digest.session} is unread: {ground.home.home_dir}/{digest.path}\n"
            "  why:  no turn starts before you have read what the last session left\n"
            f"  next: `factory digest`, then `factory ack D-{digest.session}`"
        )
        raise Ended(WAITS)
    return ground, state


Opening = Callable[["House", "Actor"], Awaitable[None]]


def _play(ground: Ground, wish: Wish, opening: Opening | None) -> None:
    code = asyncio.run(_session(ground, wish, opening))
    if code != DONE:
        raise Ended(code)


async def _session(ground: Ground, wish: Wish, opening: Opening | None) -> int:
    """Start, open, run until it waits or is over, digest. Returns the exit code."""
    from factory_tui.bootstrap.grounds import supervisor

    by = supervisor("cli" if wish.headless else "tty")
    async with running_house(ground, wish, by) as running:
        house = running.house
        if opening is not None:
            await opening(house, by)
        if wish.headless:
            await running.until_somebody_waits()
        else:
            await running.at_the_terminal()
    left = house.state
    over = left.mission is None
    say_end(house, wish, running, over)
    if running.stopped_by:
        return INTERRUPTED
    return DONE if over else WAITS


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
                ticking = asyncio.ensure_future(tell_the_time(house))
                try:
                    yield running
                finally:
                    ticking.cancel()
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


async def tell_the_time(house: House) -> None:
    """Expiry comes true only by a recorded time; it is recorded while something can expire."""
    from factory_tui.domain import commands as c
    from factory_tui.domain.due import needs_time, seconds_to_sleep
    from factory_tui.domain.terms import Actor

    by = Actor(kind="factory", name="clock")
    while house.factory.failure is None:
        now = house.clock.now()
        if needs_time(house.state, now):
            await house.factory.carried_out(c.PassTime(now=now), by)
        seen = house.state.world
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds_to_sleep(house.state, now)):
                await house.factory.until(lambda state, seen=seen: state.world is not seen)  # type: ignore[misc]
