"""Reading `rules/*.md`: one rule a file, the data in the head, the words for people below it.

```
---
id: P1
…
---
# P1 CEO never writes code

What the rule says.

## What happened
## Why
## Instead
```
Every file is read and every problem collected before anything is refused, and a rule whose own cases turn out
otherwise is refused like a misspelt one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import get_args

import msgspec

from factory_tui.adapters.front_matter import FrontMatter, did_you_mean, read_front_matter
from factory_tui.adapters.schema import convert
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.rule_cases import self_test
from factory_tui.domain.rules import Check, Rule, at_home

_ID = re.compile(r"[A-Z][0-9]{1,3}")
_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?")
_HEADING = re.compile(r"^(#{1,2}) +(.*)$")
_SECTIONS = {"What happened": "what_happened", "Why": "reason", "Instead": "instead"}
_CHECKS = {str(kind.__struct_config__.tag): kind for kind in get_args(Check)}


class RuleFilesError(DocumentError):
    """Everything that is wrong with the rules, of all files; the first gives the place."""

    def __init__(self, problems: list[DocumentError]) -> None:
        first = problems[0]
        super().__init__(
            path=first.path, line=first.line, problem=first.problem, why=first.why, next_step=first.next_step
        )
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(super(DocumentError, problem).__str__() for problem in self.problems)


def read_rules(
    files: Mapping[str, str], known_roles: Collection[str], home_prefix: str | None = ""
) -> tuple[Rule, ...]:
    """The rules of these files (shown path to text), sorted by id. Raises RuleFilesError with every problem.

    `home_prefix` is where `home:` globs lie in the repository: `.factory`, empty for its root, None for outside of it.
    """
    problems: list[DocumentError] = []
    rules: dict[str, Rule] = {}
    for path, text in sorted(files.items()):
        found: list[DocumentError] = []
        rule = _read_rule(path, text, known_roles, found)
        problems += found
        if rule is None:
            continue
        if rule.id in rules:
            problems.append(
                DocumentError(
                    path=path,
                    line=1,
                    problem=f"the id `{rule.id}` is taken",
                    why=f"{rules[rule.id].path} has it too",
                    next_step="Give this rule the next free number of its family.",
                )
            )
        rules.setdefault(rule.id, at_home(rule, home_prefix))
    if problems:
        raise RuleFilesError(problems)
    return tuple(sorted(rules.values(), key=lambda rule: (rule.family, int(rule.id[1:]))))


def read_rule(path: str, text: str, known_roles: Collection[str]) -> Rule:
    """One rule. Raises RuleFilesError."""
    return read_rules({path: text}, known_roles)[0]


def _read_rule(path: str, text: str, known_roles: Collection[str], problems: list[DocumentError]) -> Rule | None:
    try:
        document = read_front_matter(path, text)
    except DocumentError as error:
        problems.append(error)
        return None
    kind = _kind_of_check(document, problems)
    if kind is None:
        return None
    sections = _sections(document, problems)
    data = {**document.data, "path": path}
    if sections:
        data |= {name: sections.get(name, "") for name in ("statement", "reason", "instead")}
        if isinstance(data.get("incident"), dict):
            data["incident"] = {**data["incident"], "what_happened": sections.get("what_happened", "")}
    rule = convert(document, Rule, data, problems)
    if rule is None:
        return None
    _check_words(document, rule, known_roles, problems)
    if not problems:
        problems += [
            document.error(problem.problem, *problem.key, next_step=_sentence(problem.fix))
            for problem in self_test(at_home(rule, ""))
        ]
    return None if problems else rule


def _kind_of_check(document: FrontMatter, problems: list[DocumentError]) -> str | None:
    """The kind of the check, its keys looked over: a union of shapes gives no useful message of its own."""
    check = document.data.get("check")
    kind = check.get("kind") if isinstance(check, dict) else None
    if not isinstance(check, dict) or kind not in _CHECKS:
        wrong = f"`{kind}` is no kind of check" if kind is not None else "the rule has no `check` with a `kind`"
        next_step = did_you_mean(str(kind), [str(one) for one in _CHECKS])
        problems.append(document.error(wrong, "check", "kind", next_step=next_step))
        return None
    fields = {field.encode_name for field in msgspec.structs.fields(_CHECKS[kind])} | {"kind"}
    unknown = [key for key in check if key not in fields]
    for key in unknown:
        problems.append(
            document.error(
                f"unknown key `{key}` in a check of kind {kind}", "check", key, next_step=did_you_mean(key, fields)
            )
        )
    return None if unknown else str(kind)


def _sections(document: FrontMatter, problems: list[DocumentError]) -> dict[str, str]:
    """The statement below the title, and the sections, each on one line a paragraph."""
    texts: dict[str, list[str]] = {"statement": []}
    current = "statement"
    title = ""
    for offset, line in enumerate(document.body.split("\n")):
        heading = _HEADING.match(line)
        if heading is None:
            texts[current].append(line)
            continue
        marks, words = heading.groups()
        words = words.strip()
        if marks == "#":
            title = words
            continue
        if words not in _SECTIONS:
            problems.append(
                DocumentError(
                    path=document.path,
                    line=document.body_line + offset,
                    problem=f"unknown section `{words[:80]}`",
                    next_step=did_you_mean(words, _SECTIONS),
                )
            )
        current = _SECTIONS.get(words, words)
        texts.setdefault(current, [])
    expected = f"{document.data.get('id')} {document.data.get('title')}"
    if title != expected:
        problems.append(
            DocumentError(
                path=document.path,
                line=document.body_line,
                problem=f"the body is titled `{title[:80]}`",
                why="people and program must speak of the same rule",
                next_step=f"Write `# {expected}` above the statement.",
            )
        )
    return {name: _paragraphs(lines) for name, lines in texts.items()}


def _paragraphs(lines: list[str]) -> str:
    text = "\n".join(lines).strip()
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)) if text else ""


def _check_words(
    document: FrontMatter, rule: Rule, known_roles: Collection[str], problems: list[DocumentError]
) -> None:
    """The words a rule takes from elsewhere: its id, dates, roles."""
    if not _ID.fullmatch(rule.id):
        problems.append(document.error(f"`{rule.id}` is no id", "id", next_step="A letter and a number: `Q13`."))
    name = document.path.rsplit("/", 1)[-1]
    if not name.startswith((f"{rule.id}-", f"{rule.id}.")):
        problems.append(
            document.error(f"the file is called {name}", "id", next_step=f"Call it `{rule.id}-….md`, as its id says.")
        )
    if not _DATE.fullmatch(rule.incident.date):
        problems.append(
            document.error(
                f"`{rule.incident.date}` is no date", "incident", "date", next_step="Write `2026-04-03` or `2026-04`."
            )
        )
    for name, text in (("what_happened", rule.incident.what_happened), ("name", rule.incident.name)):
        if not text.strip():
            problems.append(
                document.error(
                    f"the incident has no {name.replace('_', ' ')}",
                    "incident",
                    next_step="Tell it in the body under `## What happened`." if "_" in name else "Name it.",
                )
            )
    roles = {*known_roles, "all"}
    places = (
        (("concerns",), rule.concerns, roles),
        (("bears_when", "roles"), rule.bears_when.roles, set(known_roles)),
        (("bears_when", "except_roles"), rule.bears_when.except_roles, set(known_roles)),
    )
    for key, named, allowed in places:
        for index, role in enumerate(named):
            if role not in allowed:
                problems.append(
                    document.error(f"no role is called `{role}`", *key, index, next_step=did_you_mean(role, allowed))
                )
    for name in ("catches", "allows"):
        for index, case in enumerate(getattr(rule, name)):
            if case.role and case.role not in known_roles:
                problems.append(
                    document.error(
                        f"no role is called `{case.role}`",
                        name,
                        index,
                        "role",
                        next_step=did_you_mean(case.role, known_roles),
                    )
                )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
