"""Steps about incidents, the rules that are born from them, and the freeze that stops the bleeding."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import BornRule, Freeze, Incident, State
from factory_tui.domain.steps import count


def incident_opened(state: State, event: e.IncidentOpened, entry: Entry) -> State:
    incident = Incident(
        id=event.incident,
        title=event.title,
        what=event.what,
        task=event.task,
        cause=event.cause,
        signature=event.signature,
        level=event.level,
        evidence=event.evidence,
        since=entry.at if event.cause else "",
    )
    return replace(_with(state, entry, incident), counters=count(state, incident.id))


def incident_reopened(state: State, event: e.IncidentReopened, entry: Entry) -> State:
    known = state.incidents[event.incident]
    incident = replace(
        known,
        evidence=_joined(known.evidence, event.evidence),
        since=entry.at,
        draft=None,
        proof=None,
        written=None,
        adopted_by="",
        committed=None,
        closed="",
        broken=event.broken,
        repeats=known.repeats + 1,
        deployment=event.deployment,
    )
    return _with(state, entry, incident)


def incident_filled(state: State, event: e.IncidentFilled, entry: Entry) -> State:
    incident = replace(
        state.incidents[event.incident],
        what=event.what,
        when=event.when,
        cost=event.cost,
        root_cause=event.root_cause,
        level=event.level,
    )
    return _with(state, entry, incident)


def evidence_picked(state: State, event: e.EvidencePicked, entry: Entry) -> State:
    return _with(state, entry, replace(state.incidents[event.incident], evidence=event.evidence, proof=None))


def rule_drafted(state: State, event: e.RuleDrafted, entry: Entry) -> State:
    return _with(state, entry, replace(state.incidents[event.incident], draft=event, proof=None, written=None))


def rule_proven(state: State, event: e.RuleProven, entry: Entry) -> State:
    return _with(state, entry, replace(state.incidents[event.incident], proof=event))


def rule_written(state: State, event: e.RuleWritten, entry: Entry) -> State:
    return _with(state, entry, replace(state.incidents[event.incident], written=event))


def rule_adopted(state: State, event: e.RuleAdopted, entry: Entry) -> State:
    born = {**state.born_rules, event.rule: BornRule(incident=event.incident, sha256=event.sha256)}
    incident = replace(state.incidents[event.incident], rule=event.rule, broken="", adopted_by=entry.by.name)
    return replace(_with(state, entry, incident), born_rules=born)


def rule_commit_intended(state: State, event: e.RuleCommitIntended, entry: Entry) -> State:
    return _with(state, entry, replace(state.incidents[event.incident], committing=event))


def rule_committed(state: State, event: e.RuleCommitted, entry: Entry) -> State:
    known = state.incidents[event.incident]
    after = _with(state, entry, replace(known, committing=None, committed=event))
    intent = known.committing
    if event.commit and intent is not None and (state.base_ref, state.base) == (intent.ref, intent.old):
        after = replace(after, base=event.commit)  # what begins from here on builds on it
    if event.statement is None:
        return after
    signed = state.counters.get("statement", 0) + 1
    counters = {**state.counters, "statement": signed}
    return replace(after, counters=counters, last_statement=event.statement.envelope.sha256)


def incident_closed(state: State, event: e.IncidentClosed, entry: Entry) -> State:
    closed = f"rule {event.rule}" if event.rule else event.reason
    return _with(state, entry, replace(state.incidents[event.incident], closed=closed))


def frozen(state: State, event: e.Frozen, entry: Entry) -> State:
    stop = Freeze(reason=event.reason, by=event.by, since=entry.at, landings=event.landings)
    return replace(state, seq=entry.seq, at=entry.at, frozen=stop)


def unfrozen(state: State, event: e.Unfrozen, entry: Entry) -> State:
    return replace(state, seq=entry.seq, at=entry.at, frozen=None)


def _with(state: State, entry: Entry, incident: Incident) -> State:
    return replace(state, seq=entry.seq, at=entry.at, incidents={**state.incidents, incident.id: incident})


def _joined(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({*one, *other}))
