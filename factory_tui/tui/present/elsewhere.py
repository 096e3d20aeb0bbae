"""What a cockpit says while the session is held by another process and this one only looks on."""

from __future__ import annotations

from factory_tui.tui.lines import Line, Span
from factory_tui.tui.view import Elsewhere


def why_nothing(elsewhere: Elsewhere) -> str:
    """Why a key that would change something does nothing."""
    if elsewhere.has_ended:
        return f"this cockpit only looked on, and {elsewhere.holder} has ended; Y takes the session over"
    return f"this cockpit only looks on: {elsewhere.holder} holds the session; answer there, or with `factory answer`"


def said_at_first(elsewhere: Elsewhere) -> str:
    return f"{elsewhere.holder} holds the session; this cockpit only looks on. q leaves, and nothing ends by that"


def said_at_the_end(elsewhere: Elsewhere) -> str:
    return f"{elsewhere.holder} has ended. Y takes over: it begins a session here. q leaves"


def elsewhere_badge(elsewhere: Elsewhere | None) -> Line:
    """Stands in the header of every screen."""
    if elsewhere is None:
        return ()
    return (Span(" ENDED THERE, Y takes over " if elsewhere.has_ended else " LOOKS ON ", "bar-alert"),)
