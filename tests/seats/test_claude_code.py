"""Claude Code in a seat: the real program behind the real wall, its model a script, no network and no key."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from heart import charter
from messages_server import MessagesServer, Player, Reply, Script
from msgspec import structs

from factory_tui.adapters.enclosure import BoundaryAt, Program, open_plain
from factory_tui.adapters.logins import Login, ProvenLogins
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.programs import Found
from factory_tui.adapters.seats.claude_code.command import PREFIX
from factory_tui.adapters.seats.claude_code.finding import find_program
from factory_tui.adapters.seats.claude_code.kit import Kit
from factory_tui.adapters.seats.claude_code.seat import ClaudeCodeSeat
from factory_tui.adapters.trying import Tried, World, world
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.prices import Model
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import ActionResult, SeatOutcome, TurnBrief

pytestmark = [pytest.mark.needs_claude, pytest.mark.needs_bwrap]
REAL = "the-real-credential-0123456789"
MODEL = "claude-sonnet-5-5"
MODELS = read_models({"XDG_CONFIG_HOME": "/nonexistent"})
DONE = Reply(calls=[(f"{PREFIX}hand_over", {"note": "done"})])


@dataclass
class Desk:
    """Writes down what it was told, and says yes."""

    acted: list[tuple[str, str]] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    said: str = ""
    notices: list[tuple[str, str]] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    spent: list[tuple[object, ...]] = field(default_factory=list)
    conversations: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """What the supervisor says next."""
    holding: asyncio.Event | None = None
    """Set by an action that then waits for ever, as for a supervisor."""
    began: asyncio.Event = field(default_factory=asyncio.Event)
    """Something was said."""
    cancelled: int = 0

    async def act(self, action: Action) -> ActionResult:
        self.acted.append((action.kind, action.object))
        self.actions.append(action)
        if self.holding is not None:
            self.holding.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return ActionResult(ok=True, decision="allow", text=f"{action.kind} is done")

    async def hear(self) -> tuple[str, ...]:
        told, self.words = tuple(self.words), []
        return told

    def say(self, text: str) -> None:
        self.said += text
        self.began.set()

    def notice(self, kind: str, text: str) -> None:
        self.notices.append((kind, text))

    def deny(self, tool: str, arguments: object, reason: str) -> None:
        self.denied.append(tool)

    def conversation(self, id: str, model: str = "") -> None:
        self.conversations.append(id)

    def spend(self, *usage: object) -> None:
        self.spent.append(usage)

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.notices if kind != "note"]


BRIEF = TurnBrief(
    turn="builder/b1",
    task="T-1",
    title="Add",
    role="builder",
    purpose="author",
    attempt=1,
    text="You are the Builder. Add.",
    sha256="",
    directory="",
    card=charter().role("builder"),
)


@dataclass
class Room:
    """A seat, its desk and the server that plays its model."""

    server: MessagesServer
    kit: Kit
    desk: Desk = field(default_factory=Desk)
    seat: ClaudeCodeSeat = field(init=False)

    def __post_init__(self) -> None:
        self.seat = ClaudeCodeSeat(self.kit)

    async def play(self, brief: TurnBrief = BRIEF) -> SeatOutcome:
        try:
            return await self.seat.run(brief, self.desk)
        finally:
            await self.seat.close()
            assert programs(self.kit.place) == []


def programs(mark: str) -> list[int]:
    """Running programs that were told of a place."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark.encode() in (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@asynccontextmanager
async def room(tmp_path: Path, *replies: Reply, play: Player | None = None, **more: object) -> AsyncIterator[Room]:
    async with MessagesServer(play or Script(*replies), key=REAL) as server:
        kit = Kit(
            open=BwrapSandbox(look_around(find_bwrap(), [sys.base_prefix])).open,
            contained=True,
            program=find_program({"PATH": ""}),
            login=Login(kind="key", base_url=server.url, credential=REAL),
            place=str(tmp_path / "claude"),
            proven=ProvenLogins(tmp_path / "logins.json"),
            now=lambda: "2026-11-22T10:00:00.000Z",
            models=MODELS,
            model=MODEL,
            retries=1,
        )
        yield Room(server, replace(kit, **more))  # type: ignore[arg-type]


# --- a turn --------------------------------------------------------------------------------------


async def test_every_wish_comes_to_the_desk_and_nothing_else_is_offered(tmp_path: Path):
    wishes = [(f"{PREFIX}read", {"path": "a.py"}), (f"{PREFIX}run", {"command": "pytest"})]
    async with room(tmp_path, Reply(text="I look.", calls=wishes), DONE) as here:
        assert await here.play() == SeatOutcome(kind="ok")
        assert here.desk.acted == [("read", "a.py"), ("run", "pytest"), ("hand_over", "done")]
        assert here.desk.said == "I look."
        first, second = here.server.requests
        assert {name.removeprefix(PREFIX) for name in first.tools} <= set(BRIEF.card.actions if BRIEF.card else ())
        assert second.results == [("read is done", False), ("run is done", False)]
        assert "You are the Builder. Add." in first.everything
        # The server asked for the real credential, and it came: the program was never given it.
        assert {request.key for request in here.server.requests} == {REAL}
        assert here.server.others == []


async def test_what_the_endpoint_counted_is_spent_and_agrees_with_the_programs_own_count(tmp_path: Path):
    used = {"input_tokens": 1_000, "output_tokens": 200, "cache_read_input_tokens": 5_000}
    replies = Reply(text="Nothing to do.", usage=used), replace(DONE, usage=used)
    async with room(tmp_path, *replies) as here:
        assert (await here.play()).kind == "ok"
        usd = 2 * (1_000 * 2 + 200 * 10 + 5_000 * 0.1) / 1e6
        assert here.desk.spent[-1] == (pytest.approx(usd), 2_000, 400, 10_000, 0, MODEL)
        assert not [text for _, text in here.desk.notices if "Claude Code counts" in text]


async def test_the_cost_of_an_unknown_model_is_unknown_though_the_program_names_one(tmp_path: Path):
    async with room(tmp_path, DONE, model="smollm2-135m") as here:
        assert (await here.play()).kind == "ok"
        assert here.desk.spent[-1][0] is None
        assert here.server.requests[0].body["model"] == "smollm2-135m"


async def test_a_login_is_unproven_until_a_call_was_answered(tmp_path: Path):
    async with room(tmp_path, DONE, DONE) as here:
        await here.play()
        assert [text for _, text in here.desk.notices if "proven" in text] == [
            "this key was never used in a seat before: unproven until a call is answered",
            "this key is proven now: a call with it was answered",
        ]
        again = Room(here.server, here.kit)
        await again.play()
        assert again.desk.notices == []
        assert REAL not in (tmp_path / "logins.json").read_text()


async def test_a_credential_does_not_go_over_plain_http_to_another_machine(tmp_path: Path):
    async with room(tmp_path) as here:
        elsewhere = Login(kind="token", base_url="http://gateway.example", credential=REAL)
        with pytest.raises(FactoryError, match="in the clear"):
            ClaudeCodeSeat(replace(here.kit, login=elsewhere))
        ClaudeCodeSeat(replace(here.kit, login=replace(elsewhere, base_url="https://gateway.example")))
        ClaudeCodeSeat(replace(here.kit, login=Login(kind="none", base_url="http://gateway.example")))


async def test_a_token_made_for_seats_goes_out_as_one(tmp_path: Path):
    async with room(tmp_path, DONE) as here:
        token = Login(kind="token", base_url=here.server.url, credential=REAL)
        here = Room(here.server, replace(here.kit, login=token))
        assert (await here.play()).kind == "ok"
        assert here.server.requests[0].headers["authorization"] == f"Bearer {REAL}"
        assert "x-api-key" not in here.server.requests[0].headers


async def test_what_the_model_wrote_reaches_the_desk_as_it_was_written(tmp_path: Path):
    """The program turns an escape into its letter before it passes a call on; the desk is told what was said."""
    text = 'print("\\u00e9", "é", "\\\\u00e9", r"C:\\x")\n' + "# long\n" * 100
    async with room(tmp_path, Reply(calls=[(f"{PREFIX}edit", {"path": "a.py", "content": text})]), DONE) as here:
        assert (await here.play()).kind == "ok"
        assert here.desk.actions[0].content == text


async def test_what_was_not_offered_or_cannot_be_read_is_on_record_and_not_done(tmp_path: Path):
    wishes = [
        ("Bash", {"command": "id"}),
        ("Write", {"file_path": "/x", "content": "x"}),
        (f"{PREFIX}edit", {"path": 3}),
    ]
    async with room(tmp_path, Reply(calls=wishes), DONE) as here:
        assert (await here.play()).kind == "ok"
        assert here.desk.acted == [("hand_over", "done")]
        assert sorted(here.desk.denied) == ["Bash", "Write", "edit"]
        assert [is_error for _, is_error in here.server.requests[1].results] == [True] * 3


async def test_the_tier_decides_model_and_effort(tmp_path: Path):
    async with room(tmp_path, DONE, model="") as here:
        assert (await here.play(replace(BRIEF, model_tier="strong"))).kind == "ok"
        body = here.server.requests[0].body
        tier = MODELS.tiers["strong"]
        assert (body["model"], body["output_config"]["effort"]) == (tier.model, tier.effort)


async def test_an_effort_chosen_for_the_turn_comes_before_the_seats_own_and_that_before_the_tiers(tmp_path: Path):
    async with room(tmp_path, DONE, DONE, model="claude-opus-5-5", effort="low") as here:
        assert (await here.play(replace(BRIEF, model_tier="strong"))).kind == "ok"
        again = Room(here.server, here.kit)
        assert (await again.play(replace(BRIEF, model_tier="strong", effort="medium"))).kind == "ok"
        assert [one.body["output_config"]["effort"] for one in here.server.requests] == ["low", "medium"]


async def test_what_the_supervisor_says_is_told_with_the_next_prompt(tmp_path: Path):
    async with room(tmp_path, Reply(text="Finished?"), DONE) as here:
        here.desk.words = ["Mind the sign."]
        assert (await here.play()).kind == "ok"
        assert "Mind the sign." in here.server.requests[0].everything


async def test_a_turn_that_delivers_nothing_is_asked_again_twice(tmp_path: Path):
    async with room(tmp_path, play=lambda request: Reply(text="I am done, I think.")) as here:
        outcome = await here.play()
        assert outcome == SeatOutcome(kind="failed", note="it ended 3 times with nothing delivered")
        assert len(here.server.requests) == 3


async def test_two_conversations_share_nothing_and_one_is_taken_up_by_its_id(tmp_path: Path):
    async with room(tmp_path, Reply(text="First words. " * 50, gap=0.05), DONE, DONE) as here:
        turn = asyncio.ensure_future(here.seat.run(BRIEF, here.desk))
        await here.desk.began.wait()
        (session,) = here.desk.conversations
        while not any(b'"user"' in path.read_bytes() for path in (tmp_path / "claude").rglob(f"{session}.jsonl")):
            await asyncio.sleep(0.02)
        turn.cancel()
        await asyncio.wait([turn])
        await here.seat.close()
        other = Room(here.server, here.kit)
        await other.play()
        assert other.desk.conversations != [session]
        assert "You were interrupted" not in here.server.requests[-1].everything
        resumed = Room(here.server, here.kit)
        assert (await resumed.play(replace(BRIEF, resume=session))).kind == "ok"
        assert resumed.desk.conversations == [session]
        told = here.server.requests[-1].everything
        assert "You are the Builder. Add." in told
        assert "You were interrupted" in told


async def test_a_conversation_that_is_gone_or_was_never_written_begins_afresh_and_says_so(tmp_path: Path):
    gone = "0b3f9c3e-0000-4000-8000-000000000000"
    (tmp_path / "claude" / gone / "config" / "projects" / "x").mkdir(parents=True)
    (tmp_path / "claude" / gone / "config" / "projects" / "x" / f"{gone}.jsonl").write_text('{"type":"mode"}\n')
    for session in (gone, gone.replace("0b3", "0b4"), "../../etc"):
        async with room(tmp_path, DONE) as here:
            assert (await here.play(replace(BRIEF, resume=session))).kind == "ok"
            assert here.desk.conversations != [session]
            assert "not there any more: a fresh one begins" in dict(here.desk.notices)["fallback"]
            assert "You are the Builder. Add." in here.server.requests[0].everything
            assert "You were interrupted" not in here.server.requests[0].everything


@pytest.mark.parametrize("kind", ["a link", "a pipe", "a linked folder"])
async def test_what_was_planted_as_a_transcript_is_neither_followed_nor_waited_for(tmp_path: Path, kind: str):
    session = "0b3f9c3e-0000-4000-8000-000000000000"
    projects = tmp_path / "claude" / session / "config" / "projects"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / f"{session}.jsonl").write_text('{"type":"user"}\n')
    projects.mkdir(parents=True)
    if kind == "a linked folder":
        (projects / "x").symlink_to(outside)
    else:
        (projects / "x").mkdir()
        planted = projects / "x" / f"{session}.jsonl"
        if kind == "a link":
            planted.symlink_to(outside / planted.name)
        else:
            os.mkfifo(planted)
    async with asyncio.timeout(30), room(tmp_path, DONE) as here:
        assert (await here.play(replace(BRIEF, resume=session))).kind == "ok"
        assert here.desk.conversations != [session]
        assert "a fresh one begins" in dict(here.desk.notices)["fallback"]


async def test_a_transcript_that_a_kill_cut_short_is_taken_up(tmp_path: Path):
    look = Reply(calls=[(f"{PREFIX}read", {"path": "a.py"})])
    # It writes late, and a quick end may leave no transcript: so each turn has its model think longer than the last.
    longer = [reply for turn in range(8) for reply in (look, replace(DONE, wait=turn * 0.5))]
    async with room(tmp_path, *longer, DONE) as here:
        transcripts: list[Path] = []
        while not transcripts and len(here.desk.conversations) < 8:
            assert (await here.play()).kind == "ok"
            session = here.desk.conversations[-1]
            transcripts = list((tmp_path / "claude" / session).rglob(f"{session}.jsonl"))
        (transcript,) = transcripts
        with transcript.open("ab") as file:
            file.write(b'{"type":"assistant","message":{"id":"msg_9","rol')
        again = Room(here.server, here.kit)
        assert (await again.play(replace(BRIEF, resume=session))).kind == "ok"
        assert again.desk.conversations == [session]


# --- a full context --------------------------------------------------------------------------------

SMALL = dict.fromkeys(("small",), Model(input=1, output=1, cache_read=0, cache_write=1, context=10_000))
FULL = {"input_tokens": 9_000, "output_tokens": 10}


async def full(tmp_path: Path, *replies: Reply) -> tuple[Room, SeatOutcome]:
    models = structs.replace(MODELS, models=MODELS.models | SMALL)
    async with room(tmp_path, *replies, models=models, model="small") as here:
        return here, await here.play()


async def test_a_full_context_is_handed_on_in_the_models_own_words_and_with_what_was_done(tmp_path: Path):
    look = Reply(calls=[(f"{PREFIX}read", {"path": "a.py"})], usage=FULL)
    here, outcome = await full(tmp_path, look, Reply(text="a.py lacks subtraction."))
    assert outcome.kind == "truncated"
    assert "a.py lacks subtraction." in outcome.digest
    assert "- read a.py: ok" in outcome.digest
    (result, _), *_ = here.server.requests[1].results
    assert "Your context is nearly full" in result
    assert len(here.server.requests) == 2, "it compacted nothing by itself"


async def test_a_full_context_that_calls_on_is_handed_on_and_does_nothing_more(tmp_path: Path):
    look = Reply(calls=[(f"{PREFIX}read", {"path": "a.py"})], usage=FULL)
    here, outcome = await full(tmp_path, look, replace(DONE, usage=FULL))
    assert outcome.kind == "truncated"
    assert here.desk.acted == [("read", "a.py")]


async def test_a_full_context_without_a_call_is_asked_for_its_words(tmp_path: Path):
    here, outcome = await full(tmp_path, Reply(text="Hm.", usage=FULL), Reply(text="Nothing is done yet."))
    assert "Nothing is done yet." in outcome.digest
    assert "Hm." not in outcome.digest
    assert "Your context is nearly full" in here.server.requests[1].everything


async def test_a_prompt_that_the_endpoint_finds_too_long_is_handed_on_by_our_account(tmp_path: Path):
    look = Reply(calls=[(f"{PREFIX}read", {"path": "a.py"})])
    too_long = Reply(status=400, message="prompt is too long: 200100 tokens > 200000 maximum")
    here, outcome = await full(tmp_path, look, *[too_long] * 4)
    assert (outcome.kind, "- read a.py: ok" in outcome.digest) == ("truncated", True)
    assert [one for one in here.server.requests if "summary" in one.system] == []


# --- interrupted, killed -------------------------------------------------------------------------


async def test_an_interrupt_while_it_speaks_hangs_up_at_the_endpoint_and_leaves_nothing(tmp_path: Path):
    async with room(tmp_path, Reply(text="word " * 500, gap=0.05)) as here:
        turn = asyncio.ensure_future(here.seat.run(BRIEF, here.desk))
        await here.desk.began.wait()
        turn.cancel()
        await asyncio.wait([turn])
        assert turn.cancelled()
        await here.server.gone.wait()
        await here.seat.close()
        await here.seat.close()
        assert programs(here.kit.place) == []


async def test_an_interrupt_while_an_action_waits_ends_the_action(tmp_path: Path):
    async with room(tmp_path, Reply(calls=[(f"{PREFIX}run", {"command": "make"})])) as here:
        here.desk.holding = asyncio.Event()
        turn = asyncio.ensure_future(here.seat.run(BRIEF, here.desk))
        await here.desk.holding.wait()
        turn.cancel()
        await asyncio.wait([turn])
        await here.seat.close()
        assert here.desk.cancelled == 1


async def test_a_program_that_is_killed_fails_its_turn_and_says_so(tmp_path: Path):
    async with room(tmp_path, Reply(text="word " * 500, gap=0.05)) as here:
        turn = asyncio.ensure_future(here.play())
        await here.desk.began.wait()
        for pid in programs(here.kit.place):
            os.kill(pid, signal.SIGKILL)
        outcome = await turn
        assert outcome.kind == "failed"
        assert outcome.note.startswith("Claude Code ended before its turn did")


async def test_closing_a_seat_that_never_ran_does_nothing(tmp_path: Path):
    async with room(tmp_path) as here:
        await here.seat.close()
        assert here.seat.facts.contained
        assert not Path(here.kit.place).exists()


# --- faults of the wire --------------------------------------------------------------------------


@pytest.mark.parametrize("cut", ["reset", "close", "end", "overloaded_error"])
async def test_a_stream_that_breaks_is_asked_for_again_and_nothing_is_done_twice(tmp_path: Path, cut: str):
    broken = Reply(text="Half a sentence that breaks", cut=cut, after=1)
    async with room(tmp_path, broken, DONE) as here:
        assert (await here.play()).kind == "ok"
        assert here.desk.acted == [("hand_over", "done")]


@pytest.mark.parametrize("cut", ["overloaded_error", "end"])
async def test_what_breaks_after_a_call_came_whole_is_done_once_and_the_line_says_that_it_went_on(
    tmp_path: Path, cut: str
):
    wish = (f"{PREFIX}run", {"command": "make"})
    async with room(tmp_path, Reply(text="I make it.", calls=[wish], cut=cut, after=9), DONE) as here:
        assert (await here.play()).kind == "ok"
        assert here.desk.acted == [("run", "make"), ("hand_over", "done")]
        (line,) = [text for kind, text in here.desk.notices if kind == "retry"]
        assert line.endswith("it goes on with the calls that came whole")
        assert here.server.requests[-1].results[-1] == ("run is done", False), "its model knows that it was done"


async def test_a_credential_that_a_stream_refuses_was_not_proven_by_its_status(tmp_path: Path):
    async with room(tmp_path, Reply(text="Half", cut="authentication_error")) as here:
        outcome = await here.play()
        assert (outcome.kind, "(401)" in outcome.note) == ("failed", True)
        assert "proven now" not in str(here.desk.notices)
        assert len(here.server.requests) == 1


async def test_silence_in_a_stream_is_noticed_and_asked_again(tmp_path: Path):
    async with room(tmp_path, Reply(text="Then nothing", cut="silent"), DONE, silence_seconds=0.5) as here:
        assert (await here.play()).kind == "ok"
        assert "stall" in here.desk.kinds()
        assert here.desk.acted == [("hand_over", "done")]


async def test_an_overloaded_endpoint_is_tried_again_visibly(tmp_path: Path):
    async with room(tmp_path, Reply(status=529), DONE) as here:
        assert (await here.play()).kind == "ok"
        assert here.desk.kinds() == ["retry"]
        assert "again in" in here.desk.notices[1][1]
        assert "(1/1)" in here.desk.notices[1][1]


@pytest.mark.parametrize(
    ("status", "cause"),
    [(529, "overloaded"), (429, "rate limit"), (500, "the server failed"), (408, "the server failed")],
)
async def test_what_is_in_the_way_after_its_tries_is_waited_for(tmp_path: Path, status: int, cause: str):
    async with room(tmp_path, play=lambda request: Reply(status=status)) as here:
        outcome = await here.play()
        assert (outcome.kind, outcome.cause) == ("waiting", f"{here.server.url.removeprefix('http://')}: {cause}")
        assert here.desk.acted == []


async def test_an_endpoint_that_cannot_be_reached_is_waited_for_in_the_words_of_every_other_seat(tmp_path: Path):
    login = Login(kind="key", base_url="http://127.0.0.1:9", credential=REAL)
    async with room(tmp_path, login=login, retries=0) as here:
        outcome = await here.play()
    assert (outcome.kind, outcome.cause) == ("waiting", "127.0.0.1:9: the connection broke"), outcome


async def test_a_rate_limit_is_told_as_one(tmp_path: Path):
    async with room(tmp_path, Reply(status=429, headers={"retry-after": "1"}), DONE) as here:
        assert (await here.play()).kind == "ok"
        assert here.desk.kinds() == ["rate limit"]


async def test_a_refused_credential_stops_the_seat_at_once(tmp_path: Path):
    async with room(tmp_path, DONE, retries=10) as here:
        wrong = replace(here.kit, login=Login(kind="token", base_url=here.server.url, credential="wrong"))
        here = Room(here.server, wrong)
        outcome = await here.play()
        assert outcome.kind == "failed"
        assert "refused this seat's token (401)" in outcome.note
        assert "claude setup-token" in outcome.note
        assert len(here.server.requests) <= 2
        assert not (tmp_path / "logins.json").exists()


async def test_a_request_that_is_wrong_fails_the_turn(tmp_path: Path):
    async with room(tmp_path, play=lambda request: Reply(status=400, message="no such model")) as here:
        outcome = await here.play()
        assert outcome.kind == "failed"
        assert "400" in outcome.note


@pytest.mark.parametrize(("stop", "kind"), [("refusal", "refused"), ("max_tokens", "truncated")])
async def test_a_refusal_and_a_cut_answer_end_the_turn_as_what_they_are(tmp_path: Path, stop: str, kind: str):
    async with room(tmp_path, play=lambda request: Reply(text="I would rather not", stop=stop)) as here:
        assert (await here.play()).kind == kind
        assert here.desk.acted == []


# --- the program itself behind the wall ------------------------------------------------------------


async def test_no_credential_is_in_the_program_its_files_or_what_it_was_started_with(tmp_path: Path):
    async with room(tmp_path, Reply(text="word " * 500, gap=0.05)) as here:
        turn = asyncio.ensure_future(here.seat.run(BRIEF, here.desk))
        await here.desk.began.wait()
        found = programs(here.kit.place)
        assert found
        for pid in found:
            for name in ("environ", "cmdline"):
                assert REAL.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
        stand_in = b"stand-in-"
        assert any(stand_in in Path(f"/proc/{pid}/environ").read_bytes() for pid in found), "the control"
        turn.cancel()
        await asyncio.wait([turn])
        await here.seat.close()
        files = [path for path in Path(here.kit.place).rglob("*") if path.is_file()]
        assert files
        assert not [path for path in files if REAL.encode() in path.read_bytes()]


async def tried_by(kit: Kit, card: RoleCard, here: World) -> Sequence[Tried]:
    program = ClaudeCodeSeat(kit).probe_route.program
    assert program is not None
    return await program(card, here)


async def test_what_the_program_could_do_by_itself_was_tried_and_is_refused(tmp_path: Path):
    async with room(tmp_path) as here:
        with world(tmp_path / "world") as precious:
            tried = await tried_by(here.kit, charter().role("builder"), precious)
        assert len(tried) == 7
        assert [one for one in tried if not one.refused] == []
        assert programs(here.kit.place) == []


@pytest.mark.parametrize(
    ("tool", "limit"),
    [
        ("Bash", "run a command by the program's own shell"),
        ("Write", "write by the program's own tools"),
        ("Read", "read a planted canary by the program's own tools"),
        ("Grep", "search by the program's own tools"),
        ("WebFetch", "fetch by the program's own tools"),
        ("Agent", "send a sub-agent"),
        (f"{PREFIX}destroy", "call a tool that nobody has"),
    ],
)
async def test_a_program_that_really_can_shows_red_for_just_that(tmp_path: Path, tool: str, limit: str):
    """The control: one like it, that obeys its model in one thing and has no wall around it."""
    program = tmp_path / "obedient"
    obedient = Path(__file__).with_name("obedient.py")
    program.write_text(f"#!/bin/sh\nOBEYS={tool} exec {sys.executable} {obedient}\n")
    program.chmod(0o755)

    async def opened(argv: Sequence[str], boundary_at: BoundaryAt) -> Program:
        return await open_plain(argv, boundary_at, str(tmp_path))

    async with room(tmp_path, open=opened, contained=False, program=Found(path=str(program), readable=())) as here:
        with world(tmp_path / "world") as precious:
            tried = await tried_by(here.kit, charter().role("builder"), precious)
            changed = not precious.is_untouched()
    red = {one.name: one.detail for one in tried if not one.refused}
    assert limit in red
    assert "it was not tried" not in str(red)
    assert changed or set(red) == {limit}, "what changed the world is nobody's alone"
    assert changed == (tool in ("Bash", "Write", f"{PREFIX}destroy"))


async def test_a_program_too_old_to_be_held_fills_no_seat_and_says_so(tmp_path: Path):
    program = tmp_path / "old"
    program.write_text(f"#!/bin/sh\nOLD=1 exec {sys.executable} {Path(__file__).with_name('obedient.py')}\n")
    program.chmod(0o755)

    async def opened(argv: Sequence[str], boundary_at: BoundaryAt) -> Program:
        return await open_plain(argv, boundary_at, str(tmp_path))

    async with room(tmp_path, open=opened, program=Found(path=str(program), readable=())) as here:
        with pytest.raises(FactoryError, match="cannot fill a seat"):
            await here.play()
        with world(tmp_path / "world") as precious:
            tried = await tried_by(here.kit, charter().role("builder"), precious)
    assert not any(one.refused for one in tried)
    assert "update it" in tried[0].detail


async def test_a_program_that_cannot_be_tried_is_not_proven(tmp_path: Path):
    async with room(tmp_path) as here:
        broken = replace(here.kit, program=Found(path="/usr/bin/false", readable=()))
        with world(tmp_path / "world") as precious:
            tried = await tried_by(broken, charter().role("builder"), precious)
    assert not any(one.refused for one in tried)
    assert all("it was not tried" in one.detail for one in tried)
