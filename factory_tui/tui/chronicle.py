"""What was seen of each turn: its transcript, and which rules spoke on which task. A fold of entries and progress.

For showing only: whatever is decided is in the state. Bounded: the newest turns are kept, older ones are in the ledger.
"""

from __future__ import annotations

from collections import deque

import msgspec

from factory_tui.domain import events as e
from factory_tui.domain.charter import Charter
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import State
from factory_tui.domain.terms import LEVEL_NAMES, Action, Decision, RuleMatch
from factory_tui.tui.deploy_log import DeployLog
from factory_tui.tui.harmless import one_line
from factory_tui.tui.keymap import USUAL, Keys
from factory_tui.tui.transcript import Transcript
from factory_tui.tui.view import MEMORY

MOST_STORIES = 60
MOST_ENTRIES = 20_000
MOST_TOUCHES = 1_000
_TOLD_AT_ONCE = frozenset({"run", "commit", "fetch", "deploy"})
"""Kinds of action that take a while: their line stands before they end."""
SILENT = frozenset({e.ConversationNoted, e.WorktreeOpened, e.HandoffOffered, e.TaskDone, e.LandingIntended})
"""Of a turn or task, and not in its transcript: its head, the task's row or the next line says it."""
MOST_LINES = 60
"""Of one message about a task: what a person is told of their turn has many."""


class Story(msgspec.Struct):
    """One turn as it is shown."""

    turn: str
    task: str
    role: str
    purpose: str
    attempt: int
    seat: str
    control: str
    started: str
    transcript: Transcript = msgspec.field(default_factory=Transcript)
    ended: str = ""
    outcome: str = ""
    denied: int = 0
    usd: float | None = 0.0
    tokens: int = 0
    where: str = ""
    """The other machine it runs on; empty = this one."""
    last: str = ""
    """Its last words or action, one line."""


class Hit(msgspec.Struct):
    """What a rule or card said about one task so far."""

    decision: Decision
    count: int
    at: str
    where: str
    reason: str
    instead: str
    answer: str = ""
    """What the supervisor said to the newest ask: allowed, denied; empty = nothing yet, or nothing was asked."""


class Mark(msgspec.Struct, frozen=True):
    """A document on disk that is another than when the cockpit opened, or than was adopted since."""

    at: str
    """When it changed last, UTC."""
    old: str
    """sha256 before the first change; empty = there was none."""
    new: str
    """sha256 on disk; empty = it is gone."""
    problem: str = ""
    """Why the home cannot be read; empty = it can."""


class Touch(msgspec.Struct):
    """A seat that reached for a protected file and was not let."""

    turn: str
    task: str
    path: str
    at: str
    wanted: str
    reason: str
    instead: str
    count: int = 1


class Chronicle:
    """Stories by turn, the newest last."""

    def __init__(self, keys: Keys = USUAL) -> None:
        self.keys = keys
        self.stories: dict[str, Story] = {}
        self.hits: dict[str, dict[str, Hit]] = {}
        """By task, then by source: `Q1`, `card:builder`."""
        self.doing: dict[str, str] = {}
        """What the gate does for a task just now, by task."""
        self.marks: dict[str, Mark] = {}
        """Of the home's documents, by path relative to the home."""
        self.touches: list[Touch] = []
        """In this session, oldest first; one for each turn and path."""
        self.entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self.deployments = DeployLog()
        self.changes = 0
        """Grows with everything that was told."""
        self._actions: dict[str, tuple[str, Action]] = {}
        self._asked: dict[str, list[Hit]] = {}
        """By ask: what is waited for."""

    def of_task(self, task: str) -> Story | None:
        """The task's running turn, or its last one."""
        found = [story for story in self.stories.values() if story.task == task]
        return next((story for story in reversed(found) if not story.ended), found[-1] if found else None)

    def of_role(self, role: str) -> Story | None:
        """The role's running turn, or its last one."""
        found = [story for story in self.stories.values() if story.role == role]
        return next((story for story in reversed(found) if not story.ended), found[-1] if found else None)

    @property
    def running(self) -> list[Story]:
        return [story for story in self.stories.values() if not story.ended]

    # --- streaming text --------------------------------------------------------------------------

    def hear(self, about: str, text: str) -> None:
        """Text of a turn as it streams; a line about a task's gate level; or a document that changed."""
        if about.startswith(MEMORY):
            self._mark(about.removeprefix(MEMORY), text)
            return
        story = self.stories.get(about)
        if story is not None:
            story.transcript.feed(text)
            return
        if self.deployments.hear(about, text):
            self.changes += 1
            return
        self.doing[about] = one_line(text, 120)
        story = self.of_task(about)
        if story is not None:
            for line in text.splitlines()[:MOST_LINES]:
                story.transcript.put(f"  {line[:300]}", "note")

    # --- documents -------------------------------------------------------------------------------

    def _mark(self, path: str, text: str) -> None:
        self.changes += 1
        at, old, new = text.split(" ", 2)
        before = self.marks.pop(path, None)
        if old == "!":
            self.marks[path] = Mark(at, "", "", problem=new)
            return
        self.marks = {name: mark for name, mark in self.marks.items() if not mark.problem}
        old = before.old if before and not before.problem else old.strip("-")
        if new.strip("-") != old:
            self.marks[path] = Mark(at, old, new.strip("-"))

    def _unmark(self, adopted: Charter) -> None:
        """What was adopted is no change any more; a document that changed again meanwhile is one."""
        kept = {}
        for path, mark in self.marks.items():
            document = adopted.document(path)
            if path.startswith("memory/digests/") or (document and document.sha256 != mark.new):
                kept[path] = mark
        self.marks = kept

    # --- entries ---------------------------------------------------------------------------------

    def tell(self, entry: Entry, state: State) -> None:
        self.changes += 1
        self.entries.append(entry)
        self.deployments.tell(entry)
        match entry.event:
            case e.SessionStarted():
                self.touches = []
                for left in self.running:
                    left.ended, left.outcome = entry.at, "interrupted"
            case e.CharterAdopted(charter=charter):
                self._unmark(charter)
            case e.TurnStarted() as started:
                self._open(started, entry.at, state)
            case e.TurnEnded(turn=turn, outcome=outcome, note=note):
                self._close(turn, outcome, note, entry.at)
            case e.SeatNoticed(turn=turn, kind=kind, text=text):
                self._say(turn, "note", f"! {kind}: {one_line(text, 300)}")
            case e.ToolDenied(turn=turn, tool=tool, reason=reason):
                if story := self.stories.get(turn):
                    story.denied += 1
                self._say(turn, "denied", f"x {one_line(tool, 60)}   DENIED: {one_line(reason, 300)}")
            case e.UsageNoted(turn=turn, usd=usd) as used:
                if story := self.stories.get(turn):
                    story.usd, story.tokens = usd, used.tokens
            case e.ActionAllowed(id=id, turn=turn, action=action, ruling=ruling):
                self._actions[id] = (turn, action)
                self._note_hits(turn, ruling.matches, entry.at)
                if action.kind in _TOLD_AT_ONCE:
                    self._say(turn, "allowed", f"+ {told_action(action)}")
            case e.ActionEnded(id=id, result=result, summary=summary):
                self._end_action(id, result, summary)
            case e.ActionAsked(id=id, turn=turn, action=action, ruling=ruling):
                self._note_hits(turn, ruling.matches, entry.at)
                self._await_answer(id, turn, ruling.matches)
                self._say(turn, "asked", f"? {told_action(action)}   ASKS YOU: {one_line(ruling.reason, 200)}  [{id}]")
            case e.ActionDenied(turn=turn, action=action, ruling=ruling):
                self._note_hits(turn, ruling.matches, entry.at)
                self._deny(turn, action, ruling.matches)
                self._touch(turn, told_action(action), ruling.matches, entry.at, state)
            case e.AskAnswered(id=id, allowed=allowed, reason=reason):
                for hit in self._asked.pop(id, ()):
                    hit.answer = "allowed" if allowed else "denied"
                told = "allowed" if allowed else f"denied: {one_line(reason, 200)}"
                self._note_somewhere(id, f"  the supervisor {told}  [{id}]", state)
            case e.ActionEdited(turn=turn, action=action, id=id):
                self._say(turn, "asked", f"> you made it: {told_action(action)}  [{id}]")
            case e.MessageSent(message=message, turn=turn, text=text):
                self._say(turn, "asked", f"> you said: {one_line(text, 300)}  [{message}]")
            case e.MessagesHeard(turn=turn, messages=messages):
                self._say(turn, "note", f"  heard {', '.join(messages)}")
            case e.TurnPaused(turn=turn, reason=reason):
                self._say(
                    turn,
                    "asked",
                    f"| pauses after this action: {one_line(reason, 200)}; {self.keys.key('turn.pause')} lets it go on",
                )
            case e.TurnResumed(turn=turn):
                self._say(turn, "note", "  goes on")
            case e.TurnRetired(turn=turn, to=to, parks=parks, reason=reason):
                where = "its task is parked" if parks else f"its task goes to {to or 'another seat'}"
                self._say(turn, "asked", f"| retired, {where}: {one_line(reason, 200)}")
            case _:
                self._note_step(entry, state)

    def _open(self, started: e.TurnStarted, at: str, state: State) -> None:
        turn = state.turns.get(started.turn)
        self.stories[started.turn] = Story(
            turn=started.turn,
            task=started.task,
            role=started.role,
            purpose=turn.purpose if turn else "author",
            attempt=started.attempt,
            seat=started.seat,
            control=started.control,
            where=started.facts.where if started.facts else "",
            started=at,
        )
        self._say(started.turn, "note", f"brief {started.brief[:10]} sealed; attempt {started.attempt}; {started.seat}")
        from factory_tui.domain.wording import how_it_begins  # not before the first frame

        if how := how_it_begins(started):
            self._say(started.turn, "note", f"  {how}")
        while len(self.stories) > MOST_STORIES:
            oldest = next((id for id, story in self.stories.items() if story.ended), None)
            if oldest is None:
                return
            del self.stories[oldest]

    def _close(self, turn: str, outcome: str, note: str, at: str) -> None:
        if story := self.stories.get(turn):
            story.ended, story.outcome = at, outcome
            self._say(turn, "note", f"turn ended: {outcome}{', ' + one_line(note, 300) if note else ''}")

    def _end_action(self, id: str, result: str, summary: str) -> None:
        turn, action = self._actions.pop(id, ("", None))
        if action is None:
            return
        if action.kind in _TOLD_AT_ONCE:
            self._say(turn, "result", f"  {result}: {one_line(summary, 160)}")
        elif result == "ok":
            self._say(turn, "allowed", f"+ {told_action(action)}")
        else:
            self._say(turn, "allowed", f"+ {told_action(action)}   {result}: {one_line(summary, 200)}")

    def _deny(self, turn: str, action: Action, matches: tuple[RuleMatch, ...]) -> None:
        denying = [match for match in matches if match.decision is Decision.DENY]
        by = ", ".join(dict.fromkeys(match.source for match in denying)) or "nobody allowed it"
        instead = next((match.instead for match in denying if match.instead), "")
        way_on = f"; instead: {one_line(instead, 120)}" if instead else ""
        if story := self.stories.get(turn):
            story.denied += 1
        self._say(turn, "denied", f"x {told_action(action)}   DENIED by {by}{way_on}")

    def _note_step(self, entry: Entry, state: State) -> None:
        """Steps of a task, in the transcript of its turn."""
        from factory_tui.domain.plurals import count  # not before the first frame

        match entry.event:
            case e.TreeImported(task=task, turn=turn, tree=tree, added=added, removed=removed, paths=paths, asks=asks):
                self._hits_of(task, asks, entry.at)
                self._say(
                    turn, "note", f"  tree {tree[:10]}: +{added} -{removed} in {count(len(paths), 'file')}, now level 2"
                )
            case e.TreeRefused(task=task, turn=turn, matches=matches):
                self._hits_of(task, matches, entry.at)
                why = "; ".join(f"{match.source}: {match.reason}" for match in matches[:3])
                self._say(turn, "denied", f"x tree REFUSED: {one_line(why, 300)}")
                self._touch(turn, "a change with it, refused at the door", matches, entry.at, state)
            case e.LevelJudged(task=task, level=level, verdict=verdict, summary=summary):
                self.doing.pop(task, None)
                if story := self.of_task(task):
                    told = f"level {level} {LEVEL_NAMES[level]}: {verdict.value.upper()}, {one_line(summary, 160)}"
                    self._say(story.turn, "allowed" if verdict == "pass" else "denied", f"= {told}")
            case e.Committed(task=task, commit=commit):
                if story := self.of_task(task):
                    self._say(story.turn, "note", f"  committed {commit[:10]}")
            case e.Escalated(turn=turn, text=text):
                self._say(turn, "asked", f"? asks you: {one_line(text, 300)}")
            case e.HandedOver(turn=turn, commit=commit, note=note):
                self._say(turn, "note", f"  handed over {commit[:10]} {one_line(note, 300)}")
            case e.PlanProposed(turn=turn, tasks=tasks):
                self._say(turn, "note", f"  plan of {count(len(tasks), 'task')}, waits for you")
            case event if type(event) not in SILENT:
                self._note_rest(event)
            case _:
                pass

    def _note_rest(self, event: object) -> None:
        """What has no look of its own, in the transcript of its turn, else of its task's turn."""
        turn, task = getattr(event, "turn", ""), getattr(event, "task", "")
        story = self.stories.get(turn) or (self.of_task(task) if task else None)
        if story is not None:
            from factory_tui.domain.wording import worded

            self._say(story.turn, "note", f"  {worded(event)}")

    # --- small things ----------------------------------------------------------------------------

    def _say(self, turn: str, kind: str, text: str) -> None:
        story = self.stories.get(turn)
        if story is not None:
            story.transcript.put(text, kind)  # type: ignore[arg-type]
            story.last = one_line(text.lstrip(" +?x="), 120)

    def _note_somewhere(self, ask: str, text: str, state: State) -> None:
        for story in self.running:
            turn = state.turns.get(story.turn)
            if turn is not None:
                self._say(story.turn, "note", text)
                return

    def _note_hits(self, turn: str, matches: tuple[RuleMatch, ...], at: str) -> None:
        if story := self.stories.get(turn):
            self._hits_of(story.task, matches, at)

    def _await_answer(self, ask: str, turn: str, matches: tuple[RuleMatch, ...]) -> None:
        if story := self.stories.get(turn):
            hits = self.hits.get(story.task, {})
            asking = [match.source for match in matches if match.decision is Decision.ASK]
            self._asked[ask] = [hits[source] for source in asking if source in hits]

    def _touch(self, turn: str, wanted: str, matches: tuple[RuleMatch, ...], at: str, state: State) -> None:
        """Denials at protected paths, by turn and path."""
        places = [one for one in matches if one.decision is Decision.DENY and one.where]
        if not places or state.charter is None or turn not in self.stories:
            return
        from factory_tui.domain import globs  # compiles patterns: not before the first frame

        for match in places:
            if not globs.matches(match.where, state.charter.protected):
                continue
            path = one_line(match.where, 300)
            known = next((one for one in self.touches if (one.turn, one.path) == (turn, path)), None)
            if known is not None:
                known.count, known.at = known.count + 1, at
            elif len(self.touches) < MOST_TOUCHES:
                task = self.stories[turn].task
                self.touches.append(Touch(turn, task, path, at, wanted, match.reason, match.instead))

    def _hits_of(self, task: str, matches: tuple[RuleMatch, ...], at: str) -> None:
        hits = self.hits.setdefault(task, {})
        for match in matches:
            if match.decision is Decision.ALLOW:
                continue
            before = hits.get(match.source)
            hits[match.source] = Hit(
                decision=match.decision,
                count=before.count + 1 if before else 1,
                at=at,
                where=match.where,
                reason=match.reason,
                instead=match.instead,
            )


def told_action(action: Action) -> str:
    """`run  pytest -q`, on one line."""
    return f"{action.kind:<6} {one_line(action.object, 160)}"
