"""A plan, whole, task by task: every line of it can be commented on by its own name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from factory_tui.domain.events import PlanProposed
from factory_tui.domain.state import State
from factory_tui.domain.terms import PlannedTask
from factory_tui.tui.harmless import one_line
from factory_tui.tui.present.exhibit import Exhibit
from factory_tui.tui.present.sheets import Look, Row, Section, fact_rows, finding_rows, row, text_rows


def plan_exhibit(state: State, plan: PlanProposed) -> Exhibit:
    """Figures and what it will ask for first, then each task, then why."""
    task = state.tasks.get(plan.task)
    sections = [
        Section("", lambda look: _figures(state, plan, look)),
        Section("findings it has to answer", lambda look: finding_rows(task.findings if task else (), look)),
        Section("asks to expect, settled with your approval", lambda look: _asks(plan, look)),
        *(
            Section(f"task {number}: {one_line(planned.title, 200)}", partial(_planned, plan, number, planned))
            for number, planned in enumerate(plan.tasks, 1)
        ),
        Section(
            "why so, the planner's own words", lambda look: text_rows(plan.reasoning, look, about="part:reasoning")
        ),
    ]
    return Exhibit(tuple(sections))


def _figures(state: State, plan: PlanProposed, look: Look) -> Iterator[Row]:
    mission = state.missions.get(state.tasks[plan.task].mission) if plan.task in state.tasks else None
    roles = ", ".join(dict.fromkeys(planned.role for planned in plan.tasks))
    asks = sum(len(planned.asks) for planned in plan.tasks)
    yield from fact_rows(
        [
            ("mission", mission.text if mission else "", "strong"),
            ("planned by", plan.turn, "text"),
            ("tasks", f"{len(plan.tasks)}, for {roles}", "text"),
            ("asks", f"{asks} to expect" if asks else "none to expect", "warn" if asks else "dim"),
            ("your yes", "opens every task and settles these asks; nothing of it was begun", "dim"),
        ],
        look,
    )


def _asks(plan: PlanProposed, look: Look) -> Iterator[Row]:
    for number, planned in enumerate(plan.tasks, 1):
        for one in planned.asks:
            yield row(look, (f"task {number} ", "dim"), (one_line(one, 2_000), "ask"), about=f"part:task {number}, ask")


def _planned(plan: PlanProposed, number: int, planned: PlannedTask, look: Look) -> Iterator[Row]:
    spot = f"part:task {number}"
    after = [f"task {index + 1} {one_line(plan.tasks[index].title, 60)}" for index in planned.after]
    head = f"for {one_line(planned.role, 60)}" + (f", after {'; '.join(after)}" if after else "")
    yield row(look, (head, "work"), about=spot)
    yield from text_rows(planned.goal, look, about=f"{spot}, goal")
    for place, criterion in enumerate(planned.criteria, 1):
        told = (f"criterion {place}: ", "dim")
        yield row(look, told, one_line(criterion, 4_000), about=f"{spot}, criterion {place}")
    if planned.paths:
        paths = ", ".join(one_line(path, 300) for path in planned.paths)
        yield row(look, ("paths: ", "dim"), paths, about=f"{spot}, paths")
