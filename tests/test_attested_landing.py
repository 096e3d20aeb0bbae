"""What a landing leaves behind for third parties: signed when it is cleared, verified before the branch moves."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path

from crew import (
    SUPERVISOR,
    Crew,
    answer,
    approve_all,
    commit,
    git,
    make_crew,
    settled,
    small_task,
)
from trusting import SETTINGS, author, landed, trusting_crew

from factory_tui.adapters import verify
from factory_tui.adapters.user_config import UserConfig
from factory_tui.adapters.walls import ProvenSandbox
from factory_tui.bootstrap.grounds import find_ground, look
from factory_tui.bootstrap.house import House
from factory_tui.domain import events as e
from factory_tui.domain.assurance import LEVELS
from factory_tui.domain.limits import DEGRADED
from factory_tui.domain.waiting import waiting
from factory_tui.domain.wording import worded
from factory_tui.engine.checklist import Checked


def verified(crew: Crew, name: str) -> verify.Answer:
    with verify.Gate(str(crew.root)) as gate:
        return gate.verify(name)


def test_what_the_factory_lands_a_third_party_finds_open(tmp_path: Path):
    crew = trusting_crew(tmp_path)
    before = git(crew.root, "rev-parse", "HEAD")
    assert asyncio.run(landed(crew)) == "{}"
    assert git(crew.root, "rev-parse", "HEAD^1") == before
    found = verified(crew, "HEAD")
    assert found.why == []
    assert (found.statements, found.level) == (4, "G0")


def landings(house: House) -> list[e.Landed]:
    return [entry.event for entry in house.ledger.entries if isinstance(entry.event, e.Landed)]


def test_each_landing_says_how_far_its_evidence_can_be_trusted(tmp_path: Path):
    crew = trusting_crew(tmp_path)
    told: list[Checked] = []

    async def play() -> None:
        async with crew.session(report=told.append) as house:
            await small_task(house, "Add by summing")
            await settled(house)
            (item,) = [item for item in waiting(house.state) if item.kind == "change"]
            answer(house, item.id, "approve")
            await settled(house)

    asyncio.run(play())
    house = crew.house()
    try:
        (one,) = landings(house)
        words = f"G0: {LEVELS['G0']}"
        assert (one.assurance, worded(one).partition("evidence ")[2]) == ("G0", words)
        digest = house.evidence.get(house.state.digest.evidence.sha256).decode() if house.state.digest else ""
        assert f"\nEvidence: {words}.\n" in digest
        assert f"evidence {words} (#" in digest
        assert [line.told for line in told if line.line == "evidence" and line.verdict == "ok"] == [words]
    finally:
        house.ledger.close()


def test_a_change_on_a_base_that_moved_is_open_too(tmp_path: Path):
    crew = trusting_crew(tmp_path)

    async def play() -> None:
        async with crew.session() as house:
            await small_task(house, "Add by summing")
            await settled(house)
            commit(crew.root, {"README.md": "# Adder, moved\n"}, "the base moves")
            (item,) = [item for item in waiting(house.state) if item.kind == "change"]
            answer(house, item.id, "approve")
            await settled(house)

    asyncio.run(play())
    assert len(git(crew.root, "rev-list", "--parents", "-n1", "HEAD").split()) == 3
    found = verified(crew, "HEAD")
    assert found.why == []
    assert any("merged onto" in note for note in found.notes)


def test_evidence_that_does_not_hold_lands_nothing(tmp_path: Path):
    """The trusted file names other keys for the reviewer than this machine has: signed, and not believed."""
    crew = trusting_crew(tmp_path)
    trust = crew.root / ".factory/trust/allowed_signers"
    lines = [line for line in trust.read_text().splitlines(keepends=True) if not line.startswith("quality@")]
    commit(crew.root, {".factory/trust/allowed_signers": "".join(lines)}, "nobody judges")
    before = git(crew.root, "rev-parse", "HEAD")
    why = asyncio.run(landed(crew))
    assert "its evidence does not hold" in why
    assert git(crew.root, "rev-parse", "HEAD") == before


class Unwalled(Crew):
    """On a machine without bwrap, by a supervisor who accepted that for the session."""

    def house(self) -> House:
        house = super().house()
        allowed = UserConfig(path="config.toml", accept_degraded=True)
        house.limits.sandbox = ProvenSandbox(house.ground.place.exports, allowed, bwrap="", accepted=True)
        return house


def test_every_statement_of_a_session_without_a_wall_says_so_and_who_accepted_it(tmp_path: Path):
    walled = trusting_crew(tmp_path)
    crew = Unwalled(root=walled.root, state_home=walled.state_home, seat=walled.seat)
    assert asyncio.run(landed(crew)) == "{}"
    found = verified(crew, "HEAD")
    assert found.why == []
    assert f"without a wall, accepted by {SUPERVISOR.name}" in found.notes
    assert f"wall: {DEGRADED}" in found.notes
    lines = git(crew.root, "notes", "--ref", "factory", "show", "HEAD").splitlines()
    told = [json.loads(base64.b64decode(json.loads(line)["payload"]))["predicate"]["factory"] for line in lines]
    assert {(one["wall"], one["degraded"]) for one in told} == {(DEGRADED, SUPERVISOR.name)}
    _says_root(crew, told, found)


def test_every_statement_event_and_digest_says_whether_the_factory_ran_as_root(tmp_path: Path):
    crew = trusting_crew(tmp_path)
    assert asyncio.run(landed(crew)) == "{}"
    lines = git(crew.root, "notes", "--ref", "factory", "show", "HEAD").splitlines()
    told = [json.loads(base64.b64decode(json.loads(line)["payload"]))["predicate"]["factory"] for line in lines]
    _says_root(crew, told, verified(crew, "HEAD"))


def _says_root(crew: Crew, statements: list[dict[str, object]], found: verify.Answer) -> None:
    is_root = os.geteuid() == 0
    assert {one["root"] for one in statements} == {is_root}
    assert ("the factory ran as root" in found.notes) == is_root
    _, entries, _ = look(find_ground(str(crew.root), crew.environment))
    started = [entry.event for entry in entries if isinstance(entry.event, e.SessionStarted)]
    assert {event.root for event in started} == {is_root}
    (digest,) = (crew.root / ".factory/memory/digests").glob("session-0001.md")
    head = digest.read_text().split("Mode:")[0]
    assert ("as root" in head) == is_root


def test_without_keys_the_session_says_so_and_lands_unsigned(tmp_path: Path):
    crew = make_crew(tmp_path, {"builder": author, "quality": approve_all}, {}, SETTINGS)
    assert asyncio.run(landed(crew)) == "{}"
    assert "no landing statement" in verified(crew, "HEAD").why[0]
    house = crew.house()
    try:
        assert "factory init --keys" in house.state.unsigned
        assert house.state.assurance == ""
        digest = house.evidence.get(house.state.digest.evidence.sha256).decode() if house.state.digest else ""
        assert "\nEvidence: nothing is signed: " in digest
        assert not [one for one in landings(house) if one.assurance]
    finally:
        house.ledger.close()


def test_statements_are_on_record_before_the_intent_and_chained(tmp_path: Path):
    crew = trusting_crew(tmp_path)
    asyncio.run(landed(crew))
    house = crew.house()
    try:
        kinds = [type(entry.event) for entry in house.ledger.entries]
        assert kinds.index(e.StatementsSigned) < kinds.index(e.LandingIntended)
        signed = next(entry.event for entry in house.ledger.entries if isinstance(entry.event, e.StatementsSigned))
        assert [one.kind for one in signed.statements] == ["smoke", "review", "approval", "landing"]
        assert house.state.last_statement == signed.statements[-1].envelope.sha256
        note = git(crew.root, "notes", "--ref=refs/notes/factory", "show", "HEAD").splitlines()
        assert [house.evidence.get(one.envelope.sha256).decode() for one in signed.statements] == note
    finally:
        house.ledger.close()
