"""Reading a sealed brief back: the few parts that a seat without a model needs by themselves.

A brief is Markdown, written for whoever does the work. What is not found is empty; nothing here decides anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MUST_ANSWER_HEADING = "# Findings of level 2 that you must answer one by one"
CHANGE_HEADING = "# The change"
TASK_HEADING = "# Your task: "
_LESS_STABLE = ("# Knowledge: ", "# What happened in the session before")
_FINDING = re.compile(r"^- \*\*(F-[0-9]+)\*\* \([a-z]+\) (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Owed:
    """One finding that the reviewer answers."""

    id: str
    title: str


def cached_parts(text: str) -> tuple[tuple[str, ...], str]:
    """What is the same from turn to turn, in the order in which it changes less and less often from its end, and the
    rest, which is this turn's own. Joined, they are the text.

    First what every turn of the role is told (card, DNA, rules), then what bears on the task or stands for a session
    (knowledge, the last digest).
    """
    own = text.find("\n" + TASK_HEADING)
    if own < 0:
        return (), text
    stable, rest = text[: own + 1], text[own + 1 :]
    ends = [at for heading in _LESS_STABLE if (at := stable.find("\n" + heading)) >= 0]
    if not ends:
        return (stable,), rest
    return (stable[: min(ends) + 1], stable[min(ends) + 1 :]), rest


def criteria_in(text: str) -> tuple[str, ...]:
    """What "done" means, one line each."""
    found: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line == "Done means:":
            for criterion in lines:
                if not criterion.startswith("- "):
                    break
                found.append(criterion.removeprefix("- "))
            break
    return tuple(found)


def must_answer_in(text: str) -> tuple[Owed, ...]:
    """The findings that a review of this brief owes an answer, in order."""
    return tuple(Owed(id, title.strip()) for id, title in _FINDING.findall(_section(text, MUST_ANSWER_HEADING)))


def change_in(text: str) -> str:
    """The diff under review; empty when there is none."""
    section = _section(text, CHANGE_HEADING)
    return section.strip("\n") + "\n" if section.strip() else ""


def _section(text: str, heading: str) -> str:
    """What stands below the first such heading, up to the next heading of the same rank."""
    found: list[str] | None = None
    for line in text.splitlines():
        if found is None:
            found = [] if line == heading else None
        elif line.startswith("# "):
            break
        else:
            found.append(line)
    return "\n".join(found or [])
