"""Asking an environment itself what runs there, for the screens that tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory_tui.domain.errors import FactoryError
from factory_tui.engine.deploy_orders import Deploy
from factory_tui.tui.harmless import one_line

if TYPE_CHECKING:
    from factory_tui.tui.bridge import Bridge


async def asked_world(cockpit: Bridge, environment: str) -> str:
    """What runs there by the environment's own word, and when it was asked; `UNKNOWN` with the reason."""
    try:
        assert cockpit.view is not None
        told = await cockpit.view.ask(Deploy(order="status", environment=environment))
    except FactoryError as error:
        return f"UNKNOWN: {one_line(str(error), 300)}"
    if not told["known"]:
        return f"UNKNOWN: {one_line(str(told['why_unknown']), 300)}"
    return f"{str(told['running'])[:10] or 'nothing'} runs there, asked {cockpit.now()[11:19]}"
