"""What is proven, in a few words: on every screen and in every pane's head. Imported before the first frame: small."""

from __future__ import annotations

from factory_tui.domain.events import LimitsProved, RoleLimits
from factory_tui.domain.limits import DEGRADED
from factory_tui.domain.state import State
from factory_tui.tui.lines import Line, Span


def badges(wall: str, *, root: bool = False) -> Line:
    """Words that stay on every screen as long as something is not as it should be; empty = it is."""
    found = [Span(" DEGRADED: no wall ", "bar-alert")] if wall == DEGRADED else []
    if root or wall.endswith("as root"):
        found.append(Span(" AS ROOT ", "bar-alert"))
    return tuple(found)


def frozen_badge(state: State) -> Line:
    """What is held back, as long as it is."""
    if state.frozen is None:
        return ()
    return (Span(" FROZEN " if state.frozen.landings else " NO DEPLOYMENTS ", "bar-alert"),)


def wall_words(wall: str, *, root: bool = False) -> Line:
    """The header's word for what holds commands."""
    marks = badges(wall, root=root)
    name = (wall.split() or ["?"])[0].rstrip(":,")
    style = "bar-alert" if name == "none" else "bar"
    if not marks:
        return (Span(f" wall {name} ", style),)
    first = () if wall == DEGRADED else (Span(f" wall {name}", style),)
    return (*first, Span(" ", "bar"), *marks)


def evidence_word(state: State, *, whole: bool) -> Line:
    """The header's word for how far evidence can be trusted; nothing where no session said so."""
    if state.assurance:
        from factory_tui.domain import assurance

        return (Span(f" {assurance.short(state.assurance) if whole else state.assurance} ", "bar"),)
    return (Span(" ", "bar"), Span(" UNSIGNED ", "bar-alert")) if state.unsigned else ()


def proven_word(state: State, role: str, control: str) -> Span | None:
    """`11/11 limits proven`, for the head of a pane; None for a person, whom no limit of ours holds."""
    if control == "human":
        return None
    proved = state.limits.get(control)
    mine = limits_of(proved, role)
    if mine is not None and mine.tried:
        held = mine.tried - len(mine.red)
        if mine.red:
            return Span(f"{held}/{mine.tried} limits proven, {len(mine.red)} RED", "bad")
        return Span(f"{held}/{mine.tried} limits proven", "ok")
    if proved is not None and proved.by_wall and not proved.roles:
        count = len(proved.by_wall)
        return Span(f"{count}/{count} wall limits proven", "ok")
    return Span("limits UNPROVEN", "bad")


def in_short(proven: Span) -> Span:
    """The same for a narrow head: `11/11 proven`, `2 RED`, `UNPROVEN`."""
    told = proven.text.rsplit(", ")[-1].removeprefix("limits ")
    return Span(told.replace(" wall", "").replace(" limits", ""), proven.style)


def limits_of(proved: LimitsProved | None, role: str) -> RoleLimits | None:
    """What was tried of one role."""
    return next((one for one in proved.roles if one.role == role), None) if proved else None
