"""What a card offers a model, what its calls are taken for, and how often it is asked again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import pytest
from heart import charter

from factory_tui.adapters.model_calls import Call, Calls
from factory_tui.adapters.offered_tools import Unread, action_of, offered_tools
from factory_tui.domain.roles import permits
from factory_tui.domain.terms import ACTION_KINDS, Action, Decision, Finding, FindingAnswer, PlannedTask
from factory_tui.engine.seat_ports import ActionResult, TurnBrief

LAW = charter()
BUILDER, QUALITY, CEO = LAW.role("builder"), LAW.role("quality"), LAW.role("ceo")


_TASK = {"title": "Add", "goal": "Sums", "role": "builder", "criteria": ["so"]}
WHOLE: dict[str, dict[str, object]] = {
    "read": {"path": "a"},
    "search": {"pattern": "a"},
    "edit": {"path": "a", "content": ""},
    "run": {"command": "ls"},
    "commit": {"message": "x"},
    "fetch": {"resource": "package", "target": "x"},
    "plan": {"reasoning": "", "tasks": [_TASK]},
    "hand_over": {"note": ""},
    "report": {"text": "x"},
    "propose": {"path": "memory/DNA.md", "content": "x"},
    "approve": {"path": "memory/DNA.md"},
    "escalate": {"question": "?"},
    "deploy": {"environment": "production"},
}
"""What each tool takes, whole."""


def read(name: str, arguments: object, role: str = "builder", purpose: str = "author") -> Action | Unread:
    return action_of(LAW.role(role), purpose, name, arguments)


@pytest.mark.parametrize("role", [card.id for card in LAW.roles])
@pytest.mark.parametrize("purpose", ["author", "review"])
def test_a_role_is_offered_only_what_its_card_allows(role: str, purpose: str) -> None:
    card = LAW.role(role)
    offered = {tool.name for tool in offered_tools(card, purpose)}
    assert offered <= set(card.actions)
    for kind in set(ACTION_KINDS) - offered:
        became = action_of(card, purpose, kind, WHOLE[kind])
        if kind in card.actions:
            assert isinstance(became, Unread)
            assert not became.is_mapped
        else:
            assert isinstance(became, Action)
            assert permits(card, became)[0].decision is Decision.DENY, "it goes to the desk, and is refused there"


@pytest.mark.parametrize("role", [card.id for card in LAW.roles])
def test_a_schema_refers_to_nothing_and_is_the_same_each_time(role: str) -> None:
    card = LAW.role(role)
    text = json.dumps([tool.schema for tool in offered_tools(card, "author")])
    assert "$ref" not in text
    assert "$defs" not in text
    assert text == json.dumps([tool.schema for tool in offered_tools(card, "author")])
    for tool in offered_tools(card, "author"):
        assert tool.schema["type"] == "object"
        assert tool.schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("read", {"path": "a.py"}, Action(kind="read", path="a.py")),
        ("read", '{"path": "a.py"}', Action(kind="read", path="a.py")),
        ("search", {"pattern": "x", "path": None}, Action(kind="search", pattern="x")),
        ("edit", {"path": "a.py", "content": ""}, Action(kind="edit", path="a.py", content="")),
        ("edit", {"path": "a.py", "old": "x", "new": "y"}, Action(kind="edit", path="a.py", old="x", new="y")),
        ("edit", {"path": "a.py", "delete": "true"}, Action(kind="edit", path="a.py", delete=True)),
        ("run", {"command": "ls"}, Action(kind="run", command="ls")),
        ("commit", {"message": "Add"}, Action(kind="commit", text="Add")),
        ("fetch", {"resource": "package", "target": "x"}, Action(kind="fetch", resource="package", target="x")),
        ("hand_over", {"note": "done"}, Action(kind="hand_over", text="done")),
        ("report", {"text": "so"}, Action(kind="report", text="so")),
        (
            "propose",
            {"path": "memory/DNA.md", "content": "x"},
            Action(kind="propose", path="memory/DNA.md", content="x"),
        ),
        ("escalate", {"question": "which?"}, Action(kind="escalate", text="which?")),
    ],
)
def test_a_call_becomes_exactly_its_action(name: str, arguments: object, action: Action) -> None:
    assert read(name, arguments) == action


def test_a_plan_and_a_review_become_whole_actions() -> None:
    task = {"title": "Add", "goal": "Sums", "role": "builder", "criteria": ["1+2 is 3"], "paths": ["a.py"]}
    planned = PlannedTask(title="Add", goal="Sums", role="builder", criteria=("1+2 is 3",), paths=("a.py",))
    assert read("plan", {"reasoning": "small", "tasks": [task]}, "ceo") == Action(
        kind="plan", text="small", tasks=(planned,)
    )
    review = {
        "checked": ["ran the tests"],
        "findings": [{"severity": "blocks", "title": "off by one", "path": "a.py", "line": "3"}],
        "answers": [{"finding": "F-1", "accepted": False, "reason": "needed"}],
    }
    assert read("report", review, "quality", "review") == Action(
        kind="report",
        checked=("ran the tests",),
        findings=(Finding(severity="blocks", title="off by one", path="a.py", line=3),),
        answers=(FindingAnswer(finding="F-1", accepted=False, reason="needed"),),
    )


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("read", {}, "missing required field `path`"),
        ("read", {"path": "a", "file": "b"}, "unknown field `file`"),
        ("read", [], "no JSON object"),
        ("read", "{", "no JSON"),
        ("read", {"path": 3}, "Expected `str`"),
        ("edit", {"path": "a"}, "exactly one of"),
        ("edit", {"path": "a", "content": "x", "delete": True}, "exactly one of"),
        ("edit", {"path": "a", "content": "x", "new": "y"}, "needs the `old` text"),
        ("fetch", {"resource": "url", "target": ""}, "could not be read"),
        ("teleport", {}, "there is no tool `teleport`"),
        ("deploy", {"to": "prod"}, "there is no tool `deploy`"),
    ],
)
def test_what_cannot_be_read_is_sent_back_with_the_reason(name: str, arguments: object, told: str) -> None:
    became = read(name, arguments)
    assert isinstance(became, Unread)
    assert told in became.reason


def test_a_plan_whose_order_makes_no_sense_is_sent_back() -> None:
    task = {"title": "Add", "goal": "Sums", "role": "builder", "criteria": ["so"], "after": [1]}
    became = read("plan", {"reasoning": "", "tasks": [task]}, "ceo")
    assert isinstance(became, Unread)
    assert "count from 0" in became.reason


# --- asking again --------------------------------------------------------------------------------


@dataclass
class Desk:
    acted: list[Action] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    ok: bool = True

    async def act(self, action: Action) -> ActionResult:
        self.acted.append(action)
        return ActionResult(ok=self.ok, decision="allow", text="done")

    def deny(self, tool: str, arguments: object, reason: str) -> None:
        self.denied.append(tool)


def calls(role: str = "builder", purpose: str = "author") -> Calls:
    return Calls(
        TurnBrief(
            turn=f"{role}/1",
            task="T-1",
            title="",
            role=role,
            purpose=purpose,
            attempt=1,
            text="",
            sha256="",
            directory="",
            card=LAW.role(role),
        )
    )


def carry(turn: Calls, desk: Desk, *made: Call) -> tuple[ActionResult, ...]:
    return asyncio.run(turn.carry(desk, made))  # type: ignore[arg-type]


BAD = Call(name="report", arguments={"findings": "none"})
GOOD = Call(name="report", arguments={"checked": ["ran it"]})
LOOK = Call(name="read", arguments={"path": "a.py"})


def test_a_handover_that_cannot_be_read_is_asked_for_twice_again_then_the_turn_fails() -> None:
    turn, desk = calls("quality", "review"), Desk()
    assert "could not be read" in carry(turn, desk, BAD)[0].text
    carry(turn, desk, LOOK, BAD)
    assert turn.given_up == ""
    carry(turn, desk, BAD)
    assert "`report` could not be read 3 times" in turn.given_up
    assert desk.denied == ["report"] * 3, "each is on record"
    assert [action.kind for action in desk.acted] == ["read"]


def test_a_handover_that_is_read_the_third_time_is_delivered() -> None:
    turn, desk = calls("quality", "review"), Desk()
    carry(turn, desk, BAD)
    carry(turn, desk, BAD)
    carry(turn, desk, GOOD)
    assert (turn.delivered, turn.given_up) == ("report", "")


def test_a_tool_that_does_not_exist_is_denied_on_record_and_never_acted_on() -> None:
    turn, desk = calls(), Desk()
    for name in ("bash", "write_file", "computer"):
        assert not carry(turn, desk, Call(name=name, arguments={}))[0].ok
    assert desk.denied == ["bash", "write_file", "computer"]
    assert desk.acted == []
    assert "no call that could be read" in turn.given_up


def test_many_bad_calls_in_one_answer_count_once_because_it_was_told_only_once() -> None:
    turn, desk = calls(), Desk()
    carry(turn, desk, *[Call(name="bash", arguments={})] * 5)
    assert turn.given_up == ""


def test_nothing_is_done_after_the_delivery() -> None:
    turn, desk = calls(), Desk()
    results = carry(turn, desk, Call(name="hand_over", arguments={"note": "done"}), LOOK)
    assert [result.ok for result in results] == [True, False]
    assert [action.kind for action in desk.acted] == ["hand_over"]


def test_a_refused_delivery_is_no_delivery() -> None:
    turn, desk = calls(), Desk(ok=False)
    carry(turn, desk, Call(name="hand_over", arguments={"note": "done"}))
    assert turn.delivered == ""


def test_one_that_ends_with_nothing_delivered_is_asked_twice_how_to_go_on() -> None:
    turn = calls()
    assert "`commit`, then `hand_over`" in turn.ask_again()
    assert turn.ask_again()
    assert turn.ask_again() == ""
    assert "with nothing delivered" in turn.given_up
