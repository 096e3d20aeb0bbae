"""A certificate for the loopback address, and the authority that signed it, from the standard library alone.

For trying a deployment on one machine. Slow, and not made to keep a secret from somebody who measures it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from datetime import datetime, timedelta, timezone
from pathlib import Path

# The curve P-256.
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
EC_KEY, CURVE, SIGNED = "1.2.840.10045.2.1", "1.2.840.10045.3.1.7", "1.2.840.10045.4.3.2"


def add(one, other):
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % P == 0:
        return None
    if one == other:
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(number, point):
    found = None
    while number:
        if number & 1:
            found = add(found, point)
        point = add(point, point)
        number >>= 1
    return found


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    length = bytes([size]) if size < 128 else (lambda b: bytes([128 | len(b)]) + b)(size.to_bytes((size.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + body


def integer(number: int) -> bytes:
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def identifier(text: str) -> bytes:
    first, second, *rest = (int(part) for part in text.split("."))
    out = bytearray([first * 40 + second])
    for number in rest:
        digits = [number & 127]
        while number := number >> 7:
            digits.append(number & 127 | 128)
        out += bytes(reversed(digits))
    return der(6, bytes(out))


def bits(data: bytes, unused: int = 0) -> bytes:
    return der(3, bytes([unused]) + data)


def name(text: str) -> bytes:
    return der(0x30, der(0x31, der(0x30, identifier("2.5.4.3"), der(12, text.encode()))))


def extension(kind: str, value: bytes, critical: bool = False) -> bytes:
    return der(0x30, identifier(kind), der(1, b"\xff") if critical else b"", der(4, value))


def point_bytes(key: int) -> bytes:
    x, y = times(key, G)
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def signature(key: int, data: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
    while True:
        nonce = secrets.randbelow(N - 1) + 1
        r = times(nonce, G)[0] % N
        s = pow(nonce, -1, N) * (digest + r * key) % N
        if r and s:
            return der(0x30, integer(r), integer(s))


def certificate(subject: str, key: int, issuer: str, signer: int, days: float, authority: bool) -> bytes:
    now = datetime.now(timezone.utc)
    moments = (now - timedelta(days=1), now + timedelta(days=days))
    own, theirs = point_bytes(key), point_bytes(signer)
    extensions = [
        extension("2.5.29.14", der(4, hashlib.sha1(own).digest())),
        extension("2.5.29.35", der(0x30, der(0x80, hashlib.sha1(theirs).digest()))),
    ]
    if authority:
        extensions.append(extension("2.5.29.19", der(0x30, der(1, b"\xff")), True))
        extensions.append(extension("2.5.29.15", bits(b"\x06", 1), True))
    else:
        extensions.append(extension("2.5.29.19", der(0x30), True))
        extensions.append(extension("2.5.29.15", bits(b"\x80", 7), True))
        names = der(0x82, subject.encode()), der(0x87, bytes([127, 0, 0, 1]))
        extensions.append(extension("2.5.29.17", der(0x30, *names)))
    algorithm = der(0x30, identifier(SIGNED))
    public = der(0x30, der(0x30, identifier(EC_KEY), identifier(CURVE)), bits(own))
    told = der(
        0x30,
        der(0xA0, integer(2)),
        integer(secrets.randbits(120) | 1),
        algorithm,
        name(issuer),
        der(0x30, *(der(0x17, moment.strftime("%y%m%d%H%M%SZ").encode()) for moment in moments)),
        name(subject),
        public,
        der(0xA3, der(0x30, *extensions)),
    )
    return der(0x30, told, algorithm, bits(signature(signer, told)))


def pem(label: str, data: bytes) -> str:
    text = base64.b64encode(data).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def make(directory: Path, days: float = 90, host: str = "localhost") -> None:
    """Writes ca.pem, key.pem and cert.pem. The certificate is replaced last, so that a reader has a whole one."""
    directory.mkdir(parents=True, exist_ok=True)
    authority, key = secrets.randbelow(N - 1) + 1, secrets.randbelow(N - 1) + 1
    secret = der(0x30, integer(1), der(4, key.to_bytes(32, "big")), der(0xA0, identifier(CURVE)), der(0xA1, bits(point_bytes(key))))
    maker = "Bookings test authority"
    ca = pem("CERTIFICATE", certificate(maker, authority, maker, authority, 365, True))
    (directory / "ca.pem").write_text(ca)
    both = pem("EC PRIVATE KEY", secret) + pem("CERTIFICATE", certificate(host, key, maker, authority, days, False))
    new = directory / "cert.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        file.write(both)
    new.replace(directory / "cert.pem")
