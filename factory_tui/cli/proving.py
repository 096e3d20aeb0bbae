"""What can be proven, and to whom: the ledger's chain, the evidence of landed commits, who asks for it elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from factory_tui.cli.ending import FINDINGS, Ended
from factory_tui.cli.speech import say, say_json
from factory_tui.cli.talking import here
from factory_tui.domain.errors import Refusal
from factory_tui.domain.plurals import count

if TYPE_CHECKING:
    from factory_tui.adapters.verify import Answer


@click.command()
@click.argument("what", metavar="[COMMIT | A..B]", default="")
@click.option("--trust", default="", help="Your own allowed_signers, instead of what each commit's base says.")
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def verify(what: str, trust: str, as_json: bool) -> None:
    """Prove the ledger's chain; of a commit or a range, that the gate let it through. Exit 1 when it does not hold."""
    if what:
        _verify_commits(what, trust, as_json)
    else:
        _verify_ledger(as_json)


def _verify_commits(what: str, trust: str, as_json: bool) -> None:
    from factory_tui.adapters import verify as verifier

    own = str(Path(trust).resolve()) if trust else here_trust()
    try:
        with verifier.Gate(here().home.repo_root, trust=own) as gate:
            answers = [gate.verify(commit) for commit in verifier.commits_of(here().home.repo_root, what)]
    except verifier.Closed as error:
        raise Refusal(what=f"{what} cannot be verified", why=str(error), next_step="name a commit, or A..B") from error
    if as_json:
        say_json("verify", {"commits": [{**asdict(one), "open": one.is_open} for one in answers]})
    for answer in () if as_json else answers:
        _say_answer(answer)
    if not all(one.is_open for one in answers):
        raise Ended(FINDINGS)


def here_trust() -> str:
    """The allowed signers of a home outside of the repository; empty = each commit's base has its own."""
    home = here().home
    return f"{home.home_dir}/trust/allowed_signers" if home.prefix is None else ""


def _say_answer(answer: Answer) -> None:
    from factory_tui.adapters.verify import LEVELS

    level = f"{answer.level}: {LEVELS[answer.level]}" if answer.level else ""
    say(f"{'open  ' if answer.is_open else 'CLOSED'} {answer.commit[:12]}  {level}".rstrip())
    for reason in answer.why:
        say(f"  closed: {reason}")
    for note in (*answer.notes, *answer.deployments):
        say(f"  note:   {note}")


def _verify_ledger(as_json: bool) -> None:
    place = here()
    state, entries, view = place.look()
    if view is None:
        raise Refusal(what="there is no ledger yet", next_step="a session begins one: `factory run`")
    damage = view.damage
    told: dict[str, Any] = {
        "ledger": place.place.ledger,
        "entries": len(entries),
        "head": view.head,
        "repository_id": view.repo_id,
        "torn_bytes": view.torn,
        "damage": None,
    }
    if damage is not None:
        told["damage"] = {"what": damage.what, "why": damage.why, "line": getattr(damage, "line", 0)}
    if view.repo_id and view.repo_id != place.place.repo_id:
        told["damage"] = told["damage"] or {
            "what": f"the ledger is bound to repository {view.repo_id}, the home says {place.place.repo_id}",
            "why": "",
            "line": 1,
        }
    if as_json:
        say_json("verify", told)
    else:
        say(f"{count(len(entries), 'entry', 'entries')}, head {view.head}")
        say(f"sessions: {state.session}; ledger: {place.place.ledger}")
        if view.torn:
            say(f"{count(view.torn, 'byte')} after the last good line: torn, or being written now")
        if told["damage"]:
            say(f"DAMAGED: {told['damage']['what']}\n  why:  {told['damage']['why']}")
        else:
            say("the chain holds")
    if told["damage"]:
        raise Ended(FINDINGS)


@click.command()
@click.argument("commit")
@click.option("--reason", required=True, help="Why; it stands in the statement.")
def vouch(commit: str, reason: str) -> None:
    """Sign a commit of yours that changes the home and nothing else, so that whoever verifies the branch opens it."""
    from factory_tui.adapters import verify as verifier
    from factory_tui.adapters.attesting import SshAttestor
    from factory_tui.adapters.git import find_repository
    from factory_tui.bootstrap.grounds import supervisor
    from factory_tui.domain.attesting import by_hand

    place = here()
    root = place.home.repo_root
    attestor = SshAttestor(find_repository(root), place.place.keys, trust=here_trust())
    try:
        with verifier.Gate(root, trust=here_trust()) as gate:
            made, base, tree, paths = gate.facts(commit)
            frame = frame_of(gate, base)
    except verifier.Closed as error:
        raise Refusal(what=f"{commit} cannot be vouched for", why=str(error)) from error
    draft = by_hand(made, tree, tuple(paths), supervisor("cli").name, reason, frame)

    async def sign() -> tuple[str, ...]:
        if problem := await attestor.problem(base):
            raise Refusal(what="nothing can be signed here", why=problem)
        await attestor.keep(made, [await attestor.sign(draft)])
        return await attestor.why_closed(made)

    if why := asyncio.run(sign()):
        raise Refusal(what=f"{made[:12]} is signed, and still closed", why="; ".join(why))
    say(f"{made[:12]} is open: {count(len(paths), 'file')} of the home, vouched for by you")
    say("It goes to others with: git push origin refs/notes/factory")


def frame_of(gate: Any, base: str, wall: str = "") -> Any:
    import os

    from factory_tui.adapters.clock import SystemClock
    from factory_tui.domain.attesting import Frame

    place = here()
    state, _, view = place.look()
    return Frame(
        seq=state.counters.get("statement", 0) + 1,
        previous=state.last_statement,
        ledger_seq=state.seq,
        ledger_head=view.head if view else "",
        base=base,
        policy=gate.policy(base)[1],
        charter=state.charter.sha256 if state.charter else "",
        wall=wall,
        root=os.geteuid() == 0,
        repository=place.place.repo_id,
        task="",
        at=SystemClock().now(),
    )


@click.group()
def install() -> None:
    """Have somebody else ask for the evidence: a CI job, or the server that is pushed to."""


@install.command()
@click.option("--branch", default="main", show_default=True, help="The branch that only takes what is open.")
@click.option("--key", default="", metavar="FILE", help="Make CI a key here, and have it run level 2 again (G2).")
def ci(branch: str, key: str) -> None:
    """Write a CI job that verifies each change, and the verifier it runs; says what that holds, and what not."""
    from factory_tui.adapters.gatehouse import CI_HOLDS, WITNESS_HOLDS, install_ci
    from factory_tui.adapters.keys import add_signers, make_ci_key

    home = here().home
    path = Path(key).expanduser().resolve() if key else None
    if path is not None and path.is_relative_to(home.repo_root):
        raise Refusal(what=f"{path} lies in the repository", why="a private key is never committed")
    written = install_ci(home.repo_root, home.home_dir, branch, witness=path is not None)
    if path is None:
        _say_installed(written, CI_HOLDS)
        return
    trusted = Path(home.home_dir, "trust/allowed_signers")
    add_signers(trusted, make_ci_key(str(path)))
    _say_installed((*written, str(path), str(trusted)), (*CI_HOLDS, *(line.format(key=path) for line in WITNESS_HOLDS)))


@install.command("pre-receive")
@click.argument("server", type=click.Path(exists=True, file_okay=False))
@click.option("--branch", default="main", show_default=True, help="The branch that only takes what is open.")
def pre_receive(server: str, branch: str) -> None:
    """Write the hook into a bare repository that you can write to; says what that holds, and what not."""
    from factory_tui.adapters.gatehouse import PRE_RECEIVE_HOLDS, install_pre_receive

    _say_installed(install_pre_receive(server, branch), PRE_RECEIVE_HOLDS)


def _say_installed(written: tuple[str, ...], holds: tuple[str, ...]) -> None:
    for path in written:
        say(f"wrote {path}")
    for line in holds:
        say(line)
