"""The demo, whole and without a person: to production and back, and a rule that stops the next turn. By its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from real_git import git

from factory_tui.adapters import verify
from factory_tui.adapters.evidence import EvidenceFiles
from factory_tui.bootstrap.grounds import look
from factory_tui.demo import Staged, play_demo, stage
from factory_tui.demo.promises import out_of_order
from factory_tui.domain import events as e
from factory_tui.domain.diff_text import change_from_diff
from factory_tui.domain.entries import Entry
from factory_tui.domain.rulebook import RuleBook, compile_rules
from factory_tui.domain.state import State
from factory_tui.domain.stats import measure
from factory_tui.domain.terms import Decision

pytestmark = [pytest.mark.needs_bwrap]


class Played:
    """A demo that was played to its end."""

    def __init__(self, place: Path) -> None:
        self.told: list[str] = []
        self.code = play_demo(self.told.append, str(place))
        self.staged: Staged = stage(str(place))
        state, entries, view = look(self.staged.ground)
        assert view is not None
        assert view.damage is None
        self.state: State = state
        self.entries: tuple[Entry, ...] = tuple(entries)

    def of(self, *kinds: type) -> list[Entry]:
        return [entry for entry in self.entries if isinstance(entry.event, kinds)]

    def evidence(self, sha256: str) -> str:
        return EvidenceFiles(self.staged.ground.place.evidence).get(sha256).decode()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return Played(tmp_path_factory.mktemp("demo"))


def test_everything_that_is_promised_is_found(played: Played) -> None:
    assert played.code == 0, "\n".join(played.told)
    assert list(out_of_order(played.entries)) == []
    assert not any("NOT AS PROMISED" in line for line in played.told)


def without(entries: Iterable[Entry], kind: type) -> list[Entry]:
    return [entry for entry in entries if not isinstance(entry.event, kind)]


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (e.DeploymentApproved, "somebody else approved exactly that"),
        (e.DeploymentChecked, "level 4 saw the lost volume and the missing header"),
        (e.RollbackSettled, "it went back by the recorded way"),
        (e.RuleProven, "the rule was proven on what was recorded"),
        (e.TreeRefused, "the next Builder was stopped by that very rule"),
    ],
)
def test_a_story_without_one_of_its_steps_is_not_the_promised_one(played: Played, kind: type, missing: str) -> None:
    assert list(out_of_order(without(played.entries, kind))) == [missing]


def test_nothing_was_run_in_the_hall_before_somebody_else_had_approved_it(played: Played) -> None:
    proposed, approved, intended = (
        played.of(kind) for kind in (e.DeploymentProposed, e.DeploymentApproved, e.DeploymentIntended)
    )
    assert len(proposed) == len(approved) == len(intended) == 2
    for one, yes, begun in zip(proposed, approved, intended, strict=True):
        assert one.seq < yes.seq < begun.seq
        assert one.event.by.startswith("devops/")
        assert yes.by.kind == "supervisor"
        assert (yes.event.commit, yes.event.environment) == (one.event.plan.commit, one.event.plan.environment)
        assert begun.event.approval == yes.event.approval


def test_the_counts_are_of_what_was_seen_and_are_told(played: Played) -> None:
    first, back, second = (entry.event for entry in played.of(e.DeploymentChecked))
    failed = {row.id: row.reason for row in first.rows if row.verdict == "fail"}
    assert set(failed) == {"V16", "V18", "V21"}
    assert "content-security-policy" in failed["V21"]
    assert (first.passed, first.failed, first.gaps) == (30, 3, 0)
    assert (back.verdict, back.commit, back.gaps) == ("pass", played.of(e.DeploymentIntended)[0].event.previous, 0)
    assert (second.passed, second.failed, second.not_applicable, second.gaps) == (33, 0, 0, 0)
    assert all(0 < one.seconds < 60 for one in (first, back, second))
    assert sum("33 checks:" in line for line in played.told) == 3


def test_what_broke_was_in_the_landed_change_and_the_proof_looked_at_exactly_that(played: Played) -> None:
    (proof,) = (entry.event for entry in played.of(e.RuleProven))
    (shown,) = played.state.incidents["I-1"].evidence
    imported = next(entry.event for entry in played.entries if entry.seq == shown)
    assert isinstance(imported, e.TreeImported)
    diff = played.evidence(imported.diff.sha256)
    assert '-VOLUME = "data"' in diff
    assert proof.caught == (shown,)
    assert (proof.missed, proof.disturbed) == ((), ())
    assert proof.benign >= 1


def test_the_very_commit_that_was_stopped_passes_where_the_rule_is_not(played: Played) -> None:
    """The control: without the rule nothing stops it."""
    (stopped,) = (entry.event for entry in played.of(e.TreeRefused))
    assert [match.source for match in stopped.matches if match.decision is Decision.DENY] == ["Q101"]
    text = "".join(f"{line}\n" for line in _removing("Strict-Transport-Security"))
    change = change_from_diff(text)
    law = played.state.law
    assert _denials(compile_rules(law.rules), change) == ["Q101"]
    assert _denials(compile_rules([one for one in law.rules if one.id != "Q101"]), change) == []


def _removing(header: str) -> Iterator[str]:
    yield from ("diff --git a/bookings/site.py b/bookings/site.py", "--- a/bookings/site.py", "+++ b/bookings/site.py")
    yield from ("@@ -9,1 +8,0 @@", f'-    "{header}": "max-age=31536000",')


def _denials(book: RuleBook, change: object) -> list[str]:
    matches = book.judge_change(change, "builder", {})  # type: ignore[arg-type]
    return [one.source for one in matches if one.decision is Decision.DENY]


def test_the_rule_and_its_incident_are_one_commit_that_a_stranger_opens(played: Played) -> None:
    (done,) = (entry.event for entry in played.of(e.RuleCommitted))
    root = played.staged.root
    assert (done.ref, done.why, done.unvouched) == ("refs/heads/main", "", "")
    paths = git(root, "show", "--format=", "--name-only", done.commit).split()
    assert paths == [".factory/memory/incidents/I-1.md", ".factory/rules/Q101-what-production-stands-on-stays.md"]
    assert done.statement is not None
    begun = next(entry.event.base for entry in played.of(e.SessionStarted))
    with verify.Gate(str(root)) as gate:
        answers = [gate.verify(one) for one in verify.commits_of(str(root), f"{begun}..main")]
    assert {one.commit for one in answers} > {done.commit}, "between what landed before it and after it"
    assert [why for one in answers for why in one.why] == []
    assert git(root, "status", "--porcelain") == ""
    assert played.of(e.JobCrashed) == []


def test_the_rule_and_its_incident_are_in_the_home_and_in_the_checklist(played: Played) -> None:
    home = Path(played.staged.ground.home.home_dir)
    assert (home / "rules" / "Q101-what-production-stands-on-stays.md").is_file()
    assert "Root cause" in (home / "memory" / "incidents" / "I-1.md").read_text()
    assert played.state.incidents["I-1"].closed == "rule Q101"
    assert "Q101" in {rule.id for rule in played.state.law.rules}


def test_the_figures_tell_of_it(played: Played) -> None:
    figures = {one.name: one for one in measure(played.entries)}
    assert figures["level_4_caught"].value == 1
    assert figures["level_3_missed"].value == 1
    assert figures["level_5_caught"].value == 1
    assert figures["lead_time_to_deployment_median"].why == "of 3", "what landed before came with the second release"
    assert figures["lead_time_to_merge_median"].why == "of 3"
    assert figures["level_5_missed"].value == 0
    assert {one.seq for one in played.of(e.DeploymentApproved)} <= {*figures["decisions"].entries}
    assert figures["denied:Q101"].value == 1
