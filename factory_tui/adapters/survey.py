"""What a repository is like before anybody here touches it: its smoke command, its red tests, a first DNA.md.

Nothing is written into the repository; what is found is data, and whoever asked decides what becomes of it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from factory_tui.adapters.checks import SmokeChecks
from factory_tui.adapters.first_draft import LOCK_FILES, draft_dna, read_for_draft
from factory_tui.adapters.smoke import SmokeRun
from factory_tui.adapters.surroundings import Surrounding, concerns, surroundings
from factory_tui.domain.errors import WorldError
from factory_tui.domain.gate import Dependencies, Runner, Smoke
from factory_tui.domain.terms import CommitId
from factory_tui.engine.ports import BaseLine, EvidenceStore, Sandbox, Worktrees

LARGEST_FILE = 400_000


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A smoke command that may work here, and why it is thought of."""

    smoke: Smoke
    dependencies: Dependencies
    why: str


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of one proposal."""

    command: str
    why: str
    outcome: str
    """"312 passed, 1 failed in 4.1 s", or why it cannot be the smoke command."""
    works: bool


@dataclass(frozen=True, kw_only=True)
class Survey:
    """All that `init` wants to know. An empty `smoke.command` means that none was found: `attempts` say why."""

    smoke: Smoke
    """With the red and flaky tests of the base."""
    dependencies: Dependencies
    base_line: BaseLine
    attempts: tuple[Attempt, ...]
    dna: str
    """The text of a first DNA.md."""
    surroundings: tuple[Surrounding, ...]
    """Other agents' instruction files, skills and servers, and what becomes of each."""


async def survey(
    worktrees: Worktrees,
    sandbox: Sandbox,
    evidence: EvidenceStore,
    base: CommitId,
    place: str | Path,
    *,
    checkout: str = "",
    seconds: float = 900.0,
    progress: Callable[[str], None] = lambda line: None,
) -> Survey:
    """Looks at `base` and runs its tests twice in throw-away copies.

    `checkout` is where the user works: only an environment that is installed there (`.venv`, `node_modules`) is looked
    for. `place` is a directory of ours. Raises WorldError only when git does.
    """
    paths = await worktrees.list_files(base)
    texts: dict[str, str] = {}
    others: dict[str, bytes] = {}
    wanted = {*read_for_draft(paths), *_TELLING, *(path for path in paths if _is_test(path))}
    for path in paths:
        if path not in wanted and not concerns(path):
            continue
        data = await worktrees.read_file(base, path)
        if data is None or len(data) > LARGEST_FILE:
            continue
        if concerns(path):
            others[path] = data
        texts[path] = data.decode("utf-8", "replace")
    attempts: list[Attempt] = []
    smoke, dependencies, line = Smoke(), Dependencies(), BaseLine()
    for proposal in proposals(paths, texts, checkout, seconds):
        progress(f"trying `{proposal.smoke.command}`: {proposal.why}")
        checks = SmokeChecks(worktrees, sandbox, evidence, proposal.smoke, proposal.dependencies, place)
        attempt, found = await _try(checks, base, proposal, progress)
        attempts.append(attempt)
        if found is not None:
            line, dependencies = found, proposal.dependencies
            known = {"known_red": found.red, "known_flaky": found.flaky}
            smoke = _with(proposal.smoke, known)
            break
    name = Path(checkout).name if checkout else "this project"
    read = {path: texts[path] for path in read_for_draft(paths) if path in texts}
    return Survey(
        smoke=smoke,
        dependencies=dependencies,
        base_line=line,
        attempts=tuple(attempts),
        dna=draft_dna(name, paths, read, smoke.command),
        surroundings=surroundings(others),
    )


def _with(smoke: Smoke, known: Mapping[str, tuple[str, ...]]) -> Smoke:
    return Smoke(
        command=smoke.command,
        runner=smoke.runner,
        seconds=smoke.seconds,
        environment=smoke.environment,
        known_red=known["known_red"],
        known_flaky=known["known_flaky"],
    )


async def _try(
    checks: SmokeChecks, base: CommitId, proposal: Proposal, progress: Callable[[str], None]
) -> tuple[Attempt, BaseLine | None]:
    def attempt(outcome: str, works: bool = False) -> Attempt:
        return Attempt(command=proposal.smoke.command, why=proposal.why, outcome=outcome, works=works)

    try:
        first = await checks.run_once(base, base)
        if why := _unfit(first):
            return attempt(why), None
        progress(f"{_counts(first)}; once more, to tell red from flaky")
        second = await checks.run_once(base, base)
    except WorldError as error:
        return attempt(str(error)), None
    if why := _unfit(second):
        return attempt(f"it worked once, and then: {why}"), None
    one, two = set(first.report.ids("failed")), set(second.report.ids("failed"))
    unsteady = (one ^ two) | (set(first.report.ids("passed")) ^ set(second.report.ids("passed")))
    slower = max(first.result.seconds, second.result.seconds)
    line = BaseLine(red=tuple(sorted(one & two)), flaky=tuple(sorted(unsteady)), seconds=slower)
    return attempt(_counts(first), works=True), line


def _unfit(run: SmokeRun) -> str:
    """Why this run cannot be level 2's measure; empty = it can."""
    ending = run.result.output[-600:].decode("utf-8", "replace").strip()
    if run.unusable:
        return f"{run.unusable}\n{ending}"
    if not run.report.ids("passed"):
        return f"no test passed\n{ending}"
    if run.report.weak:
        return run.report.weak
    return ""


def _counts(run: SmokeRun) -> str:
    parts = [f"{len(run.report.ids('passed'))} passed", f"{len(run.report.ids('failed'))} failed"]
    skipped = len(run.report.ids("skipped"))
    return ", ".join([*parts, *([f"{skipped} skipped"] if skipped else [])]) + f" in {run.result.seconds:.1f} s"


# --- what may work here ------------------------------------------------------------------------------

_TELLING = frozenset(
    {"pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "package.json", "Makefile", "Cargo.toml", "go.mod"}
)
_PYTHON_TEST = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")
_NODE_TEST = re.compile(r"(^|/)(test/[^/]+|[^/]+\.test|[^/]+\.spec|test-[^/]+)\.[cm]?js$")


def _is_test(path: str) -> bool:
    return _PYTHON_TEST.search(path) is not None or _NODE_TEST.search(path) is not None


def proposals(paths: tuple[str, ...], texts: Mapping[str, str], checkout: str, seconds: float) -> list[Proposal]:
    """Smoke commands worth a try, the most telling first."""
    present = set(paths)
    locks = tuple(path for path in LOCK_FILES if path in present)
    found = [
        *_python(paths, texts, checkout, seconds, locks),
        *_node(paths, texts, checkout, seconds, locks),
    ]

    def add(command: str, runner: Runner, why: str, *toolchains: str) -> None:
        there = tuple(name for name in toolchains if Path(name).expanduser().is_dir())
        needs = Dependencies(lock_files=locks, toolchains=there)
        found.append(
            Proposal(smoke=Smoke(command=command, runner=runner, seconds=seconds), dependencies=needs, why=why)
        )

    if "Cargo.toml" in present and shutil.which("cargo"):
        add("cargo test --offline", "cargo", "Cargo.toml", "~/.cargo", "~/.rustup")
    if "go.mod" in present and shutil.which("go"):
        add("go test ./...", "go", "go.mod", "~/go", "~/.cache/go-build")
    if re.search(r"^test\s*:", texts.get("Makefile", ""), re.MULTILINE) and shutil.which("make"):
        add("make test", "auto", "Makefile has a target `test`", "~/.cargo", "~/.rustup")
    return found


def _python(
    paths: tuple[str, ...], texts: Mapping[str, str], checkout: str, seconds: float, locks: tuple[str, ...]
) -> list[Proposal]:
    tests = [path for path in paths if _PYTHON_TEST.search(path)]
    configured = [
        name
        for name, mark in (("pyproject.toml", "[tool.pytest"), ("tox.ini", "[pytest]"), ("setup.cfg", "[tool:pytest]"))
        if mark in texts.get(name, "")
    ] + [name for name in ("pytest.ini",) if name in texts]
    if not tests and not configured:
        return []
    uses = [path for path in tests if re.search(r"^\s*(import|from) pytest\b", texts.get(path, ""), re.MULTILINE)]
    classic = [path for path in tests if re.search(r"^\s*(import|from) unittest\b", texts.get(path, ""), re.MULTILINE)]
    # What is installed in the user's environment may point back at the checkout: the copy's own source comes first.
    environment = {"PYTHONPATH": "src" if any(path.startswith("src/") for path in paths) else "."}
    runs: list[tuple[str, Runner, str]] = []
    if configured or uses or not classic:
        runs.append(("pytest", "pytest", (configured or uses or tests)[0]))
    if classic and not uses:
        top = next((name for name in ("tests", "test") if any(path == f"{name}/__init__.py" for path in paths)), "")
        runs.append((f"unittest discover -s {top} -t ." if top else "unittest", "unittest", classic[0]))
    found = []
    for python, where, toolchain in _interpreters(paths, checkout):
        for arguments, runner, why in runs:
            found.append(
                Proposal(
                    smoke=Smoke(
                        command=f"{python} -m {arguments}", runner=runner, seconds=seconds, environment=environment
                    ),
                    dependencies=Dependencies(lock_files=locks, toolchains=toolchain),
                    why=f"{why}, with {where}",
                )
            )
    return found


def _interpreters(paths: tuple[str, ...], checkout: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Command, where it comes from, and what commands must be able to read for it."""
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for name in (".venv", "venv", "env"):
        python = Path(checkout) / name / "bin" / "python"
        if checkout and python.exists():
            readable = [str(python.parent.parent)]
            installed = python.resolve().parent.parent
            if not installed.is_relative_to("/usr"):
                readable.append(str(installed))
            found.append((_quoted(str(python)), f"the environment `{name}` of the checkout", tuple(readable)))
    if "uv.lock" in paths and shutil.which("uv"):
        found.append(("uv run --frozen --offline python", "uv", ("~/.cache/uv", "~/.local/share/uv")))
    if "poetry.lock" in paths and shutil.which("poetry"):
        found.append(("poetry run python", "poetry", ("~/.cache/pypoetry",)))
    python3 = shutil.which("python3") or shutil.which("python")
    if python3:
        name = Path(python3).name
        pyenv = ("~/.pyenv",) if ".pyenv" in python3 else ()
        found.append((name, f"the `{name}` on the PATH", pyenv))
    return found


def _node(
    paths: tuple[str, ...], texts: Mapping[str, str], checkout: str, seconds: float, locks: tuple[str, ...]
) -> list[Proposal]:
    if not shutil.which("node"):
        return []
    needs = Dependencies(lock_files=locks)
    modules = Path(checkout) / "node_modules"
    if checkout and modules.is_dir():
        # Offline and what the user has; `npm ci` takes its place where `prepare` is allowed the network.
        needs = Dependencies(
            prepare=f"cp -R {_quoted(str(modules))} node_modules",
            lock_files=locks,
            prepared=("node_modules",),
            toolchains=(str(modules),),
        )
    try:
        script = str(json.loads(texts.get("package.json", "{}")).get("scripts", {}).get("test", ""))
    except (ValueError, AttributeError):
        script = ""
    found = []
    if script and "no test specified" not in script and shutil.which("npm"):
        smoke = Smoke(command="npm test", runner="auto", seconds=seconds)
        found.append(Proposal(smoke=smoke, dependencies=needs, why=f"package.json tests with `{script[:80]}`"))
    elif own := [path for path in paths if _NODE_TEST.search(path) and "node:test" in texts.get(path, "")]:
        smoke = Smoke(command="node --test", runner="node", seconds=seconds)
        found.append(Proposal(smoke=smoke, dependencies=needs, why=own[0]))
    return found


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w./@+-]+", path) else "'" + path.replace("'", "'\\''") + "'"
