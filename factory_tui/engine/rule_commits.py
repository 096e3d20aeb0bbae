"""Committing what an adoption wrote: the rule and its incident, exactly these two, on the supervisor's word.

The rule is in force before this begins, and stays so whatever comes of it. Intent and outcome are separate entries, so
that a crash in the middle is found, and the same commit completed; what cannot be committed is said with its reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from factory_tui.domain import commands as c
from factory_tui.domain.agenda import CommitRuleJob, rules_to_commit
from factory_tui.domain.errors import Refusal, WorldError
from factory_tui.domain.events import RuleCommitIntended
from factory_tui.domain.incidents import is_commit_owed, why_no_commit
from factory_tui.domain.state import Incident
from factory_tui.domain.terms import Actor, Attested, CommitId
from factory_tui.domain.wording import one_line
from factory_tui.engine.attesting import Attesting
from factory_tui.engine.factory import Factory
from factory_tui.engine.ports import EvidenceStore, LandingPlan, Worktrees

BY = Actor(kind="factory", name="committing")
OUTSIDE = "the home lies outside of the repository, so there is nothing to commit here"


class HomeRepository(Protocol):
    """The repository as far as it holds the home. Paths are relative to the home."""

    async def held(self, files: Mapping[str, bytes]) -> CommitId:
        """The commit that brought the last of these, where HEAD holds all of them as they are; empty = it does not."""

    async def committed(self, path: str) -> bytes | None:
        """What HEAD holds there; None = no file."""

    async def make(self, ref: str, files: Mapping[str, bytes], message: str) -> tuple[CommitId, CommitId]:
        """What the ref holds, and a commit on it with these files and no other change, in the user's name.

        No branch holds it yet. Raises WorldError with the reason why none can be made.
        """


class RuleCommits:
    """Commits what adoptions wrote into the home of one factory."""

    def __init__(
        self,
        *,
        factory: Factory,
        worktrees: Worktrees,
        evidence: EvidenceStore,
        attesting: Attesting,
        home: HomeRepository | None,
        moving: asyncio.Lock,
        why_unreadable: Callable[[CommitId], Awaitable[str]],
    ) -> None:
        """`home` is None for one outside of the repository. `moving` is held by whoever moves a branch.

        `why_unreadable` says why the home as a commit holds it could not begin a session; empty = it could.
        """
        self._factory, self._worktrees, self._evidence, self._attesting = factory, worktrees, evidence, attesting
        self._home, self._moving, self._why_unreadable = home, moving, why_unreadable

    async def run(self, job: CommitRuleJob) -> None:
        """What the agenda owes."""
        await self.commit(job.incident)

    async def commit_owed(self) -> None:
        """All of them, for a house that starts no jobs. What fails is owed still, and nobody's answer waits for it."""
        for job in rules_to_commit(self._factory.state):
            try:
                await self.commit(job.incident)
            except WorldError:
                continue

    async def commit(self, id: str, *, again: bool = False) -> None:
        """Commits both and says on record what came of it; a commit that was begun is completed.

        `again`: although it was tried before. Raises WorldError when what was begun can be neither completed nor given
        up now: then it is owed still.
        """
        async with self._moving:
            known = self._factory.state.incidents[id]
            if known.committing is None:
                if why_no_commit(known) or not (again or is_commit_owed(known)):
                    return
                try:
                    await self._begin(known)
                except WorldError as error:
                    await self._settle(id, why=error.in_a_line)
                known = self._factory.state.incidents[id]
            if known.committing is not None:
                await self._finish(known, known.committing)

    async def look_again(self) -> None:
        """What could not be committed here may have been committed by hand since."""
        if self._home is None:
            return
        for known in tuple(self._factory.state.incidents.values()):
            if known.committed is None or why_no_commit(known):
                continue
            with contextlib.suppress(WorldError):
                if held := await self._home.held(self._files(known)):
                    await self._settle_held(known, held)

    async def may_write_over(self, path: str, text: str) -> bool:
        """Whether what lies in the home there is kept elsewhere: committed, or as evidence. Else it is the user's only
        copy."""
        if self._home is None or await self._home.committed(path) == text.encode():
            return True
        try:
            return self._evidence.get(hashlib.sha256(text.encode()).hexdigest()) == text.encode()
        except WorldError:
            return False

    # --- one commit ------------------------------------------------------------------------------

    async def _begin(self, known: Incident) -> None:
        """Up to the intent on record. Raises WorldError with the reason why there is none."""
        if self._home is None:
            await self._settle(known.id, why=OUTSIDE)
            return
        files = self._files(known)
        if held := await self._home.held(files):
            await self._settle_held(known, held)
            return
        ref = self._factory.state.base_ref
        old, new = await self._home.make(ref, files, message_of(known))
        if why := await self._why_unreadable(new):
            raise WorldError(what="without the other changes of the home, nobody could begin a session on it", why=why)
        plan = await self._worktrees.plan_landing(ref, new, old)
        if plan.blocked:
            raise WorldError(what=plan.blocked)
        intent = c.IntendRuleCommit(incident=known.id, ref=ref, old=plan.old, new=new, checkout=plan.checkout)
        await self._factory.carried_out(intent, BY)

    async def _finish(self, known: Incident, intent: RuleCommitIntended) -> None:
        plan = LandingPlan(ref=intent.ref, old=intent.old, new=intent.new, checkout=intent.checkout)
        try:
            if await self._worktrees.landed(plan) is not True:
                await self._worktrees.land(plan)
        except WorldError as error:
            if await self._worktrees.landed(plan) is not False:
                raise
            await self._settle(known.id, why=error.in_a_line)
            return
        reason = f"adopts {intent.rule}, born from {known.id}"
        tree = await self._worktrees.tree_of(intent.new)
        paths = (await self._worktrees.change(intent.old, intent.new)).paths
        statement, why = await self._attesting.vouch(intent.new, intent.old, tree, paths, known.adopted_by, reason)
        await self._settle(known.id, commit=intent.new, ref=intent.ref, statement=statement, unvouched=why)

    def _files(self, known: Incident) -> dict[str, bytes]:
        """Exactly what was adopted, by paths in the home. Raises WorldError when the evidence is gone."""
        assert known.draft
        assert known.written
        assert known.written.kept
        rule, record = known.draft.draft, known.written.kept
        get = self._evidence.get
        return {known.written.path: get(rule.sha256), known.written.record: get(record.sha256)}

    async def _settle_held(self, known: Incident, commit: CommitId) -> None:
        why = "; ".join(await self._attesting.why_closed(commit))
        await self._settle(known.id, commit=commit, ref=self._factory.state.base_ref, by_hand=True, unvouched=why)

    async def _settle(
        self,
        id: str,
        *,
        commit: CommitId = "",
        ref: str = "",
        why: str = "",
        by_hand: bool = False,
        statement: Attested | None = None,
        unvouched: str = "",
    ) -> None:
        settled = c.SettleRuleCommit(
            incident=id, commit=commit, ref=ref, why=why, by_hand=by_hand, statement=statement, unvouched=unvouched
        )
        await self._factory.carried_out(settled, BY)


def message_of(known: Incident) -> str:
    """What the commit says, from what is on record."""
    assert known.proof
    title = one_line(known.title)
    return (
        f"Adopt {known.rule}, born from {known.id}\n\n{title}\n\n"
        f"Proof: {one_line(known.proof.summary)}\n\nFactory-Incident: {known.id}\n"
    )


def must_be_committable(known: Incident) -> None:
    """Raises Refusal with what there is instead of something to commit."""
    if why := why_no_commit(known):
        raise Refusal(what=f"nothing of {known.id} is to be committed", why=why, next_step="`factory incident list`")
