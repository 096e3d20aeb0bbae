"""The command line: the whole path of a person's task, and what each command says and exits with."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import PRODUCT, Desk, Running, desk, git, settled_desk, write

THREE = {
    "adder.py": "def add(a, b, c=0):\n    return a + b + c\n",
    "test_adder.py": PRODUCT["test_adder.py"]
    + "\n    def test_three(self):\n        self.assertEqual(adder.add(1, 2, 3), 6)\n",
}
TASK = ("--task", "Adding takes three numbers", "--to", "builder", "--criterion", "add(1, 2, 3) is 6")


def start(table: Desk) -> None:
    """A person's turn as builder waits, its session over, its digest read."""
    done = table.factory("run", *TASK, "--mode", "flow", "--headless", code=4)
    assert str(table.worktree()) in done.out
    table.read_digest()


# --- the whole path ------------------------------------------------------------------------------


def test_a_person_goes_from_init_to_a_landed_commit_with_commands_alone(tmp_path: Path) -> None:
    table = desk(tmp_path)
    write(table.root, {"README.md": "# mine, not yet committed\n"})
    table.factory("init", "--yes", "--digests", "ignored", code=0)
    told = table.factory("run", *TASK, "--headless", code=4)
    assert "H-1" in told.out
    assert "no turn starts before" in table.factory("resume", "--headless", code=4).err
    table.read_digest()
    brief = table.factory("inbox", "H-1", code=0).out
    assert "add(1, 2, 3) is 6" in brief
    sha256 = table.waiting()["H-1"]["sha256"]
    assert table.factory("answer", "H-1", "approve", "--sha", "0" * 12).code == 1
    table.factory("answer", "H-1", "approve", "--sha", sha256[:12], code=0)
    assert str(table.worktree()) in table.factory("resume", "--headless", code=4).out
    write(table.worktree(), THREE)

    assert "unread" in table.factory("handover", "T-1", code=4).err
    table.read_digest()
    done = table.factory("handover", "T-1", "--message", "Add a third number", "--note", "three", code=4)
    assert "level 2 (smoke): PASS, 2 passed" in done.out
    table.read_digest()

    table.factory("answer", "H-2", "approve", code=0)
    shown = table.factory("resume", "--headless", code=4).out
    form = Path(next(line.split(maxsplit=2)[2] for line in shown.splitlines() if line.startswith("Fill in")))
    table.read_digest()
    assert "checked" in table.factory("handover", "T-1", code=1).err  # an empty form reviewed nothing
    table.read_digest()
    form.write_text(form.read_text().replace("checked: []", "checked: [ran the tests by hand]"))
    table.factory("handover", "T-1", "--form", str(form), code=4)
    table.read_digest()

    item = table.waiting()["T-1"]
    assert "not independent" in item["title"]
    assert item["verbs"][0] == "waive"
    assert table.factory("answer", "T-1", "approve").code == 1
    waived = table.factory("answer", "T-1", "waive", "--text", "I am alone today", "--json", code=0).json
    table.factory("answer", "T-1", "approve", code=0)
    before = git(table.root, "rev-parse", "main")
    over = table.factory("resume", "--headless", "--json", code=0).json
    assert over["over"]
    assert [task["stage"] for task in over["closed"]] == ["landed"]
    assert git(table.root, "show", "factory/T-1:adder.py").startswith("def add(a, b, c=0)")
    assert git(table.root, "rev-parse", "main") == before
    assert (table.root / "README.md").read_text() == "# mine, not yet committed\n"
    assert table.factory("verify", "--json", code=0).json["damage"] is None
    assert table.factory("replay", "--json", code=0).json["same"]
    assert "I am alone today" in table.factory("replay", "--json", "--at", str(waived["entries"][0]), code=0).out


def test_a_red_tree_is_not_committed_and_stays_with_the_person(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    start(table)
    write(table.worktree(), {"adder.py": "def add(a, b):\n    return a - b\n"})
    told = table.factory("handover", "T-1", code=1)
    assert "stays with you" in told.err
    assert "test_add" in told.err
    assert git(table.root, "branch", "--list", "factory/*") == ""


def test_a_brief_released_before_the_digest_was_read_is_sealed_again_with_it(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    table.factory("run", *TASK, "--headless", code=4)
    before = table.waiting()["H-1"]["sha256"]
    table.read_digest()
    after = table.waiting()["H-1"]["sha256"]
    assert after != before
    assert "What happened in the session before" in table.factory("inbox", "H-1", code=0).out
    assert table.factory("answer", "H-1", "approve", "--sha", before[:12]).code == 1
    table.factory("answer", "H-1", "approve", "--sha", after[:12], code=0)
    assert table.factory("status", "--json").json["tasks"][0]["stage"] == "released"


# --- at a terminal -------------------------------------------------------------------------------


@pytest.mark.needs_bwrap
def test_behind_a_wall_that_holds_there_is_nothing_to_accept(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    done = table.factory("run", *TASK, "--mode", "flow", "--headless", "--accept-degraded", code=4)
    assert "wall: bwrap" in done.out
    assert "DEGRADED" not in table.factory("digest", code=0).out


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_session_with_its_digest(tmp_path: Path, how: signal.Signals) -> None:
    table = settled_desk(tmp_path)
    with Running(table, "run", *TASK) as running:
        running.until("Answer here")
        assert running.end(how) == 130
    status = table.factory("status", "--json", code=0).json
    assert not status["session"]["open"]
    digest = table.factory("digest", code=0).out
    assert f"interrupted by {how.name}" in digest


def test_other_commands_reach_the_factory_that_runs(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    with Running(table, "run", *TASK, "--mode", "flow") as running:
        running.until("Answer here")
        assert table.factory("status", "--json", code=0).json["running"]
        assert "factory flow | builder/b1 | 1 for you" in table.factory("status", "--line", code=0).out
        assert "runs in this repository already" in table.factory("resume", "--headless", code=1).err
        write(table.worktree(), THREE)
        assert "handed over" in table.factory("handover", "T-1", code=0).out
        running.until("quality/q1 begins")
        assert "session 1" in table.factory("digest", "--preview", code=0).out.lower()
        table.factory("mode", "step", code=0)
        assert running.end() == 130


def test_a_line_typed_where_the_factory_runs_is_an_answer_and_free_text_is_none(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    with Running(table, "run", *TASK) as running:
        running.until("Answer here")
        running.type("yes please")
        running.until("yes")
        running.type("H-1 sure")
        running.until("H-1 approve|")
        assert table.factory("status", "--json").json["tasks"][0]["stage"] == "offered"
        running.type("H-1 approve")
        running.until("builder/b1 begins")
        running.type("quit")
        running.until("digest: ")
        assert running.ended() == 4


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A settled desk for what changes nothing."""
    return settled_desk(tmp_path_factory.mktemp("calm"))


# --- each command --------------------------------------------------------------------------------


def test_nothing_heavy_is_imported_to_say_the_version() -> None:
    heavy = "{'msgspec', 'yaml', 're2', 'git', 'textual', 'asyncio', 'anthropic'}"
    line = f"import sys; from factory_tui import cli; sys.exit(sorted({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_a_home_factory_offers_init_and_elsewhere_the_demo_and_never_asks_without_a_terminal(
    tmp_path: Path, calm: Desk
) -> None:
    table = desk(tmp_path)
    assert "factory init" in table.factory(code=0).out
    assert "No session yet" in calm.factory(code=0).out
    elsewhere = Desk(root=tmp_path, place=tmp_path)
    assert "factory demo" in elsewhere.factory(code=0).out
    assert (
        "No session yet"
        in settled_desk(tmp_path / "b" if (tmp_path / "b").mkdir() is None else tmp_path).factory(code=0).out
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("status", "--nonsense"), 2, "--help"),
        (("run",), 2, "say what shall be done"),
        (("run", "--task", "x"), 2, "a task needs a role"),
        (("run", "--task", "x", "--to", "nobody", "--headless"), 2, "nobody"),
        (("run", "--task", "x", "--to", "builder", "--seat", "builder=robot", "--headless"), 2, "robot"),
        (("run", "--task", "x", "--to", "builder", "--seat", "builder=rehearsal"), 2, "--script"),
        (("resume",), 1, "no mission is under way"),
        (("mode", "flow"), 1, "no factory runs"),
        (("answer", "H-1", "approve"), 1, "factory run"),
        (("handover", "T-1"), 1, "T-1"),
        (("verify",), 1, "no ledger yet"),
        (("digest",), 1, "no digest"),
        (("digest", "soon"), 1, "is no session"),
        (("rules", "why"), 2, "name a rule"),
        (("rules", "why", "Z99"), 1, "Z99"),
        (("rehearse", "no-such-branch"), 2, "no-such-branch"),
        (("rules", "noise", "--", "--output=/tmp/x"), 2, "no range"),
    ],
)
def test_a_slip_is_told_with_what_to_do_next(calm: Desk, words: tuple[str, ...], code: int, said: str) -> None:
    told = calm.factory(*words)
    assert not list(calm.place.rglob("ledger.jsonl"))
    assert told.code == code, told
    assert said in told.err
    assert "next:" in told.err or "why:" in told.err


def test_a_mistake_of_ours_goes_into_a_log_and_exits_with_3(tmp_path: Path) -> None:
    line = (
        "import sys\nfrom factory_tui.cli.ending import ended\n"
        "def broken(): raise ZeroDivisionError('by us')\nsys.exit(ended(broken))"
    )
    environment = settled_desk(tmp_path).environment
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    logs = list((tmp_path / "state" / "factory" / "log").iterdir())
    assert len(logs) == 1
    assert "ZeroDivisionError: by us" in logs[0].read_text()
    assert logs[0].stat().st_mode & 0o777 == 0o600


def test_check_names_the_line_of_a_problem_and_the_fact_that_a_rule_misses(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    told = table.factory("check", "--json", code=0).json
    assert told["valid"]
    assert told["rules_enforced"] == told["rules_loaded"] - len(told["not_enforced"])
    assert all(one["missing"] for one in told["not_enforced"])
    settings = table.root / ".factory" / "factory.toml"
    settings.write_text(settings.read_text() + "[pacing]\nmode = 'flow'\n")
    problems = table.factory("check", "--json", code=1).json["problems"]
    assert problems[0]["path"].endswith("factory.toml")
    assert problems[0]["line"] == 9


def test_rules_answer_why_and_run_their_own_cases(calm: Desk) -> None:
    denied = calm.factory("rules", "why", "--role", "builder", "--command", "git stash", "--json", code=0).json
    assert denied["decision"] == "deny"
    assert denied["matches"][0]["reason"]
    assert "What happened" in calm.factory("rules", "why", "S1", code=0).out
    cases = calm.factory("rules", "test", "--json", code=0).json
    assert cases["catches"] > 50
    assert cases["problems"] == []


def test_the_gate_rehearses_on_commits_that_were_accepted_and_stops_a_red_one(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    write(table.root, THREE)
    git(table.root, "commit", "-qam", "Three")
    write(table.root, {"adder.py": "def add(a, b, c=0):\n    return 0\n"})
    git(table.root, "commit", "-qam", "Break it")
    noise = table.factory("rules", "noise", "2", "--json", code=0).json
    assert noise["report"]["commits"] == 2
    rows = table.factory("rehearse", "HEAD~2..HEAD", "--json", code=1).json["commits"]
    assert [(row["subject"], row["level2"]) for row in rows] == [("Break it", "fail"), ("Three", "pass")]
    assert not (table.state_place / "ledger.jsonl").exists()


def test_a_repository_without_a_home_hears_what_the_shipped_rules_say_of_its_history(tmp_path: Path) -> None:
    table = desk(tmp_path)
    write(table.root, THREE)
    git(table.root, "commit", "-qam", "Three")
    assert table.factory("rules", "noise", "1", "--json", code=0).json["report"]["commits"] == 1
    rows = table.factory("rehearse", "1", "--no-smoke", "--json", code=0).json["commits"]
    assert [row["subject"] for row in rows] == ["Three"]
    assert "factory init" in table.factory("rehearse", "1", code=1).err
    assert not (table.root / ".factory").exists()


def test_a_changed_home_is_adopted_only_by_an_explicit_yes(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    start(table)
    dna = table.root / ".factory" / "memory" / "DNA.md"
    dna.write_text(dna.read_text() + "\nAdding takes integers only.\n")
    shown = table.factory("adopt", code=4)
    assert "+Adding takes integers only." in shown.out
    before = table.factory("status", "--json").json["charter"]
    assert table.factory("adopt", "--yes", "--json", code=0).json["charter"] != before
    assert table.factory("status", "--json").json["charter"] != before


def test_text_of_others_cannot_steer_the_terminal(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    table.factory("run", "--task", "red \x1b[31m\u202e text", "--to", "builder", "--headless", code=4)
    told = table.factory("status", code=0).out + table.factory("inbox", "H-1", code=0).out
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "\\u001b[31m" in told


def test_the_doctor_names_what_is_missing_and_the_command_that_mends_it(tmp_path: Path, calm: Desk) -> None:
    found = {one["about"]: one for one in calm.factory("doctor", "--json", code=0).json["answers"]}
    assert found["home"]["state"] == "ok"
    bare = Desk(root=tmp_path, place=tmp_path).factory("doctor", "--json", code=1).json["answers"]
    assert next(one for one in bare if one["about"] == "home")["state"] == "missing"


def test_every_json_answer_is_versioned_and_its_keys_are_documented(calm: Desk) -> None:
    page = (Path(__file__).parent.parent / "docs" / "json.md").read_text()
    told = [
        calm.factory(*words, "--json").json
        for words in (("status",), ("inbox",), ("check",), ("rules", "test"), ("rules", "why", "S1"), ("doctor",))
    ]
    for document in told:
        assert document["version"] == 1
        missing = [key for key in document if key not in ("version", "kind") and key not in page]
        assert not missing, (document["kind"], missing)


def test_one_turn_is_steered_from_another_shell(tmp_path: Path) -> None:
    table = settled_desk(tmp_path)
    with Running(table, "run", *TASK, "--mode", "flow") as running:
        running.until("Answer here")
        assert "is interrupted" not in running.shown
        assert "said to T-1" in table.factory("message", "T-1", "keep the name", code=0).out
        assert "stops after" in table.factory("pause", "T-1", "look", code=0).out
        assert table.factory("status", "--json").json["turns"][0]["paused"] == "look"
        assert table.factory("status", "--json").json["paused"] == ""
        assert "goes on" in table.factory("unpause", "builder/b1", code=0).out
        assert table.factory("status", "--json").json["turns"][0]["paused"] == ""
        assert "no turn called T-9 runs" in table.factory("pause", "T-9", code=1).err
        table.factory("retire", "T-1", "--text", "it loops", code=0)
        running.until("T-1 is stuck")
        assert [item["kind"] for item in table.waiting().values()] == ["stuck"]
        assert running.end() == 130
    told = (table.root / ".factory" / "memory" / "digests" / "session-0001.md").read_text()
    assert "said to builder/b1 (W-1): keep the name" in told
    assert "retired builder/b1, its task parked: it loops" in told
