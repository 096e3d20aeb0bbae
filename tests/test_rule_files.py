"""Rule files: everything wrong with them is said at once, with file, line and remedy; never a traceback."""

from __future__ import annotations

import pytest

from factory_tui.adapters.rule_files import RuleFilesError, read_rule, read_rules
from factory_tui.domain.rule_cases import patterns_of
from factory_tui.domain.rulebook import compile_rules
from factory_tui.domain.rules import ReviewQuestion
from factory_tui.domain.terms import Action
from tests.rule_library import ROLES, rule_texts, shipped_rules

GOOD = """---
id: Z7
title: No loud commands
severity: block
bears_when:
  phases: [tool_call]
  roles: [builder]
  actions: [run]
check:
  kind: deny_command
  patterns:
  - '\\bshout\\b'
incident:
  name: The day of the shout
  date: '2026-05-01'
  cost: one broken window
  source: 'https://example.org/shout'
catches:
- role: builder
  command: shout loud
allows:
- role: builder
  command: whisper low
---

# Z7 No loud commands

Nothing shouts.

## What happened

Somebody ran
shout.

## Why

Noise spreads.

## Instead

Whisper.
"""


def problems(text, path="rules/Z7-no-loud-commands.md", **others):
    with pytest.raises(RuleFilesError) as caught:
        read_rules({path: text, **others}, ROLES)
    return caught.value.problems


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


def test_a_rule_is_read_whole_from_its_head_and_its_body():
    rule = read_rule("rules/Z7-no-loud-commands.md", GOOD, ROLES)
    assert (rule.id, rule.tier, rule.origin) == ("Z7", "core", "home")
    assert (rule.statement, rule.reason, rule.instead) == ("Nothing shouts.", "Noise spreads.", "Whisper.")
    assert rule.incident.what_happened == "Somebody ran shout."
    assert rule.path == "rules/Z7-no-loud-commands.md"


@pytest.mark.parametrize(
    ("old", "new", "at", "word", "remedy"),
    [
        ("severity: block", "severty: block", "severty", "unknown key `severty`", "severity"),
        ("severity: block", "severity: stern", "severity", "stern", "warn"),
        ("  patterns:", "  paterns:", "paterns", "unknown key `paterns`", "patterns"),
        ("  phases: [tool_call]", "  phase: [tool_call]", "phase:", "unknown key `phase`", "phases"),
        ("kind: deny_command", "kind: deny_comand", "kind:", "deny_comand", "deny_command"),
        ("roles: [builder]", "roles: [bilder]", "roles:", "no role is called `bilder`", "builder"),
        ("- role: builder\n  command: shout", "- role: bulder\n  command: shout", "role: bulder", "bulder", "builder"),
        ("'\\bshout\\b'", "'(shout|t+)+'", "- '(", "repeats a repetition", ""),
        ("'\\bshout\\b'", "'shout(?!ed)'", "- 'shout", "looks around", ""),
        ("'\\bshout\\b'", "'sho(ut'", "- 'sho", "RE2 cannot read", ""),
        ("'\\bshout\\b'", "'scream'", "role: builder\n  command: shout", "must catch", ""),
        ("'\\bshout\\b'", "'shout|whisper'", "role: builder\n  command: whisper", "near miss", ""),
        ("date: '2026-05-01'", "date: 'in spring'", "date:", "is no date", "2026-04"),
        ("id: Z7", "id: z7", "id:", "is no id", "Q13"),
        ("title: No loud commands\n", "title: No loud commands\ntitle: Again\n", "title: Again", "second time", ""),
        ("# Z7 No loud", "# Z8 No loud", "---\n\n# Z8", "titled", "# Z7"),
        ("## Instead", "## Insted", "## Insted", "unknown section", "Instead"),
        ("## Instead\n\nWhisper.\n", "", "---\nid", "no instead", "Instead"),
        ("catches:\n- role: builder\n  command: shout loud\n", "catches: []\n", "", "needs a case", ""),
        ("actions: [run]", "actions: [shout]", "actions:", "none of the known words", ""),
    ],
)
def test_a_slip_is_named_at_its_line_with_its_remedy(old, new, at, word, remedy):
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    found = problems(text)
    match = next((problem for problem in found if word in str(problem)), None)
    assert match is not None, [str(problem) for problem in found]
    assert match.path == "rules/Z7-no-loud-commands.md"
    assert remedy in str(match)
    if at and at != "---\nid":
        wanted = line_of(text, at)
        assert abs(match.line - wanted) <= 2, str(match)


def test_the_problems_of_all_files_are_told_at_once():
    found = problems(
        GOOD.replace("severity", "severty"),
        **{"rules/Z8-other.md": GOOD.replace("Z7", "Z8").replace("patterns", "paterns"), "rules/Z9.md": "no head"},
    )
    assert [problem.path for problem in found] == ["rules/Z7-no-loud-commands.md", "rules/Z8-other.md", "rules/Z9.md"]


def test_an_id_is_taken_once():
    found = problems(GOOD, **{"rules/Z7-again.md": GOOD})
    assert "the id `Z7` is taken" in str(found[0])


@pytest.mark.parametrize(
    "text", ["", "---\n---\n", "---\n- a\n---\n", "---\nid: [\n---\n", "---\ncheck: 4\n---\n# x\n"]
)
def test_a_file_that_is_no_rule_is_an_error_and_no_traceback(text):
    assert problems(text)


def test_the_error_reads_as_one_text_with_every_problem():
    with pytest.raises(RuleFilesError) as caught:
        read_rules({"rules/Z7-a.md": "x", "rules/Z8-b.md": "y"}, ROLES)
    assert str(caught.value).count("next:") == 2


def test_every_shipped_rule_lies_in_a_file_that_bears_its_id():
    assert len(rule_texts()) == len(shipped_rules()) == 91
    for rule in shipped_rules():
        assert rule.path.startswith(f"rules/{rule.id}-")


def test_every_mechanical_rule_has_cases_both_ways():
    for rule in shipped_rules():
        assert rule.catches, rule.id
        assert rule.allows, rule.id
        if not isinstance(rule.check, ReviewQuestion):
            assert not any(case.situation for case in (*rule.catches, *rule.allows)), rule.id


def test_a_doubtful_incident_keeps_its_doubt():
    kept = {rule.id: rule.incident.caveat for rule in shipped_rules() if rule.incident.caveat}
    assert kept["P3"].startswith("Disputed")
    assert len(kept) > 40


def test_patterns_are_for_one_engine_only():
    assert sum(len(patterns_of(rule)) for rule in shipped_rules()) > 150


@pytest.mark.parametrize(
    ("prefix", "denied"),
    [("", "rules/P1.md"), (".factory", ".factory/rules/P1.md"), (None, "")],
)
def test_a_glob_of_the_home_lies_where_the_home_lies(prefix, denied):
    text = GOOD.replace("actions: [run]", "actions: [edit]").replace("kind: deny_command", "kind: deny_path")
    text = text.replace("  patterns:\n  - '\\bshout\\b'\n", "  globs:\n  - 'home:rules/**'\n")
    text = text.replace("command: shout loud", "path: 'home:rules/P1.md'").replace(
        "command: whisper low", "path: src/a.py"
    )
    book = compile_rules(read_rules({"rules/Z7-no-loud-commands.md": text}, ROLES, prefix))
    paths = ("rules/P1.md", ".factory/rules/P1.md", "src/a.py")
    hit = [path for path in paths if book.judge_action(Action(kind="edit", path=path), "builder", {})]
    assert hit == ([denied] if denied else [])
