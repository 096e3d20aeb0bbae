"""Whether a role card holds what it promises.

A card that contradicts itself, or says "never" where nothing enforces it, is refused before any seat sees it. Duties
are told apart here for every role alike: who judges does not write, who plans does not build, who deploys approves
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from factory_tui.domain import globs
from factory_tui.domain.roles import OF_AN_AUTHOR, SUPERVISOR_ONLY, CardProblem, RoleCard, is_host
from factory_tui.domain.terms import ACTION_KINDS, MAY_BE_REMEMBERED, ActionKind

_WRITING: tuple[ActionKind, ...] = ("edit", "commit")

_DUTIES: Mapping[str, tuple[ActionKind, ...]] = {
    "judges": ("edit", "commit", "hand_over", "plan", "approve", "propose", "deploy"),
    "plans": ("edit", "run", "commit", "deploy"),
    "deploys": ("plan", "approve"),
}
"""What a role with that duty may not do besides."""

_NEEDS: Mapping[str, tuple[tuple[ActionKind, ...], str]] = {
    "plan": (("plan",), "plans"),
    "change": (("edit", "commit", "hand_over"), ""),
    "review": (("report",), "judges"),
    "report": (("report",), ""),
    "deployment": (("deploy",), "deploys"),
}
"""What a role must have to deliver that."""


def problems_of_card(card: RoleCard) -> tuple[CardProblem, ...]:
    """Everything that is wrong with a card by itself; other roles and rules are looked up by the charter."""
    return tuple(_all_problems(card))


def _all_problems(card: RoleCard) -> Iterator[CardProblem]:
    yield from _plain_problems(card)
    yield from _glob_problems(card)
    yield from _settled_problems(card)
    yield from _action_problems(card)
    yield from _duty_problems(card)
    for number, never in enumerate(card.never):
        yield from _never_problems(card, number, never.held_by)


def _plain_problems(card: RoleCard) -> Iterator[CardProblem]:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", card.id) or len(card.id) > 40 or card.id == "supervisor":
        yield _problem("id", problem=f"`{card.id[:60]}` is no role id", next_step="Write it like `data_analyst`.")
    for key in ("title", "mission"):
        text: str = getattr(card, key)
        if not text.strip() or "\n" in text.strip():
            yield _problem(key, problem=f"`{key}` must be one line of text", next_step="Say it in one sentence.")
    if not card.body.strip():
        yield _problem(problem="there is no text below the front matter", next_step="Tell the seat what it does.")
    if not card.checklist or not all(line.strip() for line in card.checklist):
        yield _problem("checklist", problem="the checklist has no or empty lines", next_step="Name what it checks.")
    if not card.never:
        yield _problem(
            "never",
            problem="the card says nothing that the role can never do",
            next_step="The restriction is the point.",
        )
    for key in ("usd", "tokens", "minutes", "actions"):
        if not getattr(card.budget, key) > 0:
            yield _problem("budget", key, problem=f"`{key}` must be more than 0", next_step="Give a real bound.")
    if not 1 <= card.parallel_turns <= 16:
        yield _problem("parallel_turns", problem="it must be 1 to 16", next_step="Give a number from 1 to 16.")


def _glob_problems(card: RoleCard) -> Iterator[CardProblem]:
    for key in ("reads", "never_reads", "writes", "never_writes", "proposes"):
        for number, glob in enumerate(getattr(card, key)):
            if slip := globs.problem_of(glob.removeprefix("home:")):
                yield _problem(key, number, problem=slip, next_step="Mend the glob.")
    for number, host in enumerate(card.fetch.hosts):
        if not is_host(host.removeprefix("*.")):
            yield _problem(
                "fetch",
                "hosts",
                number,
                problem=f"`{host[:80]}` is no host name",
                next_step="Write it like `example.org`.",
            )
    for number, word in enumerate(card.runs):
        if word != "*" and not re.fullmatch(r"[A-Za-z0-9_./+-]+", word):
            yield _problem("runs", number, problem=f"`{word[:80]}` is no command name", next_step="Write one word.")


def _settled_problems(card: RoleCard) -> Iterator[CardProblem]:
    for number, entry in enumerate(card.settled):
        kind, _, what = entry.partition(" ")
        if kind not in MAY_BE_REMEMBERED or not what.strip() or "\n" in entry:
            yield _problem(
                "settled",
                number,
                problem=f"`{entry[:80]}` is no ask that can be settled for good",
                why="what comes in from outside, changes the law or deploys is looked at each time",
                next_step=f"Write one of {', '.join(sorted(MAY_BE_REMEMBERED))}, and what exactly: `run make notes`.",
            )
        elif kind not in card.actions:
            yield _problem(
                "settled", number, problem=f"the card does not list `{kind}`", next_step="Remove the line, or list it."
            )
        if entry in card.settled[:number]:
            yield _problem("settled", number, problem=f"`{entry[:80]}` is here twice", next_step="Remove one.")


def _action_problems(card: RoleCard) -> Iterator[CardProblem]:
    for number, kind in enumerate(card.actions):
        if kind in card.actions[:number]:
            yield _problem("actions", number, problem=f"`{kind}` is here twice", next_step="Remove one.")
    if "escalate" not in card.actions:
        yield _problem(
            "actions", problem="`escalate` is missing", why="a denial must leave a way on", next_step="Add `escalate`."
        )
    needed: tuple[tuple[ActionKind, str, bool], ...] = (
        ("edit", "writes", bool(card.writes)),
        ("run", "runs", bool(card.runs)),
        ("fetch", "fetch", bool(card.fetch.hosts) or card.fetch.packages == "ask"),
        ("approve", "approves", bool(card.approves)),
        ("propose", "proposes", bool(card.proposes)),
        ("plan", "plans", card.plans),
        ("deploy", "deploys", card.deploys),
    )
    for kind, key, is_given in needed:
        if kind in card.actions and not is_given:
            yield _problem(
                "actions",
                problem=f"`{kind}` is listed, and `{key}` gives it nothing",
                next_step=f"Fill `{key}`, or remove `{kind}`.",
            )
        if is_given and kind not in card.actions:
            yield _problem(
                key,
                problem=f"`{key}` is given, and the action `{kind}` is not listed",
                next_step=f"Add `{kind}`, or remove `{key}`.",
            )
    if "commit" in card.actions and "edit" not in card.actions:
        yield _problem("actions", problem="`commit` is listed without `edit`", next_step="List both, or neither.")
    if card.sees == "nothing" and {"read", "search", "edit", "run"} & set(card.actions):
        yield _problem(
            "sees", problem="actions on files are listed, and it sees no tree", next_step="Say `sees: export`."
        )
    if card.writes and card.sees != "worktree":
        yield _problem(
            "sees", problem="`writes` is given, and only a worktree can be written", next_step="Say `sees: worktree`."
        )
    actions, flag = _NEEDS[card.delivers]
    missing = [f"`{kind}`" for kind in actions if kind not in card.actions]
    if flag and not getattr(card, flag):
        missing.append(f"`{flag}: true`")
    if missing:
        yield _problem(
            "delivers",
            problem=f"`{card.delivers}` cannot be delivered without {', '.join(missing)}",
            next_step="Add what is missing, or deliver something else.",
        )
    if "hand_over" in card.actions and not card.hands_to:
        yield _problem("actions", problem="`hand_over` is listed, and `hands_to` is empty", next_step="Name a role.")


def _duty_problems(card: RoleCard) -> Iterator[CardProblem]:
    for duty, forbidden in _DUTIES.items():
        clash = [kind for kind in forbidden if kind in card.actions]
        if getattr(card, duty) and clash:
            yield _problem(
                duty,
                problem=f"a role that {duty} cannot also {', '.join(clash).replace('_', ' ')}",
                why="nobody checks their own work here",
                next_step=f"Remove {', '.join(f'`{kind}`' for kind in clash)} from `actions`, or make it two roles.",
            )
    if card.judges:
        told = [part for part in OF_AN_AUTHOR if part in card.brief]
        if told:
            yield _problem(
                "brief",
                problem=f"a role that judges is told {', '.join(told)}",
                why="a reviewer who knows the author's reasons is no independent one",
                next_step="Remove them from `brief`.",
            )
        if card.sees != "export":
            yield _problem(
                "sees", problem="a role that judges sees an export of the exact commit", next_step="Say `sees: export`."
            )
        if "run" in card.actions and not card.scratch:
            yield _problem(
                "scratch", problem="a role that judges probes only in scratch", next_step="Say `scratch: true`."
            )


_HOLDERS: Mapping[str, Callable[[RoleCard, str], bool]] = {
    "action": lambda card, name: name in ACTION_KINDS and name not in card.actions,
    "writes": lambda card, name: name == "" and not any(globs.matches("any/file", (glob,)) for glob in card.writes),
    "never_writes": lambda card, name: name in card.never_writes,
    "never_reads": lambda card, name: name in card.never_reads,
    "sees": lambda card, name: name == card.sees,
    "scratch": lambda card, name: name == "" and card.scratch and not card.writes,
    "brief": lambda card, name: name != "" and name not in card.brief,
    "fetch": lambda card, name: (
        (name == "package" and card.fetch.packages == "never") or (name == "url" and not card.fetch.hosts)
    ),
    "ask": lambda card, name: (
        (name == "package" and card.fetch.packages == "ask")
        or (name == "architecture" and bool(card.writes))
        or (name == "deploy" and card.deploys)
    ),
    "approves": lambda card, name: name in ("dna", "architecture") and name not in card.approves,
    "protected": lambda card, name: name == "",
    "supervisor": lambda card, name: name in SUPERVISOR_ONLY,
    "duty": lambda card, name: name in _DUTIES and bool(getattr(card, name)),
    "rule": lambda card, name: re.fullmatch(r"[A-Z]+[0-9]+", name) is not None,
    "level": lambda card, name: name in ("1", "2", "3", "4", "5"),
}
"""What can hold a `never`, and whether it does for this card. That a rule exists is the charter's to know."""


def _never_problems(card: RoleCard, number: int, held_by: tuple[str, ...]) -> Iterator[CardProblem]:
    if not held_by:
        yield _problem(
            "never",
            number,
            problem="nothing enforces this sentence: `held_by` is empty",
            why="a prompt is a wish; a limit is what the program refuses",
            next_step=f"Name what holds it: {', '.join(sorted(_HOLDERS))}.",
        )
    for place, holder in enumerate(held_by):
        kind, _, name = holder.partition(":")
        holds = _HOLDERS.get(kind)
        if holds is None:
            problem = f"`{holder[:80]}` is nothing that can hold a role"
            next_step = f"Name one of {', '.join(sorted(_HOLDERS))}."
        elif not holds(card, name):
            problem = f"`{holder[:80]}` does not hold on this card"
            next_step = "Tighten the card so that it does, or name what really holds the sentence."
        else:
            continue
        yield _problem("never", number, "held_by", place, problem=problem, next_step=next_step)


def _problem(*keys: str | int, problem: str, why: str = "", next_step: str) -> CardProblem:
    return CardProblem(keys=keys, problem=problem, why=why, next_step=next_step)
