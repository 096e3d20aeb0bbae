"""What an agent asks its client for, as actions: one table. What is not in it is denied, on record."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from factory_tui.adapters.tool_server import NAME
from factory_tui.domain.terms import Action

_OURS = re.compile(
    rf"(?:mcp__{NAME}__|{NAME}[_.:/] ?)(?P<first>[a-z_]+)|(?P<last>[a-z_]+) \({NAME} MCP Server\)(?:: .*)?", re.DOTALL
)
SHELLS = ("sh", "bash", "dash", "zsh")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A tool of the agent's own, for which it wants leave."""

    kind: str
    """As the protocol names it: read, edit, delete, move, search, execute, think, fetch, switch_mode, other."""
    title: str
    paths: tuple[str, ...]
    """Relative to the root of the tree."""
    command: str
    pattern: str
    content: str | None
    """The new text, where it tells one."""


def _each(make: Callable[[Wish, str], Action]) -> Callable[[Wish], tuple[Action, ...]]:
    return lambda wish: tuple(make(wish, path) for path in wish.paths)


ACTIONS: Mapping[str, Callable[[Wish], tuple[Action, ...]]] = {
    "read": _each(lambda wish, path: Action(kind="read", path=path)),
    "search": lambda wish: (
        (Action(kind="search", pattern=wish.pattern, path=(*wish.paths, "")[0]),) if wish.pattern else ()
    ),
    "edit": _each(lambda wish, path: Action(kind="edit", path=path, content=wish.content or "")),
    "delete": _each(lambda wish, path: Action(kind="edit", path=path, delete=True)),
    "execute": lambda wish: (Action(kind="run", command=wish.command),) if wish.command else (),
}
"""By the kind of its tool; every action of a wish must be permitted."""
WAY_ON = {
    "fetch": "there is no network behind the wall; call `fetch`",
    "move": "write the file anew and remove the old one",
}


def actions_of(wish: Wish) -> tuple[tuple[Action, ...], str]:
    """What must be permitted; or nothing, and why it is denied."""
    make = ACTIONS.get(wish.kind)
    if make is None:
        reason = f"a tool of the kind `{wish.kind[:40]}` is nothing that this factory permits"
        return (), f"{reason}. {WAY_ON.get(wish.kind, 'Use the calls of the brief.')}"
    found = make(wish)
    return found, "" if found else f"`{wish.title[:120]}` does not say what it would {wish.kind}"


def names_ours(wish: Wish, tools: Sequence[str]) -> bool:
    """Whether the leave is for a tool of the factory's own server, and nothing else: agents ask about those as well,
    and title them each in its own way."""
    if wish.kind not in ("other", "think") or wish.paths:
        return False
    named = _OURS.fullmatch(wish.title.strip())
    return named is not None and (named["first"] or named["last"]) in tools


def relative(path: str, root: str) -> str:
    """As the desk names it. What lies outside stays absolute, and is refused there."""
    clean = posixpath.normpath(posixpath.join(root, path))
    return clean[len(root) + 1 :] if clean.startswith(f"{root}/") else clean


def command_line(command: str, arguments: Sequence[str]) -> str:
    """One shell line, as the desk runs it; a shell around it is taken off, so that the card sees the command itself."""
    if not arguments:
        return command
    if posixpath.basename(command) in SHELLS and len(arguments) == 2 and arguments[0] in ("-c", "-lc"):
        return arguments[1]
    return shlex.join((command, *arguments))
