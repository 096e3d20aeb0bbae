"""A change and a handoff, whole, in the order in which they are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from factory_tui.domain import assurance
from factory_tui.domain.events import LevelJudged
from factory_tui.domain.packages import PACKAGES_TITLE, package_rows
from factory_tui.domain.plurals import count
from factory_tui.domain.state import Handoff, State, Task
from factory_tui.domain.terms import LEVEL_NAMES, Evidence
from factory_tui.tui.present.sheets import (
    Look,
    Row,
    Section,
    answer_rows,
    bullet_rows,
    diff_rows,
    evidence_rows,
    evidence_title,
    fact_rows,
    finding_rows,
    input_rows,
    match_rows,
    row,
    text_rows,
)
from factory_tui.tui.present.words import money

FEW = 4
"""Criteria that stand before the difference; more of them stand after it."""
WHOLE = "whole:all"
"""What a row is about that opens `Exhibit.whole`."""
Read = Callable[[Evidence], "str | None"]
"""The text of evidence; None when it is missing or altered."""


@dataclass(frozen=True)
class Exhibit:
    """What a card shows, and whether all of it could be shown."""

    sections: tuple[Section, ...]
    missing: tuple[str, ...] = ()
    """Labels of evidence that cannot be shown: what is not shown whole cannot be approved."""
    unread: str = ""
    """What hides beyond what the rows show, in a line: it is allowed once `whole` was opened. Empty = nothing."""
    whole: tuple[tuple[str, str], ...] = ()
    """Titled texts that a row about `whole:` opens, laid out piece by piece."""


class Reading:
    """Reads evidence and remembers what was missing."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.missing: list[str] = []

    def text(self, one: Evidence) -> str:
        found = self._read(one)
        if found is None:
            self.missing.append(one.label or one.sha256[:16])
            return f"[sha256 {one.sha256[:16]} is missing from the evidence store, or altered: it cannot be shown]"
        return found


# --- a change ------------------------------------------------------------------------------------


def change_exhibit(state: State, task: Task, read: Read) -> Exhibit:
    """What would land: figures and verdicts, what is open, the difference, then everything behind it."""
    candidate = task.candidate
    assert candidate
    reading = Reading(read)
    diff = reading.text(candidate.diff)
    few = len(task.criteria) <= FEW
    criteria = Section("criteria", lambda look: bullet_rows(task.criteria, look))
    sections = [
        Section("", lambda look: _change_figures(state, task, look)),
        Section("open findings", lambda look: finding_rows(task.findings, look)),
        Section("what rules ask about it", lambda look: match_rows(candidate.asks, look)),
        Section(PACKAGES_TITLE, lambda look: bullet_rows(package_rows(task.packages), look)),
        Section("files that new ignore rules would hide", lambda look: bullet_rows(candidate.newly_ignored, look)),
        *([criteria] if few else []),
        Section(
            f"difference +{candidate.added} -{candidate.removed} in {count(len(candidate.paths), 'file')}",
            lambda look: diff_rows(diff, look, whole=f"evidence:{candidate.diff.sha256}"),
            "diff",
        ),
        *([] if few else [criteria]),
        *_verdicts(candidate.smoke, candidate.review),
        Section("the task", lambda look: task_rows(task, look)),
        Section("the author's note, its own words", lambda look: text_rows(candidate.note, look)),
        *_inputs(task.handoff),
        Section(evidence_title, lambda look: evidence_rows(kept_of(task), look)),
        Section("turns so far", lambda look: turn_rows(task, look)),
    ]
    return Exhibit(tuple(sections), tuple(reading.missing))


def _change_figures(state: State, task: Task, look: Look) -> Iterator[Row]:
    candidate = task.candidate
    assert candidate
    mission = state.missions[task.mission]
    target = mission.target.removeprefix("refs/heads/")
    facts = [
        ("lands on", f"{target}, now {mission.tip[:10]}", "strong"),
        ("commit", f"{candidate.commit[:16]}  tree {candidate.tree[:16]}  base {candidate.base[:10]}", "code"),
        ("message", candidate.message.strip(), "text"),
        ("files", ", ".join(candidate.paths), "text"),
        *(_verdict_fact(judged, level) for level, judged in _levels(task)),
        ("waits", task.why, "warn"),
        ("waived", "the supervisor accepted that author and reviewer are one person" if task.waived else "", "warn"),
        ("charter", state.law.sha256[:16], "dim"),
        ("evidence", _worth(state), "dim" if state.assurance else "warn"),
    ]
    yield from fact_rows(facts, look)


def _worth(state: State) -> str:
    """Of what is signed about it when it lands; empty = no session said so."""
    is_told = state.assurance or state.unsigned
    return assurance.told(state.assurance, state.unsigned) if is_told else ""


def _levels(task: Task) -> list[tuple[int, LevelJudged | None]]:
    candidate = task.candidate
    return [
        (1, task.rules),
        (2, task.merged_smoke or (candidate.smoke if candidate else None)),
        (3, candidate.review if candidate else None),
    ]


def _verdict_fact(judged: LevelJudged | None, level: int) -> tuple[str, str, str]:
    name = f"{level} {LEVEL_NAMES[level]}"
    if judged is None:
        return (name, "has not run on this tree", "bad")
    independent = "" if judged.independent else "  NOT INDEPENDENT"
    by = f"  by {judged.turn}" if judged.turn else ""
    style = "ok" if judged.verdict.value == "pass" and judged.independent else "bad"
    return (name, f"{judged.verdict.value.upper()}{independent}  {judged.summary}{by}", style)


def _verdicts(*judged: LevelJudged | None) -> list[Section]:
    found = []
    for one in judged:
        if one is not None and (one.findings or one.answers or one.tests_lost):
            found.append(Section(f"level {one.level} {LEVEL_NAMES[one.level]}", partial(_verdict_rows, one)))
    return found


def _verdict_rows(judged: LevelJudged, look: Look) -> Iterator[Row]:
    yield from finding_rows(judged.findings, look)
    yield from answer_rows(judged.answers, look)
    for lost in judged.tests_lost:
        yield row(look, ("lost test ", "warn"), lost)


def kept_of(task: Task) -> list[tuple[str, Evidence]]:
    """All evidence of a task, by what it backs."""
    candidate, handoff = task.candidate, task.handoff
    kept: list[tuple[str, Evidence]] = []
    if candidate:
        kept.append(("difference", candidate.diff))
    judgements = [(level, judged) for level, judged in _levels(task) if judged]
    judgements += [(judged.level, judged) for judged in task.history]
    for level, judged in judgements:
        kept += [(f"level {level}", one) for one in judged.evidence]
        kept += [(one.id or "finding", held) for one in judged.findings for held in one.evidence]
    if handoff and handoff.brief:
        kept.append((f"brief of {handoff.id} for {handoff.to}", handoff.brief))
    if task.report:
        kept.append(("report", task.report))
    return kept


# --- a handoff -----------------------------------------------------------------------------------


def handoff_exhibit(state: State, task: Task, read: Read) -> Exhibit:
    """What the next role will get: who, why, the sealed inputs, the brief to the letter, the change it is about."""
    handoff, candidate = task.handoff, task.candidate
    assert handoff
    reading = Reading(read)
    brief = reading.text(handoff.brief) if handoff.brief else ""
    whole_brief = f"evidence:{handoff.brief.sha256}" if handoff.brief else ""
    sections = [
        Section("", lambda look: _handoff_figures(state, task, handoff, look)),
        Section("why there is no brief", lambda look: text_rows(handoff.refused, look)),
        Section("findings it carries", lambda look: finding_rows(task.findings, look)),
        Section("criteria", lambda look: bullet_rows(task.criteria, look)),
        Section(PACKAGES_TITLE, lambda look: bullet_rows(package_rows(task.packages), look)),
        *_inputs(handoff, with_brief=False),
        Section(
            "brief, to the letter" + (", EDITED by you" if handoff.edited else ""),
            lambda look: text_rows(brief, look, about="part:brief line", numbered=True, whole=whole_brief),
            "brief",
        ),
    ]
    if candidate:
        diff = reading.text(candidate.diff)
        sections += [
            Section(
                f"the change: +{candidate.added} -{candidate.removed} in {count(len(candidate.paths), 'file')}",
                lambda look: diff_rows(diff, look, whole=f"evidence:{candidate.diff.sha256}"),
                "diff",
            ),
            *_verdicts(candidate.smoke, candidate.review),
        ]
    sections += [
        Section(evidence_title, lambda look: evidence_rows(kept_of(task), look)),
        Section("turns so far", lambda look: turn_rows(task, look)),
    ]
    return Exhibit(tuple(sections), tuple(reading.missing))


def _handoff_figures(state: State, task: Task, handoff: Handoff, look: Look) -> Iterator[Row]:
    what = "judges" if handoff.purpose == "review" else "works on"
    size = f"{handoff.brief.size:,} B, sha256 {handoff.brief.sha256[:16]}" if handoff.brief else "none"
    yield from fact_rows(
        [
            ("to", f"{handoff.to}, who {what} {task.id} {task.title}", "strong"),
            ("from", f"{handoff.sent_by}: {handoff.reason}", "text"),
            ("attempt", f"{task.attempt} of 3; so far {money(task.usd)}" if task.delivers == "change" else "", "text"),
            ("paths", ", ".join(task.paths), "text"),
            ("brief", size, "code"),
            ("charter", handoff.charter[:16] or state.law.sha256[:16], "dim"),
        ],
        look,
    )


def _inputs(handoff: Handoff | None, *, with_brief: bool = True) -> list[Section]:
    if handoff is None or not handoff.inputs:
        return []
    title = f"sealed inputs of the brief for {handoff.to}" if with_brief else "sealed inputs, each whole in the brief"
    return [Section(title, lambda look: input_rows(handoff.inputs, look))]


# --- both ----------------------------------------------------------------------------------------


def task_rows(task: Task, look: Look) -> Iterator[Row]:
    yield from text_rows(task.goal, look)
    if task.paths:
        yield row(look, ("paths: ", "dim"), ", ".join(task.paths))
    for question, reply in task.answers:
        yield from fact_rows([("asked", question, "text"), ("answered", reply, "text")], look)


def turn_rows(task: Task, look: Look) -> Iterator[Row]:
    for one in task.turns:
        style = "text" if one.outcome == "ok" else "warn"
        yield row(
            look,
            (f"{one.id} ", "strong"),
            (f"{one.purpose}, attempt {one.attempt}, seat {one.seat}: ", "dim"),
            (one.outcome, style),
            (f"  {money(one.usd)}", "dim"),
        )
