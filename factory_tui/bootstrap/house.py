"""The house: one repository's factory, its parts joined. Opened once, started once, closed whatever happens."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from factory_tui import __version__
from factory_tui.adapters.attesting import SshAttestor
from factory_tui.adapters.card_shelf import CardFiles
from factory_tui.adapters.checks import SmokeChecks
from factory_tui.adapters.clock import SystemClock
from factory_tui.adapters.deploying import DeployCommands, EnvironmentCommands
from factory_tui.adapters.digest_shelf import DigestFiles
from factory_tui.adapters.evidence import EvidenceFiles
from factory_tui.adapters.fetching import UrlFetcher
from factory_tui.adapters.git import find_repository
from factory_tui.adapters.home_commits import HomeFiles
from factory_tui.adapters.homes import Home
from factory_tui.adapters.ledger import Ledger
from factory_tui.adapters.packages import PackageIndexes
from factory_tui.adapters.postdeploy.running import PostDeployChecks
from factory_tui.adapters.redacting import RedactedEvidence, RedactedLedger, RedactedProgress
from factory_tui.adapters.rule_shelf import RuleFiles
from factory_tui.adapters.seat_parts import Ingredients
from factory_tui.adapters.secrets import OURS
from factory_tui.adapters.walls import ProvenSandbox, Standing
from factory_tui.adapters.workbench import DirectoryWorkbench
from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.bootstrap.grounds import Ground, codec, own_library, user
from factory_tui.bootstrap.law import Law
from factory_tui.bootstrap.proving import Limits, wall_of
from factory_tui.bootstrap.seating import OfferedSeats, offer_own
from factory_tui.bootstrap.starting import Start
from factory_tui.domain import agenda
from factory_tui.domain import events as e
from factory_tui.domain.charter import Charter
from factory_tui.domain.evolve import fold
from factory_tui.domain.known import wants_brief
from factory_tui.domain.redaction import Redactor
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor
from factory_tui.engine.attesting import Attesting
from factory_tui.engine.checklist import Report, unheard
from factory_tui.engine.deploy_ports import PostDeploy
from factory_tui.engine.deployments import Deployments
from factory_tui.engine.factory import Factory
from factory_tui.engine.gatekeeper import Gatekeeper
from factory_tui.engine.incidents import IncidentDesk
from factory_tui.engine.ports import Checks, EvidenceStore, Progress
from factory_tui.engine.rule_commits import RuleCommits
from factory_tui.engine.seat_ports import Seats
from factory_tui.engine.session import Session
from factory_tui.engine.settling import CardDesk
from factory_tui.engine.turn import Turns


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
    redactor: Redactor
    """Knows every secret this process holds; whoever gets a new one teaches it."""
    seats: Seats
    attestor: SshAttestor
    attesting: Attesting
    deployments: Deployments
    rule_commits: RuleCommits
    law: Law
    limits: Limits
    beginning: Start

    @property
    def sandbox(self) -> ProvenSandbox:
        return self.limits.sandbox

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

    async def start(self, by: Actor, mode: e.Mode | None = None, report: Report = unheard) -> None:
        """Begins a session; see `Start.begin`."""
        await self.beginning.begin(by, mode, report)

    async def propose_disk(self) -> None:
        """See `Law.propose_disk`."""
        await self.law.propose_disk()

    async def close(self, reason: str, by: Actor, words: str = "") -> str:
        """Ends the session and lets go of the ledger. Returns the digest's path, relative to the home."""
        try:
            async with self.law.proposing:  # a home that is just being read is still proposed
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
            commits=self.rule_commits,
        )

    def card_desk(self) -> CardDesk:
        """Where drafts for role cards are written into the home."""
        home = self.ground.home
        return CardDesk(
            factory=self.factory,
            shelf=CardFiles(home.home_dir, own_library(home)),
            entries=lambda: self.session.entries,
            propose=self.propose_disk,
        )

    async def seal_briefs(self) -> None:
        """Seals what is owed, for a house that was opened for an answer and starts no jobs."""
        for task in tuple(self.state.tasks.values()):
            if wants_brief(self.state, task) and task.handoff:
                await self.gatekeeper.seal_brief(agenda.SealBriefJob(task.id, task.handoff.id))


def _own_trust(home: Home) -> str:
    """Who may sign, for a home outside of the repository; empty = each commit's base says so itself."""
    return f"{home.home_dir}/trust/allowed_signers" if home.prefix is None else ""


def _in_repository(ground: Ground) -> HomeFiles | None:
    """The repository as far as it holds the home; None = it does not."""
    home, place = ground.home, f"{ground.place.root}/home-commits"
    return HomeFiles(home.repo_root, home.prefix, place) if home.prefix is not None else None


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
    sandbox = wall_of(ground, accepted=accept_degraded)
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
        offer_own(table, parts)
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
        law = Law(ground=ground, factory=factory, worktrees=worktrees, evidence=evidence)
        rule_commits = RuleCommits(
            factory=factory,
            worktrees=worktrees,
            evidence=evidence,
            attesting=attesting,
            home=_in_repository(ground),
            moving=gatekeeper.moving,
            why_unreadable=law.why_unreadable,
        )
        limits = Limits(ground=ground, factory=factory, evidence=evidence, sandbox=sandbox, seats=table)
    except BaseException:
        ledger.close()
        raise
    beginning = Start(
        factory=factory,
        session=session,
        ledger=ledger,
        worktrees=worktrees,
        attestor=attestor,
        seats=table,
        law=law,
        limits=limits,
        turns=turns,
        gatekeeper=gatekeeper,
        deployments=deployments,
        attesting=attesting,
        rule_commits=rule_commits,
    )
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
        redactor=redactor,
        seats=table,
        attestor=attestor,
        attesting=attesting,
        deployments=deployments,
        rule_commits=rule_commits,
        law=law,
        limits=limits,
        beginning=beginning,
    )
