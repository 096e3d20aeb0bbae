"""Ledgers of the past open for ever. The samples here are never written again; a new event gets a sample of its own."""

from __future__ import annotations

import typing
from pathlib import Path

import msgspec
import pytest

from factory_tui.adapters.ledger import Ledger
from factory_tui.bootstrap.grounds import codec
from factory_tui.domain import events as e
from factory_tui.domain.evolve import fold
from factory_tui.domain.state import State

SAMPLES = sorted((Path(__file__).parent / "samples").glob("ledger-events-*.jsonl"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_an_old_ledger_opens_and_says_what_it_said(sample: Path) -> None:
    """Field by field as it was written down then; what the state learned since stands at its default."""
    view = Ledger.read(str(sample), codec=codec())
    assert view.damage is None
    assert view.torn == 0
    then = msgspec.json.decode(sample.with_suffix(".state.json").read_bytes(), type=State)
    assert fold(view.entries) == then


def test_the_samples_hold_every_event() -> None:
    seen = {type(entry.event) for sample in SAMPLES for entry in Ledger.read(str(sample), codec=codec()).entries}
    never = [event.__name__ for event in typing.get_args(e.Event) if event not in seen]
    assert never == [], "write a new sample, ledger-events-<n>.jsonl, with its state beside it"


def test_a_state_that_differs_is_seen() -> None:
    """The comparison above can fail: one entry less is another state."""
    view = Ledger.read(str(SAMPLES[0]), codec=codec())
    then = msgspec.json.decode(SAMPLES[0].with_suffix(".state.json").read_bytes(), type=State)
    assert fold(view.entries[:-1]) != then
