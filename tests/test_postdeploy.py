"""The 33 checks on a real service: each passes on a good one, and fails on one that is broken in just that way."""

from __future__ import annotations

import importlib.util
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bookings_place import FIRST, SECOND, Place, PlainCommands, running_place

from factory_tui.adapters.front_matter import read_yaml
from factory_tui.adapters.postdeploy.catalogue import problems_of_checks, shipped
from factory_tui.adapters.postdeploy.running import PostDeployChecks
from factory_tui.domain.counting import counted
from factory_tui.domain.environments import Environment
from factory_tui.domain.releasing import FLOOR
from factory_tui.domain.terms import NOT_RUN_YET, CheckRow
from factory_tui.engine.deploy_ports import PostDeploy

FIGURES = {"p95_ms": 400.0, "rows.bookings": 10.0}
IDS = [f"V{number:02}" for number in range(1, 34)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running_place(tmp_path_factory.mktemp("bookings")) as place:
        place.book(10)
        place.deploy(FIRST)
        place.release("backup")
        place.deploy(SECOND)
        yield place


@pytest.fixture
def checks(tmp_path: Path) -> PostDeployChecks:
    """With shorter pauses: what is measured over five seconds in earnest is measured over a tenth of that."""
    return PostDeployChecks(PlainCommands(tmp_path / "runs"), pace=0.1)


def verdicts(rows: tuple[CheckRow, ...], verdict: str) -> dict[str, str]:
    return {row.id: row.reason for row in rows if row.verdict == verdict}


async def test_a_good_service_passes_all_33_and_says_on_what(place: Place, tmp_path: Path):
    """At its real pace."""
    checks: PostDeploy = PostDeployChecks(PlainCommands(tmp_path / "runs"))
    came: list[CheckRow] = []
    result = await checks.run(place.environment(), place.of(), FIGURES, came.append)
    assert {row.id: (row.verdict, row.reason) for row in result.rows} == dict.fromkeys(IDS, ("pass", ""))
    assert counted(result.rows) == "33 checks: 33 passed, 0 not applicable, 0 gaps, 0 failed"
    assert sorted(row.id for row in came) == IDS
    planned = checks.planned(place.environment())
    assert [row.id for row in planned] == IDS
    assert {(row.verdict, row.reason) for row in planned} == {("gap", NOT_RUN_YET)}
    assert all(row.evidence and row.group and row.title for row in result.rows)
    assert result.figures["rows.bookings"] == 10
    assert result.figures["p95_ms"] > 0
    assert {row.id for row in result.rows if row.seconds >= 5} <= {"V26", "V27", "V28"}


# --- broken in just one way ----------------------------------------------------------------------------------


@contextmanager
def word(place: Place, text: str) -> Iterator[None]:
    file = place.root / "broken"
    file.write_text(text)
    try:
        yield
    finally:
        file.unlink()


@contextmanager
def file_of(place: Place, name: str, change: Callable[[Path], object]) -> Iterator[None]:
    """That file changed, and as it was afterwards."""
    path = place.root / name
    old = path.read_bytes() if path.exists() else None
    change(path)
    try:
        yield
    finally:
        if old is None:
            path.unlink()
        else:
            path.write_bytes(old)


@contextmanager
def certificate_of_days(place: Place, days: float) -> Iterator[None]:
    spec = importlib.util.spec_from_file_location("certificate", place.export / "deploy" / "certificate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = place.root / "tls.kept"
    shutil.copytree(place.root / "tls", kept)
    module.make(place.root / "tls", days=days)
    try:
        yield
    finally:
        for file in kept.iterdir():
            shutil.copyfile(file, place.root / "tls" / file.name)
        shutil.rmtree(kept)


@contextmanager
def no_prior_release(place: Place) -> Iterator[None]:
    path = place.root / "releases" / FIRST
    path.rename(path.with_name("elsewhere"))
    try:
        yield
    finally:
        path.with_name("elsewhere").rename(path)


@contextmanager
def nobody_listens(place: Place) -> Iterator[None]:
    """The machine stops it; nothing is deployed."""
    (place.root / "wanted").write_text("none")
    while place.release("status") != "none":
        time.sleep(0.02)
    try:
        yield
    finally:
        place.deploy(SECOND)


@contextmanager
def nothing(place: Place) -> Iterator[None]:
    yield


def backup_of(place: Path, **fields: Any) -> None:
    place.write_text(json.dumps({**json.loads(place.read_text()), **fields}))


def log_line(path: Path) -> None:
    with path.open("a") as log:
        log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}+00:00 ERROR a: a booking was lost\n")


@dataclass(frozen=True)
class Broken:
    """One defect, and the checks that find it: its own, and those that cannot but see it too."""

    id: str
    how: Callable[[Place], Any]
    also: frozenset[str] = frozenset()
    told: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)


def by_word(text: str) -> Callable[[Place], Any]:
    return lambda place: word(place, text)


def by_file(name: str, change: Callable[[Path], object]) -> Callable[[Place], Any]:
    return lambda place: file_of(place, name, change)


def newest(place: Place) -> str:
    return f"backups/{max(path.name for path in (place.root / 'backups').iterdir())}"


HTTP = frozenset(check.id for check in shipped().checks if check.run["kind"] in {
    "http", "http_each", "http_set", "http_assets", "http_burst", "journey", "job", "tls",
})  # fmt: skip

TABLE = (
    Broken("V01", by_word("revision")),
    Broken("V02", by_word("left-behind")),
    Broken("V03", by_word("config")),
    Broken("V05", by_word("dead")),
    Broken("V06", by_word("dependency")),
    Broken("V07", nothing, told={"expected_addresses": ["192.0.2.7"]}),
    Broken("V08", by_word("route")),
    Broken("V09", by_word("placeholder")),
    Broken("V10", by_word("robots")),
    Broken("V11", by_word("soft")),
    Broken("V12", by_word("open")),
    Broken("V13", by_word("journey")),
    Broken("V14", by_word("asset")),
    Broken("V15", by_file("data/schema", lambda path: path.write_text("0\n"))),
    Broken("V16", by_file("data/bookings.json", lambda path: path.write_text("[]"))),
    Broken(
        "V17", lambda place: file_of(place, newest(place), lambda path: backup_of(path, made_at=time.time() - 9000))
    ),
    Broken("V18", by_file("data/.volume-id", lambda path: path.write_text("another\n"))),
    Broken("V19", lambda place: certificate_of_days(place, 5)),
    Broken("V20", by_word("hsts")),
    Broken("V21", by_word("nosniff")),
    Broken("V22", by_word("leak")),
    Broken("V23", by_word("cookie")),
    Broken("V24", by_word("slow"), figures={"p95_ms": 25.0}),
    Broken("V25", by_word("burst")),
    Broken("V26", by_file("log/app.log", log_line)),
    Broken("V27", by_word("restarts")),
    Broken("V28", by_word("chatty")),
    Broken("V29", by_word("worker")),
    Broken("V30", by_word("twice")),
    Broken("V31", no_prior_release, also=frozenset({"V32"})),
    Broken("V32", by_file("locked", lambda path: path.write_text("somebody works here\n"))),
    Broken("V33", by_file("release/current.json", lambda path: backup_of(path, approved_by=""))),
    Broken("V04", nobody_listens, also=HTTP),
)


def test_the_table_breaks_each_of_the_33():
    """Each check that ships, and no other, is broken once here and passes once above."""
    assert sorted(broken.id for broken in TABLE) == IDS
    assert [check.id for check in shipped().checks] == IDS
    assert list(FLOOR) == IDS


@pytest.mark.parametrize("broken", TABLE, ids=lambda broken: broken.id)
async def test_a_service_broken_in_just_that_way_fails_just_that_check(
    place: Place, checks: PostDeployChecks, broken: Broken
):
    with broken.how(place):
        result = await checks.run(place.environment(**broken.told), place.of(), {**FIGURES, **broken.figures})
    wrong = verdicts(result.rows, "fail")
    assert {broken.id} <= set(wrong) <= {broken.id, *broken.also}, wrong
    if not broken.also:
        assert len(verdicts(result.rows, "pass")) == 32
    assert wrong[broken.id]


async def test_errors_are_compared_with_what_the_release_before_was_measured_with(
    place: Place, checks: PostDeployChecks
):
    with file_of(place, "log/app.log", log_line):
        alone = await checks.run(place.environment(), place.of(), FIGURES)
        usual = await checks.run(place.environment(), place.of(), {**FIGURES, "errors_per_hour": 1e6})
    assert set(verdicts(alone.rows, "fail")) == {"V26"}
    assert not verdicts(usual.rows, "fail")
    assert usual.figures["errors_per_hour"] > 0, "what the next release is compared with"


# --- what is no pass -----------------------------------------------------------------------------------------


async def test_an_environment_that_says_nothing_has_gaps_and_no_pass(place: Place, checks: PostDeployChecks):
    bare = Environment(deploy=("true",), rollback=("true",), status=("true",))
    result = await checks.run(bare, place.of(), {})
    assert [row.verdict for row in result.rows] == ["gap"] * 33
    assert all("is missing from deploy.yaml" in row.reason for row in result.rows), result.rows


async def test_what_does_not_apply_has_its_reason_on_record(place: Place, checks: PostDeployChecks):
    told = {"not_applicable": {"V10": "an internal service, no crawler comes", "V33": "we keep no records at all"}}
    result = await checks.run(place.environment(**told), place.of(previous=""), {})
    reasons = verdicts(result.rows, "not applicable")
    assert set(reasons) == {"V10", "V16", "V31", "V32"}
    assert all(reasons.values())
    assert set(verdicts(result.rows, "gap")) == {"V33"}, "it always applies"
    assert result.figures["rows.bookings"] == 10, "what the next release is compared with"


async def test_a_limit_that_is_loosened_is_a_gap_even_where_nobody_read_the_file(
    place: Place, checks: PostDeployChecks
):
    result = await checks.run(place.environment(min_days_left=1), place.of(), FIGURES)
    assert set(verdicts(result.rows, "gap")) == {"V19"}


async def test_a_project_adds_its_own_in_the_same_format(place: Place, checks: PostDeployChecks):
    own = {
        "id": "OURS-1", "group": "correctness", "title": "Help is there", "proves": "people find it",
        "run": {"kind": "http", "url": "{base_url}/help"},
        "passes_when": [{"subject": "status", "op": "eq", "value": 200}],
    }  # fmt: skip
    with word(place, "route"):
        bad = await checks.run(place.environment(own=[own]), place.of(), FIGURES)
    assert bad.rows[-1].id == "OURS-1"
    assert set(verdicts(bad.rows, "fail")) == {"V08", "OURS-1"}
    good = await checks.run(place.environment(own=[own]), place.of(), FIGURES)
    assert len(verdicts(good.rows, "pass")) == 34


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        ("V12: off", 3, "V12"),
        ("min_days_left: 1", 3, "21 is the least"),
        ("V24: {max_ratio: 3}", 3, "1.25 is the most"),
        ("require_secure: false", 3, "for everybody"),
        ("not_applicable:\n        V33: we keep no records at all", 4, "always applies"),
        ("not_applicable:\n        V10: no", 4, "no reason"),
        ("version_path:", 3, "is empty"),
        ("verison_path: /v", 3, "no parameter"),
        ("expected_revision: abc", 3, "factory's own"),
        (
            "own:\n        - {id: V01, group: a, title: b, proves: c, run: {kind: http}, passes_when: []}",
            4,
            "ships already",
        ),
    ],
)
def test_a_home_that_drops_or_loosens_a_check_is_refused_with_its_line(lines: str, line: int, words: str):
    text = f"environments:\n  x: # one\n    checks:\n      {lines}\n"
    document = read_yaml("deploy.yaml", text)
    found = problems_of_checks(document, "x", document.data["environments"]["x"]["checks"])
    assert found
    assert (found[0].path, found[0].line) == ("deploy.yaml", line + 1)
    assert words in str(found[0])
