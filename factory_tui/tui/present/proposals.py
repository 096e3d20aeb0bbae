"""A document that is another than what is in force: what changed, what that means, and what an answer would do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from factory_tui.domain.charter import DNA, Charter
from factory_tui.domain.state import Proposal, State
from factory_tui.engine.exhibits import charter_difference, difference
from factory_tui.tui.harmless import one_line
from factory_tui.tui.present.exhibit import Exhibit, Read, Reading
from factory_tui.tui.present.sheets import Look, Row, Section, diff_rows, fact_rows, row

_HEAD = re.compile(r"^diff --git a/", re.MULTILINE)


def proposal_exhibit(state: State, proposal: Proposal, read: Read, first: str = "") -> Exhibit:
    """What it means before what it says. `first`: the document whose difference stands on top."""
    reading = Reading(read)
    text = reading.text(proposal.evidence) if proposal.evidence.size else ""
    changed = _difference(state, proposal, text, reading)
    pieces = _first_on_top(changed, first)
    title = "the difference, against what is in force"
    if proposal.problem:
        title = "on disk when it was found wrong, against what stays in force"
    sections = [
        Section("", lambda look: _meaning(state, proposal, look)),
        Section("what each change means", lambda look: _each(state, proposal, look)),
        Section(title, lambda look: diff_rows(pieces, look, whole=f"evidence:{proposal.evidence.sha256}"), "diff"),
    ]
    return Exhibit(tuple(sections), tuple(reading.missing))


def _difference(state: State, proposal: Proposal, text: str, reading: Reading) -> str:
    if not text or reading.missing or proposal.problem:
        return text
    if not proposal.charter:
        old = state.charter.document(proposal.path) if state.charter else None
        told = difference(old.text if old else "", text, proposal.path)
        return f"diff --git a/{proposal.path} b/{proposal.path}\n{told}"
    try:
        return charter_difference(state.law, msgspec.json.decode(text, type=Charter))
    except msgspec.MsgspecError as error:
        reading.missing.append(f"the proposed home ({one_line(str(error), 80)})")
        return ""


def _first_on_top(text: str, first: str) -> str:
    if not first:
        return text
    starts = [found.start() for found in _HEAD.finditer(text)]
    pieces = [text[start:end].rstrip("\n") for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    name = first.removesuffix(".md") if first.startswith(("rules/", "roles/")) else first
    mine = [piece for piece in pieces if piece.startswith((f"diff --git a/{first} b/", f"diff --git a/{name} b/"))]
    return "\n".join([*mine, *(piece for piece in pieces if piece not in mine)]) if mine else text


def _meaning(state: State, proposal: Proposal, look: Look) -> Iterator[Row]:
    if proposal.problem:
        broken = look.sign("broken")
        yield row(look, (f"{broken} INVALID ", "bad"), (one_line(proposal.problem, 2_000), "bad"))
        yield row(look, ("it cannot be adopted; the last good version stays in force for everybody", "warn"))
    elif proposal.charter:
        told = "Adopted, it is in force from the next task on; until then nobody is told it and nothing is held to it."
        yield row(look, ("NOT IN FORCE. ", "warn"), told)
    else:
        told = (
            "Accepting puts your yes on record; the document changes when it is written into the home and you adopt it."
        )
        yield row(look, ("PROPOSED by a seat, NOT WRITTEN. ", "warn"), told)
    endorsed = ", ".join(proposal.endorsed)
    yield from fact_rows(
        [
            ("documents", proposal.path, "strong"),
            ("from", "the home's files on disk" if proposal.charter else proposal.by, "text"),
            ("endorsed", f"by {endorsed}; the answer is still yours" if endorsed else "", "text"),
            ("in force", f"charter {state.law.sha256[:16]}" if state.charter else "", "dim"),
            ("proposed", f"charter {proposal.charter[:16]}" if proposal.charter.strip("0") else "", "dim"),
        ],
        look,
    )


def meaning_of(path: str) -> str:
    """What a document is for, and so what a change of it does."""
    match path.partition("/"):
        case ("rules", "/", _):
            return "what every action is held to; yours alone to change"
        case ("roles", "/", _):
            return "what a role may and may not do; yours alone to change"
        case ("trust", "/", _):
            return "whose signature counts; yours alone to change"
        case ("factory.toml", "", _):
            return "the gate's settings, seats and limits; yours alone to change"
        case ("protected paths", "", _):
            return "which paths no seat writes; yours alone to change"
        case ("memory", "/", "DNA.md"):
            return "stands whole in every brief"
        case ("memory", "/", rest) if rest.startswith("knowledge/"):
            return "stands in the briefs of the roles and paths that it bears on"
        case ("memory", "/", _):
            return "the supervisor's report; no seat's brief changes by it"
        case _:
            return "part of the home"


def _each(state: State, proposal: Proposal, look: Look) -> Iterator[Row]:
    if proposal.problem:
        return
    for path in proposal.path.split(", "):
        style = "warn" if "yours alone" in meaning_of(path) or path == DNA else "dim"
        yield row(look, (f"{one_line(path, 300)}  ", "strong"), (meaning_of(path), style))


def covering(state: State, path: str, *, is_marked: bool) -> Proposal | None:
    """The newest proposed home that is about a document, by its path in the home; None = it is not proposed.

    `is_marked`: it is known to be another on disk, so that a home that cannot be read is about it, too.
    """
    for proposal in reversed(state.proposals.values()):
        named = proposal.path.split(", ")
        is_named = path in named or path.removesuffix(".md") in named or (is_marked and "the home" in named)
        if proposal.charter and (is_named or (path and path in proposal.problem)):
            return proposal
    return None


def mark_parts(path: str, at: str, old: str, new: str, problem: str) -> list[tuple[str, str]]:
    """A document that changed on disk and is no proposal."""
    if problem:
        return [(path or "the home", f"It cannot be read: {problem}\n\nThe last good version stays in force.")]
    told = [
        f"sha256 before  {old or 'it was not there'}",
        f"sha256 now     {new or 'it is gone'}",
        f"changed        {at}",
        "",
        f"{path}: {meaning_of(path)}.",
        "It is not proposed (yet): what is in force is as it was. A changed home is read once it is quiet.",
    ]
    return [(path, "\n".join(told))]
