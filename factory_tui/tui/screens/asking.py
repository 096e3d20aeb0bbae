"""Stating work: a small task for one role, or a mission that the planner plans. One line, Tab says which."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from factory_tui.domain import commands as c
from factory_tui.domain.state import State

if TYPE_CHECKING:
    from factory_tui.domain.roles import RoleCard
    from factory_tui.tui.bridge import Bridge

Make = Callable[[str], c.Command]


def takers(state: State) -> list[RoleCard]:
    """Roles that can be given a small task: first who may change most, then other authors, then who reports."""
    if state.charter is None:
        return []
    found = [card for card in state.charter.roles if card.delivers in ("change", "report")]
    return sorted(found, key=lambda card: (card.delivers, "**" not in card.writes, len(card.never_writes), card.id))


def kinds_of_work(state: State) -> list[tuple[str, str, Make]]:
    """A prompt, what is said when it is on record, and the command. The usual small task first, then a mission, then a
    small task for each other role."""

    def small(card: RoleCard) -> tuple[str, str, Make]:
        def make(text: str) -> c.Command:
            return c.OpenSmallTask(text=text, role=card.id, base_ref=state.base_ref, base=state.base)

        return (
            f"a small task for the {card.id}, no plan, every gate level",
            f"the task is on record for {card.id}",
            make,
        )

    def mission(text: str) -> c.Command:
        return c.StateMission(text=text, base_ref=state.base_ref, base=state.base)

    planned = ("a mission: what shall be true at the end; the planner plans it", "the mission is on record", mission)
    smalls = [small(card) for card in takers(state)]
    return [*smalls[:1], planned, *smalls[1:]]


def ask_for_work(cockpit: Bridge) -> None:
    """One line; Tab goes through the kinds, `role: text` names a role at once. The session's mode is the home's."""
    room = cockpit.room
    if room is None:
        return
    asked, kinds = room, kinds_of_work(cockpit.state)
    roles = {card.id for card in takers(cockpit.state)}

    def state_it(text: str) -> None:
        named, colon, rest = text.partition(":")
        _, told, make = kinds[asked.toggled]
        if colon and named.strip() in roles:
            order = [card.id for card in takers(cockpit.state)]
            place = order.index(named.strip())
            _, told, make = kinds[place if place == 0 else place + 1]
            text = rest.strip()
        if not text:
            asked.say("nothing was stated: it had no words", "warn")
        else:
            cockpit.command(
                make(text), f"{told}; mode {cockpit.state.mode}, {room.key_of('mode')} on the floor changes it"
            )

    room.type([prompt for prompt, _, _ in kinds], state_it)
