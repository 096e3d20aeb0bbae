"""What is loaded before anything is on the screen, and before the first frame with roles: the budget of a fast start.

A module that is missing here is not forbidden, it is late: import it where it is used, or when somebody goes there.
"""

# ruff: noqa: SIM905  (a list of words reads better as words)
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from crew import make_crew

ROOT = Path(__file__).resolve().parents[2]

AT_FIRST_FRAME = frozenset(
    """
adapters adapters.chain adapters.control adapters.disk adapters.glance adapters.home_files adapters.homes
adapters.ledger adapters.parsed adapters.preferences_file adapters.schema adapters.state_place adapters.toml_text
adapters.user_config
cli cli.ending cli.speech cli.talking cli.watching
domain
tui tui.acts tui.acts.act tui.acts.answering tui.acts.anywhere tui.acts.moving tui.acts.screens tui.acts.turn
tui.app tui.bindings tui.chronicle tui.deploy_log tui.emulator tui.glyphs tui.going tui.harmless tui.in_turn tui.keymap
tui.late tui.lines
tui.outside tui.presence tui.painting tui.palette tui.run tui.skeleton tui.terminal tui.themes tui.transcript tui.view
tui.present tui.present.floor tui.present.gate tui.present.hints tui.present.law tui.present.words
tui.present.backing tui.present.elsewhere tui.present.proof tui.present.standing
tui.screens tui.screens.arrangement tui.screens.choosing tui.screens.floor tui.screens.room tui.screens.turn_acts
tui.screens.hands tui.screens.typing tui.screens.wheel tui.looks tui.noticing tui.sending tui.present.memory
tui.widgets tui.widgets.bar tui.widgets.pane tui.widgets.rows
""".split()
)
"""Of ours, without `factory_tui.`; what the state is folded with (`domain.*`) comes with it, but for `NOT_YET`."""

NOT_YET = (
    "commands",
    "decide",
    "deciding_",
    "law",
    "rulebook",
    "rule_cases",
    "brief",
    "digest",
    "redaction",
    "answering",
)
"""Of the domain: what is needed to decide, not to show."""

FOREIGN = (
    "anthropic", "click", "git", "h11", "httpx", "httpx2", "jsonschema", "markdown_it", "pydantic", "pygments",
    "tree_sitter", "watchfiles", "yaml",
    "textual.widgets._data_table", "textual.widgets._footer", "textual.widgets._header", "textual.widgets._list_view",
    "textual.widgets._log", "textual.widgets._markdown", "textual.widgets._rich_log", "textual.widgets._text_area",
)  # fmt: skip

MOST_MODULES = 509
"""Of everybody, without what a bare interpreter has: a distribution's own may have more."""

FIRST_FRAME = """
import asyncio, sys
from factory_tui.cli.talking import ask_running, here, request
place = here()
ask_running(place, request("status"))
from factory_tui.cli import watching
from factory_tui.adapters.preferences_file import read_preferences
from factory_tui.tui.run import run_cockpit
from factory_tui.tui.app import Cockpit
from factory_tui.tui.late import LateDoor
from factory_tui.domain.errors import Refusal
seen = []
def build():
    seen.extend(sys.modules)
    raise Refusal(what="far enough")
async def main():
    app = Cockpit(LateDoor("adder", build), glimpse=watching._glimpse(place), preferences=read_preferences({}, ""))
    async with app.run_test(size=(200, 60)) as pilot:
        while not seen:
            await pilot.pause(0)
asyncio.run(main())
print("\\n".join(seen))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> frozenset[str]:
    """Modules of a fresh interpreter when the real way in has drawn its first frame, in a home with a past."""
    crew = make_crew(tmp_path_factory.mktemp("home"), {})
    return modules_after(FIRST_FRAME, crew.root, crew.environment)


def modules_after(code: str, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> frozenset[str]:
    named = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), **(environment or {})}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env=named)
    assert done.returncode == 0, done.stderr
    return frozenset(done.stdout.split())


def ours(loaded: frozenset[str]) -> set[str]:
    return {name.removeprefix("factory_tui.") for name in loaded if name.startswith("factory_tui.")}


def test_the_first_frame_needs_no_other_room_of_ours(loaded):
    extra = {name for name in ours(loaded) if name not in AT_FIRST_FRAME and not name.startswith("domain.")}
    assert not extra, f"imported before the first frame: {sorted(extra)}; import them where they are used"


def test_the_first_frame_decides_nothing(loaded):
    early = {name for name in ours(loaded) if name.startswith(tuple(f"domain.{part}" for part in NOT_YET))}
    assert not early, f"imported before the first frame: {sorted(early)}"


@pytest.mark.parametrize("forbidden", FOREIGN)
def test_the_first_frame_waits_for_nothing_it_does_not_need(forbidden, loaded):
    assert forbidden not in loaded


def test_the_first_frame_loads_few_modules_in_all(loaded):
    bare = modules_after("import sys; print(*sys.modules, sep='\\n')")
    assert len(loaded - bare) <= MOST_MODULES


def test_before_the_skeleton_nothing_is_imported_but_the_skeleton():
    code = (
        "import sys; before = set(sys.modules); import factory_tui.cli; from factory_tui.cli.early import paint_early;"
        "paint_early([]); print('\\n'.join(set(sys.modules) - before))"
    )
    assert modules_after(code) <= {
        "__future__", "gc", "termios", "factory_tui", "factory_tui.cli", "factory_tui.cli.early", "factory_tui.tui",
        "factory_tui.tui.skeleton",
    }  # fmt: skip
