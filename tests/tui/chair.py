"""A cockpit in front of a pure heart: real state, real commands, no processes. Time is the heart's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager

from heart import SUPERVISOR, Heart, evidence, handed_over, mission, plan_of, planned, reviewed
from textual.events import Key
from textual.keys import _character_to_key

from factory_tui.adapters.rule_shelf import RuleFiles
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Action, Actor, Evidence, Finding
from factory_tui.engine.checklist import Checked, Report
from factory_tui.engine.factory import Factory
from factory_tui.engine.incidents import IncidentDesk
from factory_tui.engine.reception import HandoverPort, Reception
from factory_tui.engine.rule_commits import RuleCommits
from factory_tui.engine.session import Session
from factory_tui.tui.app import Cockpit
from factory_tui.tui.door import FactoryView
from factory_tui.tui.view import Hear, View
from factory_tui.tui.widgets.line_input import LineInput

FOREVER = 3_600.0


class MemoryLedger:
    """Keeps entries; whatever was written is safe."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, events: Sequence[object], by: Actor, at: str) -> tuple[Entry, ...]:
        start = len(self.entries)
        new = tuple(Entry(seq=start + n, at=at, by=by, event=event) for n, event in enumerate(events, 1))
        self.entries += new
        return new

    async def durable(self, seq: int) -> None:
        return None


class Evidences:
    """Texts by sha256."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def put(self, data: bytes, label: str) -> Evidence:
        text = data.decode()
        kept = evidence(text)
        self.texts[kept.sha256] = text
        return Evidence(sha256=kept.sha256, size=len(data), label=label)

    def get(self, sha256: str) -> bytes:
        if sha256 not in self.texts:
            raise WorldError(what=f"no evidence {sha256[:10]}")
        return self.texts[sha256].encode()


class Shelf:
    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, session: int, text: str) -> str:
        self.written.append(text)
        return f"memory/digests/{session}.md"


class Chair(Heart):
    """A heart whose ledger a cockpit watches; satisfies `Door` as well."""

    name = "adder"
    place = ""
    deployments = None
    """Where deployments are carried out; None = nothing can be."""
    elsewhere = None
    home = "/nowhere"
    """Where rules and incidents are written."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = MemoryLedger()
        self.entries = self.ledger.entries
        self.store = Evidences()
        self.shelf = Shelf()
        self.factory = Factory(state=self.state, ledger=self.ledger, clock=self)
        self.hear: Hear = lambda about, text: None
        self.closed: list[tuple[str, str]] = []
        self.handovers: HandoverPort | None = None
        """Where a person's turn waits to be told that it is done."""
        self.checked: list[Checked] = []
        """What the start tells of its checklist."""

    def now(self) -> str:
        hour, minute = divmod(self.minute, 60)
        return f"2026-11-22T{hour % 24:02}:{minute:02}:00.000Z"

    def monotonic(self) -> float:
        return self.minute * 60.0

    def do(self, command: c.Command, by: Actor | None = None) -> tuple[e.Event, ...]:
        entries = self.factory.submit(command, by or Actor(kind="factory", name="gatekeeper"))
        self.state = self.factory.state
        return tuple(entry.event for entry in entries)

    def tick(self) -> None:
        """A minute passes, on record, as the engine's clock does it."""
        self.minute += 1
        self.do(c.PassTime(now=self.now()))

    def keep(self, text: str) -> Evidence:
        return self.store.put(text.encode(), text[:40])

    def seal(self, task: str = "T-1", text: str = "") -> None:
        handoff = self.task(task).handoff
        assert handoff is not None
        words = f"# Brief of {handoff.id}\n\nYou are the {handoff.to}. Do {task} and nothing else.\n"
        self.keep(words)
        super().seal(task, words)

    def say(self, turn: str, text: str) -> None:
        self.hear(turn, text)

    # --- the door --------------------------------------------------------------------------------

    async def open(self, hear: Hear) -> View:
        self.hear = hear
        session = Session(factory=self.factory, evidence=self.store, shelf=self.shelf, entries=list(self.entries))

        shelf = RuleFiles(self.home, ".factory", lambda: [card.id for card in self.state.law.roles])
        desk = IncidentDesk(
            factory=self.factory,
            evidence=self.store,
            shelf=shelf,
            entries=lambda: session.entries,
            propose=self.propose_home,
            commits=self.rule_commits(),
        )
        reception = Reception(
            factory=self.factory,
            session=session,
            evidence=self.store,
            handovers=self.handovers,
            propose=self.propose_home,
            incidents=desk,
            deployments=self.deployments,
        )
        return FactoryView(
            factory=self.factory,
            evidence=self.store,
            reception=reception,
            clock=self,
            by=SUPERVISOR,
            past=tuple(self.entries),
        )

    def rule_commits(self) -> RuleCommits:
        """A home outside of the repository: nothing is committed."""
        return RuleCommits(
            factory=self.factory,
            worktrees=None,  # type: ignore[arg-type]
            evidence=self.store,
            attesting=None,  # type: ignore[arg-type]
            home=None,
            moving=asyncio.Lock(),
            why_unreadable=None,  # type: ignore[arg-type]
        )

    async def propose_home(self) -> None:
        """The home on disk is looked at again; here there is none."""

    async def start_up(self, report: Report) -> None:
        for checked in self.checked:
            report(checked)

    async def close(self, reason: str, words: str) -> str:
        self.closed.append((reason, words))
        return "memory/digests/1.md"

    # --- the cockpit -----------------------------------------------------------------------------

    @asynccontextmanager
    async def cockpit(self, width: int = 120, height: int = 40, arm: float = 0.0, **more):
        app = Cockpit(self, arm_seconds=arm, **more)
        async with app.run_test(size=(width, height)) as pilot:
            await opened(pilot)
            yield app, pilot


async def opened(pilot) -> None:
    """The factory is behind the screen, and drawn."""
    while pilot.app.view is None:
        await pilot.pause(0)
    await settled(pilot)


async def settled(pilot) -> None:
    """What a key began is done and drawn: every queue was empty, and no job is left."""
    for _ in range(3):
        await pilot.pause(0)
        while (pilot.app._jobs or pilot.app.has_keys) and pilot.app.is_running and pilot.app.return_code is None:
            await pilot.pause(0)
    room = pilot.app.room
    if room is not None and room.is_ready:
        room.present()
        room.show_hints()
    await pilot.pause(0)


async def press(pilot, *keys: str) -> None:
    """Keys one after the other, each done before the next."""
    for key in keys:
        pilot.app.post_message(typed(key))
        await settled(pilot)


def typed(key: str) -> Key:
    """A key as a terminal sends it."""
    return Key(_character_to_key(key), key) if len(key) == 1 else Key(key, None)


async def write(pilot, text: str) -> None:
    """Text into the line that is typed into, at once."""
    line = pilot.app.screen.query_one(LineInput)
    assert pilot.app.focused is line
    line.insert_text_at_cursor(text)
    await settled(pilot)


def screen_text(app) -> str:
    """What a person reads: a line for each row of the terminal."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips).rstrip("\n") + "\n"


def hint(app) -> str:
    """The strip of keys, or the words that stand there instead, whole."""
    rows = app.screen.bar_at("hints").box.height if app.room is not None else 1
    return " ".join(line.strip() if rows > 1 else line for line in screen_text(app).rstrip("\n").splitlines()[-rows:])


DIFF = """diff --git a/adder.py b/adder.py
--- a/adder.py
+++ b/adder.py
@@ -1,2 +1,4 @@
 def add(a, b):
     return a + b
+def subtract(a, b):
+    return a - b
"""


class BusyFloor(Chair):
    """A mission of six tasks: landed, failed once, at work, waiting for the supervisor, waiting for others."""

    def __init__(self) -> None:
        super().__init__()
        for tree in ("a1", "b1", "b2"):
            self.store.texts[evidence(f"diff of {tree}").sha256] = DIFF
        self.start_session(assurance="G0")
        mission("The adder subtracts, too, and says how")(self)
        self.minute = 1
        planned(
            plan_of("Subtraction", paths=("adder.py",)),
            plan_of("Subtraction of fractions", paths=("fractions.py",)),
            plan_of("The documentation says how", role="tech_writer", paths=("docs/api.md",), after=(0,)),
            plan_of("A page for it", role="designer", paths=("web/index.html",)),
        )(self)
        self.minute = 4
        self._land_first()
        self._fail_second()
        self.minute = 20
        self._work_on_page()

    def _land_first(self) -> None:
        handed_over("a1", "T-2")(self)
        reviewed(task="T-2")(self)
        self.minute = 9

    def _fail_second(self) -> None:
        handed_over("b1", "T-3", paths=("fractions.py",))(self)
        wrong = Finding(title="1/0 is accepted", detail="fractions.py divides by zero", path="fractions.py", line=3)
        reviewed(wrong, task="T-3")(self)
        self.minute = 15
        self.begin("T-3")
        self.wish(Action(kind="edit", path=".factory/memory/DNA.md", content="x"), "T-3")
        self.wish(Action(kind="run", command="python3 -m unittest"), "T-3")

    def _work_on_page(self) -> None:
        self.begin("T-5")
        self.wish(Action(kind="fetch", resource="package", target="pypi:jinja2"), "T-5")
