"""A change on its way: from imported tree over level 2, commit and approval to the landing."""

from __future__ import annotations

import re

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import CommitJob, InspectJob
from factory_tui.domain.errors import Refusal
from factory_tui.domain.facts import nested
from factory_tui.domain.incidents import landings_frozen
from factory_tui.domain.known import commit_facts, smoke_facts
from factory_tui.domain.law import rulebook_of
from factory_tui.domain.numbers import Ids
from factory_tui.domain.passing_on import mission_over, offer, unblocked
from factory_tui.domain.reviewing import must_be_answered
from factory_tui.domain.roles import path_policy
from factory_tui.domain.state import Approval, State, Task, Turn
from factory_tui.domain.terms import Change, Decision, Finding, RuleMatch, Verdict, strictest

_A_TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,6})?Z")


def import_tree(state: State, command: c.ImportTree) -> tuple[e.Event, ...]:
    """Path policy, then the rules about changes. A denial leaves the bytes in the worktree; nothing is committed."""
    turn = state.turn(command.turn)
    task = state.tasks[turn.task]
    if command.action not in turn.open:
        raise Refusal(what=f"action {command.action} of {turn.id} is not open")
    if turn.open[command.action].kind != "commit":
        raise Refusal(what=f"action {command.action} of {turn.id} is no commit")
    if turn.delivered:
        late = f"this turn has delivered its {turn.delivered} already; nothing was committed"
        return (e.ActionEnded(id=command.action, result="error", summary=late),)
    matches = [
        RuleMatch(source="import", decision=Decision.DENY, reason=reason, instead="remove it from the worktree")
        for reason in command.refused
    ]
    if not command.change.files and not matches:
        matches.append(
            RuleMatch(
                source="import",
                decision=Decision.DENY,
                reason="nothing changed against the base",
                instead="change something, or escalate when there is nothing to do",
            )
        )
    card = state.law.role(turn.role)
    matches += path_policy(card, command.change.paths, state.law.protected, state.law.architecture)
    facts = nested({**commit_facts(state, command.change, command.message, command.tree), **command.facts})
    matches += rulebook_of(state.law).judge_change(command.change, turn.role, facts)
    matches += [
        RuleMatch(
            source="lock file",
            decision=Decision.ASK,
            reason="the lock file changed: dependencies are prepared again from it only with your approval",
            where=path,
        )
        for path in command.lock_files
    ]
    answered = tuple(match for match in matches if match.decision is not Decision.ALLOW)
    if strictest(Decision.ALLOW, *(match.decision for match in answered)) is Decision.DENY:
        denied = tuple(match for match in answered if match.decision is Decision.DENY)
        summary = "; ".join(_told(match) for match in denied[:20])
        return (
            e.TreeRefused(task=task.id, turn=turn.id, action=command.action, matches=denied),
            e.ActionEnded(id=command.action, result="error", summary=summary),
        )
    return (
        *_overtaken(turn, task),
        e.TreeImported(
            task=task.id,
            turn=turn.id,
            action=command.action,
            tree=command.tree,
            base=command.base,
            paths=command.change.paths,
            added=sum(len(file.added) for file in command.change.files),
            removed=sum(len(file.removed) for file in command.change.files),
            diff=command.diff,
            message=command.message,
            author=turn.role,
            newly_ignored=command.newly_ignored,
            asks=answered,
        ),
    )


def _overtaken(turn: Turn, task: Task) -> tuple[e.Event, ...]:
    """An earlier commit that still waits for level 2 ends when a later one takes its place."""
    candidate = task.candidate
    if candidate is None or candidate.action not in turn.open:
        return ()
    return (e.ActionEnded(id=candidate.action, result="error", summary="a later commit of this turn took its place"),)


def _told(match: RuleMatch) -> str:
    spot = f"{match.where}: " if match.where else ""
    tail = f" (instead: {match.instead})" if match.instead else ""
    return f"{spot}{match.reason} [{match.source}]{tail}"


def judge_smoke(state: State, command: c.JudgeSmoke) -> tuple[e.Event, ...]:
    """Level 2 for exactly one tree. The rules about commits are asked with what the run found; they can only add."""
    task = state.tasks.get(command.task)
    if task is None:
        return ()
    is_merge = bool(task.merged) and command.tree == task.merged and command.base == task.onto
    candidate = task.candidate
    if candidate is None or (is_merge and task.merged_smoke is not None):
        return ()
    inspected = (command.tree, command.base)
    if not is_merge and (inspected != (candidate.tree, candidate.base) or candidate.smoke is not None):
        return ()
    findings, verdict, summary = command.findings, command.verdict, command.summary
    if verdict is Verdict.PASS and command.tests_passed == 0:
        verdict, summary = Verdict.NOT_RUN, f"{summary}; no test passed, so nothing was inspected"
    if verdict is Verdict.PASS:
        facts = nested({**smoke_facts(state, command.tree if is_merge else candidate.tree, command), **command.facts})
        matches = rulebook_of(state.law).judge_phase("before_commit", candidate.author, facts)
        denied = [match for match in matches if match.decision is Decision.DENY]
        findings = (
            *findings,
            *(
                Finding(severity="note", title=match.reason, detail=match.instead, by=match.source, must_answer=True)
                for match in matches
                if match.decision is Decision.ASK
            ),
        )
        if denied:
            verdict = Verdict.FAIL
            summary = f"{summary}; {denied[0].source}: {denied[0].reason}"
            findings = (
                *findings,
                *(Finding(title=m.reason, detail=m.instead, by=m.source, path=m.where) for m in denied),
            )
    judged = e.LevelJudged(
        task=task.id,
        level=2,
        verdict=verdict,
        summary=summary,
        tree=command.tree,
        base=command.base,
        findings=findings,
        evidence=command.evidence,
        charter=state.law.sha256,
        tests_passed=command.tests_passed,
        tests_lost=command.tests_lost,
    )
    events: list[e.Event] = [judged]
    if is_merge and task.approval:
        events += _after_merged_smoke(state, task, judged)
    elif verdict is not Verdict.PASS and _is_open(state, candidate.action):
        told = "\n".join([summary, *(f"- {_line(finding)}" for finding in findings[:30])])
        events.append(e.ActionEnded(id=candidate.action, result="error", summary=told[:4_000]))
    return tuple(events)


def _line(finding: Finding) -> str:
    spot = f" ({finding.path}:{finding.line})" if finding.path else ""
    return f"{finding.title}{spot}: {finding.detail}"[:600]


def _after_merged_smoke(state: State, task: Task, judged: e.LevelJudged) -> list[e.Event]:
    assert task.approval
    answered = {(finding.title, finding.path) for finding in must_be_answered(task)}
    new = [f for f in judged.findings if f.must_answer and (f.title, f.path) not in answered]
    if judged.verdict is Verdict.PASS and not new:
        return [e.LandingCleared(task=task.id, approval=task.approval.id, tree=task.merged, onto=task.onto)]
    reason = f"merged onto the moved base, level 2 says {judged.verdict.value}: {judged.summary}"
    if new:
        reason = f"merged onto the moved base, level 2 finds what nobody answered for: {new[0].title}"
    if judged.verdict in (Verdict.BROKEN, Verdict.NOT_RUN):
        return [e.ApprovalStale(task=task.id, approval=task.approval.id, reason=reason, redo="approve")]
    return [
        e.ApprovalStale(task=task.id, approval=task.approval.id, reason=reason, redo="author"),
        offer(Ids(state), task, to=task.role, purpose="author", sent_by="factory", reason=f"redo it: {reason}"),
    ]


def after_crash(state: State, job: str) -> tuple[e.Event, ...]:
    """The commit that waits for a level 2, or for a commit, which crashed for the last time ends."""
    for task in state.tasks.values():
        candidate = task.candidate
        if candidate is None or not _is_open(state, candidate.action):
            continue
        waited_for = (InspectJob(task.id, candidate.tree, candidate.base), CommitJob(task.id, candidate.tree))
        if job in map(str, waited_for):
            told = "level 2 crashed three times; an incident tells the supervisor. Commit again, or escalate"
            return (e.ActionEnded(id=candidate.action, result="error", summary=told),)
    return ()


def _is_open(state: State, action: str) -> bool:
    return any(action in turn.open for turn in state.turns.values())


def record_commit(state: State, command: c.RecordCommit) -> tuple[e.Event, ...]:
    task = state.task(command.task)
    candidate = task.candidate
    if task.over or candidate is None or candidate.tree != command.tree or candidate.commit:
        return ()
    if candidate.smoke is None or candidate.smoke.verdict is not Verdict.PASS:
        raise Refusal(
            what=f"tree {command.tree[:10]} of {task.id} has not passed level 2", next_step="inspect it first"
        )
    events: list[e.Event] = [e.Committed(task=task.id, commit=command.commit, tree=command.tree, base=candidate.base)]
    if _is_open(state, candidate.action):
        told = f"committed {command.commit[:10]}; level 2: {candidate.smoke.summary}"
        events.append(e.ActionEnded(id=candidate.action, result="ok", exit_code=0, summary=told))
    return tuple(events)


# --- approval and landing ------------------------------------------------------------------------


def approve_change(state: State, task: Task, sha256: str, expires: str) -> tuple[e.Event, ...]:
    """The one way to an approval: an explicit verb on exactly the object that was shown."""
    candidate = task.candidate
    assert candidate is not None
    review = candidate.review
    if review is None or review.commit != candidate.commit:
        raise Refusal(what=f"{task.id} has no verdict of level 3 on commit {candidate.commit[:10]}")
    if review.verdict is not Verdict.PASS and not (not review.independent and task.waived == candidate.commit):
        raise Refusal(
            what=f"level 3 says {review.verdict.value}, not pass",
            why=review.summary,
            next_step="`waive` names the missing independence on record"
            if not review.independent
            else "send it back with `reject`",
        )
    if candidate.smoke is None or candidate.smoke.verdict is not Verdict.PASS:
        raise Refusal(what=f"{task.id} has not passed level 2")
    if expires and not _A_TIME.fullmatch(expires):
        raise Refusal(
            what=f"`{expires[:40]}` is no time",
            next_step="give it in UTC as the ledger writes it: 2030-01-31T18:00:00Z",
        )
    return (
        e.ChangeApproved(
            approval=Ids(state).next("C"),
            task=task.id,
            commit=candidate.commit,
            tree=candidate.tree,
            base=candidate.base,
            charter=state.law.sha256,
            sha256=sha256,
            expires=expires,
        ),
    )


def check_landing(state: State, command: c.CheckLanding) -> tuple[e.Event, ...]:
    """Whether the approval still fits the world: base, charter and clock may all have moved since."""
    task = state.tasks.get(command.task)
    if task is None or task.stage != "approved" or task.approval is None or task.candidate is None:
        return ()
    approval, candidate = task.approval, task.candidate

    def stale(reason: str, redo: str) -> e.ApprovalStale:
        kind = "author" if redo == "author" else "approve"
        return e.ApprovalStale(task=task.id, approval=approval.id, reason=reason, redo=kind)  # type: ignore[arg-type]

    if approval.commit != candidate.commit or approval.tree != candidate.tree:
        return (stale("the change is another one than was approved", "approve"),)
    if _has_expired(state, approval):
        return (stale(f"the approval expired at {approval.expires}", "approve"),)
    if approval.charter != state.law.sha256 and (why := _unlawful(state, task, command.change)):
        return (stale(f"the charter moved since the approval: {why}", "approve"),)
    if command.onto == candidate.base:
        return (e.LandingCleared(task=task.id, approval=approval.id, tree=candidate.tree, onto=command.onto),)
    if command.conflicts:
        reason = f"the base moved to {command.onto[:10]} and conflicts in {', '.join(command.conflicts[:5])}"
        return (
            stale(reason, "author"),
            offer(Ids(state), task, to=task.role, purpose="author", sent_by="factory", reason=f"redo it: {reason}"),
        )
    if command.overlaps:
        reason = f"the base moved to {command.onto[:10]} and touched the same files: {', '.join(command.overlaps[:5])}"
        return (
            stale(reason, "author"),
            offer(Ids(state), task, to=task.role, purpose="author", sent_by="factory", reason=f"redo it: {reason}"),
        )
    if not command.merged:
        return (stale(f"the base moved to {command.onto[:10]}, and no merge with it was made", "approve"),)
    if why := _unlawful(state, task, command.change):
        return (stale(f"the rules in force now forbid it: {why}", "approve"),)
    return (e.TreeMerged(task=task.id, tree=command.merged, onto=command.onto),)


def _has_expired(state: State, approval: Approval) -> bool:
    return bool(approval.expires) and state.now > approval.expires


def _unlawful(state: State, task: Task, change: Change | None) -> str:
    """Why the rules, roles and paths in force now would not let the approved change through; no change shown = why."""
    candidate = task.candidate
    assert candidate is not None
    if change is None:
        return "the change could not be judged again"
    card = state.law.role(candidate.author)
    matches = [
        *path_policy(card, change.paths, state.law.protected, state.law.architecture),
        *rulebook_of(state.law).judge_change(
            change, candidate.author, nested(commit_facts(state, change, candidate.message, candidate.tree))
        ),
    ]
    known = {(match.source, match.where) for match in candidate.asks}
    for match in matches:
        if match.decision is Decision.DENY or (
            match.decision is Decision.ASK and (match.source, match.where) not in known
        ):
            return _told(match)
    return ""


def record_statements(state: State, command: c.RecordStatements) -> tuple[e.Event, ...]:
    """What was signed about a change that is cleared; each statement once, the landing's own last."""
    task = state.task(command.task)
    if task.stage != "cleared" or not command.statements or command.statements[-1].kind != "landing":
        raise Refusal(what=f"{task.id} has no landing to attest", why=f"its stage is {task.stage}")
    known = {one.of for one in task.attested}
    if again := [one.of for one in command.statements if one.of in known]:
        raise Refusal(what=f"{again[0]} of {task.id} is signed already")
    return (e.StatementsSigned(task=task.id, commit=command.commit, statements=command.statements),)


def intend_landing(state: State, command: c.IntendLanding) -> tuple[e.Event, ...]:
    """The intent is on record before the first byte moves; one landing at a time."""
    task = state.task(command.task)
    approval, candidate = task.approval, task.candidate
    if task.stage != "cleared" or approval is None or candidate is None:
        raise Refusal(what=f"{task.id} is not cleared for landing", why=f"its stage is {task.stage}")
    if _has_expired(state, approval):
        reason = f"the approval expired at {approval.expires}"
        return (e.ApprovalStale(task=task.id, approval=approval.id, reason=reason, redo="approve"),)
    if command.ref != (target := state.missions[task.mission].target):
        raise Refusal(what=f"{command.ref} is another branch than was approved", why=f"{task.id} lands on {target}")
    if not task.merged and command.new != candidate.commit:
        raise Refusal(what=f"{command.new[:10]} is another commit than was approved", why=candidate.commit[:10])
    if why := landings_frozen(state):
        raise Refusal(what="landings are frozen", why=why, next_step="`factory unfreeze` when the bleeding has stopped")
    if command.old not in ("", task.onto):
        raise Refusal(what=f"{command.ref} was checked at {task.onto[:10]}, not at {command.old[:10]}")
    if busy := [other.id for other in state.tasks.values() if other.stage == "landing"]:
        raise Refusal(what=f"{busy[0]} is landing", why="landings are serial")
    return (
        e.LandingIntended(
            task=task.id,
            ref=command.ref,
            old=command.old,
            new=command.new,
            checkout=command.checkout,
            paths=command.paths,
            assurance=command.assurance,
        ),
    )


def settle_landing(state: State, command: c.SettleLanding) -> tuple[e.Event, ...]:
    task = state.tasks.get(command.task)
    if task is None:
        return ()
    if task.stage not in ("cleared", "landing") or (command.landed and task.intent is None):
        raise Refusal(what=f"{task.id} has no landing on record", why=f"its stage is {task.stage}")
    if not command.landed:
        return (e.LandingRefused(task=task.id, reason=command.reason),)
    intent, candidate = task.intent, task.candidate
    assert intent
    assert candidate
    ids = Ids(state)
    landed = e.Landed(
        task=task.id,
        ref=intent.ref,
        old=intent.old,
        new=intent.new,
        tree=task.merged or candidate.tree,
        assurance=intent.assurance,
    )
    return (landed, *unblocked(state, ids, task.id), *mission_over(state, task.mission, task.id))
