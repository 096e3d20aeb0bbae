"""What a cockpit says while the session is held by another process and this one only looks on."""

from __future__ import annotations

from factory_tui.tui.keymap import Key
from factory_tui.tui.lines import Line, Span
from factory_tui.tui.view import Elsewhere


def why_nothing(elsewhere: Elsewhere, key: Key) -> str:
    """Why a key that would change something does nothing."""
    more = f"; {key('session.here')} takes the session over" if elsewhere.has_ended else ""
    return only_looks(elsewhere) + more


def only_looks(elsewhere: Elsewhere) -> str:
    """What it cannot do, wherever that is said."""
    if elsewhere.has_ended:
        return f"this cockpit only looked on, and {elsewhere.holder} has ended"
    return f"this cockpit only looks on: {elsewhere.holder} holds the session; answer there, or with `factory answer`"


def said_at_first(elsewhere: Elsewhere, key: Key) -> str:
    looks_on = f"{elsewhere.holder} holds the session; this cockpit only looks on"
    return f"{looks_on}. {key('quit')} leaves, and nothing ends by that"


def said_at_the_end(elsewhere: Elsewhere, key: Key) -> str:
    here = f"{key('session.here')} takes over: it begins a session here"
    return f"{elsewhere.holder} has ended. {here}. {key('quit')} leaves"


def elsewhere_badge(elsewhere: Elsewhere | None, key: Key) -> Line:
    """Stands in the header of every screen."""
    if elsewhere is None:
        return ()
    told = f"ENDED THERE, {key('session.here')} takes over" if elsewhere.has_ended else "LOOKS ON"
    return (Span(f" {told} ", "bar-alert"),)
