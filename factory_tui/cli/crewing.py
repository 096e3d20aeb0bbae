"""The crew: who fills each role and why, what may be used, and the schema of the settings that say so."""

from __future__ import annotations

from typing import Any

import click

from factory_tui.cli.speech import as_line, say, say_json, table
from factory_tui.cli.talking import ask_anyhow, ask_running, here, request
from factory_tui.domain.errors import Refusal


@click.command()
def schema() -> None:
    """Print the JSON Schema of factory.toml, for editors."""
    from factory_tui.adapters.heads import settings_schema

    say(settings_schema().decode())


@click.command()
@click.argument("role", required=False)
@click.argument("seat", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def crew(role: str | None, seat: str | None, as_json: bool) -> None:
    """Who fills each role, and why. With a ROLE and a SEAT (`claude_code`, `anthropic_api/MODEL@EFFORT`, `/MODEL`,
    `@EFFORT`): from the role's next turn on; `-` as the SEAT = by the settings again."""
    place = here()
    if role and seat:
        ask_anyhow(place, request("seat-role", role=role, seat="" if seat == "-" else seat))
        say(f"{role}: {'the seat of the settings' if seat == '-' else seat} from its next turn on")
        return
    told = ask_running(place, request("crew")) or _crew_offline(place)
    rows = [one for one in told["crew"] if role in (None, one["role"])]
    if as_json:
        say_json("crew", {**told, "crew": rows})
        return
    if not rows:
        raise Refusal(what="no crew is on record yet", next_step="`factory run` or the cockpit begins a session")
    heads = [("role", "seat", "model", "effort", "turn may use", "why")]
    for line in table(heads + [tuple(one[key] or "-" for key in _COLUMNS) for one in rows]):
        say(line)
    for line in (*told["budgets"], *(f"! {note}" for note in told["notes"])):
        say(as_line(line))


_COLUMNS = ("role", "seat", "model", "effort", "share", "why")


def _crew_offline(place: Any) -> dict[str, Any]:
    from factory_tui.engine.summary import crew_of

    return crew_of(place.look()[0])


@click.command()
@click.argument("scope", required=False)
@click.option("--raise", "amount", help="By how much: `usd 5, tokens 500000`. For this day, session or task only.")
@click.option("--why", default="", help="The reason, on record.")
def budget(scope: str | None, amount: str | None, why: str) -> None:
    """What is used of every budget; or raise one: day, session, role:builder, task:T-1, turn:T-1."""
    place = here()
    if scope and amount:
        told = ask_anyhow(place, request("raise", scope=scope, amount=amount, reason=why))
        say(f"{scope} is raised: {told['now']}")
        return
    found = ask_running(place, request("crew")) or _crew_offline(place)
    for line in found["budgets"] or ["nothing is bounded, besides each turn by its role's card"]:
        say(line)
