"""The loop: commands in, entries out, and the jobs that the state owes the world.

One writer, one order. A command is decided against the state, written, folded and published before `submit` returns;
its effects wait until it is on disk. Whoever needs to know subscribes; nobody holds a second truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import Job, TurnJob, agenda
from factory_tui.domain.decide import decide
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError, Refusal
from factory_tui.domain.evolve import evolve
from factory_tui.domain.spending import ended_because
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor
from factory_tui.engine.ports import Clock

Subscriber = Callable[[Entry, State], None]
Runner = Callable[[Job], Awaitable[None]]


class LedgerPort(Protocol):
    """Where entries are kept. One writer; order is fixed by `append`, safety on disk by `durable`."""

    def append(self, events: Sequence[object], by: Actor, at: str) -> tuple[Entry, ...]: ...

    async def durable(self, seq: int) -> None:
        """Returns once entry `seq` survives a power cut. Raises LedgerError when that can no longer be promised."""


class Factory:
    """One repository's factory while it runs."""

    def __init__(self, *, state: State, ledger: LedgerPort, clock: Clock) -> None:
        self.state = state
        self._ledger = ledger
        self._clock = clock
        self._runners: Mapping[type, Runner] = {}
        self._subscribers: list[Subscriber] = []
        self._running: dict[Job, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._stopping = False
        self.failure: BaseException | None = None
        """Why the factory can go on no longer: the ledger failed. Nothing is written any more."""

    def employ(self, runners: Mapping[type, Runner]) -> None:
        """Who carries out which kind of job. From here on, what is owed is started."""
        self._runners = runners
        self._reconcile()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Called for each entry, in order, with the state after it. Returns what ends it."""
        self._subscribers.append(subscriber)

        def end() -> None:
            with contextlib.suppress(ValueError):
                self._subscribers.remove(subscriber)

        return end

    # --- commands --------------------------------------------------------------------------------

    def submit(self, command: c.Command, by: Actor) -> tuple[Entry, ...]:
        """Decide, write, fold, publish, and start what is owed then.

        Raises Refusal, with nothing written, when the command makes no sense now. The entries are ordered and folded
        when this returns, and on disk when `durable` of the last one returns.
        """
        if self.failure is not None:
            raise Refusal(what="the factory has stopped writing", why=str(self.failure), next_step="restart it")
        at = self._clock.now()
        events = decide(self.state, c.Envelope(command=command, by=by, at=at))
        if not events:
            return ()
        self._must_fold(events, by, at)
        try:
            entries = self._ledger.append(events, by, at)
        except FactoryError as error:
            self._fail(error)
            raise
        states = []
        for entry in entries:
            self.state = evolve(self.state, entry)
            states.append(self.state)
        broken: list[Exception] = []
        for entry, state in zip(entries, states, strict=True):
            broken += self._publish(entry, state)
        self._changed.set()
        self._changed = asyncio.Event()
        self._reconcile()
        for failure in broken:
            self._note_broken_subscriber(failure)
        return entries

    def _must_fold(self, events: Sequence[e.Event], by: Actor, at: str) -> None:
        """What cannot be folded now, or leads where nobody can say what is owed, would keep each later start from
        beginning: it is in the ledger for ever. Raises FactoryError, with nothing written."""
        state = self.state
        try:
            for event in events:
                state = evolve(state, Entry(seq=state.seq + 1, at=at, by=by, event=event))
            agenda(state)
        except Exception as error:
            raise FactoryError(
                what=f"{type(events[0]).__name__} cannot be taken in, and was not written",
                why=f"{type(error).__name__}: {error}; this is a defect of the factory, and nothing is lost by it",
                next_step="report what you did; everything else goes on",
            ) from error

    def _publish(self, entry: Entry, state: State) -> list[Exception]:
        """Tells every subscriber; one that fails is told nothing more, and the others and the history do not suffer."""
        failed = []
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(entry, state)
            except Exception as error:
                failed.append(error)
                self._subscribers.remove(subscriber)
        return failed

    def _note_broken_subscriber(self, error: Exception) -> None:
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
        with contextlib.suppress(FactoryError):
            self.submit(c.NoteCrash(job="a subscriber", task="", error=told), Actor(kind="factory", name="engine"))

    async def durable(self, seq: int = 0) -> None:
        """Returns once everything up to `seq` (0 = up to now) is on disk. No effect starts before."""
        try:
            await self._ledger.durable(seq or self.state.seq)
        except FactoryError as error:
            self._fail(error)
            raise

    async def carried_out(self, command: c.Command, by: Actor) -> tuple[Entry, ...]:
        """`submit`, then on disk."""
        entries = self.submit(command, by)
        if entries:
            await self.durable(entries[-1].seq)
        return entries

    async def until(self, holds: Callable[[State], bool]) -> State:
        """Waits until a condition on the state holds."""
        while not holds(self.state):
            if self.failure is not None:
                raise Refusal(what="the factory has stopped writing", why=str(self.failure))
            await self._changed.wait()
        return self.state

    def _fail(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self._changed.set()

    # --- jobs ------------------------------------------------------------------------------------

    @property
    def running(self) -> tuple[Job, ...]:
        return tuple(self._running)

    def _reconcile(self) -> None:
        """Start what is owed and not running, cancel what runs and is no longer owed."""
        if not self._runners:
            return
        owed = () if self._stopping else agenda(self.state)
        for job in owed:
            if job not in self._running:
                task = asyncio.get_running_loop().create_task(self._carry_out(job), name=str(job))
                self._running[job] = task
                task.add_done_callback(lambda done, job=job: self._forget(job, done))  # type: ignore[misc]
        current = asyncio.current_task()
        for job, task in tuple(self._running.items()):
            # A job never cancels itself: it is just recording its own outcome.
            if job not in owed and task is not current and not _is_turn(job, self.state):
                task.cancel()

    def _forget(self, job: Job, done: asyncio.Task[None]) -> None:
        """A job that was cancelled before its first step never came to the end that takes it off the list."""
        if self._running.get(job) is done:
            del self._running[job]
            self._changed.set()
            self._changed = asyncio.Event()
            if self.failure is None:
                self._reconcile()

    async def _carry_out(self, job: Job) -> None:
        """Runs one job to its end, on record whatever happens, then looks again at what is owed."""
        try:
            await self.durable()
            await self._runners[type(job)](job)
            if not self._stopping and not isinstance(job, TurnJob) and job in agenda(self.state):
                self._note_crash(job, "it ended and changed nothing, so it is owed still")
        except asyncio.CancelledError:
            pass
        except Refusal as refusal:
            # What was decided while the job was on its way may have made it needless: that is no crash.
            if job in agenda(self.state):
                self._note_crash(job, str(refusal))
        except FactoryError as error:
            self._note_crash(job, str(error))
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._note_crash(job, f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})")
        finally:
            self._running.pop(job, None)
            self._changed.set()
            self._changed = asyncio.Event()
            if self.failure is None:
                self._reconcile()

    def _note_crash(self, job: Job, error: str) -> None:
        if self.failure is not None:
            return
        with contextlib.suppress(FactoryError):
            self.submit(c.NoteCrash(job=str(job), task=job.task, error=error), Actor(kind="factory", name="engine"))

    async def idle(self, is_waiting: Callable[[Job, State], bool]) -> None:
        """Returns when every job that runs only waits for somebody, as `is_waiting` says."""
        while self.failure is None:
            if all(is_waiting(job, self.state) for job in self._running):
                return
            await self._changed.wait()

    async def stop(self) -> None:
        """Cancel every job and wait until each has ended on record. Nothing new is started."""
        self._stopping = True
        while self._running:
            tasks = tuple(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


def _is_turn(job: Job, state: State) -> bool:
    """A turn that is ending by itself is left to end; held, retired, looping or over its budget, it is interrupted."""
    task = state.tasks.get(job.task)
    turn = next((turn for turn in state.turns.values() if turn.task == job.task), None)
    is_ended = turn is not None and (turn.retired is not None or ended_because(state, turn)[0] is not None)
    return isinstance(job, TurnJob) and not is_ended and not (task and task.held)
