"""A seat filled by any agent that speaks the Agent Client Protocol: one program for one turn.

What it does by itself it does behind the wall, in a tree that is read-only to it; what is to count it asks us for, and
the broker answers. One on another machine sees no tree at all and works by calls alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory_tui.adapters.accounting import Account
from factory_tui.adapters.agents import Agent, filled, filled_session
from factory_tui.adapters.enclosure import BoundaryAt, Program
from factory_tui.adapters.limits_probe import DIRECT, Route
from factory_tui.adapters.logins import Login, must_stay_private
from factory_tui.adapters.model_calls import Calls
from factory_tui.adapters.seats.acp import calls_in_text
from factory_tui.adapters.seats.acp.asking import Wish, actions_of
from factory_tui.adapters.seats.acp.remote import guarded
from factory_tui.adapters.seats.acp.trial import try_agent
from factory_tui.adapters.trying import Tried, World
from factory_tui.domain.errors import FactoryError, WorldError
from factory_tui.domain.prices import Models
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import Action, SeatFacts
from factory_tui.engine.ports import Boundary
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief

if TYPE_CHECKING:
    from factory_tui.adapters.proxy import Call, Proxy
    from factory_tui.adapters.seats.acp.talk import Answered, Talk

Opener = Callable[[Sequence[str], BoundaryAt], Awaitable[Program]]

EXTRA = "pip install 'factory-os-cockpit[acp]'"
START_SECONDS = 60.0
SILENCE_SECONDS = 300.0
"""Without a byte from it or its model while nothing is under way at the desk."""
INTERRUPT_SECONDS = 1.5
MOST_TEXT = 4 << 20
"""Characters of one answer that are kept to look for calls."""


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
    silence_seconds: float = SILENCE_SECONDS
    learn: Callable[[str, str], None] = field(default=lambda name, secret: None)
    """Told of each secret, so that it is written nowhere."""


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
        turn = _Turn(kit, brief, desk)
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

    async def _open(self, turn: _Turn, brief: TurnBrief, loaded: _Loaded) -> Talk:
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


class _Turn:
    """One turn under way: what it did, used and was told. Satisfies `talk.Ears`."""

    def __init__(self, kit: Kit, brief: TurnBrief, desk: Desk) -> None:
        self._kit, self._brief, self._desk = kit, brief, desk
        self.calls = Calls(brief)
        self.account = Account(kit.models, desk)
        self._acting = asyncio.Lock()
        self._at_desk = 0
        self._loop = asyncio.get_running_loop()
        self._alive = self._loop.time()
        self._said: list[str] = []
        self._stopped: asyncio.Future[SeatOutcome] = self._loop.create_future()
        self._garbage = ""
        self.prompting: asyncio.Future[Answered] | None = None
        self._told_usage: dict[str, int] = {}
        self._told_usd: float | None = None

    def begins(self, session: str, model: str) -> None:
        self._desk.conversation(session, model)
        if self._kit.where:
            self._desk.notice(
                "note", f"runs at {self._kit.where}: no wall of ours holds it there; it sees no file here"
            )

    async def watch(self) -> None:
        """Ends the turn when nothing comes any more."""
        while True:
            left = self._kit.silence_seconds - (self._loop.time() - self._alive)
            if self._at_desk:
                self.lives()
            elif left <= 0:
                why = f"nothing came from the agent for {self._kit.silence_seconds:g} s"
                self._desk.notice("stall", why)
                self._stop(SeatOutcome(kind="stalled", note=why))
                return
            await asyncio.sleep(min(max(left, 0.01), 1.0))

    async def play(self, talk: Talk) -> SeatOutcome:
        """Until something was delivered, or it cannot go on."""
        prompt = calls_in_text.opening(self.calls.tools, self._brief.text, is_remote=bool(self._kit.where))
        while True:
            said = await self._desk.hear()
            outcome = await self._asked(talk, "\n\n".join((prompt, *said)))
            if outcome is not None:
                return outcome
            calls = calls_in_text.calls_in("".join(self._said))
            if not calls:
                prompt = self.calls.ask_again()
                if not prompt:
                    return SeatOutcome(kind="failed", note=self.calls.given_up)
                continue
            async with self._under_way():
                results = await self.calls.carry(self._desk, calls)
            if self.calls.delivered:
                return SeatOutcome(kind="ok")
            if self.calls.given_up:
                return SeatOutcome(kind="failed", note=self.calls.given_up)
            prompt = calls_in_text.told_back(calls, results)

    async def _asked(self, talk: Talk, prompt: str) -> SeatOutcome | None:
        """None = it ended well."""
        self._said = []
        self.lives()
        self.prompting = answering = asyncio.ensure_future(talk.prompt(prompt))
        either: list[asyncio.Future[Any]] = [answering, self._stopped]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._stopped.done():
            answering.cancel()
            return self._stopped.result()
        answer = answering.result()
        self.prompting = None
        self._used(answer.usage)
        stop = self.account.last_stop
        if answer.stop == "refusal" or stop == "refusal":
            return SeatOutcome(kind="refused", note="".join(self._said)[-500:])
        if answer.stop in ("max_tokens", "max_turn_requests") or stop == "max_tokens":
            return SeatOutcome(kind="truncated", note=f"the agent ended its answer: {answer.stop or stop}")
        if answer.stop != "end_turn":
            return SeatOutcome(kind="failed", note=f"the agent broke off by itself: {answer.stop[:80] or 'unsaid'}")
        return None

    async def broken(self, program: Program | None, error: Exception) -> SeatOutcome:
        """The agent, or the line to it, is gone."""
        if self._stopped.done():
            return self._stopped.result()
        if program is None:
            return SeatOutcome(kind="failed", note=str(error))
        # What it said last may still be on its way; it has ended, or is about to be.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await program.wait()
        told = program.told().strip()[-500:]
        noise = f"its standard output holds no messages: {self._garbage}" if self._garbage else ""
        why = program.stopped_for or noise or (str(error) if isinstance(error, WorldError) else told or str(error))
        if isinstance(error, WorldError) and told and told not in why:
            why = f"{why} [{told}]"
        return SeatOutcome(kind="failed", note=f"the agent {self._kit.name} did not go on: {why}")

    @contextlib.asynccontextmanager
    async def _under_way(self) -> AsyncIterator[None]:
        """One action at a time; meanwhile silence is ours, not the agent's."""
        self._at_desk += 1
        try:
            async with self._acting:
                yield
        finally:
            self._at_desk -= 1
            self.lives()

    def _stop(self, outcome: SeatOutcome) -> None:
        if not self._stopped.done():
            self._stopped.set_result(outcome)

    # --- what it says ----------------------------------------------------------------------------

    def lives(self) -> None:
        self._alive = self._loop.time()

    def garbage(self, line: str) -> None:
        if not self._garbage:
            self._desk.notice("note", f"a line on its standard output is no message: {line[:120]!r}")
        self._garbage = line[:120]

    def updated(self, update: Mapping[str, Any]) -> None:
        match update.get("sessionUpdate"):
            case "agent_message_chunk":
                text = str((update.get("content") or {}).get("text") or "")
                self._said.append(text)
                if sum(map(len, self._said)) > MOST_TEXT:
                    self._stop(SeatOutcome(kind="failed", note=f"its answer is longer than {MOST_TEXT >> 20} MB"))
                self._desk.say(text)
            case "tool_call":
                self._desk.say(f"\n[{str(update.get('title', ''))[:200]}]\n")
            case "usage_update" if not self.account.counted:
                cost = update.get("cost") or {}
                amount = cost.get("amount")
                if cost.get("currency") == "USD" and isinstance(amount, int | float) and amount >= 0:
                    self._told_usd = float(amount)
                    self._told()

    def _used(self, usage: Mapping[str, Any]) -> None:
        """By the agent's own word, where nothing was counted on the way."""
        if self.account.counted or not usage:
            return
        for name, count in usage.items():
            if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
                self._told_usage[name] = self._told_usage.get(name, 0) + count
        self._told()

    def _told(self) -> None:
        used = self._told_usage
        self._desk.spend(
            self._told_usd,
            used.get("inputTokens", 0),
            used.get("outputTokens", 0) + used.get("thoughtTokens", 0),
            used.get("cachedReadTokens", 0),
            used.get("cachedWriteTokens", 0),
        )

    # --- what it asks for ------------------------------------------------------------------------

    async def permitted(self, wish: Wish) -> bool:
        """Every action of the wish, by the broker."""
        actions, why = actions_of(wish)
        if why:
            self._desk.deny(f"permission: {wish.kind}"[:80], wish.title, why)
            return False
        async with self._under_way():
            for action in actions:
                if not (await self._desk.permit(action)).ok:
                    return False
        return True

    async def read(self, path: str) -> ActionResult:
        return await self._act(Action(kind="read", path=path))

    async def write(self, path: str, content: str) -> ActionResult:
        return await self._act(Action(kind="edit", path=path, content=content))

    async def run(self, command: str) -> ActionResult:
        return await self._act(Action(kind="run", command=command))

    async def _act(self, action: Action) -> ActionResult:
        async with self._under_way():
            return await self._desk.act(action)

    def refused(self, method: str, params: object, why: str) -> None:
        self._desk.deny(method[:80], params, why)

    # --- its way out -----------------------------------------------------------------------------

    def called(self, call: Call) -> None:
        """One call of the agent to its model, after it ended."""
        self.lives()
        self.account.tell()
        login = self._kit.login
        if call.stalled:
            self._desk.notice("stall", f"the model's stream was cut: {call.broken}")
        elif call.refused:
            self._desk.deny("the way out", f"{call.method} {call.path}", call.refused)
        elif call.status in (401, 403) and login is not None:
            note = f"the endpoint refused this seat's {login.kind} ({call.status})"
            self._desk.notice("note", note)
            self._stop(SeatOutcome(kind="failed", note=note))
        elif call.status == 429:
            self._desk.notice("rate limit", f"{call.path} (429)")
        elif call.status >= 500:
            self._desk.notice("retry", f"{call.path} ({call.status})")


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

    def proxy(self, kit: Kit, turn: _Turn) -> Proxy:
        assert kit.login is not None
        endpoint = kit.agent.endpoint
        paths = endpoint.paths if endpoint is not None else ()
        return self._proxies.Proxy(
            self._proxies.Endpoint(base_url=kit.login.base_url, credential=kit.login.credential, paths=paths),
            told=turn.called,
            metered=turn.account.add,
        )

    def talk(self, program: Program, turn: _Turn, root: str, *, offers: bool) -> Talk:
        return self._talks.Talk(program, turn, root=root, offers=offers)


async def _interrupted(talk: Talk, turn: _Turn) -> None:
    """So that it can let go of its model in order; whatever it answers, it is ended next."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(INTERRUPT_SECONDS):
            await talk.cancel()
            if turn.prompting is not None:
                await asyncio.wait([turn.prompting])
    if turn.prompting is not None:
        turn.prompting.cancel()
