"""Over SSH outside tmux: closing the terminal stops the crew. Says so, and opens the same again in tmux on one key."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from factory_tui.cli.speech import hint
from factory_tui.domain.preferences import Preferences
from factory_tui.tui.skeleton import FRAME

_CARRIED = re.compile(r"(?:XDG_|FACTORY_|SSH_|LC_|LANG$|COLORTERM$|NO_COLOR$|PATH$)")
"""What a tmux server that runs already would not know."""


def is_fragile(environment: Mapping[str, str]) -> bool:
    """Whether a lost connection would end this terminal, and with it the crew."""
    far = any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"))
    return far and not environment.get("TMUX") and not environment.get("STY")


def tmux_command(words: Sequence[str], name: str, directory: str, environment: Mapping[str, str]) -> list[str]:
    """The same command in a tmux session of its own; attaches to it when it runs already."""
    session = "factory-" + re.sub(r"[^A-Za-z0-9_-]", "-", name)[:40]
    carried = [
        part for key in sorted(environment) if _CARRIED.match(key) for part in ("-e", f"{key}={environment[key]}")
    ]
    return ["tmux", "new-session", "-A", "-s", session, "-c", directory, *carried, "--", *words]


def offer_tmux(name: str, preferences: Preferences) -> None:
    """Returns when the cockpit shall open here; does not return when it opens in tmux."""
    wish = preferences.ssh.tmux
    if wish == "never" or not is_fragile(os.environ):
        return
    if shutil.which("tmux") is None:
        hint("Closing this terminal stops the crew; its work is kept. With tmux installed it could go on without you.")
        return
    if wish == "ask":
        key = _key_after(
            "You are here over SSH, outside tmux: closing this terminal stops the crew (its work is kept).\n"
            "  t      open this in tmux, where the crew goes on without you\n"
            "  Enter  go on here\n"
            '  (`tmux = "always"` or "never" under [ssh] in cockpit.toml asks no more)'
        )
        if key != "t":
            return
    FRAME.restore()
    command = tmux_command(sys.orig_argv, name, str(Path.cwd()), os.environ)
    os.execvp(command[0], command)  # noqa: S606 -- it takes this process's place, with an argument list


def _key_after(question: str) -> str:
    """One key, without Enter. What was typed before the question is dropped, nothing that was typed after it."""
    import termios
    import tty

    FRAME.restore()  # and with it how the terminal was set before
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        hint(question)
        return os.read(descriptor, 1).decode("utf-8", "replace")
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
