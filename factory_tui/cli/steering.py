"""Steering: words and orders to one turn that runs, by its name (`builder/b2`) or its task's (`T-3`)."""

from __future__ import annotations

import re

import click

from factory_tui.cli.speech import say
from factory_tui.cli.talking import ask_anyhow, here, request
from factory_tui.domain.errors import UsageError

_TURN = re.compile(r"[a-z][a-z0-9_-]*/[a-z_]+\d+|[Tt]-\d+(/turn)?")


def order(target: str, kind: str, **more: str) -> None:
    """Raises Refusal when no such turn runs."""
    ask_anyhow(here(), request("steer", target=target, order=kind, **more))


@click.command()
@click.argument("turn")
@click.argument("text")
def message(turn: str, text: str) -> None:
    """Say something to a turn that runs. It hears it after its next step; words approve nothing."""
    order(turn, "message", text=text)
    say(f"said to {turn}; it hears it after its next step")


@click.command()
@click.argument("turn", required=False, default="")
@click.argument("reason", required=False, default="")
def pause(turn: str, reason: str) -> None:
    """Stop before the next action: one turn (`factory pause T-3`), or without one everything, until `unpause`."""
    if turn and _TURN.fullmatch(turn):
        order(turn, "pause", text=reason)
        say(f"{turn} stops after what it does now; `factory unpause {turn}` lets it go on")
        return
    if reason:
        raise UsageError(
            what=f"{turn} names no turn",
            why="a turn is named like builder/b2, or by its task, T-3",
            next_step="`factory pause TURN REASON`, or `factory pause REASON` for all",
        )
    told = ask_anyhow(here(), request("pause", paused=True, reason=turn))
    say(f"paused: {told['paused']}")


@click.command()
@click.argument("turn", required=False, default="")
def unpause(turn: str) -> None:
    """Go on after `factory pause`."""
    if turn:
        order(turn, "resume")
        say(f"{turn} goes on")
        return
    ask_anyhow(here(), request("pause", paused=False))
    say("goes on")


@click.command()
@click.argument("turn")
@click.option("--text", default="", help="Why.")
def interrupt(turn: str, text: str) -> None:
    """End a turn now. Its work is kept, and its task is held until `factory answer T-3 unhold`."""
    order(turn, "interrupt", text=text)
    say(f"{turn} is interrupted, its work is kept; its task is held")


@click.command()
@click.argument("turn")
@click.option("--text", required=True, help="Why: it stays on record, and the next seat is told.")
@click.option("--to", default="", help="The role that its task goes to.")
@click.option("--seat", default="", help="The seat that its task goes to.")
def retire(turn: str, text: str, to: str, seat: str) -> None:
    """End a turn for good; its task is parked, or passes to another role or seat."""
    order(turn, "retire", text=text, to=to, seat=seat)
    say(f"{turn} is retired, its work is kept; its task {f'goes to {to or seat}' if to or seat else 'waits for you'}")


@click.command()
@click.argument("task")
@click.argument("name", metavar="SEAT", required=False, default="")
def seat(task: str, name: str) -> None:
    """Another seat, model or effort for a task's next turns: `claude_code`, `anthropic_api/MODEL@EFFORT`, `/MODEL`,
    `@EFFORT`. Without a SEAT the home's settings choose again."""
    order(task, "seat", seat=name)
    say(f"{task}: {name or 'the seat of the settings'} from its next turn on")
