"""The one table of seats: what fills a role by the supervisor's choice, the settings, and what this machine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Protocol

from factory_tui.adapters.agent_seats import ACP, unnamed_agent
from factory_tui.adapters.default_seat import Preferred, preferred_seat
from factory_tui.adapters.model_seats import (
    ANTHROPIC_API,
    CLAUDE_CODE,
    anthropic_api,
    claude_code,
    profiled,
)
from factory_tui.adapters.seat_parts import Ingredients
from factory_tui.adapters.user_seats import read_user_seats
from factory_tui.domain.charter import Charter
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.staffing import SHIPPED_CEILINGS, Budgets, Staffed, choice, nearest
from factory_tui.engine.seat_ports import Seat, Seats, Staffing

SeatMaker = Callable[[], Seat]
ModelMaker = Callable[[str, str], Seat]
"""Of a model and an effort; either may be empty = the seat's own choice."""


class OfferedSeats(Seats, Protocol):
    """Seats to which this machine's own are added."""

    def offer(self, kind: str, maker: SeatMaker) -> None: ...

    def offer_model(self, name: str, maker: ModelMaker) -> None:
        """A seat that a model of the settings fills."""

    def prefer(self, preferred: Preferred, ceilings: Budgets) -> None:
        """What fills a role where nothing is configured, and the most that the user allows."""


def staff(
    charter: Charter,
    preferred: Preferred,
    *,
    chosen: Mapping[str, str] = MappingProxyType({}),
    ceilings: Budgets = SHIPPED_CEILINGS,
) -> Staffing:
    """Every role's seat: `chosen` for this session, else the nearest setting, else the default and why it is that."""
    gate, crew = charter.gate, []
    for card in charter.roles:
        named, key = nearest(gate.seats, card.id, card.model_tier)
        model, _ = nearest(gate.models, card.id, card.model_tier)
        effort, _ = nearest(gate.efforts, card.id, card.model_tier)
        why = f"factory.toml, [seats] {key}" if named else preferred.why
        if by_hand := chosen.get(card.id) or chosen.get("default"):
            hand = choice(by_hand)
            named, model, effort = hand.seat or named, hand.model or model, hand.effort or effort
            why = "chosen for this session"
        crew.append(Staffed(role=card.id, seat=named or preferred.seat, model=model, effort=effort, why=why))
    notes = preferred.notes if any(one.why == preferred.why for one in crew) else ()
    return Staffing(crew=tuple(crew), ceilings=ceilings, notes=notes)


class SeatTable:
    """An explicit table from the name of a seat to the seat. What fills a role is the supervisor's choice, then the
    settings', then what this machine has."""

    def __init__(self, makers: Mapping[str, SeatMaker], charter: Callable[[], Charter], default: str = "") -> None:
        """`default` before what the machine has; empty = that, or a person."""
        self._makers = dict(makers)
        self._models: dict[str, ModelMaker] = {}
        self._charter = charter
        self._default = default
        self._preferred = Preferred(seat=default or "human", why="nothing is configured")
        self._ceilings = SHIPPED_CEILINGS

    def offer(self, kind: str, maker: SeatMaker) -> None:
        """One more kind; one that is there already stays."""
        self._makers.setdefault(kind, maker)

    def offer_model(self, name: str, maker: ModelMaker) -> None:
        self._models.setdefault(name, maker)

    def prefer(self, preferred: Preferred, ceilings: Budgets) -> None:
        self._ceilings = ceilings
        if not self._default:
            self._preferred = preferred

    def kind_for(self, role: str, task: str, chosen: str) -> str:
        seats = self._charter().gate.seats
        return chosen or seats.get(role) or seats.get("default") or self._preferred.seat

    def staff(self, charter: Charter, chosen: Mapping[str, str] = MappingProxyType({})) -> Staffing:
        found = staff(charter, self._preferred, chosen=chosen, ceilings=self._ceilings)
        known = {*self._makers, *self._models}
        missing = sorted({one.seat for one in found.crew} - known)
        notes = tuple(str(self._missing(seat).what) for seat in missing)
        return replace(found, notes=(*found.notes, *notes))

    def open(self, kind: str, model: str = "", effort: str = "") -> Seat:
        if kind in self._makers:
            return self._makers[kind]()
        if kind not in self._models:
            raise self._missing(kind)
        return self._models[kind](model, effort)

    def _missing(self, kind: str) -> FactoryError:
        return FactoryError(
            what=f"there is no seat `{kind}`",
            why=f"this factory has {', '.join(sorted({*self._makers, *self._models}))}",
            next_step=f"define [seats.{kind}] in config.toml of ~/.config/factory, name another under [seats] in"
            f" factory.toml, or choose one with `factory crew ROLE SEAT`; `factory doctor` says what is missing",
        )


def offer_own(table: OfferedSeats, parts: Ingredients) -> None:
    """Adds the seats that a model fills, the user's own among them, and says which comes first here."""
    table.offer_model(ANTHROPIC_API, lambda model, effort: anthropic_api(parts, model, effort))
    table.offer_model(CLAUDE_CODE, lambda model, effort: claude_code(parts, model, effort))
    table.offer_model(ACP, lambda model, effort: unnamed_agent())
    own = read_user_seats(parts.environment, parts.repository)
    for name, profile in own.profiles.items():
        table.offer_model(name, partial(profiled, parts, name, profile))
    table.prefer(preferred_seat(parts.environment, parts.keys), own.ceilings)
