"""What a ledger promises: order, all of a command or nothing, one writer, and that no changed byte goes unnoticed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_events import AT, CODEC, ME, REPO, Listed, Noted
from simulated_disk import SimulatedDisk

from factory_tui.adapters.ledger import Codec, Ledger, LedgerDamaged, LedgerHeld, Repair
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import LedgerError
from factory_tui.domain.terms import Actor, Record

HERE = Path(__file__).parent


def open_ledger(path: Path, **more: object) -> Ledger:
    return Ledger.open(str(path), repo_id=REPO, codec=CODEC, at=AT, **more)  # type: ignore[arg-type]


def written(path: Path, count: int = 5) -> bytes:
    """A ledger of that many lines, each synced before the next."""
    with open_ledger(path) as ledger:
        for n in range(1, count + 1):
            ledger.append([Noted(n=n, text="x" * (n * 7 % 23))], ME, AT)
            ledger.flush()
    return path.read_bytes()


def events(ledger: Ledger) -> list[object]:
    return [entry.event for entry in ledger.entries]


# --- order and content ---------------------------------------------------------------------------------


async def test_what_was_appended_is_read_back_in_order_with_who_and_when(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    seat = Actor(kind="seat", name="builder/b2")
    with open_ledger(path) as ledger:
        first = ledger.append([Noted(n=1), Listed(items=("a", "b"))], ME, AT)
        second = ledger.append([Noted(n=2)], seat, "2026-11-22T10:00:01.000Z")
        await ledger.durable(3)
        head = ledger.head
    assert [entry.seq for entry in first + second] == [1, 2, 3]
    assert second == (Entry(seq=3, at="2026-11-22T10:00:01.000Z", by=seat, event=Noted(n=2)),)
    with open_ledger(path) as again:
        assert tuple(again.entries) == first + second
        assert again.head == head
        assert again.repaired is None


def test_a_command_without_events_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with open_ledger(path) as ledger:
        before = path.read_bytes()
        assert ledger.append([], ME, AT) == ()
        ledger.flush()
    assert path.read_bytes() == before


def test_one_line_holds_one_command_and_anybody_can_check_the_chain(tmp_path: Path) -> None:
    """Only json and hashlib, as a third party would."""
    path = tmp_path / "ledger.jsonl"
    with open_ledger(path) as ledger:
        ledger.append([Noted(n=1), Noted(n=2)], ME, AT)
        ledger.append([Noted(n=3)], ME, AT)
        head = ledger.head
    previous = None
    for line in path.read_bytes().splitlines():
        raw = line.split(b'","body":', 1)[1][:-1]
        parsed = json.loads(line)
        assert hashlib.sha256(raw).hexdigest() == parsed["link"]
        assert parsed["body"].get("prev") == previous
        previous = parsed["link"]
    assert previous == head
    assert len(path.read_bytes().splitlines()) == 3
    assert parsed["body"]["events"] == [{"type": "noted", "n": 3}]


def test_the_first_line_binds_the_repository(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    before = written(path)
    with pytest.raises(LedgerError, match="another repository"):
        Ledger.open(str(path), repo_id="f" * 32, codec=CODEC)
    assert path.read_bytes() == before


def test_a_large_event_is_one_line_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    charter = Noted(n=1, text='rules and "roles"\n{"link":"\n' * 16_000)
    with open_ledger(path) as ledger:
        ledger.append([charter], ME, AT)
        ledger.append([Noted(n=2)], ME, AT)
    assert path.stat().st_size > 400_000
    with open_ledger(path) as again:
        assert events(again) == [charter, Noted(n=2)]


@pytest.mark.parametrize(
    "event",
    [Noted(n="one"), Noted(n=1, text="\ud800"), Noted(n=float("nan")), object()],  # type: ignore[arg-type]
    ids=["a wrong type", "half a character", "not a number", "not an event"],
)
def test_an_event_that_would_not_come_back_is_refused_before_it_is_written(tmp_path: Path, event: object) -> None:
    path = tmp_path / "ledger.jsonl"
    with open_ledger(path) as ledger:
        before = path.read_bytes(), ledger.head
        with pytest.raises(LedgerError, match="cannot be written down"):
            ledger.append([Noted(n=1), event], ME, AT)
        assert (path.read_bytes(), ledger.head) == before
        assert ledger.append([Noted(n=1)], ME, AT)[0].seq == 1


def test_entries_hold_what_a_replay_will_see(tmp_path: Path) -> None:
    """A list where a tuple belongs reads back as a tuple, so the state never sees the list."""
    with open_ledger(tmp_path / "ledger.jsonl") as ledger:
        entry = ledger.append([Listed(items=["a"])], ME, AT)[0]  # type: ignore[arg-type]
        assert entry.event == Listed(items=("a",))


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    written(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_in_the_place_of_the_ledger_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "ledger.jsonl").symlink_to(tmp_path / "victim")
    with pytest.raises(LedgerError):
        open_ledger(tmp_path / "ledger.jsonl")
    assert (tmp_path / "victim").read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_file_is_an_error_and_not_a_wait(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ledger.jsonl"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    with pytest.raises(LedgerError, match="cannot be opened"):
        open_ledger(path)
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger.read(str(path), codec=CODEC)


# --- durable -------------------------------------------------------------------------------------------


async def test_lines_queued_while_the_disk_is_busy_share_one_sync() -> None:
    class Counting(SimulatedDisk):
        syncs = 0

        def sync(self, descriptor: int) -> None:
            self.syncs += 1
            super().sync(descriptor)

    disk = Counting()
    with open_ledger(Path("/x/ledger.jsonl"), disk=disk) as ledger:
        before = disk.syncs
        disk.at_gate.clear()
        disk.gate.clear()
        ledger.append([Noted(n=1)], ME, AT)
        await asyncio.to_thread(disk.at_gate.wait, 30)
        for n in range(2, 40):
            ledger.append([Noted(n=n)], ME, AT)
        waiting = [asyncio.ensure_future(ledger.durable(seq)) for seq in (1, 20, 39)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting), "nothing is durable before the disk said so"
        disk.gate.set()
        await asyncio.gather(*waiting)
        assert disk.syncs - before == 2


async def test_waiting_for_an_event_that_was_never_appended_is_a_mistake(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.jsonl") as ledger, pytest.raises(ValueError, match="never appended"):
        await ledger.durable(1)


async def test_a_cancelled_wait_harms_nobody(tmp_path: Path) -> None:
    disk = SimulatedDisk()
    with open_ledger(tmp_path / "ledger.jsonl", disk=disk) as ledger:
        disk.gate.clear()
        ledger.append([Noted(n=1)], ME, AT)
        impatient, patient = (asyncio.ensure_future(ledger.durable(1)) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        disk.gate.set()
        await patient
        assert impatient.cancelled() or impatient.cancelling()


@pytest.mark.parametrize(("calls", "fault"), [(0, "nospace"), (0, "eio"), (1, "eio")])
async def test_after_any_error_the_ledger_is_dead_and_no_sync_is_tried_again(calls: int, fault: str) -> None:
    class Counting(SimulatedDisk):
        syncs = 0

        def sync(self, descriptor: int) -> None:
            self.syncs += 1
            super().sync(descriptor)

    disk = Counting()
    ledger = open_ledger(Path("/x/ledger.jsonl"), disk=disk)
    ledger.append([Noted(n=1)], ME, AT)
    await ledger.durable(1)
    syncs = disk.syncs
    disk.fault = (calls, fault)
    ledger.append([Noted(n=2)], ME, AT)
    with pytest.raises(LedgerError, match="event 1 is the last one"):
        await ledger.durable(2)
    with pytest.raises(LedgerError):
        ledger.append([Noted(n=3)], ME, AT)
    with pytest.raises(LedgerError):
        await ledger.durable(2)
    await ledger.durable(1)
    with pytest.raises(LedgerError):
        ledger.close()
    assert disk.syncs - syncs == calls


def test_a_closed_ledger_takes_nothing_and_closing_twice_is_fine(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.jsonl")
    ledger.append([Noted(n=1)], ME, AT)
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerError, match="was closed"):
        ledger.append([Noted(n=2)], ME, AT)
    with open_ledger(tmp_path / "ledger.jsonl") as again:
        assert events(again) == [Noted(n=1)]


# --- broken files --------------------------------------------------------------------------------------


def test_a_file_cut_at_any_byte_keeps_every_whole_line_and_loses_no_byte(tmp_path: Path) -> None:  # T: torn write
    path = tmp_path / "ledger.jsonl"
    whole = written(path, count=2)
    lines = whole.splitlines(keepends=True)
    full = list(open_and_close(path))
    for size in range(len(whole) + 1):
        for leftover in tmp_path.glob("*.torn-*"):
            leftover.unlink()
        path.write_bytes(whole[:size])
        good = whole[:size].count(b"\n")
        kept = sum(len(line) for line in lines[:good])
        with open_ledger(path) as ledger:
            assert events(ledger) == full[: max(0, good - 1)], size
            if size == kept:
                assert ledger.repaired is None
            else:
                saved = f"{path}.torn-1"
                assert ledger.repaired == Repair(line=good + 1, size=size - kept, saved_as=saved)
                assert Path(saved).read_bytes() == whole[kept:size]
            ledger.append([Listed(items=("after",))], ME, AT)
        assert open_and_close(path)[-1] == Listed(items=("after",)), size


def open_and_close(path: Path) -> list[object]:
    with open_ledger(path) as ledger:
        return events(ledger)


def test_no_changed_bit_goes_unnoticed(tmp_path: Path) -> None:  # T: bytes changed after they were written
    path = tmp_path / "ledger.jsonl"
    whole = written(path, count=4)
    full = open_and_close(path)
    last_line = whole.rstrip(b"\n").rfind(b"\n") + 1
    damaged = torn = 0
    for place in range(len(whole)):
        for bit in (1, 32, 128):
            altered = bytearray(whole)
            altered[place] ^= bit
            path.write_bytes(altered)
            view = Ledger.read(str(path), codec=CODEC)
            assert view.damage or view.torn, f"byte {place}, bit {bit}: unnoticed"
            believed = [entry.event for entry in view.entries]
            assert believed == full[: len(believed)]
            assert len(believed) == max(0, whole[:place].count(b"\n") - 1)
            if place < last_line - 1:
                assert isinstance(view.damage, LedgerDamaged), f"byte {place}, bit {bit}: good lines follow"
                assert view.damage.line == whole[:place].count(b"\n") + 1
            damaged, torn = damaged + bool(view.damage), torn + bool(view.torn)
    assert damaged > torn > 0


def test_damage_before_a_good_line_stops_trust_there_and_is_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    whole = written(path, count=5)
    third = whole.splitlines(keepends=True)[2]
    altered = whole.replace(third, third.replace(b'"n":2', b'"n":7'))
    path.write_bytes(altered)
    with pytest.raises(LedgerDamaged) as caught:
        open_ledger(path)
    assert (caught.value.path, caught.value.line, caught.value.offset) == (str(path), 3, whole.index(third))
    assert f"{path} line 3, byte {whole.index(third)}" in str(caught.value)
    assert path.read_bytes() == altered
    assert [entry.seq for entry in Ledger.read(str(path), codec=CODEC).entries] == [1]


def rewritten(line: bytes, old: bytes, new: bytes) -> bytes:
    """A line altered by somebody who also mends its sha256."""
    body = line.split(b'","body":', 1)[1][:-2].replace(old, new)
    return b'{"link":"' + hashlib.sha256(body).hexdigest().encode() + b'","body":' + body + b"}\n"


@pytest.mark.parametrize(
    "forgery", ["rewrite", "remove", "repeat", "repeat the last", "swap", "insert", "second first"]
)
def test_a_line_that_does_not_follow_is_damage(tmp_path: Path, forgery: str) -> None:  # T: history rewritten
    path = tmp_path / "ledger.jsonl"
    lines = written(path, count=5).splitlines(keepends=True)
    match forgery:
        case "rewrite":
            lines[2] = rewritten(lines[2], b'"n":2', b'"n":7')
        case "remove":
            del lines[2]
        case "repeat":
            lines.insert(3, lines[2])
        case "repeat the last":
            lines.append(lines[-1])
        case "swap":
            lines[2], lines[3] = lines[3], lines[2]
        case "insert":
            lines.insert(3, b"\n")
        case "second first":
            lines.append(lines[0])
    altered = b"".join(lines)
    path.write_bytes(altered)
    with pytest.raises(LedgerDamaged):
        open_ledger(path)
    assert path.read_bytes() == altered


def test_a_batch_that_a_power_cut_tore_in_the_middle_is_a_torn_tail(tmp_path: Path) -> None:
    """Two lines were in flight; the second reached the device, the first did not. Neither was promised."""
    disk = SimulatedDisk()
    with open_ledger(tmp_path / "l", disk=disk) as ledger:
        ledger.append([Noted(n=1)], ME, AT)
        ledger.flush()
        disk.at_gate.clear()
        disk.gate.clear()
        ledger.append([Noted(n=2)], ME, AT)
        assert disk.at_gate.wait(30)
        ledger.append([Noted(n=3)], ME, AT)
        disk.gate.set()
    lines = disk.read(str(tmp_path / "l")).splitlines(keepends=True)
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(lines[0] + lines[1] + bytes(len(lines[2])) + lines[3])
    with open_ledger(path) as again:
        assert events(again) == [Noted(n=1)]
        assert again.repaired
        assert Path(again.repaired.saved_as).read_bytes() == bytes(len(lines[2])) + lines[3]


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("notes of mine\n" * 100)
    with pytest.raises(LedgerDamaged, match="line 1, byte 0"):
        open_ledger(path)
    assert path.read_text() == "notes of mine\n" * 100
    assert Ledger.read(str(path), codec=CODEC).damage


# --- older and newer ledgers ---------------------------------------------------------------------------


class NotedBefore(Record, frozen=True, kw_only=True, tag="noted", tag_field="type"):
    """`Noted` as it was in version 1 of these tests' events."""

    n: int
    words: str = ""


def from_version_1(event: dict[str, object]) -> dict[str, object]:
    if event["type"] == "noted" and "words" in event:
        event["text"] = event.pop("words")
    return event


SAMPLE = HERE / "samples" / "ledger-format-1.jsonl"
SAMPLE_EVENTS = [NotedBefore(n=1, words="Grüße"), NotedBefore(n=2)], [Listed(items=("a", "b"))]


def test_a_ledger_of_an_older_version_is_read_as_todays_events(tmp_path: Path) -> None:
    codec = Codec(events=Noted | Listed, version=2, upcasters={1: from_version_1})
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(SAMPLE.read_bytes())
    with Ledger.open(str(path), repo_id=REPO, codec=codec) as ledger:
        assert events(ledger) == [Noted(n=1, text="Grüße"), Noted(n=2), Listed(items=("a", "b"))]
        ledger.append([Noted(n=3)], ME, AT)
    assert path.read_bytes().startswith(SAMPLE.read_bytes())
    view = Ledger.read(str(path), codec=codec)
    assert ([entry.seq for entry in view.entries], view.damage) == ([1, 2, 3, 4], None)


def test_the_form_of_a_line_has_not_changed(tmp_path: Path) -> None:
    """The same history gives the sample's bytes. If this fails, it is a new format and needs a new number."""
    path = tmp_path / "ledger.jsonl"
    with Ledger.open(str(path), repo_id=REPO, codec=Codec(events=NotedBefore | Listed), at=AT) as ledger:
        for command in SAMPLE_EVENTS:
            ledger.append(command, ME, AT)
            ledger.flush()
    assert path.read_bytes() == SAMPLE.read_bytes()


def test_a_version_without_an_upcaster_is_refused_when_the_codec_is_made() -> None:
    with pytest.raises(ValueError, match="version 1"):
        Codec(events=Noted, version=3, upcasters={2: from_version_1})


@pytest.mark.parametrize(
    "codec", [Codec(events=Listed), Codec(events=Noted | Listed, version=1)], ids=["event", "version"]
)
def test_a_newer_ledger_is_refused_and_never_cut(tmp_path: Path, codec: Codec) -> None:
    path = tmp_path / "ledger.jsonl"
    newer = Codec(events=Noted | Listed, version=2, upcasters={1: from_version_1})
    with Ledger.open(str(path), repo_id=REPO, codec=codec, at=AT) as ledger:
        ledger.append([Listed()], ME, AT)
    with Ledger.open(str(path), repo_id=REPO, codec=newer, at=AT) as ledger:
        ledger.append([Noted(n=1)], ME, AT)
    before = path.read_bytes()
    with pytest.raises(LedgerDamaged, match="newer factory") as caught:
        Ledger.open(str(path), repo_id=REPO, codec=codec)
    assert caught.value.line == 3
    assert path.read_bytes() == before
    assert [entry.event for entry in Ledger.read(str(path), codec=codec).entries] == [Listed()]


# --- one writer, many readers --------------------------------------------------------------------------


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:  # T: two writers
    path = tmp_path / "ledger.jsonl"
    command = [sys.executable, str(HERE / "ledger_child.py"), str(path), "1", "hold"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        with pytest.raises(LedgerHeld, match="read-only") as caught:
            open_ledger(path)
        assert caught.value.holder == "the child of a test"
        assert Ledger.read(str(path), codec=CODEC).entries == []
        child.stdin.close()
        assert child.stdout.read() == "1\n"
    with open_ledger(path) as ledger:
        assert events(ledger) == [Noted(n=1)]
        with pytest.raises(LedgerHeld, match=f"process {os.getpid()}"):
            open_ledger(path)


def test_without_the_lock_two_writers_lose_history() -> None:
    """The control of the test above."""

    class Lockless(SimulatedDisk):
        def lock(self, descriptor: int) -> bool:
            return True

    disk = Lockless()
    with open_ledger(Path("/x/l"), disk=disk) as one, open_ledger(Path("/x/l"), disk=disk) as two:
        one.append([Noted(n=1)], ME, AT)
        one.flush()
        two.append([Noted(n=2)], ME, AT)
        two.flush()
    assert len(Ledger.read("/x/l", codec=CODEC, disk=disk).entries) == 1


def test_a_reader_changes_nothing_even_where_a_writer_would_mend(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    whole = written(path)
    path.write_bytes(whole[:-20])
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()}
    view = Ledger.read(str(path), codec=CODEC)
    assert [entry.seq for entry in view.entries] == [1, 2, 3, 4]
    assert view.torn > 0
    view.refresh()
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()} == before


def test_a_reader_follows_a_writer_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with open_ledger(path) as ledger:
        view = Ledger.read(str(path), codec=CODEC)
        assert view.refresh() == ()
        first = ledger.append([Noted(n=1)], ME, AT)
        ledger.flush()
        assert view.refresh() == first
        with path.open("ab") as file:
            file.write(b'{"link":"half a li')
        assert view.refresh() == ()
        assert view.torn == 18
        assert view.head == ledger.head
        assert view.repo_id == REPO


def test_a_reader_says_so_when_history_became_shorter(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    whole = written(path)
    view = Ledger.read(str(path), codec=CODEC)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LedgerError, match="shorter"):
        view.refresh()


def test_reading_a_ledger_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger.read(str(tmp_path / "ledger.jsonl"), codec=CODEC)
    assert list(tmp_path.iterdir()) == []
