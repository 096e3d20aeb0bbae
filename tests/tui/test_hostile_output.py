"""Hostile text on every way out that is no screen: the command line, the digest, notices, the clipboard. # T3"""

from __future__ import annotations

import asyncio
import base64
import sys
from pathlib import Path

import pytest
from chair import BusyFloor, Chair
from commands import Desk, settled_desk
from hostile import BROKEN, FORGED, POISON, UNSAFE, haunt
from test_card import planning
from test_sheets import AskFloor, StuckFloor

from factory_tui.adapters.glance import codec, glance
from factory_tui.adapters.ledger import Ledger
from factory_tui.adapters.verify import _plain
from factory_tui.domain import digest
from factory_tui.domain.gathering import calling
from factory_tui.domain.preferences import Notify, Preferences
from factory_tui.domain.waiting import waiting
from factory_tui.tui.emulator import Emulator, notice_sequence
from factory_tui.tui.outside import Outside
from factory_tui.tui.present.words import waiting_notice

FLOORS = (BusyFloor, AskFloor, StuckFloor, planning)


def recorded(desk: Desk, chair: Chair) -> None:
    """The chair's past as the ledger of a repository."""

    async def write() -> None:
        place = glance(str(desk.root), desk.environment).place
        Path(place.root).mkdir(parents=True, exist_ok=True)
        ledger = Ledger.open(place.ledger, repo_id="0123456789abcdef0123456789abcdef", codec=codec())
        for entry in chair.entries:
            ledger.append([entry.event], entry.by, entry.at)
        ledger.close()

    asyncio.run(write())


def is_told(text: str, *, lines: bool) -> None:
    """Nothing in it steers; where lines are told, none of them is a stranger's own."""
    assert not (UNSAFE - {"\t"}) & set(text), {one for one in text if one in UNSAFE}
    if lines:
        assert not [line for line in text.splitlines() if line.lstrip(" |-").startswith(FORGED)], text


@pytest.mark.parametrize("make", FLOORS, ids=lambda make: make.__name__)
def test_no_command_prints_what_steers_and_no_word_makes_a_line_of_its_own(make, tmp_path):
    chair = haunt(make(), POISON)
    desk = settled_desk(tmp_path)
    recorded(desk, chair)
    looks = ("status", "status --line", "inbox", "stats", "incident", "budget", "crew", "replay", "verify")
    for words in looks:
        told = desk.factory(*words.split())
        is_told(told.out + told.err, lines=True)
        assert words not in ("status", "inbox") or "WORDS" in told.out
    for item in waiting(chair.state):
        told = desk.factory("inbox", item.id)
        is_told(told.out + told.err, lines=False)
        assert "WORDS" in told.out
    told = desk.factory("answer", "A-99" + POISON.replace("\x00", ""), "allow")
    is_told(told.err, lines=False)
    assert "\\u001b" in told.err
    last = str(len(chair.entries))
    for words in (("digest", "--preview"), ("replay", "--at", last), ("replay", "--at", last, "--json")):
        told = desk.factory(*words)
        is_told(told.out + told.err, lines=False)


@pytest.mark.parametrize("make", FLOORS, ids=lambda make: make.__name__)
def test_the_digest_holds_nothing_that_steers_and_no_line_of_a_strangers_own(make):
    chair = haunt(make(), POISON)
    told = digest.write(chair.entries, chair.state, chair.state.session, reason=POISON)
    is_told(told, lines=True)
    assert "WORDS" in told


@pytest.mark.parametrize("make", FLOORS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("kind", ["osc9", "osc777"])
def test_a_notice_is_one_sequence_whatever_waits(make, kind):
    chair = haunt(make(), POISON)
    told = waiting_notice(calling(chair.state))
    sent = notice_sequence(Emulator(name="xterm"), f"Factory {POISON}", told + BROKEN, kind)
    assert sent.startswith("\x1b]")
    assert sent.endswith("\x07")
    assert not UNSAFE & set(sent[2:-1])
    assert "\n" not in sent
    assert sent.count(";") == {"osc9": 1, "osc777": 3}[kind]
    assert len(sent) < 300


def test_the_verifier_that_stands_alone_prints_what_notes_say_as_one_plain_line():
    told = _plain(BROKEN)
    assert told.isprintable()
    assert "WORDS" in told
    assert _plain("an open gate: 3 of 3, é 漢") == "an open gate: 3 of 3, é 漢"


async def test_the_notify_command_and_the_clipboard_get_harmless_text(tmp_path):
    log = tmp_path / "log"
    command = (sys.executable, "-c", f"import sys; open({str(log)!r}, 'w').write(repr(sys.argv[1:]))")
    sent: list[str] = []
    made = Outside(
        preferences=Preferences(notify=Notify(how="command", command=command)),
        environment={"TERM": "xterm"},
        name=BROKEN,
        write=sent.append,
        place=lambda: str(tmp_path),
    )
    assert await made.notify(BROKEN) == ""
    (argument,) = eval(log.read_text())
    assert not (UNSAFE | {"\n"}) & set(argument)
    assert len(argument) <= 160
    await made.copy(BROKEN)
    kept = (tmp_path / "copied.txt").read_text()
    assert not UNSAFE & set(kept)
    assert base64.b64decode(sent[-1].split(";")[2].rstrip("\x07")).decode() == kept
