"""Level 3: a verdict is computed from findings, never stated."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import events as e
from factory_tui.domain.facts import nested
from factory_tui.domain.known import review_facts
from factory_tui.domain.law import rulebook_of
from factory_tui.domain.plurals import count
from factory_tui.domain.state import State, Task, Turn
from factory_tui.domain.terms import Action, Decision, Finding, RuleMatch, Ruling, Verdict


def must_be_answered(task: Task) -> tuple[Finding, ...]:
    """Findings of level 2 that the reviewer answers one by one: lost tests, tests of the base that are red now."""
    smoke = task.candidate.smoke if task.candidate else None
    return tuple(finding for finding in smoke.findings if finding.must_answer) if smoke else ()


def judge(findings: tuple[Finding, ...]) -> Verdict:
    return Verdict.FAIL if any(finding.severity == "blocks" for finding in findings) else Verdict.PASS


def judge_report(state: State, turn: Turn, task: Task, action: Action) -> e.LevelJudged | Ruling:
    """The verdict of a review, or what is missing for one. An empty review is never a pass."""
    candidate = task.candidate
    assert candidate is not None
    problems = [
        f"finding {number} has no title"
        for number, finding in enumerate(action.findings, 1)
        if not finding.title.strip()
    ]
    if not any(line.strip() for line in action.checked):
        problems.append("`checked` names nothing that was inspected: a review that inspected nothing has not run")
    owed = {finding.id: finding for finding in must_be_answered(task)}
    given = {answer.finding: answer for answer in action.answers if answer.reason.strip()}
    if unanswered := [id for id in owed if id not in given]:
        problems.append("these findings of level 2 have no answer with a reason: " + ", ".join(unanswered))
    if problems:
        match = RuleMatch(
            source="level 3",
            decision=Decision.DENY,
            reason="; ".join(problems),
            instead="report again with every part filled in",
        )
        return Ruling(decision=Decision.DENY, matches=(match,))
    findings = [replace(finding, id="", by=turn.id, must_answer=False) for finding in action.findings]
    findings += [
        Finding(
            severity="blocks",
            title=owed[id].title,
            detail=f"{owed[id].detail}\nThe reviewer does not accept it: {given[id].reason}",
            path=owed[id].path,
            line=owed[id].line,
            by=turn.id,
        )
        for id in owed
        if not given[id].accepted
    ]
    inputs = tuple(part.kind for part in task.handoff.inputs) if task.handoff else ()
    facts = nested(review_facts(task, turn, inputs, judge(tuple(findings))))
    matches = rulebook_of(state.law).judge_phase("review", turn.role, facts)
    findings += [
        Finding(title=f"{match.source}: {match.reason}", detail=match.instead, by=match.source)
        for match in matches
        if match.decision is Decision.DENY
    ]
    verdict = judge(tuple(findings))
    independent = is_independent(task, turn)
    blocking = sum(finding.severity == "blocks" for finding in findings)
    summary = (
        f"{count(len(action.checked), 'thing')} checked, {count(blocking, 'blocking finding')}, "
        f"{count(len(findings) - blocking, 'note')}"
    )
    if not independent:
        who = f"author and reviewer are one person ({turn.person})"
        summary = f"not independent: {who}; {summary}"
        verdict = Verdict.FAIL if verdict is Verdict.FAIL else Verdict.NOT_RUN
    return e.LevelJudged(
        task=task.id,
        level=3,
        verdict=verdict,
        summary=summary,
        tree=candidate.tree,
        commit=candidate.commit,
        base=candidate.base,
        findings=tuple(findings),
        answers=action.answers,
        evidence=tuple(message.evidence for message in turn.messages),
        charter=state.law.sha256,
        turn=turn.id,
        independent=independent,
    )


def is_independent(task: Task, turn: Turn) -> bool:
    """False when the reviewer is a person who also authored what is judged."""
    authors = {record.person for record in task.turns if record.purpose == "author" and record.person}
    return not (turn.person and turn.person in authors)
