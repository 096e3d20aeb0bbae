"""What the factory itself can answer to the rules' questions, by dotted name.

One function for each phase. Every fact that `facts` gives to the state, the import, level 2, the review or the session
is answered here or not at all; what cannot be answered is left out, and an unanswered fact makes an ask.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from factory_tui.domain.numbers import Ids
from factory_tui.domain.spending import share
from factory_tui.domain.state import Handoff, State, Task, Turn
from factory_tui.domain.terms import Change, Verdict
from factory_tui.domain.times import minutes_between

if TYPE_CHECKING:  # history is folded before the first frame, and needs no commands
    from factory_tui.domain.commands import JudgeSmoke

Facts = dict[str, Any]

_CLAIM_WORDS = re.compile(r"\b(passed|verified|complete|deployed|fixed)\b", re.IGNORECASE)
_LABEL = re.compile(r"^\s*([A-Za-z]{2,20})(?:\([^)]{0,60}\))?!?:")
_NOT_LOGIC = (".md", ".rst", ".txt", ".css", ".scss", ".svg", ".png", ".jpg", ".po", ".html")
DIGEST_SECTIONS = ("done", "not_done", "decisions", "pitfalls")
OF_AN_AUTHOR = ("digest", "messages", "notes")


def action_facts(state: State, turn: Turn, action_sha256: str) -> Facts:
    """At every action."""
    task = state.tasks[turn.task]
    return {
        "run.budget_usd": share(state, turn.role, turn.task).usd,
        "run.spend_usd": turn.known_usd,
        "run.same_failure_repeats": turn.repeats if turn.failing == action_sha256 else 0,
        "control.stop_requested": bool(state.paused),
        "event.after_stop": bool(state.paused),
        "freeze.active": bool(state.paused) or state.frozen is not None,
        "worktree.uncommitted_files": len(task.edited),
        "worktree.oldest_uncommitted_minutes": minutes_between(task.first_edit, state.at) if task.first_edit else 0.0,
        "approvals.granted": [],
    }


def start_facts(state: State, task: Task, handoff: Handoff) -> Facts:
    """When a turn is about to start, its brief sealed."""
    turn_id = Ids(state).turn(handoff.to)
    failures = consecutive_failures(task)
    current = {(kind, name): (sha256, lines) for kind, name, sha256, lines in required_documents(state, task, handoff)}
    loaded = {(part.kind, part.name): part for part in handoff.inputs}
    required = [
        {
            "file": name,
            "loaded_sha": loaded[kind, name].sha256 if (kind, name) in loaded else None,
            "current_sha": sha256,
        }
        for (kind, name), (sha256, _) in current.items()
    ]
    covered = [
        {
            "file": name,
            "lines_covered": loaded[kind, name].lines if (kind, name) in loaded else 0,
            "total_lines": lines,
        }
        for (kind, name), (_, lines) in current.items()
    ]
    acknowledged = state.digest is None or state.acknowledged >= state.digest.session
    brief = handoff.brief
    return {
        "task.consecutive_failures": failures,
        "task.next_action": "retry" if handoff.purpose == "author" and failures else "start",
        "task.next_session": turn_id,
        "task.failed_session": _failed_author(task) if failures else None,
        "context.required": required,
        "reads.required": covered,
        "checklist": [
            {"item": "charter adopted", "status": "done", "evidence": state.law.sha256},
            {
                "item": "last digest acknowledged",
                "status": "done" if acknowledged else "open",
                "evidence": str(state.acknowledged) if acknowledged else "",
            },
            {
                "item": "brief sealed",
                "status": "done" if brief else "open",
                "evidence": brief.sha256 if brief else "",
            },
        ],
        "session.worktree": task.worktree or task.id,
        "session.id": turn_id,
        "sessions.live": [
            {"id": turn.id, "worktree": state.tasks[turn.task].worktree or turn.task}
            for turn in state.turns.values()
            if turn.purpose == "author"
        ],
    }


def wants_brief(state: State, task: Task) -> bool:
    """Whether the offered handoff has no brief yet, or one that tells of documents as they were.

    A new digest makes it old once it was read: until then no turn starts anyway. What the supervisor edited stays.
    """
    handoff = task.handoff
    if task.stage != "offered" or handoff is None or handoff.refused:
        return False
    if handoff.brief is None:
        return True
    if handoff.edited or (state.digest is not None and state.digest.session > state.acknowledged):
        return False
    told = {(part.kind, part.name, part.sha256) for part in handoff.inputs}
    return any((kind, name, sha256) not in told for kind, name, sha256, _ in required_documents(state, task, handoff))


def consecutive_failures(task: Task) -> int:
    """FAIL verdicts since the task last passed, was stated anew, or had its findings dismissed."""
    count = 0
    for review in reversed(task.history):
        if review.verdict is Verdict.PASS:
            break
        count += review.verdict is Verdict.FAIL
    return min(count, max(0, task.attempt - 1))


def _failed_author(task: Task) -> str | None:
    """The turn that wrote what was judged FAIL last."""
    failed = next(review.turn for review in reversed(task.history) if review.verdict is Verdict.FAIL)
    ids = [record.id for record in task.turns]
    before = task.turns[: ids.index(failed)] if failed in ids else task.turns
    return next((record.id for record in reversed(before) if record.purpose == "author"), None)


def required_documents(state: State, task: Task, handoff: Handoff) -> list[tuple[str, str, str, int]]:
    """(kind, name, sha256, lines) of every document that the role's card and the charter want in this brief, whole."""
    law, card = state.law, state.law.role(handoff.to)
    found = []
    if "dna" in card.brief and law.dna:
        found.append(("dna", law.dna.path, law.dna.sha256, lines_of(law.dna.text)))
    if "knowledge" in card.brief:
        found += [
            ("knowledge", document.path, document.sha256, lines_of(document.text))
            for document in law.knowledge_for(handoff.to, task.paths)
        ]
    if "digest" in card.brief and state.digest:
        found.append(("digest", state.digest.path, state.digest.evidence.sha256, 0))
    return found


def commit_facts(state: State, change: Change, message: str, tree: str) -> Facts:
    """When a worktree was imported."""
    return {
        "commit.tree_hash": tree,
        "project.production_db": state.law.stack.get("production_db", "").lower() or None,
        "approvals.granted": [],
        "waiver.signed_by": waived_by(state, tree),
        **change_facts(change, message),
    }


def waived_by(state: State, tree: str) -> str | None:
    """The supervisor, when a grant names exactly this tree."""
    return next(("supervisor" for grant in state.grants.values() if grant.tree == tree), None)


def change_facts(change: Change, message: str) -> Facts:
    label = _LABEL.match(message)
    return {
        "change.label": label.group(1).lower() if label else None,
        "change.lines_changed": sum(len(file.added) + len(file.removed) for file in change.files),
        "change.logic_files": sum(1 for file in change.files if not file.path.lower().endswith(_NOT_LOGIC)),
    }


def smoke_facts(state: State, tree: str, run: JudgeSmoke) -> Facts:
    """When level 2 has passed by its own lights; the rules about commits have the last word. `tree` is what would be
    committed: the candidate's, or its merge onto a base that moved."""
    executed = run.tests_passed > 0
    return {
        "tests.run_id": run.evidence[0].sha256 if run.evidence and executed else None,
        "tests.exit_code": 0 if run.verdict is Verdict.PASS else 1,
        "tests.tree_hash": run.tree,
        "tests.app_booted": executed,
        "tests.total": run.tests_passed + run.tests_failed,
        "baseline.tests_total": run.base_total,
        "commit.tree_hash": tree,
        "project.production_db": state.law.stack.get("production_db", "").lower() or None,
        "approvals.granted": [],
        "waiver.signed_by": waived_by(state, tree),
    }


def review_facts(task: Task, turn: Turn, inputs: tuple[str, ...], verdict: Verdict) -> Facts:
    """When a report was read as a verdict. `inputs` are the kinds of what stood in the reviewer's sealed brief."""
    candidate = task.candidate
    assert candidate is not None
    smoke = candidate.smoke
    run = smoke.evidence[0] if smoke and smoke.evidence else None
    label = _LABEL.match(candidate.message)
    return {
        "review.author_session": candidate.turn,
        "review.reviewer_session": turn.id,
        "review.reviewer_inputs": [
            *inputs,
            *(["author_self_review"] if any(kind in OF_AN_AUTHOR for kind in inputs) else []),
        ],
        "review.verdict": verdict.value,
        "claims": [
            {
                "asserts": word.lower(),
                "run_id": run.sha256 if run else None,
                "run_exit": 0 if smoke and smoke.verdict is Verdict.PASS else 1,
                "output_bytes": run.size if run else 0,
            }
            for word in _CLAIM_WORDS.findall(candidate.note)
        ],
        "change.label": label.group(1).lower() if label else None,
        "change.lines_changed": candidate.added + candidate.removed,
        "change.logic_files": sum(1 for path in candidate.paths if not path.lower().endswith(_NOT_LOGIC)),
    }


def digest_facts(path: str, sections: dict[str, list[str]]) -> Facts:
    """When a digest was written. `sections` as `digest.sections_of` reads them back from its text."""
    return {"digest.path": path or None, **{f"digest.{name}": sections.get(name) for name in DIGEST_SECTIONS}}


def lines_of(text: str) -> int:
    return len(text.splitlines())
