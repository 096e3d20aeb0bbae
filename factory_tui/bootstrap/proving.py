"""Proving the limits: the wall of this repository, and each limit of each role tried against it, on record."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from factory_tui.adapters.limits_probe import DIRECT, Cell, Matrix, Route, probe
from factory_tui.adapters.walls import ProvenSandbox, Standing, choose_wall
from factory_tui.bootstrap.grounds import Ground, git_dir_of
from factory_tui.domain import commands as c
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.limits import demands_proof, unproven
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor, Control
from factory_tui.engine.factory import Factory
from factory_tui.engine.ports import EvidenceStore
from factory_tui.engine.seat_ports import Seats


def wall_of(ground: Ground, *, accepted: bool = False) -> ProvenSandbox:
    """The wall, and what no boundary may ever show. `accepted`: this session may go without."""
    repository = ground.home.repo_root
    return choose_wall(
        ground.place.exports,
        ground.environment,
        repository,
        hidden=(ground.place.root, git_dir_of(repository)),
        given=(f"{ground.place.prepared}/packages",),
        accepted=accepted,
    )


async def probe_ground(ground: Ground) -> tuple[Standing, Matrix]:
    """Tries the wall and each limit of the roles in the home as it is on disk; nothing is recorded. Raises
    FactoryError when the home cannot be read."""
    charter = ground.reading.charter
    if charter is None:
        raise FactoryError(
            what=f"the home {ground.home.home_dir} cannot be read",
            why="; ".join(str(problem) for problem in ground.reading.problems[:3]),
            next_step="run `factory check`",
        )
    sandbox = wall_of(ground)
    standing = await sandbox.prove()
    return standing, await probe(charter, sandbox, ground.place.exports, wall=standing.label, control="brokered")


@dataclass(kw_only=True)
class Limits:
    """What was tried of the limits under which this factory's seats work."""

    ground: Ground
    factory: Factory
    evidence: EvidenceStore
    sandbox: ProvenSandbox
    seats: Seats
    tried: dict[tuple[str, str, Control], Matrix] = field(default_factory=dict)
    trying: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def state(self) -> State:
        return self.factory.state

    async def of(self, control: Control = "brokered") -> Matrix:
        """Each limit of each role, tried now for seats held like this and put on record.

        Once for each charter and wall; again as long as one of them is red.
        """
        async with self.trying:
            standing, law = await self.sandbox.prove(), self.state.law
            key = (law.sha256, standing.label, control)
            if key not in self.tried or self.tried[key].red():
                place = self.ground.place.exports
                cells: list[Cell] = []
                for route in self._routes(control):
                    found = await probe(law, self.sandbox, place, wall=standing.label, control=control, route=route)
                    cells += found.cells
                self.tried[key] = Matrix(cells=tuple(cells), wall=standing.label, control=control)
            if self.state.session_open:
                self._record_limits(control, self.tried[key])
            return self.tried[key]

    async def unproven(self, role: str, control: Control) -> str:
        """Why a seat held like this cannot fill the role; empty = it can."""
        if not demands_proof((await self.sandbox.prove()).label, control):
            return ""
        await self.of(control)
        return unproven(self.state, role, control)

    def _record_limits(self, control: Control, matrix: Matrix | None) -> None:
        standing = self.sandbox.standing
        self.factory.submit(
            c.RecordLimits(
                control=control,
                wall=standing.label,
                by_wall=tuple(one.name for one in standing.tried if one.refused),
                roles=matrix.by_role() if matrix else (),
                matrix=self.evidence.put(matrix.as_json(), f"limits of {control} seats") if matrix else None,
            ),
            Actor(kind="factory", name="limits"),
        )

    async def try_all(self) -> None:
        """Once for each way in which the settings' seats are held. What the wall showed of itself is enough for a
        script's seat; a person has no limits of ours."""
        for control in sorted(self._controls()):
            if control == "rehearsed":
                self._record_limits(control, None)
            elif control != "human":
                await self.of(control)

    def _routes(self, control: Control) -> list[Route]:
        """By which the settings' seats that are held like this reach the world; a seat may name one of its own, as
        `probe_route`. One that does not hold makes a role red for all of them."""
        found: list[Route] = []
        for kind in sorted({self.seats.kind_for(card.id, "", "") for card in self.state.law.roles}):
            with suppress(FactoryError):
                seat = self.seats.open(kind)
                route = getattr(seat, "probe_route", DIRECT)
                if seat.facts.control == control and isinstance(route, Route) and route not in found:
                    found.append(route)
        return found or [DIRECT]

    def _controls(self) -> set[Control]:
        found: set[Control] = set()
        for kind in set(self.kinds().values()):
            # A seat that cannot be opened is told about when a role needs it.
            with suppress(FactoryError):
                found.add(self.seats.open(kind).facts.control)
        return found

    def kinds(self) -> dict[str, str]:
        """Which seat each role has in this session."""
        return {role: one.seat for role, one in self.state.crew.items()}

    def broken_seats(self) -> dict[str, str]:
        """Why seats of a kind cannot be opened, or why a role stays without one."""
        broken: dict[str, str] = {}
        for role, kind in self.kinds().items():
            try:
                control = self.seats.open(kind).facts.control
            except FactoryError as error:
                broken[kind] = error.what
                continue
            if why := unproven(self.state, role, control):
                broken[role] = why
        return broken
