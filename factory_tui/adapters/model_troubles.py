"""What goes wrong between us and a model's server, told by kind: whether it is tried again, and how the turn ends.

A client's errors are told apart by what they carry, not by their classes alone: a stream's error event comes with
status 200, and a cut stream comes as the transport's own exception.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any, Literal

from factory_tui.domain.events import NoticeKind

LONG = 300
"""Characters of a server's words that are shown."""

Ends = Literal["failed", "waiting", "stalled", "truncated", "context"]
"""How the turn ends when it is not tried again, or too often. `context`: it goes on in a fresh turn."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    text: str
    """One line: what happened."""
    ends: Ends
    tries: int = 1
    """How often the request is made in all."""
    kind: NoticeKind = "retry"
    after: float | None = None
    """Seconds the server asks us to wait; None = it did not say."""
    mend: str = ""
    """What the supervisor can do."""


MANY = 5
FEW = 2

_CONTEXT = re.compile(
    r"(?i)prompt is too long|context.{0,20}(length|window|size)|exceeds?.{0,40}context|too many.{0,8}tokens"
)
_BY_TYPE: dict[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


EARLY_END = Trouble(text="the answer ended early, without saying why", ends="truncated", tries=MANY)


def status_of(type_: str) -> int:
    """The status that an error's type stands for, in a stream that has begun with 200; of a word that is not known:
    500."""
    return _BY_TYPE.get(type_, 500)


def trouble_of(error: Exception) -> Trouble | None:
    """None = it is no trouble of the wire but a mistake of ours."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _told_by_server(error, status)
    names = {base.__name__ for kind in (type(error), type(error.__cause__)) for base in kind.__mro__}
    if names & {"ReadTimeout", "WriteTimeout"}:
        return Trouble(text="silence: nothing came for too long", ends="stalled", tries=FEW, kind="stall")
    if names & {"APITimeoutError", "ConnectTimeout", "PoolTimeout"}:
        return Trouble(text="the server did not answer in time", ends="waiting", tries=MANY)
    if "APIConnectionError" in names or "TransportError" in names:
        why = str(error.__cause__ or error) or type(error).__name__
        return Trouble(text=f"the connection broke: {_line(why)}", ends="waiting", tries=MANY)
    if names & {"JSONDecodeError", "APIResponseValidationError", "APIError", "DecodeError"}:
        return Trouble(text=f"the server sent what is no answer: {_line(str(error))}", ends="failed", tries=MANY)
    return None


def _told_by_server(error: Exception, status: int) -> Trouble:
    type_, message = _body(error)
    if 300 <= status < 400:
        mend = "name the address it sends us to as the base_url, if you trust it with the key"
        return Trouble(text=f"the server sends us on to another address ({status})", ends="failed", mend=mend)
    # In a stream, an error comes with the status of the stream: its type is what counts.
    code = _BY_TYPE.get(type_, status) if status < 400 or type_ in _BY_TYPE else status
    told = f"{_line(message) or type_ or 'no reason given'} ({code})"
    match code:
        case 400 | 422 if _CONTEXT.search(message):
            return Trouble(text=f"the context is full: {told}", ends="context")
        case 413:
            return Trouble(text=f"the request is too large: {told}", ends="context")
        case 401:
            return Trouble(
                text=f"the key was refused: {told}", ends="failed", mend="set ANTHROPIC_API_KEY to a valid key"
            )
        case 402 | 403:
            return Trouble(
                text=f"the key may not do this: {told}", ends="failed", mend="look at the account of the key"
            )
        case 404:
            mend = "name another model in factory.toml under [models], or another base_url"
            return Trouble(text=f"the server knows no such model or path: {told}", ends="failed", mend=mend)
        case 429:
            after = _after(error)
            return Trouble(text=f"rate limit: {told}", ends="waiting", tries=MANY, kind="rate limit", after=after)
        case 529:
            return Trouble(text=f"overloaded: {told}", ends="waiting", tries=MANY, after=_after(error))
        case _ if code >= 500 or code in (408, 409):
            return Trouble(text=f"the server failed: {told}", ends="waiting", tries=MANY, after=_after(error))
        case _:
            return Trouble(text=f"the server refused the request: {told}", ends="failed")


def _body(error: Exception) -> tuple[str, str]:
    body: Any = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else {}
    inner = inner if isinstance(inner, dict) else {}
    type_ = inner.get("type") or getattr(error, "type", None) or ""
    message = inner.get("message") or getattr(error, "message", None) or str(error)
    return str(type_), str(message)


def _after(error: Exception) -> float | None:
    return seconds_asked(getattr(getattr(error, "response", None), "headers", {}))


def seconds_asked(headers: Any) -> float | None:
    """How long a server asks us to wait, by the headers of its answer; None = it did not say."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1_000)
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, TypeError, ValueError):
        return None


def in_the_way(status: int, broken: str = "") -> str:
    """What of the world stood in the way, in words that are the same for all turns and seats; empty = it was not the
    world. `broken` says why no whole answer came; empty = one did."""
    if broken:
        return "the connection broke"
    if status == 429:
        return "rate limit"
    if status == 529:
        return "overloaded"
    return "the server failed" if status >= 500 or status in (408, 409) else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:LONG]


def utc_after(seconds: float | None) -> str:
    """When a wait that a server asked for is over, as the ledger writes times; empty = it did not say."""
    if seconds is None:
        return ""
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=min(seconds, 31 * 86_400.0))
    return then.strftime("%Y-%m-%dT%H:%M:%S.000Z")
