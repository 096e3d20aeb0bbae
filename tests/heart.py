"""The pure heart under test: a state grown from commands alone. `given(...).when(...).then(...)`.

Ids are counters, so a story can name them: the first task is T-1, its author's handoff H-1, its reviewer's H-2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from factory_tui.adapters.documents import library_files, read_home
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.agenda import Job, TurnJob, agenda
from factory_tui.domain.charter import Charter
from factory_tui.domain.decide import decide
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import Refusal
from factory_tui.domain.evolve import evolve, fold
from factory_tui.domain.item import Waiting
from factory_tui.domain.pace import mode_of
from factory_tui.domain.seals import action_sha256
from factory_tui.domain.state import State, Task
from factory_tui.domain.terms import (
    Action,
    Actor,
    Attested,
    Change,
    Evidence,
    FetchedPackages,
    FileChange,
    Finding,
    FindingAnswer,
    Line,
    Package,
    PlannedTask,
    SeatFacts,
    Verdict,
)
from factory_tui.domain.waiting import waiting

SUPERVISOR = Actor(kind="supervisor", name="supervisor:ada@script")
FACTORY = Actor(kind="factory", name="gatekeeper")
DNA = "---\nstack: {language: python}\n---\n# DNA\n\nAdding is what it does.\n"
BASE = "b" * 40
DEPLOY = """environments:
  live:
    deploy: [ship, "{commit}"]
    rollback: [ship, back, "{previous}"]
    status: [ship, status]
    backup: {none_because: it keeps no data}
"""
MAIN = "refs/heads/main"


@cache
def charter(settings: str = "", knowledge: str = "", deploy: str = "") -> Charter:
    """The shipped roles and rules, with a home's settings."""
    files: dict[str, str | bytes] = {
        "factory.toml": f'repo_id = "0123456789abcdef0123456789abcdef"\n{settings}[smoke]\ncommand = "make test"\n',
        "memory/DNA.md": DNA,
    }
    if knowledge:
        files["memory/knowledge/adding.md"] = knowledge
    if deploy:
        files["deploy.yaml"] = deploy
    reading = read_home(files, library_files(), prefix=".factory")
    assert reading.charter is not None, "\n".join(str(problem) for problem in reading.problems)
    return reading.charter


def some_packages(asked: str = "pip:authlib==1.3") -> FetchedPackages:
    """What a fetch could have brought: one package, and one that it needs."""
    packages = (
        Package(name="authlib", version="1.3", integrity=f"sha256:{'b' * 64}", licence="BSD-3-Clause"),
        Package(name="cryptography", version="43.0", integrity=f"sha256:{'c' * 64}", scripts=True),
    )
    return FetchedPackages(
        asked=asked,
        manager="pip",
        store="a" * 64,
        packages=packages,
        files=120,
        size=900_000,
        listing=evidence("files"),
    )


def evidence(text: str) -> Evidence:
    return Evidence(sha256=hashlib.sha256(text.encode()).hexdigest(), size=len(text), label=text[:40])


def state_bytes(state: State) -> bytes:
    return msgspec.json.encode(state, order="sorted")


class Heart:
    """A ledger in memory, and the state it folds to."""

    def __init__(self, entries: list[Entry] | None = None) -> None:
        self.entries: list[Entry] = entries or []
        self.state = fold(self.entries)
        self.minute = 0

    def do(self, command: c.Command, by: Actor = FACTORY) -> tuple[e.Event, ...]:
        """Raises Refusal as `decide` does."""
        hour, minute = divmod(self.minute, 60)
        at = f"2026-11-22T{hour % 24:02}:{minute:02}:00.{len(self.entries) % 1000:03}Z"
        events = decide(self.state, c.Envelope(command=command, by=by, at=at))
        for event in events:
            entry = Entry(seq=len(self.entries) + 1, at=at, by=by, event=event)
            self.entries.append(entry)
            self.state = evolve(self.state, entry)
        return events

    # --- what the world does -------------------------------------------------------------------

    def start_session(self, law: Charter | None = None, mode: e.Mode = "flow", base: str = BASE, **more: Any) -> None:
        self.do(
            c.StartSession(
                version="0.1.0",
                wall="none",
                mode=mode,
                base_ref=MAIN,
                base=base,
                charter=law or charter(),
                **more,
            ),
            SUPERVISOR,
        )

    def end_session(self) -> None:
        for turn in tuple(self.state.turns):
            self.do(c.EndTurn(turn=turn, outcome="interrupted"))
        self.write_digest(self.state.session)
        self.do(c.EndSession(reason="enough"), SUPERVISOR)

    def write_digest(self, session: int) -> None:
        self.do(c.RecordDigest(session=session, path=f"memory/digests/{session}.md", evidence=evidence("digest")))

    def item(self, id: str) -> Waiting:
        return next(item for item in waiting(self.state) if item.id == id)

    def answer(self, id: str, verb: str, text: str = "", sha256: str = "", **more: Any) -> tuple[e.Event, ...]:
        """Of the object as it is now, unless a sha256 is named."""
        if not sha256:
            item = next((item for item in waiting(self.state) if item.id == id), None)
            sha256 = item.sha256 if item else ""
        return self.do(c.Answer(id=id, verb=verb, sha256=sha256, text=text, **more), SUPERVISOR)

    def task(self, id: str = "T-1") -> Task:
        return self.state.task(id)

    def seal(self, task: str = "T-1", text: str = "") -> None:
        handoff = self.task(task).handoff
        assert handoff is not None
        parts = [
            e.BriefInput(kind=kind, name=document.path, sha256=document.sha256, size=1, lines=999)
            for kind, document in (("dna", self.state.law.dna),)
            if document
        ]
        parts += [
            e.BriefInput(kind="knowledge", name=d.path, sha256=d.sha256, size=1, lines=999)
            for d in self.state.law.knowledge
        ]
        if self.state.digest:
            digest = self.state.digest
            parts.append(e.BriefInput(kind="digest", name=digest.path, sha256=digest.evidence.sha256, size=1, lines=9))
        brief = evidence(text or f"brief of {handoff.id} under {self.state.law.sha256}")
        self.do(c.SealBrief(handoff=handoff.id, brief=brief, inputs=tuple(parts)))

    def release(self, task: str = "T-1") -> None:
        handoff = self.task(task).handoff
        assert handoff is not None
        if mode_of(self.state, self.task(task)) == "step":
            self.answer(handoff.id, "approve")
        else:
            self.do(c.ReleaseHandoff(handoff=handoff.id))

    def start_turn(self, task: str = "T-1", person: str = "", seat: str = "mind", where: str = "") -> str:
        """`where` is the other machine it runs on."""
        handoff = self.task(task).handoff
        assert handoff is not None
        assert handoff.brief is not None
        facts = (
            SeatFacts(control="human")
            if person
            else SeatFacts(control="rehearsed", gates_every_call=True, where=where)
            if where
            else SeatFacts(control="rehearsed", gates_every_call=True, contained=True)
        )
        command = c.StartTurn(
            handoff=handoff.id,
            seat=seat,
            facts=facts,
            person=person,
            brief=handoff.brief.sha256,
        )
        started = next(event for event in self.do(command) if isinstance(event, e.TurnStarted))
        return started.turn

    def begin(self, task: str = "T-1", person: str = "") -> str:
        """Seal, release, start."""
        current = self.task(task)
        assert current.handoff is not None
        if current.stage == "offered":
            if current.handoff.brief is None:
                self.seal(task)
            self.release(task)
        return self.start_turn(task, person)

    def turn_of(self, task: str = "T-1") -> str:
        return next(turn.id for turn in self.state.turns.values() if turn.task == task)

    def wish(self, action: Action, task: str = "T-1", text: Evidence | None = None) -> tuple[e.Event, ...]:
        turn = self.turn_of(task)
        if text is None and action.kind in ("report", "propose") and (action.text or action.content):
            text = evidence(action.text or action.content or "")
        command = c.RequestAction(turn=turn, action=action, sha256=action_sha256(action), text=text)
        return self.do(command, Actor(kind="seat", name=turn))

    def commit(
        self,
        tree: str = "a1",
        task: str = "T-1",
        paths: tuple[str, ...] = ("adder.py",),
        verdict: Verdict = Verdict.PASS,
        findings: tuple[Finding, ...] = (),
        **more: Any,
    ) -> tuple[e.Event, ...]:
        """The author's commit action, its import, level 2 and, if green, the commit `commit-<tree>`."""
        base = self.task(task).worktree_base
        if not base:
            base = self.state.missions[self.task(task).mission].tip
            self.do(c.RecordWorktree(task=task, name=task, base=base))
        action = next(x for x in self.wish(Action(kind="commit", text="Do it"), task) if isinstance(x, e.ActionAllowed))
        events = list(self.import_tree(tree, task, action.id, paths, **more))
        candidate = self.task(task).candidate
        if candidate is None or candidate.action != action.id:
            return tuple(events)
        events += self.smoke(tree, task, verdict, findings)
        if verdict is Verdict.PASS:
            events += self.do(c.RecordCommit(task=task, tree=tree, commit=f"commit-{tree}"))
        return tuple(events)

    def import_tree(
        self, tree: str, task: str, action: str, paths: tuple[str, ...] = ("adder.py",), **more: Any
    ) -> tuple[e.Event, ...]:
        return self.do(
            c.ImportTree(
                turn=self.turn_of(task),
                action=action,
                tree=tree,
                base=self.task(task).worktree_base,
                change=change(*paths),
                diff=evidence(f"diff of {tree}"),
                message="Do it",
                **more,
            )
        )

    def smoke(
        self,
        tree: str,
        task: str = "T-1",
        verdict: Verdict = Verdict.PASS,
        findings: tuple[Finding, ...] = (),
        base: str = "",
    ) -> tuple[e.Event, ...]:
        candidate = self.task(task).candidate
        base = base or (candidate.base if candidate else BASE)
        passed = 3 if verdict is Verdict.PASS else 0
        return self.do(
            c.JudgeSmoke(
                task=task,
                tree=tree,
                base=base,
                verdict=verdict,
                summary=f"{passed} passed",
                findings=findings,
                evidence=(evidence(f"smoke of {tree}"),),
                tests_passed=passed,
                tests_failed=0 if passed else 1,
                base_total=3,
            )
        )

    def hand_over(self, task: str = "T-1", end: bool = True) -> tuple[e.Event, ...]:
        events = self.wish(Action(kind="hand_over", text="done"), task)
        if end:
            events += self.do(c.EndTurn(turn=self.turn_of(task), outcome="ok"))
        return events

    def report(
        self,
        findings: tuple[Finding, ...] = (),
        task: str = "T-1",
        checked: tuple[str, ...] = ("ran it",),
        answers: tuple[FindingAnswer, ...] = (),
        end: bool = True,
    ) -> tuple[e.Event, ...]:
        action = Action(kind="report", text="looked", findings=findings, checked=checked, answers=answers)
        events = self.wish(action, task)
        if end:
            events += self.do(c.EndTurn(turn=self.turn_of(task), outcome="ok"))
        return events

    def check_landing(self, task: str = "T-1", onto: str = "", **more: Any) -> tuple[e.Event, ...]:
        candidate = self.task(task).candidate
        assert candidate is not None
        return self.do(c.CheckLanding(task=task, onto=onto or candidate.base, change=change(*candidate.paths), **more))

    def attest(self, task: str = "T-1") -> tuple[e.Event, ...]:
        """The landing's statement alone; what the others say is not the state's business."""
        current = self.task(task)
        assert current.approval is not None
        commit = f"commit-{current.merged}"
        of = f"landing:{commit}:{current.approval.id}"
        envelope = evidence(f"statement {of}")
        signed = Attested(kind="landing", of=of, commit=commit, signer="factory", envelope=envelope)
        return self.do(c.RecordStatements(task=task, commit=commit, statements=(signed,)))

    def intend(self, task: str = "T-1", assurance: str = "") -> tuple[e.Event, ...]:
        current = self.task(task)
        assert current.candidate is not None
        new = f"commit-{current.merged}" if current.merged else current.candidate.commit
        target = self.state.missions[current.mission].target
        return self.do(c.IntendLanding(task=task, ref=target, old=current.onto, new=new, assurance=assurance))

    def land(self, task: str = "T-1", assurance: str = "") -> tuple[e.Event, ...]:
        if self.task(task).stage == "approved":
            self.check_landing(task)
        if self.task(task).stage == "cleared":
            self.intend(task, assurance)
        return self.do(c.SettleLanding(task=task, landed=True))

    def turns_owed(self) -> tuple[TurnJob, ...]:
        return tuple(job for job in agenda(self.state) if isinstance(job, TurnJob))


Step = Callable[[Heart], object]


class Story:
    """What was, what is commanded then, and what follows."""

    def __init__(self, heart: Heart) -> None:
        self.heart = heart
        self.events: tuple[e.Event, ...] = ()
        self.refusal: Refusal | None = None

    def when(self, *steps: Step | c.Command, by: Actor = FACTORY) -> Story:
        """The last step counts: its events, or its refusal."""
        for step in steps:
            self.refusal, before = None, len(self.heart.entries)
            try:
                if callable(step):
                    step(self.heart)
                else:
                    self.heart.do(step, by)
            except Refusal as refusal:
                assert len(self.heart.entries) == before or callable(step)
                self.refusal = refusal
            self.events = tuple(entry.event for entry in self.heart.entries[before:])  # type: ignore[misc]
        return self

    def then(self, *events: e.Event) -> Story:
        assert self.refusal is None, str(self.refusal)
        assert self.events == events
        return self

    def then_kinds(self, *kinds: type) -> Story:
        assert self.refusal is None, str(self.refusal)
        assert tuple(type(event) for event in self.events) == kinds, self.events
        return self

    def then_nothing(self) -> Story:
        return self.then()

    def then_refused(self, words: str) -> Story:
        assert self.refusal is not None, f"it was accepted: {self.events}"
        assert words in str(self.refusal), str(self.refusal)
        return self

    def then_denied(self, words: str) -> Story:
        denied = [event for event in self.events if isinstance(event, e.ActionDenied)]
        assert denied, f"nothing was denied: {self.events} {self.refusal}"
        reasons = "\n".join(f"{match.source}: {match.reason}" for match in denied[-1].ruling.matches)
        assert words in reasons, reasons
        return self

    def then_stage(self, stage: str, task: str = "T-1") -> Story:
        assert self.heart.task(task).stage == stage, (self.heart.task(task).stage, self.heart.task(task).why)
        return self

    def then_owed(self, *jobs: Job) -> Story:
        assert agenda(self.heart.state) == jobs
        return self

    def then_waits(self, *kinds: str) -> Story:
        assert tuple(item.kind for item in waiting(self.heart.state)) == kinds
        return self


def given(*steps: Step | c.Command, law: Charter | None = None, mode: e.Mode = "flow") -> Story:
    """A session has started; then these steps, none of them refused."""
    heart = Heart()
    heart.start_session(law, mode)
    for step in steps:
        if callable(step):
            step(heart)
        else:
            heart.do(step)
    return Story(heart)


def change(*paths: str) -> Change:
    files = tuple(
        FileChange(path=path, old_mode="100644", new_mode="100644", added=(Line(number=1, text="x = 1"),))
        for path in paths
    )
    return Change(files=files)


# --- steps, to be read as a sentence -------------------------------------------------------------


def small_task(role: str = "builder", paths: tuple[str, ...] = (), text: str = "Add subtraction") -> Step:
    opened = c.OpenSmallTask(text=text, role=role, base_ref=MAIN, base=BASE, paths=paths)
    return lambda heart: heart.do(opened, SUPERVISOR)


def mission(text: str = "Subtraction") -> Step:
    return lambda heart: heart.do(c.StateMission(text=text, base_ref=MAIN, base=BASE), SUPERVISOR)


def planned(*tasks: PlannedTask) -> Step:
    """The planner plans these, and the supervisor approves."""

    def step(heart: Heart) -> None:
        heart.begin("T-1")
        heart.wish(Action(kind="plan", tasks=tasks, text="so"), "T-1")
        heart.do(c.EndTurn(turn=heart.turn_of("T-1"), outcome="ok"))
        heart.answer("PL-1", "approve")

    return step


def plan_of(title: str, role: str = "builder", **more: Any) -> PlannedTask:
    return PlannedTask(title=title, goal=f"{title} shall be true", role=role, criteria=("it is",), **more)


def author_works(task: str = "T-1", person: str = "") -> Step:
    return lambda heart: heart.begin(task, person)


def committed(tree: str = "a1", task: str = "T-1", **more: Any) -> Step:
    return lambda heart: heart.commit(tree, task, **more)


def handed_over(tree: str = "a1", task: str = "T-1", person: str = "", **more: Any) -> Step:
    """An author's whole turn, from brief to hand-over."""

    def step(heart: Heart) -> None:
        heart.begin(task, person)
        heart.commit(tree, task, **more)
        heart.hand_over(task)

    return step


def reviewed(*findings: Finding, task: str = "T-1", person: str = "", **more: Any) -> Step:
    """A reviewer's whole turn; without a blocking finding it passes."""

    def step(heart: Heart) -> None:
        heart.begin(task, person)
        heart.report(findings, task, **more)

    return step


def approved(task: str = "T-1", **more: Any) -> Step:
    return lambda heart: heart.answer(task, "approve", **more)


def landed(task: str = "T-1") -> Step:
    return lambda heart: heart.land(task)


def ended(outcome: e.Outcome, task: str = "T-1") -> Step:
    return lambda heart: heart.do(c.EndTurn(turn=heart.turn_of(task), outcome=outcome))


def crashed(heart: Heart) -> None:
    """The process died; a new one folds what was written and starts a session."""
    again = Heart(list(heart.entries))
    heart.state = again.state
    heart.start_session(heart.state.law, heart.state.mode)


DEFECT = Finding(title="sub adds", path="adder.py", line=6)
