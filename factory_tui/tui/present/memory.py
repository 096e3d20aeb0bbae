"""The memory box: what every seat is told from, what of it changed on disk, and which seat reached for it."""

from __future__ import annotations

from factory_tui.domain.state import State
from factory_tui.tui.chronicle import Chronicle, Mark, Touch
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Line, Span, cut_line, item, line
from factory_tui.tui.present.words import Setting, since

MOST_TOUCHES = 3
"""Told in the box; the others are in the timeline."""


def memory_items(state: State, chronicle: Chronicle, setting: Setting) -> list[Item]:
    """What every seat is told from: DNA, rules, roles, knowledge, digests; what changed on disk, what is proposed."""
    if state.charter is None:
        return []
    law, glyphs, marks = state.charter, setting.glyphs, chronicle.marks
    items = _touch_items(chronicle, setting)
    for proposal in state.proposals.values():
        told = f" INVALID: {one_line(proposal.problem, 600)}; last good version stays in force"
        body = line(
            (f" {glyphs['new']} ", "warn"),
            (f"{proposal.id} CHANGED ", "warn"),
            (f"{since(proposal.since, setting.now)} ", "dim"),
            (one_line(proposal.path, 400), "text"),
            (told, "bad") if proposal.problem else (" in force when adopted", "warn"),
        )
        items.append(item(f"proposal:{proposal.id}", cut_line(body, setting.width)))
    dna, ok = law.dna, (f" {glyphs['pass']} ", "ok")
    by_row: dict[str, list[str]] = {}
    for path in marks:
        by_row.setdefault(_memory_row(path, state), []).append(path)

    def add(key: str, *spans: str | tuple[str, str]) -> None:
        paths = by_row.pop(key, [])
        newest = max(paths, key=lambda path: marks[path].at, default="")
        told = [_told_mark(marks[newest], setting)] if paths else []
        first = (f" {glyphs['new']} ", "warn") if paths else spans[0]
        opens = f"document:{newest}" if paths and key.startswith("go:") else key
        items.append(item(opens, cut_line(line(first, spans[1], *told, *spans[2:]), setting.width)))

    sign = ok if dna else (" ! ", "bad")
    add(
        "document:memory/DNA.md",
        sign,
        f"DNA   {dna.sha256[:8] if dna else 'missing'}",
        (" whole in every brief", "dim"),
    )
    add("go:rules", ok, f"rules {len(law.rules)}", (" in force", "dim"))
    add("go:crew", ok, f"roles {len(law.roles)}", (f" charter {law.sha256[:8]}", "dim"))
    for document in law.knowledge:
        name = one_line(document.path.removeprefix("memory/knowledge/"), 400)
        add(f"document:{document.path}", (" - ", "dim"), name, (f" {document.sha256[:8]}", "dim"))
    if state.digest:
        read = state.digest.session <= state.acknowledged
        sign = ok if read else (f" {glyphs['new']} ", "warn")
        add("digest", sign, f"digest of session {state.digest.session}", ("" if read else " UNREAD", "warn"))
    for key in tuple(by_row):
        add(key, (" - ", "dim"), one_line(key.partition(":")[2], 400) or "the home")
    return items


def _memory_row(path: str, state: State) -> str:
    """The key of the row that a document belongs to."""
    if path.startswith("rules/"):
        return "go:rules"
    if path.startswith("roles/"):
        return "go:crew"
    if state.digest and path == state.digest.path:
        return "digest"
    return f"document:{path}"


def _told_mark(mark: Mark, setting: Setting) -> tuple[str, str]:
    if mark.problem:
        return (f" CANNOT BE READ: {one_line(mark.problem, 600)}; last good version stays in force", "bad")
    return (f" {'CHANGED' if mark.new else 'GONE'} {since(mark.at, setting.now)}", "warn")


def count_changed(state: State, chronicle: Chronicle) -> int:
    """Documents that changed on disk; else what is proposed."""
    return max(len(state.proposals), len(chronicle.marks))


def memory_title(state: State, chronicle: Chronicle) -> Line:
    changed, touched = count_changed(state, chronicle), sum(one.count for one in chronicle.touches)
    return (
        Span("MEMORY", "title"),
        Span(f"  {changed} changed" if changed else "", "warn"),
        Span(f"  {touched} PROTECTED touched" if touched else "", "bad"),
    )


def _touch_items(chronicle: Chronicle, setting: Setting) -> list[Item]:
    """Seats that reached for a protected file, the newest first: who, what, and that it was not let."""
    found = []
    for number, one in reversed(list(enumerate(chronicle.touches))[-MOST_TOUCHES:]):
        body = line(
            (f" {setting.glyphs['denied']} PROTECTED ", "bad"),
            (f"{one_line(one.path, 400)} ", "strong"),
            (f"by {one.turn} on {one.task}, DENIED {one.count}x {since(one.at, setting.now)}", "bad"),
        )
        found.append(item(f"touch:{number}", cut_line(body, setting.width)))
    return found


def touch_parts(one: Touch) -> list[tuple[str, str]]:
    """Everything about it, and what became of the file: nothing."""
    told = [
        f"turn     {one.turn} on {one.task}",
        f"path     {one.path}",
        f"wanted   {one.wanted}",
        f"last     {one.at}",
        f"times    {one.count}",
        "",
        f"DENIED: {one.reason}",
        f"instead: {one.instead}" if one.instead else "",
        "",
        "The file is as it was: a protected path changes only by a proposal that you adopt.",
    ]
    return [(f"{one.turn} reached for {one.path}", "\n".join(told))]
