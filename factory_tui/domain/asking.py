"""Asks and denials as the supervisor meets them: equal ones are one, none is asked for ever, few are remembered."""

from __future__ import annotations

from collections import Counter

from factory_tui.domain import events as e
from factory_tui.domain.numbers import Ids
from factory_tui.domain.state import Ask, Notice, State, Turn
from factory_tui.domain.terms import Action, Actor, Ruling
from factory_tui.domain.times import minutes_between

MINUTES_OPEN = 8 * 60.0
"""After which an ask that nobody answered is denied."""
AWAY = "supervisor away, choose another way"
YESES_BEFORE_SESSION = 2
"""Equal asks that were allowed before a yes for the whole session is offered."""
DENIALS_IN_ONE = 3
HASTY_SECONDS, HASTY_YESES = 2.0, 10
"""So many yeses, each within so many seconds of the one before, were not read."""
YES = frozenset({"allow", "allow-task", "allow-session", "edit", "approve", "accept"})


def alike(state: State, ask: Ask) -> tuple[Ask, ...]:
    """The asks of several turns that one answer settles: one role, one action, the same reasons."""
    return tuple(
        other
        for other in state.asks.values()
        if (other.role, other.sha256, other.ruling) == (ask.role, ask.sha256, ask.ruling)
    )


def key_of(role: str, action: Action) -> str:
    """What equal asks and equal denials have in common."""
    return f"{role} {action.kind} {action.object}"


def may_last_the_session(state: State, ask: Ask) -> bool:
    return ask.may_be_remembered and state.yeses.get(key_of(ask.role, ask.action), 0) >= YESES_BEFORE_SESSION


def stands_still(state: State, turn: Turn) -> bool:
    """Whether the turn can go on only when the supervisor acts: its time does not run then."""
    return bool(state.paused or turn.paused) or any(ask.turn == turn.id for ask in state.asks.values())


def overdue(state: State, now: str) -> tuple[Ask, ...]:
    return tuple(ask for ask in state.asks.values() if minutes_between(ask.since, now) >= MINUTES_OPEN)


def deny_overdue(state: State, now: str) -> tuple[e.Event, ...]:
    """Silence is never a yes, and not a wait without end."""
    return tuple(e.AskAnswered(id=ask.id, allowed=False, reason=AWAY) for ask in overdue(state, now))


def denied_again(state: State, task: str, turn: str, role: str, action: Action, ruling: Ruling) -> tuple[e.Event, ...]:
    """The third equal denial is told once, with the way on."""
    count = state.denials.get(key_of(role, action), 0) + 1
    if count != DENIALS_IN_ONE:
        return ()
    instead = "; ".join(dict.fromkeys(match.instead for match in ruling.matches if match.instead))
    why = "; ".join(
        dict.fromkeys(
            f"{match.source}: {match.reason}" for match in ruling.matches if match.decision == ruling.decision
        )
    )
    text = (
        f"The {role} was denied `{action.kind} {action.object}` {count} times, last by {turn} on {task}.\n\n"
        f"Denied by: {why}\n\nWay on: {instead or 'say to the turn what it shall do, or re-plan the task'}"
    )
    title = f"{role} was denied {count}x: {action.kind} {action.object}"
    return (e.NoticeRaised(notice=Ids(state).next("N"), kind="denials", task=task, title=title, text=text),)


def denials_of(state: State, turn: Turn) -> Notice | None:
    """What was told of the denials for which a turn is parked: one thing is one item."""
    return next(
        (
            notice
            for notice in state.notices.values()
            if notice.kind == "denials" and notice.task == turn.task and notice.title.endswith(f": {turn.failing_kind}")
        ),
        None,
    )


def is_hasty(state: State, at: str) -> bool:
    """Whether a yes at this moment follows the last one too closely to have been read."""
    return bool(state.last_yes) and 0.0 < minutes_between(state.last_yes, at) * 60.0 < HASTY_SECONDS


def unread(state: State, verb: str, about: str, by: Actor, at: str) -> tuple[e.Event, ...]:
    """After the tenth hasty yes of a person: that they are not reading, and a narrower card; never a wider grant."""
    if verb not in YES or by.name.endswith("@script") or not is_hasty(state, at):
        return ()
    told = (*state.hasty, about)
    if len(told) + 1 < HASTY_YESES or any(notice.kind == "haste" for notice in state.notices.values()):
        return ()
    lines = "\n".join(f"- {count}x {what}" for what, count in Counter(told).most_common())
    text = (
        f"{HASTY_YESES} approvals in a row took less than {HASTY_SECONDS:g} s each. Nobody reads that fast.\n\n"
        f"{lines}\n\nNothing is allowed for longer because of it. What is always right needs no question: put exactly "
        "that command or path on the role's card (roles/<role>.md), or write a rule that looks for you. What is never "
        "right, deny there."
    )
    notice = Ids(state).next("N")
    return (e.NoticeRaised(notice=notice, kind="haste", title="you are not reading these", text=text),)
