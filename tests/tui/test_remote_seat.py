"""A seat on another machine says where it runs, wherever one looks at it."""

from __future__ import annotations

import pytest
from chair import Chair, press, screen_text
from heart import small_task

from factory_tui.domain import commands as c
from factory_tui.domain.staffing import Budgets, Staffed


def far_away() -> Chair:
    chair = Chair()
    chair.start_session()
    crew = tuple(Staffed(role=card.id, seat="far", why="chosen") for card in chair.state.law.roles)
    chair.do(c.StaffCrew(crew=crew, ceilings=Budgets()))
    small_task()(chair)
    chair.begin()
    chair.do(c.EndTurn(turn="builder/b1", outcome="interrupted"))
    chair.start_turn(seat="far", where="build-machine")
    return chair


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (220, 60)])
async def test_its_pane_and_its_row_of_the_crew_name_the_machine(size: tuple[int, int]) -> None:
    async with far_away().cockpit(*size) as (app, pilot):
        if size[0] == 80:
            await press(pilot, "z")
        assert "runs at build-machine" in screen_text(app)
        await press(pilot, "escape", "g", "c")
        assert "runs at build-machine" in screen_text(app)
