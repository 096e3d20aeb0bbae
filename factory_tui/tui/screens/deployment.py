"""One deployment, from its proposal to its end: plan, way back, approval, the log and the checks as they come.

What waits is answered here as on any card. What runs is followed: rows and log change as the world does, and nothing
that arrives can be answered before it was on the screen for a moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual.app import ComposeResult

from factory_tui.domain.counting import counted
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.events import DeploymentChecked
from factory_tui.domain.item import Waiting
from factory_tui.domain.state import Deployment
from factory_tui.domain.terms import CheckRow
from factory_tui.domain.wording import worded
from factory_tui.engine.deploy_orders import Deploy
from factory_tui.tui.bindings import Act
from factory_tui.tui.deploy_log import Seen
from factory_tui.tui.harmless import one_line
from factory_tui.tui.keymap import shown
from factory_tui.tui.lines import Line, Span, ends, line_width
from factory_tui.tui.present.deployments import (
    STAGES,
    Shown,
    deployment_exhibit,
    deployment_item,
    evidence_of,
    rows_of,
    why_not_back,
)
from factory_tui.tui.present.elsewhere import why_nothing
from factory_tui.tui.present.exhibit import Exhibit
from factory_tui.tui.present.sheets import about_of
from factory_tui.tui.present.words import since
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.card import PROMPTS, VERB_LABELS
from factory_tui.tui.screens.sheet import Sheet
from factory_tui.tui.screens.world import asked_world
from factory_tui.tui.transcript import Transcript
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.pane import Pane
from factory_tui.tui.widgets.rows import Rows

WIDE_ENOUGH = 160
"""Columns from which the log stands beside the rows."""
QUIET = frozenset({"proposed", "refused", "rejected"})
"""Stages in which nothing was run: there is no log to look at."""


class DeploymentSheet(Sheet):
    """Rows above, or left, and the log."""

    places: ClassVar[tuple[str, ...]] = ("card", "list", "sheet", "deployment")

    def __init__(self, item: Waiting) -> None:
        super().__init__(item)
        self.id_of = item.id
        self.world = ""
        self._log: Transcript | None = None
        self._told: tuple[str, int] = ("", 0)
        """The deployment and how many of its entries the log tells."""
        self._fed = 0
        self._in_log = False
        """Whether keys move the log."""

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield self.box_of(Rows(id="text"))
        yield self.box_of(Pane(id="log"))
        yield self.box_of(Bar(id="hints"))

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        room = max(1, height - 2)
        found = {"header": Place(0, 0, width, 1), "hints": Place(0, height - 1, width, 1)}
        if self.one.stage in QUIET:
            return {**found, "text": Place(0, 1, width, room)}
        if width >= WIDE_ENOUGH:
            left = width * 3 // 5
            return {**found, "text": Place(0, 1, left, room), "log": Place(left, 1, width - left, room)}
        low = room // 3 if room > 30 else max(5, room // 4)
        return {**found, "text": Place(0, 1, width, room - low), "log": Place(0, 1 + room - low, width, low)}

    @property
    def one(self) -> Deployment:
        return self.cockpit.state.deployments[self.id_of]

    @property
    def seen(self) -> Seen | None:
        return self.cockpit.chronicle.deployments.of.get(self.id_of)

    @property
    def output(self) -> Pane:
        return self.pane_at("log")

    # --- showing ---------------------------------------------------------------------------------

    def _make_exhibit(self) -> Exhibit:
        cockpit = self.cockpit
        who = cockpit.view.who if cockpit.view is not None else ""
        return deployment_exhibit(
            Shown(state=cockpit.state, one=self.one, seen=self.seen, now=cockpit.now(), world=self.world, who=who)
        )

    def present(self) -> None:
        if not self.is_ready:
            return
        self._follow()
        self.exhibit = self._make_exhibit()
        self._made = (0, False)
        self._make_rows()
        self.rows.activate(not self._in_log)
        self.show_header(self.header())
        self._show_log()
        if self.output.display == (self.one.stage in QUIET):
            self.lay_out()

    def _follow(self) -> None:
        """The object as it is now. One that could be answered and is another now is shown anew only when asked for."""
        item = deployment_item(self.cockpit.state, self.one)
        if (item.sha256, item.verbs) == (self.item.sha256, self.item.verbs):
            self.is_changed = False
        elif self.item.verbs and item.verbs and not self._sent:
            self.is_changed = True
        else:
            self.item, self._sent, self.is_changed = item, False, False
            self.repaint_first()

    def header(self) -> Line:
        setting = self.setting(self.app.size.width)
        one, word = self.one, STAGES[self.one.stage]
        left = (
            Span(" DEPLOY ", "bar-alert"),
            Span(f" {one.id} ", "key"),
            Span(f"{one.plan.commit[:10]} to {one_line(one.plan.environment, 30)}  ", "bar"),
            Span(f"{setting.glyphs[word.glyph]} {word.text}", "key"),
        )
        return ends(left, (Span(f"{since(one.since, setting.now)} ", "bar-dim"),), self.header_room, "bar")

    def _title(self) -> Line:
        """The count of level 4, always whole; before there is one, what this is."""
        if self.is_changed:
            return (Span(self.told_changed, "bad"),)
        rows = rows_of(self.one, self.seen)
        told = counted(rows) if rows else "what would be done" if self.one.stage == "proposed" else "no check has run"
        return (Span(told, "title"), Span(f"  sha256 {self.item.sha256[:12]}", "dim"))

    # --- the log ---------------------------------------------------------------------------------

    def _show_log(self) -> None:
        seen = self.seen
        if seen is None:
            return
        told = (self.id_of, len(seen.entries))
        if self._log is None or told != self._told:
            self._told, self._fed = told, 0
            self._log = self._make_log(seen)
            self.output.show(self._log)
        for piece in seen.heard[self._fed :]:
            self._log.feed(piece)
        self._fed = len(seen.heard)
        self.output.show_head(
            (Span("LOG", "title"),), (Span(f"output as it comes; {self.key_of('move.next-box')} reads here", "dim"),)
        )
        self.output.activate(self._in_log)
        self.output.flush()

    def _make_log(self, seen: Seen) -> Transcript:
        log = Transcript(max(8, (self.output.room or self.app.size.width) - 2))
        for entry in seen.entries:
            log.put(f"{entry.at[11:19]} {worded(entry.event)}", "note")
            if isinstance(entry.event, DeploymentChecked):
                continue
            for one in evidence_of(entry.event):
                log.feed(
                    (self._read(one) or f"[evidence {one.sha256[:16]} is missing, or altered]").rstrip("\n") + "\n"
                )
        return log

    def flush(self, chosen_only: bool) -> bool:
        seen = self.seen
        if seen is None or not self.is_ready or (self._log is not None and len(seen.heard) == self._fed):
            return self.output.flush()
        self._show_log()
        return True

    # --- answering -------------------------------------------------------------------------------

    def _done(self) -> None:
        """It stays in front: what follows is looked at here."""
        self._sent = True
        self.renew()

    def not_now(self, act: Act) -> str:
        match act.id:
            case "answer.rollback" if "rollback" not in self.item.verbs:
                return why_not_back(self.cockpit.state, self.one)
            case "deployment.propose" if self.cockpit.state.law.deploying is None:
                return "there is no deploy.yaml in force, so there is no environment"
            case "world.ask" if self.cockpit.door.elsewhere is not None:
                return why_nothing(self.cockpit.door.elsewhere, self.key_of)
            case "deployment.older" | "deployment.newer" if len(self.cockpit.state.deployments) < 2:
                return "there is one deployment"
            case _ if act.is_answer and not self.item.verbs and act.id != "answer.rollback":
                return f"{self.id_of} waits for no answer: {STAGES[self.one.stage].text}"
            case _:
                return super().not_now(act)

    def act_answer_rollback(self) -> None:
        """By the recorded way; a reason may be typed and need not be."""
        if "rollback" in self.item.verbs:
            super().act_answer_rollback()
            return
        one = self.one
        back = one.plan.previous[:10] or "nothing"
        prompt = f"take {one.plan.environment} back from {one.plan.commit[:10]} to {back}: {PROMPTS['rollback']}"
        self.type(prompt, self._take_back)

    def _take_back(self, text: str) -> None:
        plan = self.one.plan
        order = Deploy(order="rollback", environment=plan.environment, text=text)
        self.cockpit.ask(order, f"{plan.environment} goes back to {plan.previous[:10] or 'nothing'}")

    def hints(self, width: int) -> Line:
        act = self.cockpit.keys.by_id["answer.rollback"]
        if "rollback" in self.item.verbs or self.why_not(act):
            return super().hints(width)
        style = "key" if self.is_armed else "bar-dim"
        more = (Span(f" {shown(act.keys[0])}", style), Span(f" {VERB_LABELS['rollback']} ", "bar"))
        return (*more, *super().hints(max(0, width - line_width(more))))

    # --- moving ----------------------------------------------------------------------------------

    def act_move_next_box(self) -> None:
        """Keys move the rows, or the log."""
        self._in_log = not self._in_log and self.one.stage not in QUIET
        self.rows.activate(not self._in_log)
        self.output.activate(self._in_log)

    def act_move_down(self, step: int = 1) -> None:
        if not self._in_log:
            super().act_move_down(step)
        elif not self.output.scroll(step):
            self.say("this is the end" if step > 0 else "this is the beginning", "bar-dim")

    def act_deployment_older(self, step: int = -1) -> None:
        known = [*self.cockpit.state.deployments]
        place = known.index(self.id_of) + step
        if 0 <= place < len(known):
            self.go_to(known[place])
        else:
            self.say("this is the oldest one" if step < 0 else "this is the newest one", "bar-dim")

    def act_deployment_newer(self) -> None:
        self.act_deployment_older(1)

    def go_to(self, id: str) -> None:
        """Another deployment, in this place."""
        if id == self.id_of or id not in self.cockpit.state.deployments:
            return
        self.id_of, self.world, self._sent, self._in_log = id, "", False, False
        self.item = deployment_item(self.cockpit.state, self.one)
        self._log = None
        self._load()
        self.repaint_first()
        self.lay_out()
        self.present()
        self.rows.move(-1_000_000_000)

    # --- looking behind --------------------------------------------------------------------------

    def _opens(self) -> bool:
        kind, _, name = about_of(self.rows.key).partition(":")
        return (bool(name) and kind in ("check", "deployment")) or super()._opens()

    def act_open(self) -> None:
        kind, _, name = about_of(self.rows.key).partition(":")
        if kind == "deployment":
            self.go_to(name)
        elif kind == "check":
            self._read_check(*name.split("/", 1))
        else:
            super().act_open()

    def _read_check(self, run: str, id: str) -> None:
        rows = self._rows_with_evidence(run)
        found = next((row for row in rows if row.id == id), None)
        if found is None:
            return
        told = [f"{found.verdict}{f': {found.reason}' if found.reason else ''}", f"{found.seconds:.3f} s"]
        parts = [(f"{found.id} {found.title}", "\n".join([*told, found.group]))]
        parts.append(("what was seen", found.evidence or "Nothing: it has not run, or could not."))
        self.cockpit.read(f"{self.id_of} {found.id}", parts)

    def _rows_with_evidence(self, run: str) -> Sequence[CheckRow]:
        """What was seen is kept beside the ledger; what is under way has it still in hand."""
        if run == "live":
            return tuple(self.seen.rows.values()) if self.seen else ()
        checked = self.one.checks[int(run)]
        if checked.evidence is None:
            return checked.rows
        try:
            assert self.cockpit.view is not None
            return msgspec.json.decode(self.cockpit.view.evidence(checked.evidence.sha256), type=tuple[CheckRow, ...])
        except (FactoryError, msgspec.DecodeError) as error:
            return [
                msgspec.structs.replace(row, evidence=f"[its evidence cannot be shown: {error}]")
                for row in checked.rows
            ]

    def act_deployment_propose(self) -> None:
        """What landed, and where it may go."""
        self.cockpit.propose_deployment()

    def act_world_ask(self) -> None:
        """What runs there, by the environment's own status command."""
        self.world = "asking ..."
        self.cockpit.soon(self._ask_world())

    async def _ask_world(self) -> None:
        self.world = await asked_world(self.cockpit, self.one.plan.environment)
        self.renew()
