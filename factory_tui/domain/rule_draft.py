"""The skeleton of a rule, with the incident's own recorded events as what it must catch."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from factory_tui.domain.charter import Charter
from factory_tui.domain.facts import nested
from factory_tui.domain.rule_proof import Material
from factory_tui.domain.state import Incident

HOLE = "REPLACE:"
"""Stands where only a person, or a seat, can write; a draft that still holds it is refused."""
FIRST_OWN = 101
"""Numbers below are the shipped rules'."""
MOST_LINES = 12
"""Of one file's recorded difference in a case."""


def next_id(charter: Charter, family: str) -> str:
    """The next free number of a family, apart from those of the rules that ship."""
    taken = [int(rule.id[1:]) for rule in charter.rules if rule.family == family]
    return f"{family}{max([FIRST_OWN - 1, *taken]) + 1}"


def skeleton(charter: Charter, incident: Incident, materials: Sequence[Material]) -> tuple[str, str]:
    """Path in the home and text. Front matter is JSON values, which YAML reads as well."""
    first = materials[0] if materials else None
    family = "Q" if first is not None and first.kind == "change" else "P"
    id = next_id(charter, family)
    title = re.sub(r"\s+", " ", incident.title).strip()[:80].rstrip(".")
    phases = [first.phase] if first is not None else ["tool_call"]
    bearing: dict[str, object] = {"phases": phases}
    if first is not None and first.action is not None:
        bearing["actions"] = [first.action.kind]
    told = {
        "name": title,
        "date": incident.since[:10] or "2026-01",
        "cost": incident.cost or f"{HOLE} what it cost",
        "source": f"{incident.id} of this repository's ledger",
    }
    cases = [_case(one) for one in materials] or [{"role": "builder", "command": f"{HOLE} what was recorded"}]
    head = [
        f"id: {id}",
        f"title: {_json(title)}",
        "severity: block",
        "concerns: [all]",
        f"bears_when: {_json(bearing)}",
        f"check: {_json(_check(first))}",
        f"incident: {_json(told)}",
        "catches:  # as recorded: cut nothing but lines of a difference",
        *(f"- {_json(case)}" for case in cases),
        "allows:",
        f"- {_json(_near_miss(first))}",
    ]
    body = [
        f"# {id} {title}",
        "",
        f"{HOLE} what the rule says, in a sentence.",
        "",
        "## What happened",
        incident.what.strip() or f"{HOLE} what happened",
        "",
        "## Why",
        incident.root_cause.strip() or f"{HOLE} why it could happen",
        "",
        "## Instead",
        f"{HOLE} what to do instead",
    ]
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:50].rstrip("-") or "rule"
    return f"rules/{id}-{words}.md", "\n".join(["---", *head, "---", "", *body, ""])


def _case(found: Material) -> dict[str, object]:
    case: dict[str, object] = {"role": found.role}
    if found.action is not None:
        if found.action.kind != "run":
            case["action"] = found.action.kind
        case |= {name: getattr(found.action, name) for name in ("path", "command") if getattr(found.action, name)}
    elif found.change is not None:
        case["diff"] = _excerpt(found.diff)
    else:
        case["state"] = nested(found.facts)
    return case


def _excerpt(diff: str) -> str:
    """The file names and the first changed lines: what stands there was recorded, nothing is added."""
    kept: list[str] = []
    changed = 0
    for line in diff.splitlines():
        if line.startswith(("diff --git", "--- ", "+++ ")):
            kept.append(line)
            changed = 0
        elif line[:1] in "+-" and changed < MOST_LINES:
            kept.append(line)
            changed += 1
    return "\n".join(kept) + "\n"


def _check(found: Material | None) -> dict[str, object]:
    if found is None:
        return {"kind": "deny_command", "patterns": [f"{HOLE} a pattern"]}
    if found.change is not None:
        line = next((line.text for file in found.change.files for line in file.added if line.text.strip()), "")
        return {
            "kind": "diff_pattern",
            "scope": "added",
            "paths": list(found.change.paths[:1]),
            "patterns": [re.escape(line.strip()) or f"{HOLE} a pattern"],
        }
    if found.action is None:
        return {"kind": "state", "violates_when": {"path": f"{HOLE} a fact", "op": "eq", "value": True}}
    if found.action.command:
        return {"kind": "deny_command", "raw_patterns": [re.escape(found.action.command) + r"(?:\s|$)"]}
    if found.action.path:
        return {"kind": "deny_path", "globs": [found.action.path]}
    return {"kind": "deny_action"}


def _near_miss(found: Material | None) -> dict[str, object]:
    role = found.role if found is not None else "builder"
    if found is not None and found.change is not None:
        return {"role": role, "diff": f"{HOLE} the nearest change that must pass"}
    if found is not None and found.action is None:
        return {"role": role, "state": {"note": f"{HOLE} the nearest facts that must pass"}}
    if found is not None and found.action is not None and found.action.path:
        return {"role": role, "action": found.action.kind, "path": f"{HOLE} the nearest path that must pass"}
    return {"role": role, "command": f"{HOLE} the nearest command that must pass"}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
