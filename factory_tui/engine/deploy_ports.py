"""What the engine needs of a deployment's world: the commands of an environment, and the checks after them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from factory_tui.domain.environments import CredentialName, Environment
from factory_tui.domain.terms import CheckRow, CommitId
from factory_tui.engine.ports import Boundary, Limits, RunResult


class Commands(Protocol):
    """Runs one command with its credentials, which no seat's process ever holds."""

    async def run(
        self,
        argv: Sequence[str],
        boundary: Boundary,
        credentials: Sequence[CredentialName],
        limits: Limits,
        hear: Callable[[str], None] | None = None,
    ) -> RunResult:
        """The output is redacted; `hear` is told whole lines of it as they come. Raises WorldError, and
        starts nothing, when a credential is missing."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """What runs, or should run, in an environment."""

    commit: CommitId
    environment: str
    """Its name."""
    began: str
    """When the deployment began, UTC, ISO 8601 with `Z`."""
    deployment: str = ""
    """`DP-1`"""
    previous: CommitId = ""
    """What ran there before; empty = nothing did."""
    backup: str = ""
    """The backup that was taken for it, as its command named it."""
    directory: str = ""
    """An export of exactly that commit; gone when the run is over."""


@dataclass(frozen=True, kw_only=True)
class PostDeployResult:
    """Level 4 on one release. Which verdict follows is not the checks' to say."""

    rows: tuple[CheckRow, ...]
    """Each check of the catalogue once, in its order, then the project's own."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What the next release is compared with: row counts, latencies, by name."""


class PostDeploy(Protocol):
    """The 33 checks, and a project's own."""

    def planned(self, environment: Environment) -> tuple[CheckRow, ...]:
        """Every check that will run there, the project's own included, as a gap that says `NOT_RUN_YET`: for who draws
        them before they come in."""

    async def run(
        self,
        environment: Environment,
        release: Release,
        previous_figures: Mapping[str, float],
        progress: Callable[[CheckRow], None] = lambda row: None,
    ) -> PostDeployResult:
        """Runs them all, those in parallel that do not depend on each other; `progress` gets each row as it comes in.

        A check that raises is a gap with its reason, never an exception. Cancelling it ends what it started.
        """
