"""A seat's own tools stay in its directory, whatever is swapped under them."""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from factory_tui.adapters.beneath import beneath, kernel_has_openat2
from factory_tui.adapters.workbench import MATCHES, READ_BYTES, DirectoryWorkbench
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Action

WAYS = [pytest.param(False, id="walk")]
if kernel_has_openat2():
    WAYS.append(pytest.param(True, id="openat2"))


@pytest.fixture(params=WAYS)
def bench(request: pytest.FixtureRequest) -> DirectoryWorkbench:
    return DirectoryWorkbench(use_kernel=request.param)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "key").write_text("the private key\n")
    room = tmp_path / "room"
    (room / "src").mkdir(parents=True)
    (room / "src" / "one.py").write_text("def one():\n    return 1\n")
    return room


def run(work: object) -> str:
    return asyncio.run(work)  # type: ignore[arg-type, no-any-return]


def edit(bench: DirectoryWorkbench, place: Path, path: str, **fields: object) -> str:
    return run(bench.edit(str(place), Action(kind="edit", path=path, **fields)))  # type: ignore[arg-type]


def everything(_path: str) -> bool:
    return True


def refused(work: object) -> WorldError:
    with pytest.raises(WorldError) as caught:
        run(work)
    assert caught.value.next_step
    return caught.value


# --- reading -----------------------------------------------------------------------------------------------


def test_a_file_is_read_and_a_folder_is_listed(bench: DirectoryWorkbench, place: Path) -> None:
    (place / "src" / "deep").mkdir()
    assert run(bench.read(str(place), "src/one.py")) == "def one():\n    return 1\n"
    assert run(bench.read(str(place), "./src//one.py")) == "def one():\n    return 1\n"
    assert run(bench.read(str(place), "src")) == "deep/\none.py"
    assert run(bench.read(str(place), "")) == "src/"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../outside/key", "src/../../outside/key", "a\0b", "\ud800", "x" * 9000]
)
def test_a_path_that_leaves_is_refused_before_anything_is_opened(
    bench: DirectoryWorkbench, place: Path, path: str
) -> None:
    assert "cannot be used" in refused(bench.read(str(place), path)).what
    assert "cannot be used" in refused(bench.edit(str(place), Action(kind="edit", path=path, content="x"))).what


def test_no_link_is_followed_neither_out_nor_inside(bench: DirectoryWorkbench, place: Path) -> None:
    """Inside too: what the card permitted is the path as it was named."""
    (place / "out").symlink_to(place.parent / "outside")
    (place / "key").symlink_to(place.parent / "outside" / "key")
    (place / "same").symlink_to("src/one.py")
    (place / "proc").symlink_to("/proc/self/root/etc/hostname")
    control = (place / "out" / "key").read_text()
    assert control == "the private key\n", "without the guard the link leads out"
    for path in ("out/key", "key", "same", "proc"):
        assert "link" in refused(bench.read(str(place), path)).what
    assert "private" not in run(bench.search(str(place), "private", "", everything))
    for path in ("out/new", "key", "same"):
        assert "link" in refused(bench.edit(str(place), Action(kind="edit", path=path, content="x"))).what
    assert (place.parent / "outside" / "key").read_text() == "the private key\n"
    assert [entry.name for entry in (place.parent / "outside").iterdir()] == ["key"]
    assert (place / "src" / "one.py").read_text() == "def one():\n    return 1\n"


def test_a_large_file_says_what_is_left_out_and_how_to_read_on(bench: DirectoryWorkbench, place: Path) -> None:
    (place / "big.txt").write_text("line\n" * 60_000)
    text = run(bench.read(str(place), "big.txt"))
    assert text.startswith("line\n" * 40_000 + "\n[100000 of 300000 bytes left out, from line 40001 on; read on")
    assert "sed -n '40001," in text
    assert len(text) < READ_BYTES + 500


def test_what_is_no_text_is_said_to_be_binary_and_a_pipe_is_refused(bench: DirectoryWorkbench, place: Path) -> None:
    (place / "picture").write_bytes(b"\x89PNG\0\0")
    (place / "latin").write_bytes(b"caf\xe9\n")
    os.mkfifo(place / "pipe")
    assert "binary, 6 bytes" in run(bench.read(str(place), "picture"))
    assert run(bench.read(str(place), "latin")) == "caf\ufffd\n"
    assert "no plain file" in refused(bench.read(str(place), "pipe")).what
    assert "there is no `absent`" in refused(bench.read(str(place), "absent")).what


# --- the race ----------------------------------------------------------------------------------------------


AT_FDCWD, RENAME_EXCHANGE = -100, 2


@contextmanager
def flipping(one: Path, other: Path) -> Iterator[None]:
    """Two names change what they hold, as fast as it goes, each swap in one step."""
    libc = ctypes.CDLL(None, use_errno=True)
    stop, ready = threading.Event(), threading.Event()

    def flip() -> None:
        while not stop.is_set():
            libc.renameat2(AT_FDCWD, bytes(one), AT_FDCWD, bytes(other), RENAME_EXCHANGE)
            ready.set()

    thread = threading.Thread(target=flip)
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_folder_swapped_for_a_link_never_leaks(bench: DirectoryWorkbench, place: Path) -> None:
    """Reads and writes while the folder flips: every one ends inside, or is refused."""
    (place / "data").mkdir()
    (place / "data" / "key").write_text("public\n")
    (place / "trap").symlink_to(place.parent / "outside")
    with flipping(place / "data", place / "trap"):
        for number in range(3_000):
            with suppress(WorldError):
                assert bench._read(str(place), "data/key") == "public\n"
            if number % 10 == 0:
                with suppress(WorldError):
                    bench._edit(str(place), Action(kind="edit", path="data/written", content="mine\n"))
    assert [entry.name for entry in (place.parent / "outside").iterdir()] == ["key"]
    assert (place.parent / "outside" / "key").read_text() == "the private key\n"


def test_a_check_followed_by_an_open_would_leak(place: Path) -> None:
    """The control: the same swap, put exactly between the check and the open, leaks by name and not by descriptor."""
    (place / "data").mkdir()
    (place / "data" / "key").write_text("public\n")
    path = place / "data" / "key"
    assert path.resolve().is_relative_to(place), "the check says yes"
    with beneath(str(place)) as held:
        descriptor = held.directory("data")
        (place / "data").rename(place / "parked")
        (place / "data").symlink_to(place.parent / "outside")
        assert path.read_text() == "the private key\n", "and the open leaks"
        with open(os.open("key", os.O_RDONLY, dir_fd=descriptor)) as file:
            assert file.read() == "public\n"
        os.close(descriptor)
        with pytest.raises(WorldError):
            held.file("data/key")


# --- searching ---------------------------------------------------------------------------------------------


def test_a_search_gives_path_line_and_text(bench: DirectoryWorkbench, place: Path) -> None:
    (place / "b.txt").write_text("nothing\none more\n")
    assert run(bench.search(str(place), r"\bone\b", "", everything)) == "b.txt:2: one more\nsrc/one.py:1: def one():"
    assert run(bench.search(str(place), "one", "src", everything)) == "src/one.py:1: def one():"
    assert run(bench.search(str(place), "return", "src/one.py", everything)) == "src/one.py:2:     return 1"
    assert run(bench.search(str(place), "absent", "", everything)) == "[nothing matches in 2 files]"


def test_a_search_shows_nothing_that_may_not_be_read(bench: DirectoryWorkbench, place: Path) -> None:
    (place / ".env").write_text("one=1\n")
    found = run(bench.search(str(place), "one", "", lambda path: path != ".env"))
    assert found == "src/one.py:1: def one():"


def test_a_search_is_bounded_and_says_so(bench: DirectoryWorkbench, place: Path) -> None:
    (place / "many.txt").write_text("hit\n" * 1_000)
    (place / "wide.txt").write_text("hit" + "x" * 100_000)
    (place / "binary").write_bytes(b"hit\0")
    (place / "zhuge.txt").write_text("hit\n" + "x" * 2_100_000)
    lines = run(bench.search(str(place), "hit", "", everything)).split("\n")
    assert len(lines) == MATCHES + 1
    assert lines[-1] == f"[left out: everything after {MATCHES} matches; make the pattern or the path narrower]"
    wide = run(bench.search(str(place), "hit", "wide.txt", everything))
    assert len(wide) < 400
    assert run(bench.search(str(place), "hit", "binary", everything)) == "[nothing matches in 1 file]"
    assert "zhuge.txt, over 2000000 bytes" in run(bench.search(str(place), "hit", "zhuge.txt", everything))


@pytest.mark.parametrize("pattern", ["", "(", "a{5000}", "(?=x)", "(?P=x)", "\ud800"])
def test_a_bad_pattern_says_how_to_mend_it(bench: DirectoryWorkbench, place: Path, pattern: str) -> None:
    refused(bench.search(str(place), pattern, "", everything))


def test_a_pattern_that_explodes_elsewhere_is_searched_in_linear_time(bench: DirectoryWorkbench, place: Path) -> None:
    (place / "hostile").write_text("a" * 50_000 + "!\n")
    assert "nothing matches" in run(bench.search(str(place), "(a+)+$", "hostile", everything))


# --- editing -----------------------------------------------------------------------------------------------


def test_a_whole_text_is_written_with_its_folders_and_keeps_the_mode(bench: DirectoryWorkbench, place: Path) -> None:
    assert edit(bench, place, "new/deep/file.txt", content="a\nb\n") == "new/deep/file.txt: created, 2 lines, 4 bytes"
    script = place / "run.sh"
    script.write_text("old")
    script.chmod(0o750)
    assert edit(bench, place, "run.sh", content="new") == "run.sh: rewritten, 1 line, 3 bytes"
    assert (script.read_text(), script.stat().st_mode & 0o777) == ("new", 0o750)
    assert sorted(entry.name for entry in place.iterdir()) == ["new", "run.sh", "src"], "no temporary file is left"


def test_a_replacement_needs_its_text_exactly_once(bench: DirectoryWorkbench, place: Path) -> None:
    path = "src/one.py"
    assert edit(bench, place, path, old="return 1", new="return 2") == "src/one.py: replaced at line 2, 1 line by 1"
    (place / "twice").write_text("x\nx\n")
    (place / "windows").write_bytes(b"a\r\nb\r\n")
    twice = refused(bench.edit(str(place), Action(kind="edit", path="twice", old="x", new="y")))
    assert twice.what == "`old` occurs 2 times in `twice` (lines 1, 2), not once"
    never = refused(bench.edit(str(place), Action(kind="edit", path=path, old="return 1", new="y")))
    assert never.what == "`old` occurs 0 times in `src/one.py`, not once"
    ends = refused(bench.edit(str(place), Action(kind="edit", path="windows", old="a\nb", new="y")))
    assert "CR LF" in ends.next_step
    assert (place / "twice").read_text() == "x\nx\n"


def test_only_files_are_removed_and_a_removed_link_leaves_its_target(bench: DirectoryWorkbench, place: Path) -> None:
    (place / "link").symlink_to("src/one.py")
    assert edit(bench, place, "link", delete=True) == "link: removed"
    assert (place / "src" / "one.py").exists()
    assert "folder" in refused(bench.edit(str(place), Action(kind="edit", path="src", delete=True))).what
    assert "there is no" in refused(bench.edit(str(place), Action(kind="edit", path="gone", delete=True))).what
    assert edit(bench, place, "src/one.py", delete=True) == "src/one.py: removed"


@pytest.mark.parametrize(
    "fields", [{}, {"content": "a", "delete": True}, {"content": "a", "old": "b"}, {"old": "b", "delete": True}]
)
def test_an_edit_says_exactly_one_thing(bench: DirectoryWorkbench, place: Path, fields: dict[str, object]) -> None:
    refused(bench.edit(str(place), Action(kind="edit", path="src/one.py", **fields)))  # type: ignore[arg-type]


def test_a_write_never_lands_on_a_folder_a_pipe_or_a_hard_linked_file_elsewhere(
    bench: DirectoryWorkbench, place: Path
) -> None:
    os.mkfifo(place / "pipe")
    os.link(place.parent / "outside" / "key", place / "hard")
    for path in ("src", "pipe", "", "src/one.py/below", "x" * 300):
        refused(bench.edit(str(place), Action(kind="edit", path=path, content="x")))
    edit(bench, place, "hard", content="mine\n")
    assert (place.parent / "outside" / "key").read_text() == "the private key\n"


def test_no_descriptor_is_left_open(bench: DirectoryWorkbench, place: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    (place / "link").symlink_to("/etc")
    for path in ("src/one.py", "src", "gone/x", "link/x", "src/one.py/x"):
        for action in (
            Action(kind="edit", path=path, content="x"),
            Action(kind="edit", path=path, old="x", new="x"),
            Action(kind="edit", path=path + "/gone", delete=True),
        ):
            with suppress(WorldError):
                bench._edit(str(place), action)
        with suppress(WorldError):
            bench._read(str(place), path)
    bench._search(str(place), "x", "", everything)
    assert len(os.listdir("/proc/self/fd")) == before
