"""A person in a seat: shown what to do, held to the same desk, told why when something is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from factory_tui.adapters.handovers import Handover, Handovers
from factory_tui.adapters.human_forms import action_from, blank_form
from factory_tui.adapters.seats.human import HumanSeat
from factory_tui.cli.giving import Heard
from factory_tui.domain.errors import DocumentError, Refusal
from factory_tui.domain.roles import Delivers
from factory_tui.domain.terms import Action, Finding, FindingAnswer, PlannedTask
from factory_tui.engine.seat_ports import ActionResult, SeatOutcome, TurnBrief

DELIVERS: dict[str, Delivers] = {"builder": "change", "quality": "review", "ceo": "plan", "discovery": "report"}
TEXT = """\
# Your task: T-3, Cancel a booking

Done means:
- a wrong code is answered with 403

# Findings of level 2 that you must answer one by one

- **F-3** (blocks) a test was lost: test_one
- **F-4** (blocks) a test was lost: test_two

# The change

--- a/store.py
+++ b/store.py
"""


def brief(role: str = "builder", text: str = TEXT) -> TurnBrief:
    return TurnBrief(
        turn=f"{role}/x1",
        task="T-3",
        title="Cancel a booking",
        role=role,
        purpose="review" if role == "quality" else "author",
        attempt=1,
        text=text,
        sha256="0" * 64,
        directory="/state/worktrees/T-3",
    )


@dataclass
class Desk:
    """Refuses as often as it is told, then takes everything."""

    refusals: dict[str, list[str]] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)

    async def hear(self) -> tuple[str, ...]:
        return ()

    async def act(self, action: Action) -> ActionResult:
        self.actions.append(action)
        await asyncio.sleep(0)
        if reasons := self.refusals.get(action.kind):
            return ActionResult(ok=False, decision="deny", text=reasons.pop(0))
        return ActionResult(ok=True, decision="allow", text="done")

    def say(self, text: str) -> None: ...

    def spend(self, usd: float | None, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> None: ...


@dataclass
class Room:
    """A person's turn, with what they were shown. `show` is awaited by the test instead of any clock."""

    forms: Path
    desk: Desk = field(default_factory=Desk)
    handovers: Handovers = field(default_factory=Handovers)
    shown: list[str] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self, text: str) -> None:
        self.shown.append(text)
        self.told.set()

    async def next_word(self) -> str:
        """What the person is told next; the seat waits for them when this returns."""
        await self.told.wait()
        self.told.clear()
        while not self.handovers.waiting:
            await asyncio.sleep(0)
        return self.shown[-1]

    def seat(self) -> HumanSeat:
        return HumanSeat(self.handovers, self.forms, self.show, DELIVERS.__getitem__)

    def form(self, role: str, name: str) -> Path:
        return self.forms / f"T-3-{role}-x1" / name


def at(
    tmp_path: Path, person: Callable[[Room], Coroutine[Any, Any, None]], given: TurnBrief, desk: Desk | None = None
) -> Room:
    """One turn, with a person who acts beside it."""

    async def play() -> Room:
        room = Room(tmp_path / "forms", desk or Desk())
        turn = asyncio.create_task(room.seat().run(given, room.desk))
        await person(room)
        assert await turn == SeatOutcome(kind="ok")
        return room

    return asyncio.run(play())


# --- an author ---------------------------------------------------------------------------------------------


def test_an_author_is_shown_everything_and_hands_over(tmp_path: Path) -> None:
    async def person(room: Room) -> None:
        opening = await room.next_word()
        assert "/state/worktrees/T-3" in opening
        assert str(room.form("builder", "brief.md")) in opening
        assert "factory handover T-3" in opening
        assert room.form("builder", "brief.md").read_text() == TEXT
        room.handovers.give("T-3", Handover(message="Let people cancel", note="tried it"))

    room = at(tmp_path, person, brief())
    assert room.desk.actions == [
        Action(kind="commit", text="Let people cancel"),
        Action(kind="hand_over", text="tried it"),
    ]


def test_without_a_message_the_form_or_the_title_speaks(tmp_path: Path) -> None:
    async def by_form(room: Room) -> None:
        await room.next_word()
        room.form("builder", "handover.yaml").write_text(
            "message: |\n  Free the room\n\n  Because.\nnote: see the test\n"
        )
        room.handovers.give("T-3", Handover())

    async def silent(room: Room) -> None:
        await room.next_word()
        room.handovers.give("T-3", Handover())

    assert at(tmp_path / "a", by_form, brief()).desk.actions == [
        Action(kind="commit", text="Free the room\n\nBecause."),
        Action(kind="hand_over", text="see the test"),
    ]
    assert at(tmp_path / "b", silent, brief()).desk.actions[0] == Action(kind="commit", text="Cancel a booking")


def test_a_refused_commit_is_explained_and_the_turn_stays_open(tmp_path: Path) -> None:
    async def person(room: Room) -> None:
        await room.next_word()
        room.handovers.give("T-3", Handover())
        assert "level 2: 1 failed" in await room.next_word()
        room.handovers.give("T-3", Handover())
        assert "exactly this tree was judged FAIL" in await room.next_word()
        room.handovers.give("T-3", Handover())

    desk = Desk({"commit": ["level 2: 1 failed"], "hand_over": ["exactly this tree was judged FAIL before"]})
    room = at(tmp_path, person, brief(), desk)
    assert [action.kind for action in room.desk.actions] == ["commit", "commit", "hand_over", "commit", "hand_over"]


def test_a_person_can_ask_instead_of_delivering(tmp_path: Path) -> None:
    async def by_word(room: Room) -> None:
        await room.next_word()
        room.handovers.give("T-3", Handover(question="Which code?"))

    async def by_form(room: Room) -> None:
        await room.next_word()
        form = room.form("builder", "handover.yaml")
        form.write_text(form.read_text().replace("escalate:", "escalate: Which code?"))
        room.handovers.give("T-3", Handover())

    for number, person in enumerate((by_word, by_form)):
        room = at(tmp_path / str(number), person, brief())
        assert room.desk.actions == [Action(kind="escalate", text="Which code?")]


# --- a reviewer --------------------------------------------------------------------------------------------

REVIEW = """\
checked:
  - ran the tests
findings:
  - title: no code is accepted
    path: store.py
    line: 3
    detail: |
      curl -X DELETE
answers:
  - finding: F-3
    accepted: true
    reason: it moved
  - {finding: F-4, accepted: false, reason: it is gone}
note: good work otherwise
"""


def test_a_review_by_a_person_is_a_form_with_every_finding_that_waits(tmp_path: Path) -> None:
    async def person(room: Room) -> None:
        opening = await room.next_word()
        form = room.form("quality", "findings.yaml")
        blank = form.read_text()
        assert str(form) in opening
        for wanted in (
            "finding: F-3",
            "finding: F-4",
            "a wrong code is answered with 403",
            "change.diff",
            "checked: []",
        ):
            assert wanted in blank
        assert "verdict:" not in blank
        assert room.form("quality", "change.diff").read_text() == "--- a/store.py\n+++ b/store.py\n"
        room.handovers.give("T-3", Handover())
        assert "nothing is listed under `checked`" in await room.next_word()
        assert room.desk.actions == [], "an untouched form is no review"
        form.write_text(REVIEW)
        room.handovers.give("T-3", Handover())

    room = at(tmp_path, person, brief("quality"))
    assert room.desk.actions == [
        Action(
            kind="report",
            text="good work otherwise",
            checked=("ran the tests",),
            findings=(Finding(title="no code is accepted", path="store.py", line=3, detail="curl -X DELETE"),),
            answers=(
                FindingAnswer(finding="F-3", accepted=True, reason="it moved"),
                FindingAnswer(finding="F-4", accepted=False, reason="it is gone"),
            ),
        )
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem", "line"),
    [
        ("    accepted: true\n", "    accepted:\n", "F-3 is not answered", 11),
        ("    accepted: true\n", "    accepted: perhaps\n", "true or false", 11),
        ("    reason: it moved\n", "    reason:\n", "F-3 has no reason", 12),
        ("  - {finding: F-4, accepted: false, reason: it is gone}\n", "", "F-4 is not answered", 9),
        ("F-4", "F-3", "F-3 is answered twice", 13),
        ("F-4", "F-9", "no finding `F-9` waits", 13),
        ("    line: 3", "    line: third", "a whole number", 6),
        ("    path:", "    file:", "unknown key `file`", 5),
        ("title: no code is accepted", "severity: awful\n    title: x", "none of the known words", 4),
        ("title: no code is accepted", 'title: " "', "has no title", 4),
        ("note: good", "verdict: pass\nnote: good", "unknown key `verdict`", 14),
        ("  - ran the tests", "  - ' '", "nothing is listed", 1),
        ("checked:", "checked: [", "not YAML", 2),
    ],
)
def test_a_slip_in_the_form_is_named_with_its_line(old: str, new: str, problem: str, line: int) -> None:
    assert old in REVIEW
    with pytest.raises(DocumentError) as caught:
        action_from("review", "findings.yaml", REVIEW.replace(old, new, 1), brief("quality"))
    assert problem in caught.value.problem
    assert (caught.value.line, bool(caught.value.next_step)) == (line, True)


def test_a_slip_is_told_and_the_turn_goes_on(tmp_path: Path) -> None:
    async def person(room: Room) -> None:
        await room.next_word()
        room.handovers.give("T-3", Handover(form_path=str(tmp_path / "absent.yaml")))
        assert "cannot be read" in await room.next_word()
        (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe")
        room.handovers.give("T-3", Handover(form_path=str(tmp_path / "bad.yaml")))
        assert "no UTF-8" in await room.next_word()
        (tmp_path / "mine.yaml").write_text(REVIEW)
        room.handovers.give("T-3", Handover(form_path=str(tmp_path / "mine.yaml")))

    assert [action.kind for action in at(tmp_path, person, brief("quality")).desk.actions] == ["report"]


# --- other roles -------------------------------------------------------------------------------------------


def test_a_plan_by_a_person_is_a_form(tmp_path: Path) -> None:
    async def person(room: Room) -> None:
        await room.next_word()
        room.handovers.give("T-3", Handover())
        assert "the plan holds no task" in await room.next_word()
        form = room.form("ceo", "plan.yaml")
        form.write_text(
            "reasoning: small\ntasks:\n  - {title: One, goal: It works., role: builder, criteria: [it works]}\n"
            "  - {title: Two, goal: It is told., role: tech_writer, criteria: [it is true], after: [0],\n"
            "     paths: ['docs/**']}\n"
        )
        room.handovers.give("T-3", Handover())

    assert at(tmp_path, person, brief("ceo")).desk.actions == [
        Action(
            kind="plan",
            text="small",
            tasks=(
                PlannedTask(title="One", goal="It works.", role="builder", criteria=("it works",)),
                PlannedTask(
                    title="Two",
                    goal="It is told.",
                    role="tech_writer",
                    criteria=("it is true",),
                    paths=("docs/**",),
                    after=(0,),
                ),
            ),
        )
    ]


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("{title: One, goal: x, role: builder}", "`criteria` is missing"),
        ("{title: One, goal: x, role: builder, criteria: []}", "no criteria"),
        ("{title: One, goal: ' ', role: builder, criteria: [y]}", "no goal"),
        ("{title: One, goal: x, role: builder, criteria: [y], after: [0]}", "does not come before"),
        ("{title: One, goal: x, role: builder, criteria: [y], when: now}", "unknown key `when`"),
    ],
)
def test_a_slip_in_a_plan_is_named(task: str, problem: str) -> None:
    with pytest.raises(DocumentError) as caught:
        action_from("plan", "plan.yaml", f"tasks:\n  - {task}\n", brief("ceo"))
    assert problem in caught.value.problem
    assert caught.value.line == 2


def test_a_report_is_a_text_file(tmp_path: Path) -> None:
    async def person(room: Room) -> None:
        await room.next_word()
        room.handovers.give("T-3", Handover())
        assert "the report is empty" in await room.next_word()
        form = room.form("discovery", "report.md")
        form.write_text(form.read_text() + "Nobody else does it.\n")
        room.handovers.give("T-3", Handover())

    assert at(tmp_path, person, brief("discovery")).desk.actions == [
        Action(kind="report", text="Nobody else does it.\n")
    ]


def test_a_role_without_a_form_fails_and_says_so(tmp_path: Path) -> None:
    seat = HumanSeat(Handovers(), tmp_path, print, lambda role: "deployment")
    outcome = asyncio.run(seat.run(brief("devops"), Desk()))
    assert (outcome.kind, "devops" in outcome.note) == ("failed", True)


def test_a_filled_form_is_never_laid_over(tmp_path: Path) -> None:
    """The same turn after a restart finds what the person had written."""

    async def person(room: Room) -> None:
        await room.next_word()
        room.handovers.give("T-3", Handover())

    form = tmp_path / "forms" / "T-3-builder-x1" / "handover.yaml"
    form.parent.mkdir(parents=True)
    form.write_text("message: Mine\n")
    assert at(tmp_path, person, brief()).desk.actions[0] == Action(kind="commit", text="Mine")


def test_nothing_a_title_says_fills_in_a_form() -> None:
    hostile = "x\nchecked: [all]\nescalate: y\n-->\nA report"
    given = brief("quality", TEXT.replace("a wrong code", "x -->\rchecked: [all]"))
    given = TurnBrief(**{**given.__dict__, "title": hostile})
    with pytest.raises(DocumentError, match="checked"):
        action_from("review", "f.yaml", blank_form("review", given), given)
    with pytest.raises(DocumentError, match="empty"):
        action_from("report", "f.md", blank_form("report", given), given)
    with pytest.raises(DocumentError, match="no task"):
        action_from("plan", "f.yaml", blank_form("plan", given), given)
    assert action_from("change", "f.yaml", blank_form("change", given), given) == Action(kind="commit")


# --- handing over ------------------------------------------------------------------------------------------


def test_a_handover_from_another_thread_arrives(tmp_path: Path) -> None:
    async def person(room: Room) -> None:
        await room.next_word()
        thread = threading.Thread(target=room.handovers.give, args=("T-3", Handover(message="From afar")))
        thread.start()
        await asyncio.to_thread(thread.join)

    assert at(tmp_path, person, brief()).desk.actions[0].text == "From afar"


def test_a_handover_that_nobody_waits_for_is_refused() -> None:
    async def play() -> None:
        handovers = Handovers()
        with pytest.raises(Refusal, match="nobody waits"):
            handovers.give("T-3", Handover())
        waiting = asyncio.create_task(handovers.wait("T-4"))
        while not handovers.waiting:
            await asyncio.sleep(0)
        with pytest.raises(Refusal) as caught:
            handovers.give("T-3", Handover())
        assert "T-4" in caught.value.why
        with pytest.raises(Refusal, match="waits already"):
            await handovers.wait("T-4")
        assert handovers.waiting == ("T-4",)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert handovers.waiting == ()

    asyncio.run(play())


def test_an_interrupted_turn_ends_and_waits_no_more(tmp_path: Path) -> None:
    async def play() -> None:
        room = Room(tmp_path)
        turn = asyncio.create_task(room.seat().run(brief(), room.desk))
        await room.next_word()
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        assert (room.handovers.waiting, room.desk.actions) == ((), [])

    asyncio.run(play())


async def test_a_turn_that_begins_to_wait_before_anybody_looks_is_heard():
    """Whoever asked for the next one and is started a moment later must not wait for the one after it."""
    heard = Heard()
    another = heard.another()
    waiting = asyncio.ensure_future(heard.wait("T-1"))
    while not heard.waiting:
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await another
    waiting.cancel()
