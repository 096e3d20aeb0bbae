"""What a deployment leaves for third parties: who let it, what ran, what level 4 said, and that it was undone."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
from crew import SUPERVISOR, answer, settled
from deploy_home import Checks, Shipping, make_shipping
from real_git import CLEAN, git
from test_deployments import deploy, land, propose, session
from trusting import trusted

from factory_tui.adapters import verify
from factory_tui.domain import commands as c
from factory_tui.domain import events as e


def shipping_with_keys(tmp_path: Path, checks: Checks | None = None) -> Shipping:
    return make_shipping(tmp_path, checks, home=trusted(tmp_path))


def told(shipping: Shipping, commit: str) -> list[tuple[str, dict[str, Any]]]:
    """Namespace and predicate of each statement beside a commit, in order."""
    lines = git(shipping.crew.root, "notes", "--ref=factory", "show", commit).splitlines()
    found = [json.loads(base64.b64decode(json.loads(line)["payload"])) for line in lines]
    return [(verify.NAMESPACES[one["predicateType"]], one["predicate"]) for one in found]


def answered(shipping: Shipping, commit: str) -> verify.Answer:
    with verify.Gate(str(shipping.crew.root)) as gate:
        return gate.verify(commit)


async def test_a_stranger_with_a_fresh_clone_sees_who_let_it_and_all_33_checks(tmp_path: Path):
    shipping = shipping_with_keys(tmp_path)
    async with session(shipping) as house:
        commit = await land(house)
        one = await deploy(house)
        assert (one.stage, one.kept) == ("verified", True)
        assert one.approval is not None
        chain = [row.event for row in house.ledger.entries if isinstance(row.event, e.DeploymentAttested)]
        assert [row.approval is not None for row in chain] == [True]
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(shipping.crew.root), str(clone))
    git(clone, "fetch", "-q", "origin", "refs/notes/factory:refs/notes/factory")
    alone = tmp_path / "verify.py"
    alone.write_bytes(Path(verify.__file__).read_bytes())
    command = [sys.executable, "-I", "-S", str(alone), "--repo", str(clone), "--json", commit]
    done = run(command, capture_output=True, text=True, check=False, env=CLEAN, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["open"], found["statements"]) == (True, 6)
    assert found["deployments"] == ["factory.deployment PASSED verified production by factory@factory.invalid"]
    kinds = [kind for kind, _ in told(shipping, commit)]
    smoke_to_landing = ["factory.smoke", "factory.review", "factory.approval", "factory.landing"]
    assert kinds == [*smoke_to_landing, "factory.approval", "factory.deployment"]
    leave, deployed = (predicate for _, predicate in told(shipping, commit)[4:])
    assert (leave["what"], leave["plan"], leave["environment"]) == ("deployment", one.sha256, "production")
    assert leave["id"] == deployed["factory"]["approval"] == one.approval.id
    assert leave["factory"]["signer"] == "supervisor@factory.invalid"
    assert deployed["counts"] == {"passed": 33, "failed": 0, "not_applicable": 0, "gaps": 0}
    numbers = [predicate["factory"]["seq"] for _, predicate in told(shipping, commit)]
    assert numbers == [1, 2, 3, 4, 5, 6], "one chain, without a gap"


async def test_one_that_was_taken_back_says_so_and_the_commit_stays_open(tmp_path: Path):
    checks = Checks()
    shipping = shipping_with_keys(tmp_path, checks)
    async with session(shipping) as house:
        await land(house, "the first")
        await deploy(house)
        new = await land(house, "the second")
        checks.fails = lambda commit: {"V19": "no header"} if commit == new else {}
        assert (await deploy(house)).stage == "reverted"
    found = answered(shipping, new)
    assert found.why == []
    assert found.deployments == ["factory.deployment FAILED reverted production by factory@factory.invalid"]
    assert told(shipping, new)[-1][1]["factory"]["old_release"] == "PASSED"


async def test_taken_back_later_it_is_said_again_and_the_approval_is_signed_once(tmp_path: Path):
    shipping = shipping_with_keys(tmp_path)
    async with session(shipping) as house:
        commit = await land(house)
        one = await deploy(house)
        house.factory.submit(c.OrderRollback(environment="production", reason="customers complain"), SUPERVISOR)
        await settled(house)
        assert house.state.deployments[one.id].stage == "reverted"
        assert house.state.counters["statement"] == 7
    assert [kind for kind, _ in told(shipping, commit)].count("factory.approval") == 2
    assert [row["outcome"] for kind, row in told(shipping, commit) if kind == "factory.deployment"] == [
        "verified",
        "reverted",
    ]
    assert answered(shipping, commit).why == []


@pytest.mark.parametrize("verb", ["approve", "waive"])
async def test_the_deployer_approves_only_on_record_and_the_evidence_says_so(tmp_path: Path, verb: str):
    shipping = shipping_with_keys(tmp_path)
    async with session(shipping) as house:
        commit = await land(house)
        one = await propose(house, by=SUPERVISOR)
        if verb == "approve":
            with pytest.raises(Exception, match="nobody approves their own deployment"):
                answer(house, one.id, "approve")
            assert shipping.log == []
            return
        answer(house, one.id, "waive", "alone this week")
        await settled(house)
    assert answered(shipping, commit).why == []
    assert told(shipping, commit)[-1][1]["factory"]["waived"] == "alone this week"


async def test_evidence_that_was_tampered_with_stops_the_next_deployment_of_the_commit(tmp_path: Path):
    shipping = shipping_with_keys(tmp_path)
    async with session(shipping) as house:
        commit = await land(house)
        git(shipping.crew.root, "notes", "--ref=factory", "append", "-m", "{}", commit)
        one = await deploy(house)
        assert (one.stage, shipping.log) == ("refused", [])
        assert "the gate is red: evidence line" in one.why
