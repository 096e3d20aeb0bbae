"""An agent on another machine: at the other end of a real ssh, to a server of our own on loopback."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from acp_seats import AGENT, acp_kit
from desks import RecordingDesk, brief_for
from test_acp import DELIVER, programs

from factory_tui.adapters.enclosure import BoundaryAt, Program, open_plain
from factory_tui.adapters.seats.acp.seat import AcpSeat
from factory_tui.domain.limits import misfit
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import SeatOutcome
from factory_tui.engine.sitting import sit

pytestmark = [pytest.mark.needs_acp, pytest.mark.needs_sshd]


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The words that call our server: own host key, own settings, own port, own login key."""
    place = tmp_path_factory.mktemp("sshd")
    for name in ("host", "login"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shutil.copyfile(place / "login.pub", place / "authorized")
    (place / "server").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nAuthorizedKeysFile {place}/authorized\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM no\nPidFile none\n"
        "PermitRootLogin prohibit-password\n"
    )
    host_key = " ".join((place / "host.pub").read_text().split()[:2])
    (place / "known").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (place / "client").write_text(
        f"Host far\nHostName 127.0.0.1\nPort {port}\nUser {getpass.getuser()}\nIdentityFile {place}/login\n"
        f"IdentitiesOnly yes\nUserKnownHostsFile {place}/known\nStrictHostKeyChecking yes\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as its own service makes it
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin") or "sshd"
    log = (place / "log").open("wb")
    server = subprocess.Popen([program, "-D", "-e", "-f", str(place / "server")], stderr=log, stdin=subprocess.DEVNULL)
    try:
        until(lambda: server.poll() is not None or answers(port))
        assert server.poll() is None, (place / "log").read_text()
        yield ("ssh", "-F", str(place / "client"), "far")
    finally:
        server.terminate()
        server.wait(timeout=60)
        log.close()


def answers(port: int) -> bool:
    with socket.socket() as line:
        line.settimeout(0.2)
        return line.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def seat(tmp_path: Path, words: Sequence[str]) -> AcpSeat:
    async def line(argv: Sequence[str], boundary_at: BoundaryAt) -> Program:
        return await open_plain(argv, boundary_at, tmp_path / "plain")

    return AcpSeat(acp_kit(tmp_path, open=line, contained=False, where="far", argv=tuple(words), readable=()))


def agent(mark: Path) -> str:
    return f"{sys.executable} -u {AGENT} {mark}"


async def play(made: AcpSeat, desk: RecordingDesk, *lines: str) -> SeatOutcome:
    brief = brief_for(text="DO:\n" + "\n".join(lines) + "\nEND")
    return await sit(made, replace(brief, directory="/nonexistent"), desk, 30)


async def test_it_says_where_it_runs_sees_nothing_here_and_works_by_calls(ssh: tuple[str, ...], tmp_path: Path) -> None:
    made, desk = seat(tmp_path, (*ssh, agent(tmp_path))), RecordingDesk()
    assert (made.facts.where, made.facts.contained, made.facts.gates_every_call) == ("far", False, True)
    read = 'call {"tool": "read", "arguments": {"path": "a.py"}}'
    outcome = await play(made, desk, "caps", "env SSH_CONNECTION", "read /etc/hostname", "run id", read, DELIVER)
    assert outcome == SeatOutcome(kind="ok"), outcome
    assert desk.acted == [Action(kind="read", path="a.py"), Action(kind="hand_over", text="done")]
    assert '"readTextFile": false, "writeTextFile": false' in desk.said
    assert "127.0.0.1" in desk.said, "it really is a login"
    assert sorted(desk.denied) == ["fs/read_text_file", "terminal/create"]
    assert desk.notices[0] == ("note", "runs at far: no wall of ours holds it there; it sees no file here")
    until(lambda: programs(str(tmp_path)) == [])


def test_a_role_for_contained_seats_alone_is_never_filled_by_one(tmp_path: Path) -> None:
    from heart import charter
    from msgspec.structs import replace as changed

    facts = seat(tmp_path, ("ssh", "far", "x")).facts
    card = charter().role("builder")
    assert misfit(changed(card, contained=False), facts) == ""
    assert "for a contained seat only" in misfit(changed(card, contained=True), facts)


async def cut_off(ssh: tuple[str, ...], tmp_path: Path) -> list[int]:
    """Kills the ssh at our end while the agent and a child of its own run there. Their numbers."""
    made, desk = seat(tmp_path, (*ssh, agent(tmp_path))), RecordingDesk()
    turn = asyncio.ensure_future(play(made, desk, "own", "hang"))
    async with asyncio.timeout(60):
        while "started" not in desk.said:
            await asyncio.sleep(0.02)
    child = int(desk.said.partition("started ")[2].split()[0])
    there = [pid for pid in programs(str(tmp_path)) if AGENT.encode() in cmdline(pid) and name(pid) != "ssh"]
    for pid in programs(str(tmp_path)):
        if name(pid) == "ssh":
            os.kill(pid, signal.SIGKILL)
    assert (await turn).kind == "failed"
    return [child, *there]


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_when_the_line_is_cut_nothing_of_it_stays_there(ssh: tuple[str, ...], tmp_path: Path) -> None:
    left = await cut_off(ssh, tmp_path)
    assert len(left) >= 2
    until(lambda: not any(runs(pid) for pid in left))


async def test_without_the_guard_what_it_started_would_stay(ssh: tuple[str, ...], tmp_path: Path) -> None:
    """The control: the same call, which is not known for what it is behind another word."""
    child, *_ = await cut_off(("env", *ssh[:1], "-T", *ssh[1:]), tmp_path)
    assert runs(child)
    os.kill(child, signal.SIGKILL)


async def test_an_interrupt_ends_it_at_both_ends(ssh: tuple[str, ...], tmp_path: Path) -> None:
    made, desk = seat(tmp_path, (*ssh, agent(tmp_path))), RecordingDesk()
    turn = asyncio.ensure_future(play(made, desk, "never"))
    async with asyncio.timeout(60):
        while "tick" not in desk.said:
            await asyncio.sleep(0.02)
    turn.cancel()
    await asyncio.wait([turn])
    assert turn.cancelled()
    until(lambda: programs(str(tmp_path)) == [])


async def test_a_machine_that_cannot_be_reached_fails_the_turn_with_what_ssh_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made, desk = seat(tmp_path, ("ssh", "-p", str(port), "127.0.0.1", "agent")), RecordingDesk()
    outcome = await play(made, desk, DELIVER)
    assert outcome.kind == "failed"
    assert "Connection refused" in outcome.note
