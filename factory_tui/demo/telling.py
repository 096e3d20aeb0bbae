"""What the demo tells while it plays: a line for each step that a stranger would want to see."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from factory_tui.domain import events as e
from factory_tui.domain import harmless
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import State
from factory_tui.domain.terms import RuleMatch
from factory_tui.domain.wording import worded

Say = Callable[[str], None]
WIDE = 160
"""Characters of what an event says of itself."""
TOLD = (
    e.LevelJudged,
    e.Committed,
    e.Landed,
    e.TaskStuck,
    e.JobCrashed,
    e.MissionEnded,
    e.DeploymentProposed,
    e.DeploymentApproved,
    e.DeploymentRefused,
    e.DeploymentIntended,
    e.DeploymentSettled,
    e.RollbackIntended,
    e.RollbackSettled,
    e.IncidentOpened,
    e.IncidentReopened,
    e.EvidencePicked,
    e.ProposalMade,
    e.RuleDrafted,
    e.RuleProven,
    e.RuleWritten,
    e.RuleAdopted,
    e.RuleCommitted,
    e.IncidentClosed,
)
"""Told in the words that every screen and digest has for them."""


def short(text: str, most: int = WIDE) -> str:
    """One line of at most `most` characters; what is left out is marked."""
    return harmless.one_line(text, most, "...")


class Narrator:
    """Subscribed to a factory, it says each step once."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def tell(self, entry: Entry, state: State) -> None:
        for line in _lines(entry, state):
            self._say(line)


def _lines(entry: Entry, state: State) -> Iterator[str]:
    match entry.event:
        case e.SessionStarted(wall=wall):
            yield f"session open, wall: {wall}"
        case e.CharterAdopted(charter=charter):
            yield f"charter in force: {len(charter.roles)} roles, {len(charter.rules)} rules"
        case e.TurnStarted(turn=turn, task=task, attempt=attempt):
            yield f"{turn} starts on {task}: {state.task(task).title} (attempt {attempt})"
        case e.ActionDenied(turn=turn, action=action, ruling=ruling):
            yield f"  {turn} DENIED {action.kind} {short(action.object, 60)} by {_sources(ruling.matches)}"
        case e.TreeRefused(task=task, matches=matches):
            yield f"  {task} STOPPED at the commit by {_sources(matches)}: {short(matches[0].reason)}"
            yield from (f"    {short(one.where)}" for one in matches if one.where)
        case e.PlanProposed(tasks=tasks):
            yield "  plan: " + "; ".join(f"{task.title} ({task.role})" for task in tasks)
        case e.DeploymentChecked(commit=commit, rows=rows) as checked:
            yield f"  level 4 on {commit[:10]}: {checked.verdict.value.upper()}, {checked.summary}"
            wrong = [row for row in rows if row.verdict in ("fail", "gap")]
            yield from (f"    {row.id} {row.verdict.upper()} {row.title}: {short(row.reason)}" for row in wrong)
        case event if isinstance(event, TOLD):
            yield f"  {short(worded(event))}"
        case _:
            return


def _sources(matches: tuple[RuleMatch, ...]) -> str:
    return ", ".join(dict.fromkeys(match.source for match in matches if match.decision == "deny"))
