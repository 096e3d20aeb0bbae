"""How long after a document was saved it is told of. `python -m bench.memory_bench` prints the rows."""

from __future__ import annotations

import asyncio
import hashlib
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.rows import Row
from factory_tui.adapters.memory_watch import watching_memory

SAVES = 60
SAVES_BY_DEFAULTS = 20
BOUND_MS = 25.0
MOST_SECONDS = 5.0
"""After which a save counts as missed."""

Save = Callable[[Path, str], None]


def write(path: Path, text: str) -> None:
    path.write_text(text)


def rename(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)


def backup(path: Path, text: str) -> None:
    """As vim does."""
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(text)


def home_in(directory: str) -> Path:
    """A home of some size."""
    home = Path(directory) / "home"
    for folder in ("roles", "rules", "memory/knowledge", "memory/digests"):
        (home / folder).mkdir(parents=True)
        for number in range(15):
            (home / folder / f"{number}.md").write_text("x" * 3_000)
    (home / "memory" / "DNA.md").write_text("dna")
    return home


def p95(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.95)]


async def ours(home: Path, save: Save) -> tuple[list[float], int]:
    """Milliseconds from saved to told, and how many saves were missed."""
    told: dict[str, float] = {}
    more = asyncio.Event()

    def tell(path: str, old: str, new: str) -> None:
        told[new] = time.perf_counter()
        more.set()

    taken: list[float] = []
    missed = 0
    document = home / "memory" / "DNA.md"
    async with watching_memory(str(home), tell) as watch:
        await watch.ready.wait()
        for number in range(SAVES):
            await asyncio.sleep(random.uniform(0.02, 0.06))
            text = f"{save.__name__} {number}"
            wanted = hashlib.sha256(text.encode()).hexdigest()
            save(document, text)
            saved = time.perf_counter()
            try:
                async with asyncio.timeout(MOST_SECONDS):
                    while wanted not in told:
                        more.clear()
                        await more.wait()
            except TimeoutError:
                missed += 1
                continue
            taken.append((told[wanted] - saved) * 1e3)
    return taken, missed


async def defaults(home: Path, save: Save) -> list[float]:
    """The same with the library as it comes: recursive, its own step and debounce."""
    from watchfiles import awatch

    taken: list[float] = []
    document = home / "memory" / "DNA.md"
    stop = asyncio.Event()
    hints = awatch(home, stop_event=stop)
    batch = asyncio.ensure_future(anext(hints))
    await asyncio.sleep(0.1)
    for number in range(SAVES_BY_DEFAULTS):
        await asyncio.sleep(random.uniform(0.02, 0.06))
        save(document, f"{save.__name__} by defaults {number}")
        saved = time.perf_counter()
        await batch
        taken.append((time.perf_counter() - saved) * 1e3)
        batch = asyncio.ensure_future(anext(hints))
    stop.set()
    await asyncio.gather(batch, return_exceptions=True)
    return taken


def row(save: Save, name: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        home = home_in(directory)
        taken, missed = asyncio.run(ours(home, save))
        baseline = asyncio.run(defaults(home, save))
    told = Row(
        name=f"document saved ({name}) -> told, p95",
        value=p95(taken) if taken else float("inf"),
        unit="ms",
        baseline_name="watchfiles' defaults",
        baseline_value=p95(baseline),
        bound=BOUND_MS,
    )
    lost = Row(
        name=f"of {SAVES} saves ({name}), missed",
        value=missed,
        unit="",
        baseline_name="saves",
        baseline_value=SAVES,
        bound=1,
    )
    return [told, lost]


def idle() -> Row:
    """The processor that watching costs while nothing happens, in percent of one core."""
    seconds = 3.0

    async def rest() -> float:
        with tempfile.TemporaryDirectory() as directory:
            async with watching_memory(str(home_in(directory)), lambda path, old, new: None) as watch:
                await watch.ready.wait()
                before = time.process_time()
                await asyncio.sleep(seconds)
                return (time.process_time() - before) / seconds * 100

    async def nothing() -> float:
        before = time.process_time()
        await asyncio.sleep(seconds)
        return (time.process_time() - before) / seconds * 100

    return Row(
        name="watching while nothing happens",
        value=asyncio.run(rest()),
        unit="% of a core",
        baseline_name="an empty loop",
        baseline_value=asyncio.run(nothing()),
        bound=0.2,
    )


def run() -> list[Row]:
    return [*row(write, "written"), *row(rename, "renamed over"), *row(backup, "backup kept"), idle()]


if __name__ == "__main__":
    for one in run():
        print(one)
