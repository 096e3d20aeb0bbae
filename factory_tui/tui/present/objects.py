"""Which kinds of what waits are shown as rows, under which title, and which are not approved unseen."""

from __future__ import annotations

from collections.abc import Callable

from factory_tui.domain.item import Waiting
from factory_tui.domain.state import State, Task
from factory_tui.tui.chronicle import Chronicle
from factory_tui.tui.present.asks import ask_exhibit
from factory_tui.tui.present.exhibit import Exhibit, Read, change_exhibit, handoff_exhibit
from factory_tui.tui.present.plans import plan_exhibit
from factory_tui.tui.present.proposals import proposal_exhibit
from factory_tui.tui.present.stuck import stuck_exhibit

Make = Callable[[State, Waiting, Chronicle, Read], Exhibit]


def _of_task(make: Callable[[State, Task, Read], Exhibit]) -> Make:
    return lambda state, item, chronicle, read: make(state, state.tasks[item.task], read)


EXHIBITS: dict[str, Make] = {
    "change": _of_task(change_exhibit),
    "handoff": _of_task(handoff_exhibit),
    "stuck": _of_task(stuck_exhibit),
    "ask": lambda state, item, chronicle, read: ask_exhibit(state, state.asks[item.id], chronicle),
    "plan": lambda state, item, chronicle, read: plan_exhibit(state, state.plans[item.id]),
    "proposal": lambda state, item, chronicle, read: proposal_exhibit(state, state.proposals[item.id], read),
}
"""Kinds of what waits that are shown as rows; the others are texts."""
KIND_TITLES = {
    "change": "what would land",
    "handoff": "what the next role would get",
    "stuck": "what was tried",
    "ask": "one action that waits",
    "plan": "what would be done",
    "proposal": "what is not in force",
    "incident": "from the form to the rule",
}
UNSEEN_IS_NOT_APPROVED = frozenset({"change", "proposal", "incident"})
"""Kinds whose usual yes waits until their difference was on the screen."""
