"""One incident as rows: its form, what shows it, the rule that shall keep it from happening again, and the proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from factory_tui.domain.entries import Entry
from factory_tui.domain.incidents import commit_words, next_step
from factory_tui.domain.plurals import count
from factory_tui.domain.rule_proof import Proof, ProofRow, read_proof
from factory_tui.domain.state import Incident, Proposal, State
from factory_tui.domain.terms import LEVEL_NAMES, Verdict
from factory_tui.domain.wording import worded
from factory_tui.engine.incidents import drafts_for
from factory_tui.tui.harmless import one_line
from factory_tui.tui.present.exhibit import Exhibit, Read, Reading
from factory_tui.tui.present.sheets import Look, Row, Section, columns, fact_rows, row, text_rows

NOT_SAID = "not said yet"
PROOF = "diff"
"""Kind of the section that an adoption is about: it must have been on the screen."""
Cell = list[tuple[str, str]]


def incident_exhibit(state: State, known: Incident, entries: Mapping[int, Entry], read: Read) -> Exhibit:
    """Whole, with every result of the proof."""
    reading = Reading(read)
    sections = [
        Section("", lambda look: _form(state, known, look)),
        Section(f"what shows it: {len(known.evidence)} of the ledger", lambda look: _shown_by(known, entries, look)),
    ]
    if known.proof is not None:
        proven = read_proof(read(known.proof.evidence) if known.proof.evidence else None)
        told = f"proof of {known.proof.rule}: {known.proof.verdict.value.upper()}"
        sections.append(Section(told, lambda look: _proof(known, proven, look), PROOF))
    if known.draft is not None:
        text = reading.text(known.draft.draft)
        sections.append(Section(f"the rule, as drafted: {known.draft.path}", lambda look: text_rows(text, look)))
    for one in () if known.closed else drafts_for(state):
        proposed = reading.text(one.evidence)
        sections.append(_proposed(one, proposed))
    return Exhibit(tuple(sections), tuple(reading.missing))


def _proposed(one: Proposal, text: str) -> Section:
    told = f"{one.id}: {one.by} proposes {one.path}"
    return Section(lambda key: f"{told}; {key('incident.use')} makes it the draft", lambda look: text_rows(text, look))


def _form(state: State, known: Incident, look: Look) -> Iterator[Row]:
    stop = state.frozen
    held = "landings and deployments are" if stop and stop.landings else "deployments are"
    level = f"{known.level}, {LEVEL_NAMES[known.level]}" if known.level else ""
    again = count(known.repeats, "time") if known.repeats else ""
    facts = [
        ("next", "" if known.closed else next_step(known), "strong"),
        ("closed", known.closed, "ok"),
        ("its rule", *_committed(known, look)),
        ("happened again", again, "bad"),
        ("broken check", f"{known.broken} should have caught it" if known.broken else "", "bad"),
        ("frozen", f"{held}, by {stop.by}: {stop.reason}" if stop else "", "warn"),
    ]
    for name in ("what", "when", "cost", "root_cause"):
        value = getattr(known, name)
        facts.append((name.replace("_", " "), value or NOT_SAID, "text" if value else "warn"))
    facts.append(("should have caught it", level or NOT_SAID, "text" if level else "warn"))
    yield from fact_rows(facts, look)


def _committed(known: Incident, look: Look) -> tuple[str, str]:
    """Words and style."""
    done = known.committed
    told = commit_words(known)
    if told and not (done and done.commit):
        told += f"; {look.key('incident.commit')} tries again"
    return told, "ok" if done and done.commit and not done.unvouched else "warn"


def _shown_by(known: Incident, entries: Mapping[int, Entry], look: Look) -> Iterator[Row]:
    if not known.evidence:
        pick = look.key("incident.pick")
        yield row(look, (f"No entry is picked: {pick} picks what shows it, and a rule is proven on that.", "warn"))
    for seq in known.evidence:
        entry = entries.get(seq)
        told = one_line(worded(entry.event), 300) if entry else "it is of an earlier ledger"
        yield row(
            look, (f"#{seq:<5}", "key"), (f"{entry.at[11:19]} " if entry else "", "dim"), told, about=f"entry:{seq}"
        )


# --- the proof, side by side ---------------------------------------------------------------------


def _proof(known: Incident, proven: Proof | None, look: Look) -> Iterator[Row]:
    judged = known.proof
    assert judged is not None
    style = "ok" if judged.verdict is Verdict.PASS else "bad"
    yield row(look, (one_line(judged.summary, 600), style))
    must: Cell = [("MUST CATCH: the incident's own record", "heading")]
    spare: Cell = [("MUST SPARE: near misses, benign events", "heading")]
    if proven is None:
        yield row(look, ("What came of it is missing from the evidence store, or altered.", "bad"))
        return
    for one in proven.rows:
        (must if one.side == "incident" else spare).append(_told(one))
    must += [(f"✗ #{seq}: no check of this kind looks at it", "bad") for seq in proven.unreadable]
    silent = judged.benign - len(judged.disturbed)
    few = "" if silent else "; nothing benign is on record yet"
    spare.append((f"{silent} of {judged.benign} benign events silent, it bears on {judged.borne}{few}", "text"))
    yield from columns([must, spare], look)


def _told(one: ProofRow) -> tuple[str, str]:
    at = f"#{one.seq} " if one.seq else ""
    why = f" ({one.reason})" if one.reason else ""
    sign = "holds" if one.holds else "DOES NOT HOLD"
    return f"{sign}: {one.decision.value} {at}{one_line(one.what + why, 400)}", "ok" if one.holds else "bad"
