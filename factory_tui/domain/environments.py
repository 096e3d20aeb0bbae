"""`deploy.yaml`: where a product runs, and the commands that bring it there, back, and say what is there.

What is in force is part of the charter, so that an approval names the very commands that will run. A credential is a
name here, never a value.
"""

from __future__ import annotations

from typing import Any

import msgspec

from factory_tui.domain.terms import Record

DEPLOY_FILE = "deploy.yaml"


class CredentialName(Record, frozen=True, kw_only=True):
    """One secret that the commands need."""

    name: str
    """Of the variable that the command reads."""
    file: str = ""
    """Where the user keeps it, absolute or below `~/`; empty = the variable of that name in the factory's own
    environment."""
    as_file: bool = False
    """The command is given the path of a private file instead of the value."""


class FreezeWindow(Record, frozen=True, kw_only=True):
    """When nothing is deployed: one stretch of time, or hours of some days of every week, in UTC."""

    why: str
    since: str = ""
    """One stretch: `2026-12-20T00:00:00Z`."""
    until: str = ""
    days: tuple[str, ...] = ()
    """Every week: `mon` … `sun`."""
    hours: str = ""
    """`16:00-24:00`; empty = the whole day."""


class Backup(Record, frozen=True, kw_only=True):
    """What proves that the data can be brought back."""

    command: tuple[str, ...] = ()
    """Takes a backup, or proves one. Exit 0, and its last line of output names the backup."""
    none_because: str = ""
    """Why nothing here needs one; without a command or this reason nothing is deployed. The approver sees it."""
    restored_on: str = ""
    """The last restore drill, `2026-11-05`: a backup counts only after a restore (D11)."""
    rows_restored: int = 0
    kept_at: str = ""
    """Where backups are kept, by a name; never where the data is."""
    data_at: str = ""
    seconds: float = 600.0


class Environment(Record, frozen=True, kw_only=True):
    """One place where the product runs."""

    deploy: tuple[str, ...]
    """An argument list, run without a shell's reading in an export of the commit. `{commit}`, `{previous}`,
    `{environment}` are filled in; `FACTORY_COMMIT`, `FACTORY_PREVIOUS`, `FACTORY_ENVIRONMENT` say the same."""
    rollback: tuple[str, ...]
    """Brings `{previous}` back. Empty `{previous}` = nothing ran there before: it takes the release down."""
    status: tuple[str, ...]
    """Changes nothing. Exit 0; its last line of output is the commit that runs there, whole, or `none`."""
    credentials: tuple[CredentialName, ...] = ()
    after: tuple[str, ...] = ()
    """Environments where the same commit must run, verified, before it may come here: staging first."""
    freeze: tuple[FreezeWindow, ...] = ()
    backup: Backup = Backup()
    network: bool = True
    """Whether its commands may use the network; they run behind the wall otherwise."""
    writable: tuple[str, ...] = ()
    """Absolute directories that its commands may change."""
    readable: tuple[str, ...] = ()
    seconds: float = 900.0
    """Of the deploy and rollback commands, each."""
    expires_minutes: float = 60.0
    """After which an approval is worth nothing."""
    checks: dict[str, Any] = msgspec.field(default_factory=dict)
    """Parameters of the post-deploy checks; what they mean is theirs to say."""


class Deploying(Record, frozen=True, kw_only=True):
    """`deploy.yaml`, whole."""

    environments: dict[str, Environment]
