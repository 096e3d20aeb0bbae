"""A seat filled by any agent that speaks the Agent Client Protocol: one program for one turn.

What it does by itself it does behind the wall, in a tree that is read-only to it; what is to count it asks us for, and
the broker answers. One on another machine sees no tree at all and works by calls alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from factory_tui.adapters.agents import Agent, filled, filled_session
from factory_tui.adapters.enclosure import Program
from factory_tui.adapters.endpoint import Endpoint
from factory_tui.adapters.limits_probe import DIRECT, Route
from factory_tui.adapters.logins import must_stay_private
from factory_tui.adapters.seats.acp.kit import Kit
from factory_tui.adapters.seats.acp.remote import guarded
from factory_tui.adapters.seats.acp.trial import try_agent
from factory_tui.adapters.seats.acp.turn import Turn
from factory_tui.adapters.trying import Tried, World
from factory_tui.domain.errors import FactoryError, WorldError
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import SeatFacts
from factory_tui.engine.ports import Boundary
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief

if TYPE_CHECKING:
    from factory_tui.adapters.proxy import Proxy
    from factory_tui.adapters.seats.acp.talk import Talk

EXTRA = "pip install 'factory-os-cockpit[acp]'"
INTERRUPT_SECONDS = 1.5


class AcpSeat:
    """Satisfies `seat_ports.Seat`."""

    def __init__(self, kit: Kit) -> None:
        """Raises FactoryError where a credential would cross a network in the clear."""
        if kit.login is not None:
            must_stay_private(kit.login.base_url, kit.login.credential)
        self._kit = kit
        self._program: Program | None = None
        self._proxy: Proxy | None = None
        self._talk: Talk | None = None

    @property
    def kind(self) -> str:
        return "acp"

    @property
    def probe_route(self) -> Route:
        """What an agent could do by itself is tried by one of ours, started as this seat's own is. One on another
        machine can do nothing here by itself."""
        return DIRECT if self._kit.where else Route(program=self._try_agent)

    async def _try_agent(self, card: RoleCard, here: World) -> Sequence[Tried]:
        def make(argv: tuple[str, ...]) -> AcpSeat:
            return AcpSeat(
                replace(self._kit, argv=argv, login=None, readable=(), agent=Agent(title="trial", command=argv))
            )

        return await try_agent(make, card, here)

    @property
    def facts(self) -> SeatFacts:
        kit = self._kit
        endpoint = kit.agent.endpoint
        is_counted = kit.login is not None and endpoint is not None and endpoint.speaks == "anthropic"
        named = [kit.model] if kit.model else [tier.model for tier in kit.models.tiers.values()]
        return SeatFacts(
            control="supervised",
            # Behind the wall it reads what it is shown, unasked. On another machine there is nothing of ours to reach.
            gates_every_call=bool(kit.where),
            knows_cost=is_counted and all(kit.models.find(model) for model in named),
            contained=kit.contained and not kit.where,
            where=kit.where,
        )

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        kit = self._kit
        if not kit.contained and not kit.where:
            raise FactoryError(
                what=f"the agent of the seat `{kit.name}` is not started",
                why="it runs its own tools, and there is no wall here to hold them",
                next_step="install bubblewrap (`factory doctor` says what is missing), or choose another seat",
            )
        loaded = await asyncio.to_thread(_Loaded)
        turn = Turn(kit, brief, desk)
        watching: asyncio.Task[None] | None = None
        try:
            talk = await self._open(turn, brief, loaded)
            watching = asyncio.get_running_loop().create_task(turn.watch())
            try:
                outcome = await turn.play(talk)
                if self._proxy is not None:
                    await self._proxy.quiet()
                return outcome
            except asyncio.CancelledError:
                await _interrupted(talk, turn)
                raise
        except (WorldError, ConnectionError) as error:
            return await turn.broken(self._program, error)
        finally:
            if watching is not None:
                watching.cancel()

    async def _open(self, turn: Turn, brief: TurnBrief, loaded: _Loaded) -> Talk:
        kit = self._kit
        session = str(uuid.uuid4())
        folder = await asyncio.to_thread(_place, kit.place, session)
        proxy = None
        if kit.login is not None:
            proxy = self._proxy = loaded.proxy(kit, turn)
            kit.learn("stand-in", proxy.stand_in)
        root = brief.directory if _shows_tree(kit, brief) else f"{folder}/work"
        told = {
            "stand_in": proxy.stand_in if proxy is not None else "",
            "model": self._model(brief),
            "home": f"{folder}/home",
            "role": brief.text,
            **kit.programs,
        }

        def boundary_at(url: str) -> Boundary:
            passed = {name: kit.environment[name] for name in kit.agent.passes if name in kit.environment}
            named = {name: filled(text, {**told, "url": url}) for name, text in kit.agent.environment.items()}
            return Boundary(
                cwd=root,
                writable=(f"{folder}/home",),
                readable=kit.readable,
                environment={"NO_PROXY": "127.0.0.1", **passed, **named},
            )

        argv = guarded(kit.argv, secrets.token_hex(16)) if kit.where else kit.argv
        self._program = await kit.open(argv, boundary_at)
        way_out = self._program.take_way_out()
        if proxy is not None:
            await proxy.serve(way_out)
        else:
            way_out.close()
        turn.begins(session, told["model"] if kit.agent.endpoint is not None else "")
        # To one on another machine our paths mean nothing: it is told of one that every machine has.
        talk = self._talk = loaded.talk(self._program, turn, "/" if kit.where else root, offers=not kit.where)
        await talk.open(filled_session(kit.agent.session, told), kit.start_seconds)
        return talk

    def _model(self, brief: TurnBrief) -> str:
        tier = self._kit.models.tiers.get(brief.model_tier)
        return brief.model or self._kit.model or (tier.model if tier else "")

    async def close(self) -> None:
        program, proxy, talk = self._program, self._proxy, self._talk
        if program is not None:
            if self._kit.where:
                # Its other end learns by this that it is over, before the line itself is gone.
                with contextlib.suppress(OSError):
                    program.end_input()
            # First of all: nothing that it is told later can make it do anything.
            await program.end()
        if proxy is not None:
            await proxy.close()
        if talk is not None:
            with contextlib.suppress(Exception):
                await talk.close()


def _shows_tree(kit: Kit, brief: TurnBrief) -> bool:
    """Whether its own tools may see the tree: what they read nobody asks about, so only where all of it may be read."""
    card = brief.card
    return bool(
        brief.directory and card is not None and not kit.where and card.reads == ("**",) and not card.never_reads
    )


def _place(place: str, session: str) -> str:
    folder = Path(place, session)
    for name in ("home", "work"):
        (folder / name).mkdir(parents=True, mode=0o700)
    return str(folder)


class _Loaded:
    """What takes half a second to import, so not before a turn begins, and not on the loop."""

    def __init__(self) -> None:
        try:
            from factory_tui.adapters import proxy
            from factory_tui.adapters.seats.acp import talk
        except ImportError as error:
            raise FactoryError(
                what="the library of the Agent Client Protocol is not installed", why=str(error), next_step=EXTRA
            ) from error
        self._proxies, self._talks = proxy, talk

    def proxy(self, kit: Kit, turn: Turn) -> Proxy:
        assert kit.login is not None
        endpoint = kit.agent.endpoint
        paths = endpoint.paths if endpoint is not None else ()
        return self._proxies.Proxy(
            Endpoint(base_url=kit.login.base_url, credential=kit.login.credential, paths=paths),
            told=turn.called,
            metered=turn.account.add,
        )

    def talk(self, program: Program, turn: Turn, root: str, *, offers: bool) -> Talk:
        return self._talks.Talk(program, turn, root=root, offers=offers)


async def _interrupted(talk: Talk, turn: Turn) -> None:
    """So that it can let go of its model in order; whatever it answers, it is ended next."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(INTERRUPT_SECONDS):
            await talk.cancel()
            if turn.prompting is not None:
                await asyncio.wait([turn.prompting])
    if turn.prompting is not None:
        turn.prompting.cancel()
