"""What an agent is told of the factory's tools: a server has them, or its prompt alone, as fenced blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from factory_tui.adapters.model_calls import Call
from factory_tui.adapters.offered_tools import Tool
from factory_tui.adapters.tool_server import NAME
from factory_tui.engine.seat_ports import ActionResult

_BLOCK = re.compile(r"^[ \t]*```factory[ \t]*\r?\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r'"tool"\s*:\s*"([a-z_]{1,40})"')
ROLE = """\
You fill one role in a software factory. Your brief stands below and holds all that you are told. What you only say \
reaches nobody: what counts is done by calls."""
BY_SERVER = f"""\
{ROLE} Calls are the tools of the server `{NAME}` that you were given; the brief names them by their last word. A call \
may take long: it may wait for a person. A refusal comes with its reason and a way on; obey it, do not look for a way \
around. Your turn ends when you deliver as the brief says."""
HOW = f"""\
{ROLE} A call is a block like this, on lines of its own:

```factory
{{"tool": "NAME", "arguments": {{}}}}
```

It is one JSON object; several blocks are carried out one after the other. Write your calls, then end your answer: the \
results come back as the next message. A refusal comes with its reason and a way on; obey it, do not look for a way \
around. Your turn ends when you deliver as the brief says."""
CONTAINED = """\
Your own tools run behind a wall: there is no network, and the tree that you see is read-only to them. Change files \
by the call `edit`, or through your editor's file and terminal requests where you have them."""
UNSEEN = """\
Your own tools run behind a wall: there is no network, and they do not see the tree. Read and change it by calls \
alone."""
REMOTE = """\
You run on another machine: your own tools do not see the tree. Read and change it by calls alone."""


def opening(tools: Sequence[Tool], brief: str, surroundings: str) -> str:
    """The first message, whole. With no tools: it has asked for them and got them from the server. `surroundings` is
    one of `CONTAINED`, `UNSEEN`, `REMOTE`."""
    if not tools:
        return f"{BY_SERVER}\n\n{surroundings}\n\n{brief}"
    listed = "\n\n".join(
        f"## {tool.name}\n{tool.description}\nArguments, as JSON Schema: {json.dumps(tool.schema, sort_keys=True)}"
        for tool in tools
    )
    return f"{HOW}\n\n{surroundings}\n\n# Calls\n\n{listed}\n\n{brief}"


def calls_in(text: str) -> list[Call]:
    """Every call, in order. One that is no JSON is a call all the same: it comes back with what is wrong."""
    return [_call(match.group(1)) for match in _BLOCK.finditer(text)]


def _call(block: str) -> Call:
    named = _NAMED.search(block)
    try:
        found = json.loads(block)
    except ValueError:
        return Call(name=named.group(1) if named else "factory", arguments=block)
    if not isinstance(found, dict) or not isinstance(found.get("tool"), str):
        return Call(name="factory", arguments={})
    return Call(name=found["tool"], arguments=found.get("arguments", {}))


def told_back(names: Sequence[str], results: Sequence[ActionResult]) -> str:
    """The results, as the next message."""
    return "\n\n".join(
        f"# Result of `{name}`: {'ok' if result.ok else 'not done'}\n{result.text}"
        for name, result in zip(names, results, strict=True)
    )
