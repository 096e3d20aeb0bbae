"""Looking: status, the ledger's proof, its replay, digests. Changes nothing, needs no lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from factory_tui.cli.ending import FINDINGS, Ended
from factory_tui.cli.speech import as_line, say, say_json, table
from factory_tui.cli.talking import ask_running, here, request
from factory_tui.domain.errors import FactoryError, Refusal
from factory_tui.domain.plurals import count

if TYPE_CHECKING:
    from factory_tui.adapters.glance import Glance
    from factory_tui.domain.state import State


@click.command()
@click.option("--line", is_flag=True, help="One line, for a status bar.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def status(line: bool, as_json: bool) -> None:
    """Where the mission stands, who works, what waits for you."""
    if line:
        say(as_line(_status_line()))
        return
    place = here()
    runs = ask_running(place, request("status"))
    told = runs
    if told is None:
        from factory_tui.engine.summary import summary_of

        told = summary_of(place.look()[0])
    if as_json:
        say_json("status", {"repository": place.home.repo_root, "running": runs is not None, **told})
        return
    _say_status(told, runs is not None)


def _status_line() -> str:
    """Never an error: a status bar has no room for one."""
    try:
        place = here()
        told = ask_running(place, request("status"))
        if told is None:
            from factory_tui.engine.summary import summary_of

            told, mark = summary_of(place.look()[0]), "off"
        else:
            mark = "paused" if told["paused"] else told["mode"]
    except FactoryError as error:
        return f"factory: {error.what.splitlines()[0][:60]}"
    mission = told["mission"]
    turns = ", ".join(turn["id"] for turn in told["turns"])
    doing = turns if turns and mark != "off" else ("" if not mission or mission["outcome"] else mission["id"])
    waits = len(told["waiting"])
    parts = (f"factory {mark}", str(doing), f"{waits} for you" if waits else "")
    return " | ".join(part for part in parts if part)


def _say_status(told: dict[str, Any], runs: bool) -> None:
    session = told["session"]
    if not session["number"]:
        say("No session yet. `factory run --mission TEXT` or `factory run --task TEXT --to ROLE` begins one.")
        return
    state = f"runs, {told['mode']} mode" if runs else "does not run"
    if session["open"] and not runs:
        state += "; its last session did not end, `factory resume` writes its digest"
    if told["paused"]:
        state += f", paused: {told['paused']}"
    say(as_line(f"session {session['number']}, the factory {state}; wall: {told['wall'] or 'unknown'}"))
    if mission := told["mission"]:
        over = f" ({mission['outcome']})" if mission["outcome"] else f", lands on {mission['target']}"
        say(as_line(f"mission {mission['id']}: {_first(mission['text'])}{over}"))
    for name in ("tasks", "closed"):
        rows = [(task["id"], task["stage"], task["role"], _about(task)) for task in told[name]]
        for row in table(rows, "  "):
            say(row)
    for turn in told["turns"]:
        if runs:
            how = f"({turn['seat']}, {turn['control']}), since {turn['since']}"
            say(as_line(f"  {turn['id']} works on {turn['task']} {how}"))
    say_waiting(told["waiting"])


def _about(task: dict[str, Any]) -> str:
    extra = [f"attempt {task['attempt']}"] if task["attempt"] > 1 else []
    extra += [f"held: {task['held']}"] if task["held"] else []
    extra += [_first(task["why"])] if task["why"] else []
    return str(task["title"]) + (f" ({'; '.join(extra)})" if extra else "")


def _first(text: str) -> str:
    """Its first line that says anything."""
    return next((line for line in text.split("\n") if line.strip()), "")


def say_waiting(items: list[dict[str, Any]]) -> None:
    """What waits, each with the commands that look at it and answer it."""
    if not items:
        say("Nothing waits for you.")
        return
    say(f"{count(len(items), 'thing')} for you:")
    for item in items:
        say(as_line(f"  {item['id']}  {_first(item['title'])}"))
        say(f"      look: factory inbox {item['id']}   answer: {_how(item)}")


def _how(item: dict[str, Any]) -> str:
    match item["kind"]:
        case "digest":
            return f"factory ack {item['id']}"
        case "turn":
            return f"factory handover {item['id']}"
        case _:
            verbs = [verb for verb in item["verbs"] if verb != "adopt"]
            adopt = [f"factory adopt {item['id']}, or"] if "adopt" in item["verbs"] else []
            return " ".join([*adopt, f"factory answer {item['id']} {'|'.join(verbs)}"])


@click.command()
@click.option("--at", "at", type=click.IntRange(min=1), help="The state after this entry, and the entry.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def replay(at: int | None, as_json: bool) -> None:
    """Fold the ledger twice and compare, byte for byte; with --at, show one entry and the state after it."""
    import hashlib

    import msgspec

    from factory_tui.domain.evolve import fold
    from factory_tui.engine.summary import summary_of

    _, entries, view = here().look()
    if view is None:
        raise Refusal(what="there is no ledger yet", next_step="a session begins one: `factory run`")
    if at is not None and at > len(entries):
        raise Refusal(what=f"there is no entry {at}", why=f"the last one is {len(entries)}")
    wanted = entries[:at]
    one, two = (msgspec.json.encode(state, order="sorted") for state in (fold(wanted), fold(wanted)))
    state: State = fold(wanted)
    same, sha256 = one == two, hashlib.sha256(one).hexdigest()
    entry = msgspec.to_builtins(wanted[-1]) if at is not None else None
    told = {"entries": len(wanted), "same": same, "sha256": sha256, "entry": entry, "state": summary_of(state)}
    if as_json:
        say_json("replay", told)
    else:
        if at is not None:
            say(msgspec.json.format(msgspec.json.encode(wanted[-1]), indent=2).decode())
        if wanted:
            _say_status(summary_of(state), False)
        same_words = "both folds are the same" if same else "THE FOLDS DIFFER"
        say(f"{count(len(wanted), 'entry', 'entries')} folded twice: {same_words}, state {sha256}")
    if not same:
        raise Ended(FINDINGS)


@click.command()
@click.argument("session", required=False)
@click.option("--preview", is_flag=True, help="As it would be written now.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def digest(session: str | None, preview: bool, as_json: bool) -> None:
    """Print a session's digest: the last one, or session N's."""
    place = here()
    if preview:
        text, number, path = _preview(place), 0, ""
    else:
        from factory_tui.adapters.evidence import EvidenceFiles
        from factory_tui.domain import events as e

        _, entries, _ = place.look()
        written = [entry.event for entry in entries if isinstance(entry.event, e.DigestWritten)]
        number = _session_number(session, written[-1].session if written else 0)
        found = next((event for event in reversed(written) if event.session == number), None)
        if found is None:
            known = ", ".join(f"D-{event.session}" for event in written[-10:]) or "none yet"
            raise Refusal(what=f"there is no digest of session {number or session}", why=f"written: {known}")
        text, path = EvidenceFiles(place.place.evidence).get(found.evidence.sha256).decode(), found.path
    if as_json:
        say_json("digest", {"session": number, "path": path, "text": text})
    else:
        say(text.rstrip("\n"))


def _preview(place: Glance) -> str:
    told = ask_running(place, request("digest"))
    if told is not None:
        return str(told["text"])
    from factory_tui.domain import digest as digests

    state, entries, _ = place.look()
    if not state.session_open:
        raise Refusal(what="no session is open", next_step="`factory digest` prints the last one's")
    own = digests.session_of(entries, state.session)
    return digests.write(own, state, state.session, reason="it did not end; this is a preview")


def _session_number(text: str | None, last: int) -> int:
    if text is None:
        return last
    number = text.lower().removeprefix("d-")
    if not number.isdigit():
        raise Refusal(what=f"{text[:40]} is no session", next_step="`factory digest 3`, or `factory digest D-3`")
    return int(number)
