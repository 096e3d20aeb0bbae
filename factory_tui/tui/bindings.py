"""Every action of the cockpit, once: keys, hint strip, help, palette and documentation are made from this table.

Lowercase looks or is reversible, uppercase answers. A key file may give an action other keys; it can make no answer
lowercase, take no key that terminals own, and give no key two meanings in one place (`keymap`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that can be done. A screen does it in a method `act_<id>`, dots as underscores."""

    id: str
    keys: tuple[str, ...] = ()
    label: str
    """For the hint strip: one or two words."""
    doc: str
    """One sentence."""
    where: tuple[str, ...] = ("any",)
    """Places: `any`, or places that a screen names as its own."""
    group: str = "look"
    hint: int = 0
    """Rank on the hint strip, 1 first; 0 = not shown there."""

    @property
    def method(self) -> str:
        return "act_" + self.id.replace(".", "_").replace("-", "_")

    @property
    def is_answer(self) -> bool:
        return self.group == "answer"


NEVER: tuple[str, ...] = ("ctrl+a", "ctrl+b", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+p", "ctrl+q", "ctrl+s")
NEVER += ("ctrl+v", "ctrl+w", "ctrl+z", "ctrl+backslash", "ctrl+left_square_bracket", "ctrl+c")
"""Keys that terminals, tmux, screen or shells own."""

GO = "g"
"""Begins a sequence: `g f`."""

_MOVING = ("list", "text", "floor")

ACTS: tuple[Act, ...] = (
    # --- move ---
    Act(id="move.down", keys=("j", "down"), label="down", doc="One down.", where=_MOVING, group="move"),
    Act(id="move.up", keys=("k", "up"), label="up", doc="One up.", where=_MOVING, group="move"),
    Act(id="move.left", keys=("h", "left"), label="left", doc="The box to the left.", where=("floor",), group="move"),
    Act(
        id="move.right", keys=("l", "right"), label="right", doc="The box to the right.", where=("floor",), group="move"
    ),
    Act(id="move.top", keys=("g g", "home"), label="top", doc="To the beginning.", where=_MOVING, group="move"),
    Act(
        id="move.end",
        keys=("G", "end"),
        label="newest",
        doc="To the end; a pane follows again.",
        where=_MOVING,
        group="move",
    ),
    Act(
        id="move.page-down", keys=("ctrl+d", "pagedown"), label="page", doc="A page down.", where=_MOVING, group="move"
    ),
    Act(id="move.page-up", keys=("ctrl+u", "pageup"), label="page up", doc="A page up.", where=_MOVING, group="move"),
    Act(id="move.next-box", keys=("tab",), label="next box", doc="The next box, or tab.", where=("floor",), hint=14),
    Act(id="move.last-box", keys=("shift+tab",), label="box before", doc="The box before.", where=("floor",)),
    Act(
        id="open",
        keys=("enter",),
        label="open",
        doc="Opens what is chosen.",
        where=("floor", "list", "rule"),
        group="move",
        hint=2,
    ),
    Act(id="back", keys=("escape",), label="back", doc="Back; it never quits.", group="move", hint=50),
    Act(
        id="search",
        keys=("/",),
        label="find",
        doc="Searches in the chosen box.",
        where=_MOVING,
        group="move",
        hint=16,
    ),
    Act(id="search.next", keys=("n",), label="next", doc="The next hit.", where=_MOVING, group="move"),
    Act(id="search.before", keys=("N",), label="before", doc="The hit before.", where=_MOVING, group="move"),
    *(
        Act(
            id=f"task.{number}",
            keys=(str(number),),
            label=f"task {number}",
            doc=f"Chooses task {number} of the list.",
            where=("floor",),
            group="move",
        )
        for number in range(1, 10)
    ),
    *(
        Act(
            id=f"item.{number}",
            keys=(str(number),),
            label=f"item {number}",
            doc=f"Opens item {number} of what waits; the next key answers it.",
            where=("needs",),
            group="go",
        )
        for number in range(1, 10)
    ),
    # --- anywhere ---
    Act(
        id="next",
        keys=("o",),
        label="next",
        doc="Opens the oldest thing that waits for you.",
        group="go",
        hint=1,
    ),
    Act(
        id="task.new",
        keys=("t",),
        label="task",
        doc="States a small task, or with Tab a mission that the planner plans.",
        where=("floor", "briefing"),
        group="work",
        hint=7,
    ),
    Act(id="go.floor", keys=("g f",), label="floor", doc="The floor.", group="go"),
    Act(id="go.needs-you", keys=("g n",), label="needs you", doc="Everything that waits for you.", group="go"),
    Act(id="go.rules", keys=("g r",), label="rules", doc="All rules, with the incidents behind them.", group="go"),
    Act(
        id="go.crew",
        keys=("g c",),
        label="crew",
        doc="All roles: what fills each and why, what it has used, what it may and may not do.",
        group="go",
    ),
    Act(
        id="go.roles",
        keys=("g o",),
        label="roles",
        doc="All roles: what each delivers, to whom it hands on, and what it cannot do.",
        group="go",
    ),
    Act(id="go.memory", keys=("g m",), label="memory", doc="DNA, knowledge, digests, and what changed.", group="go"),
    Act(id="go.timeline", keys=("g t",), label="timeline", doc="What happened, entry by entry.", group="go"),
    Act(id="go.digest", keys=("g d",), label="digest", doc="The digest as it would be written now.", group="go"),
    Act(
        id="go.stats",
        keys=("g s",),
        label="stats",
        doc="What landed, how long it took, what each gate level caught, denials, cost, your decisions.",
        group="go",
    ),
    Act(
        id="go.gate",
        keys=("g e",),
        label="evidence",
        doc="Each gate level of the chosen task, with its evidence.",
        group="go",
    ),
    Act(
        id="go.limits",
        keys=("g l",),
        label="limits",
        doc="What is proven of every role's limits, and how to mend what is not.",
        group="go",
    ),
    Act(id="go.grants", keys=("g a",), label="allowed", doc="What you have allowed and still holds.", group="go"),
    Act(id="go.away", keys=("g w",), label="while away", doc="What happened since your last absence.", group="go"),
    Act(id="palette", keys=(":",), label="all", doc="Finds any action by its words.", group="go", hint=11),
    Act(id="help", keys=("?",), label="help", doc="All keys that work here.", group="go", hint=8),
    Act(
        id="quit", keys=("q",), label="quit", doc="Shows what ending the session keeps, and asks.", group="go", hint=17
    ),
    Act(
        id="incident",
        keys=("!",),
        label="incident",
        doc="Stops the bleeding and lists incidents; again: opens one.",
        group="work",
    ),
    Act(
        id="incident.freeze",
        keys=("f",),
        label="freeze",
        doc="Freezes landings and deployments; again: lets them go on.",
        where=("incidents",),
        group="work",
        hint=1,
    ),
    Act(
        id="incident.prove",
        keys=("p",),
        label="prove",
        doc="Holds the drafted rule against what is on record.",
        where=("incidents",),
        group="work",
        hint=3,
    ),
    Act(
        id="pause-all",
        keys=("P",),
        label="pause all",
        doc="Pauses every turn before its next action; again: goes on.",
        group="work",
    ),
    Act(
        id="mode",
        keys=("s",),
        label="step/flow",
        doc="Step: every handoff stops for you. Flow: only what must.",
        where=("floor",),
        group="work",
        hint=15,
    ),
    # --- a turn ---
    Act(
        id="turn.message",
        keys=("m",),
        label="message",
        doc="Words to the turn that runs; without one, a finding that the next brief tells.",
        where=("floor",),
        group="turn",
        hint=12,
    ),
    Act(
        id="turn.pause",
        keys=("p",),
        label="pause",
        doc="Pauses this turn after its action; again: goes on.",
        where=("floor",),
        group="turn",
        hint=10,
    ),
    Act(
        id="turn.interrupt",
        keys=("x",),
        label="intr",
        doc="Interrupts the task's turn and holds the task; its work is kept.",
        where=("floor",),
        group="turn",
        hint=9,
    ),
    Act(
        id="turn.resume",
        keys=("u",),
        label="resume",
        doc="Lets a held task or a paused turn go on.",
        where=("floor",),
        group="turn",
        hint=3,
    ),
    Act(
        id="turn.retire",
        keys=("r",),
        label="retire",
        doc="Ends this turn for good; its task is parked, or goes to another role or seat.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="turn.seat",
        keys=("a",),
        label="seat",
        doc="Another seat for the task's next turns.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="turn.editor",
        keys=("e",),
        label="editor",
        doc="Your own turn: its worktree or form in $EDITOR; the cockpit steps aside and comes back.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="turn.shell",
        keys=("i",),
        label="shell",
        doc="Your own turn: a shell in its worktree; leaving it brings the cockpit back.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="turn.hand-over",
        keys=(">",),
        label="hand over",
        doc="Your own turn: you are done; it is checked and goes on.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="turn.take-over",
        keys=("O",),
        label="take over",
        doc="Takes the task's turn over from its seat, in the same worktree; it is interrupted, on record.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="turn.give-back",
        keys=("<",),
        label="give back",
        doc="Gives your turn back to the seat of the settings, in the same worktree.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="turn.zoom",
        keys=("z",),
        label="zoom",
        doc="One pane over the whole screen; again: all boxes.",
        where=("floor",),
        group="turn",
        hint=13,
    ),
    Act(
        id="turn.diff",
        keys=("d",),
        label="diff",
        doc="The difference that the task offers.",
        where=("floor",),
        group="turn",
        hint=4,
    ),
    Act(
        id="turn.brief",
        keys=("b",),
        label="brief",
        doc="Exactly what the seat was told.",
        where=("floor",),
        group="turn",
        hint=5,
    ),
    Act(
        id="turn.why",
        keys=("w",),
        label="why",
        doc="Why something was denied or asked, and how it goes on.",
        where=("floor",),
        group="turn",
        hint=6,
    ),
    Act(
        id="turn.pin",
        keys=("v",),
        label="pin",
        doc="Keeps a pane in view; again: lets it go.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="turn.cycle",
        keys=("c",),
        label="next pane",
        doc="The next turn's pane.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="turn.filter",
        keys=("f",),
        label="filter",
        doc="All, only actions, only denied and asked, only words.",
        where=("floor",),
        group="turn",
    ),
    Act(
        id="copy",
        keys=("y",),
        label="copy",
        doc="Copies the text of what is chosen, and says where to.",
        where=("floor", "text", "list"),
        group="look",
    ),
    Act(
        id="part.next",
        keys=("]",),
        label="next part",
        doc="The next part of the object.",
        where=("text", "sheet", "timeline"),
        group="move",
        hint=32,
    ),
    Act(
        id="part.before",
        keys=("[",),
        label="part before",
        doc="The part before.",
        where=("text", "sheet", "timeline"),
        group="move",
    ),
    Act(
        id="card.diff",
        keys=("d",),
        label="diff",
        doc="Goes to the difference.",
        where=("sheet",),
        group="move",
        hint=3,
    ),
    Act(
        id="card.view",
        keys=("v",),
        label="side by side",
        doc="Old beside new; again: one below the other.",
        where=("sheet",),
        group="look",
        hint=4,
    ),
    Act(
        id="crew.seat",
        keys=("a",),
        label="seat",
        doc="Another seat or model for the role's next turns; empty: by the settings again.",
        where=("crew",),
        group="work",
        hint=1,
    ),
    Act(
        id="crew.budgets",
        keys=("b",),
        label="budgets",
        doc="Every budget, what is used and what is allowed.",
        where=("crew",),
        group="look",
        hint=3,
    ),
    Act(
        id="crew.raise",
        keys=("+",),
        label="raise",
        doc="Raises a budget before it is used up: the chosen role's, or Tab: the day's, the session's.",
        where=("crew",),
        group="work",
        hint=4,
    ),
    Act(
        id="grant.revoke",
        keys=("x",),
        label="revoke",
        doc="Ends the chosen grant: the action is asked for again.",
        where=("grants",),
        group="work",
        hint=1,
    ),
    Act(
        id="timeline.filter",
        keys=("f",),
        label="filter",
        doc="All entries, or only yours, denials and asks, verdicts, turns, this task's.",
        where=("timeline",),
        group="look",
        hint=1,
    ),
    Act(
        id="card.reload",
        keys=("r",),
        label="show anew",
        doc="Shows the object as it is now, when it changed while you looked.",
        where=("card",),
        hint=1,
    ),
    Act(
        id="card.editor",
        keys=("e",),
        label="editor",
        doc="Edits in your own $EDITOR.",
        where=("edit",),
        hint=2,
    ),
    Act(
        id="leave",
        keys=("enter",),
        label="end the session",
        doc="Ends the session and writes the digest.",
        where=("leaving",),
        group="work",
        hint=1,
    ),
    Act(
        id="leave.words",
        keys=("t",),
        label="your words",
        doc="Words of your own for the digest.",
        where=("leaving",),
        group="work",
        hint=2,
    ),
    Act(
        id="begin.again",
        keys=("r",),
        label="try again",
        doc="Tries to begin the session again, after something was mended.",
        where=("briefing",),
        group="work",
        hint=1,
    ),
    # --- answers: only where the whole object is shown ---
    Act(
        id="answer.yes",
        keys=("A",),
        label="approve",
        doc="Approve, allow once, acknowledge, accept, reply, try again: the usual yes.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.task",
        keys=("T",),
        label="allow for task",
        doc="Allow this for the rest of the task.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.session",
        keys=("U",),
        label="allow for session",
        doc="Allow this for the rest of the session; offered after two equal answers.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.edit",
        keys=("E",),
        label="edit",
        doc="Edit the brief, or the command before it runs; the edit is kept on record.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.redirect",
        keys=("D",),
        label="redirect",
        doc="Hand it to another role.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.no",
        keys=("R",),
        label="reject",
        doc="Reject, deny or decline, with the reason that the seat is told.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.hold",
        keys=("H",),
        label="hold",
        doc="Hold the task; its work is kept.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.comment",
        keys=("C",),
        label="comment",
        doc="A comment; it becomes a finding.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.dismiss",
        keys=("X",),
        label="dismiss finding",
        doc="Dismiss a finding, with the reason.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.waive",
        keys=("W",),
        label="waive",
        doc="Accept on record that author and reviewer are one person.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.raise",
        keys=("B",),
        label="raise",
        doc="Raise a budget by an amount, on record; nothing typed: as much again.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.replan",
        keys=("L",),
        label="re-plan",
        doc="Give a stuck task a new goal.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.split",
        keys=("I",),
        label="split",
        doc="Split a stuck task into parts that share its criteria.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.swap",
        keys=("S",),
        label="swap seat",
        doc="Give a stuck task another seat.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.take-over",
        keys=("O",),
        label="take over",
        doc="Do a stuck task yourself.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.incident",
        keys=("K",),
        label="incident",
        doc="Opens an incident about it; what waits goes on waiting.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.fill",
        keys=("F",),
        label="fill",
        doc="Fill a field of an incident's form: `cost: two hours`.",
        where=("card",),
        group="answer",
    ),
    Act(
        id="answer.drop",
        keys=("Z",),
        label="drop",
        doc="End the task with a reason; its work is kept.",
        where=("card",),
        group="answer",
    ),
    # --- how it looks: by the palette ---
    Act(id="theme.dark", label="dark", doc="Dark colours.", group="look"),
    Act(id="theme.light", label="light", doc="Light colours.", group="look"),
    Act(id="theme.contrast", label="high contrast", doc="High contrast.", group="look"),
    Act(id="theme.mono", label="monochrome", doc="No colour.", group="look"),
    Act(id="theme.ascii", label="ASCII", doc="Signs in ASCII only; again: all signs.", group="look"),
)

GROUPS = {
    "move": "Move",
    "go": "Go",
    "work": "Work",
    "turn": "The chosen turn and task",
    "answer": "Answer, only where the whole object is shown",
    "look": "Look",
}

VERBS: Mapping[str, str] = {
    "approve": "answer.yes",
    "allow": "answer.yes",
    "ack": "answer.yes",
    "accept": "answer.yes",
    "adopt": "answer.yes",
    "reply": "answer.yes",
    "handover": "answer.yes",
    "retry": "answer.yes",
    "go-on": "answer.yes",
    "raise": "answer.raise",
    "allow-task": "answer.task",
    "allow-session": "answer.session",
    "noted": "answer.yes",
    "edit": "answer.edit",
    "redirect": "answer.redirect",
    "reject": "answer.no",
    "deny": "answer.no",
    "decline": "answer.no",
    "hold": "answer.hold",
    "comment": "answer.comment",
    "dismiss": "answer.dismiss",
    "waive": "answer.waive",
    "replan": "answer.replan",
    "swap": "answer.swap",
    "split": "answer.split",
    "take-over": "answer.take-over",
    "incident": "answer.incident",
    "fill": "answer.fill",
    "close": "answer.no",
    "drop": "answer.drop",
}
"""The action that gives each answer."""
