"""Holds the ledger of the repository around it, as a cockpit does before its socket listens: `holder_child.py HOW`.

`file`: the lock alone, before a byte is written. `house`: a whole factory, opened; a line on stdin begins its session.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys

from factory_tui.bootstrap.grounds import find_ground, supervisor
from factory_tui.bootstrap.house import open_house
from factory_tui.cli.seating import seats


async def main(how: str) -> None:
    ground = find_ground(".")
    if how == "file":
        descriptor = os.open(ground.place.ledger, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        print("held", flush=True)
        sys.stdin.read()
        return
    house = open_house(ground, seats=seats())
    print("held", flush=True)
    if sys.stdin.readline():
        await house.start(supervisor("tty"))
        print("begun", flush=True)
        sys.stdin.read()
        await house.close("the child of a test ends", supervisor("tty"))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
