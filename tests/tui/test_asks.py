"""Asks on their card: edited first, for the session, told once; safe whatever was typed before."""

from __future__ import annotations

import json

import pytest
from chair import FOREVER, BusyFloor, Chair, hint, press, screen_text, settled, write
from heart import SUPERVISOR, charter, small_task
from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.terms import Action

RISKY = "find . -delete"


class AskingChair(Chair):
    """A builder asks to run something that a rule wants looked at."""

    def __init__(self) -> None:
        super().__init__()
        law = charter()
        rules = tuple(replace(rule, severity="warn") if rule.id == "G4" else rule for rule in law.rules)
        self.start_session(replace(law, rules=rules, sha256="a" * 64))
        small_task()(self)
        self.begin()
        self.ask()

    def ask(self, command: str = RISKY) -> None:
        self.wish(Action(kind="run", command=command))

    def answer_first(self, verb: str) -> None:
        id = next(iter(self.state.asks))
        text = "not this one" if verb == "deny" else ""
        self.do(c.Answer(id=id, verb=verb, text=text, sha256=self.item(id).sha256), SUPERVISOR)

    def kinds(self) -> list[type]:
        return [type(entry.event) for entry in self.entries]


async def test_E_edits_the_command_and_sends_another_action():
    chair = AskingChair()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "E")
        assert "this runs instead" in screen_text(app)
        await press(pilot, "backspace", *["backspace"] * 6)
        await write(pilot, "-name x.pyc")
        await press(pilot, "enter")
        edited = next(entry.event for entry in chair.entries if isinstance(entry.event, e.ActionEdited))
        assert edited.action.command == "find . -name x.pyc"
        assert not app.state.asks


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\x1b[8m", "\U000e0041", "\r"])
async def test_what_no_screen_shows_is_counted_and_spelt_out_before_it_is_allowed(hidden):
    chair = AskingChair()
    chair.answer_first("deny")
    chair.ask(f"{RISKY} {hidden}# all")
    async with chair.cockpit(120, 60) as (app, pilot):
        await press(pilot, "o")
        shown = screen_text(app)
    assert "HIDDEN" in shown
    assert "1 character that no screen shows" in shown
    spelt = json.dumps(hidden)[1:-1]
    assert spelt in shown, shown
    assert hidden not in shown


async def test_an_ask_that_hides_nothing_says_nothing_of_it():
    chair = AskingChair()
    chair.answer_first("deny")
    chair.ask(r"find . -delete -name '\u202e ü 漢 \\\\u200b'")
    async with chair.cockpit(120, 60) as (app, pilot):
        await press(pilot, "o")
        assert "HIDDEN" not in screen_text(app)


async def test_an_edit_into_what_is_denied_says_why_and_the_ask_stays():
    chair = AskingChair()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "E", "ctrl+u")
        await write(pilot, "npm install left-pad")
        await press(pilot, "enter")
        assert "the edited command is denied" in hint(app)
        assert "A-1" in app.state.asks


@pytest.mark.parametrize("key", ["E", "U", "A"])
async def test_no_answer_key_works_before_the_object_was_seen(key: str):
    chair = AskingChair()
    for _ in range(2):
        chair.answer_first("allow")
        chair.ask()
        chair.ask()
    async with chair.cockpit(arm=FOREVER) as (app, pilot):
        await press(pilot, "o", key)
        assert "dropped: it was typed before" in hint(app)
        assert app.state.asks


async def test_U_is_offered_after_two_equal_yeses_and_holds_for_the_session():
    chair = AskingChair()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o", "U")
        assert "takes allow" in hint(app)
        for _ in range(2):
            await press(pilot, "A")
            chair.ask()
            chair.ask()
            await settled(pilot)
            await press(pilot, "o")
        assert "allow for session" in screen_text(app)
        await press(pilot, "U")
        assert [grant.task for grant in app.state.grants.values()] == [""]
        await press(pilot, "g", "a")
        assert "this session" in screen_text(app)
        await press(pilot, "x")
        assert not app.state.grants


async def test_an_ask_that_changed_while_it_was_shown_is_not_answered():
    """Another turn asks for the same: the one answer would cover more than was seen."""
    chair = AskingChair()
    async with chair.cockpit() as (app, pilot):
        await press(pilot, "o")
        one = chair.state.asks["A-1"]
        chair.factory.state = replace(chair.state, asks={"A-1": one, "A-9": replace(one, id="A-9", turn="builder/b9")})
        chair.do(c.PassTime(now="2026-11-22T00:01:00.000Z"))
        await settled(pilot)
        await press(pilot, "A")
        assert "it changed while you looked" in hint(app)
        assert set(app.state.asks) == {"A-1", "A-9"}


async def test_three_equal_denials_are_one_item_that_one_key_settles():
    chair = AskingChair()
    chair.do(c.Answer(id="A-1", verb="deny", sha256=chair.item("A-1").sha256, text="no"), SUPERVISOR)
    for _ in range(3):
        chair.ask("npm install x")
    async with chair.cockpit() as (app, pilot):
        assert "NOTICE" in screen_text(app)
        await press(pilot, "o")
        assert "Way on" in screen_text(app)
        await press(pilot, "A")
        assert not app.state.notices


async def test_an_ask_that_is_not_urgent_gathers_before_it_is_shown_or_rung_for():
    chair = BusyFloor()
    rung: list[bool] = []
    async with chair.cockpit() as (app, pilot):
        app.bell = lambda: rung.append(True)
        chair.wish(Action(kind="fetch", resource="package", target="authlib"), "T-3")
        await settled(pilot)
        app.ring()
        assert "NEEDS YOU 1" in screen_text(app)
        assert not rung
        chair.tick()
        await settled(pilot)
        app.ring()
        assert "NEEDS YOU 2" in screen_text(app)
        assert rung


async def test_one_who_goes_to_the_task_finds_the_ask_at_once():
    """Who looks at that very turn is not interrupted by it."""
    chair = BusyFloor()
    async with chair.cockpit() as (app, pilot):
        chair.wish(Action(kind="fetch", resource="package", target="authlib"), "T-3")
        await settled(pilot)
        app.open_about("T-3")
        await settled(pilot)
        assert "authlib" in screen_text(app)
        await press(pilot, "A")
        assert not any("authlib" in ask.action.object for ask in app.state.asks.values())


async def test_notices_never_ring():
    chair = AskingChair()
    chair.do(c.Answer(id="A-1", verb="deny", sha256=chair.item("A-1").sha256, text="no"), SUPERVISOR)
    rung: list[bool] = []
    async with chair.cockpit() as (app, pilot):
        app.bell = lambda: rung.append(True)
        for _ in range(3):
            chair.ask("npm install x")
        await settled(pilot)
        app.ring()
        assert "NOTICE" in screen_text(app)
        assert not rung


@pytest.mark.parametrize("where", [(), ("g", "t"), ("t",)], ids=["the floor", "the timeline", "a line that is typed"])
async def test_a_denial_interrupts_nobody(where):
    """No bell, no card, no word in the strip of what waits; what has the focus keeps it. The control: an ask does."""
    chair = AskingChair()
    chair.do(c.Answer(id="A-1", verb="deny", sha256=chair.item("A-1").sha256, text="no"), SUPERVISOR)
    rung: list[bool] = []
    async with chair.cockpit() as (app, pilot):
        app.bell = lambda: rung.append(True)
        await press(pilot, *where)
        room, focused, message, strip = app.room, app.focused, app.message, app.screen_stack[0].bar_at("needs").lines
        chair.ask("npm install x")
        assert chair.kinds()[-1] is e.ActionDenied
        await settled(pilot)
        app.ring()
        app.screen_stack[0].present()
        assert not rung
        assert (app.room, app.focused, app.message) == (room, focused, message)
        assert app.screen_stack[0].bar_at("needs").lines == strip
        chair.ask()
        assert chair.kinds()[-1] is e.ActionAsked
        await settled(pilot)
        app.ring()
        app.screen_stack[0].present()
        assert rung
        assert (app.room, app.focused) == (room, focused), "even an ask takes no focus"
        assert app.screen_stack[0].bar_at("needs").lines != strip


async def test_a_million_characters_that_no_screen_shows_are_not_spelt_out_at_once_nor_allowed_unread():
    chair = AskingChair()
    chair.answer_first("deny")
    chair.ask(f"{RISKY} # {chr(0x200B) * 1_000_000} LAST")
    async with chair.cockpit(80, 24) as (app, pilot):
        await press(pilot, "o")
        assert "1000000 characters that no screen shows" in screen_text(app)
        assert len(app.room.rows.items) < 1_000
        for key in ("A", "T"):
            await press(pilot, key)
            assert "beyond this card: " in screen_text(app)
        await press(pilot, "G")
        assert "more characters; Enter shows the whole" in screen_text(app)
        await press(pilot, "enter")
        assert "\\u200b\\u200b" in screen_text(app)
        await press(pilot, "escape", "A")
        assert e.AskAnswered in chair.kinds()[-3:]
        assert not app.state.asks
