"""YAML heads: what they mean, and how they fail."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_tui.adapters.front_matter import (
    LARGEST_DOCUMENT,
    LARGEST_HEAD,
    did_you_mean,
    nearest,
    read_front_matter,
    read_yaml,
)
from factory_tui.domain.errors import DocumentError


def test_every_key_and_item_knows_its_line():
    document = read_front_matter(
        "rules/q1.md",
        "---\nid: Q1\ncheck:\n  patterns:\n    - one\n    - >-\n      two\n    - three: 3\n---\n\nThe body.\n",
    )
    assert document.data == {"id": "Q1", "check": {"patterns": ["one", "two", {"three": 3}]}}
    assert document.line_of("id") == 2
    assert document.line_of("check", "patterns") == 4
    assert [document.line_of("check", "patterns", number) for number in range(3)] == [5, 6, 8]
    assert document.line_of("check", "patterns", 2, "three") == 8
    assert document.line_of("check", "absent", "below") == 3, "a missing key points at its parent"
    assert (document.body, document.body_line) == ("\nThe body.\n", 10)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("2026-11-05", "2026-11-05"),
        ("2026-11-05 10:00:00", "2026-11-05 10:00:00"),
        ("0644", "0644"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        (".inf", ".inf"),
        ("1e3", "1e3"),
        ("9" * 5000, "9" * 5000),
        ("true", True),
        ("7", 7),
        ("-7.25", -7.25),
        ("'7'", "7"),
        ("", None),
        ("null", None),
    ],
)
def test_a_scalar_means_what_it_looks_like(written: str, means: object):
    assert read_yaml("x.yaml", f"key: {written}\n").data == {"key": means}


def test_a_version_keeps_its_last_zero():
    document = read_yaml("x.yaml", "stack:\n  python: 3.10\n")
    assert document.data["stack"]["python"] == 3.1
    assert document.text_of("stack", "python") == "3.10"
    assert document.text_of("stack") is None


BAD = {
    "empty": ("", 1, "the front matter is missing"),
    "no fence": ("id: x\n", 1, "the front matter is missing"),
    "never closed": ("---\nid: x\n", 1, "never closed"),
    "nothing in it": ("---\n---\n", 2, "there is nothing"),
    "a list": ("---\n- id\n---\n", 2, "there is a list"),
    "one value": ("---\nwords\n---\n", 2, "there is one value"),
    "a key twice": ("---\nid: 1\nmore:\n  a: 1\n  a: 2\n---\n", 5, "the key `a` is here a second time"),
    "a tab": ("---\nid:\n\t- b\n---\n", 3, "a tab is used to indent"),
    "a colon in text": ("---\nid: x\nwhy: this: that\n---\n", 3, "this is not YAML"),
    "an open quote": ("---\nid: 'x\n---\n", 2, "this is not YAML"),
    "an anchor": ("---\nid: &a [x]\n---\n", 2, "anchor or alias `a`"),
    "an alias": ("---\nid: 1\nb: *id\n---\n", 3, "anchor or alias `id`"),
    "an object": ("---\nid: !!python/object/apply:os.system [id]\n---\n", 2, "the tag"),
    "a list as key": ("---\n? [a]\n: b\n---\n", 2, "a key here is a list"),
    "two documents": ("---\nid: 1\n--- {b: 2}\n---\n", 3, "second YAML document"),
    "a null byte": ("---\nid: a\x00\n---\n", 2, "U+0000"),
    "a byte order mark": ("\ufeff---\nid: a\n---\n", 1, "U+FEFF"),
    "half a character": ("---\nid: a\nb: \ud800\n---\n", 3, "U+D800"),
    "an escape sequence below": ("---\nid: a\n---\n\x1b[2J", 4, "U+001B"),
    "deep lists": ("---\nid: " + "[" * 5000 + "\n---\n", 2, "levels are nested"),
    "deep mappings": ("---\nid: " + "{a: " * 5000 + "\n---\n", 2, "levels are nested"),
    "too large": ("---\nid: a\n---\n" + "x" * LARGEST_DOCUMENT, 0, "over the limit"),
    "too large a head": ("---\nid: " + "x" * LARGEST_HEAD + "\n---\n", 2, "over the limit"),
    "a strange line end first": ("---\nid: 'a\u2028'\nb: *c\n---\n", 3, "anchor or alias `c`"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_head_is_one_error_with_file_line_and_fix(name: str):
    text, line, words = BAD[name]
    with pytest.raises(DocumentError) as caught:
        read_front_matter("roles/x.md", text)
    error = caught.value
    assert (error.path, error.line) == ("roles/x.md", line)
    assert words in error.problem
    assert error.next_step


def test_an_alias_bomb_is_refused_where_the_plain_loader_swallows_it():
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert yaml.safe_load(bomb)["c"] == [[["x", "x"]] * 2] * 2, "control: without the guard it unfolds"
    with pytest.raises(DocumentError, match="anchor or alias"):
        read_yaml("x.yaml", bomb)


def test_a_key_twice_is_refused_where_the_plain_loader_drops_one():
    assert yaml.safe_load("a: 1\na: 2\n") == {"a": 2}, "control: without the guard one is lost"
    with pytest.raises(DocumentError, match="already on line 1") as caught:
        read_yaml("x.yaml", "a: 1\na: 2\n")
    assert caught.value.line == 2


def test_windows_line_ends_and_an_optional_head_are_read():
    document = read_front_matter("x.md", "---\r\nid: a\r\n---\r\nbody\r\n")
    assert (document.data, document.body, document.body_line) == ({"id": "a"}, "body\n", 4)
    plain = read_front_matter("x.md", "# Title\n", required=False)
    assert (plain.data, plain.body, plain.body_line) == ({}, "# Title\n", 1)


def test_an_unknown_word_gets_the_nearest_known_one():
    assert nearest("write", ["writes", "reads"]) == "writes"
    assert nearest("zzz", ["writes", "reads"]) == ""
    assert did_you_mean("write", ["writes", "reads"]) == "Did you mean `writes`?"
    assert did_you_mean("zzz", ["writes", "reads"]) == "Known are: reads, writes."


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=200), st.text(alphabet="---\nab: []{}'\"|>&*!%@`#,?\t", max_size=200)))
def test_no_text_at_all_makes_it_stumble(text: str):
    """T: any bytes a home may hold lead to a value or to one clear error."""
    for candidate in (text, f"---\n{text}\n---\n"):
        try:
            document = read_front_matter("x.md", candidate)
        except DocumentError:
            continue
        assert all(1 <= document.line_of(key) <= candidate.count("\n") + 1 for key in document.data)
