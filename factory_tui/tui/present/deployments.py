"""A deployment as rows: how it stands, what is done, the way back, its approval, the checks as they come."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from factory_tui.domain.counting import counted, is_to_come
from factory_tui.domain.deciding_rollbacks import is_about, to_take_back
from factory_tui.domain.environments import Environment
from factory_tui.domain.errors import Refusal
from factory_tui.domain.events import DeploymentChecked
from factory_tui.domain.item import Waiting
from factory_tui.domain.releasing import ended_before, frozen_because, is_own
from factory_tui.domain.state import Deployment, LiveRelease, State
from factory_tui.domain.terms import CheckRow, DeployPlan, Evidence
from factory_tui.domain.waiting import waiting
from factory_tui.tui.deploy_log import Seen
from factory_tui.tui.harmless import one_line
from factory_tui.tui.present.exhibit import Exhibit
from factory_tui.tui.present.sheets import (
    Look,
    Row,
    Section,
    evidence_rows,
    evidence_title,
    fact_rows,
    match_rows,
    row,
    text_rows,
)
from factory_tui.tui.present.words import Word

STAGES: Mapping[str, Word] = {
    "proposed": Word("waits", "WAITS FOR APPROVAL", "ask"),
    "approved": Word("working", "APPROVED, looking once more", "work"),
    "deploying": Word("running", "DEPLOYING", "work"),
    "deployed": Word("running", "CHECKS RUN", "work"),
    "reverting": Word("running", "GOES BACK", "warn"),
    "rolling back": Word("running", "ROLLING BACK", "warn"),
    "rolled back": Word("running", "CHECKS RUN ON THE OLD RELEASE", "warn"),
    "in doubt": Word("broken", "IN DOUBT", "bad"),
    "verified": Word("pass", "VERIFIED", "ok"),
    "reverted": Word("fail", "TAKEN BACK", "bad"),
    "failed": Word("fail", "FAILED", "bad"),
    "refused": Word("denied", "REFUSED, nothing was run", "warn"),
    "rejected": Word("denied", "REJECTED, nothing was run", "dim"),
    "closed": Word("done", "CLOSED", "dim"),
}
CHECK_WORDS: Mapping[str, Word] = {
    "pass": Word("pass", "pass", "ok"),
    "fail": Word("fail", "FAIL", "bad"),
    "gap": Word("broken", "GAP", "warn"),
    "not applicable": Word("stale", "not applicable", "dim"),
    "to come": Word("not run", "to come", "dim"),
}


def deployment_item(state: State, one: Deployment) -> Waiting:
    """What is answered about it; without verbs when it waits for nobody."""
    found = next((item for item in waiting(state) if item.id == one.id), None)
    return found or Waiting(
        id=one.id, kind="deployment", task=one.task, title="", since=one.since, sha256=one.sha256, verbs=()
    )


def newest(state: State) -> Deployment | None:
    """What is under way, the newest first; else what was last."""
    known = sorted(state.deployments.values(), key=lambda one: int(one.id.rpartition("-")[2]))
    return next((one for one in reversed(known) if not one.over), known[-1] if known else None)


def why_not_back(state: State, one: Deployment) -> str:
    """Why it cannot be taken back now; empty = it can."""
    try:
        found = to_take_back(state, one.plan.environment)
    except Refusal as refusal:
        return f"{refusal.what}: {refusal.why}"
    return "" if found.id == one.id else f"{found.id} is what can be taken back in {one.plan.environment}"


def rows_of(one: Deployment, seen: Seen | None) -> tuple[CheckRow, ...]:
    """Of the run of level 4 that is under way, else of the last one."""
    if seen is not None and seen.rows:
        return tuple(seen.rows.values())
    return one.checks[-1].rows if one.checks else ()


def run_of(one: Deployment, seen: Seen | None) -> str:
    """Names the run that `rows_of` tells: `live`, or its number."""
    return "live" if seen is not None and seen.rows else str(len(one.checks) - 1)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a deployment's rows are made from."""

    state: State
    one: Deployment
    seen: Seen | None
    now: str
    world: str = ""
    """What the environment said last when it was asked; empty = it was not."""
    who: str = ""
    """Who looks, by the name that would go on record; empty = nobody who could answer."""


def deployment_exhibit(shown: Shown) -> Exhibit:
    """Always the same sections in the same order, so that a choice stays where it is while the rest comes in."""
    one = shown.one
    rows, run = rows_of(one, shown.seen), run_of(one, shown.seen)
    older = one.checks if run == "live" else one.checks[:-1]
    of = f" of {one.checks[-1].commit[:10]}" if one.checks and run != "live" else ""
    sections = (
        Section("", lambda look: _figures(shown, look)),
        Section("what rules ask; approving settles it", lambda look: match_rows(one.asks, look)),
        Section(f"level 4{of}, by group", lambda look: group_rows(rows, look)),
        Section("what did not pass", lambda look: _wrong_rows(rows, run, look)),
        Section("level 4 before that, on what was taken back", lambda look: _older_rows(older, look)),
        Section("plan", lambda look: plan_rows(one.plan, one.sha256, look)),
        Section("the way back", lambda look: back_rows(one.plan, look)),
        Section("approval", lambda look: _approval_rows(shown, look)),
        Section("the proposer's note, its own words", lambda look: text_rows(one.plan.note, look)),
        Section(
            lambda key: f"every check, {key('open')} shows its evidence", lambda look: _check_rows(rows, run, look)
        ),
        Section(evidence_title, lambda look: evidence_rows(_kept(shown.seen), look)),
        Section("what runs, as the ledger knows it", lambda look: release_rows(shown.state, look)),
        Section(lambda key: f"all deployments, {key('open')} goes there", lambda look: _all_rows(shown, look)),
    )
    return Exhibit(sections)


def _figures(shown: Shown, look: Look) -> Iterator[Row]:
    one, state = shown.one, shown.state
    plan, word = one.plan, STAGES[one.stage]
    why = f": {one.why}" if one.why else ""
    task = state.closed.get(one.task) or state.tasks.get(one.task)
    what = f"{plan.commit[:16]} ({one.task}{f' {task.title}' if task else ''}) to {plan.environment}"
    incidents = [known for known in state.incidents.values() if is_about(known, one) and not known.closed]
    yield from fact_rows(
        [
            ("state", f"{look.sign(word.glyph)} {word.text}{why}", word.style),
            ("FROZEN", _frozen(shown), "warn"),
            ("what", what, "strong"),
            ("instead of", _back_to(one), "text"),
            ("before", ended_before(state, one), "bad"),
            ("by", f"made elsewhere, registered by {one.by}" if one.elsewhere else "", "text"),
            ("backup", one.backup, "text"),
            ("incident", ", ".join(f"{known.id} is open" for known in incidents), "bad"),
            ("the world", shown.world, "text"),
        ],
        look,
    )


def _frozen(shown: Shown) -> str:
    """While it could still begin."""
    environment = environment_in(shown.state, shown.one.plan.environment)
    if environment is None or shown.one.stage not in ("proposed", "approved"):
        return ""
    why = frozen_because(shown.state, environment, shown.now)
    return f"nothing is deployed now: {why}" if why else ""


def environment_in(state: State, name: str) -> Environment | None:
    """As it is in force; None when deploy.yaml has it no more."""
    return named_environments(state).get(name)


def named_environments(state: State) -> Mapping[str, Environment]:
    """Those of deploy.yaml, as it is in force; none before the first session."""
    return state.charter.deploying.environments if state.charter and state.charter.deploying else {}


def _back_to(one: Deployment) -> str:
    return one.plan.previous[:16] or "nothing: it is the first one there"


def plan_rows(plan: DeployPlan, sha256: str, look: Look) -> Iterator[Row]:
    yield from fact_rows(
        [
            ("commit", plan.commit, "code"),
            ("deploy", shlex.join(plan.deploy), "code"),
            ("status", shlex.join(plan.status), "code"),
            ("backup", shlex.join(plan.backup) or f"none: {plan.no_backup}", "code" if plan.backup else "warn"),
            ("credentials", f"{', '.join(plan.credentials) or 'none'}; by name, for these commands alone", "text"),
            ("network", "yes" if plan.network else "no", "text"),
            ("after", ", ".join(plan.after), "text"),
            ("plan sha256", sha256, "dim"),
        ],
        look,
    )


def back_rows(plan: DeployPlan, look: Look) -> Iterator[Row]:
    yield from fact_rows(
        [("rollback", shlex.join(plan.rollback), "code"), ("back to", plan.previous or "nothing", "code")], look
    )


def _approval_rows(shown: Shown, look: Look) -> Iterator[Row]:
    one, approval = shown.one, shown.one.approval
    environment = environment_in(shown.state, one.plan.environment)
    if one.elsewhere:
        return
    proposed = f"{one.by}{f', {one.person}' if one.person else ''}; who proposes does not approve"
    facts = [("proposed by", proposed, "text")]
    if approval is None:
        minutes = f", for {environment.expires_minutes:g} min" if environment else ""
        about = f"exactly {one.plan.commit[:10]} to {one.plan.environment} by plan {one.sha256[:10]}, once{minutes}"
        facts.append(("approves", about, "ask" if one.stage == "proposed" else "dim"))
        if shown.who and one.stage == "proposed" and is_own(one, shown.who):
            waive = look.key("answer.waive")
            own = f"you proposed it, so somebody else approves; where nobody else is, {waive} with the reason"
            facts.append(("yours", f"{own}, which stays on record", "warn"))
    else:
        spent = f"spent at {one.began[11:19]}" if one.began else f"until {approval.expires[11:16]} UTC"
        facts.append(("approved by", f"{approval.by} ({approval.id}), once, {spent}", "ok"))
        facts.append(("waived", one.waived, "warn"))
    yield from fact_rows(facts, look)


# --- level 4 -------------------------------------------------------------------------------------


def word_of(check: CheckRow) -> Word:
    return CHECK_WORDS["to come" if is_to_come(check) else check.verdict]


def group_rows(rows: Sequence[CheckRow], look: Look) -> Iterator[Row]:
    """A bar for each group: a sign for each of its checks, and how many have answered."""
    groups: dict[str, list[CheckRow]] = {}
    for check in rows:
        groups.setdefault(check.group or "checks", []).append(check)
    most = max((len(checks) for checks in groups.values()), default=0)
    name = max((min(26, len(group)) for group in groups), default=0)
    for group, checks in groups.items():
        done = sum(not is_to_come(check) for check in checks)
        signs = [(f"{look.sign(word_of(check).glyph)} ", word_of(check).style) for check in checks[:20]]
        bad = Counter(word_of(check).text for check in checks if check.verdict in ("fail", "gap"))
        bad.pop("to come", None)
        told = "".join(f"  {count} {word}" for word, count in bad.items())
        yield row(
            look,
            (f"{one_line(group, 26):<{name}}  ", "text"),
            *signs,
            (" " * (2 * (min(20, most) - len(signs))), "dim"),
            (f" {done:>2} of {len(checks)}", "ok" if done == len(checks) and not bad else "dim"),
            (told, "bad"),
        )


def _wrong_rows(rows: Sequence[CheckRow], run: str, look: Look) -> Iterator[Row]:
    wrong = [check for check in rows if check.verdict in ("fail", "gap") and not is_to_come(check)]
    yield from _check_rows(wrong, run, look)


def _check_rows(rows: Sequence[CheckRow], run: str, look: Look) -> Iterator[Row]:
    for check in rows:
        word = word_of(check)
        took = f"  {check.seconds:.2f} s" if check.seconds else ""
        yield row(
            look,
            (f"{check.id:<4} ", "strong"),
            (f"{look.sign(word.glyph)} {word.text} ", word.style),
            one_line(check.title, 200),
            (f"  {one_line(check.reason, 600)}" if check.reason and not is_to_come(check) else "", word.style),
            (took, "dim"),
            about=f"check:{run}/{check.id}",
        )


def _older_rows(checks: Sequence[DeploymentChecked], look: Look) -> Iterator[Row]:
    for number, checked in enumerate(checks):
        word = CHECK_WORDS["pass" if checked.verdict == "pass" else "fail"]
        told = f"{checked.commit[:10]}: {counted(checked.rows)}"
        yield row(look, (f"{look.sign(word.glyph)} {checked.verdict.value} ", word.style), told)
        yield from _wrong_rows(checked.rows, str(number), look)


def _kept(seen: Seen | None) -> list[tuple[str, Evidence]]:
    found: list[tuple[str, Evidence]] = []
    for entry in seen.entries if seen else ():
        found += [("", one) for one in evidence_of(entry.event)]
    return found


def evidence_of(event: object) -> tuple[Evidence, ...]:
    kept = getattr(event, "evidence", None) or ()
    return kept if isinstance(kept, tuple) else (kept,)


# --- what runs -----------------------------------------------------------------------------------


def release_words(name: str, live: LiveRelease) -> str:
    """What the ledger knows of one environment."""
    how = "verified" if live.verified else "NOT verified"
    return f"{name}: {live.commit[:10] or 'nothing'}, {how}, by {live.deployment} since {live.since[:16]}"


def release_rows(state: State, look: Look) -> Iterator[Row]:
    for name, live in state.releases.items():
        yield row(look, release_words(name, live), about=f"deployment:{live.deployment}")
    unknown = sorted(set(named_environments(state)) - {*state.releases})
    for name in unknown:
        yield row(look, (f"{name}: the ledger knows of no release", "dim"))


def _all_rows(shown: Shown, look: Look) -> Iterator[Row]:
    for one in reversed(shown.state.deployments.values()):
        word = STAGES[one.stage]
        here = f"{look.sign('chosen')} " if one.id == shown.one.id else "  "
        yield row(
            look,
            (f"{here}{one.id:<6}", "strong"),
            (f"{look.sign(word.glyph)} {word.text}", word.style),
            f"  {one.plan.commit[:10]} to {one.plan.environment}",
            (f"  {one_line(one.why, 200)}" if one.why else "", "dim"),
            about=f"deployment:{one.id}",
        )
