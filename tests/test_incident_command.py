"""`factory incident` in a real repository: from the record to a rule in force, without a word of it made up."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from commands import Desk, settled_desk
from real_git import CLEAN, git, write

NEAR = "the nearest command that must pass"


def begun(tmp_path: Path) -> Desk:
    """A session with a task, ended: there is a ledger."""
    desk = settled_desk(tmp_path, "flow")
    desk.factory("run", "--task", "Add subtraction", "--to", "builder", code=4)
    desk.read_digest()
    return desk


def test_an_incident_is_opened_told_and_closed_from_another_shell(tmp_path: Path) -> None:
    desk = begun(tmp_path)
    opened = desk.factory("incident", "open", "The page is down", "--cost", "an hour", "--json", code=0).json
    assert (opened["id"], opened["cost"], opened["frozen"]["landings"]) == ("I-1", "an hour", True)
    assert "I-1" in desk.waiting()
    assert "FROZEN" in desk.factory("incident", "list", code=0).out
    desk.factory("unfreeze", "it is up", code=0)
    desk.factory("incident", "fill", "I-1", "--when", "noon", "--level", "4", "--entry", "1", code=0)
    shown = desk.factory("incident", "show", "i-1", "--json", code=0).json
    assert (shown["when"], shown["level"], shown["evidence"]) == ("noon", 4, [1])
    assert desk.factory("incident", "close", "I-1", "--reason", "a cable", code=0).out.startswith(
        "I-1 The page is down"
    )
    refused = desk.factory("incident", "fill", "I-1", "--when", "x", code=1)
    assert "I-1 is closed: a cable" in refused.err
    assert desk.factory("incident", "list", "--json", code=0).json["frozen"] is None


def proven(tmp_path: Path) -> Desk:
    """An incident whose rule is proven, and whose form is filled."""
    desk = begun(tmp_path)
    lines = (desk.state_place / "ledger.jsonl").read_text().splitlines()
    bodies = [json.loads(line)["body"] for line in lines[1:]]
    turns = [
        body["seq"] + number
        for body in bodies
        for number, event in enumerate(body["events"])
        if event["type"] == "turn.started"
    ]
    shown = desk.factory("replay", "--at", str(turns[0]), "--json", code=0).json["entry"]
    assert shown["event"]["type"] == "turn.started"
    desk.factory("incident", "open", "It began", "--cost", "1", "--when", "now", "--root-cause", "haste", code=0)
    nothing = desk.factory("incident", "draft", "I-1", code=1)
    assert "names no entry" in nothing.err
    desk.factory("incident", "fill", "I-1", "--entry", str(turns[0]), code=0)
    text = desk.factory("incident", "draft", "I-1", code=0).out
    unfinished = desk.factory("incident", "draft", "I-1", "--file", written(tmp_path, text), code=1)
    assert "not finished" in unfinished.err
    state = json.loads(next(line for line in text.splitlines() if line.startswith('- {"role"'))[2:])["state"]
    near = {"role": "builder", "state": {"task": {"next_action": "retry"}}}
    check = {"kind": "state", "violates_when": {"path": "task.next_action", "op": "eq", "value": "start"}}
    assert state["task"]["next_action"] == "start"
    lines = [
        f"check: {json.dumps(check)}" if line.startswith("check:") else line.replace("REPLACE:", "Say")
        for line in text.splitlines()
    ]
    place = lines.index("allows:") + 1
    lines[place] = f"- {json.dumps(near)}"
    desk.factory("incident", "draft", "I-1", "--file", written(tmp_path, "\n".join(lines)), code=0)
    proof = desk.factory("incident", "prove", "I-1", code=0).out
    assert "PASS, fired on 1 of 1 recorded; silent on 0 benign events" in proof
    assert "of 200; no more are on record" in proof
    return desk


def test_a_rule_goes_from_the_record_into_force_and_into_a_commit_of_the_home(tmp_path: Path) -> None:
    desk = proven(tmp_path)
    write(desk.root, {"README.md": "changed\n", "staged.txt": "mine\n", "untracked.txt": "mine too\n"})
    git(desk.root, "add", "staged.txt")
    before = git(desk.root, "rev-parse", "HEAD")
    adopted = desk.factory("incident", "adopt", "I-1", "--json", code=0).json
    assert adopted["adopted"] is True
    assert (desk.root / ".factory" / adopted["path"]).read_text().startswith("---\nid: P101")
    assert "haste" in (desk.root / ".factory" / adopted["record"]).read_text()
    assert desk.factory("check", "--json", code=0).json["valid"]
    assert desk.factory("incident", "show", "I-1", "--json", code=0).json["closed"] == "rule P101"
    assert "I-1" not in desk.waiting()
    made = git(desk.root, "rev-parse", "HEAD")
    assert (adopted["commit"]["sha"], adopted["commit"]["by"]) == (made, "factory")
    assert git(desk.root, "rev-parse", "HEAD^") == before
    names = git(desk.root, "show", "--format=%an <%ae>%n%s", "--name-only", made).split("\n")
    assert names == [
        "Ann <ann@example.invalid>",
        "Adopt P101, born from I-1",
        "",
        f".factory/{adopted['record']}",
        f".factory/{adopted['path']}",
    ]
    status = git(desk.root, "status", "--porcelain").split("\n")
    assert [line.strip() for line in status] == ["M README.md", "A  staged.txt", "?? untracked.txt"]
    told = desk.factory("incident", "show", "I-1", code=0).out
    assert f"committed on main as {made[:10]}; nobody vouches for that commit yet" in told
    assert f"factory vouch {made[:10]}" in told, "no key of the supervisor's is set up here"
    again = desk.factory("incident", "commit", "I-1", code=1)
    assert f"both are committed, as {made[:10]}" in again.err
    assert git(desk.root, "rev-parse", "HEAD") == made


def test_what_cannot_be_committed_is_in_force_said_with_its_reason_and_committed_later(tmp_path: Path) -> None:
    desk = proven(tmp_path)
    head = git(desk.root, "rev-parse", "HEAD")
    git(desk.root, "checkout", "-q", "--detach")
    told = desk.factory("incident", "adopt", "I-1", code=0).out
    assert "P101 is in force, for good; I-1 is closed by it" in told
    assert "not committed: HEAD is detached" in told
    assert "git add -f -- " in told
    assert git(desk.root, "rev-parse", "HEAD") == head
    assert "HEAD is detached" in desk.factory("incident", "commit", "I-1", code=1).out
    git(desk.root, "checkout", "-q", "main")
    later = desk.factory("incident", "commit", "I-1", code=0).out
    assert f"committed on main as {git(desk.root, 'rev-parse', 'HEAD')[:10]}" in later


def test_the_printed_command_does_the_same_and_is_seen_at_the_next_start(tmp_path: Path) -> None:
    desk = proven(tmp_path)
    git(desk.root, "config", "--unset", "user.email")
    told = desk.factory("incident", "adopt", "I-1", code=0).out
    assert "not committed: git knows no user.name and user.email for you here" in told
    (command,) = (line for line in told.splitlines() if line.strip().startswith("git add"))
    subprocess.run(["sh", "-ec", command], cwd=desk.root, env=CLEAN, check=True)
    assert "not committed" in desk.factory("incident", "show", "I-1", code=0).out
    desk.factory("resume", code=4)
    made = git(desk.root, "rev-parse", "HEAD")
    assert f"committed by hand on main as {made[:10]}" in desk.factory("incident", "show", "I-1", code=0).out


def written(place: Path, text: str) -> str:
    file = place / "P101-it-began.md"
    file.write_text(text)
    return str(file)
