"""Incidents: opened, told, proven into a rule that is permanent, closed; and what a freeze stops meanwhile."""

from __future__ import annotations

import pytest
from heart import (
    DEPLOY,
    SUPERVISOR,
    Heart,
    Story,
    approved,
    charter,
    evidence,
    given,
    handed_over,
    landed,
    reviewed,
    small_task,
)
from msgspec.structs import replace

from factory_tui.adapters.rule_files import read_rule
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import LandJob, agenda
from factory_tui.domain.charter import Charter, seal
from factory_tui.domain.errors import Refusal
from factory_tui.domain.incidents import form_in
from factory_tui.domain.permanence import carried_over, loosened
from factory_tui.domain.rule_draft import HOLE, skeleton
from factory_tui.domain.rule_proof import Proof, material_of, prove
from factory_tui.domain.rules import Rule
from factory_tui.domain.state import State
from factory_tui.domain.terms import Action, Actor, Evidence, Verdict
from factory_tui.domain.waiting import waiting

ROLES = [card.id for card in charter().roles]
RULE = """---
id: P101
title: No guessing of ports
severity: block
concerns: [all]
bears_when: {phases: [tool_call], actions: [run]}
check: {kind: deny_command, patterns: ['--port 80\\b']}
incident: {name: Port 80, date: '2026-11-22', cost: an hour, source: I-1}
catches:
- {role: builder, command: make serve --port 80}
allows:
- {role: builder, command: make serve --port 8080}
---
# P101 No guessing of ports

A port below 1024 is nobody's to take.

## What happened
It took port 80.
## Why
Nothing else could start.
## Instead
Ask for a free port.
"""


def rule(text: str = RULE) -> Rule:
    return read_rule("rules/P101-ports.md", text, ROLES)


def with_rules(law: Charter, *more: Rule) -> Charter:
    """The same law with other rules of those ids."""
    ids = {one.id for one in more}
    return seal(
        roles=law.roles,
        rules=[*(one for one in law.rules if one.id not in ids), *more],
        gate=law.gate,
        documents=law.documents,
        stack=law.stack,
        protected=law.protected,
        architecture=law.architecture,
    )


def small_law() -> Charter:
    """Three roles and no rule: a sample stays small."""
    law = charter()
    some = [card for card in law.roles if card.id in ("ceo", "builder", "quality")]
    return seal(roles=some, rules=(), gate=law.gate, documents=law.documents, stack=law.stack)


def worked(*commands: str, law: Charter | None = None) -> Story:
    """A builder that ran these."""
    story = given(small_task(), law=law)
    story.heart.begin()
    for command in commands:
        run(story.heart, command)
    return story


def run(heart: Heart, command: str) -> int:
    """Its entry."""
    heart.wish(Action(kind="run", command=command))
    seq = next(
        entry.seq
        for entry in reversed(heart.entries)
        if isinstance(entry.event, e.ActionAllowed | e.ActionDenied | e.ActionAsked)
    )
    turn = heart.state.turns[heart.turn_of()]
    for id in tuple(turn.open):
        heart.do(c.EndAction(id=id, result="ok"), Actor(kind="seat", name=turn.id))
    return seq


def told(heart: Heart, seq: int, **more: object) -> None:
    """An incident about one entry, its form filled."""
    opened = c.OpenIncident(title="It took port 80", evidence=(seq,), freeze=False)
    heart.do(replace_command(opened, **more), SUPERVISOR)
    filled = c.FillIncident(incident="I-1", when="noon", cost="an hour", root_cause="nobody said which port")
    heart.do(filled, SUPERVISOR)


def replace_command(command: c.OpenIncident, **more: object) -> c.OpenIncident:
    import dataclasses

    return dataclasses.replace(command, **more)


def drafted(heart: Heart, one: Rule) -> Evidence:
    file = evidence(f"draft of {one.id} {one.title} {one.severity} {one.check}")
    heart.do(c.DraftRule(incident="I-1", rule=one, path=f"rules/{one.id}.md", draft=file), SUPERVISOR)
    return file


def proven(heart: Heart, one: Rule) -> Proof:
    file = drafted(heart, one)
    proof = prove(one, tuple(heart.entries), heart.state.incidents["I-1"].evidence, lambda which: None)
    heart.do(
        c.RecordProof(
            incident="I-1",
            draft=file.sha256,
            caught=proof.caught,
            missed=proof.missed,
            benign=proof.benign,
            borne=proof.borne,
            disturbed=proof.disturbed,
            problems=proof.problems,
            evidence=evidence("proof"),
        ),
        SUPERVISOR,
    )
    return proof


def adopted(heart: Heart, one: Rule) -> tuple[e.Event, ...]:
    heart.do(
        c.RecordRuleWritten(incident="I-1", path=f"rules/{one.id}.md", record="memory/incidents/I-1.md"), SUPERVISOR
    )
    law = with_rules(heart.state.law, one)
    return adopt(heart, law)


def adopt(heart: Heart, law: Charter) -> tuple[e.Event, ...]:
    heart.do(c.ProposeCharter(charter=law, sha256=law.sha256, evidence=evidence(law.sha256), paths=("rules/P101",)))
    proposal = next(p.id for p in heart.state.proposals.values() if p.charter)
    return heart.do(c.AdoptCharter(proposal=proposal, charter=law), SUPERVISOR)


def born() -> Heart:
    """A rule in force, born from what a builder ran."""
    story = worked("make test", "make lint")
    seq = run(story.heart, "make serve --port 80")
    told(story.heart, seq)
    proven(story.heart, rule())
    adopted(story.heart, rule())
    return story.heart


# --- opening -------------------------------------------------------------------------------------


def test_the_supervisor_opens_one_at_any_time_and_landings_stop_by_default() -> None:
    story = given()
    story.when(c.OpenIncident(title="The page is down"), by=SUPERVISOR).then_kinds(e.IncidentOpened, e.Frozen)
    story.then_waits("incident")
    assert story.heart.state.frozen is not None
    assert story.heart.state.frozen.landings
    story.when(c.Unfreeze(reason="it is up"), by=SUPERVISOR).then_kinds(e.Unfrozen)


def test_no_seat_opens_freezes_or_lets_go_on() -> None:
    for command in (c.OpenIncident(title="x"), c.Freeze(reason="x", landings=True), c.Unfreeze()):
        with pytest.raises(Refusal):
            given().heart.do(command, Actor(kind="seat", name="builder/b1"))
    with pytest.raises(Refusal, match="only the supervisor"):
        given().heart.do(c.Unfreeze(), Actor(kind="factory", name="gatekeeper"))


def test_a_frozen_landing_is_not_owed_and_not_begun_until_it_is_let_go_on() -> None:
    story = given(small_task(), handed_over(), reviewed(), approved())
    story.heart.check_landing()
    story.heart.attest()
    assert LandJob("T-1") in agenda(story.heart.state)
    story.when(c.Freeze(reason="the page is down", landings=True), by=SUPERVISOR)
    assert LandJob("T-1") not in agenda(story.heart.state)
    with pytest.raises(Refusal, match="landings are frozen"):
        story.heart.intend()
    story.when(c.Unfreeze(), by=SUPERVISOR)
    assert LandJob("T-1") in agenda(story.heart.state)
    story.heart.intend()


def test_what_is_landing_already_ends_although_it_is_frozen() -> None:
    story = given(small_task(), handed_over(), reviewed(), approved())
    story.heart.check_landing()
    story.heart.attest()
    story.heart.intend()
    story.when(c.Freeze(reason="x", landings=True), by=SUPERVISOR)
    assert LandJob("T-1") in agenda(story.heart.state)


def test_a_third_crash_opens_one_that_names_its_entry() -> None:
    story = given(small_task())
    for _ in range(3):
        story.heart.do(c.NoteCrash(job="SealBriefJob(x)", task="T-1", error="no space left"))
    known = story.heart.state.incidents["I-1"]
    assert known.cause == "crash"
    assert isinstance(story.heart.entries[known.evidence[0] - 1].event, e.JobCrashed)


def test_a_stuck_task_offers_an_incident_and_forces_none() -> None:
    story = given(small_task())
    for _ in range(3):
        story.heart.do(c.NoteCrash(job="SealBriefJob(x)", task="T-1", error="no space left"))
    assert "incident" in story.heart.item("T-1").verbs
    story.heart.answer("T-1", "incident", "the disk was full")
    assert story.heart.state.incidents["I-2"].task == "T-1"
    assert story.heart.state.tasks["T-1"].stage == "stuck"
    assert story.heart.state.frozen is None


def test_what_was_settled_and_happens_again_is_a_broken_check_and_no_new_incident() -> None:
    heart = born()
    again = c.OpenIncident(title="Port 80 again", repeats="I-1", freeze=False)
    (event,) = heart.do(again, SUPERVISOR)
    assert isinstance(event, e.IncidentReopened)
    assert event.broken == "P101"
    assert "broken check P101" in heart.item("I-1").title


def test_the_rule_that_did_not_catch_it_settles_no_repeat() -> None:
    heart = born()
    heart.do(c.OpenIncident(title="Port 80 again", repeats="I-1", freeze=False), SUPERVISOR)
    with pytest.raises(Refusal, match="in force already"):
        drafted(heart, rule())


def test_the_same_crash_after_its_incident_was_closed_reopens_it() -> None:
    story = given(small_task())
    for _ in range(3):
        story.heart.do(c.NoteCrash(job="SealBriefJob(x)", task="T-1", error="no space left"))
    story.heart.do(c.CloseIncident(incident="I-1", reason="the disk was full"), SUPERVISOR)
    story.heart.answer("T-1", "drop", "enough")
    small_task()(story.heart)
    for _ in range(3):
        story.heart.do(c.NoteCrash(job="SealBriefJob(y)", task="T-2", error="no space left"))
    assert list(story.heart.state.incidents) == ["I-1"]
    assert story.heart.state.incidents["I-1"].repeats == 1


# --- the form ------------------------------------------------------------------------------------


def test_the_form_is_filled_in_words_and_nothing_typed_is_lost() -> None:
    heart = given().heart
    heart.do(c.OpenIncident(title="The page is down", freeze=False), SUPERVISOR)
    heart.answer("I-1", "fill", "cost: two hours\nroot cause: no header\nlevel: 4\nand this belongs to it")
    known = heart.state.incidents["I-1"]
    assert (known.cost, known.root_cause, known.level) == (
        "two hours",
        "no header\nand this belongs to it",
        4,
    )
    assert form_in("just words") == {"what": "just words"}
    with pytest.raises(Refusal, match="no level"):
        heart.answer("I-1", "fill", "level: high")


def test_evidence_is_picked_from_this_ledger_alone() -> None:
    heart = given().heart
    heart.do(c.OpenIncident(title="x", freeze=False), SUPERVISOR)
    heart.do(c.PickEvidence(incident="I-1", add=(1, 2)), SUPERVISOR)
    heart.do(c.PickEvidence(incident="I-1", remove=(1,)), SUPERVISOR)
    assert heart.state.incidents["I-1"].evidence == (2,)
    with pytest.raises(Refusal, match="no entry 999"):
        heart.do(c.PickEvidence(incident="I-1", add=(999,)), SUPERVISOR)


def test_it_closes_by_a_reason_or_by_a_rule_and_by_nothing_else() -> None:
    heart = given().heart
    heart.do(c.OpenIncident(title="x", freeze=False), SUPERVISOR)
    with pytest.raises(Refusal):
        heart.do(c.CloseIncident(incident="I-1", reason=" "), SUPERVISOR)
    heart.answer("I-1", "close", "the provider's cable was cut")
    assert heart.state.incidents["I-1"].closed == "the provider's cable was cut"
    assert not waiting(heart.state)
    with pytest.raises(Refusal, match="I-1 is closed"):
        heart.do(c.PickEvidence(incident="I-1", add=(1,)), SUPERVISOR)


# --- the proof -----------------------------------------------------------------------------------


def test_a_rule_fires_on_the_record_is_silent_on_the_rest_and_says_how_little_that_was() -> None:
    story = worked("make test", "make lint")
    seq = run(story.heart, "make serve --port 80")
    told(story.heart, seq)
    proof = proven(story.heart, rule())
    assert (proof.caught, proof.missed, proof.disturbed) == ((seq,), (), ())
    judged = story.heart.state.incidents["I-1"].proof
    assert judged is not None
    assert judged.verdict is Verdict.PASS
    assert "2 benign events, 2 of which it bears on (of 200; no more are on record)" in judged.summary
    assert [row.side for row in proof.rows] == ["incident", "near miss"]


def test_a_rule_that_would_have_stopped_benign_work_is_not_proven() -> None:
    story = worked("make test", "make serve --port 8080")
    seq = run(story.heart, "make serve --port 80")
    told(story.heart, seq)
    wide = RULE.replace(r"--port 80\b", "make").replace("command: make serve --port 8080", "command: ls")
    proof = proven(story.heart, rule(wide))
    assert len(proof.disturbed) == 2
    judged = story.heart.state.incidents["I-1"].proof
    assert judged is not None
    assert judged.verdict is Verdict.FAIL
    with pytest.raises(Refusal, match="not proven"):
        adopted(story.heart, rule(wide))


def test_a_proof_that_inspected_nothing_has_not_run() -> None:
    story = worked("make test")
    told(story.heart, 1)
    proof = proven(story.heart, rule())
    assert proof.unreadable == (1,)
    judged = story.heart.state.incidents["I-1"].proof
    assert judged is not None
    assert judged.verdict is Verdict.NOT_RUN


def test_what_a_rule_catches_must_be_what_was_recorded() -> None:
    story = worked()
    seq = run(story.heart, "make serve --fast --port 80")
    told(story.heart, seq)
    proof = proven(story.heart, rule())
    assert proof.caught == (seq,)
    assert proof.problems == (f"no case in `catches` is what entry #{seq} recorded",)
    judged = story.heart.state.incidents["I-1"].proof
    assert judged is not None
    assert judged.verdict is Verdict.FAIL


def test_another_draft_or_other_evidence_takes_the_proof_away() -> None:
    story = worked("make test")
    seq = run(story.heart, "make serve --port 80")
    told(story.heart, seq)
    proven(story.heart, rule())
    story.heart.do(c.PickEvidence(incident="I-1", add=(1,)), SUPERVISOR)
    assert story.heart.state.incidents["I-1"].proof is None


def test_the_last_two_hundred_benign_events_are_looked_at_and_no_more() -> None:
    story = worked()
    turn = story.heart.turn_of()
    for number in range(205):
        run(story.heart, f"make step-{number}")
        if number % 40 == 0:
            turn = story.heart.turn_of()
    assert turn
    proof = prove(rule(), tuple(story.heart.entries), (), lambda which: None)
    assert proof.benign == 200


DIFF = "diff --git a/adder.py b/adder.py\n--- a/adder.py\n+++ b/adder.py\n@@ -1 +1,2 @@\n x\n+{}\n"
CHANGE_RULE = RULE.replace("P101", "Q101").replace(
    "bears_when: {phases: [tool_call], actions: [run]}\ncheck: {kind: deny_command, patterns: ['--port 80\\b']}",
    "bears_when: {phases: [before_commit]}\ncheck: {kind: diff_pattern, scope: added, patterns: ['allow_all\\(']}",
)
CHANGE_RULE = CHANGE_RULE.replace(
    "{role: builder, command: make serve --port 80}",
    r'{role: builder, diff: "diff --git a/adder.py b/adder.py\n--- a/adder.py\n+++ b/adder.py\n+allow_all()\n"}',
).replace(
    "{role: builder, command: make serve --port 8080}",
    r'{role: builder, diff: "diff --git a/adder.py b/adder.py\n--- a/adder.py\n+++ b/adder.py\n+allow_one()\n"}',
)


def test_a_rule_on_changes_is_held_against_the_recorded_difference_and_the_changes_that_passed() -> None:
    story = given(small_task(), handed_over("good"), reviewed(), approved(), landed())
    small_task()(story.heart)
    handed_over("bad", "T-2")(story.heart)
    texts = {
        evidence("diff of good").sha256: DIFF.format("allow_one()"),
        evidence("diff of bad").sha256: DIFF.format("allow_all()"),
    }
    seqs = [entry.seq for entry in story.heart.entries if isinstance(entry.event, e.TreeImported)]
    one = read_rule("rules/Q101-all.md", CHANGE_RULE, ROLES)
    proof = prove(one, tuple(story.heart.entries), seqs[1:], lambda which: texts.get(which.sha256))
    assert (proof.caught, proof.missed, proof.benign, proof.disturbed) == ((seqs[1],), (), 1, ())
    assert proof.problems == ()
    gone = prove(one, tuple(story.heart.entries), seqs[1:], lambda which: None)
    assert gone.unreadable == (seqs[1],)


def test_the_skeleton_takes_what_it_catches_from_the_record_and_leaves_holes_for_judgement() -> None:
    story = worked("make test")
    seq = run(story.heart, "make serve --port 80")
    told(story.heart, seq)
    materials = [
        found
        for number in (seq,)
        if (found := material_of(story.heart.entries[number - 1], at(story.heart, number), lambda which: None))
    ]
    path, text = skeleton(story.heart.state.law, story.heart.state.incidents["I-1"], materials)
    assert path.startswith("rules/P101-it-took-port-80")
    assert '"command":"make serve --port 80"' in text
    assert HOLE in text
    done = text.replace(f"{HOLE} the nearest command that must pass", "make serve --port 8080")
    finished = read_rule(path, done.replace(HOLE, "Say"), ROLES)
    assert prove(finished, tuple(story.heart.entries), (seq,), lambda which: None).problems == ()


def at(heart: Heart, seq: int) -> State:
    return Heart(heart.entries[: seq - 1]).state


# --- in force, for good --------------------------------------------------------------------------


def test_adopting_the_proven_rule_closes_its_incident_and_the_next_attempt_is_stopped() -> None:
    heart = born()
    assert heart.state.incidents["I-1"].closed == "rule P101"
    assert heart.state.born_rules["P101"].incident == "I-1"
    denied = heart.wish(Action(kind="run", command="make serve --port 80"))[0]
    assert isinstance(denied, e.ActionDenied)
    assert "P101" in [match.source for match in denied.ruling.matches]


def test_without_the_rule_the_same_attempt_was_allowed() -> None:
    (event,) = worked().heart.wish(Action(kind="run", command="make serve --port 80"))[:1]
    assert isinstance(event, e.ActionAllowed)


def test_a_form_that_does_not_say_what_it_cost_adopts_nothing() -> None:
    story = worked()
    seq = run(story.heart, "make serve --port 80")
    story.heart.do(c.OpenIncident(title="x", evidence=(seq,), freeze=False), SUPERVISOR)
    proven(story.heart, rule())
    with pytest.raises(Refusal, match="when, cost, root cause"):
        adopted(story.heart, rule())


def test_a_born_rule_is_never_dropped_nor_loosened_and_a_stricter_one_is_on_record() -> None:
    heart = born()
    with pytest.raises(Refusal, match="permanent"):
        adopt(heart, charter())
    with pytest.raises(Refusal, match="permanent"):
        adopt(heart, with_rules(heart.state.law, replace(rule(), severity="warn")))
    stricter = rule(RULE.replace(r"['--port 80\b']", r"['--port 80\b', '--port 443\b']"))
    events = adopt(heart, with_rules(heart.state.law, stricter))
    assert [type(event) for event in events] == [e.CharterAdopted, e.RuleAdopted]
    assert events[1].supersedes  # type: ignore[union-attr]


def test_a_session_on_a_base_that_does_not_hold_the_rule_yet_keeps_it_in_force() -> None:
    heart = born()
    heart.end_session()
    heart.start_session(charter())
    assert "P101" in {one.id for one in heart.state.law.rules}
    started = next(x.event for x in reversed(heart.entries) if isinstance(x.event, e.SessionStarted))
    assert started.charter == heart.state.law.sha256
    assert carried_over(heart.state, charter())[1] == ("what incidents taught and it does not hold: P101",)
    deploying = charter(deploy=DEPLOY)
    assert carried_over(heart.state, deploying)[0].deploying == deploying.deploying, "and what else the base says"


def test_a_card_that_an_open_task_stands_on_is_not_taken_away() -> None:
    story = worked("make test")
    heart, whole = story.heart, charter()
    others = [card for card in whole.roles if card.id != "builder"]
    fewer = seal(roles=others, rules=whole.rules, gate=whole.gate, documents=whole.documents, stack=whole.stack)
    with pytest.raises(Refusal, match="cannot be adopted") as refused:
        adopt(heart, fewer)
    assert "stands on the role `builder`, whose card is gone" in refused.value.why
    heart.end_session()
    heart.start_session(fewer)
    assert "builder" in {card.id for card in heart.state.law.roles}, "nor by a base that does not hold it"
    agenda(heart.state)
    for task in tuple(heart.state.tasks):
        heart.answer(task, "drop", "not now")
    adopt(heart, fewer)
    assert "builder" not in {card.id for card in heart.state.law.roles}, "the control: nobody needs it"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("severity: warn", "warns"),
        ("bears_when: {phases: [tool_call], actions: [run], roles: [quality]}", "fewer roles"),
        ("check: {kind: deny_command, patterns: ['--port 81']}", "not plainly stricter"),
    ],
)
def test_what_is_not_plainly_stricter_is_looser(change: str, why: str) -> None:
    key = change.partition(":")[0]
    lines = [change if line.startswith(f"{key}:") else line for line in RULE.splitlines()]
    text = "\n".join(lines)
    if "81" in change:
        text = text.replace("--port 80}", "--port 81}")
    if "quality" in change:
        text = text.replace("role: builder", "role: quality")
    new = read_rule("rules/P101-x.md", text, ROLES)
    assert why in loosened(rule(), new)


def test_an_id_in_use_is_refused_for_a_new_rule() -> None:
    heart = given().heart
    heart.do(c.OpenIncident(title="x", freeze=False), SUPERVISOR)
    taken = next(one for one in heart.state.law.rules if one.id == "G2")
    with pytest.raises(Refusal, match="G2 is taken"):
        drafted(heart, taken)
