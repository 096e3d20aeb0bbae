"""The seat that a model plays over the Messages API, with the real client and a server whose model is a script."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from desks import OK, RecordingDesk, brief_for
from messages_server import MessagesServer, Reply, Script

from factory_tui.adapters.model_calls import HAND_ON
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.prices import Model, Models
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import ActionResult, SeatOutcome

MODELS = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
HAND_OVER = Reply(calls=[("hand_over", {"note": "done"})])
LOOK = Reply(text="Let me look.", calls=[("read", {"path": "a.py"})])


class Waits:
    """Does not wait, and knows how long it would have."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@asynccontextmanager
async def seated(*replies: Reply, again: bool = False, models: Models = MODELS, **settings):
    async with MessagesServer(Script(*replies, again=again)) as server:
        waits = Waits()
        given = {"key": "a-key", "base_url": server.url, "silence_seconds": 30.0, **settings}
        seat = AnthropicApiSeat(ApiSettings(models=models, **given), pause=waits)
        try:
            yield seat, server, waits
        finally:
            await seat.close()


async def play(seat: AnthropicApiSeat, desk: RecordingDesk, **brief) -> SeatOutcome:
    async with asyncio.timeout(60):
        return await seat.run(brief_for(**brief), desk)


# --- where its key goes ----------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://gateway.example", "http://10.0.0.7:4000", "http://127.0.0.1.example/"])
def test_a_key_does_not_go_over_plain_http_to_another_machine(url: str) -> None:
    with pytest.raises(FactoryError, match="in the clear"):
        AnthropicApiSeat(ApiSettings(models=MODELS, key="a-key", base_url=url))
    AnthropicApiSeat(ApiSettings(models=MODELS, base_url=url))


@pytest.mark.parametrize("url", ["https://gateway.example", "http://localhost:1", "http://127.0.0.9", "http://[::1]:1"])
def test_a_key_goes_to_our_own_machine_or_over_tls(url: str) -> None:
    AnthropicApiSeat(ApiSettings(models=MODELS, key="a-key", base_url=url))


async def test_a_server_that_sends_it_on_to_another_does_not_make_it_show_its_key_there() -> None:
    async with MessagesServer() as other:
        sent_on = Reply(status=307, headers={"location": f"{other.url}/v1/messages"})
        async with seated(sent_on, again=True) as (seat, server, _):
            outcome = await play(seat, RecordingDesk())
    assert other.requests == []
    assert len(server.requests) == 1
    assert outcome.kind == "failed"
    assert "(307)" in outcome.note


# --- a turn --------------------------------------------------------------------------------------


async def test_a_turn_goes_on_until_it_has_delivered_and_every_call_passes_the_desk() -> None:
    async with seated(LOOK, Reply(calls=[("commit", {"message": "Do it"})]), HAND_OVER) as (seat, server, _):
        desk = RecordingDesk()
        outcome = await play(seat, desk)
    assert outcome == SeatOutcome(kind="ok")
    assert desk.kinds == ["read", "commit", "hand_over"]
    assert desk.said == "Let me look.\n"
    assert [request.results for request in server.requests] == [[], [("done", False)], [("done", False)]]
    assert desk.conversations[0][1] == "claude-opus-5-5"


async def test_what_the_desk_refuses_goes_back_as_an_error_and_the_turn_goes_on() -> None:
    refusal = ActionResult(ok=False, decision="deny", text="denied. card:builder: no")
    async with seated(LOOK, HAND_OVER) as (seat, server, _):
        desk = RecordingDesk(lambda action: refusal if action.kind == "read" else OK)
        assert (await play(seat, desk)).kind == "ok"
    assert server.requests[1].results == [("denied. card:builder: no", True)]


async def test_only_our_tools_are_offered_and_another_one_is_denied_on_record() -> None:
    async with seated(Reply(calls=[("bash", {"command": "id"})]), HAND_OVER) as (seat, server, _):
        desk = RecordingDesk()
        assert (await play(seat, desk)).kind == "ok"
    assert set(server.requests[0].tools) <= set(brief_for().card.actions)  # type: ignore[union-attr]
    assert desk.denied == ["bash"]
    assert server.requests[1].results[0][1], "and it is told so"


async def test_what_every_turn_of_a_role_is_told_is_the_cached_prefix_and_nothing_else_is() -> None:
    async with seated(LOOK, HAND_OVER) as (seat, server, _):
        await play(seat, RecordingDesk())
    first, second = (request.body for request in server.requests)
    assert [block["cache_control"] for block in first["system"]] == [{"type": "ephemeral"}] * 2
    assert first["system"][0]["text"].startswith("# You are the Builder")
    assert first["system"][1]["text"].startswith("# Knowledge")
    assert first["messages"][0]["content"][0]["text"].startswith("# Your task")
    assert (first["system"], first["tools"]) == (second["system"], second["tools"]), "or nothing would be found again"
    marks = [[("cache_control" in block) for block in message["content"]] for message in second["messages"]]
    assert sum(map(sum, marks)) == 1
    assert marks[-1][-1], "the end of the conversation, where the next request goes on"


async def test_two_roles_share_no_prefix_and_no_word() -> None:
    async with seated(Reply(text="I, the author, think so"), HAND_OVER) as (seat, server, _):
        await play(seat, RecordingDesk())
        server.play = Script(Reply(calls=[("report", {"checked": ["ran it"]})]))
        reviewer = AnthropicApiSeat(ApiSettings(models=MODELS, key="a-key", base_url=server.url))
        assert (await play(reviewer, RecordingDesk(), role="quality", purpose="review")).kind == "ok"
        await reviewer.close()
    author, review = server.requests[0], server.requests[-1]
    assert author.body["system"][0] != review.body["system"][0]
    assert "I, the author" not in review.everything


async def test_the_tier_decides_model_and_effort_and_an_unlisted_model_is_asked_for_neither() -> None:
    for tier, model, effort in (("strong", "claude-opus-5-5", "high"), ("fast", "claude-haiku-5-5", "low")):
        async with seated(HAND_OVER) as (seat, server, _):
            await play(seat, RecordingDesk(), tier=tier)
        body = server.requests[0].body
        assert (body["model"], body["output_config"], body["thinking"]) == (
            model,
            {"effort": effort},
            {"type": "adaptive"},
        )
    async with seated(HAND_OVER, model="smollm2-135m") as (seat, server, _):
        await play(seat, RecordingDesk())
    assert not {"thinking", "output_config"} & set(server.requests[0].body)


async def test_what_the_staffing_names_comes_before_the_tier() -> None:
    async with seated(HAND_OVER) as (seat, server, _):
        await play(seat, RecordingDesk(), model="claude-sonnet-5", effort="max")
    body = server.requests[0].body
    assert (body["model"], body["output_config"]) == ("claude-sonnet-5", {"effort": "max"})


async def test_thoughts_go_back_signed_as_they_came() -> None:
    async with seated(replace(LOOK, thinking="hm, let me see"), HAND_OVER) as (seat, server, _):
        await play(seat, RecordingDesk())
    block = server.requests[1].messages[1]["content"][0]
    assert block == {"type": "thinking", "thinking": "hm, let me see", "signature": "c2lnbmVk"}


async def test_the_cost_is_that_of_each_kind_of_token_and_unknown_for_an_unlisted_model() -> None:
    usage = {
        "input_tokens": 1_000,
        "output_tokens": 100,
        "cache_read_input_tokens": 10_000,
        "cache_creation_input_tokens": 500,
    }
    async with seated(replace(LOOK, usage=usage), replace(HAND_OVER, usage=usage)) as (seat, _, _waits):
        desk = RecordingDesk()
        await play(seat, desk)
    once = (1_000 * 4 + 100 * 20 + 10_000 * 0.2 + 500 * 5) / 1e6
    assert [spent.usd for spent in desk.spent] == pytest.approx([once, 2 * once])
    last = desk.spent[-1]
    assert (last.fresh, last.out, last.cached, last.written) == (2_000, 200, 20_000, 1_000)
    async with seated(HAND_OVER, model="smollm2-135m") as (seat, _, _waits):
        desk = RecordingDesk()
        await play(seat, desk)
        assert not seat.facts.knows_cost
    assert desk.spent[-1].usd is None
    assert desk.spent[-1].model == "smollm2-135m"


async def test_the_supervisors_words_reach_the_model_with_its_next_request() -> None:
    async with seated(LOOK, HAND_OVER) as (seat, server, _):
        desk = RecordingDesk()

        def answer(action: Action) -> ActionResult:
            if action.kind == "read":
                desk.words.append("Mind the minus.")
            return ActionResult(ok=True, decision="allow", text="x")

        desk.answer = answer
        await play(seat, desk)
    assert "Mind the minus." in str(server.requests[1].messages[-1])


async def test_one_that_only_talks_is_asked_twice_and_has_then_failed() -> None:
    async with seated(Reply(text="Done!"), again=True) as (seat, server, _):
        outcome = await play(seat, RecordingDesk())
    assert outcome.kind == "failed"
    assert "nothing delivered" in outcome.note
    assert len(server.requests) == 3
    assert "`commit`, then `hand_over`" in str(server.requests[1].messages[-1])


async def test_a_handover_that_cannot_be_read_is_asked_for_again_and_then_taken() -> None:
    bad = Reply(calls=[("hand_over", '{"note": ')])
    async with seated(bad, Reply(calls=[("hand_over", {"text": "x"})]), HAND_OVER) as (seat, server, _):
        desk = RecordingDesk()
        assert (await play(seat, desk)).kind == "ok"
    assert desk.denied == ["hand_over"] * 2
    assert "no JSON" in server.requests[1].results[0][0]
    assert "unknown field `text`" in server.requests[2].results[0][0]


# --- the fault table -----------------------------------------------------------------------------

WHOLE = Reply(text="a longer text, in several pieces", piece=4)
OVERLOADED = Reply(status=529, message="Overloaded")
CLOSED = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Reply(status=429, headers={"retry-after": "3"}), "rate limit: so it was scripted (429): again in 3 s (1/4)"),
        (OVERLOADED, "overloaded: Overloaded (529): again in 1 s (1/4)"),
        (Reply(status=500), "the server failed: so it was scripted (500): again in 1 s (1/4)"),
        (replace(WHOLE, cut="reset", after=2), "the connection broke"),
        (replace(WHOLE, cut="close", after=2), "the connection broke"),
        (replace(WHOLE, cut="end", after=2), "the answer ended early, without saying why"),
        (replace(WHOLE, cut="overloaded_error", after=2), "overloaded: so it was scripted (529)"),
        (replace(WHOLE, cut="api_error", after=2), "the server failed: so it was scripted (500)"),
        (replace(WHOLE, cut="rate_limit_error", after=2), "rate limit: so it was scripted (429)"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.cut or str(value.status),
)
async def test_a_passing_fault_is_one_line_in_the_pane_and_the_turn_goes_on(fault: Reply, told: str) -> None:
    async with seated(LOOK, fault, HAND_OVER) as (seat, server, waits):
        desk = RecordingDesk()
        assert await play(seat, desk) == SeatOutcome(kind="ok")
    assert len(desk.notices) == 1
    assert told in desk.notices[0][1]
    assert desk.kinds == ["read", "hand_over"], "nothing is done twice"
    assert len(waits.seconds) == 1
    assert server.requests[1].body == server.requests[2].body, "nothing of the conversation is lost"
    if fault.cut:
        assert "8 characters of the answer are void" in desk.notices[0][1]
        assert "a longer" in desk.said, "what was seen stands in the pane"
        assert len(desk.spent) == 3, "what broke off was paid for"


@pytest.mark.parametrize(
    ("fault", "kind", "requests", "told"),
    [
        (OVERLOADED, "waiting", 5, "overloaded"),
        (Reply(status=429, headers={"retry-after": "2"}), "waiting", 5, "rate limit"),
        (Reply(status=500), "waiting", 5, "the server failed"),
        (replace(WHOLE, cut="reset"), "waiting", 5, "the connection broke"),
        (replace(WHOLE, cut="close"), "waiting", 5, "the connection broke"),
        (replace(WHOLE, cut="overloaded_error"), "waiting", 5, "overloaded"),
        (replace(WHOLE, cut="end"), "truncated", 5, "ended early"),
        (Reply(status=401, message="invalid x-api-key"), "failed", 1, "set ANTHROPIC_API_KEY"),
        (Reply(status=403), "failed", 1, "look at the account"),
        (Reply(status=404, message="model: nope"), "failed", 1, "name another model"),
        (Reply(status=400, message="tools.0: bad"), "failed", 1, "refused the request: tools.0: bad (400)"),
        (replace(WHOLE, cut="invalid_request_error"), "failed", 1, "refused the request"),
        (
            Reply(
                text="No.", stop="refusal", details={"type": "refusal", "category": "cyber", "explanation": "unsafe"}
            ),
            "refused",
            1,
            "cyber unsafe",
        ),
        (Reply(text="on and on", stop="max_tokens"), "truncated", 3, "at the most that one answer may hold"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_lasting_fault_ends_the_turn_once_with_what_happened_and_what_mends_it(
    fault: Reply, kind: str, requests: int, told: str
) -> None:
    async with seated(LOOK, fault, again=True) as (seat, server, waits):
        desk = RecordingDesk()
        outcome = await play(seat, desk)
    assert outcome.kind == kind
    assert told in outcome.note
    assert len(server.requests) == 1 + requests
    assert sum(waits.seconds) <= 60, "it never waits without a bound"
    assert desk.kinds == ["read"]
    if kind == "waiting":
        assert outcome.cause == f"{server.url.removeprefix('http://')}: {told}", (
            "the same for every turn that shares it"
        )
        assert len(desk.notices) == 4, "one line for each wait"


async def test_a_server_that_asks_for_longer_than_the_cap_is_waited_for_outside_of_the_turn() -> None:
    async with seated(Reply(status=429, headers={"retry-after": "4233600"})) as (seat, server, waits):
        outcome = await play(seat, RecordingDesk())
    assert (outcome.kind, waits.seconds, len(server.requests)) == ("waiting", [], 1)
    assert outcome.until.endswith("Z")


async def test_a_refused_connection_is_told_and_the_world_waited_for() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    waits = Waits()
    seat = AnthropicApiSeat(ApiSettings(models=MODELS, key="a-key", base_url=f"http://127.0.0.1:{port}"), pause=waits)
    desk = RecordingDesk()
    outcome = await play(seat, desk)
    await seat.close()
    assert outcome.kind == "waiting"
    assert "the connection broke" in desk.notices[0][1]
    assert waits.seconds == [1, 2, 4, 8]


@pytest.mark.parametrize("fault", [Reply(wait=600), replace(WHOLE, cut="silent", after=1)], ids=["first", "midway"])
async def test_silence_is_given_up_tried_once_more_and_then_stalled(fault: Reply) -> None:
    async with seated(fault, again=True, silence_seconds=0.2) as (seat, server, _):
        desk = RecordingDesk()
        outcome = await play(seat, desk)
    assert outcome.kind == "stalled"
    assert [kind for kind, _ in desk.notices] == ["stall"]
    assert len(server.requests) == 2


async def test_without_a_key_the_seat_is_not_there_and_says_what_mends_it() -> None:
    with pytest.raises(FactoryError, match="export ANTHROPIC_API_KEY"):
        AnthropicApiSeat(ApiSettings(models=MODELS))


async def test_a_server_of_ones_own_needs_no_key() -> None:
    async with seated(HAND_OVER, key="") as (seat, server, _):
        assert (await play(seat, RecordingDesk())).kind == "ok"
    assert server.requests[0].key == "none"


async def test_a_call_cut_off_by_the_limit_of_an_answer_is_not_carried_out() -> None:
    cut = Reply(text="I edit", calls=[("edit", '{"path": "a.py", "content": "hal')], stop="max_tokens")
    async with seated(cut, HAND_OVER) as (seat, server, _):
        desk = RecordingDesk()
        assert (await play(seat, desk)).kind == "ok"
    assert desk.kinds == ["hand_over"]
    assert "smaller pieces" in str(server.requests[1].messages[-1])


async def test_garbage_in_the_stream_is_no_answer_and_never_a_crash() -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(b"event: message_start\ndata: {not json\n\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        seat = AnthropicApiSeat(ApiSettings(models=MODELS, key="a-key", base_url=url), pause=Waits())
        outcome = await play(seat, RecordingDesk())
        await seat.close()
    assert outcome.kind == "failed"
    assert "what is no answer" in outcome.note


# --- interrupt -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [Reply(wait=600), Reply(text="word " * 500, gap=0.02)], ids=["waiting", "streaming"])
async def test_an_interrupt_ends_the_connection_at_once_so_that_nothing_more_is_paid(reply: Reply) -> None:
    async with seated(reply) as (seat, server, _):
        turn = asyncio.create_task(play(seat, RecordingDesk()))
        while not server.requests:
            await asyncio.sleep(0.005)
        if not reply.wait:
            await server.begun.wait()
        turn.cancel()
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        await seat.close()
        await seat.close()
        async with asyncio.timeout(60):
            await server.gone.wait()


# --- the limit of the context --------------------------------------------------------------------

SMALL = Models(
    date="2026-01-01",
    tiers=MODELS.tiers,
    models={"small": Model(input=1, output=1, cache_read=0, cache_write=1, context=1_000, output_limit=500)},
)


async def test_a_context_that_is_nearly_full_is_handed_on_in_the_models_own_words() -> None:
    full = replace(LOOK, usage={"input_tokens": 900})
    words = Reply(text="I read a.py; the sign is wrong in line 3.")
    async with seated(full, words, models=SMALL, model="small") as (seat, server, _):
        desk = RecordingDesk()
        outcome = await play(seat, desk)
    assert outcome.kind == "truncated"
    assert "the sign is wrong in line 3" in outcome.digest
    assert "- read a.py: ok" in outcome.digest
    assert HAND_ON in str(server.requests[1].messages[-1])
    assert server.requests[1].body["tool_choice"] == {"type": "none"}
    assert "a fresh turn goes on" in desk.notices[-1][1]


@pytest.mark.parametrize(
    "fault",
    [
        Reply(status=400, message="prompt is too long: 1000001 tokens > 1000000 maximum"),
        Reply(status=413),
        Reply(status=400, message="the request exceeds the available context size (4096 tokens)"),
        Reply(text="x", stop="model_context_window_exceeded"),
    ],
    ids=["too long", "too large", "llama.cpp", "window"],
)
async def test_a_context_that_is_full_is_handed_on_by_our_own_account(fault: Reply) -> None:
    async with seated(LOOK, fault) as (seat, _, _waits):
        outcome = await play(seat, RecordingDesk())
    assert outcome.kind == "truncated"
    assert "- read a.py: ok" in outcome.digest


# --- cut off, and taken up -------------------------------------------------------------------------


class Waiting(RecordingDesk):
    """Whose action waits for ever, as for a supervisor."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def act(self, action: Action) -> ActionResult:
        if action.kind != "run":
            return await super().act(action)
        self.reached.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody answers it")


RUN = Reply(calls=[("run", {"command": "make"})])


async def cut_off(seat: AnthropicApiSeat) -> str:
    """In its action; the conversation's id."""
    desk = Waiting()
    turn = asyncio.ensure_future(play(seat, desk))
    await desk.reached.wait()
    turn.cancel()
    await asyncio.wait([turn])
    await seat.close()
    return desk.conversations[-1][0]


async def test_a_turn_that_was_cut_off_is_taken_up_with_all_that_was_said_and_told_what_is_in_doubt(
    tmp_path: Path,
) -> None:
    async with seated(LOOK, RUN, HAND_OVER, place=str(tmp_path)) as (seat, server, _):
        assert seat.facts.can_resume
        id = await cut_off(seat)
        (kept,) = tmp_path.iterdir()
        assert (kept.stem, kept.stat().st_mode & 0o077) == (id, 0)
        desk = RecordingDesk()
        assert (await play(seat, desk, resume=id)).kind == "ok"
        told = server.requests[-1]
        assert desk.conversations[0][0] == id
        assert desk.notices == []
        for words in ("Let me look.", "You were interrupted. Go on with your turn.", "not known whether this was done"):
            assert words in told.everything
        assert [message["role"] for message in told.messages] == ["user", "assistant"] * 2 + ["user"]
        assert list(tmp_path.iterdir()) == [], "it has ended: nobody takes it up again"


@pytest.mark.parametrize(
    ("damage", "more", "why"),
    [
        (lambda path: path.unlink(), {}, "is not there any more"),
        (lambda path: path.write_text('{"brief": '), {}, "is not there any more"),
        (lambda path: None, {"model": "claude-haiku-5-5"}, "was another model's"),
        (lambda path: None, {"sha256": "1" * 64}, "was told another brief"),
    ],
)
async def test_what_cannot_be_taken_up_begins_afresh_and_says_so_in_one_line(
    tmp_path: Path, damage, more: dict[str, str], why: str
) -> None:
    async with seated(LOOK, RUN, HAND_OVER, place=str(tmp_path)) as (seat, server, _):
        id = await cut_off(seat)
        damage(tmp_path / f"{id}.json")
        desk = RecordingDesk()
        assert (await play(seat, desk, resume=id, **more)).kind == "ok"
        ((kind, text),) = desk.notices
        assert kind == "fallback"
        assert why in text
        assert desk.conversations[0][0] != id
        assert "Let me look." not in server.requests[-1].everything


async def test_what_waits_for_the_world_is_kept_and_goes_on_where_it_was(tmp_path: Path) -> None:
    busy = Reply(status=429, headers={"retry-after": "3600"})
    async with seated(LOOK, busy, HAND_OVER, place=str(tmp_path)) as (seat, server, _):
        desk = RecordingDesk()
        assert (await play(seat, desk)).kind == "waiting"
        await seat.close()
        assert (await play(seat, RecordingDesk(), resume=desk.conversations[-1][0])).kind == "ok"
        assert "Let me look." in server.requests[-1].everything


async def test_without_a_place_nothing_is_kept_and_it_says_that_it_cannot_go_on() -> None:
    async with seated(HAND_OVER) as (seat, _, _):
        assert not seat.facts.can_resume
