"""What the project says of itself, held against what it is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = {
    "gitpython": "git",
    "pyyaml": "yaml",
    "google-re2": "re2",
    "import-linter": "importlinter",
    "pytest-asyncio": "pytest_asyncio",
    "types-pyyaml": "",
    "claude-agent-sdk": "claude_agent_sdk",
    "agent-client-protocol": "acp",
}
"""Import names that differ from the package's."""
TO_COME = {"textual": "tui"}
"""Declared, and said in the map to arrive with the module that will own them."""


def settings() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared() -> set[str]:
    """What the program itself needs, its extras included."""
    project = settings()["project"]
    assert isinstance(project, dict)
    extras = [text for name, texts in project["optional-dependencies"].items() if name != "dev" for text in texts]
    return {re.split(r"[<>=~\[]", text)[0].strip().lower() for text in (*project["dependencies"], *extras)}


def imported() -> dict[str, set[str]]:
    """Top-level module to the files of the package that import it."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "factory_tui").rglob("*.py"):
        if {"product", "probes"} & set(path.parts):  # run by other interpreters
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                found.setdefault(name.split(".")[0], set()).add(path.relative_to(ROOT / "factory_tui").as_posix())
    return found


def test_every_dependency_is_used_by_its_owner_and_nothing_undeclared_is_imported() -> None:
    used = imported()
    modules = {MODULES.get(name, name): name for name in declared()}
    for module, name in modules.items():
        assert module in used or name in TO_COME, f"{name} is declared and never imported"
    outside = set(used) - set(sys.stdlib_module_names) - {"factory_tui"} - set(modules)
    assert not outside, f"imported and not declared: { {module: used[module] for module in outside} }"


def test_the_map_names_every_library_and_why() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.split("## Libraries", 1)[1].split("\n## ", 1)[0].lower()
    for name in declared():
        assert name in table, f"{name} is missing from docs/architecture.md"


def test_git_is_called_from_one_module_only() -> None:
    assert imported()["git"] == {"adapters/git.py"}


def test_no_module_is_a_drawer() -> None:
    names = {path.stem for path in (ROOT / "factory_tui").rglob("*.py")}
    assert not names & {"utils", "helpers", "common", "misc", "manager"}


def test_nothing_names_a_machine_or_a_registry() -> None:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not run: this is no git checkout; run the tests in a clone")
    hosts = "|".join(rf"{name}\.org" for name in ("py" + "pi", "python" + "hosted", "npm" + "js"))
    forbidden = re.compile(rf"(?:^|[\s\"'(=])/(?:work|root|mnt)/|{hosts}")
    for name in done.stdout.decode().split("\0"):
        path = ROOT / name
        if not name or not path.is_file() or path == Path(__file__):
            continue
        text = path.read_bytes().decode("utf-8", "ignore")
        for number, line in enumerate(text.splitlines(), 1):
            assert not forbidden.search(line), f"{name}:{number}: {line.strip()[:120]}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_plays_the_demo_from_any_directory(wheel: Path, tmp_path: Path) -> None:
    """A new virtual environment holds the wheel alone; the libraries it names are lent by this one."""
    home = tmp_path / "venv"
    venv.EnvBuilder(with_pip=True).create(home)
    python = home / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
    )
    site = next((home / "lib").glob("python*")) / "site-packages"
    (site / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    where = tmp_path / "anywhere"
    where.mkdir()
    environment = {"PATH": f"{home / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [home / "bin" / "factory", "demo", "--headless"],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "factory_tui" not in str(where)
    loaded = subprocess.run(
        [python, "-c", "import factory_tui; print(factory_tui.__file__)"],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(home) in loaded.stdout
