"""Where Claude Code is on this machine, and what it needs around it to run enclosed."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from factory_tui.adapters.programs import Found, found_at
from factory_tui.domain.errors import FactoryError

EXTRA = "pip install 'factory-os-cockpit[claude]'"
TOKEN = "claude setup-token"  # noqa: S105 - the command that makes one
NO_CREDENTIAL = (
    "set ANTHROPIC_API_KEY before you start the factory; or run `claude setup-token`, which makes a token for seats"
    " alone, and set it as CLAUDE_CODE_OAUTH_TOKEN"
)
PLACES = (".local/bin/claude", ".claude/local/claude", ".npm-global/bin/claude")
"""Below the user's home, where installers put it."""


def find_program(environment: Mapping[str, str]) -> Found:
    """A `claude` on PATH, else the one that came with the extra. Raises FactoryError when there is neither."""
    for path in _candidates(environment):
        if os.access(path, os.X_OK) and Path(path).is_file():
            return found_at(os.path.realpath(path), environment)
    raise FactoryError(
        what="Claude Code is not on this machine",
        why="there is no `claude` on PATH, and none came with the extra",
        next_step=EXTRA,
    )


def has_extra() -> bool:
    """Whether the Agent SDK can be imported; it is not."""
    return importlib.util.find_spec("claude_agent_sdk") is not None


def _candidates(environment: Mapping[str, str]) -> list[str]:
    folders = [part for part in environment.get("PATH", "").split(os.pathsep) if part.startswith("/")]
    found = [f"{folder}/claude" for folder in folders]
    if home := environment.get("HOME", ""):
        found += [f"{home}/{place}" for place in PLACES]
    if bundled := _bundled():
        found.append(bundled)
    return found


def _bundled() -> str:
    spec = importlib.util.find_spec("claude_agent_sdk")
    return str(Path(spec.origin).with_name("_bundled") / "claude") if spec is not None and spec.origin else ""
