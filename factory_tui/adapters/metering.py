"""Reading from a model's answers, as they pass by, what they say was used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from factory_tui.domain.prices import Tokens

LONGEST_LINE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Metered:
    """What one answer used, as far as it has told. A later one of the same `answer` replaces it."""

    answer: str
    """The endpoint's id of it."""
    model: str
    tokens_in: int = 0
    """Without those read from the cache or written into it."""
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_written: int = 0
    stop: str = ""
    """Why it ended; empty = it has not."""

    @property
    def tokens(self) -> Tokens:
        return Tokens(fresh=self.tokens_in, cached=self.tokens_cached, written=self.tokens_written, out=self.tokens_out)


class UsageReader:
    """Fed with the bytes of one answer, a stream of events or one document; it keeps none of them.

    On the way it hears how a stream ends: with an error, or in its middle though the line held.
    """

    def __init__(self, content_type: str, told: Callable[[Metered], None]) -> None:
        self._is_stream = content_type.startswith("text/event-stream")
        self._told = told
        self._pending = bytearray()
        self._skipping = False
        self._answer, self._model = "", ""
        self._counted: dict[str, int] = {}
        self._event = b""
        self._is_open = False
        self.error: tuple[str, str] | None = None
        """Type and message of the error that came in the stream; None = none did."""

    @property
    def ended_early(self) -> bool:
        """An answer began in the stream, and neither its end nor an error came."""
        return self._is_open and self.error is None

    def add(self, chunk: bytes) -> None:
        self._pending += chunk
        if self._is_stream:
            *lines, rest = self._pending.split(b"\n")
            self._pending = rest
            for line in lines:
                self._line(bytes(line))
        if len(self._pending) > LONGEST_LINE:
            # Nothing that tells of usage is as long.
            self._pending.clear()
            self._skipping = True

    def end(self) -> None:
        """The answer is complete."""
        if not self._is_stream and not self._skipping:
            self._document(bytes(self._pending))
        self._pending.clear()

    def _line(self, line: bytes) -> None:
        if self._skipping:
            self._skipping = False
        elif line.startswith(b"event:"):
            self._event = line.removeprefix(b"event:").strip()
            if self._event in (b"message_start", b"message_stop"):
                self._is_open = self._event == b"message_start"
        elif line.startswith(b"data:") and self._event == b"error":
            self._failure(line.removeprefix(b"data:"))
        elif line.startswith(b"data:") and b'"usage"' in line:
            self._document(line.removeprefix(b"data:"))

    def _failure(self, text: bytes) -> None:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        error = found.get("error", found) if isinstance(found, dict) else None
        error = error if isinstance(error, dict) else {}
        self.error = str(error.get("type") or "error"), str(error.get("message") or "")

    def _document(self, text: bytes) -> None:
        try:
            found = json.loads(text)
        except ValueError:
            return
        if not isinstance(found, dict):
            return
        message = found.get("message", found)
        if not isinstance(message, dict) or not isinstance(usage := message.get("usage"), dict):
            return
        self._answer = str(message.get("id") or self._answer)
        self._model = str(message.get("model") or self._model)
        for name, count in usage.items():
            if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
                self._counted[name] = count
        delta = found.get("delta")
        ended = delta if isinstance(delta, dict) else message
        self._told(
            Metered(
                answer=self._answer,
                model=self._model,
                tokens_in=self._counted.get("input_tokens", 0),
                tokens_out=self._counted.get("output_tokens", 0),
                tokens_cached=self._counted.get("cache_read_input_tokens", 0),
                tokens_written=self._counted.get("cache_creation_input_tokens", 0),
                stop=str(ended.get("stop_reason") or ""),
            )
        )
