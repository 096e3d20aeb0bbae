"""Whatever a repository or a worktree holds, our git calls execute none of it. Plain git springs each trap first."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from real_git import CLEAN, commit, git, repository, write

from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.domain.errors import WorldError

WHEN = "2026-01-02T03:04:05Z"
FILES: dict[str, str | bytes] = {"src/a.py": "a\n", "src/b.py": "b\n"}


@dataclass(frozen=True)
class Trap:
    """`plant` gets the repository (or the open worktree) and the program to run; `spring` is a shell line there."""

    name: str
    plant: Callable[[Path, str], None]
    spring: str


def configured(*pairs: tuple[str, str], attributes: str = "") -> Callable[[Path, str], None]:
    def plant(root: Path, program: str) -> None:
        for key, value in pairs:
            git(root, "config", key, value.replace("X", program))
        if attributes:
            write(root, {".git/info/attributes": attributes})
        write(root, {"src/a.py": "dirty\n"})

    return plant


def hooked(*names: str) -> Callable[[Path, str], None]:
    def plant(root: Path, program: str) -> None:
        for name in names:
            write(root, {f".git/hooks/{name}": f"#!/bin/sh\n{program}\n"})
            (root / ".git/hooks" / name).chmod(0o755)
        write(root, {"src/a.py": "dirty\n"})

    return plant


def hooks_elsewhere(root: Path, program: str) -> None:
    write(root, {"h/pre-commit": f"#!/bin/sh\n{program}\n", "h/reference-transaction": f"#!/bin/sh\n{program}\n"})
    for name in ("pre-commit", "reference-transaction"):
        (root / "h" / name).chmod(0o755)
    git(root, "config", "core.hooksPath", "h")


def included(root: Path, program: str) -> None:
    write(root, {"evil.cfg": f"[core]\n\tfsmonitor = {program}\n"})
    git(root, "config", "include.path", "../evil.cfg")


def per_worktree(root: Path, program: str) -> None:
    git(root, "config", "extensions.worktreeConfig", "true")
    git(root, "config", "--worktree", "core.fsmonitor", program)


def merge_driver(root: Path, program: str) -> None:
    configured(("merge.z.driver", "X"), attributes="*.py merge=z\n")(root, program)
    git(root, "checkout", "-q", "src/a.py")
    git(root, "branch", "other")
    commit(root, {"src/a.py": "1\n"})
    git(root, "checkout", "-q", "other")
    commit(root, {"src/a.py": "2\n"})


SIGNED = "tree {tree}\nauthor a <a@b> 0 +0000\ncommitter a <a@b> 0 +0000\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n"


def signed_commit(root: Path, program: str) -> None:
    git(root, "config", "gpg.program", program)
    body = SIGNED.format(tree=git(root, "rev-parse", "HEAD^{tree}")) + " -----END PGP SIGNATURE-----\n\nsigned\n"
    (root.parent / "commit").write_text(body)
    git(
        root,
        "update-ref",
        "refs/heads/main",
        git(root, "hash-object", "-w", "-t", "commit", str(root.parent / "commit")),
    )
    git(root, "config", "log.showSignature", "true")


IN_THE_REPOSITORY = (
    Trap("pre-commit hook", hooked("pre-commit"), "git commit -qam x"),
    Trap("post-checkout hook", hooked("post-checkout", "post-index-change"), "git checkout -q -b zz"),
    Trap("reference-transaction hook", hooked("reference-transaction"), "git update-ref refs/heads/q HEAD"),
    Trap("hooks elsewhere", hooks_elsewhere, "git add -A; git commit -qam x"),
    Trap("file system monitor", configured(("core.fsmonitor", "X")), "git status"),
    Trap("monitor, hooks off", configured(("core.fsmonitor", "X")), "git -c core.hooksPath=/dev/null diff --stat"),
    Trap("external diff", configured(("diff.external", "X")), "git diff"),
    Trap("diff driver", configured(("diff.z.command", "X"), attributes="*.py diff=z\n"), "git diff"),
    Trap("textconv", configured(("diff.z.textconv", "X"), attributes="*.py diff=z\n"), "git diff"),
    Trap("clean filter", configured(("filter.z.clean", "X"), attributes="*.py filter=z\n"), "git add -A"),
    Trap(
        "smudge filter",
        configured(("filter.z.smudge", "X"), attributes="*.py filter=z\n"),
        "rm src/a.py; git checkout src/a.py",
    ),
    Trap(
        "filter process",
        configured(("filter.z.process", "X"), attributes="*.py filter=z\n"),
        "git hash-object src/a.py",
    ),
    Trap("merge driver", merge_driver, "git merge main"),
    Trap("included config", included, "git status"),
    Trap("config of one worktree", per_worktree, "git status"),
    Trap("signature program", signed_commit, "git log -1"),
    Trap("editor", configured(("core.editor", "X")), "git commit -a"),
    Trap("trailer", configured(("trailer.z.cmd", "X")), "echo m | git interpret-trailers --trailer z=1"),
    Trap("ssh", configured(("core.sshCommand", "X"), ("remote.origin.url", "h@localhost:x")), "git fetch origin"),
    Trap(
        "ext remote", configured(("protocol.ext.allow", "always"), ("remote.origin.url", "ext::X")), "git fetch origin"
    ),
    Trap(
        "credential helper",
        configured(("credential.helper", "!X")),
        "echo url=http://a.invalid | git credential fill",
    ),
    Trap("alias", configured(("alias.lst", "!X")), "git lst"),
)


def pointer(directory: Path, program: str) -> None:
    evil = directory.parent.parent / "evil"
    git(directory.parent, "init", "-q", str(evil))
    git(evil, "config", "core.fsmonitor", program)
    write(directory, {".git": f"gitdir: {evil}/.git\n"})


def own_repository(directory: Path, program: str) -> None:
    git(directory, "init", "-q")
    git(directory, "config", "core.fsmonitor", program)


def nested(directory: Path, program: str) -> None:
    git(directory, "init", "-q", "src/n")
    git(directory / "src/n", "commit", "-q", "--allow-empty", "-m", "n")
    git(directory / "src/n", "config", "core.fsmonitor", program)


def buried(directory: Path, program: str) -> None:
    git(directory, "init", "-q", "--bare", "bare")
    git(directory / "bare", "config", "core.bare", "false")
    git(directory / "bare", "config", "core.worktree", ".")
    git(directory / "bare", "config", "core.fsmonitor", program)


IN_THE_WORKTREE = (
    Trap(".git that points elsewhere", pointer, "git status"),
    Trap("a repository of its own", own_repository, "git status"),
    Trap("a nested repository", nested, "cd src/n && git status"),
    Trap("a buried bare repository", buried, "cd bare && git status"),
)


def armed(tmp_path: Path) -> tuple[Path, str, Callable[[], bool]]:
    root = repository(tmp_path, FILES)
    git(root, "config", "user.name", "user")
    git(root, "config", "user.email", "user@example.invalid")
    program, canary = tmp_path / "program.sh", tmp_path / "executed"
    program.write_text(f"#!/bin/sh\ntouch {canary}\nexit 0\n")
    program.chmod(0o755)

    def executed() -> bool:
        was = canary.exists()
        canary.unlink(missing_ok=True)
        return was

    return root, str(program), executed


def spring(where: Path, line: str) -> None:
    shell = ["timeout", "-k", "1", "8", "sh", "-c", line]
    subprocess.run(shell, cwd=where, env=CLEAN, stdin=subprocess.DEVNULL, capture_output=True, check=False)


async def everything(root: Path, place: Path, plant: Callable[[Path], None] = lambda directory: None) -> None:
    """Every call of ours, once; refusals are answers."""
    adapter = GitWorktrees(str(root), str(place))
    base = await adapter.head()
    ref = await adapter.base_ref()
    directory = Path(await adapter.open_worktree("T-1", base))
    write(directory, {"src/a.py": "ours\n", ".gitattributes": "*.py filter=z diff=z merge=z\n", "src/new.py": "new\n"})
    first = await adapter.import_tree(str(directory), base)
    new = await adapter.commit_tree(first.tree, [base], "x", "builder", WHEN, "refs/factory/T-1")
    plant(directory)
    imported = await adapter.import_tree(str(directory), base)
    assert set(imported.change.paths) >= {"src/a.py", ".gitattributes"}
    assert b"+ours" in await adapter.diff(base, new)
    assert (await adapter.merge(base, new, base)).tree == first.tree
    await adapter.merge(base, new, await adapter.resolve("HEAD"))
    await adapter.read_file(new, "src/a.py")
    await adapter.list_files(new)
    await adapter.discard_export(await adapter.export(new, "look"))
    for target in ("refs/heads/factory/T-1", ref):
        plan = await adapter.plan_landing(target, new, base)
        try:
            await adapter.land(plan)
        except WorldError:
            assert plan.blocked
        await adapter.landed(plan)
    if imported.refused:
        with pytest.raises(WorldError, match="git metadata"):
            await adapter.close_worktree("T-1", "T-1")
    else:
        await adapter.close_worktree("T-1", "T-1")


@pytest.mark.parametrize("trap", IN_THE_REPOSITORY, ids=lambda trap: trap.name)
async def test_nothing_a_repository_holds_is_executed(tmp_path: Path, trap: Trap) -> None:
    root, program, executed = armed(tmp_path)
    trap.plant(root, program)
    spring(root, trap.spring)
    assert executed(), "the control: plain git falls into it"

    await everything(root, tmp_path / "place")
    assert not executed()


@pytest.mark.parametrize("trap", IN_THE_REPOSITORY[:13], ids=lambda trap: trap.name)
async def test_nothing_a_repository_holds_is_executed_when_files_move(tmp_path: Path, trap: Trap) -> None:
    """The same with a clean checkout, so that the landing is not blocked before it begins."""
    root, program, executed = armed(tmp_path)
    trap.plant(root, program)
    base = subprocess.run(
        ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "show", "HEAD:src/a.py"],
        cwd=root,
        env=CLEAN,
        capture_output=True,
        check=True,
    ).stdout
    write(root, {"src/a.py": base})
    executed()
    await everything(root, tmp_path / "place")
    assert not executed()


@pytest.mark.parametrize("trap", IN_THE_WORKTREE, ids=lambda trap: trap.name)
async def test_nothing_a_worktree_holds_is_executed(tmp_path: Path, trap: Trap) -> None:
    root, program, executed = armed(tmp_path)

    def plant(directory: Path) -> None:
        trap.plant(directory, program)
        spring(directory, trap.spring)
        assert executed(), "the control: plain git falls into it"

    await everything(root, tmp_path / "place", plant)
    assert not executed()


CHILD = """
import asyncio, os, sys
from pathlib import Path
before = dict(os.environ)
sys.path[:0] = [{tests!r}, {project!r}]
from test_git_hardening import everything
assert dict(os.environ) == before, "importing changed the environment"
asyncio.run(everything(Path({root!r}), Path({place!r})))
assert dict(os.environ) == before, "git calls changed the environment"
"""


def test_inherited_variables_steer_nothing(tmp_path: Path) -> None:
    root, program, executed = armed(tmp_path)
    git(tmp_path, "init", "-q", "evil")
    git(tmp_path / "evil", "config", "core.fsmonitor", program)
    hostile = {
        "GIT_DIR": str(tmp_path / "evil/.git"),
        "GIT_WORK_TREE": str(tmp_path / "evil"),
        "GIT_INDEX_FILE": str(tmp_path / "stolen-index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "stolen-objects"),
        "GIT_EXTERNAL_DIFF": program,
        "GIT_EXEC_PATH": str(tmp_path),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": program,
        "GIT_PYTHON_GIT_EXECUTABLE": program,
        "GIT_TRACE": str(tmp_path / "trace"),
        "GIT_SSH_COMMAND": program,
        "GIT_NAMESPACE": "other",
    }
    write(root, {"src/b.py": "dirty\n"})
    spring_environment = {**CLEAN, **{name: hostile[name] for name in ("GIT_EXTERNAL_DIFF", "GIT_TRACE")}}
    subprocess.run(["git", "diff"], cwd=root, env=spring_environment, capture_output=True, check=False)
    assert executed(), "the control: plain git follows them"
    assert (tmp_path / "trace").exists()
    (tmp_path / "trace").unlink()

    tests = str(Path(__file__).parent)
    code = CHILD.format(tests=tests, project=str(Path(tests).parent), root=str(root), place=str(tmp_path / "place"))
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **hostile},
        capture_output=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr.decode()
    assert not executed()
    assert not [name for name in ("trace", "stolen-index", "stolen-objects") if (tmp_path / name).exists()]


async def test_a_replaced_commit_is_shown_as_it_is(tmp_path: Path) -> None:
    root = repository(tmp_path, {"x": "x = 2\n"})
    real = git(root, "rev-parse", "HEAD")
    fake = commit(root, {"x": "x = 3\n"})
    git(root, "update-ref", "refs/heads/main", real)
    git(root, "replace", real, fake)
    assert git(root, "show", f"{real}:x") == "x = 3"  # the control
    assert await GitWorktrees(str(root), str(tmp_path / "place")).read_file(real, "x") == b"x = 2\n"


async def test_a_replaced_commit_has_the_ancestors_it_really_has(tmp_path: Path) -> None:
    root = repository(tmp_path, {"x": "1\n"})
    base = git(root, "rev-parse", "HEAD")
    tree = git(root, "rev-parse", "HEAD^{tree}")
    stranger = git(root, "commit-tree", tree, "-m", "stranger")
    git(root, "replace", stranger, git(root, "commit-tree", tree, "-p", base, "-m", "stranger"))
    git(root, "merge-base", "--is-ancestor", base, stranger)  # the control: plain git believes it
    adapter = GitWorktrees(str(root), str(tmp_path / "place"))
    assert "does not contain" in (await adapter.plan_landing("refs/heads/main", stranger, base)).blocked
