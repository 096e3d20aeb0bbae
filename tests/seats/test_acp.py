"""Any agent in a seat: one of our own over the real protocol, behind the real wall, well-behaved and not."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from acp_seats import acp_kit
from desks import LAW, OK, RecordingDesk, brief_for
from heart import charter
from messages_server import MessagesServer, Reply, Script

from factory_tui.adapters.agents import Agent, AgentEndpoint
from factory_tui.adapters.logins import Login
from factory_tui.adapters.proxy import Call
from factory_tui.adapters.seats.acp.kit import Kit
from factory_tui.adapters.seats.acp.seat import AcpSeat
from factory_tui.adapters.seats.acp.turn import Turn
from factory_tui.adapters.trying import Tried, World, world
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import Action
from factory_tui.engine.seat_ports import ActionResult, SeatOutcome, TurnBrief
from factory_tui.engine.sitting import sit

pytestmark = [pytest.mark.needs_acp, pytest.mark.needs_bwrap]
DELIVER = 'call {"tool": "hand_over", "arguments": {"note": "done"}}'
NO = ActionResult(ok=False, decision="deny", text="denied. Instead: another way")
REAL = "the-real-credential-0123456789"


@dataclass
class Room:
    """A seat, its desk, and the tree it was given."""

    tmp_path: Path
    kit: Kit
    desk: RecordingDesk = field(default_factory=RecordingDesk)

    @property
    def tree(self) -> Path:
        return self.tmp_path / "tree"

    async def play(self, *lines: str, role: str = "builder", seconds: float = 90.0) -> SeatOutcome:
        """What the agent does, line by line; its seat is closed at the end, and nothing of it is left."""
        outcome = await sit(AcpSeat(self.kit), self.brief(role, *lines), self.desk, seconds)
        assert programs(self.kit.place) == []
        return outcome

    def brief(self, role: str, *lines: str) -> TurnBrief:
        self.tree.mkdir(exist_ok=True)
        (self.tree / "a.py").write_text("one\ntwo\nthree\n")
        brief = brief_for(role, text="# You are the Builder\n\nDO:\n" + "\n".join(lines) + "\nEND")
        return replace(brief, directory=str(self.tree))


def room(tmp_path: Path, *arguments: str, **more: object) -> Room:
    return Room(tmp_path, acp_kit(tmp_path, *arguments, **more))


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


# --- what it asks its client for -----------------------------------------------------------------


async def test_files_and_commands_of_the_client_are_actions_at_the_desk(tmp_path: Path) -> None:
    here = room(tmp_path)
    here.desk.answer = lambda action: replace(OK, text=f"{action.kind} is done", exit_code=0)
    outcome = await here.play("read a.py", "write src/new.py x = 1", "run pytest -q", DELIVER)
    assert outcome == SeatOutcome(kind="ok")
    assert here.desk.acted == [
        Action(kind="read", path="a.py"),
        Action(kind="edit", path="src/new.py", content="x = 1"),
        Action(kind="run", command="pytest -q"),
        Action(kind="hand_over", text="done"),
    ]
    assert "exit 0: run is done" in here.desk.said


async def test_what_the_desk_refuses_the_agent_is_refused_with_the_reason(tmp_path: Path) -> None:
    here = room(tmp_path)
    here.desk.answer = lambda action: OK if action.kind == "hand_over" else NO
    assert (await here.play("read /etc/passwd", "write ../up x", "run id", DELIVER)).kind == "ok"
    assert [action.path for action in here.desk.acted[:2]] == ["/etc/passwd", str(tmp_path / "up")]
    assert here.desk.said.count("REFUSED denied. Instead: another way") == 2
    assert "exit 1: denied" in here.desk.said


async def test_permission_is_the_brokers_and_is_given_once_only(tmp_path: Path) -> None:
    here = room(tmp_path)
    here.desk.answer = lambda action: NO if action.command == "rm -rf ." else OK
    lines = ("ask edit a.py", "ask delete a.py", "ask execute make", "ask execute rm -rf .", "ask read a.py")
    assert (await here.play(*lines, DELIVER)).kind == "ok"
    assert here.desk.permitted == [
        Action(kind="edit", path="a.py", content=""),
        Action(kind="edit", path="a.py", delete=True),
        Action(kind="run", command="make"),
        Action(kind="run", command="rm -rf ."),
        Action(kind="read", path="a.py"),
    ]
    assert here.desk.acted == [Action(kind="hand_over", text="done")], "permission alone changes nothing"
    answers = [line for line in here.desk.said.splitlines() if line.startswith("[ask]")]
    assert answers == ["[ask] selected yes"] * 3 + ["[ask] selected no", "[ask] selected yes"]


@pytest.mark.parametrize("kind", ["other", "fetch", "move", "think", "switch_mode"])
async def test_leave_for_what_no_table_maps_is_denied_on_record(tmp_path: Path, kind: str) -> None:
    here = room(tmp_path)
    assert (await here.play(f"ask {kind} everything", DELIVER)).kind == "ok"
    assert here.desk.denied == [f"permission: {kind}"]
    assert here.desk.permitted == []
    assert "[ask] selected no" in here.desk.said


async def test_leave_for_an_edit_that_names_no_file_is_denied(tmp_path: Path) -> None:
    here = room(tmp_path)
    assert (await here.play("ask execute ", DELIVER)).kind == "ok"
    assert here.desk.denied == ["permission: execute"]


# --- what it does behind our back ----------------------------------------------------------------


async def test_what_it_writes_behind_our_back_changes_nothing_outside(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    here = room(tmp_path)
    outcome = await here.play(
        f"behind {victim} gone", "behind a.py gone", "behind /tmp/own mine", f"read {victim}", DELIVER
    )
    assert outcome.kind == "ok"
    assert victim.read_text() == "precious"
    assert (here.tree / "a.py").read_text() == "one\ntwo\nthree\n"
    assert "FAILED [Errno 30] Read-only file system" in here.desk.said
    assert "[behind] written behind" in here.desk.said, "what is its own, it may"


async def test_without_a_wall_the_same_agent_would_have_done_it_so_it_is_not_started(tmp_path: Path) -> None:
    """The control: the attempt works where nothing holds it."""
    from factory_tui.adapters.enclosure import open_plain

    async def plain(argv: Sequence[str], boundary_at: object) -> object:
        return await open_plain(argv, boundary_at, tmp_path / "plain")  # type: ignore[arg-type]

    victim = tmp_path / "victim"
    victim.write_text("precious")
    bare = room(tmp_path, open=plain)
    assert (await bare.play(f"behind {victim} gone", DELIVER)).kind == "ok"
    assert victim.read_text() == "gone"
    here = room(tmp_path, open=plain, contained=False)
    outcome = await here.play(f"behind {victim} again", DELIVER)
    assert outcome.kind == "failed"
    assert "there is no wall here to hold them" in outcome.note
    assert victim.read_text() == "gone"
    assert here.desk.said == ""


async def test_a_role_that_may_not_read_everything_is_shown_no_tree(tmp_path: Path) -> None:
    here = room(tmp_path)
    card = replace_card(charter().role("builder"), never_reads=("secret/**",))
    here.tree.mkdir()
    (here.tree / "a.py").write_text("x")
    brief = brief_for(text="DO:\nrun ls\nbehind here x\n" + DELIVER + "\nEND")
    seat = AcpSeat(here.kit)
    assert (await sit(seat, replace(brief, card=card, directory=str(here.tree)), here.desk, 30)).kind == "ok"
    assert not (here.tree / "here").exists()


def replace_card(card: RoleCard, **more: object) -> RoleCard:
    from msgspec.structs import replace as changed

    return changed(card, **more)


async def test_processes_that_it_leaves_end_with_it(tmp_path: Path) -> None:
    here = room(tmp_path)
    assert (await here.play("own", DELIVER)).kind == "ok"
    assert "started" in here.desk.said


# --- calls in text -------------------------------------------------------------------------------


async def test_a_call_that_cannot_be_read_comes_back_and_is_asked_for_twice_again(tmp_path: Path) -> None:
    broken = 'call {"tool": "hand_over", "arguments": {"nope": 1}}'
    here = room(tmp_path, "--do", broken)
    outcome = await here.play(broken)
    assert outcome == SeatOutcome(kind="failed", note="`hand_over` could not be read 3 times")
    assert here.desk.denied == ["hand_over"] * 3
    assert here.desk.acted == []


async def test_an_agent_that_delivers_nothing_is_asked_again_twice(tmp_path: Path) -> None:
    here = room(tmp_path)
    assert await here.play("say I am done, I think.") == SeatOutcome(
        kind="failed", note="it ended 3 times with nothing delivered"
    )


async def test_a_plan_is_delivered_by_an_agent_that_has_only_its_prompt(tmp_path: Path) -> None:
    task = {"title": "Add", "goal": "g", "role": "builder", "criteria": ["it adds"]}
    here = room(tmp_path)
    planner = next(card.id for card in LAW.roles if card.plans)
    call = {"tool": "plan", "arguments": {"reasoning": "r", "tasks": [task]}}
    outcome = await here.play("call " + json.dumps(call), role=planner)
    assert outcome.kind == "ok", outcome
    assert [action.kind for action in here.desk.acted] == ["plan"]


async def test_what_the_supervisor_says_is_told_with_the_next_prompt(tmp_path: Path) -> None:
    here = room(tmp_path)
    here.desk.words = [f"DO:\nsay I heard it\n{DELIVER}\nEND"]
    assert (await here.play("say one")).kind == "ok"
    assert "I heard it" in here.desk.said


# --- its model -----------------------------------------------------------------------------------


def with_model(tmp_path: Path, url: str, model: str = "claude-sonnet-5-5") -> Room:
    variables = {
        "ANTHROPIC_BASE_URL": "${url}",
        "ANTHROPIC_API_KEY": "${stand_in}",
        "MODEL": "${model}",
        "KEPT": "${home}",
    }
    agent = Agent(
        title="ours",
        command=("ours",),
        endpoint=AgentEndpoint(base_url=url, speaks="anthropic"),
        environment={**variables, "KEPT": "${home}"},
    )
    return room(tmp_path, agent=agent, model=model, login=Login(kind="key", base_url=url, credential=REAL))


async def test_its_model_is_called_through_the_proxy_which_holds_the_credential_and_counts(tmp_path: Path) -> None:
    block = '\n```factory\n{"tool": "hand_over", "arguments": {"note": "by a model"}}\n```\n'
    async with MessagesServer(
        Script(Reply(text=block, usage={"input_tokens": 1_000, "output_tokens": 10})), key=REAL
    ) as server:
        here = with_model(tmp_path, server.url)
        assert (await here.play("env ANTHROPIC_API_KEY", "model")).kind == "ok"
        assert here.desk.acted == [Action(kind="hand_over", text="by a model")]
        assert {request.key for request in server.requests} == {REAL}
    assert REAL not in here.desk.said
    assert "stand-in-" in here.desk.said
    assert (here.desk.spent[-1].fresh, here.desk.spent[-1].model) == (1_000, "claude-sonnet-5-5")
    assert here.desk.spent[-1].usd == pytest.approx((1_000 * 2 + 10 * 10) / 1e6)
    assert AcpSeat(here.kit).facts.knows_cost


async def test_what_nobody_counted_is_unknown(tmp_path: Path) -> None:
    here = room(tmp_path)
    assert (await here.play(DELIVER)).kind == "ok"
    assert here.desk.spent == []
    assert not AcpSeat(here.kit).facts.knows_cost


async def test_a_credential_that_is_refused_ends_the_turn_and_says_so(tmp_path: Path) -> None:
    async with MessagesServer(Script(*(Reply(status=401),) * 5), key=REAL) as server:
        here = with_model(tmp_path, server.url)
        outcome = await here.play("model", "hang")
    assert outcome == SeatOutcome(kind="failed", note="the endpoint refused this seat's key (401)")


def test_a_credential_that_would_cross_a_network_in_the_clear_makes_no_seat(tmp_path: Path) -> None:
    for url, credential in (("http://models.example", REAL), ("http://10.0.0.7:8080", REAL)):
        with pytest.raises(FactoryError, match="in the clear"):
            AcpSeat(acp_kit(tmp_path, login=Login(kind="key", base_url=url, credential=credential)))
    AcpSeat(acp_kit(tmp_path, login=Login(kind="key", base_url="https://models.example", credential=REAL)))
    AcpSeat(acp_kit(tmp_path, login=Login(kind="none", base_url="http://10.0.0.7:8080")))


# --- faults --------------------------------------------------------------------------------------


async def test_an_agent_that_dies_fails_its_turn_with_what_it_said_last(tmp_path: Path) -> None:
    outcome = await room(tmp_path).play("say still here", "die")
    assert outcome.kind == "failed"
    assert "I give up" in outcome.note


async def test_a_model_that_falls_silent_twice_stalls_the_turn_however_often_its_agent_would_ask(
    tmp_path: Path,
) -> None:
    here = room(tmp_path)
    turn = Turn(here.kit, here.brief("builder"), here.desk)
    silent = Call(method="POST", path="/v1/messages", status=0, broken="nothing came for 90 s", stalled=True)
    whole = Call(method="POST", path="/v1/messages", status=200)
    for call in (silent, whole, silent):
        turn.called(call)
    assert not turn.live.over.done(), "not in a row"
    turn.called(silent)
    outcome = await turn.live.over
    assert (outcome.kind, outcome.note) == ("stalled", "the model's stream was cut: nothing came for 90 s")
    assert [kind for kind, _ in here.desk.notices] == ["stall"] * 3


async def test_an_agent_that_hangs_is_noticed(tmp_path: Path) -> None:
    here = room(tmp_path, silence_seconds=0.3)
    outcome = await here.play("say one", "hang")
    assert outcome == SeatOutcome(kind="stalled", note="nothing came from the agent for 0.3 s")
    assert [kind for kind, _ in here.desk.notices] == ["stall"]


async def test_a_person_who_takes_long_is_not_taken_for_an_agent_that_hangs(tmp_path: Path) -> None:
    """A busy machine makes the agent itself slow: then both get more time."""

    async def with_patience(seconds: float) -> str:
        place = tmp_path / str(seconds)
        place.mkdir()
        here = room(place, silence_seconds=seconds)
        held = here.desk.act

        async def slowly(action: Action) -> ActionResult:
            await asyncio.sleep(seconds * 2)
            return await held(action)

        here.desk.act = slowly  # type: ignore[method-assign]
        return (await here.play("read a.py", DELIVER)).kind

    assert await with_patience(0.3) == "ok" or await with_patience(5.0) == "ok"


async def test_one_that_never_opens_a_session_is_given_up(tmp_path: Path) -> None:
    outcome = await room(tmp_path, "hang-at-start", start_seconds=0.5).play("say one")
    assert outcome.kind == "failed"
    assert "did not open a session in 0.5 s" in outcome.note


async def test_one_that_wants_a_login_says_so(tmp_path: Path) -> None:
    outcome = await room(tmp_path, "no-session").play("say one")
    assert outcome.kind == "failed"
    assert "Authentication required" in outcome.note


async def test_a_greeting_before_the_protocol_is_told_once_and_passed_over(tmp_path: Path) -> None:
    here = room(tmp_path, "noise")
    assert (await here.play("garbage 20", DELIVER)).kind == "ok"
    assert [text for _, text in here.desk.notices] == [
        "a line on its standard output is no message: 'Last login: today'"
    ]


async def test_one_that_prints_nothing_else_is_given_up(tmp_path: Path) -> None:
    outcome = await room(tmp_path, "only-noise").play("say one")
    assert outcome.kind == "failed"
    assert "its standard output holds no messages: spam spam spam" in outcome.note


async def test_one_that_never_ends_is_ended_by_its_time(tmp_path: Path) -> None:
    outcome = await room(tmp_path).play("never", seconds=1.0)
    assert outcome.kind == "budget"


@pytest.mark.parametrize(
    ("stop", "kind"),
    [("refusal", "refused"), ("max_tokens", "truncated"), ("max_turn_requests", "truncated"), ("cancelled", "failed")],
)
async def test_how_it_ends_an_answer_is_told_as_what_it_is(tmp_path: Path, stop: str, kind: str) -> None:
    assert (await room(tmp_path).play("say no", f"stop {stop}")).kind == kind


async def test_a_program_that_is_no_agent_fails_the_turn(tmp_path: Path) -> None:
    outcome = await room(tmp_path, argv=("/usr/bin/false",)).play("say one")
    assert outcome.kind == "failed"


async def test_an_interrupt_asks_it_to_stop_and_ends_it(tmp_path: Path) -> None:
    here = room(tmp_path)
    turn = asyncio.ensure_future(here.play("slow 10000", DELIVER))
    while "tick" not in here.desk.said:
        await asyncio.sleep(0.01)
    turn.cancel()
    await asyncio.wait([turn])
    assert turn.cancelled()
    assert here.desk.acted == []
    assert programs(here.kit.place) == []


# --- its limits, tried ---------------------------------------------------------------------------


async def tried_by(kit: Kit, here: World) -> Sequence[Tried]:
    program = AcpSeat(kit).probe_route.program
    assert program is not None
    return await program(charter().role("builder"), here)


async def test_what_an_agent_could_do_by_itself_was_tried_and_is_refused(tmp_path: Path) -> None:
    with world(tmp_path / "world") as precious:
        tried = await tried_by(acp_kit(tmp_path), precious)
    assert len(tried) == 14
    assert [one for one in tried if not one.refused] == []


async def test_the_same_trial_without_a_wall_is_red(tmp_path: Path) -> None:
    from factory_tui.adapters.enclosure import open_plain

    async def plain(argv: Sequence[str], boundary_at: object) -> object:
        return await open_plain(argv, boundary_at, tmp_path / "plain")  # type: ignore[arg-type]

    with world(tmp_path / "world") as precious:
        tried = await tried_by(acp_kit(tmp_path, open=plain), precious)
    red = {one.name.partition(",")[0] for one in tried if not one.refused}
    assert {"write outside", "read host", "reach loopback", "signal host"} <= red, red


async def test_an_agent_that_cannot_be_tried_is_not_proven(tmp_path: Path) -> None:
    async def broken(argv: Sequence[str], boundary_at: object) -> object:
        raise FactoryError(what="no")

    with world(tmp_path / "world") as precious:
        with pytest.raises(FactoryError):
            await tried_by(acp_kit(tmp_path, open=broken), precious)
        tried = await tried_by(acp_kit(tmp_path, contained=True, start_seconds=0.0), precious)
    assert not any(one.refused for one in tried), tried
