"""A stuck task: its attempts side by side, and what was found again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from factory_tui.domain.events import LevelJudged
from factory_tui.domain.plurals import count
from factory_tui.domain.state import State, Task, TurnRecord
from factory_tui.domain.terms import Finding
from factory_tui.tui.harmless import one_line
from factory_tui.tui.present.exhibit import Exhibit, Read, Reading, kept_of, task_rows, turn_rows
from factory_tui.tui.present.sheets import (
    Look,
    Row,
    Section,
    bullet_rows,
    columns,
    diff_rows,
    evidence_rows,
    evidence_title,
    fact_rows,
    finding_rows,
    row,
)
from factory_tui.tui.present.words import money

NARROWEST = 24
"""Columns of one attempt; with less, fewer stand side by side and the rest below."""


@dataclass
class Attempt:
    """One try of an author and what came of it."""

    number: int
    turns: list[TurnRecord] = field(default_factory=list)
    verdicts: list[LevelJudged] = field(default_factory=list)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(one for judged in self.verdicts for one in judged.findings)


def attempts(task: Task) -> list[Attempt]:
    """Oldest first: each author's turn begins one, unless the one before never got as far as a verdict."""
    found: list[Attempt] = []
    judged = {one.turn: one for one in task.history if one.turn}
    for turn in task.turns:
        if turn.purpose == "author" and (not found or found[-1].number != turn.attempt or found[-1].verdicts):
            found.append(Attempt(turn.attempt))
        if not found:
            found.append(Attempt(turn.attempt))
        found[-1].turns.append(turn)
        if turn.id in judged:
            found[-1].verdicts.append(judged.pop(turn.id))
    if judged:
        found = found or [Attempt(task.attempt)]
        found[-1].verdicts += judged.values()
    return found


def recurring(task: Task) -> list[tuple[int, Finding]]:
    """Findings of more than one attempt: the same file and line, or the same words. How often, and the last of them."""
    counts: dict[str, tuple[int, Finding]] = {}
    for attempt in attempts(task):
        seen: set[str] = set()
        for one in attempt.findings:
            key = f"{one.path}:{one.line}" if one.path and one.line else " ".join(one.title.casefold().split())
            if key not in seen:
                seen.add(key)
                counts[key] = (counts.get(key, (0, one))[0] + 1, one)
    return sorted((pair for pair in counts.values() if pair[0] > 1), key=lambda pair: -pair[0])


def stuck_exhibit(state: State, task: Task, read: Read) -> Exhibit:
    reading = Reading(read)
    candidate = task.candidate
    diff = reading.text(candidate.diff) if candidate else ""
    tried = attempts(task)
    sections = [
        Section("", lambda look: _figures(task, look)),
        Section("found again and again", lambda look: _recurring_rows(task, look)),
        Section("attempts side by side", lambda look: attempt_rows(tried, look)),
        Section("open findings", lambda look: finding_rows(task.findings, look)),
        Section("ways on", lambda look: fact_rows(_ways(state, task), look)),
        Section("criteria", lambda look: bullet_rows([f"{n} {one}" for n, one in enumerate(task.criteria, 1)], look)),
        Section("the task", lambda look: task_rows(task, look)),
    ]
    if candidate:
        title = f"the last change: +{candidate.added} -{candidate.removed}"
        sections.append(Section(title, lambda look: diff_rows(diff, look, f"evidence:{candidate.diff.sha256}"), "diff"))
    sections += [
        Section(evidence_title, lambda look: evidence_rows(kept_of(task), look)),
        Section("turns so far", lambda look: turn_rows(task, look)),
    ]
    return Exhibit(tuple(sections), tuple(reading.missing))


def _figures(task: Task, look: Look) -> Iterator[Row]:
    spent = f"{count(len(task.turns), 'turn')}, {money(task.usd, any(turn.usd is None for turn in task.turns))}"
    yield from fact_rows(
        [("why", task.why, "bad"), ("role", f"{task.role}, attempt {task.attempt}", "text"), ("so far", spent, "text")],
        look,
    )


def _recurring_rows(task: Task, look: Look) -> Iterator[Row]:
    for times, one in recurring(task):
        spot = f"  {one.path}:{one.line}" if one.path else ""
        yield row(look, (f"{times}x ", "bad"), one_line(one.title, 1_000), (spot, "dim"))


def attempt_rows(tried: Sequence[Attempt], look: Look) -> Iterator[Row]:
    """As many beside each other as the width allows, the newest ones first when they do not all fit."""
    fits = max(1, (look.width - 1) // NARROWEST)
    for start in range(0, len(tried), fits):
        yield from columns([_cell(one) for one in tried[start : start + fits]], look)
        if start + fits < len(tried):
            yield row(look, "")


def _cell(attempt: Attempt) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = [(f"attempt {attempt.number}", "heading")]
    told += [
        (f"{turn.id} {turn.purpose}: {turn.outcome}, {turn.seat}, {money(turn.usd)}", "dim") for turn in attempt.turns
    ]
    for judged in attempt.verdicts:
        style = "ok" if judged.verdict.value == "pass" else "bad"
        told.append((f"{judged.verdict.value.upper()} {one_line(judged.summary, 300)}", style))
    for one in attempt.findings:
        spot = f" {one.path}:{one.line}" if one.path else ""
        sign = "!" if one.severity == "blocks" else "-"
        told.append((f"{sign} {one_line(one.title, 300)}{spot}", "text" if one.severity == "blocks" else "dim"))
    if not attempt.verdicts:
        told.append(("no verdict", "warn"))
    return told


def _ways(state: State, task: Task) -> list[tuple[str, str, str]]:
    seats = ", ".join(sorted({turn.seat for turn in task.turns if turn.seat})) or "none yet"
    return [
        ("try again", "the same once more, with the findings; the count of attempts begins anew", "text"),
        ("re-plan", "another goal in your words, the findings stay", "text"),
        (
            "split",
            "smaller tasks that share its criteria: `title: 1, 3 | title: 2`; what waits for it waits for all",
            "text",
        ),
        ("swap seat", f"another seat; tried: {seats}", "text"),
        ("take over", "you are the author; the brief is laid out for you", "text"),
        ("dismiss", "a finding that is none; with the last that blocks, a fresh reviewer judges again", "text"),
        ("incident", "opens an incident, for a rule that catches this; the task waits on", "text"),
        ("drop", "the task ends; its work is kept", "text"),
    ]
