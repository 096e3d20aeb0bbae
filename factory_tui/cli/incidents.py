"""Incidents: stop the bleeding, tell what happened, and turn it into a rule that is proven to catch it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from factory_tui.cli.answering import read_text
from factory_tui.cli.ending import FINDINGS, Ended
from factory_tui.cli.speech import say, say_json, table
from factory_tui.cli.talking import ask_anyhow, ask_running, here, request
from factory_tui.domain.plurals import count

_JSON = click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
_FORM = (
    click.option("--what", help="What happened."),
    click.option("--when", help="When it began and when it ended."),
    click.option("--cost", help="What it cost: time, money, trust."),
    click.option("--root-cause", help="Why it could happen."),
    click.option(
        "--level", type=click.IntRange(0, 5), help="The gate level that should have caught it; 0 = none could."
    ),
    click.option("--entry", "entries", type=click.IntRange(min=1), multiple=True, help="An entry that shows it."),
)


def _form(command: Any) -> Any:
    for option in reversed(_FORM):
        command = option(command)
    return command


def _wish(verb: str, *, patiently: bool = False, **fields: Any) -> Any:
    place, wanted = here(), request("incident", verb=verb, **fields)
    if patiently and (told := ask_running(place, wanted, patiently=True)) is not None:
        return told
    return ask_anyhow(place, wanted)


@click.group()
def incident() -> None:
    """Incidents: open one at any time, fill its form, and close it by a rule that is proven to catch it."""


@incident.command("open")
@click.argument("title")
@click.option("--task", default="", help="The task it is about.")
@click.option("--repeats", default="", help="A closed incident that happened again: its check is broken.")
@click.option("--no-freeze", is_flag=True, help="Let landings and deployments go on.")
@_form
@_JSON
def incident_open(title: str, task: str, repeats: str, no_freeze: bool, as_json: bool, **form: Any) -> None:
    """Something went wrong: TITLE says what. Landings and deployments stop until `factory unfreeze`."""
    first = {name: form[name] for name in ("what", "level")}
    told = _wish(
        "open", text=title, task=task, repeats=repeats, freeze=not no_freeze, entries=list(form["entries"]), **first
    )
    later = {name: form[name] for name in ("when", "cost", "root_cause") if form[name] is not None}
    if later:
        frozen = told["frozen"]
        told = _wish("fill", id=told["id"], **later) | {"frozen": frozen}
    if as_json:
        say_json("incident open", told)
        return
    say(f"{told['id']} {'is open again' if told['repeats'] else 'is open'}: {told['title']}")
    if told["frozen"]:
        say("landings and deployments are frozen; `factory unfreeze` lets them go on")
    say(f"next: {told['next']}")


@incident.command("list")
@_JSON
def incident_list(as_json: bool) -> None:
    """All incidents, the oldest first."""
    from factory_tui.engine.telling_incidents import frozen_of, incident_row

    state = here().look()[0]
    rows, frozen = [incident_row(one) for one in state.incidents.values()], frozen_of(state)
    if as_json:
        say_json("incident list", {"incidents": rows, "frozen": frozen})
        return
    if frozen:
        say(f"FROZEN {'landings and deployments' if frozen['landings'] else 'deployments'}: {frozen['reason']}")
    for line in table([(one["id"], _word(one), one["title"]) for one in rows]):
        say(line)
    if not rows:
        say("no incident is on record")


def _word(one: dict[str, Any]) -> str:
    if one["closed"]:
        return f"closed: {one['closed']}"
    return f"broken check {one['broken']}" if one["broken"] else "open"


@incident.command("show")
@click.argument("id")
@_JSON
def incident_show(id: str, as_json: bool) -> None:
    """One incident, whole: its form, its entries, its rule, and every result of the proof."""
    from factory_tui.adapters.evidence import EvidenceFiles
    from factory_tui.engine.incidents import incident_named
    from factory_tui.engine.telling_incidents import incident_data

    place = here()
    state = place.look()[0]
    told = incident_data(state, incident_named(state, id), EvidenceFiles(place.place.evidence))
    if as_json:
        say_json("incident show", told)
        return
    _say(told)
    if told["draft_text"]:
        say(f"\n--- {told['draft']['path']}\n{told['draft_text'].rstrip()}")


@incident.command("fill")
@click.argument("id")
@_form
@click.option("--without", "remove", type=click.IntRange(min=1), multiple=True, help="An entry that does not show it.")
@_JSON
def incident_fill(id: str, remove: tuple[int, ...], as_json: bool, **form: Any) -> None:
    """Fill the form, and pick the entries of the ledger that show it. What is not given stays as it is."""
    form["entries"] = list(form["entries"])
    _told("incident fill", _wish("fill", id=id, remove=list(remove), **form), as_json)


@incident.command("draft")
@click.argument("id")
@click.option("--file", "file", help="The rule's file; `-` = standard input. Without it: a skeleton to be finished.")
@click.option("--from", "proposal", default="", help="A seat's proposal of a rule: R-3.")
@click.option("--name", default="", help="What the file shall be called in rules/.")
@_JSON
def incident_draft(id: str, file: str | None, proposal: str, name: str, as_json: bool) -> None:
    """Attach a rule. Without a file: prints one whose `catches` is what the ledger recorded."""
    if file is None and not proposal:
        told = _wish("skeleton", id=id)
        if as_json:
            say_json("incident draft", told)
        else:
            say(told["text"].rstrip("\n"))
        return
    path = name or ("" if file in (None, "-") else str(file))
    text = read_text(file) if file is not None else ""
    _told("incident draft", _wish("draft", id=id, text=text, path=path, proposal=proposal), as_json)


@incident.command("prove")
@click.argument("id")
@_JSON
def incident_prove(id: str, as_json: bool) -> None:
    """Hold the drafted rule against the incident's own record, its near misses, and the last benign events."""
    told = _wish("prove", patiently=True, id=id)
    if as_json:
        say_json("incident prove", told)
    else:
        _say_proof(told)
    if told["proof"]["verdict"] != "pass":
        raise Ended(FINDINGS)


@incident.command("adopt")
@click.argument("id")
@_JSON
def incident_adopt(id: str, as_json: bool) -> None:
    """Write the proven rule and the incident into the home, and bring the rule into force."""
    told = _wish("adopt", patiently=True, id=id)
    if as_json:
        say_json("incident adopt", told)
        return
    say(f"written: {told['path']} and {told['record']}")
    if told["adopted"]:
        say(f"{told['rule']} is in force, for good; {told['id']} is closed by it")
        if told["committing"]:
            say(f"the commit that was begun is not done: {told['committing']}")
        _say_commit(told)
    elif told["proposal"]:
        say(f"the home changed besides: look at {told['proposal']} with `factory adopt {told['proposal']}`")


@incident.command("commit")
@click.argument("id")
@_JSON
def incident_commit(id: str, as_json: bool) -> None:
    """Commit an adopted rule and its incident, where that could not be done when it was adopted."""
    told = _wish("commit", patiently=True, id=id)
    if as_json:
        say_json("incident commit", told)
    else:
        _say_commit(told)
    if not told["commit"]["sha"]:
        raise Ended(FINDINGS)


def _say_commit(told: dict[str, Any]) -> None:
    """What the home's repository holds of it, or why it does not, and how to do it by hand."""
    done = told["commit"]
    say(done["told"])
    if not done["sha"]:
        say(f"Commit both, for whoever clones: `factory incident commit {told['id']}` once that is mended, or by hand:")
        files = [str(Path(here().home.home_dir) / path) for path in told["files"]]
        words = ["git", "commit", "-m", f"Adopt {told['rule']}, born from {told['id']}", "--", *files]
        say(f"  {shlex.join(['git', 'add', '-f', '--', *files])} && {shlex.join(words)}")
    elif done["unvouched"]:
        say(f"  factory vouch {done['sha'][:10]} --reason 'adopts {told['rule']}'")


@incident.command("close")
@click.argument("id")
@click.option("--reason", required=True, help="Why no rule can exist.")
@_JSON
def incident_close(id: str, reason: str, as_json: bool) -> None:
    """Close an incident without a rule, by the reason why none can exist."""
    _told("incident close", _wish("close", id=id, text=reason), as_json)


@click.command()
@click.argument("reason", required=False, default="")
def freeze(reason: str) -> None:
    """Let no landing and no deployment begin until `unfreeze`; a way back may."""
    told = _wish("freeze", text=reason)
    say(f"landings and deployments are frozen: {told['frozen']['reason']}")


@click.command()
@click.argument("reason", required=False, default="")
def unfreeze(reason: str) -> None:
    """Let landings and deployments go on."""
    _wish("unfreeze", text=reason)
    say("landings and deployments go on")


def _told(kind: str, told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(kind, told)
    else:
        _say(told)


def _say(told: dict[str, Any]) -> None:
    say(f"{told['id']} {told['title']} ({_word(told)})")
    rows = [
        (name.replace("_", " "), str(told[name] or "-")) for name in ("what", "when", "cost", "root_cause", "level")
    ]
    rows += [("entries", ", ".join(f"#{seq}" for seq in told["evidence"]) or "-")]
    for line in table(rows, "  "):
        say(line)
    if told["proof"]:
        _say_proof(told)
    if told["commit"]:
        _say_commit(told)
    if told["next"]:
        say(f"next: {told['next']}")


def _say_proof(told: dict[str, Any]) -> None:
    proof = told["proof"]
    say(f"proof of {told['draft']['rule']}: {proof['verdict'].upper()}, {proof['summary']}")
    rows = [
        (
            row["side"],
            "ok" if row["holds"] else "NOT",
            row["decision"],
            f"#{row['seq']}" if row.get("seq") else "",
            row["what"] + (f" ({row['reason']})" if row.get("reason") else ""),
        )
        for row in proof["rows"]
    ]
    disturbed = sum(row["side"] == "benign" for row in proof["rows"])
    rows.append(
        (
            "benign",
            "ok" if not disturbed else "NOT",
            "allow",
            "",
            f"{count(proof['benign'] - disturbed, 'event')} silent",
        )
    )
    for line in table(rows, "  "):
        say(line)
