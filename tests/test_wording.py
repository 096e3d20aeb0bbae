"""Whatever can happen has words: in the ledger's own words, while one looks on, and in the digest."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from examples import examples
from heart import Heart

from factory_tui.cli import telling
from factory_tui.domain import digest
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.terms import Actor
from factory_tui.domain.wording import worded

EVENTS = get_args(e.Event)
SUPERVISOR = Actor(kind="supervisor", name="somebody")


def entries_of(kind: type[msgspec.Struct]) -> list[Entry]:
    return [Entry(seq=7, at="2026-11-22T16:00:00.000Z", by=SUPERVISOR, event=event) for event in examples(kind)]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__struct_config__.tag)
def test_every_event_has_words_on_one_line(kind):
    for entry in entries_of(kind):
        text = worded(entry.event)
        assert text
        assert "\n" not in text
        assert "None" not in text


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__struct_config__.tag)
def test_what_is_told_while_one_looks_on_is_all_but_the_silent(kind):
    told = any(telling.told(entry) for entry in entries_of(kind))
    assert told is (kind not in telling.SILENT)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__struct_config__.tag)
def test_the_digest_tells_all_but_the_silent(kind):
    heart = Heart()
    heart.start_session()
    texts = [digest.write([entry], heart.state, 1, reason="a test") for entry in entries_of(kind)]
    told = any("(#7)" in text for text in texts)
    assert told is (kind not in digest.SILENT)


def test_escape_and_bidi_characters_of_a_seat_do_not_reach_the_words():
    for kind in EVENTS:
        for event in examples(kind):
            spoiled = {
                name: "\x1b]52;c;x\x07\u202edne"
                for name in ("text", "reason", "note", "title", "summary", "error", "path", "tool", "cause", "what")
                if isinstance(getattr(event, name, None), str)
            }
            if spoiled and kind is not e.DigestWritten:
                text = worded(msgspec.structs.replace(event, **spoiled))
                assert not {"\x1b", "\x07", "\u202e", "\n"} & set(text), kind
