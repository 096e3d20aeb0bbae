"""Going through the ledger: entries of one session, narrowed, and the state as it was after any of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import evolve
from factory_tui.domain.plurals import count
from factory_tui.domain.state import State
from factory_tui.domain.waiting import waiting
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Line, Span, cut_line, ends, item, line, line_width
from factory_tui.tui.present.floor import KIND_WORDS
from factory_tui.tui.present.words import Setting, marks_line, money, task_word, tasks_in_view

STEP = 128
"""Entries between two states that are kept, so that one step back costs little."""

_VERDICTS = (e.LevelJudged, e.TreeRefused, e.Landed, e.LandingRefused, e.ChangeApproved, e.ChangeRejected, e.TaskStuck)
_TURNS = (e.HandoffOffered, e.BriefSealed, e.HandoffReleased, e.TurnStarted, e.TurnEnded, e.HandedOver, e.Committed)
_ASKS = (
    e.ActionDenied,
    e.ToolDenied,
    e.ActionAsked,
    e.AskAnswered,
    e.GrantGiven,
    e.GrantRevoked,
    e.Escalated,
    e.QuestionAnswered,
)

FILTERS: dict[str, Callable[[Entry], bool]] = {
    "everything": lambda entry: True,
    "yours": lambda entry: entry.by.kind == "supervisor",
    "denials, asks, questions": lambda entry: isinstance(entry.event, _ASKS),
    "verdicts and landings": lambda entry: isinstance(entry.event, _VERDICTS),
    "handoffs and turns": lambda entry: isinstance(entry.event, _TURNS),
    "no single actions": lambda entry: not isinstance(entry.event, e.ActionAllowed | e.ActionEnded | e.UsageNoted),
}
"""What the timeline may be narrowed to, in the order in which a key goes through it."""


class Replay:
    """The fold of the ledger, at any entry. Grows with it."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._kept: dict[int, State] = {0: State()}
        self._last: tuple[int, State] = (0, State())

    def take(self, entries: Sequence[Entry]) -> None:
        """What came since; entries that are known already are passed over."""
        known = len(self._entries)
        self._entries += [entry for entry in entries if entry.seq > known]

    @property
    def entries(self) -> Sequence[Entry]:
        return self._entries

    def state_at(self, seq: int) -> State:
        """After the entry of that number. The same as what was true then: the fold is pure."""
        seq = min(max(seq, 0), len(self._entries))
        start, state = self._last
        nearest = max(number for number in self._kept if number <= seq)
        if not nearest <= start <= seq:
            start, state = nearest, self._kept[nearest]
        for number in range(start, seq):
            state = evolve(state, self._entries[number])
            if (number + 1) % STEP == 0:
                self._kept[number + 1] = state
        self._last = (seq, state)
        return state

    def sessions(self) -> list[tuple[int, int, int]]:
        """Number, first and last entry of each session; what came before the first belongs to it, or to number 0."""
        found: list[tuple[int, int, int]] = []
        for entry in self._entries:
            if isinstance(entry.event, e.SessionStarted):
                found.append((entry.event.session, 1 if not found else entry.seq, entry.seq))
        if not found:
            return [(0, 1, len(self._entries))] if self._entries else []
        ends_at = [first - 1 for _, first, _ in found[1:]] + [len(self._entries)]
        return [(number, first, last) for (number, first, _), last in zip(found, ends_at, strict=True)]


def is_about(entry: Entry, task: str) -> bool:
    return getattr(entry.event, "task", "") == task


def state_items(state: State, setting: Setting) -> list[Item]:
    """A state in a few rows: the session, the tasks, who was at work, what waited."""
    mission = state.mission or next(reversed(state.missions.values()), None)
    mode = "PAUSED" if state.paused else state.mode
    spent = money(state.usd, state.costs_unknown)
    rows: list[Line] = [
        line(
            (f" {state.at[:19].replace('T', ' ')} ", "dim"),
            (f"session {state.session} {'open' if state.session_open else 'ended'}, {mode}, {spent}", "text"),
        )
    ]
    if mission:
        rows.append(line((f" {mission.id} ", "strong"), one_line(mission.text, 200)))
        rows.append(line((f"   {mission.target.removeprefix('refs/heads/')} at {mission.tip[:10]}", "dim")))
    rows += [_title("tasks", setting)] if state.tasks or state.closed else []
    words = [(task, task_word(state, task).span(setting)) for task in tasks_in_view(state)]
    widest = min(24, max((line_width((word,)) for _, word in words), default=0))
    for task, word in words:
        blank = " " * max(0, widest - line_width((word,)))
        left = (Span(f" {task.id} ", "strong"), Span(one_line(task.title, 400)))
        right = (*marks_line(state, task, setting), Span("  "), word, Span(f"{blank} "))
        rows.append(ends(left, right, setting.width))
    if state.turns:
        rows.append(_title("at work", setting))
        rows += [
            line((f" {turn.id} ", "work"), f"on {turn.task}, {count(turn.actions, 'action')}")
            for turn in state.turns.values()
        ]
    items = waiting(state)
    if items:
        rows.append(_title("waited for you", setting))
        rows += [
            line((f" {KIND_WORDS[one.kind]} ", "ask"), (f"{one.id} ", "strong"), one_line(one.title, 300))
            for one in items
        ]
    return [item("", cut_line(one, setting.width)) for one in rows]


def _title(text: str, setting: Setting) -> Line:
    rule = setting.glyphs["rule"]
    return line((f"{rule * 2} ", "rule-line"), (text, "heading"))
