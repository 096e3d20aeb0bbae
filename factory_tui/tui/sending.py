"""What goes up from the cockpit: commands, requests and answers, carried out beside the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from factory_tui.domain.errors import FactoryError
from factory_tui.domain.item import Waiting
from factory_tui.tui.looks import Looks
from factory_tui.tui.present.words import hours_after

if TYPE_CHECKING:  # the first frame does not wait for the engine
    from factory_tui.domain.commands import Command
    from factory_tui.engine.reception import Request
    from factory_tui.tui.bridge import Told
    from factory_tui.tui.view import View

APPROVAL_HOURS = 8.0


class Sending(Looks, inherit_bindings=False):
    """Beneath the cockpit: what is refused is said in words; a mistake of ours is kept for the next beat."""

    view: View | None
    _failed: BaseException | None
    _jobs: set[asyncio.Task[None]]
    also = ""
    """What is said beside what came of the next answer."""

    if TYPE_CHECKING:

        def wake(self, changed: bool = True) -> None: ...

    def now(self) -> str:
        return self.view.now() if self.view else ""

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs beside the screen; what the factory refuses is said, anything else is a crash."""

        async def guarded() -> None:
            try:
                await work
            except FactoryError as error:
                self.say(f"{error.what}: {error.why}; {error.next_step}".replace(": ;", ";").rstrip("; "), "warn")
            except Exception as error:
                self._failed = error
                self.wake()

        job = asyncio.get_running_loop().create_task(guarded())
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    def command(self, command: Command, told: str) -> None:
        """One command of the supervisor, and what to say when it is on disk."""

        async def carry_out(view: View) -> None:
            await view.submit(command)
            self.say(told, "bar")

        self._with_view(carry_out)

    def ask(self, request: Request, told: Told, then: Callable[[], None] | None = None) -> None:
        """One request to the reception, as somebody at the terminal. `told` is said afterwards, or made of what came of
        it."""

        async def carry_out(view: View) -> None:
            answer = await view.ask(request)
            if then is not None:
                then()
            also, self.also = self.also, ""
            words = told if isinstance(told, str) else told(answer)
            self.say(f"{words}. {also}" if also else words, "bar")

        self._with_view(carry_out)

    def _with_view(self, work: Callable[[View], Coroutine[Any, Any, None]]) -> None:
        if self.view is None:
            self.say("the ledger is still opening", "warn")
        else:
            self.soon(work(self.view))

    def answer(self, item: Waiting, verb: str, text: str, then: Callable[[], None]) -> None:
        """Answers exactly the object that was shown."""
        from factory_tui.engine.reception import Adopt, HandOver, Reply

        request: Request
        if item.kind == "proposal" and verb == "adopt":
            request = Adopt(proposal=item.id, sha256=item.sha256)
        elif verb == "handover":
            request = HandOver(task=item.task, note=text)
        else:
            expires = hours_after(self.now(), APPROVAL_HOURS) if item.kind == "change" and verb == "approve" else ""
            request = Reply(id=item.id, verb=verb, text=text, sha256=item.sha256, expires=expires)
        self.ask(request, f"{verb} {item.id}: {item.title}", then)

    def act_pause_all(self) -> None:
        from factory_tui.engine.reception import SetPaused

        paused = bool(self.state.paused)
        told = "every turn goes on" if paused else "every turn stops before its next action; P goes on"
        self.ask(SetPaused(paused=not paused, reason="" if paused else "the supervisor paused"), told)
