"""The state place is the supervisor's alone, outside the tree, and knows whose it is."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory_tui.adapters.state_place import Claim, StatePlace, new_repo_id, open_state_place
from factory_tui.domain.errors import FactoryError

REPO = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "work" / "shop"
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    return top


def place(tmp_path: Path, repository: Path, repo_id: str = REPO, **environment: str) -> StatePlace:
    found = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path), **environment}
    return open_state_place(
        repo_id, repository=str(repository), environment=found, temporary_directory=str(tmp_path / "t")
    )


def test_a_new_id_is_random_and_fit_for_a_path() -> None:
    ids = {new_repo_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in ids)


def test_everything_has_its_place_and_only_its_owner_enters(tmp_path: Path, repository: Path) -> None:
    before = os.umask(0)
    try:
        made = place(tmp_path, repository)
    finally:
        os.umask(before)
    root = tmp_path / "state" / "factory" / REPO
    assert made.root == str(root)
    assert made.ledger == str(root / "ledger.jsonl")
    for directory in (made.evidence, made.worktrees, made.exports, made.prepared, made.keys):
        assert Path(directory).parent == root
        assert Path(directory).stat().st_mode & 0o777 == 0o700
    assert root.stat().st_mode & 0o777 == root.parent.stat().st_mode & 0o777 == 0o700
    assert place(tmp_path, repository) == made


@pytest.mark.parametrize("named", ["", "relative/state"])
def test_without_an_absolute_state_home_it_is_in_the_users_home(tmp_path: Path, repository: Path, named: str) -> None:
    made = place(tmp_path, repository, XDG_STATE_HOME=named)
    assert made.root == str(tmp_path / ".local" / "state" / "factory" / REPO)


@pytest.mark.parametrize("repo_id", ["", "..", "../../../etc", "/etc", REPO.upper(), REPO + "\n", "a" * 31])
def test_an_id_from_a_home_is_not_a_way_to_another_place(  # T: hostile home
    tmp_path: Path, repository: Path, repo_id: str
) -> None:
    with pytest.raises(FactoryError, match="is not a repository id"):
        place(tmp_path, repository, repo_id)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("inside", [".", "sub", ".git", "../shop/sub"])
def test_a_place_inside_the_repository_is_refused(tmp_path: Path, repository: Path, inside: str) -> None:
    """`git clean -fdx`, a checkout or a seat would reach it."""
    with pytest.raises(FactoryError, match="lies inside the repository"):
        place(tmp_path, repository, XDG_STATE_HOME=f"{repository}/{inside}")
    (tmp_path / "way-in").symlink_to(repository)
    with pytest.raises(FactoryError, match="lies inside the repository"):
        place(tmp_path, repository, XDG_STATE_HOME=f"{tmp_path}/way-in/{inside}")
    assert [file.name for file in repository.iterdir()] == [".git"]


def test_a_place_inside_a_git_directory_elsewhere_is_refused(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(FactoryError, match="lies inside the repository"):
        open_state_place(
            REPO,
            repository=str(repository),
            git_dir=str(tmp_path / "separate.git"),
            environment={"XDG_STATE_HOME": str(tmp_path / "separate.git" / "state")},
        )


@pytest.mark.parametrize("level", ["factory", f"factory/{REPO}", f"factory/{REPO}/evidence"])
def test_a_planted_link_is_refused(tmp_path: Path, repository: Path, level: str) -> None:  # T: planted link
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    link = tmp_path / "state" / level
    link.parent.mkdir(parents=True, mode=0o700)
    for made in (tmp_path / "state" / "factory", tmp_path / "state" / "factory" / REPO):
        if made.exists():
            made.chmod(0o700)
    link.symlink_to(victim)
    with pytest.raises(FactoryError, match="not safe") as caught:
        place(tmp_path, repository)
    assert "symbolic link" in caught.value.why
    assert list(victim.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="not run: only root can make a directory of another user; run as root")
def test_a_directory_of_another_user_is_refused(tmp_path: Path, repository: Path) -> None:  # T: prepared place
    prepared = tmp_path / "state" / "factory"
    prepared.mkdir(parents=True, mode=0o700)
    os.chown(prepared, 4711, 4711)
    with pytest.raises(FactoryError, match="not safe") as caught:
        place(tmp_path, repository)
    assert "belongs to user 4711" in caught.value.why


@pytest.mark.parametrize("mode", [0o701, 0o750, 0o770, 0o777])
def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path, repository: Path, mode: int) -> None:
    place(tmp_path, repository)
    root = tmp_path / "state" / "factory" / REPO
    root.chmod(mode)
    with pytest.raises(FactoryError, match="not safe") as caught:
        place(tmp_path, repository)
    assert caught.value.next_step == f"chmod 700 {root}"
    root.chmod(0o700)
    place(tmp_path, repository)


def test_a_state_home_that_everybody_may_write_to_is_refused(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o777)
    with pytest.raises(FactoryError, match="everybody may write"):
        place(tmp_path, repository)
    (tmp_path / "state").chmod(0o1777)
    place(tmp_path, repository)


def test_a_file_in_the_way_is_told(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "state").write_text("not a directory")
    with pytest.raises(FactoryError, match="cannot be made"):
        place(tmp_path, repository)


# --- whose it is ---------------------------------------------------------------------------------------


def test_the_first_checkout_to_ask_gets_the_place_and_keeps_it(tmp_path: Path, repository: Path) -> None:
    made = place(tmp_path, repository)
    git_dir = str(repository / ".git")
    first = made.claim(git_dir)
    assert (first.ok, str(first)) == (True, "ok")
    assert made.claim(f"{repository}/../shop/.git") == first


def test_a_clone_with_the_same_id_is_told_whose_the_place_is(tmp_path: Path, repository: Path) -> None:
    made = place(tmp_path, repository)
    made.claim(str(repository / ".git"))
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(repository), str(clone)], check=True, capture_output=True)
    asked = made.claim(str(clone / ".git"))
    assert asked == Claim(git_dir=str(clone / ".git"), owner=str(repository / ".git"), owner_exists=True)
    assert not asked.ok
    assert str(asked) == f"belongs to another checkout {repository}/.git"
    assert made.claim(str(repository / ".git")).ok, "asking changes nothing"


def test_a_repository_that_was_moved_can_take_its_place_over(tmp_path: Path, repository: Path) -> None:
    made = place(tmp_path, repository)
    made.claim(str(repository / ".git"))
    moved = repository.rename(tmp_path / "moved")
    asked = made.claim(str(moved / ".git"))
    assert (asked.ok, asked.owner_exists) == (False, False)
    assert made.take_over(str(moved / ".git")).ok
    assert made.claim(str(moved / ".git")).ok


def test_an_owner_that_cannot_be_read_is_nobodys_place(tmp_path: Path, repository: Path) -> None:
    made = place(tmp_path, repository)
    Path(made.root, "owner.json").write_text("{")
    with pytest.raises(FactoryError, match=r"owner\.json cannot be read"):
        made.claim(str(repository / ".git"))


# --- the socket ----------------------------------------------------------------------------------------


def bind(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)


def with_root(root: Path, **more: str) -> StatePlace:
    return StatePlace(root=str(root), repo_id=REPO, **more)


def test_a_short_place_holds_its_own_socket() -> None:
    assert with_root(Path("/s")).control_socket() == "/s/control.sock"
    longest = "/" + "x" * (107 - len("//control.sock"))
    assert with_root(Path(longest)).control_socket() == f"{longest}/control.sock"


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory whose name leaves room for a socket's; pytest's own are too long."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="f") as directory:
        yield Path(directory)


def test_a_long_place_has_its_socket_in_a_short_private_directory(short: Path) -> None:
    long = short / ("x" * 120)
    long.mkdir()
    with pytest.raises(OSError, match="too long"):
        bind(f"{long}/control.sock")
    runtime = short / "r"
    runtime.mkdir()
    path = with_root(long, runtime_directory=str(runtime)).control_socket()
    assert re.fullmatch(f"{runtime}/factory/{REPO[:12]}-[0-9a-f]{{16}}\\.sock", path)
    assert (runtime / "factory").stat().st_mode & 0o777 == 0o700
    bind(path)


@pytest.mark.parametrize("runtime", ["", "relative", "/nowhere/at/all", "/" + "x" * 120])
def test_without_a_runtime_directory_it_is_in_the_temporary_one(short: Path, runtime: str) -> None:
    (short / "t").mkdir()
    path = with_root(short / ("x" * 120), runtime_directory=runtime, temporary_directory=str(short / "t"))
    found = path.control_socket()
    assert re.fullmatch(f"{short}/t/factory-{os.getuid()}/{REPO[:12]}-[0-9a-f]{{16}}\\.sock", found)
    bind(path.control_socket())


def test_two_state_places_of_one_repository_never_share_a_socket(short: Path) -> None:
    (short / "t").mkdir()
    places = [with_root(short / (name * 120), temporary_directory=str(short / "t")) for name in "xy"]
    assert len({place.control_socket() for place in places}) == 2
    assert len({places[0].control_socket() for _ in range(2)}) == 1


def test_a_socket_directory_prepared_by_somebody_is_refused(short: Path) -> None:  # T: prepared place
    (short / "t").mkdir()
    (short / "elsewhere").mkdir(mode=0o700)
    (short / "t" / f"factory-{os.getuid()}").symlink_to(short / "elsewhere")
    with pytest.raises(FactoryError, match="not safe"):
        with_root(short / ("x" * 120), temporary_directory=str(short / "t")).control_socket()


def test_no_short_path_at_all_is_told(short: Path) -> None:
    with pytest.raises(FactoryError, match="no path is short enough"):
        with_root(short / ("x" * 120), temporary_directory=str(short / ("y" * 100))).control_socket()
