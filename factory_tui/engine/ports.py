"""What the engine needs from the world, as protocols. An adapter satisfies one by shape, none inherits.

Paths cross these borders as strings: the engine opens no file. Everything here may be slow;
an `async` method never blocks the loop, a plain one returns within a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from factory_tui.domain.attesting import Draft
from factory_tui.domain.charter import Charter
from factory_tui.domain.events import NoticeKind
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.staffing import NO_BOUNDS, SHIPPED_CEILINGS, Bounds, Budgets, Staffed
from factory_tui.domain.terms import (
    Action,
    Change,
    CommitId,
    Evidence,
    FetchedPackages,
    Finding,
    Package,
    SeatFacts,
    Sha256,
    TreeId,
    Verdict,
)


class Clock(Protocol):
    """Wall time; the only clock the engine reads. Tests pass one they move by hand."""

    def now(self) -> str:
        """UTC, ISO 8601 with milliseconds and `Z`: sorts as text."""

    def monotonic(self) -> float:
        """Seconds, for durations only."""


class EvidenceStore(Protocol):
    """Bytes by sha256, outside the repository, written before the event that names them."""

    def put(self, data: bytes, label: str) -> Evidence:
        """Store and sync; the same bytes twice are one file."""

    def get(self, sha256: Sha256) -> bytes:
        """Raises WorldError naming the sha256 when absent or altered."""


# --- processes -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one command."""

    seconds: float = 600.0
    output_bytes: int = 2_000_000
    """Of stdout and stderr together; what goes over is dropped and said, the command goes on."""
    memory_bytes: int = 4 << 30
    """Of all its processes together. This and what follows holds behind a wall only."""
    processes: int = 1_024
    """Threads included."""
    file_bytes: int = 2 << 30
    """Of one file."""
    disk_bytes: int = 4 << 30
    """Of what its writable directories may grow by."""
    scratch_bytes: int = 1 << 30
    """Of its own /tmp, which is memory."""


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """What a command may touch, as data. Without a wall only `cwd` and `environment` hold; the label says so."""

    cwd: str
    writable: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    """Absolute paths inside `writable` that stay read-only. One that is not there cannot be held: the import refuses
    it."""
    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to a small allowlist (PATH, LANG, TERM, a HOME of its own); nothing is inherited besides."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How one command ended."""

    exit_code: int | None
    """None = killed (`killed` says why)."""
    output: bytes
    """stdout and stderr as they came, cut to the limit."""
    seconds: float
    killed: str = ""
    """"time limit of 600 s", "interrupted"; empty = it ended by itself."""
    truncated: bool = False
    met: str = ""
    """A limit that the kernel held it to, and that it ended by itself at; empty = none that we know of."""


class Sandbox(Protocol):
    """Runs one command; whatever it started is dead when `run` returns, also when `run` is cancelled."""

    @property
    def wall(self) -> str:
        """`bwrap`, `container`, `none`: shown, recorded, attested."""

    async def run(self, argv: Sequence[str], boundary: Boundary, limits: Limits = Limits()) -> RunResult: ...


# --- git -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ImportedTree:
    """A worktree read as data. Nothing but loose objects (and a keeping ref) was written."""

    tree: TreeId
    base: CommitId
    base_tree: TreeId
    change: Change
    refused: tuple[str, ...] = ()
    """`path: why` for bytes that no tree may hold (nested .git, escaping link, special file, bad name, collision …)."""
    newly_ignored: tuple[str, ...] = ()
    """Untracked files that only the candidate's own ignore files would hide; they are imported, and listed."""


@dataclass(frozen=True, kw_only=True)
class MergeResult:
    tree: TreeId = ""
    """empty = conflicts"""
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LandingPlan:
    """Everything a landing will do, computed before it is recorded as an intent."""

    ref: str
    """The full ref that moves, `refs/heads/factory/T-3` or `refs/heads/main`."""
    old: CommitId
    """What the ref must hold at that moment; empty = it must not exist."""
    new: CommitId
    checkout: str = ""
    """A checkout of that branch whose files move with it; empty = none has it checked out."""
    paths: tuple[str, ...] = ()
    """Paths whose files change in that checkout."""
    blocked: str = ""
    """Why it cannot land: which dirty paths; empty = it can."""


class Worktrees(Protocol):
    """Git, and the directories seats work in. The only part that writes git metadata.

    Never a destructive verb: nothing is reset, cleaned, stashed, force-moved or deleted; a worktree ends only after
    its whole tree is kept under `refs/factory/kept/<task>/<n>`.
    """

    async def head(self) -> CommitId: ...

    async def base_ref(self) -> str:
        """The full name of the checked-out branch, `refs/heads/main`. Raises WorldError when detached or unborn."""

    async def resolve(self, name: str) -> CommitId:
        """Raises WorldError when there is no such commit."""

    async def ref_head(self, ref: str) -> CommitId:
        """The commit a full ref name points at; empty when there is no such ref."""

    async def tree_of(self, commit: CommitId) -> TreeId: ...

    async def read_file(self, commit: CommitId, path: str) -> bytes | None: ...

    async def list_files(self, commit: CommitId, under: str = "") -> tuple[str, ...]: ...

    async def open_worktree(self, name: str, base: CommitId) -> str:
        """An absolute directory holding exactly `base`'s files and no git metadata; raw bytes, modes kept.

        Called again with the same name after a crash it returns the directory as it is.
        """

    async def worktree_path(self, name: str) -> str:
        """Empty when there is none."""

    async def import_tree(self, directory: str, base: CommitId) -> ImportedTree: ...

    async def commit_tree(
        self, tree: TreeId, parents: Sequence[CommitId], message: str, author: str, when: str, keep_as: str
    ) -> CommitId:
        """Same input, same commit id. `keep_as` (`refs/factory/...`) makes it reachable before this returns."""

    async def export(self, treeish: str, name: str, wanted: Callable[[str], bool] = lambda path: True) -> str:
        """A fresh directory with exactly that tree's files, for a check or a reviewer. No git metadata.

        Paths that are not `wanted` are left out: what a role may not read does not lie in its tree.
        """

    async def discard_export(self, directory: str) -> None:
        """Removes a directory that `export` made, and nothing else, whatever it is asked."""

    async def close_worktree(self, name: str, task: str) -> str:
        """Keeps the whole tree under `refs/factory/kept/<task>/<n>` (returned), then removes the directory."""

    async def diff(self, old: str, new: str) -> bytes:
        """Unified diff with raw text of everything, attributes and drivers ignored."""

    async def change(self, old: str, new: str) -> Change: ...

    async def merge(self, base: CommitId, ours: CommitId, theirs: CommitId) -> MergeResult: ...

    async def plan_landing(self, ref: str, new: CommitId, onto: CommitId) -> LandingPlan: ...

    async def land(self, plan: LandingPlan) -> None:
        """Compare-and-swap, with the files of a clean checkout. Raises WorldError when the world moved: nothing moved.

        Called again after a crash in the middle it completes the same landing.
        """

    async def landed(self, plan: LandingPlan) -> bool | None:
        """True: the ref holds (or descends from) `new` and the files moved. False: not begun. None: half done."""


# --- checks --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TestRun:
    """What one run of a smoke command did, per test where the runner says."""

    exit_code: int | None
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    seconds: float = 0.0
    output: bytes = b""
    killed: str = ""
    why_unreadable: str = ""
    """Why no test could be counted; empty when some were."""


@dataclass(frozen=True, kw_only=True)
class InspectionResult:
    """Level 2 on one tree."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...]
    passed: int
    failed: int
    skipped: int
    lost: tuple[str, ...]
    """Test ids of the base that did not pass in the candidate and are not known red."""
    tripwire: str
    """`seen`, `unseen`, or why it was not tried."""
    base_tests: str
    """`green`, `red: n`, or why they were not tried: base's tests against the candidate's source."""
    seconds: float
    base_total: int | None = None
    """Tests that passed or failed on the base; None = unknown."""
    summary: str
    """One line: "312 passed, 0 failed, tripwire seen, base's tests green"."""


@dataclass(frozen=True, kw_only=True)
class BaseLine:
    """What is known of the base from `init`: tests that were red or flaky before anybody here touched anything."""

    red: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What the commands of a seat are given beside its tree."""

    environment: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[str, ...] = ()
    """Toolchains outside the repository."""
    held: tuple[str, ...] = ()
    """Prepared directories in the tree, which no command changes: other trees share their files."""


class Checks(Protocol):
    """Level 2: smoke on a clean export of exactly one tree."""

    async def inspect(
        self, tree: TreeId, base: CommitId, progress: Callable[[str], None] = lambda line: None
    ) -> InspectionResult: ...

    async def equip(self, directory: str, base: CommitId) -> Equipment:
        """Lays base's prepared dependencies into a worktree or export; says what commands there are given."""

    def giving(self, fetched: Sequence[FetchedPackages]) -> Checks:
        """The same, where each tree but the base's own is given these packages too."""


# --- seats ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ActionResult:
    """What the seat is told about one action, after the broker permitted it and the effect ended."""

    ok: bool
    decision: str
    """`allow`, `ask` (answered or parked), `deny`."""
    text: str
    """Output for the seat: file text, command output, or the refusal with its way on."""
    exit_code: int | None = None


class Desk(Protocol):
    """What a seat can do, and all of it: wish for an action, say something, and hear what it is told."""

    async def act(self, action: Action) -> ActionResult:
        """Raises nothing for a refusal: a denial is an answer. Raises CancelledError when the turn is interrupted.

        It may take hours: while the turn is paused or its ask is open, the action waits here and the turn's time
        stands still. A seat's own watchdog must not count it. What the supervisor said meanwhile ends the text.
        """

    async def hear(self) -> tuple[str, ...]:
        """What the supervisor said since it was asked last, oldest first, each ready to be shown to a model.

        Each is given once, here or at the end of the next action's text. A seat whose mind can take words between
        its steps asks before each; the others lose nothing. Returns at once, as a rule with nothing.
        """

    def say(self, text: str) -> None:
        """Progress: published and forgotten."""

    def notice(self, kind: NoticeKind, text: str) -> None:
        """One line about the seat itself, on record and in its pane: "overloaded: again in 4 s (2/5)"."""

    def deny(self, tool: str, arguments: object, reason: str) -> None:
        """Puts on record a call that never became an action: an unmapped tool, or unreadable arguments."""

    def conversation(self, id: str, model: str = "") -> None:
        """What the seat's own side calls this conversation, and which model answers; once it is known."""

    def spend(
        self,
        usd: float | None,
        tokens_in: int,
        tokens_out: int,
        tokens_cached: int = 0,
        tokens_written: int = 0,
        model: str = "",
    ) -> None:
        """Usage so far of this turn, in all; None = unknown. `tokens_in` are without those read from the cache
        (`tokens_cached`) and those written into it (`tokens_written`)."""


@dataclass(frozen=True, kw_only=True)
class TurnBrief:
    """All that a seat is told at the start of a turn."""

    turn: str
    task: str
    title: str
    """The task's."""
    role: str
    purpose: str
    """author, review"""
    attempt: int
    text: str
    """The sealed brief, whole."""
    sha256: Sha256
    directory: str
    """The worktree or export; empty when the role sees no tree."""
    model_tier: str = ""
    model: str = ""
    """By the staffing; empty = the seat's own choice for the tier."""
    effort: str = ""
    """low, medium, high, xhigh, max; empty = the seat's own choice for the tier."""
    share: Bounds = NO_BOUNDS
    """What this turn may use. The factory keeps to it; a seat that can be told does not begin a call it cannot pay."""
    card: RoleCard | None = None
    """The role's, as it is in force; what a seat may offer follows from it."""
    resume: str = ""
    """The conversation of this very handoff that was interrupted; empty = begin afresh."""


@dataclass(frozen=True, kw_only=True)
class SeatOutcome:
    """How a turn ended, exactly one."""

    kind: str
    """ok, interrupted, refused, failed, budget, stalled, truncated, or `waiting`: the world is in the way, nobody
    failed, and the same turn begins again by itself (subscription window, rate limit, quota, network, sleep)."""
    note: str = ""
    cause: str = ""
    """waiting: for what, in words that are the same for everything that shares it: "rate limit of claude.ai"."""
    until: str = ""
    """waiting: UTC, ISO 8601 with `Z`; empty = the world did not say."""
    digest: str = ""
    """truncated: the context is full, and this is how it stands; a fresh turn goes on from it."""


class Seat(Protocol):
    """What fills a role for one turn: made, run once, closed.

    Making one is free: nothing is imported, connected or started before `run`, so that it can be asked what it is.
    """

    @property
    def kind(self) -> str:
        """`rehearsal`, `human`, `anthropic_api`, `claude_code`, `acp`"""

    @property
    def facts(self) -> SeatFacts: ...

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        """Opens, plays the turn, ends with one outcome. A FactoryError is `failed`, with its words as the note.

        Cancelling it is the interrupt: at any moment, twice, or before it began. What was said and done until then
        stands, and it ends within `INTERRUPT_SECONDS`.
        """

    async def close(self) -> None:
        """Ends whatever the seat started, its whole process tree; always called, also twice and when it never ran.
        Bounded by `CLOSE_SECONDS`."""


INTERRUPT_SECONDS = 5.0
CLOSE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Staffing:
    """Every role's seat, and the most that the user allows on this machine."""

    crew: tuple[Staffed, ...]
    ceilings: Budgets = SHIPPED_CEILINGS
    notes: tuple[str, ...] = ()
    """What is missing, and the command that mends it."""


class Seats(Protocol):
    """Which seat fills a role for a turn."""

    def kind_for(self, role: str, task: str, chosen: str) -> str:
        """`chosen` is the supervisor's choice for the task; empty = by the charter's settings."""

    def open(self, kind: str, model: str = "", effort: str = "") -> Seat:
        """Makes it; nothing is imported or connected yet. Raises FactoryError naming what is missing, and the
        command that mends it. `kind` is the name of a seat of this machine."""

    def staff(self, charter: Charter) -> Staffing:
        """Who fills each role by settings and by what this machine has. Quick: nothing is connected."""


class Workbench(Protocol):
    """The in-process tools of a seat, confined to one directory. Paths are resolved beneath it without a race:
    no `..`, no absolute path, no link that leaves it, whatever is swapped while it works."""

    async def read(self, directory: str, path: str) -> str:
        """Text with `\\ufffd` for what is no UTF-8; bounded. Raises WorldError."""

    async def search(self, directory: str, pattern: str, path: str, may_read: Callable[[str], bool]) -> str:
        """`path:line: text` for each match of an RE2 pattern below `path`, bounded, binary files left out."""

    async def edit(self, directory: str, action: Action) -> str:
        """Whole new text, one exact replacement, or a removal; atomic. Says what changed. Raises WorldError."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What came in from outside: a stranger's words, never an instruction."""

    host: str
    """The one that answered, after redirects."""
    url: str
    data: bytes
    """As it came, cut to the limit."""
    text: str
    """What a reader would see of it."""
    truncated: bool = False


class Fetcher(Protocol):
    """Fetches text from outside for a seat, in the factory's own process."""

    async def fetch(self, url: str, may_fetch: Callable[[str], bool]) -> Fetched:
        """`may_fetch` is asked for the address and for each it is sent on to. Raises WorldError."""


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What one `fetch package` brought in."""

    manager: str
    store: Sha256
    packages: tuple[Package, ...]
    files: int
    size: int
    listing: bytes
    """Every file with its sha256, one a line."""
    way: str
    """How a command finds it: for the seat."""


class Packages(Protocol):
    """Brings packages in from an index, in the factory's own hands; nothing of them runs."""

    async def fetch(self, asked: str, stack: Mapping[str, str], indexes: Mapping[str, str]) -> Brought:
        """`stack` is what DNA.md declares, `indexes` where to ask, by manager. Raises WorldError."""


class Progress(Protocol):
    """Where streaming text goes: published and forgotten."""

    def __call__(self, turn: str, text: str) -> None: ...


class Attestor(Protocol):
    """Signs statements and keeps them where a third party finds them. Nothing of what is kept is ever taken away."""

    @property
    def level(self) -> str:
        """How far evidence made here can be trusted, a key of `attesting.LEVELS`."""

    async def problem(self, base: CommitId) -> str:
        """Why nothing that is signed here would be believed on that base; empty = it would."""

    async def policy(self, commit: CommitId) -> Sha256:
        """Of the home's deciding files at a commit. Raises WorldError."""

    async def sign(self, draft: Draft) -> bytes:
        """The signed envelope, one line. Raises WorldError when the signer's key is missing or does not sign."""

    async def lines(self, commit: CommitId) -> tuple[bytes, ...]:
        """What is kept for a commit."""

    async def keep(self, commit: CommitId, lines: Sequence[bytes]) -> None:
        """Adds what is not there yet. Raises WorldError."""

    async def why_closed(self, commit: CommitId) -> tuple[str, ...]:
        """What a third party who verifies the commit would object to; nothing = the gate is open for it."""
