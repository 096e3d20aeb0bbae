"""Keys of the outside world: read once from our environment, kept in this process, and gone from the environment.

A child gets none of them, and neither does anybody who reads `/proc/<us>/environ`: the bytes with which this process
was started are written over.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterator, MutableMapping

_NAMES = re.compile(
    r"(?i)(.*_)?(api_?key|access_?key(_id)?|secret(_.*)?|token|password|passwd|credentials?|private_?key)$"
    r"|.*_(api_?key|token|secret|password|passwd)(_.*)?$"
)
_NO_SECRETS = re.compile(r"(?i).*_(file|path|dir|url|host|port|user|id)$|.*tokens?_(limit|count|max).*|ssh_.*")


class Keys:
    """What was taken. Printing it tells names, never values."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, name: str) -> str:
        """Empty when there is none."""
        return self._values.get(name, "")

    def items(self) -> Iterator[tuple[str, str]]:
        yield from self._values.items()

    def __repr__(self) -> str:
        return f"Keys({', '.join(sorted(self._values))})"

    def take(self, environ: MutableMapping[str, str]) -> tuple[str, ...]:
        """Takes what is named like a secret out of `environ`. Returns the names."""
        found = tuple(name for name in environ if is_secret_name(name) and environ[name])
        if environ is os.environ:
            _write_over(found)
        for name in found:
            self._values[name] = environ.pop(name)
        return found


OURS = Keys()
"""Of this process: an environment can be emptied only once."""


def is_secret_name(name: str) -> bool:
    return _NAMES.fullmatch(name) is not None and (
        _NO_SECRETS.fullmatch(name) is None or name.upper().endswith("_ACCESS_KEY_ID")
    )


def _write_over(names: tuple[str, ...]) -> None:
    """The values as the kernel shows them of us. Where there is no such place, nothing happens."""
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        start, end = int(fields[47]), int(fields[48])
        with open("/proc/self/environ", "rb") as file:
            block = file.read()
    except (OSError, IndexError, ValueError):
        return
    if start == 0 or end - start != len(block):
        return
    place = start
    for entry in block.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals and os.fsdecode(name) in names:
            # Python keeps its own copy of what it read at the start.
            ctypes.memset(place + len(name) + 1, ord("x"), len(value))
        place += len(entry) + 1
