"""The demo: one whole mission on a real repository, offline. Only the models' words are written beforehand.

Played without a person it says so: the ledger names its supervisor `@script`. It ends well only when everything it
promises was found in the ledger and in git.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from factory_tui.adapters import starting
from factory_tui.adapters.demo.mission import ScriptedSupervisor, demo_script, demo_supervisor
from factory_tui.adapters.demo.product import make_product
from factory_tui.adapters.keys import make_keys
from factory_tui.adapters.seats.rehearsal import RehearsalSeat
from factory_tui.adapters.state_place import new_repo_id, open_state_place
from factory_tui.bootstrap.grounds import Ground, find_ground, look, supervisor
from factory_tui.bootstrap.house import House, open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.attesting import LEVELS
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError, Refusal
from factory_tui.domain.state import State
from factory_tui.domain.terms import LEVEL_NAMES, Actor
from factory_tui.domain.waiting import waiting
from factory_tui.domain.wording import one_line
from factory_tui.engine.ports import Progress
from factory_tui.engine.seat_ports import Seat
from factory_tui.engine.session import waits_for_somebody

if TYPE_CHECKING:
    from factory_tui.engine.reception import Reception
    from factory_tui.tui.view import Door, Hear

Say = Callable[[str], None]
MOST_ANSWERS = 40
"""Of the scripted supervisor; a mission that wants more does not come to an end."""


@dataclass(frozen=True, kw_only=True)
class Staged:
    """The demo's repository, made and ready to be opened."""

    root: Path
    ground: Ground
    supervisor: ScriptedSupervisor
    script_note: str
    again: bool = False
    """Whether it was there before, with all that happened in it."""


def stage(keep: str = "") -> Staged:
    """Makes the product in `keep`, or in a new temporary directory. Its state lies beside it, not in the user's own.

    A demo that was made in `keep` before is opened again, where it was left. Raises WorldError when something else lies
    there.
    """
    place = Path(keep).absolute() if keep else Path(tempfile.mkdtemp(prefix="factory-demo-"))
    root = place / "bookings"
    environment = {
        "HOME": os.environ.get("HOME", "/"),
        "XDG_STATE_HOME": str(place / "state"),
        "XDG_CONFIG_HOME": str(place / "config"),
    }
    if (place / "state").is_dir() and (root / ".factory" / "factory.toml").is_file():
        ground = find_ground(str(root), environment)
        return Staged(root=root, ground=ground, supervisor=demo_supervisor(), script_note=str(place), again=True)
    repo_id = new_repo_id()
    keys = open_state_place(repo_id, repository=str(root), environment=environment).keys
    make_product(root, repo_id, signers=make_keys(keys, starting.shipped_cards()))
    ground = find_ground(str(root), environment)
    return Staged(root=root, ground=ground, supervisor=demo_supervisor(), script_note=str(place))


def open_demo(
    staged: Staged,
    progress: Progress = lambda turn, text: None,
    pace: float = 0.0,
    seat: Callable[[], Seat] | None = None,
) -> House:
    """The demo's house: every seat is a rehearsal, or another one that `seat` makes."""
    reading = staged.ground.reading
    judging = frozenset(card.id for card in reading.charter.roles if card.judges) if reading.charter else frozenset()
    script = demo_script(judging)

    def make() -> Seat:
        return RehearsalSeat(script, pace=pace)

    return open_house(
        staged.ground,
        seats=lambda charter: SeatTable({"rehearsal": seat or make}, charter, "rehearsal"),
        progress=progress,
        holder="factory demo",
    )


PACE = 0.06
"""Seconds after each few words, so that a person can watch the seats work."""


def watch_demo(say: Say, keep: str = "", mode: e.Mode | None = None, pace: float = PACE) -> int:
    """The same mission in the cockpit, supervised by whoever sits at this terminal. Returns the exit code."""
    from factory_tui.adapters.preferences_file import read_preferences
    from factory_tui.tui.run import run_cockpit, told

    staged = stage(keep)
    left = run_cockpit(
        lambda: demo_door(staged, mode, pace),
        title=f"factory demo  {staged.root}",
        preferences=lambda: read_preferences(os.environ, str(staged.root)),
    )
    if text := told(left):
        say(text)
    say(f"the demo's repository: {staged.root}")
    say(f"go on with it: factory demo --keep {shlex.quote(str(staged.root.parent))}")
    return left.exit_code


def demo_door(staged: Staged, mode: e.Mode | None = None, pace: float = PACE) -> Door:
    """The cockpit's way into the demo's factory; its mission is stated once the session has begun."""
    from factory_tui.tui.door import WorksDoor

    by = supervisor("tty")
    return WorksDoor(
        name=staged.root.name,
        make=lambda hear: open_demo(staged, lambda turn, text: hear(turn, text), pace=pace),
        by=by,
        mode=mode,
        begin=lambda house: _state_mission(staged, house, by),
        beside=_watched,
    )


@contextlib.asynccontextmanager
async def _watched(house: House, reception: Reception, hear: Hear) -> AsyncIterator[None]:
    """The demo's home is watched like any other."""
    from factory_tui.adapters.memory_watch import keeping_proposed
    from factory_tui.tui.door import Marks

    marks = Marks(house, hear)
    async with keeping_proposed(house.ground.home.home_dir, marks.changed, marks.propose, marks.wrong):
        yield


async def _state_mission(staged: Staged, house: House, by: Actor) -> None:
    """Once; a later session of the same demo goes on with it."""
    if house.state.missions:
        return
    base, base_ref = await house.worktrees.head(), await house.worktrees.base_ref()
    await house.factory.carried_out(c.StateMission(text=staged.supervisor.mission, base_ref=base_ref, base=base), by)


def play_demo(say: Say, keep: str = "") -> int:
    """Plays the mission by itself. Returns 0 only if everything it promises is found in ledger and git afterwards."""
    staged = stage(keep)
    if staged.again:
        raise Refusal(
            what=f"{staged.root} holds a demo that was begun before",
            why="played by itself it is a whole mission on a new repository",
            next_step="name another directory, or go on with it at a terminal, without `--headless`",
        )
    say(f"a real repository was made: {staged.root}")
    return asyncio.run(play_on(staged, open_demo(staged), say))


async def play_on(staged: Staged, house: House, say: Say) -> int:
    """The mission on this house, whoever fills its seats. Returns 0 only if everything it promises is found."""
    by = supervisor("script")
    base = await house.worktrees.head()
    told = _Narrator(say)
    house.factory.subscribe(told.tell)
    reason = "the mission is over"
    digest = ""
    try:
        await house.start(by, "flow")
        base_ref = await house.worktrees.base_ref()
        say(f'the supervisor (a script, and the ledger says so): "{one_line(staged.supervisor.mission)}"')
        house.factory.submit(c.StateMission(text=staged.supervisor.mission, base_ref=base_ref, base=base), by)
        reason = await _supervise(house, staged.supervisor, by, say)
    except FactoryError as error:
        reason = f"the demo stopped: {error.what}"
        say(str(error))
    finally:
        digest = await house.close(reason, by)
    missing = await verify(staged, house, base)
    if house.state.unsigned:
        say(f"nothing was signed for third parties: {house.state.unsigned}")
    for problem in missing:
        say(f"NOT AS PROMISED: {problem}")
    say(f"digest: {Path(staged.ground.home.home_dir) / digest}")
    target = next((mission.target for mission in house.state.missions.values()), "").removeprefix("refs/heads/")
    say(f"the landed work: git -C {staged.root} log -p {base[:10]}..{target}")
    if not house.state.unsigned and not missing:
        level = house.state.assurance
        say(f"each landed commit is open to a stranger with git and ssh-keygen ({level}: {LEVELS[level]})")
    return 1 if missing else 0


async def _supervise(house: House, script: ScriptedSupervisor, by: Actor, say: Say) -> str:
    """Answers whatever waits, as the script says, until nothing is left. Returns why it ended."""
    for _ in range(MOST_ANSWERS):
        await house.factory.idle(waits_for_somebody)
        state = house.state
        items = waiting(state)
        if not items:
            return "the mission is over" if state.mission is None else "nothing waits and nothing runs"
        item = items[0]
        answer = script.answer_to(item.kind)
        if answer is None:
            return f"nobody answers {item.id}: {item.title}"
        say(f"  supervisor: {answer.verb} {item.id}, {one_line(item.title)[:110]}")
        expires = ""
        house.factory.submit(
            c.Answer(id=item.id, verb=answer.verb, sha256=item.sha256, text=answer.text, expires=expires), by
        )
    return f"the supervisor gave up after {MOST_ANSWERS} answers"


class _Narrator:
    """A line for each step that a stranger would want to see."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def tell(self, entry: Entry, state: State) -> None:
        if line := self._line(entry, state):
            self._say(line)

    def _line(self, entry: Entry, state: State) -> str:
        match entry.event:
            case e.SessionStarted(wall=wall):
                return f"session open, wall: {wall}"
            case e.CharterAdopted(charter=charter):
                return f"charter in force: {len(charter.roles)} roles, {len(charter.rules)} rules"
            case e.TurnStarted(turn=turn, task=task, attempt=attempt):
                return f"{turn} starts on {task}: {state.task(task).title} (attempt {attempt})"
            case e.ActionDenied(turn=turn, action=action, ruling=ruling):
                rules = ", ".join(dict.fromkeys(match.source for match in ruling.matches if match.decision == "deny"))
                return f"  {turn} DENIED {action.kind} {one_line(action.object)[:60]} by {rules}"
            case e.PlanProposed(tasks=tasks):
                return "  plan: " + "; ".join(f"{task.title} ({task.role})" for task in tasks)
            case e.LevelJudged(task=task, level=level, verdict=verdict, summary=summary):
                return (
                    f"  {task} level {level} {LEVEL_NAMES[level]}: {verdict.value.upper()}, {one_line(summary)[:140]}"
                )
            case e.Committed(task=task, commit=commit):
                return f"  {task} committed {commit[:10]}"
            case e.Landed(task=task, ref=ref, new=new):
                return f"  {task} landed: {ref.removeprefix('refs/heads/')} is {new[:10]}"
            case e.TaskStuck(task=task, reason=reason):
                return f"  {task} STUCK: {one_line(reason)[:160]}"
            case e.JobCrashed(error=error):
                return f"  a job crashed: {one_line(error)[:160]}"
            case e.MissionEnded(mission=mission, outcome=outcome):
                return f"{mission} {outcome}"
            case _:
                return ""


# --- what the demo promises ----------------------------------------------------------------------


async def verify(staged: Staged, house: House, base: str) -> tuple[str, ...]:
    """What was promised and is not to be found; the ledger is read from disk again, and git is asked."""
    state, entries, view = look(staged.ground)
    problems = [] if view is None or view.damage is None else [str(view.damage)]
    problems += _not_in(entries, state)
    landings = [entry.event for entry in entries if isinstance(entry.event, e.Landed)]
    moved_to = next((landed.new for landed in reversed(landings) if landed.ref == "refs/heads/main"), base)
    if await house.worktrees.ref_head("refs/heads/main") != moved_to:
        problems.append("the branch is not where the approved landings left it")
    mission = next(iter(state.missions.values()), None)
    if mission is None or mission.outcome != "done":
        problems.append("the mission is not done")
        return tuple(problems)
    tip = await house.worktrees.ref_head(mission.target)
    service = await house.worktrees.read_file(tip, "bookings/service.py") if tip else None
    if not state.unsigned:
        problems += _not_proven(str(staged.root), base, tip)
    if not service or b"do_DELETE" not in service:
        problems.append(f"{mission.target} does not hold the new feature")
    if state.digest is None or not (Path(staged.ground.home.home_dir) / state.digest.path).is_file():
        problems.append("there is no digest")
    return tuple(problems)


def _not_proven(root: str, base: str, tip: str) -> list[str]:
    """What a stranger with git and the one file of the verifier would object to."""
    from factory_tui.adapters import verify as verifier

    with verifier.Gate(root) as gate:
        answers = [gate.verify(commit) for commit in verifier.commits_of(root, f"{base}..{tip}")]
    return [f"{answer.commit[:10]} is closed: {why}" for answer in answers for why in answer.why]


def _not_in(entries: Sequence[Entry], state: State) -> list[str]:
    """The steps of the mission that the ledger does not tell of."""
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
        == 2,
        "the supervisor denied the Builder a package": any(
            isinstance(entry.event, e.AskAnswered) and not entry.event.allowed and entry.by.kind == "supervisor"
            for entry in entries
        ),
        "the supervisor is named as a script": any(entry.by.name.endswith("@script") for entry in entries),
    }
    return [what for what, happened in promised.items() if not happened]


def remove(staged: Staged) -> None:
    """Takes away what `stage` made in a temporary directory of its own; nothing else."""
    place = staged.root.parent
    if place.name.startswith("factory-demo-") and place.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(place, ignore_errors=True)
