"""An action that waits for the supervisor: what, where, why, which rule, and what each answer would cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from factory_tui.domain import events as e
from factory_tui.domain.asking import alike, may_last_the_session
from factory_tui.domain.card_drafts import CardDraft
from factory_tui.domain.entries import Entry
from factory_tui.domain.harmless import spelt, unseen
from factory_tui.domain.plurals import count
from factory_tui.domain.state import Ask, Grant, State
from factory_tui.domain.terms import Action
from factory_tui.engine.exhibits import difference
from factory_tui.tui.chronicle import Chronicle
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Line, cut_line, item, line
from factory_tui.tui.present.exhibit import WHOLE, Exhibit
from factory_tui.tui.present.sheets import (
    Look,
    Row,
    Section,
    bullet_rows,
    diff_rows,
    fact_rows,
    match_rows,
    row,
    text_rows,
)
from factory_tui.tui.present.words import Setting

AT_ONCE = 20_000
"""Characters of an action that stand on its card; beyond them it is opened as a text of its own."""


def ask_exhibit(state: State, ask: Ask, chronicle: Chronicle) -> Exhibit:
    """The whole action stands last, as the factory got it."""
    action = ask.action
    plain = msgspec.to_builtins(action)
    hidden = unseen(plain)
    whole = spelt(msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=2).decode())
    left = max(0, len(whole) - AT_ONCE) if hidden else 0
    sections = [
        Section("what", lambda look: _what(action, hidden, look)),
        Section("where", lambda look: _where(state, ask, look)),
        Section(
            lambda key: f"why it is asked, {key('open')} opens the rule",
            lambda look: match_rows(ask.ruling.matches, look),
        ),
        Section("what the seat says it is for", lambda look: _purpose(state, ask, chronicle, look)),
        Section("what your answer covers", lambda look: fact_rows(_covers(state, ask), look)),
        Section("asked alike, settled by the same answer", lambda look: bullet_rows(_others(state, ask), look)),
        Section("the same, before", lambda look: bullet_rows(before(ask, chronicle.entries), look)),
        Section("the action as it came", lambda look: _as_it_came(whole, left, look)),
    ]
    told = f"beyond this card: {count(left, 'character')} more" if left else ""
    return Exhibit(tuple(sections), unread=told, whole=(("the action as it came", whole),))


def _as_it_came(whole: str, left: int, look: Look) -> Iterator[Row]:
    """To the letter; what hides something is told in pieces, for each sign of it takes many."""
    shown = whole[: len(whole) - left]
    yield from text_rows(f"```\n{shown}\n```", look, whole=WHOLE)
    if left:
        told = f"{left:,} more characters; {look.key('open')} shows the whole, and then it can be allowed"
        yield row(look, (told, "warn"), about=WHOLE)


def _what(action: Action, hidden: int, look: Look) -> Iterator[Row]:
    told = f"{count(hidden, 'character')} that no screen shows; below, as it came, each stands by its number"
    yield from fact_rows(
        [
            ("HIDDEN", told if hidden else "", "bad"),
            ("kind", action.kind, "strong"),
            ("command", _start(action.command), "strong"),
            ("path", _start(action.path), "strong"),
            ("takes", f"{action.resource} {_start(action.target)}".strip() if action.kind == "fetch" else "", "strong"),
            ("to", _start(action.target) if action.kind != "fetch" else "", "strong"),
            ("deletes it", "yes" if action.delete else "", "bad"),
            ("words", _start(action.text), "text"),
        ],
        look,
    )
    if action.old or action.new:
        yield from diff_rows(difference(action.old, action.new, action.path), look)
    elif action.content is not None:
        yield from text_rows(f"```\n{action.content}\n```", look, indent=3)


def _start(text: str) -> str:
    return text if len(text) <= AT_ONCE else f"{text[:AT_ONCE]} [{len(text) - AT_ONCE:,} characters more, below]"


def _where(state: State, ask: Ask, look: Look) -> Iterator[Row]:
    task, turn = state.tasks.get(ask.task), state.turns.get(ask.turn)
    told = f"{ask.task} {task.title}, attempt {task.attempt}" if task else ask.task
    seat = (
        f"{turn.seat}, {turn.control}; {count(turn.actions, 'action')} so far, {turn.denied} denied"
        if turn
        else "ended"
    )
    yield from fact_rows(
        [
            ("turn", f"{ask.turn}, the {ask.role}", "text"),
            ("task", told, "text"),
            ("seat", seat, "text"),
            ("wall", state.wall, "warn" if state.wall.startswith("none") else "text"),
        ],
        look,
    )


def _purpose(state: State, ask: Ask, chronicle: Chronicle, look: Look) -> Iterator[Row]:
    """The seat's last words: evidence of nothing, but often the reason."""
    story = chronicle.stories.get(ask.turn)
    if story is None:
        return
    words = [text for text in story.transcript.text().split("\n") if text.strip() and text[:1] not in "+?x="]
    yield from text_rows("\n".join(words[-6:]), look)


def _others(state: State, ask: Ask) -> list[str]:
    return [
        f"{one.id} {one.turn} on {one.task}, sha256 {one.sha256[:16]}" for one in alike(state, ask) if one.id != ask.id
    ]


def _covers(state: State, ask: Ask) -> list[tuple[str, str, str]]:
    session, runs = may_last_the_session(state, ask), ask.action.kind == "run"
    one = f"{ask.action.kind} {one_line(ask.action.object, 400)}"
    longer = f"every `{one}` by the {ask.role} on {ask.task}, until it is over or you revoke it"
    return [
        ("allow once", f"this one action, sha256 {ask.sha256[:16]}; asked again, it waits again", "text"),
        (
            "for task",
            longer if ask.may_be_remembered else f"never: {_what_kind(ask.action)} is asked for each time",
            "text",
        ),
        *([("for session", f"every `{one}` by the {ask.role} until this session ends", "text")] if session else []),
        *(
            [("edit", "another command runs instead, by its own sha256; card and rules are asked again", "text")]
            if runs
            else []
        ),
        ("deny", "the seat is told your reason, and goes on another way", "text"),
        ("nothing", "it waits; it never becomes allowed by itself", "dim"),
    ]


def _what_kind(action: Action) -> str:
    return f"a {action.resource}" if action.resource else f"`{action.kind}`"


def before(ask: Ask, entries: Iterable[Entry]) -> list[str]:
    """How equal asks were answered: role, kind and object alike."""
    alike: dict[str, str] = {}
    found = []
    for entry in entries:
        match entry.event:
            case e.ActionAsked(id=id, turn=turn, action=action) if id != ask.id:
                if (action.kind, action.object) == (ask.action.kind, ask.action.object):
                    alike[id] = turn
            case e.AskAnswered(id=id, allowed=allowed, reason=reason) if id in alike:
                told = "allowed" if allowed else "DENIED"
                why = f": {one_line(reason, 200)}" if reason else ""
                found.append(f"{entry.at[:16].replace('T', ' ')} {alike[id]} {told}{why}  #{entry.seq}")
    return found


# --- grants --------------------------------------------------------------------------------------


def grant_items(state: State, setting: Setting) -> list[Item]:
    """Everything that was allowed for longer than the moment, and still holds."""
    return [item(f"grant:{grant.id}", cut_line(_grant(state, grant), setting.width)) for grant in state.grants.values()]


def _grant(state: State, grant: Grant) -> Line:
    scope = "once, not used yet" if grant.once else f"until {grant.task} is over" if grant.task else "this session"
    task = state.tasks.get(grant.task)
    where = f"{grant.task} {one_line(task.title, 40)}" if task else grant.task or "every task"
    return line(
        (f" {grant.id:<5}", "strong"),
        (f"{one_line(grant.role, 14):<14} ", "work"),
        (f"{grant.kind} {one_line(grant.object, 120)}", "text"),
        (f"  {where}  {scope}", "dim"),
        (f"  for rules {', '.join(grant.rules)}" if grant.rules else "", "warn"),
    )


def draft_key(draft: CardDraft) -> str:
    return f"draft:{draft.role} {draft.entry}"


def draft_items(drafts: Iterable[CardDraft], setting: Setting) -> list[Item]:
    """What was asked again and again and always allowed: it could be settled on the role's card."""
    rows = []
    for draft in drafts:
        spans = line(
            (" card?  ", "ask"),
            (f"{one_line(draft.role, 14):<14} ", "work"),
            (one_line(draft.entry, 200), "text"),
            (f"  asked {draft.asked}, allowed {draft.asked}, by {', '.join(draft.rules)}", "dim"),
        )
        rows.append(item(draft_key(draft), cut_line(spans, setting.width)))
    return rows


def draft_parts(draft: CardDraft) -> list[tuple[str, str]]:
    """What the line would do, before anybody writes it."""
    told = (
        f"Asked {draft.asked} times by {', '.join(draft.rules)}, allowed each time as it was.\n\n"
        f"On the card of {draft.role}, roles/{draft.role}.md, it would stand under `settled`:\n\n"
        f"```\n{draft.line}\n```\n\n"
        "Exactly this is then allowed without a question, to the letter, in every task of that role. Denials stand; "
        "what comes in from outside, changes the law or deploys is asked for as before.\n\n"
        "Nothing is allowed by writing it: the changed card waits for you with its difference, and is in force from "
        "the next task once you adopt it. Commit it, as any file of the home."
    )
    return [(draft.entry, told)]


def grant_parts(state: State, id: str) -> list[tuple[str, str]]:
    grant = state.grants.get(id)
    if grant is None:
        return [(id, "It is used up, over or revoked.")]
    told = msgspec.json.format(msgspec.json.encode(grant, order="sorted"), indent=2).decode()
    return [(id, f"```\n{told}\n```")]
