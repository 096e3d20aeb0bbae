"""What a supervisor's hands do on a walk: steering turns, staffing, incidents and their rules, answers with sense.

Each takes what the state has to offer, and does nothing sensible only where there is nothing.
"""

from __future__ import annotations

from random import Random

from heart import BASE, SUPERVISOR, Heart, evidence
from msgspec.structs import replace

from factory_tui.domain import commands as c
from factory_tui.domain.charter import Charter, seal
from factory_tui.domain.item import Waiting
from factory_tui.domain.rules import Rule
from factory_tui.domain.spending import ended_because
from factory_tui.domain.staffing import Bounds, Budgets, Staffed
from factory_tui.domain.state import Incident, State, Turn
from factory_tui.domain.terms import Actor
from factory_tui.domain.waiting import waiting

RISKY = "find . -delete"
"""Asked for, by a law that says so."""
OTHER = Actor(kind="supervisor", name="supervisor:eve@script")
CREW = (Staffed(role="builder", seat="mind", why="fits"), Staffed(role="quality", seat="mind/small", effort="low"))


def with_rules(law: Charter, rules: tuple[Rule, ...]) -> Charter:
    return seal(
        roles=law.roles,
        rules=rules,
        gate=law.gate,
        documents=law.documents,
        stack=law.stack,
        protected=law.protected,
        architecture=law.architecture,
        deploying=law.deploying,
    )


def asking(law: Charter) -> Charter:
    """A recursive delete is asked for instead of denied."""
    return with_rules(law, tuple(replace(one, severity="warn") if one.id == "G4" else one for one in law.rules))


def is_owed_no_more(state: State, turn: Turn) -> bool:
    """Whether whoever runs the turn interrupts it."""
    return turn.retired is not None or bool(state.tasks[turn.task].held) or ended_because(state, turn)[0] is not None


def interrupt(heart: Heart) -> None:
    for turn in tuple(heart.state.turns.values()):
        if is_owed_no_more(heart.state, turn):
            heart.do(c.EndTurn(turn=turn.id, outcome="interrupted"))


def steer(heart: Heart, dice: Random) -> str:
    state = heart.state
    if dice.random() < 0.2:
        interrupt(heart)
        return "interrupts what is not owed"
    if not state.turns or dice.random() < 0.1:
        if not state.tasks:
            return "nothing to steer"
        chosen = c.ChooseSeat(task=dice.choice([*state.tasks]), seat=dice.choice(("mind/small", "human", "", "a b")))
        heart.do(chosen, SUPERVISOR)
        return "chooses a seat"
    turn = dice.choice([*state.turns.values()])
    if turn.paused and dice.random() < 0.6:
        heart.do(c.ResumeTurn(turn=turn.id), SUPERVISOR)
        return f"resumes {turn.id}"
    if turn.unheard and dice.random() < 0.6:
        heart.do(c.HearMessages(turn=turn.id), Actor(kind="seat", name=turn.id))
        return f"{turn.id} hears"
    text = dice.choice(("mind the sign", "", "x" * 5_000, "look at adder.py"))
    retired = c.RetireTurn(
        turn=turn.id,
        reason=dice.choice(("it wanders", "it wanders", "")),
        to=dice.choice(("", "", "tech_writer", "quality", "wizard")),
        seat=dice.choice(("", "mind/small")),
    )
    wishes: tuple[c.Command, ...] = (
        c.SendMessage(turn=turn.id, text=text, evidence=evidence(text)),
        c.PauseTurn(turn=turn.id, reason=dice.choice(("", "lunch"))),
        c.InterruptTurn(turn=turn.id, reason=dice.choice(("", "wrong way"))),
        retired,
    )
    wish = dice.choices(wishes, weights=(6, 3, 1, 2))[0]
    heart.do(wish, SUPERVISOR)
    return f"{type(wish).__name__} {turn.id}"


def staff(heart: Heart, dice: Random) -> str:
    state = heart.state
    if state.world and dice.random() < 0.5:
        heart.do(c.TryWorld(wait=dice.choice([*state.world])), SUPERVISOR)
        return "tries the world"
    if state.turns and dice.random() < 0.3:
        cause = dice.choice(("network", "rate limit"))
        heart.do(c.EndTurn(turn=dice.choice([*state.turns]), outcome="interrupted", cause=cause))
        return f"waits for the {cause}"
    ceilings = Budgets(day=Bounds(usd=dice.choice((20.0, 500.0))))
    raised = c.RaiseBudget(scope=dice.choice(("day", "role:builder")), by=Bounds(usd=dice.choice((1.0, 0.0))))
    wishes: tuple[c.Command, ...] = (
        c.StaffCrew(crew=CREW[: dice.randrange(3)], ceilings=ceilings),
        c.SeatRole(role=dice.choice(("builder", "quality")), seat=dice.choice(("", "mind/small", "mind@low"))),
        raised,
    )
    heart.do(dice.choice(wishes), SUPERVISOR)
    return "staffs"


def decide(heart: Heart, dice: Random) -> str:
    """Somebody who looked at an item answers it, in words that fit: any of its verbs alike, the end of it seldom."""
    items = [item for item in waiting(heart.state) if item.kind not in ("incident", "proposal") or dice.random() < 0.05]
    if not items:
        return "nothing to decide"
    asks = [item for item in items if item.kind == "ask"]
    item = dice.choice(asks if asks and dice.random() < 0.7 else items)
    verbs = [verb for verb in item.verbs if verb not in ("drop", "adopt") or dice.random() < 0.2]
    verb = (
        "edit" if item.kind == "ask" and "edit" in verbs and dice.random() < 0.4 else dice.choice(verbs or item.verbs)
    )
    brief = {"brief": evidence("edited"), "edit": evidence("edit")} if verb == "edit" and item.kind != "ask" else {}
    heart.answer(item.id, verb, words_for(heart.state, item, verb), **brief)
    return f"{verb} {item.id}"


def tend_releases(heart: Heart, dice: Random) -> str:
    """Something that landed goes live, or what nobody knows is cleared up."""
    state = heart.state
    live = state.releases.get("live")
    landed = [task.landed_as for task in state.closed.values() if task.landed_as]
    waits = [item for item in waiting(state) if item.kind == "deployment"]
    if waits and dice.random() < 0.8:
        item = next((item for item in waits if "look" in item.verbs), waits[0])
        verb = dice.choice((*item.verbs, "drop" if "look" in item.verbs else item.verbs[0]))
        heart.answer(item.id, verb, "because")
        return f"{verb} {item.id}"
    if landed and dice.random() < 0.3:
        running = c.Running(known=True, commit=landed[-1])
        heart.do(c.RegisterRelease(environment="live", commit=landed[-1], running=running), SUPERVISOR)
        return "registers a release"
    running = c.Running(known=True, commit=live.commit if live else "")
    heart.do(c.ProposeDeployment(environment="live", commit="", base=BASE, running=running), OTHER)
    return "proposes a deployment"


def tend_incidents(heart: Heart, dice: Random) -> str:
    """One thing more about an incident, on its way to a rule that is adopted, or to a reason why there is none."""
    state = heart.state
    open_ = [one for one in state.incidents.values() if not one.closed]
    settled = [one for one in state.incidents.values() if one.closed]
    if not open_ or dice.random() < 0.15:
        again = dice.choice(settled).id if settled and dice.random() < 0.4 else ""
        heart.do(c.OpenIncident(title="the page is down", repeats=again, freeze=dice.random() < 0.2), SUPERVISOR)
        return "opens an incident"
    one = dice.choice(open_)
    if dice.random() < 0.1:
        heart.do(c.CloseIncident(incident=one.id, reason=dice.choice(("", "nobody could have known"))), SUPERVISOR)
        return f"closes {one.id}"
    if one.written is not None:
        _adopt(heart, one)
        return f"adopts the rule of {one.id}"
    heart.do(_next(state, one, dice), SUPERVISOR)
    return f"tends {one.id}"


def _next(state: State, one: Incident, dice: Random) -> c.Command:
    if not one.evidence or dice.random() < 0.1:
        seqs = tuple(dice.randrange(1, state.seq + 1) for _ in range(2))
        return c.PickEvidence(incident=one.id, add=seqs, remove=one.evidence[:1])
    if not (one.when and one.cost and one.root_cause):
        return c.FillIncident(incident=one.id, when="at noon", cost="an hour", root_cause="a sign", level=3)
    if one.draft is None:
        rule = _rule_of(state, one)
        return c.DraftRule(incident=one.id, rule=rule, path=f"rules/{rule.id}.md", draft=evidence(f"draft {rule.id}"))
    if one.proof is None or one.proof.verdict != "pass":
        missed = one.evidence if dice.random() < 0.3 else ()
        return c.RecordProof(
            incident=one.id,
            draft=one.draft.draft.sha256,
            caught=() if missed else one.evidence,
            missed=missed,
            benign=9,
            borne=3,
            disturbed=(),
            problems=(),
            evidence=evidence("proof"),
        )
    kept = dice.choice((None, evidence("record"), evidence("record")))
    return c.RecordRuleWritten(incident=one.id, path=one.draft.path, record=f"memory/incidents/{one.id}.md", kept=kept)


def _rule_of(state: State, one: Incident) -> Rule:
    """Of a number of its own, and with a check that no walk runs into."""
    known = next(rule for rule in state.law.rules if rule.id == "M1")
    return replace(known, id=f"P{100 + int(one.id.removeprefix('I-'))}", path="")


def _adopt(heart: Heart, one: Incident) -> None:
    rule = _rule_of(heart.state, one)
    others = tuple(known for known in heart.state.law.rules if known.id != rule.id)
    law = with_rules(heart.state.law, (*others, rule))
    heart.do(
        c.ProposeCharter(charter=law, sha256=law.sha256, evidence=evidence("home"), paths=(f"rules/{rule.id}.md",))
    )
    found = [p.id for p in heart.state.proposals.values() if p.charter == law.sha256 and not p.problem]
    if found:
        heart.do(c.AdoptCharter(proposal=found[0], charter=law), SUPERVISOR)


def words_for(state: State, item: Waiting, verb: str) -> str:
    """What a verb needs, as somebody who means it would say it; empty = any words do."""
    task = state.tasks.get(item.task)
    match verb:
        case "edit" if item.kind == "ask":
            return "find . -name x.pyc"
        case "split" if task is not None:
            shares = ", ".join(str(number) for number, _ in enumerate(task.criteria, 1)) or "it is"
            return f"The one half: {shares}\nThe other half: it adds up"
        case "redirect":
            return "tech_writer"
        case "reply" | "replan":
            return "add, do not subtract"
        case "swap":
            return "mind/small"
        case "raise":
            return "usd 500" if item.kind == "budget" else ""
        case "fill":
            return "when: at noon\ncost: an hour"
        case "dismiss" if task is not None and task.findings:
            return f"{task.findings[0].id} the case cannot occur"
        case "reject" | "waive" | "deny" | "close" | "decline" | "drop":
            return "because"
        case _:
            return ""
