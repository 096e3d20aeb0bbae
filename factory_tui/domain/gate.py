"""Gate settings: what a home says about its checks, its landing and its pace. Read from `factory.toml`."""

from __future__ import annotations

from typing import Literal

import msgspec

from factory_tui.domain.staffing import Budgets, Effort
from factory_tui.domain.terms import Record

Runner = Literal["auto", "pytest", "unittest", "node", "cargo", "go", "junit", "tap"]
"""Who runs the tests, which decides how single test results are read."""


class Service(Record, frozen=True, kw_only=True):
    """A loopback service that tests need, started for each run and ended after it."""

    name: str
    command: str
    ready: str
    """A command that exits 0 once the service answers; tried until `seconds`."""
    seconds: float = 20.0


class Smoke(Record, frozen=True, kw_only=True):
    """Level 2: the smoke command and what it needs."""

    command: str = ""
    """One shell line, run by `sh -c` in the root of a clean export. Empty = level 2 cannot run: no commit."""
    runner: Runner = "auto"
    report: str = ""
    """Path of a JUnit XML file the command writes, for runner `junit`."""
    seconds: float = 900.0
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    harness: tuple[str, ...] = (
        "**/test/**",
        "**/tests/**",
        "**/spec/**",
        "**/__tests__/**",
        "**/*_test.*",
        "**/test_*.*",
        "**/*.test.*",
        "**/*.spec.*",
        "**/conftest.py",
        "pytest.ini",
        "tox.ini",
        "setup.cfg",
        "noxfile.py",
        "jest.config.*",
        "vitest.config.*",
    )
    """Globs of tests and test configuration: base's copies are laid over the candidate for the base's-tests run."""
    boot: str = ""
    """A command that proves that the application starts (exit 0). Empty = the smoke run is the proof."""
    known_red: tuple[str, ...] = ()
    """Test ids that were red on the base before anybody here touched it."""
    known_flaky: tuple[str, ...] = ()
    hooks: bool = True
    """Run the repository's own pre-commit hooks (base's configuration) when their runner is installed."""


class Dependencies(Record, frozen=True, kw_only=True):
    """What a project needs before its tests can run."""

    prepare: str = ""
    """Run once per sha256 of the base's lock files; it fills `prepared`."""
    network: bool = False
    """Whether `prepare` may use the network. Yours alone to say: a home is changed by no seat, and what is in force is
    on record with its sha256. No other command ever gets the network by it."""
    lock_files: tuple[str, ...] = ()
    prepared: tuple[str, ...] = ()
    """Directories below the root that `prepare` fills (`.venv`, `node_modules`); later runs get them read-only."""
    toolchains: tuple[str, ...] = ()
    """Absolute directories outside the repository that commands may read; `~/` is the user's home."""
    services: tuple[Service, ...] = ()
    indexes: dict[str, str] = msgspec.field(default_factory=dict)
    """Where `fetch package` asks: `pip`, `npm` and the address of their index. Without one, the public index."""


class Pace(Record, frozen=True, kw_only=True):
    """How much happens at once, and how long anything may take."""

    mode: Literal["step", "flow"] = "step"
    author_turns: int = 2
    inspections: int = 2
    turn_minutes: float = 60.0
    review_minutes: float = 30.0
    attempts: int = 3
    brief_bytes: int = 400_000
    """Over it a task is refused, naming the largest document; nothing is cut."""


class Landing(Record, frozen=True, kw_only=True):
    """Where approved changes go."""

    onto: Literal["branch", "base"] = "branch"
    branch: str = "factory/{task}"
    base: str = ""
    """The base branch, `main`; empty = the branch that is checked out at session start."""


class Gate(Record, frozen=True, kw_only=True):
    """`factory.toml`, whole."""

    smoke: Smoke = Smoke()
    dependencies: Dependencies = Dependencies()
    pace: Pace = Pace()
    landing: Landing = Landing()
    packs: tuple[str, ...] = ()
    """Rule packs beside the core: `extended`, or single rule ids of it."""
    protected: tuple[str, ...] = ()
    """Globs that no seat may change, beside those protected everywhere."""
    planner: str = "ceo"
    reviewer: str = "quality"
    seats: dict[str, str] = msgspec.field(default_factory=dict)
    """What fills a role, by its id, its model tier (`strong`, `standard`, `fast`), or `default`: `anthropic_api`,
    `claude_code`, `acp`, `human`, `rehearsal`, or a name that the user's own config.toml defines."""
    models: dict[str, str] = msgspec.field(default_factory=dict)
    """Which model answers, by role, tier, or `default`; else the seat's own choice for the tier."""
    efforts: dict[str, Effort] = msgspec.field(default_factory=dict)
    """How hard it thinks, by role, tier, or `default`."""
    budgets: Budgets = Budgets()
    """The most that may be used. A card's own budget of one turn is only ever made smaller by it."""
    parallel: dict[str, int] = msgspec.field(default_factory=dict)
    """How many turns of a role may run at once; never more than its card says."""


PROTECTED_EVERYWHERE: tuple[str, ...] = (
    ".factory/**",
    "home:factory.toml",
    "home:deploy.yaml",
    "home:roles/**",
    "home:rules/**",
    "home:memory/**",
    "home:trust/**",
    ".git/**",
    ".gitmodules",
    ".github/**",
    ".gitlab-ci.yml",
    ".circleci/**",
    ".forgejo/**",
    ".woodpecker*",
    "azure-pipelines.yml",
    "Jenkinsfile",
    ".claude/**",
    ".cursor/**",
    ".codex/**",
    ".gemini/**",
    ".opencode/**",
    ".mcp.json",
    "**/AGENTS.md",
    "**/CLAUDE.md",
    "**/GEMINI.md",
    ".vscode/**",
    ".idea/**",
    ".husky/**",
    ".pre-commit-config.yaml",
    ".envrc",
)
"""Changed by an approved proposal only, whatever a role card says."""
