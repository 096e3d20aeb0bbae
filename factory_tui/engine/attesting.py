"""Evidence of a landing: signed before the branch moves, kept beside the commit, and verified as a stranger would.

What cannot be verified does not land. Where nothing can be signed the session said so at its start, and lands without.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

from factory_tui.domain import attesting as words
from factory_tui.domain import commands as c
from factory_tui.domain.agenda import AttestDeploymentJob
from factory_tui.domain.errors import WorldError
from factory_tui.domain.state import Deployment, State, Task, TurnRecord
from factory_tui.domain.terms import Actor, Attested, CommitId, Sha256, TreeId
from factory_tui.engine.factory import Factory
from factory_tui.engine.ports import Attestor, EvidenceStore

BY = Actor(kind="factory", name="attesting")


class Attesting:
    """Makes and checks the evidence of one factory's landings."""

    def __init__(
        self,
        *,
        factory: Factory,
        attestor: Attestor,
        evidence: EvidenceStore,
        head: Callable[[], Sha256],
        now: Callable[[], str],
        repository: str,
        as_root: bool,
    ) -> None:
        """`head` is the ledger's, `repository` its random id, `as_root` whether this process runs as root."""
        self._factory, self._attestor, self._evidence = factory, attestor, evidence
        self._head, self._now, self._repository, self._as_root = head, now, repository, as_root

    async def attest(self, task_id: str, commit: CommitId) -> tuple[str, str]:
        """Everything about a change that is cleared to land as `commit`.

        Returns why it must not, empty = it may; and the level that the verifier found, empty = nothing is signed here.
        """
        state = self._factory.state
        if not state.assurance:
            return "", ""
        try:
            task = state.tasks[task_id]
            if not _is_attested(task, commit):
                await self._sign_all(state, task, commit)
            task = self._factory.state.tasks[task_id]
            for about in dict.fromkeys(one.commit for one in task.attested):
                lines = [self._evidence.get(one.envelope.sha256) for one in task.attested if one.commit == about]
                await self._attestor.keep(about, lines)
            why, level = await self._attestor.verified(commit)
        except WorldError as error:
            return f"its evidence could not be made: {error}", ""
        return (f"its evidence does not hold: {'; '.join(why)}", "") if why else ("", level)

    async def _sign_all(self, state: State, task: Task, commit: CommitId) -> None:
        candidate = task.candidate
        assert candidate is not None
        assert task.approval is not None
        await self._factory.durable()
        own = await self._frame(state, task.id, task.onto if task.merged else candidate.base)
        reviewed = await self._frame(state, task.id, candidate.base)
        signed: list[Attested] = []
        known = {one.of for one in task.attested}

        async def sign(make: Callable[[words.Frame], words.Draft], about: words.Frame) -> None:
            last = signed[-1].envelope.sha256 if signed else state.last_statement
            seq = state.counters.get("statement", 0) + len(signed) + 1
            draft = make(words.framed(about, seq=seq, previous=last))
            if draft.of in known:
                return
            signed.append(await self._signed(draft, task.id))

        smoke = task.merged_smoke if task.merged else candidate.smoke
        if smoke is not None:
            await sign(partial(words.smoke, commit, smoke), own)
        for number, judged in enumerate(task.history, 1):
            author, reviewer = _turn(task, candidate.turn), _turn(task, judged.turn)
            if judged.commit == candidate.commit and author and reviewer:
                await sign(partial(words.review, number, judged, author, reviewer, candidate), reviewed)
        approval = task.approval
        await sign(partial(words.approval, approval, task, candidate), reviewed)
        relied_on = {
            one.envelope.sha256
            for one in (*task.attested, *signed)
            if one.kind != "landing" and one.commit in (commit, candidate.commit)
        }
        for about in {commit, candidate.commit}:
            relied_on |= await self._relied_on(about)
        tree = smoke.tree if smoke else ""
        listed, level = tuple(relied_on), self._attestor.level
        await sign(partial(words.landing, commit, tree, task, candidate, listed, level), own)
        await self._factory.carried_out(c.RecordStatements(task=task.id, commit=commit, statements=tuple(signed)), BY)

    async def attest_deployment(self, job: AttestDeploymentJob) -> None:
        """A settled deployment and its approval, signed once and added to what is kept for its commit."""
        try:
            if self._factory.state.deployments[job.deployment].statement is None:
                await self._sign_deployment(self._factory.state.deployments[job.deployment])
            one = self._factory.state.deployments[job.deployment]
            signed = [statement for statement in (one.approved_as, one.statement) if statement is not None]
            lines = [self._evidence.get(statement.envelope.sha256) for statement in signed]
            await self._attestor.keep(one.plan.commit, lines)
        except WorldError as error:
            self._factory.submit(c.RecordDeploymentKept(deployment=job.deployment, problem=str(error)), BY)
            return
        self._factory.submit(c.RecordDeploymentKept(deployment=job.deployment), BY)

    async def _sign_deployment(self, one: Deployment) -> None:
        await self._factory.durable()
        state = self._factory.state
        task = state.task(one.task)
        base = task.onto if task.merged else task.candidate.base if task.candidate else one.base
        frame = await self._frame(state, task.id, base)
        seq, last, approval = state.counters.get("statement", 0), state.last_statement, None
        if one.approval is not None and one.approved_as is None:
            seq += 1
            approval = await self._signed(words.release(one, words.framed(frame, seq=seq, previous=last)), one.id)
            last = approval.envelope.sha256
        framed = words.framed(frame, seq=seq + 1, previous=last)
        statement = await self._signed(words.deployment(one, framed), one.id)
        record = c.RecordDeploymentStatement(deployment=one.id, statement=statement, approval=approval)
        await self._factory.carried_out(record, BY)

    async def why_closed(self, commit: CommitId) -> tuple[str, ...]:
        """What a third party who verifies the commit would object to; nothing = it is open."""
        return await self._attestor.why_closed(commit)

    async def vouch(
        self, commit: CommitId, base: CommitId, tree: TreeId, paths: tuple[str, ...], by: str, reason: str
    ) -> tuple[Attested | None, str]:
        """The supervisor's word for a commit that changes the home and nothing else, as `by` gave it.

        Returns what was signed now, and why a verifier does not open the commit; empty = it does.
        """
        if problem := await self._attestor.problem(base):
            return None, problem
        try:
            if not await self._attestor.why_closed(commit):
                return None, ""  # signed before a crash
            await self._factory.durable()
            state = self._factory.state
            frame = words.framed(
                await self._frame(state, "", base),
                seq=state.counters.get("statement", 0) + 1,
                previous=state.last_statement,
            )
            draft = words.by_hand(commit, tree, paths, by, reason, frame)
            signed = await self._signed(draft, f"{commit[:12]} of the home")
            await self._attestor.keep(commit, [self._evidence.get(signed.envelope.sha256)])
            return signed, "; ".join(await self._attestor.why_closed(commit))
        except WorldError as error:
            return None, error.in_a_line

    async def _signed(self, draft: words.Draft, about: str) -> Attested:
        line = await self._attestor.sign(draft)
        kept = self._evidence.put(line, f"{draft.kind} statement of {about}")
        return Attested(kind=draft.kind, of=draft.of, commit=draft.commit, signer=draft.signer, envelope=kept)

    async def _relied_on(self, commit: CommitId) -> set[Sha256]:
        """What is kept for the commit already, landings apart: an answer that became stale stays, and is listed."""
        there = await self._attestor.lines(commit)
        ours = {
            one.envelope.sha256
            for task in self._factory.state.tasks.values()
            for one in task.attested
            if one.kind == "landing"
        }
        return {sha256 for line in there if (sha256 := hashlib.sha256(line).hexdigest()) not in ours}

    async def _frame(self, state: State, task: str, base: CommitId) -> words.Frame:
        return words.Frame(
            seq=0,
            previous="",
            ledger_seq=state.seq,
            ledger_head=self._head(),
            base=base,
            policy=await self._attestor.policy(base),
            charter=state.law.sha256,
            wall=state.wall,
            degraded=state.degraded,
            root=self._as_root,
            repository=self._repository,
            task=task,
            at=self._now(),
        )


def _is_attested(task: Task, commit: CommitId) -> bool:
    given = task.approval.id if task.approval else ""
    return any(one.of == f"landing:{commit}:{given}" for one in task.attested)


def _turn(task: Task, id: str) -> TurnRecord | None:
    return next((turn for turn in reversed(task.turns) if turn.id == id), None)
