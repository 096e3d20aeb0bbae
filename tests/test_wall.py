"""The wall: what a command finds inside, what it cannot reach, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from small_repository import SmallRepository

from factory_tui.adapters import seccomp, wall_groups
from factory_tui.adapters.dependencies import PreparedStores, toolchain_environment, toolchain_roots
from factory_tui.adapters.processes import PlainSandbox
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.adapters.wall_profile import Descriptors, Host, environment, profile, search_path
from factory_tui.domain.errors import WorldError
from factory_tui.domain.gate import Dependencies
from factory_tui.engine.ports import Boundary, Limits, RunResult, Sandbox

needs_bwrap = pytest.mark.needs_bwrap
SHORT = Limits(seconds=20)


def wall(*hidden: str) -> BwrapSandbox:
    return BwrapSandbox(look_around(find_bwrap(), [sys.base_prefix]), hidden=hidden)


def place(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return work


def boundary(work: Path, *protected: str, readable: tuple[str, ...] = ()) -> Boundary:
    held = tuple(str(work / name) for name in protected)
    return Boundary(cwd=str(work), writable=(str(work),), protected=held, readable=readable)


async def run(
    tmp_path: Path, script: str, *protected: str, limits: Limits = SHORT, sandbox: Sandbox | None = None
) -> RunResult:
    sandbox = sandbox or wall()
    return await sandbox.run(["sh", "-c", script], boundary(place(tmp_path), *protected), limits)


# --- the profile, as data ------------------------------------------------------------------------


def words(boundary: Boundary, **more: object) -> list[str]:
    host = Host(bwrap="/usr/bin/bwrap", resolver=("/etc/resolv.conf",), toolchains=("/opt/python",))
    return profile(["true"], boundary, Limits(), host, Descriptors(info=9, files=(("/etc/passwd", 10),), seccomp=11))


def test_every_namespace_is_new_and_no_capability_is_kept():
    found = words(Boundary(cwd="/w", writable=("/w",)))
    for word in ("user", "pid", "net", "ipc", "uts"):
        assert f"--unshare-{word}" in found
    for word in ("--disable-userns", "--die-with-parent", "--new-session"):
        assert word in found
    assert found[found.index("--cap-drop") + 1] == "ALL"
    assert found[found.index("--uid") + 1] == "1000"
    assert found[found.index("--seccomp") + 1] == "11"


def test_the_network_is_there_only_where_the_boundary_says_so():
    closed, opened = words(Boundary(cwd="/w")), words(Boundary(cwd="/w", network=True))
    assert "--unshare-net" in closed
    assert "/etc/resolv.conf" not in closed
    assert "--unshare-net" not in opened
    assert "/etc/resolv.conf" in opened


def test_holes_come_after_what_may_be_written_and_the_root_is_closed_last():
    found = words(Boundary(cwd="/w", writable=("/w",), readable=("/tools",), protected=("/w/rules",)))
    order = [found.index(path) for path in ("/usr", "/opt/python", "/tools", "/w", "/w/rules")]
    assert order == sorted(order)
    assert found[found.index("/w/rules") - 1] == "--ro-bind"
    assert found.index("/w/rules") < found.index("/") == found.index("--chdir") - 1


def test_a_place_that_may_not_be_written_is_shown_read_only():
    found = words(Boundary(cwd="/w"))
    assert found[found.index("/w") - 1] == "--ro-bind"
    assert "--bind" not in found


def test_what_the_loader_obeys_reaches_the_command_and_never_the_wall_itself():
    given = Boundary(cwd="/w", environment={"LD_PRELOAD": "./evil.so", "CI": "1", "LD_LIBRARY_PATH": "lib"})
    outside = environment(given, Host(bwrap="bwrap"), {"PATH": "/usr/bin", "SECRET": "x", "LANG": "C"})
    assert {"SECRET", "LD_PRELOAD", "LD_LIBRARY_PATH"}.isdisjoint(outside)
    assert outside["CI"] == "1"
    inside = words(given)
    assert inside[inside.index("LD_PRELOAD") - 1 :][:3] == ["--setenv", "LD_PRELOAD", "./evil.so"]


def test_a_search_path_holds_only_what_can_be_seen_inside():
    found = search_path("/home/me/bin:/usr/bin:.:relative:/opt/tool/bin", ["/opt/tool"]).split(":")
    assert found[:2] == ["/usr/bin", "/opt/tool/bin"]
    assert {"/home/me/bin", ".", "relative"}.isdisjoint(found)


def test_no_table_of_system_calls_is_made_up_for_another_machine():
    assert seccomp.program("aarch64") is None
    program = seccomp.program("x86_64")
    assert program is not None
    assert len(program) % 8 == 0


# --- behind the real one -------------------------------------------------------------------------


@needs_bwrap
async def test_output_and_exit_code_come_back_as_they_were(tmp_path: Path):
    result = await run(tmp_path, "echo out; echo err >&2; exit 3")
    assert (result.exit_code, result.output, result.killed, result.truncated) == (3, b"out\nerr\n", "", False)


@needs_bwrap
async def test_standard_input_is_empty_and_a_missing_command_says_its_name(tmp_path: Path):
    assert (await run(tmp_path, "cat")).output == b""
    missing = await wall().run(["no-such-program-here"], boundary(place(tmp_path)), SHORT)
    assert missing.exit_code == 127
    assert b"no-such-program-here" in missing.output


@needs_bwrap
async def test_a_command_is_nobody_and_has_no_capability_whoever_runs_the_factory(tmp_path: Path):
    result = await run(tmp_path, "id -u; grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status; cat /etc/passwd")
    lines = result.output.decode().split("\n")
    assert lines[0] == "1000"
    assert [line.split()[1] for line in lines[1:6]] == ["0" * 16] * 5
    assert lines[6] == "seat:x:1000:1000::/home/seat:/bin/sh"


@needs_bwrap
async def test_files_it_makes_belong_to_whoever_runs_the_factory(tmp_path: Path):
    await run(tmp_path, "mkdir -p a && echo x > a/file")
    made = tmp_path / "work/a/file"
    assert (made.read_text(), made.stat().st_uid) == ("x\n", os.getuid())


@needs_bwrap
async def test_nothing_of_the_host_is_there_unless_it_was_named(tmp_path: Path):
    (tmp_path / "secret").write_text("HOSTBYTES")
    result = await run(tmp_path, f"cat {tmp_path}/secret; ls {tmp_path} /root /var /sys /etc; ls -d /home/*; env")
    assert b"HOSTBYTES" not in result.output
    assert b"/home/seat" in result.output
    assert b"shadow" not in result.output
    plain = await run(tmp_path, f"cat {tmp_path}/secret", sandbox=PlainSandbox(tmp_path / "runs"))
    assert plain.output == b"HOSTBYTES", "the control reads it"


@needs_bwrap
async def test_a_protected_path_stays_as_it_is_and_the_rest_can_be_written(tmp_path: Path):
    rules = place(tmp_path) / "rules"
    rules.mkdir()
    (rules / "one.md").write_text("must")
    script = "echo x > rules/one.md; rm -rf rules; mv rules r2; echo x > rules/two.md; echo y > free; ls rules"
    result = await run(tmp_path, script, "rules")
    assert sorted(path.name for path in rules.iterdir()) == ["one.md"]
    assert (rules / "one.md").read_text() == "must"
    assert (tmp_path / "work/free").read_text() == "y\n"
    assert result.output.endswith(b"one.md\n")
    await run(tmp_path, script)
    assert not rules.exists(), "the control destroys it"


@needs_bwrap
async def test_a_planted_link_stops_the_next_launch_and_nothing_is_made_behind_it(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    work = place(tmp_path)
    await run(tmp_path, f"ln -s /oldroot{outside} .claude")
    for name in (".claude", ".claude/settings.json"):
        with pytest.raises(WorldError, match=r"\.claude is a link"):
            await run(tmp_path, "true", name)
    assert list(outside.iterdir()) == []
    assert (work / ".claude").is_symlink()


@needs_bwrap
async def test_a_protected_path_that_is_not_there_is_not_made(tmp_path: Path):
    assert (await run(tmp_path, "true", ".claude/settings.json")).exit_code == 0
    assert list(place(tmp_path).iterdir()) == []


@needs_bwrap
async def test_a_toolchain_that_uncovers_the_host_is_refused(tmp_path: Path):
    state = tmp_path / "state"
    (state / "keys").mkdir(parents=True)
    link = tmp_path / "innocent"
    link.symlink_to("/")
    held = wall(str(state))
    for path in ("/", "/etc", "/etc/ssh", "/proc/1", "/run/user", str(tmp_path), str(state), str(link)):
        with pytest.raises(WorldError, match="cannot be shown"):
            await held.run(["true"], boundary(place(tmp_path), readable=(path,)), SHORT)


@needs_bwrap
async def test_a_toolchain_is_shown_without_its_credentials(tmp_path: Path):
    cargo = tmp_path / "cargo"
    cargo.mkdir()
    (cargo / "credentials.toml").write_text("token = 1")
    (cargo / "config.toml").write_text("shown")
    seen = await wall().run(
        ["sh", "-c", f"cat {cargo}/config.toml {cargo}/credentials.toml; echo x > {cargo}/config.toml"],
        boundary(place(tmp_path), readable=(str(cargo),)),
        SHORT,
    )
    assert seen.output.startswith(b"shown")
    assert b"token" not in seen.output
    assert (cargo / "config.toml").read_text() == "shown"


@needs_bwrap
async def test_the_loopback_of_the_host_is_out_of_reach(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        reach = f"python3 -c \"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)\""
        assert (await run(tmp_path, reach)).exit_code == 1
        with pytest.raises(TimeoutError):
            server.accept()
        assert (await run(tmp_path, reach, sandbox=PlainSandbox(tmp_path / "runs"))).exit_code == 0
        server.accept()[0].close()


@needs_bwrap
async def test_refused_calls_fail_and_the_program_goes_on(tmp_path: Path):
    script = (
        "import ctypes, os, socket\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "for number in (101, 165, 272, 308, 319, 425): print(libc.syscall(number, 0, 0, 0, 0), ctypes.get_errno())\n"
        "import fcntl\n"
        "for word in (0x5412, 0x541C, 0x5412 + (1 << 32)):\n"
        "    libc.ioctl(0, ctypes.c_ulong(word), b'x'); print(ctypes.get_errno())\n"
        "try: socket.socket(socket.AF_UNIX)\nexcept PermissionError: print('no socket with a path')\n"
        "a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))\n"
    )
    (place(tmp_path) / "calls.py").write_text(script)
    result = await run(tmp_path, "python3 calls.py; unshare -Ur id")
    lines = result.output.decode().splitlines()
    assert lines[:6] == ["-1 1", "-1 1", "-1 1", "-1 1", "-1 38", "-1 1"]
    assert lines[6:9] == ["1", "1", "1"]
    assert lines[9:11] == ["no socket with a path", "b'x'"]
    assert "uid=0" not in result.output.decode()


@needs_bwrap
async def test_the_kernels_own_settings_are_read_only_even_to_root(tmp_path: Path):
    before = Path("/proc/sys/kernel/core_pattern").read_bytes()
    script = "cat /proc/sys/kernel/core_pattern >/dev/null && echo '|/tmp/x' > /proc/sys/kernel/core_pattern"
    result = await run(tmp_path, f"{script}; echo b > /proc/sysrq-trigger; echo 1 > /proc/self/oom_score_adj; ls /sys")
    assert Path("/proc/sys/kernel/core_pattern").read_bytes() == before
    assert b"Read-only file system" in result.output


# --- bounds and ends -----------------------------------------------------------------------------


@needs_bwrap
async def test_a_daemon_is_dead_when_the_command_returns(tmp_path: Path):
    script = "(setsid nohup sh -c 'while :; do echo x >> late; sleep 0.01; done' >/dev/null 2>&1 &); sleep 0.1; exit 0"
    result = await run(tmp_path, script)
    assert (result.exit_code, result.killed) == (0, "")
    size = (tmp_path / "work/late").stat().st_size
    # A second sandbox takes several times as long as the daemon waits between two lines.
    await run(tmp_path, "sleep 0.2")
    assert (tmp_path / "work/late").stat().st_size == size > 0


@needs_bwrap
async def test_the_time_limit_ends_everything_and_says_so(tmp_path: Path):
    result = await run(tmp_path, "trap '' TERM INT HUP; sleep 600", limits=Limits(seconds=0.5))
    assert (result.exit_code, result.killed) == (None, "time limit of 0.5 s")


@needs_bwrap
async def test_a_flood_of_output_is_bounded(tmp_path: Path):
    script = "yes | head -c 30000000; echo the last line"
    result = await run(tmp_path, script, limits=Limits(seconds=20, output_bytes=10_000))
    assert result.truncated
    assert len(result.output) < 10_100
    assert result.output.endswith(b"the last line\n")


@needs_bwrap
async def test_a_fork_bomb_is_stopped(tmp_path: Path):
    # Bounded on purpose: where the limit does not hold, nothing but this test may suffer.
    bomb = "i=0; while [ $i -lt 200 ]; do sleep 20 & i=$((i+1)); done; wait"
    result = await run(tmp_path, bomb, limits=Limits(seconds=25, processes=40))
    assert (result.exit_code, result.killed.split(":")[0]) == (None, "process limit of 40")


@needs_bwrap
async def test_where_no_group_can_be_made_processes_are_counted_and_the_overshoot_said(tmp_path: Path):
    """As root the kernel holds no process limit by itself; for an ordinary user it does, and only the command hears."""
    sandbox = BwrapSandbox(look_around(find_bwrap()))
    sandbox._groups = None
    boundary = Boundary(cwd=str(tmp_path), writable=(str(tmp_path),))
    bomb = "i=0; while [ $i -lt 200 ]; do sleep 20 & i=$((i+1)); done; wait"
    result = await sandbox.run(["sh", "-c", bomb], boundary, Limits(seconds=25, processes=40))
    said = result.killed or result.met
    assert said.startswith("process limit of 40: ")
    if os.geteuid() == 0:
        assert "over, because they are only counted every 0.05 s" in said


@needs_bwrap
async def test_a_disk_that_is_filled_faster_than_anybody_looks_is_named_too(tmp_path: Path):
    limits = Limits(seconds=20, disk_bytes=10 << 20)
    result = await run(tmp_path, "head -c 80M /dev/zero > big", limits=limits)
    assert result.killed.startswith("disk limit of 10 MB: ")


def test_a_group_is_made_where_it_was_delegated_and_nowhere_else(tmp_path: Path):
    scope = tmp_path / "app.slice/one.scope"
    scope.mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    own = "0::/app.slice/one.scope\n"
    assert wall_groups.find_place(str(tmp_path), own) is None
    (tmp_path / "app.slice/cgroup.procs").write_text("")
    (tmp_path / "app.slice/cgroup.subtree_control").write_text("pids\n")
    assert wall_groups.find_place(str(tmp_path), own) is None, "without memory it holds too little"
    (tmp_path / "app.slice/cgroup.subtree_control").write_text("memory pids\n")
    found = wall_groups.find_place(str(tmp_path), own)
    assert found == wall_groups.Place(directory=tmp_path / "app.slice", holds_memory=True)
    group = found.make(Limits(processes=10, memory_bytes=1000))
    assert group is not None
    (made,) = (tmp_path / "app.slice").glob("factory-*")
    assert ((made / "pids.max").read_text(), (made / "memory.max").read_text()) == ("10", "1000")
    (made / "memory.events").write_text("low 0\noom_kill 1\n")
    assert group.ran_out_of_memory()
    assert not group.refused_processes()


@needs_bwrap
async def test_memory_of_all_processes_together_is_bounded_and_the_overshoot_said(tmp_path: Path):
    eat = "import os, time; [os.fork() for _ in range(2)]; x = bytearray(b'x' * (60 << 20)); time.sleep(600)"
    result = await run(tmp_path, f'python3 -c "{eat}"', limits=Limits(seconds=20, memory_bytes=150 << 20))
    assert result.exit_code is None
    assert result.killed.startswith("memory limit of 150 MB: ")
    assert "MB over" in result.killed


@needs_bwrap
async def test_one_process_cannot_take_more_than_the_limit_at_once(tmp_path: Path):
    result = await run(tmp_path, 'python3 -c "bytearray(900 << 20)"', limits=Limits(memory_bytes=200 << 20))
    assert (result.exit_code, result.killed) == (1, "")
    assert b"MemoryError" in result.output


@needs_bwrap
async def test_a_filled_disk_is_stopped_and_the_overshoot_said(tmp_path: Path):
    limits = Limits(seconds=20, disk_bytes=30 << 20)
    result = await run(tmp_path, "for n in $(seq 400); do head -c 1M /dev/zero > f$n; sleep 0.01; done", limits=limits)
    assert result.killed.startswith("disk limit of 30 MB: ")


@needs_bwrap
async def test_scratch_is_sized_and_vanishes(tmp_path: Path):
    limits = Limits(seconds=20, scratch_bytes=1 << 20)
    result = await run(tmp_path, "head -c 5M /dev/zero > /tmp/big; echo x > /tmp/small", limits=limits)
    assert b"No space left" in result.output
    assert b"No such file" in (await run(tmp_path, "cat /tmp/small")).output


@needs_bwrap
async def test_a_cancelled_command_is_dead_before_the_cancellation_returns(tmp_path: Path):
    running = asyncio.create_task(run(tmp_path, "while :; do echo x >> ticks; sleep 0.01; done"))
    ticks = tmp_path / "work/ticks"
    async with asyncio.timeout(60):
        while not ticks.exists():
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    size = ticks.stat().st_size
    await run(tmp_path, "sleep 0.2")
    assert ticks.stat().st_size == size


@needs_bwrap
async def test_a_wall_that_cannot_be_built_starts_nothing(tmp_path: Path):
    broken = BwrapSandbox(Host(bwrap=find_bwrap(), system=("/usr", "/no/such/place")))
    with pytest.raises(WorldError, match="the wall could not be built"):
        await broken.run(["touch", "made"], boundary(place(tmp_path)), SHORT)
    assert list(place(tmp_path).iterdir()) == []


@needs_bwrap
async def test_many_commands_run_at_once_and_each_has_its_own_end(tmp_path: Path):
    """A descriptor closed twice would be somebody else's by then."""
    for _ in range(3):
        results = await asyncio.gather(*(run(tmp_path, f"echo {code}; exit {code}") for code in range(8)))
        assert [(result.exit_code, result.output) for result in results] == [(n, f"{n}\n".encode()) for n in range(8)]


@needs_bwrap
async def test_descriptors_do_not_pile_up(tmp_path: Path):
    await run(tmp_path, "true")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        await run(tmp_path, "true")
    assert len(os.listdir("/proc/self/fd")) == before


@needs_bwrap
async def test_cancelling_while_the_wall_is_built_leaves_nobody_waiting_for_it(tmp_path: Path):
    """What bwrap started waits for it; ended in between, it would wait for ever. Of three hundred starts that were
    cancelled within 30 ms, eighteen left somebody."""
    work = place(tmp_path)
    held = wall()
    told = Boundary(cwd=str(work), writable=(str(work),))
    moments = random.Random(7)
    for _ in range(25):
        starts = [asyncio.ensure_future(held.run(["sleep", "60"], told)) for _ in range(3)]
        await asyncio.sleep(moments.random() * 0.03)
        for start in starts:
            start.cancel()
        await asyncio.gather(*starts, return_exceptions=True)
    async with asyncio.timeout(30):
        while left := with_mark(str(work)):
            await asyncio.sleep(0.02)
    assert left == []


@needs_bwrap
async def test_killing_the_factory_at_any_moment_leaves_no_process(tmp_path: Path):
    """The factory is killed once while the wall is built, and once while the command runs."""
    mark = f"factory-mark-{os.getpid()}"
    work = place(tmp_path)
    program = f"""
import asyncio, sys
from factory_tui.adapters.wall import *
from factory_tui.engine.ports import Boundary
async def main():
    held = BwrapSandbox(look_around(find_bwrap()))
    script = "setsid sh -c 'sleep 600; : {mark}' & echo x >> begun; sleep 600; : {mark}"
    told = Boundary(cwd={str(work)!r}, writable=({str(work)!r},))
    print("go", flush=True)
    await asyncio.gather(*(held.run(["sh", "-c", script], told) for _ in range(4)))
asyncio.run(main())
"""
    for wait_for_command in (False, True, False):
        factory = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert factory.stdout is not None
        factory.stdout.readline()
        begun = work / "begun"
        async with asyncio.timeout(60):
            while wait_for_command and not begun.exists():
                await asyncio.sleep(0.01)
        factory.kill()
        factory.wait()
        factory.stdout.close()
        async with asyncio.timeout(30):
            while left := with_mark(mark):
                await asyncio.sleep(0.02)
        assert left == []


async def test_who_watches_ends_what_was_being_built_when_the_factory_is_killed(tmp_path: Path):
    """A group that was told to it and not taken back; one that was taken back lives."""
    mark = f"watched-{tmp_path.name}-{os.getpid()}"
    program = f"""
import os, subprocess
from factory_tui.adapters import wall_guard
begun = [
    subprocess.Popen(["sh", "-c", f"sleep 60; : {mark}-{{n}}"], start_new_session=True, stdin=subprocess.DEVNULL)
    for n in (1, 2, 3)
]
for one in begun:
    wall_guard.building(one.pid)
wall_guard.stands(begun[1].pid)
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    try:
        async with asyncio.timeout(30):
            while with_mark(f"{mark}-1") or with_mark(f"{mark}-3"):
                await asyncio.sleep(0.02)
        assert with_mark(f"{mark}-2")
    finally:
        for pid in pids_with(f"{mark}-2"):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("is_told", [False, True])
async def test_who_watches_ends_what_was_started_when_the_factory_is_killed_before_it_told_its_number(
    tmp_path: Path, is_told: bool
):
    """The control: whoever watches knows of nothing, and it lives."""
    mark = f"unnumbered-{tmp_path.name}-{os.getpid()}"
    script = f"sleep 60; : {mark}"
    program = f"""
import os, subprocess
from factory_tui.adapters import wall_guard
wall_guard.building(999_999_999)
with wall_guard.starting() as ended:
    subprocess.Popen(["sh " + ended, "-c", {script!r}], executable="/bin/sh", stdin=subprocess.DEVNULL)
with wall_guard.starting() as word:
    line = ["sh " + (word if {is_told} else ""), "-c", {script!r} + "-2"]
    subprocess.Popen(line, executable="/bin/sh", stdin=subprocess.DEVNULL)
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    try:
        async with asyncio.timeout(30):
            while is_told and pids_with(f"{mark}-2"):
                await asyncio.sleep(0.02)
        assert bool(pids_with(f"{mark}-2")) is not is_told
        assert with_mark(mark), "what was told to be over is nobody's to end"
    finally:
        for pid in pids_with(mark):
            os.kill(pid, signal.SIGKILL)


def with_mark(mark: str) -> list[str]:
    return [line for _, line in _processes(mark)]


def pids_with(mark: str) -> list[int]:
    return [pid for pid, _ in _processes(mark)]


def _processes(mark: str) -> list[tuple[int, str]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if mark.encode() in line:
                found.append((int(entry.name), line.decode("utf-8", "replace")))
    return found


@needs_bwrap
@pytest.mark.parametrize(("allowed", "made"), [(False, False), (True, True)])
async def test_prepare_reaches_the_network_only_where_the_supervisor_said_so(tmp_path: Path, allowed: bool, made: bool):
    served: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"a package\n")
        served.append(b"asked")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    fetch = f"import socket; print(socket.create_connection(('127.0.0.1', {port}), 5).recv(99).decode())"
    small = SmallRepository(tmp_path, {"lock.txt": "one\n"})
    settings = Dependencies(
        prepare=f'mkdir deps && python3 -c "{fetch}" > deps/package', network=allowed, prepared=("deps",)
    )
    stores = PreparedStores(small.worktrees(), wall(), settings, tmp_path / "prepared")
    try:
        if made:
            assert await stores.ready(small.base)
        else:
            with pytest.raises(WorldError, match="network = true"):
                await stores.ready(small.base)
    finally:
        server.close()
    assert bool(served) is made


USUAL = {
    "asyncio": "import asyncio\nasync def main():\n  r = await asyncio.create_subprocess_exec('echo', 'y', stdout=-1)\n"
    "  print((await r.communicate())[0])\nasyncio.run(main())",
    "a pool of processes": "import multiprocessing as m\nif __name__ == '__main__':\n"
    "  with m.Pool(2) as p: print(p.map(abs, [-1, 2]))",
    "a pool of executors": "from concurrent.futures import ProcessPoolExecutor as P\nif __name__ == '__main__':\n"
    "  with P(2) as p: print(list(p.map(abs, [-1])))",
    "threads and a temporary file": "import threading, tempfile\nt = threading.Thread(target=tempfile.mkstemp)\n"
    "t.start(); t.join()",
    "a loopback server": "import http.server, threading, urllib.request as u\n"
    "s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n"
    "threading.Thread(target=s.handle_request).start()\nu.urlopen(f'http://127.0.0.1:{s.server_port}/')",
}


@needs_bwrap
@pytest.mark.parametrize("name", USUAL)
async def test_what_refused_calls_could_break_works_inside(tmp_path: Path, name: str):
    """No sockets with a path and no files in memory: ordinary Python needs neither."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work/usual.py").write_text(USUAL[name])
    boundary = Boundary(cwd=str(tmp_path / "work"), writable=(str(tmp_path / "work"),))
    result = await BwrapSandbox(look_around(find_bwrap())).run(["python3", "usual.py"], boundary, Limits(seconds=20))
    assert (result.exit_code, result.killed) == (0, ""), result.output


@needs_bwrap
async def test_node_starts_workers_and_children_inside(tmp_path: Path):
    if shutil.which("node", path="/usr/bin:/usr/local/bin") is None:
        pytest.skip("not run: node is missing; `apt-get install nodejs` mends it")
    script = (
        "const {Worker} = require('worker_threads'); const c = require('child_process');"
        "console.log(c.execSync('echo child').toString());"
        "new Worker('console.log(7)', {eval: true}).on('exit', () => console.log('done'))"
    )
    boundary = Boundary(cwd=str(tmp_path), writable=(str(tmp_path),))
    result = await BwrapSandbox(look_around(find_bwrap())).run(["node", "-e", script], boundary, Limits(seconds=20))
    assert (result.exit_code, result.killed) == (0, ""), result.output
    assert b"child" in result.output
    assert b"done" in result.output


@needs_bwrap
async def test_cargo_builds_and_runs_with_vendored_crates_inside(tmp_path: Path):
    cargo = shutil.which("cargo")
    if not cargo or subprocess.run([cargo, "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("not run: no cargo works for this user; `apt-get install cargo` mends it")
    files = {
        "Cargo.toml": '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nadding = "1"\n',
        "src/main.rs": 'fn main() { println!("{}", adding::add(1, 2)); }\n',
        ".cargo/config.toml": '[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "vendor"\n',
        "vendor/adding/Cargo.toml": '[package]\nname = "adding"\nversion = "1.0.0"\nedition = "2021"\n',
        "vendor/adding/src/lib.rs": "pub fn add(a: i32, b: i32) -> i32 { a + b }\n",
        "vendor/adding/.cargo-checksum.json": '{"files":{},"package":null}',
    }
    for name, text in files.items():
        (tmp_path / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / name).write_text(text)
    work = str(tmp_path / "work")
    home = Path.home()
    declared = Dependencies(toolchains=tuple(str(home / one) for one in (".cargo", ".rustup") if (home / one).is_dir()))
    boundary = Boundary(
        cwd=work,
        writable=(work,),
        readable=toolchain_roots(declared),
        environment=toolchain_environment(declared),
    )
    sandbox = BwrapSandbox(look_around(find_bwrap()))
    result = await sandbox.run(["cargo", "run", "--offline", "-q"], boundary, Limits(seconds=90))
    assert (result.exit_code, result.killed) == (0, ""), result.output
    assert result.output.splitlines()[-1] == b"3"
