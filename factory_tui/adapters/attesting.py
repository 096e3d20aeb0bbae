"""Signing statements with OpenSSH, and keeping them in git's notes. The only module that makes evidence.

One key for each signer, in the state place; the public halves stand in the home's `trust/allowed_signers`, each bound
to the kinds it may sign. Notes are only ever added to.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from factory_tui.adapters import verify
from factory_tui.adapters.git import GitAt, Repository
from factory_tui.adapters.keys import ssh_keygen
from factory_tui.domain.attesting import CI, FACTORY, LEVELS, SUPERVISOR, Draft
from factory_tui.domain.errors import WorldError
from factory_tui.domain.terms import CommitId, Sha256

_SECONDS = 120
"""A hardware key waits for a finger."""


class SshAttestor:
    """Satisfies `ports.Attestor`. Every method that touches the world runs off the loop."""

    def __init__(
        self, repository: Repository, keys: str, *, trust: str = "", supervisor_key: str = "", ci_key: str = ""
    ) -> None:
        """`trust` is the allowed signers of a home outside the repository; empty = each commit's base has its own.

        `ci_key` is the private key of whoever runs the checks again; no machine of the factory's has it.
        `supervisor_key` is the supervisor's own private key or key handle; empty = the one in `keys`.
        """
        self._repository, self._keys, self._supervisor_key = repository, Path(keys), supervisor_key
        self._trust, self._ci_key = trust, ci_key
        self._git: GitAt = repository.at()

    async def problem(self, base: CommitId) -> str:
        """Why nothing that is signed here would be believed on that base; empty = it would."""
        return await asyncio.to_thread(self._problem, base)

    def _problem(self, base: CommitId) -> str:
        if not ssh_keygen():
            return "ssh-keygen is not installed: apt install openssh-client"
        trusted = self._trusted(base)
        for name in (FACTORY, SUPERVISOR):
            public = Path(f"{self._key(name)}.pub")
            if not self._key(name).is_file() or not public.is_file():
                return f"this machine has no key for `{name}`: factory init --keys"
            key = public.read_text("utf-8", "replace").split()[1:2]
            if not any(line.startswith(f"{name}@factory.invalid ") and key[0] in line.split() for line in trusted):
                return f"trust/allowed_signers does not know this machine's key for `{name}`: factory init --keys"
        return ""

    def _trusted(self, base: CommitId) -> list[str]:
        if self._trust:
            path = Path(self._trust)
            return path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
        try:
            with self._gate() as gate:
                return Path(gate.base(base).trust).read_text("utf-8", "replace").splitlines()
        except verify.Closed:
            return []

    def _gate(self) -> verify.Gate:
        return verify.Gate(self._repository.checkout, trust=self._trust)

    @property
    def level(self) -> str:
        """How far the evidence made here can be trusted, `G0` or `G3`."""
        public = Path(f"{self._key(SUPERVISOR)}.pub")
        text = public.read_text("utf-8", "replace") if public.is_file() else ""
        level = "G3" if text.startswith("sk-") else "G0"
        assert level in LEVELS
        return level

    def _key(self, signer: str) -> Path:
        if signer == SUPERVISOR and self._supervisor_key:
            return Path(self._supervisor_key).expanduser()
        if signer == CI and self._ci_key:
            return Path(self._ci_key)
        return self._keys / signer

    async def policy(self, commit: CommitId) -> Sha256:
        """Of the home's deciding files at a commit, as the verifier computes it. Raises WorldError."""
        return await asyncio.to_thread(self._policy, commit)

    def _policy(self, commit: CommitId) -> Sha256:
        try:
            with self._gate() as gate:
                return gate.policy(commit)[1]
        except verify.Closed as error:
            raise WorldError(what=f"the policy at {commit[:12]} cannot be read", why=str(error)) from error

    async def sign(self, draft: Draft) -> bytes:
        """One line: the DSSE envelope. Raises WorldError when the signer's key is missing or does not sign."""
        return await asyncio.to_thread(self._sign, draft)

    def _sign(self, draft: Draft) -> bytes:
        key = self._key(draft.signer)
        body = verify.canonical(draft.statement)
        done = subprocess.run(
            [ssh_keygen() or "ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", f"factory.{draft.kind}"],
            input=verify.pre_authentication(verify.PAYLOAD, body),
            env={name: os.environ[name] for name in ("PATH", "SSH_AUTH_SOCK", "HOME", "DISPLAY") if name in os.environ},
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode or not done.stdout:
            raise WorldError(
                what=f"the {draft.kind} of {draft.commit[:12]} could not be signed as {draft.signer}",
                why=done.stderr.decode("utf-8", "replace").strip()[:300],
                next_step=f"look at the key {key}; `factory doctor` says which keys are missing",
            )
        envelope = {
            "payloadType": verify.PAYLOAD,
            "payload": base64.b64encode(body).decode(),
            "signatures": [{"keyid": draft.signer, "sig": base64.b64encode(done.stdout).decode()}],
        }
        return verify.canonical(envelope)

    async def lines(self, commit: CommitId) -> tuple[bytes, ...]:
        """The evidence kept for a commit, line by line."""
        return await asyncio.to_thread(self._lines, commit)

    def _lines(self, commit: CommitId) -> tuple[bytes, ...]:
        answer = self._git.ask("notes", f"--ref={verify.NOTES}", "show", commit)
        return tuple(line for line in answer.out.splitlines() if line.strip()) if answer.code == 0 else ()

    async def keep(self, commit: CommitId, lines: Sequence[bytes]) -> None:
        """Adds what is not there yet; nothing of the note is taken away. Raises WorldError."""
        await asyncio.to_thread(self._keep, commit, tuple(lines))

    def _keep(self, commit: CommitId, lines: tuple[bytes, ...]) -> None:
        there = self._lines(commit)
        new = [line for line in lines if line not in there]
        if new:
            data = b"\n".join([*there, *new]) + b"\n"
            self._git.run("notes", f"--ref={verify.NOTES}", "add", "-f", "-F", "-", commit, stdin=data)

    async def why_closed(self, commit: CommitId) -> tuple[str, ...]:
        """What a third party would say; nothing = the gate is open for it."""
        return (await self.verified(commit))[0]

    async def verified(self, commit: CommitId) -> tuple[tuple[str, ...], str]:
        """The same, and the level that the verifier found; empty = it is closed."""
        return await asyncio.to_thread(self._verified, commit)

    def _verified(self, commit: CommitId) -> tuple[tuple[str, ...], str]:
        try:
            with self._gate() as gate:
                answer = gate.verify(commit)
        except verify.Closed as error:
            return (str(error),), ""
        return tuple(answer.why), answer.level
