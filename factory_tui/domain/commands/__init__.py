"""What somebody wants to become true. A command is a wish with everything needed to answer it; it is never stored."""

from __future__ import annotations

from dataclasses import dataclass

from factory_tui.domain.commands.deployments import *
from factory_tui.domain.commands.gate import *
from factory_tui.domain.commands.incidents import *
from factory_tui.domain.commands.missions import *
from factory_tui.domain.commands.sessions import *
from factory_tui.domain.commands.turns import *
from factory_tui.domain.terms import Actor

Command = SessionsCommand | MissionsCommand | TurnsCommand | GateCommand | DeploymentsCommand | IncidentsCommand


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A command, who gave it, and when."""

    command: Command
    by: Actor
    at: str
