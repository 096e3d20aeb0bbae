"""What was asked again and again and always allowed: a draft for the role's card, exact, and the supervisor's alone."""

from __future__ import annotations

from hashlib import sha256

import pytest
from crew import SUPERVISOR, Crew, answer, make_crew, settled, small_task
from heart import charter, given
from heart import small_task as stated
from msgspec.structs import replace
from small_home import read_small, shipped_roles
from test_asking import LONG, RISKY, answered, asked, asking_law, wish

from factory_tui.adapters.front_matter import read_front_matter
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.card_drafts import CardDraft, card_drafts, with_settled
from factory_tui.domain.charter import Charter
from factory_tui.domain.digest import write
from factory_tui.domain.errors import Refusal, WorldError
from factory_tui.domain.terms import Action
from factory_tui.domain.waiting import waiting
from factory_tui.engine.exhibits import proposed_charter
from factory_tui.engine.seat_ports import Desk, TurnBrief
from factory_tui.engine.settling import DraftCard

ENTRY = f"run {RISKY}"
THREE = [step for _ in range(3) for step in (answered("allow"), wish(), wish())][:-2]
"""The first wish is made before them: asked three times, allowed three times."""


def settling(law: Charter, *entries: str) -> Charter:
    """The same law, with these entries on the builder's card."""
    roles = tuple(replace(card, settled=entries) if card.id == "builder" else card for card in law.roles)
    return replace(law, roles=roles, sha256=sha256(f"{law.sha256} {entries}".encode()).hexdigest())


def outcome(law: Charter, action: Action) -> str:
    """What a builder's wish comes to."""
    heart = given(stated(), lambda heart: heart.begin(), law=law).heart
    heart.wish(action, "T-1")
    kinds = {e.ActionAllowed: "allowed", e.ActionAsked: "asked", e.ActionDenied: "denied"}
    return next(kinds[type(one.event)] for one in reversed(heart.entries) if type(one.event) in kinds)


# --- what a card settles ---------------------------------------------------------------------------


def test_a_settled_ask_is_not_asked_and_any_other_is():
    run = Action(kind="run", command=RISKY)
    assert outcome(asking_law(), run) == "asked", "control: without the entry it is asked"
    assert outcome(settling(asking_law(), ENTRY), run) == "allowed"
    assert outcome(settling(asking_law(), f"{ENTRY} "), run) == "asked"
    assert outcome(settling(asking_law(), "run find . -delete -print"), run) == "asked"
    assert outcome(settling(asking_law(), ENTRY), Action(kind="run", command=f"{RISKY}; true")) == "asked"


def test_a_denial_stands_whatever_is_settled():
    assert outcome(settling(charter(), ENTRY), Action(kind="run", command=RISKY)) == "denied"


def test_what_is_asked_because_it_cannot_be_read_is_asked_again():
    assert outcome(settling(asking_law(), f"run {LONG}"), Action(kind="run", command=LONG)) == "asked"


def test_what_the_card_itself_asks_is_asked_again():
    package = Action(kind="fetch", resource="package", target="jinja2")
    assert outcome(settling(asking_law(), "fetch package:jinja2"), package) == "asked"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("fetch package:jinja2", "no ask that can be settled"),
        ("deploy production", "no ask that can be settled"),
        ("propose memory/DNA.md", "no ask that can be settled"),
        ("run", "no ask that can be settled"),
        ("make notes", "no ask that can be settled"),
    ],
)
def test_a_card_that_settles_what_is_looked_at_each_time_is_refused_with_its_line(entry, told):
    text = with_settled(shipped_roles()["roles/builder.md"], draft_of(entry))
    reading = read_small({"roles/builder.md": text})
    (problem,) = reading.problems
    assert reading.charter is None
    assert told in str(problem)
    assert text.split("\n")[problem.line - 1] == draft_of(entry).line


def test_a_reviewer_settles_nothing_that_it_may_not_wish_for():
    text = with_settled(shipped_roles()["roles/quality.md"], draft_of("edit adder.py"))
    assert "does not list `edit`" in str(read_small({"roles/quality.md": text}).problems[0])


# --- what becomes a draft --------------------------------------------------------------------------


def test_three_equal_asks_that_were_all_allowed_are_a_draft_and_fewer_or_denied_ones_are_none():
    heart = asked(*THREE).heart
    assert card_drafts(heart.entries, heart.state) == (CardDraft(role="builder", entry=ENTRY, asked=3, rules=("G4",)),)
    assert f"`builder {ENTRY}`: asked 3, allowed 3, by G4" in write(heart.entries, heart.state, 1, reason="enough")
    for steps in (THREE[:-3], [*THREE, wish(), wish(), answered("deny", "no")], [*THREE, wish(), wish()]):
        heart = asked(*steps).heart
        assert not card_drafts(heart.entries, heart.state)


def test_what_the_card_settles_already_is_no_draft():
    heart = asked(*THREE).heart
    assert not card_drafts(heart.entries, replace(heart.state, charter=settling(asking_law(), ENTRY)))


def test_what_cannot_be_read_is_no_draft():
    steps = [step for _ in range(3) for step in (wish(LONG), answered("allow"), wish(LONG))]
    heart = asked(answered("allow"), *steps).heart
    assert not card_drafts(heart.entries, heart.state)


def draft_of(entry: str, role: str = "builder") -> CardDraft:
    return CardDraft(role=role, entry=entry, asked=3, rules=("G4",))


@pytest.mark.parametrize("entry", ["run make notes", 'run echo "a: b" # c', "run printf '%s\\n' é", "edit src/a b.py"])
def test_the_line_says_to_the_letter_what_was_asked_and_nothing_else_changes(entry):
    before = shipped_roles()["roles/builder.md"]
    after = with_settled(before, draft_of(entry))
    old, new = (read_front_matter("builder.md", text) for text in (before, after))
    assert new.data == {**old.data, "settled": [entry]}
    assert new.body == old.body
    again = with_settled(after, draft_of("run make more"))
    assert sorted(read_front_matter("builder.md", again).data["settled"]) == sorted([entry, "run make more"])


@pytest.mark.parametrize("text", ["no head", "---\nid: builder\n", "---\nsettled: [run make]\n---\nbody"])
def test_a_card_that_cannot_take_a_line_is_left_alone(text):
    with pytest.raises(ValueError, match="it"):
        with_settled(text, draft_of(ENTRY))


# --- in a real home --------------------------------------------------------------------------------

ASKING = """---
id: H1
title: 'Notes are written with care'
tier: core
origin: engineering
severity: warn
concerns: [all]
bears_when:
  phases: [tool_call]
  actions: [run]
check:
  kind: deny_command
  patterns:
  - '\\btouch\\s+notes'
incident:
  name: notes were written over
  date: '2026-09'
  cost: 'a morning'
  source: 'own'
  seen: true
catches:
- role: builder
  action: run
  command: 'touch notes'
allows:
- role: builder
  action: run
  command: 'touch other'
---

# H1 Notes are written with care

Somebody looks.

## What happened

They were gone.

## Why

Nobody looked.

## Instead

Ask.
"""
NOTES = "run touch notes"


def notes(tmp_path) -> tuple[Crew, list[str]]:
    """A builder who wishes for the same thing at the beginning of its turn, as often as it is told."""
    got: list[str] = []

    async def builder(brief: TurnBrief, desk: Desk) -> None:
        for _ in range(3 if not got else 1):
            got.append((await desk.act(Action(kind="run", command="touch notes"))).decision)
        await desk.act(Action(kind="escalate", text="what next?"))

    return make_crew(tmp_path, {"builder": builder}, files={".factory/rules/H1.md": ASKING}), got


async def until_asked_thrice(house) -> None:
    await small_task(house, "Write notes")
    for _ in range(3):
        (item,) = await settled(house)
        assert item.kind == "ask"
        answer(house, item.id, "allow")
    await settled(house)


async def test_a_draft_is_written_into_the_home_and_in_force_only_once_it_is_adopted(tmp_path):
    crew, got = notes(tmp_path)
    card = crew.root / ".factory" / "roles" / "builder.md"
    async with crew.session() as house:
        desk = house.card_desk()
        with pytest.raises(Refusal, match="nothing to put on the card"):
            await desk.draft(DraftCard(role="builder", entry=NOTES))
        await until_asked_thrice(house)
        for wrong in (DraftCard(role="builder", entry="run rm -rf /"), DraftCard(role="quality", entry=NOTES)):
            with pytest.raises(Refusal, match="nothing to put on the card"):
                await desk.draft(wrong)
        assert not card.exists()
        told = await desk.draft(DraftCard(role="builder", entry=NOTES))
        assert card.read_text() == with_settled(shipped_roles()["roles/builder.md"], draft_of(NOTES))
        proposal = house.state.proposals[told["proposal"]]
        assert (proposal.path, proposal.problem) == ("roles/builder", "")
        assert not house.state.law.role("builder").settled, "writing it allows nothing"
        assert await desk.draft(DraftCard(role="builder", entry=NOTES)) == told, "twice is once"
        item = next(one for one in waiting(house.state) if one.id == told["proposal"])
        adopted = proposed_charter(house.state, item.id, house.evidence)
        await house.factory.carried_out(c.AdoptCharter(proposal=item.id, charter=adopted), SUPERVISOR)
        assert house.state.law.role("builder").settled == (NOTES,)
        assert not card_drafts(house.session.entries, house.state)
    assert got == ["ask"] * 3


async def test_a_card_of_the_home_that_says_something_else_meanwhile_is_not_written_over(tmp_path):
    crew, _ = notes(tmp_path)
    folder = crew.root / ".factory" / "roles"
    async with crew.session() as house:
        await until_asked_thrice(house)
        folder.mkdir(exist_ok=True)
        (folder / "builder.md").symlink_to("/etc/hostname")
        with pytest.raises(WorldError, match="is a link"):
            await house.card_desk().draft(DraftCard(role="builder", entry=NOTES))
