"""A model's calls as they came over the wire.

The program mends what it takes for a model's slips before it passes a call on: a `\\u00e9` that was to stand in a file
becomes an `é`. What a seat asks for is what its model said, so the calls are put together here from the stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

KEPT = 200
"""Calls; the program asks about each right after its stream."""
LATE_SECONDS = 0.5
"""The program may ask about a call a moment before it passes on the end of its stream."""


class WireCalls:
    """Fed with the events of the stream, in their order."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[str, list[str]]] = {}
        self._calls: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._more = asyncio.Event()

    async def arguments(self, use: str | None) -> dict[str, Any] | None:
        """Of the call with this id; None when it was not streamed, or is no JSON object."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LATE_SECONDS):
                while use not in self._calls:
                    self._more.clear()
                    await self._more.wait()
        return self._calls.get(use or "")

    def add(self, event: Mapping[str, Any]) -> None:
        index = event.get("index")
        match event.get("type"):
            case "message_start":
                self._open.clear()
            case "content_block_start" if isinstance(index, int):
                block = event.get("content_block") or {}
                if block.get("type") == "tool_use":
                    self._open[index] = (str(block.get("id", "")), [])
            case "content_block_delta" if isinstance(index, int) and index in self._open:
                self._open[index][1].append(str((event.get("delta") or {}).get("partial_json", "")))
            case "content_block_stop" if isinstance(index, int) and index in self._open:
                self._keep(*self._open.pop(index))

    def _keep(self, use: str, pieces: list[str]) -> None:
        self._more.set()
        try:
            arguments = json.loads("".join(pieces) or "{}")
        except ValueError:
            return
        if isinstance(arguments, dict):
            self._calls[use] = arguments
            while len(self._calls) > KEPT:
                self._calls.popitem(last=False)
