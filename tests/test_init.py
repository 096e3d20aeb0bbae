"""`factory init`: what it finds, what it writes, and what it leaves alone."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

from commands import Desk, desk, git, write

from factory_tui.adapters.keys import make_keys


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }


RED = (
    "import unittest\nimport adder\n\n\nclass Known(unittest.TestCase):\n"
    "    def test_red(self):\n        self.assertEqual(adder.add(1, 1), 3)\n"
)


def test_one_commit_holds_exactly_the_new_files_and_nothing_of_yours_is_touched(tmp_path: Path) -> None:
    table = desk(tmp_path, {"CLAUDE.md": "Always use tabs.\n", "notes.txt": "1\n"})
    write(table.root, {"notes.txt": "staged\n", "README.md": "# dirty\n", "untracked.txt": "u\n"})
    git(table.root, "add", "notes.txt")
    write(table.root, {"notes.txt": "staged, then changed\n"})
    before, staged = snapshot(table.root), git(table.root, "diff", "--cached")
    parent = git(table.root, "rev-parse", "HEAD")

    told = table.factory("init", "--yes", "--json", code=0).json

    assert git(table.root, "rev-parse", "HEAD") == told["commit"]
    assert git(table.root, "rev-parse", "HEAD~1") == parent
    changed = git(table.root, "diff", "--name-status", "HEAD~1", "HEAD").splitlines()
    assert sorted(changed) == sorted(f"A\t.factory/{name}" for name in told["written"])
    assert git(table.root, "log", "-1", "--format=%an <%ae>") == "Ann <ann@example.invalid>"
    after = snapshot(table.root)
    assert {path: data for path, data in after.items() if not path.startswith(".factory/")} == before
    assert git(table.root, "diff", "--cached") == staged
    assert git(table.root, "status", "--porcelain").splitlines() == [" M README.md", "MM notes.txt", "?? untracked.txt"]
    assert told["smoke"]["command"].endswith("-m unittest")
    assert [(one["path"], one["treatment"]) for one in told["surroundings"]] == [("CLAUDE.md", "kept")]
    assert table.factory("check", "--json", code=0).json["valid"]


def test_keys_are_made_for_each_role_and_only_their_public_halves_leave_the_state_place(tmp_path: Path) -> None:
    table = desk(tmp_path)
    table.factory("init", "--yes", "--no-survey", code=0)
    signers = (table.root / ".factory" / "trust" / "allowed_signers").read_text()
    private = {path.name: path for path in (table.state_place / "keys").iterdir() if path.suffix != ".pub"}
    assert {"builder", "quality", "ceo", "devops"} <= set(private)
    assert all(path.stat().st_mode & 0o077 == 0 for path in private.values())
    assert "PRIVATE" not in signers
    message = tmp_path / "message"
    message.write_text("a verdict")

    def signed_as(role: str, namespace: str) -> int:
        (tmp_path / "message.sig").unlink(missing_ok=True)
        key = str(private[role])
        subprocess.run(
            ["ssh-keygen", "-Y", "sign", "-f", key, "-n", namespace, str(message)], check=True, capture_output=True
        )
        words = ["-f", str(table.root / ".factory/trust/allowed_signers"), "-I", f"{role}@factory.invalid"]
        with message.open() as text:
            return subprocess.run(
                ["ssh-keygen", "-Y", "verify", *words, "-n", namespace, "-s", f"{message}.sig"],
                stdin=text,
                capture_output=True,
                check=False,
            ).returncode

    assert signed_as("builder", "factory.change") == 0
    assert signed_as("builder", "factory.report") != 0


def test_keys_that_are_there_are_kept(tmp_path: Path) -> None:
    class Card:
        id, delivers, judges = "builder", "change", False

    first = make_keys(str(tmp_path), [Card()])  # type: ignore[list-item]
    assert make_keys(str(tmp_path), [Card()]) == first  # type: ignore[list-item]


def test_red_tests_of_the_base_are_known_from_the_start(tmp_path: Path) -> None:
    table = desk(tmp_path, {"test_known.py": RED})
    told = table.factory("init", "--json", code=0).json
    assert told["commit"] == ""
    assert told["commands"]
    assert [test.rpartition(".")[2] for test in told["known_red"]] == ["test_red"]
    settings = tomllib.loads((table.root / ".factory" / "factory.toml").read_text())
    assert settings["smoke"]["known_red"] == told["known_red"]
    assert git(table.root, "log", "--oneline").count("\n") == 0


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    table = desk(tmp_path)
    dna = table.root / ".factory" / "memory" / "DNA.md"
    dna.parent.mkdir(parents=True)
    dna.write_text("---\nstack: {}\n---\n# Ours\n")
    told = table.factory("init", "--no-survey", "--json", code=0).json
    assert told["there_before"] == ["memory/DNA.md"]
    assert dna.read_text().endswith("# Ours\n")
    before = snapshot(table.root)
    assert "has a home already" in table.factory("init", code=1).err
    assert snapshot(table.root) == before


def test_a_link_in_the_place_of_the_home_leads_nowhere(tmp_path: Path) -> None:
    table = desk(tmp_path)
    victim = tmp_path / "elsewhere"
    victim.mkdir()
    (table.root / ".factory").symlink_to(victim)
    assert table.factory("init", "--no-survey").code != 0
    assert list(victim.iterdir()) == []


def test_a_home_outside_leaves_the_repository_without_a_trace(tmp_path: Path) -> None:
    table = desk(tmp_path)
    before = snapshot(table.root)
    told = table.factory("init", "--outside", str(tmp_path / "home"), "--yes", "--json", code=0).json
    assert snapshot(table.root) == before
    assert git(table.root, "status", "--porcelain") == ""
    assert told["home"] == str(tmp_path / "home")
    assert table.factory("check", "--json", code=0).json["home"] == str(tmp_path / "home")


def test_a_home_outside_must_not_lie_inside(tmp_path: Path) -> None:
    assert "inside the repository" in desk(tmp_path).factory("init", "--outside", "home", code=2).err


def test_a_clone_asks_and_gets_an_id_of_its_own(tmp_path: Path) -> None:
    table = desk(tmp_path)
    table.factory("init", "--yes", "--no-survey", code=0)
    git(tmp_path, "clone", "-q", str(table.root), str(tmp_path / "clone"))
    clone = Desk(root=tmp_path / "clone", place=tmp_path)
    refused = clone.factory("run", "--task", "x", "--to", "builder", "--headless", code=1)
    assert "--new-id" in refused.err
    own = clone.factory("init", "--new-id", "--json", code=0).json["repo_id"]
    assert own not in (table.root / ".factory" / "factory.toml").read_text()
    assert own in (clone.root / ".factory" / "factory.toml").read_text()


def test_a_repository_without_tests_gets_a_home_that_says_so(tmp_path: Path) -> None:
    from real_git import repository

    root = repository(tmp_path, {"README.md": "# Words\n"})
    table = Desk(root=root, place=tmp_path)
    told = table.factory("init", code=0)
    assert "no smoke command" in told.err
    assert "git commit" in told.out
    assert table.factory("init", "--nonsense").code == 2
