"""What a stranger gets: the wheel holds everything that the program reads, and it reads as it does here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from factory_tui.adapters.agents import SHIPPED, read_agent
from factory_tui.adapters.toml_text import read_toml

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the project's own builder, and unpacked."""
    place = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = place.glob("*.whl")
    with zipfile.ZipFile(built) as packed:
        packed.extractall(place / "unpacked")
    return place / "unpacked"


def test_every_file_of_the_program_is_in_it(wheel: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "factory_tui"], cwd=ROOT, capture_output=True, text=True, check=True)
    missing = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file() and not (wheel / name).is_file()]
    assert missing == []


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "opencode"])
def test_each_shipped_agent_is_in_it_and_can_be_read(wheel: Path, name: str) -> None:
    packed = wheel / "factory_tui" / "adapters" / "agents" / f"{name}.toml"
    assert read_agent(packed) == read_agent(SHIPPED / f"{name}.toml")


def test_the_list_of_models_and_prices_the_roles_the_rules_and_the_schemas_are_in_it(wheel: Path) -> None:
    models = wheel / "factory_tui" / "adapters" / "models.toml"
    assert read_toml(str(models), models.read_text()).data
    library = wheel / "factory_tui" / "library"
    for kind in ("roles", "rules"):
        here = sorted(path.name for path in (ROOT / kind).glob("*.md"))
        assert here
        assert sorted(path.name for path in (library / kind).glob("*.md")) == here
    assert (library / "factory.schema.json").read_bytes() == (ROOT / "docs" / "factory.schema.json").read_bytes()
    assert (library / "deploy.schema.json").read_bytes() == (ROOT / "docs" / "deploy.schema.json").read_bytes()
