"""The model behind every pane: bounded, the same however the text was cut, and harmless."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from factory_tui.tui.harmless import Cleaner, harmless, width_of
from factory_tui.tui.transcript import Transcript

ALPHABET = [
    *"abc de  f\n",
    "日本",
    "é",
    "word ",
    "🙂",
    "\t",
    "x" * 40,
    "- ",
    "**",
    "`",
    "```\n",
    "@@ -1 +1 @@\n",
    "+a\n",
]
HOSTILE = [
    *"ab \n\r",
    "\x1b[31m",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]0;title\x1b\\",
    "\x1bP+q\x1b\\",
    "\x1b",
    "\x9b2J",
    "\u202e",
    "\u200b",
    "\U000e0041",
    "\ud800",
    "\x00",
    "é",
    "日",
]


def rows_of(transcript: Transcript) -> list[tuple[str, str]]:
    numbers = range(transcript.first, transcript.pushed + 1)
    return [(row.text, row.kind) for number in numbers if (row := transcript.row(number))]


def cut_up(text: str, rnd: random.Random) -> list[str]:
    pieces, place = [], 0
    while place < len(text):
        size = rnd.randint(1, 7)
        pieces.append(text[place : place + size])
        place += size
    return pieces


def test_however_a_text_is_cut_the_rows_are_the_same():
    rnd = random.Random(3)
    for _ in range(1_200):
        width = rnd.choice([8, 9, 20, 33])
        text = "".join(rnd.choice(ALPHABET) for _ in range(rnd.randint(0, 120)))
        whole, pieces = Transcript(width), Transcript(width)
        whole.feed(text)
        whole.drain()
        for piece in cut_up(text, rnd):
            pieces.feed(piece)
            if rnd.random() < 0.5:
                pieces.drain()
        pieces.drain()
        assert rows_of(pieces) == rows_of(whole), repr(text)
        assert all(width_of(row) <= width for row, _ in rows_of(whole))


def test_a_resize_gives_the_rows_that_the_new_width_would_have_given():
    rnd = random.Random(5)
    for _ in range(300):
        text = "".join(rnd.choice(ALPHABET) for _ in range(rnd.randint(0, 120)))
        resized, fresh = Transcript(20), Transcript(33)
        for transcript in (resized, fresh):
            transcript.feed(text)
            transcript.put("+ run pytest", "allowed")
            transcript.drain()
        resized.rewrap(33)
        assert rows_of(resized) == rows_of(fresh), repr(text)


def test_hostile_text_is_harmless_however_it_is_cut():
    rnd = random.Random(7)
    for _ in range(1_500):
        text = "".join(rnd.choice(HOSTILE) for _ in range(rnd.randint(0, 40)))
        cleaner = Cleaner()
        got = "".join(cleaner.feed(piece) for piece in cut_up(text, rnd)) + cleaner.finish()
        assert got == harmless(text), repr(text)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text):
    """Control, bidi, zero-width and surrogate characters never pass. # T3"""
    left = harmless(text)
    assert not any((ord(c) < 0x20 and c != "\n") or 0x7F <= ord(c) < 0xA0 for c in left)
    assert not set(left) & set("\u200b\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\x1b")
    assert harmless(left) == left


def test_a_transcript_is_bounded_and_says_what_it_left_out():
    transcript = Transcript(80, max_rows=50, max_pending=1_000)
    for number in range(300):
        transcript.feed(f"line {number}\n")
        transcript.drain()
    assert transcript.pushed - transcript.first <= 51
    assert rows_of(transcript)[-2][0] == "line 299"
    transcript.feed("y" * 5_000)
    assert transcript.dropped == 4_000


def test_one_line_of_a_megabyte_is_wrapped_in_pieces():
    transcript = Transcript(80)
    for _ in range(16):
        transcript.feed("z" * 65_536)
        while transcript.drain():
            pass
    assert transcript.pushed - transcript.first <= 5_001
    assert transcript.dropped == 0


def test_a_transcript_looks_like_markdown():
    transcript = Transcript(60)
    transcript.feed("# Plan\n- first\n> said\n```diff\n+new\n-old\n```\nplain **bold** `code`\n")
    transcript.put("x edit DNA.md  denied by card:builder", "denied")
    transcript.drain()
    kinds = [kind for text, kind in rows_of(transcript) if text]
    assert kinds == ["heading", "bullet", "quote", "fence", "add", "del", "fence", "text", "denied"]


def test_search_goes_both_ways():
    transcript = Transcript(40)
    transcript.feed("".join(f"line {number} {'needle' if number in (3, 7) else ''}\n" for number in range(10)))
    transcript.drain()
    assert transcript.find("NEEDLE", 0, 1) == 3
    assert transcript.find("needle", 4, 1) == 7
    assert transcript.find("needle", 6, -1) == 3
    assert transcript.find("absent", 0, 1) is None
