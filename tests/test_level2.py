"""Level 2 against every way to a green run on broken code, and against honest changes."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from small_repository import Files, SmallRepository, lay

from factory_tui.adapters.smoke import PROBES
from factory_tui.domain.gate import Dependencies, Smoke
from factory_tui.domain.terms import Finding, Verdict
from factory_tui.engine.ports import Checks, InspectionResult

TESTS = """\
import sys

sys.path.insert(0, 'src')
from app import add


def test_add():
    assert add(1, 2) == 3


def test_zero():
    assert add(0, 0) == 0
"""
RUN = f'exec "{sys.executable}" -m pytest -q tests\n'
GOOD: Files = {
    "src/app.py": "def add(a, b):\n    return a + b\n",
    "tests/test_app.py": TESTS,
    "smoke.sh": RUN,
    "README.md": "A small thing.\n",
}
BROKEN: Files = {"src/app.py": "def add(a, b):\n    return a - b\n"}
BARE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
SMOKE = Smoke(command="sh smoke.sh", seconds=60, environment=BARE)


def with_hook(hook: str, body: str) -> str:
    return f"import pytest\n\n\n@pytest.hookimpl({hook})\n{body}"


FORGERIES: dict[str, Files] = {
    "honest broken code": {},
    "smoke script exits 0": {"smoke.sh": "exit 0\n"},
    "smoke script ignores the result": {"smoke.sh": RUN.removeprefix("exec ") + "true\n"},
    "smoke script writes a report by hand": {
        "smoke.sh": "cat > report.xml <<'E'\n<testsuites><testsuite tests='2'>"
        "<testcase classname='tests.test_app' name='test_add'/><testcase classname='tests.test_app' name='test_zero'/>"
        "</testsuite></testsuites>\nE\n"
    },
    "failing test deleted": {"tests/test_app.py": TESTS.replace("def test_add():\n    assert add(1, 2) == 3\n", "")},
    "failing test skipped": {
        "tests/test_app.py": TESTS.replace("def test_add", "import pytest\n\n\n@pytest.mark.skip\ndef test_add")
    },
    "failing test expected to fail": {
        "tests/test_app.py": TESTS.replace("def test_add", "import pytest\n\n\n@pytest.mark.xfail\ndef test_add")
    },
    "failing test emptied": {"tests/test_app.py": TESTS.replace("assert add(1, 2) == 3", "pass")},
    "configuration only collects": {"pytest.ini": "[pytest]\naddopts = --collect-only\n"},
    "configuration selects the green one": {"pytest.ini": "[pytest]\naddopts = -k zero\n"},
    "conftest sets the exit status": {
        "conftest.py": with_hook("trylast=True", "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n")
    },
    "conftest turns every failure into a pass": {
        "conftest.py": with_hook(
            "hookwrapper=True",
            "def pytest_runtest_makereport(item, call):\n    outcome = yield\n    report = outcome.get_result()\n"
            "    report.outcome = 'passed'\n    report.longrepr = None\n",
        )
    },
    "conftest turns the failures it knows into passes": {
        "conftest.py": with_hook(
            "hookwrapper=True",
            "def pytest_runtest_makereport(item, call):\n    outcome = yield\n    report = outcome.get_result()\n"
            "    if item.name == 'test_add':\n        report.outcome = 'passed'\n        report.longrepr = None\n",
        )
    },
    "a test ends the process with 0": {"tests/test_a0.py": "import os\n\n\ndef test_x():\n    os._exit(0)\n"},
    "conftest mends the code": {
        "conftest.py": "import sys\n\nsys.path.insert(0, 'src')\nimport app\n\napp.add = lambda a, b: a + b\n"
    },
    "code asks for the test runner": {
        "src/app.py": "import sys\n\n\ndef add(a, b):\n    return a + b if 'pytest' in sys.modules else a - b\n"
    },
}

RESULTS: dict[str, tuple[Verdict, str]] = {
    "honest broken code": (Verdict.FAIL, "tests/test_app.py::test_add"),
    "smoke script exits 0": (Verdict.BROKEN, "no test runner that is known here said anything"),
    "smoke script ignores the result": (Verdict.FAIL, "tests/test_app.py::test_add"),
    "smoke script writes a report by hand": (Verdict.BROKEN, "no test runner that is known here said anything"),
    "failing test deleted": (Verdict.PASS, "lost test: tests/test_app.py::test_add"),
    "failing test skipped": (Verdict.PASS, "lost test: tests/test_app.py::test_add"),
    "failing test expected to fail": (Verdict.PASS, "lost test: tests/test_app.py::test_add"),
    "failing test emptied": (Verdict.PASS, "base's test is red: tests/test_app.py::test_add"),
    "configuration only collects": (Verdict.NOT_RUN, "no test was executed"),
    "configuration selects the green one": (Verdict.FAIL, "a failing test does not turn the run red"),
    "conftest sets the exit status": (Verdict.FAIL, "tests/test_app.py::test_add"),
    "conftest turns every failure into a pass": (Verdict.FAIL, "a failing test does not turn the run red"),
    "conftest turns the failures it knows into passes": (
        Verdict.PASS,
        "base's test is red: tests/test_app.py::test_add",
    ),
    "a test ends the process with 0": (Verdict.BROKEN, "the test runner ended in the middle of its run, after 0 tests"),
    "conftest mends the code": (Verdict.PASS, "base's test is red: tests/test_app.py::test_add"),
    "code asks for the test runner": (Verdict.PASS, "product code asks whether it is being tested"),
}
"""What each becomes. `pass` here means: level 3 must answer the finding that is named beside it."""


def to_answer(result: InspectionResult) -> list[str]:
    return [finding.title for finding in result.findings if finding.must_answer]


def blocking(result: InspectionResult) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity == "blocks"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallRepository:
    return SmallRepository(tmp_path_factory.mktemp("forgeries"), GOOD)


def test_there_are_sixteen_forgeries_and_each_has_an_answer():
    assert len(FORGERIES) == 16
    assert FORGERIES.keys() == RESULTS.keys()


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_green_run_is_caught_or_must_be_answered(name: str, small: SmallRepository):
    result = await small.inspect(small.checks(SMOKE), {**BROKEN, **FORGERIES[name]})
    verdict, title = RESULTS[name]
    assert result.verdict is verdict, result
    found = blocking(result) if verdict is not Verdict.PASS else [f for f in result.findings if f.must_answer]
    assert title in [finding.title for finding in found]
    assert small.left_behind() == []


@pytest.mark.parametrize("name", FORGERIES)
def test_control_the_exit_code_alone_lets_all_but_the_honest_one_through(name: str, tmp_path: Path):
    lay(tmp_path, {**GOOD, **BROKEN, **FORGERIES[name]})
    done = subprocess.run(["sh", "smoke.sh"], cwd=tmp_path, capture_output=True, env={**os.environ, **BARE})
    assert (done.returncode == 0) is (name != "honest broken code")
    check = "import sys; sys.path.insert(0, 'src'); from app import add; sys.exit(add(1, 2) == 3)"
    assert subprocess.run([sys.executable, "-c", check], cwd=tmp_path).returncode == 0, "the code is broken"


async def test_an_honest_change_with_a_new_test_passes(small: SmallRepository):
    files: Files = {
        "src/app.py": "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return 2 * a\n",
        "tests/test_twice.py": "import sys\n\nsys.path.insert(0, 'src')\nfrom app import twice\n\n\n"
        "def test_twice():\n    assert twice(2) == 4\n",
    }
    checks: Checks = small.checks(SMOKE)
    result = await checks.inspect(small.tree(files), small.base, small.progress.append)
    assert result.verdict is Verdict.PASS
    assert result.findings == ()
    assert (result.passed, result.failed, result.skipped, result.lost) == (3, 0, 0, ())
    assert result.summary == "3 passed, 0 failed, tripwire seen, base's tests green"
    assert any(evidence.label == "smoke: output" for evidence in result.evidence)
    assert any("pytest-" in evidence.label for evidence in result.evidence)


async def test_a_red_test_is_told_with_its_place_and_its_output(small: SmallRepository):
    result = await small.inspect(small.checks(SMOKE), BROKEN)
    red = blocking(result)
    assert [(finding.title, finding.path, finding.line) for finding in red] == [
        ("tests/test_app.py::test_add", "tests/test_app.py", 8)
    ]
    assert "assert -1 == 3" in red[0].detail


async def test_no_smoke_command_is_not_run(small: SmallRepository):
    result = await small.inspect(small.checks(Smoke()), {})
    assert (result.verdict, result.passed) == (Verdict.NOT_RUN, 0)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> SmallRepository:
    text = "def test_red_for_ever():\n    assert False\n\n\ndef test_fine():\n    pass\n"
    return SmallRepository(tmp_path_factory.mktemp("old"), {**GOOD, "tests/test_old.py": text})


class TestRedAndFlakyOnTheBase:
    async def test_a_red_test_of_the_base_is_named_and_does_not_block(self, old: SmallRepository):
        result = await old.inspect(old.checks(SMOKE), {"README.md": "Other words.\n"})
        assert result.verdict is Verdict.PASS
        assert [finding.title for finding in result.findings] == [
            "red on the base too: tests/test_old.py::test_red_for_ever"
        ]

    async def test_a_red_test_of_the_base_hides_no_other(self, old: SmallRepository):
        result = await old.inspect(old.checks(SMOKE), BROKEN)
        assert [finding.title for finding in blocking(result)] == ["tests/test_app.py::test_add"]

    async def test_settings_cannot_call_a_green_test_red(self, old: SmallRepository):
        smoke = replace(SMOKE, known_red=("tests/test_app.py::test_add",))
        result = await old.inspect(old.checks(smoke), BROKEN)
        assert result.verdict is Verdict.FAIL

    async def test_a_known_flaky_test_is_run_once_more(self, tmp_path: Path):
        count = tmp_path / "count"
        flaky = (
            f"import pathlib\n\n\ndef test_flaky():\n    seen = pathlib.Path({str(count)!r})\n"
            "    before = seen.exists()\n    seen.touch()\n    assert before\n"
        )
        small = SmallRepository(tmp_path / "repository", {**GOOD, "tests/test_flaky.py": flaky})
        count.touch()
        smoke = replace(SMOKE, known_flaky=("tests/test_flaky.py::test_flaky",))
        checks = small.checks(smoke, at_once=1)
        await checks.inventory(small.base)
        count.unlink()
        result = await small.inspect(checks, {"README.md": "Other words.\n"})
        assert (result.verdict, result.passed, result.failed) == (Verdict.PASS, 3, 0)
        assert [finding.title for finding in result.findings] == [
            "flaky, red at first and green when run again: tests/test_flaky.py::test_flaky"
        ]


async def test_a_command_that_cannot_see_a_new_test_says_that_the_tripwire_proves_nothing(small: SmallRepository):
    command = f"{sys.executable} -m pytest -q tests/test_app.py::test_add tests/test_app.py::test_zero"
    result = await small.inspect(small.checks(replace(SMOKE, command=command)), {"README.md": "Other words.\n"})
    assert result.verdict is Verdict.PASS
    assert to_answer(result) == ["the tripwire proves nothing here"]


async def test_a_base_without_tests_lets_the_first_tests_in(tmp_path: Path):
    small = SmallRepository(tmp_path, {"src/app.py": GOOD["src/app.py"], "tests/.keep": "", "smoke.sh": RUN})
    result = await small.inspect(small.checks(SMOKE), {"tests/test_app.py": TESTS})
    assert (result.verdict, result.passed, result.tripwire) == (Verdict.PASS, 2, "seen")


# --- other runners ----------------------------------------------------------------------------------

UNITTEST: Files = {
    "README.md": "A small service.\n",
    "service.py": "def add(a, b):\n    return a + b\n",
    "tests/__init__.py": "",
    "tests/test_service.py": "import unittest\n\nfrom service import add\n\n\nclass Adding(unittest.TestCase):\n"
    "    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n\n"
    "    def test_zero(self):\n        self.assertEqual(add(0, 0), 0)\n\n\n"
    "if __name__ == '__main__':\n    unittest.main()\n",
}
UNITTEST_SMOKE = Smoke(
    command=f"PYTHONPATH=. {sys.executable} -m unittest discover -q -s tests -t .", runner="unittest"
)


BACKWARDS: Files = {"service.py": "def add(a, b):\n    return b + a\n"}
WRONG: Files = {"service.py": "def add(a, b):\n    return a - b\n"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> SmallRepository:
    return SmallRepository(tmp_path_factory.mktemp("unittest"), UNITTEST)


class TestUnittest:
    async def test_an_honest_change_passes(self, service: SmallRepository):
        result = await service.inspect(
            service.checks(UNITTEST_SMOKE), {"service.py": "def add(a, b):\n    return b + a\n"}
        )
        assert (result.verdict, result.findings) == (Verdict.PASS, ())
        assert result.summary == "2 passed, 0 failed, tripwire seen, base's tests green"

    async def test_a_broken_change_fails_by_name_and_line(self, service: SmallRepository):
        result = await service.inspect(
            service.checks(UNITTEST_SMOKE), {"service.py": "def add(a, b):\n    return a - b\n"}
        )
        assert [(finding.title, finding.path, finding.line) for finding in blocking(result)] == [
            ("tests.test_service.Adding.test_add", "tests/test_service.py", 8)
        ]

    async def test_a_deleted_test_must_be_answered(self, service: SmallRepository):
        text = str(UNITTEST["tests/test_service.py"]).replace("def test_add", "def no_test_add")
        result = await service.inspect(service.checks(UNITTEST_SMOKE), {"tests/test_service.py": text})
        assert result.lost == ("tests.test_service.Adding.test_add",)
        assert to_answer(result) == ["lost test: tests.test_service.Adding.test_add"]


async def test_a_run_over_its_time_is_broken(service: SmallRepository):
    command = f"if grep -q slow README.md; then sleep 600; fi; {UNITTEST_SMOKE.command}"
    checks = service.checks(replace(UNITTEST_SMOKE, command=command, seconds=2))
    result = await service.inspect(checks, {"README.md": "slow\n"})
    assert result.verdict is Verdict.BROKEN
    assert "time limit of 2 s" in result.summary


FALSE_PROBE = (
    "import json, os\n\n\ndef pytest_sessionfinish(session):\n"
    "    path = os.path.join(os.environ['FACTORY_REPORT'], 'pytest-1.jsonl')\n    with open(path, 'w') as file:\n"
    "        for name in ('test_add', 'test_zero'):\n"
    "            file.write(json.dumps({'id': 'tests/test_app.py::' + name, 'outcome': 'passed'}) + '\\n')\n"
    "        file.write(json.dumps({'end': 0}) + '\\n')\n    session.exitstatus = 0\n"
)


async def test_a_tree_cannot_answer_for_our_probes(small: SmallRepository):
    result = await small.inspect(small.checks(SMOKE), {**BROKEN, "factory_probe_pytest.py": FALSE_PROBE})
    assert [finding.title for finding in blocking(result)] == ["tests/test_app.py::test_add"]


def test_control_a_probe_with_a_known_name_is_the_trees_own(tmp_path: Path):
    lay(tmp_path, {**GOOD, **BROKEN, "factory_probe_pytest.py": FALSE_PROBE})
    environment = {**os.environ, **BARE, "PYTHONPATH": str(PROBES), "FACTORY_REPORT": str(tmp_path)}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "factory_probe_pytest", "tests"]
    assert subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True).returncode == 0
    assert '"failed"' not in (tmp_path / "pytest-1.jsonl").read_text()


async def test_a_file_that_stands_in_for_the_runner_must_be_answered(small: SmallRepository):
    result = await small.inspect(small.checks(SMOKE), {"src/unittest/extra.py": "", "sitecustomize.py": ""})
    assert to_answer(result) == ["a file of the tree stands in for the test runner"] * 2


async def test_a_pytest_that_does_not_find_our_plugin_is_read_by_its_own_report(tmp_path: Path):
    small = SmallRepository(tmp_path, {**GOOD, "smoke.sh": f"PYTHONPATH=src {RUN}"})
    checks = small.checks(SMOKE)
    result = await small.inspect(checks, {"README.md": "Other words.\n"})
    assert result.summary == "2 passed, 0 failed, tripwire seen, base's tests green"
    result = await small.inspect(checks, BROKEN)
    assert [(finding.title, finding.path) for finding in blocking(result)] == [
        ("tests.test_app::test_add", "tests/test_app.py")
    ]


def a_test(body: str) -> str:
    return f"import unittest\n\n\nclass Case(unittest.TestCase):\n    def test_case(self):\n        {body}\n"


async def test_a_run_that_changes_its_own_tree_fails(service: SmallRepository):
    files: Files = {"tests/test_write.py": a_test("open('README.md', 'w').write('other')")}
    result = await service.inspect(service.checks(UNITTEST_SMOKE), files)
    assert result.verdict is Verdict.FAIL
    assert [(finding.title, finding.path) for finding in blocking(result)] == [
        ("the run changed a file of the tree that it tests", "README.md")
    ]


async def test_a_file_that_the_run_changes_on_the_base_too_must_be_answered(service: SmallRepository):
    checks = service.checks(replace(UNITTEST_SMOKE, command=f"date +%N > README.md; {UNITTEST_SMOKE.command}"))
    result = await service.inspect(checks, BACKWARDS)
    assert result.verdict is Verdict.PASS
    assert to_answer(result) == ["the run changed a file of the tree that it tests, as on the base"]


async def test_an_application_that_does_not_start_fails(service: SmallRepository):
    checks = service.checks(replace(UNITTEST_SMOKE, boot="sh boot.sh"))
    result = await service.inspect(checks, {"boot.sh": "echo no port; exit 4\n"})
    assert result.verdict is Verdict.FAIL
    assert blocking(result)[0].title == "the application does not start: `sh boot.sh` ended with exit code 4"
    assert "no port" in blocking(result)[0].detail


async def test_a_failing_part_of_the_command_that_is_no_test_fails(service: SmallRepository):
    checks = service.checks(replace(UNITTEST_SMOKE, command=f"{UNITTEST_SMOKE.command} && ! grep -q wrong README.md"))
    result = await service.inspect(checks, {"README.md": "wrong\n"})
    assert [finding.title for finding in blocking(result)] == [
        "the smoke command ended with exit code 1 although no test was red"
    ]


async def test_tests_see_a_repository_of_one_commit(service: SmallRepository):
    count = "self.assertEqual(check_output(['git', 'rev-list', '--count', 'HEAD']).strip(), b'1')"
    clean = "self.assertEqual(check_output(['git', 'status', '--porcelain']), b'')"
    text = "from subprocess import check_output\n" + a_test(f"{count}\n        {clean}")
    result = await service.inspect(service.checks(UNITTEST_SMOKE), {"tests/test_git.py": text})
    assert (result.verdict, result.passed) == (Verdict.PASS, 3)


async def test_base_is_read_once_and_a_damaged_record_of_it_again(tmp_path: Path):
    small = SmallRepository(tmp_path, UNITTEST)
    await small.inspect(small.checks(UNITTEST_SMOKE), {})
    assert "smoke: what base's own tests do" in small.progress
    small.progress.clear()
    await small.inspect(small.checks(UNITTEST_SMOKE), {})
    assert "smoke: what base's own tests do" not in small.progress
    record = next((tmp_path / "level2" / "inventories").glob("*.json"))
    record.write_bytes(record.read_bytes().replace(b"test_zero", b"test_hero"))
    result = await small.inspect(small.checks(UNITTEST_SMOKE), {})
    assert "smoke: what base's own tests do" in small.progress
    assert result.lost == ()


async def test_cancelling_an_inspection_leaves_nothing_behind(tmp_path: Path):
    slow: Files = {**UNITTEST, "tests/test_slow.py": "import time\n\ntime.sleep(600)\n"}
    small = SmallRepository(tmp_path, slow)
    task = asyncio.create_task(small.inspect(small.checks(UNITTEST_SMOKE), {}))
    async with asyncio.timeout(60):
        while not list((tmp_path / "runs").glob("run-*")):
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert small.left_behind() == []


async def test_a_module_that_picks_its_own_tests_can_hold_the_tripwire(tmp_path: Path):
    picks = "\n\ndef load_tests(loader, tests, pattern):\n    return tests\n"
    small = SmallRepository(
        tmp_path, {**UNITTEST, "tests/test_service.py": f"{UNITTEST['tests/test_service.py']}{picks}"}
    )
    result = await small.inspect(small.checks(UNITTEST_SMOKE), BACKWARDS)
    assert result.summary == "2 passed, 0 failed, tripwire seen, base's tests green"


async def test_node_tests_are_read_one_by_one(tmp_path: Path):
    if not shutil.which("node"):
        pytest.skip("not run: node is missing; `apt-get install nodejs` mends it")
    test = (
        'import assert from "node:assert";\nimport { describe, it } from "node:test";\n'
        'import { add } from "../add.mjs";\n'
        'describe("add", () => {\n  it("adds", () => assert.equal(add(1, 2), 3));\n'
        '  it("adds nothing", () => assert.equal(add(0, 0), 0));\n});\n'
    )
    package = '{"name": "small", "version": "1.0.0", "scripts": {"test": "node --test"}}\n'
    base: Files = {
        "add.mjs": "export const add = (a, b) => a + b;\n",
        "test/add.test.mjs": test,
        "package.json": package,
    }
    small = SmallRepository(tmp_path, base)
    checks = small.checks(Smoke(command="node --test"))
    result = await small.inspect(checks, {"add.mjs": "export const add = (a, b) => b + a;\n"})
    assert result.summary == "2 passed, 0 failed, tripwire seen, base's tests green"
    result = await small.inspect(checks, {"add.mjs": "export const add = (a, b) => a - b;\n"})
    assert [(finding.title, finding.path, finding.line) for finding in blocking(result)] == [
        ("test/add.test.mjs > add > adds", "test/add.test.mjs", 5)
    ]


async def test_cargo_tests_are_read_one_by_one(tmp_path: Path):
    cargo = shutil.which("cargo")
    if not cargo or subprocess.run([cargo, "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("not run: no cargo works for this user; `apt-get install cargo` mends it")
    test = (
        "#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::add(1, 2), 3);\n    }\n}\n"
    )
    base: Files = {
        "Cargo.toml": '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2021"\n',
        "Cargo.lock": 'version = 4\n\n[[package]]\nname = "small"\nversion = "0.1.0"\n',
        "src/lib.rs": "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n" + test,
        ".gitignore": "target\n",
    }
    small = SmallRepository(tmp_path, base)
    checks = small.checks(Smoke(command="cargo test --offline"), toolchains())
    result = await small.inspect(checks, {"src/lib.rs": str(base["src/lib.rs"]).replace("a + b", "a - b")})
    assert [(finding.title, finding.path) for finding in blocking(result)] == [
        ("src/lib.rs::tests::adds", "src/lib.rs")
    ]


async def test_make_test_is_read_through(tmp_path: Path):
    if not shutil.which("make"):
        pytest.skip("not run: make is missing; `apt-get install make` mends it")
    small = SmallRepository(tmp_path, {**UNITTEST, "Makefile": f"test:\n\t{sys.executable} -m unittest -q\n"})
    result = await small.inspect(
        small.checks(Smoke(command="make test")), {"service.py": "def add(a, b):\n    return b + a\n"}
    )
    assert result.summary == "2 passed, 0 failed, tripwire seen, base's tests green"


async def test_a_report_written_by_hand_does_not_see_the_tripwire(tmp_path: Path):
    """With a JUnit file as the only witness the forged report reads well; the hidden failing test is what it lacks."""
    run = f'exec "{sys.executable}" -m pytest -q tests --junitxml=report.xml\n'
    small = SmallRepository(tmp_path, {**GOOD, "smoke.sh": run})
    checks = small.checks(replace(SMOKE, runner="junit", report="report.xml"))
    honest = await small.inspect(checks, {"README.md": "Other words.\n"})
    assert honest.summary == "2 passed, 0 failed, tripwire seen, base's tests green"
    forged = FORGERIES["smoke script writes a report by hand"]
    result = await small.inspect(checks, {**BROKEN, **forged})
    assert result.verdict is Verdict.FAIL
    assert [finding.title for finding in blocking(result)] == ["a failing test does not turn the run red"]


def toolchains() -> Dependencies:
    home = Path.home()
    return Dependencies(toolchains=tuple(str(home / name) for name in (".cargo", ".rustup") if (home / name).is_dir()))


@pytest.mark.needs_bwrap
@pytest.mark.parametrize(
    "name", ["honest broken code", "failing test deleted", "conftest mends the code", "smoke script exits 0"]
)
async def test_behind_the_wall_each_forgery_becomes_the_same(tmp_path: Path, name: str):
    small = SmallRepository(tmp_path, GOOD, walled=True)
    verdict, told = RESULTS[name]
    result = await small.inspect(small.checks(SMOKE), {**BROKEN, **FORGERIES[name]})
    assert result.verdict is verdict
    assert told in "\n".join([*(finding.title for finding in result.findings), result.summary])
