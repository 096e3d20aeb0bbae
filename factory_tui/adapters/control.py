"""The control socket: how other commands reach a factory that runs.

A unix socket in the state place, for its owner alone: mode 0600, and the kernel is asked who called. One request is one
line of JSON, so is its answer; both name their version. No seat is ever shown the place it lies in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from factory_tui.domain.errors import FactoryError, Refusal, WorldError

VERSION = 1
LONGEST = 8_000_000
"""Bytes of one line."""
SECONDS = 20.0
"""That a command waits for an answer that needs no work."""

Handler = Callable[[bytes], Awaitable[Mapping[str, Any]]]
"""Takes the JSON of a request; raises FactoryError for a refusal."""


class ControlHeld(WorldError):
    """A factory answers at this socket already."""


class RemoteError(FactoryError):
    """What the running factory refused, in its own words."""

    def __init__(self, *, what: str, why: str, next_step: str, exit_code: int) -> None:
        super().__init__(what=what, why=why, next_step=next_step)
        self.exit_code = exit_code


# --- the factory's side --------------------------------------------------------------------------


@asynccontextmanager
async def serving(path: str, handler: Handler) -> AsyncIterator[None]:
    """Answers at `path` while the block runs. A socket left by a crash is replaced.

    Raises ControlHeld when somebody answers there, WorldError when the socket cannot be made.
    """
    listening = _bind(path)
    mark = _mark(path)
    calls: set[asyncio.Task[None]] = set()

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        calls.add(task)
        try:
            await _converse(reader, writer, handler)
        except (OSError, asyncio.CancelledError):
            # The caller has gone, or the factory ends: either way nobody waits for the answer any more.
            pass
        finally:
            calls.discard(task)
            writer.close()

    server = await asyncio.start_unix_server(call, sock=listening, limit=LONGEST)
    try:
        yield
    finally:
        server.close()
        for task in tuple(calls):
            task.cancel()
        if calls:
            await asyncio.wait(tuple(calls))
        _take_away(path, mark)


def _mark(path: str) -> os.stat_result:
    return Path(path).lstat()


def _take_away(path: str, mark: os.stat_result) -> None:
    """Only the socket that we made: another factory may have put its own there."""
    with contextlib.suppress(OSError):
        if os.path.samestat(_mark(path), mark):
            Path(path).unlink()


def _bind(path: str) -> socket.socket:
    _clear(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mode is there from the first moment; the directory is ours alone besides.
    before = os.umask(0o177)
    try:
        listening.bind(path)
    except OSError as error:
        listening.close()
        raise WorldError(
            what=f"the control socket {path} cannot be made: {error.strerror or error}",
            next_step="make its directory writable for yourself",
        ) from error
    finally:
        os.umask(before)
    listening.setblocking(False)
    return listening


def _clear(path: str) -> None:
    """Takes away what a crash left; whoever answers is left alone."""
    try:
        found = Path(path).lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.getuid():
        raise WorldError(
            what=f"{path} is in the way of the control socket",
            why="it is no socket of yours",
            next_step="look at what it is, and move it away",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.settimeout(2.0)
        try:
            knock.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            Path(path).unlink(missing_ok=True)
            return
        except OSError as error:
            raise ControlHeld(
                what=f"{path} does not answer: {error}", next_step="end the factory that has it"
            ) from error
    raise ControlHeld(
        what=f"a factory answers at {path}",
        why="one repository has one factory",
        next_step="use it: other commands reach it; or end it first",
    )


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    if not is_own(writer.get_extra_info("socket")):
        return
    while True:
        try:
            line = await reader.readline()
        except (ValueError, asyncio.LimitOverrunError):
            await _send(writer, _refused(Refusal(what=f"a request is at most {LONGEST} bytes")))
            return
        if not line.endswith(b"\n"):
            return
        await _send(writer, await _answer(line, handler))


async def _answer(line: bytes, handler: Handler) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError:
        return _refused(Refusal(what="the request is no line of JSON"))
    if not isinstance(request, dict) or request.get("v") != VERSION:
        return _refused(
            Refusal(
                what="the command and the running factory speak different versions",
                why=f"this factory speaks {VERSION}",
                next_step="end the factory and start it again with the version of the command",
            )
        )
    try:
        answer = await handler(json.dumps(request.get("request")).encode())
    except FactoryError as error:
        return _refused(error)
    return {"v": VERSION, "ok": True, "answer": answer}


def _refused(error: FactoryError) -> dict[str, Any]:
    told = {"what": error.what, "why": error.why, "next": error.next_step, "exit_code": error.exit_code}
    return {"v": VERSION, "ok": False, "error": told}


async def _send(writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()


def is_own(connection: Any) -> bool:
    """Whether the process at the other end is the same user's. Where the kernel cannot say, the mode must do."""
    wanted = getattr(socket, "SO_PEERCRED", None)
    if wanted is None:
        return True
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, wanted, size))
    return bool(uid == os.getuid())


# --- the command's side --------------------------------------------------------------------------


def ask(path: str, request: Mapping[str, Any], *, seconds: float | None = SECONDS) -> Any:
    """The running factory's answer; None when none runs. Blocks.

    Raises RemoteError for its refusal, WorldError when it does not answer within `seconds` (None = however long).
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise WorldError(what=f"the control socket {path} cannot be reached: {error}") from error
        try:
            connection.sendall(json.dumps({"v": VERSION, "request": dict(request)}).encode() + b"\n")
            with connection.makefile("rb") as lines:
                line = lines.readline(16 * LONGEST)
        except TimeoutError as error:
            raise WorldError(
                what=f"the running factory did not answer within {seconds:g} s",
                next_step="look at its terminal; `factory status` reads the ledger without it",
            ) from error
        except OSError as error:
            raise _silent(path) from error
    if not line.endswith(b"\n"):
        raise _silent(path)
    answer = json.loads(line)
    if answer.get("ok") is True:
        return answer["answer"]
    told = answer.get("error", {})
    raise RemoteError(
        what=told.get("what", "the running factory refused"),
        why=told.get("why", ""),
        next_step=told.get("next", ""),
        exit_code=int(told.get("exit_code", 1)),
    )


def _silent(path: str) -> WorldError:
    return WorldError(
        what="the running factory ended the conversation",
        why=f"{path} was closed before an answer came",
        next_step="`factory status` shows what was recorded",
    )
