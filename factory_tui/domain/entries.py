"""An entry: one event with its place in history."""

from __future__ import annotations

from factory_tui.domain.terms import Actor, Record


class Entry(Record, frozen=True, kw_only=True):
    """One event as the ledger holds it. All events of one command share `at` and `by`."""

    seq: int
    """Counts events from 1 without a gap, over all sessions of a repository."""
    at: str
    """UTC, ISO 8601 with milliseconds and `Z`. A label: order is `seq`, never the clock."""
    by: Actor
    event: object
    """One of the events of the codec the ledger was opened with."""
