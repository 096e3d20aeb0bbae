"""Watches `unittest.TestResult`; every result class of every runner goes through it."""

# Runs in whatever Python the project has, so it keeps to old and untyped words.
# ruff: noqa: PTH109
# mypy: ignore-errors

import atexit
import functools
import os
import sys
import traceback

import factory_probe_lines

STATE = {}


def lines():
    if "lines" not in STATE:
        STATE["lines"] = factory_probe_lines.Lines("unittest")
        STATE["root"] = os.getcwd()
        atexit.register(lambda: STATE["lines"].write({"end": 0}))
    return STATE["lines"]


def name_of(test):
    name = test.id()
    marker = "unittest.loader._FailedTest."
    return name[len(marker) :] + " (import)" if name.startswith(marker) else name


def place_of(test):
    module = sys.modules.get(type(test).__module__)
    path = getattr(module, "__file__", None)
    if type(test).__module__.startswith("unittest."):
        return ""
    return factory_probe_lines.relative(path) if path else ""


def detail_of(test, err):
    path = place_of(test)
    kind, value, trace = err
    line = 0
    for frame, number in traceback.walk_tb(trace):
        if path and factory_probe_lines.relative(frame.f_code.co_filename) == path:
            line = number
    return "".join(traceback.format_exception(kind, value, trace))[-4000:], line


def watch(result_class):
    def wrap(method, outcome):
        original = getattr(result_class, method)

        @functools.wraps(original)
        def recorded(self, test, *rest):
            detail, line = "", 0
            try:
                if method == "addSubTest":
                    if len(rest) < 2 or rest[1] is None:
                        return original(self, test, *rest)
                    detail, line = detail_of(test, rest[1])
                elif method in ("addFailure", "addError") and rest and rest[0]:
                    detail, line = detail_of(test, rest[0])
                elif rest and isinstance(rest[0], str):
                    detail = rest[0]
                case = {"id": name_of(test), "outcome": outcome, "path": place_of(test), "line": line, "detail": detail}
            except Exception as error:
                case = {"id": repr(test), "outcome": outcome, "path": "", "line": 0, "detail": repr(error)}
            lines().write(case)
            return original(self, test, *rest)

        setattr(result_class, method, recorded)

    wrap("addSuccess", "passed")
    wrap("addFailure", "failed")
    wrap("addError", "failed")
    wrap("addSubTest", "failed")
    wrap("addSkip", "skipped")
    wrap("addExpectedFailure", "skipped")
    wrap("addUnexpectedSuccess", "skipped")
    started = result_class.startTestRun

    @functools.wraps(started)
    def start(self):
        lines()
        return started(self)

    result_class.startTestRun = start
