"""Telling: what just happened, one line for each step worth a look."""

from __future__ import annotations

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.wording import worded

SILENT = frozenset(
    {
        e.TimePassed,
        e.UsageNoted,  # the sums are told when the run ends
        e.ConversationNoted,
        e.MessagesHeard,
        e.ActionAllowed,  # too many; denials and asks are told
        e.ActionEnded,
        e.HandoffOffered,  # its release is told
        e.BriefSealed,
        e.WorktreeOpened,
        e.LandingCleared,  # the landing is told
        e.LandingIntended,
        e.NoticeSettled,
    }
)
"""What is not worth a line while one looks on."""


def told(entry: Entry) -> str:
    """Empty for what is not worth a line."""
    text = "" if type(entry.event) in SILENT or _says_nothing(entry.event) else worded(entry.event)
    return f"#{entry.seq:<4} {text}" if text else ""


def _says_nothing(event: object) -> bool:
    return isinstance(event, e.LimitsProved) and not event.roles
