"""One builder's task on any clone, by the installed commands alone, from `init` to the landed commit.

    python tests/any_clone.py CLONE [--smoke COMMAND] [--prepare COMMAND --prepared DIR]
                                    [--runner NAME] [--toolchain DIR]
                                    [--file PATH --line TEXT]

CLONE is left alone: a copy of it is worked on, in a new temporary directory, with a dirty and an untracked file that
must be byte for byte the same until the landing, as must the branch and the index. A person fills the builder's seat
(this script makes their edit), a rehearsal reviews by running the smoke command. Exit 0 when all of it held.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REVIEW = """\
turns:
  - role: quality
    steps:
      - act: {{kind: run, command: {command}}}
      - if: {{exit_code: 0}}
        then:
          - act:
              kind: report
              text: The smoke command is green on this commit.
              checked: ["the whole smoke command, run on this commit"]
        else:
          - act:
              kind: report
              text: The smoke command is red on this commit.
              checked: ["the whole smoke command, run on this commit"]
              findings: [{{title: The smoke command is red, quote: true}}]
"""


class Clone:
    """A copy of the clone, and what `factory` says there."""

    def __init__(self, source: Path, place: Path) -> None:
        self.root = place / source.name
        self.place = place
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "XDG_STATE_HOME": str(place / "state"),
            "XDG_CONFIG_HOME": str(place / "config"),
            "GIT_AUTHOR_NAME": "A user",
            "GIT_AUTHOR_EMAIL": "user@example.invalid",
            "GIT_COMMITTER_NAME": "A user",
            "GIT_COMMITTER_EMAIL": "user@example.invalid",
        }
        self.run(["git", "clone", "-q", "--no-hardlinks", str(source), str(self.root)], cwd=place)

    def run(self, argv: list[str], codes: tuple[int, ...] = (0,), cwd: Path | None = None) -> str:
        began = time.monotonic()
        done = subprocess.run(
            argv,
            cwd=cwd or self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if argv[0] == "factory":
            print(f"  {' '.join(argv)[:110]}  -> {done.returncode}, {time.monotonic() - began:.1f} s", flush=True)
        if done.returncode not in codes:
            raise SystemExit(f"{argv} ended with {done.returncode}, not {codes}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def factory(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        return self.run(["factory", *words], codes)

    def git(self, *words: str) -> str:
        return self.run(["git", *words]).strip()

    def waiting(self) -> list[dict[str, str]]:
        return json.loads(self.factory("inbox", "--json"))["waiting"]

    def read_digest(self) -> None:
        for item in self.waiting():
            if item["kind"] == "digest":
                self.factory("ack", item["id"])

    def untouched(self) -> str:
        """Branch, index, and every byte that is not committed."""
        told = hashlib.sha256()
        told.update(self.git("rev-parse", "HEAD").encode())
        told.update(self.git("symbolic-ref", "HEAD").encode())
        told.update(self.git("ls-files", "-s").encode())
        told.update(self.git("diff").encode())
        for name in self.git("ls-files", "-o", "--exclude-standard").splitlines():
            told.update(name.encode() + b"\0" + (self.root / name).read_bytes())
        return told.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("clone", type=Path)
    parser.add_argument("--smoke", default="", help="instead of what `init` finds")
    parser.add_argument("--prepare", default="")
    parser.add_argument("--prepared", default="")
    parser.add_argument("--toolchain", default="", help="a directory outside that commands may read")
    parser.add_argument("--runner", default="")
    parser.add_argument("--file", default="", help="what the builder changes; default: the first README")
    parser.add_argument("--line", default="A line that the builder added.")
    parser.add_argument("--keep", action="store_true", help="leave the copy")
    wish = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="any-clone-", delete=not wish.keep)
        if sys.version_info
        >= (
            3,
            12,
        )
        else tempfile.TemporaryDirectory(prefix="any-clone-") as place
    ):
        play(wish, Path(place))


def play(wish: argparse.Namespace, place: Path) -> None:
    clone = Clone(wish.clone.resolve(), place)
    files = clone.git("ls-files").splitlines()
    target = wish.file or next(name for name in files if name.lower().startswith("readme"))
    dirty = next(name for name in files if name != target and (clone.root / name).suffix in (".md", ".txt", ".toml"))
    print(f"{clone.root.name}: {len(files)} files, at {clone.git('rev-parse', '--short', 'HEAD')}", flush=True)
    clone.factory("init", "--no-commit", *(["--no-survey"] if wish.smoke else []))
    smoke = settle_home(clone, wish)
    clone.git("add", ".factory")
    clone.git("commit", "-q", "-m", "Add a home for the factory")
    clone.factory("check")
    (clone.root / dirty).write_text((clone.root / dirty).read_text() + "\nwork in progress\n")
    (clone.root / "untracked.txt").write_text("mine\n")
    before = clone.untouched()

    script = place / "review.yaml"
    script.write_text(REVIEW.format(command=json.dumps(smoke)))
    seats = ["--script", str(script), "--seat", "builder=human", "--seat", "quality=rehearsal", "--mode", "flow"]
    clone.factory(
        "run", "--task", f"Say one more thing in {target}", "--to", "builder", "--headless", *seats, codes=(4,)
    )
    assert clone.untouched() == before, "a turn touched the user's checkout"
    worktree = place / "state" / "factory"
    tree = next(worktree.glob("*/worktrees/open/T-1*"))
    (tree / target).write_text((tree / target).read_text() + f"\n{wish.line}\n")
    clone.read_digest()
    clone.factory("handover", "T-1", "--message", f"Say one more thing in {target}", codes=(4,))
    clone.read_digest()
    clone.factory("resume", "--headless", *seats, codes=(4,))
    assert clone.untouched() == before, "level 2 or the review touched the user's checkout"
    waits = clone.waiting()
    change = [item for item in waits if item["kind"] == "change"]
    if not change:
        raise SystemExit(f"no change waits for approval, but: {waits}\n{clone.factory('digest')}")
    assert wish.line in clone.factory("inbox", "T-1")
    clone.read_digest()
    clone.factory("answer", "T-1", "approve", "--sha", change[0]["sha256"])
    assert clone.untouched() == before, "an approval alone touched the user's checkout"
    clone.factory("resume", "--headless", *seats)
    branch = json.loads(clone.factory("status", "--json"))["mission"]["target"]
    assert wish.line in clone.git("show", f"{branch}:{target}"), "the landed commit does not hold the change"
    assert clone.untouched() == before, "landing on its own branch touched the user's checkout"
    assert re.search(r"T-1 landed", clone.factory("digest"))
    clone.factory("verify")
    print(f"{clone.root.name}: held. {branch} at {clone.git('rev-parse', '--short', branch)}", flush=True)


def settle_home(clone: Clone, wish: argparse.Namespace) -> str:
    """The settings that a supervisor of this repository would write; returns the smoke command."""
    path = clone.root / ".factory" / "factory.toml"
    text = path.read_text()
    if wish.smoke:
        text = re.sub(r"^command = .*$", f"command = {json.dumps(wish.smoke)}", text, count=1, flags=re.MULTILINE)
    if wish.runner:
        text = re.sub(r"^runner = .*$", f'runner = "{wish.runner}"', text, count=1, flags=re.MULTILINE)
    if wish.prepare:
        text = re.sub(r"^prepare = .*$", f"prepare = {json.dumps(wish.prepare)}", text, count=1, flags=re.MULTILINE)
        text = re.sub(r"^prepared = .*$", f'prepared = ["{wish.prepared}"]', text, count=1, flags=re.MULTILINE)
        text = re.sub(r"^network = .*$", "network = true", text, count=1, flags=re.MULTILINE)
    if wish.toolchain:
        text = re.sub(r"^toolchains = .*$", f'toolchains = ["{wish.toolchain}"]', text, count=1, flags=re.MULTILINE)
    path.write_text(text)
    found = re.search(r"^command = (.*)$", text, re.MULTILINE)
    return str(json.loads(found.group(1))) if found else ""


if __name__ == "__main__":
    main()
