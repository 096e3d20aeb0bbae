"""Whether a home's gate settings can hold: real numbers, known roles, and no way to switch a level off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from factory_tui.domain import globs
from factory_tui.domain.gate import Gate
from factory_tui.domain.roles import CardProblem, RoleCard
from factory_tui.domain.staffing import DEFAULT, TIERS, UNITS, Bounds, Budgets

LIMITS: tuple[tuple[str, str, float, float], ...] = (
    ("smoke", "seconds", 1, 86_400),
    ("pace", "author_turns", 1, 16),
    ("pace", "inspections", 1, 8),
    ("pace", "turn_minutes", 0.1, 1_440),
    ("pace", "review_minutes", 0.1, 1_440),
    ("pace", "attempts", 1, 10),
    ("pace", "brief_bytes", 10_000, 4_000_000),
)
"""Section and key of a number, the least and the most that it may be."""
MOST = 1e12
"""Of any budget, which is less."""


def problems_of_gate(gate: Gate, known: tuple[Sequence[RoleCard], Sequence[str]] | None) -> tuple[CardProblem, ...]:
    """Everything that is wrong with the settings. `known` are the roles, and the ids of all rules that could be loaded.

    None: some could not be read, so names are not looked at.
    """
    found = list(_numbers_and_paths(gate))
    if known is not None:
        roles, rule_ids = known
        found += _names(gate, {card.id: card for card in roles}, rule_ids)
    return tuple(found)


def _numbers_and_paths(gate: Gate) -> Iterator[CardProblem]:
    for section, key, least, most in LIMITS:
        value = getattr(getattr(gate, section), key)
        if not least <= value <= most:
            yield _problem(
                section, key, problem=f"{value:g} is out of bounds", next_step=f"Write {least:g} to {most:g}."
            )
    yield from _budgets(gate.budgets)
    for role, seat in gate.seats.items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", seat):
            yield _problem(
                "seats",
                role,
                problem=f"`{seat[:60]}` names no seat",
                next_step="Write one word: `anthropic_api`, `claude_code`, `acp`, `human`, or a seat of config.toml.",
            )
    for number, service in enumerate(gate.dependencies.services):
        if not service.name.strip() or not service.command.strip() or not service.ready.strip():
            problem = "a service needs a name, a command and a command that tells when it is ready"
            yield _problem("dependencies", "services", number, problem=problem, next_step="Fill all three.")
    for number, directory in enumerate(gate.dependencies.toolchains):
        if not directory.startswith(("/", "~/")) or ".." in directory.split("/") or directory in ("/", "~/"):
            yield _problem(
                "dependencies",
                "toolchains",
                number,
                problem=f"`{directory[:80]}` is no directory that can be shown to commands",
                next_step="Write an absolute directory, or one that begins with `~/`.",
            )
    for keys, paths in (
        (("smoke", "harness"), gate.smoke.harness),
        (("dependencies", "lock_files"), gate.dependencies.lock_files),
        (("dependencies", "prepared"), gate.dependencies.prepared),
        (("protected",), gate.protected),
    ):
        for number, path in enumerate(paths):
            if slip := globs.problem_of(path.removeprefix("home:")):
                yield _problem(*keys, number, problem=slip, next_step="Mend the path.")
    if gate.smoke.runner == "junit" and not gate.smoke.report:
        yield _problem(
            "smoke", problem="the runner `junit` needs `report`", next_step="Name the file the command writes."
        )
    if "{task}" not in gate.landing.branch:
        yield _problem(
            "landing",
            "branch",
            problem="the branch name does not hold `{task}`",
            why="each task lands on a branch of its own",
            next_step="Write it like `factory/{task}`.",
        )


def _budgets(budgets: Budgets) -> Iterator[CardProblem]:
    every: dict[tuple[str, ...], Bounds] = {
        ("turn",): budgets.turn,
        ("task",): budgets.task,
        ("session",): budgets.session,
        ("day",): budgets.day,
    }
    every |= {("roles", role): bounds for role, bounds in budgets.roles.items()}
    for keys, bounds in every.items():
        for unit in UNITS:
            value = getattr(bounds, unit)
            if not 0 <= value < MOST:
                yield _problem(
                    "budgets",
                    *keys,
                    unit,
                    problem=f"{value:g} is no bound",
                    next_step="Write a number above 0, or leave it out.",
                )


def _names(gate: Gate, roles: dict[str, RoleCard], rule_ids: Sequence[str]) -> Iterator[CardProblem]:
    known = ", ".join(sorted(roles))
    for key, duty in (("planner", "plans"), ("reviewer", "judges")):
        name = getattr(gate, key)
        if name not in roles:
            yield _problem(key, problem=f"there is no role `{name[:80]}`", next_step=f"Known are: {known}.")
        elif not getattr(roles[name], duty):
            able = ", ".join(sorted(card.id for card in roles.values() if getattr(card, duty))) or "none yet"
            yield _problem(
                key, problem=f"the role `{name}` has no `{duty}: true`", next_step=f"Roles that have it: {able}."
            )
    for section in ("seats", "models", "efforts"):
        for role in getattr(gate, section):
            if role not in roles and role not in (DEFAULT, *TIERS):
                yield _problem(
                    section,
                    role,
                    problem=f"there is no role `{role[:80]}`",
                    next_step=f"Known are: {known}; tiers {', '.join(TIERS)}; and `{DEFAULT}`.",
                )
    for section, named in (("parallel", gate.parallel), ("budgets", gate.budgets.roles)):
        for role in named:
            if role not in roles:
                keys = (section, "roles", role) if section == "budgets" else (section, role)
                yield _problem(*keys, problem=f"there is no role `{role[:80]}`", next_step=f"Known are: {known}.")
    for role, most in gate.parallel.items():
        if role in roles and not 1 <= most <= roles[role].parallel_turns:
            yield _problem(
                "parallel",
                role,
                problem=f"{most} is out of bounds: the card allows {roles[role].parallel_turns}",
                why="a home tightens, never loosens",
                next_step=f"Write 1 to {roles[role].parallel_turns}.",
            )
    for number, pack in enumerate(gate.packs):
        if pack != "extended" and pack not in rule_ids:
            yield _problem(
                "packs",
                number,
                problem=f"there is no rule or pack `{pack[:80]}`",
                next_step="Write `extended`, or the id of a rule that ships.",
            )


def _problem(*keys: str | int, problem: str, why: str = "", next_step: str) -> CardProblem:
    return CardProblem(keys=keys, problem=problem, why=why, next_step=next_step)
