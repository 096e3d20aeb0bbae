"""A seat that plays a script: what a model would say, with everything else real.

Every wish goes through the same desk as any seat's, and the script goes on by what really came back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

from factory_tui.adapters.brief_sections import must_answer_in
from factory_tui.adapters.offered_tools import DELIVERIES
from factory_tui.adapters.rehearsal_script import (
    Act,
    Branch,
    Condition,
    Say,
    Script,
    ScriptedFinding,
    Spend,
    Step,
    Wish,
)
from factory_tui.domain.terms import Action, Finding, FindingAnswer, SeatFacts
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief

QUOTED = 1_500
"""Characters of real output that a finding quotes, from the end."""

_PIECES = re.compile(r"\S+\s*|\s+")
_WORDS_AT_ONCE = 6


class RehearsalSeat:
    """Satisfies `seat_ports.Seat`. `pace` is the pause after each few words, in seconds."""

    def __init__(self, script: Script, *, pace: float = 0.0) -> None:
        self._script = script
        self._pace = pace

    @property
    def kind(self) -> str:
        return "rehearsal"

    @property
    def facts(self) -> SeatFacts:
        return SeatFacts(control="rehearsed", gates_every_call=True, knows_cost=True, contained=True)

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        turn = self._script.turn_for(brief.role, brief.title, brief.attempt, brief.text)
        if turn is None:
            return SeatOutcome(
                kind="failed",
                note=(
                    f"{self._script.path} has no turn for {brief.role} on {brief.task} `{brief.title}`, attempt"
                    f" {brief.attempt}; add one under `turns:`"
                ),
            )
        play = _Play(brief, desk, self._pace)
        await play.steps(turn.steps)
        desk.spend(play.usd, play.tokens_in, play.tokens_out)
        if not play.delivered:
            return SeatOutcome(kind="ok", note=f"{self._script.path} line {turn.line}: the turn ended with no delivery")
        return SeatOutcome(kind="ok")

    async def close(self) -> None:
        """It started nothing."""


class _Play:
    """One turn under way."""

    def __init__(self, brief: TurnBrief, desk: Desk, pace: float) -> None:
        self._brief, self._desk, self._pace = brief, desk, pace
        self._last = ActionResult(ok=False, decision="", text="")
        self.delivered = False
        self.usd, self.tokens_in, self.tokens_out = 0.0, 0, 0

    async def steps(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            if self.delivered:
                return
            await self._desk.hear()
            match step:
                case Say(text=text):
                    await self._say(text)
                case Act(wish=wish):
                    self._last = await self._desk.act(self._action(wish))
                    self.delivered = wish.kind in DELIVERIES and self._last.ok
                case Branch(condition=condition, then=then, otherwise=otherwise):
                    await self.steps(then if holds(condition, self._last) else otherwise)
                case Spend(usage=usage):
                    self.usd += usage.usd
                    self.tokens_in += usage.tokens_in
                    self.tokens_out += usage.tokens_out
                    self._desk.spend(self.usd, self.tokens_in, self.tokens_out)

    async def _say(self, text: str) -> None:
        for piece in _pieces(text.rstrip("\n") + "\n"):
            self._desk.say(piece)
            await asyncio.sleep(self._pace)

    def _action(self, wish: Wish) -> Action:
        answers = wish.answers
        if blanket := wish.answers_from_brief:
            given = {answer.finding for answer in answers}
            answers += tuple(
                FindingAnswer(finding=owed.id, accepted=blanket.accepted, reason=blanket.reason)
                for owed in must_answer_in(self._brief.text)
                if owed.id not in given
            )
        return Action(
            kind=wish.kind,
            path=wish.path,
            content=wish.content,
            old=wish.old,
            new=wish.new,
            delete=wish.delete,
            command=wish.command,
            pattern=wish.pattern,
            resource=wish.resource,
            target=wish.target,
            text=wish.text,
            tasks=wish.tasks,
            findings=tuple(self._finding(finding) for finding in wish.findings),
            answers=answers,
            checked=wish.checked,
        )

    def _finding(self, finding: ScriptedFinding) -> Finding:
        detail = finding.detail
        if finding.quote:
            detail = f"{detail.rstrip()}\n\nWhat came out:\n{self._last.text[-QUOTED:].strip()}".strip()
        return Finding(
            severity=finding.severity, title=finding.title, detail=detail, path=finding.path, line=finding.line
        )


def holds(condition: Condition, result: ActionResult) -> bool:
    """Whether the result is as the condition asks, in every point that it names."""
    return all(
        (
            condition.ok is None or result.ok is condition.ok,
            condition.decision is None or result.decision == condition.decision,
            condition.exit_code is None or result.exit_code == condition.exit_code,
            condition.contains is None or condition.contains in result.text,
            condition.not_contains is None or condition.not_contains not in result.text,
        )
    )


def _pieces(text: str) -> Iterator[str]:
    """A few words at a time, as a model streams them; joined they are the text."""
    words = _PIECES.findall(text)
    for start in range(0, len(words), _WORDS_AT_ONCE):
        yield "".join(words[start : start + _WORDS_AT_ONCE])
