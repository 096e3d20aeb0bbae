"""One line to type into, the only thing that takes the focus: a reason, a reply, a search, a task."""

from __future__ import annotations

from textual.widgets import Input


class LineInput(Input):
    """Where text is typed. It never approves anything: it only gives words to an answer that was already chosen."""

    DEFAULT_CSS = """
    LineInput, LineInput:focus { border: none; height: 1; padding: 0 1; background: $surface; color: $foreground; }
    """

    def __init__(self, *, id: str = "entry", value: str = "") -> None:
        super().__init__(value=value, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False
