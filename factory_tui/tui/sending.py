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
    from factory_tui.tui.keymap import Keys
    from factory_tui.tui.view import View

APPROVAL_HOURS = 8.0
KEPT = "your words are kept for the next try"


def _of(item: Waiting, verb: str) -> tuple[str, str, str]:
    """A handoff or a plan that is made anew has another id: a reason is about its task. A text, and an answer to one
    action, are about nothing else."""
    is_own = verb == "edit" or item.kind in ("ask", "question")
    return item.kind, item.id if is_own else item.task or item.id, verb


class Sending(Looks, inherit_bindings=False):
    """Beneath the cockpit: what is refused is said in words; a mistake of ours is kept for the next beat."""

    keys: Keys
    view: View | None
    _failed: BaseException | None
    _jobs: set[asyncio.Task[None]]
    _unsent: dict[tuple[str, str, str], str]
    """Words for an answer that is not on record, by kind, object and verb."""
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

    def ask(self, request: Request, told: Told, then: Callable[[], None] | None = None, kept: str = "") -> None:
        """One request to the reception, as somebody at the terminal. `told` is said afterwards, or made of what came of
        it; `kept` is said with a refusal."""

        async def carry_out(view: View) -> None:
            try:
                answer = await view.ask(request)
            except FactoryError as error:
                error.next_step = "; ".join(filter(None, (kept, error.next_step)))
                raise
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
        """Answers exactly the object that was shown. Words are kept until they are on record."""
        from factory_tui.engine.reception import Adopt, HandOver, Reply

        request: Request
        told = f"{verb} {item.id}: {item.title}"
        if item.kind == "proposal" and verb == "adopt":
            request = Adopt(proposal=item.id, sha256=item.sha256)
        elif verb == "handover":
            request = HandOver(task=item.task, note=text)
        elif item.kind == "handoff" and verb == "edit":
            request = Reply(id=item.id, verb=verb, content=text, sha256=item.sha256)
            told = f"the edited brief of {item.id} is on record; look and approve it"
        else:
            expires = hours_after(self.now(), APPROVAL_HOURS) if item.kind == "change" and verb == "approve" else ""
            request = Reply(id=item.id, verb=verb, text=text, sha256=item.sha256, expires=expires)

        def recorded() -> None:
            self.keep(item, verb, "")
            then()

        self.keep(item, verb, text)
        self.ask(request, told, recorded, KEPT if text else "")

    def keep(self, item: Waiting, verb: str, text: str) -> None:
        """Keeps words for an answer until it is on record; empty = they are not needed any more."""
        self._unsent.pop(_of(item, verb), None)
        if text:
            self._unsent[_of(item, verb)] = text

    def kept(self, item: Waiting, verb: str) -> str:
        """What was typed for that answer and is not on record."""
        return self._unsent.get(_of(item, verb), "")

    def act_pause_all(self) -> None:
        from factory_tui.engine.reception import SetPaused

        paused = bool(self.state.paused)
        told = (
            "every turn goes on"
            if paused
            else f"every turn stops before its next action; {self.keys.key('pause-all')} goes on"
        )
        self.ask(SetPaused(paused=not paused, reason="" if paused else "the supervisor paused"), told)
