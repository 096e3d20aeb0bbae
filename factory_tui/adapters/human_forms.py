"""The forms a person fills in: how they are laid out, and what is wrong with them when they come back.

Laid out as text that explains itself; read back strictly, every slip with its line. Nothing that the person has to
judge is filled in beforehand.
"""

from __future__ import annotations

import json
import re
from typing import Literal, TypeVar

import msgspec

from factory_tui.adapters.brief_sections import criteria_in, must_answer_in
from factory_tui.adapters.front_matter import FrontMatter, read_yaml
from factory_tui.adapters.schema import typed
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.terms import Action, Finding, FindingAnswer, PlannedTask
from factory_tui.engine.seat_ports import TurnBrief

T = TypeVar("T")

FormKind = Literal["change", "review", "plan", "report"]


class ChangeForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    message: str | None = None
    note: str | None = None
    escalate: str | None = None


class FormFinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str
    severity: Literal["blocks", "note"] = "blocks"
    detail: str = ""
    path: str = ""
    line: int = 0


class FormAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    finding: str
    accepted: bool | None = None
    reason: str | None = None


class ReviewForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    checked: tuple[str, ...] | None = None
    findings: tuple[FormFinding, ...] | None = None
    answers: tuple[FormAnswer, ...] | None = None
    note: str | None = None
    escalate: str | None = None


class FormTask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str
    goal: str
    role: str
    criteria: tuple[str, ...]
    paths: tuple[str, ...] = ()
    after: tuple[int, ...] = ()
    asks: tuple[str, ...] = ()


class PlanForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reasoning: str | None = None
    tasks: tuple[FormTask, ...] | None = None
    escalate: str | None = None


_ESCALATE = """\
# A question instead of that; it goes up, and your turn ends. Empty = none.
escalate:
"""

_CHANGE = """\
# Handing over {title}
# The commit message; empty = the task's title.
message:
# For the supervisor, not for the reviewer: what you did, what you are unsure of.
note:
"""

_PLAN = """\
# The plan for {title}
# Why you cut it this way, and what could go wrong.
reasoning:
# Each task like this; `after` names earlier tasks by their place in this list, from 0.
#  - title: A user can cancel
#    goal: What shall be true, and why.
#    role: builder
#    criteria: [a sentence that can be tried]
#    paths: [src/**, tests/**]
#    after: []
tasks: []
"""


def form_name(kind: FormKind) -> str:
    """The file's name: a report is Markdown, everything else YAML."""
    return {"change": "handover.yaml", "review": "findings.yaml", "plan": "plan.yaml", "report": "report.md"}[kind]


def blank_form(kind: FormKind, brief: TurnBrief, diff_path: str = "") -> str:
    """A form to fill in."""
    title = f"{brief.task}: {_one_line(brief.title)}"
    match kind:
        case "change":
            return _CHANGE.format(title=title) + _ESCALATE
        case "review":
            return _blank_review(title, brief, diff_path)
        case "plan":
            return _PLAN.format(title=title) + _ESCALATE
        case "report":
            return f"<!-- The report on {title}. Write below; this line is left out. -->\n\n"


def _blank_review(title: str, brief: TurnBrief, diff_path: str) -> str:
    lines = [f"# The review of {title}", f"# The files: {brief.directory}"]
    if diff_path:
        lines.append(f"# The change: {diff_path}")
    criteria = criteria_in(brief.text)
    if criteria:
        lines += ["# Done means:", *(f"#   - {_one_line(criterion)}" for criterion in criteria)]
    lines += [
        "# What you really inspected or ran, one line each. Nothing here means nothing was reviewed.",
        "checked: []",
        "# What is wrong. `blocks` fails the change, `note` does not. The verdict follows from this list.",
        "#  - title: an expired code is accepted",
        "#    severity: blocks",
        "#    path: src/codes.py",
        "#    line: 12",
        "#    detail: How to see it, with what came out.",
        "findings: []",
    ]
    if owed := must_answer_in(brief.text):
        lines += [
            "# Each must be answered: `accepted: true` = the loss is legitimate, `false` = it blocks.",
            "answers:",
        ]
        for finding in owed:
            lines += [f"  # {_one_line(finding.title)}", f"  - finding: {finding.id}", "    accepted:", "    reason:"]
    return "\n".join((*lines, "note:", _ESCALATE))


def action_from(kind: FormKind, shown_path: str, text: str, brief: TurnBrief) -> Action:
    """What the filled-in form asks for: a report, a plan, an escalation, or for a change the commit.

    Raises DocumentError with file, line and fix.
    """
    if kind == "report":
        body = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL).strip()
        if not body:
            raise DocumentError(path=shown_path, problem="the report is empty", next_step="Write what was found.")
        return Action(kind="report", text=body + "\n")
    document = read_yaml(shown_path, text)
    match kind:
        case "change":
            change = typed(document, ChangeForm)
            if question := _text(change.escalate):
                return Action(kind="escalate", text=question)
            return Action(kind="commit", text=_text(change.message))
        case "review":
            return _review(document, typed(document, ReviewForm), brief)
        case "plan":
            return _plan(document, typed(document, PlanForm))


def note_in(shown_path: str, text: str) -> str:
    """The note of a change form. Raises DocumentError."""
    return _text(typed(read_yaml(shown_path, text), ChangeForm).note)


def _review(document: FrontMatter, form: ReviewForm, brief: TurnBrief) -> Action:
    if question := _text(form.escalate):
        return Action(kind="escalate", text=question)
    checked = tuple(line.strip() for line in form.checked or () if line.strip())
    if not checked:
        raise document.error(
            "nothing is listed under `checked`",
            "checked",
            why="a review that inspected nothing has not run",
            next_step="Write one line for each thing you looked at or ran.",
        )
    for number, finding in enumerate(form.findings or ()):
        if not finding.title.strip():
            raise document.error("the finding has no title", "findings", number, next_step="Say what is wrong.")
        if finding.line < 0:
            raise document.error("a line is 1 or more", "findings", number, "line", next_step="Write 0 for none.")
    return Action(
        kind="report",
        text=_text(form.note),
        checked=checked,
        findings=tuple(
            Finding(
                severity=finding.severity,
                title=finding.title.strip(),
                detail=finding.detail.strip(),
                path=finding.path,
                line=finding.line,
            )
            for finding in form.findings or ()
        ),
        answers=_answers(document, form.answers or (), brief),
    )


def _answers(document: FrontMatter, answers: tuple[FormAnswer, ...], brief: TurnBrief) -> tuple[FindingAnswer, ...]:
    owed = {finding.id: finding.title for finding in must_answer_in(brief.text)}
    given: dict[str, FindingAnswer] = {}
    for number, answer in enumerate(answers):
        at = ("answers", number)
        if answer.finding not in owed:
            known = ", ".join(owed) or "none"
            raise document.error(
                f"no finding `{answer.finding[:40]}` waits for an answer", *at, next_step=f"Those that wait: {known}."
            )
        if answer.finding in given:
            raise document.error(f"{answer.finding} is answered twice", *at, next_step="Keep one of the answers.")
        if answer.accepted is None:
            raise document.error(
                f"{answer.finding} is not answered", *at, "accepted", next_step="Write `accepted: true` or `false`."
            )
        reason = _text(answer.reason)
        if not reason:
            raise document.error(f"{answer.finding} has no reason", *at, "reason", next_step="Say why, in one line.")
        given[answer.finding] = FindingAnswer(finding=answer.finding, accepted=answer.accepted, reason=reason)
    for id, title in owed.items():
        if id not in given:
            raise document.error(
                f"{id} is not answered: {title}",
                "answers",
                next_step=f"Add `- finding: {id}` with `accepted` and `reason`.",
            )
    return tuple(given.values())


def _plan(document: FrontMatter, form: PlanForm) -> Action:
    if question := _text(form.escalate):
        return Action(kind="escalate", text=question)
    if not form.tasks:
        raise document.error("the plan holds no task", "tasks", next_step="Add a task, as the comment above shows.")
    for number, task in enumerate(form.tasks):
        for name in ("title", "goal", "role"):
            if not getattr(task, name).strip():
                raise document.error(f"the task has no {name}", "tasks", number, name, next_step="Write it.")
        if not task.criteria:
            raise document.error(
                "the task has no criteria", "tasks", number, "criteria", next_step="Add sentences that can be tried."
            )
        for place, index in enumerate(task.after):
            if not 0 <= index < number:
                raise document.error(
                    f"task {index} does not come before task {number}",
                    "tasks",
                    number,
                    "after",
                    place,
                    next_step="Name earlier tasks only, counted from 0.",
                )
    tasks = tuple(msgspec.convert(msgspec.structs.asdict(task), PlannedTask) for task in form.tasks)
    return Action(kind="plan", text=_text(form.reasoning), tasks=tasks)


def _text(value: str | None) -> str:
    return (value or "").strip()


def _one_line(text: str) -> str:
    """Nothing that could end a comment and begin a key."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)[1:-1].replace("--", "- -")
