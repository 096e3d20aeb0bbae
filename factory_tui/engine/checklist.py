"""What a session stands on, line by line. The start-up does the work; each line is told when its check really ended.

A line that failed says what, and how it is mended. Nothing here asks the world: whoever did the work hands it in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from factory_tui.domain import assurance
from factory_tui.domain.charter import Charter
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.law import rulebook_of
from factory_tui.domain.plurals import count
from factory_tui.domain.staffing import Budgets
from factory_tui.domain.state import State
from factory_tui.domain.waiting import waiting

CheckLine = Literal[
    "ledger", "repository", "dna", "rules", "knowledge", "smoke", "wall", "evidence", "seats", "budget", "handoffs"
]
LINES: Mapping[CheckLine, str] = {
    "ledger": "ledger",
    "repository": "repository",
    "dna": "DNA",
    "rules": "rules",
    "knowledge": "knowledge",
    "smoke": "smoke command",
    "wall": "wall",
    "evidence": "evidence",
    "seats": "seats",
    "budget": "budget",
    "handoffs": "open handoffs",
}
"""In the order in which they are looked at."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One line as it stands."""

    line: CheckLine
    verdict: Literal["running", "ok", "warn", "fail"]
    told: str = ""
    """What was found."""
    mend: str = ""
    """What to do about it; empty when nothing is wrong."""
    news: tuple[str, ...] = ()
    """What of it is new since the last session."""


Report = Callable[[Checked], None]


def unheard(checked: Checked) -> None:
    """Where nobody watches the start."""


class Checklist:
    """Tells one start's lines."""

    def __init__(self, report: Report) -> None:
        self.tell = report

    @contextmanager
    def running(self, *lines: CheckLine) -> Iterator[None]:
        """Says that these lines are being looked at; a refusal meanwhile is what they found."""
        for line in lines:
            self.tell(Checked(line=line, verdict="running"))
        try:
            yield
        except FactoryError as error:
            told = error.in_a_line
            for line in lines:
                self.tell(Checked(line=line, verdict="fail", told=told, mend=error.next_step))
            raise

    def tell_all(self, *checked: Checked) -> None:
        for one in checked:
            self.tell(one)


def evidence_line(level: str, unsigned: str) -> Checked:
    """How far what lands in this session can be trusted by others."""
    if level:
        return Checked(line="evidence", verdict="ok", told=assurance.told(level))
    problem, _, mend = unsigned.partition(": ")
    return Checked(line="evidence", verdict="warn", told=f"nothing is signed: {problem}", mend=mend)


def ledger_line(entries: int, torn_bytes: int) -> Checked:
    if torn_bytes:
        told = f"{entries} entries; a torn end of {torn_bytes} bytes was cut and kept"
        return Checked(line="ledger", verdict="warn", told=told, mend="`factory verify` proves the chain")
    return Checked(line="ledger", verdict="ok", told=f"{entries} entries, the chain holds")


def repository_line(state: State, base_ref: str, base: str, moved: tuple[int, int] | None) -> Checked:
    """`state` is the one before this session; `moved` how many commits are new on the base, and how many are gone
    from it; None = it was never looked at before."""
    name = base_ref.removeprefix("refs/heads/")
    told = f"{name} at {base[:10]}"
    if state.base_ref and base_ref != state.base_ref:
        news = (f"the base is another branch: {name}, it was {state.base_ref.removeprefix('refs/heads/')}",)
        return Checked(line="repository", verdict="ok", told=told, news=news)
    if moved is None or moved == (0, 0):
        return Checked(line="repository", verdict="ok", told=told)
    new, gone = moved
    words = [f"+{count(new, 'commit')}"] if new else []
    words += (
        [f"{count(gone, 'commit')} of the last session's base {'is' if gone == 1 else 'are'} gone from it"]
        if gone
        else []
    )
    return Checked(
        line="repository",
        verdict="warn" if gone else "ok",
        told=f"{told}, {', '.join(words)}",
        mend="somebody rewrote the base; look at `git reflog` before anything lands" if gone else "",
        news=(f"base {name} {', '.join(words)}, now {base[:10]}",),
    )


def law_lines(charter: Charter) -> tuple[Checked, ...]:
    """What the charter in force brings: each line looked at here once more, not believed."""
    dna = charter.dna
    if dna is None:
        read = Checked(line="dna", verdict="fail", told="there is no memory/DNA.md", mend="write one and commit it")
    elif hashlib.sha256(dna.text.encode()).hexdigest() != dna.sha256:
        read = Checked(line="dna", verdict="fail", told="it is not what its sha256 says", mend="run `factory check`")
    else:
        size = len(dna.text.encode())
        read = Checked(line="dna", verdict="ok", told=f"read whole, {size} bytes, sha256 {dna.sha256[:12]}")
    unenforced = sum(not one.enforced for one in rulebook_of(charter).enforcement())
    rules = f"{len(charter.rules)} loaded, each caught its own incident"
    rules += f"; {unenforced} not enforced" if unenforced else ""
    smoke = charter.gate.smoke.command
    known = len(charter.knowledge)
    return (
        read,
        Checked(line="rules", verdict="ok", told=rules),
        Checked(line="knowledge", verdict="ok", told=count(known, "document")),
        Checked(line="smoke", verdict="ok", told=smoke)
        if smoke
        else Checked(
            line="smoke",
            verdict="fail",
            told="none: level 2 cannot run, so nothing can be committed",
            mend="set `command` under [smoke] in factory.toml and commit it",
        ),
    )


def wall_line(label: str, why_none: str) -> Checked:
    if not why_none:
        return Checked(line="wall", verdict="ok", told=f"{label}, tried from inside")
    return Checked(line="wall", verdict="warn", told=f"{label}: {why_none}", mend="`factory doctor` looks for one")


def seats_line(charter: Charter, kinds: Mapping[str, str], broken: Mapping[str, str]) -> Checked:
    """`kinds` by role; `broken`: why a kind cannot be opened, or a role not be filled."""
    numbers: dict[str, int] = {}
    for kind in kinds.values():
        numbers[kind] = numbers.get(kind, 0) + 1
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(numbers.items()))
    told = f"{len(charter.roles)} roles: {told}"
    if not broken:
        return Checked(line="seats", verdict="ok", told=told)
    why = "; ".join(f"{name}: {reason}" for name, reason in broken.items())
    return Checked(
        line="seats",
        verdict="fail" if set(kinds.values()) <= set(broken) else "warn",
        told=f"{told}; {why}",
        mend="name another kind under [seats] in factory.toml; `factory doctor --probe` shows each limit",
    )


def budget_line(charter: Charter, ceilings: Budgets) -> Checked:
    """What one turn may use at most, and what the user's own settings allow a day."""
    most = max(charter.roles, key=lambda card: card.budget.usd)
    told = f"a turn at most ${most.budget.usd:.2f} and {most.budget.minutes:.0f} min ({most.id})"
    for name, bounds in (("session", ceilings.session), ("day", ceilings.day)):
        told += f"; a {name} at most ${bounds.usd:.2f}" if bounds.usd else ""
    return Checked(line="budget", verdict="ok", told=told)


def handoffs_line(state: State, conflicts: Mapping[str, tuple[str, ...]]) -> Checked:
    """`conflicts`: paths in which a task's change and the base as it is now cannot be merged."""
    waits = sum(item.kind == "handoff" for item in waiting(state))
    told = f"{count(len(state.tasks), 'open task')}, {waits} waiting for you"
    news = tuple(f"{task} now conflicts with the base in {', '.join(paths)}" for task, paths in conflicts.items())
    return Checked(
        line="handoffs",
        verdict="warn" if conflicts else "ok",
        told="; ".join((told, *news)),
        mend="answer its approval with `reject`: a fresh turn starts from the base as it is" if conflicts else "",
        news=news,
    )
