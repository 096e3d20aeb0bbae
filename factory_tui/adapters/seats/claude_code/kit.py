"""What a seat of Claude Code works with, as data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from factory_tui.adapters.enclosure import BoundaryAt, Program
from factory_tui.adapters.logins import Login, ProvenLogins
from factory_tui.adapters.programs import Found
from factory_tui.adapters.seats.claude_code import command
from factory_tui.domain.prices import Models

Opener = Callable[[Sequence[str], BoundaryAt], Awaitable[Program]]


@dataclass(frozen=True, kw_only=True)
class Kit:
    """What the seat works with."""

    open: Opener
    contained: bool
    """Whether there is a wall around what `open` starts."""
    program: Found
    login: Login
    place: str
    """A directory of the state place: a folder for each conversation, never shared."""
    proven: ProvenLogins
    now: Callable[[], str]
    models: Models
    model: str = ""
    """Where the staffing names none; empty = by the role's tier."""
    effort: str = ""
    silence_seconds: float = command.SILENCE_SECONDS
    retries: int = command.RETRIES
    learn: Callable[[str, str], None] = field(default=lambda name, secret: None)
    """Told of each secret, so that it is written nowhere."""
