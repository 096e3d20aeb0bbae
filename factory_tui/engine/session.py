"""One stretch of work: from the session's start to its digest, on every way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from factory_tui.domain import commands as c
from factory_tui.domain import digest as digests
from factory_tui.domain.agenda import Job, TurnJob
from factory_tui.domain.asking import stands_still
from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import fold
from factory_tui.domain.facts import nested
from factory_tui.domain.known import digest_facts
from factory_tui.domain.law import rulebook_of
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor, Decision
from factory_tui.engine.factory import Factory
from factory_tui.engine.ports import EvidenceStore

BY = Actor(kind="factory", name="session")


class DigestShelf(Protocol):
    """Where digests are kept for people to read."""

    def write(self, session: int, text: str) -> str:
        """Atomically; returns the path relative to the home. The same session twice keeps both."""


class Session:
    """Starts and ends the sessions of one factory."""

    def __init__(self, *, factory: Factory, evidence: EvidenceStore, shelf: DigestShelf, entries: list[Entry]) -> None:
        """`entries` is the ledger's whole history up to now; entries published later are added here."""
        self._factory = factory
        self._evidence = evidence
        self._shelf = shelf
        self._entries = list(entries)
        factory.subscribe(lambda entry, state: self._entries.append(entry))

    @property
    def entries(self) -> Sequence[Entry]:
        """The ledger's whole history up to now."""
        return self._entries

    async def start(self, command: c.StartSession, by: Actor) -> None:
        """Writes the digests that crashed sessions owe before anything else happens."""
        await self._factory.carried_out(command, by)
        while lost := self._factory.state.recovered_session:
            own = digests.session_of(self._entries, lost)
            before = [entry for entry in self._entries if entry.seq <= own[-1].seq] if own else []
            text = digests.write(own, fold(before), lost, reason="it did not end; written at the next start")
            await self._keep(lost, text)

    async def end(self, reason: str, by: Actor, words: str = "") -> str:
        """Interrupts what runs, writes the digest, ends the session. Returns the digest's path."""
        await self._factory.stop()
        state = self._factory.state
        if not state.session_open:
            return state.digest.path if state.digest else ""
        own = digests.session_of(self._entries, state.session)
        text = digests.write(own, state, state.session, reason=reason, words=words)
        path = await self._keep(state.session, text)
        await self._factory.carried_out(c.EndSession(reason=reason), by)
        return path

    def preview(self, reason: str, words: str = "") -> str:
        """The digest as it would be written now."""
        state = self._factory.state
        own = digests.session_of(self._entries, state.session)
        return digests.write(own, state, state.session, reason=reason, words=words)

    async def _keep(self, session: int, text: str) -> str:
        state = self._factory.state
        evidence = self._evidence.put(text.encode(), f"digest of session {session}")
        path = self._shelf.write(session, text)
        facts = nested(digest_facts(path, digests.sections_of(text)))
        broken = [
            match
            for match in rulebook_of(state.law).judge_phase("session_end", "all", facts)
            if match.decision is Decision.DENY
        ]
        problem = "; ".join(f"{match.source}: {match.reason}" for match in broken)
        await self._factory.carried_out(
            c.RecordDigest(session=session, path=path, evidence=evidence, problem=problem), BY
        )
        return path


def waits_for_somebody(job: Job, state: State) -> bool:
    """Whether a running job can go on only when a person acts: an open ask, a human seat, a pause."""
    if not isinstance(job, TurnJob):
        return False
    if state.paused:
        return True
    turn = next((turn for turn in state.turns.values() if turn.handoff == job.handoff), None)
    if turn is None:
        return False
    return turn.control == "human" or stands_still(state, turn)
