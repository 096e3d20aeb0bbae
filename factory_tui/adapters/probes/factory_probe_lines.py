"""One process's report: JSON lines in a file of its own, closed by an `end` line. No end line = the runner died."""

# Runs in whatever Python the project has, so it keeps to old and untyped words.
# ruff: noqa: PTH100, PTH109, PTH118, PTH120, SIM115, UP031
# mypy: ignore-errors

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def leave_no_trace():
    """Processes that tests start are not the run: they are not told where reports go."""
    os.environ.pop("FACTORY_REPORT", None)
    options = os.environ.get("PYTEST_ADDOPTS", "")
    os.environ["PYTEST_ADDOPTS"] = options.replace("-p factory_probe_pytest", "").strip()
    if not os.environ["PYTEST_ADDOPTS"]:
        del os.environ["PYTEST_ADDOPTS"]
    path = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.abspath(entry) != HERE]
    os.environ["PYTHONPATH"] = os.pathsep.join(path)
    if not os.environ["PYTHONPATH"]:
        del os.environ["PYTHONPATH"]


class Lines:
    def __init__(self, kind):
        directory = os.environ["FACTORY_REPORT"]
        self._file = open(os.path.join(directory, "%s-%d.jsonl" % (kind, os.getpid())), "a", encoding="utf-8")
        self._process = os.getpid()
        self.write({"kind": kind, "root": os.getcwd(), "python": sys.version.split()[0]})
        leave_no_trace()

    def write(self, line):
        if os.getpid() != self._process:
            return
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def relative(path):
    """Below the root with `/`, or empty."""
    try:
        path = os.path.relpath(os.path.realpath(path), os.path.realpath(os.getcwd()))
    except (OSError, ValueError, TypeError):
        return ""
    return "" if path.startswith("..") else path.replace(os.sep, "/")
