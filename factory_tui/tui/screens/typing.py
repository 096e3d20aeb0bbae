"""One line to type into at the foot of a screen: what is asked for, other kinds of it by Tab, and a form for more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.screen import Screen

from factory_tui.tui.keymap import shown
from factory_tui.tui.lines import Line, Span, line_width, wrapped
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.widgets.bar import Bar

if TYPE_CHECKING:
    from factory_tui.tui.bridge import Bridge
    from factory_tui.tui.widgets.line_input import LineInput

Typed = Callable[[str], None]
LINE = ("line",)
"""The place of a line that is typed into, on every screen."""
_SENDS, _SENDS_NOT, _OTHER, _FORM = "Enter sends", "Esc does not", "Tab: another kind", "a form"


class Typing(Screen[None], inherit_bindings=False):
    """Beneath every screen. Nothing is sent by leaving the line."""

    if TYPE_CHECKING:

        @property
        def cockpit(self) -> Bridge: ...
        def lay_out(self) -> None: ...
        def renew(self) -> None: ...
        def say(self, text: str, style: str = "bar") -> None: ...

    def __init__(self) -> None:
        super().__init__()
        self._typed: Typed | None = None
        self._toggle: tuple[str, ...] = ()
        self._toggled = 0
        self._prompt: tuple[Line, ...] = ()
        self._lines_begun = 0
        self._asks: Bar | None = None
        """Where it is said what is asked for; None = no line is typed into."""
        self._entry: LineInput | None = None

    def key_of(self, action: str) -> str:
        """The key that does an action now, for words that name it."""
        return self.cockpit.keys.key(action)

    def places_of_line(self, width: int, height: int) -> dict[str, Place]:
        """Where it stands, at the foot, while it is typed into."""
        if self._asks is None or self._entry is None:
            return {}
        self._prompt = self._prompt_rows(width)
        rows = len(self._prompt)
        asks, entry = str(self._asks.id), str(self._entry.id)
        return {asks: Place(0, height - 1 - rows, width, rows), entry: Place(0, height - 1, width, 1)}

    def wants_form(self, key: str) -> bool:
        """Whether the key leaves the line for a form."""
        act = self.cockpit.keys.find(key, LINE) if self._typed is not None else None
        return act is not None and LINE[0] in act.where

    def press_in_line(self, key: str) -> None:
        """The keys that are not text."""
        if self.wants_form(key):
            self.act_line_form()
        elif key == "escape":
            if self._entry is not None:
                self.leave_line(self._entry.value.strip())
            self.stop_typing()
            self.say("nothing was sent", "bar-dim")
        else:
            self._toggled = (self._toggled + 1) % len(self._toggle)
            self._show_prompt()

    def type(self, prompt: str | Sequence[str], then: Typed, value: str = "") -> None:
        """Asks for one line. Several prompts: Tab goes through them, `toggled` tells which."""
        from factory_tui.tui.widgets.line_input import LineInput

        if self._typed is not None:
            return
        self._typed = then
        self._toggle = (prompt,) if isinstance(prompt, str) else tuple(prompt)
        self._toggled = 0
        # A line that is over may still be on its way out: no two have one name.
        self._lines_begun += 1
        self._asks = Bar(id=f"asks-{self._lines_begun}")
        self._asks.add_class("asks")
        self._entry = LineInput(id=f"entry-{self._lines_begun}", value=value, send=self.submit)
        self.mount(self._asks, self._entry)
        self._show_prompt()
        self._entry.focus()

    def leave_line(self, text: str) -> None:
        """It was left, and nothing was sent."""

    @property
    def toggled(self) -> int:
        return self._toggled

    @property
    def is_typing(self) -> bool:
        return self._typed is not None

    def _show_prompt(self) -> None:
        self.lay_out()
        if self._asks is not None:
            self._asks.show(*self._prompt)

    def _prompt_rows(self, width: int) -> tuple[Line, ...]:
        """What is asked for and the keys for it: in one row where they fit, else the keys below."""
        asked = f" {self._toggle[self._toggled]}"
        keys = f"   {_SENDS}, {_SENDS_NOT}" + (f"  {_OTHER}" if len(self._toggle) > 1 else "")
        if forms := self.cockpit.keys.by_id["line.form"].keys:
            keys += f"  {shown(forms[0])}: {_FORM}"
        whole = (Span(asked + keys, "key"),)
        if line_width(whole) <= width:
            return (whole,)
        return (*wrapped(asked, width, "key", " "), *wrapped(keys, width, "key", " "))

    def act_line_form(self) -> None:
        """The same text in a form: more than a line, and one's own editor."""
        then, told = self._typed, self._toggle[self._toggled]
        text = self._entry.value if self._entry is not None else ""
        self.stop_typing()
        if then is not None:
            self.cockpit.write(told, text, then)

    def stop_typing(self) -> None:
        self._typed = None
        self.set_focus(None)
        for widget in (self._entry, self._asks):
            if widget is not None:
                widget.remove()
        self._entry = self._asks = None
        self.lay_out()
        self.call_after_refresh(self.renew)

    def on_input_submitted(self, event: LineInput.Submitted) -> None:
        if self._typed is not None:
            event.stop()
            self.submit(event.value)

    def submit(self, text: str) -> None:
        """Sends what was typed."""
        then, value = self._typed, text.strip()
        self.stop_typing()
        if then is not None:
            then(value)

    def press_prompt(self, text: str, column: int) -> None:
        tab, no, yes, form = text.find(_OTHER), text.find(_SENDS_NOT), text.find(_SENDS), text.find(_FORM)
        if 0 <= form <= column:
            self.act_line_form()
        elif 0 <= tab <= column:
            self.press_in_line("tab")
        elif 0 <= no <= column:
            self.press_in_line("escape")
        elif 0 <= yes <= column:
            self.submit(self._entry.value if self._entry is not None else "")
