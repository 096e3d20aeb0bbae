"""The whole way of a task, with real git, real commands and real files; only the minds are made up."""

from __future__ import annotations

from pathlib import Path

from crew import (
    SUPERVISOR,
    answer,
    approve_all,
    commit_and_hand_over,
    git,
    make_crew,
    settled,
    small_task,
    stages,
    write,
)

from factory_tui.domain import commands as c
from factory_tui.domain.terms import Action, Finding, PlannedTask
from factory_tui.engine.seat_ports import Desk, TurnBrief


async def build_sub(brief: TurnBrief, desk: Desk) -> None:
    done = await write(desk, "adder.py", "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n")
    assert done.ok, done.text
    handed = await commit_and_hand_over(desk, "Subtract")
    assert handed.ok, handed.text


async def test_a_small_change_goes_all_the_way_with_one_approval(tmp_path: Path) -> None:
    crew = make_crew(tmp_path, {"builder": build_sub, "quality": approve_all})
    before = git(crew.root, "rev-parse", "main")
    async with crew.session() as house:
        await small_task(house, "Add subtraction")
        items = await settled(house)
        assert [(item.kind, item.id) for item in items] == [("change", "T-1")], items
        answer(house, "T-1", "approve")
        await settled(house)
        assert stages(house.state) == {"T-1": "landed"}
        mission = house.state.missions["M-1"]
        assert mission.outcome == "done"
    assert git(crew.root, "rev-parse", "main") == before
    assert "def sub" in git(crew.root, "show", f"{mission.target}:adder.py")
    assert git(crew.root, "status", "--porcelain", "--untracked-files=no") == ""
    digest = (crew.root / ".factory/memory/digests/session-0001.md").read_text()
    assert "T-1 landed" in digest


async def test_a_failed_review_gives_its_findings_to_a_fresh_author(tmp_path: Path) -> None:
    async def first(brief: TurnBrief, desk: Desk) -> None:
        await write(desk, "adder.py", "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a + b\n")
        assert (await commit_and_hand_over(desk)).ok

    async def second(brief: TurnBrief, desk: Desk) -> None:
        assert "sub adds" in brief.text
        await build_sub(brief, desk)

    async def review(brief: TurnBrief, desk: Desk) -> None:
        probe = await desk.act(Action(kind="run", command="python3 -c 'import adder; assert adder.sub(5, 3) == 2'"))
        findings = () if probe.ok else (Finding(title="sub adds", path="adder.py", line=6),)
        await desk.act(Action(kind="report", findings=findings, checked=("sub(5, 3)",), text="probed"))

    crew = make_crew(tmp_path, {"builder:1": first, "builder:2": second, "quality": review})
    async with crew.session() as house:
        await small_task(house, "Add subtraction")
        items = await settled(house)
        assert [item.kind for item in items] == ["change"]
        task = house.state.tasks["T-1"]
        assert task.attempt == 2
        assert [review.verdict.value for review in task.history] == ["fail", "pass"]


async def test_the_third_failure_makes_the_task_stuck(tmp_path: Path) -> None:
    async def build(brief: TurnBrief, desk: Desk) -> None:
        await write(desk, "notes.txt", f"attempt {brief.attempt}\n")
        assert (await commit_and_hand_over(desk)).ok

    async def review(brief: TurnBrief, desk: Desk) -> None:
        await desk.act(Action(kind="report", findings=(Finding(title="no"),), checked=("all",), text="no"))

    crew = make_crew(tmp_path, {"builder": build, "quality": review})
    async with crew.session() as house:
        await small_task(house, "Add subtraction")
        items = await settled(house)
        assert [item.kind for item in items] == ["stuck"]
        assert "approach is wrong" in items[0].title


async def test_a_red_tree_is_never_committed(tmp_path: Path) -> None:
    seen: list[str] = []

    async def build(brief: TurnBrief, desk: Desk) -> None:
        await write(desk, "adder.py", "def add(a, b):\n    return a - b\n")
        refused = await desk.act(Action(kind="commit", text="Break it"))
        assert not refused.ok
        seen.append(refused.text)
        assert not (await desk.act(Action(kind="hand_over"))).ok
        await write(desk, "adder.py", "def add(a, b):\n    return b + a\n")
        assert (await commit_and_hand_over(desk, "Turn it round")).ok

    crew = make_crew(tmp_path, {"builder": build, "quality": approve_all})
    async with crew.session() as house:
        await small_task(house, "Turn the addition round")
        assert [item.kind for item in await settled(house)] == ["change"]
    assert "test_add" in seen[0]


async def test_a_mission_is_planned_approved_and_built_in_order(tmp_path: Path) -> None:
    async def plan(brief: TurnBrief, desk: Desk) -> None:
        denied = await write(desk, "README.md", "# quick fix\n")
        assert denied.decision == "deny"
        tasks = (
            PlannedTask(title="Subtract", goal="Add sub()", role="builder", criteria=("sub works",), paths=("*.py",)),
            PlannedTask(
                title="Say so",
                goal="Document sub()",
                role="tech_writer",
                criteria=("README names sub",),
                paths=("README.md",),
                after=(0,),
            ),
        )
        assert (await desk.act(Action(kind="plan", tasks=tasks, text="two steps"))).ok

    async def document(brief: TurnBrief, desk: Desk) -> None:
        refused = await write(desk, "adder.py", "x = 1\n")
        assert refused.decision == "deny"
        text = await desk.act(Action(kind="read", path="adder.py"))
        assert "def sub" in text.text
        await write(desk, "README.md", "# Adder\n\nAdds and subtracts: `sub`.\n")
        handed = await commit_and_hand_over(desk, "Document sub")
        assert handed.ok, handed.text

    crew = make_crew(tmp_path, {"ceo": plan, "builder": build_sub, "tech_writer": document, "quality": approve_all})
    async with crew.session() as house:
        base, base_ref = await house.worktrees.head(), await house.worktrees.base_ref()
        house.factory.submit(c.StateMission(text="Subtraction", base_ref=base_ref, base=base), SUPERVISOR)
        items = await settled(house)
        assert [item.kind for item in items] == ["plan"], items
        answer(house, items[0].id, "approve")
        items = await settled(house)
        assert [item.id for item in items] == ["T-2"], items
        answer(house, "T-2", "approve")
        items = await settled(house)
        assert [item.id for item in items] == ["T-3"], items
        answer(house, "T-3", "approve")
        await settled(house)
        assert stages(house.state) == {"T-1": "done", "T-2": "landed", "T-3": "landed"}
        target = house.state.missions["M-1"].target
    assert "sub" in git(crew.root, "show", f"{target}:README.md")
    assert "def sub" in git(crew.root, "show", f"{target}:adder.py")


async def test_a_reviewer_sees_no_digest_even_where_digests_are_committed(tmp_path: Path) -> None:
    seen: list[str] = []

    async def review(brief: TurnBrief, desk: Desk) -> None:
        listed = await desk.act(Action(kind="run", command="find . -type f"))
        seen.append(listed.text)
        await desk.act(Action(kind="report", checked=("listed the tree",), text="looked"))

    digest = ".factory/memory/digests/session-0000.md"
    crew = make_crew(
        tmp_path, {"builder": build_sub, "quality": review}, files={digest: "# what the Builder thought\n"}
    )
    async with crew.session() as house:
        await small_task(house, "Add subtraction")
        await settled(house)
    assert "adder.py" in seen[0]
    assert "digests" not in seen[0]


async def test_a_subscriber_that_fails_harms_neither_history_nor_the_others(tmp_path: Path) -> None:
    crew = make_crew(tmp_path, {"builder": build_sub, "quality": approve_all})
    async with crew.session() as house:
        heard: list[int] = []

        def broken(entry: object, state: object) -> None:
            raise KeyError("a mistake on some screen")

        house.factory.subscribe(broken)
        house.factory.subscribe(lambda entry, state: heard.append(entry.seq))
        await small_task(house, "Add subtraction")
        assert [item.kind for item in await settled(house)] == ["change"]
        assert heard == list(range(heard[0], house.state.seq + 1))
        assert house.state.crashes["a subscriber"] == 1
