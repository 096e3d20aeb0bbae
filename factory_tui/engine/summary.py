"""The state as plain data for programs and tables: the whole of it, who fills the roles, what is used of each budget.

Nothing is decided here, and nothing is read but the state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory_tui.domain.item import Waiting
from factory_tui.domain.spending import bound, share, used
from factory_tui.domain.staffing import UNITS, chosen
from factory_tui.domain.state import State, Task
from factory_tui.domain.waiting import waiting


def summary_of(state: State) -> dict[str, Any]:
    """The state in one JSON object; `docs/json.md` describes its keys."""
    mission = state.mission or next(reversed(state.missions.values()), None)
    return {
        "seq": state.seq,
        "session": {"number": state.session, "open": state.session_open},
        "mode": state.mode,
        "paused": state.paused,
        "wall": state.wall,
        "base": {"ref": state.base_ref, "commit": state.base},
        "charter": state.charter.sha256 if state.charter else "",
        "mission": {
            "id": mission.id,
            "text": mission.text,
            "target": mission.target,
            "tip": mission.tip,
            "outcome": mission.outcome,
        }
        if mission
        else None,
        "tasks": [_task(task) for task in state.tasks.values()],
        "closed": [_task(task) for task in state.closed.values() if mission and task.mission == mission.id],
        "turns": [
            {
                "id": turn.id,
                "task": turn.task,
                "role": turn.role,
                "seat": turn.seat,
                "control": turn.control,
                "attempt": turn.attempt,
                "since": turn.started,
                "actions": turn.actions,
                "denied": turn.denied,
                "paused": turn.paused,
            }
            for turn in state.turns.values()
        ],
        "waiting": [as_data(item) for item in waiting(state)],
        "spend": {"usd": state.usd, "tokens": state.tokens, "unknown": state.costs_unknown},
        "digest": {
            "session": state.digest.session,
            "path": state.digest.path,
            "read": state.digest.session <= state.acknowledged,
        }
        if state.digest
        else None,
    }


def _task(task: Task) -> dict[str, Any]:
    candidate = task.candidate
    return {
        "id": task.id,
        "title": task.title,
        "role": task.role,
        "stage": task.stage,
        "since": task.since,
        "attempt": task.attempt,
        "held": task.held,
        "why": task.why,
        "worktree": task.worktree,
        "commit": candidate.commit if candidate else "",
        "tree": candidate.tree if candidate else "",
        "paths": list(candidate.paths) if candidate else [],
        "landed_as": task.landed_as,
        "open_findings": len(task.findings),
    }


def budget_lines(state: State) -> Iterator[str]:
    """Each budget that bounds anything: what was used of what is allowed."""
    roles = sorted({*state.law.gate.budgets.roles, *state.ceilings.roles})
    for scope in ("day", "session", *(f"role:{role}" for role in roles), *(f"task:{task}" for task in state.tasks)):
        spent, most = used(state, scope), bound(state, scope)
        told = [
            f"{name} {getattr(spent, name):.2f} of {getattr(most, name):g}"
            if name in ("usd", "minutes")
            else f"{name} {getattr(spent, name)} of {getattr(most, name)}"
            for name in UNITS
            if getattr(most, name)
        ]
        if told:
            unknown = " (some of it cost nobody knows what)" if spent.unknown else ""
            yield f"{scope:<16} {', '.join(told)}{unknown}"


def crew_of(state: State) -> dict[str, Any]:
    """Who fills each role, what one turn of it may use, and what is used of every budget."""
    crew = []
    for card in state.charter.roles if state.charter else ():
        staffed = state.crew.get(card.id)
        if staffed is None:
            continue
        now, most = chosen(staffed, state.role_seats.get(card.id, ""), ""), share(state, card.id, "")
        crew.append(
            {
                "role": card.id,
                "seat": now.seat,
                "model": now.model,
                "effort": now.effort,
                "why": now.why,
                "tier": card.model_tier,
                "share": f"${most.usd:g}, {most.tokens:,} tokens, {most.actions} actions, {most.minutes:g} min",
                "used_usd": used(state, f"role:{card.id}").usd,
                "used_tokens": used(state, f"role:{card.id}").tokens,
            }
        )
    budgets = list(budget_lines(state)) if state.charter else []
    return {"crew": crew, "budgets": budgets, "notes": list(state.crew_notes)}


def as_data(item: Waiting) -> dict[str, Any]:
    return {field: getattr(item, field) for field in ("id", "kind", "task", "title", "since", "sha256")} | {
        "verbs": list(item.verbs)
    }
