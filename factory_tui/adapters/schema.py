"""From what was parsed to a typed value, with every slip named at its line.

Documents are checked here and nowhere else: an unknown key gets its nearest known one, a wrong type says what was
expected and how to write it.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from factory_tui.adapters.parsed import FrontMatter, did_you_mean
from factory_tui.domain.errors import DocumentError

T = TypeVar("T")

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "keys with values",
    "null": "nothing",
}


def convert(document: FrontMatter, kind: type[T], data: object, problems: list[DocumentError]) -> T | None:
    """The typed value, or None with everything that is wrong added to `problems`.

    `data` is the document's own, perhaps with keys added or taken away.
    """
    unknown = list(_unknown_keys(document, kind, data, ()))
    problems += unknown
    try:
        value = msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        problem = _explain(document, kind, data, str(error))
        if not any(known.line == problem.line or _is_misspelt(problem, known) for known in unknown):
            problems.append(problem)
        return None
    return None if unknown else value


def typed(document: FrontMatter, kind: type[T]) -> T:
    """The whole document as that type. Raises DocumentError for the first thing that is wrong, at its line."""
    problems: list[DocumentError] = []
    found = convert(document, kind, document.data, problems)
    if found is None:
        raise problems[0]
    return found


def json_schema(
    kind: type, limits: Mapping[tuple[str, str], tuple[float, float]] = types.MappingProxyType({})
) -> bytes:
    """For editors: what `typed` refuses, an unknown key above all, stands out there. `limits` are the least and the
    most of a number, by its type and key."""
    found = msgspec.json.schema(kind)
    for name, one in found["$defs"].items():
        if "properties" in one:
            one["additionalProperties"] = False
            for key, value in one["properties"].items():
                if (name, key) in limits:
                    value["minimum"], value["maximum"] = limits[name, key]
    return msgspec.json.format(msgspec.json.encode(found, order="sorted"), indent=2)


def _is_misspelt(missing: DocumentError, unknown: DocumentError) -> bool:
    """Whether the key that is missing is there, with a slip in it."""
    key = re.fullmatch(r"the key (`\w+`) is missing", missing.problem)
    return key is not None and unknown.next_step == f"Did you mean {key.group(1)}?"


def _unknown_keys(document: FrontMatter, kind: Any, data: object, keys: tuple[str | int, ...]) -> list[DocumentError]:
    found: list[DocumentError] = []
    fields = _fields(kind)
    if fields is not None and isinstance(data, dict):
        for key, value in data.items():
            if key in fields:
                found += _unknown_keys(document, fields[key], value, (*keys, key))
                continue
            found.append(
                document.error(
                    f"unknown key `{key[:80]}`",
                    *keys,
                    key,
                    why="a key that nothing reads would promise what nothing does",
                    next_step=did_you_mean(key, fields),
                )
            )
    if get_origin(kind) is dict and isinstance(data, dict):
        for key, value in data.items():
            found += _unknown_keys(document, get_args(kind)[1], value, (*keys, key))
    item = _item_of(kind)
    if item is not None and isinstance(data, list):
        for number, value in enumerate(data):
            found += _unknown_keys(document, item, value, (*keys, number))
    return found


def _fields(kind: Any) -> dict[str, Any] | None:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return None
    hints = get_type_hints(kind)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(kind)}


def _item_of(kind: Any) -> Any:
    arguments = get_args(kind)
    return arguments[0] if get_origin(kind) in (tuple, list) and arguments else None


def _explain(document: FrontMatter, kind: Any, data: object, message: str) -> DocumentError:
    problem, _, place = message.partition(" - at `")
    keys: list[str | int] = []
    for step in re.finditer(r"\.([A-Za-z0-9_]+)|\[([0-9]+)\]|\[\.\.\.\]", place):
        name, number = step.groups()
        key: str | int | None = name or (int(number) if number else _wrong_key(*_follow(kind, data, keys)))
        if key is None:
            break
        keys.append(key)
    value, expected_kind = _follow(kind, data, keys)
    if missing := re.match(r"Object missing required field `(\w+)`", problem):
        absent = missing.group(1)
        return document.error(f"the key `{absent}` is missing", *keys, next_step=f"Add `{absent}: …`.")
    if unknown := re.match(r"Object contains unknown field `(.*)`", problem):
        strange = unknown.group(1)
        fields = _fields(expected_kind) or {}
        next_step = did_you_mean(strange, fields) if fields else "Remove it, or look up how it is spelled."
        return document.error(f"unknown key `{strange}`", *keys, strange, next_step=next_step)
    if "nvalid enum value" in problem:
        choices = [str(choice) for choice in get_args(expected_kind)] if get_origin(expected_kind) is Literal else []
        next_step = did_you_mean(str(value), choices) if choices else "Write one of the known words."
        return document.error(f"`{str(value)[:80]}` is none of the known words", *keys, next_step=next_step)
    if wrong := re.match(r"Expected `(.*)`, got `(\w+)`", problem):
        expected, got = wrong.groups()
        wanted = " or ".join(_WORDS.get(word.strip(), word.strip()) for word in expected.split("|"))
        found = "nothing" if got == "null" else _WORDS.get(got, got)
        if got in ("int", "float", "bool", "str"):
            found = f"`{str(document.text_of(*keys) or value)[:80]}`"
        return document.error(f"{wanted} is expected here, not {found}", *keys, next_step=_mend(expected, got))
    return document.error(problem[0].lower() + problem[1:], *keys, next_step="Mend that value.")


def _mend(expected: str, got: str) -> str:
    if got == "null":
        return "Give it a value, or remove the key."
    if expected == "str" and got == "object":
        return "Text with a colon and a space needs quotes around it."
    if expected == "str" and got in ("int", "float", "bool"):
        return "Put quotes around it."
    if expected == "bool":
        return "Write `true` or `false`, without quotes."
    if expected == "array" and got == "str":
        return "Write it as a list: `[…]`."
    return "Mend that value."


def _follow(kind: Any, data: object, keys: list[str | int]) -> tuple[object, Any]:
    """The value at that place and the type that is expected there; None where the way is lost."""
    for key in keys:
        if isinstance(kind, types.UnionType) or get_origin(kind) is Union:
            kind = None
        fields = _fields(kind)
        if isinstance(key, str):
            kind = fields.get(key) if fields else get_args(kind)[1] if get_origin(kind) is dict else None
            data = data.get(key) if isinstance(data, dict) else None
        else:
            kind = _item_of(kind)
            data = data[key] if isinstance(data, list) and key < len(data) else None
    return data, kind


def _wrong_key(data: object, kind: Any) -> str | None:
    """Which value of a mapping is the wrong one: the converter does not say."""
    if get_origin(kind) is not dict or not isinstance(data, dict):
        return None
    for key, value in data.items():
        try:
            msgspec.convert(value, get_args(kind)[1])
        except msgspec.ValidationError:
            return str(key)
    return None
