"""Adopting commits: exactly the rule and its incident, on the supervisor's word, and nothing else of anybody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from heart import SUPERVISOR
from lessons import MINE, PATH, RECORD, Bench, Killed, learned
from test_incidents import RULE

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import LandJob, agenda, rules_to_commit
from factory_tui.domain.errors import Refusal, WorldError

ADOPTED = "Adopt P101, born from I-1"


async def test_exactly_rule_and_incident_are_committed_and_the_users_work_stays_as_it_is(tmp_path: Path) -> None:
    bench = await learned(tmp_path)
    before = bench.git("rev-parse", "main")
    told = await bench.do("adopt")
    made = bench.git("rev-parse", "main")
    words = f"committed on main as {made[:10]}; `factory verify` is open for it"
    plain = {"sha": made, "ref": "refs/heads/main", "why": "", "by": "factory", "unvouched": ""}
    assert told["commit"] == plain | {"told": words}
    assert bench.git("rev-parse", f"{made}^") == before
    assert bench.git("diff", "--name-status", before, made).split("\n") == [f"A\t{RECORD}", f"A\t{PATH}"]
    assert bench.git("show", f"{made}:{PATH}") == RULE.strip()
    assert bench.status == MINE
    assert bench.git("show", ":src/c.py") == "c = 1"
    assert "P101" in {rule.id for rule in bench.factory.state.law.rules}
    assert bench.factory.state.base == made, "what begins from here on builds on it"


async def test_a_verifier_opens_that_commit_because_adopting_was_the_supervisors_word(tmp_path: Path) -> None:
    bench = await learned(tmp_path)
    await bench.do("adopt")
    answer = bench.verified()
    assert answer.why == []
    assert "made by the supervisor by hand: the home only" in answer.notes
    (done,) = bench.settled
    assert done.statement is not None
    assert bench.factory.state.last_statement == done.statement.envelope.sha256


async def test_without_a_key_of_the_supervisors_it_is_committed_and_says_that_nobody_vouches(tmp_path: Path) -> None:
    bench = await learned(tmp_path)
    (bench.repository.keys / "supervisor").unlink()
    await bench.do("adopt")
    (done,) = bench.settled
    assert done.commit == bench.git("rev-parse", "main")
    assert "no key for `supervisor`" in done.unvouched
    assert bench.verified().why != []


# --- what stands in the way ----------------------------------------------------------------------


def detach(bench: Bench) -> Callable[[], object]:
    bench.git("checkout", "-q", "--detach")
    return lambda: bench.git("checkout", "-q", "main")


def another_branch(bench: Bench) -> Callable[[], object]:
    bench.git("checkout", "-q", "-b", "elsewhere")
    return lambda: bench.git("checkout", "-q", "main")


def a_merge(bench: Bench) -> Callable[[], object]:
    mark = bench.root / ".git/MERGE_HEAD"
    mark.write_text(bench.git("rev-parse", "main") + "\n")
    return mark.unlink


def a_rebase(bench: Bench) -> Callable[[], object]:
    mark = bench.root / ".git/rebase-merge"
    mark.mkdir()
    return mark.rmdir


def a_lock(bench: Bench) -> Callable[[], object]:
    lock = bench.root / ".git/index.lock"
    lock.write_text("")
    return lock.unlink


def a_hook(bench: Bench) -> Callable[[], object]:
    hook = bench.root / ".git/hooks/commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    bench.git("config", "core.hooksPath", ".git/hooks")
    return hook.unlink


def no_name(bench: Bench) -> Callable[[], object]:
    bench.git("config", "user.email", "")
    return lambda: bench.git("config", "user.email", "ann@example.invalid")


def staged_at_its_place(bench: Bench) -> Callable[[], object]:
    blob = bench.root / "blob"
    blob.write_text("another version\n")
    id = bench.git("hash-object", "-w", "blob")
    blob.unlink()
    bench.git("update-index", "--add", "--cacheinfo", f"100644,{id},{PATH}")
    return lambda: bench.git("rm", "-q", "--cached", "-f", PATH)


@pytest.mark.parametrize(
    ("stands", "why"),
    [
        (detach, "HEAD is detached"),
        (another_branch, "refs/heads/elsewhere is checked out"),
        (a_merge, "in the middle of something: MERGE_HEAD"),
        (a_rebase, "in the middle of something: rebase-merge"),
        (a_lock, "index.lock exists"),
        (a_hook, "your commit-msg hook judges commits here"),
        (no_name, "git knows no user.name and user.email"),
        (staged_at_its_place, f"{PATH} (staged)"),
    ],
)
async def test_what_stands_in_the_way_is_said_nothing_moves_and_later_it_is_committed(
    tmp_path: Path, stands: Callable[[Bench], Callable[[], object]], why: str
) -> None:
    bench = await learned(tmp_path)
    clear = stands(bench)
    index, head = (bench.root / ".git/index").read_bytes(), bench.git("rev-parse", "main")
    told = await bench.do("adopt")
    assert told["adopted"] is True, "the rule is in force at once, either way"
    (done,) = bench.settled
    assert why in done.why
    assert bench.git("rev-parse", "main") == head
    assert (bench.root / ".git/index").read_bytes() == index
    assert rules_to_commit(bench.factory.state) == [], "it was tried, and is offered, not owed"
    clear()
    await bench.do("commit")
    assert bench.subjects == [ADOPTED, "first"]
    assert bench.status == MINE


async def test_a_file_that_changed_between_the_word_and_the_commit_is_not_committed(tmp_path: Path) -> None:
    bench = await learned(tmp_path, after=e.CharterAdopted)
    with pytest.raises(Killed):
        await bench.do("adopt")
    (bench.root / PATH).write_text(RULE + "\nmine\n")
    again = bench.again()
    await again.commits.commit_owed()
    assert f"{PATH} is not what was adopted any more" in again.settled[0].why
    assert (again.root / PATH).read_text().endswith("mine\n")
    assert again.subjects == ["first"]


@pytest.mark.parametrize("path", [PATH, RECORD])
async def test_a_file_of_the_users_at_its_place_is_not_written_over_and_nothing_is_adopted(
    tmp_path: Path, path: str
) -> None:
    bench = await learned(tmp_path)
    (bench.root / path).parent.mkdir(parents=True, exist_ok=True)
    (bench.root / path).write_text("mine, and nowhere else\n")
    with pytest.raises(WorldError, match="says something else"):
        await bench.do("adopt")
    assert (bench.root / path).read_text() == "mine, and nowhere else\n"
    other = RECORD if path == PATH else PATH
    assert not (bench.root / other).exists()
    assert bench.known.closed == ""
    assert bench.subjects == ["first"]


async def test_a_committed_file_at_its_place_is_written_over_and_git_has_the_old_one(tmp_path: Path) -> None:
    bench = await learned(tmp_path)
    (bench.root / RECORD).parent.mkdir(parents=True)
    (bench.root / RECORD).write_text("from before\n")
    bench.git("add", RECORD)
    bench.git("commit", "-qm", "a record", "--", RECORD)
    await bench.do("adopt")
    assert bench.subjects == [ADOPTED, "a record", "first"]
    assert bench.git("show", f"main~1:{RECORD}") == "from before"


async def test_a_home_that_no_session_could_begin_on_is_not_committed(tmp_path: Path) -> None:
    bench = await learned(tmp_path, unreadable="roles/x.md: no such role")
    await bench.do("adopt")
    assert "nobody could begin a session on it" in bench.settled[0].why
    assert bench.subjects == ["first"]


async def test_a_home_outside_of_the_repository_is_said_plainly_and_nothing_is_committed(tmp_path: Path) -> None:
    bench = await learned(tmp_path, outside=str(tmp_path / "home"))
    told = await bench.do("adopt")
    assert told["adopted"] is True
    assert "the home lies outside of the repository" in bench.settled[0].why
    assert bench.subjects == ["first"]


async def test_what_was_committed_by_hand_is_found_and_not_committed_twice(tmp_path: Path) -> None:
    bench = await learned(tmp_path)
    clear = no_name(bench)
    await bench.do("adopt")
    clear()
    bench.git("add", PATH, RECORD)
    bench.git("commit", "-qm", "by hand", "--", PATH, RECORD)
    again = bench.again()
    await again.commits.look_again()
    last = again.settled[-1]
    assert (last.by_hand, last.commit) == (True, bench.git("rev-parse", "main"))
    with pytest.raises(Refusal, match="nothing of I-1 is to be committed"):
        await again.do("commit")
    assert again.subjects == ["by hand", "first"]


# --- killed on the way ---------------------------------------------------------------------------

LANDING = (
    *("begun", "index locked", "ref locked", "staged", "index written"),
    *("ref moved", "index released", "before the end"),
)


@pytest.mark.parametrize(
    "end",
    [
        *({"before": kind} for kind in (e.RuleWritten, e.CharterAdopted, e.RuleCommitIntended, e.RuleCommitted)),
        *({"after": kind} for kind in (e.RuleWritten, e.CharterAdopted, e.RuleCommitIntended, e.RuleCommitted)),
        *({"step": name} for name in LANDING),
    ],
    ids=lambda end: " ".join(f"{key} {getattr(value, '__name__', value)}" for key, value in end.items()),
)
async def test_killed_at_any_step_it_is_committed_once_and_the_truth_is_told(
    tmp_path: Path, end: dict[str, object]
) -> None:
    bench = await learned(tmp_path, **end)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        await bench.do("adopt")
    again = bench.again()
    del bench
    await again.to_the_end()
    assert again.subjects == [ADOPTED, "first"]
    assert again.status == MINE
    assert not list((again.root / ".git").glob("factory-landing-*"))
    assert not (again.root / ".git/index.lock").exists()
    assert [done.commit for done in again.settled] == [again.git("rev-parse", "main")]
    assert again.known.closed == "rule P101"
    assert again.verified().why == []


async def test_a_commit_that_was_begun_gives_way_to_what_the_user_did_meanwhile(tmp_path: Path) -> None:
    bench = await learned(tmp_path, step="begun")
    with pytest.raises(Killed):
        await bench.do("adopt")
    bench.git("commit", "-qm", "mine")
    again = bench.again()
    del bench
    await again.commits.commit_owed()
    assert [bool(done.commit) for done in again.settled] == [False]
    assert not list((again.root / ".git").glob("factory-landing-*")), "nothing is left in the way of other landings"
    await again.do("commit")
    assert again.subjects == [ADOPTED, "mine", "first"]


async def test_no_landing_begins_while_a_commit_is_under_way(tmp_path: Path) -> None:
    bench = await learned(tmp_path, after=e.RuleCommitIntended)
    with pytest.raises(Killed):
        await bench.do("adopt")
    state = bench.again().factory.state
    assert not any(isinstance(job, LandJob) for job in agenda(state))
    assert [job.incident for job in rules_to_commit(state)] == ["I-1"]


async def test_a_rule_that_was_adopted_in_an_older_ledger_is_not_committed_by_itself(tmp_path: Path) -> None:
    bench = await learned(tmp_path, before=e.RuleWritten)
    with pytest.raises(Killed):
        await bench.do("adopt")
    again = bench.again()
    old = c.RecordRuleWritten(incident="I-1", path="rules/P101-ports.md", record="memory/incidents/I-1.md")
    again.factory.submit(old, SUPERVISOR)
    await again.propose()
    again.adopt_proposed()
    assert again.known.closed == "rule P101"
    assert rules_to_commit(again.factory.state) == []


async def test_a_rule_that_is_adopted_with_the_rest_of_the_home_is_committed_too(tmp_path: Path) -> None:
    bench = await learned(tmp_path, after=e.RuleWritten)
    with pytest.raises(Killed):
        await bench.do("adopt")
    again = bench.again()
    await again.propose()
    again.adopt_proposed()
    assert [job.incident for job in rules_to_commit(again.factory.state)] == ["I-1"]
    (told,) = await again.desk.commit_owed()
    assert told.startswith("P101, born from I-1, is committed on main as ")
    assert again.subjects == [ADOPTED, "first"]
