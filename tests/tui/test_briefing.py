"""The briefing: what is new first, the digest beside a checklist that ticks as the start-up really looks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from chair import Chair, hint, opened, press, screen_text, settled, write
from crew import SUPERVISOR, Crew, approve_all, commit_and_hand_over, git, make_crew
from crew import settled as calm
from crew import small_task as state_task
from crew import write as edit
from heart import small_task
from test_reading import came_back

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.errors import Refusal
from factory_tui.domain.state import State
from factory_tui.domain.terms import Action
from factory_tui.engine.checklist import LINES, Checked, Report
from factory_tui.tui.app import Cockpit
from factory_tui.tui.door import WorksDoor
from factory_tui.tui.present.briefing import checklist
from factory_tui.tui.screens.briefing import Briefing
from factory_tui.tui.screens.finder import Finder
from factory_tui.tui.screens.floor import Floor
from factory_tui.tui.screens.writing import Writing

FOUND = (
    Checked(line="ledger", verdict="ok", told="214 entries, the chain holds"),
    Checked(
        line="repository",
        verdict="ok",
        told="main at cccccccccc, +14 commits",
        news=("base main +14 commits, now cccc",),
    ),
    Checked(line="dna", verdict="ok", told="read whole, 1894 bytes, sha256 8cdf02739b96"),
    Checked(line="rules", verdict="ok", told="60 loaded, each caught its own incident; 19 not enforced"),
    Checked(line="knowledge", verdict="ok", told="3 documents"),
    Checked(line="smoke", verdict="ok", told="make test"),
    Checked(
        line="wall",
        verdict="warn",
        told="none: bwrap is not installed; your package manager has it as `bubblewrap`",
        mend="`factory doctor` looks for one",
    ),
    Checked(line="evidence", verdict="ok", told="G0: models cannot skip the gate; whoever owns the machine can"),
    Checked(line="seats", verdict="ok", told="15 roles: 15 human"),
    Checked(line="budget", verdict="ok", told="a turn at most $3.00 and 60 min (builder); a day at most $20.00"),
    Checked(
        line="handoffs",
        verdict="warn",
        told="1 open task, 0 waiting for you; T-1 now conflicts with the base in adder.py",
        mend="answer its approval with `reject`: a fresh turn starts from the base as it is",
        news=("T-1 now conflicts with the base in adder.py",),
    ),
)


def next_morning() -> Chair:
    """The base moved, a task conflicts, and there is no wall."""
    chair = came_back(base="c" * 40)
    chair.keep("# Digest of session 1\n\n" + "\n".join(f"- line {number} of the digest" for number in range(60)))
    chair.checked = list(FOUND)
    return chair


class SlowStart(Chair):
    """A start whose checks end when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: asyncio.Queue[Checked | Refusal | None] = asyncio.Queue()
        self.tries = 0

    async def start_up(self, report: Report) -> None:
        self.tries += 1
        while (one := await self.lines.get()) is not None:
            if isinstance(one, Refusal):
                raise one
            report(one)


def slow(make: bool = True) -> SlowStart:
    chair = SlowStart()
    chair.start_session()
    if make:
        small_task()(chair)
        chair.keep("digest")
        chair.end_session()
        chair.start_session()
    return chair


async def told(chair: SlowStart, pilot, *lines: Checked | Refusal | None) -> str:
    """These checks ended, and that is drawn."""
    for one in lines:
        chair.lines.put_nowait(one)
    app = pilot.app
    ended = not lines or lines[-1] is None or isinstance(lines[-1], Refusal)
    while not chair.lines.empty() or (ended and app.phase):
        await pilot.pause(0)
    for _ in range(3):
        await pilot.pause(0)
    app.room.renew()
    await pilot.pause(0)
    return screen_text(app)


async def test_each_line_ticks_when_its_check_ends_and_the_digest_can_be_read_meanwhile():
    chair = slow()
    app = Cockpit(chair, arm_seconds=0.0)
    async with app.run_test(size=(120, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        text = await told(chair, pilot, FOUND[0], Checked(line="repository", verdict="running"))
        assert isinstance(app.screen, Briefing)
        assert "1 of 11" in text
        assert "✓ ledger" in text
        assert "▸ repository    looking" in text
        assert "· DNA" in text
        assert "digest" in app.screen.parts[1][1]
        await press_now(pilot, "A")
        assert app.state.acknowledged == 0
        assert "what is new is not known yet" in hint(app)
        text = await told(chair, pilot, FOUND[1], *FOUND[2:], None)
        assert "11 of 11" in text
        assert "2 to look at" in text
        assert "base main +14 commits" in text
        await press_now(pilot, "A")
        assert app.state.acknowledged == 1
        assert isinstance(app.screen, Floor)


async def press_now(pilot, key: str) -> None:
    """A key while the start-up is still under way, whose job never ends by itself."""
    pilot.app.screen.press(key)
    for _ in range(6):
        await pilot.pause(0)


async def test_a_first_session_goes_to_the_floor_by_itself_when_all_is_well():
    chair = slow(make=False)
    app = Cockpit(chair, arm_seconds=0.0)
    async with app.run_test(size=(120, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        await told(chair, pilot, FOUND[0])
        assert isinstance(app.screen, Briefing)
        await told(chair, pilot, FOUND[1], None)
        assert isinstance(app.screen, Floor)
        assert "checks ended well" in hint(app)


async def test_a_start_that_fails_says_which_line_and_how_to_mend_it_and_r_tries_again():
    chair = slow(make=False)
    app = Cockpit(chair, arm_seconds=0.0)
    async with app.run_test(size=(120, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        failed = Checked(
            line="dna", verdict="fail", told="the home cannot be adopted", mend="commit a home that passes"
        )
        text = await told(chair, pilot, FOUND[0], failed, Refusal(what="the home cannot be adopted"))
        assert isinstance(app.screen, Briefing)
        assert "✗ DNA           FAILED" in text
        assert "mend: commit a home that passes" in text
        assert "r try again" in app.screen.hints(120)[0].text + "".join(span.text for span in app.screen.hints(120))
        assert app.crash is not None
        await press_now(pilot, "r")
        text = await told(chair, pilot, *FOUND[:6], None)
        assert chair.tries == 2
        assert app.crash is None
        assert isinstance(app.screen, Floor)


async def test_open_questions_are_answered_from_the_briefing_and_it_is_still_there():
    chair = Chair()
    chair.start_session()
    small_task()(chair)
    chair.begin("T-1")
    chair.wish(Action(kind="escalate", text="Which port?"), "T-1")
    chair.do(c.EndTurn(turn=chair.turn_of("T-1"), outcome="interrupted"))
    chair.keep("digest")
    chair.end_session()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        assert isinstance(app.screen, Briefing)
        assert "Which port?" in screen_text(app)
        await press(pilot, "o", "A")
        await write(pilot, "8080")
        await press(pilot, "enter")
        assert isinstance(app.screen, Briefing)
        assert not app.state.questions
        assert any(isinstance(entry.event, e.QuestionAnswered) for entry in chair.entries)
        await press(pilot, "A")
        assert isinstance(app.screen, Floor)


async def test_what_is_new_does_not_move_the_digest_under_the_reader():
    chair = next_morning()
    async with chair.cockpit(120, 30) as (app, pilot):
        await press(pilot, "ctrl+d")
        place = app.screen.pane.line_on_top
        assert place > 0
        app.screen.present()
        await settled(pilot)
        assert app.screen.pane.line_on_top == place


# --- the real start-up ---------------------------------------------------------------------------


async def build(brief, desk) -> None:
    await edit(desk, "adder.py", "def add(a, b):\n    return b + a\n")
    await commit_and_hand_over(desk)


def door_of(crew: Crew) -> WorksDoor:
    return WorksDoor(name="adder", make=lambda hear: crew.house(), by=SUPERVISOR, mode="flow")  # type: ignore[arg-type]


async def started(crew: Crew) -> tuple[dict[str, Checked], list[Checked]]:
    heard: list[Checked] = []
    door = door_of(crew)
    await door.open(lambda about, text: None)
    try:
        await door.start_up(heard.append)
    finally:
        await door.close("seen", "")
    return {one.line: one for one in heard}, heard


async def test_the_real_start_up_tells_every_line_once_it_has_looked(tmp_path: Path):
    lines, heard = await started(make_crew(tmp_path, {"builder": build, "quality": approve_all}))
    assert list(lines) == list(LINES)
    assert {one.verdict for one in lines.values()} <= {"ok", "warn"}
    assert "sha256" in lines["dna"].told
    assert "15 mind" in lines["seats"].told
    for name in ("repository", "dna", "wall", "seats"):
        verdicts = [one.verdict for one in heard if one.line == name]
        assert verdicts[0] == "running"
        assert verdicts[-1] != "running"


@pytest.mark.parametrize(
    ("settings", "line", "told", "mend"),
    [
        ('repo_id = "{repo_id}"\n[seats]\ndefault = "mind"\n', "smoke", "nothing can be committed", "[smoke]"),
        (
            'repo_id = "{repo_id}"\n[smoke]\ncommand = "true"\n[seats]\ndefault = "nobody"\n',
            "seats",
            "there is no seat `nobody`",
            "[seats]",
        ),
    ],
)
async def test_a_line_that_fails_says_what_and_the_way_to_mend_it(tmp_path: Path, settings, line, told, mend):
    lines, _ = await started(make_crew(tmp_path, {}, settings=settings))
    assert lines[line].verdict == "fail"
    assert told in lines[line].told
    assert mend in lines[line].mend


async def test_a_home_that_cannot_be_adopted_fails_its_lines_and_is_tried_again_once_mended(tmp_path: Path):
    crew = make_crew(tmp_path, {})
    settings = crew.root / ".factory" / "factory.toml"
    good = settings.read_text()
    settings.write_text(good + "[pace]\n")
    git(crew.root, "commit", "-qam", "Break the home")
    settings.write_text(good)
    door = door_of(crew)
    app = Cockpit(door, arm_seconds=0.0)
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await opened(pilot)
            assert "FAILED" in screen_text(app)
            assert "factory check" in app.screen.parts[-1][1]
            assert not app.state.session_open
            git(crew.root, "commit", "-qam", "Mend the home")
            await press(pilot, "r")
            assert app.state.session_open
            assert app.crash is None
    finally:
        await door.close("seen", "")


async def test_commits_and_conflicts_since_the_last_session_are_told_first(tmp_path: Path):
    crew = make_crew(tmp_path, {"builder": build, "quality": approve_all})
    async with crew.session() as house:
        await state_task(house, "Add the other way round")
        await calm(house)
    for number in (1, 2):
        (crew.root / "adder.py").write_text(f"def add(a, b):\n    return a + b + 0 * {number}\n")
        git(crew.root, "commit", "-qam", f"Change it {number}")
    lines, _ = await started(crew)
    assert "+2 commits" in lines["repository"].news[0]
    assert lines["handoffs"].news == ("T-1 now conflicts with the base in adder.py",)
    assert lines["handoffs"].verdict == "warn"


async def test_a_base_that_did_not_move_brings_no_news(tmp_path: Path):
    """The control."""
    crew = make_crew(tmp_path, {"builder": build, "quality": approve_all})
    async with crew.session() as house:
        await state_task(house, "Add the other way round")
        await calm(house)
    lines, _ = await started(crew)
    assert [one.news for one in lines.values() if one.news] == []


# --- stating work --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tabs", "text", "role"),
    [(0, "Fix it", "builder"), (0, "tech_writer: Say how", "tech_writer"), (0, "why: because", "builder")],
)
async def test_a_small_task_goes_to_the_role_that_was_chosen(tabs, text, role):
    chair = Chair()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "t", *["tab"] * tabs)
        await write(pilot, text)
        await press(pilot, "enter")
        assert app.state.task("T-1").role == role
        assert "mode flow" in hint(app)


async def test_tab_goes_through_a_mission_and_every_role_that_writes():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "t")
        seen = []
        for _ in range(12):
            seen.append("".join(span.text for row in app.screen.query_one(".asks").lines for span in row))
            await press(pilot, "tab")
        assert "small task for the builder" in seen[0]
        assert "a mission" in seen[1]
        assert any("for the tech_writer" in line for line in seen)
        assert not any("for the quality" in line for line in seen)


def test_a_cause_that_fails_several_lines_is_told_once():
    why = "the home as committed on the base branch cannot be adopted"
    names = ("dna", "rules", "smoke")
    checks = {name: Checked(line=name, verdict="fail", told=why, mend="commit a home") for name in names}
    text = checklist(State(), {**checks, "wall": Checked(line="wall", verdict="ok", told="bwrap")})
    assert text.count(why) == text.count("mend:") == 1
    assert text.count("for the same reason as DNA") == 2
    assert "wall: ok, bwrap" in text


async def test_what_is_being_written_stays_in_front_when_the_start_up_ends():
    """It is not taken away, and no letter becomes a key."""
    chair = slow(make=False)
    chair.keep("digest")
    chair.end_session()
    chair.start_session()
    app = Cockpit(chair, arm_seconds=0.0)
    async with app.run_test(size=(120, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        await told(chair, pilot, FOUND[0])
        await press_now(pilot, "t")
        await pilot.press("tab", "ctrl+o", "H", "o")
        assert isinstance(app.screen, Writing)
        await told(chair, pilot, *FOUND[1:], None)
        assert isinstance(app.screen, Writing)
        await pilot.press("A", "l", "l")
        assert app.screen.query_one("#written").text == "HoAll"
        await press(pilot, "escape", "escape")
        assert isinstance(app.screen, Briefing)
        assert app.state.acknowledged == 0


async def test_a_line_typed_while_a_first_session_begins_is_not_taken_away():
    chair = slow(make=False)
    app = Cockpit(chair, arm_seconds=0.0)
    async with app.run_test(size=(120, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        await told(chair, pilot, FOUND[0])
        await press_now(pilot, "t")
        await pilot.press("S", "a")
        await told(chair, pilot, FOUND[1], None)
        assert app.room.is_typing
        await pilot.press("y", "P", "enter")
        await settled(pilot)
        assert [mission.text for mission in app.state.missions.values()] == ["SayP"]
        assert not app.state.paused


async def test_a_line_typed_on_the_floor_is_not_covered_by_the_briefing_and_the_digest_waits_one_key_away():
    chair = slow()
    app = Cockpit(chair, arm_seconds=0.0)
    async with app.run_test(size=(120, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        await told(chair, pilot, FOUND[0])
        await press_now(pilot, "escape")
        await press_now(pilot, "m")
        await pilot.press("S", "a")
        await told(chair, pilot, *FOUND[1:], None)
        assert isinstance(app.screen, Floor)
        assert app.room.is_typing
        await pilot.press("A", "enter")
        await settled(pilot)
        assert app.state.acknowledged == 0
        assert "SaA" in [finding.title for finding in app.state.tasks["T-1"].findings], hint(app)
        await press(pilot, "o")
        assert isinstance(app.screen, Briefing)


async def test_words_for_the_palette_are_not_covered_when_the_start_up_begins_or_fails():
    chair = slow(make=False)
    app = Cockpit(chair, arm_seconds=0.0)
    async with app.run_test(size=(120, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        await press_now(pilot, ":")
        await told(chair, pilot, FOUND[0])
        assert isinstance(app.screen, Finder)
        failed = Checked(line="dna", verdict="fail", told="no home", mend="commit one")
        await told(chair, pilot, failed, Refusal(what="no home"))
        assert isinstance(app.screen, Finder)
        await press_now(pilot, "escape")
        await press_now(pilot, "t")
        assert not app.room.is_typing, "what is typed now would be refused"
        assert "r there tries again" in hint(app)
        await press_now(pilot, "g")
        await press_now(pilot, "b")
        assert isinstance(app.screen, Briefing)
        await press_now(pilot, "r")
        await told(chair, pilot, *FOUND[:6], None)
        assert isinstance(app.screen, Floor)


async def test_no_work_is_stated_before_it_is_known_who_could_take_it():
    """Else the first kind that is offered would be another one than a moment later."""
    chair = SlowStart()
    app = Cockpit(chair, arm_seconds=0.0)
    async with app.run_test(size=(120, 40)) as pilot:
        while app.view is None:
            await pilot.pause(0)
        await told(chair, pilot, FOUND[0])
        await press_now(pilot, "t")
        assert not app.room.is_typing
        assert "the roles are still being read" in hint(app)
        chair.start_session()
        await told(chair, pilot, None)
        await press(pilot, "t")
        assert "a small task for the builder" in screen_text(app)
