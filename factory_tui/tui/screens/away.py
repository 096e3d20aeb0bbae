"""While you were away: one card, five facts, each opening its entries in the timeline."""

from __future__ import annotations

from typing import ClassVar

from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Span
from factory_tui.tui.present.absence import Fact, absence_head, absence_items, five_facts
from factory_tui.tui.screens.listing import Listing
from factory_tui.tui.screens.timeline import Timeline


class Away(Listing):
    """Answers nothing; Esc goes back to what was in front."""

    places: ClassVar[tuple[str, ...]] = ("list", "away")

    def __init__(self, seen: int, left: str, why: str) -> None:
        """`seen` is the last entry before the absence, `left` when it began."""
        super().__init__("while you were away", lambda room, setting: (), lambda room, key: None)
        self.seen, self.left, self.why = seen, left, why
        self.facts: tuple[Fact, ...] = ()

    def present(self) -> None:
        if not self.is_ready:
            return
        cockpit, rows = self.cockpit, self.rows
        setting = self.setting(rows.room or self.app.size.width)
        self.facts = five_facts(cockpit.chronicle.entries, cockpit.state, self.seen)
        told = absence_head(self.why, self.left, setting.now)
        self.bar_at("header").show((Span(" WHILE YOU WERE AWAY ", "bar-alert"), Span(f" {told}", "bar")))
        rows.show(absence_items(self.facts, setting), (Span(f"{self.key_of('open')} shows a fact's entries", "title"),))
        rows.activate(True)

    @property
    def chosen(self) -> Fact | None:
        return next((fact for fact in self.facts if f"fact:{fact.key}" == self.rows.key), None)

    def not_now(self, act: Act) -> str:
        if act.id == "open" and self.chosen is not None and not self.chosen.seqs:
            return "nothing of this kind happened"
        return super().not_now(act)

    def act_open(self) -> None:
        fact = self.chosen
        if fact is not None and fact.seqs:
            self.cockpit.enter(Timeline(only=fact.seqs, only_words=f"{fact.title}, while you were away"))
