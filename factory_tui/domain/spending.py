"""Spending: what was used, what may be used, and what follows when it is used up.

Every bound is looked at in two places: the next action is denied with the way on, and a turn that goes on regardless
is ended with its work kept. A day is a day of the recorded times, in UTC; nothing here reads a clock.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from factory_tui.domain.errors import Refusal
from factory_tui.domain.events import Outcome
from factory_tui.domain.staffing import NO_BOUNDS, UNITS, Bounds, choice, tightest
from factory_tui.domain.state import Spent, State, Task, Turn
from factory_tui.domain.terms import Control
from factory_tui.domain.times import minutes_between

GRACE = 0.1
"""Of a turn's share, on top of any bound: to say what there is and hand over. Beyond it the turn is ended."""
MOST_DENIALS = 3
"""Of one turn for a budget that is used up; then it is ended."""
MOST_REPEATS = 3
"""The same action failing so often in a row parks its turn."""
MOST_RAISE = {"usd": 1_000.0, "tokens": 1_000_000_000, "actions": 100_000, "minutes": 10_000.0}
"""At once. A budget is raised by an amount, never taken away."""
LONG = {"day": "of the day", "session": "of the session"}


class Excess(NamedTuple):
    """One budget that is used up, or that nothing counts any more."""

    scope: str
    """`turn`, `day`, `session`, `role:builder`, `task:T-1`"""
    what: str
    """`USD 20.13 of 20.00, 41 of 40 actions`"""
    is_uncounted: bool = False
    """It bounds money alone, and what is used costs nobody knows what."""

    @property
    def told(self) -> str:
        return self.what if self.is_uncounted else f"the budget {name_of(self.scope)} is used up: {self.what}"


# --- what was used -------------------------------------------------------------------------------


def counted(state: State, turn: Turn, at: str, more: Spent) -> dict[str, object]:
    """What the state holds after a turn used `more`. Counting begins with the crew of a session, so that ledgers of
    before fold to what they were."""
    if not state.crew:
        return {}
    day = at[:10]
    spent = dict(state.spent)
    raised = state.raised
    if day != state.day:
        spent.pop("day", None)
        raised = {scope: bounds for scope, bounds in raised.items() if scope != "day"}
    for scope in ("day", "session", f"role:{turn.role}", f"task:{turn.task}"):
        spent[scope] = spent.get(scope, Spent()) + more
    return {"spent": spent, "day": day, "raised": raised}


def used(state: State, scope: str) -> Spent:
    """In a scope up to now, what runs included."""
    if scope == "day" and state.day != state.at[:10]:
        return Spent()
    kept = state.spent.get(scope, Spent())
    minutes = sum(
        minutes_between(turn.started, state.at)
        for turn in state.turns.values()
        if turn.control != "human" and scope in ("day", "session", f"role:{turn.role}", f"task:{turn.task}")
    )
    return kept + Spent(minutes=minutes)


def used_by(state: State, turn: Turn) -> Spent:
    return Spent(
        usd=turn.known_usd,
        tokens=turn.tokens,
        actions=turn.actions,
        minutes=0.0 if turn.control == "human" else minutes_between(turn.started, state.at),
        unknown=turn.usd is None,
    )


# --- what may be used ----------------------------------------------------------------------------


def bound(state: State, scope: str) -> Bounds:
    """The tighter of the home's and the user's, and what the supervisor raised it by."""
    home, ceilings = state.law.gate.budgets, state.ceilings
    kind, _, name = scope.partition(":")
    if kind == "role":
        found = tightest(home.roles.get(name, NO_BOUNDS), ceilings.roles.get(name, NO_BOUNDS))
    else:
        found = tightest(getattr(home, kind), getattr(ceilings, kind))
    return raised_by(found, state.raised.get(scope, NO_BOUNDS))


def share(state: State, role: str, task: str) -> Bounds:
    """Of one turn: the role's card, tightened by home and user, raised by the supervisor for this task."""
    card = state.law.role(role).budget
    of_card = Bounds(usd=card.usd, tokens=card.tokens, actions=card.actions, minutes=card.minutes)
    found = tightest(of_card, state.law.gate.budgets.turn, state.ceilings.turn)
    return raised_by(found, state.raised.get(f"turn:{task}", NO_BOUNDS))


def raised_by(bounds: Bounds, more: Bounds) -> Bounds:
    """What is not bounded stays so."""
    return Bounds(
        usd=bounds.usd and bounds.usd + more.usd,
        tokens=bounds.tokens and bounds.tokens + more.tokens,
        actions=bounds.actions and bounds.actions + more.actions,
        minutes=bounds.minutes and bounds.minutes + more.minutes,
    )


def scopes_of(role: str, task: str) -> tuple[str, ...]:
    """The widest first: what is shared by most is said first."""
    return ("day", "session", f"role:{role}", f"task:{task}")


# --- what follows --------------------------------------------------------------------------------


def shared_excess(state: State, role: str, task: str) -> Iterator[Excess]:
    """Budgets used up that this turn shares with others."""
    for scope in scopes_of(role, task):
        if what := _over(used(state, scope), bound(state, scope)):
            yield Excess(scope, what)


def excess(state: State, turn: Turn) -> Iterator[Excess]:
    """Budgets that are used up for a running turn. A person's own time and money are theirs."""
    own, most = used_by(state, turn), share(state, turn.role, turn.task)
    # Its minutes are held by whoever runs it: they stand still while it waits for somebody.
    if what := _over(own, Bounds(usd=most.usd, tokens=most.tokens, actions=most.actions)):
        yield Excess("turn", what)
    if turn.control != "human":
        yield from shared_excess(state, turn.role, turn.task)
    # Its seat knew what it costs when it sat down; then something answered whose price nobody knows.
    if turn.usd is None and must_be_counted(turn.control):
        yield from _uncounted(state, turn.role, turn.task)


def must_end(state: State, turn: Turn) -> Excess | None:
    """The budget for which a running turn is ended now; None = it goes on."""
    if turn.control == "human":
        return None
    over = tuple(excess(state, turn))
    if not over:
        return None
    if turn.over_budget >= MOST_DENIALS:
        return over[0]
    most = share(state, turn.role, turn.task)
    grace = Bounds(
        usd=most.usd * GRACE,
        tokens=int(most.tokens * GRACE),
        actions=int(most.actions * GRACE) + 1,
        minutes=most.minutes * GRACE,
    )
    for one in over:
        if one.is_uncounted:
            continue
        spent = used_by(state, turn) if one.scope == "turn" else used(state, one.scope)
        bounds = most if one.scope == "turn" else bound(state, one.scope)
        if one.scope == "turn":
            bounds = Bounds(usd=bounds.usd, tokens=bounds.tokens, actions=bounds.actions)
        if _over(spent, raised_by(bounds, grace)):
            return one
    return None


def is_looping(turn: Turn) -> bool:
    """Whether the same action failed so often in a row that it will again."""
    return turn.control != "human" and turn.repeats >= MOST_REPEATS and turn.failing_kind != "report"


def ended_because(state: State, turn: Turn) -> tuple[Outcome | None, str]:
    """Outcome and note of a turn that the factory ends; None = it goes on."""
    if is_looping(turn):
        return "stalled", f"loop: the same action failed {turn.repeats} times in a row ({turn.failing_kind})"
    if (over := must_end(state, turn)) is not None:
        return "budget", over.told
    return None, ""


def withheld(state: State, task: Task) -> str:
    """Why a budget lets no turn of whoever is to fill it start on a task; empty = it may."""
    return "" if task.handoff is None or is_for_person(state, task) else used_up(state, task)


def used_up(state: State, task: Task) -> str:
    """Why a budget lets no turn start on a task but a person's; empty = it may."""
    if task.overspent or task.handoff is None:
        return task.overspent
    over = next(shared_excess(state, task.handoff.to, task.id), None)
    return over.told if over else ""


def must_be_counted(control: Control) -> bool:
    """Whether what a seat held like this uses costs somebody money."""
    return control not in ("human", "rehearsed")


def unbounded(state: State, role: str, task: str) -> str:
    """Why a seat whose cost is unknown cannot fill the role: money would bound it, and nothing counts it."""
    return next((one.what for one in _uncounted(state, role, task)), "")


def _uncounted(state: State, role: str, task: str) -> Iterator[Excess]:
    for scope in scopes_of(role, task):
        bounds = bound(state, scope)
        if bounds.usd and not bounds.tokens:
            kind, _, name = scope.partition(":")
            table = f"roles.{name}" if kind == "role" else kind
            what = (
                f"what it costs is unknown, and the budget {name_of(scope)} names money but no tokens, so nothing"
                f" would bound it. Set `tokens` beside `usd` under [budgets.{table}], or give the model a price"
            )
            yield Excess(scope, what, is_uncounted=True)


def seat_of(state: State, role: str, task: Task | None) -> str:
    """The seat that would fill a role, as far as it is on record."""
    staffed = state.crew.get(role)
    for text in (task.seat if task else "", state.role_seats.get(role, "")):
        if name := choice(text).seat:
            return name
    return staffed.seat if staffed else ""


def is_for_person(state: State, task: Task) -> bool:
    return task.handoff is not None and seat_of(state, task.handoff.to, task) == "human"


def name_of(scope: str) -> str:
    kind, _, name = scope.partition(":")
    return LONG.get(kind) or (f"of {name}" if name else "of the turn")


def _over(spent: Spent, most: Bounds) -> str:
    found = []
    if most.usd and spent.usd >= most.usd:
        found.append(f"USD {spent.usd:.2f} of {most.usd:.2f}")
    if most.tokens and spent.tokens >= most.tokens:
        found.append(f"{spent.tokens} of {most.tokens} tokens")
    if most.actions and spent.actions >= most.actions:
        found.append(f"{spent.actions} of {most.actions} actions")
    if most.minutes and spent.minutes >= most.minutes:
        found.append(f"{spent.minutes:.0f} of {most.minutes:g} minutes")
    return ", ".join(found)


# --- raising -------------------------------------------------------------------------------------

_AMOUNT = re.compile(
    r"(?:(usd|tokens|actions|minutes)\s*[=:+]?\s*\+?([0-9][0-9_.]*)|\+?([0-9][0-9_.]*)\s*(usd|tokens|actions|minutes))"
)


def amount_in(text: str, most: Bounds) -> Bounds:
    """`usd 5, tokens 200000` or `5 usd`; nothing = as much again as was allowed before. Raises Refusal."""
    if not text.strip():
        return most
    found: dict[str, float] = {}
    for before, after, number, unit in _AMOUNT.findall(text.lower()):
        try:
            found[before or unit] = float(after or number)
        except ValueError:
            found[before or unit] = math.nan
    left = re.sub(r"[\s,;]+|and", "", _AMOUNT.sub("", text.lower()))
    slip = next((unit for unit, value in found.items() if not 0 < value <= MOST_RAISE[unit]), "")
    if left or not found or slip:
        raise Refusal(
            what=f"`{text.strip()[:80]}` is no amount by which a budget is raised",
            why=f"of {slip} at most {MOST_RAISE[slip]:g} at once" if slip else "an amount is a number and a unit",
            next_step=f"for instance `usd 5, tokens 500000`; units are {', '.join(UNITS)}",
        )
    return Bounds(
        usd=found.get("usd", 0.0),
        tokens=int(found.get("tokens", 0)),
        actions=int(found.get("actions", 0)),
        minutes=found.get("minutes", 0.0),
    )
