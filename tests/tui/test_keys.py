"""One table of actions: every one reachable, documented, found in the palette, and remappable without harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory_tui.tui.app import Cockpit
from factory_tui.tui.bindings import ACTS, GROUPS, NEVER, VERBS
from factory_tui.tui.keymap import Keys, clashes, documented, key_named, page, read_keys, shown
from factory_tui.tui.run import keys_from
from factory_tui.tui.screens.away import Away
from factory_tui.tui.screens.briefing import Briefing
from factory_tui.tui.screens.card import Card
from factory_tui.tui.screens.crew import Crew
from factory_tui.tui.screens.deployment import DeploymentSheet
from factory_tui.tui.screens.editing import Editing
from factory_tui.tui.screens.finder import found
from factory_tui.tui.screens.floor import Floor
from factory_tui.tui.screens.grants import Grants
from factory_tui.tui.screens.incident import IncidentSheet
from factory_tui.tui.screens.incidents import Incidents
from factory_tui.tui.screens.leaving import QuitCard
from factory_tui.tui.screens.limits import LimitsMatrix
from factory_tui.tui.screens.listing import Listing, NeedsYou
from factory_tui.tui.screens.picking import Picking
from factory_tui.tui.screens.proposing import Proposing
from factory_tui.tui.screens.reader import Reader
from factory_tui.tui.screens.rule import RuleReader
from factory_tui.tui.screens.sheet import Sheet
from factory_tui.tui.screens.timeline import Timeline
from factory_tui.tui.screens.writing import Writing

SCREENS = (
    Floor,
    Reader,
    Card,
    Briefing,
    Editing,
    Writing,
    Listing,
    NeedsYou,
    QuitCard,
    Sheet,
    Grants,
    Timeline,
    RuleReader,
    LimitsMatrix,
    Away,
    Crew,
    Incidents,
    DeploymentSheet,
    IncidentSheet,
    Picking,
    Proposing,
)


def screens_of(place: str) -> list[type]:
    return [screen for screen in SCREENS if place in ("any", "line") or place in screen.places]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.id)
def test_every_action_is_done_somewhere_where_it_says(act):
    for place in act.where:
        assert screens_of(place), f"no screen is a {place}"
        assert any(hasattr(screen, act.method) or hasattr(Cockpit, act.method) for screen in screens_of(place))


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.id)
def test_every_action_is_documented_and_found_by_its_words(act):
    assert act.group in GROUPS
    assert act.doc.endswith(".")
    assert act.label
    assert f"`{act.id}`" in documented()
    assert act in found(list(ACTS), act.label)


def test_the_page_of_keys_is_what_the_table_says():
    """`make keys` writes it anew."""
    assert (Path(__file__).parents[2] / "docs" / "keys.md").read_text("utf-8") == page()


def test_no_key_means_two_things_in_one_place():
    assert clashes(Keys()) == []


def test_no_key_belongs_to_the_terminal():
    keys = [part for act in ACTS for key in act.keys for part in key.split()]
    assert not [key for key in keys if key in NEVER or key.startswith("alt+")]


def test_answers_are_uppercase_and_live_on_cards_alone():
    answers = [act for act in ACTS if act.is_answer]
    assert answers
    assert all(act.where == ("card",) and len(act.keys) == 1 and act.keys[0].isupper() for act in answers)
    assert {VERBS[verb] for verb in VERBS} <= {act.id for act in answers}


def test_a_key_file_gives_other_keys():
    keys, problems = read_keys('[keys]\n"turn.zoom" = ["Z", "z"]\n"answer.yes" = ["Y"]\n', "keys.toml")
    assert problems == ()
    assert keys.find("Y", ("card",)).id == "answer.yes"
    assert keys.find("A", ("card",)) is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('"turn.zom" = ["z"]', "did you mean `turn.zoom`"),
        ('"turn.zoom" = ["ctrl+s"]', "belongs to the terminal"),
        ('"turn.zoom" = ["f5"]', "belongs to the terminal"),
        ('"answer.yes" = ["y"]', "one uppercase letter"),
        ('"turn.zoom" = "z"', "a list of keys"),
        ('"turn.zoom" = ["d"]', "means both"),
        ('"turn.zoom" = ["g"]', "would hide"),
        ("nonsense", "usual keys are in force"),
        ('"turn.zoom" = ["Zoom"]', "`Zoom` is no key"),
        ('"turn.zoom" = ["\\u001b"]', "is no key"),
        ('"answer.yes" = []', "would be without a key"),
        ('"back" = []', "would be without a key"),
    ],
)
def test_a_wrong_key_file_says_what_is_wrong_and_changes_nothing_unsafe(line, problem):
    keys, problems = read_keys(f"[keys]\n{line}\n", "keys.toml")
    assert problem in " ".join(problems)
    assert keys.find("z", ("floor",)).id == "turn.zoom"
    assert keys.find("A", ("card",)).id == "answer.yes"


@pytest.mark.parametrize("written", ["Ctrl-e", "ctrl+e"])
def test_keys_are_written_as_the_documentation_writes_them(written):
    keys, problems = read_keys(f'[keys]\n"turn.zoom" = ["{written}"]\n"go.floor" = ["gz"]\n"move.end" = ["End"]\n', "")
    assert problems == ()
    assert keys.find("ctrl+e", ("floor",)).id == "turn.zoom"
    assert keys.find("g z", ("floor",)).id == "go.floor"
    assert keys.find("end", ("list",)).id == "move.end"


def test_every_key_of_the_table_may_be_written_as_it_is_shown():
    for act in ACTS:
        for key in act.keys:
            assert key_named(shown(key)) == key == key_named(key)


@pytest.mark.parametrize("content", [b"[keys]\n\xff\xfe", None])
def test_a_key_file_that_cannot_be_read_keeps_the_usual_keys(tmp_path, content):
    path = tmp_path / "keys.toml"
    path.mkdir() if content is None else path.write_bytes(content)
    keys, problems = keys_from(path)
    assert keys.find("z", ("floor",)).id == "turn.zoom"
    assert str(path) in problems[0]
    assert "the usual keys are in force" in problems[0]
    assert keys_from(tmp_path / "none.toml")[1] == ()
