"""Before a session's first turn: what is new, the last digest to read, and what the session stands on as it is tried.

No turn starts before the digest is acknowledged. Its open questions are answered from here, and work is stated here.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from factory_tui.domain.item import Waiting
from factory_tui.domain.waiting import waiting
from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Line, Span
from factory_tui.tui.present.away import away_text
from factory_tui.tui.present.briefing import check_items, check_title, checklist
from factory_tui.tui.screens.arrangement import Place
from factory_tui.tui.screens.card import Card
from factory_tui.tui.widgets.bar import Bar
from factory_tui.tui.widgets.pane import Pane
from factory_tui.tui.widgets.rows import Rows

WIDE = 100
NOTHING = Waiting(id="", kind="digest", task="", title="no digest is unread", since="", sha256="", verbs=())
"""What a first session has to acknowledge."""


class Briefing(Card):
    """News and digest on the left, the checklist on the right; one above the other where it is narrow."""

    places: ClassVar[tuple[str, ...]] = ("briefing", "card", "text")

    def __init__(self, item: Waiting | None = None) -> None:
        super().__init__(item or NOTHING)
        self._told: tuple[str, str] = ("", "")

    def compose(self) -> ComposeResult:
        yield self.box_of(Bar(id="header"))
        yield self.box_of(Pane(id="text", follow=False))
        yield self.box_of(Rows(id="checks"))
        yield self.box_of(Bar(id="hints"))

    def places_for(self, width: int, height: int) -> dict[str, Place]:
        room = max(2, height - 2)
        places = {"header": Place(0, 0, width, 1), "hints": Place(0, height - 1, width, 1)}
        if not self.cockpit.checks:
            return places | {"text": Place(0, 1, width, room)}
        if width >= WIDE:
            side = width * 2 // 5
            return places | {
                "text": Place(0, 1, width - side, room),
                "checks": Place(width - side, 1, side, room),
            }
        rows = min(room // 2, 11)
        return places | {"text": Place(0, 1, width, room - rows), "checks": Place(0, 1 + room - rows, width, rows)}

    # --- showing ---------------------------------------------------------------------------------

    def _load(self) -> None:
        self.parts = []
        if self.item.id:
            super()._load()
        self._digest = list(self.parts)
        self._put_together()

    def _put_together(self) -> None:
        cockpit = self.cockpit
        news = [word for one in cockpit.checks.values() for word in one.news]
        away = away_text(cockpit.chronicle.entries, cockpit.state, news) if not cockpit.phase else self._looking(news)
        stands = checklist(cockpit.state, cockpit.checks)
        self._told = (away, stands)
        last = [*self._digest, ("this session stands on", stands)]
        self.parts = [("new since you left", away), *last]

    def _looking(self, news: list[str]) -> str:
        """While the start-up still looks, what it found so far."""
        return "\n".join([*(f"- {word}" for word in news), f"({self.cockpit.phase})"])

    def present(self) -> None:
        """The digest stays where somebody reads it; what is new and what was looked at are told as they come."""
        if not self.is_ready:
            return
        cockpit = self.cockpit
        digest = next((item for item in waiting(cockpit.state) if item.kind == "digest"), None)
        if digest is not None and digest.sha256 != self.item.sha256:
            self.item, self.head = digest, digest.title
            self._load()
            self._show_anew()
            self.call_after_refresh(self._painted)
        else:
            before = self._told
            self._put_together()
            if before != self._told:
                self._show_anew()
        super().present()
        self.is_gone = self.is_gone and bool(self.item.id)
        checks = self.rows_at("checks")
        checks.set_edge(self.app.size.width >= WIDE)
        setting = self.setting(checks.room or self.app.size.width)
        items = check_items(cockpit.checks, setting, whole=self.app.size.width >= WIDE)
        checks.show(items, check_title(cockpit.checks))

    def _show_anew(self) -> None:
        """The same place of the text, as far as it is still there."""
        place = self.pane.line_on_top
        self.show_parts()
        if place:
            self.pane.to_line(place)

    def header(self) -> Line:
        told = "  no turn starts before you have read it" if self.item.id else ""
        return (
            Span(" BRIEFING ", "bar-alert"),
            Span(f" {self.cockpit.phase or self.item.title}", "bar"),
            Span(told, "bar-dim"),
        )

    def pane_head(self) -> tuple[Line, Line]:
        if not self.item.id:
            return (Span("NEW SINCE YOU LEFT", "title"),), ()
        left, right = super().pane_head()
        if left and left[0].style == "title":
            return (Span("NEW SINCE YOU LEFT, then the last digest", "title"),), right
        return left, right

    # --- keys ------------------------------------------------------------------------------------

    def not_now(self, act: Act) -> str:
        cockpit = self.cockpit
        if act.id == "begin.again":
            return "" if cockpit.has_not_begun and not cockpit.phase else "the session has begun"
        if act.is_answer and cockpit.phase:
            return f"{cockpit.phase}; what is new is not known yet"
        if act.is_answer and not self.item.id:
            return f"no digest is unread; {self.key_of('back')} goes to the floor"
        return super().not_now(act)

    def act_begin_again(self) -> None:
        self.cockpit.begin_session()
