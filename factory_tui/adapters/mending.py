"""Going on after a ledger was damaged: the file as it is goes aside, whole, and the lines before the damage stay.

Only ever asked for by the supervisor. What was written after the damage is no longer believed; that is said on record
by whoever opens the ledger next.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from factory_tui.adapters.chain import Chain, Codec, LedgerDamaged
from factory_tui.adapters.disk import Disk, write_new
from factory_tui.adapters.ledger import LedgerHeld, holder_of
from factory_tui.domain.errors import LedgerError


@dataclass(frozen=True, kw_only=True)
class Mended:
    """What was taken out of the ledger."""

    why: str
    """What was damaged."""
    size: int
    """Bytes that are no longer part of it."""
    saved_as: str
    """The whole file as it was."""


def mend(path: str, codec: Codec, disk: Disk | None = None) -> Mended | None:
    """None = there is nothing to mend. Entered again after a crash it does what is left, and no more.

    Raises LedgerHeld while somebody writes to it, LedgerError when there is no good line to go on from, or when a newer
    factory wrote it: then nothing is changed.
    """
    disk = disk or Disk()
    try:
        descriptor = disk.open(path)
    except OSError as error:
        raise LedgerError(what=f"{path} cannot be opened", why=str(error)) from error
    try:
        if not disk.lock(descriptor):
            raise LedgerHeld(path=path, holder=holder_of(path, disk))
        data = disk.read(path)
        chain = Chain(path, codec)
        chain.follow(data)
        try:
            chain.judge(data[chain.size :])
        except LedgerDamaged as damage:
            if not chain.lines:
                raise
            saved = _aside(disk, path, data)
            disk.cut(descriptor, chain.size)
            disk.sync(descriptor)
            return Mended(why=damage.what, size=len(data) - chain.size, saved_as=saved)
        return None
    finally:
        disk.close(descriptor)


def _aside(disk: Disk, path: str, data: bytes) -> str:
    number = 1
    while True:
        name = f"{path}.damaged-{number}"
        try:
            write_new(disk, name, data)
            break
        except FileExistsError:
            if disk.read(name) == data:
                break
            number += 1
    disk.sync_directory(os.path.dirname(os.path.abspath(path)))  # noqa: PTH100, PTH120
    return name
