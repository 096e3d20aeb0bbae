"""Commands out of the blue: whatever somebody may say, about anything, whether it makes sense or not."""

from __future__ import annotations

from random import Random

from heart import BASE, FACTORY, MAIN, SUPERVISOR, Heart, change, evidence

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.charter import Charter
from factory_tui.domain.staffing import Bounds
from factory_tui.domain.terms import Action, Actor, SeatFacts, Verdict

OUTCOMES: tuple[e.Outcome, ...] = ("ok", "ok", "ok", "interrupted", "failed", "stalled", "truncated")
ROLES = ("builder", "builder", "tech_writer", "discovery", "quality", "wizard", "ceo")


def nonsense(heart: Heart, dice: Random, law: Charter) -> str:
    """One command out of the blue, by anybody; what it was."""

    def id(prefix: str) -> str:
        return f"{prefix}-{dice.randrange(1, 5)}"

    turn = dice.choice((*heart.state.turns, f"builder/b{dice.randrange(1, 5)}", ""))
    tree, commit = dice.choice(("a1", "zz")), dice.choice(("commit-a1", "zz"))
    commands: tuple[c.Command, ...] = (
        c.EndSession(reason="x"),
        c.RecordDigest(session=dice.randrange(5), path="x.md", evidence=evidence("x"), problem=dice.choice(("", "S"))),
        c.SealBrief(handoff=id("H"), brief=evidence("x"), inputs=()),
        c.RefuseBrief(handoff=id("H"), size=9, limit=8, largest="dna"),
        c.ReleaseHandoff(handoff=id("H")),
        c.RecordWorktree(task=id("T"), name="x", base=BASE),
        c.RecordKept(task=id("T"), name="x", ref="refs/x"),
        c.StartTurn(
            handoff=id("H"),
            seat="mind",
            facts=SeatFacts(control="rehearsed", gates_every_call=True, contained=True),
            person="",
            brief="0",
        ),
        c.RecordLimits(control="rehearsed", wall=dice.choice(("none", "bwrap"))),
        c.LeaveUnseated(handoff=id("H"), seat="mind", reason="a limit is red"),
        c.EndTurn(turn=turn, outcome=dice.choice(OUTCOMES)),
        c.EndTurn(turn=turn, outcome="interrupted", cause=dice.choice(("network", "rate limit"))),
        c.TryWorld(wait=id("X")),
        c.SeatRole(role=dice.choice(ROLES), seat=dice.choice(("", "human", "mind/small"))),
        c.RaiseBudget(scope=dice.choice(("day", "session", "role:builder", "turn:T-1")), by=Bounds(usd=1.0)),
        c.NoteUsage(turn=turn, usd=dice.choice((None, 0.5, 99.0)), tokens_in=1, tokens_out=dice.randrange(9)),
        c.EndAction(id=id("A"), result=dice.choice(("ok", "error", "killed"))),
        c.ImportTree(
            turn=turn, action=id("A"), tree=tree, base=BASE, change=change("x.py"), diff=evidence("d"), message="m"
        ),
        c.JudgeSmoke(task=id("T"), tree=tree, base=BASE, verdict=Verdict.PASS, summary="s", tests_passed=1),
        c.RecordCommit(task=id("T"), tree=tree, commit=commit),
        c.CheckLanding(task=id("T"), onto=dice.choice((BASE, "d" * 40)), merged=dice.choice(("", "mm"))),
        c.IntendLanding(task=id("T"), ref=dice.choice((MAIN, "refs/heads/factory/T-1")), old=BASE, new=commit),
        c.SettleLanding(task=id("T"), landed=dice.random() < 0.5, reason="x"),
        c.NoteCrash(job="x", task=id("T"), error="x"),
        c.OpenIncident(title="x", repeats=dice.choice(("", "I-1")), freeze=dice.random() < 0.1),
        c.Freeze(reason="x", landings=dice.random() < 0.3),
        c.Unfreeze(),
        c.FillIncident(incident=id("I"), cost="x"),
        c.PickEvidence(incident=id("I"), add=(dice.randrange(1, 30),)),
        c.DraftRule(incident=id("I"), rule=law.rules[0], path="rules/x.md", draft=evidence("x")),
        c.RecordProof(
            incident=id("I"),
            draft="x",
            caught=(1,),
            missed=(),
            benign=1,
            borne=1,
            disturbed=(),
            problems=(),
            evidence=evidence("x"),
        ),
        c.RecordRuleWritten(incident=id("I"), path="rules/x.md", record="memory/incidents/I-1.md"),
        c.IntendRuleCommit(incident=id("I"), ref=MAIN, old=BASE, new=commit),
        c.SettleRuleCommit(incident=id("I"), commit=dice.choice(("", commit)), why="x"),
        c.CloseIncident(incident=id("I"), reason=dice.choice(("", "x"))),
        c.Answer(id=id(dice.choice("THAED")), verb=dice.choice(("approve", "allow", "drop")), sha256="0" * 64),
        c.Answer(
            id=id(dice.choice(("T", "H", "A", "E", "D", "DP"))),
            verb=dice.choice(("approve", "allow", "drop")),
            sha256="0" * 64,
        ),
        c.IntendDeployment(deployment=id("DP"), base=BASE, running=c.Running(known=True)),
        c.SettleDeployment(deployment=id("DP"), running=c.Running(known=True, commit=commit), exit_code=0),
        c.CheckDeployment(deployment=id("DP"), rows=()),
        c.IntendRollback(deployment=id("DP")),
        c.SettleRollback(deployment=id("DP"), running=c.Running(known=False)),
        c.RefuseDeployment(deployment=id("DP"), reason="x"),
        c.RequestAction(turn=turn, action=Action(kind=dice.choice(("edit", "deploy", "plan"))), sha256="0"),
    )
    by = dice.choice((FACTORY, SUPERVISOR, Actor(kind="seat", name=turn), Actor(kind="seat", name="quality/q1")))
    command = dice.choice(commands)
    heart.do(command, by)
    return f"nonsense {type(command).__name__}"
