"""A model's seat in a real factory: what is on record of its faults, its tools and its conversations."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from conformance import QUESTION
from crew import SUPERVISOR, Crew, answer, make_crew, settled, small_task
from messages_server import MessagesServer, Reply, Script
from msgspec.structs import replace
from test_claude_code import FULL, room

from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings
from factory_tui.adapters.seats.claude_code.command import PREFIX
from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.house import House, open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.prices import Model
from factory_tui.domain.terms import Action, PlannedTask
from factory_tui.domain.waiting import waiting
from factory_tui.engine.exhibits import parts_of
from factory_tui.engine.seat_ports import Desk, TurnBrief

LISTED = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
SMALL = LISTED.models | {
    "small": Model(input=1, output=1, cache_read=0, cache_write=1, context=10_000, output_limit=500)
}


async def test_faults_tools_and_a_full_context_are_on_record_and_a_fresh_turn_goes_on(tmp_path: Path) -> None:
    replies = (
        Reply(status=529, message="Overloaded", headers={"retry-after": "0"}),
        Reply(text="I try my own way.", calls=[("bash", {"command": "id"})]),
        Reply(calls=[("read", {"path": "adder.py"})], usage={"input_tokens": 9_000, "cache_creation_input_tokens": 7}),
        Reply(text="adder.py has no subtraction yet; I was about to add it."),
        Reply(calls=[("escalate", {"question": QUESTION})]),
    )
    crew = make_crew(tmp_path, {})
    async with MessagesServer(Script(*replies)) as server:
        settings = ApiSettings(models=replace(LISTED, models=SMALL), key="a-key", base_url=server.url, model="small")
        crew.seat = AnthropicApiSeat(settings)  # type: ignore[assignment]
        seen: list[object] = []
        async with crew.session() as house:
            house.factory.subscribe(lambda entry, state: seen.append(entry.event))
            await small_task(house, "Add subtraction")
            async with asyncio.timeout(60):
                await house.factory.until(lambda state: state.task("T-1").stage == "parked" and not state.turns)
            task = house.state.task("T-1")
    (told, *_) = [event.text for event in seen if isinstance(event, e.SeatNoticed)]
    assert told == "overloaded: Overloaded (529): again in 0 s (1/4)"
    assert [event.tool for event in seen if isinstance(event, e.ToolDenied)] == ["bash"]
    ends = [event for event in seen if isinstance(event, e.TurnEnded)]
    assert [event.outcome for event in ends] == ["truncated", "ok"]
    assert ends[0].handed_on is not None
    assert (task.attempt, task.fruitless) == (1, 0)
    first, second = server.requests[1].everything, server.requests[-1].everything
    assert "ran out of room" not in first
    assert "ran out of room" in second
    assert "I was about to add it" in second
    assert "- read adder.py: ok" in second
    assert "I try my own way" not in second, "it is a fresh conversation"
    assert any(event.tokens_written == 7 for event in seen if isinstance(event, e.UsageNoted))
    spoken = {event.conversation for event in seen if isinstance(event, e.ConversationNoted)}
    assert len(spoken) >= 2


# --- one cause, several seats ----------------------------------------------------------------------

TWO = (
    'repo_id = "{repo_id}"\n[smoke]\ncommand = "python3 -m unittest -v"\n[pace]\nmode = "flow"\n'
    '[seats]\ndefault = "mind"\nbuilder = "one"\ntech_writer = "two"\n'
)


@dataclass
class TwoSeats(Crew):
    """Two seats of one server; the mission is planned by a mind."""

    url: str = ""

    def house(self) -> House:
        settings = ApiSettings(models=LISTED, key="a-key", base_url=self.url)
        makers = dict.fromkeys(("one", "two"), lambda: AnthropicApiSeat(settings, pause=at_once))
        makers["mind"] = lambda: self.seat  # type: ignore[assignment,return-value]
        ground = find_ground(str(self.root), self.environment)
        return open_house(ground, seats=lambda charter: SeatTable(makers, charter))


async def plan_two(brief: TurnBrief, desk: Desk) -> None:
    tasks = (
        PlannedTask(title="Subtract", goal="Add sub()", role="builder", criteria=("it does",), paths=("*.py",)),
        PlannedTask(title="Tell", goal="Tell of it", role="tech_writer", criteria=("it does",), paths=("README.md",)),
    )
    assert (await desk.act(Action(kind="plan", tasks=tasks, text="at once"))).ok


async def at_once(seconds: float) -> None:
    """Nobody waits between two tries."""


@pytest.mark.parametrize(("status", "cause"), [(429, "rate limit"), (529, "overloaded"), (0, "the connection broke")])
async def test_what_stands_in_the_way_of_two_seats_is_one_item_and_goes_on_for_both(
    tmp_path: Path, status: int, cause: str
) -> None:
    plain = make_crew(tmp_path, {"ceo": plan_two}, settings=TWO)
    busy = Script(Reply(status=status, headers={"retry-after": "3600"}), again=True)
    async with MessagesServer(busy) as server:
        url = server.url if status else "http://127.0.0.1:9"
        crew = TwoSeats(root=plain.root, state_home=plain.state_home, seat=plain.seat, url=url)
        async with crew.session() as house:
            base, base_ref = await house.worktrees.head(), await house.worktrees.base_ref()
            house.factory.submit(c.StateMission(text="Subtraction", base_ref=base_ref, base=base), SUPERVISOR)
            (plan,) = await settled(house)
            answer(house, plan.id, "approve")
            async with asyncio.timeout(60):
                await house.factory.until(lambda state: len(state.world) == 2 and not state.turns)
            assert {wait.seat for wait in house.state.world.values()} == {"one", "two"}
            (item,) = [item for item in waiting(house.state) if item.kind == "world"]
            assert f"{url.removeprefix('http://')}: {cause}" in item.title
            assert "Waiting: T-2, T-3" in item.title
            shown = "\n".join(part.text for part in parts_of(house.state, item, house.evidence))
            assert "seat: one" in shown
            assert "seat: two" in shown
            assert [house.state.task(id).fruitless for id in ("T-2", "T-3")] == [0, 0]
            answer(house, item.id, "go-on")
            assert house.state.world == {}


@pytest.mark.needs_claude
@pytest.mark.needs_bwrap
async def test_a_full_context_of_claude_code_is_handed_on_to_a_fresh_turn_and_never_cut_down_unseen(
    tmp_path: Path,
) -> None:
    replies = (
        Reply(calls=[(f"{PREFIX}read", {"path": "adder.py"})], usage=FULL),
        Reply(text="adder.py has no subtraction yet; I was about to add it."),
        Reply(calls=[(f"{PREFIX}escalate", {"question": QUESTION})]),
    )
    crew = make_crew(tmp_path, {})
    async with room(tmp_path, *replies, models=replace(LISTED, models=SMALL), model="small") as here:
        crew.seat = here.seat  # type: ignore[assignment]
        seen: list[object] = []
        async with crew.session() as house:
            house.factory.subscribe(lambda entry, state: seen.append(entry.event))
            await small_task(house, "Add subtraction")
            async with asyncio.timeout(60):
                await house.factory.until(lambda state: state.task("T-1").stage == "parked" and not state.turns)
            assert house.state.task("T-1").attempt == 1
    ends = [event for event in seen if isinstance(event, e.TurnEnded)]
    assert [event.outcome for event in ends] == ["truncated", "ok"]
    second = here.server.requests[-1].everything
    assert "I was about to add it" in second
    assert "- read adder.py: ok" in second
    assert "Your context is nearly full" not in second, "it is a fresh conversation"
    assert len({event.conversation for event in seen if isinstance(event, e.ConversationNoted)}) == 2
    assert len(here.server.requests) == 3, "nothing was summed up behind our back"
