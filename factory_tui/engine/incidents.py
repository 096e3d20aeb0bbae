"""Incidents as somebody works on them: shown whole, filled, drafted into a rule, proven, written into the home."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from factory_tui.domain import commands as c
from factory_tui.domain.agenda import rules_to_commit
from factory_tui.domain.deciding_incidents import must_be_proven
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError, Refusal, WorldError
from factory_tui.domain.evolve import evolve
from factory_tui.domain.globs import matches
from factory_tui.domain.incidents import commit_words
from factory_tui.domain.rule_draft import HOLE, skeleton
from factory_tui.domain.rule_proof import Material, material_of, prove
from factory_tui.domain.rules import Rule
from factory_tui.domain.seals import sha256_of
from factory_tui.domain.state import Incident, Proposal, State
from factory_tui.domain.terms import Actor, Evidence, Record
from factory_tui.engine.exhibits import proposed_charter
from factory_tui.engine.factory import Factory
from factory_tui.engine.ports import EvidenceStore
from factory_tui.engine.rule_commits import RuleCommits, must_be_committable
from factory_tui.engine.telling_incidents import frozen_of, incident_data, record_text

IncidentVerb = Literal[
    "open",
    "show",
    "fill",
    "pick",
    "ask",
    "skeleton",
    "draft",
    "prove",
    "adopt",
    "commit",
    "close",
    "unfreeze",
    "freeze",
]


class IncidentWish(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="incident"):
    """One step on an incident; each verb uses the fields named for it."""

    verb: IncidentVerb
    id: str = ""
    text: str = ""
    """open: the title. close, freeze, unfreeze: the reason. draft: the rule's file, whole."""
    path: str = ""
    """draft: what the file shall be called; empty = by its id and title."""
    proposal: str = ""
    """draft: a seat's proposal instead of a text."""
    what: str | None = None
    when: str | None = None
    cost: str | None = None
    root_cause: str | None = None
    level: int | None = None
    task: str = ""
    entries: tuple[int, ...] = ()
    remove: tuple[int, ...] = ()
    sha256: str = ""
    """adopt: of the incident as it was shown, or its beginning; empty = as it is at that moment."""
    repeats: str = ""
    freeze: bool = True


_DRAFTING = """Draft the rule of {id}: {title}

Propose the whole file as `{path}` (the action `propose`), then report.
It is held against the ledger before anybody adopts it: it must fire on what was recorded, and stay silent on its near
miss in `allows` and on the last benign events. Keep `catches` as it was recorded; leave out lines of a difference that
do not matter, and add none. Narrow enough that whoever mends the harm is not stopped by it.
This is what is known so far:

{skeleton}"""


class RuleShelf(Protocol):
    """Reads rules, and writes rule and incident into the home."""

    def read(self, path: str, text: str) -> Rule:
        """As the home would read it there. Raises FactoryError with every problem."""

    def must_fit(self, path: str, text: str, replaces: str) -> None:
        """Raises WorldError when `write` would refuse."""

    def write(self, path: str, text: str, *, replaces: str = "") -> None:
        """Whole or not at all, synced. Raises WorldError when another file is in the way; `replaces` is the text that
        may be there."""

    def rule_file(self, rule: str) -> tuple[str, str]:
        """Path in the home and text of a rule that is there; empty when none is."""

    def there(self, path: str) -> str:
        """What lies at a path of the home; empty = nothing."""


class IncidentDesk:
    """Carries out the steps for one factory."""

    def __init__(
        self,
        *,
        factory: Factory,
        evidence: EvidenceStore,
        shelf: RuleShelf,
        entries: Callable[[], Sequence[Entry]],
        propose: Callable[[], Awaitable[None]],
        commits: RuleCommits,
    ) -> None:
        """`propose` has the home on disk looked at again."""
        self._factory, self._evidence, self._shelf = factory, evidence, shelf
        self._entries, self._propose, self._commits = entries, propose, commits

    async def carry_out(self, wish: IncidentWish, by: Actor) -> dict[str, Any]:
        """What came of it. Raises Refusal."""
        id = wish.id.strip().upper()
        match wish.verb:
            case "open":
                return await self._open(wish, by)
            case "freeze":
                await self._factory.carried_out(c.Freeze(reason=wish.text, landings=True), by)
                return {"frozen": frozen_of(self._factory.state)}
            case "unfreeze":
                await self._factory.carried_out(c.Unfreeze(reason=wish.text), by)
                return {"frozen": frozen_of(self._factory.state)}
            case "fill":
                filled = c.FillIncident(
                    incident=id,
                    what=wish.what,
                    when=wish.when,
                    cost=wish.cost,
                    root_cause=wish.root_cause,
                    level=wish.level,
                )
                await self._factory.carried_out(filled, by)
                if wish.entries or wish.remove:
                    await self._pick(id, wish, by)
            case "pick":
                await self._pick(id, wish, by)
            case "ask":
                await self._ask(id, by)
            case "skeleton":
                path, text = self._skeleton(incident_named(self._factory.state, id))
                return {"path": path, "text": text}
            case "draft":
                await self._draft(id, wish, by)
            case "prove":
                return await self._prove(id, by)
            case "adopt":
                return await self._adopt(id, wish.sha256, by)
            case "commit":
                must_be_committable(incident_named(self._factory.state, id))
                await self._commits.commit(id, again=True)
            case "close":
                await self._factory.carried_out(c.CloseIncident(incident=id, reason=wish.text), by)
            case "show":
                pass
        return incident_data(self._factory.state, incident_named(self._factory.state, id), self._evidence)

    async def _open(self, wish: IncidentWish, by: Actor) -> dict[str, Any]:
        entries = await self._factory.carried_out(
            c.OpenIncident(
                title=wish.text,
                what=wish.what or "",
                task=wish.task,
                level=wish.level or 0,
                evidence=wish.entries,
                repeats=wish.repeats.strip().upper(),
                freeze=wish.freeze,
            ),
            by,
        )
        state = self._factory.state
        id = next(entry.event.incident for entry in entries if hasattr(entry.event, "incident"))
        return incident_data(state, state.incidents[id], self._evidence) | {"frozen": frozen_of(state)}

    async def _pick(self, id: str, wish: IncidentWish, by: Actor) -> None:
        await self._factory.carried_out(c.PickEvidence(incident=id, add=wish.entries, remove=wish.remove), by)

    def _skeleton(self, known: Incident) -> tuple[str, str]:
        if not known.evidence:
            raise Refusal(
                what=f"{known.id} names no entry of the ledger",
                why="what a rule must catch is taken from what was recorded",
                next_step=f"`factory incident fill {known.id} --entry N`; the cockpit's timeline lists the entries",
            )
        return skeleton(self._factory.state.law, known, self._materials(known))

    async def _ask(self, id: str, by: Actor) -> None:
        """A small task for the role that may propose rules: the draft comes back as its proposal."""
        state = self._factory.state
        known = incident_named(state, id)
        path, text = self._skeleton(known)
        drafter = next((card for card in state.law.roles if matches(path, card.proposes)), None)
        if drafter is None:
            raise Refusal(
                what="no role may propose a rule",
                why="no card names `rules/**` under `proposes`",
                next_step=f"write it yourself: `factory incident draft {known.id}`",
            )
        wanted = _DRAFTING.format(id=known.id, title=known.title, path=path, skeleton=text)
        task = c.OpenSmallTask(text=wanted, role=drafter.id, base_ref=state.base_ref, base=state.base)
        await self._factory.carried_out(task, by)

    def _materials(self, known: Incident) -> list[Material]:
        wanted, found, state = {*known.evidence}, [], State()
        for entry in self._entries():
            if entry.seq in wanted and (one := material_of(entry, state, self._read)) is not None:
                found.append(one)
            state = evolve(state, entry)
        return found

    async def _draft(self, id: str, wish: IncidentWish, by: Actor) -> None:
        state = self._factory.state
        path, text, proposal = wish.path, wish.text, ""
        if wish.proposal:
            proposed = state.proposals.get(wish.proposal.upper())
            if proposed is None or proposed.charter:
                raise Refusal(what=f"no seat's proposal {wish.proposal[:40]} waits", next_step="`factory inbox`")
            proposal, path = proposed.id, proposed.path
            text = self._evidence.get(proposed.evidence.sha256).decode("utf-8", "replace")
        if HOLE in text:
            line = next(number for number, one in enumerate(text.splitlines(), 1) if HOLE in one)
            raise Refusal(
                what=f"the draft is not finished: line {line} still says `{HOLE}`",
                next_step="write what stands there instead; a near miss is the nearest thing that must stay allowed",
            )
        name = path.rpartition("/")[2] or _name_in(text)
        rule = self._shelf.read(f"rules/{name}", text)
        kept = self._evidence.put(text.encode(), f"draft of {rule.id} for {id}")
        drafted = c.DraftRule(incident=id, rule=rule, path=f"rules/{name}", draft=kept, proposal=proposal)
        await self._factory.carried_out(drafted, by)

    async def _prove(self, id: str, by: Actor) -> dict[str, Any]:
        state = self._factory.state
        known = incident_named(state, id)
        if known.draft is None:
            raise Refusal(what=f"{known.id} has no rule to prove", next_step=f"`factory incident draft {known.id}`")
        text = self._evidence.get(known.draft.draft.sha256).decode()
        rule = self._shelf.read(known.draft.path, text)
        proof = prove(rule, tuple(self._entries()), known.evidence, self._read)
        kept = self._evidence.put(msgspec.json.encode(proof), f"proof of {rule.id} for {known.id}")
        await self._factory.carried_out(
            c.RecordProof(
                incident=known.id,
                draft=known.draft.draft.sha256,
                caught=proof.caught,
                missed=proof.missed,
                benign=proof.benign,
                borne=proof.borne,
                disturbed=proof.disturbed,
                problems=proof.problems,
                evidence=kept,
            ),
            by,
        )
        state = self._factory.state
        return incident_data(state, state.incidents[known.id], self._evidence)

    async def _adopt(self, id: str, seen: str, by: Actor) -> dict[str, Any]:
        """Writes rule and incident into the home; adopts what that changes when nothing else changed there."""
        known = must_be_proven(self._factory.state, id)
        if not sha256_of("incident", known).startswith(seen):
            raise Refusal(what=f"{known.id} changed since it was shown", next_step="look at it again, and answer that")
        draft = known.draft
        assert draft
        text = self._text_of(draft.draft)
        record = f"memory/incidents/{known.id}.md"
        old_path, old_text = self._shelf.rule_file(draft.rule)
        path = old_path or draft.path
        told = self._evidence.put(record_text(self._factory.state, known).encode(), f"record of {known.id}")
        await self._write((path, text, old_text), (record, self._text_of(told), self._shelf.there(record)))
        written = c.RecordRuleWritten(incident=known.id, path=path, record=record, kept=told)
        await self._factory.carried_out(written, by)
        await self._propose()
        state = self._factory.state
        proposal = next((one for one in state.proposals.values() if one.charter), None)
        answer = {"path": path, "record": record, "proposal": proposal.id if proposal else "", "committing": ""}
        if proposal is not None and not proposal.problem and proposal.path == f"rules/{draft.rule}":
            charter = proposed_charter(state, proposal.id, self._evidence)
            await self._factory.carried_out(c.AdoptCharter(proposal=proposal.id, charter=charter), by)
            answer["charter"] = charter.sha256
            try:
                await self._commits.commit(known.id)
            except WorldError as error:
                answer["committing"] = error.in_a_line
        state = self._factory.state
        shown = incident_data(state, state.incidents[known.id], self._evidence)
        return {**shown, **answer, "adopted": draft.rule in state.born_rules and bool(state.incidents[id].closed)}

    async def commit_owed(self) -> list[str]:
        """Commits the rules that were adopted another way than here: with the rest of the home. What came of each."""
        owed = [job.incident for job in rules_to_commit(self._factory.state)]
        await self._commits.commit_owed()
        known = [self._factory.state.incidents[id] for id in owed]
        return [f"{one.rule}, born from {one.id}, is {commit_words(one)}" for one in known]

    async def _write(self, *files: tuple[str, str, str]) -> None:
        """Path, text and what lies there now; all or none of them. Over what lies there only where that is kept
        elsewhere too: it may be somebody's only copy."""
        safe = []
        for path, text, there in files:
            is_kept = there in ("", text) or await self._commits.may_write_over(path, there)
            safe.append((path, text, there if is_kept else ""))
        for path, text, replaces in safe:
            self._shelf.must_fit(path, text, replaces)
        for path, text, replaces in safe:
            self._shelf.write(path, text, replaces=replaces)

    def _text_of(self, one: Evidence) -> str:
        return self._evidence.get(one.sha256).decode()

    def _read(self, one: Evidence) -> str | None:
        try:
            return self._evidence.get(one.sha256).decode("utf-8", "replace")
        except FactoryError:
            return None


def drafts_for(state: State) -> tuple[Proposal, ...]:
    """What seats proposed that may become the draft of a rule, the oldest first."""
    return tuple(one for one in state.proposals.values() if not one.charter and one.path.startswith("rules/"))


def incident_named(state: State, id: str) -> Incident:
    """Raises Refusal naming what is known."""
    known = state.incidents.get(id.strip().upper())
    if known is None:
        raise Refusal(
            what=f"there is no incident {id[:80]}",
            why=f"known: {', '.join(state.incidents) or 'none'}",
            next_step="`factory incident list`",
        )
    return known


def _name_in(text: str) -> str:
    """A file name from the `id:` line; the reading says what is wrong with it."""
    line = next((line for line in text.splitlines() if line.startswith("id:")), "id: rule")
    return f"{line.removeprefix('id:').strip().strip(chr(34))}.md"
