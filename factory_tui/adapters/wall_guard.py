"""Whoever outlives a killed factory for a moment, to end the sandboxes that were just being built.

bwrap ends with its parent, but its child waits for it for ever when that happens before the sandbox stands. Then they
are still one process group; a shell that holds the other end of a pipe ends it once the factory is gone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import threading
from collections.abc import Iterator

_WATCH = """
all=' '
name=''
while read -r sign pid; do
  case "$sign" in
    +) all="$all$pid " ;;
    -) all="${all%% $pid *} ${all#* $pid }" ;;
    a) name=$pid ;;
    z) name='' ;;
  esac
done
if [ -n "$name" ]; then
  for found in $(grep -l -a -s -F -e "$name" /proc/[0-9]*/cmdline); do
    found=${found#/proc/}
    kill -s KILL "${found%/cmdline}"
  done
fi
for pid in $all; do kill -s KILL -- "-$pid"; done
"""
_LOCK = threading.Lock()
_STARTING = threading.Lock()
"""One start at a time: whoever watches knows one word."""
_PIPES: dict[int, int] = {}
"""Process id (after a fork the child has a watcher of its own) to the pipe's end."""


@contextlib.contextmanager
def starting() -> Iterator[str]:
    """Around the start of a process that is then told as `building`: gives a word that its command line must hold, by
    which it is found when the factory is killed before its number was told."""
    word = f"factory-{secrets.token_hex(12)}"
    with _STARTING:
        _tell(f"a {word}\n")
        try:
            yield word
        finally:
            _tell(f"z {word}\n")


def building(pid: int) -> None:
    """A sandbox of this process group is being built."""
    _tell(f"+ {pid}\n")


def stands(pid: int) -> None:
    """It stands or is gone: from here on the kernel ends it with the factory."""
    _tell(f"- {pid}\n")


def _tell(line: str) -> None:
    with _LOCK, contextlib.suppress(OSError):
        if os.getpid() not in _PIPES:
            _PIPES[os.getpid()] = _start()
        os.write(_PIPES[os.getpid()], line.encode())


def _start() -> int:
    read, write = os.pipe()
    try:
        # Twice removed, so that nobody has to wait for it; it ends by itself when the pipe does.
        subprocess.run(
            ["/bin/sh", "-c", f"exec 3<&0; ({_WATCH}) <&3 3<&- >/dev/null 2>&1 &"],
            stdin=read,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(read)
    return write
