"""What a wall costs, how soon a killed factory is gone, and how long hostile text keeps us busy.

`python -m bench.wall_bench` prints the rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.rows import Row
from factory_tui.adapters.limits_probe import probe
from factory_tui.adapters.trying import self_test
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.demo import stage
from factory_tui.domain.redaction import Redactor
from factory_tui.engine.ports import Boundary

ROUNDS = 60
PROBES = 5
HOSTILE = (
    "sk-" * 60_000,
    "password" * 22_500,
    "password=" * 20_000,
    "://" + "a:" * 90_000,
    "eyJ" * 60_000,
    "eyJaaaaaaaaa.eyJ" * 11_250,
    "-----BEGIN PRIVATE KEY-----" * 6_700,
    "-----BEGIN PRIVATE KEY-----\n" * 6_500,
    "bearer " * 25_800,
)
"""180 kB each, of what makes a careless pattern look twice at everything."""


CHILD = """
import asyncio, sys
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.engine.ports import Boundary, Limits
place, script = sys.argv[1:]
sandbox = BwrapSandbox(look_around(find_bwrap()))
asyncio.run(sandbox.run(["sh", "-c", script], Boundary(cwd=place, writable=(place,)), Limits(seconds=600)))
"""
KILLS = 5


def alive(mark: str) -> bool:
    """Whether a process has that word in its command line."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in line.read_bytes():
                return True
    return False


def milliseconds_to_nothing(words: list[str], place: str, mark: str) -> float:
    """From kill -9 of that program, once its command has begun, until nothing of it is alive."""
    begun = Path(place, "begun")
    process = subprocess.Popen(words)
    while not begun.exists():
        time.sleep(0.01)
    begun.unlink()
    start = time.perf_counter()
    process.kill()
    process.wait()
    while alive(mark):
        time.sleep(0.002)
    return (time.perf_counter() - start) * 1e3


def killed() -> Row:
    """The worst of several: a killed factory leaves nothing of its seats' commands, daemons of theirs included."""
    behind, bare = [], []
    with tempfile.TemporaryDirectory() as place:
        for number in range(KILLS):
            mark = f"killed-{Path(place).name}-{number}"
            script = f"setsid sh -c 'sleep 600; : {mark}' & echo > begun; sleep 600; : {mark}"
            behind.append(milliseconds_to_nothing([sys.executable, "-c", CHILD, place, script], place, mark))
            alone = f"echo > {place}/begun; exec sleep 600{number}"
            bare.append(milliseconds_to_nothing(["sh", "-c", alone], place, f"sleep\x00600{number}"))
    return Row(
        name="from kill -9 of the factory to nothing left",
        value=max(behind),
        unit="ms",
        baseline_name="one bare command",
        baseline_value=max(bare),
        bound=1_000,
    )


async def sandboxed() -> tuple[float, float]:
    """Median milliseconds of `true`: behind the wall, and bare, one after the other so that both meet the same load."""
    walled, bare = [], []
    with tempfile.TemporaryDirectory() as directory:
        sandbox = BwrapSandbox(look_around(find_bwrap()))
        boundary = Boundary(cwd=directory, writable=(directory,))
        for _ in range(ROUNDS):
            start = time.perf_counter()
            await sandbox.run(["true"], boundary)
            middle = time.perf_counter()
            subprocess.run(["true"], check=True)
            bare.append((time.perf_counter() - middle) * 1e3)
            walled.append((middle - start) * 1e3)
    return statistics.median(walled), statistics.median(bare)


def overhead() -> Row:
    walled, bare = asyncio.run(sandboxed())
    return Row(
        name="one command behind the wall, more than bare",
        value=walled - bare,
        unit="ms",
        baseline_name="the same command bare",
        baseline_value=bare,
        bound=15,
    )


async def tried() -> tuple[float, float]:
    """Median milliseconds: every limit of every shipped role for brokered seats, and the wall's own trial alone."""
    with tempfile.TemporaryDirectory() as directory:
        charter = stage(directory).ground.reading.charter
        assert charter is not None
        sandbox = BwrapSandbox(look_around(find_bwrap()))
        roles, alone = [], []
        for _ in range(PROBES):
            start = time.perf_counter()
            matrix = await probe(charter, sandbox, directory, wall=sandbox.wall, control="brokered")
            middle = time.perf_counter()
            assert not matrix.red(), "a limit that does not hold is no measurement"
            await self_test(sandbox, directory)
            alone.append((time.perf_counter() - middle) * 1e3)
            roles.append((middle - start) * 1e3)
    return statistics.median(roles), statistics.median(alone)


def probes() -> Row:
    roles, alone = asyncio.run(tried())
    return Row(
        name="try every limit of 15 roles, brokered seats",
        value=roles,
        unit="ms",
        baseline_name="the wall tried once by itself",
        baseline_value=alone,
        bound=2_000,
    )


def redaction() -> Row:
    redactor = Redactor({f"KEY_{n}": f"some-secret-value-{n:04}" for n in range(10)})
    ordinary = "an ordinary line of some output, as a test runner writes it\n" * 3_000

    def milliseconds(text: str) -> float:
        start = time.perf_counter()
        redactor.text(text)
        return (time.perf_counter() - start) * 1e3

    return Row(
        name="redact 180 kB of the worst hostile text",
        value=max(milliseconds(text) for text in HOSTILE),
        unit="ms",
        baseline_name="as much ordinary text",
        baseline_value=milliseconds(ordinary),
        bound=200,
    )


def run() -> list[Row]:
    """The wall's rows are left out where there is no bwrap: a number that was not measured is not told."""
    return [*([overhead(), probes(), killed()] if find_bwrap() else []), redaction()]


if __name__ == "__main__":
    for row in run():
        print(row)
