"""Agents as files: what ships can be used, a slip is named with its line, and what is missing comes with its mend."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from test_model_seats import ingredients, keys

from factory_tui.adapters.agent_seats import acp, needs_of_agents, unnamed_agent
from factory_tui.adapters.agents import (
    Agent,
    filled,
    filled_environment,
    filled_session,
    find_agent,
    known_agents,
    read_agent,
)
from factory_tui.adapters.endpoint import Endpoint
from factory_tui.adapters.seat_parts import Ingredients
from factory_tui.adapters.seats.acp.asking import Wish, command_line, names_ours, relative
from factory_tui.adapters.seats.acp.calls_in_text import calls_in
from factory_tui.adapters.seats.acp.remote import guarded, ssh_host
from factory_tui.adapters.user_seats import SeatProfile
from factory_tui.domain.errors import DocumentError, FactoryError

NOWHERE = {"XDG_CONFIG_HOME": "/nonexistent", "PATH": "/nonexistent"}


def program(folder: Path, name: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    shutil.copyfile("/bin/true", path)
    path.chmod(0o755)
    return str(folder)


def kitchen(place: Path, path: str, **taken: str) -> Ingredients:
    parts = ingredients(place, keys(**taken))
    return replace(parts, environment={**parts.environment, "PATH": path})


def own(tmp_path: Path, text: str, name: str = "mine") -> dict[str, str]:
    folder = tmp_path / "config" / "factory" / "agents"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text)
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": "/usr/bin:/bin"}


def test_what_ships_is_read_and_names_how_it_is_installed() -> None:
    known = {one.name: one.agent for one in known_agents(NOWHERE)}
    assert set(known) == {"claude", "codex", "gemini", "opencode"}
    for name, agent in known.items():
        assert agent.install, name
        assert agent.tried, name
        assert agent.endpoint is not None, name
        assert agent.endpoint.credential, name
        # The real credential is nowhere in what it is given.
        assert "${stand_in}" in agent.environment[agent.endpoint.credential], name
        assert re.search(r"\d+\.\d+\.\d+.*, 20\d\d-\d\d: ", agent.tried), f"{name}: which version was tried, and when"
        assert not agent.sees_tree, f"{name}: it works by the factory's calls alone"


def test_a_users_own_agent_comes_before_a_shipped_one_and_beside_it(tmp_path: Path) -> None:
    environment = own(tmp_path, 'title = "Mine"\ncommand = ["mine", "--acp"]\n')
    own(tmp_path, 'title = "My OpenCode"\ncommand = ["opencode2"]\n', "opencode")
    known = {one.name: one.agent for one in known_agents(environment)}
    assert known["mine"].command == ("mine", "--acp")
    assert known["opencode"].title == "My OpenCode"
    assert known["gemini"].title == "Gemini CLI"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('title = "x"\n', 1, "`command` is missing"),
        ('title = "x"\ncommand = []\n', 2, "needs its command"),
        ('title = "x"\ncomand = ["x"]\ncommand = ["x"]\n', 2, "unknown key `comand`"),
        ('title = "x"\ncommand = "x --acp"\n', 2, "a list is expected"),
        ('title = "x"\ncommand = ["x"]\n[environment]\nKEY = "${credential}"\n', 4, "nothing is known as"),
        ('title = "x"\ncommand = ["x"]\n[endpoint]\nbase_url = "ftp://x"\n', 4, "no plain http address"),
        (
            'title = "x"\ncommand = ["x"]\n[endpoint]\nbase_url = "https://x"\ncredential = "sk-1"\n',
            5,
            "the name of an environment variable",
        ),
        (
            'title = "x"\ncommand = ["x"]\n[endpoint]\nbase_url = "https://x"\npaths = ["/a/../b"]\n',
            5,
            "no path that could be called",
        ),
        ("title = \n", 1, "this is not TOML"),
        ('title = "x"\ncommand = ["x"]\n[files]\n"../up" = "x"\n', 4, "does not stay in"),
        ('title = "x"\ncommand = ["x"]\n[files]\n"/etc/passwd" = "x"\n', 4, "does not stay in"),
        ('title = "x"\ncommand = ["x"]\n[files]\n"a" = "${credential}"\n', 4, "nothing is known as"),
        ('title = "x"\ncommand = ["x"]\ntools = "both"\n', 3, "server"),
    ],
)
def test_a_slip_is_named_with_its_line(tmp_path: Path, text: str, line: int, problem: str) -> None:
    path = tmp_path / "slip.toml"
    path.write_text(text)
    with pytest.raises(DocumentError) as caught:
        read_agent(path)
    assert problem in str(caught.value)
    assert caught.value.line == line
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "title", "is_ours"),
    [
        ("other", "mcp__factory__read", True),
        ("other", "factory_read", True),
        ("other", "read (factory MCP Server)", True),
        ("other", 'read (factory MCP Server): {"path":"a.py"}', True),
        ("other", "read", False),
        ("other", "mcp__factory__bash", False),
        ("other", "mcp__elsewhere__read", False),
        ("other", "factory_read; rm -rf .", False),
        ("execute", "factory_read", False),
        ("edit", "mcp__factory__read", False),
    ],
)
def test_leave_for_our_own_tools_is_known_by_how_agents_title_them(kind: str, title: str, is_ours: bool) -> None:
    wish = Wish(kind=kind, title=title, paths=(), command="", pattern="", content=None)
    assert names_ours(wish, ["read", "edit"]) is is_ours


def test_a_variable_that_comes_out_empty_is_not_set() -> None:
    assert filled_environment({"A": "${model}", "B": "x${model}"}, {"model": ""}) == {"B": "x"}


def test_an_unknown_agent_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FactoryError) as caught:
        find_agent("geminy", NOWHERE)
    assert "claude, codex, gemini, opencode" in caught.value.why


def test_what_is_told_is_filled_in_and_an_empty_model_left_out() -> None:
    assert filled("${url}/v1 ${other}", {"url": "http://x"}) == "http://x/v1 ${other}"
    session = {"role": "${role}", "options": {"model": "${model}", "tools": []}}
    assert filled_session(session, {"role": "r", "model": ""}) == {"role": "r", "options": {"tools": []}}


def test_the_doctor_names_what_each_agent_lacks_and_the_command_that_mends_it(tmp_path: Path) -> None:
    bare = {need.about: need for need in needs_of_agents(NOWHERE, keys())}
    assert bare["acp: opencode"].mend == "npm install -g --allow-scripts=opencode-ai opencode-ai"
    folder = program(tmp_path / "bin", "opencode")
    here = {need.about: need for need in needs_of_agents({**NOWHERE, "PATH": folder}, keys())}
    assert here["acp: opencode"].mend == "export ANTHROPIC_API_KEY"
    ready = {need.about: need for need in needs_of_agents({**NOWHERE, "PATH": folder}, keys(ANTHROPIC_API_KEY="k"))}
    assert ready["acp: opencode"].is_there
    program(tmp_path / "bin", "claude-agent-acp")
    half = {need.about: need for need in needs_of_agents({**NOWHERE, "PATH": folder}, keys())}
    assert half["acp: claude"].mend == "install claude"


def test_an_agents_file_that_is_wrong_is_told_by_the_doctor(tmp_path: Path) -> None:
    environment = own(tmp_path, "title = 3\n")
    (wrong,) = [need for need in needs_of_agents(environment, keys()) if need.about == "acp: agents"]
    assert "mine.toml line 1: text is expected" in wrong.found


@pytest.mark.needs_acp
def test_a_seat_is_made_or_says_what_it_lacks(tmp_path: Path) -> None:
    parts = kitchen(tmp_path, "/nonexistent")
    with pytest.raises(FactoryError, match="no `opencode` on PATH") as caught:
        acp(parts, "oc", SeatProfile(kind="acp", agent="opencode"))
    assert caught.value.next_step == "npm install -g --allow-scripts=opencode-ai opencode-ai"
    folder = program(tmp_path / "bin", "opencode")
    with pytest.raises(FactoryError, match="ANTHROPIC_API_KEY is not set"):
        acp(kitchen(tmp_path, folder), "oc", SeatProfile(kind="acp", agent="opencode"))
    seat = acp(
        kitchen(tmp_path, folder, ANTHROPIC_API_KEY="k"),
        "oc",
        SeatProfile(kind="acp", agent="opencode"),
    )
    assert seat.kind == "acp"
    assert seat.facts.knows_cost
    assert not seat.facts.contained, "no wall has proved itself here"
    with pytest.raises(FactoryError, match="no agent"):
        unnamed_agent()


@pytest.mark.needs_acp
def test_a_command_of_ones_own_is_a_seat_and_ssh_says_where_it_runs(tmp_path: Path) -> None:
    parts = kitchen(tmp_path, "/usr/bin:/bin")
    local = acp(parts, "mine", SeatProfile(kind="acp", command=(sys.executable, "agent.py")))
    assert (local.facts.where, local.facts.knows_cost) == ("", False)
    folder = program(tmp_path / "bin", "ssh")
    parts = kitchen(tmp_path, folder)
    remote = acp(parts, "far", SeatProfile(kind="acp", command=("ssh", "-T", "me@far", "agent", "--acp")))
    assert remote.facts.where == "far"
    assert remote.facts.gates_every_call
    assert not remote.facts.contained


def test_the_host_is_read_off_an_ssh_command_and_the_guard_put_around_the_agent() -> None:
    assert ssh_host(("ssh", "-T", "host", "agent")) == "host"
    assert ssh_host(("/usr/bin/ssh", "-p", "22", "-i", "k", "-oX=y", "-p22", "me@host", "agent", "--acp")) == "host"
    assert ssh_host(("ssh", "host")) == "", "nothing to run"
    assert ssh_host(("docker", "exec", "-i", "box", "agent")) == ""
    words = guarded(("ssh", "-p", "22", "host", "agent", "--acp", "'a b'"), "mark")
    assert words[0] == "ssh"
    assert "-T" in words
    assert words[-2] == "host"
    assert words[-1].endswith(" factory-seat 'agent --acp '\"'\"'a b'\"'\"'' mark")
    assert guarded(("docker", "exec", "-i", "box", "agent"), "m") == ("docker", "exec", "-i", "box", "agent")


def test_paths_and_commands_are_told_as_the_desk_names_them() -> None:
    assert relative("/w/tree/src/a.py", "/w/tree") == "src/a.py"
    assert relative("src/./a.py", "/w/tree") == "src/a.py"
    assert relative("/w/tree/../other", "/w/tree") == "/w/other"
    assert relative("/w/treeish", "/w/tree") == "/w/treeish"
    assert command_line("pytest -q", ()) == "pytest -q"
    assert command_line("/bin/bash", ("-lc", "pytest -q")) == "pytest -q"
    assert command_line("pytest", ("-k", "a b")) == "pytest -k 'a b'"


def test_calls_are_found_in_what_is_said_and_nothing_else() -> None:
    text = 'I look.\n```factory\n{"tool": "read", "arguments": {"path": "a"}}\n```\n```json\n{"tool": "x"}\n```\n'
    assert [(call.name, call.arguments) for call in calls_in(text)] == [("read", {"path": "a"})]
    fence = '```factory\n{"tool": "edit", "arguments": {"path": "a.md", "content": "```\\n```factory\\n"}}\n```\n'
    assert [call.name for call in calls_in(fence)] == ["edit"]
    broken = '```factory\n{"tool": "edit", oh\n```\n```factory\n[]\n```\n```factory\nnope\n```\n'
    assert [call.name for call in calls_in(broken)] == ["edit", "factory", "factory"]


def test_a_way_out_takes_what_its_agent_needs_and_nothing_more() -> None:
    usual = Endpoint(base_url="https://x")
    assert usual.takes(b"POST", "/v1/messages", "beta=true")
    assert not usual.takes(b"GET", "/v1/messages", "")
    own = Endpoint(base_url="https://x", paths=("/v1beta/models/*", "/v1/responses"))
    assert own.takes(b"POST", "/v1beta/models/gemini:streamGenerateContent", "alt=sse")
    assert own.takes(b"POST", "/v1/responses", "")
    for method, path, query in (
        (b"POST", "/v1/messages", ""),
        (b"DELETE", "/v1/responses", ""),
        (b"POST", "/v1/responses/1", ""),
        (b"POST", "/v1beta/models/../files", ""),
        (b"POST", "/v1beta/models/%2e%2e/files", ""),
        (b"POST", "/v1/responses", "key=secret"),
        (b"POST", "/v1/responses", "a=" + "x" * 300),
    ):
        assert not own.takes(method, path, query), path


def test_an_agent_says_no_more_than_it_is() -> None:
    assert Agent(title="x", command=("x",)).endpoint is None
