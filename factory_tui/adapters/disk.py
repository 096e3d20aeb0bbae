"""The one seam between what must survive and the operating system.

Whatever writes something durable goes through a `Disk`, so that a test can pass a simulated one that loses, tears and
fails where a real one would. No policy here: each method is one system call, or the fewest that make sense together.
"""

from __future__ import annotations

import fcntl
import os
import stat


class Disk:
    """The real one. Every method may raise OSError; descriptors are never inherited by other programs."""

    def open(self, path: str) -> int:
        """Open for reading and writing; create with 0600. A symlink or anything but a regular file is an OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError("not a regular file")
        return descriptor

    def create(self, path: str) -> int:
        """Open a new file with 0600. FileExistsError when there is one."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def read(self, path: str, start: int = 0) -> bytes:
        """The file from a byte on. A symlink or anything but a regular file is an OSError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("not a regular file")
            file.seek(start)
            return file.read()

    def size(self, path: str) -> int:
        """Bytes of a file."""
        return os.stat(path, follow_symlinks=False).st_size  # noqa: PTH116 - paths are strings here

    def write(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
        """Write at a place; how many bytes were taken, which may be fewer than given."""
        return os.pwrite(descriptor, data, offset)

    def cut(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Returns once the bytes, and the size they need, are on the device."""
        os.fdatasync(descriptor)

    def sync_directory(self, path: str) -> None:
        """Returns once the names in a directory are on the device."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock(self, descriptor: int) -> bool:
        """Take the file for as long as the descriptor is open; False when another process has it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def is_locked(self, path: str) -> bool:
        """Whether somebody has taken the file. It is not changed; where it is free, it is shared for an instant."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new)  # noqa: PTH104 - paths are strings here

    def remove(self, path: str) -> None:
        os.unlink(path)  # noqa: PTH108 - paths are strings here

    def close(self, descriptor: int) -> None:
        os.close(descriptor)


def write_all(disk: Disk, descriptor: int, data: bytes, offset: int) -> None:
    """Write every byte, going on after short writes. Raises OSError; then an unknown part was written."""
    view = memoryview(data)
    done = 0
    while done < len(view):
        taken = disk.write(descriptor, view[done:], offset + done)
        if taken <= 0:
            raise OSError("the device took no byte")
        done += taken


def write_new(disk: Disk, path: str, data: bytes) -> None:
    """A new file with these bytes, synced; its name is durable after `sync_directory`. Raises OSError."""
    descriptor = disk.create(path)
    try:
        write_all(disk, descriptor, data, 0)
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
