"""One rule; Enter again shows the incident behind it, and once more the rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Line, Span
from factory_tui.tui.screens.reader import Reader

INCIDENT = "the incident behind it"


class RuleReader(Reader):
    """First what it says, then what it cost to learn."""

    places: ClassVar[tuple[str, ...]] = ("text", "rule")

    def __init__(self, title: str, parts: Sequence[tuple[str, str]]) -> None:
        self._sides = (
            [part for part in parts if part[0] != INCIDENT],
            [part for part in parts if part[0] == INCIDENT],
        )
        super().__init__(title, self._sides[0])
        self.is_incident = False

    def header(self) -> Line:
        what = f"a rule in force; {self.key_of('open')} shows the incident behind it"
        if self.is_incident:
            what = "the incident behind it, for which it was written"
        return (Span(f" {self.head} ", "key"), Span(what, "bar"))

    def not_now(self, act: Act) -> str:
        if act.id == "open" and not self._sides[1]:
            return "no incident is told behind it"
        return super().not_now(act)

    def act_open(self) -> None:
        self.is_incident = not self.is_incident
        self.parts = self._sides[int(self.is_incident)]
        self.show_parts()
        self.renew()
