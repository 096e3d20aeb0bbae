"""How long a ledger takes to be believed, and an event to be safe. `python -m bench.ledger_bench` prints the rows."""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable

from bench.rows import Row
from factory_tui.adapters.ledger import Codec, Ledger
from factory_tui.domain.terms import Actor, Record

REPO = "0" * 32
AT = "2026-01-01T00:00:00.000Z"
BY = Actor(kind="seat", name="builder/b1")
COUNT = 3_000


class Ran(Record, frozen=True, kw_only=True, tag="ran", tag_field="type"):
    """An event of a usual size: about 300 bytes."""

    turn: str
    command: str
    output: str


CODEC = Codec(events=Ran)


def event(n: int) -> Ran:
    return Ran(turn=f"T-{n % 40}/1", command="python -m pytest -q", output="." * 220)


def milliseconds(work: Callable[[], object], rounds: int = 7) -> float:
    """The median of a few rounds."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def verify(directory: str) -> Row:
    path = f"{directory}/ledger.jsonl"
    with Ledger.open(path, repo_id=REPO, codec=CODEC, at=AT) as ledger:
        for n in range(COUNT):
            ledger.append([event(n)], BY, AT)

    def believed() -> None:
        view = Ledger.read(path, codec=CODEC)
        assert len(view.entries) == COUNT
        assert view.damage is None

    def parsed_only() -> None:
        with open(path, "rb") as file:
            for line in file:
                json.loads(line)
                hashlib.sha256(line).hexdigest()

    return Row(
        name=f"verify a ledger of {COUNT:,} entries",
        value=milliseconds(believed),
        unit="ms",
        baseline_name="json.loads and sha256 of the same lines",
        baseline_value=milliseconds(parsed_only),
        bound=50,
    )


def durable(directory: str) -> Row:
    """One event from `append` until it is on the device, beside a bare write and fdatasync of as many bytes."""
    rounds = 100
    with Ledger.open(f"{directory}/one.jsonl", repo_id=REPO, codec=CODEC, at=AT) as ledger:

        def one() -> None:
            ledger.append([event(1)], BY, AT)
            ledger.flush()

        value = milliseconds(one, rounds)
    descriptor = os.open(f"{directory}/bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:

        def bare() -> None:
            os.write(descriptor, b"x" * 560)
            os.fdatasync(descriptor)

        baseline = milliseconds(bare, rounds)
    finally:
        os.close(descriptor)
    return Row(
        name="one event until it is durable",
        value=value,
        unit="ms",
        baseline_name="a bare write and fdatasync",
        baseline_value=baseline,
    )


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        return [verify(directory), durable(directory)]


if __name__ == "__main__":
    for row in run():
        print(row)
