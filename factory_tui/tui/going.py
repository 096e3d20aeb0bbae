"""Going from screen to screen. Each room is imported when somebody goes there, and told only what it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from factory_tui.domain.gathering import calling
from factory_tui.domain.waiting import waiting
from factory_tui.tui.in_turn import InTurn
from factory_tui.tui.terminal import is_busy

if TYPE_CHECKING:
    from factory_tui.domain.item import Waiting
    from factory_tui.domain.state import State
    from factory_tui.tui.chronicle import Chronicle
    from factory_tui.tui.keymap import Keys
    from factory_tui.tui.painting import Paint
    from factory_tui.tui.screens.card import Card
    from factory_tui.tui.screens.room import Room


class Going(InTurn, inherit_bindings=False):
    """Beneath the cockpit: which screen is in front."""

    state: State
    keys: Keys
    paint: Paint
    chronicle: Chronicle
    message: tuple[str, str]
    is_away: bool

    @property
    def room(self) -> Room | None:
        """The screen in front."""
        from factory_tui.tui.screens.room import Room

        found = self.screen_stack[-1] if self.screen_stack else None
        return found if isinstance(found, Room) else None

    @property
    def drawable(self) -> Room | None:
        """The screen in front, where it may be drawn: not half made, nor half taken away at the end."""
        room = self.room
        if room is None or self.is_away or not (self.is_running and room.is_ready) or is_busy(self._driver):
            return None
        return room

    def say(self, text: str, style: str = "bar") -> None:
        """One line for the supervisor."""
        self.message = (text, style)
        if self.room is not None:
            self.room.say(text, style)

    def go_back(self) -> None:
        """To the screen before; the floor is the last."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.say(f"this is the floor; {self.keys.key('quit')} leaves, and asks before", "bar-dim")

    def go_floor(self) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def enter(self, room: Room) -> None:
        """A screen in front of this one."""
        self.push_screen(room)

    # --- objects ---------------------------------------------------------------------------------

    def open_waiting(self, item: Waiting) -> None:
        """The screen that shows the whole object, where it can be answered."""
        from factory_tui.tui.screens.briefing import Briefing
        from factory_tui.tui.screens.card import Card

        if item.kind == "digest":
            self.brief_supervisor()
            return
        if isinstance(self.room, Card) and not isinstance(self.room, Briefing):
            self.pop_screen()
        self.enter(_card_for(item))

    def open_item(self, id: str) -> None:
        item = next((item for item in waiting(self.state) if item.id == id), None)
        if item is None:
            self.say(f"{id} does not wait any more", "warn")
        else:
            self.open_waiting(item)

    def open_about(self, task: str) -> bool:
        """The oldest thing that waits about a task. False when nothing does."""
        item = next((item for item in waiting(self.state) if item.task == task), None)
        if item is None:
            return False
        self.open_waiting(item)
        return True

    def brief_supervisor(self) -> None:
        """The briefing in front; the one that is open already, if there is one."""
        from factory_tui.tui.screens.briefing import Briefing

        if any(isinstance(screen, Briefing) for screen in self.screen_stack):
            while not isinstance(self.screen_stack[-1], Briefing):
                self.pop_screen()
            return
        self.enter(Briefing(next((item for item in waiting(self.state) if item.kind == "digest"), None)))

    def brief_if_free(self) -> bool:
        """The briefing by itself, over the floor alone and while nothing is typed: no key changes its meaning under a
        hand. Whether it is open, in front or beneath what was opened over it."""
        from factory_tui.tui.screens.briefing import Briefing

        if any(isinstance(screen, Briefing) for screen in self.screen_stack):
            return True
        is_free = len(self.screen_stack) == 1 and self.room is not None and not self.room.is_typing
        if is_free:
            self.brief_supervisor()
        return is_free

    def read(self, title: str, parts: Sequence[tuple[str, str]]) -> None:
        """Texts to be read."""
        from factory_tui.tui.screens.reader import Reader

        self.enter(Reader(title, parts))

    def write(self, told: str, text: str, then: Callable[[str], None]) -> None:
        """A form for more than a line."""
        from factory_tui.tui.screens.writing import Writing

        self.enter(Writing(told, text, then))

    def read_rule(self, rule: str, task: str = "") -> None:
        """A rule, with what it said on a task; Enter again: the incident behind it."""
        from factory_tui.tui.present.law import rule_text
        from factory_tui.tui.screens.rule import RuleReader

        hit = self.chronicle.hits.get(task, {}).get(rule)
        self.enter(RuleReader(rule, rule_text(self.state, rule, hit)))

    def open_deployment(self, id: str) -> None:
        """One deployment, whole; without one, how there would be one."""
        from factory_tui.tui.present.deployments import deployment_item

        one = self.state.deployments.get(id)
        if one is None and self.state.charter is not None and self.state.charter.deploying is not None:
            self.propose_deployment()
        elif one is None:
            told = "nothing was deployed yet, and there is no deploy.yaml (docs/deployment.md); with one,"
            by_key = f"{self.keys.key('deployment.propose')} proposes here"
            self.say(f"{told} {by_key}, or `factory deploy propose ENVIRONMENT`", "bar-dim")
        else:
            self.open_waiting(deployment_item(self.state, one))

    def propose_deployment(self) -> None:
        """What landed, and where it may go."""
        from factory_tui.tui.screens.proposing import Proposing

        self.enter(Proposing())

    # --- keys ------------------------------------------------------------------------------------

    def act_next(self) -> None:
        """The oldest thing that waits; from a card, the one after it."""
        from factory_tui.tui.screens.card import Card

        items = calling(self.state)
        room = self.room
        if isinstance(room, Card):
            ids = [item.id for item in items]
            place = ids.index(room.item.id) + 1 if room.item.id in ids else 0
            if len(items) == 1 and place == 1:
                self.say("nothing else waits for you", "bar-dim")
                return
            self.open_waiting(items[place % len(items)])
        else:
            self.open_waiting(items[0])

    def act_go_floor(self) -> None:
        self.go_floor()

    def act_go_needs_you(self) -> None:
        from factory_tui.tui.screens.listing import needs_you

        self.enter(needs_you())

    def act_go_rules(self) -> None:
        from factory_tui.tui.screens.listing import all_rules

        self.enter(all_rules())

    def act_go_crew(self) -> None:
        from factory_tui.tui.screens.crew import Crew

        self.enter(Crew())

    def act_go_roles(self) -> None:
        from factory_tui.tui.screens.listing import all_roles

        self.enter(all_roles())

    def act_go_memory(self) -> None:
        from factory_tui.tui.screens.listing import memory

        self.enter(memory())

    def act_go_timeline(self) -> None:
        from factory_tui.tui.screens.floor import Floor
        from factory_tui.tui.screens.timeline import Timeline

        floor = self.screen_stack[0]
        self.enter(Timeline(floor.chosen if isinstance(floor, Floor) else ""))

    def act_go_briefing(self) -> None:
        self.brief_supervisor()

    def act_go_digest(self) -> None:
        from factory_tui.tui.screens.leaving import read_preview

        read_preview(self)  # type: ignore[arg-type]

    def act_go_gate(self) -> None:
        from factory_tui.tui.screens.floor import Floor

        floor = self.screen_stack[0]
        if isinstance(floor, Floor):
            floor.read_gate()

    def act_go_limits(self) -> None:
        from factory_tui.tui.screens.limits import LimitsMatrix

        self.enter(LimitsMatrix())

    def act_go_grants(self) -> None:
        from factory_tui.tui.screens.grants import Grants

        self.enter(Grants())

    def act_go_deployment(self) -> None:
        from factory_tui.tui.present.deployments import newest

        one = newest(self.state)
        self.open_deployment(one.id if one else "")

    def act_go_stats(self) -> None:
        from factory_tui.tui.screens.stats import Stats

        self.enter(Stats())

    def act_task_new(self) -> None:
        from factory_tui.tui.screens.asking import ask_for_work

        ask_for_work(self)  # type: ignore[arg-type]

    def act_incident(self) -> None:
        from factory_tui.tui.screens.incidents import Incidents

        self.enter(Incidents())

    def act_palette(self) -> None:
        from factory_tui.tui.screens.finder import Finder

        room = self.room
        if room is not None:
            self.enter(Finder(room))

    def act_help(self) -> None:
        from factory_tui.tui.present.hints import help_parts

        room = self.room
        if room is not None:
            self.read("keys that work here", help_parts(self.keys, room.places, room.why_not))

    def act_quit(self) -> None:
        from factory_tui.tui.screens.leaving import QuitCard

        if isinstance(self.room, QuitCard):
            self.say(f"{self.keys.key('leave')} ends the session, {self.keys.key('back')} stays", "bar-dim")
        else:
            self.enter(QuitCard())


def _card_for(item: Waiting) -> Card:
    """The screen that shows this kind of thing whole."""
    from factory_tui.tui.present.objects import EXHIBITS
    from factory_tui.tui.screens.card import Card
    from factory_tui.tui.screens.sheet import Sheet

    if item.kind == "deployment":
        from factory_tui.tui.screens.deployment import DeploymentSheet

        return DeploymentSheet(item)
    if item.kind == "incident":
        from factory_tui.tui.screens.incident import IncidentSheet

        return IncidentSheet(item)
    return Sheet(item) if item.kind in EXHIBITS else Card(item)
