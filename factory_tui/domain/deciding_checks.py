"""Level 4: what the checks of a deployment found, judged here and nowhere else.

Each check of the floor must have passed, or not apply for a recorded reason; what was not run is a gap, and no pass.
"""

from __future__ import annotations

from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.counting import counted
from factory_tui.domain.deciding_rollbacks import incident_about, ordered
from factory_tui.domain.numbers import Ids
from factory_tui.domain.releasing import FLOOR, LONG_REASON, deployment_of
from factory_tui.domain.state import State
from factory_tui.domain.terms import CheckRow, Verdict


def check(state: State, ids: Ids, command: c.CheckDeployment) -> tuple[e.Event, ...]:
    """The verdict is computed here: each check of the floor must have passed, or not apply with its reason."""
    deployment = deployment_of(state, command.deployment)
    if deployment.stage not in ("deployed", "rolled back"):
        return ()
    rows = _whole(command.rows, command.missing)
    counts = {verdict: sum(1 for row in rows if row.verdict == verdict) for verdict in _VERDICTS}
    is_good = counts["pass"] > 0 and not counts["fail"] and not counts["gap"]
    summary = counted(rows)
    bad = " ".join(sorted(row.id for row in rows if row.verdict in ("fail", "gap")))
    worst = [f"{row.id} {row.verdict}: {row.reason}" for row in rows if row.verdict in ("fail", "gap")]
    checked = e.DeploymentChecked(
        deployment=deployment.id,
        commit=deployment.running,
        verdict=Verdict.PASS if is_good else Verdict.FAIL if counts["fail"] else Verdict.NOT_RUN,
        summary=summary,
        passed=counts["pass"],
        failed=counts["fail"],
        not_applicable=counts["not applicable"],
        gaps=counts["gap"],
        rows=rows,
        figures=dict(command.figures),
        evidence=command.evidence,
        seconds=command.seconds,
    )
    if is_good:
        return (checked,)
    told = f"{summary}. " + "; ".join(worst[:10])
    if deployment.stage == "rolled back":
        return (
            checked,
            incident_about(state, ids, deployment, "the old release does not pass level 4 either", told, bad),
        )
    incident = incident_about(state, ids, deployment, "level 4 did not pass", told, bad)
    if deployment.elsewhere:
        return (checked, incident)
    return (checked, incident, ordered(deployment, f"level 4: {told}", "factory"))


_VERDICTS = ("pass", "fail", "not applicable", "gap")


def _whole(rows: tuple[CheckRow, ...], missing: str) -> tuple[CheckRow, ...]:
    """Each check of the floor once; what was not run, or does not apply for no reason, is a gap."""
    answered: dict[str, CheckRow] = {}
    for row in rows:
        is_unsaid = row.verdict == "not applicable" and not row.reason.strip()
        kept = replace(row, reason=row.reason[:LONG_REASON], evidence="")
        if is_unsaid:
            kept = replace(kept, verdict="gap", reason="no reason why it does not apply")
        worst = answered.get(row.id)
        # The same check twice counts by its worse answer.
        if worst is None or _WEIGHT[kept.verdict] > _WEIGHT[worst.verdict]:
            answered[row.id] = kept
    for id in FLOOR:
        answered.setdefault(id, CheckRow(id=id, verdict="gap", reason=missing or "it was not run"))
    return tuple(answered.values())


_WEIGHT = {"pass": 0, "not applicable": 1, "gap": 2, "fail": 3}
