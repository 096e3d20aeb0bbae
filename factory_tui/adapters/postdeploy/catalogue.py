"""The checks as data: what ships is the floor, and what an environment may say about it.

An environment's `checks:` holds parameters by name (for every check that has them), parameters of one check below its
id, `not_applicable:` with a reason for each id, and `own:` checks in the catalogue's format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import msgspec

from factory_tui.adapters.front_matter import read_yaml
from factory_tui.adapters.parsed import FrontMatter, did_you_mean
from factory_tui.domain.environments import Environment
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.patterns import problem_of_pattern
from factory_tui.domain.terms import Record

SHORTEST_REASON = 12
"""Characters of a reason why a check does not apply."""
NEVER = "never"
KNOWN = ("expected_revision", "deployed_tag", "deploy_started_at", "environment", "previous_revision")
"""What the factory fills in by itself; no project sets one."""
AT_RUN_TIME = ("created_id", "job_id")
OPERATORS = {
    "absent": False, "all_start_with": True, "contains": True, "eq": True, "ge": True, "in": True, "le": True,
    "le_or_ratio": True, "ne": True, "not_empty": False, "not_regex": True, "present": False, "regex": True,
    "subset": True,
}  # fmt: skip
"""Each with whether it takes a value."""
FACTS = ("single_instance", "address_only", "plain_loopback", "first_release")
_OWN_ID = re.compile(r"[A-UW-Z][A-Z0-9_-]{1,15}")
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "text"),
    "number": ((int, float), "a number"),
    "flag": ((bool,), "true or false"),
    "list": ((list,), "a list of texts"),
    "mapping": ((dict,), "keys with values"),
}


class Parameter(Record, frozen=True, kw_only=True):
    """What a check is told about an environment."""

    meaning: str
    type: str = "text"
    default: Any = None
    """None = it must be given, unless it is optional."""
    optional: bool = False
    at_most: float | None = None
    at_least: float | None = None
    """How far a project may set it."""
    keeps: bool = False
    """What a project gives is added to the default."""
    fixed: bool = False


class Condition(Record, frozen=True, kw_only=True):
    """What must hold of what was seen."""

    subject: str
    op: str
    value: Any = None


class Applies(Record, frozen=True, kw_only=True):
    """When a check need not hold, in words."""

    when: str
    means: str = ""


class Check(Record, frozen=True, kw_only=True):
    """One check, as data."""

    id: str
    group: str
    title: str
    proves: str
    run: dict[str, Any]
    passes_when: tuple[Condition, ...]
    parameters: dict[str, Parameter] = msgspec.field(default_factory=dict)
    not_applicable: Applies = Applies(when=NEVER)
    does_not_apply: tuple[str, ...] = ()
    """Facts that the factory sees itself."""
    after: tuple[str, ...] = ()
    anchor: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    born_from: str = ""


class Catalogue(Record, frozen=True, kw_only=True):
    """What ships."""

    version: int
    groups: dict[str, str]
    run_kinds: dict[str, str]
    common_parameters: dict[str, Parameter]
    checks: tuple[Check, ...]


@lru_cache(maxsize=1)
def shipped() -> Catalogue:
    """The floor. Reading it takes a moment, so nobody does before it is needed."""
    text = resources.files(__package__).joinpath("catalogue.yaml").read_text("utf-8")
    return msgspec.convert(read_yaml("catalogue.yaml", text).data, Catalogue)


@dataclass(frozen=True)
class Plan:
    """The checks of one environment, with what it says about them."""

    checks: tuple[Check, ...]
    common: Mapping[str, Any]
    of_check: Mapping[str, Mapping[str, Any]]
    reasons: Mapping[str, str]

    def given(self, check: Check, name: str) -> Any:
        """None = nothing was given."""
        own = self.of_check.get(check.id, {})
        return own[name] if name in own else self.common.get(name)


def plan_of(environment: Environment) -> Plan:
    """The floor is whole whatever the environment says. Raises msgspec.ValidationError for own checks that are none:
    `problems_of_checks` is asked before."""
    ids = {check.id for check in shipped().checks}
    own = msgspec.convert(environment.checks.get("own") or [], tuple[Check, ...])
    checks = (*shipped().checks, *(check for check in own if check.id not in ids))
    names = {check.id for check in checks}
    known = {**environment.checks}
    reasons = known.pop("not_applicable", None) or {}
    known.pop("own", None)
    return Plan(
        checks=checks,
        common={name: value for name, value in known.items() if name not in names},
        of_check={name: value for name, value in known.items() if name in names and isinstance(value, dict)},
        reasons={id: str(reason) for id, reason in reasons.items()} if isinstance(reasons, dict) else {},
    )


def problems_of_checks(document: FrontMatter, environment: str, checks: Mapping[str, Any]) -> list[DocumentError]:
    """Everything that is wrong with the `checks:` of one environment, each at its line: a floor that is made smaller,
    a name that is unknown, a value of the wrong type."""
    return list(_Reading(document, ("environments", environment, "checks")).problems(checks))


class _Reading:
    def __init__(self, document: FrontMatter, at: tuple[str | int, ...]) -> None:
        self._document, self._at = document, at
        self._checks = {check.id: check for check in shipped().checks}

    def _error(self, problem: str, *keys: str | int, why: str = "", next_step: str = "") -> DocumentError:
        return self._document.error(problem, *self._at, *keys, why=why, next_step=next_step)

    def problems(self, checks: Mapping[str, Any]) -> Iterator[DocumentError]:
        yield from self._own(checks.get("own") or [])
        names: dict[str, list[Parameter]] = {
            name: [parameter] for name, parameter in shipped().common_parameters.items()
        }
        for check in self._checks.values():
            for name, parameter in check.parameters.items():
                names.setdefault(name, []).append(parameter)
        for key, value in checks.items():
            if key == "own":
                continue
            if key == "not_applicable":
                yield from self._reasons(value)
            elif key in self._checks:
                own = {**shipped().common_parameters, **self._checks[key].parameters}
                if not isinstance(value, dict):
                    yield self._error(
                        f"`{key}` holds no parameters", key, why="a check of the floor cannot be switched off",
                        next_step=f"Write its parameters below it, or a reason below `not_applicable: {key}:`.",
                    )  # fmt: skip
                    continue
                for name, one in value.items():
                    yield from self._parameter(name, one, [own[name]] if name in own else [], set(own), (key, name))
            else:
                yield from self._parameter(key, value, names.get(key, []), {*names, *self._checks}, (key,))

    def _parameter(
        self, name: str, value: Any, parameters: list[Parameter], known: set[str], keys: tuple[str | int, ...]
    ) -> Iterator[DocumentError]:
        if not parameters:
            if name in KNOWN:
                yield self._error(f"`{name}` is the factory's own to say", *keys, next_step="Remove the line.")
            else:
                yield self._error(f"there is no parameter `{name[:60]}`", *keys, next_step=did_you_mean(name, known))
            return
        if value is None:
            yield self._error(
                f"`{name}` is empty", *keys, why="a check that has nothing to look at is a gap, never passed over",
                next_step="Give a value, or a reason below `not_applicable:`.",
            )  # fmt: skip
            return
        for parameter in parameters:
            kinds, words = _TYPES[parameter.type]
            if not isinstance(value, kinds) or (isinstance(value, bool) and parameter.type != "flag"):
                yield self._error(f"`{name}` is not {words}", *keys, next_step=f"It is {parameter.meaning}.")
                return
            if slip := loosened(name, value, parameter):
                yield self._error(
                    slip, *keys, why="what ships is the floor: a project makes it stricter, never looser",
                    next_step="Tighten it, or remove the line.",
                )  # fmt: skip
                return
            if name.endswith("_regex") and (problem := problem_of_pattern(str(value))):
                yield self._error(f"`{name}` is no pattern: {problem}", *keys)
                return

    def _reasons(self, value: Any) -> Iterator[DocumentError]:
        if not isinstance(value, dict):
            yield self._error("`not_applicable` is not ids with reasons", "not_applicable")
            return
        for id, reason in value.items():
            check = self._checks.get(id)
            if check is None:
                yield self._error(
                    f"there is no check `{id[:20]}`", "not_applicable", id, next_step=did_you_mean(id, self._checks)
                )
            elif check.not_applicable.when == NEVER:
                yield self._error(
                    f"{id} always applies", "not_applicable", id, why=check.not_applicable.means,
                    next_step="Remove the line and give the check what it needs.",
                )  # fmt: skip
            elif not isinstance(reason, str) or len(reason.strip()) < SHORTEST_REASON:
                yield self._error(
                    f"no reason why {id} does not apply", "not_applicable", id,
                    why=f"it does not apply when {check.not_applicable.when}",
                    next_step=f"Say in at least {SHORTEST_REASON} characters why that is so here.",
                )  # fmt: skip

    def _own(self, own: Any) -> Iterator[DocumentError]:
        seen: set[str] = set()
        if not isinstance(own, list):
            yield self._error("`own` is not a list of checks", "own")
            return
        for number, data in enumerate(own):
            at = ("own", number)
            try:
                check = msgspec.convert(data, Check)
            except msgspec.ValidationError as error:
                yield self._error(f"this is no check: {error}", *at, next_step="Write it as docs/deployment.md shows.")
                continue
            where: Callable[..., DocumentError] = lambda problem, key, at=at, **more: self._error(  # noqa: E731
                problem, *at, key, **more
            )
            if check.id in self._checks:
                yield where(f"{check.id} ships already", "id", why="a check of the floor is never replaced",
                            next_step="Give it an id of its own; both then hold.")  # fmt: skip
            elif not _OWN_ID.fullmatch(check.id) or check.id in seen:
                yield where(f"`{check.id[:20]}` is no new id", "id", next_step="Write two to sixteen capitals and "
                            "digits that do not begin with V, such as OURS-1.")  # fmt: skip
            seen.add(check.id)
            kind = str(check.run.get("kind"))
            if kind not in shipped().run_kinds:
                yield where(f"nothing runs `{kind[:30]}`", "run", next_step=did_you_mean(kind, shipped().run_kinds))
            if not check.passes_when:
                yield where("it passes whatever is seen", "passes_when", next_step="Say what must hold.")
            for condition in check.passes_when:
                if condition.op not in OPERATORS:
                    yield where(
                        f"there is no operator `{condition.op[:30]}`", "passes_when",
                        next_step=did_you_mean(condition.op, OPERATORS),
                    )  # fmt: skip
            for name in sorted({*check.after} - set(self._checks) - seen):
                yield where(f"there is no check `{name[:20]}` before it", "after")


def loosened(name: str, value: Any, parameter: Parameter) -> str:
    """What is wrong with a value of the right type that a project gives; empty = it is as strict as the floor."""
    if parameter.fixed and value != parameter.default:
        return f"`{name}` is {parameter.default} for everybody"
    if parameter.at_most is not None and value > parameter.at_most:
        return f"`{name}` is {value:g}, and {parameter.at_most:g} is the most"
    if parameter.at_least is not None and value < parameter.at_least:
        return f"`{name}` is {value:g}, and {parameter.at_least:g} is the least"
    if parameter.type in {"list", "mapping", "text"} and not value:
        return f"`{name}` is empty"
    return ""
