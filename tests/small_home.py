"""A home of a few files, to change one thing of and read again."""

from __future__ import annotations

import re
from collections.abc import Mapping

from factory_tui.adapters.documents import HomeReading, library_files, read_home
from factory_tui.domain.charter import Charter

SETTINGS = 'repo_id = "0123456789abcdef0123456789abcdef"\n\n[smoke]\ncommand = "make test"\n'
DNA = "---\nstack:\n  python: 3.10\narchitecture: [src/schema.sql, src/api/**]\n---\n# DNA\n\nWhat was decided.\n"

RULE = """---
id: {id}
title: {title}
bears_when:
  phases: [tool_call]
  roles: [ceo]
  actions: [edit]
check:
  kind: deny_action
incident:
  name: the broken page
  date: 2026-03
  cost: two hours
  source: our own
catches:
  - {{role: ceo, action: edit, path: index.html}}
allows:
  - {{role: ceo, action: read, path: index.html}}
  - {{role: builder, action: edit, path: index.html}}
---
# {id} {title}

It is so.

## What happened
The page broke.

## Why
Nobody had looked.

## Instead
Plan a task.
"""


def rule(id: str, title: str = "Plan it instead") -> str:
    return RULE.format(id=id, title=title)


def shipped_roles() -> dict[str, str]:
    return {path: text for path, text in library_files().items() if path.startswith("roles/")}


def small_library() -> dict[str, str]:
    """The real role cards, and a stand-in for each rule that they name."""
    roles = shipped_roles()
    named = sorted(set(re.findall(r"rule:([A-Z][0-9]+)", "".join(roles.values()))))
    return roles | {f"rules/{id}.md": rule(id) for id in named}


def small_home(changes: Mapping[str, str | bytes | None] = {}) -> dict[str, str | bytes]:
    """A home that is right, with files put in its place; None takes one away."""
    files: dict[str, str | bytes | None] = {"factory.toml": SETTINGS, "memory/DNA.md": DNA, **changes}
    return {path: content for path, content in files.items() if content is not None}


def read_small(changes: Mapping[str, str | bytes | None] = {}, prefix: str | None = ".factory") -> HomeReading:
    return read_home(small_home(changes), small_library(), prefix=prefix)


def charter_of(changes: Mapping[str, str | bytes | None] = {}, prefix: str | None = ".factory") -> Charter:
    reading = read_small(changes, prefix)
    assert reading.charter is not None, "\n".join(str(problem) for problem in reading.problems)
    return reading.charter
