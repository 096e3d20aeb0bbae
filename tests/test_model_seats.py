"""What a seat of somebody else's program needs on this machine, and the command that mends what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from factory_tui.adapters.default_seat import preferred_seat
from factory_tui.adapters.logins import ANTHROPIC, Login, ProvenLogins, find_login
from factory_tui.adapters.model_seats import (
    anthropic_api,
    claude_code,
    needs_of_anthropic_api,
    needs_of_claude_code,
    profiled,
)
from factory_tui.adapters.seat_parts import Ingredients
from factory_tui.adapters.seats.claude_code.finding import find_program
from factory_tui.adapters.secrets import Keys
from factory_tui.adapters.user_config import UserConfig
from factory_tui.adapters.user_seats import SeatProfile
from factory_tui.adapters.walls import ProvenSandbox
from factory_tui.domain.errors import FactoryError

AT = "2026-11-22T10:00:00.000Z"


def keys(**found: str) -> Keys:
    taken = Keys()
    taken.take(found)
    return taken


def program(folder: Path, text: str = "\x7fELF") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "claude"
    made.write_text(text)
    made.chmod(0o755)
    return made


def test_a_key_comes_before_a_token_and_a_server_of_ones_own_needs_neither():
    assert find_login(keys(), {}) is None
    token = find_login(keys(CLAUDE_CODE_OAUTH_TOKEN="t"), {})
    assert token == Login(kind="token", credential="t")
    assert token.variable == "CLAUDE_CODE_OAUTH_TOKEN"
    both = find_login(keys(CLAUDE_CODE_OAUTH_TOKEN="t", ANTHROPIC_API_KEY="k"), {})
    assert both == Login(kind="key", base_url=ANTHROPIC, credential="k")
    own = find_login(keys(), {"ANTHROPIC_BASE_URL": "http://localhost:11434/"})
    assert own == Login(kind="none", base_url="http://localhost:11434")
    assert "credential" not in repr(both)


def test_a_persons_own_login_lets_no_seat_in(tmp_path: Path):
    """Claude Code would find it by itself; a seat needs one that was made for seats."""
    for name in (".credentials.json", "settings.json"):
        (tmp_path / ".claude").mkdir(exist_ok=True)
        (tmp_path / ".claude" / name).write_text('{"claudeAiOauth": {"accessToken": "sk-ant-oat01-mine"}}')
    here = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / ".claude"), "PATH": ""}
    assert find_login(keys(), here) is None
    *_, login = needs_of_claude_code(here, keys(), None)
    assert not login.is_there
    assert "your own login is never used" in login.found
    assert "`claude setup-token`, which makes a token for seats alone" in login.mend
    assert preferred_seat({**here, "PATH": str(program(tmp_path / "bin").parent)}, keys()).seat == "human"


def test_a_login_is_proven_for_itself_and_its_endpoint_only(tmp_path: Path):
    proven = ProvenLogins(tmp_path / "state" / "logins.json")
    one = Login(kind="key", credential="secret-key")
    assert proven.since(one) == ""
    proven.prove(one, AT)
    proven.prove(one, "later")
    assert proven.since(one) == AT
    for other in (
        Login(kind="token", credential="secret-key"),
        Login(kind="key", credential="another"),
        Login(kind="key", credential="secret-key", base_url="http://localhost"),
    ):
        assert proven.since(other) == ""
    assert "secret" not in (tmp_path / "state" / "logins.json").read_text()
    (tmp_path / "state" / "logins.json").write_text("[broken")
    assert proven.since(one) == ""


def test_the_program_on_the_path_comes_first_and_links_are_followed(tmp_path: Path):
    real = program(tmp_path / "share" / "versions")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "claude").symlink_to(real)
    found = find_program({"PATH": f"relative:{tmp_path / 'none'}:{tmp_path / 'bin'}"})
    assert (found.path, found.readable) == (str(real), (str(real),))


def test_a_script_is_shown_its_package_and_its_interpreter(tmp_path: Path):
    package = tmp_path / "lib" / "claude-code"
    script = program(package / "bin", "#!/usr/bin/env node\n")
    (package / "package.json").write_text("{}")
    node = tmp_path / "node" / "bin" / "node"
    node.parent.mkdir(parents=True)
    node.write_text("")
    node.chmod(0o755)
    found = find_program({"PATH": f"{script.parent}:{node.parent}"})
    assert found.readable == (str(package), str(tmp_path / "node"))


def test_the_doctor_names_each_thing_that_is_missing_with_the_command_that_mends_it(tmp_path: Path):
    proven = ProvenLogins(tmp_path / "logins.json")
    _, found, login = needs_of_claude_code({"PATH": str(program(tmp_path / "bin").parent)}, keys(), proven)
    assert (found.is_there, found.mend) == (True, "")
    assert not login.is_there
    assert "claude setup-token" in login.mend
    *_, unproven = needs_of_claude_code({}, keys(CLAUDE_CODE_OAUTH_TOKEN="t"), proven)
    assert unproven.is_there
    assert "unproven" in unproven.found
    proven.prove(Login(kind="token", credential="t"), AT)
    *_, known = needs_of_claude_code({}, keys(CLAUDE_CODE_OAUTH_TOKEN="t"), proven)
    assert known.found == "a token made for seats, proven 2026-11-22"


def ingredients(place: Path, taken: Keys) -> Ingredients:
    return Ingredients(
        sandbox=ProvenSandbox(place / "exports", UserConfig(path=str(place / "config.toml"))),
        state_place=str(place),
        environment={"PATH": "", "XDG_CONFIG_HOME": str(place)},
        repository=str(place / "repository"),
        keys=taken,
        now=lambda: AT,
        learn=lambda name, secret: None,
    )


@pytest.mark.needs_claude
def test_a_seat_is_made_without_a_process_and_refused_without_a_way_in(tmp_path: Path):
    seat = claude_code(ingredients(tmp_path, keys(ANTHROPIC_API_KEY="k")))
    assert (seat.kind, seat.facts.control, seat.facts.can_resume) == ("claude_code", "supervised", True)
    assert not seat.facts.contained, "no wall was proved yet"
    with pytest.raises(FactoryError, match="nothing that lets Claude Code in"):
        claude_code(ingredients(tmp_path, keys()))


@pytest.mark.needs_claude
def test_what_a_seat_knows_of_its_cost_follows_the_model_that_it_was_staffed_with(tmp_path: Path):
    parts = ingredients(tmp_path, keys(ANTHROPIC_API_KEY="k"))
    for make in (anthropic_api, claude_code):
        assert [make(parts, model).facts.knows_cost for model in ("", "claude-opus-5-5", "nobodys-model")] == [
            True,
            True,
            False,
        ]


@pytest.mark.needs_claude
def test_a_profiles_effort_comes_to_either_kind_of_seat(tmp_path: Path):
    parts = ingredients(tmp_path, keys(ANTHROPIC_API_KEY="k"))
    for kind in ("anthropic_api", "claude_code"):
        profile = SeatProfile(kind=kind, model="claude-opus-5-5", effort="low")  # type: ignore[arg-type]
        seats = [profiled(parts, "mine", profile), profiled(parts, "mine", profile, effort="max")]
        assert [seat.effort for seat in seats] == ["low", "max"]  # type: ignore[attr-defined]


def test_the_seat_of_the_api_is_made_from_a_key_and_refused_without_one(tmp_path: Path):
    seat = anthropic_api(ingredients(tmp_path, keys(ANTHROPIC_API_KEY="k")))
    assert (seat.kind, seat.facts.control, seat.facts.contained) == ("anthropic_api", "brokered", True)
    for useless in (keys(), keys(CLAUDE_CODE_OAUTH_TOKEN="t")):
        with pytest.raises(FactoryError, match="export ANTHROPIC_API_KEY"):
            anthropic_api(ingredients(tmp_path, useless))


def test_the_doctor_names_the_key_that_is_missing_or_unproven_and_never_shows_it(tmp_path: Path):
    (missing,) = needs_of_anthropic_api({}, keys(), None)
    assert (missing.is_there, "export ANTHROPIC_API_KEY" in missing.mend) == (False, True)
    (unproven,) = needs_of_anthropic_api({}, keys(ANTHROPIC_API_KEY="secret-k"), None)
    assert "unproven" in unproven.found
    assert "secret-k" not in str(unproven)


def test_the_doctor_says_where_a_key_would_be_sent_in_the_clear():
    open_to_all = {"ANTHROPIC_BASE_URL": "http://gateway.example"}
    (api,) = needs_of_anthropic_api(open_to_all, keys(ANTHROPIC_API_KEY="k"), None)
    *_, claude = needs_of_claude_code(open_to_all, keys(ANTHROPIC_API_KEY="k"), None)
    for need in (api, claude):
        assert (need.is_there, "in the clear" in need.found, "https" in need.mend) == (False, True, True)


WITHOUT = """
import sys
sys.path[:0] = [{tests!r}]
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "claude_agent_sdk":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "claude_agent_sdk" else real(name)
from pathlib import Path
from test_model_seats import ingredients, keys
from factory_tui.adapters.model_seats import claude_code, needs_of_claude_code
from factory_tui.domain.errors import FactoryError
print([need.mend for need in needs_of_claude_code({{"PATH": ""}}, keys(ANTHROPIC_API_KEY="k"), None)])
try:
    claude_code(ingredients(Path({place!r}), keys(ANTHROPIC_API_KEY="k")))
except FactoryError as error:
    print(error.next_step)
"""


def test_without_the_extra_both_doctor_and_seat_name_the_command(tmp_path: Path):
    """In a process where it cannot be found."""
    program = WITHOUT.format(tests=str(Path(__file__).parent), place=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    extra = "pip install 'factory-os-cockpit[claude]'"
    unproven = "it is proven by the first turn of a seat that uses it"
    assert done.stdout.splitlines() == [str([extra, extra, unproven]), extra], done.stderr
