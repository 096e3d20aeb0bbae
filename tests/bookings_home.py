"""The sample product with a home that deploys it: the real command, and a real service on loopback.

The service's place is played by its own `host.py`; two small changes are landed by rehearsal seats, from a script.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import Desk, git, write

from factory_tui.adapters.demo.product import make_product

REPO_ID = "b00c1e55b00c1e55b00c1e55b00c1e55"
BOOKED = [{"id": n, "room": f"R{n}", "who": "Ada", "start": 9, "end": 10} for n in range(10)]
SETTINGS = f"""repo_id = "{REPO_ID}"
[smoke]
command = "python3 -m unittest -v tests.test_page"
runner = "unittest"
[pace]
mode = "flow"
[landing]
onto = "base"
[seats]
default = "rehearsal"
"""
SCRIPT = """turns:
  - role: builder
    steps:
      - act: {kind: read, path: docs/api.md}
      - act: {kind: edit, path: docs/notes.md, content: "__NOTE__\\n"}
__MORE__      - act: {kind: commit, text: "Note __NOTE__"}
      - act: {kind: hand_over, text: "A note, and nothing else."}
  - role: quality
    steps:
      - act: {kind: read, path: docs/notes.md}
      - act: {kind: run, command: python3 -m unittest tests.test_page}
      - if: {exit_code: 0}
        then:
          - act: {kind: report, text: It is a note., checked: [the tests of the page]}
        else:
          - act: {kind: escalate, text: the tests of the page are red}
  - role: devops
    steps:
      - act: {kind: deploy, target: production, text: "Nothing but a note changed."}
      - if: {ok: false}
        then:
          - act: {kind: report, text: "It was not proposed."}
"""
SHIP = """#!/bin/sh
# ship.sh PLACE COMMAND ...: tells what it was given, keeps count, and holds while PLACE/hold is there
set -eu
place=$1; shift
echo "variable ${DEPLOY_TOKEN:-none}, file $(cat "${FILE_TOKEN:-/dev/null}")"
echo "$1 ${2:-}" >> "$place/ran"
if [ -e "$place/hold" ]; then
    : > "$place/held"
    while [ -e "$place/hold" ]; do sleep 0.05; done
fi
exec python3 deploy/release.py "$place" "$@"
"""
SECRETS = {"DEPLOY_TOKEN": "Damson/7-lantern+rail_19=key", "FILE_TOKEN": "Quince/4-ember+quay_83=lock"}
"""Made up."""
CHECKS: dict[str, Any] = {
    "expected_version": "1.0.0",
    "expected_addresses": ["127.0.0.1", "::1"],
    "key_paths": ["/", "/bookings", "/help"],
    "protected_paths": ["/admin"],
    "journey_path": "/api/probe-items",
    "journey_body": {"name": "deploy-probe"},
    "perf_path": "/bookings",
    "sentinel_file": ".volume-id",
    "changelog_file": "CHANGELOG.md",
}


@dataclass
class Bookings(Desk):
    """A terminal in the product's repository, and the place where it runs."""

    service: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "DEPLOY_TOKEN": SECRETS["DEPLOY_TOKEN"]}

    @property
    def ran(self) -> list[str]:
        """What was run that changes anything, oldest first."""
        file = self.service / "ran"
        return file.read_text().splitlines() if file.exists() else []

    def ship(self, *words: str) -> list[str]:
        return ["sh", "deploy/ship.sh", str(self.service), *words]

    def release(self, *words: str) -> list[str]:
        return ["python3", "deploy/release.py", str(self.service), *words]

    def deploy_yaml(self) -> dict[str, Any]:
        ports = json.loads((self.service / "ports.json").read_text())
        checks = {
            **CHECKS,
            "base_url": f"https://localhost:{ports['a']}",
            "plain_http_url": f"http://127.0.0.1:{ports['plain']}/",
            "instances": [f"https://localhost:{ports[name]}" for name in ("a", "b")],
            "ca_file": str(self.service / "tls" / "ca.pem"),
            "migration_status_argv": self.release("migrations"),
            "count_argv": self.release("counts"),
            "restore_drill_argv": self.release("restore"),
            "artifact_exists_argv": self.release("artifact", "{previous_tag}"),
            "rollback_dry_run_argv": self.release("rollback", "{previous_revision}", "--dry-run"),
            "data_path": str(self.service / "data"),
            "volume_id": (self.service / "data" / ".volume-id").read_text().strip(),
            "log_file": str(self.service / "log" / "app.log"),
            "release_record_file": str(self.service / "release" / "current.json"),
        }
        by = ("--approved-by", "supervisor", "--reviewer", "S-3")
        production = {
            "deploy": self.ship("deploy", "{commit}", *by),
            "rollback": self.ship("rollback", "{previous}", *by),
            "status": self.release("status"),
            "writable": [str(self.service)],
            "credentials": [
                {"name": "DEPLOY_TOKEN"},
                {"name": "FILE_TOKEN", "file": str(self.place / "token"), "as_file": True},
            ],
            "backup": {
                "command": self.release("backup"),
                "restored_on": time.strftime("%Y-%m-%d", time.gmtime()),
                "rows_restored": 9,
                "kept_at": "elsewhere",
                "data_at": "here",
            },
            "checks": checks,
        }
        none = {"backup": {"none_because": "it holds copies only"}, "checks": {}, "credentials": []}
        always = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "why": "nobody is here to mend it"}]
        return {
            "environments": {
                "production": production,
                "second": {**production, **none, "after": ["production"]},
                "closed": {**production, **none, "freeze": always},
            }
        }

    @property
    def running(self) -> str:
        """What the service itself says."""
        told = json.loads((self.service / "running.json").read_text())
        return str(told["commit"]) if told["up"] else "none"

    def script(self, note: str, more: str = "") -> str:
        """`more`: further steps of the author's."""
        file = self.place / "script.yaml"
        file.write_text(SCRIPT.replace("__NOTE__", note).replace("__MORE__", more))
        return str(file)

    def propose(self, environment: str = "production", *words: str) -> str:
        """Proposed, and waived, because it is one person's terminal; the deployment's id."""
        told = self.factory("deploy", "propose", environment, *words, "--json", code=0).json
        self.factory("answer", told["deployment"], "waive", "--text", "alone tonight", code=0)
        return str(told["deployment"])

    def land(self, note: str, more: str = "") -> str:
        """One small change; the commit it landed as."""
        words = ("--task", f"Note {note}", "--to", "builder", "--headless", "--script", self.script(note, more))
        self.factory("run", *words, code=4)
        self.read_digest()
        (task,) = [item["id"] for item in self.waiting().values() if item["kind"] == "change"]
        self.factory("answer", task, "approve", code=0)
        self.factory("resume", "--headless", "--script", self.script(note), code=0)
        self.read_digest()
        return git(self.root, "rev-parse", "main")


@contextlib.contextmanager
def bookings(tmp_path: Path) -> Iterator[Bookings]:
    """The service's machine runs; nothing is deployed."""
    root, service = tmp_path / "repository", tmp_path / "service"
    make_product(root, REPO_ID)
    git(root, "config", "user.name", "Ann")
    git(root, "config", "user.email", "ann@example.invalid")
    service.mkdir()
    host = subprocess.Popen([sys.executable, str(root / "deploy" / "host.py"), str(service)])
    try:
        deadline = time.monotonic() + 30
        while not (service / "running.json").exists():
            assert time.monotonic() < deadline
            assert host.poll() is None
            time.sleep(0.02)
        desk = Bookings(root=root, place=tmp_path, service=service)
        (service / "data" / "bookings.json").write_text(json.dumps(BOOKED))
        token = tmp_path / "token"
        token.touch(0o600)
        token.write_text(SECRETS["FILE_TOKEN"])
        text = json.dumps(desk.deploy_yaml(), indent=1)
        write(root, {".factory/factory.toml": SETTINGS, ".factory/deploy.yaml": text, "deploy/ship.sh": SHIP})
        git(root, "add", "-A")
        git(root, "commit", "-qm", "Deploy to one place")
        yield desk
    finally:
        host.terminate()
        host.wait(timeout=20)
