"""Reading `cockpit.toml`, the user's own: how the cockpit looks, rings, notifies and copies.

It may name a command to run, so nothing that a seat could have written is ever read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from factory_tui.adapters.user_config import config_directory, must_be_the_users_own
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.preferences import Preferences

NAME = "cockpit.toml"


def read_preferences(environment: Mapping[str, str], repository: str) -> Preferences:
    """The usual ones where there is no file. Raises FactoryError, with file and line, for one that is wrong, lies in
    the repository, or could have been written by somebody else."""
    path = Path(config_directory(environment)) / NAME
    try:
        status = path.stat()
    except OSError:
        return Preferences()
    must_be_the_users_own(path, status, repository, "it may name a command that runs as you")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(path=str(path), problem=f"cannot be read: {error}") from error
    return parse_preferences(str(path), text)


def parse_preferences(path: str, text: str) -> Preferences:
    """Raises DocumentError for the first thing that is wrong, at its line."""
    from factory_tui.adapters.schema import typed
    from factory_tui.adapters.toml_text import read_toml

    document = read_toml(path, text)
    found = typed(document, Preferences)
    if found.away.minutes <= 0:
        raise document.error("a time away is longer than nothing", "away", "minutes", next_step="Write `minutes = 10`.")
    if found.notify.how == "command" and not found.notify.command:
        raise document.error(
            '`how = "command"` names no command',
            "notify",
            "how",
            next_step='Add `command = ["notify-send", "Factory"]` below it.',
        )
    return found
