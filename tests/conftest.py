"""Programs that some tests need. Where one is missing the test is not run and says how to mend it; on CI it fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Generator

import pytest

PACKAGES = {
    "needs_bwrap": ("bwrap", "bubblewrap"),
    "needs_tmux": ("tmux", "tmux"),
    "needs_screen": ("screen", "screen"),
    "needs_strace": ("strace", "strace"),
    "needs_sshd": ("sshd", "openssh-server"),
}
"""Marker: the program, and the package that holds it."""
EXTRAS = {"needs_claude": ("claude_agent_sdk", "claude"), "needs_acp": ("acp", "acp")}
"""Marker: the module, and the extra that brings it."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, (program, package) in PACKAGES.items():
        if (
            item.get_closest_marker(marker)
            and shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None
        ):
            pytest.skip(f"not run: {program} is missing; `apt-get install {package}` mends it")
    for marker, (module, extra) in EXTRAS.items():
        if item.get_closest_marker(marker) and importlib.util.find_spec(module) is None:
            pytest.skip(f"not run: {module} is missing; `pip install -e '.[{extra}]'` mends it")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that could not run counts as failed on CI: nobody reads there what was skipped."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and "not run:" in str(report.longrepr):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome, report.longrepr = "failed", reason
    return report
