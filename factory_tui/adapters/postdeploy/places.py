"""The kinds that look at files and run commands: argument lists, each in a sandbox of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from factory_tui.adapters.postdeploy.asking import MOST_BYTES, Ask, Kind
from factory_tui.adapters.postdeploy.judging import (
    MISSING,
    GapError,
    NotApplicableError,
    Seen,
)
from factory_tui.domain.patterns import Pattern, encode
from factory_tui.engine.ports import Boundary, Limits

MOST_SECONDS = 300.0
MOST_LOG_BYTES = 32_000_000
"""Of a log, from its end."""


async def _command(ask: Ask, argv: Any) -> Seen:
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        raise GapError(f"{argv!r} is no command: an argument list is needed")
    env = ask.environment
    boundary = Boundary(
        cwd=ask.release.directory, writable=env.writable, readable=env.readable, network=env.network,
        environment={"FACTORY_COMMIT": ask.release.commit, "FACTORY_PREVIOUS": ask.release.previous,
                     "FACTORY_ENVIRONMENT": ask.release.environment},
    )  # fmt: skip
    seconds = min(MOST_SECONDS, float(ask.run.get("timeout_s") or 60))
    result = await ask.commands.run(argv, boundary, env.credentials, Limits(seconds=seconds, output_bytes=200_000))
    output = result.output.decode("utf-8", "replace")
    if result.killed:
        raise GapError(f"`{argv[0]}` was ended: {result.killed}")
    told = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    try:
        parsed: Any = json.loads(told)
    except ValueError:
        parsed = MISSING
    facts = {"exit": result.exit_code, "stdout": output, "stdout_json": parsed, "elapsed_s": round(result.seconds, 3)}
    return Seen(facts=facts, notes=[f"`{' '.join(argv)[:200]}` said: {told[:200]}"])


async def exec_(ask: Ask) -> Seen:
    """One command."""
    seen = await _command(ask, ask.run["argv"])
    if "previous_tag" in ask.run:
        seen.facts["previous_tag"] = ask.run["previous_tag"]
    return seen


async def counts(ask: Ask) -> Seen:
    """Rows by table, now and before."""
    seen = await _command(ask, ask.run["argv"])
    now = seen.facts["stdout_json"]
    if seen.facts["exit"] != 0 or not isinstance(now, dict):
        seen.facts["tables_missing"] = seen.facts["min_ratio"] = MISSING
        return seen
    rows = {table: float(count) for table, count in now.items() if _is_number(count)}
    seen.figures = {f"rows.{table}": count for table, count in rows.items()}
    file = ask.run.get("baseline_file")
    if file:
        data = _json(ask.path(str(file)))
        before = {table: float(count) for table, count in data.items() if _is_number(count)}
    else:
        before = {name.removeprefix("rows."): count for name, count in ask.previous.items() if name.startswith("rows.")}
    if not before and not file:
        reason = f"no earlier release left counts to compare with; now {json.dumps(now)[:400]}"
        raise NotApplicableError(reason, seen.figures)
    seen.facts["tables_missing"] = sorted(set(before) - set(rows))
    shares = [rows.get(table, 0.0) / count for table, count in before.items() if count > 0]
    seen.facts["min_ratio"] = round(min(shares, default=1.0), 4)
    seen.notes.append(f"before: {json.dumps(before)[:400]}; now: {json.dumps(now)[:400]}")
    return seen


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read(path: Path, most: int = MOST_BYTES) -> bytes:
    """The end of a regular file. Raises GapError when there is none that can be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise GapError(f"{path} is no file")
            file.seek(max(0, status.st_size - most))
            return file.read(most)
    except OSError as error:
        raise GapError(f"{path} cannot be read: {error.strerror}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_read(path))
    except ValueError as error:
        raise GapError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise GapError(f"{path} holds no fields")
    return data


async def path(ask: Ask) -> Seen:
    """A directory that must survive."""
    place, name = ask.path(str(ask.run["path"])), str(ask.run.get("sentinel") or "")
    try:
        sentinel: Any = _read(place / name, 10_000).decode("utf-8", "replace").strip() if name else MISSING
    except GapError:
        sentinel = MISSING
    facts = {"exists": place.is_dir(), "writable": os.access(place, os.W_OK | os.X_OK), "sentinel": sentinel}
    return Seen(facts=facts, notes=[str(place)])


async def disk(ask: Ask) -> Seen:
    """Free space, and how fast a log grows."""
    place, log = ask.path(str(ask.run["path"])), ask.path(str(ask.run["log_file"]))
    seconds = float(ask.run.get("pause_s") or 5) * ask.pace
    try:
        usage = shutil.disk_usage(place)
        before = log.stat().st_size
        await asyncio.sleep(seconds)
        after = log.stat().st_size
    except OSError as error:
        raise GapError(f"{error.filename}: {error.strerror}") from error
    # A log that was rotated meanwhile is as long as it is.
    grown = after - before if after >= before else after
    rate = grown / 1024 / max(seconds, 0.001) * 60
    facts = {"free_percent": round(usage.free / usage.total * 100, 1), "log_kb_per_min": round(rate, 1)}
    return Seen(facts=facts, notes=[f"{log}: {before} to {after} bytes in {seconds:g} s"])


async def log_scan(ask: Ask) -> Seen:
    """Lines that tell of an error, since the deployment began and in the hour before."""
    began = _time(str(ask.run["since"]))
    if began is None:
        raise GapError("nobody knows when the deployment began")
    log, pattern = ask.path(str(ask.run["file"])), Pattern(str(ask.run["pattern"]))
    data = await asyncio.to_thread(_read, log, MOST_LOG_BYTES)
    since, before, first = 0, 0, ""
    at: datetime | None = None
    for line in data.decode("utf-8", "replace").splitlines():
        # A line without a time, such as one of a traceback, belongs to the line above it.
        at = _time(line) or at
        if not pattern.is_in(encode(line)):
            continue
        if at is None or at >= began:
            since, first = since + 1, first or line.strip()
        elif at >= began - timedelta(hours=1):
            before += 1
    hours = max((datetime.now(UTC) - began).total_seconds(), 1.0) / 3600
    rate, usual = since / hours, float(before)
    usual = usual or ask.previous.get("errors_per_hour", 0.0)
    facts: dict[str, Any] = {"readable": True, "errors_since_deploy": since}
    if usual > 0:
        facts["errors_since_deploy_ratio"] = round(rate / usual, 3)
    notes = [f"{log}: {since} since {ask.run['since']}, {before} in the hour before", *([first[:200]] if first else [])]
    return Seen(facts=facts, notes=notes, figures={"errors_per_hour": rate})


def _time(text: str) -> datetime | None:
    """The ISO time that a line begins with; without a zone it is UTC."""
    words = text.lstrip("[ ").split("]", 1)[0].split()[:2]
    for candidate in (" ".join(words), words[0] if words else ""):
        with contextlib.suppress(ValueError):
            if len(candidate) >= 19:
                found = datetime.fromisoformat(candidate.rstrip(",").replace(",", "."))
                return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


async def json_file(ask: Ask) -> Seen:
    """A record, and a text beside it."""
    data = _json(ask.path(str(ask.run["file"])))
    wanted = ask.run.get("required_fields") or []
    facts: dict[str, Any] = {"fields_missing": [name for name in wanted if not data.get(name)], "json": data}
    if beside := ask.run.get("also_text"):
        facts["changelog"] = _read(ask.path(str(beside))).decode("utf-8", "replace")
    return Seen(facts=facts, notes=[str(ask.path(str(ask.run["file"])))])


KINDS: dict[str, Kind] = {
    "exec": exec_,
    "counts": counts,
    "path": path,
    "disk": disk,
    "log_scan": log_scan,
    "json_file": json_file,
}
