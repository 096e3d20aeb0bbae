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

from factory_tui.adapters import conversation_folders as folders
from factory_tui.adapters.agents import Agent, filled, filled_environment, filled_session
from factory_tui.adapters.enclosure import Program
from factory_tui.adapters.endpoint import Endpoint
from factory_tui.adapters.limits_probe import DIRECT, Route
from factory_tui.adapters.logins import must_stay_private
from factory_tui.adapters.seats.acp.kit import Kit, shows_tree
from factory_tui.adapters.seats.acp.remote import guarded
from factory_tui.adapters.seats.acp.trial import try_agent
from factory_tui.adapters.seats.acp.turn import Turn
from factory_tui.adapters.tool_server import server_for
from factory_tui.adapters.trying import Tried, World
from factory_tui.domain.errors import FactoryError, WorldError
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import SeatFacts
from factory_tui.engine.ports import Boundary
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief

if TYPE_CHECKING:
    from factory_tui.adapters.proxy import Proxy
    from factory_tui.adapters.seats.acp.talk import Opened, Talk

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
                replace(
                    self._kit,
                    argv=argv,
                    login=None,
                    readable=(),
                    agent=Agent(title="trial", command=argv, tools="text"),
                )
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
            can_resume=kit.agent.resumes,
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
            talk, opened = await self._open(turn, brief, loaded)
            watching = asyncio.get_running_loop().create_task(turn.watch())
            try:
                has_tools = await self._has_tools(turn)
                outcome = await turn.play(
                    talk, is_resumed=opened.is_resumed, has_tools=has_tools, settled=self._told_all
                )
                await self._told_all()
                return outcome
            except asyncio.CancelledError:
                await _interrupted(talk, turn)
                raise
        except (WorldError, ConnectionError) as error:
            await self._told_all()
            return await turn.broken(self._program, error)
        finally:
            turn.server.close()
            if watching is not None:
                watching.cancel()

    async def _told_all(self) -> None:
        """What its model answered last may be told to us after the agent had it."""
        if self._proxy is not None:
            await self._proxy.quiet()

    async def _has_tools(self, turn: Turn) -> bool:
        """Whether our server was asked for its tools. Agents connect to their servers in the background."""
        if not self._offers_tools:
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._kit.tools_seconds):
                await turn.server.listed.wait()
        return turn.server.listed.is_set()

    @property
    def _offers_tools(self) -> bool:
        """From another machine there is no way to our server."""
        return self._kit.agent.tools == "server" and not self._kit.where

    async def _open(self, turn: Turn, brief: TurnBrief, loaded: _Loaded) -> tuple[Talk, Opened]:
        kit = self._kit
        session, folder = await asyncio.to_thread(_place, kit.place, brief.resume)
        is_there = bool(brief.resume) and session == brief.resume
        proxy = self._proxy = loaded.proxy(kit, turn)
        kit.learn("stand-in", proxy.stand_in)
        root = brief.directory if shows_tree(kit, brief) else f"{folder}/work"
        told = {
            "stand_in": proxy.stand_in if kit.login is not None else "",
            "model": self._model(brief),
            "home": f"{folder}/home",
            "role": brief.text,
            **kit.programs,
        }
        address = ""

        def boundary_at(url: str) -> Boundary:
            nonlocal address
            address = url
            passed = {name: kit.environment[name] for name in kit.agent.passes if name in kit.environment}
            known = {**told, "url": url}
            for name, text in kit.agent.files.items():
                folders.write(f"{folder}/home", name, filled(text, known))
            named = filled_environment(kit.agent.environment, known)
            return Boundary(
                cwd=root,
                writable=(f"{folder}/home",),
                readable=kit.readable,
                environment={"NO_PROXY": "127.0.0.1", **passed, **named},
            )

        argv = guarded(kit.argv, secrets.token_hex(16)) if kit.where else kit.argv
        self._program = await kit.open(argv, boundary_at)
        await proxy.serve(self._program.take_way_out())
        turn.begins(session, told["model"] if kit.agent.endpoint is not None else "")
        # To one on another machine our paths mean nothing: it is told of one that every machine has.
        talk = self._talk = loaded.talk(self._program, turn, "/" if kit.where else root, offers=not kit.where)
        servers = [server_for(address, proxy.stand_in)] if self._offers_tools else []
        name = Path(folder, "session")
        before = await asyncio.to_thread(_read, name) if is_there else ""
        opened = await talk.open(filled_session(kit.agent.session, told), kit.start_seconds, servers, before)
        if brief.resume and not opened.is_resumed:
            turn.begins_afresh(opened.why_afresh or ("it had not begun" if is_there else "it is not there any more"))
        await asyncio.to_thread(name.write_text, opened.session, "utf-8")
        return talk, opened

    def _model(self, brief: TurnBrief) -> str:
        """The list of models names those of one maker alone: another's agent has its own choice."""
        endpoint = self._kit.agent.endpoint
        speaks = endpoint is not None and endpoint.speaks == "anthropic"
        tier = self._kit.models.tiers.get(brief.model_tier) if speaks else None
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


def _place(place: str, resume: str) -> tuple[str, str]:
    """Id and folder of the conversation to take up, where it is there; else of a fresh one."""
    with contextlib.suppress(ValueError):
        session = str(uuid.UUID(resume))
        folder = f"{place}/{session}"
        if Path(folder, "home").is_dir():
            folders.come_back(folder)
            return session, folder
    session = str(uuid.uuid4())
    return session, folders.begin(place, session, ("home", "work"))


def _read(path: Path) -> str:
    """The agent's own id of the conversation; empty = it never had one."""
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return ""


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
        """The way out of every agent: to our tools, and to its model where something lets it in there."""
        endpoint = None
        if kit.login is not None:
            paths = kit.agent.endpoint.paths if kit.agent.endpoint is not None else ()
            endpoint = Endpoint(base_url=kit.login.base_url, credential=kit.login.credential, paths=paths)
        return self._proxies.Proxy(
            endpoint, told=turn.called, metered=turn.metered, tools=None if kit.where else turn.server.answer
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
