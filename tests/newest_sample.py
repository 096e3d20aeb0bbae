"""The newest sample of a ledger, played: `python tests/newest_sample.py` writes it again, with its state beside it.

New events get their lines at the end of `play`. Once a release has shipped it, a sample is never written again and the
next one begins.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import msgspec
from heart import BASE, MAIN, SUPERVISOR, Heart, approved, charter, reviewed, some_packages
from msgspec.structs import replace

from factory_tui.adapters.ledger import Ledger
from factory_tui.bootstrap.grounds import codec
from factory_tui.domain import commands as c
from factory_tui.domain.evolve import fold
from factory_tui.domain.seals import action_sha256
from factory_tui.domain.terms import Action, Actor

HERE = Path(__file__).parent / "samples" / "ledger-events-3.jsonl"
REPO = "0123456789abcdef0123456789abcdef"
ROLES = ("ceo", "builder", "quality")


def play() -> Heart:
    heart = Heart()
    law = charter()
    heart.start_session(replace(law, roles=tuple(card for card in law.roles if card.id in ROLES), rules=()))
    heart.do(c.OpenSmallTask(text="Add subtraction", role="builder", base_ref=MAIN, base=BASE), SUPERVISOR)
    turn = heart.begin()
    seat = Actor(kind="seat", name=turn)
    heart.do(c.NoteConversation(turn=turn, conversation="msg_1", model="some-model"), seat)
    heart.do(c.NoteSeat(turn=turn, kind="retry", text="overloaded: again in 4 s (2/5)"), seat)
    heart.do(c.DenyTool(turn=turn, tool="teleport", reason="no such tool", sha256="0" * 64), seat)
    usage = c.NoteUsage(
        turn=turn, usd=0.5, tokens_in=10, tokens_out=20, tokens_cached=30, tokens_written=40, model="some-model"
    )
    heart.do(usage, seat)
    look = Action(kind="read", path="README.md")
    heart.do(c.RequestAction(turn=turn, action=look, sha256=action_sha256(look)), seat)
    (action,) = heart.state.turns[turn].open
    came = c.RecordPackages(turn=turn, action=action, fetched=some_packages())
    heart.do(came, Actor(kind="factory", name="packages"))
    heart.do(c.EndAction(id=action, result="ok"), seat)
    heart.commit()
    heart.hand_over()
    reviewed()(heart)
    approved()(heart)
    heart.check_landing()
    heart.attest()
    return heart


async def write(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        name = Path(folder) / "ledger.jsonl"
        entries = play().entries
        ledger = Ledger.open(str(name), repo_id=REPO, codec=codec(), at=entries[0].at)
        for entry in entries:
            ledger.append((entry.event,), entry.by, entry.at)
            await ledger.durable(entry.seq)
        ledger.close()
        path.write_bytes(name.read_bytes())
    state = fold(Ledger.read(str(path), codec=codec()).entries)
    text = msgspec.json.format(msgspec.json.encode(state, order="sorted"), indent=1)
    path.with_suffix(".state.json").write_bytes(text + b"\n")


if __name__ == "__main__":
    asyncio.run(write(HERE))
