"""What is stored and what is shown, with secrets taken out on the way: evidence, ledger, progress.

Each stands in front of the real one and satisfies the same port. A charter is kept as it is: its sha256 is what people
agreed to, and it comes from the repository.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from factory_tui.domain.entries import Entry
from factory_tui.domain.events import CharterAdopted
from factory_tui.domain.redaction import Redactor, Stream
from factory_tui.domain.scrubbing import scrubbed
from factory_tui.domain.terms import Actor, Evidence, Sha256
from factory_tui.engine.factory import LedgerPort
from factory_tui.engine.ports import EvidenceStore


class RedactedEvidence:
    """Satisfies `ports.EvidenceStore`."""

    def __init__(self, inner: EvidenceStore, redactor: Redactor) -> None:
        self._inner, self._redactor = inner, redactor

    def put(self, data: bytes, label: str) -> Evidence:
        """The sha256 is that of the bytes as they are kept."""
        return self._inner.put(self._redactor.data(data), self._redactor.text(label))

    def get(self, sha256: Sha256) -> bytes:
        return self._inner.get(sha256)


class RedactedLedger:
    """Satisfies `engine.factory.LedgerPort`."""

    def __init__(self, inner: LedgerPort, redactor: Redactor) -> None:
        self._inner, self._redactor = inner, redactor

    def append(self, events: Sequence[object], by: Actor, at: str) -> tuple[Entry, ...]:
        clean = self._redactor.text
        kept = [event if isinstance(event, CharterAdopted) else scrubbed(event, clean) for event in events]
        return self._inner.append(kept, by, at)

    async def durable(self, seq: int) -> None:
        await self._inner.durable(seq)


class RedactedProgress:
    """Satisfies `ports.Progress`: whole lines only, so that no secret hides between two pieces of a stream."""

    def __init__(self, inner: Callable[[str, str], None], redactor: Redactor) -> None:
        self._inner, self._redactor = inner, redactor
        self._streams: dict[str, Stream] = {}

    def __call__(self, turn: str, text: str) -> None:
        stream = self._streams.setdefault(turn, Stream(self._redactor))
        if out := stream.take(text if "\n" in text or "/" in turn else f"{text}\n"):
            self._inner(turn, out)

    def end(self, turn: str) -> None:
        """The turn says no more: what was held back, because its line had no end yet, is given out."""
        stream = self._streams.pop(turn, None)
        if stream is not None and (rest := stream.end()):
            self._inner(turn, f"{rest}\n")
