"""What every screen has: keys by the one table, a hint strip, one line to type into, and words for what is not so.

Selection is ours; Textual's focus is used for typing text and for nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events
from textual.geometry import Size
from textual.widget import Widget

from factory_tui.tui.bindings import Act
from factory_tui.tui.harmless import one_line
from factory_tui.tui.keymap import shown
from factory_tui.tui.lines import Line, Span, line_width, text_of, with_marks, wrapped
from factory_tui.tui.painting import Painted
from factory_tui.tui.present.elsewhere import elsewhere_badge
from factory_tui.tui.present.hints import hint_line, key_at, sequence_line
from factory_tui.tui.present.proof import badges, frozen_badge
from factory_tui.tui.present.words import Setting
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.typing import Typing
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.pane import Pane
from factory_tui.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from factory_tui.tui.bridge import Bridge

LEAST_HINTS = 24
"""Columns beside a message that are worth showing keys in."""
UNMOVED = {
    "move.top": "this is the beginning",
    "part.before": "this is the beginning",
    "move.end": "this is the end",
    "part.next": "this is the end",
    "card.diff": "this is the difference",
    "task.": "it is chosen already",
}
"""Actions that only move, and what is said when they did not."""
Made = TypeVar("Made", bound=Painted)


class Room(Typing, inherit_bindings=False):
    """One screen. Subclasses give `places_for`, `present`, and a method for each action of their own."""

    places: ClassVar[tuple[str, ...]] = ()
    """Names from the table of actions that belong here; `any` always does."""
    always: ClassVar[tuple[str, ...]] = ("whole", "back")
    """Actions that have their place on the strip of keys, however small it is: what works of them."""
    own_keys: ClassVar[tuple[str, ...]] = ()
    """Keys that the strip names and `press` takes, and that are no actions of the table."""
    AUTO_FOCUS = ""

    def __init__(self) -> None:
        super().__init__()
        self._begun = ""
        self._hint_rows = self._strip_rows = 1
        self.needle = ""
        self.drawn: dict[str, Painted] = {}
        """The widgets of this screen, by id."""

    def bar_at(self, name: str) -> Bar:
        found = self.drawn[name]
        assert isinstance(found, Bar)
        return found

    def rows_at(self, name: str) -> Rows:
        found = self.drawn[name]
        assert isinstance(found, Rows)
        return found

    def pane_at(self, name: str) -> Pane:
        found = self.drawn[name]
        assert isinstance(found, Pane)
        return found

    def box_of(self, widget: Made) -> Made:
        """Keeps a widget to be found by its id."""
        self.drawn[widget.id or ""] = widget
        return widget

    @property
    def cockpit(self) -> Bridge:
        """The application; no screen is ever shown by another one."""
        return cast("Bridge", self.app)

    def setting(self, width: int) -> Setting:
        return Setting(
            now=self.cockpit.now(), width=width, glyphs=self.cockpit.paint.glyphs, keys=self.cockpit.keys.names
        )

    # --- for subclasses --------------------------------------------------------------------------

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        """Where each widget stands, by id; others are hidden."""
        return {}

    def present(self) -> None:
        """The state changed, or the screen is shown: give every widget what it shows now."""

    def flush(self, chosen_only: bool) -> bool:
        """Draw what streamed since the last frame. True when anything did."""
        return False

    def not_now(self, act: Act) -> str:
        """Why an action does nothing now; empty = it works."""
        return ""

    # --- arranging -------------------------------------------------------------------------------

    is_ready = False
    """Its widgets are there and may be drawn."""

    def prepare(self) -> None:
        """The widgets are there; called once, before they are first shown."""

    def on_mount(self) -> None:
        # Textual calls the handlers of all classes: subclasses prepare instead.
        self.is_ready = True
        self.prepare()
        self.lay_out()
        self.present()
        self.show_hints()

    def on_resize(self, event: events.Resize) -> None:
        self.cockpit.came_back()
        self.lay_out()
        if self.is_typing:
            self._show_prompt()
        self.call_after_refresh(self._renew_resized)

    def _renew_resized(self) -> None:
        """What is cut is known only when it was drawn at the new size: the strip of keys names `=` by that."""
        self.renew()
        self.call_after_refresh(self.show_hints)

    def _screen_resized(self, size: Size) -> None:
        """The newest size, whichever one this tells of. A layout of another size than before tells the screen of it
        once more: two sizes that came while it was made would be told in turn for ever, and no signal be heard."""
        super()._screen_resized(self.app.size)

    def on_screen_resume(self) -> None:
        self.renew()

    def renew(self) -> None:
        if self.is_ready:
            self.present()
            self.show_hints()

    def lay_out(self) -> None:
        """Puts every widget in its place; only what moved is laid out anew."""
        width, height = self.app.size
        if not width or not height:
            return
        found = self.places_for(width, height - self._strip_rows + 1)
        found |= self.places_of_line(width, height)
        if (hints := found.get("hints")) is not None:
            more = min(max(self._hint_rows, self._strip_rows) - 1, hints.y)
            hints = Place(hints.x, height - 1, hints.width, hints.height)
            found["hints"] = Place(hints.x, hints.y - more, hints.width, hints.height + more)
        for widget in self.query(Widget).results():
            if widget.id and widget.parent is self:
                put(widget, found.get(widget.id))

    # --- keys ------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        front = self.cockpit.room
        if front is None or front is self:
            self.typed_key(event)
            return
        # A key before it, in one burst, left this screen or opened another: what follows is for the one in front.
        event.stop()
        event.prevent_default()
        again = events.Key(event.key, event.character)
        again.time = event.time
        self.app.post_message(again)

    def typed_key(self, event: events.Key) -> None:
        """One key, wherever the focus is. What is not stopped goes on to the line one types into."""
        self.cockpit.was_here()
        with_alt = event.key.startswith("alt+")  # of terminals that say so; no action has such a key
        key = event.character if event.is_printable and event.character and not with_alt else event.key
        if self._typed is not None and key not in ("escape", "tab", "ctrl+c") and not self.wants_form(key):
            return  # the line one types into has keys of its own
        event.stop()
        event.prevent_default()
        if key == "ctrl+c":
            self.cockpit.interrupt()
        elif not self.is_typing:
            self.press(key, event.time)
        else:
            self.press_in_line(key)

    def press(self, key: str, at: float = 0.0) -> None:
        """One key, as typed."""
        self.cockpit.quiet()
        keys = self.cockpit.keys
        if self._begun:
            sequence, self._begun = f"{self._begun} {key}", ""
            act = keys.find(sequence, self.places)
            if act is None:
                if key != "escape":
                    self.say(f"`{shown(sequence)}` means nothing", "bar-dim")
                self.show_hints()
                return
        else:
            act = keys.find(key, self.places)
            if act is None and keys.is_start(key, self.places):
                self._begun = key
                self._bar.show(sequence_line(keys.following(key, self.places), key, self.app.size.width))
                return
        if act is None:
            self.say(self.unknown(key), "bar-dim")
            return
        self.perform(act, at)
        self.show_hints()

    def unknown(self, key: str) -> str:
        """What a key is for that means nothing here."""
        elsewhere = [act for act in self.cockpit.keys.acts if key in act.keys and not act.id.startswith("item.")]
        elsewhere.sort(key=lambda act: not act.is_answer)
        if elsewhere and (why := self.cockpit.held_elsewhere(elsewhere[0])):
            return f"`{shown(key)}` {elsewhere[0].label}: {why}"
        if elsewhere and elsewhere[0].is_answer:
            opens = f"{self.key_of('next')} opens what waits"
            return f"`{shown(key)}` answers, and answers only where the whole object is shown; {opens}"
        does = f"{self.key_of('help')} shows what does"
        if elsewhere:
            return f"`{shown(key)}` ({elsewhere[0].label}) does nothing on this screen; {does}"
        return f"`{shown(key)}` means nothing; {does}"

    def perform(self, act: Act, at: float = 0.0) -> None:
        """Does an action of the table, or says why not."""
        why = self.why_not(act)
        if why:
            keys = shown(act.keys[0]) if act.keys else act.label
            self.say(f"`{keys}` {act.label}: not now, {why}", "warn")
            return
        self.pressed_at = at
        method = getattr(self, act.method, None) or getattr(self.cockpit, act.method)
        unmoved = UNMOVED.get(act.id.rstrip("123456789"), "")
        stood = self.standing() if unmoved else ()
        method()
        if unmoved and self.cockpit.room is self and not self.cockpit.message[0] and self.standing() == stood:
            self.say(unmoved, "bar-dim")

    def standing(self) -> tuple[object, ...]:
        """Where somebody is: in each part of the screen, and what else is chosen."""
        return tuple(widget.standing for widget in self.drawn.values() if widget.display)

    pressed_at = 0.0
    """When the key was typed whose action is done now."""

    def why_not(self, act: Act) -> str:
        """Why an action does nothing now; empty = it works."""
        if held := self.cockpit.held_elsewhere(act):
            return held
        if act.id.startswith("task.") and act.id[5:].isdigit() and hasattr(self, "choose_task"):
            return self.not_now(act)
        if not hasattr(self, act.method) and not hasattr(self.cockpit, act.method):
            return "this screen has nothing for it"
        if act.id == "whole" and not any(widget.display and widget.has_cut for widget in self.drawn.values()):
            return "nothing on this screen is cut"
        return self.not_now(act) or self.cockpit.not_now(act)

    # --- words -----------------------------------------------------------------------------------

    @property
    def _marks(self) -> Line:
        return (
            *elsewhere_badge(self.cockpit.door.elsewhere, self.key_of),
            *frozen_badge(self.cockpit.state),
            *badges(self.cockpit.state.wall, root=self.cockpit.state.root),
        )

    @property
    def header_room(self) -> int:
        """Columns that a header of two ends may fill: those that are not taken by what is not as it should be."""
        return self.app.size.width - (line_width(self._marks) + 1 if self._marks else 0)

    def show_header(self, told: Line) -> None:
        """The screen's own header; at its end what is not as it should be, in words, on every screen."""
        marks = self._marks
        bar = self.bar_at("header")
        bar.show(with_marks(told, marks, self.app.size.width, "bar") if marks else told)

    @property
    def _bar(self) -> Bar:
        return self.bar_at("hints")

    def say(self, text: str, style: str = "bar") -> None:
        """One line for the supervisor, until the next key."""
        self.cockpit.message = (one_line(text, 600), style)
        self.show_hints()

    def show_hints(self) -> None:
        if not self.is_ready or self._begun:
            return
        width = self.app.size.width
        text, style = self.cockpit.message
        if text:
            told = wrapped(text, max(1, width - 1), style, " ")[: max(1, self.app.size.height // 2)]
            self._make_room(max(1, len(told)), self._strip_rows)
            background = style if style.startswith("bar") else "bar"
            lines = [(Span(" "), *one) for one in told]
            if (left := width - line_width(lines[-1]) - 2) > LEAST_HINTS:
                lines[-1] = (*lines[-1], Span("  ", background), *self.hints(left))
            self._bar.show(*lines, fills=(background,) * len(told))
        else:
            strip = self.hint_rows(width)
            self._make_room(1, len(strip))
            self._bar.show(*strip)

    def _make_room(self, told: int, strip: int) -> None:
        """Words that take more than one row stand over the end of what is shown, until the next key; keys that do take
        their room from it."""
        if (told, strip) != (self._hint_rows, self._strip_rows):
            self._hint_rows, self._strip_rows = told, strip
            self.lay_out()

    def hint_rows(self, width: int) -> tuple[Line, ...]:
        """The strip of keys: one row, or as many as it must have."""
        return (self.hints(width),)

    def hints(self, width: int) -> Line:
        acts = self.cockpit.keys.here(self.places)
        return hint_line(acts, lambda act: not self.why_not(act), width, self.always)

    # --- mouse -----------------------------------------------------------------------------------

    def on_bar_pressed(self, message: Bar.Pressed) -> None:
        """The strip of keys and the line one types into do by a click what their keys do."""
        self.cockpit.was_here()
        if message.bar.id == "hints":
            message.stop()
            self._press_hint(message.bar.line_at(message.row), message.column, message.time)
        elif message.bar is self._asks:
            message.stop()
            self.press_prompt(text_of(message.bar.line_at(message.row)), message.column)

    def _press_hint(self, strip: Line, column: int, at: float) -> None:
        here = self.cockpit.keys.here(self.places)
        names = {shown(key): key for act in here for key in act.keys if " " not in key}
        if self._begun:
            names = {shown(key): key for key, _ in self.cockpit.keys.following(self._begun, self.places)}
        names |= {shown(key): key for key in self.own_keys}
        key = key_at(strip, column, names)
        if key and self._typed is None:
            self.press(key, at)
        elif self._begun:
            self.press("escape", at)
        elif self.cockpit.message[0] and self._typed is None:
            self.cockpit.quiet()
            self.show_hints()

    # --- what every screen does ------------------------------------------------------------------

    def act_back(self) -> None:
        self.cockpit.go_back()

    def act_whole(self) -> None:
        cut = [(widget.id or "", widget.whole_rows()) for widget in self.drawn.values() if widget.display]
        parts = [(name.replace("-", " "), "\n\n".join(rows)) for name, rows in cut if rows]
        self.cockpit.read("in full, what was cut", parts)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.say("a pasted text is no key; nothing was done", "warn")


def put(widget: Widget, place: Place | None) -> None:
    """A widget in its place; without one it is hidden."""
    shown_now = place is not None
    if widget.display != shown_now:
        widget.display = shown_now
    if place is None:
        return
    styles = widget.styles
    known = getattr(widget, "_stands", None)
    if known != place:
        widget._stands = place  # type: ignore[attr-defined]
        styles.offset = (place.x, place.y)
        styles.width = place.width
        styles.height = place.height
        if isinstance(widget, Painted):
            widget.touch()
