"""Nothing that anybody may say at any moment is half taken in: refused, or folded, and what is owed then is known."""

from __future__ import annotations

from random import Random

import pytest
from any_command import COMMANDS, any_command, ids_in
from heart import FACTORY, SUPERVISOR
from wandering import Wanderer

from factory_tui.domain import commands as c
from factory_tui.domain.agenda import agenda
from factory_tui.domain.decide import decide
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import Refusal
from factory_tui.domain.evolve import evolve
from factory_tui.domain.terms import Actor
from factory_tui.domain.waiting import waiting

AT = "2026-11-22T10:00:00.000Z"
TRIES = 15
"""Of each command in each state."""


@pytest.mark.parametrize("seed", range(6))
def test_any_command_at_any_moment_is_refused_or_taken_in_whole(seed: int) -> None:
    dice, wanderer = Random(seed), Wanderer()
    for _ in range(dice.choice((40, 150, 400))):
        wanderer.step(dice.randrange(1 << 30))
    state = wanderer.heart.state
    ids, taken_in = ids_in(state), 0
    for kind in COMMANDS * TRIES:
        command = any_command(kind, state, dice, ids)
        by = dice.choice((FACTORY, FACTORY, SUPERVISOR, SUPERVISOR, Actor(kind="seat", name=dice.choice(ids))))
        try:
            events = decide(state, c.Envelope(command=command, by=by, at=AT))
        except Refusal:
            continue
        after = state
        for event in events:
            after = evolve(after, Entry(seq=after.seq + 1, at=AT, by=by, event=event))
        agenda(after)
        waiting(after)
        taken_in += bool(events)
    assert taken_in > 20, "what is always refused proves nothing"
