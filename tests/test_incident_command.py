"""`factory incident` in a real repository: from the record to a rule in force, without a word of it made up."""

from __future__ import annotations

import json
from pathlib import Path

from commands import Desk, settled_desk

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


def test_a_rule_goes_from_the_record_into_force_and_into_the_home(tmp_path: Path) -> None:
    desk = begun(tmp_path)
    turns = [
        entry["seq"]
        for number in range(1, 40)
        if (done := desk.factory("replay", "--at", str(number), "--json")).code == 0
        and (entry := done.json["entry"])["event"]["type"] == "turn.started"
    ][:1]
    assert turns
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
    adopted = desk.factory("incident", "adopt", "I-1", "--json", code=0).json
    assert adopted["adopted"] is True
    assert (desk.root / ".factory" / adopted["path"]).read_text().startswith("---\nid: P101")
    assert "haste" in (desk.root / ".factory" / adopted["record"]).read_text()
    assert desk.factory("check", "--json", code=0).json["valid"]
    assert desk.factory("incident", "show", "I-1", "--json", code=0).json["closed"] == "rule P101"
    assert "I-1" not in desk.waiting()


def written(place: Path, text: str) -> str:
    file = place / "P101-it-began.md"
    file.write_text(text)
    return str(file)
