"""A container as the wall: only where the user says so, and believed by what it does, whatever it calls itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from crew import SUPERVISOR, make_crew, settled, small_task
from test_wall import with_mark

from factory_tui.adapters.trying import self_test
from factory_tui.adapters.user_config import UserConfig
from factory_tui.adapters.wall import look_around
from factory_tui.adapters.wall_container import (
    END_SECONDS,
    ContainerSandbox,
    Engine,
    Whereabouts,
    container_words,
    find_engines,
    mounts_of,
)
from factory_tui.adapters.walls import ProvenSandbox
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Action
from factory_tui.domain.waiting import waiting
from factory_tui.engine.ports import Boundary, Limits
from factory_tui.engine.seat_ports import Desk, TurnBrief

SAYS_SO = UserConfig(path="x", container=True)
LYING = """#!/bin/sh
# Runs the command as it is, and says nothing.
case " $* " in *" run "*) ;; *) exit 0 ;; esac
while [ "$1" != --pidfile ]; do shift; done
echo $$ > "$2"
while [ "$1" != --workdir ]; do shift; done
cd "$2"
while [ "$1" != --rootfs ]; do shift; done
shift 2
exec "$@"
"""
FAILING = "#!/bin/sh\necho 'Error: cgroups in hybrid mode not supported' >&2; exit 125\n"
SAYS_IT_STANDS = '#!/bin/sh\nwhile [ "$1" != --pidfile ]; do shift; done\necho $$ > "$2"; read -r go; echo done\n'


def engine(tmp_path: Path, script: str) -> Engine:
    program = tmp_path / "podman"
    program.write_text(script)
    program.chmod(0o755)
    return Engine(program=str(program))


@pytest.mark.parametrize(
    ("script", "why"),
    [
        pytest.param(FAILING, "cgroups in hybrid mode not supported", id="failing"),
        pytest.param(LYING, "podman is there and does not hold: write_outside (the world changed)", id="lying"),
        pytest.param(SAYS_IT_STANDS, "it was not tried", id="says it stands"),
    ],
)
async def test_an_engine_that_does_not_hold_is_no_wall_whatever_it_says(tmp_path: Path, script: str, why: str):
    sandbox = ProvenSandbox(tmp_path / "place", SAYS_SO, bwrap="", engines=(engine(tmp_path, script),))
    standing = await sandbox.prove()
    assert (standing.label, sandbox.wall) == ("none", "none")
    assert "bwrap is not installed" in standing.why_none
    assert why in standing.why_none
    assert "Without a wall no seat gets a shell" in standing.why_none


async def test_nobody_asks_an_engine_where_the_users_own_settings_do_not_say_so(tmp_path: Path):
    asked = tmp_path / "asked"
    spy = engine(tmp_path, f"#!/bin/sh\ntouch {asked}\n")
    standing = await ProvenSandbox(tmp_path / "place", UserConfig(path="x"), bwrap="", engines=(spy,)).prove()
    assert standing.label == "none"
    assert not asked.exists()
    await ProvenSandbox(tmp_path / "place", SAYS_SO, bwrap="", engines=(spy,)).prove()
    assert asked.exists()


async def test_a_lying_engine_leaves_seats_without_a_shell_and_the_reason_on_record(tmp_path: Path):
    told: list[str] = []

    async def build(brief: TurnBrief, desk: Desk) -> None:
        result = await desk.act(Action(kind="run", command="touch ran"))
        told.append(f"{result.decision}: {result.text}")
        await desk.act(Action(kind="escalate", text="no shell?"))

    crew = make_crew(tmp_path, {"builder": build})
    crew.seat.control = "brokered"
    house = crew.house()
    house.sandbox._bwrap, house.sandbox._config = "", SAYS_SO
    house.sandbox._engines = (engine(tmp_path, LYING),)
    try:
        await house.start(SUPERVISOR)
        assert "does not hold" in house.standing.why_none
        assert not [item for item in waiting(house.state) if item.kind == "digest"]
        await small_task(house, "Try it")
        await settled(house)
    finally:
        await house.close("done", SUPERVISOR)
    assert told[0].startswith("deny: denied. boundary: there is no wall")


def test_the_words_name_no_value_of_the_environment_and_holes_come_last():
    boundary = Boundary(
        cwd="/w", writable=("/w",), protected=("/w/rules",), readable=("/opt/tool",), environment={"TOKEN": "plum"}
    )
    host = look_around("")
    mounts = mounts_of(boundary, host, ["/opt/tool/credentials"])
    where = Whereabouts(place="/p", root="/r", name="n")
    words = container_words(["true"], boundary, Limits(), Engine(program="/p"), mounts, {"TOKEN": "plum"}, where)
    assert "plum" not in " ".join(words)
    assert words.index("/w:/w:rw") < words.index("/w/rules:/w/rules:ro")
    assert words.index("/opt/tool:/opt/tool:ro") < words.index("/dev/null:/opt/tool/credentials:ro")
    assert words[words.index("--network") + 1] == "none"
    assert {"--read-only", "--cap-drop", "no-new-privileges"} <= set(words)
    with pytest.raises(WorldError, match="cannot be shown to a container"):
        mounts_of(Boundary(cwd="/w", writable=("/w", "/a:b")), host, [])


# --- an engine of this machine, where there is one: what it does decides ------------------------------


async def first_that_holds(place: Path) -> ContainerSandbox | None:
    for one in find_engines():
        try:
            sandbox = ContainerSandbox(one, look_around("", [sys.base_prefix]))
            if all(tried.refused for tried in await self_test(sandbox, place)):
                return sandbox
        except WorldError:
            continue
    return None


async def test_what_a_real_engine_does_decides_whether_it_is_the_wall(tmp_path: Path):
    """Here or on any other machine: the wall is the container exactly where all that was tried was refused."""
    held = await first_that_holds(tmp_path / "tried")
    sandbox = ProvenSandbox(tmp_path / "place", SAYS_SO, bwrap="")
    standing = await sandbox.prove()
    assert standing.label == (held.wall if held else "none"), standing.why_none
    assert bool(standing.why_none) == (held is None)
    assert not sandbox.is_wall, "an agent's own program is not held by it"
    if held is None:
        return
    work = tmp_path / "work"
    work.mkdir()
    boundary = Boundary(cwd=str(work), writable=(str(work),))
    result = await sandbox.run(["sh", "-c", "id -u; touch mine; exit 3"], boundary)
    assert (result.exit_code, result.output) == (3, b"1000\n")
    assert (work / "mine").stat().st_uid == os.getuid()
    late = await sandbox.run(["sh", "-c", "sleep 60"], boundary, Limits(seconds=1.5))
    assert "time limit" in late.killed
    await _dies_with_the_factory(tmp_path, work)


async def _dies_with_the_factory(tmp_path: Path, work: Path) -> None:
    mark = f"contained-{os.getpid()}"
    program = f"""
import asyncio, sys
sys.path[:0] = [{str(Path(__file__).parent)!r}]
from pathlib import Path
from test_wall_container import first_that_holds
from factory_tui.engine.ports import Boundary
async def main():
    held = await first_that_holds(Path({str(tmp_path / "again")!r}))
    script = "setsid sh -c 'sleep 600; : {mark}' & echo x > begun; sleep 600; : {mark}"
    await held.run(["sh", "-c", script], Boundary(cwd={str(work)!r}, writable=({str(work)!r},)))
asyncio.run(main())
"""
    factory = subprocess.Popen([sys.executable, "-c", program])
    async with asyncio.timeout(60):
        while not (work / "begun").exists():
            assert factory.poll() is None
            await asyncio.sleep(0.02)
    factory.kill()
    factory.wait()
    engines = tuple(one.program for one in find_engines())
    async with asyncio.timeout(30):
        while [line for line in with_mark(mark) if not line.startswith(engines)]:
            await asyncio.sleep(0.02)
    async with asyncio.timeout(END_SECONDS):
        while with_mark(mark):  # the engine puts the dead container away
            await asyncio.sleep(0.02)
