"""What is told of incidents: as data, for programs and screens, and as the document that the home keeps."""

from __future__ import annotations

from typing import Any

import msgspec

from factory_tui.domain.errors import FactoryError
from factory_tui.domain.incidents import commit_words, next_step
from factory_tui.domain.plurals import count
from factory_tui.domain.rule_proof import read_proof
from factory_tui.domain.state import Incident, State
from factory_tui.domain.terms import LEVEL_NAMES, Evidence
from factory_tui.engine.ports import EvidenceStore


def frozen_of(state: State) -> dict[str, Any] | None:
    stop = state.frozen
    return {"reason": stop.reason, "by": stop.by, "since": stop.since, "landings": stop.landings} if stop else None


def incident_row(known: Incident) -> dict[str, Any]:
    return {
        "id": known.id,
        "title": known.title,
        "since": known.since,
        "cause": known.cause,
        "task": known.task,
        "closed": known.closed,
        "repeats": known.repeats,
        "broken": known.broken,
        "next": "" if known.closed else next_step(known),
    }


def incident_data(state: State, known: Incident, evidence: EvidenceStore) -> dict[str, Any]:
    """Everything about one, with every result of its proof."""
    proof = known.proof
    kept = read_proof(_text(evidence, proof.evidence)) if proof and proof.evidence else None
    rows = kept.rows if kept else ()
    return incident_row(known) | {
        "what": known.what,
        "when": known.when,
        "cost": known.cost,
        "root_cause": known.root_cause,
        "level": known.level,
        "evidence": list(known.evidence),
        "rule": known.rule,
        "files": [known.written.path, known.written.record] if known.written else [],
        "commit": _commit_of(known),
        "draft": {"rule": known.draft.rule, "path": known.draft.path, "sha256": known.draft.draft.sha256}
        if known.draft
        else None,
        "draft_text": _text(evidence, known.draft.draft) if known.draft else "",
        "proof": {
            "verdict": proof.verdict.value,
            "summary": proof.summary,
            "benign": proof.benign,
            "borne": proof.borne,
            "rows": [msgspec.to_builtins(row) for row in rows],
        }
        if proof
        else None,
    }


def record_text(state: State, known: Incident) -> str:
    """The incident as a document of the home, for people to read."""
    assert known.draft
    assert known.proof
    level = f"{known.level} ({LEVEL_NAMES[known.level]})" if known.level else "nobody said"
    lines = [
        f"# {known.id} {known.title}",
        "",
        f"- opened: {known.since}, by {known.cause or 'unknown'}",
        f"- when: {known.when}",
        f"- cost: {known.cost}",
        f"- gate level that should have caught it: {level}",
        f"- entries of the ledger: {', '.join(f'#{seq}' for seq in known.evidence)}",
        f"- rule: {known.draft.rule}, {known.draft.path}",
        f"- proof: {known.proof.summary}",
    ]
    lines += [f"- happened again {count(known.repeats, 'time')}"] if known.repeats else []
    return "\n".join([*lines, "", "## What happened", known.what, "", "## Root cause", known.root_cause, ""])


def _commit_of(known: Incident) -> dict[str, str] | None:
    """What came of committing its rule; None = no rule was adopted for it, or nobody has tried yet."""
    told = commit_words(known)
    if not told:
        return None
    done = known.committed if known.committed and not known.committing else None
    by_hand = done is not None and done.by_hand
    return {
        "sha": done.commit if done else "",
        "ref": done.ref if done else "",
        "why": done.why if done else "",
        "by": "hand" if by_hand else "factory" if done and done.commit else "",
        "unvouched": done.unvouched if done else "",
        "told": told,
    }


def _text(evidence: EvidenceStore, which: Evidence) -> str:
    try:
        return evidence.get(which.sha256).decode("utf-8", "replace")
    except FactoryError as error:
        return f"[{error}]"
