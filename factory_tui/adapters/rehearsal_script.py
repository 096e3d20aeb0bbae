"""What a rehearsal seat plays: a script of what a model would say and wish for, never of what a check found.

A YAML file, checked whole before anything runs:

    turns:
      - role: builder             # who says it; a list = any of them
        task: cancelled           # text in the task's title; left out = any task
        told: Mend what broke     # text in its brief; left out = any brief
        attempt: 2                # left out = any attempt
        steps:
          - say: I look at the store first.
          - act: {kind: read, path: bookings/store.py}
          - act: {kind: run, command: python3 -m unittest}
          - if: {exit_code: 0}    # on what the action before really brought
            then:
              - act: {kind: commit, text: Cancel a booking}
            else:
              - act: {kind: escalate, text: The tests are red before I began.}

The first turn that fits is played. A verdict cannot be written here: a judging role's report must hang on what a
command really did, and one that passes on what a command that really ran put out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from factory_tui.adapters.front_matter import FrontMatter, did_you_mean, read_yaml
from factory_tui.adapters.schema import convert
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.terms import ActionKind, FindingAnswer, PlannedTask, Record

MOST_STEPS = 500
"""Of one turn, branches counted."""

CLAIMS = frozenset(
    {"verdict", "pass", "passed", "fail", "failed", "result", "results", "exit", "exit_code", "outcome", "ok", "level"}
    | {"smoke", "tests", "evidence", "status"}
)
"""Words that state what a check found. Only an `if` may hold some of them, as a question."""


class Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the action before must really have brought; everything named must hold."""

    ok: bool | None = None
    decision: Literal["allow", "ask", "deny"] | None = None
    exit_code: int | None = None
    contains: str | None = None
    """Text in its output, or in the refusal."""
    not_contains: str | None = None


class ScriptedFinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finding as a reviewer words it."""

    title: str
    severity: Literal["blocks", "note"] = "blocks"
    detail: str = ""
    path: str = ""
    line: int = 0
    quote: bool = False
    """Append what the action before really put out."""


class BlanketAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer for each finding that the brief says must be answered; their ids are only known then."""

    accepted: bool
    reason: str


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One action, with the fields of `terms.Action` under the same names."""

    kind: ActionKind
    path: str = ""
    content: str | None = None
    old: str = ""
    new: str = ""
    delete: bool = False
    command: str = ""
    pattern: str = ""
    resource: Literal["", "package", "url"] = ""
    target: str = ""
    text: str = ""
    tasks: tuple[PlannedTask, ...] = ()
    findings: tuple[ScriptedFinding, ...] = ()
    answers: tuple[FindingAnswer, ...] = ()
    answers_from_brief: BlanketAnswer | None = None
    checked: tuple[str, ...] = ()


class Usage(Record, frozen=True, kw_only=True):
    """What this stretch would have cost; added up over the turn. A rehearsal that names none cost nothing."""

    usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class Act:
    wish: Wish


@dataclass(frozen=True)
class Branch:
    condition: Condition
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...]


@dataclass(frozen=True)
class Spend:
    usage: Usage


Step = Say | Act | Branch | Spend


@dataclass(frozen=True, kw_only=True)
class ScriptedTurn:
    """What one role says on the tasks and attempts that fit."""

    role: str
    task: str = ""
    told: str = ""
    attempt: int = 0
    """0 = any."""
    steps: tuple[Step, ...]
    line: int
    """Of the script, 1-based."""

    def fits(self, role: str, title: str, attempt: int, brief: str) -> bool:
        is_task = self.task.casefold() in title.casefold() and self.told in brief
        return self.role == role and is_task and self.attempt in (0, attempt)


@dataclass(frozen=True)
class Script:
    path: str
    """As shown in errors."""
    turns: tuple[ScriptedTurn, ...]

    def turn_for(self, role: str, title: str, attempt: int, brief: str) -> ScriptedTurn | None:
        """The first that fits; None when the script says nothing about it."""
        return next((turn for turn in self.turns if turn.fits(role, title, attempt, brief)), None)


def read_script(shown_path: str, text: str, judging_roles: frozenset[str]) -> Script:
    """Parse and check a whole script. `judging_roles` are the ids whose cards say `judges: true`.

    Raises DocumentError with file, line and fix for the first thing that is wrong.
    """
    document = read_yaml(shown_path, text)
    _known_keys(document, document.data, {"turns"})
    turns = document.data.get("turns")
    if not isinstance(turns, list) or not turns:
        raise document.error(
            "the script has no turns",
            "turns",
            next_step="Add `turns:` with a list of turns, each with `role` and `steps`.",
        )
    read = [turn for number in range(len(turns)) for turn in _turns(document, number, judging_roles)]
    return Script(shown_path, tuple(read))


def _turns(document: FrontMatter, number: int, judging_roles: frozenset[str]) -> list[ScriptedTurn]:
    """One for each role that it names."""
    at = ("turns", number)
    data = _mapping(document, document.data["turns"][number], at)
    _known_keys(document, data, {"role", "task", "told", "attempt", "steps"}, *at)
    role, attempt = data.get("role"), data.get("attempt", 0)
    task, told = data.get("task", ""), data.get("told", "")
    roles: list[Any] = role if isinstance(role, list) else [role]
    if not roles or not all(isinstance(one, str) and one for one in roles):
        raise document.error("the turn has no role", *at, next_step="Add `role: builder`, or the role that says it.")
    if not isinstance(task, str):
        raise document.error("`task` is text of the task's title", *at, "task", next_step="Put quotes around it.")
    if not isinstance(told, str):
        raise document.error("`told` is text of the brief", *at, "told", next_step="Put quotes around it.")
    if not isinstance(attempt, int) or isinstance(attempt, bool) or attempt < 0:
        raise document.error("`attempt` is a whole number from 1 on", *at, "attempt", next_step="Write `attempt: 1`.")
    reader = _Steps(document)
    steps = reader.all(data.get("steps"), (*at, "steps"))
    if judging_roles & set(roles):
        _Judgement(document, reader.places).check(steps)
    line = document.line_of(*at)
    return [ScriptedTurn(role=one, task=task, told=told, attempt=attempt, steps=steps, line=line) for one in roles]


class _Steps:
    """The steps of one turn. Where each action stands is kept for what is checked afterwards."""

    def __init__(self, document: FrontMatter) -> None:
        self._document = document
        self.places: dict[int, tuple[str | int, ...]] = {}
        """By the identity of the step."""

    def all(self, data: object, at: tuple[str | int, ...]) -> tuple[Step, ...]:
        if not isinstance(data, list) or not data:
            raise self._document.error(
                "a list of steps is expected here", *at, next_step="Write one `- say: …` a line."
            )
        steps: list[Step] = []
        for number, one in enumerate(data):
            step = self._step(one, (*at, number))
            self.places[id(step)] = (*at, number)
            steps.append(step)
            if len(self.places) > MOST_STEPS:
                raise self._document.error(f"the turn has more than {MOST_STEPS} steps", *at, next_step="Say less.")
        return tuple(steps)

    def _step(self, data: object, at: tuple[str | int, ...]) -> Step:
        found = _mapping(self._document, data, at)
        _no_claims(self._document, found, at)
        if "if" in found:
            return self._branch(found, at)
        _known_keys(self._document, found, {"say", "act", "usage", "if"}, *at)
        if len(found) != 1:
            raise self._document.error(
                "a step is exactly one of `say`, `act`, `if`, `usage`", *at, next_step="Begin a new step with `- `."
            )
        match found:
            case {"say": str(text)} if text.strip():
                return Say(text)
            case {"act": wish}:
                return Act(_typed(self._document, Wish, wish, (*at, "act")))
            case {"usage": usage}:
                return Spend(_typed(self._document, Usage, usage, (*at, "usage")))
            case _:
                raise self._document.error("`say` holds no text", *at, "say", next_step="Write what is said.")

    def _branch(self, found: dict[str, Any], at: tuple[str | int, ...]) -> Branch:
        _known_keys(self._document, found, {"if", "then", "else"}, *at)
        condition = _typed(self._document, Condition, found["if"], (*at, "if"))
        if condition == Condition():
            raise self._document.error(
                "the condition asks nothing", *at, "if", next_step="Name `ok`, `decision`, `exit_code` or `contains`."
            )
        if "then" not in found:
            raise self._document.error("the `then` is missing", *at, next_step="Add `then:` with steps.")
        then = self.all(found["then"], (*at, "then"))
        otherwise = self.all(found["else"], (*at, "else")) if "else" in found else ()
        return Branch(condition, then, otherwise)


# --- no canned verdict -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Nesting:
    """What the branches around one place rest on."""

    hangs: bool = False
    """Some `if` around it asks for what a command did."""
    proven: bool = False
    """Some `then` around it needs that a command really ran and said something."""

    def inside(self, last: frozenset[str], condition: Condition, *, then: bool) -> _Nesting:
        if last != {"run"}:
            return self
        ran = condition.exit_code is not None or bool(condition.contains)
        return _Nesting(hangs=True, proven=self.proven or (then and ran))


class _Judgement:
    """Whether a judging turn's reports follow from what commands really did.

    A report that passes stands only in a `then` that a real run must reach: the way through every `else` never passes.
    """

    def __init__(self, document: FrontMatter, places: Mapping[int, tuple[str | int, ...]]) -> None:
        self._document, self._places = document, places

    def check(
        self, steps: tuple[Step, ...], last: frozenset[str] = frozenset({""}), nesting: _Nesting = _Nesting()
    ) -> frozenset[str]:
        """`last` and the result are the kinds of action that may have come last, before and after the steps."""
        for step in steps:
            match step:
                case Act(wish=wish):
                    if wish.kind == "report":
                        self._report(step, wish, nesting)
                    # The desk may refuse a report, so what stands below it is looked at as well.
                    last = frozenset({wish.kind})
                case Branch(condition=condition, then=then, otherwise=otherwise):
                    last = self.check(then, last, nesting.inside(last, condition, then=True)) | self.check(
                        otherwise, last, nesting.inside(last, condition, then=False)
                    )
                case Say() | Spend():
                    pass
        return last

    def _report(self, step: Step, wish: Wish, nesting: _Nesting) -> None:
        clean = all(finding.severity != "blocks" for finding in wish.findings) and _accepts(wish)
        if not nesting.hangs:
            problem = "this report does not hang on any result"
        elif clean and not nesting.proven:
            problem = "this report passes without a command that is known to have run"
        else:
            return
        raise self._document.error(
            problem,
            *self._places[id(step)],
            why="a script says what a model would say; what a check found must come from the check",
            next_step="Run a probe, and report in the `then` of an `if` on its `exit_code` or on what it `contains`.",
        )


def _accepts(wish: Wish) -> bool:
    blanket = wish.answers_from_brief
    return all(answer.accepted for answer in wish.answers) and (blanket is None or blanket.accepted)


# --- shapes ------------------------------------------------------------------------------------------------


def _typed(document: FrontMatter, kind: Any, data: object, at: tuple[str | int, ...]) -> Any:
    _mapping(document, data, at)
    if kind is not Condition:
        _no_claims(document, data, at)
    problems: list[DocumentError] = []
    found = convert(_below(document, at), kind, data, problems)
    if problems or found is None:
        raise problems[0]
    return found


def _below(document: FrontMatter, at: tuple[str | int, ...]) -> FrontMatter:
    """The same document with the lines as seen from one place in it."""
    size = len(at)
    lines = {keys[size:]: line for keys, line in document.lines.items() if keys[:size] == at}
    texts = {keys[size:]: text for keys, text in document.texts.items() if keys[:size] == at}
    return msgspec.structs.replace(document, lines={(): document.line_of(*at), **lines}, texts=texts)


def _mapping(document: FrontMatter, data: object, at: tuple[str | int, ...]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise document.error("keys with values are expected here", *at, next_step="Write `key: value`.")
    return data


def _known_keys(document: FrontMatter, data: Mapping[str, Any], known: set[str], *at: str | int) -> None:
    for key in data:
        if key not in known:
            raise document.error(f"unknown key `{key[:80]}`", *at, key, next_step=did_you_mean(key, known))


def _no_claims(document: FrontMatter, data: object, at: tuple[str | int, ...]) -> None:
    """Refuses a key that states what a check found, at any depth outside of conditions and branches."""
    for keys in _keys_in(data, at):
        if keys[-1] in CLAIMS:
            raise document.error(
                f"`{keys[-1]}` states what a check found",
                *keys,
                why="a script says what a model would say; the factory runs the check and says what came out",
                next_step="Remove it; ask for a result with `if:`.",
            )


def _keys_in(data: object, at: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in ("if", "then", "else"):
                continue
            yield (*at, key)
            yield from _keys_in(value, (*at, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _keys_in(value, (*at, number))
