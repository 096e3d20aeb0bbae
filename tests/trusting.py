"""A factory whose home trusts its keys, and one change that it lands."""

from __future__ import annotations

import json
from pathlib import Path

from crew import Crew, answer, approve_all, commit_and_hand_over, make_crew, settled, small_task, write
from signing import trust_of

from factory_tui.domain.waiting import waiting
from factory_tui.engine.seat_ports import Desk, TurnBrief

ID = "0123456789abcdef0123456789abcdef"
BASE = '[landing]\nonto = "base"\n'
SETTINGS = (
    'repo_id = "{repo_id}"\n[smoke]\ncommand = "python3 -m unittest -v"\n[pace]\nmode = "flow"\n'
    '[seats]\ndefault = "mind"\n' + BASE
)


async def author(brief: TurnBrief, desk: Desk) -> None:
    await write(desk, "adder.py", "def add(a, b):\n    return sum((a, b))\n")
    assert (await commit_and_hand_over(desk)).ok


def trusted(tmp_path: Path) -> dict[str, str]:
    """Makes the keys of this machine; the file of the home that trusts them."""
    keys = tmp_path / "state/factory" / ID / "keys"
    for place in (tmp_path / "state", tmp_path / "state/factory", keys.parent, keys):
        place.mkdir(mode=0o700)
    return {".factory/trust/allowed_signers": trust_of(keys)}


def trusting_crew(tmp_path: Path) -> Crew:
    return make_crew(tmp_path, {"builder": author, "quality": approve_all}, trusted(tmp_path), SETTINGS)


async def landed(crew: Crew) -> str:
    async with crew.session() as house:
        await small_task(house, "Add by summing")
        await settled(house)
        (item,) = [item for item in waiting(house.state) if item.kind == "change"]
        answer(house, item.id, "approve")
        await settled(house)
        return json.dumps({id: task.why for id, task in house.state.tasks.items()})
