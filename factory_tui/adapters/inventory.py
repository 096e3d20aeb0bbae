"""What base's own tests do: the measure for every candidate. Made once per base tree and settings, and kept.

Whatever is kept can be made again, so a file that is damaged or older than the program is simply not used.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from factory_tui.adapters.smoke import SmokeRun


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of the base."""

    key: str
    """Sha256 of base tree, settings and wall."""
    passed: tuple[str, ...] = ()
    red: tuple[str, ...] = ()
    """Red twice."""
    flaky: tuple[str, ...] = ()
    """Red once and green once."""
    skipped: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    """Files that hold a test that passed."""
    created: tuple[str, ...] = ()
    """Files that the run leaves behind."""
    changed: tuple[str, ...] = ()
    """Files of the tree that the run alters."""
    exit_code: int | None = None
    seconds: float = 0.0
    unusable: str = ""
    """Why base could not be read; empty = it was."""
    plain_junit: bool = False
    output: str = ""
    """The end of the output, when base could not be read."""


def inventory_of(key: str, first: SmokeRun, second: SmokeRun | None, plain_junit: bool) -> Inventory:
    """One inventory from one run, or from two when the first had red tests."""
    green, red, flaky = set(first.report.ids("passed")), set(first.report.ids("failed")), set[str]()
    if second is not None and not second.unusable:
        again = set(second.report.ids("passed"))
        flaky = (red & again) | (green & set(second.report.ids("failed")))
        red, green = red - flaky, green | flaky
    return Inventory(
        key=key,
        passed=tuple(sorted(green)),
        red=tuple(sorted(red)),
        flaky=tuple(sorted(flaky)),
        skipped=first.report.ids("skipped"),
        modules=tuple(sorted({case.path for case in first.report.cases if case.outcome == "passed" and case.path})),
        created=first.alteration.created,
        changed=first.alteration.changed,
        exit_code=first.result.exit_code,
        seconds=first.result.seconds,
        unusable=first.unusable,
        plain_junit=plain_junit,
        output=first.result.output[-3000:].decode("utf-8", "replace") if first.unusable else "",
    )


class Inventories:
    """In memory, and on disk below `place`: a file is trusted when it is whole and names the key it is kept by."""

    def __init__(self, place: str | Path) -> None:
        self._place = Path(place)
        self._known: dict[str, Inventory] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, key: str, make: Callable[[], Awaitable[Inventory]]) -> Inventory:
        """The kept one, or a new one: two that ask at once wait for the same run."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            found = self._known.get(key) or await asyncio.to_thread(self._read, key)
            if found is None:
                found = await make()
                # A base that could not be read may be readable in a moment: nothing is kept of it.
                if found.unusable:
                    return found
                await asyncio.to_thread(self._write, found)
            self._known[key] = found
            return found

    def _read(self, key: str) -> Inventory | None:
        try:
            sha256, _, data = (self._place / f"{key}.json").read_bytes().partition(b"\n")
            if hashlib.sha256(data).hexdigest().encode() != sha256:
                return None
            found = msgspec.json.decode(data, type=Inventory)
        except (OSError, msgspec.DecodeError):
            return None
        return found if found.key == key else None

    def _write(self, inventory: Inventory) -> None:
        self._place.mkdir(parents=True, exist_ok=True)
        data = msgspec.json.encode(inventory)
        part = self._place / f"{inventory.key}.part"
        part.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
        part.rename(self._place / f"{inventory.key}.json")
