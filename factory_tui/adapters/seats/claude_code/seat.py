"""A seat filled by Claude Code: one enclosed program for one turn, whose every tool is a tool of our desk.

The program sees no file of the repository. What it wants done it says through our tools, so the broker is asked first
whatever the program's own loop decides; what it says to its model passes our proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from factory_tui.adapters import conversation_folders as folders
from factory_tui.adapters.enclosure import Program
from factory_tui.adapters.endpoint import Endpoint
from factory_tui.adapters.limits_probe import Route
from factory_tui.adapters.logins import must_stay_private
from factory_tui.adapters.seats.claude_code import command, finding
from factory_tui.adapters.seats.claude_code.kit import Kit
from factory_tui.adapters.seats.claude_code.trial import try_program
from factory_tui.adapters.seats.claude_code.turn import Turn
from factory_tui.adapters.trying import Tried, World
from factory_tui.domain.errors import FactoryError, WorldError
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import SeatFacts
from factory_tui.engine.ports import Boundary
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief

if TYPE_CHECKING:
    from factory_tui.adapters.proxy import Proxy
    from factory_tui.adapters.seats.claude_code.talk import Talk

SYSTEM_PROMPT = (
    "You fill one role in a software factory. Your brief comes as the first message and holds all that you are told."
    f" You work only through the tools `{command.PREFIX}…`; the brief calls them by their last word. There is no other"
    " shell, no other file access and no network. A refusal comes with its reason and a way on: obey it, do not look"
    " for a way around. Your turn ends when you deliver as the brief says."
)
INTERRUPT_SECONDS = 3.0
"""To tell the program that it is interrupted, before it is ended."""


class ClaudeCodeSeat:
    """Satisfies `seat_ports.Seat`. Raises FactoryError when the credential would be sent in the clear."""

    def __init__(self, kit: Kit) -> None:
        must_stay_private(kit.login.base_url, kit.login.credential)
        self._kit = kit
        self._program: Program | None = None
        self._proxy: Proxy | None = None
        self._talk: Talk | None = None

    @property
    def kind(self) -> str:
        return "claude_code"

    @property
    def effort(self) -> str:
        """Where a brief names none; empty = by the role's tier."""
        return self._kit.effort

    @property
    def probe_route(self) -> Route:
        """Each wish comes to the desk as any seat's; what its program could do by itself is tried through it."""
        return Route(program=self._try_program)

    async def _try_program(self, card: RoleCard, here: World) -> Sequence[Tried]:
        return await try_program(lambda login: ClaudeCodeSeat(replace(self._kit, login=login)), card, here)

    @property
    def facts(self) -> SeatFacts:
        kit = self._kit
        named = [kit.model] if kit.model else [tier.model for tier in kit.models.tiers.values()]
        return SeatFacts(
            control="supervised",
            gates_every_call=True,
            knows_cost=all(kit.models.find(model) for model in named),
            can_resume=True,
            contained=kit.contained,
        )

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        place = await asyncio.to_thread(_place, self._kit.place, brief.resume)
        if brief.resume and not place.is_resumed:
            desk.notice("fallback", "the conversation that was cut off is not there any more: a fresh one begins")
            brief = replace(brief, resume="")
        turn = Turn(self._kit, brief, desk)
        loaded = await asyncio.to_thread(_Loaded)
        proxy = self._proxy = loaded.proxy(self._kit, turn)
        self._kit.learn("stand-in", proxy.stand_in)
        try:
            talk = await self._open(turn, brief, proxy, loaded, place)
            try:
                outcome = await turn.play(talk)
                await proxy.quiet()
                return outcome
            except asyncio.CancelledError:
                await _interrupted(talk)
                raise
        except (WorldError, ConnectionError) as error:
            return turn.broken(self._program, error)

    async def _open(self, turn: Turn, brief: TurnBrief, proxy: Proxy, loaded: _Loaded, place: _Place) -> Talk:
        kit, session, folder = self._kit, place.session, place.folder
        model, effort = self._model(brief)
        argv = command.argv(
            kit.program.path,
            system_prompt=SYSTEM_PROMPT,
            model=model,
            session=session,
            resume=place.is_resumed,
            effort=effort,
        )
        login = {kit.login.variable: proxy.stand_in}

        def boundary_at(url: str) -> Boundary:
            return Boundary(
                cwd=f"{folder}/work",
                writable=(f"{folder}/config",),
                readable=kit.program.readable,
                environment=command.environment(url, f"{folder}/config", login, 2 * kit.silence_seconds, kit.retries),
            )

        self._program = await kit.open(argv, boundary_at)
        await proxy.serve(self._program.take_way_out())
        talk = self._talk = loaded.talk(self._program, turn)
        turn.begins(bool(kit.proven.since(kit.login)), session, model)
        await talk.connect()
        return talk

    def _model(self, brief: TurnBrief) -> tuple[str, str]:
        """Name and effort; a model that is not on the list is asked for no effort."""
        tier = self._kit.models.tiers.get(brief.model_tier)
        model = brief.model or self._kit.model or (tier.model if tier else "")
        effort = brief.effort or self._kit.effort or (tier.effort if tier and tier.effort else "")
        known = self._kit.models.find(model)
        return model, effort if known is not None and known.adaptive else ""

    async def close(self) -> None:
        program, proxy, talk = self._program, self._proxy, self._talk
        if talk is not None:
            talk.ends()
        if program is not None:
            # First of all: nothing that it is told later can make it do anything.
            await program.end()
        if proxy is not None:
            await proxy.close()
        if talk is not None:
            with contextlib.suppress(Exception):
                await talk.close()


class _Place(NamedTuple):
    """Where a conversation lives."""

    session: str
    """Its id."""
    folder: str
    is_resumed: bool


def _place(place: str, resume: str) -> _Place:
    """Of the conversation to take up, where the program wrote down what it was asked; else of a fresh one."""
    with contextlib.suppress(ValueError):
        session = str(uuid.UUID(resume))
        folder = f"{place}/{session}"
        if folders.is_in_one(f"{folder}/config", "projects", f"{session}.jsonl", b'"user"'):
            folders.come_back(folder)
            return _Place(session, folder, is_resumed=True)
    session = str(uuid.uuid4())
    return _Place(session, folders.begin(place, session, ("config", "work")), is_resumed=False)


class _Loaded:
    """What takes half a second and 70 MB to import, so not before a turn begins, and not on the loop."""

    def __init__(self) -> None:
        try:
            from factory_tui.adapters import proxy
            from factory_tui.adapters.seats.claude_code import talk
        except ImportError as error:
            raise FactoryError(
                what="the Agent SDK of Claude Code is not installed", why=str(error), next_step=finding.EXTRA
            ) from error
        self._proxies, self._talks = proxy, talk

    def proxy(self, kit: Kit, turn: Turn) -> Proxy:
        return self._proxies.Proxy(
            Endpoint(base_url=kit.login.base_url, credential=kit.login.credential),
            told=turn.called,
            metered=turn.metered,
            silence_seconds=kit.silence_seconds,
        )

    def talk(self, program: Program, turn: Turn) -> Talk:
        return self._talks.Talk(program, turn.live.calls.tools, turn.gate, turn.live.act)


async def _interrupted(talk: Talk) -> None:
    """So that the program writes down where it was; whatever it answers, it is ended next."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(INTERRUPT_SECONDS):
            await talk.interrupt()
            async for _ in talk.told():
                pass
