"""Deployments: proposed by one, approved by another, intended once, settled by what the world says, checked, reverted.

An approval is spent by the intent. What is not known to have happened is asked of the environment, never repeated.
"""

from __future__ import annotations

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.deciding_checks import check
from factory_tui.domain.deciding_rollbacks import incident_about, ordered
from factory_tui.domain.errors import Refusal
from factory_tui.domain.numbers import Ids
from factory_tui.domain.releasing import (
    LONG_REASON,
    deployment_of,
    dirty_way_back,
    environment_of,
    is_own,
    landed_task,
    obstacle,
    plan_of,
    plan_sha256,
    red_gate,
    rules_say,
)
from factory_tui.domain.state import Deployment, State, Task, Turn
from factory_tui.domain.terms import Actor, Decision, RuleMatch
from factory_tui.domain.times import minutes_after

PENDING = "taken before the deployment"


def _deployer(state: State) -> str:
    """The role whose work a deployment is."""
    return next((card.id for card in state.law.roles if card.deploys), "")


# --- proposing -----------------------------------------------------------------------------------


def propose(state: State, command: c.ProposeDeployment, by: Actor, at: str) -> tuple[e.Event, ...]:
    """By a turn whose wish was allowed, or by the supervisor. A seat is told why not; the supervisor is refused."""
    turn = state.turns.get(command.turn)
    if turn is not None and command.action not in turn.open:
        return ()
    if command.turn and turn is None:
        return ()
    try:
        proposed = _proposed(state, command, turn, by, at)
    except Refusal as refusal:
        if turn is None:
            raise
        return (e.ActionEnded(id=command.action, result="error", summary=str(refusal)[:LONG_REASON]),)
    if turn is None:
        return (proposed,)
    told = f"{proposed.deployment} is proposed; somebody else approves it, and the factory carries it out"
    return (proposed, e.ActionEnded(id=command.action, result="ok", summary=told))


def _proposed(
    state: State, command: c.ProposeDeployment, turn: Turn | None, by: Actor, at: str
) -> e.DeploymentProposed:
    environment = environment_of(state, command.environment)
    task = landed_task(state, command.commit)
    commit = task.landed_as
    if why := red_gate(task):
        raise Refusal(what=f"{commit[:10]} of {task.id} is not to be deployed", why=f"the gate is red: {why}")
    if why := dirty_way_back(state, command.environment, commit, command.running):
        raise _refused(command.environment, why)
    plan = plan_of(command.environment, environment, commit, command.running.commit, command.note[:LONG_REASON])
    waits = next(
        (one for one in state.deployments.values() if one.stage in ("proposed", "approved") and one.plan == plan), None
    )
    if waits is not None:
        raise Refusal(what=f"{waits.id} proposes exactly this already", why=f"it is {waits.stage}")
    if why := obstacle(state, plan, environment, at):
        raise _refused(command.environment, why)
    matches = rules_say(state, plan, turn.role if turn else _deployer(state), PENDING, 0.0, at)
    if denied := next((one for one in matches if one.decision is Decision.DENY), None):
        raise _refused(command.environment, f"{denied.source}: {denied.reason}", denied.instead)
    return e.DeploymentProposed(
        deployment=Ids(state).next("DP"),
        task=task.id,
        tree=_tree(task),
        plan=plan,
        sha256=plan_sha256(plan),
        base=command.base,
        charter=state.law.sha256,
        by=turn.id if turn else by.name,
        role=turn.role if turn else _deployer(state),
        person=turn.person if turn else by.name.removeprefix("supervisor:").partition("@")[0],
        turn=command.turn,
        asks=tuple(one for one in matches if one.decision is Decision.ASK),
    )


def foreseen(state: State, environment: str, commit: str, at: str) -> e.DeploymentProposed:
    """What a supervisor's proposal would say if there runs what the ledger knows. Raises Refusal: why it would not be
    made. Whoever makes it asks the environment first."""
    live = state.releases.get(environment)
    command = c.ProposeDeployment(
        environment=environment,
        commit=commit,
        base=state.base,
        running=c.Running(known=True, commit=live.commit if live else ""),
    )
    return _proposed(state, command, None, Actor(kind="supervisor", name="supervisor"), at)


def _refused(environment: str, why: str, next_step: str = "") -> Refusal:
    return Refusal(what=f"nothing is deployed to {environment}", why=why, next_step=next_step)


def _tree(task: Task) -> str:
    return task.merged or (task.candidate.tree if task.candidate else "")


# --- approving -----------------------------------------------------------------------------------


def approve(state: State, deployment: Deployment, sha256: str, waived: str, by: Actor, at: str) -> tuple[e.Event, ...]:
    """Exactly this plan, once. The proposer's own person only with a recorded reason."""
    environment = environment_of(state, deployment.plan.environment)
    if is_own(deployment, by.name) and not waived.strip():
        raise Refusal(
            what=f"{deployment.id} was proposed by {deployment.by}, and nobody approves their own deployment",
            why="whoever deploys is not who says that it may be",
            next_step="have somebody else answer, or `waive` with the reason, which stays on record",
        )
    if why := _stale(state, deployment) or obstacle(state, deployment.plan, environment, at, deployment.id):
        raise _refused(deployment.plan.environment, why, "`reject` it, and have it proposed anew")
    return (
        e.DeploymentApproved(
            deployment=deployment.id,
            approval=Ids(state).next("C"),
            commit=deployment.plan.commit,
            environment=deployment.plan.environment,
            plan=deployment.sha256,
            sha256=sha256,
            expires=minutes_after(at, environment.expires_minutes),
            by=by.name,
            waived=waived.strip(),
        ),
    )


def _stale(state: State, deployment: Deployment) -> str:
    """Whether the law or the plan moved since it was proposed."""
    if deployment.charter != state.law.sha256:
        return "the request is stale: the charter moved since it was proposed"
    plan = deployment.plan
    environment = environment_of(state, plan.environment)
    now = plan_of(plan.environment, environment, plan.commit, plan.previous, plan.note)
    if plan_sha256(now) != deployment.sha256:
        return "the request is stale: its plan is not what deploy.yaml says now"
    return ""


def answer_deployment(state: State, id: str, command: c.Answer, by: Actor, at: str) -> tuple[e.Event, ...]:
    deployment = deployment_of(state, id)
    match command.verb:
        case "approve":
            return approve(state, deployment, command.sha256, "", by, at)
        case "waive":
            return approve(state, deployment, command.sha256, command.text, by, at)
        case "reject":
            return (e.DeploymentRejected(deployment=id, reason=command.text),)
        case "look":
            return (e.DeploymentAskedAgain(deployment=id),)
        case "rollback":
            return (ordered(deployment, command.text or "nobody knows what runs there", by.name),)
        case _:
            return (e.DeploymentClosed(deployment=id, reason=command.text),)


# --- carrying out --------------------------------------------------------------------------------


def refuse(state: State, command: c.RefuseDeployment) -> tuple[e.Event, ...]:
    deployment = state.deployments.get(command.deployment)
    if deployment is None or deployment.stage not in ("proposed", "approved"):
        return ()
    reason = command.reason[:LONG_REASON]
    return (e.DeploymentRefused(deployment=deployment.id, reason=reason, evidence=command.evidence),)


def intend(state: State, command: c.IntendDeployment, at: str) -> tuple[e.Event, ...]:
    """The intent, or why the approval is worth nothing: asked of everything that may have moved."""
    deployment = deployment_of(state, command.deployment)
    if deployment.stage != "approved" or deployment.approval is None:
        raise Refusal(what=f"{deployment.id} is not approved", why=f"it is {deployment.stage}")
    if why := _not_now(state, deployment, command, at):
        evidence = command.evidence[-1] if command.evidence else None
        return (e.DeploymentRefused(deployment=deployment.id, reason=why[:LONG_REASON], evidence=evidence),)
    return (
        e.DeploymentIntended(
            deployment=deployment.id,
            approval=deployment.approval.id,
            environment=deployment.plan.environment,
            commit=deployment.plan.commit,
            previous=deployment.plan.previous,
            backup=command.backup,
            evidence=command.evidence,
        ),
    )


def _not_now(state: State, deployment: Deployment, command: c.IntendDeployment, at: str) -> str:
    plan, approval = deployment.plan, deployment.approval
    assert approval
    if plan.environment not in (state.law.deploying.environments if state.law.deploying else {}):
        return f"the request is stale: there is no environment {plan.environment} any more"
    environment = environment_of(state, plan.environment)
    if max(at, state.at) > approval.expires:  # a clock that was set back makes no approval young again
        return f"the approval expired at {approval.expires}"
    if (why := _stale(state, deployment)) or (why := obstacle(state, plan, environment, at, deployment.id)):
        return why
    if command.base != deployment.base:
        return f"the request is stale: the base moved from {deployment.base[:10]} to {command.base[:10]}"
    if not command.running.known or command.running.commit != plan.previous:
        return dirty_way_back(state, plan.environment, plan.commit, command.running) or (
            f"the way back is dirty: {plan.previous[:10] or 'nothing'} ran there when it was approved, now"
            f" {command.running.commit[:10] or 'nothing'} does"
        )
    if command.gate_closed:
        return f"the gate is red: {command.gate_closed}"
    if not plan.no_backup and not command.backup:
        return "D1: there is no backup; its command failed or named none"
    matches = rules_say(state, plan, deployment.role, command.backup, command.backup_minutes, at)
    return _unsettled(matches, deployment.asks)


def _unsettled(matches: tuple[RuleMatch, ...], asked: tuple[RuleMatch, ...]) -> str:
    """What the rules forbid, or ask and nobody was shown."""
    known = {one.source for one in asked}
    for match in matches:
        if match.decision is Decision.DENY or (match.decision is Decision.ASK and match.source not in known):
            return f"{match.source}: {match.reason}"
    return ""


def settle(state: State, command: c.SettleDeployment) -> tuple[e.Event, ...]:
    """By what the environment says runs there; the exit code alone never makes it done."""
    deployment = deployment_of(state, command.deployment)
    if deployment.stage != "deploying":
        return ()
    ids = Ids(state)
    plan, running = deployment.plan, command.running
    is_done = running.known and running.commit == plan.commit and (command.after_crash or command.exit_code == 0)
    outcome: e.SettledAs = "done" if is_done else "failed" if running.known or not command.after_crash else "in doubt"
    there = running.commit[:10] or "nothing" if running.known else f"nobody knows what ({running.why_unknown})"
    settled = e.DeploymentSettled(
        deployment=deployment.id,
        outcome=outcome,
        running=running.commit if running.known else "",
        summary=f"{command.summary}; {there} runs there".removeprefix("; ")[:LONG_REASON],
        evidence=command.evidence,
        after_crash=command.after_crash,
    )
    if outcome != "failed":
        doubt = incident_about(state, ids, deployment, "nobody knows what runs", settled.summary)
        return (settled, doubt) if outcome == "in doubt" else (settled,)
    incident = incident_about(state, ids, deployment, "the deployment failed", settled.summary)
    if running.known and running.commit == plan.previous:
        return (settled, incident)
    return (settled, incident, ordered(deployment, f"the deployment failed: {settled.summary}", "factory"))


# --- releases made elsewhere, statements ------------------------------------------------


def register(state: State, command: c.RegisterRelease, by: Actor) -> tuple[e.Event, ...]:
    environment = environment_of(state, command.environment)
    task = landed_task(state, command.commit)
    if not command.running.known or command.running.commit != task.landed_as:
        there = command.running.commit[:10] or "nothing"
        raise Refusal(
            what=f"{task.landed_as[:10]} does not run in {command.environment}",
            why=f"its status command says {there}" if command.running.known else command.running.why_unknown,
            next_step="only what runs there is registered",
        )
    if busy := next(
        (
            one
            for one in state.deployments.values()
            if one.plan.environment == command.environment
            and not one.over
            and one.stage not in ("proposed", "approved")
        ),
        None,
    ):
        raise Refusal(what=f"{busy.id} is {busy.stage} there", why="one thing at a time; it ends on record")
    before = state.releases.get(command.environment)
    previous = before.commit if before and before.commit != task.landed_as else ""
    plan = plan_of(command.environment, environment, task.landed_as, previous, command.reason)
    return (
        e.ReleaseRegistered(
            deployment=Ids(state).next("DP"),
            task=task.id,
            tree=_tree(task),
            plan=plan,
            sha256=plan_sha256(plan),
            charter=state.law.sha256,
            by=by.name,
            reason=command.reason[:LONG_REASON],
            evidence=command.running.evidence,
        ),
    )


def record_statement(state: State, command: c.RecordDeploymentStatement) -> tuple[e.Event, ...]:
    deployment = deployment_of(state, command.deployment)
    if not deployment.over or deployment.statement is not None:
        return ()
    approval = command.approval if deployment.approved_as is None else None
    return (e.DeploymentAttested(deployment=deployment.id, statement=command.statement, approval=approval),)


def record_kept(state: State, command: c.RecordDeploymentKept) -> tuple[e.Event, ...]:
    deployment = deployment_of(state, command.deployment)
    if not deployment.over or deployment.kept:
        return ()
    return (e.DeploymentEvidenceKept(deployment=deployment.id, problem=command.problem[:LONG_REASON]),)


def after_crash(state: State, ids: Ids, job: str) -> tuple[e.Event, ...]:
    """A job of a deployment that crashed for the last time leaves it where somebody can see it."""
    for one in state.deployments.values():
        if one.over or f"'{one.id}'" not in job:
            continue
        why = "its job crashed three times"
        if one.stage == "approved":
            return (e.DeploymentRefused(deployment=one.id, reason=f"it could not be prepared: {why}"),)
        if one.stage == "deploying":
            return (e.DeploymentSettled(deployment=one.id, outcome="in doubt", running="", summary=why),)
        if one.stage in ("reverting", "rolling back"):
            return (e.RollbackSettled(deployment=one.id, outcome="in doubt", running="", summary=why),)
        if one.stage in ("deployed", "rolled back"):
            return check(state, ids, c.CheckDeployment(deployment=one.id, rows=(), missing=why))
    return ()
