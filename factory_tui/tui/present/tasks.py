"""A task as a text."""

from __future__ import annotations

from factory_tui.domain.state import State, Task
from factory_tui.tui.present.words import money, task_word


def task_parts(state: State, task: Task) -> list[tuple[str, str]]:
    """Everything known of a task."""
    word = task_word(state, task)
    told = [
        f"for {task.role}, delivers a {task.delivers}, mission {task.mission}",
        f"state: {word.text}, attempt {task.attempt}" + (f", held: {task.held}" if task.held else ""),
        f"why: {task.why}" if task.why else "",
        "",
        task.goal,
        *(f"- criterion: {one}" for one in task.criteria),
        *([f"- paths: {', '.join(task.paths)}"] if task.paths else []),
        *([f"- after: {', '.join(task.after)}"] if task.after else []),
    ]
    parts = [(f"{task.id} {task.title}", "\n".join(told))]
    if task.candidate:
        offered = task.candidate
        figures = f"commit {offered.commit or '-'}\ntree {offered.tree}\nbase {offered.base}\n"
        parts.append(
            ("the change it offers", f"{figures}+{offered.added} -{offered.removed}\n" + "\n".join(offered.paths))
        )
    if task.landed_as:
        parts.append(("landed", f"{task.landed_as}"))
    if task.findings:
        parts.append(
            ("open findings", "\n".join(f"- {one.id} {one.severity}: {one.title} [{one.by}]" for one in task.findings))
        )
    if task.history:
        parts.append(
            ("verdicts of level 3", "\n".join(f"- {one.verdict.value.upper()}: {one.summary}" for one in task.history))
        )
    if task.turns:
        lines = [
            f"- {one.id} {one.purpose}, attempt {one.attempt}, seat {one.seat}: {one.outcome}, {money(one.usd)}"
            for one in task.turns
        ]
        parts.append(("turns", "\n".join(lines)))
    return parts
