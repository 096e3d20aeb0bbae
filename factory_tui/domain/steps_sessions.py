"""Steps about sessions, charters, time, and what went wrong."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import DigestRef, Proposal, State, Task
from factory_tui.domain.steps import count, unsealed, with_task, without

Kept = TypeVar("Kept")


def session_started(state: State, event: e.SessionStarted, entry: Entry) -> State:
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        session=event.session,
        session_open=True,
        session_first_seq=entry.seq,
        digests_owed=_owed(state, event),
        version=event.version,
        wall=event.wall,
        degraded=event.degraded,
        root=event.root,
        assurance=event.assurance,
        unsigned=event.unsigned,
        base_ref=event.base_ref,
        base=event.base,
        mode=event.mode,
        paused="",
        crashes={},
        yeses={},
        denials={},
        hasty=(),
        grants={id: grant for id, grant in state.grants.items() if grant.task},
        limits={},
        usd=0.0,
        tokens=0,
        costs_unknown=False,
        spent=_of_longer(state.spent),
        raised=_of_longer(state.raised),
    )


def _of_longer(by_scope: dict[str, Kept]) -> dict[str, Kept]:
    """What outlives a session: days and tasks, not the session's own and its roles'."""
    return {scope: kept for scope, kept in by_scope.items() if scope != "session" and not scope.startswith("role:")}


def _owed(state: State, event: e.SessionStarted) -> tuple[int, ...]:
    before = event.session - 1
    is_written = state.digest is not None and state.digest.session == before
    return (*state.digests_owed, before) if event.recovered and not is_written else state.digests_owed


def charter_adopted(state: State, event: e.CharterAdopted, entry: Entry) -> State:
    waiting = {id: p for id, p in state.proposals.items() if p.charter != event.charter.sha256}
    tasks = {id: _under_new_law(task, entry) for id, task in state.tasks.items()}
    return replace(state, seq=entry.seq, at=entry.at, charter=event.charter, proposals=waiting, tasks=tasks)


def _under_new_law(task: Task, entry: Entry) -> Task:
    """Briefs are sealed again, and a landing that was cleared by the old rules is checked by the new ones."""
    if task.stage in ("approved", "cleared"):
        since = task.since if task.stage == "approved" else entry.at
        return replace(task, stage="approved", since=since, merged="", onto="", merged_smoke=None)
    again = unsealed(task)
    return again if again.stage == task.stage else replace(again, since=entry.at)


def charter_proposed(state: State, event: e.CharterProposed, entry: Entry) -> State:
    proposal = Proposal(
        id=event.proposal,
        path=", ".join(event.paths),
        evidence=event.evidence,
        by=entry.by.name,
        since=entry.at,
        charter=event.charter,
        problem=event.problem,
    )
    others = {id: p for id, p in state.proposals.items() if not p.charter}
    return replace(
        state,
        seq=entry.seq,
        at=entry.at,
        proposals={**others, event.proposal: proposal},
        counters=count(state, event.proposal),
    )


def charter_declined(state: State, event: e.CharterDeclined, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, proposals=without(state.proposals, event.proposal))


def mode_changed(state: State, event: e.ModeChanged, entry: Entry) -> State:
    if event.task:
        return with_task(state, entry, replace(state.tasks[event.task], mode=event.mode))
    return replace(state, seq=entry.seq, at=entry.at, mode=event.mode or state.mode)


def paused(state: State, event: e.Paused, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, paused=event.reason or "paused")


def unpaused(state: State, event: e.Unpaused, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, paused="")


def digest_written(state: State, event: e.DigestWritten, entry: Entry) -> State:
    digest = DigestRef(session=event.session, path=event.path, evidence=event.evidence)
    owed = tuple(session for session in state.digests_owed if session != event.session)
    return replace(state, seq=entry.seq, at=entry.at, digest=digest, digests_owed=owed)


def session_ended(state: State, event: e.SessionEnded, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, session_open=False)


def digest_acknowledged(state: State, event: e.DigestAcknowledged, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, acknowledged=max(state.acknowledged, event.session))


def nothing(state: State, event: e.LedgerRepaired, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at)


def limits_proved(state: State, event: e.LimitsProved, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, limits={**state.limits, event.control: event})


def time_passed(state: State, event: e.TimePassed, entry: Entry) -> State:
    world = {id: wait for id, wait in state.world.items() if wait.until > event.now}
    return replace(state, seq=entry.seq, at=entry.at, now=event.now, world=world)


def job_crashed(state: State, event: e.JobCrashed, entry: Entry) -> State:
    crashes = {**state.crashes, event.job: state.crashes.get(event.job, 0) + 1}
    return replace(state, seq=entry.seq, at=entry.at, crashes=crashes)
