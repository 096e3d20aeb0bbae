"""The sample of a ledger with deployments, played: `python tests/deployments_sample.py` writes it, with its state."""

from __future__ import annotations

import asyncio
from pathlib import Path

import newest_sample
from heart import BASE, DEPLOY, SUPERVISOR, Heart, approved, charter, evidence, reviewed
from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain.releasing import FLOOR
from factory_tui.domain.terms import Actor, Attested, CheckRow

HERE = Path(__file__).parent / "samples" / "ledger-events-3-deployments.jsonl"
OTHER = Actor(kind="supervisor", name="supervisor:eve@script")


def play() -> Heart:
    heart = Heart()
    law = charter(deploy=DEPLOY)
    roles = tuple(card for card in law.roles if card.id in newest_sample.ROLES)
    heart.start_session(replace(law, roles=roles, rules=()))
    heart.do(c.OpenSmallTask(text="Add", role="builder", base_ref="refs/heads/main", base=BASE), SUPERVISOR)
    heart.begin()
    heart.commit()
    heart.hand_over()
    reviewed()(heart)
    approved()(heart)
    heart.check_landing()
    heart.intend()
    heart.do(c.SettleLanding(task="T-1", landed=True))
    commit = heart.task().landed_as
    nothing, there = c.Running(known=True), c.Running(known=True, commit=commit)
    wish = c.ProposeDeployment(environment="live", commit="", base=BASE, running=nothing)
    heart.do(wish, OTHER)
    heart.answer("DP-1", "reject", "not today")
    heart.do(wish, OTHER)
    heart.answer("DP-2", "approve")
    heart.do(c.RefuseDeployment(deployment="DP-2", reason="the base moved"))
    heart.do(wish, OTHER)
    heart.answer("DP-3", "approve")
    heart.do(c.IntendDeployment(deployment="DP-3", base=BASE, running=nothing))
    heart.do(c.SettleDeployment(deployment="DP-3", running=there, exit_code=0, evidence=(evidence("out"),)))
    rows = tuple(CheckRow(id=id, verdict="fail" if id == "V01" else "pass", reason="down") for id in FLOOR)
    heart.do(c.CheckDeployment(deployment="DP-3", rows=rows, figures={"rows": 9.0}, evidence=evidence("rows")))
    heart.do(c.IntendRollback(deployment="DP-3"))
    heart.do(c.SettleRollback(deployment="DP-3", running=c.Running(known=False, why_unknown="silent")))
    heart.answer("DP-3", "look")
    heart.do(c.SettleRollback(deployment="DP-3", running=c.Running(known=False, why_unknown="silent")))
    heart.answer("DP-3", "drop", "nobody knows")
    heart.do(c.RegisterRelease(environment="live", commit=commit, running=there, reason="by CI"), SUPERVISOR)
    heart.do(c.CheckDeployment(deployment="DP-4", rows=tuple(CheckRow(id=id, verdict="pass") for id in FLOOR)))
    said = Attested(kind="deployment", of="x", commit=commit, signer="factory", envelope=evidence("line"))
    heart.do(c.RecordDeploymentStatement(deployment="DP-4", statement=said))
    heart.do(c.RecordDeploymentKept(deployment="DP-4"))
    heart.do(c.Freeze(reason="it bleeds", landings=True), SUPERVISOR)
    heart.do(c.Unfreeze(reason="healed"), SUPERVISOR)
    return heart


if __name__ == "__main__":
    newest_sample.play = play
    asyncio.run(newest_sample.write(HERE))
