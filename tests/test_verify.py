"""The gate as a third party sees it: each named forgery is closed, for its own reason and no other."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from real_git import CLEAN, commit, git
from signing import Evidence, make_key, trusting_repository, work

from factory_tui.adapters import verify
from factory_tui.domain import attesting as words
from factory_tui.domain.events import LevelJudged
from factory_tui.domain.state import Approval, Candidate, Task, TurnRecord
from factory_tui.domain.terms import Evidence as Kept
from factory_tui.domain.terms import Finding, Verdict

DIFF = Kept(sha256="d" * 64, size=1, label="diff")


def turn(id: str, role: str, brief: str) -> TurnRecord:
    return TurnRecord(
        id=id,
        role=role,
        seat="rehearsal",
        person="",
        purpose="author" if role == "builder" else "review",
        attempt=1,
        outcome="ok",
        usd=0.0,
        tokens=0,
        brief=brief,
    )


AUTHOR, REVIEWER = turn("builder/b1", "builder", "b" * 64), turn("quality/q1", "quality", "e" * 64)


class Change:
    """One landed change and the facts behind its evidence; each fact can be made wrong."""

    def __init__(self, evidence: Evidence, commit: str = "") -> None:
        self.evidence = evidence
        self.commit = commit or work(evidence, {"src/a.py": "a = 2\n"})
        self.base = git(evidence.root, "rev-parse", f"{self.commit}^1")
        self.tree = git(evidence.root, "rev-parse", f"{self.commit}^{{tree}}")
        self.smoke = LevelJudged(
            task="T-1",
            level=2,
            verdict=Verdict.PASS,
            summary="3 passed",
            tree=self.tree,
            base=self.base,
            tests_passed=3,
        )
        self.review = LevelJudged(
            task="T-1",
            level=3,
            verdict=Verdict.PASS,
            summary="2 thing(s) checked",
            tree=self.tree,
            commit=self.commit,
            base=self.base,
            turn=REVIEWER.id,
        )
        self.author, self.reviewer = AUTHOR, REVIEWER
        self.approval = Approval(
            id="C-1",
            commit=self.commit,
            tree=self.tree,
            base=self.base,
            charter="c" * 64,
            sha256="a" * 64,
            expires="2026-11-23T00:00:00.000Z",
            by="supervisor:me@tty",
        )

    @property
    def candidate(self) -> Candidate:
        return Candidate(
            tree=self.tree,
            base=self.base,
            turn=self.author.id,
            author=self.author.role,
            paths=("src/a.py",),
            added=1,
            removed=1,
            diff=DIFF,
            message="work",
            smoke=self.smoke,
            commit=self.commit,
            review=self.review,
        )

    def task(self, **more: Any) -> Task:
        return Task(
            id="T-1",
            mission="M-1",
            role="builder",
            delivers="change",
            title="work",
            goal="work",
            criteria=(),
            paths=(),
            after=(),
            asks=(),
            opened_seq=1,
            candidate=self.candidate,
            approval=self.approval,
            **more,
        )

    def frame(self, **more: Any) -> words.Frame:
        return self.evidence.frame(self.base, **more)

    def drafts(self) -> list[words.Draft]:
        """Smoke, review and approval."""
        task = self.task()
        return [
            words.smoke(self.commit, self.smoke, self.frame()),
            words.review(1, self.review, self.author, self.reviewer, self.candidate, self.frame()),
            words.approval(self.approval, task, self.candidate, self.frame()),
        ]

    def landing(self, lines: list[bytes], **more: Any) -> bytes:
        listed = tuple(verify.hashlib.sha256(line).hexdigest() for line in lines)
        frame = self.frame(**more)
        return self.evidence.sign(
            words.landing(self.commit, self.tree, self.task(), self.candidate, listed, "G0", frame)
        )

    def attest(self, drafts: list[words.Draft] | None = None, signers: dict[str, str] | None = None) -> list[bytes]:
        """Signs and keeps everything; returns the lines."""
        lines = [self.evidence.sign(d, (signers or {}).get(d.kind, "")) for d in drafts or self.drafts()]
        lines.append(self.landing(lines))
        self.evidence.keep(self.commit, *lines)
        return lines


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return trusting_repository(tmp_path)


def edited(draft: words.Draft, **predicate: Any) -> words.Draft:
    statement = json.loads(json.dumps(draft.statement))
    ours = predicate.pop("factory", {})
    statement["predicate"] |= predicate
    statement["predicate"]["factory"] |= ours
    return replace(draft, statement=statement)


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


def test_a_commit_without_evidence_is_closed(evidence: Evidence):
    Change(evidence)
    only(evidence.why("HEAD"), "no landing statement")


def test_an_amended_message_is_another_commit_and_closed(evidence: Evidence):
    Change(evidence).attest()
    git(evidence.root, "commit", "-q", "--amend", "-m", "work, reworded")
    only(evidence.why("HEAD"), "no landing statement")


def test_one_more_commit_after_the_verdict_is_closed(evidence: Evidence):
    Change(evidence).attest()
    work(evidence, {"src/a.py": "a = 3\n"}, "sneak")
    only(evidence.why("HEAD"), "no landing statement")
    assert evidence.why("HEAD~1") == []


def test_notes_copied_to_another_commit_are_worth_nothing(evidence: Evidence):
    change = Change(evidence)
    change.attest()
    other = work(evidence, {"src/a.py": "a = 3\n"}, "sneak")
    git(evidence.root, "notes", "--ref=refs/notes/factory", "copy", "-f", change.commit, other)
    only(evidence.why(other), "about another commit", "no landing statement")


def test_old_evidence_replayed_on_a_commit_with_the_same_tree_is_closed(evidence: Evidence):
    change = Change(evidence)
    lines = change.attest()
    same = git(evidence.root, "commit-tree", change.tree, "-p", change.base, "-m", "again")
    evidence.keep(same, *lines)
    only(evidence.why(same), "about another commit", "no landing statement")


@pytest.mark.parametrize("kind", ["smoke", "review", "approval"])
def test_an_unknown_key_signs_nothing(evidence: Evidence, kind: str):
    make_key(evidence.keys, "mallory")
    Change(evidence).attest(signers={kind: "mallory"})
    found = evidence.why("HEAD")
    assert any("signature does not hold" in reason for reason in found), found


@pytest.mark.parametrize(
    ("kind", "by"),
    [
        ("review", "builder"),
        ("review", "factory"),
        ("smoke", "quality"),
        ("approval", "devops"),
        ("approval", "quality"),
    ],
)
def test_no_key_of_ours_signs_what_is_not_its_own_to_sign(evidence: Evidence, kind: str, by: str):
    Change(evidence).attest(signers={kind: by})
    found = evidence.why("HEAD")
    assert any("signature does not hold" in reason for reason in found), found


def test_a_reviewer_signing_the_smoke_result_in_its_own_name_is_closed(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[0] = replace(edited(drafts[0], factory={"signer": "quality@factory.invalid"}), signer="quality")
    change.attest(drafts)
    found = evidence.why("HEAD")
    assert any("is made by factory@factory.invalid, not by quality" in reason for reason in found), found


def test_the_authors_own_key_is_no_reviewer(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[1] = replace(edited(drafts[1], factory={"signer": "builder@factory.invalid"}), signer="builder")
    change.attest(drafts)
    found = evidence.why("HEAD")
    assert any("does not hold for builder@factory.invalid under factory.review" in reason for reason in found), found


def test_an_edited_payload_keeps_no_signature(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    lines = [evidence.sign(draft) for draft in drafts]
    envelope = json.loads(lines[1])
    body = json.loads(base64.b64decode(envelope["payload"]))
    body["predicate"]["verdict"] = "PASSED "
    envelope["payload"] = base64.b64encode(verify.canonical(body)).decode()
    lines[1] = verify.canonical(envelope)
    evidence.keep(change.commit, *lines, change.landing(lines))
    found = evidence.why("HEAD")
    assert any("signature does not hold for quality" in reason for reason in found), found


def test_zero_tests_is_not_passed(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[0] = edited(drafts[0], factory={"tests_passed": 0})
    change.attest(drafts)
    only(evidence.why("HEAD"), "no test was executed")


@pytest.mark.parametrize("result", ["FAILED", "WARNED", "NOT_RUN", "passed", "", None])
def test_any_other_word_than_passed_is_closed(evidence: Evidence, result: str | None):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[0] = edited(drafts[0], result=result)
    change.attest(drafts)
    only(evidence.why("HEAD"), "its tests did not pass")


def fail(change: Change) -> words.Draft:
    judged = LevelJudged(
        task="T-1",
        level=3,
        verdict=Verdict.FAIL,
        summary="1 thing(s) checked",
        tree=change.tree,
        commit=change.commit,
        base=change.base,
        findings=(Finding(title="it leaks"),),
        turn=REVIEWER.id,
    )
    return words.review(2, judged, AUTHOR, replace_turn(REVIEWER, "quality/q2"), change.candidate, change.frame())


def replace_turn(record: TurnRecord, id: str) -> TurnRecord:
    return TurnRecord(
        **{**{name: getattr(record, name) for name in record.__struct_fields__}, "id": id, "brief": "f" * 64}
    )


def test_a_later_fail_outweighs_the_pass_before_it(evidence: Evidence):
    change = Change(evidence)
    change.attest([*change.drafts(), fail(change)])
    only(evidence.why("HEAD"), "the last review did not pass it: FAILED")


def test_a_fail_that_came_after_the_landing_closes_it(evidence: Evidence):
    change = Change(evidence)
    change.attest()
    evidence.keep(change.commit, evidence.sign(fail(change)))
    only(evidence.why("HEAD"), "later than the landing", "the last review did not pass")


def test_a_dropped_fail_is_missed(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    first_fail = fail(change)
    passed = edited(drafts[1], factory={"seq": 99})
    lines = [evidence.sign(draft) for draft in (drafts[0], first_fail, passed, drafts[2])]
    landing = change.landing(lines)
    evidence.keep(change.commit, lines[0], lines[2], lines[3], landing)
    only(evidence.why("HEAD"), "1 statements that the landing relies on are gone")


def test_dropping_the_landing_with_the_fail_opens_nothing(evidence: Evidence):
    change = Change(evidence)
    lines = [evidence.sign(draft) for draft in change.drafts()]
    evidence.keep(change.commit, *lines)
    only(evidence.why("HEAD"), "no landing statement")


@pytest.mark.parametrize("shared", ["turn", "brief"])
def test_author_and_reviewer_never_share_a_turn_or_a_brief(evidence: Evidence, shared: str):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[1] = edited(drafts[1], factory={shared: getattr(AUTHOR, "id" if shared == "turn" else "brief")})
    change.attest(drafts)
    only(evidence.why("HEAD"), f"share one {shared}")


def test_a_role_does_not_review_itself(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[1] = edited(drafts[1], factory={"author": "quality"})
    change.attest(drafts)
    only(evidence.why("HEAD"), "reviewed itself")


def test_one_key_cannot_stand_for_two_seats(tmp_path: Path):
    evidence = trusting_repository(tmp_path)
    path = evidence.root / ".factory/trust/allowed_signers"
    quality = make_key(evidence.keys, "quality")
    path.write_text(path.read_text().replace(make_key(evidence.keys, "supervisor"), quality))
    git(evidence.root, "commit", "-q", "-am", "one key for two")
    change = Change(evidence)
    change.attest(signers={"approval": "quality"})
    only(evidence.why("HEAD"), "one key stands for two seats")


def test_a_review_that_inspected_nothing_is_closed(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[1] = edited(drafts[1], checked=[])
    change.attest(drafts)
    only(evidence.why("HEAD"), "names nothing that it inspected")


def test_a_rule_added_to_the_base_after_the_verdict_makes_it_stale(evidence: Evidence):
    change = Change(evidence)
    old_policy = change.frame().policy
    git(evidence.root, "checkout", "-q", "-b", "stricter", change.base)
    commit(evidence.root, {".factory/rules/X2.md": "stricter\n"}, "a rule")
    git(evidence.root, "checkout", "-q", change.commit, "--", "src")
    rebased = Change(evidence, work(evidence, {}))
    lines = [evidence.sign(edited(draft, factory={"policy": old_policy})) for draft in rebased.drafts()]
    evidence.keep(rebased.commit, *lines, rebased.landing(lines, policy=old_policy))
    only(evidence.why("HEAD"), "changed since", "base, rules or trust moved since")


def test_evidence_signed_under_another_policy_is_stale(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[0] = edited(drafts[0], factory={"policy": "0" * 64})
    change.attest(drafts)
    only(evidence.why("HEAD"), "the smoke result is stale: roles, rules, settings or trust changed since")


def test_a_candidate_that_weakens_the_rules_needs_an_approval_that_names_them(evidence: Evidence):
    weak = Change(evidence, work(evidence, {".factory/rules/X1.md": "weak\n", "src/a.py": "a = 2\n"}))
    weak.attest()
    only(evidence.why("HEAD"), "changes what is protected")


def test_a_candidate_cannot_bring_the_keys_that_judge_it(evidence: Evidence):
    public = make_key(evidence.keys, "mallory")
    trust = "".join(
        f'{name}@factory.invalid namespaces="factory.smoke,factory.review,factory.approval,factory.landing" {public}\n'
        for name in ("factory", "supervisor", "quality")
    )
    change = Change(evidence, work(evidence, {".factory/trust/allowed_signers": trust, "src/a.py": "a = 2\n"}))
    signers = dict.fromkeys(("smoke", "review", "approval"), "mallory")
    lines = [evidence.sign(draft, signers[draft.kind]) for draft in change.drafts()]
    evidence.keep(change.commit, *lines)
    found = evidence.why("HEAD")
    assert sum("signature does not hold" in reason for reason in found) == 3


def test_an_expired_approval_is_closed(evidence: Evidence):
    change = Change(evidence)
    change.approval = Approval(
        id="C-1",
        commit=change.commit,
        tree=change.tree,
        base=change.base,
        charter="c" * 64,
        sha256="a" * 64,
        expires="2026-11-22T09:59:59.000Z",
    )
    change.attest()
    only(evidence.why("HEAD"), "had expired")


def test_a_rejected_change_is_closed(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[2] = edited(drafts[2], decision="REJECTED")
    change.attest(drafts)
    only(evidence.why("HEAD"), "the supervisor's answer was REJECTED")


def test_another_approval_than_the_landings_is_closed(evidence: Evidence):
    change = Change(evidence)
    drafts = change.drafts()
    drafts[2] = edited(drafts[2], id="C-7")
    change.attest(drafts)
    only(evidence.why("HEAD"), "used another approval")


def test_a_replaced_object_deceives_git_show_and_not_the_gate(evidence: Evidence):
    change = Change(evidence)
    change.attest()
    git(evidence.root, "checkout", "-q", "-b", "other", change.base)
    other = work(evidence, {"src/a.py": "a = 666\n"}, "other content")
    git(evidence.root, "replace", change.commit, other)
    assert git(evidence.root, "show", f"{change.commit}:src/a.py") == "a = 666"
    assert evidence.why(change.commit) == []


# --- a change on a base that moved ----------------------------------------------------------------


def merged(evidence: Evidence, moved: dict[str, str | bytes], tree: str = "") -> tuple[Change, str]:
    """A reviewed change, a base that moved, and the merge of both."""
    change = Change(evidence)
    git(evidence.root, "checkout", "-q", "-b", "moved", change.base)
    onto = commit(evidence.root, moved, "the base moves")
    made = tree or git(evidence.root, "merge-tree", "--write-tree", onto, change.commit).split()[0]
    return change, git(evidence.root, "commit-tree", made, "-p", onto, "-p", change.commit, "-m", "merge")


def attest_merge(evidence: Evidence, change: Change, merge: str) -> None:
    onto = git(evidence.root, "rev-parse", f"{merge}^1")
    tree = git(evidence.root, "rev-parse", f"{merge}^{{tree}}")
    smoke = LevelJudged(
        task="T-1", level=2, verdict=Verdict.PASS, summary="3 passed", tree=tree, base=onto, tests_passed=3
    )
    first = evidence.sign(words.smoke(merge, smoke, evidence.frame(onto)))
    others = [evidence.sign(draft) for draft in change.drafts()[1:]]
    task = change.task(merged=tree, onto=onto, merged_smoke=smoke)
    listed = tuple(verify.hashlib.sha256(line).hexdigest() for line in [first, *others])
    draft = words.landing(merge, tree, task, change.candidate, listed, "G0", evidence.frame(onto))
    evidence.keep(merge, first, evidence.sign(draft))
    evidence.keep(change.commit, *others)


def test_a_change_carried_over_to_a_moved_base_is_open(evidence: Evidence):
    change, merge = merged(evidence, {"src/b.py": "b = 2\n"})
    attest_merge(evidence, change, merge)
    answer = evidence.answer(merge)
    assert answer.why == []
    assert any("merged onto" in note for note in answer.notes)


def test_a_merge_that_slips_something_in_is_closed(evidence: Evidence):
    change = Change(evidence)
    git(evidence.root, "checkout", "-q", "-b", "evil", change.base)
    evil = work(evidence, {"src/a.py": "a = 2\n", "src/b.py": "b = 2\n", "src/c.py": "evil\n"})
    tree = git(evidence.root, "rev-parse", f"{evil}^{{tree}}")
    git(evidence.root, "checkout", "-q", "main")
    git(evidence.root, "branch", "-q", "again", change.base)
    git(evidence.root, "checkout", "-q", "again")
    onto = commit(evidence.root, {"src/b.py": "b = 2\n"}, "the base moves")
    merge = git(evidence.root, "commit-tree", tree, "-p", onto, "-p", change.commit, "-m", "merge")
    attest_merge(evidence, change, merge)
    only(evidence.why(merge), "merging what was reviewed gives the tree")


def test_a_base_that_moved_in_the_same_file_is_closed(evidence: Evidence):
    root = evidence.root
    commit(root, {"src/a.py": "".join(f"line {n}\n" for n in range(40))}, "a longer file")
    change = Change(evidence, work(evidence, {"src/a.py": "".join(f"line {n or 'zero'}\n" for n in range(40))}))
    git(root, "checkout", "-q", "-b", "moved", change.base)
    onto = commit(
        root, {"src/a.py": "".join(f"line {n if n != 39 else 'last'}\n" for n in range(40))}, "the base moves"
    )
    tree = git(root, "merge-tree", "--write-tree", onto, change.commit).split()[0]
    merge = git(root, "commit-tree", tree, "-p", onto, "-p", change.commit, "-m", "merge")
    attest_merge(evidence, change, merge)
    only(evidence.why(merge), "the base moved in the same files")


# --- the supervisor's own hand --------------------------------------------------------------------


def by_hand(evidence: Evidence, made: str, paths: tuple[str, ...]) -> None:
    base = git(evidence.root, "rev-parse", f"{made}^1")
    tree = git(evidence.root, "rev-parse", f"{made}^{{tree}}")
    draft = words.by_hand(made, tree, paths, "supervisor:me@tty", "a new rule", evidence.frame(base))
    evidence.keep(made, evidence.sign(draft))


def test_a_change_of_the_home_is_vouched_for_by_the_supervisor_alone(evidence: Evidence):
    made = work(evidence, {".factory/rules/X2.md": "stricter\n"})
    only(evidence.why(made), "no landing statement")
    by_hand(evidence, made, (".factory/rules/X2.md",))
    assert evidence.why(made) == []


def test_a_vouched_home_change_cannot_carry_code(evidence: Evidence):
    made = work(evidence, {".factory/rules/X2.md": "stricter\n", "src/a.py": "a = 9\n"})
    by_hand(evidence, made, (".factory/rules/X2.md", "src/a.py"))
    only(evidence.why(made), "may change the home only, not src/a.py")


def test_a_vouched_home_change_names_each_file(evidence: Evidence):
    made = work(evidence, {".factory/rules/X2.md": "stricter\n", ".factory/rules/X1.md": "weak\n"})
    by_hand(evidence, made, (".factory/rules/X2.md",))
    only(evidence.why(made), "which the approval does not name: .factory/rules/X1.md")


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
