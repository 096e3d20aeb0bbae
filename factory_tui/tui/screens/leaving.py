"""The way out: what is kept, the digest as it will be written, room for the supervisor's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from factory_tui.domain.plurals import count
from factory_tui.engine.reception import PreviewDigest
from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Line, Span
from factory_tui.tui.screens.arming import Armed
from factory_tui.tui.screens.reader import Reader

if TYPE_CHECKING:
    from factory_tui.tui.bridge import Bridge


class QuitCard(Armed, Reader):
    """Enter leaves, Esc stays; t adds words of one's own to the digest."""

    places: ClassVar[tuple[str, ...]] = ("text", "leaving")

    def __init__(self) -> None:
        super().__init__("end this session?", [])
        self.words = ""

    def prepare(self) -> None:
        self.parts = [("what is kept", kept(self.cockpit))]
        super().prepare()
        self.cockpit.soon(self._preview())
        self.call_after_refresh(self._painted)

    async def _preview(self) -> None:
        view = self.cockpit.view
        if view is None:
            return
        told = await view.ask(PreviewDigest(words=self.words))
        self.parts = [("what is kept", kept(self.cockpit)), ("the digest that will be written", str(told["text"]))]
        self.show_parts()
        self.present()

    def header(self) -> Line:
        told = f" {self.key_of('leave')} ends the session and writes the digest, {self.key_of('back')} stays"
        return (Span(" LEAVING ", "bar-alert"), Span(told, "bar"))

    def not_now(self, act: Act) -> str:
        if act.id == "leave" and not self.is_armed:
            return "it was typed before you could have seen this; press again"
        return super().not_now(act)

    def act_leave(self) -> None:
        self.cockpit.leave("the supervisor ended it", self.words)

    def act_leave_words(self) -> None:
        self.type("your own words for the digest", self._with_words, self.words)

    def _with_words(self, text: str) -> None:
        self.words = text
        self.cockpit.soon(self._preview())


def kept(cockpit: Bridge) -> str:
    """What becomes of everything under way."""
    state = cockpit.state
    lines = [f"- {turn.id} on {turn.task} is interrupted; its worktree stays as it is" for turn in state.turns.values()]
    owner = "its" if len(state.tasks) == 1 else "their"
    lines += [f"- {count(len(state.tasks), 'open task')}, {owner} verdicts, findings and approvals stay on record"]
    lines.append("- the next session starts no turn before you have read the digest")
    return "\n".join(lines)


def read_preview(cockpit: Bridge) -> None:
    """The digest as it would be written now, to read."""

    async def read() -> None:
        if cockpit.view is not None:
            told = await cockpit.view.ask(PreviewDigest())
            cockpit.read("the digest as it would be written now", [("digest", str(told["text"]))])

    cockpit.soon(read())
