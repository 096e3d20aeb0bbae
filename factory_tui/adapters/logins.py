"""What opens a model's endpoint for a seat, and whether it ever did.

A person's own login is never touched: a seat gets a key, or a token that was made for seats. That one of them works is
known only after a call was answered; until then it is unproven, and shown so.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from factory_tui.adapters.secrets import Keys
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.seals import sha256_of

ANTHROPIC = "https://api.anthropic.com"
KEY, TOKEN = "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"
_MOST = 50


@dataclass(frozen=True, kw_only=True)
class Login:
    """One way into one endpoint."""

    kind: Literal["key", "token", "none"]
    base_url: str = ANTHROPIC
    credential: str = field(default="", repr=False)

    @property
    def variable(self) -> str:
        """How a program is told of it."""
        return TOKEN if self.kind == "token" else KEY

    @property
    def sha256(self) -> str:
        """Tells logins apart without telling them."""
        return sha256_of({"kind": self.kind, "base_url": self.base_url, "credential": self.credential})


def find_login(keys: Keys, environment: Mapping[str, str]) -> Login | None:
    """A key before a token; a server of the user's own may need neither. None: there is nothing to go in with."""
    base_url = environment.get("ANTHROPIC_BASE_URL", "").rstrip("/") or ANTHROPIC
    if key := keys.get(KEY):
        return Login(kind="key", base_url=base_url, credential=key)
    if token := keys.get(TOKEN):
        return Login(kind="token", base_url=base_url, credential=token)
    return Login(kind="none", base_url=base_url) if base_url != ANTHROPIC else None


def must_stay_private(base_url: str, credential: str) -> None:
    """Raises FactoryError where a credential would cross a network in the clear."""
    parts = urlsplit(base_url)
    if credential and parts.scheme != "https" and not is_this_machine(parts.hostname or ""):
        raise FactoryError(
            what=f"the credential for {base_url} would be sent in the clear",
            why="over plain http everybody on the way reads it",
            next_step="name an https address; or a server on this machine, for instance the end of an `ssh -L` tunnel",
        )


def is_this_machine(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class ProvenLogins:
    """A file of the state place: which logins were answered, and when. Nothing secret is in it."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def since(self, login: Login) -> str:
        """When it was first answered; empty = it is unproven."""
        return self._read().get(login.sha256, "")

    def prove(self, login: Login, at: str) -> None:
        """A call with it was answered."""
        known = self._read()
        if login.sha256 not in known:
            kept = dict(sorted({**known, login.sha256: at}.items(), key=lambda one: one[1])[-_MOST:])
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            fresh.write_text(json.dumps(kept, indent=1))
            fresh.replace(self._path)

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(key): str(at) for key, at in found.items()} if isinstance(found, dict) else {}
