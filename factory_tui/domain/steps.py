"""What every step of the fold is made of: a task, a turn or a counter put in its place, the rest left as it was."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from factory_tui.domain.entries import Entry
from factory_tui.domain.state import State, Task, Turn


def count(state: State, *ids: str) -> dict[str, int]:
    """Counters live in the state, so that a replay numbers alike."""
    counters = dict(state.counters)
    for id in ids:
        prefix, _, number = id.rpartition("-")
        counters[prefix] = max(counters.get(prefix, 0), int(number))
    return counters


def with_task(state: State, entry: Entry, task: Task, **more: Any) -> State:
    old = state.tasks.get(task.id)
    if old is None or old.stage != task.stage:
        task = replace(task, since=entry.at)
    tasks = dict(state.tasks)
    if task.over:
        tasks.pop(task.id, None)
        more |= _nothing_left_of(state, task.id, more)
        return replace(state, seq=entry.seq, at=entry.at, tasks=tasks, closed={**state.closed, task.id: task}, **more)
    tasks[task.id] = task
    return replace(state, seq=entry.seq, at=entry.at, tasks=tasks, **more)


def _nothing_left_of(state: State, task: str, more: dict[str, Any]) -> dict[str, Any]:
    """Asks, grants, questions and plans end with their task."""
    left = {}
    for name in ("asks", "grants", "questions", "plans", "notices"):
        values = more.get(name, getattr(state, name))
        left[name] = {id: value for id, value in values.items() if value.task != task}
    return left


def task_of(state: State, id: str) -> Task:
    return state.tasks.get(id) or state.closed[id]


def without(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def with_turn(state: State, entry: Entry, turn: Turn, **more: Any) -> State:
    return replace(state, seq=entry.seq, at=entry.at, turns={**state.turns, turn.id: turn}, **more)


def unsealed(task: Task) -> Task:
    """What a sealed brief held has changed: a turn that has not started is offered again, with a new brief."""
    if task.handoff is None or task.stage not in ("offered", "released"):
        return task
    handoff = replace(task.handoff, brief=None, inputs=(), edited=False, charter="", refused="")
    return replace(task, handoff=handoff, stage="offered")
