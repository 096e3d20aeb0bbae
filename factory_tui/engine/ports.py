"""What the engine needs from the world, as protocols; what fills a role is in `seat_ports`. An adapter satisfies one by
shape, none inherits.

Paths cross these borders as strings: the engine opens no file. Everything here may be slow;
an `async` method never blocks the loop, a plain one returns within a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from factory_tui.domain.attesting import Draft
from factory_tui.domain.terms import (
    Action,
    Change,
    CommitId,
    Evidence,
    FetchedPackages,
    Finding,
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
    reserved_bytes: int = 0
    """Private memory that a program may ask for, used or not; 0 = no more than it may use."""
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
    breach: str = ""
    """`memory`, `processes` or `disk`: it had passed that limit when it was stopped; empty = each limit held."""
    met: str = ""
    """A limit that the kernel held it to, and that it ended by itself at; empty = none that we know of."""


class Sandbox(Protocol):
    """Runs one command; whatever it started is dead when `run` returns, also when `run` is cancelled."""

    @property
    def wall(self) -> str:
        """`bwrap`, `container`, `none`: shown, recorded, attested."""

    async def run(
        self,
        argv: Sequence[str],
        boundary: Boundary,
        limits: Limits = Limits(),
        hear: Callable[[bytes], None] | None = None,
    ) -> RunResult:
        """`hear` is given the output in pieces, as it comes; what comes of it is the result's to say."""


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


# --- what carries out an action ------------------------------------------------------------------


class Workbench(Protocol):
    """The in-process tools of a seat, confined to one directory. Paths are resolved beneath it without a race:
    no `..`, no absolute path, no link that leaves it, whatever is swapped while it works."""

    async def read(self, directory: str, path: str) -> str:
        """Text with `\\ufffd` for what is no UTF-8; bounded. Raises WorldError."""

    async def search(self, directory: str, pattern: str, path: str, may_read: Callable[[str], bool]) -> str:
        """`path:line: text` for each match of an RE2 pattern below `path`, bounded, binary files left out."""

    async def edit(self, directory: str, action: Action) -> str:
        """Whole new text, one exact replacement, or a removal; atomic. Says what changed. Raises WorldError."""


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

    async def verified(self, commit: CommitId) -> tuple[tuple[str, ...], str]:
        """The same, and the level that was found, a key of `attesting.LEVELS`; empty = it is closed."""
