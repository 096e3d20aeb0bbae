"""Secrets: found in every encoding, taken out before anything is stored, and never slow."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from crew import SUPERVISOR, make_crew, small_task
from hypothesis import given
from hypothesis import strategies as st

from factory_tui.adapters.redacting import RedactedProgress
from factory_tui.adapters.secrets import Keys, is_secret_name
from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.house import open_house
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain.redaction import Redactor, Stream
from factory_tui.domain.scrubbing import scrubbed
from factory_tui.domain.terms import Action, Change, FileChange, Line
from factory_tui.engine.seat_ports import Desk, TurnBrief

SECRET = "plum/Tree+42-in=the.garden"
"""Made up, like every secret in this file; those with a known shape are put together so that no scanner meets them."""


def encodings(value: str) -> dict[str, str]:
    data = value.encode()
    return {
        "plain": value,
        "base64": base64.b64encode(data).decode(),
        "base64 in a longer text": base64.b64encode(b"x" + data + b"tail").decode(),
        "base64 two further": base64.b64encode(b"xy" + data + b"tail").decode(),
        "hex": data.hex(),
        "percent": quote(value, safe=""),
        "percent, every byte": "".join(f"%{byte:02X}" for byte in data),
        "reversed": value[::-1],
    }


@pytest.mark.parametrize("form", encodings(SECRET))
def test_a_known_secret_is_found_in_each_encoding(form: str):
    text = f"before {encodings(SECRET)[form]} after"
    found = Redactor({"DEPLOY": SECRET}).text(text)
    assert "[redacted: DEPLOY]" in found
    assert SECRET not in found
    assert found.startswith("before ")
    assert found.endswith(" after")


@given(st.text("abcdefgh0123456789/+=", min_size=12, max_size=40), st.integers(0, 7), st.integers(0, 30))
def test_no_cut_of_a_stream_lets_a_secret_through(secret: str, form: int, cut: int):
    # T-exfiltration: a secret split across two pieces
    text = f"a\nsee {list(encodings(secret).values())[form]} there\nb\n"
    stream = Stream(Redactor({"K": secret}))
    out = stream.take(text[:cut]) + stream.take(text[cut:]) + stream.end()
    assert list(encodings(secret).values())[form] not in out
    assert out == Redactor({"K": secret}).text(text)


SHAPES = [
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "ghp_" + "a1B2" * 9,
    "sk-ant-" + "api03-" + "x1Y2" * 20,
    "xoxb-" + "123456789012-abcdefABCDEF",
    "glpat-" + "a1B2" * 6,
    "DB_PASSWORD=" + "a1B2c3D4e5F6g7",
    "postgres://app:" + "s3cretword" + "@db/x",
    "Authorization: Bearer " + "a1B2" * 8,
    "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nb3BlbnNza\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SHAPES)
def test_a_secret_nobody_knew_is_found_by_its_shape(secret: str):
    found = Redactor().text(f"x\nout {secret} end\ny")
    assert "[redacted" in found
    hidden = secret.split("=", 1)[-1].split("Bearer ")[-1].split("\n")[0]
    assert hidden not in found
    assert "b3BlbnNza" not in found
    assert found.startswith("x\n")
    assert found.endswith("y")


def test_what_was_taken_out_is_named():
    assert Redactor().text(SHAPES[0]) == "[redacted: aws key]"
    assert Redactor().text(SHAPES[2]) == "[redacted: anthropic key]"
    assert Redactor().text("12345678:AA" + "a1B" * 11) == "[redacted: telegram token]"


CLEAN = [
    "commit 9f8c1f7d2b7b9a1c4f4e6a5d3c2b1a0f9e8d7c6b",
    "sha256:" + "0123456789abcdef" * 4,
    "token_count = 4096",
    "password = os.environ['DATABASE_PASSWORD']",
    "secret = settings.SECRET_KEY_2",
    "api_key = config.api_key_for(user1)",
    "T-42 passed 33/33",
    "https://example.org/a:b@c",
    "def take_token(self, tokens: list[str]) -> None:",
]


@pytest.mark.parametrize("line", CLEAN)
def test_ordinary_text_is_left_alone(line: str):
    assert Redactor({"K": SECRET}).text(line) == line


def test_bytes_that_are_no_text_come_back_as_they_were():
    data = bytes(range(256)) * 4
    assert Redactor({"K": SECRET}).data(data) is data
    assert Redactor({"K": SECRET}).data(b"\xff" + SECRET.encode() + b"\xfe") == b"\xff[redacted: K]\xfe"


def test_a_diff_with_a_secret_names_the_line_and_not_the_secret():
    lines = (Line(number=1, text="fine"), Line(number=7, text=f"key = '{SECRET[::-1]}'"))
    change = Change(files=(FileChange(path="src/a.py", new_mode="100644", added=lines),))
    (found,) = Redactor({"DEPLOY": SECRET}).in_change(change)
    assert str(found).startswith("src/a.py: line 7 holds a secret (DEPLOY, fingerprint ")
    assert SECRET not in str(found)
    assert list(Redactor({"DEPLOY": SECRET}).in_change(change, allowed=[found.fingerprint])) == []


def test_progress_shows_whole_lines_without_their_secrets():
    shown: list[str] = []
    progress = RedactedProgress(lambda turn, text: shown.append(text), Redactor({"K": SECRET}))
    for piece in ("it is ", SECRET[:9], SECRET[9:], " there\nne", "xt\n"):
        progress("builder/b1", piece)
    assert "".join(shown) == "it is [redacted: K] there\nnext\n"


async def test_the_last_words_of_a_turn_are_given_out_without_their_secrets(tmp_path: Path):
    """A line without an end is held back while more could come; nothing more comes once the turn is over."""
    shown: list[tuple[str, bool]] = []

    async def speak(brief: TurnBrief, desk: Desk) -> None:
        desk.say("first\nthe key is ")
        desk.say(SECRET[:9])
        desk.say(SECRET[9:])

    crew = make_crew(tmp_path, {"builder": speak})
    ground = find_ground(str(crew.root), crew.environment)
    house = open_house(
        ground,
        seats=lambda charter: SeatTable({"mind": lambda: crew.seat}, charter),
        progress=lambda turn, text: shown.append((text, turn in house.state.turns)),
    )
    house.redactor.learn("K", SECRET)
    try:
        await house.start(SUPERVISOR)
        await small_task(house, "Speak")
        async with asyncio.timeout(30):
            await house.factory.until(lambda state: bool(state.tasks["T-1"].turns))
    finally:
        await house.close("done", SUPERVISOR)
    assert shown[:2] == [("first\n", True), ("the key is [redacted: K]\n", True)]


def test_every_text_of_a_value_is_cleaned_and_nothing_else_is_touched():
    action = Action(kind="run", command=f"curl -H {SECRET}")
    clean = Redactor({"K": SECRET}).text
    assert scrubbed(action, clean) == Action(kind="run", command="curl -H [redacted: K]")
    harmless = Action(kind="run", command="make")
    assert scrubbed(harmless, clean) is harmless


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("ANTHROPIC_API_KEY", True),
        ("GITHUB_TOKEN", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("DB_PASSWORD", True),
        ("PATH", False),
        ("SSH_AUTH_SOCK", False),
        ("TOKEN_FILE", False),
        ("KEYBOARD", False),
    ],
)
def test_names_tell_which_variables_are_secret(name: str, secret: bool):
    assert is_secret_name(name) is secret


def test_taken_keys_are_gone_from_the_environment_and_from_what_the_kernel_shows():
    program = """
import os, sys
from factory_tui.adapters.secrets import OURS
assert os.environ["SOME_API_KEY"] == "tell-nobody-this"
OURS.take(os.environ)
assert OURS.get("SOME_API_KEY") == "tell-nobody-this"
assert "SOME_API_KEY" not in os.environ
shown = open("/proc/self/environ", "rb").read()
assert b"tell-nobody-this" not in shown and b"OTHER=stays" in shown, shown
assert "tell-nobody" not in repr(OURS)
print("good")
"""
    environment = {**os.environ, "SOME_API_KEY": "tell-nobody-this", "OTHER": "stays"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("good\n", "")


def test_an_environment_given_as_a_mapping_is_emptied_too():
    keys, environment = Keys(), {"X_TOKEN": "abc", "PATH": "/bin", "EMPTY_TOKEN": ""}
    assert keys.take(environment) == ("X_TOKEN",)
    assert environment == {"PATH": "/bin", "EMPTY_TOKEN": ""}
