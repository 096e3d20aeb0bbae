"""Conversations of a seat that keeps them itself, so that a turn that was cut off goes on where it was.

A file for each in the state place, for the user's eyes alone: written before anything said in it is carried out, and
taken away when its turn has ended. Taken up by its id, which only the same handoff in the same seat is ever told.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Sha256

MOST_DAYS = 30.0
"""After which one that nobody took up is forgotten."""
IN_DOUBT = "It is not known whether this was done: you were interrupted. Look before you do it again."
GO_ON = "You were interrupted. Go on with your turn."


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """All that a model is shown of one, but what every turn of its role is told."""

    brief: Sha256
    model: str
    messages: list[dict[str, Any]]
    done: list[str]
    """What was really done in it, a line each."""


class Shelf:
    """The conversations of one kind of seat. Its methods are for a thread: they touch the disk."""

    def __init__(self, place: str) -> None:
        self._place = Path(place)

    def keep(self, id: str, conversation: Conversation) -> None:
        """Replaces what was kept under the id. Raises WorldError."""
        data = json.dumps(vars(conversation)).encode()
        fresh = self._path(id).with_suffix(".new")
        try:
            self._place.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
            fresh.replace(self._path(id))
        except OSError as error:
            raise WorldError(what=f"the conversation could not be kept in {self._place}", why=str(error)) from error

    def take_up(self, id: str, brief: Sha256, model: str) -> Conversation | str:
        """Ready to be gone on with; or why it is not, in words that follow `the conversation`."""
        try:
            found = Conversation(**json.loads(self._path(id).read_bytes()))
        except (OSError, ValueError, TypeError):
            return "is not there any more"
        if found.brief != brief:
            return "was told another brief"
        return replace(found, messages=_gone_on(found.messages)) if found.model == model else "was another model's"

    def drop(self, id: str) -> None:
        """Forgets it, and those that nobody came back to."""
        long_ago = time.time() - MOST_DAYS * 86_400.0
        with contextlib.suppress(OSError):
            self._path(id).unlink()
        with contextlib.suppress(OSError):
            for path in self._place.iterdir():
                if path.stat().st_mtime < long_ago:
                    path.unlink()

    def _path(self, id: str) -> Path:
        return self._place / f"{uuid.UUID(id)}.json"


def _gone_on(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each call that has no result is told to be in doubt."""
    *before, last = messages
    told: list[dict[str, Any]] = [{"type": "text", "text": GO_ON}]
    if last["role"] == "user":
        return [*before, {**last, "content": [*last["content"], *told]}]
    doubts = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": IN_DOUBT, "is_error": True}
        for block in last["content"]
        if block.get("type") == "tool_use"
    ]
    return [*messages, {"role": "user", "content": [*doubts, *told]}]
