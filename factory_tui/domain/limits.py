"""What the trial of every limit says about who may be seated."""

from __future__ import annotations

from factory_tui.domain.roles import RoleCard
from factory_tui.domain.state import State
from factory_tui.domain.terms import Control, SeatFacts

NO_WALL = "none"
"""How a session records that nothing holds its commands, and that nobody accepted that."""
DEGRADED = "none, DEGRADED: accepted by the supervisor"
"""How it records that somebody did, for this one session."""


def is_root_untold(wall: str, *, root: bool) -> bool:
    """Whether the factory runs as root and the wall's own label does not say so."""
    return root and not wall.endswith("as root")


def demands_proof(wall: str, control: Control) -> bool:
    """Whether a red limit keeps a role unseated: not where the supervisor accepted to go without, nor for people."""
    return control not in ("human", "rehearsed") and wall != DEGRADED


def misfit(card: RoleCard, facts: SeatFacts) -> str:
    """Why a seat that is like this never fills the role, whoever asks for it; empty = it may.

    A person is bound at the handover, where their whole tree is judged; a program by what holds it while it runs.
    """
    if facts.control == "human" or facts.contained:
        return ""
    if card.contained:
        return (
            f"the role {card.id} is for a contained seat only, and this one runs outside of the wall. Install"
            " bubblewrap, or choose another seat for the role"
        )
    if not facts.gates_every_call:
        return (
            "it runs outside of the wall and does not ask before each call, so nothing would hold the role"
            f" {card.id}. Install bubblewrap, or choose another seat for the role"
        )
    return ""


def unproven(state: State, role: str, control: Control) -> str:
    """Why a seat held like this cannot fill the role by what is on record, and the fix; empty = it can."""
    if not demands_proof(state.wall, control):
        return ""
    proved = state.limits.get(control)
    mine = next((limits for limits in proved.roles if limits.role == role), None) if proved else None
    if mine is None or not mine.tried:
        return f"no limit of the role `{role}` was tried for a seat that is {control}"
    return "; ".join(f"{red.limit} ({red.layer}): {red.detail}. {red.fix}" for red in mine.red[:3])
