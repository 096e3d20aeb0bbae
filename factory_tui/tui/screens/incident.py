"""One incident, from its form to the rule that keeps it from happening again.

Everything is one key from here: the form, what shows it, a draft by a seat or by hand, the proof. Adopting is an
answer: it works only once the proof was on the screen, and it names the sha256 of what was shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from factory_tui.domain.entries import Entry
from factory_tui.domain.incidents import FORM, why_no_commit
from factory_tui.domain.item import Waiting
from factory_tui.domain.state import Incident
from factory_tui.engine.incidents import IncidentWish, drafts_for
from factory_tui.engine.reception import Reply
from factory_tui.tui.bindings import Act
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Line, Span
from factory_tui.tui.present.exhibit import Exhibit
from factory_tui.tui.present.history import entry_text
from factory_tui.tui.present.incident import incident_exhibit
from factory_tui.tui.present.sheets import about_of
from factory_tui.tui.screens.drafting import Drafting
from factory_tui.tui.screens.picking import Picking
from factory_tui.tui.screens.sheet import Sheet


class IncidentSheet(Sheet):
    """Also shown when it is closed: then nothing of it can be changed."""

    places: ClassVar[tuple[str, ...]] = ("card", "list", "sheet", "incident")

    judged: ClassVar[str] = "proof"

    def __init__(self, item: Waiting) -> None:
        super().__init__(item)
        self.entries: dict[int, Entry] = {}

    @property
    def known(self) -> Incident:
        return self.cockpit.state.incidents[self.item.id]

    def _make_exhibit(self) -> Exhibit:
        view = self.cockpit.view
        past = view.past if view is not None else ()
        self.entries = {entry.seq: entry for entry in (*past, *self.cockpit.chronicle.entries)}
        return incident_exhibit(self.cockpit.state, self.known, self.entries, self._read)

    def pane_head(self) -> tuple[Line, Line]:
        left, right = super().pane_head()
        closed = self.known.closed
        return ((Span(f"closed: {one_line(closed, 200)}", "title"),), right) if closed else (left, right)

    # --- what can be done ------------------------------------------------------------------------

    def not_now(self, act: Act) -> str:
        known = self.known
        if act.id == "incident.again":
            return "" if known.closed else f"{known.id} is open; {self.key_of('incident.pick')} picks what shows it"
        if act.id == "incident.commit":
            return why_no_commit(known)
        if known.closed and act.id.startswith("incident."):
            return f"{known.id} is closed: {one_line(known.closed, 100)}"
        match act.id:
            case "card.view":
                return "both sides of a proof always stand side by side"
            case "incident.prove" if known.draft is None:
                ask, write = self.key_of("incident.ask"), self.key_of("incident.write")
                return f"no rule is drafted: {ask} asks a seat, {write} writes one"
            case "incident.ask" | "incident.write" if not known.evidence and known.draft is None:
                pick = self.key_of("incident.pick")
                return f"no entry is picked: {pick} picks what shows it, and a rule is drafted from that"
            case "incident.ask" if self.cockpit.state.mission is not None:
                mission, write = self.cockpit.state.mission.id, self.key_of("incident.write")
                return f"{mission} is under way; {write} writes the rule by hand"
            case "incident.use" if not drafts_for(self.cockpit.state):
                return f"no seat has proposed a rule; {self.key_of('incident.ask')} asks one"
            case _:
                return super().not_now(act)

    def _send(self, verb: str, text: str) -> None:
        """A filled field settles nothing: the incident stays, and is shown as it is now. An adoption says what was
        committed."""
        if verb == "fill":
            self.cockpit.answer(self.item, verb, text, self._show_anew)
        elif verb == "adopt" and not self._sent:
            wish = Reply(id=self.item.id, verb=verb, sha256=self.item.sha256)
            self.cockpit.ask(wish, _adopted, self._done)
        else:
            super()._send(verb, text)

    def act_incident_form(self) -> None:
        """All fields at once, as lines `field: value`."""
        known = self.known
        old = "".join(f"{name.replace('_', ' ')}: {getattr(known, name) or ''}\n" for name in FORM)
        item = self.item

        def send(text: str, done: Callable[[], None]) -> None:
            wish = Reply(id=item.id, verb="fill", text=text, sha256=item.sha256)
            self.cockpit.ask(wish, f"the form of {item.id} is filled", lambda: self._after(done))

        self.cockpit.enter(Drafting(f"form of {item.id}", old, send))

    def act_incident_pick(self) -> None:
        self.cockpit.enter(Picking(self.known.id, self._show_anew))

    def act_incident_ask(self) -> None:
        """A seat writes the draft; it comes back as its proposal."""
        told = "the task is on record; what the seat proposes is shown here"
        self.cockpit.ask(IncidentWish(verb="ask", id=self.item.id), told)

    def act_incident_use(self) -> None:
        """The newest proposal of a rule becomes the draft."""
        newest = drafts_for(self.cockpit.state)[-1]
        wish = IncidentWish(verb="draft", id=self.item.id, proposal=newest.id)
        told = f"{newest.id} is the draft; {self.key_of('incident.prove')} proves it"
        self.cockpit.ask(wish, told, self._show_anew)

    def act_incident_write(self) -> None:
        """The draft, or else what the ledger gives for one, to be written by hand."""
        self.cockpit.soon(self._write())

    async def _write(self) -> None:
        draft, view = self.known.draft, self.cockpit.view
        assert view is not None
        if draft is not None:
            path, text = draft.path, self._read(draft.draft) or ""
        else:
            given = await view.ask(IncidentWish(verb="skeleton", id=self.item.id))
            path, text = str(given["path"]), str(given["text"])
        id = self.item.id

        def send(new: str, done: Callable[[], None]) -> None:
            wish = IncidentWish(verb="draft", id=id, path=path, text=new)
            told = f"the draft of {id} is on record; {self.key_of('incident.prove')} proves it"
            self.cockpit.ask(wish, told, lambda: self._after(done))

        self.cockpit.enter(Drafting(path, text, send, may_be_same=draft is None))

    def _after(self, done: Callable[[], None]) -> None:
        """Back here, where it is shown as it is now."""
        done()
        self._show_anew()

    def act_incident_again(self) -> None:
        """I4: no new incident, but a check that is broken."""
        told = f"{self.item.id} is open again, and landings and deployments are frozen"

        def reopen(text: str) -> None:
            if text:
                wish = IncidentWish(verb="open", text=text, repeats=self.item.id)
                self.cockpit.ask(wish, told, self._show_anew)
            else:
                self.say("nothing was opened: it had no words", "warn")

        self.type(f"{self.item.id} happened again: what, in a line", reopen)

    def act_incident_commit(self) -> None:
        self.cockpit.ask(IncidentWish(verb="commit", id=self.item.id), _committed, self._show_anew)

    def act_incident_prove(self) -> None:
        goes, adopts = self.key_of("card.diff"), self.key_of("answer.yes")
        told = f"the proof of {self.item.id} is on record; {goes} goes to it, {adopts} adopts what passed"
        self.cockpit.ask(IncidentWish(verb="prove", id=self.item.id), told, self._show_anew)

    # --- opening ---------------------------------------------------------------------------------

    def _opens(self) -> bool:
        return about_of(self.rows.key).startswith("entry:") or super()._opens()

    def act_open(self) -> None:
        kind, _, seq = about_of(self.rows.key).partition(":")
        entry = self.entries.get(int(seq)) if kind == "entry" else None
        if entry is None:
            super().act_open()
        else:
            self.cockpit.read(f"entry #{entry.seq}", [("what was recorded", entry_text(entry))])


def _adopted(told: dict[str, Any]) -> str:
    """What the line says after an adoption."""
    if not told["adopted"]:
        return f"rule and incident are written, and the home changed besides: {told['proposal'] or 'it'} waits for you"
    return f"{told['rule']} is in force; {_committed(told)}"


def _committed(told: dict[str, Any]) -> str:
    return one_line(str(told["commit"]["told"]), 400)
