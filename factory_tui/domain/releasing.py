"""What must be true before a deployment: the commit has landed, the way back is there and clean, the time is right.

Asked when a deployment is proposed, when it is approved, and once more before it is intended: the world moves between.
"""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain.environments import Environment, FreezeWindow
from factory_tui.domain.environments_check import DAYS
from factory_tui.domain.errors import Refusal
from factory_tui.domain.facts import nested
from factory_tui.domain.law import rulebook_of
from factory_tui.domain.seals import sha256_of
from factory_tui.domain.state import Deployment, State, Task
from factory_tui.domain.terms import CommitId, Decision, DeployPlan, RuleMatch, Sha256, Verdict
from factory_tui.domain.times import minutes_between, weekday

UNDER_WAY = frozenset({"deploying", "deployed", "reverting", "rolling back", "rolled back", "in doubt"})
FLOOR = tuple(f"V{number:02}" for number in range(1, 34))
"""Ids of the 33 checks. A project adds its own; nobody takes one of these away."""
LONG_REASON = 2_000
"""Characters of what is kept of a reason; its evidence holds the rest."""


def deployment_of(state: State, id: str) -> Deployment:
    """Raises Refusal naming those that are not over."""
    found = state.deployments.get(id)
    if found is None:
        known = ", ".join(one.id for one in state.deployments.values() if not one.over) or "none"
        raise Refusal(what=f"there is no deployment {id[:40]}", why=f"under way: {known}")
    return found


def environment_of(state: State, name: str) -> Environment:
    """Raises Refusal naming the environments that there are."""
    deploying = state.law.deploying
    if deploying is None:
        raise Refusal(
            what="no deployment is set up in this home",
            why="there is no deploy.yaml in force",
            next_step="write deploy.yaml (docs/deployment.md) and adopt it",
        )
    found = deploying.environments.get(name)
    if found is None:
        known = ", ".join(deploying.environments)
        raise Refusal(what=f"there is no environment `{name[:80]}`", why=f"deploy.yaml has {known}")
    return found


def landed_tasks(state: State) -> list[Task]:
    """Whose commits may be deployed, in the order in which they were closed."""
    return [task for task in state.closed.values() if task.stage == "landed" and task.landed_as]


def landed_task(state: State, commit: CommitId) -> Task:
    """The task that landed as this commit; without one named, what landed last. Raises Refusal."""
    landed = landed_tasks(state)
    if not commit:
        newest = max(landed, key=lambda task: (task.since, task.opened_seq), default=None)
        if newest is None:
            raise Refusal(what="nothing has landed yet", why="only a landed commit is deployed")
        return newest
    found = [task for task in landed if task.landed_as.startswith(commit)] if len(commit) >= 7 else []
    if len({task.landed_as for task in found}) != 1:
        known = ", ".join(f"{task.landed_as[:10]} ({task.id})" for task in landed[-5:]) or "nothing has yet"
        raise Refusal(what=f"{commit[:12]} has not landed through this factory's gate", why=f"landed last: {known}")
    return found[-1]


def taken_back(state: State, environment: str, commit: CommitId, besides: str = "") -> Deployment | None:
    """How this commit ended there the last time, when it did not stay; None = it never ran there, or it did stay."""
    ended = [
        one
        for one in state.deployments.values()
        if (one.plan.environment, one.plan.commit) == (environment, commit)
        and one.stage in ("verified", "reverted", "failed")
        and one.id != besides
    ]
    return ended[-1] if ended and ended[-1].stage != "verified" else None


def ended_before(state: State, one: Deployment) -> str:
    """What whoever approves is told of the same commit in the same place; empty = nothing speaks against it."""
    known = taken_back(state, one.plan.environment, one.plan.commit, one.id)
    if known is None or one.stage not in ("proposed", "approved"):
        return ""
    return f"{known.id} of the same commit {'was taken back' if known.stage == 'reverted' else 'failed'} there"


def red_gate(task: Task) -> str:
    """Why what the task landed must not be deployed; empty = level 2 and 3 passed on it."""
    candidate = task.candidate
    if candidate is None:
        return "nothing is known of its change"
    smoke = task.merged_smoke if task.merged else candidate.smoke
    if smoke is None or smoke.verdict is not Verdict.PASS:
        return f"level 2 says {smoke.verdict.value if smoke else 'nothing'}"
    review = candidate.review
    if review is None or (review.verdict is not Verdict.PASS and task.waived != candidate.commit):
        return f"level 3 says {review.verdict.value if review else 'nothing'}"
    return ""


def frozen_because(state: State, environment: Environment, at: str) -> str:
    """Why nothing may be deployed there now; empty = it may."""
    if state.frozen is not None:
        return f"frozen by {state.frozen.by}: {state.frozen.reason}"
    for window in environment.freeze:
        if _is_in(window, at):
            when = (
                f"until {window.until}" if window.until else f"{', '.join(window.days) or 'every day'} {window.hours}"
            )
            return f"freeze window ({when.strip()} UTC): {window.why}"
    return ""


def _is_in(window: FreezeWindow, at: str) -> bool:
    if window.since:
        # Compared to the second: both forms of a time have that much.
        return window.since[:19] <= at[:19] < window.until[:19]
    is_day = not window.days or DAYS[weekday(at)] in window.days
    return is_day and (not window.hours or window.hours[:5] <= at[11:16] < window.hours[6:])


def obstacle(state: State, plan: DeployPlan, environment: Environment, at: str, own: str = "") -> str:
    """The first thing in the way of a deployment by this plan; empty = none. `own` is the deployment itself."""
    if why := frozen_because(state, environment, at):
        return why
    for other in state.deployments.values():
        if other.id != own and other.plan.environment == plan.environment and other.stage in UNDER_WAY:
            return f"{other.id} is {other.stage} there"
    for before in environment.after:
        live = state.releases.get(before)
        if live is None or live.commit != plan.commit or not live.verified:
            there = f"{live.commit[:10] or 'nothing'}, {'' if live.verified else 'not '}verified" if live else "unknown"
            return f"{before} comes first: {plan.commit[:10]} must run there, verified; there is {there}"
    return ""


def dirty_way_back(state: State, environment: str, commit: CommitId, running: c.Running) -> str:
    """Why nobody could say what to go back to; empty = the way back is clean."""
    if not running.known:
        return f"what runs there is unknown, so there is no way back: {running.why_unknown}"
    live = state.releases.get(environment)
    if live is not None and live.commit != running.commit:
        return (
            f"the way back is dirty: the ledger says {live.commit[:10] or 'nothing'} runs there, the environment says"
            f" {running.commit[:10] or 'nothing'}; `factory deploy register` puts on record what somebody did"
        )
    if running.commit == commit:
        return f"{commit[:10]} runs there already"
    return ""


def plan_of(name: str, environment: Environment, commit: CommitId, previous: CommitId, note: str) -> DeployPlan:
    """The commands with everything filled in."""

    def filled(command: tuple[str, ...]) -> tuple[str, ...]:
        values = {"{commit}": commit, "{previous}": previous, "{environment}": name}
        words = []
        for word in command:
            for placeholder, value in values.items():
                word = word.replace(placeholder, value)
            words.append(word)
        return tuple(words)

    return DeployPlan(
        environment=name,
        commit=commit,
        previous=previous,
        deploy=filled(environment.deploy),
        rollback=filled(environment.rollback),
        status=filled(environment.status),
        backup=filled(environment.backup.command),
        no_backup=environment.backup.none_because,
        credentials=tuple(one.name for one in environment.credentials),
        after=environment.after,
        network=environment.network,
        note=note,
    )


def plan_sha256(plan: DeployPlan) -> Sha256:
    return sha256_of("deployment plan", plan)


def is_own(deployment: Deployment, by: str) -> bool:
    """Whether whoever answers is who proposed it: the same person, in whatever seat."""
    person = by.removeprefix("supervisor:").partition("@")[0]
    return deployment.by == by or (bool(deployment.person) and deployment.person == person)


def rules_say(state: State, plan: DeployPlan, role: str, backup: str, age: float, at: str) -> tuple[RuleMatch, ...]:
    """What the rules in force say before this deployment. `backup` names the one that was taken, `age` in minutes.

    Where the plan says that none is needed, what rules demand of a backup is an ask: the approval settles it, shown.
    """
    about = _facts_of(state, plan)
    book = rulebook_of(state.law)
    proven = _backup_facts(state, plan.environment, backup, age, at)
    if not plan.no_backup:
        return book.judge_phase("before_deploy", role, nested(about | proven))
    without = book.judge_phase("before_deploy", role, nested(about))
    good = {"backup.id": "b", "backup.age_minutes": 0.0, "restore_drill.age_days": 0.0, "backup.storage_id": "b"}
    good |= {"restore_drill.rows_restored": 1, "data.storage_id": "d"}
    still = {one.source for one in book.judge_phase("before_deploy", role, nested(about | good))}
    return tuple(
        one
        if one.source in still
        else replace(one, decision=Decision.ASK, reason=f"{one.reason} (no backup: {plan.no_backup})")
        for one in without
    )


def _facts_of(state: State, plan: DeployPlan) -> dict[str, object]:
    live = [state.releases[name] for name in plan.after if name in state.releases]
    passed = next((one.commit for one in live if one.verified), "")
    facts: dict[str, object] = {
        "rollback.tag": plan.previous or "nothing ran there",
        "deploy.tag": plan.commit,
        "deploy.target": plan.environment,
        "deploy.revision": plan.commit,
    }
    return facts | ({"staging.passed_revision": passed} if passed else {})


def _backup_facts(state: State, environment: str, id: str, minutes: float, at: str) -> dict[str, object]:
    said = environment_of(state, environment).backup
    facts: dict[str, object] = {}
    if id:
        facts |= {"backup.id": id, "backup.age_minutes": minutes}
    if said.restored_on:
        facts["restore_drill.age_days"] = minutes_between(f"{said.restored_on}T00:00:00Z", at) / 1_440
        facts["restore_drill.rows_restored"] = said.rows_restored
    if said.kept_at:
        facts["backup.storage_id"] = said.kept_at
    if said.data_at:
        facts["data.storage_id"] = said.data_at
    return facts
