"""What stops the bleeding, as rows: what runs where and what it goes back to, what the world says, what is frozen."""

from __future__ import annotations

from collections.abc import Mapping

from factory_tui.domain.deciding_rollbacks import to_take_back
from factory_tui.domain.errors import Refusal
from factory_tui.domain.state import LiveRelease, State
from factory_tui.tui.harmless import one_line
from factory_tui.tui.keymap import Key
from factory_tui.tui.lines import Item, Line, Span, item, line
from factory_tui.tui.present.deployments import named_environments, release_words

NOTHING_FROZEN = "nothing is frozen: landings and deployments go on"


def environments(state: State) -> list[str]:
    """Those with a release first, what came last before what came earlier; then the others."""
    live = state.releases
    known = [*live, *named_environments(state)]
    return sorted(dict.fromkeys(known), key=lambda name: live[name].since if name in live else "", reverse=True)


def bleeding_items(state: State, world: Mapping[str, str], glyph: str, key: Key) -> list[Item]:
    """Title, then each environment with its way back, then the freeze."""
    items = [item("", line(Span("stop the bleeding", "title")))]
    for name in environments(state):
        lines, said = _release(state, name, state.releases.get(name), key), world.get(name, "")
        if said:
            style = "bad" if said.startswith("UNKNOWN") else "work"
            lines.append(line(Span(f"     {glyph} the world: ", "dim"), Span(one_line(said, 300), style)))
        items.append(item(f"release:{name}", *lines))
    stop = state.frozen
    if stop is not None:
        what = "landings and deployments" if stop.landings else "deployments"
        told = line(Span(" FROZEN ", "bad"), Span(f"{what}, since {stop.since[11:16]}: {one_line(stop.reason, 200)}"))
    else:
        told = line(Span(" OPEN   ", "ok"), Span(NOTHING_FROZEN))
    return [*items, item("freeze", told), item("", line(Span("incidents", "title")))]


def _release(state: State, name: str, live: LiveRelease | None, key: Key) -> list[Line]:
    if live is None and not any(one.plan.environment == name and not one.over for one in state.deployments.values()):
        return [line(Span(f" {name}: the ledger knows of no release there", "dim"))]
    head = release_words(name, live) if live else f"{name}: nobody knows what runs there"
    try:
        found = to_take_back(state, name)
    except Refusal as refusal:
        return [line(Span(f" {head}")), line(Span(f"     {refusal.what}: {refusal.why}", "dim"))]
    back = found.plan.previous[:10] or "nothing"
    return [
        line(Span(f" {head}")),
        line(Span(f"     {key('incident.rollback')}", "key"), Span(f" takes {found.id} back to {back}", "warn")),
    ]
