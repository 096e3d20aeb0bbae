"""The real command killed while it deploys, checks and takes back a real service; what is told and done afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from bookings_home import Bookings, bookings

pytestmark = pytest.mark.needs_bwrap


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bookings]:
    with bookings(tmp_path_factory.mktemp("killing")) as table:
        table.land("one")
        yield table


def raw(table: Bookings) -> list[str]:
    return (table.state_place / "ledger.jsonl").read_text().splitlines()


def ledger(table: Bookings) -> list[dict]:
    return [event for line in raw(table) for event in json.loads(line)["body"].get("events", [])]


def killed(table: Bookings, *words: str, when: Callable[[], object]) -> None:
    """The command, ended by the kernel as soon as something is so."""
    process = subprocess.Popen(
        [sys.executable, "-m", "factory_tui.cli", *words],
        cwd=table.root,
        env=table.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    try:
        while not when():
            assert process.poll() is None, "it ended before"
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()


def recorded(table: Bookings, tag: str, times: int) -> Callable[[], bool]:
    return lambda: sum(f'"{tag}"' in line for line in raw(table)) >= times


def held(table: Bookings) -> Callable[[], bool]:
    """The command that is under way begins to wait."""
    for name in ("hold", "held"):
        (table.service / name).unlink(missing_ok=True)
    (table.service / "hold").touch()
    return (table.service / "held").exists


def let_go(table: Bookings) -> None:
    (table.service / "hold").unlink()


def approvals_spent_once(table: Bookings) -> bool:
    spent = Counter(event["approval"] for event in ledger(table) if event["type"] == "deployment.intended")
    return bool(spent) and set(spent.values()) == {1}


def shown(table: Bookings, id: str, code: int) -> dict:
    return table.factory("deploy", "go", id, "--json", code=code).json


def test_killed_while_the_command_runs_the_world_is_asked_and_nothing_is_tried_again(table: Bookings) -> None:
    one = table.propose()
    killed(table, "resume", "--headless", "--script", table.script("one"), when=held(table))
    let_go(table)
    assert "nothing runs there" in table.factory("deploy", "status", "production", code=0).out
    told = shown(table, one, code=1)
    assert (told["stage"], table.running) == ("failed", "none")
    assert "nothing runs there" in told["why"]
    assert len(table.ran) == 1
    assert approvals_spent_once(table)
    assert shown(table, one, code=1)["stage"] == "failed", "an end is an end"
    assert len(table.ran) == 1


def test_killed_while_the_checks_run_they_run_again_and_the_release_is_deployed_once(table: Bookings) -> None:
    settled = sum('"deployment.settled"' in line for line in raw(table))
    one = table.propose()
    killed(table, "deploy", "go", one, when=recorded(table, "deployment.settled", settled + 1))
    commit = table.running
    assert commit != "none"
    assert f"{commit} runs there" in table.factory("deploy", "status", "production", code=0).out
    told = shown(table, one, code=0)
    assert (told["stage"], table.running) == ("verified", commit)
    assert len(told["checks"]) == 1
    assert [line.split()[0] for line in table.ran] == ["deploy", "deploy"]
    assert approvals_spent_once(table)


def test_killed_on_the_way_back_it_is_gone_again_from_where_the_world_is(table: Bookings) -> None:
    (one,) = {event["deployment"] for event in ledger(table) if event["type"] == "deployment.checked"}
    killed(table, "rollback", "production", "--reason", "it bleeds", when=held(table))
    assert table.running != "none"
    let_go(table)
    told = shown(table, one, code=1)
    assert (told["stage"], table.running) == ("reverted", "none")
    assert approvals_spent_once(table)
    assert "nothing runs there" in table.factory("deploy", "status", "production", code=0).out
