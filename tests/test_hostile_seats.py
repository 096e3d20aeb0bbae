"""A seat whose words are broken text: what it asks for is judged, recorded and done, and nothing falls over. # T3"""

from __future__ import annotations

from pathlib import Path

import pytest
from crew import make_crew, settled, small_task

from factory_tui.domain import events as e
from factory_tui.domain.harmless import harmless, one_line, writable
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief

HALF = "half \ud800 \udcff a character"
"""As the JSON of a seat can name it, and UTF-8 cannot."""


async def test_half_a_character_in_whatever_a_seat_says_breaks_no_turn(tmp_path: Path) -> None:
    told: list[str] = []

    async def builder(brief: TurnBrief, desk: Desk) -> SeatOutcome:
        desk.say(HALF + "\n")
        desk.notice("note", HALF)
        desk.deny(HALF, {HALF: HALF}, HALF)
        desk.conversation(HALF, HALF)
        desk.spend(None, 1, 1, model=HALF)
        for action in (
            Action(kind="read", path=HALF),
            Action(kind="search", pattern=HALF),
            Action(kind="run", command=f"printf '%s' '{HALF}'"),
            Action(kind="edit", path="docs/half.md", content=HALF),
            Action(kind="commit", text=HALF),
            Action(kind="escalate", text=HALF),
        ):
            told.append((await desk.act(action)).text)
        return SeatOutcome(kind="ok", note=HALF)

    crew = make_crew(tmp_path, {"builder": builder})
    async with crew.session() as house:
        happened: list[object] = []
        house.factory.subscribe(lambda entry, state: happened.append(entry.event))
        await small_task(house, "x")
        await settled(house)
    assert not [one for one in happened if isinstance(one, e.JobCrashed | e.TaskStuck)]
    assert "half ? ? a character" in next(one.text for one in happened if isinstance(one, e.Escalated))
    assert any("half ? ? a character" in text for text in told)


def test_half_a_character_is_written_down_as_a_question_mark() -> None:
    assert writable(HALF) == "half ? ? a character"
    with pytest.raises(UnicodeEncodeError):
        HALF.encode()
    whole = "whole \U0001f600"
    assert writable(whole) is whole


def test_a_line_is_one_line_of_its_length_whatever_it_was() -> None:
    assert one_line("a\x1b[31mb\r\nc\u2028d\u202e") == "ab cd"
    assert len(one_line("x" * 1_000_000, 50)) == 50
    assert one_line("x" * 51, 50, "...") == "x" * 47 + "..."
    assert harmless("a\r\nb\rc\td") == "a\nb\nc    d"
