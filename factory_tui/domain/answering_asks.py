"""The supervisor's answers to an ask: once, for longer, changed first, or no. One answer settles all that are alike."""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.asking import alike
from factory_tui.domain.errors import Refusal
from factory_tui.domain.item import Waiting
from factory_tui.domain.law import ruling_on_action
from factory_tui.domain.numbers import Ids
from factory_tui.domain.seals import action_sha256
from factory_tui.domain.state import Ask, State
from factory_tui.domain.terms import Action, Decision, Sha256


def answer_ask(state: State, item: Waiting, command: c.Answer) -> tuple[e.Event, ...]:
    asks = alike(state, state.asks[item.id])
    ids = Ids(state)
    match command.verb:
        case "deny":
            return tuple(e.AskAnswered(id=ask.id, allowed=False, reason=command.text) for ask in asks)
        case "edit":
            return tuple(event for ask in asks for event in _edited(state, ids, ask, command.text))
        case "allow-session":
            first = asks[0]
            return (_grant(ids, first, first.action, session=True), *(_yes(ask, command.text) for ask in asks))
        case verb:
            events: list[e.Event] = []
            for ask in asks:
                once = ask.sha256 if verb == "allow" else ""
                events += [_grant(ids, ask, ask.action, sha256=once), _yes(ask, command.text)]
            return tuple(events)


def _yes(ask: Ask, reason: str) -> e.AskAnswered:
    return e.AskAnswered(id=ask.id, allowed=True, reason=reason)


def _grant(ids: Ids, ask: Ask, action: Action, *, sha256: Sha256 = "", session: bool = False) -> e.GrantGiven:
    return e.GrantGiven(
        grant=ids.next("G"),
        role=ask.role,
        kind=action.kind,
        object=action.object,
        task="" if session else ask.task,
        once=bool(sha256),
        sha256=sha256,
    )


def _edited(state: State, ids: Ids, ask: Ask, command: str) -> tuple[e.Event, ...]:
    """Another action, by its own sha256: card and rules are asked again now, and once more when it is carried out."""
    if ask.action.kind != "run":
        raise Refusal(what=f"{ask.id} has no command to edit", why=f"it wants to {ask.action.kind}")
    if not command.strip() or command == ask.action.command:
        raise Refusal(what="the command is as it was", next_step="`allow` lets it run, `deny` does not")
    action = replace(ask.action, command=command.strip())
    sha256 = action_sha256(action)
    turn = state.turns.get(ask.turn)
    if turn is not None:
        ruling, _ = ruling_on_action(state, turn, action, sha256, {})
        if ruling.decision is Decision.DENY:
            raise Refusal(what="the edited command is denied", why=ruling.reason, next_step="edit it again, or deny")
    return (
        e.ActionEdited(id=ask.id, turn=ask.turn, was=ask.action.command, action=action, sha256=sha256),
        _grant(ids, ask, action, sha256=sha256),
        e.AskAnswered(id=ask.id, allowed=True, reason=""),
    )
