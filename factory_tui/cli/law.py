"""The law: is the home valid, which rules are enforced, and why a rule says what it says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from factory_tui.cli.ending import FINDINGS, Ended
from factory_tui.cli.speech import say, say_json, table
from factory_tui.domain.errors import Refusal, UsageError
from factory_tui.domain.plurals import count
from factory_tui.domain.terms import ActionKind

if TYPE_CHECKING:
    from factory_tui.adapters.documents import HomeReading
    from factory_tui.adapters.homes import Home
    from factory_tui.domain.charter import Charter
    from factory_tui.domain.rules import Rule


@click.command()
@click.argument("path", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def check(path: str | None, as_json: bool) -> None:
    """Is the home valid? Which rules are loaded, which enforced, and for want of what the others are not.

    PATH is a directory of the repository to check, or one document of its home.
    """
    start = Path(path or ".")
    home, reading = _read(start if start.is_dir() else start.parent)
    problems = [
        {"path": one.path, "line": one.line, "problem": one.problem, "why": one.why, "next": one.next_step}
        for one in reading.problems
        if start.is_dir() or path is None or str(start.resolve()).endswith(f"/{one.path}")
    ]
    charter = reading.charter
    told: dict[str, Any] = {"home": home.home_dir, "valid": not problems, "problems": problems}
    if charter is not None:
        told |= _told_charter(charter)
    if as_json:
        say_json("check", told)
    else:
        _say_check(told, reading, path)
    if problems:
        raise Ended(FINDINGS)


def _read(start: Path) -> tuple[Home, HomeReading]:
    from factory_tui.adapters.homes import find_home
    from factory_tui.bootstrap.grounds import read_disk

    home = find_home(str(start))
    return home, read_disk(home)


def _told_charter(charter: Charter) -> dict[str, Any]:
    from factory_tui.domain.law import rulebook_of

    answers = rulebook_of(charter).enforcement()
    titles = {rule.id: rule.title for rule in charter.rules}
    return {
        "charter": charter.sha256,
        "roles": [card.id for card in charter.roles],
        "rules_loaded": len(answers),
        "rules_enforced": sum(answer.enforced for answer in answers),
        "not_enforced": [
            {"rule": answer.rule, "title": titles[answer.rule], "missing": list(answer.missing)}
            for answer in answers
            if not answer.enforced
        ],
        "documents": [document.path for document in charter.documents],
        "smoke": charter.gate.smoke.command,
    }


def _say_check(told: dict[str, Any], reading: HomeReading, path: str | None) -> None:
    say(f"home: {told['home']}")
    for problem in told["problems"]:
        spot = f"{problem['path']} line {problem['line']}" if problem["line"] else problem["path"]
        say(f"{spot}: {problem['problem']}")
        for name in ("why", "next"):
            if problem[name]:
                say(f"  {name + ':':5} {problem[name]}")
    if told["problems"]:
        say(f"{count(len(told['problems']), 'problem')}; nothing of this home can be adopted")
        return
    if reading.problems:
        say(f"{path}: no problem here, and {count(len(reading.problems), 'problem')} elsewhere: `factory check`")
        return
    say(f"valid, charter {told['charter'][:12]}")
    say(f"{count(len(told['roles']), 'role')}: {', '.join(told['roles'])}")
    say(f"{count(told['rules_loaded'], 'rule')} loaded, {told['rules_enforced']} enforced")
    if told["not_enforced"]:
        say("loaded, not enforced, because nobody answers these facts yet:")
        for line in table([(one["rule"], ", ".join(one["missing"])) for one in told["not_enforced"]], "  "):
            say(line)
    if not told["smoke"]:
        say("no smoke command is set: level 2 cannot run, so nothing can be committed")


@click.group()
def rules() -> None:
    """Rules: try their own cases, ask why, measure how often they would have stopped accepted work."""


@rules.command("test")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def rules_test(as_json: bool) -> None:
    """Run every rule's own cases: what it must catch, and the near misses it must spare."""
    from factory_tui.domain.rule_cases import self_test
    from factory_tui.domain.rules import ReviewQuestion

    home, reading = _read(Path())
    found = [
        {"path": one.path, "line": one.line, "problem": one.problem} for one in reading.problems if "rules/" in one.path
    ]
    tried, for_reviewers = [], []
    for rule in reading.charter.rules if reading.charter else ():
        if isinstance(rule.check, ReviewQuestion):
            for_reviewers.append(rule.id)
            continue
        tried.append((rule.id, len(rule.catches), len(rule.allows)))
        found += [{"path": rule.path, "line": 0, "problem": one.problem} for one in self_test(rule)]
    if reading.charter is None and not found:
        raise Refusal(what="the home cannot be read, so no case was run", next_step="run `factory check`")
    catches, allows = sum(row[1] for row in tried), sum(row[2] for row in tried)
    told = {"home": home.home_dir, "rules": len(tried), "catches": catches, "allows": allows, "problems": found}
    if as_json:
        say_json("rules test", told | {"for_reviewers": for_reviewers})
    else:
        for one in found:
            say(f"{one['path']} line {one['line']}: {one['problem']}")
        say(f"{count(len(tried), 'rule')}: {catches} cases to catch, {allows} near misses to spare")
        if for_reviewers:
            say(f"for a reviewer to judge, without a mechanical case: {', '.join(for_reviewers)}")
        say("every case turned out as written" if tried and not found else f"{count(len(found), 'problem')}")
    if found or not tried:
        raise Ended(FINDINGS)


@rules.command("why")
@click.argument("rule", required=False)
@click.option("--role", help="Whose action it would be.")
@click.option("--command", "command", help="What it would run.")
@click.option(
    "--action", "kind", type=click.Choice(get_args(ActionKind)), help="What it would do, else `run` or `edit`."
)
@click.option("--path", "path", default="", help="The path it would be about.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def rules_why(
    rule: str | None, role: str | None, command: str | None, kind: ActionKind | None, path: str, as_json: bool
) -> None:
    """RULE: its incident, its reason, what to do instead. Or: what would this action of a role be answered?"""
    _, reading = _read(Path())
    if reading.charter is None:
        raise Refusal(what="the home is not valid", next_step="run `factory check`")
    if rule is not None:
        _why_rule(reading.charter, rule, as_json)
    elif role is not None and (command or path or kind):
        _why_action(reading.charter, role, kind or ("run" if command else "edit"), command or "", path, as_json)
    else:
        raise UsageError(
            what="name a rule, or an action",
            next_step="`factory rules why P1`, or `factory rules why --role builder --command 'git stash'`",
        )


def _why_rule(charter: Charter, id: str, as_json: bool) -> None:
    from factory_tui.domain.law import rulebook_of

    rule = next((rule for rule in charter.rules if rule.id.lower() == id.lower()), None)
    if rule is None:
        known = ", ".join(rule.id for rule in charter.rules)
        raise Refusal(what=f"no rule {id[:20]} is loaded", why=f"loaded: {known}", next_step="`packs` adds others")
    answer = next(one for one in rulebook_of(charter).enforcement() if one.rule == rule.id)
    told = {
        "rule": rule.id,
        "title": rule.title,
        "statement": rule.statement,
        "severity": rule.severity,
        "reason": rule.reason,
        "instead": rule.instead,
        "incident": rule.incident,
        "enforced": answer.enforced,
        "missing": list(answer.missing),
        "how": answer.how,
        "path": rule.path,
    }
    if as_json:
        say_json("rules why", told)
        return
    _say_rule(rule)
    if answer.enforced:
        say(f"\nenforced: {answer.how}")
    else:
        say(f"\nloaded, not enforced: nobody answers {', '.join(answer.missing)} yet")
    say(f"its file: {rule.path}")


def _say_rule(rule: Rule) -> None:
    say(f"{rule.id} {rule.title} ({rule.severity})\n\n{rule.statement}")
    incident = rule.incident
    say(f"\nWhat happened: {incident.name}, {incident.date}; cost: {incident.cost}; source: {incident.source}")
    if incident.what_happened:
        say(incident.what_happened)
    say(f"\nWhy: {rule.reason}\n\nInstead: {rule.instead}")


def _why_action(charter: Charter, role: str, kind: ActionKind, command: str, path: str, as_json: bool) -> None:
    from factory_tui.domain.law import ruling_on_action
    from factory_tui.domain.seals import action_sha256
    from factory_tui.domain.terms import Action

    action = Action(kind=kind, command=command, path=path)
    state, turn = _as_if(charter, role)
    ruling, _ = ruling_on_action(state, turn, action, action_sha256(action), {})
    told = {
        "role": role,
        "action": {"kind": kind, "command": command, "path": path},
        "decision": ruling.decision.value,
        "matches": [
            {
                "source": match.source,
                "decision": match.decision.value,
                "reason": match.reason,
                "instead": match.instead,
                "where": match.where,
                "unanswered": list(match.unanswered),
            }
            for match in ruling.matches
        ],
    }
    if as_json:
        say_json("rules why", told)
        return
    say(f"{role}, {kind} {action.object}: {ruling.decision.value}")
    for match in ruling.matches:
        say(f"  {match.decision.value}, {match.source}: {match.reason}")
        if match.instead:
            say(f"      instead: {match.instead}")


def _as_if(charter: Charter, role: str) -> tuple[Any, Any]:
    """A turn of that role on a task of no name, at its very beginning."""
    from factory_tui.domain.state import Mission, State, Task, Turn

    card = charter.role(role)
    task = Task(
        id="T-0", mission="M-0", role=role, delivers=card.delivers, title="", goal="", criteria=(), paths=(),
        after=(), asks=(), opened_seq=0, stage="working",
    )  # fmt: skip
    turn = Turn(
        id=f"{role}/0", task="T-0", handoff="H-0", role=role, purpose="review" if card.judges else "author", attempt=1,
        seat="", control="brokered", person="", brief="", started="",
    )  # fmt: skip
    mission = Mission(id="M-0", text="", base_ref="", base="", target="", tip="")
    return State(charter=charter, missions={"M-0": mission}, tasks={"T-0": task}, turns={turn.id: turn}), turn


@rules.command("noise")
@click.argument("range", metavar="[RANGE]", default="500")
@click.option("--role", default="builder", help="As whose work the commits are judged.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def rules_noise(range: str, role: str, as_json: bool) -> None:
    """How often the rules would have stopped work that people accepted: your own history (default: 500 commits)."""
    from factory_tui.adapters.history import commits_in
    from factory_tui.adapters.noise import measure_noise
    from factory_tui.cli.rehearsing import bench
    from factory_tui.domain.law import rulebook_of

    place, charter = bench()

    async def read() -> list[tuple[str, Any]]:
        past = await commits_in(place.repo_root, range)
        return [(one.commit[:10], await place.worktrees.change(one.parent, one.commit)) for one in past]

    charter.role(role)
    report = measure_noise(asyncio.run(read()), rulebook_of(charter), role)
    if not report.commits:
        raise Refusal(what=f"{range} holds no commit with a parent", why="nothing was measured")
    if as_json:
        told = {"range": range, "role": role, "denied_percent": report.denied_percent}
        say_json("rules noise", told | {"asked_percent": report.asked_percent, "report": report})
        return
    say(
        f"{count(report.commits, 'commit')} of {range}: {report.denied} denied ({report.denied_percent:.1f} %), "
        f"{report.asked} asked about ({report.asked_percent:.1f} %)"
    )
    for one in report.rules:
        say(f"  {one.rule}: {one.denied} denied, {one.asked} asked")
        for example in one.examples:
            say(f"      {example}")
