"""Who may fill a role from the command line: the explicit table of seats, each imported when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from factory_tui.domain.errors import UsageError
from factory_tui.domain.staffing import choice

if TYPE_CHECKING:
    from factory_tui.adapters.default_seat import Preferred
    from factory_tui.adapters.handovers import Handovers
    from factory_tui.bootstrap.seating import ModelMaker, OfferedSeats, SeatMaker, SeatTable
    from factory_tui.domain.charter import Charter
    from factory_tui.domain.staffing import Budgets
    from factory_tui.engine.seat_ports import Seat, Staffing

KINDS = ("human", "rehearsal", "anthropic_api", "claude_code")


@dataclass(frozen=True, kw_only=True)
class Person:
    """The person at this terminal, as a seat needs them."""

    handovers: Handovers
    forms_dir: str
    show: Callable[[str], None]


class ChosenSeats:
    """The table, with what was chosen on the command line for this session before it. Satisfies `seat_ports.Seats`."""

    def __init__(self, table: SeatTable, chosen: Mapping[str, str]) -> None:
        self._table, self._chosen = table, dict(chosen)

    def offer(self, kind: str, maker: SeatMaker) -> None:
        self._table.offer(kind, maker)

    def kind_for(self, role: str, task: str, chosen: str) -> str:
        return chosen or self._chosen.get(role) or self._table.kind_for(role, task, chosen)

    def offer_model(self, name: str, maker: ModelMaker) -> None:
        self._table.offer_model(name, maker)

    def prefer(self, preferred: Preferred, ceilings: Budgets) -> None:
        self._table.prefer(preferred, ceilings)

    def staff(self, charter: Charter) -> Staffing:
        return self._table.staff(charter, self._chosen)

    def open(self, kind: str, model: str = "", effort: str = "") -> Seat:
        return self._table.open(kind, model, effort)


def seats(
    *,
    person: Person | None = None,
    script: str = "",
    chosen: Mapping[str, str] | None = None,
    own: Collection[str] = (),
) -> Callable[[Callable[[], Charter]], OfferedSeats]:
    """What `open_house` wants: the seats, once it knows the charter in force. `own` are the names of the
    user's own. Raises UsageError for an unknown seat."""
    wanted = dict(chosen or {})
    for role, named in wanted.items():
        seat = choice(named)[0]
        if seat and seat not in KINDS and seat not in own:
            raise UsageError(
                what=f"there is no seat `{seat}` for {role}", why=f"this factory has {', '.join((*KINDS, *own))}"
            )
    text = _script_text(script) if script else ""

    def make(charter: Callable[[], Charter]) -> OfferedSeats:
        from factory_tui.bootstrap.seating import SeatTable

        makers: dict[str, SeatMaker] = {}
        if person is not None:
            makers["human"] = lambda: _human(person, charter)
        if script:
            makers["rehearsal"] = lambda: _rehearsal(script, text, charter())
        return ChosenSeats(SeatTable(makers, charter), wanted)

    return make


def _human(person: Person, charter: Callable[[], Charter]) -> Seat:
    from factory_tui.adapters.seats.human import HumanSeat

    return HumanSeat(person.handovers, person.forms_dir, person.show, lambda role: charter().role(role).delivers)


def _rehearsal(path: str, text: str, charter: Charter) -> Seat:
    from factory_tui.adapters.rehearsal_script import read_script
    from factory_tui.adapters.seats.rehearsal import RehearsalSeat

    judging = frozenset(card.id for card in charter.roles if card.judges)
    return RehearsalSeat(read_script(path, text, judging))


def _script_text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(what=f"the script {path} cannot be read: {error}", next_step="name a YAML file") from error
