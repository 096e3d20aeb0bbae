"""The whole demo, its seats filled by a model over the real wire: the same mission, the same trees."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from apart import share_nothing
from messages_server import MessagesServer
from rehearsed_model import RehearsedModel

from factory_tui.adapters.demo.mission import demo_script
from factory_tui.adapters.model_list import read_models
from factory_tui.adapters.seats.anthropic_api import AnthropicApiSeat, ApiSettings
from factory_tui.bootstrap.grounds import look
from factory_tui.demo import open_demo, play_on, stage
from factory_tui.domain import events as e
from factory_tui.engine.seat_ports import Seat

pytestmark = [
    pytest.mark.needs_bwrap,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="not run: bwrap is not installed"),
]


ANEW = (
    ".factory/deploy.yaml",
    ".factory/factory.toml",
    ".factory/memory/incidents/",
    ".factory/trust/",
    "__pycache__",
)


def trees(root: Path) -> list[str]:
    """Every commit that the mission made or kept: its subject, with each file's blob. Left out are the home's own
    id, the keys it trusts and what they signed, which are made anew for each repository, what tells when an incident
    was, and compiled files."""

    def git(*words: str) -> list[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True, env=environment)
        return done.stdout.splitlines()

    found = []
    for line in git("log", "--exclude=refs/notes/*", "--all", "--format=%H %s"):
        commit, _, subject = line.partition(" ")
        listed = git("ls-tree", "-r", commit)
        files = [file for file in listed if not any(name in file for name in ANEW)]
        found.append("\n".join([subject, *files]))
    return sorted(found)


async def mission(place: Path, seat: Callable[[], Seat] | None = None) -> tuple[list[str], list[object]]:
    staged = stage(str(place))
    told: list[str] = []
    code = await play_on(staged, open_demo(staged, seat=seat), told.append)
    assert code == 0, "\n".join(told)
    _, entries, _ = look(staged.ground)
    return trees(staged.root), [entry.event for entry in entries]


async def test_the_demo_played_by_a_model_over_the_wire_ends_in_the_same_trees(tmp_path: Path) -> None:
    rehearsed, _ = await mission(tmp_path / "rehearsed")
    staged = stage(str(tmp_path / "probe"))
    charter = staged.ground.reading.charter
    assert charter is not None
    model = RehearsedModel(demo_script(frozenset(card.id for card in charter.roles if card.judges)), charter)
    async with MessagesServer(model, key="a-key") as server:
        settings = ApiSettings(
            models=read_models({"XDG_CONFIG_HOME": "/nonexistent"}), key="a-key", base_url=server.url
        )
        played, events = await mission(tmp_path / "played", lambda: AnthropicApiSeat(settings))
    assert played == rehearsed
    assert len(played) > 3
    turns = [event for event in events if isinstance(event, e.TurnStarted)]
    assert {turn.control for turn in turns} == {"brokered"}
    assert len(turns) == len(model.turns)
    noted = [event for event in events if isinstance(event, e.UsageNoted)]
    assert all(event.usd and event.model.startswith("claude-") for event in noted), "each turn says what it cost"
    reviews = [request for request in server.requests if "You are the Quality" in request.system]
    authors = [request for request in server.requests if "You are the Builder" in request.system]
    assert reviews
    assert authors
    words = "I read the store, the service and the test of the list first."
    assert any(words in request.everything for request in authors)
    assert not any(words in request.everything for request in reviews), "no word of the author's reaches the judge"
    assert not {request.system for request in reviews} & {request.system for request in authors}
    assert share_nothing(server.requests) == len(turns), "author, reviewer and re-author each have a context alone"
