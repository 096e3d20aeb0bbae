"""Sessions, charters, mode and time: what the supervisor's outermost commands lead to."""

from __future__ import annotations

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.asking import deny_overdue
from factory_tui.domain.deciding_incidents import born, breached, opened
from factory_tui.domain.errors import Refusal
from factory_tui.domain.limits import DEGRADED, NO_WALL
from factory_tui.domain.numbers import Ids
from factory_tui.domain.passing_on import after_turn
from factory_tui.domain.permanence import carried_over, missing, orphaned, told
from factory_tui.domain.state import State
from factory_tui.domain.terms import Actor


def start_session(state: State, command: c.StartSession, by: Actor) -> tuple[e.Event, ...]:
    """A session that never ended is ended here; its digest is owed before any turn starts."""
    is_degraded = command.wall == DEGRADED
    if is_degraded and (by.kind != "supervisor" or command.degraded != by.name):
        raise Refusal(
            what="nobody accepted that this session has no wall",
            why="only the supervisor, for this session, may let seats run commands without one",
            next_step="`factory run --accept-degraded`, or `factory doctor` for a wall",
        )
    ids = Ids(state)
    events: list[e.Event] = []
    charter, kept = carried_over(state, command.charter)
    events.append(
        e.SessionStarted(
            session=state.session + 1,
            version=command.version,
            charter=charter.sha256,
            wall=command.wall,
            mode=command.mode,
            base_ref=command.base_ref,
            base=command.base,
            degraded=command.degraded if is_degraded else "",
            recovered=state.session_open,
            assurance=command.assurance,
            unsigned=command.unsigned,
            root=command.root,
        )
    )
    if command.repaired:
        events.append(e.LedgerRepaired(dropped_bytes=command.repaired[0], saved_as=command.repaired[1]))
    if state.charter is None or state.charter.sha256 != charter.sha256:
        why = ", and ".join(("the home as committed on the base branch", *kept))
        events.append(e.CharterAdopted(charter=charter, why=why))
        events += born(state, charter)
    for turn in state.turns.values():
        events += after_turn(state, ids, turn, "interrupted", "the factory stopped while the turn ran")
    return tuple(events)


def end_session(state: State, command: c.EndSession) -> tuple[e.Event, ...]:
    _open(state)
    if state.turns:
        raise Refusal(
            what="turns are still running",
            why=", ".join(state.turns),
            next_step="interrupt them first; their work is kept",
        )
    return (e.SessionEnded(session=state.session, reason=command.reason),)


def record_digest(state: State, command: c.RecordDigest) -> tuple[e.Event, ...]:
    if command.session not in (state.session, *state.digests_owed) or not state.session_open:
        raise Refusal(
            what=f"no digest of session {command.session} is owed",
            why=f"session {state.session} is {'open' if state.session_open else 'over'}",
        )
    written = e.DigestWritten(session=command.session, path=command.path, evidence=command.evidence)
    if not command.problem:
        return (written,)
    title = f"the digest of session {command.session} is incomplete"
    return (
        written,
        opened(
            state,
            Ids(state),
            cause="digest",
            title=title,
            what=command.problem,
            signature="digest incomplete",
            evidence=(state.seq + 1,),
        ),
    )


def record_limits(state: State, command: c.RecordLimits) -> tuple[e.Event, ...]:
    """Once for each outcome: the same again is not written twice."""
    _open(state)
    proved = e.LimitsProved(
        control=command.control,
        wall=command.wall,
        by_wall=command.by_wall,
        roles=command.roles,
        matrix=command.matrix,
    )
    if state.limits.get(command.control) == proved:
        return ()
    red = {f"{red.limit} ({red.layer})": red.detail for limits in command.roles for red in limits.red}
    # A seat with tools of its own beside the wall is held back by the charter; no wall at all is said at the start.
    if not red or command.control != "brokered" or command.wall in (NO_WALL, DEGRADED):
        return (proved,)
    title = f"limits behind the wall did not hold: {', '.join(sorted(red))}"
    what = "; ".join(f"{limit}: {detail}" for limit, detail in sorted(red.items()))
    return (proved, *breached(state, title=title, what=what, signature=title))


def propose_charter(state: State, command: c.ProposeCharter) -> tuple[e.Event, ...]:
    if state.charter and state.charter.sha256 == command.sha256:
        return tuple(
            e.CharterDeclined(proposal=p.id, reason="the home is as adopted again")
            for p in state.proposals.values()
            if p.charter
        )
    problem = command.problem
    if not problem and command.charter is not None and (lost := missing(state, command.charter)):
        problem = f"rules from incidents are permanent: {told(state, lost)}"
    if any(p.charter == command.sha256 and p.problem == problem for p in state.proposals.values()):
        return ()
    return (
        e.CharterProposed(
            proposal=Ids(state).next("R"),
            charter=command.sha256,
            evidence=command.evidence,
            paths=command.paths,
            problem=problem,
        ),
    )


def adopt_charter(state: State, command: c.AdoptCharter, by: Actor) -> tuple[e.Event, ...]:
    """Rules, roles and trust are the supervisor's alone."""
    _supervisor(by, "adopt a changed home")
    proposal = state.proposals.get(command.proposal)
    if proposal is None or not proposal.charter:
        raise Refusal(what=f"there is no proposed home {command.proposal}", next_step="run `factory inbox`")
    if proposal.problem:
        raise Refusal(
            what=f"{command.proposal} cannot be adopted",
            why=proposal.problem,
            next_step="mend it; `factory check` helps",
        )
    if proposal.charter != command.charter.sha256:
        raise Refusal(
            what=f"{command.proposal} changed since it was shown", next_step="look again with `factory inbox`"
        )
    if lost := missing(state, command.charter):
        raise Refusal(
            what=f"{command.proposal} cannot be adopted",
            why=f"rules from incidents are permanent: {told(state, lost)}",
            next_step="bring them back, or write stricter ones",
        )
    if orphans := orphaned(state, command.charter):
        raise Refusal(
            what=f"{command.proposal} cannot be adopted",
            why="; ".join(f"{who} stands on the role `{role}`, whose card is gone" for role, who in orphans.items()),
            next_step="bring the card back until that is done, or drop the task",
        )
    adopted = e.CharterAdopted(charter=command.charter, why=f"adopted from {command.proposal}")
    return (adopted, *born(state, command.charter))


def set_mode(state: State, command: c.SetMode, by: Actor) -> tuple[e.Event, ...]:
    _supervisor(by, "change the mode")
    if command.task:
        task = state.open_task(command.task)
        return () if task.mode == command.mode else (e.ModeChanged(mode=command.mode, task=task.id),)
    if not command.mode:
        raise Refusal(what="a session has a mode", why="only a task can do without one", next_step="step, or flow")
    return () if state.mode == command.mode else (e.ModeChanged(mode=command.mode),)


def pause(state: State, command: c.Pause) -> tuple[e.Event, ...]:
    return () if state.paused else (e.Paused(reason=command.reason or "paused by the supervisor"),)


def unpause(state: State, by: Actor) -> tuple[e.Event, ...]:
    _supervisor(by, "resume")
    return (e.Unpaused(),) if state.paused else ()


def pass_time(state: State, command: c.PassTime) -> tuple[e.Event, ...]:
    if command.now <= state.now:
        return ()
    return (e.TimePassed(now=command.now), *deny_overdue(state, command.now))


def _open(state: State) -> None:
    if not state.session_open:
        raise Refusal(what="no session is open", next_step="start one with `factory run` or `factory resume`")


def _supervisor(by: Actor, what: str) -> None:
    if by.kind != "supervisor":
        raise Refusal(what=f"only the supervisor may {what}", why=f"asked by {by.name}")
