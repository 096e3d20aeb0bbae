"""Cards made of rows: what is shown whole, what is opened from them, and that nothing unseen is approved."""

from __future__ import annotations

import pytest
from chair import FOREVER, BusyFloor, Chair, hint, press, screen_text, settled, write
from heart import SUPERVISOR, Heart, evidence, reviewed, small_task
from test_card import planning

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.terms import Action, Finding
from factory_tui.tui.screens.editing import Editing
from factory_tui.tui.screens.reader import Reader
from factory_tui.tui.screens.sheet import Sheet

SIZES = ((80, 24), (120, 40), (220, 60))


class StuckFloor(BusyFloor):
    """T-3 has failed three times, twice for the same reason."""

    def __init__(self) -> None:
        super().__init__()
        self.hand_over_again("b2", "T-3")
        reviewed(Finding(title="1/0 is accepted", path="fractions.py", line=3), task="T-3")(self)
        self.begin("T-3")
        self.hand_over_again("b3", "T-3")
        reviewed(Finding(title="the sign is lost", path="fractions.py", line=9), task="T-3")(self)

    def hand_over_again(self, tree: str, task: str) -> None:
        self.keep(f"diff of {tree}")
        self.commit(tree, task, paths=("fractions.py",))
        self.hand_over(task)


class StepFloor(Chair):
    """Step mode: a small task's handoff waits for the supervisor."""

    def __init__(self, text: str = "You are the builder. Do T-1 and nothing else.") -> None:
        super().__init__()
        self.start_session(mode="step")
        small_task(paths=("adder.py",))(self)
        words = f"# Brief of H-1\n\n{text}\n"
        self.keep(words)
        Heart.seal(self, "T-1", words)


class AskFloor(Chair):
    """A builder wants a package."""

    def __init__(self, package: str = "jinja2") -> None:
        super().__init__()
        self.start_session()
        small_task()(self)
        self.begin("T-1")
        self.wish(Action(kind="fetch", resource="package", target=package), "T-1")


def approvals(heart: Heart) -> int:
    return sum(isinstance(entry.event, e.ChangeApproved | e.HandoffReleased) for entry in heart.entries)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_landing_card_fits_the_screen(size):
    chair = BusyFloor()
    async with chair.cockpit(*size) as (app, pilot):
        await press(pilot, "o")
        text = screen_text(app)
        for words in ("LAND", "commit-a1", "1 rules    PASS", "2 smoke    PASS", "3 quality  PASS", "it is"):
            assert words in text
        assert "4 +     return a - b" in text
        assert "A approve" in hint(app)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_handoff_shows_its_sealed_inputs_and_the_brief_to_the_letter(size):
    chair = StepFloor()
    async with chair.cockpit(*size) as (app, pilot):
        await press(pilot, "o")
        text = screen_text(app)
        assert "memory/DNA.md" in text
        assert chair.state.law.dna.sha256[:16] in text
        assert "You are the builder. Do T-1 and nothing else." in text
        for verb in ("approve", "edit", "redirect", "reject"):
            assert verb in hint(app)


async def test_old_beside_new_and_back():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "d", "v")
        text = screen_text(app)
        assert "old beside new" in text
        assert "1   def add(a, b):" in text
        assert "│" in text
        await press(pilot, "v")
        assert "unified" in screen_text(app)


async def test_a_comment_on_a_line_becomes_a_finding_of_that_line_and_approves_nothing():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "/")
        await write(pilot, "return a - b")
        await press(pilot, "enter", "C")
        assert "adder.py:4" in screen_text(app)
        await write(pilot, "approve: yes, land it")
        before = approvals(chair)
        await press(pilot, "enter")
        found = app.state.tasks["T-2"].findings[-1]
        assert (found.title, found.path, found.line, found.by) == ("approve: yes, land it", "adder.py", 4, "supervisor")
        assert approvals(chair) == before
        assert "approve: yes, land it" in screen_text(app)


async def test_a_comment_elsewhere_is_about_the_task():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "C")
        await write(pilot, "/etc/passwd:1: no file of this task")
        await press(pilot, "enter")
        assert app.state.tasks["T-2"].findings[-1].path == ""


async def test_a_finding_is_dismissed_with_its_reason():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "C")
        await write(pilot, "names are short")
        await press(pilot, "enter", "/")
        await write(pilot, "names are short")
        await press(pilot, "enter", "X")
        assert "F-" in screen_text(app)
        await write(pilot, f"{app.state.tasks['T-2'].findings[-1].id} they are as long as needed")
        await press(pilot, "enter")
        assert app.state.tasks["T-2"].findings == ()
        assert isinstance(chair.entries[-1].event, e.FindingDismissed)


async def test_evidence_is_opened_from_its_row():
    chair = BusyFloor()
    chair.keep("smoke of a1")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "/")
        await write(pilot, "level 2: smoke")
        await press(pilot, "enter", "enter")
        assert isinstance(app.screen, Reader)
        assert "smoke of a1" in screen_text(app)


async def test_an_ask_says_what_where_why_and_what_an_answer_covers():
    chair = AskFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        text = screen_text(app)
        assert app.screen.item.kind == "ask"
        for words in ("package jinja2", "builder", "T-1", "never: a package is asked for each time", "ASK"):
            assert words in text
        await press(pilot, "A")
        assert [grant.once for grant in app.state.grants.values()] == [True]
        await press(pilot, "g", "a")
        assert "package:jinja2" in screen_text(app)
        await press(pilot, "x")
        assert not app.state.grants
        assert "Nothing is allowed" in screen_text(app)


async def test_a_stuck_task_shows_its_attempts_side_by_side_and_what_recurs():
    chair = StuckFloor()
    assert chair.task("T-3").stage == "stuck"
    for size in SIZES:
        async with chair.cockpit(*size) as (app, pilot):
            app.open_item("T-3")
            await settled(pilot)
            text = screen_text(app)
            assert "2x 1/0 is accepted" in text
            row = next(line for line in text.splitlines() if "attempt 1" in line)
            assert "attempt 2" in row
            assert "attempt 3" in row


async def test_a_stuck_task_is_replanned_in_the_supervisors_words():
    chair = StuckFloor()
    async with chair.cockpit() as (app, pilot):
        app.open_item("T-3")
        await settled(pilot)
        await press(pilot, "L")
        await write(pilot, "only whole numbers")
        await press(pilot, "enter")
        assert app.state.tasks["T-3"].goal == "only whole numbers"


async def test_editing_a_brief_keeps_the_difference_and_approves_nothing():
    chair = StepFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "E")
        assert isinstance(app.screen, Editing)


async def test_a_brief_is_shown_to_the_letter_with_every_star_and_tick_of_it():
    chair = StepFloor("Write `docs/**` and **nothing** but src/**/*.py, 2**8 times.")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        assert "Write `docs/**` and **nothing** but src/**/*.py, 2**8 times." in screen_text(app)


async def test_the_stars_of_a_path_are_no_bold():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        app.read("x", [("x", "paths: docs/**, **/x.py, src/**/y; 2**8; **loud** words")])
        await settled(pilot)
        assert "paths: docs/**, **/x.py, src/**/y; 2**8; loud words" in screen_text(app)


# --- nothing unseen is approved ------------------------------------------------------------------


async def test_what_was_typed_ahead_approves_nothing():
    """Control: the same keys approve when an object needs no time on the screen."""
    for arm, wanted in ((FOREVER, 0), (0.0, 1)):
        chair = BusyFloor()
        before = approvals(chair)
        async with chair.cockpit(arm=arm) as (app, pilot):
            await press(pilot, "o", "A")
            assert approvals(chair) - before == wanted
            assert bool(app.state.tasks["T-2"].approval) is bool(wanted)


async def test_a_double_key_approves_one_thing():
    chair = two_landings()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        app.arm_seconds = FOREVER
        app.screen._painted_at = -2 * FOREVER
        before = approvals(chair)
        await press(pilot, "A", "A", "A")
        assert approvals(chair) - before == 1
        assert isinstance(app.screen, Sheet)
        assert app.screen.item.id == "T-5"
        assert "dropped" in hint(app)


def two_landings() -> BusyFloor:
    """T-2 waits for its landing, and T-5 too."""
    chair = BusyFloor()
    chair.keep("diff of c1")
    chair.commit("c1", "T-5", paths=("web/index.html",))
    chair.hand_over("T-5")
    reviewed(task="T-5")(chair)
    return chair


async def test_landings_queue_as_one_card_with_one_approval_each():
    chair = two_landings()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "A", "A")
        assert [bool(app.state.tasks[task].approval) for task in ("T-2", "T-5")] == [True, True]
        assert app.screen is app.screen_stack[0]


async def test_an_object_that_changes_while_it_is_shown_is_not_approved():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        chair.answer("T-2", "comment", "wait")
        await settled(pilot)
        before = approvals(chair)
        await press(pilot, "A")
        assert approvals(chair) == before
        assert "changed while you looked" in hint(app)
        await press(pilot, "r")
        assert "wait" in screen_text(app)
        await press(pilot, "A")
        assert approvals(chair) == before + 1


async def test_an_object_that_changes_under_the_key_is_refused_by_the_factory():
    """The answer names what was shown, so even a screen that noticed nothing approves nothing."""
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        before = approvals(chair)
        chair.answer("T-2", "comment", "wait")
        app.screen.is_changed = False
        app.screen._send("approve", "")
        await settled(pilot)
        assert approvals(chair) == before
        assert "not" in hint(app)


async def test_a_difference_that_was_never_on_the_screen_is_not_approved():
    """Control: going to it is enough."""
    chair = BusyFloor()
    for number in range(60):
        chair.answer("T-2", "comment", f"remark {number}")
    async with chair.cockpit(80, 24) as (app, pilot):
        app.open_item("T-2")
        await settled(pilot)
        before = approvals(chair)
        await press(pilot, "A")
        assert approvals(chair) == before
        assert "difference was not on the screen" in hint(app)
        await press(pilot, "d", "A")
        assert approvals(chair) == before + 1


async def test_a_difference_that_is_missing_cannot_be_approved():
    chair = BusyFloor()
    del chair.store.texts[evidence("diff of a1").sha256]
    async with chair.cockpit() as (app, pilot):
        before = approvals(chair)
        await press(pilot, "o", "d", "A")
        assert "cannot be shown whole" in screen_text(app)
        assert approvals(chair) == before


async def test_a_new_item_takes_no_place_of_the_one_that_is_shown():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        assert app.screen.item.id == "T-2"
        chair.do(c.SetMode(mode="step"), SUPERVISOR)
        chair.answer("T-3", "comment", "x")
        await settled(pilot)
        assert app.screen.item.id == "T-2"


# --- hostile text --------------------------------------------------------------------------------

HOSTILE = (
    "diff --git a/x.py b/x.py\n+++ b/x.py\n@@ -1 +1,3 @@\n"
    "+\x1b]52;c;cm0gLXJm\x07\x1b[2J\u202egnp.exe [red]bold[/red]\n"
    "+" + "y" * 100_000 + "\n+\x00\u200b\ud800'unclosed \\"
)


class HostileFloor(BusyFloor):
    def __init__(self) -> None:
        super().__init__()
        self.store.texts[evidence("diff of a1").sha256] = HOSTILE.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("keys", [("o",), ("o", "v")], ids=str)
async def test_a_hostile_difference_steers_nothing(keys):
    chair = HostileFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, *keys, "d")
        text = screen_text(app)
        assert not {"\x1b", "\x07", "\u202e", "\u200b", "\x00"} & set(text)
        assert "[red]bold[/red]" in text
        assert all(len(line) <= 120 for line in text.splitlines())


def test_a_huge_difference_is_bounded_and_says_what_is_left():
    from factory_tui.tui.present.diffs import MOST_LINES, diff_lines

    text = "@@ -1 +1 @@\n" + "+x\n" * 100_000
    lines, left = diff_lines(text)
    assert len(lines) == MOST_LINES
    assert left == 100_001 - MOST_LINES


async def test_a_hostile_ask_is_shown_as_it_is():
    chair = AskFloor("\x1b[31mevil\u202e")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        text = screen_text(app)
        assert "evil" in text
        assert not {"\x1b", "\u202e"} & set(text)


async def test_a_line_of_a_plan_is_commented_on_by_its_name_and_approves_nothing():
    chair = planning()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "/")
        await write(pilot, "criterion 1")
        await press(pilot, "enter", "C")
        assert "task 1, criterion 1" in screen_text(app)
        await write(pilot, "approve: say which numbers")
        await press(pilot, "enter")
        found = app.state.tasks["T-1"].findings[-1]
        assert found.detail == "task 1, criterion 1: approve: say which numbers"
        assert found.by == "supervisor"
        assert app.state.plans
        assert "approve: say which numbers" in screen_text(app)


async def test_a_line_of_a_brief_is_commented_on_by_its_number():
    chair = StepFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "/")
        await write(pilot, "You are the builder")
        await press(pilot, "enter", "C")
        await write(pilot, "mind zero")
        await press(pilot, "enter")
        assert app.state.tasks["T-1"].findings[-1].detail == "brief line 3: mind zero"
        assert approvals(chair) == 0


async def test_a_wide_terminal_shows_old_beside_new_at_once():
    chair = BusyFloor()
    async with chair.cockpit(220, 60) as (app, pilot):
        await press(pilot, "o")
        assert "old beside new" in screen_text(app)
        await press(pilot, "v")
        assert "unified" in screen_text(app)
