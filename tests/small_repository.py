"""A real repository in a temporary directory, and level 2 on its trees."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factory_tui.adapters.checks import SmokeChecks
from factory_tui.adapters.evidence import EvidenceFiles
from factory_tui.adapters.processes import PlainSandbox
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.domain.gate import Dependencies, Smoke
from factory_tui.engine.ports import InspectionResult, Sandbox

Files = Mapping[str, str | None]
"""Path to text; None = the file is removed."""

QUIET = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Someone",
    "GIT_AUTHOR_EMAIL": "someone@example.org",
    "GIT_COMMITTER_NAME": "Someone",
    "GIT_COMMITTER_EMAIL": "someone@example.org",
}


def lay(root: Path, files: Files) -> None:
    for name, text in files.items():
        path = root / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if text.startswith("#!") else 0o644)


@dataclass
class SmallRepository:
    """`checkout` holds the base; candidates are trees beside it."""

    root: Path
    base_files: Files
    base: str = ""
    progress: list[str] = field(default_factory=list)
    walled: bool = bool(os.environ.get("FACTORY_TEST_WALL"))

    def __post_init__(self) -> None:
        self.checkout.mkdir(parents=True)
        self.git("init", "-q", "-b", "main", "--template=")
        lay(self.checkout, self.base_files)
        self.git("add", "-Af")
        self.git("commit", "-q", "-m", "Base")
        self.base = self.git("rev-parse", "HEAD")

    @property
    def checkout(self) -> Path:
        return self.root / "checkout"

    def git(self, *words: str, index: str = "") -> str:
        environment = {**os.environ, **QUIET, **({"GIT_INDEX_FILE": index} if index else {})}
        done = subprocess.run(
            ["git", *words], cwd=self.checkout, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def tree(self, files: Files) -> str:
        """The tree of the base with these files changed; neither checkout nor branch moves."""
        index = str(self.root / "candidate.index")
        self.git("read-tree", self.base, index=index)
        for name, text in files.items():
            if text is None:
                self.git("update-index", "--force-remove", name, index=index)
                continue
            scratch = self.root / "scratch"
            scratch.write_text(text)
            blob = self.git("hash-object", "-w", str(scratch))
            mode = "100755" if text.startswith("#!") else "100644"
            self.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{name}", index=index)
        return self.git("write-tree", index=index)

    def worktrees(self) -> GitWorktrees:
        place = self.root / "place"
        place.mkdir(exist_ok=True)
        return GitWorktrees(str(self.checkout), str(place))

    def sandbox(self) -> Sandbox:
        """With `walled` the real wall, which shows the Python of the tests and nothing else of the machine."""
        if self.walled:
            return BwrapSandbox(look_around(find_bwrap(), [sys.prefix, sys.base_prefix]))
        return PlainSandbox(self.root / "runs")

    def evidence(self) -> EvidenceFiles:
        (self.root / "evidence").mkdir(exist_ok=True)
        return EvidenceFiles(str(self.root / "evidence"))

    def checks(self, smoke: Smoke, dependencies: Dependencies = Dependencies(), **settings: int) -> SmokeChecks:  # noqa: B008
        place = self.root / "level2"
        return SmokeChecks(self.worktrees(), self.sandbox(), self.evidence(), smoke, dependencies, place, **settings)

    async def inspect(self, checks: SmokeChecks, files: Files) -> InspectionResult:
        return await checks.inspect(self.tree(files), self.base, self.progress.append)

    def left_behind(self) -> list[str]:
        """Directories that a check should have removed."""
        places = [self.root / "place" / "exports", self.root / "runs", self.root / "level2" / "reports"]
        return [str(entry) for place in places if place.exists() for entry in place.iterdir()]
