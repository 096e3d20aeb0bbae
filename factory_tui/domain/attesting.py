"""Attestations: what was judged and answered about a change, as statements that outlive this machine.

The words only: an in-toto statement for each smoke result, review and approval, and one for the landing that lists
them. Who signs and where they are kept is an adapter's; what is believed of them is `verify.py`'s, which a third party
runs without the rest of the factory. Every number here was recorded before; nothing is judged again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from factory_tui.domain.assurance import LEVELS as LEVELS
from factory_tui.domain.events import LevelJudged
from factory_tui.domain.state import Approval, Candidate, Deployment, Task, TurnRecord
from factory_tui.domain.terms import CommitId, Sha256, TreeId, Verdict

STATEMENT = "https://in-toto.io/Statement/v1"
KINDS = {
    "smoke": "https://in-toto.io/attestation/test-result/v0.1",
    "review": "https://factory-os.invalid/attestation/review/v0.1",
    "approval": "https://factory-os.invalid/attestation/approval/v0.1",
    "deployment": "https://factory-os.invalid/attestation/deployment/v0.1",
    "landing": "https://in-toto.io/attestation/svr/v0.1",
}
"""Kind to predicate type; the namespace of its signature is `factory.<kind>`."""

FACTORY, SUPERVISOR = "factory", "supervisor"
"""Signers beside the roles: the program itself, and the person above it."""

CI = "ci"
"""Whoever runs the checks again, under a key of its own."""

RESULTS = {Verdict.PASS: "PASSED", Verdict.FAIL: "FAILED", Verdict.BROKEN: "BROKEN", Verdict.NOT_RUN: "NOT_RUN"}


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What every statement says beside its own."""

    seq: int
    """Statements of this factory so far, and this one: gapless."""
    previous: Sha256
    """Of the statement before it."""
    ledger_seq: int
    ledger_head: Sha256
    base: CommitId
    policy: Sha256
    """Of the home's deciding files at `base`, as `verify.py` computes it."""
    charter: Sha256
    wall: str
    root: bool
    """The factory ran as root."""
    repository: str
    """Its random id."""
    task: str
    at: str
    """UTC, ISO 8601: when this was signed."""
    degraded: str = ""
    """Who accepted that seats run commands without a wall; empty = nobody had to."""


def framed(frame: Frame, *, seq: int, previous: Sha256) -> Frame:
    """The frame of the next statement in the chain."""
    return replace(frame, seq=seq, previous=previous)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A statement to sign."""

    kind: str
    of: str
    commit: CommitId
    signer: str
    statement: dict[str, Any]


def _draft(
    kind: str, of: str, commit: CommitId, tree: TreeId, signer: str, frame: Frame, own: dict[str, Any], **more: Any
) -> Draft:
    ours = {
        "signer": f"{signer}@factory.invalid",
        "seq": frame.seq,
        "previous": frame.previous,
        "ledger": {"seq": frame.ledger_seq, "head": frame.ledger_head},
        "base": frame.base,
        "policy": frame.policy,
        "charter": frame.charter,
        "wall": frame.wall,
        "degraded": frame.degraded,
        "root": frame.root,
        "repository": frame.repository,
        "task": frame.task,
        "at": frame.at,
        **more,
    }
    statement = {
        "_type": STATEMENT,
        "subject": [
            {"name": "commit", "digest": {"gitCommit": commit}},
            {"name": "tree", "digest": {"gitTree": tree}},
        ],
        "predicateType": KINDS[kind],
        "predicate": {**own, "factory": ours},
    }
    return Draft(kind=kind, of=of, commit=commit, signer=signer, statement=statement)


def smoke(commit: CommitId, judged: LevelJudged, frame: Frame) -> Draft:
    """Level 2 on exactly the tree of the commit. `judged` is what was recorded, whatever it says."""
    own = {
        "result": RESULTS[judged.verdict],
        "configuration": [{"name": one.label, "digest": {"sha256": one.sha256}} for one in judged.evidence],
    }
    more = {"tests_passed": judged.tests_passed, "tests_lost": list(judged.tests_lost), "runner": "factory"}
    return _draft("smoke", f"smoke:{commit}", commit, judged.tree, FACTORY, frame, own, **more)


def witnessed(commit: CommitId, judged: LevelJudged, frame: Frame) -> Draft:
    """Level 2 run again elsewhere, said under a key that no machine of the factory's holds."""
    draft = smoke(commit, judged, frame)
    ours = {**draft.statement["predicate"]["factory"], "signer": f"{CI}@factory.invalid", "runner": "ci"}
    statement = {**draft.statement, "predicate": {**draft.statement["predicate"], "factory": ours}}
    return replace(draft, of=f"witness:{commit}", signer=CI, statement=statement)


def review(
    number: int, judged: LevelJudged, author: TurnRecord, reviewer: TurnRecord, candidate: Candidate, frame: Frame
) -> Draft:
    """The `number`-th verdict of level 3 on the task, oldest first."""
    own = {
        "verdict": RESULTS[judged.verdict],
        "checked": [judged.summary] if judged.summary else [],
        "findings": [
            {"id": one.id, "severity": one.severity, "title": one.title, "path": one.path, "line": one.line}
            for one in judged.findings
        ],
        "answers": [{"finding": one.finding, "accepted": one.accepted, "reason": one.reason} for one in judged.answers],
        "reports": [one.sha256 for one in judged.evidence],
    }
    more = {
        "turn": reviewer.id,
        "brief": reviewer.brief,
        "seat": reviewer.seat,
        "person": reviewer.person,
        "author": candidate.author,
        "author_turn": author.id,
        "author_brief": author.brief,
        "author_seat": author.seat,
        "author_person": author.person,
        "independent": judged.independent,
    }
    of, commit = f"review:{number}", candidate.commit
    return _draft("review", of, commit, candidate.tree, reviewer.role, frame, own, **more)


def approval(given: Approval, task: Task, candidate: Candidate, frame: Frame) -> Draft:
    """The supervisor's answer to exactly this change."""
    own: dict[str, Any] = {
        "what": "change",
        "decision": "APPROVED",
        "id": given.id,
        "request": given.sha256,
        "expires": given.expires,
        "by": given.by,
        "protected": [],
        "waived": task.waived == candidate.commit,
    }
    of = f"approval:{given.id}"
    return _draft("approval", of, candidate.commit, candidate.tree, SUPERVISOR, frame, own)


def release(one: Deployment, frame: Frame) -> Draft:
    """The supervisor's answer to exactly this plan of a deployment. Only for one that was approved."""
    given = one.approval
    assert given is not None
    own: dict[str, Any] = {
        "what": "deployment",
        "decision": "APPROVED",
        "id": given.id,
        "request": given.sha256,
        "plan": one.sha256,
        "environment": one.plan.environment,
        "expires": given.expires,
        "by": given.by,
        "waived": one.waived,
    }
    of, more = f"approval:{given.id}", {"deployment": one.id}
    return _draft("approval", of, one.plan.commit, one.tree, SUPERVISOR, frame, own, **more)


def by_hand(commit: CommitId, tree: TreeId, paths: tuple[str, ...], by: str, reason: str, frame: Frame) -> Draft:
    """The supervisor's word for a commit of their own that changes the home and nothing else."""
    own: dict[str, Any] = {
        "what": "home",
        "decision": "APPROVED",
        "id": f"by-hand:{commit[:12]}",
        "expires": "",
        "by": by,
        "protected": list(paths),
        "reason": reason,
        "waived": False,
    }
    return _draft("approval", f"by hand:{commit}", commit, tree, SUPERVISOR, frame, own)


def landing(
    commit: CommitId,
    tree: TreeId,
    task: Task,
    candidate: Candidate,
    statements: tuple[Sha256, ...],
    level: str,
    frame: Frame,
) -> Draft:
    """What let the change through, in one statement: every other one about it, by its sha256.

    Claims only what the state holds: a level without a verdict is not among the properties.
    """
    own_id = f"{commit}:{task.approval.id if task.approval else ''}"
    passed = task.merged_smoke if task.merged else candidate.smoke
    given = task.approval
    properties = []
    if passed is not None and passed.verdict is Verdict.PASS and passed.tests_passed:
        properties.append("FACTORY_TESTS_PASSED")
    if candidate.review is not None and candidate.review.commit == candidate.commit:
        properties.append("FACTORY_QUALITY_JUDGED")
    if given is not None and given.commit == candidate.commit:
        properties.append("FACTORY_APPROVED")
    own = {
        "verifier": {"id": f"{FACTORY}@factory.invalid"},
        "timeCreated": frame.at,
        "properties": properties,
    }
    more = {
        "reviewed": candidate.commit,
        "approval": given.id if given else "",
        "statements": sorted(statements),
        "level": level,
        "claim": LEVELS[level],
    }
    return _draft("landing", f"landing:{own_id}", commit, tree, FACTORY, frame, own, **more)


def deployment(one: Deployment, frame: Frame) -> Draft:
    """How a deployment ended: what ran, who let it, what level 4 said of it, and whether it was taken back."""
    last = one.checks[-1] if one.checks else None
    first = one.checks[0] if one.checks else None
    given = one.approval
    own: dict[str, Any] = {
        "result": RESULTS[first.verdict] if first else "NOT_RUN",
        "outcome": one.stage,
        "environment": one.plan.environment,
        "previous": one.plan.previous,
        "running": one.running,
        "plan": one.sha256,
        "began": one.began,
        "elsewhere": one.elsewhere,
        "checks": [
            {"id": row.id, "verdict": row.verdict, "reason": row.reason} for row in (first.rows if first else ())
        ],
        "counts": {
            "passed": first.passed if first else 0,
            "failed": first.failed if first else 0,
            "not_applicable": first.not_applicable if first else 0,
            "gaps": first.gaps if first else 0,
        },
        "evidence": [check.evidence.sha256 for check in one.checks if check.evidence],
    }
    more = {
        "deployment": one.id,
        "approval": given.id if given else "",
        "approved_by": given.by if given else "",
        "request": given.sha256 if given else "",
        "waived": one.waived,
        "proposed_by": one.by,
        "role": one.role,
        "person": one.person,
        "old_release": RESULTS[last.verdict] if last and last is not first else "",
    }
    of = f"deployment:{one.id}:{one.stage}:{one.tries}:{len(one.checks)}"
    return _draft("deployment", of, one.plan.commit, one.tree, FACTORY, frame, own, **more)
