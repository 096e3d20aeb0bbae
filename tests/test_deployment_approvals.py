"""An approval of a deployment: for exactly one plan, once, for a while, by somebody else. Decided, without a world."""

from __future__ import annotations

import pytest
from heart import BASE, DEPLOY, SUPERVISOR, Heart, approved, charter, given, handed_over, landed, reviewed, small_task
from wandering_hands import OTHER

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.errors import Refusal

NOTHING = c.Running(known=True)


def proposed() -> Heart:
    """DP-1 waits for its approval; the law lets an approval live for a minute."""
    law = charter(deploy=DEPLOY.replace("    backup:", "    expires_minutes: 1\n    backup:"))
    heart = given(small_task(), handed_over(), reviewed(), approved(), landed(), law=law).heart
    heart.do(c.ProposeDeployment(environment="live", commit="", base=BASE, running=NOTHING), OTHER)
    return heart


def intend(heart: Heart, **more: object) -> e.Event:
    wish = {"deployment": "DP-1", "base": BASE, "running": NOTHING, **more}
    return heart.do(c.IntendDeployment(**wish))[0]


def refused(heart: Heart, **more: object) -> str:
    event = intend(heart, **more)
    assert isinstance(event, e.DeploymentRefused)
    assert heart.state.deployments["DP-1"].stage == "refused"
    return event.reason


def test_it_names_exactly_the_commit_the_environment_and_the_plan() -> None:
    heart = proposed()
    one = heart.state.deployments["DP-1"]
    (event,) = heart.answer("DP-1", "approve")
    assert isinstance(event, e.DeploymentApproved)
    assert (event.commit, event.environment, event.plan) == (one.plan.commit, "live", one.sha256)


def test_without_one_nothing_is_intended() -> None:
    with pytest.raises(Refusal, match="is not approved"):
        intend(proposed())


def test_it_is_spent_by_the_intent() -> None:
    heart = proposed()
    heart.answer("DP-1", "approve")
    assert isinstance(intend(heart), e.DeploymentIntended)
    with pytest.raises(Refusal, match="is not approved"):
        intend(heart)


def test_it_is_not_given_twice() -> None:
    heart = proposed()
    heart.answer("DP-1", "approve")
    with pytest.raises(Refusal):
        heart.answer("DP-1", "approve")


def test_it_expires() -> None:
    heart = proposed()
    heart.answer("DP-1", "approve")
    heart.minute += 2
    assert "the approval expired" in refused(heart)


def test_a_clock_that_was_set_back_makes_no_approval_young_again() -> None:
    heart = proposed()
    heart.answer("DP-1", "approve")
    heart.minute += 2
    heart.do(c.Pause(reason="lunch"), SUPERVISOR)
    heart.minute -= 2
    assert "the approval expired" in refused(heart)


def test_what_moved_since_makes_it_stale() -> None:
    heart = proposed()
    heart.answer("DP-1", "approve")
    assert "the base moved" in refused(heart, base="c" * 40)
    heart = proposed()
    heart.answer("DP-1", "approve")
    assert "the way back is dirty" in refused(heart, running=c.Running(known=True, commit="e" * 40))
    heart = proposed()
    heart.answer("DP-1", "approve")
    assert "there is no way back" in refused(heart, running=c.Running(known=False, why_unknown="silence"))
    heart = proposed()
    heart.answer("DP-1", "approve")
    heart.do(c.Freeze(reason="it bleeds"), SUPERVISOR)
    assert "it bleeds" in refused(heart)
    heart = proposed()
    heart.answer("DP-1", "approve")
    assert "the gate is red" in refused(heart, gate_closed="a signature is missing")


def test_an_answer_to_another_plan_is_none() -> None:
    heart = proposed()
    with pytest.raises(Refusal):
        heart.do(c.Answer(id="DP-1", verb="approve", sha256="0" * 64), SUPERVISOR)
    assert heart.state.deployments["DP-1"].approval is None
