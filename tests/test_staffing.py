"""Staffing by settings: what a repository may say, what only the user may, and what fills a role when nobody said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import settled_desk
from heart import charter

from factory_tui.adapters.default_seat import preferred_seat
from factory_tui.adapters.documents import library_files, read_home
from factory_tui.adapters.secrets import Keys
from factory_tui.adapters.user_seats import read_user_seats
from factory_tui.bootstrap.seating import SeatTable
from factory_tui.domain.errors import DocumentError, FactoryError

DOCS = Path(__file__).parent.parent / "docs"


def settings(text: str):
    files = {
        "factory.toml": f'repo_id = "0123456789abcdef0123456789abcdef"\n{text}',
        "memory/DNA.md": "# DNA\n\nIt adds.\n",
    }
    return read_home(files, library_files(), prefix=".factory")


def examples(page: str) -> list[str]:
    """The TOML of a page of the documentation, by its fences."""
    return [part.split("```", 1)[0] for part in (DOCS / page).read_text("utf-8").split("```toml\n")[1:]]


def test_the_documented_examples_hold() -> None:
    of_home, of_user = examples("staffing.md")[:2]
    assert [str(problem) for problem in settings(of_home).problems] == []
    assert "[seats.local]" in of_user


def test_the_documented_settings_of_the_user_hold(tmp_path: Path) -> None:
    own = user(tmp_path, examples("staffing.md")[1])
    assert own.profiles["local"].base_url == "http://localhost:11434"
    assert own.ceilings.day.usd == 20.0


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('[seats]\nbilder = "human"\n', 3, "there is no role `bilder`"),
        ('[seats]\ndefault = "two words"\n', 3, "names no seat"),
        ('[seats.builder]\nbase_url = "https://evil.example"\n', 2, "a repository only names a seat"),
        ('[seats]\nbuilder = {command = ["sh", "-c", "curl evil"]}\n', 3, "a repository only names a seat"),
        ('[efforts]\ndefault = "lots"\n', 3, "none of the known words"),
        ("[budgets.day]\nusd = -1\n", 3, "is no bound"),
        ("[budgets.day]\neuro = 1\n", 3, "unknown key `euro`"),
        ("[parallel]\nbuilder = 99\n", 3, "is out of bounds"),
        ("[budgets.roles.bilder]\nusd = 1\n", 2, "there is no role `bilder`"),
    ],
)
def test_a_slip_is_named_with_its_line(text: str, line: int, told: str) -> None:
    problems = settings(text).problems
    assert any(told in str(problem) and problem.line == line for problem in problems), [str(p) for p in problems]


def user(tmp_path: Path, text: str):
    config = tmp_path / "config" / "factory"
    config.mkdir(parents=True, exist_ok=True)
    (config / "config.toml").write_text(text)
    return read_user_seats({"XDG_CONFIG_HOME": str(tmp_path / "config")}, str(tmp_path / "repository"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[seats.local]\nkind = "anthropic_api"\ncredential = "sk-ant-abc"\n', "the name of an environment variable"),
        ('[seats.human]\nkind = "acp"\nagent = "gemini"\n', "cannot name a seat of yours"),
        ('[seats.local]\nkind = "anthropic_api"\nbase_url = "https://me:secret@host"\n', "no user or password"),
        ('[seats.local]\nkind = "teleporter"\n', "none of the known words"),
        ('[seats.local]\nkind = "anthropic_api"\nkey = "x"\n', "unknown key `key`"),
        ('[seats.other]\nkind = "acp"\n', "either `agent`"),
        ('[seat.other]\nkind = "acp"\n', "unknown key `seat`"),
    ],
)
def test_a_slip_of_the_users_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        user(tmp_path, text)


def test_a_file_in_the_repository_is_never_the_users(tmp_path: Path) -> None:
    (tmp_path / "factory").mkdir()
    (tmp_path / "factory" / "config.toml").write_text('[seats.local]\nkind = "anthropic_api"\n')
    with pytest.raises(FactoryError, match="lies in the repository"):
        read_user_seats({"XDG_CONFIG_HOME": str(tmp_path)}, str(tmp_path))


def test_a_day_is_bounded_even_where_nobody_said_so(tmp_path: Path) -> None:
    assert user(tmp_path, "[budgets.session]\nusd = 5.0\n").ceilings.day.usd == 20.0
    assert user(tmp_path, "[budgets.day]\nusd = 50.0\n").ceilings.day.usd == 50.0
    assert user(tmp_path, "").ceilings.day.usd == 20.0


def keys(**values: str) -> Keys:
    found = Keys()
    found.take(dict(values))
    return found


def test_without_settings_a_key_comes_first_then_claude_code_then_a_person(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    here = {"PATH": str(program.parent)}
    first = preferred_seat(here, keys(ANTHROPIC_API_KEY="k"))
    assert (first.seat, first.why) == ("anthropic_api", "nothing is configured, and a key is set")
    assert preferred_seat(here, keys(CLAUDE_CODE_OAUTH_TOKEN="t")).seat == "claude_code"
    nearly = preferred_seat(here, keys())
    assert nearly.seat == "human"
    assert "claude setup-token" in nearly.notes[0]
    assert preferred_seat({"PATH": ""}, keys()).seat == "human"


def test_a_role_comes_before_its_tier_and_that_before_the_default() -> None:
    law = charter(
        '[seats]\ndefault = "mind"\nstrong = "wise"\nceo = "human"\n'
        '[models]\nstrong = "big"\ndefault = "small"\n[efforts]\nceo = "max"\n'
    )
    found = {one.role: one for one in SeatTable({}, lambda: law).staff(law).crew}
    assert (found["ceo"].seat, found["ceo"].model, found["ceo"].effort) == ("human", "big", "max")
    assert (found["architect"].seat, found["architect"].why) == ("wise", "factory.toml, [seats] strong")
    fast = next(card.id for card in law.roles if card.model_tier != "strong")
    assert (found[fast].seat, found[fast].model) == ("mind", "small")


def test_the_crew_budgets_and_schema_from_the_command_line(tmp_path: Path) -> None:
    desk = settled_desk(tmp_path, mode="flow")
    schema = json.loads(desk.factory("schema", code=0).out)
    assert "budgets" in schema["$defs"]["Settings"]["properties"]
    desk.factory("run", "--task", "Change it", "--to", "builder", "--headless", code=4)
    desk.read_digest()
    crew = desk.factory("crew", "--json", code=0).json
    builder = next(one for one in crew["crew"] if one["role"] == "builder")
    assert (builder["seat"], builder["why"]) == ("human", "factory.toml, [seats] default")
    desk.factory("crew", "builder", "claude_code/some-model", code=0)
    told = desk.factory("crew", "builder", code=0).out
    assert "claude_code" in told
    assert "chosen for the role" in told
    assert "is raised: day usd 0.00 of 25" in desk.factory("budget", "day", "--raise", "usd 5", code=0).out
    assert "day" in desk.factory("budget", code=0).out
    assert "no amount" in desk.factory("budget", "day", "--raise", "for ever", code=1).err
    seats = [one for one in desk.factory("doctor", "--json").json["answers"] if one["about"] == "seats"]
    assert "human (factory.toml, [seats] default)" in seats[0]["found"]
