"""The product never resets, cleans, stashes, forces or deletes with git, and removes files in few, named places."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import factory_tui

PRODUCT = Path(factory_tui.__file__).parent

VERBS = re.compile(
    r"(reset|clean|stash|gc|prune|checkout|switch|restore|rm|mv|rebase|filter-branch|reflog|repack|push|fetch|pull|"
    r"commit|add|merge|cherry-pick|revert|am|apply|branch|tag|worktree|prune-packed|pack-refs|maintenance)"
)
"""As git's first argument: what moves, forces or forgets anything, or runs hooks and filters."""
FORCE = re.compile(r"(--force\S*|--hard|-f|-D|-d|--delete|--prune\S*|--expire\S*)")
CALLERS = frozenset({"run", "ask", "start", "line", "read_as_user", "execute"})

REMOVERS = frozenset({"rmtree", "unlink", "remove", "rmdir", "removedirs", "truncate", "ftruncate"})
MAY_REMOVE = {
    "objects.py": {"remove_directory: rmtree"},
    "landing.py": {
        "_give_up: rmtree",
        "_stage: unlink",
        "_release_index: unlink",
        "_end: rmtree",
    },
    "landing_survey.py": {"put_back: unlink", "undo: unlink", "remove_empty_folders: rmdir"},
    "worktrees.py": {"_close_worktree: unlink"},
}
"""Where git's side of the house removes anything, and in which function."""


def calls(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.Call]]:
    for node in ast.iter_child_nodes(tree):
        name = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if isinstance(node, ast.Call):
            yield function, node
        yield from calls(node, name)


def destructive(source: str) -> list[str]:
    """Git calls with a verb or an option that is never used; read from the words of any call or list."""
    found = []
    for _, call in calls(ast.parse(source)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name not in CALLERS:
            continue
        words = [
            node.value for node in ast.walk(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        texts = [word for word in words if word != "git"]
        found += [word for word in texts[:1] if VERBS.fullmatch(word)]
        found += [word for word in texts if FORCE.fullmatch(word)]
    return found


def removals(source: str) -> set[str]:
    found = set()
    for function, call in calls(ast.parse(source)):
        if isinstance(call.func, ast.Attribute) and call.func.attr in REMOVERS:
            found.add(f"{function}: {call.func.attr}")
    return found


GIT_SIDE = ("git", "objects", "importing", "differences", "checkouts", "landing", "landing_survey", "worktrees")
GIT_SIDE += ("home_commits", "starting")


@pytest.mark.parametrize("name", GIT_SIDE)
def test_no_git_call_destroys_anything(name: str) -> None:
    assert destructive((PRODUCT / "adapters" / f"{name}.py").read_text()) == []


@pytest.mark.parametrize("name", GIT_SIDE)
def test_files_are_removed_in_named_places_only(name: str) -> None:
    source = (PRODUCT / "adapters" / f"{name}.py").read_text()
    assert removals(source) == MAY_REMOVE.get(f"{name}.py", set())


def test_only_one_module_knows_gitpython_and_none_starts_git_besides() -> None:
    knows = []
    for path in sorted(PRODUCT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            if any(name == "git" or name.startswith("git.") for name in names):
                knows.append(path.name)
    assert knows == ["git.py"]


@pytest.mark.parametrize(
    "line",
    [
        'git.run("reset", "--hard")',
        'git.ask("clean", "-fdx")',
        'git.run("update-ref", "-d", ref)',
        'git.run("push", "--force-with-lease")',
        'git.run("branch", "-D", name)',
        'git.line("stash")',
        'self._refs.run("gc", "--prune=now")',
    ],
)
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert destructive(line) != []
    assert destructive(f"def f():\n    if x:\n        {line}\n") != []
    assert removals("def f():\n    shutil.rmtree(x)\n") == {"f: rmtree"}
