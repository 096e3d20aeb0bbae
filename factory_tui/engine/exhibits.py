"""Everything that an answer to one waiting item is about, in the order in which it is read.

Nothing is decided here. Texts are whole, as the evidence store holds them; whoever prints them makes them harmless.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from factory_tui.domain.asking import alike
from factory_tui.domain.charter import Charter
from factory_tui.domain.environments import DEPLOY_FILE
from factory_tui.domain.errors import FactoryError, Refusal
from factory_tui.domain.harmless import spelt
from factory_tui.domain.incidents import next_step
from factory_tui.domain.item import Waiting
from factory_tui.domain.packages import PACKAGES_TITLE, package_rows
from factory_tui.domain.plurals import count
from factory_tui.domain.releasing import ended_before
from factory_tui.domain.rule_proof import read_proof
from factory_tui.domain.state import Deployment, Incident, State, Task
from factory_tui.domain.terms import LEVEL_NAMES, Evidence, Finding, RuleMatch
from factory_tui.domain.waiting import waiting
from factory_tui.domain.world import of_one_cause
from factory_tui.engine.ports import EvidenceStore
from factory_tui.engine.summary import budget_lines


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that belongs to an item: the brief, the difference, the findings."""

    title: str
    text: str


_WAYS_ON = (
    "Work is kept. `raise` lets it go on, by an amount: `usd 5`, `tokens 500000`, `actions 50`, `minutes 30`, or"
    " several with commas; nothing typed = as much again. A raise holds for what it names: this task, this session,"
    " this day. For longer, change [budgets] in factory.toml, or the ceilings in your own config.toml."
)


_FROM_A_PAUSE = (
    "`resume` lets it go on. Before that: say something to it, choose another seat or model for the next turn,\n"
    "interrupt it, or take it over, each by its key on the floor."
)


def find_item(state: State, id: str) -> Waiting:
    """Raises Refusal naming what waits."""
    items = waiting(state)
    for item in items:
        if item.id.lower() == id.lower():
            return item
    known = ", ".join(item.id for item in items) or "nothing"
    raise Refusal(what=f"nothing called {id[:80]} waits for you", why=f"waiting: {known}", next_step="`factory inbox`")


def parts_of(state: State, item: Waiting, evidence: EvidenceStore) -> tuple[Part, ...]:
    """Everything the item is about, in the order in which it is read."""
    return tuple(part for part in _parts(state, item, evidence) if part.text.strip())


def _parts(state: State, item: Waiting, evidence: EvidenceStore) -> Iterator[Part]:
    task = state.tasks.get(item.task)
    match item.kind:
        case "digest":
            assert state.digest
            yield Part(title=state.digest.path, text=_text(evidence, state.digest.evidence))
        case "handoff":
            assert task
            assert task.handoff
            yield Part(title="task", text=_told_task(task))
            yield Part(title="findings", text=_findings(task.findings))
            yield Part(title="why there is no brief", text=task.handoff.refused)
            if task.handoff.brief:
                edited = ", edited" if task.handoff.edited else ""
                yield Part(title=f"brief{edited}", text=_text(evidence, task.handoff.brief))
        case "ask":
            ask = state.asks[item.id]
            yield Part(title="action", text=_as_json(ask.action))
            yield Part(title="why it is asked", text=_matches(ask.ruling.matches))
            others = [one for one in alike(state, ask) if one.id != ask.id]
            told = "\n".join(f"- {one.id} {one.turn} on {one.task}, sha256 {one.sha256[:16]}" for one in others)
            yield Part(title="asked alike, settled by the same answer", text=told)
        case "notice":
            yield Part(title=item.title, text=state.notices[item.id].text)
        case "incident":
            yield from _incident(state, item.id, evidence)
        case "question":
            question = state.questions[item.id]
            yield Part(title=f"{question.turn} asks", text=question.text)
        case "deployment":
            yield from _deployment(state, state.deployments[item.id])
        case "plan":
            plan = state.plans[item.id]
            yield Part(title="reasoning", text=plan.reasoning)
            for number, planned in enumerate(plan.tasks, 1):
                after = ", ".join(f"task {index + 1}" for index in planned.after)
                lines = [
                    f"for {planned.role}" + (f", after {after}" if after else ""),
                    planned.goal,
                    *(f"- criterion: {criterion}" for criterion in planned.criteria),
                    *([f"- paths: {', '.join(planned.paths)}"] if planned.paths else []),
                    *(f"- asks, settled with the plan: {one}" for one in planned.asks),
                ]
                yield Part(title=f"task {number}: {planned.title}", text="\n".join(lines))
        case "change":
            assert task
            yield from _change(state, task, evidence)
        case "proposal":
            yield from _proposal(state, item, evidence)
        case "stuck":
            assert task
            yield Part(title="why", text=task.why)
            yield Part(title="task", text=_told_task(task))
            yield Part(title="findings", text=_findings(task.findings))
            yield Part(
                title="verdicts so far",
                text="\n".join(f"- {judged.verdict.value.upper()}: {judged.summary}" for judged in task.history),
            )
        case "budget":
            yield Part(title="what is used up", text=item.title)
            yield Part(title="every budget, used and allowed", text="\n".join(budget_lines(state)))
            yield Part(title="the way on", text=_WAYS_ON)
        case "world":
            waits = of_one_cause(state, item.id)
            lines = [f"seat: {wait.seat}\nuntil: {wait.until} (UTC)" for wait in waits]
            yield Part(title="what is waited for", text="\n".join((waits[0].cause, *lines)))
            yield Part(title="what waits", text=item.title)
            yield Part(title="the way on", text="It goes on by itself then. To try at once: `go-on`.")
        case "paused":
            assert task
            yield Part(title="what stands still", text=f"{item.title}\nits time does not run, its work is kept")
            yield Part(title="task", text=_told_task(task))
            yield Part(title="the way on", text=_FROM_A_PAUSE)
        case "turn":
            assert task
            yield Part(title="task", text=_told_task(task))
            yield Part(title="findings", text=_findings(task.findings))
            card = state.law.role(task.handoff.to if task.handoff else task.role)
            yield Part(title=f"checklist of the {card.title}", text="\n".join(f"[ ] {one}" for one in card.checklist))
            if task.handoff and task.handoff.brief:
                yield Part(title="brief", text=_text(evidence, task.handoff.brief))


def _incident(state: State, id: str, evidence: EvidenceStore) -> Iterator[Part]:
    known = state.incidents[id]
    if state.frozen is not None:
        what = "deployments and landings" if state.frozen.landings else "deployments"
        yield Part(title="the bleeding", text=f"{what} are frozen: {state.frozen.reason}")
    else:
        yield Part(title="the bleeding", text="nothing is frozen: landings and deployments go on")
    again = f"it happened again, {count(known.repeats, 'time')}" if known.repeats else ""
    broken = f"broken check: {known.broken} should have caught it" if known.broken else ""
    level = f"{known.level}, {LEVEL_NAMES[known.level]}" if known.level else "-"
    form = [
        f"what        {known.what or '-'}",
        f"when        {known.when or '-'}",
        f"cost        {known.cost or '-'}",
        f"root cause  {known.root_cause or '-'}",
        f"level that should have caught it  {level}",
        f"entries     {', '.join(f'#{seq}' for seq in known.evidence) or '-'}",
    ]
    yield Part(title="the form", text="\n".join([line for line in (again, broken) if line] + form))
    if known.draft:
        yield Part(title=f"rule {known.draft.rule}, drafted", text=_text(evidence, known.draft.draft))
    if known.proof:
        yield Part(title=f"proof: {known.proof.verdict.value.upper()}", text="\n".join(proof_lines(known, evidence)))
    yield Part(title="next", text=f"{next_step(known)}\n{_WAYS_TO_A_RULE.replace('I-n', known.id)}")


_WAYS_TO_A_RULE = (
    "`factory incident fill I-n`, `draft`, `prove`, `adopt`; closed by a rule, or by a reason why none can exist:\n"
    "`factory incident close I-n --reason WHY`"
)


def proof_lines(known: Incident, evidence: EvidenceStore) -> Iterator[str]:
    """The results side by side: what it must catch, what it must spare."""
    assert known.proof
    yield known.proof.summary
    proof = read_proof(_text(evidence, known.proof.evidence) if known.proof.evidence else None)
    if proof is None:
        yield "what came of it is missing from the evidence store, or altered"
        return
    for side in ("incident", "near miss", "benign"):
        rows = [row for row in proof.rows if row.side == side]
        if side == "benign":
            silent = proof.benign - len(proof.disturbed)
            yield f"{'benign':<10} {silent} of {proof.benign} silent; it bears on {proof.borne}"
        for row in rows:
            at = f"#{row.seq} " if row.seq else ""
            why = f" ({row.reason})" if row.reason else ""
            yield f"{side:<10} {'ok ' if row.holds else 'NOT'} {row.decision.value:<5} {at}{row.what}{why}"
    for number in proof.unreadable:
        yield f"{'incident':<10} NOT -     #{number} is of no kind that this rule looks at, or its evidence is gone"


def _deployment(state: State, one: Deployment) -> Iterator[Part]:
    plan = one.plan
    yield Part(title="before", text=ended_before(state, one))
    back = plan.previous or "nothing: the way back takes it down"
    yield Part(
        title="plan",
        text="\n".join(
            [
                f"commit       {plan.commit} ({one.task})",
                f"environment  {plan.environment}",
                f"proposed by  {one.by}" + (f", {one.person}" if one.person else ""),
                f"deploy       {shlex.join(plan.deploy)}",
                f"status       {shlex.join(plan.status)}",
                f"backup       {shlex.join(plan.backup) or f'none: {plan.no_backup}'}",
                f"credentials  {', '.join(plan.credentials) or 'none'}, by name",
                f"network      {'yes' if plan.network else 'no'}",
                f"plan sha256  {one.sha256}",
            ]
        ),
    )
    yield Part(title="the way back", text=f"rollback     {shlex.join(plan.rollback)}\nback to      {back}")
    yield Part(title="what rules ask; approving settles it", text=_matches(one.asks))
    yield Part(title="the proposer's note", text=plan.note)
    yield Part(title="how it stands", text=f"{one.stage}: {one.why}" if one.why else "")
    for checked in one.checks:
        lines = [checked.summary, *(f"{row.id} {row.verdict:<14} {row.reason}" for row in checked.rows)]
        yield Part(title=f"level 4 on {checked.commit[:10]}", text="\n".join(lines))


def _change(state: State, task: Task, evidence: EvidenceStore) -> Iterator[Part]:
    candidate = task.candidate
    assert candidate
    target = state.missions[task.mission].target
    yield Part(
        title="change",
        text="\n".join(
            [
                f"commit  {candidate.commit}",
                f"tree    {candidate.tree}",
                f"base    {candidate.base}",
                f"lands   on {target}",
                f"charter {state.law.sha256}",
                f"message {candidate.message.strip()}",
            ]
        ),
    )
    yield Part(title="task", text=_told_task(task))
    for name, judged in (("level 2", candidate.smoke), ("level 3", candidate.review)):
        if judged:
            independent = "" if judged.independent else " (not independent)"
            told = [f"{judged.verdict.value.upper()}{independent}: {judged.summary}", _findings(judged.findings)]
            told += [
                f"- {answer.finding} {'accepted' if answer.accepted else 'not accepted'}: {answer.reason}"
                for answer in judged.answers
            ]
            yield Part(title=name, text="\n".join(line for line in told if line))
    yield Part(title="open findings", text=_findings(task.findings))
    yield Part(title="what rules ask", text=_matches(candidate.asks))
    yield Part(title=PACKAGES_TITLE, text="\n".join(package_rows(task.packages)))
    yield Part(title="files that new ignore rules would hide", text="\n".join(candidate.newly_ignored))
    yield Part(title="the author's note", text=candidate.note)
    yield Part(title="difference", text=_text(evidence, candidate.diff))


def _proposal(state: State, item: Waiting, evidence: EvidenceStore) -> Iterator[Part]:
    proposal = state.proposals[item.id]
    yield Part(title="why it cannot be adopted", text=proposal.problem)
    if not proposal.charter:
        yield Part(title=f"{proposal.path}, as {proposal.by} proposes it", text=_text(evidence, proposal.evidence))
        old = state.law.document(proposal.path)
        if old:
            yield Part(
                title="difference",
                text=difference(old.text, _text(evidence, proposal.evidence), proposal.path),
            )
        return
    yield Part(title="changed", text="\n".join(proposal.path.split(", ")))
    if not proposal.problem:
        new = proposed_charter(state, item.id, evidence)
        yield Part(title="difference", text=charter_difference(state.law, new))
    else:
        yield Part(title="on disk, against what stays in force", text=_text(evidence, proposal.evidence))


def proposed_charter(state: State, proposal: str, evidence: EvidenceStore) -> Charter:
    """A proposed home, from its evidence. Raises Refusal when that proposes none, or none that can be adopted."""
    found = state.proposals.get(proposal)
    if found is None or not found.charter:
        raise Refusal(what=f"there is no proposed home {proposal[:80]}", next_step="run `factory inbox`")
    if found.problem:
        raise Refusal(
            what=f"{proposal} cannot be adopted", why=found.problem, next_step="mend it; `factory check` helps"
        )
    return msgspec.json.decode(evidence.get(found.evidence.sha256), type=Charter)


def charter_difference(old: Charter, new: Charter) -> str:
    """Document by document what another home would change, each under a heading of its own."""
    return "\n".join(f"diff --git a/{name} b/{name}\n{changed}" for name, changed in _between(old, new) if changed)


def _between(old: Charter, new: Charter) -> Iterator[tuple[str, str]]:
    """The differences between two charters, by the document's name."""
    yield "factory.toml", difference(_as_json(old.gate), _as_json(new.gate), "factory.toml")
    yield DEPLOY_FILE, difference(_as_json(old.deploying), _as_json(new.deploying), DEPLOY_FILE)
    for kind, before, after in (
        ("roles/", {card.id: card for card in old.roles}, {card.id: card for card in new.roles}),
        ("rules/", {rule.id: rule for rule in old.rules}, {rule.id: rule for rule in new.rules}),
    ):
        for id in sorted({*before, *after}):
            name = f"{kind}{id}"
            if before.get(id) != after.get(id):
                yield name, difference(_as_json(before.get(id)), _as_json(after.get(id)), name)
    protected = ("\n".join(old.protected), "\n".join(new.protected))
    yield "protected paths", difference(*protected, "protected paths")
    documents = {document.path: document.text for document in old.documents}
    fresh = {document.path: document.text for document in new.documents}
    for path in sorted({*documents, *fresh}):
        yield path, difference(documents.get(path, ""), fresh.get(path, ""), path)


def difference(old: str, new: str, name: str) -> str:
    """Unified, empty when both are the same."""
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), f"in force/{name}", f"proposed/{name}", lineterm=""
    )
    return "\n".join(lines)


def _told_task(task: Task) -> str:
    lines = [f"{task.id} for {task.role}, attempt {task.attempt}", "", task.goal]
    lines += [f"- criterion: {criterion}" for criterion in task.criteria]
    lines += [f"- paths: {', '.join(task.paths)}"] if task.paths else []
    for question, reply in task.answers:
        lines += [f"- asked: {question}", f"  answered: {reply}"]
    return "\n".join(lines)


def _findings(findings: tuple[Finding, ...]) -> str:
    lines = []
    for finding in findings:
        spot = f" ({finding.path}:{finding.line})" if finding.path else ""
        owed = ", must be answered by the reviewer" if finding.must_answer else ""
        lines.append(f"- {finding.id or '-'} {finding.severity}{owed}: {finding.title}{spot} [{finding.by}]")
        lines += [f"    {line}" for line in finding.detail.splitlines()]
    return "\n".join(lines)


def _matches(matches: tuple[RuleMatch, ...]) -> str:
    lines = []
    for match in matches:
        where = f" ({match.where})" if match.where else ""
        lines.append(f"- {match.decision.value}, {match.source}: {match.reason}{where}")
        if match.instead:
            lines.append(f"    instead: {match.instead}")
    return "\n".join(lines)


def _as_json(value: object) -> str:
    """What no screen shows stands by its number, so that nothing hides in what is read before it is answered."""
    return spelt(msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2).decode()) if value else ""


def _text(evidence: EvidenceStore, which: Evidence) -> str:
    """Bytes that are missing or altered are said to be so: an item can be looked at all the same."""
    try:
        return evidence.get(which.sha256).decode("utf-8", "replace")
    except FactoryError as error:
        return f"[{error}]"
