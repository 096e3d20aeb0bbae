"""The words everything else is made of.

Small closed vocabularies and the values that several rooms share. A `Struct` here
is written down in the ledger; its fields are therefore named for ever.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, get_args

import msgspec

Sha256 = str
"""Lower-case hex of a SHA-256. A "digest" is the supervisor's report, never this."""

CommitId = str
TreeId = str


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=False):
    """A value that is written down. Unknown fields are ignored, so a newer ledger opens in an older program."""


class Decision(StrEnum):
    """What the factory answers to an action: `allow < ask < deny`, the strictest of all that matched wins."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"

    @property
    def weight(self) -> int:
        return ("allow", "ask", "deny").index(self.value)


def strictest(*decisions: Decision) -> Decision:
    """The strictest of the answers; no answer at all is `ask`, never `allow`."""
    return max(decisions, key=lambda decision: decision.weight, default=Decision.ASK)


class Verdict(StrEnum):
    """What a gate level found. A check that inspected nothing has not run."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    BROKEN = "broken"
    NOT_RUN = "not run"


Level = Annotated[int, msgspec.Meta(ge=1, le=5)]
"""1 rules before the task, 2 smoke before the commit, 3 independent review, 4 after deployment, 5 incident to rule."""

LEVEL_NAMES = {1: "rules", 2: "smoke", 3: "quality", 4: "deploy", 5: "incident"}

ActionKind = Literal[
    "read",
    "search",
    "edit",
    "run",
    "commit",
    "fetch",
    "plan",
    "hand_over",
    "report",
    "propose",
    "approve",
    "escalate",
    "deploy",
]
ACTION_KINDS: tuple[ActionKind, ...] = get_args(ActionKind)
MAY_BE_REMEMBERED = frozenset({"read", "search", "edit", "run", "commit"})
"""Kinds of action for which a yes can hold for more than once. What comes in from outside, changes the law or deploys
is looked at each time."""

Phase = Literal[
    "session_start",
    "task_start",
    "tool_call",
    "before_commit",
    "review",
    "before_deploy",
    "after_deploy",
    "session_end",
    "incident",
]
"""When a rule is asked."""

Control = Literal["brokered", "supervised", "human", "rehearsed"]
"""How a seat is held: every call passes our broker / the agent's own loop is watched / a person / a script."""


class SeatFacts(Record, frozen=True, kw_only=True):
    """What a seat declares once, before it is opened. What is not declared is not so."""

    control: Control
    gates_every_call: bool = False
    """Each thing it does was permitted by the broker first."""
    knows_cost: bool = False
    """It says what it costs; where it does not, tokens alone bound it."""
    can_resume: bool = False
    """A conversation that was cut off can be taken up by its id."""
    contained: bool = False
    """Nothing of it runs outside of the factory's own process and the wall."""
    where: str = ""
    """The other machine it works on; empty = this one."""


class Actor(Record, frozen=True, kw_only=True):
    """Who did it."""

    kind: Literal["supervisor", "seat", "factory"]
    name: str
    """`supervisor:<os user>@tty|cli|script`, `builder/b2`, or the part of the factory, such as `gatekeeper`."""


class Evidence(Record, frozen=True, kw_only=True):
    """Bytes that back a claim, kept in the evidence store under their sha256."""

    sha256: Sha256
    size: int
    label: str
    """What it is, in words: "smoke output", "diff of T-3"."""


class Attested(Record, frozen=True, kw_only=True):
    """One statement that was signed."""

    kind: str
    """smoke, review, approval, landing, deployment"""
    of: str
    """Which one: `review:2`, `approval:C-1`, `smoke:<commit>`, `landing:<commit>:<approval>`."""
    commit: CommitId
    signer: str
    envelope: Evidence
    """The signed line, whole."""


CheckVerdict = Literal["pass", "fail", "not applicable", "gap"]
"""What one check found after a deployment. A gap could not be checked; it is not a pass."""
NOT_RUN_YET = "not run yet"
"""The reason of a gap that is only yet to come."""
CHECKS_OF = "checks:"
"""What progress is about when an answer of level 4 comes in: this and the deployment. Its text is a `CheckRow` as
JSON."""


class CheckRow(Record, frozen=True, kw_only=True):
    """The answer of one check of level 4."""

    id: str
    """`V01`; a project's own has another prefix."""
    verdict: CheckVerdict
    reason: str = ""
    """Why: what is wrong, why it does not apply here, or why it could not be checked. On one line."""
    group: str = ""
    title: str = ""
    evidence: str = ""
    """What was seen, in words or as JSON."""
    seconds: float = 0.0


class DeployPlan(Record, frozen=True, kw_only=True):
    """What a deployment will do and how it is taken back, word for word: what its approval is about."""

    environment: str
    commit: CommitId
    previous: CommitId
    """What runs there now and what the way back brings; empty = nothing does, and the way back takes it down."""
    deploy: tuple[str, ...]
    """The commands with everything filled in."""
    rollback: tuple[str, ...]
    status: tuple[str, ...]
    backup: tuple[str, ...] = ()
    no_backup: str = ""
    """Why none is needed."""
    credentials: tuple[str, ...] = ()
    """Their names."""
    after: tuple[str, ...] = ()
    """Where it has run, verified, before."""
    network: bool = True
    note: str = ""
    """Of who proposes it."""


class Finding(Record, frozen=True, kw_only=True):
    """One thing a check or a reviewer found."""

    id: str = ""
    """`F-1`; given by the state, empty before."""
    severity: Literal["blocks", "note"] = "blocks"
    title: str
    detail: str = ""
    path: str = ""
    line: int = 0
    """1-based; 0 = the finding is about the whole file or change."""
    by: str = ""
    """The check, rule or reviewer that found it: `level 2`, `Q2`, `quality/q1`, `supervisor`."""
    evidence: tuple[Evidence, ...] = ()
    must_answer: bool = False
    """A finding of level 2 that level 3 must answer one by one: a lost test, a red test of the base."""


class PlannedTask(Record, frozen=True, kw_only=True):
    """A task as the planner proposes it."""

    title: str
    goal: str
    role: str
    criteria: tuple[str, ...]
    paths: tuple[str, ...] = ()
    """Globs the task means to change; two author turns run at once only on disjoint ones."""
    after: tuple[int, ...] = ()
    """Indexes (from 0) of tasks in the same plan that must have landed first."""
    asks: tuple[str, ...] = ()
    """Asks to expect, in the form `fetch package:authlib`; settled together with the plan."""


class FindingAnswer(Record, frozen=True, kw_only=True):
    """A reviewer's answer to one finding that must be answered."""

    finding: str
    """Its id, `F-3`."""
    accepted: bool
    """True: the loss is legitimate. False: it blocks."""
    reason: str


class Action(Record, frozen=True, kw_only=True):
    """One thing a seat wants to do. A closed vocabulary; each kind uses the fields named for it."""

    kind: ActionKind
    path: str = ""
    """read, search, edit: relative to the worktree, `/` separated. approve, propose: the document."""
    content: str | None = None
    """edit: the whole new text of `path`; None with `old`/`new` set is a replacement. propose: the proposed text."""
    old: str = ""
    """edit: text that must occur exactly once in `path`."""
    new: str = ""
    delete: bool = False
    """edit: remove `path`."""
    command: str = ""
    """run: one shell line, run by `sh -c` in the worktree."""
    pattern: str = ""
    """search: RE2 pattern."""
    resource: Literal["", "package", "url"] = ""
    """fetch"""
    target: str = ""
    """fetch: package name or url. deploy: the environment. hand_over: the role, empty = the card's first."""
    text: str = ""
    """commit: message. hand_over, report: note. escalate: the question. plan: the reasoning."""
    tasks: tuple[PlannedTask, ...] = ()
    """plan"""
    findings: tuple[Finding, ...] = ()
    """report by a judging role"""
    answers: tuple[FindingAnswer, ...] = ()
    """report by a judging role: one for each finding that must be answered"""
    checked: tuple[str, ...] = ()
    """report by a judging role: what was actually inspected, one line each; empty means nothing was."""
    commit: str = ""
    """deploy: the landed commit; empty = the one that landed last."""

    @property
    def object(self) -> str:
        """What it is about, on one line: the path, command, package or first words of the text."""
        if self.kind == "fetch":
            return f"{self.resource}:{self.target}"
        return self.path or self.command or self.target or self.pattern or self.text.split("\n", 1)[0][:120]


class Package(Record, frozen=True, kw_only=True):
    """One package from outside, exactly."""

    name: str
    version: str
    integrity: str
    """Binds it to its bytes: `sha256:` of its archive as we counted it, `sha512-` as its index says and npm checked."""
    licence: str = ""
    """As it says of itself; empty = it does not say."""
    scripts: bool = False
    """It has an install script, which did not run."""


class FetchedPackages(Record, frozen=True, kw_only=True):
    """What came in for one wish of a seat."""

    asked: str
    """The action's target, as the supervisor allowed it."""
    manager: str
    """`pip`, `npm`"""
    store: Sha256
    """Of everything that came, file by file; it is kept under this name."""
    packages: tuple[Package, ...]
    """The one that was asked for first, then what it needs."""
    files: int
    size: int
    """Bytes of all files."""
    listing: Evidence
    """Every file with its sha256."""


class RuleMatch(Record, frozen=True, kw_only=True):
    """Why something was asked or denied: one rule or one line of a card that matched."""

    source: str
    """`P1`, `card:builder`, `grant`, `boundary`"""
    decision: Decision
    reason: str
    instead: str = ""
    """What to do instead."""
    where: str = ""
    """`path:line` or the part of the command that matched."""
    unanswered: tuple[str, ...] = ()
    """Facts nobody could answer; they made this an ask."""


class Ruling(Record, frozen=True, kw_only=True):
    """The answer to one action or change: the strictest decision and everything that matched."""

    decision: Decision
    matches: tuple[RuleMatch, ...] = ()

    @property
    def reason(self) -> str:
        """The strictest match's reason, with its source and what to do instead, on one line."""
        strict = [match for match in self.matches if match.decision is self.decision]
        if not strict:
            return self.decision.value
        first = strict[0]
        tail = f" Instead: {first.instead}" if first.instead else ""
        spot = f" ({first.where})" if first.where else ""
        return f"{first.source}: {first.reason}{spot}{tail}"


class Line(Record, frozen=True, kw_only=True):
    """One line of a change."""

    number: int
    """1-based: in the new file for added lines, in the old one for removed lines."""
    text: str


class FileChange(Record, frozen=True, kw_only=True):
    """What happened to one file between two trees. Renames are a removal and an addition."""

    path: str
    old_mode: str = ""
    """`100644`, `100755`, `120000`; empty = the file is new."""
    new_mode: str = ""
    """empty = the file was removed."""
    binary: bool = False
    added: tuple[Line, ...] = ()
    removed: tuple[Line, ...] = ()
    long_lines: tuple[int, ...] = ()
    """Numbers of added lines over 2 kB: flagged, never matched."""


class Change(Record, frozen=True, kw_only=True):
    """The difference between a base tree and a candidate's."""

    files: tuple[FileChange, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)
