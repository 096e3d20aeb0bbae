"""What the evidence store promises: the very bytes, once, or an error that names them."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from simulated_disk import SimulatedDisk

from factory_tui.adapters.disk import Disk
from factory_tui.adapters.evidence import EvidenceFiles
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import Evidence
from factory_tui.engine.ports import EvidenceStore

OUTPUT = b"312 passed\n\x00\xff"
SHA256 = hashlib.sha256(OUTPUT).hexdigest()


def test_what_was_put_is_got_back_by_its_sha256(tmp_path: Path) -> None:
    store: EvidenceStore = EvidenceFiles(str(tmp_path))
    assert store.put(OUTPUT, "smoke output") == Evidence(sha256=SHA256, size=len(OUTPUT), label="smoke output")
    assert store.get(SHA256) == OUTPUT
    assert EvidenceFiles(str(tmp_path)).get(SHA256) == OUTPUT


def test_no_bytes_at_all_are_evidence_too(tmp_path: Path) -> None:
    store = EvidenceFiles(str(tmp_path))
    assert store.get(store.put(b"", "empty diff").sha256) == b""


def test_the_same_bytes_twice_are_one_file_for_its_owner_only(tmp_path: Path) -> None:
    store = EvidenceFiles(str(tmp_path))
    first = store.put(OUTPUT, "first")
    inode = (tmp_path / SHA256).stat().st_ino
    second = store.put(OUTPUT, "second")
    assert (first.sha256, second.label) == (second.sha256, "second")
    assert [file.name for file in tmp_path.iterdir()] == [SHA256]
    assert (tmp_path / SHA256).stat().st_ino == inode
    assert (tmp_path / SHA256).stat().st_mode & 0o777 == 0o600


def test_altered_evidence_is_an_error_and_never_an_answer(tmp_path: Path) -> None:  # T: evidence exchanged
    store = EvidenceFiles(str(tmp_path))
    store.put(OUTPUT, "smoke output")
    (tmp_path / SHA256).write_bytes(b"312 passed, honestly")
    with pytest.raises(WorldError, match=f"{SHA256} was altered"):
        store.get(SHA256)


def test_missing_evidence_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match=f"{SHA256} is missing"):
        EvidenceFiles(str(tmp_path)).get(SHA256)


def test_right_bytes_replace_altered_ones_which_are_kept_beside(tmp_path: Path) -> None:
    store = EvidenceFiles(str(tmp_path))
    for forged in (b"forged", b"forged again"):
        (tmp_path / SHA256).write_bytes(forged)
        store.put(OUTPUT, "smoke output")
    assert store.get(SHA256) == OUTPUT
    assert (tmp_path / f"{SHA256}.altered-1").read_bytes() == b"forged"
    assert (tmp_path / f"{SHA256}.altered-2").read_bytes() == b"forged again"


@pytest.mark.parametrize("name", ["../secret", "", "secret", SHA256.upper(), SHA256 + "\n", "a/" + SHA256])
def test_only_a_sha256_is_looked_up(tmp_path: Path, name: str) -> None:  # T: a path in the place of a name
    (tmp_path / "secret").write_bytes(b"key")
    directory = tmp_path / "evidence"
    directory.mkdir()
    (directory / "secret").write_bytes(b"key")
    with pytest.raises(WorldError, match="cannot exist"):
        EvidenceFiles(str(directory)).get(name)


def test_a_link_in_the_place_of_evidence_is_not_followed(tmp_path: Path) -> None:  # T: planted link
    directory = tmp_path / "evidence"
    directory.mkdir()
    (tmp_path / "elsewhere").write_bytes(OUTPUT)
    (directory / SHA256).symlink_to(tmp_path / "elsewhere")
    store = EvidenceFiles(str(directory))
    with pytest.raises(WorldError):
        store.get(SHA256)
    with pytest.raises(WorldError):
        store.put(OUTPUT, "smoke output")
    assert (tmp_path / "elsewhere").read_bytes() == OUTPUT


def test_threads_that_store_the_same_bytes_do_not_disturb_each_other(tmp_path: Path) -> None:
    store = EvidenceFiles(str(tmp_path))
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def put_many() -> None:
        start.wait()
        try:
            for n in range(25):
                assert store.get(store.put(b"%d" % n, "shared").sha256) == b"%d" % n
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=put_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(list(tmp_path.iterdir())) == 25


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path: Path) -> None:  # T: full disk
    class Full(Disk):
        def write(self, descriptor: int, data: bytes | memoryview, offset: int) -> int:
            with open("/dev/full", "wb", buffering=0) as device:
                return device.write(data) or 0

    with pytest.raises(WorldError, match="No space left"):
        EvidenceFiles(str(tmp_path), Full()).put(OUTPUT, "smoke output")
    assert os.listdir(tmp_path) == []


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="could not be stored"):
        EvidenceFiles(str(tmp_path / "none")).put(OUTPUT, "smoke output")


class NeverSynced(SimulatedDisk):
    def sync(self, descriptor: int) -> None:
        pass


class NamesNeverSynced(SimulatedDisk):
    def sync_directory(self, path: str) -> None:
        pass


def survives(disk: SimulatedDisk, seed: int) -> bool:
    store = EvidenceFiles("/e", disk)
    store.put(OUTPUT * 20, "smoke output")
    disk.cut_power(seed)
    try:
        return store.get(hashlib.sha256(OUTPUT * 20).hexdigest()) == OUTPUT * 20
    except WorldError:
        return False


def test_evidence_survives_a_power_cut_once_put_returned() -> None:  # T: power cut
    assert all(survives(SimulatedDisk(), seed) for seed in range(200))


@pytest.mark.parametrize("mistaken", [NeverSynced, NamesNeverSynced])
def test_without_a_sync_the_power_cut_is_seen_to_lose_it(mistaken: type[SimulatedDisk]) -> None:
    """The control of the test above."""
    assert not all(survives(mistaken(), seed) for seed in range(200))


def test_whatever_call_fails_the_name_holds_all_bytes_or_none() -> None:  # T: crash at any call
    ended = 0
    for calls in range(12):
        for fault in ("short", "nospace", "eio", "halt"):
            disk = SimulatedDisk()
            disk.fault = (calls, fault)
            try:
                EvidenceFiles("/e", disk).put(OUTPUT, "smoke output")
            except WorldError:
                ended += 1
            disk.end_process()
            assert disk.names.get(f"/e/{SHA256}") is None or EvidenceFiles("/e", disk).get(SHA256) == OUTPUT
            EvidenceFiles("/e", disk).put(OUTPUT, "smoke output")
            assert EvidenceFiles("/e", disk).get(SHA256) == OUTPUT
    assert ended > 6
