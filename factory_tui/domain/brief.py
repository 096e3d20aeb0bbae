"""All that a seat is told at the start of a turn, composed whole, then sealed.

Nothing is ever cut: over the size limit there is no brief, and the largest part is named. What a role may be told is
its card's business (`brief:`), so that a reviewer's brief holds no word of the author's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from factory_tui.domain.events import BriefInput
from factory_tui.domain.law import rulebook_of
from factory_tui.domain.packages import package_rows
from factory_tui.domain.plurals import count
from factory_tui.domain.reviewing import must_be_answered
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.rules import Rule
from factory_tui.domain.state import Handoff, State, Task
from factory_tui.domain.terms import Finding

RETIRED = " was retired: "
"""In the reason of a handoff: what the supervisor said stands behind it."""


@dataclass(frozen=True, kw_only=True)
class BriefDraft:
    text: str
    inputs: tuple[BriefInput, ...]
    problem: str = ""
    """Why it cannot be sealed; empty = it can."""
    largest: str = ""

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.text.encode())


@dataclass(frozen=True, kw_only=True)
class Material:
    """Texts that live outside the state, read by their sha256."""

    digest: str = ""
    """The last session's, whole."""
    diff: str = ""
    """Of the candidate, for a reviewer; of the predecessor's, for an author who redoes it on a moved base."""
    handed_on: str = ""
    """What the same role's turn before left, whose context was full."""


def compose(state: State, task: Task, handoff: Handoff, material: Material) -> BriefDraft:
    """The brief of one handoff. Pure, so the same state seals the same bytes."""
    card = state.law.role(handoff.to)
    parts = _Parts()
    # What is the same for every turn of the role comes first: a model's server reads it once and keeps it.
    parts.add("card", f"role {card.id}", _card(card))
    if "dna" in card.brief and state.law.dna:
        parts.add("dna", state.law.dna.path, state.law.dna.text, "The DNA of this project, whole")
    rules = rulebook_of(state.law).bearing(card.id, stack=state.law.stack)
    if "rules" in card.brief and rules:
        parts.add(
            "rules",
            f"{count(len(rules), 'rule')} that {'bears' if len(rules) == 1 else 'bear'} on {card.id}",
            _rules(rules),
            "Rules that bear on this task",
        )
    if "knowledge" in card.brief:
        for document in state.law.knowledge_for(card.id, task.paths):
            parts.add("knowledge", document.path, document.text, f"Knowledge: {document.path}")
    if "digest" in card.brief and material.digest and state.digest:
        parts.add("digest", state.digest.path, material.digest, "What happened in the session before")
    parts.add("task", task.id, _task(state, task, card))
    if handoff.purpose == "review":
        _review_parts(parts, state, task, card, material)
    else:
        _author_parts(parts, state, task, card, material)
    if RETIRED in handoff.reason and handoff.purpose == "author":
        parts.add("handed on", handoff.sent_by, handoff.reason, "Why the turn before ended")
    if material.handed_on and handoff.handed_on:
        heading = "The turn before yours ran out of room. Go on from where it stood"
        parts.add("handed on", handoff.sent_by, material.handed_on, heading)
    return parts.draft(state.law.gate.pace.brief_bytes)


class _Parts:
    def __init__(self) -> None:
        self._texts: list[str] = []
        self._inputs: list[BriefInput] = []

    def add(self, kind: str, name: str, text: str, heading: str = "") -> None:
        self._texts.append(f"# {heading}\n\n{text}" if heading else text)
        data = text.encode()
        self._inputs.append(
            BriefInput(
                kind=kind,
                name=name,
                sha256=hashlib.sha256(data).hexdigest(),
                size=len(data),
                lines=len(text.splitlines()),
            )
        )

    def draft(self, limit: int) -> BriefDraft:
        text = "\n\n".join(part.strip("\n") for part in self._texts) + "\n"
        largest = max(self._inputs, key=lambda part: part.size)
        named = f"{largest.kind} {largest.name} ({largest.size} bytes)"
        size = len(text.encode())
        problem = f"it would be {size} bytes, the limit is {limit}; the largest part is {named}" if size > limit else ""
        return BriefDraft(text=text, inputs=tuple(self._inputs), problem=problem, largest=named)


def _card(card: RoleCard) -> str:
    lines = [
        f"# You are the {card.title}",
        "",
        card.mission,
        "",
        card.body.strip(),
        "",
        "## What you can do",
        "",
        f"Actions: {', '.join(card.actions)}. Anything else is refused by the program.",
    ]
    if card.writes:
        lines.append(f"Paths you may change: {', '.join(card.writes)}.")
    if card.never_writes:
        lines.append(f"Except: {', '.join(card.never_writes)}.")
    if card.runs:
        lines.append(f"Commands: {', '.join(card.runs)}.")
    lines += ["", "## What you can never do", "", *(f"- {never.text}" for never in card.never)]
    lines += ["", "## Your checklist", "", *(f"- {item}" for item in card.checklist)]
    if "escalate" in card.actions:
        lines += ["", f"When a limit is in the way, `escalate` puts your question to the {card.escalates_to}."]
    return "\n".join(lines)


def _task(state: State, task: Task, card: RoleCard) -> str:
    lines = [f"# Your task: {task.id}, {task.title}", "", task.goal]
    if task.criteria:
        lines += ["", "Done means:", *(f"- {criterion}" for criterion in task.criteria)]
    if task.paths:
        lines += ["", f"Paths it is meant to change: {', '.join(task.paths)}"]
    if task.asks:
        lines += ["", f"Settled with the plan: {', '.join(task.asks)}"]
    if "plan" in card.brief or card.plans:
        lines += ["", f"The mission, in the supervisor's words: {state.missions[task.mission].text}"]
    if card.plans:
        names = ", ".join(other.id for other in state.law.roles if card.may_hand_to(other.id))
        lines += ["", f"Roles you can plan for: {names}"]
    return "\n".join(lines)


def _author_parts(parts: _Parts, state: State, task: Task, card: RoleCard, material: Material) -> None:
    if task.findings:
        text = "Mend exactly these, in the worktree as it stands; nothing else.\n\n" + _findings(task.findings)
        parts.add("findings", count(len(task.findings), "finding"), text, f"Findings on attempt {task.attempt - 1}")
    if task.answers:
        text = "\n\n".join(f"**{question}**\n\n{answer}" for question, answer in task.answers)
        parts.add("question", count(len(task.answers), "answer"), text, "What the supervisor answered")
    if material.diff:
        parts.add(
            "diff",
            f"predecessor of {task.id}",
            material.diff,
            "The base moved: this was the change on the old base, to be made again on the new one",
        )


def _review_parts(parts: _Parts, state: State, task: Task, card: RoleCard, material: Material) -> None:
    owed = must_be_answered(task)
    if owed:
        text = "Answer each by its id, with a reason: accepted (the loss is legitimate) or not.\n\n" + _findings(owed)
        parts.add("findings", f"{len(owed)} to answer", text, "Findings of level 2 that you must answer one by one")
    questions = rulebook_of(state.law).questions(card.id)
    if questions:
        text = "\n".join(f"- {rule.id} {rule.title}: {_question(rule)}" for rule in questions)
        parts.add("question", count(len(questions), "question"), text, "Questions that rules put to you")
    if rows := package_rows(task.packages):
        text = "Brought in for this task, with the supervisor's yes to the first of each; nothing of them has run.\n\n"
        parts.add("packages", count(len(rows), "package"), text + "\n".join(f"- {row}" for row in rows), "New packages")
    parts.add("diff", f"{task.id} {task.candidate.commit if task.candidate else ''}", material.diff, "The change")


def _question(rule: Rule) -> str:
    return getattr(rule.check, "question", rule.title)


def _findings(findings: tuple[Finding, ...]) -> str:
    lines = []
    for finding in findings:
        spot = f" `{finding.path}:{finding.line}`" if finding.path else ""
        lines.append(f"- **{finding.id}** ({finding.severity}) {finding.title}{spot}")
        lines += [f"  {line}" for line in finding.detail.splitlines()]
    return "\n".join(lines)


def _rules(rules: tuple[Rule, ...]) -> str:
    return "\n".join(f"- **{rule.id}** {rule.title}. {rule.statement} Instead: {rule.instead}" for rule in rules)
