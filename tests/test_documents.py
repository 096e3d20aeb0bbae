"""Reading a home: each slip is one clear error with file, line and fix, and nothing makes it stumble."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import get_args

import pytest
from heart import DEPLOY
from hypothesis import given, settings
from hypothesis import strategies as st
from small_home import DNA, SETTINGS, read_small, rule, shipped_roles, small_home, small_library

from factory_tui.adapters import deploy_file
from factory_tui.adapters.documents import (
    HomeReading,
    files_on_disk,
    library_files,
    read_home,
)
from factory_tui.adapters.front_matter import LARGEST_DOCUMENT
from factory_tui.adapters.heads import settings_schema
from factory_tui.adapters.toml_text import read_toml
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.gate_check import LIMITS
from factory_tui.domain.roles import BriefPart, RoleCard

ROOT = Path(__file__).resolve().parents[1]
BUILDER = shipped_roles()["roles/builder.md"]
CUSTOM = BUILDER.replace("id: builder", "id: helper").replace("title: Builder", "title: Helper")


def line_of(text: str, words: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), start=1) if words in line)


def role(old: str, new: str) -> tuple[str, str]:
    assert old in CUSTOM
    return "roles/helper.md", CUSTOM.replace(old, new)


def knowledge(head: str) -> tuple[str, str]:
    return "memory/knowledge/a.md", f"---\n{head}\n---\nText.\n"


# name: (path, content, words on the line that must be named, part of the problem, part of the fix)
SLIPS: dict[str, tuple[tuple[str, str | bytes | None], str, str, str]] = {
    "an unknown key in a role": (role("writes:", "write:"), "write:", "unknown key `write`", "`writes`"),
    "an unknown key below": (role("usd: 3.0", "euro: 3.0, usd: 3.0"), "budget:", "unknown key `euro`", "usd"),
    "a missing key": (role("mission: Write", "x: Write"), "x: Write", "unknown key `x`", "Known are"),
    "an unknown action": (role("[read, search, edit", "[read, search, edits"), "actions:", "`edits`", "`edit`"),
    "an unknown tier": (role("model_tier: strong", "model_tier: big"), "model_tier:", "`big`", "Known are"),
    "a colon in a text": (
        role("  - No secret,", "  - No: secret,"),
        "- No: secret",
        "text is expected here, not keys with values",
        "needs quotes",
    ),
    "a number for text": (role("title: Helper", "title: 7"), "title:", "text is expected here, not `7`", "quotes"),
    "a version for text": (role("title: Helper", "title: 3.10"), "title:", "not `3.10`", "quotes"),
    "nothing for text": (role("title: Helper", "title:"), "title:", "not nothing", "remove the key"),
    "text for a number": (role("usd: 3.0", "usd: three"), "budget:", "a number is expected here, not `three`", ""),
    "text for a list": (role("hands_to: [quality]", "hands_to: quality"), "hands_to:", "a list is expected", "["),
    "no for a boolean": (role("sees: worktree", "scratch: no\nsees: worktree"), "scratch:", "`no`", "`true`"),
    "a bad glob": (role('writes: ["**"]', 'writes: ["/etc/**"]'), "writes:", "absolute", "Mend"),
    "an unknown receiver": (role("[quality]", "[qualty]"), "hands_to:", "no role `qualty`", "`quality`"),
    "an unknown boss": (role("escalates_to: ceo", "escalates_to: coe"), "escalates_to:", "no role `coe`", "`ceo`"),
    "an unknown rule": (role("held_by: [level:2]", "held_by: [rule:Z9]"), "[rule:Z9]", "no rule `Z9`", "Known"),
    "a never of nothing": (role("[level:2]", "[hope]"), "[hope]", "nothing that can hold", "level"),
    "another name": (("roles/other.md", CUSTOM), "id: helper", "the file is `other.md`", "`helper.md`"),
    "a key twice": (role("title: Helper", "title: Helper\ntitle: X"), "title: X", "a second time", "Keep one"),
    "not a role at all": (("roles/notes.md", "Notes.\n"), "Notes", "front matter is missing", "---"),
    "another ending": (("roles/helper.txt", CUSTOM), "", "only `.md` files", "Rename"),
    "a folder below": (("roles/team/helper.md", CUSTOM), "", "only `.md` files", "move"),
    "body as a key": (role("title: Helper", "title: Helper\nbody: x"), "body: x", "unknown key `body`", "below"),
    "an unknown setting": (
        ("factory.toml", SETTINGS + "[pace]\natempts = 2\n"),
        "atempts",
        "unknown key `atempts`",
        "`attempts`",
    ),
    "an unknown section": (("factory.toml", SETTINGS + "[smokes]\nx = 1\n"), "[smokes]", "`smokes`", "`smoke`"),
    "a wrong setting": (
        ("factory.toml", SETTINGS + "[pace]\nmode = 'step'\nattempts = 'three'\n"),
        "attempts",
        "a whole number is expected here",
        "Mend",
    ),
    "an unknown mode": (("factory.toml", SETTINGS + "[pace]\nmode = 'steps'\n"), "mode", "`steps`", "`step`"),
    "a wrong service": (
        ("factory.toml", SETTINGS + "[[dependencies.services]]\nname = 'db'\ncommand = 'x'\n"),
        "[[dependencies",
        "`ready` is missing",
        "Add",
    ),
    "no toml": (("factory.toml", SETTINGS + "packs = [extended]\n"), "packs", "not TOML", "quotes"),
    "a setting twice": (("factory.toml", SETTINGS + "[smoke]\n"), "[smoke]", "not TOML", "Mend"),
    "a wrong repo id": (("factory.toml", 'repo_id = "../../x"\n'), "repo_id", "32 hex digits", "init"),
    "no settings": (("factory.toml", None), "", "missing", "factory init"),
    "no dna": (("memory/DNA.md", None), "", "missing", "factory init"),
    "an empty dna": (("memory/DNA.md", "---\nstack: {}\n---\n"), "stack", "says nothing", "Write"),
    "a wrong stack": (
        ("memory/DNA.md", DNA.replace("  python: 3.10", "  python: [3]")),
        "python",
        "text is expected",
        "Mend",
    ),
    "a wrong dna key": (("memory/DNA.md", DNA.replace("stack:", "stak:")), "stak:", "`stak`", "`stack`"),
    "a wrong dna glob": (("memory/DNA.md", DNA.replace("src/schema.sql", "../x")), "architecture", "climbs", "Mend"),
    "knowledge of nobody": (knowledge("bears_on: {roles: [bilder]}"), "bears_on", "no role `bilder`", "`builder`"),
    "knowledge of a bad glob": (knowledge("bears_on:\n  paths:\n    - '{a}'"), "- '{a}'", "`{`", "Mend"),
    "knowledge that says nothing": (("memory/knowledge/a.md", "\n"), "", "says nothing", "Write"),
    "knowledge in another form": (("memory/knowledge/a.txt", "x"), "", "only `.md`", "Rename"),
    "bytes that are no text": (("memory/DNA.md", b"# DNA\n\xff\n"), "", "0xff", "UTF-8"),
    "a null byte": (("memory/DNA.md", "# DNA\nx\x00\n"), "x\x00", "U+0000", "Delete"),
    "too much text": (("memory/DNA.md", "x" * (LARGEST_DOCUMENT + 1)), "", "over the limit", "Split"),
    "an unknown key in a rule": (
        ("rules/H1.md", rule("H1").replace("title:", "titel:", 1)),
        "titel:",
        "`titel`",
        "`title`",
    ),
    "a rule that misses its incident": (
        ("rules/H1.md", rule("H1").replace("action: edit, path", "action: read, path", 1)),
        "action: read",
        "",
        "",
    ),
    "a rule for nobody": (
        ("rules/H1.md", rule("H1").replace("roles: [ceo]", "roles: [coe]")),
        "roles: [coe]",
        "`coe`",
        "`ceo`",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_one_error_with_file_line_and_fix(name: str):
    (path, content), words, problem, fix = SLIPS[name]
    reading = read_small({path: content})
    assert reading.charter is None
    first = next((found for found in reading.problems if problem in found.problem), None)
    assert first is not None, [str(found) for found in reading.problems]
    assert first.path == f".factory/{path}"
    if words:
        text = content if isinstance(content, str) else ""
        lines = [number for number, line in enumerate(text.split("\n"), start=1) if words in line]
        assert first.line in lines, str(first)
    assert fix in first.next_step
    assert first.next_step


def test_a_home_that_is_right_has_no_problem():
    """Control: the home that the slips above were made in."""
    reading = read_small({"roles/helper.md": CUSTOM, "rules/H1.md": rule("H1"), "roles/README.md": "Notes.\n"})
    assert reading.problems == ()
    assert reading.repo_id == "0123456789abcdef0123456789abcdef"


def test_all_slips_of_all_documents_are_told_at_once():
    reading = read_small(
        {
            "roles/helper.md": CUSTOM.replace("writes:", "write:").replace("title:", "titel:"),
            "memory/DNA.md": "---\nstak: {}\n---\nText\n",
            "factory.toml": SETTINGS + "[pace]\natempts = 2\n",
            "rules/H1.md": "no head\n",
        }
    )
    assert {(problem.path, problem.line > 0) for problem in reading.problems} == {
        (".factory/factory.toml", True),
        (".factory/memory/DNA.md", True),
        (".factory/roles/helper.md", True),
        (".factory/rules/H1.md", True),
    }
    assert len([problem for problem in reading.problems if problem.path.endswith("helper.md")]) == 2


def test_files_that_are_no_documents_are_let_be():
    reading = read_small({"src/roles.md": "x", "memory/digests/a.md": b"\xff", "notes.txt": "x", "trust/k": b"\xff"})
    assert reading.problems == ()


def test_what_ships_is_right_by_itself():
    reading = read_home(small_home(), library_files(), prefix=".factory")
    assert [str(problem) for problem in reading.problems] == []
    assert reading.charter is not None
    assert len(reading.charter.roles) == 15


@lru_cache
def own_home() -> HomeReading:
    return read_home(files_on_disk(str(ROOT)), None, prefix="")


def test_this_project_is_a_home_that_is_right():
    reading = own_home()
    assert [str(problem) for problem in reading.problems] == []
    assert reading.charter is not None
    assert reading.charter.gate.smoke.command
    assert len(reading.charter.knowledge) >= 2
    assert reading.charter.architecture
    for glob in reading.charter.architecture:
        assert any(ROOT.glob(glob)), f"DNA.md names {glob}"


def test_the_schema_of_the_settings_is_the_one_that_ships():
    assert (ROOT / "docs/factory.schema.json").read_bytes() == settings_schema() + b"\n"


def test_the_schema_knows_no_other_key_and_no_other_number_than_the_factory_takes():
    """So that an editor shows what the factory would refuse."""
    defined = json.loads(settings_schema())["$defs"]
    assert [name for name, one in defined.items() if one.get("additionalProperties") is not False] == []
    held = [(defined[name.title()]["properties"][key], least, most) for name, key, least, most in LIMITS]
    assert all((one["minimum"], one["maximum"]) == (least, most) for one, least, most in held)
    assert {one["minimum"] for one in defined["Bounds"]["properties"].values()} == {0}


def test_the_schema_of_deployments_is_the_one_that_ships():
    assert (ROOT / "docs/deploy.schema.json").read_bytes() == deploy_file.schema() + b"\n"


@pytest.mark.parametrize(
    ("line", "wrong", "problem"),
    [
        (2, "  Live:", "is no name"),
        (4, "    rollback: []", "`rollback` is empty"),
        (5, '    status: ["{moon}"]', "nothing fills `{moon}`"),
        (6, "    backup: {}", "a backup command, or the reason"),
        (7, "    after: [moon]", "no environment `moon`"),
        (7, "    credentials: [{name: PATH}]", "no name for a credential"),
        (7, "    freeze: [{why: x, days: [someday]}]", "no day"),
        (7, "    secret: hunter2", "unknown key `secret`"),
        (7, "    checks: {min_days_left: 1}", "21 is the least"),
        (7, "    checks: {V12: off}", "`V12` holds no parameters"),
        (7, "    checks: {not_applicable: {V33: we keep no records at all}}", "V33 always applies"),
    ],
)
def test_a_slip_in_deploy_yaml_is_told_with_its_line(line: int, wrong: str, problem: str):
    lines = DEPLOY.splitlines()
    lines[line - 1 : line] = [wrong]
    problems: list[DocumentError] = []
    assert deploy_file.read_deploying(".factory/deploy.yaml", "\n".join(lines) + "\n", problems) is None
    assert (problems[0].path, problems[0].line) == (".factory/deploy.yaml", line), problems
    assert problem in problems[0].problem
    good: list[DocumentError] = []
    assert deploy_file.read_deploying("deploy.yaml", DEPLOY, good) is not None, good


def test_lines_of_settings_are_found_behind_texts_and_lists():
    text = (
        'repo_id = "x" # [not a table]\n'
        "[smoke]\n"
        'command = """\n'
        "[pace]\n"
        'attempts = 1\n"""\n'
        "harness = [\n"
        '  "[x]", # ]\n'
        '  "b",\n'
        "]\n"
        "seconds = 1.5\n"
        "[pace]\n"
        "attempts = 2\n"
        "[[dependencies.services]]\n"
        'name = "a"\n'
        "[[dependencies.services]]\n"
        '"name" = "b"\n'
        "[seats]\n"
        "a.b = 1\n"
    )
    document = read_toml("factory.toml", text)
    assert document.data["pace"] == {"attempts": 2}
    found = {
        keys: document.line_of(*keys)
        for keys in (
            ("repo_id",),
            ("smoke", "command"),
            ("smoke", "seconds"),
            ("pace", "attempts"),
            ("dependencies", "services", 0, "name"),
            ("dependencies", "services", 1, "name"),
            ("seats", "a", "b"),
        )
    }
    assert list(found.values()) == [1, 3, 11, 13, 15, 17, 19]


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 100_000, "a = " + "9" * 10_000, "a = '''" + "x" * 300_000, "\x00", "=", "[a", "a."]
)
def test_hostile_settings_are_one_error(text: str):
    with pytest.raises(DocumentError) as caught:
        read_toml("factory.toml", text)
    assert caught.value.next_step


def test_documents_on_disk_are_read_and_nothing_else(tmp_path: Path):
    for path, content in small_home(
        {"memory/knowledge/deep/a.md": "A\n", "src/b.md": "B\n", "memory/c.md": "C"}
    ).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content.encode() if isinstance(content, str) else content)
    found = files_on_disk(str(tmp_path))
    assert sorted(found) == ["factory.toml", "memory/DNA.md", "memory/knowledge/deep/a.md"]
    assert found["memory/DNA.md"] == DNA.encode()


def test_a_link_is_no_document(tmp_path: Path):
    secret = tmp_path / "secret.md"
    secret.write_text("do not tell\n")
    home = tmp_path / "home"
    (home / "roles").mkdir(parents=True)
    (home / "roles" / "helper.md").symlink_to(secret)
    assert (home / "roles" / "helper.md").read_text() == "do not tell\n", "control: a plain read follows it"
    with pytest.raises(DocumentError, match=r"roles/helper\.md"):
        files_on_disk(str(home))


def test_a_pipe_is_no_document_and_nothing_waits_for_it(tmp_path: Path):
    (tmp_path / "roles").mkdir()
    os.mkfifo(tmp_path / "roles" / "helper.md")
    with pytest.raises(DocumentError, match="no plain file"):
        files_on_disk(str(tmp_path))


def test_reading_does_not_depend_on_where_it_runs(tmp_path: Path):
    """The library is found from any directory, and the same home is the same charter in another process."""
    program = (
        "from factory_tui.adapters.documents import read_home, library_files\n"
        f"files = {small_home()!r}\n"
        "print(read_home(files, library_files(), prefix='.factory').charter.sha256)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    charter = read_home(small_home(), library_files(), prefix=".factory").charter
    assert charter is not None
    assert run.stdout.strip() == charter.sha256


@settings(max_examples=120, deadline=None)
@given(
    path=st.sampled_from(
        ["factory.toml", "memory/DNA.md", "memory/knowledge/a.md", "roles/helper.md", "rules/H1.md", "roles/ceo.md"]
    ),
    content=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200),
        st.text(alphabet='---\nid: []{}"=.#x1', max_size=200).map(lambda text: f"---\n{text}\n---\nx\n"),
    ),
)
def test_no_bytes_at_all_make_a_reading_stumble(path: str, content: str | bytes):
    reading = read_home(small_home({path: content}), None, prefix="")
    assert reading.charter is not None or reading.problems
    for problem in reading.problems:
        assert problem.problem
        assert problem.next_step


MUTATED = {"roles/helper.md": CUSTOM, "rules/H1.md": rule("H1"), "factory.toml": SETTINGS + "[pace]\nattempts = 2\n"}


@settings(max_examples=80, deadline=None)
@given(
    path=st.sampled_from(sorted(MUTATED)),
    place=st.floats(0, 1),
    length=st.integers(0, 12),
    put=st.text(alphabet="-:[]{}'\"\n #&*!|>?x9,.\t", max_size=4),
)
def test_a_document_that_was_damaged_anywhere_is_read_or_refused(path: str, place: float, length: int, put: str):
    text = MUTATED[path]
    at = int(place * len(text))
    home = small_home({path: text[:at] + put + text[at + length :]})
    reading = read_home(home, None, prefix="")
    assert reading.charter is not None or all(problem.next_step for problem in reading.problems)


def test_a_missing_library_file_is_no_way_around_the_floor():
    """A home cannot take a shipped role away: what it does not hold, ships."""
    reading = read_home(small_home(), small_library(), prefix=".factory")
    assert reading.charter is not None
    assert len(reading.charter.roles) == 15


def test_the_page_about_homes_names_every_key_of_a_card():
    page = (ROOT / "docs/home.md").read_text("utf-8")
    keys = set(RoleCard.__struct_fields__) - {"body"}
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []
    assert [part for part in get_args(BriefPart) if f"`{part}`" not in page] == []
