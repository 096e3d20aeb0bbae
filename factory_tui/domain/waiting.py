"""Needs you: everything that waits for the supervisor, oldest first, each with exactly what is answered."""

from __future__ import annotations

from factory_tui.domain import seals
from factory_tui.domain.asking import alike, may_last_the_session
from factory_tui.domain.incidents import may_be_adopted, next_step
from factory_tui.domain.item import Waiting
from factory_tui.domain.pace import mode_of
from factory_tui.domain.plurals import count
from factory_tui.domain.shared_causes import budget_items, world_items
from factory_tui.domain.state import Deployment, Incident, State, Task
from factory_tui.domain.terms import Verdict


def waiting(state: State) -> tuple[Waiting, ...]:
    """Pure: the same state gives the same queue."""
    items = [
        *_digest(state),
        *_asks(state),
        *_questions(state),
        *_plans(state),
        *_tasks(state),
        *_proposals(state),
        *_paused(state),
        *budget_items(state),
        *world_items(state),
        *_deployments(state),
        *_notices(state),
        *_incidents(state),
    ]
    first = [item for item in items if item.kind == "digest"]
    rest = sorted((item for item in items if item.kind != "digest"), key=lambda item: (item.since, item.id))
    return (*first, *rest)


def _paused(state: State) -> list[Waiting]:
    """Turns that stand still after their action until the supervisor lets them go on."""
    return [
        Waiting(
            id=f"P-{turn.id}",
            kind="paused",
            task=turn.task,
            title=f"{turn.id} is paused, its next action waits: {turn.paused}",
            since=turn.started,
            sha256=seals.sha256_of("paused", turn.id, turn.paused),
            verbs=("resume",),
        )
        for turn in state.turns.values()
        if turn.paused and turn.task in state.tasks and not state.tasks[turn.task].held
    ]


def digest_is_owed(state: State) -> bool:
    """No turn starts while the last digest has not been read, or has still to be written after a crash."""
    if state.recovered_session:
        return True
    return state.digest is not None and state.digest.session > state.acknowledged


def _digest(state: State) -> list[Waiting]:
    if state.digest is None or state.digest.session <= state.acknowledged:
        return []
    return [
        Waiting(
            id=f"D-{state.digest.session}",
            kind="digest",
            task="",
            title=f"digest of session {state.digest.session} is unread: {state.digest.path}",
            since=state.at,
            sha256=seals.digest_sha256(state.digest.session, state.digest.evidence.sha256),
            verbs=("ack",),
        )
    ]


def _asks(state: State) -> list[Waiting]:
    """Equal asks of several turns are one item, known by the oldest."""
    items = []
    settled: set[str] = set()
    for ask in state.asks.values():
        if ask.id in settled:
            continue
        same = alike(state, ask)
        settled |= {one.id for one in same}
        who = ", ".join(one.turn for one in same)
        verbs = ["allow"]
        verbs += ["allow-task"] if ask.may_be_remembered else []
        verbs += ["allow-session"] if may_last_the_session(state, ask) else []
        verbs += ["edit"] if ask.action.kind == "run" else []
        shas = [seals.ask_sha256(one) for one in same]
        items.append(
            Waiting(
                id=ask.id,
                kind="ask",
                task=ask.task,
                title=f"{who} want{'s' if len(same) == 1 else ''} to {ask.action.kind} {ask.action.object}:"
                f" {ask.ruling.reason}",
                since=ask.since,
                sha256=shas[0] if len(same) == 1 else seals.sha256_of("asks", *shas),
                verbs=(*verbs, "deny"),
            )
        )
    return items


def _deployments(state: State) -> list[Waiting]:
    found = []
    for one in state.deployments.values():
        plan = one.plan
        if one.stage == "proposed":
            back = f"back to {plan.previous[:10]}" if plan.previous else "nothing runs there yet"
            title = f"{one.by} proposes {plan.commit[:10]} ({one.task}) for {plan.environment}, {back}"
        elif one.stage == "in doubt":
            title = f"nobody knows what runs in {plan.environment}: {one.why}"
        else:
            continue
        found.append(
            Waiting(
                id=one.id,
                kind="deployment",
                task=one.task,
                title=title,
                since=one.since,
                sha256=seals.deployment_sha256(state, one),
                verbs=verbs_of(one),
            )
        )
    return found


def verbs_of(deployment: Deployment) -> tuple[str, ...]:
    """The answers that it waits for; none = it waits for nobody."""
    if deployment.stage == "proposed":
        return ("approve", "waive", "reject")
    return ("look", "rollback", "drop") if deployment.stage == "in doubt" else ()


def _notices(state: State) -> list[Waiting]:
    return [
        Waiting(
            id=notice.id,
            kind="notice",
            task=notice.task,
            title=notice.title,
            since=notice.since,
            sha256=seals.sha256_of("notice", notice.id, notice.text),
            verbs=("noted",),
        )
        for notice in state.notices.values()
    ]


def _incidents(state: State) -> list[Waiting]:
    """Those of before there was a form do not wait."""
    return [incident_item(state, known) for known in state.incidents.values() if known.cause and not known.closed]


def incident_item(state: State, known: Incident) -> Waiting:
    """What is answered about it; without verbs when it is closed."""
    verbs = ("adopt", "fill", "close") if may_be_adopted(known) else ("fill", "close")
    return Waiting(
        id=known.id,
        kind="incident",
        task=known.task if known.task in state.tasks else "",
        title=known.title if known.closed else f"{known.title}: {next_step(known)}",
        since=known.since,
        sha256=seals.sha256_of("incident", known),
        verbs=() if known.closed else verbs,
    )


def _questions(state: State) -> list[Waiting]:
    return [
        Waiting(
            id=question.id,
            kind="question",
            task=question.task,
            title=f"{question.turn} asks: {question.text.splitlines()[0][:160]}",
            since=question.since,
            sha256=seals.question_sha256(question),
            verbs=("reply",),
        )
        for question in state.questions.values()
    ]


def _plans(state: State) -> list[Waiting]:
    return [
        Waiting(
            id=plan.plan,
            kind="plan",
            task=plan.task,
            title=f"{plan.turn} plans {count(len(plan.tasks), 'task')}: "
            + "; ".join(task.title for task in plan.tasks),
            since=state.tasks[plan.task].since,
            sha256=seals.plan_sha256(plan),
            verbs=("approve", "reject", "drop"),
        )
        for plan in state.plans.values()
        if state.tasks[plan.task].stage == "planned"
    ]


def _proposals(state: State) -> list[Waiting]:
    return [
        Waiting(
            id=proposal.id,
            kind="proposal",
            task="",
            title=(
                f"the home changed: {proposal.path}" if proposal.charter else f"{proposal.by} proposes {proposal.path}"
            )
            + (f"; cannot be adopted: {proposal.problem}" if proposal.problem else ""),
            since=proposal.since,
            sha256=seals.proposal_sha256(proposal),
            verbs=("adopt", "decline") if proposal.charter else ("accept", "decline"),
        )
        for proposal in state.proposals.values()
    ]


def _tasks(state: State) -> list[Waiting]:
    found = []
    for task in state.tasks.values():
        if task.held:
            continue
        if task.stage == "offered":
            found += _handoff(state, task)
        elif task.stage == "stuck":
            found.append(
                Waiting(
                    id=task.id,
                    kind="stuck",
                    task=task.id,
                    title=f"{task.title}: stuck, {task.why}",
                    since=task.since,
                    sha256=seals.stuck_sha256(task),
                    verbs=("retry", "replan", "split", "swap", "take-over", "dismiss", "incident", "drop"),
                )
            )
        elif task.stage in ("working", "released") and (turn := _human_turn(state, task)):
            found.append(
                Waiting(
                    id=task.id,
                    kind="turn",
                    task=task.id,
                    title=f"{task.title}: you are the {turn}; hand over with `factory handover {task.id}`",
                    since=task.since,
                    sha256=seals.sha256_of("turn", task.id, turn),
                    verbs=("handover",),
                )
            )
        elif task.stage == "ready" and task.candidate:
            found.append(_change(state, task))
    return found


def _human_turn(state: State, task: Task) -> str:
    """The role a person fills on this task now, or filled when the last session ended; empty = none."""
    for turn in state.turns.values():
        if turn.task == task.id and turn.control == "human":
            return turn.role
    last = task.turns[-1] if task.turns else None
    if task.stage == "released" and last and last.person and last.outcome == "interrupted":
        return last.role
    return ""


def _handoff(state: State, task: Task) -> list[Waiting]:
    handoff = task.handoff
    assert handoff
    if handoff.brief is None and not handoff.refused:
        return []
    if mode_of(state, task) == "flow" and not handoff.refused and not handoff.edited:
        return []
    title = f"{task.title}: to {handoff.to} for {'review' if handoff.purpose == 'review' else 'work'}, {handoff.reason}"
    if handoff.refused:
        title = f"{task.title}: no brief, {handoff.refused}"
    verbs = ("approve", "edit", "redirect", "reject", "hold", "drop")
    return [
        Waiting(
            id=handoff.id,
            kind="handoff",
            task=task.id,
            title=title,
            since=handoff.since,
            sha256=seals.handoff_sha256(state, task, handoff),
            verbs=verbs if not handoff.refused else ("edit", "redirect", "drop"),
        )
    ]


def _change(state: State, task: Task) -> Waiting:
    candidate = task.candidate
    assert candidate
    assert candidate.review
    independent = candidate.review.independent or task.waived == candidate.commit
    target = state.missions[task.mission].target
    size = f"+{candidate.added}-{candidate.removed} in {count(len(candidate.paths), 'file')}"
    title = f"{task.title}: {size}, ready for {target}"
    if not independent:
        title = f"{task.title}: {candidate.review.summary}"
    if task.why:
        title += f" ({task.why})"
    passed = candidate.review.verdict is Verdict.PASS or task.waived == candidate.commit
    return Waiting(
        id=task.id,
        kind="change",
        task=task.id,
        title=title,
        since=task.since,
        sha256=seals.change_sha256(state, task),
        verbs=("approve", "reject", "hold", "drop") if passed else ("waive", "reject", "hold", "drop"),
    )
