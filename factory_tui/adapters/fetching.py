"""Fetching a page for a seat: the factory asks, the seat gets text, quoted as a stranger's.

Only a plain GET over https, without cookies, proxies or credentials, to hosts of the role's card, redirects included.
An address that names a host of the card and leads into a private network is refused: the name is looked up once, and
what was checked is what is connected to.
"""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from factory_tui.domain.errors import WorldError
from factory_tui.engine.fetch_ports import Fetched

MOST_BYTES = 2_000_000
MOST_REDIRECTS = 3
MOST_CHARACTERS_OF_AN_ADDRESS = 2_000
SECONDS = 30.0
_TEXT = re.compile(r"text/[a-z0-9.+-]+|application/(json|xml|([a-z0-9.-]+\+)(json|xml))")
_NOT_SHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

Resolve = Callable[[str], Sequence[str]]
Dial = Callable[[str, str, float], http.client.HTTPConnection]
"""Host, the address it resolved to, seconds."""


def resolve(host: str) -> Sequence[str]:
    """Raises OSError when there is no such name."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]


def dial(
    host: str, address: str, seconds: float, *, port: int = 443, trust: ssl.SSLContext | None = None
) -> http.client.HTTPConnection:
    """TLS to exactly this address, with a certificate for the host; whom to `trust` is the system's list."""
    return _Pinned(host, address, seconds, port, trust or ssl.create_default_context())


class _Pinned(http.client.HTTPSConnection):
    def __init__(self, host: str, address: str, seconds: float, port: int, trust: ssl.SSLContext) -> None:
        super().__init__(host, timeout=seconds)
        self._address, self._at, self._trust = address, port, trust

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self._at), self.timeout)
        try:
            self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def is_public(address: str) -> bool:
    """Whether it lies in the open network: no loopback, private, link-local or multicast address, however written."""
    try:
        found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast


class UrlFetcher:
    """Satisfies `ports.Fetcher`."""

    def __init__(
        self,
        *,
        resolve: Resolve = resolve,
        dial: Dial = dial,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._resolve, self._dial, self._seconds, self._most_bytes = resolve, dial, seconds, most_bytes

    async def fetch(self, url: str, may_fetch: Callable[[str], bool]) -> Fetched:
        """Raises WorldError saying which limit was in the way."""
        request = _Request(self._resolve, self._dial, time.monotonic() + self._seconds, self._most_bytes)
        try:
            return await asyncio.to_thread(request.follow, url, may_fetch)
        except asyncio.CancelledError:
            request.end()
            raise


class _Request:
    """One fetch, on a thread of its own."""

    def __init__(self, resolve: Resolve, dial: Dial, until: float, most_bytes: int) -> None:
        self._resolve, self._dial, self._until, self._most_bytes = resolve, dial, until, most_bytes
        self._connection: http.client.HTTPConnection | None = None

    def end(self) -> None:
        """From another thread: whatever it waits for fails."""
        self._until = 0.0
        if self._connection is not None and self._connection.sock is not None:
            with suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)

    def follow(self, url: str, may_fetch: Callable[[str], bool]) -> Fetched:
        asked = url
        for _ in range(MOST_REDIRECTS + 1):
            if not may_fetch(url) or len(url) > MOST_CHARACTERS_OF_AN_ADDRESS:
                raise _refused(asked, f"it leads to {url[:200]}, where the card does not go")
            try:
                answer = self._get(url)
            except (OSError, http.client.HTTPException) as error:
                raise _refused(asked, f"{type(error).__name__}: {error}") from error
            if isinstance(answer, Fetched):
                return answer
            url = urljoin(url, answer)
        raise _refused(asked, f"it was sent on more than {MOST_REDIRECTS} times")

    def _get(self, url: str) -> Fetched | str:
        """The text, or where it is sent on to."""
        parts = urlsplit(url)
        host = parts.netloc.lower()
        connection = self._connection = self._dial(host, self._address(url, host), self._left(url))
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Accept": "text/*, application/json", "Accept-Encoding": "identity", "User-Agent": "factory"}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            onward = answer.getheader("Location", "")
            if answer.status in (301, 302, 303, 307, 308) and onward:
                return onward
            if answer.status != 200:
                raise _refused(url, f"the answer is {answer.status} {answer.reason[:80]}")
            kind = answer.headers.get_content_type()
            if not _TEXT.fullmatch(kind) or answer.getheader("Content-Encoding", "identity") != "identity":
                raise _refused(url, f"it is {kind}, and only plain text comes in")
            data, cut = self._read(url, connection, answer)
            return Fetched(host=host, url=url, data=data, text=_text(data, kind, answer.headers), truncated=cut)
        finally:
            connection.close()

    def _address(self, url: str, host: str) -> str:
        addresses = self._resolve(host)
        if private := [address for address in addresses if not is_public(address)]:
            raise _refused(url, f"{host} leads to {private[0]}, which is no public address")
        if not addresses:
            raise _refused(url, f"{host} has no address")
        return addresses[0]

    def _left(self, url: str) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise _refused(url, "it took too long")
        return left

    def _read(
        self, url: str, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
    ) -> tuple[bytes, bool]:
        data = b""
        while len(data) <= self._most_bytes:
            if connection.sock is not None:
                connection.sock.settimeout(self._left(url))
            self._left(url)
            part = answer.read1(65_536)
            if not part:
                return data, False
            data += part
        return data[: self._most_bytes], True


def _refused(url: str, why: str) -> WorldError:
    return WorldError(
        what=f"{url[:200]} was not fetched", why=why, next_step="go on without it, or escalate with what you need"
    )


def _text(data: bytes, kind: str, headers: http.client.HTTPMessage) -> str:
    try:
        text = data.decode(headers.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = data.decode("utf-8", "replace")
    if kind in ("text/html", "application/xhtml+xml"):
        shown = _Shown()
        shown.feed(text)
        shown.close()
        text = "\n".join(line for line in (" ".join(part.split()) for part in shown.parts) if line)
    return _NOT_SHOWN.sub("", text)


class _Shown(HTMLParser):
    """What a reader would see of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "template", "noscript")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "template", "noscript") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)
