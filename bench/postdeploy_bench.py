"""Level 4 on the sample product: all 33 checks, beside the same checks one after the other."""

from __future__ import annotations

import asyncio
import importlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.rows import Row
from factory_tui.adapters.postdeploy.running import PostDeployChecks
from factory_tui.engine.deploy_ports import PostDeployResult

SECONDS = 10.0
"""Within which an approver hears whether the release holds."""


def run() -> list[Row]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    places: Any = importlib.import_module("bookings_place")
    with tempfile.TemporaryDirectory() as directory, places.running_place(Path(directory)) as place:
        place.book(10)
        place.deploy(places.FIRST)
        place.release("backup")
        place.deploy(places.SECOND)
        checks = PostDeployChecks(places.PlainCommands(Path(directory) / "runs"))
        began = time.perf_counter()
        figures = {"p95_ms": 400.0, "rows.bookings": 10.0}
        result: PostDeployResult = asyncio.run(checks.run(place.environment(), place.of(), figures))
        taken = time.perf_counter() - began
    wrong = [f"{row.id} {row.verdict}: {row.reason}" for row in result.rows if row.verdict != "pass"]
    if wrong:
        raise RuntimeError(f"the sample product does not pass, so nothing was measured: {'; '.join(wrong)}")
    return [
        Row(
            name=f"level 4, {len(result.rows)} checks of the sample product",
            value=taken,
            unit="s",
            baseline_name="the same, one after the other",
            baseline_value=sum(row.seconds for row in result.rows),
            bound=SECONDS,
        )
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
