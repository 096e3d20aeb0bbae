"""States in signs and words, times, money: the small things that every box says alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from factory_tui.domain.item import Waiting
from factory_tui.domain.pace import mode_of
from factory_tui.domain.spending import withheld
from factory_tui.domain.state import Deployment, State, Task, Turn
from factory_tui.domain.terms import Verdict
from factory_tui.domain.world import stands_in_the_way
from factory_tui.tui.glyphs import UNICODE
from factory_tui.tui.lines import Line, Span


class Setting(msgspec.Struct, frozen=True):
    """What a presenter needs beside the state."""

    now: str
    width: int
    glyphs: dict[str, str]
    keys: Mapping[str, str] = {}
    """Of each action, its key as people write it (`Keys.names`)."""

    def key(self, action: str) -> str:
        """Its key now."""
        return self.keys.get(action, ":")

    def number(self, kind: str, number: int, otherwise: str = " ") -> str:
        """The key of the n-th of several, `task.3`, where it has a short one."""
        found = self.keys.get(f"{kind}.{number}", otherwise)
        return found if len(found) <= 2 else " "


PLAIN = Setting(now="", width=80, glyphs=UNICODE)


def since(at: str, now: str) -> str:
    """`0:41`, `12:30`, `3h05`, `2d`; empty when unknown."""
    if not at or not now:
        return ""
    seconds = max(0, int((datetime.fromisoformat(now) - datetime.fromisoformat(at)).total_seconds()))
    if seconds < 3_600:
        return f"{seconds // 60}:{seconds % 60:02}"
    if seconds < 172_800:
        return f"{seconds // 3_600}h{seconds % 3_600 // 60:02}"
    return f"{seconds // 86_400}d"


def money(usd: float | None, unknown: bool = False) -> str:
    if usd is None:
        return "$?"
    return f"${usd:.2f}" + ("+?" if unknown else "")


def tokens(number: int) -> str:
    return f"{number // 1000}k" if number >= 10_000 else f"{number / 1000:.1f}k" if number >= 1_000 else str(number)


class Word(msgspec.Struct, frozen=True):
    """A state, three ways; colour is never the only one."""

    glyph: str
    """A name of `glyphs`."""
    text: str
    style: str

    def span(self, setting: Setting) -> Span:
        return Span(f"{setting.glyphs[self.glyph]} {self.text}", self.style)


def task_word(state: State, task: Task) -> Word:
    """The true state of a task."""
    if task.held:
        return Word("held", "HELD", "warn")
    if any(ask.task == task.id for ask in state.asks.values()):
        return Word("waits", "WAITS YOU", "ask")
    match task.stage:
        case "waiting":
            return Word("idle", f"after {', '.join(task.after) or 'others'}", "dim")
        case "offered":
            return _offered(state, task)
        case "released":
            return _released(state, task)
        case "working":
            return _working(state, task)
        case "planned":
            return Word("waits", "PLAN WAITS", "ask")
        case "parked":
            return Word("waits", "ASKS YOU", "ask")
        case "ready":
            return Word("waits", "READY", "ask")
        case "approved":
            return Word("working", "checking landing", "work")
        case "cleared" | "landing":
            return Word("working", "landing", "work")
        case "landed":
            return Word("done", "landed", "ok")
        case "done":
            return Word("done", "done", "ok")
        case "dropped":
            return Word("blocked", "dropped", "dim")
        case "stuck":
            return Word("stuck", "STUCK", "bad")


def _released(state: State, task: Task) -> Word:
    if withheld(state, task):
        return Word("blocked", "NO BUDGET", "bad")
    wait = stands_in_the_way(state, task)
    return Word("blocked", f"WORLD {wait.until[11:16]}", "warn") if wait else Word("idle", "next", "text")


def _offered(state: State, task: Task) -> Word:
    handoff = task.handoff
    if handoff is None or (handoff.brief is None and not handoff.refused):
        return Word("working", "sealing brief", "work")
    if handoff.refused:
        return Word("blocked", "NO BRIEF", "bad")
    if mode_of(state, task) == "flow" and not handoff.edited:
        return Word("idle", "next", "text")
    return Word("waits", "WAITS YOU", "ask")


def _working(state: State, task: Task) -> Word:
    turn = next((turn for turn in state.turns.values() if turn.task == task.id), None)
    if turn is None:
        return Word("working", "gate", "work")
    if turn.control == "human":
        return Word("waits", "YOUR WORK", "ask")
    return Word("blocked", "paused", "warn") if state.paused or turn.paused else Word("working", "working", "work")


def turn_word(state: State, turn: Turn) -> Word:
    """The true state of a running turn."""
    if any(ask.turn == turn.id for ask in state.asks.values()):
        return Word("waits", "WAITS YOU", "ask")
    if turn.control == "human":
        return Word("waits", "YOUR WORK", "ask")
    if turn.retired is not None:
        return Word("held", "retiring", "warn")
    if state.paused or turn.paused:
        return Word("blocked", "PAUSED", "warn")
    return Word("working", "working", "work")


def outcome_word(outcome: str) -> Word:
    """How a turn ended."""
    if outcome == "ok":
        return Word("done", "done", "ok")
    if outcome == "interrupted":
        return Word("held", "interrupted", "warn")
    return Word("fail", outcome or "ended", "bad")


MARK_STYLES = {"pass": "ok", "running": "work", "fail": "bad", "broken": "bad", "not run": "dim", "stale": "warn"}


def gate_marks(state: State, task: Task) -> tuple[str, str, str, str, str]:
    """A name of `glyphs` for each level: pass, running, fail, broken, not run, stale."""
    marks = ["not run"] * 5
    if task.rules:
        marks[0] = task.rules.verdict.value
    candidate = task.candidate
    reviewing = any(turn.task == task.id and turn.purpose == "review" for turn in state.turns.values())
    if candidate:
        marks[1] = candidate.smoke.verdict.value if candidate.smoke else "running"
        marks[2] = candidate.review.verdict.value if candidate.review else "running" if reviewing else "not run"
        if task.merged and task.merged_smoke is None and task.stage == "approved":
            marks[1] = "running"
        if is_left_behind(task):
            marks[1:3] = ["stale" if mark == "pass" else mark for mark in marks[1:3]]
    elif task.history:
        last = task.history[-1].verdict
        marks[2] = "fail" if last is Verdict.FAIL else "broken" if last is Verdict.BROKEN else "stale"
    if (one := deployment_of(state, task)) is not None:
        marks[3] = DEPLOYMENT_MARKS.get(one.stage, "not run")
    if any(incident.task == task.id for incident in state.incidents.values()):
        marks[4] = "fail"
    return (marks[0], marks[1], marks[2], marks[3], marks[4])


DEPLOYMENT_MARKS = {
    "verified": "pass",
    "reverted": "fail",
    "failed": "fail",
    "in doubt": "broken",
    **dict.fromkeys(("deploying", "deployed", "reverting", "rolling back", "rolled back"), "running"),
}
"""Level 4 of a task by the stage of its newest deployment; others have not run."""


def deployment_of(state: State, task: Task) -> Deployment | None:
    """The newest deployment of what the task landed."""
    return next((one for one in reversed(state.deployments.values()) if one.task == task.id), None)


def is_left_behind(task: Task) -> bool:
    """The tree that was judged is not the one that is worked on: its author has begun anew."""
    review = task.candidate.review if task.candidate else None
    failed = review is not None and review.verdict is not Verdict.PASS
    return failed and task.stage in ("offered", "released", "working", "parked", "stuck")


def marks_line(state: State, task: Task, setting: Setting) -> Line:
    spans: list[Span] = []
    for mark in gate_marks(state, task):
        spans.append(Span(setting.glyphs[mark], MARK_STYLES[mark]))
        spans.append(Span(" "))
    return tuple(spans[:-1])


def tasks_in_view(state: State) -> list[Task]:
    """Open tasks in the order in which they were opened, then those of the mission that are over."""
    mission = state.mission or next(reversed(state.missions.values()), None)
    over = [task for task in state.closed.values() if mission and task.mission == mission.id]
    return sorted([*state.tasks.values(), *over], key=lambda task: task.opened_seq)


def seconds_of(at: str) -> float:
    """A time of the ledger as seconds, to be compared with another one."""
    return datetime.fromisoformat(at).timestamp() if at else 0.0


def hours_after(at: str, hours: float) -> str:
    """A time of the ledger, later."""
    moment = datetime.fromisoformat(at) + timedelta(hours=hours)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def waiting_notice(items: Sequence[Waiting]) -> str:
    """For somebody who does not look: how much waits, and the newest by its number. No text of a seat's is in it."""
    newest = max(items, key=lambda item: item.since)
    return f"{len(items)} wait for you; newest: {newest.kind} {newest.id}"
