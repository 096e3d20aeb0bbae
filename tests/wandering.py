"""A factory driven at random: sensible moves, crashes, wrong answers and plain nonsense, each from one number.

The world here does what the agenda owes, with any outcome; a supervisor answers what waits, with any verb; seats wish
for anything. Everything goes through `decide`, and a refusal is the only way in which anything may be turned down.
"""

from __future__ import annotations

from random import Random

from heart import BASE, DEPLOY, FACTORY, MAIN, SUPERVISOR, Heart, charter, evidence, plan_of, some_packages
from wandering_hands import (
    OTHER,
    RISKY,
    asking,
    decide,
    interrupt,
    staff,
    steer,
    tend_incidents,
    tend_releases,
    words_for,
)
from wandering_nonsense import OUTCOMES, ROLES, nonsense

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import (
    AttestDeploymentJob,
    CheckDeploymentJob,
    CheckLandingJob,
    CloseWorktreeJob,
    CommitJob,
    CommitRuleJob,
    DeployJob,
    InspectJob,
    Job,
    LandJob,
    ReleaseJob,
    RollbackJob,
    SealBriefJob,
    TurnJob,
    agenda,
)
from factory_tui.domain.charter import Charter
from factory_tui.domain.errors import Refusal
from factory_tui.domain.releasing import FLOOR
from factory_tui.domain.seals import action_sha256
from factory_tui.domain.spending import is_for_person
from factory_tui.domain.state import Incident, Turn
from factory_tui.domain.terms import Action, Actor, Attested, CheckRow, Finding, FindingAnswer, Verdict
from factory_tui.domain.waiting import waiting

LAWS = (
    asking(charter(deploy=DEPLOY)),
    charter("[pace]\nattempts = 2\n", deploy=DEPLOY),
    charter('protected = ["secret/**"]\n', knowledge="# Adding\n\nMind the sign.\n"),
    charter(deploy=DEPLOY),
)
PATHS = ("adder.py", "src/b.py", "docs/c.md", "secret/d.py", "../e", ".github/workflows/x.yml", "README.md")
TEXTS = ("", "because", "F-1 the case cannot occur", "F-2 no", "quality", "tech_writer", "builder", "approve")


class Wanderer:
    """One walk through what can happen."""

    def __init__(self) -> None:
        self.heart = Heart()
        self.heart.start_session(LAWS[0], "flow")

    def step(self, number: int) -> str:
        """One move; what it was. Raises nothing but what is a bug."""
        dice = Random(number)
        move = dice.choices(
            (
                self._world,
                self._answer,
                self._nonsense,
                self._supervisor,
                self._begin,
                self._crash,
                self._hands,
                self._smoothly,
            ),
            weights=(54, 17, 4, 4, 4, 2, 18, 5),
        )[0]
        try:
            return move(dice)
        except Refusal as refusal:
            return f"refused: {refusal.what}"

    def settle(self, most: int = 300) -> int:
        """With every fault turned off the world does what is owed; how many steps that took. Raises past `most`."""
        self.heart.do(c.Unfreeze(), SUPERVISOR)
        for step in range(most):
            interrupt(self.heart)
            jobs = [job for job in agenda(self.heart.state) if not self._waits(job)]
            if not jobs:
                return step
            self._carry_out(jobs[0], None)
        raise AssertionError(f"still owed after {most} steps: {agenda(self.heart.state)}")

    # --- moves -------------------------------------------------------------------------------------

    def _world(self, dice: Random) -> str:
        jobs = agenda(self.heart.state)
        if not jobs:
            return self._answer(dice)
        job = dice.choice(jobs)
        if dice.random() < 0.04:
            self.heart.do(c.NoteCrash(job=str(job), task=job.task, error="no space left on device"))
            return f"crash of {job}"
        self._carry_out(job, dice)
        return str(job)

    def _answer(self, dice: Random) -> str:
        state = self.heart.state
        # What holds nothing up waits for long: seldom, or nothing else is ever answered.
        slow = ("incident", "proposal")
        items = [item for item in waiting(state) if item.kind not in slow or dice.random() < 0.05]
        if not items and agenda(state) and dice.random() < 0.7:
            return self._world(dice)
        if not items or dice.random() < 0.08:
            if not state.tasks:
                return self._begin(dice)
            task = dice.choice([*state.tasks])
            verb = dice.choices(("hold", "unhold", "comment", "dismiss", "drop"), weights=(3, 6, 4, 6, 1))[0]
            self.heart.answer(task, verb, dice.choice(TEXTS))
            return f"{verb} {task}"
        item = dice.choice(items)
        verb = item.verbs[0] if dice.random() < 0.75 else dice.choice((*item.verbs, "approve", "waive", "lgtm"))
        if verb == "drop" and dice.random() < 0.7:
            verb = item.verbs[0]
        wrong = dice.random() < 0.05
        by = Actor(kind="seat", name="builder/b1") if dice.random() < 0.03 else SUPERVISOR
        words = words_for(state, item, verb) if dice.random() < 0.7 else ""
        expires = dice.choice(("", "", "", "2026-11-23T00:00:00.000Z", "soon"))
        answer = c.Answer(
            id=item.id,
            verb=verb,
            sha256="0" * 64 if wrong else item.sha256,
            text=words or dice.choice(TEXTS),
            brief=evidence("edited") if verb == "edit" else None,
            edit=evidence("edit") if verb == "edit" else None,
            expires=expires,
        )
        self.heart.do(answer, by)
        return f"{verb} {item.id}"

    def _supervisor(self, dice: Random) -> str:
        heart, state = self.heart, self.heart.state
        match dice.randrange(7):
            case 0:
                heart.do(c.Pause(reason=dice.choice(("", "lunch"))), SUPERVISOR)
            case 1:
                heart.do(c.Unpause(), SUPERVISOR)
            case 2:
                task = dice.choice(("", "", *state.tasks))
                heart.do(c.SetMode(mode=dice.choice(("step", "flow", "flow")), task=task), SUPERVISOR)
            case 3:
                day = dice.randrange(1, 31)
                heart.do(c.PassTime(now=f"2026-11-{day:02}T12:00:00.000Z"), FACTORY)
            case 4:
                law = dice.choice(LAWS)
                problem = dice.choice(("", "", "roles/x.md line 1: no"))
                proposed = c.ProposeCharter(
                    charter=law, sha256=law.sha256, evidence=evidence("home"), paths=("factory.toml",), problem=problem
                )
                heart.do(proposed)
            case 5:
                homes = [p for p in state.proposals.values() if p.charter]
                if homes:
                    heart.do(c.AdoptCharter(proposal=homes[0].id, charter=dice.choice(LAWS)), SUPERVISOR)
            case _:
                if state.grants:
                    heart.do(c.RevokeGrant(grant=dice.choice([*state.grants]), reason="enough"), SUPERVISOR)
        return "supervisor"

    def _hands(self, dice: Random) -> str:
        return dice.choices((steer, staff, decide, tend_incidents, tend_releases), weights=(6, 2, 6, 4, 5))[0](
            self.heart, dice
        )

    def _smoothly(self, dice: Random) -> str:
        """For a while nothing goes wrong: what waits for a yes gets it, what is owed is done well."""
        heart = self.heart
        heart.do(c.Unfreeze(), SUPERVISOR)
        kinds = ("change", "plan", "handoff", "digest", "deployment")
        for _ in range(dice.randrange(5, 40)):
            interrupt(heart)
            items = [item for item in waiting(heart.state) if item.kind in kinds]
            jobs = [job for job in agenda(heart.state) if not self._waits(job)]
            if items and dice.random() < 0.5:
                verb = items[0].verbs[0]
                heart.answer(items[0].id, verb, "for now" if verb == "waive" else "")
            elif jobs:
                self._carry_out(dice.choice(jobs), None)
            else:
                break
        return "smoothly"

    def _nonsense(self, dice: Random) -> str:
        return nonsense(self.heart, dice, LAWS[0])

    def _begin(self, dice: Random) -> str:
        if dice.random() < 0.3:
            return self._release(dice)
        if dice.random() < 0.4:
            self.heart.do(c.StateMission(text="Subtraction", base_ref=MAIN, base=BASE), SUPERVISOR)
            return "mission"
        task = c.OpenSmallTask(text="Add subtraction", role=dice.choice(ROLES[:5]), base_ref=MAIN, base=BASE)
        self.heart.do(task, SUPERVISOR)
        return "small task"

    def _release(self, dice: Random) -> str:
        heart, state = self.heart, self.heart.state
        match dice.randrange(8):
            case 0:
                heart.do(c.Freeze(reason=dice.choice(("", "it bleeds")), landings=dice.random() < 0.5), SUPERVISOR)
            case 1:
                heart.do(c.Unfreeze(), SUPERVISOR)
            case 2:
                heart.do(c.OrderRollback(environment=dice.choice(("live", "moon")), reason="x"), SUPERVISOR)
            case 3:
                running = self._running(dice)
                wish = c.RegisterRelease(environment="live", commit=running.commit, running=running)
                heart.do(wish, SUPERVISOR)
            case _:
                live = state.releases.get("live")
                running = c.Running(known=True, commit=live.commit if live else "")
                by = dice.choice((SUPERVISOR, OTHER, OTHER))
                wished = c.ProposeDeployment(environment="live", commit="", base=BASE, running=running)
                heart.do(wished, by)
        return "release"

    def _running(self, dice: Random | None, good: str = "") -> c.Running:
        """What the environment says: with dice, anything that has landed, nothing, or no answer."""
        if dice is None or dice.random() < 0.6:
            return c.Running(known=True, commit=good)
        landed = [task.landed_as for task in self.heart.state.closed.values() if task.landed_as]
        known = dice.random() < 0.8
        return c.Running(known=known, commit=dice.choice(("", *landed)) if known else "", why_unknown="silent")

    def _deploying(self, job: Job, dice: Random | None) -> None:
        assert isinstance(job, DeployJob | RollbackJob | CheckDeploymentJob | AttestDeploymentJob)
        heart = self.heart
        one = heart.state.deployments[job.deployment]
        match job:
            case DeployJob() if one.stage == "approved":
                running = self._running(dice, one.plan.previous)
                heart.do(c.IntendDeployment(deployment=one.id, base=BASE, running=running))
            case DeployJob():
                code = 0 if dice is None else dice.choice((0, 0, 1, None))
                crashed = bool(dice) and dice.random() < 0.3  # type: ignore[union-attr]
                running = self._running(dice, one.plan.commit)
                if dice and crashed and dice.random() < 0.6:
                    running = c.Running(known=False, why_unknown="silent")
                heart.do(c.SettleDeployment(deployment=one.id, running=running, exit_code=code, after_crash=crashed))
            case RollbackJob() if one.stage == "reverting":
                heart.do(c.IntendRollback(deployment=one.id))
            case RollbackJob():
                heart.do(c.SettleRollback(deployment=one.id, running=self._running(dice, one.plan.previous)))
            case CheckDeploymentJob():
                bad = dice.choice(FLOOR) if dice and dice.random() < 0.4 else ""
                rows = tuple(CheckRow(id=id, verdict="fail" if id == bad else "pass") for id in FLOOR)
                heart.do(c.CheckDeployment(deployment=one.id, rows=rows, figures={"rows": 1.0}))
            case AttestDeploymentJob() if one.statement is None:
                said = Attested(kind="deployment", of="x", commit="x", signer="factory", envelope=evidence("line"))
                heart.do(c.RecordDeploymentStatement(deployment=one.id, statement=said))
            case AttestDeploymentJob():
                heart.do(c.RecordDeploymentKept(deployment=one.id))

    def _crash(self, dice: Random) -> str:
        """The process dies, or the session ends well; a new one starts, on what the ledger holds."""
        heart = self.heart
        if dice.random() < 0.5 and heart.state.session_open:
            heart.end_session()
        again = Heart(list(heart.entries))
        heart.state = again.state
        assurance = dice.choice(("", "separate"))
        repaired = (9, "ledger.torn") if dice.random() < 0.1 else None
        mode = dice.choice(("flow", "flow", "step"))
        heart.start_session(dice.choice(LAWS), mode, assurance=assurance, repaired=repaired)
        if dice.random() < 0.2:
            return "crashed before its digest"
        while owed := heart.state.recovered_session:
            heart.write_digest(owed)
        return "session"

    # --- what the world does -----------------------------------------------------------------------

    def _waits(self, job: Job) -> bool:
        """For a person: an ask that is open, or a pause."""
        state = self.heart.state
        return isinstance(job, TurnJob) and (
            bool(state.paused)
            or any(turn.task == job.task and turn.paused for turn in state.turns.values())
            or any(ask.task == job.task for ask in state.asks.values())
        )

    def _carry_out(self, job: Job, dice: Random | None) -> None:
        """With dice anything may come out; without, what is good."""
        heart = self.heart
        if isinstance(job, CommitRuleJob):
            self._commit_rule(heart.state.incidents[job.incident], dice)
            return
        task = heart.state.task(job.task)
        chance = dice.random() if dice else 0.5
        match job:
            case SealBriefJob():
                if dice and chance < 0.05:
                    heart.do(c.RefuseBrief(handoff=job.handoff, size=9, limit=8, largest="dna"))
                else:
                    heart.seal(job.task)
            case ReleaseJob():
                heart.do(c.ReleaseHandoff(handoff=job.handoff))
            case TurnJob():
                turn = next((turn for turn in heart.state.turns.values() if turn.task == job.task), None)
                if turn is None:
                    if is_for_person(heart.state, task):
                        heart.start_turn(job.task, "ada", seat="human")
                    else:
                        person = dice.choice(("", "", "", "ada", "bob")) if dice else ""
                        heart.start_turn(job.task, person)
                else:
                    self._seat(turn, dice)
            case InspectJob():
                verdicts = (Verdict.PASS, Verdict.PASS, Verdict.PASS, Verdict.FAIL, Verdict.BROKEN)
                verdict = dice.choice(verdicts) if dice else Verdict.PASS
                lost = (Finding(severity="note", title="lost test_add", must_answer=True),) if chance < 0.2 else ()
                heart.smoke(job.tree, job.task, verdict, lost, base=job.base)
            case CommitJob():
                heart.do(c.RecordCommit(task=job.task, tree=job.tree, commit=f"commit-{job.tree}"))
            case CheckLandingJob():
                assert task.candidate is not None
                if dice is None or chance < 0.5:
                    heart.check_landing(job.task)
                else:
                    heart.check_landing(
                        job.task,
                        onto=dice.choice("cde") * 40,
                        merged="" if chance > 0.95 else f"m-{task.candidate.tree}",
                        conflicts=("adder.py",) if 0.7 < chance < 0.8 else (),
                        overlaps=("adder.py",) if 0.8 < chance < 0.85 else (),
                    )
            case LandJob():
                if task.stage == "cleared" and not (dice and chance < 0.1):
                    heart.attest(job.task)
                    heart.intend(job.task)
                else:
                    heart.do(c.SettleLanding(task=job.task, landed=not (dice and chance < 0.3), reason="dirty"))
            case DeployJob() | RollbackJob() | CheckDeploymentJob() | AttestDeploymentJob():
                self._deploying(job, dice)
            case CloseWorktreeJob():
                heart.do(c.RecordKept(task=job.task, name=job.name, ref="refs/factory/kept/x"))

    def _commit_rule(self, known: Incident, dice: Random | None) -> None:
        heart, chance = self.heart, dice.random() if dice else 0.9
        if known.committing is None and chance > 0.3:
            heart.do(c.IntendRuleCommit(incident=known.id, ref=MAIN, old=BASE, new="c" * 40, checkout="/x"))
        elif chance > 0.5:
            said = Attested(kind="approval", of="x", commit="c" * 40, signer="supervisor", envelope=evidence("line"))
            statement = said if chance > 0.7 else None
            heart.do(c.SettleRuleCommit(incident=known.id, commit="c" * 40, ref=MAIN, statement=statement))
        else:
            heart.do(c.SettleRuleCommit(incident=known.id, why="a merge is under way"))

    def _seat(self, turn: Turn, dice: Random | None) -> None:
        """One thing that a seat does, or that comes of what it did."""
        heart = self.heart
        task = heart.state.tasks[turn.task]
        commits = [id for id, action in turn.open.items() if action.kind == "commit"]
        if commits and (dice is None or dice.random() < 0.7):
            if task.candidate and task.candidate.action == commits[0]:
                return self._gate(task.id)
            if not task.worktree:
                heart.do(c.RecordWorktree(task=task.id, name=f"{task.id}-{turn.handoff}", base=BASE))
            paths = (dice.choice(PATHS),) if dice and dice.random() < 0.3 else ("docs/c.md",)
            locks = ("poetry.lock",) if dice and dice.random() < 0.1 else ()
            tree = f"{turn.id}-{commits[0]}"
            heart.import_tree(tree, task.id, commits[0], paths, lock_files=locks)
            return None
        fetches = [id for id, action in turn.open.items() if action.kind == "fetch"]
        if fetches and dice and dice.random() < 0.5:
            heart.do(c.RecordPackages(turn=turn.id, action=fetches[0], fetched=some_packages()))
            return None
        if dice and turn.open and dice.random() < 0.8:
            heart.do(c.EndAction(id=next(iter(turn.open)), result=dice.choice(("ok", "ok", "error", "in doubt"))))
            return None
        if turn.delivered or (dice and dice.random() < 0.08):
            heart.do(c.EndTurn(turn=turn.id, outcome=dice.choice(OUTCOMES) if dice else "ok"))
            return None
        if dice and dice.random() < 0.1:
            usage = c.NoteUsage(turn=turn.id, usd=dice.choice((None, 0.1, 30.0)), tokens_in=9, tokens_out=9)
            heart.do(usage, Actor(kind="seat", name=turn.id))
            return None
        if dice and dice.random() < 0.1:
            told: tuple[c.Command, ...] = (
                c.NoteSeat(turn=turn.id, kind="retry", text=f"again in {dice.randrange(9)} s"),
                c.NoteConversation(turn=turn.id, conversation=dice.choice(("a", "b")), model="some-model"),
                c.DenyTool(turn=turn.id, tool="teleport", reason="no such tool", sha256="0" * 64),
            )
            heart.do(dice.choice(told), Actor(kind="seat", name=turn.id))
            return None
        self._wish(turn, dice)
        return None

    def _gate(self, task: str) -> None:
        for job in agenda(self.heart.state):
            if job.task == task and isinstance(job, InspectJob | CommitJob):
                self._carry_out(job, None)
                return

    def _wish(self, turn: Turn, dice: Random | None) -> None:
        heart = self.heart
        task = heart.state.tasks[turn.task]
        before = len(heart.entries)
        wishes = [self._good_wish(turn)]
        package = Action(kind="fetch", resource="package", target="authlib")
        if dice and any(grant.object == package.object for grant in heart.state.grants.values()):
            wishes = [package]
        elif dice and dice.random() < 0.5 and "approve" in heart.state.law.role(turn.role).actions:
            wishes = [
                Action(kind="approve", path=one.path) for one in heart.state.proposals.values() if not one.charter
            ] or wishes
        elif dice and dice.random() < 0.4:
            wishes = [
                Action(kind="edit", path=dice.choice(PATHS), content="x = 1\n"),
                package,
                package,
                Action(kind="run", command=dice.choice(("make test", "rm -rf /"))),
                *2 * [Action(kind="run", command=RISKY)],
                Action(kind="read", path="adder.py"),
                Action(kind="escalate", text=dice.choice(("", "Which sign?"))),
                *2 * [Action(kind="propose", path="memory/DNA.md", content="# DNA\n")],
                Action(kind="approve", path="memory/DNA.md"),
                Action(kind="deploy", target="production"),
                Action(kind="report", text="looked", checked=dice.choice(((), ("all",)))),
                Action(
                    kind="report",
                    text="looked",
                    checked=("all",),
                    findings=(Finding(title="sub adds"), Finding(severity="note", title="a name")),
                ),
                Action(kind="plan", tasks=(plan_of("One", role=dice.choice(ROLES)),)),
                Action(kind="hand_over", text="passed, verified"),
                Action(kind="commit", text="fix: do it"),
            ]
        action = dice.choice(wishes) if dice else wishes[0]
        text = evidence(action.text or action.content or "") if action.kind in ("report", "propose") else None
        wish = c.RequestAction(turn=turn.id, action=action, sha256=action_sha256(action), text=text)
        heart.do(wish, Actor(kind="seat", name=turn.id))
        denied = any(isinstance(entry.event, e.ActionDenied) for entry in heart.entries[before:])
        if dice is None and denied and turn.id in heart.state.turns:
            heart.do(c.EndTurn(turn=turn.id, outcome="failed"))
        assert task.id == turn.task

    def _good_wish(self, turn: Turn) -> Action:
        state = self.heart.state
        task = state.tasks[turn.task]
        delivers = state.law.role(turn.role).delivers
        if turn.purpose == "review":
            owed = task.candidate.smoke.findings if task.candidate and task.candidate.smoke else ()
            answers = tuple(FindingAnswer(finding=f.id, accepted=True, reason="moved") for f in owed if f.must_answer)
            return Action(kind="report", text="looked", checked=("ran it",), answers=answers)
        if delivers == "plan":
            return Action(
                kind="plan", text="so", tasks=(plan_of("One", paths=("docs/**",)), plan_of("Two", after=(0,)))
            )
        if delivers == "report":
            return Action(kind="report", text="what was found")
        candidate = task.candidate
        if candidate and candidate.turn == turn.id and candidate.commit and not candidate.handed_over:
            return Action(kind="hand_over", text="done")
        return Action(kind="commit", text="Do it")


def laws() -> tuple[Charter, ...]:
    return LAWS
