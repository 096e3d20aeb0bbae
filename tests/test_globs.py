"""Globs: what they hold, what they cannot be tricked into, and when two of them may meet."""

import fnmatch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_tui.domain.globs import fold, matches, may_overlap, problem_of


@pytest.mark.parametrize(
    ("glob", "held", "spared"),
    [
        ("web/**", ["web/index.html", "web/a/b/c.css", "web"], ["webs/a", "src/web/a", "we"]),
        ("**/*.md", ["README.md", "docs/a.md", "a/b/c.md"], ["README.mdx", "md", "a.md/b"]),
        ("*.md", ["README.md"], ["docs/a.md"]),
        ("docs/*.md", ["docs/a.md"], ["docs/a/b.md", "docs"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["az", "a/zz", "b/a/z"]),
        ("**/tests/**", ["tests/a.py", "x/tests/y/z.py", "tests"], ["contests/a.py", "tests.py"]),
        ("**", ["a", "a/b"], []),
        ("test_?.py", ["test_a.py"], ["test_ab.py", "test_/.py", "test_.py"]),
        ("app/[slug]/page.tsx", ["app/[slug]/page.tsx"], ["app/s/page.tsx"]),
        ("a+b(c).txt", ["a+b(c).txt"], ["aab(c).txt"]),
        (".env.*", [".env.local"], [".env", "x/.env.local", "aenv.local"]),
    ],
)
def test_a_glob_holds_what_it_says_and_nothing_beside(glob, held, spared):
    assert problem_of(glob) == ""
    assert [path for path in held if not matches(path, (glob,))] == []
    assert [path for path in spared if matches(path, (glob,))] == []


@pytest.mark.parametrize(
    "disguise",
    [
        "Rules/P1.md",
        "RULES/p1.MD",
        "ｒules/P1.md",
        "ru\u200dles/P1.md",
        "rules\u00ad/P1.md",
        "rules./P1.md",
        "rules /P1.md",
        "./rules//P1.md",
        "rules/P1.md.",
        "rule\ufe0fs/P1.md",
    ],
)
def test_a_disguised_path_is_still_the_path(disguise):
    """Control: read literally, as a plain file-name match would, each of these slips through."""
    assert not fnmatch.fnmatchcase(disguise, "rules/P1.md")
    assert matches(disguise, ("rules/**",))
    assert matches(disguise, ("rules/p1.md",))
    assert fold(disguise) == "rules/p1.md"


def test_a_slash_that_appears_only_by_folding_opens_no_folder():
    assert not matches("web／x", ("web/**",))


def test_a_path_of_undecodable_bytes_matches_without_failing():
    assert matches("docs/\udcff.md", ("docs/**",))


def test_no_globs_hold_nothing():
    assert not matches("a", ())


@pytest.mark.parametrize(
    "glob",
    [
        "",
        "  ",
        "/etc/**",
        "../x",
        "a/../b",
        "a\\b",
        "~/x",
        "a/{b,c}",
        "[a-z].py",
        "[!a].py",
        "a**b",
        "a\nb",
        "x" * 2000,
    ],
)
def test_a_bad_glob_is_named_with_its_remedy(glob):
    assert problem_of(glob)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (("web/**",), ("api/**",), False),
        (("web/**",), ("web/css/**",), True),
        (("web/*.css",), ("web/*.html",), False),
        (("web/a*",), ("web/*b",), True),
        (("**/*.md",), ("src/**",), True),
        (("**/*.md",), ("src/*.py",), False),
        (("a.py", "b.py"), ("c.py", "d.py"), False),
        (("A.py",), ("a.PY",), True),
        (("web/**",), ("web",), True),
        ((), ("web",), True),
        (("web",), (), True),
        (("a/**/z",), ("a/b",), False),
        (("a/**/z",), ("a/*/z",), True),
        (("?",), ("ab",), False),
        (("**",), ("x/y",), True),
    ],
)
def test_two_tasks_run_at_once_only_on_provably_disjoint_paths(one, other, overlap):
    assert may_overlap(one, other) is overlap
    assert may_overlap(other, one) is overlap


names = st.text("ab.*?", min_size=1, max_size=4).filter(lambda name: "**" not in name and name.strip("."))
globs = st.lists(st.one_of(st.just("**"), names), min_size=1, max_size=4).map("/".join)
paths = st.lists(st.text("ab.", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


@given(globs, globs, paths)
@settings(max_examples=400, deadline=None)
def test_whatever_two_globs_both_hold_they_are_known_to_overlap_in(one, other, path):
    if matches(path, (one,)) and matches(path, (other,)):
        assert may_overlap((one,), (other,))


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)


@given(globs, st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_glob_and_no_path_make_matching_fail(glob, path):
    assert matches(path, (glob,)) in (True, False)
