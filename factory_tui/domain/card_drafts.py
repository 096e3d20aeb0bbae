"""What was asked again and again and allowed each time: drafts for a role's card, adopted by the supervisor alone.

Nothing is allowed by a draft. On the card it settles exactly that ask, of rules only: see `law.settled_by`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.law import asked_by_rules_alone, entry_of
from factory_tui.domain.state import State
from factory_tui.domain.terms import Decision

LEAST_ASKED = 3
"""Equal asks, each allowed as it was, before a card is proposed for them."""


class CardDraft(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a role's card could have."""

    role: str
    entry: str
    """`run make notes`: kind and object, to the letter."""
    asked: int
    rules: tuple[str, ...]
    """Which asked."""

    @property
    def line(self) -> str:
        """As it stands in the card's front matter."""
        return f"  - {json.dumps(self.entry, ensure_ascii=False)}"


def card_drafts(entries: Iterable[Entry], state: State) -> tuple[CardDraft, ...]:
    """Asked most first. One that was edited, denied or is still open is none; nor is what the card settles already."""
    open_asks: dict[str, tuple[str, str]] = {}
    asked: dict[tuple[str, str], int] = {}
    allowed: dict[tuple[str, str], int] = {}
    rules: dict[tuple[str, str], dict[str, None]] = {}
    if state.charter is None:
        return ()
    for entry in entries:
        match entry.event:
            case e.ActionAsked(id=id, turn=turn, action=action, ruling=ruling):
                key = (turn.partition("/")[0], entry_of(action))
                if key[1] and asked_by_rules_alone(state.law, ruling.matches):
                    open_asks[id] = key
                    asked[key] = asked.get(key, 0) + 1
                    asking = {match.source: None for match in ruling.matches if match.decision is Decision.ASK}
                    rules.setdefault(key, {}).update(asking)
            case e.ActionEdited(id=id):
                open_asks.pop(id, None)
            case e.AskAnswered(id=id, allowed=True) if id in open_asks:
                allowed[open_asks[id]] = allowed.get(open_asks[id], 0) + 1
    cards = {card.id: card for card in state.law.roles}
    return tuple(
        CardDraft(role=role, entry=what, asked=count, rules=tuple(rules[role, what]))
        for (role, what), count in sorted(asked.items(), key=lambda one: -one[1])
        if count >= LEAST_ASKED and allowed.get((role, what)) == count
        if role in cards and what not in cards[role].settled
    )


def with_settled(text: str, draft: CardDraft) -> str:
    """A card's file with the draft's line in its front matter; everything else to the letter. Raises ValueError when
    it has no front matter."""
    lines = text.split("\n")
    if not lines or lines[0].rstrip() != "---":
        raise ValueError("it has no front matter")
    end = next((number for number, one in enumerate(lines[1:], 1) if one.rstrip() == "---"), None)
    if end is None:
        raise ValueError("its front matter is never closed")
    place = next((number for number, one in enumerate(lines[:end]) if one.rstrip() == "settled:"), None)
    if place is not None:
        lines.insert(place + 1, draft.line)
    elif any(one.startswith("settled:") for one in lines[:end]):
        raise ValueError("its `settled` is written on one line")
    else:
        lines[end:end] = ["settled:", draft.line]
    return "\n".join(lines)
