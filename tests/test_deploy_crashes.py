"""A factory killed at each step of a deployment, and started again: the truth is told, nothing is done twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from deploy_home import Shipping, make_shipping

from factory_tui.adapters.ledger import Ledger
from factory_tui.bootstrap.grounds import codec, find_ground
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.events import deployments
from factory_tui.domain.evolve import fold
from factory_tui.domain.state import State

CHILD = Path(__file__).parent / "deploy_child.py"
KILLED = -9


FORWARD = (
    "durable:deployment.proposed",
    "deployment.approved",
    "durable:deployment.approved",
    "before:status",
    "after:status",
    "deployment.intended",
    "after:deploy",
    "deployment.settled",
    "durable:deployment.settled",
    "during:checks",
    "deployment.checked",
    "durable:deployment.checked",
)
"""Each step of a deployment that goes well, as written (and lost) or on disk, and each command."""
NOT_DONE = ("durable:deployment.intended", "before:deploy", "during:deploy")
"""Between the intent and its outcome, where nothing was changed yet."""
BACK = (
    "durable:rollback.ordered",
    "rollback.intended",
    "durable:rollback.intended",
    "before:rollback",
    "during:rollback",
    "after:rollback",
    "rollback.settled",
    "durable:rollback.settled",
)
"""Each step of the way back."""
NO_STEPS = {
    "deployment.rejected", "deployment.refused", "deployment.asked_again", "deployment.closed", "release.registered",
    "deployment.attested", "deployment.evidence_kept",
}  # fmt: skip
"""Ends and answers, which owe nothing more; statements are signed once by their own job."""


def live(tmp_path: Path, where: str, fails: str = "") -> int:
    """One life, until its end."""
    (tmp_path / "place" / "hold").unlink(missing_ok=True)
    (tmp_path / "place" / "held").unlink(missing_ok=True)
    command = [sys.executable, str(CHILD), str(tmp_path), where, fails or "passes"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, KILLED), done.stderr
    return done.returncode


def entries(shipping: Shipping) -> Sequence[Entry]:
    crew = shipping.crew
    view = Ledger.read(find_ground(str(crew.root), crew.environment).place.ledger, codec=codec())
    assert view.damage is None
    return view.entries


def after(shipping: Shipping) -> State:
    """The state that was reached, with what must hold whatever was killed."""
    found = entries(shipping)
    spent = Counter(entry.event.approval for entry in found if isinstance(entry.event, e.DeploymentIntended))
    assert all(times == 1 for times in spent.values()), "an approval was spent twice"
    return fold(found)


def test_every_event_of_a_deployment_is_a_step_that_is_killed_at_or_owes_nothing() -> None:
    tags = {
        event.__struct_config__.tag
        for event in vars(deployments).values()
        if isinstance(event, type) and "deployment" in getattr(event, "__struct_fields__", ())
    }
    steps = {step.rpartition(":")[2] for step in (*FORWARD, *NOT_DONE, *BACK)}
    assert tags - steps == NO_STEPS


def test_killed_at_each_step_it_is_deployed_once(tmp_path: Path) -> None:
    shipping = make_shipping(tmp_path)
    for where in FORWARD:
        assert live(tmp_path, where) == KILLED, where
    assert live(tmp_path, "-") == 0
    (one,) = after(shipping).deployments.values()
    assert (one.stage, shipping.runs) == ("verified", one.plan.commit), one.why
    assert shipping.log == [f"deploy {one.plan.commit}"]
    settled = [entry.event for entry in entries(shipping) if isinstance(entry.event, e.DeploymentSettled)]
    assert [event.after_crash for event in settled] == [True], "the world was asked"


@pytest.mark.parametrize("where", NOT_DONE)
def test_what_was_intended_and_did_not_happen_is_told_and_not_tried_again(tmp_path: Path, where: str) -> None:
    shipping = make_shipping(tmp_path)
    assert live(tmp_path, where) == KILLED
    assert live(tmp_path, "-") == 0
    (one,) = after(shipping).deployments.values()
    assert (one.stage, shipping.runs, shipping.log) == ("failed", "", [])
    assert "nothing runs there" in one.why


def test_killed_at_each_step_of_the_way_back_the_old_release_runs_in_the_end(tmp_path: Path) -> None:
    shipping = make_shipping(tmp_path)
    for where in BACK:
        assert live(tmp_path, where, "fails") == KILLED, where
    assert live(tmp_path, "-", "fails") == 0
    (one,) = after(shipping).deployments.values()
    assert (one.stage, shipping.runs) == ("reverted", "")
    assert [line.split()[0] for line in shipping.log] == ["deploy", "rollback"], "the way back was run twice"
