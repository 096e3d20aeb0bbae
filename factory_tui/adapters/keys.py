"""Keys: one for each role on each machine, made by OpenSSH, kept in the state place where no seat looks.

The public halves stand in the home, each bound to what its role delivers: an author's key never signs a verdict.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from factory_tui.domain.attesting import CI, FACTORY, SUPERVISOR
from factory_tui.domain.errors import WorldError
from factory_tui.domain.roles import RoleCard

HEAD = "# Who may sign what: one key for each role on each machine. Checked with `ssh-keygen -Y verify`.\n"


def ssh_keygen() -> str:
    """Where OpenSSH's tool is; empty = it is not installed."""
    return shutil.which("ssh-keygen") or ""


def make_keys(directory: str, cards: Iterable[RoleCard]) -> str:
    """Makes the keys that are missing; returns the text of `trust/allowed_signers`. Raises WorldError.

    Empty when ssh-keygen is not installed: then nothing is signed, and `factory doctor` says so.
    """
    tool = ssh_keygen()
    if not tool:
        return ""
    lines = [HEAD]
    for name, kinds in signers(cards):
        key = Path(directory) / name
        if not key.exists():
            done = subprocess.run(
                [tool, "-q", "-t", "ed25519", "-N", "", "-C", f"factory {name}", "-f", str(key)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=30,
            )
            if done.returncode != 0:
                raise WorldError(
                    what=f"no key could be made for {name}",
                    why=done.stderr.decode("utf-8", "replace").strip(),
                    next_step=f"look at {directory}",
                )
        kind, public = key.with_suffix(".pub").read_text().split()[:2]
        namespaces = ",".join(f"factory.{one}" for one in kinds)
        lines.append(f'{name}@factory.invalid namespaces="{namespaces}" {kind} {public}\n')
    return "".join(lines)


def make_ci_key(path: str) -> str:
    """Makes a key for a CI job at `path`, where none is; its line of `trust/allowed_signers`. Raises WorldError."""
    done = subprocess.run(
        [ssh_keygen() or "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "factory ci", "-f", path],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=30,
    )
    if done.returncode != 0:
        why = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise WorldError(what=f"no key could be made at {path}", why=why, next_step="name a new file")
    kind, public = Path(f"{path}.pub").read_text().split()[:2]
    return f'{CI}@factory.invalid namespaces="factory.smoke" {kind} {public}\n'


def signers(cards: Iterable[RoleCard]) -> list[tuple[str, tuple[str, ...]]]:
    """Who signs what: the factory, the supervisor, each role what it delivers; verdicts only by roles that judge."""
    found: list[tuple[str, tuple[str, ...]]] = [
        (FACTORY, ("smoke", "landing", "deployment")),
        (SUPERVISOR, ("approval",)),
    ]
    for card in cards:
        more = ("review",) if card.judges and card.delivers != "review" else ()
        found.append((card.id, (card.delivers, *more)))
    return found


def missing_keys(directory: str, roles: Iterable[str]) -> tuple[str, ...]:
    """Roles without a key on this machine."""
    return tuple(role for role in roles if not (Path(directory) / role).is_file())


def add_signers(path: Path, text: str) -> tuple[str, ...]:
    """Lines of `text` whose key is not trusted yet, added to the end. Nothing that is there is changed."""
    there = path.read_text("utf-8") if path.exists() else HEAD
    known = {word for line in there.splitlines() for word in line.split() if word.startswith("AAAA")}
    new = tuple(line for line in text.splitlines() if not line.startswith("#") and line.split()[-1] not in known)
    if new or not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "".join([there if there.endswith("\n") else f"{there}\n", *(f"{line}\n" for line in new)]), "utf-8"
        )
    return new
