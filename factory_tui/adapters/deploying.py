"""Running one deploy command with its credentials: read by name in our own process, and gone with the command.

No seat is ever given one, and no seat's command runs in a place where one could be seen: the value is in the
environment (or in one private file) of this command's own sandbox. What the command prints is redacted before anybody
keeps it, in every encoding that the redactor knows.
"""

from __future__ import annotations

import codecs
import os
import secrets
import shlex
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from factory_tui.adapters.processes import remove_tree
from factory_tui.adapters.secrets import OURS, Keys
from factory_tui.domain.environments import CredentialName
from factory_tui.domain.errors import WorldError
from factory_tui.domain.redaction import SHORTEST, Redactor, Stream
from factory_tui.engine.ports import Boundary, Limits, RunResult, Sandbox

MOST_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class Credential:
    """One secret that a deploy command needs, by name."""

    name: str
    """Of the variable that the command reads."""
    file: str = ""
    """Where the user keeps it, absolute; empty = the variable of that name in the factory's own environment."""
    as_file: bool = False
    """The command is given the path of a private file instead of the value."""


class DeployCommands:
    """Runs them, one sandbox each. `place` is a directory of ours, `repository` where no credential may lie."""

    def __init__(
        self, sandbox: Sandbox, redactor: Redactor, place: str | Path, repository: str, *, keys: Keys = OURS
    ) -> None:
        self._sandbox, self._redactor, self._keys = sandbox, redactor, keys
        self._place, self._repository = Path(place), os.path.realpath(repository)

    async def run(
        self,
        command: str,
        boundary: Boundary,
        credentials: Sequence[Credential],
        limits: Limits = Limits(),  # noqa: B008
        environment: Mapping[str, str] = os.environ,
        hear: Callable[[str], None] | None = None,
    ) -> RunResult:
        """The output is redacted, also where it is heard as it comes, line by line. Raises WorldError, and
        starts nothing, when a credential is missing, too short to be redacted, or lies where
        a seat could read or write it."""
        values = {one.name: self._value(one, environment) for one in credentials}
        for name, value in values.items():
            self._redactor.learn(name, value)
        private = self._place / f"deploy-{secrets.token_hex(8)}"
        private.mkdir(parents=True, mode=0o700)
        try:
            given = {one.name: self._given(one, values[one.name], private) for one in credentials}
            files = tuple(given[one.name] for one in credentials if one.as_file)
            walled = replace(
                boundary,
                writable=(*boundary.writable, *((str(private),) if files else ())),
                protected=(*boundary.protected, *files),
                environment={**boundary.environment, **given},
            )
            lines = _Lines(self._redactor, hear)
            result = await self._sandbox.run(["sh", "-c", command], walled, limits, lines.take if hear else None)
            lines.end()
        finally:
            remove_tree(private)
        return replace(result, output=self._redactor.data(result.output))

    def _given(self, one: Credential, value: str, private: Path) -> str:
        if not one.as_file:
            return value
        path = private / one.name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w") as file:
            file.write(value)
        return str(path)

    def _value(self, one: Credential, environment: Mapping[str, str]) -> str:
        value = self._read(one) if one.file else self._keys.get(one.name) or environment.get(one.name, "")
        if len(value.strip()) < SHORTEST:
            raise WorldError(
                what=f"the credential {one.name} is {'too short' if value.strip() else 'missing'}, so nothing was run",
                why=f"one under {SHORTEST} characters cannot be kept out of what the command prints",
                next_step=f"export {one.name} before the factory starts, or name its file in deploy.yaml",
            )
        return value

    def _read(self, one: Credential) -> str:
        path = os.path.realpath(one.file)
        problem, data = "", b""
        if not one.file.startswith("/") or path == self._repository or path.startswith(f"{self._repository}/"):
            problem = "it lies in the repository, where seats read"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.getuid():
                    problem = problem or "it is not yours alone to read: `chmod 600` it"
                data = file.read(MOST_BYTES)
        except OSError as error:
            problem = problem or f"it cannot be read: {error.strerror}"
        if problem:
            raise WorldError(
                what=f"the credential {one.name} is not taken from {one.file}",
                why=problem,
                next_step="keep it in a file of your own outside of the repository",
            )
        return data.decode("utf-8", "replace").rstrip("\n")


class _Lines:
    """What a command prints, in whole lines without secrets, while it runs."""

    def __init__(self, redactor: Redactor, hear: Callable[[str], None] | None) -> None:
        self._stream, self._hear = Stream(redactor), hear
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, data: bytes) -> None:
        self._say(self._stream.take(self._decoder.decode(data)))

    def end(self) -> None:
        rest = self._stream.end()
        self._say(f"{rest}\n" if rest else "")

    def _say(self, text: str) -> None:
        if text and self._hear is not None:
            self._hear(text)


class EnvironmentCommands:
    """Satisfies `deploy_ports.Commands`: argument lists, with credentials by the names that deploy.yaml gives."""

    def __init__(self, commands: DeployCommands) -> None:
        self._commands = commands

    async def run(
        self,
        argv: Sequence[str],
        boundary: Boundary,
        credentials: Sequence[CredentialName],
        limits: Limits,
        hear: Callable[[str], None] | None = None,
    ) -> RunResult:
        """Each argument reaches the program as it is written: nothing in it is read by a shell. Raises WorldError."""
        found = [_credential(one) for one in credentials]
        return await self._commands.run(f"exec {shlex.join(argv)}", boundary, found, limits, hear=hear)


def _credential(named: CredentialName) -> Credential:
    path = str(Path(named.file).expanduser()) if named.file else ""
    return Credential(name=named.name, file=path, as_file=named.as_file)
