"""Incidents: first stop the bleeding, then the forms. `!` twice opens one, and landings stop with it."""

from __future__ import annotations

from typing import ClassVar

from factory_tui.domain.incidents import next_step
from factory_tui.domain.state import Incident
from factory_tui.engine.incidents import IncidentWish
from factory_tui.tui.bindings import Act
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Span, item, line
from factory_tui.tui.present.elsewhere import why_nothing
from factory_tui.tui.present.words import Setting
from factory_tui.tui.screens.listing import Listing

NOTHING_FROZEN = "nothing is frozen: landings and deployments go on"


class Incidents(Listing):
    """Enter shows one whole, where its form is filled."""

    places: ClassVar[tuple[str, ...]] = ("list", "incidents")

    def __init__(self) -> None:
        super().__init__(
            "INCIDENTS: stop the bleeding first; ! opens one, f freezes, p proves",
            lambda room, setting: self._rows(setting),
            lambda room, key: self._open(key),
        )

    def _rows(self, setting: Setting) -> list[Item]:
        state = self.cockpit.state
        stop = state.frozen
        if stop is not None:
            what = "landings and deployments" if stop.landings else "deployments"
            told = line(
                Span("FROZEN ", "bad"), Span(f"{what}, since {stop.since[11:16]}: {one_line(stop.reason, 200)}")
            )
        else:
            told = line(Span("OPEN   ", "good"), Span(NOTHING_FROZEN))
        rows = [item("freeze", line(Span("stop the bleeding", "title")), told)]
        incidents = sorted(state.incidents.values(), key=lambda one: (bool(one.closed), one.since, one.id))
        rows += [item(f"incident:{one.id}", *_lines(one)) for one in incidents]
        return rows

    def _chosen(self) -> Incident | None:
        return self.cockpit.state.incidents.get(self.rows.key.removeprefix("incident:"))

    def not_now(self, act: Act) -> str:
        chosen, elsewhere = self._chosen(), self.cockpit.door.elsewhere
        if act.id == "incident" and elsewhere is not None:
            return why_nothing(elsewhere)
        if act.id == "incident.prove" and (chosen is None or chosen.draft is None or chosen.closed):
            return "choose an open incident with a drafted rule; `factory incident draft` attaches one"
        return super().not_now(act)

    def _open(self, key: str) -> None:
        chosen = self._chosen()
        if chosen is None:
            self.act_incident_freeze()
        elif chosen.closed or not chosen.cause:
            told = chosen.closed or "it was opened before there was a form"
            self.cockpit.read(f"{chosen.id} {chosen.title}", [("what", chosen.what), ("closed", told)])
        else:
            self.cockpit.open_item(chosen.id)

    def act_incident(self) -> None:
        self.type("what went wrong, in a line; landings and deployments are frozen with it", self._begin)

    def _begin(self, text: str) -> None:
        if not text:
            self.say("nothing was opened: it had no words", "warn")
            return
        self.cockpit.ask(IncidentWish(verb="open", text=text), "it is open, and landings are frozen; f lets them go on")

    def act_incident_freeze(self) -> None:
        if self.cockpit.state.frozen is not None:
            self.cockpit.ask(IncidentWish(verb="unfreeze"), "landings and deployments go on")
        else:
            self.cockpit.ask(IncidentWish(verb="freeze", text="by hand"), "landings and deployments are frozen")

    def act_incident_prove(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            wish = IncidentWish(verb="prove", id=chosen.id)
            self.cockpit.ask(wish, f"the proof of {chosen.id} is on record; Enter shows it")


def _lines(one: Incident) -> tuple[tuple[Span, ...], ...]:
    if one.closed:
        return (line(Span(f"{one.id:<5}", "dim"), Span("closed  ", "dim"), Span(one_line(one.title, 200), "dim")),)
    word = Span("BROKEN  ", "bad") if one.broken else Span("open    ", "warn")
    return (
        line(Span(f"{one.id:<5}", "key"), word, Span(one_line(one.title, 200))),
        line(Span(f"     next: {next_step(one)}" if one.cause else "     opened before there was a form", "dim")),
    )
