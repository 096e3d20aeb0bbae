"""Deployments from the command line: proposed, looked at, registered, taken back. Answers go by `answer`."""

from __future__ import annotations

import click

from factory_tui.cli.speech import say, say_json
from factory_tui.cli.talking import ask_anyhow, here, request


@click.group()
def deploy() -> None:
    """Bring one landed commit to an environment of deploy.yaml; see docs/deployment.md."""


@deploy.command()
@click.argument("environment")
@click.argument("commit", required=False, default="")
@click.option("--note", default="", help="What the approver should know.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def propose(environment: str, commit: str, note: str, as_json: bool) -> None:
    """Propose a landed COMMIT (else what landed last). Nothing runs before somebody else approves."""
    told = ask_anyhow(here(), request("deploy", order="propose", environment=environment, commit=commit, text=note))
    if as_json:
        say_json("deploy", told)
        return
    say(f"{told['deployment']} is proposed: {told['title']}")
    one = told["deployment"]
    say(f"look: factory inbox {one}; somebody else approves: factory answer {one} approve")


@deploy.command()
@click.argument("environment")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def status(environment: str, as_json: bool) -> None:
    """Ask the environment what runs there, and say what the ledger knows of it."""
    told = ask_anyhow(here(), request("deploy", order="status", environment=environment))
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
def register(commit: str, environment: str, reason: str) -> None:
    """Put a release on record that was made elsewhere (by CI, by hand); it is checked like any other."""
    wanted = request("deploy", order="register", environment=environment, commit=commit, text=reason)
    told = ask_anyhow(here(), wanted)
    say(f"{told['deployment']} is registered; level 4 is owed to it")


@click.command()
@click.argument("environment")
@click.option("--reason", default="", help="It stays on record.")
def rollback(environment: str, reason: str) -> None:
    """Take an environment's last release back, by the way that was recorded; also in a freeze."""
    told = ask_anyhow(here(), request("deploy", order="rollback", environment=environment, text=reason))
    say(f"{told['deployment']}: the way back is owed; it runs where a session is open")
