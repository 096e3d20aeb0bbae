"""A model's endpoint as a seat's way out sees it: what may be called there, and which headers pass."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

PATHS = frozenset({"/v1/messages", "/v1/messages/count_tokens"})
TOOLS_PATH = "/factory/tools"
"""Where the factory itself answers an enclosed agent: what is posted there never leaves this machine."""
QUERIES = frozenset({"", "beta=true"})
KEY_HEADERS = (b"x-api-key", b"x-goog-api-key")
"""Where endpoints look for a key, beside `authorization`."""
_PLAIN_QUERY = re.compile(r"[A-Za-z0-9_.=&$-]{0,200}")
NOT_FORWARDED = frozenset(
    {
        b"host",
        b"connection",
        b"content-length",
        b"transfer-encoding",
        b"accept-encoding",
        b"authorization",
        *KEY_HEADERS,
        b"cookie",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
        b"keep-alive",
        b"expect",
        b"forwarded",
    }
)
NOT_ANSWERED = frozenset(
    {b"connection", b"content-length", b"transfer-encoding", b"keep-alive", b"set-cookie", b"location", b"trailer"}
)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the model answers, and what opens it."""

    base_url: str
    """`https://api.anthropic.com`, without `/v1`."""
    credential: str = field(default="", repr=False)
    """Key or token; empty for a server that asks for none."""
    paths: tuple[str, ...] = ()
    """What may be called there instead, `*` at the end = everything below; empty = `PATHS`."""

    def takes(self, method: bytes, path: str, query: str) -> bool:
        """Whether a call is part of the way out."""
        if not self.paths:
            return method == b"POST" and path in PATHS and query in QUERIES
        if method not in (b"POST", b"GET") or ".." in path or "%" in path or not _PLAIN_QUERY.fullmatch(query):
            return False
        # A key in an address would be the stand-in: it opens nothing there.
        return "key=" not in query and any(
            path.startswith(one[:-1]) if one.endswith("*") else path == one for one in self.paths
        )
