"""What is proven of each role's limits: role by limit by layer, in signs and words, and how to mend what is red."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from factory_tui.domain.events import LimitsProved, RoleLimits
from factory_tui.domain.limits import demands_proof
from factory_tui.domain.state import State
from factory_tui.domain.terms import Evidence
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Line, Span, item
from factory_tui.tui.present.proof import limits_of, proven_word
from factory_tui.tui.present.sheets import Look, row

LAYERS = ("not offered", "broker", "wall", "diff import")
"""What may refuse, from the seat outwards."""
UNTRIED_FIX = "`factory doctor --probe` tries every limit now; the next session tries them again"
Read = Callable[[Evidence], "str | None"]


@dataclass(frozen=True)
class Cell:
    """One limit of one role, as the kept matrix tells it."""

    role: str
    limit: str
    layer: str
    holds: bool
    detail: str


def read_cells(proved: LimitsProved, read: Read) -> tuple[Cell, ...] | None:
    """Every cell that was tried; None when the matrix is missing from the evidence, or altered."""
    if proved.matrix is None:
        return ()
    text = read(proved.matrix)
    if text is None:
        return None
    try:
        found: list[dict[str, Any]] = msgspec.json.decode(text, type=list[dict[str, Any]])
        return tuple(
            Cell(str(one["role"]), str(one["limit"]), str(one["layer"]), one["holds"] is True, str(one["detail"]))
            for one in found
        )
    except (msgspec.DecodeError, KeyError):
        return None


# --- the matrix ----------------------------------------------------------------------------------


def limits_title(state: State) -> Line:
    """How many hold, and of how many."""
    roles = [one for proved in state.limits.values() for one in proved.roles]
    tried, red = sum(one.tried for one in roles), sum(len(one.red) for one in roles)
    wall = one_line(state.wall, 60) or "unknown"
    if not tried:
        walls = max((len(proved.by_wall) for proved in state.limits.values()), default=0)
        told = f"{walls} of {walls} attempts refused by the wall" if walls else "nothing was tried"
        return (Span(f"{told}; wall: {wall}", "title" if walls else "bad"),)
    told = f"{tried - red} of {tried} limits of {len(roles)} roles proven, {red} RED; wall: {wall}"
    return (Span(told, "bad" if red else "title"),)


def limits_items(state: State, cells: dict[str, tuple[Cell, ...] | None], look: Look) -> list[Item]:
    """Role by role how many limits each layer holds; first what is red or untried, with its reason and the fix."""
    found: list[Item] = []
    for control, proved in sorted(state.limits.items()):
        found.append(_said(f"heading:{control}", look, _heading(control, proved)))
        if cells.get(control) is None:
            lost = "the matrix itself is missing from the evidence, or altered; what the ledger says of it stands here"
            found.append(_said(f"lost:{control}", look, (look.sign("broken"), "bad"), (f" {lost}", "warn")))
        found += _wall_items(control, proved, look)
        if not proved.roles and not demands_proof(state.wall, proved.control):
            why = ("no role's own proof is demanded of seats held like this; a model's seat needs it", "dim")
            found.append(_said(f"none:{control}", look, (look.sign("not run"), "dim"), (" not tried  ", "dim"), why))
            continue
        cards = state.law.roles if state.charter else ()
        for card in sorted(cards, key=lambda card: _is_proven(proved, card.id)):
            found += _role_items(state, control, card.id, cells.get(control) or (), look)
    if not state.limits:
        told = "UNPROVEN: in this session no limit was tried yet"
        found.append(_said("none", look, (look.sign("broken"), "bad"), (f" {told}", "bad")))
        found.append(_said("none:fix", look, (f"  fix: {UNTRIED_FIX}", "warn")))
    return found


def _is_proven(proved: LimitsProved, role: str) -> bool:
    mine = limits_of(proved, role)
    return mine is not None and mine.tried > 0 and not mine.red


def _heading(control: str, proved: LimitsProved) -> tuple[str, str]:
    held = {"human": "people", "rehearsed": "scripts, rehearsed"}.get(control, f"models, {control}")
    return (f"seats held by {held}; wall {one_line(proved.wall, 60)}", "heading")


def _said(key: str, look: Look, *spans: tuple[str, str]) -> Item:
    return item(key, *row(look, *spans).lines)


def _wall_items(control: str, proved: LimitsProved, look: Look) -> Iterable[Item]:
    if not proved.by_wall:
        told = "nothing was tried from inside a wall" if proved.wall != "container" else "the container is not probed"
        yield _said(f"wall:{control}", look, (look.sign("broken"), "bad"), (f" UNPROVEN  {told}", "bad"))
        return
    names = ", ".join(one_line(name, 60).replace("_", " ") for name in proved.by_wall)
    count = len(proved.by_wall)
    word = (f" PROVEN {count}/{count} ", "ok")
    yield _said(f"wall:{control}", look, (look.sign("pass"), "ok"), word, (f"from inside the wall: {names}", "dim"))


def _role_items(state: State, control: str, role: str, cells: Sequence[Cell], look: Look) -> Iterable[Item]:
    key = f"role:{control}:{role}"
    mine = limits_of(state.limits[control], role)
    if mine is None or not mine.tried:
        why = ("no limit was tried; the role is not seated", "bad")
        yield _said(key, look, (look.sign("broken"), "bad"), (f" {role:<13}UNPROVEN ", "bad"), why)
        yield _said(f"{key}:fix", look, (f"   fix: {UNTRIED_FIX}", "warn"))
        return
    held = mine.tried - len(mine.red)
    word, style, sign = ("RED", "bad", "fail") if mine.red else ("PROVEN", "ok", "pass")
    layers = [(layer, [one for one in cells if one.role == role and one.layer == layer]) for layer in LAYERS]
    by_layer = "  ".join(f"{name} {sum(one.holds for one in there)}/{len(there)}" for name, there in layers if there)
    first = (f" {role:<13}{word} {held}/{mine.tried} ", style)
    yield _said(key, look, (look.sign(sign), style), first, (f" {by_layer}", "dim"))
    for number, red in enumerate(mine.red):
        sign_red = (f"  {look.sign('fail')} RED ", "bad")
        what = (f"{one_line(red.limit, 120)} ", "strong")
        why = (one_line(red.detail, 600), "text")
        yield _said(f"{key}:{number}", look, sign_red, what, (f"({one_line(red.layer, 20)}): ", "dim"), why)
        yield _said(f"{key}:{number}:fix", look, (f"      fix: {one_line(red.fix, 600)}", "warn"))


def role_parts(state: State, role: str, cells: dict[str, tuple[Cell, ...] | None], signs: dict[str, str]) -> list[Any]:
    """Every limit of one role, one line each, by how the seat is held. Titles and texts."""
    parts: list[tuple[str, str]] = []
    for control, proved in sorted(state.limits.items()):
        mine = [one for one in cells.get(control) or () if one.role == role]
        fixes = {red.limit: red.fix for red in (limits_of(proved, role) or RoleLimits(role=role, tried=0)).red}
        lines = []
        for one in sorted(mine, key=lambda cell: (cell.holds, LAYERS.index(cell.layer) if cell.layer in LAYERS else 9)):
            sign, word = (signs["pass"], "proven") if one.holds else (signs["fail"], "RED   ")
            lines.append(f"{sign} {word}  {one.layer:<12} {one.limit}" + (f": {one.detail}" if one.detail else ""))
            lines += [f"            fix: {fixes[one.limit]}"] if one.limit in fixes else []
        words = proven_word(state, role, control)
        told = "\n".join(lines) if lines else "No limit of this role was tried for seats held like this."
        parts.append((f"{role}, {control}: {words.text if words else 'a person'}", f"```\n{told}\n```"))
    return parts or [(role, f"UNPROVEN: no limit was tried in this session. Fix: {UNTRIED_FIX}")]
