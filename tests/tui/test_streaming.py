"""What streaming may cost, in counts that do not flake; and text that means harm, everywhere a model can put it."""

from __future__ import annotations

from chair import BusyFloor, Chair, press, screen_text, settled
from heart import plan_of, small_task

from factory_tui.domain import commands as c
from factory_tui.domain.terms import Action, PlannedTask
from factory_tui.tui.painting import Painted
from factory_tui.tui.terminal import is_busy

EVIL = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b[31mred\u202eevil\u200b\x00\x9b1m[bold]x[/bold] \ud800 \U000e0041 e\u0301\r\n"


async def test_streaming_lays_nothing_out():
    chair = BusyFloor()
    async with chair.cockpit(200, 60) as (app, pilot):
        turns = list(chair.state.turns)
        for _ in range(3):
            app._tick()
            await settled(pilot)
        layouts = []
        compositor = app.screen._compositor
        reflow = compositor.reflow

        def counted(*args, **named):
            layouts.append(args)
            return reflow(*args, **named)

        compositor.reflow = counted
        for number in range(400):
            for turn in turns:
                chair.say(turn, f"word {number} " + ("\n" if number % 9 == 0 else ""))
            if number % 20 == 0:
                app._tick()
                await pilot.pause(0)
        assert layouts == []
        assert "word 399" in screen_text(app) or "word 38" in screen_text(app)


async def test_few_widgets_are_mounted():
    chair = BusyFloor()
    async with chair.cockpit(220, 60) as (app, _):
        assert len(list(app.screen.walk_children())) < 40


async def test_a_token_costs_no_frame_of_its_own():
    chair = BusyFloor()
    async with chair.cockpit(120, 40) as (app, pilot):
        drawn = []
        pane = app.screen.shown_pane()
        touch = pane.touch

        def counted(*args):
            drawn.append(args)
            return touch(*args)

        pane.touch = counted
        turn = app.screen.story().turn
        for number in range(1_000):
            chair.say(turn, f"token {number} ")
        assert drawn == []
        app._tick()
        await settled(pilot)
        assert len(drawn) < 40


async def test_only_rows_that_changed_become_strips_again():
    chair = BusyFloor()
    async with chair.cockpit(120, 40) as (app, pilot):
        for _ in range(3):
            app._tick()
            await settled(pilot)
        made = []
        finished = Painted.finished

        def counted(widget, spans, fill):
            made.append(widget.id)
            return finished(widget, spans, fill)

        Painted.finished = counted
        try:
            chair.say(app.screen.story().turn, "one more word")
            app._tick()
            app._tick()
            await pilot.pause(0)
        finally:
            Painted.finished = finished
        assert len(made) <= 6, made


async def test_the_ticker_rests_when_nothing_moves():
    chair = BusyFloor()
    async with chair.cockpit() as (app, _):
        for _ in range(60):
            app._tick()
        assert app._calm > 8
        chair.say(app.screen.story().turn, "awake")
        assert app._calm == 0


def test_a_terminal_that_has_not_taken_the_last_frame_gets_no_other():
    class Full:
        def qsize(self) -> int:
            return 1

    class Thread:
        _queue = Full()

    class Driver:
        _writer_thread = Thread()

    assert is_busy(Driver())
    assert not is_busy(object())
    assert not is_busy(None)


async def test_a_busy_terminal_is_left_alone_and_the_text_is_kept():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):

        class Full:
            def qsize(self) -> int:
                return 1

        class Thread:
            _queue = Full()

        app._driver._writer_thread = Thread()
        chair.say(app.screen.story().turn, "later\n")
        app._tick()
        assert app.screen.story().transcript.is_waiting
        app._driver._writer_thread = None
        app._tick()
        app._tick()
        await pilot.pause(0)
        assert "later" in screen_text(app)


def harmless_screen(app) -> bool:
    text = screen_text(app)
    return not any(ord(sign) < 0x20 and sign != "\n" for sign in text) and not set(text) & set("\u202e\u200b\x9b\x1b")


async def test_hostile_text_in_every_field_leaves_the_screen_intact():
    """Escapes, OSC 52, bidi, zero-width, markup, surrogates. # T3"""
    evil = EVIL.replace("\ud800", "")
    chair = Chair()
    chair.start_session()
    small_task(text=evil + "task")(chair)
    chair.begin("T-1")
    chair.wish(Action(kind="run", command=f"echo {evil}"))
    chair.wish(Action(kind="edit", path=f".factory/{evil}", content=evil))
    chair.wish(Action(kind="escalate", text=evil + "which?"))
    chair.do(c.EndTurn(turn=chair.turn_of("T-1"), outcome="failed", note=evil))
    async with chair.cockpit() as (app, pilot):
        chair.say("builder/b1", EVIL * 3)
        await settled(pilot)
        for keys in (("z",), ("z",), ("w",), ("escape",), ("o",), ("escape",), ("g", "t"), ("enter",), ("escape",)):
            await press(pilot, *keys)
            assert harmless_screen(app), keys
            assert "[bold]" in screen_text(app) or keys not in (("z",),)


async def test_a_megabyte_in_one_line_and_a_hundred_thousand_lines_stay_bounded():
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        turn = app.screen.story().turn
        for _ in range(16):
            chair.say(turn, "x" * 65_536)
        for start in range(0, 100_000, 1_000):
            chair.say(turn, "".join(f"line {number}\n" for number in range(start, start + 1_000)))
            app._tick()
        for _ in range(30):
            app._tick()
        await settled(pilot)
        transcript = app.screen.story().transcript
        assert transcript.pushed - transcript.first <= 5_001
        assert "line 99999" in screen_text(app)
        assert transcript.dropped > 0


async def test_a_plan_of_hundreds_of_tasks_is_listed_and_scrolls():
    chair = Chair()
    chair.start_session()
    from heart import mission

    mission()(chair)
    chair.begin("T-1")
    tasks: list[PlannedTask] = [plan_of(f"Part {number}", paths=(f"part{number}.py",)) for number in range(200)]
    chair.wish(Action(kind="plan", tasks=tuple(tasks), text="so"), "T-1")
    chair.do(c.EndTurn(turn=chair.turn_of("T-1"), outcome="ok"))
    if chair.state.plans:
        chair.answer("PL-1", "approve")
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "G")
        assert "NEEDS" in screen_text(app) or "Nothing waits" in screen_text(app)
