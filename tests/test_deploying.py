"""Deploy credentials: one command has them, and nobody else ever does."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from factory_tui.adapters.deploying import Credential, DeployCommands
from factory_tui.adapters.processes import PlainSandbox
from factory_tui.adapters.secrets import Keys
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.domain.errors import WorldError
from factory_tui.domain.redaction import Redactor
from factory_tui.engine.ports import Boundary, Limits, Sandbox

SECRET = "Damson/7-lantern+rail_19=key"
"""Made up."""
SHA256 = hashlib.sha256(SECRET.encode()).hexdigest()
LOOK = "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; env"


def walled() -> BwrapSandbox:
    return BwrapSandbox(look_around(find_bwrap()))


def commands(tmp_path: Path, sandbox: Sandbox, redactor: Redactor | None = None) -> DeployCommands:
    keys = Keys()
    keys.take({"DEPLOY_TOKEN": SECRET})
    return DeployCommands(sandbox, redactor or Redactor(), tmp_path / "place", str(tmp_path / "work"), keys=keys)


def boundary(tmp_path: Path) -> Boundary:
    (tmp_path / "work").mkdir(exist_ok=True)
    return Boundary(cwd=str(tmp_path / "work"), writable=(str(tmp_path / "work"),))


@pytest.mark.needs_bwrap
@pytest.mark.parametrize("as_file", [False, True], ids=["variable", "file"])
async def test_the_command_has_it_and_what_it_prints_has_not(tmp_path: Path, as_file: bool):
    read = 'cat "$DEPLOY_TOKEN"' if as_file else 'printf %s "$DEPLOY_TOKEN"'
    told = f"{read}; {read} | base64; {read} | rev; env; {read} | sha256sum | cut -d' ' -f1 > proof"
    given = Credential(name="DEPLOY_TOKEN", as_file=as_file)
    redactor = Redactor()
    result = await commands(tmp_path, walled(), redactor).run(told, boundary(tmp_path), [given])
    assert (tmp_path / "work/proof").read_text().strip() == SHA256
    assert result.exit_code == 0
    assert SECRET.encode() not in result.output
    assert SECRET[::-1].encode() not in result.output
    assert b"[redacted: DEPLOY_TOKEN]" in result.output
    assert list((tmp_path / "place").iterdir()) == []
    assert redactor.text(SECRET) == "[redacted: DEPLOY_TOKEN]"


@pytest.mark.needs_bwrap
async def test_no_command_of_a_seat_sees_it_while_the_deploy_runs(tmp_path: Path):
    """Control: without a wall the same look finds it."""
    wait = "echo begun > begun; while [ ! -e over ]; do sleep 0.05; done"
    running = asyncio.create_task(
        commands(tmp_path, walled()).run(wait, boundary(tmp_path), [Credential(name="DEPLOY_TOKEN")])
    )
    seat = tmp_path / "seat"
    seat.mkdir()
    own = Boundary(cwd=str(seat), writable=(str(seat),))
    async with asyncio.timeout(30):
        while not (tmp_path / "work/begun").exists():
            await asyncio.sleep(0.02)
    behind = await walled().run(["sh", "-c", LOOK], own, Limits(seconds=20))
    bare = await PlainSandbox(tmp_path / "runs").run(["sh", "-c", LOOK], own, Limits(seconds=20))
    (tmp_path / "work/over").touch()
    await running
    assert SECRET.encode() not in behind.output
    assert SECRET.encode() in bare.output


async def test_what_it_prints_is_heard_as_it_comes_in_whole_lines_without_the_secret(tmp_path: Path):
    heard: list[str] = []
    place = boundary(tmp_path)

    def hear(text: str) -> None:
        heard.append(text)
        (tmp_path / "work/go").touch()

    half = len(SECRET) // 2
    slow = (
        'echo begun; while [ ! -e go ]; do sleep 0.02; done; printf %s "${DEPLOY_TOKEN%' + SECRET[half:] + '}"; '
        f"sleep 0.1; printf '%s\\n' '{SECRET[half:]}'; printf over"
    )
    here = commands(tmp_path, PlainSandbox(tmp_path / "runs"))
    await here.run(slow, place, [Credential(name="DEPLOY_TOKEN")], hear=hear)
    assert heard[0] == "begun\n", "it waited for somebody to hear this"
    assert "".join(heard[1:]) == "[redacted: DEPLOY_TOKEN]\nover\n"


async def test_a_credential_that_is_missing_or_too_short_starts_nothing(tmp_path: Path):
    here = commands(tmp_path, PlainSandbox(tmp_path / "runs"))
    for name, environment in (("OTHER", {}), ("OTHER", {"OTHER": "short"})):
        with pytest.raises(WorldError, match="credential OTHER is"):
            await here.run("touch ran", boundary(tmp_path), [Credential(name=name)], environment=environment)
    assert not (tmp_path / "work/ran").exists()


async def test_a_file_is_taken_only_from_where_no_seat_comes(tmp_path: Path):
    here = commands(tmp_path, PlainSandbox(tmp_path / "runs"))
    own = tmp_path / "token"
    own.write_text(f"{SECRET}\n")
    place = boundary(tmp_path)
    own.chmod(0o644)
    with pytest.raises(WorldError, match="chmod 600"):
        await here.run("true", place, [Credential(name="X", file=str(own))])
    own.chmod(0o600)
    result = await here.run('printf %s "$X"', place, [Credential(name="X", file=str(own))])
    assert result.output == b"[redacted: X]"
    inside = tmp_path / "work/token"
    inside.write_text(SECRET)
    inside.chmod(0o600)
    with pytest.raises(WorldError, match="in the repository"):
        await here.run("true", place, [Credential(name="X", file=str(inside))])
    with pytest.raises(WorldError, match="cannot be read"):
        await here.run("true", place, [Credential(name="X", file=str(tmp_path / "none"))])
