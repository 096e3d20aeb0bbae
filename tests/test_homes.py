"""Where a home lies."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from small_home import small_home

from factory_tui.adapters.documents import files_on_disk, is_own_library, read_home
from factory_tui.adapters.homes import Home, find_home, find_repository, home_of, homes_file, name_outside_home
from factory_tui.domain.errors import DocumentError, Refusal


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path)}


def furnish(folder: Path) -> None:
    for path, content in small_home().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(str(content))


def test_a_home_inside_is_found_from_anywhere_below(repository: Path, environment: dict[str, str]):
    furnish(repository / ".factory")
    below = repository / "src" / "deep"
    below.mkdir(parents=True)
    assert find_home(str(below), environment) == Home(
        kind="inside", home_dir=str(repository / ".factory"), repo_root=str(repository), prefix=".factory"
    )


def test_the_root_is_a_home_when_settings_and_dna_lie_there(repository: Path, environment: dict[str, str]):
    (repository / "factory.toml").write_text("# somebody else's file\n")
    assert home_of(str(repository), environment) is None
    furnish(repository)
    home = find_home(str(repository), environment)
    assert (home.kind, home.prefix) == ("root", "")


def test_a_home_outside_is_the_one_the_user_named(repository: Path, tmp_path: Path, environment: dict[str, str]):
    furnish(repository / ".factory")
    outside = tmp_path / 'my "home" ü'
    furnish(outside)
    name_outside_home(str(repository), str(outside), environment)
    name_outside_home(str(tmp_path / "another"), str(outside), environment)
    home = find_home(str(repository), environment)
    assert home == Home(kind="outside", home_dir=str(outside), repo_root=str(repository), prefix=None)
    assert homes_file(environment).stat().st_mode & 0o777 == 0o600
    reading = read_home(files_on_disk(home.home_dir), None, prefix=home.prefix)
    assert not any(problem.path.startswith(".factory") for problem in reading.problems)


def test_without_a_repository_or_a_home_the_next_step_is_said(
    repository: Path, tmp_path: Path, environment: dict[str, str]
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert find_repository(str(elsewhere)) is None or not str(find_repository(str(elsewhere))).startswith(str(tmp_path))
    with pytest.raises(Refusal) as caught:
        find_home(str(repository), environment)
    assert "factory init" in caught.value.next_step


def test_a_linked_home_is_refused(repository: Path, tmp_path: Path, environment: dict[str, str]):
    furnish(tmp_path / "elsewhere")
    (repository / ".factory").symlink_to(tmp_path / "elsewhere")
    assert (repository / ".factory" / "factory.toml").is_file(), "control: a plain look follows it"
    with pytest.raises(DocumentError, match="is a link"):
        find_home(str(repository), environment)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[homs]\n", "unknown key `homs`"),
        ("[homes]\nx = 1\n", "text is expected"),
        ("homes", "not TOML"),
        ('[homes]\n"{root}" = "/nowhere/at/all"\n', "no directory"),
        ('[homes]\n"{root}" = "relative"\n', "no directory"),
        ('[homes]\n"{root}" = "{root}/home"\n', "inside the repository"),
    ],
)
def test_a_wrong_list_of_homes_is_one_error(repository: Path, environment: dict[str, str], text: str, words: str):
    (repository / "home").mkdir()
    path = homes_file(environment)
    path.parent.mkdir(parents=True)
    path.write_text(text.replace("{root}", str(repository)))
    path.chmod(0o600)
    with pytest.raises(DocumentError, match=words) as caught:
        find_home(str(repository), environment)
    assert caught.value.path == str(path)
    assert caught.value.next_step


def test_a_list_of_homes_that_others_can_write_is_not_believed(
    repository: Path, tmp_path: Path, environment: dict[str, str]
):
    furnish(tmp_path / "outside")
    name_outside_home(str(repository), str(tmp_path / "outside"), environment)
    assert find_home(str(repository), environment).kind == "outside", "control"
    homes_file(environment).chmod(0o666)
    with pytest.raises(DocumentError, match="somebody else"):
        find_home(str(repository), environment)


def test_a_relative_configuration_place_is_ignored(tmp_path: Path):
    assert homes_file({"XDG_CONFIG_HOME": "here", "HOME": str(tmp_path)}) == tmp_path / ".config/factory/homes.toml"


def test_only_the_checkout_that_runs_is_its_own_floor(tmp_path: Path):
    """A repository that looks like this project brings no floor of its own."""
    furnish(tmp_path)
    (tmp_path / "factory_tui" / "bootstrap").mkdir(parents=True)
    (tmp_path / "factory_tui" / "bootstrap" / "__init__.py").write_text("")
    assert is_own_library(str(Path(__file__).resolve().parents[1]))
    assert not is_own_library(str(tmp_path))
