"""The state place: where a repository's factory keeps what must be neither in the tree nor in a seat's reach.

`$XDG_STATE_HOME/factory/<repo id>/`, for its owner's eyes only. Whoever can write here is the supervisor, so a place
that somebody else could have prepared is refused, and so is one that a checkout, `git clean` or a seat would reach.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from factory_tui.adapters.disk import Disk, write_new
from factory_tui.domain.errors import FactoryError

_REPO_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LONGEST_SOCKET = 107
"""Bytes of a path that AF_UNIX takes on Linux."""
_DIRECTORIES = ("evidence", "worktrees", "exports", "prepared", "keys")


def new_repo_id() -> str:
    """A random id, 32 hex digits, for a home that has none yet."""
    return secrets.token_hex(16)


class _Owner(msgspec.Struct, frozen=True):
    git_dir: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the checkout that asked is the one this state place belongs to."""

    git_dir: str
    """Who asked, absolute."""
    owner: str
    """Whose it is, absolute."""
    owner_exists: bool
    """False: the other checkout is gone; most likely it was moved to where the question comes from."""

    @property
    def ok(self) -> bool:
        return self.git_dir == self.owner

    def __str__(self) -> str:
        if self.ok:
            return "ok"
        gone = "" if self.owner_exists else ", which is gone"
        return f"belongs to another checkout {self.owner}{gone}"


class StatePlace(msgspec.Struct, frozen=True, kw_only=True):
    """The paths of one repository's state place; made by `open_state_place`."""

    root: str
    repo_id: str
    runtime_directory: str = ""
    """`$XDG_RUNTIME_DIR`, empty when there is none: where the socket goes when its own path is too long."""
    temporary_directory: str = "/tmp"  # noqa: S108 - only below a directory of our own, whose owner and mode are checked

    @property
    def ledger(self) -> str:
        return f"{self.root}/ledger.jsonl"

    @property
    def evidence(self) -> str:
        return f"{self.root}/evidence"

    @property
    def worktrees(self) -> str:
        return f"{self.root}/worktrees"

    @property
    def exports(self) -> str:
        return f"{self.root}/exports"

    @property
    def prepared(self) -> str:
        return f"{self.root}/prepared"

    @property
    def keys(self) -> str:
        return f"{self.root}/keys"

    def control_socket(self) -> str:
        """A path short enough for a socket, in a directory only we can enter. Raises FactoryError when there is none.

        The same answer for everybody who asks with the same environment, so that a command finds the factory.
        """
        own = f"{self.root}/control.sock"
        if _fits(own):
            return own
        directories = [f"{self.temporary_directory}/factory-{os.getuid()}"]
        if self.runtime_directory.startswith("/"):
            directories.insert(0, f"{self.runtime_directory}/factory")
        for directory in directories:
            path = f"{directory}/{self._short_name()}.sock"
            if _fits(path) and Path(directory).parent.is_dir():
                _make_private(Path(directory))
                return path
        raise FactoryError(
            what=f"no path is short enough for the control socket: {own} has {len(os.fsencode(own))} bytes",
            why=f"the system takes {_LONGEST_SOCKET}",
            next_step="set XDG_RUNTIME_DIR to a short directory of your own",
        )

    def _short_name(self) -> str:
        """Of this place and no other: two state places of one repository are two factories."""
        return f"{self.repo_id[:12]}-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]}"

    def claim(self, git_dir: str) -> Claim:
        """Ask for this place on behalf of a checkout's git directory; the first who asks gets it.

        A linked worktree asks with the common git directory. What to do with a refusal is the caller's to decide.
        """
        asking = os.path.realpath(git_dir)
        owner = self._owner()
        if owner is None:
            self._write_owner(asking, replace=False)
            owner = self._owner() or asking
        return Claim(git_dir=asking, owner=owner, owner_exists=Path(owner).exists())

    def take_over(self, git_dir: str) -> Claim:
        """Make the place belong to this checkout, because the supervisor decided so."""
        self._write_owner(os.path.realpath(git_dir), replace=True)
        return self.claim(git_dir)

    def _owner(self) -> str | None:
        path = f"{self.root}/owner.json"
        try:
            return msgspec.json.decode(Disk().read(path), type=_Owner).git_dir
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise FactoryError(
                what=f"{path} cannot be read: {error}",
                why="it says which checkout this state belongs to",
                next_step=f"move it away; the next checkout that starts a factory gets {self.root}",
            ) from error

    def _write_owner(self, git_dir: str, *, replace: bool) -> None:
        path, disk = f"{self.root}/owner.json", Disk()
        part = f"{path}.part-{secrets.token_hex(8)}"
        try:
            write_new(disk, part, msgspec.json.encode(_Owner(git_dir=git_dir)))
            if replace:
                disk.rename(part, path)
            else:
                # A link, unlike a rename, does not replace what another process put there a moment ago.
                with contextlib.suppress(FileExistsError):
                    Path(path).hardlink_to(part)
                disk.remove(part)
            disk.sync_directory(self.root)
        except OSError as error:
            raise FactoryError(
                what=f"{path} cannot be written: {error.strerror or error}", next_step=f"make {self.root} writable"
            ) from error


def open_state_place(
    repo_id: str,
    *,
    repository: str,
    git_dir: str = "",
    environment: Mapping[str, str],
    temporary_directory: str = "/tmp",  # noqa: S108
) -> StatePlace:
    """The state place of a repository, made with mode 0700 where it is missing.

    `repository` is the top of the checkout, `git_dir` its git directory where that lies elsewhere. Raises FactoryError
    when the id is no id, when the place lies inside the repository, or when somebody else owns it or could write to it.
    """
    if not _REPO_ID.fullmatch(repo_id):
        raise FactoryError(
            what=f"{repo_id[:80]!r} is not a repository id",
            why="an id is 32 hex digits; it becomes part of a path",
            next_step="restore it in the home from git's history, or let `factory init` make a new one",
        )
    base = Path(_state_home(environment))
    root = base / "factory" / repo_id
    for forbidden in (repository, *((git_dir,) if git_dir else ())):
        if Path(os.path.realpath(root)).is_relative_to(os.path.realpath(forbidden)):
            raise FactoryError(
                what=f"the state place {root} lies inside the repository {forbidden}",
                why="a checkout, `git clean` or a seat could reach the ledger there",
                next_step="set XDG_STATE_HOME to a directory outside the repository",
            )
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_base(base)
        _make_private(base / "factory")
        _make_private(root)
        for name in _DIRECTORIES:
            _make_private(root / name)
        for made in (root, base / "factory", base):
            Disk().sync_directory(str(made))
    except OSError as error:
        raise FactoryError(
            what=f"the state place {root} cannot be made: {error.strerror or error}",
            why=f"at {error.filename}" if error.filename else "",
            next_step="mend that, or set XDG_STATE_HOME to a directory you can write to",
        ) from error
    return StatePlace(
        root=str(root),
        repo_id=repo_id,
        runtime_directory=environment.get("XDG_RUNTIME_DIR", ""),
        temporary_directory=temporary_directory,
    )


def _state_home(environment: Mapping[str, str]) -> str:
    # The XDG specification has relative paths ignored: they would depend on where a command was typed.
    named = environment.get("XDG_STATE_HOME", "")
    if named.startswith("/"):
        return named
    home = environment.get("HOME", "")
    return f"{home if home.startswith('/') else pwd.getpwuid(os.getuid()).pw_dir}/.local/state"


def _check_base(base: Path) -> None:
    """It may be a link and belong to anybody, but nobody may swap what is ours in it."""
    status = base.stat()
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise FactoryError(
            what=f"everybody may write to {base}",
            why="somebody else could put a ledger of theirs in place of yours",
            next_step=f"chmod o-w {base}",
        )


def _make_private(path: Path) -> None:
    """A directory of ours that nobody else enters: made, or found so. Raises FactoryError when it is anything else."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    why, next_step = "", f"look at what it is; move it away if it is not yours, or set XDG_STATE_HOME: {path}"
    if stat.S_ISLNK(status.st_mode):
        why = "it is a symbolic link, and what it points to can be changed by others"
    elif not stat.S_ISDIR(status.st_mode):
        why = "it is not a directory"
    elif status.st_uid != os.getuid():
        why = f"it belongs to user {status.st_uid}, you are user {os.getuid()}"
    elif status.st_mode & 0o077:
        why = f"its mode is {stat.S_IMODE(status.st_mode):04o}: other users of this machine can look or write there"
        next_step = f"chmod 700 {path}"
    if why:
        raise FactoryError(what=f"{path} is not safe to keep a ledger in", why=why, next_step=next_step)


def _fits(path: str) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_SOCKET


def log_directory(environment: Mapping[str, str]) -> str:
    """Where mistakes of ours are written down, for all repositories, made where it is missing. Raises FactoryError."""
    base = Path(_state_home(environment))
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in (base / "factory", base / "factory" / "log"):
            _make_private(place)
    except OSError as error:
        raise FactoryError(what=f"{base}/factory/log cannot be made: {error.strerror or error}") from error
    return str(base / "factory" / "log")
