"""Which wall there is, believed by what it does and not by a version number.

Before the first command the wall is tried from inside: can a command write outside, change a protected path, read the
host, reach its loopback, see its environment, signal its processes, outlive its end, gain a capability or a namespace,
or be led through a planted link? One thing that works, and there is no wall.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from factory_tui.adapters.enclosure import BoundaryAt, Program, open_plain
from factory_tui.adapters.processes import PlainSandbox
from factory_tui.adapters.trying import Tried, self_test
from factory_tui.adapters.user_config import UserConfig, read_user_config
from factory_tui.adapters.wall import DEFAULT_LIMITS, BwrapSandbox, WalledSandbox, find_bwrap, look_around
from factory_tui.adapters.wall_container import ContainerSandbox, Engine, find_engines
from factory_tui.domain.errors import WorldError
from factory_tui.domain.limits import DEGRADED
from factory_tui.engine.ports import Boundary, Limits, RunResult, Sandbox


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known of the wall after it was tried."""

    label: str
    """As the session records it: `bwrap`, `bwrap as root`, `none`, or `DEGRADED` accepted."""
    tried: tuple[Tried, ...] = ()
    why_none: str = ""
    """Why there is no wall, and what to do; empty = there is one."""

    @property
    def words(self) -> str:
        """For a badge, a digest, an attestation: one short line that never says more than is true."""
        if self.label == DEGRADED:
            return "no wall, accepted for this session: seats run commands as you"
        if self.why_none:
            return "no wall: no model's seat gets a shell"
        if self.label.startswith("bwrap as root"):
            return "wall: bwrap, tried and held; the factory runs as root, its seats' commands do not"
        return f"wall: {self.label}, tried and held"


class ProvenSandbox:
    """`ports.Sandbox`: the wall once it proved itself, else none. Nothing is believed before `prove`."""

    def __init__(
        self,
        place: str | Path,
        config: UserConfig,
        *,
        hidden: Sequence[str] = (),
        given: Sequence[str] = (),
        bwrap: str | None = None,
        engines: Sequence[Engine] | None = None,
        platform: str = sys.platform,
        accepted: bool = False,
    ) -> None:
        """`place` is a directory of ours for throw-away homes and the probe. `accepted`: the supervisor said that this
        session may go without a wall; it counts where the user's own settings allow that."""
        self._accepted = accepted
        self._place, self._config, self._platform = Path(place), config, platform
        self._plain = PlainSandbox(place)
        self._inner: Sandbox = self._plain
        self._bwrap = find_bwrap() if bwrap is None else bwrap
        self._engines = tuple(find_engines() if engines is None else engines)
        self._hidden, self._given = tuple(hidden), tuple(given)
        self._standing: Standing | None = None
        self._proving = asyncio.Lock()

    @property
    def wall(self) -> str:
        """What commands run behind now: `none` until it was proved."""
        return self._inner.wall

    @property
    def is_wall(self) -> bool:
        """Whether what is opened stands behind a wall of ours; known once it was proved."""
        return isinstance(self._inner, BwrapSandbox)

    @property
    def standing(self) -> Standing:
        return self._standing or Standing(label="none", why_none="the wall was not tried yet")

    async def prove(self) -> Standing:
        """Tries the wall, once; what it then says holds for this process."""
        async with self._proving:
            if self._standing is None:
                self._standing = await self._try()
            return self._standing

    async def run(
        self,
        argv: Sequence[str],
        boundary: Boundary,
        limits: Limits = DEFAULT_LIMITS,
        hear: Callable[[bytes], None] | None = None,
    ) -> RunResult:
        return await self._inner.run(argv, boundary, limits, hear)

    async def open(self, argv: Sequence[str], boundary_at: BoundaryAt) -> Program:
        """A program that lives until it is ended: behind the wall where it proved itself, else `contained` is false."""
        await self.prove()
        if isinstance(self._inner, BwrapSandbox):
            return await self._inner.open(argv, boundary_at)
        return await open_plain(argv, boundary_at, self._place)

    async def _try(self) -> Standing:
        if self._platform != "linux":
            return self._none("there is no wall yet elsewhere than on Linux")
        whys: list[str] = []
        tried: tuple[Tried, ...] = ()
        for name, make in self._candidates():
            try:
                sandbox = make()
                tried = await self_test(sandbox, self._place)
            except WorldError as error:
                whys.append(f"{error.what}: {error.why}")
                continue
            if failed := [one for one in tried if not one.refused]:
                told = "; ".join(f"{one.name} ({one.detail})" if one.detail else one.name for one in failed)
                whys.append(f"{name} is there and does not hold: {told}")
                continue
            self._inner = sandbox
            return Standing(label=sandbox.wall, tried=tried)
        if not self._bwrap:
            whys.insert(0, "bwrap is not installed; your package manager has it as `bubblewrap`")
        if self._config.container and not self._engines:
            whys.append(f"`container = true` in {self._config.path}, and there is no podman that could be tried")
        return self._none(". ".join(whys), tried)

    def _candidates(self) -> Iterator[tuple[str, Callable[[], WalledSandbox]]]:
        """Walls to be tried, the best first; a container only where the user's own settings say so."""
        inside = (sys.base_prefix,) if not sys.base_prefix.startswith("/usr") else ()
        hidden, given = self._hidden, self._given
        if self._bwrap:
            yield "bwrap", lambda: BwrapSandbox(look_around(self._bwrap, inside), hidden=hidden, given=given)
        if self._config.container:
            host = look_around("", inside)
            for engine in self._engines:
                yield engine.name, partial(ContainerSandbox, engine, host, hidden=hidden, given=given)

    def _none(self, why: str, tried: tuple[Tried, ...] = ()) -> Standing:
        if self._config.accept_degraded and self._accepted:
            return Standing(label=DEGRADED, tried=tried, why_none=why)
        accept = "to let seats run commands without one, "
        if not self._config.accept_degraded:
            accept += f'write `accept = "DEGRADED"` under [wall] in {self._config.path}, and then '
        accept += "start a session with `--accept-degraded`"
        return Standing(label="none", tried=tried, why_none=f"{why}. Without a wall no seat gets a shell; {accept}")


def choose_wall(
    place: str | Path,
    environment: Mapping[str, str],
    repository: str,
    *,
    hidden: Sequence[str] = (),
    given: Sequence[str] = (),
    accepted: bool = False,
) -> ProvenSandbox:
    """By the user's own settings and what this machine has. Raises FactoryError when those settings are wrong."""
    config = read_user_config(environment, repository)
    hidden = (*hidden, str(Path(config.path).parent))
    return ProvenSandbox(place, config, hidden=hidden, given=given, accepted=accepted)
