"""Taking secrets out of a whole value: every text in it, however deep; the same object when there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")


def scrubbed(value: T, clean: Callable[[str], str]) -> T:
    """`clean` is asked about each text. What has no text in it stays the very object it was."""
    found: object = _scrub(value, clean)
    return found  # type: ignore[return-value]


def _scrub(value: object, clean: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return value if type(value) is not str else _same(value, clean(value))
    if isinstance(value, tuple | list):
        items = [_scrub(item, clean) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return type(value)(items)
    if isinstance(value, dict):
        pairs = {key: _scrub(item, clean) for key, item in value.items()}
        return value if all(pairs[key] is value[key] for key in value) else pairs
    if isinstance(value, msgspec.Struct):
        changes = {}
        for name in value.__struct_fields__:
            old = getattr(value, name)
            new = _scrub(old, clean)
            if new is not old:
                changes[name] = new
        return msgspec.structs.replace(value, **changes) if changes else value
    return value


def _same(old: str, new: str) -> str:
    return old if new == old else new
