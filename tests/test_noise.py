"""What people merged, the rules let pass: a guard that cries wolf is switched off."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from factory_tui.adapters.noise import NoiseReport, measure_noise
from factory_tui.domain.diff_text import change_from_diff
from factory_tui.domain.rulebook import compile_rules
from factory_tui.domain.rules import DiffPattern
from factory_tui.domain.terms import Change, Decision
from tests.rule_library import core_book, rule, whole_book

SAMPLES = Path(__file__).parent / "samples" / "noise"


@cache
def history(*, drafted: bool) -> tuple[tuple[str, Change], ...]:
    """(commit, change) pairs: those that a first draft of the rules stopped, or the others."""
    found = []
    for file in sorted(SAMPLES.glob("*.txt")):
        if file.name.endswith(".drafted.txt") == drafted:
            for part in ("\n" + file.read_text()).split("\ncommit ")[1:]:
                commit, _, diff = part.partition("\n")
                found.append((commit, change_from_diff(diff)))
    return tuple(found)


def drafted_book():
    """The same two rules as first drafted: any marker, any loss."""
    tests = ("**/test/**", "**/tests/**", "**/test_*.*", "**/*_test.*", "**/*.test.*", "**/*.spec.*")
    weaken = DiffPattern(
        paths=tests, patterns=(r"@(?:\w+\.)*(?:skip|xfail)", r"\bpytest\.skip\(", r"\.(?:skip|only)\(")
    )
    losing = DiffPattern(scope="removed", paths=tests, patterns=(r"\b(?:assert\w*|expect|should)\b",))
    placeholder = DiffPattern(
        except_paths=(*tests, "**/*.md"), patterns=(r"\b(?:TODO|FIXME)\b", r"(?i)\bplaceholder\b")
    )
    return compile_rules(
        [
            replace(rule("Q2"), id="Z1", check=weaken),
            replace(rule("Q2"), id="Z2", check=losing),
            replace(rule("Q10"), id="Z3", check=placeholder),
        ]
    )


@pytest.mark.parametrize("book", [core_book, whole_book])
def test_accepted_work_is_hardly_ever_stopped(book):
    report = measure_noise(history(drafted=False), book())
    assert report.commits > 200
    assert report.denied_percent < 1
    assert report.asked_percent < 3


def test_what_a_draft_stopped_wrongly_passes_or_is_asked_about_by_name():
    report = measure_noise(history(drafted=True), core_book())
    assert report.commits > 50
    assert report.denied <= 1
    assert report.asked <= report.commits / 3
    for noise in report.rules:
        assert all(":" in example for example in noise.examples)


def test_a_blunt_rule_is_seen_to_be_noisy():
    """Control: the measure can fail."""
    report = measure_noise(history(drafted=True), drafted_book())
    assert report.denied_percent > 60
    assert {noise.rule for noise in report.rules} == {"Z1", "Z2", "Z3"}


def test_a_history_of_no_commits_proves_nothing_and_divides_by_nothing():
    assert measure_noise([], core_book()) == NoiseReport(commits=0, denied=0, asked=0)
    assert NoiseReport(commits=0, denied=0, asked=0).denied_percent == 0.0


def test_a_commit_is_counted_once_however_many_rules_it_hits():
    bad = change_from_diff(
        "+++ b/src/a.py\n+KEY = 'AKIAABCDEFGHIJKLMNOP'\n+x = None  # TODO measure\n"
        "+++ b/tests/test_a.py\n+@unittest.skip('x')\n"
    )
    report = measure_noise([("c1", bad), ("c2", change_from_diff("+++ b/a.py\n+x = 1\n"))], core_book())
    assert (report.commits, report.denied, report.asked) == (2, 1, 0)
    assert {noise.rule: noise.denied for noise in report.rules} == {"X1": 1, "Q10": 1, "Q2": 1}


def test_sharpening_lost_no_incident():
    """What the drafts caught for good reason is still caught."""
    skipped = '+++ b/tests/test_crud.py\n+@unittest.skip("pre-existing failure")\n def test_update(self):\n'
    matches = core_book().judge_change(change_from_diff(skipped), "builder", {"project.production_db": None})
    assert [(match.source, match.decision) for match in matches] == [("Q2", Decision.DENY)]
