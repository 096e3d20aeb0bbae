"""The repository's own pre-commit hooks, by base's configuration, on the changed files of a throw-away copy."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from factory_tui.domain.terms import Finding
from factory_tui.engine.ports import Boundary, Limits, Sandbox

CONFIGURATION = ".pre-commit-config.yaml"
HOOK_SECONDS = 300.0


class HookResult:
    """How the hooks ended: `none` there are none, `passed`, `failed`, or `not run` with the reason."""

    def __init__(
        self, state: Literal["none", "passed", "failed", "not run"], why: str = "", output: bytes = b""
    ) -> None:
        self.state, self.why, self.output = state, why, output

    @property
    def summary(self) -> str:
        """Empty when the base has no hooks."""
        match self.state:
            case "none":
                return ""
            case "not run":
                return f"pre-commit hooks not run: {self.why}"
            case _:
                return f"pre-commit hooks {self.state}"

    @property
    def findings(self) -> tuple[Finding, ...]:
        match self.state:
            case "failed":
                title = "the repository's own pre-commit hooks refuse the change"
                return (Finding(title=title, detail=self.why, path="", by="level 2"),)
            case "not run":
                return (Finding(severity="note", title=self.summary, path=CONFIGURATION, by="level 2"),)
            case _:
                return ()


async def run_hooks(
    sandbox: Sandbox, boundary: Boundary, configuration: bytes | None, changed: Sequence[str]
) -> HookResult:
    """Runs base's `configuration` (None = base has none) in `boundary.cwd`, a copy with a repository of one commit."""
    if configuration is None:
        return HookResult("none")
    if not shutil.which("pre-commit", path=boundary.environment.get("PATH")):
        return HookResult("not run", "`pre-commit` is not installed")
    root = Path(boundary.cwd)
    present = [path for path in changed if (root / path).is_file() and path != CONFIGURATION]
    if not present:
        return HookResult("not run", "no changed file is left to check")
    own = root / CONFIGURATION
    own.unlink(missing_ok=True)
    own.write_bytes(configuration)
    argv = ["pre-commit", "run", "--color", "never", "--config", CONFIGURATION, "--files", *present]
    result = await sandbox.run(argv, boundary, Limits(seconds=HOOK_SECONDS))
    text = result.output.decode("utf-8", "replace").strip()
    if result.killed:
        return HookResult("not run", result.killed, result.output)
    if result.exit_code == 0:
        ran = re.search(r"\.\.+ ?(\(.*\))?(Passed|Failed)", text)
        if not ran:
            return HookResult("not run", "no hook of the configuration looked at the changed files", result.output)
        return HookResult("passed", output=result.output)
    # 1 is what a failing hook ends with; 3 is pre-commit's own trouble, most often a hook that must be fetched first.
    if result.exit_code == 1 and "An unexpected error has occurred" not in text and "InvalidConfigError" not in text:
        return HookResult("failed", text[-3000:], result.output)
    lines = [line for line in text.splitlines() if line.strip()]
    return HookResult("not run", lines[0][:200] if lines else f"exit code {result.exit_code}", result.output)
