"""The job of a deployment that crashes for the last time tells of two things, each by a name of its own."""

from __future__ import annotations

from heart import BASE, DEPLOY, SUPERVISOR, Heart, approved, charter, given, handed_over, landed, reviewed, small_task
from wandering_hands import OTHER

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import CheckDeploymentJob, agenda


def deployed(heart: Heart) -> None:
    nothing = c.Running(known=True)
    heart.do(c.ProposeDeployment(environment="live", commit="", base=BASE, running=nothing), OTHER)
    heart.answer("DP-1", "approve")
    heart.do(c.IntendDeployment(deployment="DP-1", base=BASE, running=nothing))
    running = c.Running(known=True, commit=heart.state.deployments["DP-1"].plan.commit)
    heart.do(c.SettleDeployment(deployment="DP-1", running=running, exit_code=0))


def test_the_crash_and_the_checks_that_never_ran_are_two_incidents() -> None:
    story = given(small_task(), handed_over(), reviewed(), approved(), landed(), deployed, law=charter(deploy=DEPLOY))
    job = next(job for job in agenda(story.heart.state) if isinstance(job, CheckDeploymentJob))
    crash = c.NoteCrash(job=str(job), task=job.task, error="no space left on device")
    story.when(crash, crash, crash, by=SUPERVISOR)
    opened = [event.incident for event in story.events if isinstance(event, e.IncidentOpened)]
    assert opened == ["I-1", "I-2"]
    assert [*story.heart.state.incidents] == opened
