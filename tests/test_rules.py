"""Judging by rules: what is caught, what is spared, what is asked, and what nobody can know."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from factory_tui.domain.diff_text import change_from_diff
from factory_tui.domain.rule_cases import judge_case, self_test
from factory_tui.domain.rulebook import RuleBook, compile_rules
from factory_tui.domain.rules import (
    Bearing,
    Case,
    Condition,
    DenyCommand,
    DiffPattern,
    Find,
    Incident,
    ReviewQuestion,
    Rule,
    StateCheck,
)
from factory_tui.domain.terms import Action, Change, Decision, FileChange, Line, strictest
from tests.rule_library import ACTING, COMMITTING, core_book, rule, shipped_rules, whole_book

CASES = [
    pytest.param(one, case, wanted, id=f"{one.id}-{wanted}-{index}")
    for one in shipped_rules()
    if not isinstance(one.check, ReviewQuestion)
    for wanted in ("catches", "allows")
    for index, case in enumerate(getattr(one, wanted))
]


def answer(matches):
    return strictest(Decision.ALLOW, *(match.decision for match in matches))


def run(command, role="builder", facts=ACTING, book=None):
    return (book or core_book()).judge_action(Action(kind="run", command=command), role, facts)


def change(diff, role="builder", facts=COMMITTING, book=None):
    return (book or core_book()).judge_change(change_from_diff(diff), role, facts)


def made(check, **changes):
    """A rule for one test."""
    fields = {
        "id": "Z1",
        "title": "A rule",
        "statement": "It is so.",
        "reason": "Because.",
        "instead": "Do it otherwise.",
        "bears_when": Bearing(phases=("tool_call",), actions=("run",)),
        "check": check,
        "incident": Incident(name="n", date="2026-01", cost="c", source="s", what_happened="w"),
        "catches": (Case(command="bad"),),
        "allows": (Case(command="good"),),
    }
    return Rule(**(fields | changes))


# --- every rule holds its own cases --------------------------------------------------------------


def test_sixty_rules_are_core_and_thirty_one_are_extended():
    tiers = [one.tier for one in shipped_rules()]
    assert (tiers.count("core"), tiers.count("extended")) == (60, 31)


@pytest.mark.parametrize(("one", "case", "wanted"), CASES)
def test_a_rule_catches_its_incident_and_spares_its_near_miss(one, case, wanted):
    decision = judge_case(RuleBook([one], for_cases=True), one, case)
    assert (decision is not Decision.ALLOW) == (wanted == "catches")


def test_every_rule_tells_its_incident_its_reason_and_the_way_on():
    for one in shipped_rules():
        assert one.statement, one.id
        assert one.reason, one.id
        assert one.instead, one.id
        assert one.incident.what_happened, one.id
        assert one.incident.source, one.id
        assert len(one.instead) < 250, one.id


def test_a_rule_whose_check_was_emptied_fails_its_own_cases():
    """Control: a self-test that cannot fail would prove nothing."""
    blunt = replace(rule("G1"), check=DenyCommand(patterns=("never in any command",)))
    assert any("must catch" in problem.problem for problem in self_test(blunt))


def test_a_rule_that_hits_everything_fails_its_near_misses():
    greedy = replace(rule("G1"), check=DenyCommand(patterns=(r"\bgit\b",)))
    assert any("near miss" in problem.problem for problem in self_test(greedy))


def test_an_exception_without_a_case_that_it_lifts_is_refused():
    one = rule("G1")
    bare = replace(one, allows=tuple(case for case in one.allows if not case.state))
    assert [problem.key for problem in self_test(bare)] == [("unless", 0)]


# --- actions -------------------------------------------------------------------------------------


def test_the_ceo_edits_nothing_and_the_builder_may():
    edit = Action(kind="edit", path="web/index.html", content="x")
    assert [match.source for match in core_book().judge_action(edit, "ceo", ACTING)] == ["P1"]
    assert core_book().judge_action(edit, "builder", ACTING) == ()


def test_a_role_that_no_rule_names_is_held_like_every_other():
    assert [match.source for match in run("git stash pop", role="rails_specialist")] == ["G2"]


@pytest.mark.parametrize(
    "command",
    [
        "git stash",
        "git -C elsewhere stash pop",
        "git -c a.b=c --no-pager stash",
        'git "stash"',
        "g\\it st''ash",
        "/usr/bin/git stash",
        "cd web && git stash && npm test",
        "true;git stash",
        'sh -c "git stash"',
        "bash -lc 'cd x; git stash drop'",
        'echo "$(git stash)"',
        "echo `git stash`",
        "(git stash)",
        "if true; then git stash; fi",
        "echo 'git stash' | sh",
        "bash <<EOF\ngit stash\nEOF",
        "ls\ngit stash",
        'echo "open quote; git stash',
        "$'\\x67it' stash",
        "eval 'git stash'",
    ],
)
def test_a_forbidden_command_is_seen_through_its_dressing(command):
    assert "G2" in [match.source for match in run(command)]


@pytest.mark.parametrize(
    "command",
    [
        "git commit -m 'Explain why git stash is refused'",
        'echo "never git stash"',
        "grep -rn 'git stash' docs",
        "ls # git stash",
        "cat <<EOF > notes.txt\ngit stash\nEOF",
        "git stash list",
    ],
)
def test_what_is_merely_said_is_no_command(command):
    assert "G2" not in [match.source for match in run(command)]


@pytest.mark.parametrize(
    "command", ["cat .env", "cat ./config/.env.local", "cat .en*", 'sh -c "cat .env"', "base64<.env"]
)
def test_a_secret_file_stays_closed_by_any_route(command):
    assert "X2" in [match.source for match in run(command)]


@pytest.mark.parametrize("command", ["cat .env.example", "ls *", "pytest tests/test_env.py", "echo 'add .env to it'"])
def test_near_a_secret_file_work_goes_on(command):
    assert "X2" not in [match.source for match in run(command)]


def test_a_disguised_path_is_still_a_secret_file():
    read = Action(kind="read", path="config/./.ENV.Local")
    assert [match.source for match in core_book().judge_action(read, "builder", ACTING)] == ["X2"]


def test_a_command_over_eight_kilobytes_is_asked_about_unmatched():
    matches = run("echo " + "x" * 9_000 + "; git stash")
    assert [(match.source, match.decision) for match in matches] == [("rules", Decision.ASK)]
    assert answer(run("echo " + "x" * 4_000)) is Decision.ALLOW


def test_a_refusal_says_what_matched_and_what_to_do_instead():
    match = run("git stash pop")[0]
    assert (match.decision, match.where) == (Decision.DENY, "git stash")
    assert match.reason == rule("G2").statement
    assert match.instead == rule("G2").instead


def test_every_rule_that_matched_is_named():
    assert {match.source for match in run("git stash; rm -rf /")} == {"G2", "G4"}


# --- exceptions ----------------------------------------------------------------------------------


def test_an_exception_that_names_an_approval_makes_an_ask_until_it_is_given():
    assert answer(run("git reset --hard")) is Decision.ASK
    assert run("git reset --hard", facts=ACTING | {"approvals.granted": ("git",)}) == ()
    assert answer(run("git reset --hard", facts=ACTING | {"approvals.granted": ("data",)})) is Decision.ASK


def test_an_exception_that_nobody_can_answer_lifts_nothing():
    assert answer(run("npm install left-pad")) is Decision.DENY
    assert run("npm install left-pad", facts=ACTING | {"install.scripts_disabled_globally": True}) == ()


def test_a_rule_for_one_stack_does_not_bear_on_another():
    diff = "+++ b/app/node.rb\n+    where(\"created_at > datetime('now', '-7 days')\")\n"
    postgres = COMMITTING | {"project.production_db": "postgresql"}
    assert [match.source for match in change(diff, facts=postgres)] == ["A1"]
    assert change(diff) == ()
    unanswered = change(diff, facts={"approvals.granted": ()})
    assert [(match.decision, match.unanswered) for match in unanswered] == [(Decision.ASK, ("project.production_db",))]


# --- facts ---------------------------------------------------------------------------------------


def test_a_fact_that_nobody_answered_makes_an_ask_and_is_named():
    match = next(match for match in run("true", facts={}) if match.source == "P8")
    assert match.decision is Decision.ASK
    assert match.unanswered == ("run.budget_usd", "run.same_failure_repeats", "run.spend_usd")


def test_what_is_known_to_be_absent_is_an_answer():
    match = next(match for match in run("true", facts=ACTING | {"run.budget_usd": None}) if match.source == "P8")
    assert (match.decision, match.unanswered) == (Decision.DENY, ())


def test_one_side_that_settles_it_needs_no_answer_from_the_other():
    facts = {name: value for name, value in ACTING.items() if name != "run.spend_usd"}
    match = next(match for match in run("true", facts=facts | {"run.same_failure_repeats": 3}) if match.source == "P8")
    assert (match.decision, match.unanswered) == (Decision.DENY, ())


def test_facts_may_be_nested_or_dotted():
    nested = {
        "run": {"budget_usd": 5, "spend_usd": 9, "same_failure_repeats": 0},
        "control": {"stop_requested": False},
        "event": {"after_stop": False},
        "freeze": {"active": False},
    }
    assert [match.source for match in run("true", facts=nested)] == ["P8"]
    assert [match.source for match in run("true", facts=ACTING | {"run.spend_usd": 9})] == ["P8"]


def test_a_rule_without_a_provider_is_loaded_and_never_asked():
    states = {item.rule: item for item in whole_book().enforcement()}
    assert len(states) == 91
    assert states["X10"].enforced is False
    assert "package.registry_exists" in states["X10"].missing
    assert states["G2"] == ("G2", True, (), "action")
    assert whole_book().judge_phase("before_deploy", "devops", {}) == ()


def test_commit_without_a_run_on_this_tree_is_refused():
    facts = {
        "tests.run_id": "r-1",
        "tests.exit_code": 0,
        "tests.tree_hash": "aaa",
        "tests.app_booted": True,
        "tests.total": 12,
        "baseline.tests_total": 12,
        "commit.tree_hash": "aaa",
        "waiver.signed_by": None,
        "approvals.granted": (),
    }
    assert core_book().judge_phase("before_commit", "builder", facts) == ()
    moved = core_book().judge_phase("before_commit", "builder", facts | {"commit.tree_hash": "bbb"})
    assert [(match.source, match.decision) for match in moved] == [("Q1", Decision.DENY)]
    fewer = core_book().judge_phase("before_commit", "builder", facts | {"tests.total": 11})
    assert [(match.source, match.decision) for match in fewer] == [("Q3", Decision.ASK)]


# --- changes -------------------------------------------------------------------------------------


def test_a_match_on_a_change_points_at_its_line():
    diff = "--- a/config/maps.py\n+++ b/config/maps.py\n@@ -3,0 +4,2 @@\n+A = 1\n"
    diff += '+MAPS_API_KEY = "k9f3Qz7LpT2vXw8RbN4mJc6H"\n'
    assert [(match.source, match.where) for match in change(diff)] == [("X1", "config/maps.py:5")]


def test_a_skip_on_a_test_that_was_there_is_denied_and_on_a_new_one_spared():
    old = "--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -7,0 +8 @@\n+@pytest.mark.skip(reason='later')\n"
    new = (
        "--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -7,0 +8,3 @@\n+@pytest.mark.skip(reason='no socket')\n"
        "+def test_b():\n+    assert f()\n"
    )
    renamed = (
        "--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -8 +8,2 @@\n-def test_b():\n"
        "+@pytest.mark.skip(reason='later')\n+def test_b(tmp_path):\n"
    )
    assert answer(change(old)) is Decision.DENY
    assert answer(change(new)) is Decision.ALLOW
    assert answer(change(renamed)) is Decision.DENY


def test_an_assertion_that_goes_from_a_test_that_stays_is_asked_about_by_name():
    diff = (
        "--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -9 +9 @@\n-    assert total(x) == 7\n+    print(total(x))\n"
    )
    match = change(diff)[0]
    assert (match.source, match.decision, match.where) == ("Q2", Decision.ASK, "tests/test_a.py:9")
    assert "assert total(x) == 7" in match.reason


def test_an_assertion_on_what_the_change_takes_out_goes_with_it():
    diff = (
        "--- a/src/page.py\n+++ b/src/page.py\n@@ -4 +3,0 @@\n-    show_banner()\n"
        "--- a/tests/test_page.py\n+++ b/tests/test_page.py\n@@ -9 +8,0 @@\n-    assert show_banner in page\n"
    )
    assert change(diff) == ()


def test_a_test_that_goes_while_nothing_else_does_is_asked_about_by_name():
    diff = (
        "--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -9,2 +8,0 @@\n-def test_total():\n-    assert total() == 7\n"
    )
    match = change(diff)[0]
    assert match.decision is Decision.ASK
    assert "`test_total`" in match.reason


def test_a_moved_line_is_not_a_new_one():
    gone = "--- a/a.py\n+++ b/a.py\n@@ -3 +2,0 @@\n-    # TODO: ask again\n"
    moved = gone + "--- a/b.py\n+++ b/b.py\n@@ -1,0 +2 @@\n+# TODO: ask again\n"
    assert change(moved) == ()
    assert answer(change("+++ b/b.py\n+# TODO: ask again\n")) is Decision.ASK


def test_a_line_over_two_kilobytes_is_flagged_and_asked_about_where_it_is_unusual():
    def with_long_line(path):
        file = FileChange(path=path, old_mode="100644", new_mode="100644", long_lines=(7,))
        return core_book().judge_change(Change(files=(file,)), "builder", COMMITTING)

    assert [(m.decision, m.where) for m in with_long_line("src/a.py")] == [(Decision.ASK, "src/a.py:7")]
    assert [(m.decision, m.where) for m in with_long_line("logo.svg")] == [(Decision.ALLOW, "logo.svg:7")]


def test_a_file_of_a_thousand_hits_is_one_match():
    lines = tuple(Line(number=n, text="KEY = 'AKIAABCDEFGHIJKLMNOP'") for n in range(1, 1001))
    file = FileChange(path="a.py", new_mode="100644", added=lines)
    matches = core_book().judge_change(Change(files=(file,)), "builder", COMMITTING)
    assert [match.source for match in matches] == ["X1"]


# --- what is shown -------------------------------------------------------------------------------


def test_a_role_is_shown_the_few_rules_that_bear_on_it():
    builder = {one.id for one in core_book().bearing("builder", phase="before_commit")}
    assert {"Q1", "Q2", "X1"} <= builder
    assert "A1" not in builder, "DNA declares no PostgreSQL"
    stack = {"production_db": "postgresql"}
    assert "A1" in {one.id for one in core_book().bearing("builder", phase="before_commit", stack=stack)}
    assert "P1" not in {one.id for one in core_book().bearing("builder")}
    assert len(core_book().bearing("ceo")) < len(core_book().bearing("builder")) < 60


def test_a_role_that_no_rule_names_is_shown_what_is_enforced_on_it():
    assert {"Q1", "Q2", "G1"} <= {one.id for one in core_book().bearing("rails_specialist")}


def test_review_questions_go_to_the_reviewer():
    assert [one.id for one in whole_book().questions("quality")] == ["A9", "Q8", "Q9"]


# --- what a rule may be made of ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "word"),
    [
        (DenyCommand(patterns=("(a+)+$",)), "repeats a repetition"),
        (DenyCommand(patterns=("(?:\\w+\\s?)*x",)), "repeats a repetition"),
        (DenyCommand(patterns=("a(?!b)",)), "looks around"),
        (DenyCommand(patterns=("(?<=a)b",)), "looks around"),
        (DenyCommand(patterns=(r"(a)\1",)), "back-reference"),
        (DenyCommand(patterns=("(a",)), "RE2 cannot read"),
        (DenyCommand(patterns=("x{1000}{1000}",)), "RE2 cannot read"),
        (DenyCommand(patterns=("a*",)), "empty text"),
        (DenyCommand(patterns=(Find(find="a", unless="b(?=c)"),)), "looks around"),
        (DiffPattern(patterns=("x",), paths=("../a",)), "climbs out"),
        (DiffPattern(patterns=("x",), paths=("a\\b",)), "backslash"),
    ],
)
def test_a_pattern_or_glob_that_could_harm_is_refused_with_the_way_to_write_it(check, word):
    problems = self_test(made(check))
    assert any(word in problem.problem for problem in problems)
    assert all(problem.fix for problem in problems)


def test_an_unknown_fact_is_refused():
    check = StateCheck(violates_when=Condition(path="run.spendings", op="gt", value=1))
    assert any("run.spendings" in problem.problem for problem in self_test(made(check)))


def test_a_condition_is_exactly_one_thing():
    check = StateCheck(violates_when=Condition(path="run.spend_usd", any_item="claims", where=Condition(path="x")))
    assert any("one of path" in problem.problem for problem in self_test(made(check)))


def test_severity_warn_asks_and_block_denies():
    check = DenyCommand(patterns=("bad",))
    for severity, decision in (("warn", Decision.ASK), ("block", Decision.DENY)):
        book = compile_rules([made(check, severity=severity)])
        assert [match.decision for match in run("bad", book=book)] == [decision]


def test_no_rules_say_nothing():
    assert run("git stash", book=compile_rules([])) == ()
