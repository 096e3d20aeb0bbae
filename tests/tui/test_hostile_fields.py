"""Hostile text in every field that a model can fill: the screen stays whole, and memory bounded.

The fields are found by the types of the events: a field that is added tomorrow is filled with poison tomorrow, unless
it is named here as one that the factory itself fills.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from chair import BusyFloor, Chair, Evidences, press, screen_text, settled
from heart import small_task
from msgspec import inspect
from test_card import planning
from test_memory_marks import ProposingFloor, TouchedFloor
from test_sheets import AskFloor, StepFloor, StuckFloor

from factory_tui.domain import events as e
from factory_tui.domain.charter import Charter
from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import fold
from factory_tui.domain.terms import Action, Actor
from factory_tui.domain.waiting import waiting
from factory_tui.engine.factory import Factory
from factory_tui.tui.chronicle import Chronicle
from factory_tui.tui.harmless import _UNSAFE, width_of
from factory_tui.tui.present.history import entry_item, entry_text
from factory_tui.tui.present.words import PLAIN

POISON = (
    "\x1b]52;c;cHduZWQ=\x07\x1b[2J\x1b[31m\x1b]0;title\x07\x1bP+q\x1b\\[red]WORDS[/red]\u202egnp.exe\u2066\u200b"
    "\u200d\ufeff\x9b31m\x00\x07\b\r\n\u2028```diff\n+x\n# \U000e0041end"
)
OURS = {
    "id": "A-1",
    "task": "T-3",
    "turn": "builder/b3",
    "handoff": "H-1",
    "plan": "PL-1",
    "proposal": "R-1",
    "question": "E-1",
    "mission": "M-1",
    "incident": "I-1",
    "grant": "G-1",
    "finding": "F-1",
    "action": "A-1",
    "approval": "AP-1",
    "by": "builder/b3",
    "role": "builder",
    "to": "builder",
    "seat": "mind",
    "person": "",
    "sent_by": "ceo",
    "conversation": "c-1",
    "messages": "MS-1",
    "job": "turn",
    "sha256": "a" * 64,
    "tree": "a1",
    "commit": "commit-a1",
    "base": "b" * 40,
    "old": "b" * 40,
    "new": "c" * 40,
    "onto": "b" * 40,
    "brief": "a" * 64,
    "charter": "a" * 64,
    "ref": "refs/heads/main",
    "base_ref": "refs/heads/main",
    "target": "refs/heads/main",
    "checkout": "",
    "wall": "bwrap",
    "version": "0.1.0",
    "degraded": "",
    "saved_as": "torn",
    "now": "2026-11-22T00:00:00.000Z",
    "at": "2026-11-22T00:00:00.000Z",
    "since": "2026-11-22T00:00:00.000Z",
    "expires": "",
    "after": "",
}
"""Fields that the factory fills, by name, and what stands in them. Everything else is a model's."""
HUGE = {"line": "A" * 1_000_000, "lines": "line\n" * 100_000}


def is_ours(owner: type, name: str) -> bool:
    """An action is a seat's, whole."""
    return name in OURS and owner is not Action


# --- every event, from its type --------------------------------------------------------------------


def made(kind: inspect.Type, owner: type, name: str, poison: str, filled: set[tuple[str, str]]) -> Any:
    """A value of a type, with poison wherever there is text that is not ours."""
    match kind:
        case inspect.StrType():
            if is_ours(owner, name):
                return OURS[name]
            filled.add((owner.__name__, name))
            return poison
        case inspect.IntType():
            return 1
        case inspect.FloatType():
            return 1.0
        case inspect.BoolType():
            return True
        case inspect.NoneType():
            return None
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.EnumType(cls=cls):
            return next(iter(cls))
        case inspect.UnionType(types=types):
            some = next((one for one in types if not isinstance(one, inspect.NoneType)), types[0])
            return made(some, owner, name, poison, filled)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return (made(item, owner, name, poison, filled),)
        case inspect.TupleType(item_types=items):
            return tuple(made(item, owner, name, poison, filled) for item in items)
        case inspect.DictType(key_type=key, value_type=value):
            return {made(key, owner, name, poison, filled): made(value, owner, name, poison, filled)}
        case inspect.StructType(cls=cls) if cls is Charter:
            return BusyFloor().state.law
        case inspect.StructType(cls=cls, fields=fields):
            return cls(**{one.name: made(one.type, cls, one.name, poison, filled) for one in fields})
        case _:
            raise AssertionError(f"{owner.__name__}.{name}: nothing is known of {kind}")


def every_event(poison: str) -> tuple[list[e.Event], set[tuple[str, str]]]:
    filled: set[tuple[str, str]] = set()
    union = inspect.type_info(e.Event)
    assert isinstance(union, inspect.UnionType)
    return [made(one, type(None), "", poison, filled) for one in union.types], filled


def entry_of(number: int, event: e.Event) -> Entry:
    return Entry(seq=number, at=OURS["at"], by=Actor(kind="seat", name=POISON), event=event)


# --- what was done, said with other words ----------------------------------------------------------


def haunted(value: Any, poison: str, owner: type = object, name: str = "") -> Any:
    """The same value, with poison wherever it holds a model's text."""
    match value:
        case str():
            return poison if value and type(value) is str and not is_ours(owner, name) else value
        case Charter():
            return value
        case tuple():
            return tuple(haunted(one, poison, owner, name) for one in value)
        case msgspec.Struct():
            kinds = {one.name: one.type for one in inspect.type_info(type(value)).fields}  # type: ignore[union-attr]
            given = {
                field: haunted(getattr(value, field), poison, type(value), field)
                for field in value.__struct_fields__
                if holds_text(kinds[field])
            }
            return msgspec.structs.replace(value, **given)
        case _:
            return value


def holds_text(kind: inspect.Type) -> bool:
    """Not words of a closed list."""
    match kind:
        case inspect.StrType() | inspect.StructType():
            return True
        case inspect.VarTupleType(item_type=item):
            return holds_text(item)
        case inspect.UnionType(types=types):
            return any(holds_text(one) for one in types)
        case inspect.TupleType(item_types=items):
            return any(holds_text(one) for one in items)
        case _:
            return False


class HostileEvidence(Evidences):
    """Whatever is opened holds poison, file names in differences too."""

    def __init__(self, poison: str) -> None:
        super().__init__()
        self.poison = poison.encode() + b"\xff\xfe\xc3(invalid"

    def get(self, sha256: str) -> bytes:
        name = self.poison[:2_000].replace(b"\n", b" ")
        head = (
            b"diff --git a/" + name + b" b/" + name + b"\n--- a/" + name + b"\n+++ b/" + name + b"\n@@ -1,1 +1,2 @@\n"
        )
        return head + b" same\n+" + self.poison + b"\n-" + self.poison


class HauntedChair(Chair):
    """A chair's past, in which every model said something else."""

    def __init__(self, of: Chair, poison: str) -> None:
        super().__init__()
        self.store = HostileEvidence(poison)
        self.ledger.entries[:] = [
            msgspec.structs.replace(one, event=haunted(one.event, poison)) for one in of.ledger.entries
        ]
        self.minute = of.minute
        self.state = fold(self.ledger.entries)
        self.factory = Factory(state=self.state, ledger=self.ledger, clock=self)
        self.name = poison[:4_000]


def questioned() -> Chair:
    chair = Chair()
    chair.start_session()
    small_task()(chair)
    chair.begin("T-1")
    chair.wish(Action(kind="escalate", text="which numbers?"), "T-1")
    return chair


CHAIRS = (BusyFloor, StepFloor, AskFloor, StuckFloor, planning, ProposingFloor, TouchedFloor, questioned)


def is_whole(text: str, width: int, height: int) -> None:
    lines = text.rstrip("\n").split("\n")
    assert len(lines) <= height
    bad = [line for line in lines if _UNSAFE.search(line) or "\t" in line or "\x1b" in line]
    assert not bad, bad
    assert all(width_of(line) <= width for line in lines)


def test_the_poison_is_poison():
    """The control: unmade, it does what no screen may let it do."""
    assert _UNSAFE.search(POISON)
    with pytest.raises(AssertionError):
        is_whole(POISON, 80, 24)


def test_the_fields_are_found_by_the_types_of_the_events():
    filled = every_event(POISON)[1]
    wanted = {("Action", "command"), ("Action", "path"), ("Action", "target"), ("PlannedTask", "title")}
    wanted |= {("PlannedTask", "criteria"), ("Finding", "title"), ("Finding", "detail"), ("Finding", "path")}
    wanted |= {("Escalated", "text"), ("HandedOver", "note"), ("TreeImported", "message"), ("TreeImported", "paths")}
    wanted |= {("PlanProposed", "reasoning"), ("RuleMatch", "where"), ("Evidence", "label")}
    assert wanted <= filled
    assert len(filled) > 60


def test_every_event_is_told_on_a_line_and_whole_without_a_sign_that_steers():
    chair = BusyFloor()
    chronicle = Chronicle()
    for entry in chair.entries:
        chronicle.tell(entry, chair.state)
    for number, event in enumerate(every_event(POISON)[0], 1_000):
        entry = entry_of(number, event)
        chronicle.tell(entry, chair.state)
        for line in entry_item(entry, PLAIN).lines:
            is_whole("".join(span.text for span in line), 80, 1)
        assert entry_text(entry)
    for story in chronicle.stories.values():
        while story.transcript.drain():
            pass
        is_whole(story.transcript.text(), 1_000_000, 1_000_000)


async def tour(app, pilot, width: int, height: int) -> None:
    """Every screen, every box, every object that waits: to its end."""

    async def seen(*keys: str) -> None:
        await press(pilot, *keys)
        assert app.is_running
        assert app.crash is None
        is_whole(screen_text(app), width, height)

    await seen()
    for _ in range(6):
        await seen("tab")
    await seen("z")
    await seen("z", "escape")
    for key in ("n", "r", "c", "m", "s", "a", "l", "e", "d"):
        await seen("g", key)
        await seen("enter")
        await seen("escape")
        app.go_floor()
        await settled(pilot)
    for item in waiting(app.state):
        app.open_item(item.id)
        await seen()
        for _ in range(3):
            await seen("ctrl+d")
        await seen("v")
        await seen("G")
        await seen("?", "escape")
        app.go_floor()
        await settled(pilot)
    for number in range(1, 6):
        if number <= len(app.state.tasks):
            await seen(str(number))
            for key in ("w", "b", "d"):
                await seen(key)
                await seen("escape")
                app.go_floor()
    await seen("g", "t")
    for _ in range(12):
        await seen("k")
    await seen("enter", "escape")
    await seen("q")


@pytest.mark.parametrize("make", CHAIRS, ids=lambda make: make.__name__)
async def test_no_screen_lets_a_word_of_a_model_steer_it(make):
    chair = HauntedChair(make(), POISON)
    async with chair.cockpit(80, 24) as (app, pilot):
        for turn in chair.state.turns:
            chair.say(turn, POISON * 20 + "\udcff\ud800")
            chair.say(turn, "\x1b]52;c;never ended")
        for path in ("memory/knowledge/" + POISON, POISON):
            chair.hear(f"memory:{path}", f"{OURS['at']} {'a' * 64} {'b' * 64}")
        await settled(pilot)
        assert "WORDS" in screen_text(app)
        await tour(app, pilot, 80, 24)


def resident() -> int:
    """Bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this machine does not tell resident memory so")
@pytest.mark.parametrize(
    ("make", "huge"),
    [(StepFloor, "lines"), (planning, "line"), (AskFloor, "line")],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
async def test_what_is_huge_fits_the_screen_and_bounded_memory(make, huge):
    chair = HauntedChair(make(), HUGE[huge])
    before = resident()
    async with chair.cockpit(80, 24) as (app, pilot):
        for turn in chair.state.turns:
            chair.say(turn, HUGE[huge])
        for item in waiting(app.state):
            app.open_item(item.id)
            await settled(pilot)
            is_whole(screen_text(app), 80, 24)
            await press(pilot, "G")
            is_whole(screen_text(app), 80, 24)
            app.go_floor()
            await settled(pilot)
        await press(pilot, "g", "t", "k")
        is_whole(screen_text(app), 80, 24)
    assert resident() - before < 600 << 20
