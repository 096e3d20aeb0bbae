"""The floor under a supervisor's hands: given a state, when a key, then what is shown or sent."""

from __future__ import annotations

import pytest
from chair import BusyFloor, Chair, hint, press, screen_text, settled, write
from heart import SUPERVISOR, mission, plan_of, planned

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.tui.glyphs import UNICODE
from factory_tui.tui.keymap import read_keys
from factory_tui.tui.lines import line_width, text_of
from factory_tui.tui.present.floor import HEAD_FRAME, pane_head
from factory_tui.tui.present.words import Setting
from factory_tui.tui.screens.arrangement import arrange, capacity
from factory_tui.tui.screens.card import Card
from factory_tui.tui.screens.finder import Finder
from factory_tui.tui.screens.listing import Listing
from factory_tui.tui.screens.reader import Reader

SIZES = ((80, 24), (120, 40), (220, 60))


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_floor_says_what_is_true(size):
    chair = BusyFloor()
    async with chair.cockpit(*size) as (app, _):
        text = screen_text(app)
        assert "LAND T-2" in text
        assert "READY" in text
        assert "builder/b3" in text
        assert "DENIED by card:designer" in text
        assert "designer" in text


async def test_all_fifteen_roles_are_never_gone():
    chair = BusyFloor()
    async with chair.cockpit() as (app, _):
        text = screen_text(app)
        assert all(card.id in text for card in chair.state.law.roles)


async def test_keys_choose_a_task_and_everything_shows_that_task():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3")
        text = screen_text(app)
        assert "GATE T-3" in text
        assert "1 denied" in text
        assert "STALE" in text
        await press(pilot, "k")
        assert "GATE T-2" in screen_text(app)
        await press(pilot, "9")
        assert "the list has 5 tasks" in hint(app)


async def test_tab_goes_through_every_box_and_back():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        seen = []
        for _ in range(6):
            seen.append(app.screen.box)
            await press(pilot, "tab")
        assert seen == ["tasks", "pane", "crew", "gate", "rules", "memory"]
        assert app.screen.box == "tasks"
        await press(pilot, "shift+tab", "escape")
        assert app.screen.box == "tasks"


async def test_on_a_small_screen_tabs_replace_only_the_box():
    chair = BusyFloor()
    async with chair.cockpit(80, 24) as (app, pilot):
        for words in ("Plan", "architect", "1 rules", "Index every", "DNA"):
            await press(pilot, "tab")
            text = screen_text(app)
            assert "NEEDS YOU" in text
            if words != "Plan":
                assert words in text


async def test_zoom_fills_the_screen_and_esc_leaves_it():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "z")
        assert "GATE" not in screen_text(app)
        await press(pilot, "escape")
        assert "GATE" in screen_text(app)


async def test_o_opens_the_oldest_that_waits_and_esc_goes_back():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        assert isinstance(app.screen, Card)
        assert "subtract" in screen_text(app)
        await press(pilot, "escape")
        assert app.screen is app.screen_stack[0]
        await press(pilot, "escape")
        assert "q leaves" in hint(app) or "follows" in hint(app)


@pytest.mark.parametrize(
    ("keys", "kind", "words"),
    [
        (("g", "n"), Listing, "LAND"),
        (("g", "r"), Listing, "CEO never writes code"),
        (("g", "c"), Listing, "architect"),
        (("g", "m"), Listing, "DNA"),
        (("g", "t"), Listing, "is denied"),
        (("g", "s"), Listing, "features (missions)"),
        (("g", "d"), Reader, "Digest of session 1"),
        (("?",), Reader, "Move"),
        ((":",), Finder, "type words"),
        (("b",), Reader, "You are the designer"),
        (("w",), Reader, "card:designer DENY"),
    ],
    ids=str,
)
async def test_a_key_leads_to_a_screen_and_esc_back(keys, kind, words):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, *keys)
        assert isinstance(app.screen, kind)
        assert words in screen_text(app)
        await press(pilot, "escape")
        assert app.screen is app.screen_stack[0]


async def test_a_rule_leads_to_the_incident_behind_it():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "g", "r", "/")
        await write(pilot, "CEO never")
        await press(pilot, "enter", "enter")
        assert "the incident behind it" in screen_text(app)


async def test_a_key_that_does_nothing_now_says_why():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "A")
        assert "answers only where the whole object is shown" in hint(app)
        await press(pilot, "u")
        assert "is neither held nor paused" in hint(app)
        await press(pilot, "d")
        assert "offers no change yet" in hint(app)
        await press(pilot, "%")
        assert "means nothing" in hint(app)
        await press(pilot, "g", "z")
        assert "means nothing" in hint(app)


async def test_a_sequence_shows_what_may_follow():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await pilot.press("g")
        await pilot.pause()
        assert "needs you" in hint(app)


async def test_interrupting_holds_the_task_and_resuming_lets_it_go_on():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", "x")
        assert app.state.tasks["T-3"].held
        assert "HELD" in screen_text(app)
        await press(pilot, "u")
        assert not app.state.tasks["T-3"].held


async def test_pausing_stops_everybody_and_goes_on():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "P")
        assert app.state.paused
        assert "PAUSED" in screen_text(app)
        await press(pilot, "P")
        assert not app.state.paused


async def test_step_and_flow_are_one_key():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "s")
        assert app.state.mode == "step"


async def test_without_a_turn_a_message_becomes_a_finding():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", "x")
        chair.do(c.EndTurn(turn="builder/b3", outcome="interrupted"))
        await press(pilot, "m")
        await write(pilot, "mind zero")
        await press(pilot, "enter")
        assert any(finding.title == "mind zero" for finding in app.state.tasks["T-3"].findings)
        await press(pilot, "m", "enter")
        assert "no words" in hint(app)


async def test_stating_a_small_task_takes_two_keys_beside_the_text():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "t")
        await write(pilot, "Add subtraction")
        await press(pilot, "enter")
        assert [task.title for task in app.state.tasks.values()] == ["Add subtraction"]


async def test_tab_makes_it_a_mission():
    chair = Chair()
    chair.start_session()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "t", "tab")
        await write(pilot, "Subtract")
        await press(pilot, "enter")
        assert app.state.mission.text == "Subtract"
        assert not app.state.mission.small


async def test_typing_is_given_up_with_esc_and_keys_mean_keys_again():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "m", "q", "A", "escape")
        assert "nothing was sent" in hint(app)
        await press(pilot, "z")
        assert app.screen.zoomed


async def test_the_palette_does_what_was_found():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, ":")
        await write(pilot, "zoom")
        await press(pilot, "enter")
        await settled(pilot)
        assert app.screen is app.screen_stack[0]
        assert app.screen.zoomed


async def test_a_palette_entry_that_does_not_work_says_why():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, ":")
        await write(pilot, "held task")
        assert "not now" in screen_text(app)


async def test_a_click_chooses_and_a_double_click_opens():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await pilot.click("#tasks", offset=(5, 5))
        await settled(pilot)
        assert "GATE T-3" in screen_text(app)
        await pilot.click("#needs", offset=(5, 0))
        await settled(pilot)
        assert isinstance(app.screen, Card)


async def test_a_pane_is_searched_and_narrowed():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", "tab", "/")
        await write(pilot, "unittest")
        await press(pilot, "enter")
        assert "nothing here holds" not in hint(app)
        await press(pilot, "f")
        assert app.screen.shown_pane().filter == "actions"
        await press(pilot, "escape")
        assert app.screen.shown_pane().filter == "all"


async def test_a_pinned_pane_stays():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", "v", "1")
        assert "builder/b3 on T-3" in screen_text(app)
        assert app.screen.pinned == ["builder/b3"]


@pytest.mark.parametrize("size", [(40, 12), (79, 23), (100, 32), (160, 48), (300, 90)], ids=str)
async def test_a_resize_loses_neither_choice_nor_box(size):
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "3", "tab", "tab", "tab")
        await pilot.resize_terminal(*size)
        await settled(pilot)
        assert app.screen.chosen == "T-3"
        assert app.screen.box == "gate"
        assert "NEEDS YOU" in screen_text(app)


@pytest.mark.parametrize("width", [20, 60, 80, 99, 100, 120, 180, 220, 400])
@pytest.mark.parametrize("height", [8, 24, 31, 32, 40, 60, 120])
def test_boxes_stay_inside_and_do_not_overlap(width, height):
    for panes in range(1, 9):
        for box in ("tasks", "gate"):
            found = arrange(width, height, panes=panes, box=box, zoomed=False).places
            taken = set()
            for place in found.values():
                assert place.x >= 0
                assert place.x + place.width <= width
                assert place.width > 0
                cells = {
                    (x, y)
                    for x in range(place.x, place.x + place.width)
                    for y in range(place.y, place.y + place.height)
                }
                if height >= 24:
                    assert place.y + place.height <= height
                    assert not cells & taken
                taken |= cells


def test_a_large_terminal_shows_eight_panes():
    assert capacity(220, 60) == 8
    assert capacity(80, 24) == 1


async def test_quitting_asks_and_esc_stays():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "q")
        text = screen_text(app)
        assert "is interrupted" in text
        assert "Digest of session 1" in text
        await press(pilot, "escape")
        assert app.screen is app.screen_stack[0]
        await press(pilot, "q", "t")
        await write(pilot, "all well")
        await press(pilot, "enter")
        assert "all well" in screen_text(app)
        await press(pilot, "enter")
    assert app.reason == "the supervisor ended it"
    assert app.words == "all well"


async def test_ctrl_c_explains_and_the_second_one_leaves():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "ctrl+c")
        assert "again ends the session" in hint(app)
        await pilot.press("ctrl+c")
    assert app.reason == "ended with Ctrl-C"


async def test_a_new_thing_that_waits_takes_no_focus():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "tab")
        chair.do(c.SetMode(mode="step"), SUPERVISOR)
        await settled(pilot)
        assert app.screen.box == "pane"
        assert app.focused is None
        assert isinstance(chair.entries[-1].event, e.ModeChanged)


async def test_a_task_gets_a_pace_of_its_own_and_gives_it_back():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        app.screen.choose_task("T-3")
        await press(pilot, ",")
        assert app.state.task("T-3").mode == "step"
        assert "T-3 steps: every handoff stops for you" in hint(app)
        app.screen.present()
        await settled(pilot)
        assert any("step " in row and "WAITS" not in row for row in screen_text(app).splitlines())
        await press(pilot, ",")
        assert app.state.task("T-3").mode == ""


async def test_flow_is_offered_when_five_handoffs_went_out_unedited():
    chair = Chair()
    chair.start_session(mode="step")
    mission()(chair)
    planned(*(plan_of(f"Part {number}", paths=(f"{number}/**",)) for number in range(6)))(chair)
    for number in range(2, 8):
        chair.seal(f"T-{number}")
    async with chair.cockpit(160, 40) as (app, pilot):
        await press(pilot, "o")
        for number in range(1, 7):
            await press(pilot, "A")
            # The plan's own handoff went out before these.
            assert ("went out as they were: s lets" in hint(app)) == (number + 1 == 5), (number, hint(app))


async def test_the_floor_names_the_keys_that_are_in_force():
    chair = Chair()
    async with chair.cockpit() as (app, pilot):
        assert "t states one" in screen_text(app)
        app.keys, problems = read_keys('[keys]\n"task.new" = ["+"]\n"next" = ["§"]\n', "keys.toml")
        assert problems == ()
        app.room.renew()
        await settled(pilot)
        assert "+ states one" in screen_text(app)
    busy = BusyFloor()
    async with busy.cockpit() as (app, pilot):
        assert "o=open" in screen_text(app)
        app.keys, _ = read_keys('[keys]\n"next" = ["§"]\n', "keys.toml")
        app.room.renew()
        await settled(pilot)
        assert "§=open" in screen_text(app)


async def test_a_panes_head_says_what_is_not_proven_in_whole_words():
    """The seat gives way first, then what was used; from the width of a pane at 120 columns on no word is cut."""
    chair = BusyFloor()
    async with chair.cockpit() as (app, _):
        for width in range(50, 140):
            setting = Setting(now=chair.now(), width=width, glyphs=UNICODE)
            for story in app.chronicle.running:
                left, right = pane_head(chair.state, story, setting)
                assert "UNPROVEN" in text_of(left)
                assert width < 78 or line_width((*left, *right)) + HEAD_FRAME <= width
            assert width < 100 or "mind, rehearsed" in text_of(left)
