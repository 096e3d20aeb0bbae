"""What is new since the supervisor left: said first, before anything else of a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from factory_tui.domain import events as e
from factory_tui.domain.charter import changed_documents
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import State
from factory_tui.domain.waiting import waiting
from factory_tui.domain.wording import worded
from factory_tui.tui.harmless import one_line
from factory_tui.tui.present.floor import KIND_WORDS
from factory_tui.tui.present.history import tag_of
from factory_tui.tui.present.words import since

MOST = 30


def away_lines(entries: Iterable[Entry], state: State, news: Sequence[str] = ()) -> list[str]:
    """Facts, the ones that need somebody first. Empty = nothing is new."""
    known = list(entries)
    lines = [
        f"{KIND_WORDS[one.kind]} {one.id}: {one_line(one.title, 200)}" for one in waiting(state) if one.kind != "digest"
    ]
    starts = [entry for entry in known if isinstance(entry.event, e.SessionStarted)]
    if len(starts) < 2:
        return lines[:MOST]
    now, then = starts[-1], starts[-2]
    lines += news
    lines += _between(then.event, now.event, has_base=bool(news))  # type: ignore[arg-type]
    lines += _documents(known, now)
    left = next((entry.seq for entry in reversed(known) if isinstance(entry.event, e.SessionEnded)), now.seq)
    lines += [_answered(entry) for entry in known if left < entry.seq < now.seq and entry.by.kind == "supervisor"]
    lines += [line for entry in known if entry.seq >= now.seq and (line := _news(entry))]
    return lines[:MOST]


def _documents(known: Sequence[Entry], now: Entry) -> list[str]:
    """Documents of the home that are others than in the session before."""
    laws = [(entry.seq, entry.event.charter) for entry in known if isinstance(entry.event, e.CharterAdopted)]
    if len(laws) < 2 or laws[-1][0] < now.seq:
        return []
    names = changed_documents(laws[-2][1], laws[-1][1])
    return [f"changed in the home: {', '.join(names[:8])}" + (f" and {len(names) - 8} more" if names[8:] else "")]


def _answered(entry: Entry) -> str:
    """What the supervisor did from another shell while no session was open."""
    where = entry.by.name.rpartition("@")[2] or "elsewhere"
    told = " ".join(
        f"{value}"
        for name in ("id", "task", "handoff", "proposal", "digest", "reason")
        if (value := getattr(entry.event, name, ""))
    )
    return f"you, by {where}: {tag_of(entry)} {one_line(told, 120)}".rstrip()


def _between(then: e.SessionStarted, now: e.SessionStarted, *, has_base: bool) -> list[str]:
    """What the world did to the ground that the factory stands on."""
    found = []
    name = now.base_ref.removeprefix("refs/heads/")
    if now.base_ref != then.base_ref:
        found.append(f"the base is another branch: {name}, it was {then.base_ref.removeprefix('refs/heads/')}")
    elif now.base != then.base and not has_base:
        found.append(f"{name} moved from {then.base[:10]} to {now.base[:10]}")
    if now.charter != then.charter:
        found.append(f"roles, rules or settings changed: charter {now.charter[:10]}, it was {then.charter[:10]}")
    if now.version != then.version:
        found.append(f"the factory is version {now.version}, it was {then.version}")
    if now.wall != then.wall:
        found.append(f"the wall is {now.wall}, it was {then.wall}")
    if now.recovered:
        found.append("the session before did not end: its process was gone; its digest was written since")
    return found


def _news(entry: Entry) -> str:
    match entry.event:
        case e.LedgerRepaired(damage=why) if why:
            return worded(entry.event)
        case e.LedgerRepaired(dropped_bytes=dropped, saved_as=place):
            return f"the ledger's torn end was cut, {dropped} bytes, kept as {one_line(place, 120)}"
        case e.TurnEnded(turn=turn, outcome="interrupted"):
            return f"{turn} was cut off; its worktree stays as it is"
        case e.ApprovalStale(task=task, reason=reason):
            return f"the approval of {task} is stale: {one_line(reason, 160)}"
        case e.TaskStuck(task=task, reason=reason):
            return f"{task} is stuck: {one_line(reason, 160)}"
        case e.JobCrashed(job=job, error=error):
            return f"{one_line(job, 60)} crashed: {one_line(error, 160)}"
        case _:
            return ""


def away_text(entries: Iterable[Entry], state: State, news: Sequence[str] = ()) -> str:
    """One line when nothing is new, and when the supervisor left. `news` is what the start-up found in the world."""
    known = list(entries)
    start = next((entry.seq for entry in reversed(known) if isinstance(entry.event, e.SessionStarted)), 0)
    left = next((entry for entry in reversed(known) if entry.seq < start), None)
    ago = f", {since(left.at, state.at)} ago" if left else ""
    lines = away_lines(known, state, news)
    if not lines:
        return f"Nothing is new since you left{ago}."
    return f"Since you left{ago}:\n" + "\n".join(f"- {line}" for line in lines)
