"""The factory with one guard taken out: what the controls of the negative tests are played with.

A threat that is beaten proves little until the same attempt is seen to succeed where nothing holds it. Every part here
satisfies the same port as the real one and believes what the real one does not; it is put in its place by a
constructor, never by changing code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from crew import Crew, Mind, MindSeat, answer, settled, small_task
from real_git import git

from factory_tui.adapters.demo.product import make_product
from factory_tui.bootstrap.grounds import find_ground, look
from factory_tui.bootstrap.house import House, open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain import charter as charters
from factory_tui.domain.charter import Charter
from factory_tui.domain.events import Event
from factory_tui.domain.evolve import evolve
from factory_tui.domain.item import Waiting
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor, CommitId, TreeId, Verdict
from factory_tui.domain.waiting import waiting
from factory_tui.engine.gatekeeper import Gatekeeper
from factory_tui.engine.ports import Boundary, Equipment, InspectionResult, LandingPlan, Limits

E = TypeVar("E")
FORGER = Actor(kind="factory", name="gatekeeper")
"""Whoever writes into the ledger without asking `decide`."""


class BelievesTheExitCode:
    """`Checks` as they are usually had: the candidate's own command, run in the candidate's own tree, ended with 0."""

    def __init__(self, house: House) -> None:
        self._worktrees, self._sandbox, self._evidence = house.worktrees, house.sandbox, house.evidence

    async def inspect(
        self, tree: TreeId, base: CommitId, progress: Callable[[str], None] = lambda line: None
    ) -> InspectionResult:
        directory = await self._worktrees.export(tree, f"believed-{tree[:12]}")
        try:
            settings = Path(directory, ".factory/factory.toml").read_text()
            command = re.search(r'^command = "(.*)"$', settings, re.MULTILINE)[1]  # type: ignore[index]
            boundary = Boundary(cwd=directory, writable=(directory,))
            run = await self._sandbox.run(("sh", "-c", command), boundary, Limits(seconds=60))
        finally:
            await self._worktrees.discard_export(directory)
        return InspectionResult(
            verdict=Verdict.PASS if run.exit_code == 0 else Verdict.FAIL,
            findings=(),
            evidence=(self._evidence.put(run.output, "smoke: output"),),
            passed=1,
            failed=0,
            skipped=0,
            lost=(),
            tripwire="not tried",
            base_tests="not tried",
            seconds=run.seconds,
            summary=f"exit code {run.exit_code}",
        )

    async def equip(self, directory: str, base: CommitId) -> Equipment:
        return Equipment()

    def giving(self, fetched: object) -> Any:
        return self


class LandsWhatLiesThere:
    """`Worktrees` that land the files of the author's directory as they are at that moment, as a copy script would."""

    def __init__(self, house: House) -> None:
        self._real, self._house = house.worktrees, house

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def land(self, plan: LandingPlan) -> None:
        task = next(task for task in self._house.state.tasks.values() if task.stage == "landing")
        directory = await self._real.worktree_path(task.worktree)
        found = await self._real.import_tree(directory, task.worktree_base)
        when, keep_as = "2026-01-02T03:04:05Z", f"refs/factory/tasks/{task.id}/now"
        now = await self._real.commit_tree(found.tree, (plan.old,), "As it lies there", "builder", when, keep_as)
        await self._real.land(await self._real.plan_landing(plan.ref, now, plan.old))


class LandsBlindly:
    """`Worktrees` that never look where the branch is now, and move it whatever it holds."""

    def __init__(self, house: House) -> None:
        self._real, self._root = house.worktrees, Path(house.ground.home.repo_root)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def ref_head(self, ref: str) -> CommitId:
        return ""

    async def plan_landing(self, ref: str, new: CommitId, onto: CommitId) -> LandingPlan:
        return LandingPlan(ref=ref, old=onto, new=new)

    async def land(self, plan: LandingPlan) -> None:
        git(self._root, "update-ref", plan.ref, plan.new)


class TrustsTheFirstRun:
    """`Checks` that judge a change once, and what it is merged into never."""

    def __init__(self, house: House) -> None:
        self._believing, self._first = BelievesTheExitCode(house), ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._believing, name)

    async def inspect(
        self, tree: TreeId, base: CommitId, progress: Callable[[str], None] = lambda line: None
    ) -> InspectionResult:
        self._first = self._first or tree
        return await self._believing.inspect(self._first, base, progress)


def law(
    *, rules: bool = True, protected: bool = True, roles: Callable[[Any], Any] = lambda card: card
) -> Callable[[Charter], Charter]:
    """The charter with its rules or its protected paths left out, or its cards changed, sealed like any other."""

    def loosened(charter: Charter) -> Charter:
        return charters.seal(
            roles=[roles(card) for card in charter.roles],
            rules=charter.rules if rules else (),
            gate=charter.gate,
            documents=charter.documents,
            stack=charter.stack,
            protected=charter.protected if protected else (),
            architecture=charter.architecture,
        )

    return loosened


@dataclass
class Unguarded(Crew):
    """A crew on whose factory a part was put in another's place. With nothing named it is the real product."""

    law: Callable[[Charter], Charter] | None = None
    checks: Callable[[House], Any] | None = None
    worktrees: Callable[[House], Any] | None = None

    def house(self) -> House:
        ground = find_ground(str(self.root), self.environment)
        if self.law is not None and ground.reading.charter is not None:
            # A home outside of the repository is in force as it was read: here, as it was loosened.
            reading = replace(ground.reading, charter=self.law(ground.reading.charter))
            ground = replace(ground, home=msgspec.structs.replace(ground.home, prefix=None), reading=reading)
        kinds = dict.fromkeys(("mind", "rehearsal"), lambda: self.seat)
        house = open_house(ground, seats=lambda charter: SeatTable(kinds, charter))
        if self.checks is None and self.worktrees is None:
            return house
        checks = self.checks(house) if self.checks else None
        keeper = Gatekeeper(
            factory=house.factory,
            worktrees=self.worktrees(house) if self.worktrees else house.worktrees,
            evidence=house.evidence,
            checks_for=lambda charter: checks or house.gatekeeper.checks(),
            progress=lambda turn, text: None,
        )
        return replace(house, gatekeeper=keeper, beginning=replace(house.beginning, gatekeeper=keeper))

    def ledger(self) -> tuple[Event, ...]:
        """Everything that is on record, read from disk."""
        _, entries, view = look(find_ground(str(self.root), self.environment))
        assert view is not None
        assert view.damage is None
        return tuple(entry.event for entry in entries)

    def digest(self) -> str:
        """What the supervisor reads of the last session."""
        return sorted((self.root / ".factory/memory/digests").glob("session-*.md"))[-1].read_text()

    def on_main(self, path: str) -> str:
        return git(self.root, "show", f"main:{path}")


def bookings(tmp_path: Path, minds: dict[str, Mind], **parts: Any) -> Unguarded:
    """The demo's product with its own history and home; a mind in every seat."""
    root = tmp_path / "bookings"
    make_product(root, "0123456789abcdef0123456789abcdef")
    return Unguarded(root=root, state_home=tmp_path / "state", seat=MindSeat(minds), **parts)


def on(crew: Crew, **parts: Any) -> Unguarded:
    """The same repository and crew, with parts put in another's place."""
    return Unguarded(root=crew.root, state_home=crew.state_home, seat=crew.seat, **parts)


def force(house: House, *events: Event) -> State:
    """Puts events on record that nobody decided: the layer below `decide`."""
    for entry in house.ledger.append(events, FORGER, house.clock.now()):
        house.factory.state = evolve(house.state, entry)
    return house.state


def waits(house: House, kind: str) -> Waiting:
    """The one thing of that kind that waits."""
    (item,) = [item for item in waiting(house.state) if item.kind == kind]
    return item


async def play(crew: Unguarded, text: str = "Make the rooms better", *, approve: bool = True) -> tuple[Waiting, ...]:
    """A small task to its end, a change approved as soon as it is offered. What waits then."""
    async with crew.session("flow") as house:
        await small_task(house, text)
        items = await settled(house)
        for item in [item for item in items if item.kind == "change"] if approve else ():
            answer(house, item.id, item.verbs[0])
            items = await settled(house)
        return tuple(item for item in items if item.kind != "proposal")


def of_kind(events: Sequence[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]
