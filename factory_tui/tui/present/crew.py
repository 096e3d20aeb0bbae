"""The crew as rows: what fills each role and why, how it is held, what it has used of what it may."""

from __future__ import annotations

from factory_tui.domain.roles import RoleCard
from factory_tui.domain.spending import bound, share, used
from factory_tui.domain.staffing import chosen
from factory_tui.domain.state import State
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Span, cut_line, item, line
from factory_tui.tui.present.law import role_text
from factory_tui.tui.present.words import Setting, money, tokens

CONTROLS = {"human": "human", "rehearsal": "rehearsed", "anthropic_api": "brokered"}
"""How a kind of seat is held, where no turn of the role has shown it yet; others say so when they sit."""


def crew_rows(state: State, setting: Setting) -> list[Item]:
    """Two lines for each role: who and how; how much, and why that seat."""
    if state.charter is None:
        return []
    found = [item("", cut_line((Span(f" ! {note}", "warn"),), setting.width)) for note in _notes(state)]
    for card in state.charter.roles:
        seat, model, why = _seat(state, card)
        running = [turn for turn in state.turns.values() if turn.role == card.id]
        control = running[0].control if running else CONTROLS.get(seat, "")
        where = running[0].facts.where if running and running[0].facts else ""
        named = " ".join(part for part in (seat or "not staffed yet", model) if part)
        at_work = f"{len(running)} at work" if running else "idle"
        first = line(
            (f" {card.id:<14}", "strong"),
            (f"{named:<34} ", "text"),
            (f"runs at {where}  " if where else "", "warn"),
            (f"{control or 'proven when it sits':<20} ", "dim"),
            (at_work, "work" if running else "dim"),
        )
        second = line((f"   {_used(state, card)}", "dim"), (f"  {one_line(why, 400)}", "dim"))
        found.append(item(f"role:{card.id}", cut_line(first, setting.width), cut_line(second, setting.width)))
    return found


def _notes(state: State) -> list[str]:
    waits = [
        f"{wait.seat} waits for the world until {wait.until[11:16]} UTC: {wait.cause}" for wait in state.world.values()
    ]
    return [one_line(note, 300) for note in (*waits, *state.crew_notes)]


def _seat(state: State, card: RoleCard) -> tuple[str, str, str]:
    staffed = state.crew.get(card.id)
    if staffed is None:
        return "", "", ""
    now = chosen(staffed, state.role_seats.get(card.id, ""), "")
    model = now.model or ("" if now.seat in ("human", "rehearsal") else f"tier {card.model_tier}")
    return now.seat, f"{model} {now.effort}".rstrip(), now.why


def _used(state: State, card: RoleCard) -> str:
    """Of the session by the role; and what one turn of it may use."""
    if not state.crew:
        return ""
    spent, most, of_turn = used(state, f"role:{card.id}"), bound(state, f"role:{card.id}"), share(state, card.id, "")
    total = f"/{most.usd:g}" if most.usd else ""
    return (
        f"used {money(spent.usd, spent.unknown)}{total}, {tokens(spent.tokens)} tok;"
        f" a turn: ${of_turn.usd:g}, {tokens(of_turn.tokens)} tok, {of_turn.minutes:g} min"
    )


def crew_role_text(state: State, card: RoleCard) -> list[tuple[str, str]]:
    """One role: its seat, then its card."""
    seat, model, why = _seat(state, card)
    told = [f"seat   {seat or 'not staffed yet'}", f"model  {model or '-'}", f"why    {why or '-'}", _used(state, card)]
    return [("what fills it", "\n".join(told)), *role_text(card)]
