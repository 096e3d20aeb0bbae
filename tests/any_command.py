"""Any command of the union, its fields filled by their types with what is or was there: open, closed and made up."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from random import Random
from typing import Any

import msgspec

from factory_tui.domain import commands as c
from factory_tui.domain.state import State

COMMANDS: tuple[type, ...] = typing.get_args(c.Command)
_ID = re.compile(r"\b(?:[A-Z]{1,2}-\d+|[a-z_]+/[a-z]+\d+|commit-\w+)")
_PLAIN: dict[type, Callable[[Random], Any]] = {
    bool: lambda dice: dice.random() < 0.5,
    int: lambda dice: dice.choice((0, 1, 2, 7)),
    float: lambda dice: dice.choice((0.0, 0.5, 9.0)),
    bytes: lambda dice: b"x",
    type(None): lambda dice: None,
    object: lambda dice: dice.choice(("x", 1, True)),
}
_NAMED = {
    "task": r"T-\d+",
    "turn": r"[a-z_]+/[a-z]\d+",
    "handoff": r"H-\d+",
    "incident": r"I-\d+",
    "deployment": r"DP-\d+",
    "wait": r"X-\d+",
    "grant": r"G-\d+",
    "proposal": r"R-\d+",
    "commit": r"commit-.*",
    "now": r"2026-.*",
}
"""What a field of this name is mostly filled with; `now` always: it is the clock's."""
OTHERS = ("", "x", "T-99", "builder", "quality", "mind", "human", "step", "flow", "2026-11-22T09:00:00.000Z", "0" * 64)


def ids_in(state: State) -> list[str]:
    """Every id that the state names, of what is open, closed or only told of."""
    return sorted(set(_ID.findall(msgspec.json.encode(state).decode())))


def any_command(kind: type, state: State, dice: Random, ids: list[str]) -> c.Command:
    """One of that kind."""
    made: c.Command = _made(kind, dice, (*ids, *OTHERS), 0)
    return made


def _field(name: str, hint: Any, dice: Random, words: tuple[str, ...], depth: int) -> Any:
    named = [word for word in words if name in _NAMED and re.fullmatch(_NAMED[name], word)]
    return _made(hint, dice, tuple(named) if named and (name == "now" or dice.random() < 0.9) else words, depth)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _made(kind: Any, dice: Random, words: tuple[str, ...], depth: int) -> Any:
    if kind is typing.Any:
        return "x"
    if kind in _PLAIN:
        return _PLAIN[kind](dice)
    if kind is str:
        return dice.choice(words)
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _made(inside[0], dice, words, depth)
    if origin is typing.Literal:
        return dice.choice(inside)
    if origin in (typing.Union, types.UnionType):
        return _made(dice.choice(inside), dice, words, depth)
    if origin is tuple:
        each = inside[:1] * dice.randrange(3) if inside[-1:] == (...,) else inside
        return tuple(_made(one, dice, words, depth + 1) for one in each)
    if origin is not None and issubclass(origin, typing.Mapping | dict):
        return {_made(inside[0], dice, words, depth): _made(inside[1], dice, words, depth + 1)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return dice.choice(list(kind))
    if is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{one.name: _field(one.name, hints[one.name], dice, words, depth + 1) for one in fields(kind)})
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        known = msgspec.structs.fields(kind)
        # What has a default keeps it now and then, and deep down mostly: a whole charter is not made up at random.
        chosen = [one for one in known if one.required or dice.random() < 0.5 / (depth + 1)]
        hints = _hints(kind)
        return kind(**{one.name: _field(one.name, hints[one.name], dice, words, depth + 1) for one in chosen})
    raise AssertionError(f"how is {kind} made?")
