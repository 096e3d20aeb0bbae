"""A rule that is proven and waits to be adopted, in a real repository whose home trusts the keys of this machine.

The ledger is a list, and may end where a process would be killed: `again` is the next process, on what was recorded.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from heart import MAIN, SUPERVISOR, Heart, small_task
from real_git import git, write
from signing import Evidence, trusting_repository
from test_incidents import RULE, run, with_rules

from factory_tui.adapters.evidence import EvidenceFiles
from factory_tui.adapters.home_commits import HomeFiles
from factory_tui.adapters.rule_files import read_rule
from factory_tui.adapters.rule_shelf import RuleFiles
from factory_tui.adapters.verify import Answer
from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import rules_to_commit
from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import fold
from factory_tui.domain.state import Incident
from factory_tui.domain.terms import Actor
from factory_tui.engine.attesting import Attesting
from factory_tui.engine.exhibits import proposed_charter
from factory_tui.engine.factory import Factory
from factory_tui.engine.incidents import IncidentDesk, IncidentWish
from factory_tui.engine.rule_commits import RuleCommits

PATH, RECORD = ".factory/rules/P101-ports.md", ".factory/memory/incidents/I-1.md"


class Killed(BaseException):
    """The process ends here; nothing of it is tidied up."""


@dataclass
class MortalLedger:
    """`before` and `after`: kinds of events whose recording is the last thing that does not happen, or does."""

    entries: list[Entry]
    before: type | None = None
    after: type | None = None

    def append(self, events: Sequence[object], by: Actor, at: str) -> tuple[Entry, ...]:
        if self.before and any(isinstance(event, self.before) for event in events):
            raise Killed
        new = tuple(
            Entry(seq=number, at=at, by=by, event=event)  # type: ignore[arg-type]
            for number, event in enumerate(events, len(self.entries) + 1)
        )
        self.entries += new
        if self.after and any(isinstance(event, self.after) for event in events):
            raise Killed
        return new

    async def durable(self, seq: int) -> None: ...


class StillClock:
    def now(self) -> str:
        return "2026-11-22T10:00:00.000Z"

    def monotonic(self) -> float:
        return 0.0


class Bench:
    """One process of a factory, as far as incidents need it."""

    def __init__(
        self,
        repository: Evidence,
        entries: list[Entry],
        *,
        before: type | None = None,
        after: type | None = None,
        step: str = "",
        outside: str = "",
        unreadable: str = "",
    ) -> None:
        """`step`: of a landing, after which the process ends. `outside`: where the home lies, when not in the
        repository."""
        self.repository, self.root = repository, repository.root
        self.home = Path(outside) if outside else self.root / ".factory"
        place = self.root.parent / "place"
        (place / "evidence").mkdir(parents=True, exist_ok=True)
        self.store = EvidenceFiles(str(place / "evidence"))
        self.ledger = MortalLedger(entries, before, after)
        self.factory = Factory(state=fold(entries), ledger=self.ledger, clock=StillClock())
        self.attesting = Attesting(
            factory=self.factory,
            attestor=repository.attestor,
            evidence=self.store,
            head=lambda: "0" * 64,
            now=StillClock().now,
            repository="0" * 32,
            as_root=False,
        )

        def die(name: str) -> None:
            if name == step:
                raise Killed

        async def why_unreadable(commit: str) -> str:
            return unreadable

        self.commits = RuleCommits(
            factory=self.factory,
            worktrees=GitWorktrees(str(self.root), str(place / "worktrees"), step=die),
            evidence=self.store,
            attesting=self.attesting,
            home=None if outside else HomeFiles(str(self.root), ".factory", str(place / "home-commits")),
            moving=asyncio.Lock(),
            why_unreadable=why_unreadable,
        )
        prefix = None if outside else ".factory"
        self.desk = IncidentDesk(
            factory=self.factory,
            evidence=self.store,
            shelf=RuleFiles(str(self.home), prefix, self._roles),
            entries=lambda: self.ledger.entries,
            propose=self.propose,
            commits=self.commits,
        )

    def again(self, **more: str) -> Bench:
        """The next process: it knows what was recorded and what lies on the disk."""
        gc.collect()  # a killed process holds no lock of git's
        return type(self)(self.repository, list(self.ledger.entries), **more)  # type: ignore[arg-type]

    def _roles(self) -> list[str]:
        return [card.id for card in self.factory.state.law.roles]

    async def propose(self) -> None:
        """The rules in the home, and what is in force besides."""
        files = sorted((self.home / "rules").glob("P*.md"))
        found = [read_rule(f"rules/{file.name}", file.read_text(), self._roles()) for file in files]
        law = with_rules(self.factory.state.law, *found)
        kept = self.store.put(msgspec.json.encode(law), "the home on disk")
        paths = tuple(f"rules/{one.id}" for one in found)
        proposed = c.ProposeCharter(charter=law, sha256=law.sha256, evidence=kept, paths=paths)
        self.factory.submit(proposed, Actor(kind="factory", name="documents"))

    def adopt_proposed(self) -> None:
        """Another way than the incident's own: what is proposed, as `factory adopt` does it."""
        state = self.factory.state
        proposal = next(one for one in state.proposals.values() if one.charter)
        law = proposed_charter(state, proposal.id, self.store)
        self.factory.submit(c.AdoptCharter(proposal=proposal.id, charter=law), SUPERVISOR)

    async def do(self, verb: str, **more: str) -> dict[str, object]:
        wish = IncidentWish(verb=verb, id="I-1", **more)  # type: ignore[arg-type]
        return await self.desk.carry_out(wish, SUPERVISOR)

    async def to_the_end(self) -> None:
        """What is owed, and the supervisor's word where that was lost."""
        if not self.known.closed:
            await self.do("adopt")
        await self.commits.commit_owed()
        assert rules_to_commit(self.factory.state) == []

    @property
    def known(self) -> Incident:
        return self.factory.state.incidents["I-1"]

    @property
    def settled(self) -> list[e.RuleCommitted]:
        return [entry.event for entry in self.ledger.entries if isinstance(entry.event, e.RuleCommitted)]

    # --- the repository ---

    def git(self, *words: str) -> str:
        return git(self.root, *words)

    @property
    def subjects(self) -> list[str]:
        return self.git("log", "--format=%s", "main").split("\n")

    @property
    def status(self) -> list[str]:
        return [line.strip() for line in self.git("status", "--porcelain").split("\n") if line]

    def verified(self, name: str = "main") -> Answer:
        return self.repository.answer(name)


async def learned(tmp_path: Path, **more: str) -> Bench:
    """Proven, its form filled, in a checkout with work of the user's own: staged, changed and untracked."""
    repository = trusting_repository(tmp_path)
    git(repository.root, "config", "user.name", "Ann")
    git(repository.root, "config", "user.email", "ann@example.invalid")
    heart = Heart()
    heart.start_session(base=git(repository.root, "rev-parse", "HEAD"))
    assert heart.state.base_ref == MAIN
    small_task()(heart)
    heart.begin()
    for command in ("make test", "make lint"):
        run(heart, command)
    seq = run(heart, "make serve --port 80")
    heart.do(c.OpenIncident(title="It took port 80", evidence=(seq,), freeze=False), SUPERVISOR)
    filled = c.FillIncident(incident="I-1", when="noon", cost="an hour", root_cause="nobody said which port")
    heart.do(filled, SUPERVISOR)
    bench = Bench(repository, heart.entries, **more)  # type: ignore[arg-type]
    await bench.do("draft", path="rules/P101-ports.md", text=RULE)
    await bench.do("prove")
    write(bench.root, {"src/a.py": "a = 'mine'\n", "src/c.py": "c = 1\n", "notes.txt": "mine\n"})
    git(bench.root, "add", "src/c.py")
    return bench


MINE = ["M src/a.py", "A  src/c.py", "?? notes.txt"]
"""What `learned` left of the user's own, as git's status tells it."""
