"""What is true now: the fold of the ledger, as frozen values.

Nothing here decides or does anything. Dicts inside are never changed in place; `evolve` replaces them.
"""

from __future__ import annotations

import msgspec

from factory_tui.domain.charter import Charter
from factory_tui.domain.errors import Refusal
from factory_tui.domain.events import LevelJudged, LimitsProved, Mode, PlanProposed
from factory_tui.domain.staffing import Bounds, Budgets, Staffed
from factory_tui.domain.state.deployments import *
from factory_tui.domain.state.incidents import *
from factory_tui.domain.state.tasks import *
from factory_tui.domain.state.turns import *
from factory_tui.domain.terms import CommitId, Evidence, Record, Sha256, Verdict


class Spent(Record, frozen=True, kw_only=True):
    """What was used."""

    usd: float = 0.0
    """As far as known."""
    tokens: int = 0
    actions: int = 0
    minutes: float = 0.0
    unknown: bool = False
    """Some of it cost nobody knows what."""

    def __add__(self, more: Spent) -> Spent:
        return Spent(
            usd=self.usd + more.usd,
            tokens=self.tokens + more.tokens,
            actions=self.actions + more.actions,
            minutes=self.minutes + more.minutes,
            unknown=self.unknown or more.unknown,
        )


class WorldWait(Record, frozen=True, kw_only=True):
    """One cause outside, and everything that waits for it."""

    id: str
    cause: str
    seat: str
    tasks: tuple[str, ...]
    since: str
    until: str
    is_told: bool = True


class DigestRef(Record, frozen=True, kw_only=True):
    session: int
    path: str
    evidence: Evidence


class State(Record, frozen=True, kw_only=True):
    seq: int = 0
    at: str = ""
    now: str = ""
    """The last recorded `TimePassed`."""
    session: int = 0
    session_open: bool = False
    session_first_seq: int = 0
    digests_owed: tuple[int, ...] = ()
    """Sessions that never ended and have no digest yet, oldest first."""
    version: str = ""
    wall: str = ""
    degraded: str = ""
    """Who accepted, for this session, that seats run commands without a wall; empty = nobody had to."""
    root: bool = False
    """The factory runs as root."""
    base_ref: str = ""
    base: CommitId = ""
    mode: Mode = "step"
    paused: str = ""
    charter: Charter | None = None
    digest: DigestRef | None = None
    acknowledged: int = 0
    """The newest session whose digest the supervisor has read."""
    missions: dict[str, Mission] = msgspec.field(default_factory=dict)
    tasks: dict[str, Task] = msgspec.field(default_factory=dict)
    """Those not over."""
    closed: dict[str, Task] = msgspec.field(default_factory=dict)
    turns: dict[str, Turn] = msgspec.field(default_factory=dict)
    """Those running."""
    plans: dict[str, PlanProposed] = msgspec.field(default_factory=dict)
    """Those that wait for the supervisor."""
    asks: dict[str, Ask] = msgspec.field(default_factory=dict)
    grants: dict[str, Grant] = msgspec.field(default_factory=dict)
    questions: dict[str, Question] = msgspec.field(default_factory=dict)
    proposals: dict[str, Proposal] = msgspec.field(default_factory=dict)
    notices: dict[str, Notice] = msgspec.field(default_factory=dict)
    yeses: dict[str, int] = msgspec.field(default_factory=dict)
    """How often in a row equal asks were allowed in this session, by what they have in common."""
    denials: dict[str, int] = msgspec.field(default_factory=dict)
    """How often equal actions were denied in this session."""
    last_yes: str = ""
    """When the supervisor approved something last."""
    hasty: tuple[str, ...] = ()
    """What was approved too quickly to have been read, in a row up to now."""
    incidents: dict[str, Incident] = msgspec.field(default_factory=dict)
    born_rules: dict[str, BornRule] = msgspec.field(default_factory=dict)
    """By the rule's id."""
    limits: dict[str, LimitsProved] = msgspec.field(default_factory=dict)
    """What was tried in this session, by how the seat is held."""
    crew: dict[str, Staffed] = msgspec.field(default_factory=dict)
    """By role, as this session found it; empty = not staffed yet."""
    crew_notes: tuple[str, ...] = ()
    ceilings: Budgets = Budgets()
    """The user's own, for this machine."""
    role_seats: dict[str, str] = msgspec.field(default_factory=dict)
    """What the supervisor chose, by role; it outlives the session."""
    spent: dict[str, Spent] = msgspec.field(default_factory=dict)
    """By scope: `day`, `session`, `role:builder`, `task:T-1`."""
    day: str = ""
    """The one that `spent` counts, `2026-11-22`, in UTC."""
    raised: dict[str, Bounds] = msgspec.field(default_factory=dict)
    world: dict[str, WorldWait] = msgspec.field(default_factory=dict)
    """What is waited for outside, by id."""
    tries: dict[str, int] = msgspec.field(default_factory=dict)
    """How often in a row a cause came back, by cause."""
    crashes: dict[str, int] = msgspec.field(default_factory=dict)
    counters: dict[str, int] = msgspec.field(default_factory=dict)
    usd: float = 0.0
    """Spent in this session, as far as known."""
    tokens: int = 0
    costs_unknown: bool = False
    assurance: str = ""
    """How far the evidence made in this session can be trusted: `G0`, `G3`; empty = nothing is signed."""
    unsigned: str = ""
    """Why nothing is signed; empty = it is, or no session began."""
    last_statement: Sha256 = ""
    """Of the envelope signed last; the next statement names it."""
    deployments: dict[str, Deployment] = msgspec.field(default_factory=dict)
    """All of them, the oldest first."""
    releases: dict[str, LiveRelease] = msgspec.field(default_factory=dict)
    """By environment; one that is not there is unknown."""
    frozen: Freeze | None = None

    def task(self, id: str) -> Task:
        """Open or closed. Raises Refusal naming what exists."""
        found = self.tasks.get(id) or self.closed.get(id)
        if found is None:
            known = ", ".join([*self.tasks, *self.closed]) or "none yet"
            raise Refusal(what=f"there is no task {id}", why=f"known tasks: {known}", next_step="run `factory status`")
        return found

    def open_task(self, id: str) -> Task:
        """Raises Refusal when there is none, or when it is over."""
        found = self.task(id)
        if found.over:
            raise Refusal(what=f"{id} is {found.stage}", next_step="run `factory status`")
        return found

    def turn(self, id: str) -> Turn:
        """A running turn. Raises Refusal when it has ended."""
        found = self.turns.get(id)
        if found is None:
            raise Refusal(what=f"turn {id} is not running", next_step="run `factory status`")
        return found

    @property
    def recovered_session(self) -> int:
        """The oldest session that never ended and whose digest is owed; 0 = none."""
        return self.digests_owed[0] if self.digests_owed else 0

    @property
    def law(self) -> Charter:
        """The charter in force. Raises Refusal before the first session."""
        if self.charter is None:
            raise Refusal(what="no charter is in force", next_step="start a session with `factory run`")
        return self.charter

    @property
    def mission(self) -> Mission | None:
        """The one that is under way."""
        return next((mission for mission in reversed(self.missions.values()) if not mission.outcome), None)


def verdict_of(judged: LevelJudged | None) -> Verdict:
    return judged.verdict if judged else Verdict.NOT_RUN
