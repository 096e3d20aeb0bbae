"""A person's own work from the cockpit: their editor, a shell, handing over, taking a turn over and giving it back.

The cockpit steps aside for editor and shell and comes back; seats go on working meanwhile. Whoever takes over goes on
in the same worktree, on record, with their own name on what they do from then on.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence

from factory_tui.domain.spending import seat_of
from factory_tui.domain.state import Task, Turn
from factory_tui.tui.bindings import Act
from factory_tui.tui.screens.wheel import Chosen, Wheel

Words = Callable[[Mapping[str, str]], Sequence[str]]


class Hands:
    """What the keys of a person's turn do."""

    def __init__(self, chosen: Chosen, wheel: Wheel) -> None:
        self._chosen, self._wheel = chosen, wheel

    def not_now(self, act: Act) -> str:
        """Why an act of a person's own work does nothing now; empty = it works."""
        task, turn = self._chosen.chosen_task(), self._wheel.turn()
        if task is None:
            return "no task is chosen"
        if act.id == "turn.take-over":
            if turn is None and task.stage not in ("offered", "released"):
                return f"{task.id} is {task.stage}"
            return f"{turn.id} is yours already" if turn is not None and turn.control == "human" else ""
        if turn is None or turn.control != "human":
            return f"no turn on {task.id} is yours; {self._chosen.key_of('turn.take-over')} takes it over"
        if act.id == "turn.give-back" and not self._seat_before(turn):
            names = self._chosen.key_of("turn.seat")
            return f"no other seat is configured for {turn.role}; `{names}` names one for the task"
        return ""

    def _seat_before(self, turn: Turn) -> str:
        """The seat that the settings, or the choice for the role, would give it."""
        seat = seat_of(self._chosen.cockpit.state, turn.role, None)
        return "" if seat == "human" else seat

    # --- what they do ----------------------------------------------------------------------------

    def editor(self) -> None:
        """An author's whole worktree; whoever judges, plans or reports: the form."""
        words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        self._chosen.cockpit.soon(self._open(lambda place: (*words, place["form"] or place["directory"])))

    def shell(self) -> None:
        self._chosen.cockpit.soon(self._open(lambda place: (os.environ.get("SHELL") or "/bin/sh",)))

    async def _open(self, words: Words) -> None:
        turn, view = self._turn(), self._chosen.cockpit.view
        assert view is not None
        from factory_tui.engine.reception import Workplace

        place = await view.ask(Workplace(task=turn.task))
        code = await self._chosen.cockpit.step_aside(words(place), place["directory"])
        if code == 0:
            acts = ("turn.hand-over", "turn.hand-over-note", "turn.editor", "turn.shell")
            over, note, editor, shell = map(self._chosen.key_of, acts)
            again = f"{editor} and {shell} open it again"
            self._chosen.say(f"back from {turn.task}; {over} hands over, {note} with a note, {again}", "bar")
        else:
            self._chosen.say(f"back from {turn.task}; the program ended with exit code {code}", "warn")

    def hand_over(self) -> None:
        """With one key: nothing is lost by it, the gate looks at what comes, and `O` takes it back."""
        self._handed_over(self._turn(), "")

    def hand_over_with_note(self) -> None:
        turn = self._turn()
        self._chosen.type(
            f"hand over {turn.task}: a note to whoever comes next", lambda text: self._handed_over(turn, text)
        )

    def _handed_over(self, turn: Turn, note: str) -> None:
        from factory_tui.engine.reception import HandOver

        self._chosen.cockpit.ask(HandOver(task=turn.task, note=note), f"{turn.task} is handed over")

    def take_over(self) -> None:
        task, turn = self._task(), self._wheel.turn()
        told = f"{task.id} is yours from its next turn on, in the same worktree"
        if turn is None:
            from factory_tui.engine.orders import Steer

            self._chosen.cockpit.ask(Steer(target=task.id, order="seat", seat="human"), told)
            return
        self._chosen.type(
            f"take {turn.task} over from {turn.id} ({turn.seat}): why",
            lambda text: self._retire(turn, "human", text or "taken over by the supervisor", told),
        )

    def give_back(self) -> None:
        turn = self._turn()
        seat = self._seat_before(turn)
        self._chosen.type(
            f"give {turn.task} back to {seat}, which goes on in your worktree: what it shall know",
            lambda text: self._retire(turn, seat, text or "given back", f"{turn.task} goes back to {seat}"),
        )

    def _retire(self, turn: Turn, seat: str, why: str, told: str) -> None:
        from factory_tui.engine.orders import Steer

        self._chosen.cockpit.ask(Steer(target=turn.id, order="retire", text=why, seat=seat), told)

    def _turn(self) -> Turn:
        turn = self._wheel.turn()
        assert turn
        return turn

    def _task(self) -> Task:
        task = self._chosen.chosen_task()
        assert task
        return task
