"""Real files in real directories, saved as editors save them. Every wait is for something told, never for a time."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from factory_tui.adapters.bell import hung_at
from factory_tui.adapters.memory_watch import MemoryWatch, is_watched, keeping_proposed, watching_memory
from factory_tui.domain.errors import DocumentError

DNA = "memory/DNA.md"
TOKENS = "memory/knowledge/tokens.md"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Heard:
    """What was told, in order; a wait for a document ends when it was told to be as it should be."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self._more = asyncio.Event()

    def __call__(self, path: str, old: str, new: str) -> None:
        self.told.append((path, old, new))
        self._more.set()

    async def until(self, path: str, text: str | None) -> None:
        wanted = sha256(text) if text is not None else ""
        async with asyncio.timeout(60):
            while not self.last(path) or self.last(path)[-1] != wanted:
                self._more.clear()
                await self._more.wait()

    def last(self, path: str) -> tuple[str, str, str] | tuple[()]:
        return next((told for told in reversed(self.told) if told[0] == path), ())

    def paths(self) -> set[str]:
        return {path for path, _, _ in self.told}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for path, text in {DNA: "dna", TOKENS: "tokens", "roles/builder.md": "b", "factory.toml": "x"}.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    return home


@contextlib.asynccontextmanager
async def heard_of(home: Path) -> AsyncIterator[Heard]:
    heard = Heard()
    async with watching_memory(str(home), heard) as watch:
        await watch.ready.wait()
        yield heard


async def test_a_saved_document_is_told_with_what_it_was_and_is(home):
    async with heard_of(home) as heard:
        (home / DNA).write_text("dna, decided anew")
        await heard.until(DNA, "dna, decided anew")
        assert heard.told[0][1] == sha256("dna")
        assert heard.paths() == {DNA}


async def test_no_atomic_rename_is_missed(home):
    async with heard_of(home) as heard:
        for number in range(10):
            fresh = home / "memory" / ".DNA.md.new"
            fresh.write_text(f"dna {number}")
            fresh.replace(home / DNA)
            await heard.until(DNA, f"dna {number}")
        assert [new for _, _, new in heard.told] == [sha256(f"dna {number}") for number in range(10)]
        assert heard.paths() == {DNA}


@contextlib.contextmanager
def no_bell(folders):
    yield None


async def test_where_no_bell_hangs_every_save_is_told_all_the_same(home):
    heard = Heard()
    async with watching_memory(str(home), heard, no_bell) as watch:
        await watch.ready.wait()
        for number in range(5):
            fresh = home / "memory" / ".DNA.md.new"
            fresh.write_text(f"dna {number}")
            fresh.replace(home / DNA)
            await heard.until(DNA, f"dna {number}")


async def test_the_bell_rings_for_each_way_to_save_and_is_silent_else(home):
    ways = {
        "written": lambda: (home / DNA).write_text("other"),
        "renamed over": lambda: (home / TOKENS).replace(home / DNA),
        "made": lambda: (home / "memory" / "new.md").write_text(""),
        "touched": lambda: os.utime(home / DNA),
        "gone": lambda: (home / DNA).unlink(),
    }
    with hung_at([str(home / "memory")]) as bell:
        assert bell is not None
        for way, save in ways.items():
            assert not await bell.rung(0.01), way
            save()
            assert await bell.rung(20), way
        (home / "factory.toml").write_text("not below memory")
        assert not await bell.rung(0.01)
    with hung_at([str(home), str(home / "nowhere")]) as bell:
        assert bell is None


async def test_an_editor_that_keeps_a_backup_is_followed_and_its_backup_is_nobodys_business(home):
    async with heard_of(home) as heard:
        for number in range(5):
            (home / "memory" / "4913").write_text("")
            (home / "memory" / "4913").unlink()
            (home / DNA).rename(home / "memory" / "DNA.md~")
            (home / DNA).write_text(f"vim {number}")
            (home / "memory" / "DNA.md~").unlink()
            await heard.until(DNA, f"vim {number}")
        assert heard.paths() == {DNA}


async def test_a_deleted_document_is_gone_and_comes_back(home):
    async with heard_of(home) as heard:
        (home / TOKENS).unlink()
        await heard.until(TOKENS, None)
        assert heard.last(TOKENS) == (TOKENS, sha256("tokens"), "")
        (home / TOKENS).write_text("tokens")
        await heard.until(TOKENS, "tokens")
        assert heard.last(TOKENS) == (TOKENS, "", sha256("tokens"))


async def test_of_a_burst_every_document_is_told(home):
    names = [f"memory/knowledge/{number}.md" for number in range(200)]
    async with heard_of(home) as heard:
        for name in names:
            (home / name).write_text(name)
        for name in names:
            await heard.until(name, name)
        assert heard.paths() == set(names)


async def test_a_new_directory_is_watched_with_what_is_in_it_already(home):
    async with heard_of(home) as heard:
        (home / "rules" / "ours").mkdir(parents=True)
        (home / "rules" / "ours" / "X1.md").write_text("first")
        await heard.until("rules/ours/X1.md", "first")
        (home / "rules" / "ours" / "X1.md").write_text("second")
        await heard.until("rules/ours/X1.md", "second")


async def test_a_directory_that_was_replaced_is_watched_anew(home):
    async with heard_of(home) as heard:
        (home / "memory" / "knowledge").rename(home.parent / "away")
        await heard.until(TOKENS, None)
        (home / "memory" / "knowledge").mkdir()
        (home / TOKENS).write_text("other")
        await heard.until(TOKENS, "other")
        (home / TOKENS).write_text("other again")
        await heard.until(TOKENS, "other again")


async def test_a_digest_is_told_of_as_well(home):
    async with heard_of(home) as heard:
        (home / "memory" / "digests").mkdir()
        (home / "memory/digests/1.md").write_text("digest")
        await heard.until("memory/digests/1.md", "digest")


async def test_what_is_written_as_it_was_is_no_change(home):
    async with heard_of(home) as heard:
        (home / DNA).write_text("dna")
        os.utime(home / DNA)
        (home / TOKENS).write_text("tokens, changed after it")
        await heard.until(TOKENS, "tokens, changed after it")
        assert all(old != new for _, old, new in heard.told)
        assert not heard.last(DNA) or heard.last(DNA)[-1] == sha256("dna")


async def test_a_link_is_no_document_and_is_not_followed(home):
    (home.parent / "secret").write_text("secret")
    async with heard_of(home) as heard:
        (home / DNA).unlink()
        (home / DNA).symlink_to(home.parent / "secret")
        (home / TOKENS).write_text("after")
        await heard.until(TOKENS, "after")
        await heard.until(DNA, None)
        assert sha256("secret") not in {new for _, _, new in heard.told}


async def test_the_sweep_finds_what_no_hint_told_of(home):
    """Nothing watches here: the sweep alone, as where directories cannot be watched."""
    heard = Heard()
    watch = MemoryWatch(str(home), heard)
    watch.sweep()
    heard.told.clear()
    (home / DNA).write_text("dnb")
    (home / TOKENS).unlink()
    watch.sweep()
    assert heard.told == [(DNA, sha256("dna"), sha256("dnb")), (TOKENS, sha256("tokens"), "")]
    watch.sweep()
    assert len(heard.told) == 2


async def test_a_home_that_is_not_there_yet_is_found_when_it_comes(tmp_path):
    async with heard_of(tmp_path / "home") as heard:
        (tmp_path / "home" / "memory").mkdir(parents=True)
        (tmp_path / "home" / DNA).write_text("dna")
        await heard.until(DNA, "dna")


@pytest.mark.parametrize(
    "path", ["memory/.DNA.md.swp", "memory/DNA.md~", "rules/#X1.md#", "rules/.#X1.md", "roles/4913", "README.md", ""]
)
def test_what_is_no_document_is_not_watched(path):
    assert not is_watched(path)


@pytest.mark.parametrize(
    "path", [DNA, TOKENS, "factory.toml", "roles/builder.md", "rules/X1.md", "memory/digests/1.md"]
)
def test_documents_are_watched(path):
    assert is_watched(path)


async def test_a_change_is_proposed_once_it_is_quiet_and_a_digest_is_not(home):
    seen: list[str] = []
    proposed = asyncio.Event()

    async def propose() -> None:
        seen.append((home / DNA).read_text())
        proposed.set()

    heard = Heard()
    async with keeping_proposed(str(home), heard, propose, lambda path, what: None) as watch:
        await watch.ready.wait()
        (home / "memory" / "digests").mkdir()
        (home / "memory/digests/1.md").write_text("digest")
        await heard.until("memory/digests/1.md", "digest")
        assert not proposed.is_set()
        for number in range(5):
            (home / DNA).write_text(f"dna {number}")
            await heard.until(DNA, f"dna {number}")
        await asyncio.wait_for(proposed.wait(), 20)
        assert seen[-1] == "dna 4"
        assert not any(text.startswith("digest") for text in seen)


async def test_a_home_that_cannot_be_read_is_told_and_the_next_change_is_proposed(home):
    wrong: list[tuple[str, str]] = []
    tried = 0
    done = asyncio.Event()

    async def propose() -> None:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise DocumentError(path=DNA, problem="the document is a link")
        done.set()

    def told(path: str, what: str) -> None:
        wrong.append((path, what))
        (home / DNA).write_text("mended")

    async with keeping_proposed(str(home), Heard(), propose, told) as watch:
        await watch.ready.wait()
        (home / DNA).write_text("broken")
        await asyncio.wait_for(done.wait(), 20)
    assert wrong == [(DNA, f"{DNA}: the document is a link")]
