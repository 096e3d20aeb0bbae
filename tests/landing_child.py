"""Lands one plan and dies by SIGKILL right after the n-th step. `python landing_child.py REPOSITORY PLACE PLAN N`"""

from __future__ import annotations

import os
import signal
import sys

import msgspec

from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.engine.ports import LandingPlan


def main(repository: str, place: str, plan: str, last: str) -> None:
    left = int(last)

    def step(name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            print(name, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    adapter = GitWorktrees(repository, place, step=step)
    adapter._landings.land(msgspec.json.decode(plan, type=LandingPlan))
    print("landed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
