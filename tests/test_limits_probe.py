"""Each limit of each role, tried: green only where it was refused and the world is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from crew import (
    SUPERVISOR,
    Crew,
    answer,
    approve_all,
    commit_and_hand_over,
    make_crew,
    settled,
    small_task,
    stages,
    write,
)
from msgspec.structs import replace
from small_home import charter_of

from factory_tui.adapters.limits_probe import BY_COMMAND, LAYERS, Matrix, Route, probe
from factory_tui.adapters.processes import PlainSandbox
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.adapters.walls import Standing
from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.house import House, open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain import events as e
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.limits import DEGRADED, demands_proof
from factory_tui.domain.terms import Action
from factory_tui.domain.waiting import waiting
from factory_tui.engine.seat_ports import Desk, TurnBrief


async def tried(tmp_path: Path, *, walled: bool = True, wall: str = "bwrap") -> Matrix:
    sandbox = BwrapSandbox(look_around(find_bwrap())) if walled else PlainSandbox(tmp_path / "runs")
    return await probe(charter_of(), sandbox, tmp_path / "place", wall=wall, control="brokered")


@pytest.mark.needs_bwrap
async def test_every_limit_of_every_role_holds_and_names_its_layer(tmp_path: Path):
    matrix = await tried(tmp_path)
    assert matrix.red() == ()
    assert {cell.role for cell in matrix.cells} == {card.id for card in charter_of().roles}
    assert {cell.layer for cell in matrix.cells} == set(LAYERS)
    builder = {cell.limit: cell.layer for cell in matrix.cells if cell.role == "builder"}
    assert dict.fromkeys(BY_COMMAND, "wall").items() <= builder.items()
    assert builder["call an unlisted tool"] == "not offered"
    assert builder["bring in a protected path with a change"] == "diff import"
    ceo = {cell.limit: cell.layer for cell in matrix.cells if cell.role == "ceo"}
    assert ceo["run any command"] == "not offered"
    assert list((tmp_path / "place").iterdir()) == []


async def test_control_without_a_wall_the_same_limits_are_red_and_keep_roles_unseated(tmp_path: Path):
    matrix = await tried(tmp_path, walled=False, wall="none, believed to be one")
    red = {cell.limit for cell in matrix.red("builder")}
    assert set(BY_COMMAND) - {"outlive the command", "keep a capability"} <= red | {"make a namespace"}
    assert "install bubblewrap" in matrix.unproven("builder")
    assert matrix.unproven("ceo") == "", "it has no commands, so it needs no wall"


@pytest.mark.needs_bwrap
async def test_control_where_nothing_is_protected_the_import_lets_it_in_and_the_cell_is_red(tmp_path: Path):
    """The import is tried and not asked: git metadata is refused by the reading itself, whatever the law says."""
    law = charter_of()
    cards = tuple(
        replace(card, writes=("**",), never_writes=()) if card.id == "builder" else card for card in law.roles
    )
    open_law = replace(law, protected=(), rules=(), roles=tuple(card for card in cards if card.id == "builder"))
    sandbox = BwrapSandbox(look_around(find_bwrap()))
    matrix = await probe(open_law, sandbox, tmp_path, wall="bwrap", control="brokered")
    (cell,) = [one for one in matrix.red() if one.layer == "diff import"]
    assert ".github/workflows/ci.yml" in cell.detail
    assert ".git/hooks" not in cell.detail
    assert "protect the path" in matrix.unproven("builder")


@pytest.mark.needs_bwrap
async def test_a_kind_of_seat_is_tried_by_its_own_route(tmp_path: Path):
    """Behind the best of walls, a seat whose own tools run beside it is red."""
    law = charter_of()
    law = replace(law, roles=tuple(card for card in law.roles if card.id == "builder"))
    sandbox = BwrapSandbox(look_around(find_bwrap()))
    beside = Route(sandbox=lambda walled: PlainSandbox(tmp_path / "runs"))
    place = tmp_path / "place"
    assert (await probe(law, sandbox, place, wall="bwrap", control="supervised")).red() == ()
    matrix = await probe(law, sandbox, place, wall="bwrap", control="supervised", route=beside)
    assert {"write outside by a command", "reach a loopback listener"} <= {cell.limit for cell in matrix.red("builder")}


async def test_without_a_wall_a_models_seat_gets_no_shell_and_so_every_limit_holds(tmp_path: Path):
    matrix = await tried(tmp_path, walled=False, wall="none")
    assert matrix.red() == ()
    assert {c.layer for c in matrix.cells if c.role == "builder" and c.limit in BY_COMMAND} == {"broker"}


async def test_a_role_that_was_not_tried_is_unproven_and_never_safe(tmp_path: Path):
    assert "no limit of the role" in Matrix(cells=(), wall="bwrap", control="brokered").unproven("builder")


def test_people_and_scripts_need_no_proof_and_an_accepted_risk_asks_for_none():
    assert demands_proof("bwrap as root", "brokered")
    assert demands_proof("none", "supervised")
    assert not demands_proof("bwrap", "human")
    assert not demands_proof("none, DEGRADED: accepted by the supervisor", "brokered")


async def test_a_brokered_seat_is_refused_a_shell_by_a_session_without_a_wall(tmp_path: Path):
    told: list[str] = []

    async def build(brief: TurnBrief, desk: Desk) -> None:
        result = await desk.act(Action(kind="run", command="touch ran"))
        told.append(f"{result.decision}: {result.text}")
        await desk.act(Action(kind="escalate", text="no shell?"))

    crew = make_crew(tmp_path, {"builder": build})
    crew.seat.control = "brokered"
    house = crew.house()
    house.sandbox._bwrap = ""
    try:
        await house.start(SUPERVISOR)
        for item in waiting(house.state):
            if item.kind == "digest":
                answer(house, item.id, "ack")
        await small_task(house, "Try it")
        await settled(house)
    finally:
        await house.close("done", SUPERVISOR)
    assert told[0].startswith("deny: denied. boundary: there is no wall")
    digest = (crew.root / ".factory/memory/digests/session-0001.md").read_text()
    assert "Wall: none." in digest


@pytest.mark.needs_bwrap
async def test_a_proven_wall_seats_a_brokered_author_all_the_way(tmp_path: Path):
    async def build(brief: TurnBrief, desk: Desk) -> None:
        ran = await desk.act(Action(kind="run", command="id -u; echo x > .factory/factory.toml; python3 -m unittest"))
        assert ran.ok, ran.text
        assert "1000" in ran.text
        assert "Read-only file system" in ran.text
        assert (await write(desk, "adder.py", "def add(a, b):\n    return b + a\n")).ok
        assert (await commit_and_hand_over(desk)).ok

    crew = make_crew(tmp_path, {"builder": build, "quality": approve_all})
    crew.seat.control = "brokered"
    async with crew.session() as house:
        assert house.state.wall.startswith("bwrap")
        await small_task(house, "Swap")
        items = await settled(house)
        assert [item.kind for item in items] == ["change"], items
        answer(house, "T-1", "approve")
        await settled(house)
        assert stages(house.state) == {"T-1": "landed"}


async def only_says(brief: TurnBrief, desk: Desk) -> None:
    await desk.act(Action(kind="escalate", text="what now?"))


@pytest.mark.needs_bwrap
async def test_what_was_tried_is_on_record_before_the_first_turn(tmp_path: Path):
    crew = make_crew(tmp_path, {"builder": only_says})
    crew.seat.control = "brokered"
    async with crew.session() as house:
        proved = house.state.limits["brokered"]
        assert {one.role for one in proved.roles} == {card.id for card in house.state.law.roles}
        assert all(one.tried > 8 and not one.red for one in proved.roles)
        assert "write_outside" in proved.by_wall
        assert proved.matrix is not None
        assert b'"layer":"wall","holds":true' in house.evidence.get(proved.matrix.sha256)
        before = house.state.seq
        await house.limits.of("brokered")
        assert house.state.seq == before, "the same again is not written twice"


@pytest.mark.needs_bwrap
async def test_a_script_has_the_walls_own_trial_on_record_and_no_role_is_called_proven(tmp_path: Path):
    crew = make_crew(tmp_path, {"builder": only_says})
    async with crew.session() as house:
        proved = house.state.limits["rehearsed"]
        assert proved.roles == ()
        assert "read_host" in proved.by_wall


async def test_a_red_limit_leaves_the_role_unseated_with_reason_and_fix_and_nothing_crashes(tmp_path: Path):
    crew = make_crew(tmp_path, {"builder": only_says})
    crew.seat.control = "brokered"
    house = crew.house()
    # It believes in a wall that holds nothing.
    house.sandbox._bwrap = ""
    house.sandbox._standing = Standing(label="bwrap")
    try:
        await house.start(SUPERVISOR)
        await small_task(house, "Try it")
        waits = await settled(house)
        assert [(item.kind, item.id) for item in waits] == [("incident", "I-1"), ("stuck", "T-1")]
        assert "write outside by a command (wall)" in waits[1].title
        assert "install bubblewrap" in waits[1].title
        assert house.state.crashes == {}
        assert crew.seat.seen == [], "the seat was told nothing"
        answer(house, "T-1", "retry", text="look again")
        assert [item.kind for item in await settled(house)] == ["incident", "stuck"], "tried again, and red still"
    finally:
        await house.close("done", SUPERVISOR)
    assert any(isinstance(entry.event, e.LimitsProved) for entry in house.ledger.entries)
    assert (
        "limits that did not hold for brokered seats"
        in next((crew.root / ".factory/memory/digests").iterdir()).read_text()
    )


# --- no wall, accepted ---------------------------------------------------------------------------


def without_a_wall(crew: Crew, config: Path, *, accepted: bool) -> House:
    environment = {**crew.environment, "XDG_CONFIG_HOME": str(config)}
    house = open_house(
        find_ground(str(crew.root), environment),
        seats=lambda charter: SeatTable({"mind": lambda: crew.seat}, charter),
        accept_degraded=accepted,
    )
    house.sandbox._bwrap = ""
    return house


@pytest.mark.parametrize("accepted", [True, False])
async def test_degraded_holds_for_the_session_it_was_accepted_for_and_says_so_everywhere(
    tmp_path: Path, accepted: bool
):
    """Control and case: the same settings of the machine, with and without the word for this session."""
    (tmp_path / "config/factory").mkdir(parents=True)
    (tmp_path / "config/factory/config.toml").write_text('[wall]\naccept = "DEGRADED"\n')
    ran: list[bool] = []

    async def build(brief: TurnBrief, desk: Desk) -> None:
        ran.append((await desk.act(Action(kind="run", command="touch ran"))).ok)
        await desk.act(Action(kind="escalate", text="and now?"))

    crew = make_crew(tmp_path, {"builder": build})
    crew.seat.control = "brokered"
    house = without_a_wall(crew, tmp_path / "config", accepted=accepted)
    try:
        await house.start(SUPERVISOR)
        await small_task(house, "Try it")
        await settled(house)
    finally:
        await house.close("done", SUPERVISOR)
    entries = house.session._entries
    started = next(entry.event for entry in entries if isinstance(entry.event, e.SessionStarted))
    turn = next(entry.event for entry in entries if isinstance(entry.event, e.TurnStarted))
    digest = next((crew.root / ".factory/memory/digests").iterdir()).read_text()
    assert ran == [accepted]
    assert (started.degraded, turn.wall) == ((SUPERVISOR.name, DEGRADED) if accepted else ("", "none"))
    assert ("DEGRADED" in digest, SUPERVISOR.name in digest.split("Mode:")[0]) == (accepted, accepted)


async def test_nothing_in_the_repository_gives_the_wall_up(tmp_path: Path):
    inside = {"config/factory/config.toml": '[wall]\naccept = "DEGRADED"\n'}
    crew = make_crew(tmp_path, {}, files=inside)
    with pytest.raises(FactoryError, match="lies in the repository"):
        without_a_wall(crew, crew.root / "config", accepted=True)
    settings = 'repo_id = "{repo_id}"\n[smoke]\ncommand = "true"\n[wall]\naccept = "DEGRADED"\n'
    (tmp_path / "other").mkdir()
    home = make_crew(tmp_path / "other", {}, settings=settings)
    with pytest.raises(FactoryError, match="unknown key `wall`"):
        without_a_wall(home, tmp_path / "nowhere", accepted=True)
