"""Examples of any record: made from its types, with every value that its enumerations can take."""

from __future__ import annotations

import enum
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import replace

SHA = "a" * 64


def example(kind: type[msgspec.Struct], above: tuple[Any, ...] = ()) -> msgspec.Struct:
    """Every field filled, the optional ones as well; what holds its own kind holds none of it."""
    hints = get_type_hints(kind)
    return kind(**{name: _value(name, hints[name], (*above, kind)) for name in kind.__struct_fields__})


def examples(kind: type[msgspec.Struct]) -> Iterator[msgspec.Struct]:
    """One, and one for each further value of each field that has few."""
    first = example(kind)
    yield first
    hints = get_type_hints(kind)
    for name in kind.__struct_fields__:
        for value in _few(hints[name]):
            yield replace(first, **{name: value})


def _few(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return tuple(hint)
    return (True, False) if hint is bool else ()


def _value(name: str, hint: Any, above: tuple[Any, ...]) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        plain = [one for one in arguments if one not in (type(None), *above)]
        return _value(name, plain[0], above) if plain else None
    if origin is tuple:
        return () if arguments[0] in above else (_value(name, arguments[0], above),)
    if few := _few(hint):
        return few[0]
    if hint is Any:
        return None
    if origin is not None and origin not in (Literal,):
        return origin() if origin in (dict, list, frozenset, set) else _value(name, arguments[0], above)
    if hint is str:
        times = {"now", "until", "at", "since", "expires", "started"}
        return "2026-11-22T16:00:00.000Z" if name in times else SHA if "sha" in name else f"{name}-1"
    if hint in (int, float):
        return hint(3)
    return example(hint, above)
