"""A branch moves with the files of its checkout, or nothing moves; a crash anywhere is completed by the same call."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from real_git import commit, files_below, git, repository, worktrees, write

from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.domain.errors import WorldError
from factory_tui.engine.ports import LandingPlan

WHEN = "2026-01-02T03:04:05Z"
BEFORE: dict[str, str | bytes] = {
    ".gitignore": "*.ignored\n",
    "changed.py": "old\n",
    "removed.py": "removed\n",
    "folder/inner/x": "x\n",
    "becomes_folder": "file\n",
    "becomes_file/x": "x\n",
    "run.sh": "#!/bin/sh\n",
    "mine.txt": "mine\n",
    "same.txt": "same\n",
}


async def candidate(adapter: GitWorktrees, base: str, name: str = "T-1") -> tuple[str, Path]:
    """A commit on top of `base` with every kind of change, and the worktree it came from."""
    directory = Path(await adapter.open_worktree(name, base))
    write(directory, {"changed.py": "new\n", "added/deep/y": "y\n"})
    (directory / "removed.py").unlink()
    (directory / "folder/inner/x").unlink()
    (directory / "becomes_folder").unlink()
    write(directory, {"becomes_folder/z": "z\n"})
    (directory / "becomes_file/x").unlink()
    (directory / "becomes_file").rmdir()
    write(directory, {"becomes_file": "now a file\n"})
    (directory / "run.sh").chmod(0o755)
    (directory / "link").symlink_to("changed.py")
    imported = await adapter.import_tree(str(directory), base)
    new = await adapter.commit_tree(imported.tree, [base], name, "builder", WHEN, f"refs/factory/{name}")
    return new, directory


async def prepared(tmp_path: Path) -> tuple[GitWorktrees, Path, str, str, Path]:
    root = repository(tmp_path, BEFORE)
    base = git(root, "rev-parse", "HEAD")
    adapter = worktrees(tmp_path)
    new, directory = await candidate(adapter, base)
    return adapter, root, base, new, directory


async def test_landing_on_a_new_branch_moves_no_file(tmp_path: Path) -> None:
    adapter, root, base, new, _ = await prepared(tmp_path)
    before = files_below(root)
    plan = await adapter.plan_landing("refs/heads/factory/T-1", new, base)
    assert plan == LandingPlan(ref="refs/heads/factory/T-1", old="", new=new)
    assert await adapter.landed(plan) is False
    await adapter.land(plan)
    await adapter.land(plan)
    assert await adapter.landed(plan) is True
    assert git(root, "rev-parse", "factory/T-1") == new
    assert (files_below(root), git(root, "rev-parse", "main")) == (before, base)


async def test_landing_on_the_base_moves_its_files_and_leaves_other_work_alone(tmp_path: Path) -> None:
    adapter, root, base, new, directory = await prepared(tmp_path)
    write(root, {"mine.txt": "dirty\n", "untracked": "u\n", "a.ignored": "i\n", "staged": "s\n", "stashed": "t\n"})
    git(root, "add", "stashed")
    git(root, "stash", "push", "-q", "--", "stashed")
    git(root, "add", "staged")
    stash, status = git(root, "stash", "list"), git(root, "status", "--porcelain")

    plan = await adapter.plan_landing("refs/heads/main", new, base)
    assert (plan.blocked, plan.checkout, plan.old) == ("", str(root), base)
    await adapter.land(plan)

    assert await adapter.landed(plan) is True
    assert git(root, "rev-parse", "main") == new
    assert (git(root, "stash", "list"), git(root, "status", "--porcelain")) == (stash, status)
    expected = files_below(directory)
    for path, text in {"mine.txt": b"dirty\n", "untracked": b"u\n", "a.ignored": b"i\n", "staged": b"s\n"}.items():
        expected[path] = ("100644", text)
    assert files_below(root) == expected
    assert not (root / "folder").exists()
    assert sorted(path.name for path in (root / ".git").glob("*land*")) == []
    assert git(root, "reflog", "-1", "--format=%gs", "HEAD") == "factory: land"


async def landed_completely(adapter: GitWorktrees, root: Path, plan: LandingPlan, directory: Path) -> None:
    await adapter.land(plan)
    assert await adapter.landed(plan) is True
    assert git(root, "rev-parse", "main") == plan.new
    assert git(root, "status", "--porcelain") == " M mine.txt"
    assert files_below(root) == {**files_below(directory), "mine.txt": ("100644", b"dirty\n")}
    assert sorted(path.name for path in (root / ".git").iterdir() if "land" in path.name or "lock" in path.name) == []


async def test_a_landing_killed_after_any_step_is_completed_by_the_same_call(tmp_path: Path) -> None:
    adapter, root, base, new, directory = await prepared(tmp_path)
    write(root, {"mine.txt": "dirty\n"})
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    pristine = tmp_path / "pristine"
    subprocess.run(["cp", "-a", str(root), str(pristine)], check=True)
    written = msgspec.json.encode(plan).decode()
    child_file = str(Path(__file__).with_name("landing_child.py"))
    seen: list[str] = []
    for number in range(1, 60):
        child = subprocess.run(
            [sys.executable, child_file, str(root), str(tmp_path / "place"), written, str(number)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent)},
            capture_output=True,
            check=False,
        )
        seen.append(child.stdout.decode().strip())
        if child.returncode == 0:
            break
        assert child.returncode == -9, child.stderr.decode()
        assert await adapter.landed(plan) is None, seen[-1]
        await landed_completely(adapter, root, plan, directory)
        root.rename(tmp_path / f"done-{number}")
        subprocess.run(["cp", "-a", str(pristine), str(root)], check=True)
    assert seen[-1] == "landed"
    assert {"begun", "index locked", "ref locked", "staged", "removed a file", "put a file aside"} < set(seen)
    assert {"wrote a file", "index written", "ref moved", "index released", "before the end"} < set(seen)


def stop_at(root: Path, place: Path, wanted: str, plan: LandingPlan, then: Callable[[], None]) -> None:
    """Runs `then` when the landing reaches a step, as another program would."""
    done = False

    def step(name: str) -> None:
        nonlocal done
        if name == wanted and not done:
            done = True
            then()

    GitWorktrees(str(root), str(place), step=step)._landings.land(plan)


@pytest.mark.parametrize(
    ("name", "path", "why"),
    [
        ("unstaged", "changed.py", "changed.py (changed)"),
        ("staged", "changed.py", "changed.py (staged)"),
        ("staged and put back", "changed.py", "changed.py (staged)"),
        ("deleted", "changed.py", "changed.py (deleted)"),
        ("mode", "changed.py", "changed.py (changed)"),
        ("untracked", "added/deep/y", "added/deep/y (untracked file in the way)"),
        ("ignored", "added/deep/y", "added/deep/y (untracked file in the way)"),
        ("file where a folder comes", "added", "added/deep/y (added is in the way)"),
        ("link where a folder comes", "added", "added/deep/y (added is in the way)"),
        ("untracked in a folder that becomes a file", "becomes_file/new", "becomes_file (becomes_file/new is in"),
        ("intent to add", "added/deep/y", "added/deep/y (unt"),
        ("assumed unchanged", "changed.py", "changed.py (unmerged, skipped or assumed"),
        ("changed where it goes", "removed.py", "removed.py (changed)"),
    ],
)
async def test_work_where_files_change_blocks_and_nothing_moves(tmp_path: Path, name: str, path: str, why: str) -> None:
    adapter, root, base, new, _ = await prepared(tmp_path)
    clean = await adapter.plan_landing("refs/heads/main", new, base)
    match name:
        case "mode":
            (root / path).chmod(0o755)
        case "deleted":
            (root / path).unlink()
        case "link where a folder comes":
            (tmp_path / "elsewhere/deep").mkdir(parents=True)
            (root / path).symlink_to(tmp_path / "elsewhere")
        case "assumed unchanged":
            git(root, "update-index", "--assume-unchanged", path)
        case _:
            write(root, {path: "of mine\n"})
    if name == "ignored":
        write(root, {".git/info/exclude": "added/\n"})
    if name.startswith("staged"):
        git(root, "add", path)
    if name == "staged and put back":
        write(root, {path: "old\n"})
    if name == "intent to add":
        git(root, "add", "-N", path)
    before, index = files_below(root), git(root, "ls-files", "-s", "-v")

    plan = await adapter.plan_landing("refs/heads/main", new, base)
    assert why in plan.blocked or (name == "intent to add" and "added/deep/y (" in plan.blocked)
    for planned in (plan, clean):  # the world may also move after the plan was made
        with pytest.raises(WorldError):
            await adapter.land(planned)
        assert await adapter.landed(planned) is False
    assert (files_below(root), git(root, "ls-files", "-s", "-v")) == (before, index)
    assert git(root, "rev-parse", "main") == base
    assert not (root / ".git/index.lock").exists()


@pytest.mark.parametrize("name", ["merge", "rebase", "twice", "gone", "filter", "eol", "ident", "autocrlf", "new eol"])
async def test_a_checkout_that_is_not_ready_blocks_and_says_why(tmp_path: Path, name: str) -> None:
    adapter, root, base, new, directory = await prepared(tmp_path)
    linked = tmp_path / "linked"
    match name:
        case "merge":
            write(root, {".git/MERGE_HEAD": f"{base}\n"})
        case "rebase":
            git(root, "checkout", "-q", "--detach")
            write(root, {".git/rebase-merge/head-name": "refs/heads/main\n"})
        case "twice":
            git(root, "worktree", "add", "-q", "-f", str(linked), "main")
        case "gone":
            git(root, "checkout", "-q", "--detach")
            git(root, "worktree", "add", "-q", str(linked), "main")
            linked.rename(tmp_path / "unplugged")
        case "filter":
            write(root, {".git/info/attributes": "*.py filter=lfs\n"})
        case "eol":
            write(root, {".git/info/attributes": "*.py eol=crlf\n"})
        case "ident":
            write(root, {".git/info/attributes": "*.py ident\n"})
        case "autocrlf":
            git(root, "config", "core.autocrlf", "true")
        case "new eol":
            write(directory, {".gitattributes": "*.py text eol=crlf\n"})
            imported = await adapter.import_tree(str(directory), base)
            new = await adapter.commit_tree(imported.tree, [base], "eol", "builder", WHEN, "refs/factory/eol")
    before = files_below(root)
    why = {
        "merge": "MERGE_HEAD",
        "rebase": "being rebased",
        "twice": "checked out twice",
        "gone": "which is not there",
        "filter": "changed.py (filter=lfs)",
        "eol": "changed.py (eol=crlf)",
        "ident": "changed.py (ident=set)",
        "autocrlf": "core.autocrlf",
        "new eol": "changed.py (eol=crlf)",
    }[name]
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    assert why in plan.blocked
    with pytest.raises(WorldError):
        await adapter.land(plan)
    assert (files_below(root), git(root, "rev-parse", "main")) == (before, base)


async def test_a_branch_that_moved_is_never_forced(tmp_path: Path) -> None:
    adapter, root, base, new, _ = await prepared(tmp_path)
    planned = [await adapter.plan_landing(ref, new, base) for ref in ("refs/heads/main", "refs/heads/factory/T-1")]
    other = commit(root, {"theirs": "1"})
    git(root, "branch", "factory/T-1", other)
    before = files_below(root)
    for plan in planned:
        with pytest.raises(WorldError):
            await adapter.land(plan)
        assert (await adapter.plan_landing(plan.ref, new, base)).blocked != ""
        assert git(root, "rev-parse", plan.ref) == other
    assert files_below(root) == before
    taken = await adapter.plan_landing("refs/heads/factory/T-1/part", new, base)
    assert "refs/heads/factory/T-1 exists" in taken.blocked


async def test_a_branch_wound_back_by_its_owner_stays_there(tmp_path: Path) -> None:
    root = repository(tmp_path, BEFORE)
    first = git(root, "rev-parse", "HEAD")
    base = commit(root, {"regretted": "1"})
    adapter = worktrees(tmp_path)
    new, _ = await candidate(adapter, base)
    git(root, "checkout", "-q", "--detach")
    git(root, "update-ref", "refs/heads/main", first)
    assert "does not build on" in (await adapter.plan_landing("refs/heads/main", new, base)).blocked


async def test_a_branch_checked_out_in_a_linked_worktree_moves_its_files_there(tmp_path: Path) -> None:
    adapter, root, base, new, directory = await prepared(tmp_path)
    git(root, "checkout", "-q", "--detach")
    linked = tmp_path / "linked"
    git(root, "worktree", "add", "-q", str(linked), "main")
    before = files_below(root)
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    assert (plan.checkout, plan.blocked) == (str(linked), "")
    await adapter.land(plan)
    assert git(linked, "status", "--porcelain") == ""
    linked_files = {path: what for path, what in files_below(linked).items() if path != ".git"}
    assert linked_files == files_below(directory)
    assert files_below(root) == before


async def test_a_detached_checkout_is_left_alone(tmp_path: Path) -> None:
    adapter, root, base, new, _ = await prepared(tmp_path)
    git(root, "checkout", "-q", "--detach")
    write(root, {"changed.py": "dirty\n"})
    before = files_below(root)
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    assert (plan.checkout, plan.blocked) == ("", "")
    await adapter.land(plan)
    assert (files_below(root), git(root, "rev-parse", "main"), git(root, "rev-parse", "HEAD")) == (before, new, base)


async def test_a_checkout_that_appears_after_the_plan_stops_it(tmp_path: Path) -> None:
    adapter, root, base, new, _ = await prepared(tmp_path)
    git(root, "checkout", "-q", "--detach")
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    git(root, "checkout", "-q", "main")
    with pytest.raises(WorldError, match="now checked out"):
        await adapter.land(plan)
    assert git(root, "rev-parse", "main") == base


async def test_somebody_elses_index_lock_is_respected(tmp_path: Path) -> None:
    adapter, root, base, new, directory = await prepared(tmp_path)
    write(root, {"mine.txt": "dirty\n"})
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    (root / ".git/index.lock").touch()
    before = files_below(root)
    with pytest.raises(WorldError, match=r"index\.lock exists"):
        await adapter.land(plan)
    assert (files_below(root), git(root, "rev-parse", "main")) == (before, base)
    assert (root / ".git/index.lock").read_bytes() == b""
    assert await adapter.landed(plan) is False
    (root / ".git/index.lock").unlink()
    await landed_completely(adapter, root, plan, directory)


async def test_no_git_command_of_the_users_interleaves(tmp_path: Path) -> None:
    adapter, root, base, new, _ = await prepared(tmp_path)
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    tried: list[str] = []

    def commit_meanwhile() -> None:
        tried.append(git(root, "commit", "--allow-empty", "-m", "mine", check=False))
        git(root, "update-ref", "refs/heads/main", f"{base}^0", new, check=False)

    stop_at(root, tmp_path / "place", "wrote a file", plan, commit_meanwhile)
    assert tried == [""]
    assert git(root, "rev-parse", "main") == new


@pytest.mark.parametrize("at", ["staged", "wrote a file"])
async def test_a_save_in_the_last_moment_loses_no_byte(tmp_path: Path, at: str) -> None:
    """The file is looked at after it was moved aside, so what was saved after the first look is found, and put back."""
    adapter, root, base, new, directory = await prepared(tmp_path)
    write(root, {"mine.txt": "dirty\n"})
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    before = files_below(root)
    with pytest.raises(WorldError, match=r"run\.sh changed while"):
        stop_at(root, tmp_path / "place", at, plan, lambda: write(root, {"run.sh": "precious\n"}))
    assert files_below(root) == {**before, "run.sh": ("100644", b"precious\n")}
    assert git(root, "rev-parse", "main") == base
    assert not (root / ".git/index.lock").exists()
    assert await adapter.landed(plan) is False
    with pytest.raises(WorldError, match=r"run\.sh \(changed\)"):
        await adapter.land(plan)
    assert (root / "run.sh").read_text() == "precious\n"

    write(root, {"run.sh": "#!/bin/sh\n"})
    await landed_completely(adapter, root, plan, directory)


async def test_a_file_that_appears_in_the_gap_is_not_overwritten(tmp_path: Path) -> None:
    adapter, root, base, new, directory = await prepared(tmp_path)
    write(root, {"mine.txt": "dirty\n"})
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    before = files_below(root)
    with pytest.raises(WorldError, match="appeared while"):
        stop_at(root, tmp_path / "place", "removed a file", plan, lambda: write(root, {"added/deep/y": "precious\n"}))
    assert files_below(root) == {**before, "added/deep/y": ("100644", b"precious\n")}
    assert await adapter.landed(plan) is False
    with pytest.raises(WorldError):
        await adapter.land(plan)
    assert (root / "added/deep/y").read_text() == "precious\n"
    (root / "added/deep/y").unlink()
    await landed_completely(adapter, root, plan, directory)


@pytest.mark.parametrize("steps", [9, 14])
async def test_work_begun_after_a_crash_is_kept_and_the_landing_taken_back(tmp_path: Path, steps: int) -> None:
    adapter, root, base, new, directory = await prepared(tmp_path)
    write(root, {"mine.txt": "dirty\n"})
    before = files_below(root)
    child_file = str(Path(__file__).with_name("landing_child.py"))
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    subprocess.run(
        [sys.executable, child_file, str(root), str(tmp_path / "place"), msgspec.json.encode(plan), str(steps)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        check=False,
    )
    assert await adapter.landed(plan) is None
    assert files_below(root) != before
    write(root, {"run.sh": "precious\n"})
    with pytest.raises(WorldError, match=r"run\.sh \(changed\)"):
        await adapter.land(plan)
    assert files_below(root) == {**before, "run.sh": ("100644", b"precious\n")}
    assert (await adapter.landed(plan), git(root, "rev-parse", "main")) == (False, base)
    write(root, {"run.sh": "#!/bin/sh\n"})
    await landed_completely(adapter, root, plan, directory)


async def test_only_branches_are_landed_on(tmp_path: Path) -> None:
    adapter, _, base, new, _ = await prepared(tmp_path)
    for ref in ("main", "HEAD", "refs/tags/v1", "refs/heads/../x", "refs/heads/a b", "--stdin"):
        with pytest.raises(WorldError):
            await adapter.plan_landing(ref, new, base)
