"""Splitting a stuck task into several smaller ones: each gets a share of its criteria, none is lost."""

from __future__ import annotations

from factory_tui.domain import events as e
from factory_tui.domain.deciding_tasks import check_plan
from factory_tui.domain.errors import Refusal
from factory_tui.domain.numbers import Ids
from factory_tui.domain.state import State, Task
from factory_tui.domain.terms import Decision, PlannedTask

FORM = "one part a line, or parted by ` | `: `title: 1, 3` with the numbers of its criteria, or criteria of its own"


def split(state: State, task: Task, text: str) -> tuple[e.Event, ...]:
    """Raises Refusal when a part cannot be judged, is not lawful for its role, or a criterion is given to nobody."""
    parts = tuple(_part(task, line) for line in _lines(text))
    if len(parts) < 2:
        raise Refusal(what=f"{task.id} is split into two parts at least", next_step=FORM)
    given = {criterion for part in parts for criterion in part.criteria}
    lost = [f"{number} {one}" for number, one in enumerate(task.criteria, 1) if one not in given]
    if lost:
        raise Refusal(
            what=f"these criteria of {task.id} are in no part: {'; '.join(lost)}",
            why="splitting shares them out; none is lost on the way",
            next_step=FORM,
        )
    ruling = check_plan(state, parts)
    if ruling.decision is not Decision.ALLOW:
        raise Refusal(what=f"{task.id} cannot be split like this", why=ruling.reason, next_step=FORM)
    return _opened(state, task, parts)


def _opened(state: State, task: Task, parts: tuple[PlannedTask, ...]) -> tuple[e.Event, ...]:
    ids = Ids(state)
    names = tuple(ids.next("T") for _ in parts)
    done = {id for id, other in state.closed.items() if other.stage in ("landed", "done")}
    # What was dropped will never be done: whoever splits goes on without it, as a retry does.
    after = tuple(one for one in task.after if one in state.tasks or one in done)
    events: list[e.Event] = [e.TaskSplit(task=task.id, into=names)]
    for name, part in zip(names, parts, strict=True):
        opened = e.TaskOpened(
            task=name,
            mission=task.mission,
            role=part.role,
            delivers=task.delivers,
            title=part.title,
            goal=part.goal,
            criteria=part.criteria,
            paths=part.paths,
            after=after,
        )
        events.append(opened)
    if set(after) <= done:
        events += [
            e.HandoffOffered(
                handoff=ids.next("H"),
                task=name,
                to=part.role,
                purpose="author",
                sent_by="supervisor",
                reason=f"split from {task.id}",
            )
            for name, part in zip(names, parts, strict=True)
        ]
    return tuple(events)


def _lines(text: str) -> list[str]:
    return [line.strip() for row in text.splitlines() for line in row.split(" | ") if line.strip()]


def _part(task: Task, line: str) -> PlannedTask:
    title, _, share = line.rpartition(": ") if ": " in line else (line, "", "")
    criteria = []
    for word in (word.strip() for word in share.replace(";", ",").split(",")):
        if word.isascii() and word.isdigit():
            if not 1 <= int(word) <= len(task.criteria):
                raise Refusal(what=f"{task.id} has no criterion {word}", why=f"it has {len(task.criteria)}")
            criteria.append(task.criteria[int(word) - 1])
        elif word:
            criteria.append(word)
    if not criteria:
        raise Refusal(what=f"the part `{line[:80]}` has no criteria to be judged by", next_step=FORM)
    goal = f"{title.strip()}\n\nIt is a part of {task.id}, {task.title}, whose goal was: {task.goal}"
    return PlannedTask(
        title=title.strip(), goal=goal, role=task.role, criteria=tuple(dict.fromkeys(criteria)), paths=task.paths
    )
