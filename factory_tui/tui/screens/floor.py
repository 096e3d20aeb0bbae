"""The floor: tasks, panes by need, crew, gate, rules, memory, and what waits. The screen the supervisor lives in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from factory_tui.domain.plurals import count
from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Span
from factory_tui.tui.present import floor as rows
from factory_tui.tui.present.elsewhere import elsewhere_badge
from factory_tui.tui.present.gate import gate_items, gate_title
from factory_tui.tui.present.memory import memory_items, memory_title
from factory_tui.tui.present.proof import frozen_badge
from factory_tui.tui.present.standing import rule_items, rules_title, standings
from factory_tui.tui.present.words import Setting, tasks_in_view
from factory_tui.tui.screens.arrangement import (
    MOST_PANES,
    TABS,
    Box,
    Place,
    arrange,
    capacity,
    is_small,
)
from factory_tui.tui.screens.turn_acts import TurnActs
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.pane import Pane
from factory_tui.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from textual.widget import Widget

LISTS: tuple[Box, ...] = ("tasks", "crew", "gate", "rules", "memory")

FEW_PANES, MANY_PANES = 3, 8
"""How many panes at work are few, and how many are too many to be drawn at once."""


class Floor(TurnActs):
    """Chosen are a task and a turn; they follow the work until the supervisor chooses."""

    places: ClassVar[tuple[str, ...]] = ("floor",)
    always: ClassVar[tuple[str, ...]] = ("whole", "help", "quit")

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield self.box_of(Bar(id="needs"))
        yield self.box_of(Bar(id="tabs"))
        yield self.box_of(Rows(id="tasks"))
        for number in range(MOST_PANES):
            yield self.box_of(Pane(id=f"pane-{number}", edge=True))
        yield self.box_of(Rows(id="crew"))
        yield self.box_of(Rows(id="memory"))
        yield self.box_of(Rows(id="gate", edge=True))
        yield self.box_of(Rows(id="rules", edge=True))
        yield self.box_of(Bar(id="crew-line", fill="text"))
        yield self.box_of(Bar(id="hints"))

    # --- arranging -------------------------------------------------------------------------------

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        count = max(1, len(self.slots))
        return arrange(width, height, panes=count, box=self.box, zoomed=self.zoomed).places

    def _fill_slots(self) -> bool:
        """Which turns have a pane: the chosen one, pinned ones, then those at work. True when the number changed."""
        width, height = self.app.size
        room = 1 if self.zoomed else capacity(width, height)
        chronicle, story = self.cockpit.chronicle, self.story()
        wanted = [story.turn] if story else []
        wanted += [turn for turn in self.pinned if turn in chronicle.stories]
        wanted += [one.turn for one in chronicle.running]
        wanted = list(dict.fromkeys(wanted))[:room]
        kept = [turn if turn in wanted else "" for turn in self.slots[: len(wanted)]]
        kept += [""] * (len(wanted) - len(kept))
        fresh = [turn for turn in wanted if turn not in kept]
        slots = [turn or fresh.pop(0) for turn in kept]
        changed = len(slots) != len(self.slots)
        self.slots = slots
        return changed

    # --- showing ---------------------------------------------------------------------------------

    def present(self) -> None:
        if not self.is_ready:
            return
        width, height = self.app.size
        cockpit = self.cockpit
        if self._fill_slots():
            self.lay_out()
        state, chronicle, door = cockpit.state, cockpit.chronicle, cockpit.door
        setting = self.setting(width)
        marks = (*elsewhere_badge(door.elsewhere, self.key_of), *frozen_badge(state))
        self._bar_named("header").show(rows.header(state, door.name, setting, phase=cockpit.phase, marks=marks))
        waits, fill = rows.needs(state, setting)
        self._bar_named("needs").show(waits, fills=(fill,))
        self._present_panes()
        if self.zoomed:
            return
        task = self.chosen_task()
        small = is_small(width, height)
        if small:
            self._bar_named("tabs").show(self._tabs())
            self._bar_named("crew-line").show(rows.crew_line(state, chronicle, setting))
        tasks = self._rows("tasks")
        tasks.set_framed(not small)
        make = rows.task_items_short if small else rows.task_items
        empty = f" no task yet: {self.key_of('task.new')} states one"
        items = make(state, chronicle, self.setting(tasks.room or width))
        tasks.show(items, rows.tasks_title(state, not self.chosen), empty)
        if task:
            tasks.choose(task.id)
        ruled = task if cockpit.view is not None else None  # rules are compiled while the factory opens
        stands = standings(state, ruled, chronicle) if ruled and state.charter else []
        for name, items, title, empty in (
            ("crew", rows.crew_items(state, chronicle, self._in("crew")), rows.crew_title(state), " roles: opening"),
            (
                "memory",
                memory_items(state, chronicle, self._in("memory")),
                memory_title(state, chronicle),
                "",
            ),
            ("gate", gate_items(state, task, chronicle, self._in("gate")), gate_title(task), " no task"),
            (
                "rules",
                rule_items(stands, self._in("rules")),
                rules_title(state, ruled, stands, self._in("rules")),
                " no task",
            ),
        ):
            box = self._rows(name)
            if box.display:
                box.show(items, title, empty)
        for name in LISTS:
            self._rows(name).activate(self.box == name)

    def _present_panes(self) -> None:
        cockpit = self.cockpit
        chosen = self.story()
        for number in range(MOST_PANES):
            pane = self._pane(number)
            turn = self.slots[number] if number < len(self.slots) else ""
            story = cockpit.chronicle.stories.get(turn)
            if not pane.display:
                continue
            pane.set_edge(not self.zoomed and not is_small(*self.app.size))
            if story is None:
                pane.say_empty(rows.empty_words(cockpit.state, cockpit.phase, self.key_of))
                pane.show(None)
                pane.show_head((Span("TURN", "title"),))
            else:
                pane.show(story.transcript)
                setting = self.setting(pane.room)
                pane.show_head(*rows.pane_head(cockpit.state, story, setting, pinned=turn in self.pinned))
            is_chosen = chosen is not None and chosen.turn == turn
            pane.activate(is_chosen and self.box == "pane")

    def _tabs(self) -> tuple[Span, ...]:
        spans: list[Span] = []
        for box, name in TABS:
            active = box == self.box or (box == "pane" and self.box == "tasks")
            spans.append(Span(f" {name} ", "chosen" if active else "bar"))
            spans.append(Span(" ", "bar"))
        return (*spans, Span(f"  {self.key_of('move.next-box')}: next", "bar-dim"))

    def flush(self, chosen_only: bool) -> bool:
        """Draws what streams, at every second beat; what is read at every beat, when few panes are at work.

        Very many take turns: half of them at one beat, half at the next, so that no key waits for all of them.
        """
        number_of_panes = len(self.slots)
        if number_of_panes > MANY_PANES:
            due: Sequence[int] = range(int(chosen_only), number_of_panes, 2)
        elif not chosen_only:
            due = range(number_of_panes)
        elif number_of_panes <= FEW_PANES and (chosen := self.story()) is not None and chosen.turn in self.slots:
            due = (self.slots.index(chosen.turn),)
        else:
            due = ()
        drew = False
        for number in due:
            drew = self._pane(number).flush() or drew
        return drew

    # --- parts -----------------------------------------------------------------------------------

    def _in(self, name: str) -> Setting:
        return self.setting(self._rows(name).room or 40)

    def _rows(self, name: str) -> Rows:
        return self.rows_at(name)

    def _bar_named(self, name: str) -> Bar:
        return self.bar_at(name)

    def _pane(self, number: int) -> Pane:
        return self.pane_at(f"pane-{number}")

    def not_now(self, act: Act) -> str:
        if act.id.startswith("task.") and act.id[5:].isdigit():
            number = len(tasks_in_view(self.cockpit.state))
            return "" if int(act.id[5:]) <= number else f"the list has {count(number, 'task')}"
        return self.turn_not_now(act)

    # --- mouse -----------------------------------------------------------------------------------

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        message.stop()
        box = message.rows.id or "tasks"
        if box != self.box and box in LISTS:
            self.box = box
        if box == "tasks" and message.key:
            self.choose_task(message.key)
        else:
            self.present()
        if message.opened:
            self.act_open()
        self.show_hints()

    def on_pane_pressed(self, message: Pane.Pressed) -> None:
        message.stop()
        number = self._number_of(message.pane)
        if number is not None and number < len(self.slots):
            self.box = "pane"
            self.choose_turn(self.slots[number])
            if message.opened:
                self.act_turn_zoom()

    def _number_of(self, widget: Widget) -> int | None:
        name = widget.id or ""
        return int(name[5:]) if name.startswith("pane-") else None

    def on_bar_pressed(self, message: Bar.Pressed) -> None:
        if message.bar.id == "needs":
            message.stop()
            self.cockpit.act_next()
        elif message.bar.id == "crew-line":
            message.stop()
            self.focus_box("crew")
        elif message.bar.id == "tabs":
            message.stop()
            column = 0
            for box, name in TABS:
                column += len(name) + 3
                if message.column < column:
                    self.focus_box(box)
                    return
