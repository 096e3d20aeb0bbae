"""A rehearsal's script played as a model's mind: behind a Messages server it answers as the script says, going on by
what really came back over the wire."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator
from typing import Any

from messages_server import Reply, Request, text_of

from factory_tui.adapters.brief_sections import must_answer_in
from factory_tui.adapters.rehearsal_script import Act, Branch, Say, Script, Spend, Step, Wish
from factory_tui.adapters.seats.rehearsal import QUOTED, holds
from factory_tui.domain.charter import Charter
from factory_tui.engine.seat_ports import ActionResult

_ROLE = re.compile(r"^# You are the (.+)$", re.MULTILINE)
_TASK = re.compile(r"^# Your task: T-[0-9]+, (.+)$", re.MULTILINE)
_EXIT = re.compile(r"\[exit code ([0-9]+)\]\s*$")
Play = Generator[Reply, ActionResult, None]


class RehearsedModel:
    """Satisfies `messages_server.Player`."""

    def __init__(self, script: Script, charter: Charter, prefix: str = "") -> None:
        """`prefix` is what the seat puts before the names of its tools."""
        self._prefix = prefix
        self._script = script
        self._roles = {card.title: card.id for card in charter.roles}
        self._plays: dict[str, Play] = {}
        self._begun: Counter[tuple[str, str]] = Counter()
        self.turns: list[str] = []
        """Which turns were played: `builder: Bookings can be cancelled, 2`."""

    def __call__(self, request: Request) -> Reply:
        text = request.everything
        role, task = _ROLE.search(text), _TASK.search(text)
        if role is None or task is None:
            return Reply(text="This is no brief that I know.")
        about = f"{role.group(1)}|{task.group(1)}|{hash(_first(request))}"
        try:
            if about in self._plays and request.results:
                return self._plays[about].send(_result(request))
            self._plays[about] = play = self._begin(self._roles[role.group(1)], task.group(1), text)
            return next(play)
        except StopIteration:
            return Reply(text="That is all I have.")

    def _begin(self, role: str, title: str, brief: str) -> Play:
        self._begun[role, title] += 1
        attempt = self._begun[role, title]
        self.turns.append(f"{role}: {title}, {attempt}")
        turn = self._script.turn_for(role, title, attempt, brief)
        assert turn is not None, f"the script has no turn for {role} on {title}, attempt {attempt}"
        return _Mind(brief, role, self._prefix).play(turn.steps)


class _Mind:
    def __init__(self, brief: str, role: str, prefix: str) -> None:
        self._prefix = prefix
        self._brief = brief
        self._last = ActionResult(ok=False, decision="", text="")
        self._words: list[str] = []

    def play(self, steps: tuple[Step, ...]) -> Play:
        for step in steps:
            match step:
                case Say(text=text):
                    self._words.append(text)
                case Act(wish=wish):
                    said, self._words = "\n".join(self._words), []
                    self._last = yield Reply(
                        text=said, calls=[(self._prefix + wish.kind, self._arguments(wish))], piece=60
                    )
                case Branch(condition=condition, then=then, otherwise=otherwise):
                    yield from self.play(then if holds(condition, self._last) else otherwise)
                case Spend():
                    pass

    def _arguments(self, wish: Wish) -> dict[str, Any]:
        match wish.kind:
            case "read" | "approve":
                return {"path": wish.path}
            case "search":
                return {"pattern": wish.pattern, "path": wish.path}
            case "edit":
                ways = {"content": wish.content, "old": wish.old, "new": wish.new, "delete": wish.delete}
                return {"path": wish.path, **{name: value for name, value in ways.items() if value}}
            case "run":
                return {"command": wish.command}
            case "commit":
                return {"message": wish.text}
            case "fetch":
                return {"resource": wish.resource, "target": wish.target}
            case "plan":
                return {"reasoning": wish.text, "tasks": [_task(task) for task in wish.tasks]}
            case "hand_over":
                return {"note": wish.text, "to": wish.target}
            case "report" if wish.checked:
                return self._review(wish)
            case "report":
                return {"text": wish.text}
            case "propose":
                return {"path": wish.path, "content": wish.content}
            case "escalate":
                return {"question": wish.text}
            case "deploy":
                return {"environment": wish.target, "note": wish.text}

    def _review(self, wish: Wish) -> dict[str, Any]:
        answers = [{"finding": a.finding, "accepted": a.accepted, "reason": a.reason} for a in wish.answers]
        if blanket := wish.answers_from_brief:
            answers += [
                {"finding": owed.id, "accepted": blanket.accepted, "reason": blanket.reason}
                for owed in must_answer_in(self._brief)
            ]
        findings = [
            {
                "severity": finding.severity,
                "title": finding.title,
                "detail": finding.detail + (f"\n\n{self._last.text[-QUOTED:]}" if finding.quote else ""),
                "path": finding.path,
                "line": finding.line,
            }
            for finding in wish.findings
        ]
        return {"checked": list(wish.checked), "findings": findings, "answers": answers, "text": wish.text}


def _task(task: Any) -> dict[str, Any]:
    return {
        "title": task.title,
        "goal": task.goal,
        "role": task.role,
        "criteria": list(task.criteria),
        "paths": list(task.paths),
        "after": list(task.after),
        "asks": list(task.asks),
    }


def _first(request: Request) -> str:
    """What begins a conversation, the same in each of its requests."""
    return text_of(request.body.get("system", "")) + text_of(request.messages[0]["content"])


def _result(request: Request) -> ActionResult:
    text, is_error = request.results[-1]
    code = _EXIT.search(text)
    decision = "deny" if is_error and text.startswith("denied.") else "allow"
    return ActionResult(ok=not is_error, decision=decision, text=text, exit_code=int(code.group(1)) if code else None)
