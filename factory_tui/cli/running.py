"""The commands that run: a mission, one small task, or what is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from factory_tui.cli.ending import DONE, INTERRUPTED, WAITS, Ended
from factory_tui.cli.session import Wish, running_house, say_end
from factory_tui.cli.speech import has_terminal, hint
from factory_tui.cli.talking import ask_running, here, request
from factory_tui.domain.errors import Refusal, UsageError

if TYPE_CHECKING:
    from factory_tui.bootstrap.grounds import Ground
    from factory_tui.bootstrap.house import House
    from factory_tui.domain.events import Mode
    from factory_tui.domain.state import State
    from factory_tui.domain.terms import Actor

_SHARED = (
    click.option("--headless", is_flag=True, help="Never ask: run until something waits, say what, exit 4."),
    click.option("--script", type=click.Path(dir_okay=False), help="YAML for rehearsal seats."),
    click.option(
        "--seat",
        "chosen",
        multiple=True,
        metavar="ROLE=KIND",
        help="A seat for this session: human, rehearsal, claude_code, anthropic_api/MODEL@EFFORT, or one of your own.",
    ),
    click.option("--mode", type=click.Choice(["step", "flow"]), help="Else as the home says."),
    click.option(
        "--accept-degraded", is_flag=True, help="Without a wall, let seats run commands anyway, in this session."
    ),
    click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md."),
)


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_SHARED):
        command = option(command)
    return command


@click.command()
@click.option("--mission", help="What shall be true at the end; the planner plans it.")
@click.option("--task", "task", help="A small change that needs no plan. No gate level is skipped for it.")
@click.option("--to", "role", default="", help="The role that does the small change.")
@click.option("--criterion", "criteria", multiple=True, help="How the task is judged; may be given several times.")
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="What it means to change.")
@_shared
def run(
    mission: str | None,
    task: str | None,
    role: str,
    criteria: tuple[str, ...],
    paths: tuple[str, ...],
    headless: bool,
    script: str | None,
    chosen: tuple[str, ...],
    mode: Mode | None,
    accept_degraded: bool,
    as_json: bool,
) -> None:
    """State a mission, or one small task, and run until it is over or waits for you."""
    if bool(mission) == bool(task):
        raise UsageError(
            what="say what shall be done: `--mission TEXT`, or `--task TEXT --to ROLE`",
            next_step="`factory resume` goes on with what is under way",
        )
    if task and not role:
        raise UsageError(what="a task needs a role", next_step="`--to builder`; `factory check` lists the roles")
    if mission and (role or criteria or paths):
        raise UsageError(what="`--to`, `--criterion` and `--path` belong to `--task`", why="a mission is planned")
    wish = _wish(headless, script, chosen, mode, accept_degraded, as_json)

    async def state(house: House, by: Actor) -> None:
        from factory_tui.domain import commands as c

        now = house.state
        command: c.Command = c.StateMission(text=mission or "", base_ref=now.base_ref, base=now.base)
        if task:
            command = c.OpenSmallTask(
                text=task, role=role, base_ref=now.base_ref, base=now.base, criteria=criteria, paths=paths
            )
        await house.factory.carried_out(command, by)

    ground, before = ready(wish)
    roles = [card.id for card in ground.reading.charter.roles] if ground.reading.charter else []
    if role and roles and role not in roles:
        raise UsageError(what=f"there is no role {role[:40]}", why=f"roles are {', '.join(roles)}", next_step="`--to`")
    if before.mission is not None:
        under_way = before.mission
        raise Refusal(
            what=f"mission {under_way.id} is under way: {under_way.text.splitlines()[0][:80]}",
            why="one mission at a time in a repository",
            next_step="go on with `factory resume`, or drop its tasks: `factory answer T-… drop --text WHY`",
        )
    _play(ground, wish, state)


@click.command()
@_shared
def resume(
    headless: bool,
    script: str | None,
    chosen: tuple[str, ...],
    mode: Mode | None,
    accept_degraded: bool,
    as_json: bool,
) -> None:
    """Go on with the mission that is under way, and with what deployments owe."""
    wish = _wish(headless, script, chosen, mode, accept_degraded, as_json)
    ground, before = ready(wish)
    from factory_tui.domain.agenda import owed_by

    owes = any(owed_by(before, one) for one in before.deployments.values())
    if before.mission is None and not before.session_open and not owes:
        raise Refusal(what="no mission is under way", next_step="state one: `factory run --mission TEXT`")
    _play(ground, wish, None)


def _wish(
    headless: bool,
    script: str | None,
    chosen: tuple[str, ...],
    mode: Mode | None,
    accept_degraded: bool,
    as_json: bool,
) -> Wish:
    seats = {}
    for one in chosen:
        role, _, kind = one.partition("=")
        if not role or not kind:
            raise UsageError(what=f"`--seat {one}` is not ROLE=KIND", next_step="for instance `--seat builder=human`")
        seats[role] = kind
    if "rehearsal" in seats.values() and not script:
        raise UsageError(what="a rehearsal seat plays a script", next_step="name it with `--script FILE`")
    return Wish(
        headless=headless or as_json or not has_terminal(),
        as_json=as_json,
        mode=mode,
        script=script or "",
        chosen=seats,
        accept_degraded=accept_degraded,
    )


def ready(wish: Wish) -> tuple[Ground, State]:
    """Raises Refusal when a factory runs already; ends with 4 while the last digest is unread."""
    place = here()
    if ask_running(place, request("status")) is not None:
        raise Refusal(
            what="a factory runs in this repository already",
            why="one repository has one factory",
            next_step="`factory status` and `factory inbox` reach it",
        )
    from factory_tui.bootstrap.grounds import find_ground, look

    ground = find_ground(str(Path.cwd()))
    state = look(ground)[0]
    digest = state.digest
    if digest is not None and digest.session > state.acknowledged and not state.session_open:
        hint(
            f"the digest of session {digest.session} is unread: {ground.home.home_dir}/{digest.path}\n"
            "  why:  no turn starts before you have read what the last session left\n"
            f"  next: `factory digest`, then `factory ack D-{digest.session}`"
        )
        raise Ended(WAITS)
    return ground, state


Opening = Callable[["House", "Actor"], Awaitable[None]]


def _play(ground: Ground, wish: Wish, opening: Opening | None) -> None:
    code = asyncio.run(_session(ground, wish, opening))
    if code != DONE:
        raise Ended(code)


async def _session(ground: Ground, wish: Wish, opening: Opening | None) -> int:
    """Start, open, run until it waits or is over, digest. Returns the exit code."""
    from factory_tui.bootstrap.grounds import supervisor

    by = supervisor("cli" if wish.headless else "tty")
    async with running_house(ground, wish, by) as running:
        house = running.house
        if opening is not None:
            await opening(house, by)
        if wish.headless:
            await running.until_somebody_waits()
        else:
            await running.at_the_terminal()
    left = house.state
    over = left.mission is None
    say_end(house, wish, running, over)
    if running.stopped_by:
        return INTERRUPTED
    return DONE if over else WAITS
