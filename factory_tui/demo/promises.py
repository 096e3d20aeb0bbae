"""What the demo promises, looked for afterwards: in the ledger as it is on disk, in git, on the machine in the hall.

Only what was found counts. A story that went another way ends with what is missing, and with exit code 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from factory_tui.bootstrap.grounds import Ground, look
from factory_tui.bootstrap.house import House
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.releasing import FLOOR
from factory_tui.domain.state import State
from factory_tui.domain.terms import Verdict

Step = tuple[str, Callable[[object], bool]]


async def missing_of(ground: Ground, house: House, base: str) -> tuple[str, ...]:
    """What was promised and is not to be found."""
    state, entries, view = look(ground)
    problems = [] if view is None or view.damage is None else [str(view.damage)]
    problems += _not_in(entries, state)
    problems += out_of_order(entries)
    if await house.worktrees.ref_head("refs/heads/main") != _last_on_main(entries, base):
        problems.append("the branch is not where the approved landings and the adopted rule left it")
    mission = next(iter(state.missions.values()), None)
    if mission is None or mission.outcome != "done":
        problems.append("the mission is not done")
        return tuple(problems)
    tip = await house.worktrees.ref_head(mission.target)
    service = await house.worktrees.read_file(tip, "bookings/service.py") if tip else None
    made = [entry.event.commit for entry in entries if isinstance(entry.event, e.RuleCommitted)]
    if not all(made):
        problems.append("the adopted rule and its incident are not committed")
    if not state.unsigned:
        for last in (tip, *filter(None, made)):
            problems += _not_proven(ground.home.repo_root, base, last)
    if not service or b"do_DELETE" not in service:
        problems.append(f"{mission.target} does not hold the new feature")
    if "hall" in (state.law.deploying.environments if state.law.deploying else {}):
        running = await house.deployments.running("hall")
        if running.commit != tip:
            problems.append(f"the hall does not run what landed, but {running.commit[:10] or running.why_unknown}")
    if state.digest is None or not (Path(ground.home.home_dir) / state.digest.path).is_file():
        problems.append("there is no digest")
    return tuple(problems)


def _last_on_main(entries: Sequence[Entry], base: str) -> str:
    """The last commit that was put there on somebody's word; `base` when none was."""
    for entry in reversed(entries):
        match entry.event:
            case e.Landed(ref="refs/heads/main", new=new) | e.RuleCommitted(ref="refs/heads/main", commit=new) if new:
                return new
    return base


def _not_proven(root: str, base: str, tip: str) -> list[str]:
    """What a stranger with git and the one file of the verifier would object to."""
    from factory_tui.adapters import verify as verifier

    with verifier.Gate(root) as gate:
        answers = [gate.verify(commit) for commit in verifier.commits_of(root, f"{base}..{tip}")]
    return [f"{answer.commit[:10]} is closed: {why}" for answer in answers for why in answer.why]


def _not_in(entries: Sequence[Entry], state: State) -> list[str]:
    """The steps of the first mission that the ledger does not tell of."""
    denied = [entry.event for entry in entries if isinstance(entry.event, e.ActionDenied)]
    judged = [entry.event for entry in entries if isinstance(entry.event, e.LevelJudged)]
    promised = {
        "the planner was refused an edit of the page, by its card and by P1": any(
            event.turn.startswith("ceo/")
            and event.action.kind == "edit"
            and {"P1", "card:ceo"} <= {match.source for match in event.ruling.matches}
            for event in denied
        ),
        "the Builder was refused a deployment by P4": any(
            event.turn.startswith("builder/") and any(match.source == "P4" for match in event.ruling.matches)
            for event in denied
        ),
        "the Builder was refused an edit of DNA.md": any(
            event.turn.startswith("builder/") and event.action.path.endswith("DNA.md") for event in denied
        ),
        "level 2 stopped a tree": any(event.level == 2 and event.verdict == "fail" for event in judged),
        "Quality failed a tree that was green at level 2": any(
            event.level == 3 and event.verdict == "fail" for event in judged
        ),
        "Quality passed the mended change": any(event.level == 3 and event.verdict == "pass" for event in judged),
        "a fresh turn mended it": any(
            isinstance(entry.event, e.TurnStarted) and entry.event.role == "builder" and entry.event.attempt == 2
            for entry in entries
        ),
        "an approval came before each landing": bool(state.closed)
        and sum(isinstance(entry.event, e.Landed) for entry in entries)
        == sum(isinstance(entry.event, e.ChangeApproved) for entry in entries)
        == 3,
        "the supervisor denied the Builder a package": any(
            isinstance(entry.event, e.AskAnswered) and not entry.event.allowed and entry.by.kind == "supervisor"
            for entry in entries
        ),
        "the supervisor is named as a script": any(entry.by.name.endswith("@script") for entry in entries),
    }
    return [what for what, happened in promised.items() if not happened]


# --- to the hall and back ------------------------------------------------------------------------


def out_of_order(entries: Sequence[Entry]) -> Iterator[str]:
    """The first step of the way to production and back that the ledger does not tell of after the one before."""
    steps = iter(entries)
    rule = next((entry.event.rule for entry in entries if isinstance(entry.event, e.RuleAdopted)), "")
    for what, fits in _steps(rule):
        if not any(fits(entry.event) for entry in steps):
            yield what
            return


def _steps(rule: str) -> tuple[Step, ...]:
    """In the order in which they happen; a step may stand anywhere after the one before. `rule` is the adopted one."""

    def is_denied(who: str, kind: str) -> Callable[[object], bool]:
        return lambda one: (
            isinstance(one, e.ActionDenied) and one.turn.startswith(f"{who}/") and one.action.kind == kind
        )

    def is_checked(verdict: Verdict) -> Callable[[object], bool]:
        return lambda one: isinstance(one, e.DeploymentChecked) and one.verdict is verdict

    def failed_in_earnest(one: object) -> bool:
        if not isinstance(one, e.DeploymentChecked) or one.verdict is not Verdict.FAIL:
            return False
        return {"V18", "V21"} <= {row.id for row in one.rows if row.verdict == "fail"} and not one.gaps

    def passed_all(one: object) -> bool:
        return isinstance(one, e.DeploymentChecked) and one.verdict is Verdict.PASS and one.passed == len(FLOOR)

    return (
        ("the Builder was refused the action of deploying", is_denied("builder", "deploy")),
        ("DevOps was refused a deployment by hand", is_denied("devops", "run")),
        ("DevOps was refused an approval", is_denied("devops", "approve")),
        (
            "DevOps proposed a deployment",
            lambda one: isinstance(one, e.DeploymentProposed) and one.by.startswith("devops/"),
        ),
        ("somebody else approved exactly that", lambda one: isinstance(one, e.DeploymentApproved)),
        (
            "the release ran in the hall",
            lambda one: isinstance(one, e.DeploymentSettled) and one.outcome == "done",
        ),
        ("level 4 saw the lost volume and the missing header", failed_in_earnest),
        ("it went back by the recorded way", lambda one: isinstance(one, e.RollbackSettled) and one.outcome == "done"),
        ("the old release passed level 4 again", is_checked(Verdict.PASS)),
        ("a rule was drafted for the incident", lambda one: isinstance(one, e.RuleDrafted)),
        (
            "the rule was proven on what was recorded",
            lambda one: isinstance(one, e.RuleProven) and one.verdict is Verdict.PASS and bool(one.caught),
        ),
        ("the rule was adopted", lambda one: isinstance(one, e.RuleAdopted)),
        ("the incident was closed by it", lambda one: isinstance(one, e.IncidentClosed) and one.rule == rule != ""),
        ("rule and incident were committed", lambda one: isinstance(one, e.RuleCommitted) and bool(one.commit)),
        (
            "the next Builder was stopped by that very rule",
            lambda one: isinstance(one, e.TreeRefused) and rule in {match.source for match in one.matches},
        ),
        ("what it changed then landed", lambda one: isinstance(one, e.Landed)),
        ("the second deployment passed all 33 checks", passed_all),
    )
