"""A real factory killed at named steps, and started again until its mission is over: nothing is lost, nothing twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from crew import Crew, git, make_crew
from heart import state_bytes

from factory_tui.adapters.ledger import Ledger
from factory_tui.bootstrap.grounds import codec, find_ground
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import fold

CHILD = Path(__file__).parent / "engine_child.py"
KILLED = -9
ONTO_BASE = (
    'repo_id = "{repo_id}"\n[smoke]\ncommand = "python3 -m unittest -v"\n[pace]\nmode = "flow"\n'
    '[seats]\ndefault = "mind"\n[landing]\nonto = "base"\n'
)


class Lives:
    """One repository, and the factories that lived on it one after the other."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.acknowledged: dict[int, str] = {}
        self.killed = 0
        (crew.root / "README.md").write_text("# Adder, as I am just writing it\n")
        (crew.root / "notes.txt").write_bytes(b"mine\r\n\xff")
        (crew.root / "staged.txt").write_text("staged\n")
        git(crew.root, "add", "staged.txt")
        self.own = self.of_the_user()

    def of_the_user(self) -> dict[str, bytes]:
        """Every byte that is the user's: files, index, and where their branch stands."""
        root = self.crew.root
        files = {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}
        places = {"index": root / ".git/index", "HEAD": root / ".git/HEAD"}
        there = {name: path.read_bytes() for name, path in places.items()}
        return {**files, **there, "main": git(root, "rev-parse", "main").encode()}

    def live(self, where: str) -> int:
        """One life, until its end."""
        command = [sys.executable, str(CHILD), str(self.crew.root), str(self.crew.state_home), where]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        lines = [line.split(" ", 1) for line in done.stdout.splitlines() if line[:1].isdigit()]
        for seq, tag in lines:
            assert self.acknowledged.setdefault(int(seq), tag) == tag, "an acknowledged entry was written over"
        assert done.returncode in (0, KILLED), done.stderr
        self.killed += done.returncode == KILLED
        return done.returncode

    def entries(self) -> Sequence[Entry]:
        view = Ledger.read(find_ground(str(self.crew.root), self.crew.environment).place.ledger, codec=codec())
        assert view.damage is None
        for seq, tag in self.acknowledged.items():
            assert type(view.entries[seq - 1].event).__struct_config__.tag == tag, "an acknowledged entry is lost"
        return view.entries


def all_is_well(lives: Lives, target: str) -> None:
    """After the last life: everything once, every crashed session told."""
    entries = lives.entries()
    kinds = Counter(type(entry.event) for entry in entries)
    assert kinds[e.Landed] == 1
    assert kinds[e.MissionEnded] == 1
    sessions = [entry.event.session for entry in entries if isinstance(entry.event, e.SessionStarted)]
    written = [entry.event.session for entry in entries if isinstance(entry.event, e.DigestWritten)]
    assert sorted(written) == sessions, "each session has its digest, once"
    assert len(sessions) <= lives.killed + 1, "a life that died before its first entry was safe left none"
    for entry in entries:
        if isinstance(entry.event, e.DigestWritten):
            text = (lives.crew.root / ".factory" / entry.event.path).read_text()
            assert text.startswith(f"# Digest of session {entry.event.session}")
    assert state_bytes(fold(entries)) == state_bytes(fold(entries))
    turns = Counter(entry.event.turn for entry in entries if isinstance(entry.event, e.TurnEnded))
    assert set(turns.values()) == {1}
    assert kinds[e.TurnStarted] == len(turns)
    landed = next(entry.event for entry in entries if isinstance(entry.event, e.Landed))
    assert git(lives.crew.root, "rev-parse", target) == landed.new
    assert git(lives.crew.root, "rev-list", "--count", f"{landed.old or 'main'}..{target}") == "1"
    assert "def sub" in git(lives.crew.root, "show", f"{target}:adder.py")


def test_a_factory_killed_at_each_step_of_a_change_lands_it_once(tmp_path: Path) -> None:
    """The default: it lands on a branch of its own, and not a byte of the user's moves at any time."""
    lives = Lives(make_crew(tmp_path, {}))
    for where in (
        "session.started",
        "brief.sealed",
        "durable:turn.started",
        "durable:tree.imported",
        "committed",
        "durable:handed.over",
        "change.approved",
        "before:land",
        "after:land",
        "durable:landed",
    ):
        assert lives.live(where) == KILLED, where
        assert lives.of_the_user() == lives.own, where
        lives.entries()
    assert lives.live("-") == 0
    all_is_well(lives, "refs/heads/factory/T-1")
    assert lives.of_the_user() == lives.own


def test_a_factory_killed_again_and_again_as_it_writes_gets_there(tmp_path: Path) -> None:
    lives = Lives(make_crew(tmp_path, {}))
    for entries in (1, 5, 12, 19, 27):
        if lives.live(f"+{entries}") == 0:
            break
        assert lives.of_the_user() == lives.own
    while lives.live("-") != 0:
        assert lives.killed < 12
    assert lives.killed >= 3
    all_is_well(lives, "refs/heads/factory/T-1")


@pytest.mark.parametrize("where", ["before:land", "after:land"])
def test_a_landing_on_the_users_branch_that_was_cut_off_ends_as_one_landing(tmp_path: Path, where: str) -> None:
    """Until the branch moves nothing of theirs does; with it only the files of the change, never the dirty ones."""
    lives = Lives(make_crew(tmp_path, {}, settings=ONTO_BASE))
    assert lives.live(where) == KILLED
    if where == "before:land":
        assert lives.of_the_user() == lives.own
    assert lives.live("-") == 0
    all_is_well(lives, "refs/heads/main")
    now = lives.of_the_user()
    moved = {name for name in {*now, *lives.own} if now.get(name) != lives.own.get(name)}
    assert moved <= {"main", "adder.py", "index"}
    assert b"def sub" in now["adder.py"]
    assert git(lives.crew.root, "diff", "--cached", "--name-only") == "staged.txt"
