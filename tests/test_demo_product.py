"""The demo's product is a real service, and its script's trees are as good and as bad as the mission needs them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from factory_tui.adapters.demo.mission import demo_script, demo_supervisor, read_supervisor
from factory_tui.adapters.demo.product import make_product, product_files
from factory_tui.adapters.documents import files_on_disk, library_files, read_home
from factory_tui.adapters.seats.rehearsal import RehearsalSeat
from factory_tui.adapters.workbench import DirectoryWorkbench
from factory_tui.demo import play_demo, stage
from factory_tui.demo.telling import short
from factory_tui.domain.charter import Charter
from factory_tui.domain.errors import DocumentError, FactoryError, Refusal, WorldError
from factory_tui.domain.law import rulebook_of
from factory_tui.domain.roles import permits
from factory_tui.domain.terms import Action, Decision, RuleMatch
from factory_tui.engine.seat_ports import ActionResult, SeatOutcome, TurnBrief

CANCEL, DOCUMENT = "Bookings can be cancelled", "The documentation says how to cancel"


def git(where: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def shell(command: str, where: Path) -> tuple[int, str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(["sh", "-c", command], cwd=where, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo") / "bookings"
    make_product(directory)
    return directory


@pytest.fixture(scope="module")
def charter(product: Path) -> Charter:
    reading = read_home(files_on_disk(str(product / ".factory")), library_files(), prefix=".factory")
    assert reading.problems == ()
    assert reading.charter
    return reading.charter


# --- the product -------------------------------------------------------------------------------------------


def test_the_same_call_makes_the_same_history(product: Path, tmp_path: Path) -> None:
    make_product(tmp_path / "again")
    history = git(product, "log", "--format=%H %an %aI %s")
    assert git(tmp_path / "again", "log", "--format=%H %an %aI %s") == history
    assert len(history.splitlines()) == 6
    assert {line.split(" ")[1] for line in history.splitlines()} == {"Mira", "Jon"}


def test_the_checkout_is_clean_and_holds_every_file(product: Path) -> None:
    assert git(product, "status", "--porcelain") == ""
    assert git(product, "branch", "--show-current") == "main"
    assert sorted(git(product, "ls-files").splitlines()) == sorted(product_files())
    assert os.access(product / "deploy" / "deploy.sh", os.X_OK)
    assert git(product, "fsck", "--strict") == ""


def test_every_commit_of_the_history_stands_on_its_own(product: Path, tmp_path: Path) -> None:
    commits = git(product, "rev-list", "--reverse", "HEAD").splitlines()
    for number, commit in enumerate(commits[1:], 1):
        place = tmp_path / str(number)
        place.mkdir()
        shell(f"git --git-dir={product}/.git archive {commit} | tar -x", place)
        if "tests" in {entry.name for entry in place.iterdir()}:
            code, output = shell("python3 -m unittest discover -s tests -t .", place)
            assert code == 0, output


def test_a_directory_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WorldError):
        make_product(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_the_service_starts_and_answers(product: Path, charter: Charter) -> None:
    code, output = shell(charter.gate.smoke.boot, product)
    assert (code, output.splitlines()[1:]) == (0, ["/: 200", "/bookings: 200"])


def test_a_demo_that_was_left_is_opened_again_and_never_played_over(tmp_path: Path) -> None:
    first, again = stage(str(tmp_path)), stage(str(tmp_path))
    assert (first.again, again.again) == (False, True)
    assert again.ground.reading.repo_id == first.ground.reading.repo_id
    with pytest.raises(Refusal, match="begun before"):
        play_demo(lambda line: None, str(tmp_path))


def test_another_ledger_can_be_named(tmp_path: Path) -> None:
    make_product(tmp_path / "own", repo_id="a" * 32)
    reading = read_home(files_on_disk(str(tmp_path / "own" / ".factory")), library_files(), prefix=".factory")
    assert reading.repo_id == "a" * 32


# --- the script --------------------------------------------------------------------------------------------


@dataclass
class RealDesk:
    """Real files, real commands, the real law of this home; only the ledger and the import are left out."""

    charter: Charter
    role: str
    directory: Path
    actions: list[Action] = field(default_factory=list)
    denied: list[tuple[str, str]] = field(default_factory=list)
    """Who refused what: `P1`, `card:ceo`, and the action's object."""
    commits: list[tuple[int, str]] = field(default_factory=list)
    """Exit code and output of the smoke command on each tree."""
    trees: list[Path] = field(default_factory=list)

    async def hear(self) -> tuple[str, ...]:
        return ()

    async def act(self, action: Action) -> ActionResult:
        self.actions.append(action)
        if matches := self._denials(action):
            self.denied += [(match.source, action.object) for match in matches]
            return ActionResult(ok=False, decision="deny", text=matches[0].reason)
        bench = DirectoryWorkbench()
        try:
            match action.kind:
                case "read":
                    text = await bench.read(str(self.directory), action.path)
                case "search":
                    text = await bench.search(str(self.directory), action.pattern, action.path, lambda path: True)
                case "edit":
                    text = await bench.edit(str(self.directory), action)
                case "run":
                    code, text = await asyncio.to_thread(shell, action.command, self.directory)
                    return ActionResult(ok=code == 0, decision="allow", text=text, exit_code=code)
                case "commit":
                    return await asyncio.to_thread(self._commit)
                case _:
                    text = "on record"
        except FactoryError as error:
            raise AssertionError(
                f"the script asks for what cannot be done: {action.kind} {action.object}: {error}"
            ) from error
        return ActionResult(ok=True, decision="allow", text=text)

    def _denials(self, action: Action) -> list[RuleMatch]:
        card = self.charter.role(self.role)
        matches = [
            *permits(card, action, protected=self.charter.protected, architecture=self.charter.architecture),
            *rulebook_of(self.charter).judge_action(action, self.role, {}),
        ]
        return [match for match in matches if match.decision is Decision.DENY]

    def _commit(self) -> ActionResult:
        tree = copy_of(self.directory, self.directory.parent / f"tree-{len(self.trees)}")
        code, output = shell(self.charter.gate.smoke.command, tree)
        self.trees.append(tree)
        self.commits.append((code, output))
        return ActionResult(ok=code == 0, decision="allow", text=output, exit_code=code)

    def say(self, text: str) -> None:
        pass

    def spend(self, usd: float | None, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> None:
        pass


def copy_of(tree: Path, place: Path) -> Path:
    shutil.copytree(tree, place, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    return place


def play(charter: Charter, role: str, title: str, directory: Path, attempt: int = 1) -> tuple[RealDesk, SeatOutcome]:
    desk = RealDesk(charter, role, directory)
    judging = frozenset(card.id for card in charter.roles if card.judges)
    brief = TurnBrief(
        turn=f"{role}/1",
        task="T-2",
        title=title,
        role=role,
        purpose="review" if role in judging else "author",
        attempt=attempt,
        text="",
        sha256="0" * 64,
        directory=str(directory),
    )
    outcome = asyncio.run(RehearsalSeat(demo_script(judging)).run(brief, desk))
    assert outcome == SeatOutcome(kind="ok")
    return desk, outcome


@pytest.fixture(scope="module")
def authored(product: Path, charter: Charter, tmp_path_factory: pytest.TempPathFactory) -> tuple[RealDesk, RealDesk]:
    """The Builder's two turns on the first task."""
    place = tmp_path_factory.mktemp("builder")
    first, _ = play(charter, "builder", CANCEL, copy_of(product, place / "first" / "worktree"))
    second, _ = play(charter, "builder", CANCEL, copy_of(first.trees[-1], place / "second" / "worktree"), attempt=2)
    return first, second


def test_the_planner_is_refused_a_quick_edit_and_plans_three_tasks(
    product: Path, charter: Charter, tmp_path: Path
) -> None:
    desk, _ = play(charter, "ceo", "Plan the mission", copy_of(product, tmp_path / "export"))
    assert {("P1", "web/index.html"), ("card:ceo", "web/index.html")} <= set(desk.denied)
    assert {object_ for _, object_ in desk.denied} == {"web/index.html"}
    plan = desk.actions[-1]
    assert [(task.title, task.role, task.after) for task in plan.tasks] == [
        (CANCEL, "builder", ()),
        (DOCUMENT, "tech_writer", (0,)),
        ("The release runs in the hall", "devops", (0, 1)),
    ]
    assert (tmp_path / "export" / "web" / "index.html").read_text() == product_files()["web/index.html"]


def test_the_builder_is_refused_a_deploy_and_a_dna_edit(authored: tuple[RealDesk, RealDesk]) -> None:
    first, second = authored
    sources = {object_: {source for source, what in first.denied if what == object_} for _, object_ in first.denied}
    deploy = "docker compose -f deploy/docker-compose.prod.yml up -d --build"
    assert set(sources) == {".factory/memory/DNA.md", deploy, "hall"}
    assert "P4" in sources[deploy]
    assert second.denied == []
    assert (first.trees[-1] / ".factory/memory/DNA.md").read_text() == product_files()[".factory/memory/DNA.md"]


def test_the_first_tree_is_red_by_a_test_that_was_green_before(authored: tuple[RealDesk, RealDesk]) -> None:
    (code, output), _ = authored[0].commits
    assert code == 1
    assert "FAIL: test_the_list_tells_what_anybody_may_know_and_nothing_else" in output
    assert "FAILED (failures=1)" in output
    ran = [action.command for action in authored[0].actions if action.kind == "run"]
    assert ran[0] == "python3 -m unittest -v tests.test_cancel", "the Builder's own tests had been green"


def test_the_second_tree_passes_its_own_tests_and_the_probes_find_the_defect(
    authored: tuple[RealDesk, RealDesk], charter: Charter, tmp_path: Path
) -> None:
    first, _ = authored
    assert first.commits[1][0] == 0
    assert first.actions[-1].kind == "hand_over"
    desk, _ = play(charter, "quality", CANCEL, copy_of(first.trees[1], tmp_path / "export"))
    report = desk.actions[-1]
    assert (report.kind, [finding.severity for finding in report.findings]) == ("report", ["blocks"])
    for defect in ("cancelling with no code: 200, wanted 403", "cancelling with an empty code: 200, wanted 403"):
        assert f"DEFECT: {defect}" in report.findings[0].detail
    assert "half of the code" not in report.findings[0].detail
    assert desk.denied == []


def test_the_third_tree_is_green_and_the_same_probes_are_clean(
    authored: tuple[RealDesk, RealDesk], charter: Charter, tmp_path: Path
) -> None:
    _, second = authored
    assert [code for code, _ in second.commits] == [0]
    assert [action.kind for action in second.actions][-2:] == ["commit", "hand_over"]
    desk, _ = play(charter, "quality", CANCEL, copy_of(second.trees[0], tmp_path / "export"))
    assert (desk.actions[-1].kind, desk.actions[-1].findings) == ("report", ())
    assert desk.actions[-1].checked


@pytest.mark.parametrize(
    ("path", "old", "new", "kind", "wanted"),
    [
        (
            "bookings/store.py",
            "if not secrets.compare_digest(",
            "if code and not secrets.compare_digest(",
            "report",
            "no code",
        ),
        ("bookings/store.py", "self._bookings.pop(booking.id)", "booking", "report", "cancelling twice"),
        ("bookings/service.py", "[booking.public() for", "[asdict(booking) for", "report", "codes in the list"),
        ("bookings/store.py", ".encode(), booking.code.encode())", ', booking.code or "")', "report", "beyond ASCII"),
        ("bookings/service.py", "import json", "import jsonn", "escalate", ""),
    ],
)
def test_breaking_the_third_tree_really_fails_the_review(
    authored: tuple[RealDesk, RealDesk],
    charter: Charter,
    tmp_path: Path,
    path: str,
    old: str,
    new: str,
    kind: str,
    wanted: str,
) -> None:
    """The reviewer's words are the same; the verdict follows what the service does."""
    tree = copy_of(authored[1].trees[0], tmp_path / "export")
    text = (tree / path).read_text()
    assert text.count(old) == 1
    (tree / path).write_text(text.replace(old, new))
    desk, _ = play(charter, "quality", CANCEL, tree)
    assert desk.actions[-1].kind == kind
    if kind == "report":
        assert [finding.severity for finding in desk.actions[-1].findings] == ["blocks"]
        assert wanted in desk.actions[-1].findings[0].detail


def test_breaking_the_second_attempt_really_stops_it(
    authored: tuple[RealDesk, RealDesk], charter: Charter, tmp_path: Path
) -> None:
    """Where the finding is not true the Builder asks; where the tests are red nothing is handed over."""
    mended = copy_of(authored[0].trees[1], tmp_path / "one" / "worktree")
    store = mended / "bookings" / "store.py"
    store.write_text(store.read_text().replace("if code and code != booking.code:", "if code != booking.code:"))
    desk, _ = play(charter, "builder", CANCEL, mended, attempt=2)
    assert desk.actions[-1].kind == "escalate"
    assert desk.commits == []
    red = copy_of(authored[0].trees[1], tmp_path / "two" / "worktree")
    (red / "tests" / "test_red.py").write_text(
        "import unittest\n\n\nclass Red(unittest.TestCase):\n    def test_red(self):\n        self.fail()\n"
    )
    desk, _ = play(charter, "builder", CANCEL, red, attempt=2)
    assert [code for code, _ in desk.commits] == [1]
    assert desk.actions[-1].kind == "escalate"


def test_the_documentation_is_written_by_another_role_and_is_true(
    authored: tuple[RealDesk, RealDesk], charter: Charter, tmp_path: Path
) -> None:
    worktree = copy_of(authored[1].trees[0], tmp_path / "writer" / "worktree")
    writer, _ = play(charter, "tech_writer", DOCUMENT, worktree)
    assert set(writer.denied) == {("card:tech_writer", "web/index.html")}
    assert [code for code, _ in writer.commits] == [0]
    changed = [
        name for name in product_files() if (worktree / name).read_text() != (authored[1].trees[0] / name).read_text()
    ]
    assert changed == ["docs/api.md"]
    desk, _ = play(charter, "quality", DOCUMENT, copy_of(worktree, tmp_path / "export"))
    assert (desk.actions[-1].kind, desk.actions[-1].findings) == ("report", ())
    for old, new in (("| 404 |", "| 410 |"), ("X-Booking-Code:", "X-Code:"), ("## Cancel a booking", "## Cancelling")):
        wrong = copy_of(worktree, tmp_path / new.strip("| #:"))
        text = (wrong / "docs" / "api.md").read_text()
        assert old in text
        (wrong / "docs" / "api.md").write_text(text.replace(old, new))
        desk, _ = play(charter, "quality", DOCUMENT, wrong)
        assert [finding.severity for finding in desk.actions[-1].findings] == ["blocks"], new


# --- the supervisor ----------------------------------------------------------------------------------------


def test_the_supervisor_answers_what_the_mission_brings_and_nothing_else() -> None:
    supervisor = demo_supervisor()
    assert supervisor.mission.startswith("People book a room")
    assert [(answer.kind, answer.verb) for answer in supervisor.answers] == [
        ("digest", "ack"),
        ("plan", "approve"),
        ("handoff", "approve"),
        ("ask", "deny"),
        ("change", "approve"),
        ("deployment", "approve"),
    ]
    for kind in ("question", "proposal", "stuck"):
        assert supervisor.answer_to(kind) is None  # type: ignore[arg-type]


def test_a_supervisor_file_is_checked() -> None:
    with pytest.raises(DocumentError) as caught:
        read_supervisor("s.yaml", "mission: x\nanswers:\n  - {kind: everything, verb: approve}\n")
    assert (caught.value.path, caught.value.line) == ("s.yaml", 3)


def test_what_the_demo_leaves_out_of_a_line_is_marked():
    assert short("docker compose up\n--build", 60) == "docker compose up --build"
    assert short("docker compose -f deploy/docker-compose.prod.yml up", 20) == "docker compose -f..."
