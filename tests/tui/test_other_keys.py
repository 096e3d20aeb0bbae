"""A cockpit whose every action has another key: no sentence names the key that it would have had."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chair import press, screen_text
from gallery import GALLERY, opened

import factory_tui
from factory_tui.tui.bindings import ACTS
from factory_tui.tui.keymap import Keys, named, read_keys, shown
from factory_tui.tui.screens.finder import Finder
from factory_tui.tui.screens.writing import Writing

USUAL = Keys()
SMALL = "абвгджзийклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψωաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ"
"""Of scripts in which neither a key of the table nor a word of the cockpit is written."""

KEYS = {key for act in ACTS for key in act.keys}
WORDS = {"Up", "Down", "Left", "Right", "Home", "End"}
"""Names of keys that are words of a sentence as well."""
LONG = "|".join(sorted(re.escape(named(key)) for key in KEYS if len(shown(key)) > 1 and shown(key) not in WORDS))
SHORT = "|".join(sorted([*(re.escape(key) for key in KEYS if len(key) == 1 and not key.isdigit()), *WORDS]))
BARE = "|".join(one for one in SHORT.split("|") if one not in (",", r"\."))
VERB = r"(?!(?:is|was|has|this|as|its)\b)[a-z]+s\b"
LITERAL = tuple(
    map(
        re.compile,
        (
            rf"(?<![\w.`/-])(?:{LONG})(?![\w-])",  # Enter, Esc, Ctrl-d, g b
            rf"(?:^|(?<=[\s(;]))(?:{BARE})(?: on the \w+| there)? {VERB}",  # + picks, r there tries
            rf"(?:^|(?<=[\s(;]))`(?:{SHORT})` (?:for one|{VERB})",  # `a` names
            rf"\(`(?:{SHORT})`\)",
            rf"(?:^|(?<=[\s(]))(?:{BARE})(?: = |: )(?=[a-z])",  # G = newest, b: budgets
            rf"\b(?:with|or|as|and|then|nobody else is,) (?:{BARE})(?=[,.]| on its| does| with|$)",  # with E,
        ),
    )
)
"""What a sentence looks like that names one of the usual keys."""
TYPED = (
    "Enter sends",
    "Esc does not",
    "Tab: another kind",
    "Enter alone: none",
    "with Tab a mission",
    "or Tab: the day",
)
"""Of a line that is typed into: these keys are its own, and no file gives them to anything else."""
WRITTEN = ("Esc when it is done", "Esc shows what")
SIGN = ("? asks you",)
"""Of an ask in a pane; it is no key."""
FOREIGN = ("prefix ] pastes it",)
"""Of tmux."""
FOUND = ("Enter does it", "Up Down choose", "Esc back")


def usual_keys_in(text: str, *own: str) -> list[str]:
    """The usual keys that a text names, with what is said of them. `own` are words that may name one."""
    for one in own:
        text = text.replace(one, "")
    return [found[0] for row in text.splitlines() for one in LITERAL for found in one.finditer(row)]


@pytest.mark.parametrize(
    "told",
    [
        "no entry is picked: + picks what shows it",
        "g b: what is new",
        "s lets only what must stop for you",
        "`,` for one task",
        "Enter picks an entry",
        "/ searches, and then",
        "it is over; Esc when it is done",
        "mode flow, s on the floor changes it",
        "12 new lines, G = newest",
        "Enter: one role whole, a: another seat, b: budgets",
        "an edit is put on record with E, then it is approved",
        "Ctrl-C again leaves, as q does; nothing ends",
        "where nobody else is, W with the reason",
        "the session has not begun; r there tries again",
    ],
)
def test_a_sentence_with_a_usual_key_is_known_as_one(told):
    assert usual_keys_in(told)


@pytest.fixture(scope="module")
def other_keys() -> Keys:
    """By a key file, as the supervisor would write it: one letter for each action, and none twice."""
    small, large = iter(SMALL), iter(SMALL.upper())
    many = iter(f"{first}{second}" for first in "ђѓє" for second in SMALL)
    lines = []
    for act in ACTS:
        if act.keys:
            key = next(large) if act.is_answer else next(small, "") or next(many)
            lines.append(f'"{act.id}" = ["{key}"]')
    keys, problems = read_keys("[keys]\n" + "\n".join(lines), "keys.toml")
    assert problems == ()
    assert not KEYS & {key for act in keys.acts for key in act.keys}
    return keys


async def press_elsewhere(pilot, *usual: str) -> None:
    """Does what the usual keys do, by the keys that do it in this cockpit."""
    left = usual
    while left:
        room = pilot.app.room
        places = ("line",) if room.is_typing else room.places
        taken = next(n for n in (2, 1) if USUAL.find(" ".join(left[:n]), places))
        act = USUAL.find(" ".join(left[:taken]), places)
        assert act.is_answer or not room.why_not(act), act.id
        await press(pilot, *pilot.app.keys.by_id[act.id].keys[0].split())
        left = left[taken:]


def own_words(room) -> tuple[str, ...]:
    """What may name a key on a screen, because that key is none of the table there."""
    more = FOUND if isinstance(room, Finder) else WRITTEN if isinstance(room, Writing) and room.is_writing else ()
    return (*TYPED, *SIGN, *more)


def told_on(app) -> Iterator[str]:
    """All that a screen says: what is on it, what it had to cut, and why each action does nothing there."""
    yield screen_text(app)
    room = app.room
    for widget in room.drawn.values():
        if widget.display:
            yield from widget.whole_rows()
    for act in app.keys.acts:
        if {*room.places, "any"} & set(act.where):
            yield room.why_not(act)
            yield act.doc
    yield room.unknown("~")
    yield room.unknown(app.keys.by_id["answer.yes"].keys[0])


def strip_keys(app) -> set[str]:
    """The keys that the strip at the foot names."""
    strip = app.room.bar_at("hints")
    rows = [strip.line_at(row) for row in range(strip.box.height)]
    return {span.text.strip() for row in rows for span in row if span.style == "key"}


@pytest.mark.parametrize("name", GALLERY)
async def test_no_screen_names_a_key_that_does_not_do_it(name, other_keys):
    """On a wide terminal, where no sentence is cut."""
    async with GALLERY[name][0]().cockpit(220, 60, keys=other_keys) as (app, pilot):
        await opened(app, pilot, name, press_elsewhere)
        own = own_words(app.room)
        assert [one for told in told_on(app) for one in usual_keys_in(told, *own)] == []
        if len(own) == len(TYPED) + len(SIGN) and not app.room.is_typing:
            assert strip_keys(app) <= {shown(key) for act in app.keys.acts for key in act.keys}


# --- what is said only after something was done: every sentence of the source ---------------------

SOURCE = Path(factory_tui.__file__).parent
SAY = ("tui", "domain", "engine")
"""Whose words reach the screen."""
TABLES = ("tui/acts/", "tui/bindings.py", "tui/keymap.py", "tui/escapes.py", "tui/emulator.py", "tui/terminal.py")
"""Where keys are what is talked about."""
OWN_WORDS = (*TYPED, *WRITTEN, *FOUND, *SIGN, *FOREIGN)


def sentences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of all that may be said: no docstrings; what is put in stands as `{}`."""
    parts = {id(one) for joined in ast.walk(tree) if isinstance(joined, ast.JoinedStr) for one in joined.values}
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (parts | docs):
            yield node.lineno, node.value


def sources(*parts: str) -> list[tuple[str, ast.Module]]:
    files = [file for part in parts for file in sorted((SOURCE / part).rglob("*.py"))]
    return [(str(file.relative_to(SOURCE)), ast.parse(file.read_text("utf-8"))) for file in files]


def test_no_sentence_of_the_source_names_a_usual_key():
    found = [
        (f"{path}:{line}", one)
        for path, tree in sources(*SAY)
        if not path.startswith(TABLES)
        for line, told in sentences(tree)
        if " " in told.strip()
        for one in usual_keys_in(told, *OWN_WORDS)
    ]
    assert found == []


def test_every_action_whose_key_is_said_is_in_the_table():
    asked = {
        node.args[0].value: f"{path}:{node.lineno}"
        for path, tree in sources("tui")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
        if (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
        in ("key", "key_of")
    }
    assert len(asked) > 20
    assert {id: place for id, place in asked.items() if id not in USUAL.by_id} == {}


def test_an_action_without_a_key_is_told_by_the_palette():
    keys, problems = read_keys('[keys]\n"incident.pick" = []\n"palette" = ["~"]\n', "keys.toml")
    assert problems == ()
    assert keys.key("incident.pick") == "~ evidence"
