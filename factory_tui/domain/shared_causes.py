"""What stops turns that did nothing wrong: a budget that is used up, or the world. One item for each cause, however
many turns share it, and nothing is counted against them.
"""

from __future__ import annotations

from factory_tui.domain import seals
from factory_tui.domain.item import Waiting
from factory_tui.domain.spending import Excess, is_for_person, shared_excess
from factory_tui.domain.state import State, Task, WorldWait
from factory_tui.domain.world import stands_in_the_way, told


def budget_items(state: State) -> list[Waiting]:
    """One item for each budget, however many turns it stops."""
    if state.charter is None:
        return []
    found = []
    scopes: dict[str, tuple[Excess, list[str]]] = {}
    for task in state.tasks.values():
        if task.held or task.handoff is None or task.stage not in ("released", "working"):
            continue
        if task.overspent and not is_for_person(state, task):
            found.append(_overspent(task))
        elif (over := _shared_excess(state, task)) is not None:
            scopes.setdefault(over.scope, (over, []))[1].append(task.id)
    for scope, (over, tasks) in scopes.items():
        ends = {"day": "; it goes on by itself at 00:00 UTC", "session": "; the next session has its own"}
        since = min(state.tasks[id].since for id in tasks)
        found.append(
            Waiting(
                id=f"B-{scope.rpartition(':')[2]}",
                kind="budget",
                task=tasks[0],
                title=f"{over.told}. Waiting: {', '.join(tasks)}{ends.get(scope, '')}",
                since=since,
                sha256=seals.sha256_of("budget", scope, over.what, tasks),
                verbs=("raise",),
            )
        )
    return found


def _shared_excess(state: State, task: Task) -> Excess | None:
    turn = next((turn for turn in state.turns.values() if turn.task == task.id), None)
    if turn is not None:
        is_persons = turn.control == "human"
        return None if is_persons else next(shared_excess(state, turn.role, task.id), None)
    assert task.handoff
    return None if is_for_person(state, task) else next(shared_excess(state, task.handoff.to, task.id), None)


def _overspent(task: Task) -> Waiting:
    return Waiting(
        id=f"B-{task.id}",
        kind="budget",
        task=task.id,
        title=f"{task.title}: {task.overspent}; its work is kept",
        since=task.since,
        sha256=seals.sha256_of("budget", task.id, task.overspent, len(task.turns)),
        verbs=("raise", "take-over", "drop"),
    )


def budget_scope(state: State, item: Waiting) -> str:
    """Which budget an item is about."""
    name = item.id.removeprefix("B-")
    task = state.tasks.get(name)
    if task is not None:
        return f"turn:{name}" if task.overspent else f"task:{name}"
    return name if name in ("day", "session") else f"role:{name}"


def world_items(state: State) -> list[Waiting]:
    """One item for each cause, however many turns and seats share it."""
    causes: dict[str, list[tuple[WorldWait, list[str]]]] = {}
    for wait in state.world.values():
        tasks = [
            task.id
            for task in state.tasks.values()
            if task.stage == "released" and not task.held and stands_in_the_way(state, task) == wait
        ]
        if tasks:
            causes.setdefault(wait.cause, []).append((wait, tasks))
    return [_world_item(state, held) for held in causes.values()]


def _world_item(state: State, held: list[tuple[WorldWait, list[str]]]) -> Waiting:
    waits = [wait for wait, _ in held]
    tasks = [id for id in state.tasks if any(id in ids for _, ids in held)]
    soonest = min(waits, key=lambda wait: wait.until)
    how = "" if soonest.is_told else " (the next try)"
    return Waiting(
        id=waits[0].id,
        kind="world",
        task=tasks[0],
        title=f"{told(soonest)}{how}: {soonest.cause}. Waiting: {', '.join(tasks)}; nothing is counted against them",
        since=min(wait.since for wait in waits),
        sha256=seals.sha256_of("world", *(part for wait in waits for part in (wait.id, wait.until))),
        verbs=("go-on",),
    )
