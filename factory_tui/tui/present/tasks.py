"""A task as a text, and a session in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
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


def stats_parts(state: State, entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """Figures of the session under way, counted from its entries."""
    own = [entry for entry in entries if entry.seq >= state.session_first_seq]
    turns = Counter(entry.event.role for entry in own if isinstance(entry.event, e.TurnStarted))
    ends: Counter[str] = Counter(entry.event.outcome for entry in own if isinstance(entry.event, e.TurnEnded))
    verdicts = Counter(
        f"level {entry.event.level} {entry.event.verdict.value}"
        for entry in own
        if isinstance(entry.event, e.LevelJudged)
    )
    denied: Counter[str] = Counter()
    for entry in own:
        if isinstance(entry.event, e.ActionDenied):
            denied.update({match.source for match in entry.event.ruling.matches if match.decision == "deny"})
    by_you = sum(entry.by.kind == "supervisor" for entry in own)
    spend = [f"{money(state.usd, state.costs_unknown)}, {state.tokens} tokens", f"{by_you} entries by the supervisor"]
    return [
        (f"session {state.session}", "\n".join([f"entries #{state.session_first_seq} to #{state.seq}", *spend])),
        ("turns by role", _counted(turns)),
        ("how turns ended", _counted(ends)),
        ("verdicts", _counted(verdicts)),
        ("denials by rule or card", _counted(denied)),
    ]


def _counted(counts: Counter[str]) -> str:
    return "\n".join(f"{number:>4}  {name}" for name, number in counts.most_common()) or "none"
