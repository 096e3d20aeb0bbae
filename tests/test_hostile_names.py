"""A builder's turn that makes files with hostile names in a real repository: from the import to what has landed. # T3

Names that show as something else than they are come into no tree, and are told spelt out; names that are only
awkward go the whole way, and the law's protected places hold for them as for any other.
"""

from __future__ import annotations

import os
from pathlib import Path

from crew import answer, approve_all, commit_and_hand_over, make_crew, settled, small_task, stages
from real_git import git

from factory_tui.bootstrap.house import House
from factory_tui.domain import digest
from factory_tui.domain.harmless import STEERS
from factory_tui.domain.terms import Action
from factory_tui.engine.exhibits import find_item, parts_of
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief

AWKWARD = (
    "-rf",
    "--output=x",
    'say "hi".txt',
    "it's $(touch owned) `x` ; #.txt",
    ":(top)x",
    "[red]x[bold].txt",
    "n" * 255,
    "\u05e9\u05dc\u05d5\u05dd.txt",
    "e\u0301 \u6f22.txt",
    " leading",
)
"""Nothing in them steers."""
HOSTILE = {
    b"a\nb": "a\\u000ab",
    b"\x1b]52;c;cHduZWQ=\x07": "\\u001b]52;c;cHduZWQ=\\u0007",
    "a\u202egpj.py".encode(): "a\\u202egpj.py",
    b"bad\xff\xfe": "bad\\udcff\\udcfe",
}
"""Bytes, and how they are told."""


def told_of(house: House, id: str) -> str:
    """All that the card of an item shows."""
    return "\n".join(part.text for part in parts_of(house.state, find_item(house.state, id), house.evidence))


async def test_awkward_names_go_the_whole_way_and_nothing_of_them_is_lost(tmp_path: Path) -> None:
    async def builder(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        for number, name in enumerate(AWKWARD):
            Path(brief.directory, name).write_text(f"number {number}\n")
        done = await commit_and_hand_over(desk, "Add them")
        assert done.ok, done.text
        return None

    crew = make_crew(tmp_path, {"builder": builder, "quality": approve_all})
    async with crew.session() as house:
        await small_task(house, "Add files")
        items = await settled(house)
        assert [item.kind for item in items] == ["change"], items
        card = told_of(house, items[0].id)
        for number, name in enumerate(AWKWARD):
            assert f"number {number}" in card
            assert name in card or name.replace('"', '\\"') in card, name
        candidate = house.state.tasks["T-1"].candidate
        assert candidate
        assert set(candidate.paths) == set(AWKWARD)
        answer(house, items[0].id, "approve")
        await settled(house)
        assert stages(house.state)["T-1"] == "landed"
        tip = next(iter(house.state.missions.values())).tip
        text = digest.write(house.ledger.entries, house.state, house.state.session, reason="over")
        assert not set(STEERS.findall(text))
    landed = git(crew.root, "ls-tree", "-z", "--name-only", tip).split("\0")
    assert set(AWKWARD) <= set(landed)
    assert not (crew.root / "owned").exists()


async def test_hostile_names_come_into_no_tree_and_are_told_spelt_out(tmp_path: Path) -> None:
    answers: list[str] = []

    async def builder(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        for name in HOSTILE:
            Path(os.fsdecode(os.fsencode(brief.directory) + b"/" + name)).write_text("x\n")
        committed = await desk.act(Action(kind="commit", text="Add them"))
        assert not committed.ok
        answers.append(committed.text)
        for name in HOSTILE:
            Path(os.fsdecode(os.fsencode(brief.directory) + b"/" + name)).unlink()
        Path(brief.directory, "fine.txt").write_text("x\n")
        done = await commit_and_hand_over(desk, "Add one")
        assert done.ok, done.text
        return None

    crew = make_crew(tmp_path, {"builder": builder, "quality": approve_all})
    async with crew.session() as house:
        await small_task(house, "Add files")
        items = await settled(house)
        assert [item.kind for item in items] == ["change"], items
        candidate = house.state.tasks["T-1"].candidate
        assert candidate
        assert candidate.paths == ("fine.txt",)
        text = digest.write(house.ledger.entries, house.state, house.state.session, reason="over")
        assert not set(STEERS.findall(text))
    assert all(told in answers[0] for told in HOSTILE.values()), answers
    assert not set(STEERS.findall(answers[0]))


async def test_protected_places_hold_for_awkward_names(tmp_path: Path) -> None:
    answers: list[str] = []

    async def builder(brief: TurnBrief, desk: Desk) -> SeatOutcome | None:
        for name in ('.factory/rules/-"x" [red].yaml', ".factory/memory/" + "n" * 255):
            path = Path(brief.directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x\n")
            committed = await desk.act(Action(kind="commit", text="Add it"))
            answers.append(committed.text)
            assert not committed.ok, name
            path.unlink()
        return SeatOutcome(kind="failed", note="nothing was let through")

    crew = make_crew(tmp_path, {"builder": builder, "quality": approve_all})
    async with crew.session() as house:
        await small_task(house, "Change the law")
        await settled(house)
    assert len(answers) >= 2
    assert all(".factory/" in one for one in answers), answers
