"""A seat filled by a person, with their own editor and shell.

The brief and the directory are shown, then the seat waits, however long it takes. What the person hands over goes
through the same desk as any seat's; where it is refused they are told why, and the turn stays open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from factory_tui.adapters.brief_sections import change_in
from factory_tui.adapters.handovers import Handover, Handovers
from factory_tui.adapters.human_forms import FormKind, action_from, blank_form, form_name, note_in
from factory_tui.domain.errors import DocumentError, WorldError
from factory_tui.domain.roles import Delivers
from factory_tui.domain.terms import Action, SeatFacts
from factory_tui.engine.seat_ports import ActionResult, Desk, SeatOutcome, TurnBrief

LARGEST_FORM = 1_000_000
"""Bytes."""


class HumanSeat:
    """Satisfies `seat_ports.Seat`.

    `forms_dir` lies in the state place; a folder for each turn holds the brief, the diff and the form. `show` is told
    what the person must know. `delivers` says what ends a turn of a role, as its card has it.
    """

    def __init__(
        self,
        handovers: Handovers,
        forms_dir: str | Path,
        show: Callable[[str], None],
        delivers: Callable[[str], Delivers],
    ) -> None:
        self._handovers = handovers
        self._forms = Path(forms_dir)
        self._show = show
        self._delivers = delivers

    @property
    def kind(self) -> str:
        return "human"

    @property
    def facts(self) -> SeatFacts:
        return SeatFacts(control="human", knows_cost=True)

    async def run(self, brief: TurnBrief, desk: Desk) -> SeatOutcome:
        kind = self._form_kind(brief)
        if kind is None:
            return SeatOutcome(kind="failed", note=f"a person in the role {brief.role} has nothing to hand over yet")
        form = await asyncio.to_thread(self._lay_out, kind, brief)
        is_author = kind == "change"
        directory = brief.directory or str(form.parent)
        self._handovers.lay_out(brief.task, directory, "" if is_author else str(form))
        self._show(_opening(kind, brief, form))
        while True:
            handover = await self._handovers.wait(brief.task)
            try:
                told = await self._deliver(kind, brief, form, handover, desk)
            except (DocumentError, WorldError) as error:
                told = str(error)
            if not told:
                return SeatOutcome(kind="ok")
            self._show(f"{brief.task} stays with you.\n{told}\nThen: factory handover {brief.task}")

    async def close(self) -> None:
        """The form stays where it is; the person's own programs are theirs."""

    def _form_kind(self, brief: TurnBrief) -> FormKind | None:
        if brief.purpose == "review":
            return "review"
        delivers = self._delivers(brief.role)
        return None if delivers == "deployment" else delivers

    def _lay_out(self, kind: FormKind, brief: TurnBrief) -> Path:
        """Brief, diff and blank form; a form that is there already stays as it is."""
        place = self._forms / f"{brief.task}-{brief.turn.replace('/', '-')}"
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        (place / "brief.md").write_text(brief.text, "utf-8")
        diff_path = ""
        if diff := change_in(brief.text):
            (place / "change.diff").write_text(diff, "utf-8")
            diff_path = str(place / "change.diff")
        form = place / form_name(kind)
        if not form.exists():
            form.write_text(blank_form(kind, brief, diff_path), "utf-8")
        return form

    async def _deliver(self, kind: FormKind, brief: TurnBrief, form: Path, handover: Handover, desk: Desk) -> str:
        """What the person must be told; empty = delivered."""
        if question := handover.question.strip():
            return _refusal(await desk.act(Action(kind="escalate", text=question)))
        path = Path(handover.form_path) if handover.form_path else form
        text = await asyncio.to_thread(_read, path)
        action = action_from(kind, str(path), text, brief)
        if action.kind != "commit":
            return _refusal(await desk.act(action))
        message = handover.message.strip() or action.text or brief.title
        note = handover.note.strip() or note_in(str(path), text)
        return _refusal(await desk.act(Action(kind="commit", text=message))) or _refusal(
            await desk.act(Action(kind="hand_over", text=note))
        )


def _read(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FORM + 1)
        if len(data) > LARGEST_FORM:
            raise WorldError(what=f"{path} is larger than {LARGEST_FORM} bytes", next_step="shorten it")
        return data.decode("utf-8")
    except OSError as error:
        raise WorldError(
            what=f"the form {path} cannot be read: {error.strerror}", next_step="name the form that you filled in"
        ) from error
    except UnicodeDecodeError as error:
        raise WorldError(what=f"{path} is no UTF-8 text", next_step="save it as UTF-8") from error


def _refusal(result: ActionResult) -> str:
    return "" if result.ok else result.text or "it was refused"


def _opening(kind: FormKind, brief: TurnBrief, form: Path) -> str:
    work = {
        "change": f"Work in   {brief.directory}\n"
        "It has no git: your files are taken as they are, checked, then committed.",
        "review": f"Look at   {brief.directory}\nFill in   {form}",
        "plan": f"Look at   {brief.directory}\nFill in   {form}",
        "report": f"Look at   {brief.directory}\nWrite     {form}",
    }[kind]
    return (
        f"{brief.task} is yours, as {brief.role}: {brief.title}\nRead      {form.parent / 'brief.md'}\n{work}\n"
        f"{_checklist(brief)}When done  factory handover {brief.task}   (in the cockpit `>`; `e` and `i` to work)"
    )


def _checklist(brief: TurnBrief) -> str:
    """What the role looks at before it delivers, to be gone through by eye."""
    items = brief.card.checklist if brief.card is not None else ()
    return f"Look at this before you hand over\n{''.join(f'  [ ] {one}{chr(10)}' for one in items)}" if items else ""
