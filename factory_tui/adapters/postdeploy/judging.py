"""From what was seen to a verdict: subjects are looked up, conditions are held against them.

A subject that is not there, and a list with nothing in it, hold no condition: silence is not a pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from factory_tui.adapters.postdeploy.catalogue import Condition
from factory_tui.domain.patterns import Pattern, encode

MOST_EVIDENCE = 2_000
"""Characters of one row's evidence."""
_LONGEST_SHOWN = 160


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()
_NAME = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class GapError(Exception):
    """It could not be tried; the text says why."""


class NotApplicableError(Exception):
    """What was seen shows that the check does not apply; the text is the reason."""

    def __init__(self, reason: str, figures: Mapping[str, float] | None = None) -> None:
        super().__init__(reason)
        self.figures = dict(figures or {})
        """What the next release is compared with all the same."""


@dataclass
class Answer:
    """One HTTP answer, as the checks look at it."""

    url: str
    status: int = 0
    """0 = there was no answer; `trouble` says why."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By name in small letters."""
    cookies: Sequence[str] = ()
    """The Set-Cookie lines."""
    body: bytes = b""
    seconds: float = 0.0
    trouble: str = ""

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def parsed(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return MISSING


@dataclass
class Seen:
    """What one run of a check saw."""

    facts: dict[str, Any] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    named: dict[str, Answer] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    """Subjects that there is nothing to compare with, and why."""
    notes: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def values(self, subject: str) -> list[Any]:
        """Each must hold the condition."""
        head, _, rest = subject.partition(".")
        if subject in self.facts:
            return [self.facts[subject]]
        if head in self.named:
            return _of_answer(self.named[head], rest)
        if head in self.facts:
            return lookup(self.facts[head], rest.split("."))
        if head in {"same", "growing", "distinct"}:
            found = [value for answer in self.answers for value in _of_answer(answer, rest)]
            if not found or any(value is MISSING for value in found):
                return [MISSING]
            if head == "growing":
                return [all(_less(one, then) for one, then in pairwise(found))]
            different = len({json.dumps(value, sort_keys=True) for value in found})
            return [different if head == "distinct" else different == 1]
        rest = rest if head == "all" else subject
        return [value for answer in self.answers for value in _of_answer(answer, rest)]


def _less(one: Any, other: Any) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float) and one < other


def lookup(data: Any, keys: Sequence[str]) -> list[Any]:
    """All values at that path; `*` stands for every element."""
    if not keys:
        return [data]
    if keys[0] == "*":
        items: Iterable[Any] = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
        return [value for item in items for value in lookup(item, keys[1:])]
    if isinstance(data, dict) and keys[0] in data:
        return lookup(data[keys[0]], keys[1:])
    return [MISSING]


def _of_answer(answer: Answer, subject: str) -> list[Any]:
    head, _, rest = subject.partition(".")
    if head == "status":
        return [answer.status]
    if head == "body":
        return [answer.text()]
    if head == "header":
        return [answer.headers.get(rest.lower(), MISSING)]
    if head == "json":
        return lookup(answer.parsed(), rest.split(".") if rest else [])
    if head == "hsts_max_age":
        found = re.search(r"(?i)\bmax-age=\"?(\d+)", answer.headers.get("strict-transport-security", ""))
        return [int(found.group(1)) if found else MISSING]
    if head == "disallow_all":
        return [_is_shut(answer.text())]
    if head == "locs":
        return [re.findall(r"<loc>\s*([^<\s]+)\s*</loc>", answer.text())]
    if head == "cookies":
        return [_flag(line, rest.removeprefix("all.")) for line in answer.cookies]
    return [MISSING]


def _is_shut(robots: str) -> bool:
    """Whether the group for every crawler shuts the whole site."""
    everybody, shut, told = False, False, False
    for line in robots.splitlines():
        key, _, value = line.split("#", 1)[0].partition(":")
        name, value = key.strip().lower(), value.strip()
        if name == "user-agent":
            everybody = (everybody and not told) or value == "*"
            told = False
        elif name:
            told = True
            shut = shut or (everybody and name == "disallow" and value == "/")
    return shut


def _flag(cookie: str, name: str) -> Any:
    pairs = (part.partition("=") for part in cookie.split(";")[1:])
    parts = {key.strip().lower(): value.strip() for key, _, value in pairs}
    if name == "samesite":
        return parts.get(name, "").capitalize() or MISSING
    return name in parts


def problem_with(condition: Condition, wanted: Any, seen: Seen) -> str:
    """What is wrong; empty = it holds."""
    if condition.subject in seen.skipped:
        return ""
    if condition.op == "le_or_ratio":
        return _le_or_ratio(condition.subject, wanted, seen)
    values = seen.values(condition.subject)
    if condition.op == "absent":
        values = [value for value in values if value is not MISSING]
        return f"{condition.subject} is {shown(values[0])}, and must not be there" if values else ""
    if not values:
        return f"there is no {condition.subject}"
    for value in values:
        if value is MISSING:
            return f"there is no {condition.subject}"
        if not _holds(condition.op, value, wanted):
            words = f" {shown(wanted)}" if condition.op not in {"present", "not_empty"} else ""
            return f"{condition.subject} is {shown(value)}, and must be: {condition.op}{words}"
    return ""


def _holds(op: str, value: Any, wanted: Any) -> bool:
    try:
        match op:
            case "eq":
                return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)
            case "ne":
                return bool(value != wanted)
            case "le":
                return bool(value <= wanted)
            case "ge":
                return bool(value >= wanted)
            case "in":
                return bool(value in wanted)
            case "contains":
                return bool(wanted in value)
            case "regex":
                return Pattern(str(wanted)).is_in(encode(str(value)))
            case "not_regex":
                return not Pattern(str(wanted)).is_in(encode(str(value)))
            case "present":
                return bool(value != "")
            case "not_empty":
                return bool(value)
            case "subset":
                return set(value) <= set(wanted)
            case "all_start_with":
                return bool(value) and all(str(one).startswith(str(wanted)) for one in value)
    except TypeError:
        return False
    return False


def _le_or_ratio(subject: str, wanted: Any, seen: Seen) -> str:
    most, ratio = wanted
    value, grown = seen.facts.get(subject), seen.facts.get(f"{subject}_ratio")
    if value is None:
        return f"there is no {subject}"
    if value <= most or (grown is not None and grown <= ratio):
        return ""
    times = f", {grown:.2f} times as often as before" if grown is not None else ""
    return f"{subject} is {value}{times}; at most {most}, or {ratio} times as often as before"


def shown(value: Any) -> str:
    """One value on one line, and no page of it."""
    if isinstance(value, str) and len(value) > _LONGEST_SHOWN:
        return f"a text of {len(value):,} characters"
    text = value if isinstance(value, str) else repr(value) if value is MISSING else json.dumps(value, default=str)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def evidence_of(conditions: Iterable[Condition], seen: Seen) -> str:
    """What the verdict stands on."""
    lines = [f"{answer.url}: {answer.status or answer.trouble}" for answer in seen.answers[:8]]
    lines += [f"{name} {answer.url}: {answer.status or answer.trouble}" for name, answer in seen.named.items()]
    for subject in dict.fromkeys(condition.subject for condition in conditions):
        if subject in seen.skipped:
            lines.append(f"{subject} not compared: {seen.skipped[subject]}")
            continue
        found = list(dict.fromkeys(shown(value) for value in seen.values(subject)))
        lines.append(f"{subject} = {', '.join(found[:6]) or 'nothing'}")
    return "\n".join([*lines, *seen.notes])[:MOST_EVIDENCE]


def names_in(value: Any) -> set[str]:
    """Every `{name}` that a value would have filled in."""
    if isinstance(value, str):
        return set(_NAME.findall(value))
    if isinstance(value, dict):
        return {name for one in value.values() for name in names_in(one)}
    return {name for one in value for name in names_in(one)} if isinstance(value, list | tuple) else set()


def filled(value: Any, names: Mapping[str, Any]) -> Any:
    """The value with its names filled in; a value that is one name alone keeps that one's type."""
    if isinstance(value, dict):
        return {key: filled(one, names) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [filled(one, names) for one in value]
    if not isinstance(value, str):
        return value
    if (whole := _NAME.fullmatch(value)) and whole.group(1) in names:
        return names[whole.group(1)]
    return _NAME.sub(lambda found: str(names.get(found.group(1), found.group(0))), value)
