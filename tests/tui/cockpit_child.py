"""The cockpit on the demo mission, for tests that drive a real terminal. `python cockpit_child.py PLACE [MODE]`"""

from __future__ import annotations

import sys

from factory_tui.tui.skeleton import Skeleton

frame = Skeleton()
frame.paint("bookings")

from factory_tui.tui.run import run_cockpit, told  # noqa: E402


def door():
    from factory_tui.bootstrap.grounds import find_ground, supervisor
    from factory_tui.demo import Staged, demo_supervisor, open_demo, stage
    from factory_tui.domain import commands as c
    from factory_tui.tui.door import WorksDoor

    by = supervisor("tty")
    place, mode = sys.argv[1], (sys.argv[2:] or ["step"])[0]

    def make(hear):
        from pathlib import Path

        root = Path(place, "bookings")
        if not root.exists():
            return open_demo(stage(place), hear)
        environment = {
            "HOME": place,
            "XDG_STATE_HOME": f"{place}/state",
            "XDG_CONFIG_HOME": f"{place}/config",
        }
        ground = find_ground(str(root), environment)
        return open_demo(Staged(root=root, ground=ground, supervisor=demo_supervisor(), script_note=""), hear)

    async def begin(house):
        if mode == "crash":
            raise RuntimeError("a mistake, made on purpose")
        if house.state.missions:
            return
        state = house.state
        text = demo_supervisor().mission
        await house.factory.carried_out(c.StateMission(text=text, base_ref=state.base_ref, base=state.base), by)

    return WorksDoor(name="bookings", make=make, by=by, begin=begin, mode="flow" if mode == "flow" else "step")


if __name__ == "__main__":
    left = run_cockpit(door, title="bookings", skeleton=frame)
    sys.stdout.write(told(left) + "\n")
    sys.exit(left.exit_code)
