"""Pytest plugin: writes down every test's outcome by node id. Loaded by `-p` in PYTEST_ADDOPTS."""

# Runs in whatever Python the project has, so it keeps to old and untyped words.
# ruff: noqa: UP031
# mypy: ignore-errors

import os

import factory_probe_lines


class Probe:
    def __init__(self):
        self.lines = factory_probe_lines.Lines("pytest")
        self.done = {}

    def pytest_collectreport(self, report):
        if report.failed:
            detail = str(report.longrepr)[-4000:]
            path = report.nodeid.split("::")[0]
            name = report.nodeid + " (import)"
            self.lines.write({"id": name, "outcome": "failed", "path": path, "line": 0, "detail": detail})

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            outcome, detail, line = report.outcome, "", 0
            if hasattr(report, "wasxfail"):
                outcome, detail = "skipped", "xfail: %s" % report.wasxfail
            elif report.outcome != "passed":
                detail = str(report.longrepr)[-4000:]
            crash = getattr(getattr(report, "longrepr", None), "reprcrash", None)
            path = report.nodeid.split("::")[0]
            if crash is not None and factory_probe_lines.relative(crash.path) == path:
                line = crash.lineno
            elif report.location and report.location[1] is not None:
                line = report.location[1] + 1
            self.lines.write({"id": report.nodeid, "outcome": outcome, "path": path, "line": line, "detail": detail})

    def pytest_sessionfinish(self, session, exitstatus):
        self.lines.write({"end": int(exitstatus)})


def pytest_configure(config):
    if os.environ.get("FACTORY_REPORT") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Probe(), "factory-probe")
