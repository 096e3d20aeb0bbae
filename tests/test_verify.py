"""What a third party finds open, and the one file alone; what it finds closed is tried in `test_forgeries`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from landed_change import Change, attest_merge, by_hand, edited, judged_again, merged
from real_git import CLEAN, commit, git
from signing import Evidence, trust_of, trusting_repository, work

from factory_tui.adapters import verify
from factory_tui.domain.assurance import LEVELS
from factory_tui.domain.terms import Verdict


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return trusting_repository(tmp_path)


def only(found: list[str], *expected: str) -> None:
    """Closed, for these reasons alone: without the guard that names them the forgery would pass."""
    assert found, "open"
    for reason in found:
        assert any(word in reason for word in expected), found
    for word in expected:
        assert any(word in reason for reason in found), found


def test_a_change_with_all_its_evidence_is_open(evidence: Evidence):
    change = Change(evidence)
    change.attest()
    answer = evidence.answer("HEAD")
    assert answer.why == []
    assert (answer.level, answer.statements, answer.commit) == ("G0", 4, change.commit)


@pytest.mark.parametrize("result", ["FAILED", "WARNED", "NOT_RUN", "passed", "", None])
def test_any_other_word_than_passed_is_closed(evidence: Evidence, result: str | None):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[0] = edited(drafts[0], result=result)
    change.attest(drafts)
    only(evidence.why("HEAD"), "its tests did not pass")


def test_a_fail_that_came_after_the_landing_closes_it(evidence: Evidence):
    change = Change(evidence)
    change.attest()
    evidence.keep(change.commit, evidence.sign(judged_again(change, Verdict.FAIL)))
    only(evidence.why("HEAD"), "later than the landing", "the last review did not pass")


def test_a_replaced_object_deceives_git_show_and_not_the_gate(evidence: Evidence):
    change = Change(evidence)
    change.attest()
    git(evidence.root, "checkout", "-q", "-b", "other", change.base)
    other = work(evidence, {"src/a.py": "a = 666\n"}, "other content")
    git(evidence.root, "replace", change.commit, other)
    assert git(evidence.root, "show", f"{change.commit}:src/a.py") == "a = 666"
    assert evidence.why(change.commit) == []


def test_a_change_carried_over_to_a_moved_base_is_open(evidence: Evidence):
    change, merge = merged(evidence, {"src/b.py": "b = 2\n"})
    attest_merge(evidence, change, merge)
    answer = evidence.answer(merge)
    assert answer.why == []
    assert any("merged onto" in note for note in answer.notes)


def test_a_change_of_the_home_is_vouched_for_by_the_supervisor_alone(evidence: Evidence):
    made = work(evidence, {".factory/rules/X2.md": "stricter\n"})
    only(evidence.why(made), "no landing statement")
    by_hand(evidence, made, (".factory/rules/X2.md",))
    assert evidence.why(made) == []


def test_an_incidents_record_may_come_with_its_rule_and_nothing_else_of_the_memory_may(evidence: Evidence):
    record, rule = ".factory/memory/incidents/I-1.md", ".factory/rules/P101.md"
    made = work(evidence, {rule: "strict\n", record: "what happened\n"})
    by_hand(evidence, made, (rule, record))
    assert evidence.why(made) == []
    for other in (".factory/memory/knowledge/a.md", "memory/incidents/I-1.md", ".factory/memory/incidents.py"):
        more = work(evidence, {other: "x\n"}, "more")
        by_hand(evidence, more, (other,))
        only(evidence.why(more), "may change the home only")


def test_the_words_of_the_levels_are_the_factorys_own():
    assert verify.LEVELS == LEVELS


# --- the file, alone ------------------------------------------------------------------------------


def run_alone(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The one file with Python's isolated mode: nothing of the project can be imported."""
    file = root.parent / "verify.py"
    file.write_bytes(Path(verify.__file__).read_bytes())
    command = [sys.executable, "-I", "-S", str(file), "--repo", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=CLEAN, cwd=root.parent)


def test_the_file_alone_verifies_a_fresh_clone(evidence: Evidence, tmp_path: Path):
    Change(evidence).attest()
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(evidence.root), str(clone))
    assert run_alone(clone, "HEAD").returncode == 1
    git(clone, "fetch", "-q", "origin", "refs/notes/factory:refs/notes/factory")
    done = run_alone(clone, "HEAD")
    assert (done.returncode, done.stdout[:6]) == (0, "open  "), done.stderr
    told = json.loads(run_alone(clone, "--json", "HEAD~1..HEAD").stdout)
    assert [one["open"] for one in told] == [True]


def test_a_range_is_as_closed_as_its_worst_commit(evidence: Evidence):
    change = Change(evidence)
    change.attest()
    work(evidence, {"src/a.py": "a = 3\n"}, "sneak")
    done = run_alone(evidence.root, f"{change.base}..HEAD")
    assert done.returncode == 1
    assert [line[:6] for line in done.stdout.splitlines() if not line.startswith(" ")] == ["open  ", "CLOSED"]


def test_a_range_does_not_start_anew_from_an_older_commit(evidence: Evidence):
    """Keys that were taken out of the trusted file since do not come back by a merge that stands on an old commit."""
    change = Change(evidence)
    change.attest()
    tip = commit(evidence.root, {".factory/trust/allowed_signers": trust_of(evidence.keys.parent / "new")}, "new keys")
    merge = git(evidence.root, "commit-tree", f"{change.commit}^{{tree}}", "-p", change.base, "-p", tip, "-m", "back")
    attest_merge(evidence, change, merge)
    done = run_alone(evidence.root, f"{tip}..{merge}")
    assert done.returncode == 1
    assert "no longer what is built on" in done.stderr
    git(evidence.root, "checkout", "-q", "-b", "feature", change.commit)
    feature = Change(evidence, work(evidence, {"src/b.py": "b = 7\n"}))
    feature.attest()
    assert run_alone(evidence.root, f"{tip}..HEAD").returncode == 0, "a branch that left earlier is verified as it is"


@pytest.mark.parametrize("wrong", [("--repo", "nowhere"), ("--trust", "nowhere"), ("--repo", "verify.py")])
def test_what_is_not_there_is_told_in_a_line_and_never_open(evidence: Evidence, wrong: tuple[str, str]):
    Change(evidence).attest()
    done = run_alone(evidence.root, *wrong, "HEAD")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "closed" in done.stdout + done.stderr


def test_asking_for_nothing_is_wrong_use(evidence: Evidence):
    assert run_alone(evidence.root).returncode == 2


@pytest.mark.parametrize("name", ["HEAD..HEAD", "nowhere", "--help-me", "HEAD^{tree}"])
def test_asking_about_nothing_is_never_open(evidence: Evidence, name: str):
    Change(evidence).attest()
    assert run_alone(evidence.root, "--", name).returncode != 0


def test_the_first_commit_has_nobody_to_trust(evidence: Evidence):
    only(evidence.why("HEAD"), "no parent")


NOISE: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("not json", lambda line: b"hello"),
    ("a list", lambda line: b"[]"),
    ("no signature", lambda line: verify.canonical({**json.loads(line), "signatures": []})),
    (
        "two signatures",
        lambda line: verify.canonical({**json.loads(line), "signatures": json.loads(line)["signatures"] * 2}),
    ),
    ("another payload type", lambda line: verify.canonical({**json.loads(line), "payloadType": "text/plain"})),
    ("a number", lambda line: b"7"),
]


@pytest.mark.parametrize(("name", "spoil"), NOISE, ids=[name for name, _ in NOISE])
def test_a_line_that_cannot_be_read_closes_the_commit(evidence: Evidence, name: str, spoil: Callable[[bytes], bytes]):
    change = Change(evidence)
    lines = change.attest()
    evidence.keep(change.commit, spoil(lines[0]))
    only(evidence.why("HEAD"), "evidence line 5")
