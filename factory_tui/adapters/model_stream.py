"""One answer of a model, put together from the events of its stream.

Kept apart from the client, so that what a compatible server leaves out, or breaks off, is handled in one place: an
answer that ends early is known by its missing reason, and a call whose input is no JSON stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from factory_tui.adapters.model_calls import Call
from factory_tui.domain.prices import Tokens


@dataclass
class Answer:
    """What came so far; `stop` empty = it has not ended, or ended without saying so."""

    id: str = ""
    model: str = ""
    stop: str = ""
    stopped_because: str = ""
    """Of a refusal, in the server's words."""
    tokens: Tokens = field(default_factory=Tokens)
    said: int = 0
    """Characters of text."""
    _blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    _inputs: dict[int, str] = field(default_factory=dict)
    _closed: set[int] = field(default_factory=set)

    def take(self, event: Any) -> str:
        """One event of the stream. Returns the text that it brings, to be shown at once."""
        match event.type:
            case "message_start":
                message = event.message
                self.id, self.model = _text(message, "id"), _text(message, "model")
                self._use(getattr(message, "usage", None))
            case "content_block_start":
                block = event.content_block.model_dump(exclude_none=True)
                self._blocks[event.index] = block
                text = block.get("text") or ""
                self.said += len(text)
                return str(text)
            case "content_block_delta":
                return self._delta(event.index, event.delta)
            case "content_block_stop":
                self._closed.add(event.index)
            case "message_delta":
                self.stop = _text(event.delta, "stop_reason") or self.stop
                details = getattr(event.delta, "stop_details", None)
                self.stopped_because = " ".join(
                    part for part in (_text(details, "category"), _text(details, "explanation")) if part
                )
                self._use(getattr(event, "usage", None))
        return ""

    def _delta(self, index: int, delta: Any) -> str:
        block = self._blocks.setdefault(index, {"type": "text", "text": ""})
        match delta.type:
            case "text_delta":
                block["text"] = (block.get("text") or "") + delta.text
                self.said += len(delta.text)
                return str(delta.text)
            case "thinking_delta":
                block["thinking"] = (block.get("thinking") or "") + delta.thinking
            case "signature_delta":
                block["signature"] = (block.get("signature") or "") + delta.signature
            case "input_json_delta":
                self._inputs[index] = self._inputs.get(index, "") + delta.partial_json
        return ""

    def _use(self, usage: Any) -> None:
        """The latest numbers hold; what a server leaves out stays as it was."""

        def count(name: str, before: int) -> int:
            value = getattr(usage, name, None)
            return value if isinstance(value, int) and value >= 0 else before

        self.tokens = Tokens(
            fresh=count("input_tokens", self.tokens.fresh),
            cached=count("cache_read_input_tokens", self.tokens.cached),
            written=count("cache_creation_input_tokens", self.tokens.written),
            out=count("output_tokens", self.tokens.out),
        )

    # --- when it has ended -----------------------------------------------------------------------

    def blocks(self) -> list[dict[str, Any]]:
        """As it is sent back in the next request: whole blocks only, and never an empty text."""
        found = []
        for index in sorted(self._blocks):
            block = self._blocks[index]
            if block["type"] == "tool_use":
                if self._is_cut(index):
                    continue
                found.append({**block, "input": _object(self._inputs.get(index)) or block.get("input") or {}})
            elif block["type"] == "text":
                if block.get("text", "").strip():
                    found.append({"type": "text", "text": block["text"]})
            else:
                found.append(block)
        return found

    def calls(self) -> list[tuple[str, Call]]:
        """Id and call of each tool use that came whole. An input that is no JSON object goes on as its text."""
        found = []
        for index in sorted(self._blocks):
            block = self._blocks[index]
            if block["type"] == "tool_use" and not self._is_cut(index):
                text = self._inputs.get(index, "")
                given = _object(text)
                arguments: object = given if given is not None else (text or block.get("input") or {})
                found.append((str(block.get("id", "")), Call(name=str(block.get("name", "")), arguments=arguments)))
        return found

    @property
    def is_cut_in_a_call(self) -> bool:
        return any(block["type"] == "tool_use" and self._is_cut(index) for index, block in self._blocks.items())

    def _is_cut(self, index: int) -> bool:
        """Over the limit of one answer the last block is closed wherever it stood."""
        if index not in self._closed:
            return True
        return self.stop == "max_tokens" and index == max(self._blocks) and _object(self._inputs.get(index)) is None


def _object(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None


def _text(holder: Any, name: str) -> str:
    value = getattr(holder, name, None)
    return value if isinstance(value, str) else ""
