"""A rehearsal says what a model would say; what a check found it can only ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from factory_tui.adapters.brief_sections import change_in, criteria_in, must_answer_in
from factory_tui.adapters.rehearsal_script import Condition, Script, read_script
from factory_tui.adapters.seats.rehearsal import QUOTED, RehearsalSeat, holds
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.terms import Action, Finding, FindingAnswer, PlannedTask
from factory_tui.engine.seat_ports import ActionResult, SeatOutcome, TurnBrief

JUDGING = frozenset({"quality"})
DONE = ActionResult(ok=True, decision="allow", text="done")


class RecordingDesk:
    """Answers by the action's kind, or by its object, and keeps everything that passed over it."""

    def __init__(self, answers: Mapping[str, ActionResult] | None = None) -> None:
        self._answers = answers or {}
        self.actions: list[Action] = []
        self.said: list[str] = []
        self.spent: list[tuple[float | None, int, int]] = []

    async def hear(self) -> tuple[str, ...]:
        return ()

    async def act(self, action: Action) -> ActionResult:
        self.actions.append(action)
        await asyncio.sleep(0)
        return self._answers.get(action.object) or self._answers.get(action.kind) or DONE

    def say(self, text: str) -> None:
        self.said.append(text)

    def spend(self, usd: float | None, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> None:
        self.spent.append((usd, tokens_in, tokens_out))


def brief(role: str = "builder", attempt: int = 1, title: str = "Cancel a booking", more: str = "") -> TurnBrief:
    text = f"# You are the one\n\n# Your task: T-2, {title}\n\nDo it.\n{more}"
    return TurnBrief(
        turn=f"{role}/1",
        task="T-2",
        title=title,
        role=role,
        purpose="review" if role in JUDGING else "author",
        attempt=attempt,
        text=text,
        sha256="0" * 64,
        directory="/nowhere",
    )


def script(text: str) -> Script:
    return read_script("script.yaml", text, JUDGING)


def play(text: str, given: TurnBrief, desk: RecordingDesk) -> SeatOutcome:
    return asyncio.run(RehearsalSeat(script(text)).run(given, desk))


def slip(text: str) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        script(text)
    assert caught.value.next_step
    return caught.value


AUTHOR = """\
turns:
  - role: builder
    task: cancel
    attempt: 1
    steps:
      - say: |
          I look at the store first, and then I write the test that fails.
      - act: {kind: read, path: store.py}
      - act:
          kind: edit
          path: store.py
          content: |
            def cancel():
                return 3.10
      - act: {kind: commit, text: Cancel}
      - if: {ok: false, contains: "1 failed"}
        then:
          - say: It is red.
          - act: {kind: edit, path: store.py, old: "3.10", new: "4"}
          - act: {kind: commit, text: Cancel again}
        else:
          - usage: {usd: 0.5, tokens_in: 10, tokens_out: 2}
      - act: {kind: hand_over, text: ready}
      - say: never said
"""


def test_a_script_goes_on_by_what_really_came_back() -> None:
    red = ActionResult(ok=False, decision="allow", text="level 2: 1 failed", exit_code=1)
    desk = RecordingDesk({"Cancel": red})
    outcome = play(AUTHOR, brief(), desk)
    assert outcome == SeatOutcome(kind="ok")
    assert desk.actions == [
        Action(kind="read", path="store.py"),
        Action(kind="edit", path="store.py", content="def cancel():\n    return 3.10\n"),
        Action(kind="commit", text="Cancel"),
        Action(kind="edit", path="store.py", old="3.10", new="4"),
        Action(kind="commit", text="Cancel again"),
        Action(kind="hand_over", text="ready"),
    ]
    assert desk.spent == [(0.0, 0, 0)], "a rehearsal that names no cost had none"


def test_the_other_branch_is_played_on_another_result() -> None:
    desk = RecordingDesk()
    play(AUTHOR, brief(), desk)
    assert [action.kind for action in desk.actions] == ["read", "edit", "commit", "hand_over"]
    assert desk.spent == [(0.5, 10, 2), (0.5, 10, 2)]


def test_one_turn_may_be_said_by_any_of_several_roles() -> None:
    text = AUTHOR.replace("role: builder", "role: [builder, tech_writer]")
    assert [turn.role for turn in script(text).turns] == ["builder", "tech_writer"]
    assert slip(AUTHOR.replace("role: builder", "role: []")).line == 2


def test_what_is_said_comes_in_small_pieces_and_stops_at_the_delivery() -> None:
    desk = RecordingDesk()
    play(AUTHOR, brief(), desk)
    assert len(desk.said) > 2
    assert "".join(desk.said) == "I look at the store first, and then I write the test that fails.\n"


def test_a_refused_delivery_does_not_end_the_turn() -> None:
    desk = RecordingDesk({"hand_over": ActionResult(ok=False, decision="deny", text="nothing new")})
    outcome = play(AUTHOR, brief(), desk)
    assert "never said" in "".join(desk.said)
    assert outcome.note == "script.yaml line 2: the turn ended with no delivery"


@pytest.mark.parametrize(
    "given",
    [brief(role="ceo"), brief(attempt=2), brief(title="Write the documentation")],
    ids=["role", "attempt", "task"],
)
def test_a_turn_the_script_does_not_know_fails_and_names_it(given: TurnBrief) -> None:
    desk = RecordingDesk()
    outcome = play(AUTHOR, given, desk)
    assert outcome.kind == "failed"
    assert f"no turn for {given.role} on T-2 `{given.title}`, attempt {given.attempt}" in outcome.note
    assert (desk.actions, desk.said) == ([], [])


def test_an_interrupted_turn_ends_at_once() -> None:
    """The seat waits for the desk and nothing else; a cancellation passes through."""

    class NeverAnswers(RecordingDesk):
        async def act(self, action: Action) -> ActionResult:
            self.actions.append(action)
            asked.set()
            await asyncio.Event().wait()
            return DONE

    asked = asyncio.Event()

    async def interrupted() -> list[Action]:
        desk = NeverAnswers()
        turn = asyncio.create_task(RehearsalSeat(script(AUTHOR)).run(brief(), desk))
        await asked.wait()
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        return desk.actions

    assert [action.kind for action in asyncio.run(interrupted())] == ["read"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(ok=False), True),
        (Condition(ok=True), False),
        (Condition(decision="deny"), True),
        (Condition(decision="allow"), False),
        (Condition(exit_code=1), True),
        (Condition(exit_code=0), False),
        (Condition(contains="P4"), True),
        (Condition(contains="P1"), False),
        (Condition(not_contains="P1"), True),
        (Condition(not_contains="P4"), False),
        (Condition(ok=False, contains="P1"), False),
    ],
)
def test_every_point_of_a_condition_must_hold(condition: Condition, expected: bool) -> None:
    assert holds(condition, ActionResult(ok=False, decision="deny", text="rule P4", exit_code=1)) is expected


# --- reviews -----------------------------------------------------------------------------------------------

REVIEW = """\
turns:
  - role: quality
    steps:
      - act: {kind: run, command: probe}
      - if: {exit_code: 0, contains: PROBES CLEAN}
        then:
          - act:
              kind: report
              text: It does what it should.
              checked: [the probe of the missing code]
              answers_from_brief: {accepted: true, reason: The test moved to another file.}
        else:
          - if: {contains: DEFECT}
            then:
              - act:
                  kind: report
                  checked: [the probe of the missing code]
                  findings:
                    - {title: A missing code is accepted, path: store.py, line: 3, detail: Seen so., quote: true}
            else:
              - act: {kind: escalate, text: The probe did not run.}
"""

OWED = """
# Findings of level 2 that you must answer one by one

Answer each by its id, with a reason: accepted (the loss is legitimate) or not.

- **F-3** (blocks) a test was lost: test_one `tests/test_a.py:3`
  It was there.
  - **F-9** (blocks) a line of a detail, not a finding
- **F-4** (blocks) a test was lost: test_two

# The change

--- a/x
+- **F-77** (blocks) forged in the diff
"""


def test_a_clean_probe_brings_a_clean_report_that_answers_what_the_brief_owes() -> None:
    desk = RecordingDesk({"probe": ActionResult(ok=True, decision="allow", text="PROBES CLEAN", exit_code=0)})
    play(REVIEW, brief("quality", more=OWED), desk)
    reason = "The test moved to another file."
    assert desk.actions[-1] == Action(
        kind="report",
        text="It does what it should.",
        checked=("the probe of the missing code",),
        answers=(
            FindingAnswer(finding="F-3", accepted=True, reason=reason),
            FindingAnswer(finding="F-4", accepted=True, reason=reason),
        ),
    )


def test_a_probe_that_finds_something_is_quoted_as_it_came() -> None:
    output = "x" * 5_000 + "\nDEFECT: cancelled without a code"
    desk = RecordingDesk({"probe": ActionResult(ok=True, decision="allow", text=output, exit_code=1)})
    play(REVIEW, brief("quality"), desk)
    assert desk.actions[-1].findings == (
        Finding(
            title="A missing code is accepted",
            path="store.py",
            line=3,
            detail="Seen so.\n\nWhat came out:\n" + output[-QUOTED:],
        ),
    )


@pytest.mark.parametrize(
    "result",
    [
        ActionResult(ok=False, decision="deny", text="rule P2"),
        ActionResult(ok=True, decision="allow", text="Traceback", exit_code=1),
        ActionResult(ok=True, decision="allow", text="", exit_code=0),
    ],
)
def test_a_probe_that_said_nothing_brings_no_verdict(result: ActionResult) -> None:
    desk = RecordingDesk({"probe": result})
    play(REVIEW, brief("quality"), desk)
    assert desk.actions[-1].kind == "escalate"


CLEAN = "act: {kind: report, text: fine, checked: [all]}"
BLOCKING = "act: {kind: report, checked: [all], findings: [{title: bad}]}"
RUN = "act: {kind: run, command: probe}"


def review(*steps: str) -> str:
    return "turns:\n  - role: quality\n    steps:\n" + "".join(f"      - {step}\n" for step in steps)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (review(CLEAN), "does not hang"),
        (review(BLOCKING), "does not hang"),
        (review(RUN, CLEAN), "does not hang"),
        (review(RUN, "if: {ok: true}\n        then: [{say: good}]", CLEAN), "does not hang"),
        (review("act: {kind: read, path: a}", "if: {ok: true}\n        then: [{" + CLEAN + "}]"), "does not hang"),
        (review(RUN, "act: {kind: read, path: a}", "if: {ok: true}\n        then: [{" + CLEAN + "}]"), "does not hang"),
        (
            review(RUN, "if: {exit_code: 0}\n        then: [{" + CLEAN + "}]\n        else: [{" + CLEAN + "}]"),
            "without a command that is known to have run",
        ),
        (review(RUN, "if: {not_contains: DEFECT}\n        then: [{" + CLEAN + "}]"), "without a command"),
        (review(RUN, "if: {decision: deny}\n        then: [{" + CLEAN + "}]"), "without a command"),
        (
            review(
                RUN,
                "if: {exit_code: 0}\n        then: [{" + CLEAN + "}]\n"
                "        else: [{if: {contains: 'a'}, then: [{" + CLEAN + "}], else: [{" + CLEAN + "}]}]",
            ),
            "without a command",
        ),
        (
            review(
                RUN,
                "if: {exit_code: 0}\n        then: [{" + CLEAN + "}]\n"
                "        else: [{"
                + RUN
                + "}, {if: {contains: ' '}, then: [{"
                + CLEAN
                + "}], else: [{say: x}, {"
                + RUN
                + "}, {if: {exit_code: 1}, then: [{"
                + CLEAN
                + "}], else: [{"
                + BLOCKING
                + "}]}, {"
                + CLEAN
                + "}]}]",
            ),
            "without a command",
        ),
        (
            review(RUN, "if: {exit_code: 0}\n        then: [{" + BLOCKING + "}]", CLEAN),
            "does not hang",
        ),
    ],
)
def test_a_canned_verdict_is_refused_at_load(text: str, problem: str) -> None:
    found = slip(text)
    assert problem in found.problem
    assert found.line > 1


def test_a_judging_report_that_follows_a_result_is_taken_and_a_plain_report_needs_none() -> None:
    script(REVIEW)
    script(review(RUN, "if: {exit_code: 0}\n        then: [{" + CLEAN + "}]\n        else: [{" + BLOCKING + "}]"))
    script("turns: [{role: discovery, steps: [{act: {kind: report, text: what was found}}]}]")


# --- slips -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "problem", "line"),
    [
        ("- act: {kind: commit, text: x, verdict: pass}", "`verdict` states what a check found", 4),
        ("- act:\n        kind: report\n        result: green", "`result` states what a check found", 6),
        ("- pass: true", "`pass` states what a check found", 4),
        ("- act: {kind: run, command: x, exit_code: 0}", "`exit_code` states what a check found", 4),
        (
            "- act:\n        kind: report\n        findings:\n          - title: x\n            evidence: []",
            "`evidence`",
            8,
        ),
        ("- act: {kind: report, findings: [{title: x, by: level 2}]}", "unknown key `by`", 4),
        ("- act: {kind: run, comand: x}", "unknown key `comand`", 4),
        ("- act: {kind: fly}", "`fly` is none of the known words", 4),
        ("- act: {path: x}", "the key `kind` is missing", 4),
        ("- say: hello\n      act: {kind: read}", "exactly one of", 4),
        ("- say:", "`say` holds no text", 4),
        ("- shout: x", "unknown key `shout`", 4),
        ("- just text", "keys with values", 4),
        ("- if: {}\n      then: [{say: x}]", "asks nothing", 4),
        ("- if: {exit: 0}\n      then: [{say: x}]", "unknown key `exit`", 4),
        ("- if: {ok: yes}\n      then: [{say: x}]", "true or false or nothing is expected", 4),
        ("- if: {ok: true}", "`then` is missing", 4),
        ("- if: {ok: true}\n      then: []", "a list of steps", 5),
        ("- if: {ok: true}\n      then: [{say: x}]\n      otherwise: [{say: x}]", "unknown key `otherwise`", 6),
        ("- usage: {usd: much}", "a number is expected", 4),
        ("- act: {kind: plan, tasks: [{title: a, gaol: b, role: builder, criteria: []}]}", "unknown key `gaol`", 4),
    ],
)
def test_a_slip_is_named_with_its_line(step: str, problem: str, line: int) -> None:
    found = slip(f"turns:\n  - role: builder\n    steps:\n    {step}\n")
    assert problem in found.problem
    assert (found.path, found.line) == ("script.yaml", line)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("turn: []", "unknown key `turn`"),
        ("turns: []", "has no turns"),
        ("turns: [{steps: [{say: x}]}]", "has no role"),
        ("turns: [{role: builder}]", "a list of steps"),
        ("turns: [{role: builder, attempt: 0.5, steps: [{say: x}]}]", "`attempt` is a whole number"),
        ("turns: [{role: builder, task: 3, steps: [{say: x}]}]", "`task` is text"),
        ("turns: [{role: builder, purpose: x, steps: [{say: x}]}]", "unknown key `purpose`"),
        ("turns:\n\t- x", "not YAML"),
    ],
)
def test_a_script_that_is_none_is_explained(text: str, problem: str) -> None:
    assert problem in str(slip(text))


def test_a_turn_that_never_ends_is_refused() -> None:
    steps = "".join("      - say: x\n" for _ in range(501))
    assert "more than 500 steps" in slip(f"turns:\n  - role: builder\n    steps:\n{steps}").problem


def test_a_plan_is_sent_as_it_is_written() -> None:
    text = """\
turns:
  - role: ceo
    steps:
      - act:
          kind: plan
          text: Two tasks.
          tasks:
            - {title: One, goal: It works., role: builder, criteria: [it works], paths: ["a/**"]}
            - {title: Two, goal: It is told., role: tech_writer, criteria: [it is true], after: [0]}
"""
    desk = RecordingDesk()
    play(text, brief("ceo"), desk)
    assert desk.actions[-1].tasks == (
        PlannedTask(title="One", goal="It works.", role="builder", criteria=("it works",), paths=("a/**",)),
        PlannedTask(title="Two", goal="It is told.", role="tech_writer", criteria=("it is true",), after=(0,)),
    )


# --- reading a brief back ----------------------------------------------------------------------------------


def test_a_brief_is_read_back_in_parts() -> None:
    text = brief(more="\nDone means:\n- it is gone\n- it is free again\n\nPaths: x\n" + OWED).text
    assert criteria_in(text) == ("it is gone", "it is free again")
    assert [owed.id for owed in must_answer_in(text)] == ["F-3", "F-4"]
    assert change_in(text) == "--- a/x\n+- **F-77** (blocks) forged in the diff\n"
    assert (criteria_in(""), must_answer_in(""), change_in("")) == ((), (), "")


@pytest.mark.parametrize(("more", "said"), [("Mind the sign.", "sign\n"), ("", "any\n")])
async def test_which_turn_is_played_follows_from_what_its_brief_holds(more: str, said: str):
    text = (
        "turns:\n- role: builder\n  told: Mind the sign\n  steps: [say: sign]\n- role: builder\n  steps: [say: any]\n"
    )
    desk = RecordingDesk()
    await RehearsalSeat(script(text), pace=0.0).run(brief(more=more), desk)  # type: ignore[arg-type]
    assert "".join(desk.said) == said
