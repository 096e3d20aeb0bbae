"""The measure of contexts that share nothing is itself measured: each way of sharing shows red."""

from __future__ import annotations

from typing import Any

import pytest
from apart import share_nothing
from messages_server import Request

WORDS = "I would take the shorter way here."


def request(brief: str, *more: tuple[str, str], session: str = "") -> Request:
    said: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": brief}]}]
    said += [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in more]
    body = {"system": "a role", "messages": said, "metadata": {"user_id": session}}
    return Request("POST", "/v1/messages", {}, body)


AUTHOR = request("Write it.", ("assistant", WORDS), session="0f8fad5b-d9cb-469f-a165-70867728950e")


def test_two_conversations_of_their_own_share_nothing() -> None:
    assert share_nothing([AUTHOR, request("Judge it."), AUTHOR]) == 2


@pytest.mark.parametrize(
    "other",
    [
        request(f"Judge it. The author said: {WORDS}"),
        request("Judge it.", session="0f8fad5b-d9cb-469f-a165-70867728950e"),
    ],
    ids=["words", "session"],
)
def test_what_one_has_of_the_other_shows(other: Request) -> None:
    with pytest.raises(AssertionError, match=r"another's words|under one id"):
        share_nothing([AUTHOR, other])


def test_a_common_beginning_shows() -> None:
    first, second = request("Write it."), request("Write it.")
    second.body["messages"][0]["content"].append({"type": "text", "text": "And more."})
    with pytest.raises(AssertionError, match="prefix"):
        share_nothing([first, second])
