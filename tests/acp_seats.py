"""Our own agent (`acp_agent.py`) in a seat, as any other would be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from factory_tui.adapters.agents import Agent
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seats.acp.kit import Kit
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around

AGENT = str(Path(__file__).with_name("acp_agent.py"))


def acp_kit(place: Path, *arguments: str, **more: Any) -> Kit:
    """Behind the real wall. `arguments` are the agent's own."""
    argv = (sys.executable, "-u", AGENT, *arguments)
    settings: dict[str, Any] = {
        "open": BwrapSandbox(look_around(find_bwrap(), [sys.base_prefix])).open,
        "contained": True,
        "agent": Agent(title="ours", command=argv, environment={"KEPT": "${home}"}),
        "name": "ours",
        "argv": argv,
        "readable": (sys.prefix, AGENT),
        "place": str(place / "seats"),
        "tools_seconds": 20.0 if "mcp" in arguments else 0.0,
        "models": read_models({"XDG_CONFIG_HOME": "/nonexistent"}),
    }
    return Kit(**settings | more)
