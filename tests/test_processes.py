"""Commands without a wall: bounded, and nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from factory_tui.adapters.processes import PlainSandbox
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import Boundary, Limits, RunResult, Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends daemons")

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read():
    time.sleep(0.01)
"""


async def run(place: Path, *argv: str, limits: Limits | None = None, **environment: str) -> RunResult:
    sandbox: Sandbox = PlainSandbox(place / "runs")
    return await sandbox.run(argv, Boundary(cwd=str(place), environment=environment), limits or Limits(seconds=20))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def pid_in(path: Path) -> int:
    async with asyncio.timeout(60):
        while not path.exists() or not path.read_text().strip():
            await asyncio.sleep(0.01)
    return int(path.read_text())


async def until_dead(pid: int) -> None:
    async with asyncio.timeout(60):
        while is_alive(pid):
            await asyncio.sleep(0.01)


async def test_output_and_exit_code_come_back_as_they_were(tmp_path: Path):
    result = await run(tmp_path, "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (result.exit_code, result.output, result.killed, result.truncated) == (3, b"out\nerr\n", "", False)


async def test_a_command_inherits_no_secret_and_no_home(tmp_path: Path):
    os.environ["SOME_SECRET_TOKEN"] = "tell-nobody"
    try:
        result = await run(tmp_path, "env", EXTRA="given")
    finally:
        del os.environ["SOME_SECRET_TOKEN"]
    told = dict(line.split("=", 1) for line in result.output.decode().splitlines())
    assert "SOME_SECRET_TOKEN" not in told
    assert told["EXTRA"] == "given"
    assert told["HOME"].startswith(str(tmp_path / "runs"))
    assert told["TMPDIR"].startswith(str(tmp_path / "runs"))
    assert list((tmp_path / "runs").iterdir()) == [], "the throw-away home is gone"


async def test_standard_input_is_empty(tmp_path: Path):
    assert (await run(tmp_path, "cat")).output == b""


async def test_a_missing_command_says_its_name(tmp_path: Path):
    result = await run(tmp_path, "no-such-program-here")
    assert result.exit_code == 127
    assert b"no-such-program-here" in result.output
    with pytest.raises(WorldError):
        await PlainSandbox(tmp_path).run(["true"], Boundary(cwd=str(tmp_path / "absent")))


async def test_a_command_that_a_signal_ended_has_no_exit_code(tmp_path: Path):
    result = await run(tmp_path, "sh", "-c", "kill -SEGV $$")
    assert (result.exit_code, result.killed) == (None, "signal SIGSEGV")


async def test_a_flood_is_bounded_and_the_end_of_it_kept(tmp_path: Path):
    script = "yes | head -c 30000000; echo the last line"
    result = await run(tmp_path, "sh", "-c", script, limits=Limits(seconds=20, output_bytes=10_000))
    assert result.truncated
    assert len(result.output) < 10_100
    assert result.output.endswith(b"the last line\n")
    assert b"bytes dropped" in result.output


async def test_an_endless_flood_ends_at_the_time_limit(tmp_path: Path):
    result = await run(tmp_path, "yes", limits=Limits(seconds=0.3, output_bytes=1000))
    assert (result.exit_code, result.killed) == (None, "time limit of 0.3 s")


async def test_a_daemon_in_a_session_of_its_own_is_dead_afterwards(tmp_path: Path):
    pid_file = tmp_path / "pid"
    result = await run(tmp_path, sys.executable, "-c", DAEMON, str(pid_file))
    assert result.exit_code == 0
    assert not is_alive(int(pid_file.read_text()))


async def test_control_the_same_daemon_outlives_a_plain_subprocess_and_its_group(tmp_path: Path):
    pid_file = tmp_path / "pid"
    process = subprocess.Popen([sys.executable, "-c", DAEMON, str(pid_file)], start_new_session=True)
    process.wait()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    pid = int(pid_file.read_text())
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


async def test_a_grandchild_that_holds_the_pipe_delays_nothing(tmp_path: Path):
    async with asyncio.timeout(60):
        result = await run(tmp_path, "sh", "-c", "setsid sleep 600 & echo done")
    assert (result.exit_code, result.output) == (0, b"done\n")


async def is_ended_at_the_limit(tmp_path: Path, script: str) -> None:
    """Longer until the command has begun before the limit, which takes its time on a busy machine."""
    pid = tmp_path / "pid"
    for seconds in (0.5, 5.0, 20.0):
        result = await run(tmp_path, "sh", "-c", script, limits=Limits(seconds=seconds))
        assert result.killed == f"time limit of {seconds:g} s"
        if pid.exists() and pid.read_text():
            break
    assert not is_alive(int(pid.read_text()))


async def test_a_command_that_ignores_signals_is_ended_at_the_limit(tmp_path: Path):
    await is_ended_at_the_limit(tmp_path, "trap '' TERM HUP INT; echo $$ > pid; while :; do sleep 1; done")


async def test_cancelling_a_run_ends_all_of_it_before_it_returns(tmp_path: Path):
    script = "setsid sleep 600 & echo $! > pid; sleep 600"
    task = asyncio.create_task(run(tmp_path, "sh", "-c", script))
    pid = await pid_in(tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not is_alive(pid)
    assert list((tmp_path / "runs").iterdir()) == []


async def test_a_command_that_kills_its_launcher_has_no_exit_code_and_leaves_nothing(tmp_path: Path):
    script = "setsid sleep 600 & echo $! > pid; kill -9 $PPID; sleep 600"
    result = await run(tmp_path, "sh", "-c", script)
    assert (result.exit_code, result.killed) == (None, "its launcher was killed")
    assert not is_alive(int((tmp_path / "pid").read_text()))


async def test_a_command_that_stops_its_launcher_is_still_ended(tmp_path: Path):
    await is_ended_at_the_limit(tmp_path, "echo $$ > pid; kill -STOP $PPID; sleep 600")


async def test_killing_the_factory_kills_what_it_ran(tmp_path: Path):
    program = f"""
import asyncio
from factory_tui.adapters.processes import PlainSandbox
from factory_tui.engine.ports import Boundary
script = "setsid sleep 600 & echo $! > daemon; echo $$ > pid; sleep 600"
asyncio.run(PlainSandbox({str(tmp_path)!r}).run(["sh", "-c", script], Boundary(cwd={str(tmp_path)!r})))
"""
    factory = subprocess.Popen([sys.executable, "-c", program])
    pid, daemon = await pid_in(tmp_path / "pid"), await pid_in(tmp_path / "daemon")
    factory.kill()
    factory.wait()
    await until_dead(pid)
    await until_dead(daemon)


async def test_many_commands_run_at_once(tmp_path: Path):
    results = await asyncio.gather(*(run(tmp_path, "sh", "-c", f"exit {code}") for code in range(8)))
    assert [result.exit_code for result in results] == list(range(8))
