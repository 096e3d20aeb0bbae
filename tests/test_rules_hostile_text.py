"""Text made to blind or to stall the rules. No clock is read: work is counted, or bounded by construction."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from factory_tui.domain import shell_scanner
from factory_tui.domain.patterns import Pattern, problem_of_pattern
from factory_tui.domain.rule_cases import patterns_of
from factory_tui.domain.rule_checks import holds_random_text
from factory_tui.domain.shell_text import LONGEST_COMMAND, read_command
from factory_tui.domain.terms import Action, Change, Decision, FileChange, Line, strictest
from tests.rule_library import ACTING, COMMITTING, shipped_rules, whole_book

DOMAIN = Path(shell_scanner.__file__).parent
WITH_PYTHON_RE = {
    "rule_draft.py",
    "shell_scanner.py",
    "shell_text.py",
    "diff_text.py",
    "lost_tests.py",
    "rule_checks.py",
}

HOSTILE = [
    "git ",
    "rm -rf a ",
    "'",
    '"',
    '"\\',
    '"$(',
    "`",
    "$(",
    "a\\",
    "\\\n",
    "a|",
    "a;",
    "curl x | ",
    "<<A\n",
    "<<-'EOF'\n\t",
    "sh -c '",
    "x'y'",
    "docker compose -f prod.yml ",
    "git push -",
    ".env* ",
    "aA0_-" * 40 + " ",
    "ä" * 9 + " ",
    "\u202e\u200d",
    "\x00",
    "$'\\x41",
]


def judged(command):
    matches = whole_book().judge_action(Action(kind="run", command=command), "builder", ACTING)
    return strictest(Decision.ALLOW, *(match.decision for match in matches))


@pytest.mark.parametrize("piece", HOSTILE)
def test_eight_kilobytes_of_hostile_text_are_judged(piece):
    text = (piece * LONGEST_COMMAND).encode()[: LONGEST_COMMAND - 2].decode(errors="ignore")
    assert judged(text) in Decision


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_forbidden_command_behind_hostile_text_is_never_allowed(piece):
    for size in (200, 4_000):
        filler = (piece * size)[:size]
        assert judged(filler + "\n\ngit stash\n") is not Decision.ALLOW
        assert judged("git stash\n" + filler) is not Decision.ALLOW


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_scanner_takes_no_more_than_a_few_steps_a_character(piece):
    """Each word is read once: the words of all nested commands together stay within a multiple of the text."""
    sizes = []
    for size in (1_000, 2_000, 4_000):
        read = read_command((piece * size)[:size])
        sizes.append(len(read.text) + sum(map(len, read.simple)) + sum(len(word) for word, _ in read.touched))
    for size, produced in zip((1_000, 2_000, 4_000), sizes, strict=True):
        assert produced <= 14 * size


def test_rules_are_matched_by_re2_alone():
    """Control for linearity: no pattern of a rule can reach Python's backtracking engine."""
    users = set()
    for file in DOMAIN.glob("*.py"):
        names = {
            alias.name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        if "re" in names and ("rule" in file.name or file.name in WITH_PYTHON_RE | {"patterns.py", "conditions.py"}):
            users.add(file.name)
    assert users <= WITH_PYTHON_RE
    for name in users:
        for call in re.findall(r"re\.(?:compile|sub|search|match|findall)\((.)", (DOMAIN / name).read_text()):
            assert call in "r\n", f"{name} compiles something else than a literal"


def test_a_pattern_that_stalls_backtracking_engines_ends_here():
    text = b"a" * 100_000 + b"!"
    assert not Pattern("(?:a|aa)+$").is_in(text)
    assert problem_of_pattern("(a+)+$")


def test_no_pattern_of_the_library_is_explosive():
    for rule in shipped_rules():
        for key, text in patterns_of(rule):
            assert problem_of_pattern(text) == "", (rule.id, key)


def test_a_hostile_change_is_judged_line_by_line():
    lines = tuple(Line(number=n + 1, text=(piece * 2_000)[:2_000]) for n, piece in enumerate(HOSTILE * 8))
    files = tuple(
        FileChange(path=path, old_mode="100644", new_mode="100644", added=lines, removed=lines)
        for path in ("src/a.py", "tests/test_a.py", "db/migrate/1.sql", ".github/workflows/ci.yml")
    )
    matches = whole_book().judge_change(Change(files=files), "builder", COMMITTING)
    assert len({match.source for match in matches}) == len(matches)


# --- the quote scanner ---------------------------------------------------------------------------

words = st.text("abc-/.$= '\"\\;&|<>()#*?\n", min_size=1, max_size=8)


@given(st.lists(st.text("abcdef-/.", min_size=1, max_size=8), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_unquoted_words_are_never_dropped(parts):
    command = " ".join(["run", *parts])
    assert read_command(command).text == command


@given(st.lists(words, min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
@example(["git", "re'set", "--hard"])
def test_words_are_what_a_shell_would_hand_over(parts):
    command = "run " + " ".join(shlex.quote(part) for part in parts)
    touched = [word for word, _ in read_command(command).touched]
    for part in parts:
        if "\n" not in part and not part.startswith("-"):
            assert part in touched


@given(st.text("ab '\"\\$(`)\n;|&<>#-", max_size=60))
@settings(max_examples=500, deadline=None)
def test_whatever_stands_before_it_a_command_on_its_own_line_is_seen_or_asked_about(before):
    """Only an open quote or a here-document may swallow it, and then a shell would not run it either."""
    command = f"{before}\ngit stash\n"
    read = read_command(command)
    if "git stash" in read.text or read.unread:
        return
    assert any(mark in before for mark in "'\"`\\<"), command


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_the_reading_fail(text):
    read_command(text)
    judged(text)


def test_an_open_quote_hides_nothing():
    assert judged("echo 'x; git stash") is Decision.DENY
    assert judged('echo "x; git stash') is Decision.DENY
    assert judged("cat <<EOF\ngit stash\n") is Decision.DENY, "the here-document never ends"


# --- what looks like a key -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["k9f3Qz7LpT2vXw8RbN4mJc6H", "4eC39HqLyjWDarjtT1zdp7dc", "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"]
)
def test_a_key_looks_random(key):
    assert holds_random_text(key)


@pytest.mark.parametrize(
    "name",
    [
        "request_token_from_session",
        "abcdefghijklmnopqrstuvwx",
        "0123456789012345678901",
        "TestAccessToken2026Value",
        "a" * 40,
    ],
)
def test_a_name_does_not(name):
    assert not holds_random_text(name)
