"""A model's mind from a rehearsal's script, over the real wire: what a seat's server answers, turn by turn.

The seat under test is wrapped, so that the mind knows which turn a conversation belongs to; the rest is the seat's.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from messages_server import Reply, Request

from factory_tui.adapters.rehearsal_script import Act, Branch, Say, Script, Spend, Step
from factory_tui.adapters.seats.rehearsal import DELIVERIES, _Play, holds
from factory_tui.domain.terms import Action, SeatFacts
from factory_tui.engine.ports import ActionResult, Desk, Seat, SeatOutcome, TurnBrief

Playing = Generator[Reply, ActionResult, None]


@dataclass
class ScriptedMind:
    """A `messages_server.Player`. `prefix` is what the seat puts before the names of tools."""

    script: Script
    prefix: str = ""
    briefs: dict[str, TurnBrief] = field(default_factory=dict)
    playing: dict[str, Playing] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        found = re.search(r"\(This is the turn ([^)]+)\.\)", request.everything)
        if found is None:
            return Reply(text="(nobody plays this conversation)")
        turn = found[1]
        try:
            if turn not in self.playing:
                self.playing[turn] = self._play(self.briefs[turn])
                return next(self.playing[turn])
            return self.playing[turn].send(_result(request))
        except StopIteration:
            return Reply(text="(the script has ended)")

    def _play(self, brief: TurnBrief) -> Playing:
        turn = self.script.turn_for(brief.role, brief.title, brief.attempt)
        assert turn is not None, f"nothing is written for {brief.role} on {brief.title}"
        play = _Play(brief, None, 0.0)  # type: ignore[arg-type]
        yield from self._steps(turn.steps, play)

    def _steps(self, steps: tuple[Step, ...], play: _Play) -> Generator[Reply, ActionResult, bool]:
        """Whether something was delivered."""
        said = ""
        for step in steps:
            match step:
                case Say(text=text):
                    said += text
                case Act(wish=wish):
                    action = play._action(wish)
                    name, arguments = call(action, play._brief.purpose)
                    play._last = yield Reply(text=said, calls=[(f"{self.prefix}{name}", arguments)])
                    said = ""
                    if wish.kind in DELIVERIES and play._last.ok:
                        return True
                case Branch(condition=condition, then=then, otherwise=otherwise):
                    if (yield from self._steps(then if holds(condition, play._last) else otherwise, play)):
                        return True
                case Spend():
                    pass
        return False


def _result(request: Request) -> ActionResult:
    """What the last call really brought, as far as a model is told."""
    (text, is_error) = request.results[-1]
    code = re.search(r"\[exit code (-?\d+)\]\s*$", text)
    refused = is_error and ("denied" in text or "No such tool" in text)
    return ActionResult(
        ok=not is_error, decision="deny" if refused else "allow", text=text, exit_code=int(code[1]) if code else None
    )


def call(action: Action, purpose: str) -> tuple[str, dict[str, Any]]:
    """A call that is read as this action."""
    given: dict[str, Any]
    match action.kind:
        case "edit" if action.delete:
            given = {"path": action.path, "delete": True}
        case "edit" if action.content is not None:
            given = {"path": action.path, "content": action.content}
        case "edit":
            given = {"path": action.path, "old": action.old, "new": action.new}
        case "read" | "approve":
            given = {"path": action.path}
        case "search":
            given = {"pattern": action.pattern, "path": action.path}
        case "run":
            given = {"command": action.command}
        case "commit":
            given = {"message": action.text}
        case "fetch":
            given = {"resource": action.resource, "target": action.target}
        case "plan":
            given = {"reasoning": action.text, "tasks": [_plain(task) for task in action.tasks]}
        case "hand_over":
            given = {"note": action.text, "to": action.target}
        case "report" if purpose == "review":
            findings = [
                {key: getattr(one, key) for key in ("severity", "title", "detail", "path", "line")}
                for one in action.findings
            ]
            answers = [_plain(answer) for answer in action.answers]
            given = {"checked": list(action.checked), "findings": findings, "answers": answers, "text": action.text}
        case "report":
            given = {"text": action.text}
        case "propose":
            given = {"path": action.path, "content": action.content}
        case "escalate":
            given = {"question": action.text}
        case "deploy":
            given = {"environment": action.target, "note": action.text}
    return action.kind, given


def _plain(record: Any) -> dict[str, Any]:
    return {key: getattr(record, key) for key in record.__struct_fields__}


@dataclass
class Minded:
    """A seat whose mind is told which turn it plays."""

    seat: Seat
    mind: ScriptedMind

    @property
    def kind(self) -> str:
        return self.seat.kind

    @property
    def facts(self) -> SeatFacts:
        return self.seat.facts

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        self.mind.briefs[brief.turn] = brief
        text = f"{brief.text}\n\n(This is the turn {brief.turn}.)"
        return await self.seat.run(replace(brief, text=text), desk)

    async def close(self) -> None:
        await self.seat.close()
