"""The door: `factory` on the command line. Knows the commands' names; a command's room is opened when it is called.

Nothing at all is imported here that the interpreter has not, so that the cockpit's first lines stand at once.
"""

from __future__ import annotations

import sys

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
    "incident": "incidents",
    "freeze": "incidents",
    "unfreeze": "incidents",
    "status": "looking",
    "deploy": "deploying",
    "rollback": "deploying",
    "verify": "proving",
    "mend": "mending",
    "vouch": "proving",
    "install": "proving",
    "witness": "witnessing",
    "replay": "looking",
    "digest": "looking",
    "stats": "figures",
    "check": "law",
    "rules": "law",
    "rehearse": "rehearsing",
    "doctor": "doctoring",
    "schema": "crewing",
    "crew": "crewing",
    "budget": "crewing",
}
"""Which room of this package holds which command, in the order in which help lists them."""


def main(arguments: list[str] | None = None) -> None:
    """The console script. Ends the process: 0 done, 1 findings, 2 wrong use, 3 our mistake, 4 waits for you, 130."""
    words = sys.argv[1:] if arguments is None else arguments
    from factory_tui.cli.early import opens_cockpit, paint_early

    paint_early(words)
    from factory_tui.cli.ending import ended

    if opens_cockpit(words):
        from factory_tui.cli.arriving import at_the_door

        sys.exit(ended(lambda: at_the_door(accept_degraded=bool(words))))
    from factory_tui.cli.rooms import factory

    sys.exit(ended(lambda: factory.main(args=words, prog_name="factory", standalone_mode=False)))
