"""What the supervisor orders about deployments, as plain data, and what is answered."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import owed_by
from factory_tui.domain.counting import counted
from factory_tui.domain.deciding_rollbacks import incident_title, is_about, to_take_back
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import Refusal
from factory_tui.domain.releasing import deployment_of
from factory_tui.domain.state import Deployment, State
from factory_tui.domain.terms import Actor, Record
from factory_tui.domain.waiting import verbs_of, waiting
from factory_tui.engine.deployments import Deployments
from factory_tui.engine.factory import Factory


class Deploy(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="deploy"):
    order: Literal["propose", "status", "register", "rollback", "stop", "show", "await"]
    """`stop`: a rollback that also freezes landings and deployments and opens an incident, where none is open.
    `await`: like `show`, once it is over or waits for somebody."""
    environment: str = ""
    deployment: str = ""
    commit: str = ""
    text: str = ""
    """The note, or the reason."""


async def carry_out(order: Deploy, factory: Factory, deployments: Deployments | None, by: Actor) -> dict[str, Any]:
    """Raises Refusal saying what is in the way."""
    if deployments is None:
        raise Refusal(what="no deployment can be carried out here", next_step="ask where the factory runs")
    match order.order:
        case "propose":
            entries = await deployments.propose(order.environment, order.commit, order.text, by)
            id = next(one.event.deployment for one in entries if isinstance(one.event, e.DeploymentProposed))
            title = next((item.title for item in waiting(factory.state) if item.id == id), "")
            return {"deployment": id, "title": title}
        case "status":
            running = await deployments.running(order.environment)
            told = {"known": running.known, "running": running.commit, "why_unknown": running.why_unknown}
            return {**told, **_known(factory.state, order.environment)}
        case "show":
            return _shown(deployment_of(factory.state, order.deployment), factory.state)
        case "await":
            deployment_of(factory.state, order.deployment)
            state = await factory.until(lambda state: not owed_by(state, state.deployments[order.deployment]))
            return _shown(state.deployments[order.deployment], state)
        case "register":
            entries = await deployments.register(order.environment, order.commit, order.text, by)
        case "stop":
            entries = await _stop(order, factory, by)
        case _:
            wish = c.OrderRollback(environment=order.environment, reason=order.text)
            entries = await factory.carried_out(wish, by)
    return {"deployment": next((getattr(one.event, "deployment", "") for one in entries), "")}


async def _stop(order: Deploy, factory: Factory, by: Actor) -> tuple[Entry, ...]:
    """The way back first: what follows never stands in its way."""
    one = to_take_back(factory.state, order.environment)
    wish = c.OrderRollback(environment=order.environment, reason=order.text)
    entries = await factory.carried_out(wish, by)
    state = factory.state
    is_open = any(not known.closed and is_about(known, one) for known in state.incidents.values())
    if not is_open:
        back = one.plan.previous[:10] or "nothing"
        opening = c.OpenIncident(
            title=incident_title(one, "taken back by hand"),
            what=f"{one.plan.commit} was taken back to {back} in {order.environment}: {order.text}",
            task=one.task,
            level=4,
            evidence=tuple(entry.seq for entry in entries),
            freeze=True,
        )
        await factory.carried_out(opening, by)
    elif state.frozen is None or not state.frozen.landings:
        await factory.carried_out(c.Freeze(reason=f"{one.id}: {order.text}", landings=True), by)
    return entries


def _shown(one: Deployment, state: State) -> dict[str, Any]:
    """One deployment as plain data, its runs of level 4 with each row."""
    live = state.releases.get(one.plan.environment)
    return {
        "deployment": one.id,
        "task": one.task,
        "environment": one.plan.environment,
        "commit": one.plan.commit,
        "previous": one.plan.previous,
        "plan_sha256": one.sha256,
        "stage": one.stage,
        "why": one.why,
        "by": one.by,
        "approved_by": one.approval.by if one.approval else "",
        "waived": one.waived,
        "elsewhere": one.elsewhere,
        "running": live.commit if live else None,
        "verified": one.stage == "verified",
        "waits": list(verbs_of(one)),
        "incidents": [known.id for known in state.incidents.values() if is_about(known, one) and not known.closed],
        "checks": [
            {
                "commit": run.commit,
                "verdict": run.verdict.value,
                "count": counted(run.rows),
                "seconds": run.seconds,
                "rows": [msgspec.to_builtins(row) for row in run.rows],
                "evidence": run.evidence.sha256 if run.evidence else "",
            }
            for run in one.checks
        ],
    }


def _known(state: State, environment: str) -> dict[str, Any]:
    live = state.releases.get(environment)
    known = "knows of no release there"
    if live is not None:
        how = "verified" if live.verified else "not verified"
        known = f"{live.commit[:12] or 'nothing'}, {how}, by {live.deployment} since {live.since}"
    own = [one for one in state.deployments.values() if one.plan.environment == environment]
    lines = [f"{one.id} {one.plan.commit[:10]} {one.stage}" + (f": {one.why}" if one.why else "") for one in own[-5:]]
    return {"ledger": known, "deployments": lines}
