"""The machine in the hall: where the demo's product runs, on loopback, with a release from before the mission.

It is one process that keeps two instances of the wanted release running; whoever plays the demo keeps it alive, and it
ends with them. Data, releases and log lie in one directory, which only deploy commands may change.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from factory_tui.adapters.git import GitAt
from factory_tui.domain.errors import WorldError

VOLUME = "bookings-hall"
"""What the volume's own file says of it: a fresh one says nothing."""
BOOKED = 10
LONGEST_START = 30.0
"""Seconds until the first release answers."""


def prepare_hall(place: Path) -> str:
    """The machine before its first release, with ten bookings on its volume. Returns the home's `deploy.yaml`."""
    data, release = place / "data", place / "release"
    for directory in (data, release):
        directory.mkdir(parents=True)
    bookings = [
        {"id": number, "room": f"Room {number}", "who": "Ada", "start": 9, "end": 10} for number in range(1, BOOKED + 1)
    ]
    (data / "bookings.json").write_text(json.dumps(bookings))
    (data / "schema").write_text("1\n")
    (data / ".volume-id").write_text(f"{VOLUME}\n")
    ports = dict(zip(("a", "b", "plain"), _free_ports(3), strict=True))
    (place / "ports.json").write_text(json.dumps(ports))
    values = {"place": str(place), "today": datetime.now(UTC).date().isoformat(), "volume": VOLUME, **ports}
    text = resources.files(__package__).joinpath("hall.yaml").read_text("utf-8")
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", str(value))
    return text


def _free_ports(count: int) -> list[int]:
    """Of the loopback address. All are held until all are known, so that they differ."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in held]


@contextlib.asynccontextmanager
async def open_hall(root: Path, place: Path) -> AsyncIterator[None]:
    """The machine runs; where nothing was installed before, the release that `root` has checked out.

    Raises WorldError when it does not start.
    """
    host = await asyncio.to_thread(_started, root, place)
    try:
        yield
    finally:
        host.terminate()
        await asyncio.to_thread(host.wait)


def _started(root: Path, place: Path) -> subprocess.Popen[bytes]:
    script = place / "host" / "host.py"
    if not script.exists():
        # Of its own, apart from the checkout, whose files move with every landing.
        shutil.copytree(root / "deploy", script.parent)
    (place / "running.json").unlink(missing_ok=True)
    host = subprocess.Popen([sys.executable, str(script), str(place)], stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + LONGEST_START
        while not (place / "running.json").exists():
            _still(host, deadline)
        if not (place / "wanted").exists():
            first = GitAt(str(root / ".git"), str(root), str(root / ".git" / "index")).line("rev-parse", "HEAD")
            own = ["--approved-by", "Mira Holm", "--reviewer", "Jon Abara"]
            for words in (["backup"], ["deploy", first, *own]):
                command = [sys.executable, str(root / "deploy" / "release.py"), str(place), *words]
                subprocess.run(command, check=True, capture_output=True, timeout=LONGEST_START)
    except BaseException as error:
        host.terminate()
        host.wait()
        if isinstance(error, subprocess.SubprocessError):
            raise WorldError(
                what="the demo's machine could not start its first release",
                why=str(error),
                next_step=f"look at {place / 'log' / 'instances.log'}",
            ) from error
        raise
    return host


def _still(host: subprocess.Popen[bytes], deadline: float) -> None:
    if host.poll() is not None or time.monotonic() > deadline:
        raise WorldError(
            what="the demo's machine does not start",
            why=f"exit code {host.poll()}",
            next_step="loopback ports must be free; make the demo anew",
        )
    time.sleep(0.02)
