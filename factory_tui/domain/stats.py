"""The factory in figures, counted from the ledger alone. Every figure names the entries behind it; too little data is
said and never a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.plurals import count
from factory_tui.domain.terms import LEVEL_NAMES, Decision, Record, Verdict
from factory_tui.domain.times import minutes_between

LEAST_FOR_P90 = 10
"""Values below which a 90th percentile says nothing."""


class Figure(Record, frozen=True, kw_only=True):
    """One number, or why there is none."""

    group: str
    name: str
    """For programs: `lead_time_to_merge_median`."""
    title: str
    value: float | None = None
    unit: str = ""
    """`min`, `usd`; empty = a count."""
    why: str = ""
    """Why there is no number, or what is doubtful about it."""
    entries: tuple[int, ...] = ()

    @property
    def told(self) -> str:
        """The number as people read it."""
        if self.value is None:
            return "-"
        if self.unit == "usd":
            return f"${self.value:.2f}"
        if self.unit == "min":
            return _duration(self.value)
        return f"{self.value:g}" if self.value == int(self.value) else f"{self.value:.1f}"


def measure(entries: Iterable[Entry]) -> tuple[Figure, ...]:
    """All figures, in the order in which they are shown."""
    known = tuple(entries)
    return (
        *_landed(known),
        *_lead_times(known),
        *_attempts(known),
        *_gate(known),
        *_denials(known),
        *_cost(known),
        *_supervisor(known),
    )


def _landed(known: Sequence[Entry]) -> Iterable[Figure]:
    landings = [entry for entry in known if isinstance(entry.event, e.Landed)]
    missions = {entry.event.task: entry.event.mission for entry in known if isinstance(entry.event, e.TaskOpened)}
    first = {missions.get(entry.event.task, ""): entry.seq for entry in reversed(landings)}  # type: ignore[attr-defined]
    seqs = tuple(sorted(first.values()))
    yield Figure(group="landed", name="features", title="features (missions)", value=len(first), entries=seqs)
    yield Figure(
        group="landed",
        name="commits",
        title="commits",
        value=len(landings),
        entries=tuple(entry.seq for entry in landings),
    )


def _lead_times(known: Sequence[Entry]) -> Iterable[Figure]:
    stated: dict[str, Entry] = {}
    missions: dict[str, str] = {}
    deployed: dict[str, str] = {}
    waiting: list[tuple[str, str]] = []
    merged: list[tuple[float, tuple[int, ...]]] = []
    verified: list[tuple[float, tuple[int, ...]]] = []
    for entry in known:
        event = entry.event
        match event:
            case e.MissionStated(mission=mission):
                stated[mission] = entry
            case e.TaskOpened(task=task, mission=mission):
                missions[task] = mission
            case e.Landed(task=task, new=commit):
                waiting.append((commit, task))
                if start := stated.get(missions.get(task, "")):
                    merged.append((minutes_between(start.at, entry.at), (start.seq, entry.seq)))
            case e.DeploymentProposed(deployment=id, plan=plan) | e.ReleaseRegistered(deployment=id, plan=plan):
                deployed[id] = plan.commit
            case e.DeploymentChecked(deployment=id, commit=commit, verdict=Verdict.PASS):
                # What was gone back to passes too; it is not what was to be deployed. A release brings whatever
                # landed before it as well.
                order = [one for one, _ in waiting]
                if commit == deployed.get(id) and commit in order:
                    brought, waiting = waiting[: order.index(commit) + 1], waiting[order.index(commit) + 1 :]
                    starts = [start for _, task in brought if (start := stated.get(missions.get(task, "")))]
                    verified += [(minutes_between(one.at, entry.at), (one.seq, entry.seq)) for one in starts]
            case _:
                pass
    yield from _spread("lead time", "lead_time_to_merge", "mission to merge", merged, "nothing landed yet")
    none = "no deployment was verified yet"
    yield from _spread("lead time", "lead_time_to_deployment", "mission to verified deploy", verified, none)


def _spread(
    group: str, name: str, title: str, values: Sequence[tuple[float, tuple[int, ...]]], none: str
) -> Iterable[Figure]:
    """Median and 90th percentile of minutes."""
    seqs = tuple(sorted({seq for _, behind in values for seq in behind}))
    numbers = sorted(value for value, _ in values)
    few = none if not numbers else ""
    yield Figure(
        group=group,
        name=f"{name}_median",
        title=f"{title}, median",
        value=median(numbers) if numbers else None,
        unit="min",
        why=few or f"of {len(numbers)}",
        entries=seqs,
    )
    enough = len(numbers) >= LEAST_FOR_P90
    yield Figure(
        group=group,
        name=f"{name}_p90",
        title=f"{title}, p90",
        # The nearest rank: a value that was measured.
        value=numbers[-(-9 * len(numbers) // 10) - 1] if enough else None,
        unit="min",
        why="" if enough else few or f"too little data: {len(numbers)} of at least {LEAST_FOR_P90}",
        entries=seqs,
    )


def _attempts(known: Sequence[Entry]) -> Iterable[Figure]:
    handed: dict[str, list[int]] = {}
    landed: set[str] = set()
    for entry in known:
        if isinstance(entry.event, e.HandedOver):
            handed.setdefault(entry.event.task, []).append(entry.seq)
        elif isinstance(entry.event, e.Landed):
            landed.add(entry.event.task)
    tries = {task: handed[task] for task in landed if task in handed}
    seqs = tuple(sorted(seq for behind in tries.values() for seq in behind))
    yield Figure(
        group="attempts",
        name="attempts_per_task",
        title="handed over per landed task",
        value=len(seqs) / len(tries) if tries else None,
        why=f"of {len(tries)}" if tries else "nothing landed yet",
        entries=seqs,
    )


def _gate(known: Sequence[Entry]) -> Iterable[Figure]:
    caught: dict[int, list[int]] = {level: [] for level in LEVEL_NAMES}
    past: dict[int, list[int]] = {level: [] for level in (*LEVEL_NAMES, 0)}
    levels: dict[str, tuple[int, int]] = {}
    for entry in known:
        event = entry.event
        match event:
            case e.LevelJudged(level=level, verdict=Verdict.FAIL):
                caught[level].append(entry.seq)
            case e.TreeRefused():
                caught[2].append(entry.seq)
            case e.RuleAdopted():
                caught[5].append(entry.seq)
            case e.IncidentOpened(incident=incident, level=level) | e.IncidentFilled(incident=incident, level=level):
                levels[incident] = (level, levels.get(incident, (0, entry.seq))[1])
            case e.IncidentReopened(broken=rule) if rule:
                past[5].append(entry.seq)
            case e.DeploymentChecked(verdict=Verdict.FAIL):
                caught[4].append(entry.seq)
            case _:
                pass
    for level, seq in levels.values():
        past.setdefault(level, []).append(seq)
    for level, name in LEVEL_NAMES.items():
        title = "level 5: rules born from incidents" if level == 5 else f"level {level} {name}: caught"
        yield Figure(
            group="gate",
            name=f"level_{level}_caught",
            title=title,
            value=len(caught[level]),
            entries=tuple(caught[level]),
        )
        yield Figure(
            group="gate",
            name=f"level_{level}_missed",
            title="level 5: happened in spite of one" if level == 5 else f"level {level} {name}: got past it",
            value=len(past[level]),
            entries=tuple(past[level]),
        )
    if past[0]:
        yield Figure(
            group="gate",
            name="level_unknown",
            title="incidents of no named level",
            value=len(past[0]),
            entries=tuple(past[0]),
        )


def _denials(known: Sequence[Entry]) -> Iterable[Figure]:
    by_source: dict[str, list[int]] = {}
    for entry in known:
        matches = (
            entry.event.ruling.matches
            if isinstance(entry.event, e.ActionDenied)
            else entry.event.matches
            if isinstance(entry.event, e.TreeRefused)
            else ()
        )
        for source in {match.source for match in matches if match.decision is Decision.DENY}:
            by_source.setdefault(source, []).append(entry.seq)
    for source, seqs in sorted(by_source.items(), key=lambda one: (-len(one[1]), one[0])):
        yield Figure(
            group="denials", name=f"denied:{source}", title=f"by {source}", value=len(seqs), entries=tuple(seqs)
        )
    if not by_source:
        yield Figure(group="denials", name="denied", title="denials", value=0)


def _cost(known: Sequence[Entry]) -> Iterable[Figure]:
    missions = {entry.event.task: entry.event.mission for entry in known if isinstance(entry.event, e.TaskOpened)}
    turns: dict[str, str] = {}
    spent: dict[str, Entry] = {}
    landed = {missions.get(entry.event.task, "") for entry in known if isinstance(entry.event, e.Landed)}
    silent: set[str] = set()
    for entry in known:
        if isinstance(entry.event, e.TurnStarted):
            turns[entry.event.turn] = missions.get(entry.event.task, "")
            silent.add(entry.event.turn)
        elif isinstance(entry.event, e.UsageNoted):
            spent[entry.event.turn] = entry
            silent.discard(entry.event.turn)
    own = [entry for turn, entry in spent.items() if turns.get(turn, "") in landed]
    costs = [entry.event.usd for entry in own if isinstance(entry.event, e.UsageNoted)]
    told = [cost for cost in costs if cost is not None]
    unknown = len(costs) - len(told) + sum(turns[turn] in landed for turn in silent)
    why = "nothing landed yet" if not landed else "no seat told what it cost" if not told else ""
    doubt = f"{count(unknown, 'turn')} told no cost" if unknown and told else f"of {len(landed)}"
    yield Figure(
        group="cost",
        name="cost_per_feature",
        title="per landed feature",
        value=sum(told) / len(landed) if landed and told else None,
        unit="usd",
        why=why or doubt,
        entries=tuple(sorted(entry.seq for entry in own)),
    )


def _supervisor(known: Sequence[Entry]) -> Iterable[Figure]:
    since: dict[str, Entry] = {}
    waits: list[tuple[float, tuple[int, ...]]] = []
    decisions: list[int] = []
    for entry in known:
        begun, settled = _waits(entry.event)
        if begun:
            since[begun] = entry
        if not settled:
            continue
        start = since.pop(settled, None)
        if entry.by.kind == "supervisor":
            decisions.append(entry.seq)
            if start is not None:
                waits.append((minutes_between(start.at, entry.at), (start.seq, entry.seq)))
    yield Figure(
        group="supervisor", name="decisions", title="decisions", value=len(decisions), entries=tuple(decisions)
    )
    total = tuple(sorted({seq for _, behind in waits for seq in behind}))
    yield Figure(
        group="supervisor",
        name="waiting_total",
        title="waited for the supervisor, in all",
        value=sum(value for value, _ in waits) if waits else None,
        unit="min",
        why="" if waits else "nothing was answered yet",
        entries=total,
    )
    yield from _spread("supervisor", "waiting", "waited for an answer", waits, "nothing was answered yet")


def _waits(event: object) -> tuple[str, str]:
    """What begins to wait for the supervisor with an event, and what an event settles."""
    match event:
        case e.ActionAsked(id=id) | e.Escalated(question=id) | e.PlanProposed(plan=id) | e.BriefSealed(handoff=id):
            return id, ""
        case e.CharterProposed(proposal=id) | e.ProposalMade(proposal=id) | e.DigestWritten(path=id):
            return (id if not isinstance(event, e.DigestWritten) else "digest"), ""
        case e.LevelJudged(level=3, verdict=Verdict.PASS, task=task):
            return f"change:{task}", ""
        case e.TaskStuck(task=task):
            return f"stuck:{task}", ""
        case e.DeploymentProposed(deployment=id) | e.IncidentOpened(incident=id) | e.IncidentReopened(incident=id):
            return id, ""
        case e.DeploymentApproved(deployment=id) | e.DeploymentRejected(deployment=id) | e.IncidentClosed(incident=id):
            return "", id
        case e.AskAnswered(id=id) | e.QuestionAnswered(question=id) | e.HandoffReleased(handoff=id):
            return "", id
        case e.PlanApproved(plan=id) | e.PlanRejected(plan=id) | e.HandoffRejected(handoff=id):
            return "", id
        case e.CharterDeclined(proposal=id) | e.ProposalSettled(proposal=id):
            return "", id
        case e.ChangeApproved(task=task) | e.ChangeRejected(task=task):
            return "", f"change:{task}"
        case e.TaskRetried(task=task):
            return "", f"stuck:{task}"
        case e.DigestAcknowledged():
            return "", "digest"
        case e.CharterAdopted(why=why) if why.startswith("adopted from "):
            return "", why.removeprefix("adopted from ")
        case _:
            return "", ""


def _duration(minutes: float) -> str:
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} d"
