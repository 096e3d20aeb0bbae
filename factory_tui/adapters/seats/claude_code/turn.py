"""One turn of Claude Code under way: what it is asked, what it does, uses and is told, and how it ends.

It knows of no process: the program's words come from `talk`, its calls to its model from the proxy, and whatever it
wants done goes to the desk. Made and closed by `seat`.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from factory_tui.adapters.accounting import Account
from factory_tui.adapters.enclosure import Program
from factory_tui.adapters.live_calls import LiveCalls
from factory_tui.adapters.metering import Metered
from factory_tui.adapters.model_calls import is_nearly_full
from factory_tui.adapters.model_troubles import EARLY_END, FEW, in_the_way, utc_after
from factory_tui.adapters.offered_tools import Unread, action_of
from factory_tui.adapters.seats.claude_code import command, finding
from factory_tui.adapters.seats.claude_code.kit import Kit
from factory_tui.adapters.seats.claude_code.telling import Denied, Ended, Limited, Retried, Said
from factory_tui.domain.errors import WorldError
from factory_tui.domain.events import NoticeKind
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief

if TYPE_CHECKING:
    from factory_tui.adapters.proxy import Call
    from factory_tui.adapters.seats.claude_code.talk import Talk

ASKED_AGAIN = "asked again"
RELATIVE_ERROR = 0.02
"""How far the program's count of the cost may lie from ours before it is told."""


class _Cut(NamedTuple):
    """An answer that did not come whole, until it is told."""

    kind: NoticeKind
    text: str
    answer: str
    """The endpoint's id of it."""


class Turn:
    """One turn under way: what it did, used and was told."""

    def __init__(self, kit: Kit, brief: TurnBrief, desk: Desk) -> None:
        self._kit, self._brief, self._desk = kit, brief, desk
        self.live = LiveCalls(brief, desk)
        self.calls = self.live.calls
        self._account = Account(kit.models, desk)
        self._window_until: int | None = None
        """Unix time at which a used-up window of a subscription ends."""
        self._after: float | None = None
        """Seconds that the endpoint asked us to wait, in its last answer."""
        self._last: Call | None = None
        """The last call of its model that ended."""
        self._stalls = 0
        """Calls in a row that were cut because nothing came."""
        self._cut: _Cut | None = None
        self._all_came_whole = True
        self._counted, self._speaking, self._spoken = "", "", 0
        """The answer that is counted; the one that is shown, and how much of it was."""
        self._has_calls = False
        """The answer that is counted has held calls that the program makes."""

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
            prompt = self.live.hand_on() if self.live.is_full else self.calls.ask_again()
        return SeatOutcome(kind="failed", note=self.calls.given_up)

    async def _asked(self, talk: Talk, prompt: str) -> SeatOutcome | None:
        """None = it ended well and delivered nothing."""
        answering = asyncio.ensure_future(self._answer(talk, prompt))
        try:
            either: list[asyncio.Future[SeatOutcome | None]] = [answering, self.live.over]  # type: ignore[list-item]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return self.live.over.result() if self.live.over.done() else answering.result()
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
            await self.live.carry(name, denied.arguments)
        else:
            self._desk.deny(denied.tool, denied.arguments, "the role was not offered it")

    def _heard(self, told: Said | Retried | Limited) -> None:
        match told:
            case Said(text=text, answer=answer):
                if answer != self._speaking:
                    self._speaking, self._spoken = answer, 0
                self._spoken += len(text)
                self._desk.say(text)
                self.live.said(text)
            case Retried():
                again = f"again in {told.seconds:.0f} s ({told.attempt}/{told.most})"
                if not self._tell_cut(again):
                    status = f" ({told.status})" if told.status else ""
                    what = in_the_way(told.status, "" if told.status else told.error) or told.error.replace("_", " ")
                    self._desk.notice("rate limit" if told.status == 429 else "retry", f"{what}{status}: {again}")
            case Limited(status="allowed"):
                pass
            case Limited():
                self._window_until = told.until if told.status == "rejected" else None
                until = time.strftime(" until %H:%M UTC", time.gmtime(told.until)) if told.until else ""
                window = f"the window `{told.window}` of this login" if told.window else "this login"
                how = "is used up" if told.status == "rejected" else "is nearly used up"
                self._desk.notice("rate limit", f"{window} {how}{until}")

    def _tell_cut(self, then: str) -> bool:
        """What became of an answer that did not come whole, in one line; whether there was something to tell."""
        cut, self._cut = self._cut, None
        if cut is not None and self._has_calls and then == ASKED_AGAIN:
            self._desk.notice(cut.kind, f"{cut.text}: it goes on with the calls that came whole")
        elif cut is not None:
            lost = self._spoken if cut.answer and cut.answer == self._speaking else 0
            void = f"; {lost} characters of the answer are void" if lost else ""
            self._desk.notice(cut.kind, f"{cut.text}{void}: {then}")
        return cut is not None

    def _outcome(self, ended: Ended) -> SeatOutcome | None:
        self._tell_cut("it is given up" if ended.is_error else ASKED_AGAIN)
        self._compare(ended.total_usd)
        # As the endpoint said it: the program puts an error of its own in its place.
        stop = self._account.last_stop
        if "refusal" in (ended.stop, stop):
            return SeatOutcome(kind="refused", note=ended.text[:500])
        if "model_context_window_exceeded" in (ended.stop, stop) or _is_too_long(ended):
            return self.live.handed_on()
        if "max_tokens" in (ended.stop, stop):
            return SeatOutcome(kind="truncated", note="its last answer was cut at the model's limit")
        last = self._last
        if ended.is_error and last is not None and last.stalled:
            return _stalled(last)
        if ended.is_error and (cause := (last and last.in_the_way) or in_the_way(ended.status)):
            host = urlsplit(self._kit.login.base_url).netloc
            until = _time(self._window_until) or utc_after(self._after)
            why = (last and last.broken) or ended.text.partition(". This is ")[0]
            return SeatOutcome(kind="waiting", note=f"{cause}: {why}"[:500], cause=f"{host}: {cause}", until=until)
        if ended.is_error:
            status = f" ({ended.status})" if ended.status else ""
            return SeatOutcome(kind="failed", note=f"the model did not answer{status}: {ended.text[:500]}")
        if ended.reason.startswith("aborted"):
            return SeatOutcome(kind="failed", note="Claude Code broke off by itself")
        if self.calls.given_up:
            return SeatOutcome(kind="failed", note=self.calls.given_up)
        return self.live.handed_on() if self.live.is_handing_on else None

    def broken(self, program: Program | None, error: Exception) -> SeatOutcome:
        """The program, or the line to it, is gone."""
        if self.live.over.done():
            return self.live.over.result()
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
        self._has_calls = True
        name = tool.removeprefix(command.PREFIX)
        card = self._brief.card
        assert card is not None
        if isinstance(action_of(card, self._brief.purpose, name, arguments), Unread):
            return (await self.live.carry(name, arguments)).text
        return ""

    # --- its way out -----------------------------------------------------------------------------

    def called(self, call: Call) -> None:
        """One call of the program to its model, after it ended."""
        self._account.tell()
        self._tell_cut(ASKED_AGAIN)
        self._last, self._after = call, call.after
        self._stalls = self._stalls + 1 if call.stalled and not self._has_calls else 0
        if call.refused:
            self._desk.deny("the way out", f"{call.method} {call.path}", call.refused)
        elif call.code in (401, 403):
            kind = self._kit.login.kind
            mend = {"key": "check ANTHROPIC_API_KEY", "token": f"make a new one with `{finding.TOKEN}`"}
            note = f"the endpoint refused this seat's {kind} ({call.code}); {mend.get(kind, 'it wants a key')}"
            self._desk.notice("note", note)
            self.live.stop(SeatOutcome(kind="failed", note=note))
        elif call.broken:
            self._broke(call)
        elif call.status == 200 and not self._kit.proven.since(self._kit.login):
            self._kit.proven.prove(self._kit.login, self._kit.now())
            self._desk.notice("note", f"this {self._kit.login.kind} is proven now: a call with it was answered")

    def _broke(self, call: Call) -> None:
        """What its program does about that it says next, if it says it at all: both make one line."""
        self._all_came_whole = False
        kind: NoticeKind = "stall" if call.stalled else "rate limit" if call.code == 429 else "retry"
        if call.stalled:
            text = f"the model's stream was cut: {call.broken}"
        else:
            text = (
                call.broken
                if call.broken == EARLY_END.text
                else f"{call.in_the_way or 'the server refused the request'}: {call.broken}"
            )
        self._cut = _Cut(kind, text, self._counted)
        if self._stalls >= FEW:
            self._tell_cut("it is given up")
            self.live.stop(_stalled(call))

    def metered(self, used: Metered) -> None:
        """What the endpoint counted, while it is still counting."""
        if used.answer != self._counted:
            self._tell_cut(ASKED_AGAIN)
            self._counted, self._has_calls = used.answer, False
        self._account.add(used)
        if is_nearly_full(self._kit.models.find(used.model), used.tokens):
            self.live.is_full = True

    def _compare(self, total_usd: float | None) -> None:
        """Their count beside ours; a conversation that was taken up counts from its beginning."""
        ours = self._account.usd()
        if self._brief.resume or ours is None or total_usd is None or not self._all_came_whole:
            # What broke off is paid for, and the program does not always count it.
            return
        if abs(ours - total_usd) > RELATIVE_ERROR * max(ours, total_usd):
            self._desk.notice("note", f"the prices give ${ours:.4f}, Claude Code counts ${total_usd:.4f}")


def _stalled(call: Call) -> SeatOutcome:
    return SeatOutcome(kind="stalled", note=f"the model's stream was cut: {call.broken}")


def _is_too_long(ended: Ended) -> bool:
    return ended.is_error and (ended.status == 413 or "prompt is too long" in ended.text.lower())


def _time(unix: int | None) -> str:
    return "" if unix is None else time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(unix))
