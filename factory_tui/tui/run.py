"""Starting the cockpit, and every way out of it: a key, a closed terminal, a signal, a mistake of ours.

Whatever happens, the session ends with its digest and the terminal is given back.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from factory_tui.tui.skeleton import FRAME, Skeleton

if TYPE_CHECKING:
    from factory_tui.domain.preferences import Look, Preferences
    from factory_tui.domain.state import State
    from factory_tui.tui.app import Cockpit
    from factory_tui.tui.keymap import Keys
    from factory_tui.tui.view import Door

ESCAPE_MILLISECONDS = "25"
"""How long after Esc the rest of a sequence may come before it was the key alone."""
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
SECONDS_TO_LEAVE = 5.0
"""In which the screen closes by itself once it was told to end; then the session ends without it."""
SECONDS_TO_CLOSE = 120.0
"""For turns to be interrupted and kept and the digest to be written, where the screen had to be left behind."""
SECONDS_TO_NOTICE = 1.0
"""How long a terminal may be gone before that is seen, where nothing tells of it."""
REASONS = {
    signal.SIGTERM: "ended by SIGTERM",
    signal.SIGHUP: "the terminal was closed",
    signal.SIGINT: "ended with Ctrl-C",
}


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """How the cockpit was left."""

    digest: str
    """Its absolute path; empty = no session was open."""
    reason: str
    crash: BaseException | None = None
    log: str = ""
    """Where the crash is described in full."""
    takes_over: bool = False
    """It only looked on, and shall be opened again: the session that it looked on has ended."""

    @property
    def exit_code(self) -> int:
        from factory_tui.domain.errors import FactoryError

        if isinstance(self.crash, FactoryError):
            return self.crash.exit_code
        return 3 if self.crash is not None else 0


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """How the cockpit looks, from the user's own preferences and the environment."""

    theme: str = "dark"
    ascii_only: bool = False


def looks_from(environment: Mapping[str, str], wish: Look | None = None) -> Looks:
    """NO_COLOR means monochrome; a terminal without UTF-8 gets ASCII signs. What was wished for comes first, except
    that NO_COLOR is obeyed by every colour."""
    from factory_tui.tui.palette import THEMES

    theme = environment.get("FACTORY_THEME") or (wish.theme if wish else None) or "dark"
    if environment.get("NO_COLOR"):
        theme = "mono"
    names = ["LC_ALL", "LC_CTYPE", "LANG"]
    if environment.get("LANG") in ("C", "POSIX") and environment.get("LC_CTYPE") == "C.UTF-8":
        names.remove("LC_CTYPE")  # the interpreter itself puts it there, whatever the terminal can show
    coding = next((environment[name] for name in names if environment.get(name)), "")
    ascii_only = not coding.lower().replace("-", "").endswith("utf8")
    if wish is not None and wish.ascii is not None:
        ascii_only = wish.ascii
    return Looks(
        theme=theme if theme in THEMES else "dark", ascii_only=ascii_only or bool(environment.get("FACTORY_ASCII"))
    )


def config_dir(environment: Mapping[str, str]) -> Path:
    """The user's own, never a repository's."""
    return Path(environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "/"), ".config")) / "factory"


def run_cockpit(
    door: Callable[[], Door],
    *,
    title: str = "factory",
    environment: Mapping[str, str] | None = None,
    skeleton: Skeleton | None = None,
    preferences: Callable[[], Preferences] | None = None,
    glimpse: Callable[[], State | None] = lambda: None,
) -> Left:
    """Opens the cockpit on a factory and returns when it was left. `door` is called after the first imports, and so is
    `preferences`; what is wrong with those is said on the screen, and the usual ones hold.

    Paint the skeleton before anything heavy is imported, and hand it in when it is not the process's own `FRAME`; else
    it is painted here. `glimpse` is what the first frame shows of a factory that is still opening.
    """
    environment = os.environ if environment is None else environment
    frame = skeleton or FRAME
    frame.paint(title)
    os.environ.setdefault("TEXTUAL_FPS", "120")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("ESCDELAY", ESCAPE_MILLISECONDS)
    gc.disable()
    try:
        from factory_tui.tui.app import Cockpit
        from factory_tui.tui.escapes import read_apart
        from factory_tui.tui.terminal import steady

        keys, problems = keys_from(config_dir(environment) / "keys.toml")
        wishes, wrong = _wishes(preferences)
        looks = looks_from(environment, wishes.look)
        app = Cockpit(
            door(),
            keys=keys,
            theme=looks.theme,
            ascii_only=looks.ascii_only,
            problems=(*problems, *wrong),
            preferences=wishes,
            environment=environment,
            glimpse=glimpse(),
        )
        read_apart(app.driver_class, lambda: app.room is not None and app.room.is_typing)
        app.driver_class = steady(app.driver_class)
        sys.setswitchinterval(0.001)
        frame.handed_over()
        # GNU screen with the mouse on holds Esc back until the next key: there the mouse stays the terminal's own.
        return asyncio.run(_live(app, mouse=not environment.get("STY")))
    finally:
        gc.enable()
        frame.restore()


def keys_from(path: Path) -> tuple[Keys, tuple[str, ...]]:
    """The keys in force, and what is wrong with the supervisor's own file; without one the usual keys."""
    from factory_tui.tui.keymap import Keys, read_keys

    try:
        return read_keys(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        return Keys(), ()
    except UnicodeDecodeError:
        why = "it is no UTF-8 text"
    except OSError as error:
        why = error.strerror or str(error)
    return Keys(), (f"{path} cannot be read: {why}; the usual keys are in force",)


def _wishes(read: Callable[[], Preferences] | None) -> tuple[Preferences, tuple[str, ...]]:
    """What is wished for, and what is wrong with that."""
    from factory_tui.domain.errors import FactoryError
    from factory_tui.domain.preferences import Preferences

    try:
        return (read() if read is not None else Preferences()), ()
    except FactoryError as error:
        return Preferences(), (f"{error.what}; the usual preferences hold. {error.next_step}".strip(),)


async def _live(app: Cockpit, *, mouse: bool) -> Left:
    """The cockpit from its first frame to the digest."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in ENDING:
        loop.add_signal_handler(number, _end, app, number, told)
    loop.call_later(2.0, _settle)
    _watch_terminal(app, told)
    digest = ""
    crash: BaseException | None = None
    try:
        await _until_left(asyncio.ensure_future(app.run_async(mouse=mouse)), told)
    except Exception as error:
        crash = error
    crash = app.crash or crash
    reason = app.reason or (f"the cockpit crashed: {type(crash).__name__}" if crash else "the supervisor ended it")
    try:
        digest = await app.door.close(reason, app.words)
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)
    return Left(
        digest=digest, reason=reason, crash=crash, log=_write_log(crash) if crash else "", takes_over=app.takes_over
    )


async def _until_left(screen: asyncio.Future[None], told: asyncio.Event) -> None:
    """Until the screen has closed; or until it was told to and did not, whatever it is busy with: the digest matters
    more. Raises what the screen raised."""
    ending = asyncio.ensure_future(told.wait())
    either: list[asyncio.Future[Any]] = [screen, ending]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    for _ in range(2):
        done, _pending = await asyncio.wait([screen], timeout=SECONDS_TO_LEAVE if told.is_set() else None)
        if done:
            break
        screen.cancel()
    if not screen.done() or screen.cancelled():
        # What does not let itself be cancelled keeps the process no longer than the digest takes.
        last = threading.Timer(SECONDS_TO_CLOSE, os._exit, (1,))
        last.daemon = True
        last.start()
        return
    screen.result()


def _watch_terminal(app: Cockpit, told: asyncio.Event) -> None:
    """Ends as SIGHUP does once the terminal is gone; without it the input would be read for ever, and find nothing."""
    from factory_tui.tui import terminal

    if terminal.has_hung_up():
        _end(app, signal.SIGHUP, told)
    else:
        asyncio.get_running_loop().call_later(SECONDS_TO_NOTICE, _watch_terminal, app, told)


def _settle() -> None:
    """What was made up to the first frames lives as long as the program: it is not looked through again, not even now,
    because that would hold up the screen for a fifth of a second."""
    gc.freeze()
    gc.enable()


def _end(app: Cockpit, number: int, told: asyncio.Event) -> None:
    if app.is_away and number == signal.SIGINT:
        return
    from factory_tui.tui import terminal

    if number == signal.SIGHUP:
        terminal.is_gone()
    told.set()
    app.leave(REASONS[signal.Signals(number)])


def _write_log(crash: BaseException) -> str:
    """The whole traceback, in a file that only the user can read."""
    try:
        handle, path = tempfile.mkstemp(prefix="factory-crash-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write("".join(traceback.format_exception(crash)))
        return path
    except OSError:
        return ""


def told(left: Left) -> str:
    """What is said on the plain terminal afterwards: calm, whatever it was."""
    lines = []
    if left.crash is not None and left.exit_code == 3:
        lines += [
            "The cockpit has closed because of a mistake of ours. Nothing was lost: everything is in the ledger.",
            f"  what: {type(left.crash).__name__}: {str(left.crash)[:200]}",
            f"  log:  {left.log}",
            "  next: `factory resume` goes on; if the terminal looks odd, run `reset`",
        ]
    elif left.crash is not None:
        lines.append(str(left.crash))
    if left.digest:
        lines.append(f"digest: {left.digest} ({left.reason})")
    return "\n".join(lines)
