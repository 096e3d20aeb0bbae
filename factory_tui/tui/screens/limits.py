"""The limits of every role, as they were tried: what holds, what is red and why, and how to mend it."""

from __future__ import annotations

from factory_tui.domain.errors import FactoryError
from factory_tui.domain.terms import Evidence
from factory_tui.tui.bindings import Act
from factory_tui.tui.lines import Span
from factory_tui.tui.present.limits import Cell, limits_items, limits_title, read_cells, role_parts
from factory_tui.tui.present.sheets import Look
from factory_tui.tui.screens.listing import Listing


class LimitsMatrix(Listing):
    """Enter shows every limit of one role."""

    def __init__(self) -> None:
        super().__init__(
            lambda key: f"of every role, as they were tried; {key('open')} shows one role's", _none, _nothing
        )
        self._cells: dict[str, tuple[Cell, ...] | None] = {}
        self._read_of: dict[str, str] = {}

    def _take(self) -> None:
        """The kept matrices; each is read once."""
        for control, proved in self.cockpit.state.limits.items():
            sha256 = proved.matrix.sha256 if proved.matrix else ""
            if self._read_of.get(control) != sha256:
                self._read_of[control] = sha256
                self._cells[control] = read_cells(proved, self._read)

    def _read(self, one: Evidence) -> str | None:
        view = self.cockpit.view
        if view is None:
            return None
        try:
            return view.evidence(one.sha256).decode("utf-8", "replace")
        except FactoryError:
            return None

    def present(self) -> None:
        if not self.is_ready:
            return
        self._take()
        rows, state = self.rows, self.cockpit.state
        look = Look(width=rows.room or self.app.size.width, glyphs=self.cockpit.paint.glyphs, key=self.key_of)
        self.show_header((Span(" LIMITS ", "bar-alert"), Span(f" {self.head}", "bar")))
        rows.show(limits_items(state, self._cells, look), limits_title(state))
        rows.activate(True)

    def not_now(self, act: Act) -> str:
        if act.id == "open" and not self._role:
            return "choose a role's row"
        return super().not_now(act)

    @property
    def _role(self) -> str:
        kind, *names = self.rows.key.split(":")
        return names[1] if kind == "role" and len(names) > 1 else ""

    def act_open(self) -> None:
        role = self._role
        if not role:
            self.say("choose a role's row", "bar-dim")
            return
        signs = self.cockpit.paint.glyphs
        self.cockpit.read(f"limits of {role}", role_parts(self.cockpit.state, role, self._cells, signs))


def _none(room: Listing, setting: object) -> tuple[()]:
    return ()


def _nothing(room: Listing, key: str) -> None:
    return None
