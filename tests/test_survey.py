"""What `init` finds out about a repository."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from small_repository import Files, SmallRepository

from factory_tui.adapters.first_draft import databases, draft_dna, first_paragraph
from factory_tui.adapters.surroundings import surroundings
from factory_tui.adapters.survey import Survey, proposals, survey
from factory_tui.engine.ports import BaseLine

PLAIN: Files = {
    "README.md": "# Small\n\n[![badge](x)](y)\n\nA small service that adds numbers,\nand nothing else.\n",
    "service.py": "def add(a, b):\n    return a + b\n",
    "main.py": "import service\n",
    "tests/__init__.py": "",
    "tests/test_service.py": "import unittest\n\nfrom service import add\n\n\nclass Adding(unittest.TestCase):\n"
    "    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n",
}


async def look(small: SmallRepository) -> Survey:
    return await survey(
        small.worktrees(),
        small.sandbox(),
        small.evidence(),
        small.base,
        small.root / "survey",
        checkout=str(small.checkout),
        progress=small.progress.append,
    )


def with_environment(small: SmallRepository) -> None:
    """The checkout's own environment: this Python under the usual name."""
    (small.checkout / ".venv" / "bin").mkdir(parents=True)
    (small.checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)


async def test_tests_are_found_run_twice_and_told_red_from_flaky(tmp_path: Path):
    count = tmp_path / "count"
    test = (
        f"import pathlib\nimport unittest\n\n\nclass Old(unittest.TestCase):\n"
        "    def test_red(self):\n        self.fail()\n\n"
        f"    def test_flaky(self):\n        seen = pathlib.Path({str(count)!r})\n        before = seen.exists()\n"
        "        seen.touch()\n        self.assertTrue(before)\n"
    )
    small = SmallRepository(tmp_path / "small", {**PLAIN, "tests/test_old.py": test})
    with_environment(small)
    found = await look(small)
    python = small.checkout / ".venv/bin/python"
    assert found.smoke.command == f"{python} -m unittest discover -s tests -t ."
    assert found.smoke.known_red == ("tests.test_old.Old.test_red",)
    assert found.smoke.known_flaky == ("tests.test_old.Old.test_flaky",)
    assert found.base_line == BaseLine(
        red=found.smoke.known_red, flaky=found.smoke.known_flaky, seconds=found.base_line.seconds
    )
    assert [attempt.works for attempt in found.attempts] == [True]
    assert small.git("status", "--porcelain") == "?? .venv/", "nothing else was written"


async def test_what_was_found_is_a_smoke_command_that_level_2_can_use(tmp_path: Path):
    small = SmallRepository(tmp_path, PLAIN)
    with_environment(small)
    found = await look(small)
    result = await small.inspect(small.checks(found.smoke, found.dependencies), {"README.md": "Other words.\n"})
    assert result.summary == "1 passed, 0 failed, tripwire seen, base's tests green"


async def test_a_command_that_shows_nothing_is_told_with_its_reason_and_the_next_one_tried(tmp_path: Path):
    if not shutil.which("make"):
        pytest.skip("not run: make is missing; `apt-get install make` mends it")
    make = f"test:\n\t{sys.executable} -m unittest -q\n"
    package: Files = {"package.json": '{"scripts": {"test": "echo all fine"}}\n'} if shutil.which("npm") else {}
    small = SmallRepository(
        tmp_path, {**PLAIN, **package, "Makefile": make, "tests/test_service.py": "import missing_thing\n"}
    )
    found = await look(small)
    assert not found.smoke.command
    assert all(not attempt.works and attempt.outcome for attempt in found.attempts)
    assert [attempt.command for attempt in found.attempts][-1] == "make test"


def test_the_copy_comes_before_what_is_installed():
    """# An editable install in the user's environment would otherwise test the checkout instead of the candidate."""
    found = proposals(("src/app.py", "tests/test_app.py"), {"tests/test_app.py": "import pytest\n"}, "", 60)
    assert found[0].smoke.environment == {"PYTHONPATH": "src"}


@pytest.mark.parametrize(
    ("files", "commands"),
    [
        ({"package.json": '{"scripts": {"test": "jest"}}'}, ["npm test"]),
        ({"package.json": "{}", "test/a.js": 'require("node:test")'}, ["node --test"]),
        ({"package.json": "not json"}, []),
        ({"Cargo.toml": "[package]"}, ["cargo test --offline"]),
        ({"Makefile": "test: all\n\ttrue\n"}, ["make test"]),
        ({"notes.txt": "nothing"}, []),
    ],
)
def test_runners_are_recognised(files: dict[str, str], commands: list[str]):
    for command in commands:
        if not shutil.which(command.split()[0]):
            pytest.skip(f"not run: {command.split()[0]} is missing; install it to run this")
    assert [found.smoke.command for found in proposals(tuple(files), files, "", 60)] == commands


class TestDraft:
    def test_every_line_names_where_it_comes_from(self):
        texts = {"README.md": str(PLAIN["README.md"]), "pyproject.toml": '[project.scripts]\nsmall = "main:run"\n'}
        text = draft_dna("small", ("README.md", "main.py", "service.py", "pyproject.toml"), texts, "make test")
        assert "A small service that adds numbers, and nothing else. (draft, from README.md; confirm)" in text
        assert "- `small = main:run` (draft, from pyproject.toml; confirm)" in text
        assert "- python: 2 files (draft, counted; confirm)" in text
        assert "production_db" not in text
        claims = [line for line in text.splitlines() if line.startswith("- ")]
        assert all("(draft" in line or "(to be written)" in line for line in claims)

    def test_an_empty_repository_is_told_nothing(self):
        text = draft_dna("small", (), {}, "")
        assert [line for line in text.splitlines() if line.startswith("#")] == ["# DNA of small", "## Decisions"]

    def test_a_database_is_named_only_where_deployment_files_name_one(self):
        compose = {"compose.yml": "services:\n  db:\n    image: postgres:16\n"}
        assert databases(compose) == [("postgresql", "compose.yml line 3")]
        assert "production_db: postgresql  # draft, from compose.yml line 3" in draft_dna("x", (), compose, "")
        assert databases({"README.md": "we like postgres://"}) == []
        two = {"compose.yml": "image: postgres\nimage: mysql\n"}
        assert "production_db" not in draft_dna("x", (), two, "")

    def test_headings_badges_and_tables_are_no_description(self):
        text = "Title\n=====\n\n<p>markup</p>\n\n| a | b |\n\n- a list of things that is long enough\n"
        assert first_paragraph({"README.md": text}) is None


def test_files_of_other_agents_are_kept_off_or_conflicting():
    files = {
        "CLAUDE.md": b"# Notes\nUse tabs. Never push to main, and do not skip the tests.\n",
        "AGENTS.md": b"# Rules\nWhen in a hurry commit with --no-verify.\n",
        ".claude/skills/deploy/SKILL.md": b"deploy",
        ".mcp.json": b'{"mcpServers": {"github": {}, "browser": {}}}',
        ".cursor/mcp.json": b"{",
        ".claude/settings.json": b'{"hooks": {"Stop": []}, "permissions": {"allow": ["Bash(*)", "Bash(ls:*)"]}}',
        "src/app.py": b"",
    }
    told = [(found.path, found.line, found.name, found.treatment) for found in surroundings(files)]
    assert told == [
        (".claude/settings.json", 0, "hook Stop", "off"),
        (".claude/settings.json", 0, "allow Bash(*)", "conflicting"),
        (".claude/settings.json", 0, "allow Bash(ls:*)", "off"),
        (".claude/skills/deploy/SKILL.md", 0, "deploy", "off"),
        (".cursor/mcp.json", 0, ".cursor/mcp.json", "off"),
        (".mcp.json", 0, "github", "off"),
        (".mcp.json", 0, "browser", "off"),
        ("AGENTS.md", 2, "When in a hurry commit with --no-verify.", "conflicting"),
        ("CLAUDE.md", 0, "CLAUDE.md", "kept"),
    ]
    assert all(found.reason for found in surroundings(files))
