"""How each package manager is told to bring one package in, and what it brought: data, and a reader for each.

Nothing of a package ever runs: pip takes wheels only, npm runs no script. pip is never left to follow what a package
says it needs: an address there would have it build a source archive, which runs a stranger's code. So it is asked for
one layer at a time, and we read the next layer ourselves.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import urlsplit

from factory_tui.domain.errors import WorldError
from factory_tui.domain.packages import Wanted
from factory_tui.domain.terms import Package

MOST_PACKAGES = 300
_METADATA_BYTES = 1_000_000
_LOCK_BYTES = 20_000_000
NEXT = "go on without it, name another version, or escalate with what you need"


@dataclass(frozen=True, kw_only=True)
class Manager:
    """One package manager. `{work}` in its words is the throw-away directory it works in."""

    fetch: tuple[str, ...]
    """With the network; the packages asked for follow."""
    index: str
    """The option that names the index; without one it is the manager's own."""
    spell: Callable[[Wanted], str]
    missing: Callable[[Path, tuple[str, ...]], tuple[str, ...]]
    """What must be asked for beside what was, after a round; the same again = it is complete."""
    install: tuple[str, ...] = ()
    """Without the network; `{archives}` are the files that were fetched."""
    archives: str = ""
    """Glob of them, below the work directory."""
    seed: Mapping[str, str] = field(default_factory=dict)
    """Files that stand in the work directory before."""
    environment: Mapping[str, str] = field(default_factory=dict)
    result: str
    """The directory that comes out, below the work directory."""
    read: Callable[[Path, Wanted, str], tuple[Package, ...]]
    """What came, the one that was asked for first. Raises WorldError for what must not come in."""


def refused(asked: str, why: str) -> WorldError:
    return WorldError(what=f"the package {asked[:200]} was not brought in", why=why, next_step=NEXT)


# --- pip -------------------------------------------------------------------------------------------------

_EXTRAS = re.compile(r"^([A-Za-z0-9._-]+)(?:\[([A-Za-z0-9._,-]*)\])?")
_EXTRA_MARKER = re.compile(r"extra\s*==\s*(['\"])([^'\"]*)\1")


def canonical(name: str) -> str:
    """As Python's package index compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _layer(work: Path, asked: tuple[str, ...]) -> tuple[str, ...]:
    """What the wheels need, with the marks of extras that nobody asked for answered by no."""
    extras: dict[str, set[str]] = {}
    for requirement in asked:
        match = _EXTRAS.match(requirement)
        if match is not None and match[2]:
            extras.setdefault(canonical(match[1]), set()).update(part.strip() for part in match[2].split(","))
    needed = set(asked)
    for wheel in sorted(work.glob("archives/*")):
        about = _wheel_metadata(wheel)
        wished = extras.get(canonical(str(about.get("Name", ""))), set())
        for line in about.get_all("Requires-Dist") or ():
            if "@" in line.partition(";")[0] or "://" in line:
                raise refused(wheel.name, f"it needs `{line[:200]}`: an address instead of a name of the index")
            needed.add(
                _EXTRA_MARKER.sub(lambda m: f'python_version {">" if m[2] in wished else "<"} "0"', line.strip())  # noqa: B023
            )
    if len(needed) > MOST_PACKAGES:
        raise refused(asked[0], f"it needs more than {MOST_PACKAGES} others")
    first = asked[:1]
    return (*first, *sorted(needed - set(first)))


def _wheel_metadata(wheel: Path):  # type: ignore[no-untyped-def]
    if wheel.is_symlink() or not wheel.is_file() or wheel.suffix != ".whl":
        raise refused(wheel.name, "it came as something else than a wheel")
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
            with archive.open(name) as file:
                text = file.read(_METADATA_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError, StopIteration, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise refused(wheel.name, f"it is no wheel that can be read: {error}") from error
    return HeaderParser().parsestr(text)


def _wheels(work: Path, wanted: Wanted, index: str) -> tuple[Package, ...]:
    found = []
    for wheel in sorted(work.glob("archives/*")):
        about = _wheel_metadata(wheel)
        with open(wheel, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        found.append(
            Package(
                name=str(about.get("Name", ""))[:200],
                version=str(about.get("Version", ""))[:100],
                integrity=f"sha256:{sha256}",
                licence=_licence(
                    str(about.get("License-Expression", "")),
                    *(c.rpartition("::")[2] for c in about.get_all("Classifier") or () if c.startswith("License ::")),
                    str(about.get("License", "")),
                ),
            )
        )
    asked = canonical(wanted.name.partition("[")[0])
    return tuple(sorted(found, key=lambda one: (canonical(one.name) != asked, one.name)))


def _licence(*said: object) -> str:
    """The first that says something, on one short line."""
    for one in said:
        text = " ".join(str(one).split())
        if text and text.upper() != "UNKNOWN":
            return text[:80]
    return ""


# --- npm -------------------------------------------------------------------------------------------------


def _nothing_more(work: Path, asked: tuple[str, ...]) -> tuple[str, ...]:
    """npm follows what packages need by itself; what it must not have followed is found in its lock file."""
    return asked


def _locked(work: Path, wanted: Wanted, index: str) -> tuple[Package, ...]:
    lock = work / "package-lock.json"
    try:
        if lock.stat().st_size > _LOCK_BYTES:
            raise refused(wanted.name, "its lock file is too large to be read")
        entries = json.loads(lock.read_text())["packages"]
        first = entries[f"node_modules/{wanted.name}"]
        # Asked for by name and version, so this one came from the index, whichever that is.
        origin = index or str(first["resolved"])
        found = [
            _locked_package(path, entry, origin) for path, entry in entries.items() if path and isinstance(entry, dict)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise refused(wanted.name, f"npm left no lock file that can be read: {error}") from error
    if len(found) > MOST_PACKAGES:
        raise refused(wanted.name, f"it needs more than {MOST_PACKAGES} others")
    return tuple(sorted(found, key=lambda one: (one.name != wanted.name, one.name)))


def _locked_package(path: str, entry: Mapping[str, object], index: str) -> Package:
    name = str(entry.get("name") or path.rpartition("node_modules/")[2])
    integrity, resolved = str(entry.get("integrity", "")), str(entry.get("resolved", ""))
    if not entry.get("inBundle"):
        if entry.get("link") or not integrity.startswith("sha512-"):
            raise refused(name, "it is not bound to its bytes by the index: a link, a repository or a plain address")
        if urlsplit(resolved)[:2] != urlsplit(index)[:2]:
            raise refused(name, f"it came from {resolved[:200]}, which is not the index {index}")
    licence = entry.get("license", "")
    return Package(
        name=name[:200],
        version=str(entry.get("version", ""))[:100],
        integrity=integrity or "in its parent's archive",
        licence=_licence(licence.get("type", "") if isinstance(licence, dict) else licence),
        scripts=bool(entry.get("hasInstallScript")),
    )


MANAGERS: Mapping[str, Manager] = {
    "pip": Manager(
        fetch=(
            *("python3", "-m", "pip", "--isolated", "download", "--disable-pip-version-check", "--no-input"),
            *("--no-cache-dir", "--retries", "2", "--timeout", "20", "--progress-bar", "off"),
            *("--only-binary", ":all:", "--no-deps", "--dest", "{work}/archives"),
        ),
        index="--index-url",
        spell=lambda wanted: wanted.name + wanted.version,
        missing=_layer,
        archives="archives/*.whl",
        install=(
            *("python3", "-m", "pip", "--isolated", "install", "--disable-pip-version-check", "--no-input"),
            *("--no-index", "--no-deps", "--only-binary", ":all:", "--no-compile", "--no-cache-dir"),
            *("--no-warn-script-location", "--target", "{work}/python", "{archives}"),
        ),
        result="python",
        read=_wheels,
    ),
    "npm": Manager(
        fetch=(
            *("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-bin-links", "--omit=dev"),
            *("--no-update-notifier", "--save-exact", "--prefix", "{work}"),
        ),
        index="--registry",
        # With a version behind it no word is ever read as a file or as a repository.
        spell=lambda wanted: f"{wanted.name}@{wanted.version or 'latest'}",
        missing=_nothing_more,
        seed={"package.json": '{"private": true}\n'},
        environment={"npm_config_cache": "/tmp/npm", "npm_config_allow_git": "none"},  # noqa: S108 - its own
        result="node_modules",
        read=_locked,
    ),
}
"""Of each manager that `domain.packages` names."""
