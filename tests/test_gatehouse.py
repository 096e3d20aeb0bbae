"""Evidence asked for where the factory does not run: a server that is pushed to, a CI job, and the command line."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands import Desk
from crew import Crew
from real_git import CLEAN, commit, git
from signing import trust_of
from trusting import ID, landed, trusting_crew

NOTES = "refs/notes/factory"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Crew:
    """A repository where one change landed by the factory, and a server that knew it before."""
    place = tmp_path_factory.mktemp("grown")
    crew = trusting_crew(place)
    git(place, "clone", "-q", "--bare", str(crew.root), str(place / "server.git"))
    asyncio.run(landed(crew))
    return crew


@pytest.fixture
def server(grown: Crew, tmp_path: Path) -> Path:
    """A fresh copy of that server, with the hook installed by the command."""
    made = tmp_path / "server.git"
    git(tmp_path, "clone", "-q", "--bare", str(grown.root.parent / "server.git"), str(made))
    desk_of(grown).factory("install", "pre-receive", str(made), code=0)
    return made


def desk_of(crew: Crew) -> Desk:
    return Desk(root=crew.root, place=crew.state_home.parent / "desk")


def push(root: Path, server: Path, *refs: str) -> tuple[int, str]:
    done = subprocess.run(
        ["git", "push", "-q", "--no-verify", str(server), *refs],
        cwd=root,
        env=CLEAN,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_server_takes_the_branch_with_its_evidence(grown: Crew, server: Path):
    code, told = push(grown.root, server, NOTES, "main")
    assert code == 0
    assert "G1 nobody pushes past it" in told, "the one place where that was tried"
    assert git(server, "rev-parse", "main") == git(grown.root, "rev-parse", "main")


def test_evidence_may_come_before_the_branch(grown: Crew, server: Path):
    assert push(grown.root, server, NOTES)[0] == 0
    assert push(grown.root, server, "main")[0] == 0


def test_a_push_without_evidence_is_refused_and_moves_nothing(grown: Crew, server: Path):
    before = git(server, "rev-parse", "main")
    code, told = push(grown.root, server, "main")
    assert code != 0
    assert "no landing statement" in told
    assert "main takes only what the gate let through" in told
    assert git(server, "rev-parse", "main") == before


def test_one_commit_by_hand_on_top_is_refused(grown: Crew, server: Path, tmp_path: Path):
    work = tmp_path / "work"
    git(tmp_path, "clone", "-q", str(grown.root), str(work))
    git(work, "fetch", "-q", "origin", f"{NOTES}:{NOTES}")
    commit(work, {"adder.py": "import os\n"}, "sneak")
    code, told = push(work, server, NOTES, "main")
    assert code != 0
    assert "CLOSED" in told
    assert push(work, server, NOTES, "HEAD~1:refs/heads/main")[0] == 0


@pytest.mark.parametrize("ref", [":refs/heads/main", f":{NOTES}", "+HEAD~1:refs/heads/main"])
def test_nothing_is_deleted_or_turned_back(grown: Crew, server: Path, ref: str):
    assert push(grown.root, server, NOTES, "main")[0] == 0
    before = git(server, "rev-parse", "main", NOTES)
    assert push(grown.root, server, ref)[0] != 0
    assert git(server, "rev-parse", "main", NOTES) == before


def test_notes_that_lost_something_are_refused(grown: Crew, server: Path, tmp_path: Path):
    assert push(grown.root, server, NOTES, "main")[0] == 0
    work = tmp_path / "work"
    git(tmp_path, "clone", "-q", str(grown.root), str(work))
    git(work, "notes", "--ref=refs/notes/factory", "add", "-m", "nothing was ever said", "HEAD")
    code, told = push(work, server, f"+{NOTES}")
    assert code != 0
    assert "only grows" in told


def test_notes_that_lost_a_line_in_one_more_commit_are_refused(grown: Crew, server: Path, tmp_path: Path):
    """Not turned back: a commit on top of the notes, which says less than before."""
    assert push(grown.root, server, NOTES, "main")[0] == 0
    work, before = tmp_path / "work", git(server, "rev-parse", NOTES)
    git(tmp_path, "clone", "-q", str(grown.root), str(work))
    git(work, "fetch", "-q", "origin", f"{NOTES}:{NOTES}")
    said = git(work, "notes", f"--ref={NOTES}", "show", "HEAD").splitlines()
    for kept in (said[:-1], ["", *said, "x"][:1]):
        git(work, "notes", f"--ref={NOTES}", "add", "-f", "--allow-empty", "-m", "\n".join(kept), "HEAD")
        code, told = push(work, server, NOTES)
        assert code != 0
        assert "nothing that was said is ever taken away" in told
    git(work, "notes", f"--ref={NOTES}", "add", "-f", "-m", "\n".join([*reversed(said), "one more line"]), "HEAD")
    assert push(work, server, NOTES)[0] == 0, "in another order, and more: it only grew"
    assert git(server, "rev-parse", NOTES) != before


def test_a_replaced_commit_turns_no_branch_back(grown: Crew, server: Path):
    """`git merge-base` believes a replacement that was pushed before, unless it is told not to."""
    root = grown.root
    git(root, "push", "-q", str(server), NOTES, "main")
    old, new = git(server, "rev-parse", "main"), git(root, "rev-parse", "main~1")
    beside = git(root, "commit-tree", f"{new}^{{tree}}", "-p", new, "-m", "beside")
    shown = git(root, "commit-tree", f"{new}^{{tree}}", "-p", old, "-m", "on top")
    git(server, "fetch", "-q", str(root), beside, shown)
    git(server, "replace", beside, shown)
    code, told = push(root, server, f"+{beside}:refs/heads/main")
    assert code != 0
    assert "main only moves forward" in told


def test_other_branches_are_nobodys_business(grown: Crew, server: Path):
    assert push(grown.root, server, "main:refs/heads/feature")[0] == 0


def test_a_hook_that_is_there_is_never_overwritten(grown: Crew, tmp_path: Path):
    made = tmp_path / "other.git"
    git(tmp_path, "init", "-q", "--bare", str(made))
    hook = made / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho mine\n")
    told = desk_of(grown).factory("install", "pre-receive", str(made), code=1)
    assert "there already" in told.err
    assert hook.read_text() == "#!/bin/sh\necho mine\n"
    assert not (made / "hooks/factory-verify.py").exists()


def test_a_branch_name_is_no_script(grown: Crew, tmp_path: Path):
    made = tmp_path / "other.git"
    git(tmp_path, "init", "-q", "--bare", str(made))
    told = desk_of(grown).factory("install", "pre-receive", str(made), "--branch", "main'; rm -rf x; '", code=1)
    assert "is no branch's name" in told.err


def test_the_ci_job_runs_the_verifier_of_the_base(grown: Crew, tmp_path: Path):
    """The job's own script, as a CI machine would run it: open for what landed, closed for what did not."""
    work = tmp_path / "work"
    git(tmp_path, "clone", "-q", str(grown.root), str(work))
    desk = Desk(root=work, place=tmp_path / "desk")
    desk.factory("install", "ci", code=0)
    flow = yaml.safe_load((work / ".github/workflows/factory-evidence.yml").read_text())
    (script,) = [step["run"] for step in flow["jobs"]["evidence"]["steps"] if "run" in step]
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "ask for evidence")
    base = git(work, "rev-parse", "HEAD")

    def run(base: str) -> int:
        command = ["sh", "-c", script]
        return subprocess.run(
            command, cwd=work, env={**CLEAN, "BASE": base}, capture_output=True, check=False
        ).returncode

    commit(work, {"adder.py": "import os\n", ".factory/verify.py": "print('open')\n"}, "sneak in a kinder verifier")
    assert run(base) == 1
    git(work, "checkout", "-q", base)
    git(work, "commit", "-q", "--amend", "-m", "the job was there before")
    assert run("HEAD~2") != 0, "the base of the change had no verifier: nothing was verified, so it is not open"


def test_the_command_says_what_is_open(grown: Crew):
    desk = desk_of(grown)
    told = desk.factory("verify", "HEAD", code=0, XDG_STATE_HOME=str(grown.state_home))
    assert told.out.startswith("open  ")
    assert "models cannot skip the gate" in told.out
    told = desk.factory("verify", "HEAD~1..HEAD", "--json", code=0, XDG_STATE_HOME=str(grown.state_home))
    assert [one["open"] for one in told.json["commits"]] == [True]


def test_a_home_change_of_the_supervisors_own_is_vouched_for(tmp_path: Path):
    crew = trusting_crew(tmp_path)
    desk = desk_of(crew)
    state = {"XDG_STATE_HOME": str(crew.state_home)}
    commit(crew.root, {".factory/memory/DNA.md": "---\nstack: {language: python}\n---\n# DNA\n\nMore.\n"}, "DNA")
    assert "CLOSED" in desk.factory("verify", "HEAD", code=1, **state).out
    desk.factory("vouch", "HEAD", "--reason", "we add now", code=0, **state)
    assert "open  " in desk.factory("verify", "HEAD", code=0, **state).out
    commit(crew.root, {"adder.py": "import os\n"}, "code")
    assert "may change the home only" in desk.factory("vouch", "HEAD", "--reason", "trust me", code=1, **state).err


def test_keys_that_are_missing_are_made_and_added(tmp_path: Path):
    crew = trusting_crew(tmp_path)
    trust = crew.root / ".factory/trust/allowed_signers"
    before = trust.read_text()
    (tmp_path / "state/factory" / ID / "keys/factory").unlink()
    (tmp_path / "state/factory" / ID / "keys/factory.pub").unlink()
    told = desk_of(crew).factory("init", "--keys", code=0, XDG_STATE_HOME=str(crew.state_home))
    assert trust.read_text().startswith(before)
    added = trust.read_text().removeprefix(before).splitlines()
    assert added[0].startswith('factory@factory.invalid namespaces="factory.smoke,factory.landing,factory.deployment"')
    assert "vouch" in told.out
    assert trust_of(tmp_path / "state/factory" / ID / "keys", ["supervisor"]) in before


def test_a_ci_job_with_a_key_of_its_own_witnesses_what_landed(tmp_path: Path):
    """The job's own script on a machine that has nothing of ours but a clone: level 2 again, and G2 for everybody."""
    crew = trusting_crew(tmp_path)
    desk = desk_of(crew)
    secret = tmp_path / "ci-key"
    inside = desk.factory("install", "ci", "--key", str(crew.root / "key"), code=1)
    assert "a private key is never committed" in inside.err
    said = desk.factory("install", "ci", "--key", str(secret), code=0).out
    assert "delete it" in said
    git(crew.root, "add", "-A")
    git(crew.root, "commit", "-q", "-m", "CI has a key")
    before = git(crew.root, "rev-parse", "HEAD")
    assert asyncio.run(landed(crew)) == "{}"
    machine = tmp_path / "ci"
    git(tmp_path, "clone", "-q", str(crew.root), str(machine))
    flow = yaml.safe_load((machine / ".github/workflows/factory-evidence.yml").read_text())
    (script,) = [step["run"] for step in flow["jobs"]["witness"]["steps"] if step.get("name") == "witness"]
    there = Desk(root=machine, place=tmp_path / "ci-home")
    tools = {"PATH": f"{Path(sys.executable).parent}:{CLEAN['PATH']}"}
    environment = {**there.environment, **tools, "BASE": before, "FACTORY_CI_KEY": secret.read_text()}
    done = subprocess.run(["sh", "-c", script], cwd=machine, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass again" in done.stdout
    told = desk.factory("verify", f"{before}..HEAD", "--json", code=0).json
    assert [(one["level"], one["holds"]) for one in told["commits"]] == [("G2", ["G0", "G2"])]
