"""Role cards: what a role may do, what it can never do, and what holds it to that.

Roles differ in data only. A card answers every action; what it does not list is denied, with a way on. Pure: paths are
text, and the same card gives the same answer to a wish of a seat and to the changed paths of an import.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit

from factory_tui.domain import globs
from factory_tui.domain.packages import could_be_wanted, managers
from factory_tui.domain.terms import Action, ActionKind, Decision, Record, RuleMatch

Delivers = Literal["plan", "change", "review", "report", "deployment"]
"""What ends a turn of this role well."""

Sees = Literal["worktree", "export", "nothing"]
"""The tree it works in: its own worktree, a read-only export of one commit, or no tree at all."""

BriefPart = Literal["dna", "rules", "knowledge", "digest", "task", "diff", "plan", "findings", "messages", "notes"]
"""`task` is goal, criteria and paths; `notes` are what authors wrote when they handed over."""

ApprovalKind = Literal["dna", "architecture"]

ModelTier = Literal["strong", "standard", "fast"]

OF_AN_AUTHOR: tuple[BriefPart, ...] = ("digest", "messages", "notes")
"""Parts that carry an author's reasons; whoever judges gets none of them."""

SUPERVISOR_ONLY = ("land", "adopt", "grant", "approve_change", "approve_deploy", "dismiss")
"""Commands of the supervisor that are no action at all: no card can list them."""


class Budget(Record, frozen=True, kw_only=True):
    """The most one turn may use; whichever is reached first ends it."""

    usd: float
    tokens: int
    """In and out together, those read from a cache counted."""
    minutes: float
    actions: int


class Fetch(Record, frozen=True, kw_only=True):
    """What may come in from outside. It arrives through the factory, quoted as untrusted."""

    packages: Literal["never", "ask"] = "never"
    hosts: tuple[str, ...] = ()
    """Host names for `fetch url`; `*.example.org` is every host below it. None = no url at all."""


class Never(Record, frozen=True, kw_only=True):
    """One thing the role can never do, and what holds it."""

    text: str
    held_by: tuple[str, ...]
    """`action:edit` (not on the card), `writes`, `never_writes:GLOB`, `sees:export`, `brief:digest` (not told),
    `fetch:package`, `fetch:url`, `ask:package`, `ask:architecture`, `ask:deploy`, `protected`, `approves:dna`,
    `supervisor:land`, `duty:judges`, `duty:deploys`, `duty:plans`, `scratch`, `rule:P1`, `level:2`."""


class RoleCard(Record, frozen=True, kw_only=True):
    """One role, whole."""

    id: str
    """`data_analyst`: lower case, the name of its file."""
    title: str
    mission: str
    """One sentence."""
    delivers: Delivers
    actions: tuple[ActionKind, ...]
    """All it may wish for."""
    sees: Sees = "nothing"
    scratch: bool = False
    """Its commands run in a copy that vanishes, so that probing changes nothing."""
    reads: tuple[str, ...] = ("**",)
    never_reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    """Globs, relative to the repository or marked `home:`; none = it changes no file."""
    never_writes: tuple[str, ...] = ()
    """Taken out of `writes`."""
    runs: tuple[str, ...] = ()
    """First words of commands it may run; `*` = any."""
    settled: tuple[str, ...] = ()
    """Asks of rules that the supervisor answered for good: `run make notes`, kind and object to the letter. A denial
    stands, and so does what the card itself asks."""
    fetch: Fetch = Fetch()
    hands_to: tuple[str, ...] = ()
    """Role ids, the usual one first; `*` = every other role."""
    escalates_to: str = "supervisor"
    """A role id, or `supervisor`."""
    approves: tuple[ApprovalKind, ...] = ()
    proposes: tuple[str, ...] = ()
    """Globs of home documents for which it may propose a new text; in force only when adopted."""
    contained: bool = False
    """Only a program that is contained may fill it: for roles that read strangers' words. A person may always."""
    judges: bool = False
    """Its report is a verdict of level 3: fresh context, never on what it authored."""
    plans: bool = False
    deploys: bool = False
    """It may ask for a deployment, never approve one."""
    model_tier: ModelTier = "standard"
    budget: Budget
    parallel_turns: int = 1
    brief: tuple[BriefPart, ...] = ("dna", "rules", "knowledge", "task")
    """What it is told at the start of a turn; anything else it is never told."""
    checklist: tuple[str, ...]
    """What it checks in its own work before it delivers."""
    never: tuple[Never, ...]
    way_on: str = ""
    """What to do instead of a denied change or command, beside escalating."""
    body: str = ""
    """What the seat is told, Markdown."""

    @property
    def source(self) -> str:
        """How a match names this card."""
        return f"card:{self.id}"

    @property
    def is_author(self) -> bool:
        """Whether its turns can change the tree."""
        return bool(self.writes)

    def may_hand_to(self, role: str) -> bool:
        return role in self.hands_to or ("*" in self.hands_to and role != self.id)


class CardProblem(Record, frozen=True, kw_only=True):
    """What is wrong with a card, and at which key."""

    keys: tuple[str | int, ...]
    problem: str
    why: str = ""
    next_step: str


# --- what a card answers -------------------------------------------------------------------------


def permits(
    card: RoleCard,
    action: Action,
    *,
    protected: tuple[str, ...] = (),
    architecture: tuple[str, ...] = (),
) -> tuple[RuleMatch, ...]:
    """The card's answer to one action: at least one match; whatever the card does not list is denied.

    `protected` and `architecture` are globs relative to the repository (a charter's own, resolved).
    """
    if action.kind not in card.actions:
        reason = f"the {card.title} has no action `{action.kind}`"
        return (_deny(card, reason, where=action.object),)
    match action.kind:
        case "read" | "search":
            return _permit_look(card, action)
        case "edit":
            return path_policy(card, (action.path,), protected, architecture)
        case "run":
            return _permit_run(card, action.command)
        case "fetch":
            return _permit_fetch(card, action)
        case "plan":
            return _permit_plan(card, action)
        case "hand_over":
            return _permit_hand_over(card, action)
        case "propose":
            return _permit_propose(card, action)
        case "approve":
            return _permit_approve(card, action, architecture)
        case "deploy":
            # Only proposed by it: nothing runs before somebody else than the proposer approved it.
            return (_allow(card, action),)
        case "commit" | "report" | "escalate":
            return (_allow(card, action),)


def path_policy(
    card: RoleCard,
    paths: Iterable[str],
    protected: tuple[str, ...],
    architecture: tuple[str, ...] = (),
) -> tuple[RuleMatch, ...]:
    """The card's answer to changed paths: a match for each that is denied or asked for, else one that allows.

    No path at all changes nothing: that is allowed, and says so.
    """
    found = [match for path in paths if (match := _answer_path(card, path, protected, architecture)) is not None]
    if found:
        return tuple(found)
    return (RuleMatch(source=card.source, decision=Decision.ALLOW, reason="every path is among the card's writes"),)


def _answer_path(
    card: RoleCard, path: str, protected: tuple[str, ...], architecture: tuple[str, ...]
) -> RuleMatch | None:
    if slip := problem_of_path(path):
        return _deny(card, slip, where=path)
    if globs.matches(path, protected):
        reason = "the path is protected: no seat changes it, only an approved proposal does"
        may_propose = globs.matches(path, tuple(f"**/{glob.removeprefix('home:')}" for glob in card.proposes))
        instead = "propose the new text" if may_propose else ""
        return _deny(card, reason, where=path, instead=instead)
    if not card.writes:
        return _deny(card, f"the {card.title} changes no file", where=path)
    if globs.matches(path, card.never_writes):
        return _deny(card, f"the {card.title} never writes this path", where=path)
    if not globs.matches(path, card.writes):
        return _deny(card, f"the {card.title} writes only {_listed(card.writes)}", where=path)
    if globs.matches(path, architecture):
        return _ask(card, "the path is architecture by DNA.md, so the change needs the CEO's approval", where=path)
    return None


def problem_of_path(path: str) -> str:
    """Why a path names nothing inside the tree; empty = it does."""
    if not path or path.strip("/. ") == "":
        return "the path is empty: name a file below the root"
    if path.startswith(("/", "~")) or "\\" in path or re.match(r"[A-Za-z]:", path):
        return "the path is absolute or has a backslash: write it relative to the root, with `/`"
    if ".." in path.split("/"):
        return "the path climbs out with `..`: write it relative to the root"
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        return "the path holds a control character"
    return ""


def _permit_look(card: RoleCard, action: Action) -> tuple[RuleMatch, ...]:
    if card.sees == "nothing":
        return (_deny(card, f"the {card.title} is shown no tree: all it needs is in its brief", where=action.object),)
    if action.kind == "search" and action.path in ("", "."):
        # The whole tree: what the search leaves out is decided by `may_read`, file by file.
        return (_allow(card, action),)
    if slip := problem_of_path(action.path):
        return (_deny(card, slip, where=action.path),)
    if not may_read(card, action.path):
        return (_deny(card, f"the {card.title} does not read this path", where=action.path),)
    return (_allow(card, action),)


def may_read(card: RoleCard, path: str) -> bool:
    """Whether this file may be shown to the role; a search leaves out every file that may not."""
    return card.sees != "nothing" and globs.matches(path, card.reads) and not globs.matches(path, card.never_reads)


_SHELL_JOINTS = re.compile(r"[;&|<>`$(){}\n\r\\]")
_FIRST_WORD = re.compile(r"\s*([A-Za-z0-9_./+-]+)(?:\s|$)")


def _permit_run(card: RoleCard, command: str) -> tuple[RuleMatch, ...]:
    if not command.strip():
        return (_deny(card, "the command is empty", where="run"),)
    if "*" in card.runs:
        return (RuleMatch(source=card.source, decision=Decision.ALLOW, reason="the card runs any command"),)
    first = _FIRST_WORD.match(command)
    if first is None or first.group(1) not in card.runs:
        return (_deny(card, f"the {card.title} runs only {_listed(card.runs)}", where=command[:200]),)
    if joint := _SHELL_JOINTS.search(command):
        reason = f"the {card.title} runs one plain command at a time, and `{joint.group()!s}` joins another"
        return (_deny(card, reason.replace("\n", "\\n"), where=command[:200]),)
    return (RuleMatch(source=card.source, decision=Decision.ALLOW, reason=f"the card runs `{first.group(1)}`"),)


def _permit_fetch(card: RoleCard, action: Action) -> tuple[RuleMatch, ...]:
    target = action.target
    if action.resource == "package":
        if card.fetch.packages == "never":
            return (_deny(card, f"the {card.title} fetches no package", where=target),)
        if not could_be_wanted(target):
            reason = (
                f"this is no name of a package index that the factory asks; write {managers()}, with a version if you"
                " need one; what another manager brings (cargo, go, gem) is vendored by the supervisor"
            )
            return (_deny(card, reason, where=target[:200]),)
        return (_ask(card, f"the package `{target}` would come in from outside", where=target),)
    if action.resource == "url":
        host = _host_of(target)
        if not host:
            return (_deny(card, "only plain https addresses without user, port or odd characters", where=target[:200]),)
        if may_fetch(card, target):
            return (RuleMatch(source=card.source, decision=Decision.ALLOW, reason=f"the card lists `{host}`"),)
        known = _listed(card.fetch.hosts) if card.fetch.hosts else "no address"
        return (_deny(card, f"the {card.title} fetches from {known}", where=host),)
    return (_deny(card, "say what to fetch: a `package` or a `url`", where=target[:200]),)


def may_fetch(card: RoleCard, url: str) -> bool:
    """Whether the card lists the host of this address."""
    host = _host_of(url)
    return bool(host) and any(_host_matches(host, listed) for listed in card.fetch.hosts)


def _host_of(url: str) -> str:
    if not url.startswith("https://") or re.search(r"[^\x21-\x7e]|[\\@]", url):
        return ""
    try:
        host = urlsplit(url).netloc.lower()
    except ValueError:
        return ""
    return host if is_host(host) else ""


def is_host(text: str) -> bool:
    """Whether it is a host name with at least one dot, all in ASCII; an address in digits is none."""
    labels = text.split(".")
    is_named = all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label) for label in labels)
    return len(labels) > 1 and len(text) <= 253 and is_named and not labels[-1].isdigit()


def _host_matches(host: str, listed: str) -> bool:
    return host.endswith(listed[1:]) if listed.startswith("*.") else host == listed


_PATCH = re.compile(r"^\s*(diff --git |--- a/|\+\+\+ b/|@@ -\d|\*\*\* Begin Patch)", re.MULTILINE)


def _permit_plan(card: RoleCard, action: Action) -> tuple[RuleMatch, ...]:
    for number, task in enumerate(action.tasks, start=1):
        if not card.may_hand_to(task.role):
            reason = f"task {number} is for `{task.role}`, to whom the {card.title} hands nothing"
            return (_deny(card, reason, where=task.title, instead=f"plan it for one of {_listed(card.hands_to)}"),)
        if _PATCH.search("\n".join((task.title, task.goal, *task.criteria))):
            reason = f"task {number} carries a patch: a plan says what is wanted and how it is judged, not the code"
            return (_deny(card, reason, where=task.title, instead="say the wanted behaviour as criteria"),)
    return (_allow(card, action),)


def _permit_hand_over(card: RoleCard, action: Action) -> tuple[RuleMatch, ...]:
    if action.target and not card.may_hand_to(action.target):
        reason = f"the {card.title} hands over to {_listed(card.hands_to)}"
        return (_deny(card, reason, where=action.target),)
    return (_allow(card, action),)


def _permit_propose(card: RoleCard, action: Action) -> tuple[RuleMatch, ...]:
    path = action.path.removeprefix("home:")
    if slip := problem_of_path(path):
        return (_deny(card, slip, where=action.path),)
    if not globs.matches(path, card.proposes):
        known = _listed(card.proposes) if card.proposes else "no document"
        return (_deny(card, f"the {card.title} proposes {known}", where=action.path),)
    return (_allow(card, action),)


def _permit_approve(card: RoleCard, action: Action, architecture: tuple[str, ...]) -> tuple[RuleMatch, ...]:
    path = action.path.removeprefix("home:")
    if slip := problem_of_path(path):
        return (_deny(card, slip, where=action.path),)
    if globs.matches(path, ("**/DNA.md",)):
        kind: ApprovalKind = "dna"
    elif globs.matches(path, architecture):
        kind = "architecture"
    else:
        reason = "only DNA.md and architecture paths are approved by a role; everything else is the supervisor's alone"
        return (_deny(card, reason, where=action.path),)
    if kind not in card.approves:
        return (_deny(card, f"the {card.title} approves no {kind}", where=action.path),)
    return (_allow(card, action),)


def _allow(card: RoleCard, action: Action) -> RuleMatch:
    return RuleMatch(source=card.source, decision=Decision.ALLOW, reason=f"the card lists `{action.kind}`")


def _ask(card: RoleCard, reason: str, *, where: str) -> RuleMatch:
    return RuleMatch(
        source=card.source,
        decision=Decision.ASK,
        reason=reason,
        instead="wait for the answer, or go on with what needs none",
        where=where,
    )


def _deny(card: RoleCard, reason: str, *, where: str, instead: str = "") -> RuleMatch:
    ways = [way for way in (instead or card.way_on, f"escalate to the {card.escalates_to}") if way]
    if "escalate" not in card.actions:
        ways = ways[:-1]
    return RuleMatch(
        source=card.source, decision=Decision.DENY, reason=reason, instead=", or ".join(ways) + ".", where=where
    )


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "nothing"
