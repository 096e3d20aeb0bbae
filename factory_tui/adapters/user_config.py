"""The user's own settings, outside of every repository: the only place where a wall can be given up.

`$XDG_CONFIG_HOME/factory/config.toml`. Nothing that a seat can write is ever read here; a file that somebody else
could have written is refused.
"""

from __future__ import annotations

import os
import pwd
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from factory_tui.domain.errors import FactoryError


class UserConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the user decided for this machine."""

    path: str
    accept_degraded: bool = False
    """Seats may run commands without a wall, in a session for which the supervisor accepts it once more."""
    container: bool = False
    """Where bwrap is not, or does not hold, a container may be the wall; believed once it was tried, like any other."""


def config_directory(environment: Mapping[str, str]) -> str:
    named = environment.get("XDG_CONFIG_HOME", "")
    if named.startswith("/"):
        return f"{named}/factory"
    home = environment.get("HOME", "")
    return f"{home if home.startswith('/') else pwd.getpwuid(os.getuid()).pw_dir}/.config/factory"


def read_user_config(environment: Mapping[str, str], repository: str) -> UserConfig:
    """Raises FactoryError for a file that is wrong, in the repository, or that others could write."""
    path = Path(config_directory(environment)) / "config.toml"
    try:
        status = path.stat()
    except OSError:
        return UserConfig(path=str(path))
    must_be_the_users_own(path, status, repository)
    try:
        wall = tomllib.loads(path.read_text()).get("wall", {})
    except (OSError, ValueError) as error:
        raise _wrong(path, f"cannot be read: {error}") from error
    if not isinstance(wall, dict) or not wall.keys() <= {"accept", "container"}:
        raise _wrong(path, "knows `accept` and `container` under [wall] and nothing else there")
    accept, container = wall.get("accept", ""), wall.get("container", False)
    if accept not in ("", "DEGRADED") or not isinstance(container, bool):
        raise _wrong(path, '`accept` is "DEGRADED" or absent, `container` is true or false')
    return UserConfig(path=str(path), accept_degraded=accept == "DEGRADED", container=container)


def must_be_the_users_own(path: Path, status: os.stat_result, repository: str, why: str = "") -> None:
    """Raises FactoryError for a file in the repository, or one that somebody else could have written. `why` says what
    it decides."""
    real = Path(os.path.realpath(path))
    if real.is_relative_to(os.path.realpath(repository)):
        raise _wrong(path, "lies in the repository, where seats write", why)
    for what in (status, real.parent.stat()):
        if what.st_uid not in (os.getuid(), 0) or what.st_mode & stat.S_IWOTH:
            raise _wrong(path, "could have been written by somebody else", why)


def _wrong(path: Path, problem: str, why: str = "") -> FactoryError:
    return FactoryError(
        what=f"{path} {problem}",
        why=why or "it decides whether seats run without a wall",
        next_step="correct it, or move it away",
    )
