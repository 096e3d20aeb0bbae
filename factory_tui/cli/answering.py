"""Answering: what waits for the supervisor, looked at whole, and answered by an explicit verb."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from factory_tui.cli.ending import WAITS, Ended
from factory_tui.cli.looking import say_waiting
from factory_tui.cli.speech import as_line, has_terminal, hint, say, say_json
from factory_tui.cli.talking import ask_anyhow, ask_running, here, request
from factory_tui.domain.errors import Refusal, UsageError


@click.command()
@click.argument("item", metavar="[ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def inbox(item: str | None, as_json: bool) -> None:
    """What waits for you; with an ID everything that your answer would be about."""
    place = here()
    wanted = request("inbox", id=item or "")
    told = ask_running(place, wanted)
    if told is None:
        told = _look_offline(place, item)
    if as_json:
        say_json("inbox", told)
    elif item is None:
        say_waiting(told["waiting"])
    else:
        _say_item(told)


def _look_offline(place: Any, item: str | None) -> dict[str, Any]:
    from factory_tui.adapters.evidence import EvidenceFiles
    from factory_tui.domain.waiting import waiting
    from factory_tui.engine.exhibits import find_item, parts_of
    from factory_tui.engine.summary import as_data

    state = place.look()[0]
    if item is None:
        return {"waiting": [as_data(one) for one in waiting(state)]}
    found = find_item(state, item)
    parts = parts_of(state, found, EvidenceFiles(place.place.evidence))
    told: dict[str, Any] = {"item": as_data(found)}
    told["parts"] = [{"title": part.title, "text": part.text} for part in parts]
    task = state.tasks.get(found.task)
    if found.kind == "turn" and task and task.worktree:
        told["directory"] = f"{place.place.worktrees}/open/{task.worktree}"
    return told


def _say_item(told: dict[str, Any]) -> None:
    item = told["item"]
    say(as_line(f"{item['id']}  {item['title']}"))
    say(f"since {item['since']}; sha256 {item['sha256']}")
    if told.get("directory"):
        say(f"worktree: {told['directory']}")
    for part in told["parts"]:
        say(f"\n--- {as_line(part['title'])}")
        say(part["text"].rstrip("\n"))
    say("")
    say_waiting([item])
    if item["kind"] not in ("digest", "turn"):
        say(f"      (`--sha {item['sha256'][:12]}` binds the answer to exactly what is shown here)")


@click.command()
@click.argument("item", metavar="ID")
@click.argument("verb")
@click.option("--text", default="", help="The reason, reply, role, seat or finding that the verb is about.")
@click.option("--file", "file", type=click.Path(dir_okay=False), help="`edit`: the new brief. Else: the text.")
@click.option("--sha", "sha256", default="", help="The sha256 of what you were shown, or its beginning.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def answer(item: str, verb: str, text: str, file: str | None, sha256: str, as_json: bool) -> None:
    """Answer one item with one of its verbs. Only an explicit verb approves; text never does."""
    content = None
    if file is not None:
        content = read_text(file)
        if verb != "edit" and not text:
            text, content = content, None
    expires = ""
    if verb == "approve":
        from factory_tui.adapters.clock import SystemClock, hours_after

        expires = hours_after(SystemClock().now(), APPROVAL_HOURS)
    told = ask_anyhow(
        here(),
        request("answer", id=item, verb=verb, text=text, sha256=sha256, content=content, expires=expires),
    )
    if as_json:
        say_json("answer", told)
        return
    bound = f" (bound to {told['sha256'][:12]})" if told["sha256"] else ""
    say(f"{told['id']} {told['verb']}: {told['title'] or 'done'}{bound}")


APPROVAL_HOURS = 24.0
"""For which an approval of a change is good."""


def read_text(path: str) -> str:
    """A file as UTF-8, or standard input for `-`. Raises UsageError."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(what=f"{path} cannot be read: {error}", next_step="name a text file in UTF-8") from error


@click.command()
@click.argument("digest")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def ack(digest: str, as_json: bool) -> None:
    """Say that you have read a digest (D-3, 3 or its path). No turn starts before that."""
    told = ask_anyhow(here(), request("ack", digest=digest))
    if as_json:
        say_json("ack", told)
    else:
        say(f"{told['id']} is read; `factory resume` goes on")


@click.command()
@click.argument("proposal", required=False)
@click.option("--sha", "sha256", default="", help="The sha256 of what you were shown, or its beginning.")
@click.option("--yes", is_flag=True, help="Adopt without being asked again.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def adopt(proposal: str | None, sha256: str, yes: bool, as_json: bool) -> None:
    """Bring a changed home into force: shows what differs, then adopts it for the tasks to come."""
    place = here()
    told = ask_anyhow(place, request("propose"))
    homes = [item for item in told["waiting"] if item["kind"] == "proposal" and "adopt" in item["verbs"]]
    if proposal is None:
        if len(homes) != 1:
            known = ", ".join(item["id"] for item in homes) or "none: the home is as it was adopted"
            raise Refusal(what="say which changed home to adopt", why=f"proposed: {known}", next_step="`factory inbox`")
        proposal = homes[0]["id"]
    shown = ask_running(place, request("inbox", id=proposal)) or _look_offline(place, proposal)
    if not yes:
        _say_item(shown)
        if not has_terminal():
            hint(f"nothing is adopted without a yes: `factory adopt {proposal} --yes`")
            raise Ended(WAITS)
        if not click.confirm("Adopt this for the tasks to come?", default=False):
            raise Ended(WAITS)
    bound = sha256 or shown["item"]["sha256"]
    told = ask_anyhow(place, request("adopt", proposal=proposal, sha256=bound), patiently=True)
    if as_json:
        say_json("adopt", told)
        return
    say(f"{told['id']} is in force: charter {told['charter'][:12]}")
    for line in told["committed"]:
        say(line)
    say("Commit the home to keep it: a session starts with the home as it is committed on the base branch.")


@click.command()
@click.argument("mode", type=click.Choice(["step", "flow"]))
@click.argument("task", required=False, default="")
def mode(mode: str, task: str) -> None:
    """step: one handoff for each answer of yours. flow: only what must, stops. With a task: its own."""
    told = ask_anyhow(here(), request("mode", mode=mode, task=task))
    say(f"{told['mode']} mode" + (f" for {task}" if task else ""))
