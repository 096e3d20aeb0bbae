"""A seat that a model plays over the Messages API: our own loop over its stream, and only our tools.

Nothing of the model runs here. It says what it wants, the desk permits or refuses it, and the answer goes back; so
every call is gated, what it costs is known where the model is on the price list, and an interrupt is the end of one
connection. The client tries nothing again by itself: each wait is shown.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from factory_tui.adapters.brief_sections import cached_parts
from factory_tui.adapters.kept_conversations import Conversation, Shelf
from factory_tui.adapters.logins import is_this_machine, must_stay_private
from factory_tui.adapters.model_calls import FULL, HAND_ON, Calls, is_nearly_full
from factory_tui.adapters.model_stream import Answer
from factory_tui.adapters.model_troubles import EARLY_END, Trouble, trouble_of, utc_after
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.prices import Model, Models, Tokens, cost
from factory_tui.domain.terms import SeatFacts
from factory_tui.engine.seat_ports import Desk, SeatOutcome, TurnBrief

VENDOR = "https://api.anthropic.com"
ANSWER_TOKENS = 32_000
"""The most that is asked for in one answer, where the model can."""
UNLISTED_ANSWER_TOKENS = 8_192
CUT_ANSWERS = 3
"""Answers in a row that may end at the limit of one answer."""
NO_WORDS = "(no words)"
_CACHED = {"cache_control": {"type": "ephemeral"}}

GO_ON = "Your answer was cut off at the most that one answer may hold. Go on in smaller pieces."


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """How the model is reached. `base_url` serves Ollama, llama.cpp, LiteLLM and gateways; empty = the vendor."""

    models: Models
    key: str = ""
    base_url: str = ""
    model: str = ""
    """Where the staffing names none; empty = by the role's tier."""
    effort: str = ""
    answer_tokens: int = 0
    """Of one answer; 0 = by the list."""
    silence_seconds: float = 120.0
    """With not one byte, after which the connection is given up."""
    answered: Callable[[], None] = lambda: None
    """Told when the server has answered: until then the key is unproven."""
    place: str = ""
    """A directory of the state place where conversations are kept until their turn has ended; empty = they are not,
    and a turn that was cut off begins afresh."""
    longest_wait: float = 60.0
    """Seconds that are waited before a try; a server that asks for more ends the turn, waiting for the world."""


class AnthropicApiSeat:
    """Satisfies `seat_ports.Seat`. Raises FactoryError when there is neither a key nor a server of one's own, and when
    the key would be sent in the clear."""

    def __init__(self, settings: ApiSettings, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """`pause` waits between two tries; tests pass one that does not."""
        if not settings.key and not settings.base_url:
            raise FactoryError(
                what="there is no key for the Anthropic API",
                why="the seat `anthropic_api` reads ANTHROPIC_API_KEY at the start of the factory",
                next_step="export ANTHROPIC_API_KEY and start again, or name a `base_url` of a server of your own",
            )
        must_stay_private(settings.base_url or VENDOR, settings.key)
        self._settings = settings
        self._pause = pause
        self._client: Any = None

    @property
    def kind(self) -> str:
        return "anthropic_api"

    @property
    def effort(self) -> str:
        """Where a brief names none; empty = by the role's tier."""
        return self._settings.effort

    @property
    def facts(self) -> SeatFacts:
        settings = self._settings
        named = [settings.model] if settings.model else [tier.model for tier in settings.models.tiers.values()]
        return SeatFacts(
            control="brokered",
            gates_every_call=True,
            knows_cost=all(settings.models.find(model) for model in named),
            can_resume=bool(settings.place),
            contained=True,
        )

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        settings = self._settings
        tier = settings.models.tiers.get(brief.model_tier)
        model = brief.model or settings.model or (tier.model if tier else "")
        if not model:
            raise FactoryError(
                what=f"no model is named for the tier `{brief.model_tier}`",
                why="the list of models has no such tier",
                next_step="add it under [tiers] in models.toml of your config directory",
            )
        effort = brief.effort or settings.effort or (tier.effort if tier and tier.effort else "")
        calls = Calls(brief)
        self._client = await self._connect()
        turn = _Turn(self._client, settings, self._pause, brief, desk, calls, model, effort)
        await turn.begin()
        return await turn.play()

    async def _connect(self) -> Any:
        # Three quarters of a second and 74 MB: off the loop, and only when a turn needs it.
        anthropic = await asyncio.to_thread(_sdk)
        settings = self._settings
        base_url = settings.base_url or VENDOR
        # A proxy of the environment would not find our own machine; and whom a server sends us on to gets no key.
        is_near = is_this_machine(urlsplit(base_url).hostname or "")
        http_client = anthropic.DefaultAsyncHttpxClient(trust_env=not is_near, follow_redirects=False)
        return anthropic.AsyncAnthropic(
            api_key=settings.key or "none",
            base_url=base_url,
            max_retries=0,
            timeout=anthropic.Timeout(settings.silence_seconds, connect=min(15.0, settings.silence_seconds)),
            http_client=http_client,
        )

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _sdk() -> Any:
    import anthropic

    return anthropic


class _Failed(Exception):
    """The request was given up."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.text)
        self.trouble = trouble


class _Turn:
    """One conversation, from the brief to its outcome."""

    def __init__(
        self,
        client: Any,
        settings: ApiSettings,
        pause: Callable[[float], Awaitable[None]],
        brief: TurnBrief,
        desk: Desk,
        calls: Calls,
        model: str,
        effort: str,
    ) -> None:
        self._client, self._settings, self._pause = client, settings, pause
        self._brief, self._desk, self._calls = brief, desk, calls
        self._model, self._effort = model, effort
        self._known: Model | None = settings.models.find(model)
        self._stable, own = cached_parts(brief.text)
        self._history: list[dict[str, Any]] = [{"role": "user", "content": [_said(own)]}]
        self._used = Tokens()
        self._usd: float | None = 0.0
        self._cut_answers = 0
        self._shelf = Shelf(settings.place) if settings.place else None
        self._id = str(uuid.uuid4())

    async def begin(self) -> None:
        """Takes up the conversation that was cut off, where it is there and is this model's own."""
        id = self._brief.resume
        if id and self._shelf is not None:
            found = await asyncio.to_thread(self._shelf.take_up, id, self._brief.sha256, self._model)
            if isinstance(found, Conversation):
                self._id, self._history, self._calls.done = id, found.messages, found.done
            else:
                self._desk.notice("fallback", f"the conversation that was cut off {found}: a fresh one begins")
        self._desk.conversation(self._id, self._model)

    async def play(self) -> SeatOutcome:
        outcome = await self._played()
        if self._shelf is not None and outcome.kind != "waiting":
            await asyncio.to_thread(self._shelf.drop, self._id)
        return outcome

    async def _played(self) -> SeatOutcome:
        try:
            while True:
                answer = await self._ask()
                if (outcome := await self._go_on_from(answer)) is not None:
                    return outcome
        except _Failed as failed:
            return self._ended(failed.trouble)

    async def _keep(self) -> None:
        """As it stands; before what was said in it is carried out, so that a restart knows what is in doubt."""
        if self._shelf is not None:
            kept = Conversation(
                brief=self._brief.sha256, model=self._model, messages=self._history, done=self._calls.done
            )
            await asyncio.to_thread(self._shelf.keep, self._id, kept)

    async def _go_on_from(self, answer: Answer) -> SeatOutcome | None:
        """What one answer leads to; None = the conversation goes on."""
        self._remember("assistant", answer.blocks() or [_said(NO_WORDS)])
        calls = answer.calls()
        if answer.stop == "refusal":
            note = f"the model refused: {answer.stopped_because or 'it gave no reason'}"
            return SeatOutcome(kind="refused", note=note)
        if calls:
            await self._keep()
            results = await self._calls.carry(self._desk, [call for _, call in calls])
            content: list[dict[str, Any]] = [
                {"type": "tool_result", "tool_use_id": id, "content": result.text, "is_error": not result.ok}
                for (id, _), result in zip(calls, results, strict=True)
            ]
            self._remember("user", content)
            if self._calls.delivered:
                return SeatOutcome(kind="ok")
            if self._calls.given_up:
                return SeatOutcome(kind="failed", note=self._calls.given_up)
        if answer.stop == "model_context_window_exceeded":
            return await self._hand_on(may_ask=False)
        if answer.stop == "max_tokens":
            self._cut_answers += 1
            if self._cut_answers >= CUT_ANSWERS:
                note = f"{CUT_ANSWERS} answers in a row ended at the most that one answer may hold"
                return SeatOutcome(kind="truncated", note=note)
            self._remember("user", [_said(GO_ON)])
        else:
            self._cut_answers = 0
            if not calls and answer.stop != "pause_turn":
                told = self._calls.ask_again()
                if not told:
                    return SeatOutcome(kind="failed", note=self._calls.given_up)
                self._remember("user", [_said(told)])
        if self._is_nearly_full(answer):
            return await self._hand_on(may_ask=True)
        return None

    def _remember(self, role: str, content: list[dict[str, Any]]) -> None:
        """Roles alternate: some servers insist on it."""
        if self._history[-1]["role"] == role:
            self._history[-1]["content"] += content
        else:
            self._history.append({"role": role, "content": content})

    # --- one request -----------------------------------------------------------------------------

    async def _ask(self, **more: Any) -> Answer:
        """One answer, tried again where that may help; every wait is told before it. Raises _Failed."""
        if words := await self._desk.hear():
            self._remember("user", [_said(text) for text in words])
        await self._keep()
        tried = 0
        while True:
            answer = Answer()
            try:
                await self._stream(answer, more)
                trouble: Trouble | None = None if answer.stop else EARLY_END
            except Exception as error:
                trouble = trouble_of(error)
                if trouble is None:
                    raise
            finally:
                self._charge(answer)
            if trouble is None:
                self._settings.answered()
                return answer
            tried += 1
            wait = min(2.0 ** (tried - 1), self._settings.longest_wait) if trouble.after is None else trouble.after
            if tried >= trouble.tries or wait > self._settings.longest_wait:
                raise _Failed(trouble)
            lost = f"; {answer.said} characters of the answer are void" if answer.said else ""
            self._desk.notice(trouble.kind, f"{trouble.text}{lost}: again in {wait:g} s ({tried}/{trouble.tries - 1})")
            await self._pause(wait)

    async def _stream(self, answer: Answer, more: dict[str, Any]) -> None:
        stream = await self._client.messages.create(stream=True, **self._request(), **more)
        async with stream:
            async for event in stream:
                if text := answer.take(event):
                    self._desk.say(text)
                if event.type == "message_start":
                    self._desk.conversation(self._id, answer.model)
        if answer.said:
            self._desk.say("\n")

    def _request(self) -> dict[str, Any]:
        """Tools and what every turn of the role is told come first and are cached, then the conversation so far.

        Nothing of one turn stands in the cached prefix of another: it holds the card, DNA, rules, knowledge and the
        last digest, and what a role is never told stands in none of its requests.
        """
        request: dict[str, Any] = {
            "model": self._model,
            "max_tokens": self._answer_tokens(),
            "messages": _marked(self._history),
            "tools": [
                {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
                for tool in self._calls.tools
            ],
        }
        if self._stable:
            request["system"] = [{**_said(part), **_CACHED} for part in self._stable]
        if self._known and self._known.adaptive:
            # Servers of other makers have failed on fields that they do not know.
            request["thinking"] = {"type": "adaptive"}
            if self._effort:
                request["output_config"] = {"effort": self._effort}
        return request

    def _answer_tokens(self) -> int:
        if self._settings.answer_tokens:
            return self._settings.answer_tokens
        if self._known is None or not self._known.output_limit:
            return UNLISTED_ANSWER_TOKENS
        return min(ANSWER_TOKENS, self._known.output_limit)

    def _charge(self, answer: Answer) -> None:
        """Also for an answer that broke off: it was paid for."""
        if not answer.id and answer.tokens == Tokens():
            return
        self._used += answer.tokens
        model = answer.model or self._model
        usd = cost(self._settings.models, model, answer.tokens)
        self._usd = None if usd is None or self._usd is None else self._usd + usd
        used = self._used
        self._desk.spend(self._usd, used.fresh, used.out, used.cached, used.written, model)

    # --- how it ends -----------------------------------------------------------------------------

    def _ended(self, trouble: Trouble) -> SeatOutcome:
        note = f"{trouble.text}. {trouble.mend}".rstrip(". ") if trouble.mend else trouble.text
        if trouble.ends == "context":
            return self._handed_on("", note)
        if trouble.ends == "waiting":
            host = urlsplit(self._settings.base_url or VENDOR).netloc
            # The same words for every turn that waits for it, whatever the server said to each.
            cause = f"{host}: {trouble.text.partition(':')[0]}"
            return SeatOutcome(kind="waiting", note=note, cause=cause, until=utc_after(trouble.after))
        return SeatOutcome(kind=trouble.ends, note=note)

    def _is_nearly_full(self, answer: Answer) -> bool:
        return is_nearly_full(self._known, answer.tokens)

    async def _hand_on(self, *, may_ask: bool) -> SeatOutcome:
        """Ends the turn with a digest for a fresh one: the model's own words where it can still say them, and what was
        really done, by our own account."""
        note = FULL
        words = ""
        if may_ask:
            self._remember("user", [_said(HAND_ON)])
            try:
                answer = await self._ask(tool_choice={"type": "none"})
                words = "\n".join(block["text"] for block in answer.blocks() if block["type"] == "text")
            except _Failed as failed:
                note = f"{note}; its own words could not be had: {failed.trouble.text}"
        return self._handed_on(words, note)

    def _handed_on(self, words: str, note: str) -> SeatOutcome:
        self._desk.notice("note", note)
        return self._calls.handed_on(words, note)


def _said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _marked(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conversation with its end marked, so that the next request reads all of it from the cache."""
    *before, last = history
    *blocks, end = last["content"]
    return [*before, {**last, "content": [*blocks, {**end, **_CACHED}]}]
