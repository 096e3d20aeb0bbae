"""A floor that only streams: fifteen roles at work, for `tui_bench`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.state import Mission, State, Task, Turn
from factory_tui.domain.terms import Actor
from factory_tui.tui.view import MEMORY, changed_document

AT = "2026-11-22T10:00:00.000Z"
BY = Actor(kind="factory", name="bench")


def charter() -> Any:
    from factory_tui.adapters.documents import library_files, read_home

    files: dict[str, str | bytes] = {
        "factory.toml": 'repo_id = "0123456789abcdef0123456789abcdef"\n[smoke]\ncommand = "make test"\n',
        "memory/DNA.md": "---\nstack: {language: python}\n---\n# DNA\n",
    }
    return read_home(files, library_files(), prefix=".factory").charter


def busy_state(turns: int) -> State:
    law = charter()
    roles = [card.id for card in law.roles]
    tasks, running = {}, {}
    for number in range(turns):
        id, role = f"T-{number + 1}", roles[number % len(roles)]
        tasks[id] = Task(
            id=id, mission="M-1", role=role, delivers="change", title=f"Part {number}", goal="so", criteria=("it is",),
            paths=(), after=(), asks=(), opened_seq=number, stage="working", since=AT,
        )  # fmt: skip
        running[f"{role}/{number}"] = Turn(
            id=f"{role}/{number}", task=id, handoff=f"H-{number}", role=role, purpose="author", attempt=1, seat="bench",
            control="rehearsed", person="", brief="0" * 64, started=AT,
        )  # fmt: skip
    mission = Mission(id="M-1", text="bench", base_ref="refs/heads/main", base="0" * 40, target="x", tip="0" * 40)
    return msgspec.structs.replace(
        State(), charter=law, session=1, session_open=True, mode="flow", wall="bwrap", base="0" * 40,
        missions={"M-1": mission}, tasks=tasks, turns=running,
    )  # fmt: skip


def state_in(options: dict[str, Any]) -> State:
    """What the ledger would say, from the file that `tui_bench` wrote."""
    with open(options["state"], "rb") as file:
        return msgspec.json.decode(file.read(), type=State)


class BenchView:
    """A state that does not change; only text comes."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.past: Sequence[Entry] = [
            Entry(
                seq=number, at=AT, by=BY,
                event=e.TurnStarted(
                    turn=turn.id, task=turn.task, handoff=turn.handoff, role=turn.role, attempt=1, seat="bench",
                    control="rehearsed", brief="0" * 64, wall="bwrap",
                ),
            )
            for number, turn in enumerate(state.turns.values(), 1)
        ]  # fmt: skip

    def now(self) -> str:
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def monotonic(self) -> float:
        return time.monotonic()

    def subscribe(self, subscriber: Callable[[Entry, State], None]) -> Callable[[], None]:
        return lambda: None

    def evidence(self, sha256: str) -> bytes:
        return b""

    def parts(self, item: Any) -> Sequence[Any]:
        return ()

    async def submit(self, command: Any) -> Sequence[Entry]:
        return ()

    async def ask(self, request: Any) -> dict[str, Any]:
        return {"text": ""}


class BenchDoor:
    """Satisfies the cockpit's `Door`."""

    name = "bench"
    place = ""
    elsewhere = None

    def __init__(self, options: dict[str, Any], stream: Callable[..., Any]) -> None:
        self._options, self._stream = options, stream
        self._job: asyncio.Task[None] | None = None
        self._watching = contextlib.AsyncExitStack()

    async def open(self, hear: Callable[[str, str], None]) -> BenchView:
        view = BenchView(state_in(self._options))
        if self._options.get("home"):
            await self._watching.enter_async_context(watched(self._options["home"], hear))
        if self._options["rate"]:
            self._job = asyncio.create_task(self._play(view, hear))
        return view

    async def start_up(self, report: Any) -> None:
        return None

    async def _play(self, view: BenchView, hear: Callable[[str, str], None]) -> None:
        from bench.tui_child import finish

        names = list(view.state.turns)
        await asyncio.sleep(0.5)
        told = await self._stream(
            len(names), self._options["rate"], self._options["seconds"], lambda n, text: hear(names[n], text)
        )
        finish(self._options, told)

    async def close(self, reason: str, words: str) -> str:
        await self._watching.aclose()
        return ""


@contextlib.asynccontextmanager
async def watched(home: str, hear: Callable[[str, str], None]) -> AsyncIterator[None]:
    """A home's documents, marked as the product marks them."""
    from factory_tui.adapters.memory_watch import watching_memory

    def changed(path: str, old: str, new: str) -> None:
        hear(f"{MEMORY}{path}", changed_document(AT, old, new))

    async with watching_memory(home, changed) as watch:
        await watch.ready.wait()
        yield
