"""With nothing configured: which seat fills the roles, why, and what would fill them instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from at_terminal import At
from commands import DNA, SETTINGS, Desk, desk

HOME = {
    ".factory/factory.toml": SETTINGS.replace("{mode}", "flow").replace('[seats]\ndefault = "human"\n', ""),
    ".factory/memory/DNA.md": DNA,
    ".factory/memory/digests/.gitignore": "*\n!.gitignore\n",
}
EACH = [
    pytest.param({"ANTHROPIC_API_KEY": "not-a-real-key"}, "anthropic_api", "a key is set", id="key"),
    pytest.param(
        {"CLAUDE_CODE_OAUTH_TOKEN": "not-a-real-token"},
        "claude_code",
        "Claude Code is here with a token of its own",
        id="claude",
        marks=[pytest.mark.needs_claude, pytest.mark.needs_bwrap],
    ),
    pytest.param({}, "human", "nothing is configured, and there is neither", id="neither"),
]
MENDS = {
    "anthropic_api: key": "export ANTHROPIC_API_KEY",
    "claude_code: login": "claude setup-token",
}


def bare(tmp_path: Path) -> Desk:
    return desk(tmp_path, {**HOME})


@pytest.mark.parametrize(("environment", "seat", "why"), EACH)
def test_the_doctor_says_which_seat_and_why_and_how_to_get_another(
    tmp_path: Path, environment: dict[str, str], seat: str, why: str
) -> None:
    answers = bare(tmp_path).factory("doctor", "--json", code=0, **environment).json["answers"]
    (found,) = [one["found"] for one in answers if one["about"] == "seats" and "(" in one["found"]]
    assert found.startswith(f"{seat} (")
    assert why in found
    missing = {one["about"]: one["mend"] for one in answers if one["about"] in MENDS and one["state"] != "ok"}
    assert len(missing) == {"anthropic_api": 0, "claude_code": 1, "human": 2}[seat]
    assert all(MENDS[about] in mend for about, mend in missing.items())
    assert not any(secret in str(answers) for secret in environment.values())


@pytest.mark.parametrize(("environment", "seat", "why"), EACH)
def test_the_cockpits_first_start_says_which_seat_and_why(
    tmp_path: Path, environment: dict[str, str], seat: str, why: str
) -> None:
    with At(bare(tmp_path), **environment) as terminal:
        terminal.until("the session has begun")
        terminal.keys("gc")
        terminal.until(f"{seat} ")
        terminal.until(why[:30])  # a narrow row is cut, and `=` shows it whole
        terminal.process.terminate()
        terminal.until("digest: ")
        assert not any(secret in terminal.shown for secret in environment.values())
