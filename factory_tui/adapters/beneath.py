"""Opening a path beneath a directory, whatever is swapped while it happens.

The only way from a seat's path to a descriptor. The path is never checked and then opened: the kernel resolves it
beneath a held directory in one call (`openat2`), or, where it cannot, every component is opened in turn below the one
before without following a link. A link is refused even when it stays inside: what was permitted is the path as named.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from factory_tui.domain.errors import WorldError

_OPENAT2 = 437
"""The number of the system call, the same on every architecture."""
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PLAIN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
MOST_CHARACTERS = 4_000


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class Beneath:
    """One held directory and the ways into it. `use_kernel` is off in tests of the walk."""

    def __init__(self, root: int, use_kernel: bool) -> None:
        self._root = root
        self._use_kernel = use_kernel

    def directory(self, path: str) -> int:
        """A descriptor of that directory; the caller closes it. Raises WorldError."""
        return self._open(path, _DIRECTORY)

    def file(self, path: str) -> int:
        """A descriptor of that plain file, to read; the caller closes it. Raises WorldError for anything else."""
        descriptor = self._open(path, _PLAIN)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise WorldError(what=f"`{path}` is no plain file", next_step="name a file")
        return descriptor

    def is_directory(self, path: str) -> bool:
        """Whether a directory is there. Raises WorldError when nothing, or something closed to us, is."""
        descriptor = self._open(path, _PLAIN)
        try:
            return stat.S_ISDIR(os.fstat(descriptor).st_mode)
        finally:
            os.close(descriptor)

    def parent(self, path: str, *, make: bool = False) -> tuple[int, str]:
        """A descriptor of the directory that holds it, and its name there. With `make`, missing ones are made."""
        names = components(path)
        if not names:
            raise WorldError(what="the path names the whole directory", next_step="name a file below it")
        if not make:
            return self._open("/".join(names[:-1]), _DIRECTORY, shown=path), names[-1]
        here = os.dup(self._root)
        try:
            for name in names[:-1]:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o777, dir_fd=here)
                here = _into(here, name, _DIRECTORY)
        except OSError as error:
            os.close(here)
            raise _explained(path, error) from error
        return here, names[-1]

    def _open(self, path: str, flags: int, *, shown: str = "") -> int:
        names = components(path)
        try:
            if self._use_kernel:
                return _openat2(self._root, "/".join(names) or ".", flags)
            return _walk(self._root, names, flags)
        except OSError as error:
            raise _explained(shown or path, error) from error


@contextmanager
def beneath(directory: str, *, use_kernel: bool | None = None) -> Iterator[Beneath]:
    """Holds the directory open. Raises WorldError when it is gone."""
    try:
        root = os.open(directory, _DIRECTORY)
    except OSError as error:
        raise WorldError(
            what=f"the working directory {directory} cannot be opened: {error.strerror}",
            next_step="end the turn; the factory opens it anew",
        ) from error
    try:
        yield Beneath(root, kernel_has_openat2() if use_kernel is None else use_kernel)
    finally:
        os.close(root)


def components(path: str) -> list[str]:
    """The names on the way. Raises WorldError for an absolute path, `..`, a NUL or text that is no name."""
    problem = ""
    if path.startswith("/"):
        problem = "it is absolute"
    elif "\0" in path:
        problem = "it holds a NUL"
    elif len(path) > MOST_CHARACTERS:
        problem = f"it has {len(path)} characters, at most {MOST_CHARACTERS} are taken"
    elif not _is_name(path):
        problem = "it is no valid text"
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names:
        problem = "it climbs out with `..`"
    if problem:
        raise WorldError(
            what=f"`{path[:200]!s}` cannot be used: {problem}".encode("utf-8", "replace").decode(),
            why="a seat works beneath its own directory only",
            next_step="name the path relative to it, parted by `/`",
        )
    return names


def _is_name(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


@cache
def kernel_has_openat2() -> bool:
    """Whether the kernel, and whatever filters its calls, lets us resolve beneath a directory."""
    probe = os.open("/", _DIRECTORY)
    try:
        os.close(_openat2(probe, ".", _DIRECTORY))
    except OSError:
        return False
    finally:
        os.close(probe)
    return True


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _openat2(root: int, path: str, flags: int) -> int:
    how = _OpenHow(flags=flags, mode=0, resolve=_BENEATH | _NO_MAGICLINKS | _NO_SYMLINKS)
    name = os.fsencode(path)
    number = errno.EAGAIN
    for _ in range(64):
        found = _libc().syscall(_OPENAT2, root, ctypes.c_char_p(name), ctypes.byref(how), ctypes.sizeof(how))
        if found >= 0:
            return int(found)
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
        # The kernel saw a rename while it resolved, and asks to be asked again.
    raise OSError(number, os.strerror(number), path)


def _walk(root: int, names: list[str], flags: int) -> int:
    here = os.dup(root)
    if not names:
        return here
    try:
        for name in names[:-1]:
            here = _into(here, name, _DIRECTORY)
        return os.open(names[-1], flags | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)


def _into(here: int, name: str, flags: int) -> int:
    below = os.open(name, flags | os.O_NOFOLLOW, dir_fd=here)
    os.close(here)
    return below


def _explained(path: str, error: OSError) -> WorldError:
    match error.errno:
        case errno.ENOENT:
            return WorldError(what=f"there is no `{path}`", next_step="search, or read the folder to see its names")
        case errno.ELOOP | errno.EXDEV:
            return _link(path)
        case errno.ENOTDIR:
            # Without following links the kernel says the same of a link on the way and of a file.
            return WorldError(
                what=f"a part of `{path}` is a file or a link where a folder is needed",
                next_step="name the path without links",
            )
        case errno.EISDIR:
            return WorldError(what=f"`{path}` is a folder", next_step="name a file in it")
        case _:
            return WorldError(what=f"`{path}` cannot be opened: {error.strerror}", next_step="look at its folder")


def _link(path: str) -> WorldError:
    return WorldError(
        what=f"`{path}` is a link, or lies behind one",
        why="a link may lead anywhere, and what is permitted is the path as it is named",
        next_step="name the path it leads to, if that lies in this directory",
    )


def put(folder: int, name: str, path: str, data: bytes) -> bool:
    """Gives the name in that held directory to new bytes; the old file's permission bits stay. Whether there was an old
    file. `path` is how it is called in an error. Raises WorldError, also where a link or no plain file has the name."""
    mode: int | None = None
    fresh = f".factory-edit-{secrets.token_hex(8)}"
    try:
        with suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                raise through_a_link(path)
            if not stat.S_ISREG(status.st_mode):
                raise WorldError(what=f"`{path}` is no plain file", next_step="name a file")
            mode = stat.S_IMODE(status.st_mode) & 0o777
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(fresh, flags, 0o666, dir_fd=folder), "wb") as file:
            file.write(data)
            if mode is not None:
                os.fchmod(file.fileno(), mode)
        # A link that took the name meanwhile is replaced itself; what it pointed at is not touched.
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(fresh, dir_fd=folder)
        raise WorldError(
            what=f"`{path}` cannot be written: {error.strerror}", next_step="look at its folder, and at the free space"
        ) from error
    return mode is not None


def through_a_link(path: str) -> WorldError:
    return WorldError(
        what=f"`{path}` is a link", why="nothing is written through a link", next_step="edit the file it leads to"
    )
