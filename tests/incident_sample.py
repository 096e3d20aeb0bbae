"""The sample of a ledger with incidents, played: `python tests/incident_sample.py` writes it again, with its state."""

from __future__ import annotations

import asyncio
from pathlib import Path

import newest_sample
from heart import SUPERVISOR, Heart, evidence
from test_incidents import adopted, drafted, proven, rule, run, small_law, told, worked

from factory_tui.domain import commands as c

HERE = Path(__file__).parent / "samples" / "ledger-events-3-incidents.jsonl"


def play() -> Heart:
    story = worked("make test", law=small_law())
    heart = story.heart
    seq = run(heart, "make serve --port 80")
    told(heart, seq, freeze=True)
    heart.do(c.PickEvidence(incident="I-1", add=(1,)), SUPERVISOR)
    heart.do(c.PickEvidence(incident="I-1", remove=(1,)), SUPERVISOR)
    drafted(heart, rule())
    proven(heart, rule())
    adopted(heart, rule())
    heart.do(c.Unfreeze(reason="it is up again"), SUPERVISOR)
    heart.do(c.OpenIncident(title="Port 80 again", repeats="I-1", freeze=False), SUPERVISOR)
    heart.do(c.CloseIncident(incident="I-1", reason=f"the kernel was old: {evidence('x').label}"), SUPERVISOR)
    return heart


if __name__ == "__main__":
    newest_sample.play = play
    asyncio.run(newest_sample.write(HERE))
