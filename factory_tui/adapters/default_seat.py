"""What fills a role where nothing is configured: a model if there is a key, Claude Code if it is let in, a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from factory_tui.adapters.logins import find_login
from factory_tui.adapters.seats.claude_code import finding
from factory_tui.adapters.secrets import Keys
from factory_tui.domain.errors import FactoryError


@dataclass(frozen=True, kw_only=True)
class Preferred:
    """The default, and why it is that."""

    seat: str
    why: str
    notes: tuple[str, ...] = ()
    """What is nearly there, and the command that is missing."""


def preferred_seat(environment: Mapping[str, str], keys: Keys) -> Preferred:
    """Quick: nothing is started and nobody is called. What is here but not let in is told, never pretended."""
    login = find_login(keys, environment)
    if login is not None and login.kind != "token":
        what = "a key is set" if login.kind == "key" else f"ANTHROPIC_BASE_URL names {login.base_url}"
        return Preferred(seat="anthropic_api", why=f"nothing is configured, and {what}")
    program = _program(environment)
    if program and login is not None and finding.has_extra():
        return Preferred(
            seat="claude_code", why="nothing is configured, and Claude Code is here with a token of its own"
        )
    if program and not finding.has_extra():
        note = f"Claude Code is at {program}; to seat it: {finding.EXTRA}"
        return Preferred(seat="human", why="nothing is configured, and there is no key", notes=(note,))
    if program:
        note = f"Claude Code is at {program}, and nothing lets it in: {finding.NO_CREDENTIAL}"
        return Preferred(seat="human", why="nothing is configured, and there is neither key nor token", notes=(note,))
    return Preferred(seat="human", why="nothing is configured, and there is neither a key nor Claude Code")


def _program(environment: Mapping[str, str]) -> str:
    try:
        return finding.find_program(environment).path
    except (FactoryError, OSError):
        return ""
