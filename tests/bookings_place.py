"""The sample product, deployed on loopback: one host process, two instances, a prior release, a data volume."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from factory_tui.adapters.demo.product import make_product
from factory_tui.adapters.processes import PlainSandbox
from factory_tui.domain.environments import Backup, CredentialName, Environment
from factory_tui.engine.deploy_ports import Release
from factory_tui.engine.ports import Boundary, Limits, RunResult

FIRST, SECOND = "1" * 40, "2" * 40


class PlainCommands:
    """`Commands` without a wall."""

    def __init__(self, place: Path) -> None:
        self._sandbox = PlainSandbox(place)

    async def run(
        self,
        argv: Sequence[str],
        boundary: Boundary,
        credentials: Sequence[CredentialName],
        limits: Limits,
        hear: Callable[[str], None] | None = None,
    ) -> RunResult:
        assert not credentials
        return await self._sandbox.run(argv, boundary, limits)


class Place:
    """Where it runs."""

    def __init__(self, root: Path) -> None:
        self.root, self.export = root / "place", root / "export"
        make_product(self.export)
        self.began = self.volume_id = ""

    def release(self, *words: str) -> str:
        script = str(self.export / "deploy" / "release.py")
        done = subprocess.run([sys.executable, script, str(self.root), *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()[-1]

    def deploy(self, commit: str) -> str:
        self.began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.release("deploy", commit, "--approved-by", "supervisor", "--reviewer", "S-3")

    def book(self, count: int) -> None:
        bookings = [{"id": n, "room": f"R{n}", "who": "Ada", "start": 9, "end": 10} for n in range(count)]
        (self.root / "data" / "bookings.json").write_text(json.dumps(bookings))

    def checks(self, **more: Any) -> dict[str, Any]:
        ports = json.loads((self.root / "ports.json").read_text())

        def command(*words: str) -> list[str]:
            return [sys.executable, "deploy/release.py", str(self.root), *words]

        return {
            "base_url": f"https://localhost:{ports['a']}",
            "plain_http_url": f"http://127.0.0.1:{ports['plain']}/",
            "instances": [f"https://localhost:{ports[name]}" for name in ("a", "b")],
            "ca_file": str(self.root / "tls" / "ca.pem"),
            "expected_version": "1.0.0",
            "expected_addresses": ["127.0.0.1", "::1"],
            "key_paths": ["/", "/bookings", "/help"],
            "protected_paths": ["/admin"],
            "journey_path": "/api/probe-items",
            "journey_body": {"name": "deploy-probe"},
            "perf_path": "/bookings",
            "migration_status_argv": command("migrations"),
            "count_argv": command("counts"),
            "restore_drill_argv": command("restore"),
            "artifact_exists_argv": command("artifact", "{previous_tag}"),
            "rollback_dry_run_argv": command("rollback", "{previous_revision}", "--dry-run"),
            "data_path": str(self.root / "data"),
            "sentinel_file": ".volume-id",
            "volume_id": self.volume_id,
            "log_file": str(self.root / "log" / "app.log"),
            "release_record_file": str(self.root / "release" / "current.json"),
            "changelog_file": "CHANGELOG.md",
            **more,
        }

    def environment(self, **more: Any) -> Environment:
        script = ("python3", "deploy/release.py", str(self.root))
        return Environment(
            deploy=(*script, "deploy", "{commit}"),
            rollback=(*script, "rollback", "{previous}"),
            status=(*script, "status"),
            backup=Backup(none_because="a test"),
            writable=(str(self.root),),
            checks=self.checks(**more),
        )

    def of(self, commit: str = SECOND, previous: str = FIRST) -> Release:
        return Release(
            commit=commit, environment="loopback", began=self.began, previous=previous, directory=str(self.export)
        )


@contextlib.contextmanager
def running_place(root: Path) -> Iterator[Place]:
    """The host is one process of ours; its instances end with it."""
    place = Place(root)
    host = subprocess.Popen([sys.executable, str(place.export / "deploy" / "host.py"), str(place.root)])
    try:
        deadline = time.monotonic() + 30
        while not (place.root / "running.json").exists():
            assert time.monotonic() < deadline
            assert host.poll() is None
            time.sleep(0.02)
        place.volume_id = (place.root / "data" / ".volume-id").read_text().strip()
        yield place
    finally:
        host.terminate()
        host.wait(timeout=20)
