"""Whether the turns of a mission shared anything over the wire: words, a cached prefix, or an id."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import permutations
from typing import Any

from messages_server import Request

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}")
SHORT = 20
"""Characters; shorter words say nothing."""


def talks(requests: Sequence[Request]) -> dict[str, list[Request]]:
    """The requests of each conversation, by all that began it."""
    found: dict[str, list[Request]] = {}
    for request in requests:
        found.setdefault(json.dumps([_plain(one) for one in _opening(request)]), []).append(request)
    return found


def share_nothing(requests: Sequence[Request]) -> int:
    """How many conversations there were; fails if one held another's words, prefix or id."""
    every = talks(requests)
    words = {key: _words(found) for key, found in every.items()}
    ids = {key: _ids(found) for key, found in every.items()}
    for one, other in permutations(every, 2):
        for text in words[one] - words[other]:
            quoted = json.dumps(text)[1:-1]
            assert not any(quoted in json.dumps(held.body) for held in every[other]), f"another's words: {text!r}"
        assert not ids[one] & ids[other], "two conversations under one id"
        assert not _common(every[one][0], every[other][0]), "a cached prefix that holds a conversation"
    return len(every)


def _opening(request: Request) -> list[Any]:
    said = [one for one in request.messages if one.get("role") != "system"]
    return [request.body.get("system"), said[0]] if said else []


def _words(requests: Sequence[Request]) -> set[str]:
    """What its model said, as far as it was sent back."""
    return {
        block["text"]
        for request in requests
        for message in request.messages
        if message["role"] == "assistant" and isinstance(message["content"], list)
        for block in message["content"]
        if block.get("type") == "text" and len(block["text"]) >= SHORT
    }


def _ids(requests: Sequence[Request]) -> set[str]:
    """Of a session, a user or a device, wherever a client puts them; an id of one request is seen once alone."""
    told = [json.dumps(request.body.get("metadata", {})) + json.dumps(request.headers) for request in requests]
    return {id for text in told for id in _UUID.findall(text)}


def _common(one: Request, other: Request) -> list[Any]:
    """Messages in the longest prefix that both have in common."""
    common = []
    for mine, theirs in zip(_blocks(one), _blocks(other), strict=False):
        if _plain(mine) != _plain(theirs):
            break
        common.append(mine)
    return [block for block in common if block[0] == "message"]


def _blocks(request: Request) -> list[tuple[str, Any]]:
    """In the order in which they are cached."""
    system = request.body.get("system") or []
    return [
        *(("tool", tool) for tool in request.body.get("tools", [])),
        *(("system", block) for block in (system if isinstance(system, list) else [system])),
        *(("message", [message["role"], block]) for message in request.messages for block in _content(message)),
    ]


def _content(message: dict[str, Any]) -> list[Any]:
    content = message["content"]
    return content if isinstance(content, list) else [content]


def _plain(part: Any) -> Any:
    """Without its marks for the cache."""
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items() if key != "cache_control"}
    return [_plain(one) for one in part] if isinstance(part, list | tuple) else part
