"""What can be done on the floor with the chosen box, task and turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory_tui.domain.errors import FactoryError
from factory_tui.domain.events import Mode
from factory_tui.domain.pace import mode_of
from factory_tui.domain.terms import LEVEL_NAMES
from factory_tui.tui.bindings import Act
from factory_tui.tui.present.backing import level_parts
from factory_tui.tui.present.gate import landing_text
from factory_tui.tui.present.law import role_text
from factory_tui.tui.present.words import tasks_in_view
from factory_tui.tui.screens.choosing import Choosing
from factory_tui.tui.screens.wheel import Wheel
from factory_tui.tui.widgets.pane import FILTERS, Pane

if TYPE_CHECKING:
    from factory_tui.domain.state import Task
    from factory_tui.tui.screens.hands import Hands

NEEDS_TASK = ("turn.diff", "turn.brief", "turn.why", "turn.mode")

OF_A_PERSON = frozenset(
    {"turn.editor", "turn.shell", "turn.hand-over", "turn.hand-over-note", "turn.take-over", "turn.give-back"}
)


class TurnActs(Choosing):
    """Beneath the floor: the keys' methods."""

    @property
    def wheel(self) -> Wheel:
        return Wheel(self)

    @property
    def hands(self) -> Hands:
        """A person's own work."""
        from factory_tui.tui.screens.hands import Hands

        return Hands(self, self.wheel)

    def turn_not_now(self, act: Act) -> str:
        """Why an action on the chosen task or turn does nothing now."""
        task, story = self.chosen_task(), self.story()
        if act.id in NEEDS_TASK and task is None:
            return "no task is chosen"
        match act.id:
            case "turn.mode" if task and task.over:
                return f"{task.id} is {task.stage}"
            case "turn.diff" if task and task.candidate is None:
                return f"{task.id} offers no change yet"
            case "turn.brief" if task and (task.handoff is None or task.handoff.brief is None):
                return f"no brief of {task.id} is sealed"
            case "turn.why" if task and not self.cockpit.chronicle.hits.get(task.id) and not task.why:
                return f"nothing of {task.id} was denied or asked"
            case "copy" if story is None and isinstance(self.active(), Pane):
                return "no turn has begun, so there is no transcript"
            case "turn.pin" | "turn.filter" if story is None:
                return "no turn has begun"
            case "turn.cycle" if len(self.cockpit.chronicle.stories) < 2:
                return "there is no other turn"
            case "search.next" | "search.before" if not self.needle:
                return f"nothing was searched; {self.key_of('search')} searches"
            case _:
                return self.hands.not_now(act) if act.id in OF_A_PERSON else self.wheel.not_now(act)

    # --- moving ----------------------------------------------------------------------------------

    def act_move_down(self, step: int = 1) -> None:
        widget = self.active()
        moved = widget.scroll(step) if isinstance(widget, Pane) else widget.move(step)
        if not moved:
            self.say("this is the end" if step > 0 else "this is the beginning", "bar-dim")

    def act_move_up(self) -> None:
        self.act_move_down(-1)

    def act_move_page_down(self) -> None:
        self.act_move_down(max(1, self.active().height - 1))

    def act_move_page_up(self) -> None:
        self.act_move_down(-max(1, self.active().height - 1))

    def act_move_top(self) -> None:
        widget = self.active()
        if isinstance(widget, Pane):
            widget.to_start()
        else:
            widget.move(-1_000_000)

    def act_move_end(self) -> None:
        widget = self.active()
        if isinstance(widget, Pane):
            widget.to_end()
        else:
            widget.move(1_000_000)

    def act_move_next_box(self, step: int = 1) -> None:
        boxes = self.reachable()
        self.focus_box(boxes[(boxes.index(self.box) + step) % len(boxes)])

    def act_move_last_box(self) -> None:
        self.act_move_next_box(-1)

    def act_move_right(self) -> None:
        self.act_move_next_box(1)

    def act_move_left(self) -> None:
        self.act_move_next_box(-1)

    def act_back(self) -> None:
        """Out of the zoom, out of a narrowed pane, to the tasks, to following the work."""
        pane = self.shown_pane()
        if self.zoomed:
            self.act_turn_zoom()
        elif pane.filter != "all":
            pane.narrow("all")
        elif not pane.is_following:
            pane.to_end()
        elif self.box != "tasks":
            self.focus_box("tasks")
        elif self.chosen:
            self.chosen = self.turn = ""
            self.present()
            self.say("the floor follows the work again", "bar-dim")
        else:
            self.say(f"this is the floor; {self.key_of('quit')} leaves, and asks before", "bar-dim")

    def _act_task(self, number: int) -> None:
        self.choose_task(tasks_in_view(self.cockpit.state)[number - 1].id)

    def act_search(self) -> None:
        self.type("find", self._search)

    def _search(self, text: str) -> None:
        self.needle = text
        self._find(-1 if isinstance(self.active(), Pane) else 1)

    def _find(self, step: int) -> None:
        widget = self.active()
        found = widget.find(self.needle, 1 if step > 0 else -1) if self.needle else False
        if not found:
            self.say(f"nothing here holds {self.needle!r}" if self.needle else "the search is off", "warn")

    def act_search_next(self) -> None:
        self._find(1)

    def act_search_before(self) -> None:
        self._find(-1)

    # --- opening ---------------------------------------------------------------------------------

    def act_open(self) -> None:
        """Opens what is chosen in the box."""
        widget = self.active()
        if isinstance(widget, Pane):
            self.act_turn_zoom()
            return
        self.open_key(widget.key)

    def open_key(self, key: str) -> None:
        cockpit, task = self.cockpit, self.chosen_task()
        kind, _, name = key.partition(":")
        match kind:
            case "role":
                self._open_role(name)
            case "rule":
                cockpit.read_rule(name, task.id if task else "")
            case "level" if task:
                parts = level_parts(cockpit.state, task, int(name), self._evidence_text)
                cockpit.read(f"{task.id} gate level {name}", parts)
            case "approval" if task and task.candidate:
                self.act_turn_diff()
            case "document":
                from factory_tui.tui.screens.document import open_document

                open_document(cockpit, name)
            case "touch":
                self._open_touch(int(name))
            case "proposal":
                cockpit.open_item(name)
            case "digest" if cockpit.state.digest:
                self._read_evidence(cockpit.state.digest.path, cockpit.state.digest.evidence.sha256)
            case "go":
                getattr(cockpit, f"act_go_{name}")()
            case _ if task and key == task.id:
                self._open_task(task)
            case _:
                self.say("there is nothing to open here", "bar-dim")

    def _open_touch(self, number: int) -> None:
        from factory_tui.tui.present.memory import touch_parts

        touches = self.cockpit.chronicle.touches
        if number < len(touches):
            touch = touches[number]
            self.cockpit.read(f"{touch.turn} and {touch.path}", touch_parts(touch))

    def _open_role(self, role: str) -> None:
        story = self.cockpit.chronicle.of_role(role)
        if story is not None:
            self.choose_turn(story.turn)
            self.focus_box("pane")
        else:
            card = next(card for card in self.cockpit.state.law.roles if card.id == role)
            self.cockpit.read(role, role_text(card))

    def _open_task(self, task: Task) -> None:
        """What waits about the task, else everything about it."""
        if not self.cockpit.open_about(task.id):
            self.cockpit.read_task(task)

    def read_gate(self) -> None:
        """All levels of the chosen task, each with everything it rests on."""
        task = self.chosen_task()
        if task is None:
            self.say("no task is chosen", "warn")
            return
        parts: list[tuple[str, str]] = []
        for level in LEVEL_NAMES:
            parts += level_parts(self.cockpit.state, task, level, self._evidence_text)
        parts += landing_text(task)
        self.cockpit.read(f"the gate of {task.id} {task.title}", parts)

    def _evidence_text(self, sha256: str) -> str:
        """What a check left behind; what cannot be shown says so."""
        assert self.cockpit.view is not None
        try:
            return self.cockpit.view.evidence(sha256).decode("utf-8", "replace")
        except FactoryError as error:
            return str(error)

    def _read_evidence(self, title: str, sha256: str) -> None:
        view = self.cockpit.view
        if view is None:
            self.say("the ledger is still opening", "warn")
            return
        try:
            text = view.evidence(sha256).decode("utf-8", "replace")
        except FactoryError as error:
            text = str(error)
        self.cockpit.read(title, [(f"{title}  sha256 {sha256[:16]}", text)])

    # --- the turn --------------------------------------------------------------------------------

    def act_turn_diff(self) -> None:
        task = self.chosen_task()
        assert task
        assert task.candidate
        self._read_evidence(f"diff of {task.id}", task.candidate.diff.sha256)

    def act_turn_brief(self) -> None:
        task = self.chosen_task()
        assert task
        assert task.handoff
        assert task.handoff.brief
        self._read_evidence(f"brief of {task.id} for {task.handoff.to}", task.handoff.brief.sha256)

    def act_turn_why(self) -> None:
        """Every rule and card that spoke on this task, the strictest first."""
        cockpit, task = self.cockpit, self.chosen_task()
        assert task
        hits = cockpit.chronicle.hits.get(task.id, {})
        parts = [(f"{task.id}: {task.stage}", task.why)] if task.why else []
        for source, hit in sorted(hits.items(), key=lambda pair: -pair[1].decision.weight):
            where = f"\nwhere: {hit.where}" if hit.where else ""
            instead = f"\ninstead: {hit.instead}" if hit.instead else ""
            title = f"{source} {hit.decision.value.upper()} {hit.count}x, last {hit.at[11:19]}"
            parts.append((title, f"{hit.reason}{where}{instead}"))
        cockpit.read(f"why, {task.id}", parts)

    def act_turn_message(self) -> None:
        self.wheel.message()

    def act_turn_pause(self) -> None:
        self.wheel.pause()

    def act_turn_interrupt(self) -> None:
        self.wheel.interrupt()

    def act_turn_resume(self) -> None:
        self.wheel.resume()

    def act_turn_retire(self) -> None:
        self.wheel.retire()

    def act_turn_seat(self) -> None:
        self.wheel.seat()

    def act_turn_editor(self) -> None:
        self.hands.editor()

    def act_turn_shell(self) -> None:
        self.hands.shell()

    def act_turn_hand_over(self) -> None:
        self.hands.hand_over()

    def act_turn_hand_over_note(self) -> None:
        self.hands.hand_over_with_note()

    def act_turn_take_over(self) -> None:
        self.hands.take_over()

    def act_turn_give_back(self) -> None:
        self.hands.give_back()

    def act_turn_zoom(self) -> None:
        self.zoomed = not self.zoomed
        self.box = "pane" if self.zoomed else self.box
        self.present()
        self.lay_out()
        self.present()

    def act_turn_pin(self) -> None:
        story = self.story()
        assert story
        if story.turn in self.pinned:
            self.pinned.remove(story.turn)
        else:
            self.pinned.append(story.turn)
        self.present()

    def act_turn_cycle(self) -> None:
        story = self.story()
        turns = list(self.cockpit.chronicle.stories)
        place = turns.index(story.turn) if story else -1
        self.choose_turn(turns[(place + 1) % len(turns)])

    def act_turn_filter(self) -> None:
        pane, names = self.shown_pane(), list(FILTERS)
        pane.narrow(names[(names.index(pane.filter) + 1) % len(names)])
        self.say(f"the pane shows {pane.filter}", "bar-dim")

    def act_copy(self) -> None:
        story = self.story()
        if isinstance(self.active(), Pane) and story is not None:
            self.cockpit.copy(story.transcript.text(), f"the transcript of {story.turn}")
            return
        rows = self.active()
        assert not isinstance(rows, Pane)
        text = "\n".join("".join(span.text for span in single) for one in rows.items for single in one.lines)
        self.cockpit.copy(text, "the list")

    def act_mode(self) -> None:
        from factory_tui.domain import commands as c

        mode: Mode = "step" if self.cockpit.state.mode == "flow" else "flow"
        self.cockpit.command(c.SetMode(mode=mode), f"{mode}: " + MODE_WORDS[mode])

    def act_turn_mode(self) -> None:
        """The other mode than it has, as its own; back to the session's where that is the same."""
        from factory_tui.domain import commands as c

        state, task = self.cockpit.state, self.chosen_task()
        assert task
        wanted: Mode = "step" if mode_of(state, task) == "flow" else "flow"
        own = "" if wanted == state.mode else wanted
        self.cockpit.command(c.SetMode(mode=own, task=task.id), f"{task.id} {wanted}s: {MODE_WORDS[wanted]}")


MODE_WORDS = {
    "step": "every handoff stops for you, no two turns run at once",
    "flow": "only what must, stops for you",
}

for _number in range(1, 10):
    setattr(TurnActs, f"act_task_{_number}", lambda self, number=_number: self._act_task(number))
