"""The cockpit on a terminal of 200 by 60, beside stock Textual on the same work in the same run.

Everything goes through a real pseudo-terminal; times are from the key that was written, or the file that was saved, to
the bytes that came back. Programs start as installed ones do: their bytecode is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench.memory_bench import home_in
from bench.rows import Row

COLUMNS, ROWS = 200, 60
ANSWERS = {b"\x1b[?2026$p": b"\x1b[?2026;2$y", b"\x1b[?2048$p": b"\x1b[?2048;0$y"}
SECONDS = 6.0
FACTORY = str(Path(sys.executable).with_name("factory"))


class Terminal:
    """A program on a pseudo-terminal; what it writes is stamped as it comes."""

    def __init__(self, command: Sequence[str], bytes_a_second: float = 0.0, cwd: str = ".", **variables: str) -> None:
        self._slow = bytes_a_second
        self.total = 0
        self._wanted = b""
        self._seen = threading.Event()
        self._seen_at = 0.0
        self._tail = b""
        self.began = time.perf_counter()
        self.first = 0.0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.chdir(cwd)
            os.execvpe(command[0], [*command], {**surroundings(), **variables})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                if not select.select([self.fd], [], [], 0.5)[0]:
                    continue
                data = os.read(self.fd, 4_096 if self._slow else 65_536)
            except OSError:
                return
            if not data:
                return
            now = time.perf_counter()
            self.first = self.first or now
            whole = self._tail + data
            for question, reply in ANSWERS.items():
                if question in whole and question not in self._tail:
                    os.write(self.fd, reply)
            self.total += len(data)
            if self._wanted and self._wanted in whole:
                self._wanted, self._seen_at = b"", now
                self._seen.set()
            self._tail = whole[-64:]
            if self._slow:
                time.sleep(len(data) / self._slow)

    def expect(self, text: bytes) -> None:
        """What `come` waits for from now on; what was written before does not count."""
        self._tail = b""
        self._seen.clear()
        self._wanted = text

    def come(self, seconds: float = 20.0) -> float:
        """When what is expected came; infinite when it did not."""
        return self._seen_at if self._seen.wait(seconds) else float("inf")

    def wait(self, text: bytes, seconds: float = 20.0) -> float:
        self.expect(text)
        return self.come(seconds)

    def latency(self, key: str) -> float:
        """Milliseconds from a key to its echo on the screen."""
        self._seen.clear()
        self._wanted = f"`{key}`".encode()
        start = time.perf_counter()
        os.write(self.fd, key.encode())
        return (self._seen_at - start) * 1_000 if self._seen.wait(5.0) else float("inf")

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1_024

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._reader.join(2.0)
        os.close(self.fd)


STATES: dict[int, str] = {}
BYTECODE = tempfile.TemporaryDirectory(prefix="factory-bench-bytecode-")
"""Of everything that is started here, as an installer leaves it; the first start fills it."""


def surroundings() -> dict[str, str]:
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    for name in ("TMUX", "CI", "NO_COLOR", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    return {**environment, "PYTHONPYCACHEPREFIX": BYTECODE.name}


def state_of(turns: int) -> str:
    """A file with the state that a ledger would give: reading it is what the cockpit waits for."""
    if turns not in STATES:
        import msgspec

        from bench.tui_floor import busy_state

        handle, STATES[turns] = tempfile.mkstemp(prefix="factory-bench-", suffix=".json")
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(busy_state(turns)))
    return STATES[turns]


def started(
    kind: str, turns: int = 15, rate: float = 0.0, out: str = "", slow: float = 0.0, home: str = ""
) -> tuple[Terminal, float]:
    """A terminal whose program shows its floor, and when it did. `home` is watched."""
    options = {"kind": kind, "turns": turns, "rate": rate, "seconds": SECONDS, "out": out, "state": state_of(turns)}
    options["home"] = home
    terminal = Terminal([sys.executable, "-m", "bench.tui_child", json.dumps(options)], slow)
    ready = terminal.wait(b"READY" if kind == "stock" else b"tech_writer")
    return terminal, ready


Start = tuple[float, float, float]
"""Milliseconds to the first bytes, to the floor with all roles, and of the processor until then."""


def measured(terminal: Terminal, ready: float) -> Start:
    used = terminal.cpu() * 1_000
    terminal.close()
    return (terminal.first - terminal.began) * 1_000, (ready - terminal.began) * 1_000, used


def start_times(place: str, times: int = 7) -> dict[str, Start]:
    """Medians, by what was started; in turn, so that all meet the same load. The first of each is not counted."""

    def factory() -> Start:
        home = {"XDG_STATE_HOME": f"{place}/state", "XDG_CONFIG_HOME": f"{place}/config"}
        terminal = Terminal([FACTORY], cwd=f"{place}/bookings", **home)
        return measured(terminal, terminal.wait(b"tech_writer"))

    found: dict[str, list[Start]] = {"cockpit": [], "stock": [], "factory": []}
    for _ in range(times + 1):
        for kind in ("cockpit", "stock"):
            found[kind].append(measured(*started(kind)))
        found["factory"].append(factory())
    return {
        kind: (
            statistics.median(one[0] for one in starts[1:]),
            statistics.median(one[1] for one in starts[1:]),
            statistics.median(one[2] for one in starts[1:]),
        )
        for kind, starts in found.items()
    }


def with_a_past(place: str) -> None:
    """A repository whose factory has had one session: its whole demo mission."""
    done = subprocess.run([FACTORY, "demo", "--headless", "--keep", place], env=surroundings(), capture_output=True)
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2_000:])


def saved_until_visible(times: int = 60) -> tuple[float, float, int]:
    """p50, p95 in milliseconds from a saved document to the bytes that mark it, and how many were never marked.

    Half of them are written, half renamed over; every second one puts back what was there, and takes the mark away.
    """
    with tempfile.TemporaryDirectory() as place:
        document = Path(place, "memory", "DNA.md")
        document.parent.mkdir()
        document.write_text("as it was")
        terminal, _ = started("cockpit", home=place)
        terminal.wait(b"NOTHING", 1.0)
        taken, missed = [], 0
        for number in range(times):
            time.sleep(0.05 + 0.007 * (number % 7))
            text, mark = ("as it was", b"in every brief") if number % 2 else (f"other {number}", b"CHANGED")
            fresh = document.with_name(".DNA.md.new") if number % 4 < 2 else document
            terminal.expect(mark)
            start = time.perf_counter()
            fresh.write_text(text)
            if fresh != document:
                fresh.replace(document)
            came = terminal.come(3.0)
            missed += came == float("inf")
            taken.append((came - start) * 1_000)
        terminal.close()
    return at(taken, 0.5), at(taken, 0.95), missed


def at(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def idle(kind: str) -> dict[str, float]:
    """Keys and processor time while nothing happens, and a home of some documents is watched."""
    with tempfile.TemporaryDirectory() as place:
        return idle_beside(kind, str(home_in(place)))


def idle_beside(kind: str, home: str) -> dict[str, float]:
    terminal, _ = started(kind, home=home)
    time.sleep(2.0)
    keys = []
    for number in range(60):
        keys.append(terminal.latency("%&"[number % 2]))
        time.sleep(0.01)
    time.sleep(1.0)
    before, start = terminal.cpu(), time.perf_counter()
    time.sleep(5.0)
    used = 100 * (terminal.cpu() - before) / (time.perf_counter() - start)
    told = {"p50": at(keys, 0.5), "p95": at(keys, 0.95), "cpu": used, "resident": terminal.resident()}
    terminal.close()
    return told


def streaming(kind: str, turns: int, rate: float, slow: float = 0.0) -> dict[str, float]:
    """Keys, processor time and bytes while turns stream."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "told.json")
        terminal, ready = started(kind, turns, rate, str(out), slow)
        time.sleep(max(0.0, ready + 0.7 - time.perf_counter()))
        keys: list[float] = []
        bytes_before, start = terminal.total, time.perf_counter()
        while time.perf_counter() - start < SECONDS - 1.0:
            if slow:
                time.sleep(0.1)
            else:
                keys.append(terminal.latency("%&"[len(keys) % 2]))
                time.sleep(0.1)
        rate_of_bytes = (terminal.total - bytes_before) / (time.perf_counter() - start) / 1_000
        end = time.perf_counter() + 10.0
        while not out.exists() and time.perf_counter() < end:
            time.sleep(0.05)
        time.sleep(0.1)
        told: dict[str, float] = json.loads(out.read_text()) if out.exists() else {"cpu": 100.0, "lag95": 1e9}
        keys = keys or [0.0]
        told |= {"p50": at(keys, 0.5), "p95": at(keys, 0.95), "p99": at(keys, 0.99), "bytes": rate_of_bytes}
        terminal.close()
        return told


def memory() -> tuple[float, float]:
    """MiB that a hundred thousand lines add to one transcript, and to an unbounded list of them."""
    import tracemalloc

    from factory_tui.tui.transcript import Transcript

    tracemalloc.start()
    transcript = Transcript(80)
    for number in range(100_000):
        transcript.feed(f"line {number} of what an agent says while it works\n")
        if number % 100 == 0:
            transcript.drain()
    kept = tracemalloc.get_traced_memory()[0] / 2**20
    lines = [f"line {number} of what an agent says while it works" for number in range(100_000)]
    unbounded = tracemalloc.get_traced_memory()[0] / 2**20 - kept
    tracemalloc.stop()
    assert len(lines) == 100_000
    return kept, unbounded


def run() -> list[Row]:
    """About three minutes."""
    rows = []

    def row(name: str, value: float, unit: str, baseline: float, bound: float | None, stock: str) -> None:
        rows.append(Row(name=name, value=value, unit=unit, baseline_name=stock, baseline_value=baseline, bound=bound))

    with tempfile.TemporaryDirectory() as place:
        with_a_past(place)
        starts = start_times(place)
    stock = starts["stock"]
    for kind, name in (("factory", "`factory`"), ("cockpit", "15 turns")):
        first, floor, used = starts[kind]
        row(f"{name}: skeleton on the screen", first, "ms", stock[1], 30.0, "15 Logs, first frame")
        row(f"{name}: floor with 15 roles", floor, "ms", stock[1], 300.0, "15 Logs, first frame")
        row(f"{name}: processor until then", used, "ms", stock[2], None, "15 Logs, first frame")
    p50, p95, missed = saved_until_visible()
    row("document saved -> on the terminal, p50", p50, "ms", 1_000 / 30, None, "one beat")
    row("document saved -> on the terminal, p95", p95, "ms", 1_000 / 30, 25.0, "one beat")
    row("of 60 saves, never seen", float(missed), "", 60.0, 1.0, "saves")
    ours, theirs = idle("cockpit"), idle("stock")
    row("key to paint, idle, p50", ours["p50"], "ms", theirs["p50"], 5.0, "15 Logs")
    row("key to paint, idle, p95", ours["p95"], "ms", theirs["p95"], 10.0, "15 Logs")
    row("idle", ours["cpu"], "% of a core", theirs["cpu"], 0.5, "15 Logs")
    row("resident, 15 turns", ours["resident"], "MiB", theirs["resident"], 90.0, "15 Logs")
    ours, theirs = streaming("cockpit", 15, 200), streaming("stock", 15, 200)
    for name, bound in (("p50", 5.0), ("p95", 20.0), ("p99", 40.0)):
        row(f"key to paint, 15 x 200 tokens/s, {name}", ours[name], "ms", theirs[name], bound, "15 Logs")
    row("processor, 15 x 200 tokens/s", ours["cpu"], "% of a core", theirs["cpu"], 20.0, "15 Logs")
    row("to the terminal, 15 x 200 tokens/s", ours["bytes"], "kB/s", theirs["bytes"], 250.0, "15 Logs")
    six = streaming("cockpit", 6, 200)
    row("processor, 6 x 200 tokens/s", six["cpu"], "% of a core", theirs["cpu"], 12.0, "15 Logs")
    ours, theirs = streaming("cockpit", 15, 200, 100_000), streaming("stock", 15, 200, 100_000)
    row("loop late by, p95, terminal of 100 kB/s", ours["lag95"], "ms", theirs["lag95"], 10.0, "15 Logs")
    for path in STATES.values():
        Path(path).unlink(missing_ok=True)
    STATES.clear()
    kept, unbounded = memory()
    row("100,000 lines in one pane", kept, "MiB", unbounded, 8.0, "a list of them")
    return rows


if __name__ == "__main__":
    for one in run():
        print(one)
