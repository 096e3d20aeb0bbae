"""What was proven of every role's limits, as a screen, in a pane's head and as a badge that no screen hides."""

from __future__ import annotations

import json

import pytest
from chair import BusyFloor, Chair, hint, press, screen_text, settled, write
from heart import MAIN, SUPERVISOR, charter, mission, small_task

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.limits import DEGRADED
from factory_tui.domain.terms import Action

SIZES = ((80, 24), (120, 40), (220, 60))
LISTENER = e.RedLimit(
    limit="reach a loopback listener", layer="wall", detail="it answered", fix="run `factory doctor`; install bwrap"
)


class ProvenFloor(Chair):
    """Brokered seats were tried: the builder has one red limit, everybody else none. Scripts have the wall's own."""

    def __init__(self, wall: str = "bwrap as root") -> None:
        super().__init__()
        self.do(
            c.StartSession(
                version="0.1.0",
                wall=wall,
                mode="flow",
                base_ref=MAIN,
                base="b" * 40,
                charter=charter(),
                degraded=SUPERVISOR.name if wall == DEGRADED else "",
            ),
            SUPERVISOR,
        )
        roles = [card.id for card in charter().roles if card.id != "quality"]
        cells = [
            {"role": role, "limit": limit, "layer": layer, "holds": (role, limit) != ("builder", LISTENER.limit)}
            | {"detail": ""}
            for role in roles
            for limit, layer in (
                ("write outside", "broker"),
                (LISTENER.limit, "wall"),
                ("bring in a protected path", "diff import"),
            )
        ]
        kept = self.store.put(json.dumps(cells).encode(), "limits of brokered seats")
        told = tuple(e.RoleLimits(role=role, tried=3, red=(LISTENER,) if role == "builder" else ()) for role in roles)
        self.do(c.RecordLimits(control="brokered", wall=wall, by_wall=("a", "b"), roles=told, matrix=kept))
        eleven = tuple(f"attempt_{number}" for number in range(11))
        self.do(c.RecordLimits(control="rehearsed", wall=wall, by_wall=eleven, roles=()))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_each_role_has_its_word_and_a_red_limit_its_reason_and_its_fix(size):
    chair = ProvenFloor()
    async with chair.cockpit(*size) as (app, pilot):
        await press(pilot, "g", "l")
        assert f"{3 * 14 - 1} of {3 * 14} limits of 14 roles proven, 1 RED" in screen_text(app)
        await press(pilot, "/")
        await write(pilot, "builder")
        await press(pilot, "enter", "j", "j", "j")
        rows = {line.split()[1]: line for line in screen_text(app).splitlines() if len(line.split()) > 2}
        assert "RED 2/3" in rows["builder"]
        assert "broker 1/1  wall 0/1  diff import 1/1" in rows["builder"]
        text = " ".join(screen_text(app).split())
        assert "✗ RED reach a loopback listener (wall): it answered" in text
        assert "fix: run `factory doctor`; install bwrap" in text
        await press(pilot, "/")
        await write(pilot, "performance")
        await press(pilot, "enter")
        assert "✓ performance  PROVEN 3/3" in screen_text(app)


async def test_a_role_that_was_not_tried_is_unproven_and_says_how_to_try_it():
    chair = ProvenFloor()
    async with chair.cockpit(120, 40) as (app, pilot):
        await press(pilot, "g", "l", "/")
        await write(pilot, " quality ")
        await press(pilot, "enter")
        line = next(line for line in screen_text(app).splitlines() if " quality " in line)
        assert "UNPROVEN" in line
        assert "is not seated" in line
        assert "fix: `factory doctor --probe` tries every limit" in screen_text(app)


async def test_enter_shows_every_limit_of_one_role_by_layer():
    chair = ProvenFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "l", "enter")
        assert "choose a role's row" in hint(app)
        await press(pilot, "/")
        await write(pilot, "builder")
        await press(pilot, "enter", "enter")
        text = screen_text(app)
        assert "RED     wall         reach a loopback listener" in text
        assert "proven  diff import  bring in a protected path" in text
        assert "install bwrap" in text


async def test_a_session_in_which_nothing_was_tried_says_so_in_red_words():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        assert "UNPROVEN" in screen_text(app)
        await press(pilot, "g", "l")
        assert "UNPROVEN: in this session no limit was tried yet" in screen_text(app)


async def test_a_matrix_that_is_gone_from_the_evidence_is_said_to_be_gone():
    chair = ProvenFloor()
    chair.store.texts.clear()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "l")
        assert "missing from the evidence, or altered" in screen_text(app)
        assert "1 RED" in screen_text(app)


async def test_the_head_of_a_pane_says_how_many_limits_are_proven():
    chair = ProvenFloor()
    small_task()(chair)
    chair.begin("T-1")
    async with chair.cockpit(150, 40) as (app, pilot):
        await settled(pilot)
        assert "11/11 wall limits proven" in screen_text(app)


@pytest.mark.parametrize(("wall", "words"), [("bwrap as root", "AS ROOT"), (DEGRADED, "DEGRADED: no wall")])
async def test_what_is_not_as_it_should_be_stays_in_the_header_of_every_screen(wall, words):
    chair = ProvenFloor(wall)
    chair.name = "a-repository-with-a-very-long-name"
    mission("A mission whose words are so many that they fill the header of a narrow terminal twice")(chair)
    chair.seal("T-1")
    async with chair.cockpit(80, 24) as (app, pilot):
        await settled(pilot)
        for keys in ((), ("g", "r"), ("g", "t"), ("g", "l"), ("g", "m"), ("?",), ("q",), (":",)):
            await press(pilot, *keys)
            header = screen_text(app).splitlines()[0]
            assert words in header, (keys, header)
            assert app.screen.bar_at("header").lines[0], keys
            styles = {span.style for span in app.screen.bar_at("header").lines[0] if words in span.text}
            assert styles == {"bar-alert"}
            await press(pilot, "escape")


async def test_the_header_of_a_card_keeps_its_time_beside_the_badge():
    chair = ProvenFloor("bwrap as root")
    small_task()(chair)
    chair.begin("T-1")
    chair.wish(Action(kind="fetch", resource="package", target="jinja2"), "T-1")
    async with chair.cockpit(220, 60) as (app, pilot):
        await press(pilot, "o")
        header = screen_text(app).splitlines()[0]
        assert header.split()[-3:] == ["0:00", "AS", "ROOT"]
        assert "…" not in header


async def test_no_badge_stands_where_all_is_as_it_should_be():
    chair = ProvenFloor("bwrap")
    async with chair.cockpit(80, 24) as (app, _):
        header = screen_text(app).splitlines()[0]
        assert "wall bwrap" in header
        assert "ROOT" not in header
        assert "DEGRADED" not in header
