"""What a rule is: values read from `rules/*.md`, without any judging.

A rule names when it is asked (`bears_when`), how it is checked (`check`), what lifts it (`unless`), and the cases that
prove it: `catches` must trigger it, `allows` must not.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from factory_tui.domain.terms import ActionKind, Decision, Phase, Record

Origin = Literal["factory_os", "ai_agent", "engineering", "home"]

Op = Literal[
    "missing",
    "exists",
    "empty",
    "eq",
    "ne",
    "gt",
    "ge",
    "lt",
    "le",
    "in",
    "contains",
    "regex",
    "distinct_gt",
    "distinct_lt",
    "eq_path",
    "ne_path",
    "gt_path",
    "lt_path",
    "in_path",
    "not_in_path",
    "contains_path",
    "not_subset_of_path",
    "under_path",
]
"""How a fact is compared; `*_path` compares with another fact."""


class Written(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value that people write by hand: an unknown key is a slip, not a newer version."""


class Condition(Written, frozen=True, kw_only=True, rename={"negated": "not"}):
    """A predicate over facts: one comparison, or several joined. It says what is *wrong*."""

    path: str = ""
    """A fact, `run.spend_usd`; inside `where` a field of the item, or `$.fact`."""
    op: Op = "eq"
    value: Any = None
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    negated: Condition | None = None
    any_item: str = ""
    """A fact that is a list; true when `where` holds for one of its items."""
    where: Condition | None = None


class Find(Written, frozen=True, kw_only=True):
    """A pattern that something else in the same simple command or line can lift."""

    find: str
    unless: str = ""
    looks_random: bool = False
    """The hit counts only when it holds a run of letters and digits that looks drawn at random, as keys do."""


Seek = str | Find


class DenyAction(Written, frozen=True, kw_only=True, tag_field="kind", tag="deny_action"):
    """The actions named in `bears_when` are refused to the roles named there."""


class DenyPath(Written, frozen=True, kw_only=True, tag_field="kind", tag="deny_path"):
    """Actions on these paths are refused; for `run`, every word of the command that is such a path counts."""

    globs: tuple[str, ...]
    except_globs: tuple[str, ...] = ()
    run_words: Literal["written", "any"] = "written"
    """`written`: words given only to programs that read do not count."""


class DenyCommand(Written, frozen=True, kw_only=True, tag_field="kind", tag="deny_command"):
    """Shell commands are refused."""

    patterns: tuple[Seek, ...] = ()
    """Sought in the command as read: quotes taken off, texts that are merely said left out, one pipeline a line."""
    raw_patterns: tuple[Seek, ...] = ()
    """Sought in the command as written."""
    doubtful: tuple[Seek, ...] = ()
    """Like `patterns`, but always an ask."""


class NetRemoved(Written, frozen=True, kw_only=True):
    """At most `most` more lines with the pattern may go from surviving tests than come, in one file."""

    pattern: str
    most: int = 0


class DiffPattern(Written, frozen=True, kw_only=True, tag_field="kind", tag="diff_pattern"):
    """Lines of a change are refused."""

    scope: Literal["added", "removed"] = "added"
    mode: Literal["line", "file"] = "line"
    """`file`: all such lines of a file joined."""
    paths: tuple[str, ...] = ()
    """Globs; none = every file."""
    except_paths: tuple[str, ...] = ()
    patterns: tuple[Seek, ...] = ()
    doubtful: tuple[Seek, ...] = ()
    """Patterns whose hit needs judgement: an ask that names the line."""
    doubtful_paths: tuple[str, ...] = ()
    """Globs of files in which every hit needs judgement."""
    except_patterns: tuple[str, ...] = ()
    """A line with one of these is not looked at."""
    absent_patterns: tuple[str, ...] = ()
    """The finding is lifted when the file's added lines hold one of these."""
    unless_readded: str = ""
    """Removed lines that come back do not count; two lines are alike when they are after removing this pattern."""
    unless_replaces: str = ""
    """Added lines that take the place of one like it do not count, such as a version that is merely raised; two lines
    are alike when they are after removing this pattern."""
    unless_moved: bool = False
    """Added lines that the same change removes elsewhere do not count."""
    unless_new_test: bool = False
    """Hits inside a test that the change itself adds do not count: they take nothing away."""
    net_removed: NetRemoved | None = None
    """Lines that went from tests which stay; needs judgement: an ask that names the first."""
    lost_tests: bool = False
    """Tests that went while the change removes nothing else; needs judgement: an ask that names them."""


class Extract(Written, frozen=True, kw_only=True):
    """Names collected from files."""

    globs: tuple[str, ...]
    regex: str


class StateCheck(Written, frozen=True, kw_only=True, tag_field="kind", tag="state"):
    """A predicate over what the factory knows."""

    violates_when: Condition
    extract: dict[str, Extract] = msgspec.field(default_factory=dict)


class RequireEvidence(Written, frozen=True, kw_only=True, tag_field="kind", tag="require_evidence"):
    """The same predicate over recorded evidence; missing evidence violates."""

    evidence: tuple[str, ...]
    violates_when: Condition


class Expect(Written, frozen=True, kw_only=True):
    """What a command must have done."""

    exit: int = 0
    stdout_regex: str = ""


class CommandCheck(Written, frozen=True, kw_only=True, tag_field="kind", tag="command"):
    """Run a command, compare exit code and output."""

    run: str
    timeout_s: int = 30
    expect: Expect = Expect()


class ReviewQuestion(Written, frozen=True, kw_only=True, tag_field="kind", tag="review_question"):
    """An independent reviewer answers it with evidence."""

    question: str
    evidence_required: tuple[str, ...] = ()


Check = DenyAction | DenyPath | DenyCommand | DiffPattern | StateCheck | RequireEvidence | CommandCheck | ReviewQuestion


class Lift(Written, frozen=True, kw_only=True):
    """What lifts a rule: an approval by name, or a fact."""

    approval: str = ""
    """Unmet, it makes the answer an ask. Met when `approvals.granted` holds the name."""
    when: Condition | None = None


class Bearing(Written, frozen=True, kw_only=True):
    """When a rule is asked."""

    phases: tuple[Phase, ...]
    roles: tuple[str, ...] = ()
    """None = every role."""
    except_roles: tuple[str, ...] = ()
    actions: tuple[ActionKind, ...] = ()
    """In `tool_call`; none = every action."""
    stack: tuple[Condition, ...] = ()
    """What DNA.md must declare about the project, such as `project.production_db` being `postgresql`."""


class Incident(Written, frozen=True, kw_only=True):
    """What broke, for whom, when, and at what cost."""

    name: str
    date: str
    """`2026-04-03`, or `2026-04` when the day is not known."""
    cost: str
    source: str
    seen: bool = False
    """True only where a page stating the facts was really read."""
    seen_via: str = ""
    """Where, when that is not the source itself."""
    caveat: str = ""
    """What is doubtful about it."""
    related: tuple[str, ...] = ()
    what_happened: str = ""
    """From the file's body."""


class CommandResult(Written, frozen=True, kw_only=True):
    """Of a case: how the command of a `command` check ended."""

    exit: int
    stdout: str = ""


class Case(Written, frozen=True, kw_only=True):
    """One thing that a rule must catch, or must let pass."""

    role: str = ""
    """Empty = any role that the rule bears on."""
    action: ActionKind | Literal[""] = ""
    path: str = ""
    command: str = ""
    diff: str = ""
    state: dict[str, Any] = msgspec.field(default_factory=dict)
    """Facts, nested. What a case does not say is known to be absent."""
    files: dict[str, str] = msgspec.field(default_factory=dict)
    result: CommandResult | None = None
    situation: str = ""
    """For a reviewer to read: a review question has no mechanical case."""
    decision: Decision | None = None
    """The exact answer, when it matters; None = ask or deny for `catches`."""


class Rule(Written, frozen=True, kw_only=True):
    """One rule of the charter."""

    id: str
    title: str
    tier: Literal["core", "extended"] = "core"
    origin: Origin = "home"
    severity: Literal["block", "warn"] = "block"
    concerns: tuple[str, ...] = ("all",)
    """Roles whose brief shows it; `all`. Enforcement asks `bears_when` alone."""
    bears_when: Bearing
    check: Check
    unless: tuple[Lift, ...] = ()
    incident: Incident
    catches: tuple[Case, ...]
    allows: tuple[Case, ...]
    statement: str = ""
    """From the body, as are the two below."""
    reason: str = ""
    instead: str = ""
    path: str = ""
    """The file it came from, as shown."""

    @property
    def family(self) -> str:
        return self.id[:1]


OUTSIDE = ".home-outside-the-repository"
"""Stands for a home that no path of the repository lies in."""


def at_home(rule: Rule, prefix: str | None) -> Rule:
    """The rule with its `home:` globs and cases moved to where the home lies: below the prefix, None = outside."""
    check = rule.check
    if isinstance(check, DenyPath):
        check = replace(check, globs=_moved(check.globs, prefix), except_globs=_moved(check.except_globs, prefix))
    elif isinstance(check, DiffPattern):
        check = replace(
            check,
            paths=_moved(check.paths, prefix),
            except_paths=_moved(check.except_paths, prefix),
            doubtful_paths=_moved(check.doubtful_paths, prefix),
        )
    return replace(
        rule,
        check=check,
        catches=tuple(replace(case, path=_moved((case.path,), prefix)[0]) for case in rule.catches),
        allows=tuple(replace(case, path=_moved((case.path,), prefix)[0]) for case in rule.allows),
    )


def _moved(globs: tuple[str, ...], prefix: str | None) -> tuple[str, ...]:
    place = OUTSIDE if prefix is None else prefix
    return tuple(
        "/".join(part for part in (place, glob.removeprefix("home:")) if part) if glob.startswith("home:") else glob
        for glob in globs
    )
