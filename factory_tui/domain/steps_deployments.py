"""How the state follows from what happened to deployments."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import Approval, Deployment, DeployStage, LiveRelease, State
from factory_tui.domain.steps import count, without
from factory_tui.domain.terms import CommitId, Verdict


def _with(state: State, entry: Entry, deployment: Deployment, **more: Any) -> State:
    old = state.deployments.get(deployment.id)
    if old is None or old.stage != deployment.stage:
        deployment = replace(deployment, since=entry.at)
    deployments = {**state.deployments, deployment.id: deployment}
    return replace(state, seq=entry.seq, at=entry.at, deployments=deployments, **more)


def _to(state: State, entry: Entry, id: str, stage: DeployStage, why: str = "", **more: Any) -> State:
    return _with(state, entry, replace(state.deployments[id], stage=stage, why=why), **more)


def proposed(state: State, event: e.DeploymentProposed, entry: Entry) -> State:
    deployment = Deployment(
        id=event.deployment,
        task=event.task,
        tree=event.tree,
        plan=event.plan,
        sha256=event.sha256,
        base=event.base,
        charter=event.charter,
        by=event.by,
        role=event.role,
        person=event.person,
        turn=event.turn,
        stage="proposed",
        since=entry.at,
        asks=event.asks,
    )
    turns = state.turns
    turn = turns.get(event.turn)
    if turn is not None and state.tasks[turn.task].delivers == "deployment":
        turns = {**turns, turn.id: replace(turn, delivered="deployment")}
    return _with(state, entry, deployment, counters=count(state, event.deployment), turns=turns)


def approved(state: State, event: e.DeploymentApproved, entry: Entry) -> State:
    old = state.deployments[event.deployment]
    approval = Approval(
        id=event.approval,
        commit=event.commit,
        tree=old.tree,
        base=old.base,
        charter=old.charter,
        sha256=event.sha256,
        expires=event.expires,
        by=event.by,
    )
    deployment = replace(old, stage="approved", approval=approval, waived=event.waived)
    return _with(state, entry, deployment, counters=count(state, event.approval))


def rejected(state: State, event: e.DeploymentRejected, entry: Entry) -> State:
    return _to(state, entry, event.deployment, "rejected", event.reason)


def refused(state: State, event: e.DeploymentRefused, entry: Entry) -> State:
    return _to(state, entry, event.deployment, "refused", event.reason)


def intended(state: State, event: e.DeploymentIntended, entry: Entry) -> State:
    deployment = replace(
        state.deployments[event.deployment], stage="deploying", began=entry.at, backup=event.backup, why=""
    )
    # What runs there is nobody's to say until it is settled.
    return _with(state, entry, deployment)


def settled(state: State, event: e.DeploymentSettled, entry: Entry) -> State:
    old = state.deployments[event.deployment]
    plan = old.plan
    deployment = replace(old, running=event.running, why=event.summary)
    match event.outcome:
        case "done":
            releases = _live(state, entry, deployment, plan.commit)
            return _with(state, entry, replace(deployment, stage="deployed", why=""), releases=releases)
        case "in doubt":
            deployment = replace(deployment, stage="in doubt", doubted=old.stage)
            return _with(state, entry, deployment, releases=without(state.releases, plan.environment))
        case _:
            # A way back that is owed is ordered by the next event; without one nothing was changed.
            return _with(state, entry, replace(deployment, stage="failed"))


def _live(state: State, entry: Entry, deployment: Deployment, commit: CommitId) -> dict[str, LiveRelease]:
    live = LiveRelease(commit=commit, deployment=deployment.id, since=entry.at)
    return {**state.releases, deployment.plan.environment: live}


def checked(state: State, event: e.DeploymentChecked, entry: Entry) -> State:
    old = state.deployments[event.deployment]
    is_good = event.verdict is Verdict.PASS
    is_old = old.stage == "rolled back"
    stage: DeployStage = "reverted" if is_old else "verified" if is_good else "failed"
    releases = state.releases
    name = old.plan.environment
    if (live := releases.get(name)) is not None:
        releases = {**releases, name: replace(live, verified=is_good, figures=dict(event.figures))}
    why = "" if is_good else event.summary
    deployment = replace(old, stage=stage, checks=(*old.checks, event), why=why)
    return _with(state, entry, deployment, releases=releases)


def rollback_ordered(state: State, event: e.RollbackOrdered, entry: Entry) -> State:
    old = state.deployments[event.deployment]
    # A statement is about how it ended: what is taken back ends once more.
    deployment = replace(old, stage="reverting", why=event.reason, statement=None, kept=False)
    return _with(state, entry, deployment)


def rollback_intended(state: State, event: e.RollbackIntended, entry: Entry) -> State:
    return _to(state, entry, event.deployment, "rolling back", state.deployments[event.deployment].why)


def rollback_settled(state: State, event: e.RollbackSettled, entry: Entry) -> State:
    old = state.deployments[event.deployment]
    deployment = replace(old, running=event.running, why=event.summary)
    if event.outcome != "done":
        deployment = replace(deployment, stage="in doubt", doubted="rolling back")
        return _with(state, entry, deployment, releases=without(state.releases, old.plan.environment))
    stage: DeployStage = "rolled back" if old.plan.previous else "reverted"
    deployment = replace(deployment, stage=stage, why=old.why)
    return _with(state, entry, deployment, releases=_live(state, entry, deployment, old.plan.previous))


def asked_again(state: State, event: e.DeploymentAskedAgain, entry: Entry) -> State:
    old = state.deployments[event.deployment]
    deployment = replace(old, stage=old.doubted or "deploying", doubted=None, tries=old.tries + 1)
    return _with(state, entry, deployment)


def closed(state: State, event: e.DeploymentClosed, entry: Entry) -> State:
    return _to(state, entry, event.deployment, "closed", event.reason)


def registered(state: State, event: e.ReleaseRegistered, entry: Entry) -> State:
    deployment = Deployment(
        id=event.deployment,
        task=event.task,
        tree=event.tree,
        plan=event.plan,
        sha256=event.sha256,
        base="",
        charter=event.charter,
        by=event.by,
        role="",
        person="",
        turn="",
        stage="deployed",
        since=entry.at,
        began=entry.at,
        running=event.plan.commit,
        elsewhere=True,
    )
    releases = _live(state, entry, deployment, event.plan.commit)
    return _with(state, entry, deployment, counters=count(state, event.deployment), releases=releases)


def attested(state: State, event: e.DeploymentAttested, entry: Entry) -> State:
    old = state.deployments[event.deployment]
    deployment = replace(old, statement=event.statement, approved_as=event.approval or old.approved_as)
    signed = state.counters.get("statement", 0) + (2 if event.approval else 1)
    counters = {**state.counters, "statement": signed}
    return _with(state, entry, deployment, counters=counters, last_statement=event.statement.envelope.sha256)


def evidence_kept(state: State, event: e.DeploymentEvidenceKept, entry: Entry) -> State:
    return _with(state, entry, replace(state.deployments[event.deployment], kept=True))
