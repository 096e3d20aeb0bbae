"""A repository whose home trusts keys of its own, and evidence for its commits, made as the factory makes it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from real_git import commit, git, repository

from factory_tui.adapters import verify
from factory_tui.adapters.attesting import SshAttestor
from factory_tui.adapters.git import find_repository
from factory_tui.domain.attesting import Draft, Frame

TRUSTED = {
    "factory": "factory.smoke,factory.landing,factory.deployment",
    "supervisor": "factory.approval",
    "builder": "factory.change",
    "quality": "factory.review",
    "security": "factory.report,factory.review",
    "devops": "factory.deployment",
    "ci": "factory.smoke",
}


def make_key(directory: Path, name: str) -> str:
    """The public half, `type key`."""
    key = directory / name
    if not key.exists():
        directory.mkdir(parents=True, exist_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def trust_of(directory: Path, names: Iterable[str] = TRUSTED) -> str:
    return "".join(
        f'{name}@factory.invalid namespaces="{TRUSTED[name]}" {make_key(directory, name)}\n' for name in names
    )


@dataclass
class Evidence:
    """Commits of one repository, and what is said about them."""

    root: Path
    keys: Path
    seq: int = 0
    said: dict[str, list[bytes]] = field(default_factory=dict)

    @property
    def attestor(self) -> SshAttestor:
        return SshAttestor(find_repository(str(self.root)), str(self.keys))

    def frame(self, base: str, **more: object) -> Frame:
        self.seq += 1
        with verify.Gate(str(self.root)) as gate:
            policy = gate.policy(base)[1]
        plain = Frame(
            seq=self.seq,
            previous="",
            ledger_seq=self.seq,
            ledger_head="0" * 64,
            base=base,
            policy=policy,
            charter="c" * 64,
            wall="bwrap",
            root=False,
            repository="0" * 32,
            task="T-1",
            at="2026-11-22T10:00:00.000Z",
        )
        return replace(plain, **more)  # type: ignore[arg-type]

    def sign(self, draft: Draft, by: str = "") -> bytes:
        """One line; `by` signs with somebody else's key than the statement names."""
        return asyncio.run(self.attestor.sign(replace(draft, signer=by) if by else draft))

    def keep(self, at: str, *lines: bytes) -> None:
        asyncio.run(self.attestor.keep(at, lines))

    def why(self, name: str, **more: str) -> list[str]:
        return self.answer(name, **more).why

    def answer(self, name: str, **more: str) -> verify.Answer:
        with verify.Gate(str(self.root), **more) as gate:
            return gate.verify(name)


def trusting_repository(tmp_path: Path) -> Evidence:
    keys = tmp_path / "keys"
    root = repository(
        tmp_path,
        {
            "src/a.py": "a = 1\n",
            "src/b.py": "b = 1\n",
            ".factory/factory.toml": 'repo_id = "00000000000000000000000000000000"\n',
            ".factory/rules/X1.md": "strict\n",
            ".factory/trust/allowed_signers": trust_of(keys),
        },
    )
    git(root, "config", "core.hooksPath", "/dev/null")
    return Evidence(root=root, keys=keys)


def work(evidence: Evidence, files: dict[str, str | bytes], message: str = "work") -> str:
    return commit(evidence.root, files, message)
