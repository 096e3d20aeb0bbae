"""`fetch package`: the factory brings it in, nothing of it runs, and everybody who judges is told what came."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from crew import HOME, answer, approve_all, commit_and_hand_over, make_crew, settled, small_task, write
from package_index import Index, package_index

from factory_tui.adapters.package_managers import canonical
from factory_tui.adapters.packages import PackageIndexes, PackageStores
from factory_tui.adapters.processes import PlainSandbox
from factory_tui.adapters.wall import BwrapSandbox, find_bwrap, look_around
from factory_tui.domain import events as e
from factory_tui.domain.errors import WorldError
from factory_tui.domain.packages import could_be_wanted, wanted
from factory_tui.domain.terms import Action, Evidence, FetchedPackages
from factory_tui.engine.exhibits import find_item, parts_of
from factory_tui.engine.ports import Boundary
from factory_tui.engine.seat_ports import ActionResult, Desk, TurnBrief

PYTHON = {"language": "python"}


@pytest.fixture
def index() -> Iterator[Index]:
    with package_index() as made:
        yield made


def indexes(index: Index) -> dict[str, str]:
    return {"pip": f"{index.url}/simple", "npm": index.url}


def walled(place: Path) -> PackageIndexes:
    return PackageIndexes(BwrapSandbox(look_around(find_bwrap())), place)


@pytest.mark.parametrize(
    "target",
    [
        "../evil",
        "pip:../evil",
        "git+https://x.org/y",
        "npm:user/repo",
        "npm:x@user/repo",
        "npm:./x",
        "npm:x@file:../y",
        "pip:x @ https://x.org/x.whl",
        "--index-url=https://x.org",
        "pip:-r",
        "pip:/etc/passwd",
        "gem:rails",
        "x; touch y",
        "pip:x;python_version>'3'",
        "npm:x y",
        "",
    ],
)
def test_what_is_no_name_of_an_index_is_nobodys_package(target: str) -> None:
    assert not could_be_wanted(target)
    assert wanted(target, PYTHON) is None


@pytest.mark.parametrize(
    "target", ["authlib", "pip:authlib==1.3.1", "pip:a[b,c]>=1,<2", "npm:left-pad@1.3.0", "npm:@scope/name@^2.0.0"]
)
def test_a_name_with_or_without_a_version_is_one(target: str) -> None:
    assert could_be_wanted(target)
    assert wanted(target, PYTHON) is not None


def test_a_bare_name_is_the_declared_languages() -> None:
    assert wanted("left-pad", {"language": "typescript"}) == wanted("npm:left-pad", {})
    assert wanted("left-pad", {"language": "cobol"}) is None


@pytest.mark.needs_bwrap
async def test_pip_brings_a_wheel_and_what_it_needs_layer_by_layer(tmp_path: Path, index: Index) -> None:
    index.add_wheel("shiny", "1.2", {"shiny/__init__.py": "import dull\n"}, ["dull>=1,<2", 'never; extra == "more"'])
    index.add_wheel("dull", "1.1", {"dull/__init__.py": "VALUE = 7\n"}, ['old; python_version < "3"'])
    index.add_wheel("dull", "2.0", {"dull/__init__.py": "VALUE = 8\n"})
    brought = await walled(tmp_path).fetch("shiny", PYTHON, indexes(index))
    assert [(one.name, one.version, one.licence) for one in brought.packages] == [
        ("shiny", "1.2", "MIT"),
        ("dull", "1.1", "MIT"),
    ]
    assert all(one.integrity.startswith("sha256:") for one in brought.packages)
    assert b"dull/__init__.py" in brought.listing
    path = str(tmp_path / brought.store / "pip")
    told = subprocess.run(
        [sys.executable, "-c", "import shiny, dull; print(dull.VALUE)"], env={"PYTHONPATH": path}, capture_output=True
    )
    assert told.stdout == b"7\n"
    assert [entry.name for entry in tmp_path.iterdir()] == [brought.store]


@pytest.mark.needs_bwrap
async def test_an_extra_that_is_asked_for_brings_what_it_needs(tmp_path: Path, index: Index) -> None:
    index.add_wheel("shiny", "1.2", {"shiny/__init__.py": ""}, ['dull; extra == "more"', 'never; extra == "other"'])
    index.add_wheel("dull", "1.1", {"dull/__init__.py": ""})
    brought = await walled(tmp_path).fetch("pip:shiny[more]==1.2", {}, indexes(index))
    assert [one.name for one in brought.packages] == ["shiny", "dull"]


@pytest.mark.needs_bwrap
async def test_no_source_archive_is_ever_built(tmp_path: Path, index: Index) -> None:
    """A source archive is built by running it. pip's own switch for wheels only does not hold for an address."""
    mark = tmp_path / "built"
    index.add_source("crude", "1.0", f"open({str(mark)!r}, 'w')\nfrom setuptools import setup\nsetup(name='crude')\n")
    index.add_wheel("shiny", "1.2", {"s.py": ""}, [f"crude @ {index.url}/files/crude-1.0.tar.gz"])
    index.add_wheel("plain", "1.0", {"p.py": ""}, ["crude"])
    place = tmp_path / "place"
    for asked in ("crude", "plain", "shiny"):
        with pytest.raises(WorldError, match="was not brought in"):
            await walled(place).fetch(asked, PYTHON, indexes(index))
    assert not mark.exists()
    assert list(place.iterdir()) == []
    # Control: pip itself, told to take wheels only, follows the address and runs what it finds there.
    words = ["-m", "pip", "--isolated", "download", "--no-cache-dir", "--only-binary", ":all:", "--dest", str(tmp_path)]
    own = [sys.executable, *words, "--no-build-isolation", "--index-url", f"{index.url}/simple", "shiny"]
    subprocess.run(own, capture_output=True, check=False)
    assert mark.exists()


@pytest.mark.needs_bwrap
async def test_npm_runs_no_script_of_what_it_brings(tmp_path: Path, index: Index) -> None:
    place, mark = tmp_path / "place", tmp_path / "ran"
    script = {"postinstall": f"touch {mark} ran-here"}
    index.add_npm(
        "sharp-knife",
        "3.0.1",
        {"index.js": "module.exports = require('deep')\n"},
        scripts=script,
        dependencies={"deep": "^1.0.0"},
    )
    index.add_npm("deep", "1.4.0", {"index.js": "module.exports = 7\n"})
    brought = await walled(place).fetch("npm:sharp-knife@^3.0.0", {}, indexes(index))
    assert [(one.name, one.version, one.licence, one.scripts) for one in brought.packages] == [
        ("sharp-knife", "3.0.1", "ISC", True),
        ("deep", "1.4.0", "ISC", False),
    ]
    assert all(one.integrity.startswith("sha512-") for one in brought.packages)
    assert not mark.exists()
    assert b"ran-here" not in brought.listing
    # Given to a tree, node finds it in both of its ways; what was there before under that name gives way.
    given = FetchedPackages(
        asked="npm:sharp-knife",
        manager="npm",
        store=brought.store,
        packages=brought.packages,
        files=brought.files,
        size=brought.size,
        listing=Evidence(sha256="0" * 64, size=0, label=""),
    )
    tree = tmp_path / "tree"
    (tree / "node_modules/sharp-knife").mkdir(parents=True)
    stores = PackageStores(place)
    for _ in range(2):
        stores.lay((given,), str(tree))
    (tree / "a.mjs").write_text("import knife from 'sharp-knife'; console.log(knife)\n")
    (tree / "b.cjs").write_text("console.log(require('sharp-knife'))\n")
    boundary = Boundary(cwd=str(tree), writable=(str(tree),), protected=(str(tree / "node_modules"),))
    sandbox = BwrapSandbox(look_around(find_bwrap()))
    ran = await sandbox.run(["sh", "-c", "node a.mjs; node b.cjs; touch node_modules/x"], boundary)
    assert ran.output.startswith(b"7\n7\n")
    assert not (tree / "node_modules/x").exists()
    # Control: npm that is not told so runs the script.
    (tmp_path / "own").mkdir()
    (tmp_path / "own/package.json").write_text("{}")
    words = ["npm", "install", "--registry", index.url, "--prefix", str(tmp_path / "own"), "sharp-knife"]
    subprocess.run(
        words,
        capture_output=True,
        check=False,
        cwd=tmp_path / "own",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "npm_config_cache": str(tmp_path / "cache")},
    )
    assert mark.exists()


@pytest.mark.needs_bwrap
async def test_npm_brings_nothing_from_beside_the_index(tmp_path: Path, index: Index) -> None:
    with package_index() as other:
        other.add_npm("away", "1.0.0", {"index.js": ""})
        elsewhere = f"{other.url}/away/-/away-1.0.0.tgz"
        index.add_npm("knife", "1.0.0", {"index.js": ""}, dependencies={"away": elsewhere})
        with pytest.raises(WorldError, match="which is not the index"):
            await walled(tmp_path).fetch("npm:knife", {}, indexes(index))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs_bwrap
async def test_a_package_that_is_not_there_says_so(tmp_path: Path, index: Index) -> None:
    with pytest.raises(WorldError, match="nowhere"):
        await walled(tmp_path).fetch("pip:nowhere", {}, indexes(index))


async def test_nothing_comes_in_without_a_wall_or_from_an_address_with_a_user(tmp_path: Path, index: Index) -> None:
    with pytest.raises(WorldError, match="no wall"):
        await PackageIndexes(PlainSandbox(tmp_path), tmp_path).fetch("pip:shiny", {}, indexes(index))
    with pytest.raises(WorldError, match="without a user"):
        await walled(tmp_path).fetch("pip:shiny", {}, {"pip": "https://me:secret@x.org/simple"})
    assert index.asked == []


def test_names_are_compared_as_the_index_compares_them() -> None:
    assert canonical("Foo_.Bar") == "foo-bar"


@pytest.mark.needs_bwrap
async def test_it_is_asked_for_each_time_and_listed_wherever_the_change_is_judged(tmp_path: Path, index: Index) -> None:
    """From the wish to the landed change: the check of the tree has the package, the user's environment has not."""
    index.add_wheel("shiny", "1.2", {"shiny/__init__.py": "PLUS = 0\n"})
    told: list[ActionResult] = []
    seen: list[TurnBrief] = []

    async def build(brief: TurnBrief, desk: Desk) -> None:
        told.append(await desk.act(Action(kind="run", command="python3 -c 'import shiny'")))
        for _ in range(2):
            told.append(await desk.act(Action(kind="fetch", resource="package", target="shiny==1.2")))
        told.append(await desk.act(Action(kind="run", command="python3 -c 'import shiny'")))
        into = "python3 -c 'import shiny; open(shiny.__file__, \"w\")'"
        told.append(await desk.act(Action(kind="run", command=into)))
        body = "import shiny\n\n\ndef add(a, b):\n    return a + b + shiny.PLUS\n"
        assert (await write(desk, "adder.py", body)).ok
        told.append(await commit_and_hand_over(desk))

    async def judge(brief: TurnBrief, desk: Desk) -> None:
        seen.append(brief)
        await approve_all(brief, desk)

    crew = make_crew(
        tmp_path, {"builder": build, "quality": judge}, {}, HOME[".factory/factory.toml"] + index.settings()
    )
    crew.seat.control = "brokered"
    async with crew.session() as house:
        await small_task(house, "Use shiny")
        for _ in range(2):
            (ask,) = await settled(house)
            assert (ask.kind, ask.verbs) == ("ask", ("allow", "deny"))
            answer(house, ask.id, "allow")
        (change,) = await settled(house)
        assert change.kind == "change", told
        parts = {
            part.title: part.text for part in parts_of(house.state, find_item(house.state, change.id), house.evidence)
        }
        listed = parts["packages that came in from outside"]
        assert "pip shiny 1.2, licence MIT, sha256:" in listed
        before = change.sha256
        answer(house, change.id, "approve")
        await settled(house)
        events = [entry.event for entry in house.session._entries]
    fetched = [event for event in events if isinstance(event, e.PackageFetched)]
    assert [one.fetched.packages[0].version for one in fetched] == ["1.2", "1.2"]
    assert [one.ok for one in told] == [False, True, True, True, False, True]
    assert "sha256:" in seen[0].text
    assert "shiny 1.2" in seen[0].text
    assert len(before) == 64
    (written,) = (crew.root / ".factory/memory/digests").iterdir()
    assert "packages came in for T-1, from pip: shiny 1.2 (MIT)" in written.read_text()
    assert subprocess.run([sys.executable, "-c", "import shiny"], capture_output=True, check=False).returncode == 1
