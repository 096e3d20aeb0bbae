"""What was promised survives: processes killed and disks failing at each call, full disks, power cuts.

A killed process keeps its page cache, so it cannot show a missing sync. Only the simulated disk can, and it has to
prove it: each of the known ways to get this wrong is given to it, and must be found.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from ledger_events import AT, CODEC, ME, REPO, Noted
from simulated_disk import SimulatedDisk

from factory_tui.adapters.disk import Disk
from factory_tui.adapters.ledger import Ledger
from factory_tui.domain.errors import LedgerError

HERE = Path(__file__).parent
CHILD = str(HERE / "ledger_child.py")


def numbers(path: str) -> list[int]:
    """The numbers in a ledger that is opened as after a crash."""
    with Ledger.open(path, repo_id=REPO, codec=CODEC) as ledger:
        return [entry.event.n for entry in ledger.entries]  # type: ignore[attr-defined]


# --- real processes --------------------------------------------------------------------------------------


@pytest.mark.needs_strace
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "ftruncate"])
def test_no_promise_is_lost_when_a_call_kills_or_fails(tmp_path: Path, call: str) -> None:  # T: crash at any call
    """Kill -9, EIO and ENOSPC at the first, second, ... call until the child no longer makes so many.

    Calls are counted for each thread: the first is made while opening, the others by the writer.
    """

    def attempt(how: str, at: int) -> bool:
        directory = tmp_path / f"{how.replace('=', '-')}-{at}"
        directory.mkdir()
        path = str(directory / "ledger.jsonl")
        subprocess.run([sys.executable, CHILD, path, "2"], check=True, capture_output=True)
        with open(path, "ab") as file:
            file.write(b'{"link":"torn')
        tracing = ["strace", "-f", "-qq", "-o", str(directory / "trace"), "-P", path, "-e", f"trace={call}"]
        injected = [*tracing, "-e", f"inject={call}:{how}:when={at}", sys.executable, CHILD, path, "4"]
        done = subprocess.run(injected, capture_output=True, text=True, check=False)
        promised = [1, 2, *(int(word) for word in done.stdout.split())]
        found = numbers(path)
        assert found[: len(promised)] == promised, f"{call} {how} number {at}: lost a promise: {done.stderr}"
        assert found == list(range(1, len(found) + 1)), f"{call} {how} number {at}: invented"
        assert len(found) <= len(promised) + 1
        assert done.returncode == 0 or len(promised) < 6
        torn = [file.read_bytes() for file in directory.glob("*.torn-*")]
        assert b'{"link":"torn' in torn, "cut bytes are kept"
        return done.returncode != 0

    def until_unharmed(how: str) -> int:
        harmed = 0
        while attempt(how, harmed + 1):
            harmed += 1
            assert harmed < 10, "the child fails whatever is done to it; may strace trace here?"
        return harmed

    with ThreadPoolExecutor(3) as pool:
        harmed = list(pool.map(until_unharmed, ("signal=KILL", "error=EIO", "error=ENOSPC")))
    assert harmed == [{"pwrite64": 4, "fdatasync": 4, "ftruncate": 1}[call]] * 3, "every call was made to fail once"


FULL = """
import errno, resource, sys, asyncio
sys.path.insert(0, sys.argv[1])
from ledger_events import AT, CODEC, ME, REPO, Noted
from factory_tui.adapters.ledger import Ledger
from factory_tui.domain.errors import LedgerError

async def fill(path):
    promised = []
    try:
        with Ledger.open(path, repo_id=REPO, codec=CODEC, at=AT) as ledger:
            for n in range(1, 4):
                ledger.append([Noted(n=n)], ME, AT)
                await ledger.durable(n)
                promised.append(n)
    except LedgerError:
        pass
    return promised

for size in range(0, 1300, 7):
    path = f"{sys.argv[2]}/{size}.jsonl"
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    promised = asyncio.run(fill(path))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with Ledger.open(path, repo_id=REPO, codec=CODEC, at=AT) as ledger:
        found = [entry.event.n for entry in ledger.entries]
        assert found == promised, (size, found, promised)
        ledger.append([Noted(n=99)], ME, AT)
    print(len(promised))
"""


def test_no_promise_is_lost_when_a_file_may_not_grow_further(tmp_path: Path) -> None:  # T: full disk
    """Real short writes and EFBIG by the file size limit, at steps of seven bytes."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, "-c", FULL, str(HERE), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"0", "1", "2", "3"}


def test_a_device_without_room_kills_the_ledger_and_harms_no_line(tmp_path: Path) -> None:  # T: full disk
    class WritesToFull(Disk):
        full = False

        def write(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
            if not self.full:
                return super().write(descriptor, data, offset)
            with open("/dev/full", "wb", buffering=0) as device:
                return device.write(data) or 0

    path, disk = str(tmp_path / "ledger.jsonl"), WritesToFull()
    ledger = Ledger.open(path, repo_id=REPO, codec=CODEC, at=AT, disk=disk)
    ledger.append([Noted(n=1)], ME, AT)
    ledger.flush()
    disk.full = True
    ledger.append([Noted(n=2)], ME, AT)
    with pytest.raises(LedgerError, match=os.strerror(errno.ENOSPC)):
        ledger.flush()
    with pytest.raises(LedgerError):
        ledger.close()
    assert numbers(path) == [1]


def test_no_promise_is_lost_when_the_disk_is_full_at_any_byte() -> None:  # T: full disk
    path = "/x/ledger.jsonl"
    size = 0
    promised: list[int] = []
    while promised != [1, 2]:
        disk = SimulatedDisk(capacity=size)
        promised = []
        try:
            with Ledger.open(path, repo_id=REPO, codec=CODEC, at=AT, disk=disk) as ledger:
                for n in (1, 2):
                    ledger.append([Noted(n=n)], ME, AT)
                    ledger.flush()
                    promised.append(n)
        except LedgerError:
            pass
        disk.end_process()
        disk.capacity = 1 << 30
        with Ledger.open(path, repo_id=REPO, codec=CODEC, at=AT, disk=disk) as ledger:
            assert [entry.event.n for entry in ledger.entries] == promised, size  # type: ignore[attr-defined]
        size += 1
    assert size > 500


# --- power cuts, on a simulated disk -----------------------------------------------------------------------


class Story(RuleBasedStateMachine):
    """Random histories of appends, failing calls, ended processes and power cuts."""

    ledger_class = Ledger
    path = "/x/ledger.jsonl"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.disk = self.new_disk()
        self.promised: list[int] = []
        self.issued: list[int] = []
        self.ledger: Ledger | None = None

    def new_disk(self) -> SimulatedDisk:
        return SimulatedDisk()

    @initialize()
    def begin(self) -> None:
        self.open_again()

    @rule(
        lines=st.integers(1, 4),
        fault=st.sampled_from(["", "", "short", "nospace", "eio", "halt"]),
        calls=st.integers(0, 3),
        text=st.sampled_from(["", "x" * 90]),
    )
    def append(self, lines: int, fault: str, calls: int, text: str) -> None:
        """One line, and the others while the disk is busy with it, so that they go down together."""
        if self.ledger is None:
            return
        self.disk.fault = (calls, fault) if fault else None
        self.loop.run(self._append(self.ledger, lines, text))

    async def _append(self, ledger: Ledger, lines: int, text: str) -> None:
        waits = []
        self.disk.at_gate.clear()
        self.disk.gate.clear()
        try:
            for _ in range(lines):
                entry = ledger.append([Noted(n=len(self.issued) + 1, text=text)], ME, AT)[0]
                self.issued.append(entry.event.n)  # type: ignore[attr-defined]
                waits.append((entry.seq, self.issued[-1]))
                if len(waits) == 1:
                    assert self.disk.at_gate.wait(30)
        finally:
            self.disk.gate.set()
        for seq, number in waits:
            try:
                await ledger.durable(seq)
            except LedgerError:
                self.disk.fault = None
                self.end_ledger()
                return
            self.promised.append(number)

    @rule()
    def end_the_process(self) -> None:
        self.end_ledger()
        self.disk.end_process()
        self.open_again()

    @rule(seed=st.integers(0, 1 << 16))
    def cut_the_power(self, seed: int) -> None:
        self.end_ledger()
        self.disk.cut_power(seed)
        self.open_again()

    @rule(
        seed=st.integers(0, 1 << 16),
        calls=st.integers(0, 6),
        fault=st.sampled_from(["short", "nospace", "eio", "halt"]),
    )
    def cut_the_power_and_fail_while_it_is_mended(self, seed: int, calls: int, fault: str) -> None:
        self.end_ledger()
        self.disk.cut_power(seed)
        self.disk.fault = (calls, fault)
        try:
            self.open_again()
        except LedgerError:
            self.disk.cut_power(seed + 1)
            self.open_again()
        self.disk.fault = None

    def end_ledger(self) -> None:
        """As the end of a process: its thread goes, whatever is queued is never written."""
        if self.ledger is None:
            return
        ledger, self.ledger = self.ledger, None
        self.disk.halted = True
        with contextlib.suppress(LedgerError):
            ledger.close()
        self.disk.halted = False

    def open_again(self) -> None:
        self.end_ledger()
        had = set(self.disk.directory())
        before = self.disk.names[self.path].cache[:] if self.path in self.disk.names else b""
        ledger = self.ledger_class.open(self.path, repo_id=REPO, codec=CODEC, at=AT, disk=self.disk)
        self.ledger = ledger
        found = [entry.event.n for entry in ledger.entries]  # type: ignore[attr-defined]
        assert found[: len(self.promised)] == self.promised, "a promise was lost"
        assert found == self.issued[: len(found)], "an event was invented"
        if ledger.repaired:
            aside = ledger.repaired.saved_as
            assert os.path.basename(aside) not in had
            assert before.endswith(self.disk.read(aside)), "bytes were lost in the repair"
        # Opening makes certain: what is shown now counts as promised.
        self.promised, self.issued = list(found), list(found)

    def teardown(self) -> None:
        try:
            self.end_ledger()
        finally:
            self.loop.close()


COMMON = settings(deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


def test_no_promise_is_lost_in_any_history_of_faults_and_power_cuts() -> None:  # T: power cut
    run_state_machine_as_test(Story, settings=settings(COMMON, max_examples=120, stateful_step_count=25))


class NeverSynced(SimulatedDisk):
    def sync(self, descriptor: int) -> None:
        self._call()


class NamesNeverSynced(SimulatedDisk):
    def sync_directory(self, path: str) -> None:
        self._call()


class PromisesBeforeItWrites(Ledger):
    def _commit(self, lines: bytes, seq: int) -> None:
        self._acknowledge(seq)
        super()._commit(lines, seq)


class StopsAfterAShortWrite(Ledger):
    def _write(self, lines: bytes) -> None:
        self._disk.write(self._descriptor, lines, self._written)


class LeavesATornTail(Ledger):
    def _cut_tail(self, tail: bytes) -> None:
        self._chain.size += len(tail)


class SyncsAgainAfterAFailure(Ledger):
    def _commit(self, lines: bytes, seq: int) -> None:
        try:
            super()._commit(lines, seq)
        except OSError:
            self._disk.sync(self._descriptor)
            self._written += len(lines)
            self._acknowledge(seq)


class BelievesWhatReadsBack(Ledger):
    def _write_again(self, data: bytes, place: int) -> None:
        pass


def mistakes() -> Iterator[tuple[str, type[SimulatedDisk], type[Ledger]]]:
    yield "no sync", NeverSynced, Ledger
    yield "no sync of the directory", NamesNeverSynced, Ledger
    yield "promise before the write", SimulatedDisk, PromisesBeforeItWrites
    yield "short write not continued", SimulatedDisk, StopsAfterAShortWrite
    yield "torn tail not cut", SimulatedDisk, LeavesATornTail
    yield "sync tried again", SimulatedDisk, SyncsAgainAfterAFailure
    yield "believes what reads back after a failed sync", SimulatedDisk, BelievesWhatReadsBack


@pytest.mark.parametrize(
    ("disk_class", "ledger_type"), [pytest.param(disk, ledger, id=name) for name, disk, ledger in mistakes()]
)
def test_the_simulation_finds_every_known_mistake(disk_class: type[SimulatedDisk], ledger_type: type[Ledger]) -> None:
    """The control: a simulation that finds nothing here would prove nothing above."""

    found: list[str] = []

    class Mistaken(Story):
        ledger_class = ledger_type

        def new_disk(self) -> SimulatedDisk:
            return disk_class()

        def open_again(self) -> None:
            try:
                super().open_again()
            except (AssertionError, LedgerError) as error:
                found.append(str(error))
                raise

    search = settings(
        COMMON, max_examples=400, stateful_step_count=25, phases=[Phase.generate], report_multiple_bugs=False
    )
    # Not only AssertionError: a promise made too early is a race, and hypothesis then calls the failure flaky.
    with pytest.raises(Exception):  # noqa: B017 - what was found is looked at below
        run_state_machine_as_test(Mistaken, settings=search)
    assert any(
        sign in text for text in found for sign in ("promise was lost", "event was invented", "cannot be trusted")
    )
