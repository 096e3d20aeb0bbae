"""How long reading a worktree into a tree takes, beside git on the same files: `python -m bench.git_bench`.

The baseline starts from an object store that has none of the files; so does our first row, the worst case.
The bound is for what a task does: all files are read and hashed, fifty of them changed.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.rows import Row
from factory_tui.adapters.git import find_repository, open_private
from factory_tui.adapters.importing import scan
from factory_tui.adapters.objects import lay_out

FILES, BYTES = 5_000, 20_000_000
BOUND = 0.5
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@example.invalid",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@example.invalid",
}


def git(where: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=where, env=ENVIRONMENT, capture_output=True, check=True)
    return done.stdout.decode().strip()


def plant(directory: Path, files: int = FILES, size: int = BYTES) -> None:
    """Source-like text: words of a fixed list, the same every time."""
    seeded = random.Random(1)
    words = [bytes(seeded.choices(b"abcdefghijklmnopqrstuvwxyz_", k=seeded.randint(2, 12))) for _ in range(4_000)]
    for number in range(files):
        place = directory / f"package{number % 100}" / f"module{number}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        line = b" ".join(seeded.choices(words, k=size // files // 8)) + b"\n"
        place.write_bytes((line * 2)[: size // files])


def empty_repository(place: Path) -> Path:
    place.mkdir()
    git(place, "init", "-q")
    git(place, "commit", "-q", "--allow-empty", "-m", "empty")
    return place


def seconds(work: Callable[[Path], object], top: Path, rounds: int = 3) -> float:
    """The median; each round has a repository of its own."""
    taken = []
    for number in range(rounds):
        repository = empty_repository(top / f"r{number}")
        started = time.perf_counter()
        work(repository)
        taken.append(time.perf_counter() - started)
        shutil.rmtree(repository)
    return statistics.median(taken)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        source = top / "source"
        plant(source)
        scratch = top / "scratch"
        scratch.mkdir()

        def ours(repository: Path) -> str:
            private = open_private(find_repository(str(repository)), str(top / "private"))
            return scan(private, str(source), git(repository, "rev-parse", "HEAD"), scratch).tree

        def theirs(repository: Path) -> str:
            subprocess.run(
                ["git", "--git-dir", str(repository / ".git"), "--work-tree", str(source), "add", "-A"],
                env=ENVIRONMENT,
                check=True,
            )
            return git(repository, "write-tree")

        trees: list[str] = []
        imported = seconds(lambda repository: trees.append(ours(repository)), top)
        added = seconds(lambda repository: trees.append(theirs(repository)), top)
        assert len(set(trees)) == 1, "both sides must have made the same tree"

        repository = empty_repository(top / "filled")
        private = open_private(find_repository(str(repository)), str(top / "private"))
        tree = ours(repository)
        git(repository, "update-ref", "refs/heads/all", git(repository, "commit-tree", tree, "-m", "all"))
        all_of_it = git(repository, "rev-parse", "all")
        for number in range(50):
            (source / f"package{number}/module{number}.py").write_text("changed\n")
        started = time.perf_counter()
        scan(private, str(source), all_of_it, scratch)
        few = time.perf_counter() - started
        started = time.perf_counter()
        git(repository, "read-tree", tree)
        git(repository, "checkout-index", "-a", f"--prefix={top}/checkout/")
        checked_out = time.perf_counter() - started
        (top / "laid-out").mkdir()
        started = time.perf_counter()
        lay_out(private, tree, top / "laid-out")
        laid_out = time.perf_counter() - started
    what = f"{FILES:,} files, {BYTES // 1_000_000} MB"
    return [
        Row(
            name=f"import {what}, all new",
            value=imported,
            unit="s",
            baseline_name="git add -A && git write-tree",
            baseline_value=added,
        ),
        Row(
            name=f"import {what}, 50 changed",
            value=few,
            unit="s",
            baseline_name="git add -A && git write-tree, all new",
            baseline_value=added,
            bound=BOUND,
        ),
        Row(
            name=f"lay out {what}",
            value=laid_out,
            unit="s",
            baseline_name="git read-tree && git checkout-index",
            baseline_value=checked_out,
        ),
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
