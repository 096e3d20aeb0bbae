"""Worktrees are plain directories made from objects, and none ends before it is kept."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from real_git import commit, files_below, git, repository, worktrees

from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Change, FileChange, Line
from factory_tui.engine.ports import Worktrees

AWKWARD: dict[str, str | bytes] = {
    ".gitattributes": "hidden.txt export-ignore\n*.crlf text eol=crlf\n*.id ident\n*.bin filter=lfs\n*.py -diff\n",
    "hidden.txt": "seen\n",
    "unix.crlf": "one\ntwo\n",
    "keyword.id": "$Id$\n",
    "large.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "odd name.txt": "x",
    "bytes": bytes(range(256)),
    "empty": "",
}


def conforms(adapter: GitWorktrees) -> Worktrees:
    return adapter


async def test_a_worktree_holds_the_raw_bytes_of_its_base_whatever_its_attributes_say(tmp_path: Path) -> None:
    root = repository(tmp_path, AWKWARD)
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("odd name.txt")
    base = commit(root, {})

    directory = Path(await conforms(worktrees(tmp_path)).open_worktree("T-1", base))

    assert files_below(directory) == files_below(root)
    assert files_below(directory)["run.sh"][0] == "100755"
    assert not (directory / ".git").exists()
    # The control: git's own ways do alter them.
    git(root, "archive", "--output", str(tmp_path / "tree.tar"), "HEAD")
    with tarfile.open(tmp_path / "tree.tar") as archive:
        assert "hidden.txt" not in archive.getnames()


async def test_a_submodule_is_an_empty_directory_and_stays_in_the_tree(tmp_path: Path) -> None:
    root = repository(tmp_path)
    first = git(root, "rev-parse", "HEAD")
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{first},vendor/lib")
    git(root, "commit", "-q", "-m", "submodule")
    base = git(root, "rev-parse", "HEAD")
    adapter = worktrees(tmp_path)
    directory = Path(await adapter.open_worktree("T-1", base))

    assert list((directory / "vendor/lib").iterdir()) == []
    assert (await adapter.import_tree(str(directory), base)).change == Change(files=())
    (directory / "vendor/lib/mine.c").write_text("x")
    assert (await adapter.import_tree(str(directory), base)).refused == (
        "vendor/lib: files inside a submodule: it is another repository's",
    )


async def test_opening_again_returns_the_work_as_it_is(tmp_path: Path) -> None:
    root = repository(tmp_path)
    base = git(root, "rev-parse", "HEAD")
    directory = Path(await worktrees(tmp_path).open_worktree("T-1", base))
    (directory / "src/a.py").write_text("half done\n")

    assert await worktrees(tmp_path).open_worktree("T-1", base) == str(directory)
    assert (directory / "src/a.py").read_text() == "half done\n"
    with pytest.raises(WorldError, match="stands on"):
        await worktrees(tmp_path).open_worktree("T-1", commit(root, {"c": "c"}))


@pytest.mark.parametrize("step", ["laid out", "recorded"])
async def test_a_crash_while_opening_leaves_no_half_worktree(tmp_path: Path, step: str) -> None:
    root = repository(tmp_path)
    base = git(root, "rev-parse", "HEAD")

    def die(name: str) -> None:
        if name == step:
            raise KeyboardInterrupt

    dying = GitWorktrees(str(root), str(tmp_path / "place"), step=die)
    with pytest.raises(KeyboardInterrupt):
        dying._open_worktree("T-1", base)
    assert await worktrees(tmp_path).worktree_path("T-1") == ""
    directory = await worktrees(tmp_path).open_worktree("T-1", base)
    assert files_below(Path(directory)) == files_below(root)


@pytest.mark.parametrize("step", ["", "closing", "kept", "gone"])
async def test_closing_keeps_every_file_first_even_when_it_is_interrupted(tmp_path: Path, step: str) -> None:
    root = repository(tmp_path, {".gitignore": "*.log\n", "a": "1"})
    base = git(root, "rev-parse", "HEAD")
    directory = Path(await worktrees(tmp_path).open_worktree("T-1", base))
    (directory / "build.log").write_text("ignored, kept all the same")
    (directory / "absolute").symlink_to("/usr/bin/env")
    (directory / "sub").mkdir()
    (directory / "sub/new").write_text("new")
    (directory / "sub").chmod(0o555)
    expected = files_below(directory)

    def die(name: str) -> None:
        if name == step:
            raise KeyboardInterrupt

    if step:
        with pytest.raises(KeyboardInterrupt):
            GitWorktrees(str(root), str(tmp_path / "place"), step=die)._close_worktree("T-1", "T-1")
    ref = await worktrees(tmp_path).close_worktree("T-1", "T-1")

    assert ref == "refs/factory/kept/T-1/1"
    assert git(root, "rev-parse", f"{ref}^") == base
    adapter = worktrees(tmp_path)
    copy = await adapter.export(git(root, "rev-parse", ref), "look")
    assert files_below(Path(copy)) == expected
    assert not directory.exists()
    assert list((tmp_path / "place/closing").iterdir()) == []
    assert await adapter.worktree_path("T-1") == ""


async def test_a_worktree_with_a_thing_no_tree_can_hold_stays(tmp_path: Path) -> None:
    root = repository(tmp_path)
    adapter = worktrees(tmp_path)
    directory = Path(await adapter.open_worktree("T-1", git(root, "rev-parse", "HEAD")))
    os.mkfifo(directory / "pipe")
    with pytest.raises(WorldError, match="pipe: neither a file"):
        await adapter.close_worktree("T-1", "T-1")
    assert (directory / "pipe").exists()
    assert git(root, "for-each-ref", "refs/factory") == ""


async def test_discarding_removes_exports_and_nothing_else(tmp_path: Path) -> None:
    root = repository(tmp_path)
    adapter = worktrees(tmp_path)
    base = git(root, "rev-parse", "HEAD")
    worktree = await adapter.open_worktree("T-1", base)
    place = tmp_path / "place"
    (place / "exports/link").symlink_to(root)
    for victim in (
        worktree,
        str(root),
        str(place / "exports/../open/T-1"),
        str(place / "exports"),
        str(place / "exports/.."),
        str(place / "exports/link"),
        "exports/look",
        "",
    ):
        with pytest.raises(WorldError, match="not ours to remove"):
            await adapter.discard_export(victim)
    assert Path(worktree).is_dir()
    assert (root / "src/a.py").exists()

    directory = await adapter.export(base, "look")
    (Path(directory) / "stale").write_text("left by a crash")
    directory = await adapter.export(base, "look")
    assert files_below(Path(directory)) == files_below(root)
    await adapter.discard_export(directory)
    assert not Path(directory).exists()


async def test_the_same_commit_has_the_same_id_and_is_reachable(tmp_path: Path) -> None:
    root = repository(tmp_path)
    adapter = worktrees(tmp_path)
    base = git(root, "rev-parse", "HEAD")
    tree = await adapter.tree_of(base)
    when = "2026-01-02T03:04:05.678Z"
    ids = [
        await adapter.commit_tree(tree, [base], "Say hello\n", "builder", when, f"refs/factory/t/{n}") for n in (1, 2)
    ]
    assert ids[0] == ids[1] == git(root, "rev-parse", "refs/factory/t/1")
    assert git(root, "show", "-s", "--format=%an <%ae> %cn <%ce> %at %s", ids[0]) == (
        "Factory builder <builder@factory.invalid> Factory builder <builder@factory.invalid> 1767323045 Say hello"
    )


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/x", "refs/factory/../heads/x", "HEAD", "-d"])
async def test_a_commit_is_kept_in_no_place_but_the_factorys(tmp_path: Path, ref: str) -> None:
    root = repository(tmp_path)
    adapter = worktrees(tmp_path)
    base = git(root, "rev-parse", "HEAD")
    with pytest.raises(WorldError):
        await adapter.commit_tree(await adapter.tree_of(base), [], "x", "builder", "2026-01-02T03:04:05Z", ref)
    assert git(root, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


async def test_a_keeping_ref_never_leaves_a_commit_behind(tmp_path: Path) -> None:
    root = repository(tmp_path)
    adapter = worktrees(tmp_path)
    base = git(root, "rev-parse", "HEAD")
    tree = await adapter.tree_of(base)
    first = await adapter.commit_tree(tree, [base], "1", "builder", "2026-01-02T03:04:05Z", "refs/factory/x")
    with pytest.raises(WorldError, match="unreachable"):
        await adapter.commit_tree(tree, [base], "2", "builder", "2026-01-02T03:04:05Z", "refs/factory/x")
    second = await adapter.commit_tree(tree, [first], "2", "builder", "2026-01-02T03:04:05Z", "refs/factory/x")
    assert git(root, "rev-parse", "refs/factory/x") == second


async def test_no_attribute_hides_a_change(tmp_path: Path) -> None:  # T: `*.py -diff` and textconv
    root = repository(tmp_path, {".gitattributes": "*.py -diff\n*.md diff=lie\n", "a.py": "x = 1\n", "b.md": "true\n"})
    git(root, "config", "diff.lie.textconv", "echo same #")
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/attributes").write_text("*.py -diff\n")
    old = git(root, "rev-parse", "HEAD")
    new = commit(root, {"a.py": "x = 2\n", "b.md": "false\n"})
    adapter = worktrees(tmp_path)

    assert "x = 2" not in git(root, "diff", old, new)
    assert "false" not in git(root, "diff", old, new)
    text = (await adapter.diff(old, new)).decode()
    assert "+x = 2" in text
    assert "+false" in text
    assert await adapter.change(old, new) == Change(
        files=(
            FileChange(
                path="a.py",
                old_mode="100644",
                new_mode="100644",
                added=(Line(number=1, text="x = 2"),),
                removed=(Line(number=1, text="x = 1"),),
            ),
            FileChange(
                path="b.md",
                old_mode="100644",
                new_mode="100644",
                added=(Line(number=1, text="false"),),
                removed=(Line(number=1, text="true"),),
            ),
        )
    )


async def test_a_change_says_modes_lines_links_and_what_cannot_be_matched(tmp_path: Path) -> None:
    root = repository(
        tmp_path, {"mode.sh": "x\n", "type": "file\n", "gone": "1\n2\n", "sly": "@@ -1 +1 @@\ndiff --git a/x b/x\n"}
    )
    old = git(root, "rev-parse", "HEAD")
    (root / "mode.sh").chmod(0o755)
    (root / "type").unlink()
    (root / "type").symlink_to("mode.sh")
    (root / "gone").unlink()
    new = commit(
        root,
        {
            "nul.sh": b"rm -rf /\n\0\n",
            "late.bin": b"a" * 9000 + b"\0\nsecret\n",
            "sly": "--- a/x\n+++ b/y\n@@ -1 +1 @@\ndiff --git a/x b/x\n",
            "long": "short\n" + "y" * 3000 + "\nno newline",
            "new line\nand tab\t": "x",
            "empty": "",
        },
    )
    change = await worktrees(tmp_path).change(old, new)
    by_path = {file.path: file for file in change.files}

    def lines(*texts: str, start: int = 1) -> tuple[Line, ...]:
        return tuple(Line(number=number, text=text) for number, text in enumerate(texts, start))

    assert by_path == {
        "mode.sh": FileChange(path="mode.sh", old_mode="100644", new_mode="100755"),
        "type": FileChange(
            path="type", old_mode="100644", new_mode="120000", added=lines("mode.sh"), removed=lines("file")
        ),
        "gone": FileChange(path="gone", old_mode="100644", removed=lines("1", "2")),
        "nul.sh": FileChange(path="nul.sh", new_mode="100644", binary=True, added=lines("rm -rf /", "\0")),
        "late.bin": FileChange(
            path="late.bin", new_mode="100644", binary=True, added=lines("secret", start=2), long_lines=(1,)
        ),
        "sly": FileChange(path="sly", old_mode="100644", new_mode="100644", added=lines("--- a/x", "+++ b/y")),
        "long": FileChange(
            path="long",
            new_mode="100644",
            added=(Line(number=1, text="short"), Line(number=3, text="no newline")),
            long_lines=(2,),
        ),
        "new line\\u000aand tab\\u0009": FileChange(
            path="new line\\u000aand tab\\u0009", new_mode="100644", added=lines("x")
        ),
        "empty": FileChange(path="empty", new_mode="100644"),
    }


async def test_merging_runs_no_driver_and_names_the_conflicts(tmp_path: Path) -> None:
    root = repository(tmp_path, {".gitattributes": "* merge=evil\n", "a": "1\n2\n3\n4\n5\n", "b": "1\n"})
    git(root, "config", "merge.evil.driver", f"touch {tmp_path}/executed")
    base = git(root, "rev-parse", "HEAD")
    ours = commit(root, {"a": "one\n2\n3\n4\n5\n"})
    git(root, "checkout", "-q", "-b", "other", base)
    theirs = commit(root, {"a": "1\n2\n3\n4\nfive\n"})
    clash = commit(root, {"a": "uno\n2\n3\n4\nfive\n"})
    adapter = worktrees(tmp_path)

    merged = await adapter.merge(base, ours, theirs)
    assert merged.conflicts == ()
    assert (await adapter.read_file(ours, "a")) == b"one\n2\n3\n4\n5\n"
    assert git(root, "cat-file", "blob", f"{merged.tree}:a") == "one\n2\n3\n4\nfive"
    assert (await adapter.merge(base, ours, clash)).conflicts == ("a",)
    assert not (tmp_path / "executed").exists()
    git(root, "merge", "-q", ours, check=False)
    assert (tmp_path / "executed").exists()  # the control


async def test_names_that_mean_something_to_git_or_the_file_system_are_refused(tmp_path: Path) -> None:
    base = git(repository(tmp_path), "rev-parse", "HEAD")
    adapter = worktrees(tmp_path)
    for name in ("", "..", "a/b", "../x", "-f", ".hidden", "x.lock", "a..b", "a b", "x" * 200):
        with pytest.raises(WorldError):
            await adapter.open_worktree(name, base)
    for commitish in ("HEAD", "--help", "main", base[:12]):
        with pytest.raises(WorldError):
            await adapter.tree_of(commitish)
    for unknown in ("nothing", "--help", ""):
        with pytest.raises(WorldError):
            await adapter.resolve(unknown)


async def test_reading_needs_the_exact_path_of_a_file(tmp_path: Path) -> None:
    root = repository(tmp_path, {"docs/a.md": "a", "docs/[x].md": "x", ":(top)odd": "odd"})
    (root / "link").symlink_to("docs/a.md")
    base = commit(root, {})
    adapter = worktrees(tmp_path)
    read = {path: await adapter.read_file(base, path) for path in ("docs/a.md", "docs/[x].md", ":(top)odd")}
    assert read == {"docs/a.md": b"a", "docs/[x].md": b"x", ":(top)odd": b"odd"}
    for path in ("docs", "docs/", "docs/*.md", "link", "link/x", "../repository/docs/a.md", "", "nothing"):
        assert await adapter.read_file(base, path) is None, path
    assert await adapter.list_files(base, "docs") == ("docs/[x].md", "docs/a.md")


async def test_a_base_needs_a_branch_with_a_commit(tmp_path: Path) -> None:
    root = repository(tmp_path)
    adapter = worktrees(tmp_path)
    assert await adapter.base_ref() == "refs/heads/main"
    assert await adapter.head() == git(root, "rev-parse", "main")
    git(root, "checkout", "-q", "--detach")
    with pytest.raises(WorldError, match="detached"):
        await adapter.base_ref()
    git(root, "checkout", "-q", "--orphan", "fresh")
    with pytest.raises(WorldError, match="unborn"):
        await adapter.base_ref()
    with pytest.raises(WorldError, match="not the top of a git checkout"):
        GitWorktrees(str(tmp_path), str(tmp_path / "elsewhere"))


async def test_a_sha256_repository_works_the_same(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main", "--object-format=sha256")
    base = commit(root, {"a": "1\n"})
    adapter = worktrees(tmp_path)
    directory = await adapter.open_worktree("T-1", base)
    (Path(directory) / "b").write_text("2\n")
    imported = await adapter.import_tree(directory, base)
    new = await adapter.commit_tree(imported.tree, [base], "b", "builder", "2026-01-02T03:04:05Z", "refs/factory/b")
    plan = await adapter.plan_landing("refs/heads/main", new, base)
    await adapter.land(plan)
    assert git(root, "status", "--porcelain") == ""
    assert (root / "b").read_text() == "2\n"
