"""Keeping secrets out of what is stored, shown or told: values we know first, then shapes of those we do not.

This is hygiene and no wall: whoever holds a secret can write it in a way that nobody finds. Matching is linear in the
text, because it is the seats who write the text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import re2

from factory_tui.domain.harmless import writable
from factory_tui.domain.terms import Change

SHORTEST = 8
"""A known value with fewer characters is not looked for: it would be found everywhere."""

_SHAPES = {
    "aws key": r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
    "github token": r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{60,}",
    "anthropic key": r"\bsk-ant-[A-Za-z0-9_\-]{20,}",
    "secret key": r"\b[sr]k[-_](?:live|test|proj|svcacct|admin|or)[-_][A-Za-z0-9_\-]{20,}|\bsk-[A-Za-z0-9]{32,}",
    "slack token": r"\bxox[abeprs]-[A-Za-z0-9\-]{10,}",
    "google key": r"\bAIza[A-Za-z0-9_\-]{35}",
    "npm token": r"\bnpm_[A-Za-z0-9]{36}",
    "pypi token": r"\bpypi-AgE[A-Za-z0-9_\-]{40,}",
    "gitlab token": r"\bgl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_\-]{20,}",
    "json web token": r"\beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{10,}",
    "hugging face token": r"\bhf_[A-Za-z0-9]{30,}",
    "sendgrid key": r"\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
    "digitalocean token": r"\bdo[opr]_v1_[a-f0-9]{64}",
    "telegram token": r"\b[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}",
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----",
}
_IN_CONTEXT = {
    "password in an address": (r"://[^\s/:@]{1,64}:", r"[^\s/@]{6,}", r"@"),
    "bearer token": (r"(?i:\bbearer )", r"[A-Za-z0-9._~+/\-]{16,}=*", r""),
    "assigned secret": (
        r"(?i:\b[a-z0-9_\-]{0,40}(?:password|passwd|secret|api[_\-]?key|auth[_\-]?token|access[_\-]?token"
        r"|account[_\-]?key|access[_\-]?key|credential)[a-z0-9_]{0,24}[\"']?\s{0,4}(?:=>|:=|[:=])\s{0,4}[\"']?)",
        r"[A-Za-z0-9/+_=.~\-]{12,}",
        r"",
    ),
}
"""What stands before, the secret itself, what stands behind."""
_PRIVATE_END = re2.compile(r"-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----")
_PRIVATE_BEGIN = re2.compile(_SHAPES["private key"])
_MOST_LINES_OF_A_KEY = 200
_PLAIN = re2.compile("|".join(f"(?:{shape})" for shape in _SHAPES.values()))
_BEGINNINGS = (
    (("AKIA", "ASIA", "ABIA", "ACCA"), "aws key"),
    (("gh", "github_"), "github token"),
    (("sk-ant-",), "anthropic key"),
    (("sk", "rk"), "secret key"),
    (("xox",), "slack token"),
    (("AIza",), "google key"),
    (("npm_",), "npm token"),
    (("pypi-",), "pypi token"),
    (("gl",), "gitlab token"),
    (("eyJ",), "json web token"),
    (("hf_",), "hugging face token"),
    (("SG.",), "sendgrid key"),
    (("do",), "digitalocean token"),
    (("-----",), "private key"),
    (("",), "telegram token"),
)
_CONTEXT = tuple(
    (name, re2.compile(f"(?P<before>{before})(?P<secret>{secret})(?P<behind>{behind})"))
    for name, (before, secret, behind) in _IN_CONTEXT.items()
)
_SECOND_LOOK = re2.compile(
    r"(?i)^(?:os\.environ|process\.env|env\.|getenv|settings\.|config\.|self\.|secrets?\.|example|changeme|xxx+|redacted)"
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A secret in a change."""

    path: str
    line: int
    """1-based, in the new file."""
    what: str
    fingerprint: str
    """Names the secret without telling it."""

    def __str__(self) -> str:
        return f"{self.path}: line {self.line} holds a secret ({self.what}, fingerprint {self.fingerprint})"


def fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Redactor:
    """Takes secrets out of text. `known` are names and values that this process holds."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._known: dict[str, str] = {}
        for name, value in (known or {}).items():
            self.learn(name, value)

    def learn(self, name: str, value: str) -> None:
        """From now on this value is taken out, in each of its encodings."""
        pieces = [piece.strip() for piece in value.splitlines()] if "\n" in value else [value.strip()]
        for piece in pieces:
            if len(piece) >= SHORTEST:
                self._known.update((form, name) for form in _forms(piece))
        self._known = dict(sorted(self._known.items(), key=lambda item: -len(item[0])))

    def known(self, text: str) -> str:
        """Only values that we hold: for text that somebody will edit and that must stay as it is otherwise."""
        for form, name in self._known.items():
            if form in text:
                text = text.replace(form, f"[redacted: {name}]")
        return text

    def text(self, text: str) -> str:
        """A whole text."""
        text = self.known(writable(text))
        if _PRIVATE_BEGIN.search(text) is not None:
            stream = _Blocks()
            text = "\n".join(stream.line(line) for line in text.split("\n"))
        return _shaped(text)

    def data(self, data: bytes) -> bytes:
        """Bytes that are mostly text; what is not UTF-8 stays as it is. The same object when nothing was found."""
        encoding = "utf-8"
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            # Every byte a character: what is ASCII is found, and the rest comes back as it was.
            encoding = "latin-1"
            text = data.decode(encoding)
        found = self.text(text)
        return data if found == text else found.encode(encoding)

    def in_change(self, change: Change, allowed: Iterable[str] = (), *, shapes: bool = True) -> Iterator[Found]:
        """Secrets on added lines, at most one each. Without `shapes` only values that we hold."""
        spared = set(allowed)
        for file in change.files:
            for line in file.added:
                for what, secret in self._in_line(line.text, shapes):
                    print_of_it = fingerprint(secret)
                    if print_of_it not in spared:
                        yield Found(path=file.path, line=line.number, what=what, fingerprint=print_of_it)
                        break

    def _in_line(self, line: str, shapes: bool) -> Iterator[tuple[str, str]]:
        for form, name in self._known.items():
            if form in line:
                yield name, form
        if not shapes:
            return
        line = writable(line)
        for match in _PLAIN.finditer(line):
            yield _named(match.group(0)), match.group(0)
        for name, pattern in _CONTEXT:
            for match in pattern.finditer(line):
                if _is_secret(name, match.group("secret")):
                    yield name, match.group("secret")


class Stream:
    """Text that comes in pieces: only whole lines are given out, so that no secret hides between two pieces."""

    LONGEST = 65_536
    """Characters of an unfinished line that are held back; then it is taken out as a whole."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor, self._blocks, self._rest = redactor, _Blocks(), ""

    def take(self, piece: str) -> str:
        """What can be given out now."""
        *lines, self._rest = (self._rest + piece).split("\n")
        out = "".join(f"{self._line(line)}\n" for line in lines)
        if len(self._rest) > self.LONGEST:
            self._rest = ""
            out += "[a line without an end was left out]\n"
        return out

    def end(self) -> str:
        rest, self._rest = self._rest, ""
        return self._line(rest) if rest else ""

    def _line(self, line: str) -> str:
        return _shaped(self._blocks.line(self._redactor.known(writable(line))))


class _Blocks:
    """Takes private keys out, from their first line to their last."""

    def __init__(self) -> None:
        self._left = 0

    def line(self, line: str) -> str:
        if self._left:
            self._left = 0 if _PRIVATE_END.search(line) is not None else self._left - 1
            return "[redacted: private key]"
        begin = _PRIVATE_BEGIN.search(line)
        if begin is None:
            return line
        end = _PRIVATE_END.search(line, begin.end())
        self._left = 0 if end is not None else _MOST_LINES_OF_A_KEY
        return f"{line[: begin.start()]}[redacted: private key]{line[end.end() :] if end is not None else ''}"


def _forms(value: str) -> set[str]:
    data = value.encode("utf-8", "surrogatepass")
    forms = {value, value[::-1], data.hex(), data.hex().upper(), quote(value, safe="")}
    forms |= {"".join(f"%{byte:02X}" for byte in data), "".join(f"%{byte:02x}" for byte in data)}
    for before in range(3):
        # Within a longer text base64 begins at one of three places; what does not depend on the neighbours is kept.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            coded = encode(b"\0" * before + data).decode().rstrip("=")
            cut = (0, 2, 3)[before]
            last = len(coded) if (before + len(data)) % 3 == 0 else len(coded) - 1
            forms.add(coded[cut:last])
    return {form for form in forms if len(form) >= SHORTEST}


def _shaped(text: str) -> str:
    """The text can be written as UTF-8: nothing else can be searched."""
    text = _PLAIN.sub(lambda match: f"[redacted: {_named(match.group(0))}]", text)
    for name, pattern in _CONTEXT:
        text = pattern.sub(_replacement(name), text)
    return text


def _replacement(name: str) -> object:
    def replaced(match: re2._Match[str]) -> str:
        if not _is_secret(name, match.group("secret")):
            return str(match.group(0))
        return f"{match.group('before')}[redacted: {name}]{match.group('behind')}"

    return replaced


def _is_secret(name: str, value: str) -> bool:
    """An assigned word is a secret only when it looks like one, not like code that fetches it."""
    if name != "assigned secret":
        return not value.startswith("[redacted")
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and _SECOND_LOOK.search(value) is None


def _named(secret: str) -> str:
    """Which shape it is. By its beginning: asking the engine for the group takes ten times as long as the search."""
    return next(name for beginning, name in _BEGINNINGS if secret.startswith(beginning))
