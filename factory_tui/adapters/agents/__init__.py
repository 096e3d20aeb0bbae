"""Agents that speak the Agent Client Protocol, one small TOML file each: how one is started, and what it is told.

Those beside this module ship with the program; a user's own lie in `agents/` of their config directory and come before
a shipped one of the same name. A repository names none: whoever writes such a file says what is run.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from factory_tui.adapters.parsed import FrontMatter
from factory_tui.adapters.schema import typed
from factory_tui.adapters.toml_text import read_toml
from factory_tui.adapters.user_config import config_directory, must_be_the_users_own
from factory_tui.domain.errors import DocumentError, FactoryError
from factory_tui.domain.terms import Record

SHIPPED = Path(__file__).parent
FOLDER = "agents"
TOLD = ("url", "stand_in", "model", "home", "role")
"""What a file may have written into variables and the session: `${url}` of its way out, `${stand_in}` for the
credential, `${model}`, `${home}` of its own, `${role}` that it fills; and the path of each of its `programs`."""


class AgentEndpoint(Record, frozen=True, kw_only=True):
    """Where its model answers. Everything else of the network is closed to it."""

    base_url: str
    credential: str = ""
    """The NAME of the environment variable that opens it; the agent gets a stand-in."""
    speaks: Literal["anthropic", "other"] = "other"
    """`anthropic`: what is used is counted on the way."""
    paths: tuple[str, ...] = ()
    """What may be called there, `*` at the end = everything below; empty = the Messages API."""


class Agent(Record, frozen=True, kw_only=True):
    """One agent, whole."""

    title: str
    command: tuple[str, ...]
    """Word by word."""
    install: str = ""
    """The command that brings it."""
    programs: tuple[str, ...] = ()
    """Others that it starts, found on PATH."""
    readable: tuple[str, ...] = ()
    """Directories that it needs, beside its own."""
    where: str = ""
    """The other machine it runs on; for `ssh` it is read off the command."""
    endpoint: AgentEndpoint | None = None
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    passes: tuple[str, ...] = ()
    """Variables of yours that it gets as they are; never a secret."""
    session: dict[str, Any] = msgspec.field(default_factory=dict)
    """Sent as `_meta` when its session is opened, for agents that take a role so. The first message holds it too."""
    files: dict[str, str] = msgspec.field(default_factory=dict)
    """Written into `${home}` before it starts, by their path there: settings that it takes from a file alone."""
    sees_tree: bool = True
    """Whether its own tools may look at the tree, where its role may read all of it; else it works by calls alone."""
    tools: Literal["server", "text"] = "server"
    """How it is offered the factory's: by a server of the Model Context Protocol, or as words in its prompt alone. One
    that does not ask the server for them is told in words all the same."""
    resumes: bool = False
    """Whether it can take up a conversation that was interrupted."""
    tried: str = ""
    """What is known of it, and since when."""


@dataclass(frozen=True, kw_only=True)
class KnownAgent:
    """An agent, and the file that says so."""

    name: str
    path: str
    agent: Agent


def known_agents(environment: Mapping[str, str], repository: str = "") -> tuple[KnownAgent, ...]:
    """All of them, by name. Raises DocumentError with file and line, or FactoryError, for a file that is wrong."""
    found = {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}
    own = Path(config_directory(environment)) / FOLDER
    if own.is_dir():
        for path in sorted(own.glob("*.toml")):
            if repository:
                must_be_the_users_own(path, path.stat(), repository, "it says which command is run for a seat")
            found[path.stem] = path
    return tuple(KnownAgent(name=name, path=str(path), agent=read_agent(path)) for name, path in sorted(found.items()))


def find_agent(name: str, environment: Mapping[str, str], repository: str = "") -> KnownAgent:
    """Raises FactoryError naming the known ones."""
    known = known_agents(environment, repository)
    for one in known:
        if one.name == name:
            return one
    raise FactoryError(
        what=f"there is no agent `{name[:80]}`",
        why=f"known are {', '.join(one.name for one in known)}",
        next_step=f"describe it in {config_directory(environment)}/{FOLDER}/{name[:80]}.toml",
    )


def read_agent(path: Path) -> Agent:
    """Raises DocumentError for whatever is wrong in it, with its line."""
    try:
        document = read_toml(str(path), path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FactoryError(what=f"{path} cannot be read: {error}", next_step="correct it, or move it away") from error
    agent = typed(document, Agent)
    for problem in _problems(document, agent):
        raise problem
    return agent


def filled(text: str, told: Mapping[str, str]) -> str:
    """With what is known now in the place of each `${name}`; what is unknown stays."""
    return string.Template(text).safe_substitute(told)


def filled_environment(environment: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """As `filled`; a variable that comes out empty is not set."""
    return {name: value for name, text in environment.items() if (value := filled(text, told))}


def filled_session(session: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, Any]:
    """As `filled`, in every text of it; a text that comes out empty is left out."""

    def fill(part: Any) -> Any:
        if isinstance(part, str):
            return filled(part, told)
        if isinstance(part, dict):
            return {key: value for key, one in part.items() if (value := fill(one)) != ""}
        return [fill(one) for one in part] if isinstance(part, list) else part

    found: dict[str, Any] = fill(dict(session))
    return found


def _problems(document: FrontMatter, agent: Agent) -> Iterator[DocumentError]:
    if not agent.command or not agent.command[0].strip():
        yield document.error(
            "an agent needs its command", "command", next_step='For instance `command = ["gemini", "--acp"]`.'
        )
    endpoint = agent.endpoint
    if endpoint is not None:
        parts = urlsplit(endpoint.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            yield document.error(
                "this is no plain http address", "endpoint", "base_url", next_step="For instance `https://api.example`."
            )
        if endpoint.credential and not re.fullmatch(r"[A-Z][A-Z0-9_]{0,79}", endpoint.credential):
            yield document.error(
                "`credential` is the name of an environment variable",
                "endpoint",
                "credential",
                why="a key in a file is read by whoever reads the file",
                next_step='Export the key, and write its name: `credential = "MY_KEY"`.',
            )
        for path in endpoint.paths:
            if not path.startswith("/") or "*" in path[:-1] or ".." in path:
                yield document.error(
                    f"`{path[:80]}` is no path that could be called",
                    "endpoint",
                    "paths",
                    next_step="Begin with `/`; a `*` only at the end.",
                )
    names = {*TOLD, *agent.programs}
    for path in agent.files:
        if path.startswith(("/", "~")) or ".." in path.split("/"):
            yield document.error(
                f"`{path[:80]}` does not stay in `${{home}}`", "files", path, next_step="Name a path below."
            )
    for table, key, text in (
        *(("environment", key, text) for key, text in agent.environment.items()),
        *(("files", key, text) for key, text in agent.files.items()),
    ):
        if slip := _unknown(text, names):
            yield document.error(
                f"nothing is known as `${{{slip}}}`",
                table,
                key,
                next_step=f"There is {', '.join(f'${{{name}}}' for name in sorted(names))}.",
            )
    if slip := _unknown(json.dumps(agent.session), names):
        yield document.error(f"nothing is known as `${{{slip}}}`", "session", next_step="Take it out.")


def _unknown(text: str, names: set[str]) -> str:
    return next((name for name in re.findall(r"\$\{([^}]*)\}", text) if name not in names), "")
