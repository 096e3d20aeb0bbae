"""What the world owes the state: level-triggered, so that a restart owes the same jobs.

A job stays on the agenda while it runs and leaves it when its outcome is on record; a job that is no longer owed is
cancelled by whoever runs it.
"""

from __future__ import annotations

import msgspec

from factory_tui.domain.globs import may_overlap
from factory_tui.domain.incidents import is_commit_owed, landings_frozen
from factory_tui.domain.known import wants_brief
from factory_tui.domain.pace import is_free, mode_of
from factory_tui.domain.spending import ended_because, withheld
from factory_tui.domain.state import Deployment, State, Task
from factory_tui.domain.waiting import digest_is_owed
from factory_tui.domain.world import stands_in_the_way

MOST_CRASHES = 3


class SealBriefJob(msgspec.Struct, frozen=True):
    task: str
    handoff: str


class ReleaseJob(msgspec.Struct, frozen=True):
    task: str
    handoff: str


class TurnJob(msgspec.Struct, frozen=True):
    task: str
    handoff: str


class InspectJob(msgspec.Struct, frozen=True):
    """Level 2 for one tree against one base."""

    task: str
    tree: str
    base: str


class CommitJob(msgspec.Struct, frozen=True):
    task: str
    tree: str


class CheckLandingJob(msgspec.Struct, frozen=True):
    task: str
    approval: str


class LandJob(msgspec.Struct, frozen=True):
    task: str


class CloseWorktreeJob(msgspec.Struct, frozen=True):
    task: str
    name: str


class DeployJob(msgspec.Struct, frozen=True):
    """From the approval to the outcome; entered again after a crash, it only asks the environment."""

    task: str
    deployment: str
    tries: int = 0


class RollbackJob(msgspec.Struct, frozen=True):
    task: str
    deployment: str
    tries: int = 0


class CheckDeploymentJob(msgspec.Struct, frozen=True):
    """Level 4 on what runs: the new release, or the old one after a rollback."""

    task: str
    deployment: str
    release: str


class AttestDeploymentJob(msgspec.Struct, frozen=True):
    task: str
    deployment: str


class CommitRuleJob(msgspec.Struct, frozen=True):
    """An adopted rule and its incident, as one commit; entered again after a crash, it looks what the branch holds."""

    incident: str
    task: str = ""


Job = (
    SealBriefJob
    | ReleaseJob
    | TurnJob
    | InspectJob
    | CommitJob
    | CheckLandingJob
    | LandJob
    | CloseWorktreeJob
    | DeployJob
    | RollbackJob
    | CheckDeploymentJob
    | AttestDeploymentJob
    | CommitRuleJob
)


def agenda(state: State) -> tuple[Job, ...]:
    """Every job that is owed now, running or not."""
    if not state.session_open or state.charter is None:
        return ()
    jobs: list[Job] = []
    for task in state.tasks.values():
        if not task.held or task.stage == "landing":
            jobs += _of(state, task)
    jobs += _turns(state)
    for deployment in state.deployments.values():
        jobs += owed_by(state, deployment)
    jobs += rules_to_commit(state)
    jobs += [
        CloseWorktreeJob(task.id, task.worktree)
        for task in state.closed.values()
        if task.worktree and not _is_human(task)
    ]
    return tuple(job for job in jobs if state.crashes.get(str(job), 0) < MOST_CRASHES)


def _of(state: State, task: Task) -> list[Job]:
    jobs: list[Job] = []
    handoff, candidate = task.handoff, task.candidate
    if task.stage == "offered" and handoff and not handoff.refused:
        if wants_brief(state, task):
            jobs.append(SealBriefJob(task.id, handoff.id))
        elif mode_of(state, task) == "flow" and not handoff.edited and not state.paused and not digest_is_owed(state):
            jobs.append(ReleaseJob(task.id, handoff.id))
    if candidate and task.stage in ("working", "released", "offered", "parked"):
        if candidate.smoke is None:
            jobs.append(InspectJob(task.id, candidate.tree, candidate.base))
        elif candidate.smoke.verdict == "pass" and not candidate.commit:
            jobs.append(CommitJob(task.id, candidate.tree))
    if task.stage == "approved" and task.approval:
        if not task.merged:
            jobs.append(CheckLandingJob(task.id, task.approval.id))
        elif task.merged_smoke is None:
            jobs.append(InspectJob(task.id, task.merged, task.onto))
    is_next = not _landing_before(state, task) and not any(one.committing for one in state.incidents.values())
    may_land = task.stage == "cleared" and not landings_frozen(state) and is_next
    if task.stage == "landing" or may_land:
        jobs.append(LandJob(task.id))
    return jobs


def owed_by(state: State, one: Deployment) -> list[Job]:
    """What a deployment owes by itself; nothing = it is over, or waits for somebody."""
    match one.stage:
        case "approved" if state.paused:
            return []
        case "approved" | "deploying":
            return [DeployJob(one.task, one.id, one.tries)]
        case "reverting" | "rolling back":
            return [RollbackJob(one.task, one.id, one.tries)]
        case "deployed" | "rolled back":
            return [CheckDeploymentJob(one.task, one.id, one.running)]
        case "verified" | "reverted" | "failed" if one.began and state.assurance and not one.kept:
            return [AttestDeploymentJob(one.task, one.id)]
        case _:
            return []


def rules_to_commit(state: State) -> list[CommitRuleJob]:
    """Adopted rules that are not committed yet. A branch is moved for one thing at a time: a landing that began ends
    first."""
    lands = any(task.stage == "landing" for task in state.tasks.values())
    owed = [one for one in state.incidents.values() if is_commit_owed(one)]
    return [CommitRuleJob(one.id) for one in owed if one.committing or not lands]


def _landing_before(state: State, task: Task) -> bool:
    """Landings are serial: the one under way first, then the one that was opened first."""
    return any(
        other.stage == "landing" or (other.stage == "cleared" and other.opened_seq < task.opened_seq)
        for other in state.tasks.values()
        if other.id != task.id
    )


def _turns(state: State) -> list[Job]:
    """Turns that run, and those that may start beside them."""
    running = [state.tasks[turn.task] for turn in state.turns.values() if turn.task in state.tasks]
    ended = {t.task for t in state.turns.values() if t.retired is not None or ended_because(state, t)[0]}
    jobs: list[Job] = [
        TurnJob(task.id, task.handoff.id)
        for task in running
        if task.handoff is not None and not task.held and task.id not in ended
    ]
    if digest_is_owed(state) or state.paused:
        return jobs
    started = list(running)
    for task in state.tasks.values():
        if task.stage != "released" or task.held or task.handoff is None or _waits_for_answer(state, task):
            continue
        if withheld(state, task) or stands_in_the_way(state, task):
            continue
        if not is_free(state, task, started):
            continue
        if _may_start(state, task, started):
            jobs.append(TurnJob(task.id, task.handoff.id))
            started.append(task)
    return jobs


def _may_start(state: State, task: Task, started: list[Task]) -> bool:
    handoff = task.handoff
    assert handoff
    card = state.law.role(handoff.to)
    same_role = sum(1 for other in started if other.handoff and other.handoff.to == handoff.to)
    if same_role >= min(card.parallel_turns, state.law.gate.parallel.get(card.id, card.parallel_turns)):
        return False
    if handoff.purpose == "review" or not card.writes:
        return True
    authors = [
        other for other in started if other.handoff and other.handoff.purpose == "author" and _writes(state, other)
    ]
    if len(authors) >= state.law.gate.pace.author_turns:
        return False
    return not any(may_overlap(task.paths, other.paths) for other in authors)


def _waits_for_answer(state: State, task: Task) -> bool:
    """An interrupted turn's question is still open; a new turn would only ask it again."""
    return any(ask.task == task.id for ask in state.asks.values())


def _writes(state: State, task: Task) -> bool:
    return bool(task.handoff and state.law.role(task.handoff.to).writes)


def _is_human(task: Task) -> bool:
    """A person's worktree is never removed."""
    return any(record.purpose == "author" and record.person for record in task.turns)
