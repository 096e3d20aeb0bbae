"""Each limit of each role, tried through the very desk its seats sit at: card, rules, in-process tools, wall, import.

Green only where the attempt was refused and the world is as it was. Roles that share a boundary share its probe.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from factory_tui.adapters.clock import SystemClock
from factory_tui.adapters.import_stage import CHANGED, ImportStage, import_stage
from factory_tui.adapters.processes import PlainSandbox
from factory_tui.adapters.trying import PRECIOUS, SCRIPT, SECONDS, Tried, World, world
from factory_tui.adapters.workbench import DirectoryWorkbench
from factory_tui.domain.charter import Charter
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import WorldError
from factory_tui.domain.events import RedLimit, RoleLimits, TreeRefused
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.state import State, Task, Turn
from factory_tui.domain.terms import ACTION_KINDS, Action, Actor, Control, Evidence, RuleMatch
from factory_tui.engine.boundaries import held_paths
from factory_tui.engine.broker import Tools, TurnDesk
from factory_tui.engine.factory import Factory
from factory_tui.engine.gatekeeper import Gatekeeper
from factory_tui.engine.ports import Checks, Sandbox
from factory_tui.engine.seat_ports import Desk

TURN = "probe/p1"
LAYERS = ("not offered", "broker", "wall", "diff import")
BY_COMMAND = {
    "write outside by a command": "write_outside",
    "write a protected path by a command": "write_protected",
    "read a planted canary by a command": "read_host",
    "reach a loopback listener": "reach_loopback",
    "see a planted secret in environ": "see_environment",
    "signal another process": "signal_host",
    "outlive the command": "outlive_command",
    "git commit directly": "commit_with_git",
    "git push directly": "push_with_git",
    "keep a capability": "keep_capability",
    "make a namespace": "new_namespace",
    "write the kernel's settings": "write_kernel",
}
"""Limit, and the attempt that tries it."""
FIX = {
    "wall": "run `factory doctor`; install bubblewrap, or allow user namespaces on this machine",
    "broker": "the home's card or rules let it through: look at it with `factory check`",
    "not offered": "take the action off the card",
    "diff import": "protect the path in factory.toml",
}
_FILES = ("rules/rule", "src/code.py", ".factory/factory.toml", SCRIPT)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One limit of one role, tried."""

    role: str
    limit: str
    layer: str
    """Which one refused, of `LAYERS`; where none did, the one that should have."""
    holds: bool
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    cells: tuple[Cell, ...]
    wall: str
    control: Control

    def red(self, role: str = "") -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if not cell.holds and role in ("", cell.role))

    def by_role(self) -> tuple[RoleLimits, ...]:
        """As the ledger holds it: how many limits of each role were tried, and the red ones whole."""
        return tuple(
            RoleLimits(
                role=role,
                tried=sum(cell.role == role for cell in self.cells),
                red=tuple(
                    RedLimit(limit=cell.limit, layer=cell.layer, detail=cell.detail, fix=FIX[cell.layer])
                    for cell in self.red(role)
                ),
            )
            for role in sorted({cell.role for cell in self.cells})
        )

    def as_json(self) -> bytes:
        """Every cell."""
        return msgspec.json.encode(self.cells)

    def unproven(self, role: str) -> str:
        """Why the role cannot be seated, and the fix; empty = each of its limits was tried and holds."""
        if role not in {cell.role for cell in self.cells}:
            return f"no limit of the role `{role}` was tried"
        return "; ".join(f"{cell.limit}: {cell.detail}. {FIX[cell.layer]}" for cell in self.red(role)[:3])


@dataclass(frozen=True, kw_only=True)
class Route:
    """How a seat of some kind reaches the world: its limits are tried through this, and through nothing better."""

    desk: Callable[[Desk], Desk] = lambda desk: desk
    """Whatever stands between the seat's own tools and its desk."""
    sandbox: Callable[[Sandbox], Sandbox] = lambda sandbox: sandbox
    """What its own commands really run in, given what ours would."""
    program: Callable[[RoleCard, World], Awaitable[Sequence[Tried]]] | None = None
    """Tries what a seat's own program could do by itself; the same for every role. None = it has none."""


DIRECT = Route()
"""Of a seat that we play ourselves: each wish comes to the desk, each command runs in our sandbox."""


async def probe(
    charter: Charter, sandbox: Sandbox, place: str | Path, *, wall: str, control: Control, route: Route = DIRECT
) -> Matrix:
    """Tries every role of a charter. `wall` is the session's label, `control` how the seats are held, `route` how seats
    of this kind reach the world."""
    cells: list[Cell] = []
    known: dict[tuple[str, ...], tuple[Cell, ...]] = {}
    with import_stage(place) as stage:
        for card in charter.roles:
            cells.append(await _by_import(charter, card, stage, wall, control))
    for card in charter.roles:
        with world(place) as here:
            desk = route.desk(_desk_in(here, charter, card, route.sandbox(sandbox), wall, control))
            cells += await _by_tools(card, desk, here)
            key = (*_held(charter, card), "scratch" if not card.writes else "")
            if "run" not in card.actions:
                cells += [await _no_command(card, desk)]
                continue
            if key not in known:
                known[key] = await _by_command(card, desk, here)
            cells += [_of(card.id, cell) for cell in known[key]]
    if route.program is not None:
        with world(place) as here:
            tried = await route.program(charter.roles[0], here)
        cells += [_by_program(card, one) for card in charter.roles for one in tried]
    return Matrix(cells=tuple(cells), wall=wall, control=control)


def _by_program(card: RoleCard, one: Tried) -> Cell:
    return Cell(role=card.id, limit=one.name, layer="not offered", holds=one.refused, detail=one.detail)


def _of(role: str, cell: Cell) -> Cell:
    return Cell(role=role, limit=cell.limit, layer=cell.layer, holds=cell.holds, detail=cell.detail)


async def _by_tools(card: RoleCard, desk: Desk, here: World) -> list[Cell]:
    unlisted = next((kind for kind in ACTION_KINDS if kind not in card.actions), None)
    wishes = [
        ("write outside", Action(kind="edit", path="../victim/canary", content="x")),
        ("write outside by an absolute path", Action(kind="edit", path=str(here.victim / "canary"), content="x")),
        ("write through a link", Action(kind="edit", path="src/link", content="x")),
        ("write a protected path", Action(kind="edit", path="rules/rule", content="may")),
        ("change the gate's settings", Action(kind="edit", path=".factory/factory.toml", content="x")),
        ("read a planted canary", Action(kind="read", path="../victim/precious")),
        ("read a planted canary through a link", Action(kind="read", path="src/link")),
        *([("call an unlisted tool", Action(kind=unlisted, path="src/code.py", text="x"))] if unlisted else []),
    ]
    cells = []
    for limit, action in wishes:
        answer = await desk.act(action)
        layer = "not offered" if action.kind not in card.actions else "broker"
        leaked = PRECIOUS in answer.text
        changed = not here.is_untouched() or (here.work / "rules/rule").read_text() != "must"
        changed = changed or (here.work / ".factory").exists()
        detail = "it was allowed" if answer.ok else "the world changed" if changed else "it was read" if leaked else ""
        cells.append(
            Cell(role=card.id, limit=limit, layer=layer, holds=not (answer.ok or changed or leaked), detail=detail)
        )
    return cells


async def _by_import(charter: Charter, card: RoleCard, stage: ImportStage, wall: str, control: Control) -> Cell:
    """A commit of protected paths, tried to its end: the worktree is read as any other is, by the same import and the
    same decision."""
    factory = _factory(charter, card, wall, control, stage.base)
    desk = _desk(factory, card, stage.directory, PlainSandbox(stage.directory), _gate(factory, stage))
    refused: set[str] = set()

    def look(entry: Entry, state: object) -> None:
        if isinstance(entry.event, TreeRefused):
            refused.update(path for path in CHANGED for match in entry.event.matches if _names(match, path))

    end = factory.subscribe(look)
    try:
        async with asyncio.timeout(SECONDS):
            answer = await desk.act(Action(kind="commit", text="probe"))
        is_denied = answer.decision == "deny"
        open_paths = [] if is_denied else [path for path in CHANGED if path not in refused]
    except TimeoutError:
        is_denied, open_paths = False, list(CHANGED)  # it came in, and waits for a level 2 that nobody runs here
    finally:
        end()
    return Cell(
        role=card.id,
        limit="bring in a protected path with a change",
        layer="not offered" if is_denied else "diff import",
        holds=not open_paths,
        detail=f"came in: {', '.join(open_paths)}" if open_paths else "",
    )


def _names(match: RuleMatch, path: str) -> bool:
    return match.where == path or match.reason.startswith((f"{path}:", f"{path.partition('/')[0]}:"))


async def _no_command(card: RoleCard, desk: Desk) -> Cell:
    answer = await desk.act(Action(kind="run", command="true"))
    detail = "it ran" if answer.ok else ""
    return Cell(role=card.id, limit="run any command", layer="not offered", holds=not answer.ok, detail=detail)


async def _by_command(card: RoleCard, desk: Desk, here: World) -> tuple[Cell, ...]:
    answer = await desk.act(Action(kind="run", command=f"sh {SCRIPT}"))
    if answer.decision == "deny":
        # No shell at all: the strictest way to hold every one of them.
        return tuple(Cell(role=card.id, limit=limit, layer="broker", holds=True) for limit in BY_COMMAND)
    tried = {one.name: one for one in here.judge(answer.text, None if card.writes else here.root / "copy")}
    return tuple(
        Cell(
            role=card.id,
            limit=limit,
            layer="wall",
            holds=tried[name].refused,
            detail=tried[name].detail or ("" if tried[name].refused else "it worked"),
        )
        for limit, name in BY_COMMAND.items()
    )


# --- a desk in a world of its own ------------------------------------------------------------------


def _protected(charter: Charter) -> tuple[str, ...]:
    return (*charter.protected, "rules/**")


def _held(charter: Charter, card: RoleCard) -> tuple[str, ...]:
    return held_paths(card, _FILES, _protected(charter)).paths


def _factory(charter: Charter, card: RoleCard, wall: str, control: Control, base: str = "") -> Factory:
    """The real one, on a ledger that is forgotten. Its law is the charter's, with one more protected path."""
    law = replace(charter, protected=_protected(charter))
    task = Task(
        id="T-0",
        mission="M-0",
        role=card.id,
        delivers=card.delivers,
        title="probe",
        goal="probe",
        criteria=(),
        paths=(),
        after=(),
        asks=(),
        opened_seq=0,
        worktree_base=base,
    )
    turn = Turn(
        id=TURN,
        task="T-0",
        handoff="H-0",
        role=card.id,
        purpose="author",
        attempt=1,
        seat="probe",
        control=control,
        person="",
        brief="0" * 64,
        started="",
    )
    state = State(session=1, session_open=True, charter=law, wall=wall, tasks={"T-0": task}, turns={turn.id: turn})
    return Factory(state=state, ledger=_Forgotten(), clock=SystemClock())


def _desk_in(here: World, charter: Charter, card: RoleCard, sandbox: Sandbox, wall: str, control: Control) -> TurnDesk:
    directory = here.work
    if not card.writes:
        # Its commands run in a copy that vanishes; what it may not change is the tree that was copied.
        directory = here.root / "copy"
        shutil.copytree(here.work, directory, symlinks=True)
    factory = _factory(charter, card, wall, control)
    held = _held(charter, card) if card.writes else ()
    return _desk(factory, card, str(directory), sandbox, _NoGate(), environment=here.told, held=held)


def _desk(
    factory: Factory,
    card: RoleCard,
    directory: str,
    sandbox: Sandbox,
    gatekeeper: Gatekeeper,
    *,
    environment: Mapping[str, str] | None = None,
    held: tuple[str, ...] = (),
) -> TurnDesk:
    """The real desk."""
    return TurnDesk(
        turn=TURN,
        factory=factory,
        gatekeeper=gatekeeper,
        workbench=DirectoryWorkbench(),
        sandbox=sandbox,
        evidence=_NoEvidence(),
        progress=lambda turn, text: None,
        tools=Tools(directory=directory, environment=dict(environment or {}), readable=(), seconds=SECONDS, held=held),
    )


def _gate(factory: Factory, stage: ImportStage) -> Gatekeeper:
    def no_checks(charter: Charter) -> Checks:
        raise WorldError(what="a probe runs no level 2")

    return Gatekeeper(
        factory=factory,
        worktrees=stage.worktrees,
        evidence=_NoEvidence(),
        checks_for=no_checks,
        progress=lambda turn, text: None,
    )


class _Forgotten:
    """A ledger that keeps nothing. Satisfies `engine.factory.LedgerPort`."""

    def __init__(self) -> None:
        self._seq = 0

    def append(self, events: Sequence[object], by: Actor, at: str) -> tuple[Entry, ...]:
        entries = tuple(
            Entry(seq=self._seq + number, at=at, by=by, event=event) for number, event in enumerate(events, 1)
        )
        self._seq += len(entries)
        return entries

    async def durable(self, seq: int) -> None:
        return


class _NoEvidence:
    def put(self, data: bytes, label: str) -> Evidence:
        return Evidence(sha256="0" * 64, size=len(data), label=label)

    def get(self, sha256: str) -> bytes:
        return b""


class _NoGate(Gatekeeper):
    """No probe gets as far as a commit."""

    def __init__(self) -> None:
        pass
