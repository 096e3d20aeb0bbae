"""What a model's seat costs beside the raw client: processor time for a thousand tokens, four streaming at once, and
the time to the first word. `python -m bench.seats_bench` prints the rows."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.rows import Row

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from desks import RecordingDesk, brief_for  # noqa: E402

from factory_tui.adapters.model_list import read_models  # noqa: E402
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings  # noqa: E402

SEATS = 4
WORDS = 3_000
"""Of each answer, a token and an event of the stream each."""
FIRSTS = 25
ROUNDS = 3

SERVER = f"""
import asyncio, sys
sys.path.insert(0, {str(TESTS)!r})
from messages_server import MessagesServer, Reply
LONG = Reply(text="word " * {WORDS}, calls=[("hand_over", {{"note": "done"}})], piece=5)
SHORT = Reply(text="word", calls=[("hand_over", {{"note": "done"}})], piece=5)
async def main():
    play = lambda request: SHORT if "SHORT" in request.everything else LONG
    async with MessagesServer(play) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
"""In a process of its own, so that its work is not counted as ours."""


class Stopwatch(RecordingDesk):
    """Knows when the first word came."""

    first = 0.0

    def say(self, text: str) -> None:
        self.first = self.first or time.perf_counter()
        super().say(text)


def settings(url: str) -> ApiSettings:
    return ApiSettings(models=read_models({"XDG_CONFIG_HOME": "/nonexistent"}), key="a-key", base_url=url)


async def seat(url: str, text: str = "") -> float:
    """One turn in a new seat. Returns seconds to the first word."""
    desk = Stopwatch()
    made = AnthropicApiSeat(settings(url))
    begun = time.perf_counter()
    outcome = await made.run(brief_for(text=text), desk)
    await made.close()
    assert outcome.kind == "ok", outcome
    return desk.first - begun


async def raw(url: str, text: str = "") -> float:
    """The same request by the client's own stream."""
    import anthropic

    brief = brief_for(text=text)
    first = 0.0
    begun = time.perf_counter()
    client = anthropic.AsyncAnthropic(
        api_key="a-key", base_url=url, max_retries=0, http_client=anthropic.DefaultAsyncHttpxClient(trust_env=False)
    )
    asked: dict[str, Any] = {"model": "claude-opus-5-5", "max_tokens": 32_000}
    async with client.messages.stream(messages=[{"role": "user", "content": brief.text}], **asked) as stream:
        async for event in stream:
            if event.type == "text":
                first = first or time.perf_counter()
        await stream.get_final_message()
    await client.close()
    return first - begun


async def processor(one: Callable[[str], Awaitable[float]], url: str) -> float:
    """Milliseconds for a thousand tokens, four at once; the best of the rounds."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        await asyncio.gather(*(one(url) for _ in range(SEATS)))
        taken.append((time.process_time() - begun) * 1_000 / (SEATS * WORDS / 1_000))
    return min(taken)


async def measure(url: str) -> list[Row]:
    await raw(url, "SHORT")
    await seat(url, "SHORT")
    plain = await processor(raw, url)
    ours = await processor(seat, url)
    firsts = [(await raw(url, "SHORT"), await seat(url, "SHORT")) for _ in range(FIRSTS)]
    first_plain, first_ours = (statistics.median(column) * 1_000 for column in zip(*firsts, strict=True))
    return [
        Row(
            name="four seats: processor for 1,000 tokens",
            value=ours,
            unit="ms",
            baseline_name="raw client",
            baseline_value=plain,
            bound=1.5 * plain,
        ),
        Row(
            name="first word of a seat",
            value=first_ours,
            unit="ms",
            baseline_name="raw client",
            baseline_value=first_plain,
            bound=first_plain + 50.0,
        ),
    ]


def run() -> list[Row]:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            return asyncio.run(measure(server.stdout.readline().strip()))
        finally:
            server.kill()


if __name__ == "__main__":
    for row in run():
        print(row)
