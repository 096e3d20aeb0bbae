"""A product with one place to run in: a file says what runs there, and another counts what was run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from crew import Crew, Mind, approve_all, commit_and_hand_over, make_crew, write

from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.house import House, open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain.environments import Environment
from factory_tui.domain.releasing import FLOOR
from factory_tui.domain.terms import NOT_RUN_YET, CheckRow
from factory_tui.engine.deploy_ports import PostDeployResult, Release
from factory_tui.engine.seat_ports import Desk, TurnBrief

SCRIPT = """#!/bin/sh
# ship VERB PLACE COMMIT
set -eu
mkdir -p "$2"
case $1 in
status) cat "$2/runs" 2>/dev/null || echo none ;;
*) if [ -e "$2/hold" ]; then : > "$2/held"; while [ -e "$2/hold" ]; do sleep 0.05; done; fi
   echo "$1 $3" >> "$2/log"
   if [ -e "$2/fails-$1" ]; then echo broken >&2; exit 3; fi
   if [ -n "$3" ]; then echo "$3" > "$2/runs"; else rm -f "$2/runs"; fi
   echo "token ${DEPLOY_TOKEN:-}" ;;
esac
"""
DEPLOY = """environments:
  {name}:
    deploy: [sh, ./ship.sh, deploy, {place}, "{{commit}}"]
    rollback: [sh, ./ship.sh, rollback, {place}, "{{previous}}"]
    status: [sh, ./ship.sh, status, {place}]
    writable: [{place}]
    network: false
    backup: {{none_because: it keeps no data}}
"""


def deploy_yaml(place: Path, name: str = "production", more: str = "") -> str:
    return DEPLOY.format(place=place, name=name) + more


@dataclass
class Checks:
    """Level 4 by what the test says of a commit: ids that fail there."""

    fails: Callable[[str], Mapping[str, str]] = lambda commit: {}
    seen: list[tuple[str, str, dict[str, float]]] = field(default_factory=list)

    def planned(self, environment: Environment) -> tuple[CheckRow, ...]:
        return tuple(CheckRow(id=id, verdict="gap", reason=NOT_RUN_YET) for id in FLOOR)

    async def run(
        self,
        environment: Environment,
        release: Release,
        previous_figures: Mapping[str, float],
        progress: Callable[[CheckRow], None] = lambda row: None,
    ) -> PostDeployResult:
        self.seen.append((release.commit, release.previous, dict(previous_figures)))
        bad = self.fails(release.commit)
        rows = tuple(
            CheckRow(id=id, verdict="fail" if id in bad else "pass", reason=bad.get(id, ""), evidence="seen")
            for id in FLOOR
        )
        for row in rows:
            progress(row)
        return PostDeployResult(rows=rows, figures={"requests": float(len(self.seen))})


@dataclass
class Shipping:
    """A crew that can deploy."""

    crew: Crew
    place: Path
    checks: Checks

    def house(self) -> House:
        ground = find_ground(str(self.crew.root), self.crew.environment)
        seats = {"mind": lambda: self.crew.seat}
        return open_house(ground, seats=lambda charter: SeatTable(seats, charter), post_deploy=self.checks)

    @property
    def log(self) -> list[str]:
        """What was run that changes anything, oldest first."""
        path = self.place / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def runs(self) -> str:
        path = self.place / "runs"
        return path.read_text().strip() if path.exists() else ""


async def build(brief: TurnBrief, desk: Desk) -> None:
    line = f"# {brief.task}\n"
    done = await write(desk, "adder.py", f"{line}def add(a, b):\n    return a + b\n")
    assert done.ok, done.text
    handed = await commit_and_hand_over(desk, f"Say {brief.task}")
    assert handed.ok, handed.text


SETTINGS = (
    'repo_id = "{repo_id}"\n[smoke]\ncommand = "python3 -m unittest -v"\n[pace]\nmode = "flow"\n'
    '[seats]\ndefault = "mind"\n[landing]\nonto = "base"\n'
)


def make_shipping(
    tmp_path: Path,
    checks: Checks | None = None,
    minds: Mapping[str, Mind] = {},
    more: str = "",
    text: str = "",
    home: Mapping[str, str] = {},
) -> Shipping:
    place = tmp_path / "place"
    place.mkdir(exist_ok=True)
    files = {"ship.sh": SCRIPT, ".factory/deploy.yaml": text or deploy_yaml(place, more=more), **home}
    crew = make_crew(tmp_path, {"builder": build, "quality": approve_all, **minds}, files, SETTINGS)
    return Shipping(crew=crew, place=place, checks=checks or Checks())
