"""A worktree is read as data: what is in it decides nothing about how it is read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from real_git import CLEAN, commit, files_below, git, repository, worktrees

from factory_tui.adapters.git import find_repository, open_private
from factory_tui.adapters.importing import Bounds, scan
from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.domain.errors import WorldError
from factory_tui.domain.globs import fold
from factory_tui.domain.terms import Change
from factory_tui.engine.ports import ImportedTree


async def opened(tmp_path: Path, files: dict[str, str | bytes] | None = None) -> tuple[GitWorktrees, Path, str]:
    root = repository(tmp_path, files)
    base = git(root, "rev-parse", "HEAD")
    adapter = worktrees(tmp_path)
    return adapter, Path(await adapter.open_worktree("T-1", base)), base


async def test_an_untouched_worktree_is_its_base(tmp_path: Path) -> None:
    adapter, directory, base = await opened(tmp_path)
    tree = await adapter.tree_of(base)
    assert await adapter.import_tree(str(directory), base) == ImportedTree(
        tree=tree, base=base, base_tree=tree, change=Change(files=())
    )


@pytest.mark.parametrize("count", [3, 150])
async def test_an_imported_tree_is_the_one_git_would_have_written(tmp_path: Path, count: int) -> None:
    """Fewer objects become loose ones, more stay in a pack; `git fsck` finds nothing either way."""
    adapter, directory, base = await opened(tmp_path)
    for number in range(count):
        place = directory / f"d{number % 7}/e.{number}"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"{number}\n" * number)
    (directory / "d1.x").write_text("sorts between d1 and d1/")
    (directory / "src/a.py").chmod(0o755)
    (directory / "src/b.py").unlink()
    (directory / "src/link").symlink_to("../README.md")

    imported = await adapter.import_tree(str(directory), base)

    control = tmp_path / "control"
    control.mkdir()
    git(control, "init", "-q")
    subprocess.run(["cp", "-a", f"{directory}/.", str(control)], check=True)
    git(control, "add", "-A")
    assert imported.tree == git(control, "write-tree")
    assert imported.refused == ()
    root = tmp_path / "repository"
    checked = subprocess.run(["git", "fsck", "--strict"], cwd=root, env=CLEAN, capture_output=True, check=True)
    assert b"error" not in checked.stderr
    copy = await adapter.export(imported.tree, "copy")
    assert files_below(Path(copy)) == files_below(directory)


async def test_bytes_are_taken_whatever_the_time_stamps_say(tmp_path: Path) -> None:
    adapter, directory, base = await opened(tmp_path)
    before = (directory / "src/a.py").stat()
    (directory / "src/a.py").write_text("a = 2\n")
    os.utime(directory / "src/a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (await adapter.import_tree(str(directory), base)).change.paths == ("src/a.py",)


async def test_only_the_ignore_files_of_the_base_hide_anything(tmp_path: Path) -> None:
    adapter, directory, base = await opened(
        tmp_path,
        {".gitignore": "*.log\nbuild/\n!keep.log\n", "sub/.gitignore": "/local\n", "tracked.log": "1", "sub/x": "x"},
    )
    root = tmp_path / "repository"
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/exclude").write_text("mine\n")
    git(root, "config", "core.excludesFile", str(tmp_path / "excludes"))
    (tmp_path / "excludes").write_text("mine-too\n")
    for path in ("x.log", "build/deep/out", "sub/local", "deep/er/y.log", "build2/x", "keep.log", "mine", "mine-too"):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text("x")
    os.mkfifo(directory / "build/pipe")
    (directory / "tracked.log").write_text("2")
    (directory / "new/.gitignore").parent.mkdir()
    (directory / "new/.gitignore").write_text("*\n")
    (directory / "new/hidden.py").write_text("x")
    (directory / ":(top)odd").write_text("x")

    imported = await adapter.import_tree(str(directory), base)

    assert set(imported.change.paths) == {
        "tracked.log",
        "build2/x",
        "keep.log",
        "mine",
        "mine-too",
        "new/.gitignore",
        "new/hidden.py",
        ":(top)odd",
    }
    assert imported.newly_ignored == ("new/.gitignore", "new/hidden.py")
    assert imported.refused == ()


async def test_a_changed_ignore_file_hides_nothing_from_its_own_import(tmp_path: Path) -> None:
    adapter, directory, base = await opened(tmp_path, {".gitignore": "", "a": "a"})
    (directory / ".gitignore").write_text("conftest.py\n")
    (directory / "conftest.py").write_text("evil")
    imported = await adapter.import_tree(str(directory), base)
    assert imported.change.paths == (".gitignore", "conftest.py")
    assert imported.newly_ignored == ("conftest.py",)


def special(directory: Path, name: str) -> None:
    match name:
        case "nested repository":
            subprocess.run(["git", "init", "-q", str(directory / "src/n")], env=CLEAN, check=True)
        case "git file at the top":
            (directory / ".git").write_text("gitdir: /elsewhere\n")
        case "capital":
            (directory / "sub/.GiT").mkdir(parents=True)
        case "full-width":
            (directory / "．ｇｉｔ").mkdir()
        case "stream":
            (directory / ".git::$INDEX_ALLOCATION").mkdir()
        case "short name":
            (directory / "GIT~1").mkdir()
        case "pipe":
            os.mkfifo(directory / "src/pipe")
        case "pipe in place of a file":
            (directory / "src/a.py").unlink()
            os.mkfifo(directory / "src/a.py")
        case "absolute link":
            (directory / "link").symlink_to("/etc/passwd")
        case "escaping link":
            (directory / "src/link").symlink_to("../../x")
        case "link through a link":
            (directory / "src/up").symlink_to("..")
            (directory / "link").symlink_to("src/up/../secret")
        case "link to metadata":
            (directory / "link").symlink_to(".git/config")
        case "control":
            (directory / "a\nb").write_text("x")
        case "bidi":
            (directory / "a\u202egpj.py").write_text("x")
        case "invisible":
            (directory / "D\u200dNA.md").write_text("x")
        case "filler":
            (directory / "D\u3164NA.md").write_text("x")
        case "undecodable":
            (directory / os.fsdecode(b"a\xff")).write_text("x")
        case "backslash":
            (directory / "rules\\x").write_text("x")
        case "case collision":
            (directory / "SRC").mkdir()
            (directory / "SRC/new").write_text("x")
        case "compatibility collision":
            (directory / "ＲＥＡＤＭＥ.md").write_text("x")
        case "trailing dot":
            (directory / "README.md.").write_text("x")
        case "deep":
            (directory / "/".join("d" * 70)).mkdir(parents=True)
        case _:
            raise AssertionError(name)


REFUSED = {
    "nested repository": "src/n/.git: git metadata inside a worktree",
    "git file at the top": ".git: git metadata inside a worktree",
    "capital": "sub/.GiT: git metadata inside a worktree",
    "full-width": "．ｇｉｔ: git metadata inside a worktree",
    "stream": ".git::$INDEX_ALLOCATION: git metadata inside a worktree",
    "short name": "GIT~1: git metadata inside a worktree",
    "pipe": "src/pipe: neither a file, a link nor a folder",
    "pipe in place of a file": "src/a.py: neither a file, a link nor a folder",
    "absolute link": "link: the link is absolute (/etc/passwd)",
    "escaping link": "src/link: the link leaves the tree (../../x)",
    "link through a link": "link: the link leaves the tree (src/up/../secret)",
    "link to metadata": "link: the link leads to git metadata (.git/config)",
    "control": "a\\u000ab: an invisible or control character in the name (U+000A)",
    "bidi": "a\\u202egpj.py: an invisible or control character in the name (U+202E)",
    "invisible": "D\\u200dNA.md: an invisible or control character in the name (U+200D)",
    "filler": "D\u3164NA.md: an invisible or control character in the name (U+3164)",
    "undecodable": "a\\udcff: the name is not UTF-8",
    "backslash": "rules\\x: a backslash in the name: some systems take it for a folder",
    "case collision": "SRC: the same name as src on some file systems",
    "compatibility collision": "ＲＥＡＤＭＥ.md: the same name as README.md on some file systems",
    "trailing dot": "README.md.: the same name as README.md on some file systems",
    "deep": "/".join("d" * 64) + ": deeper than 64 folders",
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_no_tree_may_hold_is_refused_by_name(tmp_path: Path, name: str) -> None:
    adapter, directory, base = await opened(tmp_path)
    special(directory, name)
    imported = await adapter.import_tree(str(directory), base)
    assert imported.refused == (REFUSED[name],)


async def test_what_the_base_has_and_nobody_touched_passes(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / "link").symlink_to("/etc/passwd")
    base = commit(root, {os.fsdecode(b"a\xff"): "x", "tab\t": "x", "README.MD": "x"})
    adapter = worktrees(tmp_path)
    directory = Path(await adapter.open_worktree("T-1", base))
    (directory / "fine").write_text("x")
    imported = await adapter.import_tree(str(directory), base)
    assert imported.refused == ()
    assert imported.change.paths == ("fine",)

    (directory / os.fsdecode(b"a\xff")).unlink()
    (directory / "tab\t").write_text("y")
    (directory / "link").unlink()
    (directory / "link").symlink_to("/etc/shadow")
    assert (await adapter.import_tree(str(directory), base)).refused == (
        "a\\udcff: the name is not UTF-8",
        "link: the link is absolute (/etc/shadow)",
        "tab\\u0009: an invisible or control character in the name (U+0009)",
    )


async def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    adapter, directory, base = await opened(tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.py").write_text("secret")
    (directory / "src").rename(tmp_path / "moved")
    (directory / "src").symlink_to(tmp_path / "outside")
    imported = await adapter.import_tree(str(directory), base)
    assert imported.refused == (f"src: the link is absolute ({tmp_path}/outside)",)
    assert b"secret" not in await adapter.diff(base, imported.base) + await adapter.diff(base, imported.tree)
    with pytest.raises(WorldError):
        await adapter.import_tree(str(directory / "src"), base)


async def test_a_hard_link_is_the_bytes_it_holds(tmp_path: Path) -> None:
    adapter, directory, base = await opened(tmp_path)
    os.link(directory / "src/a.py", directory / "src/c.py")
    imported = await adapter.import_tree(str(directory), base)
    assert imported.refused == ()
    assert imported.change.paths == ("src/c.py",)


async def test_sizes_and_counts_have_bounds(tmp_path: Path) -> None:
    root = repository(tmp_path)
    base = git(root, "rev-parse", "HEAD")
    adapter = GitWorktrees(str(root), str(tmp_path / "place"), bounds=Bounds(files=5, file_bytes=2_000_000))
    directory = Path(await adapter.open_worktree("T-1", base))
    (directory / "large").write_bytes(b"x" * 2_000_001)
    assert (await adapter.import_tree(str(directory), base)).refused == ("large: larger than 2 MB",)
    for number in range(3):
        (directory / f"f{number}").write_text("x")
    with pytest.raises(WorldError, match="more than 5 files"):
        await adapter.import_tree(str(directory), base)


async def test_a_file_that_cannot_be_read_is_refused_and_stays_as_the_base_has_it(tmp_path: Path) -> None:
    adapter, directory, base = await opened(tmp_path)
    os.truncate(directory / "README.md", 0)
    (directory / "README.md").unlink()
    os.mkfifo(directory / "README.md")
    imported = await adapter.import_tree(str(directory), base)
    assert imported.tree == imported.base_tree
    assert imported.refused == ("README.md: neither a file, a link nor a folder",)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """/proc/self/stat says it has no bytes and then gives some, as a file does that somebody appends to."""
    root = repository(tmp_path)
    private = open_private(find_repository(str(root)), str(tmp_path / "place"))
    (tmp_path / "place/scratch").mkdir()
    directory = tmp_path / "growing"
    directory.mkdir()
    base = git(root, "rev-parse", "HEAD")
    found = scan(private, f"/proc/{os.getpid()}/net/stat", base, tmp_path / "place/scratch")
    assert found.refused
    assert all("changed while it was read" in why for why in found.refused)


@pytest.mark.parametrize(
    ("one", "other"), [("DNA.md", "dna.MD"), ("rules/x", "ｒules/x"), ("a", "a."), ("a", "a\u200d"), ("é", "e\u0301")]
)
def test_two_names_that_fold_alike_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)
