"""A cockpit in front of deployments in every state: a pure heart, and an environment that says what it is told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import msgspec
from chair import Chair
from heart import BASE, SUPERVISOR, charter, evidence, handed_over, reviewed, small_task

from factory_tui.domain import commands as c
from factory_tui.domain.entries import Entry
from factory_tui.domain.releasing import FLOOR
from factory_tui.domain.state import Deployment
from factory_tui.domain.terms import CHECKS_OF, NOT_RUN_YET, Actor, CheckRow, Evidence

OTHER = Actor(kind="supervisor", name="supervisor:eve@script")
LAW = charter(
    deploy="""environments:
  production:
    deploy: [./deploy/ship.sh, production, "{commit}"]
    rollback: [./deploy/ship.sh, production, "{previous}"]
    status: [./deploy/status.sh, production]
    credentials: [{name: DEPLOY_TOKEN}]
    backup: {none_because: it keeps no data}
    freeze: [{days: [sun], hours: "20:00-24:00", why: nobody is here to mend it}]
"""
)
GROUPS = {
    "Identity of the release": 3, "Reachability": 4, "Correctness of responses": 7, "Data and migrations": 4,
    "Security headers and TLS": 5, "Performance": 2, "Logs and errors": 3, "Background work": 2,
    "Rollback readiness": 2, "Docs and records": 1,
}  # fmt: skip
TITLES = ("Running revision is the approved revision", "All instances run the same revision", "It answers")


def group_of(number: int) -> str:
    for group, size in GROUPS.items():
        if number < size:
            return group
        number -= size
    raise AssertionError(number)


def rows(fails: Mapping[str, str] = {}, **more: str) -> tuple[CheckRow, ...]:
    return tuple(
        CheckRow(
            id=id,
            verdict="fail" if id in fails else "pass",
            reason=fails.get(id, ""),
            group=group_of(number),
            title=TITLES[number % 3],
            evidence=json.dumps({"status": 200, "of": id}),
            seconds=0.12,
        )
        for number, id in enumerate(FLOOR)
    )


def to_come() -> tuple[CheckRow, ...]:
    return tuple(
        msgspec.structs.replace(row, verdict="gap", reason=NOT_RUN_YET, evidence="", seconds=0.0) for row in rows()
    )


class World:
    """Stands where deployments are carried out: says what runs."""

    def __init__(self, chair: DeployedFloor) -> None:
        self.chair = chair
        self.says: c.Running | None = None
        """What the status command says; None = what the ledger knows."""

    async def running(self, name: str) -> c.Running:
        if self.says is not None:
            return self.says
        live = self.chair.factory.state.releases.get(name)
        return c.Running(known=True, commit=live.commit) if live else c.Running(known=False, why_unknown="silence")

    async def propose(self, environment: str, commit: str, note: str, by: Actor) -> tuple[Entry, ...]:
        running = await self.running(environment)
        wish = c.ProposeDeployment(environment=environment, commit=commit, base=BASE, running=running, note=note)
        return await self.chair.factory.carried_out(wish, by)


class DeployedFloor(Chair):
    """Two changes have landed, and the first one runs in production, verified."""

    def __init__(self) -> None:
        super().__init__()
        self.start_session(LAW)
        self.deployments = World(self)
        self.commits = [self.landed("Add subtraction", "a1"), self.landed("Say how", "b1")]
        self.minute = 20
        self.deploy(self.commits[0], "")
        self.check_it(rows())
        self.minute = 30

    def landed(self, text: str, tree: str) -> str:
        small_task(text=text)(self)
        task = f"T-{self.state.counters['T']}"
        self.keep(f"diff of {tree}")
        handed_over(tree, task)(self)
        reviewed(task=task)(self)
        self.answer(task, "approve")
        self.land(task)
        self.minute += 3
        return self.state.closed[task].landed_as

    @property
    def newest(self) -> Deployment:
        return list(self.factory.state.deployments.values())[-1]

    def propose(self, commit: str, previous: str) -> None:
        running = c.Running(known=True, commit=previous)
        note = "Nothing but words changed; **no** migration."
        self.do(
            c.ProposeDeployment(environment="production", commit=commit, base=BASE, running=running, note=note), OTHER
        )

    def intend_it(self, commit: str, previous: str) -> None:
        self.propose(commit, previous)
        self.minute += 2
        self.answer(self.newest.id, "approve")
        running = c.Running(known=True, commit=previous)
        self.do(c.IntendDeployment(deployment=self.newest.id, base=BASE, running=running))

    def deploy(self, commit: str, previous: str) -> None:
        self.intend_it(commit, previous)
        self.settle_it(c.Running(known=True, commit=commit), exit_code=0)

    def settle_it(self, running: c.Running, **more: object) -> None:
        kept = (self.kept("copying files\nswitching over\ndone\n"),)
        self.do(c.SettleDeployment(deployment=self.newest.id, running=running, evidence=kept, **more))

    def check_it(self, found: tuple[CheckRow, ...]) -> None:
        kept = self.kept(msgspec.json.encode(found).decode())
        self.do(c.CheckDeployment(deployment=self.newest.id, rows=found, evidence=kept, seconds=6.2))

    def kept(self, text: str) -> Evidence:
        return self.keep(text)

    def tell_rows(self, found: tuple[CheckRow, ...]) -> None:
        for row in found:
            self.hear(f"{CHECKS_OF}{self.newest.id}", f"{msgspec.json.encode(row).decode()}\n")

    # --- the states ------------------------------------------------------------------------------

    def landed_only(self) -> None:
        """The second change waits for somebody to propose it."""

    def proposed(self) -> None:
        self.propose(self.commits[1], self.commits[0])

    def frozen(self) -> None:
        self.proposed()
        self.do(c.Freeze(reason="the auditors are here", landings=True), SUPERVISOR)

    def approved(self) -> None:
        self.proposed()
        self.minute += 2
        self.answer(self.newest.id, "approve")

    def running(self) -> None:
        self.intend_it(self.commits[1], self.commits[0])

    def runs_on(self) -> None:
        """What is heard once somebody listens."""
        self.hear(self.newest.id, "$ ./deploy/ship.sh production 2222\ncopying files\nswitching ")

    def checking(self) -> None:
        self.deploy(self.commits[1], self.commits[0])

    def checks_come(self) -> None:
        self.tell_rows(to_come())
        found = rows({"V21": "no X-Content-Type-Options header"})
        self.tell_rows(found[:9] + found[18:22])

    def verified(self) -> None:
        self.checking()
        self.check_it(rows())

    def failed(self) -> None:
        self.checking()
        self.check_it(rows({"V18": "the volume is another one", "V21": "no X-Content-Type-Options header"}))
        self.do(c.IntendRollback(deployment=self.newest.id))
        back = c.Running(known=True, commit=self.commits[0])
        self.do(c.SettleRollback(deployment=self.newest.id, running=back, summary="the command: exit code 0",
                                 evidence=(self.kept("old release again\n"),)))  # fmt: skip
        self.check_it(rows())

    def unsettled(self) -> None:
        self.intend_it(self.commits[1], self.commits[0])
        self.settle_it(
            c.Running(known=False, why_unknown="the status command ended with exit code 7"), after_crash=True
        )


LATER: Mapping[str, Callable[[DeployedFloor], None]] = {
    "running": DeployedFloor.runs_on,
    "checking": DeployedFloor.checks_come,
}
"""What comes in once the cockpit is open."""
STATES = ("proposed", "frozen", "approved", "running", "checking", "verified", "failed", "unsettled")


def floor_with(state: str) -> DeployedFloor:
    floor = DeployedFloor()
    getattr(floor, state)()
    floor.minute += 1
    return floor


__all__ = ["evidence"]
