"""A hardware key made of software: signs as a token does, and says whether a finger was on it."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import subprocess
from pathlib import Path

from factory_tui.adapters import verify
from factory_tui.domain.attesting import Draft

KIND, APPLICATION = b"sk-ssh-ed25519@openssh.com", b"ssh:"


def _field(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


class HardwareKey:
    def __init__(self, place: Path) -> None:
        self._private = place / "token.pem"
        self._openssl("genpkey", "-algorithm", "ed25519", "-out", str(self._private))
        raw = self._openssl("pkey", "-in", str(self._private), "-pubout", "-outform", "DER")[-32:]
        self._public = _field(KIND) + _field(raw) + _field(APPLICATION)

    def _openssl(self, *words: str) -> bytes:
        return subprocess.run(["openssl", *words], check=True, capture_output=True).stdout

    @property
    def public(self) -> str:
        return f"{KIND.decode()} {base64.b64encode(self._public).decode()}"

    def sign(self, draft: Draft, *, is_touched: bool) -> bytes:
        """One line of evidence."""
        body = verify.canonical(draft.statement)
        space = f"factory.{draft.kind}".encode()
        hashed = hashlib.sha512(verify.pre_authentication(verify.PAYLOAD, body)).digest()
        wanted = b"SSHSIG" + _field(space) + _field(b"") + _field(b"sha512") + _field(hashed)
        told = bytes([int(is_touched)]) + struct.pack(">I", 7)
        message = self._private.with_suffix(".message")
        message.write_bytes(hashlib.sha256(APPLICATION).digest() + told + hashlib.sha256(wanted).digest())
        made = self._openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(self._private), "-in", str(message))
        blob = b"SSHSIG" + struct.pack(">I", 1) + _field(self._public) + _field(space) + _field(b"")
        blob += _field(b"sha512") + _field(_field(KIND) + _field(made) + told)
        text = base64.b64encode(blob).decode()
        armour = f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n".encode()
        envelope = {
            "payloadType": verify.PAYLOAD,
            "payload": base64.b64encode(body).decode(),
            "signatures": [{"keyid": draft.signer, "sig": base64.b64encode(armour).decode()}],
        }
        return verify.canonical(json.loads(json.dumps(envelope)))
