"""The commands as click knows them; each is imported when it is called."""

from __future__ import annotations

from importlib import import_module

import click

from factory_tui import __version__
from factory_tui.cli import _ROOMS


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
        from factory_tui.cli.arriving import at_the_door

        at_the_door(accept_degraded=accept_degraded)
    elif accept_degraded:
        raise click.UsageError(
            "`--accept-degraded` before a command belongs to the cockpit; `run` and `resume` take it after their name"
        )
