"""One change, landed and deployed, and all that is said about it; each fact behind it can be made wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec import structs
from real_git import commit, git
from signing import Evidence, work

from factory_tui.domain import attesting as words
from factory_tui.domain.events import DeploymentChecked, LevelJudged
from factory_tui.domain.releasing import FLOOR
from factory_tui.domain.state import Approval, Candidate, Deployment, Task, TurnRecord
from factory_tui.domain.terms import CheckRow, DeployPlan, Finding, Verdict
from factory_tui.domain.terms import Evidence as Kept

DIFF = Kept(sha256="d" * 64, size=1, label="diff")


def turn(id: str, role: str, brief: str) -> TurnRecord:
    return TurnRecord(
        id=id,
        role=role,
        seat="rehearsal",
        person="",
        purpose="author" if role == "builder" else "review",
        attempt=1,
        outcome="ok",
        usd=0.0,
        tokens=0,
        brief=brief,
    )


AUTHOR, REVIEWER = turn("builder/b1", "builder", "b" * 64), turn("quality/q1", "quality", "e" * 64)


class Change:
    """One landed change and the facts behind its evidence; each fact can be made wrong."""

    def __init__(self, evidence: Evidence, commit: str = "") -> None:
        self.evidence = evidence
        self.commit = commit or work(evidence, {"src/a.py": "a = 2\n"})
        self.base = git(evidence.root, "rev-parse", f"{self.commit}^1")
        self.tree = git(evidence.root, "rev-parse", f"{self.commit}^{{tree}}")
        self.smoke = LevelJudged(
            task="T-1",
            level=2,
            verdict=Verdict.PASS,
            summary="3 passed",
            tree=self.tree,
            base=self.base,
            tests_passed=3,
        )
        self.review = LevelJudged(
            task="T-1",
            level=3,
            verdict=Verdict.PASS,
            summary="2 things checked",
            tree=self.tree,
            commit=self.commit,
            base=self.base,
            turn=REVIEWER.id,
        )
        self.author, self.reviewer = AUTHOR, REVIEWER
        self.approval = Approval(
            id="C-1",
            commit=self.commit,
            tree=self.tree,
            base=self.base,
            charter="c" * 64,
            sha256="a" * 64,
            expires="2026-11-23T00:00:00.000Z",
            by="supervisor:me@tty",
        )

    @property
    def candidate(self) -> Candidate:
        return Candidate(
            tree=self.tree,
            base=self.base,
            turn=self.author.id,
            author=self.author.role,
            paths=("src/a.py",),
            added=1,
            removed=1,
            diff=DIFF,
            message="work",
            smoke=self.smoke,
            commit=self.commit,
            review=self.review,
        )

    def task(self, **more: Any) -> Task:
        return Task(
            id="T-1",
            mission="M-1",
            role="builder",
            delivers="change",
            title="work",
            goal="work",
            criteria=(),
            paths=(),
            after=(),
            asks=(),
            opened_seq=1,
            candidate=self.candidate,
            approval=self.approval,
            **more,
        )

    def frame(self, **more: Any) -> words.Frame:
        return self.evidence.frame(self.base, **more)

    def drafts(self) -> list[words.Draft]:
        """Smoke, review and approval."""
        task = self.task()
        return [
            words.smoke(self.commit, self.smoke, self.frame()),
            words.review(1, self.review, self.author, self.reviewer, self.candidate, self.frame()),
            words.approval(self.approval, task, self.candidate, self.frame()),
        ]

    def landing_draft(self, lines: list[bytes], **more: Any) -> words.Draft:
        listed = tuple(hashlib.sha256(line).hexdigest() for line in lines)
        return words.landing(self.commit, self.tree, self.task(), self.candidate, listed, "G0", self.frame(**more))

    def landing(self, lines: list[bytes], **more: Any) -> bytes:
        return self.evidence.sign(self.landing_draft(lines, **more))

    def deployment(self, id: str = "DP-1", **more: Any) -> Deployment:
        """Verified: each check passed."""
        plan = DeployPlan(
            environment="production", commit=self.commit, previous=self.base, deploy=(), rollback=(), status=()
        )
        checked = DeploymentChecked(
            deployment=id,
            commit=self.commit,
            verdict=Verdict.PASS,
            summary="33 passed",
            passed=33,
            failed=0,
            not_applicable=0,
            gaps=0,
            rows=tuple(CheckRow(id=one, verdict="pass") for one in FLOOR),
            figures={},
        )
        given = structs.replace(self.approval, id="C-9")
        plain = Deployment(
            id=id,
            task="T-1",
            tree=self.tree,
            plan=plan,
            sha256="9" * 64,
            base=self.base,
            charter="c" * 64,
            by="devops/d1",
            role="devops",
            person="",
            turn="devops/d1",
            stage="verified",
            since="2026-11-22T11:00:00.000Z",
            began="2026-11-22T11:00:00.000Z",
            running=self.commit,
            approval=given,
            checks=(checked,),
        )
        return structs.replace(plain, **more)

    def released(self, one: Deployment | None = None) -> list[words.Draft]:
        """The approval of a deployment, and how it ended."""
        one = one or self.deployment()
        return [words.release(one, self.frame()), words.deployment(one, self.frame())]

    def deploy(self, drafts: list[words.Draft] | None = None) -> None:
        """Signs and keeps what is said of a deployment, beside a landing that is in order."""
        self.attest()
        self.evidence.keep(self.commit, *(self.evidence.sign(draft) for draft in drafts or self.released()))

    def sealed(self, drafts: list[words.Draft] | None = None, **landing: Any) -> list[bytes]:
        """Signs everything and a landing that lists it; keeps it."""
        lines = [self.evidence.sign(draft) for draft in drafts or self.drafts()]
        lines.append(self.evidence.sign(edited(self.landing_draft(lines), **landing)))
        self.evidence.keep(self.commit, *lines)
        return lines

    def attest(self, drafts: list[words.Draft] | None = None, signers: dict[str, str] | None = None) -> list[bytes]:
        """Signs and keeps everything; returns the lines."""
        lines = [self.evidence.sign(d, (signers or {}).get(d.kind, "")) for d in drafts or self.drafts()]
        lines.append(self.landing(lines))
        self.evidence.keep(self.commit, *lines)
        return lines


def edited(draft: words.Draft, **predicate: Any) -> words.Draft:
    statement = json.loads(json.dumps(draft.statement))
    ours = predicate.pop("factory", {})
    statement["predicate"] |= predicate
    statement["predicate"]["factory"] |= ours
    return replace(draft, statement=statement)


def judged_again(change: Change, verdict: Verdict, number: int = 2) -> words.Draft:
    """One more review of the same change, by another turn."""
    bad = (Finding(title="it leaks"),) if verdict is Verdict.FAIL else ()
    judged = structs.replace(change.review, verdict=verdict, findings=bad, turn=f"quality/q{number}")
    reviewer = structs.replace(REVIEWER, id=f"quality/q{number}", brief="f" * 64)
    return words.review(number, judged, AUTHOR, reviewer, change.candidate, change.frame())


def merged(evidence: Evidence, moved: dict[str, str | bytes], tree: str = "") -> tuple[Change, str]:
    """A reviewed change, a base that moved, and the merge of both."""
    change = Change(evidence)
    git(evidence.root, "checkout", "-q", "-b", "moved", change.base)
    onto = commit(evidence.root, moved, "the base moves")
    made = tree or git(evidence.root, "merge-tree", "--write-tree", onto, change.commit).split()[0]
    return change, git(evidence.root, "commit-tree", made, "-p", onto, "-p", change.commit, "-m", "merge")


def attest_merge(
    evidence: Evidence,
    change: Change,
    merge: str,
    *,
    reviewed_by: Evidence | None = None,
    protected: Sequence[str] = (),
) -> None:
    """Smoke and landing of the merge; review and approval of the change, by others if need be."""
    onto = git(evidence.root, "rev-parse", f"{merge}^1")
    tree = git(evidence.root, "rev-parse", f"{merge}^{{tree}}")
    smoke = LevelJudged(
        task="T-1", level=2, verdict=Verdict.PASS, summary="3 passed", tree=tree, base=onto, tests_passed=3
    )
    first = evidence.sign(words.smoke(merge, smoke, evidence.frame(onto)))
    review, approval = change.drafts()[1:]
    by = reviewed_by or evidence
    others = [by.sign(review), by.sign(edited(approval, protected=list(protected)))]
    task = change.task(merged=tree, onto=onto, merged_smoke=smoke)
    listed = tuple(hashlib.sha256(line).hexdigest() for line in [first, *others])
    draft = words.landing(merge, tree, task, change.candidate, listed, "G0", evidence.frame(onto))
    evidence.keep(merge, first, evidence.sign(draft))
    evidence.keep(change.commit, *others)


def by_hand(evidence: Evidence, made: str, paths: tuple[str, ...]) -> None:
    base = git(evidence.root, "rev-parse", f"{made}^1")
    tree = git(evidence.root, "rev-parse", f"{made}^{{tree}}")
    draft = words.by_hand(made, tree, paths, "supervisor:me@tty", "a new rule", evidence.frame(base))
    evidence.keep(made, evidence.sign(draft))
