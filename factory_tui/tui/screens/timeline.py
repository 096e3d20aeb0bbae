"""What happened, entry by entry, and how everything stood after each: one session at a time, forwards and back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from factory_tui.domain.entries import Entry
from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Item, Span, text_of
from factory_tui.tui.present.history import entry_item, entry_text
from factory_tui.tui.present.replay import FILTERS, Replay, is_about, state_items
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.listing import Listing
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.rows import Rows

WIDE = 100


class Timeline(Listing):
    """The chosen entry says how far the ledger is folded."""

    places: ClassVar[tuple[str, ...]] = ("list", "timeline")

    def __init__(self, task: str = "", only: frozenset[int] = frozenset(), only_words: str = "") -> None:
        """`task` is the one that was chosen on the floor: one filter shows its entries alone. `only` are numbers of
        entries that are shown first, `only_words` says which those are."""
        super().__init__("what happened", lambda room, setting: (), lambda room, key: None)
        self.only_task = task
        self._only, self._only_words = only, only_words
        self.filter = only_words or "everything"
        self.session = 0
        """0 = the newest."""
        self._replay = Replay()
        self._items: tuple[Item, ...] = ()
        self._made: tuple[int, str, int, int] = (0, "", 0, 0)
        self._follows = True

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield self.box_of(Rows(id="rows"))
        yield self.box_of(Rows(id="then"))
        yield self.box_of(Bar(id="hints"))

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        room = max(2, height - 2)
        places = {"header": Place(0, 0, width, 1), "hints": Place(0, height - 1, width, 1)}
        if width >= WIDE:
            half = width * 11 // 20
            places |= {"rows": Place(0, 1, half, room), "then": Place(half, 1, width - half, room)}
        else:
            upper = max(1, room * 11 // 20)
            places |= {"rows": Place(0, 1, width, upper), "then": Place(0, 1 + upper, width, room - upper)}
        return places

    # --- showing ---------------------------------------------------------------------------------

    def _take(self) -> None:
        view = self.cockpit.view
        self._replay.take(view.past if view is not None and not self._replay.entries else ())
        self._replay.take(tuple(self.cockpit.chronicle.entries))

    def present(self) -> None:
        if not self.is_ready:
            return
        self._take()
        sessions = self._replay.sessions()
        number, first, last = next((one for one in sessions if one[0] == self.session), (0, 1, 0))
        if not number and sessions:
            number, first, last = sessions[-1]
        rows, then = self.rows, self.rows_at("then")
        then.set_edge(self.app.size.width >= WIDE)
        setting = self.setting(rows.room or self.app.size.width)
        made = (number, self.filter, last, setting.width)
        if made != self._made:
            follows = self._follows or made[:2] != self._made[:2]
            self._made = made
            found = [entry for entry in self._replay.entries[first - 1 : last] if self._is_wanted(entry)]
            self._items = tuple(entry_item(entry, setting) for entry in found)
            rows.show(self._items, (), " No entry of this kind.")
            if follows and self._items:
                rows.choose(self._items[-1].key)
        self._follows = bool(self._items) and rows.key == self._items[-1].key
        seq = self.seq
        keys = [one.key for one in self._items]
        place = keys.index(rows.key) + 1 if rows.key in keys else 0
        title = f"{place} of {len(keys)}, {self._filter_words()}"
        rows.show(self._items, (Span(title, "title"),), " No entry of this kind.")
        rows.activate(True)
        told = f" session {number} of {len(sessions)}" if sessions else " no session yet"
        now = "  newest" if self._follows else ""
        self.show_header(
            (Span(" TIMELINE ", "bar-alert"), Span(told, "bar"), Span(f"  after entry {seq}{now}", "bar-dim"))
        )
        state = self.cockpit.state if seq == self.cockpit.state.seq else self._replay.state_at(seq)
        then.show(
            state_items(state, self.setting(then.room or self.app.size.width)),
            (Span(f"as it was after entry {seq}", "title"),),
        )

    @property
    def seq(self) -> int:
        """Of the chosen entry."""
        key = self.rows.key
        return int(key[6:]) if key else 0

    def _filters(self) -> list[str]:
        own = [self._only_words] if self._only_words else []
        return [*own, *FILTERS, *(["only the chosen task"] if self.only_task else [])]

    def _filter_words(self) -> str:
        return f"only {self.only_task}" if self.filter == "only the chosen task" else self.filter

    def _is_wanted(self, entry: Entry) -> bool:
        if self._only_words and self.filter == self._only_words:
            return entry.seq in self._only
        wanted = FILTERS.get(self.filter)
        return wanted(entry) if wanted else is_about(entry, self.only_task)

    # --- keys ------------------------------------------------------------------------------------

    def not_now(self, act: Act) -> str:
        if act.id in ("part.next", "part.before"):
            return "" if self._neighbour(1 if act.id == "part.next" else -1) else "there is no session further on"
        return super().not_now(act)

    def _neighbour(self, step: int) -> int:
        numbers = [number for number, _, _ in self._replay.sessions()]
        if not numbers:
            return 0
        here = numbers.index(self._made[0]) if self._made[0] in numbers else len(numbers) - 1
        return numbers[here + step] if 0 <= here + step < len(numbers) else 0

    def act_part_next(self, step: int = 1) -> None:
        """The next session."""
        self.session = self._neighbour(step)
        self.present()

    def act_part_before(self) -> None:
        self.act_part_next(-1)

    def act_timeline_filter(self) -> None:
        names = self._filters()
        self.filter = names[(names.index(self.filter) + 1) % len(names)]
        self.present()
        self.say(f"the timeline shows {self._filter_words()}", "bar-dim")

    def act_move_down(self, step: int = 1) -> None:
        super().act_move_down(step)
        self.present()

    def act_move_top(self) -> None:
        super().act_move_top()
        self.present()

    def act_move_end(self) -> None:
        super().act_move_end()
        self.present()

    def _find(self, step: int) -> None:
        super()._find(step)
        self.present()

    def act_open(self) -> None:
        """The entry whole, and the whole of what stands beside it."""
        seq = self.seq
        entry = self._replay.entries[seq - 1]
        then = state_items(self._replay.state_at(seq), self.setting(WIDE))
        told = "\n".join(text_of(single).rstrip() for one in then for single in one.lines)
        parts = [(f"entry {seq}", f"```\n{entry_text(entry)}\n```"), ("as it was after it", f"```\n{told}\n```")]
        self.cockpit.read(f"entry {seq}", parts)

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        message.stop()
        if message.rows is self.rows:
            self.present()
            if message.opened:
                self.act_open()
