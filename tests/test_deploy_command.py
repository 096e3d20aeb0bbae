"""`factory deploy`, the real command with a real service: what it refuses and why, what it runs, who sees a secret."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bookings_home import SECRETS, Bookings, bookings
from commands import git

pytestmark = pytest.mark.needs_bwrap


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bookings]:
    """One change has landed; nothing is deployed."""
    with bookings(tmp_path_factory.mktemp("deploying")) as table:
        table.land("one")
        yield table


def refused(table: Bookings, *words: str, code: int = 1, **more: str) -> str:
    return table.factory("deploy", *words, code=code, **more).err


def test_what_is_not_to_be_deployed_is_refused_with_the_reason_and_nothing_runs(table: Bookings) -> None:
    assert "no environment `moon`" in refused(table, "propose", "moon")
    assert "has not landed" in refused(table, "propose", "production", git(table.root, "rev-parse", "HEAD~1"))
    assert "production comes first" in refused(table, "propose", "second")
    assert "freeze window" in refused(table, "propose", "closed")
    assert "DEPLOY_TOKEN is missing" in refused(table, "propose", "production", DEPLOY_TOKEN="")
    table.factory("freeze", "the auditors are here", code=0)
    assert "the auditors are here" in refused(table, "propose", "production")
    table.factory("unfreeze", "they left", code=0)
    assert "there is no deployment" in refused(table, "go", "DP-9")
    assert table.ran == []


def test_a_floor_that_is_made_smaller_is_refused_with_file_and_line_wherever_the_home_is_read(table: Bookings) -> None:
    file = table.root / ".factory" / "deploy.yaml"
    good = file.read_text()
    file.write_text(good.replace('"base_url"', '"min_days_left": 1,\n    "base_url"', 1))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "min_days_left" in text)
    told = table.factory("check", code=1)
    assert f".factory/deploy.yaml line {line}" in told.out + told.err
    assert "21 is the least" in told.out + told.err
    assert "problem" in table.factory("doctor", code=1).out
    file.write_text(good)
    table.factory("check", code=0)


def test_an_approval_is_somebody_elses_for_exactly_what_was_shown_and_goes_stale(table: Bookings) -> None:
    one = table.factory("deploy", "propose", "production", "--json", code=0).json["deployment"]
    assert "it waits" in table.factory("deploy", "go", one, code=4).out, "not approved: nothing is owed"
    assert "exactly this already" in refused(table, "propose", "production")
    assert "nobody approves their own" in table.factory("answer", one, "approve", code=1).err
    table.factory("answer", one, "waive", "--text", "alone", "--sha", "0" * 12, code=1)
    table.factory("answer", one, "waive", "--text", "alone", code=0)
    git(table.root, "commit", "--allow-empty", "-qm", "somebody else's")
    told = table.factory("deploy", "go", one, "--json", code=1).json
    assert (told["stage"], table.ran) == ("refused", [])
    assert "the base moved" in told["why"]


def test_without_a_backup_nothing_is_deployed(table: Bookings) -> None:
    schema = table.service / "data" / "schema"
    schema.rename(schema.with_name("elsewhere"))
    told = table.factory("deploy", "go", table.propose(), "--json", code=1).json
    schema.with_name("elsewhere").rename(schema)
    assert told["stage"] == "refused"
    assert told["why"].startswith("D1")
    assert table.ran == []


def test_the_secrets_reach_the_command_and_nobody_and_nothing_else(table: Bookings) -> None:
    """Looked for in every process while the command runs and a seat works, and in every file afterwards."""
    one = table.propose()
    (table.service / "hold").touch()
    script = table.place / "spy.yaml"
    script.write_text(
        "turns:\n  - role: builder\n    steps:\n      - act:\n          kind: run\n          command: |\n"
        "            env; cat /proc/[0-9]*/environ | tr '\\0' '\\n'; sleep 1234 & i=0\n"
        "            while kill -0 $! && [ $i -lt 600 ]; do sleep 0.05; i=$((i+1)); done; true\n"
        "      - act: {kind: escalate, text: done}\n"
    )
    words = ("run", "--task", "Spy", "--to", "builder", "--headless", "--script", str(script))
    session = subprocess.Popen(
        [sys.executable, "-m", "factory_tui.cli", *words],
        cwd=table.root,
        env=table.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        ship = wait_for(lambda: (table.service / "held").exists() and pid_of("deploy/ship.sh"))
        spy = wait_for(lambda: pid_of("sleep\0001234"))
        holders = {pid for pid, environ in environments() if any(one.encode() in environ for one in SECRETS.values())}
        assert ship in holders, "the control: it is found where it is"
        assert spy not in holders
        assert {command_of(pid) for pid in holders} <= {b"factory_tui.cli", b"bwrap", b"ship.sh", b"sleep 0.05"}
        os.kill(spy, 15)
        (table.service / "hold").unlink()
        printed, _ = session.communicate(timeout=60)
        assert not any(secret.encode() in printed for secret in SECRETS.values())
    finally:
        session.kill()
        session.wait()
    table.read_digest()
    table.factory("answer", "T-2", "drop", "--text", "it was a spy", code=0)
    told = table.factory("deploy", "go", one, "--json", code=0).json
    assert told["stage"] == "verified"
    shown = evidence_texts(table)
    assert any("variable [redacted: DEPLOY_TOKEN], file [redacted: FILE_TOKEN]" in text for text in shown)
    for file in table.place.rglob("*"):
        if file.is_file() and not file.is_symlink() and file != table.place / "token":
            data = file.read_bytes()
            assert not any(secret.encode() in data for secret in SECRETS.values()), file


def test_what_is_verified_is_told_and_taken_back_also_in_a_freeze(table: Bookings) -> None:
    (verified,) = [
        line for line in table.factory("deploy", "status", "production").out.splitlines() if "ledger:" in line
    ]
    assert "verified, by" in verified
    told = table.factory("deploy", "show", verified.partition(" by ")[2].split()[0], "--json", code=0).json
    (run,) = told["checks"]
    assert run["count"] == "33 checks: 30 passed, 3 not applicable, 0 gaps, 0 failed"
    assert len(run["rows"]) == 33
    assert table.running == told["commit"]
    assert "runs there already" in refused(table, "propose", "production")
    back = table.factory("rollback", "production", "--reason", "it bleeds", "--freeze", "--json", code=0).json
    assert (back["stage"], table.running) == ("reverted", "none")
    assert "FROZEN" in table.factory("incident", "list", code=0).out
    assert [line.split()[0] for line in table.ran] == ["deploy", "rollback"]
    table.factory("unfreeze", "healed", code=0)


def test_a_release_made_elsewhere_is_registered_and_checked(table: Bookings) -> None:
    commit = git(table.root, "log", "-1", "--format=%H", "--grep=Note one")
    assert "does not run in production" in refused(table, "register", commit, "--env", "production")
    by_hand = ["deploy", commit, "--approved-by", "CI", "--reviewer", "S-3"]
    subprocess.run([sys.executable, "deploy/release.py", str(table.service), *by_hand], cwd=table.root, check=True)
    assert "the way back is dirty" in refused(table, "propose", "production")
    (table.service / "broken").write_text("nosniff")
    bad = table.factory("deploy", "register", commit, "--env", "production", "--reason", "by CI", "--json", code=1).json
    assert (bad["elsewhere"], bad["stage"], table.running) == (True, "failed", commit), "it is not ours to take back"
    assert bad["incidents"]
    (table.service / "broken").unlink()
    good = table.factory("deploy", "register", commit, "--env", "production", "--json", code=0).json
    assert good["verified"]


def test_a_release_that_lost_a_header_goes_back_and_the_old_one_is_checked_again(table: Bookings) -> None:
    old = table.running
    header = '    "X-Content-Type-Options": "nosniff",'
    steps = f"      - act: {{kind: edit, path: bookings/site.py, old: '{header}', new: ''}}\n"
    new = table.land("two", steps)
    one = table.propose()
    told = table.factory("deploy", "go", one, "--json", code=1).json
    assert (told["commit"], told["stage"], table.running) == (new, "reverted", old)
    assert [run["commit"] for run in told["checks"]] == [new, old]
    # Before the old one nothing ran: what it could go back to does not apply.
    assert [run["count"] for run in told["checks"]] == [
        "33 checks: 32 passed, 0 not applicable, 0 gaps, 1 failed",
        "33 checks: 31 passed, 2 not applicable, 0 gaps, 0 failed",
    ]
    (wrong,) = [row for row in told["checks"][0]["rows"] if row["verdict"] == "fail"]
    assert wrong["id"] == "V21"
    (incident,) = told["incidents"]
    assert "V21" in table.factory("incident", "show", incident, code=0).out
    assert [line.split() for line in table.ran[-2:]] == [["deploy", new], ["rollback", old]]


# --- helpers ----------------------------------------------------------------------------------------


def wait_for(found, seconds: float = 60.0):
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def environments() -> list[tuple[int, bytes]]:
    """Of every process that can be looked at, but this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                found.append((int(entry.name), (entry / "environ").read_bytes()))
            except OSError:
                continue
    return found


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def command_of(pid: int) -> bytes:
    line = command_line(pid).replace(b"\0", b" ")
    for known in (b"bwrap", b"factory_tui.cli", b"ship.sh", b"sleep 0.05"):
        if known in line:
            return known
    return line or b"sleep 0.05"  # it ended meanwhile


def pid_of(words: str) -> int:
    """Of the innermost process with these words; 0 = none."""
    found = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and words.encode() in command_line(int(entry.name))
    ]
    return max(found, default=0)


def evidence_texts(table: Bookings) -> list[str]:
    files = [file for file in (table.state_place / "evidence").rglob("*") if file.is_file()]
    return [file.read_bytes().decode("utf-8", "replace") for file in files]
