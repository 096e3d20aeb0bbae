"""Seats for agents of the user's own choice: which agent, where it is, what lets it in, and what is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import msgspec

from factory_tui.adapters.agents import Agent, AgentEndpoint, KnownAgent, find_agent, known_agents
from factory_tui.adapters.enclosure import BoundaryAt, Program, open_plain
from factory_tui.adapters.logins import Login
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.programs import find_on_path
from factory_tui.adapters.seat_parts import Ingredients, Need, login_of
from factory_tui.adapters.seats.acp.kit import Kit
from factory_tui.adapters.seats.acp.remote import ssh_host
from factory_tui.adapters.seats.acp.seat import EXTRA, AcpSeat
from factory_tui.adapters.secrets import Keys
from factory_tui.adapters.user_seats import SeatProfile
from factory_tui.domain.errors import FactoryError

ACP = "acp"
PASSED_TO_SSH = ("SSH_AUTH_SOCK",)
"""Its keys are its own; an agent's wall is not around it, because it is a way to another machine and no agent."""


def has_acp() -> bool:
    """Whether the protocol's library can be imported; it is not."""
    return importlib.util.find_spec("acp") is not None


def unnamed_agent() -> AcpSeat:
    """Raises FactoryError: `acp` alone says of no agent which one."""
    raise FactoryError(
        what="`acp` is a way to talk and no agent",
        why="a seat of yours says which agent it is",
        next_step='write [seats.NAME] with `kind = "acp"` and `agent = "opencode"` into config.toml, and name it',
    )


def acp(parts: Ingredients, name: str, profile: SeatProfile, model: str = "") -> AcpSeat:
    """Raises FactoryError naming what is missing, and the command that mends it."""
    if not has_acp():
        raise FactoryError(
            what=f"the seat `{name}` needs an extra that is not installed",
            why="it talks with its agent in the Agent Client Protocol",
            next_step=EXTRA,
        )
    agent = _agent(parts, profile)
    host = ssh_host(agent.command)
    where = agent.where or host
    program = find_on_path(agent.command[0], parts.environment)
    if program is None:
        raise FactoryError(
            what=f"the agent of the seat `{name}` is not on this machine",
            why=f"there is no `{agent.command[0]}` on PATH",
            next_step=agent.install or "install it, or name its whole path",
        )
    others = {one: find_on_path(one, parts.environment) for one in agent.programs}
    if missing := [one for one, found in others.items() if found is None]:
        raise FactoryError(
            what=f"the agent of the seat `{name}` needs `{missing[0]}`, which is not on PATH",
            next_step=f"install {missing[0]}",
        )
    if host:
        agent = msgspec.structs.replace(agent, passes=(*agent.passes, *PASSED_TO_SSH))
    place = f"{parts.state_place}/seats/{ACP}"
    shown = [path for found in others.values() if found is not None for path in found.readable]
    return AcpSeat(
        Kit(
            open=partial(_open_line, place) if where else parts.sandbox.open,
            contained=parts.sandbox.is_wall and not where,
            agent=agent,
            name=name,
            argv=(
                program.path if Path(agent.command[0]).name == agent.command[0] else agent.command[0],
                *agent.command[1:],
            ),
            programs={one: found.path for one, found in others.items() if found is not None},
            readable=tuple(dict.fromkeys((*program.readable, *shown, *agent.readable))),
            where=where,
            login=None if where else _login(parts, name, profile, agent),
            place=place,
            environment=parts.environment,
            models=read_models(parts.environment, parts.repository),
            model=model or profile.model,
            learn=parts.learn,
        )
    )


async def _open_line(place: str, argv: tuple[str, ...], boundary_at: BoundaryAt) -> Program:
    """A way to another machine: the program at this end is the user's own, as `ssh` is."""
    return await open_plain(argv, boundary_at, place)


def _agent(parts: Ingredients, profile: SeatProfile) -> Agent:
    if profile.agent:
        return find_agent(profile.agent, parts.environment, parts.repository).agent
    endpoint = None
    told = {}
    if profile.base_url or profile.credential:
        endpoint = AgentEndpoint(base_url=profile.base_url, credential=profile.credential, speaks="anthropic")
        told = {"ANTHROPIC_BASE_URL": "${url}", "ANTHROPIC_API_KEY": "${stand_in}"}
    return Agent(title=profile.command[0], command=profile.command, endpoint=endpoint, environment=told)


def _login(parts: Ingredients, name: str, profile: SeatProfile, agent: Agent) -> Login | None:
    """What opens its model; None = it is given no way out."""
    if (own := login_of(parts, name, profile)) is not None:
        return own
    endpoint = agent.endpoint
    if endpoint is None:
        return None
    if not endpoint.credential:
        return Login(kind="none", base_url=endpoint.base_url)
    credential = _credential(parts.keys, parts.environment, endpoint)
    if not credential:
        raise FactoryError(
            what=f"there is nothing that lets the agent of the seat `{name}` in at {endpoint.base_url}",
            why=f"{endpoint.credential} is not set; a seat never uses your own login",
            next_step=f"export {endpoint.credential} before you start the factory",
        )
    parts.learn(endpoint.credential, credential)
    return Login(kind="key", base_url=endpoint.base_url, credential=credential)


def _credential(keys: Keys, environment: Mapping[str, str], endpoint: AgentEndpoint) -> str:
    return keys.get(endpoint.credential) or environment.get(endpoint.credential, "")


# --- for the doctor --------------------------------------------------------------------------------


def needs_of_agents(environment: Mapping[str, str], keys: Keys) -> Iterator[Need]:
    """The extra, and of each known agent what is missing first."""
    there = has_acp()
    yield Need(
        about="acp: extra",
        is_there=there,
        found="installed" if there else "not installed: no seat is filled by an agent of yours",
        mend="" if there else EXTRA,
    )
    try:
        known = known_agents(environment)
    except FactoryError as error:
        yield Need(about="acp: agents", is_there=False, found=str(error), mend="correct that file, or move it away")
        return
    for one in known:
        yield _need(one, environment, keys)


def _need(one: KnownAgent, environment: Mapping[str, str], keys: Keys) -> Need:
    agent, about = one.agent, f"acp: {one.name}"
    tried = f"; {agent.tried}" if agent.tried else ""
    for name in (agent.command[0], *agent.programs):
        if find_on_path(name, environment) is None:
            mend = agent.install if name == agent.command[0] else ""
            return Need(
                about=about, is_there=False, found=f"no `{name}` on PATH{tried}", mend=mend or f"install {name}"
            )
    endpoint = agent.endpoint
    if endpoint is not None and endpoint.credential and not _credential(keys, environment, endpoint):
        found = f"{agent.title} is here, and {endpoint.credential} is not set{tried}"
        return Need(about=about, is_there=False, found=found, mend=f"export {endpoint.credential}")
    return Need(about=about, is_there=True, found=f"{agent.title}{tried}")
