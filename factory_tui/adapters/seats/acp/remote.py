"""An agent at the end of `ssh`: where it runs, and how nothing of it stays there when the line is cut."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Sequence

_WITH_VALUE = frozenset("BbcDEeFIiJLlmOoPpQRSWw")
"""ssh's options that take a value."""
QUIET = ("-T", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")
"""No terminal, which would change the bytes; no question that nobody sees; a dead line is noticed."""
GUARD = """\
over() {
  for at in /proc/[0-9]*; do
    [ "${at#/proc/}" = "$$" ] && continue
    { tr "\\0" "\\n" <"$at/environ" | grep -qx "FACTORY_SEAT=$FACTORY_SEAT" && kill -9 "${at#/proc/}"; } 2>/dev/null
  done
  kill -9 0
}
FACTORY_SEAT="$2"; export FACTORY_SEAT
{ cat; over; } | { sh -c "$1"; over; }
"""
"""Run there around the agent: ends it, and all that it started, when nobody writes to it any more or when it ends."""


def ssh_host(command: Sequence[str]) -> str:
    """Whom an ssh command calls; empty = it is none."""
    place = _host_at(command)
    return command[place].rpartition("@")[2] if place else ""


def guarded(command: Sequence[str], mark: str) -> tuple[str, ...]:
    """The same call, made for a program instead of a person, with the guard around what runs at its other end."""
    place = _host_at(command)
    if not place:
        return tuple(command)
    agent = " ".join(command[place + 1 :])
    there = f"sh -c {shlex.quote(GUARD)} factory-seat {shlex.quote(agent)} {shlex.quote(mark)}"
    return (command[0], *QUIET, *command[1 : place + 1], there)


def _host_at(command: Sequence[str]) -> int:
    """Where the host stands in an ssh command that also names what to run; 0 = nowhere."""
    if not command or posixpath.basename(command[0]) != "ssh":
        return 0
    place = 1
    while place < len(command) and command[place].startswith("-"):
        cluster = re.sub(r"^-", "", command[place])
        takes_next = bool(cluster) and cluster[-1] in _WITH_VALUE and not set(cluster[:-1]) & _WITH_VALUE
        place += 2 if takes_next else 1
    return place if place + 1 < len(command) else 0
