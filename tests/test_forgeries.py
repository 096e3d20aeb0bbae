"""Each forgery is closed by the gate, and open once the one guard that closes it is taken out of a copy of the file."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from forger import FORGE, by_ci, by_hardware
from landed_change import Change
from signing import Evidence, trusting_repository

from factory_tui.adapters import verify

TABLE = tomllib.loads(Path(__file__).with_name("forgeries.toml").read_text("utf-8"))
FORGERIES: list[dict[str, Any]] = TABLE["forgery"]
BOASTS: list[dict[str, Any]] = TABLE["boast"]
SILENT = {"bool": "return True", "str": "return ''", "list[str]": "return []", "dict[str, str]": "return {}"}
"""What a guard does that objects to nothing, by what it answers with."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return trusting_repository(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def evidence(sound: Evidence, tmp_path: Path) -> Evidence:
    """A copy of the repository whose home trusts these keys, and nothing landed in it yet."""
    shutil.copytree(sound.root, tmp_path / "repository")
    shutil.copytree(sound.keys, tmp_path / "keys")
    return Evidence(root=tmp_path / "repository", keys=tmp_path / "keys")


def without(guard: str, instead: str, place: Path) -> ModuleType:
    """The verifier from a copy in which exactly one guard objects to nothing, or does something else."""
    text = Path(verify.__file__).read_text("utf-8")
    found = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == guard]
    assert len(found) == 1, f"verify.py has no guard {guard}"
    (node,) = found
    lines = text.splitlines(keepends=True)
    body = instead or SILENT[ast.unparse(node.returns) if node.returns else ""]
    lines[node.body[0].lineno - 1 : node.end_lineno] = [f"    {body}\n"]
    path = place / f"without_{guard}.py"
    path.write_text("".join(lines), "utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
    return module


def asked(module: ModuleType, evidence: Evidence, name: str, at: str = "") -> tuple[list[str], str]:
    """Why a commit or a range is closed, and how far it can be trusted."""
    with module.Gate(str(evidence.root), at=at) as gate:
        answers = [gate.verify(commit) for commit in module.commits_of(str(evidence.root), name)]
    return [why for answer in answers for why in answer.why], answers[-1].level


@pytest.mark.parametrize("row", FORGERIES, ids=[row["by"] for row in FORGERIES])
def test_a_forgery_is_closed_and_open_without_its_guard(row: dict[str, Any], evidence: Evidence, tmp_path: Path):
    assert row.get("guard"), f"the forgery {row['by']} names no guard: nobody saw what it would do without one"
    name = FORGE[row["by"]](evidence)
    why, _ = asked(verify, evidence, name)
    assert why, "open"
    assert [reason for reason in why if not any(word in reason for word in row["because"])] == []
    assert [word for word in row["because"] if not any(word in reason for reason in why)] == [], why
    control = without(row["guard"], row.get("instead", ""), tmp_path)
    assert asked(control, evidence, name)[0] == [], f"{row['by']} is closed without {row['guard']} too"


@pytest.mark.parametrize("row", BOASTS, ids=[row["boasts"] for row in BOASTS])
def test_a_level_is_tried_and_never_believed(row: dict[str, Any], evidence: Evidence, tmp_path: Path):
    name, at = FORGE[row["by"]](evidence), row.get("at", "")
    assert asked(verify, evidence, name, at) == ([], row["level"])
    control = without(row["guard"], row.get("instead", ""), tmp_path)
    assert asked(control, evidence, name, at) == ([], row["boasts"])


def test_each_forgery_and_each_guard_stands_in_the_table():
    boasting = {row["by"] for row in BOASTS}
    assert FORGE.keys() == {row["by"] for row in FORGERIES} | boasting
    guards = {guard.__name__ for guard in (*verify.GUARDS, *verify.BY_HAND, *verify.DEPLOYED)}
    tried = {row["guard"] for row in FORGERIES}
    assert guards - tried == {"told_plainly"}, "a guard that nobody tried to do without"


def test_ci_with_a_key_of_its_own_lifts_the_level(evidence: Evidence):
    change = Change(evidence)
    change.attest()
    evidence.keep(change.commit, evidence.sign(by_ci(change)))
    answer = evidence.answer(change.commit)
    assert (answer.why, answer.level, answer.holds) == ([], "G2", ["G0", "G2"])


def test_a_finger_on_a_hardware_key_lifts_the_level(evidence: Evidence):
    answer = evidence.answer(by_hardware(evidence, is_touched=True))
    assert (answer.why, answer.level) == ([], "G3")


def test_a_sound_deployment_is_open_and_told(evidence: Evidence):
    change = Change(evidence)
    change.deploy()
    answer = evidence.answer(change.commit)
    assert answer.why == []
    assert answer.deployments == ["factory.deployment PASSED verified production by factory@factory.invalid"]
