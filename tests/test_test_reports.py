"""What runners say, read test by test; what cannot be read says why."""

from __future__ import annotations

import json

import pytest

from factory_tui.adapters.smoke import read
from factory_tui.adapters.test_reports import (
    Case,
    Report,
    joined,
    read_cargo,
    read_go,
    read_jest,
    read_junit,
    read_mocha,
    read_probe_lines,
    read_summary,
    read_tap,
)
from factory_tui.engine.ports import RunResult


def outcomes(report: Report) -> dict[str, str]:
    return {case.id: case.outcome for case in report.cases}


def probe(*records: dict[str, object]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


class TestProbeLines:
    def test_each_test_is_one_line_and_the_run_has_an_end(self):
        data = probe(
            {"kind": "pytest"},
            {"id": "a::b", "outcome": "failed", "path": "a", "line": 3, "detail": "assert"},
            {"end": 1},
        )
        assert read_probe_lines(data, "x") == Report(
            cases=(Case(id="a::b", outcome="failed", detail="assert", path="a", line=3),)
        )

    def test_a_run_without_an_end_is_unreadable_whatever_passed_before(self):
        report = read_probe_lines(probe({"kind": "pytest"}, {"id": "a", "outcome": "passed"}), "x")
        assert report.unreadable == "the test runner ended in the middle of its run, after 1 tests"

    @pytest.mark.parametrize("data", [b"{", b"[]\n", b'{"id": "a"}\n', b'"end"\n'])
    def test_a_damaged_line_is_unreadable(self, data: bytes):
        assert read_probe_lines(data, "x").unreadable == "x line 1 is not a record"

    def test_a_repeat_that_passes_does_not_cover_a_failure(self):
        data = probe({"id": "a", "outcome": "failed"}, {"id": "a", "outcome": "passed"}, {"end": 0})
        assert outcomes(read_probe_lines(data, "x")) == {"a": "failed"}


class TestJunit:
    def test_failures_errors_and_skips_are_told_apart(self):
        data = b"""<testsuites><testsuite><testcase classname="m.T" name="good" file="m.py" line="4"/>
        <testcase classname="m.T" name="bad"><failure message="no">trace</failure></testcase>
        <testcase name="worse"><error/></testcase><testcase name="later"><skipped/></testcase>
        <testcase name="loud"><system-out>text</system-out></testcase></testsuite></testsuites>"""
        report = read_junit(data)
        assert outcomes(report) == {
            "m.T::good": "passed",
            "m.T::bad": "failed",
            "worse": "failed",
            "later": "skipped",
            "loud": "passed",
        }
        assert report.by_id["m.T::bad"].detail == "no\ntrace"

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"", "empty"),
            (b"<testsuites>", "not XML"),
            (b"<html/>", "holds <html>"),
            (b'<!DOCTYPE x [<!ENTITY a "b">]><testsuites>&a;</testsuites>', "document type"),
        ],
    )
    def test_what_is_no_report_says_so(self, data: bytes, why: str):
        assert why in read_junit(data).unreadable


class TestTap:
    def test_nested_points_carry_the_names_above_them(self):
        text = (
            "TAP version 13\n# Subtest: group\n    # Subtest: inner\n    ok 1 - inner\n    not ok 2 - broken\n"
            "      ---\n      error: 'x'\n    1..2\nnot ok 1 - group\nok 2 - plain\nok 3 - later # SKIP why\n1..3\n"
        )
        report = read_tap(text)
        assert outcomes(report) == {
            "group > inner": "passed",
            "group > broken": "failed",
            "plain": "passed",
            "later": "skipped",
        }
        assert "error: 'x'" in report.by_id["group > broken"].detail

    def test_a_point_too_few_is_unreadable(self):
        assert read_tap("1..2\nok 1 - a\n").unreadable == "TAP planned 2 tests and told of 1"

    def test_no_plan_and_bailing_out_are_unreadable(self):
        assert "no TAP plan" in read_tap("ok 1 - a\n").unreadable
        assert "bailed out" in read_tap("1..1\nBail out! no database\n").unreadable

    def test_a_group_that_is_red_without_a_red_point_is_red_itself(self):
        assert outcomes(read_tap("    ok 1 - a\n    1..1\nnot ok 1 - group\n1..1\n")) == {
            "group > a": "passed",
            "group": "failed",
        }


class TestCargo:
    TEXT = """\
     Running unittests src/lib.rs (target/debug/deps/small-1a2b)

running 3 tests
test tests::adds ... ok
test tests::later ... ignored
test tests::wrong ... FAILED

failures:

---- tests::wrong stdout ----
thread 'tests::wrong' panicked at src/lib.rs:7:9:
assertion failed

failures:
    tests::wrong

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
"""

    def test_tests_have_their_binary_their_place_and_their_output(self):
        report = read_cargo(self.TEXT)
        assert outcomes(report) == {
            "src/lib.rs::tests::adds": "passed",
            "src/lib.rs::tests::later": "skipped",
            "src/lib.rs::tests::wrong": "failed",
        }
        red = report.by_id["src/lib.rs::tests::wrong"]
        assert (red.path, red.line) == ("src/lib.rs", 7)
        assert "assertion failed" in red.detail

    def test_a_result_line_that_does_not_add_up_is_unreadable(self):
        forged = self.TEXT.replace("1 passed; 1 failed", "2 passed; 0 failed")
        assert "does not match" in read_cargo(forged).unreadable

    def test_a_binary_that_died_is_unreadable(self):
        assert "without a result line" in read_cargo(self.TEXT.partition("test result")[0]).unreadable
        assert read_cargo("error: could not compile\n").unreadable


class TestGo:
    def lines(self, *events: dict[str, str]) -> str:
        return "".join(json.dumps({"Time": "t", **event}) + "\n" for event in events)

    def test_tests_are_known_by_package_and_name(self):
        text = self.lines(
            {"Action": "run", "Package": "x/y", "Test": "TestA"},
            {"Action": "output", "Package": "x/y", "Test": "TestA", "Output": "    a_test.go:9: no\n"},
            {"Action": "fail", "Package": "x/y", "Test": "TestA"},
            {"Action": "run", "Package": "x/y", "Test": "TestB"},
            {"Action": "pass", "Package": "x/y", "Test": "TestB"},
            {"Action": "fail", "Package": "x/y"},
        )
        report = read_go(text)
        assert outcomes(report) == {"x/y::TestA": "failed", "x/y::TestB": "passed"}
        assert report.by_id["x/y::TestA"].line == 9

    def test_a_package_that_does_not_build_is_red(self):
        assert outcomes(read_go(self.lines({"Action": "fail", "Package": "x/y"}))) == {"x/y (build)": "failed"}

    def test_a_test_without_an_end_is_unreadable(self):
        text = self.lines({"Action": "run", "Package": "x", "Test": "TestA"}, {"Action": "pass", "Package": "x"})
        assert read_go(text).unreadable == "these tests began and never ended: TestA"


def test_jest_and_vitest_tell_files_groups_and_titles():
    document = {
        "testResults": [
            {
                "name": "/somewhere/a.test.js",
                "status": "failed",
                "assertionResults": [
                    {
                        "ancestorTitles": ["add"],
                        "title": "adds",
                        "status": "failed",
                        "failureMessages": ["no\n at x (/somewhere/a.test.js:7:9)"],
                    },
                    {"ancestorTitles": [], "title": "later", "status": "pending", "failureMessages": []},
                ],
            },
            {"name": "/somewhere/b.test.js", "status": "failed", "message": "cannot import", "assertionResults": []},
        ]
    }
    report = read_jest(json.dumps(document).encode(), "/somewhere")
    assert report.by_id["a.test.js > add > adds"].line == 7
    assert outcomes(report) == {
        "a.test.js > add > adds": "failed",
        "a.test.js > later": "skipped",
        "b.test.js (file)": "failed",
    }
    assert read_jest(b"{}", "/somewhere").unreadable


def test_mocha_tells_files_and_titles():
    document = {
        "tests": [
            {"fullTitle": "add adds", "file": "/somewhere/a.js", "err": {}},
            {"fullTitle": "add fails", "file": "/somewhere/a.js", "err": {"stack": "no"}},
            {"fullTitle": "add later", "file": "/somewhere/a.js", "err": {}},
        ],
        "failures": [],
        "pending": [{"fullTitle": "add later"}],
    }
    assert outcomes(read_mocha(json.dumps(document).encode(), "/somewhere")) == {
        "a.js > add adds": "passed",
        "a.js > add fails": "failed",
        "a.js > add later": "skipped",
    }


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("=== 2 failed, 12 passed, 1 skipped in 0.31s ===", (12, 2, 1)),
        ("Tests:       1 failed, 2 skipped, 3 passed, 6 total", (3, 1, 2)),
        ("  4 passing (8ms)\n  1 failing\n", (4, 1, 0)),
        ("Ran 5 tests in 0.1s\n\nFAILED (failures=1, errors=1, skipped=1)", (2, 2, 1)),
        ("Ran 5 tests in 0.1s\n\nOK", (5, 0, 0)),
    ],
)
def test_a_summary_line_is_a_weak_reading(text: str, counts: tuple[int, int, int]):
    report = read_summary(text)
    assert tuple(len(report.ids(outcome)) for outcome in ("passed", "failed", "skipped")) == counts
    assert report.weak


def test_silence_is_no_reading():
    assert read_summary("all good, trust me\n").unreadable
    result = RunResult(exit_code=0, output=b"", seconds=0)
    assert read("auto", {}, result, "/somewhere").unreadable
    assert read("junit", {}, result, "/somewhere").unreadable


def test_cut_output_is_no_reading_where_the_results_are_in_it():
    result = RunResult(exit_code=0, output=b"test result: ok", seconds=0, truncated=True)
    assert "over" in read("cargo", {}, result, "/somewhere").unreadable


def test_of_several_reports_the_worst_outcome_stands_and_doubts_add_up():
    one = Report(cases=(Case(id="a", outcome="passed"),))
    two = Report(cases=(Case(id="a", outcome="failed"),), unreadable="cut")
    assert joined([one, two]) == Report(cases=(Case(id="a", outcome="failed"),), unreadable="cut")
