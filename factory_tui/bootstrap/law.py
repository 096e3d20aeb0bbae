"""The law of a repository: the home as committed is in force, the home on disk is a proposal."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from factory_tui.adapters.documents import HomeReading, files_on_disk, read_home
from factory_tui.adapters.home_files import is_home_file
from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.adapters.wrong_documents import wrong_texts
from factory_tui.bootstrap.grounds import Ground, own_library, read_disk
from factory_tui.domain import commands as c
from factory_tui.domain.charter import Charter, changed_documents
from factory_tui.domain.errors import FactoryError, Refusal
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor, Evidence
from factory_tui.engine.factory import Factory
from factory_tui.engine.ports import EvidenceStore


@dataclass(kw_only=True)
class Law:
    """What is in force, and what would be."""

    ground: Ground
    factory: Factory
    worktrees: GitWorktrees
    evidence: EvidenceStore
    proposing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def state(self) -> State:
        return self.factory.state

    async def committed_home(self, commit: str) -> HomeReading | None:
        """The home as a commit holds it; None when the home lies outside of the repository."""
        home = self.ground.home
        if home.prefix is None:
            return None
        files: dict[str, bytes] = {}
        start = f"{home.prefix}/" if home.prefix else ""
        for path in await self.worktrees.list_files(commit, home.prefix):
            name = path.removeprefix(start)
            if is_home_file(name) and (data := await self.worktrees.read_file(commit, path)) is not None:
                files[name] = data
        return await asyncio.to_thread(lambda: read_home(files, own_library(home), prefix=home.prefix))

    async def charter_in_force(self, base: str) -> Charter:
        reading = await self.committed_home(base)
        if reading is None:
            in_force = self.state.charter
            reading = self.ground.reading
            if in_force is not None:
                return in_force
        if reading.charter is None:
            raise Refusal(
                what="the home as committed on the base branch cannot be adopted",
                why=_problems_of(reading),
                next_step="commit a home that passes `factory check`",
            )
        return reading.charter

    async def why_unreadable(self, commit: str) -> str:
        """Why no session could begin on a commit, whose home would be in force then; empty = one could."""
        reading = await self.committed_home(commit)
        return "" if reading is None or reading.charter else _problems_of(reading)

    async def propose_disk(self) -> None:
        """What is on disk and not in force is a proposal, shown at once.

        The home is read on a thread, because the loop draws too. One reading at a time: the next begins when this one
        is proposed, so that what was read last is what stands.
        """
        async with self.proposing:
            reading, kept = await asyncio.to_thread(self._read_to_propose)
            self._propose(reading, kept)

    def _read_to_propose(self) -> tuple[HomeReading, Evidence]:
        reading = read_disk(self.ground.home)
        if reading.charter is None:
            return reading, self.evidence.put(self._wrong(reading), "what is wrong in the home on disk")
        return reading, self.evidence.put(msgspec.json.encode(reading.charter, order="sorted"), "proposed home")

    def _propose(self, reading: HomeReading, kept: Evidence) -> None:
        state = self.state
        charter = reading.charter
        sha256 = charter.sha256 if charter else "0" * 64
        self.factory.submit(
            c.ProposeCharter(
                charter=charter,
                sha256=sha256,
                evidence=kept,
                paths=changed_documents(state.law, charter) if charter else ("the home",),
                problem="; ".join(problem.what for problem in reading.problems[:3]),
            ),
            Actor(kind="factory", name="documents"),
        )

    def _wrong(self, reading: HomeReading) -> bytes:
        """The documents that cannot be adopted, against what is in force."""
        home = self.ground.home
        files: dict[str, bytes] = {}
        with suppress(FactoryError):
            files = files_on_disk(home.home_dir)
        return wrong_texts(files, reading.problems, self.state.charter, home.prefix).encode()


def _problems_of(reading: HomeReading) -> str:
    problems = "\n".join(str(problem) for problem in reading.problems[:5])
    return problems or "it holds no factory.toml; is `.factory/` committed?"
