"""Handing over: a person's work goes to the factory that runs, or to one that is started for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from factory_tui.cli.answering import read_text
from factory_tui.cli.ending import INTERRUPTED, WAITS, Ended
from factory_tui.cli.running import ready
from factory_tui.cli.session import Wish, running_house, say_end
from factory_tui.cli.speech import hint, say, say_json
from factory_tui.cli.talking import ask_running, here, request
from factory_tui.domain.errors import FactoryError

if TYPE_CHECKING:
    from factory_tui.bootstrap.grounds import Ground
    from factory_tui.domain.state import Task


@click.command()
@click.argument("task")
@click.option("--note", default="", help="What the next role is told.")
@click.option("--message", default="", help="Of the commit; else the task's title.")
@click.option("--form", "form", type=click.Path(dir_okay=False), help="The filled-in form, if not the one laid out.")
@click.option("--question", default="", help="Ask instead of delivering: it goes to whom the role escalates.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def handover(task: str, note: str, message: str, form: str | None, question: str, as_json: bool) -> None:
    """Hand over your work on a task, as the person in its seat."""
    path = ""
    if form:
        read_text(form)
        path = str(Path(form).absolute())
    wanted = request("handover", task=task, note=note, message=message, form_path=path, question=question)
    place = here()
    told = ask_running(place, wanted, patiently=True)
    if told is not None:
        if as_json:
            say_json("handover", told)
        else:
            say(f"{told['task']}: {told['result']}")
        return
    hand_over_alone(wanted, as_json=as_json)


def hand_over_alone(wanted: Mapping[str, Any], *, as_json: bool) -> None:
    """No factory runs: one is started for this handover, goes on until it waits again, and ends with its digest."""
    wish = Wish(headless=True, as_json=as_json, chosen={})
    ground, before = ready(wish)
    task = before.task(wanted["task"])
    form = wanted["form_path"] or _form_of(ground, task)
    asyncio.run(_hand_over_alone(ground, wish, {**wanted, "task": task.id, "form_path": form}))


def _form_of(ground: Ground, task: Task) -> str:
    """The form that the person's last turn laid out: the turn ended with its session, the form is still theirs."""
    if not task.turns or not task.turns[-1].person:
        return ""
    folder = Path(ground.place.root) / "forms" / f"{task.id}-{task.turns[-1].id.replace('/', '-')}"
    forms = sorted(folder.glob("*.yaml")) + sorted(folder.glob("report.md"))
    return str(forms[0]) if forms else ""


async def _hand_over_alone(ground: Ground, wish: Wish, wanted: Mapping[str, Any]) -> None:
    import msgspec

    from factory_tui.bootstrap.grounds import supervisor
    from factory_tui.engine.reception import parse

    by = supervisor("cli")
    refused: FactoryError | None = None
    told: dict[str, Any] = {}
    async with running_house(ground, wish, by) as running:
        await running.until_somebody_waits()
        try:
            answer = running.reception.answer(parse(msgspec.json.encode(wanted)), by)
            told = await running.unless_stopped(answer)
            await running.until_somebody_waits()
        except FactoryError as error:
            refused = error
    if refused is not None:
        hint(f"digest: {ground.home.home_dir}/{running.digest}")
        raise refused
    if running.stopped_by:
        hint(f"interrupted; your files stay where they are. digest: {ground.home.home_dir}/{running.digest}")
        raise Ended(INTERRUPTED)
    if wish.as_json:
        say_json("handover", {**told, "digest_path": f"{ground.home.home_dir}/{running.digest}"})
    else:
        say(f"{told['task']}: {told['result']}")
        say_end(running.house, wish, running, running.house.state.mission is None)
    if running.house.state.mission is not None:
        raise Ended(WAITS)
