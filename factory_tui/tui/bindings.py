"""Every action of the cockpit, once: keys, hint strip, help, palette and documentation are made from this table.

Lowercase looks or is reversible, uppercase answers. A key file may give an action other keys; it can make no answer
lowercase, take no key that terminals own, and give no key two meanings in one place (`keymap`).
"""

from __future__ import annotations

from factory_tui.tui.acts.act import Act as Act
from factory_tui.tui.acts.answering import ANSWERING
from factory_tui.tui.acts.answering import VERBS as VERBS
from factory_tui.tui.acts.anywhere import ANYWHERE
from factory_tui.tui.acts.moving import MOVING
from factory_tui.tui.acts.screens import SCREENS
from factory_tui.tui.acts.turn import TURN

NEVER: tuple[str, ...] = ("ctrl+a", "ctrl+b", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+p", "ctrl+q", "ctrl+s")
NEVER += ("ctrl+v", "ctrl+w", "ctrl+z", "ctrl+backslash", "ctrl+left_square_bracket", "ctrl+c")
"""Keys that terminals, tmux, screen or shells own."""

GO = "g"
"""Begins a sequence: `g f`."""

ACTS: tuple[Act, ...] = (
    *MOVING,
    *ANYWHERE,
    *TURN,
    *SCREENS,
    *ANSWERING,
    # --- how it looks: by the palette ---
    Act(id="theme.dark", label="dark", doc="Dark colours.", group="look"),
    Act(id="theme.light", label="light", doc="Light colours.", group="look"),
    Act(id="theme.contrast", label="high contrast", doc="High contrast.", group="look"),
    Act(id="theme.mono", label="monochrome", doc="No colour.", group="look"),
    Act(id="theme.ascii", label="ASCII", doc="Signs in ASCII only; again: all signs.", group="look"),
)

GROUPS = {
    "move": "Move",
    "go": "Go",
    "work": "Work",
    "turn": "The chosen turn and task",
    "answer": "Answer, only where the whole object is shown",
    "look": "Look",
}
