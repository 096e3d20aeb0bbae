"""Running level 2 again where the factory does not run, and saying so under a key that its machines do not have."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from factory_tui.cli.ending import FINDINGS, Ended
from factory_tui.cli.proving import frame_of
from factory_tui.cli.rehearsing import bench
from factory_tui.cli.speech import say
from factory_tui.domain.errors import Refusal


@click.command()
@click.argument("what", metavar="COMMIT | A..B")
@click.option("--key", required=True, type=click.Path(exists=True, dir_okay=False), help="CI's own private key.")
def witness(what: str, key: str) -> None:
    """For a CI job: run level 2 again on what landed, and sign what was found. Exit 1 when something did not pass."""
    from factory_tui.adapters import verify

    place, _ = bench()
    try:
        with verify.Gate(place.repo_root) as gate:
            results = [_witnessed(gate, commit, key) for commit in verify.commits_of(place.repo_root, what)]
    except verify.Closed as error:
        raise Refusal(what=f"{what} is not witnessed", why=str(error)) from error
    if not all(results):
        raise Ended(FINDINGS)


def _witnessed(gate: object, name: str, key: str) -> bool:
    """Whether it passed; what was found is signed either way, also where it is bad."""
    from factory_tui.adapters import verify
    from factory_tui.adapters.attesting import SshAttestor
    from factory_tui.adapters.checks import SmokeChecks
    from factory_tui.adapters.evidence import EvidenceFiles
    from factory_tui.adapters.git import find_repository
    from factory_tui.adapters.walls import choose_wall
    from factory_tui.domain.attesting import witnessed
    from factory_tui.domain.events import LevelJudged

    assert isinstance(gate, verify.Gate)
    commit, base, tree, _ = gate.facts(name)
    if why := gate.verify(commit).why:
        raise Refusal(what=f"{commit[:12]} is not witnessed", why=f"it is closed: {'; '.join(why)}")
    if len({gate.policy(one)[1] for one in (base, commit, "HEAD")}) != 1:
        say(f"{commit[:12]} is not witnessed: it changes roles, rules, settings or trust, or they changed since")
        return True
    place, charter = bench()
    attestor = SshAttestor(find_repository(place.repo_root), place.place.keys, ci_key=str(Path(key).resolve()))

    async def look() -> bool:
        wall = choose_wall(place.place.exports, os.environ, place.repo_root, hidden=(place.place.root,))
        standing = await wall.prove()
        evidence = EvidenceFiles(place.place.evidence)
        where = f"{place.place.root}/witness"
        checks = SmokeChecks(place.worktrees, wall, evidence, charter.gate.smoke, charter.gate.dependencies, where)
        found = await checks.inspect(tree, base)
        judged = LevelJudged(
            task="",
            level=2,
            verdict=found.verdict,
            summary=found.summary,
            tree=tree,
            base=base,
            tests_passed=found.passed,
            tests_lost=found.lost,
        )
        frame = frame_of(gate, base, wall=standing.label)
        await attestor.keep(commit, [await attestor.sign(witnessed(commit, judged, frame))])
        say(f"{commit[:12]} {found.verdict.value} again: {found.summary}")
        return found.verdict.value == "pass"

    return asyncio.run(look())
