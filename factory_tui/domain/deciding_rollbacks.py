"""The way back of a deployment: ordered, intended once, settled by what the world says; and the incident it leaves.

A freeze holds nothing here: whoever stops the bleeding is never in the way of the rules for going forward.
"""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.deciding_incidents import opened
from factory_tui.domain.errors import Refusal
from factory_tui.domain.numbers import Ids
from factory_tui.domain.releasing import LONG_REASON, deployment_of
from factory_tui.domain.state import Deployment, Incident, State
from factory_tui.domain.terms import Actor


def order_rollback(state: State, command: c.OrderRollback, by: Actor) -> tuple[e.Event, ...]:
    """The supervisor takes back what runs there. A freeze does not hold it."""
    found = to_take_back(state, command.environment)
    return (ordered(found, command.reason or "ordered by the supervisor", by.name),)


def to_take_back(state: State, environment: str) -> Deployment:
    """The deployment whose way back is the one to go. Raises Refusal when there is none, or another is under way."""
    live = state.releases.get(environment)
    busy = [one for one in state.deployments.values() if one.plan.environment == environment and not one.over]
    open_ = next((one for one in busy if one.stage in ("deployed", "in doubt")), None)
    deployment = open_ or (state.deployments.get(live.deployment) if live else None)
    if deployment is None:
        known = ", ".join(state.releases) or "none"
        raise Refusal(
            what=f"there is no release in `{environment[:80]}` to take back",
            why=f"environments with a known release: {known}",
            next_step="`factory deploy status` asks what runs",
        )
    if blocked := next((one for one in busy if one.stage in ("deploying", "reverting", "rolling back")), None):
        raise Refusal(what=f"{blocked.id} is {blocked.stage} there", why="one thing at a time; it ends on record")
    if deployment.stage == "reverted":
        raise Refusal(
            what=f"{environment} was taken back already",
            why=f"{deployment.id} brought {deployment.plan.previous[:10] or 'nothing'} back",
            next_step="deploy an older landed commit to go back further",
        )
    return deployment


def intend_rollback(state: State, command: c.IntendRollback) -> tuple[e.Event, ...]:
    deployment = deployment_of(state, command.deployment)
    if deployment.stage not in ("reverting", "rolling back"):
        raise Refusal(what=f"no rollback of {deployment.id} is owed", why=f"it is {deployment.stage}")
    plan = deployment.plan
    return (e.RollbackIntended(deployment=deployment.id, environment=plan.environment, to=plan.previous),)


def settle_rollback(state: State, command: c.SettleRollback) -> tuple[e.Event, ...]:
    deployment = deployment_of(state, command.deployment)
    if deployment.stage != "rolling back":
        return ()
    ids = Ids(state)
    running, plan = command.running, deployment.plan
    is_back = running.known and running.commit == plan.previous
    there = running.commit[:10] or "nothing" if running.known else f"nobody knows what ({running.why_unknown})"
    settled = e.RollbackSettled(
        deployment=deployment.id,
        outcome="done" if is_back else "in doubt",
        running=running.commit if running.known else "",
        summary=f"{command.summary}; {there} runs there".removeprefix("; ")[:LONG_REASON],
        evidence=command.evidence,
    )
    return (
        (settled,)
        if is_back
        else (settled, incident_about(state, ids, deployment, "the way back failed", settled.summary))
    )


def incident_title(deployment: Deployment, title: str) -> str:
    return f"{deployment.id} to {deployment.plan.environment}: {title}"


def is_about(incident: Incident, deployment: Deployment) -> bool:
    """Whether it was opened, or opened again, because of that deployment."""
    return incident.deployment == deployment.id or incident.title.startswith(incident_title(deployment, ""))


def incident_about(
    state: State, ids: Ids, deployment: Deployment, title: str, what: str, of: str = ""
) -> e.IncidentOpened | e.IncidentReopened:
    """What went wrong with it, at the level that saw it. `of`: the checks that saw it.

    The same again in the same place, after its incident was settled, is that incident: what should catch it is broken.
    """
    event = opened(
        state,
        ids,
        cause="deployment",
        title=incident_title(deployment, title),
        what=what[:LONG_REASON],
        signature=f"deployment to {deployment.plan.environment}: {title}{f': {of}' if of else ''}",
        task=deployment.task,
        level=4,
    )
    return replace(event, deployment=deployment.id) if isinstance(event, e.IncidentReopened) else event


def ordered(deployment: Deployment, reason: str, by: str) -> e.RollbackOrdered:
    """From now on the way back is owed."""
    return e.RollbackOrdered(deployment=deployment.id, reason=reason[:LONG_REASON], by=by)
