"""Whatever happens to a turn or its task is in its transcript, and everything is in the timeline, in words."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from examples import examples
from heart import Heart

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.item import WaitingKind
from factory_tui.domain.terms import Actor
from factory_tui.tui.chronicle import SILENT, Chronicle
from factory_tui.tui.glyphs import UNICODE
from factory_tui.tui.present.floor import KIND_WORDS
from factory_tui.tui.present.history import entry_item
from factory_tui.tui.present.words import Setting

EVENTS = get_args(e.Event)
ABOUT_A_TURN = [kind for kind in EVENTS if {"turn", "task"} & {*kind.__struct_fields__}]
SHOWN_ELSEWHERE = frozenset({e.UsageNoted, e.ActionAllowed})
"""In the head of the pane, and in the line that ends the action."""
BY = Actor(kind="supervisor", name="somebody")


def entry(event: msgspec.Struct) -> Entry:
    return Entry(seq=7, at="2026-11-22T16:00:00.000Z", by=BY, event=event)


def last_words(event: msgspec.Struct) -> tuple[str, str]:
    """Of the turn, before and after."""
    heart = Heart()
    heart.start_session()
    chronicle = Chronicle()
    started = next(iter(examples(e.TurnStarted)))
    chronicle.tell(entry(started), heart.state)
    story = chronicle.stories[started.turn]
    before = story.last
    chronicle.tell(entry(event), heart.state)
    return before, story.last


@pytest.mark.parametrize("kind", ABOUT_A_TURN, ids=lambda kind: kind.__struct_config__.tag)
def test_what_happens_to_a_turn_or_its_task_is_in_the_transcript(kind):
    if kind is e.TurnStarted:
        return
    told = any(after != before for before, after in map(last_words, examples(kind)))
    assert told is (kind not in SILENT | SHOWN_ELSEWHERE)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__struct_config__.tag)
def test_the_timeline_has_words_for_everything(kind):
    setting = Setting(now="2026-11-22T16:00:00.000Z", width=200, glyphs=UNICODE)
    for event in examples(kind):
        text = "".join(span.text for span in entry_item(entry(event), setting).lines[0])
        assert len(text.split()) > 5, text


def test_whatever_waits_has_a_word_wherever_it_is_listed() -> None:
    assert set(KIND_WORDS) == set(get_args(WaitingKind))
