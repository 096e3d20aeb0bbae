"""What a supervisor is told before the first turn of a session."""

from __future__ import annotations

from factory_tui.domain.law import rulebook_of
from factory_tui.domain.state import State


def checklist(state: State) -> str:
    """What the session stands on, each line with what was really found."""
    if state.charter is None:
        return "- no charter is in force"
    law = state.charter
    loaded = [one for one in rulebook_of(law).enforcement() if not one.enforced]
    dna = law.dna
    lines = [
        f"- repository: {state.base_ref.removeprefix('refs/heads/')} at {state.base[:10]}",
        f"- DNA: {'whole, sha256 ' + dna.sha256[:12] if dna else 'MISSING'}",
        f"- rules: {len(law.rules)} in force, {len(loaded)} of them loaded and not enforced",
        f"- roles: {len(law.roles)}; knowledge: {len(law.knowledge)} document(s)",
        f"- smoke command: {law.gate.smoke.command or 'MISSING, level 2 cannot run'}",
        f"- wall: {state.wall}" + (", commands run as you" if state.wall.startswith("none") else ""),
        f"- open tasks: {len(state.tasks)}; mode: {state.mode}",
    ]
    return "\n".join(lines)
