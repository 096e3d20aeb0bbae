"""Incidents: first stop the bleeding, then the forms.

`! V` takes the last release back by its recorded way, freezes landings and deployments, and opens an incident whose
form comes after; `! !` opens one by hand. What runs is asked of the environments themselves.
"""

from __future__ import annotations

from typing import ClassVar

from factory_tui.domain.deciding_rollbacks import to_take_back
from factory_tui.domain.errors import Refusal
from factory_tui.domain.incidents import commit_words, next_step
from factory_tui.domain.state import Incident
from factory_tui.domain.waiting import incident_item
from factory_tui.engine.deploy_orders import Deploy
from factory_tui.engine.incidents import IncidentWish
from factory_tui.tui.bindings import Act
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Span, item, line
from factory_tui.tui.present.bleeding import bleeding_items, environments
from factory_tui.tui.present.elsewhere import why_nothing
from factory_tui.tui.present.words import Setting
from factory_tui.tui.screens.arming import Armed
from factory_tui.tui.screens.listing import Listing
from factory_tui.tui.screens.world import asked_world


class Incidents(Armed, Listing):
    """Enter shows one whole, where its form is filled."""

    places: ClassVar[tuple[str, ...]] = ("list", "incidents")

    def __init__(self) -> None:
        super().__init__(
            lambda key: (
                f"INCIDENTS: stop the bleeding first; {key('incident.rollback')} takes a release back,"
                f" {key('incident.freeze')} freezes, {key('incident')} opens one, {key('incident.prove')} proves"
            ),
            lambda room, setting: self._rows(setting),
            lambda room, key: self._open(key),
        )
        self.world: dict[str, str] = {}
        """What each environment said when it was asked."""
        self._asked_of: object = None
        """What the ledger knew of the releases then."""

    def prepare(self) -> None:
        super().prepare()
        if self.cockpit.door.elsewhere is None:
            self.act_world_ask()
        self.call_after_refresh(self._painted)

    def _rows(self, setting: Setting) -> list[Item]:
        state = self.cockpit.state
        rows = bleeding_items(state, self.world, setting.glyphs["waits"], self.key_of)
        incidents = sorted(state.incidents.values(), key=lambda one: (bool(one.closed), one.since, one.id))
        rows += [item(f"incident:{one.id}", *_lines(one)) for one in incidents]
        return rows

    def _chosen(self) -> Incident | None:
        return self.cockpit.state.incidents.get(self.rows.key.removeprefix("incident:"))

    def not_now(self, act: Act) -> str:
        chosen, elsewhere = self._chosen(), self.cockpit.door.elsewhere
        if act.id in ("incident", "world.ask") and elsewhere is not None:
            return why_nothing(elsewhere, self.key_of)
        if act.id == "incident.prove" and (chosen is None or chosen.draft is None or chosen.closed):
            return "choose an open incident with a drafted rule; `factory incident draft` attaches one"
        if act.id == "incident.rollback":
            return self._why_not_back()
        if act.id == "world.ask" and not environments(self.cockpit.state):
            return "there is no deploy.yaml, so there is no environment to ask"
        return super().not_now(act)

    def perform(self, act: Act, at: float = 0.0) -> None:
        if act.id == "incident.rollback" and not self.why_not(act) and not self.may_answer(at):
            self.drop_key()
            return
        super().perform(act, at)

    def _open(self, key: str) -> None:
        chosen = self._chosen()
        if key.startswith("release:"):
            live = self.cockpit.state.releases.get(key.removeprefix("release:"))
            self.cockpit.open_deployment(live.deployment if live else "")
        elif chosen is None:
            self.act_incident_freeze()
        elif not chosen.cause:
            told = chosen.closed or "it was opened before there was a form"
            self.cockpit.read(f"{chosen.id} {chosen.title}", [("what", chosen.what), ("closed", told)])
        else:
            self.cockpit.open_waiting(incident_item(self.cockpit.state, chosen))

    # --- stop the bleeding -----------------------------------------------------------------------

    def _environment(self) -> str:
        """The chosen one, else where something was deployed last; empty = there is none."""
        if self.rows.key.startswith("release:"):
            return self.rows.key.removeprefix("release:")
        return next(iter(environments(self.cockpit.state)), "")

    def _why_not_back(self) -> str:
        name = self._environment()
        if not name:
            return "nothing was deployed from here"
        try:
            to_take_back(self.cockpit.state, name)
        except Refusal as refusal:
            return f"{refusal.what}: {refusal.why}"
        return ""

    def act_incident_rollback(self) -> None:
        name = self._environment()
        back = to_take_back(self.cockpit.state, name).plan.previous[:10] or "nothing"
        told = f"{name} goes back to {back}; landings and deployments are frozen; the incident's form comes after"
        self.cockpit.ask(Deploy(order="stop", environment=name, text="stop the bleeding"), told, self._renew)

    def _renew(self) -> None:
        self.repaint_first()
        self.present()

    def present(self) -> None:
        if self._asked_of not in (None, self.cockpit.state.releases):
            self.act_world_ask()  # what was said before is said of another release
        super().present()

    def act_world_ask(self) -> None:
        """What runs there, by each environment's own status command."""
        self._asked_of = self.cockpit.state.releases
        for name in environments(self.cockpit.state):
            self.world[name] = "asking ..."
            self.cockpit.soon(self._ask_world(name))

    async def _ask_world(self, name: str) -> None:
        self.world[name] = await asked_world(self.cockpit, name)
        self.renew()

    # --- the forms -------------------------------------------------------------------------------

    def act_incident(self) -> None:
        self.type("what went wrong, in a line; landings and deployments are frozen with it", self._begin)

    def _begin(self, text: str) -> None:
        if not text:
            self.say("nothing was opened: it had no words", "warn")
            return
        told = f"it is open, and landings are frozen; {self.key_of('incident.freeze')} lets them go on"
        self.cockpit.ask(IncidentWish(verb="open", text=text), told)

    def act_incident_freeze(self) -> None:
        if self.cockpit.state.frozen is not None:
            self.cockpit.ask(IncidentWish(verb="unfreeze"), "landings and deployments go on")
        else:
            self.cockpit.ask(IncidentWish(verb="freeze", text="by hand"), "landings and deployments are frozen")

    def act_incident_prove(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            wish = IncidentWish(verb="prove", id=chosen.id)
            self.cockpit.ask(wish, f"the proof of {chosen.id} is on record; {self.key_of('open')} shows it")


def _lines(one: Incident) -> tuple[tuple[Span, ...], ...]:
    if one.closed:
        head = line(Span(f"{one.id:<5}", "dim"), Span("closed  ", "dim"), Span(one_line(one.title, 200), "dim"))
        told = commit_words(one)
        is_open = bool(told) and not (one.committed and one.committed.commit)
        return (head, line(Span(f"     {one.rule} is {one_line(told, 200)}", "warn"))) if is_open else (head,)
    word = Span("BROKEN  ", "bad") if one.broken else Span("open    ", "warn")
    return (
        line(Span(f"{one.id:<5}", "key"), word, Span(one_line(one.title, 200))),
        line(Span(f"     next: {next_step(one)}" if one.cause else "     opened before there was a form", "dim")),
    )
