"""A list over the whole screen: what waits, rules, roles, memory, the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from factory_tui.tui.acts.moving import ITEM_KEYS
from factory_tui.tui.bindings import Act
from factory_tui.tui.keymap import Key
from factory_tui.tui.lines import Item, Line, Span
from factory_tui.tui.present.floor import needs_items
from factory_tui.tui.present.law import all_rule_items, role_items, role_text
from factory_tui.tui.present.memory import memory_items
from factory_tui.tui.present.words import Setting
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.room import Room
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.rows import Rows

Make = Callable[["Listing", Setting], Sequence[Item]]
Open = Callable[["Listing", str], None]


class Listing(Room):
    """Rows made by a plain function, opened by another."""

    places: ClassVar[tuple[str, ...]] = ("list",)

    def __init__(
        self, title: str | Callable[[Key], str], make: Make, opens: Open, empty: str = "", at_end: bool = False
    ) -> None:
        """`title` is made of the keys where it names one."""
        super().__init__()
        self._headline, self._make, self._opens, self._empty = title, make, opens, empty
        self._at_end = at_end

    @property
    def head(self) -> str:
        return self._headline if isinstance(self._headline, str) else self._headline(self.key_of)

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield self.box_of(Rows(id="rows"))
        yield self.box_of(Bar(id="hints"))

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        return {
            "header": Place(0, 0, width, 1),
            "rows": Place(0, 1, width, max(1, height - 2)),
            "hints": Place(0, height - 1, width, 1),
        }

    @property
    def rows(self) -> Rows:
        return self.rows_at("rows")

    def present(self) -> None:
        if not self.is_ready:
            return
        rows = self.rows
        items = self._make(self, self.setting(rows.room or self.app.size.width))
        self.show_header((Span(f" {self.head}", "bar"),))
        title: Line = (Span(f"{sum(bool(one.key) for one in items)} in all", "title"),)
        rows.show(items, title, self._empty)
        rows.activate(True)
        if self._at_end and items:
            self._at_end = False
            rows.choose(items[-1].key)

    def not_now(self, act: Act) -> str:
        match act.id:
            case "open" if not self.rows.key:
                return "nothing is chosen"
            case "search.next" | "search.before" if not self.needle:
                return f"nothing was searched; {self.key_of('search')} searches"
            case _:
                return ""

    def act_open(self) -> None:
        self._opens(self, self.rows.key)

    def act_move_down(self, step: int = 1) -> None:
        if not self.rows.move(step):
            self.say("this is the end" if step > 0 else "this is the beginning", "bar-dim")

    def act_move_up(self) -> None:
        self.act_move_down(-1)

    def act_move_page_down(self) -> None:
        self.act_move_down(max(1, self.rows.height - 1))

    def act_move_page_up(self) -> None:
        self.act_move_down(-max(1, self.rows.height - 1))

    def act_move_top(self) -> None:
        self.rows.move(-1_000_000)

    def act_move_end(self) -> None:
        self.rows.move(1_000_000)

    def act_search(self) -> None:
        self.type("find", self._search)

    def _search(self, text: str) -> None:
        self.needle = text
        self._find(1)

    def _find(self, step: int) -> None:
        if not (self.needle and self.rows.find(self.needle, step)):
            self.say(f"nothing here holds {self.needle!r}" if self.needle else "the search is off", "warn")

    def act_search_next(self) -> None:
        self._find(1)

    def act_search_before(self) -> None:
        self._find(-1)

    def act_copy(self) -> None:
        lines = ["".join(span.text for span in single) for one in self.rows.items for single in one.lines]
        self.cockpit.copy("\n".join(lines), self.head)

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        message.stop()
        if message.opened:
            self.act_open()


class NeedsYou(Listing):
    """Any item in one key, so that any answer is two."""

    places: ClassVar[tuple[str, ...]] = ("list", "needs")

    def not_now(self, act: Act) -> str:
        if act.id.startswith("item."):
            number = len(self.rows.items)
            few = "one waits" if number == 1 else f"{number} wait" if number else "nothing waits"
            return "" if int(act.id[5:]) <= number else few
        return super().not_now(act)

    def open_number(self, number: int) -> None:
        self._opens(self, self.rows.items[number - 1].key)


for _number in range(1, len(ITEM_KEYS) + 1):
    setattr(NeedsYou, f"act_item_{_number}", lambda self, number=_number: self.open_number(number))


def needs_you() -> Listing:
    """Everything that waits, oldest first."""
    return NeedsYou(
        lambda key: f"needs you, oldest first; its key or {key('open')} opens one, the next key answers it",
        lambda room, setting: needs_items(room.cockpit.state, setting),
        lambda room, key: room.cockpit.open_item(key),
        " Nothing waits for you.",
    )


def all_rules() -> Listing:
    return Listing(
        lambda key: f"all rules in force; {key('open')} shows the incident behind one",
        lambda room, setting: all_rule_items(room.cockpit.state, setting),
        lambda room, key: room.cockpit.read_rule(key[5:]),
    )


def all_roles() -> Listing:
    """Each role's card; who fills it is the crew's screen."""

    def open_role(room: Listing, key: str) -> None:
        card = room.cockpit.state.law.role(key[5:])
        room.cockpit.read(card.title, role_text(card))

    return Listing(
        lambda key: f"all roles; {key('open')} shows what one may do and cannot, {key('go.crew')} shows what fills it",
        lambda room, setting: role_items(room.cockpit.state, setting),
        open_role,
        " No charter is in force yet.",
    )


def memory() -> Listing:
    def open_memory(room: Listing, key: str) -> None:
        from factory_tui.tui.screens.floor import Floor

        floor = room.cockpit.screen_stack[0]
        assert isinstance(floor, Floor)
        floor.open_key(key)

    return Listing(
        lambda key: f"memory: what every seat is told from; {key('open')} shows one, and what changed in it",
        lambda room, setting: memory_items(room.cockpit.state, room.cockpit.chronicle, setting),
        open_memory,
    )
