"""How long history takes to become a state. `python -m bench.fold_bench` prints the rows."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import msgspec

from bench.rows import Row
from factory_tui.bootstrap.grounds import codec
from factory_tui.domain import events as e
from factory_tui.domain.charter import Document, document_of, seal
from factory_tui.domain.entries import Entry
from factory_tui.domain.evolve import fold
from factory_tui.domain.gate import Gate
from factory_tui.domain.terms import Action, Actor, Decision, Evidence, Finding, Ruling, Verdict

COUNT = 100_000
AT = "2026-01-01T00:00:00.000Z"
BY = Actor(kind="seat", name="builder/b1")
ALLOWED = Ruling(decision=Decision.ALLOW)
KEPT = Evidence(sha256="e" * 64, size=2_000, label="smoke output")
ACTIONS = 60
"""Of one turn, most of them read, edited or run."""


def history(count: int = COUNT) -> list[Entry]:
    """A repository's years: sessions of missions, tasks judged twice before they land, turns of many actions."""
    events: list[object] = []
    task = 0
    session = 0
    while len(events) < count:
        if task % 20 == 0:
            session += 1
            events += _session(session)
        task += 1
        events += _task(task)
    return [Entry(seq=seq, at=AT, by=BY, event=event) for seq, event in enumerate(events[:count], 1)]


def _session(number: int) -> list[object]:
    documents: tuple[Document, ...] = (document_of("memory/DNA.md", "# DNA\n" * 50),)
    law = seal(roles=(), rules=(), gate=Gate(), documents=documents)
    ended: list[object] = [
        e.DigestWritten(session=number - 1, path=f"memory/digests/{number - 1}.md", evidence=KEPT),
        e.SessionEnded(session=number - 1, reason="enough"),
    ]
    started: list[object] = [
        e.SessionStarted(
            session=number, version="1", charter=law.sha256, wall="bwrap", mode="flow", base_ref="m", base="b" * 40
        ),
        e.DigestAcknowledged(session=number - 1, sha256="d" * 64),
    ]
    return [
        *(ended if number > 1 else ()),
        *started,
        *([e.CharterAdopted(charter=law, why="new")] if number == 1 else ()),
    ]


def _task(n: int) -> list[object]:
    task, mission, base = f"T-{n}", f"M-{n}", "b" * 40
    opened = e.TaskOpened(
        task=task, mission=mission, role="builder", delivers="change", title="Add", goal="Add " * 40, paths=("src/**",)
    )
    found: list[object] = [
        e.MissionStated(mission=mission, text="Add", base_ref="m", base=base, target="refs/heads/x", small=True),
        opened,
    ]
    for attempt in (1, 2):
        found += _author(n, attempt)
        found += _review(n, attempt, Verdict.PASS if attempt == 2 else Verdict.FAIL)
    commit, tree = f"c{n}-2", f"t{n}-2"
    approved = e.ChangeApproved(
        approval=f"C-{n}", task=task, commit=commit, tree=tree, base=base, charter="c" * 64, sha256="a" * 64, expires=""
    )
    return [
        *found,
        approved,
        e.LandingCleared(task=task, approval=f"C-{n}", tree=tree, onto=base),
        e.LandingIntended(task=task, ref="refs/heads/x", old=base, new=commit),
        e.Landed(task=task, ref="refs/heads/x", old=base, new=commit, tree=tree),
        e.MissionEnded(mission=mission, outcome="done"),
        e.WorktreeKept(task=task, name=task, ref=f"refs/factory/kept/{task}/1"),
    ]


def _handed(n: int, number: int, to: str, purpose: str, attempt: int, turn: str) -> list[object]:
    handoff = f"H-{4 * n + number}"
    return [
        e.HandoffOffered(
            handoff=handoff,
            task=f"T-{n}",
            to=to,
            purpose="review" if purpose == "review" else "author",
            sent_by="factory",
            reason="next",
            attempt=attempt,
        ),
        e.BriefSealed(handoff=handoff, brief=KEPT, inputs=()),
        e.LevelJudged(task=f"T-{n}", level=1, verdict=Verdict.PASS, summary="within the card"),
        e.HandoffReleased(handoff=handoff, brief=KEPT.sha256),
        e.TurnStarted(
            turn=turn,
            task=f"T-{n}",
            handoff=handoff,
            role=to,
            attempt=attempt,
            seat="mind",
            control="brokered",
            brief=KEPT.sha256,
            wall="bwrap",
        ),
    ]


def _author(n: int, attempt: int) -> list[object]:
    turn, task, tree = f"builder/b{2 * n + attempt}", f"T-{n}", f"t{n}-{attempt}"
    found = _handed(n, 2 * attempt - 2, "builder", "author", attempt, turn)
    if attempt == 1:
        found.append(e.WorktreeOpened(task=task, name=task, base="b" * 40))
    first = (n * 2 + attempt) * (ACTIONS + 2)
    for number in range(ACTIONS):
        kind = ("read", "edit", "run")[number % 3]
        found += _action(turn, f"A-{first + number}", Action(kind=kind, path=f"src/{number % 9}.py"))  # type: ignore[arg-type]
        if number % 8 == 0:
            found.append(e.UsageNoted(turn=turn, usd=number / 100, tokens_in=number * 900, tokens_out=number * 90))
    commit = f"A-{first + ACTIONS}"
    allowed, ended = _action(turn, commit, Action(kind="commit", text="Add"))
    imported = e.TreeImported(
        task=task,
        turn=turn,
        action=commit,
        tree=tree,
        base="b" * 40,
        paths=("src/a.py",),
        added=3,
        removed=1,
        diff=KEPT,
        message="Add",
        author="builder",
    )
    judged = e.LevelJudged(
        task=task, level=2, verdict=Verdict.PASS, summary="3 passed", tree=tree, base="b" * 40, evidence=(KEPT,)
    )
    committed = e.Committed(task=task, commit=f"c{n}-{attempt}", tree=tree, base="b" * 40)
    over = e.HandedOver(task=task, turn=turn, commit=f"c{n}-{attempt}", note="done")
    return [*found, allowed, imported, judged, committed, ended, over, e.TurnEnded(turn=turn, outcome="ok")]


def _review(n: int, attempt: int, verdict: Verdict) -> list[object]:
    turn = f"quality/q{2 * n + attempt}"
    found = _handed(n, 2 * attempt - 1, "quality", "review", attempt, turn)
    findings = (Finding(title="sub adds", path="src/a.py", line=6),) if verdict is Verdict.FAIL else ()
    judged = e.LevelJudged(
        task=f"T-{n}",
        level=3,
        verdict=verdict,
        summary="looked",
        tree=f"t{n}-{attempt}",
        commit=f"c{n}-{attempt}",
        base="b" * 40,
        findings=findings,
        turn=turn,
    )
    return [*found, judged, e.TurnEnded(turn=turn, outcome="ok")]


def _action(turn: str, id: str, action: Action) -> tuple[object, object]:
    allowed = e.ActionAllowed(id=id, turn=turn, action=action, sha256="f" * 64, ruling=ALLOWED)
    return allowed, e.ActionEnded(id=id, result="ok", summary="1200 characters")


def milliseconds(work: Callable[[], object], rounds: int = 3) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def run() -> list[Row]:
    entries = history()
    lines = [msgspec.json.encode(entry) for entry in entries]
    known = codec()
    assert known.decode(1, known.encode([entries[-1].event])) == (entries[-1].event,)

    def parsed_only() -> None:
        for line in lines:
            json.loads(line)

    return [
        Row(
            name=f"fold {len(entries):,} events",
            value=milliseconds(lambda: fold(entries)),
            unit="ms",
            baseline_name="json.loads of the same lines",
            baseline_value=milliseconds(parsed_only),
            bound=500,
        )
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
