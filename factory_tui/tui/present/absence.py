"""While you were away: five facts, always the same five, each with the entries it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.item import Waiting
from factory_tui.domain.plurals import count
from factory_tui.domain.state import State
from factory_tui.domain.terms import Verdict
from factory_tui.domain.waiting import waiting
from factory_tui.domain.wording import worded
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, cut_line, item, line
from factory_tui.tui.present.floor import KIND_WORDS
from factory_tui.tui.present.words import Setting, since

_CALLS = (e.ActionAsked, e.Escalated, e.PlanProposed, e.HandoffOffered, e.CharterProposed, e.ProposalMade, e.TaskStuck)
_TURNS = (e.TurnStarted, e.TurnEnded, e.HandedOver, e.Committed, e.JobCrashed)
_VERDICTS = (e.LevelJudged, e.TreeRefused)
_LIMITS = (e.ActionDenied, e.AskAnswered, e.TaskHeld, e.Paused)
_GROUND = (
    e.Landed, e.LandingRefused, e.CharterAdopted, e.ApprovalStale, e.IncidentOpened, e.MissionEnded, e.TaskDone,
    e.TaskDropped,
)  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One of the five."""

    key: str
    title: str
    text: str
    seqs: frozenset[int]
    style: str


def five_facts(entries: Iterable[Entry], state: State, seen: int) -> tuple[Fact, ...]:
    """What happened after entry `seen`."""
    new = [entry for entry in entries if entry.seq > seen]

    def of(kinds: tuple[type, ...]) -> list[Entry]:
        return [entry for entry in new if isinstance(entry.event, kinds)]

    judged = of(_VERDICTS)
    return (
        _fact("waits", "waits for you", of(_CALLS), lambda found: _waits(waiting(state)), "ask", bool(waiting(state))),
        _fact("turns", "turns", of(_TURNS), _turns, "work"),
        _fact("verdicts", "verdicts", judged, _verdicts, "ok" if all(map(_is_pass, judged)) else "bad"),
        _fact("limits", "denied, asked, held", of(_LIMITS), _limits, "warn"),
        _fact("ground", "landed and changed", of(_GROUND), _ground, "strong"),
    )


def _is_pass(entry: Entry) -> bool:
    return isinstance(entry.event, e.LevelJudged) and entry.event.verdict is Verdict.PASS


def _fact(
    key: str, title: str, found: list[Entry], tell: Callable[[list[Entry]], str], style: str, always: bool = False
) -> Fact:
    text = tell(found) if found or always else "nothing"
    return Fact(key, title, text, frozenset(entry.seq for entry in found), style if found or always else "dim")


def _waits(items: Sequence[Waiting]) -> str:
    if not items:
        return "nothing"
    oldest = items[0]
    return f"{len(items)} now, the oldest: {KIND_WORDS[oldest.kind]} {oldest.id} {one_line(oldest.title, 200)}"


def _turns(found: list[Entry]) -> str:
    started = sum(isinstance(entry.event, e.TurnStarted) for entry in found)
    crashed = sum(isinstance(entry.event, e.JobCrashed) for entry in found)
    ends = [entry.event for entry in found if isinstance(entry.event, e.TurnEnded)]
    told = f"{started} started, {len(ends)} ended"
    if bad := [f"{end.turn} {end.outcome}" for end in ends if end.outcome != "ok"]:
        told += f", of them {one_line(', '.join(bad), 160)}"
    return told + (f"; {count(crashed, 'job')} crashed" if crashed else "")


def _verdicts(found: list[Entry]) -> str:
    judged = [entry.event for entry in found if isinstance(entry.event, e.LevelJudged)]
    passed = sum(one.verdict is Verdict.PASS for one in judged)
    told = f"{passed} PASS"
    if bad := [one for one in judged if one.verdict is not Verdict.PASS]:
        last = bad[-1]
        told += f", {len(bad)} not: {last.task} level {last.level} {last.verdict.value.upper()}"
        told += f" {one_line(last.summary, 120)}"
    refused = len(found) - len(judged)
    return told + (f"; {count(refused, 'tree')} refused" if refused else "")


def _limits(found: list[Entry]) -> str:
    denied = [entry.event for entry in found if isinstance(entry.event, e.ActionDenied)]
    rest = len(found) - len(denied)
    told = f"{len(denied)} denied"
    if denied:
        told += f", the last: {denied[-1].turn} {denied[-1].action.kind} {one_line(denied[-1].action.object, 80)}"
    return told + (f"; {rest} answered, held or paused" if rest else "")


def _ground(found: list[Entry]) -> str:
    told = [worded(entry.event) for entry in found]
    return one_line(", ".join(dict.fromkeys(told)), 200)


def absence_items(facts: Sequence[Fact], setting: Setting) -> list[Item]:
    """A row each; Enter opens its entries."""
    rows = []
    for fact in facts:
        number = count(len(fact.seqs), "entry", "entries") if fact.seqs else "-"
        spans = line((f" {fact.title:<20}", "strong"), (f"{number:>12}  ", "dim"), (fact.text, fact.style))
        rows.append(item(f"fact:{fact.key}", cut_line(spans, setting.width)))
    return rows


def absence_head(why: str, left: str, now: str) -> str:
    ago = since(left, now)
    return f"{why}; your last key was {ago} ago" if ago else why
