"""One turn of an agent under way: what it says and wishes for, what it uses, and why it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from factory_tui.adapters.accounting import Account
from factory_tui.adapters.enclosure import Program
from factory_tui.adapters.model_calls import Calls
from factory_tui.adapters.seats.acp import calls_in_text
from factory_tui.adapters.seats.acp.asking import Wish, actions_of
from factory_tui.adapters.seats.acp.kit import Kit
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief

if TYPE_CHECKING:
    from factory_tui.adapters.proxy import Call
    from factory_tui.adapters.seats.acp.talk import Answered, Talk

MOST_TEXT = 4 << 20
"""Characters of one answer that are kept to look for calls."""


class Turn:
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
