"""The scripted supervisor of the demo: a verb for each thing that waits, and one lesson from what went wrong.

It answers as a person at the cockpit would, through the same desk, and is refused by the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from factory_tui.adapters.demo.mission import Lesson, ScriptedSupervisor
from factory_tui.bootstrap.house import House
from factory_tui.demo.telling import Say, short
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.item import Waiting
from factory_tui.domain.state import Incident
from factory_tui.domain.terms import Actor, Verdict
from factory_tui.domain.waiting import waiting
from factory_tui.engine.exhibits import proof_lines
from factory_tui.engine.incidents import IncidentWish, drafts_for
from factory_tui.engine.session import waits_for_somebody

MOST_ANSWERS = 60
"""Of the scripted supervisor; a mission that wants more does not come to an end."""


class Supervising:
    """One supervisor at work in one factory."""

    def __init__(self, house: House, script: ScriptedSupervisor, by: Actor, say: Say) -> None:
        self._house, self._script, self._by, self._say = house, script, by, say
        self._desk = house.incident_desk()
        self._mended: set[str] = set()
        """Incidents whose mending was asked for."""

    async def until_over(self) -> str:
        """Answers whatever waits, until nothing is left. Returns why it ended."""
        house, answered = self._house, 0
        while answered < MOST_ANSWERS:
            await house.factory.idle(waits_for_somebody)
            answered += 1
            items = waiting(house.state)
            if not items and not await self._mend():
                return "the mission is over" if house.state.mission is None else "nothing waits and nothing runs"
            if items and (why := await self._answer(items)):
                return why
        return f"the supervisor gave up after {MOST_ANSWERS} answers"

    async def _answer(self, items: Sequence[Waiting]) -> str:
        """One of them. Returns why none can be answered; empty = one was."""
        lesson = self._script.lesson
        for item in items:
            if item.kind == "incident" and lesson is not None:
                if await self._learn(self._house.state.incidents[item.id], lesson):
                    return ""
                continue
            answer = self._script.answer_to(item.kind)
            if answer is None:
                continue
            self._say(f"  supervisor: {answer.verb} {item.id}, {short(item.title, 110)}")
            self._house.factory.submit(
                c.Answer(id=item.id, verb=answer.verb, sha256=item.sha256, text=answer.text, expires=""), self._by
            )
            return ""
        return f"nobody answers {items[0].id}: {items[0].title}"

    # --- the lesson ------------------------------------------------------------------------------

    async def _learn(self, known: Incident, lesson: Lesson) -> bool:
        """The next step from an incident to a rule in force. False: there is none that this supervisor knows."""
        if any(one.rule for one in self._house.state.incidents.values()):
            return False
        if not known.root_cause:
            self._say(f"  supervisor: fills the form of {known.id}, picks what shows it, and asks a seat for a rule")
            await self._do(
                IncidentWish(
                    verb="fill",
                    id=known.id,
                    what=lesson.what.strip(),
                    when=lesson.when,
                    cost=lesson.cost,
                    root_cause=lesson.root_cause.strip(),
                    level=lesson.level,
                    entries=self._shown_by(lesson.shown_by),
                )
            )
            await self._do(IncidentWish(verb="ask", id=known.id))
            return True
        proposed = drafts_for(self._house.state)
        if known.draft is None and proposed:
            await self._do(IncidentWish(verb="draft", id=known.id, proposal=proposed[-1].id))
        elif known.draft is not None and known.proof is None:
            await self._prove(known)
        elif known.proof is not None and known.proof.verdict is Verdict.PASS:
            self._say(f"  supervisor: adopts {known.proof.rule}")
            told = await self._do(IncidentWish(verb="adopt", id=known.id))
            return bool(told["adopted"])
        else:
            return False
        return True

    async def _prove(self, known: Incident) -> None:
        await self._do(IncidentWish(verb="prove", id=known.id))
        proven = self._house.state.incidents[known.id]
        for line in tuple(proof_lines(proven, self._house.evidence))[1:]:
            self._say(f"    {short(line, 150)}")

    async def _mend(self) -> bool:
        """Once a lesson was learned, the supervisor wants its harm undone. False: nothing is to be mended."""
        lesson, state = self._script.lesson, self._house.state
        learned = [one.id for one in state.incidents.values() if one.rule and one.id not in self._mended]
        if lesson is None or not learned or state.mission is not None:
            return False
        self._mended.update(learned)
        text = lesson.mend.strip()
        self._say(f'the supervisor again: "{short(text)}"')
        base, base_ref = await self._house.worktrees.head(), await self._house.worktrees.base_ref()
        await self._house.factory.carried_out(c.StateMission(text=text, base_ref=base_ref, base=base), self._by)
        return True

    async def _do(self, wish: IncidentWish) -> dict[str, Any]:
        return await self._desk.carry_out(wish, self._by)

    def _shown_by(self, path: str) -> tuple[int, ...]:
        """The imported tree that was deployed, or the landed one before it, whose difference touches the file."""
        landed = [entry.event.task for entry in self._entries if isinstance(entry.event, e.Landed)]
        found = [
            entry.seq
            for entry in self._entries
            if isinstance(entry.event, e.TreeImported) and path in entry.event.paths and entry.event.task in landed
        ]
        return tuple(found[-1:])

    @property
    def _entries(self) -> Sequence[Entry]:
        return self._house.ledger.entries
