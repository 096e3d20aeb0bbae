"""Plays what is tried beside a desk: forged evidence of a real landing, a second writer, deployments nobody approved.

A stranger is asked afterwards: a fresh clone, the notes, and the verifier's own file. First the factory lands honestly,
so that whatever is closed then is closed because of the forgery.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from crew import SUPERVISOR, answer, settled, small_task
from deploy_home import make_shipping
from play import Attempt, Outcome, attempts_in
from real_git import CLEAN, git
from signing import Evidence, make_key
from trusting import landed, trusting_crew

from factory_tui.adapters import verify
from factory_tui.adapters.ledger import Ledger
from factory_tui.bootstrap.grounds import codec
from factory_tui.domain.attesting import KINDS, Draft
from factory_tui.domain.errors import FactoryError, Refusal
from factory_tui.domain.state import Deployment
from factory_tui.domain.terms import Action, Actor
from factory_tui.domain.waiting import waiting
from factory_tui.engine.seat_ports import ActionResult, Desk, TurnBrief

OTHER_PERSON = Actor(kind="supervisor", name="supervisor:eve@script")


def forgeries() -> list[Attempt]:
    return attempts_in(yaml.safe_load(Path(__file__).with_name("forgeries.yaml").read_text()))


def at(layer: str) -> list[Attempt]:
    """Those that are played here, not in a test of their own."""
    return [one for one in forgeries() if one.layer == layer and "played_in" not in one.given]


def _outcome(attempt: Attempt, escaped: Sequence[str], told: str) -> Outcome:
    return Outcome(role=attempt.roles[0], attempt=attempt, escaped=tuple(escaped), told=told[-600:])


# --- evidence ------------------------------------------------------------------------------------


@dataclass
class Landing:
    """A repository in which one change landed with all its evidence, and one commit beside it that nobody judged."""

    root: Path
    keys: Path
    names: dict[str, str]

    @property
    def evidence(self) -> Evidence:
        return Evidence(root=self.root, keys=self.keys)

    def fill(self, given: Any) -> Any:
        if isinstance(given, str):
            for name, value in self.names.items():
                given = given.replace(f"{{{name}}}", value)
            return given
        if isinstance(given, Mapping):
            return {key: self.fill(value) for key, value in given.items()}
        return [self.fill(one) for one in given] if isinstance(given, list) else given

    def shell(self, line: str) -> str:
        environment = {**CLEAN, "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@x"}
        environment |= {"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x"}
        done = subprocess.run(
            ["sh", "-c", line], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    def copied(self, to: Path) -> Landing:
        shutil.copytree(self.root, to, symlinks=True)
        return Landing(root=to, keys=self.keys, names=self.names)


def honest(place: Path) -> Landing:
    """What the real factory leaves behind."""
    crew = trusting_crew(place)
    base = git(crew.root, "rev-parse", "HEAD")
    why = asyncio.run(landed(crew))
    assert why == "{}", why
    sha = git(crew.root, "rev-parse", "HEAD")
    git(crew.root, "checkout", "-q", "-b", "beside", base)
    (crew.root / "adder.py").write_text("def add(a, b):\n    return 'evil'\n")
    git(crew.root, "commit", "-qam", "nobody judged this")
    other = git(crew.root, "rev-parse", "HEAD")
    git(crew.root, "checkout", "-q", "main")
    (keys,) = place.glob("state/factory/*/keys")
    mallory = make_key(keys, "mallory")
    mine = place / "mine"
    mine.write_text(f"* {mallory}\n")
    names = {"SHA": sha, "BASE": base, "OTHER": other, "SHORT": sha[:12], "UPPER": sha.upper(), "MALLORY": mallory}
    return Landing(root=crew.root, keys=keys, names={**names, "MINE": str(mine), "KEYS": str(keys)})


def forge(landing: Landing, given: Mapping[str, Any]) -> None:
    """Statements of the note, made otherwise, each by the key that the attempt has."""
    evidence, sha = landing.evidence, landing.names["SHA"]
    git_of = evidence.attestor
    lines = {_kind(line): line for line in asyncio.run(git_of.lines(sha))}
    for kind in ("smoke", "review", "approval", "landing"):
        if kind in given:
            lines = {**lines, kind: _forged(landing, kind, lines, given[kind])}
    kept = b"\n".join(line for line in lines.values() if line) + b"\n"
    onto = git(landing.root, "rev-parse", given["onto"]) if "onto" in given else sha
    note = landing.root.parent / f"{landing.root.name}.note"
    note.write_bytes(kept)
    git(landing.root, "notes", f"--ref={verify.NOTES}", "add", "-f", "-F", str(note), onto)


def _kind(line: bytes) -> str:
    predicate = json.loads(base64.b64decode(json.loads(line)["payload"]))["predicateType"]
    return next(kind for kind, type_ in KINDS.items() if type_ == predicate)


def _forged(landing: Landing, kind: str, lines: Mapping[str, bytes], how: Mapping[str, Any]) -> bytes:
    if how.get("drop"):
        return b""
    envelope = json.loads(lines[kind])
    statement = json.loads(base64.b64decode(envelope["payload"]))
    if "about" in how:
        _about(landing, statement, git(landing.root, "rev-parse", how["about"]))
    for path, value in how.get("set", {}).items():
        _put(statement, path.split("."), value)
    if kind == "landing" and "by" in how:
        others = [line for name, line in lines.items() if name != "landing" and line]
        statement["predicate"]["factory"]["statements"] = sorted(hashlib.sha256(one).hexdigest() for one in others)
    if how.get("keep_signature"):
        envelope["payload"] = base64.b64encode(verify.canonical(statement)).decode()
        return verify.canonical(envelope)
    draft = Draft(kind=kind, of="", commit=landing.names["SHA"], signer=how["by"], statement=statement)
    return landing.evidence.sign(draft)


def _about(landing: Landing, statement: dict[str, Any], commit: str) -> None:
    tree = git(landing.root, "rev-parse", f"{commit}^{{tree}}")
    ours = statement["predicate"]["factory"]
    statement["subject"][0]["digest"]["gitCommit"] = commit
    statement["subject"][1]["digest"]["gitTree"] = tree
    ours["base"] = git(landing.root, "rev-parse", f"{commit}^1")
    with verify.Gate(str(landing.root)) as gate:
        ours["policy"] = gate.policy(ours["base"])[1]
    if "reviewed" in ours:
        ours["reviewed"] = commit


def _put(into: Any, path: Sequence[str], value: Any) -> None:
    *way, last = path
    for part in way:
        into = into[int(part)] if isinstance(into, list) else into[part]
    into[last] = value


def ask_a_stranger(landing: Landing, name: str, place: Path) -> tuple[bool, str]:
    """Whether it is open, and everything that the verifier says, in a fresh clone with nothing of the repository's
    own configuration."""
    commit = git(landing.root, "rev-parse", "--verify", name) if name == "HEAD" else name
    subprocess.run(["git", "init", "-q", "--bare", str(place)], env=CLEAN, check=True)
    git(place, "fetch", "-q", str(landing.root), "+refs/*:refs/*")
    done = subprocess.run(
        [sys.executable, "-I", verify.__file__, "--repo", str(place), "--json", commit],
        capture_output=True,
        text=True,
        env=CLEAN,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert len(commit) < 40 or f'"{commit}"' in done.stdout, "it answered about another commit"
    return done.returncode == 0, done.stdout


def play_evidence(place: Path) -> list[Outcome]:
    stage = honest(place)
    is_open, told = ask_a_stranger(stage, stage.names["SHA"], place / "asked-first")
    assert is_open, told
    found = []
    for attempt in at("verify"):
        landing = stage.copied(place / attempt.id)
        given = landing.fill(attempt.given)
        if "shell" in given:
            landing.shell(given["shell"])
        if "lines" in given:
            forge(landing, {**given["lines"], **({"onto": given["onto"]} if "onto" in given else {})})
        is_open, told = ask_a_stranger(landing, given["ask"], place / f"{attempt.id}.asked")
        escaped = [] if is_open == (attempt.expect == "open") else [f"it is {'open' if is_open else 'closed'}"]
        if given.get("why", "") not in told:
            escaped.append(f"it does not say `{given['why']}`")
        if "naive" in given and given["naive_says"] not in (believed := landing.shell(given["naive"])):
            escaped.append(f"the control proves nothing: {believed[-200:]}")
        found.append(_outcome(attempt, escaped, told))
    return found


# --- the ledger ----------------------------------------------------------------------------------


async def play_ledger(place: Path) -> list[Outcome]:
    """A second factory on the same ledger; the first goes on."""
    found = []
    for attempt in at("ledger"):
        (place / attempt.id).mkdir()
        shipping = make_shipping(place / attempt.id)
        async with shipping.crew.session() as house:
            before, escaped, told = Path(house.ground.place.ledger).read_bytes(), ["it was opened"], ""
            try:
                shipping.crew.house()
            except FactoryError as error:
                escaped, told = [], str(error)
            await small_task(house, "Still here")
            await settled(house)
            if [item.kind for item in waiting(house.state)] != ["change"]:
                escaped.append("the first factory does not go on")
        view = Ledger.read(house.ground.place.ledger, codec=codec())
        if view.damage is not None or not Path(house.ground.place.ledger).read_bytes().startswith(before):
            escaped.append(f"the ledger was written by two: {view.damage}")
        found.append(_outcome(attempt, escaped, told))
    return found


# --- deployments ---------------------------------------------------------------------------------


async def play_deploy(place: Path) -> list[Outcome]:
    """A DevOps seat that wants what nobody approved; what ran is what the target's own log says."""
    told: dict[str, ActionResult] = {}
    given: dict[str, Any] = {}

    async def ship(brief: TurnBrief, desk: Desk) -> None:
        told["last"] = await desk.act(
            Action(kind="deploy", target="production", commit=given["commit"], text=given["id"])
        )
        await desk.act(Action(kind="escalate", text="what now?"))

    shipping = make_shipping(place, minds={"devops": ship})
    house = shipping.house()
    found: list[Outcome] = []
    try:
        await house.start(SUPERVISOR)
        names = {"OUTSIDE": str(place), "OTHER": git(shipping.crew.root, "rev-parse", "HEAD")}
        first = await _released(house)
        second = await _released(house)
        names |= {"OLDER": first.plan.commit, "NOW": second.plan.commit}
        third = await _landed(house)
        names |= {"SHA": third, "SHORT": third[:12]}
        for attempt in at("deploy"):
            filled = Landing(root=place, keys=place, names=names).fill(attempt.given)
            given.clear()
            given.update(filled)
            before, runs = shipping.log, shipping.runs
            await small_task(house, attempt.id, role="devops")
            await settled(house)
            ran = shipping.log != before
            escaped = await _end_wish(house, filled, first)
            result = told["last"]
            if attempt.expect == "refused" and result.ok:
                escaped.append("it was allowed")
            if ran or shipping.log != before or shipping.runs != runs or (place / "canary").exists():
                escaped.append("something was deployed")
            found.append(_outcome(attempt, escaped, result.text))
    finally:
        await house.close("played", SUPERVISOR)
    return found


async def _landed(house: Any) -> str:
    await small_task(house, f"Say {len(house.state.closed)}")
    await settled(house)
    (item,) = [item for item in waiting(house.state) if item.kind == "change"]
    answer(house, item.id, "approve")
    await settled(house)
    return str(house.state.closed[item.task].landed_as)


async def _released(house: Any) -> Deployment:
    commit = await _landed(house)
    await house.deployments.propose("production", commit, "as planned", OTHER_PERSON)
    one = list(house.state.deployments.values())[-1]
    answer(house, one.id, "approve")
    await settled(house)
    return house.state.deployments[one.id]


async def _end_wish(house: Any, given: Mapping[str, Any], first: Deployment) -> list[str]:
    """Gives an old approval again where the attempt says so, then says no to what waits and
    puts the task away."""
    escaped = []
    if given.get("replay"):
        try:
            answer(house, first.id, "approve")
            escaped.append("an approval was given a second time")
        except Refusal:
            pass
    for item in waiting(house.state):
        if item.kind == "deployment":
            answer(house, item.id, "reject", "no")
        elif item.kind == "ask":
            answer(house, item.id, "deny", "no")
    await settled(house)
    for task in [task.id for task in house.state.tasks.values() if task.role == "devops"]:
        answer(house, task, "drop", "it was only a wish")
    await settled(house)
    return escaped


STAGES = {"verify": play_evidence, "ledger": play_ledger, "deploy": play_deploy}
"""Layer, and what plays its attempts."""


def play_stage(layer: str, place: Path) -> list[Outcome]:
    """What is tried at one layer."""
    found = STAGES[layer](place)
    return found if isinstance(found, list) else asyncio.run(found)


def played_beside(place: Path) -> list[Outcome]:
    """All of them."""
    for layer in STAGES:
        (place / layer).mkdir()
    return [one for layer in STAGES for one in play_stage(layer, place / layer)]
