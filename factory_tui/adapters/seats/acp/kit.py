"""What a seat of any agent works with, whichever agent it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from factory_tui.adapters.agents import Agent
from factory_tui.adapters.enclosure import BoundaryAt, Program
from factory_tui.adapters.logins import Login
from factory_tui.domain.prices import Models
from factory_tui.engine.seat_ports import TurnBrief

Opener = Callable[[Sequence[str], BoundaryAt], Awaitable[Program]]
START_SECONDS = 60.0
TOOLS_SECONDS = 3.0
"""For an agent to ask our server which tools there are; without that they are written into its prompt."""
SILENCE_SECONDS = 300.0
"""Without a byte from it or its model while nothing is under way at the desk."""


@dataclass(frozen=True, kw_only=True)
class Kit:
    """What the seat works with."""

    open: Opener
    contained: bool
    """Whether there is a wall around what `open` starts."""
    agent: Agent
    name: str
    """Of the seat or the agent, for its pane."""
    argv: tuple[str, ...]
    """The command, its program found."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Where the other programs are that it starts."""
    readable: tuple[str, ...] = ()
    where: str = ""
    """The other machine it runs on; empty = this one."""
    login: Login | None = None
    """None = no way out is served."""
    place: str
    """A directory of the state place: a folder for each conversation, never shared."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The user's own, from which the agent is passed what its file names."""
    models: Models
    model: str = ""
    start_seconds: float = START_SECONDS
    tools_seconds: float = TOOLS_SECONDS
    silence_seconds: float = SILENCE_SECONDS
    learn: Callable[[str, str], None] = field(default=lambda name, secret: None)
    """Told of each secret, so that it is written nowhere."""


def shows_tree(kit: Kit, brief: TurnBrief) -> bool:
    """Whether its own tools may see the tree: what they read nobody asks about, so only where all of it may be read."""
    card = brief.card
    return bool(
        brief.directory
        and card is not None
        and not kit.where
        and kit.agent.sees_tree
        and card.reads == ("**",)
        and not card.never_reads
    )
