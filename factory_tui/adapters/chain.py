"""The bytes of a ledger: how a line is made, and how far a file can be believed.

One line per command, JSON, and fixed in layout so that anybody can check it with a dozen lines of a program:

    {"link":"<sha256 of the bytes of body>","body":{"v":1,"seq":7,"synced":6,"prev":"<link before>",...}}

The first line binds the chain to one repository. `synced` is the last event that was known to be on the device when
the line was made. It tells the two kinds of broken file apart: a power cut may break only what was not synced, so
when a good line says that the broken one before it had been synced, bytes were changed afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import GenericAlias
from typing import Any

import msgspec

from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import LedgerError
from factory_tui.domain.terms import Actor, Sha256

FORMAT = 1
"""Of the lines themselves; the version of the events is the codec's."""

NO_LINK = "0" * 64
_LONGEST_FIRST_LINE = 512
"""Bytes. A file without a good first line is a torn beginning only when it is no longer than this."""
_OPENING = b'{"link":"'
_MIDDLE = b'","body":'
_BODY_AT = len(_OPENING) + 64 + len(_MIDDLE)

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class LedgerDamaged(LedgerError):
    """A line cannot be believed and it is not a torn tail. `line` counts from 1, `offset` bytes from 0."""

    def __init__(self, *, path: str, line: int, offset: int, why: str, next_step: str) -> None:
        self.path, self.line, self.offset = path, line, offset
        super().__init__(
            what=f"{path} line {line}, byte {offset}: the ledger cannot be trusted from here on",
            why=why,
            next_step=next_step,
        )


class _Genesis(msgspec.Struct, frozen=True):
    format: int
    repo: str
    at: str


class _Body(msgspec.Struct, frozen=True):
    v: int
    seq: int
    synced: int
    prev: str
    at: str
    by: Actor
    events: msgspec.Raw


_encoder = msgspec.json.Encoder()
_body_decoder = msgspec.json.Decoder(_Body)
_genesis_decoder = msgspec.json.Decoder(_Genesis)


@dataclass(frozen=True, kw_only=True)
class Codec:
    """How events become JSON and come back, in this version and from every older one."""

    events: Any
    """A msgspec type, usually a tagged union of Records."""
    version: int = 1
    """Raised when an old event would be misread; a new field with a default needs no new version."""
    upcasters: Mapping[int, Upcaster] = field(default_factory=dict)
    """From version n to n + 1, for each n below `version`: one event as a plain dict, tag included."""
    _decoder: msgspec.json.Decoder[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        missing = [n for n in range(1, self.version) if n not in self.upcasters]
        if missing:
            raise ValueError(f"no upcaster for version {missing[0]}: its ledgers could not be read")
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(GenericAlias(tuple, (self.events, ...))))

    def encode(self, events: Sequence[object]) -> bytes:
        return _encoder.encode(tuple(events))

    def decode(self, version: int, raw: bytes | msgspec.Raw) -> tuple[Any, ...]:
        """Raises msgspec.ValidationError for an event that this program does not know."""
        if version == self.version:
            return tuple(self._decoder.decode(raw))
        if not 1 <= version < self.version:
            raise msgspec.ValidationError(f"events of version {version}; this program reads up to {self.version}")
        events = msgspec.json.decode(raw, type=list[dict[str, Any]])
        for step in range(version, self.version):
            events = [self.upcasters[step](event) for event in events]
        return tuple(msgspec.convert(event, self.events) for event in events)


def _frame(body: bytes) -> tuple[Sha256, bytes]:
    link = hashlib.sha256(body).hexdigest()
    return link, b"".join((_OPENING, link.encode(), _MIDDLE, body, b"}\n"))


def _unframe(line: bytes) -> tuple[Sha256, bytes] | None:
    """The link and the body of a line (without its newline) that is whole and unaltered."""
    body = line[_BODY_AT:-1]
    link = hashlib.sha256(body).hexdigest()
    if line[:_BODY_AT] == b"".join((_OPENING, link.encode(), _MIDDLE)) and line[-1:] == b"}":
        return link, body
    return None


def _good_lines(data: bytes) -> Iterator[tuple[int, Sha256, bytes]]:
    """Every whole line anywhere in bytes that were not believed, and where it begins.

    Not only after a newline: a newline may be what was altered.
    """
    at = data.find(_OPENING)
    while at >= 0:
        newline = data.find(b"\n", at)
        found = _unframe(data[at : newline if newline >= 0 else len(data)])
        if found:
            yield at, *found
        at = data.find(_OPENING, at + 1)


class Chain:
    """A ledger's lines so far: makes the next one, and follows those in a file for as long as they are good."""

    def __init__(self, path: str, codec: Codec) -> None:
        self.path = path
        """For messages."""
        self.codec = codec
        self.repo_id = ""
        """Empty until the first line was seen or made."""
        self.head: Sha256 = NO_LINK
        self.next_seq = 0
        """0 = the first line, which holds no event, is still missing."""
        self.size = 0
        """Bytes of all good lines."""
        self.lines = 0
        self.entries: list[Entry] = []
        self._last_synced = -1
        self._starts: list[tuple[int, int]] = []

    # --- making ------------------------------------------------------------------------------------

    def begin(self, repo_id: str, at: str) -> bytes:
        """The first line."""
        link, line = _frame(_encoder.encode(_Genesis(format=FORMAT, repo=repo_id, at=at)))
        self._take_genesis(link, repo_id, len(line))
        return line

    def extend(self, events: Sequence[object], by: Actor, at: str, synced: int) -> tuple[bytes, tuple[Entry, ...]]:
        """The next line, and its entries as a later reader of that line will see them.

        Raises LedgerError, with nothing changed, when an event does not survive being written down.
        """
        try:
            raw = self.codec.encode(events)
            again = self.codec.decode(self.codec.version, raw)
            body = _Body(
                v=self.codec.version,
                seq=self.next_seq,
                synced=synced,
                prev=self.head,
                at=at,
                by=by,
                events=msgspec.Raw(raw),
            )
            link, line = _frame(_encoder.encode(body))
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            names = ", ".join(type(event).__name__ for event in events)
            raise LedgerError(
                what=f"an event cannot be written down: {names}",
                why=str(error),
                next_step="this is a mistake in the factory; nothing was recorded",
            ) from error
        return line, self._take(link, body, again, len(line))

    # --- following ---------------------------------------------------------------------------------

    def follow(self, data: bytes) -> tuple[Entry, ...]:
        """Take the good lines at the start of bytes that begin where the last good line ended.

        Raises LedgerDamaged at a line that is whole and in its place, yet holds what this program cannot read.
        """
        before = len(self.entries)
        start = 0
        while (end := data.find(b"\n", start)) >= 0 and self._follow_line(data[start:end]):
            start = end + 1
        return tuple(self.entries[before:])

    def _follow_line(self, line: bytes) -> bool:
        found = _unframe(line)
        if found is None:
            return False
        link, raw = found
        if not self.lines:
            return self._follow_genesis(link, raw, len(line) + 1)
        try:
            body = _body_decoder.decode(raw)
            if body.seq != self.next_seq or body.prev != self.head:
                return False
            events = self.codec.decode(body.v, body.events)
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            raise self._unreadable(str(error)) from error
        self._take(link, body, events, len(line) + 1)
        return True

    def _follow_genesis(self, link: Sha256, raw: bytes, size: int) -> bool:
        try:
            genesis = _genesis_decoder.decode(raw)
        except msgspec.MsgspecError as error:
            raise self._unreadable(str(error)) from error
        if genesis.format != FORMAT:
            raise self._unreadable(f"format {genesis.format}, not {FORMAT}")
        self._take_genesis(link, genesis.repo, size)
        return True

    def _take_genesis(self, link: Sha256, repo_id: str, size: int) -> None:
        self._starts.append((0, 0))
        self.repo_id, self.head, self.next_seq, self.size, self.lines = repo_id, link, 1, size, 1

    def _take(self, link: Sha256, body: _Body, events: tuple[Any, ...], size: int) -> tuple[Entry, ...]:
        at, by = body.at, body.by
        entries = tuple(Entry(seq=seq, at=at, by=by, event=event) for seq, event in enumerate(events, body.seq))
        self.entries += entries
        self._starts.append((body.seq, self.size))
        self._last_synced = body.synced
        self.head = link
        self.next_seq += len(entries)
        self.size += size
        self.lines += 1
        return entries

    # --- judging -----------------------------------------------------------------------------------

    def judge(self, rest: bytes) -> None:
        """What follows the good lines is a torn tail, which a crash leaves; raises LedgerDamaged when it is not."""
        if not self.lines and len(rest) > _LONGEST_FIRST_LINE:
            raise self._damaged(
                why="it does not begin as a ledger does",
                next_step="restore the file from a backup, or move it away to begin a new ledger; nothing was changed",
            )
        for at, _link, raw in _good_lines(rest):
            try:
                body = _body_decoder.decode(raw)
            except msgspec.MsgspecError:
                torn = not self.lines and at == 0
            else:
                only_its_newline = at == 0 and body.seq == self.next_seq and body.prev == self.head
                torn = only_its_newline or (body.seq > self.next_seq and body.synced < self.next_seq)
            if not torn:
                raise self._damaged(
                    why=f"this line is broken, but a good one follows at byte {self.size + at}: no crash leaves that",
                    next_step=(
                        "restore the file from a backup, or `factory mend`: it keeps the file aside, goes on from the"
                        " line before, freezes landings and deployments and opens an incident"
                    ),
                )

    def _unreadable(self, why: str) -> LedgerDamaged:
        return self._damaged(
            why=f"the line is whole, but this program cannot read it: {why}",
            next_step="a newer factory wrote it: install that version; nothing was changed",
        )

    def _damaged(self, *, why: str, next_step: str) -> LedgerDamaged:
        return LedgerDamaged(path=self.path, line=self.lines + 1, offset=self.size, why=why, next_step=next_step)

    @property
    def doubtful_from(self) -> int:
        """Byte from which no later line says that it had reached the device."""
        place = self.size
        for seq, start in reversed(self._starts):
            if seq <= self._last_synced:
                break
            place = start
        return place
