"""The cockpit on a terminal of 200 by 60, beside stock Textual on the same work in the same run.

Everything goes through a real pseudo-terminal; times are from the key that was written to the bytes that came back.
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
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

from bench.rows import Row

COLUMNS, ROWS = 200, 60
ANSWERS = {b"\x1b[?2026$p": b"\x1b[?2026;2$y", b"\x1b[?2048$p": b"\x1b[?2048;0$y"}
SECONDS = 6.0


class Terminal:
    """A program on a pseudo-terminal; what it writes is stamped as it comes."""

    def __init__(self, options: dict[str, Any], bytes_a_second: float = 0.0) -> None:
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
            environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
            for name in ("TMUX", "CI", "NO_COLOR"):
                environment.pop(name, None)
            os.execvpe(sys.executable, [sys.executable, "-m", "bench.tui_child", json.dumps(options)], environment)
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

    def wait(self, text: bytes, seconds: float = 20.0) -> float:
        """When the text came; infinite when it did not."""
        self._seen.clear()
        self._wanted = text
        return self._seen_at if self._seen.wait(seconds) else float("inf")

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


def state_of(turns: int) -> str:
    """A file with the state that a ledger would give: reading it is what the cockpit waits for."""
    if turns not in STATES:
        import msgspec

        from bench.tui_floor import busy_state

        handle, STATES[turns] = tempfile.mkstemp(prefix="factory-bench-", suffix=".json")
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(busy_state(turns)))
    return STATES[turns]


def started(kind: str, turns: int = 15, rate: float = 0.0, out: str = "", slow: float = 0.0) -> tuple[Terminal, float]:
    """A terminal whose program shows its floor, and when it did."""
    options = {"kind": kind, "turns": turns, "rate": rate, "seconds": SECONDS, "out": out, "state": state_of(turns)}
    terminal = Terminal(options, slow)
    ready = terminal.wait(b"READY" if kind == "stock" else b"tech_writer")
    return terminal, ready


def start_times(kind: str, times: int = 5) -> tuple[float, float]:
    """Milliseconds to the first bytes and to the floor with all roles."""
    firsts, floors = [], []
    for _ in range(times):
        terminal, ready = started(kind)
        firsts.append((terminal.first - terminal.began) * 1_000)
        floors.append((ready - terminal.began) * 1_000)
        terminal.close()
    return statistics.median(firsts), statistics.median(floors)


def at(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def idle(kind: str) -> dict[str, float]:
    """Keys and processor time while nothing happens."""
    terminal, _ = started(kind)
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
    """About a minute and a half."""
    rows = []

    def row(name: str, value: float, unit: str, baseline: float, bound: float | None, stock: str) -> None:
        rows.append(Row(name=name, value=value, unit=unit, baseline_name=stock, baseline_value=baseline, bound=bound))

    first, floor = start_times("cockpit")
    _, stock_floor = start_times("stock")
    row("skeleton on the screen", first, "ms", stock_floor, 30.0, "15 Logs, first frame")
    row("floor with 15 roles", floor, "ms", stock_floor, 300.0, "15 Logs, first frame")
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
