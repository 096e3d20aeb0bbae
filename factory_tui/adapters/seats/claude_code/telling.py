"""What a running Claude Code tells, in our words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Said:
    text: str
    answer: str = ""
    """The endpoint's id of the answer that it is a part of."""


@dataclass(frozen=True, kw_only=True)
class Denied:
    """A tool that was not offered was called; the program refused it by itself."""

    tool: str
    arguments: object


@dataclass(frozen=True, kw_only=True)
class Retried:
    """A call to the model failed; it waits and calls again."""

    attempt: int
    most: int
    seconds: float
    status: int
    """0 = there was no answer, or it broke."""
    error: str


@dataclass(frozen=True, kw_only=True)
class Limited:
    """Where a subscription's window stands."""

    status: str
    """allowed, allowed_warning, rejected"""
    window: str
    until: int | None
    """Unix time of its end."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The prompt is answered, or was given up."""

    is_error: bool
    status: int
    """Of the failing call; 0 = it was not a call that failed."""
    stop: str
    """The model's last stop reason."""
    reason: str
    """completed, api_error, aborted_streaming, aborted_tools, …"""
    text: str
    total_usd: float | None
    """Of the whole conversation, as the program counts it."""


Told = Said | Denied | Retried | Limited | Ended
