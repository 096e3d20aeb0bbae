"""The kinds below HTTP: a connection, a certificate, a name."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from factory_tui.adapters.postdeploy.asking import Ask, Kind
from factory_tui.adapters.postdeploy.judging import GapError, Seen

SECONDS_OF_A_DAY = 86_400


def _port(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number < 65_536:
        raise GapError(f"{value!r} is no port")
    return number


async def tcp(ask: Ask) -> Seen:
    """Whether something listens."""
    host, port = str(ask.run["host"]), _port(ask.run["port"])
    began, note, connected = time.perf_counter(), f"{host}:{port}", False
    try:
        async with asyncio.timeout(ask.timeout):
            _, writer = await asyncio.open_connection(host, port)
        connected = True
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    except OSError as error:  # a TimeoutError too
        note = f"{note}: {error or 'no answer'}"
    elapsed = (time.perf_counter() - began) * 1000
    return Seen(facts={"connected": connected, "elapsed_ms": round(elapsed, 1)}, notes=[note])


async def dns(ask: Ask) -> Seen:
    """Where a name leads."""
    name = str(ask.run["name"])
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(ask.timeout):
            found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return Seen(facts={"addresses": []}, notes=[f"{name}: {error}"])
    return Seen(facts={"addresses": sorted({str(one[4][0]) for one in found})}, notes=[name])


async def tls(ask: Ask) -> Seen:
    """A handshake as a client makes it, with the authorities of this machine or those of `ca_file`."""
    host = str(ask.run["host"])
    port = _port(ask.run["port"])
    try:
        context = trusting(str(ask.names.get("ca_file") or ""), ask)
    except (OSError, ssl.SSLError) as error:
        raise GapError(f"the authorities cannot be read: {error}") from error
    facts: dict[str, Any] = {"handshake": False, "name_matches": False}
    try:
        async with asyncio.timeout(ask.timeout):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        return Seen(facts={**facts, "handshake": True}, notes=[f"not trusted: {error.verify_message}"])
    except OSError as error:  # ssl.SSLError and TimeoutError too
        return Seen(facts=facts, notes=[f"{host}:{port}: {error or 'no answer'}"])
    certificate = writer.get_extra_info("peercert") or {}
    protocol = writer.get_extra_info("ssl_object").version()
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()
    until = str(certificate.get("notAfter", ""))
    facts = {"handshake": True, "name_matches": True, "protocol": protocol}
    if until:
        facts["days_left"] = int((ssl.cert_time_to_seconds(until) - time.time()) // SECONDS_OF_A_DAY)
    return Seen(facts=facts, notes=[f"{host}:{port}, valid until {until}"])


def trusting(ca_file: str, ask: Ask | None = None) -> ssl.SSLContext:
    """Raises OSError or ssl.SSLError when the file cannot be read."""
    path = str(ask.path(ca_file)) if ask and ca_file else ca_file
    return ssl.create_default_context(cafile=path or None)


def is_address(host: str) -> bool:
    """Whether that is an address and no name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, host)
            return True
    return False


def is_plain_loopback(base_url: str) -> bool:
    """Plain HTTP that no other machine can reach."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    return parts.scheme == "http" and (host in {"localhost", "::1"} or (is_address(host) and host.startswith("127.")))


KINDS: dict[str, Kind] = {"tcp": tcp, "tls": tls, "dns": dns}
