"""How the rules stand on one task: each in one state, the same in the box's title, its rows and its counts."""

from __future__ import annotations

from collections import Counter

import msgspec

from factory_tui.domain.rules import Rule
from factory_tui.domain.state import State, Task
from factory_tui.domain.terms import Decision
from factory_tui.tui.chronicle import Chronicle, Hit
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Line, Span, cut_line, item, line
from factory_tui.tui.present.law import bearing, enforcement
from factory_tui.tui.present.words import Setting

ORDER = ("denied", "waiting", "pending", "held", "not enforced", "not applicable")
"""What wants the supervisor's eye first."""
WIDE = 90
"""Columns from which the title names the task, too; the ladder beside it always does."""
LOOKS = {
    "denied": ("denied", "bad"),
    "waiting": ("asked", "ask"),
    "pending": ("not run", "dim"),
    "held": ("pass", "ok"),
    "not enforced": ("not run", "dim"),
    "not applicable": ("not run", "dim"),
}


class Standing(msgspec.Struct, frozen=True):
    """One rule, or line of a card, on one task."""

    source: str
    word: str
    """One of `ORDER`."""
    told: str
    """The word with what goes with it: how often, when, by whom, why."""
    title: str


def standings(state: State, task: Task, chronicle: Chronicle) -> list[Standing]:
    """What spoke first, then what bears on the role that has the task, then what does not apply here."""
    hits = chronicle.hits.get(task.id, {})
    known = {rule.id: rule for rule in state.law.rules}
    spoken = [_spoken(state, task, source, hit, known.get(source)) for source, hit in sorted(hits.items())]
    found = sorted(spoken, key=lambda one: ORDER.index(one.word))
    bears = bearing(state, task)
    found += [_quiet(state, task, rule) for rule in bears if rule.id not in hits]
    shown = {one.source for one in found}
    found += [
        Standing(rule.id, "not applicable", "n/a on the stack that DNA.md declares", rule.title)
        for rule in _concerning(state, task)
        if rule.id not in shown
    ]
    return found


def _concerning(state: State, task: Task) -> tuple[Rule, ...]:
    from factory_tui.domain.law import rulebook_of  # compiles patterns: not before the first frame

    return rulebook_of(state.law).concerning(task.handoff.to if task.handoff else task.role)


def _spoken(state: State, task: Task, source: str, hit: Hit, rule: Rule | None) -> Standing:
    title = rule.title if rule else hit.where or hit.reason
    said = f"{hit.count}x {hit.at[11:16]}"
    if hit.decision is Decision.DENY:
        return Standing(source, "denied", f"DENY {said}", title)
    if _is_open(state, task, source):
        return Standing(source, "waiting", f"ASK {said} waits for you", title)
    if hit.answer == "denied":
        return Standing(source, "denied", f"DENY by you, {said}", title)
    return Standing(source, "held", "held, you allowed it" if hit.answer or _is_settled(task) else "held", title)


def _is_open(state: State, task: Task, source: str) -> bool:
    """Somebody waits for the supervisor because of this rule."""
    for ask in state.asks.values():
        if ask.task == task.id and any(match.source == source for match in ask.ruling.matches):
            return True
    candidate = task.candidate
    asks = candidate.asks if candidate and not _is_settled(task) else ()
    granted = {
        rule for grant in state.grants.values() if candidate and grant.tree == candidate.tree for rule in grant.rules
    }
    return source not in granted and any(match.source == source for match in asks)


def _is_settled(task: Task) -> bool:
    """The change was approved, and with it what rules asked about it."""
    return task.approval is not None or task.over


def _quiet(state: State, task: Task, rule: Rule) -> Standing:
    is_enforced, how = enforcement(state)[rule.id]
    if not is_enforced:
        return Standing(rule.id, "not enforced", f"loaded, not enforced, {how}", rule.title)
    review = task.candidate.review if task.candidate else None
    if how == "reviewer" and not task.over and review is None:
        return Standing(rule.id, "pending", "pending, asked of the reviewer", rule.title)
    if task.rules is None and not task.turns and not task.over:
        return Standing(rule.id, "pending", "pending", rule.title)
    return Standing(rule.id, "held", "held", rule.title)


def rules_title(state: State, task: Task | None, found: list[Standing], setting: Setting) -> Line:
    """How many bear on the task, and how many of them are in each state."""
    if state.charter is None or task is None:
        total = f" {len(state.charter.rules)}" if state.charter else ""
        return (Span(f"RULES{total}", "title"),)
    counts = Counter(one.word for one in found)
    name = f"RULES {len(found) - counts['not applicable']}"
    is_wide = setting.width >= WIDE
    spans = [Span(f"{name} bear on {task.id}" if is_wide else "RULES", "title")]
    short = {"not applicable": "n/a", "not enforced": "unenforced"}
    for word in ORDER:
        if counts[word] and (is_wide or word not in short):  # a narrow box tells of what is enforced
            style = LOOKS[word][1] if word in ("denied", "waiting") else "dim"
            spans.append(Span(f" {counts[word]} {short.get(word, word)}", style))
    more = (Span(f" all {len(state.charter.rules)}: gr", "dim"),) if is_wide else ()
    return (*spans, *more)


def rule_items(found: list[Standing], setting: Setting) -> list[Item]:
    """A row for each."""
    items = []
    for one in found:
        glyph, style = LOOKS[one.word]
        title = (one_line(one.title, 200), "dim" if one.word in ("not enforced", "not applicable") else "text")
        lead = (f" {setting.glyphs[glyph]} ", style)
        if one.word in ("denied", "waiting"):
            body = line(lead, (f"{one.told} ", style), (f"{one.source} ", "strong"), title)
        else:
            body = line(lead, (f"{one.source:<3} ", "strong"), title, (f"  {one.told}", style))
        items.append(item(f"rule:{one.source}", cut_line(body, setting.width)))
    return items
