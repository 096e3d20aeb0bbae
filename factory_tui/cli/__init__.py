"""The door: `factory` on the command line. Knows the commands' names; a command's room is opened when it is called.

Nothing heavy is imported here, so that `factory --version` and `factory status --line` answer at once.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from factory_tui import __version__

_ROOMS = {
    "demo": "beginning",
    "init": "beginning",
    "run": "running",
    "resume": "running",
    "inbox": "answering",
    "answer": "answering",
    "ack": "answering",
    "adopt": "answering",
    "handover": "handing",
    "message": "steering",
    "pause": "steering",
    "unpause": "steering",
    "interrupt": "steering",
    "retire": "steering",
    "seat": "steering",
    "mode": "answering",
    "status": "looking",
    "verify": "proving",
    "vouch": "proving",
    "install": "proving",
    "replay": "looking",
    "digest": "looking",
    "check": "law",
    "rules": "law",
    "rehearse": "rehearsing",
    "doctor": "doctoring",
    "schema": "crewing",
    "crew": "crewing",
    "budget": "crewing",
}
"""Which room of this package holds which command, in the order in which help lists them."""


class Door(click.Group):
    """The commands, each imported when it is wanted."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_ROOMS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        room = _ROOMS.get(name)
        if room is None:
            return None
        found = getattr(import_module(f"factory_tui.cli.{room}"), name)
        assert isinstance(found, click.Command)
        return found


@click.group(cls=Door, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="factory")
@click.option("--accept-degraded", is_flag=True, help="Without a wall, let seats run commands anyway, in this session.")
@click.pass_context
def factory(context: click.Context, accept_degraded: bool) -> None:
    """A factory floor for one repository: roles, rules, a gate, and you above them.

    Without a command: what waits for you here, or how to begin.
    """
    if context.invoked_subcommand is None:
        from factory_tui.cli.beginning import at_the_door

        at_the_door(accept_degraded=accept_degraded)
    elif accept_degraded:
        raise click.UsageError(
            "`--accept-degraded` before a command belongs to the cockpit; `run` and `resume` take it after their name"
        )


def main(arguments: list[str] | None = None) -> None:
    """The console script. Ends the process: 0 done, 1 findings, 2 wrong use, 3 our mistake, 4 waits for you, 130."""
    from factory_tui.cli.ending import ended

    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(ended(lambda: factory.main(args=words, prog_name="factory", standalone_mode=False)))
