"""The real command in processes of its own, in a real repository, with a home and a state place below `tmp_path`."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from real_git import CLEAN, git, repository, write

ENDED = 60.0
"""Seconds after which a command that never ends, or says nothing more, fails the test."""
PRODUCT = {
    "adder.py": "def add(a, b):\n    return a + b\n",
    "test_adder.py": (
        "import unittest\nimport adder\n\n\nclass Adding(unittest.TestCase):\n"
        "    def test_add(self):\n        self.assertEqual(adder.add(1, 2), 3)\n"
    ),
    "README.md": "# Adder\n\nAdds two numbers, and says so in one line.\n",
}
SETTINGS = (
    'repo_id = "0123456789abcdef0123456789abcdef"\n[smoke]\ncommand = "python3 -m unittest -v"\n'
    'runner = "unittest"\n[pace]\nmode = "{mode}"\n[seats]\ndefault = "human"\n'
)
DNA = "---\nstack: {language: python}\n---\n# DNA\n\nAdding is what it does.\n"


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Desk:
    """Somebody's terminal in their repository."""

    root: Path
    place: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **CLEAN,
            "HOME": str(self.place),
            "XDG_STATE_HOME": str(self.place / "state"),
            "XDG_CONFIG_HOME": str(self.place / "config"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def factory(self, *words: str, code: int | None = None, **more: str) -> Done:
        """Runs to its end; `code` is what it must exit with."""
        done = subprocess.run(
            [sys.executable, "-m", "factory_tui.cli", *words],
            cwd=self.root,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=ENDED,
        )
        assert "\nTraceback" not in f"\n{done.stderr}", done.stderr
        told = Done(done.returncode, done.stdout, done.stderr)
        assert code is None or told.code == code, (words, told)
        return told

    def read_digest(self) -> None:
        digest = self.factory("status", "--json", code=0).json["digest"]
        self.factory("ack", f"D-{digest['session']}", code=0)

    def waiting(self) -> dict[str, dict[str, Any]]:
        return {item["id"]: item for item in self.factory("inbox", "--json", code=0).json["waiting"]}

    @property
    def state_place(self) -> Path:
        places = [place for place in (self.place / "state" / "factory").iterdir() if place.name != "log"]
        assert len(places) == 1
        return places[0]

    def worktree(self, task: str = "T-1") -> Path:
        return self.state_place / "worktrees" / "open" / task


def desk(tmp_path: Path, files: dict[str, str | bytes] | None = None) -> Desk:
    """A repository without a home."""
    root = repository(tmp_path, {**PRODUCT, **(files or {})})
    git(root, "config", "user.name", "Ann")
    git(root, "config", "user.email", "ann@example.invalid")
    return Desk(root=root, place=tmp_path)


def settled_desk(tmp_path: Path, mode: str = "step", files: dict[str, str | bytes] | None = None) -> Desk:
    """A repository with a committed home; a person fills every seat."""
    home = {".factory/factory.toml": SETTINGS.replace("{mode}", mode), ".factory/memory/DNA.md": DNA}
    return desk(tmp_path, {**home, ".factory/memory/digests/.gitignore": "*\n!.gitignore\n", **(files or {})})


class Running:
    """A factory that runs at a terminal, until it is told to end."""

    def __init__(self, desk: Desk, *words: str) -> None:
        import pty

        self._mine, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "factory_tui.cli", *words],
            cwd=desk.root,
            env=desk.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def until(self, text: str) -> str:
        """Reads until this was shown."""
        while text not in self.shown:
            ready, _, _ = select.select([self._mine], [], [], ENDED)
            try:
                data = os.read(self._mine, 65_536) if ready else b""
            except OSError:
                data = b""
            assert data, f"it ended, or stood still, without saying {text!r}:\n{self.shown}"
            self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return self.shown

    def type(self, line: str) -> None:
        os.write(self._mine, line.encode() + b"\n")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        self.until("digest: ")
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(timeout=ENDED)
        os.close(self._mine)
        return code

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


__all__ = ["git", "write"]
