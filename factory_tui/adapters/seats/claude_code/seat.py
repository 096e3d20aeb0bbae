"""A seat filled by Claude Code: one enclosed program for one turn, whose every tool is a tool of our desk.

The program sees no file of the repository. What it wants done it says through our tools, so the broker is asked first
whatever the program's own loop decides; what it says to its model passes our proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from factory_tui.adapters.enclosure import BoundaryAt, Program
from factory_tui.adapters.limits_probe import Route
from factory_tui.adapters.logins import Login, ProvenLogins, must_stay_private
from factory_tui.adapters.metering import Metered
from factory_tui.adapters.model_calls import FULL, HAND_ON, Calls, is_nearly_full
from factory_tui.adapters.model_calls import Call as ModelCall
from factory_tui.adapters.offered_tools import Unread, action_of
from factory_tui.adapters.programs import Found
from factory_tui.adapters.seats.claude_code import command, finding
from factory_tui.adapters.seats.claude_code.telling import Denied, Ended, Limited, Retried, Said
from factory_tui.adapters.seats.claude_code.trial import try_program
from factory_tui.adapters.trying import Tried, World
from factory_tui.domain.errors import FactoryError, WorldError
from factory_tui.domain.events import NoticeKind
from factory_tui.domain.prices import Models, Tokens, cost
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import SeatFacts
from factory_tui.engine.ports import Boundary
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief

if TYPE_CHECKING:
    from factory_tui.adapters.proxy import Call, Proxy
    from factory_tui.adapters.seats.claude_code.talk import Talk

Opener = Callable[[Sequence[str], BoundaryAt], Awaitable[Program]]

SYSTEM_PROMPT = (
    "You fill one role in a software factory. Your brief comes as the first message and holds all that you are told."
    f" You work only through the tools `{command.PREFIX}…`; the brief calls them by their last word. There is no other"
    " shell, no other file access and no network. A refusal comes with its reason and a way on: obey it, do not look"
    " for a way around. Your turn ends when you deliver as the brief says."
)
INTERRUPT_SECONDS = 1.5
"""To tell the program that it is interrupted, before it is ended."""
RELATIVE_ERROR = 0.02
"""How far the program's count of the cost may lie from ours before it is told."""


@dataclass(frozen=True, kw_only=True)
class Kit:
    """What the seat works with."""

    open: Opener
    contained: bool
    """Whether there is a wall around what `open` starts."""
    program: Found
    login: Login
    place: str
    """A directory of the state place: a folder for each conversation, never shared."""
    proven: ProvenLogins
    now: Callable[[], str]
    models: Models
    model: str = ""
    """Where the staffing names none; empty = by the role's tier."""
    effort: str = ""
    silence_seconds: float = command.SILENCE_SECONDS
    retries: int = command.RETRIES
    learn: Callable[[str, str], None] = field(default=lambda name, secret: None)
    """Told of each secret, so that it is written nowhere."""


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
        turn = _Turn(self._kit, brief, desk)
        loaded = await asyncio.to_thread(_Loaded)
        proxy = self._proxy = loaded.proxy(self._kit, turn)
        self._kit.learn("stand-in", proxy.stand_in)
        try:
            talk = await self._open(turn, brief, proxy, loaded)
            try:
                outcome = await turn.play(talk)
                await proxy.quiet()
                return outcome
            except asyncio.CancelledError:
                await _interrupted(talk)
                raise
        except (WorldError, ConnectionError) as error:
            return turn.broken(self._program, error)

    async def _open(self, turn: _Turn, brief: TurnBrief, proxy: Proxy, loaded: _Loaded) -> Talk:
        kit = self._kit
        session, folder = await asyncio.to_thread(_place, kit.place, brief.resume)
        model, effort = self._model(brief)
        argv = command.argv(
            kit.program.path,
            system_prompt=SYSTEM_PROMPT,
            model=model,
            session=session,
            resume=bool(brief.resume),
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


class _Turn:
    """One turn under way: what it did, used and was told."""

    def __init__(self, kit: Kit, brief: TurnBrief, desk: Desk) -> None:
        self._kit, self._brief, self._desk = kit, brief, desk
        self.calls = Calls(brief)
        self._acting = asyncio.Lock()
        self._used: dict[str, Metered] = {}
        self._stopped: asyncio.Future[SeatOutcome] = asyncio.get_running_loop().create_future()
        self._counted = True
        self._is_full, self._last_words, self._is_handing_on = False, "", False
        self._window_until: int | None = None
        """Unix time at which a used-up window of a subscription ends."""

    def begins(self, is_proven: bool, session: str, model: str) -> None:
        self._desk.conversation(session, model)
        if not is_proven:
            how = "token" if self._kit.login.kind == "token" else "key"
            self._desk.notice("note", f"this {how} was never used in a seat before: unproven until a call is answered")
        if not self._kit.contained:
            self._desk.notice("note", "Claude Code runs without a wall here: only its own settings hold it")

    async def play(self, talk: Talk) -> SeatOutcome:
        """Until something was delivered, or it cannot go on."""
        prompt = self._brief.text if not self._brief.resume else "You were interrupted. Go on with your turn."
        while prompt:
            outcome = await self._asked(talk, "\n\n".join((prompt, *await self._desk.hear())))
            if outcome is not None:
                return outcome
            prompt = self._hand_on() if self._is_full else self.calls.ask_again()
        return SeatOutcome(kind="failed", note=self.calls.given_up)

    def _hand_on(self) -> str:
        """What is asked of a model whose context is nearly full; what it says from now on are its last words."""
        self._is_handing_on = True
        return HAND_ON

    def _handed_on(self) -> SeatOutcome:
        self._desk.notice("note", FULL)
        return self.calls.handed_on(self._last_words, FULL)

    async def _asked(self, talk: Talk, prompt: str) -> SeatOutcome | None:
        """None = it ended well and delivered nothing."""
        answering = asyncio.ensure_future(self._answer(talk, prompt))
        try:
            either: list[asyncio.Future[SeatOutcome | None]] = [answering, self._stopped]  # type: ignore[list-item]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return self._stopped.result() if self._stopped.done() else answering.result()
        finally:
            answering.cancel()
            await asyncio.wait([answering])

    async def _answer(self, talk: Talk, prompt: str) -> SeatOutcome | None:
        await talk.ask(prompt)
        async for told in talk.told():
            if isinstance(told, Ended):
                return self._outcome(told)
            if isinstance(told, Denied):
                await self._refused(told)
            else:
                self._heard(told)
        raise WorldError(what="Claude Code has ended in the middle of its turn")

    async def _refused(self, denied: Denied) -> None:
        """The program refused it by itself. What its card forbids a role is refused at the desk as well, on record."""
        name = denied.tool.removeprefix(command.PREFIX)
        if denied.tool.startswith(command.PREFIX) and name not in {tool.name for tool in self.calls.tools}:
            await self.carry(name, denied.arguments)
        else:
            self._desk.deny(denied.tool, denied.arguments, "the role was not offered it")

    def _heard(self, told: Said | Retried | Limited) -> None:
        match told:
            case Said(text=text):
                self._desk.say(text)
                self._last_words += text if self._is_handing_on else ""
            case Retried():
                status = f" ({told.status})" if told.status else ""
                kind: NoticeKind = "rate limit" if told.status == 429 else "retry"
                self._desk.notice(
                    kind, f"{told.error}{status}: again in {told.seconds:.0f} s ({told.attempt}/{told.most})"
                )
            case Limited(status="allowed"):
                pass
            case Limited():
                self._window_until = told.until if told.status == "rejected" else None
                until = time.strftime(" until %H:%M UTC", time.gmtime(told.until)) if told.until else ""
                window = f"the window `{told.window}` of this login" if told.window else "this login"
                how = "is used up" if told.status == "rejected" else "is nearly used up"
                self._desk.notice("rate limit", f"{window} {how}{until}")

    def _outcome(self, ended: Ended) -> SeatOutcome | None:
        self._compare(ended.total_usd)
        # As the endpoint said it: the program puts an error of its own in its place.
        stop = next(reversed(self._used.values())).stop if self._used else ""
        if "refusal" in (ended.stop, stop):
            return SeatOutcome(kind="refused", note=ended.text[:500])
        if "model_context_window_exceeded" in (ended.stop, stop) or _is_too_long(ended):
            return self._handed_on()
        if "max_tokens" in (ended.stop, stop):
            return SeatOutcome(kind="truncated", note="its last answer was cut at the model's limit")
        if ended.is_error and (cause := _world(ended.status)):
            host = urlsplit(self._kit.login.base_url).netloc
            return SeatOutcome(
                kind="waiting", note=ended.text[:500], cause=f"{host}: {cause}", until=_time(self._window_until)
            )
        if ended.is_error:
            status = f" ({ended.status})" if ended.status else ""
            return SeatOutcome(kind="failed", note=f"the model did not answer{status}: {ended.text[:500]}")
        if ended.reason.startswith("aborted"):
            return SeatOutcome(kind="failed", note="Claude Code broke off by itself")
        if self.calls.given_up:
            return SeatOutcome(kind="failed", note=self.calls.given_up)
        return self._handed_on() if self._is_handing_on else None

    def broken(self, program: Program | None, error: Exception) -> SeatOutcome:
        """The program, or the line to it, is gone."""
        if self._stopped.done():
            return self._stopped.result()
        if program is None:
            return SeatOutcome(kind="failed", note=str(error))
        told = program.told().strip()[-500:]
        why = program.stopped_for or told or str(error)
        return SeatOutcome(kind="failed", note=f"Claude Code ended before its turn did: {why}")

    # --- its calls -------------------------------------------------------------------------------

    async def gate(self, tool: str, arguments: object) -> str:
        """Before each call, a sub-agent's as well. Why not; empty = it goes to the desk."""
        if not tool.startswith(command.PREFIX):
            self._desk.deny(tool, arguments, "only the factory's own tools are offered")
            return "this role works through the factory's tools alone"
        name = tool.removeprefix(command.PREFIX)
        card = self._brief.card
        assert card is not None
        if isinstance(action_of(card, self._brief.purpose, name, arguments), Unread):
            return (await self.carry(name, arguments)).text
        return ""

    async def carry(self, name: str, arguments: object) -> ActionResult:
        """One at a time, in the order in which they come."""
        async with self._acting:
            (result,) = await self.calls.carry(self._desk, [ModelCall(name=name, arguments=arguments)])
        if self.calls.delivered:
            self._stop(SeatOutcome(kind="ok"))
        elif self.calls.given_up:
            self._stop(SeatOutcome(kind="failed", note=self.calls.given_up))
        return result

    async def act(self, name: str, arguments: object) -> ActionResult:
        """As `carry`; once the turn is over nothing comes back, so that the program calls its model no more."""
        if self._is_handing_on:
            # It was asked for words alone; what it wants instead is for the fresh turn to do.
            self._stop(self._handed_on())
            await _never()
        result = await self.carry(name, arguments)
        if self._stopped.done():
            await _never()
        return replace(result, text=f"{result.text}\n\n{self._hand_on()}") if self._is_full else result

    def _stop(self, outcome: SeatOutcome) -> None:
        if not self._stopped.done():
            self._stopped.set_result(outcome)

    # --- its way out -----------------------------------------------------------------------------

    def called(self, call: Call) -> None:
        """One call of the program to its model, after it ended."""
        self._spend()
        if call.stalled:
            self._desk.notice("stall", f"the model's stream was cut: {call.broken}")
        elif call.broken:
            pass  # the program says itself what it does about that
        elif call.refused:
            self._desk.deny("the way out", f"{call.method} {call.path}", call.refused)
        elif call.status in (401, 403):
            kind = self._kit.login.kind
            mend = {"key": "check ANTHROPIC_API_KEY", "token": f"make a new one with `{finding.TOKEN}`"}
            note = f"the endpoint refused this seat's {kind} ({call.status}); {mend.get(kind, 'it wants a key')}"
            self._desk.notice("note", note)
            self._stop(SeatOutcome(kind="failed", note=note))
        elif call.status == 200 and not self._kit.proven.since(self._kit.login):
            self._kit.proven.prove(self._kit.login, self._kit.now())
            self._desk.notice("note", f"this {self._kit.login.kind} is proven now: a call with it was answered")

    def metered(self, used: Metered) -> None:
        """What the endpoint counted, while it is still counting."""
        self._used[used.answer] = used
        self._counted = False
        if is_nearly_full(self._kit.models.find(used.model), _tokens(used)):
            self._is_full = True

    def _spend(self) -> None:
        if self._counted:
            return
        self._counted = True
        every = self._used.values()
        self._desk.spend(
            self._usd(),
            sum(one.tokens_in for one in every),
            sum(one.tokens_out for one in every),
            sum(one.tokens_cached for one in every),
            sum(one.tokens_written for one in every),
            next(reversed(self._used.values())).model,
        )

    def _usd(self) -> float | None:
        total = 0.0
        for one in self._used.values():
            usd = cost(self._kit.models, one.model, _tokens(one))
            if usd is None:
                return None
            total += usd
        return total

    def _compare(self, total_usd: float | None) -> None:
        """Their count beside ours; a conversation that was taken up counts from its beginning."""
        ours = self._usd()
        if self._brief.resume or ours is None or total_usd is None:
            return
        if abs(ours - total_usd) > RELATIVE_ERROR * max(ours, total_usd):
            self._desk.notice("note", f"the prices give ${ours:.4f}, Claude Code counts ${total_usd:.4f}")


async def _never() -> NoReturn:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody answers it")


def _tokens(used: Metered) -> Tokens:
    return Tokens(fresh=used.tokens_in, cached=used.tokens_cached, written=used.tokens_written, out=used.tokens_out)


def _is_too_long(ended: Ended) -> bool:
    return ended.is_error and (ended.status == 413 or "prompt is too long" in ended.text.lower())


def _world(status: int) -> str:
    """What of the world stood in the way, in words that all turns share; empty = it was not the world."""
    if status == 429:
        return "rate limit"
    if status == 529:
        return "overloaded"
    return "the server failed" if status >= 500 else ""


def _time(unix: int | None) -> str:
    return "" if unix is None else time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(unix))


def _place(place: str, resume: str) -> tuple[str, str]:
    """The conversation's id and its folder. Raises WorldError when one to take up is not there."""
    if resume:
        try:
            session = str(uuid.UUID(resume))
        except ValueError as error:
            raise WorldError(what=f"`{resume[:80]}` is no conversation of Claude Code") from error
        folder = Path(place, session)
        if not (folder / "config").is_dir():
            raise WorldError(what=f"the conversation {session} is no longer there", next_step="begin the turn afresh")
    else:
        session = str(uuid.uuid4())
        folder = Path(place, session)
        folder.mkdir(parents=True, mode=0o700)
    for name in ("config", "work"):
        (folder / name).mkdir(exist_ok=True, mode=0o700)
    return session, str(folder)


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

    def proxy(self, kit: Kit, turn: _Turn) -> Proxy:
        return self._proxies.Proxy(
            self._proxies.Endpoint(base_url=kit.login.base_url, credential=kit.login.credential),
            told=turn.called,
            metered=turn.metered,
            silence_seconds=kit.silence_seconds,
        )

    def talk(self, program: Program, turn: _Turn) -> Talk:
        return self._talks.Talk(program, turn.calls.tools, turn.gate, turn.act)


async def _interrupted(talk: Talk) -> None:
    """So that the program writes down where it was; whatever it answers, it is ended next."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(INTERRUPT_SECONDS):
            await talk.interrupt()
            async for _ in talk.told():
                pass
