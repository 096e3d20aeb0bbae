"""Programs that some tests need. Where one is missing the test is not run and says how to mend it; on CI it fails."""

from __future__ import annotations

import os
import shutil

import pytest

PACKAGES = {
    "needs_bwrap": ("bwrap", "bubblewrap"),
    "needs_tmux": ("tmux", "tmux"),
    "needs_strace": ("strace", "strace"),
}
"""Marker: the program, and the package that holds it."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, (program, package) in PACKAGES.items():
        if item.get_closest_marker(marker) and shutil.which(program) is None:
            missing = f"not run: {program} is missing; `apt-get install {package}` mends it"
            if os.environ.get("CI") == "true":
                pytest.fail(missing, pytrace=False)
            pytest.skip(missing)
