"""Steering from a pane: words to its turn, a pause, an interruption, a retirement, another seat.

Everything is about the chosen task and the turn that runs on it; what cannot be done says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from factory_tui.domain.state import Task, Turn
from factory_tui.tui.bindings import Act

if TYPE_CHECKING:
    from factory_tui.engine.orders import OrderKind
    from factory_tui.tui.bridge import Bridge
    from factory_tui.tui.chronicle import Story


class Chosen(Protocol):
    """The screen that is steered from."""

    @property
    def cockpit(self) -> Bridge: ...
    @property
    def toggled(self) -> int: ...
    def chosen_task(self) -> Task | None: ...
    def story(self) -> Story | None: ...
    def key_of(self, action: str) -> str: ...
    def say(self, text: str, style: str = "bar") -> None: ...
    def type(self, prompt: str | Sequence[str], then: Callable[[str], None], value: str = "") -> None: ...


class Wheel:
    """What the keys of a turn do."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen

    def turn(self) -> Turn | None:
        """The chosen turn while it runs; else the one that runs on the chosen task."""
        state, story, task = self._chosen.cockpit.state, self._chosen.story(), self._chosen.chosen_task()
        if story is not None and story.turn in state.turns:
            return state.turns[story.turn]
        return next((turn for turn in state.turns.values() if task and turn.task == task.id), None)

    def not_now(self, act: Act) -> str:
        """Why an act of steering does nothing now; empty = it works, or is none of these."""
        task, turn = self._chosen.chosen_task(), self.turn()
        if not act.id.startswith("turn.") or act.id not in ACTS:
            return ""
        if task is None:
            return "no task is chosen"
        if turn is not None and turn.retired is not None:
            return f"{turn.id} is being retired"
        match act.id:
            case "turn.resume" if not task.held and not (turn and turn.paused):
                return f"{task.id} is neither held nor paused"
            case "turn.interrupt" if task.held or task.over:
                return f"{task.id} is {'held' if task.held else 'over'}"
            case "turn.message" | "turn.seat" if task.over:
                return f"{task.id} is over"
            case "turn.pause" | "turn.retire" if turn is None:
                return f"no turn runs on {task.id}"
            case _:
                return ""

    # --- what they do ----------------------------------------------------------------------------

    def message(self) -> None:
        """To the turn that runs; without one it is a finding, which the next brief tells."""
        task, turn = self._task(), self.turn()
        if turn is None:
            self._chosen.type(
                f"no turn runs: a finding for {task.id}, which its next brief tells",
                lambda text: self._noted(task, text),
            )
            return
        who = "its verdict will name it" if turn.purpose == "review" else "it approves nothing"
        self._chosen.type(
            f"to {turn.id}, heard after its next step; {who}",
            lambda text: self._order(turn, "message", text, f"said to {turn.id}; it hears it after its next step"),
        )

    def _noted(self, task: Task, text: str) -> None:
        if not text:
            self._chosen.say("nothing was noted: it had no words", "warn")
            return
        self._about_task(task, "comment", text, f"noted as a finding of {task.id}")

    def pause(self) -> None:
        turn = self.turn()
        assert turn
        if turn.paused:
            self._order(turn, "resume", "", f"{turn.id} goes on")
        else:
            again, stop = self._chosen.key_of("turn.pause"), self._chosen.key_of("pause-all")
            told = f"{turn.id} stops after what it does now; {again} lets it go on, {stop} stops all"
            self._order(turn, "pause", "", told)

    def interrupt(self) -> None:
        task, turn = self._task(), self.turn()
        told = f"{task.id} is held, its work is kept; {self._chosen.key_of('turn.resume')} resumes"
        if turn is None:
            self._about_task(task, "hold", "held by the supervisor", told)
        else:
            self._order(turn, "interrupt", "", told)

    def resume(self) -> None:
        task, turn = self._task(), self.turn()
        if turn is not None and turn.paused and not task.held:
            self._order(turn, "resume", "", f"{turn.id} goes on")
        else:
            self._about_task(task, "unhold", "", f"{task.id} goes on")

    def retire(self) -> None:
        turn = self.turn()
        assert turn
        self._chosen.type(
            (
                f"retire {turn.id} and park {turn.task}: why",
                f"retire {turn.id} for another role: `role: why`",
                f"retire {turn.id} for another seat: `seat: why`",
            ),
            lambda text: self._retire(turn, text),
        )

    def _retire(self, turn: Turn, text: str) -> None:
        name, _, why = text.partition(":") if self._chosen.toggled else ("", "", text)
        to, seat = (name.strip(), "") if self._chosen.toggled == 1 else ("", name.strip())
        if self._chosen.toggled and not (name.strip() and why.strip()):
            self._chosen.say("nothing was sent: name it and say why, as in `performance: it loops`", "warn")
            return
        told = f"{turn.id} is retired, its work is kept; {turn.task} goes to {to or seat or 'the things that wait'}"
        self._order(turn, "retire", why.strip(), told, to=to, seat=seat)

    def seat(self) -> None:
        from factory_tui.engine.orders import Steer

        task = self._task()
        self._chosen.type(
            f"seat/MODEL@EFFORT for the next turns of {task.id}, or a part; empty: by the settings",
            lambda text: self._chosen.cockpit.ask(
                Steer(target=task.id, order="seat", seat=text),
                f"{task.id}: {text or 'the seat of the settings'} from its next turn on",
            ),
            task.seat,
        )

    def _task(self) -> Task:
        task = self._chosen.chosen_task()
        assert task
        return task

    def _order(self, turn: Turn, order: OrderKind, text: str, told: str, *, to: str = "", seat: str = "") -> None:
        from factory_tui.engine.orders import Steer

        self._chosen.cockpit.ask(Steer(target=turn.id, order=order, text=text, to=to, seat=seat), told)

    def _about_task(self, task: Task, verb: str, text: str, told: str) -> None:
        from factory_tui.engine.reception import Reply

        self._chosen.cockpit.ask(Reply(id=task.id, verb=verb, text=text), told)


ACTS = frozenset({"turn.message", "turn.pause", "turn.interrupt", "turn.resume", "turn.retire", "turn.seat"})
