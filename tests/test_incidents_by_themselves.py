"""Incidents that nobody opens: a limit that was passed, a ledger that was changed, a deployment that fails again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import Desk, settled_desk
from crew import SUPERVISOR, answer, make_crew, settled, small_task
from deploy_home import Checks, make_shipping
from heart import given
from heart import small_task as small
from test_deployments import deploy, land, session
from test_incidents import worked

from factory_tui.adapters.wall import find_bwrap
from factory_tui.bootstrap.house import House
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.deciding_rollbacks import is_about
from factory_tui.domain.events import RedLimit, RoleLimits
from factory_tui.domain.limits import DEGRADED, NO_WALL
from factory_tui.domain.terms import Action, Actor
from factory_tui.domain.waiting import waiting
from factory_tui.engine.ports import Boundary, Limits, RunResult, Sandbox
from factory_tui.engine.seat_ports import Desk as SeatDesk
from factory_tui.engine.seat_ports import TurnBrief

PLAIN = Limits()
CLOSE = "the disk was full of logs; none can exist"


class Narrow:
    """The real wall, with room for 20 MB only."""

    def __init__(self, real: Sandbox) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def run(self, argv: Any, boundary: Boundary, limits: Limits = PLAIN, hear: Any = None) -> RunResult:
        return await self._real.run(argv, boundary, replace(limits, disk_bytes=20 << 20), hear)


async def fills_the_disk(brief: TurnBrief, desk: SeatDesk) -> None:
    fill = "for n in $(seq 60); do head -c 1M /dev/zero > f$n; sleep 0.02; done"
    ran = await desk.act(Action(kind="run", command=fill))
    assert "disk limit of 20 MB" in ran.text, ran.text
    await desk.act(Action(kind="run", command="rm -f f*"))
    await desk.act(Action(kind="escalate", text="there is no room"))


@pytest.mark.needs_bwrap
async def test_a_command_that_passed_its_limit_opens_one_and_once_settled_comes_back_as_a_broken_check(tmp_path: Path):
    crew = make_crew(tmp_path, {"builder": fills_the_disk})
    async with crew.session("flow") as house:
        house.turns._sandbox = Narrow(house.sandbox)
        await small_task(house, "Fill it")
        await settled(house)
        (incident,) = house.state.incidents.values()
        assert (incident.id, incident.cause, incident.task) == ("I-1", "breach", "T-1")
        assert incident.title == "a command of builder passed its disk limit"
        shown = next(entry.event for entry in house.ledger.entries if entry.seq == incident.evidence[0])
        assert isinstance(shown, e.ActionEnded)
        assert (shown.breach, "MB over" in shown.summary) == ("disk", True)
        assert "I-1" in {item.id for item in waiting(house.state)}
        house.factory.submit(c.CloseIncident(incident="I-1", reason=CLOSE), SUPERVISOR)
        answer(house, "T-1", "drop", "enough")
        await small_task(house, "Fill it again")
        await settled(house)
        (incident,) = house.state.incidents.values()
        assert (incident.closed, incident.repeats) == ("", 1), "known, and open again"


def test_the_same_limit_passed_twice_is_one_incident():
    heart = worked().heart
    for _ in range(2):
        heart.wish(Action(kind="run", command="make"))
        turn = heart.state.turns[heart.turn_of()]
        for id in tuple(turn.open):
            end = c.EndAction(id=id, result="killed", summary="memory limit", breach="memory")
            heart.do(end, Actor(kind="seat", name=turn.id))
    assert list(heart.state.incidents) == ["I-1"]


LEAKING = """#!/bin/sh
# The real one; while the file is there, without the line that takes the network away.
[ -e {hole} ] || exec {real} "$@"
left=$#
while [ $left -gt 0 ]; do
  word=$1
  shift
  [ "$word" = --unshare-net ] || set -- "$@" "$word"
  left=$((left - 1))
done
exec {real} "$@"
"""


class Leaky:
    """A real wall whose program is exchanged for one with a hole, after the wall was tried and held."""

    def __init__(self, tmp_path: Path) -> None:
        self.hole = tmp_path / "hole"
        self.program = tmp_path / "bwrap"
        self.program.write_text(LEAKING.format(hole=self.hole, real=find_bwrap()), "utf-8")
        self.program.chmod(0o755)

    async def stands_in(self, house: House) -> None:
        self.hole.unlink(missing_ok=True)
        house.sandbox._bwrap = str(self.program)
        assert (await house.sandbox.prove()).why_none == ""
        self.hole.touch()


async def runs_one(brief: TurnBrief, desk: SeatDesk) -> None:
    ran = await desk.act(Action(kind="run", command="echo behind the wall"))
    assert ran.ok, ran.text
    await desk.act(Action(kind="escalate", text="what now?"))


@pytest.mark.needs_bwrap
async def test_a_real_wall_that_leaks_seats_nobody_opens_an_incident_and_leaking_again_opens_the_same(tmp_path: Path):
    crew = make_crew(tmp_path, {"builder": runs_one})
    crew.seat.control = "brokered"
    wall = Leaky(tmp_path)
    house = crew.house()
    await wall.stands_in(house)
    try:
        await house.start(SUPERVISOR)
        (incident,) = house.state.incidents.values()
        assert (incident.cause, incident.title) == (
            "breach",
            "limits behind the wall did not hold: reach a loopback listener (wall)",
        )
        shown = next(entry.event for entry in house.ledger.entries if entry.seq == incident.evidence[0])
        assert isinstance(shown, e.LimitsProved)
        assert {one.limit for role in shown.roles for one in role.red} == {"reach a loopback listener"}
        assert shown.wall.startswith("bwrap")
        assert shown.matrix is not None
        assert b'"holds":false' in house.evidence.get(shown.matrix.sha256)
        await small_task(house, "Try it")
        assert [(item.kind, item.id) for item in await settled(house)] == [("incident", "I-1"), ("stuck", "T-1")]
        assert crew.seat.seen == [], "nobody works behind a wall that leaks"
        wall.hole.unlink()
        answer(house, "T-1", "retry", text="the wall is mended")
        await settled(house)
        assert [brief.role for brief in crew.seat.seen] == ["builder"], "the control: mended, it seats"
        house.factory.submit(c.CloseIncident(incident="I-1", reason="bwrap was exchanged by hand"), SUPERVISOR)
    finally:
        await house.close("done", SUPERVISOR)
    house = crew.house()
    await wall.stands_in(house)
    try:
        await house.start(SUPERVISOR)
        (incident,) = house.state.incidents.values()
        assert (incident.closed, incident.repeats) == ("", 1), "known, and open again"
    finally:
        await house.close("done", SUPERVISOR)


@pytest.mark.parametrize(
    ("control", "wall", "opened"),
    [
        ("brokered", "bwrap", 1),
        ("brokered", "container by podman as root", 1),
        ("brokered", NO_WALL, 0),
        ("brokered", DEGRADED, 0),
        ("supervised", "bwrap", 0),
    ],
)
def test_a_wall_that_lets_something_through_when_tried_opens_one(control: Any, wall: str, opened: int):
    heart = given(small()).heart
    red = RedLimit(limit="write outside by a command", layer="wall", detail="the canary was written", fix="")
    found = c.RecordLimits(control=control, wall=wall, by_wall=(), roles=(RoleLimits(role="qa", tried=9, red=(red,)),))
    heart.do(found, Actor(kind="factory", name="limits"))
    assert len(heart.state.incidents) == opened
    heart.do(found, Actor(kind="factory", name="limits"))
    assert len(heart.state.incidents) == opened


# --- the ledger -----------------------------------------------------------------------------------


def begun(tmp_path: Path) -> tuple[Desk, Path]:
    """A repository in which a session was, and its ledger."""
    desk = settled_desk(tmp_path)
    run_once(desk)
    return desk, next(desk.state_place.glob("ledger*.jsonl"))


def run_once(desk: Desk) -> None:
    task = ("--task", "Adding takes three numbers", "--to", "builder", "--criterion", "add(1, 2, 3) is 6")
    desk.factory("run", *task, "--mode", "flow", "--headless", code=4)


def altered(ledger: Path) -> bytes:
    """One word in the middle is another now."""
    lines = ledger.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    lines[middle] = lines[middle].replace(b'"supervisor', b'"supervisir', 1).replace(b'"factory', b'"factori', 1)
    data = b"".join(lines)
    assert data != ledger.read_bytes()
    ledger.write_bytes(data)
    return data


def test_a_damaged_ledger_is_refused_and_mending_it_keeps_all_freezes_and_opens_an_incident(tmp_path: Path):
    desk, ledger = begun(tmp_path)
    assert "nothing to mend" in desk.factory("mend", code=0).out
    data = altered(ledger)
    assert "DAMAGED" in desk.factory("verify", code=1).out
    refused = desk.factory("resume", "--headless")
    assert refused.code != 0
    assert "`factory mend`" in refused.err
    told = desk.factory("mend", code=0).out
    assert "I-1 is open, landings and deployments are frozen" in told
    (aside,) = ledger.parent.glob("*.damaged-1")
    assert aside.read_bytes() == data
    desk.factory("verify", code=0)
    known = desk.factory("incident", "show", "I-1", "--json", code=0).json
    assert (known["title"], known["cause"]) == ("the ledger's chain was broken", "ledger")
    assert str(aside) in known["what"]
    assert known["evidence"], "the entry that says what is missing"
    assert "nothing to mend" in desk.factory("mend", code=0).out
    desk.factory("resume", "--headless", code=4)
    assert desk.factory("incident", "show", "I-1", "--json", code=0).json["closed"] == "", "and the session knows of it"


def test_a_second_damage_reopens_the_incident(tmp_path: Path):
    desk, ledger = begun(tmp_path)
    altered(ledger)
    desk.factory("mend", code=0)
    desk.factory("incident", "close", "I-1", "--reason", "an editor saved the file", code=0)
    desk.factory("unfreeze", code=0)
    desk.factory("resume", "--headless")
    last = ledger.read_bytes().splitlines(keepends=True)
    last[-3] = last[-3].replace(b'"at":"2', b'"at":"3', 1)
    ledger.write_bytes(b"".join(last))
    desk.factory("mend", code=0)
    assert desk.factory("incident", "show", "I-1", "--json", code=0).json["closed"] == ""


# --- deployments ----------------------------------------------------------------------------------


async def test_a_check_that_fails_again_after_its_incident_was_settled_is_a_broken_check(tmp_path: Path):
    checks = Checks()
    shipping = make_shipping(tmp_path, checks)
    async with session(shipping) as house:
        await land(house, "the first")
        await deploy(house)
        checks.fails = lambda commit: {"V19": "no header"} if len(checks.seen) in (2, 4) else {}
        await land(house, "the second")
        assert (await deploy(house)).stage == "reverted"
        assert list(house.state.incidents) == ["I-1"]
        house.factory.submit(c.CloseIncident(incident="I-1", reason="a proxy took it away"), SUPERVISOR)
        await land(house, "the third")
        one = await deploy(house)
        assert one.stage == "reverted"
        (incident,) = house.state.incidents.values()
        assert (incident.repeats, incident.closed) == (1, "")
        assert is_about(incident, one), "also of the deployment that it came back with"
