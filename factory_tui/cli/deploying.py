"""Deployments from the command line: proposed, carried out, looked at, registered, taken back. Answers go by `answer`.

Where a factory runs, it does the work and the command waits for it; else the command does it, and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from factory_tui.cli.ending import FINDINGS, WAITS, Ended
from factory_tui.cli.speech import hint, say, say_json, table
from factory_tui.cli.talking import ask_anyhow, ask_opened, ask_running, here, request

if TYPE_CHECKING:
    from factory_tui.bootstrap.house import House
    from factory_tui.engine.ports import Progress

_json = click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")


def _order(order: str, **fields: str) -> dict[str, Any]:
    return request("deploy", order=order, **fields)


@click.group()
def deploy() -> None:
    """Bring one landed commit to an environment of deploy.yaml; see docs/deployment.md."""


@deploy.command()
@click.argument("environment")
@click.argument("commit", required=False, default="")
@click.option("--note", default="", help="What the approver should know.")
@_json
def propose(environment: str, commit: str, note: str, as_json: bool) -> None:
    """Propose a landed COMMIT (else what landed last). Nothing runs before somebody else approves."""
    told = ask_anyhow(here(), _order("propose", environment=environment, commit=commit, text=note), patiently=True)
    if as_json:
        say_json("deploy", told)
        return
    say(f"{told['deployment']} is proposed: {told['title']}")
    one = told["deployment"]
    say(f"look: factory inbox {one}; somebody else approves: factory answer {one} approve")
    say(f"then the factory that runs carries it out, or you do: factory deploy go {one}")


@deploy.command()
@click.argument("deployment")
@_json
def go(deployment: str, as_json: bool) -> None:
    """Carry out what a DEPLOYMENT owes: the approved command, level 4, the way back; or wait while that is done.

    Exits with 0 when it is verified, with 1 when it is not, with 4 when it waits for somebody.
    """
    id = deployment.upper()
    _end(_carried_out(_order("show", deployment=id), as_json), as_json)


@deploy.command()
@click.argument("deployment")
@click.option("--all", "every", is_flag=True, help="Also the checks that passed.")
@_json
def show(deployment: str, every: bool, as_json: bool) -> None:
    """One DEPLOYMENT: how it stands, and each run of level 4 with what did not pass."""
    told = ask_anyhow(here(), _order("show", deployment=deployment.upper()))
    if as_json:
        say_json("deploy", told)
        return
    _say_shown(told, every=every)


@deploy.command()
@click.argument("environment")
@_json
def status(environment: str, as_json: bool) -> None:
    """Ask the environment what runs there, and say what the ledger knows of it."""
    told = ask_anyhow(here(), _order("status", environment=environment), patiently=True)
    if as_json:
        say_json("deploy", told)
        return
    runs = told["running"] or "nothing"
    say(f"{environment}: {runs} runs there" if told["known"] else f"{environment}: unknown, {told['why_unknown']}")
    say(f"the ledger: {told['ledger']}")
    for line in told["deployments"]:
        say(f"  {line}")


@deploy.command()
@click.argument("commit")
@click.option("--env", "environment", required=True, help="Where it runs.")
@click.option("--reason", default="", help="Who made it, and how.")
@_json
def register(commit: str, environment: str, reason: str, as_json: bool) -> None:
    """Put a release on record that was made elsewhere (by CI, by hand), and check it like any other.

    Only what the environment's own status command says runs there is registered. Exits with 0 when level 4 passed.
    """
    _end(
        _carried_out(_order("register", environment=environment, commit=commit, text=reason), as_json),
        as_json,
    )


@click.command()
@click.argument("environment")
@click.option("--reason", default="", help="It stays on record.")
@click.option("--freeze", is_flag=True, help="Also freeze landings and deployments, and open an incident.")
@_json
def rollback(environment: str, reason: str, freeze: bool, as_json: bool) -> None:
    """Take an environment's last release back, by the way that was recorded; also in a freeze."""
    order = "stop" if freeze else "rollback"
    told = _carried_out(_order(order, environment=environment, text=reason), as_json)
    if as_json:
        say_json("deploy", told)
    else:
        _say_shown(told, every=False)
    if told["stage"] != "reverted":
        raise Ended(FINDINGS)


def _carried_out(wanted: dict[str, Any], as_json: bool) -> Any:
    """The order, then everything that its deployment owes: done by the factory that runs, else here."""
    place = here()
    told = ask_running(place, wanted, patiently=True)
    if told is not None:
        return ask_running(place, _order("await", deployment=told["deployment"]), patiently=True)
    return asyncio.run(ask_opened(wanted, after=_to_the_end, progress=_heard(as_json)))


async def _to_the_end(house: House, told: dict[str, Any]) -> Any:
    from factory_tui.bootstrap.grounds import supervisor
    from factory_tui.cli.talking import reception_of
    from factory_tui.engine.deploy_orders import Deploy

    await house.deployments.to_the_end(told["deployment"], house.attesting.attest_deployment)
    asked = Deploy(order="show", deployment=told["deployment"])
    return await reception_of(house).answer(asked, supervisor("cli"))


def _heard(quiet: bool) -> Progress:
    """Output and answers as they come, beside the command's own answer."""

    def hear(turn: str, text: str) -> None:
        import msgspec

        from factory_tui.domain.counting import is_to_come
        from factory_tui.domain.terms import CHECKS_OF, CheckRow

        if quiet:
            return
        if not turn.startswith(CHECKS_OF):
            hint(text.rstrip("\n"))
            return
        for line in text.splitlines():
            row = msgspec.json.decode(line, type=CheckRow)
            if not is_to_come(row):
                hint(f"{row.id} {row.verdict}: {row.reason or row.title}")

    return hear


def _end(told: Any, as_json: bool) -> None:
    if as_json:
        say_json("deploy", told)
    else:
        _say_shown(told, every=False)
    if told["waits"]:
        raise Ended(WAITS)
    if not told["verified"]:
        raise Ended(FINDINGS)


def _say_shown(told: Any, *, every: bool) -> None:
    what = f"{told['commit'][:12]} to {told['environment']}"
    say(f"{told['deployment']}: {what}, {told['stage']}{': ' + told['why'] if told['why'] else ''}")
    for run in told["checks"]:
        say(f"level 4 on {run['commit'][:12]}: {run['count']} ({run['seconds']:.1f} s)")
        rows = [row for row in run["rows"] if every or row["verdict"] not in ("pass", "not applicable")]
        cells = [(row["id"], row["verdict"], row.get("reason") or row.get("title") or "") for row in rows]
        for line in table(cells, indent="  "):
            say(line)
    if told["running"] is not None:
        say(f"{told['environment']}: {told['running'] or 'nothing'} runs there, as the ledger knows it")
    for incident in told["incidents"]:
        say(f"{incident} is open: factory incident show {incident}")
    if told["waits"]:
        say(f"it waits: factory answer {told['deployment']} {'|'.join(told['waits'])}")
