"""Verifying one landed commit as a third party, beside the signatures alone."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable

from bench.rows import Row
from factory_tui.adapters import verify
from factory_tui.demo import play_demo

ROUNDS = 15


def milliseconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        if play_demo(lambda text: None, directory) != 0:
            raise RuntimeError("the demo did not end as promised, so there is nothing to verify")
        root = f"{directory}/bookings"

        def verified() -> None:
            with verify.Gate(root) as gate:
                answer = gate.verify("main")
            assert answer.is_open, answer.why
            assert answer.statements >= 4

        def four_tools() -> None:
            for _ in range(4):
                subprocess.run(["ssh-keygen", "-Y", "find-principals"], capture_output=True, check=False)

        return [
            Row(
                name="verify one landed commit",
                value=milliseconds(verified),
                unit="ms",
                baseline_name="starting ssh-keygen four times",
                baseline_value=milliseconds(four_tools),
                bound=60,
            )
        ]


if __name__ == "__main__":
    for row in run():
        print(row)
