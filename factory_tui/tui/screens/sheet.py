"""A card whose object is rows: one can go to a line, comment on it, open what backs it, and see a difference two ways.

A difference that was not on the screen is not approved: where a card shows one, the usual yes waits for it.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from factory_tui.domain.errors import FactoryError
from factory_tui.domain.gathering import calling
from factory_tui.domain.item import Waiting
from factory_tui.domain.terms import Evidence
from factory_tui.domain.waiting import waiting
from factory_tui.engine.reception import Reply
from factory_tui.tui.bindings import Act
from factory_tui.tui.harmless import one_line
from factory_tui.tui.keymap import shown
from factory_tui.tui.lines import Line, Span, line_width, text_of
from factory_tui.tui.present.exhibit import Exhibit
from factory_tui.tui.present.law import role_text
from factory_tui.tui.present.objects import EXHIBITS, KIND_TITLES, UNSEEN_IS_NOT_APPROVED
from factory_tui.tui.present.sheets import Look, about_of, sheet_items
from factory_tui.tui.screens.card import Card
from factory_tui.tui.screens.keeping import Reading
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.rows import Rows

WIDE_ENOUGH = 160
"""Columns from which a difference is first shown old beside new."""

HOLD_FOR_UNREAD = frozenset({"allow", "allow-task", "allow-session"})
"""Verbs that wait until what hides beyond the rows was opened."""


class Sheet(Card):
    """Rows instead of a text. What was read when it was opened is shown until it is shown anew."""

    places: ClassVar[tuple[str, ...]] = ("card", "list", "sheet")
    judged: ClassVar[str] = "difference"
    """What the usual yes is about, in a word."""

    def __init__(self, item: Waiting) -> None:
        super().__init__(item)
        self.exhibit = Exhibit(())
        self.is_beside = False
        self._made: tuple[int, bool] = (0, False)
        self._reading = Reading()
        self._seen: set[str] = set()
        """Keys of the difference's lines that were on the screen; its headings do not count."""
        self._of_diff: tuple[str, ...] = ()
        self._diff_keys: frozenset[str] = frozenset()
        self._is_whole_read = False
        """Whether what hides beyond the rows was opened."""
        self.remarks: list[str] = []
        """Comments on what belongs to no task: they go with a reason."""

    def prepare(self) -> None:
        self.is_beside = self.app.size.width >= WIDE_ENOUGH
        super().prepare()

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield self.box_of(Rows(id="text"))
        yield self.box_of(Bar(id="hints"))

    @property
    def rows(self) -> Rows:
        return self.rows_at("text")

    # --- showing ---------------------------------------------------------------------------------

    def _load(self) -> None:
        super()._load()
        try:
            self.exhibit = self._make_exhibit()
        except (KeyError, FactoryError):
            self.exhibit = Exhibit((), ("the object",))
        self._made = (0, False)
        self._seen.clear()
        self._is_whole_read = False

    def _make_exhibit(self) -> Exhibit:
        cockpit = self.cockpit
        return EXHIBITS[self.item.kind](cockpit.state, self.item, cockpit.chronicle, self._read)

    def _read(self, one: Evidence) -> str | None:
        view = self.cockpit.view
        assert view is not None
        try:
            return view.evidence(one.sha256).decode("utf-8", "replace")
        except FactoryError:
            return None

    def show_parts(self) -> None:
        """From the beginning."""
        self._made = (0, False)
        if self.is_ready:
            self._make_rows()
            self.rows.move(-1_000_000_000)

    def _make_rows(self) -> None:
        """Rows for this width; the choice stays on its key."""
        rows = self.rows
        width = rows.room or self.app.size.width
        if self._made == (width, self.is_beside):
            return
        spots = self._reading.note(rows, is_same=bool(self._made[0]))
        self._made = (width, self.is_beside)
        look = Look(width=width, is_beside=self.is_beside, glyphs=self.cockpit.paint.glyphs, key=self.key_of)
        items = sheet_items(self.exhibit.sections, look)
        diffs = {str(number) for number, one in enumerate(self.exhibit.sections) if one.kind == "diff"}
        self._of_diff = tuple(one.key for one in items if one.key.partition(".")[0] in diffs)
        lines = frozenset(key for key in self._of_diff if about_of(key).startswith("line:"))
        self._diff_keys = lines or frozenset(self._of_diff)
        self._seen.clear()
        rows.show(items, self._title())
        self._reading.restore(rows, spots)
        rows.activate(True)

    def present(self) -> None:
        if not self.is_ready:
            return
        found = next((item for item in waiting(self.cockpit.state) if item.id == self.item.id), None)
        self.is_gone = found is None
        self.is_changed = found is not None and found.sha256 != self.item.sha256
        self._make_rows()
        self._note_seen()
        self.show_header(self.header())
        self.rows.show(self.rows.items, self._title())

    def _title(self) -> Line:
        left, right = self.pane_head()
        return (*left, Span("  "), *right)

    def pane_head(self) -> tuple[Line, Line]:
        left, right = super().pane_head()
        if self._sent or (left and left[0].style != "title"):
            return left, right
        if self.exhibit.missing:
            return (Span(f"cannot be shown whole: {', '.join(self.exhibit.missing)}", "bad"),), right
        if not self._of_diff or self.item.kind not in UNSEEN_IS_NOT_APPROVED:
            return (Span(KIND_TITLES[self.item.kind], "title"),), right
        how = "" if self.judged != "difference" else "old beside new, " if self.is_beside else "unified, "
        told = f"{how}{len(self._seen)} of {len(self._diff_keys)} lines of the {self.judged} were on the screen"
        return (Span(told, "title" if self._seen else "warn"),), right

    def _note_seen(self) -> None:
        """What of the difference is on the screen now. The first sight of it begins the moment before an answer."""
        if not self._of_diff or not self.rows.height:
            return
        before = bool(self._seen)
        self._seen.update(key for key in self.rows.keys_in_view() if key in self._diff_keys)
        if self._seen and not before:
            self.repaint_first()

    def hints(self, width: int) -> Line:
        """Beside the object's own answers: a comment, which answers nothing."""
        act = self.cockpit.keys.by_id["answer.comment"]
        if self.why_not(act):
            return super().hints(width)
        more = (Span(f" {shown(act.keys[0])}", "key" if self.is_armed else "bar-dim"), Span(f" {act.label} ", "bar"))
        base = list(super().hints(width - line_width(more)))
        place = next((n for n, span in enumerate(base) if span.text.strip() == "|"), 0)
        return (*base[:place], *more, *base[place:])

    # --- answering -------------------------------------------------------------------------------

    def _done(self) -> None:
        """Equal things queue as one card: the next one stands in its place, and must be looked at anew."""
        self._sent = True
        if not self.is_current:
            return
        items = [one for one in calling(self.cockpit.state) if one.kind == self.item.kind and one.id != self.item.id]
        if items:
            self.cockpit.open_waiting(items[0])
        else:
            self.cockpit.go_back()

    def not_now(self, act: Act) -> str:
        if act.id in ("answer.comment", "answer.dismiss") and not self.verb_of(act):
            return self._about_task_not_now(act)
        if act.id == "answer.yes" and not (self._sent or self.is_gone or self.is_changed):
            if self.exhibit.missing:
                return f"it cannot be shown whole: {', '.join(self.exhibit.missing)}"
            if why := self._cannot_adopt():
                return why
            if self._must_be_seen(act) and not self._seen:
                return f"the {self.judged} was not on the screen yet; {self.key_of('card.diff')} goes to it"
        is_open = not (self._sent or self.is_gone or self.is_changed)
        is_unread = bool(self.exhibit.unread) and not self._is_whole_read
        if is_open and is_unread and self.verb_of(act) in HOLD_FOR_UNREAD:
            return f"{self.exhibit.unread}; {self.key_of('open')} on the last row shows the whole"
        match act.id:
            case "card.diff" if not self._of_diff:
                return "there is no difference"
            case "card.view" if not self._of_diff:
                return "there is no difference to be seen another way"
            case "open" if not self._opens():
                return "nothing stands behind this row"
            case "part.next" | "part.before" if len(self._headings()) < 2:
                return "there is one part"
            case _:
                return super().not_now(act)

    def _must_be_seen(self, act: Act) -> bool:
        has_difference = bool(self._of_diff) or self.item.kind == "change"
        return has_difference and self.item.kind in UNSEEN_IS_NOT_APPROVED and bool(self.verb_of(act))

    def _cannot_adopt(self) -> str:
        """Why the proposal that is shown cannot be adopted; empty = it can, or it is none."""
        proposal = self.cockpit.state.proposals.get(self.item.id)
        return f"it is invalid: {one_line(proposal.problem, 200)}" if proposal and proposal.problem else ""

    def about_task(self) -> str:
        """The open task that a comment becomes a finding of; empty = none."""
        proposal = self.cockpit.state.proposals.get(self.item.id)
        story = self.cockpit.chronicle.stories.get(proposal.by) if proposal else None
        task = self.item.task or (story.task if story else "")
        return task if task in self.cockpit.state.tasks else ""

    def _about_task_not_now(self, act: Act) -> str:
        task = self.cockpit.state.tasks.get(self.about_task())
        if task is None:
            return "" if act.id == "answer.comment" and "decline" in self.item.verbs else "it belongs to no open task"
        if act.id == "answer.dismiss" and not task.findings:
            return f"{task.id} has no open finding"
        return ""

    def act_answer_comment(self) -> None:
        """Becomes a finding, of the chosen line when one is chosen."""
        kind, _, spot = about_of(self.rows.key).partition(":")
        spot = spot if kind in ("line", "part") else ""
        task = self.about_task()
        becomes = f"becomes a finding of {task}" if task else "goes with your reason when you decline"
        prompt = f"comment on {spot or task or self.item.id}: {becomes}, and approves nothing"
        self.type(prompt, lambda text: self._comment(spot, text))

    def _comment(self, spot: str, text: str) -> None:
        if not text:
            self.say("nothing was noted: it had no words", "warn")
            return
        told, task = f"{spot}: {text}" if spot else text, self.about_task()
        if task:
            self._about_task("comment", told, f"noted as a finding of {task}")
        else:
            self.remarks.append(told)
            self.say(f"kept for your reason ({len(self.remarks)}); {self.key_of('answer.no')} declines with it", "bar")

    def first_words(self, verb: str) -> str:
        return "; ".join(self.remarks) if verb == "decline" else ""

    def act_answer_dismiss(self) -> None:
        if self.verb_of(self.cockpit.keys.by_id["answer.dismiss"]):
            super().act_answer_dismiss()
            return
        kind, _, finding = about_of(self.rows.key).partition(":")
        start = f"{finding} " if kind == "finding" else ""
        self.type(
            "dismiss which finding, and why: F-2 the case cannot occur because ...",
            lambda text: self._about_task("dismiss", text, f"{text.split(' ')[0]} is dismissed, on record"),
            start,
        )

    def _about_task(self, verb: str, text: str, told: str) -> None:
        """What changes the object is shown anew at once, and waits again before it can be answered."""
        self.cockpit.ask(Reply(id=self.about_task(), verb=verb, text=text), told, self._show_anew)

    def _show_anew(self) -> None:
        key = self.rows.key
        self.act_card_reload()
        self.rows.choose(key)

    # --- moving ----------------------------------------------------------------------------------

    def _moved(self) -> None:
        self._note_seen()
        self.rows.show(self.rows.items, self._title())

    def act_move_down(self, step: int = 1) -> None:
        if not self.rows.move(step):
            self.say("this is the end" if step > 0 else "this is the beginning", "bar-dim")
        self._moved()

    def act_move_up(self) -> None:
        self.act_move_down(-1)

    def act_move_page_down(self) -> None:
        self.act_move_down(max(1, self.rows.height - 1))

    def act_move_page_up(self) -> None:
        self.act_move_down(-max(1, self.rows.height - 1))

    def act_move_top(self) -> None:
        self.act_move_down(-1_000_000_000)

    def act_move_end(self) -> None:
        self.act_move_down(1_000_000_000)

    def _headings(self) -> list[str]:
        return [one.key for one in self.rows.items if " heading:" in one.key]

    def act_part_next(self, step: int = 1) -> None:
        keys = [one.key for one in self.rows.items]
        here = keys.index(self.rows.key) if self.rows.key in keys else 0
        places = [keys.index(key) for key in self._headings()]
        ahead = [place for place in places if place > here] if step > 0 else [p for p in reversed(places) if p < here]
        self._stand_on(keys[ahead[0]] if ahead else keys[-1] if step > 0 else keys[0])

    def act_part_before(self) -> None:
        self.act_part_next(-1)

    def _stand_on(self, key: str) -> None:
        self.rows.choose(key)
        self.rows.bring_up()
        self._moved()

    def act_card_diff(self) -> None:
        """To the difference."""
        self._stand_on(self._of_diff[0])

    def act_card_view(self) -> None:
        """Unified, or old beside new."""
        before, self.is_beside = self.rows.items, not self.is_beside
        self._make_rows()
        if self.rows.items == before:
            self.say("what is shown here looks the same both ways", "bar-dim")
        self._moved()

    def _find(self, step: int) -> None:
        if not (self.needle and self.rows.find(self.needle, step)):
            self.say(f"nothing here holds {self.needle!r}" if self.needle else "the search is off", "warn")
        self._moved()

    def act_copy(self) -> None:
        text = "\n".join(text_of(single).rstrip() for one in self.rows.items for single in one.lines)
        self.cockpit.copy(text, one_line(self.head, 60))

    # --- opening ---------------------------------------------------------------------------------

    def _opens(self) -> bool:
        kind, _, name = about_of(self.rows.key).partition(":")
        return bool(name) and kind in ("evidence", "rule", "sealed", "whole")

    def act_open(self) -> None:
        """What stands behind the row: evidence, a rule with its incident, a sealed input."""
        kind, _, name = about_of(self.rows.key).partition(":")
        cockpit = self.cockpit
        state = cockpit.state
        match kind:
            case "evidence":
                text = self._read(Evidence(sha256=name, size=0, label=""))
                cockpit.read(f"evidence {name[:16]}", [(f"sha256 {name}", text or "It is missing, or altered.")])
            case "whole":
                self._is_whole_read = True
                cockpit.read(self.head, self.exhibit.whole)
            case "rule" if name.startswith("card:"):
                card = next((one for one in state.law.roles if one.source == name), None)
                cockpit.read(name, role_text(card) if card else [(name, "No such card is in force.")])
            case "rule":
                cockpit.read_rule(name, self.item.task)
            case _:
                sha256, _, name = name.partition(":")
                document = state.law.document(name)
                # The home may have changed since: only what was sealed is shown as that.
                is_same = document is not None and document.sha256 == sha256
                told = document.text if document and is_same else "It stands whole in the brief, below its own heading."
                cockpit.read(name, [(name, told)])

    # --- mouse -----------------------------------------------------------------------------------

    def on_rows_scrolled(self, message: Rows.Scrolled) -> None:
        """What the wheel brought into view was on the screen, as what a key brings is."""
        message.stop()
        self._moved()
        self.show_hints()

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        message.stop()
        self._moved()
        if message.opened and self._opens():
            self.act_open()
        self.show_hints()
