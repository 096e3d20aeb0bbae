"""Talking to the factory of this repository: the one that runs, over its socket, or one opened for a single request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory_tui.adapters.control import ask
from factory_tui.adapters.glance import Glance, glance
from factory_tui.domain.errors import Refusal

if TYPE_CHECKING:
    from factory_tui.bootstrap.house import House
    from factory_tui.engine.ports import Progress
    from factory_tui.engine.reception import Reception, Request


def here() -> Glance:
    """The repository around the working directory."""
    return glance(str(Path.cwd()))


def ask_running(place: Glance, request: Mapping[str, Any], *, patiently: bool = False) -> Any:
    """The running factory's answer; None when none runs. `patiently`: work may be needed before the answer."""
    socket = place.place.control_socket()
    return ask(socket, request, seconds=None) if patiently else ask(socket, request)


def request(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def ask_anyhow(place: Glance, wanted: Mapping[str, Any], *, patiently: bool = False) -> Any:
    """The running factory's answer, or that of one opened for this request alone, which starts nothing."""
    answer = ask_running(place, wanted, patiently=patiently)
    if answer is not None:
        return answer
    return asyncio.run(ask_opened(wanted))


async def ask_opened(
    wanted: Mapping[str, Any],
    *,
    after: Callable[[House, Any], Awaitable[Any]] | None = None,
    progress: Progress = lambda about, text: None,
) -> Any:
    """The answer of a factory opened for this request alone; `after` is what it still does, and answers instead."""
    import msgspec

    from factory_tui.bootstrap.grounds import find_ground, look, supervisor
    from factory_tui.bootstrap.house import open_house
    from factory_tui.cli.seating import seats
    from factory_tui.engine.reception import parse

    ground = find_ground(str(Path.cwd()))
    if wanted["type"] == "mode" or not look(ground)[0].session:
        raise Refusal(
            what="no factory runs here",
            why="a session has its mode from `--mode`, else from the home"
            if wanted["type"] == "mode"
            else "nothing was begun yet",
            next_step="`factory run`, or `factory resume --mode flow`",
        )
    house = open_house(ground, seats=seats(), progress=progress)
    try:
        if wanted["type"] == "deploy":
            await house.sandbox.prove()
        parsed = parse(msgspec.json.encode(wanted))
        if wanted["type"] == "adopt" and house.state.charter is not None:
            await house.propose_disk()
        told = await reception_of(house).answer(parsed, supervisor("cli"))
        await house.seal_briefs()
        await house.rule_commits.commit_owed()
        return told if after is None else await after(house, told)
    finally:
        house.ledger.close()


def reception_of(house: House, handovers: Any = None) -> Reception:
    from factory_tui.engine.reception import Reception

    return Reception(
        factory=house.factory,
        session=house.session,
        evidence=house.evidence,
        propose=house.propose_disk,
        handovers=handovers,
        incidents=house.incident_desk(),
        cards=house.card_desk(),
        deployments=house.deployments,
    )


async def answer_socket(house: House, reception: Reception, data: bytes) -> Mapping[str, Any]:
    """One request that came over the control socket."""
    from factory_tui.bootstrap.grounds import supervisor
    from factory_tui.engine.reception import parse

    wanted: Request = parse(data)
    return await reception.answer(wanted, supervisor("cli"))
