"""The cockpit: thin. It holds the last state, one ticker, and which screen is shown; the rest is screens and rows."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.timer import Timer

from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.events import HandoffReleased
from factory_tui.domain.gathering import calling
from factory_tui.domain.pace import offers_flow
from factory_tui.domain.preferences import Preferences
from factory_tui.domain.state import State, Task
from factory_tui.domain.waiting import waiting
from factory_tui.tui.bindings import Act
from factory_tui.tui.chronicle import Chronicle
from factory_tui.tui.keymap import USUAL, Keys
from factory_tui.tui.noticing import Noticing
from factory_tui.tui.outside import Outside
from factory_tui.tui.painting import Paint
from factory_tui.tui.palette import THEMES
from factory_tui.tui.present.elsewhere import said_at_first, said_at_the_end, why_nothing
from factory_tui.tui.present.floor import gathering_words
from factory_tui.tui.present.law import prepare
from factory_tui.tui.screens.floor import Floor
from factory_tui.tui.themes import register
from factory_tui.tui.view import Door, View

if TYPE_CHECKING:  # the first frame does not wait for the engine
    from factory_tui.engine.checklist import Checked, CheckLine

FAST, SLOW = 30, 15
"""Frames a second: of the pane that is read, of everything else."""
CALM_BEATS = 8
"""Beats without anything to draw after which the ticker rests."""
FLOW_OFFERED = "five handoffs in a row went out as they were"


class Cockpit(Noticing, inherit_bindings=False):
    """One factory on one terminal."""

    CSS_PATH = "theme.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "Factory OS"

    def __init__(
        self,
        door: Door,
        *,
        keys: Keys | None = None,
        theme: str = "dark",
        ascii_only: bool = False,
        arm_seconds: float = 0.4,
        bell: bool = True,
        problems: Sequence[str] = (),
        preferences: Preferences | None = None,
        environment: Mapping[str, str] | None = None,
        glimpse: State | None = None,
    ) -> None:
        """`arm_seconds`: how long an object must be on the screen before it can be answered. `glimpse`: what is shown,
        and cannot be answered, until the factory is open."""
        super().__init__(ansi_color=theme == "mono")
        self.door = door
        self.view: View | None = None
        self.state = glimpse or State()
        self.keys = keys or USUAL
        self.chronicle = Chronicle(self.keys)
        self.paint = Paint(THEMES[theme], ascii_only=ascii_only)
        self.arm_seconds = arm_seconds
        self.rings = bell
        self.outside = Outside(
            preferences=preferences or Preferences(),
            environment=os.environ if environment is None else environment,
            name=door.name,
            write=self._write,
            place=lambda: door.place,
        )
        self.phase = "opening the ledger"
        self.checks: Mapping[CheckLine, Checked] = {}
        self.has_not_begun = False
        self._is_briefing = False
        self.message: tuple[str, str] = ("; ".join(problems), "warn") if problems else ("", "bar")
        self._problems = tuple(problems)
        self.reason = ""
        """Why the cockpit was left; empty = it did not say."""
        self.words = ""
        """The supervisor's own, for the digest."""
        self.takes_over = False
        """Left to begin a session of its own, where it had only looked on."""
        self._told_of_end = False
        self.crash: BaseException | None = None
        self._failed: BaseException | None = None
        self._dirty = True
        self._draws_soon = False
        self._beat = 0
        self._calm = 0
        self._ticker: Timer | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._unsent: dict[tuple[str, str, str], str] = {}
        self.is_away = False
        """Another program has the terminal: nothing is drawn, and its Ctrl-C is its own."""
        self._asked_to_stop = False
        self._held = contextlib.ExitStack()
        self.begin_noticing()
        register(self, theme)

    def get_default_screen(self) -> Floor:
        return Floor()

    # --- beginning -------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._held.enter_context(self.batch_update())  # until every widget has its place: one first frame, not four
        self._ticker = self.set_interval(1 / FAST, self._tick, name="ticker")
        self.set_interval(1.0, self._second, name="clock")
        self.call_after_refresh(self._show_first)

    def _show_first(self) -> None:
        self._held.close()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.soon(self._open())

    async def _open(self) -> None:
        """Opens the factory behind the first frame."""
        try:
            view = await self.door.open(self.chronicle_hears)
            await asyncio.to_thread(prepare, view.state)
        except FactoryError as error:
            self.phase = ""
            self.crash = error
            self.exit(return_code=1)
            return
        self.take(view)
        self.begin_session()

    def begin_session(self) -> None:
        """Starts the session, in front of a checklist that ticks."""
        self.phase, self.has_not_begun, self.crash = "looking what this session stands on", False, None
        self.soon(self._begin_session())

    async def _begin_session(self) -> None:
        try:
            await self.door.start_up(self._on_check)
        except FactoryError as error:
            # The briefing shows which line failed; leaving says it again on the plain terminal.
            self.phase, self.has_not_begun, self.crash = "", True, error
            self.brief_if_free()
            raise
        self.phase = ""
        self.has_seen_all()
        self._after_start()

    def _on_check(self, checked: Checked) -> None:
        """Called in the middle of the start-up's own work."""
        self.checks = {**self.checks, checked.line: checked}
        self._is_briefing = self._is_briefing or self.brief_if_free()
        self.wake()

    def _after_start(self) -> None:
        """A digest to read, or something that failed, stays in front; else the floor does."""
        if (elsewhere := self.door.elsewhere) is not None:
            self.say(said_at_first(elsewhere, self.keys.key), "warn")
            return
        failed = [one for one in self.checks.values() if one.verdict != "ok"]
        if any(item.kind == "digest" for item in waiting(self.state)) or any(o.verdict == "fail" for o in failed):
            if not self.brief_if_free():
                new = f"{self.keys.key('go.briefing')}: what is new, and the digest that is to be read first"
                self.say(f"the session has begun; {new}", "warn")
        elif self._is_briefing and len(self.screen_stack) == 2 and self.room is not None and not self.room.is_typing:
            self.go_floor()
            well = f"the session has begun: {len(self.checks) - len(failed)} checks ended well"
            told = (*self._problems, well, *(f"{o.line}: {o.told}" for o in failed))
            self.say("; ".join(told), "warn" if failed or self._problems else "bar")
        self.wake()
        if self.room is not None:
            self.room.renew()

    def take(self, view: View) -> None:
        """Shows a factory from now on."""
        self.view, self.state = view, view.state
        for entry in view.past:
            self.chronicle.tell(entry, view.state)
        view.subscribe(self._on_entry)
        self.has_seen_all()
        self.wake()
        if self.room is not None:
            self.room.renew()

    # --- what comes down -------------------------------------------------------------------------

    def _on_entry(self, entry: Entry, state: State) -> None:
        """Called in the middle of the factory's own work: never fails, never draws."""
        try:
            self.state = state
            self.chronicle.tell(entry, state)
            self._offer_flow(entry)
        except Exception as error:
            self._failed = error
        self.wake()

    def _offer_flow(self, entry: Entry) -> None:
        """Said with what came of the answer that makes it true, and not again before five more."""
        if isinstance(entry.event, HandoffReleased) and offers_flow(self.state, self.chronicle.entries):
            more, one = self.keys.key("mode"), self.keys.key("turn.mode")
            self.also = f"{FLOW_OFFERED}: {more} lets only what must stop for you, `{one}` for one task"

    def chronicle_hears(self, about: str, text: str) -> None:
        """Streaming text, and documents that changed; called in the middle of the factory's own work."""
        changes = self.chronicle.changes
        try:
            self.chronicle.hear(about, text)
        except Exception as error:
            self._failed = error
        changed = self.chronicle.changes != changes
        if self._calm or changed:
            self.wake(changed)
        if changed and not self._draws_soon:
            self._draws_soon = self.call_later(self._draw_soon)

    def _draw_soon(self) -> None:
        """What changed on disk does not wait for a beat."""
        self._draws_soon = False
        if (room := self.drawable) is not None:
            room.present()

    def wake(self, changed: bool = True) -> None:
        """Something is to be drawn."""
        self._dirty = self._dirty or changed
        if self._calm and self._ticker is not None:
            self._calm = 0
            self._ticker.resume()

    def _tick(self) -> None:
        """The only thing that draws without a key: streams at every beat, rows at every second one."""
        if self._failed is not None:
            raise self._failed
        if (room := self.drawable) is None:
            return
        self._beat += 1
        slow = self._beat % (FAST // SLOW) == 0
        drew = room.flush(chosen_only=not slow)
        if self._dirty and slow:
            self._dirty = False
            drew = True
            room.present()
            if not room.is_typing:
                room.show_hints()
            self.ring()
        self._calm = 0 if drew else self._calm + 1
        if self._calm > CALM_BEATS and self._ticker is not None:
            self._ticker.pause()

    def _second(self) -> None:
        """Times grow."""
        self.notice_second()
        self._notice_end()
        grows = self.door.elsewhere or self.state.turns or waiting(self.state) or self.phase or self.chronicle.marks
        if grows and (room := self.drawable) is not None:
            room.present()

    def _notice_end(self) -> None:
        """The session that this cockpit looks on has ended there, or goes on again."""
        elsewhere = self.door.elsewhere
        has_ended = elsewhere is not None and elsewhere.has_ended
        if elsewhere is not None and has_ended != self._told_of_end:
            self._told_of_end = has_ended
            self.say((said_at_the_end if has_ended else said_at_first)(elsewhere, self.keys.key), "warn")

    # --- out -------------------------------------------------------------------------------------

    def _write(self, sequence: str) -> None:
        if self._driver is not None:
            self._driver.write(sequence)

    async def step_aside(self, words: Sequence[str], directory: str) -> int:
        """Gives the terminal to a program and takes it back; the factory goes on meanwhile. Returns its exit code."""
        if self.is_headless:
            self.say("there is no terminal to give away", "warn")
            return 1
        self.is_away = True
        try:
            with self.suspend():
                child = await asyncio.create_subprocess_exec(*words, cwd=directory)
                return await child.wait()
        except OSError as error:
            self.say(f"{words[0]} does not start: {error.strerror}", "warn")
            return 127
        finally:
            self.is_away = False
            self.refresh()
            self.wake()

    # --- words -----------------------------------------------------------------------------------

    def quiet(self) -> None:
        self.message = ("", "bar")

    def held_elsewhere(self, act: Act) -> str:
        """Why an act does nothing in a cockpit that only looks on; empty = this one does not, or the act only looks."""
        elsewhere = self.door.elsewhere
        return why_nothing(elsewhere, self.keys.key) if elsewhere is not None and act.is_change else ""

    def not_now(self, act: Act) -> str:
        if self.view is None and act.group in ("answer", "work", "turn"):
            return "the ledger is still opening"
        elsewhere = self.door.elsewhere
        match act.id:
            case "next" if not calling(self.state):
                told = gathering_words(self.state).strip()
                return f"nothing waits for you{f' yet; {told[:-1]} for a moment' if told else ''}"
            case "task.new" if self.has_not_begun and not self.phase:
                why, again = self.keys.key("go.briefing"), self.keys.key("begin.again")
                return f"the session has not begun; {why} says why, and {again} there tries again"
            case "task.new" if self.state.charter is None:
                return "who could take it is not known yet: the roles are still being read"
            case "task.new" if (mission := self.state.mission) is not None:
                return (
                    f"mission {mission.id} is under way, one at a time; it ends once its tasks landed or were dropped"
                )
            case "pause-all" if not self.state.session_open:
                return "no session is open"
            case "session.here" if elsewhere is None:
                return "this cockpit holds the session"
            case "session.here" if elsewhere is not None and not elsewhere.has_ended:
                over = f"{self.keys.key('session.here')} takes over"
                return f"{elsewhere.holder} holds the session; once that has ended, {over}"
            case "go.away" if self.absence is None:
                return "you were not away"
            case _:
                return ""

    def copy(self, text: str, what: str) -> None:
        """Out of the cockpit, and says where to."""

        async def carry_out() -> None:
            went = await self.outside.copy(text)
            self.say(f"copied {went or 'nowhere: there is no place for it'}; {len(text)} characters of {what}", "bar")

        self.soon(carry_out())

    # --- leaving ---------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Ctrl-C: said once, done the second time."""
        if self._asked_to_stop:
            self.leave("ended with Ctrl-C")
        elif self.door.elsewhere is not None:
            self._asked_to_stop = True
            leaves = f"Ctrl-C again leaves, as {self.keys.key('quit')} does"
            self.say(f"{leaves}; this cockpit only looks on, and nothing ends by that", "warn")
        else:
            self._asked_to_stop = True
            kept = f"{self.keys.key('quit')} shows what is kept first"
            self.say(f"Ctrl-C again ends the session and writes the digest; {kept}", "warn")

    def act_quit(self) -> None:
        """Asks before a session ends; one that runs elsewhere does not end."""
        if self.door.elsewhere is not None:
            self.leave("it only looked on")
        else:
            super().act_quit()

    def act_session_here(self) -> None:
        self.takes_over = True
        self.leave("it takes the session over")

    def leave(self, reason: str, words: str = "") -> None:
        """Ends the session: turns are interrupted and kept, the digest is written after the screen is given back."""
        self.reason, self.words = self.reason or reason, words or self.words
        self.exit()

    def read_task(self, task: Task) -> None:
        from factory_tui.tui.present.tasks import task_parts

        self.read(f"{task.id} {task.title}", task_parts(self.state, task))

    def _fatal_error(self) -> None:
        """A mistake of ours: the cockpit closes calmly, and whoever started it tells what happened."""
        self.crash = self._exception
        self._close_messages_no_wait()


if TYPE_CHECKING:
    from factory_tui.tui.bridge import Bridge

    def _seen_from_a_screen(cockpit: Cockpit) -> Bridge:
        """Checked by the type checker: the cockpit is what its screens take it for."""
        return cockpit
