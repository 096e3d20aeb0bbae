"""The sample of a ledger with rules that are committed: `python tests/committing_sample.py` writes it again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import newest_sample
from heart import BASE, MAIN, SUPERVISOR, Heart, evidence
from test_incidents import adopt, proven, rule, run, small_law, told, with_rules, worked

from factory_tui.domain import commands as c
from factory_tui.domain.terms import Attested

HERE = Path(__file__).parent / "samples" / "ledger-events-3-committing.jsonl"
MADE = "d" * 40


def play() -> Heart:
    heart = worked("make test", law=small_law()).heart
    told(heart, run(heart, "make serve --port 80"))
    proven(heart, rule())
    record = "memory/incidents/I-1.md"
    written = c.RecordRuleWritten(incident="I-1", path="rules/P101.md", record=record, kept=evidence("the record"))
    heart.do(written, SUPERVISOR)
    adopt(heart, with_rules(heart.state.law, rule()))
    heart.do(c.SettleRuleCommit(incident="I-1", why="HEAD is detached"))
    heart.do(c.IntendRuleCommit(incident="I-1", ref=MAIN, old=BASE, new=MADE, checkout="/there"))
    said = Attested(
        kind="approval", of=f"by hand:{MADE}", commit=MADE, signer="supervisor", envelope=evidence("a signed line")
    )
    heart.do(c.SettleRuleCommit(incident="I-1", commit=MADE, ref=MAIN, statement=said))
    return heart


if __name__ == "__main__":
    newest_sample.play = play
    asyncio.run(newest_sample.write(HERE))
