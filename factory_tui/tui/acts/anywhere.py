"""Going from place to place, and beginning work."""

from __future__ import annotations

from factory_tui.tui.acts.act import Act

ANYWHERE: tuple[Act, ...] = (
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
)
