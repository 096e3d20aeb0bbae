"""Proposing a deployment: a landed commit for an environment, with plan and way back in view before it is asked for.

A proposal runs nothing and is taken back by rejecting it; approving it is another object, and another person's.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from factory_tui.engine.deploy_orders import Deploy
from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Span
from factory_tui.tui.present.elsewhere import why_nothing
from factory_tui.tui.present.proposing import chosen_first, chosen_in, foreseen_items, look_ahead, proposing_items
from factory_tui.tui.present.sheets import Look
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.listing import Listing
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.rows import Rows


class Proposing(Listing):
    """Environments and commits above, what would be proposed below; Tab goes between them."""

    places: ClassVar[tuple[str, ...]] = ("list", "proposing")

    def __init__(self) -> None:
        super().__init__(
            lambda key: f"PROPOSE A DEPLOYMENT: {key('open')} proposes what is chosen; somebody else approves it",
            lambda room, setting: proposing_items(room.cockpit.state, setting),
            lambda room, key: self._ask_note(key),
            " There is no deploy.yaml in force, so there is no environment.",
        )

    def prepare(self) -> None:
        super().prepare()
        self._first = chosen_first(self.cockpit.state, self.cockpit.now())

    _in_plan = False
    """Whether keys move the plan."""

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield self.box_of(Rows(id="rows"))
        yield self.box_of(Rows(id="plan"))
        yield self.box_of(Bar(id="hints"))

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        room = max(2, height - 2)
        above = min(max(4, len(self.rows.items) + 1), max(4, room * 2 // 5))
        return {
            "header": Place(0, 0, width, 1),
            "rows": Place(0, 1, width, above),
            "plan": Place(0, 1 + above, width, max(1, room - above)),
            "hints": Place(0, height - 1, width, 1),
        }

    def present(self) -> None:
        super().present()
        if not self.is_ready:
            return
        self.lay_out()
        self.rows.activate(not self._in_plan)
        self.rows_at("plan").activate(self._in_plan)
        if self._first:
            self.rows.choose(self._first)
            self._first = ""
        self._show_plan()

    def _show_plan(self) -> None:
        setting = self.setting(self.app.size.width)
        look = Look(width=self.rows_at("plan").room or setting.width, glyphs=setting.glyphs, key=self.key_of)
        told = foreseen_items(self.cockpit.state, self.rows.key, look, setting.now)
        self.rows_at("plan").show(told, (Span("what would be proposed", "title"),))

    def act_move_next_box(self) -> None:
        """Keys move the commits, or the plan of the chosen one."""
        self._in_plan = not self._in_plan
        self.present()

    def act_move_down(self, step: int = 1) -> None:
        if not self._in_plan:
            super().act_move_down(step)
            self._show_plan()
        elif not self.rows_at("plan").scroll(step):
            self.say("this is the end" if step > 0 else "this is the beginning", "bar-dim")

    def act_move_top(self) -> None:
        self.act_move_down(-1_000_000)

    def act_move_end(self) -> None:
        self.act_move_down(1_000_000)

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        super().on_rows_chosen(message)
        self._show_plan()

    def not_now(self, act: Act) -> str:
        elsewhere = self.cockpit.door.elsewhere
        if act.id in ("open", "deployment.propose"):
            if elsewhere is not None:
                return why_nothing(elsewhere, self.key_of)
            environment, commit = chosen_in(self.rows.key)
            if environment:
                return look_ahead(self.cockpit.state, environment, commit, self.cockpit.now())[1]
            return "nothing is chosen"
        return super().not_now(act)

    def act_deployment_propose(self) -> None:
        """What Enter does."""
        self.act_open()

    def _ask_note(self, key: str) -> None:
        environment, commit = chosen_in(key)
        prompt = f"propose {commit[:10]} for {environment}: a note for whoever approves it; Enter alone: none"
        self.type(prompt, lambda text: self.cockpit.soon(self._propose(environment, commit, text)))

    async def _propose(self, environment: str, commit: str, note: str) -> None:
        view = self.cockpit.view
        assert view is not None
        self.say(f"asking {environment} what runs there ...", "bar-dim")
        told = await view.ask(Deploy(order="propose", environment=environment, commit=commit, text=note))
        if self.is_current:
            self.cockpit.go_back()
        self.cockpit.open_deployment(told["deployment"])
        self.cockpit.say(f"{told['deployment']} is proposed; nothing runs before somebody else approves it")
