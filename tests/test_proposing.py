"""What is on disk becomes a proposal without holding up the loop that draws, and the newest reading stands."""

from __future__ import annotations

import asyncio
from pathlib import Path

from crew import SUPERVISOR, make_crew

from factory_tui.bootstrap.grounds import read_disk
from factory_tui.bootstrap.house import House

DNA = ".factory/memory/DNA.md"


def proposed(house: House) -> str:
    """The charter that waits to be adopted; empty when none does."""
    return next((proposal.charter for proposal in reversed(house.state.proposals.values())), "")


def on_disk(house: House) -> str:
    charter = read_disk(house.ground.home).charter
    assert charter is not None
    return charter.sha256


async def test_the_loop_goes_on_while_the_home_is_read(tmp_path: Path) -> None:
    """A reading on the loop itself would be over before anything else had its turn."""
    crew = make_crew(tmp_path, {})
    async with crew.session("step") as house:
        (crew.root / DNA).write_text((crew.root / DNA).read_text() + "\nMore.\n")
        reading = asyncio.create_task(house.propose_disk())
        await asyncio.sleep(0)
        assert not reading.done()
        await reading
        assert proposed(house) == on_disk(house)


async def test_of_many_readings_at_once_the_newest_stands(tmp_path: Path) -> None:
    crew = make_crew(tmp_path, {})
    async with crew.session("step") as house:
        right = (crew.root / DNA).read_text()
        readings = []
        for number in range(5):
            (crew.root / DNA).write_text(right + f"\nWord {number}.\n")
            readings.append(asyncio.create_task(house.propose_disk()))
            await asyncio.sleep(0)
        await asyncio.gather(*readings)
        assert proposed(house) == on_disk(house)
        (crew.root / DNA).write_text(right)
        await house.propose_disk()
        assert proposed(house) == ""


async def test_a_reading_under_way_at_the_end_is_proposed_before_the_digest(tmp_path: Path) -> None:
    crew = make_crew(tmp_path, {})
    house = crew.house()
    await house.start(SUPERVISOR, "step")
    (crew.root / DNA).write_text((crew.root / DNA).read_text() + "\nMore.\n")
    reading = asyncio.create_task(house.propose_disk())
    await asyncio.sleep(0)
    digest = await house.close("over", SUPERVISOR)
    await reading
    assert proposed(house) == on_disk(house)
    assert (crew.root / ".factory" / digest).is_file()
