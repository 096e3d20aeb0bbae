"""Incidents: opened, told, proven into a rule, closed; and the freeze that stops the bleeding meanwhile."""

from __future__ import annotations

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.charter import Charter
from factory_tui.domain.errors import Refusal
from factory_tui.domain.incidents import FEW, unfilled, why_no_commit
from factory_tui.domain.numbers import Ids
from factory_tui.domain.permanence import loosened, rule_sha256
from factory_tui.domain.releasing import LONG_REASON
from factory_tui.domain.state import Incident, State
from factory_tui.domain.terms import LEVEL_NAMES, Actor, Verdict

LONGEST_TITLE = 160


def opened(
    state: State,
    ids: Ids,
    *,
    cause: e.IncidentCause,
    title: str,
    what: str,
    signature: str = "",
    task: str = "",
    level: int = 0,
    evidence: tuple[int, ...] = (),
) -> e.IncidentOpened | e.IncidentReopened:
    """A new incident; or the settled one of the same signature, whose check is broken then."""
    settled = next(
        (one for one in state.incidents.values() if signature and one.signature == signature and one.closed), None
    )
    if settled is not None:
        return reopened(settled, what, evidence)
    return e.IncidentOpened(
        incident=ids.next("I"),
        title=" ".join(title.split())[:LONGEST_TITLE],
        what=what,
        task=task,
        cause=cause,
        signature=signature,
        level=level,
        evidence=evidence,
    )


def breached(state: State, *, title: str, what: str, signature: str, task: str = "") -> tuple[e.Event, ...]:
    """A limit did not hold. One incident for each kind, while it is open; the first event of this line shows it."""
    if any(one.signature == signature and not one.closed for one in state.incidents.values()):
        return ()
    entry = (state.seq + 1,)
    told: e.Event = opened(
        state, Ids(state), cause="breach", title=title, what=what, signature=signature, task=task, evidence=entry
    )
    return (told,)


def record_damage(state: State, command: c.RecordDamage, by: Actor) -> tuple[e.Event, ...]:
    """A broken chain is an incident, and nothing moves before somebody looked: what was answered since is forgotten."""
    if by.kind != "supervisor":
        raise Refusal(what="only the supervisor has a ledger mended", why=f"asked by {by.name}")
    repaired = e.LedgerRepaired(dropped_bytes=command.size, saved_as=command.saved_as, damage=command.why)
    incident = opened(
        state,
        Ids(state),
        cause="ledger",
        title="the ledger's chain was broken",
        what=f"{command.why}. {command.size} bytes after it are not believed; the file as it was: {command.saved_as}",
        signature="ledger chain",
        evidence=(state.seq + 1,),
    )
    stop = freeze(state, c.Freeze(reason=f"{incident.incident}: {incident.what}"[:200], landings=True), by)
    return (repaired, incident, *stop)


def reopened(known: Incident, what: str, evidence: tuple[int, ...]) -> e.IncidentReopened:
    return e.IncidentReopened(incident=known.id, what=what, broken=known.rule, evidence=evidence)


def open_incident(state: State, command: c.OpenIncident, by: Actor) -> tuple[e.Event, ...]:
    if by.kind == "seat":
        raise Refusal(what="a seat opens no incident", why=f"asked by {by.name}", next_step="escalate")
    title = command.title.strip()
    if not title:
        raise Refusal(what="what went wrong?", next_step="say it in a line: `factory incident open 'the page is down'`")
    _level(command.level)
    _entries(state, command.evidence)
    if command.task:
        state.task(command.task)
    what = command.what or title
    event: e.Event
    if command.repeats:
        known = _incident(state, command.repeats)
        if not known.closed:
            raise Refusal(
                what=f"{known.id} is open", next_step=f"pick what shows it: `factory incident show {known.id}`"
            )
        event = reopened(known, what, command.evidence)
    else:
        event = opened(
            state,
            Ids(state),
            cause=command.cause or "supervisor",
            title=title,
            what=what,
            signature=command.signature,
            task=command.task,
            level=command.level,
            evidence=command.evidence,
        )
    stop = freeze(state, c.Freeze(reason=f"{event.incident}: {title}", landings=True), by) if command.freeze else ()
    return (event, *stop)


def freeze(state: State, command: c.Freeze, by: Actor) -> tuple[e.Event, ...]:
    """By the supervisor or the factory. A freeze that holds already is not loosened by another."""
    if by.kind == "seat":
        raise Refusal(what="a seat freezes nothing", why=f"asked by {by.name}", next_step="escalate")
    known = state.frozen
    landings = command.landings or (known is not None and known.landings)
    if known is not None and known.landings == landings:
        return ()
    return (e.Frozen(reason=command.reason.strip() or "frozen", by=by.name, landings=landings),)


def unfreeze(state: State, command: c.Unfreeze, by: Actor) -> tuple[e.Event, ...]:
    if by.kind != "supervisor":
        raise Refusal(what="only the supervisor ends a freeze", why=f"asked by {by.name}")
    return (e.Unfrozen(reason=command.reason),) if state.frozen else ()


def fill_incident(state: State, command: c.FillIncident) -> tuple[e.Event, ...]:
    known = _open(state, command.incident)
    if command.level is not None:
        _level(command.level)
    filled = e.IncidentFilled(
        incident=known.id,
        what=known.what if command.what is None else command.what.strip(),
        when=known.when if command.when is None else command.when.strip(),
        cost=known.cost if command.cost is None else command.cost.strip(),
        root_cause=known.root_cause if command.root_cause is None else command.root_cause.strip(),
        level=known.level if command.level is None else command.level,
    )
    was = (known.what, known.when, known.cost, known.root_cause, known.level)
    same = was == (filled.what, filled.when, filled.cost, filled.root_cause, filled.level)
    return () if same else (filled,)


def pick_evidence(state: State, command: c.PickEvidence) -> tuple[e.Event, ...]:
    known = _open(state, command.incident)
    _entries(state, command.add)
    picked = tuple(sorted({*known.evidence, *command.add} - {*command.remove}))
    return () if picked == known.evidence else (e.EvidencePicked(incident=known.id, evidence=picked),)


def draft_rule(state: State, command: c.DraftRule) -> tuple[e.Event, ...]:
    known = _open(state, command.incident)
    rule = command.rule
    in_force = next((one for one in state.law.rules if one.id == rule.id), None)
    born = state.born_rules.get(rule.id)
    if in_force is not None and born is None:
        raise Refusal(
            what=f"the id {rule.id} is taken",
            why=f"`{in_force.title}` is in force",
            next_step="give the rule the next free number of its family",
        )
    if in_force is not None and rule_sha256(in_force) == rule_sha256(rule):
        raise Refusal(
            what=f"exactly this {rule.id} is in force already",
            why="it did not keep this from happening, so it settles nothing",
            next_step="write a stricter one, or close the incident with the reason why none can exist",
        )
    if in_force is not None and (why := loosened(in_force, rule)):
        raise Refusal(
            what=f"this {rule.id} is not stricter than the one in force",
            why=why,
            next_step="a rule born from an incident is permanent; write a stricter one, or another beside it",
        )
    drafted = e.RuleDrafted(
        incident=known.id,
        rule=rule.id,
        path=command.path,
        draft=command.draft,
        sha256=rule_sha256(rule),
        proposal=command.proposal,
    )
    if known.draft == drafted:
        return ()
    if command.proposal not in state.proposals:
        return (drafted,)
    used = e.ProposalSettled(proposal=command.proposal, accepted=True, reason=f"the draft of {known.id}")
    return (drafted, used)


def record_proof(state: State, command: c.RecordProof) -> tuple[e.Event, ...]:
    """A proof that inspected nothing has not run; one entry missed, or one benign event disturbed, is a FAIL."""
    known = _open(state, command.incident)
    draft = known.draft
    if draft is None or draft.draft.sha256 != command.draft:
        raise Refusal(
            what=f"that is not the draft of {known.id}", next_step=f"`factory incident prove {known.id}` again"
        )
    events = f"{command.benign} benign event{'' if command.benign == 1 else 's'}"
    benign = f"silent on {events}, {command.borne} of which it bears on"
    if command.benign < FEW:
        benign += f" (of {FEW}; no more are on record)"
    caught = f"fired on {len(command.caught)} of {len(command.caught) + len(command.missed)} recorded"
    if command.problems:
        verdict, summary = Verdict.FAIL, "; ".join(command.problems)
    elif not command.caught and not command.missed:
        verdict, summary = Verdict.NOT_RUN, "nothing was inspected: no picked entry is of a kind the rule looks at"
    elif command.missed:
        verdict, summary = Verdict.FAIL, f"{caught}; silent on {_listed(command.missed)}"
    elif command.disturbed:
        verdict, summary = Verdict.FAIL, f"{caught}; it would have stopped benign {_listed(command.disturbed)}"
    else:
        verdict, summary = Verdict.PASS, f"{caught}; {benign}"
    return (
        e.RuleProven(
            incident=known.id,
            rule=draft.rule,
            draft=command.draft,
            sha256=draft.sha256,
            verdict=verdict,
            summary=summary,
            caught=command.caught,
            missed=command.missed,
            benign=command.benign,
            borne=command.borne,
            disturbed=command.disturbed,
            evidence=command.evidence,
        ),
    )


def record_rule_written(state: State, command: c.RecordRuleWritten) -> tuple[e.Event, ...]:
    known = must_be_proven(state, command.incident)
    assert known.draft
    written = e.RuleWritten(
        incident=known.id, rule=known.draft.rule, path=command.path, record=command.record, kept=command.kept
    )
    return () if known.written == written else (written,)


def intend_rule_commit(state: State, command: c.IntendRuleCommit) -> tuple[e.Event, ...]:
    known = _incident(state, command.incident)
    if known.committing is not None or (why := why_no_commit(known)):
        raise Refusal(
            what=f"nothing of {known.id} is to be committed",
            why=why if known.committing is None else "a commit of it is under way",
        )
    intended = e.RuleCommitIntended(
        incident=known.id,
        rule=known.rule,
        ref=command.ref,
        old=command.old,
        new=command.new,
        checkout=command.checkout,
    )
    return (intended,)


def settle_rule_commit(state: State, command: c.SettleRuleCommit) -> tuple[e.Event, ...]:
    """What came of it: once for each try, and never after both are committed."""
    known = _incident(state, command.incident)
    intent = known.committing
    if intent is None and why_no_commit(known):
        return ()
    settled = e.RuleCommitted(
        incident=known.id,
        rule=intent.rule if intent else known.rule,
        ref=command.ref,
        commit=command.commit,
        why=command.why[:LONG_REASON],
        by_hand=command.by_hand,
        statement=command.statement,
        unvouched=command.unvouched[:LONG_REASON],
    )
    return () if intent is None and settled == known.committed else (settled,)


def must_be_proven(state: State, id: str) -> Incident:
    """The open incident whose draft passed its proof. Raises Refusal with what is missing."""
    known = _open(state, id)
    if known.draft is None:
        raise Refusal(what=f"{known.id} has no rule", next_step=f"`factory incident draft {known.id}`")
    if known.proof is None or known.proof.verdict is not Verdict.PASS:
        raise Refusal(
            what=f"{known.draft.rule} is not proven",
            why=known.proof.summary if known.proof else "it was not held against what is on record",
            next_step=f"`factory incident prove {known.id}`; mend the rule, or what it is shown",
        )
    if missing := unfilled(known):
        raise Refusal(
            what=f"the form of {known.id} is not filled: {', '.join(missing).replace('_', ' ')}",
            why="a rule that cannot say what it cost to learn is forgotten",
            next_step=f"`factory incident fill {known.id}`",
        )
    return known


def born(state: State, charter: Charter) -> tuple[e.Event, ...]:
    """What a charter that comes into force settles: each open incident whose proven rule it holds."""
    there = {rule.id: rule_sha256(rule) for rule in charter.rules}
    before = {rule.id: rule_sha256(rule) for rule in state.charter.rules} if state.charter else {}
    events: list[e.Event] = []
    for known in state.incidents.values():
        proof = known.proof
        if known.closed or proof is None or proof.verdict is not Verdict.PASS or known.written is None:
            continue
        if there.get(proof.rule) == proof.sha256:
            old = before.get(proof.rule, "")
            events += (
                e.RuleAdopted(
                    incident=known.id,
                    rule=proof.rule,
                    sha256=proof.sha256,
                    supersedes=old if old != proof.sha256 else "",
                ),
                e.IncidentClosed(incident=known.id, rule=proof.rule),
            )
    superseded = {event.rule for event in events if isinstance(event, e.RuleAdopted)}
    for id, one in state.born_rules.items():
        if id not in superseded and there.get(id, one.sha256) != one.sha256:
            # Stricter than before, or it would not have come this far.
            events.append(
                e.RuleAdopted(incident=one.incident, rule=id, sha256=there[id], supersedes=one.sha256),
            )
    return tuple(events)


def close_incident(state: State, command: c.CloseIncident) -> tuple[e.Event, ...]:
    known = _open(state, command.incident)
    if not command.reason.strip():
        raise Refusal(
            what=f"{known.id} is closed by a rule, or by the reason why none can exist",
            next_step=f"`factory incident close {known.id} --reason …`",
        )
    return (e.IncidentClosed(incident=known.id, reason=command.reason.strip()),)


def _incident(state: State, id: str) -> Incident:
    known = state.incidents.get(id.strip().upper())
    if known is None:
        raise Refusal(
            what=f"there is no incident {id[:80]}",
            why=f"known: {', '.join(state.incidents) or 'none'}",
            next_step="`factory incident list`",
        )
    return known


def _open(state: State, id: str) -> Incident:
    known = _incident(state, id)
    if known.closed:
        raise Refusal(
            what=f"{known.id} is closed: {known.closed}",
            next_step=f"`factory incident open --repeats {known.id} TEXT` when it happened again",
        )
    return known


def _level(level: int) -> None:
    if level and level not in LEVEL_NAMES:
        known = ", ".join(f"{number} {name}" for number, name in LEVEL_NAMES.items())
        raise Refusal(what=f"the gate has no level {level}", next_step=f"one of {known}, or 0")


def _entries(state: State, seqs: tuple[int, ...]) -> None:
    strange = [seq for seq in seqs if not 1 <= seq <= state.seq]
    if strange:
        raise Refusal(
            what=f"the ledger has no entry {strange[0]}",
            why=f"it has {state.seq}",
            next_step="`factory replay --at N` shows one; the cockpit's timeline lists them",
        )


def _listed(seqs: tuple[int, ...]) -> str:
    shown = ", ".join(f"#{seq}" for seq in seqs[:5])
    return shown + (f" and {len(seqs) - 5} more" if len(seqs) > 5 else "")
