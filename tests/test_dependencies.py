"""Prepared directories, toolchains, services and hooks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from small_repository import Files, SmallRepository

from factory_tui.adapters.dependencies import PreparedStores, changed_lock_files, toolchain_environment
from factory_tui.domain.errors import WorldError
from factory_tui.domain.gate import Dependencies, Service, Smoke
from factory_tui.domain.terms import Change, FileChange, Line, Verdict

TEST = """\
import pathlib
import unittest


class Deps(unittest.TestCase):
    def test_deps(self):
        self.assertEqual(pathlib.Path("deps/lib.txt").read_text(), "one\\n")
"""
PREPARE = (
    'mkdir -p deps/bin && cp lock.txt deps/lib.txt && echo "here $PWD" > deps/bin/script && chmod +x deps/bin/script'
    ' && ln -s lib.txt deps/link && echo x >> "$PREPARED_COUNT"'
)
BASE: Files = {"lock.txt": "one\n", "tests/__init__.py": "", "tests/test_deps.py": TEST}
RUN = f"{sys.executable} -m unittest -q"


def dependencies(root: Path, **more: object) -> Dependencies:
    count = f"PREPARED_COUNT={root}/count"
    settings: dict[str, object] = {
        "prepare": f"{count}; {PREPARE}",
        "lock_files": ("lock.txt",),
        "prepared": ("deps",),
        **more,
    }
    return Dependencies(**settings)  # type: ignore[arg-type]


@pytest.fixture
def small(tmp_path: Path) -> SmallRepository:
    return SmallRepository(tmp_path, BASE)


def stores(small: SmallRepository, settings: Dependencies) -> PreparedStores:
    return PreparedStores(small.worktrees(), small.sandbox(), settings, small.root / "prepared")


async def test_prepare_runs_once_per_lock_file_and_every_run_gets_its_result(small: SmallRepository):
    checks = small.checks(Smoke(command=RUN), dependencies(small.root))
    for words in ("One.\n", "Two.\n"):
        result = await small.inspect(checks, {"README.md": words})
        assert (result.verdict, result.passed) == (Verdict.PASS, 1), result
    assert (small.root / "count").read_text() == "x\n"
    assert small.left_behind() == []


async def test_files_that_name_the_place_of_preparing_name_the_copy_instead(small: SmallRepository, tmp_path: Path):
    kept = stores(small, dependencies(tmp_path))
    key = await kept.ready(small.base)
    copy = tmp_path / "copy"
    copy.mkdir()
    kept.give(key, str(copy))
    assert (copy / "deps/bin/script").read_text() == f"here {copy}\n"
    assert os.access(copy / "deps/bin/script", os.X_OK)
    assert (copy / "deps/link").readlink() == Path("lib.txt")
    assert kept.written_to(key) == ""


async def test_a_changed_lock_file_of_the_base_is_another_store(tmp_path: Path):
    settings = dependencies(tmp_path)
    keys = set()
    for number, lock in enumerate(("one\n", "two\n", "one\n")):
        small = SmallRepository(tmp_path / str(number), {**BASE, "lock.txt": lock})
        keys.add(await stores(small, settings).key(small.base))
    assert len(keys) == 2


async def test_a_run_that_writes_into_the_prepared_store_is_broken_and_the_store_made_again(small: SmallRepository):
    write = (
        "import os, unittest\n\n\nclass Write(unittest.TestCase):\n    def test_write(self):\n"
        "        os.chmod('deps/lib.txt', 0o644)\n        open('deps/lib.txt', 'r+').write('bad')\n"
    )
    checks = small.checks(Smoke(command=RUN), dependencies(small.root))
    result = await small.inspect(checks, {"tests/test_write.py": write})
    assert result.verdict is Verdict.BROKEN
    assert "a run wrote into the prepared dependencies: deps/lib.txt" in [found.title for found in result.findings]
    result = await small.inspect(checks, {"README.md": "Other words.\n"})
    assert result.verdict is Verdict.PASS
    assert (small.root / "count").read_text() == "x\nx\n"


async def test_a_failing_prepare_is_broken_with_its_output(small: SmallRepository):
    settings = Dependencies(prepare="echo no such package; exit 5", prepared=("deps",))
    result = await small.inspect(small.checks(Smoke(command=RUN), settings), {})
    assert result.verdict is Verdict.BROKEN
    assert "exit code 5" in result.summary
    assert "no such package" in result.findings[0].detail


async def test_a_prepare_that_makes_nothing_says_which_directory_is_missing(small: SmallRepository):
    with pytest.raises(WorldError, match="made no deps"):
        await stores(small, Dependencies(prepare="true", prepared=("deps",))).ready(small.base)


def test_a_changed_lock_file_of_the_candidate_is_a_finding():
    line = Line(number=4, text="new")
    change = Change(files=(FileChange(path="lock.txt", added=(line,)), FileChange(path="app.py", added=(line,))))
    found = changed_lock_files(change, Dependencies(prepare="make deps", lock_files=("lock.txt",)))
    assert [(finding.path, finding.line, finding.must_answer) for finding in found] == [("lock.txt", 4, True)]


def test_toolchains_below_home_are_told_where_they_are():
    home = Path.home()
    found = toolchain_environment(Dependencies(toolchains=("~/.rustup", "~/.cargo", "/opt/other")))
    assert found == {"RUSTUP_HOME": str(home / ".rustup"), "CARGO_HOME": str(home / ".cargo")}


class TestServices:
    SERVER = (
        "import os\nfrom http.server import HTTPServer, SimpleHTTPRequestHandler\n"
        "server = HTTPServer(('127.0.0.1', 0), SimpleHTTPRequestHandler)\n"
        "with open(os.environ['SERVICE_PIDS'], 'a') as told:\n    told.write(f'{os.getpid()}\\n')\n"
        "open('port.part', 'w').write(str(server.server_port))\nos.rename('port.part', 'port')\n"
        "server.serve_forever()\n"
    )
    TEST = (
        "import unittest, urllib.request\n\n\nclass Served(unittest.TestCase):\n    def test_served(self):\n"
        "        port = open('port').read()\n"
        "        with urllib.request.urlopen(f'http://127.0.0.1:{port}/server.py', timeout=60) as answer:\n"
        "            self.assertEqual(answer.status, 200)\n"
    )

    async def test_services_run_during_a_run_and_are_dead_after_it(self, tmp_path: Path):
        small = SmallRepository(
            tmp_path, {"server.py": self.SERVER, "tests/__init__.py": "", "tests/test_s.py": self.TEST}
        )
        server = Service(name="web", command=f"exec {sys.executable} server.py", ready="test -s port", seconds=20)
        pids = tmp_path / "pids"
        smoke = Smoke(command=RUN, environment={"SERVICE_PIDS": str(pids)})
        result = await small.inspect(small.checks(smoke, Dependencies(services=(server,))), {"README.md": "x\n"})
        assert (result.verdict, result.passed) == (Verdict.PASS, 1), result
        started = pids.read_text().split()
        assert len(started) >= 3, "one for each run"
        assert not [pid for pid in started if Path(f"/proc/{pid}").exists()]

    async def test_a_service_that_does_not_get_ready_is_broken_and_named(self, small: SmallRepository):
        dead = Service(name="database", command="echo no disk; exit 1", ready="false", seconds=0.2)
        result = await small.inspect(small.checks(Smoke(command=RUN), Dependencies(services=(dead,))), {})
        assert result.verdict is Verdict.BROKEN
        assert result.summary == "the service `database` did not get ready"


class TestHooks:
    """A stand-in for the `pre-commit` program: the real one fetches its hooks from a network."""

    PROGRAM = (
        "#!/bin/sh\nshift 5\ngit rev-parse -q --verify HEAD >/dev/null || exit 3\n"
        "if grep -l offline .pre-commit-config.yaml >/dev/null; then"
        " echo 'An unexpected error has occurred: CalledProcessError'; exit 3; fi\n"
        "shift\nif grep -n 'trailing ' \"$@\"; then echo 'spaces....Failed'; exit 1; fi\necho 'spaces....Passed'\n"
    )

    def with_hooks(self, root: Path, configuration: str) -> tuple[SmallRepository, Smoke]:
        test = TEST.replace("deps/lib", "lock")
        files: Files = {**BASE, "tests/test_deps.py": test, ".pre-commit-config.yaml": configuration}
        return SmallRepository(root, files), Smoke(command=RUN)

    def program(self, root: Path) -> dict[str, str]:
        (root / "bin").mkdir()
        (root / "bin" / "pre-commit").write_text(self.PROGRAM)
        (root / "bin" / "pre-commit").chmod(0o755)
        return {"PATH": f"{root}/bin:{os.environ['PATH']}"}

    async def test_base_hooks_check_the_changed_files(self, tmp_path: Path):
        small, smoke = self.with_hooks(tmp_path / "r", "repos: []\n")
        smoke = Smoke(command=smoke.command, environment=self.program(tmp_path))
        result = await small.inspect(small.checks(smoke), {"good.txt": "text\n"})
        assert result.verdict is Verdict.PASS
        assert result.summary.endswith("pre-commit hooks passed")
        result = await small.inspect(
            small.checks(smoke), {"bad.txt": "trailing \n", ".pre-commit-config.yaml": "repos: [] # offline\n"}
        )
        assert result.verdict is Verdict.FAIL
        assert "bad.txt:1" in result.findings[-1].detail or "1:trailing" in result.findings[-1].detail

    async def test_hooks_that_cannot_be_fetched_are_not_run_and_say_so(self, tmp_path: Path):
        small, smoke = self.with_hooks(tmp_path / "r", "repos: [offline]\n")
        smoke = Smoke(command=smoke.command, environment=self.program(tmp_path))
        result = await small.inspect(small.checks(smoke), {"good.txt": "text\n"})
        assert "pre-commit hooks not run: An unexpected error has occurred" in result.summary

    async def test_a_missing_hook_program_is_not_run_and_says_so(self, tmp_path: Path):
        small, smoke = self.with_hooks(tmp_path / "r", "repos: []\n")
        smoke = Smoke(command=smoke.command, environment={"PATH": "/usr/bin:/bin"})
        result = await small.inspect(small.checks(smoke), {"good.txt": "text\n"})
        assert result.summary.endswith("pre-commit hooks not run: `pre-commit` is not installed")
