"""Rehearsing: gate levels 1 and 2 over commits that people accepted, without a key and without a seat."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from factory_tui.cli.ending import FINDINGS, Ended
from factory_tui.cli.speech import hint, say, say_json
from factory_tui.domain.errors import Refusal
from factory_tui.domain.plurals import count
from factory_tui.domain.terms import Change, Decision, RuleMatch, Verdict

if TYPE_CHECKING:
    from factory_tui.adapters.history import PastCommit
    from factory_tui.adapters.state_place import StatePlace
    from factory_tui.adapters.worktrees import GitWorktrees
    from factory_tui.domain.charter import Charter


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where history is looked at: exports of its own, beside a factory that may run."""

    repo_root: str
    place: StatePlace
    worktrees: GitWorktrees


def bench() -> tuple[Bench, Charter]:
    """The repository here, under its home's charter, or the shipped one where it has no home yet.

    Raises Refusal when there is no repository, or its home is not valid.
    """
    from factory_tui.adapters.homes import find_repository, home_of
    from factory_tui.adapters.worktrees import GitWorktrees
    from factory_tui.bootstrap.grounds import find_ground

    root = find_repository(str(Path.cwd()))
    if root is not None and home_of(root) is None:
        return _without_home(root)
    ground = find_ground(str(Path.cwd()), os.environ, claim=False)
    if ground.reading.charter is None:
        raise Refusal(what="the home is not valid", why=str(ground.reading.problems[0]), next_step="`factory check`")
    place = Path(ground.place.root) / "rehearsal"
    worktrees = GitWorktrees(ground.home.repo_root, str(place))
    found = Bench(repo_root=ground.home.repo_root, place=ground.place, worktrees=worktrees)
    return found, ground.reading.charter


def _without_home(root: str) -> tuple[Bench, Charter]:
    """What the shipped rules and roles say, before anything was drafted here."""
    from factory_tui.adapters.documents import library_files, read_home
    from factory_tui.adapters.state_place import open_state_place
    from factory_tui.adapters.worktrees import GitWorktrees

    id = hashlib.sha256(root.encode()).hexdigest()[:32]
    home = {"factory.toml": f'repo_id = "{id}"\n', "memory/DNA.md": "# DNA\n\nNot written yet.\n"}
    charter = read_home(home, library_files(), prefix=".factory").charter
    assert charter is not None, "the shipped roles and rules are a valid charter"
    place = open_state_place(id, repository=root, environment=os.environ)
    worktrees = GitWorktrees(root, str(Path(place.root) / "rehearsal"))
    return Bench(repo_root=root, place=place, worktrees=worktrees), charter


@click.command()
@click.argument("range", metavar="RANGE")
@click.option("--no-smoke", is_flag=True, help="Rules and path policy only; level 2 is not run.")
@click.option("--role", default="builder", help="As whose work the commits are judged.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def rehearse(range: str, no_smoke: bool, role: str, as_json: bool) -> None:
    """What the gate would have said to your own merged commits (`HEAD~5..HEAD`, or a number). Exit 1: some stopped."""
    place, charter = bench()
    if not no_smoke and not charter.gate.smoke.command:
        raise Refusal(
            what="level 2 has no smoke command here",
            why="it would call every commit `not run`",
            next_step="`factory init` finds one; `--no-smoke` asks the rules and the path policy only",
        )
    rows = asyncio.run(_rehearse(place, charter, range, role, not no_smoke, as_json))
    if not rows:
        raise Refusal(what=f"{range} holds no commit with a parent", why="nothing was rehearsed")
    stopped = [row for row in rows if row["stopped"]]
    if as_json:
        say_json("rehearse", {"range": range, "role": role, "smoke": not no_smoke, "commits": rows})
    else:
        asked = sum(row["rules"] == "ask" for row in rows)
        say(f"{count(len(rows), 'commit')}: {len(stopped)} would have been stopped, {asked} asked about")
    if stopped:
        raise Ended(FINDINGS)


async def _rehearse(
    place: Bench, charter: Charter, wanted: str, role: str, smoke: bool, quiet: bool
) -> list[dict[str, Any]]:
    from factory_tui.adapters.checks import SmokeChecks
    from factory_tui.adapters.evidence import EvidenceFiles
    from factory_tui.adapters.history import commits_in
    from factory_tui.adapters.walls import choose_wall

    charter.role(role)
    gate = charter.gate
    wall = choose_wall(place.place.exports, os.environ, place.repo_root, hidden=(place.place.root,))
    if smoke:
        await wall.prove()
    checks = SmokeChecks(
        place.worktrees,
        wall,
        EvidenceFiles(place.place.evidence),
        gate.smoke,
        gate.dependencies,
        f"{place.place.root}/rehearsal/level2",
    )
    rows = []
    for past in await commits_in(place.repo_root, wanted):
        change = await place.worktrees.change(past.parent, past.commit)
        row = _judged(charter, role, change, past)
        if smoke:
            tree = await place.worktrees.tree_of(past.commit)
            result = await checks.inspect(tree, past.parent, _progress(quiet))
            stops = result.verdict is not Verdict.PASS
            row |= {"level2": result.verdict.value, "summary": result.summary, "stopped": row["stopped"] or stops}
            row["findings"] = [finding.title for finding in result.findings]
        rows.append(row)
        if not quiet:
            _say_row(row)
    return rows


def _progress(quiet: bool) -> Any:
    return (lambda line: None) if quiet else (lambda line: hint(f"    {line}"))


def _judged(charter: Charter, role: str, change: Change, past: PastCommit) -> dict[str, Any]:
    """Card and rules on one accepted change."""
    from factory_tui.domain.facts import nested
    from factory_tui.domain.known import change_facts
    from factory_tui.domain.law import rulebook_of
    from factory_tui.domain.roles import path_policy

    facts = {
        "project.production_db": charter.stack.get("production_db", "").lower() or None,
        "approvals.granted": [],
        **change_facts(change, past.subject),
    }
    matches: list[RuleMatch] = [
        *path_policy(charter.role(role), change.paths, charter.protected, charter.architecture),
        *rulebook_of(charter).judge_change(change, role, nested(facts)),
    ]
    strict = [match for match in matches if match.decision is not Decision.ALLOW]
    denied = any(match.decision is Decision.DENY for match in strict)
    return {
        "commit": past.commit,
        "subject": past.subject,
        "files": len(change.files),
        "rules": "deny" if denied else "ask" if strict else "allow",
        "matches": [
            {"source": one.source, "decision": one.decision.value, "where": one.where, "reason": one.reason}
            for one in strict
        ],
        "level2": Verdict.NOT_RUN.value,
        "summary": "",
        "findings": [],
        "stopped": denied,
    }


def _say_row(row: dict[str, Any]) -> None:
    mark = "STOP" if row["stopped"] else "ask " if row["rules"] == "ask" else "ok  "
    level2 = f"; level 2: {row['level2']}, {row['summary']}" if row["summary"] else ""
    say(f"{mark} {row['commit'][:10]} {row['subject'][:60]} ({count(row['files'], 'file')}){level2}")
    for match in row["matches"][:5]:
        say(f"       {match['decision']}, {match['source']} {match['where']}: {match['reason']}")
    for finding in row["findings"][:5]:
        say(f"       {finding}")
