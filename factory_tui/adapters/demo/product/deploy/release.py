"""Brings a release to its place, back, and says what is there. Every command may be run again.

    python3 deploy/release.py PLACE deploy COMMIT --approved-by WHO --reviewer SESSION
    python3 deploy/release.py PLACE rollback COMMIT [--dry-run]      (COMMIT may be `none`, or empty)
    python3 deploy/release.py PLACE status | backup | counts | migrations | restore | artifact COMMIT
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = 1
"""What this release's code expects of the data."""
LONGEST_START = 30
OLDEST_WORD = 10
"""Seconds after which nobody keeps anything running."""


def write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.replace(path)


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def running(place: Path) -> dict:
    try:
        told = json.loads((place / "running.json").read_text())
    except (OSError, ValueError):
        return {"commit": "none", "up": []}
    return told if time.time() - told["at"] < OLDEST_WORD else {"commit": "none", "up": []}


def switch(place: Path, commit: str) -> None:
    """Returns when both instances of it run. Raises SystemExit when they do not."""
    write(place / "wanted", commit)
    deadline = time.monotonic() + LONGEST_START
    while time.monotonic() < deadline:
        told = running(place)
        if told["commit"] == commit and (commit == "none" or len(told["up"]) == 2):
            return
        time.sleep(0.05)
    sys.exit(f"{commit} did not start in {LONGEST_START} s: see {place / 'log' / 'instances.log'}")


def data_of(place: Path) -> Path:
    """The volume of the release that runs, or ran last."""
    mounted = place / "mounted"
    return mounted if mounted.exists() else place / "data"


def newest_backup(place: Path) -> Path | None:
    return max((place / "backups").glob("*.json"), default=None, key=lambda path: path.name)


def fetch(place: Path, commit: str) -> None:
    target = place / "releases" / commit
    if target.exists():
        return
    new = target.with_name(f"{commit}.new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(ROOT, new, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    new.rename(target)


def record(place: Path, commit: str, approved_by: str, reviewer: str) -> None:
    path = place / "release" / "current.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    if before.get("revision") == commit:
        return
    backup = newest_backup(place)
    fields = {
        "revision": commit,
        "approved_by": approved_by,
        "reviewer_session": reviewer,
        "deployed_at": now(),
        "backup_id": backup.stem if backup else "",
        "rollback_tag": before.get("revision", "none"),
    }
    write(path, json.dumps(fields, indent=1))


def deploy(place: Path, arguments: argparse.Namespace) -> None:
    fetch(place, arguments.commit)
    write(place / "release" / "counts-before.json", json.dumps(rows_of(place)))
    switch(place, arguments.commit)
    record(place, arguments.commit, arguments.approved_by, arguments.reviewer)
    print(arguments.commit)


def rollback(place: Path, arguments: argparse.Namespace) -> None:
    commit = arguments.commit
    if commit != "none" and not (place / "releases" / commit / "deploy" / "serve.py").exists():
        sys.exit(f"there is no release {commit} to go back to")
    if (place / "locked").exists():
        sys.exit(f"releases are locked: {(place / 'locked').read_text().strip()}")
    if arguments.dry_run:
        print(f"would switch from {running(place)['commit']} to {commit}; the data stays")
        return
    switch(place, commit)
    record(place, commit, arguments.approved_by, arguments.reviewer)
    print(commit)


def status(place: Path, arguments: argparse.Namespace) -> None:
    told = running(place)
    print(told["commit"] if told["up"] else "none")


def backup(place: Path, arguments: argparse.Namespace) -> None:
    held = {
        "made_at": time.time(),
        "schema": int((data_of(place) / "schema").read_text()),
        "bookings": json.loads((data_of(place) / "bookings.json").read_text()),
    }
    name = datetime.now(timezone.utc).strftime("bookings-%Y%m%dT%H%M%S%fZ")
    write(place / "backups" / f"{name}.json", json.dumps(held))
    print(name)


def rows_of(place: Path) -> dict:
    return {"bookings": len(json.loads((data_of(place) / "bookings.json").read_text()))}


def counts(place: Path, arguments: argparse.Namespace) -> None:
    print(json.dumps(rows_of(place)))


def migrations(place: Path, arguments: argparse.Namespace) -> None:
    found = int((data_of(place) / "schema").read_text())
    print(f"schema {found}" if found == SCHEMA else f"pending: the data is of schema {found}, the code of {SCHEMA}")
    sys.exit(0 if found == SCHEMA else 1)


def restore(place: Path, arguments: argparse.Namespace) -> None:
    """Into memory: reads the newest backup as the service would, and counts."""
    sys.path.insert(0, str(ROOT))
    from bookings.store import Store

    path = newest_backup(place)
    if path is None:
        sys.exit("there is no backup")
    held = json.loads(path.read_text())
    store = Store()
    for booking in held["bookings"]:
        store.add(**{key: booking[key] for key in ("room", "who", "start", "end")})
    age = (time.time() - held["made_at"]) / 60
    print(json.dumps({"backup_id": path.stem, "age_minutes": round(age, 2), "rows": len(store.all())}))


def artifact(place: Path, arguments: argparse.Namespace) -> None:
    found = place / "releases" / arguments.commit / "deploy" / "serve.py"
    if not found.exists():
        sys.exit(f"there is no release {arguments.commit}")
    print(found.parent.parent)


COMMANDS = (deploy, rollback, status, backup, counts, migrations, restore, artifact)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("place", type=Path)
    parser.add_argument("command", choices=[command.__name__ for command in COMMANDS])
    parser.add_argument("commit", nargs="?", default="none")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--approved-by", default="")
    parser.add_argument("--reviewer", default="")
    arguments = parser.parse_args()
    arguments.commit = arguments.commit or "none"
    place = arguments.place.absolute()
    next(command for command in COMMANDS if command.__name__ == arguments.command)(place, arguments)


if __name__ == "__main__":
    main()
