"""What a screen may ask of the cockpit: the state that came down, commands that go up, and other screens.

Screens know this shape and not the application, so that the application may know its screens.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from factory_tui.domain.commands import Command
    from factory_tui.domain.item import Waiting
    from factory_tui.domain.state import State, Task
    from factory_tui.engine.checklist import Checked, CheckLine
    from factory_tui.engine.reception import Request
    from factory_tui.tui.bindings import Act
    from factory_tui.tui.chronicle import Chronicle
    from factory_tui.tui.keymap import Keys
    from factory_tui.tui.painting import Paint
    from factory_tui.tui.view import Door, View


Told = str | Callable[[dict[str, Any]], str]
"""What is said once it is done, or what makes that of the answer."""


class Bridge(Protocol):
    """The cockpit, seen from a screen."""

    state: State
    chronicle: Chronicle
    view: View | None
    """None while the ledger is opening."""
    door: Door
    keys: Keys
    paint: Paint
    phase: str
    """What is under way before there is a state; empty afterwards."""
    checks: Mapping[CheckLine, Checked]
    """The start's checklist as far as it was told."""
    has_not_begun: bool
    """The session's start failed and may be tried again."""
    message: tuple[str, str]
    arm_seconds: float

    @property
    def room(self) -> Any:
        """The screen in front."""

    @property
    def screen_stack(self) -> Sequence[Any]: ...

    def now(self) -> str: ...
    def was_here(self) -> None:
        """Somebody typed a key."""

    def came_back(self) -> None:
        """The terminal reported its size."""

    def say(self, text: str, style: str = "bar") -> None: ...
    def quiet(self) -> None: ...
    def held_elsewhere(self, act: Act) -> str: ...
    def not_now(self, act: Act) -> str: ...
    def copy(self, text: str, what: str) -> None: ...

    def command(self, command: Command, told: str) -> None: ...
    def ask(self, request: Request, told: Told, then: Callable[[], None] | None = None) -> None: ...
    def answer(self, item: Waiting, verb: str, text: str, then: Callable[[], None]) -> None: ...
    def keep(self, item: Waiting, verb: str, text: str) -> None: ...
    def kept(self, item: Waiting, verb: str) -> str:
        """What was typed for an answer that is not on record."""

    async def step_aside(self, words: Sequence[str], directory: str) -> int: ...
    def wake(self, changed: bool = True) -> None:
        """Something is to be drawn."""

    def soon(self, work: Coroutine[Any, Any, None]) -> None: ...

    def begin_session(self) -> None: ...
    def go_back(self) -> None: ...
    def enter(self, room: Any) -> None: ...
    def read(self, title: str, parts: Sequence[tuple[str, str]]) -> None: ...
    def read_task(self, task: Task) -> None: ...
    def write(self, told: str, text: str, then: Callable[[str], None]) -> None:
        """A form for more than a line; `then` is given what was written once it is sent."""

    def read_rule(self, rule: str, task: str = "") -> None: ...
    def open_item(self, id: str) -> None: ...
    def open_waiting(self, item: Waiting) -> None: ...
    def open_about(self, task: str) -> bool: ...
    def open_deployment(self, id: str) -> None: ...
    def propose_deployment(self) -> None: ...
    def act_next(self) -> None: ...
    def act_pause_all(self) -> None: ...

    def interrupt(self) -> None: ...
    def leave(self, reason: str, words: str = "") -> None: ...
