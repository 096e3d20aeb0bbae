"""Rules and roles as rows and as texts."""

from __future__ import annotations

from factory_tui.domain.roles import RoleCard
from factory_tui.domain.rules import Rule
from factory_tui.domain.state import State, Task
from factory_tui.tui.chronicle import Hit
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Span, cut_line, item, line, line_width
from factory_tui.tui.present.words import Setting

_ENFORCED: dict[str, dict[str, tuple[bool, str]]] = {}
"""By charter: rule id to (enforced, how or what is missing)."""
_BEARING: dict[tuple[str, str], tuple[Rule, ...]] = {}

HELD = {
    "reviewer": "asked of each reviewer",
    "change": "held on each change",
    "action": "held on each action",
    "state": "held on the factory's state",
}
"""How a rule is enforced, as a list says it."""
LEAST_HOW = 10 + 28
"""Columns of a rule's row beside its title and id: sign and severity, and how it is held."""


def prepare(state: State) -> None:
    """Compiles the rules in force, which takes a while: to be called on a thread before they are first shown."""
    if state.charter is not None:
        enforcement(state)


def enforcement(state: State) -> dict[str, tuple[bool, str]]:
    from factory_tui.domain.law import rulebook_of  # compiles patterns: not before the first frame

    law = state.law
    found = _ENFORCED.get(law.sha256)
    if found is None:
        _ENFORCED.clear()
        found = _ENFORCED[law.sha256] = {
            one.rule: (one.enforced, one.how if one.enforced else f"for want of {', '.join(one.missing)}")
            for one in rulebook_of(law).enforcement()
        }
    return found


def bearing(state: State, task: Task) -> tuple[Rule, ...]:
    """The rules that bear on the role that has the task now."""
    from factory_tui.domain.law import rulebook_of

    law = state.law
    role = task.handoff.to if task.handoff else task.role
    found = _BEARING.get((law.sha256, role))
    if found is None:
        if len(_BEARING) > 100:
            _BEARING.clear()
        found = _BEARING[law.sha256, role] = rulebook_of(law).bearing(role, stack=law.stack)
    return found


def all_rule_items(state: State, setting: Setting) -> list[Item]:
    """Every rule in force, with how it is held."""
    if state.charter is None:
        return []
    enforced = enforcement(state)
    items = []
    widest = max((len(rule.id) for rule in state.charter.rules), default=0)
    room = max(20, setting.width - LEAST_HOW - widest)
    column = min(room, max((len(one_line(rule.title, 200)) for rule in state.charter.rules), default=0))
    for rule in state.charter.rules:
        title = cut_line((Span(one_line(rule.title, 200)),), column)
        is_enforced, how = enforced[rule.id]
        body = line(
            (f" {setting.glyphs['pass' if is_enforced else 'not run']} ", "ok" if is_enforced else "dim"),
            (f"{rule.id:<{widest}} ", "strong"),
            (f"{rule.severity:<6}", "bad" if rule.severity == "block" else "warn"),
            *title,
            " " * (column - line_width(title) + 2),
            (HELD.get(how, how) if is_enforced else f"loaded, not enforced, {how}", "dim"),
        )
        items.append(item(f"rule:{rule.id}", cut_line(body, setting.width)))
    return items


def rule_text(state: State, source: str, hit: Hit | None) -> list[tuple[str, str]]:
    """A rule, what it said here, and the incident behind it."""
    parts = []
    if hit is not None:
        said = f"{hit.decision.value.upper()} {hit.count}x, last at {hit.at[11:19]}\n{hit.reason}"
        said += f"\nwhere: {hit.where}" if hit.where else ""
        said += f"\ninstead: {hit.instead}" if hit.instead else ""
        parts.append(("what it said on this task", said))
    if source.startswith("card:"):
        card = next((one for one in state.law.roles if one.source == source), None)
        return [*parts, *(role_text(card) if card else [])]
    rule = next((one for one in state.law.rules if one.id == source), None)
    if rule is None:
        return parts or [(source, "This is no rule of the charter in force.")]
    is_enforced, how = enforcement(state)[rule.id]
    told = [rule.statement or rule.title, "", f"why: {rule.reason}" if rule.reason else ""]
    told += [f"instead: {rule.instead}" if rule.instead else ""]
    told += [
        f"held by: {how}" if is_enforced else f"loaded, not enforced, {how}",
        f"severity: {rule.severity}",
        f"file: {rule.path}",
    ]
    parts.append((f"{rule.id} {rule.title}", "\n".join(told)))
    broke = rule.incident
    story = [
        f"{broke.name}, {broke.date}",
        f"cost: {broke.cost}",
        f"source: {broke.source}",
        broke.caveat,
        "",
        broke.what_happened,
    ]
    parts.append(("the incident behind it", "\n".join(line for line in story if line)))
    return parts


def role_items(state: State, setting: Setting) -> list[Item]:
    """Two lines for each role: what it delivers and to whom; what it is there for."""
    items = []
    for card in state.charter.roles if state.charter else ():
        to = "anybody" if "*" in card.hands_to else ", ".join(card.hands_to) or "nobody"
        first = line(
            (f" {card.id:<14}", "strong"),
            (f"{card.delivers:<11} ", "work"),
            (f"hands to {to}; ", "text"),
            (f"escalates to {card.escalates_to}; cannot: {len(card.never)}", "dim"),
        )
        second = line((f"   {one_line(card.mission, 200)}", "dim"))
        items.append(item(f"role:{card.id}", cut_line(first, setting.width), cut_line(second, setting.width)))
    return items


def role_text(card: RoleCard) -> list[tuple[str, str]]:
    """What a role may and may not do."""
    may = [
        card.mission,
        "",
        f"delivers: {card.delivers}",
        f"may wish for: {', '.join(card.actions)}",
        f"sees: {card.sees}; reads: {', '.join(card.reads) or 'nothing'}",
        f"never reads: {', '.join(card.never_reads) or '-'}",
        f"writes: {', '.join(card.writes) or 'nothing'}; never writes: {', '.join(card.never_writes) or '-'}",
        f"runs: {', '.join(card.runs) or 'nothing'}",
        *(f"settled, asked no more: {one}" for one in card.settled),
        f"hands to: {', '.join(card.hands_to) or 'nobody'}; escalates to {card.escalates_to}",
        f"model: {card.model_tier}; budget of a turn: ${card.budget.usd:g}, {card.budget.tokens} tokens,"
        f" {card.budget.minutes:g} min, {card.budget.actions} actions",
    ]
    return [
        (f"{card.title} ({card.id})", "\n".join(may)),
        ("cannot", "\n".join(f"- {never.text}" for never in card.never)),
        ("checks before it delivers", "\n".join(f"- {one}" for one in card.checklist)),
    ]
