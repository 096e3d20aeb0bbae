"""What exactly somebody answers to: one canonical text for each object, and its sha256."""

from __future__ import annotations

import hashlib

import msgspec

from factory_tui.domain.events import PlanProposed
from factory_tui.domain.state import Ask, Deployment, Handoff, Proposal, Question, State, Task
from factory_tui.domain.terms import Action, Sha256


def sha256_of(*parts: object) -> Sha256:
    """Of the canonical JSON (sorted keys, no spaces) of the parts."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def action_sha256(action: Action) -> Sha256:
    return sha256_of("action", action)


def handoff_sha256(state: State, task: Task, handoff: Handoff) -> Sha256:
    return sha256_of("handoff", task.id, handoff.id, handoff.to, handoff.brief, handoff.refused, state.law.sha256)


def plan_sha256(plan: PlanProposed) -> Sha256:
    return sha256_of("plan", plan)


def ask_sha256(ask: Ask) -> Sha256:
    return sha256_of("ask", ask.id, ask.turn, ask.sha256, ask.ruling)


def question_sha256(question: Question) -> Sha256:
    return sha256_of("question", question.id, question.task, question.text)


def proposal_sha256(proposal: Proposal) -> Sha256:
    return sha256_of("proposal", proposal.id, proposal.path, proposal.evidence.sha256, proposal.charter)


def digest_sha256(session: int, sha256: Sha256) -> Sha256:
    return sha256_of("digest", session, sha256)


def stuck_sha256(task: Task) -> Sha256:
    return sha256_of("stuck", task.id, task.why, task.attempt, len(task.turns))


def change_sha256(state: State, task: Task) -> Sha256:
    """Binds an approval to commit, tree and base, to the diff, the verdicts and findings, to what rules ask about it,
    to the brief of its reviewer, to where it lands, and to the charter in force."""
    candidate = task.candidate
    assert candidate is not None
    target = state.missions[task.mission].target
    return sha256_of(
        "change",
        task.id,
        candidate.commit,
        candidate.tree,
        candidate.base,
        candidate.diff.sha256,
        candidate.smoke,
        candidate.review,
        candidate.asks,
        candidate.newly_ignored,
        task.findings,
        task.waived,
        task.handoff.brief if task.handoff else None,
        target,
        state.law.sha256,
        # Nothing more where nothing came in: what was sealed before packages could is sealed the same.
        *((task.packages,) if task.packages else ()),
    )


def deployment_sha256(state: State, deployment: Deployment) -> Sha256:
    """Binds an answer to commit, environment and plan, to what rules ask, to where it stands and to the charter."""
    return sha256_of(
        "deployment",
        deployment.id,
        deployment.plan,
        deployment.sha256,
        deployment.asks,
        deployment.stage,
        deployment.tries,
        deployment.base,
        state.law.sha256,
    )
