"""Which wall there is: believed by what it does, given up only in the user's own settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_home import charter_of

from factory_tui.adapters.processes import PlainSandbox
from factory_tui.adapters.trying import self_test
from factory_tui.adapters.user_config import UserConfig, read_user_config
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.adapters.walls import ProvenSandbox
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.limits import DEGRADED
from factory_tui.engine.boundaries import MOST_HOLES, boundary_of, held_paths

NOBODY = UserConfig(path="/home/me/.config/factory/config.toml")


@pytest.mark.needs_bwrap
async def test_the_real_wall_refuses_every_probe(tmp_path: Path):
    tried = await self_test(BwrapSandbox(look_around(find_bwrap())), tmp_path)
    assert [one for one in tried if not one.refused] == []
    assert len(tried) > 10
    assert list(tmp_path.iterdir()) == []


async def test_control_without_a_wall_the_same_probes_work(tmp_path: Path):
    tried = await self_test(PlainSandbox(tmp_path / "runs"), tmp_path / "place")
    worked = {one.name for one in tried if not one.refused}
    assert {
        "write_outside",
        "write_protected",
        "read_host",
        "reach_loopback",
        "see_environment",
        "signal_host",
        "planted_link",
    } <= worked


@pytest.mark.needs_bwrap
async def test_a_wall_that_proves_itself_is_used_and_named(tmp_path: Path):
    sandbox = ProvenSandbox(tmp_path, NOBODY)
    assert sandbox.wall == "none", "nothing is believed before it was tried"
    standing = await sandbox.prove()
    assert standing.label == sandbox.wall
    assert sandbox.wall.startswith("bwrap")
    assert standing.why_none == ""


async def test_without_the_program_there_is_no_wall_and_it_says_how_to_go_on(tmp_path: Path):
    sandbox = ProvenSandbox(tmp_path, NOBODY, bwrap="")
    standing = await sandbox.prove()
    assert (standing.label, sandbox.wall) == ("none", "none")
    assert "bubblewrap" in standing.why_none
    assert NOBODY.path in standing.why_none


async def test_a_program_that_only_calls_itself_a_wall_is_found_out(tmp_path: Path):
    fake = tmp_path / "bwrap"
    fake.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift\nexec "$@"\n')
    fake.chmod(0o755)
    standing = await ProvenSandbox(tmp_path / "place", NOBODY, bwrap=str(fake)).prove()
    assert standing.label == "none"
    assert standing.why_none


async def test_elsewhere_than_on_linux_it_says_plainly_that_there_is_no_wall_yet(tmp_path: Path):
    standing = await ProvenSandbox(tmp_path, NOBODY, platform="darwin").prove()
    assert standing.label == "none"
    assert "no wall yet" in standing.why_none


async def test_degraded_is_accepted_by_this_machines_settings_and_for_this_session_or_not_at_all(tmp_path: Path):
    allowed = UserConfig(path="x", accept_degraded=True)
    sandbox = ProvenSandbox(tmp_path, allowed, bwrap="", accepted=True)
    assert (await sandbox.prove()).label == DEGRADED
    assert sandbox.wall == "none"
    not_now = await ProvenSandbox(tmp_path, allowed, bwrap="").prove()
    assert (not_now.label, "--accept-degraded" in not_now.why_none) == ("none", True)
    not_here = await ProvenSandbox(tmp_path, NOBODY, bwrap="", accepted=True).prove()
    assert (not_here.label, NOBODY.path in not_here.why_none) == ("none", True)
    standing = await ProvenSandbox(tmp_path, UserConfig(path="x", container=True), bwrap="", engines=()).prove()
    assert standing.label == "none"
    assert "no podman that could be tried" in standing.why_none
    assert standing.words == "no wall: no model's seat gets a shell"


@pytest.mark.needs_bwrap
async def test_where_a_wall_holds_there_is_nothing_to_accept(tmp_path: Path):
    allowed = UserConfig(path="x", accept_degraded=True)
    assert (await ProvenSandbox(tmp_path, allowed, accepted=True).prove()).label.startswith("bwrap")


# --- the user's own settings ---------------------------------------------------------------------


def settings(tmp_path: Path, text: str) -> dict[str, str]:
    directory = tmp_path / "config/factory"
    directory.mkdir(parents=True)
    (directory / "config.toml").write_text(text)
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def test_no_settings_accept_nothing(tmp_path: Path):
    found = read_user_config({"XDG_CONFIG_HOME": str(tmp_path)}, "/repository")
    assert (found.accept_degraded, found.container) == (False, False)


def test_a_wall_is_given_up_by_one_exact_word(tmp_path: Path):
    environment = settings(tmp_path, '[wall]\naccept = "DEGRADED"\n')
    assert read_user_config(environment, "/repository").accept_degraded


@pytest.mark.parametrize("text", ['[wall]\naccept = "yes"\n', "[wall]\noff = true\n", "wall = false\n", "[wall\n"])
def test_settings_that_are_not_understood_stop_the_factory(tmp_path: Path, text: str):
    with pytest.raises(FactoryError, match="config"):
        read_user_config(settings(tmp_path, text), "/repository")


def test_settings_inside_the_repository_or_open_to_others_are_refused(tmp_path: Path):
    environment = settings(tmp_path, '[wall]\naccept = "DEGRADED"\n')
    with pytest.raises(FactoryError, match="lies in the repository"):
        read_user_config(environment, str(tmp_path))
    (tmp_path / "config/factory/config.toml").chmod(0o666)
    with pytest.raises(FactoryError, match="somebody else"):
        read_user_config(environment, "/repository")


# --- what is held for a role ---------------------------------------------------------------------

FILES = (
    ".factory/factory.toml",
    ".factory/memory/DNA.md",
    ".github/workflows/ci.yml",
    "AGENTS.md",
    "docs/guide.md",
    "docs/conf.py",
    "src/app.py",
    "src/deep/er/code.py",
    "src/web/page.css",
    "src/web/AGENTS.md",
    "tests/test_app.py",
)


def held(role: str) -> tuple[str, ...]:
    charter = charter_of()
    return held_paths(charter.role(role), FILES, charter.protected).paths


def test_a_builder_writes_everything_but_what_is_protected():
    assert held("builder") == (".factory", ".github", "AGENTS.md", "src/web/AGENTS.md")


def test_a_role_with_paths_of_its_own_has_the_code_held():
    found = held("devops")
    assert {".factory", ".github", "src/app.py", "src/deep/er/code.py", "tests/test_app.py"} <= set(found)
    assert held_paths(charter_of().role("devops"), ("deploy/run.sh", "infra/net/main.tf"), ()).paths == ()


def test_a_writer_holds_code_and_not_its_documents():
    found = held("tech_writer")
    assert "docs/guide.md" not in found
    assert {"docs/conf.py", "src/app.py", ".factory", "tests"} <= set(found)


def test_a_role_that_writes_nothing_holds_nothing_because_its_copy_vanishes():
    assert held("quality") == ()


def test_no_path_is_left_unheld_where_there_are_many():
    """Whole folders are held instead, and it says which hold more than the card does."""
    card = charter_of().role("designer")
    many = tuple(f"src/part{n % 40}/module{n}.py" for n in range(2_000))
    mixed = tuple(f"src/part{n}/theme.css" for n in range(40))
    held = held_paths(card, (*many, *mixed, "top.py"), ())
    assert len(held.paths) <= MOST_HOLES
    assert all(any(path == one or path.startswith(f"{one}/") or not one for one in held.paths) for path in many)
    assert set(held.widened) <= set(held.paths)
    assert held.widened
    few = held_paths(card, (*many[:50], *mixed), ())
    assert few.widened == ()
    flat = held_paths(card, tuple(f"module{n}.py" for n in range(MOST_HOLES + 1)), ())
    assert (flat.paths, flat.widened) == (("",), ("",))
    assert boundary_of("/w", held=flat.paths).protected == ("/w",)


def test_a_boundary_names_held_paths_absolutely():
    found = boundary_of("/w", held=("rules", "DNA.md"), readable=("/tools",), environment={"CI": "1"})
    assert (found.cwd, found.writable, found.protected) == ("/w", ("/w",), ("/w/rules", "/w/DNA.md"))
