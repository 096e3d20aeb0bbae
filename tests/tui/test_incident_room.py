"""One incident by keys alone: its form, what shows it, a rule by hand or from a seat, the proof, and the adoption."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from chair import Chair, hint, press, screen_text, settled, write
from heart import SUPERVISOR, small_task
from real_git import git
from signing import trusting_repository
from test_incidents import RULE, run, with_rules
from test_snapshots import SIZES, look, picture

from factory_tui.adapters.home_commits import HomeFiles
from factory_tui.adapters.rule_files import read_rule
from factory_tui.adapters.worktrees import GitWorktrees
from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.errors import Refusal
from factory_tui.domain.terms import Verdict
from factory_tui.engine.attesting import Attesting
from factory_tui.engine.incidents import IncidentWish
from factory_tui.engine.rule_commits import RuleCommits


class Learning(Chair):
    """A builder ran three commands, and the third did harm; rules are written into a real directory."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home = str(home)
        self.start_session()
        small_task()(self)
        self.begin()
        for command in ("make test", "make lint"):
            run(self, command)
        self.seq = run(self, "make serve --port 80")
        self.do(c.OpenIncident(title="It took port 80", evidence=(self.seq,), freeze=False), SUPERVISOR)

    async def propose_home(self) -> None:
        files = sorted(Path(self.home, "rules").glob("*.md"))
        roles = [card.id for card in self.state.law.roles]
        found = [read_rule(f"rules/{file.name}", file.read_text(), roles) for file in files]
        law = with_rules(self.factory.state.law, *found)
        kept = self.store.put(msgspec.json.encode(law), "the home on disk")
        paths = tuple(f"rules/{one.id}" for one in found)
        self.do(c.ProposeCharter(charter=law, sha256=law.sha256, evidence=kept, paths=paths))

    @property
    def known(self):
        return self.factory.state.incidents["I-1"]

    async def prove_by_hand(self, app) -> None:
        await app.view.ask(IncidentWish(verb="draft", id="I-1", path="rules/P101-ports.md", text=RULE))
        await app.view.ask(IncidentWish(verb="prove", id="I-1"))


class Committing(Learning):
    """The same, in a real repository whose home trusts the keys of this machine."""

    def __init__(self, tmp_path: Path) -> None:
        self.repository = trusting_repository(tmp_path)
        self.root = self.repository.root
        (self.root / ".factory/rules/X1.md").unlink()
        git(self.root, "config", "user.name", "Ann")
        git(self.root, "config", "user.email", "ann@example.invalid")
        super().__init__(self.root / ".factory")
        filled = c.FillIncident(incident="I-1", when="noon", cost="an hour", root_cause="nobody said which port")
        self.do(filled, SUPERVISOR)

    def rule_commits(self) -> RuleCommits:
        place = self.root.parent

        async def why_unreadable(commit: str) -> str:
            return ""

        return RuleCommits(
            factory=self.factory,
            worktrees=GitWorktrees(str(self.root), str(place / "worktrees")),
            evidence=self.store,
            attesting=Attesting(
                factory=self.factory,
                attestor=self.repository.attestor,
                evidence=self.store,
                head=lambda: "0" * 64,
                now=self.now,
                repository="0" * 32,
                as_root=False,
            ),
            home=HomeFiles(str(self.root), ".factory", str(place / "home-commits")),
            moving=asyncio.Lock(),
            why_unreadable=why_unreadable,
        )


@pytest.fixture
def chair(tmp_path: Path) -> Learning:
    return Learning(tmp_path)


async def in_the_room(pilot) -> None:
    """Two keys: what stops the bleeding, and the incident."""
    await press(pilot, "!", "G", "enter")
    await settled(pilot)


@pytest.mark.parametrize(("keys", "name"), [("o", "IncidentSheet"), ("o e", "Drafting"), ("o +", "Picking")])
async def test_each_of_its_screens_is_two_keys_away(chair: Learning, keys: str, name: str) -> None:
    async with chair.cockpit() as (app, pilot):
        await press(pilot, *keys.split())
        await settled(pilot)
        assert type(app.screen).__name__ == name


async def test_the_form_is_one_key_away_and_goes_on_record_with_the_next(chair: Learning) -> None:
    async with chair.cockpit() as (app, pilot):
        await in_the_room(pilot)
        await press(pilot, "e")
        area = app.room.query_one("#written")
        area.text = area.text.replace("when: \n", "when: noon\n").replace("cost: \n", "cost: an hour\n")
        await press(pilot, "escape")
        assert "+when: noon" in screen_text(app)
        await press(pilot, "E")
        await settled(pilot)
        assert (chair.known.when, chair.known.cost) == ("noon", "an hour")
        assert "an hour" in screen_text(app), "and it is shown as it is now"


async def test_what_shows_it_is_picked_from_the_ledger_and_taken_back(chair: Learning) -> None:
    async with chair.cockpit() as (app, pilot):
        await in_the_room(pilot)
        await press(pilot, "+")
        assert f"[x] #{chair.seq}" in screen_text(app)
        await press(pilot, "j", "enter")
        await settled(pilot)
        assert len(chair.known.evidence) == 2
        await press(pilot, "enter")
        await settled(pilot)
        assert chair.known.evidence == (chair.seq,)
        await press(pilot, "enter")
        await settled(pilot)
        await press(pilot, "escape")
        assert "what shows it: 2 of the ledger" in screen_text(app)


async def test_a_rule_is_written_by_hand_from_what_was_recorded(chair: Learning) -> None:
    async with chair.cockpit() as (app, pilot):
        await in_the_room(pilot)
        await press(pilot, "p")
        assert "no rule is drafted" in hint(app)
        await press(pilot, "w")
        await settled(pilot)
        area = app.room.query_one("#written")
        assert "make serve --port 80" in area.text, "what it must catch is what the ledger recorded"
        await press(pilot, "escape", "E")
        await settled(pilot)
        assert "not finished" in hint(app)
        await press(pilot, "escape")
        await press(pilot, "w")
        await settled(pilot)
        app.room.query_one("#written").text = RULE
        await press(pilot, "escape", "E")
        await settled(pilot)
        assert chair.known.draft is not None
        assert chair.known.draft.rule == "P101"
        await press(pilot, "p")
        await settled(pilot)
        assert chair.known.proof is not None
        assert chair.known.proof.verdict is Verdict.PASS


async def test_a_proven_rule_is_adopted_only_after_its_proof_was_seen(chair: Learning) -> None:
    async with chair.cockpit(120, 40) as (app, pilot):
        await chair.prove_by_hand(app)
        await in_the_room(pilot)
        assert "fill the form" in screen_text(app)
        await press(pilot, "A")
        assert chair.known.rule == "", "the form is not filled"
        filled = c.FillIncident(incident="I-1", when="noon", cost="an hour", root_cause="nobody said which port")
        chair.do(filled, SUPERVISOR)
        await press(pilot, "escape", "enter")
        await settled(pilot)
        shown = screen_text(app)
        assert "MUST CATCH" in shown
        assert "MUST SPARE" in shown
        assert "2 of 2 benign events silent" in shown
        await press(pilot, "A")
        await settled(pilot)
        assert chair.known.closed == "rule P101"
        assert "P101" in {one.id for one in chair.factory.state.law.rules}, "live at once"
        assert (Path(chair.home) / "rules" / "P101-ports.md").read_text() == RULE
        assert "Root cause" in (Path(chair.home) / "memory" / "incidents" / "I-1.md").read_text()


async def adopted(chair: Committing, app, pilot) -> None:
    await chair.prove_by_hand(app)
    await in_the_room(pilot)
    await press(pilot, "A")
    await settled(pilot)


async def test_adopting_says_as_what_it_was_committed_and_a_verifier_opens_that(tmp_path: Path) -> None:
    chair = Committing(tmp_path)
    async with chair.cockpit(120, 40) as (app, pilot):
        await adopted(chair, app, pilot)
        made = git(chair.root, "rev-parse", "main")
        told = f"committed on main as {made[:10]}; `factory verify` is open for it"
        assert f"P101 is in force; {told}" in hint(app)
        assert chair.repository.why("main") == []
        await press(pilot, "G", "enter")
        await settled(pilot)
        assert told in screen_text(app)
        await press(pilot, "c")
        assert f"both are committed, as {made[:10]}" in hint(app)


async def test_what_could_not_be_committed_is_said_and_one_key_tries_again(tmp_path: Path) -> None:
    chair = Committing(tmp_path)
    git(chair.root, "checkout", "-q", "--detach")
    async with chair.cockpit(120, 40) as (app, pilot):
        await adopted(chair, app, pilot)
        assert "P101 is in force; not committed: HEAD is detached" in hint(app)
        await press(pilot, "G")
        assert "P101 is not committed: HEAD is detached" in screen_text(app)
        await press(pilot, "enter")
        await settled(pilot)
        assert "c tries again" in screen_text(app)
        git(chair.root, "checkout", "-q", "main")
        await press(pilot, "c")
        await settled(pilot)
        made = git(chair.root, "rev-parse", "main")
        assert f"committed on main as {made[:10]}" in screen_text(app)
        assert git(chair.root, "log", "-1", "--format=%s") == "Adopt P101, born from I-1"


async def test_on_a_small_screen_the_proof_is_gone_to_before_it_can_be_adopted(chair: Learning) -> None:
    filled = c.FillIncident(incident="I-1", what="x " * 1_500, when="noon", cost="an hour", root_cause="nobody said")
    chair.do(filled, SUPERVISOR)
    async with chair.cockpit(80, 24) as (app, pilot):
        await chair.prove_by_hand(app)
        await in_the_room(pilot)
        await press(pilot, "A")
        assert "the proof was not on the screen yet" in hint(app)
        await press(pilot, "d")
        await settled(pilot)
        await press(pilot, "A")
        await settled(pilot)
        assert chair.known.closed == "rule P101"


async def test_a_rule_that_changed_since_it_was_shown_is_not_adopted(chair: Learning) -> None:
    filled = c.FillIncident(incident="I-1", when="noon", cost="an hour", root_cause="nobody said which port")
    chair.do(filled, SUPERVISOR)
    async with chair.cockpit() as (app, _):
        await chair.prove_by_hand(app)
        with pytest.raises(Refusal, match="changed since it was shown"):
            await app.view.ask(IncidentWish(verb="adopt", id="I-1", sha256="0" * 12))
        assert chair.known.rule == ""


async def test_it_closes_by_a_reason_and_a_closed_one_is_still_shown(chair: Learning) -> None:
    async with chair.cockpit() as (app, pilot):
        await in_the_room(pilot)
        await press(pilot, "R")
        await write(pilot, "the port was somebody else's")
        await press(pilot, "enter")
        await settled(pilot)
        assert chair.known.closed == "the port was somebody else's"
        assert any(isinstance(entry.event, e.IncidentClosed) and not entry.event.rule for entry in chair.entries)
        await press(pilot, "G", "enter")
        await settled(pilot)
        shown = screen_text(app)
        assert "somebody else's" in shown
        assert "make serve --port 80" in shown, "with what showed it"
        await press(pilot, "p")
        assert "is closed" in hint(app)


async def test_a_repeat_reopens_it_as_a_broken_check_and_no_new_one(chair: Learning) -> None:
    filled = c.FillIncident(incident="I-1", when="noon", cost="an hour", root_cause="nobody said which port")
    chair.do(filled, SUPERVISOR)
    async with chair.cockpit() as (app, pilot):
        await chair.prove_by_hand(app)
        await app.view.ask(IncidentWish(verb="adopt", id="I-1"))
        await in_the_room(pilot)
        await press(pilot, "b")
        await write(pilot, "port 80 again")
        await press(pilot, "enter")
        await settled(pilot)
        assert list(chair.factory.state.incidents) == ["I-1"]
        assert (chair.known.broken, chair.known.repeats) == ("P101", 1)
        shown = screen_text(app)
        assert "P101 should have caught it" in shown
        assert "frozen" in shown


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", ["list", "form", "proof", "figures"])
async def test_each_of_its_screens_looks_as_it_was_seen(name: str, size: tuple[int, int], chair: Learning) -> None:
    async with chair.cockpit(*size) as (app, pilot):
        if name == "proof":
            filled = c.FillIncident(incident="I-1", when="noon", cost="an hour", root_cause="nobody said which port")
            chair.do(filled, SUPERVISOR)
            await chair.prove_by_hand(app)
        if name == "figures":
            await press(pilot, "g", "s")
        else:
            await press(pilot, "!", "G")
        if name in ("form", "proof"):
            await press(pilot, "enter")
        if name == "proof":
            await press(pilot, "d")
        await settled(pilot)
        look(f"incident-{name}-{size[0]}x{size[1]}", "txt", screen_text(app))
        look(f"incident-{name}-{size[0]}x{size[1]}", "svg", picture(app))
