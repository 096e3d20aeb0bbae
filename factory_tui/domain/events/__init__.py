"""Everything that can have happened. A closed union; each name is for ever, because old ledgers are read for ever.

An event says what is true now, never what should be done: what follows is `agenda`'s business.
"""

from __future__ import annotations

from factory_tui.domain.events.deployments import *
from factory_tui.domain.events.gate import *
from factory_tui.domain.events.incidents import *
from factory_tui.domain.events.missions import *
from factory_tui.domain.events.sessions import *
from factory_tui.domain.events.turns import *

Event = SessionsEvent | MissionsEvent | TurnsEvent | GateEvent | DeploymentsEvent | IncidentsEvent
