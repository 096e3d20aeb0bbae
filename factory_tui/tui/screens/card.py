"""One thing that waits, whole, and the only place where it can be answered.

Answering is safe by construction: answer keys live here alone, they work only after the object has been on the screen
for a moment, whatever was typed before is dropped, and the answer carries the sha256 of what was shown.
"""

from __future__ import annotations

from typing import ClassVar

from factory_tui.domain.errors import FactoryError
from factory_tui.domain.item import Waiting
from factory_tui.domain.waiting import waiting
from factory_tui.tui.bindings import VERBS, Act
from factory_tui.tui.keymap import shown
from factory_tui.tui.lines import Line, Span, ends, line_width
from factory_tui.tui.present.floor import KIND_WORDS
from factory_tui.tui.present.hints import folded
from factory_tui.tui.present.words import since
from factory_tui.tui.screens.arming import Armed
from factory_tui.tui.screens.reader import Reader

PROMPTS = {
    "reject": "the reason, which the next seat is told",
    "deny": "the reason, which the seat is told",
    "decline": "the reason",
    "reply": "your reply",
    "redirect": "to which role",
    "replan": "the new goal",
    "swap": "which seat",
    "waive": "why it may go on although nobody else judged it",
    "dismiss": "which finding, and why: F-2 the case cannot occur because ...",
    "hold": "why it is held",
    "drop": "why it is dropped",
    "rollback": "why it goes back, if it is to be on record",
    "incident": "what went wrong, in a line; nothing typed: why it is stuck",
    "fill": "a field: what: / when: / cost: / root cause: / level: 4",
    "close": "why no rule can exist",
    "handover": "a note to whoever comes next",
    "edit": "the command",
    "split": "the parts, `title: 1, 3 | title: 2` with the numbers of their criteria",
    "raise": "by how much: usd 5, tokens 500000, actions 50, minutes 30; nothing typed: as much again",
}
"""Verbs that need words, and which."""
KEPT_WORDS = "as you typed it before"
MAY_BE_EMPTY = frozenset({"handover", "raise", "incident", "rollback"})
VERB_LABELS = {
    "ack": "I have read it",
    "retry": "try again",
    "take-over": "take over",
    "allow-task": "allow for task",
    "go-on": "try now",
    "resume": "let it go on",
    "allow-session": "allow for session",
    "look": "ask again what runs",
    "rollback": "take it back",
}


class Card(Armed, Reader):
    """An object with its verbs."""

    places: ClassVar[tuple[str, ...]] = ("card", "text")

    def __init__(self, item: Waiting) -> None:
        super().__init__(item.title, [])
        self.item = item
        """Exactly what is shown; an answer names its sha256."""
        self.is_gone = False
        self.is_changed = False
        self._sent = False
        self._asked = ""
        """The verb that the line is typed for."""

    # --- showing ---------------------------------------------------------------------------------

    def prepare(self) -> None:
        self._load()
        super().prepare()
        self.call_after_refresh(self._painted)

    def _load(self) -> None:
        view = self.cockpit.view
        assert view is not None
        try:
            self.parts = [(part.title, part.text) for part in view.parts(self.item)]
        except FactoryError as error:
            self.parts = [("it cannot be shown", str(error))]
            self._sent = True
        self.parts = self.parts or [("nothing to show", "This item has no text.")]

    def present(self) -> None:
        """Sees whether what is shown is still what waits."""
        found = next((item for item in waiting(self.cockpit.state) if item.id == self.item.id), None)
        self.is_gone = found is None
        self.is_changed = found is not None and found.sha256 != self.item.sha256
        super().present()

    def header(self) -> Line:
        setting = self.setting(self.app.size.width)
        left = (
            Span(f" {KIND_WORDS[self.item.kind]} ", "bar-alert"),
            Span(f" {self.item.id} ", "key"),
            Span(self.item.title, "bar"),
        )
        return ends(left, (Span(f"{since(self.item.since, setting.now)} ", "bar-dim"),), self.header_room, "bar")

    def pane_head(self) -> tuple[Line, Line]:
        titles = ", ".join(title for title, _ in self.parts)
        shown_as = (Span(f"sha256 {self.item.sha256[:12]}", "dim"),)
        if self._sent:
            return (Span("answered", "title"),), shown_as
        if self.is_gone:
            return (Span("it does not wait any more: nothing is left to answer", "bad"),), shown_as
        if self.is_changed:
            return (Span(self.told_changed, "bad"),), shown_as
        return (Span(titles, "title"),), shown_as

    @property
    def told_changed(self) -> str:
        return f"it CHANGED while you looked: {self.key_of('card.reload')} shows it anew"

    def hints(self, width: int) -> Line:
        """The answers first; dim until they work."""
        spans: list[Span] = []
        if self.cockpit.door.elsewhere is not None:
            spans.append(Span(f" to be answered where the session is: {', '.join(self.item.verbs)} ", "bar-dim"))
        elif not self._sent and not self.is_gone and not self.is_changed:
            style = "key" if self.is_armed else "bar-dim"
            for verb in self.item.verbs:
                act = self.cockpit.keys.by_id[VERBS[verb]]
                spans += [Span(f" {shown(act.keys[0])}", style), Span(f" {VERB_LABELS.get(verb, verb)} ", "bar")]
            spans.append(Span("|", "bar-dim"))
        return (*spans, *super().hints(max(0, width - line_width(tuple(spans)))))

    def hint_rows(self, width: int) -> tuple[Line, ...]:
        """Every answer is told: where they do not fit into one row, they have more."""
        *first, last = folded(self.hints(width), width)
        return (*first, (*last, *Reader.hints(self, width - line_width(last)))) if first else (last,)

    # --- answering -------------------------------------------------------------------------------

    def verb_of(self, act: Act) -> str:
        """The verb that this action gives for this object; empty = none."""
        return next((verb for verb in self.item.verbs if VERBS[verb] == act.id), "")

    def not_now(self, act: Act) -> str:
        if act.id == "card.reload":
            return "" if self.is_changed else "the object is as it was"
        if not act.is_answer:
            return super().not_now(act)
        if self._sent:
            return "it was answered"
        if not self._document.is_whole:
            return f"it is still being laid out, {self._document.percent} %"
        if self.is_gone:
            return "it does not wait any more"
        if self.is_changed:
            return f"it changed while you looked; {self.key_of('card.reload')} shows it anew"
        if not self.verb_of(act):
            return f"{self.item.id} takes {', '.join(self.item.verbs)}"
        return ""

    def perform(self, act: Act, at: float = 0.0) -> None:
        if act.is_answer and not self.why_not(act) and not self.may_answer(at):
            self.drop_key()
            return
        super().perform(act, at)

    def _answer(self, id: str) -> None:
        verb = self.verb_of(self.cockpit.keys.by_id[id])
        if verb == "edit" and self.item.kind == "ask":
            self._edit_command()
        elif verb == "edit":
            self._edit()
        elif verb in PROMPTS:
            more = f" ({', '.join(card.id for card in self.cockpit.state.law.roles)})" if verb == "redirect" else ""
            self._ask_for(verb, f"{verb} {self.item.id}: {PROMPTS[verb]}{more}", self.first_words(verb))
        else:
            self._send(verb, "")

    def _ask_for(self, verb: str, prompt: str, begun: str) -> None:
        """A line of words, which begins with those that were typed before and came on no record."""
        kept = self.cockpit.kept(self.item, verb)
        if len(kept.splitlines()) > 1:
            self.cockpit.write(f"{prompt} ({KEPT_WORDS})", kept, lambda text: self._with_words(verb, text))
            return
        self._asked = verb
        told = f"{prompt} ({KEPT_WORDS})" if kept else prompt
        self.type(told, lambda text: self._with_words(verb, text), kept or begun)

    def leave_line(self, text: str) -> None:
        """Who stops because the object changed meanwhile goes on with the same words."""
        if self.is_gone or self.is_changed:
            self.cockpit.keep(self.item, self._asked, text)

    def first_words(self, verb: str) -> str:
        """What the line begins with when words are asked for."""
        return ""

    def _with_words(self, verb: str, text: str) -> None:
        if not text and verb not in MAY_BE_EMPTY:
            self.say(f"nothing was sent: {verb} needs {PROMPTS[verb]}", "warn")
        else:
            self._send(verb, text)

    def _send(self, verb: str, text: str) -> None:
        """The shown object's sha256 goes with it: if another one waits by now, the factory refuses."""
        if self._sent:
            return
        self.cockpit.answer(self.item, verb, text, self._done)

    def _done(self) -> None:
        self._sent = True
        if self.is_current:
            self.cockpit.go_back()

    def _edit_command(self) -> None:
        """What is sent is another action: card and rules are asked about it, and the seat is told what ran."""
        ask = self.cockpit.state.asks[self.item.id]
        told = f"edit {ask.id}: this runs instead, if card and rules let it; the seat is told"
        self._ask_for("edit", told, ask.action.command)

    def _edit(self) -> None:
        from factory_tui.tui.screens.editing import Editing

        text = next((text for title, text in reversed(self.parts) if title.startswith("brief")), "")
        self.cockpit.enter(Editing(self.item, text, self.cockpit.kept(self.item, "edit")))

    def act_card_reload(self) -> None:
        """Shows what waits now, from its beginning, and waits again before it can be answered."""
        found = next((item for item in waiting(self.cockpit.state) if item.id == self.item.id), None)
        if found is None:
            return
        self.item, self.head = found, found.title
        self._load()
        self.show_parts()
        self.present()
        self.repaint_first()

    def act_answer_yes(self) -> None:
        self._answer("answer.yes")

    def act_answer_task(self) -> None:
        self._answer("answer.task")

    def act_answer_session(self) -> None:
        self._answer("answer.session")

    def act_answer_edit(self) -> None:
        self._answer("answer.edit")

    def act_answer_redirect(self) -> None:
        self._answer("answer.redirect")

    def act_answer_no(self) -> None:
        self._answer("answer.no")

    def act_answer_hold(self) -> None:
        self._answer("answer.hold")

    def act_answer_comment(self) -> None:
        """A comment is about the task, whatever waits."""
        self._answer("answer.comment")

    def act_answer_dismiss(self) -> None:
        self._answer("answer.dismiss")

    def act_answer_waive(self) -> None:
        self._answer("answer.waive")

    def act_answer_raise(self) -> None:
        self._answer("answer.raise")

    def act_answer_replan(self) -> None:
        self._answer("answer.replan")

    def act_answer_split(self) -> None:
        self._answer("answer.split")

    def act_answer_swap(self) -> None:
        self._answer("answer.swap")

    def act_answer_take_over(self) -> None:
        self._answer("answer.take-over")

    def act_answer_incident(self) -> None:
        self._answer("answer.incident")

    def act_answer_fill(self) -> None:
        self._answer("answer.fill")

    def act_answer_rollback(self) -> None:
        self._answer("answer.rollback")

    def act_answer_drop(self) -> None:
        self._answer("answer.drop")
