"""The crew: what fills each role, and why; another seat for a role's next turns."""

from __future__ import annotations

from typing import ClassVar

from factory_tui.tui.bindings import Act
from factory_tui.tui.present.crew import crew_role_text, crew_rows
from factory_tui.tui.screens.listing import Listing


class Crew(Listing):
    """Enter shows one role whole."""

    places: ClassVar[tuple[str, ...]] = ("list", "crew")

    def __init__(self) -> None:
        super().__init__(
            lambda key: (
                f"the crew; {key('open')}: one role whole, {key('crew.seat')}: another seat,"
                f" {key('crew.budgets')}: budgets, {key('go.roles')}: its card"
            ),
            lambda room, setting: crew_rows(room.cockpit.state, setting),
            lambda room, key: self._open_role(key),
            " No charter is in force yet.",
        )

    def _open_role(self, key: str) -> None:
        if self._role():
            card = self.cockpit.state.law.role(self._role())
            self.cockpit.read(card.title, crew_role_text(self.cockpit.state, card))
        else:
            self.say("that is a note about the crew; the rows below are its roles", "bar-dim")

    def _role(self) -> str:
        kind, _, name = self.rows.key.partition(":")
        return name if kind == "role" else ""

    def not_now(self, act: Act) -> str:
        if act.id == "crew.seat" and not self._role():
            return "no role is chosen"
        if act.id == "crew.raise" and not self._bounded():
            return "neither the day, the session nor this role has a budget; a turn's own is raised on its card"
        return super().not_now(act)

    def act_crew_seat(self) -> None:
        role = self._role()
        before = self.cockpit.state.role_seats.get(role, "")
        self.type(
            f"for the next turns of {role}: claude_code, anthropic_api/MODEL, /MODEL, @EFFORT; empty: by the settings",
            lambda text: self._seat(role, text),
            before,
        )

    def _seat(self, role: str, text: str) -> None:
        from factory_tui.engine.reception import ChangeSeat

        told = f"{role}: {text or 'the seat of the settings'} from its next turn on"
        self.cockpit.ask(ChangeSeat(role=role, seat=text), told)

    def _bounded(self) -> list[str]:
        """Scopes that have a bound: the chosen role first."""
        from factory_tui.domain.spending import bound
        from factory_tui.domain.staffing import NO_BOUNDS

        state = self.cockpit.state
        if state.charter is None:
            return []
        scopes = [f"role:{self._role()}"] if self._role() else []
        return [scope for scope in (*scopes, "day", "session") if bound(state, scope) != NO_BOUNDS]

    def act_crew_raise(self) -> None:
        scopes = self._bounded()
        how = "by how much: usd 5, tokens 500000"
        self.type([f"raise the budget of {scope}, {how}" for scope in scopes], lambda text: self._raise(scopes, text))

    def _raise(self, scopes: list[str], amount: str) -> None:
        from factory_tui.engine.reception import Raise

        if not amount:
            self.say("nothing was raised: it needs an amount, for instance usd 5", "warn")
            return
        scope = scopes[self.toggled]
        self.cockpit.ask(Raise(scope=scope, amount=amount), f"the budget of {scope} is raised by {amount}, on record")

    def act_crew_budgets(self) -> None:
        from factory_tui.engine.summary import budget_lines

        state = self.cockpit.state
        lines = list(budget_lines(state)) if state.charter else []
        words = "\n".join(lines) or "Nothing is bounded, besides each turn by its role's card."
        raising = (
            f"{self.key_of('crew.raise')} on the crew's screen raises one, for this day or session only; so does"
            " `factory budget day --raise`."
        )
        self.cockpit.read("every budget, used and allowed", [("budgets", words), ("raising", raising)])
