"""What other agents' files a repository has, and what becomes of them here: kept, off, or conflicting."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import re2

Treatment = Literal["kept", "off", "conflicting"]


@dataclass(frozen=True, kw_only=True)
class Surrounding:
    """One instruction file, skill, server or setting that another agent would have obeyed."""

    kind: Literal["instructions", "skill", "MCP server", "settings"]
    path: str
    line: int = 0
    name: str
    treatment: Treatment
    reason: str


_INSTRUCTIONS = re2.compile(
    r"(^|/)(CLAUDE\.md|CLAUDE\.local\.md|AGENTS\.md|GEMINI\.md|\.cursorrules|\.windsurfrules|copilot-instructions\.md)$"
    r"|^\.cursor/rules/[^/]+$"
)
_SKILL = re2.compile(r"(^|/)\.(claude|codex|agents)/skills/([^/]+)/SKILL\.md$")
_SERVERS = re2.compile(r"(^|/)(\.mcp\.json|\.cursor/mcp\.json|\.vscode/mcp\.json|\.gemini/settings\.json)$")
_SETTINGS = re2.compile(r"(^|/)\.claude/settings(\.local)?\.json$")
_LOOSENS: tuple[tuple[str, str], ...] = (
    (r"(?i)--no-verify\b", "skips the repository's own hooks"),
    (r"(?i)dangerously-skip-permissions|bypassPermissions", "asks for an agent without limits"),
    (
        r"(?i)\b(skip|without running|don't run|do not run)\b.{0,30}\btests?\b",
        "lets a change through without its tests",
    ),
    (r"(?i)\bpush\b.{0,40}\b(main|master)\b", "sends work to the base branch past the gate"),
    (r"(?i)\b(force[- ]push|push --force)\b", "rewrites shared history"),
    (r"(?i)\bcommit\b.{0,30}\b(directly|straight)\b.{0,20}\b(main|master)\b", "commits past the gate"),
    (r"(?i)\b(deploy|release)\b.{0,40}\b(yourself|automatically|when done|after)\b", "deploys without an approval"),
)
_COMPILED = tuple((re2.compile(pattern), reason) for pattern, reason in _LOOSENS)
_FORBIDS = re2.compile(r"(?i)\b(never|not|don't|avoid|no|without|refuse to)\b[^.;]{0,30}$")
"""What stands before such words where a line forbids them."""
_ALLOWS_ALL = re2.compile(r"^(Bash|Bash\(\*?(:\*)?\)|\*|mcp__\*)$|git push|deploy|rm -rf|sudo")
MOST_BYTES = 200_000


def surroundings(files: Mapping[str, bytes]) -> tuple[Surrounding, ...]:
    """From the base's files, path to bytes; those of other kinds are passed over."""
    found: list[Surrounding] = []
    for path, data in sorted(files.items()):
        text = data[:MOST_BYTES].decode("utf-8", "replace")
        skill = _SKILL.search(path)
        if _INSTRUCTIONS.search(path):
            found.append(_instructions(path, text))
        elif skill is not None:
            reason = "a seat is told its brief and nothing else: move what matters into knowledge or a role card"
            found.append(Surrounding(kind="skill", path=path, name=skill[3], treatment="off", reason=reason))
        elif _SERVERS.search(path):
            found += _servers(path, text)
        elif _SETTINGS.search(path):
            found += _settings(path, text)
    return tuple(found)


def concerns(path: str) -> bool:
    """True for paths that `surroundings` wants to see."""
    return any(pattern.search(path) is not None for pattern in (_INSTRUCTIONS, _SKILL, _SERVERS, _SETTINGS))


def _instructions(path: str, text: str) -> Surrounding:
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, reason in _COMPILED:
            match = pattern.search(line) if len(line) <= 2000 else None
            if match is not None and not _FORBIDS.search(line[: match.start()]):
                return Surrounding(
                    kind="instructions",
                    path=path,
                    line=number,
                    name=line.strip()[:120],
                    treatment="conflicting",
                    reason=f"{reason}; role cards and rules hold, whatever this line says",
                )
    name = path.rpartition("/")[2]
    reason = "stays as it is and can be read; what it says is no rule here until DNA.md or a rule says it"
    return Surrounding(kind="instructions", path=path, name=name, treatment="kept", reason=reason)


def _servers(path: str, text: str) -> list[Surrounding]:
    document = _object(text)
    if document is None:
        return [_unreadable(path)]
    servers = document.get("mcpServers", document.get("servers", {}))
    reason = "its tools would pass no broker: no seat is given them"
    return [
        Surrounding(kind="MCP server", path=path, name=str(name), treatment="off", reason=reason)
        for name in (servers if isinstance(servers, dict) else {})
    ]


def _settings(path: str, text: str) -> list[Surrounding]:
    document = _object(text)
    if document is None:
        return [_unreadable(path)]
    found = []
    hooks = document.get("hooks")
    if isinstance(hooks, dict):
        reason = "no seat runs another agent's hooks"
        found += [
            Surrounding(kind="settings", path=path, name=f"hook {name}", treatment="off", reason=reason)
            for name in hooks
        ]
    permissions = document.get("permissions")
    allowed = permissions.get("allow", []) if isinstance(permissions, dict) else []
    for entry in allowed if isinstance(allowed, list) else []:
        wide = _ALLOWS_ALL.search(str(entry)) is not None
        reason = (
            "allows what a role card or rule forbids; cards and rules hold"
            if wide
            else "role cards say what a seat may do; this list is not asked"
        )
        treatment: Treatment = "conflicting" if wide else "off"
        found.append(
            Surrounding(kind="settings", path=path, name=f"allow {entry}"[:120], treatment=treatment, reason=reason)
        )
    return found


def _object(text: str) -> dict[str, object] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _unreadable(path: str) -> Surrounding:
    reason = "it is not readable as JSON, so what it would do is unknown"
    return Surrounding(kind="settings", path=path, name=path, treatment="off", reason=reason)
