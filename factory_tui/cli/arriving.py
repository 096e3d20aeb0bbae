"""What `factory` alone does: the cockpit in a home, an offer elsewhere; without a terminal, what waits.

From an offer that is taken the cockpit opens by itself: the demo moves at once, and a new home is ready for work.
"""

from __future__ import annotations

from pathlib import Path

from factory_tui.cli.speech import has_terminal, say


def at_the_door(*, accept_degraded: bool = False) -> None:
    """Ends with the cockpit's exit code when it was opened. Raises FactoryError."""
    from factory_tui.adapters.homes import find_repository, home_of

    root = find_repository(str(Path.cwd()))
    if root is not None and home_of(root) is not None:
        from factory_tui.cli.talking import ask_running, here, request

        if has_terminal():
            from factory_tui.cli.watching import watch

            place = here()
            watch(place, accept_degraded=accept_degraded, runs=ask_running(place, request("status")) is not None)
            return
        from factory_tui.cli.looking import status

        status.main(args=[], standalone_mode=False)
        return
    if root is not None:
        say(f"{root} has no home for a factory yet.")
        say("`factory init` drafts one: it finds your smoke command, runs it twice, and overwrites nothing.")
        if has_terminal() and _wants("Begin now?"):
            from factory_tui.cli.beginning import init

            if init.main(args=[], standalone_mode=False):
                at_the_door(accept_degraded=accept_degraded)
        return
    say("Here is no git repository. `factory demo` makes a small one and plays a whole mission on it, offline.")
    if has_terminal() and _wants("Play it now?"):
        from factory_tui.cli.beginning import demo

        demo.main(args=["--mode", "flow"], standalone_mode=False)


def _wants(question: str) -> bool:
    import click

    return click.confirm(question, default=False)
