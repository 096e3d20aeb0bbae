"""One landed commit to one environment and back: proposed, approved by another, run once, checked, taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from crew import SUPERVISOR, answer, git, settled, small_task
from deploy_home import Checks, Shipping, deploy_yaml, make_shipping

from factory_tui.bootstrap.house import House
from factory_tui.domain import commands as c
from factory_tui.domain.errors import Refusal
from factory_tui.domain.state import Deployment
from factory_tui.domain.terms import Action, Actor
from factory_tui.domain.waiting import waiting
from factory_tui.engine.seat_ports import ActionResult, Desk, TurnBrief

OTHER = Actor(kind="supervisor", name="supervisor:eve@script")


@asynccontextmanager
async def session(shipping: Shipping) -> AsyncIterator[House]:
    house = shipping.house()
    try:
        await house.start(SUPERVISOR)
        for item in waiting(house.state):
            if item.kind == "digest":
                answer(house, item.id, "ack")
        yield house
    finally:
        await house.close("the test ended it", SUPERVISOR)


async def land(house: House, text: str = "Say it") -> str:
    """The commit that one more small change landed as."""
    await small_task(house, text)
    await settled(house)
    (item,) = [item for item in waiting(house.state) if item.kind == "change"]
    answer(house, item.id, "approve")
    await settled(house)
    return house.state.closed[item.task].landed_as


async def propose(house: House, name: str = "production", commit: str = "", by: Actor = OTHER) -> Deployment:
    await house.deployments.propose(name, commit, "as planned", by)
    return list(house.state.deployments.values())[-1]


async def deploy(house: House, name: str = "production", commit: str = "") -> Deployment:
    one = await propose(house, name, commit)
    answer(house, one.id, "approve")
    await settled(house)
    return house.state.deployments[one.id]


def events(house: House, kind: type) -> list[object]:
    return [entry.event for entry in house.ledger.entries if isinstance(entry.event, kind)]


async def test_a_landed_commit_is_proposed_approved_by_another_run_once_and_checked(tmp_path: Path):
    shipping = make_shipping(tmp_path)
    async with session(shipping) as house:
        commit = await land(house)
        one = await propose(house)
        assert (one.stage, shipping.log) == ("proposed", [])
        (item,) = [item for item in waiting(house.state) if item.kind == "deployment"]
        assert item.verbs[0] == "approve"
        answer(house, one.id, "approve")
        await settled(house)
        done = house.state.deployments[one.id]
        assert (done.stage, shipping.log, shipping.runs) == ("verified", [f"deploy {commit}"], commit)
        (checked,) = done.checks
        assert (checked.passed, checked.not_applicable, checked.gaps) == (33, 0, 0)
        assert house.state.releases["production"].verified
        assert not house.state.incidents


async def test_a_failed_check_goes_back_checks_the_old_release_and_opens_an_incident(tmp_path: Path):
    checks = Checks()
    shipping = make_shipping(tmp_path, checks)
    async with session(shipping) as house:
        old = await land(house, "the first")
        assert (await deploy(house)).stage == "verified"
        new = await land(house, "the second")
        checks.fails = lambda commit: {"V19": "no header"} if commit == new else {}
        one = await deploy(house)
        assert (one.stage, shipping.runs) == ("reverted", old)
        assert shipping.log == [f"deploy {old}", f"deploy {new}", f"rollback {old}"]
        assert [check.commit for check in one.checks] == [new, old]
        assert [check.verdict for check in one.checks] == ["fail", "pass"]
        (incident,) = house.state.incidents.values()
        assert "V19 fail: no header" in incident.what
        assert house.state.releases["production"].commit == old
        assert checks.seen[1][2] == {"requests": 1.0}, "compared with the figures of the release before"


async def test_a_first_release_that_fails_is_taken_down(tmp_path: Path):
    shipping = make_shipping(tmp_path, Checks(fails=lambda commit: {"V01": "down"}))
    async with session(shipping) as house:
        commit = await land(house)
        one = await deploy(house)
        assert (one.stage, shipping.runs, shipping.log) == ("reverted", "", [f"deploy {commit}", "rollback "])


async def test_a_command_that_fails_before_it_changed_anything_is_not_taken_back(tmp_path: Path):
    shipping = make_shipping(tmp_path)
    (shipping.place / "fails-deploy").touch()
    async with session(shipping) as house:
        commit = await land(house)
        one = await deploy(house)
        assert (one.stage, shipping.log) == ("failed", [f"deploy {commit}"])
        assert len(house.state.incidents) == 1


async def test_checks_that_are_told_nothing_are_gaps_and_a_gap_is_no_pass(tmp_path: Path):
    shipping = make_shipping(tmp_path)
    shipping.checks = None  # type: ignore[assignment]
    async with session(shipping) as house:
        await land(house)
        one = await deploy(house)
        assert one.stage == "reverted"
        assert one.checks[0].gaps > 20


async def test_nobody_approves_their_own_deployment_without_saying_why(tmp_path: Path):
    shipping = make_shipping(tmp_path)
    async with session(shipping) as house:
        await land(house)
        one = await propose(house, by=SUPERVISOR)
        with pytest.raises(Refusal, match="nobody approves their own"):
            answer(house, one.id, "approve")
        answer(house, one.id, "waive", "alone tonight")
        await settled(house)
        assert house.state.deployments[one.id].waived == "alone tonight"


async def refusal(house: House, name: str = "production", commit: str = "") -> str:
    try:
        await propose(house, name, commit)
    except Refusal as error:
        return str(error)
    return ""


async def test_what_stands_in_the_way_is_said_and_nothing_is_run(tmp_path: Path):
    shipping = make_shipping(tmp_path)
    async with session(shipping) as house:
        assert "nothing has landed" in await refusal(house)
        await land(house)
        assert "no environment `moon`" in await refusal(house, "moon")
        assert "has not landed" in await refusal(house, commit=git(shipping.crew.root, "rev-parse", "HEAD~1"))
        house.factory.submit(c.Freeze(reason="the auditors are here"), SUPERVISOR)
        assert "the auditors are here" in await refusal(house)
        house.factory.submit(c.Unfreeze(), SUPERVISOR)
        (shipping.place / "runs").write_text("what\n")
        assert "no whole commit id" in await refusal(house)
        (shipping.place / "runs").write_text("f" * 40 + "\n")
        assert "no commit ffff" in await refusal(house)
        (shipping.place / "runs").unlink()
        assert (await propose(house)).stage == "proposed"
        assert shipping.log == []


async def test_a_release_that_somebody_changed_by_hand_makes_the_way_back_dirty_until_it_is_registered(tmp_path: Path):
    shipping = make_shipping(tmp_path)
    async with session(shipping) as house:
        first = await land(house, "the first")
        await deploy(house)
        second = await land(house, "the second")
        third = await land(house, "the third")
        (shipping.place / "runs").write_text(f"{second}\n")
        assert "the way back is dirty" in await refusal(house)
        with pytest.raises(Refusal, match="does not run in"):
            await house.deployments.register("production", third, "by CI", SUPERVISOR)
        await house.deployments.register("production", second, "by CI", SUPERVISOR)
        await settled(house)
        found = list(house.state.deployments.values())[-1]
        assert (found.stage, found.elsewhere, found.plan.previous) == ("verified", True, first)
        assert (await deploy(house, commit=third)).stage == "verified"


async def test_staging_comes_first_with_the_same_commit(tmp_path: Path):
    place, stage = tmp_path / "place", tmp_path / "stage"
    stage.mkdir()
    staging = deploy_yaml(stage, "staging").partition("\n")[2]
    text = deploy_yaml(place, more="    after: [staging]\n") + staging
    shipping = make_shipping(tmp_path, text=text)
    async with session(shipping) as house:
        await land(house)
        assert "staging comes first" in await refusal(house)
        assert (await deploy(house, "staging")).stage == "verified"
        assert (await deploy(house)).stage == "verified"


async def test_a_request_is_stale_when_the_world_moved_between_approval_and_intent(tmp_path: Path):
    shipping = make_shipping(tmp_path)
    async with session(shipping) as house:
        await land(house, "the first")
        one = await propose(house)
        await land(house, "the second")
        answer(house, one.id, "approve")
        await settled(house)
        stale = house.state.deployments[one.id]
        assert stale.stage == "refused"
        assert "the base moved" in stale.why
        assert shipping.log == []


async def test_a_missing_backup_refuses_by_d1(tmp_path: Path):
    text = deploy_yaml(tmp_path / "place").replace(
        "{none_because: it keeps no data}",
        "{command: [sh, -c, 'test -e backup && echo b-1'], restored_on: 2026-11-20, rows_restored: 9,"
        " kept_at: far, data_at: here}",
    )
    shipping = make_shipping(tmp_path, text=text)
    async with session(shipping) as house:
        await land(house)
        one = await deploy(house)
        assert one.stage == "refused"
        assert one.why.startswith("D1")
        assert shipping.log == []


async def test_the_supervisor_takes_a_release_back_also_in_a_freeze(tmp_path: Path):
    shipping = make_shipping(tmp_path)
    async with session(shipping) as house:
        old = await land(house, "the first")
        await deploy(house)
        new = await land(house, "the second")
        await deploy(house)
        house.factory.submit(c.Freeze(reason="it bleeds"), SUPERVISOR)
        house.factory.submit(c.OrderRollback(environment="production", reason="it bleeds"), SUPERVISOR)
        await settled(house)
        assert (shipping.runs, shipping.log[-1]) == (old, f"rollback {old}")
        assert house.state.deployments["DP-2"].stage == "reverted"
        assert new != old


async def test_a_way_back_that_fails_waits_for_the_supervisor(tmp_path: Path):
    shipping = make_shipping(tmp_path, Checks(fails=lambda commit: {"V01": "down"}))
    (shipping.place / "fails-rollback").touch()
    async with session(shipping) as house:
        await land(house)
        one = await deploy(house)
        assert one.stage == "in doubt"
        (shipping.place / "fails-rollback").unlink()
        answer(house, one.id, "rollback")
        await settled(house)
        assert (house.state.deployments[one.id].stage, shipping.runs) == ("reverted", "")


async def test_frozen_landings_wait(tmp_path: Path):
    shipping = make_shipping(tmp_path)
    async with session(shipping) as house:
        house.factory.submit(c.Freeze(reason="it bleeds", landings=True), SUPERVISOR)
        await small_task(house, "Say it")
        await settled(house)
        answer(house, "T-1", "approve")
        await settled(house)
        assert [task.stage for task in house.state.tasks.values()] == ["cleared"]
        house.factory.submit(c.Unfreeze(), SUPERVISOR)
        await settled(house)
        assert house.state.closed["T-1"].stage == "landed"


async def test_a_devops_seat_proposes_and_can_do_no_more(tmp_path: Path):
    told: list[ActionResult] = []

    async def ship(brief: TurnBrief, desk: Desk) -> None:
        told.append(await desk.act(Action(kind="deploy", target="moon")))
        told.append(await desk.act(Action(kind="deploy", target="production", text="as planned")))
        told.append(await desk.act(Action(kind="approve", path="DP-1")))

    async def wishes(brief: TurnBrief, desk: Desk) -> None:
        told.append(await desk.act(Action(kind="deploy", target="production")))
        await desk.act(Action(kind="report", text="looked"))

    shipping = make_shipping(tmp_path, minds={"devops": ship, "discovery": wishes})
    async with session(shipping) as house:
        await land(house)
        await small_task(house, "Look", role="discovery")
        await settled(house)
        assert (told[0].ok, told[0].decision) == (False, "deny")
        await small_task(house, "Deploy it", role="devops")
        await settled(house)
        assert [result.ok for result in told[1:]] == [False, True, False]
        assert "no environment `moon`" in told[1].text
        (one,) = house.state.deployments.values()
        assert (one.stage, one.role, one.by, shipping.log) == ("proposed", "devops", "devops/d1", [])
        assert house.state.closed["T-3"].stage == "done"
        answer(house, one.id, "approve")
        await settled(house)
        assert house.state.deployments[one.id].stage == "verified"
