"""What may be deployed, as rows: each environment, what landed and what is in the way; its plan and way back."""

from __future__ import annotations

from collections.abc import Iterator

from factory_tui.domain.deciding_deployments import foreseen
from factory_tui.domain.errors import Refusal
from factory_tui.domain.events import DeploymentProposed
from factory_tui.domain.releasing import landed_tasks, taken_back
from factory_tui.domain.state import State, Task
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Span, item, line
from factory_tui.tui.present.deployments import back_rows, named_environments, plan_rows, release_words
from factory_tui.tui.present.sheets import Look, Row, Section, fact_rows, match_rows, sheet_items
from factory_tui.tui.present.words import Setting, since

MOST_COMMITS = 12
"""Of what landed, the newest first; older ones are proposed by their id from the command line."""


def key_of(environment: str, commit: str) -> str:
    return f"propose:{environment}:{commit}"


def chosen_in(key: str) -> tuple[str, str]:
    """Environment and commit; both empty when the row is none of them."""
    kind, _, rest = key.partition(":")
    environment, _, commit = rest.rpartition(":")
    return (environment, commit) if kind == "propose" else ("", "")


def candidates(state: State) -> list[Task]:
    """What landed, the newest first, each commit once."""
    newest = sorted(landed_tasks(state), key=lambda task: (task.since, task.opened_seq), reverse=True)
    return list({task.landed_as: task for task in newest}.values())[:MOST_COMMITS]


def look_ahead(state: State, environment: str, commit: str, now: str) -> tuple[DeploymentProposed | None, str]:
    """What would be proposed, or why it would be refused: as far as the ledger knows."""
    try:
        return foreseen(state, environment, commit, now), ""
    except Refusal as refusal:
        return None, refusal.why or refusal.what


def against(state: State, environment: str, task: Task, now: str) -> tuple[str, str]:
    """Why it would be refused, and what else speaks against it; empty = nothing does."""
    _, why = look_ahead(state, environment, task.landed_as, now)
    if why:
        return why, ""
    if before := taken_back(state, environment, task.landed_as):
        return "", f"{before.id} of it was taken back" if before.stage == "reverted" else f"{before.id} of it failed"
    live = state.releases.get(environment)
    runs = next((one for one in landed_tasks(state) if live and one.landed_as == live.commit), None)
    is_older = runs is not None and (task.since, task.opened_seq) < (runs.since, runs.opened_seq)
    return "", "older than what runs" if is_older else ""


def chosen_first(state: State, now: str) -> str:
    """The key of the first row that nothing speaks against; without one, of a row that is refused, so that Enter says
    why and brings nothing back that was bad. Empty = there is neither."""
    refused = ""
    for name in state.law.deploying.environments if state.law.deploying else ():
        for task in candidates(state):
            why, warning = against(state, name, task, now)
            if not why and not warning:
                return key_of(name, task.landed_as)
            refused = refused or (key_of(name, task.landed_as) if why else "")
    return refused


def proposing_items(state: State, setting: Setting) -> list[Item]:
    """Each environment with what runs there, and below it what landed."""
    items: list[Item] = []
    for name in named_environments(state):
        live = state.releases.get(name)
        told = release_words(name, live) if live else f"{name}: the ledger knows of no release"
        items.append(item("", line(Span(told, "title"))))
        if not candidates(state):
            items.append(item("", line(Span("  nothing has landed yet, and only a landed commit is deployed", "dim"))))
        for task in candidates(state):
            why, warning = against(state, name, task, setting.now)
            items.append(
                item(
                    key_of(name, task.landed_as),
                    line(
                        Span(f"  {task.landed_as[:10]} ", "key"),
                        Span(f"{task.id} {one_line(task.title, 60)} ", "dim" if why else "text"),
                        Span(f"landed {since(task.since, setting.now)} ago  ", "dim"),
                        Span(why or warning or "may be proposed", "warn" if why or warning else "ok"),
                    ),
                )
            )
    return items


def foreseen_items(state: State, key: str, look: Look, now: str) -> tuple[Item, ...]:
    """Plan and way back of the chosen row, before anything is asked of anybody."""
    environment, commit = chosen_in(key)
    if not environment:
        return ()
    one, why = look_ahead(state, environment, commit, now)
    if one is None:
        return sheet_items((Section("", lambda look: fact_rows([("not now", why, "warn")], look)),), look)
    sections = (
        Section("", lambda look: _what(one, look)),
        Section("the way back", lambda look: back_rows(one.plan, look)),
        Section("plan", lambda look: plan_rows(one.plan, one.sha256, look)),
        Section("what rules ask; whoever approves settles it", lambda look: match_rows(one.asks, look)),
    )
    return sheet_items(sections, look)


def _what(one: DeploymentProposed, look: Look) -> Iterator[Row]:
    there = one.plan.previous[:10] or "nothing"
    yield from fact_rows(
        [
            ("what", f"{one.plan.commit[:16]} to {one.plan.environment}, instead of {there}", "strong"),
            ("first", "the environment is asked what runs there; another answer than the ledger's refuses", "dim"),
            ("then", "somebody else approves exactly this plan, once; nothing runs before", "text"),
        ],
        look,
    )
