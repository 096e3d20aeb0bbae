"""What is chosen on the floor: a box, a task, a turn. It follows the work until the supervisor chooses."""

from __future__ import annotations

from factory_tui.domain.state import State, Task
from factory_tui.tui.chronicle import Story
from factory_tui.tui.present.words import tasks_in_view
from factory_tui.tui.screens.arrangement import BOXES, Box
from factory_tui.tui.screens.room import Room
from factory_tui.tui.widgets.pane import Pane
from factory_tui.tui.widgets.rows import Rows


class Choosing(Room):
    """Beneath the floor's acts, which are about what is chosen here."""

    def __init__(self) -> None:
        super().__init__()
        self.box: Box = "tasks"
        self.zoomed = False
        self.chosen = ""
        """The task the supervisor chose; empty = follows the work."""
        self.turn = ""
        """The turn the supervisor chose; empty = that of the task."""
        self.pinned: list[str] = []
        self.slots: list[str] = []
        """Turns in panes, by pane."""
        self._viewed: tuple[State | None, list[Task]] = (None, [])

    def tasks(self) -> list[Task]:
        """What `tasks_in_view` gives; once for each state, since every hint asks."""
        state = self.cockpit.state
        if self._viewed[0] is not state:
            self._viewed = (state, tasks_in_view(state))
        return self._viewed[1]

    def chosen_task(self) -> Task | None:
        """The chosen task; else the one that is worked on, or was last."""
        tasks = self.tasks()
        chosen = next((task for task in tasks if task.id == self.chosen), None)
        if chosen is not None:
            return chosen
        stories = list(self.cockpit.chronicle.stories.values())
        running = [story.task for story in stories if not story.ended]
        wanted = running or [story.task for story in stories]
        latest = next((task for task in tasks if wanted and task.id == wanted[-1]), None)
        return latest or (tasks[0] if tasks else None)

    def story(self) -> Story | None:
        """The chosen turn; else the chosen task's."""
        chronicle = self.cockpit.chronicle
        if self.turn in chronicle.stories:
            return chronicle.stories[self.turn]
        task = self.chosen_task()
        found = chronicle.of_task(task.id) if task else None
        if found is None and not self.chosen and chronicle.stories:
            return next(reversed(chronicle.stories.values()))
        return found

    def choose_task(self, id: str) -> None:
        """Everything that shows one task shows this one."""
        self.chosen, self.turn = id, ""
        self.present()

    def standing(self) -> tuple[object, ...]:
        return (*super().standing(), self.box, self.zoomed, self.chosen, self.turn)

    def choose_turn(self, turn: str) -> None:
        """And this turn."""
        story = self.cockpit.chronicle.stories.get(turn)
        if story is not None:
            self.turn = turn
            self.chosen = story.task
            self.present()

    def focus_box(self, box: Box) -> None:
        """Keys go to this box from now on."""
        self.box = box
        self.zoomed = self.zoomed and box == "pane"
        self.lay_out()
        self.present()

    def reachable(self) -> list[Box]:
        """Boxes that keys can go to, in order."""
        return list(BOXES)

    def active(self) -> Rows | Pane:
        """The widget that has the keys."""
        return self.shown_pane() if self.box == "pane" else self.rows_at(self.box)

    def shown_pane(self) -> Pane:
        """The pane of the chosen turn."""
        story = self.story()
        return self.pane_at(f"pane-{self.slots.index(story.turn) if story and story.turn in self.slots else 0}")
