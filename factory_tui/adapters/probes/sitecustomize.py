"""Writes down what `unittest` did, one JSON line per test, beside whatever the project's runner prints.

Python loads this file by its name at start, from a directory that a check put on PYTHONPATH. It runs inside the
project's own interpreter, so it stays with old syntax, imports late and touches nothing but `unittest.TestResult`.
"""

# Runs in whatever Python the project has, so it keeps to old and untyped words.
# ruff: noqa: PTH100, PTH120
# mypy: ignore-errors

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class UnittestWatch(importlib.abc.MetaPathFinder):
    """Waits for `unittest.result` to be imported; most programs never do."""

    def find_spec(self, name, path=None, target=None):
        if name != "unittest.result":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            import factory_probe_unittest

            factory_probe_unittest.watch(module.TestResult)

        spec.loader.exec_module = exec_module
        return spec


def load_the_shadowed_one():
    """Another `sitecustomize` further down the path is loaded as if this one were not here."""
    rest = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


if os.environ.get("FACTORY_REPORT"):
    sys.meta_path.insert(0, UnittestWatch())
load_the_shadowed_one()
