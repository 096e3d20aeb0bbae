"""All rules in force, compiled once and asked about everything a seat wants to do.

Only rules whose facts somebody answers are asked here; the others are *loaded, not enforced*, and `enforcement` says
which fact each of them misses. `allow` is the absence of a match: what is returned asks or denies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from factory_tui.domain import globs
from factory_tui.domain.conditions import Answer, FactView, decide_condition
from factory_tui.domain.facts import is_provided
from factory_tui.domain.facts_needed import facts_of, missing_facts
from factory_tui.domain.patterns import any_of, encode
from factory_tui.domain.plurals import count
from factory_tui.domain.rule_checks import ChangeSeeker, CommandSeeker, Hit, PathSeeker, words_to_look_at
from factory_tui.domain.rules import (
    Condition,
    DenyAction,
    DenyCommand,
    DenyPath,
    DiffPattern,
    RequireEvidence,
    ReviewQuestion,
    Rule,
    StateCheck,
)
from factory_tui.domain.shell_text import ShellText, read_command
from factory_tui.domain.terms import Action, Change, Decision, FileChange, Phase, RuleMatch

SOURCE = "rules"
"""The source of a match that comes from no single rule: a command or line too long to be matched."""

LONG_LINES_ARE_USUAL = (
    *(
        f"**/*.{ending}"
        for ending in ("svg", "ambr", "snap", "json", "jsonl", "lock", "map", "csv", "tsv", "ipynb", "po")
    ),
    *(f"**/*.{ending}" for ending in ("md", "mdx", "rst", "txt", "html", "xml", "min.js", "min.css")),
    "**/*.generated.*",
    "**/generated/**",
    "**/__snapshots__/**",
    "**/fixtures/**",
    "**/tests/**",
    "**/__tests__/**",
    "**/*.test.*",
    "**/*.spec.*",
)
"""Files in which a line over 2 kB is usual: there it is flagged, elsewhere it is an ask."""


class Enforcement(NamedTuple):
    """Whether a rule is enforced, and if not, for want of what."""

    rule: str
    enforced: bool
    missing: tuple[str, ...]
    how: str
    """`action`, `change`, `state`, `reviewer`, or `loaded only`."""


class RuleBook:
    """The rules of a charter. Made by `compile_rules`."""

    def __init__(self, rules: Sequence[Rule], *, for_cases: bool = False) -> None:
        """`for_cases`: every fact counts as answered, and what a case does not say is known to be absent."""
        self.rules = tuple(rules)
        self._for_cases = for_cases
        self._missing = {rule.id: () if for_cases else missing_facts(rule) for rule in self.rules}
        asked = [rule for rule in self.rules if not self._missing[rule.id]]
        acting = [rule for rule in asked if "tool_call" in rule.bears_when.phases]
        self._actions = [rule for rule in acting if isinstance(rule.check, DenyAction)]
        self._paths = [(rule, PathSeeker(rule.check)) for rule in acting if isinstance(rule.check, DenyPath)]
        self._commands = [(rule, CommandSeeker(rule.check)) for rule in acting if isinstance(rule.check, DenyCommand)]
        self._states = [rule for rule in asked if isinstance(rule.check, StateCheck | RequireEvidence)]
        committing = [rule for rule in asked if "before_commit" in rule.bears_when.phases]
        self._changes = [(rule, ChangeSeeker(rule.check)) for rule in committing if isinstance(rule.check, DiffPattern)]
        self._any_path = tuple(dict.fromkeys(glob for _, seeker in self._paths for glob in seeker.word_globs))
        seekers = [seeker for _, seeker in self._commands]
        self._any_command = any_of(
            find for seeker in seekers for part in (seeker.patterns, seeker.doubtful) for find in part.finds
        )
        self._any_raw = any_of(find for seeker in seekers for find in seeker.raw_patterns.finds)
        self._any_line = {
            scope: any_of(
                find
                for _, seeker in self._changes
                if seeker.check.scope == scope
                for part in (seeker.patterns, seeker.doubtful)
                for find in part.finds
            )
            for scope in ("added", "removed")
        }

    # --- questions -------------------------------------------------------------------------------

    def judge_action(self, action: Action, role: str, facts: Mapping[str, object]) -> tuple[RuleMatch, ...]:
        """What the rules say to one action of a seat of that role; facts nested or dotted."""
        view = self._view(
            facts,
            {
                "event.kind": "tool_call",
                "action.target": action.target if action.kind == "deploy" else None,
                "action.mutates": action.kind == "deploy",
            },
        )
        matches: list[RuleMatch] = []
        for rule in self._actions:
            if _bears_on_action(rule, role, action):
                matches += self._match(rule, [Hit(action.kind)], view)
        command = read_command(action.command) if action.kind == "run" else None
        if command and command.unread:
            matches.append(
                RuleMatch(
                    source=SOURCE,
                    decision=Decision.ASK,
                    reason=f"the command cannot be held against the rules: {command.unread}",
                    instead="write it to a script in the worktree, or run it in smaller steps",
                    where=action.command[:80],
                )
            )
        words = words_to_look_at(command.touched, self._any_path) if command else []
        for rule, path_seeker in self._paths:
            if _bears_on_action(rule, role, action):
                hit = path_seeker.hit_words(words) if command else path_seeker.hit_path(action.path)
                # A case may name the path that a command touches.
                hit = hit or (path_seeker.hit_path(action.path) if command and action.path else None)
                matches += self._match(rule, [hit] if hit else [], view)
        if command and not command.unread:
            matches += self._judge_command(command, role, action, view)
        for rule in self._states:
            if "tool_call" in rule.bears_when.phases and _bears_on_action(rule, role, action):
                matches += self._judge_state(rule, view)
        return tuple(matches)

    def judge_change(self, change: Change, role: str, facts: Mapping[str, object]) -> tuple[RuleMatch, ...]:
        """What the rules say to a change before it is committed: one match a rule, `where` its first line."""
        view = self._view(facts, {})
        hits: dict[str, list[Hit]] = {}
        too_long: dict[Decision, list[str]] = {Decision.ASK: [], Decision.ALLOW: []}
        moved = {line.text.strip() for file in change.files for line in file.removed}
        for file in change.files:
            answer = Decision.ALLOW if globs.matches(file.path, LONG_LINES_ARE_USUAL) else Decision.ASK
            too_long[answer] += [f"{file.path}:{number}" for number in file.long_lines]
            suspicious = {scope: self._may_hit(scope, file) for scope in ("added", "removed")}
            for rule, seeker in self._changes:
                if suspicious[seeker.check.scope] and _bears_on_role(rule, role) and seeker.bears_on(file.path):
                    hits.setdefault(rule.id, []).extend(seeker.hits(file, moved))
        matches: list[RuleMatch] = []
        for rule, seeker in self._changes:
            if _bears_on_role(rule, role):
                matches += self._match(rule, hits.get(rule.id, []) + seeker.hits_in_change(change), view)
        matches += [
            RuleMatch(
                source=SOURCE,
                decision=decision,
                reason=f"{count(len(places), 'line')} over 2 kB not held against the rules",
                instead="break the line, or keep what a program makes out of the change",
                where=places[0],
            )
            for decision, places in too_long.items()
            if places
        ]
        return tuple(matches)

    def judge_phase(self, phase: Phase, role: str, facts: Mapping[str, object]) -> tuple[RuleMatch, ...]:
        """What the rules on state and evidence say in a phase."""
        view = self._view(facts, {"event.kind": phase})
        matches: list[RuleMatch] = []
        for rule in self._states:
            if phase in rule.bears_when.phases and _bears_on_role(rule, role):
                matches += self._judge_state(rule, view)
        return tuple(matches)

    def bearing(
        self, role: str, *, phase: Phase | None = None, stack: Mapping[str, str] | None = None
    ) -> tuple[Rule, ...]:
        """The rules to show a role: those that concern it, on the stack that DNA.md declares (`production_db`, …).

        A role that no rule names is shown everything that may be enforced on it.
        """
        declared = FactView({"project": dict(stack or {})}, absent_is_none=True)
        return tuple(
            rule
            for rule in self.concerning(role)
            if (phase is None or phase in rule.bears_when.phases)
            and all(decide_condition(condition, declared).holds for condition in rule.bears_when.stack)
        )

    def concerning(self, role: str) -> tuple[Rule, ...]:
        """The rules that concern a role, whatever the phase and the stack."""
        is_known = any(role in rule.concerns for rule in self.rules)
        return tuple(
            rule
            for rule in self.rules
            if _bears_on_role(rule, role) and (not is_known or role in rule.concerns or "all" in rule.concerns)
        )

    def questions(self, role: str) -> tuple[Rule, ...]:
        """Rules whose check is a question that a reviewer of that role answers."""
        return tuple(
            rule for rule in self.rules if isinstance(rule.check, ReviewQuestion) and _bears_on_role(rule, role)
        )

    def enforcement(self) -> tuple[Enforcement, ...]:
        """Which rules are enforced, and for want of which facts the others are not."""
        answers = []
        for rule in self.rules:
            missing = self._missing[rule.id]
            answers.append(Enforcement(rule.id, not missing, missing, "loaded only" if missing else _how(rule)))
        return tuple(answers)

    # --- answers ---------------------------------------------------------------------------------

    def _view(self, facts: Mapping[str, object], known: Mapping[str, object]) -> FactView:
        return FactView(facts, known, absent_is_none=self._for_cases)

    def _judge_command(self, command: ShellText, role: str, action: Action, view: FactView) -> list[RuleMatch]:
        is_clean = self._any_command is None or not self._any_command.is_in(encode(command.text))
        if is_clean and (self._any_raw is None or not self._any_raw.is_in(encode(command.raw))):
            return []
        matches: list[RuleMatch] = []
        for rule, seeker in self._commands:
            if _bears_on_action(rule, role, action) and (hit := seeker.hit(command)):
                matches += self._match(rule, [hit], view)
        return matches

    def _may_hit(self, scope: str, file: FileChange) -> bool:
        seeker = self._any_line[scope]
        lines = file.added if scope == "added" else file.removed
        return seeker is not None and bool(lines) and seeker.is_in(encode("\n".join(line.text for line in lines)))

    def _judge_state(self, rule: Rule, view: FactView) -> list[RuleMatch]:
        check = rule.check
        if not isinstance(check, StateCheck | RequireEvidence):
            return []
        answer = decide_condition(check.violates_when, view)
        if answer.holds is False:
            return []
        return self._match(rule, [Hit("")], view, answer.unanswered)

    def _match(
        self, rule: Rule, hits: Sequence[Hit], view: FactView, unanswered: frozenset[str] = frozenset()
    ) -> list[RuleMatch]:
        """The match of a rule that hit, with its exceptions held against the facts."""
        if not hits:
            return []
        for condition in rule.bears_when.stack:
            declared = decide_condition(condition, view)
            if declared.holds is False:
                return []
            unanswered |= declared.unanswered
        decision = Decision.DENY if rule.severity == "block" else Decision.ASK
        for lift in rule.unless:
            if lift.approval:
                granted = view.get("approvals.granted")
                if isinstance(granted, Sequence) and lift.approval in granted:
                    return []
                decision = Decision.ASK
            elif lift.when:
                answer = _lift_answer(lift.when, rule, view)
                if answer.holds:
                    return []
                unanswered |= answer.unanswered
        sure = [hit for hit in hits if not hit.is_doubtful]
        first = (sure or hits)[0]
        if not sure or unanswered:
            decision = Decision.ASK
        return [
            RuleMatch(
                source=rule.id,
                decision=decision,
                reason=_reason(rule, first, len(hits) - 1, unanswered),
                instead=rule.instead,
                where=first.where,
                unanswered=tuple(sorted(unanswered)),
            )
        ]


def compile_rules(rules: Sequence[Rule]) -> RuleBook:
    """The rules, ready to be asked."""
    return RuleBook(rules)


def _lift_answer(condition: Condition, rule: Rule, view: FactView) -> Answer:
    """An exception that nobody can answer is not met; one that somebody should have answered is unanswered."""
    answer = decide_condition(condition, view)
    answerable = all(is_provided(name, rule.bears_when.phases) for name in facts_of(condition))
    return Answer(False) if answer.holds is None and not answerable else answer


def _bears_on_role(rule: Rule, role: str) -> bool:
    bearing = rule.bears_when
    return (not bearing.roles or role in bearing.roles) and role not in bearing.except_roles


def _bears_on_action(rule: Rule, role: str, action: Action) -> bool:
    actions = rule.bears_when.actions
    return _bears_on_role(rule, role) and (not actions or action.kind in actions)


def _how(rule: Rule) -> str:
    if isinstance(rule.check, ReviewQuestion):
        return "reviewer"
    if isinstance(rule.check, DiffPattern):
        return "change"
    if isinstance(rule.check, DenyAction | DenyPath | DenyCommand):
        return "action"
    return "state"


def _reason(rule: Rule, first: Hit, more: int, unanswered: frozenset[str]) -> str:
    text = f"{rule.title}: {first.what}" if first.what else rule.statement or rule.title
    if more:
        text += f" ({more} more like it)"
    if unanswered:
        text += f" [nobody could answer {', '.join(sorted(unanswered))}]"
    return text
