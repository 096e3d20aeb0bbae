"""The one place where parts are chosen and joined: a repository's home, its state place, its ledger, its factory."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import msgspec

from factory_tui import __version__
from factory_tui.adapters.agent_seats import ACP, unnamed_agent
from factory_tui.adapters.attesting import SshAttestor
from factory_tui.adapters.checks import SmokeChecks
from factory_tui.adapters.clock import SystemClock
from factory_tui.adapters.default_seat import Preferred, preferred_seat
from factory_tui.adapters.deploying import DeployCommands, EnvironmentCommands
from factory_tui.adapters.digest_shelf import DigestFiles
from factory_tui.adapters.documents import HomeReading, files_on_disk, library_files, read_home
from factory_tui.adapters.evidence import EvidenceFiles
from factory_tui.adapters.fetching import UrlFetcher
from factory_tui.adapters.git import find_repository
from factory_tui.adapters.home_files import is_home_file, is_own_library
from factory_tui.adapters.homes import Home, find_home
from factory_tui.adapters.ledger import Codec, Ledger, LedgerView
from factory_tui.adapters.limits_probe import DIRECT, Cell, Matrix, Route, probe
from factory_tui.adapters.model_seats import (
    ANTHROPIC_API,
    CLAUDE_CODE,
    anthropic_api,
    claude_code,
    profiled,
)
from factory_tui.adapters.packages import PackageIndexes
from factory_tui.adapters.postdeploy.running import PostDeployChecks
from factory_tui.adapters.redacting import RedactedEvidence, RedactedLedger, RedactedProgress
from factory_tui.adapters.rule_shelf import RuleFiles
from factory_tui.adapters.seat_parts import Ingredients
from factory_tui.adapters.secrets import OURS
from factory_tui.adapters.state_place import StatePlace, open_state_place
from factory_tui.adapters.user_seats import read_user_seats
from factory_tui.adapters.walls import ProvenSandbox, Standing, choose_wall
from factory_tui.adapters.workbench import DirectoryWorkbench
from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.adapters.wrong_documents import wrong_texts
from factory_tui.domain import agenda
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.charter import Charter, changed_documents
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError, Refusal
from factory_tui.domain.evolve import fold
from factory_tui.domain.known import wants_brief
from factory_tui.domain.limits import DEGRADED, demands_proof, unproven
from factory_tui.domain.redaction import Redactor
from factory_tui.domain.staffing import SHIPPED_CEILINGS, Budgets, Staffed, choice, nearest
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor, Control, Evidence
from factory_tui.engine.attesting import Attesting
from factory_tui.engine.checklist import (
    Checklist,
    Report,
    budget_line,
    handoffs_line,
    law_lines,
    repository_line,
    seats_line,
    unheard,
    wall_line,
)
from factory_tui.engine.deploy_ports import PostDeploy
from factory_tui.engine.deployments import Deployments
from factory_tui.engine.factory import Factory
from factory_tui.engine.gatekeeper import Gatekeeper
from factory_tui.engine.incidents import IncidentDesk
from factory_tui.engine.ports import Checks, EvidenceStore, Progress
from factory_tui.engine.seat_ports import Seat, Seats, Staffing
from factory_tui.engine.session import Session
from factory_tui.engine.turn import Turns

SeatMaker = Callable[[], Seat]


def codec() -> Codec:
    """How events are written, and read for ever."""
    return Codec(events=e.Event, version=1)


def supervisor(channel: str) -> Actor:
    """Who answers from here: `supervisor:<os user>@tty|cli|script`."""
    return Actor(kind="supervisor", name=f"supervisor:{user()}@{channel}")


def user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


ModelMaker = Callable[[str, str], Seat]
"""Of a model and an effort; either may be empty = the seat's own choice."""


class OfferedSeats(Seats, Protocol):
    """Seats to which this machine's own are added."""

    def offer(self, kind: str, maker: SeatMaker) -> None: ...

    def offer_model(self, name: str, maker: ModelMaker) -> None:
        """A seat that a model of the settings fills."""

    def prefer(self, preferred: Preferred, ceilings: Budgets) -> None:
        """What fills a role where nothing is configured, and the most that the user allows."""


def staff(
    charter: Charter,
    preferred: Preferred,
    *,
    chosen: Mapping[str, str] = MappingProxyType({}),
    ceilings: Budgets = SHIPPED_CEILINGS,
) -> Staffing:
    """Every role's seat: `chosen` for this session, else the nearest setting, else the default and why it is that."""
    gate, crew = charter.gate, []
    for card in charter.roles:
        named, key = nearest(gate.seats, card.id, card.model_tier)
        model, _ = nearest(gate.models, card.id, card.model_tier)
        effort, _ = nearest(gate.efforts, card.id, card.model_tier)
        why = f"factory.toml, [seats] {key}" if named else preferred.why
        if by_hand := chosen.get(card.id) or chosen.get("default"):
            hand = choice(by_hand)
            named, model, effort = hand.seat or named, hand.model or model, hand.effort or effort
            why = "chosen for this session"
        crew.append(Staffed(role=card.id, seat=named or preferred.seat, model=model, effort=effort, why=why))
    notes = preferred.notes if any(one.why == preferred.why for one in crew) else ()
    return Staffing(crew=tuple(crew), ceilings=ceilings, notes=notes)


class SeatTable:
    """An explicit table from the name of a seat to the seat. What fills a role is the supervisor's choice, then the
    settings', then what this machine has."""

    def __init__(self, makers: Mapping[str, SeatMaker], charter: Callable[[], Charter], default: str = "") -> None:
        """`default` before what the machine has; empty = that, or a person."""
        self._makers = dict(makers)
        self._models: dict[str, ModelMaker] = {}
        self._charter = charter
        self._default = default
        self._preferred = Preferred(seat=default or "human", why="nothing is configured")
        self._ceilings = SHIPPED_CEILINGS

    def offer(self, kind: str, maker: SeatMaker) -> None:
        """One more kind; one that is there already stays."""
        self._makers.setdefault(kind, maker)

    def offer_model(self, name: str, maker: ModelMaker) -> None:
        self._models.setdefault(name, maker)

    def prefer(self, preferred: Preferred, ceilings: Budgets) -> None:
        self._ceilings = ceilings
        if not self._default:
            self._preferred = preferred

    def kind_for(self, role: str, task: str, chosen: str) -> str:
        seats = self._charter().gate.seats
        return chosen or seats.get(role) or seats.get("default") or self._preferred.seat

    def staff(self, charter: Charter, chosen: Mapping[str, str] = MappingProxyType({})) -> Staffing:
        found = staff(charter, self._preferred, chosen=chosen, ceilings=self._ceilings)
        known = {*self._makers, *self._models}
        missing = sorted({one.seat for one in found.crew} - known)
        notes = tuple(str(self._missing(seat).what) for seat in missing)
        return replace(found, notes=(*found.notes, *notes))

    def open(self, kind: str, model: str = "", effort: str = "") -> Seat:
        if kind in self._makers:
            return self._makers[kind]()
        if kind not in self._models:
            raise self._missing(kind)
        return self._models[kind](model, effort)

    def _missing(self, kind: str) -> FactoryError:
        return FactoryError(
            what=f"there is no seat `{kind}`",
            why=f"this factory has {', '.join(sorted({*self._makers, *self._models}))}",
            next_step=f"define [seats.{kind}] in config.toml of ~/.config/factory, name another under [seats] in"
            f" factory.toml, or choose one with `factory crew ROLE SEAT`; `factory doctor` says what is missing",
        )


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a repository's factory stands on, before anything is written."""

    home: Home
    reading: HomeReading
    """The home as it is on disk."""
    place: StatePlace
    environment: Mapping[str, str] = field(default_factory=dict)
    """Where the user's own settings are found."""


def find_ground(start: str, environment: Mapping[str, str] | None = None, *, claim: bool = True) -> Ground:
    """Home and state place of the repository around `start`.

    Raises FactoryError: no repository, no home, no `repo_id`, or a state place that belongs to another checkout.
    """
    environment = os.environ if environment is None else environment
    home = find_home(start, environment)
    reading = read_disk(home)
    if not reading.repo_id:
        problems = "; ".join(str(problem) for problem in reading.problems[:1])
        raise FactoryError(
            what=f"{home.home_dir}/factory.toml gives no repo_id", why=problems, next_step="run `factory check`"
        )
    git_dir = _git_dir(home.repo_root)
    place = open_state_place(reading.repo_id, repository=home.repo_root, git_dir=git_dir, environment=environment)
    if claim:
        claimed = place.claim(git_dir)
        if not claimed.ok:
            raise FactoryError(
                what=f"the ledger of this repository {claimed}",
                why="two checkouts with one ledger would each believe the other's worktrees are its own",
                next_step=f"work there, or run `factory init --new-id` here; state: {place.root}",
            )
    return Ground(home=home, reading=reading, place=place, environment=environment)


def read_disk(home: Home) -> HomeReading:
    return read_home(files_on_disk(home.home_dir), _library(home), prefix=home.prefix)


def _library(home: Home) -> Mapping[str, str] | None:
    """The program's own checkout is its own library; everybody else stands on the shipped one."""
    return None if is_own_library(home.home_dir) else library_files()


def _git_dir(repo_root: str) -> str:
    """The common git directory: linked worktrees share one ledger."""
    pointer = Path(repo_root) / ".git"
    if pointer.is_dir():
        return str(pointer)
    with suppress(OSError):
        target = pointer.read_text().strip().removeprefix("gitdir:").strip()
        git_dir = Path(repo_root, target).resolve()
        common = git_dir / "commondir"
        if common.is_file():
            return str((git_dir / common.read_text().strip()).resolve())
        return str(git_dir)
    return str(pointer)


def look(ground: Ground) -> tuple[State, Sequence[Entry], LedgerView | None]:
    """The state as the ledger says it, without taking its lock or changing a byte."""
    if not Path(ground.place.ledger).exists():
        return State(), (), None
    view = Ledger.read(ground.place.ledger, codec=codec())
    return fold(view.entries), view.entries, view


@dataclass(kw_only=True)
class House:
    """One repository's factory, joined. `open_house` makes it; `start` begins a session, `close` ends it."""

    ground: Ground
    worktrees: GitWorktrees
    evidence: EvidenceStore
    ledger: Ledger
    clock: SystemClock
    factory: Factory
    session: Session
    gatekeeper: Gatekeeper
    turns: Turns
    sandbox: ProvenSandbox
    redactor: Redactor
    """Knows every secret this process holds; whoever gets a new one teaches it."""
    seats: Seats
    attestor: SshAttestor
    attesting: Attesting
    deployments: Deployments
    tried: dict[tuple[str, str, Control], Matrix] = field(default_factory=dict)
    trying: asyncio.Lock = field(default_factory=asyncio.Lock)
    proposing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def standing(self) -> Standing:
        """Which wall there is, what was tried against it, and why there is none."""
        return self.sandbox.standing

    @property
    def state(self) -> State:
        return self.factory.state

    @property
    def home_dir(self) -> str:
        """Absolute; what is kept for people to read lies beneath it."""
        return self.ground.home.home_dir

    @property
    def state_dir(self) -> str:
        """Absolute; the user's own, outside of the repository."""
        return self.ground.place.root

    async def limits(self, control: Control = "brokered") -> Matrix:
        """Each limit of each role, tried now for seats held like this and put on record.

        Once for each charter and wall; again as long as one of them is red.
        """
        async with self.trying:
            standing, law = await self.sandbox.prove(), self.state.law
            key = (law.sha256, standing.label, control)
            if key not in self.tried or self.tried[key].red():
                place = self.ground.place.exports
                cells: list[Cell] = []
                for route in self._routes(control):
                    found = await probe(law, self.sandbox, place, wall=standing.label, control=control, route=route)
                    cells += found.cells
                self.tried[key] = Matrix(cells=tuple(cells), wall=standing.label, control=control)
            if self.state.session_open:
                self._record_limits(control, self.tried[key])
            return self.tried[key]

    async def unproven(self, role: str, control: Control) -> str:
        """Why a seat held like this cannot fill the role; empty = it can."""
        if not demands_proof((await self.sandbox.prove()).label, control):
            return ""
        await self.limits(control)
        return unproven(self.state, role, control)

    def _record_limits(self, control: Control, matrix: Matrix | None) -> None:
        standing = self.standing
        self.factory.submit(
            c.RecordLimits(
                control=control,
                wall=standing.label,
                by_wall=tuple(one.name for one in standing.tried if one.refused),
                roles=matrix.by_role() if matrix else (),
                matrix=self.evidence.put(matrix.as_json(), f"limits of {control} seats") if matrix else None,
            ),
            Actor(kind="factory", name="limits"),
        )

    async def _try_limits(self) -> None:
        """Once for each way in which the settings' seats are held. What the wall showed of itself is enough for a
        script's seat; a person has no limits of ours."""
        for control in sorted(self._controls()):
            if control == "rehearsed":
                self._record_limits(control, None)
            elif control != "human":
                await self.limits(control)

    def _routes(self, control: Control) -> list[Route]:
        """By which the settings' seats that are held like this reach the world; a seat may name one of its own, as
        `probe_route`. One that does not hold makes a role red for all of them."""
        found: list[Route] = []
        for kind in sorted({self.seats.kind_for(card.id, "", "") for card in self.state.law.roles}):
            with suppress(FactoryError):
                seat = self.seats.open(kind)
                route = getattr(seat, "probe_route", DIRECT)
                if seat.facts.control == control and isinstance(route, Route) and route not in found:
                    found.append(route)
        return found or [DIRECT]

    def _controls(self) -> set[Control]:
        found: set[Control] = set()
        for kind in set(self._kinds().values()):
            # A seat that cannot be opened is told about when a role needs it.
            with suppress(FactoryError):
                found.add(self.seats.open(kind).facts.control)
        return found

    def _kinds(self) -> dict[str, str]:
        """Which seat each role has in this session."""
        return {role: one.seat for role, one in self.state.crew.items()}

    def _broken_seats(self) -> dict[str, str]:
        """Why seats of a kind cannot be opened, or why a role stays without one."""
        broken: dict[str, str] = {}
        for role, kind in self._kinds().items():
            try:
                control = self.seats.open(kind).facts.control
            except FactoryError as error:
                broken[kind] = error.what
                continue
            if why := unproven(self.state, role, control):
                broken[role] = why
        return broken

    async def _conflicts(self, base: str) -> dict[str, tuple[str, ...]]:
        """Of open tasks, whose offered change cannot be merged with the base as it is now."""
        found = {}
        for task in tuple(self.state.tasks.values()):
            one = task.candidate
            if one is not None and one.commit and one.base != base:
                merged = await self.worktrees.merge(one.base, base, one.commit)
                if merged.conflicts:
                    found[task.id] = merged.conflicts
        return found

    async def start(self, by: Actor, mode: e.Mode | None = None, report: Report = unheard) -> None:
        """Adopts the home as committed on the base branch, begins a session, starts what is owed. Each line of the
        checklist is told to `report` when its check has ended."""
        checks = Checklist(report)
        with checks.running("repository"):
            base_ref = await self.worktrees.base_ref()
            base = await self.worktrees.head()
            moved = await self.worktrees.moved(self.state.base, base) if self.state.base else None
        checks.tell(repository_line(self.state, base_ref, base, moved))
        with checks.running("dna", "rules", "knowledge", "smoke"):
            charter = await self._charter_in_force(base)
        checks.tell_all(*law_lines(charter))
        repaired = self.ledger.repaired
        with checks.running("wall"):
            standing = await self.sandbox.prove()
        checks.tell(wall_line(standing.label, standing.why_none))
        unsigned = await self.attestor.problem(base)
        await self.session.start(
            c.StartSession(
                version=__version__,
                wall=standing.label,
                mode=mode or charter.gate.pace.mode,
                base_ref=base_ref,
                base=base,
                charter=charter,
                repaired=(repaired.size, repaired.saved_as) if repaired else None,
                degraded=by.name if standing.label == DEGRADED else "",
                assurance="" if unsigned else self.attestor.level,
                unsigned=unsigned,
            ),
            by,
        )
        self.staff()
        self.factory.subscribe(self._staff_anew)
        await self.propose_disk()
        with checks.running("seats"):
            await self._try_limits()
        checks.tell(seats_line(self.state.law, self._kinds(), self._broken_seats()))
        checks.tell(budget_line(self.state.law, self.state.ceilings))
        with checks.running("handoffs"):
            conflicts = await self._conflicts(base) if moved != (0, 0) else {}
        checks.tell(handoffs_line(self.state, conflicts))
        self.turns.ask_first(self.unproven)
        keeper = self.gatekeeper
        runners = {
            agenda.SealBriefJob: keeper.seal_brief,
            agenda.ReleaseJob: keeper.release,
            agenda.TurnJob: self.turns.run,
            agenda.InspectJob: keeper.inspect,
            agenda.CommitJob: keeper.commit_tree,
            agenda.CheckLandingJob: keeper.check_landing,
            agenda.LandJob: keeper.land,
            agenda.CloseWorktreeJob: keeper.close_worktree,
            agenda.DeployJob: self.deployments.deploy,
            agenda.RollbackJob: self.deployments.rollback,
            agenda.CheckDeploymentJob: self.deployments.check,
            agenda.AttestDeploymentJob: self.attesting.attest_deployment,
        }
        self.factory.employ(runners)  # type: ignore[arg-type]

    def staff(self) -> None:
        """Puts on record who fills each role on this machine, and why."""
        found = self.seats.staff(self.state.law)
        self.factory.submit(
            c.StaffCrew(crew=found.crew, ceilings=found.ceilings, notes=found.notes),
            Actor(kind="factory", name="staffing"),
        )

    def _staff_anew(self, entry: Entry, state: State) -> None:
        """Another home may name other seats. Not in the middle of the entry that brought it."""
        if isinstance(entry.event, e.CharterAdopted):
            asyncio.get_running_loop().call_soon(self._staff_if_open)

    def _staff_if_open(self) -> None:
        if self.state.session_open and self.factory.failure is None:
            self.staff()

    async def close(self, reason: str, by: Actor, words: str = "") -> str:
        """Ends the session and lets go of the ledger. Returns the digest's path, relative to the home."""
        try:
            async with self.proposing:  # a home that is just being read is still proposed
                return await self.session.end(reason, by, words)
        finally:
            self.ledger.close()

    def incident_desk(self) -> IncidentDesk:
        """Where incidents are worked on."""
        home = self.ground.home
        return IncidentDesk(
            factory=self.factory,
            evidence=self.evidence,
            shelf=RuleFiles(home.home_dir, home.prefix, lambda: [card.id for card in self.state.law.roles]),
            entries=lambda: self.session.entries,
            propose=self.propose_disk,
        )

    async def seal_briefs(self) -> None:
        """Seals what is owed, for a house that was opened for an answer and starts no jobs."""
        for task in tuple(self.state.tasks.values()):
            if wants_brief(self.state, task) and task.handoff:
                await self.gatekeeper.seal_brief(agenda.SealBriefJob(task.id, task.handoff.id))

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
        return await asyncio.to_thread(lambda: read_home(files, _library(home), prefix=home.prefix))

    async def _charter_in_force(self, base: str) -> Charter:
        reading = await self.committed_home(base)
        if reading is None:
            in_force = self.state.charter
            reading = self.ground.reading
            if in_force is not None:
                return in_force
        if reading.charter is None:
            problems = "\n".join(str(problem) for problem in reading.problems[:5])
            raise Refusal(
                what="the home as committed on the base branch cannot be adopted",
                why=problems or "it holds no factory.toml; is `.factory/` committed?",
                next_step="commit a home that passes `factory check`",
            )
        return reading.charter

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


def _own_trust(home: Home) -> str:
    """Who may sign, for a home outside of the repository; empty = each commit's base says so itself."""
    return f"{home.home_dir}/trust/allowed_signers" if home.prefix is None else ""


def _wall(ground: Ground, *, accepted: bool = False) -> ProvenSandbox:
    """The wall, and what no boundary may ever show. `accepted`: this session may go without."""
    repository = ground.home.repo_root
    return choose_wall(
        ground.place.exports,
        ground.environment,
        repository,
        hidden=(ground.place.root, _git_dir(repository)),
        given=(f"{ground.place.prepared}/packages",),
        accepted=accepted,
    )


async def probe_ground(ground: Ground) -> tuple[Standing, Matrix]:
    """Tries the wall and each limit of the roles in the home as it is on disk; nothing is recorded. Raises
    FactoryError when the home cannot be read."""
    charter = ground.reading.charter
    if charter is None:
        raise FactoryError(
            what=f"the home {ground.home.home_dir} cannot be read",
            why="; ".join(str(problem) for problem in ground.reading.problems[:3]),
            next_step="run `factory check`",
        )
    sandbox = _wall(ground)
    standing = await sandbox.prove()
    return standing, await probe(charter, sandbox, ground.place.exports, wall=standing.label, control="brokered")


def open_house(
    ground: Ground,
    *,
    seats: Callable[[Callable[[], Charter]], OfferedSeats],
    progress: Progress = lambda turn, text: None,
    holder: str = "",
    accept_degraded: bool = False,
    post_deploy: PostDeploy | None = None,
) -> House:
    """Takes the ledger and joins everything. Raises LedgerHeld when another factory runs here.

    `accept_degraded` is the supervisor's word, never the repository's: seats of this session may run commands without
    a wall, where the user's own settings allow that and there is none.
    """
    clock = SystemClock()
    OURS.take(os.environ)
    redactor = Redactor(dict(OURS.items()))
    progress = redacted = RedactedProgress(progress, redactor)
    evidence = RedactedEvidence(EvidenceFiles(ground.place.evidence), redactor)
    worktrees = GitWorktrees(ground.home.repo_root, ground.place.worktrees)
    sandbox = _wall(ground, accepted=accept_degraded)
    ledger = Ledger.open(
        ground.place.ledger,
        repo_id=ground.place.repo_id,
        codec=codec(),
        at=clock.now(),
        holder=holder or f"factory {__version__}, pid {os.getpid()}, of {user()}",
    )
    try:
        factory = Factory(state=fold(ledger.entries), ledger=RedactedLedger(ledger, redactor), clock=clock)
        session = Session(
            factory=factory, evidence=evidence, shelf=DigestFiles(ground.home.home_dir), entries=list(ledger.entries)
        )

        def checks_for(charter: Charter) -> Checks:
            gate = charter.gate
            return SmokeChecks(worktrees, sandbox, evidence, gate.smoke, gate.dependencies, ground.place.prepared)

        attestor = SshAttestor(find_repository(ground.home.repo_root), ground.place.keys, trust=_own_trust(ground.home))
        attesting = Attesting(
            factory=factory,
            attestor=attestor,
            evidence=evidence,
            head=lambda: ledger.head,
            now=clock.now,
            repository=ground.place.repo_id,
            as_root=os.geteuid() == 0,
        )
        commands = DeployCommands(sandbox, redactor, ground.place.exports, ground.home.repo_root)
        own_commands = EnvironmentCommands(commands)
        deployments = Deployments(
            factory=factory,
            worktrees=worktrees,
            evidence=evidence,
            commands=own_commands,
            clock=clock,
            progress=progress,
            checks=post_deploy or PostDeployChecks(own_commands),
            why_closed=attestor.why_closed,
        )
        gatekeeper = Gatekeeper(
            factory=factory,
            worktrees=worktrees,
            evidence=evidence,
            checks_for=checks_for,
            progress=progress,
            redactor=redactor,
            attesting=attesting,
        )
        table = seats(lambda: factory.state.law)
        parts = Ingredients(
            sandbox=sandbox,
            state_place=ground.place.root,
            environment=ground.environment,
            repository=ground.home.repo_root,
            keys=OURS,
            now=clock.now,
            learn=redactor.learn,
        )
        table.offer_model(ANTHROPIC_API, lambda model, effort: anthropic_api(parts, model, effort))
        table.offer_model(CLAUDE_CODE, lambda model, effort: claude_code(parts, model, effort))
        table.offer_model(ACP, lambda model, effort: unnamed_agent())
        own = read_user_seats(ground.environment, ground.home.repo_root)
        for name, profile in own.profiles.items():
            table.offer_model(name, partial(profiled, parts, name, profile))
        table.prefer(preferred_seat(ground.environment, OURS), own.ceilings)
        turns = Turns(
            factory=factory,
            gatekeeper=gatekeeper,
            worktrees=worktrees,
            workbench=DirectoryWorkbench(),
            sandbox=sandbox,
            evidence=evidence,
            seats=table,
            person=user(),
            progress=progress,
            redactor=redactor,
            fetcher=UrlFetcher(),
            packages=PackageIndexes(sandbox, f"{ground.place.prepared}/packages"),
            said_all=redacted.end,
            deployments=deployments,
        )
    except BaseException:
        ledger.close()
        raise
    return House(
        ground=ground,
        worktrees=worktrees,
        evidence=evidence,
        ledger=ledger,
        clock=clock,
        factory=factory,
        session=session,
        gatekeeper=gatekeeper,
        turns=turns,
        sandbox=sandbox,
        redactor=redactor,
        seats=table,
        attestor=attestor,
        attesting=attesting,
        deployments=deployments,
    )
