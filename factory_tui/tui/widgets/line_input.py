"""One line to type into, the only thing that takes the focus: a reason, a reply, a search, a task."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.widgets import Input


class LineInput(Input):
    """Where text is typed. It never approves anything: it only gives words to an answer that was already chosen."""

    DEFAULT_CSS = """
    LineInput, LineInput:focus { border: none; height: 1; padding: 0 1; background: $surface; color: $foreground; }
    """

    def __init__(self, *, id: str, value: str = "", send: Callable[[str], None] | None = None) -> None:
        """`send` gets the text at once when Enter is pressed; without it a `Submitted` goes up, as Textual has it."""
        super().__init__(value=value, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False
        self._send = send
        self._is_over = False

    async def _on_key(self, event: events.Key) -> None:
        """What is typed after Enter or Esc is not text any more: it goes on to the screen, however fast it came."""
        if self._is_over:
            event.prevent_default()
        elif event.key == "escape":
            event.prevent_default()
            self._is_over = True
        elif event.key == "enter" and self._send is not None:
            event.stop()
            event.prevent_default()
            self._is_over = True
            self._send(self.value)
