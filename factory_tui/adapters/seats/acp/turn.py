"""One turn of an agent under way: what it says and wishes for, what it uses, and why it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from factory_tui.adapters.accounting import Account
from factory_tui.adapters.enclosure import Program
from factory_tui.adapters.live_calls import LiveCalls
from factory_tui.adapters.metering import Metered
from factory_tui.adapters.model_calls import NEARLY_FULL, is_nearly_full
from factory_tui.adapters.model_troubles import FEW, utc_after
from factory_tui.adapters.seats.acp import calls_in_text
from factory_tui.adapters.seats.acp.asking import Wish, actions_of, names_ours
from factory_tui.adapters.seats.acp.kit import Kit, shows_tree
from factory_tui.adapters.tool_server import ToolServer
from factory_tui.domain.errors import WorldError
from factory_tui.domain.events import NoticeKind
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief

if TYPE_CHECKING:
    from factory_tui.adapters.proxy import Call
    from factory_tui.adapters.seats.acp.talk import Answered, Talk

GO_ON = "You were interrupted. Go on with your turn."
MOST_FAILED_CALLS = 6
"""Of its model in a row, before the turn waits for the world instead."""
LONGEST_WAIT = 60.0
"""Seconds that an endpoint may ask for and the turn still goes on; for longer it waits for the world."""
MOST_TEXT = 4 << 20
"""Characters of one answer that are kept to look for calls."""


class Turn:
    """One turn under way: what it did, used and was told. Satisfies `talk.Ears`."""

    def __init__(self, kit: Kit, brief: TurnBrief, desk: Desk) -> None:
        self._kit, self._brief, self._desk = kit, brief, desk
        self.live = LiveCalls(brief, desk)
        self.calls = self.live.calls
        self.server = ToolServer(self.calls.tools, self._tool)
        self.account = Account(kit.models, desk)
        self._acting = asyncio.Lock()
        self._at_desk = 0
        self._loop = asyncio.get_running_loop()
        self._alive = self._loop.time()
        self._said: list[str] = []
        self._garbage = ""
        self.prompting: asyncio.Future[Answered] | None = None
        self._told_usage: dict[str, int] = {}
        self._told_usd: float | None = None
        self._in_the_way: Call | None = None
        """The last call of its model, where the world let it fail."""
        self._failed_calls = 0
        self._stalls = 0
        """Calls in a row that were cut because nothing came."""

    def begins(self, session: str, model: str) -> None:
        self._desk.conversation(session, model)
        if self._kit.where:
            self._desk.notice(
                "note", f"runs at {self._kit.where}: no wall of ours holds it there; it sees no file here"
            )

    def begins_afresh(self, why: str) -> None:
        self._desk.notice("note", f"its conversation could not be taken up again, so it begins afresh: {why[:300]}")

    async def watch(self) -> None:
        """Ends the turn when nothing comes any more."""
        while True:
            left = self._kit.silence_seconds - (self._loop.time() - self._alive)
            if self._at_desk:
                self.lives()
            elif left <= 0:
                why = f"nothing came from the agent for {self._kit.silence_seconds:g} s"
                self._desk.notice("stall", why)
                self.live.stop(SeatOutcome(kind="stalled", note=why))
                return
            await asyncio.sleep(min(max(left, 0.01), 1.0))

    async def play(
        self, talk: Talk, is_resumed: bool, has_tools: bool, settled: Callable[[], Awaitable[None]]
    ) -> SeatOutcome:
        """Until something was delivered, or it cannot go on. `has_tools`: it asked our server for them. `settled`
        returns once every call of its model that ended was told here."""
        listed = () if has_tools else self.calls.tools
        prompt = calls_in_text.opening(listed, self._brief.text, self._surroundings())
        if is_resumed:
            prompt = GO_ON
        while True:
            said = await self._desk.hear()
            outcome = await self._asked(talk, "\n\n".join((prompt, *said)), settled)
            if outcome is not None:
                return outcome
            if self.live.is_handing_on:
                return self.live.handed_on()
            told = await self._done_in_text()
            if self.calls.delivered:
                return SeatOutcome(kind="ok")
            if not told and not self.live.is_full:
                told = self.calls.ask_again()
            if self.calls.given_up:
                return SeatOutcome(kind="failed", note=self.calls.given_up)
            prompt = "\n\n".join((*filter(None, (told,)), *((self.live.hand_on(),) if self.live.is_full else ())))

    def _surroundings(self) -> str:
        if self._kit.where:
            return calls_in_text.REMOTE
        return calls_in_text.CONTAINED if shows_tree(self._kit, self._brief) else calls_in_text.UNSEEN

    async def _done_in_text(self) -> str:
        """What its answer asked for, and what came of calls that it did not wait for."""
        async with self._unacted():
            late = await self.server.unheard()
        calls = calls_in_text.calls_in("".join(self._said))
        if not calls:
            return calls_in_text.told_back([name for name, _ in late], [result for _, result in late])
        async with self._under_way():
            results = await self.calls.carry(self._desk, calls)
        names = [*(name for name, _ in late), *(call.name for call in calls)]
        return calls_in_text.told_back(names, [*(result for _, result in late), *results])

    async def _asked(self, talk: Talk, prompt: str, settled: Callable[[], Awaitable[None]]) -> SeatOutcome | None:
        """None = it ended well."""
        self._said = []
        self.lives()
        self.prompting = answering = asyncio.ensure_future(talk.prompt(prompt))
        either: list[asyncio.Future[Any]] = [answering, self.live.over]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self.live.over.done():
            answering.cancel()
            return self.live.over.result()
        answer = answering.result()
        self.prompting = None
        self._used(answer.usage)
        await settled()
        if self.live.over.done():
            return self.live.over.result()
        stop = self.account.last_stop
        if answer.stop == "refusal" or stop == "refusal":
            return SeatOutcome(kind="refused", note="".join(self._said)[-500:])
        if stop == "model_context_window_exceeded":
            return self.live.handed_on()
        if self._in_the_way is not None:
            return self._waiting(self._in_the_way)
        if answer.stop in ("max_tokens", "max_turn_requests") or stop == "max_tokens":
            return SeatOutcome(kind="truncated", note=f"the agent ended its answer: {answer.stop or stop}")
        if answer.stop != "end_turn":
            return SeatOutcome(kind="failed", note=f"the agent broke off by itself: {answer.stop[:80] or 'unsaid'}")
        return None

    async def broken(self, program: Program | None, error: Exception) -> SeatOutcome:
        """The agent, or the line to it, is gone."""
        if self.live.over.done():
            return self.live.over.result()
        if self._in_the_way is not None:
            return self._waiting(self._in_the_way)
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
        async with self._unacted(), self._acting:
            yield

    @contextlib.asynccontextmanager
    async def _unacted(self) -> AsyncIterator[None]:
        """As `_under_way`, while something that is under way is waited for."""
        self._at_desk += 1
        try:
            yield
        finally:
            self._at_desk -= 1
            self.lives()

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
                self.live.said(text)
                if sum(map(len, self._said)) > MOST_TEXT:
                    self.live.stop(SeatOutcome(kind="failed", note=f"its answer is longer than {MOST_TEXT >> 20} MB"))
                self._desk.say(text)
            case "tool_call":
                self._desk.say(f"\n[{str(update.get('title', ''))[:200]}]\n")
            case "usage_update":
                used, size = update.get("used"), update.get("size")
                if isinstance(used, int) and isinstance(size, int) and used > NEARLY_FULL * size > 0:
                    self.live.is_full = True
                if not self.account.counted:
                    self._told_cost(update.get("cost") or {})

    def _told_cost(self, cost: Mapping[str, Any]) -> None:
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
        if names_ours(wish, [tool.name for tool in self.calls.tools]):
            return True  # what it wants with it is asked about when it calls it
        actions, why = actions_of(wish)
        if why:
            self._desk.deny(f"permission: {wish.kind}"[:80], wish.title, why)
            return False
        async with self._under_way():
            for action in actions:
                if not (await self._desk.permit(action)).ok:
                    return False
        return True

    async def _tool(self, name: str, arguments: object) -> ActionResult:
        async with self._under_way():
            return await self.live.act(name, arguments)

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
        self._stalls = self._stalls + 1 if call.stalled else 0
        if call.stalled:
            note = f"the model's stream was cut: {call.broken}"
            self._desk.notice("stall", note)
            if self._stalls >= FEW:
                self.live.stop(SeatOutcome(kind="stalled", note=note))
        elif call.refused:
            self._desk.deny("the way out", f"{call.method} {call.path}", call.refused)
        elif call.code in (401, 403) and login is not None:
            note = f"the endpoint refused this seat's {login.kind} ({call.code})"
            self._desk.notice("note", note)
            self.live.stop(SeatOutcome(kind="failed", note=note))
        elif call.status == 413:
            self.live.stop(self.live.handed_on())
        elif call.in_the_way:
            self._failed(call)
        elif call.status and call.status < 400:
            self._in_the_way, self._failed_calls = None, 0

    def metered(self, used: Metered) -> None:
        """What the endpoint counted, while it is still counting."""
        self.account.add(used)
        if is_nearly_full(self._kit.models.find(used.model), used.tokens):
            self.live.is_full = True

    def _failed(self, call: Call) -> None:
        """Agents try again by themselves, some for ever and in silence: so each time is told, and counted."""
        self._in_the_way = call
        self._failed_calls += 1
        after = f"; it asks for {call.after:g} s" if call.after else ""
        kind: NoticeKind = "rate limit" if call.code == 429 else "retry"
        self._desk.notice(kind, f"{call.in_the_way}: {call.path} ({call.broken or call.status}){after}")
        if self._failed_calls >= MOST_FAILED_CALLS or (call.after or 0) > LONGEST_WAIT:
            self.live.stop(self._waiting(call))

    def _waiting(self, call: Call) -> SeatOutcome:
        login = self._kit.login
        host = urlsplit(login.base_url).netloc if login is not None else self._kit.name
        note = f"{call.in_the_way}: {call.path}: {call.broken or f'it was answered with {call.status}'}"
        return SeatOutcome(kind="waiting", note=note, cause=f"{host}: {call.in_the_way}", until=utc_after(call.after))
