"""Hostile seats against the real product: nothing escapes, and without walls the same attempts do harm."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import forging
import play
from small_home import charter_of

from factory_tui.domain.roles import RoleCard

pytestmark = pytest.mark.needs_bwrap


@pytest.mark.parametrize("role", play.roles())
async def test_nothing_that_a_hostile_seat_tries_escapes(tmp_path: Path, role: str):
    outcomes = await play.play(role, tmp_path)
    assert [(one.attempt.id, one.escaped, one.told) for one in outcomes if one.escaped] == []


@pytest.mark.parametrize("stage", forging.STAGES)
def test_nothing_that_is_tried_beside_a_desk_is_believed(tmp_path: Path, stage: str):
    outcomes = forging.play_stage(stage, tmp_path)
    assert [(one.attempt.id, one.escaped, one.told) for one in outcomes if one.escaped] == []
    assert len(outcomes) == len(forging.at(stage)) > 0


@pytest.mark.parametrize(
    "attempt", [one for one in play.attempts() if one.given.get("control")], ids=lambda one: one.id
)
async def test_control_without_walls_the_attempt_does_harm(tmp_path: Path, attempt: play.Attempt):
    assert await play.control(attempt, tmp_path) != []


def test_control_at_a_desk_that_permits_everything_the_wishes_come_true(tmp_path: Path):
    """What broker and in-process tools refuse is refused for a reason: whoever does not ask gets it done."""
    crew = play.make_crew(tmp_path, {}, play.FILES)
    tried = [one for one in play.attempts() if play.has_a_naive_control(one)]
    assert len(tried) > 50
    nothing = [one.id for number, one in enumerate(tried) if not play.naive(one, tmp_path / str(number), crew.root)]
    assert nothing == []


KNOWN = Path(__file__).with_name("known.txt").read_text().split()
"""The names under which the field tells of threats."""


def test_every_known_threat_is_played():
    played = {name: one for one in [*play.attempts(), *forging.forgeries()] for name in one.sample}
    assert sorted(played) == sorted(KNOWN)
    assert len(KNOWN) == 60
    for one in forging.forgeries():
        path, _, test = one.given.get("played_in", "").partition("::")
        assert not path or f"def {test}(" in (Path(__file__).parents[2] / path).read_text(), one.id


def test_every_attempt_has_a_name_of_its_own():
    names = [one.id for one in [*play.attempts(), *forging.forgeries()]]
    assert len(names) == len(set(names)) > 150


def test_every_role_is_tried_at_every_layer_that_stands_before_it():
    tried = {(role, one.layer) for one in play.attempts() for role in one.roles}
    before = {(card.id, layer) for card in charter_of().roles for layer in layers(card)}
    assert len({role for role, _ in before}) == 15
    assert before - tried == set()


def layers(card: RoleCard) -> set[str]:
    """By what the card lets it come near."""
    found = {"not offered", "broker"}
    found |= {"wall"} if "run" in card.actions else set()
    found |= {"in-process tools", "redaction"} if {"read", "search"} & {*card.actions} else set()
    return found | ({"diff import"} if card.writes else set())
