"""Step or flow: the session's, unless a task has a pace of its own. Step stops every handoff; flow only what must."""

from __future__ import annotations

from collections.abc import Iterable

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.events import Mode
from factory_tui.domain.state import State, Task

UNEDITED_IN_A_ROW = 5
"""Handoffs that went out as they were, after which flow is offered."""


def mode_of(state: State, task: Task) -> Mode:
    return task.mode or state.mode


def runs_alone(state: State, task: Task) -> bool:
    """Whether no other turn runs beside this task's: in a session that steps, unless the task itself flows."""
    return state.mode == "step" and mode_of(state, task) == "step"


def is_free(state: State, task: Task, running: Iterable[Task]) -> bool:
    """Whether the task's turn may run beside those."""
    others = list(running)
    return not others or not (runs_alone(state, task) or any(runs_alone(state, other) for other in others))


def unedited_in_a_row(entries: Iterable[Entry]) -> int:
    """Handoffs that the supervisor let go as they were, one after the other, since anything else was done to one."""
    count = 0
    for entry in entries:
        match entry.event:
            case e.HandoffReleased() if entry.by.kind == "supervisor":
                count += 1
            case e.BriefSealed(edited=True) | e.HandoffRedirected() | e.HandoffRejected() | e.ModeChanged():
                count = 0
            case _:
                pass
    return count


def offers_flow(state: State, entries: Iterable[Entry]) -> bool:
    """After five, ten, ... unedited handoffs of a session that steps."""
    count = unedited_in_a_row(entries) if state.mode == "step" else 0
    return bool(count) and count % UNEDITED_IN_A_ROW == 0
