"""The floor's own rows: header, what waits, tasks, panes' heads, crew."""

from __future__ import annotations

from collections.abc import Sequence

from factory_tui.domain.gathering import calling, gathering
from factory_tui.domain.item import Waiting, WaitingKind
from factory_tui.domain.plurals import count
from factory_tui.domain.state import State, Task
from factory_tui.tui.chronicle import Chronicle, Story
from factory_tui.tui.harmless import one_line
from factory_tui.tui.keymap import Key
from factory_tui.tui.lines import Item, Line, Span, cut_line, ends, item, line, line_width
from factory_tui.tui.present.memory import count_changed
from factory_tui.tui.present.proof import evidence_word, in_short, proven_word, wall_words
from factory_tui.tui.present.words import (
    Setting,
    Word,
    marks_line,
    money,
    outcome_word,
    since,
    task_word,
    tasks_in_view,
    tokens,
    turn_word,
)

KIND_WORDS: dict[WaitingKind, str] = {
    "digest": "READ",
    "handoff": "HANDOFF",
    "plan": "PLAN",
    "ask": "ASK",
    "question": "QUESTION",
    "proposal": "CHANGED",
    "change": "LAND",
    "stuck": "STUCK",
    "notice": "NOTICE",
    "turn": "YOUR WORK",
    "paused": "PAUSED",
    "budget": "BUDGET",
    "world": "WORLD",
    "incident": "INCIDENT",
    "deployment": "DEPLOY",
}


def header(state: State, name: str, setting: Setting, *, phase: str = "", marks: Line = ()) -> Line:
    """One row: where, which mission, mode, wall, spend, work, time. The mission's words give way, nothing else does."""
    wide = setting.width >= 100
    mission = state.mission or next(reversed(state.missions.values()), None)
    first = [Span(f" {one_line(name, 24 if wide else 16)} ", "bar")]
    rest: list[Span] = [*marks]
    if state.session_open:
        rest.append(Span("  PAUSED " if state.paused else f"  {state.mode.upper()} ", "key"))
        rest += wall_words(state.wall, root=state.root)
        rest += evidence_word(state, whole=setting.width >= 160)
        rest.append(Span(f" {money(state.usd, state.costs_unknown)} {tokens(state.tokens)} tok", "bar"))
    if state.world:
        until = min(wait.until for wait in state.world.values())
        rest.append(Span(f" WORLD until {until[11:16]} ", "bar-alert"))
    if wide and state.tasks:
        rest.append(Span(f"  {count(len(state.tasks), 'task')}, {len(state.turns)} at work", "bar-dim"))
    clock = (Span(f" {setting.now[11:16] if setting.now else ''} ", "bar"),)
    if mission:
        over = (Span(f" {mission.outcome.upper()}", "bar"),) if mission.outcome else ()
        taken = sum(line_width(tuple(part)) for part in (first, rest, over, clock)) + len(mission.id) + 2
        room = max(0, min(44 if wide else 18, setting.width - taken))
        text = cut_line((Span(one_line(mission.text, 2_000), "bar"),), room)
        first += [Span(f" {mission.id} ", "bar"), *text, *over]
    elif phase:
        first.append(Span(f" {phase}", "bar"))
    else:
        first.append(Span(f" no mission yet, {setting.key('task.new')} states one", "bar-dim"))
    return ends((*first, *rest), clock, setting.width, "bar")


def gathering_words(state: State) -> str:
    """What is on its way to the supervisor; empty = nothing."""
    number = len(gathering(state))
    return f"{number} ask{'s' if number > 1 else ''} gather{'' if number > 1 else 's'}.  " if number else ""


def needs(state: State, setting: Setting) -> tuple[Line, str]:
    """One row, and its background: what waits, the oldest first."""
    items = calling(state)
    if not items:
        running = ", ".join(f"{turn.id} on {turn.task}" for turn in state.turns.values())
        over = next(reversed(state.missions.values()), None)
        again, leave = setting.key("task.new"), setting.key("quit")
        done = (
            f"{over.id} is {over.outcome}. {again} states more work, {leave} leaves." if over and over.outcome else ""
        )
        calm = f" Nothing waits for you.  {gathering_words(state)}{running or done}"
        return cut_line((Span(calm, "bar-dim"),), setting.width), "bar"
    most = max(LEAST_ITEM, (setting.width - 22) // len(items) - 20)
    spans: list[Span] = [Span(f" NEEDS YOU {len(items)} ", "bar-alert"), Span(" ", "bar")]
    for number, one in enumerate(items):
        spans.append(Span(" | " if number else "", "bar-dim"))
        spans.append(Span(f"{KIND_WORDS[one.kind]} ", "key"))
        spans += cut_line((Span(f"{one.id} {one_line(_short(one), 400)}", "bar"),), most)
        spans.append(Span(f" {since(one.since, setting.now)}", "bar"))
        if line_width(tuple(spans)) > setting.width:
            break
    return ends(tuple(spans), (Span(f" {setting.key('next')}=open ", "key"),), setting.width, "bar"), "bar"


def _short(one: Waiting) -> str:
    title = one.title
    return title.split(", reasons", 1)[0]


def needs_items(state: State, setting: Setting) -> list[Item]:
    """The queue, two lines each."""
    found = []
    for number, one in enumerate(calling(state), 1):
        top = line(
            (f" {setting.number('item', number)}", "key"),
            (f" {KIND_WORDS[one.kind]:<9}", "ask"),
            (f" {one.id:<6}", "strong"),
            (f" {since(one.since, setting.now):>6} ", "dim"),
        )
        found.append(item(one.id, (*top, Span(one_line(one.title, 400)))))
    return found


# --- tasks ---------------------------------------------------------------------------------------


def tasks_title(state: State, following: bool) -> Line:
    number = len(tasks_in_view(state))
    return (Span(f"TASKS {number}", "title"), Span("  follows the work" if following else "", "dim"))


def task_items(state: State, chronicle: Chronicle, setting: Setting) -> list[Item]:
    """Two lines for each task: what, with gate marks; who, in which state, how long, which attempt."""
    items = []
    for number, task in enumerate(tasks_in_view(state), 1):
        first = ends(
            (
                Span(f"{setting.number('task', number, str(number) if number < 10 else ' '):<2}", "dim"),
                Span(task.id, "strong"),
                Span(f" {one_line(task.title, 400)}"),
            ),
            (*marks_line(state, task, setting), Span(" ")),
            setting.width,
        )
        word = task_word(state, task)
        who, at = _who(state, chronicle, task)
        attempt = f"{task.attempt}/3 " if task.delivers == "change" and not task.over else ""
        own = (Span(f"{task.mode} ", "key"),) if task.mode else ()
        second = ends(
            (Span("  "), Span(f"{who} ", "dim"), word.span(setting), Span(f" {since(at, setting.now)}", "dim")),
            (*own, Span(attempt, "warn" if task.attempt > 1 else "dim")),
            setting.width,
        )
        items.append(item(task.id, first, second))
    return items


def task_items_short(state: State, chronicle: Chronicle, setting: Setting) -> list[Item]:
    """One line for each task, for a small screen."""
    items = []
    for number, task in enumerate(tasks_in_view(state), 1):
        word = task_word(state, task)
        who, at = _who(state, chronicle, task)
        right = line(
            (f"{who} ", "dim"),
            word.span(setting),
            (f" {since(at, setting.now)} " if not task.over else " ", "dim"),
            (f"{task.attempt}/3 " if task.delivers == "change" and not task.over else "", "dim"),
        )
        left = (
            Span(f"{setting.number('task', number, str(number) if number < 10 else ' '):<2}", "dim"),
            Span(f"{task.id} ", "strong"),
            *marks_line(state, task, setting),
            Span(f"  {one_line(task.title, 400)}"),
        )
        items.append(item(task.id, ends(left, right, setting.width)))
    return items


def _who(state: State, chronicle: Chronicle, task: Task) -> tuple[str, str]:
    """The role that has the task now, and since when its state holds."""
    turn = next((turn for turn in state.turns.values() if turn.task == task.id), None)
    if turn is not None:
        return turn.id, turn.started
    if task.handoff is not None and not task.over:
        return task.handoff.to, task.since
    return task.role, task.since


# --- panes ---------------------------------------------------------------------------------------

LEAST_ITEM = 66
"""Columns that one thing that waits may have in the strip above the floor, however many wait."""
HEAD_FRAME = 7
"""Columns of a pane's head that are neither its left nor its right: the rule's beginnings and what keeps them apart."""


def pane_head(state: State, story: Story, setting: Setting, *, pinned: bool = False) -> tuple[Line, Line]:
    """Name, task, seat and control on the left; state, time, money on the right."""
    turn = state.turns.get(story.turn)
    word = turn_word(state, turn) if turn else outcome_word(story.outcome)
    left = [Span(f"{story.turn}", "title"), Span(f" on {story.task}", "strong")]
    if story.where:
        # Nothing gives way before it is said whose machine this is.
        left.append(Span(f" runs at {story.where}", "warn"))
    if pinned:
        left.insert(0, Span(f"{setting.glyphs['pinned']} ", "warn"))
    if story.attempt > 1:
        left.append(Span(f" attempt {story.attempt}", "warn"))
    right = [word.span(setting)]
    right.append(Span(f" {since(story.started, setting.now)}" if turn else f" at {story.ended[11:16]}", "dim"))
    if setting.width >= 50:
        spent = f" {money(story.usd)}"
        if state.charter is not None and (most := _budget(state, story.role)):
            spent += f"/{most:g}"
        right.append(Span(spent, "dim"))
    if story.denied:
        right.append(Span(f" {story.denied} denied", "bad"))
    ways = _who_and_how(state, story)
    room = setting.width - line_width((*left, *right)) - HEAD_FRAME
    if setting.width >= 50:
        # What was used gives way to the seat's shortest word, the seat to what is proven of it.
        used = Span(f" {tokens(story.tokens)} tok", "dim")
        if line_width((*ways[-1], used)) <= room:
            right.insert(3, used)
            room -= line_width((used,))
    left += next((way for way in ways if line_width(way) <= room), ways[-1])
    return tuple(left), tuple(right)


def _who_and_how(state: State, story: Story) -> tuple[Line, ...]:
    """The seat, how it is controlled and what is proven of that, in whole words: all of it, then less and less. Only
    what is not proven is said in any case."""
    proven = proven_word(state, story.role, story.control)
    long, short = ((Span(" "), proven), (Span(" "), in_short(proven))) if proven else ((), ())
    name = one_line(story.seat, 200)
    both, seat = (Span(f" {name}, {story.control}", "dim"),), (Span(f" {name}", "dim"),)
    least: tuple[Line, ...] = () if proven is not None and proven.style == "bad" else ((),)
    return ((*long, *both), (*short, *both), (*short, *seat), short, *least)


def _budget(state: State, role: str) -> float:
    return next((card.budget.usd for card in state.law.roles if card.id == role), 0.0)


def empty_words(state: State, phase: str, key: Key) -> str:
    """What the pane says while no turn has begun."""
    if phase:
        return phase
    if state.mission is None:
        return f"No turn yet. {key('task.new')} states a task or a mission; {key('help')} shows all keys."
    return "No turn yet. The first one starts when its brief is sealed and released."


# --- crew ----------------------------------------------------------------------------------------


def role_word(state: State, chronicle: Chronicle, role: str) -> tuple[Word, str]:
    """The true state of a role, and what goes with it."""
    turns = [turn for turn in state.turns.values() if turn.role == role]
    if turns:
        words = [turn_word(state, turn) for turn in turns]
        word = next((one for one in words if one.glyph == "waits"), words[0])
        count = f" x{len(turns)}" if len(turns) > 1 else ""
        return word, f"{turns[0].task}{count}"
    story = chronicle.of_role(role)
    if story is None:
        return Word("idle", "idle", "dim"), ""
    ended = outcome_word(story.outcome)
    return Word(
        "idle" if ended.glyph == "done" else ended.glyph, ended.text, ended.style if ended.glyph != "done" else "dim"
    ), story.task


def _role_time(state: State, chronicle: Chronicle, role: str, setting: Setting) -> str:
    """How long the role's oldest turn runs, or when its last one ended."""
    started = [turn.started for turn in state.turns.values() if turn.role == role]
    if started:
        return since(min(started), setting.now)
    story = chronicle.of_role(role)
    return f"at {story.ended[11:16]}" if story and story.ended else ""


def crew_items(state: State, chronicle: Chronicle, setting: Setting) -> list[Item]:
    """All roles, those at work first; in two columns of one line each where there is room."""
    if state.charter is None:
        return []
    rows = []
    for card in state.charter.roles:
        word, about = role_word(state, chronicle, card.id)
        first = 0 if word.glyph in ("working", "waits", "blocked") else 1
        body = line(
            (f" {setting.glyphs[word.glyph]} ", word.style),
            (f"{card.id:<13}", "strong" if first == 0 else "text"),
            (f"{word.text:<10} ", word.style),
            (f"{about} {_role_time(state, chronicle, card.id, setting)}", "dim"),
        )
        rows.append((first, card.id, cut_line(body, setting.width)))
    return [item(f"role:{id}", body) for _, id, body in sorted(rows, key=lambda row: row[:2])]


def crew_title(state: State) -> Line:
    number = len(state.charter.roles) if state.charter else 0
    return (Span(f"CREW {number}", "title"), Span(f"  {len(state.turns)} at work", "dim"))


def crew_line(state: State, chronicle: Chronicle, setting: Setting) -> Line:
    """One row: who works, who waits, how many are idle; what of memory changed."""
    if state.charter is None:
        return (Span(" crew", "dim"),)
    spans: list[Span] = [Span(" crew ", "title")]
    idle = 0
    for card in state.charter.roles:
        word, _ = role_word(state, chronicle, card.id)
        if word.glyph in ("working", "waits", "blocked"):
            spans.append(Span(f"{setting.glyphs[word.glyph]}{card.id} ", word.style))
        else:
            idle += 1
    spans.append(Span(f"{setting.glyphs['idle']}{idle} idle ", "dim"))
    changed = count_changed(state, chronicle)
    spans.append(Span(f"| memory {changed} CHANGED" if changed else "| memory ok", "warn" if changed else "dim"))
    return cut_line(tuple(spans), setting.width)


def others_line(state: State, stories: Sequence[Story], setting: Setting) -> Line:
    """Turns that have no pane now, with their last words."""
    spans: list[Span] = []
    for story in stories:
        spans += [Span(f" {story.turn} ", "title"), Span(f'"{one_line(story.last, 50)}" ', "dim")]
    return cut_line(tuple(spans), setting.width)
