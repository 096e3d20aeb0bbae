"""What a session stands on, as rows that tick while the start-up looks, and as a text to be read whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from factory_tui.domain import assurance
from factory_tui.domain.law import rulebook_of
from factory_tui.domain.plurals import count
from factory_tui.domain.state import State
from factory_tui.engine.checklist import LINES, Checked, CheckLine
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Line, Span, cut_line, item, line, line_width, wrapped
from factory_tui.tui.present.words import Setting

Checks = Mapping[CheckLine, Checked]

_SIGNS = {
    "running": ("running", "looking", "work"),
    "ok": ("pass", "ok", "ok"),
    "warn": ("broken", "look", "warn"),
    "fail": ("fail", "FAILED", "bad"),
}
"""A glyph, a word and a style for each verdict."""


def each_once(checks: Checks) -> Checks:
    """One cause that fails several lines is told, with how it is mended, at the first of them."""
    first: dict[tuple[str, str], str] = {}
    found: dict[CheckLine, Checked] = {}
    for name, title in LINES.items():
        one = checks.get(name)
        if one is None:
            continue
        known = first.setdefault((one.told, one.mend), title) if one.verdict == "fail" else title
        found[name] = one if known == title else replace(one, told=f"for the same reason as {known}", mend="")
    return found


def check_items(checks: Checks, setting: Setting, *, whole: bool = True) -> list[Item]:
    """A row for every line; those not looked at yet are there, too. What is wrong says how it is mended. `whole`:
    there is room for what does not fit into one line."""
    rows, checks = [], each_once(checks)
    for name, title in LINES.items():
        one = checks.get(name)
        glyph, word, style = _SIGNS[one.verdict] if one else ("not run", "", "dim")
        head = line(
            (f" {setting.glyphs[glyph]} ", style), (f"{title:<14}", "text" if one else "dim"), (f"{word:<8}", style)
        )
        told = one_line(one.told, 300) if one else ""
        lines: list[Line] = [(*head, Span(told))]
        if line_width(lines[0]) > setting.width and whole:
            lines = [head, *wrapped(f"   {told}", setting.width, indent="   ")]
        if one and one.mend:
            mend = f"   mend: {one_line(one.mend, 300)}"
            lines += wrapped(mend, setting.width, "warn", "   ") if whole else [line((mend, "warn"))]
        rows.append(item(f"check:{name}", *(cut_line(single, setting.width) for single in lines)))
    return rows


def check_title(checks: Checks) -> Line:
    """How far it is, and how well it went."""
    done = [one for one in checks.values() if one.verdict != "running"]
    bad = sum(one.verdict == "fail" for one in done)
    warned = sum(one.verdict == "warn" for one in done)
    spans = [Span(f"CHECKS {len(done)} of {len(LINES)}", "title")]
    spans += [Span(f"  {bad} FAILED", "bad")] if bad else []
    spans += [Span(f"  {warned} to look at", "warn")] if warned else []
    return tuple(spans)


def checklist(state: State, checks: Checks) -> str:
    """The same to read, nothing cut. Without checks (somebody else began the session) what the state says."""
    if checks:
        lines, checks = [], each_once(checks)
        for name, title in LINES.items():
            one = checks.get(name)
            word = _SIGNS[one.verdict][1] if one else "not looked at yet"
            lines.append(f"- {title}: {word}" + (f", {one.told}" if one and one.told else ""))
            lines += [f"  mend: {one.mend}"] if one and one.mend else []
        return "\n".join(lines)
    if state.charter is None:
        return "- no charter is in force"
    law = state.charter
    loaded = [one for one in rulebook_of(law).enforcement() if not one.enforced]
    dna = law.dna
    lines = [
        f"- repository: {state.base_ref.removeprefix('refs/heads/')} at {state.base[:10]}",
        f"- DNA: {'whole, sha256 ' + dna.sha256[:12] if dna else 'MISSING'}",
        f"- rules: {len(law.rules)} in force, {len(loaded)} of them loaded and not enforced",
        f"- roles: {len(law.roles)}; knowledge: {count(len(law.knowledge), 'document')}",
        f"- smoke command: {law.gate.smoke.command or 'MISSING, level 2 cannot run'}",
        f"- wall: {state.wall}" + (", commands run as you" if state.wall.startswith("none") else ""),
        f"- evidence: {assurance.told(state.assurance, state.unsigned)}",
        f"- open tasks: {len(state.tasks)}; mode: {state.mode}",
    ]
    return "\n".join(lines)
