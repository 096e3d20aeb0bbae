"""How a command ends: the one handler that everything raised comes to, and the exit codes.

0 done, 1 findings, 2 wrong use, 3 our mistake, 4 waits for the supervisor, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from factory_tui.cli.speech import harmless
from factory_tui.domain.errors import FactoryError
from factory_tui.tui.skeleton import FRAME

if TYPE_CHECKING:
    import click

DONE, FINDINGS, WRONG_USE, OUR_MISTAKE, WAITS, INTERRUPTED = 0, 1, 2, 3, 4, 130


class Ended(Exception):
    """The command is over with this exit code, and has said why."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(str(exit_code))


def ended(command: Callable[[], object]) -> int:
    """Runs a command to its end, whatever that is, and returns the exit code. Errors are told on stderr."""
    try:
        command()
        _flush()
    except Ended as end:
        return end.exit_code if _flush() else FINDINGS
    except FactoryError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        _nobody_reads()
        return DONE
    except OSError as error:
        if error.errno == errno.EIO and not os.isatty(1):
            # The terminal was closed while something was said: that is no mistake of ours.
            _nobody_reads()
            return INTERRUPTED
        return _raised(error)
    except Exception as error:
        return _raised(error)
    finally:
        FRAME.take_back()
    return DONE


def _nobody_reads() -> None:
    """Whoever read has gone; what is left to say has no reader, and the interpreter shall not try it again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)


def _raised(error: Exception) -> int:
    import click  # the cockpit's way in and out does without it

    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.UsageError():
            return _wrong_use(error)
        case click.ClickException():
            _say(error.format_message())
            return FINDINGS
        case click.Abort():
            return _interrupted()
        case _:
            return _our_mistake(error)


def _interrupted() -> int:
    _say("interrupted")
    return INTERRUPTED


def _flush() -> bool:
    sys.stdout.flush()
    return True


def _wrong_use(error: click.UsageError) -> int:
    where = error.ctx.command_path if error.ctx else "factory"
    _say(f"{error.format_message()}\n  next: `{where} --help`")
    return WRONG_USE


def _our_mistake(error: Exception) -> int:
    report = "".join(traceback.format_exception(error))
    path = _write_log(f"factory {' '.join(sys.argv[1:])}\n\n{report}")
    where = f"the whole story is in {path}" if path else "the story could not be written down; set FACTORY_TRACEBACK=1"
    _say(
        f"a mistake of ours: {type(error).__name__}: {error}\n"
        f"  why:  {where}\n"
        "  next: send us that file; the ledger is as it was, `factory verify` shows it"
    )
    if os.environ.get("FACTORY_TRACEBACK"):
        _say(report)
    return OUR_MISTAKE


def _write_log(text: str) -> str:
    """Where it was written; empty when it could not be."""
    from factory_tui.adapters.clock import SystemClock
    from factory_tui.adapters.state_place import log_directory

    try:
        name = SystemClock().now().replace(":", "").replace(".", "-")
        path = Path(log_directory(os.environ)) / f"mistake-{name}-{os.getpid()}.log"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return str(path)
    except (OSError, FactoryError):
        return ""


def _say(text: str) -> None:
    FRAME.take_back()
    try:
        print(harmless(text), file=sys.stderr, flush=True)
    except OSError:
        return
