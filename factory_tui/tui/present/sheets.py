"""Sections of an object as rows: text, differences, findings, evidence, tables. Every row knows what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from factory_tui.domain.events import BriefInput
from factory_tui.domain.terms import Evidence, Finding, FindingAnswer, RuleMatch
from factory_tui.tui.glyphs import UNICODE
from factory_tui.tui.harmless import harmless, one_line
from factory_tui.tui.keymap import Key
from factory_tui.tui.lines import Item, Line, Span, first_lines, item, line, line_width, wrap_words
from factory_tui.tui.present.diffs import beside, diff_lines, paired, unified, wrap_spans
from factory_tui.tui.transcript import Transcript, spans_of

MOST_LINES = 4_000
"""Of one section of text that are made into rows; the last row says how many are left, and where they can be read."""
MOST_ROWS = 60_000
"""That those lines may become: they may be long."""


@dataclass(frozen=True)
class Look:
    """How a sheet is looked at."""

    width: int
    key: Key
    """What does an action, for rows and titles that say it."""
    is_beside: bool = False
    """Differences old beside new."""
    glyphs: dict[str, str] | None = None

    @property
    def bar(self) -> str:
        return self.sign("bar")

    def sign(self, name: str) -> str:
        """A sign by its name."""
        return (self.glyphs or UNICODE)[name]


class Row(NamedTuple):
    about: str
    """`line:adder.py:3`, `evidence:<sha256>`, `rule:Q1`; empty = nothing can be opened here."""
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Section:
    title: str | Callable[[Key], str]
    """Made of the keys where it names one. Empty for the first one, whose title is the object's own."""
    make: Callable[[Look], Iterable[Row]]
    kind: str = ""
    """`diff` for the difference that an answer is about."""


def sheet_items(sections: Sequence[Section], look: Look) -> tuple[Item, ...]:
    """All rows, each to be chosen; a key is `section.row about`."""
    items: list[Item] = []
    for number, section in enumerate(sections):
        rows = list(section.make(look))
        if not rows:
            continue
        if section.title:
            items.append(item(f"{number}.0 heading:{section.kind}", _heading(section.title, look)))
        items += [item(f"{number}.{place} {row.about}", *row.lines) for place, row in enumerate(rows, 1)]
    return tuple(items)


def evidence_title(key: Key) -> str:
    return f"evidence, {key('open')} opens"


def about_of(key: str) -> str:
    return key.partition(" ")[2]


def _heading(told: str | Callable[[Key], str], look: Look) -> Line:
    title = told if isinstance(told, str) else told(look.key)
    rule = (look.glyphs or UNICODE)["rule"]
    head = line((f"{rule * 2} ", "rule-line"), (f"{one_line(title, 200)} ", "heading"))
    return (*head, Span(rule * max(0, look.width - line_width(head)), "rule-line"))


# --- kinds of rows -------------------------------------------------------------------------------


def row(look: Look, *spans: Span | tuple[str, str] | str, about: str = "", indent: int = 1) -> Row:
    """Spans as one row, wrapped behind an indent."""
    gutter = (Span(" " * indent),)
    return Row(about, wrap_spans(line(*spans), look.width, gutter, (Span(" " * (indent + 2)),), by_words=True))


def text_rows(
    text: str, look: Look, indent: int = 1, about: str = "", *, numbered: bool = False, whole: str = ""
) -> Iterator[Row]:
    """Text that may be Markdown, wrapped, to the letter: no sign of it is left out, nothing in it is obeyed.

    `about` is what its rows are about; `numbered` adds the line, counted from 1; `whole` opens all of a long one.
    """
    if not text.strip():
        return
    document = Transcript(max(8, look.width - indent), max_rows=MOST_ROWS, max_pending=64_000_000)
    text, left = first_lines(text.rstrip("\n"), MOST_LINES)
    document.feed(text)
    while document.drain():
        pass
    for number in range(document.first, document.pushed + 1):
        found = document.row(number)
        if found is not None:
            style = spans_of(found._replace(text="", bold=False, code=False))[0].style
            spot = f"{about} {found.line + 1}" if numbered else about
            yield Row(spot, ((Span(" " * indent), Span(found.text, style)),))
    if left:
        told = f"{look.key('open')} shows the whole" if whole else "the evidence below opens whole"
        yield row(look, (f"{left:,} more lines; {told}", "warn"), about=whole)


def diff_rows(text: str, look: Look, whole: str = "") -> Iterator[Row]:
    """A difference; `whole` is what opens all of it when it is too long."""
    lines, left = diff_lines(text)
    if look.is_beside:
        for old, new in paired(lines):
            one = new or old
            assert one is not None
            yield Row(one.about, beside(old, new, look.width, look.bar))
    else:
        for one in lines:
            yield Row(one.about, unified(one, look.width))
    if left:
        yield row(look, (f"{left:,} more lines; {look.key('open')} shows the whole difference", "warn"), about=whole)


def finding_rows(findings: Sequence[Finding], look: Look) -> Iterator[Row]:
    for one in findings:
        spot = f" {one.path}:{one.line}" if one.path and one.line else f" {one.path}" if one.path else ""
        owed = " MUST BE ANSWERED" if one.must_answer else ""
        blocks = one.severity == "blocks"
        yield row(
            look,
            (f"{one.id or '-'} ", "strong"),
            (f"{'BLOCKS' if blocks else 'note'}{owed} ", "bad" if blocks else "dim"),
            one_line(one.title, 2_000),
            (f"{spot} [{one_line(one.by, 60)}]", "dim"),
            about=f"finding:{one.id}",
        )
        if one.detail and one.detail.strip() != one.title.strip():
            yield from text_rows(one.detail, look, indent=5)


def answer_rows(answers: Sequence[FindingAnswer], look: Look) -> Iterator[Row]:
    for one in answers:
        word = ("accepted", "ok") if one.accepted else ("NOT ACCEPTED", "bad")
        yield row(look, (f"{one.finding} ", "strong"), word, f": {one_line(one.reason, 2_000)}")


def match_rows(matches: Sequence[RuleMatch], look: Look) -> Iterator[Row]:
    """What rules and cards said: the strictest first, each with the way on."""
    for one in sorted(matches, key=lambda match: -match.decision.weight):
        style = {"deny": "bad", "ask": "ask"}.get(one.decision.value, "ok")
        where = f"  ({one_line(one.where, 300)})" if one.where else ""
        about = f"rule:{one.source}"
        yield row(
            look,
            (f"{one.decision.value.upper():<5} ", style),
            (f"{one_line(one.source, 60)} ", "strong"),
            one_line(one.reason, 2_000),
            (where, "dim"),
            about=about,
        )
        if one.instead:
            yield row(look, ("instead: ", "dim"), one_line(one.instead, 2_000), about=about, indent=7)
        if one.unanswered:
            told = ", ".join(one_line(name, 60) for name in one.unanswered)
            yield row(look, (f"nobody could tell: {told}; no answer means ask", "warn"), about=about, indent=7)


def evidence_rows(kept: Sequence[tuple[str, Evidence]], look: Look) -> Iterator[Row]:
    """What backs it, by sha256; Enter opens one."""
    seen: set[str] = set()
    for what, one in kept:
        if one.sha256 in seen:
            continue
        seen.add(one.sha256)
        yield row(
            look,
            (f"{one.sha256[:16]} ", "code"),
            (f"{one.size:>9,} B ", "dim"),
            f"{what}: {one_line(one.label, 300)}" if what else one_line(one.label, 300),
            about=f"evidence:{one.sha256}",
        )


def input_rows(inputs: Sequence[BriefInput], look: Look) -> Iterator[Row]:
    """What a brief holds whole."""
    for one in inputs:
        lines = f"{one.lines:>5} lines " if one.lines else " " * 12
        yield row(
            look,
            (f"{one_line(one.kind, 12):<10} ", "work"),
            (f"{one.sha256[:16]} ", "code"),
            (f"{one.size:>9,} B {lines}", "dim"),
            one_line(one.name, 300),
            about=f"sealed:{one.sha256}:{one.name}",
        )


def fact_rows(facts: Sequence[tuple[str, str, str]], look: Look) -> Iterator[Row]:
    """Name, value, style; what has no value is left out."""
    size = max((len(name) for name, value, _ in facts if value), default=0)
    for name, value, style in facts:
        if value:
            gutter = (Span(f" {name:<{size}}  ", "dim"),)
            told = harmless(value).replace("\n", " ")
            again = (Span(" " * (size + 3)),)
            yield Row("", wrap_spans((Span(told, style),), look.width, gutter, again, by_words=True))


def bullet_rows(texts: Sequence[str], look: Look) -> Iterator[Row]:
    for text in texts:
        yield row(look, ("- ", "dim"), one_line(text, 4_000))


def columns(cells: Sequence[Sequence[tuple[str, str]]], look: Look) -> Iterator[Row]:
    """Texts side by side: each cell a list of paragraphs with their styles; wrapped, never cut."""
    count = len(cells)
    if not count:
        return
    size = max(14, (look.width - count - 1) // count)
    made = [_column(cell, size) for cell in cells]
    for number in range(max(map(len, made))):
        spans: list[Span] = [Span(" ")]
        for place, column in enumerate(made):
            one = column[number] if number < len(column) else ()
            spans += [*one, Span(" " * max(0, size - line_width(one)))]
            spans += [Span(look.bar, "rule-line")] if place < count - 1 else []
        yield Row("", (tuple(spans),))


def _column(cell: Sequence[tuple[str, str]], size: int) -> list[Line]:
    rows: list[Line] = []
    for text, style in cell:
        for part in harmless(text).split("\n"):
            rows += [line((one, style)) if one else () for one in wrap_words(part, max(8, size - 1))]
    return rows
